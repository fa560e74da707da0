//! What the played kernel keeps for its callers: objects behind descriptors, their ids, and what keeps them.
//!
//! A descriptor of an object is one of a file in memory that is the object's alone: however it was copied, inherited or passed
//! on, its file says which object it is of. An object is kept by descriptors, by memory that maps its file, by pins and by
//! other objects; which of them there still are is looked up in `/proc` when it matters.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use verdict_kernel::attr::{MapId, ProgId};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::ProgType;
use verdict_notify::{Descriptor, Task, memory_file, open_again};
use verdict_syscall::LoadedProg;
use verdict_syscall::btf::ProgBtf;

use crate::contents::Contents;
use crate::places::Place;

/// An object's place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Handle(u64);

/// The kinds of objects that have ids of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Map,
    Prog,
    Btf,
    Link,
    Event,
}

impl Kind {
    /// What `/proc/PID/fd` shows of it, as far as tools look.
    fn file_name(self) -> &'static std::ffi::CStr {
        match self {
            Kind::Map => c"bpf-map",
            Kind::Prog => c"bpf-prog",
            Kind::Btf => c"btf",
            Kind::Link => c"bpf_link",
            Kind::Event => c"[perf_event]",
        }
    }
}

/// A map.
#[derive(Debug)]
pub(crate) struct MapBody {
    pub(crate) map: MapId,
    pub(crate) contents: Contents,
    pub(crate) btf: Option<Handle>,
    pub(crate) key_type: u32,
    pub(crate) frozen: bool,
    /// Bytes of memory that its file takes.
    pub(crate) used: usize,
}

/// The most bytes that the elements of all maps may take.
const MOST_BYTES: usize = 1 << 30;

impl MapBody {
    /// Whether so many bytes more may be taken where so many are.
    pub(crate) fn has_room(&self, used: usize, more: usize) -> Result<(), Errno> {
        if used.saturating_add(more) > MOST_BYTES {
            Err(Errno::ENOMEM)
        } else {
            Ok(())
        }
    }

    /// Looks up how much memory its file takes.
    pub(crate) fn measure(&mut self, file: &File) {
        /// Bytes of what `st_blocks` counts.
        const BLOCK: u64 = 512;
        if matches!(self.contents, Contents::File) {
            self.used = file
                .metadata()
                .map_or(self.used, |found| (BLOCK * found.blocks()) as usize);
        }
    }
}

/// A program.
#[derive(Debug)]
pub(crate) struct ProgBody {
    pub(crate) loaded: Arc<LoadedProg>,
    pub(crate) place: Option<ProgId>,
    pub(crate) maps: Vec<Handle>,
    pub(crate) btf: Option<Handle>,
    pub(crate) target: Option<Handle>,
    pub(crate) tag: [u8; 8],
    pub(crate) verified_insns: u32,
    /// How many functions it has, without those that were removed as dead code.
    pub(crate) functions: usize,
    /// When it was loaded, in nanoseconds since the machine was booted.
    pub(crate) loaded_at: u64,
    /// It was attached to what it was loaded for, and that is forgotten.
    pub(crate) spent: bool,
}

impl ProgBody {
    /// Its type, as it was loaded.
    pub(crate) fn prog_type(&self) -> ProgType {
        match self.loaded.prog.extends {
            true => ProgType::Ext,
            false => self.loaded.prog.prog_type,
        }
    }
}

/// A BTF.
#[derive(Debug)]
pub(crate) struct BtfBody {
    /// `None`: the kernel's own.
    pub(crate) btf: Option<Arc<ProgBtf>>,
}

/// A program that is attached.
#[derive(Clone, Debug)]
pub(crate) struct LinkBody {
    /// `BPF_LINK_TYPE_*`.
    pub(crate) link_type: u32,
    pub(crate) prog: Handle,
    pub(crate) attach_type: u32,
    /// Where; `None` once it is detached.
    pub(crate) place: Option<Place>,
    pub(crate) cookie: u64,
}

