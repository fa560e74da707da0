//! `verdict run`: the kernel's own `test_verifier` passes, fails and skips on a played kernel as on the real one.
//!
//! `golden/RELEASE/verifier.txt.zst` is what it printed there as root, built by `golden/verifier/build.sh`; each test with its
//! end and, of those that fail, the verifier's log.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{installed, played, root, script};

/// Where Debian has the source.
const SOURCE: &str = "/usr/src/linux-source-6.12.tar.xz";

/// The version of its package whose tests were recorded begins so.
const VERSION: &str = "6.12.117-";

/// Tests that look at what the kernel makes of the program's instructions, which is not modelled.
const OF_REWRITTEN: [&str; 4] = ["106/p", "109/p", "110/p", "111/p"];

/// How many tests there are, those without capabilities and the summary among them.
const TESTS: usize = 791;

/// The program: `TEST_VERIFIER`, or built once where its source is installed.
fn program() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("TEST_VERIFIER") {
        return Some(given.into());
    }
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("test_verifier");
    if built.exists() {
        return Some(built);
    }
    let is_recorded = installed("linux-source-6.12").is_some_and(|version| version.starts_with(VERSION));
    if !is_recorded || !Path::new(SOURCE).exists() {
        eprintln!("skipped: there is neither TEST_VERIFIER nor {SOURCE} of {VERSION}");
        return None;
    }
    let unfinished = built.with_extension(std::process::id().to_string());
    let mut build = Command::new("sh");
    build
        .arg(root().join("golden/verifier/build.sh"))
        .arg(SOURCE)
        .arg(&unfinished);
    let output = build.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("skipped: test_verifier cannot be built here: {said}");
        return None;
    }
    fs::rename(unfinished, &built).unwrap();
    Some(built)
}

/// What was printed of each test, by number and way (`12/p`), without times and addresses.
fn tests(text: &str) -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    let mut at = String::new();
    for line in text.lines() {
        let head = line.strip_prefix('#').and_then(|rest| rest.split(' ').next());
        if let Some(number) = head.filter(|number| number.ends_with("/u") || number.ends_with("/p")) {
            number.clone_into(&mut at);
        }
        if line.starts_with("Summary: ") {
            "summary".clone_into(&mut at);
        }
        let line = match line.split_once("= 0xff") {
            Some((before, address)) => format!("{before}= ADDRESS{}", address.get(14..).unwrap_or_default()),
            None if line.starts_with("verification time ") => "verification time".to_owned(),
            None => line.to_owned(),
        };
        let test: &mut String = tests.entry(at.clone()).or_default();
        *test += &line;
        *test += "\n";
    }
    tests
}

#[test]
fn the_kernels_own_tests_end_as_on_real_kernels() {
    let Some(program) = program() else { return };
    let mut compared = BTreeMap::new();
    for (release, recorded) in script::recordings("verifier") {
        let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
        verdict.args(["run", "--kernel", &release, "--"]).arg(&program);
        let Some(output) = played(&mut verdict) else {
            return;
        };
        assert_eq!(output.status.code(), Some(1), "{release}");
        let recorded = tests(&recorded);
        let printed = tests(&String::from_utf8_lossy(&output.stdout));
        assert_eq!((recorded.len(), printed.len()), (TESTS, TESTS), "{release}");
        let differ: Vec<&String> = recorded
            .iter()
            .filter(|(name, test)| *name != "summary" && printed.get(*name) != Some(test))
            .map(|(name, _)| name)
            .collect();
        let accepted = |name: &&str| recorded[*name].ends_with(" OK\n");
        let rewritten: Vec<_> = OF_REWRITTEN.into_iter().filter(accepted).collect();
        let first = differ.iter().find(|name| !rewritten.contains(&name.as_str()));
        let both = first.map(|name| (&recorded[*name], printed.get(*name)));
        assert_eq!(differ, rewritten, "{release}: {both:#?}");
        compared.insert(release, recorded["summary"].clone());
    }
    let expected = [
        ("5.10.262-deb11-amd64", "385 PASSED, 264 SKIPPED, 141 FAILED"),
        ("6.1.192-deb12-amd64", "493 PASSED, 264 SKIPPED, 33 FAILED"),
        ("6.12.117-deb12-amd64", "513 PASSED, 264 SKIPPED, 13 FAILED"),
        ("6.18.15-deb13-amd64", "512 PASSED, 264 SKIPPED, 14 FAILED"),
    ];
    let expected = expected.map(|(release, ends)| (release.to_owned(), format!("Summary: {ends}\n")));
    assert_eq!(compared, BTreeMap::from(expected));
}
