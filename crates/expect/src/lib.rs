//! Expectations about the verifier that a program carries in its own BTF, as declaration tags, by the
//! convention of the kernel's selftests (`bpf_misc.h`, `test_loader.c`).
//!
//! [`Spec::read`] collects what a program expects, [`judge`] holds an outcome and a log against it, [`report`] and
//! [`junit`] write the results of many. Nothing here loads programs.
//!
//! **Architecture invariant:** what is not checked is counted as skipped, never as met.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod ere;
pub mod json;
mod judge;
pub mod junit;
mod known;
mod nearest;
mod pattern;
pub mod report;
mod spec;

pub use judge::{Judgement, Observed, Unmet, Why, judge};
pub use known::{Known, KnownError};
pub use nearest::Line;
pub use pattern::{Pattern, PatternError};
pub use spec::{Arch, Message, Skipped, Spec, SpecError, flags, is_annotated};
