//! How the types of each kind are laid out: the single table that opening, checking and rewriting go by.

use crate::Kind;

/// What is in the parts of a type, or in the piece that follows its common words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Nothing that refers to anything.
    Opaque,
    /// 8 bytes: a name, a value.
    Named8,
    /// 12 bytes: a name, a value.
    Named12,
    /// 8 bytes: a name, a type.
    Param,
    /// 12 bytes: a name, a type, an offset.
    Member,
    /// 12 bytes: a type, an offset, a size.
    Secinfo,
    /// 12 bytes: two types, a number.
    Array,
}

impl Parts {
    /// Bytes of a part, where in it a string's offset is, and where types are.
    pub(crate) fn layout(self) -> (usize, Option<usize>, &'static [usize]) {
        match self {
            Parts::Opaque => (4, None, &[]),
            Parts::Named8 => (8, Some(0), &[]),
            Parts::Named12 => (12, Some(0), &[]),
            Parts::Param => (8, Some(0), &[4]),
            Parts::Member => (12, Some(0), &[4]),
            Parts::Secinfo => (12, None, &[0]),
            Parts::Array => (12, None, &[0, 4]),
        }
    }
}

/// The layout of a kind's types after the common words.
pub(crate) struct Shape {
    /// Whether the third common word is a type that must exist.
    pub(crate) refers: bool,
    /// Bytes that follow in any case.
    fixed: u8,
    /// Bytes of each of the `vlen` parts.
    per_part: u8,
    pub(crate) parts: Parts,
}

const fn shape(refers: bool, fixed: u8, per_part: u8, parts: Parts) -> Shape {
    Shape {
        refers,
        fixed,
        per_part,
        parts,
    }
}

static PLAIN: Shape = shape(false, 0, 0, Parts::Opaque);
static REFERENCE: Shape = shape(true, 0, 0, Parts::Opaque);
static INT: Shape = shape(false, 4, 0, Parts::Opaque);
static ARRAY: Shape = shape(false, 12, 0, Parts::Array);
static COMPOSITE: Shape = shape(false, 0, 12, Parts::Member);
static ENUM: Shape = shape(false, 0, 8, Parts::Named8);
static ENUM64: Shape = shape(false, 0, 12, Parts::Named12);
/// What a prototype returns is nothing that libbpf looks at.
static FUNC_PROTO: Shape = shape(false, 0, 8, Parts::Param);
static VAR_OR_TAG: Shape = shape(true, 4, 0, Parts::Opaque);
static DATASEC: Shape = shape(false, 0, 12, Parts::Secinfo);

impl Shape {
    /// The shape of a kind's number; `None` for `void` and for kinds unknown.
    #[inline]
    pub(crate) fn of(raw: u32) -> Option<&'static Shape> {
        let kind = Kind::from_raw(raw)?;
        Some(match kind {
            Kind::Void => return None,
            Kind::Fwd | Kind::Float => &PLAIN,
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::TypeTag => &REFERENCE,
            Kind::Int => &INT,
            Kind::Array => &ARRAY,
            Kind::Struct | Kind::Union => &COMPOSITE,
            Kind::Enum => &ENUM,
            Kind::Enum64 => &ENUM64,
            Kind::FuncProto => &FUNC_PROTO,
            Kind::Var | Kind::DeclTag => &VAR_OR_TAG,
            Kind::DataSec => &DATASEC,
        })
    }

    /// Bytes that follow the common words.
    #[inline]
    pub(crate) fn extra_len(&self, vlen: u32) -> usize {
        usize::from(self.fixed) + usize::from(self.per_part) * vlen as usize
    }
}
