//! From which kernel on a program loads: a row for each program, and what the kernel before lacks.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::matrix::{part, text, write_texts};
use crate::sheet::Cell;
use crate::{CheckEntry, Look, MatrixRow, Verdict};

/// From which of several kernels on a program loads. Kernels are named by their places in a list, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// The oldest kernel from which on it loads: on this one and on all newer ones. `None` if the newest refuses it.
    pub from: Option<usize>,
    /// The kernel just before, which is the newest one that does not load it; `None` if all do.
    pub before: Option<usize>,
    /// Kernels older than that one that load it all the same.
    pub also: Vec<usize>,
}

impl Minimum {
    /// What a row of answers, oldest kernel first, comes to.
    pub fn of(row: &MatrixRow<'_>) -> Minimum {
        let loads = |entry: &Option<CheckEntry<'_>>| {
            let verdict = entry.as_ref().map(|entry| entry.record.verdict);
            verdict == Some(Verdict::Success)
        };
        let before = row.entries.iter().rposition(|entry| !loads(entry));
        let from = before.map_or(0, |at| at + 1);
        let older = row.entries.iter().take(before.unwrap_or(0)).enumerate();
        Minimum {
            from: (from < row.entries.len()).then_some(from),
            before,
            also: older
                .filter(|(_, entry)| loads(entry))
                .map(|(at, _)| at)
                .collect(),
        }
    }

    /// What it comes to: that the program loads, that no kernel from which on it loads is known, or that this cannot be
    /// said, because the answer of the kernel before is unsupported or missing.
    pub fn verdict(&self, row: &MatrixRow<'_>) -> Verdict {
        let Some(before) = self.before else {
            return Verdict::Success;
        };
        match row.entries.get(before).and_then(Option::as_ref) {
            Some(entry) if entry.record.verdict == Verdict::Failure && self.from.is_some() => {
                Verdict::Success
            }
            Some(entry) => entry.record.verdict,
            None => Verdict::Unsupported,
        }
    }
}

/// What a table has where no kernel loads a program.
const NONE: &str = "none";

/// Writes the table: from which of the `kernels`, oldest first, each program loads, and what stops it on the one before.
///
/// # Errors
/// Those of the writer.
pub fn write_minimum(
    out: &mut dyn Write,
    kernels: &[&str],
    rows: &[MatrixRow<'_>],
    look: Look,
) -> io::Result<()> {
    let heads = HEADS.map(text);
    let cells = |row: &MatrixRow<'_>| {
        let style = look.style(part(Minimum::of(row).verdict(row)));
        let [from, before] = cells(kernels, row);
        vec![
            Cell::Text(row.object.to_owned()),
            Cell::Text(row.program.unwrap_or_default().to_owned()),
            Cell::Painted(from, style),
            Cell::Text(before),
        ]
    };
    write_texts(out, heads.into(), rows.iter().map(cells).collect())
}

/// What stands above the columns.
pub(crate) const HEADS: [&str; 4] = ["File", "Program", "Loads from", "The kernel before"];

/// From which kernel on a program loads, and what stops it on the one before.
pub(crate) fn cells(kernels: &[&str], row: &MatrixRow<'_>) -> [String; 2] {
    let minimum = Minimum::of(row);
    let from = minimum.from.and_then(|at| kernels.get(at).copied());
    [from.unwrap_or(NONE).to_owned(), before(&minimum, kernels, row)]
}

/// What stops a program on the kernel before the first one that loads it.
fn before(minimum: &Minimum, kernels: &[&str], row: &MatrixRow<'_>) -> String {
    let name = |at: usize| kernels.get(at).copied().unwrap_or_default();
    let Some(at) = minimum.before else {
        return "(the oldest known)".to_owned();
    };
    let stops = row.entries.get(at).and_then(Option::as_ref).map(stops);
    let mut said = format!("{}: {}", name(at), stops.as_deref().unwrap_or("not asked"));
    if !minimum.also.is_empty() {
        let older: Vec<_> = minimum.also.iter().map(|at| name(*at)).collect();
        said.push_str("; loads on ");
        said.push_str(&older.join(", "));
    }
    said
}

