//! What programs are not accepted for: which of them for the same reason, and what recognises a reason in a later run.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use verdict_kernel::rule::Rule;

use crate::check::refusal_of;
use crate::explanation::{Explanation, Site, Source, is_step};
use crate::{CheckEntry, MatrixRow, Minimum, Verdict};

/// Whose reasons are of interest.
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

/// A reason for which programs are not accepted.
#[derive(Clone, Debug)]
pub struct Finding<'a> {
    /// What is said of the first program by the first kernel.
    pub entry: &'a CheckEntry<'a>,
    /// That program.
    pub row: &'a MatrixRow<'a>,
    /// That kernel's number.
    pub kernel: usize,
    /// The programs, and which kernels say so of each.
    pub of: Vec<(&'a MatrixRow<'a>, Vec<usize>)>,
}

/// The reasons, in the order in which they come up first.
pub fn findings<'a>(rows: &'a [MatrixRow<'a>], which: Which) -> Vec<Finding<'a>> {
    let mut all: Vec<Finding<'a>> = Vec::new();
    let mut places = BTreeMap::new();
    for row in rows {
        let wanted = |(kernel, _): &(usize, _)| which.wants(row, *kernel);
        for (kernel, entry) in row.entries.iter().enumerate().filter(wanted) {
            let Some((entry, key)) = entry.as_ref().and_then(|entry| Some((entry, key(entry)?))) else {
                continue;
            };
            let at = *places.entry(key).or_insert(all.len());
            if at == all.len() {
                all.push(Finding {
                    entry,
                    row,
                    kernel,
                    of: Vec::new(),
                });
            }
            let Some(of) = all.get_mut(at).map(|finding| &mut finding.of) else {
                continue;
            };
            match of.last_mut() {
                Some((last, kernels)) if std::ptr::eq(*last, row) => kernels.push(kernel),
                _ => of.push((row, vec![kernel])),
            }
        }
    }
    all
}

/// Rejections by one kernel, put together by their reasons.
#[derive(Debug, Default)]
pub struct Groups(BTreeMap<String, Vec<String>>);

impl Groups {
    /// Takes a program's entry, in the order in which they will be written.
    pub fn add(&mut self, entry: &CheckEntry<'_>) {
        if let Some(key) = rejection(entry) {
            self.0.entry(key).or_default().push(entry.name());
        }
    }

    /// The other programs that are rejected for the same reason, when the first of them is about to be written; `None` for
    /// those others.
    pub fn others(&mut self, entry: &CheckEntry<'_>) -> Option<Vec<String>> {
        let Some(key) = rejection(entry) else {
            return Some(Vec::new());
        };
        let mut all = self.0.get_mut(&key).map(std::mem::take)?;
        (!all.is_empty()).then(|| all.split_off(1))
    }
}

fn rejection(entry: &CheckEntry<'_>) -> Option<String> {
    (entry.record.verdict == Verdict::Failure)
        .then(|| key(entry))
        .flatten()
}

/// What makes a reason another one; `None` for a program that is accepted. Registers are none of it, nor is the number
/// of an instruction that has a source line: what is written once is compiled into many programs.
fn key(entry: &CheckEntry<'_>) -> Option<String> {
    let record = entry.record;
    if entry
        .refusal
        .is_some_and(|refusal| refusal.rule == Rule::GplRequired)
    {
        // One line is missing in the object, wherever its programs want it.
        return Some(format!("{}\0{}", Rule::GplRequired.code(), record.object));
    }
    let mut parts = Vec::new();
    match record.verdict {
        Verdict::Success => return None,
        Verdict::Unsupported | Verdict::GaveUp => {
            parts.push(record.verdict.word().to_owned());
            parts.extend(record.undecided().map(str::to_owned));
        }
        Verdict::Failure => {
            parts.push(refusal_of(record, entry.errno_name));
            parts.extend(record.libbpf.clone());
            parts.push(gist(record.tail.as_deref().unwrap_or_default()));
            if let Some(refusal) = entry.refusal {
                parts.push(refusal.rule.code().to_owned());
                parts.extend(refusal.need.as_ref().map(ToString::to_string));
                parts.extend(
                    refusal
                        .fact
                        .as_ref()
                        .map(|fact| without_registers(&fact.to_string())),
                );
            }
            match entry.explanation() {
                Some(explanation) => add_explanation(&mut parts, explanation),
                None => parts.push(place(entry, entry.place.map(crate::Place::site).as_ref())),
            }
        }
    }
    Some(parts.join("\0"))
}

fn add_explanation(parts: &mut Vec<String>, explanation: &Explanation) {
    let at = |site: &Site| {
        let source = site.source.as_ref();
        source.map_or_else(
            || format!("{} {}", site.insn, site.text),
            |source| format!("{}:{}:{}", source.file, source.line, source.column),
        )
    };
    if let Some(label) = &explanation.primary {
        parts.push(at(&label.site));
        parts.push(without_registers(&label.words));
    }
    for cause in &explanation.causes {
        parts.push(at(&cause.site));
        parts.push(without_registers(&cause.words));
    }
    parts.extend(explanation.notes.iter().map(|note| without_registers(note)));
    for remedy in &explanation.remedies {
        parts.push(format!("{:?} {}", remedy.tried, without_registers(&remedy.words)));
        parts.extend(remedy.site.as_ref().map(at));
    }
}

/// A place without an explanation: the line, or else the very instruction.
fn place(entry: &CheckEntry<'_>, site: Option<&Site>) -> String {
    match site.map(|site| (site, &site.source)) {
        Some((_, Some(source))) => format!("{}:{}", source.file, source.line),
        Some((site, None)) => format!("{} {} {}", entry.record.object, site.insn, site.text),
        None => String::new(),
    }
}

/// The kernel's words without the walk before them, for which kernels have different forms, and without numbers, which
/// differ with registers, offsets and ids.
fn gist(words: &str) -> String {
    let lines: Vec<_> = words
        .lines()
        .filter(|line| !is_step(line))
        .map(without_numbers)
        .collect();
    lines.join("\n")
}

/// The same with each number as `#`.
fn without_numbers(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if short.ends_with('#') => {}
            true => short.push('#'),
            false => short.push(c),
        }
    }
    short
}

