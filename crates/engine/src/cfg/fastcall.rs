//! Spills and fills around calls that clobber less than a call may (`bpf_fastcall`).
//!
//! Compilers save caller-saved registers around such calls for kernels that do not know the contract; where
//! the kernel does, the pairs are removed after verification and the stack shrinks.

use verdict_isa::{Insn, class, mode, op, size};
use verdict_kernel::semantics::stack::FastcallEntry;
use verdict_kernel::types::{ArgBase, RetBase};

use crate::index::{InsnIdx, RegNo, SubprogIdx};
use crate::observer::Observer;
use crate::state::FP;
use crate::verifier::Verifier;

/// R0 to R5.
const CALLER_SAVED: u8 = 0b11_1111;

/// What is known of a call for the pattern.
pub(crate) struct FastCall {
    /// Registers that the call clobbers if it keeps the contract.
    pub(crate) clobbered: u8,
    /// Whether this kernel keeps it.
    pub(crate) kept: bool,
}

impl<O: Observer> Verifier<'_, O> {
    /// Marks the pairs (`mark_fastcall_patterns`).
    pub(crate) fn mark_fastcall_patterns(&mut self) {
        for s in self.program.subprogs.indices() {
            let range = self.program.subprogs[s].start..self.subprog_end(s);
            let lowest = InsnIdx::range(range.clone())
                .map(|i| self.program.insns[i])
                .filter(is_spill)
                .map(|insn| insn.off)
                .fold(0, i16::min);
            for i in InsnIdx::range(range) {
                if self.program.insns[i].code == (class::JMP | op::CALL) {
                    self.mark_fastcall_pattern(s, i, lowest);
                }
            }
        }
    }

    pub(crate) fn fastcall_of(&self, insn: Insn) -> Option<FastCall> {
        if insn.is_helper_call() {
            let proto = self.helper_proto(insn.imm)?;
            let mut clobbered = u8::from(!proto.ret.is(RetBase::Void));
            for (i, arg) in proto.args.iter().enumerate() {
                if !arg.ty.is(ArgBase::DontCare) {
                    clobbered |= 2 << i;
                }
            }
            let kept = proto.allow_fastcall && self.env.kernel.inlines_helper(proto.id);
            return Some(FastCall { clobbered, kept });
        }
        if insn.is_kfunc_call() {
            self.kfunc_fastcall(insn)
        } else {
            None
        }
    }

    fn mark_fastcall_pattern(&mut self, subprog: SubprogIdx, call: InsnIdx, lowest: i16) {
        let Some(FastCall { clobbered, kept }) = self.fastcall_of(self.program.insns[call]) else {
            return;
        };
        let whole = self.env.kernel.semantics.stack.fastcall_entry == FastcallEntry::FirstSpill;
        let mut expected = !clobbered & CALLER_SAVED;
        let mut off = lowest;
        let mut pairs = 0;
        while expected != 0 && pairs < 6 {
            let i = pairs + 1;
            let Some(before) = call.0.checked_sub(i).map(InsnIdx) else {
                break;
            };
            let after = InsnIdx(call.0 + i);
            let (Some(stx), Some(ldx)) = (self.program.insns.get(before), self.program.insns.get(after))
            else {
                break;
            };
            // A jump to the first spill is fine, into the middle is not.
            if whole && (self.program.aux[before.next()].jump_target || self.program.aux[after].jump_target) {
                break;
            }
            let bit = 1u8.checked_shl(u32::from(stx.src)).unwrap_or(0);
            let paired = is_spill(stx) && is_fill(ldx) && stx.src == ldx.dst;
            if !paired || bit & expected == 0 || stx.off != off || ldx.off != off {
                break;
            }
            expected &= !bit;
            self.program.aux[before].fastcall_pattern = true;
            self.program.aux[after].fastcall_pattern = true;
            pairs = i;
            off = off.wrapping_add(8);
        }
        if pairs == 0 {
            return;
        }
        let sub = &mut self.program.subprogs[subprog];
        if kept {
            self.program.aux[call].fastcall_spills_num = pairs as u8;
        } else {
            sub.keep_fastcall_stack = true;
        }
        sub.fastcall_stack_off = sub.fastcall_stack_off.min(off);
    }
}

fn is_spill(insn: &Insn) -> bool {
    insn.code == (class::STX | mode::MEM | size::DW) && RegNo(insn.dst) == FP
}

fn is_fill(insn: &Insn) -> bool {
    insn.code == (class::LDX | mode::MEM | size::DW) && RegNo(insn.src) == FP
}
