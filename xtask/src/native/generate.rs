//! Programs made by chance, as objects.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use verdict::kernel::Kernel;
use verdict_gen::calls;
use verdict_gen::chance::Chance;
use verdict_gen::mutate::Original;
use verdict_gen::object::write_all;
use verdict_gen::structured;
use verdict_gen::text::{self, Source};

use super::Args;
use crate::mutate::seed_of;
use crate::workers::{file_name, objects};

/// What kind of programs are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Branches, loops, iterators, callbacks, functions, spills, resources
    Structured,
    /// Calls of helpers with arguments of all kinds
    Calls,
    /// Calls of kernel functions
    Kfuncs,
    /// The programs of given objects with single instructions changed
    Mutate,
    /// The programs of given objects with stretches of instructions of others
    Splice,
}

/// Programs in one object: opening it takes longer than most programs do.
const TOGETHER: usize = 50;

/// Instructions that are changed in each program at most.
const CHANGES: usize = 2;

/// What was made.
pub(super) struct Made {
    pub(super) files: Vec<PathBuf>,
    /// The programs that are made as text, by object and program.
    pub(super) texts: BTreeMap<(String, String), String>,
}

/// Makes programs and writes them as objects into a directory.
pub(super) fn write(kind: Kind, args: &Args, dir: &Path) -> Result<Made, String> {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    match kind {
        Kind::Structured => texts(args, dir, structured::program),
        Kind::Calls => {
            let kernel = Kernel::from_dir(&args.capture, None).map_err(|e| e.to_string())?;
            texts(args, dir, |chance| calls::program(&kernel, chance))
        }
        Kind::Kfuncs => {
            let kernel = Kernel::from_dir(&args.capture, None).map_err(|e| e.to_string())?;
            let kfuncs = calls::Kfuncs::of(&kernel);
            texts(args, dir, |chance| calls::kfunc_program(&kfuncs, chance))
        }
        Kind::Mutate | Kind::Splice => changed(kind, args, dir),
    }
}

/// Where chance starts for one program.
fn chance_of(seed: u64, number: usize) -> Chance {
    Chance(seed_of(seed, number, 0))
}

fn texts(args: &Args, dir: &Path, program: impl Fn(&mut Chance) -> String) -> Result<Made, String> {
    let mut made = Made {
        files: Vec::new(),
        texts: BTreeMap::new(),
    };
    let numbers: Vec<usize> = (0..args.count).collect();
    for (object, some) in numbers.chunks(TOGETHER).enumerate() {
        let name = format!("{}-{object}.bpf.o", args.seed);
        let written: Vec<_> = some
            .iter()
            .map(|number| (format!("p{number}"), program(&mut chance_of(args.seed, *number))))
            .collect();
        let file = dir.join(&name);
        let bytes = together(&written)?;
        fs::write(&file, bytes).map_err(|e| format!("{}: {e}", file.display()))?;
        made.files.push(file);
        made.texts.extend(
            written
                .into_iter()
                .map(|(program, text)| ((name.clone(), program), text)),
        );
    }
    Ok(made)
}

/// An object of several programs.
fn together(programs: &[(String, String)]) -> Result<Vec<u8>, String> {
    let read = |(name, text): &(String, String)| -> Result<(String, Source), String> {
        let source = text::parse(text).map_err(|e| format!("{name}: {e}"))?;
        Ok((name.clone(), source))
    };
    let sources = programs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let named: Vec<_> = sources
        .iter()
        .map(|(name, source)| (name.as_str(), source))
        .collect();
    write_all(&named).map_err(|e| e.to_string())
}

/// Changed objects of each given one.
fn changed(kind: Kind, args: &Args, dir: &Path) -> Result<Made, String> {
    let paths = objects(&args.objects, &[])?;
    let read = |path: &PathBuf| fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let mut files = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let bytes = read(path)?;
        let original = Original::read(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = file_name(path);
        let stem = name.strip_suffix(".bpf.o").unwrap_or(&name);
        for variant in 0..args.count {
            let mut chance = Chance(seed_of(args.seed, number, variant));
            let made = match (kind, chance.of(&paths)) {
                (Kind::Splice, Some(other)) => {
                    let others = read(other)?;
                    let other = Original::read(&others).map_err(|e| format!("{}: {e}", other.display()))?;
                    original.spliced(&other, &mut chance)
                }
                _ => original.changed(CHANGES, &mut chance),
            };
            let file = dir.join(format!("{stem}.{}-{variant}.bpf.o", args.seed));
            fs::write(&file, made).map_err(|e| format!("{}: {e}", file.display()))?;
            files.push(file);
        }
    }
    Ok(Made {
        files,
        texts: BTreeMap::new(),
    })
}
