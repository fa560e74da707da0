//! Walking into structs: what lies at an offset.

use crate::{Btf, BtfError, TypeId};

/// One step into a struct.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Type of what lies there.
    pub ty: TypeId,
}

/// A way into a struct.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FieldPath {
    /// Steps.
    pub steps: Vec<Field>,
}

pub(crate) fn check_references(_btf: &Btf) -> Result<(), BtfError> {
    Ok(())
}
pub(crate) fn swapped(data: &[u8]) -> Result<Vec<u8>, BtfError> {
    Ok(data.to_vec())
}
