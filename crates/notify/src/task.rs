//! A task whose system call is being answered: its memory and its descriptors.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use crate::sys;

/// A thread of a descendant.
///
/// A number of a task may be another task's once this one is gone. What is read of a task whose system call waits is given
/// out only if, after it was read, the call still waits: then it was that task's. Memory is written only after the same
/// question; between it and the write a few instructions pass in which a killed task's number would have to be given out
/// anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    id: i32,
    asks: Option<Asks>,
}

/// A system call that waits: the listener's descriptor, and the number of the call there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asks {
    listener: RawFd,
    call: u64,
}

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
    /// The task of a system call that waits for the listener's answer.
    pub(crate) fn asking(id: i32, listener: BorrowedFd<'_>, call: u64) -> Task {
        let listener = listener.as_raw_fd();
        Task {
            id,
            asks: Some(Asks { listener, call }),
        }
    }

    /// Its number.
    pub fn id(self) -> i32 {
        self.id
    }

    /// The task of a number, whoever that is.
    pub fn numbered(id: i32) -> Task {
        Task { id, asks: None }
    }

    /// This process itself, for tests without another one.
    pub fn own() -> Task {
        Task::numbered(std::process::id() as i32)
    }

    /// Whether its system call still waits, if it is known by one.
    fn is_there(self) -> bool {
        self.asks
            .is_none_or(|asks| sys::is_waiting(asks.listener, asks.call))
    }

    /// What was found out about it, if it is still there.
    fn while_there<T>(self, found: Result<T, i32>) -> Result<T, i32> {
        if self.is_there() { found } else { Err(libc::ESRCH) }
    }

    /// Reads memory from an address on.
    ///
    /// # Errors
    /// `EFAULT` as an errno where the task itself could not read all of it; `ESRCH` when it is gone; others when it may not
    /// be read.
    pub fn read(self, address: u64, bytes: &mut [u8]) -> Result<(), i32> {
        if bytes.is_empty() {
            return Ok(());
        }
        let read = sys::read_memory(self.id, address, bytes);
        let read = match is_forbidden(&read) {
            false => whole(read, bytes.len()),
            true => File::open(self.memory())
                .map_err(|error| number(&error))
                .and_then(|memory| memory.read_exact_at(bytes, address).map_err(|_| libc::EFAULT)),
        };
        self.while_there(read)
    }

    /// Writes memory from an address on.
    ///
    /// # Errors
    /// As [`Task::read`]. What comes before what cannot be written is written.
    pub fn write(self, address: u64, bytes: &[u8]) -> Result<(), i32> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.while_there(Ok(()))?;
        let written = sys::write_memory(self.id, address, bytes);
        if !is_forbidden(&written) {
            return self.while_there(whole(written, bytes.len()));
        }
        let memory = File::options().write(true).open(self.memory());
        // The file is of the memory that the task has now, whoever has its number later.
        let memory = self.while_there(memory.map_err(|error| number(&error)))?;
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
        let file = sys::file_of(&path).ok().filter(|_| self.is_there())?;
        Some(Descriptor {
            file,
            reads: rights & 0o400 != 0,
            writes: rights & 0o200 != 0,
        })
    }

    /// A descriptor of our own of what one of its descriptors is of (pidfd_getfd(2)).
    pub fn copy(self, number: i32) -> Option<OwnedFd> {
        let about = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let group = about.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
        let copied = sys::copy_descriptor(group.trim().parse().ok()?, number);
        copied.ok().filter(|_| self.is_there())
    }

    /// Whether an exec closes a descriptor.
    pub fn closes(self, number: i32) -> bool {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/{number}", self.id));
        let flags = info.ok().and_then(|info| {
            let line = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
            i32::from_str_radix(line.trim(), 8).ok()
        });
        flags.is_some_and(|flags| flags & libc::O_CLOEXEC != 0)
    }

    /// The path of what a descriptor is of.
    pub fn descriptor_path(self, number: i32) -> Option<PathBuf> {
        fs::read_link(self.link(number)?).ok().filter(|_| self.is_there())
    }

    /// The kind of file system that a descriptor's file is on (statfs(2)).
    pub fn descriptor_file_system(self, number: i32) -> Option<u64> {
        sys::file_system(&self.link(number)?)
            .ok()
            .filter(|_| self.is_there())
    }

    /// Its working directory.
    pub fn directory(self) -> Option<PathBuf> {
        let link = fs::read_link(format!("/proc/{}/cwd", self.id));
        link.ok().filter(|_| self.is_there())
    }

    /// The files of all its descriptors.
    pub fn files(self) -> Vec<(u64, u64)> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.id));
        let open = entries.into_iter().flatten().flatten();
        open.filter_map(|entry| sys::file_of(&entry.path()).ok())
            .collect()
    }

    /// The files in memory that are mapped into it, and whether shared to be written.
    pub fn mapped_files(self) -> Vec<((u64, u64), bool)> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.id)).unwrap_or_default();
        let in_memory = maps.lines().filter(|line| line.contains("/memfd:"));
        in_memory.filter_map(mapped_file).collect()
    }

    fn memory(self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/mem", self.id))
    }

    fn link(self, number: i32) -> Option<PathBuf> {
        (number >= 0).then(|| PathBuf::from(format!("/proc/{}/fd/{number}", self.id)))
    }
}