/// What an object is.
#[derive(Debug)]
pub(crate) enum Body {
    Map(MapBody),
    Prog(ProgBody),
    Btf(BtfBody),
    Link(LinkBody),
    Event(EventBody),
}

/// A perf event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventBody {
    /// The type of the programs that it runs.
    pub(crate) runs: ProgType,
    /// The one that it runs.
    pub(crate) prog: Option<Handle>,
}

impl Body {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Body::Map(_) => Kind::Map,
            Body::Prog(_) => Kind::Prog,
            Body::Btf(_) => Kind::Btf,
            Body::Link(_) => Kind::Link,
            Body::Event(_) => Kind::Event,
        }
    }

    /// The objects that it keeps.
    fn keeps(&self) -> Vec<Handle> {
        match self {
            Body::Map(map) => map.btf.into_iter().chain(map.contents.objects()).collect(),
            Body::Prog(prog) => {
                let others = prog.btf.into_iter().chain(prog.target);
                others.chain(prog.maps.iter().copied()).collect()
            }
            Body::Link(link) => {
                let at = link.place.as_ref().and_then(Place::object);
                at.into_iter().chain([link.prog]).collect()
            }
            Body::Btf(_) => Vec::new(),
            Body::Event(event) => event.prog.into_iter().collect(),
        }
    }
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: u32,
    pub(crate) body: Body,
    pub(crate) file: File,
    key: (u64, u64),
    /// It stays whoever refers to it.
    stays: bool,
}

impl Object {
    /// Device and inode of its file.
    pub(crate) fn key(&self) -> (u64, u64) {
        self.key
    }
}

/// How many objects there may be before it is looked for those that nobody keeps, which takes a look at all processes. Each has
/// a descriptor of ours.
const SWEEP: usize = 500;

/// All objects.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    all: BTreeMap<Handle, Object>,
    by_file: HashMap<(u64, u64), Handle>,
    by_id: BTreeMap<(Kind, u32), Handle>,
    last_ids: BTreeMap<Kind, u32>,
    last: u64,
    /// Pins by their files.
    pins: HashMap<(u64, u64), Handle>,
    sweep_at: usize,
}

/// What a task's descriptor is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// Nothing.
    Closed,
    /// A file that is no object.
    Other,
    /// An object.
    Object(Handle, Descriptor),
}

impl Objects {
    /// Adds an object with the next id of its kind.
    pub(crate) fn add(&mut self, body: Body, stays: bool) -> io::Result<Handle> {
        let kind = body.kind();
        let file = memory_file(kind.file_name())?;
        self.add_with(body, file, stays)
    }

    /// The same with a file that was made before.
    pub(crate) fn add_with(&mut self, body: Body, file: File, stays: bool) -> io::Result<Handle> {
        let kind = body.kind();
        let found = file.metadata()?;
        let key = (found.dev(), found.ino());
        let last = self.last_ids.entry(kind).or_insert(0);
        *last += 1;
        let id = *last;
        self.last += 1;
        let handle = Handle(self.last);
        self.by_file.insert(key, handle);
        self.by_id.insert((kind, id), handle);
        let object = Object {
            id,
            body,
            file,
            key,
            stays,
        };
        self.all.insert(handle, object);
        Ok(handle)
    }

    /// The id that the next object of this kind will have.
    pub(crate) fn next_of(&self, kind: Kind) -> u32 {
        self.last_ids.get(&kind).map_or(1, |last| last + 1)
    }

