//! The places of the sources that refuse, found by looking for them.

use std::collections::BTreeMap;
use std::fs;

use crate::phrases::sources;
use crate::root;

use super::source::{Placed, Token, tokens};

/// The crates that are the kernel.
const CRATES: [&str; 2] = ["engine", "syscall"];

/// What makes a refusal.
const REJECT: &str = "reject";
const FAILURE: [&str; 2] = ["Failure", "rejected"];
const REJECTION: [&str; 2] = ["Rejection", "new"];
const WITH: &str = "with";

/// How many characters of a refusal's words name its place.
const WORDS: usize = 48;

/// Places by file and line, as the compiler has them.
pub(crate) struct Sites(BTreeMap<(String, u32), String>);

impl Sites {
    /// Looks through the sources.
    ///
    /// # Errors
    /// Names a file that cannot be read, or two places of one line.
    pub(crate) fn find() -> Result<Sites, String> {
        let mut all = BTreeMap::new();
        for krate in CRATES {
            let within = root().join("crates").join(krate).join("src");
            for file in sources(&within)? {
                let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
                let relative = file.strip_prefix(&within).unwrap_or(&file).display().to_string();
                let path = format!("crates/{krate}/src/{relative}");
                let mut same: BTreeMap<String, usize> = BTreeMap::new();
                for (line, named) in in_source(&tokens(&text)) {
                    let mut name = format!("{krate}/{relative} {named}");
                    let count = same.entry(name.clone()).or_default();
                    *count += 1;
                    if *count > 1 {
                        name = format!("{name} ({count})");
                    }
                    if all.insert((path.clone(), line), name).is_some() {
                        return Err(format!("{path}:{line}: two places that refuse in one line"));
                    }
                }
            }
        }
        Ok(Sites(all))
    }

    /// The name of a place; `None` if it is none of those that are looked for.
    pub(crate) fn name(&self, file: &str, line: u32) -> Option<&str> {
        self.0.get(&(file.to_owned(), line)).map(String::as_str)
    }

    /// Whether places in this file are looked for.
    pub(crate) fn looks_through(file: &str) -> bool {
        CRATES
            .iter()
            .any(|krate| file.starts_with(&format!("crates/{krate}/src/")))
    }

    /// All names, in the order of files and lines.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

/// The places of one source: line, and function, rule and words.
fn in_source(tokens: &[Placed]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    walk(tokens, |function, at| {
        if let Some(what) = refusal(&tokens[at..], tokens.get(at.wrapping_sub(1))) {
            found.push((tokens[at].1, format!("{function} {what}")));
        }
    });
    found
}

/// The functions that call this macro with a string as the first argument, and the string.
pub(super) fn strings_of<'t>(tokens: &'t [Placed], called: &str) -> Vec<(&'t str, &'t str)> {
    let mut found = Vec::new();
    walk(tokens, |function, at| {
        if let [(name, _), (mark, _), (_, _), (Token::Text(text), _), ..] = &tokens[at..]
            && name.is(called)
            && mark.is_mark('!')
        {
            found.push((function, text.as_str()));
        }
    });
    found
}

/// Shows each token's place with the function that it stands in, without what defines macros and without modules of tests.
fn walk<'t>(tokens: &'t [Placed], mut show: impl FnMut(&'t str, usize)) {
    let mut functions: Vec<(&str, usize)> = Vec::new();
    let (mut braces, mut other) = (0_usize, 0_usize);
    // A function whose body has not begun.
    let mut declared: Option<(&str, usize)> = None;
    let mut at = 0;
    while let Some((token, _)) = tokens.get(at) {
        if let Some(skipped) = left_out(&tokens[at..]) {
            at += skipped;
            continue;
        }
        match (token, tokens.get(at + 1)) {
            (Token::Word(word), Some((Token::Word(name), _))) if word == "fn" => {
                declared = Some((name, other));
            }
            (Token::Mark('(' | '['), _) => other += 1,
            (Token::Mark(')' | ']'), _) => other = other.saturating_sub(1),
            (Token::Mark(';'), _) => declared = declared.filter(|(_, depth)| *depth != other),
            (Token::Mark('{'), _) => {
                braces += 1;
                functions.extend(declared.take().map(|(name, _)| (name, braces)));
            }
            (Token::Mark('}'), _) => {
                functions.pop_if(|(_, depth)| *depth == braces);
                braces = braces.saturating_sub(1);
            }
            _ => {}
        }
        show(functions.last().map_or("-", |(name, _)| name), at);
        at += 1;
    }
}

