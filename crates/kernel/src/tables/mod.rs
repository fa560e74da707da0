//! What a kernel knows: helpers, kfuncs, contexts, hooks of security modules, maps.
//!
//! The rows of the folders beside this file are those of one release, the base; `changes` has, for every other release
//! that is known, what differs from the base, or from a release whose changes it comes on top of: rows that are added,
//! removed or replaced. [`Tables`] is one release's view of both, and [`Kernel`](crate::Kernel) is asked, never a row.

pub mod btf;
mod calls;
mod changes;
pub mod ctx;
pub mod helper;
pub mod kfunc;
pub mod lsm;
pub mod map;

use std::fmt;
use std::sync::OnceLock;

pub use calls::Calls;
use changes::Changes;
use kfunc::Kfunc;

/// The tables of one release.
pub struct Tables {
    /// What `release.toml` calls them.
    pub name: &'static str,
    pub(crate) changes: Changes,
    /// All kfuncs, sorted by name; made when one is first asked for.
    kfuncs: OnceLock<Vec<Kfunc>>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tables").field(&self.name).finish()
    }
}

/// There is one of each name.
impl PartialEq for Tables {
    fn eq(&self, other: &Tables) -> bool {
        self.name == other.name
    }
}

impl Eq for Tables {}

impl Tables {
    const fn new(name: &'static str, changes: Changes) -> Tables {
        Tables {
            name,
            changes,
            kfuncs: OnceLock::new(),
        }
    }

    /// The tables of this name.
    pub fn named(name: &str) -> Option<&'static Tables> {
        changes::ALL.iter().copied().find(|t| t.name == name)
    }

    /// The names of all tables.
    pub fn names() -> impl Iterator<Item = &'static str> {
        changes::ALL.iter().map(|t| t.name)
    }
}

/// How a list of names differs from the base's, or from that of the release that changes come on top of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameChanges {
    added: &'static [&'static str],
    removed: &'static [&'static str],
    /// Whether nothing stays but what is added.
    emptied: bool,
}

impl NameChanges {
    const NONE: NameChanges = NameChanges {
        added: &[],
        removed: &[],
        emptied: false,
    };

    /// The list has these names only.
    const fn only(names: &'static [&'static str]) -> NameChanges {
        NameChanges {
            added: names,
            removed: &[],
            emptied: true,
        }
    }

    /// Whether the list has `name`, when `before` tells whether the one that is changed has it.
    fn has(&self, name: &str, before: bool) -> bool {
        let stays = before && !self.emptied && !self.removed.contains(&name);
        stays || self.added.contains(&name)
    }
}
