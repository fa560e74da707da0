//! The set of values that a walk backwards looks for.

use crate::index::{FrameNo, Idx, PerFrame, RegNo, Spi};
use crate::linked::unpack_linked;
use crate::state::{Hist, LAST_FRAME};

use super::recorded::slot_in;

/// The set of values asked for, per frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The frame that the walk is in.
    pub(super) frame: FrameNo,
    pub(super) regs: PerFrame<u32>,
    pub(super) slots: PerFrame<u64>,
    /// The walk found where all of them come from.
    pub(super) followed: bool,
}

impl Wanted {
    #[inline]
    pub(crate) fn new(frame: FrameNo) -> Wanted {
        Wanted {
            frame: frame.min(LAST_FRAME),
            regs: PerFrame::filled(0),
            slots: PerFrame::filled(0),
            followed: false,
        }
    }
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        let f = self.frame;
        if self.regs[f] != 0 || self.slots[f] != 0 {
            return false;
        }
        if f == FrameNo::OUTERMOST {
            return true;
        }
        self.regs.of_callers(f).iter().all(|r| *r == 0) && self.slots.of_callers(f).iter().all(|s| *s == 0)
    }
    pub(crate) fn add_reg(&mut self, frame: FrameNo, reg: RegNo) {
        self.regs[frame] |= u32::from(reg.bit());
    }
    pub(crate) fn add_slot(&mut self, frame: FrameNo, spi: Spi) {
        self.slots[frame] |= spi.bit();
    }
    #[inline]
    pub(super) fn has(&self, reg: u8) -> bool {
        RegNo(reg).is_in(self.regs[self.frame])
    }
    #[inline]
    pub(super) fn want(&mut self, reg: u8) {
        self.regs[self.frame] |= 1 << reg;
    }
    #[inline]
    pub(super) fn drop(&mut self, reg: u8) {
        self.regs[self.frame] &= !(1u32 << reg);
    }
    #[inline]
    pub(super) fn mask(&self) -> u32 {
        self.regs[self.frame]
    }
    /// Drops those that an earlier walk carried past this entry, and notes the others in it. Members in outer
    /// frames stay. Whether none is left.
    #[inline]
    pub(super) fn pass(&mut self, entry: &mut Hist) -> bool {
        let (regs, slots) = (&mut self.regs[self.frame], &mut self.slots[self.frame]);
        *regs &= !u32::from(entry.walked_regs);
        *slots &= !entry.walked_slots;
        entry.walked_regs |= *regs as u16;
        entry.walked_slots |= *slots;
        self.is_empty()
    }
    /// What an instruction without history must name to change the set, backwards. The highest bit is that of
    /// instructions that are always looked at.
    #[inline]
    pub(super) fn concerning(&self) -> u16 {
        self.mask() as u16 | 1 << 15
    }
    /// Whether an instruction that names these registers, and with this history, may, backwards, change the set.
    #[inline]
    pub(super) fn concerns(&self, names: u16, entry: Option<&Hist>) -> bool {
        names & self.concerning() != 0
            || entry.is_some_and(|entry| {
                let slot = slot_in(entry.flags);
                entry.linked != 0 || slot.is_some_and(|(frame, spi)| spi.is_in(self.slots[frame]))
            })
    }
    /// If any member of a linked set is wanted, all are.
    #[inline]
    pub(super) fn sync_linked(&mut self, entry: Option<Hist>) {
        let Some(Hist {
            linked: packed @ 1.., ..
        }) = entry
        else {
            return;
        };
        let wanted = unpack_linked(packed).any(|l| {
            let (f, i) = (FrameNo::from(l.frame), l.index);
            if l.is_reg {
                self.regs[f] >> i & 1 != 0
            } else {
                self.slots[f] >> i & 1 != 0
            }
        });
        if wanted {
            for l in unpack_linked(packed) {
                let f = FrameNo::from(l.frame);
                if l.is_reg {
                    self.regs[f] |= 1 << l.index;
                } else {
                    self.slots[f] |= 1 << l.index;
                }
            }
        }
    }
}

/// The registers that a mask has.
pub(super) fn regs_in(mask: u32) -> impl Iterator<Item = RegNo> {
    bits(mask.into()).map(RegNo::new)
}

/// The slots that a mask has.
pub(super) fn slots_in(mask: u64) -> impl Iterator<Item = Spi> {
    bits(mask).map(Spi::new)
}

/// The numbers of the bits that are set.
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        mask &= mask.checked_sub(1)?;
        Some(bit)
    })
}
