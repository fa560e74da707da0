//! Making a program smaller on which verdict and the kernel differ, and showing how they do.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use verdict::Verifier;
use verdict::log::hide_addresses;
use verdict_gen::object::{write, write_all};
use verdict_gen::shrink::Shrink;
use verdict_gen::text::{self, Source};
use verdict_report::{Record, Stage};

use super::ask::Oracle;

/// Both verifiers.
pub(super) struct Both<'a> {
    oracle: &'a Oracle,
    verifier: &'a Verifier,
    dir: PathBuf,
}

/// What a verifier says of a program.
struct Said {
    record: Record,
    log: String,
}

/// How two answers differ, roughly: what is made smaller is to show the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Difference {
    /// Verdict and errno, figures, or the log alone.
    of: &'static str,
    /// The first word of the kernel's first other line, and of verdict's.
    words: [String; 2],
}

/// Lines of logs that are shown from the first difference on.
const SHOWN: usize = 12;
/// How wide a column of a log is.
const WIDE: usize = 90;

impl<'a> Both<'a> {
    pub(super) fn new(oracle: &'a Oracle, verifier: &'a Verifier, dir: PathBuf) -> Result<Both<'a>, String> {
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(Both {
            oracle,
            verifier,
            dir,
        })
    }

    /// Makes a program smaller, and prints what is left, with both logs from the first difference.
    ///
    /// Gives false for one that differs in a way that was `seen` before, and leaves it.
    pub(super) fn shrink_and_show(&self, text: &str, seen: &mut Vec<Difference>) -> Result<bool, String> {
        let Some(wanted) = self.differences(&[text.to_owned()])?.pop().flatten() else {
            println!("differs no more when it is alone:\n{text}");
            return Ok(true);
        };
        if seen.contains(&wanted) {
            return Ok(false);
        }
        seen.push(wanted.clone());
        let mut shrink = Shrink::new(text);
        while !shrink.is_done() {
            let candidates = shrink.candidates();
            let found = self.differences(&candidates)?;
            let shows: Vec<bool> = found
                .iter()
                .map(|found| found.as_ref() == Some(&wanted))
                .collect();
            let mut failed = None;
            shrink.keep(&shows, |text| match self.differences(&[text.to_owned()]) {
                Ok(found) => found.first() == Some(&Some(wanted.clone())),
                Err(error) => {
                    failed = Some(error);
                    false
                }
            });
            if let Some(error) = failed {
                return Err(error);
            }
        }
        self.show(&shrink.text(), &wanted)?;
        Ok(true)
    }

    fn show(&self, text: &str, wanted: &Difference) -> Result<(), String> {
        println!("differs in {}:\n{text}", wanted.of);
        let source = text::parse(text).map_err(|e| e.to_string())?;
        let mut answers = self.ask(&[("p0".to_owned(), source)])?;
        let Some((kernel, ours)) = answers.remove("p0") else {
            return Ok(());
        };
        println!(
            "{:<WIDE$} | verdict: {}",
            format!("kernel: {}", end(&kernel.record)),
            end(&ours.record)
        );
        let (theirs, our): (Vec<_>, Vec<_>) = (kernel.log.lines().collect(), ours.log.lines().collect());
        let first = theirs.iter().zip(&our).take_while(|(a, b)| a == b).count();
        for at in first.saturating_sub(2)..first + SHOWN {
            let line = |lines: &[&str]| {
                lines
                    .get(at)
                    .map_or(String::new(), |line| line.replace('\t', " "))
            };
            let (a, b) = (line(&theirs), line(&our));
            if !(a.is_empty() && b.is_empty()) {
                let mark = if a == b { ' ' } else { '|' };
                println!("{a:<WIDE$} {mark} {b}");
            }
        }
        println!();
        Ok(())
    }

    /// How the verifiers differ on each of these texts; not at all on those that are no programs.
    fn differences(&self, texts: &[String]) -> Result<Vec<Option<Difference>>, String> {
        let sources: Vec<_> = texts
            .iter()
            .enumerate()
            .filter_map(|(at, text)| {
                let source = text::parse(text).ok()?;
                // Without the prototype of what it calls it is none.
                write(&source).ok()?;
                Some((format!("p{at}"), source))
            })
            .collect();
        let answers = self.ask(&sources)?;
        let of = |at: usize| {
            let (kernel, ours) = answers.get(&format!("p{at}"))?;
            difference(kernel, ours)
        };
        Ok((0..texts.len()).map(of).collect())
    }

    /// What both say of some programs, by name: the kernel first.
    fn ask(&self, programs: &[(String, Source)]) -> Result<BTreeMap<String, (Said, Said)>, String> {
        let mut answers = BTreeMap::new();
        if programs.is_empty() {
            return Ok(answers);
        }
        let named: Vec<_> = programs
            .iter()
            .map(|(name, source)| (name.as_str(), source))
            .collect();
        let bytes = write_all(&named).map_err(|e| e.to_string())?;
        let file = self.dir.join("some.bpf.o");
        fs::write(&file, &bytes).map_err(|e| format!("{}: {e}", file.display()))?;
        let said = self.oracle.ask(std::slice::from_ref(&file), Some(&self.dir))?;
        let object = self.verifier.open("some.bpf.o", &bytes);
        // What libbpf does not open shows nothing.
        let Ok(object) = object else { return Ok(answers) };
        for line in String::from_utf8_lossy(&said).lines() {
            let record: Record = serde_json::from_str(line).map_err(|e| format!("oracle: {e}: {line}"))?;
            let Some(name) = record.program.clone() else {
                continue;
            };
            let Some(program) = object.program(&name) else {
                continue;
            };
            let mut log = Vec::new();
            program.log(2, &mut log).map_err(|e| e.to_string())?;
            hide_addresses(&mut log);
            let ours = Said {
                record: program.check().record,
                log: String::from_utf8_lossy(&log).into_owned(),
            };
            let log = fs::read(self.dir.join(format!("some.bpf.o__{name}.log"))).unwrap_or_default();
            let kernels = Said {
                record,
                log: String::from_utf8_lossy(&log).into_owned(),
            };
            answers.insert(name, (kernels, ours));
        }
        Ok(answers)
    }
}

