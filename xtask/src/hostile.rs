//! Damaged objects: cut short, or with bytes changed. Whatever they are, verdict says something clear
//! about them, in little time and memory.

use std::fs;
use std::ops::Range;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use verdict::{Explaining, KernelChoice, Options, Verifier};

use verdict_gen::chance::Chance;

use crate::Done;
use crate::child::{Heard, Talker};
use crate::workers::{file_name, objects};

/// What to damage, and how often.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// How many prefixes of each object
    #[arg(long, default_value_t = 256, value_name = "N")]
    cuts: usize,
    /// How many changed objects in all
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    flips: usize,
    /// Where chance starts
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Seconds that a case may take
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    limit: u64,
    /// Address space that all cases may use, in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB")]
    memory: u64,
    /// Keep the objects that went wrong here
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Objects, directories or globs
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

/// What a child is told: the same, and which cases are its own.
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    args: Args,
    #[arg(long)]
    from: usize,
    #[arg(long)]
    to: usize,
}

/// Cases that one child does before another takes over.
const BATCH: usize = 500;

/// Damages, verifies and counts.
pub(crate) fn run(args: &Args) -> Done {
    let objects = objects(&args.objects, &[])?;
    let total = objects.len() * args.cuts + args.flips;
    let batches: Vec<_> = (0..total)
        .step_by(BATCH)
        .map(|from| from..(from + BATCH).min(total))
        .collect();
    let start = Instant::now();
    let parts: Vec<_> = batches
        .into_par_iter()
        .map(|batch| run_batch(args, &objects, batch))
        .collect();
    let mut sum = Batch::default();
    for part in parts {
        let part = part?;
        sum.failures.extend(part.failures);
        sum.programs += part.programs;
        sum.slowest = sum.slowest.max(part.slowest);
    }
    for (number, failure) in &sum.failures {
        println!("hostile: {}: {failure}", describe(args, &objects, *number));
        if let Some(dir) = &args.keep {
            keep(args, &objects, *number, dir)?;
        }
    }
    println!(
        "hostile: {total} damaged objects, {} programs in them verified, {} went wrong; slowest {:.2} s, {:.0} s in all",
        sum.programs,
        sum.failures.len(),
        sum.slowest.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    Ok(sum.failures.is_empty())
}

/// What came of some cases.
#[derive(Default)]
struct Batch {
    /// Cases, and what happened.
    failures: Vec<(usize, String)>,
    /// Programs that could still be asked about.
    programs: usize,
    /// The longest time of a case.
    slowest: Duration,
}

/// Runs some cases in a child, in another one behind each case that ends it.
fn run_batch(args: &Args, objects: &[PathBuf], mut cases: Range<usize>) -> Result<Batch, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let limit = Duration::from_secs(args.limit);
    let mut batch = Batch::default();
    while !cases.is_empty() {
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--as={}", args.memory << 20))
            .arg(&exe)
            .arg("hostile-worker");
        for (name, value) in [
            ("--cuts", args.cuts as u64),
            ("--flips", args.flips as u64),
            ("--seed", args.seed),
        ] {
            command.args([name, &value.to_string()]);
        }
        command
            .args(["--from", &cases.start.to_string(), "--to", &cases.end.to_string()])
            .args(objects);
        let mut child = Talker::start(&mut command)?;
        let mut since = Instant::now();
        let how = loop {
            match child.hear(limit)? {
                Heard::Line(line) => {
                    if let Some(programs) = line.strip_prefix("done ") {
                        batch.programs += programs.parse().unwrap_or(0);
                        batch.slowest = batch.slowest.max(since.elapsed());
                        cases.start += 1;
                        since = Instant::now();
                    } else {
                        batch.failures.push((cases.start, line));
                    }
                }
                Heard::End => return Ok(batch),
                Heard::Silence => break format!("no end within {} s", args.limit),
                Heard::Death(how) => break how,
            }
        };
        batch.failures.push((cases.start, how));
        cases.start += 1;
    }
    Ok(batch)
}

/// What is done to an object.
enum Damage {
    /// Only the first `n` of 256 (or as many as asked for) parts are left.
    Cut(usize),
    /// Bytes are changed, by this number's chance.
    Flip(u64),
}

/// The object and the damage of a case.
fn case(args: &Args, objects: usize, case: usize) -> (usize, Damage) {
    match case.checked_sub(objects * args.cuts) {
        None => (case / args.cuts, Damage::Cut(case % args.cuts)),
        Some(flip) => (
            flip % objects,
            Damage::Flip(args.seed.wrapping_mul(1 << 32).wrapping_add(flip as u64)),
        ),
    }
}

fn describe(args: &Args, objects: &[PathBuf], number: usize) -> String {
    let (object, damage) = case(args, objects.len(), number);
    let name = objects
        .get(object)
        .map(|path| file_name(path))
        .unwrap_or_default();
    match damage {
        Damage::Cut(part) => format!("{name} cut at {part} of {}", args.cuts),
        Damage::Flip(chance) => format!("{name} changed by chance {chance}"),
    }
}

/// Writes a case's object into the directory.
fn keep(args: &Args, objects: &[PathBuf], number: usize, dir: &Path) -> Result<(), String> {
    let (object, damage) = case(args, objects.len(), number);
    let Some(object) = objects.get(object) else {
        return Ok(());
    };
    let bytes = fs::read(object).map_err(|e| format!("{}: {e}", object.display()))?;
    let path = dir.join(format!("case-{number}.o"));
    fs::write(&path, damage.apply(&bytes, args.cuts)).map_err(|e| format!("{}: {e}", path.display()))
}

impl Damage {
    fn apply(&self, bytes: &[u8], cuts: usize) -> Vec<u8> {
        match *self {
            Damage::Cut(part) => bytes[..bytes.len() * part / cuts].to_vec(),
            Damage::Flip(chance) => {
                let mut bytes = bytes.to_vec();
                let mut chance = Chance(chance);
                for _ in 0..=chance.below(4) {
                    let at = chance.below(bytes.len());
                    let by = 1 + chance.below(255) as u8;
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= by;
                    }
                }
                bytes
            }
        }
    }
}

/// The child's side: a line `done` with the number of programs after each case, and before it a line for each panic.
pub(crate) fn work(worker: &WorkerArgs) -> Done {
    let args = &worker.args;
    let verifier =
        Verifier::new(KernelChoice::default().open()?, Options::default()).explaining(Explaining::TRIALS);
    let bytes = args
        .objects
        .iter()
        .map(fs::read)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    panic::set_hook(Box::new(|info| {
        println!("{}", info.to_string().replace('\n', " "))
    }));
    for number in worker.from..worker.to {
        let (object, damage) = case(args, bytes.len(), number);
        let damaged = bytes
            .get(object)
            .map(|bytes| damage.apply(bytes, args.cuts))
            .unwrap_or_default();
        // Where it panics, the hook has already printed what there is to say.
        let programs = panic::catch_unwind(|| {
            let object = verifier.open("hostile.bpf.o", &damaged).ok()?;
            object.programs().for_each(|program| drop(program.check()));
            Some(object.programs().len())
        });
        let programs = programs.ok().flatten().unwrap_or(0);
        println!("done {programs}");
    }
    Ok(true)
}
