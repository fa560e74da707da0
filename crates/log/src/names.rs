//! Names and addresses in instructions.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

use verdict_btf::{Kind, TypeId};
use verdict_isa::{Insn, Names, pseudo};
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapId;
use verdict_kernel::map::MapType;
use verdict_kernel::semantics::control::InstructionSet;
use verdict_syscall::Prog;

/// Section of the kernel's per-CPU variables.
const PERCPU_SECTION: &str = ".data..percpu";
/// The structure that lies at its start where the section begins at 0.
const FIRST_AT_ZERO: &str = "fixed_percpu_data";
/// Stands for an address of the kernel, which differs from boot to boot.
const KERNEL_ADDRESS: u64 = 0xff00_0000_0000_0000;
/// Stands for where an arena that asks for no address is mapped, which differs from run to run.
const ARENA_ADDRESS: u64 = 0x7f00_0000_0000;

/// Where the kernel's per-CPU variables lie in each CPU's area; found out when the first is needed.
pub(crate) type PercpuOffsets = OnceCell<BTreeMap<TypeId, u32>>;

/// Names and addresses that the log has in instructions.
pub(crate) struct LogNames<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) prog: &'a Prog,
    pub(crate) percpu: &'a PercpuOffsets,
}

impl LogNames<'_> {
    /// The value that the kernel put in place of a variable's BTF id: per-CPU variables have an offset.
    fn variable(&self, id: u32) -> u64 {
        let offsets = self.percpu.get_or_init(|| percpu_offsets(self.kernel));
        offsets
            .get(&TypeId(id))
            .map_or(KERNEL_ADDRESS, |offset| u64::from(*offset))
    }

    /// The address of a byte of a map's value: an arena's is one of user space.
    fn map_value(&self, fd: i32, off: u64) -> u64 {
        let map = u32::try_from(fd).ok().and_then(|fd| self.prog.map(MapId(fd)));
        match map {
            Some(map) if map.map_type == MapType::Arena => {
                let start = if map.extra == 0 { ARENA_ADDRESS } else { map.extra };
                start.wrapping_add(off)
            }
            _ => KERNEL_ADDRESS,
        }
    }
}

/// Empty where variables have addresses as others have, instead of offsets from 0. The structure for which x86
/// reserved the first bytes tells: it went when the section began to have addresses.
fn percpu_offsets(kernel: &Kernel) -> BTreeMap<TypeId, u32> {
    let btf = &kernel.btf;
    if btf.find(FIRST_AT_ZERO, Kind::Struct).is_none() {
        return BTreeMap::new();
    }
    let section = btf.find(PERCPU_SECTION, Kind::DataSec).and_then(|id| btf.ty(id));
    section
        .into_iter()
        .flat_map(|section| section.vars())
        .map(|var| (var.ty, var.offset))
        .collect()
}

/// The name of a helper.
pub(crate) fn kernel_helper(kernel: &Kernel, id: i32) -> Option<&'static str> {
    kernel.helper_name(u32::try_from(id).ok()?)
}

/// The name of the kernel function that an instruction calls; where programs cannot call any, a helper's of that number.
pub(crate) fn kernel_kfunc<'k>(kernel: &'k Kernel, insn: &Insn) -> Option<&'k str> {
    if kernel.semantics.control.instruction_set == InstructionSet::V3Xadd {
        return Some(kernel_helper(kernel, insn.imm).unwrap_or("unknown"));
    }
    let ty = kernel.btf.ty(TypeId(u32::try_from(insn.imm).ok()?))?;
    Some(ty.name())
}

impl Names for LogNames<'_> {
    fn helper(&self, id: i32) -> Option<&str> {
        kernel_helper(self.kernel, id)
    }

    fn kfunc(&self, insn: &Insn) -> Option<&str> {
        kernel_kfunc(self.kernel, insn)
    }

    fn other_call(&self, insn: &Insn) -> Option<&str> {
        // Whatever calls no function of the program was a helper's call once.
        let old = self.kernel.semantics.control.instruction_set == InstructionSet::V3Xadd;
        kernel_helper(self.kernel, insn.imm).filter(|_| old)
    }

    fn imm64(&self, insn: &Insn, imm: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match insn.src {
            pseudo::MAP_FD | pseudo::MAP_IDX | pseudo::MAP_IDX_VALUE => KERNEL_ADDRESS,
            pseudo::MAP_VALUE => self.map_value(insn.imm, imm >> 32),
            pseudo::BTF_ID => self.variable(insn.imm as u32),
            _ => imm,
        };
        write!(f, "{shown:#x}")
    }
}
