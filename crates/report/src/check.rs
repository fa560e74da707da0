//! The words of `verdict check`: one paragraph a program, and what they add up to.

use std::fmt;
use std::io::{self, Write};

use verdict_kernel::rule::{Fact, Role, Rule};

use crate::explanation::{Explanation, Site, Source, write_explanation};
use crate::{Advice, Look, Need, Part, Record, Stage, Verdict};

/// Where in the program a rejection happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Place {
    /// Index of the instruction.
    pub insn: usize,
    /// The instruction, disassembled.
    pub text: String,
    /// The source line, where the object says it.
    pub source: Option<Source>,
}

impl Place {
    /// An instruction with its text, and the source line that it belongs to.
    pub fn new(insn: usize, text: String, source: Option<Source>) -> Place {
        Place { insn, text, source }
    }

    /// The same as explanations have it.
    pub(crate) fn site(&self) -> Site {
        Site {
            insn: u32::try_from(self.insn).unwrap_or(u32::MAX),
            text: self.text.clone(),
            source: self.source.clone(),
        }
    }
}

/// What is known of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Refusal {
    /// The rule that was broken.
    pub rule: Rule,
    /// What the check knew beside its words.
    pub fact: Option<Fact>,
    /// The instruction that it goes back to, and why.
    pub origin: Option<(Role, Place)>,
    /// What the kernel lacks, when that is the reason.
    pub need: Option<Need>,
    /// What an author does about a kernel like this one.
    pub advice: Option<Advice>,
    /// Why, where that was asked for.
    pub explanation: Option<Box<Explanation>>,
}

impl Refusal {
    /// A refusal of which nothing else is known.
    pub fn by(rule: Rule) -> Refusal {
        Refusal {
            rule,
            fact: None,
            origin: None,
            need: None,
            advice: None,
            explanation: None,
        }
    }
}

/// What `check` knows of one program.
#[derive(Clone, Debug)]
pub struct CheckEntry<'a> {
    /// The program's figures.
    pub record: &'a Record,
    /// The name of its error number, such as `EACCES`.
    pub errno_name: &'a str,
    /// Where it was rejected.
    pub place: Option<&'a Place>,
    /// Why it was rejected.
    pub refusal: Option<&'a Refusal>,
}

impl CheckEntry<'_> {
    /// Object and program.
    pub fn name(&self) -> String {
        Name(self.record).to_string()
    }

    /// Why it was rejected, where that was asked for.
    pub(crate) fn explanation(&self) -> Option<&Explanation> {
        self.refusal?.explanation.as_deref()
    }

    /// Where it was rejected.
    pub(crate) fn site(&self) -> Option<Site> {
        let primary = self
            .explanation()
            .and_then(|explanation| explanation.primary.as_ref());
        match primary {
            Some(label) => Some(label.site.clone()),
            None => self.place.map(Place::site),
        }
    }

    /// The kernel's or the library's own words.
    pub(crate) fn words(&self) -> &str {
        let words = self.record.tail.as_deref().or(self.record.libbpf.as_deref());
        words.unwrap_or_default()
    }

    /// What an author does about a kernel like this one.
    pub(crate) fn advice(&self) -> Option<&Advice> {
        self.refusal?.advice.as_ref()
    }
}

/// Writes a program's paragraph. Only in the verbose form an accepted program gets one.
///
/// # Errors
/// Those of the writer.
pub fn write_entry(out: &mut dyn Write, entry: &CheckEntry<'_>, look: Look) -> io::Result<()> {
    write_group(out, entry, &[], look)
}

/// Writes a program's paragraph, and names `others` that are rejected for the same reason.
///
/// # Errors
/// Those of the writer.
pub fn write_group(
    out: &mut dyn Write,
    entry: &CheckEntry<'_>,
    others: &[String],
    look: Look,
) -> io::Result<()> {
    let record = entry.record;
    let name = Name(record);
    match record.verdict {
        Verdict::Success if !look.verbose => Ok(()),
        Verdict::Success => {
            let (insns, states) = record.figures.as_ref().map_or((0, 0), |f| (f.insns, f.states));
            let accepted = look.paint(Part::Good, "accepted");
            writeln!(out, "{accepted}     {name}: {insns} insns, {states} states")
        }
        Verdict::Unsupported | Verdict::GaveUp => writeln!(
            out,
            "{}  {name}: {}",
            look.paint(Part::Warning, format_args!("{:<11}", record.verdict.word())),
            record.undecided().unwrap_or("?")
        ),
        Verdict::Failure => write_rejection(out, entry, others, look),
    }
}

