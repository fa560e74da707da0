//! Maps: `MAP_CREATE`, elements, batches, freezing.

use std::fs::File;
use std::sync::Arc;

use verdict_btf::TypeId;
use verdict_kernel::attr::{MapCreate, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::Rule;
use verdict_syscall::map::flags;
use verdict_syscall::record::FieldMask;

use crate::bpf::Asked;
use crate::contents::{Contents, EXIST, LOCK, Shape};
use crate::objects::{Body, Handle, Kind, MapBody, Object, Open};
use crate::play::{Answer, Done, Held, Play};
use crate::records::What;

/// Bytes of names.
pub(crate) const NAME: usize = 16;

/// The types whose values are descriptors.
fn holds_objects(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::ProgArray
            | MapType::PerfEventArray
            | MapType::CgroupArray
            | MapType::ArrayOfMaps
            | MapType::HashOfMaps
    )
}

/// A name as it is passed: up to its NUL. One without a NUL is too long.
pub(crate) fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME);
    String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes)).into_owned()
}

fn type_id(number: u32) -> Option<TypeId> {
    (number != 0).then_some(TypeId(number))
}

/// A map, with what is needed to work on it.
pub(crate) struct Reached {
    handle: Handle,
    shape: Shape,
    has_lock: bool,
}

