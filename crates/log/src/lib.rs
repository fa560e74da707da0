//! The kernel's verifier log: the engine's events to bytes.
//!
//! [`Log`] is a listener. The kernel's log is a byte buffer with an end position, not a list of lines: at
//! level 1 the end is set back when a path put aside goes on, and everywhere a state is appended to the line
//! of its instruction by deleting the newline. [`Buffer`] is that model; everything else here is text.
//!
//! **Architecture invariant:** nothing here influences a verdict.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod buffer;
mod digits;
mod footer;
mod listing;
mod names;
mod normalize;
mod render;
mod style;
mod tally;

pub use buffer::{Buffer, Room, Written};
pub use listing::{insn_text, write_listing};
pub use normalize::{Normalize, hide_addresses};
pub use render::{LEFT_OUT, Level, Log};
pub use style::Values;
pub use tally::SourceTally;
