//! What one instruction, backwards, makes of the set.

use verdict_isa::{Alu, Atomic, Branch, Call, Jump, Malformed, Op, Operand, Store};
use verdict_kernel::Kernel;
use verdict_kernel::helper::id;
use verdict_kernel::semantics::control::{LdAbsExit, TailCallExit};
use verdict_kernel::semantics::log::BugWords;
use verdict_kernel::semantics::precision::{AtomicFetch, CallbackArguments};

use crate::error::{Res, reject};
use crate::index::{InsnIdx, R0, RegNo};
use crate::observer::{Event, Observer};
use crate::state::{FP, Hist, LAST_FRAME, hist};
use crate::verifier::Verifier;

use super::ARGS;
use super::recorded::slot_of;
use super::wanted::Wanted;

/// An instruction that backtracking must always look at.
const BACK_ALWAYS: u16 = u16::MAX;

/// Registers whose being wanted makes an instruction matter to backtracking ([`BACK_ALWAYS`]: whatever is
/// wanted). What cannot be decoded was not executed; the second half of an `ld_imm64` does nothing. A helper that ends
/// nothing and runs no callback leaves all alone but its result and its arguments.
pub(crate) fn back_regs(op: &Result<Op, Malformed>, kernel: &Kernel) -> u16 {
    let bit = |reg: u8| 1u16.checked_shl(u32::from(reg)).unwrap_or(BACK_ALWAYS);
    let Ok(op) = op else { return 0 };
    match *op {
        Op::Alu(alu) => bit(alu.dst()),
        Op::Load(load) => bit(load.dst),
        Op::Store(store) => bit(store.dst),
        Op::LdImm64(ld_imm64) => bit(ld_imm64.dst),
        Op::Jump(Jump::Branch(Branch {
            dst,
            src: Operand::Reg(src),
            ..
        })) => bit(dst) | bit(src),
        Op::Jump(Jump::Branch(Branch {
            src: Operand::Imm(_), ..
        }))
        | Op::Jump(Jump::Always { .. } | Jump::MayGoto { .. }) => 0,
        Op::Call(Call::Helper { id }) if leaves_registers(id, kernel) => ARGS as u16 | R0.bit(),
        Op::Atomic(_) | Op::LdPacket(_) | Op::Call(_) | Op::Exit => BACK_ALWAYS,
    }
}

/// Whether a helper returns to where it was called from, and nothing else runs meanwhile.
fn leaves_registers(id: i32, kernel: &Kernel) -> bool {
    u32::try_from(id).is_ok_and(|id| id != id::TAIL_CALL && kernel.runs_callback(id).is_none())
}

/// What one instruction's back-step says.
pub(super) enum Step {
    On,
    GiveUp,
}

/// What the rule of one instruction says: whether linked scalars are looked at once more.
enum Back {
    GiveUp,
    Final,
    Resync,
}

