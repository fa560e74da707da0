//! BTF: the type format of BPF objects and of the kernel.

/// A type's number within its [`Btf`]; 0 is `void`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct TypeId(pub u32);

/// A parsed BTF object.
#[derive(Debug)]
pub struct Btf {}
