//! The examples, run over the corpus: what they print is what real kernels said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use verdict::kernel::KNOWN;

// Each has a `main`, and what it calls.
macro_rules! examples {
    ($($name:ident $file:literal),*) => {
        $(#[allow(dead_code, reason = "its main is not called")]
        #[path = $file]
        mod $name;)*
    };
}

examples!(
    verify "../../examples/verify.rs",
    explain "../../examples/explain.rs",
    observe "../../examples/observe.rs",
    gate_build "../../examples/gate_build.rs",
    harness "../../examples/harness.rs",
    stranger "../../examples/stranger.rs"
);

/// The kernel that is asked where none is named.
const DEFAULT: &str = "6.12.117-deb12-amd64";

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

/// What a real kernel said of the corpus, by object.
fn recorded(kernel: &str) -> BTreeMap<String, Vec<Value>> {
    let path = corpus().join("../golden").join(kernel).join("corpus.jsonl");
    let mut objects: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let object = line["object"].as_str().unwrap().to_owned();
        objects.entry(object).or_default().push(line);
    }
    objects
}

fn text<'v>(line: &'v Value, field: &str) -> &'v str {
    line[field].as_str().unwrap_or_default()
}

fn number(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap_or_default()
}

fn lines(out: Vec<u8>) -> Vec<String> {
    let out = String::from_utf8(out).unwrap();
    out.lines().map(str::to_owned).collect()
}

#[test]
fn verify_says_what_the_kernel_said() {
    let mut programs = 0;
    for (object, recorded) in recorded(DEFAULT) {
        let mut out = Vec::new();
        verify::run(&[corpus().join(&object)], &mut out).unwrap();
        let printed = lines(out);
        assert_eq!(printed.len(), recorded.len(), "{object}");
        for line in recorded {
            let verdict = match text(&line, "verdict") {
                "success" => "accepted",
                _ => "rejected",
            };
            let expected = match line["program"].as_str() {
                Some(program) => format!(
                    "{object} {program}: {verdict}, {} insns, {} states",
                    number(&line, "insns"),
                    number(&line, "states")
                ),
                None => format!("{object}: cannot be opened: "),
            };
            assert!(
                printed.iter().any(|line| line.starts_with(&expected)),
                "{expected}\n{printed:#?}"
            );
            programs += 1;
        }
    }
    assert!(programs > 400, "{programs}");
}

#[test]
fn explain_shows_the_kernels_words() {
    let recorded = recorded(DEFAULT);
    let mut rejected = 0;
    for object in ["packet_access.bpf.o", "references.bpf.o", "bounded_loop.bpf.o"] {
        let mut out = Vec::new();
        explain::run(&corpus().join(object), &mut out).unwrap();
        let printed = lines(out);
        for line in &recorded[object] {
            let program = format!("{}: V", text(line, "program"));
            let at = printed.iter().position(|line| line.starts_with(&program));
            assert_eq!(
                at.is_some(),
                text(line, "verdict") == "failure",
                "{object} {program}"
            );
            let Some(at) = at else { continue };
            // The state at an endless loop is left out.
            let mut words = text(line, "tail").lines().map(|line| format!("  | {line}"));
            assert!(
                words.any(|line| printed[at..].contains(&line)),
                "{object} {program}\n{printed:#?}"
            );
            rejected += 1;
        }
    }
    assert!(rejected > 4, "{rejected}");
    let mut out = Vec::new();
    explain::run(&corpus().join("packet_access.bpf.o"), &mut out).unwrap();
    let printed = lines(out).join("\n");
    assert!(
        printed.contains("  accepted with: compare the pointer that is used"),
        "{printed}"
    );
}

