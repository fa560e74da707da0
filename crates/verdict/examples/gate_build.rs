//! A gate in a build script: the build fails where a program is rejected, or costs the verifier more than it may.
//!
//! As `build.rs` of a crate that ships BPF objects, `main` calls `gate` with what the compiler has just made:
//!
//!     [build-dependencies]
//!     verdict = { package = "bpf-verdict", version = "0.1" }

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict::report::{Budgets, Row};
use verdict::{KernelChoice, Options, Verifiers, read_object};

/// What programs may cost; in a build script, `include_str!("verdict.toml")`.
const BUDGETS: &str = "[[budget]]\nprograms = \"*\"\ninsns = 100000\n";

/// The kernels on which they must load.
const KERNELS: [&str; 2] = ["6.12", "6.18"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut cargo = io::stdout().lock();
    for argument in std::env::args_os().skip(1) {
        let object = PathBuf::from(argument);
        // Cargo reads these lines.
        writeln!(cargo, "cargo::rerun-if-changed={}", object.display())?;
        for line in gate(&object, BUDGETS)? {
            writeln!(cargo, "cargo::error={line}")?;
        }
    }
    Ok(())
}

/// A line for each program and kernel with something wrong.
pub(crate) fn gate(path: &Path, budgets: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let budgets = Budgets::parse(budgets)?;
    let verifiers = Verifiers::open(&KernelChoice::default().each(&KERNELS)?, Options::default())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = read_object(path)?;
    let mut wrong = Vec::new();
    for program in verifiers.check(&name, &bytes) {
        for (verifier, answer) in verifiers.iter().zip(&program.answers) {
            let kernel = &verifier.kernel().name;
            let shown = program.program.as_deref().unwrap_or(&name);
            let Some(row) = Row::from_record(&answer.record) else {
                wrong.push(format!("{shown} on {kernel}: cannot be opened"));
                continue;
            };
            for breach in budgets.judge(&row) {
                wrong.push(format!("{shown} on {kernel}: {breach}"));
            }
        }
    }
    Ok(wrong)
}
