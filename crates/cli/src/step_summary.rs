//! The page that a step of GitHub's CI shows: Markdown, added to the file that `GITHUB_STEP_SUMMARY` names.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use verdict::shown_path;

/// Adds to the page, where there is one.
///
/// # Errors
/// Names the file that cannot be written.
pub(crate) fn append(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(path);
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|file| {
            let mut page = BufWriter::new(file);
            write(&mut page)?;
            page.flush()
        });
    written.map_err(|e| format!("GITHUB_STEP_SUMMARY: {}: {e}", shown_path(&path)))
}
