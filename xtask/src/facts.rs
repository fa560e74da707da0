//! What a real kernel says of helpers and contexts, in the two files that the tests of the tables read.

use std::fmt::{Display, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Done, root};

/// Whose answers, and where they are.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kernel's release as its directory in `golden/` has it, such as 6.12.117-deb12-amd64
    #[arg(long, value_name = "RELEASE")]
    kernel: String,
    /// Compare with the files that are there instead of writing them
    #[arg(long)]
    check: bool,
    /// What the kernel answered: JSON lines of the oracle's `probe`
    #[arg(value_name = "FILE")]
    probe: PathBuf,
}

/// A line of the probe.
#[derive(Deserialize)]
#[serde(tag = "probe", rename_all = "lowercase")]
enum Answer {
    /// Whether a kind of program loads, and may return 0 and 1.
    Type {
        prog: String,
        loads: bool,
        #[serde(default)]
        ret0: bool,
        #[serde(default)]
        ret1: bool,
    },
    /// Whether it may call a helper.
    Helper { prog: String, id: u64, allowed: bool },
    /// An access of its context that was accepted, and for a read the register that the log then showed.
    Ctx {
        prog: String,
        op: String,
        off: u64,
        size: u64,
        #[serde(default)]
        reg: String,
    },
}

/// What was answered for one kind of program.
struct Kind {
    name: String,
    loads: bool,
    /// Which of 0 and 1 it may return.
    returns: Vec<u64>,
    helpers: Vec<u64>,
    /// Accesses by what begins their line, in the order in which these were first seen, and their offsets.
    accesses: Vec<(String, Vec<u64>)>,
}

/// Writes, or compares, the two files.
pub(crate) fn run(args: &Args) -> Done {
    let text = fs::read_to_string(&args.probe).map_err(|e| format!("{}: {e}", args.probe.display()))?;
    let kinds = read(&text).map_err(|e| format!("{}:{e}", args.probe.display()))?;
    let dir = Path::new("golden").join(&args.kernel);
    let mut well = true;
    for (name, made) in [
        ("helpers.txt", helpers(&args.kernel, &kinds)),
        ("contexts.txt", contexts(&args.kernel, &kinds)),
    ] {
        well &= deliver(&dir.join(name), &made, args.check)?;
    }
    Ok(well)
}

fn deliver(path: &Path, made: &str, check: bool) -> Done {
    let (shown, path) = (path.display(), root().join(path));
    if !check {
        fs::write(&path, made).map_err(|e| format!("{shown}: {e}"))?;
        return Ok(true);
    }
    let there = fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
    if there == made {
        println!("{shown}: as the kernel answered");
        return Ok(true);
    }
    let mut lines = there.lines().zip(made.lines());
    let differs = lines.position(|(a, b)| a != b);
    let at = differs.unwrap_or_else(|| there.lines().count().min(made.lines().count()));
    println!("{shown}:{}: not as the kernel answered", at + 1);
    Ok(false)
}

/// The answers by kind of program; kinds in their order, each introduced by its [`Answer::Type`].
fn read(text: &str) -> Result<Vec<Kind>, String> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let answer = serde_json::from_str(line).map_err(|e| format!("{number}: {e}"))?;
        let of = |kinds: &mut Vec<Kind>, prog: &str| {
            let at = kinds.iter().position(|kind| kind.name == prog);
            at.ok_or_else(|| format!("{number}: {prog} has not been introduced"))
        };
        match answer {
            Answer::Type {
                prog,
                loads,
                ret0,
                ret1,
            } => kinds.push(Kind {
                name: prog,
                loads,
                returns: (0..).zip([ret0, ret1]).filter(|r| r.1).map(|r| r.0).collect(),
                helpers: Vec::new(),
                accesses: Vec::new(),
            }),
            Answer::Helper { prog, id, allowed } => {
                let at = of(&mut kinds, &prog)?;
                if allowed {
                    kinds[at].helpers.push(id);
                }
            }
            Answer::Ctx {
                prog,
                op,
                off,
                size,
                reg,
            } => {
                let at = of(&mut kinds, &prog)?;
                // Only the register's type: what it may hold follows from the size.
                let reg = reg.split('(').next().unwrap_or_default();
                kinds[at].add_access(format!("{op} {size} {reg}").trim_end(), off);
            }
        }
    }
    Ok(kinds)
}

impl Kind {
    fn add_access(&mut self, head: &str, offset: u64) {
        match self.accesses.iter_mut().find(|(other, _)| other == head) {
            Some((_, offsets)) => offsets.push(offset),
            None => self.accesses.push((head.to_owned(), vec![offset])),
        }
    }
}