/// The same with each register as `R#`.
fn without_registers(text: &str) -> String {
    let parts = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let register = |part: &str| {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let number = word.strip_prefix(['R', 'r'])?;
        let is = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is.then(|| format!("R#{}", part.get(word.len()..).unwrap_or_default()))
    };
    parts
        .map(|part| register(part).unwrap_or_else(|| part.to_owned()))
        .collect()
}

/// What recognises a finding in a later run, after the program has been changed elsewhere and built again: the object,
/// the program, the rule, what the kernel lacks, the source file's name and the text of the line at which the kernel
/// refuses. No line or instruction numbers, no offsets, no directories but those
/// that tell objects of one name apart, no kernel, and nothing of the explanation, which
/// may be left out and becomes better. `None` for a program that is accepted.
pub fn fingerprint(entry: &CheckEntry<'_>) -> Option<String> {
    let record = entry.record;
    let mut parts = vec![record.object.clone(), record.program.clone().unwrap_or_default()];
    match (record.verdict, entry.refusal) {
        (Verdict::Success, _) => return None,
        (Verdict::GaveUp, _) => parts.push(record.verdict.word().to_owned()),
        (Verdict::Unsupported, _) => {
            parts.push(without_numbers(record.unsupported.as_deref().unwrap_or_default()))
        }
        (Verdict::Failure, Some(refusal)) => {
            parts.push(refusal.rule.code().to_owned());
            parts.push(refusal.need.as_ref().map(ToString::to_string).unwrap_or_default());
        }
        (Verdict::Failure, None) => parts.push(record.stage.name().to_owned()),
    }
    // Where a budget ends is chance.
    let by_chance = |rule| matches!(rule, Rule::InsnLimit | Rule::JumpLimit);
    let by_chance = entry.refusal.is_some_and(|refusal| by_chance(refusal.rule));
    let place = entry.place.filter(|_| !by_chance).map(crate::Place::site);
    if let Some(source) = place.and_then(|site| site.source) {
        parts.push(base_name(&source.file).to_owned());
        parts.push(words(&source));
    }
    Some(digest(&parts.join("\0")))
}

