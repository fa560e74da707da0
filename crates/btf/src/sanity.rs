//! What libbpf makes sure of before it relies on a BTF: every number and offset in it exists.

use crate::error::errno;
use crate::parse::{HEADER_LEN, Header};
use crate::shape::Shape;
use crate::ty::word;
use crate::{Btf, BtfError, Kind, Type, TypeId};

/// Checks all references of the types that are not of the base.
pub(crate) fn check_references(btf: &Btf) -> Result<(), BtfError> {
    let check = Check {
        types: btf.count(),
        strings: btf.end_str_off(),
    };
    btf.own_types().try_for_each(|ty| check.ty(ty))
}

struct Check {
    types: u32,
    strings: u32,
}

impl Check {
    fn string(&self, offset: u32, what: &str, id: TypeId) -> Result<(), BtfError> {
        if offset < self.strings {
            return Ok(());
        }
        Err(BtfError::invalid(format!(
            "btf: type [{id}]: invalid {what} (string offset {offset})"
        )))
    }

    fn id(&self, id: u32, context: TypeId) -> Result<(), BtfError> {
        if id < self.types {
            return Ok(());
        }
        Err(BtfError::invalid(format!(
            "btf: type [{context}]: invalid referenced type ID {id}"
        )))
    }

    fn ty(&self, ty: Type<'_>) -> Result<(), BtfError> {
        let id = ty.id();
        self.string(ty.name_off(), "type name", id)?;
        let Some(shape) = Shape::of(ty.kind() as u32) else {
            return Ok(());
        };
        if shape.refers {
            self.id(ty.size_or_type(), id)?;
        }
        let what = match ty.kind() {
            Kind::Enum | Kind::Enum64 => "enum name",
            Kind::FuncProto => "param name",
            _ => "field name",
        };
        let (len, name, targets) = shape.parts.layout();
        for part in ty.rest.chunks_exact(len) {
            if let Some(at) = name {
                self.string(word(part, at), what, id)?;
            }
            for &at in targets {
                self.id(word(part, at), id)?;
            }
        }
        Ok(())
    }
}

/// Checks that functions refer to prototypes.
pub(crate) fn check_functions(btf: &Btf) -> Result<(), BtfError> {
    for ty in btf.own_types().filter(|t| t.is_func()) {
        let target = ty.target();
        if !btf.ty(target).is_some_and(|t| t.is_func_proto()) {
            let id = ty.id();
            return Err(BtfError::invalid(format!(
                "btf: type [{id}]: referenced type [{target}] is not FUNC_PROTO"
            )));
        }
    }
    Ok(())
}

/// The data of a BTF of the other endianness, turned around. Everything in the header after its first word
/// and everything in the types is a 32-bit word.
pub(crate) fn swapped(data: &[u8]) -> Result<Vec<u8>, BtfError> {
    let mut out = data.to_vec();
    if let Some(magic) = out.first_chunk_mut::<2>() {
        magic.reverse();
    }
    swap_words(&mut out, 4, HEADER_LEN);
    let h = Header::read(&out);
    if h.hdr_len as usize != HEADER_LEN {
        return Err(BtfError::new(
            errno::EOPNOTSUPP,
            format!(
                "Can't load BTF with non-native endianness due to unsupported header length {}",
                h.hdr_len
            ),
        ));
    }
    let start = HEADER_LEN.saturating_add(h.type_off as usize);
    swap_words(&mut out, start, start.saturating_add(h.type_len as usize));
    Ok(out)
}

fn swap_words(data: &mut [u8], start: usize, end: usize) {
    let end = end.min(data.len());
    for word in data.get_mut(start..end).unwrap_or_default().chunks_exact_mut(4) {
        word.reverse();
    }
}
