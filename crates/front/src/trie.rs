//! A trie of prefixes (`kernel/bpf/lpm_trie.c`): what is looked up is the longest prefix, and a walk comes to the longer ones
//! first.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A prefix: how many bits count, and bytes of which the others are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Prefix {
    bits: u32,
    bytes: Vec<u8>,
}

impl Prefix {
    /// The prefix that a key is: its bits come first, as a number. `None` when it has more bits than a key of this size.
    fn of(key: &[u8]) -> Option<Prefix> {
        let (bits, bytes) = key.split_first_chunk::<4>()?;
        Prefix::first(u32::from_le_bytes(*bits), bytes)
    }

    /// The first bits of bytes.
    fn first(bits: u32, bytes: &[u8]) -> Option<Prefix> {
        if bits as usize > 8 * bytes.len() {
            return None;
        }
        let keep = |(at, byte): (usize, &u8)| {
            let left = (bits as usize).saturating_sub(8 * at).min(8);
            byte & !(0xffu16 >> left) as u8
        };
        let bytes = bytes.iter().enumerate().map(keep).collect();
        Some(Prefix { bits, bytes })
    }

    fn key(&self) -> Vec<u8> {
        let mut key = self.bits.to_le_bytes().to_vec();
        key.extend_from_slice(&self.bytes);
        key
    }
}

impl Ord for Prefix {
    /// The order of a walk: what a prefix stands for comes before it; else the first bit that differs decides.
    fn cmp(&self, other: &Prefix) -> Ordering {
        let mut pairs = self.bytes.iter().zip(&other.bytes);
        let same: u32 = match pairs.position(|(own, other)| own != other) {
            Some(at) => {
                let differ = |prefix: &Prefix| prefix.bytes.get(at).copied().unwrap_or(0);
                8 * at as u32 + (differ(self) ^ differ(other)).leading_zeros()
            }
            None => u32::MAX,
        };
        if same >= self.bits.min(other.bits) {
            return other.bits.cmp(&self.bits);
        }
        self.bytes.cmp(&other.bytes)
    }
}

impl PartialOrd for Prefix {
    fn partial_cmp(&self, other: &Prefix) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Prefixes with values.
#[derive(Debug, Default)]
pub(crate) struct Trie(BTreeMap<Prefix, Vec<u8>>);

impl Trie {
    /// How many prefixes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of a value, if there is one.
    pub(crate) fn value_size(&self) -> usize {
        self.0.first_key_value().map_or(0, |(_, value)| value.len())
    }

    /// The value of the longest prefix of a key; of a key with too many bits there is none.
    pub(crate) fn longest(&self, key: &[u8]) -> Option<&Vec<u8>> {
        let whole = Prefix::of(key)?;
        (0..=whole.bits)
            .rev()
            .find_map(|bits| self.0.get(&Prefix::first(bits, &whole.bytes)?))
    }

    /// Whether a key is there; `None` when it is none.
    pub(crate) fn contains(&self, key: &[u8]) -> Option<bool> {
        Some(self.0.contains_key(&Prefix::of(key)?))
    }

    /// Sets a value of a key that is one.
    pub(crate) fn insert(&mut self, key: &[u8], value: Vec<u8>) {
        if let Some(prefix) = Prefix::of(key) {
            self.0.insert(prefix, value);
        }
    }

    /// Takes a key out: whether it was there; `None` when it is none.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.0.remove(&Prefix::of(key)?).is_some())
    }

    /// The key behind another one; the first where that is not there, or is none.
    pub(crate) fn next(&self, key: Option<&[u8]>) -> Option<Vec<u8>> {
        let known = key.and_then(Prefix::of).filter(|key| self.0.contains_key(key));
        let next = match known {
            None => self.0.keys().next(),
            Some(key) => {
                let behind = (std::ops::Bound::Excluded(&key), std::ops::Bound::Unbounded);
                self.0.range(behind).next().map(|(key, _)| key)
            }
        };
        next.map(Prefix::key)
    }
}
