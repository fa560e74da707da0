//! What backtracking must know of executed instructions.
//!
//! Entries name the one before them, so that paths which part share what they have in common, and putting a
//! path aside copies nothing.

use std::num::NonZeroU32;

use crate::index::InsnIdx;

/// Flags of a [`Hist`] entry.
pub mod hist {
    use crate::index::{FrameNo, Spi};

    /// The instruction reads or writes a stack slot: bits 0–2 frame, 3–8 slot.
    pub const STACK_ACCESS: u16 = 1 << 9;
    /// A comparison's destination is a stack pointer.
    pub const DST_STACK: u16 = 1 << 10;
    /// A comparison's source is a stack pointer.
    pub const SRC_STACK: u16 = 1 << 11;
    /// The flags for an access of a slot.
    pub fn stack_access(frame: FrameNo, spi: Spi) -> u16 {
        STACK_ACCESS | (spi.0 as u16 & 0x3f) << 3 | frame.0 as u16 & 7
    }
}

/// The number of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistId(NonZeroU32);

/// One executed instruction that backtracking must know more of than its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hist {
    /// The instruction.
    pub idx: InsnIdx,
    /// See [`Hist::prev_idx`]: there may be an entry an instruction, so none takes no room of its own here.
    prev_or_max: u32,
    /// The entry before it in the segment.
    pub before: Option<HistId>,
    /// See [`hist`].
    pub flags: u16,
    /// Registers of the executing frame that backtracking has carried past here before.
    pub walked_regs: u16,
    /// Its slots that backtracking has carried past here before.
    pub walked_slots: u64,
    /// Registers and slots whose scalars were linked, packed by `precision`.
    pub linked: u64,
}

impl Hist {
    /// An instruction, and the one executed before it.
    #[inline]
    pub(crate) fn new(idx: InsnIdx, prev_idx: Option<InsnIdx>, flags: u16, linked: u64) -> Hist {
        Hist {
            idx,
            prev_or_max: prev_idx.map_or(u32::MAX, |prev| prev.0),
            before: None,
            flags,
            walked_regs: 0,
            walked_slots: 0,
            linked,
        }
    }
    /// The instruction executed before it; none at the start.
    #[inline]
    pub fn prev_idx(&self) -> Option<InsnIdx> {
        (self.prev_or_max != u32::MAX).then_some(InsnIdx(self.prev_or_max))
    }
}

/// The history of a segment: its last entry, and how many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trail {
    /// The last entry.
    pub last: Option<HistId>,
    /// Number of entries.
    pub len: u32,
}

/// The entries of all segments.
#[derive(Debug, Default)]
pub struct Histories {
    entries: Vec<Hist>,
}

impl Histories {
    /// An entry.
    #[inline]
    pub fn get(&self, id: HistId) -> &Hist {
        &self.entries[id.0.get() as usize - 1]
    }
    /// An entry, to note who passed.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: HistId) -> &mut Hist {
        &mut self.entries[id.0.get() as usize - 1]
    }
    /// Appends an entry to a segment's history; `before` is set.
    #[inline]
    pub(crate) fn push(&mut self, trail: &mut Trail, entry: Hist) {
        let before = trail.last;
        trail.last = self.add(Hist { before, ..entry });
        trail.len += 1;
    }
    /// Replaces the last entry. Paths put aside may share the old one, which stays as it is.
    pub(crate) fn replace_last(&mut self, trail: &mut Trail, change: impl FnOnce(&mut Hist)) {
        if let Some(id) = trail.last {
            let mut entry = *self.get(id);
            (entry.walked_regs, entry.walked_slots) = (0, 0);
            change(&mut entry);
            trail.last = self.add(entry);
        }
    }
    fn add(&mut self, entry: Hist) -> Option<HistId> {
        self.entries.push(entry);
        u32::try_from(self.entries.len())
            .ok()
            .and_then(NonZeroU32::new)
            .map(HistId)
    }
    /// Forgets in all entries up to this one who passed.
    pub(crate) fn forget_walks(&mut self, trail: Trail) {
        let mut at = trail.last;
        while let Some(id) = at {
            let entry = self.get_mut(id);
            (entry.walked_regs, entry.walked_slots) = (0, 0);
            at = entry.before;
        }
    }
    /// Bytes that the entries take.
    pub(crate) fn bytes(&self) -> u64 {
        (self.entries.capacity() * size_of::<Hist>()) as u64
    }
    /// Forgets all entries.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Hist, HistId};

    /// There may be one an instruction.
    #[test]
    fn size() {
        assert_eq!(size_of::<Hist>(), 32);
        assert_eq!(size_of::<Option<HistId>>(), 4);
    }
}
