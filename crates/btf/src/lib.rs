//! BTF: the type format of BPF objects and of the kernel.
//!
//! [`Btf`] is a parsed type graph, its bytes kept as they came; [`Type`] is a view of one type in it.
//! Reading is as lenient as libbpf's; [`mod@validate`] is the kernel's own, stricter check of a BTF that is
//! loaded. [`ext`] reads `.BTF.ext`, [`core`] relocates instructions against another kernel's types, and
//! [`build`] writes BTF.
//!
//! Every input may be hostile: no bytes make these functions panic, and a walk over types that refer to
//! each other is bounded.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

pub mod build;
pub mod core;
mod declare;
mod error;
pub mod ext;
mod index;
mod kind;
mod names;
mod parse;
mod prepared;
mod query;
mod same;
mod sanity;
mod shape;
mod tags;
mod ty;
pub mod validate;
mod walk;

pub use error::{BtfError, errno};
pub use kind::{FuncLinkage, IntEncoding, Kind, VarLinkage};
pub use names::essential_name;
pub use parse::Btf;
pub use query::Resolved;
pub use same::types_are_same;
pub use tags::{TagError, TagTarget};
pub use ty::{Array, Elements, Enumerator, IntInfo, Member, Param, Type, VarSecinfo};
pub use walk::{FlexArrays, Walk, WalkError, WalkMode, Walked};

/// A type's number within its [`Btf`]; 0 is `void`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`.
    pub const VOID: TypeId = TypeId(0);
}

impl std::fmt::Display for TypeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
