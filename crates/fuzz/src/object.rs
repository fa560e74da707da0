//! Objects.

use crate::kernels::chosen;

/// Bytes of the ELF header that nobody reads: the library that loads the object, and the kernel.
pub(crate) const LOADER: usize = 14;
pub(crate) const KERNEL: usize = 15;
/// Most programs of an object that are verified: each may take its time.
const MOST: usize = 6;

/// Opens an object, and asks all that can be asked about its programs.
pub fn object(bytes: &[u8]) {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let Some(verifier) = chosen(byte(KERNEL), byte(LOADER)) else {
        return;
    };
    let Ok(object) = verifier.open("hostile.bpf.o", bytes) else {
        return;
    };
    let _ = (object.draft(), object.needs_plan(), object.assumed());
    for program in object.programs().take(MOST) {
        drop(program.check());
        // Vectors take all.
        let _ = program.write_insns(&mut Vec::new());
    }
    if let Ok(whole) = verifier.open_whole("hostile.bpf.o", bytes)
        && whole.programs().len() <= MOST
    {
        drop(whole.check_whole());
    }
}
