//! Something that a program needs and a kernel lacks.

use std::fmt;

use serde::Serialize;

/// Something that a program needs and a kernel lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Need {
    /// A helper, by name or number.
    Helper(String),
    /// A helper that there is, but not for programs of this type.
    HelperForProgram(String),
    /// A kfunc.
    Kfunc(String),
    /// A variable of the kernel.
    Symbol(String),
    /// An option of the kernel's configuration.
    Config(String),
    /// What a CO-RE relocation looks for: `struct task_struct.pid`.
    Type(String),
    /// A function or another thing to attach to.
    AttachTarget(String),
    /// A struct of operations.
    StructOps(String),
    /// A member of a struct of operations: `struct.member`.
    StructOpsMember(String),
    /// A type of maps.
    MapType(String),
    /// Flags of maps.
    MapFlags(String),
    /// A type of programs.
    ProgramType(String),
    /// A way of attaching programs.
    AttachType(String),
    /// Instructions: one of [`instructions`].
    Instructions(String),
}

/// Groups of instructions that kernels learnt together.
pub mod instructions {
    /// Atomic addition that returns the old value.
    pub const FETCH_ADD: &str = "atomic addition that returns the old value";
    /// Atomic operations beyond addition.
    pub const ATOMIC: &str = "atomic operations other than addition";
    /// Loads that acquire, stores that release.
    pub const ACQUIRE_RELEASE: &str = "load-acquire and store-release";
    /// Addresses of the program's functions.
    pub const CALLBACK: &str = "callback functions";
    /// Calls of the kernel's functions.
    pub const KFUNC_CALL: &str = "calls of kernel functions";
    /// A jump of 32 bits.
    pub const LONG_JUMP: &str = "long jumps (-mcpu=v4)";
    /// `may_goto`.
    pub const MAY_GOTO: &str = "may_goto";
    /// Conversion of addresses of an arena.
    pub const CAST: &str = "address space casts";
    /// What the compiler's `-mcpu=v4` adds.
    pub const V4: &str = "-mcpu=v4 instructions";
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Helper(name) => write!(f, "needs helper {name}"),
            Need::HelperForProgram(name) => write!(f, "needs helper {name} for this program type"),
            Need::Kfunc(name) => write!(f, "needs kfunc {name}"),
            Need::Symbol(name) => write!(f, "needs symbol {name}"),
            Need::Config(name) => write!(f, "needs {name}"),
            Need::Type(name) => write!(f, "CO-RE: no {name}"),
            Need::AttachTarget(name) => write!(f, "needs attach target {name}"),
            Need::StructOps(name) => write!(f, "needs struct_ops {name}"),
            Need::StructOpsMember(name) => write!(f, "needs struct_ops member {name}"),
            Need::MapType(name) => write!(f, "needs map type {name}"),
            Need::MapFlags(name) => write!(f, "needs map flag {name}"),
            Need::ProgramType(name) => write!(f, "needs program type {name}"),
            Need::AttachType(name) => write!(f, "needs attach type {name}"),
            Need::Instructions(name) => write!(f, "needs {name}"),
        }
    }
}
