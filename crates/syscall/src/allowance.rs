//! What a verification may take before it is given up.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// How much time and memory the verification of a program may take. By default there is no limit but the kernel's.
///
/// A limit decides nothing about the program: whoever reaches it has no answer.
#[derive(Clone, Default)]
pub struct Allowance {
    time_is_up: Option<Arc<TimeIsUp>>,
    memory: Option<u64>,
}

/// Says whether the time is over. Programs are handed to threads, and behind a panic to the next one.
type TimeIsUp = dyn Fn() -> bool + Send + Sync + UnwindSafe + RefUnwindSafe;

impl Allowance {
    /// The same, which is used up as soon as this says so: it is asked at the beginning, and every thousand
    /// instructions or so.
    #[must_use]
    pub fn until(
        mut self,
        time_is_up: impl Fn() -> bool + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Allowance {
        self.time_is_up = Some(Arc::new(time_is_up));
        self
    }

    /// The same with so many bytes for states, as the verifier estimates them.
    #[must_use]
    pub fn with_memory(mut self, bytes: Option<u64>) -> Allowance {
        self.memory = bytes;
        self
    }

    /// Whether anything is limited.
    pub fn is_limited(&self) -> bool {
        self.time_is_up.is_some() || self.memory.is_some()
    }

    /// Whether the time is over.
    pub fn time_is_up(&self) -> bool {
        self.time_is_up.as_ref().is_some_and(|is_up| is_up())
    }

    /// Bytes that states may take.
    pub fn memory(&self) -> Option<u64> {
        self.memory
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowance")
            .field("time", &self.time_is_up.is_some())
            .field("memory", &self.memory)
            .finish()
    }
}
