//! Dynptrs on a stack: two slots, the first one at the lower address, i.e. the higher slot number.

use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::log::DynptrReads;
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};

use crate::error::{Failure, Res, reject};
use crate::index::{FrameNo, Spi};
use crate::observer::Observer;
use crate::state::{DynptrKind, Reg, SlotType, SlotTypes};
use crate::verifier::Verifier;

/// Slots of a dynptr.
const SLOTS: i32 = 2;

/// Why a register does not point to slots for an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoSlot {
    /// It is not aligned or not constant; with the kernel's words.
    Misplaced(String),
    /// The slots are not allocated (yet).
    Beyond,
}

impl NoSlot {
    /// The kernel's words about it; there may be none.
    pub(crate) fn words(self) -> String {
        match self {
            NoSlot::Misplaced(words) => words,
            NoSlot::Beyond => String::new(),
        }
    }
    /// As a refusal.
    pub(crate) fn refusal(self, rule: Rule) -> Box<Failure> {
        let errno = match self {
            NoSlot::Misplaced(_) => verdict_kernel::errno::Errno::EINVAL,
            NoSlot::Beyond => verdict_kernel::errno::Errno::ERANGE,
        };
        Failure::rejected(rule, errno, self.words())
    }
}

fn misplaced(no: NoSlot) -> Box<Failure> {
    no.refusal(Rule::DynptrState)
}

/// The kind of dynptr that an argument or return type names.
pub(crate) fn dynptr_kind_of(flags: Flags) -> DynptrKind {
    match Flags(flags.0 & Flags::DYNPTR_ANY.0) {
        Flags::DYNPTR_LOCAL => DynptrKind::Local,
        Flags::DYNPTR_RINGBUF => DynptrKind::Ringbuf,
        Flags::DYNPTR_SKB => DynptrKind::Skb,
        Flags::DYNPTR_XDP => DynptrKind::Xdp,
        Flags::DYNPTR_SKB_META => DynptrKind::SkbMeta,
        _ => DynptrKind::Invalid,
    }
}

/// The flag of a kind of dynptr.
pub(crate) fn dynptr_flag_of(kind: DynptrKind) -> Flags {
    match kind {
        DynptrKind::Invalid => Flags::NONE,
        DynptrKind::Local => Flags::DYNPTR_LOCAL,
        DynptrKind::Ringbuf => Flags::DYNPTR_RINGBUF,
        DynptrKind::Skb => Flags::DYNPTR_SKB,
        DynptrKind::Xdp => Flags::DYNPTR_XDP,
        DynptrKind::SkbMeta => Flags::DYNPTR_SKB_META,
    }
}

/// Whether dynptrs of this kind hold a reference.
pub(crate) fn is_refcounted(kind: DynptrKind) -> bool {
    kind == DynptrKind::Ringbuf
}

/// A register or slot that is a dynptr.
pub(crate) fn dynptr_reg(kind: DynptrKind, first_slot: bool, id: u32) -> Reg {
    let mut reg = Reg {
        id,
        ..Reg::pointer(RegBase::ConstDynptr)
    };
    reg.set_dynptr(kind, first_slot);
    reg
}

