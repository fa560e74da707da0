//! What a comparison adds up to: totals, the mean change, and who gained and lost most.

use std::cmp::Reverse;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use crate::compare::sheet as comparison_sheet;
use crate::sheet::{Cell, Head, Layout, Sheet};
use crate::{Column, Format, Joined, Variant, Verdict};

/// A comparison, added up.
///
/// Figures are added over the programs that both sides accept: what a rejection cost says nothing about the cost of
/// acceptance.
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    /// Programs in both sets.
    pub both: usize,
    /// Programs that only the first set has.
    pub only_a: usize,
    /// Programs that only the second set has.
    pub only_b: usize,
    /// Programs in both sets that differ in one of the figures.
    pub changed: usize,
    /// Programs whose verdict differs.
    pub verdicts: Vec<Joined<'a>>,
    /// The figures' totals.
    pub totals: Vec<Total>,
    /// The programs that differ, by how much the first figure went down, most first.
    winners: Vec<Joined<'a>>,
    losers: Vec<Joined<'a>>,
    figure: Column,
}

/// What one figure adds up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    /// The figure.
    pub column: Column,
    /// Its sum in the first set.
    pub a: i64,
    /// Its sum in the second set.
    pub b: i64,
    /// Geometric mean of the ratios of the second to the first, over programs where neither is 0.
    pub mean_ratio: f64,
}

/// Winners and losers that are listed.
const LISTED: usize = 10;

