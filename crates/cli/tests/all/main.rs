//! The command line, tested from outside: one program, because linking one for each file would take longer than all of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bpftool;
mod bpftrace;
mod cli;
mod common;
mod directory;
mod expect;
mod features;
mod forms;
mod inputs;
mod kernels;
mod laboratory;
mod libbpf_tools;
mod library;
mod loaders;
mod log;
mod machine;
mod page;
mod profile;
mod run;
mod verifier;
mod veristat;
mod vocabulary;
mod xdp_tools;
