//! Which values the rest of a path depends on.
//!
//! Two ways to know: marks that reads leave in the states before ([`read_marks`]), or masks that are kept per
//! instruction, of registers by the program's text ([`live_regs`]) and of stack slots by what was seen in a
//! chain of calls ([`chains`]). Either way a finished state ends up with masks of what it needs, in its
//! [`Marks`].

mod chains;
mod live_regs;
mod read_marks;

use verdict_kernel::semantics::graph::Liveness;

pub(crate) use chains::Chains;

use crate::index::{FrameNo, Spi};
use crate::observer::Observer;
use crate::state::{Marks, State, StateId};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Whether liveness is known per instruction, without marks in states.
    #[inline]
    pub(crate) fn by_chains(&self) -> bool {
        self.env.kernel.semantics.graph.liveness == Liveness::CallChains
    }

    /// Marks a stack slot of the current state as read.
    #[inline]
    pub(crate) fn mark_slot_read(&mut self, frame: FrameNo, spi: Spi) {
        self.mark_slots_read(frame, spi.bit());
    }

    /// Marks stack slots of the current state, a bit each, as read.
    #[inline]
    pub(crate) fn mark_slots_read(&mut self, frame: FrameNo, slots: u64) {
        if self.by_chains() {
            self.chain_read(frame, slots);
        } else {
            self.climb_from_slots(frame, slots);
        }
    }

    /// Marks a slot as overwritten in full.
    pub(crate) fn mark_slot_written(&mut self, frame: FrameNo, spi: Spi) {
        let slots = spi.bit();
        if self.by_chains() {
            self.chain_write(frame, slots);
        } else if let Some(slot) = self.walk.cur.frames.get_mut(frame) {
            slot.marks.slot_written |= slots;
        }
    }

    /// Notes which registers of a new checkpoint may still be read, where comparisons ask for it.
    pub(crate) fn note_live(&self, state: &mut State) {
        let mut at = Some(state.insn_idx);
        for frame in state.frames.numbers().rev() {
            let slot = &mut state.frames[frame];
            let live = at.and_then(|idx| self.program.live_regs.get(idx));
            slot.marks.live = live.copied().unwrap_or(u16::MAX);
            at = slot.body.callsite;
        }
    }

    /// A new checkpoint, to which no marks climb: until it is finished it needs every slot and the registers that
    /// are live at its instructions.
    pub(crate) fn assume_needed(&self, state: &mut State) {
        let mut at = Some(state.insn_idx);
        for frame in state.frames.numbers().rev() {
            let slot = &mut state.frames[frame];
            let live = at.and_then(|idx| self.program.live_regs.get(idx));
            slot.marks = Marks {
                read64: live.copied().unwrap_or(u16::MAX),
                slot_read: u64::MAX,
                ..Marks::NONE
            };
            at = slot.body.callsite;
        }
    }

    /// A finished state: what it needs is final (`clean_verifier_state`).
    pub(crate) fn clean(&mut self, id: StateId) {
        if self.by_chains() {
            let live = self.live_slots(id);
            for (slot, live) in self.walk.search.state_mut(id).frames.iter_mut().zip(live) {
                slot.marks.slot_read = live;
            }
        }
        self.walk.search.state_mut(id).cleaned = true;
    }
}
