//! Programs that nobody wrote: objects in which single instructions are changed by chance.
//!
//! A real kernel is asked about the results, and `parity` compares.

use std::fs;
use std::path::PathBuf;

use verdict_gen::chance::Chance;
use verdict_gen::mutate::Original;

use crate::Done;
use crate::workers::{file_name, objects};

/// What to change, and how often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Changed objects to make of each object
    #[arg(long, default_value_t = 4, value_name = "N")]
    variants: usize,
    /// Instructions to change in each program at most
    #[arg(long, default_value_t = 2, value_name = "N")]
    changes: usize,
    /// Where chance starts
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Directory that the objects are written to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Objects, directories or globs
    #[arg(required = true)]
    objects: Vec<PathBuf>,
}

/// Makes the objects.
pub(crate) fn run(args: &Args) -> Done {
    fs::create_dir_all(&args.out).map_err(|e| format!("{}: {e}", args.out.display()))?;
    let mut written = 0;
    for (number, path) in objects(&args.objects, &[])?.iter().enumerate() {
        let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let original = Original::read(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = file_name(path);
        let stem = name.strip_suffix(".bpf.o").unwrap_or(&name);
        for variant in 0..args.variants {
            let mut chance = Chance(seed_of(args.seed, number, variant));
            let changed = original.changed(args.changes, &mut chance);
            let to = args.out.join(format!("{stem}.{}-{variant}.bpf.o", args.seed));
            fs::write(&to, changed).map_err(|e| format!("{}: {e}", to.display()))?;
            written += 1;
        }
    }
    println!("mutate: {written} objects in {}", args.out.display());
    Ok(true)
}

/// Where chance starts for one of the variants of one of the objects.
pub(crate) fn seed_of(seed: u64, object: usize, variant: usize) -> u64 {
    seed.wrapping_mul(1 << 40) ^ (object as u64) << 16 ^ variant as u64
}
