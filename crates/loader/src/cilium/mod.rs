//! What cilium/ebpf, the library of Go programs, does in place of libbpf: how it reads an object, links its programs,
//! relocates them and creates maps, and its own words where it refuses something.
//!
//! An object is opened once ([`open()`]) and its programs are made ready one at a time ([`make()`]), as a collection of which all
//! maps and one program are wanted. What the library finds wrong with a program is not the object's failure.

mod code;
mod create;
mod load;
mod maps;
mod open;

use std::collections::HashMap;

use verdict_btf::TypeId;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Broken, Rule};

use crate::error::{PrepareError, ProgFacts};

pub(crate) use load::{make, maps, poison_rule};
pub(crate) use open::{open, reads};

/// What is known of an object beside what an [`Object`](crate::object::Object) says of every one.
#[derive(Debug, Default)]
pub(crate) struct Spec {
    /// What instructions refer to, by function, in their order.
    references: Vec<Vec<Reference>>,
    /// Functions by name, as indices of the object's programs.
    functions: HashMap<String, usize>,
    /// By map, what only this library minds.
    maps: Vec<MapNotes>,
    /// Contents of the map of the kernel's configuration, or why it cannot be made.
    kconfig: Option<Result<Vec<u8>, String>>,
    /// Constants that stand in the place of symbols which nobody defines.
    constants: HashMap<String, u64>,
}

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
struct MapNotes {
    /// Its definition is longer than what is known, and not all of that is zero.
    surplus: bool,
    /// `LIBBPF_PIN_*`.
    pinning: u32,
    /// Initial elements: places, and names of maps or programs.
    slots: Vec<(u32, String)>,
}

/// A reference of an instruction.
#[derive(Clone, Debug)]
struct Reference {
    /// The instruction within its function.
    insn: usize,
    to: Target,
}

/// What an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
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

/// Why the library gives up.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) broken: Broken,
    /// In its words.
    pub(crate) words: String,
}

impl Refused {
    /// By the library itself, without an error number of the kernel.
    fn by(rule: Rule, words: impl Into<String>) -> Refused {
        Refused {
            broken: rule.with(Errno(0)),
            words: words.into(),
        }
    }
}

impl Refused {
    pub(crate) fn into_error(self, facts: ProgFacts) -> PrepareError {
        PrepareError {
            errno: self.broken.errno,
            rule: self.broken.rule,
            messages: vec![said(&self.words)],
            facts,
        }
    }
}

/// A line of the library, which begins with its name, as those of libbpf do.
fn said(words: &str) -> String {
    format!("cilium/ebpf: {words}")
}

/// A name as the library hands it to the kernel.
fn sanitized(name: &str) -> String {
    let keep = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    name.chars().filter(keep).collect()
}

/// The library's name of an error number.
fn strerror(errno: Errno) -> String {
    // Go has no capital letters in these, and no words for the kernel's own numbers but these.
    match errno {
        Errno(524) => "operation not supported".to_owned(),
        errno => errno.message().to_lowercase(),
    }
}
