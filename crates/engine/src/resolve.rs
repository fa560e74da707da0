//! What the `ld_imm64` of a program name: maps, kernel variables, functions. Opcodes are checked on the way.

use std::sync::Arc;

use verdict_btf::{Kind, TypeId};
use verdict_isa::{Insn, Malformed, Point, class, mode, op, pseudo, resolve_fault, size};
use verdict_kernel::attr::MapId;
use verdict_kernel::ctx;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{AcquireRelease, InstructionSet, MapChecks, TypedFunctions};
use verdict_kernel::semantics::log::CallWords;
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::map::flags;
use verdict_syscall::{FieldMask, Map};

use crate::error::{Failure, Res, reject, say};
use crate::index::{InsnIdx, MapIdx};
use crate::observer::Observer;
use crate::program::Imm64;
use crate::state::BtfHandle;
use crate::transfer::{MAX_VAR_OFF, malformed_rule};
use crate::verifier::Verifier;

/// Section of the kernel's per-CPU variables.
const PERCPU_SECTION: &str = ".data..percpu";

impl<O: Observer> Verifier<'_, O> {
    /// Atomic instructions smaller than 4 bytes are none unless there are such that acquire and release.
    fn unknown_atomic(&self, insn: &Insn) -> Option<Malformed> {
        let atomic = insn.class() == class::STX && insn.mode() == mode::ATOMIC;
        let small = matches!(insn.size(), size::B | size::H);
        let unknown = self.env.kernel.semantics.control.acquire_release == AcquireRelease::Unknown;
        (atomic && small && unknown).then_some(Malformed::UnknownOpcode(insn.code))
    }

    /// An instruction that this kernel does not know, if that is noticed here.
    fn unknown_insn(&self, at: InsnIdx) -> Option<Malformed> {
        match self.program.ops.get(at) {
            Some(Err(fault)) if fault.point() == Point::Resolve => Some(*fault),
            _ => None,
        }
    }

    /// An instruction that was given a meaning only later, where this kernel is before that.
    fn unknown_before_v3(&self, insn: &Insn) -> Option<Malformed> {
        if self.env.kernel.semantics.control.instruction_set != InstructionSet::V3Xadd {
            return None;
        }
        match insn.class() {
            class::STX if insn.imm != 0 => Some(Malformed::Stx),
            class::LD if insn.is_ld_imm64() && insn.src > pseudo::BTF_ID => Some(Malformed::LdImm64Kind),
            class::JMP32 if insn.op() == op::JA => Some(Malformed::UnknownOpcode(insn.code)),
            _ => None,
        }
    }

    /// Resolves all `ld_imm64` (`resolve_pseudo_ldimm64`).
    pub(crate) fn resolve_imm64(&mut self) -> Res<()> {
        let mut i = InsnIdx(0);
        while let Some(insn) = self.program.insns.get(i).copied() {
            self.resolve_insn(i, insn).map_err(|failure| failure.at(i))?;
            i = if insn.is_ld_imm64() {
                i.next().next()
            } else {
                i.next()
            };
        }
        self.program.used_maps = self.program.maps.len();
        Ok(())
    }

    fn resolve_insn(&mut self, at: InsnIdx, insn: Insn) -> Res<()> {
        let next = self.program.insns.get(at.next()).copied();
        let unknown = self
            .unknown_before_v3(&insn)
            .or_else(|| self.unknown_atomic(&insn))
            .or_else(|| self.unknown_insn(at));
        if let Some(fault) = unknown.or_else(|| resolve_fault(&insn, next.as_ref())) {
            reject!((malformed_rule(fault)), EINVAL, "{fault}\n");
        }
        if insn.is_ld_imm64() {
            self.resolve_one(at, insn, next.map_or(0, |half| half.imm))?;
        }
        Ok(())
    }

    fn resolve_one(&mut self, at: InsnIdx, insn: Insn, second_imm: i32) -> Res<()> {
        match insn.src {
            0 => Ok(()),
            pseudo::BTF_ID => {
                let var = self.resolve_btf_var(insn.imm as u32, second_imm)?;
                self.set_imm64(at, var);
                Ok(())
            }
            pseudo::FUNC => {
                if let Some(aux) = self.program.aux.get_mut(at) {
                    aux.ptr_type = Some(RegType::new(RegBase::Func, Flags::NONE));
                }
                Ok(())
            }
            pseudo::MAP_IDX | pseudo::MAP_IDX_VALUE => {
                reject!(MapReference, EPROTO, "fd_idx without fd_array is invalid\n")
            }
            _ => self.resolve_map(at, insn, second_imm),
        }
    }

    fn set_imm64(&mut self, at: InsnIdx, found: Imm64) {
        if let Some(aux) = self.program.aux.get_mut(at) {
            aux.imm64 = found;
        }
    }

    fn resolve_map(&mut self, at: InsnIdx, insn: Insn, off: i32) -> Res<()> {
        let known = self.program.maps.end();
        let index = self.add_used_map(at, insn.imm)?;
        let map = Arc::clone(&self.program.maps[index]);
        self.check_map_compatible(&map)?;
        if insn.src == pseudo::MAP_VALUE {
            let off = off as u32;
            check_direct_value(&map, off)?;
            self.set_imm64(at, Imm64::MapValue { map: index, off });
        } else {
            self.set_imm64(at, Imm64::Map { map: index });
        }
        if index < known {
            Ok(())
        } else {
            self.check_once(&map)
        }
    }

    /// The index of a map among those that the program uses (`add_used_map_from_fd`).
    fn add_used_map(&mut self, at: InsnIdx, fd: i32) -> Res<MapIdx> {
        let stray = self.program.prog.stray_fds.binary_search(&at.0).is_ok();
        let id = u32::try_from(fd).ok().filter(|_| !stray);
        let Some(map) = id.and_then(|id| self.program.prog.map(MapId(id))) else {
            // The standard streams are open, but no maps.
            let odd = &self.program.prog.odd_fds;
            let odd = odd
                .iter()
                .find(|(place, _)| *place == at.0)
                .map(|(_, errno)| *errno);
            if odd == Some(Errno::EFAULT) {
                reject!(MapReference, EFAULT);
            }
            if (0..=2).contains(&fd) || odd.is_some() {
                reject!(MapReference, EINVAL, "fd {fd} is not pointing to valid bpf_map\n");
            }
            reject!(MapReference, EBADF, "fd {fd} is not pointing to valid bpf_map\n");
        };
        let known = self.program.maps.position(|known| Arc::ptr_eq(known, map));
        if let Some(index) = known {
            return Ok(index);
        }
        let limit = self.env.kernel.limits.used_maps;
        if self.program.maps.len() >= limit as usize {
            if self.env.kernel.semantics.log.call_words != CallWords::Later {
                reject!(ProgramLimits, E2BIG);
            }
            reject!(
                ProgramLimits,
                E2BIG,
                "The total number of maps per program has reached the limit of {limit}\n"
            );
        }
        Ok(self.intern_map(map))
    }

    /// Whether a program of this type may use such a map (`check_map_prog_compatibility`).
    fn check_map_compatible(&mut self, map: &Map) -> Res<()> {
        let prog_type = self.program.prog.prog_type;
        let rule = self.env.kernel.semantics.control.map_checks;
        let is_writable = prog_type == ProgType::RawTracepointWritable;
        let tracing = ctx::is_tracing(prog_type) && !(is_writable && rule == MapChecks::Allocation);
        if rule == MapChecks::Allocation {
            self.check_allocation(map, tracing)?;
        }
        let has = |field| map.has_field(field);
        if tracing && has(FieldMask::GRAPH_ROOT) {
            reject!(
                MapForProgram,
                EINVAL,
                "tracing progs cannot use bpf_{{list_head,rb_root}} yet\n"
            );
        }
        let lock_refused = match rule {
            // The words name those alone that trace.
            _ if tracing => Some("tracing"),
            MapChecks::Allocation if prog_type == ProgType::SocketFilter => Some("tracing"),
            MapChecks::SleepingLocks | MapChecks::Locks if prog_type == ProgType::SocketFilter => {
                Some("socket filter")
            }
            MapChecks::SleepingLocks if self.program.prog.sleepable => Some("sleepable"),
            MapChecks::Allocation | MapChecks::SleepingLocks | MapChecks::Locks => None,
        };
        if let Some(who) = lock_refused.filter(|_| has(FieldMask::LOCK)) {
            reject!(
                MapForProgram,
                EINVAL,
                "{who} progs cannot use bpf_spin_lock yet\n"
            );
        }
        if tracing && has(FieldMask::TIMER) {
            reject!(MapForProgram, EINVAL, "tracing progs cannot use bpf_timer yet\n");
        }
        if tracing && has(FieldMask::WORKQUEUE) {
            reject!(MapForProgram, EINVAL, "tracing progs cannot use bpf_wq yet\n");
        }
        if map.map_type == MapType::StructOps {
            reject!(
                MapForProgram,
                EINVAL,
                "bpf_struct_ops map cannot be used in prog\n"
            );
        }
        if self.program.prog.sleepable {
            if !self.env.kernel.sleepable_map(map.map_type) {
                let words = self.env.kernel.sleepable_map_words();
                reject!(SleepableMap, EINVAL, "{words}\n");
            }
            if rule == MapChecks::Allocation && allocates_late(map) {
                reject!(
                    SleepableMap,
                    EINVAL,
                    "Sleepable programs can only use preallocated hash maps\n"
                );
            }
        }
        Ok(())
    }

    /// Programs that trace had better not use tables that allocate at run time, and must not in interrupts that cannot
    /// be masked.
    fn check_allocation(&mut self, map: &Map, tracing: bool) -> Res<()> {
        if !tracing || !allocates_late(map) {
            return Ok(());
        }
        if self.program.prog.prog_type == ProgType::PerfEvent {
            reject!(
                MapForProgram,
                EINVAL,
                "perf_event programs can only use preallocated hash map\n"
            );
        }
        say!(
            self,
            "trace type programs with run-time allocated hash maps are unsafe. Switch to preallocated hash maps.\n"
        );
        Ok(())
    }

    /// Maps of which a program has one only. The map is the last of `maps`.
    fn check_once(&self, map: &Map) -> Res<()> {
        let others = self
            .program
            .maps
            .as_slice()
            .split_last()
            .map_or(&[][..], |(_, others)| others);
        let another = others.iter().any(|other| other.map_type == map.map_type);
        match map.map_type {
            MapType::CgroupStorage | MapType::PercpuCgroupStorage if another => {
                reject!(
                    ProgramLimits,
                    EBUSY,
                    "only one cgroup storage of each type is allowed\n"
                )
            }
            MapType::Arena if another => reject!(ProgramLimits, EBUSY, "Only one arena per program\n"),
            MapType::Arena if !self.env.kernel.machine.jit.enabled => {
                reject!(JitRequired, EOPNOTSUPP, "JIT is required to use arena\n")
            }
            MapType::Arena if !self.env.kernel.machine.jit.arena => {
                reject!(JitRequired, EOPNOTSUPP, "JIT doesn't support arena\n")
            }
            // The loader has mapped an arena before it loads programs, so it has a user address.
            _ => Ok(()),
        }
    }

    /// Whether the program uses an arena.
    pub(crate) fn has_arena(&self) -> bool {
        self.program
            .maps
            .iter()
            .take(self.program.used_maps)
            .any(|map| map.map_type == MapType::Arena)
    }

    /// A kernel variable or function (`check_pseudo_btf_id`).
    fn resolve_btf_var(&self, id: u32, module: i32) -> Res<Imm64> {
        let control = &self.env.kernel.semantics.control;
        let variables_only = control.typed_functions == TypedFunctions::Refused;
        // The instruction has named modules since Linux 5.12, as long as there have been atomics.
        if module != 0 && control.instruction_set == InstructionSet::V3Xadd {
            reject!(
                KernelSymbol,
                EINVAL,
                "reserved field (insn[1].imm) is used in pseudo_btf_id ldimm64 insn.\n"
            );
        }
        if module != 0 {
            reject!(KernelSymbol, EINVAL, "invalid module BTF object FD specified.\n");
        }
        let btf = &self.env.kernel.btf;
        let Some(ty) = btf.ty(TypeId(id)) else {
            reject!(
                KernelSymbol,
                ENOENT,
                "ldimm64 insn specifies invalid btf_id {}.\n",
                id as i32
            );
        };
        if variables_only && ty.kind() != Kind::Var {
            reject!(
                KernelSymbol,
                EINVAL,
                "pseudo btf_id {} in ldimm64 isn't KIND_VAR.\n",
                id as i32
            );
        }
        if !matches!(ty.kind(), Kind::Var | Kind::Func) {
            reject!(
                KernelSymbol,
                EINVAL,
                "pseudo btf_id {} in ldimm64 isn't KIND_VAR or KIND_FUNC\n",
                id as i32
            );
        }
        let name = ty.name();
        if self.env.kernel.ksym(name).is_none() {
            reject!(
                KernelSymbol,
                ENOENT,
                "ldimm64 failed to find the address for kernel symbol '{name}'.\n"
            );
        }
        if ty.kind() == Kind::Func {
            return Ok(plain_memory(0));
        }
        let section = btf.find(PERCPU_SECTION, Kind::DataSec).and_then(|id| btf.ty(id));
        let percpu = section.is_some_and(|section| section.vars().any(|var| var.ty == ty.id()));
        let Some(target) = btf.skip_mods_and_typedefs(ty.target()) else {
            return Err(Failure::bug("a kernel variable without a type"));
        };
        if !percpu && !target.is_composite() {
            let Some(size) = btf.resolve_size(target.id()) else {
                let name = target.name();
                reject!(
                    KernelSymbol,
                    EINVAL,
                    "ldimm64 unable to resolve the size of type '{name}': -22\n"
                );
            };
            return Ok(plain_memory(size));
        }
        let flags = if percpu { Flags::PERCPU } else { Flags::NONE };
        let reg_type = RegType::new(RegBase::BtfId, flags);
        Ok(Imm64::BtfVar {
            ty: reg_type,
            btf: BtfHandle::VMLINUX,
            btf_id: ty.target().0,
            mem_size: 0,
        })
    }
}

