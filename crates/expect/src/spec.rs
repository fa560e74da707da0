//! What a program expects, read from the declaration tags on its function.

use std::fmt;

use verdict_btf::{Btf, Kind};

use crate::pattern::{Pattern, PatternError};

/// What all tags of the convention begin with.
const COMMENT: &str = "comment:";

/// Most messages that one program may expect: tags of a hostile object could share one long text.
const MAX_MESSAGES: usize = 1024;

/// `BPF_F_*` of a program that tests may set.
pub mod flags {
    /// Random upper halves after 32-bit operations.
    pub const TEST_RND_HI32: u32 = 1 << 2;
    /// A broken invariant of a register's bounds is an error.
    pub const TEST_REG_INVARIANTS: u32 = 1 << 7;
    /// What every test has, unless it clears them (`testing_prog_flags`).
    pub const OF_TESTS: u32 = TEST_RND_HI32 | TEST_REG_INVARIANTS;

    /// Flags by the names that tags use.
    pub(crate) const NAMES: [(&str, u32); 7] = [
        ("BPF_F_STRICT_ALIGNMENT", 1 << 0),
        ("BPF_F_ANY_ALIGNMENT", 1 << 1),
        ("BPF_F_TEST_RND_HI32", TEST_RND_HI32),
        ("BPF_F_TEST_STATE_FREQ", 1 << 3),
        ("BPF_F_SLEEPABLE", 1 << 4),
        ("BPF_F_XDP_HAS_FRAGS", 1 << 5),
        ("BPF_F_TEST_REG_INVARIANTS", TEST_REG_INVARIANTS),
    ];
}

/// An architecture that a test may be limited to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    /// `X86_64`.
    X86_64,
    /// `ARM64`.
    Arm64,
    /// `RISCV64`.
    Riscv64,
    /// `S390X`.
    S390x,
}

impl Arch {
    fn named(name: &str) -> Option<Arch> {
        match name {
            "X86_64" => Some(Arch::X86_64),
            "ARM64" => Some(Arch::Arm64),
            "RISCV64" => Some(Arch::Riscv64),
            "S390X" => Some(Arch::S390x),
            _ => None,
        }
    }
}

/// Something that the log must hold, or must not.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it looks like.
    pub pattern: Pattern,
    /// Whether it must be absent between the expected messages around it.
    pub absent: bool,
}

/// Expectations that only a running kernel can answer, by kind.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// Results of running the program (`test_retval`).
    pub retval: u32,
    /// Lines of the program as rewritten by the kernel (`test_expect_xlated`).
    pub xlated: u32,
    /// Lines of the machine code (`test_jited`).
    pub jited: u32,
    /// Whatever is expected of loading without capabilities.
    pub unprivileged: u32,
    /// Tags that this version does not know.
    pub unknown: u32,
    /// Expectations of tests for other architectures.
    pub arch: u32,
}

impl Skipped {
    /// The kinds by name, with their counts.
    pub(crate) fn by_kind(&self) -> [(&'static str, u32); 6] {
        [
            ("retval", self.retval),
            ("xlated", self.xlated),
            ("jited", self.jited),
            ("unprivileged", self.unprivileged),
            ("arch", self.arch),
            ("unknown", self.unknown),
        ]
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        self.by_kind().iter().map(|(_, count)| count).sum()
    }

    /// Adds the counts of another test.
    pub fn add(&mut self, other: Skipped) {
        self.retval += other.retval;
        self.xlated += other.xlated;
        self.jited += other.jited;
        self.unprivileged += other.unprivileged;
        self.unknown += other.unknown;
        self.arch += other.arch;
    }
}

/// What a program expects of the verifier.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The program.
    pub program: String,
    /// What it is about, in words.
    pub description: Option<String>,
    /// Whether there is a tag at all.
    pub annotated: bool,
    /// Whether it is to be loaded with all capabilities.
    pub privileged: bool,
    /// Whether it is no test itself, but loaded along with the tests.
    pub auxiliary: bool,
    /// Whether it must be refused; accepted otherwise.
    pub refused: bool,
    /// What the log must hold, in this order.
    pub messages: Vec<Message>,
    /// Level of the log; at 0 there is one of refused programs only, of level 1.
    pub log_level: u32,
    /// `BPF_F_*` beside those of the program's section.
    pub flags: u32,
    /// The architectures that it is for; none means all.
    pub arches: Vec<Arch>,
    /// Path of the BTF against which its CO-RE relocations are resolved, instead of the kernel's.
    pub core_btf: Option<String>,
    /// What cannot be checked.
    pub skipped: Skipped,
}

