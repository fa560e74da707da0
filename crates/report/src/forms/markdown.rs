//! A page in GitHub's Markdown: for the summary of a step, or as a comment.

use std::io::{self, Write};

use super::{Question, Report, Unusable, message};
use crate::matrix::{names, word, write_details};
use crate::minimum::{HEADS, cells};
use crate::{Finding, Look, MatrixRow, Verdict, findings};

pub(super) fn write(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    writeln!(out, "## verdict check\n")?;
    for line in report.notes.iter().chain(&report.counts()) {
        writeln!(out, "- {line}")?;
    }
    writeln!(out)?;
    write_programs(out, report)?;
    write_findings(out, report)?;
    write_unusable(out, report.unusable)
}

/// Most bytes of each of the two tables, of what is said of unusable inputs, and of the reasons: GitHub takes a mebibyte for a step's summary, and nothing of a
/// longer one.
const MAX_TABLE: usize = 200 << 10;
const MAX_UNUSABLE: usize = 40 << 10;
const MAX_REASONS: usize = 560 << 10;

/// What cannot be used, and why, as far as there is room.
fn write_unusable(out: &mut dyn Write, unusable: &[Unusable]) -> io::Result<()> {
    if unusable.is_empty() {
        return Ok(());
    }
    writeln!(out, "Unusable inputs:\n")?;
    let mut written = 0;
    for (at, input) in unusable.iter().enumerate() {
        let text = format!("```text\n{}\n```\n", input.message.replace("```", "'''"));
        written += text.len();
        if written > MAX_UNUSABLE {
            let rest = unusable.len() - at;
            return writeln!(
                out,
                "{rest} more unusable inputs are left out: the page would be too long.\n"
            );
        }
        writeln!(out, "{text}")?;
    }
    Ok(())
}

/// Each reason once, as far as there is room.
fn write_findings(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let all = findings(report.rows, report.which());
    let mut written = 0;
    for (at, finding) in all.iter().enumerate() {
        let mut text = Vec::new();
        write_finding(&mut text, report, finding)?;
        written += text.len();
        if written > MAX_REASONS {
            let rest = all.len() - at;
            return writeln!(
                out,
                "{rest} more reasons are left out: the page would be too long.\n"
            );
        }
        out.write_all(&text)?;
    }
    Ok(())
}

/// A table of the programs: those that every kernel accepts out of the way.
fn write_programs(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let accepted = |row: &&MatrixRow<'_>| {
        let mut verdicts = row.entries.iter().flatten().map(|entry| entry.record.verdict);
        verdicts.all(|verdict| verdict == Verdict::Success)
    };
    let (good, others): (Vec<_>, Vec<_>) = report.rows.iter().partition(accepted);
    if !others.is_empty() {
        write_rows(out, report, &others)?;
    }
    if !good.is_empty() {
        let what = match (good.len(), report.kernels.len()) {
            (1, 1) => "1 program is accepted".to_owned(),
            (count, 1) => format!("{count} programs are accepted"),
            (1, _) => "1 program is accepted by all kernels".to_owned(),
            (count, _) => format!("{count} programs are accepted by all kernels"),
        };
        writeln!(out, "<details><summary>{what}</summary>\n")?;
        write_rows(out, report, &good)?;
        writeln!(out, "</details>\n")?;
    }
    Ok(())
}

