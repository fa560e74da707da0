//! A verification, step by step.

use verdict_engine::{Verdict, verify};
use verdict_page::{End, Keep, Limits, Listing, Recorder, Walk};
use verdict_report::profile::Profile;

use crate::explaining::Both;
use crate::{OpenObject, Profiler};

/// A program's verification.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Walked {
    /// The program.
    pub listing: Listing,
    /// The steps.
    pub walk: Walk,
    /// Where the cost is.
    pub profile: Profile,
}

impl OpenObject<'_> {
    /// Loads one program and keeps the steps of its verification: at most so many, the first ones, or the last ones if it
    /// is rejected. Gives nothing if it does not get as far as to be verified.
    pub(crate) fn walk(&self, index: usize, keep: Keep, limits: Limits) -> Option<Walked> {
        let (walked, rejected) = self.walk_within(index, keep, limits)?;
        let kept = match walked.walk.end {
            End::Whole | End::Rows => limits.rows,
            // Later steps may change more than those that were kept.
            End::Changes => walked.walk.changes.len() as u32 / 2,
        };
        let first = walked.walk.rows.saturating_sub(kept);
        if walked.walk.end == End::Whole || !rejected || first <= limits.first {
            return Some(walked);
        }
        drop(walked);
        let limits = Limits { first, ..limits };
        self.walk_within(index, keep, limits).map(|(walked, _)| walked)
    }

    /// The steps, and whether the program is rejected.
    fn walk_within(&self, index: usize, keep: Keep, limits: Limits) -> Option<(Walked, bool)> {
        let mut walked = None;
        self.load(index, &mut |kernel, prog| {
            let mut recorder = Recorder::new(kernel, prog, keep, limits);
            let mut profiler = Profiler::new(prog);
            let outcome = verify(kernel, prog, &mut Both(&mut recorder, &mut profiler));
            let profile = profiler.finish(prog, &outcome);
            let result = Walked {
                listing: Listing::new(kernel, prog, &profile),
                walk: recorder.finish(),
                profile,
            };
            walked = Some((result, matches!(outcome.verdict, Verdict::Rejected(_))));
            outcome
        });
        walked
    }
}
