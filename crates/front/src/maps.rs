//! Maps: `MAP_CREATE`, elements, batches, freezing.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, LazyLock};

use verdict_btf::TypeId;
use verdict_kernel::attr::{MapCreate, MapId, MapValue, object_name};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::Rule;
use verdict_syscall::map::flags;
use verdict_syscall::record::FieldMask;

use crate::bpf::Asked;
use crate::contents::{Contents, EXIST, LOCK, NOEXIST, Shape};
use crate::objects::{Body, Handle, Kind, MapBody, Object, Open};
use crate::play::{Answer, Done, Held, Play};
use crate::records::What;

/// The most bytes of a frozen map that programs see as constants.
const MOST_CONSTANT: usize = 1 << 28;

/// Values that are larger are copied piece by piece.
const PIECE: usize = 1 << 20;

/// Bytes of memory that this machine has, which the played kernel takes for its own.
static MEMORY: LazyLock<u64> = LazyLock::new(|| {
    let about = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = about.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = total.and_then(|total| total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.map_or(u64::MAX, |kilobytes| kilobytes.saturating_mul(1 << 10))
});

/// Where the pieces of so many bytes begin, and how long they are.
fn pieces(size: usize) -> impl Iterator<Item = (u64, usize)> {
    (0..size)
        .step_by(PIECE)
        .map(move |from| (from as u64, PIECE.min(size - from)))
}

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
    object_name(bytes.get(..end).unwrap_or(bytes))
}

fn type_id(number: u32) -> Option<TypeId> {
    (number != 0).then_some(TypeId(number))
}

