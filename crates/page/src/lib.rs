//! A verification for the eye: one HTML page that needs nothing else.
//!
//! [`Recorder`] listens to a verification and keeps its steps as a [`Walk`]: the instructions, and what each of them
//! changed. [`Listing`] is the program that they are of, [`Page`] writes both, with what a report says of the program. The
//! page rebuilds the state at a step from the changes before it.
//!
//! **Architecture invariant:** who asks for no page is not listened to; nothing of an object becomes markup or script.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod held;
mod json;
mod listing;
mod page;
mod recorder;
mod texts;
mod walk;

pub use listing::Listing;
pub use page::{Cell, Index, Outcome, Page, Row, Sheet};
pub use recorder::{Keep, Limits, Recorder};
pub use walk::{End, Precise, Runs, Walk};
