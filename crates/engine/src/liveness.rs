//! Read and write marks: which values the rest of a path depends on.
//!
//! A read marks the value in the checkpoint that the segment started from, then in that one's parent, and so
//! on until a write mark screens it off or a mark already stands. A write marks the current state. The length
//! of the climb is a figure of the log's footer, so marks must be exact even where they decide nothing.

use verdict_isa::{class, op, size};

use crate::explore::Search;
use crate::observer::Observer;
use crate::state::{FP, NO_LINK, State, StateId};
use crate::verifier::Verifier;

/// A value that read marks are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Reg { frame: usize, reg: usize },
    Slot { frame: usize, spi: usize },
}

/// How much of a register is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Half,
    Full,
}

/// Where read marks of a value climb to, and whether a write screens it off.
fn parent_of(state: &State, place: Place) -> (Option<Place>, bool) {
    match place {
        Place::Reg { frame, reg } => {
            let Some(slot) = state.frames.get(frame) else {
                return (None, false);
            };
            let link = slot.marks.links[reg];
            let parent = (link != NO_LINK).then(|| Place::Reg {
                frame: usize::from(link >> 4),
                reg: usize::from(link & 0xf),
            });
            (parent, slot.marks.written >> reg & 1 != 0)
        }
        Place::Slot { frame, spi } => {
            let Some(slot) = state.frames.get(frame) else {
                return (None, false);
            };
            let parent = (spi < usize::from(slot.marks.linked_slots)).then_some(place);
            (parent, slot.marks.slot_written >> spi & 1 != 0)
        }
    }
}

/// Adds a read mark; false when it, or a stronger one, stands already.
fn mark(state: &mut State, place: Place, width: Width) -> bool {
    match place {
        Place::Reg { frame, reg } => {
            let Some(slot) = state.frames.get_mut(frame) else {
                return false;
            };
            let bit = 1u16 << reg;
            let m = &mut slot.marks;
            if m.read64 & bit != 0 || (width == Width::Half && m.read32 & bit != 0) {
                return false;
            }
            match width {
                Width::Full => {
                    m.read64 |= bit;
                    m.read32 &= !bit;
                }
                Width::Half => m.read32 |= bit,
            }
        }
        Place::Slot { frame, spi } => {
            let Some(slot) = state.frames.get_mut(frame) else {
                return false;
            };
            let bit = 1u64 << spi;
            if slot.marks.slot_read & bit != 0 {
                return false;
            }
            slot.marks.slot_read |= bit;
        }
    }
    true
}

impl<O: Observer> Verifier<'_, O> {
    /// Marks a register of the current state as read (`mark_reg_read`).
    #[inline]
    pub fn mark_reg_read(&mut self, frame: usize, reg: usize, full: bool) {
        let width = if full { Width::Full } else { Width::Half };
        let (parent, written) = parent_of(&self.cur, Place::Reg { frame, reg });
        if !written && let (Some(place), Some(id)) = (parent, self.cur.parent) {
            let climbed = climb(&mut self.search, id, place, width);
            self.stats.mark_read = self.stats.mark_read.max(climbed);
        }
    }

    /// Marks a stack slot of the current state as read.
    #[inline]
    pub fn mark_slot_read(&mut self, frame: usize, spi: usize) {
        let (parent, written) = parent_of(&self.cur, Place::Slot { frame, spi });
        if !written && let (Some(place), Some(id)) = (parent, self.cur.parent) {
            let climbed = climb(&mut self.search, id, place, Width::Full);
            self.stats.mark_read = self.stats.mark_read.max(climbed);
        }
    }

    /// What an explored state read, the current one reads too, whatever it wrote (`propagate_liveness`).
    pub(crate) fn propagate_liveness(&mut self, old: StateId) {
        let top = self.cur.curframe();
        for frame in 0..=top {
            let (read32, read64, slots) = {
                let m = &self.search.state(old).frames[frame].marks;
                (m.read32, m.read64, m.slot_read)
            };
            let first = if frame < top { 6 } else { 0 };
            for reg in first..FP {
                if read64 >> reg & 1 != 0 {
                    self.propagate(Place::Reg { frame, reg }, Width::Full);
                } else if read32 >> reg & 1 != 0 {
                    self.propagate(Place::Reg { frame, reg }, Width::Half);
                }
            }
            let old_len = self.search.state(old).frames[frame].body.stack.len();
            let common = old_len.min(self.cur.frames[frame].body.stack.len());
            for spi in 0..common.min(64) {
                if slots >> spi & 1 != 0 {
                    self.propagate(Place::Slot { frame, spi }, Width::Full);
                }
            }
        }
    }

    /// Marks a value of the current state itself, then climbs.
    fn propagate(&mut self, place: Place, width: Width) {
        if !mark(&mut self.cur, place, width) {
            return;
        }
        let (parent, written) = parent_of(&self.cur, place);
        let mut climbed = 1;
        if !written && let (Some(place), Some(id)) = (parent, self.cur.parent) {
            climbed += climb(&mut self.search, id, place, width);
        }
        self.stats.mark_read = self.stats.mark_read.max(climbed);
    }

    /// Whether the instruction being executed reads a source register in full (`is_reg64` for sources).
    ///
    /// `scalar`: the register holds a plain scalar.
    pub(crate) fn reads_64(&self, scalar: bool) -> bool {
        let insn = self.insns[self.insn_idx as usize];
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

/// Marks `place` of checkpoint `id` and its ancestors; returns the number of marks added.
fn climb(search: &mut Search, mut id: StateId, mut place: Place, width: Width) -> u32 {
    let mut climbed = 0;
    loop {
        let state = search.state_mut(id);
        if !mark(state, place, width) {
            return climbed;
        }
        climbed += 1;
        let (parent, written) = parent_of(state, place);
        match (parent, state.parent) {
            (Some(up), Some(up_id)) if !written => {
                place = up;
                id = up_id;
            }
            _ => return climbed,
        }
    }
}
