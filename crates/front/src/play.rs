//! The played kernel.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use verdict_btf::Kind as BtfKind;
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapId;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::RefusedAt;
use verdict_notify::{Filter, Reply, Task};
use verdict_syscall::Session;

use crate::files::Files;
use crate::layout::Layout;
use crate::netlink::Sockets;
use crate::objects::{Body, BtfBody, Handle, Kind, Objects};
use crate::places::{Place, Places};
use crate::privileges::Privileges;
use crate::records::{Happened, What};
use crate::tracing::Events;
use crate::untraced::Untraced;

/// A system call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Who makes it.
    pub task: Task,
    /// Its number.
    pub number: u32,
    /// Its arguments.
    pub args: [u64; 6],
}

impl Call {
    /// An argument.
    pub(crate) fn arg(&self, at: usize) -> u64 {
        self.args.get(at).copied().unwrap_or(0)
    }

    /// An argument that is a descriptor or flags.
    pub(crate) fn int(&self, at: usize) -> i32 {
        self.arg(at) as i32
    }
}

/// How a system call ends well.
#[derive(Debug)]
pub(crate) enum Done {
    /// With a value.
    Value(i64),
    /// With a descriptor; whether an exec closes it.
    Descriptor(File, bool),
    /// By the machine's kernel.
    Machine,
}

/// How a system call ends.
pub(crate) type Answer = Result<Done, Errno>;

/// The structs that are passed.
#[derive(Debug)]
pub(crate) struct Layouts {
    pub(crate) attr: Arc<Layout>,
    pub(crate) prog: Layout,
    pub(crate) map: Layout,
    pub(crate) btf: Layout,
    pub(crate) link: Layout,
}

/// A kernel that is played to one command.
#[derive(Debug)]
pub struct Play<'k> {
    pub(crate) kernel: &'k Kernel,
    pub(crate) session: Session<'k>,
    pub(crate) layouts: Layouts,
    pub(crate) objects: Objects,
    pub(crate) places: Places,
    pub(crate) events: Events,
    pub(crate) untraced: Untraced,
    pub(crate) sockets: Sockets,
    pub(crate) files: Files,
    pub(crate) privileges: Privileges,
    happened: Vec<Happened>,
    /// Bytes of what happened, and how much of it is not kept.
    happened_bytes: usize,
    left_out: usize,
    /// The object that the last answer gave a descriptor of.
    pub(crate) given: Option<Handle>,
    /// Files and lines of verdict's sources where something was refused.
    refused: BTreeSet<(&'static str, u32)>,
}

/// How many things that happened are kept, and bytes of programs among them, about.
const MOST_HAPPENED: usize = 1 << 16;
const MOST_BYTES: usize = 1 << 28;

