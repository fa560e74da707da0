//! What has to be known of the kernels that are asked: that their rules are assumed, or not known.

use verdict::kernel::{Basis, Kernel};

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
