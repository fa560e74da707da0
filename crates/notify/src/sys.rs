//! The system calls that need unsafe code. Each function is safe to call: what it hands to the kernel is its own, or
//! borrowed for the time of the call.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use libc::{c_int, c_long, c_uint, c_void, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp};

use crate::filter::Insn;

/// What a started process says by bpf(2) before anything else: a command that no kernel has.
pub(crate) const HELLO: u32 = u32::MAX;

/// What it must hear.
pub(crate) const HEARD: i64 = 0x7665;

/// `-1` and errno as an error.
fn checked(result: c_long) -> io::Result<c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Has the process that `command` starts install a filter, hand its listener over through `socket`, and say [`HELLO`].
///
/// `socket` must be open when the process is started; if it is not, starting fails.
pub(crate) fn arm(command: &mut Command, program: &[Insn], socket: RawFd) {
    let program: Vec<libc::sock_filter> = program
        .iter()
        .map(|insn| libc::sock_filter {
            code: insn.code,
            jt: insn.jt,
            jf: insn.jf,
            k: insn.k,
        })
        .collect();
    let before = move || {
        let listener = install(&program)?;
        send(socket, listener)?;
        greet()
    };
    // SAFETY: between fork and exec only async-signal-safe functions may be called. `before` makes system calls through
    // prctl(2), syscall(2), sendmsg(2) and close(2), and reads errno; its memory was allocated before, and errors from errno
    // allocate nothing.
    unsafe { command.pre_exec(before) };
}

/// Installs a filter for the calling thread and all that it becomes; gives the listener.
fn install(program: &[libc::sock_filter]) -> io::Result<RawFd> {
    // SAFETY: this option takes numbers only.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?,
        filter: program.as_ptr().cast_mut(),
    };
    let listens = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Since Linux 5.19 signals do not interrupt what is being answered.
    let patient = listens | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    let mut result = Err(io::Error::from_raw_os_error(libc::EINVAL));
    for flags in [patient, listens] {
        // SAFETY: the kernel reads `program` and `len` instructions at `filter`, which outlive the call, and writes nothing.
        let installed = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        };
        result = checked(installed).map(|fd| fd as RawFd);
        if !matches!(&result, Err(error) if error.raw_os_error() == Some(libc::EINVAL)) {
            break;
        }
    }
    result
}

/// Room for a control message with one descriptor, aligned as `struct cmsghdr`.
#[repr(C, align(8))]
struct Control([u8; 24]);

/// Sends a descriptor and closes it.
fn send(socket: RawFd, fd: RawFd) -> io::Result<()> {
    let mut byte = 0u8;
    let mut part = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let mut control = Control([0; 24]);
    let message = message(&mut part, &mut control);
    let head = libc::cmsghdr {
        cmsg_len: 16 + size_of::<c_int>(),
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    // SAFETY: `control` has 24 bytes and is aligned for the 16 bytes of a `cmsghdr`.
    unsafe { ptr::write((&raw mut control).cast(), head) };
    if let Some(room) = control.0.get_mut(16..20) {
        room.copy_from_slice(&fd.to_ne_bytes());
    }
    let mut one = libc::mmsghdr {
        msg_hdr: message,
        msg_len: 0,
    };
    // sendmsg(2) may be asked about already, and nobody hears it yet.
    // SAFETY: all that `one` points to are local variables that live until the call returns.
    let sent = checked(unsafe { libc::sendmmsg(socket, &raw mut one, 1, 0) }.into());
    // SAFETY: `fd` was made by the caller for this call, and nothing else refers to it.
    unsafe { libc::close(fd) };
    sent.map(|_| ())
}

/// A message of one part, with room for one descriptor. It points to both, so it must not outlive them.
fn message(part: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: `msghdr` is made of integers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut *control).cast();
    message.msg_controllen = size_of::<Control>();
    message
}

/// Receives a descriptor; `None` when the other side closed the socket without sending one.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let mut byte = 0u8;
    let mut part = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let mut control = Control([0; 24]);
    let mut message = message(&mut part, &mut control);
    // SAFETY: all that `message` points to are local variables, as long as the lengths in it say.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    if checked(got as c_long)? == 0 || message.msg_controllen < 20 {
        return Ok(None);
    }
    let mut fd = [0; 4];
    fd.copy_from_slice(control.0.get(16..20).unwrap_or(&[0xff; 4]));
    // SAFETY: the kernel made this descriptor for us with the message; nothing else owns it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(RawFd::from_ne_bytes(fd)) }))
}