impl<O: Observer> Verifier<'_, O> {
    /// One instruction backwards (`backtrack_insn`).
    pub(super) fn back_step(
        &mut self,
        idx: InsnIdx,
        subseq_idx: Option<InsnIdx>,
        entry: Option<Hist>,
        wanted: &mut Wanted,
    ) -> Res<Step> {
        let Ok(op) = self.program.ops[idx] else {
            return Ok(Step::On);
        };
        if O::LISTENING {
            let (frame, regs, slots) = (wanted.frame, wanted.mask(), wanted.slots[wanted.frame]);
            self.env.obs.event(Event::PreciseInsn {
                frame,
                regs,
                slots,
                idx: idx.0,
            });
        }
        wanted.sync_linked(entry);
        match self.back_op(op, idx, subseq_idx, entry, wanted)? {
            Back::GiveUp => return Ok(Step::GiveUp),
            Back::Final => {}
            Back::Resync => wanted.sync_linked(entry),
        }
        Ok(Step::On)
    }

    fn back_op(
        &self,
        op: Op,
        idx: InsnIdx,
        subseq_idx: Option<InsnIdx>,
        entry: Option<Hist>,
        wanted: &mut Wanted,
    ) -> Res<Back> {
        Ok(match op {
            Op::Alu(alu) => back_alu(alu, wanted),
            Op::Load(load) => back_load(load.dst, entry, wanted),
            Op::Store(store) => back_store(store, entry, wanted),
            Op::Atomic(atomic) => {
                let fetches = self.env.kernel.semantics.precision.atomic_fetch;
                back_atomic(atomic, entry, wanted, fetches)
            }
            Op::LdImm64(ld_imm64) => {
                wanted.drop(ld_imm64.dst);
                Back::Final
            }
            Op::LdPacket(_) => self.back_ld_packet(idx, subseq_idx, wanted)?,
            Op::Jump(jump) => back_jump(jump, entry, wanted),
            Op::Call(call) => self.back_call(call, idx, subseq_idx, wanted)?,
            Op::Exit => self.back_exit(subseq_idx, wanted)?,
        })
    }

    fn back_ld_packet(&self, idx: InsnIdx, subseq_idx: Option<InsnIdx>, wanted: &mut Wanted) -> Res<Back> {
        if wanted.has(0) {
            return Ok(Back::GiveUp);
        }
        // The hidden exit of a subprogram was taken: go into its frame.
        let explored = self.env.kernel.semantics.control.ld_abs_exit == LdAbsExit::Explored;
        if explored && subseq_idx != Some(idx.next()) {
            self.enter(wanted)?;
        }
        Ok(Back::Final)
    }

    fn back_call(
        &self,
        call: Call,
        idx: InsnIdx,
        subseq_idx: Option<InsnIdx>,
        wanted: &mut Wanted,
    ) -> Res<Back> {
        if let Call::Subprog { off } = call {
            return self.back_subprog_call(idx, off, wanted);
        }
        if self.calls_sync_callback(idx) && subseq_idx != Some(idx.next()) {
            // Out of a callback, backwards into the call that runs it: its R1-R5 are not the call's.
            self.no_leftovers("callback", wanted)?;
            wanted.regs[wanted.frame] &= !ARGS;
            self.leave(wanted)?;
            return Ok(Back::Final);
        }
        if let Call::Kfunc { btf_id: 0, .. } = call {
            return Ok(Back::GiveUp);
        }
        wanted.drop(0);
        self.no_args("backtracking call", wanted)?;
        let explored = self.env.kernel.semantics.control.tail_call_exit == TailCallExit::Explored;
        let ends = matches!(call, Call::Helper { id } if u32::try_from(id) == Ok(id::TAIL_CALL));
        if explored && ends && subseq_idx != Some(idx.next()) {
            // The tail call ended a function.
            self.enter(wanted)?;
        }
        Ok(Back::Resync)
    }

    fn back_exit(&self, subseq_idx: Option<InsnIdx>, wanted: &mut Wanted) -> Res<Back> {
        let before = subseq_idx
            .and_then(InsnIdx::prev)
            .and_then(|idx| self.program.ops.get(idx));
        let from_call = matches!(before, Some(Ok(Op::Call(Call::Subprog { .. }))));
        let r0 = from_call && wanted.has(0);
        let drops = self.env.kernel.semantics.precision.callback_arguments == CallbackArguments::Dropped;
        if drops && self.returns_to_callback_call(subseq_idx) {
            wanted.regs[wanted.frame] &= !ARGS;
        }
        if from_call || drops {
            self.no_args("backtracking exit", wanted)?;
        }
        wanted.drop(0);
        self.enter(wanted)?;
        if r0 {
            wanted.want(0);
        }
        Ok(Back::Final)
    }

    fn back_subprog_call(&self, idx: InsnIdx, off: i32, wanted: &mut Wanted) -> Res<Back> {
        let entry = idx.jump(off);
        let Some(subprog) = self.subprog_at(entry) else {
            reject!(VerifierBug, EFAULT)
        };
        if self.program.subprogs[subprog].is_global {
            self.no_args("global subprog", wanted)?;
            wanted.drop(0);
            return Ok(Back::Final);
        }
        self.no_leftovers("static subprog", wanted)?;
        let args = wanted.mask() & ARGS;
        wanted.regs[wanted.frame] &= !ARGS;
        self.leave(wanted)?;
        wanted.regs[wanted.frame] |= args;
        Ok(Back::Final)
    }

    /// Whether the instruction executed next calls a callback, as after the callback's end.
    fn returns_to_callback_call(&self, subseq_idx: Option<InsnIdx>) -> bool {
        subseq_idx
            .and_then(|idx| self.program.aux.get(idx))
            .is_some_and(|aux| aux.calls_callback)
    }

    /// Here the registers of arguments must have been found; `place` is what some kernels say of it.
    fn no_args(&self, place: &str, wanted: &Wanted) -> Res<()> {
        match wanted.mask() & ARGS {
            0 => Ok(()),
            _ => self.unexpected(place, wanted),
        }
    }

    /// Here all but the registers of arguments must have been found, slots included.
    fn no_leftovers(&self, place: &str, wanted: &Wanted) -> Res<()> {
        if wanted.mask() & !ARGS != 0 {
            return self.unexpected(place, wanted);
        }
        let slots = wanted.slots[wanted.frame];
        match self.env.kernel.semantics.log.bug_words {
            _ if slots == 0 => Ok(()),
            BugWords::Own => reject!(VerifierBug, EFAULT, "BUG stack slots {:x}\n", slots),
            BugWords::Alike => reject!(
                VerifierBug,
                EFAULT,
                "verifier bug: {place} leftover stack slots {:x}\n",
                slots
            ),
        }
    }

    fn unexpected(&self, place: &str, wanted: &Wanted) -> Res<()> {
        match self.env.kernel.semantics.log.bug_words {
            BugWords::Own => reject!(VerifierBug, EFAULT, "BUG regs {:x}\n", wanted.mask()),
            BugWords::Alike => reject!(
                VerifierBug,
                EFAULT,
                "verifier bug: {place} unexpected regs {:x}\n",
                wanted.mask()
            ),
        }
    }

    fn enter(&self, wanted: &mut Wanted) -> Res<()> {
        if wanted.frame == LAST_FRAME {
            reject!(
                VerifierBug,
                EFAULT,
                "BUG subprog enter from frame {}\n",
                wanted.frame
            );
        }
        wanted.frame = wanted.frame.callee();
        Ok(())
    }

    fn leave(&self, wanted: &mut Wanted) -> Res<()> {
        let Some(caller) = wanted.frame.caller() else {
            reject!(VerifierBug, EFAULT, "BUG subprog exit from frame 0\n");
        };
        wanted.frame = caller;
        Ok(())
    }
}

