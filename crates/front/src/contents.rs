//! What user space sees in a map: `map_lookup_elem` and its like of `kernel/bpf/*map*.c`, as bpf(2) calls them.
//!
//! Hash tables are walked in the order of their keys, where the kernel has an order of its own that differs from boot to boot.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::Bound;
use std::os::unix::fs::FileExt;

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_syscall::Map;
use verdict_syscall::map::flags::{MMAPABLE, PAGE_SIZE};

use crate::objects::Handle;

/// `BPF_NOEXIST`, `BPF_EXIST` and `BPF_F_LOCK` of an update.
pub(crate) const NOEXIST: u64 = 1;
pub(crate) const EXIST: u64 = 2;
pub(crate) const LOCK: u64 = 4;

/// The most bytes that the elements of all maps may take which are not in files.
const MOST_BYTES: usize = 1 << 30;

/// The shape of a map, as bpf(2) needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) map_type: MapType,
    pub(crate) key: usize,
    pub(crate) value: usize,
    pub(crate) max_entries: u32,
    pub(crate) cpus: usize,
    pub(crate) flags: u32,
}

impl Shape {
    pub(crate) fn of(map: &Map, cpus: u32) -> Shape {
        Shape {
            map_type: map.map_type,
            key: map.key_size as usize,
            value: map.value_size as usize,
            max_entries: map.max_entries,
            cpus: cpus as usize,
            flags: map.flags,
        }
    }

    fn per_cpu(&self) -> bool {
        matches!(
            self.map_type,
            MapType::PercpuArray | MapType::PercpuHash | MapType::LruPercpuHash
        )
    }

    /// Bytes of a value in user space (`bpf_map_value_size`).
    pub(crate) fn user_value(&self) -> usize {
        match self.map_type {
            _ if self.per_cpu() => self.value.next_multiple_of(8).saturating_mul(self.cpus),
            MapType::ProgArray | MapType::ArrayOfMaps | MapType::HashOfMaps => 4,
            MapType::PerfEventArray | MapType::CgroupArray => 4,
            _ => self.value,
        }
    }

    fn stride(&self) -> u64 {
        self.value.next_multiple_of(8) as u64
    }

    /// Bytes of the file that is the map's memory.
    pub(crate) fn file_size(&self) -> u64 {
        let page = u64::from(PAGE_SIZE);
        match self.map_type {
            MapType::Array => {
                let size = self.stride().saturating_mul(self.max_entries.into());
                if self.flags & MMAPABLE != 0 {
                    size.next_multiple_of(page)
                } else {
                    size
                }
            }
            // A page of the consumer, one of the producer, and the data twice.
            MapType::Ringbuf | MapType::UserRingbuf => 2 * page + 2 * u64::from(self.max_entries),
            MapType::Arena => u64::from(self.max_entries) * page,
            _ => 0,
        }
    }

    /// The index that a key of an array is.
    fn index(&self, key: &[u8]) -> Option<u32> {
        let index = key.first_chunk::<4>().map(|key| u32::from_le_bytes(*key))?;
        (index < self.max_entries).then_some(index)
    }
}

/// The elements of a map.
#[derive(Debug)]
pub(crate) enum Contents {
    /// An array: its elements are in the file.
    File,
    /// An array with values for each CPU: those that are not zero.
    PerCpu(BTreeMap<u32, Vec<u8>>),
    /// A hash table; whether it makes room when it is full.
    Hash(BTreeMap<Vec<u8>, Vec<u8>>, bool),
    /// A trie of prefixes.
    Trie(BTreeMap<Vec<u8>, Vec<u8>>),
    /// Values in their order; whether the last one comes out first.
    Line(VecDeque<Vec<u8>>, bool),
    /// What was added to a filter.
    Bloom(BTreeMap<Vec<u8>, ()>),
    /// Objects by index or key.
    Objects(BTreeMap<Vec<u8>, Handle>),
    /// Nothing that bpf(2) reaches: with these errors of look-up, update, delete and walk.
    Nothing([Errno; 4]),
    /// What is not modelled.
    Unknown,
}

