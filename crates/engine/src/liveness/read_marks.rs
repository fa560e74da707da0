//! Read and write marks: which values the rest of a path depends on.
//!
//! A read marks the value in the checkpoint that the segment started from, then in that one's parent, and so
//! on until a write mark screens it off or a mark already stands. A write marks the current state. The length
//! of the climb is a figure of the log's footer, so marks must be exact even where they decide nothing.

use verdict_isa::{class, op, size};

use crate::explore::Search;
use crate::index::{FrameNo, Idx, R0, RegNo};
use crate::observer::Observer;
use crate::state::{FP, Marks, NO_LINK, StateId};
use crate::verifier::Verifier;

/// A register of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    frame: FrameNo,
    reg: RegNo,
}

/// How much of a register is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Half,
    Full,
}

impl Marks {
    /// Adds a read mark of a register; false when it, or a stronger one, stands already.
    #[inline]
    fn mark_reg(&mut self, reg: RegNo, width: Width) -> bool {
        let bit = reg.bit();
        if self.read64 & bit != 0 || (width == Width::Half && self.read32 & bit != 0) {
            return false;
        }
        match width {
            Width::Full => {
                self.read64 |= bit;
                self.read32 &= !bit;
            }
            Width::Half => self.read32 |= bit,
        }
        true
    }

    /// Adds read marks of slots; returns those that had none.
    #[inline]
    fn mark_slots(&mut self, slots: u64) -> u64 {
        let fresh = slots & !self.slot_read;
        self.slot_read |= fresh;
        fresh
    }

    /// The register, mostly of the parent state, that a read of this one marks, unless a write screens it off.
    #[inline]
    fn above(&self, reg: RegNo, parent: Option<StateId>) -> Option<(StateId, Place)> {
        let link = self.links[reg.index()];
        if link == NO_LINK || reg.is_in(self.written) {
            return None;
        }
        let place = Place {
            frame: FrameNo::from(link >> 4),
            reg: RegNo(link & 0xf),
        };
        match (reg, self.r0_origin) {
            (R0, Some(origin)) => Some((origin, place)),
            _ => Some((parent?, place)),
        }
    }

