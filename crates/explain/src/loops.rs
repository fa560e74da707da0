//! How often each edge of the program was walked, for what fails by cost.

use verdict_engine::observer::{Event, Observer};

/// A listener that counts arrivals at instructions, by the instruction before.
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
            self.count_other(idx, prev);
        }
    }

    fn count_other(&mut self, idx: u32, prev: Option<u32>) {
        let at = idx as usize;
        if self.jumps.len() <= at {
            self.jumps.resize_with(at + 1, Vec::new);
            self.falls.resize(at + 1, 0);
        }
        let prev = prev.unwrap_or(u32::MAX);
        let Some(from) = self.jumps.get_mut(at) else {
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
