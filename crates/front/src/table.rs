//! A hash table. It is walked in the order of its keys, where the kernel has an order of its own that differs from boot to boot.

use std::collections::BTreeMap;
use std::ops::Bound;

use verdict_kernel::errno::Errno;

use crate::contents::{EXIST, LOCK, NOEXIST};
use crate::lru::Lru;

/// Keys with values.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// With the node of each key, in a table that makes room.
    all: BTreeMap<Vec<u8>, (usize, Vec<u8>)>,
    lru: Option<Lru>,
}

impl Table {
    /// One that makes room for what comes when it is full.
    pub(crate) fn making_room(lru: Lru) -> Table {
        Table {
            lru: Some(lru),
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
        let copies = 1 + usize::from(self.lru.is_some());
        first.map_or(0, |(key, (_, value))| key.len() * copies + value.len())
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Vec<u8>> {
        self.all.get(key).map(|(_, value)| value)
    }

    /// Sets a key, if that is how it should be: a new one ([`NOEXIST`]) or one that is there ([`EXIST`]), in a table of so
    /// many keys. `stays` says that the value of one that is there is overwritten in its place, as it is where each processor
    /// has one.
    pub(crate) fn set(
        &mut self,
        (key, value): (&[u8], Vec<u8>),
        flags: u64,
        most: usize,
        stays: bool,
    ) -> Result<(), Errno> {
        if self.lru.is_some() {
            return self.set_in_lru((key, value), flags, stays);
        }
        let exists = self.all.contains_key(key);
        exists_as_wanted(exists, flags)?;
        if !exists && self.all.len() >= most {
            return Err(Errno::E2BIG);
        }
        self.all.insert(key.to_vec(), (0, value));
        Ok(())
    }

    fn set_in_lru(&mut self, (key, value): (&[u8], Vec<u8>), flags: u64, stays: bool) -> Result<(), Errno> {
        let Some(lru) = &mut self.lru else {
            return Ok(());
        };
        // A node is taken before it is looked whether the key is there: it may be the one that makes room.
        let mut new = None;
        if !(stays && flags == EXIST) {
            let (taken, gone) = lru.take(key);
            for key in gone {
                self.all.remove(&key);
            }
            new = Some(taken.ok_or(Errno::ENOMEM)?);
        }
        let old = self.all.get(key).map(|(node, _)| *node);
        let wanted = exists_as_wanted(old.is_some(), flags);
        let (used, kept) = match (&wanted, old) {
            (Err(_), _) => (None, None),
            (Ok(()), Some(old)) if stays => (Some(old), Some(old)),
            (Ok(()), Some(_)) => (new, new),
            (Ok(()), None) => (None, new),
        };
        if let Some(used) = used {
            lru.touch(used);
        }
        let left = [new, old.filter(|_| wanted.is_ok())];
        for node in left.into_iter().flatten().filter(|node| Some(*node) != kept) {
            lru.give_back(node);
        }
        if let Some(kept) = kept {
            self.all.insert(key.to_vec(), (kept, value));
        }
        wanted
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let (node, value) = self.all.remove(key)?;
        if let Some(lru) = &mut self.lru {
            lru.give_back(node);
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

/// Whether a key is there or not, as an update wants it.
pub(crate) fn exists_as_wanted(exists: bool, flags: u64) -> Result<(), Errno> {
    match flags & !LOCK {
        NOEXIST if exists => Err(Errno::EEXIST),
        EXIST if !exists => Err(Errno::ENOENT),
        _ => Ok(()),
    }
}
