//! Which programs keep to their budgets: what `verdict gate` says.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::fields::fields;
use crate::forms::{DocumentHead, Json, write_json, write_table};
use crate::{Breach, Budgets, Column, Limits, Look, Part, Programs, Row, Verdict};

/// Programs, and what each of them exceeds.
#[derive(Debug)]
pub struct Gate<'r> {
    rows: Vec<(&'r Row, Limits, Vec<Breach>)>,
    /// Budgets that name none of the programs.
    unused: Vec<&'r Programs>,
    kernels: Vec<&'r str>,
    /// What has to be known of these, a line each.
    notes: &'r [String],
}

impl<'r> Gate<'r> {
    /// Holds programs to budgets; `notes` say what has to be known of the kernels that were asked.
    pub fn of(budgets: &'r Budgets, rows: &'r [Row], notes: &'r [String]) -> Gate<'r> {
        let kernels: BTreeSet<_> = rows.iter().map(|row| row.kernel.as_str()).collect();
        let judged = rows
            .iter()
            .map(|row| (row, budgets.limits(row), budgets.judge(row)));
        Gate {
            rows: judged.collect(),
            unused: budgets.unused(rows).collect(),
            kernels: kernels.into_iter().collect(),
            notes,
        }
    }

    /// What is exceeded.
    pub fn breaches(&self) -> impl Iterator<Item = &Breach> {
        self.rows.iter().flat_map(|(.., breaches)| breaches)
    }

    /// The budgets that name none of the programs.
    pub fn unused(&self) -> &[&'r Programs] {
        &self.unused
    }

    /// Writes what is exceeded, in the verbose form what is not, too, and counts.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write, look: Look) -> io::Result<()> {
        for (row, limits, breaches) in &self.rows {
            let name = format!("{} {}{}", row.file, row.program, self.on(row));
            for breach in breaches {
                let part = match breach {
                    Breach::Unsupported | Breach::GaveUp => Part::Warning,
                    _ => Part::Error,
                };
                writeln!(out, "{name}: {}", look.paint(part, breach))?;
            }
            if look.verbose && breaches.is_empty() {
                writeln!(out, "{name}: {}", look.paint(Part::Good, within(row, limits)))?;
            }
        }
        for note in self.notes {
            writeln!(out, "note: {note}")?;
        }
        writeln!(out, "{}", self.counts())
    }

    /// Writes a page in Markdown.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_markdown(&self, page: &mut dyn Write) -> io::Result<()> {
        writeln!(page, "## verdict gate\n\n{}\n", self.counts())?;
        for note in self.notes {
            writeln!(page, "{note}\n")?;
        }
        if self.breaches().next().is_none() {
            return Ok(());
        }
        let heads = ["File", "Program", ""].map(ToOwned::to_owned);
        let lines = self.rows.iter().flat_map(|(row, _, breaches)| {
            let program = format!("{}{}", row.program, self.on(row));
            let line = move |breach: &Breach| vec![row.file.clone(), program.clone(), breach.to_string()];
            breaches.iter().map(line)
        });
        write_table(page, &heads, lines)
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, out: &mut dyn Write, form: Json) -> io::Result<()> {
        let known: Vec<_> = self
            .kernels
            .iter()
            .copied()
            .filter(|name| !name.is_empty())
            .collect();
        let head = DocumentHead {
            command: "gate",
            kernels: &known,
            notes: self.notes,
            ..DocumentHead::default()
        };
        let programs = self.rows.iter().map(|(row, limits, breaches)| {
            Entry::Program(Box::new(Judged {
                figures: fields(row, &COLUMNS),
                limits: LimitsEntry::of(limits),
                within: breaches.is_empty(),
                breaches: breaches.iter().map(BreachEntry::of).collect(),
            }))
        });
        let unused = self.unused.iter().map(|budget| Entry::Unused {
            budget: budget.to_string(),
            error: "names no program",
        });
        let within = self.within();
        let summary = Counts {
            programs: self.rows.len(),
            within,
            exceeding: self.rows.len() - within,
        };
        write_json(out, form, &head, programs.chain(unused), Some(summary))
    }

    fn within(&self) -> usize {
        self.rows
            .iter()
            .filter(|(.., breaches)| breaches.is_empty())
            .count()
    }

    fn counts(&self) -> String {
        let (total, within) = (self.rows.len(), self.within());
        let noun = if total == 1 { "program" } else { "programs" };
        format!("{total} {noun}: {within} within budget, {} not", total - within)
    }

    /// The kernel's name, where it tells rows apart.
    fn on(&self, row: &Row) -> String {
        match self.kernels.len() > 1 && !row.kernel.is_empty() {
            true => format!(" on {}", row.kernel),
            false => String::new(),
        }
    }
}

/// What a program within its budget costs, beside what it may.
fn within(row: &Row, limits: &Limits) -> String {
    if row.verdict != Verdict::Success {
        return "rejected, as it may be".to_owned();
    }
    let figures: Vec<_> = limits
        .of_figures()
        .map(|(column, limit)| {
            let (value, name) = (column.number(row).unwrap_or(0), column.header().to_lowercase());
            format!("{value} of {limit} {name}")
        })
        .collect();
    match figures.is_empty() {
        true => "no limits".to_owned(),
        false => figures.join(", "),
    }
}

/// What is said of each program.
const COLUMNS: [Column; 11] = [
    Column::File,
    Column::Program,
    Column::Kernel,
    Column::Verdict,
    Column::Errno,
    Column::Rule,
    Column::Reason,
    Column::Insns,
    Column::States,
    Column::PeakStates,
    Column::Stack,
];

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Program(Box<Judged>),
    Unused { budget: String, error: &'static str },
}

#[derive(Serialize)]
struct Judged {
    #[serde(flatten)]
    figures: Map<String, Value>,
    limits: LimitsEntry,
    within: bool,
    breaches: Vec<BreachEntry>,
}

/// The limits that there are.
#[derive(Serialize)]
struct LimitsEntry {
    #[serde(flatten)]
    figures: Map<String, Value>,
    may_fail: bool,
}

impl LimitsEntry {
    fn of(limits: &Limits) -> LimitsEntry {
        let figures = limits.of_figures();
        LimitsEntry {
            figures: figures
                .map(|(column, limit)| (column.field().to_owned(), limit.into()))
                .collect(),
            may_fail: limits.may_fail,
        }
    }
}

#[derive(Serialize)]
struct BreachEntry {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    figure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
}

impl BreachEntry {
    fn of(breach: &Breach) -> BreachEntry {
        let (kind, over) = match breach {
            Breach::Rejected => ("rejected", None),
            Breach::Unsupported => ("unsupported", None),
            Breach::GaveUp => ("gave_up", None),
            Breach::Over { column, value, limit } => ("over", Some((column.field(), *value, *limit))),
        };
        BreachEntry {
            kind,
            figure: over.map(|(figure, ..)| figure),
            value: over.map(|(_, value, _)| value),
            limit: over.map(|(.., limit)| limit),
        }
    }
}

#[derive(Serialize)]
struct Counts {
    programs: usize,
    within: usize,
    exceeding: usize,
}