/// How many tokens a macro's definition or a module of tests takes.
fn left_out(tokens: &[Placed]) -> Option<usize> {
    let words = |words: &[&str]| {
        words.iter().zip(tokens).all(|(word, (token, _))| match token {
            Token::Word(own) => own == word,
            Token::Mark(mark) => word.chars().eq([*mark]),
            Token::Text(_) => false,
        }) && tokens.len() > words.len()
    };
    if !words(&["macro_rules", "!"]) && !words(&["#", "[", "cfg", "(", "test", ")", "]", "mod"]) {
        return None;
    }
    let begin = tokens.iter().position(|(token, _)| token.is_mark('{'))?;
    Some(begin + closing(&tokens[begin..]))
}

/// How many tokens what begins with a bracket takes.
fn closing(tokens: &[Placed]) -> usize {
    let mut depth = 0_usize;
    for (at, (token, _)) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Rule and words of the refusal that is made here.
fn refusal(tokens: &[Placed], before: Option<&Placed>) -> Option<String> {
    let is_path = |names: [&str; 2]| {
        let [(a, _), (b, _), (c, _), (d, _), ..] = tokens else {
            return false;
        };
        a.is(names[0]) && b.is_mark(':') && c.is_mark(':') && d.is(names[1])
    };
    let begin = match tokens {
        [(a, _), (b, _), (c, _), ..] if a.is(REJECT) && b.is_mark('!') && c.is_mark('(') => 2,
        [.., _] if is_path(FAILURE) || is_path(REJECTION) => 4,
        // `Rule::ProgramSize.with(Errno::E2BIG)`
        [(rule, _), _, _, (name, _), (dot, _), (with, _), ..]
            if rule.is("Rule") && dot.is_mark('.') && with.is(WITH) =>
        {
            return Some(word(name)?.to_owned());
        }
        _ => return None,
    };
    if before.is_some_and(|(token, _)| token.is("fn")) || !tokens.get(begin)?.0.is_mark('(') {
        return None;
    }
    let inner = &tokens[begin..begin + closing(&tokens[begin..])];
    let rule: String = inner
        .iter()
        .take_while(|(token, _)| !token.is_mark(','))
        .filter_map(|(token, _)| word(token))
        .filter(|word| *word != "Rule")
        .collect::<Vec<_>>()
        .join(".");
    let words = inner.iter().find_map(|(token, _)| match token {
        Token::Text(text) => Some(text),
        _ => None,
    });
    Some(match words {
        Some(words) => {
            let words: String = words.trim_end().chars().take(WORDS).collect();
            format!("{rule} \"{}\"", words.replace('\n', "\\n"))
        }
        None => rule,
    })
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_by_function_rule_and_words() {
        let source = r#"
            macro_rules! reject { () => { reject!(No, EINVAL) }; }
            fn outer(bytes: [u8; 4]) -> Res<()> {
                let inner = |a| { reject!(PacketBounds, EACCES, "R{} is\n", a) };
                if bytes[0] == 0 {
                    return Err(crate::Failure::rejected(
                        Rule::AttachTarget, errno, text));
                }
                Ok(x.ok_or(Rule::MapTypes.with(Errno::EINVAL))?)
            }
            trait T { fn without_body(&self); }
            fn other() { reject!((rule), EINVAL); }
            #[cfg(test)]
            mod tests { fn t() { reject!(No, EINVAL) } }
        "#;
        let found = in_source(&tokens(source));
        let expected = [
            (4, "outer PacketBounds \"R{} is\"".to_owned()),
            (6, "outer AttachTarget".to_owned()),
            (9, "outer MapTypes".to_owned()),
            (12, "other rule".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    /// Names by which places are listed must tell them apart.
    #[test]
    fn the_places_of_the_sources_have_names_of_their_own() {
        let sites = Sites::find().unwrap();
        let all: Vec<_> = sites.names().collect();
        let apart: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), apart.len());
        assert!(all.iter().any(|name| name.starts_with("engine/memory/packet.rs")));
    }
}
