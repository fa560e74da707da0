//! Budgets written from figures, into a file whose comments and order stay.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

use crate::budget::FIGURES;
use crate::{Column, Programs, Row, Verdict};

/// How much more than the present figures budgets allow, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin(u16);

impl Margin {
    /// The figure with the margin, rounded up.
    fn above(self, figure: i64) -> i64 {
        let more = i128::from(figure.max(0)) * i128::from(self.0);
        let more = (more + 99) / 100;
        figure.saturating_add(i64::try_from(more).unwrap_or(i64::MAX))
    }
}

impl FromStr for Margin {
    type Err = String;

    fn from_str(text: &str) -> Result<Margin, String> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let percent = number.parse().ok().filter(|percent| *percent <= 1000);
        let percent = percent.ok_or_else(|| "expected a percentage from 0% to 1000%".to_owned());
        percent.map(Margin)
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// The key of the array of budgets, and that of what one names.
const BUDGET: &str = "budget";
const PROGRAMS: &str = "programs";

/// The text of a `verdict.toml` with the figures of accepted programs, and a margin, as their budgets. A budget that
/// names one program alone is changed: the figures that it limits, or all if it limits none. A program without one gets
/// one behind all others. Of a program with several rows the highest figures count. An empty file gets a list of `objects`,
/// too.
///
/// # Errors
/// Says where the text is no `verdict.toml`.
pub fn update_budgets(
    text: &str,
    rows: &[Row],
    margin: Margin,
    objects: &[String],
) -> Result<String, String> {
    let mut file: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| e.to_string())?;
    if file.is_empty() && !objects.is_empty() {
        let objects: Array = objects.iter().map(String::as_str).collect();
        file.insert("objects", Item::Value(objects.into()));
    }
    let budgets = file
        .entry(BUDGET)
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(budgets) = budgets.as_array_of_tables_mut() else {
        return Err(format!("{BUDGET}: expected tables [[{BUDGET}]]"));
    };
    for ((object, program), figures) in present(rows) {
        let figures = figures.map(|figure| margin.above(figure));
        let own = budgets
            .iter_mut()
            .filter(|table| is_of(table, (object, program), rows));
        match own.last() {
            Some(table) => set_limits(table, figures),
            None => budgets.push(new_budget(&format!("{object}/{program}"), figures)?),
        }
    }
    Ok(file.to_string())
}

/// The highest figures of each accepted program, in the order of [`FIGURES`].
fn present(rows: &[Row]) -> BTreeMap<(&str, &str), [i64; 4]> {
    let mut all: BTreeMap<_, [i64; 4]> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.verdict == Verdict::Success) {
        let figures = all.entry(row.key()).or_default();
        for (highest, column) in figures.iter_mut().zip(FIGURES) {
            *highest = (*highest).max(column.number(row).unwrap_or(0));
        }
    }
    all
}

/// Whether a budget names this program and no other one.
fn is_of(table: &Table, (object, program): (&str, &str), rows: &[Row]) -> bool {
    let text = table.get(PROGRAMS).and_then(Item::as_str);
    let Some(programs) = text.and_then(|text| Programs::parse(text).ok()) else {
        return false;
    };
    let others = |row: &&Row| row.key() != (object, program) && programs.name(&row.file, &row.program);
    !programs.has_gaps() && programs.name(object, program) && !rows.iter().any(|row| others(&row))
}

fn set_limits(table: &mut Table, figures: [i64; 4]) {
    let limits: Vec<_> = FIGURES.into_iter().map(key).zip(figures).collect();
    let none = limits.iter().all(|(key, _)| !table.contains_key(key));
    for (key, limit) in limits {
        match table.get_mut(&key).and_then(Item::as_value_mut) {
            Some(value) => {
                // What stands around it stays: a remark behind it.
                let around = value.decor().clone();
                *value = Value::from(limit);
                *value.decor_mut() = around;
            }
            None if none => {
                table.insert(&key, Item::Value(limit.into()));
            }
            None => {}
        }
    }
}

fn new_budget(name: &str, figures: [i64; 4]) -> Result<Table, String> {
    Programs::parse(name).map_err(|expected| format!("no budget can name '{name}': {expected}"))?;
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table.insert(PROGRAMS, Item::Value(name.into()));
    set_limits(&mut table, figures);
    Ok(table)
}

/// A figure's key in a budget.
fn key(column: Column) -> String {
    column.field().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budgets;

    fn row(program: &str, insns: i64) -> Row {
        Row {
            file: "a.bpf.o".into(),
            program: program.into(),
            verdict: Verdict::Success,
            insns,
            states: 3,
            peak_states: 2,
            stack: 16,
            ..Row::default()
        }
    }

    fn updated(text: &str, rows: &[Row]) -> String {
        let text = update_budgets(text, rows, "10%".parse().unwrap(), &["x/*.o".to_owned()]).unwrap();
        // Whatever comes out, the programs keep to it.
        let budgets = Budgets::parse(&text).unwrap();
        for row in rows.iter().filter(|row| row.verdict == Verdict::Success) {
            assert_eq!(budgets.judge(row), [], "{text}");
        }
        text
    }

    #[test]
    fn a_new_file() {
        assert_eq!(
            updated("", &[row("p", 100)]),
            "objects = [\"x/*.o\"]\n\n[[budget]]\nprograms = \"a.bpf.o/p\"\ninsns = 110\nstates = 4\npeak-states = 3\nstack = 18\n"
        );
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# ours\nobjects = [\"build\"] # where they are\n\n[[budget]]\nprograms = \"*\"\nstack = 512\n\n\
                    # the hot one\n[[budget]]\nprograms = \"a.bpf.o/p\" # by name\ninsns = 5_000 # was 7_000\n\n\
                    [[plan]]\nobjects = \"a.bpf.o\"\n";
        let after = updated(text, &[row("p", 101), row("q", 7)]);
        let expected = text.replace("insns = 5_000", "insns = 112").replace(
            "\n[[plan]]",
            "\n[[budget]]\nprograms = \"a.bpf.o/q\"\ninsns = 8\nstates = 4\npeak-states = 3\nstack = 18\n\n[[plan]]",
        );
        assert_eq!(after, expected);
        // What is once written is changed in its place.
        let again = updated(&after, &[row("p", 101), row("q", 9)]);
        assert_eq!(again, after.replace("insns = 8\n", "insns = 10\n"));
    }

    #[test]
    fn of_several_kernels_the_highest_figure_counts_and_rejected_programs_have_none() {
        let failed = Row {
            verdict: Verdict::Failure,
            ..row("r", 9999)
        };
        let text = updated("", &[row("p", 10), row("p", 50), failed]);
        assert!(
            text.contains("insns = 55\n") && !text.contains("a.bpf.o/r"),
            "{text}"
        );
    }

    #[test]
    fn margins() {
        let above = |margin: &str, figure| margin.parse::<Margin>().unwrap().above(figure);
        assert_eq!((above("0", 7), above("10%", 7), above("100%", 7)), (7, 8, 14));
        assert_eq!(above("1000%", i64::MAX), i64::MAX);
        for wrong in ["", "%", "-1%", "x", "1001%", "1.5%"] {
            assert!(wrong.parse::<Margin>().is_err(), "{wrong}");
        }
    }
}
