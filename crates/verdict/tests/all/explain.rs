//! The rule that is found by what a real kernel wrote, against the rule that verdict names for the same program.

use std::fs;
use std::path::{Path, PathBuf};

use verdict::kernel::KNOWN;
use verdict::kernel::rule::{Rule, explain};
use verdict::{KernelChoice, Options, Verifier};
use verdict_report::{Record, Verdict};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a kernel wrote about its refusals of the corpus' programs: whole logs, or what libbpf says.
fn refusals(kernel: &str) -> Vec<(Record, Vec<u8>)> {
    let golden = root().join("golden").join(kernel);
    let text = fs::read_to_string(golden.join("corpus.jsonl")).unwrap_or_default();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap());
    let refused = records.filter(|record| record.verdict == Verdict::Failure);
    refused
        .map(|record| {
            let program = record.program.as_deref().unwrap_or_default();
            let log = golden.join(format!("logs/{}__{program}.log", record.object));
            let text = record.libbpf.clone().unwrap_or_default().into_bytes();
            let log = fs::read(log).ok().filter(|_| text.is_empty()).unwrap_or(text);
            (record, log)
        })
        .collect()
}

fn rule_of(verifier: &Verifier, record: &Record) -> Option<Rule> {
    let bytes = fs::read(root().join("corpus").join(&record.object)).unwrap();
    let object = match verifier.open(&record.object, &bytes) {
        Ok(object) => object,
        Err(error) => return Some(error.rule),
    };
    let program = object.program(record.program.as_deref()?)?;
    Some(program.check().refusal?.rule)
}

#[test]
fn logs_lead_to_the_rule() {
    for known in KNOWN {
        let choice = KernelChoice {
            name: Some(known.name.to_owned()),
            ..KernelChoice::default()
        };
        let verifier = Verifier::new(choice.open().unwrap(), Options::default());
        let (mut all, mut silent, mut wrong) = (0_usize, 0_usize, Vec::new());
        for (record, log) in refusals(known.name) {
            let Some(rule) = rule_of(&verifier, &record) else {
                continue; // verdict is held to its verdicts elsewhere
            };
            let Some(found) = explain::log(log.as_slice()).pop() else {
                silent += 1; // some refusals have no words
                continue;
            };
            all += 1;
            let found = found.rule;
            if found != Some(rule) {
                wrong.push(format!(
                    "{} {:?}: {found:?}, not {rule:?}",
                    record.object, record.program
                ));
            }
        }
        let told = format!("{}: {} of {all} wrong, {silent} silent", known.name, wrong.len());
        let most = wrong.len() * 50 <= all && silent * 10 <= all;
        assert!(all > 150 && most, "{told}\n{}", wrong.join("\n"));
    }
}