/// Why a program's tags cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// There is no function of the program's name.
    NoFunction,
    /// A tag is malformed: the tag, and what is wrong with it.
    Tag(String, String),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecError::NoFunction => f.write_str("the object's BTF has no function of this name"),
            SpecError::Tag(tag, what) => write!(f, "tag '{tag}': {what}"),
        }
    }
}

impl std::error::Error for SpecError {}

impl Spec {
    /// Of a program that says nothing.
    fn new(program: &str) -> Spec {
        Spec {
            program: program.to_owned(),
            description: None,
            annotated: false,
            privileged: false,
            auxiliary: false,
            refused: false,
            messages: Vec::new(),
            log_level: 0,
            flags: flags::OF_TESTS,
            arches: Vec::new(),
            core_btf: None,
            skipped: Skipped::default(),
        }
    }

    /// Reads the tags on a program's function.
    ///
    /// # Errors
    /// See [`SpecError`].
    pub fn read(btf: &Btf, program: &str) -> Result<Spec, SpecError> {
        let function = btf.find(program, Kind::Func).ok_or(SpecError::NoFunction)?;
        let mut spec = Spec::new(program);
        let mut tags: Vec<_> = btf.decl_tags(function, None).filter_map(numbered).collect();
        // Compilers differ in the order in which they write tags; where tags are numbered, that counts.
        tags.sort_by_key(|(number, _)| *number);
        let mut unprivileged = false;
        for (_, tag) in tags {
            let wrong = |what: String| SpecError::Tag(tag.to_owned(), what);
            spec.annotated = true;
            match spec.take(tag).map_err(wrong)? {
                Mode::Privileged => spec.privileged = true,
                Mode::Unprivileged => unprivileged = true,
                Mode::Either => {}
            }
        }
        spec.privileged |= !unprivileged;
        Ok(spec)
    }

    /// Whether it is a test of its own.
    pub fn is_test(&self) -> bool {
        self.annotated && !self.auxiliary
    }

    /// Whether it is for machines like this one.
    pub fn runs_on(&self, arch: Arch) -> bool {
        self.arches.is_empty() || self.arches.contains(&arch)
    }

    /// How many expectations can be checked: the outcome and the messages.
    pub fn expectations(&self) -> usize {
        match self.privileged {
            true => 1 + self.messages.len(),
            false => 0,
        }
    }

    /// Takes one tag, without its `comment:test_`.
    fn take(&mut self, tag: &str) -> Result<Mode, String> {
        let (key, value) = tag
            .split_once('=')
            .map_or((tag, None), |(key, value)| (key, Some(value)));
        let text = value.unwrap_or_default();
        match (key, value) {
            ("expect_failure", None) => self.refused = true,
            ("expect_success", None) => self.refused = false,
            ("auxiliary", None) => self.auxiliary = true,
            ("expect_msg", Some(_)) => self.expect(text, false)?,
            ("expect_not_msg", Some(_)) => self.expect(text, true)?,
            ("expect_xlated", Some(_)) => self.skipped.xlated += 1,
            ("retval", Some(_)) => self.skipped.retval += 1,
            ("jited", Some(_)) => {
                if self.arches.is_empty() {
                    return Err("needs an architecture before it".to_owned());
                }
                self.skipped.jited += 1;
            }
            ("auxiliary_unpriv", None) => {
                self.auxiliary = true;
                return Ok(Mode::Unprivileged);
            }
            (key, _) if key.ends_with("_unpriv") => {
                self.skipped.unprivileged += 1;
                return Ok(Mode::Unprivileged);
            }
            _ => {
                self.set(key, text)?;
                return Ok(Mode::Either);
            }
        }
        Ok(Mode::Privileged)
    }

