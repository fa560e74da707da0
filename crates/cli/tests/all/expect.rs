//! `verdict test` as a user meets it.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::common::{root, stdout};

fn verdict(arguments: &[&str]) -> Output {
    crate::common::verdict(&[&["test"], arguments].concat())
}

#[test]
fn met_expectations_are_counted() {
    let output = verdict(&["corpus/tests/parser.bpf.o"]);
    assert_eq!(
        stdout(&output),
        "\
running 5 tests
test parser.bpf.o checked ... ok
test parser.bpf.o unchecked ... ok
test parser.bpf.o masked ... ok
test parser.bpf.o shallow ... ok
test parser.bpf.o misaligned ... ok

test result: ok. 5 passed; 0 failed; 0 known to fail; 0 skipped; 0 unsupported; 0 filtered out
expectations: 13 met; 0 unmet; 0 not reached; 0 skipped
"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn unmet_expectations_show_the_nearest_lines() {
    let output = verdict(&["-q", "corpus/tests/unmet.bpf.o"]);
    let expected = fs::read_to_string(root().join("corpus/tests/unmet.expected")).unwrap();
    assert_eq!(stdout(&output), expected);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_cannot_be_checked_is_never_passed() {
    let text = stdout(&verdict(&["-f", "in_part", "-f", "elsewhere", "corpus/tests"]));
    assert!(
        text.contains("test unmet.bpf.o in_part ... ok, 2 skipped\n"),
        "{text}"
    );
    assert!(
        text.contains("test unmet.bpf.o elsewhere ... skipped (arch)\n"),
        "{text}"
    );
    assert!(
        text.contains("1 passed; 0 failed; 0 known to fail; 1 skipped; 0 unsupported; 12 filtered out"),
        "{text}"
    );
    let counts = "1 met; 0 unmet; 0 not reached; 4 skipped (1 retval, 1 jited, 1 unprivileged, 1 arch)\n";
    assert!(text.ends_with(counts), "{text}");
}

#[test]
fn filters_look_at_descriptions_too() {
    let text = stdout(&verdict(&[
        "-v",
        "--filter",
        "whole header",
        "corpus/tests/parser.bpf.o",
    ]));
    assert!(
        text.contains("test parser.bpf.o checked ... ok, 1 met: a whole header may be read\n"),
        "{text}"
    );
    assert!(text.contains("4 filtered out"), "{text}");
}

#[test]
fn junit_names_failures_and_what_was_skipped() {
    let output = verdict(&["-o", "junit", "corpus/tests"]);
    let text = stdout(&output);
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"verdict\" tests=\"14\" failures=\"7\""), "{text}");
    assert!(
        text.contains("<testsuite name=\"parser.bpf.o\" tests=\"5\" failures=\"0\""),
        "{text}"
    );
    assert!(
        text.contains("<failure message=\"expected to be rejected, but the program is accepted\">"),
        "{text}"
    );
    assert!(text.contains("<skipped message=\"arch\"/>"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn known_failures_are_asserted() {
    let list = |name: &str, text: &str| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let run = |list: &str| verdict(&["--known", list, "-f", "is_accepted", "corpus/tests/unmet.bpf.o"]);
    let counts = "expectations: 0 met; 1 unmet; 0 not reached; 0 skipped\n";

    let output = run(&list(
        "right",
        &format!("# a comment\n{counts}unmet.bpf.o is_accepted 0: on purpose\n"),
    ));
    let text = stdout(&output);
    assert!(
        text.contains("test unmet.bpf.o is_accepted ... failed, as known\n"),
        "{text}"
    );
    assert!(
        text.contains("test result: ok. 0 passed; 0 failed; 1 known to fail;"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(0));

    let output = run(&list("other", "unmet.bpf.o is_accepted 1: another one\n"));
    assert!(stdout(&output).contains("expectation 1 is listed as not met, but it is 0\n"));
    assert_eq!(output.status.code(), Some(2));

    let output = verdict(&[
        "--known",
        &list("stale", "parser.bpf.o masked 0: no\n"),
        "corpus/tests/parser.bpf.o",
    ]);
    assert!(stdout(&output).contains("parser.bpf.o masked: listed as failing, but it does not\n"));
    assert_eq!(output.status.code(), Some(2));

    let output = run(&list(
        "counts",
        "expectations: 7 met; 0 unmet; 0 not reached; 0 skipped\n",
    ));
    assert!(stdout(&output).contains("known failures: listed as 'expectations: 7 met;"));
    assert_eq!(run(&list("malformed", "nonsense\n")).status.code(), Some(1));
}

#[test]
fn unusable_input_is_named() {
    let output = verdict(&["no/such.o", "corpus/tests/parser.bpf.o"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("verdict: no/such.o: No such file"));
    assert!(stdout(&output).contains("5 passed"));
}
