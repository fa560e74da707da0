//! Two sets of figures side by side, laid out as veristat's comparison mode does it.

use std::cmp::Ordering;
use std::io::{self, Write};

use crate::stat::Layout;
use crate::{Column, Format, Row, Value};

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
            (Some(a), Some(b)) => columns.iter().any(|c| c.value(a) != c.value(b)),
            _ => true,
        }
    }

    fn either(&self) -> Option<&'a Row> {
        self.a.or(self.b)
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
    let fields: Vec<Field> = columns.iter().flat_map(|c| Field::of(*c)).collect();
    match format {
        Format::Csv => {
            let heads: Vec<_> = fields.iter().map(Field::csv_header).collect();
            writeln!(out, "{}", heads.join(","))?;
            for row in rows {
                let cells: Vec<_> = fields.iter().map(|f| f.text(row)).collect();
                writeln!(out, "{}", cells.join(","))?;
            }
            Ok(())
        }
        Format::Table => write_table(out, &fields, rows),
    }
}

fn write_table(out: &mut dyn Write, fields: &[Field], rows: &[Joined<'_>]) -> io::Result<()> {
    let mut layout = Layout::new(
        fields
            .iter()
            .map(|f| f.column.header().len() + f.side.suffix().len()),
    );
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| fields.iter().map(|f| f.text(row)).collect())
        .collect();
    for cells in &lines {
        layout.widen(cells.iter().map(String::len));
    }
    // The name keeps to the left edge of its column and the "(A)" to the right one.
    let heads: Vec<_> = fields
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let suffix = f.side.suffix();
            format!(
                "{:<width$}{suffix}",
                f.column.header(),
                width = layout.width(i) - suffix.len()
            )
        })
        .collect();
    layout.line(out, heads.iter().map(|head| (head.as_str(), true)))?;
    layout.rule(out)?;
    for cells in &lines {
        layout.line(
            out,
            cells
                .iter()
                .zip(fields)
                .map(|(text, f)| (text.as_str(), f.column.is_text())),
        )?;
    }
    Ok(()) // no closing rule: veristat draws none here
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
    fn suffix(self) -> &'static str {
        match self {
            Side::Key => "",
            Side::A => " (A)",
            Side::B => " (B)",
            Side::Diff => " (DIFF)",
        }
    }

    fn csv_suffix(self) -> &'static str {
        match self {
            Side::Key => "",
            Side::A => "_base",
            Side::B => "_comp",
            Side::Diff => "_diff",
        }
    }
}

struct Field {
    column: Column,
    side: Side,
}

const MISSING: &str = "N/A";

impl Field {
    fn of(column: Column) -> Vec<Field> {
        let sides: &[Side] = if column.is_key() {
            &[Side::Key]
        } else {
            &[Side::A, Side::B, Side::Diff]
        };
        sides.iter().map(|&side| Field { column, side }).collect()
    }

    fn csv_header(&self) -> String {
        let name = self.column.names().first().copied().unwrap_or_default();
        format!("{name}{}", self.side.csv_suffix())
    }

    fn text(&self, row: &Joined<'_>) -> String {
        let value = |row: Option<&Row>| row.map(|r| self.column.value(r).to_string());
        match self.side {
            Side::Key => value(row.either()),
            Side::A => value(row.a),
            Side::B => value(row.b),
            Side::Diff => row
                .a
                .zip(row.b)
                .map(|(a, b)| difference(self.column.value(a), self.column.value(b))),
        }
        .unwrap_or_else(|| MISSING.to_owned())
    }
}

/// The change from `a` to `b`. A change from 0 counts as 100 percent.
fn difference(a: Value<'_>, b: Value<'_>) -> String {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let change = b.saturating_sub(a);
            let percent = match (a, change.cmp(&0)) {
                (_, Ordering::Equal) => 0.0,
                (0, Ordering::Less) => -100.0,
                (0, Ordering::Greater) => 100.0,
                _ => change as f64 * 100.0 / a as f64,
            };
            format!("{change:+} ({percent:+.2}%)")
        }
        _ if a == b => "MATCH".to_owned(),
        _ => "MISMATCH".to_owned(),
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
