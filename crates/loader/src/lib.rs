//! The loader: what libbpf 1.5 does in user space between a `.bpf.o` file and bpf(2).
//!
//! [`Object::open`] reads an object; [`Object::prepare`] does for one of its programs what
//! `bpf_object__load` does up to `BPF_PROG_LOAD` when only that program is asked for: it resolves externs,
//! applies CO-RE and other relocations, appends the subprograms and creates the maps through [`Bpf`], the
//! kernel's side. [`Object::finish`] is what comes after. What libbpf refuses is refused for the same
//! reason, in the same words.
//!
//! Objects are hostile input: no bytes make these functions panic or use memory out of proportion.

mod create;
mod datasec;
mod elf;
mod error;
mod ext;
mod externs;
mod fixups;
mod globals;
mod insn;
mod link;
mod log;
mod map_defs;
mod maps;
mod object;
mod open;
mod prepare;
mod program;
mod relos;
mod resolve;
mod sections;
mod struct_ops;
mod target;

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_btf::ext::CoreRelo;
use verdict_kernel::attr::{MapCreate, MapId, MapValue, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;

pub use error::{OpenError, PrepareError, ProgFacts, libbpf, strerror};
pub use globals::{GlobalError, Globals};
pub use object::{Manner, Object};
pub use target::AttachTarget;

/// The BTF in `bytes`, by themselves or as the section of an ELF file.
///
/// # Errors
/// errno of what `btf__parse` refuses.
pub fn read_btf(bytes: &[u8]) -> Result<Btf, Errno> {
    elf::read_btf(bytes)
}

/// The kernel's side of loading an object: the commands of bpf(2) around `BPF_PROG_LOAD`.
pub trait Bpf {
    /// `BPF_BTF_LOAD`; a refusal comes with its log.
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), (Broken, String)>;
    /// `BPF_MAP_CREATE`.
    fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Broken>;
    /// `BPF_MAP_UPDATE_ELEM`.
    fn map_update(&mut self, map: MapId, key: &[u8], value: MapValue) -> Result<(), Errno>;
    /// `BPF_MAP_FREEZE`.
    fn map_freeze(&mut self, map: MapId) -> Result<(), Errno>;
}

/// A program made ready, with those that libbpf loads beside it.
#[derive(Clone, Debug, Default)]
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
    /// Why libbpf would go no further than `loads`.
    stopped: Option<PrepareError>,
    /// The programs of `loads` by their index in the object.
    programs: Vec<usize>,
    /// Created maps by their index in the object.
    maps: Vec<Option<MapId>>,
    /// CO-RE relocations of each of `loads`, by instruction.
    core: Vec<Vec<(usize, CoreRelo)>>,
}
