//! `verdict compare`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict::{Globals, KernelChoice, Verifier, shown_path};
use verdict_report::forms::Json;
use verdict_report::{
    Column, Columns, Format, Joined, Row, Summary, join, read_rows, write_compared, write_comparison,
};

use crate::args::{CompareArgs, FigureOutput};
use crate::gate::EXCEEDED;
use crate::inputs::{Input, expand, is_recorded, read_text};
use crate::stat::Gathered;
use crate::{Done, caveats, interrupt, run, step_summary, why};

pub(crate) fn run(args: &CompareArgs, out: &mut dyn Write) -> Done {
    run::set_jobs(args.jobs.jobs);
    if args.print.summary && matches!(args.print.output, FigureOutput::Csv | FigureOutput::Jsonl) {
        let message = "compare: lines have no place for --summary: expected -o table, markdown or json";
        return Err(message.to_owned().into());
    }
    let both = verifiers(args)?;
    let mut caveats = caveats::of(both.iter().flat_map(|(a, b)| [a, b]));
    if args.why {
        let (a, b) = both.ok_or_else(|| "compare --why: expected --a and --b, or --kernel A,B".to_owned())?;
        return why::run(&a, &b, args, out);
    }
    let mut kernels = Vec::new();
    let (a, b, code) = match both {
        Some((a, b)) => {
            no_figures(&args.inputs)?;
            let gathered = Gathered::of_each(&[&a, &b], &args.inputs, &args.verify.programs)?;
            kernels = vec![a.kernel().name.clone(), b.kernel().name.clone()];
            let [a, b] = gathered.as_slice() else {
                return Ok(crate::UNUSABLE);
            };
            (a.rows(), b.rows(), a.exit_code().max(b.exit_code()))
        }
        None => {
            let (a, b, code);
            (a, b, caveats, code) = recorded(args)?;
            let both: Vec<_> = a.iter().chain(&b).map(Row::key).collect();
            args.verify.programs.all_met(&both)?;
            (a, b, code)
        }
    };
    let mut joined = join(&a, &b);
    joined.retain(|row| args.verify.programs.want(row.key().0, row.key().1));
    if interrupt::asked() {
        // What only one side came to says nothing.
        joined.retain(|row| row.a.is_some() && row.b.is_some());
    }
    let columns = columns(args, &joined);
    let changed = |row: &Joined<'_>| row.differs_in(&columns) || row.differs_in(&[Column::Verdict]);
    let rows: Vec<_> = joined
        .iter()
        .copied()
        .filter(|row| args.print.all || changed(row))
        .collect();
    let comparison = Comparison {
        columns: &columns,
        rows: &rows,
        summary: Summary::of(&joined, &columns),
        kernels: kernels.iter().map(String::as_str).collect(),
        caveats: &caveats,
    };
    match args.print.output.format() {
        Format::Markdown => comparison.write_page(out)?,
        format => comparison.write(out, format, args.print.summary)?,
    }
    step_summary::append(|page| comparison.write_page(page))?;
    out.flush()?;
    let exceeded = complain(args, &joined);
    Ok(if exceeded && code == 0 { EXCEEDED } else { code })
}

/// What is printed.
struct Comparison<'a> {
    columns: &'a [Column],
    rows: &'a [Joined<'a>],
    summary: Summary<'a>,
    /// The kernels that were asked; none where files are compared.
    kernels: Vec<&'a str>,
    /// What has to be known of them.
    caveats: &'a [String],
}

impl Comparison<'_> {
    fn write(&self, out: &mut dyn Write, format: Format, summary: bool) -> io::Result<()> {
        let json = match format {
            Format::Json => Some(Json::Document),
            Format::Jsonl => Some(Json::Lines),
            _ => None,
        };
        if let Some(form) = json {
            let summary = summary.then_some(&self.summary);
            let asked = ("compare", self.kernels.as_slice(), self.caveats);
            return write_compared(out, form, asked, (self.columns, self.rows), summary);
        }
        write_comparison(out, self.columns, self.rows, format)?;
        if summary && format == Format::Table {
            writeln!(out)?;
            self.summary.write(out, format)?;
        }
        caveats::write_below(out, self.caveats, format)
    }

    /// All of it as Markdown.
    fn write_page(&self, page: &mut dyn Write) -> io::Result<()> {
        writeln!(page, "## verdict compare\n")?;
        self.summary.write(page, Format::Markdown)?;
        if !self.rows.is_empty() {
            writeln!(page, "\n### All changes\n")?;
            write_comparison(page, self.columns, self.rows, Format::Markdown)?;
        }
        caveats::write_below(page, self.caveats, Format::Markdown)?;
        writeln!(page)
    }
}

