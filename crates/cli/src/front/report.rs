//! What was made of a command's maps, BTF and programs: a table, and JSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use verdict::kernel::Kernel;
use verdict::kernel::errno::Errno;
use verdict::{Answer, Explaining, answer_handed, answer_refused};
use verdict_front::{Happened, Loaded, What};
use verdict_report::forms::{Form, Question};
use verdict_report::{CheckSummary, Groups, Look, MatrixRow, Verdict, write_group};

use crate::Trouble;
use crate::check::entry;
use crate::forms::{Said, write as write_form};
use crate::run::side_by_side;

/// What one kernel made of a command.
pub(super) struct Ran<'k> {
    kernel: &'k Kernel,
    lines: Vec<Line>,
    /// The programs, each with its errno's name and whether it is a probe.
    programs: Vec<Program>,
    /// Calls that are not in the table: there were too many.
    left_out: usize,
}

struct Program {
    answer: Answer,
    errno_name: String,
    probe: bool,
}

impl Program {
    fn of(kernel: &Kernel, object: &str, loaded: &Loaded, how: Explaining) -> Program {
        let probe = loaded.is_probe();
        let how = if probe { Explaining::Off } else { how };
        let answer = match &loaded.end {
            Ok((prog, outcome)) => answer_handed(kernel, object, &loaded.load, prog, outcome, how),
            Err(error) => answer_refused(object, &loaded.load, error.clone()),
        };
        Program {
            errno_name: Errno(answer.record.errno).to_string(),
            answer,
            probe,
        }
    }
}

/// A line of the table: the call, what it made, its name, kind, how it ended, and figures.
struct Line([String; 6]);

impl<'k> Ran<'k> {
    pub(super) fn of(kernel: &'k Kernel, command: &str, happened: &[Happened], how: Explaining) -> Ran<'k> {
        let object = file_name(Path::new(command));
        let loads: Vec<&Loaded> = happened
            .iter()
            .filter_map(|one| match &one.what {
                What::Prog(loaded) => Some(&**loaded),
                _ => None,
            })
            .collect();
        Ran {
            kernel,
            lines: happened.iter().map(Line::of).collect(),
            // Rejected ones are verified again, to be explained.
            programs: side_by_side(&loads, |loaded| Program::of(kernel, &object, loaded, how)),
            left_out: 0,
        }
    }

    /// The same where so many more calls were made than are kept.
    pub(super) fn without(self, left_out: usize) -> Ran<'k> {
        Ran { left_out, ..self }
    }

    /// Whether a program was refused that is no probe.
    pub(super) fn refuses(&self) -> bool {
        let mut own = self.programs.iter().filter(|program| !program.probe);
        own.any(|program| program.answer.record.verdict != Verdict::Success)
    }

    fn summary(&self) -> CheckSummary {
        let mut summary = CheckSummary::default();
        for program in self.programs.iter().filter(|program| !program.probe) {
            summary.count(program.answer.record.verdict);
        }
        summary
    }

    /// Writes the table, and why programs were refused.
    pub(super) fn write(&self, out: &mut dyn Write, look: Look) -> io::Result<()> {
        writeln!(out, "kernel {}:", self.kernel.name)?;
        let mut widths = [0; 6];
        for Line(cells) in &self.lines {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        for Line(cells) in &self.lines {
            let padded = cells
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            let line = padded.collect::<Vec<_>>().join("  ");
            writeln!(out, "  {}", line.trim_end())?;
        }
        if self.left_out > 0 {
            writeln!(out, "  and {} calls more, which are not kept", self.left_out)?;
        }
        let mut groups = Groups::default();
        let own = || self.programs.iter().filter(|program| !program.probe);
        for program in own() {
            groups.add(&entry(&program.answer, &program.errno_name));
        }
        for program in own() {
            let entry = entry(&program.answer, &program.errno_name);
            if let Some(others) = groups.others(&entry) {
                write_group(out, &entry, &others, look)?;
            }
        }
        let probes = self.programs.len() - own().count();
        let beside = if probes == 0 {
            String::new()
        } else {
            format!(", {probes} probes")
        };
        writeln!(out, "{}{beside}", self.summary())
    }
}

impl Line {
    fn of(one: &Happened) -> Line {
        let end = match one.errno {
            None => "ok".to_owned(),
            Some(errno) => errno.to_string(),
        };
        let text = |text: &str| text.to_owned();
        let (what, name, kind, figures) = match &one.what {
            What::Map {
                name,
                map_type,
                sizes: [key, value, entries],
            } => (
                "map",
                name.clone(),
                map_type.clone(),
                format!("key {key}, value {value}, entries {entries}"),
            ),
            What::Btf(bytes, words) => match words.as_str() {
                "" => ("btf", String::new(), String::new(), format!("{bytes} bytes")),
                words => (
                    "btf",
                    String::new(),
                    String::new(),
                    format!("{bytes} bytes: {words}"),
                ),
            },
            What::Prog(loaded) => return Line::of_program(one, loaded),
            What::Unmodelled(what) => ("not modelled", what.clone(), String::new(), String::new()),
        };
        Line([text(one.call), text(what), name, kind, end, figures])
    }