/// A step's outcome.
type Step<T = ()> = Result<T, Errno>;

impl Contents {
    /// Those of a new map.
    pub(crate) fn new(map_type: MapType) -> Contents {
        use MapType as M;
        let none = |errno| Contents::Nothing([errno; 4]);
        match map_type {
            M::Array => Contents::File,
            M::PercpuArray => Contents::PerCpu(BTreeMap::new()),
            M::Hash | M::PercpuHash => Contents::Hash(BTreeMap::new(), false),
            M::LruHash | M::LruPercpuHash => Contents::Hash(BTreeMap::new(), true),
            M::LpmTrie => Contents::Trie(BTreeMap::new()),
            M::Queue => Contents::Line(VecDeque::new(), false),
            M::Stack => Contents::Line(VecDeque::new(), true),
            M::BloomFilter => Contents::Bloom(BTreeMap::new()),
            M::ProgArray | M::PerfEventArray | M::CgroupArray | M::ArrayOfMaps | M::HashOfMaps => {
                Contents::Objects(BTreeMap::new())
            }
            M::Ringbuf | M::UserRingbuf => none(Errno::ENOTSUPP),
            M::StackTrace => Contents::Nothing([Errno::ENOENT, Errno::EINVAL, Errno::ENOENT, Errno::ENOENT]),
            M::Arena => Contents::Nothing([
                Errno::EINVAL,
                Errno::EOPNOTSUPP,
                Errno::EOPNOTSUPP,
                Errno::EOPNOTSUPP,
            ]),
            _ => Contents::Unknown,
        }
    }

