//! From the words of a refusal to its rule: for logs of any kernel and any loader's output.
//!
//! The words are patterns, each with its rule, in which `{}` stands for anything. Those of the places that refuse are
//! collected from the sources (`phrases.txt`, by `cargo xtask phrases`, held to them by a test); words that are put
//! together from parts, those of other kernels and those of libbpf stand in `phrases-by-hand.txt`. Of several patterns that fit a
//! line, the one with the most letters of its own wins.

use std::io::BufRead;
use std::sync::LazyLock;

use super::Rule;

/// What a log says of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// The rule, if the words are known.
    pub rule: Option<Rule>,
    /// Other rules that say the same; or whose words begin so, where the words break off.
    pub others: Vec<Rule>,
    /// The line by which it was found, or the last one that could be it.
    pub words: String,
    /// The last instruction before it: `12: (61) r1 = *(u32 *)(r2 +0)`.
    pub insn: Option<String>,
    /// The source line of that instruction, as the log has it.
    pub source: Option<String>,
    /// The program, where the loader names it.
    pub program: Option<String>,
}

/// A pattern: its parts between the gaps, and how many letters they have.
struct Phrase {
    rule: Rule,
    /// Whether it only concludes what the line before says, which tells more.
    closing: bool,
    parts: Vec<&'static str>,
    weight: usize,
}

static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let texts = [include_str!("phrases.txt"), include_str!("phrases-by-hand.txt")];
    let lines = texts.into_iter().flat_map(str::lines);
    lines.filter_map(Phrase::read).collect()
});

impl Phrase {
    /// A line `CODE<tab>words`, with a `+` behind the code where it is a closing one; others are remarks.
    fn read(line: &'static str) -> Option<Phrase> {
        let (code, words) = line.split_once('\t')?;
        let (code, closing) = match code.strip_suffix('+') {
            Some(code) => (code, true),
            None => (code, false),
        };
        let parts: Vec<_> = words.split("{}").collect();
        let weight = parts.iter().map(|part| part.len()).sum();
        Some(Phrase {
            rule: Rule::find(code)?,
            closing,
            parts,
            weight,
        })
    }

    /// Its rule, and others that say the same.
    fn rules(&self) -> Vec<Rule> {
        let same = PHRASES.iter().filter(|phrase| phrase.parts == self.parts);
        let mut rules = vec![self.rule];
        for phrase in same {
            if !rules.contains(&phrase.rule) {
                rules.push(phrase.rule);
            }
        }
        rules
    }

    /// Where in a line it fits last.
    ///
    /// Its parts are sought from the end of the line, each as far to the right as those behind it leave room: so one look
    /// at the line is enough, however often its first part is there.
    fn fits(&self, line: &str) -> Option<usize> {
        let first = self.parts.iter().position(|part| !part.is_empty())?;
        let (begin, rest) = (self.parts.get(first)?, self.parts.get(first + 1..)?);
        let room = rest
            .iter()
            .rev()
            .try_fold(line.len(), |end, part| line.get(..end)?.rfind(part))?;
        let mut starts = line.get(..room)?.rmatch_indices(*begin).map(|(at, _)| at);
        starts.find(|at| first > 0 || begins_word(line, *at))
    }
}

/// Fewest letters of their own that words must have which break off.
const LEAST: usize = 8;

impl Phrase {
    /// How many of its letters a line has that breaks off in the middle of it.
    fn begun_by(&self, line: &str) -> Option<usize> {
        let (mut behind, mut letters) = (0, 0);
        for (at, part) in self.parts.iter().enumerate() {
            let rest = line.get(behind..)?;
            let found = if at == 0 {
                rest.starts_with(part).then_some(0)
            } else {
                rest.find(part)
            };
            match found {
                Some(found) => {
                    behind += found + part.len();
                    letters += part.len();
                }
                None => {
                    // The end of the line is the beginning of this part.
                    let ends = |len: &usize| part.get(..*len).is_some_and(|begin| rest.ends_with(begin));
                    letters += (1..part.len())
                        .rev()
                        .find(|len| ends(len) && (at > 0 || rest.len() == *len))?;
                    return (letters >= LEAST).then_some(letters);
                }
            }
        }
        None
    }
}

