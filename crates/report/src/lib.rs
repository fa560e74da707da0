//! What verdict prints: figures as tables, CSV and JSON lines, comparisons, and the words of `check`.
//!
//! Everything here turns finished [`Record`]s into text. Tables, CSV and comparisons have the layout of
//! `veristat`, so that scripts which read the one read the other.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod advice;
mod budget;
mod check;
mod column;
mod compare;
mod csv;
mod directory;
pub mod explanation;
mod fields;
mod filter;
mod finding;
pub mod forms;
mod gate;
pub mod junit;
mod look;
mod matrix;
mod minimum;
mod need;
pub mod profile;
mod programs;
mod record;
mod row;
mod sheet;
mod sources;
mod spec;
mod stat;
mod summary;
mod sweep;
mod update;
pub mod why;
mod xml;

pub use advice::{Advice, DECLARE_GPL, advice};
pub use budget::{Breach, BudgetError, Budgets, FailIf, Limits};
pub use check::{
    CheckEntry, CheckSummary, Place, Refusal, refusal_of, write_entry, write_group, write_reason,
};
pub use column::{Column, UnknownColumn, Value, parse_columns};
pub use compare::{Joined, join, write_compared, write_comparison};
pub use csv::{CsvError, read_rows};
pub use directory::Described;
pub use filter::{FilterError, Filters, list_lines};
pub use finding::{Finding, Groups, Which, findings, fingerprint};
pub use gate::Gate;
pub use look::{Look, Part};
pub use matrix::{MatrixRow, write_matrix, write_reasons, write_switches};
pub use minimum::{Minimum, write_minimum, write_minimum_counts};
pub use need::{Need, instructions};
pub use programs::Programs;
pub use record::{Figures, GaveUp, NEEDS, Record, Stage, Verdict, to_json_line};
pub use row::{Columns, Row};
pub use sheet::Format;
pub use sources::{SourceCount, write_top_sources};
pub use spec::{Figure, Spec, UnknownFigure, Variant, parse_specs, sort_joined, sort_rows};
pub use stat::{Counts, write_stats};
pub use summary::{Summary, Total};
pub use sweep::{SweepRun, write_sweep};
pub use update::{Margin, update_budgets};
pub use verdict_kernel::printable::{is_unprintable, printable, printable_lines};
