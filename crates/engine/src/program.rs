//! What is known of a program: found before the walk, and in it only noted at its instructions and functions.

use std::sync::Arc;

use verdict_isa::{
    Atomic, AtomicOp, Call, Insn, Jump, Malformed, Op, decode, deferred_fault, unknown_before_v4,
};
use verdict_kernel::Kernel;
use verdict_kernel::helper::Helpers;
use verdict_kernel::semantics::control::{AcquireRelease, Control, InstructionSet, MayGotoNext};
use verdict_kernel::types::RegType;
use verdict_syscall::{AttachInfo, Map, Prog, SubprogArg};

use crate::call::Kfuncs;
use crate::cfg::PostOrder;
use crate::index::{IndexVec, InsnIdx, MapIdx, SubprogIdx};
use crate::precision::back_regs;
use crate::state::BtfHandle;
use crate::transfer::Plain;

/// A program, and what is known of it. The walk writes to `aux` and to the flags of `subprogs`, and adds maps
/// that it meets; the rest it only reads.
pub(crate) struct Program<'a> {
    /// The program.
    pub(crate) prog: &'a Prog,
    /// An extension as a program of the kind that it extends; it takes the place of `prog` once it is clear what that is.
    pub(crate) extended: Option<&'a Prog>,
    /// Instructions.
    pub(crate) insns: IndexVec<InsnIdx, Insn>,
    /// The same, decoded.
    pub(crate) ops: IndexVec<InsnIdx, Result<Op, Malformed>>,
    /// Those that may be of a straight line.
    pub(crate) plain: IndexVec<InsnIdx, Option<Plain>>,
    /// Per instruction the registers whose being wanted precisely makes backtracking look at it.
    pub(crate) back_regs: IndexVec<InsnIdx, u16>,
    /// Facts about instructions.
    pub(crate) aux: IndexVec<InsnIdx, InsnAux>,
    /// Instructions in post-order.
    pub(crate) order: PostOrder,
    /// Per instruction the registers that are live before it, where states are compared by that.
    pub(crate) live_regs: IndexVec<InsnIdx, u16>,
    /// Functions in the order of their starts.
    pub(crate) subprogs: IndexVec<SubprogIdx, Subprog>,
    /// Maps in the order of their first use, and inner maps met on the way.
    pub(crate) maps: IndexVec<MapIdx, Arc<Map>>,
    /// How many of `maps` the program itself names.
    pub(crate) used_maps: usize,
    /// What the program attaches to.
    pub(crate) attach: AttachInfo,
    /// Index of the exception callback.
    pub(crate) exception_callback: Option<SubprogIdx>,
    /// Kernel functions that this program names.
    pub(crate) kfuncs: Kfuncs,
    /// Helpers that this program may call.
    pub(crate) helpers: Helpers,
    /// Functions that were removed as dead code after verification.
    pub(crate) dead_subprogs: IndexVec<SubprogIdx, bool>,
    /// A function that catches exceptions was appended to the program.
    pub(crate) catch_appended: bool,
}

impl<'a> Program<'a> {
    /// A program of which nothing is known but its instructions.
    pub(crate) fn new(kernel: &Kernel, prog: &'a Prog, extended: Option<&'a Prog>) -> Self {
        let insns = IndexVec::from(prog.insns.clone());
        let ops: IndexVec<_, _> = insns
            .indices()
            .map(|i| decode_for_walk(&kernel.semantics.control, &insns, i))
            .collect();
        let back_regs = ops.iter().map(|op| back_regs(op, kernel)).collect();
        let plain = ops.iter().map(Plain::of).collect();
        let aux = IndexVec::filled(InsnAux::default(), insns.len());
        Program {
            prog,
            extended,
            insns,
            ops,
            plain,
            back_regs,
            aux,
            order: PostOrder::default(),
            live_regs: IndexVec::new(),
            subprogs: IndexVec::new(),
            maps: IndexVec::new(),
            used_maps: 0,
            attach: AttachInfo::default(),
            exception_callback: None,
            kfuncs: Kfuncs::default(),
            helpers: Helpers::none(),
            dead_subprogs: IndexVec::new(),
            catch_appended: false,
        }
    }
}