/// The rules of words that break off, those first of whose words most is there.
fn begun(line: &str) -> Vec<Rule> {
    let begun = PHRASES
        .iter()
        .filter_map(|phrase| Some((phrase.begun_by(line)?, phrase.rule)));
    let begun: Vec<_> = begun.collect();
    let most = begun.iter().map(|(letters, _)| *letters).max();
    let best = begun.iter().filter(|(letters, _)| Some(*letters) == most);
    let mut rules: Vec<_> = best.map(|(_, rule)| *rule).collect();
    rules.sort();
    rules.dedup();
    rules
}

/// Whether a word begins there.
fn begins_word(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
}

/// The rule of a line of words.
pub fn words(line: &str) -> Option<Rule> {
    find(line).map(|phrase| phrase.rule)
}

/// The pattern that says most of a line, and of those that say as much the one furthest to the right.
fn find(line: &str) -> Option<&'static Phrase> {
    let fitting = PHRASES
        .iter()
        .filter_map(|phrase| Some((phrase, phrase.fits(line)?)));
    let best = fitting.max_by_key(|(phrase, at)| (!phrase.closing, phrase.weight, *at));
    best.map(|(phrase, _)| phrase)
}

/// Of several lines the one that says which rule was broken, and the rule: the last that is known, but for those that
/// conclude from the one before.
fn decisive(lines: &[String]) -> Option<(&'static Phrase, &String)> {
    let mut closing = None;
    for line in lines.iter().rev() {
        match find(line) {
            Some(phrase) if !phrase.closing => return Some((phrase, line)),
            Some(phrase) => closing = closing.or(Some((phrase, line))),
            // What stands further up belongs to something else.
            None if closing.is_some() => break,
            None => {}
        }
    }
    closing
}

/// Longest line that is looked at, and most lines after an instruction.
const MAX_LINE: u64 = 1 << 16;
const MAX_LINES: usize = 64;

/// Reads one log, or what a loader printed around several of them; gives what each says of a refusal.
pub fn log(mut input: impl BufRead) -> Vec<Explained> {
    let mut reader = Reader::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => break,
            Ok(_) => reader.line(&String::from_utf8_lossy(&line)),
        }
    }
    reader.end();
    reader.found
}

#[derive(Default)]
struct Reader {
    found: Vec<Explained>,
    /// The program that is spoken of.
    program: Option<String>,
    source: Option<String>,
    insn: Option<String>,
    /// What was said since the last instruction.
    said: Vec<String>,
}

/// How lines begin that are part of every log, or of what loaders print around it.
const AROUND: &[&str] = &[
    "processed ",
    "verification time ",
    "stack depth ",
    "-- END ",
    "peak_states ",
    "mark_precise: ",
    "last_idx ",
    "regs=",
    "parent ",
    "from ",
    "propagating ",
    "caller:",
    "callee:",
    "returning from callee:",
    "to caller at ",
    "func#",
    "Func#",
    "Validating ",
    "failed to load",
    "failed to load object",
    "failed to prepare load attributes",
    "failed to relocate calls",
    "BPF program load failed",
];

impl Reader {
    fn line(&mut self, line: &str) {
        let line = unprefixed(line.trim_end());
        if let Some((program, rest)) = of_program(line) {
            self.program = Some(program.to_owned());
            return self.say(rest);
        }
        if line.contains("-- BEGIN PROG LOAD LOG --") || line.contains("-- END PROG LOAD LOG --") {
            return self.end();
        }
        if let Some(source) = line.strip_prefix("; ") {
            self.source = Some(source.to_owned());
        } else if is_insn(line) {
            self.insn = Some(line.split("  ;").next().unwrap_or(line).trim_end().to_owned());
            self.said.clear();
        } else if let Some((words, _)) = line.split_once("processed ").filter(|(_, rest)| is_footer(rest)) {
            // Some words come without an end of the line.
            self.say(words);
            self.end();
        } else {
            self.say(line);
        }
    }

