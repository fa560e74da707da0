//! How a verification ends before its end.

use std::fmt;

use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Broken, Fact, RefusedAt, Rule};

use crate::GaveUp;
use crate::index::{InsnIdx, RegNo};

/// Why verification stopped.
#[derive(Debug)]
pub enum Failure {
    /// The kernel would refuse the program.
    Rejected(Rejection),
    /// The program needs something that this model does not know; named so that a user understands.
    Unsupported(String),
    /// This model contradicts itself.
    Bug(String),
    /// What the verification may take is used up.
    GaveUp(GaveUp),
}

/// The kernel's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What `BPF_PROG_LOAD` returns.
    pub errno: Errno,
    /// The rule that was broken.
    pub rule: Rule,
    /// The kernel's words, newlines included.
    pub text: String,
    /// What the check knows beside.
    pub fact: Option<Fact>,
    /// The instruction that it is about, where that is not the one being executed.
    pub insn: Option<InsnIdx>,
    /// Quirk: whether the source line of the instruction follows the words, if it was not shown yet.
    pub line_follows: bool,
    /// Where it was refused.
    pub(crate) site: RefusedAt,
}

/// Result of every check. The failure is boxed: success is the hot path.
pub type Res<T> = Result<T, Box<Failure>>;

impl Failure {
    /// A refusal.
    #[track_caller]
    pub fn rejected(rule: Rule, errno: Errno, text: String) -> Box<Failure> {
        Failure::rejected_at(rule, errno, text, RefusedAt::here())
    }
    /// A refusal that was made elsewhere.
    fn rejected_at(rule: Rule, errno: Errno, text: String, site: RefusedAt) -> Box<Failure> {
        Box::new(Failure::Rejected(Rejection {
            errno,
            rule,
            text,
            fact: None,
            insn: None,
            line_follows: false,
            site,
        }))
    }
    /// The same refusal, about this instruction.
    pub(crate) fn at(mut self: Box<Failure>, insn: InsnIdx) -> Box<Failure> {
        if let Failure::Rejected(refusal) = &mut *self {
            refusal.insn.get_or_insert(insn);
        }
        self
    }
    /// Something not modelled.
    pub fn unsupported(what: impl Into<String>) -> Box<Failure> {
        Box::new(Failure::Unsupported(what.into()))
    }
    /// A contradiction in the model.
    pub fn bug(what: impl Into<String>) -> Box<Failure> {
        Box::new(Failure::Bug(what.into()))
    }
    /// Whether it is a refusal by this rule.
    pub(crate) fn is_by(&self, rule: Rule) -> bool {
        matches!(self, Failure::Rejected(refusal) if refusal.rule == rule)
    }
    /// The errno of a refusal.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Failure::Rejected(r) => Some(r.errno),
            _ => None,
        }
    }
}

/// Says what a check knows of its refusal beside its words.
pub(crate) trait About {
    /// Adds this fact, unless an inner check has already added one.
    fn about(self, fact: impl FnOnce() -> Fact) -> Self;
}

impl About for Box<Failure> {
    fn about(mut self, fact: impl FnOnce() -> Fact) -> Self {
        if let Failure::Rejected(refusal) = &mut *self
            && refusal.fact.is_none()
        {
            refusal.fact = Some(fact());
        }
        self
    }
}

impl<T> About for Res<T> {
    fn about(self, fact: impl FnOnce() -> Fact) -> Self {
        self.map_err(|failure| failure.about(fact))
    }
}

/// A refusal that is about a register.
pub(crate) fn register(reg: RegNo) -> Fact {
    Fact::Register(reg.0)
}

impl From<verdict_syscall::Rejection> for Box<Failure> {
    fn from(r: verdict_syscall::Rejection) -> Self {
        Failure::rejected_at(r.rule, r.errno, r.text, r.site)
    }
}

impl From<Broken> for Box<Failure> {
    fn from(broken: Broken) -> Self {
        Failure::rejected_at(broken.rule, broken.errno, String::new(), broken.site)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Rejected(r) => write!(f, "{} ({})", r.text.trim_end(), r.errno),
            Failure::Unsupported(what) => write!(f, "unsupported: {what}"),
            Failure::Bug(what) => write!(f, "internal contradiction: {what}"),
            Failure::GaveUp(what) => write!(f, "gave up: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Returns a refusal: `reject!(UninitializedRegister, EACCES, "R{} !read_ok\n", regno)`. A rule that is not
/// always the same stands in parentheses.
macro_rules! reject {
    ($rule:ident, $($rest:tt)*) => {
        $crate::error::reject!((verdict_kernel::rule::Rule::$rule), $($rest)*)
    };
    (($rule:expr), $errno:ident) => {
        return Err($crate::error::Failure::rejected(
            $rule, verdict_kernel::errno::Errno::$errno, String::new()))
    };
    (($rule:expr), $errno:ident, $($arg:tt)*) => {
        return Err($crate::error::Failure::rejected(
            $rule, verdict_kernel::errno::Errno::$errno, format!($($arg)*)))
    };
}

/// Returns *unsupported*: `unsupported!("kfunc {name}")`.
macro_rules! unsupported {
    ($($arg:tt)*) => {
        return Err($crate::error::Failure::unsupported(format!($($arg)*)))
    };
}

/// Writes to the log without failing; costs nothing when nobody listens: `say!(self, "func#{} @{}\n", a, b)`.
macro_rules! say {
    ($self:ident, $($arg:tt)*) => {
        if O::LISTENING {
            $self.env.obs.event($crate::observer::Event::Text { level: 0, text: format_args!($($arg)*) });
        }
    };
}

/// Like `say!`, when at least the last path is wanted.
macro_rules! say1 {
    ($self:ident, $($arg:tt)*) => {
        if O::LISTENING {
            $self.env.obs.event($crate::observer::Event::Text { level: 1, text: format_args!($($arg)*) });
        }
    };
}

/// Like `say!`, when all paths are wanted.
macro_rules! say2 {
    ($self:ident, $($arg:tt)*) => {
        if O::LISTENING {
            $self.env.obs.event($crate::observer::Event::Text { level: 2, text: format_args!($($arg)*) });
        }
    };
}

pub(crate) use {reject, say, say1, say2, unsupported};
