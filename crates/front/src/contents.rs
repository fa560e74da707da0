//! What user space sees in a map: `map_lookup_elem` and its like of `kernel/bpf/*map*.c`, as bpf(2) calls them.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::Bound;
use std::os::unix::fs::FileExt;

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::tables::Calls;
use verdict_syscall::Map;
use verdict_syscall::map::flags::{MMAPABLE, NO_COMMON_LRU, PAGE_SIZE};

use crate::lru::Lru;
use crate::objects::Handle;
use crate::slots::Slots;
use crate::table::{Table, exists_as_wanted};
use crate::trie::Trie;

/// `BPF_NOEXIST`, `BPF_EXIST` and `BPF_F_LOCK` of an update.
pub(crate) const NOEXIST: u64 = 1;
pub(crate) const EXIST: u64 = 2;
pub(crate) const LOCK: u64 = 4;

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

    /// Bytes of an array's elements.
    pub(crate) fn elements_size(&self) -> u64 {
        self.stride().saturating_mul(self.max_entries.into())
    }

    /// Bytes of the file that is the map's memory.
    pub(crate) fn file_size(&self) -> u64 {
        let page = u64::from(PAGE_SIZE);
        match self.map_type {
            MapType::Array => {
                let size = self.elements_size();
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

    /// Where the element of a key lies in the file.
    pub(crate) fn place(&self, key: &[u8]) -> Option<u64> {
        Some(self.stride() * u64::from(self.index(key)?))
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
    /// A hash table.
    Hash(Table),
    /// A trie of prefixes.
    Trie(Trie),
    /// Values in their order; whether the last one comes out first.
    Line(VecDeque<Vec<u8>>, bool),
    /// What was added to a filter.
    Bloom(BTreeMap<Vec<u8>, ()>),
    /// Objects by index or key.
    Objects(BTreeMap<Vec<u8>, Handle>),
    /// Devices, processors, and what belongs to files: by what they are found.
    Slots(Slots),
    /// Nothing that bpf(2) reaches: with these errors of look-up, update, delete and walk.
    Nothing([Errno; 4]),
    /// Sockets, and what belongs to sockets, tasks and control groups, which cannot be put in: what an empty map says.
    Empty,
    /// What is not modelled.
    Unknown,
}

/// A step's outcome.
type Step<T = ()> = Result<T, Errno>;

impl Contents {
    /// Those of a new map.
    pub(crate) fn new(shape: &Shape, calls: &Calls) -> Contents {
        use MapType as M;
        let none = |errno| Contents::Nothing([errno; 4]);
        match shape.map_type {
            M::Array => Contents::File,
            M::PercpuArray => Contents::PerCpu(BTreeMap::new()),
            M::Hash | M::PercpuHash => Contents::Hash(Table::default()),
            M::LruHash | M::LruPercpuHash => {
                let own = shape.flags & NO_COMMON_LRU != 0;
                let (most, many) = (shape.max_entries as usize, calls.lru_frees_many);
                Contents::Hash(Table::making_room(Lru::new(most, shape.cpus, own, many)))
            }
            M::LpmTrie => Contents::Trie(Trie::default()),
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
            M::CgroupStorage | M::PercpuCgroupStorage => {
                Contents::Nothing([Errno::ENOENT, Errno::ENOENT, Errno::EINVAL, Errno::ENOENT])
            }
            M::Devmap | M::DevmapHash | M::Cpumap | M::InodeStorage => Contents::Slots(Slots::default()),
            M::Xskmap
            | M::Sockmap
            | M::Sockhash
            | M::ReuseportSockarray
            | M::SkStorage
            | M::TaskStorage
            | M::CgrpStorage => Contents::Empty,
            _ => Contents::Unknown,
        }
    }

    /// How many elements there are, of maps that take memory for each.
    pub(crate) fn len(&self) -> usize {
        match self {
            Contents::Hash(table) => table.len(),
            Contents::Trie(trie) => trie.len(),
            Contents::Objects(objects) => objects.len(),
            _ => 0,
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
        match self {
            Contents::Hash(table) => (table.pair_size() + 128) * table.len(),
            Contents::Trie(trie) => (trie.value_size() + 128) * trie.len(),
            Contents::PerCpu(map) => map
                .values()
                .next()
                .map_or(0, |value| (value.len() + 64) * map.len()),
            Contents::Line(line, _) => line.front().map_or(0, |value| (value.len() + 32) * line.len()),
            Contents::Slots(slots) => slots.bytes(),
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
            Contents::Hash(table) => table.get(key).cloned().ok_or(Errno::ENOENT),
            Contents::Trie(trie) => trie.longest(key).cloned().ok_or(Errno::ENOENT),
            Contents::Line(line, last) => {
                let next = if *last { line.back() } else { line.front() };
                next.cloned().ok_or(Errno::ENOENT)
            }
            Contents::Bloom(seen) => match seen.contains_key(key) {
                true => Ok(Vec::new()),
                false => Err(Errno::ENOENT),
            },
            Contents::Slots(slots) => slots.get(key).cloned().ok_or(Errno::ENOENT),
            Contents::Nothing([errno, ..]) => Err(*errno),
            Contents::Empty => Err(match shape.map_type {
                MapType::Xskmap => Errno::EOPNOTSUPP,
                // What is told of a socket is its cookie.
                MapType::Sockmap | MapType::Sockhash | MapType::ReuseportSockarray if shape.value != 8 => {
                    Errno::ENOSPC
                }
                _ => Errno::ENOENT,
            }),
            Contents::Objects(_) | Contents::Unknown => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Sets the value of a key.
    pub(crate) fn update(
        &mut self,
        shape: &Shape,
        file: &File,
        (key, value): (&[u8], Vec<u8>),
        flags: u64,
    ) -> Step {
        let known = flags & !LOCK <= EXIST;
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
                        map.insert(index, value);
                        Ok(())
                    }
                    _ => write(shape, file, index, &value),
                }
            }
            Contents::Hash(table) => {
                if !known {
                    return Err(Errno::EINVAL);
                }
                let stays = shape.map_type == MapType::LruPercpuHash;
                if flags & LOCK != 0 && (stays || shape.map_type == MapType::LruHash) {
                    return Err(Errno::EINVAL);
                }
                table.set((key, value), flags, shape.max_entries as usize, stays)
            }
            Contents::Trie(trie) => {
                let exists = trie.contains(key).filter(|_| flags <= EXIST);
                let exists = exists.ok_or(Errno::EINVAL)?;
                exists_as_wanted(exists, flags)?;
                if !exists && trie.len() >= shape.max_entries as usize {
                    return Err(Errno::ENOSPC);
                }
                trie.insert(key, value);
                Ok(())
            }
            Contents::Line(line, _) => {
                let replaces = flags & EXIST != 0;
                if flags & NOEXIST != 0 || flags > EXIST {
                    return Err(Errno::EINVAL);
                }
                if line.len() >= shape.max_entries as usize {
                    if !replaces {
                        return Err(Errno::E2BIG);
                    }
                    // The oldest one goes, of a stack, too.
                    line.pop_front();
                }
                line.push_back(value);
                Ok(())
            }
            Contents::Bloom(seen) => {
                if flags != 0 {
                    return Err(Errno::EINVAL);
                }
                seen.insert(value, ());
                Ok(())
            }
            Contents::Slots(slots) => {
                if flags > EXIST {
                    return Err(Errno::EINVAL);
                }
                exists_as_wanted(slots.contains(key), flags)?;
                slots.insert(key, value);
                Ok(())
            }
            Contents::Nothing([_, errno, ..]) => Err(match shape.map_type {
                MapType::CgroupStorage if flags & !(LOCK | EXIST) != 0 => Errno::EINVAL,
                MapType::PercpuCgroupStorage if flags != 0 && flags != EXIST => Errno::EINVAL,
                _ => *errno,
            }),
            Contents::Objects(_) | Contents::Empty | Contents::Unknown => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Takes a key out.
    pub(crate) fn delete(&mut self, shape: &Shape, key: &[u8]) -> Step {
        let found = match self {
            Contents::File | Contents::PerCpu(_) | Contents::Line(..) => return Err(Errno::EINVAL),
            Contents::Bloom(_) => return Err(Errno::EOPNOTSUPP),
            Contents::Hash(table) => table.remove(key).is_some(),
            Contents::Trie(trie) => trie.remove(key).ok_or(Errno::EINVAL)?,
            Contents::Objects(objects) => {
                if shape.map_type != MapType::HashOfMaps && shape.index(key).is_none() {
                    return Err(Errno::E2BIG);
                }
                objects.remove(key).is_some()
            }
            Contents::Slots(slots) => {
                let numbered = matches!(shape.map_type, MapType::Devmap | MapType::Cpumap);
                if numbered && shape.index(key).is_none() {
                    return Err(Errno::EINVAL);
                }
                slots.remove(key) || numbered
            }
            Contents::Nothing([_, _, errno, _]) => return Err(*errno),
            Contents::Empty => match (shape.map_type, shape.index(key)) {
                (MapType::Xskmap, Some(_)) => true,
                (MapType::Xskmap | MapType::Sockmap, _) => return Err(Errno::EINVAL),
                (MapType::ReuseportSockarray, None) => return Err(Errno::E2BIG),
                _ => false,
            },
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
            Contents::Hash(table) => table.remove(key).ok_or(Errno::ENOENT),
            _ => Err(Errno::ENOTSUPP),
        }
    }

    /// The key behind another one, or the first.
    pub(crate) fn next(&self, shape: &Shape, key: Option<&[u8]>) -> Step<Vec<u8>> {
        let array = matches!(self, Contents::File | Contents::PerCpu(_));
        let hashed = matches!(
            shape.map_type,
            MapType::HashOfMaps | MapType::DevmapHash | MapType::Sockhash
        );
        let belongs = matches!(
            shape.map_type,
            MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage
        );
        if belongs {
            return Err(Errno::ENOTSUPP);
        }
        let indexed = matches!(self, Contents::Objects(_) | Contents::Slots(_) | Contents::Empty) && !hashed;
        if array || indexed {
            let next = match key.and_then(|key| shape.index(key)) {
                None => 0,
                Some(index) if index == shape.max_entries - 1 => return Err(Errno::ENOENT),
                Some(index) => index + 1,
            };
            return Ok(next.to_le_bytes().to_vec());
        }
        match self {
            Contents::Hash(table) => table.next(key).ok_or(Errno::ENOENT),
            Contents::Trie(trie) => trie.next(key).ok_or(Errno::ENOENT),
            Contents::Slots(slots) => slots.next_in_buckets(key, shape.max_entries).ok_or(Errno::ENOENT),
            Contents::Objects(map) => {
                // A key that is not there leads to the first one.
                let known = key.filter(|key| map.contains_key(*key));
                let from = known.map_or(Bound::Unbounded, Bound::Excluded);
                let mut behind = map.range::<[u8], _>((from, Bound::Unbounded));
                behind.next().map(|(key, _)| key.clone()).ok_or(Errno::ENOENT)
            }
            Contents::Line(..) => Err(Errno::EINVAL),
            Contents::Bloom(_) => Err(Errno::EOPNOTSUPP),
            Contents::Nothing([.., errno]) => Err(*errno),
            Contents::Empty => Err(Errno::ENOENT),
            _ => Err(Errno::EOPNOTSUPP),
        }
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
