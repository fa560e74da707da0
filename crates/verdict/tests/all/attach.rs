//! Programs that attach to other programs, held against what a real kernel said of them.
//!
//! A line of `corpus/attach/cases` names an object, a program of it, and what it attaches to: of several targets,
//! each attaches to the one before.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use verdict::log::hide_addresses;
use verdict::{KernelChoice, Options, Verifier};
use verdict_report::{Record, Stage, Verdict};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What verdict says of a case.
fn ask(case: &str) -> Record {
    let dir = root().join("corpus/attach");
    let mut words = case.split(' ');
    let (file, program) = (words.next().unwrap(), words.next().unwrap());
    let mut verifier = Verifier::new(KernelChoice::default().open().unwrap(), Options::default());
    let (mut target, places) = (None, words.map(|place| dir.join(place)));
    for place in places {
        let loaded = verifier.load_target(place.to_str().unwrap()).unwrap();
        verifier = verifier.with_target(loaded.clone());
        target = Some(loaded);
    }
    let verifier = Verifier::new(KernelChoice::default().open().unwrap(), Options::default());
    let mut object = verifier.open(file, &fs::read(dir.join(file)).unwrap()).unwrap();
    let program = object.program(program).unwrap().id();
    if let Some(target) = target
        && let Err(error) = object.attach(program, &target)
    {
        let mut record = object.get(program).unwrap().check().record;
        record.errno = error.errno.0;
        record.libbpf = Some(error.messages.join("\n") + "\n");
        (record.verdict, record.stage) = (Verdict::Failure, Stage::Prepare);
        (record.figures, record.tail) = (None, None);
        return without_descriptors(record);
    }
    let mut record = object.get(program).unwrap().check().record;
    if let Some(figures) = &mut record.figures {
        figures.usec = None;
    }
    let mut log = Vec::new();
    object.get(program).unwrap().log(2, &mut log).unwrap();
    if record.stage == Stage::Verify {
        hide_addresses(&mut log);
        let sum = Sha256::digest(&log);
        record.log_sha256 = Some(sum.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    without_descriptors(record)
}

/// libbpf's messages have numbers of file descriptors.
fn without_descriptors(mut record: Record) -> Record {
    if let Some(text) = &mut record.libbpf
        && let Some((before, after)) = text.split_once("(FD ")
    {
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        *text = format!("{before}(FD N{after}");
    }
    record
}

/// What the kernel said.
fn recorded(line: &str) -> (String, Record) {
    let case: serde_json::Value = serde_json::from_str(line).unwrap();
    let word = |key: &str| case[key].as_str().unwrap();
    let case = format!("{} {} {}", word("object"), word("program"), word("targets"));
    let mut record: Record = serde_json::from_str(line).unwrap();
    if record.stage == Stage::Prepare
        && !record
            .libbpf
            .as_deref()
            .unwrap_or("")
            .contains("failed to load object")
    {
        // Refused before anything was loaded.
        record.figures = None;
    }
    (case.trim_end().to_owned(), without_descriptors(record))
}

#[test]
fn as_the_kernel_said() {
    let golden = root().join("golden/6.12.117-deb12-amd64/attach.jsonl");
    let golden: Vec<_> = fs::read_to_string(golden)
        .unwrap()
        .lines()
        .map(recorded)
        .collect();
    let cases = fs::read_to_string(root().join("corpus/attach/cases")).unwrap();
    let recorded: Vec<_> = golden.iter().map(|(case, _)| case.as_str()).collect();
    assert_eq!(recorded, cases.lines().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (case, expected) in &golden {
        let said = ask(case);
        if said != *expected {
            wrong.push(format!("{case}:\n  kernel  {expected:?}\n  verdict {said:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
