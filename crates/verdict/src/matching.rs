//! Paths that match a pattern of a shell, whatever bytes their names are made of.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use glob::{Pattern, PatternError};

/// A path that matches, or what cannot be read on the way to some.
type Found = Result<PathBuf, (PathBuf, io::Error)>;

/// The part of a pattern that stands for any number of directories.
const ANY_DEPTH: &str = "**";

/// Whether a name is a pattern.
pub(crate) fn is_pattern(name: &OsStr) -> bool {
    name.as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// The paths that match, sorted by their parts.
///
/// # Errors
/// When a part of it is none that can match.
pub(crate) fn paths(pattern: &Path) -> Result<Vec<Found>, PatternError> {
    let mut found: Vec<Found> = vec![Ok(PathBuf::new())];
    for part in pattern.components() {
        let name = part.as_os_str();
        found = match part {
            Component::Normal(_) if name == ANY_DEPTH => each(found, with_all_below),
            Component::Normal(_) if is_pattern(name) => {
                let wanted = Names::of(name)?;
                each(found, |dir| entries_of(dir, |entry| wanted.has(entry)))
            }
            _ => each(found, |dir| vec![Ok(dir.join(name))]),
        };
    }
    let is_there = |path: &Found| path.as_ref().map_or(true, |path| path.symlink_metadata().is_ok());
    found.retain(is_there);
    // Two ways may lead to one path.
    let mut seen = BTreeSet::new();
    found.retain(|path| path.as_ref().map_or(true, |path| seen.insert(path.clone())));
    Ok(found)
}

/// What each of the paths leads to.
fn each(paths: Vec<Found>, mut step: impl FnMut(&Path) -> Vec<Found>) -> Vec<Found> {
    let lead = |path: Found| match path {
        Ok(path) => step(&path),
        error => vec![error],
    };
    paths.into_iter().flat_map(lead).collect()
}

/// A directory and all below it; links are not followed.
fn with_all_below(dir: &Path) -> Vec<Found> {
    let (mut found, mut waiting) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = waiting.pop() {
        for entry in entries_of(&dir, |_| true).into_iter().rev() {
            match entry {
                Ok(path) if is_own_directory(&path) => waiting.push(path),
                Ok(_) => {}
                error => found.push(error),
            }
        }
        found.push(Ok(dir));
    }
    found
}

fn is_own_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// The wanted entries of a directory, sorted; what is no directory has none.
fn entries_of(dir: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> Vec<Found> {
    let read_from = match dir.as_os_str().is_empty() {
        true => Path::new("."),
        false => dir,
    };
    if !read_from.is_dir() {
        return Vec::new();
    }
    let entries = match fs::read_dir(read_from) {
        Ok(entries) => entries,
        Err(error) => return vec![Err((read_from.to_owned(), error))],
    };
    let (mut names, mut errors) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Ok(entry) => names.push(entry.file_name()),
            Err(error) => errors.push(Err((read_from.to_owned(), error))),
        }
    }
    names.retain(|name| is_wanted(name));
    names.sort();
    errors.extend(names.into_iter().map(|name| Ok(dir.join(name))));
    errors
}

/// Names that match.
struct Names {
    pattern: Pattern,
    /// Whether the pattern is of bytes, each of which is taken for a character.
    of_bytes: bool,
}

impl Names {
    fn of(name: &OsStr) -> Result<Names, PatternError> {
        let of_bytes = name.to_str().is_none();
        let pattern = Pattern::new(&text(name, of_bytes))?;
        Ok(Names { pattern, of_bytes })
    }

    fn has(&self, name: &OsStr) -> bool {
        self.pattern.matches(&text(name, self.of_bytes))
    }
}

/// A name as text: what is no UTF-8 of it as a character that nothing but a pattern's own signs can match, or each of its
/// bytes as one.
fn text(name: &OsStr, of_bytes: bool) -> String {
    match of_bytes {
        true => name.as_encoded_bytes().iter().copied().map(char::from).collect(),
        false => name.to_string_lossy().into_owned(),
    }
}
