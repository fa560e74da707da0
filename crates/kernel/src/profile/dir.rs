//! A kernel's files in a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::KernelError;
use super::files::{
    self, BTF, CONFIG, ENDINGS, File, KALLSYMS, Kind, RELEASE, SEMANTICS, VERSION, bounded, file_name,
};
use super::given::Files;
use crate::printable::shown_path;

/// Reads all of them.
pub(super) fn files(dir: &Path) -> Result<Files, KernelError> {
    let about = dir.metadata();
    let about = about.map_err(|e| KernelError::Io(dir.to_owned(), e))?;
    if !about.is_dir() {
        let error = io::Error::new(
            io::ErrorKind::NotADirectory,
            "expected a directory with vmlinux.btf, config and kallsyms",
        );
        return Err(KernelError::Io(dir.to_owned(), error));
    }
    let all = [BTF, CONFIG, KALLSYMS];
    match (read(dir, BTF)?, read(dir, CONFIG)?, read(dir, KALLSYMS)?) {
        (Some(btf), Some(config), Some(kallsyms)) => Ok(Files {
            name: name(dir),
            of: dir.to_owned(),
            config,
            kallsyms,
            btf,
            version: read(dir, VERSION)?,
            release: read(dir, RELEASE)?,
            semantics: read(dir, SEMANTICS)?,
        }),
        (btf, config, kallsyms) => {
            let there = [btf.is_some(), config.is_some(), kallsyms.is_some()];
            let missing = all.iter().zip(there).filter(|(_, there)| !there);
            let missing = missing.map(|(kind, _)| kind.whence).collect();
            Err(KernelError::Missing(dir.to_owned(), missing))
        }
    }
}

/// What the directory is called.
fn name(dir: &Path) -> String {
    let named = |dir: &Path| dir.file_name().map(|_| file_name(dir));
    let whole = || named(&dir.canonicalize().ok()?);
    named(dir)
        .or_else(whole)
        .unwrap_or_else(|| shown_path(dir).into_owned())
}

/// The file of this kind in a directory; `None` if there is none.
fn read(dir: &Path, kind: Kind) -> Result<Option<File>, KernelError> {
    let Some(path) = find(dir, kind)? else {
        return Ok(None);
    };
    let io = |e: io::Error| KernelError::Io(path.clone(), e);
    let wrong = |what: &str| KernelError::Content(path.clone(), what.to_owned(), kind.expected);
    // Others may never come to an end, or never begin.
    let about = fs::metadata(&path).map_err(io)?;
    if about.is_dir() {
        return Err(wrong("a directory"));
    }
    if !about.is_file() {
        return Err(wrong("not a file"));
    }
    let read = fs::File::open(&path)
        .and_then(|file| bounded(file, kind.most))
        .map_err(io)?;
    let bytes = read.ok_or_else(|| wrong(&kind.too_large()))?;
    files::file(path, bytes, kind).map(Some)
}

/// The path of the file of this kind. What is there in several forms counts as it is, then as `.zst`, then as `.gz`.
fn find(dir: &Path, kind: Kind) -> Result<Option<PathBuf>, KernelError> {
    for name in kind.names {
        for ending in [""].into_iter().chain(ENDINGS) {
            let path = dir.join(format!("{name}{ending}"));
            // A link that leads nowhere is there, too.
            if path.symlink_metadata().is_ok() {
                return Ok(Some(path));
            }
        }
    }
    let Some(prefix) = kind.prefix else {
        return Ok(None);
    };
    let entries = fs::read_dir(dir).map_err(|e| KernelError::Io(dir.to_owned(), e))?;
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| KernelError::Io(dir.to_owned(), e))?.file_name();
        if name.as_encoded_bytes().starts_with(prefix.as_bytes()) {
            found.push(dir.join(name));
        }
    }
    found.sort();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [first, second, ..] => {
            let (first, second) = (file_name(first), file_name(second));
            let says = format!("there are {first} and {second}; expected one of them");
            Err(KernelError::Mixed(dir.to_owned(), says))
        }
    }
}
