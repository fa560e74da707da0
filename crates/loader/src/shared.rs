//! What is the same for all programs of an object, and is found once: when the first of them asks for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::OnceLock;

use verdict_btf::TypeId;
use verdict_isa::Insn;
use verdict_kernel::errno::Errno;

/// What programs have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// What CO-RE makes of functions.
    pub(crate) core: OnceLock<CoreFunctions>,
    /// For each function, those that it calls.
    pub(crate) callees: OnceLock<Vec<OnceLock<Option<Callees>>>>,
    /// The tags of arguments that are contexts, by function.
    pub(crate) ctx_tags: OnceLock<BTreeMap<TypeId, Vec<TypeId>>>,
    /// The numbers of functions.
    pub(crate) functions: OnceLock<Range<usize>>,
    /// The numbers of maps that the object does not say everything of.
    pub(crate) open_maps: OnceLock<Vec<usize>>,
    /// The numbers of maps that hold programs.
    pub(crate) program_arrays: OnceLock<Vec<usize>>,
    /// The first function of each name.
    pub(crate) by_name: OnceLock<HashMap<String, usize>>,
}

/// Where a function refers to others: its instruction, and the other one's number.
pub(crate) type Callees = Box<[(usize, usize)]>;

/// What is known by numbers of programs.
pub(crate) type ByNumber<V> = HashMap<usize, V, BuildHasherDefault<NumberHasher>>;

/// A hash of numbers that nobody chooses: they count what an object has.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = (self.0 ^ number as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(32);
    }
}

/// Where a record stands in `.BTF.ext`: number of the section, number of the record in it.
pub(crate) type Place = (usize, usize);

/// Instructions by program.
pub(crate) type Insns = BTreeMap<usize, Vec<Insn>>;

/// What the relocations of some programs came to.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) insns: Insns,
    /// Warnings, by the record that they are of.
    pub(crate) said: Vec<(Place, String)>,
    /// The record that cannot be relocated.
    pub(crate) failed: Option<(Place, Errno)>,
    /// Types of which the kernel has several.
    pub(crate) ambiguous: BTreeSet<TypeId>,
    /// Work that it took.
    pub(crate) work: u32,
}

/// The functions of an object.
#[derive(Debug, Default)]
pub(crate) struct CoreFunctions {
    /// Instructions of those with records.
    pub(crate) total: usize,
    /// What they come to by themselves; `None` where they are too many.
    pub(crate) done: Option<Done>,
}
