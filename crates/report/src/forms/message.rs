//! A reason in few words, for forms that show a line or two of it beside the source.

use crate::check::refusal_of;
use crate::explanation::{self, Tried, is_step, words_of};
use crate::matrix::extra_help;
use crate::{CheckEntry, Finding, Verdict};

/// Most causes and remedies that are told.
const CAUSES: usize = 4;
const REMEDIES: usize = 2;

/// What a reason is called: `V0201 packet-bounds`.
pub(super) fn title(entry: &CheckEntry<'_>) -> String {
    match (entry.record.verdict, entry.refusal) {
        (Verdict::Unsupported, _) => UNSUPPORTED.to_owned(),
        (Verdict::GaveUp, _) => GAVE_UP.to_owned(),
        (_, Some(refusal)) => format!("{} {}", refusal.rule.code(), refusal.rule.name()),
        (_, None) => "rejected".to_owned(),
    }
}

/// The rule of a program that is not modelled.
pub(super) const UNSUPPORTED: &str = "unsupported";
/// The rule of a program whose verification was given up.
pub(super) const GAVE_UP: &str = "gave-up";

/// What is wrong, in one line.
pub(super) fn sentence(entry: &CheckEntry<'_>) -> String {
    let record = entry.record;
    match (record.verdict, entry.refusal) {
        (Verdict::Unsupported | Verdict::GaveUp, _) => record.undecided().unwrap_or("?").to_owned(),
        (_, Some(refusal)) => match &refusal.need {
            Some(need) => format!("{}: {need}", refusal.rule.sentence()),
            None => refusal.rule.sentence().to_owned(),
        },
        (_, None) => format!("rejected {}", refusal_of(record, entry.errno_name)),
    }
}

/// What is wrong and why, what to do about it, and the kernel's words: a line each.
pub(super) fn lines(kernels: &[&str], finding: &Finding<'_>) -> Vec<String> {
    let entry = finding.entry;
    let mut lines = vec![match entry.record.verdict {
        verdict if verdict.is_decided() => sentence(entry),
        verdict => format!("{}: {}", verdict.word(), sentence(entry)),
    }];
    if let Some(explanation) = entry.explanation() {
        let words = explanation.primary.iter().map(|label| &label.words);
        lines.extend(
            words
                .filter(|words| *words != explanation.rule.sentence())
                .cloned(),
        );
        lines.extend(explanation.causes.iter().take(CAUSES).map(|cause| {
            let words = words_of(cause);
            match &cause.site.source {
                Some(source) => format!("line {}: {words}", source.line),
                None => format!("insn {}: {words}", cause.site.insn),
            }
        }));
        lines.extend(explanation.notes.iter().map(|note| format!("note: {note}")));
        lines.extend(explanation.remedies.iter().take(REMEDIES).map(help));
    }
    lines.extend(extra_help(kernels, finding).map(|line| format!("help: {line}")));
    let said: Vec<_> = entry.words().lines().filter(|line| !is_step(line)).collect();
    if !said.is_empty() {
        lines.push(format!("{}: {}", speaker(entry), said.join(" / ")));
    }
    lines
}

fn help(remedy: &explanation::Remedy) -> String {
    // Where it was seen accepted, the place belongs to what was seen.
    match remedy.tried {
        Tried::Untried if remedy.site.is_none() => format!("help: {} (untried)", remedy.words),
        _ => format!("help: {}", explanation::help(remedy)),
    }
}

/// Whose words they are.
fn speaker(entry: &CheckEntry<'_>) -> &'static str {
    match entry.record.tail {
        Some(_) => "the kernel says",
        None => "the loader says",
    }
}
