//! The verifier's rules, one a test: small programs, and what real kernels say of them.

mod harness;

mod bounds;
mod checkpoints;
mod equivalence;
mod identities;
mod linked;
mod liveness;
mod loops;
mod precision;
mod stack;
mod widening;
