//! What a message is expected to look like: text, with regular expressions between `{{` and `}}`.

use std::fmt;
use std::ops::Range;

use regex_automata::meta::{Config, Regex};
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use crate::ere;

/// Longest pattern with a regular expression in it, in bytes.
const MAX_LEN: usize = 1024;

/// Most memory that a compiled expression may take, in bytes.
const MAX_SIZE: usize = 1 << 16;

/// Memory for the states that a search builds as it goes, in bytes.
const CACHE_SIZE: usize = 1 << 18;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Option<Box<Compiled>>,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(String);

impl PatternError {
    pub(crate) fn new(message: impl Into<String>) -> PatternError {
        PatternError(message.into())
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// `{{` without `}}`, and what is no POSIX extended regular expression, or too large a one.
    pub fn new(text: &str) -> Result<Pattern, PatternError> {
        let regex = match text.contains("{{") {
            true => Some(Box::new(Compiled::new(&to_ere(text)?)?)),
            false => None,
        };
        Ok(Pattern {
            text: text.to_owned(),
            regex,
        })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first place in `log` that matches; of several matches there the longest, as POSIX has it.
    pub fn find(&self, log: &str) -> Option<Range<usize>> {
        match &self.regex {
            Some(regex) => regex.find(log.as_bytes()),
            None => log.find(&self.text).map(|start| start..start + self.text.len()),
        }
    }
}

/// The whole pattern as one expression: text outside of the brackets is escaped.
fn to_ere(text: &str) -> Result<Vec<u8>, PatternError> {
    if text.len() > MAX_LEN {
        return Err(PatternError::new(format!("pattern longer than {MAX_LEN} bytes")));
    }
    let mut ere = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        escape(before, &mut ere);
        let Some((inside, after)) = behind.split_once("}}") else {
            return Err(PatternError::new("'{{' without '}}'"));
        };
        ere.extend_from_slice(inside.as_bytes());
        rest = after;
    }
    escape(rest, &mut ere);
    Ok(ere)
}

fn escape(text: &str, ere: &mut Vec<u8>) {
    for byte in text.bytes() {
        if b".[]\\()*+?{}|^$".contains(&byte) {
            ere.push(b'\\');
        }
        ere.push(byte);
    }
}

/// One engine to find where the first match begins, one to find its farthest end.
#[derive(Clone, Debug)]
struct Compiled {
    first: Regex,
    longest: PikeVM,
}

impl Compiled {
    fn new(ere: &[u8]) -> Result<Compiled, PatternError> {
        let expression = ere::rewrite(ere)?;
        let syntax = syntax::Config::new().unicode(false).utf8(false).multi_line(true);
        let failed = |_: String| PatternError::new("not a regular expression, or too large a one");
        let config = Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(MAX_SIZE))
            .hybrid_cache_capacity(CACHE_SIZE);
        let first = Regex::builder()
            .configure(config)
            .syntax(syntax)
            .build(&expression)
            .map_err(|e| failed(e.to_string()))?;
        let longest = PikeVM::builder()
            .configure(PikeVM::config().match_kind(MatchKind::All))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_SIZE)))
            .syntax(syntax)
            .build(&expression)
            .map_err(|e| failed(e.to_string()))?;
        Ok(Compiled { first, longest })
    }

    fn find(&self, log: &[u8]) -> Option<Range<usize>> {
        let found = self.first.find(log)?;
        let from_there = Input::new(log).range(found.start()..).anchored(Anchored::Yes);
        let longest = self.longest.find(&mut self.longest.create_cache(), from_there);
        Some(longest.map_or(found.range(), |longest| longest.range()))
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    /// What of the log a pattern matches.
    fn matched<'l>(pattern: &str, log: &'l str) -> Option<&'l str> {
        let range = Pattern::new(pattern).unwrap().find(log)?;
        log.get(range)
    }

    #[test]
    fn text_is_text() {
        assert_eq!(
            matched("R1=ctx() R10=fp0", "0: R1=ctx() R10=fp0\n"),
            Some("R1=ctx() R10=fp0")
        );
        assert_eq!(matched("a.c", "abc"), None);
        assert_eq!(matched("", "abc"), Some(""));
        assert_eq!(matched("a}}b", "xa}}b"), Some("a}}b"));
    }

    #[test]
    fn expressions_between_brackets() {
        assert_eq!(matched("foo{{[0-9]+}}", "foo foo007 bar"), Some("foo007"));
        assert_eq!(
            matched("{{.*}}r1 = {{(0|1)}}(x)", "a\n3: r1 = 1(x)\n"),
            Some("3: r1 = 1(x)")
        );
        assert_eq!(matched("{{(}}a.b{{)+}}", "axb a.ba.b"), Some("a.ba.b"));
        assert_eq!(matched("{{^}}b{{$}}", "ab\nb\nbc"), Some("b"));
        assert_eq!(matched("a{{.}}b", "a\nb"), None);
        assert_eq!(matched("a{{[^x]}}b", "a\nb"), None);
        assert_eq!(matched("{{[]x]+}}", "a]x]"), Some("]x]"));
        assert_eq!(matched("{{[\\.]+}}", "a\\."), Some("\\."));
        assert_eq!(matched("{{[[:digit:]a-c]+}}", "xyz1b2d"), Some("1b2"));
        assert_eq!(matched("{{[a&&b]+}}", "x&&a"), Some("&&a"));
        assert_eq!(matched("{{[a-]+}}", "x-a-"), Some("-a-"));
        assert_eq!(matched("{{((ab){2,3})}}", "abababab"), Some("ababab"));
    }

    #[test]
    fn the_longest_of_the_first_matches() {
        assert_eq!(matched("{{a|ab|abc}}", "xabcd"), Some("abc"));
        assert_eq!(matched("{{a+?}}", "baaa"), Some(""));
        assert_eq!(matched("x{{a*?}}", "xaaa"), Some("xaaa"));
    }

    #[test]
    fn what_is_no_pattern() {
        let error = |pattern| Pattern::new(pattern).unwrap_err().to_string();
        assert_eq!(error("a{{b"), "'{{' without '}}'");
        assert_eq!(error("{{(a}}"), "unmatched parenthesis");
        assert_eq!(error("{{[a}}"), "unmatched bracket");
        assert_eq!(error("{{*}}"), "nothing to repeat");
        assert_eq!(error("{{a^*}}"), "nothing to repeat");
        assert_eq!(error("{{a\\1}}"), "back-references are not supported");
        assert_eq!(error("{{(a{3,2})}}"), "bad interval");
        assert!(error("{{(((a{999}){999}){999})}}").starts_with("not a regular expression"));
        assert!(Pattern::new(&format!("{{{{{}}}}}", "(".repeat(900))).is_err());
        assert!(Pattern::new(&"{{a}}".repeat(1000)).is_err());
    }
}
