//! Two sets of figures side by side, laid out as veristat's comparison mode does it.

use std::cmp::Ordering;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Map;

use crate::fields::{fields, names};
use crate::forms::{DocumentHead, Json, write_json};
use crate::sheet::{Cell, Head, Sheet};
use crate::{Column, Format, Row, Summary, Value, Variant};

/// A program in both sets, or in one of them.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    /// Its figures in the first set.
    pub a: Option<&'a Row>,
    /// Its figures in the second set.
    pub b: Option<&'a Row>,
}

impl<'a> Joined<'a> {
    /// Whether the sets differ in any of these columns, or one of them lacks the program.
    pub fn differs_in(&self, columns: &[Column]) -> bool {
        match (self.a, self.b) {
            (Some(a), Some(b)) => columns
                .iter()
                .filter(|column| !a.lacks.has(**column) && !b.lacks.has(**column))
                .any(|column| column.value(a) != column.value(b)),
            _ => true,
        }
    }

    /// What identifies the program.
    pub fn key(&self) -> (&'a str, &'a str) {
        self.either().map(Row::key).unwrap_or_default()
    }

    /// A column's value as a number, on one side or as the difference between both, absolute or in percent of the
    /// first; `None` where a side lacks it. Where a difference makes no sense, 1 says that both sides match.
    pub fn number(&self, column: Column, variant: Variant) -> Option<f64> {
        let side = |row: Option<&Row>| column.number(row.filter(|row| !row.lacks.has(column))?);
        let both = || side(self.a).zip(side(self.b));
        match variant {
            Variant::A => side(self.a).map(|n| n as f64),
            Variant::B => side(self.b).map(|n| n as f64),
            Variant::Difference => both().map(|(a, b)| match column {
                Column::Verdict if a == b => 1.0,
                Column::Verdict => 0.0,
                _ => b.saturating_sub(a) as f64,
            }),
            Variant::Percent => both().map(|(a, b)| percent(a, b)),
        }
    }

    fn either(&self) -> Option<&'a Row> {
        self.a.or(self.b)
    }
}

/// The change from `a` to `b` in percent of `a`. A change from 0 counts as 100 percent.
fn percent(a: i64, b: i64) -> f64 {
    match (a, b.cmp(&a)) {
        (0, Ordering::Equal) => 0.0,
        (0, Ordering::Less) => -100.0,
        (0, Ordering::Greater) => 100.0,
        _ => b.saturating_sub(a) as f64 * 100.0 / a as f64,
    }
}

/// Joins two sets by file and program; the result is sorted by them.
pub fn join<'a>(a: &'a [Row], b: &'a [Row]) -> Vec<Joined<'a>> {
    let sorted = |rows: &'a [Row]| {
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by(|x, y| x.key().cmp(&y.key()));
        rows.into_iter().peekable()
    };
    let (mut a, mut b) = (sorted(a), sorted(b));
    let mut joined = Vec::new();
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => x.key().cmp(&y.key()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return joined,
        };
        joined.push(Joined {
            a: if order.is_le() { a.next() } else { None },
            b: if order.is_ge() { b.next() } else { None },
        });
    }
}