/// What recognises a text.
pub(crate) fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A line's text, however it is indented.
fn words(source: &Source) -> String {
    source.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::{Label, Remedy};
    use crate::{Place, Record, Refusal, Stage};

    fn record(program: &str) -> Record {
        Record {
            object: "a.bpf.o".into(),
            program: Some(program.into()),
            verdict: Verdict::Failure,
            stage: Stage::Verify,
            errno: 13,
            figures: None,
            libbpf: None,
            tail: Some("7: (61) r0 = *(u32 *)(r1 +0)\nR1 off=4 is outside\n".into()),
            unsupported: None,
            gave_up: None,
            assumed: None,
            log_sha256: None,
        }
    }

    /// What is known of a refusal at a line, by an instruction and its register.
    fn refusal(line: u32, text: &str, insn: u32, reg: u8) -> Refusal {
        let source = Source {
            file: "/build/src/a.c".into(),
            line,
            text: text.into(),
            ..Source::default()
        };
        let site = Site {
            insn,
            text: format!("(61) r0 = *(u32 *)(r{reg} +0)"),
            source: Some(source),
        };
        let words = format!("R{reg} (`p`) may be NULL");
        let explanation = Explanation {
            primary: Some(Label { site, words }),
            remedies: vec![Remedy::untried(format!("compare r{reg}"))],
            ..Explanation::by(Rule::UncheckedNull)
        };
        Refusal {
            explanation: Some(Box::new(explanation)),
            ..Refusal::by(Rule::UncheckedNull)
        }
    }

    fn entry<'a>(record: &'a Record, refusal: &'a Refusal) -> CheckEntry<'a> {
        CheckEntry {
            record,
            errno_name: "EACCES",
            place: None,
            refusal: Some(refusal),
        }
    }

    #[test]
    fn one_line_in_several_programs_is_one_reason() {
        let records = [record("one"), record("two"), record("three")];
        let refusals = [
            refusal(3, "return *p;", 7, 1),
            refusal(3, "return *p;", 9, 6),
            refusal(4, "return *p;", 7, 1),
        ];
        let entries: Vec<_> = records.iter().zip(&refusals).map(|(a, b)| entry(a, b)).collect();
        let mut groups = Groups::default();
        entries.iter().for_each(|entry| groups.add(entry));
        let others: Vec<_> = entries.iter().map(|entry| groups.others(entry)).collect();
        let two = Some(vec!["a.bpf.o two".to_owned()]);
        assert_eq!(others, [two, None, Some(vec![])]);
    }

    #[test]
    fn fingerprints_survive_what_a_rebuild_changes() {
        let of = |program: &str, rule: Rule, insn: usize, line: &str, text: &str| {
            let (record, refusal) = (record(program), Refusal::by(rule));
            let place = Place {
                insn,
                text: format!("(61) r0 = *(u32 *)(r{insn} +0)"),
                source: line.rsplit_once(':').map(|(file, line)| Source {
                    file: file.to_owned(),
                    line: line.parse().unwrap(),
                    text: text.to_owned(),
                    ..Source::default()
                }),
            };
            let entry = CheckEntry {
                place: Some(&place),
                ..entry(&record, &refusal)
            };
            fingerprint(&entry).unwrap()
        };
        let null = Rule::UncheckedNull;
        let first = of("one", null, 7, "/build/src/a.c:3", "\treturn *p;");
        assert_eq!(first.len(), 32);
        // Lines and instructions in front of it, another indentation, another register, another directory.
        assert_eq!(of("one", null, 9, "/home/else/a.c:30", "    return  *p;"), first);
        // Another statement, another program, another rule.
        assert_ne!(of("one", null, 7, "/build/src/a.c:3", "\treturn *q;"), first);
        assert_ne!(of("two", null, 7, "/build/src/a.c:3", "\treturn *p;"), first);
        assert_ne!(
            of("one", Rule::NotAPointer, 7, "/build/src/a.c:3", "\treturn *p;"),
            first
        );
        // Wherever the limit is reached.
        let limit = |line| of("one", Rule::InsnLimit, 7, "a.c:3", line);
        assert_eq!(limit("i++;"), limit("j++;"));
    }

    #[test]
    fn registers_are_words_of_their_own() {
        assert_eq!(without_registers("R1 (`r2d2`) [r10], r"), "R# (`r2d2`) [R#], r");
        assert_eq!(without_numbers("off=12 R1"), "off=# R#");
    }
}
