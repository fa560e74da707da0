//! JSON inside HTML.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

/// Writes JSON that may stand in a `script` element: nothing in it ends the element or begins a comment, and as script it
/// means the same.
pub(crate) fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut to = serde_json::Serializer::with_formatter(out, ForHtml);
    value.serialize(&mut to).map_err(io::Error::from)
}

struct ForHtml;

/// Characters of strings that mean something to HTML or end a line of a script.
const HOSTILE: [char; 6] = ['<', '>', '&', '\u{2028}', '\u{2029}', '\u{feff}'];

impl Formatter for ForHtml {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(HOSTILE) {
            let (clean, hostile) = rest.split_at(at);
            out.write_all(clean.as_bytes())?;
            let mut chars = hostile.chars();
            if let Some(c) = chars.next() {
                write!(out, "\\u{:04x}", u32::from(c))?;
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_ends_the_element() {
        let text = "</script><!-- \u{2028}\u{2029} a&b \"\\\n";
        let mut out = Vec::new();
        super::write(&mut out, &vec![text]).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{json}");
        let back: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, [text]);
    }
}
