//! Results of tests as JSON: `docs/schema/verdict-1.json` says what is in it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};
use verdict_report::forms::{DocumentHead, Json, write_json};

use crate::report::{Status, Summary, TestResult};
use crate::spec::Skipped;

/// What one kernel says of the tests.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The kernel.
    pub kernel: &'a str,
    /// The results, each with the path of its object.
    pub results: &'a [(String, TestResult)],
    /// What they add up to.
    pub summary: &'a Summary,
    /// Inputs that cannot be used, and why.
    pub unusable: &'a [(String, String)],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Test(Box<Test<'a>>),
    Unusable {
        path: &'a str,
        verdict: &'static str,
        error: &'a str,
    },
}

#[derive(Serialize)]
struct Test<'a> {
    path: &'a str,
    object: &'a str,
    program: &'a str,
    kernel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    status: &'static str,
    expectations: Expectations,
    /// What is wrong, a line each.
    words: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a str>,
    usec: u64,
}

#[derive(Serialize)]
struct Expectations {
    met: usize,
    unmet: usize,
    not_reached: usize,
    /// By kind.
    skipped: Map<String, Value>,
}

impl<'a> Test<'a> {
    fn of(kernel: &'a str, path: &'a str, result: &'a TestResult) -> Test<'a> {
        let status = match &result.status {
            _ if result.known.is_some() => "known",
            _ if result.failed() => "failed",
            Status::Judged(_) | Status::Unusable(_) => "passed",
            Status::Skipped(_) => "skipped",
            Status::Unsupported(_) => "unsupported",
            Status::GaveUp(_) => "gave_up",
        };
        let judged = match &result.status {
            Status::Judged(judgement) => Some(judgement),
            _ => None,
        };
        Test {
            path,
            object: &result.object,
            program: &result.program,
            kernel,
            description: result.description.as_deref(),
            status,
            expectations: Expectations {
                met: judged.map_or(0, |judged| judged.met),
                unmet: judged.map_or(0, |judged| usize::from(judged.unmet.is_some())),
                not_reached: judged.map_or(0, |judged| judged.unreached),
                skipped: kinds(&result.skipped),
            },
            words: result.complaint(),
            known: result.known.as_deref(),
            usec: (result.seconds * 1e6) as u64,
        }
    }
}

fn kinds(skipped: &Skipped) -> Map<String, Value> {
    let some = skipped.by_kind().into_iter().filter(|(_, count)| *count > 0);
    some.map(|(kind, count)| (kind.to_owned(), count.into()))
        .collect()
}

#[derive(Serialize)]
struct Counts<'a> {
    kernel: &'a str,
    passed: usize,
    failed: usize,
    known: usize,
    skipped: usize,
    unsupported: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gave_up: Option<usize>,
    filtered: usize,
    expectations: Expectations,
}

impl<'a> Counts<'a> {
    fn of(run: &Run<'a>) -> Counts<'a> {
        let summary = run.summary;
        Counts {
            kernel: run.kernel,
            passed: summary.passed,
            failed: summary.failed,
            known: summary.known,
            skipped: summary.skipped,
            unsupported: summary.unsupported,
            gave_up: Some(summary.gave_up).filter(|tests| *tests > 0),
            filtered: summary.filtered,
            expectations: Expectations {
                met: summary.met,
                unmet: summary.unmet,
                not_reached: summary.unreached,
                skipped: kinds(&summary.unchecked),
            },
        }
    }
}

/// Writes the results of all kernels; `notes` say what has to be known of these.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, form: Json, runs: &[Run<'_>], notes: &[String]) -> io::Result<()> {
    let kernels: Vec<_> = runs.iter().map(|run| run.kernel).collect();
    let head = DocumentHead {
        command: "test",
        kernels: &kernels,
        notes,
        ..DocumentHead::default()
    };
    let records = runs.iter().flat_map(|run| {
        let tests = run
            .results
            .iter()
            .map(|(path, result)| Entry::Test(Box::new(Test::of(run.kernel, path, result))));
        let unusable = run.unusable.iter().map(|(path, error)| Entry::Unusable {
            path,
            verdict: "unusable",
            error,
        });
        tests.chain(unusable)
    });
    let summary: Vec<_> = runs.iter().map(Counts::of).collect();
    write_json(out, form, &head, records, Some(summary))
}
