//! Maps as memory: which of them mmap(2) takes, and how.

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_syscall::map::flags::{MMAPABLE, PAGE_SIZE, RDONLY_PROG};

use crate::objects::{Body, Handle, Open};
use crate::play::{Answer, Call, Done, Play};

impl Play<'_> {
    /// mmap(2) of a file: that of a map is the machine's to give where the played kernel would (`bpf_map_mmap`).
    pub(crate) fn map_memory(&mut self, call: &Call) -> Answer {
        let shared = call.int(3) & libc::MAP_SHARED != 0;
        let Open::Object(handle, rights) = self.objects.of(call.task, call.int(4)) else {
            return Ok(Done::Machine);
        };
        let writes = call.int(2) & libc::PROT_WRITE != 0;
        if !rights.reads || (writes && !rights.writes) {
            return Err(Errno::EACCES);
        }
        match self.objects.get(handle).map(|object| &object.body) {
            Some(Body::Map(_)) => {}
            // Their ring can be mapped; nothing else has memory.
            Some(Body::Event(_)) if shared => return Ok(Done::Machine),
            Some(Body::Event(_)) => return Err(Errno::EINVAL),
            _ => return Err(Errno::ENODEV),
        }
        self.map_is_memory(
            handle,
            writes,
            shared && rights.writes,
            (call.arg(5), call.arg(1)),
        )?;
        Ok(Done::Machine)
    }

    /// Whether a map can be mapped from an offset on for so many bytes, to be shared or not.
    fn map_is_memory(
        &self,
        handle: Handle,
        writes: bool,
        shared: bool,
        (at, len): (u64, u64),
    ) -> Result<(), Errno> {
        let Some(Body::Map(body)) = self.objects.get(handle).map(|object| &object.body) else {
            return Err(Errno::EINVAL);
        };
        let map = self.session.map(body.map).ok_or(Errno::EINVAL)?;
        let has_memory = matches!(
            map.map_type,
            MapType::Array | MapType::Ringbuf | MapType::UserRingbuf | MapType::Arena
        );
        if !has_memory || map.record.is_some() {
            return Err(Errno::ENOTSUPP);
        }
        // That of a file which is not open to write never is.
        if !shared {
            return Err(Errno::EINVAL);
        }
        if writes && body.frozen {
            return Err(Errno::EPERM);
        }
        if writes && map.flags & RDONLY_PROG != 0 {
            return Err(Errno::EACCES);
        }
        let page = u64::from(PAGE_SIZE);
        let len = len.next_multiple_of(page);
        let whole = match map.map_type {
            MapType::Array if map.flags & MMAPABLE == 0 => return Err(Errno::EINVAL),
            MapType::Ringbuf if writes && (at != 0 || len != page) => return Err(Errno::EPERM),
            MapType::UserRingbuf if writes && at == 0 => return Err(Errno::EPERM),
            _ => crate::contents::Shape::of(map, self.kernel.machine.nr_cpus).file_size(),
        };
        match at.checked_add(len) {
            Some(end) if end <= whole => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }
}
