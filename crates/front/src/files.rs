//! The kernel around BPF: files by which programs find out what they run on, the file system of pins, the kernel's name, limits and
//! capabilities.
//!
//! Those files lie in a directory of our own ("the shade"), each under the path that it has for the caller, and are made when
//! they are first asked for. To open, look at, make, rename or remove what is at such a path never reaches the machine's file
//! system, be there a file or not.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_notify::{Action, Filter, Task};

use crate::objects::Open;
use crate::pins::errno;
use crate::play::{Answer, Call, Done, Play};
use crate::stat;
use crate::tracing::Traced;

/// `BPF_FS_MAGIC`, `SYSFS_MAGIC`, `DEBUGFS_MAGIC`, `TRACEFS_MAGIC`.
const BPF_FS: u64 = 0xcafe_4a11;
const DEBUGFS: u64 = 0x6462_6720;
const SYSFS: u64 = 0x6265_6572;
const TRACEFS: u64 = 0x7472_6163;

/// Directories all of which is answered here.
const DIRECTORIES: &[&str] = &[
    "/sys/kernel/btf",
    "/sys/fs/bpf",
    "/sys/kernel/tracing",
    "/sys/kernel/debug",
    "/sys/kernel/debug/tracing",
    "/sys/bus/event_source/devices/kprobe",
    "/sys/bus/event_source/devices/uprobe",
];

/// Where the file system of traces is.
const TRACES: &[&str] = &["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Where pins are.
const PINS: &str = "/sys/fs/bpf";

/// Types of the perf events that stand for probes, as the played machine numbers them.
pub(crate) const KPROBE: u32 = 8;
pub(crate) const UPROBE: u32 = 9;

/// Files with settings: paths and contents.
const SETTINGS: &[(&str, &str)] = &[
    ("/proc/sys/net/core/bpf_jit_enable", "1\n"),
    ("/proc/sys/net/core/bpf_jit_harden", "0\n"),
    ("/proc/sys/net/core/bpf_jit_kallsyms", "1\n"),
    ("/proc/sys/net/core/bpf_jit_limit", "528482304\n"),
    ("/proc/sys/kernel/kptr_restrict", "0\n"),
    ("/proc/sys/kernel/perf_event_paranoid", "2\n"),
    ("/proc/sys/kernel/bpf_stats_enabled", "0\n"),
];

/// Those of them that only the privileged read (`proc_dointvec_minmax_bpf_restricted`).
const RESTRICTED: &[&str] = &[
    "/proc/sys/net/core/bpf_jit_harden",
    "/proc/sys/net/core/bpf_jit_kallsyms",
    "/proc/sys/net/core/bpf_jit_limit",
];

/// The kernel's files.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) shade: PathBuf,
    release: String,
    version: String,
    /// Other places where a file system of pins is mounted.
    pub(crate) mounts: BTreeSet<PathBuf>,
    /// Directories that are mounted on themselves.
    pub(crate) bound: BTreeSet<PathBuf>,
    cpus: u32,
}

impl Files {
    pub(crate) fn new(kernel: &Kernel, shade: &Path) -> Result<Files, String> {
        let (release, version) = names(kernel);
        for directory in DIRECTORIES {
            let own = below(shade, Path::new(directory));
            fs::create_dir_all(&own).map_err(|error| format!("{}: {error}", own.display()))?;
        }
        // What the caller sees of it has no other name.
        let shade = fs::canonicalize(shade).map_err(|error| format!("{}: {error}", shade.display()))?;
        Ok(Files {
            shade,
            release,
            version,
            mounts: BTreeSet::new(),
            bound: BTreeSet::new(),
            cpus: kernel.machine.nr_cpus,
        })
    }

