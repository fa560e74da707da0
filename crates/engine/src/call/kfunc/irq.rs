//! Saved interrupt flags on the stack, resilient locks, work for tasks.

use verdict_kernel::kfunc::{KfuncFlags, Special};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::RcuFunction;
use verdict_kernel::types::RegBase;

use super::graph::OBJECT;
use super::meta::{GivenMap, Meta};
use super::proto::Kfunc;
use crate::error::{Failure, Res, reject};
use crate::index::{RegNo, Spi};
use crate::memory::{MemAccess, NoSlot};
use crate::observer::Observer;
use crate::state::{RefKind, Reg, SlotType, SlotTypes};
use crate::verifier::Verifier;

/// Whether interrupt flags are saved or restored together with a lock.
fn is_of_lock(func: &Kfunc) -> bool {
    func.is(Special::ResSpinLockIrqsave) || func.is(Special::ResSpinUnlockIrqrestore)
}

/// The name of that, in messages.
const fn class_name(of_lock: bool) -> &'static str {
    if of_lock { "lock" } else { "native" }
}

impl<O: Observer> Verifier<'_, O> {
    /// What may not be called with interrupts disabled, or without RCU.
    pub(super) fn check_irq_and_rcu(&self, func: &Kfunc) -> Res<()> {
        if self.walk.cur.active_irq != 0 && func.has(KfuncFlags::SLEEPABLE) {
            reject!(
                SleepInRegion,
                EACCES,
                "kernel func {} is sleepable within IRQ-disabled region\n",
                func.name
            );
        }
        let demands = self.env.kernel.semantics.control.rcu_function == RcuFunction::Refused;
        if demands && func.has(KfuncFlags::RCU_PROTECTED) && !self.in_rcu_cs() {
            reject!(
                RegionPairing,
                EACCES,
                "kernel func {} requires RCU critical section protection\n",
                func.name
            );
        }
        Ok(())
    }

    /// Interrupt flags that the call saves or restores (`process_irq_flag`).
    pub(super) fn check_irq_flag(&mut self, reg: &Reg, arg: usize, meta: &Meta) -> Res<()> {
        if !reg.ty.is(RegBase::Stack) {
            reject!(
                DynptrArgument,
                EINVAL,
                "arg#{arg} doesn't point to an irq flag on stack\n"
            );
        }
        let of_lock = is_of_lock(&meta.func);
        match meta.func.special {
            Some(Special::LocalIrqSave | Special::ResSpinLockIrqsave) => self.save_irq(reg, arg, of_lock),
            Some(Special::LocalIrqRestore | Special::ResSpinUnlockIrqrestore) => {
                self.restore_irq(reg, arg, of_lock)
            }
            _ => reject!(VerifierBug, EFAULT, "verifier bug: unknown irq flags kfunc\n"),
        }
    }

    fn save_irq(&mut self, reg: &Reg, arg: usize, of_lock: bool) -> Res<()> {
        let frame = self.frame_of(reg);
        let (free, words) = match self.irq_spi(reg) {
            Ok(spi) => {
                let slot = self.slot(frame, spi);
                let is_free = slot.is_ok_and(|slot| !slot.types.contains(SlotType::IrqFlag));
                (is_free, String::new())
            }
            Err(NoSlot::Beyond) => (true, String::new()),
            Err(NoSlot::Misplaced(words)) => (false, words),
        };
        if !free {
            reject!(
                IteratorState,
                EINVAL,
                "{words}expected uninitialized irq flag as arg#{arg}\n"
            );
        }
        self.check_mem_access(MemAccess::write(RegNo::of_arg(arg), 0, 8, None))?;
        let spi = self.irq_spi(reg).map_err(|no| no.refusal(Rule::IteratorState))?;
        let id = self.acquire_irq();
        let mut value = Reg::pointer(RegBase::Stack);
        value.ref_obj_id = id;
        value.set_irq_of_lock(of_lock);
        let slot = self.slot_mut(frame, spi)?;
        slot.types = SlotTypes::all(SlotType::IrqFlag);
        slot.set_reg(value);
        self.mark_slot_written(frame, spi);
        self.scratch_slot(spi);
        Ok(())
    }

    fn restore_irq(&mut self, reg: &Reg, arg: usize, of_lock: bool) -> Res<()> {
        let frame = self.frame_of(reg);
        let is_saved = |spi: &Spi| {
            self.slot(frame, *spi).is_ok_and(|slot| {
                slot.types == SlotTypes::all(SlotType::IrqFlag) && slot.reg().ref_obj_id != 0
            })
        };
        let (spi, words) = match self.irq_spi(reg) {
            Ok(spi) => (Some(spi).filter(is_saved), String::new()),
            Err(NoSlot::Beyond) => (None, String::new()),
            Err(NoSlot::Misplaced(words)) => (None, words),
        };
        let Some(spi) = spi else {
            reject!(
                IteratorState,
                EINVAL,
                "{words}expected an initialized irq flag as arg#{arg}\n"
            );
        };
        self.mark_slot_read(frame, spi);
        self.scratch_slot(spi);
        let saved = *self.slot(frame, spi)?.reg();
        if saved.irq_of_lock() != of_lock {
            reject!(
                RegionPairing,
                EINVAL,
                "irq flag acquired by {} kfuncs cannot be restored with {} kfuncs\n",
                class_name(saved.irq_of_lock()),
                class_name(of_lock)
            );
        }
        self.release_irq(saved.ref_obj_id)?;
        let slot = self.slot_mut(frame, spi)?;
        slot.types = SlotTypes::NONE;
        slot.spill = None;
        self.mark_slot_written(frame, spi);
        self.scratch_slot(spi);
        Ok(())
    }

    fn acquire_irq(&mut self) -> u32 {
        let id = self.acquire_reference(self.walk.insn_idx);
        if let Some(last) = self.walk.cur.refs.last_mut() {
            last.kind = RefKind::Irq;
        }
        self.walk.cur.active_irq = id;
        id
    }

    /// Flags are restored in the reverse order.
    fn release_irq(&mut self, id: u32) -> Res<()> {
        let irqs = |r: &&crate::state::Ref| r.kind == RefKind::Irq;
        let expected = self.walk.cur.active_irq;
        if id != expected {
            let at = self.walk.cur.refs.iter().find(|r| r.id == expected);
            reject!(
                RegionPairing,
                EACCES,
                "cannot restore irq state out of order, expected id={expected} acquired at insn_idx={}\n",
                at.map_or(0, |r| r.insn_idx.0)
            );
        }
        let before = self
            .walk
            .cur
            .refs
            .iter()
            .filter(irqs)
            .take_while(|r| r.id != id)
            .last();
        self.walk.cur.active_irq = before.map_or(0, |r| r.id);
        let Some(at) = self
            .walk
            .cur
            .refs
            .iter()
            .position(|r| r.kind == RefKind::Irq && r.id == id)
        else {
            return Err(Failure::bug("interrupt flags without a reference"));
        };
        self.note_change_of_held();
        self.walk.cur.refs.remove(at);
        Ok(())
    }

    /// A lock that can fail.
    pub(super) fn check_resilient_lock(&mut self, reg: &Reg, arg: usize, meta: &Meta) -> Res<()> {
        if !reg.ty.is(RegBase::MapValue) && reg.ty != OBJECT {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "arg#{arg} doesn't point to map value or allocated object\n"
            );
        }
        let Some(special) = meta.func.special.filter(|special| special.is_resilient_lock()) else {
            reject!(VerifierBug, EFAULT)
        };
        let kind = match is_of_lock(&meta.func) {
            true => RefKind::ResLockIrq,
            false => RefKind::ResLock,
        };
        self.process_spin_lock(reg, RegNo::of_arg(arg), kind, special.takes_resilient_lock())
    }

    /// Work for a task in a map's value (`process_task_work_func`).
    pub(super) fn check_task_work(&self, reg: &Reg, arg: usize, meta: &mut Meta) -> Res<()> {
        if !reg.ty.is(RegBase::MapValue) {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "arg#{arg} doesn't point to a map value\n"
            );
        }
        let map = self.map_of(reg)?;
        let at = map.record.as_ref().and_then(|record| record.task_work_off());
        let Some(at) = at else {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "map '{}' has no valid bpf_task_work\n",
                map.name
            );
        };
        let off = (reg.b.var_off().value as i64).wrapping_add(i64::from(reg.off));
        if i64::from(at) != off {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "off {off} doesn't point to 'struct bpf_task_work' that is at {at}\n"
            );
        }
        meta.map = GivenMap::of(reg);
        Ok(())
    }
}
