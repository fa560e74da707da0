//! What verifications cost in instructions of the processor, beside what they cost when that was last written down.
//!
//! Valgrind's callgrind counts: the same on a busy machine as on an idle one. The file has a line for each program, which
//! also says why its figure changed last.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Done;

/// By how many percent a figure may be above that of the file.
const MOST_ABOVE: f64 = 3.0;

/// What to hold to the file, and whether to write it.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Count processor instructions by valgrind for each program of the file and compare with the file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["startup", "at_least", "memory"])]
    pub(super) history: Option<PathBuf>,
    /// Leave out programs that take more million instructions than this by the file
    #[arg(long, value_name = "MILLION", requires = "history")]
    most: Option<u64>,
    /// Write the new figures into the file, with the reason why they changed
    #[arg(long, value_name = "REASON", requires = "history")]
    rewrite: Option<String>,
    /// The program that is measured; the one beside this one if absent
    #[arg(long, value_name = "FILE", requires = "history")]
    binary: Option<PathBuf>,
}

/// A line of the file.
struct Row {
    kernel: String,
    object: String,
    program: String,
    insns: u64,
    instructions: u64,
    why: String,
}

impl Row {
    fn parse(line: &str) -> Option<Row> {
        let mut fields = line.splitn(6, '\t');
        let mut next = || fields.next().map(str::to_owned);
        Some(Row {
            kernel: next()?,
            object: next()?,
            program: next()?,
            insns: next()?.parse().ok()?,
            instructions: next()?.parse().ok()?,
            why: next()?,
        })
    }
}

/// Compares, and writes the file if that is asked for. Objects are looked for in the given directories.
pub(super) fn run(args: &Args, file: &Path, directories: &[PathBuf]) -> Done {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("bench: there is no valgrind: nothing is counted");
        return Ok(true);
    }
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()
            .map_err(|e| e.to_string())?
            .with_file_name("verdict"),
    };
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let (mut written, mut well) = (String::new(), true);
    println!("change  per insn  instructions     insns  kernel  program");
    for line in text.lines() {
        let mut row = match line.starts_with('#') {
            true => None,
            false => Some(Row::parse(line).ok_or_else(|| format!("{}: not a row: {line}", file.display()))?),
        };
        let measured = row.as_mut().filter(|row| {
            args.most
                .is_none_or(|most| row.instructions <= most.saturating_mul(1_000_000))
        });
        let Some(row) = measured else {
            let _ = writeln!(written, "{line}"); // a string takes all
            continue;
        };
        well &= compare(&binary, row, directories, args.rewrite.as_deref())?;
        let Row {
            kernel,
            object,
            program,
            insns,
            instructions,
            why,
        } = row;
        let _ = writeln!(
            written,
            "{kernel}\t{object}\t{program}\t{insns}\t{instructions}\t{why}"
        );
    }
    if args.rewrite.is_some() {
        fs::write(file, written).map_err(|e| format!("{}: {e}", file.display()))?;
        return Ok(true);
    }
    if !well {
        println!(
            "bench: more than {MOST_ABOVE} % above {}; if that has a reason, write it there with --rewrite",
            file.display()
        );
    }
    Ok(well)
}

/// Measures a program and tells; false if it costs too much. The row has the new figures then, if they are to be written.
fn compare(binary: &Path, row: &mut Row, directories: &[PathBuf], rewrite: Option<&str>) -> Done {
    let object = directories
        .iter()
        .map(|directory| directory.join(&row.object))
        .find(|path| path.exists())
        .ok_or_else(|| format!("{}: not in the given directories", row.object))?;
    let (insns, instructions) = count(binary, &row.kernel, &object, &row.program)?;
    let change = (instructions as f64 / row.instructions.max(1) as f64 - 1.0) * 100.0;
    println!(
        "{change:+5.1}%  {:>8}  {instructions:>12}  {insns:>8}  {:<6}  {} {}",
        instructions / insns.max(1),
        row.kernel,
        row.object,
        row.program
    );
    if let Some(why) = rewrite {
        if change.abs() > MOST_ABOVE || row.insns != insns {
            why.clone_into(&mut row.why);
        }
        (row.insns, row.instructions) = (insns, instructions);
    }
    Ok(change <= MOST_ABOVE)
}

/// The instructions that a verification processes, and those that the processor executes for it from start to end.
fn count(binary: &Path, kernel: &str, object: &Path, program: &str) -> Result<(u64, u64), String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(binary)
        .args([
            "stat", "-q", "-o", "csv", "-e", "insns", "--kernel", kernel, "-f", program,
        ])
        .arg(object)
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let (told, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let wrong = || format!("{}: no figures of {program}: {told}{said}", object.display());
    let insns = told.lines().last().and_then(|line| line.trim().parse().ok());
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, number)| number.trim().parse().ok());
    insns.zip(collected).ok_or_else(wrong)
}
