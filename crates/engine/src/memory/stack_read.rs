//! Loads from a stack: fills, and bytes. Also the buffers on a stack that helpers get.

use verdict_kernel::ctx::Access;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::linked::FillLink;
use verdict_kernel::semantics::log::ReadSlots;
use verdict_kernel::semantics::stack::{NarrowFill, ObjectSpill, ZeroLoad};
use verdict_kernel::types::RegBase;

use super::helper::RawMode;
use super::stack_bounds::{Part, SLOT, Span, byte_of, parts, spi_of};
use super::{MemAccess, Source};
use crate::error::{Failure, Res, reject};
use crate::index::{FrameNo, RegNo, Spi};
use crate::linked::unlink;
use crate::observer::Observer;
use crate::state::{Reg, Slot, SlotType, SlotTypes, hist};
use crate::verifier::Verifier;

/// Bytes of the low half of a slot.
const LOW_HALF: i32 = 4;

/// How a load of part of a slot, or from a partial spill, ends.
enum Fill {
    /// The kept scalar, cut to size.
    Scalar,
    /// Zero, which the kept scalar is known to be.
    ZeroScalar,
    /// Zero bytes.
    ZeroBytes,
    /// An unknown number.
    Unknown,
}

impl<O: Observer> Verifier<'_, O> {
    /// A load from a stack (`check_stack_read`).
    pub(super) fn check_stack_read(&mut self, ptr: &Reg, m: &MemAccess) -> Res<()> {
        let frame = self.frame_of(ptr);
        if ptr.is_const() {
            let off = m.off.wrapping_add(ptr.b.var_off().value as i32);
            return self.read_fixed(frame, off, m.size, m.value);
        }
        let Some(dst) = m.value else {
            reject!(
                VariableStackOffset,
                EACCES,
                "variable offset stack pointer cannot be passed into helper function; var_off={} off={} size={}\n",
                self.bits_str(ptr.b.var_off()),
                m.off,
                m.size
            );
        };
        let by = (Source::Direct, Access::Read);
        self.check_stack_range(m.regno, m.off, m.size, false, by, None)?;
        let span = Span::of(ptr, m.off);
        self.load_bytes(frame, span.min, span.max.wrapping_add(m.size), dst)?;
        self.check_fastcall_contract(frame, span.min);
        Ok(())
    }

    /// A load from a known offset (`check_stack_read_fixed_off`).
    fn read_fixed(&mut self, frame: FrameNo, off: i32, size: i32, dst: Option<RegNo>) -> Res<()> {
        let spi = spi_of(off);
        self.show_read_slot(spi);
        // The contract is that of the executing function, whichever frame is read.
        self.check_fastcall_contract(self.walk.cur.curframe(), off);
        let slot = self.slot(frame, spi)?;
        if slot.is_spill() {
            return self.read_spill(frame, off, size, dst);
        }
        check_bytes(slot, off, size, false)?;
        self.mark_slot_read(frame, spi);
        match dst {
            Some(dst) => self.load_bytes(frame, off, off.wrapping_add(size), dst),
            None => Ok(()),
        }
    }

    /// Shows a slot that is read with the next state, where the log does that.
    fn show_read_slot(&mut self, spi: Spi) {
        if self.env.kernel.semantics.log.read_slots == ReadSlots::Shown {
            self.scratch_slot(spi);
        }
    }

    /// A load from a slot in which a register is kept.
    fn read_spill(&mut self, frame: FrameNo, off: i32, size: i32, dst: Option<RegNo>) -> Res<()> {
        let spi = spi_of(off);
        let slot = self.slot(frame, spi)?;
        let kept = *slot.reg();
        let kept_size = kept_bytes(slot);
        let whole = size == SLOT && kept_size == SLOT;
        if !whole && !kept.is_scalar() {
            self.show_source_line();
            reject!(PartialPointer, EACCES, "invalid size of register fill\n");
        }
        let restored = if whole {
            self.mark_slot_read(frame, spi);
            if let Some(dst) = dst {
                let kept = self.link_kept(frame, spi)?;
                self.fill(frame, spi, kept, dst);
            }
            true
        } else {
            self.mark_slot_read(frame, spi);
            let Some(dst) = dst else { return Ok(()) };
            let slot = self.slot(frame, spi)?;
            let outcome = match self.env.kernel.semantics.stack.narrow_fill {
                NarrowFill::SameSize => same_size_fill(slot, off, size)?,
                NarrowFill::Ranges => partial_fill(slot, off, size)?,
            };
            let low_half = size == LOW_HALF && kept_size == LOW_HALF && kept.b.width() <= 32;
            let kept = match outcome {
                Fill::Scalar if low_half => self.link_kept(frame, spi)?,
                _ => kept,
            };
            self.fill_part(frame, spi, kept, size, dst, &outcome);
            matches!(outcome, Fill::Scalar | Fill::ZeroScalar)
        };
        if restored {
            self.push_history(hist::stack_access(frame, spi), 0);
        }
        Ok(())
    }

    /// What a slot keeps, linked with what is filled from it, where that is done.
    fn link_kept(&mut self, frame: FrameNo, spi: Spi) -> Res<Reg> {
        let kept = *self.slot(frame, spi)?.reg();
        if self.env.kernel.semantics.linked.fill_link == FillLink::Kept || !kept.is_scalar() {
            return Ok(kept);
        }
        let linked = self.with_scalar_id(kept);
        if linked.id != kept.id {
            self.slot_mut(frame, spi)?.set_reg(linked);
        }
        Ok(linked)
    }

    /// Gives a register what a slot keeps.
    fn fill(&mut self, frame: FrameNo, spi: Spi, kept: Reg, dst: RegNo) {
        let precise = self
            .walk
            .cur
            .frames
            .get(frame)
            .is_some_and(|f| spi.is_in(f.marks.slot_precise));
        self.set_reg(dst, kept);
        let marks = self.walk.cur.marks_mut();
        marks.written |= dst.bit();
        if precise {
            marks.precise |= dst.bit();
        }
    }

    fn fill_part(&mut self, frame: FrameNo, spi: Spi, kept: Reg, size: i32, dst: RegNo, outcome: &Fill) {
        match outcome {
            Fill::Scalar => {
                let mut part = kept;
                let ranges = self.env.kernel.semantics.stack.narrow_fill == NarrowFill::Ranges;
                // A value wider than the load is not that value any more.
                if ranges && kept.b.width() > size.unsigned_abs() * 8 {
                    unlink(&mut part, self.env.kernel.semantics.linked.unlinked_offset);
                }
                self.fill(frame, spi, part, dst);
            }
            Fill::ZeroScalar | Fill::ZeroBytes => self.set_const_zero(dst),
            Fill::Unknown => self.set_unknown(dst),
        }
        self.walk.cur.marks_mut().written |= dst.bit();
    }

    /// Gives a register what bytes of a stack hold: zero if all are, otherwise an unknown number
    /// (`mark_reg_stack_read`).
    fn load_bytes(&mut self, frame: FrameNo, start: i32, end: i32, dst: RegNo) -> Res<()> {
        let mut zero = true;
        for off in start..end {
            self.show_read_slot(spi_of(off));
            if self.byte_type(frame, off)? != SlotType::Zero {
                zero = false;
                break;
            }
        }
        if zero {
            self.set_const_zero(dst);
            if self.env.kernel.semantics.stack.zero_load == ZeroLoad::Precise {
                self.walk.cur.marks_mut().precise |= dst.bit();
            }
        } else {
            self.set_unknown(dst);
        }
        self.walk.cur.marks_mut().written |= dst.bit();
        Ok(())
    }

    /// Checks a buffer on a stack that is read, or given to a helper (`check_stack_range_initialized`).
    ///
    /// What is written is unknown data then. With `raw`, the
    /// buffer may be uninitialised: it is only noted there, for the caller to simulate the writes.
    pub(super) fn check_stack_range(
        &mut self,
        regno: RegNo,
        off: i32,
        size: i32,
        zero_ok: bool,
        (source, access): (Source, Access),
        raw: Option<&mut Option<RawMode>>,
    ) -> Res<()> {
        if size == 0 && !zero_ok {
            reject!(SizeArgument, EACCES, "invalid zero-sized read\n");
        }
        self.check_stack_bounds(regno, off, size, source, access)?;
        let reg = *self.reg(regno);
        let frame = self.frame_of(&reg);
        let span = Span::of(&reg, off);
        let end = span.max.wrapping_add(size);
        if let Some(raw) = raw.filter(|_| reg.is_const()) {
            if !self.has_plain_dynptrs() {
                self.check_no_dynptr(frame, span.min, end)?;
            }
            *raw = Some(RawMode {
                regno,
                access_size: size,
            });
            return Ok(());
        }
        if let Some(slots) = self.unknown_slots(frame, span.min, end) {
            self.mark_slots_read(frame, slots);
            if self.writes_make_room() {
                self.use_stack(frame, span.min);
            }
            return Ok(());
        }
        let mut read = 0;
        for part in parts(span.min, end) {
            if let Some(at) = self.touch_bytes(frame, part, access == Access::Write)? {
                return Err(unreadable(
                    &reg,
                    &self.bits_str(reg.b.var_off()),
                    regno,
                    self.says_indirect(source),
                    span.min,
                    at,
                    size,
                ));
            }
            read |= part.spi.bit();
        }
        self.mark_slots_read(frame, read);
        if self.writes_make_room() {
            self.use_stack(frame, span.min);
        }
        Ok(())
    }

    /// Dynptrs are not to be overwritten by a helper that fills a buffer.
    fn check_no_dynptr(&self, frame: FrameNo, start: i32, end: i32) -> Res<()> {
        let Some(frame) = self.walk.cur.frames.get(frame) else {
            return Ok(());
        };
        let slots = frame.body.stack.slots();
        for part in parts(start, end) {
            let Some(slot) = slots.get(part.spi).filter(|slot| slot.types.may_be_object()) else {
                continue;
            };
            if let Some(place) = part.places().rev().find(|i| slot.types.is(*i, SlotType::Dynptr)) {
                let at = part.off_of(place);
                reject!(
                    DynptrOverwrite,
                    EACCES,
                    "potential write to dynptr at off={at} disallowed\n"
                );
            }
        }
        Ok(())
    }

    /// Reads bytes of a slot; for a helper they become unknown data. Returns the first that may not be read.
    fn touch_bytes(&mut self, frame: FrameNo, part: Part, clobber: bool) -> Res<Option<i32>> {
        if self.writes_make_room() {
            let room = self.walk.cur.frames.get(frame).map(|f| f.body.stack.end());
            if room.is_some_and(|end| part.spi >= end) {
                return Ok(Some(part.off));
            }
        }
        let slot = self.slot(frame, part.spi)?;
        if part.is_misc(slot) {
            return Ok(None);
        }
        let kept = |ty| {
            matches!(
                ty,
                SlotType::Spill | SlotType::Dynptr | SlotType::Iter | SlotType::IrqFlag
            )
        };
        let first_kept = part.places().rev().find(|i| kept(slot.types.get(*i)));
        if let Some(place) = first_kept.filter(|_| !slot.is_spill()) {
            return Ok(Some(part.off_of(place)));
        }
        let object_stays = self.env.kernel.semantics.stack.object_spill == ObjectSpill::Kept;
        let object = object_stays && first_kept.is_some() && slot.reg().ty.is(RegBase::BtfId);
        if !clobber || object {
            return Ok(None);
        }
        let slot = self.slot_mut(frame, part.spi)?;
        if first_kept.is_some() {
            slot.spill = None;
            slot.scrub_types();
        }
        slot.types.fill(part.places(), SlotType::Misc);
        if first_kept.is_some() {
            self.set_slot_precise(frame, part.spi, false);
        }
        Ok(None)
    }
}

