//! Writing BTF: building it from nothing, and rewriting parts of one.
//!
//! Types keep their numbers when a BTF is rewritten, new ones follow. Strings are added once each.

mod prune;

pub use prune::Parts;

use std::collections::HashMap;
use std::sync::Arc;

use crate::parse::{COMMON, HEADER_LEN, MAGIC};
use crate::shape::Shape;
use crate::ty::word;
use crate::{Btf, BtfError, FuncLinkage, IntEncoding, Kind, TypeId, VarLinkage};

/// BTF that is being written.
#[derive(Clone, Debug)]
pub struct Builder {
    base: Option<Arc<Btf>>,
    start_id: u32,
    start_str_off: u32,
    types: Vec<u8>,
    /// Where each own type begins in `types`.
    offsets: Vec<usize>,
    strings: Vec<u8>,
    /// Offset of each string that begins after a NUL.
    interned: HashMap<Vec<u8>, u32>,
}

/// A member to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewMember<'a> {
    /// The name, empty for none.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// Bits from the start of the struct.
    pub bit_offset: u32,
    /// Bits of a bitfield, else 0.
    pub bitfield_size: u8,
}

/// A variable's place in a data section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The variable.
    pub ty: TypeId,
    /// Bytes from the start of the section.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty BTF.
    pub fn new() -> Builder {
        Builder {
            base: None,
            start_id: 1,
            start_str_off: 0,
            types: Vec::new(),
            offsets: Vec::new(),
            strings: vec![0],
            interned: HashMap::from([(Vec::new(), 0)]),
        }
    }

    /// An empty BTF that continues `base`.
    pub fn split(base: Arc<Btf>) -> Builder {
        Builder {
            start_id: base.count(),
            start_str_off: base.end_str_off(),
            strings: Vec::new(),
            interned: HashMap::from([(Vec::new(), 0)]),
            base: Some(base),
            types: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// The types and strings of `btf`, to be changed and added to.
    pub fn from_btf(btf: &Btf) -> Builder {
        let strings = btf.string_bytes().to_vec();
        let start_str_off = btf.start_str_off();
        let mut interned = HashMap::with_capacity(strings.iter().filter(|&&b| b == 0).count() + 1);
        let mut offset = start_str_off;
        for string in strings.split_inclusive(|&b| b == 0) {
            let text = string.strip_suffix(&[0]).unwrap_or(string);
            interned.entry(text.to_vec()).or_insert(offset);
            offset = offset.saturating_add(string.len() as u32);
        }
        interned.entry(Vec::new()).or_insert(0);
        let mut offsets = Vec::new();
        let mut at = 0;
        for ty in btf.own_types() {
            offsets.push(at);
            at += COMMON + ty.rest.len();
        }
        Builder {
            base: btf.base().cloned(),
            start_id: btf.start_id(),
            start_str_off,
            types: btf.type_bytes().to_vec(),
            offsets,
            strings,
            interned,
        }
    }

    /// Number of types, `void` and those of the base included: the number that the next type gets.
    pub fn count(&self) -> u32 {
        self.start_id.saturating_add(self.offsets.len() as u32)
    }

    /// Offset of a string, added if it is not there. A string ends at its first NUL.
    pub fn add_string(&mut self, text: &str) -> u32 {
        let bytes = text.bytes().take_while(|&b| b != 0).collect::<Vec<u8>>();
        if let Some(&offset) = self.interned.get(&bytes) {
            return offset;
        }
        let offset = self.start_str_off.saturating_add(self.strings.len() as u32);
        self.strings.extend_from_slice(&bytes);
        self.strings.push(0);
        self.interned.insert(bytes, offset);
        offset
    }

    fn add(&mut self, name: &str, kind: Kind, vlen: usize, kflag: bool, aux: u32, rest: &[u32]) -> TypeId {
        let id = TypeId(self.count());
        let name_off = self.add_string(name);
        let info = u32::from(kflag) << 31 | (kind as u32) << 24 | (vlen as u32 & 0xffff);
        self.offsets.push(self.types.len());
        for word in [name_off, info, aux].iter().chain(rest) {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
        id
    }

    /// Adds an integer of `size` bytes.
    pub fn add_int(&mut self, name: &str, size: u32, encoding: IntEncoding) -> TypeId {
        let bits = size.wrapping_mul(8) & 0xff;
        self.add(
            name,
            Kind::Int,
            0,
            false,
            size,
            &[u32::from(encoding.0) << 24 | bits],
        )
    }

    /// Adds a type that only refers to another: pointer, typedef, modifier or type tag.
    pub fn add_ref(&mut self, kind: Kind, name: &str, target: TypeId) -> TypeId {
        self.add(name, kind, 0, false, target.0, &[])
    }

    /// Adds a pointer.
    pub fn add_ptr(&mut self, target: TypeId) -> TypeId {
        self.add_ref(Kind::Ptr, "", target)
    }

    /// Adds a typedef.
    pub fn add_typedef(&mut self, name: &str, target: TypeId) -> TypeId {
        self.add_ref(Kind::Typedef, name, target)
    }

    /// Adds a type tag.
    pub fn add_type_tag(&mut self, tag: &str, target: TypeId) -> TypeId {
        self.add_ref(Kind::TypeTag, tag, target)
    }

    /// Adds a forward declaration.
    pub fn add_fwd(&mut self, name: &str, is_union: bool) -> TypeId {
        self.add(name, Kind::Fwd, 0, is_union, 0, &[])
    }

    /// Adds a floating point type.
    pub fn add_float(&mut self, name: &str, size: u32) -> TypeId {
        self.add(name, Kind::Float, 0, false, size, &[])
    }

    /// Adds an array.
    pub fn add_array(&mut self, index: TypeId, elem: TypeId, nelems: u32) -> TypeId {
        self.add("", Kind::Array, 0, false, 0, &[elem.0, index.0, nelems])
    }

    /// Adds a struct or union (`kind`) of `size` bytes.
    pub fn add_composite(&mut self, kind: Kind, name: &str, size: u32, members: &[NewMember<'_>]) -> TypeId {
        let kflag = members.iter().any(|m| m.bitfield_size != 0);
        let mut words = Vec::new();
        for m in members {
            let offset = if kflag {
                u32::from(m.bitfield_size) << 24 | m.bit_offset
            } else {
                m.bit_offset
            };
            words.extend([self.add_string(m.name), m.ty.0, offset]);
        }
        self.add(name, kind, members.len(), kflag, size, &words)
    }

    /// Adds a struct of ordinary members: name, type and byte offset of each.
    pub fn add_struct(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        let members = members
            .iter()
            .map(|&(name, ty, offset)| NewMember {
                name,
                ty,
                bit_offset: offset.wrapping_mul(8),
                bitfield_size: 0,
            })
            .collect::<Vec<_>>();
        self.add_composite(Kind::Struct, name, size, &members)
    }

    /// Adds an enumeration of at most 32-bit values.
    pub fn add_enum(&mut self, name: &str, size: u32, signed: bool, values: &[(&str, i32)]) -> TypeId {
        let mut words = Vec::new();
        for &(name, value) in values {
            words.extend([self.add_string(name), value as u32]);
        }
        self.add(name, Kind::Enum, values.len(), signed, size, &words)
    }

    /// Adds an enumeration of 64-bit values.
    pub fn add_enum64(&mut self, name: &str, size: u32, signed: bool, values: &[(&str, u64)]) -> TypeId {
        let mut words = Vec::new();
        for &(name, value) in values {
            words.extend([self.add_string(name), value as u32, (value >> 32) as u32]);
        }
        self.add(name, Kind::Enum64, values.len(), signed, size, &words)
    }

    /// Adds a prototype: the type returned, name and type of each parameter.
    pub fn add_func_proto(&mut self, ret: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let mut words = Vec::new();
        for &(name, ty) in params {
            words.extend([self.add_string(name), ty.0]);
        }
        self.add("", Kind::FuncProto, params.len(), false, ret.0, &words)
    }

    /// Adds a function.
    pub fn add_func(&mut self, name: &str, linkage: FuncLinkage, proto: TypeId) -> TypeId {
        self.add(name, Kind::Func, linkage as usize, false, proto.0, &[])
    }

    /// Adds a variable.
    pub fn add_var(&mut self, name: &str, linkage: VarLinkage, ty: TypeId) -> TypeId {
        self.add(name, Kind::Var, 0, false, ty.0, &[linkage as u32])
    }

    /// Adds a data section.
    pub fn add_datasec(&mut self, name: &str, size: u32, vars: &[Placement]) -> TypeId {
        let words = vars
            .iter()
            .flat_map(|v| [v.ty.0, v.offset, v.size])
            .collect::<Vec<_>>();
        self.add(name, Kind::DataSec, vars.len(), false, size, &words)
    }

    /// Adds a declaration tag; `component` `None` for the whole.
    pub fn add_decl_tag(&mut self, tag: &str, target: TypeId, component: Option<u32>) -> TypeId {
        self.add(
            tag,
            Kind::DeclTag,
            0,
            false,
            target.0,
            &[component.unwrap_or(u32::MAX)],
        )
    }

    fn put(&mut self, id: TypeId, at: usize, value: u32) -> Option<()> {
        let index = id.0.checked_sub(self.start_id)? as usize;
        let start = *self.offsets.get(index)?;
        let end = self.offsets.get(index + 1).copied().unwrap_or(self.types.len());
        let bytes = self
            .types
            .get_mut(start..end)?
            .get_mut(at..)?
            .first_chunk_mut::<4>()?;
        *bytes = value.to_le_bytes();
        Some(())
    }

    fn get(&self, id: TypeId, at: usize) -> Option<u32> {
        let start = *self.offsets.get(id.0.checked_sub(self.start_id)? as usize)?;
        Some(word(&self.types, start + at))
    }

    fn kind(&self, id: TypeId) -> Option<Kind> {
        Kind::from_raw(self.get(id, 4)? >> 24 & 0x1f)
    }

    /// `put`, if the type is of kind `kind`.
    fn put_in(&mut self, kind: Kind, id: TypeId, at: usize, value: u32) -> Option<()> {
        (self.kind(id)? == kind).then_some(())?;
        self.put(id, at, value)
    }

    /// Changes a type's name. `None` if it is not a type of this BTF itself; so too for the other changes.
    pub fn set_name(&mut self, id: TypeId, name: &str) -> Option<()> {
        let offset = self.add_string(name);
        self.put(id, 0, offset)
    }

    /// Changes the size of a type that has one.
    pub fn set_size(&mut self, id: TypeId, size: u32) -> Option<()> {
        self.kind(id)?.has_size().then_some(())?;
        self.put(id, 8, size)
    }

    /// Changes what a type refers to.
    pub fn set_target(&mut self, id: TypeId, target: TypeId) -> Option<()> {
        self.kind(id)?.has_target().then_some(())?;
        self.put(id, 8, target.0)
    }

    /// Makes a type one of another kind whose description is as long, without the kind's flag; `None` when it is not.
    pub fn retype(&mut self, id: TypeId, kind: Kind, vlen: u32) -> Option<()> {
        let info = self.get(id, 4)?;
        let now = Shape::of(info >> 24 & 0x1f)?.extra_len(info & 0xffff);
        let then = Shape::of(kind as u32)?.extra_len(vlen);
        (now == then).then_some(())?;
        self.put(id, 4, (kind as u32) << 24 | vlen & 0xffff)
    }

    /// Changes word `index` of what follows a type's first three.
    pub fn set_extra(&mut self, id: TypeId, index: usize, value: u32) -> Option<()> {
        self.put(id, COMMON + index.checked_mul(4)?, value)
    }

    /// Changes the type of a prototype's parameter.
    pub fn set_param_type(&mut self, proto: TypeId, index: usize, ty: TypeId) -> Option<()> {
        self.put_in(Kind::FuncProto, proto, COMMON + index.checked_mul(8)? + 4, ty.0)
    }

    /// Changes the linkage of a function.
    pub fn set_func_linkage(&mut self, id: TypeId, linkage: FuncLinkage) -> Option<()> {
        let info = self.get(id, 4)?;
        self.put_in(Kind::Func, id, 4, info & !0xffff | linkage as u32)
    }

    /// Changes the linkage of a variable.
    pub fn set_var_linkage(&mut self, id: TypeId, linkage: VarLinkage) -> Option<()> {
        self.put_in(Kind::Var, id, COMMON, linkage as u32)
    }

    /// Changes the name of a prototype's parameter.
    pub fn set_param_name(&mut self, proto: TypeId, index: usize, name: &str) -> Option<()> {
        let offset = self.add_string(name);
        self.put_in(Kind::FuncProto, proto, COMMON + index.checked_mul(8)?, offset)
    }

    /// The variables of a data section as they are now.
    pub fn placements(&self, datasec: TypeId) -> Vec<Placement> {
        if self.kind(datasec) != Some(Kind::DataSec) {
            return Vec::new();
        }
        let vlen = self.get(datasec, 4).unwrap_or_default() & 0xffff;
        let read = |index: u32| {
            let at = COMMON + index as usize * 12;
            Some(Placement {
                ty: TypeId(self.get(datasec, at)?),
                offset: self.get(datasec, at + 4)?,
                size: self.get(datasec, at + 8)?,
            })
        };
        (0..vlen).filter_map(read).collect()
    }

    /// Changes variable `index` of a data section.
    pub fn set_placement(&mut self, datasec: TypeId, index: usize, to: Placement) -> Option<()> {
        let at = COMMON + index.checked_mul(12)?;
        self.put_in(Kind::DataSec, datasec, at, to.ty.0)?;
        self.put(datasec, at + 4, to.offset)?;
        self.put(datasec, at + 8, to.size)
    }

    /// Sorts the variables of a data section by offset.
    pub fn sort_placements(&mut self, datasec: TypeId) -> Option<()> {
        let mut vars = self.placements(datasec);
        vars.sort_by_key(|v| v.offset);
        for (index, var) in vars.into_iter().enumerate() {
            self.set_placement(datasec, index, var)?;
        }
        Some(())
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut out = Vec::with_capacity(HEADER_LEN + self.types.len() + self.strings.len());
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&[1, 0]);
        for word in [HEADER_LEN as u32, 0, types, types, strings] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.strings);
        out
    }

    /// The finished BTF.
    ///
    /// # Errors
    /// If what was written makes no sense to [`Btf::parse`].
    pub fn build(self) -> Result<Btf, BtfError> {
        match self.base.clone() {
            Some(base) => Btf::parse_split(self.finish(), base),
            None => Btf::parse(self.finish()),
        }
    }
}