/// Says [`HELLO`]: a system call that comes to nobody's ears is one that an earlier filter refuses.
fn greet() -> io::Result<()> {
    // SAFETY: whatever kernel or filter sees this, the command is none that takes memory.
    let heard = unsafe { libc::syscall(libc::SYS_bpf, HELLO as c_long, ptr::null::<c_void>(), 0) };
    if checked(heard)? == HEARD {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EPROTO))
    }
}

/// Has orphaned descendants become children of this process, so that it stays their ancestor.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: this option takes numbers only.
    checked(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }.into()).map(|_| ())
}

/// The process that signals to end are passed on to.
static COMMAND: AtomicI32 = AtomicI32::new(0);

/// Has the signals that ask this process to end ask `pid` instead.
pub(crate) fn pass_on_endings(pid: i32) -> io::Result<()> {
    COMMAND.store(pid, Ordering::Relaxed);
    for signal in [libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: `sigaction` is made of integers and a pointer that may be NULL, for which zero is a value.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = pass_on as extern "C" fn(c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: `action` has a handler of the type that it says, which calls what a signal handler may call.
        checked(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }.into())?;
    }
    Ok(())
}

/// Passes a signal on. An atomic, errno and kill(2) are what a signal handler may use.
extern "C" fn pass_on(signal: c_int) {
    let pid = COMMAND.load(Ordering::Relaxed);
    if pid > 0 {
        // SAFETY: it takes nothing, and gives the place of this thread's errno.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: the place is this thread's own, and stays where it is.
        let errno = unsafe { *place };
        // SAFETY: kill(2) takes numbers only.
        unsafe { libc::kill(pid, signal) };
        // SAFETY: as before.
        unsafe { *place = errno };
    }
}

/// Has this process open as many descriptors as it may: each object that is played is one.
pub(crate) fn raise_descriptors() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes a `rlimit`.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: the kernel reads a `rlimit`.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

/// Reaps children that have ended, but for one.
pub(crate) fn reap_orphans(but: i32) {
    loop {
        // SAFETY: `siginfo_t` is made of integers and pointers, for which zero is a value.
        let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the kernel writes a `siginfo_t`.
        let found = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) };
        // SAFETY: the kernel filled it in for a child's state, or it is zero.
        let pid = unsafe { info.si_pid() };
        if found != 0 || pid <= 0 || pid == but {
            return;
        }
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(pid, ptr::null_mut(), libc::WNOHANG) };
    }
}

/// Waits until a system call is to be answered. `Some(true)`: one is; `Some(false)`: nobody is left who could make
/// one; `None`: the time is over.
pub(crate) fn wait(listener: BorrowedFd<'_>, milliseconds: c_int) -> io::Result<Option<bool>> {
    let mut poll = libc::pollfd {
        fd: listener.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `poll` is one `pollfd`.
    match checked(unsafe { libc::poll(&raw mut poll, 1, milliseconds) }.into()) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(poll.revents & libc::POLLIN != 0)),
    }
}

/// The next system call; `None` when it was given up in the meantime.
pub(crate) fn next(listener: BorrowedFd<'_>) -> io::Result<Option<seccomp_notif>> {
    // SAFETY: `seccomp_notif` is made of integers, and the kernel wants it zeroed.
    let mut notif: seccomp_notif = unsafe { mem::zeroed() };
    let request = libc::SECCOMP_IOCTL_NOTIF_RECV;
    // SAFETY: the request's number has the size of `notif`, which the kernel writes.
    match checked(unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw mut notif) }.into()) {
        Ok(_) => Ok(Some(notif)),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers a system call.
pub(crate) fn respond(listener: BorrowedFd<'_>, mut response: seccomp_notif_resp) -> io::Result<()> {
    let request = libc::SECCOMP_IOCTL_NOTIF_SEND;
    // SAFETY: the request's number has the size of `response`, which the kernel reads.
    checked(unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw mut response) }.into()).map(|_| ())
}

/// Puts a descriptor into the task whose system call it is; gives its number there.
pub(crate) fn add_fd(listener: BorrowedFd<'_>, added: seccomp_notif_addfd) -> io::Result<i64> {
    let request = libc::SECCOMP_IOCTL_NOTIF_ADDFD;
    // SAFETY: the request's number has the size of `added`, which the kernel reads.
    checked(unsafe { libc::ioctl(listener.as_raw_fd(), request, &raw const added) }.into())
}

