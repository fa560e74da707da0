//! What has to be known of the kernels that are asked: that their rules are assumed, or not known.

use std::io::{self, Write};

use verdict::Verifier;
use verdict::kernel::{Basis, Kernel};
use verdict_report::Format;

use crate::run::note_once;

/// What helps where the rules of a directory's kernel are not known.
const HELP: &str = "so that nothing can be said of any program; --assume NAME judges by the rules of a known kernel \
                    ('verdict kernels' lists them)";

/// Says it of a kernel on standard error, once.
pub(crate) fn say(kernel: &Kernel) {
    let Some(caveat) = kernel.caveat() else { return };
    match kernel.basis {
        Basis::Unknown => note_once(&format!("{caveat}, {HELP}")),
        Basis::Own | Basis::Assumed => note_once(&caveat),
    }
}

/// What has to be known of the kernels, each once.
pub(crate) fn of<'v>(verifiers: impl IntoIterator<Item = &'v Verifier>) -> Vec<String> {
    let mut all = Vec::new();
    for verifier in verifiers {
        let caveat = verifier.kernel().caveat();
        all.extend(caveat.filter(|caveat| !all.contains(caveat)));
    }
    all
}

/// Writes them, a line each, as text is read.
pub(crate) fn write(out: &mut dyn Write, caveats: &[String]) -> io::Result<()> {
    caveats
        .iter()
        .try_for_each(|caveat| writeln!(out, "note: {caveat}"))
}

/// Writes them below a table, if the form has a place for them.
pub(crate) fn write_below(out: &mut dyn Write, caveats: &[String], format: Format) -> io::Result<()> {
    if caveats.is_empty() {
        return Ok(());
    }
    match format {
        Format::Table => {
            writeln!(out)?;
            write(out, caveats)
        }
        Format::Markdown => {
            writeln!(out)?;
            caveats.iter().try_for_each(|caveat| writeln!(out, "- {caveat}"))
        }
        _ => Ok(()),
    }
}
