//! The loader: what libbpf 1.5 does in user space between a `.bpf.o` file and bpf(2).
//!
//! [`Object::open`] reads an object; [`Object::prepare`] does for one of its programs what
//! `bpf_object__load` does up to `BPF_PROG_LOAD` when only that program is asked for: it resolves externs,
//! applies CO-RE and other relocations, appends the subprograms and creates the maps through [`Bpf`], the
//! kernel's side. [`Object::finish`] is what comes after. What libbpf refuses is refused for the same
//! reason, in the same words.
//!
//! Objects are hostile input: no bytes make these functions panic or use memory out of proportion.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

// From the bottom up: a module uses only those of groups above its own (`cargo xtask tidy` holds it to that).

// What everything else is made of.
mod error;

mod bpf;
mod insn;
mod probes;
mod sections;

// The parts of an object.
mod elf;
mod maps;
mod spec;
mod target;

mod externs;
mod map_defs;
mod program;

// The steps of opening one.
mod ctx_args;
mod datasec;
mod ext;
mod opening;
mod sanitize;
mod shared;
mod struct_ops;
mod tags;
mod veristat;

mod relos;
mod resolve;

mod aya;

// An opened object, and what is done to it and with it.
mod object;

mod core_relos;

mod attach;
mod create;
mod globals;

mod link;

mod cilium;

mod open;
mod plan;

mod prepare;

mod log;

use verdict_btf::Btf;
use verdict_kernel::errno::Errno;

pub use bpf::{Bpf, Made};
pub use error::{OpenError, PrepareError, ProgFacts, libbpf, limit_words, strerror};
pub use globals::{GlobalError, Globals};
pub use object::{Manner, MapShape, Object};
pub use plan::{MapPlan, Missing, OpenEnd, PlanError};
pub use prepare::Prepared;
pub use sections::section_names;
pub use target::AttachTarget;

/// The BTF in `bytes`, by themselves or as the section of an ELF file.
///
/// # Errors
/// errno of what `btf__parse` refuses.
pub fn read_btf(bytes: &[u8]) -> Result<Btf, Errno> {
    elf::read_btf(bytes)
}
