//! Reading objects by the arguments that stand for them.

use std::path::{Path, PathBuf};

use crate::{InputError, files};

pub use crate::files::{distinct_names, find_objects, object_name, shown_path};

/// The objects that an argument stands for: a BPF object itself; those that another file has in it (a binary
/// with skeletons, an archive), as `FILE:NAME`; of a directory all files below it that are objects or have some; of a
/// glob all that it matches, sorted; `-` is standard input. [`read_object`] reads them.
///
/// A file that has no object in it stands for itself: whoever opens it will say what is wrong.
///
/// # Errors
/// When there is nothing of that name, or the first thing below a directory that cannot be read.
pub fn objects_in(argument: &Path) -> Result<Vec<PathBuf>, InputError> {
    find_objects(argument).into_iter().collect()
}

/// The only object that an argument stands for.
///
/// # Errors
/// When there are several, with their names, or what [`find_objects`] says where there is none.
pub fn only_object_in(argument: &Path) -> Result<PathBuf, InputError> {
    files::only_object_in(argument)
}

/// Reads an object that [`objects_in`] has named.
///
/// # Errors
/// When it cannot be read.
pub fn read_object(path: &Path) -> Result<Vec<u8>, InputError> {
    files::read_object(path).map_err(|message| InputError::new(path, message))
}
