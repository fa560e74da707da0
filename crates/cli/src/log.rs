//! `verdict log`.

use std::io::Write;

use verdict::Verifier;

use crate::Done;
use crate::args::{KernelArgs, LogArgs};
use crate::run::{guarded, open};

pub(crate) fn run(kernel: &KernelArgs, args: &LogArgs, out: &mut dyn Write) -> Done {
    let verifier = Verifier::new(kernel.choice().open()?, args.test.options());
    let object = open(&verifier, &args.object).map_err(|unusable| unusable.message)?;
    let names: Vec<_> = object.programs().collect();
    let known = || names.join(", ");
    let index = match (&args.program, names.as_slice()) {
        (Some(wanted), names) => names.iter().position(|name| name == wanted),
        (None, [_]) => Some(0),
        (None, _) => {
            return Err(format!("{}: choose one with --program: {}", object.name(), known()).into());
        }
    };
    let index = index.ok_or_else(|| {
        format!(
            "{}: no program {}: expected one of {}",
            object.name(),
            args.program.as_deref().unwrap_or(""),
            known()
        )
    })?;
    guarded(&format!("{}", args.object.display()), || {
        object.log(index, args.level, out)
    })??;
    Ok(0)
}
