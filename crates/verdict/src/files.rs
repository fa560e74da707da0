//! Which objects an argument stands for, what they are called, and how they are read.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use verdict_kernel::printable;

use crate::InputError;
use crate::embedded::{self, Part};
use crate::matching;

/// Largest object that is read: no kernel takes as much.
const MAX_OBJECT: u64 = 256 << 20;

/// The argument that is standard input.
const STDIN: &str = "-";

/// Why something has no objects.
fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> InputError {
    InputError::new(path, format!("{}: {error}", shown_path(path)))
}

/// That something was read, and has none.
fn empty(path: &Path, error: &str) -> InputError {
    InputError {
        is_empty: true,
        ..unreadable(path, &error)
    }
}

/// As [`objects_in`](crate::objects_in), with what cannot be read in its place among the objects; an argument that stands
/// for nothing is a finding, too.
pub fn find_objects(argument: &Path) -> Vec<Result<PathBuf, InputError>> {
    if argument.is_dir() {
        return objects_below(argument);
    }
    if is_stream(argument) || argument.exists() || !matching::is_pattern(argument.as_os_str()) {
        return objects_of(argument).into_iter().map(Ok).collect();
    }
    let paths = match matching::paths(argument) {
        Ok(paths) => paths,
        Err(error) => return vec![Err(unreadable(argument, &error))],
    };
    let mut found = Vec::new();
    for path in paths {
        match path {
            Ok(path) if path.is_dir() => found.extend(objects_below(&path)),
            Ok(path) => found.extend(objects_of(&path).into_iter().map(Ok)),
            Err((path, error)) => found.push(Err(unreadable(&path, &error))),
        }
    }
    if found.is_empty() {
        found.push(Err(empty(argument, "no file matches")));
    }
    found
}

/// As the public one.
pub(crate) fn only_object_in(argument: &Path) -> Result<PathBuf, InputError> {
    let (mut objects, mut failed) = (Vec::new(), None);
    for found in find_objects(argument) {
        match found {
            Ok(path) => objects.push(path),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match (objects.pop(), objects.as_slice(), failed) {
        (_, _, Some(error)) => Err(error),
        (Some(path), [], None) => Ok(path),
        (last, others, None) => {
            let all: Vec<_> = others.iter().chain(&last).map(|path| shown_path(path)).collect();
            let listed = all
                .get(..MAX_LISTED.min(all.len()))
                .unwrap_or_default()
                .join(", ");
            let more = match all.len().saturating_sub(MAX_LISTED) {
                0 => String::new(),
                more => format!(" and {more} others"),
            };
            let words = format!("{} objects, name one of them: {listed}{more}", all.len());
            Err(unreadable(argument, &words))
        }
    }
}

/// Most objects that an error lists.
const MAX_LISTED: usize = 32;

/// As the public one, with errors in words, the name included.
pub(crate) fn read_object(path: &Path) -> Result<Vec<u8>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", shown_path(path));
    let missing = match Source::open(path) {
        Ok(mut source) => return read_part(&mut source, 0, u64::MAX).map_err(|e| named(&e)),
        Err(error) => named(&error),
    };
    let (container, name) = split(path).ok_or_else(|| missing.clone())?;
    let mut source = Source::open(&container).map_err(|_| missing)?;
    let parts = parts_of(&container, &mut source).map_err(|e| named(&e))?;
    let Some(part) = parts.iter().find(|part| part.name == name) else {
        let paths = paths(&container, &parts);
        let known: Vec<_> = paths.iter().map(|path| shown_path(path)).collect();
        return Err(match known.as_slice() {
            [] => named(&format!("no BPF object in {}", shown_path(&container))),
            known => named(&format!("no such object: expected one of {}", known.join(", "))),
        });
    };
    read_part(&mut source, part.offset, part.len).map_err(|e| named(&e))
}

/// The objects in a file. Those of the file that was searched last are known as long as it is the same: what is found in a
/// file is asked for one by one.
fn parts_of(path: &Path, source: &mut Source) -> io::Result<Arc<[Part]>> {
    type Found = (PathBuf, Option<(u64, SystemTime)>, Arc<[Part]>);
    static LAST: Mutex<Option<Found>> = Mutex::new(None);
    let age = source.age();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, then, parts)) = &*last
        && (known, then) == (&path.to_owned(), &age)
    {
        return Ok(Arc::clone(parts));
    }
    let parts: Arc<[Part]> = embedded::find(source)?.into();
    *last = Some((path.to_owned(), age, Arc::clone(&parts)));
    Ok(parts)
}

