//! Programs whose verification takes more than it may: they have no answer, and the others of their object have theirs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use verdict::kernel::Kernel;
use verdict::{Explaining, NotLoaded, Options, Verifier};
use verdict_report::{GaveUp, Record, Verdict};

/// An object of the corpus with one program of 16,386 processed instructions among small ones.
const MANY_PATHS: &str = "corpus/switch_calls.bpf.o";
/// One whose only program reaches the limit of a million instructions.
const LARGE: &str = "corpus/reports/05-byte-search/bad.o";

fn said(options: Options, object: &str) -> Vec<Record> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(object)).unwrap();
    let verifier = Verifier::new(Kernel::open("6.12").unwrap(), options);
    let object = verifier.open("o", &bytes).unwrap();
    let answers = object.programs().map(|program| program.check().record);
    answers.map(without_time).collect()
}

fn without_time(mut record: Record) -> Record {
    if let Some(figures) = &mut record.figures {
        figures.usec = None;
    }
    record
}

fn memory(bytes: u64) -> Options {
    Options {
        max_memory: Some(bytes),
        ..Options::default()
    }
}

fn time(most: Duration) -> Options {
    Options {
        timeout: Some(most),
        ..Options::default()
    }
}

/// Only the program that takes more is given up; what is said of the others is the same.
#[test]
fn other_programs_are_answered() {
    let free = said(Options::default(), MANY_PATHS);
    let limited = said(memory(200 << 10), MANY_PATHS);
    assert_eq!(free.len(), limited.len());
    let mut given_up = Vec::new();
    for (free, limited) in free.iter().zip(&limited) {
        if limited.verdict == Verdict::GaveUp {
            assert_eq!(limited.gave_up, Some(GaveUp::Memory));
            assert_eq!(
                (limited.errno, &limited.tail, &limited.unsupported),
                (0, &None, &None)
            );
            given_up.push(limited.program.clone().unwrap());
        } else {
            assert_eq!(free, limited);
        }
    }
    assert_eq!(given_up, ["too_many_paths"]);
    // With more, nothing is given up, and nothing changes.
    assert_eq!(free, said(memory(1 << 30), MANY_PATHS));
    assert_eq!(free, said(time(Duration::from_secs(3600)), MANY_PATHS));
}

/// How much a program may take decides alike in each run, and where it has reached its limit, more does not take it further.
#[test]
fn memory_is_estimated_alike() {
    let insns = |bytes| {
        let record = said(memory(bytes), LARGE).remove(0);
        assert_eq!(record.verdict, Verdict::GaveUp);
        record.figures.unwrap().insns
    };
    let (few, more) = (insns(100 << 10), insns(1 << 20));
    assert!(few < more, "{few} {more}");
    assert_eq!(few, insns(100 << 10));
}

/// The time ends a verification long before the kernel's own limit, and no search for causes or remedies begins.
#[test]
fn time_is_limited() {
    let record = said(time(Duration::from_nanos(1)), LARGE).remove(0);
    assert_eq!(
        (record.verdict, record.gave_up),
        (Verdict::GaveUp, Some(GaveUp::Time))
    );
    assert!(record.figures.unwrap().insns < 10_000);
}

/// A log breaks off, and says so.
#[test]
fn logs_break_off() {
    let bytes = fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(MANY_PATHS),
    )
    .unwrap();
    let verifier =
        Verifier::new(Kernel::open("6.12").unwrap(), memory(200 << 10)).explaining(Explaining::TRIALS);
    let object = verifier.open("o", &bytes).unwrap();
    let program = object.program("too_many_paths").unwrap();
    let mut log = Vec::new();
    let end = program.write_log(&Default::default(), &mut log).unwrap();
    assert_eq!(end.result, Err(NotLoaded::GaveUp(GaveUp::Memory)));
    assert!(!String::from_utf8_lossy(&log).contains("too complex"));
}
