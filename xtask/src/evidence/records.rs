//! What was recorded of real kernels and tools, and where it is held.

use std::path::PathBuf;

use super::{grouped, known_kernels, markdown, read};
use crate::root;

/// A kind of recording: what is counted, its files (`*` is a kernel), how a file is counted, and what asserts it.
struct Kind {
    what: &'static str,
    files: &'static str,
    count: fn(&str) -> usize,
    held_by: &'static str,
}

/// Lines that say something.
fn lines(text: &str) -> usize {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count()
}

/// Lines that are indented so far.
fn indented(text: &str, by: usize) -> usize {
    let indent = |line: &&str| line.len() - line.trim_start().len() == by && !line.is_empty();
    text.lines().filter(indent).count()
}

/// Lines of which each is a kind of program and the helpers that it may call: as many answers as there are helpers.
fn helper_answers(text: &str) -> usize {
    let kinds = text
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(':'));
    kinds
        .map(|line| members(line.split_once(':').map_or("", |(_, list)| list)))
        .sum()
}

/// How many numbers a list such as `1-8 12` has.
fn members(list: &str) -> usize {
    let number = |text: &str| text.parse::<usize>().ok();
    let member = |word: &str| match word.split_once('-') {
        Some((first, last)) => Some(number(last)? + 1 - number(first)?),
        None => number(word).map(|_| 1),
    };
    list.split_whitespace().filter_map(member).sum()
}

/// The number that begins the first line: `783 differ, 783 explained`.
fn first_number(text: &str) -> usize {
    let word = text.split_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// One: a file is an answer.
fn one(_: &str) -> usize {
    1
}

const KINDS: [Kind; 15] = [
    Kind {
        what: "programs of the project's corpus: verdict, errno, figures, last words, level-2 log",
        files: "golden/*/corpus.jsonl",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all corpus`",
    },
    Kind {
        what: "programs of a few instructions, a rule of the engine each: the whole level-2 log",
        files: "crates/engine/tests/rules/golden/*/*.log",
        count: one,
        held_by: "`cargo test -p bpf-verdict-engine --test rules`",
    },
    Kind {
        what: "helpers that a kind of program may call",
        files: "golden/*/helpers.txt",
        count: helper_answers,
        held_by: "`cargo test -p bpf-verdict-kernel`",
    },
    Kind {
        what: "lists of accesses to contexts",
        files: "golden/*/contexts.txt",
        count: lines,
        held_by: "`cargo test -p bpf-verdict-kernel`, `cargo test -p bpf-verdict-syscall --test contexts`",
    },
    Kind {
        what: "log buffers: what is written into them, and what the load returns",
        files: "golden/*/buffers.txt",
        count: |text| indented(text, 4),
        held_by: "`cargo test -p bpf-verdict --test all buffers`",
    },
    Kind {
        what: "charges to locked memory",
        files: "golden/*/memlock.txt",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all memory`",
    },
    Kind {
        what: "level-1 logs of the kernel's selftests",
        files: "golden/*/level-1.txt",
        count: |text| indented(text, 2),
        held_by: "`cargo xtask words`",
    },
    Kind {
        what: "objects that libbpf loads whole",
        files: "golden/*/whole.jsonl",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all whole`",
    },
    Kind {
        what: "programs that attach to programs",
        files: "golden/*/attach.jsonl",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all attach`",
    },
    Kind {
        what: "what cilium/ebpf makes of objects, maps, programs and collections",
        files: "golden/*/cilium*.jsonl",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all cilium`",
    },
    Kind {
        what: "what aya makes of the same",
        files: "golden/*/aya.jsonl",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all aya`",
    },
    Kind {
        what: "tools of bcc that were started: which programs they load",
        files: "golden/*/tools.jsonl",
        count: lines,
        held_by: "`cargo test -p bpf-verdict --test all plans`",
    },
    Kind {
        what: "command lines of veristat: what it prints",
        files: "golden/veristat/commands",
        count: lines,
        held_by: "`cargo test -p bpf-verdict-cli --test all veristat`",
    },
    Kind {
        what: "command lines of which veristat makes something wrong, and what is right",
        files: "golden/veristat/deviations",
        count: lines,
        held_by: "`cargo test -p bpf-verdict-cli --test all veristat`",
    },
    Kind {
        what: "selftests that two neighbouring kernels answer differently, all explained by switches, tables or types",
        files: "golden/why-*.txt",
        count: first_number,
        held_by: "`cargo xtask why`",
    },
];

/// A row for each kind.
pub(super) fn table() -> Result<String, String> {
    let heads = [
        "What a real kernel or tool was asked about",
        "Kernels",
        "Answers",
        "Held by",
    ];
    let mut rows = vec![heads.map(ToOwned::to_owned).to_vec()];
    for kind in &KINDS {
        let files = files(kind.files)?;
        if files.is_empty() {
            return Err(format!("{}: there are no such files", kind.files));
        }
        let mut answers = 0;
        for file in &files {
            answers += (kind.count)(&read(file)?);
        }
        let has = |kernel: &&String| {
            files
                .iter()
                .any(|file| file.to_string_lossy().contains(kernel.as_str()))
        };
        let kernels = known_kernels()?.iter().filter(has).count();
        let kernels = if kernels == 0 {
            "".to_owned()
        } else {
            kernels.to_string()
        };
        rows.push(vec![
            kind.what.to_owned(),
            kernels,
            grouped(answers),
            kind.held_by.to_owned(),
        ]);
    }
    Ok(markdown(&rows))
}

fn files(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let pattern = root().join(pattern);
    let paths = glob::glob(&pattern.to_string_lossy()).map_err(|e| e.to_string())?;
    Ok(paths.filter_map(Result::ok).collect())
}

/// On how many of the kernel's test programs two kernels differ that differ in one rule.
pub(super) fn zero_spill() -> Result<String, String> {
    let table = read(&root().join("golden/zero-spill-selftests.txt"))?;
    // Two lines are the head.
    let programs = table.lines().count().saturating_sub(2);
    Ok(format!(
        "Over the kernel's own test programs, two real kernels that were built with and without this rule differ on {programs} programs,\n\
         and verdict on the same {programs} by the same amounts.\n"
    ))
}
