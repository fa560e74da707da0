//! What becomes of what is attached: `LINK_UPDATE` and `LINK_DETACH`, and programs that are attached without links,
//! `PROG_ATTACH`, `PROG_DETACH` and `PROG_QUERY`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_notify::Task;

use crate::attach::{Attached, attached, link};
use crate::bpf::Asked;
use crate::kinds::is_of_groups;
use crate::layout::Fields;
use crate::objects::{Body, Handle, Kind, LinkBody, Open};
use crate::places::{FileId, Guest, Place};
use crate::play::{Answer, Done, Play};

/// `BPF_F_ALLOW_OVERRIDE`, `BPF_F_ALLOW_MULTI`, `BPF_F_REPLACE`.
const OVERRIDE: u32 = 1;
pub(crate) const MULTI: u32 = 2;
pub(crate) const REPLACE: u32 = 4;

/// `BPF_F_BEFORE`, `BPF_F_AFTER`, `BPF_F_ID`, `BPF_F_LINK`: an order of programs; with `BPF_F_REPLACE`.
const ORDER: u32 = 8 | 16 | 32 | 1 << 13;
pub(crate) const MPROG: u32 = ORDER | REPLACE;

/// `BPF_F_PREORDER`.
const PREORDER: u32 = 64;

/// `BPF_F_QUERY_EFFECTIVE`.
const EFFECTIVE: u32 = 1;

/// Programs of one control group and attach type (`BPF_CGROUP_MAX_PROGS`).
const MOST_AT_GROUP: usize = 64;

