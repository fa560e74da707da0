//! Which objects an argument stands for.

use std::fs;
use std::path::{Path, PathBuf};

/// The objects that an argument stands for: itself, the `*.o` files of a directory, or what a glob matches,
/// sorted.
///
/// # Errors
/// When there is nothing of that name.
pub fn objects_in(argument: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = argument.display();
    if argument.is_dir() {
        let entries = fs::read_dir(argument).map_err(|e| format!("{shown}: {e}"))?;
        let mut found: Vec<_> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect();
        found.retain(|path| path.extension().is_some_and(|end| end == "o"));
        found.sort();
        return if found.is_empty() {
            Err(format!("{shown}: no *.o file in this directory"))
        } else {
            Ok(found)
        };
    }
    let text = argument.to_string_lossy();
    if argument.exists() || !text.contains(['*', '?', '[']) {
        return Ok(vec![argument.to_owned()]);
    }
    let paths = glob::glob(&text).map_err(|e| format!("{shown}: {e}"))?;
    let found: Vec<_> = paths.filter_map(Result::ok).collect();
    if found.is_empty() {
        Err(format!("{shown}: no file matches"))
    } else {
        Ok(found)
    }
}
