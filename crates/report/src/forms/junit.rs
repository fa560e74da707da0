//! JUnit's XML: a test case for each program, that it loads; of several kernels a suite for each object and kernel.

use std::io::{self, Write};

use super::{Question, Report, message};
use crate::junit::{self, Case, Outcome, Suite};
use crate::matrix::write_details;
use crate::minimum::cells;
use crate::{Finding, Look, MatrixRow, Minimum, Verdict};

pub(super) fn write(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let mut suites = Vec::new();
    for rows in report.rows.chunk_by(|a, b| a.path == b.path) {
        let path = rows.first().map_or("", |row| row.path);
        if report.question_is_minimum() {
            let cases = rows.iter().map(|row| of_oldest(report, row));
            suites.push(suite(path.to_owned(), cases.collect::<io::Result<_>>()?));
            continue;
        }
        for (at, kernel) in report.kernels.iter().enumerate() {
            let cases = rows
                .iter()
                .filter_map(|row| of_kernel(report, row, at).transpose());
            let name = match report.kernels.len() {
                1 => path.to_owned(),
                _ => format!("{path} on {kernel}"),
            };
            suites.push(suite(name, cases.collect::<io::Result<_>>()?));
        }
    }
    suites.extend(report.unusable.iter().map(|input| {
        let case = Case {
            class: input.path.clone(),
            name: OBJECT.to_owned(),
            seconds: 0.0,
            outcome: Outcome::Unusable(input.message.clone()),
            output: None,
        };
        suite(input.path.clone(), vec![case])
    }));
    junit::write(out, &suites)
}

/// The name of a case that is about an object as a whole.
const OBJECT: &str = "(the object)";

fn suite(name: String, cases: Vec<Case>) -> Suite {
    Suite { name, cases }
}

/// What one kernel says of a program.
fn of_kernel(report: &Report<'_>, row: &MatrixRow<'_>, kernel: usize) -> io::Result<Option<Case>> {
    let Some(entry) = row.entries.get(kernel).and_then(Option::as_ref) else {
        return Ok(None);
    };
    let outcome = match entry.record.verdict {
        Verdict::Success => Outcome::Passed,
        _ => not_accepted(report, row, kernel)?,
    };
    let usec = entry.record.figures.as_ref().and_then(|figures| figures.usec);
    let assumed = entry.record.assumed.as_deref();
    let output = assumed.map(|assumed| format!("assumed: {assumed}"));
    Ok(Some(case(row, usec.unwrap_or(0), outcome, output)))
}

/// Whether a program loads on the newest kernel.
fn of_oldest(report: &Report<'_>, row: &MatrixRow<'_>) -> io::Result<Case> {
    let minimum = Minimum::of(row);
    let outcome = match (minimum.verdict(row), minimum.before) {
        (Verdict::Success, _) | (_, None) => Outcome::Passed,
        (_, Some(before)) => not_accepted(report, row, before)?,
    };
    let [from, before] = cells(report.kernels, row);
    let notes: String = report.notes.iter().map(|note| format!("\n{note}")).collect();
    let output = format!("loads from: {from}\nthe kernel before: {before}{notes}");
    Ok(case(row, 0, outcome, Some(output)))
}

fn not_accepted(report: &Report<'_>, row: &MatrixRow<'_>, kernel: usize) -> io::Result<Outcome> {
    let Some(entry) = row.entries.get(kernel).and_then(Option::as_ref) else {
        return Ok(Outcome::Skipped("not asked".to_owned()));
    };
    if !entry.record.verdict.is_decided() {
        let (word, what) = (entry.record.verdict.word(), message::sentence(entry));
        return Ok(Outcome::Skipped(format!("{word}: {what}")));
    }
    let finding = Finding {
        entry,
        row,
        kernel,
        of: Vec::new(),
    };
    let mut details = Vec::new();
    write_details(&mut details, report.kernels, &finding, Look::PLAIN)?;
    let line = format!("{}: {}", message::title(entry), message::sentence(entry));
    Ok(Outcome::Failed(
        line,
        String::from_utf8_lossy(&details).into_owned(),
    ))
}

fn case(row: &MatrixRow<'_>, usec: u64, outcome: Outcome, output: Option<String>) -> Case {
    Case {
        class: row.path.to_owned(),
        name: row.program.unwrap_or(OBJECT).to_owned(),
        seconds: usec as f64 / 1e6,
        outcome,
        output,
    }
}

impl Report<'_> {
    fn question_is_minimum(&self) -> bool {
        matches!(self.question, Question::Minimum)
    }
}
