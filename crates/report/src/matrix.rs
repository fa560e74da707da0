//! What several kernels say: a row for each program, a column for each kernel, and below it each reason once.

use std::io::{self, Write};

use serde::Serialize;
use verdict_kernel::{KNOWN, SWITCHES, Semantics};

use crate::check::{HELP, refusal_of, write_help};
use crate::explanation::Explanation;
use crate::sheet::{Cell, Head, Sheet};
use crate::{CheckEntry, Format, Minimum, Need, Record, Verdict, write_reason};

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

/// Writes each reason once, with the programs and kernels it holds for, and what can be done about it: those of all
/// kernels, or of the one before the first that loads a program.
///
/// # Errors
/// Those of the writer.
pub fn write_reasons(
    out: &mut dyn Write,
    kernels: &[&str],
    rows: &[MatrixRow<'_>],
    which: Which,
) -> io::Result<()> {
    for reason in reasons(kernels, rows, which)? {
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

/// Whose reasons are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of all kernels.
    All,
    /// Of each program, that of the kernel before the first from which on it loads.
    Before,
}

impl Which {
    fn wants(self, row: &MatrixRow<'_>, kernel: usize) -> bool {
        match self {
            Which::All => true,
            Which::Before => Minimum::of(row).before == Some(kernel),
        }
    }
}

/// The reasons, in the order in which they come up first, in the words of the first kernel.
fn reasons<'a>(kernels: &[&str], rows: &'a [MatrixRow<'a>], which: Which) -> io::Result<Vec<Reason<'a>>> {
    let mut all: Vec<Reason<'a>> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for row in rows {
        let wanted = |(kernel, _): &(usize, _)| which.wants(row, *kernel);
        for (kernel, entry) in row.entries.iter().enumerate().filter(wanted) {
            let Some(mut text) = entry.as_ref().map(reason).transpose()?.flatten() else {
                continue;
            };
            // An explanation may have it among its remedies.
            let told = |line: &String| {
                let explanation = entry
                    .as_ref()
                    .and_then(|entry| entry.refusal?.explanation.as_deref());
                explanation.is_some_and(|explanation| {
                    explanation.remedies.iter().any(|remedy| remedy.words == *line)
                })
            };
            if let Some(line) = help(kernels, row, kernel).filter(|line| !told(line)) {
                write_help(&mut text.1, &line)?;
            }
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

/// What can be done about a refusal by one of the kernels: what the kernel lacks has a remedy anyway, and any other
/// refusal where another of the kernels loads the program.
fn help(kernels: &[&str], row: &MatrixRow<'_>, kernel: usize) -> Option<String> {
    let entry = row.entries.get(kernel)?.as_ref()?;
    let advice = entry.advice();
    if let Some(advice) = advice.filter(|advice| advice.sure) {
        return Some(advice.line.clone());
    }
    if entry.record.verdict != Verdict::Failure {
        return None;
    }
    // The next one is asked first: it differs least.
    let order = (kernel..row.entries.len()).chain(0..kernel);
    let loads = |at: &usize| {
        let entry = row.entries.get(*at).and_then(Option::as_ref);
        entry.is_some_and(|entry| entry.record.verdict == Verdict::Success)
    };
    let other = order.filter(loads).find_map(|at| kernels.get(at))?;
    if let Some(advice) = advice {
        return Some(advice.line.clone());
    }
    let this = kernels.get(kernel)?;
    let known = |name: &&str| KNOWN.iter().any(|known| known.name == *name);
    let both = known(other) && known(this);
    both.then(|| {
        format!("`verdict compare --why --kernel {this},{other}` finds the change that makes the difference")
    })
}

/// What makes a reason another one: all of it but what can be done, and the walk before the refusal, for which kernels
/// have different forms.
fn gist((headline, body): &(String, Vec<u8>)) -> (String, Vec<u8>) {
    let walked = |line: &&[u8]| {
        let said = line.trim_ascii_start().strip_prefix(b"| ").unwrap_or_default();
        let number = said.iter().take_while(|byte| byte.is_ascii_digit()).count();
        said.starts_with(b";") || (number > 0 && said.get(number) == Some(&b':'))
    };
    let lines = body.split_inclusive(|&byte| byte == b'\n');
    let helps = |line: &&[u8]| line.trim_ascii_start().starts_with(HELP.trim_start().as_bytes());
    let kept: Vec<_> = lines.filter(|line| !walked(line) && !helps(line)).collect();
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
            write_reason(&mut body, entry, false)?;
            format!("rejected: {}", refusal_of(record, entry.errno_name))
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
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
    #[serde(flatten)]
    record: &'a Record,
}

impl<'a> Side<'a> {
    /// What one of the kernels says, if it was asked.
    pub(crate) fn of(kernels: &[&'a str], row: &MatrixRow<'a>, at: usize) -> Option<Side<'a>> {
        let entry = row.entries.get(at)?.as_ref()?;
        Some(Side {
            kernel: kernels.get(at)?,
            rule: entry.refusal.map(|refusal| refusal.rule.code()),
            need: entry.refusal.and_then(|refusal| refusal.need.as_ref()),
            help: help(kernels, row, at),
            explanation: entry.refusal.and_then(|refusal| refusal.explanation.as_deref()),
            record: entry.record,
        })
    }
}

/// Writes a JSON object for each program: all that each kernel says.
///
/// # Errors
/// Those of the writer.
pub fn write_matrix_json(out: &mut dyn Write, kernels: &[&str], rows: &[MatrixRow<'_>]) -> io::Result<()> {
    for row in rows {
        let line = Line {
            object: row.object,
            program: row.program,
            kernels: (0..kernels.len())
                .filter_map(|at| Side::of(kernels, row, at))
                .collect(),
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
