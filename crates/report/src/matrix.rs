//! What several kernels say: a row for each program, a column for each kernel, and below it each reason once.

use std::io::{self, Write};

use verdict_kernel::{KNOWN, SWITCHES, Semantics};

use crate::check::{refusal_of, write_help};
use crate::finding::{Finding, findings};
use crate::sheet::{Cell, Head, Layout, Sheet};
use crate::{CheckEntry, Look, NEEDS, Part, Verdict, Which, write_reason};

/// What several kernels say of one program.
#[derive(Clone, Debug)]
pub struct MatrixRow<'a> {
    /// Where the object lies, as it was named.
    pub path: &'a str,
    /// What the object is called.
    pub object: &'a str,
    /// The program; `None` is the object itself, when it cannot be opened.
    pub program: Option<&'a str>,
    /// An entry for each kernel, in their order; `None` where it was not asked.
    pub entries: Vec<Option<CheckEntry<'a>>>,
}

impl MatrixRow<'_> {
    /// Object and program.
    pub fn name(&self) -> String {
        match self.program {
            Some(program) => format!("{} {program}", self.object),
            None => self.object.to_owned(),
        }
    }
}

/// Writes the table: what each of the `kernels` says, in a few words.
///
/// # Errors
/// Those of the writer.
pub fn write_matrix(
    out: &mut dyn Write,
    kernels: &[&str],
    rows: &[MatrixRow<'_>],
    look: Look,
) -> io::Result<()> {
    let mut heads = vec![text("File"), text("Program")];
    heads.extend(kernels.iter().map(|kernel| text(kernel)));
    let said = |entry: &Option<CheckEntry<'_>>| match entry {
        Some(entry) => Cell::Painted(word(entry), look.style(part(entry.record.verdict))),
        None => Cell::Text(String::new()),
    };
    let cells = |row: &MatrixRow<'_>| {
        let mut cells = vec![
            Cell::Text(row.object.to_owned()),
            Cell::Text(row.program.unwrap_or_default().to_owned()),
        ];
        cells.extend(row.entries.iter().map(said));
        cells
    };
    write_texts(out, heads, rows.iter().map(cells).collect())
}

/// The part of the text that a verdict is.
pub(crate) fn part(verdict: Verdict) -> Part {
    match verdict {
        Verdict::Success => Part::Good,
        Verdict::Failure => Part::Error,
        Verdict::Unsupported | Verdict::GaveUp => Part::Warning,
    }
}

/// What a kernel says of a program, in a few words.
pub(crate) fn word(entry: &CheckEntry<'_>) -> String {
    let figures = entry.record.figures.as_ref();
    match (entry.record.verdict, entry.refusal) {
        (Verdict::Success, _) => {
            let (insns, states) = figures.map_or((0, 0), |f| (f.insns, f.states));
            format!("accepted {insns}/{states}")
        }
        (Verdict::Unsupported, _) => "unsupported".to_owned(),
        (Verdict::GaveUp, _) => format!("gave up: {}", entry.record.undecided().unwrap_or("?")),
        (Verdict::Failure, Some(refusal)) => match &refusal.need {
            Some(need) => need.to_string(),
            None => format!("refused {}", refusal.rule.code()),
        },
        (Verdict::Failure, None) => "refused".to_owned(),
    }
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
    (which, look): (Which, Look),
) -> io::Result<()> {
    for finding in findings(rows, which) {
        let record = finding.entry.record;
        match record.verdict {
            Verdict::Failure => writeln!(
                out,
                "{}: {}",
                look.paint(Part::Error, "rejected"),
                refusal_of(record, finding.entry.errno_name)
            )?,
            _ => writeln!(
                out,
                "{}: {}",
                look.paint(Part::Warning, record.verdict.word()),
                record.undecided().unwrap_or("?")
            )?,
        }
        for (row, of) in &finding.of {
            writeln!(out, "    {}: {}", row.name(), names(kernels, of))?;
        }
        write_details(out, kernels, &finding, look)?;
    }
    Ok(())
}

/// Writes what is behind a reason, and what can be done about it.
pub(crate) fn write_details(
    out: &mut dyn Write,
    kernels: &[&str],
    finding: &Finding<'_>,
    look: Look,
) -> io::Result<()> {
    if finding.entry.record.verdict == Verdict::Failure {
        write_reason(out, finding.entry, look)?;
    }
    match extra_help(kernels, finding) {
        Some(line) => write_help(out, &line, look),
        None => Ok(()),
    }
}

/// What can be done about a reason, unless its explanation has it among its remedies.
pub(crate) fn extra_help(kernels: &[&str], finding: &Finding<'_>) -> Option<String> {
    let remedies = finding
        .entry
        .explanation()
        .map(|explanation| explanation.remedies.as_slice());
    let told = |line: &String| {
        remedies
            .unwrap_or_default()
            .iter()
            .any(|remedy| remedy.words == *line)
    };
    help(kernels, finding.row, finding.kernel).filter(|line| !told(line))
}

/// Kernels by their names.
pub(crate) fn names(kernels: &[&str], of: &[usize]) -> String {
    if of.len() == kernels.len() {
        return "all kernels".to_owned();
    }
    let named: Vec<_> = of.iter().filter_map(|at| kernels.get(*at).copied()).collect();
    named.join(", ")
}

/// What can be done about a refusal by one of the kernels: what the kernel lacks has a remedy anyway, and any other
/// refusal where another of the kernels loads the program.
pub(crate) fn help(kernels: &[&str], row: &MatrixRow<'_>, kernel: usize) -> Option<String> {
    let entry = row.entries.get(kernel)?.as_ref()?;
    let advice = entry.advice();
    if let Some(advice) = advice.filter(|advice| advice.sure) {
        return Some(advice.line.clone());
    }
    let unsupported = entry.record.unsupported.as_deref().unwrap_or_default();
    if unsupported.starts_with(NEEDS) {
        return Some(format!("verdict plan {} drafts one", row.path));
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
    sheet.write(&mut table, Layout::Table)?;
    // The last column would be filled up with blanks.
    for line in String::from_utf8_lossy(&table).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
