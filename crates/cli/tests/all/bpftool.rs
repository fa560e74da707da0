//! `verdict run`: bpftool says on a played kernel what it says on the real one, and ends in the same way.
//!
//! `golden/RELEASE/bpftool.txt.zst` is what `golden/bpftool/record.sh` printed there as root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::scratch::Dir;
use crate::common::{played, recorded, root, search_path};

/// The objects of the corpus that are loaded, beside those in the script's own directory.
const OBJECTS: &[&str] = &[
    "packet_access",
    "externs",
    "fallbacks",
    "kfunc",
    "links",
    "rules_map",
    "helper_writes",
    "object_spill",
    "attach/targets",
];

/// A directory with the script and all objects.
fn place() -> Dir {
    let place = Dir::new("bpftool");
    let mut files: Vec<PathBuf> = OBJECTS
        .iter()
        .map(|object| root().join(format!("corpus/{object}.bpf.o")))
        .collect();
    let own = fs::read_dir(root().join("golden/bpftool")).unwrap();
    files.extend(own.map(|entry| entry.unwrap().path()));
    for file in files {
        fs::copy(&file, place.0.join(file.file_name().unwrap())).unwrap();
    }
    place
}

/// What the installed tool says of its version.
fn version() -> Option<String> {
    let mut bpftool = Command::new("bpftool");
    let output = bpftool.arg("version").env("PATH", search_path()).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

/// What differs, with the command that said it.
fn differences(recorded: &str, printed: &str) -> String {
    let (mut wrong, mut command) = (String::new(), "");
    for (at, (kernel, verdict)) in recorded.lines().zip(printed.lines()).enumerate() {
        if kernel.starts_with("$ ") {
            command = kernel;
        }
        if kernel != verdict {
            wrong += &format!("line {} ({command}):\n  {kernel}\n  {verdict}\n", at + 1);
            if wrong.len() > 4000 {
                break;
            }
        }
    }
    let lines = (recorded.lines().count(), printed.lines().count());
    if lines.0 != lines.1 {
        wrong += &format!("{} lines (kernel), {} lines (verdict)\n", lines.0, lines.1);
    }
    wrong
}

/// What the script prints on a played kernel; `None`, which is said, where system calls cannot be answered.
fn printed(release: &str, place: &Path) -> Option<String> {
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
    verdict
        .args(["run", "--kernel", release, "--", "sh", "record.sh"])
        .current_dir(place)
        .env("PATH", search_path());
    let output = played(&mut verdict)?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn bpftool_says_what_it_says_on_real_kernels() {
    let Some(version) = version() else {
        eprintln!("skipped: no bpftool is installed");
        return;
    };
    let place = place();
    let mut compared = 0;
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let directory = entry.unwrap().path();
        let Some(recorded) = recorded(&directory.join("bpftool.txt.zst")) else {
            continue;
        };
        if !recorded.starts_with(&format!("# features\n$ bpftool version\n{version}")) {
            let name = version.lines().next().unwrap_or_default();
            eprintln!("skipped: the recordings are not of this {name}");
            return;
        }
        let release = directory.file_name().unwrap().to_str().unwrap();
        let Some(printed) = printed(release, &place.0) else {
            return;
        };
        let wrong = differences(&recorded, &printed);
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}
