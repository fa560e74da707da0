//! Instructions backwards, by the recorded history: it says where the path jumped, which stack slots were accessed
//! and which scalars were linked, so that no instruction needs to be understood beyond its operands.

use crate::error::{Res, reject};
use crate::index::{FrameNo, IndexVec, InsnIdx, Spi};
use crate::observer::Observer;
use crate::state::{Hist, HistId, Histories, StateId, hist};
use crate::verifier::Verifier;

use super::step::Step;
use super::wanted::Wanted;

/// In place of the instruction before the first one: the kernel's -1.
pub(super) const BEFORE: InsnIdx = InsnIdx(u32::MAX);

/// How a segment's walk ended.
pub(super) enum Walked {
    Done,
    GaveUp,
    Exhausted,
}

/// Whether an instruction's history says which slot it accesses.
#[inline]
pub(crate) fn slot_of(entry: Option<Hist>) -> Option<(FrameNo, Spi)> {
    slot_in(entry?.flags)
}

/// The slot that the flags of a history's entry say.
#[inline]
pub(super) fn slot_in(flags: u16) -> Option<(FrameNo, Spi)> {
    (flags & hist::STACK_ACCESS != 0)
        .then_some((FrameNo(u32::from(flags & 7)), Spi(u32::from(flags >> 3 & 0x3f))))
}

/// Where a walk through a segment is.
struct Place {
    /// The instruction.
    idx: InsnIdx,
    /// The instruction executed after it.
    subseq_idx: Option<InsnIdx>,
    /// The last entry of the history up to here.
    left: Option<HistId>,
}

impl Place {
    /// The instruction's own entry.
    fn entry(&self, history: &Histories) -> Option<Hist> {
        let entry = *history.get(self.left?);
        (entry.idx == self.idx).then_some(entry)
    }

    /// Goes to the instruction executed before; false if the segment began with this one. An entry that is left then is
    /// the arrival from the parent.
    #[inline]
    fn step(&mut self, first: InsnIdx, entry: Option<&Hist>) -> bool {
        self.subseq_idx = Some(self.idx);
        let before = match entry {
            Some(entry) => entry.before,
            None => self.left,
        };
        if self.idx == first && before.is_none() {
            return false;
        }
        self.idx = match entry {
            Some(entry) => entry.prev_idx().unwrap_or(BEFORE),
            None => InsnIdx(self.idx.0.wrapping_sub(1)),
        };
        self.left = before;
        true
    }
}

/// Where passing over instructions ended.
enum Passed {
    /// At one that may change the set.
    Concerned,
    /// At one that earlier walks carried all members past.
    Done,
    /// At the first of the segment.
    Exhausted,
    /// Outside of the program.
    Astray,
}

impl<O: Observer> Verifier<'_, O> {
    /// Walks the instructions of one segment; the last one is left out with `skip`.
    pub(super) fn walk_segment(
        &mut self,
        at: Option<StateId>,
        wanted: &mut Wanted,
        last_idx: InsnIdx,
        subseq_idx: Option<InsnIdx>,
        skip: bool,
    ) -> Res<Walked> {
        let segment = self.segment_mut(at);
        let first = segment.first_insn_idx;
        let mut place = Place {
            idx: last_idx,
            subseq_idx,
            left: segment.history.last,
        };
        if skip {
            let entry = place.entry(&self.walk.search.history);
            if !place.step(first, entry.as_ref()) {
                return Ok(Walked::Exhausted);
            }
        }
        let told = O::LISTENING && self.env.obs.hears(2);
        loop {
            let history = &mut self.walk.search.history;
            let passed = match told {
                true if place.idx < self.program.back_regs.end() => Passed::Concerned,
                true => Passed::Astray,
                false => pass_over(history, &self.program.back_regs, first, &mut place, wanted),
            };
            match passed {
                Passed::Concerned => {}
                Passed::Done => return Ok(Walked::Done),
                Passed::Exhausted => return Ok(Walked::Exhausted),
                Passed::Astray => {
                    reject!(
                        VerifierBug,
                        EFAULT,
                        "BUG backtracking idx {}\n",
                        place.idx.0 as i32
                    )
                }
            }
            let entry = place.entry(history);
            if let Step::GiveUp = self.back_step(place.idx, place.subseq_idx, entry, wanted)? {
                return Ok(Walked::GaveUp);
            }
            if wanted.is_empty() {
                return Ok(Walked::Done);
            }
            if !place.step(first, entry.as_ref()) {
                return Ok(Walked::Exhausted);
            }
        }
    }
}

/// Goes back to the next instruction that may change the set. `back_regs` are the registers that each one names.
#[inline(never)]
fn pass_over(
    history: &mut Histories,
    back_regs: &IndexVec<InsnIdx, u16>,
    first: InsnIdx,
    place: &mut Place,
    wanted: &mut Wanted,
) -> Passed {
    let mut concerning = wanted.concerning();
    loop {
        let entry = place.left.map(|id| history.get_mut(id));
        let floor = entry.as_ref().map_or(first, |entry| entry.idx);
        let line = skip_unconcerned(back_regs, place.idx, floor, concerning);
        if line != place.idx {
            (place.idx, place.subseq_idx) = (line, Some(line.next()));
        }
        let Some(names) = back_regs.get(place.idx) else {
            return Passed::Astray;
        };
        let Some(entry) = entry.filter(|entry| entry.idx == place.idx) else {
            if names & concerning != 0 {
                return Passed::Concerned;
            }
            if place.idx == first && place.left.is_none() {
                return Passed::Exhausted;
            }
            place.subseq_idx = Some(place.idx);
            place.idx = InsnIdx(place.idx.0.wrapping_sub(1));
            continue;
        };
        if wanted.pass(entry) {
            return Passed::Done;
        }
        if wanted.concerns(*names, Some(entry)) {
            return Passed::Concerned;
        }
        if !place.step(first, Some(entry)) {
            return Passed::Exhausted;
        }
        concerning = wanted.concerning();
    }
}

/// From instruction `i` backwards in a straight line, the first that may change the wanted set, or `floor`, where
/// the line ends.
#[inline]
pub(super) fn skip_unconcerned(
    back_regs: &IndexVec<InsnIdx, u16>,
    mut i: InsnIdx,
    floor: InsnIdx,
    concerning: u16,
) -> InsnIdx {
    let unconcerned = |names: &u16| names & concerning == 0;
    while i > floor && back_regs.get(i).is_some_and(unconcerned) {
        i = InsnIdx(i.0 - 1);
    }
    i
}
