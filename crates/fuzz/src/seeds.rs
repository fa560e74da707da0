//! What inputs begin from, and the objects of the corpus that texts are about.

use std::fs;
use std::path::{Path, PathBuf};

/// A program, for kernels that are made of files.
pub(crate) const PROGRAM: &[u8] = include_bytes!("../../../corpus/late_helper.bpf.o");
/// An object with global variables.
pub(crate) const GLOBALS: &[u8] = include_bytes!("../../../corpus/set_globals.bpf.o");
/// An object that load plans are about.
pub(crate) const PLANNED: &[u8] = include_bytes!("../../../corpus/map_value.bpf.o");

/// Where a target's seeds are.
pub fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target)
}

/// A target's seeds, by the names of their files.
///
/// # Errors
/// When they cannot be read.
pub fn of(target: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(directory(target))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}
