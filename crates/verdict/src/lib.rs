//! verdict: to be described.