/// Names the programs of which a condition of failure holds; whether there are any.
fn complain(args: &CompareArgs, joined: &[Joined<'_>]) -> bool {
    let mut any = false;
    for row in joined {
        for condition in args.fail_if.iter().filter(|condition| condition.holds(row)) {
            let (file, program) = row.key();
            eprintln!("verdict: {file} {program}: {}", condition.text());
            any = true;
        }
    }
    any
}

/// What is shown: the verdict only where one changes, unless asked for.
fn columns(args: &CompareArgs, rows: &[Joined<'_>]) -> Vec<Column> {
    if let Some(columns) = &args.print.emit {
        return columns.0.clone();
    }
    let mut columns = Column::COMPARISON.to_vec();
    if rows
        .iter()
        .any(|row| row.a.is_some() && row.b.is_some() && row.differs_in(&[Column::Verdict]))
    {
        columns.insert(2, Column::Verdict);
    }
    columns
}

/// The rows of both sides, what has to be known of the kernel that was asked, if one was, and an exit code.
type Recorded = (Vec<Row>, Vec<Row>, Vec<String>, u8);

/// Two recorded runs; or a recorded one and a fresh one of the objects, which may be unusable in part.
fn recorded(args: &CompareArgs) -> Result<Recorded, String> {
    let expected = "expected two files of figures, one and objects, or --a and --b with objects";
    match args.inputs.as_slice() {
        [a, b] if is_recorded(a) && is_recorded(b) => {
            let (mut a, mut b) = (Figures::read(a)?, Figures::read(b)?);
            a.lack_what(&b.columns);
            b.lack_what(&a.columns);
            call_alike(&mut a.rows, &mut b.rows);
            Ok((a.rows, b.rows, Vec::new(), 0))
        }
        [a, objects @ ..] if is_recorded(a) && !objects.is_empty() => {
            no_figures(objects)?;
            let mut a = Figures::read(a)?;
            a.lack_what(&Column::ALL);
            let verifier = args.verify.verifier()?;
            let files: BTreeSet<_> = a.rows.iter().map(|row| row.file.as_str()).collect();
            let gathered = Gathered::of_inputs(
                &verifier,
                &called_as(expand(objects), &files),
                &args.verify.programs,
            )?;
            let (rows, code) = (gathered.rows(), gathered.exit_code());
            Ok((a.rows, rows, caveats::of([&verifier]), code))
        }
        inputs => match inputs.iter().find(|input| is_recorded(input)) {
            Some(file) if inputs.len() > 1 => {
                let shown = shown_path(file);
                Err(format!(
                    "compare: figures come before objects: verdict compare {shown} OBJECT…"
                ))
            }
            _ => Err(format!("compare: {expected}")),
        },
    }
}

/// Only objects can be verified anew.
fn no_figures(objects: &[PathBuf]) -> Result<(), String> {
    match objects.iter().find(|object| is_recorded(object)) {
        Some(file) => Err(format!(
            "compare: {}: these are figures, and expected are objects to verify",
            shown_path(file)
        )),
        None => Ok(()),
    }
}

/// The objects, called as they were when they were recorded: with more directories or fewer, as others there had their
/// file names.
fn called_as(mut inputs: Vec<Input>, files: &BTreeSet<&str>) -> Vec<Input> {
    let taken: BTreeSet<_> = inputs.iter().map(|input| input.name.clone()).collect();
    for input in inputs
        .iter_mut()
        .filter(|input| !files.contains(input.name.as_str()))
    {
        let shown = shown_path(&input.path);
        let is_end = |file: &&&str| {
            let before = shown.strip_suffix(**file);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/')) && !taken.contains(**file)
        };
        let longest = files.iter().filter(is_end).max_by_key(|file| file.len());
        // The bare file name may be that of several of them.
        if let Some(file) = longest.filter(|file| file.contains('/') || !input.name.contains('/')) {
            input.name = (*file).to_owned();
        }
    }
    inputs
}

/// Gives objects that lie at the same place in both runs one name: which directories it has there depends on the other
/// objects of the run. The longer one is that of no other object in either run.
fn call_alike(a: &mut [Row], b: &mut [Row]) {
    let names = |rows: &[Row]| -> BTreeMap<String, String> {
        let known = rows.iter().filter(|row| !row.path.is_empty());
        known.map(|row| (row.path.clone(), row.file.clone())).collect()
    };
    let (of_a, of_b) = (names(a), names(b));
    let rename = |rows: &mut [Row], others: &BTreeMap<String, String>| {
        for row in rows {
            if let Some(longer) = others.get(&row.path).filter(|name| name.len() > row.file.len()) {
                row.file.clone_from(longer);
            }
        }
    };
    rename(a, &of_b);
    rename(b, &of_a);
}

/// A recorded run.
struct Figures {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

impl Figures {
    fn read(path: &Path) -> Result<Figures, String> {
        let text = read_text(path)?;
        let read = read_rows(&text).map_err(|e| format!("{}: {e}", shown_path(path)))?;
        let (columns, rows) = read;
        Ok(Figures { columns, rows })
    }

    /// Notes which of another run's columns this one lacks.
    fn lack_what(&mut self, others: &[Column]) {
        let lacking = others.iter().filter(|column| !self.columns.contains(column));
        let lacks: Columns = lacking.copied().collect();
        self.rows.iter_mut().for_each(|row| row.lacks = lacks);
    }
}

/// What is compared: two settings, or else two kernels; `None` is two files.
fn verifiers(args: &CompareArgs) -> Result<Option<(Verifier, Verifier)>, String> {
    if let (Some(a), Some(b)) = (&args.a, &args.b) {
        return Ok(Some((verifier(args, a)?, verifier(args, b)?)));
    }
    if args.verify.asked().choices()?.len() < 2 {
        return Ok(None);
    }
    let mut all = args.verify.verifiers()?.into_iter();
    match (all.next(), all.next(), all.next()) {
        (Some(a), Some(b), None) => Ok(Some((a, b))),
        _ => Err("compare: expected two kernels: several are for 'verdict sweep'".to_owned()),
    }
}

fn verifier(args: &CompareArgs, setting: &str) -> Result<Verifier, String> {
    let kernel = args.verify.asked();
    let (choice, globals) = with_setting(kernel.choice()?, args.verify.globals.read()?, setting)?;
    let verifier = kernel.verifier_of(&choice, args.verify.options())?;
    Ok(verifier.with_globals(globals))
}

/// The choice changed by a setting such as `kernel=6.12,set=zero-spill=stack-zero,global=limit=3`.
fn with_setting(
    mut choice: KernelChoice,
    mut globals: Globals,
    setting: &str,
) -> Result<(KernelChoice, Globals), String> {
    for part in setting.split(',').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("kernel", name)) => choice.name = Some(name.to_owned()),
            Some(("kernel-dir", dir)) => choice.dir = Some(dir.into()),
            Some(("assume", name)) => choice.assume = Some(name.to_owned()),
            Some(("set", switch)) => choice.switches.push(switch.to_owned()),
            Some(("global", expression)) => globals.add(expression).map_err(|e| e.to_string())?,
            _ => {
                let expected =
                    "kernel=NAME, kernel-dir=DIR, assume=NAME, set=SWITCH=VALUE or global=NAME=VALUE";
                return Err(format!("setting '{part}': expected {expected}"));
            }
        }
    }
    Ok((choice, globals))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Which objects of two runs are taken for the same: their names, and on which sides they are.
    fn joined(a: &[(&str, &str)], b: &[(&str, &str)]) -> Vec<(String, bool, bool)> {
        let rows = |run: &[(&str, &str)]| -> Vec<Row> {
            run.iter()
                .map(|(path, file)| Row {
                    path: (*path).to_owned(),
                    file: (*file).to_owned(),
                    ..Row::default()
                })
                .collect()
        };
        let (mut a, mut b) = (rows(a), rows(b));
        call_alike(&mut a, &mut b);
        let joined = join(&a, &b).into_iter();
        joined
            .map(|row| (row.key().0.to_owned(), row.a.is_some(), row.b.is_some()))
            .collect()
    }

    #[test]
    fn objects_at_one_place_are_the_same() {
        let both = |name: &str| (name.to_owned(), true, true);
        let (one, two) = ([("a/p.o", "p.o")], [("a/p.o", "a/p.o"), ("b/p.o", "b/p.o")]);
        // An object that is new takes another one's short name away.
        assert_eq!(
            joined(&one, &two),
            [both("a/p.o"), ("b/p.o".to_owned(), false, true)]
        );
        assert_eq!(
            joined(&two, &one),
            [both("a/p.o"), ("b/p.o".to_owned(), true, false)]
        );
        // What lies elsewhere, or nobody says where, is the same by its name.
        assert_eq!(joined(&one, &[("c/p.o", "p.o")]), [both("p.o")]);
        assert_eq!(joined(&[("", "p.o")], &one), [both("p.o")]);
    }
}