/// Whether a system call still waits for its answer. None does at a descriptor that is no listener's, or is closed.
pub(crate) fn is_waiting(listener: RawFd, id: u64) -> bool {
    let request = libc::SECCOMP_IOCTL_NOTIF_ID_VALID;
    // SAFETY: the request's number has the size of `id`, which the kernel reads.
    unsafe { libc::ioctl(listener, request, &raw const id) == 0 }
}

/// Reads another process's memory; how much could be read from `address` on.
pub(crate) fn read_memory(pid: i32, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let remote = remote(address, bytes.len());
    // SAFETY: the kernel writes at most `local.iov_len` bytes into `bytes`; the other address is of the other process.
    let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    checked(read as c_long).map(|read| read as usize)
}

/// Writes another process's memory; how much could be written from `address` on.
pub(crate) fn write_memory(pid: i32, address: u64, bytes: &[u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let remote = remote(address, bytes.len());
    // SAFETY: the kernel reads `local.iov_len` bytes of `bytes`; the other address is of the other process.
    let written = unsafe { libc::process_vm_writev(pid, &raw const local, 1, &raw const remote, 1, 0) };
    checked(written as c_long).map(|written| written as usize)
}

fn remote(address: u64, len: usize) -> libc::iovec {
    libc::iovec {
        iov_base: ptr::without_provenance_mut(address as usize),
        iov_len: len,
    }
}

/// Device and inode of a path's file, without asking whoever serves it anew: a file system in user space may be served by a
/// task that waits for our answer.
pub(crate) fn file_of(path: &Path) -> io::Result<(u64, u64)> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `statx` is made of integers, for which zero is a value.
    let mut found: libc::statx = unsafe { mem::zeroed() };
    let flags = libc::AT_STATX_DONT_SYNC;
    // SAFETY: `path` ends with a NUL, and the kernel writes a `statx`.
    let got = unsafe {
        libc::statx(
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            libc::STATX_INO,
            &raw mut found,
        )
    };
    checked(got.into())?;
    let device = libc::makedev(found.stx_dev_major, found.stx_dev_minor);
    Ok((device, found.stx_ino))
}

/// The kind of file system that a path's file is on.
pub(crate) fn file_system(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `statfs` is made of integers, for which zero is a value.
    let mut found: libc::statfs = unsafe { mem::zeroed() };
    // SAFETY: `path` ends with a NUL, and the kernel writes a `statfs`.
    checked(unsafe { libc::statfs(path.as_ptr(), &raw mut found) }.into())?;
    Ok(found.f_type as u64)
}

/// A file in memory that has a name in no directory; `name` is what `/proc/PID/fd` shows of it.
///
/// # Errors
/// When there are no descriptors or no memory left.
pub fn memory_file(name: &CStr) -> io::Result<File> {
    let flags: c_uint = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: `name` ends with a NUL.
    let fd = checked(unsafe { libc::memfd_create(name.as_ptr(), flags) }.into())?;
    // SAFETY: the kernel made this descriptor for us.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
}

/// A file that may be written, but takes nothing: write(2) is answered `EINVAL`.
///
/// # Errors
/// When there are no descriptors left.
pub fn unwritable_file() -> io::Result<File> {
    let own = std::process::id();
    // A process is such a file.
    // SAFETY: this call takes numbers only.
    let process = checked(unsafe { libc::syscall(libc::SYS_pidfd_open, own, 0) })?;
    Ok(File::from(made(process)))
}

/// A descriptor of our own of what another process's descriptor is of.
pub(crate) fn copy_descriptor(pid: i32, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: this call takes numbers only.
    let process = made(checked(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?);
    // SAFETY: so does this one.
    let copied = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) };
    checked(copied).map(made)
}

