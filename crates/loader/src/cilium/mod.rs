//! What cilium/ebpf, the library of Go programs, does in place of libbpf: how it reads an object, links its programs,
//! relocates them and creates maps, and its own words where it refuses something.
//!
//! An object is opened once ([`open()`]) and its programs are made ready one at a time ([`make()`]), as a collection of which all
//! maps and one program are wanted. What the library finds wrong with a program is not the object's failure.

mod code;
mod create;
mod kconfig;
mod load;
mod maps;
mod open;
mod ops;

use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Broken, Rule};

use crate::error::{PrepareError, ProgFacts};
use crate::spec::{MapNotes, Reference, Spec, Target};

pub(crate) use load::{MadeProgram, create, make, make_with, maps, poison_rule, populate};
pub(crate) use open::open;

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
            messages: vec![said(&self.words).into()],
            facts,
            site: self.broken.site,
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
