//! What programs may cost: conditions on comparisons, and limits kept in a file beside the programs.

use std::fmt;

use serde::Deserialize;

use crate::{Column, FilterError, Filters, Joined, Programs, Row, Verdict};

/// A condition under which a comparison fails: `insns_pct>10`.
#[derive(Clone, Debug)]
pub struct FailIf {
    text: String,
    filters: Filters,
}

impl FailIf {
    /// Reads a condition: a figure with an optional `_a`, `_b`, `_diff` or `_pct`, an operator and a number.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<FailIf, FilterError> {
        let mut filters = Filters::default();
        filters.add(text)?;
        if filters.figures().next().is_none() || text.starts_with('!') {
            return Err(FilterError::Empty(text.to_owned()));
        }
        Ok(FailIf {
            text: text.to_owned(),
            filters,
        })
    }

    /// Whether it holds of a program that both sides have.
    pub fn holds(&self, row: &Joined<'_>) -> bool {
        row.a.is_some() && row.b.is_some() && self.filters.wants_joined(row)
    }

    /// The condition as written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The limits of a `verdict.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budgets {
    /// What is verified when the command line names nothing: objects, directories or globs.
    #[serde(default)]
    pub objects: Vec<String>,
    #[serde(default, rename = "budget")]
    entries: Vec<Budget>,
    /// Load plans, which the same file may have.
    #[serde(default, rename = "plan")]
    _plans: Option<IgnoredPlans>,
}

/// What is not read here.
#[derive(Clone, Debug, Deserialize)]
struct IgnoredPlans(#[allow(dead_code, reason = "is read elsewhere")] Vec<toml::Value>);

/// Limits for some programs. What is not limited is free.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Budget {
    /// `PROGRAM`, `OBJECT/PROGRAM`, `OBJECT/`: globs, as veristat's filters.
    programs: Programs,
    #[serde(default)]
    insns: Option<i64>,
    #[serde(default)]
    states: Option<i64>,
    #[serde(default)]
    peak_states: Option<i64>,
    #[serde(default)]
    stack: Option<i64>,
    /// Whether the program may be rejected.
    #[serde(default)]
    may_fail: Option<bool>,
}

/// The figures that budgets limit.
pub(crate) const FIGURES: [Column; 4] = [Column::Insns, Column::States, Column::PeakStates, Column::Stack];

/// What a program may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In the order of [`FIGURES`].
    figures: [Option<i64>; 4],
    /// Whether it may be rejected.
    pub may_fail: bool,
}

impl Limits {
    /// The figures that are limited, with their limits.
    pub fn of_figures(&self) -> impl Iterator<Item = (Column, i64)> {
        let limits = FIGURES.into_iter().zip(self.figures);
        limits.filter_map(|(column, limit)| Some((column, limit?)))
    }
}

/// Why a text is no list of budgets: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetError(String);

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BudgetError {}

/// A limit that a program exceeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The kernel or libbpf refuses it.
    Rejected,
    /// It needs something that is not modelled, so that nothing can be said.
    Unsupported,
    /// Its verification was given up, so that nothing can be said.
    GaveUp,
    /// A figure is above its limit.
    Over {
        /// The figure.
        column: Column,
        /// Its value.
        value: i64,
        /// Its limit.
        limit: i64,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Breach::Rejected => f.write_str("rejected"),
            Breach::Unsupported => f.write_str("unsupported"),
            Breach::GaveUp => f.write_str("gave up"),
            Breach::Over { column, value, limit } => {
                let (name, over) = (column.header().to_lowercase(), value.saturating_sub(*limit));
                let percent = if *limit == 0 {
                    100.0
                } else {
                    over as f64 * 100.0 / *limit as f64
                };
                write!(
                    f,
                    "{value} {name}, {over} ({percent:.2}%) above the limit of {limit}"
                )
            }
        }
    }
}

impl Budgets {
    /// Reads a `verdict.toml`.
    ///
    /// # Errors
    /// Says where it is not one.
    pub fn parse(text: &str) -> Result<Budgets, BudgetError> {
        toml::from_str(text).map_err(|e: toml::de::Error| BudgetError(e.to_string()))
    }

    /// Whether the program has a budget.
    pub fn concern(&self, row: &Row) -> bool {
        self.entries.iter().any(|entry| entry.names(row))
    }

