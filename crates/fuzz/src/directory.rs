//! The files of a kernel.

use verdict::kernel::{Kernel, KernelBytes};
use verdict::{Options, Verifier};

use crate::parts;
use crate::seeds::PROGRAM;

/// Makes a kernel of its files: BTF, configuration, symbols, version, `release.toml`, `semantics.toml`, and the kernel that is
/// assumed, and asks it about a program. What is empty is not there, but for the first three.
pub fn directory(bytes: &[u8]) {
    let [btf, config, kallsyms, version, release, semantics, assumed] = parts(bytes);
    let files = KernelBytes {
        name: "hostile",
        btf,
        config,
        kallsyms,
        version: Some(version).filter(|file| !file.is_empty()),
        release: Some(release).filter(|file| !file.is_empty()),
        semantics: Some(semantics).filter(|file| !file.is_empty()),
    };
    let assumed = std::str::from_utf8(assumed).ok();
    let assumed = assumed.map(str::trim).filter(|name| !name.is_empty());
    let kernel = match Kernel::from_bytes(&files, assumed) {
        Ok(kernel) => kernel,
        Err(error) => return drop(error.to_string()),
    };
    let _ = (
        kernel.unknown_rules(),
        kernel.assumed_rules(),
        kernel.config("CONFIG_HZ"),
    );
    let verifier = Verifier::new(kernel, Options::default());
    if let Ok(object) = verifier.open("program.bpf.o", PROGRAM) {
        object.programs().for_each(|program| drop(program.check()));
    }
}
