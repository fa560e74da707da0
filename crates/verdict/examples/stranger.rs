//! What somebody else's tool does with verdict: a table for a release note, of which kernels take which programs, where they
//! refuse them, and what may be done about it.
//!
//!     cargo run --example stranger -- prog.bpf.o
//!
//! It is written so that later versions of 0.1 do not break it: no `match` over what may grow is without an arm for what is
//! new, and that arm does what is right for it; programs are handles, and errors are types.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use verdict::kernel::{KNOWN, KernelError};
use verdict::loader::OpenError;
use verdict::report::explanation::{Source, Tried};
use verdict::report::{Need, Verdict};
use verdict::{
    Answer, ChoiceError, Explaining, InputError, KernelChoice, Options, Program, Verifier, read_object,
};

/// Why there is no table.
#[derive(Debug)]
enum NoTable {
    Kernel(ChoiceError),
    Object(InputError),
    Output(io::Error),
}

impl fmt::Display for NoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoTable::Kernel(ChoiceError::Kernel(KernelError::Unknown(name))) => {
                write!(f, "is {name} newer than this tool?")
            }
            NoTable::Kernel(error) => error.fmt(f),
            NoTable::Object(error) => write!(f, "{}: was it built?", error.path.display()),
            NoTable::Output(error) => error.fmt(f),
        }
    }
}

impl Error for NoTable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            NoTable::Kernel(error) => Some(error),
            NoTable::Object(error) => Some(error),
            NoTable::Output(error) => Some(error),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    for argument in std::env::args_os().skip(1) {
        table(&PathBuf::from(argument), &mut io::stdout().lock())?;
    }
    Ok(())
}

/// Writes the table of one object.
pub(crate) fn table(path: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bytes = read_object(path).map_err(NoTable::Object)?;
    for known in KNOWN {
        let choice = KernelChoice {
            name: Some(known.name.to_owned()),
            ..KernelChoice::default()
        };
        let kernel = choice.open().map_err(NoTable::Kernel)?;
        let verifier = Verifier::new(kernel, Options::default()).explaining(Explaining::TRIALS);
        let written = match verifier.open(&name, &bytes) {
            Ok(object) => object
                .programs()
                .try_for_each(|program| row(known.name, program, out)),
            Err(error) => unopened(known.name, &name, &error, out),
        };
        written.map_err(NoTable::Output)?;
    }
    Ok(())
}

fn unopened(kernel: &str, name: &str, error: &OpenError, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{kernel} {name}: {} ({})", error.rule.code(), error.errno)
}

fn row(kernel: &str, program: Program<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    let answer = program.check();
    write!(out, "{kernel} {}: ", program.name())?;
    match answer.record.verdict {
        Verdict::Success => writeln!(out, "loads"),
        Verdict::Unsupported | Verdict::GaveUp => writeln!(out, "unknown"),
        Verdict::Failure => refused(&answer, out),
    }
}

fn refused(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let Some(refusal) = &answer.refusal else {
        return writeln!(out, "refused");
    };
    write!(out, "{}", refusal.rule.code())?;
    match &refusal.need {
        Some(Need::Helper(helper)) => write!(out, ", lacks the helper {helper}")?,
        Some(Need::Kfunc(kfunc)) => write!(out, ", lacks the kernel function {kfunc}")?,
        // Whatever else a kernel may lack: it says so itself.
        Some(other) => write!(out, ", {other}")?,
        None => {}
    }
    let place = answer.place.as_ref().and_then(|place| place.source.as_ref());
    if let Some(Source { file, line, .. }) = place {
        write!(out, " at line {line} of {file}")?;
    }
    let remedies = refusal.explanation.iter().flat_map(|why| &why.remedies);
    if let Some(remedy) = remedies.into_iter().find(|one| one.tried == Tried::Verified) {
        write!(out, "; {}", remedy.words)?;
    }
    writeln!(out)
}