/// A map, with what is needed to work on it.
pub(crate) struct Reached {
    pub(crate) handle: Handle,
    pub(crate) shape: Shape,
    pub(crate) has_lock: bool,
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
        if create.map_flags & flags::TOKEN_FD != 0 && attr.field("map_token_fd").is_some() {
            return Err(self.no_token(asked, "map_token_fd"));
        }
        let made = self.session.map_create(&create);
        if let Err(broken) = &made {
            self.refused_at(broken.site);
        }
        let made = made.map_err(|broken| {
            let closed = match broken.rule {
                Rule::InnerMap => inner_fd == Open::Closed,
                Rule::MapTypes => btf_fd == Open::Closed,
                _ => false,
            };
            if closed { Errno::EBADF } else { broken.errno }
        });
        let made = made.and_then(|id| {
            let settled = self.settle(asked, id, create.map_type);
            if settled.is_err() {
                self.session.map_free(id);
            }
            settled.map(|()| id)
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
            contents: Contents::new(&shape, &self.kernel.calls()),
            btf: btf_handle.filter(|_| typed),
            key_type: attr.u32("btf_key_type_id"),
            frozen: false,
            used: 0,
        });
        let made = verdict_notify::memory_file(c"bpf-map").and_then(|file| {
            file.set_len(shape.file_size())?;
            verdict_notify::seal_size(&file)?;
            self.objects.add_with(body, file, false)
        });
        let Ok(handle) = made else {
            self.session.map_free(id);
            return Err(Errno::ENOMEM);
        };
        let reads = create.map_flags & flags::WRONLY == 0;
        let writes = create.map_flags & flags::RDONLY == 0;
        self.give(handle, reads, writes)
    }

    /// What a map that is in order by its attributes may be refused for.
    fn settle(&mut self, asked: &Asked<'_>, id: MapId, map_type: u32) -> Result<(), Errno> {
        self.locks(asked.call.task)?;
        // What is taken at once must be there.
        if self.session.map_usage(id, 0) > *MEMORY {
            return Err(Errno::ENOMEM);
        }
        self.check_excluding(asked)?;
        match asked.attr.u32("map_ifindex") {
            0 => Ok(()),
            device => Err(self.offloads(asked, map_type, device)),
        }
    }

    /// A map for one program alone, by the hash of its instructions (Linux 6.18), is not modelled, but where that is wrong.
    fn check_excluding(&mut self, asked: &Asked<'_>) -> Result<(), Errno> {
        /// Bytes of a hash.
        const DIGEST: u32 = 32;
        let (at, size) = (
            asked.attr.u64("excl_prog_hash"),
            asked.attr.u32("excl_prog_hash_size"),
        );
        match (at, size) {
            (0, 0) => Ok(()),
            (0, _) => Err(Errno::EINVAL),
            (_, DIGEST) => {
                asked.read(at, DIGEST as usize)?;
                self.unmodelled(asked.name, "maps for one program alone", Errno::EOPNOTSUPP)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Why a device does not take a map (`bpf_map_offload_map_alloc`): none that could is modelled.
    fn offloads(&self, asked: &Asked<'_>, map_type: u32, device: u32) -> Errno {
        let takes = matches!(MapType::from_raw(map_type), Some(MapType::Array | MapType::Hash));
        match self.device(asked.call.task, device) {
            Ok((_, Some(true) | None)) if takes => Errno::EOPNOTSUPP,
            _ => Errno::EINVAL,
        }
    }

    /// The object of a descriptor, if it is of this kind.
    pub(crate) fn handle_of(&self, open: Open, kind: Kind) -> Option<Handle> {
        let Open::Object(handle, _) = open else {
            return None;
        };
        (self.objects.get(handle)?.body.kind() == kind).then_some(handle)
    }

    /// The map of `map_fd`, if the descriptor allows what is to be done.
    pub(crate) fn reach(
        &self,
        asked: &Asked<'_>,
        fd: &str,
        reads: bool,
        writes: bool,
    ) -> Result<Reached, Errno> {
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
    pub(crate) fn inside(&mut self, handle: Handle) -> Result<(&mut MapBody, &File), Errno> {
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
            self.tell_value(asked, &reached, &key, attr.u64("value"))?;
            return Ok(Done::Value(0));
        };
        asked.write(attr.u64("value"), &value)?;
        Ok(Done::Value(0))
    }

    /// Writes the value of a key into the caller's memory.
    pub(crate) fn tell_value(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        key: &[u8],
        at: u64,
    ) -> Result<(), Errno> {
        let (body, file) = self.inside(reached.handle)?;
        if !matches!(body.contents, Contents::File) {
            let value = self.value(asked, reached, key)?;
            return asked.write(at, &value);
        }
        let shape = &reached.shape;
        let place = shape.place(key).ok_or(Errno::ENOENT)?;
        for (from, len) in pieces(shape.value) {
            let mut piece = vec![0; len];
            file.read_exact_at(&mut piece, place + from)
                .map_err(|_| Errno::EFAULT)?;
            asked.write(at.wrapping_add(from), &piece)?;
        }
        Ok(())
    }

    /// Sets an element of an array, whose value may be large, to what is in the caller's memory.
    fn set_large(&mut self, asked: &Asked<'_>, reached: &Reached, key: &[u8], at: u64) -> Result<(), Errno> {
        let shape = &reached.shape;
        // All of it must be there before any of it is set.
        for (from, len) in pieces(shape.value) {
            asked.read(at.wrapping_add(from), len)?;
        }
        let used = self.objects.bytes();
        let (body, file) = self.inside(reached.handle)?;
        let place = shape.place(key).ok_or(Errno::E2BIG)?;
        body.has_room(used, shape.value)?;
        for (from, len) in pieces(shape.value) {
            let piece = asked.read(at.wrapping_add(from), len)?;
            file.write_all_at(&piece, place + from)
                .map_err(|_| Errno::ENOMEM)?;
        }
        body.measure(file);
        Ok(())
    }

    /// Whether elements of hash tables can be taken out.
    pub(crate) fn takes_from_tables(&self) -> bool {
        self.kernel.ksym("htab_map_lookup_and_delete_elem").is_some()
    }

    fn take(&mut self, reached: &Reached, key: &[u8]) -> Result<Vec<u8>, Errno> {
        let takes = self.takes_from_tables();
        let of_stacks = reached.shape.map_type == MapType::StackTrace
            && self.kernel.ksym("stack_map_lookup_and_delete_elem").is_some();
        let (body, _) = self.inside(reached.handle)?;
        match body.contents {
            Contents::Hash(_) if !takes => Err(Errno::ENOTSUPP),
            // No stack is ever recorded.
            Contents::Nothing(_) if of_stacks => Err(Errno::ENOENT),
            _ => body.contents.take(key),
        }
    }

    /// The value of a key: of a map of objects the object's id.
    pub(crate) fn value(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        key: &[u8],
    ) -> Result<Vec<u8>, Errno> {
        let shape = reached.shape;
        let owner = self.owner(asked, shape.map_type, key)?;
        let key = owner.as_deref().unwrap_or(key);
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
        self.update(asked, &reached, &key, attr.u64("value"), flags)?;
        Ok(Done::Value(0))
    }

    /// Sets an element to a value in the caller's memory.
    pub(crate) fn update(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        key: &[u8],
        at: u64,
        flags: u64,
    ) -> Result<(), Errno> {
        let size = reached.shape.user_value();
        if size > PIECE && reached.shape.map_type == MapType::Array {
            if flags & !LOCK > EXIST {
                return Err(Errno::EINVAL);
            }
            if flags & NOEXIST != 0 {
                return Err(Errno::EEXIST);
            }
            return self.set_large(asked, reached, key, at);
        }
        let value = asked.read(at, size)?;
        self.set(asked, reached, key, value, flags)
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
        let owner = self.owner(asked, shape.map_type, key)?;
        let key = owner.as_deref().unwrap_or(key);
        let used = self.objects.bytes();
        let (body, file) = self.inside(reached.handle)?;
        let is_slot = matches!(body.contents, Contents::Slots(_) | Contents::Empty);
        if is_slot && owner.is_none() {
            return self.set_slot(asked, reached, (key, value), flags);
        }
        if matches!(body.contents, Contents::Empty | Contents::Unknown) {
            let what = format!("elements of a map of type {}", shape.map_type.name());
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        body.has_room(used, key.len() + value.len())?;
        body.contents.update(&shape, file, (key, value), flags)?;
        body.measure(file);
        Ok(())
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
            _ => {
                self.cgroup(task, fd)?;
                return self.unmodelled(asked.name, "control groups in maps", Errno::EOPNOTSUPP);
            }
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
        let owner = self.owner(asked, reached.shape.map_type, &key)?;
        let (body, _) = self.inside(reached.handle)?;
        body.contents
            .delete(&reached.shape, owner.as_ref().unwrap_or(&key))?;
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
        let constant = reached.shape.map_type == MapType::Array && reached.shape.max_entries == 1;
        if !frozen && constant && reached.shape.value > MOST_CONSTANT {
            let what = format!("constants of more than {MOST_CONSTANT} bytes");
            return self.unmodelled(asked.name, what, Errno::ENOMEM);
        }
        if !frozen && constant {
            let value = self.value(asked, &reached, &[0; 4])?;
            self.session.map_update(map, &[0; 4], &MapValue::Bytes(value))?;
        }
        if !frozen && self.objects.is_mapped_to_write(held.handle) {
            return Err(Errno::EBUSY);
        }
        self.session.map_freeze(map)?;
        let (body, file) = self.inside(held.handle)?;
        body.frozen = true;
        // Where the machine cannot, mappings to write are still refused by the call that makes them.
        let _ = verdict_notify::seal_writes(file);
        Ok(Done::Value(0))
    }
}
