//! What the bytes of a stack slot hold.

use std::fmt;
use std::ops::RangeInclusive;

/// What a byte of the stack holds (`enum bpf_stack_slot_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum SlotType {
    /// Never written.
    #[default]
    Invalid = 0,
    /// Part of a spilled register.
    Spill = 1,
    /// Unknown data.
    Misc = 2,
    /// Zero.
    Zero = 3,
    /// Part of a dynptr.
    Dynptr = 4,
    /// Part of an iterator.
    Iter = 5,
    /// Part of saved interrupt flags.
    IrqFlag = 6,
}

impl SlotType {
    /// How the log shows it.
    pub fn letter(self) -> char {
        match self {
            SlotType::Invalid => '?',
            SlotType::Spill => 'r',
            SlotType::Misc => 'm',
            SlotType::Zero => '0',
            SlotType::Dynptr => 'd',
            SlotType::Iter => 'i',
            SlotType::IrqFlag => 'f',
        }
    }

    /// The one of this number.
    #[inline]
    const fn of(number: u8) -> SlotType {
        match number {
            0 => SlotType::Invalid,
            1 => SlotType::Spill,
            2 => SlotType::Misc,
            3 => SlotType::Zero,
            4 => SlotType::Dynptr,
            5 => SlotType::Iter,
            _ => SlotType::IrqFlag,
        }
    }
}

/// The types of a slot's eight bytes. Place 7 is the byte at the slot's lowest address, place 0 that at the highest, as
/// the kernel counts them.
///
/// One number, that of place 0 in its lowest byte: slots are compared by all of them at once.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotTypes(u64);

impl SlotTypes {
    /// Nothing was written.
    pub const NONE: SlotTypes = SlotTypes::all(SlotType::Invalid);

    /// The same in all bytes.
    #[inline]
    pub const fn all(ty: SlotType) -> SlotTypes {
        SlotTypes(ty as u64 * 0x0101_0101_0101_0101)
    }
    /// All of them as one number.
    #[inline]
    pub const fn packed(self) -> u64 {
        self.0
    }
    /// Whether any byte may be part of a dynptr, an iterator or saved interrupt flags; not, if it is false.
    #[inline]
    pub const fn may_be_object(self) -> bool {
        const OBJECT: u64 = 4;
        const {
            assert!(SlotType::Dynptr as u64 & OBJECT != 0 && SlotType::Iter as u64 & OBJECT != 0);
            assert!(SlotType::IrqFlag as u64 & OBJECT != 0 && SlotType::Zero as u64 & OBJECT == 0);
        }
        self.0 & (OBJECT * 0x0101_0101_0101_0101) != 0
    }
    /// That of a place.
    #[inline]
    pub const fn get(self, place: usize) -> SlotType {
        SlotType::of((self.0 >> SlotTypes::shift(place)) as u8)
    }
    /// Whether a place has this one.
    #[inline]
    pub const fn is(self, place: usize, ty: SlotType) -> bool {
        (self.0 >> SlotTypes::shift(place)) as u8 == ty as u8
    }
    /// Sets that of a place.
    #[inline]
    pub const fn set(&mut self, place: usize, ty: SlotType) {
        let shift = SlotTypes::shift(place);
        self.0 = self.0 & !(0xff << shift) | (ty as u64) << shift;
    }
    /// Sets those of some places.
    #[inline]
    pub const fn fill(&mut self, places: RangeInclusive<usize>, ty: SlotType) {
        let (first, last) = (*places.start(), *places.end());
        if first > last {
            return;
        }
        let others = SlotTypes::shift(7 - (last - first));
        let mask = u64::MAX >> others << SlotTypes::shift(first);
        self.0 = self.0 & !mask | SlotTypes::all(ty).0 & mask;
    }
    /// All of them, from place 0.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = SlotType> {
        (0..8).map(move |place| self.get(place))
    }
    /// Whether some byte has this one.
    pub fn contains(self, ty: SlotType) -> bool {
        self.iter().any(|own| own == ty)
    }

    #[inline]
    const fn shift(place: usize) -> u32 {
        (place as u32 & 7) * 8
    }
}

impl fmt::Debug for SlotTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{SlotType, SlotTypes};

    #[test]
    fn places() {
        let mut types = SlotTypes::all(SlotType::Misc);
        types.fill(4..=6, SlotType::Zero);
        types.set(7, SlotType::IrqFlag);
        let behind = 8;
        types.fill(behind..=7, SlotType::Iter);
        assert_eq!(types.packed(), 0x0603_0303_0202_0202);
        assert_eq!(types.iter().map(SlotType::letter).collect::<String>(), "mmmm000f");
        assert!(types.is(7, types.get(7)) && types.contains(SlotType::Zero));
        assert!(!types.contains(SlotType::Invalid));
        types.fill(0..=7, SlotType::Spill);
        assert_eq!(types, SlotTypes::all(SlotType::Spill));
    }

    /// Numbers and types are the same thing.
    #[test]
    fn numbers() {
        for number in 0..7 {
            assert_eq!(SlotType::of(number) as u8, number);
        }
    }
}
