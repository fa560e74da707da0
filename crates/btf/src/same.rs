//! Whether two types are the same one.

use crate::{Btf, TypeId};

/// Whether two numbers name the same type: the same number in BTF that shares it. The types of a base are
/// the same in all that continue it.
pub fn types_are_same(btf1: &Btf, id1: TypeId, btf2: &Btf, id2: TypeId) -> bool {
    id1 == id2
        && match (owner(btf1, id1), owner(btf2, id2)) {
            (Some(a), Some(b)) => std::ptr::eq(a, b) || id1 == TypeId::VOID,
            (None, None) => true,
            _ => false,
        }
}

/// The BTF among `btf` and its bases that has the type itself.
fn owner(btf: &Btf, id: TypeId) -> Option<&Btf> {
    if id.0 >= btf.count() {
        return None;
    }
    let mut owner = btf;
    while id.0 < owner.start_id() {
        match owner.base() {
            Some(base) => owner = base,
            None => break,
        }
    }
    Some(owner)
}
