//! What verdict prints: figures as tables, CSV and JSON lines, comparisons, and the words of `check`.
//!
//! Everything here turns finished [`Record`]s into text. Tables, CSV and comparisons have the layout of
//! `veristat`, so that scripts which read the one read the other.

mod check;
mod column;
mod compare;
mod csv;
pub mod profile;
mod record;
mod stat;

pub use check::{CheckEntry, CheckSummary, Place, write_entry};
pub use column::{Column, UnknownColumn, Value, parse_columns};
pub use compare::{Joined, join, write_comparison};
pub use csv::{CsvError, read_rows};
pub use record::{Figures, Record, Stage, Verdict, to_json_line};
pub use stat::{Counts, Format, Row, write_stats};