/// How many bytes a kept register fills: those next to the slot's lowest address.
fn kept_bytes(slot: &Slot) -> i32 {
    if slot.types == SlotTypes::all(SlotType::Spill) {
        return SLOT;
    }
    let beside = slot
        .types
        .iter()
        .rev()
        .skip(1)
        .take_while(|ty| *ty == SlotType::Spill);
    1 + beside.count() as i32
}

/// What a load of `size` bytes at `off` gives where a scalar is kept, when it is only known to a load like its store.
fn same_size_fill(slot: &Slot, off: i32, size: i32) -> Res<Fill> {
    if size == kept_bytes(slot) && off % SLOT == 0 {
        return Ok(Fill::Scalar);
    }
    check_bytes(slot, off, size, true)?;
    // A quirk: beside a spill, zero bytes are not readable.
    if let Some(i) = bytes(slot, off, size).position(|byte| byte == SlotType::Zero) {
        reject!(
            UninitializedStack,
            EACCES,
            "invalid read from stack off {off}+{i} size {size}\n"
        );
    }
    Ok(Fill::Unknown)
}

/// What a load of `size` bytes at `off` gives, from a slot with a scalar, when not all of both is concerned.
fn partial_fill(slot: &Slot, off: i32, size: i32) -> Res<Fill> {
    if size <= kept_bytes(slot) && off % SLOT == 0 {
        return Ok(Fill::Scalar);
    }
    check_bytes(slot, off, size, true)?;
    let all = |ty| bytes(slot, off, size).all(|byte| byte == ty);
    Ok(if all(SlotType::Spill) && slot.reg().b.is_const_value(0) {
        Fill::ZeroScalar
    } else if all(SlotType::Zero) {
        Fill::ZeroBytes
    } else {
        Fill::Unknown
    })
}