    /// Takes a tag that says how to load the program.
    fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        match key {
            "description" => self.description = Some(text.to_owned()),
            "log_level" => {
                let level = number(text).ok_or("expected a number")?;
                self.log_level = level;
            }
            "prog_flags" => self.set_flag(text)?,
            "arch" => {
                let arch = Arch::named(text).ok_or("unknown architecture")?;
                self.arches.push(arch);
            }
            "btf_path" => self.core_btf = Some(text.to_owned()),
            _ => self.skipped.unknown += 1,
        }
        Ok(())
    }

    /// A message's text stands behind a number, which tells equal ones apart.
    fn expect(&mut self, numbered: &str, absent: bool) -> Result<(), String> {
        let text = match numbered.split_once('=') {
            Some((number, text)) if number.bytes().all(|b| b.is_ascii_digit()) => text,
            _ => numbered,
        };
        if self.messages.len() >= MAX_MESSAGES {
            return Err(format!("more than {MAX_MESSAGES} messages"));
        }
        let pattern = Pattern::new(text).map_err(|e: PatternError| e.to_string())?;
        self.messages.push(Message { pattern, absent });
        Ok(())
    }

    fn set_flag(&mut self, text: &str) -> Result<(), String> {
        let (clear, name) = match text.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let known = flags::NAMES.iter().find(|(known, _)| *known == name);
        let flag = known.map(|(_, flag)| *flag).or_else(|| number(name));
        let flag = flag.ok_or("expected a flag or a number")?;
        match clear {
            true => self.flags &= !flag,
            false => self.flags |= flag,
        }
        Ok(())
    }
}

/// Whether anything in this BTF is tagged as a test.
pub fn is_annotated(btf: &Btf) -> bool {
    let mut tags = btf.types().filter(|ty| ty.kind() == Kind::DeclTag);
    tags.any(|tag| numbered(tag.name()).is_some())
}

/// Which way of loading a tag asks for.
enum Mode {
    Privileged,
    Unprivileged,
    Either,
}

/// The tag behind its prefix and its number: `comment:test_X` or `comment:N:test_X`.
fn numbered(tag: &str) -> Option<(u32, &str)> {
    let rest = tag.strip_prefix(COMMENT)?;
    let (number, rest) = match rest.split_once(':') {
        Some((number, rest)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            (number.parse().unwrap_or(u32::MAX), rest)
        }
        _ => (0, rest),
    };
    Some((number, rest.strip_prefix("test_")?))
}

/// A decimal or, behind `0x`, hexadecimal number.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(tags: &[&str]) -> Result<Spec, String> {
        let mut spec = Spec {
            annotated: true,
            privileged: true,
            ..Spec::new("")
        };
        for tag in tags {
            spec.take(numbered(tag).unwrap().1)?;
        }
        Ok(spec)
    }

    #[test]
    fn tags_of_both_forms() {
        let spec = spec(&[
            "comment:test_expect_failure",
            "comment:test_expect_msg=12=a=b",
            "comment:3:test_expect_msg=c",
            "comment:test_expect_not_msg=4=d",
            "comment:test_log_level=0x6",
            "comment:test_prog_flags=!BPF_F_TEST_REG_INVARIANTS",
            "comment:test_prog_flags=BPF_F_TEST_STATE_FREQ",
            "comment:test_arch=ARM64",
            "comment:test_jited=5=nop",
            "comment:test_retval=0",
            "comment:test_expect_msg_unpriv=6=e",
            "comment:test_from_the_future=1",
        ])
        .unwrap();
        assert!(spec.refused);
        let texts: Vec<_> = spec
            .messages
            .iter()
            .map(|m| (m.pattern.text(), m.absent))
            .collect();
        assert_eq!(texts, [("a=b", false), ("c", false), ("d", true)]);
        assert_eq!((spec.log_level, spec.flags), (6, 0b1100));
        assert!(spec.runs_on(Arch::Arm64) && !spec.runs_on(Arch::X86_64));
        let skipped: Vec<_> = spec.skipped.by_kind().iter().map(|(_, n)| *n).collect();
        assert_eq!(skipped, [1, 0, 1, 1, 0, 1]);
    }

    #[test]
    fn malformed_tags() {
        let error = |tag| spec(&[tag]).map(|_| ()).unwrap_err();
        assert_eq!(error("comment:test_log_level=high"), "expected a number");
        assert_eq!(
            error("comment:test_prog_flags=BPF_F_NONE"),
            "expected a flag or a number"
        );
        assert_eq!(error("comment:test_arch=VAX"), "unknown architecture");
        assert_eq!(
            error("comment:test_jited=0=nop"),
            "needs an architecture before it"
        );
        assert_eq!(error("comment:test_expect_msg=0={{x"), "'{{' without '}}'");
    }
}
