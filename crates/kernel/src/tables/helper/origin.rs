//! Prototypes that differ between releases: whose they are for a kernel.
//!
//! A kernel that was captured may check the arguments of one helper as one known release does, and those of another as another:
//! mended prototypes are carried back one by one.

use std::collections::BTreeSet;

use super::{HelperId, HelperProto};
use crate::Kernel;
use crate::tables::Tables;
use crate::tables::changes::{ALL, Changes};

/// The row that a row of the base, or of a release that others come on top of, is for a kernel.
pub(super) fn row(kernel: &Kernel, of: &'static HelperProto) -> &'static HelperProto {
    match kernel.prototypes.get(&of.id) {
        None => row_of(&kernel.tables.changes, of),
        Some(tables) => row_of(&tables.changes, original(of)),
    }
}

/// The same by the tables of a release.
fn row_of(changes: &'static Changes, of: &'static HelperProto) -> &'static HelperProto {
    let mut rows = changes.chain().flat_map(|c| c.helper.rows);
    let replaced = rows.find(|(old, _)| std::ptr::eq(*old, of));
    replaced.map_or(of, |(_, new)| new)
}

/// All rows that take another's place, with those.
fn replaced() -> impl Iterator<Item = &'static (&'static HelperProto, &'static HelperProto)> {
    ALL.iter().flat_map(|tables| tables.changes.helper.rows)
}

/// The row whose place this one takes in some release: sets name what they add by rows of their own.
fn original(of: &'static HelperProto) -> &'static HelperProto {
    let mut rows = replaced();
    let is = rows.find(|(_, new)| std::ptr::eq(*new, of));
    is.map_or(of, |(old, _)| old)
}

/// The helpers whose prototypes are not the same in all releases.
pub fn varied() -> BTreeSet<HelperId> {
    replaced().map(|(old, _)| old.id).collect()
}

/// The tables that have a helper's prototypes otherwise than a kernel, one of each kind, those of the nearest releases first: what no
/// program tells apart is most likely as in these.
pub fn others(kernel: &Kernel, id: HelperId) -> Vec<&'static Tables> {
    let olds: Vec<_> = replaced()
        .map(|(old, _)| *old)
        .filter(|old| old.id == id)
        .collect();
    let rows = |tables: &'static Tables| -> Vec<&HelperProto> {
        olds.iter().map(|old| row_of(&tables.changes, old)).collect()
    };
    let now = kernel.prototypes.get(&id).copied().unwrap_or(kernel.tables);
    let mut kinds = vec![rows(now)];
    let mut known = ALL.to_vec();
    known.sort_by_key(|tables| distance(kernel.version, tables.name));
    known
        .into_iter()
        .filter(|tables| (id as usize) < tables.changes.helper.count)
        .filter(|tables| {
            let rows = rows(tables);
            let is_new = !kinds.contains(&rows);
            if is_new {
                kinds.push(rows);
            }
            is_new
        })
        .collect()
}

/// How far a release is from another that tables are named after.
fn distance((major, minor, patch): (u8, u8, u16), name: &str) -> u64 {
    let mut numbers = name.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    let flat = |major: u64, minor: u64, patch: u64| (major << 32) | (minor << 16) | patch;
    let mut next = || numbers.next().unwrap_or(0);
    let named = flat(next(), next(), next());
    flat(major.into(), minor.into(), patch.into()).abs_diff(named)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Capabilities;
    use crate::helper::HelperQuery;
    use crate::profile::every;
    use crate::prog::{AttachType, ProgType};

    /// A helper's prototype becomes that of the other tables, in whatever set it stands, and no other helper's does.
    #[test]
    fn prototypes_are_those_of_the_tables_that_are_named() {
        let query = |sleepable| HelperQuery {
            prog_type: ProgType::Kprobe,
            expected_attach_type: AttachType::CgroupInetIngress.raw(),
            extends: false,
            sleepable,
            capabilities: Capabilities::ALL,
            attach_func: None,
            struct_ops: None,
            struct_ops_member: None,
        };
        let mut changed = 0;
        for kernel in every() {
            for id in varied() {
                for tables in others(kernel, id) {
                    let mut other = kernel.clone();
                    other.prototypes = Arc::new([(id, tables)].into());
                    for sleepable in [false, true] {
                        let (before, after) = (
                            kernel.helpers(&query(sleepable)),
                            other.helpers(&query(sleepable)),
                        );
                        for proto in before.iter() {
                            let same = after.get(proto.id) == Ok(proto);
                            assert!(same || proto.id == id);
                            changed += usize::from(!same);
                        }
                    }
                }
            }
        }
        assert!(changed > 0);
    }

    /// What is of a kernel's own tables anyway changes nothing.
    #[test]
    fn own_tables_are_no_others() {
        for kernel in every() {
            for id in varied() {
                assert!(others(kernel, id).iter().all(|tables| **tables != *kernel.tables));
                let mut named = kernel.clone();
                named.prototypes = Arc::new([(id, kernel.tables)].into());
                for (old, new) in replaced() {
                    for of in [*old, *new] {
                        let own = of == *old
                            || kernel
                                .tables
                                .changes
                                .helper
                                .rows
                                .iter()
                                .any(|(_, n)| std::ptr::eq(*n, of));
                        assert!(
                            !own || row(&named, of) == row(kernel, of),
                            "{} {}",
                            kernel.name,
                            of.name
                        );
                    }
                }
            }
        }
    }
}
