//! Walks as pages show them, held to the kernel's log: the same instructions, and in each state the same values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use verdict::page::{End, Keep, Limits, Walk};
use verdict::{KernelChoice, LogOptions, Options, Program, Verifier};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn verifier(kernel: &str) -> Verifier {
    let choice = KernelChoice {
        name: Some(kernel.to_owned()),
        ..KernelChoice::default()
    };
    Verifier::new(choice.open().unwrap(), Options::default())
}

/// A state: what each place of each frame holds.
type State = BTreeMap<(u16, String), String>;

/// A walk with the state before each of its rows.
struct Rebuilt {
    insns: Vec<u32>,
    frames: Vec<u16>,
    prev: Vec<Option<usize>>,
    states: Vec<State>,
}

impl Rebuilt {
    fn new(walk: &Walk) -> Rebuilt {
        let mut insn = 0;
        let insns: Vec<u32> = walk
            .insn
            .iter()
            .map(|more| {
                insn += more;
                u32::try_from(insn).unwrap()
            })
            .collect();
        let frames: Vec<u16> = walk.frame.iter().map(|frame| frame as u16).collect();
        let mut prev: Vec<_> = (0..insns.len()).map(|row| row.checked_sub(1)).collect();
        for (row, before) in &walk.starts {
            let here = |row: i64| usize::try_from(row - i64::from(walk.first)).ok();
            prev[here((*row).into()).unwrap()] = here(*before).filter(|_| *before >= 0);
        }
        let mut states: Vec<State> = Vec::new();
        for (row, changes) in walk.changes().into_iter().enumerate() {
            let mut state = prev[row].map(|prev| states[prev].clone()).unwrap_or_default();
            if prev[row].is_some_and(|prev| frames[row] > frames[prev]) {
                state.retain(|(frame, _), _| *frame < frames[row]);
            }
            state.retain(|(frame, _), _| *frame <= frames[row]);
            for (frame, name, text) in changes {
                state.insert((frame, name), text.to_owned());
            }
            states.push(state);
        }
        Rebuilt {
            insns,
            frames,
            prev,
            states,
        }
    }
}

/// What a line of the log says.
enum Line<'l> {
    /// An instruction, and what holds behind it.
    Insn(u32, &'l str),
    /// A path ends at an instruction.
    Safe(u32),
    /// What holds before the next instruction.
    State(&'l str),
    Other,
}

fn parse(line: &str) -> Line<'_> {
    let number = |text: &str| text.parse::<u32>().ok();
    let rest = match line.strip_prefix("from ") {
        Some(rest) => rest.split_once(" to ").map_or("", |(_, rest)| rest),
        None => line,
    };
    let Some((insn, rest)) = rest
        .split_once(':')
        .and_then(|(n, rest)| Some((number(n)?, rest)))
    else {
        return Line::Other;
    };
    if rest == " safe" {
        return Line::Safe(insn);
    }
    if rest.starts_with(" (") || rest.starts_with(" BUG_") {
        return Line::Insn(insn, rest.split_once(" ;").map_or("", |(_, state)| state));
    }
    Line::State(rest)
}

/// The values of a state as the log writes it, and the frame that they are of. Marks are left out.
fn values(text: &str) -> (u16, Vec<(String, String)>) {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut frame = 0;
    for word in text.split(' ') {
        if let Some(number) = word.strip_prefix("frame").and_then(|w| w.strip_suffix(':')) {
            frame = number.parse().unwrap();
            continue;
        }
        let name = word.split_once('=').map(|(name, value)| {
            let name = name.split('_').next().unwrap_or_default();
            (name.replace('R', "r"), value)
        });
        let is_place = |name: &str| {
            name.strip_prefix('r')
                .or_else(|| name.strip_prefix("fp-"))
                .is_some_and(|n| n.parse::<u32>().is_ok())
        };
        match name {
            Some((name, value)) if is_place(&name) => found.push((name, value.to_owned())),
            Some((name, _)) if name == "refs" => break,
            _ if word == "cb" || word == "async_cb" => break,
            _ => {
                if let Some((_, value)) = found.last_mut() {
                    value.push(' ');
                    value.push_str(word);
                }
            }
        }
    }
    for (_, value) in &mut found {
        *value = value.trim_end().replacen('P', "", 1);
    }
    (frame, found)
}

