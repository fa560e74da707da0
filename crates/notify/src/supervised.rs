//! A command whose system calls are answered.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::filter::Filter;
use crate::sys;
use crate::task::Task;

/// How often it is looked for orphans that have ended.
const TURN: i32 = 1000;

/// A command that was started, and what it asks.
#[derive(Debug)]
pub struct Supervised {
    listener: OwnedFd,
    /// The command's process.
    pid: i32,
    ended: Receiver<io::Result<ExitStatus>>,
}

/// A system call that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    id: u64,
    /// Who makes it.
    pub task: Task,
    /// Its number.
    pub number: u32,
    /// Its arguments.
    pub args: [u64; 6],
}

/// The answer to a system call.
#[derive(Debug)]
pub enum Reply {
    /// It returns this.
    Value(i64),
    /// It fails with this errno.
    Error(i32),
    /// It returns a descriptor of this file; whether an exec closes it.
    Descriptor(OwnedFd, bool),
    /// The machine's kernel answers. The task may have changed its memory since it was looked at.
    Machine,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(u8),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    /// The exit code, as shells give it.
    pub fn code(self) -> u8 {
        match self {
            Ended::Code(code) => code,
            Ended::Signal(signal) => u8::try_from(signal).unwrap_or(0).saturating_add(128),
        }
    }
}

