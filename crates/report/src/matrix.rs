//! What several kernels say: a row for each program, a column for each kernel, and below it each reason once.

use std::io::{self, Write};

use serde::Serialize;
use verdict_kernel::{SWITCHES, Semantics};

use crate::check::by_whom;
use crate::sheet::{Cell, Head, Sheet};
use crate::{CheckEntry, Format, Need, Record, Verdict, write_reason};

/// What several kernels say of one program.
#[derive(Clone, Debug)]
pub struct MatrixRow<'a> {
    /// The object's file name.
    pub object: &'a str,
    /// The program; `None` is the object itself, when it cannot be opened.
    pub program: Option<&'a str>,
    /// An entry for each kernel, in their order; `None` where it was not asked.
    pub entries: Vec<Option<CheckEntry<'a>>>,
}

/// Writes the table: what each of the `kernels` says, in a few words.
///
/// # Errors
/// Those of the writer.
pub fn write_matrix(out: &mut dyn Write, kernels: &[&str], rows: &[MatrixRow<'_>]) -> io::Result<()> {
    let mut heads = vec![text("File"), text("Program")];
    heads.extend(kernels.iter().map(|kernel| text(kernel)));
    let cells = |row: &MatrixRow<'_>| {
        let mut cells = vec![row.object.to_owned(), row.program.unwrap_or_default().to_owned()];
        cells.extend(
            row.entries
                .iter()
                .map(|entry| entry.as_ref().map_or_else(String::new, word)),
        );
        cells.into_iter().map(Cell::Text).collect()
    };
    write_texts(out, heads, rows.iter().map(cells).collect())
}

/// What a kernel says of a program, in a few words.
fn word(entry: &CheckEntry<'_>) -> String {
    let figures = entry.record.figures.as_ref();
    match (entry.record.verdict, entry.refusal) {
        (Verdict::Success, _) => {
            let (insns, states) = figures.map_or((0, 0), |f| (f.insns, f.states));
            format!("accepted {insns}/{states}")
        }
        (Verdict::Unsupported, _) => "unsupported".to_owned(),
        (Verdict::Failure, Some(refusal)) => match &refusal.need {
            Some(need) => need.to_string(),
            None => format!("refused {}", refusal.rule.code()),
        },
        (Verdict::Failure, None) => "refused".to_owned(),
    }
}

/// Programs that are not accepted for the same reason.
struct Reason<'a> {
    /// Who refuses, and below it why.
    text: (String, Vec<u8>),
    /// The programs, and which kernels say so of each.
    programs: Vec<(&'a MatrixRow<'a>, Vec<usize>)>,
}

/// Writes each reason once, with the programs and kernels it holds for.
///
/// # Errors
/// Those of the writer.
pub fn write_reasons(out: &mut dyn Write, kernels: &[&str], rows: &[MatrixRow<'_>]) -> io::Result<()> {
    for reason in reasons(rows)? {
        let (headline, body) = &reason.text;
        writeln!(out, "{headline}")?;
        for (row, of) in &reason.programs {
            let program = row
                .program
                .map(|program| format!(" {program}"))
                .unwrap_or_default();
            let named: Vec<_> = of.iter().filter_map(|at| kernels.get(*at).copied()).collect();
            let named = if of.len() == kernels.len() {
                "all kernels".to_owned()
            } else {
                named.join(", ")
            };
            writeln!(out, "    {}{program}: {named}", row.object)?;
        }
        out.write_all(body)?;
    }
    Ok(())
}

/// The reasons, in the order in which they come up first, in the words of the first kernel.
fn reasons<'a>(rows: &'a [MatrixRow<'a>]) -> io::Result<Vec<Reason<'a>>> {
    let mut all: Vec<Reason<'a>> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for row in rows {
        for (kernel, entry) in row.entries.iter().enumerate() {
            let Some(text) = entry.as_ref().map(reason).transpose()?.flatten() else {
                continue;
            };
            let at = *places.entry(gist(&text)).or_insert(all.len());
            if at == all.len() {
                all.push(Reason {
                    text,
                    programs: Vec::new(),
                });
            }
            let Some(programs) = all.get_mut(at).map(|reason| &mut reason.programs) else {
                continue;
            };
            match programs.last_mut() {
                Some((last, of)) if std::ptr::eq(*last, row) => of.push(kernel),
                _ => programs.push((row, vec![kernel])),
            }
        }
    }
    Ok(all)
}

/// What makes a reason another one: all of it but the walk before the refusal, for which kernels have different forms.
fn gist((headline, body): &(String, Vec<u8>)) -> (String, Vec<u8>) {
    let walked = |line: &&[u8]| {
        let said = line.strip_prefix(b"    | ").unwrap_or_default();
        let number = said.iter().take_while(|byte| byte.is_ascii_digit()).count();
        said.starts_with(b";") || (number > 0 && said.get(number) == Some(&b':'))
    };
    let lines = body.split_inclusive(|&byte| byte == b'\n');
    let kept: Vec<_> = lines.filter(|line| !walked(line)).collect();
    (headline.clone(), kept.concat())
}

/// Why a program is not accepted, without its name.
fn reason(entry: &CheckEntry<'_>) -> io::Result<Option<(String, Vec<u8>)>> {
    let record = entry.record;
    let mut body = Vec::new();
    let headline = match record.verdict {
        Verdict::Success => return Ok(None),
        Verdict::Unsupported => {
            format!("unsupported: {}", record.unsupported.as_deref().unwrap_or("?"))
        }
        Verdict::Failure => {
            write_reason(&mut body, entry)?;
            format!("rejected: {} {}", entry.errno_name, by_whom(record.stage))
        }
    };
    Ok(Some((headline, body)))
}

/// A row as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    kernels: Vec<Side<'a>>,
}

