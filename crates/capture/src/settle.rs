//! Finding the setting of every switch from what a kernel answered.
//!
//! A *question* is a switch, or whose prototypes of a helper the kernel has where known releases differ in them.
//!
//! The search starts from the known profile that fits the answers best, and changes the answer to one question at a
//! time (with what that presupposes), or to two where one alone fits worse, as long as more of the answers are met. Then every switch is held to its own programs: its value is *seen* where
//! one of them is answered as under this value and otherwise under every other one; it is *not known* where its programs depend
//! on it and none is answered as under any value; and it is *assumed* where nothing depends on it. What no setting explains is
//! put down to switches last, which are *not known* then, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use verdict_kernel::helper::HelperId;
use verdict_kernel::prog::ProgType;
use verdict_kernel::semantics::{Provenance, Switch};
use verdict_kernel::{Kernel, SWITCHES, Unsure};

use crate::answer::Answer;
use crate::corpus::{HARMFUL, object_of};
use crate::model::{Fit, Model, Program, Said};
use crate::question::{Question, questions};

/// How often all switches are gone through: each time something changed, if only two of them together. Kernels that are asked take
/// less than half of it.
const ROUNDS: usize = 32;

/// How many changes of a switch are tried together, two by two.
const MOST_PAIRED: usize = 24;

/// What was found out.
#[derive(Debug)]
pub struct Settled {
    /// The kernel with its switches set, and the evidence for each.
    pub kernel: Kernel,
    /// The known profile from which the search started.
    pub base: &'static str,
    /// Programs that were asked about, but for those that use a fact that no table has.
    pub asked: usize,
    /// Those of them that verdict says the same of: verdict and figures.
    pub counts: usize,
    /// Those of which the logs are the same, too.
    pub exact: usize,
    /// What no setting explains: programs with what the kernel answered, and what verdict says.
    pub unexplained: Vec<String>,
}

