//! A kernel's files in a directory.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::read;
use super::{KNOWN, KernelError, ProfileError, Rules, builtin, tables};
use crate::semantics::Semantics;
use crate::sorted;

/// What a file may unpack to: a bound on what hostile input can cost.
const MAX_FILE: u64 = 256 << 20;

/// A file's contents, unpacked.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Reads a file in one of its forms.
type Unpack = fn(fs::File) -> io::Result<Vec<u8>>;

/// The contents of `dir/name`, or of `dir/name.zst` or `dir/name.gz` unpacked.
pub(super) fn read(dir: &Path, name: &str) -> Result<File, KernelError> {
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

fn unpack(packed: impl Read) -> io::Result<Vec<u8>> {
    bounded(ruzstd::decoding::StreamingDecoder::new(packed).map_err(io::Error::other)?)
}

pub(super) fn gunzip(packed: impl Read) -> io::Result<Vec<u8>> {
    bounded(flate2::read::GzDecoder::new(packed))
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    source.take(MAX_FILE + 1).read_to_end(&mut out)?;
    if out.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    Ok(out)
}

/// Refuses what is no configuration.
pub(super) fn check_config(file: &File) -> Result<(), KernelError> {
    let expected = "a kernel's configuration: no line is CONFIG_NAME=value";
    if sorted::config(&file.bytes).is_empty() {
        return Err(KernelError::Content(file.path.clone(), expected));
    }
    Ok(())
}

/// Refuses what is no list of symbols, by its first line.
pub(super) fn check_kallsyms(file: &File) -> Result<(), KernelError> {
    let expected = "a list of symbols: its first line is not an address (which may be missing), a type's letter and a name";
    let first = file.bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    match sorted::symbol(first) {
        Some((_, [_], _)) => Ok(()),
        _ => Err(KernelError::Content(file.path.clone(), expected)),
    }
}

/// The rules by which the kernel of a directory is judged.
pub(super) fn rules(dir: &Path, config: &File, assume: Option<&str>) -> Result<Rules, KernelError> {
    let (release, semantics) = (optional(dir, "release.toml")?, optional(dir, "semantics.toml")?);
    let stated = assume.or_else(|| known_release(&config.bytes));
    let mut rules = match (stated, &release, &semantics) {
        (Some(name), ..) => builtin::find(name)?.rules()?,
        // Every part of it is stated below.
        (None, Some(_), Some(_)) => KNOWN[0].rules()?,
        (None, ..) => {
            let release = release_of(&config.bytes).map(ToOwned::to_owned);
            return Err(KernelError::NoRules(dir.to_owned(), release));
        }
    };
    if let Some(file) = release {
        let wrong = |e| KernelError::Profile(file.path.clone(), e);
        let release = read::release(&file.bytes).map_err(|e| wrong(e.into()))?;
        rules = Rules {
            release: release.name.into(),
            tables: tables(&release.tables).map_err(wrong)?,
            version: release.version,
            limits: release.limits,
            machine: release.machine,
            ..rules
        };
    }
    if let Some(file) = semantics {
        let rows = read::semantics(&file.bytes).map_err(ProfileError::from);
        let semantics = rows.and_then(|rows| Semantics::read(&rows));
        rules.semantics = semantics.map_err(|e| KernelError::Profile(file.path, e))?;
    }
    Ok(rules)
}

/// A file that may be absent.
fn optional(dir: &Path, name: &str) -> Result<Option<File>, KernelError> {
    if dir.join(name).exists() {
        read(dir, name).map(Some)
    } else {
        Ok(None)
    }
}

/// The release that a configuration's head names: `# Linux/x86 6.12.117 Kernel Configuration`.
fn release_of(config: &[u8]) -> Option<&str> {
    config.split(|&b| b == b'\n').take(10).find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (_, release) = line.strip_suffix(" Kernel Configuration")?.rsplit_once(' ')?;
        line.starts_with("# Linux/").then_some(release)
    })
}

/// The embedded profile of exactly that release.
fn known_release(config: &[u8]) -> Option<&'static str> {
    let mut numbers = release_of(config)?.split('.');
    let version = (
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    );
    if numbers.next().is_some() {
        return None;
    }
    KNOWN.iter().find(|k| k.version == version).map(|k| k.name)
}
