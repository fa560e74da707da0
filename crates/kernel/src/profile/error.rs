//! Why a profile could not be opened.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{FormError, KNOWN, Known};
use crate::printable::shown_path;
use crate::semantics::SwitchError;
use crate::tables::Tables;

/// Why a profile could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum KernelError {
    /// No embedded profile has this name.
    Unknown(String),
    /// A file or directory could not be read or unpacked.
    Io(PathBuf, io::Error),
    /// `release.toml` or `semantics.toml` is not what it should be.
    Profile(PathBuf, ProfileError),
    /// A file is not what its name promises: what is wrong with it, and what was expected.
    Content(PathBuf, String, &'static str),
    /// A directory lacks files: each that is missing, with where machines have it.
    Missing(PathBuf, Vec<&'static str>),
    /// Two of a directory's files are of different kernels: what each says.
    Mixed(PathBuf, String),
    /// Another kernel's rules are to be assumed for a directory that states its own.
    StatesRules(PathBuf),
}

/// What is wrong with a profile's `release.toml` or `semantics.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProfileError {
    /// It could not be read.
    Form(FormError),
    /// It has no value for a switch: family and name.
    MissingSwitch(String),
    /// It has a value for something that is no switch of that family.
    UnknownSwitch(String),
    /// There are no tables of this name.
    Tables(String),
    /// There is no helper of this name.
    Helper(String),
    /// A switch cannot have this value.
    Value(SwitchError),
    /// Its switches are of no use without tables and limits, which nothing states.
    Alone,
}

impl From<FormError> for ProfileError {
    fn from(e: FormError) -> Self {
        ProfileError::Form(e)
    }
}

impl From<SwitchError> for ProfileError {
    fn from(e: SwitchError) -> Self {
        ProfileError::Value(e)
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileError::Form(e) => e.fmt(f),
            ProfileError::MissingSwitch(name) => write!(f, "a value for switch '{name}' was expected"),
            ProfileError::UnknownSwitch(name) => write!(f, "there is no switch '{name}'"),
            ProfileError::Tables(name) => {
                let known: Vec<_> = Tables::names().collect();
                write!(f, "there are no tables '{name}'; known are {}", known.join(", "))
            }
            ProfileError::Helper(name) => write!(f, "a helper's name was expected, not '{name}'"),
            ProfileError::Value(e) => e.fmt(f),
            ProfileError::Alone => write!(
                f,
                "it states switches only: expected release.toml beside it, with tables, limits and machine, or a \
                 known kernel whose tables and limits are assumed"
            ),
        }
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KernelError::Unknown(name) => {
                let names = |k: &'static Known| k.aliases.iter().chain([&k.name]).copied();
                let known: Vec<_> = KNOWN.iter().flat_map(names).collect();
                write!(f, "no kernel is called '{name}'; known are: {}", known.join(", "))
            }
            KernelError::Io(path, e) => write!(f, "{}: {e}", shown_path(path)),
            KernelError::Profile(path, e) => write!(f, "{}: {e}", shown_path(path)),
            KernelError::Content(path, wrong, expected) => {
                write!(f, "{}: {wrong}: expected {expected}", shown_path(path))
            }
            KernelError::Missing(dir, files) => {
                write!(f, "{}: no {}", shown_path(dir), files.join(", and no "))
            }
            KernelError::Mixed(dir, says) => {
                write!(
                    f,
                    "{}: its files are of different kernels: {says}",
                    shown_path(dir)
                )
            }
            KernelError::StatesRules(dir) => write!(
                f,
                "{}: it states its own rules (release.toml and semantics.toml): no other kernel's can be assumed",
                shown_path(dir)
            ),
        }
    }
}

impl std::error::Error for KernelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KernelError::Io(_, e) => Some(e),
            KernelError::Profile(_, e) => Some(e),
            KernelError::Unknown(_)
            | KernelError::Content(..)
            | KernelError::Missing(..)
            | KernelError::Mixed(..)
            | KernelError::StatesRules(_) => None,
        }
    }
}

impl std::error::Error for ProfileError {}
