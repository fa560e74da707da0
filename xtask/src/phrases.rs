//! The words of refusals, collected from the places that refuse: `crates/kernel/src/rule/phrases.txt`, by which
//! `verdict explain` finds the rule of a kernel's words; and how well it does on a real kernel's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use verdict::kernel::rule::{Rule, explain};
use verdict::{KernelChoice, Options, Verifier};
use verdict_report::{Record, Stage, Verdict};

use crate::{Done, delta, root};

/// Where the collected words lie.
const COLLECTED: &str = "crates/kernel/src/rule/phrases.txt";

/// What to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare with the file instead of writing it
    #[arg(long)]
    check: bool,
    /// Explain the refusals of this recording of a real kernel, and hold the rules to those that verdict names
    #[arg(long, value_name = "FILE", requires = "objects")]
    golden: Option<PathBuf>,
    /// What differs from that recording
    #[arg(long, value_name = "FILE")]
    delta: Option<PathBuf>,
    /// Directory with the kernel's whole logs, OBJECT__PROGRAM.log, which are read where there is one
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// The kernel of the recording
    #[arg(long, value_name = "NAME", default_value = "6.12")]
    kernel: String,
    /// Share of refusals, in percent, that must be explained by the right rule
    #[arg(long, value_name = "PERCENT", default_value = "98")]
    least: f64,
    /// Show those that are not
    #[arg(long)]
    verbose: bool,
    /// Directory with the objects of the recording
    objects: Option<PathBuf>,
}

/// Collects, compares or measures.
pub(crate) fn run(args: &Args) -> Done {
    if let (Some(golden), Some(objects)) = (&args.golden, &args.objects) {
        return measure(args, golden, objects);
    }
    let text = collected()?;
    let path = root().join(COLLECTED);
    if args.check {
        let same = fs::read_to_string(&path).is_ok_and(|old| old == text);
        if !same {
            println!("{COLLECTED} is not what the sources say: cargo xtask phrases");
        }
        return Ok(same);
    }
    fs::write(&path, &text).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("{COLLECTED}: {} phrases", text.lines().count());
    Ok(true)
}

/// The file as the sources have it: `CODE<tab>words`, where `{}` stands for anything.
pub(crate) fn collected() -> Result<String, String> {
    let mut phrases: BTreeSet<(&str, String)> = BTreeSet::new();
    for krate in ["engine", "syscall"] {
        for file in sources(&root().join("crates").join(krate).join("src"))? {
            let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            for (rule, words) in refusals(&text) {
                for line in words.lines().filter(|line| says_something(line)) {
                    phrases.insert((rule.code(), line.trim().to_owned()));
                    phrases.extend(alike(line).map(|words| (rule.code(), words)));
                }
            }
        }
    }
    let lines = phrases.iter().map(|(code, words)| format!("{code}\t{words}\n"));
    Ok(lines.collect())
}

