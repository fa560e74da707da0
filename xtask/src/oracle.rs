//! The oracle: a script that boots a real kernel in a virtual machine and runs a command there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::child::execute;

/// What records need that a program of their own makes in the virtual machine.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with the oracle's boot.sh
    #[arg(long, value_name = "DIR")]
    pub(crate) oracle: PathBuf,
    /// The program that makes the record, linked statically; CONTRIBUTING.md tells which
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: PathBuf,
}

/// The kernel whose records such programs make, as the oracle calls it.
pub(crate) const KERNEL: &str = "6.12.117+deb12-amd64";
/// The directory of that kernel's records below `golden`.
pub(crate) const GOLDEN: &str = "6.12.117-deb12-amd64";

/// Boots `kernel` with `files` in the working directory, runs `command`, and leaves what it prints in `out`.
pub(crate) fn ask<F: AsRef<OsStr>>(
    oracle: &Path,
    kernel: &str,
    out: &Path,
    command: &str,
    files: impl IntoIterator<Item = F>,
) -> Result<(), String> {
    execute(
        Command::new("bash")
            .arg(oracle.join("boot.sh"))
            .arg(kernel)
            .arg(out)
            .arg(command)
            .args(files),
    )
}

/// Unpacks the logs that the oracle left beside `out`.
pub(crate) fn unpack_logs(out: &Path, to: &Path) -> Result<(), String> {
    let mut archive = out.as_os_str().to_owned();
    archive.push(".logs.tar");
    execute(Command::new("tar").arg("-C").arg(to).arg("-xf").arg(archive))
}
