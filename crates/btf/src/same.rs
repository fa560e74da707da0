//! Whether two types are the same one.

use crate::{Btf, TypeId};

/// Whether two numbers name the same type: the same number in the same BTF object.
pub fn types_are_same(btf1: &Btf, id1: TypeId, btf2: &Btf, id2: TypeId) -> bool {
    id1 == id2 && (std::ptr::eq(btf1, btf2) || id1 == TypeId::VOID)
}
