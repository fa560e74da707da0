//! Where in a stack an access may be, and the room it needs.

use verdict_kernel::ctx::Access;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::log::{CallWords, StackWords};
use verdict_kernel::semantics::stack::StackRoom;

use super::{MAX_VAR_OFF, MemAccess, Source};
use crate::error::{About, Failure, Res, reject};
use crate::index::{FrameNo, InsnIdx, RegNo, Spi};
use crate::observer::Observer;
use crate::state::{Reg, Slot, SlotType, SlotTypes};
use crate::verifier::Verifier;

/// Bytes of a slot.
pub(super) const SLOT: i32 = 8;

/// The slot of the byte at this offset, which is negative.
pub(super) fn spi_of(off: i32) -> Spi {
    Spi((off.wrapping_neg().wrapping_sub(1) / SLOT) as u32)
}

/// The place of that byte in [`Slot::types`].
pub(super) fn byte_of(off: i32) -> usize {
    (off.wrapping_neg().wrapping_sub(1) & (SLOT - 1)) as usize
}

/// The bytes that a range of offsets has in one slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The slot.
    pub(super) spi: Spi,
    /// The least offset.
    pub(super) off: i32,
    /// Its place in [`Slot::types`]; the others are before it.
    highest: usize,
    /// Number of bytes.
    len: usize,
}

impl Part {
    /// The bytes by their places in [`Slot::types`].
    pub(super) fn places(self) -> std::ops::RangeInclusive<usize> {
        self.highest.saturating_sub(self.len - 1)..=self.highest
    }
    /// Whether all these bytes of a slot are unknown data.
    #[inline]
    pub(super) fn is_misc(self, slot: &Slot) -> bool {
        let unlike = slot.types.packed() ^ SlotTypes::all(SlotType::Misc).packed();
        // Places count from the lowest byte.
        let from = self.highest.saturating_sub(self.len - 1) as u32;
        unlike << (8 * (7 - self.highest.min(7) as u32)) >> (8 * (7 - self.highest.min(7) as u32 + from)) == 0
    }
    /// The offset of the byte at a place.
    pub(super) fn off_of(self, place: usize) -> i32 {
        self.off + self.highest as i32 - place as i32
    }
}

/// The offsets from `start` to below `end`, which is at most 0, slot by slot, upwards.
pub(super) fn parts(start: i32, end: i32) -> impl Iterator<Item = Part> {
    let mut off = start;
    std::iter::from_fn(move || {
        if off >= end.min(0) {
            return None;
        }
        let highest = byte_of(off);
        let len = (highest + 1).min(end.wrapping_sub(off) as usize);
        let part = Part {
            spi: spi_of(off),
            off,
            highest,
            len,
        };
        off = off.wrapping_add(len as i32);
        Some(part)
    })
}

/// Offsets that a stack access may touch: from the least start to the end of the greatest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Least start.
    pub(super) min: i32,
    /// Greatest start.
    pub(super) max: i32,
}