    /// A new descriptor of an object.
    pub(crate) fn open(&self, handle: Handle, read: bool, write: bool) -> io::Result<File> {
        let object = self.get(handle).ok_or(io::ErrorKind::NotFound)?;
        open_again(&object.file, read, write)
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&Object> {
        self.all.get(&handle)
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut Object> {
        self.all.get_mut(&handle)
    }

    /// What a task's descriptor is of.
    pub(crate) fn of(&self, task: Task, fd: i32) -> Open {
        match task.descriptor(fd) {
            None => Open::Closed,
            Some(found) => match self.by_file.get(&found.file) {
                Some(handle) => Open::Object(*handle, found),
                None => Open::Other,
            },
        }
    }

    /// The object of an id.
    pub(crate) fn by_id(&self, kind: Kind, id: u32) -> Option<Handle> {
        self.by_id.get(&(kind, id)).copied()
    }

    /// The least id of this kind from `id` on.
    pub(crate) fn next_id(&self, kind: Kind, id: u32) -> Option<u32> {
        let mut next = self.by_id.range((kind, id)..=(kind, u32::MAX));
        next.next().map(|((_, id), _)| *id)
    }

    /// Has a file of a bpffs keep an object.
    pub(crate) fn pin(&mut self, file: (u64, u64), handle: Handle) {
        self.pins.insert(file, handle);
    }

    /// The object that a file of a bpffs keeps.
    pub(crate) fn pinned(&self, file: (u64, u64)) -> Option<Handle> {
        self.pins.get(&file).copied()
    }

    /// Takes a pin away.
    pub(crate) fn unpin(&mut self, file: (u64, u64)) {
        self.pins.remove(&file);
    }

    /// Bytes that elements of maps take.
    pub(crate) fn bytes(&self) -> usize {
        let of = |object: &Object| match &object.body {
            Body::Map(map) => map.contents.bytes().saturating_add(map.used),
            _ => 0,
        };
        self.all.values().map(of).sum()
    }

    /// Whether another process has an object's file mapped to write.
    pub(crate) fn is_mapped_to_write(&self, handle: Handle) -> bool {
        let Some(object) = self.get(handle) else {
            return false;
        };
        others().any(|task| task.mapped_files().contains(&(object.key, true)))
    }

    /// Whether there are so many objects that those should go which nobody keeps.
    pub(crate) fn are_many(&self) -> bool {
        self.all.len() > self.sweep_at.max(SWEEP)
    }

    /// Takes out what nobody keeps any more, but for what is kept by others than objects.
    pub(crate) fn sweep(&mut self, but: impl Iterator<Item = Handle>) -> Vec<(Handle, Object)> {
        let held = held_files();
        let mut kept = BTreeSet::new();
        let mut next: Vec<Handle> = self
            .all
            .iter()
            .filter(|(_, object)| object.stays || held.contains(&object.key))
            .map(|(handle, _)| *handle)
            .chain(self.pins.values().copied())
            .chain(but)
            .collect();
        while let Some(handle) = next.pop() {
            if kept.insert(handle)
                && let Some(object) = self.all.get(&handle)
            {
                next.extend(object.body.keeps());
            }
        }
        let gone: Vec<Handle> = self.all.keys().copied().filter(|h| !kept.contains(h)).collect();
        self.sweep_at = 2 * kept.len();
        let mut taken = Vec::with_capacity(gone.len());
        for handle in gone {
            taken.extend(self.take(handle).map(|object| (handle, object)));
        }
        taken
    }

    fn take(&mut self, handle: Handle) -> Option<Object> {
        let object = self.all.remove(&handle)?;
        self.by_file.remove(&object.key);
        self.by_id.remove(&(object.body.kind(), object.id));
        Some(object)
    }
}

/// All processes but this one.
fn others() -> impl Iterator<Item = Task> {
    let own = Task::own().id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| *pid != own).map(Task::numbered)
}

/// The files that processes have open or mapped, of all processes but this one that may be looked at.
fn held_files() -> BTreeSet<(u64, u64)> {
    let mut held = BTreeSet::new();
    for task in others() {
        held.extend(task.files());
        held.extend(task.mapped_files().into_iter().map(|(file, _)| file));
    }
    held
}
