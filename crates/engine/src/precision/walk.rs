//! From a use back to where the value came from, segment by segment.

use crate::error::{Res, reject, say2};
use crate::index::{FrameNo, RegNo, Spi, SubprogIdx};
use crate::observer::{Event, Observer};
use crate::state::{FP, State, StateId};
use crate::verifier::Verifier;
use crate::words::or_minus_one;

use super::ARGS;
use super::recorded::Walked;
use super::syntactic::Named;
use super::wanted::Wanted;

impl<O: Observer> Verifier<'_, O> {
    /// Marks the scalar in `reg` of the executing frame, and all that it came from, as needed precisely.
    pub(crate) fn mark_chain_precision(&mut self, reg: RegNo) -> Res<()> {
        let mut wanted = Wanted::new(self.walk.cur.curframe());
        if !self.reg(reg).is_scalar() {
            return self.backtracking_misuse();
        }
        if self.remembers_jumps_only() {
            let (frame, regs) = (wanted.frame, reg.bit().into());
            return self.mark_named(Named {
                frame,
                regs,
                slots: 0,
            });
        }
        if !O::LISTENING && reg.is_in(self.walk.cur.frames.top().marks.traced) {
            return Ok(());
        }
        wanted.add_reg(wanted.frame, reg);
        self.mark_precise(&mut wanted)?;
        if wanted.followed {
            self.walk.cur.marks_mut().traced |= reg.bit();
        }
        Ok(())
    }

    /// Registers that count together from here on, backwards: what is known of one alone holds no more.
    pub(crate) fn trace_together(&mut self, regs: u16) {
        let traced = &mut self.walk.cur.marks_mut().traced;
        if *traced & regs != regs {
            *traced &= !regs;
        }
    }

    /// Marks the scalar that is spilled in a slot, and all that it came from, as needed precisely.
    pub(crate) fn mark_slot_precision(&mut self, frame: FrameNo, spi: Spi) -> Res<()> {
        if self.remembers_jumps_only() {
            return self.mark_named_slot(frame, spi);
        }
        let mut wanted = Wanted::new(self.walk.cur.curframe());
        wanted.add_slot(frame, spi);
        self.mark_precise(&mut wanted).map(|_| ())
    }

    /// Walks back until nothing is wanted any more (`__mark_chain_precision`); whether a mark was added.
    #[inline]
    pub(super) fn mark_precise(&mut self, wanted: &mut Wanted) -> Res<bool> {
        match wanted.is_empty() {
            true => Ok(false),
            false => self.walk_back(wanted),
        }
    }

    fn walk_back(&mut self, wanted: &mut Wanted) -> Res<bool> {
        let mut changed = false;
        let mut at: Option<StateId> = None;
        let mut first_idx = self.walk.cur.first_insn_idx;
        let mut last_idx = Some(self.walk.insn_idx);
        let mut subseq_idx = None;
        let mut skip = true;
        self.tell_begin();
        loop {
            say2!(
                self,
                "mark_precise: frame{}: last_idx {} first_idx {} subseq_idx {} \n",
                wanted.frame,
                or_minus_one(last_idx),
                first_idx,
                or_minus_one(subseq_idx)
            );
            let Some(last) = last_idx else {
                return Ok(self.reached_entry(at, wanted)? || changed);
            };
            match self.walk_segment(at, wanted, last, subseq_idx, skip)? {
                Walked::Done => {
                    wanted.followed = true;
                    return Ok(changed);
                }
                Walked::GaveUp => {
                    self.force_all_precise();
                    return Ok(changed);
                }
                Walked::Exhausted => {}
            }
            skip = false;
            let parent = match at {
                None => self.walk.cur.parent,
                Some(id) => self.walk.search.state(id).parent,
            };
            let Some(parent) = parent else { break };
            at = Some(parent);
            changed |= self.mark_parent(parent, wanted)?;
            if wanted.is_empty() {
                wanted.followed = true;
                return Ok(changed);
            }
            subseq_idx = Some(first_idx);
            let state = self.walk.search.state(parent);
            last_idx = state.last_insn_idx;
            first_idx = state.first_insn_idx;
        }
        self.force_all_precise();
        Ok(changed)
    }

    /// Says that backtracking begins.
    pub(super) fn tell_begin(&mut self) {
        if O::LISTENING {
            let idx = self.walk.insn_idx.0;
            self.env.obs.event(Event::PreciseBegin { idx });
        }
    }

    pub(super) fn segment_mut(&mut self, at: Option<StateId>) -> &mut State {
        match at {
            None => &mut self.walk.cur,
            Some(id) => self.walk.search.state_mut(id),
        }
    }

    /// The walk reached a function's entry: only arguments of a global function may still be wanted.
    #[cold]
    fn reached_entry(&mut self, at: Option<StateId>, wanted: &Wanted) -> Res<bool> {
        let state = self.segment_mut(at);
        let (subprog, callsite) = (
            state.frames[FrameNo::OUTERMOST].body.subprogno,
            state.frames[FrameNo::OUTERMOST].body.callsite,
        );
        let (regs, slots) = (wanted.mask(), wanted.slots[wanted.frame]);
        if state.frames.len() == 1
            && subprog != SubprogIdx::MAIN
            && callsite.is_none()
            && slots == 0
            && regs & !ARGS == 0
        {
            let mut changed = false;
            for r in FP.below().filter(|r| r.is_in(regs)) {
                if state.frames[FrameNo::OUTERMOST].body.regs[r].is_scalar() {
                    state.frames[FrameNo::OUTERMOST].marks.precise |= r.bit();
                    changed = true;
                }
            }
            return Ok(changed);
        }
        reject!(
            VerifierBug,
            EFAULT,
            "BUG backtracking func entry subprog {} reg_mask {:x} stack_mask {:x}\n",
            subprog,
            regs,
            slots
        )
    }
}
