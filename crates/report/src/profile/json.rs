//! A profile as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::{Cost, Profile};
use crate::forms::{DocumentHead, Json, write_json};
use crate::{Record, Verdict};

/// Whose profile it is.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// Where the object lies, as it was named.
    pub path: &'a str,
    /// The kernel that was asked.
    pub kernel: &'a str,
    /// What has to be known of it, a line each.
    pub notes: &'a [String],
    /// The program's figures.
    pub record: &'a Record,
}

#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'a str>,
    kernel: &'a str,
    verdict: Verdict,
    #[serde(flatten)]
    cost: Figures,
    functions: Vec<Function<'a>>,
    loops: Vec<Loop<'a>>,
    lines: Vec<Line<'a>>,
    mismatches: Vec<Mismatch<'a>>,
}

#[derive(Serialize)]
struct Figures {
    insns: u64,
    states: u64,
    prune_hits: u64,
    prune_misses: u64,
}

impl From<Cost> for Figures {
    fn from(cost: Cost) -> Figures {
        Figures {
            insns: cost.insns,
            states: cost.states,
            prune_hits: cost.hits,
            prune_misses: cost.misses,
        }
    }
}

#[derive(Serialize)]
struct Function<'a> {
    function: &'a str,
    #[serde(flatten)]
    own: Figures,
    total: Figures,
}

#[derive(Serialize)]
struct Loop<'a> {
    header: u32,
    first: u32,
    last: u32,
    source: Option<Source<'a>>,
    turns: u64,
    #[serde(flatten)]
    cost: Figures,
}

#[derive(Serialize)]
struct Line<'a> {
    function: &'a str,
    source: Option<Source<'a>>,
    #[serde(flatten)]
    cost: Figures,
}

#[derive(Serialize)]
struct Mismatch<'a> {
    what: &'a str,
    why: &'a str,
    example: &'a str,
    prune_misses: u64,
    places: usize,
    insn: u32,
    source: Option<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    file: &'a str,
    line: u32,
    text: &'a str,
}

impl<'a> From<&'a super::SourceLine> for Source<'a> {
    fn from(line: &'a super::SourceLine) -> Source<'a> {
        Source {
            file: &line.file,
            line: line.line,
            text: &line.text,
        }
    }
}

/// Writes a profile as JSON, at most `top` rows of each list.
///
/// # Errors
/// Those of the writer.
pub fn write_profile_json(
    out: &mut dyn Write,
    form: Json,
    whose: Whose<'_>,
    profile: &Profile,
    top: usize,
) -> io::Result<()> {
    let head = DocumentHead {
        command: "profile",
        kernels: &[whose.kernel],
        notes: whose.notes,
        ..DocumentHead::default()
    };
    let record = whose.record;
    let entry = Entry {
        path: whose.path,
        object: &record.object,
        program: record.program.as_deref(),
        kernel: whose.kernel,
        verdict: record.verdict,
        cost: profile.total().into(),
        functions: functions(profile, top),
        loops: loops(profile, top),
        lines: lines(profile, top),
        mismatches: mismatches(profile, top),
    };
    write_json(out, form, &head, [entry], None::<()>)
}

fn functions(profile: &Profile, top: usize) -> Vec<Function<'_>> {
    let rows = profile.by_function().into_iter().take(top);
    rows.map(|row| Function {
        function: profile.function_name(row.function),
        own: row.own.into(),
        total: row.total.into(),
    })
    .collect()
}

fn loops(profile: &Profile, top: usize) -> Vec<Loop<'_>> {
    let rows = profile.by_loop().into_iter().take(top);
    rows.filter_map(|row| {
        let found = profile.loops.get(row.number)?;
        Some(Loop {
            header: found.header,
            first: found.range.0,
            last: found.range.1,
            source: profile.line_of(found.header).map(Source::from),
            turns: row.turns,
            cost: row.cost.into(),
        })
    })
    .collect()
}

fn lines(profile: &Profile, top: usize) -> Vec<Line<'_>> {
    let rows = profile.by_line().into_iter().take(top);
    rows.map(|row| Line {
        function: profile.function_name(row.function),
        source: row
            .line
            .and_then(|line| profile.lines.get(line))
            .map(Source::from),
        cost: row.cost.into(),
    })
    .collect()
}

fn mismatches(profile: &Profile, top: usize) -> Vec<Mismatch<'_>> {
    let rows = profile.by_reason().into_iter().take(top);
    rows.map(|row| Mismatch {
        what: &row.most.what,
        why: &row.most.why,
        example: &row.most.example,
        prune_misses: row.count,
        places: row.places,
        insn: row.most.insn,
        source: profile.line_of(row.most.insn).map(Source::from),
    })
    .collect()
}
