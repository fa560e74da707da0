//! Workflow commands of GitHub's CI: an annotation for each reason, beside the source line.

use std::fmt;
use std::io::{self, Write};

use super::{Report, message};
use crate::matrix::names;
use crate::{Finding, findings};

pub(super) fn write(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    for finding in findings(report.rows, report.which()) {
        let level = match report.fails(&finding) {
            true => "error",
            // Where the oldest kernel is asked for, that an older one refuses it is no error.
            false => "notice",
        };
        write_finding(out, report, &finding, level)?;
    }
    for input in report.unusable {
        let place = [("file", report.seen(&input.path))];
        write_command(out, "error", &place, "verdict: unusable input", &input.message)?;
    }
    for note in report.notes {
        write_command(out, "notice", &[], "verdict: kernel", note)?;
    }
    for line in report.counts() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_finding(
    out: &mut dyn Write,
    report: &Report<'_>,
    finding: &Finding<'_>,
    level: &str,
) -> io::Result<()> {
    let entry = finding.entry;
    let site = entry.site();
    let place = match site.as_ref().and_then(|site| site.source.as_ref()) {
        Some(source) => {
            let mut place = vec![
                ("file", report.seen(&source.file)),
                ("line", source.line.to_string()),
            ];
            if source.column > 0 {
                place.push(("col", source.column.to_string()));
            }
            if source.column > 0 && source.length > 0 {
                // The last column that belongs to it.
                let end = source.column.saturating_add(source.length - 1);
                place.push(("endColumn", end.to_string()));
            }
            place
        }
        None => vec![("file", report.seen(finding.row.path))],
    };
    let title = format!("{}: {}", message::title(entry), finding.row.name());
    let mut lines = message::lines(report.kernels, finding);
    lines.extend(whom(report.kernels, finding));
    write_command(out, level, &place, &title, &lines.join("\n"))
}

/// Which other programs, and which kernels, if there are several.
fn whom(kernels: &[&str], finding: &Finding<'_>) -> Vec<String> {
    let several = kernels.len() > 1;
    let on = |of: &[usize]| match several {
        true => format!(" on {}", names(kernels, of)),
        false => String::new(),
    };
    let mut lines = Vec::new();
    if let Some((_, of)) = finding.of.first().filter(|_| several) {
        lines.push(format!("kernels: {}", names(kernels, of)));
    }
    let others: Vec<_> = finding
        .of
        .iter()
        .skip(1)
        .map(|(row, of)| format!("{}{}", row.name(), on(of)))
        .collect();
    if !others.is_empty() {
        lines.push(format!("also in: {}", others.join(", ")));
    }
    lines
}

fn write_command(
    out: &mut dyn Write,
    level: &str,
    place: &[(&str, String)],
    title: &str,
    message: &str,
) -> io::Result<()> {
    write!(out, "::{level} ")?;
    for (name, value) in place {
        write!(out, "{name}={},", Property(value))?;
    }
    writeln!(out, "title={}::{}", Property(title), Data(message))
}

/// A command's message, escaped as the runner takes it apart.
struct Data<'t>(&'t str);

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, "%\r\n")
    }
}

/// A property's value, which ends at a comma or colon.
struct Property<'t>(&'t str);

impl fmt::Display for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, self.0, "%\r\n:,")
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str, special: &str) -> fmt::Result {
    for c in text.chars() {
        match special.contains(c) {
            true => write!(f, "%{:02X}", u32::from(c))?,
            false => write!(f, "{c}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::{Form, Question};
    use crate::minimum::tests::record;
    use crate::{CheckEntry, MatrixRow, Verdict};

    #[test]
    fn a_reason_is_an_error_if_it_is_one_for_any_program() {
        let (good, bad) = (record(Verdict::Success), record(Verdict::Failure));
        let entry = |record| {
            Some(CheckEntry {
                record,
                errno_name: "EINVAL",
                place: None,
                refusal: None,
            })
        };
        let row = |name, newest| MatrixRow {
            path: "a.bpf.o",
            object: "a.bpf.o",
            program: Some(name),
            entries: vec![entry(&bad), entry(newest)],
        };
        let levels = |rows: &[MatrixRow<'_>]| {
            let report = Report {
                version: "",
                kernels: &["old", "new"],
                notes: &[],
                rows,
                unusable: &[],
                summaries: &[],
                question: Question::Minimum,
                directory: "",
                root: "",
            };
            let mut out = Vec::new();
            report.write(&mut out, Form::Github).unwrap();
            let text = String::from_utf8(out).unwrap();
            let levels = text
                .lines()
                .filter_map(|line| line.strip_prefix("::")?.split(' ').next());
            levels.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(levels(&[row("loads", &good)]), ["notice"]);
        assert_eq!(levels(&[row("loads", &good), row("never", &bad)]), ["error"]);
    }

    #[test]
    fn what_has_a_meaning_to_the_runner_is_escaped() {
        let mut out = Vec::new();
        let place = [("file", "a,b:c%.c".to_owned()), ("line", "3".to_owned())];
        write_command(&mut out, "error", &place, "x: y", "50%\r\nof: it, all\n::stop").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::error file=a%2Cb%3Ac%25.c,line=3,title=x%3A y::50%25%0D%0Aof: it, all%0A::stop\n"
        );
    }
}
