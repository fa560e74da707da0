//! What differs from the base, a file for each release.

mod v5_10_262;
mod v6_12_43;
mod v6_18_15;
mod v6_1_192;

use super::btf::BtfRules;
use super::calls::Calls;
use super::ctx::{Arguments, Layout, ReturnRule, Sleeping};
use super::kfunc::struct_ops::StructOps;
use super::kfunc::{Hook, Set, attach::Attaching, iter::IterTarget, raw_tp};
use super::{NameChanges, Tables, helper, lsm, map};
use crate::prog::ProgType;

/// The layout of a context.
type LayoutOf = fn() -> &'static Layout;

/// The tables of all releases that are known: those of the base first.
pub(super) static ALL: &[&Tables] = &[
    &BASE,
    &v5_10_262::TABLES,
    &v6_1_192::TABLES,
    &v6_12_43::TABLES,
    &v6_18_15::TABLES,
];

static BASE: Tables = Tables::new("6.12.117", Changes::NONE);

/// The differences of one release from the base.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Those of the release that these come on top of, rather than of the base. Rows are looked for there when they
    /// are not here; what is no list of rows or names is stated anew.
    pub on: Option<&'static Changes>,
    /// Attach types from this number on do not exist.
    pub attach_types: u32,
    /// Flags of a program that are known.
    pub prog_flags: u32,
    /// BTF of programs.
    pub btf: BtfRules,
    /// Helpers.
    pub helper: helper::Changes,
    /// Map types.
    pub map: map::Changes,
    /// Program types that may be loaded as sleepable with other attach types.
    pub sleeping: &'static [(ProgType, Sleeping)],
    /// Rules on return values, and what holds in their place.
    pub returns: &'static [(ReturnRule, ReturnRule)],
    /// Contexts that are the arguments of a kernel function.
    pub arguments: Arguments,
    /// The sets of kfuncs that are taken from the base; all of them when `None`.
    pub kfunc_base: Option<&'static [&'static str]>,
    /// Sets of kfuncs: hooks and filter are those of the set here; its kfuncs join those of the base's set of the same
    /// name, or have other flags there.
    pub kfunc_sets: &'static [Set],
    /// Kfuncs that sets of the base lack here, by set; no kfuncs for a set that is not there.
    pub kfuncs_removed: &'static [(&'static str, &'static [&'static str])],
    /// Where program types look for kfuncs, if elsewhere; `None` is nowhere but at [`Hook::Common`].
    pub kfunc_hooks: &'static [(ProgType, Option<Hook>)],
    /// Hooks of security modules.
    pub lsm: lsm::Changes,
    /// Layouts of contexts.
    pub contexts: &'static [(ProgType, LayoutOf)],
    /// What is noted of the arguments of tracepoints.
    pub raw_tp: raw_tp::Changes,
    /// What commands of bpf(2) do.
    pub calls: Calls,
    /// What programs attach to.
    pub attaching: Attaching,
    /// Functions that tracing programs must not attach to.
    pub denied: NameChanges,
    /// Functions that do not return.
    pub no_return: NameChanges,
    /// Functions, other than system calls, that may be made to fail.
    pub injectable: NameChanges,
    /// Targets of iterators, beside or instead of the base's of the same name.
    pub iterators: &'static [IterTarget],
    /// Structures that programs may implement, beside or instead of the base's of the same name.
    pub struct_ops: &'static [StructOps],
    /// Flags that a congestion control of programs may have (`TCP_CONG_MASK`).
    pub congestion_flags: u32,
}

impl Changes {
    const NONE: Changes = Changes {
        on: None,
        attach_types: 57,
        prog_flags: 0x100ff,
        btf: BtfRules::BASE,
        helper: helper::Changes::NONE,
        map: map::Changes::NONE,
        sleeping: &[],
        returns: &[],
        arguments: Arguments::BASE,
        kfunc_base: None,
        kfunc_sets: &[],
        kfuncs_removed: &[],
        kfunc_hooks: &[],
        lsm: lsm::Changes::NONE,
        contexts: &[],
        raw_tp: raw_tp::Changes::NONE,
        calls: Calls::BASE,
        attaching: Attaching::BASE,
        denied: NameChanges::NONE,
        no_return: NameChanges::NONE,
        injectable: NameChanges::NONE,
        iterators: &[],
        struct_ops: &[],
        congestion_flags: 0x3,
    };

    /// These changes and those below them, in the order in which rows are looked for.
    pub(super) fn chain(&'static self) -> impl Iterator<Item = &'static Changes> {
        std::iter::successors(Some(self), |changes| changes.on)
    }

    /// Whether a list of names has `name`, when `in_base` tells whether the base's has it.
    pub(super) fn has(&self, list: fn(&Changes) -> &NameChanges, name: &str, in_base: bool) -> bool {
        let before = self.on.map_or(in_base, |on| on.has(list, name, in_base));
        list(self).has(name, before)
    }
}

/// The helpers' prototypes that replace others.
#[cfg(test)]
pub(super) fn changed_rows() -> [&'static [&'static helper::HelperProto]; 4] {
    [
        v5_10_262::helpers::ALL,
        v6_1_192::helpers::ALL,
        v6_12_43::ALL,
        v6_18_15::ALL,
    ]
}

#[cfg(test)]
mod tests {
    use verdict_btf::Kind;

    use crate::profile::every;

    /// The largest number that an enumeration of the kernel names, but for those that only count.
    fn largest(k: &crate::Kernel, name: &str) -> u32 {
        let of = k.btf.find(name, Kind::Enum).and_then(|id| k.btf.ty(id)).unwrap();
        let named = of.enumerators().filter(|e| !e.name().starts_with("__"));
        named.map(|e| e.value as u32).max().unwrap()
    }

    #[test]
    fn numbers_end_where_those_of_the_kernel_do() {
        for k in every() {
            let changes = &k.tables.changes;
            for (name, count) in [
                ("bpf_attach_type", changes.attach_types),
                ("bpf_func_id", changes.helper.count as u32),
                ("bpf_map_type", changes.map.count),
            ] {
                assert_eq!(largest(k, name) + 1, count, "{} {name}", k.name);
            }
        }
    }
}