/// All files below a directory.
pub(crate) fn sources(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut all = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            todo.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        } else {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// What stands before the words of contradictions on kernels where each place has its own way, and where all are alike
/// (`words.rs` of the engine).
const OWN_WAYS: &[&str] = &["verifier internal error: ", "BUG: ", "bug: ", "BUG "];
const ALIKE: &str = "verifier bug: ";

/// The words of a contradiction on kernels that report all alike.
fn alike(line: &str) -> Option<String> {
    let rest = OWN_WAYS.iter().find_map(|way| line.trim().strip_prefix(way))?;
    Some(format!("{ALIKE}{rest}"))
}

/// Words that are all gaps say nothing.
fn says_something(words: &str) -> bool {
    let literal = words.replace("{}", "");
    literal.chars().filter(|c| c.is_alphabetic()).count() >= 4
}

/// The rules and words of `reject!(Rule, errno, "words", …)` in a source. Where the rule or the words are no literals,
/// the file of words by hand has them.
fn refusals(source: &str) -> Vec<(Rule, String)> {
    let calls = source.split("reject!(").skip(1);
    calls.filter_map(refusal).collect()
}

fn refusal(call: &str) -> Option<(Rule, String)> {
    let (rule, rest) = call.split_once(',')?;
    let rule = Rule::ALL
        .iter()
        .find(|known| format!("{known:?}") == rule.trim())?;
    let (_, rest) = rest.split_once(',')?;
    let literal = rest.trim_start().strip_prefix('"')?;
    Some((*rule, gaps(&string(literal)?)))
}

/// A string literal behind its quote, without escapes.
fn string(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some(out),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                '\n' => {
                    let rest = chars.as_str().trim_start();
                    chars = rest.chars();
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

/// A format string with `{}` for each thing that is put in.
fn gaps(format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => {
                chars.next();
                out.push('{');
            }
            '}' if chars.peek() == Some(&'}') => {
                chars.next();
                out.push('}');
            }
            '{' => {
                for inner in chars.by_ref() {
                    if inner == '}' {
                        break;
                    }
                }
                out.push_str("{}");
            }
            c => out.push(c),
        }
    }
    out
}

/// A refusal in a recording: the object, the program and the words.
struct Refused {
    object: String,
    program: Option<String>,
    words: String,
}

fn measure(args: &Args, golden: &Path, objects: &Path) -> Done {
    let text = delta::apply(golden, args.delta.as_deref())?;
    let mut by_object: BTreeMap<String, Vec<Refused>> = BTreeMap::new();
    for line in text.lines() {
        let Ok(record) = serde_json::from_str::<Record>(line) else {
            continue; // a line of a delta that has no verdict of its own
        };
        let words = match record.stage {
            Stage::Verify => record.tail,
            Stage::Open | Stage::Prepare => record.libbpf,
        };
        let program = record.program.as_deref().unwrap_or_default();
        let log = format!("{}__{program}.log", record.object);
        let whole = args.logs.as_ref().filter(|_| record.stage == Stage::Verify);
        let whole = whole.and_then(|dir| fs::read(dir.join(log)).ok());
        let refused = Refused {
            object: record.object,
            program: record.program,
            words: match whole {
                Some(log) => String::from_utf8_lossy(&log).into_owned(),
                None => words.unwrap_or_default(),
            },
        };
        if record.verdict == Verdict::Failure && !refused.words.trim().is_empty() {
            by_object.entry(refused.object.clone()).or_default().push(refused);
        }
    }
    let choice = KernelChoice {
        name: Some(args.kernel.clone()),
        ..KernelChoice::default()
    };
    let verifier = Verifier::new(choice.open()?, Options::default());
    let found: Vec<_> = by_object
        .par_iter()
        .flat_map_iter(|(object, refused)| compare(&verifier, &objects.join(object), refused))
        .collect();
    let right = found.iter().filter(|(.., said)| said.is_none()).count();
    let wrong: Vec<_> = found
        .iter()
        .filter_map(|(refused, said)| Some((refused, said.as_ref()?)))
        .collect();
    if args.verbose {
        for (refused, said) in &wrong {
            let program = refused.program.as_deref().unwrap_or_default();
            println!("{} {program}: {said}\n{}", refused.object, refused.words);
        }
    }
    let share = 100.0 * right as f64 / found.len().max(1) as f64;
    println!(
        "{}: {right} of {} refusals explained by their rule, {share:.2} %",
        args.kernel,
        found.len()
    );
    Ok(share >= args.least)
}

/// For each refusal nothing, if its words lead to the rule that verdict names, or else what they lead to.
fn compare<'r>(
    verifier: &Verifier,
    path: &Path,
    refused: &'r [Refused],
) -> Vec<(&'r Refused, Option<String>)> {
    let Ok(bytes) = fs::read(path) else {
        return Vec::new();
    };
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let opened = verifier.open(&name, &bytes);
    let rule_of = |program: Option<&str>| match &opened {
        Ok(object) => {
            let program = object.program(program?)?;
            Some(program.check().refusal?.rule)
        }
        Err(error) => Some(error.rule),
    };
    let judged = refused.iter().filter_map(|refused| {
        let rule = rule_of(refused.program.as_deref())?;
        let found = explain::log(refused.words.as_bytes()).into_iter().next_back();
        let said = match found.and_then(|found| found.rule) {
            Some(found) if found == rule => None,
            Some(found) => Some(format!("{} instead of {}", found.code(), rule.code())),
            None => Some(format!("nothing instead of {}", rule.code())),
        };
        Some((refused, said))
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_from_calls() {
        let source = r#"
            reject!(UninitializedRegister, EACCES, "R{} !read_ok\n", regno);
            reject!((rule), EACCES, "not known here {}\n", 1);
            reject!(
                JumpTarget,
                EINVAL,
                "jump out of range from insn {} to \
                 {to:#x} {{x}}\n",
                from,
            );
        "#;
        let found = refusals(source);
        assert_eq!(
            found,
            [
                (Rule::UninitializedRegister, "R{} !read_ok\n".to_owned()),
                (
                    Rule::JumpTarget,
                    "jump out of range from insn {} to {} {x}\n".to_owned()
                ),
            ]
        );
    }

    /// Who changes a message collects it again.
    #[test]
    fn the_collected_words_are_those_of_the_sources() {
        let kept = fs::read_to_string(root().join(COLLECTED)).unwrap_or_default();
        assert!(
            kept == collected().unwrap_or_default(),
            "run `cargo xtask phrases`"
        );
    }
}