    /// The objects in it.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Handle> {
        let objects = match self {
            Contents::Objects(objects) => Some(objects),
            _ => None,
        };
        objects.into_iter().flat_map(|objects| objects.values().copied())
    }

    /// Bytes that it takes outside files, about.
    pub(crate) fn bytes(&self) -> usize {
        let of = |map: &BTreeMap<Vec<u8>, Vec<u8>>| {
            map.first_key_value()
                .map_or(0, |(key, value)| (key.len() + value.len() + 64) * map.len())
        };
        match self {
            Contents::Hash(map, _) | Contents::Trie(map) => of(map),
            Contents::PerCpu(map) => map
                .values()
                .next()
                .map_or(0, |value| (value.len() + 64) * map.len()),
            Contents::Line(line, _) => line.front().map_or(0, |value| (value.len() + 32) * line.len()),
            Contents::Bloom(seen) => seen
                .keys()
                .next()
                .map_or(0, |value| (value.len() + 64) * seen.len()),
            _ => 0,
        }
    }

    /// The value of a key.
    pub(crate) fn lookup(&self, shape: &Shape, file: &File, key: &[u8]) -> Step<Vec<u8>> {
        match self {
            Contents::File => read(shape, file, shape.index(key).ok_or(Errno::ENOENT)?),
            Contents::PerCpu(map) => {
                let index = shape.index(key).ok_or(Errno::ENOENT)?;
                Ok(map
                    .get(&index)
                    .cloned()
                    .unwrap_or_else(|| vec![0; shape.user_value()]))
            }
            Contents::Hash(map, _) => map.get(key).cloned().ok_or(Errno::ENOENT),
            Contents::Trie(map) => longest(map, key).cloned().ok_or(Errno::ENOENT),
            Contents::Line(line, last) => {
                let next = if *last { line.back() } else { line.front() };
                next.cloned().ok_or(Errno::ENOENT)
            }
            Contents::Bloom(seen) => match seen.contains_key(key) {
                true => Ok(Vec::new()),
                false => Err(Errno::ENOENT),
            },
            Contents::Nothing([errno, ..]) => Err(*errno),
            Contents::Objects(_) | Contents::Unknown => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Sets the value of a key. `used` bytes are taken by all maps.
    pub(crate) fn update(
        &mut self,
        shape: &Shape,
        file: &File,
        (key, value): (&[u8], Vec<u8>),
        flags: u64,
        used: usize,
    ) -> Step {
        let known = flags & !LOCK <= EXIST;
        let room = || match used.saturating_add(key.len() + value.len()) > MOST_BYTES {
            true => Err(Errno::ENOMEM),
            false => Ok(()),
        };
        match self {
            Contents::File | Contents::PerCpu(_) => {
                if !known {
                    return Err(Errno::EINVAL);
                }
                let index = shape.index(key).ok_or(Errno::E2BIG)?;
                if flags & NOEXIST != 0 {
                    return Err(Errno::EEXIST);
                }
                match self {
                    Contents::PerCpu(map) => {
                        room()?;
                        map.insert(index, value);
                        Ok(())
                    }
                    _ => write(shape, file, index, &value),
                }
            }
            Contents::Hash(map, makes_room) => {
                if !known {
                    return Err(Errno::EINVAL);
                }
                exists_as_wanted(map.contains_key(key), flags)?;
                if !map.contains_key(key) && map.len() >= shape.max_entries as usize {
                    if !*makes_room {
                        return Err(Errno::E2BIG);
                    }
                    map.pop_first();
                }
                room()?;
                map.insert(key.to_vec(), value);
                Ok(())
            }
            Contents::Trie(map) => {
                let prefix = prefix(key).filter(|bits| *bits <= 8 * (shape.key as u32).saturating_sub(4));
                let Some(bits) = prefix.filter(|_| flags <= EXIST) else {
                    return Err(Errno::EINVAL);
                };
                let key = masked(key, bits);
                exists_as_wanted(map.contains_key(&key), flags)?;
                if !map.contains_key(&key) && map.len() >= shape.max_entries as usize {
                    return Err(Errno::ENOSPC);
                }
                room()?;
                map.insert(key, value);
                Ok(())
            }
            Contents::Line(line, last) => {
                let replaces = flags & EXIST != 0;
                if flags & NOEXIST != 0 || flags > EXIST {
                    return Err(Errno::EINVAL);
                }
                if line.len() >= shape.max_entries as usize {
                    if !replaces {
                        return Err(Errno::E2BIG);
                    }
                    match last {
                        true => line.pop_back(),
                        false => line.pop_front(),
                    };
                }
                room()?;
                line.push_back(value);
                Ok(())
            }
            Contents::Bloom(seen) => {
                if flags != 0 {
                    return Err(Errno::EINVAL);
                }
                room()?;
                seen.insert(value, ());
                Ok(())
            }
            Contents::Nothing([_, errno, ..]) => Err(*errno),
            Contents::Objects(_) | Contents::Unknown => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Takes a key out.
    pub(crate) fn delete(&mut self, shape: &Shape, key: &[u8]) -> Step {
        let found = match self {
            Contents::File | Contents::PerCpu(_) | Contents::Line(..) => return Err(Errno::EINVAL),
            Contents::Bloom(_) => return Err(Errno::EOPNOTSUPP),
            Contents::Hash(map, _) => map.remove(key).is_some(),
            Contents::Trie(map) => {
                let most = 8 * (shape.key as u32).saturating_sub(4);
                let bits = prefix(key).filter(|bits| *bits <= most).ok_or(Errno::EINVAL)?;
                map.remove(&masked(key, bits)).is_some()
            }
            Contents::Objects(objects) => {
                if shape.map_type != MapType::HashOfMaps && shape.index(key).is_none() {
                    return Err(Errno::E2BIG);
                }
                objects.remove(key).is_some()
            }
            Contents::Nothing([_, _, errno, _]) => return Err(*errno),
            Contents::Unknown => return Err(Errno::EOPNOTSUPP),
        };
        if found { Ok(()) } else { Err(Errno::ENOENT) }
    }

    /// Takes the next value out of a queue or stack, or that of a key out of a hash table.
    pub(crate) fn take(&mut self, key: &[u8]) -> Step<Vec<u8>> {
        match self {
            Contents::Line(line, last) => {
                let next = if *last { line.pop_back() } else { line.pop_front() };
                next.ok_or(Errno::ENOENT)
            }
            Contents::Hash(map, _) => map.remove(key).ok_or(Errno::ENOENT),
            _ => Err(Errno::ENOTSUPP),
        }
    }

    /// The key behind another one, or the first.
    pub(crate) fn next(&self, shape: &Shape, key: Option<&[u8]>) -> Step<Vec<u8>> {
        let array = matches!(self, Contents::File | Contents::PerCpu(_));
        let indexed = matches!(self, Contents::Objects(_)) && shape.map_type != MapType::HashOfMaps;
        if array || indexed {
            let next = match key.and_then(|key| shape.index(key)) {
                None => 0,
                Some(index) if index == shape.max_entries - 1 => return Err(Errno::ENOENT),
                Some(index) => index + 1,
            };
            return Ok(next.to_le_bytes().to_vec());
        }
        fn behind<V>(map: &BTreeMap<Vec<u8>, V>, key: Option<&[u8]>) -> Option<Vec<u8>> {
            // A key that is not there leads to the first one.
            let next = match key.filter(|key| map.contains_key(*key)) {
                None => map.keys().next(),
                Some(key) => {
                    let behind = (Bound::Excluded(key), Bound::Unbounded);
                    map.range::<[u8], _>(behind).next().map(|(key, _)| key)
                }
            };
            next.cloned()
        }
        match self {
            Contents::Hash(map, _) | Contents::Trie(map) => behind(map, key).ok_or(Errno::ENOENT),
            Contents::Objects(map) => behind(map, key).ok_or(Errno::ENOENT),
            Contents::Line(..) => Err(Errno::EINVAL),
            Contents::Bloom(_) => Err(Errno::EOPNOTSUPP),
            Contents::Nothing([.., errno]) => Err(*errno),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }
}

fn exists_as_wanted(exists: bool, flags: u64) -> Step {
    match flags & !LOCK {
        NOEXIST if exists => Err(Errno::EEXIST),
        EXIST if !exists => Err(Errno::ENOENT),
        _ => Ok(()),
    }
}

fn read(shape: &Shape, file: &File, index: u32) -> Step<Vec<u8>> {
    let mut value = vec![0; shape.value];
    let at = shape.stride() * u64::from(index);
    file.read_exact_at(&mut value, at).map_err(|_| Errno::EFAULT)?;
    Ok(value)
}

fn write(shape: &Shape, file: &File, index: u32, value: &[u8]) -> Step {
    let at = shape.stride() * u64::from(index);
    file.write_all_at(value, at).map_err(|_| Errno::ENOMEM)
}

/// Bits of a key's prefix.
fn prefix(key: &[u8]) -> Option<u32> {
    key.first_chunk::<4>().map(|bits| u32::from_le_bytes(*bits))
}

/// A key of a trie without what is behind its prefix.
fn masked(key: &[u8], bits: u32) -> Vec<u8> {
    let mut key = key.to_vec();
    for (at, byte) in key.iter_mut().skip(4).enumerate() {
        let left = bits.saturating_sub(8 * at as u32).min(8);
        *byte &= !(0xffu16 >> left) as u8;
    }
    key
}

/// The value of the longest prefix of a key.
fn longest<'m>(map: &'m BTreeMap<Vec<u8>, Vec<u8>>, key: &[u8]) -> Option<&'m Vec<u8>> {
    let most = prefix(key)?.min(8 * (key.len() as u32).saturating_sub(4));
    (0..=most).rev().find_map(|bits| {
        let mut key = masked(key, bits);
        if let Some(len) = key.first_chunk_mut::<4>() {
            *len = bits.to_le_bytes();
        }
        map.get(&key)
    })
}