    /// What a task means by a path, seen from one of its directories, without `.` and `..`.
    pub(crate) fn absolute(&self, task: Task, directory: i32, text: &[u8]) -> Option<PathBuf> {
        let path = PathBuf::from(std::ffi::OsString::from_vec(text.to_vec()));
        let mut whole = PathBuf::new();
        if !path.is_absolute() {
            let base = match directory {
                libc::AT_FDCWD => task.directory()?,
                fd => task.descriptor_path(fd)?,
            };
            whole.push(base);
        }
        for component in path.components() {
            match component {
                Component::ParentDir => {
                    whole.pop();
                }
                Component::CurDir => {}
                other => whole.push(other),
            }
        }
        // A directory of the shade stands for the one that it shades.
        match whole.strip_prefix(&self.shade) {
            Ok(own) => Some(Path::new("/").join(own)),
            Err(_) => Some(whole),
        }
    }

    /// Where a pin of this path lies, if it is one.
    pub(crate) fn pins(&self, path: &Path) -> Option<PathBuf> {
        self.is_pins(path).then(|| below(&self.shade, path))
    }

    fn is_pins(&self, path: &Path) -> bool {
        path.starts_with(PINS) || self.mounts.iter().any(|mount| path.starts_with(mount))
    }

    /// Whether a file system of pins begins here.
    pub(crate) fn is_mount_of_pins(&self, path: &Path) -> bool {
        path == Path::new(PINS) || self.mounts.contains(path)
    }

    /// The kind of file system that a path is on, if it is answered here.
    pub(crate) fn magic(&self, path: &Path) -> Option<u64> {
        if self.is_pins(path) {
            return Some(BPF_FS);
        }
        if TRACES.iter().any(|directory| path.starts_with(directory)) {
            return Some(TRACEFS);
        }
        if path.starts_with("/sys/kernel/debug") {
            return Some(DEBUGFS);
        }
        let own = DIRECTORIES.iter().any(|directory| path.starts_with(directory));
        own.then_some(SYSFS)
    }

    /// Whether what is at a path is for the played kernel to say.
    fn is_own(&self, path: &Path) -> bool {
        if self.magic(path).is_some() {
            return true;
        }
        let Some(text) = path.to_str() else { return false };
        let settings = SETTINGS.iter().any(|(setting, _)| *setting == text);
        settings
            || text.starts_with("/boot/config-")
            || text.starts_with("/boot/vmlinux-")
            || matches!(
                text,
                "/proc/config.gz"
                    | "/proc/kallsyms"
                    | "/proc/version"
                    | "/proc/version_signature"
                    | "/proc/sys/kernel/osrelease"
                    | "/proc/sys/kernel/version"
                    | "/proc/sys/kernel/unprivileged_bpf_disabled"
                    | "/sys/devices/system/cpu/possible"
                    | "/sys/devices/system/cpu/present"
                    | "/sys/devices/system/cpu/online"
            )
    }
}

/// A path below another directory.
pub(crate) fn below(directory: &Path, path: &Path) -> PathBuf {
    directory.join(path.strip_prefix("/").unwrap_or(path))
}

/// Release and version as uname(2) gives them.
fn names(kernel: &Kernel) -> (String, String) {
    if let Some(banner) = &kernel.banner {
        let release = banner.split_ascii_whitespace().nth(2).unwrap_or_default();
        let version = banner.find(" #").and_then(|at| banner.get(at + 1..));
        return (release.to_owned(), version.unwrap_or_default().to_owned());
    }
    // Nothing more is known of a directory's kernel than its release.
    let directory = kernel.directory.as_ref();
    let release = directory.and_then(|directory| directory.release.as_ref());
    let release = release.map_or_else(|| kernel.release.to_string(), |release| release.name.clone());
    (release, "#1 SMP".to_owned())
}

