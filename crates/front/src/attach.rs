//! Attaching programs by links: `LINK_CREATE` and `RAW_TRACEPOINT_OPEN`. What the kernel asks of the program and of the
//! place is checked, or the call is refused by name; nothing ever happens at a place.

use std::sync::Arc;

use verdict_btf::{Btf, Kind as BtfKind, TypeId};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_syscall::attach::check_attach_btf_id;

use crate::bpf::Asked;
use crate::layout::Layout;
use crate::objects::{Body, Handle, Kind, LinkBody};
use crate::places::{Guest, Place};
use crate::play::{Answer, Play};

/// `BPF_LINK_TYPE_*`.
pub(crate) mod link {
    pub(crate) const RAW_TRACEPOINT: u32 = 1;
    pub(crate) const TRACING: u32 = 2;
    pub(crate) const CGROUP: u32 = 3;
    pub(crate) const ITER: u32 = 4;
    pub(crate) const NETNS: u32 = 5;
    pub(crate) const XDP: u32 = 6;
    pub(crate) const PERF_EVENT: u32 = 7;
    pub(crate) const KPROBE_MULTI: u32 = 8;
    pub(crate) const NETFILTER: u32 = 10;
    pub(crate) const TCX: u32 = 11;
    pub(crate) const UPROBE_MULTI: u32 = 12;
    pub(crate) const SOCKMAP: u32 = 14;
}

/// Programs at one function (`BPF_MAX_TRAMP_LINKS`, before Linux 5.19 `BPF_MAX_TRAMP_PROGS`), as the kernel's own list of them
/// has room: 40 before 5.12, 38 since.
fn most_at_function(btf: &Btf) -> Option<usize> {
    let list = btf
        .find("bpf_tramp_links", BtfKind::Struct)
        .or_else(|| btf.find("bpf_tramp_progs", BtfKind::Struct))?;
    let first = btf.ty(list)?.members().next()?;
    usize::try_from(btf.skip_mods_and_typedefs(first.ty)?.array()?.nelems).ok()
}

/// Links at one network name space, for look-ups of sockets.
const MOST_LOOKUPS: usize = 64;

/// The most bytes of a raw tracepoint's name.
const TRACEPOINT: usize = 128;

/// The program type that goes with an attach type (`attach_type_to_prog_type`).
pub(crate) fn attached(attach_type: AttachType) -> Option<ProgType> {
    use AttachType as A;
    use ProgType as P;
    Some(match attach_type {
        A::CgroupInetIngress | A::CgroupInetEgress => P::CgroupSkb,
        A::CgroupInetSockCreate
        | A::CgroupInetSockRelease
        | A::CgroupInet4PostBind
        | A::CgroupInet6PostBind => P::CgroupSock,
        A::CgroupInet4Bind
        | A::CgroupInet6Bind
        | A::CgroupInet4Connect
        | A::CgroupInet6Connect
        | A::CgroupUnixConnect
        | A::CgroupInet4Getpeername
        | A::CgroupInet6Getpeername
        | A::CgroupUnixGetpeername
        | A::CgroupInet4Getsockname
        | A::CgroupInet6Getsockname
        | A::CgroupUnixGetsockname
        | A::CgroupUdp4Sendmsg
        | A::CgroupUdp6Sendmsg
        | A::CgroupUnixSendmsg
        | A::CgroupUdp4Recvmsg
        | A::CgroupUdp6Recvmsg
        | A::CgroupUnixRecvmsg => P::CgroupSockAddr,
        A::CgroupSockOps => P::SockOps,
        A::CgroupDevice => P::CgroupDevice,
        A::SkMsgVerdict => P::SkMsg,
        A::SkSkbStreamParser | A::SkSkbStreamVerdict | A::SkSkbVerdict => P::SkSkb,
        A::LircMode2 => P::LircMode2,
        A::FlowDissector => P::FlowDissector,
        A::CgroupSysctl => P::CgroupSysctl,
        A::CgroupGetsockopt | A::CgroupSetsockopt => P::CgroupSockopt,
        A::TraceIter | A::TraceRawTp | A::TraceFentry | A::TraceFexit | A::ModifyReturn => P::Tracing,
        A::LsmMac | A::LsmCgroup => P::Lsm,
        A::SkLookup => P::SkLookup,
        A::Xdp => P::Xdp,
        A::TcxIngress | A::TcxEgress | A::NetkitPrimary | A::NetkitPeer => P::SchedCls,
        _ => return None,
    })
}

