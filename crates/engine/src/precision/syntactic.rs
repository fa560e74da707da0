//! Instructions backwards by what they name: r10 and a constant are a slot of the stack, everything else is none; and
//! one frame only, so that a call or an exit ends it, and all numbers of the path count as needed (before Linux 6.4).
//!
//! A walk has one set for all segments: what was marked in a checkpoint already stays in it as long as something new
//! is marked there.

use verdict_isa::{Alu, Call, Jump, Op, Operand};
use verdict_kernel::semantics::log::ShownStates;
use verdict_kernel::semantics::precision::AtomicFetch;

use crate::error::{Failure, Res, reject, say, say2};
use crate::index::{FrameNo, InsnIdx, RegNo, Spi, SubprogIdx};
use crate::observer::{Event, Observer};
use crate::state::{FP, HistId, State, StateId};
use crate::verifier::Verifier;
use crate::words::or_minus_one;

use super::ARGS;
use super::recorded::{BEFORE, skip_unconcerned};
use super::wanted::{regs_in, slots_in};

/// What is asked for, in one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// The frame.
    pub(super) frame: FrameNo,
    /// Its registers.
    pub(super) regs: u32,
    /// Its slots.
    pub(super) slots: u64,
}

/// In the registers that an instruction names: r10, by which slots are named, and that of instructions that are always
/// looked at.
const BY_NAME: u16 = 1 << 15 | 1 << 10;

/// How a segment's walk ended.
enum Walked {
    Done,
    GaveUp,
    Exhausted,
}

/// What an instruction says.
enum Step {
    On,
    GiveUp,
}

