//! Whether a verification may go on, where its time or memory is limited.
//!
//! It is asked between instructions, and decides nothing but to end.

use crate::GaveUp;
use crate::error::{Failure, Res};
use crate::observer::Observer;
use crate::verifier::Verifier;

/// After how many instructions it is asked again.
const STEP: u32 = 1_000;

/// What is known of the memory in use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// States that were kept when their memory was estimated last.
    states: usize,
    /// What they took.
    bytes: u64,
}

impl<O: Observer> Verifier<'_, O> {
    /// The number of instructions behind which [`Verifier::within_allowance`] is to be asked first.
    #[inline]
    pub(super) fn first_stop(&self, limit: u32) -> u32 {
        match self.program.prog.allowance.is_limited() {
            true => limit.min(self.walk.stats.insns),
            false => limit,
        }
    }

    /// Asks whether there is time and memory left; gives the next stop.
    #[cold]
    pub(super) fn within_allowance(&mut self, limit: u32) -> Res<u32> {
        let prog = self.program.prog;
        let allowance = &prog.allowance;
        if allowance.time_is_up() {
            return Err(Box::new(Failure::GaveUp(GaveUp::Time)));
        }
        if let Some(most) = allowance.memory()
            && self.memory() > most
        {
            return Err(Box::new(Failure::GaveUp(GaveUp::Memory)));
        }
        Ok(match allowance.is_limited() {
            true => limit.min(self.walk.stats.insns.saturating_add(STEP)),
            false => limit,
        })
    }

    /// An estimate of the bytes that the search keeps: the state being executed, checkpoints, pending paths and histories.
    ///
    /// States are looked at again only when there are a quarter more or fewer of them, so that all looks together take time in
    /// proportion to the states.
    fn memory(&mut self) -> u64 {
        let search = &self.walk.search;
        let (now, then) = (search.kept_count(), self.walk.spent.states);
        if now.abs_diff(then) > then / 4 {
            self.walk.spent = Spent {
                states: now,
                bytes: search.kept().map(|state| state.bytes()).sum(),
            };
        }
        let others = self.walk.cur.bytes().saturating_add(search.history.bytes());
        self.walk.spent.bytes.saturating_add(others)
    }
}