fn back_alu(alu: Alu, wanted: &mut Wanted) -> Back {
    if !wanted.has(alu.dst()) {
        return Back::Final;
    }
    let from = match alu {
        Alu::Neg { .. } | Alu::End { .. } => return Back::Final,
        Alu::Binary { src, .. } => src.reg(),
        Alu::Mov { dst, src, .. } => {
            wanted.drop(dst);
            src.reg()
        }
        Alu::MovSx { dst, src, .. } | Alu::AddrSpaceCast { dst, src, .. } => {
            wanted.drop(dst);
            Some(src)
        }
    };
    if let Some(src) = from.filter(|src| RegNo(*src) != FP) {
        wanted.want(src);
    }
    Back::Resync
}

fn back_jump(jump: Jump, entry: Option<Hist>, wanted: &mut Wanted) -> Back {
    let Jump::Branch(Branch {
        dst,
        src: Operand::Reg(src),
        ..
    }) = jump
    else {
        return Back::Resync;
    };
    if !wanted.has(dst) && !wanted.has(src) {
        return Back::Final;
    }
    let flags = entry.map_or(0, |h| h.flags);
    if flags & hist::SRC_STACK == 0 {
        wanted.want(src);
    }
    if flags & hist::DST_STACK == 0 {
        wanted.want(dst);
    }
    Back::Resync
}

fn back_load(loaded: u8, entry: Option<Hist>, wanted: &mut Wanted) -> Back {
    if !wanted.has(loaded) {
        return Back::Final;
    }
    wanted.drop(loaded);
    match slot_of(entry) {
        None => Back::Final,
        Some((frame, spi)) => {
            wanted.slots[frame] |= spi.bit();
            Back::Resync
        }
    }
}

fn back_atomic(atomic: Atomic, entry: Option<Hist>, wanted: &mut Wanted, fetches: AtomicFetch) -> Back {
    match atomic.loaded() {
        Some(loaded) if !atomic.op.is_fetch() || fetches == AtomicFetch::Load => {
            back_load(loaded, entry, wanted)
        }
        _ => back_write(atomic.dst, Some(atomic.src), entry, wanted),
    }
}

fn back_store(store: Store, entry: Option<Hist>, wanted: &mut Wanted) -> Back {
    back_write(store.dst, store.src.reg(), entry, wanted)
}

/// A write through `address`, of a register unless it is of an immediate.
fn back_write(address: u8, value: Option<u8>, entry: Option<Hist>, wanted: &mut Wanted) -> Back {
    if wanted.has(address) {
        return Back::GiveUp;
    }
    let Some((frame, spi)) = slot_of(entry) else {
        return Back::Final;
    };
    if !spi.is_in(wanted.slots[frame]) {
        return Back::Final;
    }
    wanted.slots[frame] &= !spi.bit();
    if let Some(value) = value {
        wanted.want(value);
    }
    Back::Resync
}
