//! Figures that were recorded before: printed again, or two sets of them compared.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write};

use verdict_report::{
    Column, Columns, Counts, Row, join, read_rows, sort_joined, sort_rows, write_comparison, write_stats,
};

use super::options::Options;
use super::{ABSENT, FAILED, INVALID, Refusal, UNKNOWN};
use crate::Done;

/// `-R`.
pub(super) fn replay(options: &Options, out: &mut dyn Write) -> Result<Done, Refusal> {
    let path = options.files.first().map(String::as_str).unwrap_or_default();
    let mut recorded = Recorded::read(path, options)?;
    sort_rows(&mut recorded.rows, &options.sort);
    recorded.rows.retain(|row| options.filters.wants_row(row));
    let (columns, limit, format) = (options.columns(), options.limit(), options.format());
    let written = write_stats(
        out,
        (&columns, &[]),
        &recorded.rows,
        limit,
        format,
        &recorded.counts,
    );
    Ok(written.map(|()| 0).map_err(Into::into))
}

/// `-C`. The sets may have different columns: what one of them lacks is not available there.
pub(super) fn compare(options: &Options, out: &mut dyn Write) -> Result<Done, Refusal> {
    let [a, b] = options.files.as_slice() else {
        return Ok(Ok(INVALID)); // the options were checked
    };
    let (mut a, mut b) = (Recorded::read(a, options)?, Recorded::read(b, options)?);
    a.lacks_what(&b.columns);
    b.lacks_what(&a.columns);
    let mut joined = join(&a.rows, &b.rows);
    sort_joined(&mut joined, &options.sort);
    joined.retain(|row| options.filters.wants_joined(row));
    joined.truncate(options.limit());
    let written = write_comparison(out, &options.columns(), &joined, options.format());
    Ok(written.map(|()| 0).map_err(Into::into))
}

/// A file of figures.
struct Recorded {
    columns: Vec<Column>,
    /// Those of programs that are wanted.
    rows: Vec<Row>,
    counts: Counts,
}

impl Recorded {
    fn read(path: &str, options: &Options) -> Result<Recorded, Refusal> {
        let failed = |code: u8, words: String| {
            let more = format!("Failed to parse stats from '{path}': -{code}");
            Refusal::new(code, format!("{words}\n{more}"))
        };
        let text = fs::read_to_string(path).map_err(|error| {
            let code = if error.kind() == ErrorKind::NotFound {
                ABSENT
            } else {
                FAILED
            };
            failed(code, format!("Failed to open '{path}': {error}"))
        })?;
        let (columns, mut rows) = read_rows(&text).map_err(|error| {
            let code = if error.unknown_column { UNKNOWN } else { INVALID };
            failed(code, format!("{path}: {error}"))
        })?;
        let (all, all_files) = (rows.len(), files(&rows));
        rows.retain(|row| options.filters.wants_program(&row.file, &row.program));
        let counts = Counts {
            files: files(&rows),
            programs: rows.len(),
            skipped_files: all_files - files(&rows),
            skipped_programs: all - rows.len(),
        };
        Ok(Recorded {
            columns,
            rows,
            counts,
        })
    }

    /// Notes which of another set's columns this one lacks.
    fn lacks_what(&mut self, others: &[Column]) {
        let lacking = others.iter().filter(|column| !self.columns.contains(column));
        let lacks: Columns = lacking.copied().collect();
        self.rows.iter_mut().for_each(|row| row.lacks = lacks);
    }
}

/// How many files the rows tell of.
fn files(rows: &[Row]) -> usize {
    let names: BTreeSet<_> = rows.iter().map(|row| &row.file).collect();
    names.len()
}
