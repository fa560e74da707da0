//! The kernel's side of bpf(2) before and around verification: what it makes of a BTF object, a map and a
//! program's attributes, and the questions about types that the verifier asks of `kernel/bpf/btf.c`.
//!
//! Nothing here looks at an instruction's effect. A refusal that the kernel explains in the verifier's log
//! is a [`Rejection`]; one that it does not explain is a bare [`Errno`](verdict_kernel::errno::Errno).
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod allowance;
pub mod attach;
pub mod btf;
pub mod btfinfo;
pub mod ctx_access;
pub mod fields;
pub mod func_args;
pub mod func_model;
pub mod func_types;
pub mod map;
mod memory;
pub mod notes;
pub mod prog;
pub mod record;
pub mod session;
mod signature;
pub mod space;
pub mod struct_ops;
pub mod target;
mod usage;

pub use allowance::Allowance;
pub use attach::AttachInfo;
pub use btf::ProgBtf;
pub use func_args::SubprogArg;
pub use map::Map;
pub use notes::{Notes, Rejection, Silent};
pub use prog::Prog;
pub use record::{Field, FieldKind, FieldMask, GraphRoot, KptrKind, Record};
pub use session::Session;
pub use space::{BtfRef, TypeRef, TypeSpace};
pub use target::{LoadedFunc, LoadedProg};