fn write_rows(out: &mut dyn Write, report: &Report<'_>, rows: &[&MatrixRow<'_>]) -> io::Result<()> {
    let minimum = matches!(report.question, Question::Minimum);
    let heads: Vec<_> = match minimum {
        true => HEADS.iter().map(|head| (*head).to_owned()).collect(),
        false => {
            let kernels = report.kernels.iter().map(|kernel| (*kernel).to_owned());
            ["File".to_owned(), "Program".to_owned()]
                .into_iter()
                .chain(kernels)
                .collect()
        }
    };
    let line = |row: &&MatrixRow<'_>| {
        let mut line = vec![row.object.to_owned(), row.program.unwrap_or_default().to_owned()];
        match minimum {
            true => line.extend(cells(report.kernels, row)),
            false => line.extend(
                row.entries
                    .iter()
                    .map(|entry| entry.as_ref().map_or_else(String::new, word)),
            ),
        }
        line
    };
    let mut bytes = 0;
    let fits = |line: &Vec<String>| {
        bytes += line.iter().map(|cell| escaped(cell).len() + 3).sum::<usize>();
        bytes < MAX_TABLE
    };
    let lines: Vec<_> = rows.iter().map(line).take_while(fits).collect();
    let left_out = rows.len() - lines.len();
    write_table(out, &heads, lines.into_iter())?;
    match left_out {
        0 => writeln!(out),
        more => writeln!(
            out,
            "\n{more} more programs are left out: the page would be too long.\n"
        ),
    }
}

/// A reason: what it is in one line, and all of it behind that.
fn write_finding(out: &mut dyn Write, report: &Report<'_>, finding: &Finding<'_>) -> io::Result<()> {
    let entry = finding.entry;
    let others = match finding.of.len().saturating_sub(1) {
        0 => String::new(),
        1 => " and 1 other program".to_owned(),
        more => format!(" and {more} other programs"),
    };
    writeln!(
        out,
        "<details><summary><b>{}</b>: {}{others}: {}</summary>\n",
        escaped(&message::title(entry)),
        escaped(&finding.row.name()),
        escaped(&message::sentence(entry))
    )?;
    for (row, of) in &finding.of {
        let on = match report.kernels.len() {
            1 => String::new(),
            _ => format!(": {}", escaped(&names(report.kernels, of))),
        };
        writeln!(out, "- {}{on}", escaped(&row.name()))?;
    }
    let mut details = Vec::new();
    write_details(&mut details, report.kernels, finding, Look::PLAIN)?;
    let details = String::from_utf8_lossy(&details);
    if !details.trim().is_empty() {
        // A fence that is longer than any in what it fences.
        let longest = details
            .split(|c| c != '`')
            .map(str::len)
            .max()
            .unwrap_or_default();
        let fence = "`".repeat(longest.max(2) + 1);
        writeln!(out, "\n{fence}text\n{}\n{fence}", details.trim_end())?;
    }
    writeln!(out, "\n</details>\n")
}

/// Writes a table.
///
/// # Errors
/// Those of the writer.
pub fn write_table(
    out: &mut dyn Write,
    heads: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| escaped(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    writeln!(out, "{}\n|{}", line(heads), "---|".repeat(heads.len()))?;
    for row in rows {
        writeln!(out, "{}", line(&row))?;
    }
    Ok(())
}

/// Text in Markdown, in one line: what has a meaning there, or in HTML, is escaped.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        // Between letters it is one of them.
        let inside = |next: &str| before.is_alphanumeric() && next.starts_with(char::is_alphanumeric);
        match c {
            '_' if inside(rest.as_str()) => safe.push('_'),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' => safe.push_str("&#124;"),
            '`' => safe.push_str("&#96;"),
            '*' => safe.push_str("&#42;"),
            '_' => safe.push_str("&#95;"),
            '[' => safe.push_str("&#91;"),
            ']' => safe.push_str("&#93;"),
            '~' => safe.push_str("&#126;"),
            '@' => safe.push_str("&#64;"),
            '\\' => safe.push_str("&#92;"),
            '\n' | '\r' => safe.push(' '),
            c => safe.push(c),
        }
        before = c;
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escaped("a|b_c _d_ <i> `x`\n@all"),
            "a&#124;b_c &#95;d&#95; &lt;i&gt; &#96;x&#96; &#64;all"
        );
        let mut out = Vec::new();
        let heads = ["A".to_owned(), "B".to_owned()];
        let row = vec!["1|2".to_owned(), "x".to_owned()];
        write_table(&mut out, &heads, [row].into_iter()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "| A | B |\n|---|---|\n| 1&#124;2 | x |\n"
        );
    }
}
