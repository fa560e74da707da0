//! POSIX extended regular expressions, as glibc compiles them with `REG_EXTENDED | REG_NEWLINE` in the C locale,
//! rewritten in the syntax of `regex-syntax`.
//!
//! Where POSIX leaves a form undefined, glibc decides; back-references are refused.

use std::fmt::Write as _;

use crate::pattern::PatternError;

/// Most repetitions that an interval may ask for (`RE_DUP_MAX`).
const MAX_REPEAT: u32 = 0x7fff;

/// The expression in the other syntax.
pub(crate) fn rewrite(ere: &[u8]) -> Result<String, PatternError> {
    let mut parser = Parser { rest: ere, depth: 0 };
    let out = parser.alternatives()?;
    match parser.rest {
        [] => Ok(out),
        _ => Err(PatternError::new("unmatched parenthesis")),
    }
}

struct Parser<'e> {
    rest: &'e [u8],
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.next();
        }
        found
    }

    fn alternatives(&mut self) -> Result<String, PatternError> {
        let mut out = self.sequence()?;
        while self.eat(b'|') {
            out.push('|');
            out.push_str(&self.sequence()?);
        }
        Ok(out)
    }

    /// Pieces up to an alternative, the end of a group or the end.
    fn sequence(&mut self) -> Result<String, PatternError> {
        let mut out = String::new();
        loop {
            match self.peek() {
                None | Some(b'|') => return Ok(out),
                // Outside of groups a closing parenthesis is a character.
                Some(b')') if self.depth > 0 => return Ok(out),
                Some(b'*' | b'+' | b'?' | b'{') => return Err(PatternError::new("nothing to repeat")),
                // Nor can an anchor be repeated.
                Some(_) if self.at_anchor() => out.push_str(&self.atom()?),
                Some(_) => {
                    let mut piece = self.atom()?;
                    while let Some(times) = self.repetition()? {
                        // In its own group, so that a second repetition does not make the first one lazy.
                        piece = format!("(?:{piece}){times}");
                    }
                    out.push_str(&piece);
                }
            }
        }
    }

    fn at_anchor(&self) -> bool {
        match self.rest {
            [b'^' | b'$', ..] => true,
            [b'\\', sign, ..] => b"bB<>`'".contains(sign),
            _ => false,
        }
    }

    fn atom(&mut self) -> Result<String, PatternError> {
        match self.next() {
            Some(b'(') => {
                self.depth += 1;
                let inner = self.alternatives()?;
                self.depth -= 1;
                if self.eat(b')') {
                    Ok(format!("(?:{inner})"))
                } else {
                    Err(PatternError::new("unmatched parenthesis"))
                }
            }
            Some(b'[') => self.bracket(),
            Some(b'.') => Ok(".".to_owned()),
            Some(b'^') => Ok("^".to_owned()),
            Some(b'$') => Ok("$".to_owned()),
            Some(b'\\') => self.escape(),
            Some(byte) => Ok(literal(byte)),
            None => Ok(String::new()),
        }
    }

    /// What stands behind a backslash: a character, or one of glibc's extensions.
    fn escape(&mut self) -> Result<String, PatternError> {
        match self.next() {
            None => Err(PatternError::new("trailing backslash")),
            Some(b'1'..=b'9') => Err(PatternError::new("back-references are not supported")),
            Some(b @ (b'w' | b'W' | b's' | b'S' | b'b' | b'B' | b'<' | b'>')) => {
                Ok(format!("\\{}", char::from(b)))
            }
            Some(b'`') => Ok("\\A".to_owned()),
            Some(b'\'') => Ok("\\z".to_owned()),
            Some(byte) => Ok(literal(byte)),
        }
    }

    /// `*`, `+`, `?` or an interval, in the other syntax.
    fn repetition(&mut self) -> Result<Option<String>, PatternError> {
        let Some(sign @ (b'*' | b'+' | b'?' | b'{')) = self.peek() else {
            return Ok(None);
        };
        self.next();
        if sign != b'{' {
            return Ok(Some(char::from(sign).to_string()));
        }
        let bad = || PatternError::new("bad interval");
        let least = self.number()?;
        let most = if self.eat(b',') { self.number()? } else { least };
        let open = most.is_none();
        if !self.eat(b'}') || (least.is_none() && open) {
            return Err(bad());
        }
        match (least.unwrap_or(0), most) {
            (least, None) => Ok(Some(format!("{{{least},}}"))),
            (least, Some(most)) if least <= most => Ok(Some(format!("{{{least},{most}}}"))),
            _ => Err(bad()),
        }
    }

    fn number(&mut self) -> Result<Option<u32>, PatternError> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            self.next();
            let value = number.unwrap_or(0) * 10 + u32::from(digit - b'0');
            if value > MAX_REPEAT {
                return Err(PatternError::new("interval too large"));
            }
            number = Some(value);
        }
        Ok(number)
    }

    /// A bracket expression, behind its `[`. A backslash in it is a character.
    fn bracket(&mut self) -> Result<String, PatternError> {
        let open = || PatternError::new("unmatched bracket");
        let mut out = String::from("[");
        if self.eat(b'^') {
            out.push_str("^\\n"); // as REG_NEWLINE wants it
        }
        let mut first = true;
        loop {
            let byte = self.next().ok_or_else(open)?;
            match (byte, self.peek()) {
                (b']', _) if !first => break,
                (b'[', Some(b':')) => out.push_str(&self.class()?),
                (b'[', Some(b'=' | b'.')) => {
                    return Err(PatternError::new("collating elements are not supported"));
                }
                _ => self.member(byte, &mut out)?,
            }
            first = false;
        }
        out.push(']');
        Ok(out)
    }

    /// A character or a range of them.
    fn member(&mut self, from: u8, out: &mut String) -> Result<(), PatternError> {
        let mut to = from;
        if let [b'-', end, ..] = self.rest
            && *end != b']'
        {
            to = *end;
            self.next();
            self.next();
        }
        if from > to {
            return Err(PatternError::new("range out of order"));
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "{}-{}", literal(from), literal(to));
        Ok(())
    }

    /// A named class, behind its `[`.
    fn class(&mut self) -> Result<String, PatternError> {
        const NAMES: [&str; 12] = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
            "upper", "xdigit",
        ];
        let name = NAMES.iter().find(|name| {
            let text = self.rest.get(1..).unwrap_or_default();
            text.strip_prefix(name.as_bytes())
                .is_some_and(|end| end.starts_with(b":]"))
        });
        let name = name.ok_or_else(|| PatternError::new("unknown class of characters"))?;
        self.rest = self.rest.get(name.len() + 3..).unwrap_or_default();
        Ok(format!("[:{name}:]"))
    }
}

/// A byte that stands for itself.
fn literal(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() {
        char::from(byte).to_string()
    } else {
        format!("\\x{byte:02x}")
    }
}
