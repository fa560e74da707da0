//! verdict beside the machine's own running kernel: on given objects, or on programs that are made by chance.
//!
//! A program on which they differ is made smaller as long as they still differ, and shown with both logs.

mod ask;
mod generate;
mod shrink;
mod sweep;
mod totals;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use verdict::kernel::Kernel;
use verdict_capture::{Files, ask as ask_kernel, write_settled};

use crate::workers::{Setting, file_name, objects};
use crate::{Done, root};
use crate::{coverage, parity};

use ask::Oracle;
use generate::{Kind, Maker};
use sweep::sweep;

/// What to compare.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with a capture of the running kernel; made there if it holds none of this release
    #[arg(long, value_name = "DIR", default_value = "target/native/capture")]
    capture: PathBuf,
    /// The program that asks the running kernel
    #[arg(long, value_name = "FILE", default_value = "../shared/oracle/oracle")]
    oracle: PathBuf,
    /// Set a semantic switch; one that is not known of the kernel counts as known then
    #[arg(long, value_name = "SWITCH=VALUE")]
    set: Vec<String>,
    /// Create a state at every prune point (BPF_F_TEST_STATE_FREQ)
    #[arg(long)]
    test_states: bool,
    /// Compare level-2 logs, too; of programs made by chance some always are
    #[arg(long, conflicts_with = "generate")]
    logs: bool,
    /// Directory for objects, answers and logs
    #[arg(long, value_name = "DIR", default_value = "target/native/run")]
    work: PathBuf,
    /// Show at most so many differing programs
    #[arg(long, default_value_t = 20, value_name = "N")]
    show: usize,
    /// Make programs of this kind by chance
    #[arg(long, value_name = "KIND")]
    generate: Option<Kind>,
    /// Where chance starts
    #[arg(long, default_value_t = 1, value_name = "N", requires = "generate")]
    seed: u64,
    /// How many programs to make, or of `mutate` and `splice` changed objects of each object
    #[arg(long, default_value_t = 1000, value_name = "N", requires = "generate")]
    count: usize,
    /// Make at most so many programs smaller, each of which differs in another way
    #[arg(long, default_value_t = 3, value_name = "N")]
    shrink: usize,
    /// Add the places where programs were refused that agree to this file, for `xtask coverage`
    #[arg(long, value_name = "FILE")]
    save_sites: Option<PathBuf>,
    /// Put what is counted of programs made by chance into this file, as `golden/native.tsv`
    #[arg(long, value_name = "FILE", requires = "generate")]
    totals: Option<PathBuf>,
    /// Only write the objects with the programs made by chance into this directory, to ask another kernel about them
    #[arg(long, value_name = "DIR", requires = "generate")]
    write: Option<PathBuf>,
    /// The kernel by whose helpers and functions programs are made that are only written
    #[arg(long, value_name = "RELEASE", requires = "write")]
    kernel: Option<String>,
    /// Objects, directories or globs
    objects: Vec<PathBuf>,
}

/// Compares and prints.
pub(crate) fn run(args: &Args) -> Done {
    if let (Some(kind), Some(dir)) = (args.generate, &args.write) {
        return write(kind, args, dir);
    }
    let captured = capture(&args.capture)?;
    say_unknown(&captured, &args.set);
    let setting = Setting {
        kernel_dir: Some(args.capture.clone()),
        set: args.set.clone(),
        test_states: args.test_states,
        ..Setting::default()
    };
    match args.generate {
        Some(kind) => generated(kind, args, &setting),
        None => given(args, setting),
    }
}

/// Compares the programs of objects, about which the oracle asks as libbpf loads them.
fn given(args: &Args, setting: Setting) -> Done {
    let oracle = Oracle::new(&args.oracle, args.test_states)?;
    let files = objects(&args.objects, &[])?;
    let (logs, golden) = (args.work.join("logs"), args.work.join("golden.jsonl"));
    // What an earlier run left; absent at first.
    let _ = fs::remove_dir_all(&logs);
    let logs = args.logs.then_some(logs);
    oracle.ask_all(&files, &golden, logs.as_deref())?;
    let setting = Setting { logs, ..setting };
    let mut comparison = parity::Args::of(setting, golden, files, args.show);
    comparison.save_sites.clone_from(&args.save_sites);
    parity::run(&comparison)
}