/// Why a command cannot be run so.
#[derive(Debug)]
pub enum StartError {
    /// It cannot be executed.
    Command(io::Error),
    /// The machine's kernel, or a container, has no user notification for seccomp(2).
    Notification(io::Error),
    /// bpf(2) is refused by a filter that was there before: a container's.
    Refused(io::Error),
    /// Something else failed.
    Other(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Command(error) => write!(f, "{error}"),
            StartError::Notification(error) => write!(
                f,
                "seccomp user notification is not available here ({error}): Linux 5.9 or later is needed, and a container that \
                 allows seccomp(2)"
            ),
            StartError::Refused(error) => write!(
                f,
                "a seccomp filter that was there before, the container's, refuses bpf(2) ({error}); allow it there (docker, \
                 podman: --security-opt seccomp=unconfined): nothing of it reaches the machine's kernel"
            ),
            StartError::Other(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl Supervised {
    /// Starts a command. Its descendants that lose their parents become children of the calling process; signals that ask
    /// that process to end (`SIGTERM`, `SIGHUP`) are passed on to the command; and the calling process may open as many
    /// descriptors as it is ever allowed to.
    ///
    /// # Errors
    /// When it cannot be started, or its system calls cannot be answered.
    pub fn start(mut command: Command, filter: &Filter) -> Result<Supervised, StartError> {
        sys::adopt_orphans().map_err(StartError::Other)?;
        let (own, its) = UnixStream::pair().map_err(StartError::Other)?;
        sys::arm(&mut command, &filter.program(), its.as_raw_fd());
        let (says_started, started) = channel();
        let (says_ended, ended) = channel();
        // Starting waits until the command is executed, and before that it waits for us.
        let starting = move || start_and_wait(command, its, &says_started, &says_ended);
        thread::Builder::new()
            .name("command".to_owned())
            .spawn(starting)
            .map_err(StartError::Other)?;
        let received = sys::receive(own.as_fd()).map_err(StartError::Other)?;
        let failed = |error: &dyn Fn(io::Error) -> StartError| match started.recv() {
            Ok(Err(reason)) => error(reason),
            _ => StartError::Other(io::ErrorKind::BrokenPipe.into()),
        };
        let Some(listener) = received else {
            return Err(failed(&StartError::Notification));
        };
        if !greeted(&listener).map_err(StartError::Notification)? {
            return Err(failed(&StartError::Refused));
        }
        match started.recv() {
            Ok(Ok(pid)) => {
                sys::pass_on_endings(pid).map_err(StartError::Other)?;
                // Only now: what is started has the limit that it would have anyway.
                sys::raise_descriptors();
                Ok(Supervised { listener, pid, ended })
            }
            Ok(Err(error)) => Err(StartError::Command(error)),
            Err(_) => Err(StartError::Other(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// The next system call; or how the command ended, once it and all its descendants have.
    ///
    /// # Errors
    /// When the kernel tells neither.
    pub fn request(&mut self) -> io::Result<Result<Request, Ended>> {
        loop {
            match sys::wait(self.listener.as_fd(), TURN)? {
                Some(true) => {
                    if let Some(notif) = sys::next(self.listener.as_fd())? {
                        return Ok(Ok(Request {
                            id: notif.id,
                            task: Task::asking(notif.pid as i32, self.listener.as_fd(), notif.id),
                            number: notif.data.nr as u32,
                            args: notif.data.args,
                        }));
                    }
                }
                Some(false) => return self.end().map(Err),
                None => sys::reap_orphans(self.pid),
            }
        }
    }

    fn end(&self) -> io::Result<Ended> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        let status = self.ended.recv().map_err(gone)??;
        sys::reap_orphans(self.pid);
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(match code {
            Some(code) => Ended::Code(code),
            None => Ended::Signal(status.signal().unwrap_or(0)),
        })
    }

    /// Whether a system call still waits: its task may have been killed.
    pub fn is_waiting(&self, request: &Request) -> bool {
        sys::is_waiting(self.listener.as_raw_fd(), request.id)
    }

    /// Answers a system call. `false` when nobody waits for the answer any more.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn reply(&self, request: &Request, reply: Reply) -> io::Result<bool> {
        let mut response = libc::seccomp_notif_resp {
            id: request.id,
            val: 0,
            error: 0,
            flags: 0,
        };
        match reply {
            Reply::Value(value) => response.val = value,
            Reply::Error(errno) => response.error = -errno,
            Reply::Machine => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Reply::Descriptor(fd, closes) => match self.add(request, &fd, closes)? {
                Some(Ok(number)) => response.val = number,
                Some(Err(errno)) => response.error = -errno,
                None => return Ok(true),
            },
        }
        taken(sys::respond(self.listener.as_fd(), response))
    }

    /// Puts a descriptor into the task: `None` when that was the answer, else its number there, or why there is none.
    fn add(&self, request: &Request, fd: &OwnedFd, closes: bool) -> io::Result<Option<Result<i64, i32>>> {
        let mut added = libc::seccomp_notif_addfd {
            id: request.id,
            flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
            srcfd: fd.as_raw_fd() as u32,
            newfd: 0,
            newfd_flags: if closes { libc::O_CLOEXEC as u32 } else { 0 },
        };
        let mut result = sys::add_fd(self.listener.as_fd(), added);
        // Before Linux 5.14 that and the answer are two steps.
        let at_once = !matches!(&result, Err(error) if error.raw_os_error() == Some(libc::EINVAL));
        if !at_once {
            added.flags = 0;
            result = sys::add_fd(self.listener.as_fd(), added);
        }
        match result {
            Ok(_) if at_once => Ok(None),
            Ok(number) => Ok(Some(Ok(number))),
            Err(error) => match error.raw_os_error() {
                Some(errno @ (libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => Ok(Some(Err(errno))),
                Some(libc::ENOENT | libc::ESRCH) => Ok(None),
                _ => Err(error),
            },
        }
    }
}

/// Whether somebody still waited.
fn taken(sent: io::Result<()>) -> io::Result<bool> {
    match sent {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Starts the command and waits for its end. The socket's other half closes once the process has its own, so that it
/// is noticed when nothing comes through it.
fn start_and_wait(
    mut command: Command,
    socket: UnixStream,
    started: &Sender<io::Result<i32>>,
    ended: &Sender<io::Result<ExitStatus>>,
) {
    let child = command.spawn();
    drop(socket);
    match child {
        Ok(mut child) => {
            // Nobody who could listen goes away before this ends.
            let _ = started.send(Ok(child.id() as i32));
            let _ = ended.send(child.wait());
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    }
}

/// Answers the process's first words; `false` when it ends without any.
fn greeted(listener: &OwnedFd) -> io::Result<bool> {
    loop {
        match sys::wait(listener.as_fd(), TURN)? {
            Some(false) => return Ok(false),
            None => {}
            Some(true) => {
                let Some(notif) = sys::next(listener.as_fd())? else {
                    continue;
                };
                let hello = notif.data.args.first().copied() == Some(sys::HELLO.into());
                let flags = if hello {
                    0
                } else {
                    libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32
                };
                let answered = taken(sys::respond(
                    listener.as_fd(),
                    libc::seccomp_notif_resp {
                        id: notif.id,
                        val: if hello { sys::HEARD } else { 0 },
                        error: 0,
                        flags,
                    },
                ))?;
                if hello {
                    return Ok(answered);
                }
            }
        }
    }
}
