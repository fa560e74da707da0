//! Memory of maps and programs, where a kernel charges it against `RLIMIT_MEMLOCK` of the user (before Linux 5.11):
//! `bpf_map_charge_init` and `bpf_prog_charge_memlock` of `kernel/bpf/syscall.c`, and what each map type asks for in its
//! `map_alloc`. Sizes of the kernel's structs are those of its BTF.
//!
//! What else the user has locked does not count, nor what the loader closed a moment ago, which the kernel gives back
//! somewhat later.

use verdict_btf::Kind;
use verdict_isa::{Insn, class, mode, op};
use verdict_kernel::attr::MapCreate;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, By, Rule};
use verdict_kernel::semantics::control::BpfMemory;
use verdict_kernel::{Capabilities, Kernel};

use crate::map::{flags, hash_entries};

/// What was charged so far, in pages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    locked: u64,
    /// Whether a program was charged that may not fit any more when the kernel has rewritten it.
    tight: bool,
}

/// Who makes maps and programs.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// What it may do.
    pub(crate) capabilities: Capabilities,
    /// What it has locked.
    pub(crate) memory: Memory,
}

impl Process {
    /// One that has made nothing.
    pub(crate) fn new(kernel: &Kernel) -> Process {
        Process {
            capabilities: kernel.machine.capabilities,
            memory: Memory::default(),
        }
    }
}

/// Pages that were charged, to be given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages(pub(crate) u64);

/// Pages that libbpf's trials may take between the creation of maps and the load of a program, at most: it tries out
/// features by small maps and programs, and the kernel gives their pages back somewhat after they were closed.
const TRIALS: u64 = 16;

/// The most instructions that the kernel puts in the place of one (`insn_buf` of `convert_ctx_accesses` and
/// `fixup_bpf_calls`, with room for what is added around them), and at the beginning of the program.
const MOST_FOR_ONE: u64 = 24;

impl Memory {
    /// Charges a new map.
    ///
    /// # Errors
    /// When it costs more than can be counted, or more than the user may lock.
    pub(crate) fn charge_map(
        &mut self,
        kernel: &Kernel,
        map_type: MapType,
        attr: &MapCreate,
    ) -> Result<Pages, Broken> {
        if kernel.semantics.control.bpf_memory == BpfMemory::Memcg {
            return Ok(Pages::default());
        }
        let cost = cost(kernel, map_type, attr).ok_or(Rule::MapAttributes.with(Errno::E2BIG))?;
        // Some types have their own error for all that is wrong with the cost.
        let error = |errno| match map_type {
            MapType::Devmap | MapType::DevmapHash => Errno::EINVAL,
            MapType::Sockhash if errno == Errno::E2BIG => Errno::EINVAL,
            _ => errno,
        };
        let page_size = kernel.machine.page_size.max(1);
        if cost >= u64::from(u32::MAX - page_size) {
            return Err(Rule::MapAttributes.with(error(Errno::E2BIG)));
        }
        let pages = cost.div_ceil(page_size.into());
        self.charge(kernel, pages)
            .map_err(|errno| Rule::MemoryLock.with(error(errno)))
    }

    /// Charges a program as it is handed to the kernel. What is added to it while it is rewritten is charged then.
    ///
    /// # Errors
    /// When it does not fit.
    pub(crate) fn charge_program(&mut self, kernel: &Kernel, insns: &[Insn]) -> Result<(), Broken> {
        if kernel.semantics.control.bpf_memory == BpfMemory::Memcg {
            return Ok(());
        }
        let pages = |len: u64| program_pages(kernel, len);
        let len = insns.len() as u64;
        self.charge(kernel, pages(len)).by(Rule::MemoryLock)?;
        let grown = insns.iter().filter(|insn| may_grow(insn)).count() as u64;
        let most = len + (grown + 1).saturating_mul(MOST_FOR_ONE);
        let room = limit(kernel).saturating_sub(self.locked);
        self.tight |= room < pages(most) - pages(len) + TRIALS;
        Ok(())
    }

    /// Whether it cannot be said if everything fits in the end.
    pub(crate) fn is_tight(&self) -> bool {
        self.tight
    }

    fn charge(&mut self, kernel: &Kernel, pages: u64) -> Result<Pages, Errno> {
        let locked = self.locked.saturating_add(pages);
        if locked > limit(kernel) {
            return Err(Errno::EPERM);
        }
        self.locked = locked;
        Ok(Pages(pages))
    }

    /// Gives back what was charged.
    pub(crate) fn give_back(&mut self, Pages(pages): Pages) {
        self.locked = self.locked.saturating_sub(pages);
    }
}

/// The user's limit in pages.
fn limit(kernel: &Kernel) -> u64 {
    let bytes = kernel.machine.memlock.unwrap_or(u64::MAX);
    bytes / u64::from(kernel.machine.page_size.max(1))
}

/// Whether the kernel may put several instructions in this one's place: accesses to contexts, calls, divisions, loads
/// from packets.
fn may_grow(insn: &Insn) -> bool {
    match insn.class() {
        class::LDX | class::ST | class::STX => true,
        class::LD => insn.mode() != mode::IMM,
        class::JMP => insn.op() == op::CALL,
        class::ALU | class::ALU64 => matches!(insn.op(), op::DIV | op::MOD),
        _ => false,
    }
}