    fn of_program(one: &Happened, loaded: &Loaded) -> Line {
        use verdict::engine::Verdict;
        let what = if loaded.is_probe() { "probe" } else { "program" };
        let kind = verdict::kernel::prog::ProgType::from_raw(loaded.load.prog_type);
        let kind = kind.map_or_else(
            || loaded.load.prog_type.to_string(),
            |kind| kind.name().to_owned(),
        );
        let errno = one.errno.map(|errno| errno.to_string()).unwrap_or_default();
        let (end, figures) = match &loaded.end {
            Ok((_, outcome)) => {
                let end = match &outcome.verdict {
                    Verdict::Accepted if loaded.beside.is_some() => format!("accepted, but {errno}"),
                    Verdict::Accepted => "accepted".to_owned(),
                    Verdict::Rejected(_) => format!("rejected ({errno})"),
                    Verdict::Unsupported(_) | Verdict::Bug(_) => "unsupported".to_owned(),
                    Verdict::GaveUp(what) => format!("gave up: {what}"),
                };
                let (insns, states) = (outcome.stats.insns, outcome.stats.states);
                (end, format!("{insns} insns, {states} states"))
            }
            Err(verdict::syscall::prog::LoadError::Unsupported(what)) => {
                ("unsupported".to_owned(), (*what).to_owned())
            }
            Err(_) => (format!("refused ({errno})"), String::new()),
        };
        Line([
            one.call.to_owned(),
            what.to_owned(),
            loaded.load.name.clone(),
            kind,
            end,
            figures,
        ])
    }
}

/// Writes what the kernels said of the programs that are no probes into a file.
pub(super) fn write_json(file: &Path, command: &str, runs: &[Ran<'_>]) -> Result<(), Trouble> {
    let kernels: Vec<&str> = runs.iter().map(|ran| ran.kernel.name.as_str()).collect();
    let object = file_name(Path::new(command));
    let mut rows: Vec<(usize, MatrixRow<'_>)> = Vec::new();
    for (at, ran) in runs.iter().enumerate() {
        let mut seen: Vec<&str> = Vec::new();
        for program in ran.programs.iter().filter(|program| !program.probe) {
            let name = program.answer.record.program.as_deref().unwrap_or_default();
            // A program that is loaded several times has a row for each.
            let turn = seen.iter().filter(|other| **other == name).count();
            seen.push(name);
            let same =
                |(other, row): &&mut (usize, MatrixRow<'_>)| *other == turn && row.program == Some(name);
            let entry = entry(&program.answer, &program.errno_name);
            if let Some((_, row)) = rows.iter_mut().find(same) {
                if let Some(slot) = row.entries.get_mut(at) {
                    *slot = Some(entry);
                }
                continue;
            }
            let mut entries = vec![None; runs.len()];
            if let Some(slot) = entries.get_mut(at) {
                *slot = Some(entry);
            }
            rows.push((
                turn,
                MatrixRow {
                    path: command,
                    object: &object,
                    program: Some(name),
                    entries,
                },
            ));
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    let summaries: Vec<_> = runs.iter().map(Ran::summary).collect();
    let opened = File::create(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut out = BufWriter::new(opened);
    let notes: Vec<_> = runs.iter().filter_map(|ran| ran.kernel.caveat()).collect();
    let said = Said {
        kernels: &kernels,
        notes: &notes,
        rows: &rows,
        unusable: &[],
        summaries: &summaries,
        question: Question::Programs,
    };
    write_form(&mut out, Form::Json, said)
}

/// A path's last part.
fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
