//! Why programs are rejected, at which source lines, and what to change: as data, and as `verdict check` prints it.
//!
//!     cargo run --example explain -- prog.bpf.o

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict::report::Look;
use verdict::report::explanation::{Tried, write_explanation};
use verdict::{Explaining, KernelChoice, Options, Verifier, read_object};

fn main() -> Result<(), Box<dyn Error>> {
    for argument in std::env::args_os().skip(1) {
        run(&PathBuf::from(argument), &mut io::stdout().lock())?;
    }
    Ok(())
}

/// Writes of each rejected program the rule, the places that led to it, changes that were seen accepted, and then the whole
/// as text.
pub(crate) fn run(path: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let kernel = KernelChoice::default().open()?;
    let verifier = Verifier::new(kernel, Options::default()).explaining(Explaining::TRIALS);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = read_object(path)?;
    let object = verifier.open(&name, &bytes)?;
    for program in object.programs() {
        let answer = program.check();
        let Some(refusal) = answer.refusal else { continue };
        writeln!(
            out,
            "{}: {} {}",
            program.name(),
            refusal.rule.code(),
            refusal.rule.sentence()
        )?;
        let Some(explanation) = refusal.explanation else {
            continue;
        };
        for cause in &explanation.causes {
            match &cause.site.source {
                Some(source) => writeln!(out, "  {}:{}: {}", source.file, source.line, cause.words)?,
                None => writeln!(out, "  insn {}: {}", cause.site.insn, cause.words)?,
            }
        }
        let seen = explanation.remedies.iter();
        for remedy in seen.filter(|remedy| remedy.tried == Tried::Verified) {
            writeln!(out, "  accepted with: {}", remedy.words)?;
        }
        let said = answer.record.tail.unwrap_or_default();
        write_explanation(out, &explanation, &said, Look::PLAIN)?;
    }
    Ok(())
}
