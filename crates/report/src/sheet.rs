//! Cells in rows and columns, and the forms they can be written in.

use std::fmt;
use std::io::{self, Write};

use anstyle::Style;

use crate::Value;
use crate::forms::Json;

/// How figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns with underlined headings, as veristat draws them.
    Table,
    /// Comma-separated, with a heading line.
    Csv,
    /// A table for web pages that read Markdown.
    Markdown,
    /// One JSON document, with an object for each row.
    Json,
    /// A JSON object a line.
    Jsonl,
}

impl Format {
    /// The layout of cells, or else the form of JSON.
    pub(crate) fn layout(self) -> Result<Layout, Json> {
        match self {
            Format::Table => Ok(Layout::Table),
            Format::Csv => Ok(Layout::Csv),
            Format::Markdown => Ok(Layout::Markdown),
            Format::Json => Err(Json::Document),
            Format::Jsonl => Err(Json::Lines),
        }
    }
}

/// How cells are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Table,
    Csv,
    Markdown,
}

/// A column's heading.
pub(crate) struct Head {
    /// In tables: what stands at the left edge …
    pub(crate) title: &'static str,
    /// … and what at the right one.
    pub(crate) suffix: &'static str,
    /// In CSV.
    pub(crate) name: String,
    /// Whether the heading keeps to the left.
    pub(crate) left: bool,
    /// Whether the cells do.
    pub(crate) left_cells: bool,
}

impl Head {
    fn len(&self) -> usize {
        self.title().len() + self.suffix.len()
    }

    /// What a table shows: the name, where there is no title.
    fn title(&self) -> &str {
        if self.title.is_empty() {
            &self.name
        } else {
            self.title
        }
    }
}

/// A cell.
pub(crate) enum Cell {
    Text(String),
    /// Text, in tables in this style.
    Painted(String, Style),
    Number(i64),
    /// A difference, and what that is in percent of the first value.
    Change(i64, f64),
    Missing,
}

impl From<Value<'_>> for Cell {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => Cell::Text(text.to_owned()),
            Value::Number(n) => Cell::Number(n),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Text(text) | Cell::Painted(text, _) => f.write_str(text),
            Cell::Number(n) => write!(f, "{n}"),
            Cell::Change(change, percent) => write!(f, "{change:+} ({percent:+.2}%)"),
            Cell::Missing => f.write_str("N/A"),
        }
    }
}

impl Cell {
    fn style(&self) -> Style {
        match self {
            Cell::Painted(_, style) => *style,
            _ => Style::new(),
        }
    }
}

/// Rows under headings.
pub(crate) struct Sheet {
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Rows that are written; the others only make a table's columns wide.
    pub(crate) shown: usize,
    /// What a table ends with under another rule, when its last row is shown.
    pub(crate) closing: Option<String>,
}

const SEPARATOR: &str = "  ";

impl Sheet {
    pub(crate) fn write(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        match layout {
            Layout::Table => self.write_table(out),
            Layout::Csv => self.write_csv(out),
            Layout::Markdown => self.write_markdown(out),
        }
    }

    fn shown(&self) -> impl Iterator<Item = &Vec<Cell>> {
        self.rows.iter().take(self.shown)
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let texts: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::to_string).collect())
            .collect();
        let mut widths: Vec<_> = self.heads.iter().map(Head::len).collect();
        for row in &texts {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.len());
            }
        }
        let heads = self.heads.iter().zip(&widths).map(|(head, width)| {
            // With a suffix, the title keeps to the left edge and the suffix to the right one.
            let rest = width - head.suffix.len();
            let title = if head.suffix.is_empty() {
                head.title().to_owned()
            } else {
                format!("{:<rest$}{}", head.title(), head.suffix)
            };
            (title, head.left, Style::new())
        });
        write_line(out, &widths, heads)?;
        write_rule(out, &widths)?;
        for (row, texts) in self.rows.iter().zip(&texts).take(self.shown) {
            let cells = row.iter().zip(texts).zip(&self.heads);
            let cells = cells.map(|((cell, text), head)| (text, head.left_cells, cell.style()));
            write_line(out, &widths, cells)?;
        }
        match &self.closing {
            Some(closing) if !texts.is_empty() && self.shown >= texts.len() => {
                write_rule(out, &widths)?;
                writeln!(out, "{closing}")
            }
            _ => Ok(()),
        }
    }

    fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<_> = self.heads.iter().map(|head| head.name.as_str()).collect();
        writeln!(out, "{}", names.join(","))?;
        self.shown().try_for_each(|row| {
            let cells: Vec<_> = row.iter().map(|cell| quoted(cell.to_string())).collect();
            writeln!(out, "{}", cells.join(","))
        })
    }

    fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = |out: &mut dyn Write, cells: Vec<String>| writeln!(out, "| {} |", cells.join(" | "));
        let heads = self
            .heads
            .iter()
            .map(|head| format!("{}{}", head.title(), head.suffix));
        line(out, heads.collect())?;
        let rules = self
            .heads
            .iter()
            .map(|head| if head.left_cells { "---" } else { "---:" }.to_owned());
        line(out, rules.collect())?;
        self.shown().try_for_each(|row| {
            let cells = row.iter().map(|cell| cell.to_string().replace('|', "\\|"));
            line(out, cells.collect())
        })
    }
}

/// A cell that its reader would take for several is put between quotes.
fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// One line of cells, each left- or right-aligned, in its style.
fn write_line(
    out: &mut dyn Write,
    widths: &[usize],
    cells: impl Iterator<Item = (impl fmt::Display, bool, Style)>,
) -> io::Result<()> {
    for (i, ((text, left, style), width)) in cells.zip(widths).enumerate() {
        let separator = if i == 0 { "" } else { SEPARATOR };
        let text = text.to_string();
        // Widths are bytes, as in C.
        let fill = " ".repeat(width.saturating_sub(text.len()));
        if left {
            write!(out, "{separator}{style}{text}{style:#}{fill}")?;
        } else {
            write!(out, "{separator}{fill}{style}{text}{style:#}")?;
        }
    }
    writeln!(out)
}

/// The line of dashes under headings and below the last row.
fn write_rule(out: &mut dyn Write, widths: &[usize]) -> io::Result<()> {
    let dashes: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
    writeln!(out, "{}", dashes.join(SEPARATOR))
}