impl Play<'_> {
    pub(crate) fn map_create(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let fd = |field| self.objects.of(asked.call.task, attr.fd(field));
        let (inner_fd, btf_fd) = (fd("inner_map_fd"), fd("btf_fd"));
        let inner = self.handle_of(inner_fd, Kind::Map);
        let btf_handle = self.handle_of(btf_fd, Kind::Btf);
        let btf = btf_handle.and_then(|handle| match &self.objects.get(handle)?.body {
            Body::Btf(btf) => btf.btf.clone(),
            _ => None,
        });
        let create = MapCreate {
            map_type: attr.u32("map_type"),
            key_size: attr.u32("key_size"),
            value_size: attr.u32("value_size"),
            max_entries: attr.u32("max_entries"),
            map_flags: attr.u32("map_flags"),
            inner_map: inner.and_then(|handle| self.map_id(handle)),
            numa_node: attr.u32("numa_node"),
            name: name(attr.raw("map_name")),
            btf: btf.as_ref().map(|btf| Arc::clone(&btf.btf)),
            btf_key_type_id: type_id(attr.u32("btf_key_type_id")),
            btf_value_type_id: type_id(attr.u32("btf_value_type_id")),
            btf_vmlinux_value_type_id: type_id(attr.u32("btf_vmlinux_value_type_id")),
            map_extra: attr.u64("map_extra"),
        };
        if attr.u32("map_ifindex") != 0 {
            return self.unmodelled(asked.name, "maps of network devices", Errno::EINVAL);
        }
        if create.map_flags & flags::TOKEN_FD != 0 {
            return self.unmodelled(asked.name, "tokens", Errno::EINVAL);
        }
        let made = self.session.map_create(&create).map_err(|broken| {
            let closed = match broken.rule {
                Rule::InnerMap => inner_fd == Open::Closed,
                Rule::MapTypes => btf_fd == Open::Closed,
                _ => false,
            };
            if closed { Errno::EBADF } else { broken.errno }
        });
        let map_type = MapType::from_raw(create.map_type);
        let shown = map_type.map_or_else(|| create.map_type.to_string(), |ty| ty.name().to_owned());
        let what = What::Map {
            name: create.name.clone(),
            map_type: shown,
            sizes: [create.key_size, create.value_size, create.max_entries],
        };
        self.note(asked.name, what, made.err());
        let id = made?;
        let Some(map) = self.session.map(id) else {
            return Err(Errno::ENOMEM);
        };
        let (shape, typed) = (Shape::of(map, self.kernel.machine.nr_cpus), map.btf.is_some());
        let body = Body::Map(MapBody {
            map: id,
            contents: Contents::new(shape.map_type),
            btf: btf_handle.filter(|_| typed),
            key_type: attr.u32("btf_key_type_id"),
            frozen: false,
        });
        let file = verdict_notify::memory_file(c"bpf-map").map_err(|_| Errno::ENOMEM)?;
        file.set_len(shape.file_size()).map_err(|_| Errno::ENOMEM)?;
        let added = self.objects.add_with(body, file, false);
        let handle = added.map_err(|_| Errno::ENOMEM)?;
        let reads = create.map_flags & flags::WRONLY == 0;
        let writes = create.map_flags & flags::RDONLY == 0;
        self.give(handle, reads, writes)
    }

    /// The object of a descriptor, if it is of this kind.
    pub(crate) fn handle_of(&self, open: Open, kind: Kind) -> Option<Handle> {
        let Open::Object(handle, _) = open else {
            return None;
        };
        (self.objects.get(handle)?.body.kind() == kind).then_some(handle)
    }

    /// The map of `map_fd`, if the descriptor allows what is to be done.
    fn reach(&self, asked: &Asked<'_>, fd: &str, reads: bool, writes: bool) -> Result<Reached, Errno> {
        let held = self.object_of(asked.call.task, asked.attr.fd(fd), Kind::Map, Errno::EINVAL)?;
        self.reached(held, reads, writes)
    }

    fn reached(&self, held: Held, reads: bool, writes: bool) -> Result<Reached, Errno> {
        let Some(Object {
            body: Body::Map(body),
            ..
        }) = self.objects.get(held.handle)
        else {
            return Err(Errno::EINVAL);
        };
        let map = self.session.map(body.map).ok_or(Errno::EINVAL)?;
        if (reads && !held.reads) || (writes && (!held.writes || body.frozen)) {
            return Err(Errno::EPERM);
        }
        Ok(Reached {
            handle: held.handle,
            shape: Shape::of(map, self.kernel.machine.nr_cpus),
            has_lock: map.has_field(FieldMask::LOCK),
        })
    }

    /// Its elements and its file.
    fn inside(&mut self, handle: Handle) -> Result<(&mut MapBody, &File), Errno> {
        match self.objects.get_mut(handle) {
            Some(Object {
                body: Body::Map(body),
                file,
                ..
            }) => Ok((body, file)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The key at an address: none where the type has no keys (`__bpf_copy_key`).
    fn key(asked: &Asked<'_>, at: u64, shape: &Shape) -> Result<Vec<u8>, Errno> {
        match (shape.key, at) {
            (0, 0) => Ok(Vec::new()),
            (0, _) => Err(Errno::EINVAL),
            (size, at) => asked.read(at, size),
        }
    }

    pub(crate) fn map_lookup(&mut self, asked: &Asked<'_>, takes: bool) -> Answer {
        let (attr, flags) = (&asked.attr, asked.attr.u64("flags"));
        if flags & !LOCK != 0 {
            return Err(Errno::EINVAL);
        }
        let reached = self.reach(asked, "map_fd", true, takes)?;
        let shape = reached.shape;
        let line = matches!(shape.map_type, MapType::Queue | MapType::Stack);
        if flags & LOCK != 0 && (!reached.has_lock || (takes && line)) {
            return Err(Errno::EINVAL);
        }
        let key = Self::key(asked, attr.u64("key"), &shape)?;
        let value = if takes {
            self.take(&reached, &key)?
        } else if shape.map_type == MapType::BloomFilter {
            let value = asked.read(attr.u64("value"), shape.value)?;
            let (body, file) = self.inside(reached.handle)?;
            body.contents.lookup(&shape, file, &value)?;
            value
        } else {
            self.value(&reached, &key)?
        };
        asked.write(attr.u64("value"), &value)?;
        Ok(Done::Value(0))
    }

    fn take(&mut self, reached: &Reached, key: &[u8]) -> Result<Vec<u8>, Errno> {
        let takes = self.kernel.ksym("htab_map_lookup_and_delete_elem").is_some();
        let (body, _) = self.inside(reached.handle)?;
        match body.contents {
            Contents::Hash(..) if !takes => Err(Errno::ENOTSUPP),
            _ => body.contents.take(key),
        }
    }

    /// The value of a key: of a map of objects the object's id.
    fn value(&mut self, reached: &Reached, key: &[u8]) -> Result<Vec<u8>, Errno> {
        let shape = reached.shape;
        if !holds_objects(shape.map_type) {
            let (body, file) = self.inside(reached.handle)?;
            return body.contents.lookup(&shape, file, key);
        }
        if matches!(shape.map_type, MapType::PerfEventArray | MapType::CgroupArray) {
            return Err(Errno::ENOTSUPP);
        }
        let (body, _) = self.inside(reached.handle)?;
        let Contents::Objects(objects) = &body.contents else {
            return Err(Errno::ENOTSUPP);
        };
        let found = objects.get(key).copied().ok_or(Errno::ENOENT)?;
        let id = self.objects.get(found).map_or(0, |object| object.id);
        Ok(id.to_le_bytes().to_vec())
    }

    pub(crate) fn map_update(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let reached = self.reach(asked, "map_fd", false, true)?;
        let flags = attr.u64("flags");
        if flags & LOCK != 0 && !reached.has_lock {
            return Err(Errno::EINVAL);
        }
        let key = Self::key(asked, attr.u64("key"), &reached.shape)?;
        let value = asked.read(attr.u64("value"), reached.shape.user_value())?;
        self.set(asked, &reached, &key, value, flags)?;
        Ok(Done::Value(0))
    }

    fn set(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        key: &[u8],
        value: Vec<u8>,
        flags: u64,
    ) -> Result<(), Errno> {
        let shape = reached.shape;
        if holds_objects(shape.map_type) {
            let fd = value.first_chunk::<4>().map_or(-1, |fd| i32::from_le_bytes(*fd));
            return self.set_object(asked, reached, key, fd, flags);
        }
        let used = self.objects.bytes();
        let (body, file) = self.inside(reached.handle)?;
        if matches!(body.contents, Contents::Unknown) {
            let what = format!("elements of a map of type {}", shape.map_type.name());
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        body.contents.update(&shape, file, (key, value), flags, used)
    }

    /// Puts the object of a descriptor into a map (`bpf_fd_array_map_update_elem`, `bpf_fd_htab_map_update_elem`).
    fn set_object(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        key: &[u8],
        fd: i32,
        flags: u64,
    ) -> Result<(), Errno> {
        let shape = reached.shape;
        if shape.map_type != MapType::HashOfMaps {
            if flags != 0 {
                return Err(Errno::EINVAL);
            }
            let index = key
                .first_chunk::<4>()
                .map_or(u32::MAX, |key| u32::from_le_bytes(*key));
            if index >= shape.max_entries {
                return Err(Errno::E2BIG);
            }
        }
        let task = asked.call.task;
        let map = self.map_id(reached.handle).ok_or(Errno::EINVAL)?;
        let (object, value) = match shape.map_type {
            MapType::ProgArray => {
                let prog = self.object_of(task, fd, Kind::Prog, Errno::EINVAL)?.handle;
                let id = self.objects.get(prog).map_or(0, |object| object.id);
                (prog, Some(MapValue::Program(id.to_string())))
            }
            MapType::ArrayOfMaps | MapType::HashOfMaps => {
                let inner = self.object_of(task, fd, Kind::Map, Errno::EINVAL)?.handle;
                let id = self.map_id(inner).ok_or(Errno::EINVAL)?;
                (inner, Some(MapValue::Map(id)))
            }
            MapType::PerfEventArray => (self.object_of(task, fd, Kind::Event, Errno::EBADF)?.handle, None),
            _ => return self.unmodelled(asked.name, "control groups in maps", Errno::EOPNOTSUPP),
        };
        if let Some(value) = value {
            self.session.map_update(map, key, &value)?;
            if let Some(what) = self.session.take_unmodelled() {
                return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
            }
        }
        let (body, _) = self.inside(reached.handle)?;
        let Contents::Objects(objects) = &mut body.contents else {
            return Err(Errno::EINVAL);
        };
        let exists = objects.contains_key(key);
        match flags & !LOCK {
            1 if exists => return Err(Errno::EEXIST),
            EXIST if !exists => return Err(Errno::ENOENT),
            _ => {}
        }
        if !exists && objects.len() >= shape.max_entries as usize {
            return Err(Errno::E2BIG);
        }
        objects.insert(key.to_vec(), object);
        Ok(())
    }

    pub(crate) fn map_delete(&mut self, asked: &Asked<'_>) -> Answer {
        let reached = self.reach(asked, "map_fd", false, true)?;
        let key = Self::key(asked, asked.attr.u64("key"), &reached.shape)?;
        let (body, _) = self.inside(reached.handle)?;
        body.contents.delete(&reached.shape, &key)?;
        Ok(Done::Value(0))
    }

    pub(crate) fn map_next(&mut self, asked: &Asked<'_>) -> Answer {
        let reached = self.reach(asked, "map_fd", true, false)?;
        let at = asked.attr.u64("key");
        let key = match at {
            0 => None,
            _ => Some(Self::key(asked, at, &reached.shape)?),
        };
        let (body, _) = self.inside(reached.handle)?;
        let next = body.contents.next(&reached.shape, key.as_deref())?;
        asked.write(asked.attr.u64("next_key"), &next)?;
        Ok(Done::Value(0))
    }

    pub(crate) fn map_freeze(&mut self, asked: &Asked<'_>) -> Answer {
        let held = self.object_of(asked.call.task, asked.attr.fd("map_fd"), Kind::Map, Errno::EINVAL)?;
        let by_rights = self.kernel.calls().freezes_by_rights;
        let reached = self.reached(held, false, by_rights)?;
        let map = self.map_id(held.handle).ok_or(Errno::EINVAL)?;
        // What programs see as constant is what is in it now.
        let frozen = matches!(self.inside(held.handle), Ok((body, _)) if body.frozen);
        if !frozen && reached.shape.map_type == MapType::Array && reached.shape.max_entries == 1 {
            let value = self.value(&reached, &[0; 4])?;
            self.session.map_update(map, &[0; 4], &MapValue::Bytes(value))?;
        }
        self.session.map_freeze(map)?;
        let (body, _) = self.inside(held.handle)?;
        body.frozen = true;
        Ok(Done::Value(0))
    }

    /// The commands that work on many elements at once (`generic_map_*_batch`).
    pub(crate) fn map_batch(&mut self, asked: &Asked<'_>, command: u32) -> Answer {
        let attr = &asked.attr;
        let (reads, writes) = (command <= 25, command >= 25);
        let reached = self.reach(asked, "batch.map_fd", reads, writes)?;
        let shape = reached.shape;
        let walks = matches!(
            shape.map_type,
            MapType::Array
                | MapType::PercpuArray
                | MapType::Hash
                | MapType::PercpuHash
                | MapType::LruHash
                | MapType::LruPercpuHash
                | MapType::LpmTrie
        );
        let array = matches!(shape.map_type, MapType::Array | MapType::PercpuArray);
        if !walks || (array && matches!(command, 25 | 27)) {
            return Err(Errno::ENOTSUPP);
        }
        let flags = attr.u64("batch.elem_flags");
        if flags & !LOCK != 0 || (flags & LOCK != 0 && !reached.has_lock) {
            return Err(Errno::EINVAL);
        }
        let count = attr.u32("batch.count");
        if count == 0 {
            return Ok(Done::Value(0));
        }
        let (done, ended) = match command {
            24 | 25 => self.read_batch(asked, &reached, command == 25, count)?,
            _ => self.write_batch(asked, &reached, command == 26, count),
        };
        let at = attr.field("batch.count").map_or(0, |(at, _)| at as u64);
        asked.write(asked.at.wrapping_add(at), &done.to_le_bytes())?;
        ended.map(|()| Done::Value(0))
    }

    fn read_batch(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        takes: bool,
        count: u32,
    ) -> Result<(u32, Result<(), Errno>), Errno> {
        let (attr, shape) = (&asked.attr, reached.shape);
        // How far a walk came is told by a number.
        let from = match attr.u64("batch.in_batch") {
            0 => 0,
            at => asked
                .read(at, 4)?
                .first_chunk::<4>()
                .map_or(0, |n| u32::from_le_bytes(*n)),
        };
        let (keys, values) = (attr.u64("batch.keys"), attr.u64("batch.values"));
        let mut all = Vec::new();
        let mut key: Option<Vec<u8>> = None;
        let wanted = u64::from(from) + u64::from(count);
        while (all.len() as u64) < wanted {
            let (body, _) = self.inside(reached.handle)?;
            match body.contents.next(&shape, key.as_deref()) {
                Ok(next) => {
                    all.push(next.clone());
                    key = Some(next);
                }
                Err(_) => break,
            }
        }
        let ended = (all.len() as u64) < wanted;
        let batch: Vec<_> = all.into_iter().skip(from as usize).collect();
        for (at, key) in (0u64..).zip(&batch) {
            let value = self.value(reached, key)?;
            asked.write(keys.wrapping_add(at * shape.key as u64), key)?;
            asked.write(values.wrapping_add(at * value.len() as u64), &value)?;
        }
        if takes {
            let (body, _) = self.inside(reached.handle)?;
            for key in &batch {
                body.contents.delete(&shape, key)?;
            }
        }
        let next = if takes { 0 } else { from + batch.len() as u32 };
        asked.write(attr.u64("batch.out_batch"), &next.to_le_bytes())?;
        let end = if ended { Err(Errno::ENOENT) } else { Ok(()) };
        Ok((batch.len() as u32, end))
    }

    fn write_batch(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        sets: bool,
        count: u32,
    ) -> (u32, Result<(), Errno>) {
        let (attr, shape) = (&asked.attr, reached.shape);
        let (keys, values) = (attr.u64("batch.keys"), attr.u64("batch.values"));
        for at in 0..count {
            let one = || {
                let key = asked.read(keys.wrapping_add(u64::from(at) * shape.key as u64), shape.key)?;
                let size = if sets { shape.user_value() } else { 0 };
                let value = asked.read(values.wrapping_add(u64::from(at) * size as u64), size)?;
                Ok((key, value))
            };
            let done = one().and_then(|(key, value)| {
                if sets {
                    return self.set(asked, reached, &key, value, attr.u64("batch.elem_flags"));
                }
                let (body, _) = self.inside(reached.handle)?;
                body.contents.delete(&shape, &key)
            });
            if done.is_err() {
                return (at, done);
            }
        }
        (count, Ok(()))
    }
}