/// Who refuses, as a part of a sentence. A library that does begins its words with its name.
pub(crate) fn by_whom(record: &Record) -> String {
    let library = || {
        let words = record.libbpf.as_deref().unwrap_or_default();
        let named = LIBRARIES.iter().find(|name| {
            words
                .strip_prefix(**name)
                .is_some_and(|rest| rest.starts_with(": "))
        });
        named.copied().unwrap_or(LIBRARIES[0])
    };
    match record.stage {
        Stage::Open => format!("when {} opens the object", library()),
        Stage::Prepare => format!("when {} prepares it", library()),
        Stage::Verify => "by the kernel".to_owned(),
    }
}

/// The libraries that load objects.
const LIBRARIES: [&str; 3] = ["libbpf", "cilium/ebpf", "aya"];

/// With which error number who refuses; libraries may have none.
pub fn refusal_of(record: &Record, errno_name: &str) -> String {
    let by = by_whom(record);
    match record.errno {
        0 => by,
        _ => format!("{errno_name} {by}"),
    }
}

fn write_rejection(
    out: &mut dyn Write,
    entry: &CheckEntry<'_>,
    others: &[String],
    look: Look,
) -> io::Result<()> {
    let refusal = refusal_of(entry.record, entry.errno_name);
    let rejected = look.paint(Part::Error, "rejected");
    write!(out, "{rejected}     {}: {refusal}", Name(entry.record))?;
    if look.quiet {
        let rule = entry.refusal.map(|refusal| refusal.rule);
        return match rule {
            Some(rule) => writeln!(out, ": {} {}", rule.code(), rule.name()),
            None => writeln!(out),
        };
    }
    writeln!(out)?;
    if !others.is_empty() {
        writeln!(out, "    also in: {}", listed(others, look))?;
    }
    write_reason(out, entry, look)?;
    // An explanation has it among its remedies.
    let explained = entry.refusal.is_some_and(|refusal| refusal.explanation.is_some());
    match entry.advice() {
        Some(advice) if advice.sure && !explained => write_help(out, &advice.line, look),
        _ => Ok(()),
    }
}

/// Most names of a list in the short form.
const SHORT_LIST: usize = 8;

/// Names, or some of them and how many others there are.
fn listed(names: &[String], look: Look) -> String {
    let shown = if look.verbose { names.len() } else { SHORT_LIST };
    let text = names.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(shown) {
        0 => text,
        1 => format!("{text} and 1 other program"),
        more => format!("{text} and {more} other programs"),
    }
}

/// Writes what can be done about a refusal, below its reason.
pub(crate) fn write_help(out: &mut dyn Write, line: &str, look: Look) -> io::Result<()> {
    writeln!(out, "    {}: {line}", look.paint(Part::Help, "help"))
}

/// Writes why a program was rejected: the lines below the one that says so.
///
/// # Errors
/// Those of the writer.
pub fn write_reason(out: &mut dyn Write, entry: &CheckEntry<'_>, look: Look) -> io::Result<()> {
    let words = entry.words();
    if let Some(explanation) = entry.explanation() {
        return write_explanation(out, explanation, words, look);
    }
    if let Some(place) = entry.place {
        if let Some(source) = &place.source {
            writeln!(out, "    at {source}: {}", source.text.trim())?;
        }
        writeln!(out, "    insn {}: {}", place.insn, place.text)?;
    }
    for line in words.lines() {
        writeln!(out, "    | {line}")?;
    }
    match entry.refusal {
        Some(refusal) => write_refusal(out, refusal, entry.place, look),
        None => Ok(()),
    }
}

fn write_refusal(
    out: &mut dyn Write,
    refusal: &Refusal,
    place: Option<&Place>,
    look: Look,
) -> io::Result<()> {
    let rule = refusal.rule;
    let named = look.paint(Part::Error, format!("rule {rule}"));
    writeln!(out, "    {named}: {}", rule.sentence())?;
    if let Some(fact) = refusal.fact.filter(Fact::has_numbers) {
        writeln!(out, "    {fact}")?;
    }
    let Some((role, origin)) = &refusal.origin else {
        return Ok(());
    };
    let register = refusal.fact.as_ref().and_then(Fact::register);
    match (role, register) {
        (Role::Sets, Some(reg)) => write!(out, "    R{reg} is set by insn {}", origin.insn)?,
        (Role::Clears, Some(reg)) => {
            write!(out, "    R{reg} is cleared by the call at insn {}", origin.insn)?
        }
        _ => write!(out, "    acquired by insn {}", origin.insn)?,
    }
    match &origin.source {
        Some(source) if place.is_some_and(|place| place.source.as_ref() == Some(source)) => {
            writeln!(out, " of the same line")
        }
        Some(source) => writeln!(out, ", {source}: {}", source.text.trim()),
        None => writeln!(out, ": {}", origin.text),
    }
}

