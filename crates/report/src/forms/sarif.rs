//! SARIF 2.1.0: static analysis results, as code scanning reads them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use super::{Report, Unusable, message};
use crate::explanation::{Explanation, Site, Source, Tried, words_of};
use crate::{Finding, MatrixRow, Verdict, findings, fingerprint};

pub(super) fn write(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let mut rules = Rules::default();
    let mut results = Vec::new();
    for row in report.rows {
        // A program at a time: its fingerprint is its own.
        let alone = std::slice::from_ref(row);
        for finding in findings(alone, report.which()) {
            results.push(result(report, &finding, &mut rules));
        }
    }
    let usable = report.unusable.is_empty();
    let notifications: Vec<_> = report
        .unusable
        .iter()
        .map(|input| notification(report, input))
        .chain(
            report
                .notes
                .iter()
                .map(|note| json!({ "level": "note", "message": words_as_message(note) })),
        )
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "verdict",
                "semanticVersion": report.version,
                "rules": rules.all,
            }},
            "invocations": [{
                "executionSuccessful": usable,
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "kernels": report.kernels },
        }],
    });
    // Strings and numbers only: nothing that could fail.
    writeln!(out, "{}", serde_json::to_string_pretty(&log).unwrap_or_default())
}

/// The rules that results name.
#[derive(Default)]
struct Rules {
    all: Vec<Value>,
    places: BTreeMap<String, usize>,
}

impl Rules {
    /// The rule's place among them.
    fn place(&mut self, id: &str, describe: impl FnOnce() -> Value) -> usize {
        if let Some(place) = self.places.get(id) {
            return *place;
        }
        let place = self.all.len();
        self.places.insert(id.to_owned(), place);
        self.all.push(describe());
        place
    }
}

fn describe(rule: Rule) -> Value {
    let checked = rule.section("What is checked").trim();
    let page = without_links(rule.page());
    json!({
        "id": rule.code(),
        "name": rule.name(),
        "shortDescription": { "text": rule.sentence() },
        "fullDescription": { "text": if checked.is_empty() { rule.sentence() } else { checked } },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["bpf", rule.category().name()] },
    })
}

/// The rule of a rejection of which none is known.
const REJECTED: &str = "rejected";

/// What has no page.
fn describe_other(id: &str, level: &str, text: &str) -> Value {
    json!({
        "id": id,
        "name": id,
        "shortDescription": { "text": text },
        "fullDescription": { "text": text },
        "help": { "text": text },
        "defaultConfiguration": { "level": level },
        "properties": { "tags": ["bpf"] },
    })
}

