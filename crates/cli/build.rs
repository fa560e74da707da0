//! Links the program to a fixed address: its tables are full of pointers, which would otherwise be
//! relocated, page by page, at every start.

#![allow(clippy::print_stdout, reason = "how a build script speaks")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-bins=-no-pie");
}
