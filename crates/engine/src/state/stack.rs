//! The stack of a frame, copied on write.

use std::rc::Rc;

use super::reg::Reg;
use super::shared::unshared;
use crate::index::{IndexVec, Spi};

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
}

/// Eight bytes of stack: index 7 of `types` is the highest address… of the slot's *lowest* byte order, that is,
/// `types[i]` describes the byte at `slot base + 7 - i`, as the kernel counts them from the top.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// One type a byte.
    pub types: [SlotType; 8],
    /// The spilled value, dynptr or iterator state; meaningful when `types[7]` says so.
    pub spill: Option<Rc<Reg>>,
}

impl Slot {
    /// A slot in which nothing is left.
    pub const GONE: Slot = Slot {
        types: [SlotType::Invalid; 8],
        spill: None,
    };

    /// The types of all bytes as one number, that of `types[0]` in the lowest byte.
    #[inline]
    pub fn packed_types(&self) -> u64 {
        let [a, b, c, d, e, f, g, h] = self.types;
        u64::from_le_bytes([
            a as u8, b as u8, c as u8, d as u8, e as u8, f as u8, g as u8, h as u8,
        ])
    }
    /// The spilled value, or an unwritten one.
    #[inline]
    pub fn reg(&self) -> &Reg {
        const NONE: &Reg = &Reg::NOT_INIT;
        self.spill.as_deref().unwrap_or(NONE)
    }
    /// The spilled value for writing; creates it when there is none.
    #[inline]
    pub fn reg_mut(&mut self) -> &mut Reg {
        unshared(self.spill.get_or_insert_with(|| Rc::new(Reg::NOT_INIT)))
    }
    /// Replaces the spilled value.
    #[inline]
    pub fn set_reg(&mut self, reg: Reg) {
        self.spill = Some(Rc::new(reg));
    }
    /// Whether a register is spilled here (`is_spilled_reg`).
    #[inline]
    pub fn is_spill(&self) -> bool {
        self.types[7] == SlotType::Spill
    }
    /// Whether a scalar is spilled here.
    #[inline]
    pub fn is_scalar_spill(&self) -> bool {
        self.is_spill() && self.reg().is_scalar()
    }
    /// Whether a scalar is spilled here with all its eight bytes.
    #[inline]
    pub fn is_scalar_spill64(&self) -> bool {
        self.types[0] == SlotType::Spill && self.reg().is_scalar()
    }
    /// Whether the slot holds something other than plain bytes (`is_stack_slot_special`).
    #[inline]
    pub fn is_special(&self) -> bool {
        matches!(
            self.types[7],
            SlotType::Spill | SlotType::Dynptr | SlotType::Iter | SlotType::IrqFlag
        )
    }
}

/// A frame's stack. Slot 0 is `fp-8`.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    slots: Rc<IndexVec<Spi, Slot>>,
}

impl Stack {
    /// Number of allocated slots.
    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len()
    }
    /// Whether nothing is allocated.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
    /// All slots.
    #[inline]
    pub fn slots(&self) -> &IndexVec<Spi, Slot> {
        &self.slots
    }
    /// The slot that the next allocated one would be.
    #[inline]
    pub fn end(&self) -> Spi {
        self.slots.end()
    }
    /// A slot.
    #[inline]
    pub fn get(&self, spi: Spi) -> Option<&Slot> {
        self.slots.get(spi)
    }
    /// A slot for writing.
    #[inline]
    pub fn get_mut(&mut self, spi: Spi) -> Option<&mut Slot> {
        if spi < self.slots.end() {
            unshared(&mut self.slots).get_mut(spi)
        } else {
            None
        }
    }
    /// Whether both are the same allocation, hence equal.
    #[inline]
    pub fn same(&self, other: &Stack) -> bool {
        Rc::ptr_eq(&self.slots, &other.slots)
    }
    /// Makes room for `slots` slots.
    pub fn grow(&mut self, slots: usize) {
        if slots > self.slots.len() {
            unshared(&mut self.slots).grow(slots);
        }
    }
}
