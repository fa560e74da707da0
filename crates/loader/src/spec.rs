//! What is known of an object that cilium/ebpf reads, beyond what is known of every one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use verdict_btf::build::Parts;
use verdict_btf::{Btf, TypeId};

/// What is known of an object beside what an [`Object`](crate::object::Object) says of every one.
#[derive(Debug, Default)]
pub(crate) struct Spec {
    /// What instructions refer to, by function, in their order.
    pub(crate) references: Vec<Vec<Reference>>,
    /// Functions by name, as indices of the object's programs.
    pub(crate) functions: HashMap<String, usize>,
    /// By function those that it refers to, once somebody asked.
    pub(crate) callees: OnceLock<Vec<Vec<usize>>>,
    /// By map, what only this library minds.
    pub(crate) maps: Vec<MapNotes>,
    /// Contents of the map of the kernel's configuration, or why it cannot be made.
    pub(crate) kconfig: Option<Result<Vec<u8>, String>>,
    /// The object's BTF as the kernel is given parts of it.
    pub(crate) parts: Option<Parts>,
    /// The BTF of maps by the types that it is for, as it was made first, with the numbers of the types in it.
    pub(crate) of_maps: Mutex<HashMap<Vec<TypeId>, MapBtf>>,
    /// Constants that stand in the place of symbols which nobody defines.
    pub(crate) constants: HashMap<String, u64>,
    /// Programs of struct_ops by their number: the struct that each is of, and its member.
    pub(crate) implements: HashMap<usize, (String, String)>,
}

/// BTF of a map, and the new numbers of the types that it is for.
pub(crate) type MapBtf = (Arc<Btf>, Vec<TypeId>);

impl Spec {
    /// Whether instructions load the value of a symbol of this name, which nothing in the object defines: user space gives a
    /// constant in its place.
    pub(crate) fn has_constant(&self, name: &str) -> bool {
        let is_it = |reference: &Reference| matches!(&reference.to, Target::Symbol(known) if known == name);
        self.references.iter().flatten().any(is_it)
    }

    /// Puts a constant in the place of a symbol.
    pub(crate) fn set_constant(&mut self, name: &str, value: u64) {
        self.constants.insert(name.to_owned(), value);
    }
}

/// What only this library minds about a map.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapNotes {
    /// Its definition is longer than what is known, and not all of that is zero.
    pub(crate) surplus: bool,
    /// `LIBBPF_PIN_*`.
    pub(crate) pinning: u32,
    /// Initial elements: places, and names of maps or programs.
    pub(crate) slots: Vec<(u32, String)>,
}

/// A reference of an instruction.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The instruction within its function.
    pub(crate) insn: usize,
    pub(crate) to: Target,
}

/// What an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A map.
    Map(usize),
    /// A place in the value of a map.
    Value(usize, u32),
    /// A function of the object, which is called or whose address is taken.
    Function(String),
    /// A name that nothing in the object defines.
    Symbol(String),
    /// A function of the kernel, with its prototype.
    Kfunc {
        name: String,
        proto: TypeId,
        is_weak: bool,
    },
    /// The address of a symbol of the kernel, if there is one.
    Ksym {
        name: String,
        address: Option<u64>,
        is_weak: bool,
    },
    /// A value of the kernel's configuration, by its place in their map.
    Kconfig(u32),
}
