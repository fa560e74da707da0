//! An explanation as text.

use std::io::{self, Write};

use super::snippet::{self, Note};
use super::trail;
use super::{Cause, Explanation, Remedy, Tried};
use crate::{Look, Part};

/// Most causes, conditions and remedies in the short form.
const SHORT_CAUSES: usize = 3;
const SHORT_CONDITIONS: usize = 2;
const SHORT_REMEDIES: usize = 2;

/// Writes an explanation: the lines below the one that says which program was rejected. `kernel` are the kernel's or
/// libbpf's own words.
///
/// # Errors
/// Those of the writer.
pub fn write_explanation(
    out: &mut dyn Write,
    explanation: &Explanation,
    kernel: &str,
    look: Look,
) -> io::Result<()> {
    let verbose = look.verbose;
    let causes = shown(&explanation.causes, verbose, SHORT_CAUSES);
    let mut notes: Vec<Note<'_>> = Vec::new();
    if let Some(label) = &explanation.primary {
        notes.push(Note {
            site: &label.site,
            words: label.words.clone(),
            primary: true,
        });
    }
    notes.extend(causes.iter().map(|cause| Note {
        site: &cause.site,
        words: words_of(cause),
        primary: false,
    }));
    let rule = explanation.rule;
    let error = format!("error[{} {}]", rule.code(), rule.name());
    writeln!(
        out,
        "{}{} {}",
        look.paint(Part::Error, error),
        look.paint(Part::Heading, ":"),
        look.paint(Part::Heading, rule.sentence())
    )?;
    snippet::write(out, &notes, look)?;
    for note in notes.iter().filter(|note| note.site.source.is_none()) {
        let words = look.paint(note.part(), &note.words);
        writeln!(out, "  insn {}: {}: {words}", note.site.insn, note.site.text)?;
    }
    let equals = look.paint(Part::Gutter, "=");
    if let Some(label) = explanation
        .primary
        .as_ref()
        .filter(|label| label.site.source.is_some())
    {
        writeln!(out, "  {equals} insn {}: {}", label.site.insn, label.site.text)?;
    }
    let bar = look.paint(Part::Gutter, "|");
    for line in kernel.lines().filter(|line| verbose || !is_step(line)) {
        writeln!(out, "  {bar} {line}")?;
    }
    for note in &explanation.notes {
        writeln!(out, "  {equals} {}: {note}", look.paint(Part::Heading, "note"))?;
    }
    write_path(out, explanation, look)?;
    if verbose {
        trail::write(out, &explanation.trail)?;
    }
    for remedy in shown(&explanation.remedies, verbose, SHORT_REMEDIES) {
        writeln!(out, "{}: {}", look.paint(Part::Help, "help"), help(remedy))?;
    }
    Ok(())
}

fn shown<T>(all: &[T], verbose: bool, short: usize) -> &[T] {
    let count = if verbose { all.len() } else { all.len().min(short) };
    all.get(..count).unwrap_or_default()
}

/// Whether a line of the kernel's log shows an instruction, source or state rather than what is wrong.
pub(crate) fn is_step(line: &str) -> bool {
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let shows_insn = digits.len() < line.len() && digits.starts_with(": ");
    shows_insn
        || ["; ", "cur state: ", "old state: ", "from "]
            .iter()
            .any(|start| line.starts_with(start))
}

/// What is said of a cause: its words carry the variable; the register stands behind.
pub(crate) fn words_of(cause: &Cause) -> String {
    match &cause.place {
        Some(place) => format!("{} [{place}]", cause.words),
        None => cause.words.clone(),
    }
}

fn write_path(out: &mut dyn Write, explanation: &Explanation, look: Look) -> io::Result<()> {
    let path = &explanation.path;
    if path.is_empty() {
        return Ok(());
    }
    let first = if look.verbose {
        0
    } else {
        path.len().saturating_sub(SHORT_CONDITIONS)
    };
    let parts: Vec<String> = path
        .iter()
        .skip(first)
        .map(|condition| {
            let way = if condition.taken { "taken" } else { "not taken" };
            match &condition.site.source {
                Some(source) => format!("line {} `{}`", source.line, source.text.trim()),
                None => format!("insn {} {way}", condition.site.insn),
            }
        })
        .collect();
    let others = explanation.other_conditions + first;
    let noun = if others == 1 { "condition" } else { "conditions" };
    let rest = match others {
        0 => String::new(),
        _ => format!(" (and {others} other {noun})"),
    };
    let (equals, name) = (look.paint(Part::Gutter, "="), look.paint(Part::Heading, "path"));
    writeln!(out, "  {equals} {name}: {}{rest}", parts.join(", then "))
}

/// A remedy in words: what to do, where, and whether it was tried.
pub(crate) fn help(remedy: &Remedy) -> String {
    let tried = match remedy.tried {
        Tried::Verified => "verified",
        Tried::Partly => "tried",
        Tried::Untried => "untried",
    };
    let way = if remedy.behind { "behind" } else { "at" };
    let place = match remedy.site.as_ref().map(|site| (site, &site.source)) {
        Some((_, Some(source))) => format!(" {way} line {}", source.line),
        Some((site, None)) => format!(" {way} insn {}", site.insn),
        None => String::new(),
    };
    let others = match (remedy.others.as_slice(), remedy.tried) {
        ([], _) => String::new(),
        (others, Tried::Partly) => format!(
            ": this refusal is gone then, and the next is {}",
            others.join("; ")
        ),
        (others, _) => format!(" together with what is refused next: {}", others.join("; ")),
    };
    format!("{}{place} ({tried}{others})", remedy.words)
}
