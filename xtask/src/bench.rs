//! verdict's speed and memory beside those of the running kernel.

mod history;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use verdict_report::{Record, Verdict};

use crate::Done;
use crate::workers::{self, Run, Setting};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setting: Setting,
    /// The program that asks the running kernel
    #[arg(long, value_name = "FILE", default_value = "../shared/oracle/oracle")]
    oracle: PathBuf,
    /// Only objects whose file name matches
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// How often; the shortest time counts, on both sides
    #[arg(long, default_value_t = 3, value_name = "N")]
    repeat: u32,
    /// Fail below this ratio of total times
    #[arg(long, value_name = "RATIO")]
    at_least: Option<f64>,
    /// Fail when verdict needs more memory
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// Measure the time from start to end of `verdict check` and of the oracle on one object instead
    #[arg(long)]
    startup: bool,
    #[command(flatten)]
    history: history::Args,
    /// Objects, directories or globs; with `--history` directories
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

type Key = (String, String);

/// Microseconds of both sides.
struct Pair {
    key: Key,
    insns: u64,
    kernel: u64,
    verdict: u64,
}

impl Pair {
    fn ratio(&self) -> f64 {
        // A time below the clock's step counts as one step.
        self.kernel.max(1) as f64 / self.verdict.max(1) as f64
    }
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Done {
    if let Some(file) = &args.history.history {
        return history::run(&args.history, file, &args.objects);
    }
    let objects = workers::objects(&args.objects, &args.only)?;
    if args.startup {
        return startup(args, &objects);
    }
    let one_thread = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|e| e.to_string())?;
    let (mut kernel, mut ours) = (BTreeMap::new(), BTreeMap::new());
    let mut insns = BTreeMap::new();
    let mut peak_kib = 0;
    for _ in 0..args.repeat.max(1) {
        for object in &objects {
            ask_kernel(&args.oracle, object, &mut kernel)?;
        }
        let limit = Duration::from_secs(600);
        let run: Run = one_thread.install(|| workers::ask(&objects, &args.setting, limit))?;
        peak_kib = peak_kib.max(run.peak_kib);
        for said in &run.said {
            take(&mut ours, &said.record);
            insns.insert(
                key(&said.record),
                said.record.figures.as_ref().map_or(0, |f| f.insns),
            );
        }
    }
    let pairs: Vec<_> = kernel
        .into_iter()
        .filter_map(|(key, kernel)| {
            let (verdict, insns) = (*ours.get(&key)?, *insns.get(&key)?);
            Some(Pair {
                key,
                insns,
                kernel,
                verdict,
            })
        })
        .collect();
    if pairs.is_empty() {
        return Err("no program that both sides accept".to_owned());
    }
    Ok(print(args, &pairs, peak_kib))
}

fn key(record: &Record) -> Key {
    (record.object.clone(), record.program.clone().unwrap_or_default())
}

/// Keeps an accepted program's shortest time.
fn take(times: &mut BTreeMap<Key, u64>, record: &Record) {
    let usec = record.figures.as_ref().and_then(|figures| figures.usec);
    if let Some(usec) = usec.filter(|_| record.verdict == Verdict::Success) {
        times
            .entry(key(record))
            .and_modify(|least| *least = usec.min(*least))
            .or_insert(usec);
    }
}

fn ask_kernel(oracle: &Path, object: &Path, times: &mut BTreeMap<Key, u64>) -> Result<(), String> {
    let output = Command::new(oracle)
        .arg(object)
        .output()
        .map_err(|e| format!("{}: {e}", oracle.display()))?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let record = serde_json::from_str(line).map_err(|e| format!("oracle: {e}: {line}"))?;
        take(times, &record);
    }
    Ok(())
}

fn print(args: &Args, pairs: &[Pair], peak_kib: u64) -> bool {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    println!("ratio  kernel (us)  verdict (us)     insns  program");
    let shown = sorted
        .iter()
        .take(10)
        .chain(sorted.iter().skip(10.max(sorted.len().saturating_sub(3))));
    for pair in shown {
        let (object, program) = &pair.key;
        let (ratio, kernel, verdict, insns) = (pair.ratio(), pair.kernel, pair.verdict, pair.insns);
        println!("{ratio:5.1}  {kernel:>11}  {verdict:>12}  {insns:>8}  {object} {program}");
    }
    let total = |of: fn(&Pair) -> u64| pairs.iter().map(of).sum::<u64>();
    let (kernel, verdict, insns) = (total(|p| p.kernel), total(|p| p.verdict), total(|p| p.insns));
    let ratio = kernel as f64 / verdict.max(1) as f64;
    let mean = (pairs.iter().map(|p| p.ratio().ln()).sum::<f64>() / pairs.len() as f64).exp();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!(
        "{} programs, {insns} insns, beside Linux {}",
        pairs.len(),
        release.trim()
    );
    println!(
        "total: kernel {kernel} us, verdict {verdict} us: {ratio:.2} times as fast; geometric mean {mean:.2}"
    );
    println!("peak memory: {} MiB", peak_kib / 1024);
    let mut well = true;
    if let Some(least) = args.at_least.filter(|least| ratio < *least) {
        println!("bench: expected at least {least} times as fast");
        well = false;
    }
    if let Some(most) = args.memory.filter(|most| peak_kib > most * 1024) {
        println!("bench: expected at most {most} MiB");
        well = false;
    }
    well
}

/// Pairs of runs that are measured.
const PAIRS: usize = 20;

/// Compares whole runs, from start to end, alternating.
fn startup(args: &Args, objects: &[PathBuf]) -> Done {
    let verdict = std::env::current_exe()
        .map_err(|e| e.to_string())?
        .with_file_name("verdict");
    for object in objects {
        let (mut ours, mut kernels) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            ours.push(time(Command::new(&verdict).arg("check").arg(object))?);
            kernels.push(time(Command::new(&args.oracle).arg(object))?);
        }
        ours.sort();
        kernels.sort();
        let median = |times: &[Duration]| times.get(PAIRS / 2).map_or(0.0, |t| t.as_secs_f64() * 1000.0);
        let (ours, kernels) = (median(&ours), median(&kernels));
        println!(
            "{}: verdict {ours:.2} ms, kernel {kernels:.2} ms",
            object.display()
        );
        if ours > kernels {
            return Ok(false);
        }
    }
    Ok(true)
}

fn time(command: &mut Command) -> Result<Duration, String> {
    let shown = format!("{command:?}");
    let start = Instant::now();
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|e| format!("{shown}: {e}"))?;
    Ok(start.elapsed())
}