/// `helpers.txt`.
fn helpers(release: &str, kinds: &[Kind]) -> String {
    let mut out = format!(
        "# Which helpers each kind of program may call: what {release} answered, asked one call at a time.\n\
         # A kind that the kernel does not load at all has \"-\".\n"
    );
    for kind in kinds {
        let ids = if kind.loads {
            ids(&kind.helpers)
        } else {
            "-".into()
        };
        let _ = writeln!(out, "{}: {ids}", kind.name);
    }
    out
}

/// `contexts.txt`.
fn contexts(release: &str, kinds: &[Kind]) -> String {
    let mut out = format!(
        "# What Linux {} answered when it was asked, for each kind of program, every read and\n\
         # write of its context at the offsets 0 to 639 in 1, 2, 4 and 8 bytes, and whether it may return 0 and 1.\n\
         # A line \"r SIZE REGISTER: OFFSETS\" lists the reads that were accepted and the register that the log then\n\
         # showed; \"w SIZE: OFFSETS\" the writes. Offsets are single or FIRST-LAST/STEP. What is not listed was refused.\n",
        described(release)
    );
    for kind in kinds {
        if !kind.loads {
            let _ = writeln!(out, "\n{} does not load", kind.name);
            continue;
        }
        let returns: String = kind.returns.iter().map(|r| format!(" {r}")).collect();
        let _ = writeln!(out, "\n{} returns{returns}", kind.name);
        for (head, offsets) in &kind.accesses {
            let _ = writeln!(out, "{head}: {}", progressions(offsets));
        }
    }
    out
}

/// `6.12.117 (Debian, amd64)` of `6.12.117-deb12-amd64`.
fn described(release: &str) -> String {
    let mut parts = release.splitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(version), Some(built), Some(machine)) => {
            let by = if built.starts_with("deb") { "Debian" } else { built };
            format!("{version} ({by}, {machine})")
        }
        _ => release.to_owned(),
    }
}

/// Numbers, those that follow each other as `FIRST-LAST`.
fn ids(ids: &[u64]) -> String {
    let runs = ids.chunk_by(|a, b| a + 1 == *b);
    joined(runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        _ => joined(run),
    }))
}

/// Numbers, three or more at one distance as `FIRST-LAST/STEP`, as many as there are from the left.
fn progressions(mut offsets: &[u64]) -> String {
    let mut out = Vec::new();
    while let [first, rest @ ..] = offsets {
        let step = rest.first().map_or(0, |second| second.wrapping_sub(*first));
        let far = offsets.windows(2).take_while(|w| w[1].wrapping_sub(w[0]) == step);
        let more = far.count();
        if more >= 2 {
            out.push(format!("{first}-{}/{step}", offsets[more]));
            offsets = &offsets[more + 1..];
        } else {
            out.push(first.to_string());
            offsets = rest;
        }
    }
    out.join(" ")
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_ranges() {
        assert_eq!(ids(&[1, 2, 3, 5, 7, 8]), "1-3 5 7-8");
        assert_eq!(ids(&[]), "");
    }

    #[test]
    fn offsets_at_one_distance_are_progressions() {
        assert_eq!(progressions(&[0, 8, 16, 40, 41]), "0-16/8 40 41");
        assert_eq!(progressions(&[48, 49, 52, 53, 54, 76]), "48 49 52-54/1 76");
        assert_eq!(progressions(&[44, 48, 52, 54, 56, 58]), "44-52/4 54-58/2");
        assert_eq!(progressions(&[4]), "4");
    }

    #[test]
    fn answers_become_two_files() {
        let probe = [
            r#"{"probe":"type","prog":"xdp","loads":true,"ret0":true,"ret1":false}"#,
            r#"{"probe":"helper","prog":"xdp","id":3,"allowed":true}"#,
            r#"{"probe":"ctx","prog":"xdp","op":"r","off":0,"size":4,"reg":"pkt(r=0)"}"#,
            r#"{"probe":"ctx","prog":"xdp","op":"w","off":8,"size":4}"#,
            r#"{"probe":"type","prog":"lirc_mode2","loads":false,"why":""}"#,
        ];
        let kinds = read(&probe.join("\n")).unwrap();
        let body = |text: String| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(body(helpers("k", &kinds)), ["xdp: 3", "lirc_mode2: -"]);
        assert_eq!(
            body(contexts("k", &kinds)),
            [
                "",
                "xdp returns 0",
                "r 4 pkt: 0",
                "w 4: 8",
                "",
                "lirc_mode2 does not load"
            ]
        );
        assert!(read(probe[1]).is_err());
    }
}