#[derive(Default)]
struct Compared {
    programs: usize,
    rows: usize,
    values: usize,
}

impl Compared {
    /// Holds the walk of a program to its log. Logs of older form show of what is spilled only its kind.
    fn hold(&mut self, program: Program<'_, '_>, slots: bool, shown: &str) {
        let Some(walked) = program.walk(Keep::Walk, Limits::WALK) else {
            return;
        };
        if walked.walk.first > 0 {
            // The end of a walk that is too long.
            return;
        }
        let mut log = Vec::new();
        let options = LogOptions {
            level: 2,
            ..LogOptions::default()
        };
        program.write_log(&options, &mut log).unwrap();
        let log = String::from_utf8_lossy(&log).into_owned();
        assert_eq!(walked.walk.end, End::Whole, "{shown}");
        let walk = Rebuilt::new(&walked.walk);
        let mut row = 0;
        let mut check = |row: usize, text: &str, line: &str| {
            let (frame, values) = values(text);
            for (name, value) in values {
                if !slots && name.starts_with("fp") {
                    continue;
                }
                let held = walk.states[row].get(&(frame, name.clone()));
                // An iterator's and a dynptr's other slots are shown as letters here and not at all there.
                let held = held.map(|held| held.as_str()).unwrap_or_default();
                assert_eq!(held, value, "{shown} row {row} {name}: {line}");
                self.values += 1;
            }
        };
        for line in log.lines() {
            match parse(line) {
                Line::Insn(insn, state) => {
                    assert_eq!(walk.insns.get(row), Some(&insn), "{shown} row {row}: {line}");
                    row += 1;
                    let follows = walk.prev.get(row) == Some(&Some(row - 1));
                    let (frame, _) = values(state);
                    if follows && walk.frames[row] == frame {
                        check(row, state, line);
                    }
                }
                Line::Safe(insn) => {
                    assert_eq!(walk.insns.get(row), Some(&insn), "{shown} row {row}: {line}");
                    row += 1;
                }
                Line::State(state) if row < walk.insns.len() => check(row, state, line),
                Line::State(_) | Line::Other => {}
            }
        }
        if slots {
            marks_are_those_of_the_log(&walked.walk, &walk, &log, shown);
        }
        assert_eq!(row, walk.insns.len(), "{shown}");
        self.programs += 1;
        self.rows += row;
    }
}

/// Whatever backtracking asked for, behind whichever instruction, is marked before a row that follows one.
fn marks_are_those_of_the_log(walk: &Walk, rebuilt: &Rebuilt, log: &str, shown: &str) {
    let mut marked = BTreeSet::new();
    let mut row = 0;
    for (more, set) in walk.precise.row.iter().zip(walk.precise.set.iter()) {
        row += usize::try_from(more).unwrap();
        let (frame, regs, low, high) = walk.precise.sets[usize::try_from(set).unwrap()];
        let slots = u64::from(low) | u64::from(high) << 32;
        let Some(prev) = rebuilt.prev.get(row).copied().flatten() else {
            continue;
        };
        let regs = (0..11)
            .filter(|reg| regs >> reg & 1 != 0)
            .map(|reg| format!("r{reg}"));
        let slots = (0..64)
            .filter(|slot| slots >> slot & 1 != 0)
            .map(|slot| format!("-{}", 8 * (slot + 1)));
        for name in regs.chain(slots) {
            marked.insert((frame, name, rebuilt.insns[prev]));
        }
    }
    let asked = log.lines().filter_map(|line| {
        let (frame, rest) = line.strip_prefix("mark_precise: frame")?.split_once(": regs=")?;
        let (regs, rest) = rest.split_once(" stack=")?;
        let (slots, rest) = rest.split_once(" before ")?;
        let (insn, _) = rest.split_once(':')?;
        let names = regs
            .split(',')
            .chain(slots.split(','))
            .filter(|name| !name.is_empty());
        let (frame, insn) = (frame.parse::<u8>().unwrap(), insn.parse::<u32>().unwrap());
        Some(names.map(move |name| (frame, name.to_owned(), insn)))
    });
    for asked in asked.flatten() {
        assert!(marked.contains(&asked), "{shown}: {asked:?} is not marked");
    }
}

