//! What differs from the base, a file for each release.

mod v6_12_43;
mod v6_18_15;

use super::ctx::Layout;
use super::kfunc::struct_ops::StructOps;
use super::kfunc::{Hook, Set, iter::IterTarget};
use super::{NameChanges, Tables, helper, lsm};
use crate::prog::ProgType;

/// The tables of all releases that are known: those of the base first.
pub(super) static ALL: &[&Tables] = &[&BASE, &v6_12_43::TABLES, &v6_18_15::TABLES];

static BASE: Tables = Tables::new("6.12.117", Changes::NONE);

/// The differences of one release from the base.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Attach types from this number on do not exist.
    pub attach_types: u32,
    /// Helpers.
    pub helper: helper::Changes,
    /// Sets of kfuncs: hooks and filter are those of the set here; its kfuncs join those of the base's set of the same
    /// name, or have other flags there.
    pub kfunc_sets: &'static [Set],
    /// Kfuncs that sets of the base lack here, by set; no kfuncs for a set that is not there.
    pub kfuncs_removed: &'static [(&'static str, &'static [&'static str])],
    /// Where program types look for kfuncs, if elsewhere.
    pub kfunc_hooks: &'static [(ProgType, Hook)],
    /// Hooks of security modules.
    pub lsm: lsm::Changes,
    /// Layouts of contexts.
    pub contexts: &'static [(ProgType, &'static Layout)],
    /// Tracepoints whose arguments have other notes; 0 takes a tracepoint off the list.
    pub raw_tp: &'static [(&'static str, u64)],
    /// Functions that tracing programs must not attach to.
    pub denied: NameChanges,
    /// Targets of iterators that are added.
    pub iterators: &'static [IterTarget],
    /// Structures that programs may implement, beside or instead of the base's of the same name.
    pub struct_ops: &'static [StructOps],
}

impl Changes {
    const NONE: Changes = Changes {
        attach_types: 57,
        helper: helper::Changes::NONE,
        kfunc_sets: &[],
        kfuncs_removed: &[],
        kfunc_hooks: &[],
        lsm: lsm::Changes::NONE,
        contexts: &[],
        raw_tp: &[],
        denied: NameChanges::NONE,
        iterators: &[],
        struct_ops: &[],
    };
}

/// The helpers' prototypes that replace others.
#[cfg(test)]
pub(super) fn changed_rows() -> [&'static [&'static helper::HelperProto]; 2] {
    [v6_12_43::ALL, v6_18_15::ALL]
}
