//! The running kernel as one of those that are asked: a capture of it, kept in the user's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::{env, process};

use verdict_capture::{CaptureError, Files, ask, fingerprint, may_load, nearest, write_settled};

use crate::run::note_once;

/// What names it in a list of kernels.
const HOST: &str = "host";

/// Names the verdict by which a capture was made: another one may ask more, or know more switches.
const MADE_BY: &str = "made-by";

/// Names the known kernel whose rules are assumed, where the kernel could not be asked.
const ASSUMED: &str = "assumed";

/// The directory of the capture, and what is assumed, if the running kernel is named in one of these lists. Why there is none is
/// said on standard error.
pub(crate) fn named_in(lists: &[String]) -> Option<(PathBuf, Option<String>)> {
    let mut names = lists.iter().flat_map(|list| list.split(','));
    names.any(|name| name.trim() == HOST).then_some(())?;
    match directory() {
        Ok(found) => Some(found),
        Err(why) => {
            note_once(&why);
            None
        }
    }
}

/// Where captures are kept.
fn cache() -> Result<PathBuf, String> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let dir = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    let dir = dir.ok_or("neither XDG_CACHE_HOME nor HOME names a directory, in which the capture of the running kernel is kept")?;
    Ok(dir.join("verdict"))
}

fn directory() -> Result<(PathBuf, Option<String>), String> {
    let dir = cache()?.join(HOST);
    if is_of_running(&dir) {
        match fs::read_to_string(dir.join(ASSUMED)) {
            Err(_) => return Ok((dir, None)),
            // Who may ask by now does.
            Ok(assumed) if may_load().is_err() => return Ok((dir, Some(assumed))),
            Ok(_) => {}
        }
    }
    let made = dir.with_file_name(format!("{HOST}.{}", process::id()));
    let assumed = make(&made).inspect_err(|_| drop(fs::remove_dir_all(&made)))?;
    match replace(&made, &dir) {
        // Another process may have been faster.
        Err(error) if !is_of_running(&dir) => Err(format!("{}: {error}", dir.display())),
        _ => Ok((dir, assumed)),
    }
}

/// Whether a directory is a capture of the kernel that runs, made by this verdict.
fn is_of_running(dir: &Path) -> bool {
    let same = |kept: PathBuf, now: &str| fs::read_to_string(kept).is_ok_and(|kept| kept == now);
    let running = fs::read_to_string("/proc/version").unwrap_or_default();
    same(dir.join("version"), &running) && same(dir.join(MADE_BY), &maker())
}

/// What names this verdict.
fn maker() -> String {
    format!("{} {:016x}\n", env!("CARGO_PKG_VERSION"), fingerprint())
}

/// Captures the running kernel into a directory, which is finished when it says by whom. Gives the known kernel whose rules are
/// assumed where it cannot be asked.
fn make(dir: &Path) -> Result<Option<String>, String> {
    let files = Files::of_machine(Path::new("/")).map_err(|e| e.to_string())?;
    let assumed = match ask(&files, |_| {}) {
        Err(CaptureError::Unprivileged(_)) => Some(assumed(&files, dir)?),
        asked => {
            let asked = asked.map_err(|e| e.to_string())?;
            write_settled(dir, &files, &asked).map_err(|e| e.to_string())?;
            None
        }
    };
    write(dir, MADE_BY, &maker())?;
    Ok(assumed)
}

/// Writes the files alone, where the kernel cannot be asked; whose rules are assumed.
fn assumed(files: &Files, dir: &Path) -> Result<String, String> {
    files.write(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let kernel = files.under("6.12").map_err(|e| e.to_string())?;
    let name = nearest(kernel.version).to_owned();
    write(dir, ASSUMED, &name)?;
    Ok(name)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = dir.join(name);
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Puts what was made in the place of what is there; removes it if it cannot.
fn replace(made: &Path, dir: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(made, dir),
    }
    .inspect_err(|_| drop(fs::remove_dir_all(made)))
}
