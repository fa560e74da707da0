//! The library, tested from outside: one program, because linking one for each file would take longer than all of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attach;
mod aya;
mod bounds;
mod buffers;
mod cilium;
mod corpus;
mod examples;
mod explain;
mod files;
mod limits;
mod loaders;
mod memory;
mod plans;
mod profile;
mod reports;
mod rules;
mod switches;
mod unsure;
mod walk;
mod whole;
