//! The commands that work on many elements of a map at once.

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;

use crate::bpf::Asked;
use crate::contents::{Contents, LOCK};
use crate::maps::Reached;
use crate::play::{Answer, Done, Play};

/// `BPF_MAP_LOOKUP_BATCH`, `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, `BPF_MAP_UPDATE_BATCH`.
const LOOKUP: u32 = 24;
const TAKE: u32 = 25;
const UPDATE: u32 = 26;

/// How the elements of a map are walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// From key to key; how far it came is told by a key (`generic_map_lookup_batch`).
    Keys,
    /// From bucket to bucket; how far it came is told by a number of four bytes (`__htab_map_lookup_and_delete_batch`).
    Buckets,
}

impl Play<'_> {
    fn walk(&self, map_type: MapType) -> Option<Walk> {
        let more = self.kernel.calls().more_batches;
        match map_type {
            MapType::Array => Some(Walk::Keys),
            MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => {
                Some(Walk::Buckets)
            }
            MapType::PercpuArray | MapType::ArrayOfMaps | MapType::LpmTrie if more => Some(Walk::Keys),
            MapType::HashOfMaps if more => Some(Walk::Buckets),
            _ => None,
        }
    }

    /// `bpf_map_do_batch`.
    pub(crate) fn map_batch(&mut self, asked: &Asked<'_>, command: u32) -> Answer {
        let attr = &asked.attr;
        let (reads, writes) = (command <= TAKE, command >= TAKE);
        let reached = self.reach(asked, "batch.map_fd", reads, writes)?;
        let walk = self.walk(reached.shape.map_type).ok_or(Errno::ENOTSUPP)?;
        let deletes = command != LOOKUP && command != UPDATE;
        // Elements of arrays cannot be deleted; of tries only one after another.
        let takes = walk == Walk::Buckets || (command != TAKE && reached.shape.map_type == MapType::LpmTrie);
        if deletes && !takes {
            return Err(Errno::ENOTSUPP);
        }
        let flags = attr.u64("batch.elem_flags");
        if flags & !LOCK != 0 || (flags & LOCK != 0 && !reached.has_lock) {
            return Err(Errno::EINVAL);
        }
        if reads && walk == Walk::Buckets && attr.u64("batch.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let count = attr.u32("batch.count");
        if count == 0 {
            return Ok(Done::Value(0));
        }
        if !reads {
            let (done, ended) = self.write_batch(asked, &reached, command == UPDATE, count);
            tell_count(asked, done)?;
            return ended.map(|()| Done::Value(0));
        }
        tell_count(asked, 0)?;
        let (done, ended) = match walk {
            Walk::Keys => self.read_keys(asked, &reached, count)?,
            Walk::Buckets => self.read_buckets(asked, &reached, command == TAKE, count)?,
        };
        tell_count(asked, done)?;
        ended.map(|()| Done::Value(0))
    }

    fn read_keys(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        count: u32,
    ) -> Result<(u32, Result<(), Errno>), Errno> {
        let (attr, shape) = (&asked.attr, reached.shape);
        let mut key = match attr.u64("batch.in_batch") {
            0 => None,
            at => Some(asked.read(at, shape.key)?),
        };
        let (mut done, mut ended) = (0, Ok(()));
        while done < count {
            let (body, _) = self.inside(reached.handle)?;
            let next = match body.contents.next(&shape, key.as_deref()) {
                Ok(next) => next,
                Err(errno) => {
                    ended = Err(errno);
                    break;
                }
            };
            match self.tell_element(asked, reached, &next, done) {
                Ok(()) => done += 1,
                // There is no map in this place of an array.
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
            key = Some(next);
        }
        if let Some(last) = key.filter(|_| done > 0) {
            asked.write(attr.u64("batch.out_batch"), &last)?;
        }
        Ok((done, ended))
    }

    fn read_buckets(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        takes: bool,
        count: u32,
    ) -> Result<(u32, Result<(), Errno>), Errno> {
        let attr = &asked.attr;
        let from = match attr.u64("batch.in_batch") {
            0 => 0,
            at => asked
                .read(at, 4)?
                .first_chunk::<4>()
                .map_or(0, |n| u32::from_le_bytes(*n)),
        };
        let mut done = 0;
        let mut key = self.key_at(reached, from as usize)?;
        while let Some(this) = key.take().filter(|_| done < count) {
            let value = self.value(asked, reached, &this)?;
            let (body, _) = self.inside(reached.handle)?;
            key = body.contents.next(&reached.shape, Some(&this)).ok();
            // What is taken is gone before it is told, which may fail.
            if takes {
                body.contents.delete(&reached.shape, &this)?;
            }
            asked.write(place(asked, "batch.keys", done, reached.shape.key), &this)?;
            asked.write(place(asked, "batch.values", done, value.len()), &value)?;
            done += 1;
        }
        let is_over = self
            .key_at(
                reached,
                if takes { from } else { from.saturating_add(done) } as usize,
            )?
            .is_none();
        let next = if takes { from } else { from.saturating_add(done) };
        if from == 0 || done > 0 {
            asked.write(attr.u64("batch.out_batch"), &next.to_le_bytes())?;
        }
        Ok((done, if is_over { Err(Errno::ENOENT) } else { Ok(()) }))
    }

    /// The key at a place in the order of a hash table.
    fn key_at(&mut self, reached: &Reached, place: usize) -> Result<Option<Vec<u8>>, Errno> {
        let (body, _) = self.inside(reached.handle)?;
        Ok(match &body.contents {
            Contents::Hash(table) => table.from(place).next().map(<[u8]>::to_vec),
            Contents::Objects(objects) => objects.keys().nth(place).cloned(),
            _ => None,
        })
    }

    /// Writes a key and its value to their places among so many.
    fn tell_element(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        key: &[u8],
        index: u32,
    ) -> Result<(), Errno> {
        let shape = &reached.shape;
        let value_at = place(asked, "batch.values", index, shape.user_value());
        self.tell_value(asked, reached, key, value_at)?;
        asked.write(place(asked, "batch.keys", index, shape.key), key)
    }

    fn write_batch(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        sets: bool,
        count: u32,
    ) -> (u32, Result<(), Errno>) {
        let (attr, shape) = (&asked.attr, reached.shape);
        for index in 0..count {
            let key = asked.read(place(asked, "batch.keys", index, shape.key), shape.key);
            let done = key.and_then(|key| {
                if sets {
                    let flags = attr.u64("batch.elem_flags");
                    return self.update(
                        asked,
                        reached,
                        &key,
                        place(asked, "batch.values", index, shape.user_value()),
                        flags,
                    );
                }
                let (body, _) = self.inside(reached.handle)?;
                body.contents.delete(&shape, &key)
            });
            if done.is_err() {
                return (index, done);
            }
        }
        (count, Ok(()))
    }
}

/// Where one of so large things lies among those that begin where a field says.
fn place(asked: &Asked<'_>, field: &str, index: u32, size: usize) -> u64 {
    let at = u64::from(index).wrapping_mul(size as u64);
    asked.attr.u64(field).wrapping_add(at)
}

/// Says how many elements were worked on.
fn tell_count(asked: &Asked<'_>, count: u32) -> Result<(), Errno> {
    let at = asked.attr.field("batch.count").map_or(0, |(at, _)| at as u64);
    asked.write(asked.at.wrapping_add(at), &count.to_le_bytes())
}
