//! mount(2) and umount(2) of the file systems that are answered here, and what `/proc/PID/mounts` says of them.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use verdict_kernel::errno::Errno;
use verdict_notify::Task;

use crate::files::{Files, below};
use crate::pins::errno;
use crate::play::{Answer, Call, Done, Play};

/// What mount(2) says of how a mount is passed on.
const PASSING_ON: u64 = libc::MS_PRIVATE | libc::MS_SHARED | libc::MS_SLAVE | libc::MS_UNBINDABLE;

/// The file systems that are mounted when the played kernel was booted: type, place, how.
const MOUNTED: &[(&str, &str, &str)] = &[
    ("bpf", "/sys/fs/bpf", "rw,nosuid,nodev,noexec,relatime,mode=700"),
    (
        "tracefs",
        "/sys/kernel/tracing",
        "rw,nosuid,nodev,noexec,relatime",
    ),
    ("debugfs", "/sys/kernel/debug", "rw,nosuid,nodev,noexec,relatime"),
];

/// How a table of mounts is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    /// `/proc/PID/mounts`.
    Mounts,
    /// `/proc/PID/mountinfo`.
    Info,
}

impl Table {
    /// The table of a path.
    fn of(path: &Path) -> Option<Table> {
        let mut words = path.strip_prefix("/proc").ok()?.iter().map(|word| word.to_str());
        let (first, second) = (words.next()??, words.next().flatten());
        let whose = first == "self" || first == "thread-self" || first.parse::<u32>().is_ok();
        match (first, second) {
            ("mounts", None) => Some(Table::Mounts),
            (_, Some("mounts")) if whose => Some(Table::Mounts),
            (_, Some("mountinfo")) if whose => Some(Table::Info),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Table::Mounts => "mounts",
            Table::Info => "mountinfo",
        }
    }

    /// Which word of a line is the place.
    fn place(self) -> usize {
        match self {
            Table::Mounts => 1,
            Table::Info => 4,
        }
    }

    /// The machine's own lines, as a task sees them.
    fn lines(self, task: Task) -> String {
        fs::read_to_string(format!("/proc/{}/{}", task.id(), self.name())).unwrap_or_default()
    }
}

/// A path as these tables have it.
fn escaped(path: &Path) -> String {
    let path = path.to_string_lossy();
    let odd = [('\\', "\\134"), (' ', "\\040"), ('\t', "\\011"), ('\n', "\\012")];
    odd.iter()
        .fold(path.into_owned(), |text, (from, to)| text.replace(*from, to))
}

impl Files {
    /// The table of mounts of a path, if it is one: the machine's, with what is answered here.
    pub(crate) fn mount_table(&self, path: &Path, task: Task) -> Option<String> {
        let table = Table::of(path)?;
        let mut text = String::new();
        for line in table.lines(task).lines() {
            let place = line.split(' ').nth(table.place()).unwrap_or_default();
            if self.magic(Path::new(place)).is_none() {
                text += line;
                text.push('\n');
            }
        }
        let others = self.mounts.iter();
        let others = others.map(|place| ("bpf", escaped(place), "rw,relatime,mode=700"));
        let mounted = MOUNTED
            .iter()
            .map(|(kind, place, how)| (*kind, (*place).to_owned(), *how));
        for (at, (kind, place, how)) in (1..).zip(mounted.chain(others)) {
            // A string takes all. Numbers of mounts and devices are none that the machine gives.
            let _ = match table {
                Table::Mounts => writeln!(text, "{kind} {place} {kind} {how} 0 0"),
                Table::Info => writeln!(
                    text,
                    "{} 1 0:{} / {place} {how} - {kind} {kind} rw",
                    9000 + at,
                    900 + at
                ),
            };
        }
        Some(text)
    }

    /// Whether something is mounted at a place.
    fn is_mounted(&self, path: &Path, task: Task) -> bool {
        let place = escaped(path);
        let own = MOUNTED.iter().any(|(_, mounted, _)| *mounted == place);
        own || self.mounts.contains(path)
            || self.bound.contains(path)
            || (Table::Mounts.lines(task).lines()).any(|line| line.split(' ').nth(1) == Some(&place))
    }
}

impl Play<'_> {
    /// mount(2).
    pub(crate) fn mount(&mut self, call: &Call) -> Answer {
        let string = |at: usize| match call.arg(at) {
            0 => Vec::new(),
            address => call
                .task
                .read_string(address, 4096)
                .ok()
                .flatten()
                .unwrap_or_default(),
        };
        let (source, target, kind, flags) = (string(0), string(1), string(2), call.arg(3));
        let absolute = |text: &[u8]| self.files.absolute(call.task, libc::AT_FDCWD, text);
        let Some(path) = absolute(&target) else {
            return Ok(Done::Machine);
        };
        let is_there = self.files.magic(&path).is_some() || path.is_dir();
        if is_there && flags & PASSING_ON != 0 && flags & (libc::MS_BIND | libc::MS_REMOUNT) == 0 {
            return match self.files.is_mounted(&path, call.task) {
                true => Ok(Done::Value(0)),
                false => Err(Errno::EINVAL),
            };
        }
        let on_itself = absolute(&source).as_deref() == Some(path.as_path());
        if is_there && flags & libc::MS_BIND != 0 && on_itself {
            self.files.bound.insert(path);
            return Ok(Done::Value(0));
        }
        if kind != b"bpf" && kind != b"tracefs" && kind != b"debugfs" {
            return Ok(Done::Machine);
        }
        if kind == b"bpf" && !self.files.is_mount_of_pins(&path) {
            fs::create_dir_all(below(&self.files.shade, &path)).map_err(|error| errno(&error))?;
            self.files.mounts.insert(path);
        }
        Ok(Done::Value(0))
    }

    /// umount(2).
    pub(crate) fn unmount(&mut self, call: &Call) -> Answer {
        let target = call
            .task
            .read_string(call.arg(0), 4096)
            .ok()
            .flatten()
            .unwrap_or_default();
        let path: Option<PathBuf> = self.files.absolute(call.task, libc::AT_FDCWD, &target);
        let own = path.filter(|path| {
            let files = &self.files;
            files.mounts.contains(path) || files.bound.contains(path) || files.magic(path).is_some()
        });
        let Some(path) = own else {
            return Ok(Done::Machine);
        };
        if self.files.mounts.remove(&path) {
            self.unpin_below(&below(&self.files.shade, &path));
        } else {
            self.files.bound.remove(&path);
        }
        Ok(Done::Value(0))
    }
}
