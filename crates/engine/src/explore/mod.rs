//! The search: which instruction comes next, which paths wait, where checkpoints are taken.
//!
//! The only owner of pending paths and checkpoints. Transfers ask for a fork ([`Verifier::push_state`]) and
//! say where the walk goes ([`Flow`](crate::verifier::Flow)).
//!
//! [`Verifier::push_state`]: crate::verifier::Verifier::push_state

mod functions;
mod loops;
mod search;
mod visited;
mod walk;

pub(crate) use loops::Scc;
pub(crate) use search::Search;
