//! The project's own BPF programs: compiling them, and asking real kernels about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use verdict_capture::HARMFUL;

use crate::child::execute;
use crate::oracle;
use crate::workers::file_name;
use crate::{Done, root};

/// What to rebuild.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The compiler
    #[arg(long, default_value = "clang-22")]
    clang: String,
    /// What takes the debug information out of objects, BTF stays
    #[arg(long, default_value = "llvm-strip-22")]
    strip: String,
    /// Directory with the oracle's boot.sh: record what real kernels say
    #[arg(long, value_name = "DIR")]
    oracle: Option<PathBuf>,
    /// Record of this kernel only (a directory of golden/), and compile nothing
    #[arg(long, value_name = "NAME", requires = "oracle")]
    only: Option<String>,
}

/// The objects that tell the two settings of `zero-spill` apart, and one that other kernels crash over.
const FOUNDING: [&str; 3] = ["loop_callback.bpf.o", "zero_spill.bpf.o", HARMFUL[0]];

/// A recording: the directory under `golden/`, the kernel as the oracle calls it, and which objects.
const RECORDINGS: [(&str, &str, &[&str]); 7] = [
    ("5.10.262-deb11-amd64", "5.10.0-46-amd64", &[]),
    ("6.1.192-deb12-amd64", "6.1.0-57-amd64", &[]),
    ("6.12.43-deb12-amd64", "6.12.43+deb12-amd64", &[]),
    ("6.12.117-deb12-amd64", "6.12.117+deb12-amd64", &[]),
    ("6.18.15-deb13-amd64", "6.18.15+deb13-amd64", &[]),
    ("6.12.117-ab-before", "ab-before", &FOUNDING),
    ("6.12.117-ab-after", "ab-after", &FOUNDING),
];

/// The package of the kernel that a directory of recordings is named for.
pub(crate) fn package(release: &str) -> Option<&'static str> {
    let row = RECORDINGS.iter().find(|(name, ..)| *name == release)?;
    Some(row.1)
}

/// Compiles all programs; with an oracle, records all kernels' answers too.
pub(crate) fn run(args: &Args) -> Done {
    let objects = match args.only {
        Some(_) => files_in(&root().join("corpus"), ".bpf.o")?,
        None => compile_all(args)?,
    };
    println!("corpus: {} objects", objects.len());
    let Some(oracle) = &args.oracle else {
        return Ok(true);
    };
    for (name, kernel, only) in RECORDINGS {
        if args.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let wanted: Vec<_> = objects
            .iter()
            .filter(|o| only.is_empty() || only.contains(&file_name(o).as_str()))
            .filter(|o| name.starts_with("6.12.117") || !HARMFUL.contains(&file_name(o).as_str()))
            .collect();
        record(oracle, name, kernel, &wanted)?;
    }
    Ok(true)
}

/// Compiles all programs; gives the objects that real kernels are asked about.
fn compile_all(args: &Args) -> Result<Vec<PathBuf>, String> {
    let mut objects = Vec::new();
    for source in files_in(&root().join("corpus"), ".bpf.c")? {
        objects.push(compile(args, "corpus", &source)?);
    }
    for dir in ["corpus/tests", "corpus/attach", "corpus/cilium"] {
        for source in files_in(&root().join(dir), ".bpf.c")? {
            compile(args, dir, &source)?;
        }
    }
    Ok(objects)
}

pub(crate) fn files_in(dir: &Path, end: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut files: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|path| file_name(path).ends_with(end));
    files.sort();
    Ok(files)
}

fn compile(args: &Args, dir: &str, source: &Path) -> Result<PathBuf, String> {
    let text = fs::read_to_string(source).map_err(|e| format!("{}: {e}", source.display()))?;
    let cpu = if text.contains("-mcpu=v4") {
        "-mcpu=v4"
    } else {
        "-mcpu=v3"
    };
    let debug = if text.contains("-g0") { "-g0" } else { "-g" };
    let source = format!("{dir}/{}", file_name(source));
    let object = format!("{}.o", source.trim_end_matches(".c"));
    let flags = [
        "-O2",
        debug,
        "--target=bpf",
        cpu,
        "-Wall",
        "-Werror",
        "-Wno-unused-const-variable",
    ];
    // Objects name their sources and hold their lines, which the compiler must be able to find under that name; let
    // them not name the machine's directories.
    let place = [
        "-fdebug-compilation-dir=.",
        "-fdebug-prefix-map=.=",
        "-Icorpus/include",
        "-c",
        &source,
        "-o",
        &object,
    ];
    execute(
        Command::new(&args.clang)
            .args(flags)
            .args(place)
            .current_dir(root()),
    )?;
    execute(
        Command::new(&args.strip)
            .args(["-g", &object])
            .current_dir(root()),
    )?;
    Ok(root().join(object))
}

/// Boots the kernel and writes `golden/NAME/corpus.jsonl` and the level-2 logs beside it.
fn record(oracle: &Path, name: &str, kernel: &str, objects: &[&PathBuf]) -> Result<(), String> {
    let golden = root().join("golden").join(name);
    let logs = golden.join("logs");
    let _ = fs::remove_dir_all(&logs); // absent at first
    fs::create_dir_all(&logs).map_err(|e| format!("{}: {e}", logs.display()))?;
    let raw = golden.join("raw");
    let archive = golden.join("raw.logs.tar");
    oracle::ask(oracle, kernel, &raw, "oracle -l 2 -L /logs *.o", objects)?;
    oracle::unpack_logs(&raw, &logs)?;
    let text = fs::read_to_string(&raw).map_err(|e| format!("{}: {e}", raw.display()))?;
    let lines = text.lines().map(without_time).collect::<Result<Vec<_>, _>>()?;
    fs::write(golden.join("corpus.jsonl"), lines.concat()).map_err(|e| e.to_string())?;
    for leftover in [raw, archive] {
        fs::remove_file(&leftover).map_err(|e| format!("{}: {e}", leftover.display()))?;
    }
    println!("golden/{name}: {} programs", lines.len());
    Ok(())
}

/// The line without its only figure that another run would not repeat.
pub(crate) fn without_time(line: &str) -> Result<String, String> {
    let mut kept = line.to_owned();
    if let Some((before, after)) = line.split_once(",\"usec\":") {
        kept = format!(
            "{before}{}",
            after.trim_start_matches(|c: char| c.is_ascii_digit())
        );
    }
    serde_json::from_str::<Value>(&kept).map_err(|e| format!("oracle: {e}: {line}"))?;
    Ok(kept + "\n")
}
