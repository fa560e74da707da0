//! Dynptrs where nothing tells one from another: bytes on the stack that are one, and the resource that it holds
//! (before Linux 6.3).

use verdict_kernel::semantics::control::Dynptrs;
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};

use super::MemAccess;
use super::dynptr_slot::{dynptr_kind_of, dynptr_reg, is_refcounted};
use crate::error::{Res, reject};
use crate::index::{Idx, RegNo, Spi};
use crate::observer::Observer;
use crate::state::{DynptrKind, Reg, Slot, SlotType, SlotTypes};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Whether dynptrs have no identity.
    pub(crate) fn has_plain_dynptrs(&self) -> bool {
        self.env.kernel.semantics.control.dynptrs == Dynptrs::Plain
    }

    /// The two slots that a stack pointer names by its fixed offset alone, the lower one first, if both are there.
    pub(crate) fn plain_dynptr_spis(&self, reg: &Reg) -> Option<[Spi; 2]> {
        let spi = Spi(u32::try_from((-i64::from(reg.off) - 1) / 8).ok()?);
        let stack = &self.walk.cur.frames.get(self.frame_of(reg))?.body.stack;
        (spi.index() < stack.len()).then_some([spi, spi.above(1)?])
    }

    fn plain_dynptr_slots(&self, reg: &Reg) -> Option<[&Slot; 2]> {
        let spis = self.plain_dynptr_spis(reg)?;
        let stack = &self.walk.cur.frames.get(self.frame_of(reg))?.body.stack;
        Some([stack.get(spis[0])?, stack.get(spis[1])?])
    }

    /// The dynptr that a stack pointer names; one of no kind if there is none.
    pub(crate) fn plain_dynptr(&self, reg: &Reg) -> Reg {
        match self.plain_dynptr_slots(reg) {
            Some([first, _]) => *first.reg(),
            None => dynptr_reg(DynptrKind::Invalid, false, 0),
        }
    }

    /// Whether a stack pointer names a whole dynptr (`is_dynptr_reg_valid_init`).
    pub(crate) fn is_plain_dynptr(&self, reg: &Reg) -> bool {
        self.plain_dynptr_slots(reg).is_some_and(|slots| {
            slots[0].reg().dynptr_first_slot()
                && slots
                    .iter()
                    .all(|slot| slot.types == SlotTypes::all(SlotType::Dynptr))
        })
    }

    /// An argument that is a dynptr, or becomes one.
    pub(crate) fn process_plain_dynptr(&mut self, regno: RegNo, arg_ty: ArgType) -> Res<()> {
        let reg = *self.reg(regno);
        if reg.ty.is(RegBase::ConstDynptr) {
            return Ok(());
        }
        let bytes = self
            .plain_dynptr_slots(&reg)
            .map(|slots| slots.map(|slot| slot.types));
        if arg_ty.has(Flags::UNINIT) {
            if bytes.is_some_and(|bytes| bytes.iter().any(|bytes| bytes.contains(SlotType::Dynptr))) {
                reject!(DynptrState, EINVAL, "Dynptr has to be an uninitialized dynptr\n");
            }
            return self.make_plain_dynptr(regno, dynptr_kind_of(arg_ty.flags()));
        }
        if !self.is_plain_dynptr(&reg) {
            reject!(
                DynptrState,
                EINVAL,
                "Expected an initialized dynptr as arg #{}\n",
                regno
            );
        }
        let wanted = dynptr_kind_of(arg_ty.flags());
        let any = arg_ty.without(Flags::RDONLY).is(ArgBase::Dynptr);
        if !any && self.plain_dynptr(&reg).dynptr_kind() != wanted {
            let name = match wanted {
                DynptrKind::Local => "local",
                DynptrKind::Ringbuf => "ringbuf",
                _ => "<unknown>",
            };
            reject!(
                DynptrArgument,
                EINVAL,
                "Expected a dynptr of type {} as arg #{}\n",
                name,
                regno
            );
        }
        Ok(())
    }

    /// Makes a dynptr in the slots that a register names (`mark_stack_slots_dynptr`).
    fn make_plain_dynptr(&mut self, regno: RegNo, kind: DynptrKind) -> Res<()> {
        for off in [0, 8] {
            self.check_mem_access(MemAccess::write(regno, off, 8, None))?;
        }
        let reg = *self.reg(regno);
        let Some(spis) = self.plain_dynptr_spis(&reg) else {
            reject!(DynptrArgument, EINVAL);
        };
        if kind == DynptrKind::Invalid {
            reject!(DynptrArgument, EINVAL);
        }
        let frame = self.frame_of(&reg);
        let ref_obj_id = match is_refcounted(kind) {
            true => self.acquire_reference(self.walk.insn_idx),
            false => 0,
        };
        for (at, first) in [(spis[0], true), (spis[1], false)] {
            let slot = self.slot_mut(frame, at)?;
            slot.types = SlotTypes::all(SlotType::Dynptr);
            slot.set_reg(Reg {
                ref_obj_id,
                ..dynptr_reg(kind, first, 0)
            });
        }
        Ok(())
    }

    /// Ends the dynptr that a register names, with what depends on its resource (`unmark_stack_slots_dynptr`).
    pub(crate) fn end_plain_dynptr(&mut self, reg: &Reg) -> Res<()> {
        let Some(spis) = self.plain_dynptr_spis(reg) else {
            reject!(DynptrArgument, EINVAL);
        };
        let (frame, dynptr) = (self.frame_of(reg), self.plain_dynptr(reg));
        if is_refcounted(dynptr.dynptr_kind()) {
            self.release_reference(dynptr.ref_obj_id);
        }
        for at in spis {
            let slot = self.slot_mut(frame, at)?;
            slot.types = SlotTypes::NONE;
            slot.set_reg(dynptr_reg(DynptrKind::Invalid, false, 0));
        }
        Ok(())
    }
}