/// The settings that fit the answers, and how each of them is known; `None` without any base.
///
/// `bases` are the kernel's files under the rules of each known profile, by its name.
pub fn settle(
    bases: impl IntoIterator<Item = (&'static str, Kernel)>,
    corpus: &[(&str, &[u8])],
    answers: &[Answer],
) -> Option<Settled> {
    let started = bases.into_iter().map(|(base, kernel)| {
        let model = Model::new(kernel, corpus, answers, 0);
        let search = Search::new(model);
        (search.total(), base, search)
    });
    let (_, base, mut search) = started.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    search.climb();
    Some(search.settled(base))
}

/// What the programs of a question say about its answer.
#[derive(Default)]
struct Held {
    /// A program that tells it from another value, in words.
    seen: Option<String>,
    /// Other values that no program tells it from, though some are answered as under neither.
    felt: Vec<&'static str>,
    /// Other values under which nothing is otherwise.
    same: Vec<&'static str>,
    /// Programs that depend on it and are answered otherwise.
    astray: BTreeSet<Program>,
}

/// The search from one profile.
struct Search {
    model: Model,
    /// The settings so far.
    rules: Kernel,
    /// What is said under them.
    said: Vec<Said>,
    fits: Vec<Fit>,
}

impl Search {
    fn new(model: Model) -> Search {
        let rules = model.kernel.clone();
        let said = model.say(&rules, &model.programs());
        let fits = fits(&model, &model.programs(), &said);
        Search {
            model,
            rules,
            said,
            fits,
        }
    }

    fn total(&self) -> i64 {
        self.fits.iter().map(|fit| fit.points()).sum()
    }

    /// How many points more there are under other rules, over these programs.
    fn gain(&self, rules: &Kernel, programs: &[Program]) -> i64 {
        let said = self.model.say(rules, programs);
        let points = |fits: &[Fit]| fits.iter().map(|fit| fit.points()).sum::<i64>();
        let before: Vec<_> = programs.iter().map(|program| self.fits[*program]).collect();
        points(&fits(&self.model, programs, &said)) - points(&before)
    }

    fn take(&mut self, rules: Kernel) {
        let programs = self.model.programs();
        self.said = self.model.say(&rules, &programs);
        self.fits = fits(&self.model, &programs, &self.said);
        self.rules = rules;
    }

    /// Changes switches as long as that meets more of the answers.
    fn climb(&mut self) {
        for _ in 0..ROUNDS {
            let single = self.climb_by_own_programs() || self.climb_by_misfits() || self.climb_by_machine();
            if !single && !self.climb_by_pairs() {
                return;
            }
        }
    }

    /// Each switch by the programs of its own object.
    fn climb_by_own_programs(&mut self) -> bool {
        let mut changed = false;
        for question in questions() {
            let own = question.own_programs(&self.model);
            if own.iter().all(|program| self.fits[*program] == Fit::Exact) {
                continue;
            }
            let gains = question.others(&self.rules).filter_map(|(_, rules)| {
                let gain = self.gain(&rules, &own);
                (gain > 0).then_some((gain, rules))
            });
            // The first of equal ones: prototypes of the nearest release.
            let best = gains.reduce(|best, next| if next.0 > best.0 { next } else { best });
            let Some((_, rules)) = best else { continue };
            if self.gain(&rules, &self.model.programs()) > 0 {
                self.take(rules);
                changed = true;
            }
        }
        changed
    }

    /// Each switch by all programs whose verdict or figures are not met.
    fn climb_by_misfits(&mut self) -> bool {
        let misfits: Vec<_> = self.misfits().collect();
        if misfits.is_empty() {
            return false;
        }
        let mut changed = false;
        for question in questions() {
            let better: Vec<_> = question
                .others(&self.rules)
                .filter(|(_, rules)| self.gain(rules, &misfits) > 0)
                .collect();
            for (_, rules) in better {
                if self.gain(&rules, &self.model.programs()) > 0 {
                    self.take(rules);
                    changed = true;
                    break;
                }
            }
        }
        changed
    }

    /// Facts of the machine and limits that no file says, by the programs whose verdict or figures are not met.
    fn climb_by_machine(&mut self) -> bool {
        const CHANGES: [fn(&mut Kernel); 6] = [
            |kernel| kernel.machine.jit.percpu_insn ^= true,
            |kernel| kernel.machine.jit.kfunc_calls ^= true,
            |kernel| kernel.machine.jit.arena ^= true,
            |kernel| kernel.machine.jit.arena_sign_extension ^= true,
            |kernel| kernel.limits.linked_regs -= u32::from(kernel.limits.linked_regs > 1),
            |kernel| kernel.limits.linked_regs += 1,
        ];
        let misfits: Vec<_> = self.misfits().collect();
        let mut changed = false;
        for change in CHANGES {
            let mut rules = self.rules.clone();
            change(&mut rules);
            let better = !misfits.is_empty() && self.gain(&rules, &misfits) > 0;
            if better && self.gain(&rules, &self.model.programs()) > 0 {
                self.take(rules);
                changed = true;
            }
        }
        changed
    }

    /// Two switches at once, each of which meets more of some answer: kernels get rules together that alone fit worse than none.
    fn climb_by_pairs(&mut self) -> bool {
        let imperfect = |fit: &Fit| !matches!(fit, Fit::Exact | Fit::Marks);
        let programs = self.model.programs().into_iter();
        let programs: Vec<_> = programs
            .filter(|program| imperfect(&self.fits[*program]))
            .collect();
        let mut promising = Vec::new();
        for question in questions() {
            for (value, rules) in question.others(&self.rules) {
                let said = self.model.say(&rules, &programs);
                let after = fits(&self.model, &programs, &said);
                if programs
                    .iter()
                    .zip(after)
                    .any(|(program, after)| after > self.fits[*program])
                {
                    promising.push((question, value));
                }
            }
        }
        promising.truncate(MOST_PAIRED);
        for (at, (first, value)) in promising.iter().enumerate() {
            let Some(one) = first.with(&self.rules, value) else {
                continue;
            };
            for (second, value) in promising
                .iter()
                .skip(at + 1)
                .filter(|(second, _)| second != first)
            {
                let Some(rules) = second.with(&one, value) else {
                    continue;
                };
                if self.gain(&rules, &programs) > 0 && self.gain(&rules, &self.model.programs()) > 0 {
                    self.take(rules);
                    return true;
                }
            }
        }
        false
    }

    /// Programs whose verdict or figures are not met, though nothing that they use is known to be otherwise.
    fn misfits(&self) -> impl Iterator<Item = Program> {
        let all = self.fits.iter().zip(&self.said).enumerate();
        all.filter(|(_, (fit, said))| !fit.counts() && !matches!(said, Said::Unsure(_)))
            .map(|(program, _)| program)
    }

    fn settled(self, base: &'static str) -> Settled {
        let mut kernel = self.rules.clone();
        let mut explained: BTreeSet<Program> = BTreeSet::new();
        for switch in SWITCHES {
            let (how, of) = self.evidence(switch);
            if matches!(how, Provenance::Unknown(_)) {
                explained.extend(of);
            }
            kernel.evidence = kernel.evidence.with(switch.name, how);
        }
        for question in questions() {
            let Question::Prototypes(helper) = question else {
                continue;
            };
            let held = self.held(question, &question.own_programs(&self.model));
            if !held.felt.is_empty() {
                kernel.unsure = unsure_helper(&kernel, helper);
                explained.extend(held.astray);
            }
        }
        let unexplained = self.misfits().filter(|program| !explained.contains(program));
        let mut unexplained: BTreeSet<Program> = unexplained.collect();
        for (switch, of) in self.blamed(&unexplained) {
            let first = of
                .first()
                .map(|program| self.difference(*program))
                .unwrap_or_default();
            let note = format!(
                "{} programs that depend on it are answered otherwise; {first}",
                of.len()
            );
            kernel.evidence = kernel
                .evidence
                .with(switch.name, Provenance::Unknown(note.into()));
            unexplained.retain(|program| !of.contains(program));
        }
        let unexplained = unexplained
            .iter()
            .map(|program| self.difference(*program))
            .collect();
        Settled {
            base,
            asked: self
                .said
                .iter()
                .filter(|said| !matches!(said, Said::Unsure(_)))
                .count(),
            counts: self.fits.iter().filter(|fit| fit.counts()).count(),
            exact: self.fits.iter().filter(|fit| **fit == Fit::Exact).count(),
            unexplained,
            kernel,
        }
    }

    /// The switches that programs are put down to which no setting explains: those of whose programs the greatest share is answered
    /// otherwise, and at least every third. What these programs depend on is where the kernel does something else.
    fn blamed(&self, unexplained: &BTreeSet<Program>) -> Vec<(&'static Switch, Vec<Program>)> {
        const LEAST: usize = 333;
        let all = self.model.programs();
        let some: Vec<_> = unexplained.iter().copied().collect();
        let mut left = unexplained.clone();
        let misfits: BTreeSet<Program> = self.misfits().collect();
        let mut switches: Vec<_> = SWITCHES
            .iter()
            .filter(|switch| switch.family != "log" && !self.felt(switch, &some).is_empty())
            .map(|switch| (switch, self.felt(switch, &all)))
            .collect();
        let mut blamed = Vec::new();
        loop {
            // Of one that touches nothing of what is left, it is none.
            let share = |felt: &BTreeSet<Program>| match felt.is_disjoint(&left) {
                true => (0, 0),
                false => {
                    let own = felt.intersection(&misfits).count();
                    (own * 1000 / felt.len().max(1), own)
                }
            };
            let best = switches
                .iter()
                .enumerate()
                .max_by_key(|(_, (_, felt))| share(felt));
            let Some((at, _)) = best.filter(|(_, (_, felt))| share(felt).0 >= LEAST) else {
                return blamed;
            };
            let (switch, felt) = switches.swap_remove(at);
            blamed.push((switch, felt.intersection(&left).copied().collect()));
            left.retain(|program| !felt.contains(program));
        }
    }

    /// The programs of whom verdict or figures are others under another value of a switch.
    fn felt(&self, switch: &'static Switch, programs: &[Program]) -> BTreeSet<Program> {
        let mut felt = BTreeSet::new();
        for (_, rules) in Question::Switch(switch).others(&self.rules) {
            let said = self.model.say(&rules, programs);
            let pairs = programs.iter().zip(said);
            let others = pairs.filter(|(program, said)| !said.counts_as(&self.said[**program]));
            felt.extend(others.map(|(program, _)| *program));
        }
        felt
    }

    /// What the kernel answered about a program, and what verdict says.
    fn difference(&self, program: Program) -> String {
        let (answer, said) = (self.model.answer(program), &self.said[program]);
        let mut text = format!(
            "{}: the kernel {}; verdict {}",
            self.model.name(program),
            answer.summary(),
            said.summary()
        );
        if let Said::Answer { log, .. } = said
            && let Some((theirs, ours)) = answer.log.lines().zip(log.lines()).find(|(a, b)| a != b)
        {
            text.push_str(&format!("; first '{theirs}' for '{ours}'"));
        }
        text
    }

    /// How the value of a switch is known, and the programs that depend on it and are answered otherwise.
    fn evidence(&self, switch: &'static Switch) -> (Provenance, Vec<Program>) {
        let object = object_of(switch.corpus);
        if HARMFUL.contains(&object.as_str()) {
            let note = format!("{object} was not loaded: a kernel with one of the values may crash over it");
            return (Provenance::Unknown(note.into()), Vec::new());
        }
        let held = self.held(Question::Switch(switch), &self.model.of_object(&object));
        let (felt, same) = (held.felt.join(", "), held.same.join(", "));
        let how = match held.seen {
            _ if !felt.is_empty() => {
                let first = held.astray.first().map(|program| self.difference(*program));
                let first = first.unwrap_or_default();
                Provenance::Unknown(format!("no value gives what the kernel answers; {first}").into())
            }
            Some(seen) if same.is_empty() => Provenance::Probed(seen.into()),
            None if same.is_empty() => {
                Provenance::Assumed("the other settings leave it no other value".into())
            }
            _ => {
                let note = format!(
                    "beside the other settings no program of {} tells it from {same}",
                    switch.corpus
                );
                Provenance::Assumed(note.into())
            }
        };
        (how, held.astray.into_iter().collect())
    }

    /// The answer to a question, held against each other one by these programs.
    fn held(&self, question: Question, programs: &[Program]) -> Held {
        let mut held = Held::default();
        for (value, rules) in question.others(&self.rules) {
            let said = self.model.say(&rules, programs);
            let mut told = None;
            let mut is_felt = false;
            for (program, said) in programs.iter().zip(&said) {
                let (before, after) = (self.fits[*program], self.model.fit(*program, said));
                if *said == self.said[*program] {
                    continue;
                }
                // A program that the value is told by has to be met in what the other value has otherwise.
                match (before, after) {
                    (Fit::Exact | Fit::Marks, after) if after < before => {
                        told = told.or(Some((*program, said)));
                    }
                    (Fit::Figures(_), Fit::Otherwise(_)) => told = told.or(Some((*program, said))),
                    _ => {
                        is_felt = true;
                        held.astray.insert(*program);
                    }
                }
            }
            match told {
                Some((program, said)) => {
                    held.seen.get_or_insert_with(|| self.seen(program, value, said));
                }
                None if is_felt => held.felt.push(value),
                None => held.same.push(value),
            }
        }
        held
    }

    /// What was seen: a program's answer, and what it would have been under another value.
    fn seen(&self, program: Program, value: &str, said: &Said) -> String {
        let (name, answer) = (self.model.name(program), self.model.answer(program));
        let (is, other) = (answer.summary(), said.summary());
        if is != other {
            return format!("{name}: {is}; with {value} it would be {other}");
        }
        let log = match said {
            Said::Answer { log, .. } => log.as_str(),
            Said::Nothing(_) | Said::Unsure(_) => "",
        };
        let line = answer.log.lines().zip(log.lines()).find(|(a, b)| a != b);
        let line = line.map_or_else(String::new, |(line, _)| format!(", and its log says '{line}'"));
        format!("{name}: {is}{line}, which it does not with {value}")
    }
}

/// What is unsure of a kernel, with a helper for all types of programs.
fn unsure_helper(kernel: &Kernel, helper: HelperId) -> Arc<[Unsure]> {
    let mut all = kernel.unsure.to_vec();
    for prog_type in ProgType::ALL {
        let raw = prog_type.raw();
        let at = all.iter().position(|unsure| unsure.prog_type == raw);
        let at = at.unwrap_or_else(|| {
            all.push(Unsure {
                prog_type: raw,
                ..Unsure::default()
            });
            all.len() - 1
        });
        if !all[at].helpers.contains(&helper) {
            all[at].helpers.push(helper);
        }
    }
    all.into()
}

fn fits(model: &Model, programs: &[Program], said: &[Said]) -> Vec<Fit> {
    let pairs = programs.iter().zip(said);
    pairs.map(|(program, said)| model.fit(*program, said)).collect()
}
