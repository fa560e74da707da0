//! What the tests of the command line share: the program, run at the workspace's root.

#![allow(dead_code, reason = "no test needs all of it")]

pub(crate) mod browser;
pub(crate) mod picture;
pub(crate) mod schema;
pub(crate) mod scratch;
pub(crate) mod script;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The program with these arguments.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verdict"));
    command
        .args(arguments)
        .current_dir(root())
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// What comes of running it.
pub(crate) fn verdict(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Exit code, standard output and standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = verdict(arguments);
    (output.status.code(), stdout(&output), stderr(&output))
}

/// A recording that is packed by zstd; `None` where there is none.
pub(crate) fn recorded(path: &Path) -> Option<String> {
    let mut text = String::new();
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(File::open(path).ok()?).unwrap();
    decoder.read_to_string(&mut text).unwrap();
    Some(text)
}

/// Where programs for administrators are, too: an ordinary user's shell does not look there.
pub(crate) fn search_path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// The version of an installed package of Debian's.
pub(crate) fn installed(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    let output = query.args(["-W", "-f", "${Version}", package]).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Runs `verdict run`; `None`, which is said, where system calls cannot be answered.
pub(crate) fn played(verdict_run: &mut Command) -> Option<Output> {
    let output = verdict_run.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let lacks = ["user notification is not available here", "refuses bpf(2)"];
    if lacks.iter().any(|words| said.contains(words)) {
        eprintln!("skipped: {}", said.lines().next().unwrap_or_default());
        return None;
    }
    Some(output)
}
