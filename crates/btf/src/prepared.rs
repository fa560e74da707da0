//! BTF that was opened before: the tables of its types and names, kept.
//!
//! Opening a kernel's BTF takes a pass over a hundred thousand types, and the first search by name another
//! over their names. A program that carries a kernel's BTF can carry the results too, and then opens it at
//! once.

use std::sync::OnceLock;

use crate::index::NameIndex;
use crate::{Btf, BtfError};

/// A list of 32-bit words, made at run time or lying in the binary.
pub(crate) enum Words {
    Made(Vec<u32>),
    /// Little-endian.
    Kept(&'static [[u8; 4]]),
}

impl Words {
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<u32> {
        match self {
            Words::Made(words) => words.get(at).copied(),
            Words::Kept(words) => words.get(at).map(|w| u32::from_le_bytes(*w)),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Words::Made(words) => words.len(),
            Words::Kept(words) => words.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl Btf {
    /// What [`Btf::parse_prepared`] needs, beside the bytes themselves, to open this BTF again. It must not
    /// have a base.
    pub fn prepare(&self) -> Vec<u8> {
        let (heads, next) = self.index().tables();
        let parts = [self.offsets(), heads, next];
        let lengths = parts.iter().map(|part| part.len() as u32);
        let words = lengths.chain(parts.iter().flat_map(|part| part.iter()));
        words.flat_map(u32::to_le_bytes).collect()
    }

    /// Opens BTF by the tables that [`Btf::prepare`] made of it, in no time.
    ///
    /// Tables of other BTF give wrong answers, but never a panic or an endless search.
    ///
    /// # Errors
    /// When the header or the tables are out of shape. The types are not looked at.
    pub fn parse_prepared(data: &'static [u8], tables: &'static [u8]) -> Result<Btf, BtfError> {
        let malformed = || BtfError::invalid("malformed tables");
        let (words, rest) = tables.as_chunks::<4>();
        let (lengths, words) = words.split_first_chunk::<3>().ok_or_else(malformed)?;
        let [offsets, heads, next] = lengths.map(|w| u32::from_le_bytes(w) as usize);
        let (offsets, words) = words.split_at_checked(offsets).ok_or_else(malformed)?;
        let (heads, words) = words.split_at_checked(heads).ok_or_else(malformed)?;
        if words.len() != next || !rest.is_empty() || offsets.is_empty() {
            return Err(malformed());
        }
        let index = NameIndex::of_tables(Words::Kept(heads), Words::Kept(words)).ok_or_else(malformed)?;
        Btf::assemble(data, Words::Kept(offsets), OnceLock::from(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Builder;
    use crate::{IntEncoding, Kind, TypeId};

    fn leak(bytes: Vec<u8>) -> &'static [u8] {
        Box::leak(bytes.into_boxed_slice())
    }

    fn sample() -> &'static [u8] {
        let mut b = Builder::new();
        let int = b.add_int("int", 4, IntEncoding::SIGNED);
        b.add_struct("pair", 8, &[("a", int, 0), ("b", int, 32)]);
        b.add_typedef("pair___flavour", int);
        leak(b.finish())
    }

    #[test]
    fn prepared_btf_answers_like_parsed_btf() {
        let data = sample();
        let parsed = Btf::parse(data).unwrap();
        let kept = Btf::parse_prepared(data, leak(parsed.prepare())).unwrap();
        assert_eq!(kept.count(), parsed.count());
        assert!(
            kept.types()
                .zip(parsed.types())
                .all(|(a, b)| (a.id(), a.name()) == (b.id(), b.name()))
        );
        assert_eq!(kept.find("pair", Kind::Struct), Some(TypeId(2)));
        assert_eq!(kept.find("none", Kind::Struct), None);
        assert_eq!(kept.prepare(), parsed.prepare());
    }

    #[test]
    fn malformed_tables_are_refused_or_harmless() {
        let data = sample();
        let tables = Btf::parse(data).unwrap().prepare();
        for cut in 0..tables.len() {
            assert!(Btf::parse_prepared(data, leak(tables[..cut].to_vec())).is_err());
        }
        for at in 0..tables.len() {
            let mut bent = tables.clone();
            bent[at] ^= 0x55;
            if let Ok(btf) = Btf::parse_prepared(data, leak(bent)) {
                btf.find("pair", Kind::Union);
                assert!(btf.types().count() <= tables.len());
            }
        }
    }
}
