//! The source lines that verification walks most often, as `veristat -S` prints them.

use std::cmp::Reverse;
use std::io::{self, Write};

/// How often a source line was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCount {
    /// The line's text.
    pub text: String,
    /// `file:line`.
    pub place: String,
    /// How often.
    pub count: u64,
}

/// Writes the first `limit` lines of a program, those that were walked most often first; nothing when no line is
/// known.
///
/// # Errors
/// Those of the writer.
pub fn write_top_sources(
    out: &mut dyn Write,
    program: &str,
    counts: &[SourceCount],
    limit: usize,
) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<_> = counts
        .iter()
        .map(|line| {
            (
                Reverse(line.count),
                format!("{} @ {}", line.text, line.place),
                line,
            )
        })
        .collect();
    lines.sort_by(|x, y| (x.0, &x.1).cmp(&(y.0, &y.1)));
    writeln!(out, "Top source lines ({program}):")?;
    for (_, _, line) in lines.iter().take(limit) {
        // The blank before the place in the log stays.
        writeln!(out, "{:5}: ({})\t{} ", line.count, line.place, line.text)?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_frequent_first_then_by_text() {
        let line = |text: &str, number: u32, count| SourceCount {
            text: text.to_owned(),
            place: format!("a.c:{number}"),
            count,
        };
        let lines = [line("b", 2, 1), line("a", 3, 1), line("c", 1, 7)];
        let mut out = Vec::new();
        write_top_sources(&mut out, "p", &lines, 2).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Top source lines (p):\n    7: (a.c:1)\tc \n    1: (a.c:3)\ta \n\n"
        );
    }
}