/// The file name of an object, by which libraries call it and its data maps; of what lies in another file, or comes from
/// standard input, the name that it has there.
pub fn object_name(path: &Path, bytes: &[u8]) -> String {
    if is_stream(path) {
        return embedded::name_of(bytes);
    }
    let within = (!path.exists()).then(|| split(path)).flatten();
    match (within, path.file_name()) {
        (Some((_, name)), _) => name,
        (None, name) => name.unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    }
}

/// What objects are called that are looked at together: their file names, and of those with one name as many of the
/// directories above as tell them apart.
pub fn distinct_names(paths: &[&Path]) -> Vec<String> {
    let backwards = |path: &Path| {
        path.components()
            .rev()
            .map(|part| part.as_os_str().to_owned())
            .collect::<Vec<_>>()
    };
    let mut all: Vec<_> = paths.iter().map(|path| backwards(path)).collect();
    all.sort();
    all.dedup();
    // Those that share most of their ends are neighbours.
    let common = |a: &[_], b: &[_]| a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let mut needed = BTreeMap::new();
    for (at, path) in all.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| all.get(before));
        let shared = before
            .into_iter()
            .chain(all.get(at + 1))
            .map(|other| common(path, other));
        needed.insert(path, shared.max().unwrap_or(0) + 1);
    }
    let name = |path: &Path| {
        let parts = backwards(path);
        let count = needed.get(&parts).copied().unwrap_or(1);
        let end: PathBuf = parts.iter().take(count).rev().collect();
        shown_path(&end)
    };
    paths.iter().map(|path| name(path)).collect()
}

/// A path as text: what is no UTF-8 and what terminals obey is escaped.
pub fn shown_path(path: &Path) -> String {
    printable::shown_path(path).into_owned()
}

/// The objects of a file that was named.
fn objects_of(path: &Path) -> Vec<PathBuf> {
    let own = || vec![path.to_owned()];
    let Ok(mut source) = Source::open(path) else {
        return own();
    };
    if embedded::is_object(&head(&mut source).unwrap_or_default()) {
        return own();
    }
    match parts_of(path, &mut source) {
        Ok(parts) if !parts.is_empty() => paths(path, &parts),
        _ => own(),
    }
}

/// The objects of a directory and of those in it, and what of it cannot be read, sorted; links to directories are not
/// followed.
fn objects_below(dir: &Path) -> Vec<Result<PathBuf, InputError>> {
    let (mut files, mut found) = (Vec::new(), Vec::new());
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) => {
                files.push((dir.clone(), Some(error.to_string())));
                continue;
            }
        };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(path),
                Ok(kind) if kind.is_file() => files.push((path, None)),
                Ok(kind) if kind.is_symlink() => match fs::metadata(&path) {
                    Ok(data) if data.is_file() => files.push((path, None)),
                    Err(error) if is_o(&path) => files.push((path, Some(error.to_string()))),
                    _ => {}
                },
                _ => {}
            }
        }
    }
    files.sort();
    for (path, error) in &files {
        match error {
            None => match objects_of_listed(path) {
                Ok(paths) => found.extend(paths.into_iter().map(Ok)),
                Err(error) => found.push(Err(unreadable(path, &error))),
            },
            Some(error) => found.push(Err(unreadable(path, error))),
        }
    }
    if found.is_empty() {
        found.push(Err(empty(dir, "no BPF object in this directory")));
    }
    found
}

