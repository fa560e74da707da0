//! How often each source line stands in a log.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// What stands before a source line.
const BEFORE: &[u8] = b"; ";
/// What stands before its place.
const AT: char = '@';

/// A writer that counts the source lines of the log that passes it.
pub struct SourceTally<'w> {
    out: &'w mut dyn Write,
    /// A line whose end is still to come.
    line: Vec<u8>,
    counts: BTreeMap<String, u64>,
}

impl<'w> SourceTally<'w> {
    /// Passes on to this writer.
    pub fn new(out: &'w mut dyn Write) -> Self {
        SourceTally {
            out,
            line: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// The lines: text, place, and how often.
    pub fn finish(mut self) -> Vec<(String, String, u64)> {
        self.end_line();
        let parts = |(line, count): (String, u64)| match line.rsplit_once(AT) {
            Some((text, place)) => (text.trim_end().to_owned(), place.trim_start().to_owned(), count),
            None => (line, String::new(), count),
        };
        self.counts.into_iter().map(parts).collect()
    }

    fn end_line(&mut self) {
        if let Some(source) = self.line.strip_prefix(BEFORE) {
            let source = String::from_utf8_lossy(source).into_owned();
            *self.counts.entry(source).or_default() += 1;
        }
        self.line.clear();
    }
}

impl Write for SourceTally<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        let mut lines = bytes.split(|b| *b == b'\n');
        self.line.extend_from_slice(lines.next().unwrap_or_default());
        for line in lines {
            self.end_line();
            self.line.extend_from_slice(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::SourceTally;
    use std::io::Write;

    #[test]
    fn counts_lines_in_pieces() {
        let mut out = Vec::new();
        let mut tally = SourceTally::new(&mut out);
        for piece in [
            "0: exit\n; a[i",
            "] = 1; @ x.c:3\n; a[i] = 1; @ x.c:3\n",
            "7: ; no\n;  @ x.c:4",
        ] {
            tally.write_all(piece.as_bytes()).unwrap();
        }
        let line = |text: &str, place: &str, count| (text.to_owned(), place.to_owned(), count);
        assert_eq!(
            tally.finish(),
            [line("", "x.c:4", 1), line("a[i] = 1;", "x.c:3", 2)]
        );
        assert!(out.starts_with(b"0: exit\n; a[i] = 1; @ x.c:3\n"));
    }
}
