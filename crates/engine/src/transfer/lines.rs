//! What straight lines of arithmetic made of what they began with.
//!
//! Paths that part come to the same lines with the same values again and again. What a line leaves in its registers
//! depends on what it found in those that it reads, and on nothing else: ids are copied or given out, never compared, so
//! that they may be others each time.

use verdict_domain::Width;

use crate::index::{Idx, IndexVec, InsnIdx, RegNo};
use crate::state::{ADD_CONST, ADD_CONST_32, FP, FrameSlot, REGS, Reg, Regs};

use super::straight::Plain;

/// Shorter lines are not worth a look.
const LEAST: usize = 4;
/// How many beginnings are kept of a line.
const KEPT: usize = 4;
/// How many are kept of all lines.
const MOST_KEPT: u32 = 4096;
/// A line that was looked up in vain so often, and as often again for each time that it was not, is not any more.
const PATIENCE: u32 = 32;
/// In what is kept, the id of a value that a register had in the beginning: this and the register.
const FOUND: u32 = ADD_CONST_32 >> 1;
/// In what is kept, the first id that was given out.
pub(super) const GIVEN: u32 = FOUND >> 1;

/// All lines that were walked.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    of: IndexVec<InsnIdx, At>,
    /// How many walks are kept of all of them.
    kept: u32,
}

/// What begins at an instruction.
#[derive(Debug, Default)]
enum At {
    /// Nobody came there yet.
    #[default]
    Unseen,
    /// Nothing that is worth a look, or what is lent.
    Nothing,
    /// A line.
    Line(Box<Line>),
}

/// A line, from its first instruction on.
#[derive(Debug)]
pub(super) struct Line {
    /// How many instructions it has at most.
    pub(super) len: u32,
    /// Registers that it reads before it writes them.
    reads: u16,
    /// Registers that it may change.
    changes: u16,
    kept: Vec<Kept>,
    next: usize,
    hits: u32,
    misses: u32,
}

/// One walk along a line.
#[derive(Debug)]
struct Kept {
    /// How many instructions were executed.
    count: u32,
    /// How many ids were given out.
    ids: u32,
    /// The registers that were written.
    written: u16,
    /// Those, and those that got an id.
    changes: u16,
    /// What was found in the registers that are read, in their order.
    found: Vec<Reg>,
    /// What was left in those that may have changed, and which of those read it was made of.
    left: Vec<(Reg, u16)>,
}

/// The numbers of the bits of a mask.
fn each(mut mask: u16) -> impl Iterator<Item = RegNo> {
    std::iter::from_fn(move || {
        let reg = RegNo(mask.trailing_zeros() as u8);
        mask &= mask.checked_sub(1)?;
        Some(reg)
    })
}

/// Whether arithmetic cannot tell the two apart.
#[inline]
fn alike(a: &Reg, b: &Reg) -> bool {
    a.b == b.b
        && a.ty == b.ty
        && a.off == b.off
        && a.raw == b.raw
        && a.ref_obj_id == b.ref_obj_id
        && a.frameno == b.frameno
        && (a.id == 0) == (b.id == 0)
        && (a.id ^ b.id) & ADD_CONST == 0
}

/// The ids that registers had in the beginning, without flags, and the last that was given out.
pub(super) struct Ids {
    found: [u32; REGS],
    last: u32,
}

impl Ids {
    pub(super) fn of(regs: &Regs, last: u32) -> Ids {
        let mut found = [0; REGS];
        for (id, reg) in found.iter_mut().zip(regs.iter()) {
            *id = reg.id & !ADD_CONST;
        }
        Ids { found, last }
    }

    /// What an id that is kept is now.
    #[inline]
    fn now(&self, kept: u32) -> u32 {
        let (base, flag) = (kept & !ADD_CONST, kept & ADD_CONST);
        if base & FOUND != 0 {
            self.found.get((base ^ FOUND) as usize).map_or(0, |id| id | flag)
        } else if base & GIVEN != 0 {
            (base ^ GIVEN).wrapping_add(self.last) | flag
        } else {
            kept
        }
    }
}

impl Line {
    fn new(plain: &[Option<Plain>]) -> Line {
        let (mut reads, mut changes) = (0u16, 0u16);
        for plain in plain.iter().flatten() {
            let (sources, dst) = match *plain {
                Plain::Number { dst, .. } => (0, dst),
                Plain::Copy { dst, src, .. } => (src.bit(), dst),
                Plain::Immediate { dst, .. } => (dst.bit(), dst),
                Plain::Registers { dst, src, .. } => (dst.bit() | src.bit(), dst),
            };
            reads |= sources & !changes;
            changes |= dst.bit();
        }
        Line {
            len: plain.len() as u32,
            reads,
            changes,
            kept: Vec::new(),
            next: 0,
            hits: 0,
            misses: 0,
        }
    }

    /// Whether looking a line up is worth it.
    #[inline]
    fn is_useful(&self) -> bool {
        self.len as usize >= LEAST && self.misses <= self.hits.saturating_add(PATIENCE)
    }

