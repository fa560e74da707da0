//! The vocabulary of bpf(2) and of the verifier, which all kernels share.

pub mod attr;
pub mod errno;
pub(crate) mod numbered;
pub mod prog;
pub mod types;
