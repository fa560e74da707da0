//! What the explanations of rejections are worth over many objects: how many have a cause and a remedy, whether what they
//! call verified is accepted, and what they cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use verdict::report::explanation::{Change, Explanation};
use verdict::{Explaining, KernelChoice, Options, Verifier};

use crate::Done;
use crate::workers;

/// Which objects.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Least share of rejections with a verified remedy, in per cent
    #[arg(long, default_value_t = 40, value_name = "N")]
    verified: usize,
    /// Least share of those with a cause before the failing instruction of which one is named, in per cent
    #[arg(long, default_value_t = 95, value_name = "N")]
    causes: usize,
    /// Compare the time of a run with explanations with that of one without, so many times
    #[arg(long, default_value_t = 0, value_name = "N")]
    time: usize,
    /// Objects, directories or globs
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

/// What was counted.
#[derive(Default)]
struct Counts {
    rejections: usize,
    with_cause: usize,
    /// Rejections to which an earlier instruction has led, and those of them of which one is named.
    earlier: usize,
    earlier_named: usize,
    with_verified: usize,
    remedies: usize,
    /// Remedies that are called verified and were refused, with the program's name.
    wrong: Vec<String>,
    /// Rejections without a cause, by rule.
    causeless: BTreeMap<&'static str, usize>,
    /// Rejections to which an earlier instruction has led of which none is named, by rule.
    unnamed: BTreeMap<&'static str, Vec<String>>,
    /// Rejections to which no earlier instruction has led, by rule.
    at_once: BTreeMap<&'static str, usize>,
}

impl Counts {
    fn add(mut self, other: Counts) -> Counts {
        self.rejections += other.rejections;
        self.with_cause += other.with_cause;
        self.earlier += other.earlier;
        self.earlier_named += other.earlier_named;
        for (rule, count) in other.at_once {
            *self.at_once.entry(rule).or_default() += count;
        }
        for (rule, names) in other.unnamed {
            self.unnamed.entry(rule).or_default().extend(names);
        }
        self.with_verified += other.with_verified;
        self.remedies += other.remedies;
        self.wrong.extend(other.wrong);
        for (rule, count) in other.causeless {
            *self.causeless.entry(rule).or_default() += count;
        }
        self
    }
}

/// Explains all rejections, applies every verified remedy, and prints the counts.
pub(crate) fn run(args: &Args) -> Done {
    let objects = workers::objects(&args.objects, &[])?;
    let verifier = verifier(Explaining::TRIALS)?;
    let counts = objects
        .par_iter()
        .map(|path| of_object(&verifier, path))
        .reduce(Counts::default, Counts::add);
    let share = |part: usize| part * 100 / counts.rejections.max(1);
    println!(
        "{} rejections: {} ({} %) with a cause, {} ({} %) with a verified remedy",
        counts.rejections,
        counts.with_cause,
        share(counts.with_cause),
        counts.with_verified,
        share(counts.with_verified)
    );
    let named = counts.earlier_named * 1000 / counts.earlier.max(1);
    println!(
        "{} with a cause before the failing instruction: of {} ({}.{} %) one is named",
        counts.earlier,
        counts.earlier_named,
        named / 10,
        named % 10
    );
    println!(
        "{} verified remedies applied, {} of them refused",
        counts.remedies,
        counts.wrong.len()
    );
    for name in &counts.wrong {
        println!("refused: {name}");
    }
    for (rule, count) in &counts.causeless {
        println!("no cause: {count} by {rule}");
    }
    let at_once: Vec<String> = counts
        .at_once
        .iter()
        .map(|(rule, count)| format!("{count} {rule}"))
        .collect();
    println!("no earlier instruction to blame: {}", at_once.join(", "));
    for (rule, names) in &counts.unnamed {
        println!("none named: {} by {rule}: {}", names.len(), names.join(", "));
    }
    if args.time > 0 {
        compare_times(args.time, &objects)?;
    }
    let enough = share(counts.with_verified) >= args.verified && named >= args.causes * 10;
    Ok(counts.wrong.is_empty() && enough)
}

/// Prints the least of several times without explanations, with causes, and with trials.
fn compare_times(rounds: usize, objects: &[PathBuf]) -> Result<(), String> {
    let mut least = [Duration::MAX; 3];
    for _ in 0..rounds {
        let all = [Explaining::Off, Explaining::Causes, Explaining::TRIALS];
        for (least, how) in least.iter_mut().zip(all) {
            *least = time(how, objects)?.min(*least);
        }
    }
    let [off, causes, trials] = least.map(|time| time.as_secs_f64());
    println!("{off:.2} s without explanations");
    println!("{causes:.2} s with causes: {:.2} times", causes / off);
    println!("{trials:.2} s with trials: {:.2} times", trials / off);
    Ok(())
}

fn verifier(explaining: Explaining) -> Result<Verifier, String> {
    let kernel = KernelChoice::default().open()?;
    Ok(Verifier::new(kernel, Options::default()).explaining(explaining))
}

fn of_object(verifier: &Verifier, path: &Path) -> Counts {
    let mut counts = Counts::default();
    let name = workers::file_name(path);
    let Ok(bytes) = verdict::read_object(path) else {
        return counts;
    };
    let Ok(object) = verifier.open(&name, &bytes) else {
        return counts;
    };
    for handle in object.programs() {
        let (program, answer) = (handle.name(), handle.check());
        let Some(refusal) = answer.refusal else { continue };
        counts.rejections += 1;
        let Some(explanation) = refusal.explanation else {
            *counts.causeless.entry(refusal.rule.code()).or_default() += 1;
            continue;
        };
        if explanation.has_cause() {
            counts.with_cause += 1;
        } else {
            *counts.causeless.entry(refusal.rule.code()).or_default() += 1;
        }
        if explanation.has_earlier_cause {
            counts.earlier += 1;
            if explanation.names_earlier_cause() {
                counts.earlier_named += 1;
            } else {
                let names = counts.unnamed.entry(refusal.rule.code()).or_default();
                names.push(format!("{name} {program}"));
            }
        }
        if !explanation.has_earlier_cause {
            *counts.at_once.entry(refusal.rule.code()).or_default() += 1;
        }
        counts.with_verified += usize::from(explanation.has_verified_remedy());
        for changes in verified(&explanation) {
            counts.remedies += 1;
            if changes.is_empty() || !handle.accepts_with(&changes) {
                counts.wrong.push(format!("{name} {program}: {changes:?}"));
            }
        }
    }
    counts
}

/// The changes of what is called verified, as a machine reads them.
fn verified(explanation: &Explanation) -> Vec<Vec<Change>> {
    let json = serde_json::to_value(explanation).unwrap_or_default();
    let remedies = json["remedies"].as_array().cloned().unwrap_or_default();
    let verified = remedies
        .into_iter()
        .filter(|remedy| remedy["tried"] == "verified");
    verified
        .map(|mut remedy| serde_json::from_value(remedy["changes"].take()).unwrap_or_default())
        .collect()
}

/// The time that all programs take, one after the other.
fn time(explaining: Explaining, objects: &[PathBuf]) -> Result<Duration, String> {
    let verifier = verifier(explaining)?;
    let mut loaded = Vec::new();
    for path in objects {
        loaded.push((workers::file_name(path), verdict::read_object(path)?));
    }
    let start = Instant::now();
    for (name, bytes) in &loaded {
        if let Ok(object) = verifier.open(name, bytes) {
            object.programs().for_each(|program| drop(program.check()));
        }
    }
    Ok(start.elapsed())
}
