//! How the checks of this crate speak: text that goes to the verifier's log, and refusals.

use std::fmt;

use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Broken, RefusedAt, Rule};

/// Takes what the kernel writes to the verifier's log besides a refusal's own words.
///
/// Some checks write although they succeed, or although their caller goes on after they fail. The text
/// comes as unformatted arguments, so that nobody formats what [`Silent`] would drop.
pub trait Notes {
    /// Appends text, newlines included as the kernel writes them.
    fn note(&mut self, text: fmt::Arguments<'_>);
}

impl Notes for String {
    fn note(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = fmt::Write::write_fmt(self, text);
    }
}

/// Drops every note.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Notes for Silent {
    fn note(&mut self, _text: fmt::Arguments<'_>) {}
}

/// A refusal: the errno, the rule, and the words that the kernel writes to the log with it (maybe none).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// What the system call returns.
    pub errno: Errno,
    /// The rule that was broken.
    pub rule: Rule,
    /// Text for the log, newlines included where the kernel writes them.
    pub text: String,
    /// Where it was refused.
    #[doc(hidden)]
    pub site: RefusedAt,
}

impl Rejection {
    /// A refusal with words.
    #[track_caller]
    pub fn new(rule: Rule, errno: Errno, text: impl Into<String>) -> Self {
        Self {
            errno,
            rule,
            text: text.into(),
            site: RefusedAt::here(),
        }
    }
}

impl From<Broken> for Rejection {
    fn from(broken: Broken) -> Self {
        Self {
            errno: broken.errno,
            rule: broken.rule,
            text: String::new(),
            site: broken.site,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text.trim_end(), self.errno)
    }
}

impl std::error::Error for Rejection {}

/// `Err` of a [`Rejection`] with formatted words.
macro_rules! reject {
    ($rule:ident, $errno:expr, $($text:tt)+) => {
        return Err($crate::notes::Rejection::new(verdict_kernel::rule::Rule::$rule, $errno, format!($($text)+)))
    };
}
pub(crate) use reject;
