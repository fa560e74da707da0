//! Opening BTF: what `btf__new` of libbpf checks, and access to types and strings.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::error::errno;
use crate::index::{MAX_NAME, NameIndex};
use crate::prepared::Words;
use crate::shape::{Parts, Shape};
use crate::tags::TagIndex;
use crate::ty::word;
use crate::{BtfError, Kind, Type, TypeId};

pub(crate) const MAGIC: u16 = 0xeb9f;
pub(crate) const HEADER_LEN: usize = 24;
/// Bytes of the words that every type has.
pub(crate) const COMMON: usize = 12;
const MAX_STR_OFFSET: u32 = 0x7fff_ffff;

/// A parsed BTF object: its bytes, and where each type begins.
///
/// Types are numbered from 1; a split BTF continues the numbering, and the string offsets, of its base.
pub struct Btf {
    data: Cow<'static, [u8]>,
    base: Option<Arc<Btf>>,
    /// First type of this BTF itself.
    start_id: u32,
    /// First string offset of this BTF itself.
    start_str_off: u32,
    /// Where each own type begins in `data`, and where the last one ends.
    offsets: Words,
    strings: (usize, usize),
    index: OnceLock<NameIndex>,
    tags: OnceLock<TagIndex>,
}

/// Two are equal when their bytes and those of their bases are.
impl PartialEq for Btf {
    fn eq(&self, other: &Btf) -> bool {
        self.data == other.data && self.base == other.base
    }
}

impl Eq for Btf {}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf")
            .field("types", &self.count())
            .field("bytes", &self.data.len())
            .finish()
    }
}

/// The header's words that matter, after the endianness was settled.
pub(crate) struct Header {
    pub(crate) hdr_len: u32,
    pub(crate) type_off: u32,
    pub(crate) type_len: u32,
    pub(crate) str_off: u32,
    pub(crate) str_len: u32,
}

impl Header {
    pub(crate) fn read(data: &[u8]) -> Header {
        Header {
            hdr_len: word(data, 4),
            type_off: word(data, 8),
            type_len: word(data, 12),
            str_off: word(data, 16),
            str_len: word(data, 20),
        }
    }
}

impl Btf {
    /// Parses a BTF of its own.
    ///
    /// # Errors
    /// What `btf__new` refuses: a header or string section out of shape, an unknown kind, a type that does
    /// not fit, a type number or string offset that does not exist, a function without prototype.
    pub fn parse(data: impl Into<Cow<'static, [u8]>>) -> Result<Btf, BtfError> {
        Self::open(data.into(), None)
    }

    /// Parses a BTF that continues `base`, as a kernel module's does.
    ///
    /// # Errors
    /// As [`Btf::parse`].
    pub fn parse_split(data: impl Into<Cow<'static, [u8]>>, base: Arc<Btf>) -> Result<Btf, BtfError> {
        Self::open(data.into(), Some(base))
    }

    fn open(data: Cow<'static, [u8]>, base: Option<Arc<Btf>>) -> Result<Btf, BtfError> {
        let data = native(data)?;
        let header = check_header(&data)?;
        let strings = check_strings(&data, &header, base.is_some())?;
        let start_id = base.as_ref().map_or(1, |b| b.count());
        let start_str_off = base.as_ref().map_or(0, |b| b.end_str_off());
        let Scan {
            offsets,
            max_id,
            max_string,
            func_protos,
        } = scan_types(&data, &header, start_id)?;
        let btf = Btf {
            data,
            base,
            start_id,
            start_str_off,
            offsets: Words::Made(offsets),
            strings,
            index: OnceLock::new(),
            tags: OnceLock::new(),
        };
        if max_id >= btf.count() || max_string >= btf.end_str_off() {
            crate::sanity::check_references(&btf)?;
        }
        if !func_protos
            .iter()
            .all(|&id| btf.raw_kind(id) == Some(Kind::FuncProto as u32))
        {
            crate::sanity::check_functions(&btf)?;
        }
        Ok(btf)
    }

    /// A BTF without base from tables that were made before; the header is checked, the types are not.
    pub(crate) fn assemble(
        data: &'static [u8],
        offsets: Words,
        index: OnceLock<NameIndex>,
    ) -> Result<Btf, BtfError> {
        let header = check_header(data)?;
        let strings = check_strings(data, &header, false)?;
        Ok(Btf {
            data: Cow::Borrowed(data),
            base: None,
            start_id: 1,
            start_str_off: 0,
            offsets,
            strings,
            index,
            tags: OnceLock::new(),
        })
    }

