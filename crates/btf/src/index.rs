//! Finding types by name.

use crate::names::essential_len;
use crate::prepared::Words;
use crate::{Btf, Kind, Type, TypeId};

/// A hash table over the essential names of a BTF's own types.
///
/// One table serves both questions: a whole name has an essential part too, so types of one name lie in the
/// same chain as their flavours. A chain runs in order of the type numbers, which makes "the lowest number"
/// and libbpf's order of CO-RE candidates fall out of walking it.
pub(crate) struct NameIndex {
    heads: Words,
    next: Words,
    mask: u32,
}

/// The end of a chain; no type has this number, as `void` is never in the index.
const END: u32 = 0;

impl NameIndex {
    pub(crate) fn build(btf: &Btf) -> NameIndex {
        let (start, count) = (btf.start_id(), btf.count());
        let own = count.saturating_sub(start) as usize;
        let buckets = own.max(16).next_power_of_two();
        let mut heads = vec![END; buckets];
        let mut nexts = vec![END; own];
        let mask = (buckets - 1) as u32;
        for id in (start..count).rev() {
            let Some(hash) = btf
                .own_name_off(id)
                .and_then(|off| essential_hash(btf.string_tail(off)))
            else {
                continue;
            };
            let bucket = (hash & mask) as usize;
            if let (Some(head), Some(next)) = (heads.get_mut(bucket), nexts.get_mut((id - start) as usize)) {
                *next = *head;
                *head = id;
            }
        }
        NameIndex {
            heads: Words::Made(heads),
            next: Words::Made(nexts),
            mask,
        }
    }

    /// An index from the tables of one that was built before.
    pub(crate) fn of_tables(heads: Words, next: Words) -> Option<NameIndex> {
        let mask = u32::try_from(heads.len()).ok().filter(|n| n.is_power_of_two())? - 1;
        Some(NameIndex { heads, next, mask })
    }

    /// What [`NameIndex::of_tables`] takes.
    pub(crate) fn tables(&self) -> (&Words, &Words) {
        (&self.heads, &self.next)
    }

    /// Types whose essential name may be that of `name`, in order of their numbers.
    fn chain<'a>(&'a self, btf: &'a Btf, name: &[u8]) -> impl Iterator<Item = Type<'a>> {
        let start = btf.start_id();
        let bucket = essential_hash(name).map(|hash| (hash & self.mask) as usize);
        let mut id = bucket.and_then(|b| self.heads.get(b)).unwrap_or(END);
        std::iter::from_fn(move || {
            if id == END {
                return None;
            }
            let ty = btf.ty(TypeId(id))?;
            // A chain that were to turn back would not end.
            let next = self
                .next
                .get(id.checked_sub(start)? as usize)
                .filter(|&next| next > id);
            id = next.unwrap_or(END);
            Some(ty)
        })
    }
}

/// Longest name that can be found, so that hostile types cannot share one endless name.
pub(crate) const MAX_NAME: usize = 4096;

/// The hash of the essential part of a name that ends at the first NUL or with the slice; `None` if it is
/// empty or too long. It is the same in every run.
///
/// A kernel has a hundred thousand names, so this reads each once and eight bytes at a time: it looks for
/// the end, for `___`, and hashes on the way.
fn essential_hash(name: &[u8]) -> Option<u32> {
    const UNDERSCORES: u64 = u64::from_ne_bytes([b'_'; 8]);
    let mut hash = 0u64;
    let mut len = 0;
    let mut before = 0u64;
    while len < MAX_NAME {
        let word = word_at(name, len);
        let end = zero_bytes(word);
        let marks = zero_bytes(word ^ UNDERSCORES);
        let run = marks & (marks << 8 | before >> 56) & (marks << 16 | before >> 48);
        if run != 0 {
            let name = name.get(..MAX_NAME).unwrap_or(name);
            let whole = name.get(..name.iter().position(|&b| b == 0).unwrap_or(name.len()))?;
            let essential = whole.get(..essential_len(whole))?;
            return Some(plain_hash(essential));
        }
        if end != 0 {
            let used = end.trailing_zeros() / 8;
            len += used as usize;
            let last = if used == 0 {
                0
            } else {
                word & u64::MAX >> (64 - 8 * used)
            };
            return (len != 0).then(|| finish(hash, last, len));
        }
        hash = mix(hash, word);
        before = marks;
        len += 8;
    }
    None
}

/// The hash of a name that has no flavour, or had it cut off.
fn plain_hash(name: &[u8]) -> u32 {
    let full = name.len() / 8 * 8;
    let hash = (0..full)
        .step_by(8)
        .fold(0, |hash, at| mix(hash, word_at(name, at)));
    finish(hash, word_at(name, full), name.len())
}

fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

fn finish(hash: u64, last: u64, len: usize) -> u32 {
    (mix(hash ^ len as u64, last) >> 32) as u32
}

/// Eight bytes from `at` on, zeros beyond the end.
#[inline]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let tail = bytes.get(at..).unwrap_or_default();
    if let Some(word) = tail.first_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    tail.iter().rev().fold(0, |word, &b| word << 8 | u64::from(b))
}

/// The upper bit of each byte that is zero.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    !(((word & LOW) + LOW) | word | LOW)
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
    pub fn flavours_of<'a>(&'a self, name: &[u8]) -> impl Iterator<Item = Type<'a>> {
        let wanted = name.get(..essential_len(name)).unwrap_or(name).to_vec();
        self.index().chain(self, name).filter(move |t| {
            let name = self.name_bytes(t.name_off());
            name.get(..essential_len(name)) == Some(&wanted[..])
        })
    }
}
