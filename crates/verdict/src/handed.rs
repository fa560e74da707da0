//! Programs as they are handed to `BPF_PROG_LOAD`, by whatever loader: without an object.

use std::io;

use verdict_engine::observer::Silent;
use verdict_engine::{Outcome, Verdict, load};
use verdict_kernel::Kernel;
use verdict_kernel::attr::ProgLoad;
use verdict_loader::ProgFacts;
use verdict_log::{Level, Log, Written};
use verdict_report::{Refusal, advice};
use verdict_syscall::prog::LoadError;
use verdict_syscall::{LoadedProg, Prog};

use crate::answer::End;
use crate::explaining::follow;
use crate::last_words::last_words;
use crate::listen::Found;
use crate::unsure::{is_sure, unsure_handed};
use crate::{Answer, Explaining};

/// What comes of verifying a program with a log.
#[derive(Clone, Debug)]
pub struct Handed {
    /// Verdict and figures.
    pub outcome: Outcome,
    /// What others that attach to the program are judged by, if it is accepted.
    pub loaded: Option<LoadedProg>,
    /// What is in the caller's buffer, its terminator left out.
    pub log: Vec<u8>,
    /// How large the log was.
    pub written: Written,
}

/// Verifies a program that was admitted, with a log of this level in a buffer of this size, if there is one.
///
/// # Errors
/// There are none: the log is kept in memory.
pub fn verify_handed(kernel: &Kernel, prog: &Prog, level: u32, size: Option<u32>) -> io::Result<Handed> {
    let mut handed = verify_surely(kernel, prog, level, size)?;
    if !is_sure(kernel)
        && let Some(what) = unsure_handed(kernel, prog, &handed.outcome)
    {
        handed.outcome.verdict = Verdict::Unsupported(what);
        handed.loaded = None;
    }
    Ok(handed)
}

/// The same by the kernel's settings, whether or not all of them are known.
fn verify_surely(kernel: &Kernel, prog: &Prog, level: u32, size: Option<u32>) -> io::Result<Handed> {
    let mut log = Vec::new();
    if level == 0 {
        let (outcome, loaded) = load(kernel, prog, &mut Silent);
        let written = Written::default();
        return Ok(Handed {
            outcome,
            loaded,
            log,
            written,
        });
    }
    let mut listener = Log::sized(kernel, prog, Level(level), size, &mut log);
    let (outcome, loaded) = load(kernel, prog, &mut listener);
    let written = listener.finish()?;
    Ok(Handed {
        outcome,
        loaded,
        log,
        written,
    })
}

/// The answer about a program that came as far as its verification. A rejected one is verified again, for the kernel's last
/// words and to be explained. `object` is what it is said to be of.
pub fn answer_handed(
    kernel: &Kernel,
    object: &str,
    load: &ProgLoad,
    prog: &Prog,
    outcome: &Outcome,
    explaining: Explaining,
) -> Answer {
    let end = End::from(outcome.verdict.clone());
    let mut refusal = end.rule().map(Refusal::by);
    let mut record = end.record(object, &load.name, &facts(load), &outcome.stats, None);
    let mut place = None;
    if let Some(refusal) = &mut refusal {
        let mut text = Vec::new();
        let mut log = Log::new(kernel, prog, Level::ONE, &mut text);
        let (again, explanation) = follow(kernel, prog, &mut log, explaining, (refusal.rule, None));
        let _ = log.finish(); // a vector takes all
        record.tail = last_words(&text);
        if let Verdict::Rejected(rejected) = &again.verdict {
            let found = Found::of(prog, rejected);
            (refusal.fact, refusal.origin) = (found.fact, found.origin);
            place = found.place;
        }
        refusal.explanation = explanation.map(Box::new);
        refusal.advice = advice(kernel, refusal, &record);
    }
    Answer {
        place,
        refusal,
        ..Answer::from(record)
    }
}

/// The answer about a program that was refused before its verification.
pub fn answer_refused(object: &str, load: &ProgLoad, error: LoadError) -> Answer {
    let end = End::from(error);
    let refusal = end.rule().map(Refusal::by);
    let record = end.record(
        object,
        &load.name,
        &facts(load),
        &verdict_engine::Stats::default(),
        None,
    );
    Answer {
        refusal,
        ..Answer::from(record)
    }
}

fn facts(load: &ProgLoad) -> ProgFacts {
    ProgFacts {
        prog_type: load.prog_type,
        attach_type: load.expected_attach_type,
        insn_cnt: load.insns.len(),
    }
}
