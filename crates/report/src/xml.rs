//! What XML needs.

use std::fmt::{self, Write};

/// Text in XML: what has a meaning there is escaped, what it cannot hold is replaced.
pub(crate) struct Escaped<'t>(pub(crate) &'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\n' => f.write_str("&#10;")?,
                '\t' => f.write_str("&#9;")?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => f.write_str("\u{fffd}")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            Escaped("a\0<\u{1b}\t\"&\u{ffff}\u{85}").to_string(),
            "a\u{fffd}&lt;\u{fffd}&#9;&quot;&amp;\u{fffd}\u{fffd}"
        );
    }
}