/// What the machine's kernel answers a routing message (rtnetlink), datagram by datagram, `most` bytes of them together.
///
/// # Errors
/// When it refuses the socket or the message, or does not answer, or says more.
pub fn ask_routes(message: &[u8], most: usize) -> io::Result<Vec<Vec<u8>>> {
    /// Bytes of a datagram, and how long it is waited for.
    const DATAGRAM: usize = 1 << 16;
    const PATIENCE: Duration = Duration::from_secs(5);
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: this call takes numbers only.
    let socket = checked(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) }.into())?;
    let socket = UnixDatagram::from(made(socket));
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(message)?;
    let (mut answers, mut all) = (Vec::new(), 0);
    let mut room = vec![0; DATAGRAM];
    loop {
        let length = socket.recv(&mut room)?;
        let datagram = room.get(..length).unwrap_or_default();
        all += length;
        if all > most {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        answers.push(datagram.to_vec());
        // The last message of several says that it is the last; one alone is the last.
        if is_last(datagram) {
            return Ok(answers);
        }
    }
}

/// Takes the message that waits on a socket if it is wanted, of which the first 256 bytes tell; it waits for none.
pub fn take_message(socket: BorrowedFd<'_>, wanted: impl Fn(&[u8]) -> bool) {
    let mut bytes = [0u8; 256];
    let mut receive = |flags: c_int| {
        let flags = flags | libc::MSG_DONTWAIT;
        // SAFETY: the kernel writes at most as many bytes as are said, into an array that is borrowed for as long.
        let length = unsafe { libc::recv(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), flags) };
        usize::try_from(length)
            .ok()
            .and_then(|length| bytes.get(..length))
            .is_some_and(&wanted)
    };
    if receive(libc::MSG_PEEK) {
        receive(0);
    }
}

/// Whether nothing follows a datagram of netlink: it has a message that is no part of several (`NLM_F_MULTI`), or the one that
/// ends them (`NLMSG_DONE`).
fn is_last(datagram: &[u8]) -> bool {
    const DONE: u16 = 3;
    const MULTI: u16 = 2;
    let mut rest = datagram;
    while let Some([l0, l1, l2, l3, k0, k1, f0, f1]) = rest.first_chunk::<8>() {
        let (kind, flags) = (u16::from_le_bytes([*k0, *k1]), u16::from_le_bytes([*f0, *f1]));
        if kind == DONE || flags & MULTI == 0 {
            return true;
        }
        let length = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        rest = rest.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
    }
    // Not even one message.
    datagram.len() < 8
}

/// Has a file in memory stay as long as it is.
///
/// # Errors
/// When the machine's kernel refuses.
pub fn seal_size(file: &File) -> io::Result<()> {
    seal(file, libc::F_SEAL_SHRINK | libc::F_SEAL_GROW)
}

/// Has nobody write a file in memory any more, but by memory that is mapped to write already.
///
/// # Errors
/// When the machine's kernel refuses.
pub fn seal_writes(file: &File) -> io::Result<()> {
    seal(file, libc::F_SEAL_FUTURE_WRITE)
}

fn seal(file: &File, seals: c_int) -> io::Result<()> {
    // SAFETY: this command takes numbers only.
    checked(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) }.into()).map(|_| ())
}

/// The same file opened again, with a position of its own: for reading, for writing, or both.
///
/// # Errors
/// When `/proc` is not mounted or there are no descriptors left.
pub fn open_again(file: &File, read: bool, write: bool) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    File::options().read(read).write(write).open(path)
}

// What follows asks the machine's own kernel by bpf(2). Each function takes what its command reads as borrowed memory of a
// known length, so that the kernel is never handed an address or a length that is not its caller's.

/// Commands of bpf(2).
const MAP_CREATE: c_int = 0;
const MAP_UPDATE_ELEM: c_int = 2;
const PROG_LOAD: c_int = 5;
const BTF_LOAD: c_int = 18;
const MAP_FREEZE: c_int = 22;

/// Room for the attributes of any of these commands, aligned as `union bpf_attr`. Fields that are not set are zero, which
/// for all of them means that they are absent.
#[repr(C, align(8))]
struct Attr([u8; 128]);

impl Attr {
    fn new() -> Attr {
        Attr([0; 128])
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(room) = self.0.get_mut(at..at + bytes.len()) {
            room.copy_from_slice(bytes);
        }
    }

