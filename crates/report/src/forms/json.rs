//! JSON: `docs/schema/verdict-1.json` says what is in it.

use std::io::{self, Write};

use serde::Serialize;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use super::{Loaded, Question, Report, Unusable};
use crate::explanation::{Explanation, Site};
use crate::finding::fingerprint;
use crate::matrix::help;
use crate::row::sum_of;
use crate::{CheckEntry, CheckSummary, Figures, GaveUp, MatrixRow, Minimum, Need, Record, Stage, Verdict};

/// The schema's name and version: the number grows when something is taken away or changes its meaning, not when something
/// is added.
pub const SCHEMA: &str = "verdict/1";

/// Form of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Json {
    /// One document: what was asked, and records.
    Document,
    /// The records, a line each.
    Lines,
}

/// What a document says before its records.
#[derive(Clone, Debug, Default)]
pub struct DocumentHead<'a> {
    /// The command that writes it.
    pub command: &'a str,
    /// The kernels that were asked.
    pub kernels: &'a [&'a str],
    /// What has to be known of them, a line each.
    pub notes: &'a [String],
    /// The fields that were chosen, in their order.
    pub columns: Vec<String>,
}

/// The same as JSON.
#[derive(Serialize)]
struct Opening<'a> {
    schema: &'static str,
    command: &'a str,
    version: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    kernels: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    columns: &'a [String],
}

/// Something with the schema's name before it.
#[derive(Serialize)]
struct Versioned<T> {
    schema: &'static str,
    #[serde(flatten)]
    record: T,
}

/// Writes records, which are objects, and in a document what they add up to.
///
/// # Errors
/// Those of the writer.
pub fn write_json<R: Serialize>(
    out: &mut dyn Write,
    form: Json,
    head: &DocumentHead<'_>,
    records: impl IntoIterator<Item = R>,
    summary: Option<impl Serialize>,
) -> io::Result<()> {
    let versioned = |record| {
        let schema = SCHEMA;
        json(&Versioned { schema, record })
    };
    let mut records = records.into_iter().map(versioned);
    if form == Json::Lines {
        return records.try_for_each(|record| writeln!(out, "{record}"));
    }
    let head = json(&Opening {
        schema: SCHEMA,
        command: head.command,
        version: env!("CARGO_PKG_VERSION"),
        kernels: head.kernels,
        notes: head.notes,
        columns: &head.columns,
    });
    // The head is an object, which is left open for the records.
    write!(out, "{},\n\"records\":[", head.strip_suffix('}').unwrap_or(&head))?;
    for (at, record) in records.enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(out, "{comma}\n{record}")?;
    }
    write!(out, "\n]")?;
    if let Some(summary) = summary {
        write!(out, ",\n\"summary\":{}", json(&summary))?;
    }
    writeln!(out, "}}")
}

/// What one kernel says of one program, or of an object that cannot be opened.
#[derive(Serialize)]
pub(crate) struct Said<'a> {
    path: &'a str,
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    kernel: &'a str,
    verdict: Verdict,
    stage: Stage,
    errno: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_name: Option<&'static str>,
    #[serde(flatten)]
    figures: Option<&'a Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<&'a Need>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Site>,
    #[serde(skip_serializing_if = "Option::is_none")]
    libbpf: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsupported: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gave_up: Option<GaveUp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// A rule, by code and name.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Named {
    code: &'static str,
    name: &'static str,
}

impl From<Rule> for Named {
    fn from(rule: Rule) -> Named {
        let (code, name) = (rule.code(), rule.name());
        Named { code, name }
    }
}