impl Span {
    /// Of an access at `off` from a pointer whose bounds were checked.
    pub(super) fn of(reg: &Reg, off: i32) -> Span {
        if reg.is_const() {
            let at = (reg.b.var_off().value as i32).wrapping_add(off);
            return Span { min: at, max: at };
        }
        Span {
            min: (reg.b.smin() as i32).wrapping_add(off),
            max: (reg.b.smax() as i32).wrapping_add(off),
        }
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// A load from or store into a stack, checked for bounds first.
    pub(super) fn access_stack(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let by_writes = self.writes_make_room();
        if by_writes || !self.is_allocated(reg, m) {
            self.check_stack_bounds(m.regno, m.off, m.size, Source::Direct, m.access)?;
        }
        if by_writes {
            self.use_stack(self.frame_of(reg), m.off);
        }
        match m.access {
            Access::Read => self.check_stack_read(reg, m),
            Access::Write => self.check_stack_write(reg, m),
        }
    }

    /// Whether an access is at a known offset and within what is allocated.
    #[inline]
    fn is_allocated(&self, reg: &Reg, m: &MemAccess) -> bool {
        let room = self
            .stack_room(self.frame_of(reg))
            .max(-i64::from(self.env.kernel.limits.stack));
        let at = (reg.b.var_off().value as i64).wrapping_add(i64::from(m.off));
        reg.is_const() && m.size > 0 && at >= room && at <= -i64::from(m.size)
    }

    /// Checks that an access stays within the stack, and makes room down to it
    /// (`check_stack_access_within_bounds`). Stacks may be read where nothing was written.
    pub(super) fn check_stack_bounds(
        &mut self,
        regno: RegNo,
        off: i32,
        size: i32,
        source: Source,
        access: Access,
    ) -> Res<()> {
        let reg = *self.reg(regno);
        let what = match access {
            _ if self.says_indirect(source) => " indirect access to",
            Access::Read => " read from",
            Access::Write => " write to",
        };
        let (off64, size64) = (i64::from(off), i64::from(size));
        let (min, max) = if reg.is_const() {
            let at = (reg.b.var_off().value as i64).wrapping_add(off64);
            (at, at.wrapping_add(size64))
        } else {
            if reg.b.smax() >= MAX_VAR_OFF || reg.b.smin() <= -MAX_VAR_OFF {
                reject!(
                    StackBounds,
                    EACCES,
                    "invalid unbounded variable-offset{what} stack R{regno}\n"
                );
            }
            (
                reg.b.smin().wrapping_add(off64),
                reg.b.smax().wrapping_add(off64).wrapping_add(size64),
            )
        };
        let by_writes = self.writes_make_room();
        let lowest = match access {
            Access::Read if by_writes => self.stack_room(self.frame_of(&reg)),
            Access::Read | Access::Write => -i64::from(self.env.kernel.limits.stack),
        };
        let errno = if min < lowest || min > -1 {
            verdict_kernel::errno::Errno::EACCES
        } else if max > 0 {
            verdict_kernel::errno::Errno::EINVAL
        } else if size < 0 {
            verdict_kernel::errno::Errno::EFAULT
        } else if by_writes {
            return Ok(());
        } else {
            return self.grow_stack(self.frame_of(&reg), min.wrapping_neg() as i32);
        };
        let text = if reg.is_const() {
            format!("invalid{what} stack R{regno} off={off} size={size}\n")
        } else {
            // The fixed offset was left out once.
            let fixed = match self.env.kernel.semantics.log.call_words {
                CallWords::Old | CallWords::First => String::new(),
                CallWords::Later => format!(" off={off}"),
            };
            let bits = self.bits_str(reg.b.var_off());
            format!("invalid variable-offset{what} stack R{regno} var_off={bits}{fixed} size={size}\n")
        };
        let failure = Failure::rejected(Rule::StackBounds, errno, text);
        Err(failure.about(|| self.access_fact(regno, off, size, (lowest, 0))))
    }

    /// Whether the words about a stack access say that a helper makes it, rather than what is done.
    pub(super) fn says_indirect(&self, source: Source) -> bool {
        source == Source::Helper && self.env.kernel.semantics.log.stack_words == StackWords::BySource
    }

    /// Whether only writes make room on the stack.
    pub(super) fn writes_make_room(&self) -> bool {
        self.env.kernel.semantics.stack.stack_room == StackRoom::Written
    }

    /// The lowest offset for which there is room.
    fn stack_room(&self, frame: FrameNo) -> i64 {
        let slots = self.walk.cur.frames.get(frame).map_or(0, |f| f.body.stack.len());
        -i64::from(SLOT) * slots as i64
    }

    /// Remembers how deep the function uses its stack (`update_stack_depth`).
    pub(super) fn use_stack(&mut self, frame: FrameNo, off: i32) {
        let Some(body) = self.walk.cur.frames.get(frame).map(|f| &f.body) else {
            return;
        };
        let depth = u16::try_from(off.wrapping_neg()).unwrap_or(0);
        if let Some(subprog) = self.program.subprogs.get_mut(body.subprogno) {
            subprog.stack_depth = subprog.stack_depth.max(depth);
        }
    }

    /// Makes room for `size` bytes, in whole slots, and remembers the function's deepest use
    /// (`grow_stack_state`).
    pub(super) fn grow_stack(&mut self, frame: FrameNo, size: i32) -> Res<()> {
        let slots = size.unsigned_abs().div_ceil(SLOT.unsigned_abs()) as usize;
        let Some(body) = self.walk.cur.frames.get(frame).map(|f| &f.body) else {
            return Err(Failure::bug("a stack of a frame that does not exist"));
        };
        if body.stack.len() >= slots {
            return Ok(());
        }
        let subprogno = body.subprogno;
        self.walk.cur.frame_at_mut(frame).stack.grow(slots);
        if let Some(subprog) = self
            .program
            .subprogs
            .get_mut(subprogno)
            .filter(|_| self.env.kernel.semantics.stack.stack_room == StackRoom::Accessed)
        {
            subprog.stack_depth = subprog.stack_depth.max(slots as u16 * SLOT as u16);
        }
        Ok(())
    }

    /// The slots with the offsets from `start` to below `end`, if they hold nothing but unknown data: whoever reads or
    /// writes unknown data there changes nothing.
    pub(super) fn unknown_slots(&self, frame: FrameNo, start: i32, end: i32) -> Option<u64> {
        const MISC: u64 = SlotTypes::all(SlotType::Misc).packed();
        if start >= end || end > 0 {
            return None;
        }
        let (first, last) = (spi_of(end.wrapping_sub(1)), spi_of(start));
        let slots = &self.walk.cur.frames.get(frame)?.body.stack.slots();
        let touched = slots.slice(first..last.below());
        let unknown = |slot: &Slot| slot.types.packed() == MISC && slot.spill.is_none();
        if touched.is_empty() || last >= Spi(64) || !touched.iter().all(unknown) {
            return None;
        }
        Some(u64::MAX >> (63 - last.0) & u64::MAX << first.0)
    }

    /// A slot that was checked to be allocated.
    #[inline]
    pub(crate) fn slot(&self, frame: FrameNo, spi: Spi) -> Res<&Slot> {
        self.walk
            .cur
            .frames
            .get(frame)
            .and_then(|f| f.body.stack.get(spi))
            .ok_or_else(|| Failure::bug("a stack slot that is not allocated"))
    }

    /// The same for writing.
    pub(crate) fn slot_mut(&mut self, frame: FrameNo, spi: Spi) -> Res<&mut Slot> {
        self.slot(frame, spi)?;
        self.walk
            .cur
            .frame_at_mut(frame)
            .stack
            .get_mut(spi)
            .ok_or_else(|| Failure::bug("a stack slot that is not allocated"))
    }

    /// What the byte at `off` of a stack holds.
    pub(super) fn byte_type(&self, frame: FrameNo, off: i32) -> Res<SlotType> {
        Ok(self.slot(frame, spi_of(off))?.types.get(byte_of(off)))
    }

    /// Stack accesses of instructions outside `bpf_fastcall` patterns into the area of those patterns make
    /// the function keep its spills (`check_fastcall_stack_contract`).
    pub(super) fn check_fastcall_contract(&mut self, frame: FrameNo, off: i32) {
        let Some(subprogno) = self.walk.cur.frames.get(frame).map(|f| f.body.subprogno) else {
            return;
        };
        let Some(subprog) = self.program.subprogs.get(subprogno) else {
            return;
        };
        if i32::from(subprog.fastcall_stack_off) <= off {
            return;
        }
        let end = self.subprog_end(subprogno);
        let Some(subprog) = self.program.subprogs.get_mut(subprogno) else {
            return;
        };
        let in_pattern = self
            .program
            .aux
            .get(self.walk.insn_idx)
            .is_some_and(|aux| aux.fastcall_pattern);
        if in_pattern {
            return;
        }
        subprog.fastcall_stack_off = i16::MIN;
        for idx in InsnIdx::range(subprog.start..end) {
            let aux = &mut self.program.aux[idx];
            aux.fastcall_spills_num = 0;
            aux.fastcall_pattern = false;
        }
    }
}
