//! `verdict run`: one-liners of bpftrace load and attach on a played kernel, or fail there, as on the real one, and bpftrace lists
//! what it lists there.
//!
//! `golden/RELEASE/bpftrace.txt.zst` is what `golden/bpftrace/record.sh` printed there as root.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::common::scratch::Dir;
use crate::common::{installed, played, recorded, root, search_path};

/// The package that was recorded.
const VERSION: &str = "0.17.0-1";

/// How many command lines there are, and on how many kernels they were recorded.
const COMMANDS: usize = 41;
const KERNELS: usize = 3;

/// What a played kernel says otherwise: it runs no program (`PROG_TEST_RUN`), and does not look at what is written to
/// `kprobe_events`, which 6.1 refuses by another errno when there is no such function.
const OTHERWISE: &[(&str, &str)] = &[
    ("2>   raw_tp_special: yes", "2>   raw_tp_special: no"),
    (
        "2> cannot attach kprobe, probe entry may not exist",
        "2> cannot attach kprobe, Invalid argument",
    ),
];

/// What was printed by each command line.
fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with("$ ") {
            commands.push(String::new());
        }
        let otherwise = OTHERWISE.iter().find(|(kernel, _)| *kernel == line);
        if let Some(command) = commands.last_mut() {
            *command += otherwise.map_or(line, |(_, played)| played);
            *command += "\n";
        }
    }
    commands
}

/// What it prints on a played kernel.
fn printed(release: &str, place: &Path) -> Option<String> {
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
    verdict
        .args(["run", "--kernel", release, "--", "sh", "record.sh"])
        .current_dir(place)
        .env("PATH", search_path());
    let output = played(&mut verdict)?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines that only one of two outputs has.
fn difference(kernel: &str, verdict: &str) -> String {
    let only = |of: &str, other: &str| -> Vec<String> {
        let others: Vec<&str> = other.lines().collect();
        let lines = of.lines().filter(|line| !others.contains(line));
        lines.take(20).map(ToOwned::to_owned).collect()
    };
    let command = kernel.lines().next().unwrap_or_default();
    let (kernel, verdict) = (only(kernel, verdict), only(verdict, kernel));
    format!("{command}\n  kernel: {kernel:#?}\n  verdict: {verdict:#?}\n")
}

#[test]
fn bpftrace_comes_to_what_it_comes_to_on_real_kernels() {
    let version = installed("bpftrace");
    if version.as_deref() != Some(VERSION) {
        eprintln!("skipped: bpftrace {VERSION} is not installed ({version:?})");
        return;
    }
    let place = Dir::new("bpftrace");
    for name in ["record.sh", "commands"] {
        fs::copy(root().join("golden/bpftrace").join(name), place.0.join(name)).unwrap();
    }
    let entries = fs::read_dir(root().join("golden")).unwrap();
    let all: Vec<_> = entries
        .filter_map(|entry| {
            let directory = entry.unwrap().path();
            let recorded = recorded(&directory.join("bpftrace.txt.zst"))?;
            Some((directory.file_name()?.to_str()?.to_owned(), recorded))
        })
        .collect();
    // They wait most of the time.
    let printed: Option<Vec<String>> = thread::scope(|scope| {
        let place = &place.0;
        let start = |release| scope.spawn(move || printed(release, place));
        let started: Vec<_> = all.iter().map(|(release, _)| start(release.as_str())).collect();
        started
            .into_iter()
            .map(|started| started.join().unwrap())
            .collect()
    });
    let Some(printed) = printed else { return };
    for ((release, recorded), printed) in all.iter().zip(&printed) {
        let (recorded, printed) = (commands(recorded), commands(printed));
        assert_eq!((recorded.len(), printed.len()), (COMMANDS, COMMANDS), "{release}");
        let pairs = recorded.iter().zip(&printed);
        let wrong: String = pairs
            .filter(|(recorded, printed)| recorded != printed)
            .map(|(recorded, printed)| difference(recorded, printed))
            .collect();
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
    }
    assert_eq!(all.len(), KERNELS);
}
