//! Reading objects by the arguments that stand for them.

use std::path::{Path, PathBuf};

use crate::{InputError, files};

/// The objects that an argument stands for: a BPF object itself; those that another file has in it (a binary
/// with skeletons, an archive), as `FILE:NAME` or `FILE@OFFSET`; of a directory all files below it that are
/// objects or have some; of a glob all that it matches, sorted. [`read_object`] reads them.
///
/// A file that has no object in it stands for itself: whoever opens it will say what is wrong.
///
/// # Errors
/// When there is nothing of that name.
pub fn objects_in(argument: &Path) -> Result<Vec<PathBuf>, InputError> {
    files::objects_in(argument).map_err(|message| InputError::new(argument, message))
}

/// Reads an object that [`objects_in`] has named.
///
/// # Errors
/// When it cannot be read.
pub fn read_object(path: &Path) -> Result<Vec<u8>, InputError> {
    files::read_object(path).map_err(|message| InputError::new(path, message))
}
