//! What programs may cost: conditions on comparisons, and limits kept in a file beside the programs.

use std::fmt;

use serde::Deserialize;

use crate::{Column, FilterError, Filters, Joined, Row, Verdict};

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
    programs: String,
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

/// A limit that a program exceeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The kernel or libbpf refuses it.
    Rejected,
    /// It needs something that is not modelled, so that nothing can be said.
    Unsupported,
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
    pub fn parse(text: &str) -> Result<Budgets, String> {
        let budgets: Budgets = toml::from_str(text).map_err(|e| e.to_string())?;
        for entry in &budgets.entries {
            let is_name = |filters: &Filters| filters.figures().next().is_none();
            if !entry.filter().is_some_and(|filters| is_name(&filters)) {
                let expected = "PROGRAM, OBJECT/PROGRAM or OBJECT/, with * for anything";
                return Err(format!("budget of '{}': expected {expected}", entry.programs));
            }
        }
        Ok(budgets)
    }

    /// Whether the program has a budget.
    pub fn concern(&self, row: &Row) -> bool {
        self.entries.iter().any(|entry| entry.names(row))
    }

    /// What the program exceeds. Of several entries that name it, the last one that says something of a figure
    /// decides on that figure.
    pub fn judge(&self, row: &Row) -> Vec<Breach> {
        let mut limits = Budget::default();
        for entry in self.entries.iter().filter(|entry| entry.names(row)) {
            limits.insns = entry.insns.or(limits.insns);
            limits.states = entry.states.or(limits.states);
            limits.peak_states = entry.peak_states.or(limits.peak_states);
            limits.stack = entry.stack.or(limits.stack);
            limits.may_fail = entry.may_fail.or(limits.may_fail);
        }
        match row.verdict {
            Verdict::Failure if limits.may_fail == Some(true) => return Vec::new(),
            Verdict::Failure => return vec![Breach::Rejected],
            Verdict::Unsupported => return vec![Breach::Unsupported],
            Verdict::Success => {}
        }
        let figures = [
            (Column::Insns, row.insns, limits.insns),
            (Column::States, row.states, limits.states),
            (Column::PeakStates, row.peak_states, limits.peak_states),
            (Column::Stack, row.stack, limits.stack),
        ];
        let over = figures.into_iter().filter_map(|(column, value, limit)| {
            let limit = limit.filter(|limit| value > *limit)?;
            Some(Breach::Over { column, value, limit })
        });
        over.collect()
    }

    /// The entries that name none of the programs: they guard nothing.
    pub fn unused<'b>(&'b self, rows: &'b [Row]) -> impl Iterator<Item = &'b str> {
        let unused = |entry: &&Budget| !rows.iter().any(|row| entry.names(row));
        self.entries
            .iter()
            .filter(unused)
            .map(|entry| entry.programs.as_str())
    }
}

impl Budget {
    fn filter(&self) -> Option<Filters> {
        let mut filters = Filters::default();
        let allowed = !self.programs.starts_with('!');
        (allowed && filters.add(&self.programs).is_ok()).then_some(filters)
    }

    fn names(&self, row: &Row) -> bool {
        self.filter()
            .is_some_and(|filter| filter.wants_program(&row.file, &row.program))
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
            budgets.unused(&[row("small", 0, 0)]).collect::<Vec<_>>(),
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
            let error = Budgets::parse(text).unwrap_err();
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
