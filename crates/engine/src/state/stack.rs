//! The stack of a frame, copied on write.

use std::rc::Rc;

use super::reg::Reg;
use super::shared::{holders, share_of, unshared};
use super::slot_types::{SlotType, SlotTypes};
use crate::index::{IndexVec, Spi};

/// Eight bytes of stack.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// One type a byte.
    pub types: SlotTypes,
    /// The spilled value, dynptr or iterator state; meaningful when the type at place 7 says so.
    pub spill: Option<Rc<Reg>>,
}

impl Slot {
    /// A slot in which nothing is left.
    pub const GONE: Slot = Slot {
        types: SlotTypes::NONE,
        spill: None,
    };

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
        self.types.is(7, SlotType::Spill)
    }
    /// Whether a scalar is spilled here.
    #[inline]
    pub fn is_scalar_spill(&self) -> bool {
        self.is_spill() && self.reg().is_scalar()
    }
    /// Whether a scalar is spilled here with all its eight bytes.
    #[inline]
    pub fn is_scalar_spill64(&self) -> bool {
        self.types.is(0, SlotType::Spill) && self.reg().is_scalar()
    }
    /// Whether the slot holds something other than plain bytes (`is_stack_slot_special`).
    #[inline]
    pub fn is_special(&self) -> bool {
        matches!(
            self.types.get(7),
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
    /// Bytes that it takes, of what is shared a part: all that share it take it together.
    pub(crate) fn bytes(&self) -> u64 {
        let of_slot = |slot: &Slot| {
            let spill = slot.spill.as_ref().map_or(0, share_of);
            size_of::<Slot>() as u64 + spill
        };
        let slots: u64 = self.slots.iter().map(of_slot).sum();
        slots / holders(&self.slots)
    }
    /// Makes room for `slots` slots.
    pub fn grow(&mut self, slots: usize) {
        if slots > self.slots.len() {
            unshared(&mut self.slots).grow(slots);
        }
    }
}
