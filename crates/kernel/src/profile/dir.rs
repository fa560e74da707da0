//! A kernel's files in a directory.

use std::fs;
use std::io;
use std::path::Path;

use super::KernelError;
use super::files::{File, Files, bounded, gunzip, unpack};

/// Reads all of them.
pub(super) fn files(dir: &Path) -> Result<Files, KernelError> {
    let name = dir
        .file_name()
        .map_or_else(|| dir.to_string_lossy(), |n| n.to_string_lossy())
        .into_owned();
    Ok(Files {
        name,
        of: dir.to_owned(),
        config: read(dir, "config")?,
        kallsyms: read(dir, "kallsyms")?,
        btf: read(dir, "vmlinux.btf")?,
        release: optional(dir, "release.toml")?,
        semantics: optional(dir, "semantics.toml")?,
    })
}

/// Reads a file in one of its forms.
type Unpack = fn(fs::File) -> io::Result<Vec<u8>>;

/// The contents of `dir/name`, or of `dir/name.zst` or `dir/name.gz` unpacked.
fn read(dir: &Path, name: &str) -> Result<File, KernelError> {
    let forms: [(&str, Unpack); 3] = [("", bounded), (".zst", unpack), (".gz", gunzip)];
    for (ending, unpacked) in forms {
        let path = dir.join(format!("{name}{ending}"));
        if path.exists() {
            let bytes = fs::File::open(&path).and_then(unpacked);
            return match bytes {
                Ok(bytes) => Ok(File { path, bytes }),
                Err(e) => Err(KernelError::Io(path, e)),
            };
        }
    }
    let absent = io::Error::new(
        io::ErrorKind::NotFound,
        "no such file, nor one ending in .zst or .gz",
    );
    Err(KernelError::Io(dir.join(name), absent))
}

/// A file that may be absent.
fn optional(dir: &Path, name: &str) -> Result<Option<File>, KernelError> {
    if dir.join(name).exists() {
        read(dir, name).map(Some)
    } else {
        Ok(None)
    }
}
