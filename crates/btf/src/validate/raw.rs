//! Types as they lie in bytes that were not found valid yet.

use crate::Kind;
use crate::ty::word;

/// A type. Its kind may be unknown, and what follows its common words may be cut short.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) name_off: u32,
    pub(super) info: u32,
    /// The third word: size or type.
    pub(super) aux: u32,
    /// All bytes up to the end of the type section.
    pub(super) rest: &'a [u8],
}

/// A member as it is stored.
#[derive(Clone, Copy)]
pub(super) struct RawMember {
    pub(super) name_off: u32,
    pub(super) ty: u32,
    /// Bit offset, or with the flag in the struct, bit offset and bitfield size.
    pub(super) offset: u32,
}

impl RawMember {
    pub(super) fn bitfield_size(self) -> u32 {
        self.offset >> 24
    }

    pub(super) fn bit_offset(self) -> u32 {
        self.offset & 0x00ff_ffff
    }
}

/// A variable of a data section as it is stored.
#[derive(Clone, Copy)]
pub(super) struct RawVar {
    pub(super) ty: u32,
    pub(super) offset: u32,
    pub(super) size: u32,
}

impl<'a> Raw<'a> {
    pub(super) const VOID: Raw<'static> = Raw {
        name_off: 0,
        info: 0,
        aux: 0,
        rest: &[],
    };

    pub(super) fn read(bytes: &'a [u8]) -> Option<Raw<'a>> {
        let (common, rest) = bytes.split_at_checked(crate::parse::COMMON)?;
        Some(Raw {
            name_off: word(common, 0),
            info: word(common, 4),
            aux: word(common, 8),
            rest,
        })
    }

    pub(super) fn raw_kind(self) -> u32 {
        self.info >> 24 & 0x1f
    }

    pub(super) fn kind(self) -> Kind {
        Kind::from_raw(self.raw_kind()).unwrap_or(Kind::Void)
    }

    pub(super) fn vlen(self) -> u32 {
        self.info & 0xffff
    }

    pub(super) fn kflag(self) -> bool {
        self.info >> 31 != 0
    }

    pub(super) fn member(self, index: u32) -> RawMember {
        let at = index as usize * 12;
        RawMember {
            name_off: word(self.rest, at),
            ty: word(self.rest, at + 4),
            offset: word(self.rest, at + 8),
        }
    }

    pub(super) fn var(self, index: u32) -> RawVar {
        let at = index as usize * 12;
        RawVar {
            ty: word(self.rest, at),
            offset: word(self.rest, at + 4),
            size: word(self.rest, at + 8),
        }
    }

    /// Name and type of a parameter.
    pub(super) fn param(self, index: u32) -> (u32, u32) {
        let at = index as usize * 8;
        (word(self.rest, at), word(self.rest, at + 4))
    }

    /// Element, index type and number of elements of an array.
    pub(super) fn array(self) -> (u32, u32, u32) {
        (word(self.rest, 0), word(self.rest, 4), word(self.rest, 8))
    }

    /// The word that follows an integer, a variable or a declaration tag.
    pub(super) fn data(self) -> u32 {
        word(self.rest, 0)
    }

    pub(super) fn int_bits(self) -> u32 {
        self.data() & 0xff
    }

    pub(super) fn int_offset(self) -> u32 {
        self.data() >> 16 & 0xff
    }

    pub(super) fn int_encoding(self) -> u32 {
        self.data() >> 24 & 0xf
    }

    /// An integer of whole bytes, as many as a register or two may have.
    pub(super) fn is_regular_int(self) -> bool {
        let bits = self.int_bits();
        self.int_offset() == 0 && matches!(bits, 8 | 16 | 32 | 64 | 128)
    }

    /// A typedef is a modifier, too, to the kernel.
    pub(super) fn is_modifier(self) -> bool {
        self.kind().is_modifier() || self.kind() == Kind::Typedef
    }

    pub(super) fn is_type_tag(self) -> bool {
        self.kind() == Kind::TypeTag
    }

    pub(super) fn is_composite(self) -> bool {
        self.kind().is_composite()
    }

    /// What nothing may resolve to.
    pub(super) fn is_source_only(self) -> bool {
        matches!(self.kind(), Kind::Var | Kind::DeclTag | Kind::DataSec)
    }

    pub(super) fn has_no_size(self) -> bool {
        matches!(
            self.kind(),
            Kind::Void | Kind::Fwd | Kind::Func | Kind::FuncProto | Kind::DeclTag
        )
    }

    pub(super) fn needs_resolve(self) -> bool {
        self.is_modifier()
            || matches!(
                self.kind(),
                Kind::Ptr
                    | Kind::Struct
                    | Kind::Union
                    | Kind::Array
                    | Kind::Var
                    | Kind::Func
                    | Kind::DeclTag
                    | Kind::DataSec
            )
    }
}