    /// Where each own type begins in the data, and where the last one ends.
    pub(crate) fn offsets(&self) -> &Words {
        &self.offsets
    }

    /// The bytes it was parsed from (in little-endian order).
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The BTF this one continues.
    pub fn base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// Number of types, `void` and those of the base included: valid numbers are below it.
    #[inline]
    pub fn count(&self) -> u32 {
        // The last offset is the end of the last type, hence one less than there are entries.
        self.start_id
            .saturating_add(self.offsets.len().saturating_sub(1) as u32)
    }

    /// Number of the first type that is not of the base (1 if there is none).
    #[inline]
    pub(crate) fn start_id(&self) -> u32 {
        self.start_id
    }

    /// First string offset beyond those of this BTF and its base.
    pub(crate) fn end_str_off(&self) -> u32 {
        self.start_str_off
            .saturating_add((self.strings.1 - self.strings.0) as u32)
    }

    /// First string offset of this BTF itself.
    pub(crate) fn start_str_off(&self) -> u32 {
        self.start_str_off
    }

    /// The string section of this BTF itself.
    pub(crate) fn string_bytes(&self) -> &[u8] {
        self.data.get(self.strings.0..self.strings.1).unwrap_or_default()
    }

    /// The bytes of this BTF's own types.
    pub(crate) fn type_bytes(&self) -> &[u8] {
        let first = self.offsets.get(0).unwrap_or_default() as usize;
        let last = self
            .offsets
            .len()
            .checked_sub(1)
            .and_then(|at| self.offsets.get(at));
        let last = last.unwrap_or_default() as usize;
        self.data.get(first..last).unwrap_or_default()
    }