/// What is known of a program that is to be attached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    pub(crate) handle: Handle,
    pub(crate) prog_type: ProgType,
    pub(crate) expected: u32,
}

impl Attached {
    /// `bpf_prog_attach_check_attach_type`.
    pub(crate) fn fits(&self, attach_type: u32) -> bool {
        use AttachType as A;
        let Some(asked) = A::from_raw(attach_type) else {
            return self.prog_type == ProgType::Ext;
        };
        match self.prog_type {
            ProgType::CgroupSock
            | ProgType::CgroupSockAddr
            | ProgType::CgroupSockopt
            | ProgType::SkLookup => attach_type == self.expected,
            ProgType::Ext => true,
            ProgType::Netfilter => asked == A::Netfilter,
            ProgType::PerfEvent | ProgType::Tracepoint => asked == A::PerfEvent,
            ProgType::Kprobe => {
                let multi = [
                    A::TraceKprobeMulti,
                    A::TraceKprobeSession,
                    A::TraceUprobeMulti,
                    A::TraceUprobeSession,
                ];
                let expected = A::from_raw(self.expected).filter(|expected| multi.contains(expected));
                match expected {
                    Some(expected) => asked == expected,
                    None => asked == A::PerfEvent || multi.contains(&asked),
                }
            }
            ProgType::SchedCls => matches!(
                asked,
                A::TcxIngress | A::TcxEgress | A::NetkitPrimary | A::NetkitPeer
            ),
            other => attached(asked) == Some(other),
        }
    }
}

