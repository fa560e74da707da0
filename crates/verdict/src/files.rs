//! Which objects an argument stands for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::embedded::{self, Part};

/// Largest object that is read: no kernel takes as much.
const MAX_OBJECT: u64 = 256 << 20;

/// As the public one, with errors in words.
pub(crate) fn objects_in(argument: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = argument.display();
    if argument.is_dir() {
        let mut found = Vec::new();
        for file in files_below(argument)? {
            found.extend(objects_of_listed(&file));
        }
        return if found.is_empty() {
            Err(format!("{shown}: no BPF object in this directory"))
        } else {
            Ok(found)
        };
    }
    let text = argument.to_string_lossy();
    if argument.exists() || !text.contains(['*', '?', '[']) {
        return Ok(objects_of(argument));
    }
    let paths = glob::glob(&text).map_err(|e| format!("{shown}: {e}"))?;
    let matched: Vec<_> = paths.filter_map(Result::ok).collect();
    if matched.is_empty() {
        Err(format!("{shown}: no file matches"))
    } else {
        Ok(matched.iter().flat_map(|path| objects_of(path)).collect())
    }
}

/// As the public one, with errors in words, the name included.
pub(crate) fn read_object(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let missing = match File::open(path) {
        Ok(mut file) => return read_part(&mut file, 0, u64::MAX).map_err(|e| format!("{shown}: {e}")),
        Err(error) => format!("{shown}: {error}"),
    };
    let (container, wanted) = split(path).ok_or_else(|| missing.clone())?;
    let mut file = File::open(&container).map_err(|_| missing)?;
    let parts = embedded::find(&mut file).map_err(|e| format!("{shown}: {e}"))?;
    let names = names(&container, &parts);
    let found = parts
        .iter()
        .zip(&names)
        .find(|(part, name)| wanted.map_or(*name == path, |offset| part.offset == offset));
    let Some((part, _)) = found else {
        let known: Vec<_> = names.iter().map(|name| name.display().to_string()).collect();
        return Err(match known.as_slice() {
            [] => format!("{shown}: no BPF object in {}", container.display()),
            known => format!("{shown}: no such object: expected one of {}", known.join(", ")),
        });
    };
    read_part(&mut file, part.offset, part.len).map_err(|e| format!("{shown}: {e}"))
}

/// The objects of a file that was named.
fn objects_of(path: &Path) -> Vec<PathBuf> {
    let own = || vec![path.to_owned()];
    let Ok(mut file) = File::open(path) else {
        return own();
    };
    if !is_regular(&file) || embedded::is_object(&head(&mut file)) {
        return own();
    }
    match embedded::find(&mut file) {
        Ok(parts) if !parts.is_empty() => names(path, &parts),
        _ => own(),
    }
}

/// The objects of a file that was found in a directory.
fn objects_of_listed(path: &Path) -> Vec<PathBuf> {
    let is_o = path.extension().is_some_and(|end| end == "o");
    let Ok(mut file) = File::open(path) else {
        return if is_o { vec![path.to_owned()] } else { Vec::new() };
    };
    let head = head(&mut file);
    if embedded::is_object(&head) {
        return vec![path.to_owned()];
    }
    let parts = if embedded::may_contain(&head) {
        embedded::find(&mut file).unwrap_or_default()
    } else {
        Vec::new()
    };
    match parts.as_slice() {
        [] if is_o => vec![path.to_owned()],
        parts => names(path, parts),
    }
}

/// Regular files of a directory and of those in it, sorted; links to directories are not followed.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        let entries = fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(path),
                Ok(kind) if kind.is_file() => files.push(path),
                Ok(kind) if kind.is_symlink() && path.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|data| data.is_file())
}

/// The first bytes of a file.
fn head(file: &mut File) -> Vec<u8> {
    let mut head = Vec::new();
    // What cannot be read has no beginning that we know.
    let _ = file.take(embedded::HEADER as u64).read_to_end(&mut head);
    head
}

/// At most so many bytes from an offset on.
fn read_part(file: &mut File, offset: u64, len: u64) -> Result<Vec<u8>, String> {
    file.seek(SeekFrom::Start(offset)).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let limit = len.min(MAX_OBJECT + 1);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_OBJECT {
        return Err(format!("larger than {} MiB", MAX_OBJECT >> 20));
    }
    Ok(bytes)
}

/// What objects in a file are called: by their name, or by their offset where that is not unique.
fn names(container: &Path, parts: &[Part]) -> Vec<PathBuf> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in parts.iter().filter_map(|part| part.name.as_deref()) {
        *count.entry(name).or_default() += 1;
    }
    let path = |part: &Part| {
        let mut path = container.as_os_str().to_owned();
        match part.name.as_deref().filter(|name| count.get(name) == Some(&1)) {
            Some(name) => path.push(format!(":{name}")),
            None => path.push(format!("@{:#x}", part.offset)),
        }
        PathBuf::from(path)
    };
    parts.iter().map(path).collect()
}

/// The file of `FILE:NAME` and `FILE@OFFSET`, and the offset.
fn split(path: &Path) -> Option<(PathBuf, Option<u64>)> {
    let text = path.to_str()?;
    if let Some((file, offset)) = text.rsplit_once("@0x")
        && let Ok(offset) = u64::from_str_radix(offset, 16)
    {
        return Some((PathBuf::from(file), Some(offset)));
    }
    let (file, _) = text.rsplit_once(':')?;
    Some((PathBuf::from(file), None))
}
