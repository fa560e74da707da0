//! Results of tests as JUnit's XML.

use std::io::{self, Write};

use verdict_report::junit::{self, Case, Outcome, Suite};

use crate::report::{Status, TestResult};

/// Writes all tests, those of an object as a suite.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, results: &[TestResult]) -> io::Result<()> {
    let suites: Vec<_> = results
        .chunk_by(|a, b| a.object == b.object)
        .map(|of_object| Suite {
            name: of_object
                .first()
                .map_or("", |result| result.object.as_str())
                .to_owned(),
            cases: of_object.iter().map(case).collect(),
        })
        .collect();
    junit::write(out, &suites)
}

fn case(result: &TestResult) -> Case {
    let complaint = result.complaint();
    let outcome = match &result.status {
        _ if let Some(why) = &result.known => Outcome::Skipped(format!("known to fail: {why}")),
        _ if result.failed() => Outcome::Failed(
            complaint.first().cloned().unwrap_or_default(),
            complaint.join("\n"),
        ),
        Status::Skipped(why) => Outcome::Skipped((*why).to_owned()),
        Status::Unsupported(what) => Outcome::Skipped(format!("unsupported: {what}")),
        Status::GaveUp(what) => Outcome::Skipped(format!("gave up: {what}")),
        Status::Judged(_) | Status::Unusable(_) => Outcome::Passed,
    };
    let unchecked: Vec<_> = result
        .skipped
        .by_kind()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let unchecked = (!unchecked.is_empty()).then(|| format!("not checked: {}", unchecked.join(", ")));
    let assumed = result.assumed.as_ref().map(|what| format!("assumed: {what}"));
    let output: Vec<_> = unchecked.into_iter().chain(assumed).collect();
    Case {
        class: result.object.clone(),
        name: result.program.clone(),
        seconds: result.seconds,
        outcome,
        output: (!output.is_empty()).then(|| output.join("\n")),
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
            assumed: None,
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
        let mut out = Vec::new();
        write(&mut out, &results).unwrap();
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
