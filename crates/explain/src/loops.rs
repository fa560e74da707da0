//! How often each edge of the program was walked, for what fails by cost.

use verdict_engine::observer::{Event, Observer};

/// A listener that counts arrivals at instructions, by the instruction before.
#[derive(Default)]
pub struct Edges {
    /// By instruction: the one before on the path, and how often.
    arrivals: Vec<Vec<(u32, u64)>>,
}

impl Edges {
    fn count(&mut self, idx: u32, prev: Option<u32>) {
        let at = idx as usize;
        if self.arrivals.len() <= at {
            self.arrivals.resize_with(at + 1, Vec::new);
        }
        let prev = prev.unwrap_or(u32::MAX);
        let Some(from) = self.arrivals.get_mut(at) else {
            return;
        };
        match from.iter_mut().find(|(known, _)| *known == prev) {
            Some((_, count)) => *count += 1,
            None => from.push((prev, 1)),
        }
    }

    /// How often an instruction was reached from within a range of instructions, and how often from elsewhere.
    pub(crate) fn arrivals(&self, header: u32, range: (u32, u32)) -> (u64, u64) {
        let (mut inside, mut outside) = (0, 0);
        for (from, count) in self.arrivals.get(header as usize).into_iter().flatten() {
            if (range.0..=range.1).contains(from) {
                inside += count;
            } else {
                outside += count;
            }
        }
        (inside, outside)
    }
}

impl Observer for Edges {
    const MISSES: bool = false;

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
