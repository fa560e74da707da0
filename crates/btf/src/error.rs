//! What can be wrong with BTF.

/// The errno values that BTF code answers with, positive as in `errno.h`.
pub mod errno {
    /// No such entry.
    pub const ENOENT: i32 = 2;
    /// Argument list too long.
    pub const E2BIG: i32 = 7;
    /// Out of memory.
    pub const ENOMEM: i32 = 12;
    /// Permission denied.
    pub const EACCES: i32 = 13;
    /// Bad address.
    pub const EFAULT: i32 = 14;
    /// Already exists.
    pub const EEXIST: i32 = 17;
    /// Invalid argument.
    pub const EINVAL: i32 = 22;
    /// Result out of range.
    pub const ERANGE: i32 = 34;
    /// Loop of references.
    pub const ELOOP: i32 = 40;
    /// Operation not supported.
    pub const EOPNOTSUPP: i32 = 95;
    /// The kernel's own `ENOTSUPP`, which no C library knows.
    pub const ENOTSUPP: i32 = 524;
}

/// Why bytes are no BTF: an errno and, where one is issued, the message that goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BtfError {
    /// Positive errno value.
    pub errno: i32,
    /// The message, without a newline; empty when there is none.
    pub message: String,
}

impl BtfError {
    pub(crate) fn new(errno: i32, message: impl Into<String>) -> Self {
        BtfError {
            errno,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(errno::EINVAL, message)
    }
}

impl std::fmt::Display for BtfError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.message.is_empty() {
            write!(f, "errno {}", self.errno)
        } else {
            write!(f, "{} (errno {})", self.message, self.errno)
        }
    }
}

impl std::error::Error for BtfError {}
