//! Reading figures back: veristat's CSV files, and verdict's JSON.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use verdict_kernel::rule::Rule;

use crate::{Column, Record, Row, UnknownColumn};

/// Why a file of figures could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there and what was expected.
    pub message: String,
    /// Whether a column has a name that is not known.
    pub unknown_column: bool,
}

impl CsvError {
    fn new(line: usize, message: String) -> CsvError {
        CsvError {
            line,
            message,
            unknown_column: false,
        }
    }
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for CsvError {}

/// Reads figures: CSV with a heading line, as veristat and `verdict stat -o csv` write it, or verdict's own JSON, as a document or lines.
/// Returns the columns that the file has, and its rows.
///
/// # Errors
/// Names the first line that cannot be understood.
pub fn read_rows(text: &str) -> Result<(Vec<Column>, Vec<Row>), CsvError> {
    if text.trim_start().starts_with('{') {
        read_json(text)
    } else {
        read_csv(text)
    }
}

/// A record, and what stands beside it in verdict's own JSON.
#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    record: Record,
    #[serde(default)]
    path: String,
    #[serde(default)]
    kernel: String,
    rule: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    code: String,
}

/// One document with records.
#[derive(Deserialize)]
struct Document {
    records: Vec<Value>,
}

fn read_json(text: &str) -> Result<(Vec<Column>, Vec<Row>), CsvError> {
    let mut rows = Vec::new();
    if let Ok(Document { records }) = serde_json::from_str(text) {
        for (i, record) in records.into_iter().enumerate() {
            rows.extend(read_record(record).map_err(|e| CsvError::new(i + 1, format!("record: {e}")))?);
        }
        return Ok((Column::CSV.to_vec(), rows));
    }
    let lines = text.lines().enumerate();
    for (i, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let read = serde_json::from_str(line).and_then(read_record);
        rows.extend(read.map_err(|e| CsvError::new(i + 1, e.to_string()))?);
    }
    Ok((Column::CSV.to_vec(), rows))
}

/// The row of a record; `None` for one that is no program's: of an object, of an input that cannot be used.
fn read_record(record: Value) -> Result<Option<Row>, serde_json::Error> {
    if record.get("schema").is_some() && record.get("stage").is_none() {
        return Ok(None);
    }
    let line: Line = serde_json::from_value(record)?;
    let rule = line.rule.and_then(|rule| Rule::find(&rule.code));
    let row = Row::from_record(&line.record).map(|row| row.refused_by(rule));
    Ok(row.map(|row| Row {
        path: line.path,
        kernel: line.kernel,
        ..row
    }))
}

fn read_csv(text: &str) -> Result<(Vec<Column>, Vec<Row>), CsvError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let Some((_, heads)) = lines.next() else {
        let message = "no heading line: expected column names";
        return Err(CsvError::new(1, message.to_owned()));
    };
    let columns = cells(heads)
        .iter()
        .map(|head| Column::from_name(head).ok_or_else(|| UnknownColumn(head.clone())))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| CsvError {
            line: 1,
            message: e.to_string(),
            unknown_column: true,
        })?;
    for key in [Column::File, Column::Program] {
        if !columns.contains(&key) {
            let message = format!("no column '{}'", key.header().to_lowercase());
            return Err(CsvError::new(1, message));
        }
    }
    let rows = lines
        .map(|(i, line)| read_row(&columns, i + 1, line))
        .collect::<Result<_, _>>()?;
    Ok((columns, rows))
}

fn read_row(columns: &[Column], line: usize, text: &str) -> Result<Row, CsvError> {
    let cells = cells(text);
    if cells.len() != columns.len() {
        let message = format!(
            "{} cells: expected {}, as the heading has",
            cells.len(),
            columns.len()
        );
        return Err(CsvError::new(line, message));
    }
    let mut row = Row::default();
    for (column, cell) in columns.iter().zip(cells) {
        if !column.parse_into(&mut row, &cell) {
            let expected = if *column == Column::Verdict {
                "success or failure"
            } else {
                "a whole number"
            };
            let name = column.header();
            let message = format!("{name} is '{cell}': expected {expected}");
            return Err(CsvError::new(line, message));
        }
    }
    Ok(row)
}

/// The cells of a line; those between quotes may hold commas.
fn cells(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let mut cell = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            // Two quotes are one.
            while let Some((part, behind)) = quoted.split_once('"') {
                cell.push_str(part);
                quoted = behind;
                match quoted.strip_prefix('"') {
                    Some(behind) => quoted = behind,
                    None => break,
                }
                cell.push('"');
            }
            rest = quoted;
        }
        match rest.split_once(',') {
            Some((part, behind)) => {
                cells.push(cell + part);
                rest = behind;
            }
            None => {
                cells.push(cell + rest);
                return cells;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn reads_what_veristat_writes() {
        let (columns, rows) =
            read_rows("file_name,prog_name,verdict,total_insns\na.o,p,success,12\nb.o,q,failure,-1\n")
                .unwrap();
        assert_eq!(
            columns,
            [Column::File, Column::Program, Column::Verdict, Column::Insns]
        );
        assert_eq!(
            (rows[0].key(), rows[0].verdict, rows[0].insns),
            (("a.o", "p"), Verdict::Success, 12)
        );
        assert_eq!((rows[1].verdict, rows[1].insns), (Verdict::Failure, -1));
    }

    #[test]
    fn cells_between_quotes() {
        assert_eq!(cells("a,\"b,\"\"c\"\"\",,d"), ["a", "b,\"c\"", "", "d"]);
        assert_eq!(cells("\"open,"), ["open", ""]);
    }

    #[test]
    fn names_the_line_and_what_was_expected() {
        let error = |text| read_rows(text).unwrap_err().to_string();
        assert_eq!(error(""), "line 1: no heading line: expected column names");
        assert_eq!(error("file,insns\n"), "line 1: no column 'program'");
        assert_eq!(
            error("file,prog,insns\na,b\n"),
            "line 2: 2 cells: expected 3, as the heading has"
        );
        assert_eq!(
            error("file,prog,insns\na,b,x\n"),
            "line 2: Insns is 'x': expected a whole number"
        );
        assert!(error("file,nonsense\n").starts_with("line 1: unknown column 'nonsense': expected one of"));
    }
}
