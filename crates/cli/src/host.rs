//! The running kernel as one of those that are asked: a capture of it, kept in the user's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::{env, process};

use verdict_capture::{CaptureError, Files, ask, find, machine, nearest, write_capture, write_rules};

use crate::run::note_once;

/// What names it in a list of kernels.
const HOST: &str = "host";

/// By which verdict a capture was made: another one may know more switches.
const MADE_BY: &str = "made-by";

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
    if is_of_running(&dir) && dir.join("semantics.toml").exists() {
        return Ok((dir, None));
    }
    let files = Files::of_machine(Path::new("/")).map_err(|e| e.to_string())?;
    let made = dir.with_file_name(format!("{HOST}.{}", process::id()));
    let asked = make(&made, &files);
    let assumed = match asked {
        Ok(()) => None,
        Err(CaptureError::Unprivileged(_)) => Some(assumed(&files, &made)?),
        Err(error) => return Err(error.to_string()),
    };
    let moved = replace(&made, &dir);
    moved.map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok((dir, assumed))
}

/// Whether a directory is a capture of the kernel that runs, made by this verdict.
fn is_of_running(dir: &Path) -> bool {
    let same = |kept: PathBuf, now: &str| fs::read_to_string(kept).is_ok_and(|kept| kept == now);
    let running = fs::read_to_string("/proc/version").unwrap_or_default();
    same(dir.join("version"), &running) && same(dir.join(MADE_BY), env!("CARGO_PKG_VERSION"))
}

fn make(dir: &Path, files: &Files) -> Result<(), CaptureError> {
    let once = "this takes a while, once";
    let mut begun = false;
    let asked = ask(files, |_| {
        if !std::mem::replace(&mut begun, true) {
            note_once(&format!(
                "capturing Linux {}, the running kernel: {once}",
                files.release()
            ));
        }
    })?;
    write_capture(dir, files, &asked)?;
    let found = find(files, |known| machine(Path::new("/"), known), &asked)?;
    write_rules(dir, files.release(), &found)?;
    sign(dir)
}

fn sign(dir: &Path) -> Result<(), CaptureError> {
    let path = dir.join(MADE_BY);
    fs::write(&path, env!("CARGO_PKG_VERSION")).map_err(|error| CaptureError::Io(path, error))
}

/// Writes the files alone, where the kernel cannot be asked; whose rules are assumed.
fn assumed(files: &Files, dir: &Path) -> Result<String, String> {
    files.write(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    sign(dir).map_err(|e| e.to_string())?;
    let kernel = files.under("6.12").map_err(|e| e.to_string())?;
    Ok(nearest(kernel.version).to_owned())
}

/// Puts what was made in the place of what is there.
fn replace(made: &Path, dir: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(made, dir)
}
