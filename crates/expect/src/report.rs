//! Results of tests, in the manner of `cargo test`.

use std::io::{self, Write};

use verdict_report::{Look, Part};

use crate::judge::{Judgement, Unmet, Why};
use crate::nearest::Line;
use crate::spec::Skipped;

/// The result of one test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestResult {
    /// The object's file name.
    pub object: String,
    /// The program.
    pub program: String,
    /// What the test is about.
    pub description: Option<String>,
    /// Its result.
    pub status: Status,
    /// What was not checked.
    pub skipped: Skipped,
    /// Why it is known to fail, if it is.
    pub known: Option<String>,
    /// What is taken for granted of kernel and maps.
    pub assumed: Option<String>,
    /// Time taken, in seconds.
    pub seconds: f64,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It ran: all expectations are met if none is unmet.
    Judged(Judgement),
    /// None of its expectations can be checked: why.
    Skipped(&'static str),
    /// It needs what is not modelled.
    Unsupported(String),
    /// Its verification was given up: what was used up.
    GaveUp(&'static str),
    /// Its tags, or the object with it, cannot be used.
    Unusable(String),
}

impl TestResult {
    /// Object and program.
    pub fn name(&self) -> String {
        format!("{} {}", self.object, self.program)
    }

    /// Whether it failed: an expectation is unmet without being known to be, or cannot even be read.
    pub(crate) fn failed(&self) -> bool {
        match &self.status {
            _ if self.known.is_some() => false,
            Status::Judged(judgement) => judgement.unmet.is_some(),
            Status::Unusable(_) => true,
            Status::Skipped(_) | Status::Unsupported(_) | Status::GaveUp(_) => false,
        }
    }

    /// What is wrong, if something is, a line each.
    pub(crate) fn complaint(&self) -> Vec<String> {
        match &self.status {
            Status::Judged(judgement) => judgement.unmet.as_ref().map_or(Vec::new(), explain),
            Status::Unusable(why) | Status::Unsupported(why) => vec![why.clone()],
            Status::GaveUp(what) => vec![format!("gave up: {what}")],
            Status::Skipped(_) => Vec::new(),
        }
    }
}

/// How much is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Failures and the summary.
    Quiet,
    /// A line for each test, too.
    Normal,
    /// Descriptions and counts of expectations, too.
    Verbose,
}

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests all of whose expectations are met.
    pub passed: usize,
    /// Tests with one that is not.
    pub failed: usize,
    /// Tests that are known to fail, and do.
    pub known: usize,
    /// Tests none of whose expectations can be checked.
    pub skipped: usize,
    /// Tests that need what is not modelled.
    pub unsupported: usize,
    /// Tests whose verification was given up.
    pub gave_up: usize,
    /// Tests left out by a filter.
    pub filtered: usize,
    /// Expectations that are met.
    pub met: usize,
    /// Expectations that are not.
    pub unmet: usize,
    /// Expectations behind one that is not met.
    pub unreached: usize,
    /// Expectations that cannot be checked.
    pub unchecked: Skipped,
}

impl Summary {
    /// Counts a test.
    pub fn count(&mut self, result: &TestResult) {
        self.unchecked.add(result.skipped);
        match &result.status {
            Status::Judged(judgement) => {
                self.met += judgement.met;
                self.unreached += judgement.unreached;
                self.unmet += usize::from(judgement.unmet.is_some());
            }
            Status::Skipped(_) => self.skipped += 1,
            Status::Unsupported(_) => self.unsupported += 1,
            Status::GaveUp(_) => self.gave_up += 1,
            Status::Unusable(_) => {}
        }
        match &result.status {
            _ if result.known.is_some() => self.known += 1,
            _ if result.failed() => self.failed += 1,
            Status::Judged(_) => self.passed += 1,
            _ => {}
        }
    }

    /// How many tests were looked at.
    pub fn tests(&self) -> usize {
        self.passed + self.failed + self.known + self.skipped + self.unsupported + self.gave_up
    }

    /// 0 all passed, 2 a failure, 3 a test without an answer (unsupported or given up).
    pub fn exit_code(&self) -> u8 {
        match (self.failed, self.unsupported + self.gave_up) {
            (0, 0) => 0,
            (0, _) => 3,
            _ => 2,
        }
    }

    /// The counts of expectations, as a line.
    pub fn expectations(&self) -> String {
        let (met, unmet, unreached) = (self.met, self.unmet, self.unreached);
        let skipped = self.unchecked.total();
        let line =
            format!("expectations: {met} met; {unmet} unmet; {unreached} not reached; {skipped} skipped");
        match skipped {
            0 => line,
            _ => format!("{line} ({})", kinds(&self.unchecked)),
        }
    }
}

