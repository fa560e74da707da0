//! Many programs made by chance: made, asked about and verified in one process, a batch at a time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use rayon::prelude::*;
use verdict::kernel::Kernel;
use verdict_capture::{Asker, Compared, Said};

use super::generate::{Batch, Maker};

/// `BPF_F_TEST_STATE_FREQ`.
const TEST_STATES: u32 = 1 << 3;

/// Of how many objects one is compared with logs.
const LOGGED: usize = 25;

/// Processed instructions up to which a program's log is compared: kernels write logs slowly.
const SMALL: u32 = 5000;

/// Differing programs that are kept: more are only counted.
const KEPT: usize = 200;

/// Rules of which verdict has no words, and how the kernel's begin: they name a place of the program after all its rewriting, which
/// has no model.
const WITHOUT_WORDS: [(&str, &str); 1] = [("removed-callback", "verifier bug: No program to jit at insn ")];

/// What came of comparing.
#[derive(Default)]
pub(super) struct Swept {
    pub(super) equal: usize,
    /// Programs that the kernel accepted, of those that are equal.
    pub(super) accepted: usize,
    /// Those that are equal with their logs of level 2.
    pub(super) logged: usize,
    /// Instructions that the verifiers processed for those that are equal.
    pub(super) insns: u64,
    /// Those that differ in nothing but words that are known to, by the name of the rule.
    pub(super) named: BTreeMap<&'static str, usize>,
    pub(super) differing: usize,
    /// What differs: name, the two answers, and the program as text where it was made as such.
    pub(super) kept: Vec<(String, String, Option<String>)>,
    /// Where programs were refused that are equal, by file and line, each with one of them.
    pub(super) sites: BTreeMap<(String, u32), String>,
    /// Why programs were not compared, and how many.
    pub(super) left_out: BTreeMap<String, usize>,
}

impl Swept {
    fn take(&mut self, batch: &Batch, compared: Compared) {
        let program = compared.answer.program.clone();
        match compared.same() {
            Some(true) => {
                self.equal += 1;
                self.accepted += usize::from(compared.answer.errno == 0);
                self.logged += usize::from(compared.logged);
                let figures = compared.answer.figures().unwrap_or_default();
                self.insns += u64::from(figures.insns);
                self.met(batch, &compared);
            }
            Some(false) if let Some(rule) = named(&compared) => *self.named.entry(rule).or_default() += 1,
            Some(false) => {
                self.differing += 1;
                if self.kept.len() < KEPT {
                    let name = format!("{} {program}", batch.name);
                    let text = batch.texts.get(&program).cloned();
                    self.kept.push((name, difference(&compared), text));
                }
            }
            None => *self.left_out.entry(why(&compared)).or_default() += 1,
        }
    }
}

impl Swept {
    /// Keeps where a program was refused that is equal.
    fn met(&mut self, batch: &Batch, compared: &Compared) {
        let Said::Answer { sites, .. } = &compared.said else {
            return;
        };
        for site in sites {
            let place = (site.file().to_owned(), site.line());
            let program = || format!("{} {}", batch.name, compared.answer.program);
            self.sites.entry(place).or_insert_with(program);
        }
    }
}

/// The rule by whose words alone the answers differ: the kernel's has one line that verdict's has not.
fn named(compared: &Compared) -> Option<&'static str> {
    let Said::Answer { errno, log, .. } = &compared.said else {
        return None;
    };
    let (rule, words) = WITHOUT_WORDS
        .into_iter()
        .find(|(_, words)| compared.answer.log.lines().any(|line| line.starts_with(words)))?;
    let kernels = compared.answer.log.lines();
    let others = kernels.filter(|line| !line.starts_with(words));
    (*errno == compared.answer.errno && others.eq(log.lines())).then_some(rule)
}

/// Why a program was not compared: the first words, as the rest names its own values.
fn why(compared: &Compared) -> String {
    let ((Some(text), _) | (None, Said::Nothing(text) | Said::Unsure(text))) =
        (&compared.answer.unasked, &compared.said)
    else {
        return String::new();
    };
    text.split([';', '\n'])
        .next()
        .unwrap_or_default()
        .chars()
        .take(100)
        .collect()
}

/// Both answers, and the first lines of the logs that differ.
fn difference(compared: &Compared) -> String {
    let Said::Answer { errno, log, .. } = &compared.said else {
        return String::new();
    };
    let answer = &compared.answer;
    let mut lines = answer.log.lines().zip(log.lines());
    let first = lines.find(|(a, b)| a != b).unwrap_or(("-", "-"));
    let last = |log: &str| {
        let lines = log.lines().rev();
        let mut said = lines.skip_while(|line| {
            line.starts_with("processed ") || line.contains(" depth ") || line.starts_with("verification ")
        });
        said.next().unwrap_or_default().to_owned()
    };
    format!(
        "errno {} (kernel), {errno} (verdict)\n    log, first: {} (kernel)\n                {} (verdict)\n    last words: {} (kernel)\n                {} (verdict)",
        answer.errno,
        first.0,
        first.1,
        last(&answer.log),
        last(log)
    )
}

/// Makes all programs and compares them.
pub(super) fn sweep(maker: &Maker<'_>, kernel: &Kernel, test_states: bool) -> Result<Swept, String> {
    let flags = if test_states { TEST_STATES } else { 0 };
    let (start, swept) = (Instant::now(), Mutex::new(Swept::default()));
    (0..maker.batches()).into_par_iter().try_for_each_init(
        || Asker::with_flags(kernel, flags),
        |asker, number| -> Result<(), String> {
            let batch = maker.batch(number)?;
            let compared = asker.compare(&batch.name, &batch.bytes, number % LOGGED == 0, SMALL);
            let mut swept = swept
                .lock()
                .map_err(|_| "a comparison ended in a panic".to_owned())?;
            compared.into_iter().for_each(|one| swept.take(&batch, one));
            Ok(())
        },
    )?;
    let swept = swept
        .into_inner()
        .map_err(|_| "a comparison ended in a panic".to_owned())?;
    println!(
        "{} programs in {:.0} s",
        swept.equal
            + swept.named.values().sum::<usize>()
            + swept.differing
            + swept.left_out.values().sum::<usize>(),
        start.elapsed().as_secs_f64()
    );
    Ok(swept)
}
