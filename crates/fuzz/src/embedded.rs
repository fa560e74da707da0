//! Files with objects in them.

use std::fs;
use std::path::PathBuf;

use verdict::{distinct_names, find_objects, object_name, read_object, shown_path, unfit};

/// A file that goes with its owner.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Finds the objects in a file, names and reads them.
pub fn embedded(bytes: &[u8]) {
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    let name = format!("verdict-fuzz-{}-{thread}", std::process::id());
    let file = File(std::env::temp_dir().join(name));
    if fs::write(&file.0, bytes).is_err() {
        return;
    }
    let parts: Vec<_> = find_objects(&file.0).into_iter().flatten().collect();
    for part in &parts {
        let _ = shown_path(part);
        if let Ok(object) = read_object(part) {
            let _ = (object_name(part, &object), unfit(part, &object));
        }
    }
    let paths: Vec<_> = parts.iter().map(PathBuf::as_path).collect();
    let _ = distinct_names(&paths);
}