    /// What the program may cost, and whether it may be rejected. Of several entries that name it, the last one that
    /// says something of a figure decides on that figure.
    pub fn limits(&self, row: &Row) -> Limits {
        let mut limits = Limits::default();
        for entry in self.entries.iter().filter(|entry| entry.names(row)) {
            for (limit, own) in limits.figures.iter_mut().zip(entry.figures()) {
                *limit = own.or(*limit);
            }
            limits.may_fail = entry.may_fail.unwrap_or(limits.may_fail);
        }
        limits
    }

    /// What the program exceeds.
    pub fn judge(&self, row: &Row) -> Vec<Breach> {
        let limits = self.limits(row);
        match row.verdict {
            Verdict::Failure if limits.may_fail => return Vec::new(),
            Verdict::Failure => return vec![Breach::Rejected],
            Verdict::Unsupported => return vec![Breach::Unsupported],
            Verdict::GaveUp => return vec![Breach::GaveUp],
            Verdict::Success => {}
        }
        let over = limits.of_figures().filter_map(|(column, limit)| {
            let value = column.number(row)?;
            (value > limit).then_some(Breach::Over { column, value, limit })
        });
        over.collect()
    }

    /// The entries that name none of the programs: they guard nothing.
    pub fn unused<'b>(&'b self, rows: &'b [Row]) -> impl Iterator<Item = &'b Programs> {
        let unused = |entry: &&Budget| !rows.iter().any(|row| entry.names(row));
        self.entries.iter().filter(unused).map(|entry| &entry.programs)
    }
}

impl Budget {
    /// In the order of [`FIGURES`].
    fn figures(&self) -> [Option<i64>; 4] {
        [self.insns, self.states, self.peak_states, self.stack]
    }

    fn names(&self, row: &Row) -> bool {
        self.programs.name(&row.file, &row.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(program: &str, insns: i64, stack: i64) -> Row {
        Row {
            file: "a.bpf.o".into(),
            program: program.into(),
            verdict: Verdict::Success,
            insns,
            stack,
            ..Row::default()
        }
    }

    const FILE: &str = "
        objects = [\"build/*.bpf.o\"]
        [[budget]]
        programs = \"*\"
        insns = 100
        stack = 64
        [[budget]]
        programs = \"a.bpf.o/big_*\"
        insns = 1000
        [[budget]]
        programs = \"old\"
        may-fail = true
    ";

    #[test]
    fn the_last_word_counts() {
        let budgets = Budgets::parse(FILE).unwrap();
        assert_eq!(budgets.objects, ["build/*.bpf.o"]);
        let words = |row: &Row| {
            budgets
                .judge(row)
                .iter()
                .map(Breach::to_string)
                .collect::<Vec<_>>()
        };
        assert!(words(&row("small", 100, 64)).is_empty() && words(&row("big_one", 1000, 0)).is_empty());
        assert_eq!(
            words(&row("small", 150, 65)),
            [
                "150 insns, 50 (50.00%) above the limit of 100",
                "65 stack depth, 1 (1.56%) above the limit of 64"
            ]
        );
        assert_eq!(words(&row("big_one", 1001, 65)).len(), 2);
        let failed = |program| Row {
            verdict: Verdict::Failure,
            ..row(program, 9999, 0)
        };
        assert_eq!(budgets.judge(&failed("small")), [Breach::Rejected]);
        assert!(budgets.judge(&failed("old")).is_empty());
        assert_eq!(
            budgets
                .unused(&[row("small", 0, 0)])
                .map(Programs::to_string)
                .collect::<Vec<_>>(),
            ["a.bpf.o/big_*", "old"]
        );
    }

    #[test]
    fn errors_say_where() {
        for (text, part) in [
            ("[[budget]]\ninsns = 3", "programs"),
            ("[[budget]]\nprograms = \"a\"\ninsn = 3", "insn"),
            ("[[budget]]\nprograms = \"insns>3\"", "expected PROGRAM"),
            ("[[budget]]\nprograms = \"!a\"", "expected PROGRAM"),
        ] {
            let error = Budgets::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn conditions() {
        let (a, b) = (row("p", 100, 0), row("p", 111, 0));
        let joined = Joined {
            a: Some(&a),
            b: Some(&b),
        };
        assert!(FailIf::parse("insns_pct>10").unwrap().holds(&joined));
        assert!(!FailIf::parse("insns_pct>11").unwrap().holds(&joined));
        let alone = Joined { a: None, b: Some(&b) };
        assert!(!FailIf::parse("insns>1").unwrap().holds(&alone));
        assert!(FailIf::parse("p*").is_err() && FailIf::parse("!insns>1").is_err());
    }
}