/// A page without its links to other files, which are not there where it will be read.
fn without_links(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, behind)) = rest.split_once("](") {
        let link = before
            .rsplit_once('[')
            .zip(behind.split_once(')'))
            .filter(|(_, (target, _))| !target.contains("://") && !target.contains('\n'));
        match link {
            Some(((before, label), (_, behind))) => {
                text.push_str(before);
                text.push_str(label);
                rest = behind;
            }
            None => {
                text.push_str(before);
                text.push_str("](");
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    text
}

fn result(report: &Report<'_>, finding: &Finding<'_>, rules: &mut Rules) -> Value {
    let entry = finding.entry;
    let site = entry.site();
    let (id, rule) = match (entry.record.verdict, entry.refusal) {
        (Verdict::Failure, Some(refusal)) => {
            let rule = refusal.rule;
            (rule.code(), rules.place(rule.code(), || describe(rule)))
        }
        (Verdict::Failure, None) => {
            let describe = || describe_other(REJECTED, "error", "the program is rejected");
            (REJECTED, rules.place(REJECTED, describe))
        }
        (Verdict::GaveUp, _) => {
            let text = "verifying the program took more time or memory than was allowed";
            let describe = || describe_other(message::GAVE_UP, "note", text);
            (message::GAVE_UP, rules.place(message::GAVE_UP, describe))
        }
        (Verdict::Success | Verdict::Unsupported, _) => {
            let text = "verdict does not model what the program needs, and does not guess";
            let describe = || describe_other(message::UNSUPPORTED, "note", text);
            (message::UNSUPPORTED, rules.place(message::UNSUPPORTED, describe))
        }
    };
    let mut result = Map::new();
    result.insert("ruleId".into(), id.into());
    result.insert("ruleIndex".into(), rule.into());
    let (kind, level) = match (entry.record.verdict, report.fails(finding)) {
        (Verdict::Failure, true) => ("fail", "error"),
        // Where the oldest kernel is asked for, that an older one refuses it is no error.
        (Verdict::Failure, false) => ("fail", "note"),
        _ => ("open", "none"),
    };
    result.insert("kind".into(), kind.into());
    result.insert("level".into(), level.into());
    let name = finding.row.program.unwrap_or(finding.row.object);
    let text = format!("{name}: {}", message::lines(report.kernels, finding).join("\n"));
    result.insert("message".into(), words_as_message(&text));
    let location = location(report, finding.row, site.as_ref(), None);
    result.insert("locations".into(), json!([location]));
    if let Some(explanation) = entry.explanation() {
        add_explanation(&mut result, report, finding.row, explanation);
    }
    if let Some(fingerprint) = fingerprint(entry) {
        result.insert(
            "partialFingerprints".into(),
            json!({ "verdictFinding/v1": fingerprint }),
        );
    }
    result.insert("properties".into(), properties(report, finding, site.as_ref()));
    Value::Object(result)
}

fn add_explanation(
    result: &mut Map<String, Value>,
    report: &Report<'_>,
    row: &MatrixRow<'_>,
    explanation: &Explanation,
) {
    let mut related: Vec<Value> = Vec::new();
    for cause in &explanation.causes {
        let place = location(report, row, Some(&cause.site), Some(&words_of(cause)));
        // Several instructions of a line may be told the same of.
        if !related.contains(&place) {
            related.push(place);
        }
    }
    if !related.is_empty() {
        result.insert("relatedLocations".into(), related.into());
    }
    let Some(primary) = explanation
        .primary
        .as_ref()
        .filter(|_| !explanation.path.is_empty())
    else {
        return;
    };
    let mut flow: Vec<_> = explanation
        .path
        .iter()
        .map(|condition| {
            let way = if condition.taken { "taken" } else { "not taken" };
            let words = format!("{}: the jump is {way}", condition.site.text);
            location(report, row, Some(&condition.site), Some(&words))
        })
        .collect();
    flow.push(location(report, row, Some(&primary.site), Some(&primary.words)));
    let flow: Vec<_> = flow
        .into_iter()
        .map(|location| json!({ "location": location }))
        .collect();
    result.insert(
        "codeFlows".into(),
        json!([{ "threadFlows": [{ "locations": flow }] }]),
    );
}

/// A place in the source, or else in the object.
fn location(report: &Report<'_>, row: &MatrixRow<'_>, site: Option<&Site>, words: Option<&str>) -> Value {
    let physical = match site.and_then(|site| site.source.as_ref()) {
        Some(source) => json!({
            "artifactLocation": { "uri": uri(&report.seen(&source.file)) },
            "region": region(source),
            "contextRegion": { "startLine": source.line.max(1), "snippet": { "text": source.text } },
        }),
        None => json!({ "artifactLocation": { "uri": uri(&report.seen(row.path)) } }),
    };
    let mut location = json!({ "physicalLocation": physical });
    if let Some(words) = words {
        location["message"] = words_as_message(words);
    }
    if let Some(program) = row.program {
        location["logicalLocations"] = json!([{
            "name": program,
            "fullyQualifiedName": format!("{}/{program}", row.object),
            "kind": "function",
        }]);
    }
    location
}

fn region(source: &Source) -> Value {
    let mut region = json!({ "startLine": source.line.max(1) });
    // The compiler counts bytes; here, characters are counted.
    let column = |bytes: u32| {
        let before = source.text.get(..usize::try_from(bytes).ok()?)?;
        Some(before.chars().count() + 1)
    };
    if let Some(start) = source.column.checked_sub(1).and_then(column) {
        region["startColumn"] = start.into();
        let end = source.column.saturating_add(source.length).checked_sub(1);
        if let Some(end) = end.and_then(column).filter(|end| *end > start) {
            region["endColumn"] = end.into();
        }
    }
    region
}

/// A message. Braces would stand around the numbers of arguments.
fn words_as_message(words: &str) -> Value {
    json!({ "text": words.replace('{', "{{").replace('}', "}}") })
}

/// What has no place of its own.
fn properties(report: &Report<'_>, finding: &Finding<'_>, site: Option<&Site>) -> Value {
    let record = finding.entry.record;
    let of = finding
        .of
        .first()
        .map(|(_, of)| of.as_slice())
        .unwrap_or_default();
    let kernels: Vec<_> = of.iter().filter_map(|at| report.kernels.get(*at)).collect();
    let mut properties = json!({
        "object": finding.row.path,
        "program": finding.row.program,
        "kernels": kernels,
        "stage": record.stage.name(),
        "words": finding.entry.words(),
    });
    if record.errno != 0 {
        properties["errno"] = record.errno.into();
        properties["errnoName"] = Errno(record.errno).name().into();
    }
    if let Some(site) = site {
        properties["insn"] = site.insn.into();
        properties["insnText"] = site.text.as_str().into();
    }
    if let Some(explanation) = finding.entry.explanation() {
        let remedies = explanation.remedies.iter();
        properties["remedies"] = remedies
            .map(|remedy| {
                json!({ "text": crate::explanation::help(remedy), "verified": remedy.tried == Tried::Verified })
            })
            .collect();
    }
    properties
}

/// An input of which nothing can be said.
fn notification(report: &Report<'_>, input: &Unusable) -> Value {
    json!({
        "level": "error",
        "message": words_as_message(&input.message),
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&report.seen(&input.path)) },
        }}],
    })
}

/// A path as a URI, relative if the path is.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("src/a.c"), "src/a.c");
        assert_eq!(uri("/src/a b:ä.c"), "file:///src/a%20b%3A%C3%A4.c");
    }

    #[test]
    fn columns_count_characters() {
        let source = Source {
            file: "a.c".into(),
            line: 3,
            column: 4,
            length: 2,
            text: "ä\tbcd".into(),
        };
        let region = region(&source);
        assert_eq!(
            (&region["startColumn"], &region["endColumn"]),
            (&3.into(), &5.into())
        );
    }

    #[test]
    fn links_to_files_are_words() {
        assert_eq!(
            without_links("see [a.c](../../a.c), [b](x://y) and [c](d.md)."),
            "see a.c, [b](x://y) and c."
        );
    }
}
