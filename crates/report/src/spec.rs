//! What veristat's options say about columns: `insns`, `|insns_diff|`, `states_a^`.

use std::cmp::Ordering;
use std::fmt;

use crate::{Column, Joined, Row};

/// Which of a column's values a comparison means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The first set's.
    A,
    /// The second set's.
    B,
    /// The difference.
    Difference,
    /// The difference in percent.
    Percent,
}

impl Variant {
    /// The ends of names that select a variant.
    const SUFFIXES: [(&'static str, Variant); 4] = [
        ("_a", Variant::A),
        ("_b", Variant::B),
        ("_diff", Variant::Difference),
        ("_pct", Variant::Percent),
    ];
}

/// A column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The column.
    pub column: Column,
    /// Which of its values; without a suffix the second set's.
    pub variant: Variant,
    /// Whether its sign does not count.
    pub absolute: bool,
}

impl Figure {
    /// The value that goes by this name.
    pub fn from_name(name: &str) -> Option<Figure> {
        let bare = name.strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
        let (name, absolute) = match bare {
            Some(bare) if !bare.is_empty() => (bare, true),
            _ => (name, false),
        };
        let suffixed = || {
            Variant::SUFFIXES.iter().find_map(|(suffix, variant)| {
                let column = Column::from_name(name.strip_suffix(suffix)?)?;
                Some((column, *variant))
            })
        };
        let (column, variant) = Column::from_name(name)
            .map(|column| (column, Variant::B))
            .or_else(suffixed)?;
        Some(Figure {
            column,
            variant,
            absolute,
        })
    }

    /// The value of a row alone, where the variant does not matter.
    pub(crate) fn of_row(self, row: &Row) -> Option<i64> {
        let number = self.column.number(row)?;
        Some(if self.absolute {
            number.saturating_abs()
        } else {
            number
        })
    }

    /// The value of a row of a comparison; `None` where a side lacks it.
    pub(crate) fn of_joined(self, row: &Joined<'_>) -> Option<f64> {
        let number = row.number(self.column, self.variant)?;
        Some(if self.absolute { number.abs() } else { number })
    }
}

/// A column by which rows are sorted, or which is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The value.
    pub figure: Figure,
    /// Whether small values come first.
    pub ascending: bool,
}

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFigure(pub String);

impl fmt::Display for UnknownFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unrecognized stat name '{}'", self.0)
    }
}

impl std::error::Error for UnknownFigure {}

/// The specs of a comma-separated list, each a figure with an optional order behind it: `^` upwards; `v`, `V`, `.`,
/// `!` or `_` downwards.
///
/// # Errors
/// Names the first word that names no figure.
pub fn parse_specs(list: &str) -> Result<Vec<Spec>, UnknownFigure> {
    list.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| parse_spec(word).ok_or_else(|| UnknownFigure(word.to_owned())))
        .collect()
}

fn parse_spec(word: &str) -> Option<Spec> {
    let ordered = [('^', true)]
        .into_iter()
        .chain(['v', 'V', '.', '!', '_'].map(|c| (c, false)))
        .find_map(|(end, up)| Some((word.strip_suffix(end)?, up)))
        .filter(|(name, _)| !name.is_empty());
    let (name, order) = ordered.map_or((word, None), |(name, up)| (name, Some(up)));
    let figure = Figure::from_name(name)?;
    Some(Spec {
        figure,
        ascending: order.unwrap_or(figure.column.ascends()),
    })
}

/// Sorts rows, at last by what identifies them.
pub fn sort_rows(rows: &mut [Row], specs: &[Spec]) {
    rows.sort_by(|x, y| {
        let by_spec = specs.iter().map(|spec| spec.order_rows(x, y));
        first_difference(by_spec).then_with(|| x.key().cmp(&y.key()))
    });
}

/// Sorts the rows of a comparison, at last by what identifies them.
pub fn sort_joined(rows: &mut [Joined<'_>], specs: &[Spec]) {
    rows.sort_by(|x, y| {
        let by_spec = specs.iter().map(|spec| spec.order_joined(x, y));
        first_difference(by_spec).then_with(|| x.key().cmp(&y.key()))
    });
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

impl Spec {
    fn directed(&self, order: Ordering) -> Ordering {
        if self.ascending { order } else { order.reverse() }
    }

    fn order_rows(&self, x: &Row, y: &Row) -> Ordering {
        let column = self.figure.column;
        self.directed(match (self.figure.of_row(x), self.figure.of_row(y)) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => column.value(x).to_string().cmp(&column.value(y).to_string()),
        })
    }

    fn order_joined(&self, x: &Joined<'_>, y: &Joined<'_>) -> Ordering {
        self.directed(match self.figure.column {
            Column::File => x.key().0.cmp(y.key().0),
            Column::Program => x.key().1.cmp(y.key().1),
            _ => self.rank(x).total_cmp(&self.rank(y)),
        })
    }

    /// What a side lacks counts as less than everything, by its size as more.
    fn rank(&self, row: &Joined<'_>) -> f64 {
        let missing = if self.figure.absolute { f64::MAX } else { f64::MIN };
        // Adding 0 takes the sign off a negative 0.
        self.figure.of_joined(row).unwrap_or(missing) + 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suffixes_and_orders() {
        let spec = |word| parse_spec(word).unwrap();
        assert_eq!(
            spec("insns"),
            Spec {
                figure: Figure {
                    column: Column::Insns,
                    variant: Variant::B,
                    absolute: false,
                },
                ascending: false,
            }
        );
        assert!(spec("prog").ascending && spec("verdict").ascending && spec("insns^").ascending);
        for down in ["progv", "progV", "prog.", "prog!", "prog_"] {
            assert!(!spec(down).ascending, "{down}");
        }
        let pct = spec("|total_insns_pct|^").figure;
        assert_eq!(
            (pct.column, pct.variant, pct.absolute),
            (Column::Insns, Variant::Percent, true)
        );
        assert_eq!(spec("mark_read_a").figure.variant, Variant::A);
        assert_eq!(spec("stack_depth_diff").figure.variant, Variant::Difference);
        assert_eq!(parse_specs("file,,nonsense").unwrap_err().0, "nonsense");
        assert_eq!(parse_specs(",").unwrap(), []);
        for wrong in ["insns_c", "||", "^", "|insns", "insnsx"] {
            assert_eq!(parse_spec(wrong), None, "{wrong}");
        }
    }
}
