//! Logs of real kernels, kept as checksums: one line a program.
//!
//! ```text
//! level 1
//! object.bpf.o
//!   program 0123456789abcdef
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Deserialize;
use verdict::{KernelChoice, Options, Verifier};

use crate::Done;
use crate::logs::LogCheck;

/// Digits of a checksum that are kept: enough to tell any two logs apart.
const DIGITS: usize = 16;

/// What to compare.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checksums of a real kernel's logs
    #[arg(long, value_name = "FILE")]
    golden: PathBuf,
    /// Write that file from what the oracle printed
    #[arg(long, value_name = "JSONL")]
    record: Vec<PathBuf>,
    /// Show the first difference from the logs in this directory
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Directory with the objects
    objects: PathBuf,
}

/// What is of interest in the oracle's record of a program.
#[derive(Deserialize)]
struct Recorded {
    object: String,
    program: Option<String>,
    log_level: Option<u32>,
    log_sha256: Option<String>,
}

/// The recorded logs of an object's programs.
struct Object {
    name: String,
    programs: Vec<(String, String)>,
}

/// A file of checksums.
struct Recording {
    level: u32,
    objects: Vec<Object>,
}

/// Records or compares.
pub(crate) fn run(args: &Args) -> Done {
    if !args.record.is_empty() {
        return record(args);
    }
    let shown = args.golden.display();
    let text = fs::read_to_string(&args.golden).map_err(|e| format!("{shown}: {e}"))?;
    let recording = parse(&text).ok_or_else(|| format!("{shown}: not a file of checksums"))?;
    let verifier = Verifier::new(KernelChoice::default().open()?, Options::default());
    let (level, objects) = (recording.level, &recording.objects);
    let checked: Result<Vec<_>, String> = objects
        .par_iter()
        .map(|o| check(args, &verifier, level, o))
        .collect();
    let wrong: Vec<String> = checked?.into_iter().flatten().collect();
    let all: usize = objects.iter().map(|object| object.programs.len()).sum();
    wrong.iter().for_each(|line| println!("{line}"));
    println!(
        "level {level}: the logs of {} of {all} programs in {} objects are equal",
        all - wrong.len(),
        objects.len()
    );
    Ok(wrong.is_empty())
}

fn record(args: &Args) -> Done {
    let mut objects: Vec<Object> = Vec::new();
    let mut level = 0;
    for path in &args.record {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        for line in text.lines() {
            let said: Recorded =
                serde_json::from_str(line).map_err(|e| format!("{}: {e}", path.display()))?;
            let (Some(program), Some(mut sum)) = (said.program, said.log_sha256) else {
                continue;
            };
            level = said.log_level.unwrap_or(level);
            sum.truncate(DIGITS);
            match objects.last_mut().filter(|last| last.name == said.object) {
                Some(last) => last.programs.push((program, sum)),
                None => objects.push(Object {
                    name: said.object,
                    programs: vec![(program, sum)],
                }),
            }
        }
    }
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    let mut out = format!("level {level}\n");
    for object in &objects {
        let _ = writeln!(out, "{}", object.name);
        for (program, sum) in &object.programs {
            let _ = writeln!(out, "  {program} {sum}");
        }
    }
    fs::write(&args.golden, out).map_err(|e| format!("{}: {e}", args.golden.display()))?;
    Ok(true)
}

fn parse(text: &str) -> Option<Recording> {
    let mut lines = text.lines();
    let level = lines.next()?.strip_prefix("level ")?.parse().ok()?;
    let mut objects: Vec<Object> = Vec::new();
    for line in lines {
        if let Some((program, sum)) = line.strip_prefix("  ").and_then(|entry| entry.split_once(' ')) {
            let program = (program.to_owned(), sum.to_owned());
            objects.last_mut()?.programs.push(program);
        } else {
            objects.push(Object {
                name: line.to_owned(),
                programs: Vec::new(),
            });
        }
    }
    Some(Recording { level, objects })
}

/// A line for each program whose log is another one.
fn check(args: &Args, verifier: &Verifier, level: u32, recorded: &Object) -> Result<Vec<String>, String> {
    let name = &recorded.name;
    let path = args.objects.join(name);
    let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let object = verifier.open(name, &bytes).map_err(|e| format!("{name}: {e}"))?;
    let mut wrong = Vec::new();
    for (program, sum) in &recorded.programs {
        let Some(handle) = object.program(program) else {
            wrong.push(format!("{name} {program}: no such program"));
            continue;
        };
        let log = args
            .logs
            .as_ref()
            .map(|dir| dir.join(format!("{name}__{program}.log")));
        let mut check = LogCheck::new(&log.unwrap_or_default());
        handle.log(level, &mut check).map_err(|e| e.to_string())?;
        let (ours, difference) = check.finish();
        if ours.starts_with(sum.as_str()) {
            continue;
        }
        let mut line = format!("{name} {program}: another log");
        if let Some(d) = difference {
            let (ours, kernels) = (d.ours.unwrap_or_default(), d.kernels.unwrap_or_default());
            let _ = write!(
                line,
                ", line {}\n    kernel:  {kernels}    verdict: {ours}",
                d.line
            );
        }
        wrong.push(line);
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn form() {
        let recording = parse("level 1\na.o\n  p 01\n  q 02\nb.o\n").unwrap();
        assert_eq!(recording.level, 1);
        let names: Vec<_> = recording
            .objects
            .iter()
            .map(|o| (o.name.as_str(), o.programs.len()))
            .collect();
        assert_eq!(names, [("a.o", 2), ("b.o", 0)]);
        assert!(parse("").is_none());
        assert!(parse("level 1\n  p 01\n").is_none());
    }
}