/// The system calls that are answered beside bpf(2).
pub(crate) fn filter(filter: Filter) -> Filter {
    let asked = [
        libc::SYS_open,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_access,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_statfs,
        libc::SYS_mkdir,
        libc::SYS_mkdirat,
        libc::SYS_unlink,
        libc::SYS_unlinkat,
        libc::SYS_rmdir,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_uname,
        libc::SYS_capget,
        libc::SYS_capset,
        libc::SYS_getresuid,
        libc::SYS_getresgid,
        libc::SYS_perf_event_open,
        libc::SYS_epoll_ctl,
        libc::SYS_ftruncate,
        libc::SYS_readlink,
        libc::SYS_getxattr,
        libc::SYS_lgetxattr,
        libc::SYS_listxattr,
        libc::SYS_llistxattr,
        libc::SYS_readlinkat,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_io_uring_setup,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
    ];
    let root = [
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
    ];
    let mut all = filter;
    for number in asked {
        all = all.with(number as u32, Action::Ask);
    }
    for number in root {
        all = all.with(number as u32, Action::Zero);
    }
    // Memory that is of no file is asked for all the time.
    all = all.with(
        libc::SYS_mmap as u32,
        Action::AskUnless(3, libc::MAP_ANONYMOUS as u32),
    );
    all.with(libc::SYS_setrlimit as u32, Action::AskIf(0, MEMLOCK))
        .with(libc::SYS_prlimit64 as u32, Action::AskIf(1, MEMLOCK))
        .with(
            libc::SYS_setsockopt as u32,
            Action::AskIf(1, crate::netlink::OPTIONS),
        )
        .with(libc::SYS_ioctl as u32, Action::AskIf(1, crate::events::REQUESTS))
}

/// The limit that loaders raise.
const MEMLOCK: &[u32] = &[libc::RLIMIT_MEMLOCK];

/// A system call about a path: the directory that it is seen from, where the path is, and what is asked.
struct Named {
    directory: i32,
    at: u64,
    ask: Ask,
}

/// What is asked of a path.
#[derive(Clone, Copy)]
enum Ask {
    Open(i32, u32),
    Stat(u64),
    Statx(u64),
    Access,
    Statfs(u64),
    ReadLink(u64, u64),
    Attribute,
    Attributes,
    MakeDirectory(u32),
    Remove(bool),
}

impl Named {
    fn of(call: &Call) -> Option<Named> {
        let cwd = libc::AT_FDCWD;
        let (directory, at, ask) = match i64::from(call.number) {
            libc::SYS_open => (cwd, 0, Ask::Open(call.int(1), call.arg(2) as u32)),
            libc::SYS_openat => (call.int(0), 1, Ask::Open(call.int(2), call.arg(3) as u32)),
            libc::SYS_openat2 => {
                let mut how = [0; 16];
                call.task.read(call.arg(2), &mut how).ok()?;
                let half = |at: usize| how.get(at..at + 4).and_then(|half| half.first_chunk::<4>());
                let flags = half(0).map_or(0, |flags| i32::from_le_bytes(*flags));
                let mode = half(8).map_or(0, |mode| u32::from_le_bytes(*mode));
                (call.int(0), 1, Ask::Open(flags, mode))
            }
            libc::SYS_stat | libc::SYS_lstat => (cwd, 0, Ask::Stat(call.arg(1))),
            libc::SYS_newfstatat => (call.int(0), 1, Ask::Stat(call.arg(2))),
            libc::SYS_statx => (call.int(0), 1, Ask::Statx(call.arg(4))),
            libc::SYS_access => (cwd, 0, Ask::Access),
            libc::SYS_faccessat | libc::SYS_faccessat2 => (call.int(0), 1, Ask::Access),
            libc::SYS_statfs => (cwd, 0, Ask::Statfs(call.arg(1))),
            libc::SYS_getxattr | libc::SYS_lgetxattr => (cwd, 0, Ask::Attribute),
            libc::SYS_listxattr | libc::SYS_llistxattr => (cwd, 0, Ask::Attributes),
            libc::SYS_readlink => (cwd, 0, Ask::ReadLink(call.arg(1), call.arg(2))),
            libc::SYS_readlinkat => (call.int(0), 1, Ask::ReadLink(call.arg(2), call.arg(3))),
            libc::SYS_mkdir => (cwd, 0, Ask::MakeDirectory(call.arg(1) as u32)),
            libc::SYS_mkdirat => (call.int(0), 1, Ask::MakeDirectory(call.arg(2) as u32)),
            libc::SYS_unlink => (cwd, 0, Ask::Remove(false)),
            libc::SYS_rmdir => (cwd, 0, Ask::Remove(true)),
            libc::SYS_unlinkat => (call.int(0), 1, Ask::Remove(call.int(2) & libc::AT_REMOVEDIR != 0)),
            _ => return None,
        };
        Some(Named {
            directory,
            at: call.arg(at),
            ask,
        })
    }
}

