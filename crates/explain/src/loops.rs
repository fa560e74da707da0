//! How often each edge to a prune point was walked, for what fails by cost.

use verdict_engine::observer::{Event, Observer};

/// A listener that counts arrivals at prune points, as all headers of loops are, by the instruction before. It hears nothing
/// else where it listens alone.
#[derive(Default)]
pub struct Edges {
    /// By instruction: how often from the one that stands before it.
    falls: Vec<u64>,
    /// By instruction: another one before on the path, and how often.
    jumps: Vec<Vec<(u32, u64)>>,
}

impl Edges {
    #[inline]
    fn count(&mut self, idx: u32, prev: Option<u32>) {
        if let Some(count) = self.falls.get_mut(idx as usize)
            && prev.is_some_and(|prev| prev.wrapping_add(1) == idx)
        {
            *count += 1;
        } else {
            self.count_from(idx, prev.unwrap_or(u32::MAX), 1);
        }
    }

    /// Adds what another listener counted of the same program.
    pub fn add(&mut self, other: &Edges) {
        self.hold(other.falls.len());
        for (sum, more) in self.falls.iter_mut().zip(&other.falls) {
            *sum += more;
        }
        for (idx, from) in (0u32..).zip(&other.jumps) {
            for &(prev, count) in from {
                self.count_from(idx, prev, count);
            }
        }
    }

    /// Has room for so many instructions.
    fn hold(&mut self, insns: usize) {
        if self.jumps.len() < insns {
            self.jumps.resize_with(insns, Vec::new);
            self.falls.resize(insns, 0);
        }
    }

    fn count_from(&mut self, idx: u32, prev: u32, more: u64) {
        let at = idx as usize;
        self.hold(at + 1);
        let Some(from) = self.jumps.get_mut(at) else {
            return;
        };
        match from.iter_mut().find(|(known, _)| *known == prev) {
            Some((_, count)) => *count += more,
            None => from.push((prev, more)),
        }
    }

    /// How often an instruction was reached from within a range of instructions, and how often from elsewhere.
    pub(crate) fn arrivals(&self, header: u32, range: (u32, u32)) -> (u64, u64) {
        let (mut inside, mut outside) = (0, 0);
        let at = header as usize;
        let before = header
            .checked_sub(1)
            .zip(self.falls.get(at).copied())
            .filter(|(_, count)| *count != 0);
        let others = self.jumps.get(at).into_iter().flatten().copied();
        for (from, count) in others.chain(before) {
            if (range.0..=range.1).contains(&from) {
                inside += count;
            } else {
                outside += count;
            }
        }
        (inside, outside)
    }
}

impl Observer for Edges {
    const LISTENING: bool = false;
    const ARRIVALS: bool = true;

    /// Nothing of backtracking.
    fn hears(&self, _: u8) -> bool {
        false
    }

    #[inline]
    fn event(&mut self, event: Event<'_>) {
        if let Event::Insn { idx, prev_idx, .. } | Event::Pruned { idx, prev_idx, .. } = event {
            self.count(idx, prev_idx);
        }
    }
}