impl Play<'_> {
    /// The program of a descriptor.
    pub(crate) fn attached(&self, asked: &Asked<'_>, fd: &str) -> Result<Attached, Errno> {
        let number = asked.attr.fd(fd);
        let held = self.object_of(asked.call.task, number, Kind::Prog, Errno::EINVAL)?;
        self.attached_of(held.handle).ok_or(Errno::EINVAL)
    }

    pub(crate) fn attached_of(&self, handle: Handle) -> Option<Attached> {
        match &self.objects.get(handle)?.body {
            Body::Prog(prog) => Some(Attached {
                handle,
                prog_type: prog.prog_type(),
                expected: prog.loaded.prog.expected_attach_type,
            }),
            _ => None,
        }
    }

    pub(crate) fn link(&mut self, link_type: u32, prog: Attached, attach_type: u32, place: Place) -> Answer {
        self.link_with(link_type, (prog, attach_type), place, 0)
    }

    fn link_with(
        &mut self,
        link_type: u32,
        (prog, attach_type): (Attached, u32),
        place: Place,
        cookie: u64,
    ) -> Answer {
        let body = Body::Link(LinkBody {
            cookie,
            link_type,
            prog: prog.handle,
            attach_type,
            place: Some(place.clone()),
        });
        let handle = self.objects.add(body, false).map_err(|_| Errno::ENOMEM)?;
        if place != Place::Many {
            self.places.add(&place, Guest::Link(handle));
        }
        self.give(handle, true, true)
    }

    /// The programs at a place.
    pub(crate) fn programs_at(&mut self, place: &Place) -> Vec<Handle> {
        let guests = self.guests(place);
        guests
            .into_iter()
            .filter_map(|guest| self.program_of(guest))
            .collect()
    }

    pub(crate) fn program_of(&self, guest: Guest) -> Option<Handle> {
        match guest {
            Guest::Program(prog) => Some(prog),
            Guest::Link(link) => match &self.objects.get(link)?.body {
                Body::Link(link) => Some(link.prog),
                _ => None,
            },
        }
    }

    /// The name of the kernel's function or type that a program was loaded for.
    pub(crate) fn attach_name(&self, prog: Handle) -> String {
        let id = match self.objects.get(prog).map(|object| &object.body) {
            Some(Body::Prog(body)) => body.loaded.prog.attach_btf_id,
            _ => None,
        };
        let named = id.and_then(|id| self.kernel.btf.ty(id));
        named.map_or_else(String::new, |ty| ty.name().to_owned())
    }

    /// Whether there is a tracepoint of this name: the kernel has a type for its probes.
    pub(crate) fn has_tracepoint(&self, name: &str) -> bool {
        let probe = format!("btf_trace_{name}");
        self.kernel.btf.find(&probe, BtfKind::Typedef).is_some()
    }

    pub(crate) fn raw_tracepoint_open(&mut self, asked: &Asked<'_>) -> Answer {
        let prog = self.attached(asked, "raw_tracepoint.prog_fd")?;
        let name = asked.attr.u64("raw_tracepoint.name");
        match prog.prog_type {
            ProgType::Tracing | ProgType::Ext | ProgType::Lsm => {
                if name != 0 {
                    return Err(Errno::EINVAL);
                }
                self.trace(asked, prog, (0, 0))
            }
            ProgType::RawTracepoint | ProgType::RawTracepointWritable => {
                let text = asked.call.task.read_string(name, TRACEPOINT).map_err(Errno)?;
                let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
                self.at_tracepoint(asked, prog, &text.unwrap_or_default())
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// `bpf_raw_tp_link_attach` and `bpf_probe_register`.
    fn at_tracepoint(&mut self, asked: &Asked<'_>, prog: Attached, name: &str) -> Answer {
        if !self.has_tracepoint(name) {
            return Err(Errno::ENOENT);
        }
        if prog.prog_type == ProgType::RawTracepointWritable {
            let what = "how much of a tracepoint's buffer a program may write";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        let place = Place::Tracepoint(name.to_owned());
        // Before links were what is registered at a tracepoint, a program was, and once only.
        let link = Layout::of(&self.kernel.btf, BtfKind::Struct, "bpf_raw_tp_link");
        if link.field("cookie").is_none() && self.programs_at(&place).contains(&prog.handle) {
            return Err(Errno::EEXIST);
        }
        self.link_with(
            link::RAW_TRACEPOINT,
            (prog, prog.expected),
            place,
            cookie_of(asked),
        )
    }

    /// `bpf_tracing_prog_attach`: to what the program was loaded for, or to a function of another program.
    fn trace(&mut self, asked: &Asked<'_>, prog: Attached, (target, function): (i32, u32)) -> Answer {
        use AttachType as A;
        let (loaded_for, spent) = match self.objects.get(prog.handle).map(|object| &object.body) {
            Some(Body::Prog(body)) => {
                let function = body.loaded.prog.attach_btf_id.map_or(0, |id| id.0);
                (Place::Function(body.target, function), body.spent)
            }
            _ => return Err(Errno::EINVAL),
        };
        if prog.prog_type == ProgType::Tracing && prog.expected == A::TraceRawTp.raw() {
            let point = self.attach_name(prog.handle);
            return self.at_tracepoint(asked, prog, point.trim_start_matches("btf_trace_"));
        }
        let is = |types: &[A]| types.iter().any(|ty| ty.raw() == prog.expected);
        let attaches = match prog.prog_type {
            ProgType::Tracing => is(&[A::TraceFentry, A::TraceFexit, A::ModifyReturn, A::TraceFsession]),
            ProgType::Lsm => is(&[A::LsmMac]),
            _ => prog.expected == 0,
        };
        if !attaches || (target != 0) != (function != 0) {
            return Err(Errno::EINVAL);
        }
        let place = match target {
            0 => loaded_for.clone(),
            _ if prog.prog_type != ProgType::Ext => return Err(Errno::EINVAL),
            fd => {
                let target = self.object_of(asked.call.task, fd, Kind::Prog, Errno::EINVAL)?;
                Place::Function(Some(target.handle), function)
            }
        };
        if let Place::Function(Some(target), function) = place
            && (spent || place != loaded_for)
        {
            self.fits_target(prog.handle, target, function)?;
        }
        if spent && target == 0 {
            let again = self.kernel.calls().reattaches;
            let of_kernel = matches!(place, Place::Function(None, _));
            if !again {
                return Err(Errno::ENOENT);
            }
            if prog.prog_type == ProgType::Ext || !of_kernel {
                return Err(Errno::EINVAL);
            }
        }
        self.fits_at_function(asked.name, &place, prog)?;
        let link = self.link_with(link::TRACING, (prog, prog.expected), place, cookie_of(asked))?;
        if let Some(Body::Prog(body)) = self.objects.get_mut(prog.handle).map(|object| &mut object.body) {
            body.spent = true;
        }
        Ok(link)
    }

    /// Whether a program fits a function of another program than it was loaded for, or of one that it was taken from
    /// (`bpf_check_attach_target`).
    fn fits_target(&self, prog: Handle, target: Handle, function: u32) -> Result<(), Errno> {
        let loaded = |handle| match self.objects.get(handle).map(|object| &object.body) {
            Some(Body::Prog(body)) => Ok(&body.loaded),
            _ => Err(Errno::EINVAL),
        };
        let (own, target) = (loaded(prog)?, loaded(target)?);
        let mut moved = own.prog.clone();
        moved.target = Some(Arc::clone(target));
        moved.attach_btf_id = Some(TypeId(function));
        let changes = own.funcs.first().is_some_and(|main| main.changes_pkt_data);
        // Nobody reads the words.
        let checked = check_attach_btf_id(self.kernel, &moved, changes, &mut String::new());
        checked.map(|_| ()).map_err(|refused| refused.errno)
    }

    /// `bpf_trampoline_link_prog`.
    fn fits_at_function(&mut self, call: &'static str, place: &Place, prog: Attached) -> Result<(), Errno> {
        let others = self.programs_at(place);
        let extends =
            |handle: &Handle| self.attached_of(*handle).map(|prog| prog.prog_type) == Some(ProgType::Ext);
        let is_extended = others.iter().any(extends);
        if is_extended || (prog.prog_type == ProgType::Ext && !others.is_empty()) {
            return Err(Errno::EBUSY);
        }
        match most_at_function(&self.kernel.btf) {
            None => return self.unmodelled(call, "how many programs a function may have", Errno::EOPNOTSUPP),
            Some(most) if others.len() >= most => return Err(Errno::E2BIG),
            Some(_) => {}
        }
        // A trampoline cannot be put where no call to be replaced is (`register_fentry`).
        let untraced = matches!(place, Place::Function(None, _))
            && self.is_untraced(call, &self.attach_name(prog.handle));
        if untraced || others.contains(&prog.handle) {
            Err(Errno::EBUSY)
        } else {
            Ok(())
        }
    }

    pub(crate) fn link_create(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let attach_type = attr.u32("link_create.attach_type");
        let known = self.kernel.attach_type(attach_type);
        if known == Some(AttachType::StructOps) && self.kernel.ksym("bpf_struct_ops_link_create").is_some() {
            self.map_at(asked.call.task, attr.fd("link_create.prog_fd"))?;
            // Struct_ops whose values were set would be ready; setting them is refused as not modelled.
            return Err(Errno::EINVAL);
        }
        let prog = self.attached(asked, "link_create.prog_fd")?;
        let extends = prog.prog_type == ProgType::Ext;
        if !extends && (known.is_none() || !prog.fits(attach_type)) {
            return Err(Errno::EINVAL);
        }
        if self.is_bound_by_its_results(prog) && attach_type != prog.expected {
            let what = "which results bind a program to its attach type";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        match prog.prog_type {
            ProgType::Ext | ProgType::Tracing | ProgType::Lsm => self.link_tracing(asked, prog, attach_type),
            ProgType::FlowDissector | ProgType::SkLookup => self.link_namespace(asked, prog, attach_type),
            ProgType::SkMsg | ProgType::SkSkb => self.link_sockets(asked, prog, attach_type),
            ProgType::Xdp => self.link_xdp(asked, prog),
            ProgType::SchedCls => self.link_device(asked, prog, attach_type),
            ProgType::Netfilter => self.link_hook(asked, prog),
            ProgType::PerfEvent | ProgType::Tracepoint | ProgType::Kprobe => {
                self.link_event(asked, prog, attach_type)
            }
            ProgType::CgroupSkb
            | ProgType::CgroupSock
            | ProgType::CgroupSockAddr
            | ProgType::SockOps
            | ProgType::CgroupDevice
            | ProgType::CgroupSysctl
            | ProgType::CgroupSockopt => self.link_cgroup(asked, prog, attach_type),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Whether the kernel holds a program to the attach type that it was loaded for where its results show that it means it
    /// (`enforce_expected_attach_type`).
    pub(crate) fn is_bound_by_its_results(&self, prog: Attached) -> bool {
        prog.prog_type == ProgType::CgroupSkb && prog.expected == AttachType::CgroupInetEgress.raw()
    }

    fn link_tracing(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        let attr = &asked.attr;
        let target = (
            attr.fd("link_create.target_fd"),
            attr.u32("link_create.target_btf_id"),
        );
        if prog.prog_type == ProgType::Ext {
            return self.trace(asked, prog, target);
        }
        if attach_type != prog.expected {
            return Err(Errno::EINVAL);
        }
        match AttachType::from_raw(attach_type) {
            Some(AttachType::TraceIter) => self.link_iterator(asked, prog),
            // Linux 5.19 has links of all tracing programs, and room for their cookies.
            _ if attr.field("link_create.tracing.cookie").is_none() => Err(Errno::EINVAL),
            Some(AttachType::LsmCgroup) => self.link_cgroup(asked, prog, attach_type),
            Some(AttachType::TraceRawTp) => self.trace(asked, prog, (0, 0)),
            _ => self.trace(asked, prog, target),
        }
    }

    /// `cgroup_bpf_link_attach`.
    fn link_cgroup(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        let attr = &asked.attr;
        let flags = attr.u32("link_create.flags");
        if flags & !self.flags_of_links_at_cgroups(attr) != 0 {
            return Err(Errno::EINVAL);
        }
        let (group, path) = self.cgroup(asked.call.task, attr.fd("link_create.target_fd"))?;
        let ordered = attr.u32("link_create.cgroup.relative_fd") != 0
            || attr.u64("link_create.cgroup.expected_revision") != 0;
        if flags != 0 || ordered {
            let what = "an order of programs at a control group";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        let place = self.group_place(group, attach_type, prog);
        self.fits_at_group(&place, &path, crate::links::MULTI)?;
        let link = self.link(link::CGROUP, prog, attach_type, place.clone())?;
        self.places.site_mut(&place).flags = crate::links::MULTI;
        Ok(link)
    }

    /// `netns_bpf_link_create`.
    fn link_namespace(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        if asked.attr.u32("link_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let net = self.namespace(asked.call.task, asked.attr.fd("link_create.target_fd"))?;
        let place = Place::Namespace(net, attach_type);
        let dissects = prog.prog_type == ProgType::FlowDissector;
        let most = if dissects { 1 } else { MOST_LOOKUPS };
        let guests = self.guests(&place);
        let links = guests.iter().filter(|guest| matches!(guest, Guest::Link(_)));
        if links.count() >= most {
            return Err(Errno::E2BIG);
        }
        if guests.iter().any(|guest| matches!(guest, Guest::Program(_))) {
            return Err(Errno::EEXIST);
        }
        self.link(link::NETNS, prog, attach_type, place)
    }

    /// `sock_map_link_create`.
    fn link_sockets(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        if self.kernel.ksym("sock_map_link_create").is_none() || asked.attr.u32("link_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let map = self.map_at(asked.call.task, asked.attr.fd("link_create.target_fd"))?;
        if !self.holds_sockets(map) {
            return Err(Errno::EINVAL);
        }
        let place = self.sockets_place(map, attach_type)?;
        if self.is_taken(&place) && matches!(self.places.at(&place), [Guest::Link(_), ..]) {
            return Err(Errno::EBUSY);
        }
        // A program that is there without a link makes room.
        for guest in self.guests(&place) {
            self.places.remove(&place, guest);
        }
        self.link(link::SOCKMAP, prog, attach_type, place)
    }

    /// `bpf_xdp_link_attach`.
    fn link_xdp(&mut self, asked: &Asked<'_>, prog: Attached) -> Answer {
        /// `XDP_FLAGS_SKB_MODE`, and all modes.
        const GENERIC: u32 = 2;
        const MODES: u32 = 14;
        let flags = asked.attr.u32("link_create.flags");
        let number = asked.attr.u32("link_create.target_fd");
        let (net, has) = self.device(asked.call.task, number)?;
        match has {
            None => return self.unmodelled(asked.name, "devices of another name space", Errno::EOPNOTSUPP),
            Some(false) => return Err(Errno::EINVAL),
            Some(true) => {}
        }
        if flags & !MODES != 0 || flags.count_ones() > 1 {
            return Err(Errno::EINVAL);
        }
        if flags & !GENERIC != 0 {
            let what = "XDP in the driver or the device";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        let place = Place::Xdp(net, number);
        if self.is_taken(&place) {
            return Err(Errno::EBUSY);
        }
        self.link(link::XDP, prog, AttachType::Xdp.raw(), place)
    }

    /// `bpf_nf_link_attach`.
    fn link_hook(&mut self, asked: &Asked<'_>, prog: Attached) -> Answer {
        /// `NFPROTO_IPV4`, `NFPROTO_IPV6`, hooks of each, `BPF_F_NETFILTER_IP_DEFRAG`.
        const FAMILIES: [u32; 2] = [2, 10];
        const HOOKS: u32 = 5;
        const DEFRAG: u32 = 1;
        let attr = &asked.attr;
        let of = |name: &str| attr.u32(&format!("link_create.netfilter.{name}"));
        let (family, hook, flags) = (of("pf"), of("hooknum"), of("flags"));
        let priority = of("priority") as i32;
        if attr.u32("link_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        if !FAMILIES.contains(&family) {
            return Err(Errno::EAFNOSUPPORT);
        }
        if hook >= HOOKS {
            return Err(Errno::EPROTO);
        }
        if flags & !DEFRAG != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        if matches!(priority, i32::MIN | i32::MAX) {
            return Err(Errno::ERANGE);
        }
        if flags & DEFRAG != 0 {
            return self.unmodelled(asked.name, "defragmentation before a program", Errno::EOPNOTSUPP);
        }
        let place = Place::Hook(self.own_namespace(asked.call.task)?, family, hook, priority);
        if self.is_taken(&place) {
            return Err(Errno::EBUSY);
        }
        self.link(link::NETFILTER, prog, AttachType::Netfilter.raw(), place)
    }
}

/// What a program at a function or tracepoint is told by its cookie.
fn cookie_of(asked: &Asked<'_>) -> u64 {
    match asked.name {
        "LINK_CREATE" => asked.attr.u64("link_create.tracing.cookie"),
        _ => asked.attr.u64("raw_tracepoint.cookie"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use verdict_kernel::{KNOWN, Kernel};

    use super::most_at_function;

    #[test]
    fn kernels_say_how_many_programs_a_function_may_have() {
        for known in KNOWN {
            let kernel = Kernel::open(known.name).unwrap();
            let most = if known.version < (5, 12, 0) { 40 } else { 38 };
            assert_eq!(most_at_function(&kernel.btf), Some(most), "{}", known.name);
        }
    }
}
