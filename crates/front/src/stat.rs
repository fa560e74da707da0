//! Answers of stat(2) and its like, as bytes of the structs that x86-64 passes.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// A `struct stat`.
pub(crate) fn stat(found: &Metadata) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(144);
    let mut word = |value: u64| bytes.extend(value.to_le_bytes());
    word(found.dev());
    word(found.ino());
    word(found.nlink());
    word(u64::from(found.mode()));
    word(0);
    word(found.rdev());
    word(found.size());
    word(found.blksize());
    word(found.blocks());
    for (seconds, nanoseconds) in times(found) {
        word(seconds as u64);
        word(nanoseconds as u64);
    }
    bytes.resize(144, 0);
    bytes
}

fn times(found: &Metadata) -> [(i64, i64); 3] {
    [
        (found.atime(), found.atime_nsec()),
        (found.mtime(), found.mtime_nsec()),
        (found.ctime(), found.ctime_nsec()),
    ]
}

/// `STATX_BASIC_STATS`.
const BASIC: u32 = 0x7ff;

/// A `struct statx`. All belongs to root.
pub(crate) fn statx(found: &Metadata) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend(BASIC.to_le_bytes());
    bytes.extend((found.blksize() as u32).to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    bytes.extend((found.nlink() as u32).to_le_bytes());
    bytes.extend(0u64.to_le_bytes()); // user and group
    bytes.extend((found.mode() as u16).to_le_bytes());
    bytes.extend(0u16.to_le_bytes());
    for value in [found.ino(), found.size(), found.blocks(), 0] {
        bytes.extend(value.to_le_bytes());
    }
    let [accessed, modified, changed] = times(found);
    for (seconds, nanoseconds) in [accessed, (0, 0), changed, modified] {
        bytes.extend(seconds.to_le_bytes());
        bytes.extend((nanoseconds as u32).to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
    }
    for half in [found.rdev(), found.dev()] {
        bytes.extend(libc::major(half).to_le_bytes());
        bytes.extend(libc::minor(half).to_le_bytes());
    }
    bytes.resize(256, 0);
    bytes
}

/// A `struct statfs` of a file system of this kind.
pub(crate) fn statfs(magic: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(120);
    // Kind, size of blocks, four numbers of blocks and files, two halves of an id, longest name, size of fragments.
    for value in [magic, 4096, 0, 0, 0, 0, 0, 0, 255, 4096] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.resize(120, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_sizes_and_fields_of_the_machine() {
        let found = std::fs::metadata("/proc/self/exe").unwrap();
        let bytes = stat(&found);
        assert_eq!(bytes.len(), size_of::<libc::stat>());
        let at = |offset: usize| u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap());
        assert_eq!(at(std::mem::offset_of!(libc::stat, st_ino)), found.ino());
        assert_eq!(at(std::mem::offset_of!(libc::stat, st_size)), found.size());
        assert_eq!(
            at(std::mem::offset_of!(libc::stat, st_mtime)),
            found.mtime() as u64
        );
        let bytes = statx(&found);
        assert_eq!(bytes.len(), size_of::<libc::statx>());
        let at = |offset: usize| u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap());
        assert_eq!(at(std::mem::offset_of!(libc::statx, stx_ino)), found.ino());
        assert_eq!(at(std::mem::offset_of!(libc::statx, stx_size)), found.size());
        assert_eq!(
            at(std::mem::offset_of!(libc::statx, stx_mtime)),
            found.mtime() as u64
        );
        assert_eq!(statfs(1).len(), size_of::<libc::statfs>());
    }
}
