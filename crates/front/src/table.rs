//! A hash table. It is walked in the order of its keys, where the kernel has an order of its own that differs from boot to boot.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Keys with values.
#[derive(Debug, Default)]
pub(crate) struct Table {
    all: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
    /// Of a table that makes room: its keys as they were set, the earliest first.
    set: Option<BTreeMap<u64, Vec<u8>>>,
    turn: u64,
}

impl Table {
    /// One that makes room for what comes when it is full: what was set longest ago goes. The kernel, too, counts as used
    /// only what is set or what programs look at; which of the keys that nobody used goes first is its own affair.
    pub(crate) fn making_room() -> Table {
        Table {
            set: Some(BTreeMap::new()),
            ..Table::default()
        }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Bytes of a key and its value, if there is one.
    pub(crate) fn pair_size(&self) -> usize {
        let first = self.all.first_key_value();
        first.map_or(0, |(key, (_, value))| {
            key.len() * (1 + usize::from(self.set.is_some())) + value.len()
        })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Vec<u8>> {
        self.all.get(key).map(|(_, value)| value)
    }

    /// Makes room for one more key: whether there is some.
    pub(crate) fn make_room(&mut self) -> bool {
        let Some(earliest) = self.set.as_mut().and_then(BTreeMap::pop_first) else {
            return false;
        };
        self.all.remove(&earliest.1).is_some()
    }

    pub(crate) fn insert(&mut self, key: &[u8], value: Vec<u8>) {
        self.turn += 1;
        let before = self.all.insert(key.to_vec(), (self.turn, value));
        if let Some(set) = &mut self.set {
            if let Some((turn, _)) = before {
                set.remove(&turn);
            }
            set.insert(self.turn, key.to_vec());
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let (turn, value) = self.all.remove(key)?;
        if let Some(set) = &mut self.set {
            set.remove(&turn);
        }
        Some(value)
    }

    /// The key behind another one; the first where that is not there.
    pub(crate) fn next(&self, key: Option<&[u8]>) -> Option<Vec<u8>> {
        let next = match key.filter(|key| self.all.contains_key(*key)) {
            None => self.all.keys().next(),
            Some(key) => {
                let behind = (Bound::Excluded(key), Bound::Unbounded);
                self.all.range::<[u8], _>(behind).next().map(|(key, _)| key)
            }
        };
        next.cloned()
    }

    /// The keys from a place in the order on.
    pub(crate) fn from(&self, place: usize) -> impl Iterator<Item = &[u8]> {
        self.all.keys().skip(place).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_longest_ago_makes_room() {
        let mut table = Table::making_room();
        for key in [3u8, 1, 2] {
            table.insert(&[key], vec![key]);
        }
        table.insert(&[3], vec![9]);
        assert!(table.make_room());
        assert_eq!((table.get(&[1]), table.get(&[3])), (None, Some(&vec![9])));
        assert_eq!(table.remove(&[2]), Some(vec![2]));
        assert!(table.make_room() && !table.make_room());
        assert_eq!(table.len(), 0);
        let mut table = Table::default();
        table.insert(&[1], vec![]);
        assert!(!table.make_room());
    }
}