    fn say(&mut self, line: &str) {
        let around = AROUND.iter().any(|begin| line.starts_with(begin));
        if line.contains("-- BEGIN ") || line.contains("-- END ") {
            self.end();
        } else if !line.is_empty() && !around && !is_state(line) && self.said.len() < MAX_LINES {
            self.said.push(line.to_owned());
        }
    }

    /// A log ends, or something that a loader says.
    fn end(&mut self) {
        let (insn, source) = (self.insn.take(), self.source.take());
        let said = std::mem::take(&mut self.said);
        let poisoned = insn.as_deref().and_then(poison);
        let known = decisive(&said);
        let (mut rules, line) = match (known, said.last()) {
            (_, Some(line)) if poisoned.is_some() => (poisoned.into_iter().collect(), line),
            (Some((phrase, line)), _) => (phrase.rules(), line),
            // Without an instruction it may be anything that a loader says.
            (None, Some(line)) if self.found.is_empty() => (begun(line), line),
            _ => return,
        };
        let rule = (!rules.is_empty()).then(|| rules.remove(0));
        self.found.push(Explained {
            rule,
            others: rules,
            words: line.clone(),
            insn,
            source,
            program: self.program.clone(),
        });
    }
}

/// Calls that libbpf puts where it could not resolve something, and that no program reaches which loads (numbers of
/// `bpf_core_poison_insn` and `poison_kfunc_call`): whatever the kernel says of them.
fn poison(insn: &str) -> Option<Rule> {
    let (_, number) = insn.split_once("call unknown#")?;
    match number {
        "195896080" => Some(Rule::CoreRelocation),
        _ if number.starts_with("2002") && number.len() == 10 => Some(Rule::UnresolvedExtern),
        _ => None,
    }
}

/// `12 insns (limit 1000000) …`
fn is_footer(rest: &str) -> bool {
    rest.trim_start_matches(|c: char| c.is_ascii_digit())
        .starts_with(" insns")
}

/// `12: (61) r1 = …`
fn is_insn(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(": (") || rest.len() < line.len() && rest.starts_with(": R")
}

/// Registers and slots: `R1=ctx() R10=fp0`, `frame1: R6_w=…`.
fn is_state(line: &str) -> bool {
    let line = line.trim_start();
    let line = match line.strip_prefix("frame") {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == ' '),
        None => line,
    };
    let mut chars = line.chars();
    let register = chars.next() == Some('R') && chars.next().is_some_and(|c| c.is_ascii_digit());
    let name = line.split('=').next().unwrap_or_default();
    register && line.contains('=') && !name.contains(' ')
}

/// The line without what loggers put in front: times, levels, names of libraries.
fn unprefixed(line: &str) -> &str {
    let mut line = line.trim_start();
    loop {
        let shorter = strip_brackets(line)
            .or_else(|| line.strip_prefix("libbpf: "))
            .or_else(|| line.strip_prefix("| "))
            .or_else(|| strip_time(line));
        match shorter {
            Some(rest) => line = rest.trim_start(),
            None => return line,
        }
    }
}

/// `[   12.345678] `, `[2024-01-01T00:00:00Z ERROR aya] `
fn strip_brackets(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once("] ").map(|(_, rest)| rest)
}

/// `2024-01-01 00:00:00.000 `, `00:00:00 `
fn strip_time(line: &str) -> Option<&str> {
    let (word, rest) = line.split_once(' ')?;
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let time = word.matches(':').count() >= 2 || word.matches('-').count() == 2;
    (digits >= 6 && time).then_some(rest)
}

/// `prog 'name': `, as libbpf begins its lines.
fn of_program(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("prog '")?.split_once('\'')?;
    Some((name, rest.strip_prefix(": ")?))
}

#[cfg(test)]
mod tests;