/// Whether elements of a table, or of the tables in it, are allocated when they are added (`is_preallocated_map`).
fn allocates_late(map: &Map) -> bool {
    let late = |map: &Map| {
        let table = matches!(
            map.map_type,
            MapType::Hash | MapType::PercpuHash | MapType::HashOfMaps
        );
        table && map.flags & flags::NO_PREALLOC != 0
    };
    late(map) || map.inner.as_deref().is_some_and(late)
}

/// Whether a byte of a map's only value can be addressed.
fn check_direct_value(map: &Map, off: u32) -> Res<()> {
    if i64::from(off) >= MAX_VAR_OFF {
        reject!(
            DirectValue,
            EINVAL,
            "direct value offset of {off} is not allowed\n"
        );
    }
    if !map.has_direct_value() {
        reject!(
            DirectValue,
            EINVAL,
            "no direct value access support for this map type\n"
        );
    }
    map.direct_value_addr(off).map_err(|errno| {
        let size = map.value_size;
        let text = format!("invalid access to map value pointer, value_size={size} off={off}\n");
        Failure::rejected(Rule::DirectValue, errno, text)
    })
}

fn plain_memory(size: u32) -> Imm64 {
    Imm64::BtfVar {
        ty: RegType::new(RegBase::Mem, Flags::RDONLY),
        btf: BtfHandle::NONE,
        btf_id: 0,
        mem_size: size,
    }
}