impl<O: Observer> Verifier<'_, O> {
    /// The first slot of an object of `slots` slots that a register points to (`stack_slot_obj_get_spi`).
    pub(crate) fn object_spi(&self, reg: &Reg, what: &str, slots: i32) -> Result<Spi, NoSlot> {
        if !reg.is_const() {
            return Err(NoSlot::Misplaced(format!(
                "{what} has to be at a constant offset\n"
            )));
        }
        let off = reg.off.wrapping_add(reg.b.var_off().value as i32);
        let spi = off.wrapping_neg().wrapping_sub(1) / 8;
        if off % 8 != 0 || spi.wrapping_add(1) < slots {
            return Err(NoSlot::Misplaced(format!(
                "cannot pass in {what} at an offset={off}\n"
            )));
        }
        let frame = self.frame_of(reg);
        let allocated = self
            .walk
            .cur
            .frames
            .get(frame)
            .map_or(Spi(0), |f| f.body.stack.end());
        match u32::try_from(spi).map(Spi) {
            Ok(spi) if spi < allocated => Ok(spi),
            _ => Err(NoSlot::Beyond),
        }
    }

    /// The first slot of the dynptr that a register points to.
    pub(crate) fn dynptr_spi(&self, reg: &Reg) -> Result<Spi, NoSlot> {
        self.object_spi(reg, "dynptr", SLOTS)
    }

    /// The dynptr that an argument names: the register itself, or the first slot it points to. Gives its
    /// kind, `id` and `ref_obj_id` to callers that have checked it.
    pub(crate) fn dynptr_of(&self, reg: &Reg) -> Res<Reg> {
        if reg.ty.is(RegBase::ConstDynptr) {
            return Ok(*reg);
        }
        if self.has_plain_dynptrs() {
            return Ok(self.plain_dynptr(reg));
        }
        let spi = self.dynptr_spi(reg).map_err(misplaced)?;
        Ok(*self.slot(self.frame_of(reg), spi)?.reg())
    }

    /// Makes a dynptr in the slots that a register points to (`mark_stack_slots_dynptr`). A clone shares the
    /// reference `clone_ref` of its original; 0 is none.
    pub(crate) fn mark_dynptr_slots(&mut self, reg: &Reg, kind: DynptrKind, clone_ref: u32) -> Res<()> {
        let spi = self.dynptr_spi(reg).map_err(misplaced)?;
        let frame = self.frame_of(reg);
        let pair = pair_of(spi)?;
        for spi in pair {
            self.destroy_if_dynptr_slot(frame, spi)?;
        }
        if kind == DynptrKind::Invalid {
            reject!(DynptrArgument, EINVAL);
        }
        let id = self.next_id();
        let ref_obj_id = match (is_refcounted(kind), clone_ref) {
            (false, _) => 0,
            (true, 0) => self.acquire_reference(self.walk.insn_idx),
            (true, shared) => shared,
        };
        for (at, first) in pair.into_iter().zip([true, false]) {
            let slot = self.slot_mut(frame, at)?;
            slot.types = SlotTypes::all(SlotType::Dynptr);
            slot.set_reg(Reg {
                ref_obj_id,
                ..dynptr_reg(kind, first, id)
            });
            self.mark_slot_written(frame, at);
        }
        Ok(())
    }

    /// Forgets the dynptr in these slots. They count as written: what they held can no longer be read.
    fn invalidate_dynptr(&mut self, frame: FrameNo, spi: Spi) -> Res<()> {
        for at in pair_of(spi)? {
            let slot = self.slot_mut(frame, at)?;
            slot.types = SlotTypes::NONE;
            slot.spill = None;
            self.mark_slot_written(frame, at);
            self.set_slot_precise(frame, at, false);
        }
        Ok(())
    }

    /// Ends the dynptr that a register points to (`unmark_stack_slots_dynptr`); one with a reference takes
    /// its slices and clones along.
    pub(crate) fn unmark_dynptr_slots(&mut self, reg: &Reg) -> Res<()> {
        if self.has_plain_dynptrs() {
            return self.end_plain_dynptr(reg);
        }
        let spi = self.dynptr_spi(reg).map_err(misplaced)?;
        let frame = self.frame_of(reg);
        let dynptr = *self.slot(frame, spi)?.reg();
        if !is_refcounted(dynptr.dynptr_kind()) {
            return self.invalidate_dynptr(frame, spi);
        }
        self.release_reference(dynptr.ref_obj_id);
        let allocated = self
            .walk
            .cur
            .frames
            .get(frame)
            .map_or(Spi(0), |f| f.body.stack.end());
        for at in Spi::range(Spi(1)..allocated) {
            let slot = self.slot(frame, at)?;
            if slot.reg().ref_obj_id != dynptr.ref_obj_id {
                continue;
            }
            if !slot.types.is(0, SlotType::Dynptr) {
                reject!(
                    VerifierBug,
                    EFAULT,
                    "verifier internal error: misconfigured ref_obj_id\n"
                );
            }
            if slot.reg().dynptr_first_slot() {
                self.invalidate_dynptr(frame, at)?;
            }
        }
        Ok(())
    }

    /// A store goes over a slot: a dynptr there ends, with its slices (`destroy_if_dynptr_stack_slot`).
    pub(crate) fn destroy_if_dynptr_slot(&mut self, frame: FrameNo, spi: Spi) -> Res<()> {
        let slot = self.slot(frame, spi)?;
        if !slot.types.is(0, SlotType::Dynptr) || self.has_plain_dynptrs() {
            return Ok(());
        }
        let first = if slot.reg().dynptr_first_slot() {
            spi
        } else {
            spi.below()
        };
        let dynptr = *self.slot(frame, first)?.reg();
        if is_refcounted(dynptr.dynptr_kind()) {
            reject!(DynptrOverwrite, EINVAL, "cannot overwrite referenced dynptr\n");
        }
        for at in pair_of(first)? {
            self.scratch_slot(at);
        }
        self.invalidate_dynptr(frame, first)?;
        self.walk.cur.for_each_reg_mut(
            |reg| {
                let slice = reg.ty.without(Flags::MAYBE_NULL).is(RegBase::Mem);
                slice && reg.dynptr_id() == dynptr.id
            },
            Reg::set_unknown,
        );
        Ok(())
    }

    /// Whether a dynptr can be made where a register points (`is_dynptr_reg_valid_uninit`); else the kernel's
    /// words. The slots need not be allocated.
    pub(crate) fn can_make_dynptr(&self, reg: &Reg) -> Result<(), String> {
        if reg.ty.is(RegBase::ConstDynptr) {
            return Err(String::new());
        }
        match self.dynptr_spi(reg) {
            Ok(_) | Err(NoSlot::Beyond) => Ok(()),
            Err(NoSlot::Misplaced(words)) => Err(words),
        }
    }

    /// Whether a register is, or points to, a dynptr (`is_dynptr_reg_valid_init`); else the kernel's words.
    pub(crate) fn is_dynptr(&self, reg: &Reg) -> Result<(), String> {
        if reg.ty.is(RegBase::ConstDynptr) {
            return Ok(());
        }
        let spi = self.dynptr_spi(reg).map_err(NoSlot::words)?;
        let stack = &self.walk.cur.frames[self.frame_of(reg)].body.stack;
        let whole = |spi: Spi| {
            stack
                .get(spi)
                .is_some_and(|slot| slot.types == SlotTypes::all(SlotType::Dynptr))
        };
        let first = stack.get(spi).is_some_and(|slot| slot.reg().dynptr_first_slot());
        if first && whole(spi) && spi.above(1).is_some_and(whole) {
            Ok(())
        } else {
            Err(String::new())
        }
    }

    /// Whether a dynptr, checked before, is of a kind that the argument takes (`is_dynptr_type_expected`).
    pub(crate) fn is_dynptr_expected(&self, reg: &Reg, arg: ArgType) -> Res<bool> {
        if arg.is(ArgBase::Dynptr) {
            return Ok(true);
        }
        Ok(self.dynptr_of(reg)?.dynptr_kind() == dynptr_kind_of(arg.flags()))
    }

    /// Marks a dynptr's slots as read (`mark_dynptr_read`).
    pub(crate) fn mark_dynptr_read(&mut self, reg: &Reg) -> Res<()> {
        if reg.ty.is(RegBase::ConstDynptr) {
            return Ok(());
        }
        let spi = self.dynptr_spi(reg).map_err(misplaced)?;
        let frame = self.frame_of(reg);
        let shown = self.env.kernel.semantics.log.dynptr_reads == DynptrReads::Shown;
        for at in pair_of(spi)? {
            self.mark_slot_read(frame, at);
            if shown {
                self.scratch_slot(at);
            }
        }
        Ok(())
    }
}

/// Both slots of a dynptr by its first.
fn pair_of(spi: Spi) -> Res<[Spi; 2]> {
    match spi.above(1) {
        Some(second) => Ok([spi, second]),
        None => Err(Failure::bug("a dynptr with one slot")),
    }
}
