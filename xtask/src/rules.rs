//! The programs of the engine's tests (`crates/engine/tests/rules`): asking real kernels about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use verdict::kernel::errno::Errno;

use crate::child::execute;
use crate::corpus::{files_in, package};
use crate::oracle;
use crate::workers::file_name;
use crate::{Done, root};

/// Whom to ask.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with the oracle's boot.sh
    #[arg(long, value_name = "DIR")]
    oracle: PathBuf,
    /// Keep the recordings of other programs, and ask about those whose names begin so
    #[arg(long, value_name = "NAME", default_value = "")]
    only: String,
    /// Ask this kernel alone (a directory of the recordings)
    #[arg(long, value_name = "RELEASE")]
    kernel: Option<String>,
}

/// What is asked; programs that want a state at every prune point, or their bounds tested, have names that say so.
const COMMAND: &str = "set -- *.states.bpf.o; [ ! -e $1 ] || oracle -f -l 2 -L /logs $@; rm -f $@
set -- *.bounds.bpf.o; [ ! -e $1 ] || oracle -i -l 2 -L /logs $@; rm -f $@
set -- *.bpf.o; [ ! -e $1 ] || oracle -l 2 -L /logs $@";

/// Writes the programs as objects, and what each kernel says of them into the directory of its recordings.
pub(crate) fn run(args: &Args) -> Done {
    let golden = root().join("crates/engine/tests/rules/golden");
    let work = root().join("target/rules");
    let _ = fs::remove_dir_all(&work); // absent at first
    let objects = work.join("objects");
    fs::create_dir_all(&objects).map_err(|e| format!("{}: {e}", objects.display()))?;
    execute(
        Command::new("cargo")
            .args(["test", "-q", "-p", "bpf-verdict-engine", "--test", "rules"])
            .env("VERDICT_RULES_DUMP", &objects)
            .current_dir(root()),
    )?;
    let mut wanted = files_in(&objects, ".bpf.o")?;
    wanted.retain(|path| file_name(path).starts_with(&args.only));
    let kernels = fs::read_dir(&golden).map_err(|e| format!("{}: {e}", golden.display()))?;
    let asked = |path: &PathBuf| args.kernel.as_ref().is_none_or(|only| file_name(path) == *only);
    for kernel in kernels
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(asked)
    {
        ask(args, &kernel, &work, &wanted)?;
    }
    Ok(true)
}

/// Boots a kernel, asks it about all programs, and writes a file for each: how it ended, then the level-2 log; or why
/// libbpf did not get as far.
fn ask(args: &Args, golden: &Path, work: &Path, objects: &[PathBuf]) -> Result<(), String> {
    let release = file_name(golden);
    let package =
        package(&release).ok_or_else(|| format!("{release}: no package is known for this kernel"))?;
    let (raw, logs) = (work.join(&release), work.join(format!("{release}.logs")));
    fs::create_dir_all(&logs).map_err(|e| format!("{}: {e}", logs.display()))?;
    oracle::ask(&args.oracle, package, &raw, COMMAND, objects)?;
    oracle::unpack_logs(&raw, &logs)?;
    if args.only.is_empty() {
        fs::remove_dir_all(golden).map_err(|e| format!("{}: {e}", golden.display()))?;
        fs::create_dir(golden).map_err(|e| format!("{}: {e}", golden.display()))?;
    }
    let text = fs::read_to_string(&raw).map_err(|e| format!("{}: {e}", raw.display()))?;
    for line in text.lines() {
        keep(golden, &logs, line)?;
    }
    println!("{release}: {} programs", text.lines().count());
    Ok(())
}

/// Keeps what a kernel said of one program.
fn keep(golden: &Path, logs: &Path, line: &str) -> Result<(), String> {
    let said: Value = serde_json::from_str(line).map_err(|e| format!("oracle: {e}: {line}"))?;
    let object = said["object"].as_str().unwrap_or_default();
    let program = said["program"].as_str().unwrap_or_default();
    let name = object
        .trim_end_matches(".bpf.o")
        .trim_end_matches(".states")
        .trim_end_matches(".bounds");
    let keep = |said: String| {
        let file = golden.join(format!("{name}.log"));
        fs::write(&file, said).map_err(|e| format!("{}: {e}", file.display()))
    };
    if said["stage"] != "verify" {
        // Why, and not the object's name, which says how it was asked.
        let why = said["libbpf"].as_str().and_then(|words| words.lines().next());
        let why = why.ok_or_else(|| format!("{object} did not come to the kernel: {line}"))?;
        return keep(format!("{why}\n"));
    }
    let end = match said["errno"].as_i64().and_then(|errno| i32::try_from(errno).ok()) {
        Some(0) => "accepted".to_owned(),
        Some(errno) => format!("refused: {}", Errno(errno)),
        None => return Err(format!("oracle: {line}")),
    };
    let file = logs.join(format!("{object}__{program}.log"));
    let log = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    keep(format!("{end}\n{log}"))
}
