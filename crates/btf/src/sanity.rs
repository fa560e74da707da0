//! What libbpf makes sure of before it relies on a BTF: every number and offset in it exists.

use crate::error::errno;
use crate::parse::{HEADER_LEN, Header};
use crate::ty::word;
use crate::{Btf, BtfError, Kind, Type, TypeId};

/// Checks all references of the types that are not of the base.
pub(crate) fn check_references(btf: &Btf) -> Result<(), BtfError> {
    let check = Check {
        btf,
        types: btf.count(),
        strings: btf.end_str_off(),
    };
    btf.own_types().try_for_each(|ty| check.ty(ty))
}

struct Check<'a> {
    btf: &'a Btf,
    types: u32,
    strings: u32,
}

impl Check<'_> {
    fn string(&self, offset: u32, what: &str, id: TypeId) -> Result<(), BtfError> {
        if offset < self.strings {
            return Ok(());
        }
        Err(BtfError::invalid(format!(
            "btf: type [{id}]: invalid {what} (string offset {offset})"
        )))
    }

    fn id(&self, id: TypeId, context: TypeId) -> Result<(), BtfError> {
        if id.0 < self.types {
            return Ok(());
        }
        Err(BtfError::invalid(format!(
            "btf: type [{context}]: invalid referenced type ID {id}"
        )))
    }

    fn ty(&self, ty: Type<'_>) -> Result<(), BtfError> {
        let id = ty.id();
        self.string(ty.name_off(), "type name", id)?;
        match ty.kind() {
            Kind::Void | Kind::Int | Kind::Fwd | Kind::Float => Ok(()),
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Var
            | Kind::DeclTag
            | Kind::TypeTag => self.id(ty.target(), id),
            Kind::Array => {
                let array = ty.array().ok_or_else(|| BtfError::invalid(""))?;
                self.id(array.elem, id)?;
                self.id(array.index, id)
            }
            Kind::Struct | Kind::Union => self.parts(ty, 12, Some((0, "field name")), Some(4)),
            Kind::Enum => self.parts(ty, 8, Some((0, "enum name")), None),
            Kind::Enum64 => self.parts(ty, 12, Some((0, "enum name")), None),
            Kind::FuncProto => self.parts(ty, 8, Some((0, "param name")), Some(4)),
            Kind::DataSec => self.parts(ty, 12, None, Some(0)),
            Kind::Func => self.func(ty),
        }
    }

    /// Checks the parts of a type, `stride` bytes each, with a string and a type at the given places.
    fn parts(
        &self,
        ty: Type<'_>,
        stride: usize,
        name: Option<(usize, &str)>,
        target: Option<usize>,
    ) -> Result<(), BtfError> {
        for part in ty.rest.chunks_exact(stride) {
            if let Some((at, what)) = name {
                self.string(word(part, at), what, ty.id())?;
            }
            if let Some(at) = target {
                self.id(TypeId(word(part, at)), ty.id())?;
            }
        }
        Ok(())
    }

    fn func(&self, ty: Type<'_>) -> Result<(), BtfError> {
        let (id, target) = (ty.id(), ty.target());
        self.id(target, id)?;
        if self.btf.ty(target).is_some_and(|t| t.is_func_proto()) {
            return Ok(());
        }
        Err(BtfError::invalid(format!(
            "btf: type [{id}]: referenced type [{target}] is not FUNC_PROTO"
        )))
    }
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
