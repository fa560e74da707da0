//! Errors, and the warnings that explain them in libbpf's words.

use std::sync::Arc;

use verdict_btf::TypeId;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{RefusedAt, Rule};

/// Errors of libbpf's own, above the range of errno.
pub mod libbpf {
    use verdict_kernel::errno::Errno;

    /// libelf could not be made to read the file.
    pub const LIBELF: Errno = Errno(4000);
    /// The object's format is invalid.
    pub const FORMAT: Errno = Errno(4001);
    /// The object has the other byte order.
    pub const ENDIAN: Errno = Errno(4003);
    /// A relocation is impossible.
    pub const RELOC: Errno = Errno(4005);
}

/// Why an object cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    /// errno, or one of [`libbpf`].
    pub errno: Errno,
    /// The rule that was broken.
    pub rule: Rule,
    /// What libbpf prints, a line each, with its prefix `libbpf: ` and without the newline.
    pub messages: Vec<Arc<str>>,
}

/// Why an object cannot be loaded although the kernel has not refused a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareError {
    /// errno, or one of [`libbpf`].
    pub errno: Errno,
    /// The rule that was broken.
    pub rule: Rule,
    /// What libbpf prints, a line each, with its prefix `libbpf: ` and without the newline.
    pub messages: Vec<Arc<str>>,
    /// What the program had become by then.
    pub facts: ProgFacts,
    /// Where in verdict it was refused.
    #[doc(hidden)]
    pub site: RefusedAt,
}

/// What libbpf tells of a program, whether or not loading succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgFacts {
    /// `BPF_PROG_TYPE_*`.
    pub prog_type: u32,
    /// Expected attach type (of a struct_ops program: the member it implements).
    pub attach_type: u32,
    /// Number of instructions, subprograms included once they are linked.
    pub insn_cnt: usize,
}

impl ProgFacts {
    /// Notes which member of its kernel struct a program was found to be.
    pub(crate) fn note_member(&mut self, member: Option<&(TypeId, u32)>) {
        if let Some((_, index)) = member {
            self.attach_type = *index;
        }
    }
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", describe(self.errno, &self.messages))
    }
}

impl std::error::Error for OpenError {}

impl std::fmt::Display for PrepareError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", describe(self.errno, &self.messages))
    }
}

impl std::error::Error for PrepareError {}

fn describe(errno: Errno, messages: &[Arc<str>]) -> String {
    match messages.first() {
        Some(first) => first.strip_prefix("libbpf: ").unwrap_or(first).to_owned(),
        None => strerror(errno),
    }
}

/// Most warnings kept of one operation: a hostile object may provoke one per byte.
pub(crate) const MAX_WARNINGS: usize = 256;

/// The warnings of one operation. Lines may be as long as a log: those that are the same for all programs are shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Vec<Arc<str>>);

impl Warnings {
    pub(crate) fn push(&mut self, text: std::fmt::Arguments<'_>) {
        if self.0.len() < MAX_WARNINGS {
            self.0.push(format!("libbpf: {text}").into());
        }
    }

    pub(crate) fn extend(&mut self, other: &Warnings) {
        let room = MAX_WARNINGS.saturating_sub(self.0.len());
        self.0.extend(other.0.iter().take(room).cloned());
    }

    /// Keeps a line of another library.
    pub(crate) fn say(&mut self, line: String) {
        if self.0.len() < MAX_WARNINGS {
            self.0.push(line.into());
        }
    }

    pub(crate) fn into_lines(self) -> Vec<Arc<str>> {
        self.0
    }
}

/// Adds a warning in libbpf's words.
macro_rules! warning {
    ($warnings:expr, $($arg:tt)*) => { $warnings.push(format_args!($($arg)*)) };
}
pub(crate) use warning;

/// What libbpf calls an error number in its messages.
pub fn strerror(errno: Errno) -> String {
    match errno.name() {
        // The C library has no text for the kernel's own numbers.
        Some(_) if errno.0 < 512 => errno.message(),
        _ => format!("unknown error (-{})", errno.0),
    }
}

/// libbpf's words about a limit of so many bytes (`pr_perm_msg`).
pub fn limit_words(limit: u64) -> String {
    let value = match limit {
        0..0x400 => format!("{limit} bytes"),
        0x400..0x10_0000 => format!("{:.1} KiB", limit as f64 / 1024.0),
        _ => format!("{:.1} MiB", limit as f64 / 1_048_576.0),
    };
    format!("permission error while running as root; try raising 'ulimit -l'? current value: {value}")
}

/// Most bytes kept of a name; no kernel takes one as long.
const MAX_NAME: usize = 512;

/// A name to keep: many long names may share the bytes of a file, but not those of memory.
pub(crate) fn owned_name(name: &str) -> String {
    name.get(..name.floor_char_boundary(MAX_NAME))
        .unwrap_or_default()
        .to_owned()
}