impl<'a> Said<'a> {
    /// What is in the record.
    pub(crate) fn of(path: &'a str, kernel: &'a str, record: &'a Record, rule: Option<Rule>) -> Said<'a> {
        Said {
            path,
            object: &record.object,
            program: record.program.as_deref(),
            kernel,
            verdict: record.verdict,
            stage: record.stage,
            errno: record.errno,
            errno_name: Errno(record.errno).name(),
            figures: record.figures.as_ref(),
            stack: record
                .figures
                .as_ref()
                .map(|figures| sum_of(&figures.stack_depth)),
            rule: rule.map(Named::from),
            need: None,
            place: None,
            libbpf: record.libbpf.as_deref(),
            tail: record.tail.as_deref(),
            unsupported: record.unsupported.as_deref(),
            gave_up: record.gave_up,
            assumed: record.assumed.as_deref(),
            explanation: None,
            help: None,
            fingerprint: None,
        }
    }

    fn of_figured(figured: &Figured<'a>) -> Said<'a> {
        Said::of(figured.path, figured.kernel, figured.record, figured.rule)
    }

    /// What one of the kernels says of a row, if it was asked.
    fn in_row(report: &Report<'a>, row: &'a MatrixRow<'a>, at: usize) -> Option<Said<'a>> {
        let entry: &CheckEntry<'a> = row.entries.get(at)?.as_ref()?;
        let rule = entry.refusal.map(|refusal| refusal.rule);
        Some(Said {
            need: entry.refusal.and_then(|refusal| refusal.need.as_ref()),
            place: entry.site(),
            explanation: entry.explanation(),
            help: help(report.kernels, row, at),
            fingerprint: fingerprint(entry),
            ..Said::of(row.path, report.kernels.get(at)?, entry.record, rule)
        })
    }
}

/// From which kernel on a program loads.
#[derive(Serialize)]
struct Oldest<'a> {
    path: &'a str,
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    verdict: Verdict,
    /// `null`: none.
    from: Option<&'a str>,
    /// `null`: all kernels load it.
    before: Option<Said<'a>>,
    also: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

impl<'a> Oldest<'a> {
    fn of(report: &Report<'a>, row: &'a MatrixRow<'a>) -> Oldest<'a> {
        let minimum = Minimum::of(row);
        let name = |at: &usize| report.kernels.get(*at).copied();
        let before = minimum.before.and_then(|at| Said::in_row(report, row, at));
        Oldest {
            path: row.path,
            object: row.object,
            program: row.program,
            verdict: minimum.verdict(row),
            from: minimum.from.as_ref().and_then(name),
            before,
            also: minimum.also.iter().filter_map(name).collect(),
            notes: report.notes,
        }
    }
}

/// Whether an object loads whole.
#[derive(Serialize)]
struct Whole<'a> {
    path: &'a str,
    object: &'a str,
    kernel: &'a str,
    loads: bool,
    /// `null`: at none.
    ends_at: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

/// An input of which nothing can be said.
#[derive(Serialize)]
struct Useless<'a> {
    path: &'a str,
    verdict: &'static str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Named>,
}

/// One of the records.
#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Said(Box<Said<'a>>),
    Oldest(Box<Oldest<'a>>),
    Whole(Whole<'a>),
    Useless(Useless<'a>),
}

fn items<'a>(report: &'a Report<'a>) -> impl Iterator<Item = Item<'a>> {
    let said = |row: &'a MatrixRow<'a>| {
        let of_kernel = |at| Some(Item::Said(Box::new(Said::in_row(report, row, at)?)));
        (0..report.kernels.len()).filter_map(of_kernel)
    };
    let rows = report.rows.iter();
    let (programs, oldest) = match report.question {
        Question::Minimum => (
            None,
            Some(rows.map(|row| Item::Oldest(Box::new(Oldest::of(report, row))))),
        ),
        _ => (Some(rows.flat_map(said)), None),
    };
    let loaded = match report.question {
        Question::Whole(loaded) => loaded,
        _ => &[],
    };
    let kernel = report.kernels.first().copied().unwrap_or_default();
    let whole = move |object: &'a Loaded| {
        Item::Whole(Whole {
            path: &object.path,
            object: &object.object,
            kernel,
            loads: object.loads,
            ends_at: object.ends_at.as_deref(),
            notes: report.notes,
        })
    };
    let useless = |input: &'a Unusable| {
        Item::Useless(Useless {
            path: &input.path,
            verdict: "unusable",
            error: &input.message,
            rule: input.rule.map(Named::from),
        })
    };
    let of_programs = programs.into_iter().flatten().chain(oldest.into_iter().flatten());
    of_programs
        .chain(loaded.iter().map(whole))
        .chain(report.unusable.iter().map(useless))
}

/// Counts, as JSON.
#[derive(Serialize)]
struct Counts<'a> {
    /// `null`: of all kernels together.
    kernel: Option<&'a str>,
    programs: usize,
    accepted: usize,
    rejected: usize,
    unsupported: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gave_up: Option<usize>,
    unusable: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Objects>,
}

/// Counts of objects that were loaded whole.
#[derive(Serialize)]
struct Objects {
    load: usize,
    refused: usize,
}

fn counts<'a>(report: &Report<'a>, at: usize, summary: &CheckSummary) -> Counts<'a> {
    let kernel = match report.question {
        Question::Minimum => None,
        _ => report.kernels.get(at).copied(),
    };
    let objects = match report.question {
        Question::Whole(loaded) => {
            let load = loaded.iter().filter(|object| object.loads).count();
            let refused = loaded.len() - load;
            Some(Objects { load, refused })
        }
        _ => None,
    };
    Counts {
        kernel,
        programs: summary.programs(),
        accepted: summary.accepted,
        rejected: summary.rejected,
        unsupported: summary.unsupported,
        gave_up: Some(summary.gave_up).filter(|programs| *programs > 0),
        unusable: summary.unusable,
        objects,
    }
}

/// Strings and numbers only: nothing that could fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A program's figures, and where they come from.
#[derive(Clone, Copy, Debug)]
pub struct Figured<'a> {
    /// Where the object lies, as it was named.
    pub path: &'a str,
    /// The kernel that was asked.
    pub kernel: &'a str,
    /// The figures.
    pub record: &'a Record,
    /// The rule that was broken.
    pub rule: Option<Rule>,
}

/// Writes figures as records, without explanations: of these kernels, of which this has to be known.
///
/// # Errors
/// Those of the writer.
pub fn write_records(
    out: &mut dyn Write,
    form: Json,
    (kernels, notes): (&[&str], &[String]),
    records: &[Figured<'_>],
) -> io::Result<()> {
    let head = DocumentHead {
        command: "stat",
        kernels,
        notes,
        ..DocumentHead::default()
    };
    write_json(out, form, &head, records.iter().map(Said::of_figured), None::<()>)
}

/// Writes what `check` has to say.
pub(super) fn write(out: &mut dyn Write, form: Json, report: &Report<'_>) -> io::Result<()> {
    let head = DocumentHead {
        command: "check",
        kernels: report.kernels,
        notes: report.notes,
        ..DocumentHead::default()
    };
    let summaries = report.summaries.iter().enumerate();
    let all: Vec<_> = summaries
        .map(|(at, summary)| counts(report, at, summary))
        .collect();
    write_json(out, form, &head, items(report), Some(all))
}
