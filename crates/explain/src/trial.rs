//! Changes to a program, tried by verifying again.

use verdict_engine::assume::{Assumed, Assumption};
use verdict_engine::observer::{Event, Observer};
use verdict_engine::{Outcome, Rejected, Stats, Trial, Verdict, verify_assuming};
use verdict_isa::Width;
use verdict_kernel::Kernel;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::Rule;
use verdict_report::explanation::{Change, Range, Remedy, Tried};
use verdict_syscall::Prog;
use verdict_syscall::prog::flags;

use crate::case::{Plan, Wording};
use crate::recorder::{Recorder, Recording};
use crate::source::Code;
use crate::{Failed, drafted, words};

/// How often one plan is followed to further refusals of its kind.
const MAX_FOLLOWED: usize = 12;
/// Most calls of missing functions that are left out.
const MAX_MISSING: usize = 16;
/// Most plans that are tried.
const MAX_PLANS: usize = 6;

/// Listens, as trials must be listened to, and hears nothing.
struct Unheard;

impl Observer for Unheard {
    const MISSES: bool = false;

    fn hears(&self, _: u8) -> bool {
        false
    }

    #[inline(always)]
    fn event(&mut self, _: Event<'_>) {}
}

/// Trials within a budget.
pub struct Trials<'a> {
    kernel: &'a Kernel,
    /// Instructions that may still be verified.
    left: u64,
}

/// What came of a trial.
enum Attempt {
    Accepted,
    Rejected(Box<(Rejected, Stats, Recording)>),
    /// Neither, or the budget is used up.
    Unknown,
}

