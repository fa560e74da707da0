//! `verdict run`: the tools of libbpf-tools load and attach on a played kernel, or fail there, as on the real one.
//!
//! `golden/RELEASE/libbpf-tools.txt.zst` is what `golden/libbpf-tools/record.sh` printed there as root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::common::scratch::Dir;
use crate::common::{installed, played, recorded, root, search_path};

/// The package whose tools were recorded.
const VERSION: &str = "0.26.0+ds-1";

/// How many commands there are, and on how many kernels they were recorded.
const COMMANDS: usize = 57;
const KERNELS: usize = 3;

/// What was printed by each command, without addresses and the time of the day.
fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with("$ ") {
            commands.push(String::new());
        }
        let line = match (line.split_once("= 0xff"), line.split_once(" loadavg")) {
            (Some((before, rest)), _) => format!("{before}= ADDRESS{}", rest.get(14..).unwrap_or_default()),
            (_, Some(_)) => "loadavg".to_owned(),
            _ => line.to_owned(),
        };
        if let Some(command) = commands.last_mut() {
            *command += &line;
            *command += "\n";
        }
    }
    commands
}

/// What they print on a played kernel.
fn printed(release: &str, place: &Path) -> Option<String> {
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
    verdict
        .args(["run", "--kernel", release, "--", "sh", "record.sh"])
        .current_dir(place)
        // However long the machine takes.
        .env("ROUNDS", "400")
        .env("PATH", search_path());
    let output = played(&mut verdict)?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn libbpf_tools_come_to_what_they_come_to_on_real_kernels() {
    let version = installed("libbpf-tools");
    if version.as_deref() != Some(VERSION) {
        eprintln!("skipped: libbpf-tools {VERSION} is not installed ({version:?})");
        return;
    }
    let place = Dir::new("libbpf-tools");
    for name in ["record.sh", "tools"] {
        fs::copy(root().join("golden/libbpf-tools").join(name), place.0.join(name)).unwrap();
    }
    let directories: Vec<PathBuf> = fs::read_dir(root().join("golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // They wait most of the time.
    let pairs = thread::scope(|scope| {
        let place = &place.0;
        let started = directories.iter().filter_map(|directory| {
            let recorded = recorded(&directory.join("libbpf-tools.txt.zst"))?;
            let release = directory.file_name()?.to_str()?;
            Some((release, recorded, scope.spawn(move || printed(release, place))))
        });
        let started: Vec<_> = started.collect();
        let ended = started
            .into_iter()
            .map(|(release, recorded, ran)| Some((release, recorded, ran.join().unwrap()?)));
        ended.collect::<Option<Vec<_>>>()
    });
    let Some(pairs) = pairs else { return };
    for (release, recorded, printed) in &pairs {
        let (recorded, printed) = (commands(recorded), commands(printed));
        assert_eq!((recorded.len(), printed.len()), (COMMANDS, COMMANDS), "{release}");
        let pairs = recorded.iter().zip(&printed);
        let wrong: Vec<_> = pairs.filter(|(recorded, printed)| recorded != printed).collect();
        assert!(wrong.is_empty(), "{release}: {wrong:#?}");
    }
    assert_eq!(pairs.len(), KERNELS);
}
