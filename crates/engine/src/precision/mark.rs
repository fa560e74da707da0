//! Marks of checkpoints, set and passed on.

use crate::error::{Failure, Res, reject, say, say2};
use crate::index::{FrameNo, Spi};
use crate::observer::{Event, Observer};
use crate::state::{FP, Slot, StateId};
use crate::verifier::Verifier;

use super::wanted::{Wanted, regs_in, slots_in};

impl<O: Observer> Verifier<'_, O> {
    /// What an explored state needed precisely, and read, the current one needs too (`propagate_precision`).
    /// Whether a mark was added.
    pub(crate) fn propagate_precision(&mut self, old: StateId) -> Res<bool> {
        if self.remembers_jumps_only() {
            // Only components ask whether a mark was added, and they count as changed then.
            return self.propagate_named(old).map(|()| true);
        }
        let mut wanted = Wanted::new(self.walk.cur.curframe());
        for frame in self.walk.search.state(old).frames.numbers().rev() {
            let (mut regs, slots) = self.needed(old, frame);
            if !O::LISTENING && frame == wanted.frame {
                regs &= !self.walk.cur.frames.top().marks.traced;
            }
            let mut first = true;
            for i in regs_in(regs.into()) {
                match first {
                    true => say2!(self, "frame {}: propagating r{}", frame, i),
                    false => say2!(self, ",r{}", i),
                }
                wanted.add_reg(frame, i);
                first = false;
            }
            for i in slots_in(slots) {
                match first {
                    true => say2!(self, "frame {}: propagating fp{}", frame, i.off()),
                    false => say2!(self, ",fp{}", i.off()),
                }
                wanted.add_slot(frame, i);
                first = false;
            }
            if !first {
                say!(self, "\n");
            }
        }
        self.mark_precise(&mut wanted)
    }

    /// Scalars of an explored state's frame that it needs, precisely: of what it does not need nothing is left.
    pub(super) fn needed(&self, id: StateId, frame: FrameNo) -> (u16, u64) {
        let state = self.walk.search.state(id);
        let slot = &state.frames[frame];
        let m = &slot.marks;
        let kept = self.by_chains() && !state.cleaned;
        let read = if kept { u16::MAX } else { m.read32 | m.read64 };
        let mut regs = m.precise & read & !FP.bit();
        let mut slots = m.slot_precise & m.slot_read;
        for r in regs_in(regs.into()) {
            if !slot.body.regs[r].is_scalar() {
                regs &= !r.bit();
            }
        }
        for spi in slots_in(slots) {
            if !slot.body.stack.get(spi).is_some_and(Slot::is_scalar_spill) {
                slots &= !spi.bit();
            }
        }
        (regs, slots)
    }
    /// Marks what is wanted in a checkpoint; what was marked already, or is no scalar, is done. Whether a
    /// mark was added.
    pub(super) fn mark_parent(&mut self, parent: StateId, wanted: &mut Wanted) -> Res<bool> {
        let mut changed = false;
        let top = self.walk.search.state(parent).curframe();
        for frame in wanted.frame.with_callers().rev() {
            let state = self.walk.search.state_mut(parent);
            let Some(slot) = state.frames.get_mut(frame) else {
                return Err(Failure::bug("backtracking left the frames of a checkpoint"));
            };
            for r in regs_in(wanted.regs[frame]) {
                let bit = r.bit();
                if !slot.body.regs[r].is_scalar() || slot.marks.precise & bit != 0 {
                    wanted.regs[frame] &= !u32::from(bit);
                } else {
                    slot.marks.precise |= bit;
                    changed = true;
                }
            }
            let total = slot.body.stack.len();
            for spi in slots_in(wanted.slots[frame]) {
                let bit = spi.bit();
                let Some(s) = slot.body.stack.get(spi) else {
                    reject!(
                        VerifierBug,
                        EFAULT,
                        "BUG backtracking (stack slot {}, total slots {})\n",
                        spi,
                        total
                    );
                };
                if !s.is_scalar_spill() || slot.marks.slot_precise & bit != 0 {
                    wanted.slots[frame] &= !bit;
                } else {
                    slot.marks.slot_precise |= bit;
                    changed = true;
                }
            }
            if !O::LISTENING && frame == top {
                wanted.regs[frame] &= !u32::from(slot.marks.traced);
            }
            if O::LISTENING {
                let (regs, slots) = (wanted.regs[frame], wanted.slots[frame]);
                let state = self.walk.search.state(parent);
                self.env.obs.event(Event::PreciseParent {
                    frame,
                    regs,
                    slots,
                    state,
                });
            }
        }
        Ok(changed)
    }

    /// Marks every scalar of every parent (`mark_all_scalars_precise`).
    pub(crate) fn force_all_precise(&mut self) {
        say2!(
            self,
            "mark_precise: frame{}: falling back to forcing all scalars precise\n",
            self.walk.cur.curframe()
        );
        self.walk.search.history.forget_walks(self.walk.cur.history);
        let mut at = self.walk.cur.parent;
        while let Some(id) = at {
            self.walk
                .search
                .history
                .forget_walks(self.walk.search.state(id).history);
            for frame in self.walk.search.state(id).frames.numbers() {
                for r in FP.below() {
                    let slot = &mut self.walk.search.state_mut(id).frames[frame];
                    if slot.body.regs[r].is_scalar() && !r.is_in(slot.marks.precise) {
                        slot.marks.precise |= r.bit();
                        say2!(
                            self,
                            "force_precise: frame{}: forcing r{} to be precise\n",
                            frame,
                            r
                        );
                    }
                }
                let end = self.walk.search.state(id).frames[frame].body.stack.end();
                for spi in Spi::range(Spi(0)..end.min(Spi(64))) {
                    let slot = &mut self.walk.search.state_mut(id).frames[frame];
                    if slot.body.stack.slots()[spi].is_scalar_spill() && !spi.is_in(slot.marks.slot_precise) {
                        slot.marks.slot_precise |= spi.bit();
                        say2!(
                            self,
                            "force_precise: frame{}: forcing fp{} to be precise\n",
                            frame,
                            spi.off()
                        );
                    }
                }
            }
            at = self.walk.search.state(id).parent;
        }
    }
}
