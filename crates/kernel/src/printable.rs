//! What others wrote (names and messages of objects, names of files), as text that moves no terminal's cursor.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// A name as it can be shown: control characters, and bytes that are no UTF-8, are escaped (`\n`, `\x1b`, `\u{202e}`).
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    escaped(bytes, |_| false)
}

/// A path as it can be shown.
pub fn shown_path(path: &Path) -> Cow<'_, str> {
    printable(path.as_os_str().as_encoded_bytes())
}

/// Text of several lines as it can be shown: the same, but line feeds and tabs stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text.as_bytes(), |c| matches!(c, '\n' | '\t'))
}

/// Whether a terminal does something else with a character than to show it in its place: control characters, and those
/// that change the direction of text or end a line.
pub fn is_unprintable(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

fn escaped(bytes: &[u8], stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let stands = |c: char| stays(c) || !is_unprintable(c);
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.chars().all(stands)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                c if stands(c) => text.push(c),
                c => escape(&mut text, c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // a string takes all
        }
    }
    Cow::Owned(text)
}

/// Adds a character as Rust writes it in a string.
fn escape(text: &mut String, c: char) {
    let _ = match c {
        '\n' => text.write_str("\\n"),
        '\t' => text.write_str("\\t"),
        '\r' => text.write_str("\\r"),
        c if c.is_ascii() => write!(text, "\\x{:02x}", u32::from(c)),
        c => write!(text, "\\u{{{:x}}}", u32::from(c)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_is_escaped() {
        assert_eq!(printable("größe_π".as_bytes()), "größe_π");
        assert_eq!(
            printable(b"a\x1b[31mb\n\r\tc\x7f\0"),
            "a\\x1b[31mb\\n\\r\\tc\\x7f\\x00"
        );
        assert_eq!(printable("\u{9b}1m\u{202e}".as_bytes()), "\\u{9b}1m\\u{202e}");
        assert_eq!(printable(b"\xff.o"), "\\xff.o");
        assert_eq!(printable_lines("a\tb\n\x1bc"), "a\tb\n\\x1bc");
        assert!(matches!(printable_lines("a\n"), Cow::Borrowed("a\n")));
    }
}
