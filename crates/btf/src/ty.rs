//! [`Type`]: a view of one type, and of the parts it has.

use std::fmt;

use crate::{Btf, FuncLinkage, IntEncoding, Kind, TypeId, VarLinkage};

/// A type of a [`Btf`]: a copyable view.
///
/// The parts that only some kinds have (members, parameters…) are empty or `None` for the others.
#[derive(Clone, Copy)]
pub struct Type<'a> {
    pub(crate) btf: &'a Btf,
    pub(crate) id: TypeId,
    pub(crate) name_off: u32,
    pub(crate) info: u32,
    pub(crate) aux: u32,
    /// What follows the three common words, exactly as long as the kind demands.
    pub(crate) rest: &'a [u8],
}

/// The 32-bit little-endian word at `at` of `bytes`, 0 beyond the end.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..).and_then(|b| b.first_chunk::<4>()) {
        Some(b) => u32::from_le_bytes(*b),
        None => 0,
    }
}

impl<'a> Type<'a> {
    /// Number of the type.
    #[inline]
    pub fn id(self) -> TypeId {
        self.id
    }

    /// The BTF it is seen through.
    #[inline]
    pub fn btf(self) -> &'a Btf {
        self.btf
    }

    /// Its kind.
    #[inline]
    pub fn kind(self) -> Kind {
        Kind::from_raw(self.info >> 24 & 0x1f).unwrap_or(Kind::Void)
    }

    /// Number of members, enumerators, parameters or variables; the linkage of a function.
    #[inline]
    pub fn vlen(self) -> u32 {
        self.info & 0xffff
    }

    /// The flag of the info word: bit offsets with bitfield sizes in a struct, union behind a forward
    /// declaration, signed values of an enumeration.
    #[inline]
    pub fn kflag(self) -> bool {
        self.info >> 31 != 0
    }

    /// The info word as it is.
    #[inline]
    pub fn info(self) -> u32 {
        self.info
    }

    /// The third word as it is: size or type.
    #[inline]
    pub fn size_or_type(self) -> u32 {
        self.aux
    }

    /// Offset of the name.
    #[inline]
    pub fn name_off(self) -> u32 {
        self.name_off
    }

    /// The name, empty for an anonymous type.
    #[inline]
    pub fn name(self) -> &'a str {
        self.btf.name(self.name_off)
    }

    /// Whether the type has no name.
    #[inline]
    pub fn is_anon(self) -> bool {
        self.btf.name_bytes(self.name_off).is_empty()
    }

    /// Size in bytes of the kinds that say one (integers, structs, unions, enumerations, floats, data
    /// sections), else 0. See [`Btf::resolve_size`] for every type.
    #[inline]
    pub fn size(self) -> u32 {
        if self.kind().has_size() { self.aux } else { 0 }
    }

    /// The type referred to: what a pointer points to, a typedef or modifier stands for, a function's
    /// prototype, a prototype's return type, a variable's type, what a tag is on. `void` for other kinds.
    #[inline]
    pub fn target(self) -> TypeId {
        if self.kind().has_target() {
            TypeId(self.aux)
        } else {
            TypeId::VOID
        }
    }

    /// [`Type::target`] as a type.
    #[inline]
    pub fn target_type(self) -> Option<Type<'a>> {
        self.btf.ty(self.target())
    }

    /// `void`.
    #[inline]
    pub fn is_void(self) -> bool {
        self.kind() == Kind::Void
    }

    /// Integer.
    #[inline]
    pub fn is_int(self) -> bool {
        self.kind() == Kind::Int
    }

    /// Pointer.
    #[inline]
    pub fn is_ptr(self) -> bool {
        self.kind() == Kind::Ptr
    }

    /// Array.
    #[inline]
    pub(crate) fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Struct.
    #[inline]
    pub fn is_struct(self) -> bool {
        self.kind() == Kind::Struct
    }

    /// Struct or union.
    #[inline]
    pub fn is_composite(self) -> bool {
        self.kind().is_composite()
    }

    /// Either kind of enumeration.
    #[inline]
    pub fn is_any_enum(self) -> bool {
        self.kind().is_any_enum()
    }

    /// Function.
    #[inline]
    pub fn is_func(self) -> bool {
        self.kind() == Kind::Func
    }

    /// Prototype.
    #[inline]
    pub fn is_func_proto(self) -> bool {
        self.kind() == Kind::FuncProto
    }

    /// Members of a struct or union.
    #[inline]
    pub fn members(self) -> Elements<'a, Member<'a>> {
        Elements::of(self, self.is_composite(), 12)
    }

    /// Member `index` of a struct or union.
    #[inline]
    pub fn member(self, index: usize) -> Option<Member<'a>> {
        self.members().get(index)
    }

    /// Enumerators of either kind of enumeration.
    #[inline]
    pub fn enumerators(self) -> Elements<'a, Enumerator<'a>> {
        let stride = if self.kind() == Kind::Enum64 { 12 } else { 8 };
        Elements::of(self, self.is_any_enum(), stride)
    }

    /// Parameters of a prototype. A variadic one has a last parameter without name and type.
    #[inline]
    pub fn params(self) -> Elements<'a, Param<'a>> {
        Elements::of(self, self.is_func_proto(), 8)
    }

    /// Variables of a data section.
    #[inline]
    pub fn vars(self) -> Elements<'a, VarSecinfo<'a>> {
        Elements::of(self, self.kind() == Kind::DataSec, 12)
    }

    /// What an array is of.
    #[inline]
    pub fn array(self) -> Option<Array> {
        self.is_array().then(|| Array {
            elem: TypeId(word(self.rest, 0)),
            index: TypeId(word(self.rest, 4)),
            nelems: word(self.rest, 8),
        })
    }

    /// What an integer is.
    #[inline]
    pub fn int(self) -> Option<IntInfo> {
        let data = word(self.rest, 0);
        self.is_int().then_some(IntInfo {
            encoding: IntEncoding((data >> 24 & 0xf) as u8),
            offset: data >> 16 & 0xff,
            bits: data & 0xff,
        })
    }

    /// The linkage word of a function or variable.
    #[inline]
    pub fn linkage(self) -> u32 {
        match self.kind() {
            Kind::Func => self.vlen(),
            Kind::Var => word(self.rest, 0),
            _ => 0,
        }
    }

    /// Linkage of a function.
    pub fn func_linkage(self) -> Option<FuncLinkage> {
        if self.is_func() {
            FuncLinkage::from_raw(self.linkage())
        } else {
            None
        }
    }

    /// Linkage of a variable.
    pub fn var_linkage(self) -> Option<VarLinkage> {
        if self.kind() == Kind::Var {
            VarLinkage::from_raw(self.linkage())
        } else {
            None
        }
    }

    /// Which part a declaration tag is on: a member or parameter; `None` for the whole.
    #[inline]
    pub fn component(self) -> Option<u32> {
        let is_tag = self.kind() == Kind::DeclTag;
        // The file has -1 for the whole.
        Some(word(self.rest, 0)).filter(|&part| is_tag && part != u32::MAX)
    }

    /// The prototype of a function, or the type itself when it is one.
    pub fn proto(self) -> Option<Type<'a>> {
        match self.kind() {
            Kind::FuncProto => Some(self),
            Kind::Func => self.target_type().filter(|t| t.is_func_proto()),
            _ => None,
        }
    }
}