/// Device and inode in a line of `/proc/PID/maps`, and whether it is shared to be written: range, rights, offset, device,
/// inode, path.
fn mapped_file(line: &str) -> Option<((u64, u64), bool)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let rights = words.next()?.as_bytes();
    let writes = matches!(rights, [_, b'w', _, b's']);
    let mut words = words.skip(1);
    let (major, minor) = words.next()?.split_once(':')?;
    let (major, minor) = (
        u32::from_str_radix(major, 16).ok()?,
        u32::from_str_radix(minor, 16).ok()?,
    );
    let inode = words.next()?.parse().ok()?;
    Some(((libc::makedev(major, minor), inode), writes))
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
    use std::os::fd::AsFd;

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
    fn a_file_takes_nothing() {
        use std::io::Write;
        let mut file = sys::unwritable_file().unwrap();
        let refused = file.write_all(b"p:x do_exit\n").unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn of_a_task_that_is_gone_nothing_is_known() {
        // No listener that a call waits for: as when the task was killed, and its number is another one's now.
        let nobody = sys::memory_file(c"nobody").unwrap();
        let own = Task::own();
        let gone = Task::asking(own.id(), nobody.as_fd(), 1);
        let mut word = [1u8, 2, 3, 4];
        let address = word.as_mut_ptr().expose_provenance() as u64;
        assert_eq!(own.read(address, &mut [0; 4]), Ok(()));
        assert_eq!(gone.read(address, &mut [0; 4]), Err(libc::ESRCH));
        assert_eq!(gone.write(address, &[9]), Err(libc::ESRCH));
        assert_eq!(std::hint::black_box(word)[0], 1);
        assert_eq!(gone.read_string(address, 4), Err(libc::ESRCH));
        let number = nobody.as_raw_fd();
        assert!(own.descriptor(number).is_some() && gone.descriptor(number).is_none());
        assert!(own.descriptor_path(number).is_some() && gone.descriptor_path(number).is_none());
        assert!(own.directory().is_some() && gone.directory().is_none());
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
    fn mappings_have_files_and_rights() {
        let of = |rights: &str| {
            mapped_file(&format!(
                "7f00-7f01 {rights} 00000000 00:01 77   /memfd:x (deleted)"
            ))
        };
        assert_eq!(of("rw-s"), Some(((1, 77), true)));
        assert_eq!(of("r--s"), Some(((1, 77), false)));
        assert_eq!(of("rw-p"), Some(((1, 77), false)));
        assert_eq!(mapped_file("7f00-7f01"), None);
    }

    #[test]
    fn descriptors_have_files_and_rights() {
        let file = sys::memory_file(c"test").unwrap();
        let number = file.as_raw_fd();
        let found = Task::own().descriptor(number).unwrap();
        assert!(found.reads && found.writes);
        let again = sys::open_again(&file, true, false).unwrap();
        let other = Task::own().descriptor(again.as_raw_fd()).unwrap();
        assert_eq!(other.file, found.file);
        assert!(other.reads && !other.writes);
        let named = file.metadata().unwrap();
        assert_eq!(found.file, (named.dev(), named.ino()));
        assert!(Task::own().files().contains(&found.file));
        assert_eq!(Task::own().descriptor(-1), None);
        assert_eq!(Task::own().descriptor(1 << 20), None);
        let path = Task::own().descriptor_path(number).unwrap();
        assert_eq!(path.to_string_lossy(), "/memfd:test (deleted)");
        let magic = Task::own().descriptor_file_system(number);
        assert_eq!(magic, Some(0x0102_1994)); // TMPFS_MAGIC
        assert_eq!(Task::own().descriptor_file_system(-1), None);
        let copy = Task::own().copy(number).unwrap();
        let copied = Task::own().descriptor(copy.as_raw_fd()).unwrap();
        assert_eq!(copied.file, found.file);
        assert!(Task::own().copy(-1).is_none());
        assert!(Task::own().closes(number) && !Task::own().closes(1) && !Task::own().closes(-1));
    }
}
