//! Explaining rejections: the second verification of a rejected program is followed more closely, and changes are tried.

mod dwarf;
mod outside;

use std::io::Write;

pub(crate) use outside::{FunctionNames, Reopened};

use verdict_engine::observer::{Event, Observer, Silent};
use verdict_engine::{Outcome, Stats, Trial, Verdict, verify, verify_assuming, verify_to_limit};
use verdict_explain::{Costs, Edges, Failed, Locals, Recorder, Trials, explain, is_about_cost, with_changes};
use verdict_kernel::Kernel;
use verdict_kernel::rule::Rule;
use verdict_log::{Level, Log};
use verdict_report::explanation::{Change, Explanation};
use verdict_report::profile::Profile;
use verdict_syscall::Prog;

use crate::answer::End;
use crate::clock::Stopwatch;
use crate::listen::{Found, LogOptions};
use crate::verifier::{Request, WITH_LAST_WORDS};
use crate::{OpenObject, Profiler};

/// How far rejections are explained. Accepted programs cost nothing in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explaining {
    /// Not at all.
    #[default]
    Off,
    /// Their causes are looked for.
    Causes,
    /// Changes to the program are tried, too: by verifying again, at most so many instructions for each rejection.
    Trials {
        /// The budget.
        insns: u64,
    },
}

impl Explaining {
    /// Trials with the usual budget.
    pub const TRIALS: Explaining = Explaining::Trials { insns: 200_000 };
}

impl OpenObject<'_> {
    /// Loads a program that is known to be rejected by this rule, with a log, and finds out why.
    pub(crate) fn listen_closely(
        &self,
        index: usize,
        options: &LogOptions<'_>,
        out: &mut dyn Write,
        explaining: Explaining,
        rule: Rule,
    ) -> Found {
        let run = &mut |kernel: &Kernel, prog: &Prog, log: &mut Log<'_>, found: &mut Option<Explanation>| {
            let locals = self.locals();
            let (outcome, explanation) = follow(kernel, prog, log, explaining, (rule, locals));
            *found = explanation;
            outcome
        };
        self.listen_with(index, options, out, run).0
    }

    /// Verifies in silence, except for the last steps of a program that is too large: a second verification would cost as
    /// much as the first.
    pub(crate) fn verify_once(&self, kernel: &Kernel, prog: &Prog) -> Once {
        let explaining = self.verifier.explaining;
        let limit = kernel.limits.processed_insns;
        let from = limit.saturating_sub(LAST_STEPS);
        let (mut words, mut edges) = (Vec::new(), Edges::default());
        let mut log = Log::new(kernel, prog, Level::ONE, &mut words)
            .joining(u64::from(from))
            .told_from(u64::from(limit).saturating_sub(WITH_LAST_WORDS));
        let start = Stopwatch::start();
        let (outcome, heard) = if explaining == Explaining::Off {
            verify_to_limit(kernel, prog, &mut Silent, (from, &mut log))
        } else {
            let mut last = Edges::default();
            let ended = verify_to_limit(kernel, prog, &mut edges, (from, &mut Both(&mut log, &mut last)));
            edges.add(&last);
            ended
        };
        let usec = start.micros();
        let _ = log.finish(); // a vector takes all
        let end = match &outcome.verdict {
            Verdict::Rejected(rejected) if heard => {
                let mut found = Found::of(prog, rejected);
                let counted = (Recorder::of(prog), &edges);
                let locals = (explaining != Explaining::Off).then(|| self.locals()).flatten();
                let by = (rejected.rule, locals);
                found.explanation = explained(kernel, prog, counted, &outcome, explaining, by);
                Some((found, words))
            }
            _ => None,
        };
        Once { outcome, usec, end }
    }
}

