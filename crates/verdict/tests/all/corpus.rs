//! The project's own BPF programs, held against what real kernels said of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use verdict::kernel::KNOWN;
use verdict::{KernelChoice, Options, Verifier, open_failure};
use verdict_report::Record;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the kernel said, by object and program.
fn golden(recording: &str) -> BTreeMap<(String, Option<String>), Record> {
    let path = root().join("golden").join(recording).join("corpus.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap());
    records
        .map(|record| ((record.object.clone(), record.program.clone()), record))
        .collect()
}

fn objects() -> Vec<PathBuf> {
    verdict::objects_in(&root().join("corpus")).unwrap()
}

/// Calls `each` with every program that is in the recording.
fn for_each(verifier: &Verifier, names: &[String], mut each: impl FnMut(&str, Record, Option<String>)) {
    for path in objects() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !names.contains(&name) {
            continue;
        }
        let object = match verifier.open(&name, &fs::read(&path).unwrap()) {
            Ok(object) => object,
            Err(error) => {
                each(&name, open_failure(&name, &error), None);
                continue;
            }
        };
        for program in object.programs() {
            let mut log = Vec::new();
            program.log(2, &mut log).unwrap();
            let log = String::from_utf8(log).unwrap();
            each(program.name(), program.check().record, Some(log));
        }
    }
}

/// The programs that are known to differ from a recording, with what is missing beside them.
fn known_gaps(recording: &str) -> BTreeSet<(String, String)> {
    let own = root().join("golden").join(recording).join("known-gaps.txt");
    let text = fs::read_to_string(own).or_else(|_| fs::read_to_string(root().join("golden/known-gaps.txt")));
    let text = text.unwrap_or_default();
    let gap = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    text.lines().filter_map(gap).collect()
}

/// All programs of a recording: same record, same level-2 log; but for the known gaps, which must differ.
fn assert_equal(choice: &KernelChoice, recording: &str) {
    let verifier = Verifier::new(choice.open().unwrap(), Options::default());
    let mut golden = golden(recording);
    let names: Vec<_> = golden.keys().map(|(object, _)| object.clone()).collect();
    let mut wrong = Vec::new();
    let gaps = known_gaps(recording);
    for_each(&verifier, &names, |program, mut said, log| {
        let before = wrong.len();
        let key = (said.object.clone(), program.to_owned());
        let expected = golden.remove(&(said.object.clone(), said.program.clone()));
        let Some(mut expected) = expected else {
            wrong.push(format!("{} {program}: not in the recording", said.object));
            return;
        };
        expected.log_sha256 = None;
        if let Some(figures) = &mut said.figures {
            figures.usec = None;
        }
        if said != expected {
            wrong.push(format!(
                "{} {program}:\n  kernel  {expected:?}\n  verdict {said:?}",
                said.object
            ));
        }
        let file = format!("{}__{program}.log", said.object);
        let expected = fs::read_to_string(root().join("golden").join(recording).join("logs").join(file));
        if let (Some(log), Ok(expected)) = (log, expected) {
            wrong.extend(first_difference(&said.object, program, &expected, &log));
        }
        if gaps.contains(&key) {
            match wrong.len() > before {
                true => wrong.truncate(before),
                false => wrong.push(format!("{key:?}: known to differ, but equal now")),
            }
        }
    });
    wrong.extend(
        golden
            .keys()
            .map(|key| format!("{key:?}: not found in the corpus")),
    );
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Programs whose log shows what no profile knows: the offset of a variable in the kernel's per-CPU area, and
/// where the kernel was loaded.
const LOG_IS_OF_ONE_BUILD: [(&str, &str); 2] = [("externs.bpf.o", "per_cpu"), ("externs.bpf.o", "symbols")];

fn first_difference(object: &str, program: &str, expected: &str, log: &str) -> Option<String> {
    if LOG_IS_OF_ONE_BUILD.contains(&(object, program)) {
        return None;
    }
    let mut kernels = expected.lines();
    let mut ours = log.lines();
    for number in 1.. {
        let (kernel, ours) = (kernels.next(), ours.next());
        if kernel != ours {
            return Some(format!(
                "{object} {program}: log, line {number}\n  kernel  {kernel:?}\n  verdict {ours:?}"
            ));
        }
        kernel?;
    }
    None
}

/// A known kernel, with switches set.
fn known(name: &str, switches: &[&str]) -> KernelChoice {
    KernelChoice {
        name: Some(name.to_owned()),
        switches: switches.iter().map(|s| (*s).to_owned()).collect(),
        ..KernelChoice::default()
    }
}

/// Each known kernel against its own recording.
#[test]
fn known_kernels() {
    std::thread::scope(|threads| {
        for kernel in KNOWN {
            threads.spawn(|| assert_equal(&known(kernel.name, &[]), kernel.name));
        }
    });
}

/// Each profile that is being made against what its kernel said, as far as that was recorded.
#[test]
fn drafts() {
    let drafts = fs::read_dir(root().join("crates/kernel/drafts"));
    for entry in drafts.into_iter().flatten() {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        if !root().join("golden").join(&name).join("corpus.jsonl").exists() {
            continue;
        }
        let draft = KernelChoice {
            dir: Some(dir),
            ..KernelChoice::default()
        };
        assert_equal(&draft, &name);
    }
}

/// Two kernels that differ in one rule alone, and the switch that is this rule.
#[test]
fn zero_spill_stack_zero() {
    assert_equal(
        &known("6.12.117", &["zero-spill=stack-zero"]),
        "6.12.117-ab-before",
    );
}

#[test]
fn zero_spill_imprecise_scalar() {
    assert_equal(
        &known("6.12.117", &["zero-spill=imprecise-scalar"]),
        "6.12.117-ab-after",
    );
}
