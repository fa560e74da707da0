//! A machine's own kernel as a profile: its files, and the setting of every switch, found out by asking it.
//!
//! [`Asker`] has the kernel load the programs of the corpus, which is embedded, and keeps what it answers; [`settle`] finds the
//! settings under which verdict says the same. The two are apart, so that answers can be kept and looked at again without that
//! kernel.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod answer;
mod ask;
mod capture;
mod corpus;
mod facts;
mod machine;
mod model;
mod question;
mod settle;

pub use answer::{Answer, Figures, LEVEL, read, settled, write};
pub use ask::{Asker, Compared};
pub use capture::{
    ANSWERS, Asked, CaptureError, FACTS, Found, ask, find, may_load, nearest, read as read_capture,
    write as write_capture, write_rules, write_settled,
};
pub use corpus::{HARMFUL, fingerprint, objects};
pub use facts::{Allowed, Facts};
pub use machine::{FileError, Files, machine};
pub use model::Said;
pub use settle::{Settled, settle};
