//! Why something could not be done.
//!
//! What a kernel or a library says of a program is no error but an [`Answer`](crate::Answer). Errors are about what is
//! asked: kernels, files, plans, targets. Their words are complete; [`Error::source`] is for programs that look for a
//! cause of a certain type.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use verdict_kernel::printable::shown_path;
use verdict_kernel::{KernelError, SwitchError};
use verdict_loader::{OpenError, PlanError};

use crate::NotLoaded;

/// Why a kernel could not be chosen.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChoiceError {
    /// There is no such kernel, or its files are not what they should be.
    Kernel(KernelError),
    /// A switch cannot be set so.
    Switch(SwitchError),
    /// This is no setting of a switch.
    NoSetting(String),
    /// Several kernels are named for the files of one.
    SeveralForDirectory,
    /// The rules of two different kernels are to be assumed for the files of one.
    TwoAssumed(String, String),
    /// The rules of this kernel are to be assumed where there is no directory whose rules could be unknown.
    NothingToAssume(String),
    /// The running kernel is named, and nothing is known of it.
    NoHost,
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChoiceError::Kernel(error) => error.fmt(f),
            ChoiceError::Switch(error) => error.fmt(f),
            ChoiceError::NoSetting(setting) => write!(f, "'{setting}': expected switch=value"),
            ChoiceError::SeveralForDirectory => {
                f.write_str("the kernel of a directory follows one other kernel's rules, not several")
            }
            ChoiceError::TwoAssumed(a, b) => {
                write!(
                    f,
                    "the kernel of a directory follows one other kernel's rules, not both {a} and {b}"
                )
            }
            ChoiceError::NoHost => f.write_str("there is no capture of the running kernel"),
            ChoiceError::NothingToAssume(name) => write!(
                f,
                "the rules of {name} can be assumed for a directory's kernel only: expected --kernel-dir, too"
            ),
        }
    }
}

impl Error for ChoiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ChoiceError::Kernel(error) => Some(error),
            ChoiceError::Switch(error) => Some(error),
            ChoiceError::NoSetting(_)
            | ChoiceError::SeveralForDirectory
            | ChoiceError::TwoAssumed(..)
            | ChoiceError::NothingToAssume(_)
            | ChoiceError::NoHost => None,
        }
    }
}

impl From<KernelError> for ChoiceError {
    fn from(error: KernelError) -> ChoiceError {
        ChoiceError::Kernel(error)
    }
}

impl From<SwitchError> for ChoiceError {
    fn from(error: SwitchError) -> ChoiceError {
        ChoiceError::Switch(error)
    }
}

/// Why an object cannot be read, or an argument stands for none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputError {
    /// What was to be read.
    pub path: PathBuf,
    /// Why it cannot be, the path included.
    pub message: String,
    /// Whether it was read, and no object is there.
    pub is_empty: bool,
}

#[cfg(feature = "std-io")]
impl InputError {
    pub(crate) fn new(path: &std::path::Path, message: String) -> InputError {
        InputError {
            path: path.to_owned(),
            message,
            is_empty: false,
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for InputError {}

/// Why a load plan cannot be read.
#[derive(Clone, Debug)]
pub struct PlanFileError {
    message: String,
    cause: Option<Arc<io::Error>>,
}

impl PlanFileError {
    pub(crate) fn new(message: impl Into<String>) -> PlanFileError {
        PlanFileError {
            message: message.into(),
            cause: None,
        }
    }

    /// The same, with what it is about in front.
    pub(crate) fn of(self, what: impl fmt::Display) -> PlanFileError {
        PlanFileError {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }
}

impl From<io::Error> for PlanFileError {
    fn from(error: io::Error) -> PlanFileError {
        PlanFileError {
            message: error.to_string(),
            cause: Some(Arc::new(error)),
        }
    }
}

impl fmt::Display for PlanFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for PlanFileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_ref()?;
        Some(cause.as_ref())
    }
}

/// What is said of longer chains of programs that attach to one another than are followed.
pub(crate) const TOO_DEEP: &str = "more than 32 programs attach to one another";

/// Why there is no program at a place for others to attach to.
#[derive(Debug)]
#[non_exhaustive]
pub struct TargetError {
    /// The place, as it was asked for.
    pub place: String,
    /// What is wrong.
    pub why: NoTarget,
}

/// What is wrong with a place where a target was expected.
#[derive(Debug)]
#[non_exhaustive]
pub enum NoTarget {
    /// It is not `OBJECT:PROGRAM` or `OBJECT:PROGRAM/FUNCTION`.
    NoPlace,
    /// The object cannot be read.
    Input(InputError),
    /// The object cannot be opened.
    Open(OpenError),
    /// The load plans that it has cannot be read.
    PlanFile(PlanFileError),
    /// A load plan that it has does not fit it: the object's path, and why.
    Plan(PathBuf, PlanError),
    /// It has no such program: those that it has.
    NoProgram(Vec<String>),
    /// The program is not loaded.
    NotLoaded(NotLoaded),
    /// Too many programs attach to one another.
    TooDeep,
}

#[cfg(feature = "std-io")]
impl TargetError {
    pub(crate) fn new(place: &str, why: NoTarget) -> TargetError {
        let place = place.to_owned();
        TargetError { place, why }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.why {
            NoTarget::NoPlace => write!(f, "{place}: expected OBJECT:PROGRAM or OBJECT:PROGRAM/FUNCTION"),
            NoTarget::Input(error) => error.fmt(f),
            NoTarget::Open(error) => write!(f, "{place}: {error}"),
            NoTarget::PlanFile(error) => error.fmt(f),
            NoTarget::Plan(object, error) => write!(f, "{}: load plan: {error}", shown_path(object)),
            NoTarget::NoProgram(known) => write!(
                f,
                "{place}: no such program: expected one of {}",
                known.join(", ")
            ),
            NoTarget::NotLoaded(error) => write!(f, "{place}: nothing can attach to it: {error}"),
            NoTarget::TooDeep => write!(f, "{place}: {}", TOO_DEEP),
        }
    }
}

impl Error for TargetError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            NoTarget::Input(error) => Some(error),
            NoTarget::Open(error) => Some(error),
            NoTarget::PlanFile(error) => Some(error),
            NoTarget::Plan(_, error) => Some(error),
            NoTarget::NotLoaded(error) => Some(error),
            NoTarget::NoPlace | NoTarget::NoProgram(_) | NoTarget::TooDeep => None,
        }
    }
}

/// For programs that only print what went wrong: `?` in a function whose errors are words.
macro_rules! words {
    ($($error:ty),*) => {
        $(impl From<$error> for String {
            fn from(error: $error) -> String {
                error.to_string()
            }
        })*
    };
}

words!(ChoiceError, InputError, PlanFileError, TargetError);