/// Writes the objects with programs that are made by chance.
fn write(kind: Kind, args: &Args, dir: &Path) -> Done {
    let setting = Setting {
        kernel: args.kernel.clone(),
        ..Setting::default()
    };
    let verifier = setting.verifier()?;
    let maker = Maker::new(kind, args, verifier.kernel())?;
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for number in 0..maker.batches() {
        let batch = maker.batch(number)?;
        let to = dir.join(&batch.name);
        fs::write(&to, &batch.bytes).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    println!("native: {} objects in {}", maker.batches(), dir.display());
    Ok(true)
}

/// Compares programs that are made by chance.
fn generated(kind: Kind, args: &Args, setting: &Setting) -> Done {
    let verifier = setting.verifier()?;
    let kernel = verifier.kernel();
    let maker = Maker::new(kind, args, kernel)?;
    let swept = sweep(&maker, kernel, args.test_states)?;
    for (name, difference, _) in swept.kept.iter().take(args.show) {
        println!("{name}\n    {difference}");
    }
    for (why, count) in &swept.left_out {
        println!("not compared: {count:6}  {why}");
    }
    for (rule, count) in &swept.named {
        println!("other words: {count:6}  {rule}");
    }
    let kind_name = kind
        .to_possible_value()
        .map_or(String::new(), |value| value.get_name().to_owned());
    println!(
        "{kind_name} {}: {} programs equal ({} accepted, {} with logs of level 2, {} instructions processed), {} in other words, {} differing, {} not compared",
        args.seed,
        swept.equal,
        swept.accepted,
        swept.logged,
        swept.insns,
        swept.named.values().sum::<usize>(),
        swept.differing,
        swept.left_out.values().sum::<usize>()
    );
    if let Some(file) = &args.totals {
        let (seed, count) = (args.seed.to_string(), args.count.to_string());
        let objects: Vec<_> = args.objects.iter().map(|path| file_name(path)).collect();
        let objects = if objects.is_empty() {
            "-".to_owned()
        } else {
            objects.join(",")
        };
        totals::save(
            file,
            [&kernel.release, &kind_name, &objects, &seed, &count],
            &swept,
        )?;
    }
    if let Some(file) = &args.save_sites {
        let placed = swept.sites.iter();
        let placed = placed.map(|(site, program)| (site, format!("{} {program}", kernel.release)));
        coverage::save(file, coverage::named(placed)?)?;
    }
    if swept.differing == 0 {
        return Ok(true);
    }
    let oracle = Oracle::new(&args.oracle, args.test_states)?;
    let work = args.work.join("shrink");
    let _ = fs::remove_dir_all(&work); // what an earlier run left; absent at first
    let both = shrink::Both::new(&oracle, &verifier, work)?;
    let (mut seen, mut shown) = (Vec::new(), 0);
    for text in swept.kept.iter().filter_map(|(.., text)| text.as_deref()) {
        if shown == args.shrink {
            break;
        }
        shown += usize::from(both.shrink_and_show(text, &mut seen)?);
    }
    Ok(false)
}

/// Makes the capture of the running kernel, unless the directory has it.
fn capture(dir: &Path) -> Result<Kernel, String> {
    let files = Files::of_machine(Path::new("/")).map_err(|e| e.to_string())?;
    let running = fs::read_to_string("/proc/version").map_err(|e| format!("/proc/version: {e}"))?;
    let is_of_running = fs::read_to_string(dir.join("version")).is_ok_and(|kept| kept == running);
    // It is whole when its rules are written.
    if is_of_running && dir.join("semantics.toml").exists() {
        return Kernel::from_dir(dir, None).map_err(|e| e.to_string());
    }
    println!("native: asking Linux {}", files.release());
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let asked = ask_kernel(&files, |_| {}).map_err(|e| e.to_string())?;
    write_settled(dir, &files, &asked).map_err(|e| e.to_string())?;
    Kernel::from_dir(dir, None).map_err(|e| e.to_string())
}

/// Says what the capture does not know: programs that depend on it are unsupported.
fn say_unknown(kernel: &Kernel, set: &[String]) {
    println!("native: {}", kernel.release);
    for switch in kernel.evidence.unknown() {
        let chosen = set.iter().any(|set| set.split('=').next() == Some(switch.name));
        let how = if chosen {
            "set here"
        } else {
            "programs that depend on it are unsupported"
        };
        println!("native: not known: switch {}: {how}", switch.name);
    }
    for unsure in kernel.unsure.iter() {
        let names = unsure.kfuncs.iter().chain(&unsure.targets);
        println!(
            "native: in no known table: of programs of type {}: {} helpers, {} accesses of the context, {}",
            unsure.prog_type,
            unsure.helpers.len(),
            unsure.reads.len() + unsure.writes.len(),
            names.cloned().collect::<Vec<_>>().join(" ")
        );
    }
    if let Some(caveat) = kernel.caveat() {
        println!("native: {caveat}");
    }
}

/// A path as the command line gives it, from the workspace's root.
fn from_root(path: &Path) -> PathBuf {
    root().join(path)
}
