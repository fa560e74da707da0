//! The kernel's own check of a BTF that is loaded (`BPF_BTF_LOAD`).

/// Why the kernel refuses a BTF.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// Positive errno value.
    pub errno: i32,
    /// What the verifier log of `BPF_BTF_LOAD` holds at level 1, each line with its newline.
    pub log: String,
}

/// Checks the bytes of a BTF as the kernel does when a program's BTF is loaded.
///
/// # Errors
/// The errno and log of the first thing that is wrong.
pub fn validate(_data: &[u8]) -> Result<(), Rejected> {
    Ok(())
}