    /// The type of that number; `void` for 0, `None` if there is none.
    #[inline]
    pub fn ty(&self, id: TypeId) -> Option<Type<'_>> {
        if id.0 < self.start_id {
            return self.ty_below(id);
        }
        let at = (id.0 - self.start_id) as usize;
        let start = self.offsets.get(at)? as usize;
        let end = self.offsets.get(at + 1)? as usize;
        let bytes = self.data.get(start..end)?;
        let (common, rest) = bytes.split_at_checked(COMMON)?;
        Some(Type {
            btf: self,
            id,
            name_off: word(common, 0),
            info: word(common, 4),
            aux: word(common, 8),
            rest,
        })
    }

    /// `void`, or a type of the base.
    fn ty_below(&self, id: TypeId) -> Option<Type<'_>> {
        if id == TypeId::VOID {
            return Some(Type {
                btf: self,
                id,
                name_off: 0,
                info: 0,
                aux: 0,
                rest: &[],
            });
        }
        let base = self.base.as_deref()?;
        base.ty(id).map(|t| Type { btf: self, ..t })
    }

    /// All types in order of their numbers, `void` left out, those of the base first.
    pub fn types(&self) -> impl Iterator<Item = Type<'_>> {
        (1..self.count()).filter_map(|id| self.ty(TypeId(id)))
    }

    /// The types that are not of the base.
    pub(crate) fn own_types(&self) -> impl Iterator<Item = Type<'_>> {
        (self.start_id..self.count()).filter_map(|id| self.ty(TypeId(id)))
    }

    /// The string at an offset, without its NUL; `None` beyond the strings.
    #[inline]
    pub fn string(&self, offset: u32) -> Option<&[u8]> {
        if offset < self.start_str_off {
            return self.base.as_deref()?.string(offset);
        }
        let at = (offset - self.start_str_off) as usize;
        let tail = self.string_bytes().get(at..)?;
        // The section ends with a NUL, hence every string does.
        let end = std::ffi::CStr::from_bytes_until_nul(tail).ok()?;
        Some(end.to_bytes())
    }

    /// Whether there is a string at an offset.
    #[inline]
    pub fn has_string(&self, offset: u32) -> bool {
        match offset.checked_sub(self.start_str_off) {
            // The section ends with a NUL, if there is any.
            Some(at) => (at as usize) < self.string_bytes().len(),
            None => self.base.as_deref().is_some_and(|base| base.has_string(offset)),
        }
    }

    /// The strings from an offset on, those of the base apart: the first NUL ends the one that is meant.
    #[inline]
    pub(crate) fn string_tail(&self, offset: u32) -> &[u8] {
        if offset < self.start_str_off {
            return self.base.as_deref().map_or(&[], |b| b.string_tail(offset));
        }
        let at = (offset - self.start_str_off) as usize;
        self.string_bytes().get(at..).unwrap_or_default()
    }

    /// The number of the kind of a type.
    fn raw_kind(&self, id: u32) -> Option<u32> {
        match id.checked_sub(self.start_id) {
            Some(at) => {
                let start = self.offsets.get(at as usize)? as usize;
                Some(word(&self.data, start + 4) >> 24 & 0x1f)
            }
            None => self.base.as_deref()?.raw_kind(id),
        }
    }

    /// Offset of the name of a type of this BTF itself.
    #[inline]
    pub(crate) fn own_name_off(&self, id: u32) -> Option<u32> {
        let at = id.checked_sub(self.start_id)? as usize;
        let start = self.offsets.get(at)? as usize;
        Some(word(&self.data, start)).filter(|&off| off != 0)
    }

    /// The bytes of a name, empty if the offset is out of range. Of endless ones, which hostile types may share, as many as
    /// are looked at to find a type.
    #[inline]
    pub(crate) fn name_bytes(&self, offset: u32) -> &[u8] {
        let tail = self.string_tail(offset);
        let tail = tail.get(..MAX_NAME).unwrap_or(tail);
        let whole = std::ffi::CStr::from_bytes_until_nul(tail);
        whole.map_or(tail, std::ffi::CStr::to_bytes)
    }

    /// The name at an offset, empty if the offset is out of range. Of a name that is not UTF-8 only what
    /// comes before the first stray byte.
    #[inline]
    pub fn name(&self, offset: u32) -> &str {
        let bytes = self.name_bytes(offset);
        match std::str::from_utf8(bytes) {
            Ok(name) => name,
            Err(e) => bytes
                .get(..e.valid_up_to())
                .and_then(|b| std::str::from_utf8(b).ok())
                .unwrap_or_default(),
        }
    }

    /// The name of a type, empty for an anonymous or a missing one.
    pub fn type_name(&self, id: TypeId) -> &str {
        self.ty(id).map_or("", |t| t.name())
    }

    pub(crate) fn index(&self) -> &NameIndex {
        self.index.get_or_init(|| NameIndex::build(self))
    }

    pub(crate) fn tag_index(&self) -> &TagIndex {
        self.tags.get_or_init(|| crate::tags::build_index(self))
    }
}

