//! GitLab's code quality report: an issue for each program that is not accepted, as merge requests show them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::{Report, Unusable, message};
use crate::finding::digest;
use crate::{Finding, Verdict, findings, fingerprint};

/// An entry of the report.
#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// A program that is not loaded.
const FAILS: &str = "critical";
/// One of which nothing can be said, or that an older kernel than the first that loads it refuses.
const TOLD: &str = "info";

pub(super) fn write(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let mut issues: Vec<Issue> = Vec::new();
    let mut known = BTreeSet::new();
    for row in report.rows {
        // A program at a time: its fingerprint is its own.
        for finding in findings(std::slice::from_ref(row), report.which()) {
            let issue = of_finding(report, &finding);
            // Several kernels may refuse in other words what is wrong once.
            if known.insert(issue.fingerprint.clone()) {
                issues.push(issue);
            }
        }
    }
    issues.extend(report.unusable.iter().map(|input| of_unusable(report, input)));
    // Strings and numbers only: nothing that could fail.
    writeln!(
        out,
        "{}",
        serde_json::to_string_pretty(&issues).unwrap_or_default()
    )
}

fn of_finding(report: &Report<'_>, finding: &Finding<'_>) -> Issue {
    let entry = finding.entry;
    let site = entry.site();
    let source = site.as_ref().and_then(|site| site.source.as_ref());
    let (path, line) = match source {
        Some(source) => (report.seen(&source.file), source.line),
        None => (report.seen(finding.row.path), 1),
    };
    let severity = match (entry.record.verdict, report.fails(finding)) {
        (Verdict::Failure, true) => FAILS,
        _ => TOLD,
    };
    let lines = message::lines(report.kernels, finding);
    Issue {
        description: format!("{}: {}", finding.row.name(), lines.join("\n")),
        check_name: message::title(entry),
        fingerprint: fingerprint(entry).unwrap_or_default(),
        severity,
        location: Location {
            path,
            lines: Lines { begin: line.max(1) },
        },
    }
}

fn of_unusable(report: &Report<'_>, input: &Unusable) -> Issue {
    let path = report.seen(&input.path);
    Issue {
        description: input.message.clone(),
        check_name: input.rule.map_or_else(
            || "unusable-input".to_owned(),
            |rule| format!("{} {}", rule.code(), rule.name()),
        ),
        fingerprint: digest(&format!("unusable\0{path}")),
        severity: FAILS,
        location: Location {
            path,
            lines: Lines { begin: 1 },
        },
    }
}