#[test]
fn observe_counts_the_instructions_that_the_kernel_processed() {
    let recorded = recorded(DEFAULT);
    let mut programs = 0;
    for object in ["bounded_loop.bpf.o", "iter_num.bpf.o", "packet_access.bpf.o"] {
        for line in recorded[object]
            .iter()
            .filter(|line| text(line, "verdict") == "success")
        {
            let mut out = Vec::new();
            let program = text(line, "program");
            observe::run(&corpus().join(object), program, &mut out).unwrap();
            let printed = lines(out);
            let insns = number(line, "insns");
            let expected = format!("{object} {program}: {insns} insns walked, ");
            assert!(printed[0].starts_with(&expected), "{expected}\n{printed:#?}");
            assert_eq!(printed.last().unwrap(), "accepted");
            programs += 1;
        }
    }
    assert!(programs > 4, "{programs}");
    assert!(
        observe::run(&corpus().join("iter_num.bpf.o"), "none", &mut Vec::new()).is_err(),
        "there is no such program"
    );
}

#[test]
fn the_gate_opens_at_what_the_kernels_counted() {
    let object = "iter_num.bpf.o";
    let counted = |kernel: &str| {
        let recorded = recorded(kernel);
        let insns = recorded[object].iter().map(|line| number(line, "insns"));
        insns.max().unwrap()
    };
    let most = counted(DEFAULT).max(counted("6.18.15-deb13-amd64"));
    let budget = |insns: u64| format!("[[budget]]\nprograms = \"*\"\nmay-fail = true\ninsns = {insns}\n");
    let path = corpus().join(object);
    assert_eq!(
        gate_build::gate(&path, &budget(most)).unwrap(),
        Vec::<String>::new()
    );
    let wrong = gate_build::gate(&path, &budget(most - 1)).unwrap();
    assert!(!wrong.is_empty());
    for line in wrong {
        assert!(line.contains(&format!("{most} insns, 1 ")), "{line}");
    }
    // Without leave to fail, what a kernel rejects is a breach.
    let strict = "[[budget]]\nprograms = \"*\"\n";
    let path = corpus().join("packet_access.bpf.o");
    let wrong = gate_build::gate(&path, strict).unwrap();
    let recorded = recorded(DEFAULT);
    let rejected = recorded["packet_access.bpf.o"]
        .iter()
        .filter(|line| text(line, "verdict") == "failure")
        .map(|line| format!("{} on {DEFAULT}: rejected", text(line, "program")));
    let ours: Vec<_> = wrong
        .iter()
        .filter(|line| line.contains(DEFAULT))
        .cloned()
        .collect();
    assert_eq!(ours, rejected.collect::<Vec<_>>());
}

#[test]
fn the_harness_runs_what_programs_expect() {
    let dir = corpus().join("tests");
    let mut out = Vec::new();
    let summary = harness::run(&[dir.join("parser.bpf.o")], &mut out).unwrap();
    assert_eq!((summary.failed, summary.unsupported), (0, 0));
    let printed = lines(out);
    let ok = printed.iter().filter(|line| line.ends_with(" ... ok")).count();
    assert!(ok > 0 && ok == summary.passed, "{printed:#?}");
    let mut out = Vec::new();
    let summary = harness::run(&[dir.join("unmet.bpf.o")], &mut out).unwrap();
    let failed = lines(out)
        .iter()
        .filter(|line| line.ends_with(" ... FAILED"))
        .count();
    assert!(failed > 0 && failed == summary.failed);
}

#[test]
fn the_strangers_table_has_what_each_kernel_said() {
    let mut compared = 0;
    let objects = [
        "packet_access.bpf.o",
        "fallbacks.bpf.o",
        "may_goto.bpf.o",
        "references.bpf.o",
    ];
    let tables: Vec<_> = objects
        .iter()
        .map(|object| {
            let mut out = Vec::new();
            stranger::table(&corpus().join(object), &mut out).unwrap();
            lines(out)
        })
        .collect();
    for known in KNOWN {
        let recorded = recorded(known.name);
        for (object, table) in objects.iter().zip(&tables) {
            for line in &recorded[*object] {
                let program = text(line, "program");
                let row = format!("{} {program}: ", known.name);
                let row = table.iter().find_map(|line| line.strip_prefix(&row));
                let says = row.unwrap_or_else(|| panic!("{} {object} {program}", known.name));
                match text(line, "verdict") {
                    "success" => assert_eq!(says, "loads", "{} {object} {program}", known.name),
                    _ => assert!(says.starts_with('V'), "{} {object} {program}: {says}", known.name),
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
}