impl<'a> Trials<'a> {
    /// Trials on a kernel, which together verify at most so many instructions.
    pub fn new(kernel: &'a Kernel, budget: u64) -> Trials<'a> {
        Trials { kernel, left: budget }
    }

    /// Tries plans, and makes remedies of them: those that were accepted first. A plan that was rejected is no remedy.
    pub(crate) fn run(&mut self, failed: &Failed<'_>, plans: Vec<Plan>) -> Vec<Remedy> {
        let (mut accepted, mut untried, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let mut partly = None;
        for plan in plans.into_iter().take(MAX_PLANS) {
            let ranged = matches!(plan.wording, Wording::Range { .. });
            if ranged && accepted.iter().any(|remedy: &Remedy| is_range(remedy)) {
                continue;
            }
            match self.attempt_plan(failed, &plan) {
                Some(Some(remedy)) if remedy.tried == Tried::Verified => accepted.push(remedy),
                Some(Some(remedy)) => partly = partly.or(Some(remedy)),
                Some(None) if ranged => late.push(plan),
                Some(None) => {}
                None => untried.extend(unproven(plan)),
            }
        }
        if accepted.is_empty() {
            for plan in &late {
                match self.attempt_range_followed(failed, plan) {
                    Some(remedy) if remedy.tried == Tried::Verified => {
                        accepted.push(remedy);
                        break;
                    }
                    found => partly = partly.or(found),
                }
            }
        }
        if accepted.is_empty() {
            accepted.extend(partly);
        }
        accepted.append(&mut untried);
        accepted
    }

    /// `None` when the budget does not suffice; else the remedy, if it is one.
    fn attempt_plan(&mut self, failed: &Failed<'_>, plan: &Plan) -> Option<Option<Remedy>> {
        match &plan.wording {
            Wording::Range { name, unsigned } => self.attempt_range(failed.prog, plan, (name, *unsigned)),
            Wording::Plain(text) => {
                let followed = self.followed(failed, plan.changes.clone())?;
                Some(followed.map(|followed| followed.remedy(text, plan)))
            }
        }
    }

    /// Tries changes; where another refusal follows, what is proposed for that is added.
    /// Where the refusal itself is gone, and others are not, that is said.
    fn followed(&mut self, failed: &Failed<'_>, changes: Vec<Change>) -> Option<Option<Followed>> {
        let prog = failed.prog;
        let mut done = Followed {
            tried: Tried::Verified,
            changes,
            alike: 0,
            others: Vec::new(),
        };
        let mut partly = None;
        for _ in 0..=MAX_FOLLOWED {
            let (rejected, stats, recording) = match self.attempt(prog, &done.changes) {
                Attempt::Accepted => return Some(Some(done)),
                Attempt::Unknown => return None,
                Attempt::Rejected(rejected) => *rejected,
            };
            let moved = (rejected.insn, rejected.rule) != (failed.rejected.insn, failed.rejected.rule);
            if partly.is_none() && moved {
                partly = Some(Followed {
                    tried: Tried::Partly,
                    changes: done.changes.clone(),
                    alike: 0,
                    others: vec![self.next_refusal(prog, &rejected)],
                });
            }
            let first = done.changes.first();
            // A missing function is reported in the same way wherever it is called.
            if let (Some(Change::Unreached { .. }), Some(insn)) = (first, rejected.insn)
                && matches!(rejected.rule, Rule::UnknownHelper | Rule::UnknownKfunc)
                && !done.changes.contains(&Change::Unreached { insn })
            {
                done.changes.push(Change::Unreached { insn });
                done.alike += 1;
                continue;
            }
            let failed = Failed {
                kernel: self.kernel,
                prog,
                rule: rejected.rule,
                rejected: &rejected,
                stats: &stats,
                recording: &recording,
                costs: None,
                locals: failed.locals,
            };
            let new = |plan: &Plan| plan.changes.iter().all(|change| !done.changes.contains(change));
            let mut plans: Vec<Plan> = drafted(&failed).plans.into_iter().filter(new).collect();
            // The same refusal again is of use only if it is for another value.
            if !moved && partly.is_none() {
                plans.retain(|plan| elsewhere(plan, &done.changes));
                if plans.is_empty() {
                    return Some(None);
                }
            }
            let alike = |plan: &Plan| match (first, plan.changes.as_slice()) {
                (Some(first), [change]) => same_kind(first, change),
                _ => false,
            };
            let at = plans.iter().position(alike);
            let is_alike = at.is_some() && !matches!(first, Some(Change::Range { .. }));
            if plans.is_empty() {
                return Some(partly);
            }
            let further = plans.swap_remove(at.unwrap_or(0));
            match further.short_words().filter(|_| !is_alike) {
                Some(words) => done.others.push(words),
                None => done.alike += 1,
            }
            done.changes.extend(further.changes);
        }
        Some(partly)
    }

    /// A refusal in few words.
    fn next_refusal(&self, prog: &Prog, rejected: &Rejected) -> String {
        let code = Code {
            kernel: self.kernel,
            prog,
            locals: None,
        };
        let place = rejected.insn.map(|insn| match code.spot(insn) {
            Some(spot) => format!(" at line {}", spot.line),
            None => format!(" at insn {insn}"),
        });
        let (code, name) = (rejected.rule.code(), rejected.rule.name());
        format!("{code} {name}{}", place.unwrap_or_default())
    }

    /// Finds the widest range of a register that is accepted.
    fn attempt_range(&mut self, prog: &Prog, plan: &Plan, name: (&str, bool)) -> Option<Option<Remedy>> {
        let &[Change::Range { bits, .. }] = plan.changes.as_slice() else {
            return None;
        };
        if bits == 32
            && let Some(remedy) = self.attempt_range_of(prog, plan, name, 32)?
        {
            return Some(Some(remedy));
        }
        self.attempt_range_of(prog, plan, name, 64)
    }

    /// The same, where so many bits of the register are compared.
    fn attempt_range_of(
        &mut self,
        prog: &Prog,
        plan: &Plan,
        name: (&str, bool),
        bits: u8,
    ) -> Option<Option<Remedy>> {
        let &[
            Change::Range {
                insn, reg, min, max, ..
            },
        ] = plan.changes.as_slice()
        else {
            return None;
        };
        let change = |Range { min, max }: Range| Change::Range {
            insn,
            reg,
            min,
            max,
            bits,
        };
        let most = if bits == 32 { i64::from(u32::MAX) } else { i64::MAX };
        let hint = if bits == 32 {
            Range {
                min: min.max(0),
                max: max.min(most),
            }
        } else {
            Range { min, max }
        };
        let zero = Range { min: 0, max: 0 };
        let mut good = None;
        for range in [hint, zero] {
            let possible = range.min <= range.max;
            if self.left == 0 {
                return None;
            }
            if possible && self.accepts(prog, &[change(range)]) {
                good = Some(range);
                break;
            }
        }
        let Some(mut range) = good else {
            return Some(None);
        };
        let accepts = |trials: &mut Self, range: Range| trials.accepts(prog, &[change(range)]);
        range.max = self.widest((range.max, most), |trials, max| {
            accepts(trials, Range { max, ..range })
        });
        // What is compared as a number without a sign has 0 as its least.
        let least = if bits == 32 { 0 } else { i64::MAX };
        range.min = -self.widest((range.min.saturating_neg(), least), |trials, min| {
            let min = min.checked_neg().unwrap_or(i64::MIN);
            accepts(trials, Range { min, ..range })
        });
        if range.min == -i64::MAX {
            range.min = i64::MIN;
        }
        // A lower end that only happens to be accepted is nothing to advise.
        let usual = Range { min: 0, ..range };
        if range.min < 0 && range.min > i64::from(i32::MIN) && range.max > 0 && accepts(self, usual) {
            range = usual;
        }
        if (range.min, range.max) == (-least, most) || (range.min, range.max) == (i64::MIN, i64::MAX) {
            return Some(None);
        }
        let mask = mask_within(range).filter(|mask| accepts(self, Range { min: 0, max: *mask }));
        Some(Some(Remedy {
            words: range_words(name, range, bits, mask),
            others: Vec::new(),
            site: plan.site.clone(),
            behind: plan.behind,
            tried: Tried::Verified,
            changes: vec![change(range)],
        }))
    }

    /// Tries a range after which something else is refused, too.
    fn attempt_range_followed(&mut self, failed: &Failed<'_>, plan: &Plan) -> Option<Remedy> {
        let (&[Change::Range { min, max, .. }], Wording::Range { name, unsigned }) =
            (plan.changes.as_slice(), &plan.wording)
        else {
            return None;
        };
        let followed = self.followed(failed, plan.changes.clone())??;
        let range = words::lower_end(Range { min, max }, *unsigned);
        let text = format!(
            "compare `{name}` first: accepted with `{}`",
            words::condition(name, range)
        );
        Some(followed.remedy(&text, plan))
    }

    /// The greatest value that is accepted, from one that is on; the most that there is when there is no limit.
    fn widest(&mut self, (good, most): (i64, i64), mut accepts: impl FnMut(&mut Self, i64) -> bool) -> i64 {
        if good >= most {
            return good;
        }
        if accepts(self, most) {
            return most;
        }
        if !accepts(self, good.saturating_add(1)) {
            return good;
        }
        let (mut good, mut step) = (good.saturating_add(1), 1i64);
        // Doubling steps, then halving them.
        while let Some(next) = good
            .checked_add(step)
            .filter(|next| step < 1 << 40 && *next < most)
        {
            if !accepts(self, next) {
                break;
            }
            good = next;
            step *= 2;
        }
        while step > 0 {
            if let Some(next) = good.checked_add(step).filter(|next| *next < most)
                && accepts(self, next)
            {
                good = next;
            }
            step /= 2;
        }
        good
    }

    /// Whether a program is accepted with changes; what comes of it otherwise does not matter.
    fn accepts(&mut self, prog: &Prog, changes: &[Change]) -> bool {
        let max_insns = u32::try_from(self.left).unwrap_or(u32::MAX);
        let outcome = verify_changed(self.kernel, prog, changes, max_insns, &mut Unheard);
        let Some(outcome) = outcome.filter(|_| self.left > 0) else {
            return false;
        };
        self.left = self.left.saturating_sub(u64::from(outcome.stats.insns) + 20);
        outcome.verdict == Verdict::Accepted
    }

    /// Verifies with changes.
    fn attempt(&mut self, prog: &Prog, changes: &[Change]) -> Attempt {
        if self.left == 0 {
            return Attempt::Unknown;
        }
        let mut recorder = Recorder::of(prog);
        let max_insns = u32::try_from(self.left).unwrap_or(u32::MAX);
        let Some(outcome) = verify_changed(self.kernel, prog, changes, max_insns, &mut recorder) else {
            return Attempt::Unknown;
        };
        // A verification costs something even where it has few instructions.
        self.left = self.left.saturating_sub(u64::from(outcome.stats.insns) + 20);
        match outcome.verdict {
            Verdict::Accepted => Attempt::Accepted,
            Verdict::Rejected(_) if self.left == 0 => Attempt::Unknown,
            Verdict::Rejected(rejected) => {
                Attempt::Rejected(Box::new((rejected, outcome.stats, recorder.finish())))
            }
            Verdict::Unsupported(_) | Verdict::Bug(_) | Verdict::GaveUp(_) => Attempt::Unknown,
        }
    }
}

/// Changes that were accepted together.
struct Followed {
    tried: Tried,
    changes: Vec<Change>,
    /// How many more changes of the first one's kind there are.
    alike: usize,
    /// What else had to be changed.
    others: Vec<String>,
}

impl Followed {
    fn remedy(self, text: &str, plan: &Plan) -> Remedy {
        let alike = match self.alike {
            0 => String::new(),
            1 => ", and likewise at one more place".to_owned(),
            more => format!(", and likewise at {more} more places"),
        };
        let mut others = self.others;
        others.sort();
        others.dedup();
        let text = match self.tried {
            Tried::Partly => text.replace(": accepted ", ": "),
            Tried::Verified | Tried::Untried => text.to_owned(),
        };
        Remedy {
            words: format!("{text}{alike}"),
            others,
            site: plan.site.clone(),
            behind: plan.behind,
            tried: self.tried,
            changes: self.changes,
        }
    }
}

/// A plan that could not be tried: what it says without having been seen.
fn unproven(plan: Plan) -> Option<Remedy> {
    let words = match &plan.wording {
        Wording::Plain(text) => text.replace("accepted ", ""),
        Wording::Range { name, unsigned } => match plan.changes.first() {
            Some(Change::Range { min, max, .. }) if min <= max => {
                let range = words::lower_end(Range { min: *min, max: *max }, *unsigned);
                format!("compare `{name}` first: `{}`", words::condition(name, range))
            }
            _ => return None,
        },
    };
    Some(Remedy {
        words,
        others: Vec::new(),
        site: plan.site,
        behind: plan.behind,
        tried: Tried::Untried,
        changes: plan.changes,
    })
}

/// What a variable must be compared with, or masked by.
fn range_words((name, unsigned): (&str, bool), range: Range, bits: u8, mask: Option<i64>) -> String {
    let half = range.min <= 0 && range.max == i64::from(i32::MAX);
    let open = bits == 32 && range.max == i64::from(u32::MAX);
    let condition = if bits == 32 && half {
        format!("{} >= 0", words::operand(name))
    } else if open {
        format!("{} >= {}", words::operand(name), range.min)
    } else if (bits == 32 || unsigned) && range.min <= 0 {
        format!("{} <= {}", words::operand(name), range.max)
    } else {
        words::condition(name, range)
    };
    let signed = if half && bits == 64 && !unsigned {
        format!(" (of an int: `{} >= 0`)", words::operand(name))
    } else {
        String::new()
    };
    let or = match mask.filter(|_| !half) {
        Some(mask) if words::is_variable(name) => format!(", or after `{name} &= {mask:#x}`"),
        Some(mask) => format!(", or of `({name}) & {mask:#x}` instead"),
        None => String::new(),
    };
    format!("compare `{name}` first: accepted if `{condition}`{signed}{or}")
}

/// The widest mask whose results lie in a range.
fn mask_within(Range { min, max }: Range) -> Option<i64> {
    if min > 0 || max < 1 || max == i64::MAX {
        return None;
    }
    let bits = (max.saturating_add(1) as u64).ilog2();
    Some((1i64 << bits.min(62)) - 1)
}

fn is_range(remedy: &Remedy) -> bool {
    matches!(remedy.changes.as_slice(), [Change::Range { .. }])
}

/// Whether a plan compares a number that no change compares.
fn elsewhere(plan: &Plan, changes: &[Change]) -> bool {
    let place = |change: &Change| match *change {
        Change::Range { insn, reg, .. } => Some((insn, reg)),
        _ => None,
    };
    match plan.changes.as_slice() {
        [change] => place(change).is_some_and(|at| changes.iter().all(|change| place(change) != Some(at))),
        _ => false,
    }
}

fn same_kind(a: &Change, b: &Change) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// Verifies a program within a budget, where no path comes to calls of functions that the kernel lacks; gives these changes.
pub fn trial_without_missing(
    kernel: &Kernel,
    prog: &Prog,
    trials: &mut Trials<'_>,
) -> (Outcome, Vec<Change>) {
    let mut changes = Vec::new();
    loop {
        let max_insns = u32::try_from(trials.left).unwrap_or(u32::MAX);
        let assumed: Vec<Assumption> = changes.iter().filter_map(assumption).collect();
        let trial = Trial {
            assumed: &assumed,
            max_insns,
        };
        let outcome = verify_assuming(kernel, prog, trial, &mut Unheard);
        trials.left = trials.left.saturating_sub(u64::from(outcome.stats.insns) + 20);
        let missing = match &outcome.verdict {
            Verdict::Rejected(rejected)
                if matches!(rejected.rule, Rule::UnknownHelper | Rule::UnknownKfunc) =>
            {
                rejected
                    .insn
                    .filter(|_| trials.left > 0 && changes.len() < MAX_MISSING)
            }
            _ => None,
        };
        let Some(insn) = missing else {
            return (outcome, changes);
        };
        let change = Change::Unreached { insn };
        if changes.contains(&change) {
            return (outcome, changes);
        }
        changes.push(change);
    }
}

/// Verifies a program with changes that concern it alone; `None` where others are needed.
pub fn with_changes(kernel: &Kernel, prog: &Prog, changes: &[Change]) -> Option<Outcome> {
    verify_changed(kernel, prog, changes, u32::MAX, &mut Unheard)
}

fn verify_changed<O: Observer>(
    kernel: &Kernel,
    prog: &Prog,
    changes: &[Change],
    max_insns: u32,
    recorder: &mut O,
) -> Option<Outcome> {
    let mut assumed = Vec::new();
    let mut changed = None;
    for change in changes {
        match assumption(change) {
            Some(assumption) => assumed.push(assumption),
            None => change_program(changed.get_or_insert_with(|| prog.clone()), change)?,
        }
    }
    let trial = Trial {
        assumed: &assumed,
        max_insns,
    };
    Some(verify_assuming(
        kernel,
        changed.as_ref().unwrap_or(prog),
        trial,
        recorder,
    ))
}

/// A change as what is taken for granted at an instruction.
fn assumption(change: &Change) -> Option<Assumption> {
    let (insn, what) = match *change {
        Change::Range {
            insn,
            reg,
            min,
            max,
            bits,
        } => {
            let width = if bits == 32 { Width::W32 } else { Width::W64 };
            (insn, Assumed::Range { reg, min, max, width })
        }
        Change::NotNull { insn, reg } => (insn, Assumed::NotNull { reg }),
        Change::Packet { insn, reg, bytes } => (insn, Assumed::Packet { reg, bytes }),
        Change::Number { insn, reg, value } => (insn, Assumed::Number { reg, value }),
        Change::Offset { insn, reg, offset } => (insn, Assumed::Offset { reg, offset }),
        Change::Memory { insn, reg, bytes } => (insn, Assumed::Memory { reg, bytes }),
        Change::Locked { insn, reg } => (insn, Assumed::Locked { reg }),
        Change::Unlocked { insn } => (insn, Assumed::Unlocked),
        Change::Release { insn, acquired } => (insn, Assumed::Released { acquired }),
        Change::LeaveRegions { insn } => (insn, Assumed::RegionsLeft),
        Change::ReadByHelper { insn } => (insn, Assumed::ReadByHelper),
        Change::Unreached { insn } => (insn, Assumed::Unreached),
        // What a program is, and what is loaded with it.
        _ => return None,
    };
    Some(Assumption { insn, what })
}

/// Changes what a program is; `None` where that needs more than the program.
fn change_program(prog: &mut Prog, change: &Change) -> Option<()> {
    match change {
        Change::Gpl => prog.gpl_compatible = true,
        Change::Sleepable { sleepable } => {
            prog.sleepable = *sleepable;
            if *sleepable {
                prog.flags |= flags::SLEEPABLE;
            } else {
                prog.flags &= !flags::SLEEPABLE;
            }
        }
        Change::ProgramType {
            program_type,
            attach_type,
        } => {
            prog.prog_type = ProgType::from_raw(*program_type)?;
            prog.expected_attach_type = *attach_type;
        }
        _ => return None,
    }
    Some(())
}