impl<'k> Play<'k> {
    /// A kernel that was just booted, whose tasks may do what its `machine.capabilities` say. Of its files, those that are asked for lie below `directory`, which is the caller's to
    /// remove.
    ///
    /// # Errors
    /// In words, when there is no room for it.
    pub fn new(kernel: &'k Kernel, directory: &std::path::Path) -> Result<Play<'k>, String> {
        let layout = |kind, name| Layout::of(&kernel.btf, kind, name);
        let layouts = Layouts {
            attr: Arc::new(layout(BtfKind::Union, "bpf_attr")),
            prog: layout(BtfKind::Struct, "bpf_prog_info"),
            map: layout(BtfKind::Struct, "bpf_map_info"),
            btf: layout(BtfKind::Struct, "bpf_btf_info"),
            link: layout(BtfKind::Struct, "bpf_link_info"),
        };
        if layouts.attr.size == 0 {
            return Err(format!("{}: its BTF has no union bpf_attr", kernel.name));
        }
        let mut objects = Objects::default();
        // Since Linux 5.11 the kernel's own BTF has an id like others.
        if layouts.btf.field("kernel_btf").is_some() {
            let own = Body::Btf(BtfBody { btf: None });
            objects
                .add(own, true)
                .map_err(|e| format!("a file in memory: {e}"))?;
        }
        Ok(Play {
            kernel,
            session: Session::new(kernel),
            layouts,
            objects,
            places: Places::default(),
            events: Events::default(),
            untraced: Untraced::default(),
            sockets: Sockets::default(),
            files: Files::new(kernel, directory)?,
            privileges: Privileges::new(kernel.machine.capabilities),
            happened: Vec::new(),
            happened_bytes: 0,
            left_out: 0,
            given: None,
            refused: BTreeSet::new(),
        })
    }

    /// Takes note of where something was refused.
    pub(crate) fn refused_at(&mut self, site: RefusedAt) {
        self.refused.insert((site.file(), site.line()));
    }

    /// Where in verdict's sources something was refused: files and lines.
    #[doc(hidden)]
    pub fn refused(&self) -> &BTreeSet<(&'static str, u32)> {
        &self.refused
    }

    /// The system calls that are to be answered.
    pub fn filter() -> Filter {
        crate::files::filter(Filter::default().with(libc::SYS_bpf as u32, verdict_notify::Action::Ask))
    }

    /// Answers a system call.
    pub fn answer(&mut self, call: &Call) -> Reply {
        self.given = None;
        let answer = if i64::from(call.number) == libc::SYS_bpf {
            self.bpf(call)
        } else {
            self.around(call)
        };
        if self.objects.are_many() {
            self.sweep();
        }
        match answer {
            Ok(Done::Value(value)) => Reply::Value(value),
            Ok(Done::Descriptor(file, closes)) => Reply::Descriptor(file.into(), closes),
            Ok(Done::Machine) => Reply::Machine,
            Err(errno) => Reply::Error(errno.0),
        }
    }

    /// What happened so far.
    pub fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// The same, taken out.
    pub fn take_happened(&mut self) -> Vec<Happened> {
        self.happened_bytes = 0;
        std::mem::take(&mut self.happened)
    }

    /// How much more happened than is kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Notes that something happened.
    pub(crate) fn note(&mut self, call: &'static str, what: What, errno: Option<Errno>) {
        let bytes = self.happened_bytes.saturating_add(what.bytes());
        if self.happened.len() >= MOST_HAPPENED || bytes > MOST_BYTES {
            self.left_out += 1;
            return;
        }
        self.happened_bytes = bytes;
        self.happened.push(Happened { call, what, errno });
    }

    /// Refuses what is not modelled.
    pub(crate) fn unmodelled<T>(
        &mut self,
        call: &'static str,
        what: impl Into<String>,
        errno: Errno,
    ) -> Result<T, Errno> {
        self.note(call, What::Unmodelled(what.into()), Some(errno));
        Err(errno)
    }

    /// A descriptor of an object, as its answer.
    pub(crate) fn give(&mut self, handle: Handle, read: bool, write: bool) -> Answer {
        let file = self
            .objects
            .open(handle, read, write)
            .map_err(|_| Errno::EMFILE)?;
        self.given = Some(handle);
        Ok(Done::Descriptor(file, true))
    }

    /// Forgets what nobody keeps.
    pub(crate) fn sweep(&mut self) {
        let kept: Vec<Handle> = self.places.programs().chain(self.given).collect();
        for (handle, object) in self.objects.sweep(kept.into_iter()) {
            self.places.forget(handle);
            match object.body {
                Body::Map(map) => self.session.map_free(map.map),
                Body::Prog(_) => self.session.forget(&object.id.to_string()),
                Body::Btf(BtfBody { btf: Some(btf) }) => self.session.btf_free(&btf.btf),
                Body::Link(link) => {
                    if let Some(Place::Event(event)) = link.place {
                        self.set_program(event, None);
                    }
                }
                Body::Btf(_) | Body::Event(_) => {}
            }
        }
    }

    /// The object's map.
    pub(crate) fn map_id(&self, handle: Handle) -> Option<MapId> {
        match &self.objects.get(handle)?.body {
            Body::Map(map) => Some(map.map),
            _ => None,
        }
    }

    /// The object of this kind that a task's descriptor is of: `EBADF` when it is closed, `wrong` when it is of something
    /// else.
    pub(crate) fn object_of(&self, task: Task, fd: i32, kind: Kind, wrong: Errno) -> Result<Held, Errno> {
        match self.objects.of(task, fd) {
            crate::objects::Open::Closed => Err(Errno::EBADF),
            crate::objects::Open::Other => Err(wrong),
            crate::objects::Open::Object(handle, rights) => match self.objects.get(handle) {
                Some(object) if object.body.kind() == kind => Ok(Held {
                    handle,
                    reads: rights.reads,
                    writes: rights.writes,
                }),
                _ => Err(wrong),
            },
        }
    }
}

/// An object, and what a descriptor of it allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) handle: Handle,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}
