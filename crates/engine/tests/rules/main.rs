//! The verifier's rules, one a test: small programs, and what real kernels say of them.

mod harness;

mod equivalence;
mod liveness;
mod loops;
mod precision;
mod widening;
