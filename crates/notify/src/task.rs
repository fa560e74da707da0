//! A task whose system call is being answered: its memory and its descriptors.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use crate::sys;

/// A thread of a descendant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task(pub(crate) i32);

/// An open descriptor of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Which file it is of: device and inode.
    pub file: (u64, u64),
    /// Whether it may read.
    pub reads: bool,
    /// Whether it may write.
    pub writes: bool,
}

/// Bytes of a page: memory that is there is there page by page.
const PAGE: usize = 4096;

impl Task {
    /// Its number.
    pub fn id(self) -> i32 {
        self.0
    }

    /// The task of a number.
    pub fn numbered(id: i32) -> Task {
        Task(id)
    }

    /// This process itself, for tests without another one.
    pub fn own() -> Task {
        Task(std::process::id() as i32)
    }

    /// Reads memory from an address on.
    ///
    /// # Errors
    /// `EFAULT` as an errno where the task itself could not read all of it; others when it may not be read.
    pub fn read(self, address: u64, bytes: &mut [u8]) -> Result<(), i32> {
        if bytes.is_empty() {
            return Ok(());
        }
        let read = sys::read_memory(self.0, address, bytes);
        if !is_forbidden(&read) {
            return whole(read, bytes.len());
        }
        let memory = File::open(self.memory()).map_err(|error| number(&error))?;
        memory.read_exact_at(bytes, address).map_err(|_| libc::EFAULT)
    }

    /// Writes memory from an address on.
    ///
    /// # Errors
    /// As [`Task::read`]. What comes before what cannot be written is written.
    pub fn write(self, address: u64, bytes: &[u8]) -> Result<(), i32> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = sys::write_memory(self.0, address, bytes);
        if !is_forbidden(&written) {
            return whole(written, bytes.len());
        }
        let memory = File::options().write(true).open(self.memory());
        let memory = memory.map_err(|error| number(&error))?;
        memory.write_all_at(bytes, address).map_err(|_| libc::EFAULT)
    }

    /// Reads a string that ends with a NUL, which is left out, among the first `most` bytes; `None` if none is there.
    ///
    /// # Errors
    /// As [`Task::read`].
    pub fn read_string(self, address: u64, most: usize) -> Result<Option<Vec<u8>>, i32> {
        let mut text = Vec::new();
        while text.len() < most {
            let at = address.wrapping_add(text.len() as u64);
            let piece = (PAGE - at as usize % PAGE).min(most - text.len());
            let mut bytes = vec![0; piece];
            self.read(at, &mut bytes)?;
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(bytes.get(..end).unwrap_or_default());
                return Ok(Some(text));
            }
            text.append(&mut bytes);
        }
        Ok(None)
    }

    /// What one of its descriptors is, if it is open.
    pub fn descriptor(self, number: i32) -> Option<Descriptor> {
        let path = self.link(number)?;
        let rights = fs::symlink_metadata(&path).ok()?.mode();
        let file = fs::metadata(&path).ok()?;
        Some(Descriptor {
            file: (file.dev(), file.ino()),
            reads: rights & 0o400 != 0,
            writes: rights & 0o200 != 0,
        })
    }

    /// The path of what a descriptor is of.
    pub fn descriptor_path(self, number: i32) -> Option<PathBuf> {
        fs::read_link(self.link(number)?).ok()
    }

    /// The kind of file system that a descriptor's file is on (statfs(2)).
    pub fn descriptor_file_system(self, number: i32) -> Option<u64> {
        sys::file_system(&self.link(number)?).ok()
    }

    /// Its working directory.
    pub fn directory(self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/cwd", self.0)).ok()
    }

    /// The files of all its descriptors.
    pub fn files(self) -> Vec<(u64, u64)> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.0));
        let open = entries.into_iter().flatten().flatten();
        open.filter_map(|entry| fs::metadata(entry.path()).ok())
            .map(|file| (file.dev(), file.ino()))
            .collect()
    }

    /// The files in memory that are mapped into it.
    pub fn mapped_files(self) -> Vec<(u64, u64)> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.0)).unwrap_or_default();
        let in_memory = maps.lines().filter(|line| line.contains("/memfd:"));
        in_memory.filter_map(mapped_file).collect()
    }

    fn memory(self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/mem", self.0))
    }

    fn link(self, number: i32) -> Option<PathBuf> {
        (number >= 0).then(|| PathBuf::from(format!("/proc/{}/fd/{number}", self.0)))
    }
}