fn kinds(skipped: &Skipped) -> String {
    let some = skipped.by_kind().into_iter().filter(|(_, count)| *count > 0);
    some.map(|(kind, count)| format!("{count} {kind}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes the line of one test.
///
/// # Errors
/// Those of the writer.
pub fn write_test(
    out: &mut dyn Write,
    result: &TestResult,
    (detail, look): (Detail, Look),
) -> io::Result<()> {
    if detail == Detail::Quiet {
        return Ok(());
    }
    let (word, part) = match &result.status {
        _ if result.known.is_some() => ("failed, as known", Part::Warning),
        _ if result.failed() => ("FAILED", Part::Error),
        Status::Judged(_) | Status::Unusable(_) => ("ok", Part::Good),
        Status::Skipped(_) => ("skipped", Part::Warning),
        Status::Unsupported(_) => ("unsupported", Part::Warning),
        Status::GaveUp(_) => ("gave up", Part::Warning),
    };
    write!(out, "test {} ... {}", result.name(), look.paint(part, word))?;
    if let Status::Skipped(why) = &result.status {
        write!(out, " ({why})")?;
    }
    if detail == Detail::Normal && result.skipped.total() > 0 && matches!(result.status, Status::Judged(_)) {
        write!(out, ", {} skipped", result.skipped.total())?;
    }
    if detail == Detail::Verbose {
        if let Status::Judged(judgement) = &result.status {
            write!(out, ", {} met", judgement.met)?;
        }
        if result.skipped.total() > 0 {
            write!(out, ", skipped {}", kinds(&result.skipped))?;
        }
        if let Some(description) = &result.description {
            write!(out, ": {description}")?;
        }
    }
    writeln!(out)
}

/// Writes what is wrong with the tests that failed or have no answer.
///
/// # Errors
/// Those of the writer.
pub fn write_failures(out: &mut dyn Write, results: &[TestResult], look: Look) -> io::Result<()> {
    let wrong = |result: &&TestResult| {
        result.failed() || matches!(result.status, Status::Unsupported(_) | Status::GaveUp(_))
    };
    if !results.iter().any(|result| wrong(&result)) {
        return Ok(());
    }
    writeln!(out, "\n{}:\n", look.paint(Part::Heading, "failures"))?;
    for result in results.iter().filter(wrong) {
        write!(out, "---- {}", look.paint(Part::Heading, result.name()))?;
        match &result.description {
            Some(description) => writeln!(out, ": {description} ----")?,
            None => writeln!(out, " ----")?,
        }
        for line in result.complaint() {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes the counts.
///
/// # Errors
/// Those of the writer.
pub fn write_summary(out: &mut dyn Write, summary: &Summary, look: Look) -> io::Result<()> {
    let word = match summary.failed {
        0 => look.paint(Part::Good, "ok"),
        _ => look.paint(Part::Error, "FAILED"),
    };
    let Summary {
        passed,
        failed,
        known,
        skipped,
        unsupported,
        gave_up,
        filtered,
        ..
    } = summary;
    let given_up = match gave_up {
        0 => String::new(),
        _ => format!(" {gave_up} given up;"),
    };
    writeln!(
        out,
        "\ntest result: {word}. {passed} passed; {failed} failed; {known} known to fail; {skipped} skipped; \
         {unsupported} unsupported;{given_up} {filtered} filtered out"
    )?;
    writeln!(out, "{}", summary.expectations())
}

/// An unmet expectation in words, with the log's lines.
fn explain(unmet: &Unmet) -> Vec<String> {
    let mut lines = Vec::new();
    match &unmet.why {
        Why::Accepted => lines.push("expected to be rejected, but the program is accepted".to_owned()),
        Why::Refused { reason, log } => {
            lines.push(format!(
                "expected to be accepted, but the program is rejected: {reason}"
            ));
            show(&mut lines, "the log ends", log);
        }
        Why::Present { message, line } => {
            lines.push(format!(
                "expectation {}: must not be in the log: {message}",
                unmet.index
            ));
            show(&mut lines, "but it is", std::slice::from_ref(line));
        }
        Why::Missing {
            message,
            after,
            earlier,
            nearest,
            refused,
        } => {
            let behind = after.map_or(String::new(), |line| format!(" behind line {line}"));
            lines.push(format!(
                "expectation {}: must be in the log{behind}: {message}",
                unmet.index
            ));
            match (earlier, nearest.as_slice()) {
                (Some(line), _) => show(&mut lines, "it is, but earlier", std::slice::from_ref(line)),
                (None, []) => {
                    let why = refused.as_deref().unwrap_or(NO_LOG);
                    lines.push(format!("  the log is empty: {why}"));
                }
                (None, nearest) => show(&mut lines, "nearest", nearest),
            }
        }
    }
    lines
}

/// Why an accepted program has an empty log.
const NO_LOG: &str = "there is none of an accepted program unless the test asks for a level";

fn show(lines: &mut Vec<String>, what: &str, log: &[Line]) {
    if !log.is_empty() {
        lines.push(format!("  {what}:"));
    }
    for line in log {
        lines.push(format!("  {:>6} | {}", line.number, line.text));
    }
}