    fn u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_ne_bytes());
    }

    fn fd(&mut self, at: usize, fd: Option<BorrowedFd<'_>>) {
        if let Some(fd) = fd {
            self.put(at, &fd.as_raw_fd().to_ne_bytes());
        }
    }

    /// The address of memory that the kernel reads. None is handed over for what is empty.
    fn memory(&mut self, at: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.put(at, &(bytes.as_ptr().expose_provenance() as u64).to_ne_bytes());
        }
    }

    /// The address of memory that the kernel writes.
    fn room(&mut self, at: usize, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            self.put(at, &(bytes.as_mut_ptr().expose_provenance() as u64).to_ne_bytes());
        }
    }

    /// A name of at most 15 bytes, which the zeros behind it end.
    fn name(&mut self, at: usize, name: &str) {
        let bytes = name.as_bytes();
        self.put(at, bytes.get(..bytes.len().min(15)).unwrap_or_default());
    }

    /// Hands over the first `size` bytes.
    ///
    /// # Safety
    /// All addresses in it must be of memory that lives until this returns, as long as the lengths beside them say; where the
    /// command writes there, nothing else may refer to it.
    unsafe fn call(&mut self, command: c_int, size: usize) -> io::Result<c_long> {
        let attr = (&raw mut self.0).cast::<c_void>();
        let size = size.min(self.0.len());
        // SAFETY: `attr` has `size` bytes; of what it points to the caller has seen to that.
        checked(unsafe { libc::syscall(libc::SYS_bpf, command, attr, size) })
    }
}

/// The descriptor that a command gave.
fn made(fd: c_long) -> OwnedFd {
    // SAFETY: the kernel made this descriptor for us with the call that gave its number; nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// A length as attributes have it.
fn length(of: usize) -> io::Result<u32> {
    u32::try_from(of).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))
}

/// Has the machine's kernel load BTF (`BPF_BTF_LOAD`).
///
/// # Errors
/// What it refuses with.
pub fn btf_load(btf: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = Attr::new();
    attr.memory(0, btf);
    attr.u32(16, length(btf.len())?);
    // SAFETY: the kernel reads as many bytes of `btf` as it has, which is borrowed until the call returns. No log is asked for.
    unsafe { attr.call(BTF_LOAD, 28) }.map(made)
}

/// What a map is created with. Numbers are those of `union bpf_attr`; 0 is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct MapAttr<'a> {
    /// `BPF_MAP_TYPE_*`.
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub map_flags: u32,
    /// The map whose shape the inner maps have.
    pub inner_map: Option<BorrowedFd<'a>>,
    /// NUMA node.
    pub numa_node: u32,
    /// At most 15 bytes of it are handed over.
    pub name: &'a str,
    /// BTF that describes keys and values.
    pub btf: Option<BorrowedFd<'a>>,
    /// Types of it.
    pub btf_key_type_id: u32,
    /// Types of it.
    pub btf_value_type_id: u32,
    /// A type of the kernel.
    pub btf_vmlinux_value_type_id: u32,
    /// Bits whose meaning depends on the type.
    pub map_extra: u64,
}

/// Has the machine's kernel create a map (`BPF_MAP_CREATE`).
///
/// # Errors
/// What it refuses with.
pub fn map_create(map: &MapAttr<'_>) -> io::Result<OwnedFd> {
    let mut attr = Attr::new();
    let numbers = [
        map.map_type,
        map.key_size,
        map.value_size,
        map.max_entries,
        map.map_flags,
    ];
    for (at, number) in numbers.into_iter().enumerate() {
        attr.u32(4 * at, number);
    }
    attr.fd(20, map.inner_map);
    attr.u32(24, map.numa_node);
    attr.name(28, map.name);
    attr.fd(48, map.btf);
    attr.u32(52, map.btf_key_type_id);
    attr.u32(56, map.btf_value_type_id);
    attr.u32(60, map.btf_vmlinux_value_type_id);
    attr.put(64, &map.map_extra.to_ne_bytes());
    // SAFETY: this command has no addresses. What `map_extra` may be one of (an arena) the kernel takes for a place in this
    // process's address space only when the map is mapped, which is a call of its own.
    unsafe { attr.call(MAP_CREATE, 72) }.map(made)
}

/// Has the machine's kernel write an element of a map (`BPF_MAP_UPDATE_ELEM`), whose sizes are those it was created with.
///
/// # Errors
/// What it refuses with; `EINVAL` when key or value are shorter than the map's.
pub fn map_update(
    map: BorrowedFd<'_>,
    (key_size, value_size): (u32, u32),
    key: &[u8],
    value: &[u8],
) -> io::Result<()> {
    if key.len() < key_size as usize || value.len() < value_size as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut attr = Attr::new();
    attr.fd(0, Some(map));
    attr.memory(8, key);
    attr.memory(16, value);
    // SAFETY: the kernel reads a key and a value, which it only copies; both are borrowed until the call returns. What a map
    // reads beyond them (one value for each CPU) comes from this process's memory and changes nothing of it.
    unsafe { attr.call(MAP_UPDATE_ELEM, 32) }.map(|_| ())
}

