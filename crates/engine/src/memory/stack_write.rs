//! Stores into a stack: spills, and bytes.
//!
//! A register stored at the start of a slot is kept there as it is (a *spill*): pointers with all their eight
//! bytes, scalars with the bytes stored. Everything else is only known as zero or not.

use verdict_domain::Bounds;
use verdict_isa::{class, mode};
use verdict_kernel::semantics::linked::SpillLink;
use verdict_kernel::semantics::stack::{
    PartialStore, UnknownSpill, VariableConstant, VariableStore, VariableZero, ZeroImmediate, ZeroSpill,
};
use verdict_kernel::types::RegBase;

use super::stack_bounds::{SLOT, Span, byte_of, parts, spi_of};
use super::{MemAccess, RawMode};
use crate::error::{Res, reject};
use crate::index::{FrameNo, RegNo, Spi};
use crate::observer::Observer;
use crate::state::{FP, Reg, Slot, SlotType, hist};
use crate::verifier::Verifier;

/// What a store at a known offset does to its slot.
enum Store {
    /// The value is kept.
    Spill { value: Reg, precise: bool },
    /// Only bytes are.
    Bytes,
}

impl Slot {
    /// Whatever was kept here is gone; its bytes are unknown data (`scrub_special_slot`).
    /// A dynptr of which nothing is known stays in its other bytes.
    fn scrub(&mut self, plain_dynptrs: bool) {
        if plain_dynptrs && self.types.is(7, SlotType::Dynptr) {
            self.erase();
            return;
        }
        // Of what was kept, only the reference can still be asked for.
        if self.reg().ref_obj_id == 0 {
            self.spill = None;
        } else {
            self.erase();
        }
        if self.is_special() {
            self.scrub_types();
        }
    }
    /// What was kept here has no type any more. All else stays, and so does what the bytes claim.
    fn erase(&mut self) {
        if self.spill.is_some() {
            self.reg_mut().ty = RegBase::NotInit.into();
        }
    }
    /// All written bytes are unknown data.
    pub(super) fn scrub_types(&mut self) {
        for place in 0..8 {
            if !self.types.is(place, SlotType::Invalid) {
                self.types.set(place, SlotType::Misc);
            }
        }
    }
}

