//! A played kernel, and calls of bpf(2) that this process itself makes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use verdict_front::{Call, Play, What};
use verdict_kernel::Kernel;
use verdict_notify::{Reply, Task};

/// `BPF_MAP_CREATE`, `BPF_MAP_LOOKUP_ELEM`, `BPF_MAP_UPDATE_ELEM`, `BPF_PROG_LOAD`.
pub(crate) const MAP_CREATE: u64 = 0;
pub(crate) const MAP_LOOKUP: u64 = 1;
pub(crate) const MAP_UPDATE: u64 = 2;
pub(crate) const PROG_LOAD: u64 = 5;

/// A kernel that is played to this process.
pub(crate) struct Bench<'k> {
    pub(crate) play: Play<'k>,
    shade: PathBuf,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum End {
    Value(i64),
    Errno(i32),
    Fd(OwnedFd),
    Machine,
}

impl End {
    pub(crate) fn fd(self) -> OwnedFd {
        match self {
            End::Fd(fd) => fd,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn errno(self) -> i32 {
        match self {
            End::Errno(errno) => errno,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, End::Value(_) | End::Fd(_))
    }
}

/// Attributes: words of 32 bits, by their offsets.
#[derive(Default)]
pub(crate) struct Attr(Vec<u8>);

impl Attr {
    pub(crate) fn of(words: &[(usize, u32)]) -> Attr {
        words
            .iter()
            .fold(Attr::default(), |attr, (at, word)| attr.u32(*at, *word))
    }

    pub(crate) fn u32(self, at: usize, value: u32) -> Attr {
        self.bytes(at, &value.to_le_bytes())
    }

    pub(crate) fn fd(self, at: usize, fd: &OwnedFd) -> Attr {
        self.u32(at, fd.as_raw_fd() as u32)
    }

    /// The address of bytes that outlive the call.
    pub(crate) fn at<T>(self, at: usize, pointed: &[T]) -> Attr {
        let address = pointed.as_ptr().expose_provenance() as u64;
        self.bytes(at, &address.to_le_bytes())
    }

    pub(crate) fn bytes(mut self, at: usize, bytes: &[u8]) -> Attr {
        let end = at + bytes.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[at..end].copy_from_slice(bytes);
        self
    }
}

impl<'k> Bench<'k> {
    pub(crate) fn new(kernel: &'k Kernel, name: &str) -> Bench<'k> {
        let shade = std::env::temp_dir().join(format!("verdict-front-{name}-{}", std::process::id()));
        std::fs::create_dir(&shade).unwrap();
        let play = Play::new(kernel, &shade).unwrap();
        Bench { play, shade }
    }

    /// A call of bpf(2).
    pub(crate) fn bpf(&mut self, command: u64, attr: Attr) -> End {
        let at = attr.0.as_ptr().expose_provenance() as u64;
        self.call(libc::SYS_bpf, &[command, at, attr.0.len() as u64])
    }

    /// A system call.
    pub(crate) fn call(&mut self, number: i64, arguments: &[u64]) -> End {
        let mut args = [0; 6];
        args[..arguments.len()].copy_from_slice(arguments);
        let call = Call {
            task: Task::own(),
            number: number as u32,
            args,
        };
        match self.play.answer(&call) {
            Reply::Value(value) => End::Value(value),
            Reply::Error(errno) => End::Errno(errno),
            Reply::Descriptor(fd, _) => End::Fd(fd),
            Reply::Machine => End::Machine,
        }
    }

    /// A map: its type, sizes of keys and values, number of elements, flags.
    pub(crate) fn map(&mut self, numbers: [u32; 5]) -> End {
        let words: Vec<_> = (0..).step_by(4).zip(numbers).collect();
        self.bpf(MAP_CREATE, Attr::of(&words))
    }

    /// A program of a type.
    pub(crate) fn prog(&mut self, prog_type: u32, insns: &[[u8; 8]]) -> End {
        let attr = Attr::of(&[(0, prog_type), (4, insns.len() as u32)])
            .at(8, insns)
            .at(16, b"GPL\0");
        self.bpf(PROG_LOAD, attr.u32(116, 0))
    }

    pub(crate) fn update(&mut self, map: &OwnedFd, key: &[u8], value: &[u8], flags: u32) -> End {
        let attr = Attr::default().fd(0, map).at(8, key).at(16, value);
        self.bpf(MAP_UPDATE, attr.u32(24, flags).u32(28, 0))
    }

    /// What was refused because it is not modelled.
    pub(crate) fn unmodelled(&self) -> Vec<String> {
        let words = |what: &What| match what {
            What::Unmodelled(words) => Some(words.clone()),
            _ => None,
        };
        self.play
            .happened()
            .iter()
            .filter_map(|one| words(&one.what))
            .collect()
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.shade).unwrap();
    }
}

/// `r0 = 0; exit`.
pub(crate) const GOOD: [[u8; 8]; 2] = [[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];
