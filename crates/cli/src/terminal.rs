//! What is written where somebody may read it: nothing that objects say moves a terminal's cursor.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use verdict_report::{is_unprintable, printable_lines};

/// Writes text with control characters escaped; line feeds and tabs stay, and what verdict itself colours with, where it
/// does.
pub(crate) struct Printable<W: Write> {
    inner: W,
    colours: bool,
    /// The beginning of a character or of a sequence that colours, the rest of which is still to come.
    begun: Vec<u8>,
}

/// The longest sequence that colours.
const LONGEST: usize = 16;

/// What stands at the beginning of bytes.
enum Next {
    /// So many bytes that stay.
    Stays(usize),
    /// So many bytes that are one character, to be escaped.
    Escaped(usize),
    /// Only what follows will tell.
    Begun,
}

impl<W: Write> Printable<W> {
    pub(crate) fn new(inner: W, colours: bool) -> Printable<W> {
        Printable {
            inner,
            colours,
            begun: Vec::new(),
        }
    }

    /// Writes what can be written; all of it at the end.
    fn pass(&mut self, bytes: &[u8], is_end: bool) -> io::Result<()> {
        let mut rest = bytes;
        let mut plain = 0;
        while let Some(tail) = rest.get(plain..).filter(|tail| !tail.is_empty()) {
            let count = match self.next(tail) {
                Next::Stays(count) => {
                    plain += count;
                    continue;
                }
                Next::Begun if !is_end => break,
                Next::Begun => 1,
                Next::Escaped(count) => count,
            };
            let (before, from) = rest.split_at(plain);
            let (escaped, after) = from.split_at(count.min(from.len()));
            self.inner.write_all(before)?;
            self.inner
                .write_all(verdict_report::printable(escaped).as_bytes())?;
            (rest, plain) = (after, 0);
        }
        let (before, begun) = rest.split_at(plain);
        self.inner.write_all(before)?;
        self.begun = begun.to_vec();
        Ok(())
    }

    fn next(&self, bytes: &[u8]) -> Next {
        let plain = |byte: &&u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
        let count = bytes.iter().take_while(plain).count();
        if count > 0 {
            return Next::Stays(count);
        }
        let Some(first) = bytes.first() else {
            return Next::Begun;
        };
        let width = match first {
            0x1b if self.colours => return sequence(bytes),
            0..=0x7f => return Next::Escaped(1),
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return Next::Escaped(1),
        };
        let character = bytes.get(..width.min(bytes.len())).unwrap_or_default();
        match std::str::from_utf8(character) {
            Ok(text) if text.chars().any(is_unprintable) => Next::Escaped(width),
            Ok(_) => Next::Stays(width),
            Err(error) if error.error_len().is_none() => Next::Begun,
            Err(_) => Next::Escaped(1),
        }
    }
}

/// A sequence that colours, at the beginning.
fn sequence(bytes: &[u8]) -> Next {
    let Some(numbers) = bytes.strip_prefix(b"\x1b[") else {
        return match bytes.len() {
            1 => Next::Begun,
            _ => Next::Escaped(1),
        };
    };
    let count = numbers
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b';'))
        .count();
    match numbers.get(count) {
        _ if count > LONGEST => Next::Escaped(1),
        Some(b'm') => Next::Stays(2 + count + 1),
        Some(_) => Next::Escaped(1),
        None => Next::Begun,
    }
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.begun.is_empty() {
            self.pass(bytes, false)?;
        } else {
            let mut all = std::mem::take(&mut self.begun);
            all.extend_from_slice(bytes);
            self.pass(&all, false)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        self.pass(&begun, true)?;
        self.inner.flush()
    }
}

/// Standard output. Logs go as they are into files and pipes: they are the kernel's to the byte.
pub(crate) fn output(colours: bool, exact: bool) -> Box<dyn Write> {
    let out = io::stdout();
    match exact && !out.is_terminal() {
        true => Box::new(out.lock()),
        false => Box::new(Printable::new(out.lock(), colours)),
    }
}

/// Standard error, for more than a few lines.
pub(crate) fn errors(colours: bool) -> Printable<io::StderrLock<'static>> {
    Printable::new(io::stderr().lock(), colours)
}

/// Writes lines to standard error.
pub(crate) fn complain(words: fmt::Arguments<'_>) {
    let words = words.to_string();
    // Nowhere is left to complain that this cannot be written.
    let _ = writeln!(io::stderr().lock(), "{}", printable_lines(&words));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// What comes of text, however it is cut into pieces.
    fn written(text: &[u8], colours: bool) -> String {
        let mut results: Vec<String> = (1..=text.len())
            .map(|size| {
                let mut out = Vec::new();
                let mut printable = Printable::new(&mut out, colours);
                text.chunks(size)
                    .for_each(|piece| printable.write_all(piece).unwrap());
                printable.flush().unwrap();
                String::from_utf8(out).unwrap()
            })
            .collect();
        results.dedup();
        assert_eq!(results.len(), 1, "{results:?}");
        results.pop().unwrap()
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(written("größe\tπ\n".as_bytes(), false), "größe\tπ\n");
        assert_eq!(
            written(b"a\x1b[2Jb\rc\x7f\x07\xff\xc3", false),
            "a\\x1b[2Jb\\rc\\x7f\\x07\\xff\\xc3"
        );
        assert_eq!(
            written("\u{9b}2J\u{202e}x".as_bytes(), true),
            "\\u{9b}2J\\u{202e}x"
        );
        assert_eq!(
            written(b"\x1b[1m\x1b[91mno\x1b[0m\x1b]0;t\x1b[3", true),
            "\x1b[1m\x1b[91mno\x1b[0m\\x1b]0;t\\x1b[3"
        );
        assert_eq!(written(b"\x1b[1mno", false), "\\x1b[1mno");
    }
}