struct Name<'a>(&'a Record);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.object)?;
        self.0
            .program
            .as_ref()
            .map_or(Ok(()), |program| write!(f, " {program}"))
    }
}

/// How many programs ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckSummary {
    /// Accepted programs.
    pub accepted: usize,
    /// Rejected programs, and objects that libbpf refuses.
    pub rejected: usize,
    /// Programs that need something not modelled.
    pub unsupported: usize,
    /// Programs whose verification was given up.
    pub gave_up: usize,
    /// Inputs that could not be used at all.
    pub unusable: usize,
}

impl CheckSummary {
    /// Counts one more record.
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Success => self.accepted += 1,
            Verdict::Failure => self.rejected += 1,
            Verdict::Unsupported => self.unsupported += 1,
            Verdict::GaveUp => self.gave_up += 1,
        }
    }

    /// How many programs were counted.
    pub fn programs(&self) -> usize {
        self.accepted + self.rejected + self.unsupported + self.gave_up
    }

    /// The program's exit code: 1 unusable input, 2 a rejection, 3 a program without an answer (unsupported or given
    /// up), 0 all accepted.
    pub fn exit_code(&self) -> u8 {
        match self {
            s if s.unusable > 0 => 1,
            s if s.rejected > 0 => 2,
            s if s.unsupported > 0 || s.gave_up > 0 => 3,
            _ => 0,
        }
    }
}

impl fmt::Display for CheckSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.programs();
        let noun = if total == 1 { "program" } else { "programs" };
        write!(
            f,
            "{total} {noun}: {} accepted, {} rejected, {} unsupported",
            self.accepted, self.rejected, self.unsupported
        )?;
        if self.gave_up > 0 {
            write!(f, ", {} given up", self.gave_up)?;
        }
        if self.unusable > 0 {
            write!(f, "; {} unusable inputs", self.unusable)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(verdict: Verdict) -> Record {
        Record {
            object: "a.bpf.o".into(),
            program: Some("p".into()),
            verdict,
            stage: Stage::Verify,
            errno: 13,
            figures: None,
            libbpf: None,
            tail: Some("0: (61) r0 = *(u32 *)(r1 +0)\nR1 invalid\n".into()),
            unsupported: Some("helper bpf_x".into()),
            gave_up: None,
            assumed: None,
            log_sha256: None,
        }
    }

    fn line(line: u32, text: &str) -> Option<Source> {
        Some(Source {
            file: "a.c".into(),
            line,
            text: text.into(),
            ..Source::default()
        })
    }

    #[test]
    fn a_rejection_shows_its_place_and_the_last_words() {
        let place = Place {
            insn: 3,
            text: "(95) exit".into(),
            source: line(14, "\treturn *p;"),
        };
        let record = record(Verdict::Failure);
        let origin = Place {
            insn: 1,
            text: "(b7) r1 = 4".into(),
            source: line(12, "\tp += 4;"),
        };
        let refusal = Refusal {
            rule: Rule::ReturnValue,
            fact: Some(Fact::Number {
                reg: 1,
                is: (4, 4),
                allowed: (0, 3),
            }),
            origin: Some((Role::Sets, origin)),
            need: None,
            advice: None,
            explanation: None,
        };
        let entry = CheckEntry {
            record: &record,
            errno_name: "EACCES",
            place: Some(&place),
            refusal: Some(&refusal),
        };
        let mut out = Vec::new();
        write_entry(&mut out, &entry, Look::PLAIN).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "rejected     a.bpf.o p: EACCES by the kernel
    at a.c:14: return *p;
    insn 3: (95) exit
    | 0: (61) r0 = *(u32 *)(r1 +0)
    | R1 invalid
    rule V0419 return-value (call type safety): the program returns a value that its kind of program must not return
    R1: 4, allowed is 0 to 3
    R1 is set by insn 1, a.c:12: p += 4;
"
        );
    }

    #[test]
    fn exit_codes() {
        let mut summary = CheckSummary::default();
        assert_eq!(summary.exit_code(), 0);
        summary.count(Verdict::Unsupported);
        assert_eq!(summary.exit_code(), 3);
        summary.count(Verdict::Failure);
        assert_eq!(summary.exit_code(), 2);
        assert_eq!(
            summary.to_string(),
            "2 programs: 0 accepted, 1 rejected, 1 unsupported"
        );
        summary.unusable = 1;
        assert_eq!(summary.exit_code(), 1);
    }
}
