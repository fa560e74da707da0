//! Ids: walking over them, and descriptors by them.

use verdict_kernel::errno::Errno;
use verdict_syscall::map::flags::{RDONLY, WRONLY};

use crate::bpf::Asked;
use crate::objects::Kind;
use crate::play::{Answer, Done, Play};

impl Play<'_> {
    /// `bpf_obj_get_next_id`.
    pub(crate) fn next_id(&mut self, asked: &Asked<'_>, command: u32) -> Answer {
        let kind = match command {
            11 => Kind::Prog,
            12 => Kind::Map,
            23 => Kind::Btf,
            _ => Kind::Link,
        };
        let start = asked.attr.u32("start_id");
        if start >= i32::MAX as u32 {
            return Err(Errno::EINVAL);
        }
        self.sweep();
        let next = self.objects.next_id(kind, start + 1).ok_or(Errno::ENOENT)?;
        let at = asked.attr.field("next_id").map_or(0, |(at, _)| at as u64);
        asked.write(asked.at.wrapping_add(at), &next.to_le_bytes())?;
        Ok(Done::Value(0))
    }

    /// A descriptor by an id.
    pub(crate) fn fd_by_id(&mut self, asked: &Asked<'_>, command: u32) -> Answer {
        let attr = &asked.attr;
        let (kind, id) = match command {
            13 => (Kind::Prog, attr.u32("prog_id")),
            14 => (Kind::Map, attr.u32("map_id")),
            19 => (Kind::Btf, attr.u32("btf_id")),
            _ => (Kind::Link, attr.u32("link_id")),
        };
        let flags = if kind == Kind::Map {
            attr.u32("open_flags")
        } else {
            0
        };
        if flags & !(RDONLY | WRONLY) != 0 || flags == RDONLY | WRONLY {
            return Err(Errno::EINVAL);
        }
        self.sweep();
        let handle = self.objects.by_id(kind, id).ok_or(Errno::ENOENT)?;
        self.give(handle, flags & WRONLY == 0, flags & RDONLY == 0)
    }
}
