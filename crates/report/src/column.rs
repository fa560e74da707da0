//! The columns of tables and CSV files: veristat's names, headers and aliases.

use std::fmt;

use crate::{Row, Verdict};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Object file name.
    File,
    /// Program name.
    Program,
    /// Accepted or not.
    Verdict,
    /// Verification time in microseconds.
    Duration,
    /// Processed instructions.
    Insns,
    /// Kept states.
    States,
    /// Peak of kept states.
    PeakStates,
    /// Most states at one instruction.
    MaxStatesPerInsn,
    /// Longest chain of read marks.
    MarkRead,
}

/// A cell's content before layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Shown left-aligned.
    Text(&'a str),
    /// Shown right-aligned.
    Number(i64),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(s) => f.write_str(s),
            Value::Number(n) => write!(f, "{n}"),
        }
    }
}

impl Column {
    /// Every column.
    pub const ALL: [Column; 9] = [
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::PeakStates,
        Column::MaxStatesPerInsn,
        Column::MarkRead,
        Column::File,
        Column::Program,
    ];
    /// What a table shows unless asked otherwise.
    pub const TABLE: [Column; 7] = [
        Column::File,
        Column::Program,
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::PeakStates,
    ];
    /// What a CSV file has unless asked otherwise.
    pub const CSV: [Column; 9] = [
        Column::File,
        Column::Program,
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::PeakStates,
        Column::MaxStatesPerInsn,
        Column::MarkRead,
    ];
    /// What a comparison shows unless asked otherwise.
    pub const COMPARISON: [Column; 4] = [Column::File, Column::Program, Column::Insns, Column::States];

    /// The heading in a table.
    pub fn header(self) -> &'static str {
        match self {
            Column::File => "File",
            Column::Program => "Program",
            Column::Verdict => "Verdict",
            Column::Duration => "Duration (us)",
            Column::Insns => "Insns",
            Column::States => "States",
            Column::PeakStates => "Peak states",
            Column::MaxStatesPerInsn => "Max states per insn",
            Column::MarkRead => "Max mark read length",
        }
    }

    /// The names that select the column; the first heads it in a CSV file.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Column::File => &["file_name", "filename", "file"],
            Column::Program => &["prog_name", "progname", "prog"],
            Column::Verdict => &["verdict"],
            Column::Duration => &["duration", "dur"],
            Column::Insns => &["total_insns", "insns"],
            Column::States => &["total_states", "states"],
            Column::PeakStates => &["peak_states"],
            Column::MaxStatesPerInsn => &["max_states_per_insn"],
            Column::MarkRead => &["max_mark_read_len", "mark_read"],
        }
    }

    /// The column that goes by this name.
    pub fn from_name(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|c| c.names().contains(&name))
    }

    /// Whether the column identifies a row rather than measures it.
    pub fn is_key(self) -> bool {
        matches!(self, Column::File | Column::Program)
    }

    /// Whether the column holds text, which is left-aligned.
    pub fn is_text(self) -> bool {
        self.is_key() || self == Column::Verdict
    }

    /// The row's value in this column.
    pub fn value(self, row: &Row) -> Value<'_> {
        match self {
            Column::File => Value::Text(&row.file),
            Column::Program => Value::Text(&row.program),
            Column::Verdict => Value::Text(row.verdict.name()),
            Column::Duration => Value::Number(row.duration),
            Column::Insns => Value::Number(row.insns),
            Column::States => Value::Number(row.states),
            Column::PeakStates => Value::Number(row.peak_states),
            Column::MaxStatesPerInsn => Value::Number(row.max_states_per_insn),
            Column::MarkRead => Value::Number(row.mark_read),
        }
    }

    /// Sets the row's value in this column from text; `false` when the text is no such value.
    pub(crate) fn parse_into(self, row: &mut Row, text: &str) -> bool {
        let number = match self {
            Column::File => return set(&mut row.file, Some(text.to_owned())),
            Column::Program => return set(&mut row.program, Some(text.to_owned())),
            Column::Verdict => return set(&mut row.verdict, Verdict::from_name(text)),
            Column::Duration => &mut row.duration,
            Column::Insns => &mut row.insns,
            Column::States => &mut row.states,
            Column::PeakStates => &mut row.peak_states,
            Column::MaxStatesPerInsn => &mut row.max_states_per_insn,
            Column::MarkRead => &mut row.mark_read,
        };
        set(number, text.trim().parse().ok())
    }
}

fn set<T>(place: &mut T, value: Option<T>) -> bool {
    let known = value.is_some();
    if let Some(value) = value {
        *place = value;
    }
    known
}

/// A name that no column has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownColumn(pub String);

impl fmt::Display for UnknownColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Column::ALL
            .iter()
            .filter_map(|c| c.names().last())
            .copied()
            .collect();
        write!(
            f,
            "unknown column '{}': expected one of {}",
            self.0,
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownColumn {}

/// The columns named by a comma-separated list.
///
/// # Errors
/// Names the first word that is no column.
pub fn parse_columns(list: &str) -> Result<Vec<Column>, UnknownColumn> {
    list.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| Column::from_name(word).ok_or_else(|| UnknownColumn(word.to_owned())))
        .collect()
}
