//! Finding types by name.

use crate::names::essential_len;
use crate::{Btf, Kind, Type, TypeId};

/// A hash table over the essential names of a BTF's own types.
///
/// One table serves both questions: a whole name has an essential part too, so types of one name lie in the
/// same chain as their flavours. A chain runs in order of the type numbers, which makes "the lowest number"
/// and libbpf's order of CO-RE candidates fall out of walking it.
pub(crate) struct NameIndex {
    heads: Vec<u32>,
    next: Vec<u32>,
    mask: u32,
}

/// The end of a chain; no type has this number, as `void` is never in the index.
const END: u32 = 0;

impl NameIndex {
    pub(crate) fn build(btf: &Btf) -> NameIndex {
        let (start, count) = (btf.start_id(), btf.count());
        let own = count.saturating_sub(start) as usize;
        let buckets = own.max(16).next_power_of_two();
        let mut index = NameIndex {
            heads: vec![END; buckets],
            next: vec![END; own],
            mask: (buckets - 1) as u32,
        };
        for id in (start..count).rev() {
            let name = btf
                .ty(TypeId(id))
                .map_or(&[][..], |t| btf.name_bytes(t.name_off()));
            if name.is_empty() {
                continue;
            }
            let bucket = index.bucket(name);
            if let (Some(head), Some(next)) = (
                index.heads.get_mut(bucket),
                index.next.get_mut((id - start) as usize),
            ) {
                *next = *head;
                *head = id;
            }
        }
        index
    }

    fn bucket(&self, name: &[u8]) -> usize {
        let essential = name.get(..essential_len(name)).unwrap_or(name);
        (hash(essential) & self.mask) as usize
    }

    /// Types whose essential name may be that of `name`, in order of their numbers.
    fn chain<'a>(&'a self, btf: &'a Btf, name: &[u8]) -> impl Iterator<Item = Type<'a>> {
        let start = btf.start_id();
        let mut id = self.heads.get(self.bucket(name)).copied().unwrap_or(END);
        std::iter::from_fn(move || {
            if id == END {
                return None;
            }
            let ty = btf.ty(TypeId(id))?;
            id = self.next.get((id - start) as usize).copied().unwrap_or(END);
            Some(ty)
        })
    }
}

/// A hash that is the same in every run. Eight bytes at a time: names are short and there are many.
fn hash(bytes: &[u8]) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut h = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.first_chunk::<8>().map_or(0, |c| u64::from_le_bytes(*c));
        h = (h ^ word).wrapping_mul(K).rotate_left(29);
    }
    let mut last = 0u64;
    for &b in chunks.remainder() {
        last = last << 8 | u64::from(b);
    }
    h = (h ^ last).wrapping_mul(K);
    (h >> 32) as u32
}

impl Btf {
    /// The type of that name and kind with the lowest number, those of the base included.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        let in_base = self.base().and_then(|b| b.find(name, kind));
        in_base.or_else(|| self.find_own(name, kind))
    }

    /// As [`Btf::find`], without the types of the base.
    pub fn find_own(&self, name: &str, kind: Kind) -> Option<TypeId> {
        self.named_own(name).find(|t| t.kind() == kind).map(|t| t.id())
    }

    /// The type of that name, of whatever kind, with the lowest number.
    pub fn find_any(&self, name: &str) -> Option<TypeId> {
        let in_base = self.base().and_then(|b| b.find_any(name));
        in_base.or_else(|| self.named_own(name).next().map(|t| t.id()))
    }

    /// All types of that name in order of their numbers, those of the base first.
    pub fn find_all(&self, name: &str) -> Vec<TypeId> {
        let mut found = self.base().map_or_else(Vec::new, |b| b.find_all(name));
        found.extend(self.named_own(name).map(|t| t.id()));
        found
    }

    fn named_own<'a>(&'a self, name: &str) -> impl Iterator<Item = Type<'a>> {
        let wanted = name.to_owned();
        self.index()
            .chain(self, name.as_bytes())
            .filter(move |t| !wanted.is_empty() && self.name_bytes(t.name_off()) == wanted.as_bytes())
    }

    /// This BTF's own types whose name without flavour is that of `name`, in order of their numbers.
    pub(crate) fn flavours_of<'a>(&'a self, name: &[u8]) -> impl Iterator<Item = Type<'a>> {
        let wanted = name.get(..essential_len(name)).unwrap_or(name).to_vec();
        self.index().chain(self, name).filter(move |t| {
            let name = self.name_bytes(t.name_off());
            name.get(..essential_len(name)) == Some(&wanted[..])
        })
    }
}