    /// Of these slots, those of which a read marks the parent state's too.
    #[inline]
    fn slots_above(&self, slots: u64) -> u64 {
        let linked = match self.linked_slots {
            n @ 0..64 => (1 << n) - 1,
            _ => u64::MAX,
        };
        slots & linked & !self.slot_written
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Marks a register of the current state as read (`mark_reg_read`).
    #[inline]
    pub(crate) fn mark_reg_read(&mut self, frame: FrameNo, reg: RegNo, full: bool) {
        let width = if full { Width::Full } else { Width::Half };
        let parent = self.walk.cur.parent;
        if let Some((id, place)) = self.walk.cur.frames[frame].marks.above(reg, parent) {
            let climbed = climb(&mut self.walk.search, id, place, width);
            self.walk.stats.mark_read = self.walk.stats.mark_read.max(climbed);
        }
    }

    /// Marks what stack slots of the current state, a bit each, come from.
    pub(super) fn climb_from_slots(&mut self, frame: FrameNo, slots: u64) {
        let Some(slot) = self.walk.cur.frames.get(frame) else {
            return;
        };
        let above = slot.marks.slots_above(slots);
        if let (1.., Some(id)) = (above, self.walk.cur.parent) {
            let climbed = climb_slots(&mut self.walk.search, id, frame, above);
            self.walk.stats.mark_read = self.walk.stats.mark_read.max(climbed);
        }
    }

    /// What an explored state read, the current one reads too, whatever it wrote (`propagate_liveness`). Whether a
    /// mark was added.
    pub(crate) fn propagate_liveness(&mut self, old: StateId) -> bool {
        let mut changed = false;
        let top = self.walk.cur.curframe();
        for frame in top.with_callers() {
            let explored = &self.walk.search.state(old).frames[frame];
            let Marks {
                read32,
                read64,
                mut slot_read,
                ..
            } = explored.marks;
            let current = &self.walk.cur.frames[frame].body.stack;
            let common = explored.body.stack.len().min(current.len());
            if common < 64 {
                slot_read &= (1 << common) - 1;
            }
            let first = if frame < top { 6 } else { 0 };
            let mut regs = (read32 | read64) & (FP.bit() - (1 << first));
            while regs != 0 {
                let reg = RegNo(regs.trailing_zeros() as u8);
                regs &= regs - 1;
                let full = reg.is_in(read64);
                changed |= self.propagate(Place { frame, reg }, if full { Width::Full } else { Width::Half });
            }
            changed |= self.propagate_slots(frame, slot_read);
        }
        changed
    }

    /// Marks a register of the current state itself, then climbs.
    fn propagate(&mut self, place: Place, width: Width) -> bool {
        let marks = &mut self.walk.cur.frames[place.frame].marks;
        if !marks.mark_reg(place.reg, width) {
            return false;
        }
        let mut climbed = 1;
        if let Some((id, above)) = marks.above(place.reg, self.walk.cur.parent) {
            climbed += climb(&mut self.walk.search, id, above, width);
        }
        self.walk.stats.mark_read = self.walk.stats.mark_read.max(climbed);
        true
    }

    /// The same for slots, a bit each.
    fn propagate_slots(&mut self, frame: FrameNo, slots: u64) -> bool {
        let marks = &mut self.walk.cur.frames[frame].marks;
        let fresh = marks.mark_slots(slots);
        if fresh == 0 {
            return false;
        }
        let mut climbed = 1;
        if let (above @ 1.., Some(id)) = (marks.slots_above(fresh), self.walk.cur.parent) {
            climbed += climb_slots(&mut self.walk.search, id, frame, above);
        }
        self.walk.stats.mark_read = self.walk.stats.mark_read.max(climbed);
        true
    }

    /// Whether the instruction being executed reads a source register in full (`is_reg64` for sources).
    ///
    /// `scalar`: the register holds a plain scalar.
    pub(crate) fn reads_64(&self, scalar: bool) -> bool {
        let insn = self.program.insns[self.walk.insn_idx];
        let code = insn.code;
        match code & 7 {
            class::JMP => op(code) != op::CALL || insn.src != 1,
            class::ALU64 => !(op(code) == op::END && (insn.imm == 16 || insn.imm == 32)),
            class::ALU => op(code) == op::END && insn.imm == 64,
            class::JMP32 => false,
            class::STX => !scalar || code & 0x18 == size::DW,
            // Sources of loads are pointers; those of ld_abs and ld_ind count as full.
            _ => true,
        }
    }
}

/// Marks a register of checkpoint `id` and what it climbs to; returns the number of marks added.
fn climb(search: &mut Search, mut id: StateId, mut place: Place, width: Width) -> u32 {
    let mut climbed = 0;
    loop {
        let state = search.state_mut(id);
        let Some(slot) = state.frames.get_mut(place.frame) else {
            return climbed;
        };
        if !slot.marks.mark_reg(place.reg, width) {
            return climbed;
        }
        climbed += 1;
        match slot.marks.above(place.reg, state.parent) {
            Some(above) => (id, place) = above,
            None => return climbed,
        }
    }
}

/// Marks slots of checkpoint `id`, a bit each, and of its ancestors; returns the largest number of marks that
/// one of them added.
fn climb_slots(search: &mut Search, mut id: StateId, frame: FrameNo, mut slots: u64) -> u32 {
    let mut climbed = 0;
    loop {
        let state = search.state_mut(id);
        let Some(slot) = state.frames.get_mut(frame) else {
            return climbed;
        };
        slots = slot.marks.mark_slots(slots);
        if slots == 0 {
            return climbed;
        }
        climbed += 1;
        slots = slot.marks.slots_above(slots);
        match state.parent {
            Some(parent) if slots != 0 => id = parent,
            _ => return climbed,
        }
    }
}
