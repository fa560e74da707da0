//! `verdict`: what a Linux kernel's BPF verifier would say of an object, without that kernel.

use std::process::ExitCode;

fn main() -> ExitCode {
    verdict_cli::main()
}
