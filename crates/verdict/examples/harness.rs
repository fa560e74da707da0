//! A harness for `cargo test`: what programs expect of the verifier (`verdict_test.h`) becomes tests of the crate that they
//! are part of.
//!
//! As `tests/verifier.rs` of such a crate, with the objects that its build has made in place of the arguments:
//!
//!     [[test]]
//!     name = "verifier"
//!     harness = false
//!
//!     [dev-dependencies]
//!     verdict = { package = "bpf-verdict", version = "0.1" }

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use verdict::expect::report::{Status, Summary};
use verdict::{KernelChoice, Options, Verifier, read_object};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // What begins with a dash is meant for harnesses that know it.
    let arguments = std::env::args_os().skip(1);
    let objects: Vec<PathBuf> = arguments
        .filter(|argument| !argument.as_encoded_bytes().starts_with(b"-"))
        .map(PathBuf::from)
        .collect();
    let summary = run(&objects, &mut io::stdout().lock())?;
    let well = summary.failed == 0;
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs all tests of the objects, with a line for each.
pub(crate) fn run(objects: &[PathBuf], out: &mut dyn Write) -> Result<Summary, Box<dyn Error>> {
    let verifier = Verifier::new(KernelChoice::default().open()?, Options::default());
    let mut summary = Summary::default();
    for path in objects {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let suite = verifier.open_suite(&name, read_object(path)?)?;
        let beside = path.parent().unwrap_or(Path::new("."));
        for test in suite.tests() {
            let result = test.run(&|file| fs::read(beside.join(file)));
            let said = match &result.status {
                Status::Judged(judgement) if judgement.unmet.is_none() => "ok",
                Status::Judged(_) | Status::Unusable(_) => "FAILED",
                Status::Skipped(_) => "ignored",
                Status::Unsupported(_) => "ignored, not modelled",
                Status::GaveUp(_) => "ignored, given up",
            };
            writeln!(out, "test {} ... {said}", result.name())?;
            summary.count(&result);
        }
    }
    writeln!(
        out,
        "test result: {} passed; {} failed",
        summary.passed, summary.failed
    )?;
    Ok(summary)
}