/// Whether values of this kind can be kept in a slot (`is_spillable_regtype`).
fn is_spillable(reg: &Reg) -> bool {
    match reg.ty.base() {
        RegBase::MapValue
        | RegBase::Stack
        | RegBase::Ctx
        | RegBase::Packet
        | RegBase::PacketMeta
        | RegBase::PacketEnd
        | RegBase::FlowKeys
        | RegBase::ConstMapPtr
        | RegBase::Socket
        | RegBase::SockCommon
        | RegBase::TcpSock
        | RegBase::XdpSock
        | RegBase::BtfId
        | RegBase::Buf
        | RegBase::Mem
        | RegBase::Func
        | RegBase::MapKey
        | RegBase::Arena => true,
        RegBase::NotInit | RegBase::Scalar | RegBase::TpBuffer | RegBase::ConstDynptr => false,
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// A store into a stack.
    pub(super) fn check_stack_write(&mut self, ptr: &Reg, m: &MemAccess) -> Res<()> {
        let frame = self.frame_of(ptr);
        if self.writes_make_room() {
            let lowest = Span::of(ptr, m.off).min;
            self.grow_stack(frame, lowest.wrapping_neg())?;
        }
        if ptr.is_const() {
            let off = m.off.wrapping_add(ptr.b.var_off().value as i32);
            self.write_fixed(frame, off, m.size, m.value)
        } else {
            self.write_variable(frame, Span::of(ptr, m.off), m.size, m.value)
        }
    }

    /// A store at a known offset (`check_stack_write_fixed_off`). It is aligned to its size.
    fn write_fixed(&mut self, frame: FrameNo, off: i32, size: i32, value: Option<RegNo>) -> Res<()> {
        let spi = spi_of(off);
        self.destroy_if_dynptr_slot(frame, spi)?;
        self.check_fastcall_contract(frame, off);
        self.scratch_slot(spi);
        match self.plan_store(frame, off, size, value)? {
            Store::Spill { value, precise } => {
                self.save_register(frame, spi, value, precise, size)?;
                self.push_history(hist::stack_access(frame, spi), 0);
                Ok(())
            }
            Store::Bytes => self.write_bytes(frame, off, size, value),
        }
    }

    /// Decides what a store at a known offset leaves.
    fn plan_store(&mut self, frame: FrameNo, off: i32, size: i32, value: Option<RegNo>) -> Res<Store> {
        let aligned = off % SLOT == 0;
        let Some(regno) = value else {
            let zero_bytes = self.env.kernel.semantics.stack.zero_immediate == ZeroImmediate::StackZero;
            let kept = |imm: &i32| aligned && (*imm != 0 || !zero_bytes);
            return Ok(match self.stored_imm().filter(kept) {
                Some(imm) => Store::Spill {
                    value: Reg::constant(i64::from(imm) as u64),
                    precise: false,
                },
                None => Store::Bytes,
            });
        };
        let reg = *self.reg(regno);
        let precise = regno.is_in(self.walk.cur.marks_mut().precise);
        if reg.is_scalar() {
            let stack = &self.env.kernel.semantics.stack;
            let zero_bytes = stack.zero_spill == ZeroSpill::StackZero && reg.is_null();
            let unknown = stack.unknown_spill == UnknownSpill::Bytes && reg.b == Bounds::UNKNOWN;
            if !aligned || zero_bytes || unknown {
                return Ok(Store::Bytes);
            }
            // Backtracking that does not see this store has to begin here.
            if self.remembers_jumps_only() && RegNo(self.insn().dst) != FP {
                self.mark_chain_precision(regno)?;
            }
            return Ok(Store::Spill {
                value: self.scalar_to_spill(regno, size),
                precise,
            });
        }
        if !is_spillable(&reg) {
            return Ok(Store::Bytes);
        }
        if size != SLOT {
            self.show_source_line();
            reject!(PartialPointer, EACCES, "invalid size of register spill\n");
        }
        if frame != self.walk.cur.curframe() && reg.ty.is(RegBase::Stack) {
            reject!(
                StackPointerEscape,
                EINVAL,
                "cannot spill pointers to stack into stack frame of the caller\n"
            );
        }
        Ok(Store::Spill { value: reg, precise })
    }

    /// The scalar as it is kept: linked with its register if all of it fits.
    fn scalar_to_spill(&mut self, regno: RegNo, size: i32) -> Reg {
        if self.reg(regno).b.width() > size.unsigned_abs() * 8 {
            return Reg {
                id: 0,
                ..*self.reg(regno)
            };
        }
        if self.env.kernel.semantics.linked.spill_link == SpillLink::Given {
            self.assign_scalar_id(regno);
        }
        *self.reg(regno)
    }

    /// The constant that the instruction stores, if it does (`BPF_ST`).
    fn stored_imm(&self) -> Option<i32> {
        let insn = self.insn();
        (class(insn.code) == class::ST && mode(insn.code) == mode::MEM).then_some(insn.imm)
    }

    /// Whether the stored value is known to be zero.
    fn stores_zero(&self, value: Option<RegNo>) -> bool {
        match value {
            Some(regno) => self.reg(regno).is_null(),
            None => self.stored_imm() == Some(0),
        }
    }

    /// Keeps a register's value in a slot (`save_register_state`).
    fn save_register(&mut self, frame: FrameNo, spi: Spi, value: Reg, precise: bool, size: i32) -> Res<()> {
        let whole = size == SLOT;
        let keeps_zero = self.env.kernel.semantics.stack.partial_store == PartialStore::Zero;
        let slot = self.slot_mut(frame, spi)?;
        slot.set_reg(value);
        let kept_from = (SLOT - size).clamp(0, SLOT) as usize;
        slot.types.fill(kept_from..=7, SlotType::Spill);
        for place in 0..kept_from {
            let ty = slot.types.get(place);
            let stays = ty == SlotType::Invalid || ty == SlotType::Zero && keeps_zero;
            if !stays {
                slot.types.set(place, SlotType::Misc);
            }
        }
        self.set_slot_precise(frame, spi, precise);
        if whole {
            self.mark_slot_written(frame, spi);
        }
        Ok(())
    }

    /// What a helper writes into a buffer on a stack, as if byte by byte. The buffer was checked to be one, at
    /// a known offset.
    pub(crate) fn write_buffer(&mut self, buffer: RawMode) -> Res<()> {
        if buffer.access_size <= 0 {
            return Ok(());
        }
        let plain_dynptrs = self.has_plain_dynptrs();
        let ptr = self.reg(buffer.regno);
        let (frame, start) = (self.frame_of(ptr), Span::of(ptr, ptr.off).min);
        if self.writes_make_room() {
            let named = ptr.off;
            self.grow_stack(frame, start.wrapping_neg())?;
            self.use_stack(frame, named);
        }
        let end = start.wrapping_add(buffer.access_size);
        if !O::LISTENING && self.unknown_slots(frame, start, end).is_some() {
            self.check_fastcall_contract(frame, start);
            return Ok(());
        }
        for part in parts(start, end) {
            self.destroy_if_dynptr_slot(frame, part.spi)?;
            self.check_fastcall_contract(frame, part.off);
            self.scratch_slot(part.spi);
            if self
                .slot(frame, part.spi)
                .is_ok_and(|slot| slot.spill.is_none() && part.is_misc(slot))
            {
                continue;
            }
            let slot = self.slot_mut(frame, part.spi)?;
            slot.scrub(plain_dynptrs);
            slot.types.fill(part.places(), SlotType::Misc);
        }
        Ok(())
    }

    /// Stores bytes that are zero or unknown.
    fn write_bytes(&mut self, frame: FrameNo, off: i32, size: i32, value: Option<RegNo>) -> Res<()> {
        let spi = spi_of(off);
        let plain_dynptrs = self.has_plain_dynptrs();
        self.slot_mut(frame, spi)?.scrub(plain_dynptrs);
        // Partial writes do not screen off reads of the rest.
        if size == SLOT {
            self.mark_slot_written(frame, spi);
        }
        let ty = if self.stores_zero(value) {
            // Zero bytes have no register that could be made precise later.
            if let Some(regno) = value {
                self.mark_chain_precision(regno)?;
            }
            SlotType::Zero
        } else {
            SlotType::Misc
        };
        let slot = self.slot_mut(frame, spi)?;
        let highest = byte_of(off);
        for i in 0..size.clamp(0, SLOT) as usize {
            slot.types.set(highest.wrapping_sub(i) % 8, ty);
        }
        Ok(())
    }

    /// A store somewhere in a range (`check_stack_write_var_off`): every byte may be overwritten or not.
    fn write_variable(&mut self, frame: FrameNo, span: Span, size: i32, value: Option<RegNo>) -> Res<()> {
        let zero = match self.env.kernel.semantics.stack.variable_constant {
            VariableConstant::Zero => self.stores_zero(value),
            VariableConstant::Unknown => value.is_some() && self.stores_zero(value),
        };
        let end = span.max.wrapping_add(size);
        for off in span.min..end {
            self.destroy_if_dynptr_slot(frame, spi_of(off))?;
        }
        self.check_fastcall_contract(frame, span.min);
        let mut zero_kept = false;
        for off in span.min..end {
            self.scratch_slot(spi_of(off));
            zero_kept |= self.write_maybe(frame, off, zero)?;
        }
        match value {
            Some(regno) if zero_kept => self.mark_chain_precision(regno),
            _ => Ok(()),
        }
    }

    /// A byte that may be overwritten; returns whether it stays known because the value is zero too.
    fn write_maybe(&mut self, frame: FrameNo, off: i32, zero: bool) -> Res<bool> {
        let (spi, byte) = (spi_of(off), byte_of(off));
        let slot = self.slot(frame, spi)?;
        let kept = slot.reg();
        let keeps = self.env.kernel.semantics.stack.variable_zero == VariableZero::Kept;
        if keeps
            && zero
            && slot.types.is(byte, SlotType::Spill)
            && slot.is_scalar_spill()
            && kept.b.is_const_value(0)
        {
            return Ok(true);
        }
        let leaves = self.env.kernel.semantics.stack.variable_store;
        let plain_dynptrs = self.has_plain_dynptrs();
        let slot = self.slot_mut(frame, spi)?;
        match leaves {
            VariableStore::Erases => slot.erase(),
            VariableStore::Scrubs => slot.scrub(plain_dynptrs),
        }
        let stays_zero = zero && slot.types.is(byte, SlotType::Zero);
        let ty = if stays_zero {
            SlotType::Zero
        } else {
            SlotType::Misc
        };
        slot.types.set(byte, ty);
        Ok(stays_zero)
    }

    /// Says whether a slot's scalar is needed precisely.
    pub(super) fn set_slot_precise(&mut self, frame: FrameNo, spi: Spi, precise: bool) {
        if let Some(slot) = self.walk.cur.frames.get_mut(frame) {
            let bit = spi.bit();
            slot.marks.slot_precise &= !bit;
            if precise {
                slot.marks.slot_precise |= bit;
            }
        }
    }
}
