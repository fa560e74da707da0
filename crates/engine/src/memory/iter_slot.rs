//! Open-coded iterators on a stack. The first slot, which has the highest number, carries the reference.

use verdict_kernel::rule::Rule;
use verdict_kernel::types::{Flags, RegBase};

use super::dynptr_slot::NoSlot;
use crate::error::{Failure, Res};
use crate::index::{Idx, Spi};
use crate::observer::Observer;
use crate::state::{BtfHandle, IterState, Reg, SlotType, SlotTypes};
use crate::verifier::Verifier;

/// An iterator as a kfunc declares it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IterArg {
    /// BTF of its type.
    pub(crate) btf: BtfHandle,
    /// Its type (`struct bpf_iter_num`).
    pub(crate) btf_id: u32,
    /// Slots it takes.
    pub(crate) slots: usize,
    /// Its constructor is only good under RCU (`KF_RCU_PROTECTED`).
    pub(crate) rcu_protected: bool,
}

/// Why a register does not point to an initialised iterator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NotIter {
    /// It is none, or another one; with the kernel's words, if any (`-EINVAL`).
    Other(String),
    /// It was made under RCU, which is no longer held (`-EPROTO`).
    Untrusted,
}

impl<O: Observer> Verifier<'_, O> {
    /// The first slot of the iterator that a register points to (`iter_get_spi`).
    pub(crate) fn iter_spi(&self, reg: &Reg, slots: usize) -> Result<Spi, NoSlot> {
        self.object_spi(reg, "iter", slots as i32)
    }

    /// The slot of the interrupt flags that a register points to (`irq_flag_get_spi`).
    pub(crate) fn irq_spi(&self, reg: &Reg) -> Result<Spi, NoSlot> {
        self.object_spi(reg, "irq_flag", 1)
    }

    /// Makes an iterator in the slots that a register points to (`mark_stack_slots_iter`).
    pub(crate) fn mark_iter_slots(&mut self, reg: &Reg, iter: IterArg) -> Res<()> {
        let spi = self
            .iter_spi(reg, iter.slots)
            .map_err(|no| no.refusal(Rule::IteratorState))?;
        let frame = self.frame_of(reg);
        let id = self.acquire_reference(self.walk.insn_idx);
        let flags = match (iter.rcu_protected, self.in_rcu_cs()) {
            (false, _) => Flags::NONE,
            (true, true) => Flags::RCU,
            (true, false) => Flags::UNTRUSTED,
        };
        for (i, at) in slots_of(spi, iter.slots)?.enumerate() {
            // There is no register type for iterators.
            let mut value = Reg::pointer(verdict_kernel::types::RegType::new(RegBase::Stack, flags));
            value.ref_obj_id = if i == 0 { id } else { 0 };
            value.set_btf(iter.btf, iter.btf_id);
            value.set_iter(IterState::Active, 0);
            let slot = self.slot_mut(frame, at)?;
            slot.types = SlotTypes::all(SlotType::Iter);
            slot.set_reg(value);
            self.mark_slot_written(frame, at);
            self.scratch_slot(at);
        }
        Ok(())
    }

    /// Ends the iterator that a register points to (`unmark_stack_slots_iter`).
    pub(crate) fn unmark_iter_slots(&mut self, reg: &Reg, slots: usize) -> Res<()> {
        let spi = self
            .iter_spi(reg, slots)
            .map_err(|no| no.refusal(Rule::IteratorState))?;
        let frame = self.frame_of(reg);
        let ref_obj_id = self.slot(frame, spi)?.reg().ref_obj_id;
        self.release_reference(ref_obj_id);
        for at in slots_of(spi, slots)? {
            let slot = self.slot_mut(frame, at)?;
            slot.types = SlotTypes::NONE;
            slot.spill = None;
            self.mark_slot_written(frame, at);
            self.set_slot_precise(frame, at, false);
            self.scratch_slot(at);
        }
        Ok(())
    }

    /// Whether an iterator can be made where a register points (`is_iter_reg_valid_uninit`); else the
    /// kernel's words.
    pub(crate) fn can_make_iter(&self, reg: &Reg, slots: usize) -> Result<(), String> {
        let spi = match self.iter_spi(reg, slots) {
            Ok(spi) => spi,
            Err(NoSlot::Beyond) => return Ok(()),
            Err(NoSlot::Misplaced(words)) => return Err(words),
        };
        let stack = &self.walk.cur.frames[self.frame_of(reg)].body.stack;
        let used = (0..slots).any(|i| {
            let slot = spi.above(i).and_then(|at| stack.get(at));
            slot.is_some_and(|slot| slot.types.contains(SlotType::Iter))
        });
        if used { Err(String::new()) } else { Ok(()) }
    }

    /// Whether a register points to an iterator of this type (`is_iter_reg_valid_init`).
    pub(crate) fn is_iter(&self, reg: &Reg, iter: IterArg) -> Result<(), NotIter> {
        let spi = self
            .iter_spi(reg, iter.slots)
            .map_err(|e| NotIter::Other(e.words()))?;
        let stack = &self.walk.cur.frames[self.frame_of(reg)].body.stack;
        let other = || NotIter::Other(String::new());
        for i in 0..iter.slots {
            let slot = spi.above(i).and_then(|at| stack.get(at)).ok_or_else(other)?;
            let value = slot.reg();
            if value.ty.has(Flags::UNTRUSTED) {
                return Err(NotIter::Untrusted);
            }
            let owns = value.ref_obj_id != 0;
            let same = value.btf() == iter.btf && value.btf_id() == iter.btf_id;
            if owns != (i == 0) || !same || slot.types != SlotTypes::all(SlotType::Iter) {
                return Err(other());
            }
        }
        Ok(())
    }

    /// Marks an iterator's slots as read (`mark_iter_read`).
    pub(crate) fn mark_iter_read(&mut self, reg: &Reg, spi: Spi, slots: usize) -> Res<()> {
        let frame = self.frame_of(reg);
        for at in slots_of(spi, slots)? {
            self.mark_slot_read(frame, at);
            self.scratch_slot(at);
        }
        Ok(())
    }
}

/// An object's slots, the first one first.
fn slots_of(spi: Spi, slots: usize) -> Res<impl Iterator<Item = Spi>> {
    if slots > spi.index() + 1 {
        return Err(Failure::bug("an iterator that does not fit the stack"));
    }
    Ok(Spi::range(Spi(0)..spi.below()).rev().take(slots))
}