/// Pages of a program of so many instructions (`bpf_prog_alloc`).
pub(crate) fn program_pages(kernel: &Kernel, len: u64) -> u64 {
    let bytes = size_of(kernel, "bpf_prog").saturating_add(len.saturating_mul(Insn::SIZE as u64));
    bytes.div_ceil(u64::from(kernel.machine.page_size.max(1)))
}

/// Bytes of a struct of the kernel; its BTF has all that are asked for here.
pub(crate) fn size_of(kernel: &Kernel, name: &str) -> u64 {
    let found = kernel
        .btf
        .find(name, Kind::Struct)
        .and_then(|id| kernel.btf.ty(id));
    found.map_or(0, |ty| u64::from(ty.size()))
}

/// Bytes of a pointer.
pub(crate) const POINTER: u64 = 8;

/// What a map costs in bytes; `None` is more than can be counted.
fn cost(kernel: &Kernel, map_type: MapType, attr: &MapCreate) -> Option<u64> {
    let size = |name| size_of(kernel, name);
    let entries = u64::from(attr.max_entries);
    let (key, value) = (u64::from(attr.key_size), u64::from(attr.value_size));
    let cpus = u64::from(kernel.machine.nr_cpus);
    let (even_key, even_value) = (key.next_multiple_of(8), value.next_multiple_of(8));
    let table = |one: u64| entries.checked_mul(one);
    match map_type {
        MapType::Array if attr.map_flags & flags::MMAPABLE != 0 => {
            let page = u64::from(kernel.machine.page_size.max(1));
            let values = table(even_value)?.checked_next_multiple_of(page)?;
            size("bpf_array").next_multiple_of(page).checked_add(values)
        }
        MapType::Array
        | MapType::ProgArray
        | MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps => table(even_value)?.checked_add(size("bpf_array")),
        MapType::PercpuArray => {
            let values = table(even_value)?.checked_mul(cpus)?;
            values
                .checked_add(table(POINTER)?)?
                .checked_add(size("bpf_array"))
        }
        MapType::Hash | MapType::LruHash | MapType::HashOfMaps => {
            let entries = u64::from(hash_entries(kernel, attr));
            let element = size("htab_elem") + even_key + even_value;
            buckets(entries, size("bucket"))?
                .checked_add(entries.checked_mul(element)?)?
                .checked_add(element.checked_mul(cpus)?)
        }
        MapType::PercpuHash | MapType::LruPercpuHash => {
            let entries = u64::from(hash_entries(kernel, attr));
            let element = size("htab_elem") + even_key + POINTER + even_value.checked_mul(cpus)?;
            buckets(entries, size("bucket"))?.checked_add(entries.checked_mul(element)?)
        }
        MapType::StackTrace => {
            let elements = table(size("stack_map_bucket") + value)?;
            (size("bpf_stack_map") + buckets(entries, POINTER)?).checked_add(elements)
        }
        MapType::LpmTrie => {
            let data = key.saturating_sub(size("bpf_lpm_trie_key"));
            table(size("lpm_trie_node") + value + data)?.checked_add(size("lpm_trie"))
        }
        MapType::Devmap | MapType::Cpumap | MapType::Sockmap => table(POINTER),
        MapType::DevmapHash => buckets(entries, size("hlist_head")),
        MapType::Xskmap => table(POINTER)?.checked_add(size("xsk_map")),
        MapType::ReuseportSockarray => table(POINTER)?.checked_add(size("reuseport_array")),
        MapType::Sockhash => {
            let elements = table(size("bpf_shtab_elem") + even_key)?;
            buckets(entries, size("bpf_shtab_bucket"))?.checked_add(elements)
        }
        MapType::Queue | MapType::Stack => {
            let values = (entries + 1).checked_mul(value)?;
            values.checked_add(size("bpf_queue_stack"))
        }
        MapType::Ringbuf => Some(size("bpf_ringbuf_map") + size("bpf_ringbuf") + entries),
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => Some(size("bpf_cgroup_storage_map")),
        MapType::SkStorage | MapType::InodeStorage => {
            let buckets = cpus.max(2).checked_next_power_of_two()?;
            Some(buckets * size("bpf_local_storage_map_bucket") + size("bpf_local_storage_map"))
        }
        MapType::StructOps => Some(struct_ops(kernel, attr)),
        // No kernel that charges has them.
        MapType::Unspec
        | MapType::TaskStorage
        | MapType::CgrpStorage
        | MapType::BloomFilter
        | MapType::UserRingbuf
        | MapType::Arena => Some(0),
    }
}

/// Bytes of a hash's buckets, whose number is a power of two.
pub(crate) fn buckets(entries: u64, one: u64) -> Option<u64> {
    entries.checked_next_power_of_two()?.checked_mul(one)
}

/// A map of operations has its value twice, of the second one only the size of its size is counted, and a pointer for each
/// member of the struct.
fn struct_ops(kernel: &Kernel, attr: &MapCreate) -> u64 {
    let value = attr
        .btf_vmlinux_value_type_id
        .and_then(|id| crate::struct_ops::find_value(kernel, id));
    let members = value
        .and_then(|value| value.members().last())
        .and_then(|data| data.type_())
        .map_or(0, |ops| ops.members().count() as u64);
    let head = size_of(kernel, "bpf_struct_ops_value");
    size_of(kernel, "bpf_struct_ops_map")
        + u64::from(attr.value_size).saturating_sub(head)
        + 4
        + members * POINTER
}