impl OpenObject<'_> {
    /// Whether a program is accepted with the changes of a remedy. Where they are changes of the program itself, the
    /// verifier must accept it; what libbpf loads or fills beside it may be refused all the same. Otherwise libbpf must
    /// be able to load it. Remedies about externs are tried by objects only that were opened to be explained with trials.
    pub(crate) fn accepts_with(&self, index: usize, changes: &[Change]) -> bool {
        let weak = changes.contains(&Change::Weak);
        let object = if weak { self.weak() } else { Some(self) };
        let Some(object) = object else { return false };
        let names = changes.iter().filter_map(|change| match change {
            Change::Also { programs } => Some(programs),
            _ => None,
        });
        let also: Vec<usize> = names.flatten().filter_map(|name| object.position(name)).collect();
        let of_program: Vec<Change> = changes
            .iter()
            .filter(|change| !matches!(change, Change::Weak | Change::Also { .. }))
            .cloned()
            .collect();
        let request = Request {
            also: &also,
            flags: object.verifier.flags(),
            rules: None,
        };
        let loaded = object.load_with(index, request, &mut |kernel, prog| {
            with_changes(kernel, prog, &of_program).unwrap_or_else(|| Outcome {
                verdict: Verdict::Unsupported("a change that cannot be tried".to_owned()),
                stats: Stats::default(),
            })
        });
        let loads = matches!(loaded.end, End::Accepted);
        if of_program.is_empty() || !also.is_empty() {
            return loads;
        }
        let verified = |outcome: Outcome| outcome.verdict == Verdict::Accepted;
        loads || loaded.outcome.is_some_and(verified)
    }
}

/// Verifies with a log and with what an explanation is made of.
pub(crate) fn follow(
    kernel: &Kernel,
    prog: &Prog,
    log: &mut Log<'_>,
    explaining: Explaining,
    (rule, locals): (Rule, Option<&Locals>),
) -> (Outcome, Option<Explanation>) {
    let (mut recorder, mut edges) = (Recorder::of(prog), Edges::default());
    let outcome = if is_about_cost(rule) {
        verify(kernel, prog, &mut Both(log, &mut edges))
    } else {
        verify(kernel, prog, &mut Both(log, &mut recorder))
    };
    let explanation = explained(
        kernel,
        prog,
        (recorder, &edges),
        &outcome,
        explaining,
        (rule, locals),
    );
    (outcome, explanation)
}

/// How a program's only verification went.
pub(crate) struct Once {
    pub(crate) outcome: Outcome,
    pub(crate) usec: Option<u64>,
    /// What was found out of its end, with the log's, where another verification would find out no more.
    pub(crate) end: Option<(Found, Vec<u8>)>,
}

/// How many instructions before the end of a program that is too large its last steps are followed. What a log has of
/// an instruction depends on those before, but not on any so far back.
const LAST_STEPS: u32 = 1_024;

/// The explanation of a rejection, by what was recorded and counted of the verification.
fn explained(
    kernel: &Kernel,
    prog: &Prog,
    (mut recorder, edges): (Recorder, &Edges),
    outcome: &Outcome,
    explaining: Explaining,
    (rule, locals): (Rule, Option<&Locals>),
) -> Option<Explanation> {
    let Verdict::Rejected(rejected) = &outcome.verdict else {
        return None;
    };
    let mut trials = match explaining {
        Explaining::Off => return None,
        Explaining::Causes => None,
        Explaining::Trials { insns } => Some(Trials::new(kernel, insns)),
    };
    let profile = is_about_cost(rule).then(|| sample(kernel, prog, &mut recorder));
    let recording = recorder.finish();
    let costs = profile.as_ref().map(|profile| Costs { profile, edges });
    let failed = Failed {
        kernel,
        prog,
        rule,
        rejected,
        stats: &outcome.stats,
        recording: &recording,
        costs: costs.as_ref(),
        locals,
    };
    Some(explain(&failed, trials.as_mut()))
}

/// After how many instructions it is clear where the cost of a program is.
const SAMPLE: u32 = 10_000;

/// Follows the beginning of a verification that costs too much.
fn sample(kernel: &Kernel, prog: &Prog, recorder: &mut Recorder) -> Profile {
    let mut profiler = Profiler::new(prog);
    let trial = Trial {
        assumed: &[],
        max_insns: SAMPLE,
    };
    let outcome = verify_assuming(kernel, prog, trial, &mut Both(recorder, &mut profiler));
    profiler.finish(prog, &outcome)
}

/// Two listeners.
pub(crate) struct Both<'o, A, B>(pub(crate) &'o mut A, pub(crate) &'o mut B);

impl<A: Observer, B: Observer> Observer for Both<'_, A, B> {
    const LISTENING: bool = A::LISTENING || B::LISTENING;
    const MISSES: bool = A::MISSES || B::MISSES;

    fn hears(&self, level: u8) -> bool {
        self.0.hears(level) || self.1.hears(level)
    }

    #[inline(always)]
    fn event(&mut self, event: Event<'_>) {
        self.1.event(event);
        self.0.event(event);
    }
}
