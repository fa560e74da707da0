//! Addresses of the kernel, which differ from boot to boot, made comparable.

use std::io::{self, Write};

/// What stands before an address.
const BEFORE: &[u8] = b"= 0xff";
/// Digits of an address behind that.
const DIGITS: usize = 14;

/// Makes the fourteen hexadecimal digits behind each `= 0xff` zeros, as those who record logs do.
pub fn hide_addresses(text: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = next_mark(text, at) {
        let start = found + BEFORE.len();
        let rest = text.get_mut(start..).unwrap_or_default();
        let digits = rest
            .iter()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            .count();
        if digits == DIGITS {
            rest[..digits].fill(b'0');
        }
        at = start + digits;
    }
}

fn next_mark(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += text.get(at..)?.iter().position(|b| *b == b'=')?;
        if text[at..].starts_with(BEFORE) {
            return Some(at);
        }
        at += 1;
    }
}

/// A writer that hides addresses ([`hide_addresses`]) on the way, line by line.
#[derive(Debug)]
pub struct Normalize<W> {
    out: W,
    /// A line whose end is still to come.
    line: Vec<u8>,
}

impl<W: Write> Normalize<W> {
    /// Passes on to this writer.
    pub fn new(out: W) -> Self {
        Normalize {
            out,
            line: Vec::new(),
        }
    }

    /// Writes the rest, if the last line has no end.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        hide_addresses(&mut self.line);
        self.out.write_all(&self.line)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Normalize<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(last) = bytes.iter().rposition(|b| *b == b'\n') {
            let whole = self.line.len() - bytes.len() + last + 1;
            let lines = &mut self.line[..whole];
            hide_addresses(lines);
            self.out.write_all(lines)?;
            self.line.drain(..whole);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Normalize, hide_addresses};

    #[test]
    fn only_whole_addresses() {
        let mut line =
            b"a = 0xffff888012345678 b = 0xff12 c=0xffff888012345678 = 0xff0123456789abcdef".to_vec();
        hide_addresses(&mut line);
        assert_eq!(
            line,
            b"a = 0xff00000000000000 b = 0xff12 c=0xffff888012345678 = 0xff0123456789abcdef"
        );
        let mut end = b"r1 = 0xffffffff81000000".to_vec();
        hide_addresses(&mut end);
        assert_eq!(end, b"r1 = 0xff00000000000000");
    }

    #[test]
    fn in_pieces() {
        let text = "r1 = 0xffff888012345678\n= 0xff0123456789abcd x\nr2 = 0xffff8880";
        let mut whole = text.as_bytes().to_vec();
        hide_addresses(&mut whole);
        for size in 1..text.len() {
            let mut writer = Normalize::new(Vec::new());
            for piece in text.as_bytes().chunks(size) {
                writer.write_all(piece).unwrap();
            }
            assert_eq!(writer.finish().unwrap(), whole);
        }
    }
}
