//! What came of tests as JUnit's XML, which build servers read.

use std::io::{self, Write};

use crate::report::{Status, Summary, TestResult};

/// Writes all tests, those of an object as a suite.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, results: &[TestResult], summary: &Summary) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let seconds: f64 = results.iter().map(|result| result.seconds).sum();
    let skipped = summary.known + summary.skipped + summary.unsupported;
    writeln!(
        out,
        r#"<testsuites name="verdict" tests="{}" failures="{}" errors="0" skipped="{skipped}" time="{seconds:.3}">"#,
        summary.tests(),
        summary.failed
    )?;
    for suite in results.chunk_by(|a, b| a.object == b.object) {
        write_suite(out, suite)?;
    }
    writeln!(out, "</testsuites>")
}

fn write_suite(out: &mut dyn Write, results: &[TestResult]) -> io::Result<()> {
    let name = results.first().map_or("", |result| result.object.as_str());
    let mut summary = Summary::default();
    results.iter().for_each(|result| summary.count(result));
    let seconds: f64 = results.iter().map(|result| result.seconds).sum();
    writeln!(
        out,
        r#"  <testsuite name="{}" tests="{}" failures="{}" errors="0" skipped="{}" time="{seconds:.3}">"#,
        Escaped(name),
        summary.tests(),
        summary.failed,
        summary.known + summary.skipped + summary.unsupported
    )?;
    for result in results {
        write_case(out, result)?;
    }
    writeln!(out, "  </testsuite>")
}

fn write_case(out: &mut dyn Write, result: &TestResult) -> io::Result<()> {
    write!(
        out,
        r#"    <testcase classname="{}" name="{}" time="{:.3}">"#,
        Escaped(&result.object),
        Escaped(&result.program),
        result.seconds
    )?;
    let complaint = result.complaint();
    let first = complaint.first().map_or("", String::as_str);
    match &result.status {
        _ if result.known.is_some() => write!(
            out,
            r#"<skipped message="known to fail: {}"/>"#,
            Escaped(result.known.as_deref().unwrap_or_default())
        )?,
        _ if result.failed() => write!(
            out,
            r#"<failure message="{}">{}</failure>"#,
            Escaped(first),
            Escaped(&complaint.join("\n"))
        )?,
        Status::Skipped(why) => write!(out, r#"<skipped message="{}"/>"#, Escaped(why))?,
        Status::Unsupported(what) => write!(out, r#"<skipped message="unsupported: {}"/>"#, Escaped(what))?,
        Status::Judged(_) | Status::Unusable(_) => {}
    }
    if result.skipped.total() > 0 {
        let unchecked: Vec<_> = result
            .skipped
            .by_kind()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        write!(
            out,
            "<system-out>not checked: {}</system-out>",
            unchecked.join(", ")
        )?;
    }
    writeln!(out, "</testcase>")
}

/// Text in XML: what has a meaning there is escaped, what it cannot hold is replaced.
struct Escaped<'t>(&'t str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' => f.write_str("&#10;")?,
                '\t' => f.write_str("&#9;")?,
                c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => f.write_str("\u{fffd}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Judgement;
    use crate::spec::Skipped;

    #[test]
    fn suites_cases_and_escapes() {
        let result = |object: &str, status| TestResult {
            object: object.to_owned(),
            program: "p".to_owned(),
            description: None,
            status,
            skipped: Skipped {
                retval: 1,
                ..Skipped::default()
            },
            known: None,
            seconds: 0.5,
        };
        let results = [
            result(
                "a<b.o",
                Status::Judged(Judgement {
                    met: 1,
                    ..Judgement::default()
                }),
            ),
            result("a<b.o", Status::Unusable("tag \"x\"\u{1}".to_owned())),
            result("c.o", Status::Skipped("arch")),
        ];
        let mut summary = Summary::default();
        results.iter().for_each(|result| summary.count(result));
        let mut out = Vec::new();
        write(&mut out, &results, &summary).unwrap();
        let text = String::from_utf8(out).unwrap();
        let head =
            r#"<testsuites name="verdict" tests="3" failures="1" errors="0" skipped="1" time="1.500">"#;
        assert!(text.contains(head), "{text}");
        assert!(
            text.contains(r#"<testsuite name="a&lt;b.o" tests="2" failures="1""#),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"tag &quot;x&quot;\u{fffd}\">"),
            "{text}"
        );
        assert!(
            text.contains(r#"<skipped message="arch"/><system-out>not checked: 1 retval</system-out>"#),
            "{text}"
        );
    }
}