/// Every program of the corpus, and one of many steps where it is at hand, on kernels whose logs have other forms.
#[test]
fn walks_are_those_of_the_log() {
    let large = root().join("../shared/corpus/selftests/strobemeta_nounroll1.bpf.o");
    for (kernel, slots) in [("6.18", true), ("6.12", true), ("5.10", false)] {
        let verifier = verifier(kernel);
        let mut compared = Compared::default();
        let mut paths = verdict::objects_in(&root().join("corpus")).unwrap();
        paths.extend(Some(large.clone()).filter(|path| kernel == "6.18" && path.exists()));
        for path in paths {
            let bytes = fs::read(&path).unwrap();
            let Ok(object) = verifier.open(&path.to_string_lossy(), &bytes) else {
                continue;
            };
            for program in object.programs() {
                let shown = format!("{kernel} {} {}", path.display(), program.name());
                compared.hold(program, slots, &shown);
            }
        }
        eprintln!(
            "{kernel}: {} programs, {} rows, {} values",
            compared.programs, compared.rows, compared.values
        );
        assert!(compared.programs > 100 && compared.values > 2 * compared.programs);
    }
}

/// The failing path is what a log of level 1 shows, and of one that is too long its end is kept.
#[test]
fn paths_are_those_of_the_log() {
    let verifier = verifier("6.18");
    let mut paths = 0;
    for path in verdict::objects_in(&root().join("corpus")).unwrap() {
        let bytes = fs::read(&path).unwrap();
        let Ok(object) = verifier.open(&path.to_string_lossy(), &bytes) else {
            continue;
        };
        for program in object.programs() {
            let mut log = Vec::new();
            let end = program.write_log(&LogOptions::default(), &mut log).unwrap();
            let Some(walked) = program
                .walk(Keep::Path, Limits::PATH)
                .filter(|_| end.result.is_err())
            else {
                continue;
            };
            let shown = format!("{} {}", path.display(), program.name());
            let log = String::from_utf8_lossy(&log).into_owned();
            let logged: Vec<u32> = log
                .lines()
                .filter_map(|line| match parse(line) {
                    Line::Insn(insn, _) => Some(insn),
                    _ => None,
                })
                .collect();
            if logged.is_empty() {
                // Refused before the walk, or behind it.
                continue;
            }
            let whole = Rebuilt::new(&walked.walk);
            assert_eq!(whole.insns, logged, "{shown}");
            assert!(
                whole
                    .prev
                    .iter()
                    .enumerate()
                    .all(|(row, prev)| *prev == row.checked_sub(1))
            );
            paths += 1;
            let limits = Limits {
                rows: 3,
                ..Limits::PATH
            };
            let end = program.walk(Keep::Path, limits).unwrap().walk;
            if logged.len() <= 3 {
                assert_eq!(end, walked.walk, "{shown}");
                continue;
            }
            assert_eq!(
                (end.first as usize, end.rows as usize),
                (logged.len() - 3, logged.len()),
                "{shown}"
            );
            let end = Rebuilt::new(&end);
            assert_eq!(end.insns, logged[logged.len() - 3..], "{shown}");
            for (states, of_whole) in [(2, whole.states.len() - 1), (0, whole.states.len() - 3)] {
                let held = |state: &State| {
                    state
                        .clone()
                        .into_iter()
                        .filter(|(_, text)| !text.is_empty())
                        .collect()
                };
                let (cut, whole): (Vec<_>, Vec<_>) =
                    (held(&end.states[states]), held(&whole.states[of_whole]));
                assert_eq!(cut, whole, "{shown}");
            }
        }
    }
    eprintln!("{paths} failing paths");
    assert!(paths > 200);
}