impl Play<'_> {
    fn link_of(&self, asked: &Asked<'_>, field: &str) -> Result<(Handle, LinkBody), Errno> {
        let fd = asked.attr.fd(field);
        let held = self.object_of(asked.call.task, fd, Kind::Link, Errno::EINVAL)?;
        match self.objects.get(held.handle).map(|object| &object.body) {
            Some(Body::Link(link)) => Ok((held.handle, link.clone())),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn link_update(&mut self, asked: &Asked<'_>) -> Answer {
        let flags = asked.attr.u32("link_update.flags");
        if flags & !REPLACE != 0 {
            return Err(Errno::EINVAL);
        }
        let (handle, link) = self.link_of(asked, "link_update.link_fd")?;
        let new = self.attached(asked, "link_update.new_prog_fd")?;
        let old = match flags & REPLACE {
            0 if asked.attr.u32("link_update.old_prog_fd") != 0 => return Err(Errno::EINVAL),
            0 => None,
            _ => Some(self.attached(asked, "link_update.old_prog_fd")?),
        };
        let Some(current) = self.attached_of(link.prog) else {
            return Err(Errno::EINVAL);
        };
        let is_old = old.is_none_or(|old| old.handle == link.prog);
        let checks = [(Errno::ENOLINK, link.place.is_none()), (Errno::EPERM, !is_old)];
        let alike = new.prog_type == current.prog_type;
        let expected_alike = alike && new.expected == current.expected;
        // Each kind looks at these in an order of its own.
        let errno = match link.link_type {
            link::CGROUP | link::XDP => {
                let fits = if link.link_type == link::XDP {
                    expected_alike
                } else {
                    alike
                };
                first(&[checks[0], checks[1], (Errno::EINVAL, !fits)])
            }
            link::NETNS => first(&[checks[1], (Errno::EINVAL, !alike), checks[0]]),
            link::SOCKMAP => first(&[checks[1], (Errno::EINVAL, !expected_alike), checks[0]]),
            link::ITER => {
                let same = self.attach_name(new.handle) == self.attach_name(link.prog);
                first(&[checks[1], (Errno::EINVAL, !expected_alike || !same)])
            }
            link::TCX => {
                let place = link.place.clone().unwrap_or(Place::Many);
                let other = new.handle != link.prog && self.programs_at(&place).contains(&new.handle);
                first(&[
                    checks[0],
                    checks[1],
                    (Errno::EEXIST, other),
                    (Errno::EINVAL, !alike),
                ])
            }
            link::NETFILTER => Some(Errno::EOPNOTSUPP),
            _ => Some(Errno::EINVAL),
        };
        if let Some(errno) = errno {
            return Err(errno);
        }
        if let Some(Body::Link(link)) = self.objects.get_mut(handle).map(|object| &mut object.body) {
            link.prog = new.handle;
        }
        Ok(Done::Value(0))
    }

    pub(crate) fn link_detach(&mut self, asked: &Asked<'_>) -> Answer {
        let (handle, link) = self.link_of(asked, "link_detach.link_fd")?;
        let detaches = [
            link::CGROUP,
            link::NETNS,
            link::XDP,
            link::TCX,
            link::NETFILTER,
            link::SOCKMAP,
        ];
        if !detaches.contains(&link.link_type) {
            return Err(Errno::EOPNOTSUPP);
        }
        if let Some(place) = &link.place {
            self.places.remove(place, Guest::Link(handle));
        }
        if let Some(Body::Link(link)) = self.objects.get_mut(handle).map(|object| &mut object.body) {
            link.place = None;
        }
        Ok(Done::Value(0))
    }

    /// The type of programs of an attach type that the kernel knows.
    fn attaches(&self, attach_type: u32) -> Option<ProgType> {
        let known = self.kernel.attach_type(attach_type).and_then(attached);
        let by_function = |prog_type: &ProgType| matches!(prog_type, ProgType::Tracing | ProgType::Lsm);
        let all = self.kernel.calls().attaches_tracing || attach_type == AttachType::TraceIter.raw();
        known.filter(|prog_type| all || !by_function(prog_type))
    }

    /// Whether programs can be put in an order: before Linux 6.6 there are no flags for that.
    fn orders(attr: &Fields<'_>) -> bool {
        attr.field("expected_revision").is_some()
    }

    /// The flags that a link at a control group may have.
    pub(crate) fn flags_of_links_at_cgroups(&self, attr: &Fields<'_>) -> u32 {
        match attr.field("link_create.cgroup.relative_fd") {
            Some(_) => ORDER | PREORDER,
            None => 0,
        }
    }

    pub(crate) fn prog_attach(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let (attach_type, flags) = (attr.u32("attach_type"), attr.u32("attach_flags"));
        let prog_type = self.attaches(attach_type).ok_or(Errno::EINVAL)?;
        let ordered = attr.u32("relative_fd") != 0 || attr.u64("expected_revision") != 0;
        let known = match (Self::orders(attr), prog_type) {
            (true, ProgType::SchedCls) => MPROG,
            (true, prog_type) if is_of_groups(prog_type) => OVERRIDE | MULTI | PREORDER | MPROG,
            _ if ordered => 0,
            _ => OVERRIDE | MULTI | REPLACE | if Self::orders(attr) { PREORDER } else { 0 },
        };
        if flags & !known != 0 || (ordered && known == 0) {
            return Err(Errno::EINVAL);
        }
        let prog = self.attached(asked, "attach_bpf_fd")?;
        if prog.prog_type != prog_type || !prog.fits(attach_type) {
            return Err(Errno::EINVAL);
        }
        if self.is_bound_by_its_results(prog) && attach_type != prog.expected {
            let what = "which results bind a program to its attach type";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        let of_group = prog_type != ProgType::Lsm || prog.expected == AttachType::LsmCgroup.raw();
        match prog_type {
            prog_type if is_of_groups(prog_type) && of_group => {
                self.attach_to_group(asked, prog, attach_type)
            }
            ProgType::SkSkb | ProgType::SkMsg => {
                if flags != 0 || attr.u32("replace_bpf_fd") != 0 {
                    return Err(Errno::EINVAL);
                }
                let map = self.map_at(asked.call.task, attr.fd("target_fd"))?;
                let place = self.sockets_place(map, attach_type)?;
                self.take_place(&place, prog.handle)
            }
            ProgType::FlowDissector => {
                if attr.u32("target_fd") != 0 || flags != 0 || attr.u32("replace_bpf_fd") != 0 {
                    return Err(Errno::EINVAL);
                }
                let place = Place::Namespace(self.own_namespace(asked.call.task)?, attach_type);
                match self.guests(&place).as_slice() {
                    [Guest::Link(_), ..] => return Err(Errno::EEXIST),
                    [Guest::Program(same), ..] if *same == prog.handle => return Err(Errno::EINVAL),
                    _ => {}
                }
                self.take_place(&place, prog.handle)
            }
            ProgType::SchedCls => self.attach_to_device(asked, prog, attach_type),
            ProgType::LircMode2 => self.receivers(asked),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Infrared receivers, where the kernel was built with programs for them.
    fn receivers(&mut self, asked: &Asked<'_>) -> Answer {
        if !self.kernel.supports_prog_type(ProgType::LircMode2) {
            return Err(Errno::EINVAL);
        }
        self.unmodelled(asked.name, "infrared receivers", Errno::EOPNOTSUPP)
    }

    /// Puts a program in the place of another one, if that has no link.
    fn take_place(&mut self, place: &Place, prog: Handle) -> Answer {
        let guests = self.guests(place);
        if guests.iter().any(|guest| matches!(guest, Guest::Link(_))) {
            return Err(Errno::EBUSY);
        }
        for guest in guests {
            self.places.remove(place, guest);
        }
        self.places.add(place, Guest::Program(prog));
        Ok(Done::Value(0))
    }

    /// A control group's place for a program.
    pub(crate) fn group_place(&self, group: FileId, attach_type: u32, prog: Attached) -> Place {
        let hook = match self.objects.get(prog.handle).map(|object| &object.body) {
            Some(Body::Prog(body)) if prog.prog_type == ProgType::Lsm => body.loaded.prog.attach_btf_id,
            _ => None,
        };
        Place::Cgroup(group, attach_type, hook.map_or(0, |id| id.0))
    }

    /// Whether a control group and those above it take one more program with these flags (`__cgroup_bpf_attach`).
    pub(crate) fn fits_at_group(&mut self, place: &Place, path: &Path, flags: u32) -> Result<(), Errno> {
        let Place::Cgroup(_, attach_type, hook) = *place else {
            return Err(Errno::EINVAL);
        };
        self.guests(place);
        for parent in path.ancestors().skip(1) {
            let Ok(found) = fs::metadata(parent) else { break };
            let above = Place::Cgroup((found.dev(), found.ino()), attach_type, hook);
            if let Some(site) = self.places.site(&above) {
                match site.flags {
                    flags if flags & MULTI != 0 => break,
                    flags if flags & OVERRIDE != 0 => break,
                    _ => return Err(Errno::EPERM),
                }
            }
        }
        match self.places.site(place) {
            Some(site) if site.flags != flags & (OVERRIDE | MULTI) => Err(Errno::EPERM),
            Some(site) if site.guests.len() >= MOST_AT_GROUP => Err(Errno::E2BIG),
            _ => Ok(()),
        }
    }

    /// `cgroup_bpf_prog_attach`.
    fn attach_to_group(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        let attr = &asked.attr;
        let flags = attr.u32("attach_flags");
        let (group, path) = self.cgroup(asked.call.task, attr.fd("target_fd"))?;
        let replaces = flags & MULTI != 0 && flags & REPLACE != 0;
        let replaced = match replaces {
            true => Some(self.attached(asked, "replace_bpf_fd")?.handle),
            false => None,
        };
        if flags & (ORDER | PREORDER) != 0
            || attr.u32("relative_fd") != 0
            || attr.u64("expected_revision") != 0
        {
            let what = "an order of programs at a control group";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        if flags & OVERRIDE != 0 && flags & MULTI != 0 || flags & REPLACE != 0 && !replaces {
            return Err(Errno::EINVAL);
        }
        let place = self.group_place(group, attach_type, prog);
        self.fits_at_group(&place, &path, flags)?;
        let guests = self.guests(&place);
        let new = Guest::Program(prog.handle);
        if flags & MULTI != 0 {
            if guests.contains(&new) && replaced != Some(prog.handle) {
                return Err(Errno::EINVAL);
            }
            if let Some(old) = replaced {
                let site = self.places.site_mut(&place);
                let found = site
                    .guests
                    .iter_mut()
                    .find(|guest| **guest == Guest::Program(old));
                return match found {
                    Some(guest) => {
                        *guest = new;
                        site.changes += 1;
                        Ok(Done::Value(0))
                    }
                    None => Err(Errno::ENOENT),
                };
            }
        } else {
            for guest in guests {
                self.places.remove(&place, guest);
            }
        }
        self.places.add(&place, new);
        self.places.site_mut(&place).flags = flags & (OVERRIDE | MULTI);
        Ok(Done::Value(0))
    }

    pub(crate) fn prog_detach(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let (attach_type, task) = (attr.u32("attach_type"), asked.call.task);
        let prog_type = self.attaches(attach_type).ok_or(Errno::EINVAL)?;
        let (flags, revision) = (attr.u32("attach_flags"), attr.u64("expected_revision"));
        let related = attr.u32("relative_fd") != 0;
        if prog_type == ProgType::SchedCls {
            return self.detach_from_device(asked, attach_type);
        }
        if Self::orders(attr) && (flags != 0 || related || (revision != 0 && !is_of_groups(prog_type))) {
            return Err(Errno::EINVAL);
        }
        match prog_type {
            ProgType::SkMsg | ProgType::SkSkb => {
                if flags != 0 || attr.u32("replace_bpf_fd") != 0 {
                    return Err(Errno::EINVAL);
                }
                let map = self.map_at(task, attr.fd("target_fd"))?;
                let prog = self.attached(asked, "attach_bpf_fd")?;
                if prog.prog_type != prog_type {
                    return Err(Errno::EINVAL);
                }
                let place = self.sockets_place(map, attach_type)?;
                match self.guests(&place).as_slice() {
                    [Guest::Link(_), ..] => Err(Errno::EBUSY),
                    [Guest::Program(same), ..] if *same == prog.handle => self.leave(&place, prog.handle),
                    _ => Err(Errno::ENOENT),
                }
            }
            ProgType::FlowDissector => {
                if attr.u32("target_fd") != 0 {
                    return Err(Errno::EINVAL);
                }
                let prog = self.attached(asked, "attach_bpf_fd")?;
                let place = Place::Namespace(self.own_namespace(task)?, attach_type);
                match self.guests(&place).as_slice() {
                    _ if prog.prog_type != prog_type => Err(Errno::EINVAL),
                    [Guest::Link(_), ..] => Err(Errno::EINVAL),
                    [Guest::Program(same), ..] if *same == prog.handle => self.leave(&place, prog.handle),
                    _ => Err(Errno::ENOENT),
                }
            }
            ProgType::LircMode2 => self.receivers(asked),
            prog_type if is_of_groups(prog_type) => self.detach_from_group(asked, prog_type, attach_type),
            _ => Err(Errno::EINVAL),
        }
    }

    fn leave(&mut self, place: &Place, prog: Handle) -> Answer {
        self.places.remove(place, Guest::Program(prog));
        Ok(Done::Value(0))
    }

    /// `cgroup_bpf_prog_detach`.
    fn detach_from_group(&mut self, asked: &Asked<'_>, prog_type: ProgType, attach_type: u32) -> Answer {
        let (group, _) = self.cgroup(asked.call.task, asked.attr.fd("target_fd"))?;
        let prog = self.attached(asked, "attach_bpf_fd").ok();
        let prog = prog.filter(|prog| prog.prog_type == prog_type);
        if asked.attr.u64("expected_revision") != 0 {
            let what = "revisions of a control group";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        let place = match prog {
            Some(prog) => self.group_place(group, attach_type, prog),
            None => Place::Cgroup(group, attach_type, 0),
        };
        let multi = self
            .places
            .site(&place)
            .is_some_and(|site| site.flags & MULTI != 0);
        let guests = self.guests(&place);
        match (multi, prog) {
            (false, _) => match guests.first() {
                Some(Guest::Program(only)) => self.leave(&place, *only),
                _ => Err(Errno::ENOENT),
            },
            (true, None) => Err(Errno::EINVAL),
            (true, Some(prog)) if guests.contains(&Guest::Program(prog.handle)) => {
                self.leave(&place, prog.handle)
            }
            (true, Some(_)) => Err(Errno::ENOENT),
        }
    }

    pub(crate) fn prog_query(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let task = asked.call.task;
        let (attach_type, flags) = (attr.u32("query.attach_type"), attr.u32("query.query_flags"));
        if flags & !EFFECTIVE != 0 {
            return Err(Errno::EINVAL);
        }
        let target = attr.fd("query.target_fd");
        let prog_type = self.attaches(attach_type).ok_or(Errno::EINVAL)?;
        let place = match prog_type {
            ProgType::SkLookup | ProgType::FlowDissector if flags == 0 => {
                Place::Namespace(self.namespace(task, target)?, attach_type)
            }
            ProgType::SkMsg | ProgType::SkSkb if flags == 0 => {
                if self.kernel.ksym("sock_map_bpf_prog_query").is_none() {
                    return Err(Errno::EINVAL);
                }
                let map = self.map_at(task, target)?;
                match self.sockets_place(map, attach_type) {
                    Ok(place) => place,
                    Err(errno) => {
                        self.tell_of(asked, &[], None, 0)?;
                        return Err(errno);
                    }
                }
            }
            ProgType::SchedCls => {
                let (net, has) = self.device(task, target as u32)?;
                match has {
                    None => {
                        return self.unmodelled(
                            asked.name,
                            "devices of another name space",
                            Errno::EOPNOTSUPP,
                        );
                    }
                    Some(false) => return Err(Errno::ENODEV),
                    Some(true) => Place::Device(net, target as u32, attach_type),
                }
            }
            ProgType::LircMode2 => {
                return self.receivers(asked);
            }
            ProgType::Lsm if attach_type == AttachType::LsmMac.raw() => return Err(Errno::EINVAL),
            prog_type if is_of_groups(prog_type) => {
                let (group, path) = self.cgroup(task, target)?;
                if prog_type == ProgType::Lsm {
                    let what = "which security programs a control group has";
                    return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
                }
                if flags & EFFECTIVE != 0 {
                    if attr.u64("query.prog_attach_flags") != 0 {
                        return Err(Errno::EINVAL);
                    }
                    let ids = self.effective(&path, attach_type);
                    return self.tell_of(asked, &ids, Some(0), 0);
                }
                Place::Cgroup(group, attach_type, 0)
            }
            _ => return Err(Errno::EINVAL),
        };
        let ids = self.ids_at(&place);
        let site = self.places.site(&place);
        let revision = 1 + site.map_or(0, |site| site.changes);
        let flags = site.map_or(0, |site| site.flags);
        let counts = matches!(place, Place::Device(..) | Place::Cgroup(..));
        self.tell_of(asked, &ids, counts.then_some(revision), flags)
    }

    /// The ids of the programs at a place.
    fn ids_at(&mut self, place: &Place) -> Vec<u32> {
        let programs = self.programs_at(place);
        let ids = programs.iter().filter_map(|prog| self.objects.get(*prog));
        ids.map(|object| object.id).collect()
    }

    /// The ids of the programs that are in effect at a control group (`compute_effective_progs`): its own, and those of the
    /// groups above it that let others be beside them, or where it has none.
    fn effective(&mut self, path: &Path, attach_type: u32) -> Vec<u32> {
        let mut all = Vec::new();
        for group in path.ancestors() {
            let Ok(found) = fs::metadata(group) else { break };
            let place = Place::Cgroup((found.dev(), found.ino()), attach_type, 0);
            let multi = self
                .places
                .site(&place)
                .is_some_and(|site| site.flags & MULTI != 0);
            if all.is_empty() || multi {
                all.extend(self.ids_at(&place));
            }
        }
        all
    }

    /// `bpf_task_fd_query`: what a descriptor of a task runs.
    pub(crate) fn task_fd_query(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let of = |name: &str| attr.u32(&format!("task_fd_query.{name}"));
        if of("flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let pid = of("pid") as i32;
        if pid <= 0 || !Path::new(&format!("/proc/{pid}")).exists() {
            return Err(Errno::ENOENT);
        }
        let handle = match self.objects.of(Task::numbered(pid), of("fd") as i32) {
            Open::Closed => return Err(Errno::EBADF),
            Open::Other => return Err(Errno::ENOTSUPP),
            Open::Object(handle, _) => handle,
        };
        let (prog, name) = match self.objects.get(handle).map(|object| &object.body) {
            Some(Body::Link(link)) => match &link.place {
                Some(Place::Tracepoint(name)) => (link.prog, name.clone()),
                _ => return Err(Errno::ENOTSUPP),
            },
            Some(Body::Event(event)) if event.prog.is_some() => {
                return self.unmodelled(asked.name, "what a perf event is at", Errno::EOPNOTSUPP);
            }
            Some(Body::Event(_)) => return Err(Errno::ENOENT),
            _ => return Err(Errno::ENOTSUPP),
        };
        let id = self.objects.get(prog).map_or(0, |object| object.id);
        let tell = |field: &str, bytes: &[u8]| match attr.field(&format!("task_fd_query.{field}")) {
            Some((at, _)) => asked.write(asked.at.wrapping_add(at as u64), bytes),
            None => Ok(()),
        };
        let (at, room) = (attr.u64("task_fd_query.buf"), of("buf_len") as usize);
        let mut end = Ok(Done::Value(0));
        if at != 0 && room != 0 {
            let mut text = name.as_bytes().to_vec();
            if room <= text.len() {
                text.truncate(room - 1);
                end = Err(Errno::ENOSPC);
            }
            text.push(0);
            asked.write(at, &text)?;
        }
        tell("buf_len", &(name.len() as u32).to_le_bytes())?;
        tell("prog_id", &id.to_le_bytes())?;
        // `BPF_FD_TYPE_RAW_TRACEPOINT`
        tell("fd_type", &0u32.to_le_bytes())?;
        tell("probe_offset", &0u64.to_le_bytes())?;
        tell("probe_addr", &0u64.to_le_bytes())?;
        end
    }

    /// Tells which programs are attached.
    fn tell_of(&self, asked: &Asked<'_>, ids: &[u32], revision: Option<u64>, flags: u32) -> Answer {
        let attr = &asked.attr;
        let tell = |field: &str, bytes: &[u8]| match attr.field(field) {
            Some((at, size)) if at + size <= asked.size => {
                asked.write(asked.at.wrapping_add(at as u64), bytes)
            }
            _ => Ok(()),
        };
        tell("query.attach_flags", &flags.to_le_bytes())?;
        tell("query.prog_cnt", &(ids.len() as u32).to_le_bytes())?;
        if let Some(revision) = revision {
            tell("query.revision", &revision.to_le_bytes())?;
        }
        let (room, at) = (attr.u32("query.prog_cnt") as usize, attr.u64("query.prog_ids"));
        if room == 0 || at == 0 {
            return Ok(Done::Value(0));
        }
        let told: Vec<u8> = ids.iter().take(room).flat_map(|id| id.to_le_bytes()).collect();
        asked.write(at, &told)?;
        if room < ids.len() {
            return Err(Errno::ENOSPC);
        }
        Ok(Done::Value(0))
    }
}

/// The first of these errors that applies.
fn first(checks: &[(Errno, bool)]) -> Option<Errno> {
    checks
        .iter()
        .find(|(_, applies)| *applies)
        .map(|(errno, _)| *errno)
}
