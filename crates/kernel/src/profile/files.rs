//! The files of a kernel: in which forms they may be, and how much of them is taken.

#![cfg_attr(
    not(feature = "std-io"),
    allow(dead_code, reason = "only directories have files by name")
)]

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::KernelError;
use crate::printable::shown_path;

/// What a file may have, and what it may unpack to, unless its kind says less: a bound on what hostile input can cost.
const MAX_FILE: u64 = 128 << 20;

/// One of the files that a directory has.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The names that it goes by, the first one first.
    pub(super) names: &'static [&'static str],
    /// What its name may begin with where none of these is there.
    pub(super) prefix: Option<&'static str>,
    /// What it has to be.
    pub(super) expected: &'static str,
    /// What it is called, and where machines have it.
    pub(super) whence: &'static str,
    pub(super) most: u64,
}

impl Kind {
    /// That there is more of it than is taken.
    pub(super) fn too_large(self) -> String {
        format!("larger than {} MiB", self.most >> 20)
    }
}

pub(super) const CONFIG: Kind = Kind {
    names: &["config"],
    prefix: Some("config-"),
    expected: "a kernel's configuration, as /proc/config.gz or /boot/config-RELEASE has it",
    whence: "config (/proc/config.gz, /boot/config-RELEASE)",
    most: 16 << 20,
};

pub(super) const KALLSYMS: Kind = Kind {
    names: &["kallsyms"],
    prefix: None,
    expected: "the kernel's symbols, as /proc/kallsyms lists them",
    whence: "kallsyms (/proc/kallsyms)",
    most: MAX_FILE,
};

pub(super) const BTF: Kind = Kind {
    names: &["vmlinux.btf", "vmlinux"],
    prefix: None,
    expected: "the kernel's BTF, as /sys/kernel/btf/vmlinux has it",
    whence: "vmlinux.btf (/sys/kernel/btf/vmlinux)",
    most: MAX_FILE,
};

pub(super) const VERSION: Kind = Kind {
    names: &["version"],
    prefix: None,
    expected: "what /proc/version or `uname -r` says",
    whence: "version (/proc/version)",
    most: 64 << 10,
};

pub(super) const RELEASE: Kind = Kind {
    names: &["release.toml"],
    prefix: None,
    expected: "a profile's release.toml",
    whence: "release.toml",
    most: 1 << 20,
};

pub(super) const SEMANTICS: Kind = Kind {
    names: &["semantics.toml"],
    prefix: None,
    expected: "a profile's semantics.toml",
    whence: "semantics.toml",
    most: 1 << 20,
};

/// How a file is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
}

impl Packing {
    /// The program that packs so; nothing for a plain file.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Packing::Plain => None,
            Packing::Gzip => Some("gzip"),
            Packing::Zstd => Some("zstd"),
        }
    }

    /// By how the contents begin: names may be anything.
    fn of(bytes: &[u8]) -> Packing {
        match bytes {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

/// What a packed file's name may end with.
pub(super) const ENDINGS: [&str; 2] = [".zst", ".gz"];

/// A file's name without what says how it is packed.
pub(super) fn without_ending(name: &str) -> &str {
    let plain = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    plain.unwrap_or(name)
}

/// The last part of a path, as it can be shown.
pub(super) fn file_name(path: &Path) -> String {
    shown_path(Path::new(path.file_name().unwrap_or_default())).into_owned()
}

/// A file's contents, unpacked.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) packing: Packing,
    kind: Kind,
}

impl File {
    /// That it is not what it has to be.
    pub(super) fn wrong(&self, wrong: impl Into<String>) -> KernelError {
        KernelError::Content(self.path.clone(), wrong.into(), self.kind.expected)
    }

    /// Its contents, and the rest of it.
    pub(super) fn take_bytes(mut self) -> (Vec<u8>, File) {
        (std::mem::take(&mut self.bytes), self)
    }

    /// Its file name.
    pub(super) fn name(&self) -> String {
        file_name(&self.path)
    }
}

/// A file of these contents, which may be packed.
pub(super) fn file(path: PathBuf, bytes: Vec<u8>, kind: Kind) -> Result<File, KernelError> {
    let wrong = |what: &str| KernelError::Content(path.clone(), what.to_owned(), kind.expected);
    if bytes.is_empty() {
        return Err(wrong("empty"));
    }
    if bytes.len() as u64 > kind.most {
        return Err(wrong(&kind.too_large()));
    }
    let packing = Packing::of(&bytes);
    let unpacked = match packing {
        Packing::Plain => Ok(Some(bytes)),
        Packing::Gzip => bounded(flate2::read::MultiGzDecoder::new(bytes.as_slice()), kind.most),
        Packing::Zstd => unzstd(&bytes, kind.most),
    };
    let packer = packing.name().unwrap_or_default();
    match unpacked {
        Ok(Some(bytes)) if bytes.is_empty() => Err(wrong("empty when it is unpacked")),
        Ok(Some(bytes)) => Ok(File {
            path,
            bytes,
            packing,
            kind,
        }),
        Ok(None) => Err(wrong(&format!("{} when it is unpacked", kind.too_large()))),
        Err(e) => Err(wrong(&format!(
            "cut short or damaged: {packer} cannot unpack it ({e})"
        ))),
    }
}

/// All of the source; `None` if it has more than so many bytes.
pub(super) fn bounded(source: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    source.take(most + 1).read_to_end(&mut out)?;
    Ok((out.len() as u64 <= most).then_some(out))
}

/// What zstd packed, which may be in several frames.
fn unzstd(packed: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
    let (mut rest, mut out) = (packed, Vec::new());
    while !rest.is_empty() {
        let left = most.saturating_sub(out.len() as u64);
        match StreamingDecoder::new(&mut rest) {
            Ok(decoder) => match bounded(decoder, left)? {
                Some(frame) => out.extend_from_slice(&frame),
                None => return Ok(None),
            },
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let skipped = usize::try_from(length).unwrap_or(usize::MAX);
                rest = rest
                    .get(skipped..)
                    .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            }
            Err(e) => return Err(io::Error::other(e)),
        }
    }
    Ok(Some(out))
}

/// What gzip packed, in one of the embedded profiles.
pub(super) fn gunzip(packed: &[u8]) -> io::Result<Vec<u8>> {
    let unpacked = bounded(flate2::read::GzDecoder::new(packed), MAX_FILE)?;
    unpacked.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with one raw block.
    fn frame(text: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, text.len() as u8];
        let header = (text.len() as u32) << 3 | 1;
        bytes.extend_from_slice(&header.to_le_bytes()[..3]);
        bytes.extend_from_slice(text);
        bytes
    }

    #[test]
    fn all_frames_are_unpacked() {
        let mut packed = frame(b"one, ");
        packed.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
        packed.extend(frame(b"two"));
        assert_eq!(unzstd(&packed, 8).unwrap(), Some(b"one, two".to_vec()));
        assert_eq!(unzstd(&packed, 7).unwrap(), None);
        for cut in [packed.len() - 1, packed.len() - 3, 20] {
            assert!(unzstd(&packed[..cut], 8).is_err(), "{cut}");
        }
    }
}
