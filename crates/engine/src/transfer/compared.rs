//! What comparisons taught when they had the same operands before.

use verdict_domain::{Bounds, Learned};

use crate::index::{Idx, IndexVec, InsnIdx};

/// How many comparisons are kept of an instruction.
const KEPT: usize = 2;
/// Of how many instructions any are.
const MOST_KEPT: u32 = 8192;

/// The comparisons that were made last, by instruction.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    of: IndexVec<InsnIdx, Option<Box<[Kept; KEPT]>>>,
    kept: u32,
}

/// The operands, and what is known of them in the branch that is taken and in the one that falls through.
#[derive(Clone, Copy, Debug)]
struct Kept {
    dst: Bounds,
    src: Bounds,
    learned: [Learned; 2],
}

impl Compared {
    /// What an instruction teaches about these operands; `learn` finds out.
    pub(super) fn learned(
        &mut self,
        idx: InsnIdx,
        dst: &Bounds,
        src: &Bounds,
        learn: impl FnOnce() -> [Learned; 2],
    ) -> [Learned; 2] {
        if idx >= self.of.end() {
            self.of.grow(idx.index() + 1);
        }
        let Some(slot) = self.of.get_mut(idx) else {
            return learn();
        };
        if let Some(kept) = slot {
            let same = |kept: &&Kept| kept.dst == *dst && kept.src == *src;
            if let Some(kept) = kept.iter().find(same) {
                return kept.learned;
            }
        }
        let learned = learn();
        let (dst, src) = (*dst, *src);
        let new = Kept { dst, src, learned };
        match slot {
            Some(kept) => **kept = [new, kept[0]],
            None if self.kept < MOST_KEPT => {
                self.kept += 1;
                *slot = Some(Box::new([new; KEPT]));
            }
            None => {}
        }
        learned
    }
}