impl Play<'_> {
    /// Answers a system call beside bpf(2).
    pub(crate) fn around(&mut self, call: &Call) -> Answer {
        if let Some(named) = Named::of(call) {
            return self.named(call, &named);
        }
        let write = |at: u64, bytes: &[u8]| call.task.write(at, bytes).map_err(Errno);
        match i64::from(call.number) {
            libc::SYS_uname => {
                write(call.arg(0), &self.files.utsname())?;
                Ok(Done::Value(0))
            }
            libc::SYS_getresuid | libc::SYS_getresgid => {
                for at in 0..3 {
                    write(call.arg(at), &[0; 4])?;
                }
                Ok(Done::Value(0))
            }
            libc::SYS_capget => self.privileges.get(call),
            libc::SYS_capset => self.privileges.set(call),
            libc::SYS_setrlimit | libc::SYS_prlimit64 => self.privileges.limit(call),
            libc::SYS_mount => self.mount(call),
            libc::SYS_umount2 => self.unmount(call),
            libc::SYS_perf_event_open => self.event_open(call),
            libc::SYS_ioctl => self.event_control(call),
            libc::SYS_epoll_ctl => self.epoll(call),
            libc::SYS_mmap => self.map_memory(call),
            libc::SYS_setsockopt
            | libc::SYS_sendto
            | libc::SYS_sendmsg
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg => self.socket(call),
            libc::SYS_rename => {
                let cwd = libc::AT_FDCWD;
                self.rename(call, (cwd, call.arg(0)), (cwd, call.arg(1)), 0)
            }
            libc::SYS_renameat | libc::SYS_renameat2 => {
                let flags = if call.number == libc::SYS_renameat2 as u32 {
                    call.arg(4)
                } else {
                    0
                };
                self.rename(
                    call,
                    (call.int(0), call.arg(1)),
                    (call.int(2), call.arg(3)),
                    flags,
                )
            }
            // What it does no filter sees.
            libc::SYS_io_uring_setup => {
                self.unmodelled("io_uring_setup", "system calls by io_uring", Errno::EPERM)
            }
            libc::SYS_ftruncate => match self.objects.of(call.task, call.int(0)) {
                Open::Object(..) => Err(Errno::EINVAL),
                _ => Ok(Done::Machine),
            },
            _ => Ok(Done::Machine),
        }
    }

    fn named(&mut self, call: &Call, named: &Named) -> Answer {
        // What is wrong with a path is for the machine to say.
        let text = call.task.read_string(named.at, libc::PATH_MAX as usize);
        let Ok(Some(text)) = text else {
            return Ok(Done::Machine);
        };
        if text.is_empty() {
            return Ok(Done::Machine);
        }
        let Some(path) = self.files.absolute(call.task, named.directory, &text) else {
            return Ok(Done::Machine);
        };
        if let Some(answer) = self.descriptor_info(call, &path, named.ask) {
            return answer;
        }
        if let Ask::Open(flags, _) = named.ask
            && let Some(text) = self.files.mount_table(&path, call.task)
        {
            return text_file(&text, flags);
        }
        if !self.files.is_own(&path) {
            return Ok(Done::Machine);
        }
        let restricted = path.to_str().is_some_and(|path| RESTRICTED.contains(&path));
        if restricted && matches!(named.ask, Ask::Open(..)) && !self.privileges.of(call.task).sys_admin {
            return Err(Errno::EPERM);
        }
        if let Ask::Open(flags, _) = named.ask
            && flags & libc::O_ACCMODE != libc::O_RDONLY
            && self.files.magic(&path) == Some(TRACEFS)
            && let Some(answer) = self.changed_events(&path)
        {
            return answer;
        }
        self.make(&path);
        let own = below(&self.files.shade, &path);
        match named.ask {
            Ask::Open(flags, mode) => self.open(&path, &own, flags, mode),
            Ask::Stat(at) => {
                let found = fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                call.task.write(at, &stat::stat(&found)).map_err(Errno)?;
                Ok(Done::Value(0))
            }
            Ask::Statx(at) => {
                let found = fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                call.task.write(at, &stat::statx(&found)).map_err(Errno)?;
                Ok(Done::Value(0))
            }
            Ask::Access => {
                fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                Ok(Done::Value(0))
            }
            Ask::Statfs(at) => {
                fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                let magic = self.files.magic(&path).unwrap_or(SYSFS);
                call.task.write(at, &stat::statfs(magic)).map_err(Errno)?;
                Ok(Done::Value(0))
            }
            Ask::Attribute | Ask::Attributes => {
                fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                match named.ask {
                    Ask::Attributes => Ok(Done::Value(0)),
                    _ => Err(Errno::EOPNOTSUPP),
                }
            }
            Ask::ReadLink(..) => {
                fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                Err(Errno::EINVAL)
            }
            Ask::MakeDirectory(_) | Ask::Remove(_) if !self.files.is_pins(&path) => Err(Errno::EPERM),
            Ask::MakeDirectory(mode) => {
                let made = fs::DirBuilder::new().mode(mode).create(&own);
                made.map_err(|error| errno(&error))?;
                Ok(Done::Value(0))
            }
            Ask::Remove(true) => {
                fs::remove_dir(&own).map_err(|error| errno(&error))?;
                Ok(Done::Value(0))
            }
            Ask::Remove(false) => {
                let found = fs::symlink_metadata(&own).map_err(|error| errno(&error))?;
                fs::remove_file(&own).map_err(|error| errno(&error))?;
                self.objects.unpin((found.dev(), found.ino()));
                Ok(Done::Value(0))
            }
        }
    }

    fn open(&self, path: &Path, own: &Path, flags: i32, mode: u32) -> Answer {
        // A file of a bpffs is opened by bpf(2).
        if self.files.is_pins(path) && own.is_file() {
            return Err(Errno::EIO);
        }
        if flags & libc::O_CREAT != 0 && !own.exists() {
            return Err(Errno::EACCES);
        }
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
        let reads = flags & libc::O_ACCMODE != libc::O_WRONLY;
        let kept = libc::O_DIRECTORY | libc::O_PATH | libc::O_NOFOLLOW | libc::O_APPEND;
        let opened = OpenOptions::new()
            .read(reads)
            .write(writes)
            .mode(mode)
            .custom_flags(flags & kept)
            .open(own);
        let file = opened.map_err(|error| errno(&error))?;
        Ok(Done::Descriptor(file, flags & libc::O_CLOEXEC != 0))
    }

    /// What `/proc/PID/fdinfo` says of a descriptor of an object of ours.
    fn descriptor_info(&self, call: &Call, path: &Path, ask: Ask) -> Option<Answer> {
        let rest = path.strip_prefix("/proc").ok();
        let Some(rest) = rest else {
            let number = path.strip_prefix("/dev/fd").ok()?.to_str()?;
            return self.descriptor_file(call, call.task, ("fd", number.parse().ok()?), ask);
        };
        let words: Vec<&str> = rest.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
        let (task, what, number) = match words.as_slice() {
            ["self" | "thread-self", what, number] => (call.task, *what, *number),
            ["self", "task", _, what, number] => (call.task, *what, *number),
            [pid, what, number] => (Task::numbered(pid.parse().ok()?), *what, *number),
            _ => return None,
        };
        self.descriptor_file(call, task, (what, number.parse().ok()?), ask)
    }

    /// The same of a file in its directory `fdinfo` or `fd`.
    fn descriptor_file(
        &self,
        call: &Call,
        task: Task,
        (what, number): (&str, i32),
        ask: Ask,
    ) -> Option<Answer> {
        match (what, ask) {
            ("fdinfo", Ask::Open(flags, _)) => {
                let text = self.fdinfo(task, number)?;
                Some(text_file(&text, flags))
            }
            ("fd", Ask::ReadLink(at, size)) => {
                let link = self.descriptor_link(task, number)?;
                if size == 0 {
                    return Some(Err(Errno::EINVAL));
                }
                let told = link.as_bytes().iter().copied().take(size as usize);
                let told: Vec<u8> = told.collect();
                let written = call.task.write(at, &told).map_err(Errno);
                Some(written.map(|()| Done::Value(told.len() as i64)))
            }
            _ => None,
        }
    }

    /// Makes the file of a path, if it is one that is made of what is asked for.
    fn make(&mut self, path: &Path) {
        let own = below(&self.files.shade, path);
        // A directory is there, but maybe not yet all that is in it.
        if own.is_file() {
            return;
        }
        let Some(text) = path.to_str() else { return };
        let traced = TRACES.iter().find_map(|directory| text.strip_prefix(directory));
        let made = match traced.and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => self.traced(rest),
            None => self.contents(text).map(Traced::File),
        };
        // What cannot be made is not there.
        match (made, own.parent()) {
            (Some(Traced::File(contents)), Some(parent)) => {
                let _ = fs::create_dir_all(parent);
                let _ = fs::write(&own, contents);
            }
            (Some(Traced::Directory(names)), _) => self.make_directory(path, &own, &names),
            (None, _) | (_, None) => {}
        }
    }

    /// Makes a directory of the file system of traces, and what is in it.
    fn make_directory(&mut self, path: &Path, own: &Path, names: &BTreeSet<String>) {
        let _ = fs::create_dir_all(own);
        let of_event = names.contains("format");
        for name in names {
            if of_event {
                self.make(&path.join(name));
            } else {
                let _ = fs::create_dir(own.join(name));
            }
        }
    }

    fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let files = &self.files;
        let cpus = || match files.cpus {
            0 | 1 => "0\n".to_owned(),
            cpus => format!("0-{}\n", cpus - 1),
        };
        let setting = SETTINGS.iter().find(|(setting, _)| *setting == path);
        if let Some((_, value)) = setting {
            return Some(value.as_bytes().to_vec());
        }
        let text = match path {
            "/sys/kernel/btf/vmlinux" => return Some(self.kernel.btf.bytes().to_vec()),
            "/proc/config.gz" => return self.packed_config(),
            "/proc/kallsyms" => return Some(self.symbols()),
            "/proc/version" => match &self.kernel.banner {
                Some(banner) => format!("{banner}\n"),
                None => format!("Linux version {} {}\n", files.release, files.version),
            },
            "/proc/sys/kernel/osrelease" => format!("{}\n", files.release),
            "/proc/sys/kernel/version" => format!("{}\n", files.version),
            "/proc/sys/kernel/unprivileged_bpf_disabled" => {
                let off = self.kernel.config("CONFIG_BPF_UNPRIV_DEFAULT_OFF") == Some("y");
                if off { "2\n" } else { "0\n" }.to_owned()
            }
            "/sys/devices/system/cpu/possible"
            | "/sys/devices/system/cpu/present"
            | "/sys/devices/system/cpu/online" => cpus(),
            "/sys/bus/event_source/devices/kprobe/type" => format!("{KPROBE}\n"),
            "/sys/bus/event_source/devices/uprobe/type" => format!("{UPROBE}\n"),
            "/sys/bus/event_source/devices/kprobe/format/retprobe"
            | "/sys/bus/event_source/devices/uprobe/format/retprobe" => "config:0\n".to_owned(),
            "/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset" => "config:32-63\n".to_owned(),
            _ => {
                let config = path.strip_prefix("/boot/config-");
                return config
                    .is_some_and(|release| release == files.release)
                    .then(|| self.config());
            }
        };
        Some(text.into_bytes())
    }

    /// The configuration, with the head by which it is known.
    fn config(&self) -> Vec<u8> {
        let (major, minor, patch) = self.kernel.version;
        let head = format!(
            "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 {major}.{minor}.{patch} Kernel Configuration\n#\n"
        );
        [head.as_bytes(), self.kernel.config_lines()].concat()
    }

    fn packed_config(&self) -> Option<Vec<u8>> {
        (self.kernel.config("CONFIG_IKCONFIG_PROC") == Some("y")).then_some(())?;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&self.config()).ok()?;
        packed.finish().ok()
    }

    /// The symbols, at addresses that no kernel has them at: profiles have none.
    fn symbols(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (at, (name, symbol)) in (0u64..).zip(self.kernel.symbols()) {
            let address = 0xffff_ffff_8100_0000 + 16 * at;
            let written = match symbol.module {
                Some(module) => writeln!(text, "{address:016x} {} {name}\t[{module}]", symbol.kind),
                None => writeln!(text, "{address:016x} {} {name}", symbol.kind),
            };
            written.ok(); // a vector takes all
        }
        text
    }
}

