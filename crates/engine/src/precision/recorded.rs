//! Instructions backwards, by the recorded history: it says where the path jumped, which stack slots were accessed
//! and which scalars were linked, so that no instruction needs to be understood beyond its operands.

use crate::error::{Res, reject};
use crate::index::{FrameNo, IndexVec, InsnIdx, Spi};
use crate::observer::Observer;
use crate::state::{Hist, StateId, hist};
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
    let flags = entry?.flags;
    (flags & hist::STACK_ACCESS != 0)
        .then_some((FrameNo(u32::from(flags & 7)), Spi(u32::from(flags >> 3 & 0x3f))))
}

impl<O: Observer> Verifier<'_, O> {
    /// Walks the instructions of one segment.
    pub(super) fn walk_segment(
        &mut self,
        at: Option<StateId>,
        wanted: &mut Wanted,
        last_idx: InsnIdx,
        subseq_idx: &mut Option<InsnIdx>,
        mut skip: bool,
    ) -> Res<Walked> {
        let segment = self.segment_mut(at);
        let first = segment.first_insn_idx;
        let mut left = segment.history.last;
        let mut i = last_idx;
        loop {
            let next = left.map(|id| self.walk.search.history.get_mut(id));
            if !O::LISTENING && !skip {
                let floor = next.as_ref().map_or(first, |entry| entry.idx);
                let from = i;
                i = skip_unconcerned(&self.program.back_regs, i, floor, wanted);
                if i != from {
                    *subseq_idx = Some(i.next());
                }
            }
            let last = match next {
                Some(entry) if entry.idx == i => {
                    if !O::LISTENING && !skip && wanted.pass(entry) {
                        return Ok(Walked::Done);
                    }
                    Some(*entry)
                }
                _ => None,
            };
            if skip {
                skip = false;
            } else if O::LISTENING || wanted.concerns(self.program.back_regs[i], last) {
                if let Step::GiveUp = self.back_step(i, *subseq_idx, last, wanted)? {
                    return Ok(Walked::GaveUp);
                }
                if wanted.is_empty() {
                    return Ok(Walked::Done);
                }
            }
            *subseq_idx = Some(i);
            // The segment began with this instruction: the entry that is left is the arrival from the parent.
            if i == first && (left.is_none() || last.is_some_and(|entry| entry.before.is_none())) {
                return Ok(Walked::Exhausted);
            }
            match last {
                Some(entry) => {
                    left = entry.before;
                    i = entry.prev_idx().unwrap_or(BEFORE);
                }
                None => i = InsnIdx(i.0.wrapping_sub(1)),
            }
            if i >= self.program.insns.end() {
                reject!(VerifierBug, EFAULT, "BUG backtracking idx {}\n", i.0 as i32);
            }
        }
    }
}

/// From instruction `i` backwards in a straight line, the first that may change the wanted set, or `floor`, where
/// the line ends.
#[inline]
fn skip_unconcerned(
    back_regs: &IndexVec<InsnIdx, u16>,
    mut i: InsnIdx,
    floor: InsnIdx,
    wanted: &Wanted,
) -> InsnIdx {
    let concerning = wanted.concerning();
    let unconcerned = |names: &u16| names & concerning == 0;
    while i > floor && back_regs.get(i).is_some_and(unconcerned) {
        i = InsnIdx(i.0 - 1);
    }
    i
}
