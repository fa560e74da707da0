//! Pins: `OBJ_PIN` and `OBJ_GET`, in the file system of the played kernel.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use verdict_kernel::errno::Errno;
use verdict_syscall::map::flags::{RDONLY, WRONLY};

use crate::bpf::Asked;
use crate::objects::{Kind, Open};
use crate::play::{Answer, Done, Play};

/// `BPF_F_PATH_FD`.
const PATH_FD: u32 = 1 << 14;

/// The errno of an error of the machine's.
pub(crate) fn errno(error: &io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(libc::EIO))
}

impl Play<'_> {
    /// The path in the played kernel's own file system, and whether it is one of pins.
    fn pin_path(&mut self, asked: &Asked<'_>) -> Result<(std::path::PathBuf, bool), Errno> {
        let flags = asked.attr.u32("file_flags");
        let directory = match flags & PATH_FD {
            0 if asked.attr.u32("path_fd") != 0 => return Err(Errno::EINVAL),
            0 => libc::AT_FDCWD,
            _ => asked.attr.fd("path_fd"),
        };
        let task = asked.call.task;
        let text = task
            .read_string(asked.attr.u64("pathname"), libc::PATH_MAX as usize)
            .map_err(Errno)?
            .ok_or(Errno::ENAMETOOLONG)?;
        if text.is_empty() {
            return Err(Errno::ENOENT);
        }
        let path = self.files.absolute(task, directory, &text).ok_or(Errno::EBADF)?;
        match self.files.pins(&path) {
            Some(own) => Ok((own, true)),
            None => Ok((path, false)),
        }
    }

    pub(crate) fn obj_pin(&mut self, asked: &Asked<'_>) -> Answer {
        if asked.attr.u32("file_flags") & !PATH_FD != 0 {
            return Err(Errno::EINVAL);
        }
        let handle = match self.objects.of(asked.call.task, asked.attr.fd("bpf_fd")) {
            Open::Object(handle, _) => handle,
            Open::Closed | Open::Other => return Err(Errno::EINVAL),
        };
        let kind = self.objects.get(handle).map(|object| object.body.kind());
        if !matches!(kind, Some(Kind::Map | Kind::Prog | Kind::Link)) {
            return Err(Errno::EINVAL);
        }
        let (path, is_own) = self.pin_path(asked)?;
        if !is_own {
            let parent = path.parent().is_some_and(|parent| parent.is_dir());
            return Err(if parent { Errno::EPERM } else { Errno::ENOENT });
        }
        let dotted = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().contains(&b'.'));
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(&path);
        let made = match made {
            Ok(_) if dotted => {
                let _ = fs::remove_file(&path);
                return Err(Errno::EPERM);
            }
            Ok(made) => made,
            Err(error) => return Err(errno(&error)),
        };
        let found = made.metadata().map_err(|error| errno(&error))?;
        self.objects.pin((found.dev(), found.ino()), handle);
        Ok(Done::Value(0))
    }

    pub(crate) fn obj_get(&mut self, asked: &Asked<'_>) -> Answer {
        let flags = asked.attr.u32("file_flags");
        if asked.attr.u32("bpf_fd") != 0 || flags & !(RDONLY | WRONLY | PATH_FD) != 0 {
            return Err(Errno::EINVAL);
        }
        if flags & (RDONLY | WRONLY) == RDONLY | WRONLY {
            return Err(Errno::EINVAL);
        }
        let (path, is_own) = self.pin_path(asked)?;
        let found = fs::metadata(&path).map_err(|error| errno(&error))?;
        let pinned = self.objects.pinned((found.dev(), found.ino()));
        let Some(handle) = pinned.filter(|_| is_own) else {
            return Err(Errno::EACCES);
        };
        let is_map = self.map_id(handle).is_some();
        let reads = !is_map || flags & WRONLY == 0;
        let writes = !is_map || flags & RDONLY == 0;
        self.give(handle, reads, writes)
    }
}