/// Has user space not write a map any more (`BPF_MAP_FREEZE`).
///
/// # Errors
/// What the machine's kernel refuses with.
pub fn map_freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = Attr::new();
    attr.fd(0, Some(map));
    // SAFETY: this command takes a descriptor and no address.
    unsafe { attr.call(MAP_FREEZE, 4) }.map(|_| ())
}

/// Memory of a map that is mapped into this process; it is unmapped when this is dropped. Nothing here reads or writes it.
#[derive(Debug)]
pub struct Mapped {
    at: *mut c_void,
    bytes: usize,
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mmap(2) gave this memory to us, and nobody else was told where it is.
        unsafe { libc::munmap(self.at, self.bytes) };
    }
}

/// Maps the memory of a map, so that it has a place in this process: an arena has none before.
///
/// # Errors
/// What the machine's kernel refuses with.
pub fn map_memory(map: BorrowedFd<'_>, bytes: usize) -> io::Result<Mapped> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel chooses a place where nothing is mapped.
    let at = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            access,
            libc::MAP_SHARED,
            map.as_raw_fd(),
            0,
        )
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(Mapped { at, bytes })
}

/// What a program is loaded with. Numbers are those of `union bpf_attr`; 0 is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgAttr<'a> {
    /// `BPF_PROG_TYPE_*`.
    pub prog_type: u32,
    /// `BPF_*` attach type.
    pub expected_attach_type: u32,
    /// Instructions, eight bytes each, with descriptors of maps in them.
    pub insns: &'a [u8],
    /// Its licence.
    pub license: &'a CStr,
    /// `LINUX_VERSION_CODE`.
    pub kern_version: u32,
    /// `BPF_F_*`.
    pub prog_flags: u32,
    /// At most 15 bytes of it are handed over.
    pub name: &'a str,
    /// BTF that describes it.
    pub btf: Option<BorrowedFd<'a>>,
    /// Records of functions, eight bytes each.
    pub func_info: &'a [u8],
    /// Records of lines, sixteen bytes each.
    pub line_info: &'a [u8],
    /// A type of the kernel that it attaches to.
    pub attach_btf_id: u32,
    /// `log_level`.
    pub log_level: u32,
}

/// Has the machine's kernel load a program (`BPF_PROG_LOAD`), with a log in `log`, which is all of the buffer. Text ends at
/// the first zero.
///
/// # Errors
/// What it refuses with.
pub fn prog_load(prog: &ProgAttr<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
    const FUNC_RECORD: usize = 8;
    const LINE_RECORD: usize = 16;
    let mut attr = Attr::new();
    attr.u32(0, prog.prog_type);
    attr.u32(4, length(prog.insns.len() / 8)?);
    attr.memory(8, prog.insns);
    attr.memory(16, prog.license.to_bytes_with_nul());
    if prog.log_level != 0 {
        attr.u32(24, prog.log_level);
        attr.u32(28, length(log.len())?);
        attr.room(32, log);
    }
    attr.u32(40, prog.kern_version);
    attr.u32(44, prog.prog_flags);
    attr.name(48, prog.name);
    attr.u32(68, prog.expected_attach_type);
    if prog.btf.is_some() {
        attr.fd(72, prog.btf);
        attr.u32(76, FUNC_RECORD as u32);
        attr.memory(80, prog.func_info);
        attr.u32(88, length(prog.func_info.len() / FUNC_RECORD)?);
        attr.u32(92, LINE_RECORD as u32);
        attr.memory(96, prog.line_info);
        attr.u32(104, length(prog.line_info.len() / LINE_RECORD)?);
    }
    attr.u32(108, prog.attach_btf_id);
    // SAFETY: the kernel reads instructions, records and the licence, as many as the counts beside them say or up to the
    // licence's NUL, and writes at most `log.len()` bytes into `log`; all are borrowed until the call returns, `log` mutably.
    unsafe { attr.call(PROG_LOAD, 120) }.map(made)
}
