//! The loader: what libbpf 1.5 does in user space between a `.bpf.o` file and bpf(2).
//!
//! [`Object::open`] reads an object; [`Object::prepare`] does for one of its programs what
//! `bpf_object__load` does up to `BPF_PROG_LOAD` when only that program is to be loaded: it resolves
//! externs, applies CO-RE and other relocations, appends the subprograms and creates the maps through
//! [`Bpf`], the kernel's side. What libbpf refuses is refused for the same reason, in the same words.
//!
//! Objects are hostile input: no bytes make these functions panic or use memory out of proportion.

mod error;

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, MapId, MapValue, ProgLoad};
use verdict_kernel::errno::Errno;

pub use error::{OpenError, PrepareError, ProgFacts, libbpf};

/// The kernel's side of loading an object: the commands of bpf(2) that come before `BPF_PROG_LOAD`.
pub trait Bpf {
    /// `BPF_BTF_LOAD`.
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), Errno>;
    /// `BPF_MAP_CREATE`.
    fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Errno>;
    /// `BPF_MAP_UPDATE_ELEM`.
    fn map_update(&mut self, map: MapId, key: &[u8], value: MapValue) -> Result<(), Errno>;
    /// `BPF_MAP_FREEZE`.
    fn map_freeze(&mut self, map: MapId) -> Result<(), Errno>;
}

/// A program made ready, with those that libbpf loads before it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The programs to hand to `BPF_PROG_LOAD`, in this order. More than one only where struct_ops maps
    /// need other programs; loading stops at the first that the kernel refuses.
    pub loads: Vec<ProgLoad>,
    /// Which of `loads` was asked for; `None` when libbpf leaves it out (a struct_ops program of maps that
    /// are not created) or fails before it gets there.
    pub target: Option<usize>,
    /// What libbpf tells of the program that was asked for.
    pub facts: ProgFacts,
    /// Warnings so far, a line each.
    pub messages: Vec<String>,
}

/// An opened object.
#[derive(Debug)]
pub struct Object {}

impl Object {
    /// Reads the object in `bytes`; `file_name` is for messages and for the names of data maps.
    ///
    /// # Errors
    /// What `bpf_object__open_file` refuses.
    pub fn open(file_name: &str, bytes: &[u8], kernel: &Kernel) -> Result<Object, OpenError> {
        let _ = (file_name, bytes, kernel);
        Err(OpenError { errno: Errno::ENOSYS, messages: Vec::new() })
    }

    /// Number of programs, subprograms left out.
    pub fn program_count(&self) -> usize {
        0
    }

    /// Name of a program.
    pub fn program_name(&self, index: usize) -> &str {
        let _ = index;
        ""
    }

    /// Makes program `index` ready: everything that libbpf does up to `BPF_PROG_LOAD`.
    ///
    /// # Errors
    /// What `bpf_object__load` refuses before the kernel refuses a program.
    pub fn prepare(&self, index: usize, bpf: &mut dyn Bpf) -> Result<Prepared, PrepareError> {
        let _ = (index, bpf);
        Err(PrepareError { errno: Errno::ENOSYS, messages: Vec::new(), facts: ProgFacts::default() })
    }

    /// What libbpf does once all of `prepared.loads` are loaded: it fills program arrays.
    ///
    /// # Errors
    /// When that fails, as it does if a program array names a program that is not loaded.
    pub fn finish(&self, prepared: &Prepared, bpf: &mut dyn Bpf) -> Result<(), PrepareError> {
        let _ = (prepared, bpf);
        Ok(())
    }
}
