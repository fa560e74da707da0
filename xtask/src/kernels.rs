//! How long verdict takes for several kernels, beside one.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use verdict::KernelChoice;

use crate::{Done, root};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program
    #[arg(long, value_name = "FILE", default_value = "target/release/verdict")]
    binary: PathBuf,
    /// Several kernels, as verdict's --kernel takes them
    #[arg(long, value_name = "NAMES", default_value = "all")]
    kernels: String,
    /// What one kernel's time may be multiplied by for three of them; for others in proportion
    #[arg(long, value_name = "RATIO", default_value_t = 3.3)]
    at_most: f64,
    /// How often to measure; the least time counts
    #[arg(long, value_name = "N", default_value_t = 2)]
    runs: u32,
    /// Objects, directories or globs
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

/// Measures and holds the ratio to the limit.
pub(crate) fn run(args: &Args) -> Done {
    let count = KernelChoice::default().each(&[&args.kernels])?.len();
    let (mut one, mut several) = (Duration::MAX, Duration::MAX);
    for _ in 0..args.runs.max(1) {
        one = one.min(time(args, &[])?);
        several = several.min(time(args, &["--kernel", &args.kernels])?);
    }
    let ratio = several.as_secs_f64() / one.as_secs_f64();
    let limit = args.at_most * count as f64 / 3.0;
    println!(
        "one kernel: {:.2} s; {count} kernels: {:.2} s, {ratio:.2} times as long (at most {limit:.2})",
        one.as_secs_f64(),
        several.as_secs_f64(),
    );
    Ok(ratio <= limit)
}

fn time(args: &Args, kernels: &[&str]) -> Result<Duration, String> {
    let start = Instant::now();
    let mut command = Command::new(root().join(&args.binary));
    command.arg("check").args(kernels).args(&args.objects);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.map_err(|e| format!("{}: {e}", args.binary.display()))?;
    match status.code() {
        Some(_) => Ok(start.elapsed()),
        None => Err(format!("{}: {status}", args.binary.display())),
    }
}
