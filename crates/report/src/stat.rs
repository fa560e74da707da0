//! Figures of many programs as a table or as CSV, laid out as veristat does it.

use std::io::{self, Write};

use crate::{Column, Record, Value, Verdict};

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns with underlined headings and a closing count.
    Table,
    /// Comma-separated, with a heading line.
    Csv,
}

/// The figures of one program, as tables know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Object file name.
    pub file: String,
    /// Program name.
    pub program: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Microseconds.
    pub duration: i64,
    /// Processed instructions.
    pub insns: i64,
    /// Kept states.
    pub states: i64,
    /// Peak of kept states.
    pub peak_states: i64,
    /// Most states at one instruction.
    pub max_states_per_insn: i64,
    /// Longest chain of read marks.
    pub mark_read: i64,
}

impl Default for Row {
    fn default() -> Self {
        Row {
            file: String::new(),
            program: String::new(),
            verdict: Verdict::Failure,
            duration: 0,
            insns: 0,
            states: 0,
            peak_states: 0,
            max_states_per_insn: 0,
            mark_read: 0,
        }
    }
}

impl Row {
    /// The row of a program; `None` for a record that tells of an object only.
    pub fn from_record(record: &Record) -> Option<Row> {
        let figures = record.figures.as_ref()?;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Some(Row {
            file: record.object.clone(),
            program: record.program.clone()?,
            verdict: record.verdict,
            duration: number(figures.usec.unwrap_or(0)),
            insns: number(figures.insns),
            states: number(figures.states),
            peak_states: number(figures.peak_states),
            max_states_per_insn: number(figures.max_states_per_insn),
            mark_read: number(figures.mark_read),
        })
    }

    /// What identifies the row, and by what rows are sorted.
    pub fn key(&self) -> (&str, &str) {
        (&self.file, &self.program)
    }
}

/// What the closing line of a table counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that were opened.
    pub files: usize,
    /// Programs that were verified.
    pub programs: usize,
    /// Objects that could not be opened.
    pub skipped_files: usize,
    /// Programs left out on request.
    pub skipped_programs: usize,
}

pub(crate) const SEPARATOR: &str = "  ";

/// Writes the rows in the order given.
///
/// # Errors
/// Those of the writer.
pub fn write_stats(
    out: &mut dyn Write,
    columns: &[Column],
    rows: &[Row],
    format: Format,
    counts: &Counts,
) -> io::Result<()> {
    match format {
        Format::Table => write_table(out, columns, rows, counts),
        Format::Csv => write_csv(out, columns, rows),
    }
}

fn write_csv(out: &mut dyn Write, columns: &[Column], rows: &[Row]) -> io::Result<()> {
    let heads: Vec<_> = columns
        .iter()
        .filter_map(|c| c.names().first())
        .copied()
        .collect();
    writeln!(out, "{}", heads.join(","))?;
    for row in rows {
        let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

fn write_table(out: &mut dyn Write, columns: &[Column], rows: &[Row], counts: &Counts) -> io::Result<()> {
    let mut layout = Layout::new(columns.iter().map(|c| c.header().len()));
    for row in rows {
        layout.widen(columns.iter().map(|c| c.value(row).to_string().len()));
    }
    layout.line(out, columns.iter().map(|c| (c.header(), c.is_text())))?;
    layout.rule(out)?;
    for row in rows {
        let cells: Vec<_> = columns
            .iter()
            .map(|c| c.value(row))
            .map(|v| (v.to_string(), is_left(v)))
            .collect();
        layout.line(out, cells.iter().map(|(text, left)| (text.as_str(), *left)))?;
    }
    if rows.is_empty() {
        return Ok(()); // veristat closes a table together with its last row
    }
    layout.rule(out)?;
    writeln!(
        out,
        "Done. Processed {} files, {} programs. Skipped {} files, {} programs.",
        counts.files, counts.programs, counts.skipped_files, counts.skipped_programs
    )
}

fn is_left(value: Value<'_>) -> bool {
    matches!(value, Value::Text(_))
}

/// Column widths, and lines written by them.
pub(crate) struct Layout {
    widths: Vec<usize>,
}

impl Layout {
    /// Columns at least as wide as these.
    pub(crate) fn new(widths: impl Iterator<Item = usize>) -> Layout {
        Layout {
            widths: widths.collect(),
        }
    }

    /// Makes room for one more line of cells.
    pub(crate) fn widen(&mut self, lengths: impl Iterator<Item = usize>) {
        for (width, length) in self.widths.iter_mut().zip(lengths) {
            *width = (*width).max(length);
        }
    }

    /// The width of a column.
    pub(crate) fn width(&self, column: usize) -> usize {
        self.widths.get(column).copied().unwrap_or(0)
    }

    /// Writes one line of cells, each left- or right-aligned.
    pub(crate) fn line<'a>(
        &self,
        out: &mut dyn Write,
        cells: impl Iterator<Item = (&'a str, bool)>,
    ) -> io::Result<()> {
        for (i, ((text, left), width)) in cells.zip(&self.widths).enumerate() {
            let separator = if i == 0 { "" } else { SEPARATOR };
            if left {
                write!(out, "{separator}{text:<width$}")?;
            } else {
                write!(out, "{separator}{text:>width$}")?;
            }
        }
        writeln!(out)
    }

    /// Writes the line of dashes under headings and below the last row.
    pub(crate) fn rule(&self, out: &mut dyn Write) -> io::Result<()> {
        let dashes: Vec<_> = self.widths.iter().map(|width| "-".repeat(*width)).collect();
        writeln!(out, "{}", dashes.join(SEPARATOR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |program: &str, verdict, duration, insns| Row {
            file: "loop1.bpf.o".into(),
            program: program.into(),
            verdict,
            duration,
            insns,
            states: 7,
            peak_states: 6,
            max_states_per_insn: 5,
            mark_read: 4,
        };
        vec![
            row("a", Verdict::Success, 123_456_789_012_345, 9),
            row("nested_loops", Verdict::Failure, 1, 361_349),
        ]
    }

    fn text(format: Format, columns: &[Column]) -> String {
        let mut out = Vec::new();
        let counts = Counts {
            files: 1,
            programs: 2,
            skipped_files: 3,
            skipped_programs: 4,
        };
        write_stats(&mut out, columns, &rows(), format, &counts).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table() {
        assert_eq!(
            text(Format::Table, &Column::TABLE),
            "\
File         Program       Verdict    Duration (us)   Insns  States  Peak states
-----------  ------------  -------  ---------------  ------  ------  -----------
loop1.bpf.o  a             success  123456789012345       9       7            6
loop1.bpf.o  nested_loops  failure                1  361349       7            6
-----------  ------------  -------  ---------------  ------  ------  -----------
Done. Processed 1 files, 2 programs. Skipped 3 files, 4 programs.
"
        );
    }

    #[test]
    fn csv() {
        assert_eq!(
            text(Format::Csv, &Column::CSV),
            "\
file_name,prog_name,verdict,duration,total_insns,total_states,peak_states,max_states_per_insn,max_mark_read_len
loop1.bpf.o,a,success,123456789012345,9,7,6,5,4
loop1.bpf.o,nested_loops,failure,1,361349,7,6,5,4
"
        );
    }
}