impl Named {
    fn is_empty(&self) -> bool {
        self.regs == 0 && self.slots == 0
    }
    fn has(&self, reg: u8) -> bool {
        self.regs >> reg & 1 != 0
    }
    fn want(&mut self, reg: u8) {
        self.regs |= 1 << reg;
    }
    fn drop(&mut self, reg: u8) {
        self.regs &= !(1u32 << reg);
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Marks what is named, and all that it came from, as needed precisely (`__mark_chain_precision`). The
    /// current state gets no marks: it is no checkpoint yet.
    pub(super) fn mark_named(&mut self, mut named: Named) -> Res<()> {
        let mut at: Option<StateId> = None;
        let mut last_idx = Some(self.walk.insn_idx);
        let mut skip = true;
        self.tell_begin();
        while !named.is_empty() {
            let first_idx = self.segment_mut(at).first_insn_idx;
            self.say_segment(last_idx, first_idx);
            let Some(last) = last_idx else {
                return self.reached_function(at, &named);
            };
            match self.walk_named(at, &mut named, last, skip)? {
                Walked::Done => return Ok(()),
                Walked::GaveUp => {
                    self.mark_all_parents(at);
                    return Ok(());
                }
                Walked::Exhausted => {}
            }
            skip = false;
            let parent = match at {
                None => self.walk.cur.parent,
                Some(id) => self.walk.search.state(id).parent,
            };
            let Some(parent) = parent else { return Ok(()) };
            at = Some(parent);
            match self.mark_named_in(parent, &mut named)? {
                Some(true) => {}
                Some(false) => return Ok(()),
                None => {
                    self.mark_all_parents(at);
                    return Ok(());
                }
            }
            last_idx = self.walk.search.state(parent).last_insn_idx;
        }
        Ok(())
    }

    /// The level of the log at which backtracking is told.
    fn backtracking_level(&self) -> u8 {
        match self.env.kernel.semantics.log.shown_states {
            ShownStates::Whole => 1,
            ShownStates::Touched => 2,
        }
    }

    /// Whether somebody wants to know of it.
    fn tells_backtracking(&self) -> bool {
        O::LISTENING && self.env.obs.hears(self.backtracking_level())
    }

    fn say_segment(&mut self, last_idx: Option<InsnIdx>, first_idx: InsnIdx) {
        if self.tells_backtracking() {
            let level = self.backtracking_level();
            let last_idx = or_minus_one(last_idx);
            let text = format_args!("last_idx {last_idx} first_idx {first_idx}\n");
            self.env.obs.event(Event::Text { level, text });
        }
    }

    /// Walks the instructions of one segment.
    fn walk_named(
        &mut self,
        at: Option<StateId>,
        named: &mut Named,
        last_idx: InsnIdx,
        mut skip: bool,
    ) -> Res<Walked> {
        let segment = self.segment_mut(at);
        let (first, mut left) = (segment.first_insn_idx, segment.history);
        // Entries note whom walks carried past them in the frame that was executing.
        let own = segment.frames.len() == named.frame.0 as usize + 1;
        let told = self.tells_backtracking();
        let may_end = own && !told;
        let mut i = last_idx;
        loop {
            let entry = left.last.map(|id| *self.walk.search.history.get(id));
            let concerning = named.regs as u16 | BY_NAME;
            let back_regs = &self.program.back_regs;
            if !skip && !told {
                let floor = entry.map_or(first, |entry| entry.idx);
                i = skip_unconcerned(back_regs, i, floor, concerning);
            }
            let concerned = told || back_regs.get(i).is_none_or(|names| names & concerning != 0);
            if concerned && !skip {
                if let Step::GiveUp = self.step_back(i, named)? {
                    return Ok(Walked::GaveUp);
                }
                if named.is_empty() {
                    return Ok(Walked::Done);
                }
            }
            skip = false;
            let jumped = entry.filter(|entry| entry.idx == i);
            // The one entry that is left may be the arrival at the segment, or, a quirk, the first time round a loop.
            if i == first && (left.len == 0 || left.len == 1 && jumped.is_some()) {
                return Ok(Walked::Exhausted);
            }
            match jumped {
                // What was carried past here before is marked in all states before this one.
                Some(_) if may_end && left.last.is_some_and(|id| self.passed(id, named)) => {
                    return Ok(Walked::Done);
                }
                Some(entry) => {
                    i = entry.prev_idx().unwrap_or(BEFORE);
                    left.last = entry.before;
                    left.len -= 1;
                }
                None => i = i.prev().unwrap_or(BEFORE),
            }
            if i >= self.program.insns.end() {
                reject!(VerifierBug, EFAULT, "BUG backtracking idx {}\n", i.0 as i32);
            }
        }
    }

    /// Whether an earlier walk carried all that is named past an entry; notes that this one does.
    fn passed(&mut self, id: HistId, named: &Named) -> bool {
        let entry = self.walk.search.history.get_mut(id);
        let known = named.regs & !u32::from(entry.walked_regs) == 0 && named.slots & !entry.walked_slots == 0;
        entry.walked_regs |= named.regs as u16;
        entry.walked_slots |= named.slots;
        known
    }

    /// Marks what is named in a checkpoint; what is no number there is done. Whether a mark was added; `None` if the
    /// checkpoint's stack has not even the room.
    fn mark_named_in(&mut self, parent: StateId, named: &mut Named) -> Res<Option<bool>> {
        let Some(slot) = self.walk.search.state_mut(parent).frames.get_mut(named.frame) else {
            return Err(Failure::bug("backtracking left the frames of a checkpoint"));
        };
        let mut added = false;
        for r in regs_in(named.regs) {
            if !slot.body.regs[r].is_scalar() {
                named.regs &= !u32::from(r.bit());
                continue;
            }
            added |= !r.is_in(slot.marks.precise);
            slot.marks.precise |= r.bit();
        }
        for spi in slots_in(named.slots) {
            let Some(kept) = slot.body.stack.get(spi) else {
                return Ok(None);
            };
            if !kept.is_scalar_spill() {
                named.slots &= !spi.bit();
                continue;
            }
            added |= !spi.is_in(slot.marks.slot_precise);
            slot.marks.slot_precise |= spi.bit();
        }
        if self.tells_backtracking() {
            let (frame, regs, slots) = (named.frame, named.regs, named.slots);
            let state = self.walk.search.state(parent);
            self.env.obs.event(Event::PreciseMarked {
                frame,
                regs,
                slots,
                added,
                state,
            });
        }
        Ok(Some(added))
    }

    /// Marks every number of the states before this one (`mark_all_scalars_precise`). Where that was done before, it was
    /// done for all that lead there: a checkpoint's numbers only become fewer, and its marks only more.
    fn mark_all_parents(&mut self, from: Option<StateId>) {
        let mut at = match from {
            None => self.walk.cur.parent,
            Some(id) => self.walk.search.state(id).parent,
        };
        while let Some(id) = at {
            let state = self.walk.search.state_mut(id);
            if std::mem::replace(&mut state.all_precise, true) {
                break;
            }
            mark_all(state);
            at = state.parent;
        }
    }

    /// The walk reached a function's entry: only arguments of a global function may still be wanted.
    fn reached_function(&mut self, at: Option<StateId>, named: &Named) -> Res<()> {
        let state = self.segment_mut(at);
        let (subprog, callsite) = (
            state.frames[FrameNo::OUTERMOST].body.subprogno,
            state.frames[FrameNo::OUTERMOST].body.callsite,
        );
        let global = state.frames.len() == 1 && subprog != SubprogIdx::MAIN && callsite.is_none();
        if global && named.slots == 0 && named.regs & !ARGS == 0 {
            for r in regs_in(named.regs) {
                if state.frames[FrameNo::OUTERMOST].body.regs[r].is_scalar() {
                    state.frames[FrameNo::OUTERMOST].marks.precise |= r.bit();
                }
            }
            return Ok(());
        }
        reject!(
            VerifierBug,
            EFAULT,
            "BUG backtracing func entry subprog {} reg_mask {:x} stack_mask {:x}\n",
            subprog,
            named.regs,
            named.slots
        )
    }

    /// What an explored state needed precisely, and read, the current one needs too, one after the other
    /// (`propagate_precision`).
    pub(super) fn propagate_named(&mut self, old: StateId) -> Res<()> {
        for frame in self.walk.search.state(old).frames.numbers().rev() {
            let (regs, slots) = self.needed(old, frame);
            for r in regs_in(regs.into()) {
                say2!(self, "frame {}: propagating r{}\n", frame, r);
                if !self.walk.cur.frames[frame].body.regs[r].is_scalar() {
                    return self.backtracking_misuse();
                }
                self.mark_named(Named {
                    frame,
                    regs: r.bit().into(),
                    slots: 0,
                })?;
            }
            for spi in slots_in(slots) {
                say2!(self, "frame {}: propagating fp{}\n", frame, spi.off());
                self.mark_named_slot(frame, spi)?;
            }
        }
        Ok(())
    }

    /// The same for one slot, if a number is spilled there.
    pub(super) fn mark_named_slot(&mut self, frame: FrameNo, spi: Spi) -> Res<()> {
        let slot = self
            .walk
            .cur
            .frames
            .get(frame)
            .and_then(|f| f.body.stack.get(spi));
        if !slot.is_some_and(|slot| slot.is_scalar_spill()) {
            return Ok(());
        }
        self.mark_named(Named {
            frame,
            regs: 0,
            slots: spi.bit(),
        })
    }

    /// One instruction backwards (`backtrack_insn`).
    fn step_back(&mut self, idx: InsnIdx, named: &mut Named) -> Res<Step> {
        let Ok(op) = self.program.ops[idx] else {
            return Ok(Step::On);
        };
        if self.program.insns[idx].code == 0 {
            return Ok(Step::On);
        }
        if self.tells_backtracking() {
            self.env.obs.event(Event::PreciseInsn {
                frame: named.frame,
                regs: named.regs,
                slots: named.slots,
                idx: idx.0,
            });
        }
        let insn = self.program.insns[idx];
        match op {
            Op::Alu(alu) => step_alu(alu, named),
            Op::Load(load) => self.step_load(load.dst, load.src, insn.off, named)?,
            Op::Store(store) => return self.step_write(store.dst, store.src.reg(), insn.off, named),
            Op::Atomic(atomic) => {
                let fetches = self.env.kernel.semantics.precision.atomic_fetch == AtomicFetch::Load;
                match atomic.loaded().filter(|_| fetches) {
                    Some(loaded) => self.step_load(loaded, atomic.dst, insn.off, named)?,
                    None => return self.step_write(atomic.dst, Some(atomic.src), insn.off, named),
                }
            }
            Op::LdImm64(ld_imm64) => named.drop(ld_imm64.dst),
            Op::LdPacket(_) => {
                if named.has(0) {
                    return Ok(Step::GiveUp);
                }
            }
            Op::Jump(Jump::Branch(branch)) => {
                if let Operand::Reg(src) = branch.src
                    && (named.has(branch.dst) || named.has(src))
                {
                    named.want(branch.dst);
                    named.want(src);
                }
            }
            Op::Jump(Jump::Always { .. } | Jump::MayGoto { .. }) => {}
            Op::Call(call) => return self.step_call(call, idx, named),
            Op::Exit => return Ok(Step::GiveUp),
        }
        Ok(Step::On)
    }

    fn step_load(&mut self, loaded: u8, base: u8, off: i16, named: &mut Named) -> Res<()> {
        if !named.has(loaded) {
            return Ok(());
        }
        named.drop(loaded);
        if RegNo(base) == FP {
            named.slots |= self.named_slot(off)?;
        }
        Ok(())
    }

    /// A write through `address`, of a register unless it is of an immediate.
    fn step_write(&mut self, address: u8, value: Option<u8>, off: i16, named: &mut Named) -> Res<Step> {
        if named.has(address) {
            return Ok(Step::GiveUp);
        }
        if RegNo(address) != FP {
            return Ok(Step::On);
        }
        let slot = self.named_slot(off)?;
        if named.slots & slot != 0 {
            named.slots &= !slot;
            if let Some(value) = value {
                named.want(value);
            }
        }
        Ok(Step::On)
    }

    /// The slot of the executing frame that an offset from r10 names.
    fn named_slot(&mut self, off: i16) -> Res<u64> {
        let spi = (-i32::from(off) - 1) / 8;
        match u32::try_from(spi).ok().filter(|spi| *spi < 64) {
            Some(spi) => Ok(1 << spi),
            None => {
                say!(self, "BUG spi {}\n", spi);
                reject!(VerifierBug, EFAULT)
            }
        }
    }

    fn step_call(&mut self, call: Call, idx: InsnIdx, named: &mut Named) -> Res<Step> {
        let gives_up = match call {
            Call::Subprog { .. } => true,
            Call::Kfunc { btf_id, .. } => btf_id == 0,
            Call::Helper { .. } => self.calls_sync_callback(idx) || self.calls_async_callback(idx),
        };
        if gives_up {
            return Ok(Step::GiveUp);
        }
        named.drop(0);
        if named.regs & ARGS != 0 {
            reject!(VerifierBug, EFAULT, "BUG regs {:x}\n", named.regs);
        }
        Ok(Step::On)
    }
}

fn step_alu(alu: Alu, named: &mut Named) {
    if !named.has(alu.dst()) {
        return;
    }
    let from = match alu {
        Alu::Neg { .. } | Alu::End { .. } => return,
        Alu::Binary { src, .. } => src.reg(),
        Alu::Mov { dst, src, .. } => {
            named.drop(dst);
            src.reg()
        }
        Alu::MovSx { dst, src, .. } | Alu::AddrSpaceCast { dst, src, .. } => {
            named.drop(dst);
            Some(src)
        }
    };
    if let Some(src) = from {
        named.want(src);
    }
}

/// Marks every number of a state.
fn mark_all(state: &mut State) {
    for slot in state.frames.iter_mut() {
        for r in FP.below() {
            if slot.body.regs[r].is_scalar() {
                slot.marks.precise |= r.bit();
            }
        }
        for (spi, kept) in (0..64).map(Spi).zip(slot.body.stack.slots().as_slice()) {
            if kept.is_scalar_spill() {
                slot.marks.slot_precise |= spi.bit();
            }
        }
    }
}