impl<'a> Summary<'a> {
    /// Adds up the numeric ones of `columns`; by the first of them, winners and losers are told.
    pub fn of(rows: &[Joined<'a>], columns: &[Column]) -> Summary<'a> {
        let figures: Vec<_> = columns.iter().copied().filter(|c| is_figure(*c)).collect();
        let figure = figures.first().copied().unwrap_or(Column::Insns);
        let count = |test: fn(&Joined<'_>) -> bool| rows.iter().filter(|row| test(row)).count();
        let both: Vec<_> = rows
            .iter()
            .copied()
            .filter(|row| row.a.is_some() && row.b.is_some())
            .collect();
        let accepted: Vec<_> = both.iter().copied().filter(is_accepted).collect();
        let change = |row: &Joined<'_>| row.number(figure, Variant::Difference).unwrap_or(0.0) as i64;
        let mut winners: Vec<_> = accepted.iter().copied().filter(|row| change(row) < 0).collect();
        winners.sort_by_key(|row| (change(row), row.key()));
        winners.truncate(LISTED);
        let mut losers: Vec<_> = accepted.iter().copied().filter(|row| change(row) > 0).collect();
        losers.sort_by_key(|row| (Reverse(change(row)), row.key()));
        losers.truncate(LISTED);
        Summary {
            both: both.len(),
            only_a: count(|row| row.b.is_none()),
            only_b: count(|row| row.a.is_none()),
            changed: both
                .iter()
                .filter(|row| row.differs_in(&figures) || row.differs_in(&[Column::Verdict]))
                .count(),
            verdicts: both
                .into_iter()
                .filter(|row| row.differs_in(&[Column::Verdict]))
                .collect(),
            totals: figures
                .iter()
                .map(|column| Total::of(*column, &accepted))
                .collect(),
            winners,
            losers,
            figure,
        }
    }

    /// Writes it as plain text or, with headings, as Markdown.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        let (layout, heading) = match format {
            Format::Markdown => (Layout::Markdown, "### "),
            _ => (Layout::Table, ""),
        };
        writeln!(out, "{}", self.counts())?;
        if self.both > 0 {
            writeln!(out)?;
            self.totals_sheet().write(out, layout)?;
        }
        let figure = self.figure.header().to_lowercase();
        let lists = [
            (
                "Verdicts that changed".to_owned(),
                &self.verdicts,
                Column::Verdict,
            ),
            (format!("Biggest winners by {figure}"), &self.winners, self.figure),
            (format!("Biggest losers by {figure}"), &self.losers, self.figure),
        ];
        for (title, rows, column) in lists {
            if rows.is_empty() {
                continue;
            }
            writeln!(out, "\n{heading}{title}\n")?;
            let columns = [Column::File, Column::Program, column];
            comparison_sheet(&columns, rows).write(out, layout)?;
        }
        Ok(())
    }

    /// The counts and totals, for machines.
    pub(crate) fn counted(&self) -> impl Serialize {
        let totals = self.totals.iter().map(|total| {
            json!({
                "figure": total.column.field(),
                "a": total.a,
                "b": total.b,
                "diff": total.b.saturating_sub(total.a),
                "mean_ratio": total.mean_ratio,
            })
        });
        json!({
            "programs": self.both,
            "changed": self.changed,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "totals": totals.collect::<Vec<_>>(),
        })
    }

    fn counts(&self) -> String {
        let mut text = format!("{} programs compared, {} changed", self.both, self.changed);
        let became = |verdict| {
            let of_b = |row: &&Joined<'_>| row.b.is_some_and(|b| b.verdict == verdict);
            self.verdicts.iter().filter(of_b).count()
        };
        let more = [
            (became(Verdict::Success), "newly accepted"),
            (became(Verdict::Failure), "newly rejected"),
            (became(Verdict::Unsupported), "newly unsupported"),
            (became(Verdict::GaveUp), "newly given up"),
            (self.only_a, "only in A"),
            (self.only_b, "only in B"),
        ];
        for (n, what) in more.iter().filter(|(n, _)| *n > 0) {
            text.push_str(&format!(", {n} {what}"));
        }
        text
    }

    fn totals_sheet(&self) -> Sheet {
        let head = |title, suffix, name: &str, left| Head {
            title,
            suffix,
            name: name.to_owned(),
            left,
            left_cells: left,
        };
        Sheet {
            heads: vec![
                head("Total", "", "figure", true),
                head("A", "", "total_a", false),
                head("B", "", "total_b", false),
                head("DIFF", "", "total_diff", false),
                head("Mean ratio", "", "mean_ratio", false),
            ],
            rows: self
                .totals
                .iter()
                .map(|total| {
                    let change = total.b.saturating_sub(total.a);
                    let percent = if total.a == 0 {
                        0.0
                    } else {
                        change as f64 * 100.0 / total.a as f64
                    };
                    vec![
                        Cell::Text(total.column.header().to_owned()),
                        Cell::Number(total.a),
                        Cell::Number(total.b),
                        Cell::Change(change, percent),
                        Cell::Text(format!("{:.4}", total.mean_ratio)),
                    ]
                })
                .collect(),
            shown: self.totals.len(),
            closing: None,
        }
    }
}

/// Whether the column holds something that can be added up.
fn is_figure(column: Column) -> bool {
    !column.is_text() && !column.is_key()
}

fn is_accepted(row: &Joined<'_>) -> bool {
    let accepted = |side: Option<&crate::Row>| side.is_some_and(|row| row.verdict == Verdict::Success);
    accepted(row.a) && accepted(row.b)
}

impl Total {
    fn of(column: Column, rows: &[Joined<'_>]) -> Total {
        let (mut a, mut b, mut logs, mut ratios) = (0i64, 0i64, 0.0, 0u32);
        for row in rows {
            let sides = row.number(column, Variant::A).zip(row.number(column, Variant::B));
            let Some((x, y)) = sides else { continue };
            a = a.saturating_add(x as i64);
            b = b.saturating_add(y as i64);
            if x > 0.0 && y > 0.0 {
                logs += (y / x).ln();
                ratios += 1;
            }
        }
        let mean_ratio = if ratios == 0 {
            1.0
        } else {
            (logs / f64::from(ratios)).exp()
        };
        Total {
            column,
            a,
            b,
            mean_ratio,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Row, join};

    fn row(program: &str, verdict: Verdict, insns: i64, states: i64) -> Row {
        Row {
            file: "x.o".into(),
            program: program.into(),
            verdict,
            insns,
            states,
            ..Row::default()
        }
    }

    fn text(format: Format) -> String {
        use Verdict::{Failure, Success};
        let a = [
            row("better", Success, 200, 10),
            row("gone", Success, 1, 1),
            row("rejected", Success, 10, 1),
            row("same", Success, 7, 1),
            row("worse", Success, 100, 0),
        ];
        let b = [
            row("better", Success, 100, 10),
            row("rejected", Failure, 5, 1),
            row("same", Success, 7, 1),
            row("worse", Success, 200, 3),
        ];
        let joined = join(&a, &b);
        let mut out = Vec::new();
        Summary::of(&joined, &Column::COMPARISON)
            .write(&mut out, format)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_text() {
        assert_eq!(
            text(Format::Table),
            "\
4 programs compared, 3 changed, 1 newly rejected, 1 only in A

Total     A    B          DIFF  Mean ratio
------  ---  ---  ------------  ----------
Insns   307  307   +0 (+0.00%)      1.0000
States   11   14  +3 (+27.27%)      1.0000

Verdicts that changed

File  Program   Verdict (A)  Verdict (B)  Verdict (DIFF)
----  --------  -----------  -----------  --------------
x.o   rejected  success      failure      MISMATCH      

Biggest winners by insns

File  Program  Insns (A)  Insns (B)  Insns   (DIFF)
----  -------  ---------  ---------  --------------
x.o   better         200        100  -100 (-50.00%)

Biggest losers by insns

File  Program  Insns (A)  Insns (B)  Insns    (DIFF)
----  -------  ---------  ---------  ---------------
x.o   worse          100        200  +100 (+100.00%)
"
        );
    }

    #[test]
    fn as_markdown() {
        let text = text(Format::Markdown);
        assert!(text.contains("### Biggest winners by insns\n\n|"), "{text}");
    }
}
