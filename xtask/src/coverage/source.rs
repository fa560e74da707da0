//! A source's tokens, as far as finding the places that refuse takes them: words, strings, punctuation.

/// What stands in a source.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// An identifier, keyword or number.
    Word(String),
    /// A string literal's text, its usual escapes undone.
    Text(String),
    /// Any other character.
    Mark(char),
}

impl Token {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own == word)
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        matches!(self, Token::Mark(own) if *own == mark)
    }
}

/// A token and its line, from 1.
pub(super) type Placed = (Token, u32);

/// All tokens of a source, without comments, lifetimes and character literals.
pub(super) fn tokens(source: &str) -> Vec<Placed> {
    let mut lexer = Lexer {
        rest: source,
        line: 1,
    };
    let mut found = Vec::new();
    while let Some(placed) = lexer.next() {
        found.extend(placed);
    }
    found
}

struct Lexer<'s> {
    rest: &'s str,
    line: u32,
}

impl Lexer<'_> {
    /// The next token, `Some(None)` for what is none, `None` at the end.
    fn next(&mut self) -> Option<Option<Placed>> {
        let line = self.line;
        let first = self.rest.chars().next()?;
        let length = |end: Option<usize>| end.unwrap_or(self.rest.len());
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if self.rest.starts_with("//") {
            self.skip(length(self.rest.find('\n')));
        } else if self.rest.starts_with("/*") {
            self.skip(length(self.rest.find("*/").map(|at| at + 2)));
        } else if let Some(end) = raw_string(self.rest) {
            let text = self.rest[..end]
                .trim_matches(|c| c != '"')
                .trim_matches('"')
                .to_owned();
            self.skip(end);
            return Some(Some((Token::Text(text), line)));
        } else if first == '"' {
            let (text, end) = string(&self.rest[1..]);
            self.skip(1 + end);
            return Some(Some((Token::Text(text), line)));
        } else if first == '\'' {
            self.skip(quoted(self.rest));
        } else if is_word(first) {
            let end = length(self.rest.find(|c| !is_word(c)));
            let word = self.rest[..end].to_owned();
            self.skip(end);
            return Some(Some((Token::Word(word), line)));
        } else {
            self.skip(first.len_utf8());
            return Some((!first.is_whitespace()).then_some((Token::Mark(first), line)));
        }
        Some(None)
    }

    fn skip(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.line += u32::try_from(gone.matches('\n').count()).unwrap_or(0);
        self.rest = rest;
    }
}

/// How many bytes a raw string takes, if the source begins with one.
fn raw_string(source: &str) -> Option<usize> {
    let body = source.strip_prefix('b').unwrap_or(source).strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner.find(&end)? + end.len();
    Some(source.len() - inner.len() + length)
}

/// A string's text, and how many bytes it takes behind its opening quote.
fn string(source: &str) -> (String, usize) {
    let mut text = String::new();
    let mut chars = source.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, '\n')) => {
                    let rest = chars.as_str();
                    let blank = rest.len() - rest.trim_start().len();
                    let words = rest[..blank].chars().count();
                    chars.by_ref().take(words).for_each(drop);
                }
                Some((_, other)) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    (text, source.len())
}

/// How many bytes a character literal takes, or the quote of a lifetime.
fn quoted(source: &str) -> usize {
    let mut chars = source.char_indices().skip(1);
    let Some((_, c)) = chars.next() else { return 1 };
    if c == '\\' {
        // Behind what the backslash escapes.
        let end = source.char_indices().skip(3).find(|(_, c)| *c == '\'');
        return end.map_or(source.len(), |(at, _)| at + 1);
    }
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_quotes_are_told_apart() {
        let source = "a // \"b\"\n'\\'' '\"' 'life r#\"raw \"#\n\"one\\n\\\n   two\" /* c\n */ d";
        let found = tokens(source);
        let expected = [
            (Token::Word("a".into()), 1),
            (Token::Word("life".into()), 2),
            (Token::Text("raw ".into()), 2),
            (Token::Text("one\ntwo".into()), 3),
            (Token::Word("d".into()), 5),
        ];
        assert_eq!(found, expected);
    }
}