/// The types of the bytes from `off` upwards.
fn bytes(slot: &Slot, off: i32, size: i32) -> impl Iterator<Item = SlotType> {
    let highest = byte_of(off);
    (0..size.clamp(0, SLOT) as usize).map(move |i| slot.types.get(highest.wrapping_sub(i) % 8))
}

/// Checks that the bytes can be read as data.
fn check_bytes(slot: &Slot, off: i32, size: i32, spill_ok: bool) -> Res<()> {
    if slot.types == SlotTypes::all(SlotType::Misc) {
        return Ok(());
    }
    for (i, ty) in bytes(slot, off, size).enumerate() {
        match ty {
            SlotType::Misc | SlotType::Zero | SlotType::Invalid => {}
            SlotType::Spill if spill_ok => {}
            SlotType::Spill | SlotType::Dynptr | SlotType::Iter | SlotType::IrqFlag => {
                reject!(
                    UninitializedStack,
                    EACCES,
                    "invalid read from stack off {off}+{i} size {size}\n"
                )
            }
        }
    }
    Ok(())
}

fn unreadable(
    reg: &Reg,
    bits: &str,
    regno: RegNo,
    indirect: bool,
    start: i32,
    at: i32,
    size: i32,
) -> Box<Failure> {
    let how = if indirect { " indirect" } else { "" };
    let into = at.wrapping_sub(start);
    let text = if reg.is_const() {
        format!("invalid{how} read from stack R{regno} off {start}+{into} size {size}\n")
    } else {
        format!("invalid{how} read from stack R{regno} var_off {bits}+{into} size {size}\n")
    };
    Failure::rejected(
        Rule::UninitializedStack,
        verdict_kernel::errno::Errno::EACCES,
        text,
    )
}