/// The data in little-endian order.
fn native(data: Cow<'static, [u8]>) -> Result<Cow<'static, [u8]>, BtfError> {
    match data.first_chunk::<2>() {
        Some(magic) if data.len() >= HEADER_LEN && u16::from_be_bytes(*magic) == MAGIC => {
            crate::sanity::swapped(&data).map(Cow::Owned)
        }
        _ => Ok(data),
    }
}

fn check_header(data: &[u8]) -> Result<Header, BtfError> {
    let size = data.len();
    if size < HEADER_LEN || size > u32::MAX as usize {
        return Err(BtfError::invalid("BTF header not found"));
    }
    let magic = word(data, 0) as u16;
    if magic != MAGIC {
        return Err(BtfError::invalid(format!("Invalid BTF magic: {magic:x}")));
    }
    let h = Header::read(data);
    if size < h.hdr_len as usize {
        return Err(BtfError::invalid(format!(
            "BTF header len {} larger than data size {size}",
            h.hdr_len
        )));
    }
    let left = (size - h.hdr_len as usize) as u64;
    if left < u64::from(h.str_off) + u64::from(h.str_len) {
        return Err(BtfError::invalid(format!("Invalid BTF total size: {size}")));
    }
    if u64::from(h.type_off) + u64::from(h.type_len) > u64::from(h.str_off) {
        return Err(BtfError::invalid(format!(
            "Invalid BTF data sections layout: type data at {} + {}, strings data at {} + {}",
            h.type_off, h.type_len, h.str_off, h.str_len
        )));
    }
    if !h.type_off.is_multiple_of(4) {
        return Err(BtfError::invalid("BTF type section is not aligned to 4 bytes"));
    }
    Ok(h)
}

/// Where the strings lie in the data.
fn check_strings(data: &[u8], h: &Header, split: bool) -> Result<(usize, usize), BtfError> {
    let start = h.hdr_len as usize + h.str_off as usize;
    let end = start + h.str_len as usize;
    if split && h.str_len == 0 {
        return Ok((start, end));
    }
    let strings = data.get(start..end).unwrap_or_default();
    let too_long = h.str_len.saturating_sub(1) > MAX_STR_OFFSET;
    let terminated = strings.last() == Some(&0);
    let starts_empty = split || strings.first() == Some(&0);
    if too_long || !terminated || !starts_empty {
        return Err(BtfError::invalid("Invalid BTF string section"));
    }
    Ok((start, end))
}

/// What one pass over the types finds out.
struct Scan {
    /// Where each type begins, and where the last one ends.
    offsets: Vec<u32>,
    /// Largest type number and string offset that something refers to.
    max_id: u32,
    max_string: u32,
    /// What the functions refer to.
    func_protos: Vec<u32>,
}

impl Scan {
    /// Takes note of what the parts of a type refer to.
    #[inline]
    fn parts(&mut self, bytes: &[u8], parts: Parts) {
        match parts {
            Parts::Opaque => {}
            Parts::Named8 => self.each::<8>(bytes, |p| (word(p, 0), 0)),
            Parts::Named12 => self.each::<12>(bytes, |p| (word(p, 0), 0)),
            Parts::Param => self.each::<8>(bytes, |p| (word(p, 0), word(p, 4))),
            Parts::Member => self.each::<12>(bytes, |p| (word(p, 0), word(p, 4))),
            Parts::Secinfo => self.each::<12>(bytes, |p| (0, word(p, 0))),
            Parts::Array => self.each::<12>(bytes, |p| (0, word(p, 0).max(word(p, 4)))),
        }
    }

    /// Takes note of the string and the type that `read` finds in each piece of `N` bytes.
    #[inline]
    fn each<const N: usize>(&mut self, bytes: &[u8], read: impl Fn(&[u8; N]) -> (u32, u32)) {
        for part in bytes.as_chunks::<N>().0 {
            let (string, id) = read(part);
            self.max_string = self.max_string.max(string);
            self.max_id = self.max_id.max(id);
        }
    }
}

/// Steps over the types. Where the next one begins depends on each, so this loop is what opening takes.
fn scan_types(data: &[u8], h: &Header, start_id: u32) -> Result<Scan, BtfError> {
    let start = h.hdr_len as usize + h.type_off as usize;
    let end = start + h.type_len as usize;
    // Types are some 26 bytes on average; the vector grows if these are smaller.
    let offsets = Vec::with_capacity(h.type_len as usize / 24 + 1);
    let mut scan = Scan {
        offsets,
        max_id: 0,
        max_string: 0,
        func_protos: Vec::new(),
    };
    let mut at = start;
    while at + COMMON <= end {
        let common = data.get(at..at + COMMON).unwrap_or_default();
        let info = word(common, 4);
        let Some(shape) = Shape::of(info >> 24 & 0x1f) else {
            return Err(BtfError::invalid(format!(
                "Unsupported BTF_KIND:{}",
                info >> 24 & 0x1f
            )));
        };
        let next = at + COMMON + shape.extra_len(info & 0xffff);
        if next > end {
            let id = u64::from(start_id) + scan.offsets.len() as u64;
            return Err(BtfError::invalid(format!("BTF type [{id}] is malformed")));
        }
        scan.max_string = scan.max_string.max(word(common, 0));
        if shape.refers {
            scan.max_id = scan.max_id.max(word(common, 8));
        }
        if info >> 24 & 0x1f == Kind::Func as u32 {
            scan.func_protos.push(word(common, 8));
        } else {
            scan.parts(data.get(at + COMMON..next).unwrap_or_default(), shape.parts);
        }
        scan.offsets.push(at as u32);
        at = next;
    }
    if at != end {
        return Err(BtfError::invalid("BTF types data is malformed"));
    }
    if u64::from(start_id) + scan.offsets.len() as u64 > u64::from(i32::MAX as u32) {
        return Err(BtfError::new(errno::ENOMEM, "too many BTF types"));
    }
    scan.offsets.push(end as u32);
    Ok(scan)
}