impl PartialEq for Type<'_> {
    /// The same type of the same BTF object.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.btf, other.btf)
    }
}

impl fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} '{}'", self.id, self.kind().kernel_name(), self.name())
    }
}

/// What an array is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Array {
    /// Type of an element.
    pub elem: TypeId,
    /// Type of the index.
    pub index: TypeId,
    /// Number of elements; 0 also for a flexible array.
    pub nelems: u32,
}

/// What an integer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntInfo {
    /// Signed, char or bool.
    pub encoding: IntEncoding,
    /// Bits from the start of the storage (0 in everything that compilers emit now).
    pub offset: u32,
    /// Number of bits.
    pub bits: u32,
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    btf: &'a Btf,
    /// Its place among the members.
    pub index: u32,
    /// Offset of the name.
    pub name_off: u32,
    /// Its type.
    pub ty: TypeId,
    /// Bits from the start of the struct.
    pub bit_offset: u32,
    /// Bits of a bitfield, 0 for an ordinary member.
    pub bitfield_size: u32,
}

impl<'a> Member<'a> {
    /// The name, empty for an anonymous member.
    #[inline]
    pub fn name(self) -> &'a str {
        self.btf.name(self.name_off)
    }

    /// The member's type.
    #[inline]
    pub fn type_(self) -> Option<Type<'a>> {
        self.btf.ty(self.ty)
    }

    /// Bytes from the start of the struct, rounded down.
    #[inline]
    pub fn byte_offset(self) -> u32 {
        self.bit_offset / 8
    }
}

/// An enumerator.
#[derive(Clone, Copy, Debug)]
pub struct Enumerator<'a> {
    btf: &'a Btf,
    /// Offset of the name.
    pub name_off: u32,
    /// The value: sign-extended if the enumeration is signed, else zero-extended (a 64-bit unsigned one
    /// keeps its bits).
    pub value: i64,
    /// The value's bits as stored, zero-extended.
    pub raw: u64,
}

impl<'a> Enumerator<'a> {
    /// The name.
    #[inline]
    pub fn name(self) -> &'a str {
        self.btf.name(self.name_off)
    }
}

/// A parameter of a prototype.
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    btf: &'a Btf,
    /// Offset of the name.
    pub name_off: u32,
    /// Its type.
    pub ty: TypeId,
}

