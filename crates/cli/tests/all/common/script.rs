//! Scripts whose output was recorded on real kernels, `golden/NAME/record.sh`, and what they print on played ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scratch::Dir;
use super::{installed, played, recorded, root, search_path};

/// A recording of each kernel that has one, `golden/RELEASE/NAME.txt.zst`, by the kernel's name.
pub(crate) fn recordings(name: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("golden")).unwrap();
    let found = entries.filter_map(|entry| {
        let directory = entry.unwrap().path();
        let text = recorded(&directory.join(format!("{name}.txt.zst")))?;
        Some((directory.file_name()?.to_str()?.to_owned(), text))
    });
    found.collect()
}

/// Whether this version of Debian's package is installed; if not, that is said.
pub(crate) fn has_package(package: &str, version: &str) -> bool {
    let there = installed(package);
    let is_it = there.as_deref() == Some(version);
    if !is_it {
        eprintln!("skipped: {package} {version} is not installed ({there:?})");
    }
    is_it
}

/// A directory with copies of these files.
pub(crate) fn place(name: &str, files: impl IntoIterator<Item = PathBuf>) -> Dir {
    let place = Dir::new(name);
    for file in files {
        fs::copy(&file, place.0.join(file.file_name().unwrap())).unwrap();
    }
    place
}

/// What `record.sh` in a directory prints on a played kernel; `None`, which is said, where system calls cannot be answered.
pub(crate) fn printed(release: &str, place: &Path, environment: &[(&str, &str)]) -> Option<String> {
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
    verdict
        .args(["run", "--kernel", release, "--", "sh", "record.sh"])
        .current_dir(place)
        .env("PATH", search_path())
        .envs(environment.iter().copied());
    let output = played(&mut verdict)?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The same on all of these kernels at once, for scripts that wait most of the time.
pub(crate) fn printed_on_all(
    releases: &[(String, String)],
    place: &Path,
    environment: &[(&str, &str)],
) -> Option<Vec<String>> {
    std::thread::scope(|scope| {
        let start = |release| scope.spawn(move || printed(release, place, environment));
        let started: Vec<_> = releases
            .iter()
            .map(|(release, _)| start(release.as_str()))
            .collect();
        started
            .into_iter()
            .map(|started| started.join().unwrap())
            .collect()
    })
}

/// What was printed by each command, each line changed by `line`: a command begins with a line `$ …`.
pub(crate) fn by_command(text: &str, line: impl Fn(&str) -> String) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for said in text.lines() {
        if said.starts_with("$ ") {
            commands.push(String::new());
        }
        if let Some(command) = commands.last_mut() {
            *command += &line(said);
            *command += "\n";
        }
    }
    commands
}

/// What differs between two outputs, with the command that said it; nothing if they are the same.
pub(crate) fn differences(recorded: &str, printed: &str) -> String {
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