/// Device and inode in a line of `/proc/PID/maps`: range, rights, offset, device, inode, path.
fn mapped_file(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_ascii_whitespace().skip(3);
    let (major, minor) = words.next()?.split_once(':')?;
    let (major, minor) = (
        u32::from_str_radix(major, 16).ok()?,
        u32::from_str_radix(minor, 16).ok()?,
    );
    let inode = words.next()?.parse().ok()?;
    Some((libc::makedev(major, minor), inode))
}

/// Whether the call is refused altogether, as containers do; the same memory is in a file, too.
fn is_forbidden(done: &io::Result<usize>) -> bool {
    let refused = |error: &io::Error| matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS));
    done.as_ref().is_err_and(refused)
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

fn whole(done: io::Result<usize>, wanted: usize) -> Result<(), i32> {
    match done {
        Ok(done) if done == wanted => Ok(()),
        Ok(_) => Err(libc::EFAULT),
        Err(error) => Err(number(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_and_written_or_faults() {
        let task = Task::own();
        let mut word = [1u8, 2, 3, 4];
        let address = word.as_mut_ptr().expose_provenance() as u64;
        let mut read = [0; 4];
        assert_eq!(task.read(address, &mut read), Ok(()));
        assert_eq!(read, [1, 2, 3, 4]);
        assert_eq!(task.write(address, &[9]), Ok(()));
        assert_eq!(std::hint::black_box(word)[0], 9);
        for wild in [0, 8, u64::MAX - 2, 1 << 63, 0x7fff_ffff_f000] {
            assert_eq!(task.read(wild, &mut read), Err(libc::EFAULT), "{wild:#x}");
            assert_eq!(task.write(wild, &read), Err(libc::EFAULT), "{wild:#x}");
            assert_eq!(task.read(wild, &mut []), Ok(()));
        }
    }

    #[test]
    fn strings_end_or_are_too_long() {
        let task = Task::own();
        let text = b"abc\0def";
        let address = text.as_ptr().expose_provenance() as u64;
        assert_eq!(task.read_string(address, 7), Ok(Some(b"abc".to_vec())));
        assert_eq!(task.read_string(address, 3), Ok(None));
        assert_eq!(task.read_string(0, 3), Err(libc::EFAULT));
    }

    #[test]
    fn descriptors_have_files_and_rights() {
        let file = sys::memory_file(c"test").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        let found = Task::own().descriptor(number).unwrap();
        assert!(found.reads && found.writes);
        let again = sys::open_again(&file, true, false).unwrap();
        let other = Task::own()
            .descriptor(std::os::fd::AsRawFd::as_raw_fd(&again))
            .unwrap();
        assert_eq!(other.file, found.file);
        assert!(other.reads && !other.writes);
        assert!(Task::own().files().contains(&found.file));
        assert_eq!(Task::own().descriptor(-1), None);
        assert_eq!(Task::own().descriptor(1 << 20), None);
        let path = Task::own().descriptor_path(number).unwrap();
        assert_eq!(path.to_string_lossy(), "/memfd:test (deleted)");
        let magic = Task::own().descriptor_file_system(number);
        assert_eq!(magic, Some(0x0102_1994)); // TMPFS_MAGIC
        assert_eq!(Task::own().descriptor_file_system(-1), None);
    }
}
