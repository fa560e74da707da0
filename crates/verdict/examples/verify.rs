//! What the default kernel says of each program of some objects.
//!
//!     cargo run --example verify -- prog.bpf.o …

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict::report::Verdict;
use verdict::{KernelChoice, Options, Verifier, objects_in, read_object};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    run(&arguments, &mut io::stdout().lock())
}

/// Writes a line for each program: object, program, verdict, instructions, states.
pub(crate) fn run(arguments: &[PathBuf], out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let kernel = KernelChoice::default().open()?;
    let verifier = Verifier::new(kernel, Options::default());
    for argument in arguments {
        for path in objects_in(argument)? {
            verify(&verifier, &path, out)?;
        }
    }
    Ok(())
}

fn verify(verifier: &Verifier, path: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = read_object(path)?;
    let object = match verifier.open(&name, &bytes) {
        Ok(object) => object,
        // libbpf's refusal is an answer, too.
        Err(error) => {
            writeln!(out, "{name}: cannot be opened: {error}")?;
            return Ok(());
        }
    };
    for program in object.programs() {
        let record = program.check().record;
        let verdict = match record.verdict {
            Verdict::Success => "accepted",
            Verdict::Failure => "rejected",
            Verdict::Unsupported => "unsupported",
            Verdict::GaveUp => "given up",
        };
        let figures = record.figures.unwrap_or_default();
        writeln!(
            out,
            "{name} {}: {verdict}, {} insns, {} states",
            program.name(),
            figures.insns,
            figures.states
        )?;
    }
    Ok(())
}