/// What a kernel says.
#[derive(Serialize)]
pub(crate) struct Side<'a> {
    kernel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<&'a Need>,
    #[serde(flatten)]
    record: &'a Record,
}

impl<'a> Side<'a> {
    pub(crate) fn new(kernel: &'a str, entry: &CheckEntry<'a>) -> Side<'a> {
        Side {
            kernel,
            rule: entry.refusal.map(|refusal| refusal.rule.code()),
            need: entry.refusal.and_then(|refusal| refusal.need.as_ref()),
            record: entry.record,
        }
    }
}

/// Writes a JSON object for each program: all that each kernel says.
///
/// # Errors
/// Those of the writer.
pub fn write_matrix_json(out: &mut dyn Write, kernels: &[&str], rows: &[MatrixRow<'_>]) -> io::Result<()> {
    for row in rows {
        let sides = kernels.iter().zip(&row.entries);
        let sides = sides.filter_map(|(kernel, entry)| entry.as_ref().map(|entry| (kernel, entry)));
        let line = Line {
            object: row.object,
            program: row.program,
            kernels: sides.map(|(kernel, entry)| Side::new(kernel, entry)).collect(),
        };
        // Strings and numbers only: nothing that could fail.
        writeln!(out, "{}", serde_json::to_string(&line).unwrap_or_default())?;
    }
    Ok(())
}

/// Writes the values of all switches, a column for each kernel.
///
/// # Errors
/// Those of the writer.
pub fn write_switches(out: &mut dyn Write, kernels: &[(&str, Semantics)]) -> io::Result<()> {
    let mut heads = vec![text("Family"), text("Switch")];
    heads.extend(kernels.iter().map(|(name, _)| text(name)));
    let row = |switch: &verdict_kernel::semantics::Switch| {
        let mut cells = vec![switch.family.to_owned(), switch.name.to_owned()];
        cells.extend(
            kernels
                .iter()
                .map(|(_, semantics)| semantics.get(switch.name).unwrap_or("?").to_owned()),
        );
        cells.into_iter().map(Cell::Text).collect()
    };
    write_texts(out, heads, SWITCHES.iter().map(row).collect())
}

pub(crate) fn text(name: &str) -> Head {
    Head {
        title: "",
        suffix: "",
        name: name.to_owned(),
        left: true,
        left_cells: true,
    }
}

pub(crate) fn write_texts(out: &mut dyn Write, heads: Vec<Head>, rows: Vec<Vec<Cell>>) -> io::Result<()> {
    let sheet = Sheet {
        heads,
        shown: rows.len(),
        rows,
        closing: None,
    };
    let mut table = Vec::new();
    sheet.write(&mut table, Format::Table)?;
    // The last column would be filled up with blanks.
    for line in String::from_utf8_lossy(&table).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