/// How an answer ends, in a line.
fn end(record: &Record) -> String {
    let figures = record.figures.clone().unwrap_or_default();
    format!(
        "{} {}, {} insns, {} states, peak {}",
        record.verdict.name(),
        record.errno,
        figures.insns,
        figures.states,
        figures.peak_states
    )
}

fn difference(kernel: &Said, ours: &Said) -> Option<Difference> {
    let (a, b) = (&kernel.record, &ours.record);
    if a.stage != Stage::Verify || !b.verdict.is_decided() {
        return None;
    }
    let figures = |record: &Record| {
        let figures = record.figures.clone().unwrap_or_default();
        (
            figures.insns,
            figures.states,
            figures.peak_states,
            figures.max_states_per_insn,
        )
    };
    let of = if (a.verdict, a.errno) != (b.verdict, b.errno) {
        "verdict"
    } else if figures(a) != figures(b) {
        "figures"
    } else if kernel.log != ours.log {
        "log"
    } else {
        return None;
    };
    let mut lines = kernel.log.lines().zip(ours.log.lines());
    let (a, b) = lines.find(|(a, b)| a != b).unwrap_or_default();
    // Numbers of instructions and registers may be others in a smaller program.
    let word = |line: &str| {
        let mut words = line.split(|c: char| !c.is_ascii_alphabetic() && c != '_');
        words.find(|word| word.len() > 2).unwrap_or_default().to_owned()
    };
    Some(Difference {
        of,
        words: [word(a), word(b)],
    })
}