impl Play<'_> {
    /// rename(2) within the file system of pins.
    fn rename(&mut self, call: &Call, old: (i32, u64), new: (i32, u64), flags: u64) -> Answer {
        let own = |(directory, at): (i32, u64)| {
            let text = call
                .task
                .read_string(at, libc::PATH_MAX as usize)
                .ok()
                .flatten()?;
            let path = self.files.absolute(call.task, directory, &text)?;
            Some((self.files.is_own(&path), self.files.pins(&path)))
        };
        let (Some(old), Some(new)) = (own(old), own(new)) else {
            return Ok(Done::Machine);
        };
        match (old, new) {
            ((false, _), (false, _)) => Ok(Done::Machine),
            ((_, Some(old)), (_, Some(new))) if flags == 0 => {
                let replaced = fs::symlink_metadata(&new).ok();
                fs::rename(old, new).map_err(|error| errno(&error))?;
                if let Some(found) = replaced {
                    self.objects.unpin((found.dev(), found.ino()));
                }
                Ok(Done::Value(0))
            }
            ((_, Some(_)), (_, Some(_))) => Err(Errno::EINVAL),
            _ => Err(Errno::EXDEV),
        }
    }

    /// Takes away the pins below a directory that is unmounted, and the directory's own files.
    pub(crate) fn unpin_below(&mut self, directory: &Path) {
        let mut next = vec![directory.to_owned()];
        while let Some(path) = next.pop() {
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {
                    let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                    next.extend(entries.map(|entry| entry.path()));
                }
                Ok(found) => self.objects.unpin((found.dev(), found.ino())),
                Err(_) => {}
            }
        }
        let _ = fs::remove_dir_all(directory); // nobody reaches it any more
    }
}