/// Writes the joined rows in the order given.
///
/// # Errors
/// Those of the writer.
pub fn write_comparison(
    out: &mut dyn Write,
    columns: &[Column],
    rows: &[Joined<'_>],
    format: Format,
) -> io::Result<()> {
    match format.layout() {
        Ok(layout) => sheet(columns, rows).write(out, layout),
        Err(form) => write_compared(out, form, ("stat", &[], &[]), (columns, rows), None),
    }
}

/// Writes the joined rows as JSON: a command, the kernels that it asked, if it did, what has to
/// be known of them, and what the rows add up to.
///
/// # Errors
/// Those of the writer.
pub fn write_compared(
    out: &mut dyn Write,
    form: Json,
    (command, kernels, notes): (&str, &[&str], &[String]),
    (columns, rows): (&[Column], &[Joined<'_>]),
    summary: Option<&Summary<'_>>,
) -> io::Result<()> {
    let head = DocumentHead {
        command,
        kernels,
        notes,
        columns: names(columns),
    };
    let records = rows.iter().map(|row| Compared::of(row, columns));
    write_json(out, form, &head, records, summary.map(Summary::counted))
}

/// A program on both sides, as JSON.
#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    whose: Map<String, serde_json::Value>,
    a: Option<Map<String, serde_json::Value>>,
    b: Option<Map<String, serde_json::Value>>,
    /// By how much the numbers of the second side are more.
    diff: Map<String, serde_json::Value>,
    /// The same in percent of the first side.
    pct: Map<String, serde_json::Value>,
}

impl Compared {
    fn of(row: &Joined<'_>, columns: &[Column]) -> Compared {
        let (keys, figures): (Vec<_>, Vec<_>) = columns.iter().partition(|column| column.is_key());
        let whose = row.either().map(|row| fields(row, &keys)).unwrap_or_default();
        let (mut diff, mut pct) = (Map::new(), Map::new());
        for column in figures.iter().copied().filter(|column| !column.is_text()) {
            let number = |variant| row.number(column, variant);
            if let (Some(by), Some(percent)) = (number(Variant::Difference), number(Variant::Percent)) {
                diff.insert(column.field().to_owned(), (by as i64).into());
                pct.insert(column.field().to_owned(), percent.into());
            }
        }
        let side = |row: Option<&Row>| row.map(|row| fields(row, &figures));
        Compared {
            whose,
            a: side(row.a),
            b: side(row.b),
            diff,
            pct,
        }
    }
}

pub(crate) fn sheet(columns: &[Column], rows: &[Joined<'_>]) -> Sheet {
    let fields: Vec<Field> = columns.iter().flat_map(|c| Field::of(*c)).collect();
    Sheet {
        heads: fields.iter().map(Field::head).collect(),
        rows: rows
            .iter()
            .map(|row| fields.iter().map(|field| field.cell(row)).collect())
            .collect(),
        shown: rows.len(),
        closing: None, // veristat draws no rule here
    }
}

/// What of a column a field of the comparison shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Key,
    A,
    B,
    Diff,
}

impl Side {
    /// The heading's end in a table and in CSV.
    fn suffixes(self) -> (&'static str, &'static str) {
        match self {
            Side::Key => ("", ""),
            Side::A => (" (A)", "_base"),
            Side::B => (" (B)", "_comp"),
            Side::Diff => (" (DIFF)", "_diff"),
        }
    }
}

struct Field {
    column: Column,
    side: Side,
}

impl Field {
    fn of(column: Column) -> Vec<Field> {
        let sides: &[Side] = if column.is_key() {
            &[Side::Key]
        } else {
            &[Side::A, Side::B, Side::Diff]
        };
        sides.iter().map(|&side| Field { column, side }).collect()
    }

    fn head(&self) -> Head {
        let (suffix, csv_suffix) = self.side.suffixes();
        Head {
            title: self.column.header(),
            suffix,
            name: format!("{}{csv_suffix}", self.column.name()),
            left: true,
            left_cells: self.column.is_text(),
        }
    }

    fn cell(&self, row: &Joined<'_>) -> Cell {
        let has = |row: &&Row| !row.lacks.has(self.column);
        let (a, b) = (row.a.filter(has), row.b.filter(has));
        let value = |row: Option<&Row>| row.map(|r| self.column.value(r).into());
        match self.side {
            Side::Key => value(row.either()),
            Side::A => value(a),
            Side::B => value(b),
            Side::Diff => a
                .zip(b)
                .map(|(a, b)| change(self.column.value(a), self.column.value(b))),
        }
        .unwrap_or(Cell::Missing)
    }
}

fn change(a: Value<'_>, b: Value<'_>) -> Cell {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Cell::Change(b.saturating_sub(a), percent(a, b)),
        _ if a == b => Cell::Text("MATCH".to_owned()),
        _ => Cell::Text("MISMATCH".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    fn row(file: &str, program: &str, insns: i64, states: i64) -> Row {
        Row {
            file: file.into(),
            program: program.into(),
            verdict: Verdict::Success,
            insns,
            states,
            ..Row::default()
        }
    }

    fn text(columns: &[Column], format: Format) -> String {
        let a = [
            row("b.bpf.o", "second", 148, 8),
            row("a.bpf.o", "first", 0, 1),
            row("c.bpf.o", "only_a", 3, 3),
        ];
        let b = [
            row("a.bpf.o", "first", 5, 1),
            row("b.bpf.o", "second", 104, 5),
            row("d.bpf.o", "only_b", 4, 4),
        ];
        let mut out = Vec::new();
        write_comparison(&mut out, columns, &join(&a, &b), format).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table() {
        assert_eq!(
            text(&Column::COMPARISON, Format::Table),
            "\
File     Program  Insns (A)  Insns (B)  Insns  (DIFF)  States (A)  States (B)  States (DIFF)
-------  -------  ---------  ---------  -------------  ----------  ----------  -------------
a.bpf.o  first            0          5  +5 (+100.00%)           1           1    +0 (+0.00%)
b.bpf.o  second         148        104  -44 (-29.73%)           8           5   -3 (-37.50%)
c.bpf.o  only_a           3        N/A            N/A           3         N/A            N/A
d.bpf.o  only_b         N/A          4            N/A         N/A           4            N/A
"
        );
    }

    #[test]
    fn csv() {
        assert_eq!(
            text(&[Column::File, Column::Program, Column::Verdict, Column::States], Format::Csv),
            "\
file_name,prog_name,verdict_base,verdict_comp,verdict_diff,total_states_base,total_states_comp,total_states_diff
a.bpf.o,first,success,success,MATCH,1,1,+0 (+0.00%)
b.bpf.o,second,success,success,MATCH,8,5,-3 (-37.50%)
c.bpf.o,only_a,success,N/A,N/A,3,N/A,N/A
d.bpf.o,only_b,N/A,success,N/A,N/A,4,N/A
"
        );
    }
}
