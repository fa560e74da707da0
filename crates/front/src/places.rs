//! Where programs are attached, and which they are: links, and programs that are attached without one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use verdict_kernel::errno::Errno;
use verdict_notify::Task;

use crate::objects::{Handle, Open};
use crate::play::Play;

/// `CGROUP2_SUPER_MAGIC`.
const CGROUPS: u64 = 0x6367_7270;

/// A file: device and inode.
pub(crate) type FileId = (u64, u64);

/// Where a program can be attached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A tracepoint, by its name.
    Tracepoint(String),
    /// A function: of a program, or of the kernel; the number of its type.
    Function(Option<Handle>, u32),
    /// An attach type of a control group; for security hooks with the hook.
    Cgroup(FileId, u32, u32),
    /// An attach type of a map of sockets.
    Sockets(Handle, u32),
    /// An attach type of a network name space.
    Namespace(FileId, u32),
    /// A device of a network name space, for XDP.
    Xdp(FileId, u32),
    /// An attach type of a device.
    Device(FileId, u32, u32),
    /// A hook of netfilter: family, hook, priority.
    Hook(FileId, u32, u32, i32),
    /// What an iterator walks, and the map whose elements these are.
    Walk(String, Option<Handle>),
    /// A perf event.
    Event(Handle),
    /// Many functions of the kernel or of a file.
    Many,
}

impl Place {
    /// The object that it is.
    pub(crate) fn object(&self) -> Option<Handle> {
        match self {
            Place::Function(object, _) | Place::Walk(_, object) => *object,
            Place::Sockets(object, _) | Place::Event(object) => Some(*object),
            _ => None,
        }
    }
}

/// What is attached at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guest {
    /// A program without a link.
    Program(Handle),
    /// A link.
    Link(Handle),
}

/// A place where something is, or was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// In their order.
    pub(crate) guests: Vec<Guest>,
    /// Flags of a control group.
    pub(crate) flags: u32,
    /// How often it changed.
    pub(crate) changes: u64,
}

/// All places.
#[derive(Debug, Default)]
pub(crate) struct Places(BTreeMap<Place, Site>);

impl Places {
    /// What is at a place.
    pub(crate) fn at(&self, place: &Place) -> &[Guest] {
        self.0.get(place).map_or(&[], |site| &site.guests)
    }

    pub(crate) fn site(&self, place: &Place) -> Option<&Site> {
        self.0.get(place)
    }

    pub(crate) fn site_mut(&mut self, place: &Place) -> &mut Site {
        self.0.entry(place.clone()).or_default()
    }

    pub(crate) fn add(&mut self, place: &Place, guest: Guest) {
        let site = self.site_mut(place);
        site.guests.push(guest);
        site.changes += 1;
    }

    /// Takes a guest away; a place where nobody is left is as if nobody had ever been there.
    pub(crate) fn remove(&mut self, place: &Place, guest: Guest) {
        if let Some(site) = self.0.get_mut(place) {
            site.guests.retain(|other| *other != guest);
            site.changes += 1;
            if site.guests.is_empty() {
                self.0.remove(place);
            }
        }
    }

    /// The programs that are attached without links: their places keep them.
    pub(crate) fn programs(&self) -> impl Iterator<Item = Handle> {
        let guests = self.0.values().flat_map(|site| &site.guests);
        guests.filter_map(|guest| match guest {
            Guest::Program(prog) => Some(*prog),
            Guest::Link(_) => None,
        })
    }

    /// Whether an XDP program is on any device of a network name space.
    pub(crate) fn have_xdp(&self, net: FileId) -> bool {
        let mut places = self.0.keys();
        places.any(|place| matches!(place, Place::Xdp(of, _) if *of == net))
    }

    /// An object is gone: its links, and what was attached to it.
    pub(crate) fn forget(&mut self, object: Handle) {
        self.0.retain(|place, site| {
            site.guests.retain(|guest| *guest != Guest::Link(object));
            place.object() != Some(object) && !site.guests.is_empty()
        });
    }
}

impl Play<'_> {
    /// Whether somebody is at a place, once those are gone whom nobody keeps.
    pub(crate) fn is_taken(&mut self, place: &Place) -> bool {
        !self.guests(place).is_empty()
    }

    /// Who is at a place, without those whom nobody keeps any more.
    pub(crate) fn guests(&mut self, place: &Place) -> Vec<Guest> {
        if !self.places.at(place).is_empty() {
            self.sweep();
        }
        self.places.at(place).to_vec()
    }

    /// The control group of a descriptor (`cgroup_get_from_fd`), and its path.
    pub(crate) fn cgroup(&self, task: Task, fd: i32) -> Result<(FileId, std::path::PathBuf), Errno> {
        let open = task.descriptor(fd).ok_or(Errno::EBADF)?;
        let path = task.descriptor_path(fd).ok_or(Errno::EBADF)?;
        let is_group = task.descriptor_file_system(fd) == Some(CGROUPS) && path.is_dir();
        if is_group {
            Ok((open.file, path))
        } else {
            Err(Errno::EBADF)
        }
    }

    /// The network name space of a descriptor (`get_net_ns_by_fd`).
    pub(crate) fn namespace(&self, task: Task, fd: i32) -> Result<FileId, Errno> {
        let open = task.descriptor(fd).ok_or(Errno::EBADF)?;
        let path = task.descriptor_path(fd).ok_or(Errno::EBADF)?;
        let is_net = path.to_str().is_some_and(|path| path.starts_with("net:["));
        if is_net { Ok(open.file) } else { Err(Errno::EINVAL) }
    }

    /// The caller's own network name space.
    pub(crate) fn own_namespace(&self, task: Task) -> Result<FileId, Errno> {
        namespace_of(task.id()).ok_or(Errno::EINVAL)
    }

    /// The caller's network name space, and whether it has a device of this number; `None` where that cannot be looked up.
    pub(crate) fn device(&self, task: Task, number: u32) -> Result<(FileId, Option<bool>), Errno> {
        let net = self.own_namespace(task)?;
        let known = namespace_of(Task::own().id()) == Some(net);
        let has = known.then(devices).flatten().map(|all| all.contains(&number));
        // No device has this number anywhere.
        Ok((net, if number == 0 { Some(false) } else { has }))
    }

    /// The map of a descriptor, as `__bpf_map_get` gives it.
    pub(crate) fn map_at(&self, task: Task, fd: i32) -> Result<Handle, Errno> {
        match self.objects.of(task, fd) {
            Open::Closed => Err(Errno::EBADF),
            open => self
                .handle_of(open, crate::objects::Kind::Map)
                .ok_or(Errno::EINVAL),
        }
    }
}

fn namespace_of(pid: i32) -> Option<FileId> {
    let found = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?;
    Some((found.dev(), found.ino()))
}

/// The numbers of this process's own network devices.
fn devices() -> Option<Vec<u32>> {
    let entries = fs::read_dir("/sys/class/net").ok()?;
    let number = |path: &Path| fs::read_to_string(path.join("ifindex")).ok()?.trim().parse().ok();
    Some(
        entries
            .flatten()
            .filter_map(|entry| number(&entry.path()))
            .collect(),
    )
}