/// The objects of a file that was found in a directory.
fn objects_of_listed(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut source = Source::open(path)?;
    let head = head(&mut source)?;
    if embedded::is_object(&head) {
        return Ok(vec![path.to_owned()]);
    }
    let parts = match embedded::may_contain(&head) {
        true => parts_of(path, &mut source)?,
        false => Arc::default(),
    };
    Ok(match &*parts {
        [] if is_o(path) => vec![path.to_owned()],
        parts => paths(path, parts),
    })
}

fn is_o(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "o")
}

/// What bytes are read from.
enum Source {
    File(File),
    Memory(Cursor<Arc<[u8]>>),
}

impl Source {
    fn open(path: &Path) -> io::Result<Source> {
        if is_stream(path) {
            return stream(path).map(|bytes| Source::Memory(Cursor::new(bytes)));
        }
        File::open(path).map(Source::File)
    }

    /// Size and time of the last change of a file; what was read into memory stays.
    fn age(&self) -> Option<(u64, SystemTime)> {
        match self {
            Source::File(file) => {
                let data = file.metadata().ok()?;
                Some((data.len(), data.modified().ok()?))
            }
            Source::Memory(_) => None,
        }
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::File(file) => file.read(into),
            Source::Memory(bytes) => bytes.read(into),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Source::File(file) => file.seek(to),
            Source::Memory(bytes) => bytes.seek(to),
        }
    }
}

/// Whether a name is one of something that can be read once only: standard input, a pipe.
fn is_stream(path: &Path) -> bool {
    path == Path::new(STDIN) || fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir())
}

/// What a stream had to say, which is read when it is first asked for.
fn stream(path: &Path) -> io::Result<Arc<[u8]>> {
    type Bytes = Result<Arc<[u8]>, String>;
    static READ: Mutex<BTreeMap<PathBuf, Bytes>> = Mutex::new(BTreeMap::new());
    let read = |mut from: &mut dyn Read| -> Bytes {
        let mut bytes = Vec::new();
        let read = Read::take(&mut from, MAX_OBJECT + 1).read_to_end(&mut bytes);
        read.map(|_| bytes.into()).map_err(|error| error.to_string())
    };
    let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = known
        .entry(path.to_owned())
        .or_insert_with(|| match path == Path::new(STDIN) {
            true => read(&mut io::stdin().lock()),
            false => File::open(path)
                .map_err(|error| error.to_string())
                .and_then(|mut file| read(&mut file)),
        });
    bytes.clone().map_err(io::Error::other)
}

/// The first bytes of a file.
fn head(source: &mut Source) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(embedded::HEADER as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// At most so many bytes from an offset on.
fn read_part(source: &mut Source, offset: u64, len: u64) -> Result<Vec<u8>, String> {
    source.seek(SeekFrom::Start(offset)).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let limit = len.min(MAX_OBJECT + 1);
    source
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_OBJECT {
        return Err(format!("larger than {} MiB", MAX_OBJECT >> 20));
    }
    Ok(bytes)
}

/// What objects in a file are called on the command line.
fn paths(container: &Path, parts: &[Part]) -> Vec<PathBuf> {
    let path = |part: &Part| {
        let mut path = container.as_os_str().to_owned();
        path.push(":");
        path.push(&part.name);
        PathBuf::from(path)
    };
    parts.iter().map(path).collect()
}

/// The file of `FILE:NAME`, and the name.
#[cfg(unix)]
fn split(path: &Path) -> Option<(PathBuf, String)> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = path.as_os_str().as_bytes();
    let colon = bytes.iter().rposition(|byte| *byte == b':')?;
    let (file, name) = bytes.split_at_checked(colon)?;
    let name = String::from_utf8(name.get(1..)?.to_vec()).ok()?;
    Some((PathBuf::from(OsStr::from_bytes(file)), name))
}

/// The file of `FILE:NAME`, and the name.
#[cfg(not(unix))]
fn split(path: &Path) -> Option<(PathBuf, String)> {
    let (file, name) = path.to_str()?.rsplit_once(':')?;
    Some((PathBuf::from(OsStr::new(file)), name.to_owned()))
}
