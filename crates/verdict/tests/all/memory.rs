//! Loading under a limit to locked memory, as a kernel and libbpf answered that could not raise it.

use std::path::Path;

use verdict::{KernelChoice, Options, Verifier};
use verdict_report::{Record, Verdict};

/// A line of the recording: a limit in KiB, and what was said.
struct Line {
    memlock: u64,
    record: Record,
}

fn line(text: &str) -> Line {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    Line {
        memlock: value["memlock"].as_u64().unwrap(),
        record: serde_json::from_value(value).unwrap(),
    }
}

/// What libbpf says; that it could not raise the limit it says once in a process.
fn words(record: &Record) -> Vec<&str> {
    let lines = record.libbpf.as_deref().unwrap_or_default().lines();
    lines.filter(|line| !line.contains("Failed to bump")).collect()
}

fn verifier(kernel: &str, memlock: Option<u64>) -> Verifier {
    let choice = KernelChoice {
        name: Some(kernel.to_owned()),
        memlock,
        ..KernelChoice::default()
    };
    Verifier::new(choice.open().unwrap(), Options::default())
}

/// The answers about an object's programs.
fn check(verifier: &Verifier, object: &str) -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpus")
        .join(object);
    let object = verifier.open(object, &std::fs::read(path).unwrap()).unwrap();
    object.programs().map(|program| program.check().record).collect()
}

#[test]
fn programs_are_loaded_under_a_limit_as_the_kernel_loads_them() {
    let text = include_str!("../../../../golden/5.10.262-deb11-amd64/memlock.jsonl");
    let lines: Vec<Line> = text.lines().map(line).collect();
    let (mut refused, mut open) = (0, 0);
    for case in lines.chunk_by(|a, b| (a.memlock, &a.record.object) == (b.memlock, &b.record.object)) {
        let limit = case[0].memlock;
        let said = check(&verifier("5.10", Some(limit << 10)), &case[0].record.object);
        for line in case {
            let kernel = &line.record;
            let ours = said.iter().find(|said| said.program == kernel.program).unwrap();
            if ours.verdict == Verdict::Unsupported {
                // Only where it is close.
                assert!(
                    limit == 64 && kernel.verdict == Verdict::Success,
                    "{kernel:?} {ours:?}"
                );
                open += 1;
                continue;
            }
            let figures = |record: &Record| (record.verdict, record.stage, record.errno);
            assert_eq!(figures(ours), figures(kernel), "{limit}K: {kernel:?} {ours:?}");
            assert_eq!(words(ours), words(kernel), "{limit}K: {kernel:?}");
            refused += usize::from(words(ours).iter().any(|line| line.contains("ulimit -l")));
        }
    }
    assert!(
        refused >= 2 && open * 4 < lines.len(),
        "{refused} {open} {}",
        lines.len()
    );
}

#[test]
fn a_small_limit_leaves_it_open() {
    for record in check(&verifier("5.10", Some(4096)), "map_value.bpf.o") {
        let what = record.unsupported.unwrap();
        assert!(what.starts_with("a memory-lock limit below 64 KiB"), "{what}");
    }
}

#[test]
fn newer_kernels_have_no_such_limit() {
    for limit in [0, 4096] {
        let free = check(&verifier("6.1", None), "map_value.bpf.o");
        let limited = check(&verifier("6.1", Some(limit)), "map_value.bpf.o");
        let verdicts = |records: &[Record]| records.iter().map(|r| (r.verdict, r.errno)).collect::<Vec<_>>();
        assert_eq!(verdicts(&limited), verdicts(&free));
    }
}
