//! Links of iterators, of perf events, and of probes of many functions.

use std::collections::BTreeSet;

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::{AttachType, ProgType};

use crate::attach::{Attached, link};
use crate::bpf::{Asked, copy_struct};
use crate::layout::Layout;
use crate::objects::{Body, Handle, Kind};
use crate::places::Place;
use crate::play::{Answer, Play};

/// Places of one link at programs (`MAX_UPROBE_MULTI_CNT`).
const MOST_PLACES: u32 = 1 << 20;

/// How many addresses there is room for where nothing else bounds them: their bytes are an `int`.
const MOST_ADDRESSES: u32 = i32::MAX as u32 / 8;

/// Bytes of a function's name (`KSYM_NAME_LEN`).
const SYMBOL: usize = 512;

impl Play<'_> {
    /// `bpf_iter_link_attach`.
    pub(crate) fn link_iterator(&mut self, asked: &Asked<'_>, prog: Attached) -> Answer {
        let attr = &asked.attr;
        if attr.u32("link_create.target_fd") != 0 || attr.u32("link_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let (at, len) = (
            attr.u64("link_create.iter_info"),
            attr.u32("link_create.iter_info_len"),
        );
        if (at == 0) != (len == 0) {
            return Err(Errno::EINVAL);
        }
        let layout = Layout::of(&self.kernel.btf, verdict_btf::Kind::Union, "bpf_iter_link_info");
        let info = match at {
            0 => Vec::new(),
            _ => copy_struct(&asked.call, at, len.into(), layout.size)?,
        };
        let name = self.attach_name(prog.handle);
        let target = name.strip_prefix("bpf_iter_").unwrap_or(&name).to_owned();
        let of_map = matches!(target.as_str(), "bpf_map_elem" | "bpf_sk_storage_map" | "sockmap");
        let map = match of_map {
            true => Some(self.walked_map(asked, &target, &info)?),
            // Only these have no options.
            false
                if matches!(target.as_str(), "task" | "task_file" | "task_vma" | "cgroup")
                    && (info.iter().any(|byte| *byte != 0) || target == "cgroup") =>
            {
                let what = format!("options of the iterator {target}");
                return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
            }
            false => None,
        };
        self.link(link::ITER, prog, prog.expected, Place::Walk(target, map))
    }

    /// `bpf_iter_create`.
    pub(crate) fn iter_create(&mut self, asked: &Asked<'_>) -> Answer {
        if asked.attr.u32("iter_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let fd = asked.attr.fd("iter_create.link_fd");
        let held = self.object_of(asked.call.task, fd, Kind::Link, Errno::EINVAL)?;
        match self.objects.get(held.handle).map(|object| &object.body) {
            Some(Body::Link(link)) if link.link_type == link::ITER => {
                self.unmodelled(asked.name, "running iterators", Errno::EOPNOTSUPP)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// The map whose elements are walked (`bpf_iter_attach_map` and its like).
    fn walked_map(&mut self, asked: &Asked<'_>, target: &str, info: &[u8]) -> Result<Handle, Errno> {
        let fd = info.first_chunk::<4>().map_or(0, |fd| i32::from_le_bytes(*fd));
        if fd == 0 {
            return Err(Errno::EBADF);
        }
        let map = self.map_at(asked.call.task, fd)?;
        let map_type = self.map_type(map).ok_or(Errno::EINVAL)?;
        let walks = match target {
            "bpf_sk_storage_map" => map_type == MapType::SkStorage,
            "sockmap" => matches!(map_type, MapType::Sockmap | MapType::Sockhash),
            _ => matches!(
                map_type,
                MapType::Hash
                    | MapType::LruHash
                    | MapType::Array
                    | MapType::PercpuHash
                    | MapType::LruPercpuHash
                    | MapType::PercpuArray
            ),
        };
        if walks { Ok(map) } else { Err(Errno::EINVAL) }
    }

    /// A map's type.
    pub(crate) fn map_type(&self, map: Handle) -> Option<MapType> {
        self.map_id(map)
            .and_then(|id| self.session.map(id))
            .map(|map| map.map_type)
    }

    /// Links of perf events and of probes of many functions.
    pub(crate) fn link_event(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        match AttachType::from_raw(attach_type) {
            Some(AttachType::TraceKprobeMulti | AttachType::TraceKprobeSession) => {
                self.link_kprobes(asked, prog, attach_type)
            }
            Some(AttachType::TraceUprobeMulti | AttachType::TraceUprobeSession) => {
                self.link_uprobes(asked, prog, attach_type)
            }
            _ => self.link_perf(asked, prog, attach_type),
        }
    }

    /// `bpf_perf_link_attach`.
    fn link_perf(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        if asked.attr.u32("link_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        // A descriptor of anything else than an event is as good as a closed one.
        let fd = asked.attr.fd("link_create.target_fd");
        let event = self.object_of(asked.call.task, fd, Kind::Event, Errno::EBADF)?;
        self.run_at(event.handle, prog)?;
        self.link(link::PERF_EVENT, prog, attach_type, Place::Event(event.handle))
    }

    /// `bpf_kprobe_multi_link_attach`.
    fn link_kprobes(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        /// `BPF_F_KPROBE_MULTI_RETURN`.
        const RETURN: u32 = 1;
        if self.kernel.config("CONFIG_FPROBE") != Some("y") {
            return Err(Errno::EOPNOTSUPP);
        }
        let attr = &asked.attr;
        let of = |name: &str| attr.u64(&format!("link_create.kprobe_multi.{name}"));
        let multi = [AttachType::TraceKprobeMulti, AttachType::TraceKprobeSession];
        let expects = multi.iter().any(|ty| ty.raw() == prog.expected);
        let (addresses, names, count) = (of("addrs"), of("syms"), of("cnt") as u32);
        if attr.u32("link_create.flags") != 0
            || !expects
            || of("flags") as u32 & !RETURN != 0
            || (addresses != 0) == (names != 0)
            || count == 0
        {
            return Err(Errno::EINVAL);
        }
        if self
            .kernel
            .calls()
            .most_functions
            .is_some_and(|most| count > most)
        {
            return Err(Errno::E2BIG);
        }
        if count > MOST_ADDRESSES {
            return Err(Errno::ENOMEM);
        }
        let one = |at: u64, index: u32| -> Result<u64, Errno> {
            let bytes = asked.read(at.wrapping_add(8 * u64::from(index)), 8)?;
            Ok(bytes
                .first_chunk::<8>()
                .map_or(0, |word| u64::from_le_bytes(*word)))
        };
        if of("cookies") != 0 {
            for index in 0..count {
                one(of("cookies"), index)?;
            }
        }
        let (mut functions, mut found) = (BTreeSet::new(), true);
        for index in 0..count {
            if addresses != 0 {
                one(addresses, index)?;
                continue;
            }
            let at = one(names, index)?;
            let name = asked.call.task.read_string(at, SYMBOL).map_err(Errno)?;
            let name = name.ok_or(Errno::E2BIG)?;
            // Only names that there are, none twice, are kept; the others are read, as they may not be there.
            let name = String::from_utf8_lossy(&name);
            found = found && self.is_traced(asked.name, &name) && functions.insert(name.into_owned());
        }
        // As many must be found as were asked for (`ftrace_lookup_symbols`).
        if addresses == 0 && (!found || functions.len() != count as usize) {
            return Err(Errno::ESRCH);
        }
        if addresses != 0 {
            let what = "probes at addresses: the played kernel's functions have none";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        self.link(link::KPROBE_MULTI, prog, attach_type, Place::Many)
    }

    /// Whether a symbol is a function that can be traced.
    fn is_traced(&mut self, call: &'static str, name: &str) -> bool {
        let symbol = self.kernel.ksym(name);
        symbol.is_some_and(|symbol| matches!(symbol.kind, 't' | 'T' | 'w' | 'W'))
            && !self.is_untraced(call, name)
    }

    /// `bpf_uprobe_multi_link_attach`.
    fn link_uprobes(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        /// `BPF_F_UPROBE_MULTI_RETURN`.
        const RETURN: u32 = 1;
        let attr = &asked.attr;
        let of = |name: &str| attr.u64(&format!("link_create.uprobe_multi.{name}"));
        let multi = [AttachType::TraceUprobeMulti, AttachType::TraceUprobeSession];
        let expects = multi.iter().any(|ty| ty.raw() == prog.expected);
        let (path, offsets, count, pid) = (of("path"), of("offsets"), of("cnt") as u32, of("pid") as i32);
        if !expects || of("flags") as u32 & !RETURN != 0 || path == 0 || offsets == 0 || count == 0 || pid < 0
        {
            return Err(Errno::EINVAL);
        }
        if count > MOST_PLACES {
            return Err(Errno::E2BIG);
        }
        let text = asked.call.task.read_string(path, libc::PATH_MAX as usize);
        let text = text.map_err(Errno)?.ok_or(Errno::EINVAL)?;
        let path = self.files.absolute(asked.call.task, libc::AT_FDCWD, &text);
        match path.and_then(|path| std::fs::metadata(path).ok()) {
            Some(found) if found.is_file() => {}
            Some(_) => return Err(Errno::EBADF),
            None => return Err(Errno::ENOENT),
        }
        if pid != 0 && !std::path::Path::new(&format!("/proc/{pid}")).exists() {
            return Err(Errno::ESRCH);
        }
        for (at, is_offset) in [
            (offsets, true),
            (of("ref_ctr_offsets"), false),
            (of("cookies"), false),
        ] {
            for index in 0..if at == 0 { 0 } else { u64::from(count) } {
                let bytes = asked.read(at.wrapping_add(8 * index), 8)?;
                let value = bytes
                    .first_chunk::<8>()
                    .map_or(0, |word| i64::from_le_bytes(*word));
                if is_offset && value < 0 {
                    return Err(Errno::EINVAL);
                }
            }
        }
        self.link(link::UPROBE_MULTI, prog, attach_type, Place::Many)
    }

    /// Whether a map holds sockets.
    pub(crate) fn holds_sockets(&self, map: Handle) -> bool {
        matches!(self.map_type(map), Some(MapType::Sockmap | MapType::Sockhash))
    }

    /// Where a program is attached to a map of sockets (`sock_map_prog_link_lookup`).
    pub(crate) fn sockets_place(&mut self, map: Handle, attach_type: u32) -> Result<Place, Errno> {
        use AttachType as A;
        if !self.holds_sockets(map) {
            return Err(Errno::EOPNOTSUPP);
        }
        let excludes = match AttachType::from_raw(attach_type) {
            Some(A::SkMsgVerdict | A::SkSkbStreamParser) => None,
            Some(A::SkSkbStreamVerdict) => Some(A::SkSkbVerdict),
            Some(A::SkSkbVerdict) => Some(A::SkSkbStreamVerdict),
            _ => return Err(Errno::EOPNOTSUPP),
        };
        let other = excludes.map(|other| Place::Sockets(map, other.raw()));
        if other.is_some_and(|other| self.is_taken(&other)) {
            return Err(Errno::EBUSY);
        }
        Ok(Place::Sockets(map, attach_type))
    }
}

/// Whether programs of a type are attached to control groups (`is_cgroup_prog_type`).
pub(crate) fn is_of_groups(prog_type: ProgType) -> bool {
    matches!(
        prog_type,
        ProgType::CgroupDevice
            | ProgType::CgroupSkb
            | ProgType::CgroupSock
            | ProgType::CgroupSockAddr
            | ProgType::CgroupSockopt
            | ProgType::CgroupSysctl
            | ProgType::SockOps
            | ProgType::Lsm
    )
}
