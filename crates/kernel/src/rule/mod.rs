//! The rules that refusals name: what a program, map, type or object broke.
//!
//! One table ([`Rule`] is made of it) is the single source: code, name, category, the kernel's function and
//! one sentence. Codes are stable: a rule that is given up leaves its number empty.

pub mod explain;
mod fact;
mod refused_at;
mod table;

use std::fmt;

use crate::errno::Errno;
pub use fact::{Fact, Origin, Role};
#[doc(hidden)] // for the project's own chores
pub use refused_at::RefusedAt;
pub use table::Rule;

/// What kind of safety a rule protects: the categories of Linux 7.3's diagnostics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Category {
    /// What a register holds, and what may be done with it.
    RegisterType,
    /// Which bytes may be read and written.
    Memory,
    /// What is acquired, released, initialised and destroyed, and in which order.
    ResourceLifetime,
    /// What is handed to helpers, kfuncs and functions, and what they and the program hand back.
    CallType,
    /// Where something may be done: under a lock, in a region, in a callback, asleep.
    ExecutionContext,
    /// The shape of program, types and object.
    ProgramStructure,
    /// What this kernel lets this kind of program do, and how much of it.
    Policy,
}

impl Category {
    /// All of them, in the order of their numbers.
    pub const ALL: [Category; 7] = [
        Category::RegisterType,
        Category::Memory,
        Category::ResourceLifetime,
        Category::CallType,
        Category::ExecutionContext,
        Category::ProgramStructure,
        Category::Policy,
    ];

    /// Its name: `memory safety`.
    pub const fn name(self) -> &'static str {
        match self {
            Category::RegisterType => "register type safety",
            Category::Memory => "memory safety",
            Category::ResourceLifetime => "resource lifetime safety",
            Category::CallType => "call type safety",
            Category::ExecutionContext => "execution context safety",
            Category::ProgramStructure => "program structure",
            Category::Policy => "policy",
        }
    }
}

/// What the table says of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `V0201`: the category's number and one within it.
    pub code: &'static str,
    /// `packet-bounds`.
    pub name: &'static str,
    /// Its category.
    pub category: Category,
    /// Where the check stands: functions of the kernel, or of libbpf.
    pub checked_in: &'static str,
    /// The program of the corpus that shows it: `object program`.
    pub shown_by: Option<&'static str>,
    /// What was broken, as part of a sentence.
    pub sentence: &'static str,
    /// Its page, as Markdown: what is checked and why, usual causes, what to change, an example.
    pub page: &'static str,
}

impl Rule {
    /// `V0201`.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// `packet-bounds`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What it protects.
    pub fn category(self) -> Category {
        self.row().category
    }

    /// What was broken, as part of a sentence: `the access may reach beyond …`.
    pub fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// Its page, as Markdown.
    pub fn page(self) -> &'static str {
        self.row().page
    }

    /// A part of its page: what stands below this heading, up to the next.
    pub fn section(self, heading: &str) -> &'static str {
        let mut parts = self.page().split("\n## ");
        let part = parts.find_map(|part| part.strip_prefix(heading)?.strip_prefix('\n'));
        part.unwrap_or_default()
    }

    /// The rule with this code or name, in either case.
    pub fn find(name: &str) -> Option<Rule> {
        let is =
            |rule: &Rule| rule.code().eq_ignore_ascii_case(name) || rule.name().eq_ignore_ascii_case(name);
        Rule::ALL.iter().copied().find(is)
    }

    /// A refusal by this rule.
    #[track_caller]
    pub const fn with(self, errno: Errno) -> Broken {
        self.with_at(errno, RefusedAt::here())
    }

    /// The same, made elsewhere.
    #[doc(hidden)]
    pub const fn with_at(self, errno: Errno, site: RefusedAt) -> Broken {
        Broken {
            errno,
            rule: self,
            site,
        }
    }
}

/// `V0201 packet-bounds (memory safety)`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        write!(f, "{} {} ({})", row.code, row.name, row.category.name())
    }
}

/// As its code.
#[cfg(feature = "serde")]
impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A refusal without words: what the system call returns, and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Broken {
    /// The error.
    pub errno: Errno,
    /// The rule that was broken.
    pub rule: Rule,
    /// Where it was refused.
    #[doc(hidden)]
    pub site: RefusedAt,
}

/// Names the rule by which a check refuses: `check(attr).by(Rule::MapAttributes)?`.
pub trait By<T> {
    /// The same result, a refusal being by this rule.
    ///
    /// # Errors
    /// The refusal.
    fn by(self, rule: Rule) -> Result<T, Broken>;
}

impl<T> By<T> for Result<T, Errno> {
    fn by(self, rule: Rule) -> Result<T, Broken> {
        self.map_err(|errno| rule.with(errno))
    }
}
