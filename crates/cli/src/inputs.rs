//! What the arguments stand for, and what it is called.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use verdict::{InputError, distinct_names, find_objects, only_object_in, read_object, shown_path};
use verdict_report::read_rows;

/// An object that is asked about, or something among the arguments that is none.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// Where it lies, as it was named.
    pub(crate) path: PathBuf,
    /// What it is called in answers.
    pub(crate) name: String,
    /// Why it cannot be read.
    pub(crate) unreadable: Option<String>,
}

/// The objects of the arguments, in order; what cannot be read, and an argument that stands for nothing, keeps its place.
pub(crate) fn expand(arguments: &[PathBuf]) -> Vec<Input> {
    let found: Vec<_> = arguments
        .iter()
        .flat_map(|argument| find_objects(argument))
        .collect();
    let (paths, errors): (Vec<_>, Vec<_>) = found
        .into_iter()
        .map(|one| match one {
            Ok(path) => (path, None),
            Err(unreadable) => (unreadable.path, Some(unreadable.message)),
        })
        .unzip();
    let names = distinct_names(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    let all = paths.into_iter().zip(names).zip(errors);
    all.map(|((path, name), unreadable)| Input {
        path,
        name,
        unreadable,
    })
    .collect()
}

/// The object that an argument stands for, where there is to be one only.
pub(crate) fn only(argument: &Path) -> Result<Input, String> {
    let path = only_object_in(argument)?;
    let name = distinct_names(&[&path]).pop().unwrap_or_default();
    Ok(Input {
        path,
        name,
        unreadable: None,
    })
}

/// Whether what was found is that there is nothing.
fn nothing(found: &Result<PathBuf, InputError>) -> bool {
    found.as_ref().is_err_and(|unreadable| unreadable.is_empty)
}

/// Takes out directories without an object in them, where these are allowed.
pub(crate) fn forget_empty(arguments: &mut Vec<PathBuf>, allowed: bool) {
    if allowed {
        arguments.retain(|argument| !argument.is_dir() || !find_objects(argument).iter().all(nothing));
    }
}

/// How the names of files with recorded figures end.
const RECORDED: [&str; 3] = ["csv", "json", "jsonl"];
/// Longest heading of such a file.
const HEADING: u64 = 4096;

/// Whether a file has recorded figures, and is none with objects: it is called so, or begins so.
pub(crate) fn is_recorded(path: &Path) -> bool {
    let ends = |end: &OsStr| RECORDED.iter().any(|one| end == *one);
    if path.extension().is_some_and(ends) {
        return true;
    }
    if path.is_dir() {
        return false;
    }
    // What cannot be read has no heading.
    let mut head = Vec::new();
    match path.is_file().then(|| File::open(path)) {
        Some(Ok(file)) => drop(file.take(HEADING).read_to_end(&mut head)),
        _ => head = read_object(path).unwrap_or_default(),
    }
    let text = String::from_utf8_lossy(&head);
    let line = text.lines().next().unwrap_or_default();
    line.starts_with('{') || !line.is_empty() && read_rows(line).is_ok()
}

/// Reads a file with text, or `-`.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read_object(path)?;
    String::from_utf8(bytes).map_err(|error| format!("{}: {error}", shown_path(path)))
}
