//! The columns of tables and CSV files: veristat's names, headers and aliases, and verdict's own.

use std::fmt;

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};

use crate::{Row, Verdict};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
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
    /// Instructions of the program.
    Size,
    /// Bytes of the program as machine code.
    JitedSize,
    /// Stack bytes of all subprograms, added up.
    Stack,
    /// Stack bytes of the deepest chain of calls, where a kernel says it.
    MaxStack,
    /// Program type.
    ProgType,
    /// Expected attach type.
    AttachType,
    /// Peak of memory, where it was measured.
    PeakMemory,
    /// Object file name.
    File,
    /// Program name.
    Program,
    /// The kernel that was asked.
    Kernel,
    /// Error number.
    Errno,
    /// Why it was rejected, or what is not modelled: one line.
    Reason,
    /// The code of the rule that was broken.
    Rule,
    /// Nanoseconds for each processed instruction.
    TimePerInsn,
    /// Paths that ended because an explored state subsumes the current one.
    PruneHits,
    /// Explored states that were compared and did not match.
    PruneMisses,
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
    pub const ALL: [Column; 23] = [
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::PeakStates,
        Column::MaxStatesPerInsn,
        Column::MarkRead,
        Column::Size,
        Column::JitedSize,
        Column::Stack,
        Column::MaxStack,
        Column::ProgType,
        Column::AttachType,
        Column::PeakMemory,
        Column::File,
        Column::Program,
        Column::Kernel,
        Column::Errno,
        Column::Reason,
        Column::Rule,
        Column::TimePerInsn,
        Column::PruneHits,
        Column::PruneMisses,
    ];
    /// What a table shows unless asked otherwise.
    pub const TABLE: [Column; 8] = [
        Column::File,
        Column::Program,
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::Size,
        Column::JitedSize,
    ];
    /// What a CSV file has unless asked otherwise.
    pub const CSV: [Column; 16] = [
        Column::File,
        Column::Program,
        Column::Verdict,
        Column::Duration,
        Column::Insns,
        Column::States,
        Column::PeakStates,
        Column::MaxStatesPerInsn,
        Column::MarkRead,
        Column::Size,
        Column::JitedSize,
        Column::ProgType,
        Column::AttachType,
        Column::Stack,
        Column::MaxStack,
        Column::PeakMemory,
    ];
    /// What a comparison shows unless asked otherwise.
    pub const COMPARISON: [Column; 4] = [Column::File, Column::Program, Column::Insns, Column::States];

    /// The heading in a table.
    pub fn header(self) -> &'static str {
        match self {
            Column::Verdict => "Verdict",
            Column::Duration => "Duration (us)",
            Column::Insns => "Insns",
            Column::States => "States",
            Column::PeakStates => "Peak states",
            Column::MaxStatesPerInsn => "Max states per insn",
            Column::MarkRead => "Max mark read length",
            Column::Size => "Program size",
            Column::JitedSize => "Jited size",
            Column::Stack => "Stack depth",
            Column::MaxStack => "Max stack depth",
            Column::ProgType => "Program type",
            Column::AttachType => "Attach type",
            Column::PeakMemory => "Peak memory (MiB)",
            Column::File => "File",
            Column::Program => "Program",
            Column::Kernel => "Kernel",
            Column::Errno => "Errno",
            Column::Reason => "Reason",
            Column::Rule => "Rule",
            Column::TimePerInsn => "Time per insn (ns)",
            Column::PruneHits => "Prune hits",
            Column::PruneMisses => "Prune misses",
        }
    }

    /// The names that select the column; the first heads it in a CSV file.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Column::Verdict => &["verdict"],
            Column::Duration => &["duration", "dur"],
            Column::Insns => &["total_insns", "insns"],
            Column::States => &["total_states", "states"],
            Column::PeakStates => &["peak_states"],
            Column::MaxStatesPerInsn => &["max_states_per_insn"],
            Column::MarkRead => &["max_mark_read_len", "mark_read"],
            Column::Size => &["prog_size"],
            Column::JitedSize => &["prog_size_jited"],
            Column::Stack => &["stack_depth", "stack"],
            Column::MaxStack => &["max_stack_depth"],
            Column::ProgType => &["prog_type"],
            Column::AttachType => &["attach_type"],
            Column::PeakMemory => &["mem_peak"],
            Column::File => &["file_name", "filename", "file"],
            Column::Program => &["prog_name", "progname", "prog"],
            Column::Kernel => &["kernel"],
            Column::Errno => &["errno"],
            Column::Reason => &["reason"],
            Column::Rule => &["rule"],
            Column::TimePerInsn => &["time_per_insn"],
            Column::PruneHits => &["prune_hits"],
            Column::PruneMisses => &["prune_misses"],
        }
    }

    /// The field's name in JSON: that of `docs/schema/verdict-1.json`.
    pub fn field(self) -> &'static str {
        match self {
            Column::Duration => "usec",
            Column::Insns => "insns",
            Column::States => "states",
            Column::MarkRead => "mark_read",
            Column::JitedSize => "jited_size",
            Column::Stack => "stack",
            Column::MaxStack => "max_stack",
            Column::PeakMemory => "peak_memory",
            Column::File => "object",
            Column::Program => "program",
            _ => self.name(),
        }
    }

    /// The name in CSV files.
    pub fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// The column that goes by this name.
    pub fn from_name(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|c| c.names().contains(&name))
    }

    /// Whether the column identifies a row rather than measures it.
    pub(crate) fn is_key(self) -> bool {
        matches!(self, Column::File | Column::Program)
    }

    /// Whether the column holds text, which is left-aligned.
    pub(crate) fn is_text(self) -> bool {
        self.is_named() || matches!(self, Column::ProgType | Column::AttachType)
    }

    /// Whether the heading stands to the left, too; over types veristat has it to the right.
    pub(crate) fn is_named(self) -> bool {
        matches!(
            self,
            Column::File
                | Column::Program
                | Column::Verdict
                | Column::Kernel
                | Column::Errno
                | Column::Reason
                | Column::Rule
        )
    }

    /// Whether rows are sorted upwards by this column unless asked otherwise.
    pub(crate) fn ascends(self) -> bool {
        self.is_named()
    }

    /// The row's value in this column.
    pub fn value(self, row: &Row) -> Value<'_> {
        match self {
            Column::File => Value::Text(&row.file),
            Column::Program => Value::Text(&row.program),
            Column::Verdict => Value::Text(row.verdict.name()),
            Column::ProgType => Value::Text(or_zeroth(&row.prog_type, ProgType::Unspec.name())),
            Column::AttachType => {
                Value::Text(or_zeroth(&row.attach_type, AttachType::CgroupInetIngress.name()))
            }
            Column::Kernel => Value::Text(&row.kernel),
            Column::Reason => Value::Text(&row.reason),
            Column::Rule => Value::Text(&row.rule),
            Column::Errno => match row.errno {
                0 => Value::Text(""),
                n => Value::Text(errno_name(n)),
            },
            _ => Value::Number(self.number(row).unwrap_or(0)),
        }
    }

    /// The row's value as a number, by which rows are sorted, filtered and compared; verdicts, types and error
    /// numbers have one, too.
    pub fn number(self, row: &Row) -> Option<i64> {
        Some(match self {
            Column::File | Column::Program | Column::Kernel | Column::Reason | Column::Rule => return None,
            Column::Verdict => match row.verdict {
                Verdict::Failure => 0,
                Verdict::Success => 1,
                Verdict::Unsupported => 2,
                Verdict::GaveUp => 3,
            },
            Column::Duration => row.duration,
            Column::Insns => row.insns,
            Column::States => row.states,
            Column::PeakStates => row.peak_states,
            Column::MaxStatesPerInsn => row.max_states_per_insn,
            Column::MarkRead => row.mark_read,
            Column::Size => row.size,
            Column::JitedSize => row.jited_size,
            Column::Stack => row.stack,
            Column::MaxStack => row.max_stack,
            Column::ProgType => type_number(&row.prog_type, ProgType::from_name(&row.prog_type)),
            Column::AttachType => type_number(&row.attach_type, AttachType::from_name(&row.attach_type)),
            Column::PeakMemory => row.peak_memory,
            Column::Errno => row.errno.into(),
            Column::TimePerInsn => row
                .duration
                .saturating_mul(1000)
                .checked_div(row.insns)
                .unwrap_or(0),
            Column::PruneHits => row.prune_hits,
            Column::PruneMisses => row.prune_misses,
        })
    }

    /// Whether filters can compare the column with a number.
    pub(crate) fn is_numeric(self) -> bool {
        !matches!(
            self,
            Column::File | Column::Program | Column::Kernel | Column::Reason | Column::Rule
        )
    }

    /// Sets the row's value in this column from text; `false` when the text is no such value.
    pub(crate) fn parse_into(self, row: &mut Row, text: &str) -> bool {
        let number = match self {
            Column::File => return set(&mut row.file, Some(text.to_owned())),
            Column::Program => return set(&mut row.program, Some(text.to_owned())),
            Column::Verdict => return set(&mut row.verdict, Verdict::from_name(text)),
            // Newer kernels have types that this one does not know.
            Column::ProgType => return set(&mut row.prog_type, Some(text.to_owned())),
            Column::AttachType => return set(&mut row.attach_type, Some(text.to_owned())),
            Column::Kernel => return set(&mut row.kernel, Some(text.to_owned())),
            Column::Reason => return set(&mut row.reason, Some(text.to_owned())),
            Column::Rule => return set(&mut row.rule, Some(text.to_owned())),
            Column::Errno => return set(&mut row.errno, parse_errno(text)),
            Column::TimePerInsn => return text.trim().parse::<i64>().is_ok(), // follows from the others
            Column::Duration => &mut row.duration,
            Column::Insns => &mut row.insns,
            Column::States => &mut row.states,
            Column::PeakStates => &mut row.peak_states,
            Column::MaxStatesPerInsn => &mut row.max_states_per_insn,
            Column::MarkRead => &mut row.mark_read,
            Column::Size => &mut row.size,
            Column::JitedSize => &mut row.jited_size,
            Column::Stack => &mut row.stack,
            Column::MaxStack => &mut row.max_stack,
            Column::PeakMemory => &mut row.peak_memory,
            Column::PruneHits => &mut row.prune_hits,
            Column::PruneMisses => &mut row.prune_misses,
        };
        set(number, text.trim().parse().ok())
    }
}

/// What a type is called that nobody named: the one with number 0.
fn or_zeroth<'a>(name: &'a str, zeroth: &'a str) -> &'a str {
    if name.is_empty() { zeroth } else { name }
}

/// The number of a type; one without a known number comes last.
fn type_number(name: &str, known: Option<impl Into<u32>>) -> i64 {
    match known {
        Some(ty) => i64::from(ty.into()),
        None if name.is_empty() => 0,
        None => i64::from(u32::MAX),
    }
}

fn errno_name(errno: i32) -> &'static str {
    Errno(errno).name().unwrap_or("?")
}

fn parse_errno(text: &str) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let named = || (1..4096).find(|n| Errno(*n).name() == Some(text));
    text.parse().ok().or_else(named)
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
