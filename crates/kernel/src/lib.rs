//! Kernel profiles: what one Linux release's verifier knows and how it decides, as data and look-up only.

pub mod attr;
pub mod types;