    /// Whether everything that decides the line's result is looked at.
    #[inline]
    pub(super) fn is_open(&self, slot: &FrameSlot) -> bool {
        (self.reads & !FP.bit()) & !slot.marks.read_before(Width::W64) == 0
            && (self.reads | self.changes) & slot.marks.precise == 0
    }

    /// The walk that began with what the registers hold now.
    #[inline]
    fn find(&self, regs: &Regs) -> Option<&Kept> {
        let same = |kept: &&Kept| {
            each(self.reads)
                .zip(&kept.found)
                .all(|(r, found)| alike(found, &regs[r]))
        };
        self.kept.iter().find(same)
    }

    /// Does what the line did when it began with what the registers hold now: the number of instructions, and of ids given
    /// out.
    #[inline]
    pub(super) fn replay(&mut self, slot: &mut FrameSlot, last_id: u32) -> Option<(u32, u32)> {
        let Some(kept) = self.find(&slot.body.regs) else {
            self.misses += 1;
            return None;
        };
        let (count, ids, changes) = (kept.count, kept.ids, kept.changes);
        let traced = slot.marks.traced;
        slot.marks.written |= kept.written;
        let regs = &mut crate::state::unshared(&mut slot.body).regs;
        let now = Ids::of(regs, last_id);
        for (r, (left, of)) in each(changes).zip(&kept.left) {
            regs[r] = *left;
            regs[r].id = now.now(left.id);
            let is_traced = of & !traced == 0;
            slot.marks.traced = slot.marks.traced & !r.bit() | u16::from(is_traced) << r.0;
        }
        self.hits += 1;
        Some((count, ids))
    }

    /// Gives the values that are read ids by which they are known again.
    pub(super) fn begin(&self, regs: &mut Regs) -> Vec<Reg> {
        for r in each(self.reads | self.changes) {
            if regs[r].id != 0 {
                regs[r].id = FOUND | u32::from(r.0) | regs[r].id & ADD_CONST;
            }
        }
        each(self.reads).map(|r| regs[r]).collect()
    }

    /// Takes back what [`Line::begin`] did to ids.
    pub(super) fn end(&self, regs: &mut Regs, ids: &Ids) {
        for r in each(self.reads | self.changes) {
            regs[r].id = ids.now(regs[r].id);
        }
    }

    /// Keeps a walk along the executed instructions; before [`Line::end`]. Whether beside all that was kept, and not in place
    /// of one.
    pub(super) fn keep(
        &mut self,
        executed: &[Option<Plain>],
        ids: u32,
        found: Vec<Reg>,
        regs: &Regs,
    ) -> bool {
        let mut of: [u16; REGS] = std::array::from_fn(|r| 1 << r);
        let (mut written, mut copied) = (0, 0);
        for plain in executed.iter().flatten() {
            match *plain {
                Plain::Number { dst, .. } => {
                    of[dst.index()] = 0;
                    written |= dst.bit();
                }
                Plain::Copy { dst, src, .. } => {
                    of[dst.index()] = of[src.index()];
                    written |= dst.bit();
                    copied |= src.bit() & !FP.bit();
                }
                Plain::Immediate { dst, .. } => written |= dst.bit(),
                Plain::Registers { dst, src, .. } => {
                    of[dst.index()] |= of[src.index()];
                    written |= dst.bit();
                }
            }
        }
        let changes = written | copied;
        let left = each(changes).map(|r| (regs[r], of[r.index()]));
        let kept = Kept {
            count: executed.len() as u32,
            ids,
            written,
            changes,
            found,
            left: left.collect(),
        };
        let at = self.next;
        self.next = (at + 1) % KEPT;
        if let Some(old) = self.kept.get_mut(at) {
            *old = kept;
            return false;
        }
        self.kept.push(kept);
        true
    }
}

impl Lines {
    /// Whether no line that is worth a look begins with an instruction.
    #[inline(always)]
    pub(super) fn is_nothing(&self, from: InsnIdx) -> bool {
        matches!(self.of.get(from), Some(At::Nothing))
    }

    /// The line that begins with an instruction, lent; `plain` are the instructions that follow it in a straight line.
    #[inline]
    pub(super) fn lend<'p>(
        &mut self,
        from: InsnIdx,
        plain: impl FnOnce() -> &'p [Option<Plain>],
    ) -> Option<Box<Line>> {
        if from >= self.of.end() {
            self.of.grow(from.index() + 1);
        }
        let at = self.of.get_mut(from)?;
        match std::mem::replace(at, At::Nothing) {
            At::Line(line) => Some(line),
            At::Nothing => None,
            At::Unseen => Some(Box::new(Line::new(plain()))).filter(|line| line.is_useful()),
        }
    }

    /// Takes a line back, or gives it up.
    #[inline]
    pub(super) fn take_back(&mut self, from: InsnIdx, line: Box<Line>) {
        if !line.is_useful() {
            self.kept -= line.kept.len() as u32;
        } else if let Some(at) = self.of.get_mut(from) {
            *at = At::Line(line);
        }
    }

    /// Whether another walk may be kept.
    pub(super) fn has_room(&self, line: &Line) -> bool {
        line.kept.len() == KEPT || self.kept < MOST_KEPT
    }

    /// Counts a walk that was kept beside others.
    pub(super) fn count(&mut self) {
        self.kept += 1;
    }
}