/// What is remembered of an instruction across paths.
///
/// 64 bytes: every instruction walked looks for its own, and finds it by a shift.
#[derive(Clone, Debug, Default)]
#[repr(align(8))]
pub(crate) struct InsnAux {
    /// States are compared, and checkpoints may be taken, here.
    pub(crate) prune_point: bool,
    /// Arrival here is recorded in the history.
    pub(crate) jmp_point: bool,
    /// Some jump goes here.
    pub(crate) jump_target: bool,
    /// A checkpoint is always taken here.
    pub(crate) force_checkpoint: bool,
    /// The instruction calls a synchronous callback.
    pub(crate) calls_callback: bool,
    /// It is a call of an iterator's `next`.
    pub(crate) is_iter_next: bool,
    /// Pointer type that a load or store was executed with.
    pub(crate) ptr_type: Option<RegType>,
    /// Executed at least once.
    pub(crate) seen: bool,
    /// It accesses a field that nothing converts.
    pub(crate) unconvertible: bool,
    /// Spill or fill of a `bpf_fastcall` pattern.
    pub(crate) fastcall_pattern: bool,
    /// Number of spill/fill pairs around a `bpf_fastcall` call.
    pub(crate) fastcall_spills_num: u8,
    /// What an `ld_imm64` loads, once resolved.
    pub(crate) imm64: Imm64,
    /// The map that a helper call was made with, the last time it was.
    pub(crate) map: Option<MapIdx>,
    /// It was made with different maps.
    pub(crate) maps_differ: bool,
    /// How `bpf_loop` was called here.
    pub(crate) loop_inline: LoopInline,
    /// For object allocation: the type's special fields exist.
    pub(crate) kptr_struct_meta: bool,
    /// A percpu object was given to `bpf_{this,per}_cpu_ptr`.
    pub(crate) call_with_percpu_alloc_ptr: bool,
    /// The call may not sleep when it allocates local storage.
    pub(crate) storage_get_func_atomic: bool,
}

/// How a `bpf_loop` call was made, which decides whether it is rewritten afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LoopInline {
    /// Seen at all.
    pub(crate) initialized: bool,
    /// Always the same callback and no flags.
    pub(crate) fit_for_inline: bool,
    /// The callback.
    pub(crate) callback_subprogno: SubprogIdx,
}

/// What an `ld_imm64` loads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Imm64 {
    /// A number, or not resolved.
    #[default]
    Plain,
    /// A map.
    Map {
        /// Which.
        map: MapIdx,
    },
    /// An address in a map's value.
    MapValue {
        /// Which.
        map: MapIdx,
        /// Offset in the value.
        off: u32,
    },
    /// A kernel variable or function that BTF describes.
    BtfVar {
        /// Register type.
        ty: RegType,
        /// BTF of the type.
        btf: BtfHandle,
        /// Type of a struct-typed variable.
        btf_id: u32,
        /// Size of another variable.
        mem_size: u32,
    },
}

/// A function of the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subprog {
    /// First instruction.
    pub(crate) start: InsnIdx,
    /// Bytes of stack used.
    pub(crate) stack_depth: u16,
    /// Bytes of stack added by rewriting after verification.
    pub(crate) stack_extra: u16,
    /// Below this offset the stack holds nothing but `bpf_fastcall` spills.
    pub(crate) fastcall_stack_off: i16,
    /// Calls `bpf_tail_call`.
    pub(crate) has_tail_call: bool,
    /// A tail call can be reached from it.
    pub(crate) tail_call_reachable: bool,
    /// Uses `ld_abs`.
    pub(crate) has_ld_abs: bool,
    /// Is a callback.
    pub(crate) is_cb: bool,
    /// Is an asynchronous callback.
    pub(crate) is_async_cb: bool,
    /// Is the exception callback.
    pub(crate) is_exception_cb: bool,
    /// `bpf_fastcall` spills cannot be removed.
    pub(crate) keep_fastcall_stack: bool,
    /// May change packet data.
    pub(crate) changes_pkt_data: bool,
    /// May sleep.
    pub(crate) might_sleep: bool,
    /// Arguments, once prepared (`args_cached`).
    pub(crate) args: Option<Vec<SubprogArg>>,
    /// Is global, by BTF linkage.
    pub(crate) is_global: bool,
    /// Was called (global functions).
    pub(crate) called: bool,
    /// Was verified (global functions).
    pub(crate) verified: bool,
    /// Its BTF does not match what the program does (`func_info_aux.unreliable`).
    pub(crate) unreliable: bool,
    /// Name from BTF, if any.
    pub(crate) name: String,
}

/// An instruction as the walk executes it; faults that the kernel notices late are still faults.
#[inline]
fn decode_for_walk(control: &Control, insns: &IndexVec<InsnIdx, Insn>, at: InsnIdx) -> Result<Op, Malformed> {
    if control.instruction_set != InstructionSet::V4
        && let Some(fault) = unknown_before_v4(&insns[at])
    {
        return Err(fault);
    }
    let op = decode(&insns[at], insns.get(at.next()))?;
    match op {
        Op::Call(Call::Kfunc { .. }) if control.instruction_set == InstructionSet::V3Xadd => {
            return Err(Malformed::Call);
        }
        Op::Jump(Jump::MayGoto { off: off @ 0 }) if control.may_goto_next == MayGotoNext::Refused => {
            return Err(Malformed::MayGoto { off, imm: 0 });
        }
        Op::Atomic(Atomic {
            op: AtomicOp::LoadAcquire | AtomicOp::StoreRelease,
            ..
        }) if control.acquire_release == AcquireRelease::Unknown => {
            return Err(Malformed::AtomicOpcode(insns[at].imm));
        }
        _ => {}
    }
    match deferred_fault(&insns[at]) {
        None => Ok(op),
        Some(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::InsnAux;

    #[test]
    fn size() {
        assert_eq!(size_of::<InsnAux>(), 64);
    }
}