impl Files {
    /// A `struct utsname`.
    fn utsname(&self) -> Vec<u8> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let domain = fs::read_to_string("/proc/sys/kernel/domainname").unwrap_or_default();
        let fields = [
            "Linux",
            host.trim_end(),
            &self.release,
            &self.version,
            "x86_64",
            domain.trim_end(),
        ];
        let mut bytes = Vec::with_capacity(6 * 65);
        for (at, field) in fields.iter().enumerate() {
            let text = field.as_bytes();
            bytes.extend_from_slice(text.get(..64).unwrap_or(text));
            bytes.resize(65 * (at + 1), 0);
        }
        bytes
    }
}

/// A file with a text.
pub(crate) fn text_file(text: &str, flags: i32) -> Answer {
    let file = verdict_notify::memory_file(c"fdinfo").and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        verdict_notify::open_again(&file, true, false)
    });
    let file: File = file.map_err(|error| errno(&error))?;
    Ok(Done::Descriptor(file, flags & libc::O_CLOEXEC != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn paths_are_seen_from_directories() {
        let shade = std::env::temp_dir().join(format!("verdict-shade-{}", std::process::id()));
        let kernel = Kernel::open("6.12").unwrap();
        let files = Files::new(&kernel, &shade).unwrap();
        let of = |text: &[u8]| files.absolute(Task::own(), libc::AT_FDCWD, text).unwrap();
        assert_eq!(of(b"/sys//fs/./bpf/../bpf/x"), Path::new("/sys/fs/bpf/x"));
        assert_eq!(of(b"x"), std::env::current_dir().unwrap().join("x"));
        let shaded = below(&files.shade, Path::new("/sys/fs/bpf/x"));
        assert_eq!(of(shaded.as_os_str().as_bytes()), Path::new("/sys/fs/bpf/x"));
        assert!(files.is_own(Path::new("/proc/kallsyms")));
        assert!(!files.is_own(Path::new("/proc/self/maps")));
        assert_eq!(files.release, "6.12.117+deb12-amd64");
        fs::remove_dir_all(&shade).unwrap();
    }
}