impl<'a> Param<'a> {
    /// The name, empty when the declaration gave none.
    #[inline]
    pub fn name(self) -> &'a str {
        self.btf.name(self.name_off)
    }

    /// The parameter's type.
    #[inline]
    pub fn type_(self) -> Option<Type<'a>> {
        self.btf.ty(self.ty)
    }
}

/// A variable of a data section (`btf_var_secinfo`).
#[derive(Clone, Copy, Debug)]
pub struct VarSecinfo<'a> {
    btf: &'a Btf,
    /// The variable (or, in `.ksyms`, function).
    pub ty: TypeId,
    /// Bytes from the start of the section.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

impl<'a> VarSecinfo<'a> {
    /// The variable's type view.
    #[inline]
    pub fn type_(self) -> Option<Type<'a>> {
        self.btf.ty(self.ty)
    }
}

/// A part of a type: how to read one.
trait Element<'a>: Sized {
    fn read(ty: Type<'a>, index: usize, bytes: &'a [u8]) -> Self;
}

/// The parts of a type, as an iterator that can also be indexed with [`Elements::get`].
#[derive(Clone, Copy)]
pub struct Elements<'a, E> {
    ty: Type<'a>,
    stride: usize,
    next: usize,
    end: usize,
    element: std::marker::PhantomData<E>,
}

impl<'a, E> Elements<'a, E> {
    #[inline]
    fn of(ty: Type<'a>, present: bool, stride: usize) -> Self {
        let end = if present {
            (ty.vlen() as usize).min(ty.rest.len() / stride)
        } else {
            0
        };
        Elements {
            ty,
            stride,
            next: 0,
            end,
            element: std::marker::PhantomData,
        }
    }
}

#[expect(private_bounds, reason = "only the parts of this module are elements")]
impl<'a, E: Element<'a>> Elements<'a, E> {
    /// The part at `index`, counted from the first.
    #[inline]
    pub fn get(&self, index: usize) -> Option<E> {
        if index >= self.end {
            return None;
        }
        let at = index.checked_mul(self.stride)?;
        let bytes = self.ty.rest.get(at..at.checked_add(self.stride)?)?;
        Some(E::read(self.ty, index, bytes))
    }
}

impl<'a, E: Element<'a>> Iterator for Elements<'a, E> {
    type Item = E;

    #[inline]
    fn next(&mut self) -> Option<E> {
        let item = self.get(self.next)?;
        self.next += 1;
        Some(item)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.next);
        (left, Some(left))
    }
}

impl<'a, E: Element<'a>> DoubleEndedIterator for Elements<'a, E> {
    #[inline]
    fn next_back(&mut self) -> Option<E> {
        if self.next >= self.end {
            return None;
        }
        let item = self.get(self.end - 1)?;
        self.end -= 1;
        Some(item)
    }
}

impl<'a, E: Element<'a>> ExactSizeIterator for Elements<'a, E> {}

impl<'a> Element<'a> for Member<'a> {
    #[inline]
    fn read(ty: Type<'a>, index: usize, bytes: &'a [u8]) -> Self {
        let offset = word(bytes, 8);
        let (bit_offset, bitfield_size) = if ty.kflag() {
            (offset & 0x00ff_ffff, offset >> 24)
        } else {
            (offset, 0)
        };
        Member {
            btf: ty.btf,
            index: index as u32,
            name_off: word(bytes, 0),
            ty: TypeId(word(bytes, 4)),
            bit_offset,
            bitfield_size,
        }
    }
}

impl<'a> Element<'a> for Enumerator<'a> {
    #[inline]
    fn read(ty: Type<'a>, _index: usize, bytes: &'a [u8]) -> Self {
        let low = word(bytes, 4);
        let wide = ty.kind() == Kind::Enum64;
        let raw = u64::from(low) | if wide { u64::from(word(bytes, 8)) << 32 } else { 0 };
        let value = if !wide && ty.kflag() {
            i64::from(low as i32)
        } else {
            raw as i64
        };
        Enumerator {
            btf: ty.btf,
            name_off: word(bytes, 0),
            value,
            raw,
        }
    }
}

impl<'a> Element<'a> for Param<'a> {
    #[inline]
    fn read(ty: Type<'a>, _index: usize, bytes: &'a [u8]) -> Self {
        Param {
            btf: ty.btf,
            name_off: word(bytes, 0),
            ty: TypeId(word(bytes, 4)),
        }
    }
}

impl<'a> Element<'a> for VarSecinfo<'a> {
    #[inline]
    fn read(ty: Type<'a>, _index: usize, bytes: &'a [u8]) -> Self {
        VarSecinfo {
            btf: ty.btf,
            ty: TypeId(word(bytes, 0)),
            offset: word(bytes, 4),
            size: word(bytes, 8),
        }
    }
}
