//! The search: which instruction comes next, which paths wait, where checkpoints are taken.
//!
//! The only owner of pending paths and checkpoints. Transfers ask for a fork ([`Verifier::fork`]) and
//! say where the walk goes ([`Flow`](crate::verifier::Flow)).
//!
//! [`Verifier::fork`]: crate::verifier::Verifier::fork

mod allowance;
mod fork;
mod functions;
mod loops;
mod search;
mod sign;
mod visited;
mod walk;

pub(crate) use allowance::Spent;
pub(crate) use fork::Fork;
pub(crate) use loops::Scc;
pub(crate) use search::Search;