/// What stops a program on a kernel, in a few words.
fn stops(entry: &CheckEntry<'_>) -> String {
    match (entry.record.verdict, entry.refusal) {
        (Verdict::Unsupported | Verdict::GaveUp, _) => {
            let record = entry.record;
            format!("{}, {}", record.verdict.word(), record.undecided().unwrap_or("?"))
        }
        (_, Some(refusal)) => match &refusal.need {
            Some(need) => need.to_string(),
            None => format!("refused, {} {}", refusal.rule.code(), refusal.rule.name()),
        },
        _ => "refused".to_owned(),
    }
}

/// Writes how many programs load from which kernel on.
///
/// # Errors
/// Those of the writer.
pub fn write_minimum_counts(out: &mut dyn Write, kernels: &[&str], rows: &[MatrixRow<'_>]) -> io::Result<()> {
    writeln!(out, "{}", minimum_counts(kernels, rows))
}

/// The same as text.
pub(crate) fn minimum_counts(kernels: &[&str], rows: &[MatrixRow<'_>]) -> String {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(Minimum::of(row).from).or_insert(0_usize) += 1;
    }
    let none = counts.remove(&None);
    let mut said: Vec<_> = counts
        .iter()
        .filter_map(|(from, count)| Some(format!("{count} from {} on", kernels.get((*from)?)?)))
        .collect();
    said.extend(none.map(|count| format!("{count} on none")));
    format!("{} programs load: {}", rows.len(), said.join(", "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Record, Stage};

    pub(crate) fn record(verdict: Verdict) -> Record {
        Record {
            object: "a.bpf.o".to_owned(),
            program: Some("p".to_owned()),
            verdict,
            stage: Stage::Verify,
            errno: 22,
            figures: None,
            libbpf: None,
            tail: None,
            unsupported: None,
            gave_up: None,
            assumed: None,
            log_sha256: None,
        }
    }

    /// `+` loads, `-` does not, `?` is unsupported, ` ` was not asked.
    fn of(answers: &str) -> (Minimum, Verdict) {
        let record = |answer| match answer {
            '+' => Some(record(Verdict::Success)),
            '-' => Some(record(Verdict::Failure)),
            '?' => Some(record(Verdict::Unsupported)),
            _ => None,
        };
        let records: Vec<_> = answers.chars().map(record).collect();
        let entry = |record: &'_ Option<Record>| {
            record.as_ref().map(|record| CheckEntry {
                record: Box::leak(Box::new(record.clone())),
                errno_name: "EINVAL",
                place: None,
                refusal: None,
            })
        };
        let row = MatrixRow {
            path: "a.bpf.o",
            object: "a.bpf.o",
            program: Some("p"),
            entries: records.iter().map(entry).collect(),
        };
        let minimum = Minimum::of(&row);
        let verdict = minimum.verdict(&row);
        (minimum, verdict)
    }

    #[test]
    fn all_newer_kernels_must_load_it() {
        let cases = [
            ("+++", Some(0), None, vec![], Verdict::Success),
            ("-++", Some(1), Some(0), vec![], Verdict::Success),
            ("--+", Some(2), Some(1), vec![], Verdict::Success),
            ("+-+", Some(2), Some(1), vec![0], Verdict::Success),
            ("++-", None, Some(2), vec![0, 1], Verdict::Failure),
            ("---", None, Some(2), vec![], Verdict::Failure),
            ("?++", Some(1), Some(0), vec![], Verdict::Unsupported),
            ("++?", None, Some(2), vec![0, 1], Verdict::Unsupported),
            ("-?+", Some(2), Some(1), vec![], Verdict::Unsupported),
            ("?-+", Some(2), Some(1), vec![], Verdict::Success),
            (" ++", Some(1), Some(0), vec![], Verdict::Unsupported),
            ("+", Some(0), None, vec![], Verdict::Success),
        ];
        for (answers, from, before, also, verdict) in cases {
            assert_eq!(
                of(answers),
                (Minimum { from, before, also }, verdict),
                "{answers}"
            );
        }
    }
}
