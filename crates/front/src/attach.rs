//! Attaching programs: links, raw tracepoints, `PROG_ATTACH`. What the kernel asks of the program is checked; the place
//! is there if it can be known, and nothing ever happens at it.

use verdict_btf::Kind as BtfKind;
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};

use crate::bpf::Asked;
use crate::objects::{Body, Handle, Kind, LinkBody};
use crate::play::{Answer, Done, Play};

/// `BPF_LINK_TYPE_*`.
mod link {
    pub(super) const RAW_TRACEPOINT: u32 = 1;
    pub(super) const TRACING: u32 = 2;
    pub(super) const CGROUP: u32 = 3;
    pub(super) const ITER: u32 = 4;
    pub(super) const NETNS: u32 = 5;
    pub(super) const XDP: u32 = 6;
    pub(super) const PERF_EVENT: u32 = 7;
    pub(super) const KPROBE_MULTI: u32 = 8;
    pub(super) const STRUCT_OPS: u32 = 9;
    pub(super) const NETFILTER: u32 = 10;
    pub(super) const TCX: u32 = 11;
    pub(super) const UPROBE_MULTI: u32 = 12;
    pub(super) const NETKIT: u32 = 13;
    pub(super) const SOCKMAP: u32 = 14;
}

/// The most bytes of a raw tracepoint's name.
const TRACEPOINT: usize = 128;

/// The program type that goes with an attach type (`attach_type_to_prog_type`).
fn attached(attach_type: AttachType) -> Option<ProgType> {
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
    fn fits(&self, attach_type: u32) -> bool {
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
                prog_type: prog.loaded.prog.prog_type,
                expected: prog.loaded.prog.expected_attach_type,
            }),
            _ => None,
        }
    }

    fn link(
        &mut self,
        link_type: u32,
        prog: Option<Handle>,
        map: Option<Handle>,
        attach_type: u32,
    ) -> Answer {
        let body = Body::Link(LinkBody {
            link_type,
            prog,
            map,
            attach_type,
        });
        let handle = self.objects.add(body, false).map_err(|_| Errno::ENOMEM)?;
        self.give(handle, true, true)
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
                self.trace(prog)
            }
            ProgType::RawTracepoint | ProgType::RawTracepointWritable => {
                let text = asked.call.task.read_string(name, TRACEPOINT).map_err(Errno)?;
                let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
                if !text.is_some_and(|name| self.has_tracepoint(&name)) {
                    return Err(Errno::ENOENT);
                }
                self.link(link::RAW_TRACEPOINT, Some(prog.handle), None, prog.expected)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// `bpf_tracing_prog_attach`, to what the program was loaded for.
    fn trace(&mut self, prog: Attached) -> Answer {
        if prog.expected == AttachType::TraceRawTp.raw() && prog.prog_type == ProgType::Tracing {
            return self.link(link::RAW_TRACEPOINT, Some(prog.handle), None, prog.expected);
        }
        let attaches = match prog.prog_type {
            ProgType::Tracing => [
                AttachType::TraceFentry,
                AttachType::TraceFexit,
                AttachType::ModifyReturn,
                AttachType::TraceFsession,
            ]
            .iter()
            .any(|ty| ty.raw() == prog.expected),
            ProgType::Lsm => prog.expected == AttachType::LsmMac.raw(),
            _ => true,
        };
        if !attaches {
            return Err(Errno::EINVAL);
        }
        self.link(link::TRACING, Some(prog.handle), None, prog.expected)
    }

    pub(crate) fn link_create(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let attach_type = attr.u32("link_create.attach_type");
        if attach_type == AttachType::StructOps.raw() {
            let map = self.object_of(
                asked.call.task,
                attr.fd("link_create.prog_fd"),
                Kind::Map,
                Errno::EINVAL,
            )?;
            return self.link(link::STRUCT_OPS, None, Some(map.handle), attach_type);
        }
        let prog = self.attached(asked, "link_create.prog_fd")?;
        let known = self.kernel.attach_type(attach_type).is_some();
        if !prog.fits(attach_type) || !known {
            return Err(Errno::EINVAL);
        }
        if attr.u32("link_create.flags") != 0 && prog.prog_type == ProgType::Kprobe {
            return Err(Errno::EINVAL);
        }
        let link_type = match (prog.prog_type, AttachType::from_raw(attach_type)) {
            (ProgType::Ext, _) => return self.trace(prog),
            (ProgType::Lsm | ProgType::Tracing, _) if attach_type != prog.expected => {
                return Err(Errno::EINVAL);
            }
            (ProgType::Tracing, Some(AttachType::TraceIter)) => link::ITER,
            (ProgType::Lsm, Some(AttachType::LsmCgroup)) => link::CGROUP,
            (ProgType::Tracing | ProgType::Lsm, _) => return self.trace(prog),
            (_, Some(AttachType::PerfEvent)) => {
                // The event comes first: a descriptor that is none of one.
                let fd = attr.fd("link_create.target_fd");
                let event = self.object_of(asked.call.task, fd, Kind::Event, Errno::EINVAL);
                let event = event.map_err(|errno| {
                    if errno == Errno::EINVAL {
                        Errno::EBADF
                    } else {
                        errno
                    }
                })?;
                self.run_at(event.handle, prog)?;
                link::PERF_EVENT
            }
            (_, Some(AttachType::TraceKprobeMulti | AttachType::TraceKprobeSession)) => link::KPROBE_MULTI,
            (_, Some(AttachType::TraceUprobeMulti | AttachType::TraceUprobeSession)) => {
                self.check_path(asked)?;
                link::UPROBE_MULTI
            }
            (ProgType::Netfilter, _) => link::NETFILTER,
            (ProgType::FlowDissector | ProgType::SkLookup, _) => link::NETNS,
            (ProgType::SkMsg | ProgType::SkSkb, _) => link::SOCKMAP,
            (ProgType::Xdp, _) => link::XDP,
            (ProgType::SchedCls, Some(AttachType::TcxIngress | AttachType::TcxEgress)) => link::TCX,
            (ProgType::SchedCls, _) => link::NETKIT,
            _ => {
                let fd = attr.fd("link_create.target_fd");
                asked.call.task.descriptor(fd).ok_or(Errno::EBADF)?;
                link::CGROUP
            }
        };
        self.link(link_type, Some(prog.handle), None, attach_type)
    }

    /// The file of probes of a process: it is no directory.
    fn check_path(&self, asked: &Asked<'_>) -> Result<(), Errno> {
        let at = asked.attr.u64("link_create.uprobe_multi.path");
        if asked.attr.fd("link_create.uprobe_multi.pid") < 0 {
            return Err(Errno::EINVAL);
        }
        if at == 0 || asked.attr.u32("link_create.uprobe_multi.cnt") == 0 {
            return Err(Errno::EINVAL);
        }
        let path = asked
            .call
            .task
            .read_string(at, libc::PATH_MAX as usize)
            .map_err(Errno)?;
        let path = path.ok_or(Errno::ENAMETOOLONG)?;
        let path = self
            .files
            .absolute(asked.call.task, libc::AT_FDCWD, &path)
            .ok_or(Errno::ENOENT)?;
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => Ok(()),
            Ok(_) => Err(Errno::EBADF),
            Err(_) => Err(Errno::ENOENT),
        }
    }

    pub(crate) fn link_update(&mut self, asked: &Asked<'_>) -> Answer {
        let held = self.object_of(
            asked.call.task,
            asked.attr.fd("link_update.link_fd"),
            Kind::Link,
            Errno::EINVAL,
        )?;
        let is_map = matches!(
            self.objects.get(held.handle).map(|object| &object.body),
            Some(Body::Link(link)) if link.map.is_some()
        );
        if is_map {
            return self.unmodelled(
                asked.name,
                "replacing the struct_ops of a link",
                Errno::EOPNOTSUPP,
            );
        }
        let prog = self.attached(asked, "link_update.new_prog_fd")?;
        if let Some(Body::Link(link)) = self.objects.get_mut(held.handle).map(|object| &mut object.body) {
            link.prog = Some(prog.handle);
        }
        Ok(Done::Value(0))
    }

    pub(crate) fn link_detach(&mut self, asked: &Asked<'_>) -> Answer {
        let fd = asked.attr.fd("link_detach.link_fd");
        self.object_of(asked.call.task, fd, Kind::Link, Errno::EINVAL)?;
        Ok(Done::Value(0))
    }

    pub(crate) fn prog_attach(&mut self, asked: &Asked<'_>) -> Answer {
        let attach_type = asked.attr.u32("attach_type");
        let wanted = AttachType::from_raw(attach_type)
            .and_then(attached)
            .ok_or(Errno::EINVAL)?;
        let prog = self.attached(asked, "attach_bpf_fd")?;
        if prog.prog_type != wanted || !prog.fits(attach_type) {
            return Err(Errno::EINVAL);
        }
        if matches!(
            wanted,
            ProgType::Tracing | ProgType::Lsm | ProgType::Xdp | ProgType::SkLookup
        ) {
            return Err(Errno::EINVAL);
        }
        let fd = asked.attr.fd("target_fd");
        if wanted != ProgType::SchedCls && wanted != ProgType::FlowDissector {
            asked.call.task.descriptor(fd).ok_or(Errno::EBADF)?;
        }
        Ok(Done::Value(0))
    }

    pub(crate) fn prog_detach(&mut self, asked: &Asked<'_>) -> Answer {
        let attach_type = AttachType::from_raw(asked.attr.u32("attach_type"));
        match attach_type.and_then(attached) {
            Some(_) => Ok(Done::Value(0)),
            None => Err(Errno::EINVAL),
        }
    }

    /// Nothing is attached anywhere.
    pub(crate) fn prog_query(&mut self, asked: &Asked<'_>) -> Answer {
        let attach_type = AttachType::from_raw(asked.attr.u32("query.attach_type"));
        attach_type.and_then(attached).ok_or(Errno::EINVAL)?;
        if let Some((at, size)) = asked.attr.field("query.prog_cnt") {
            let none = vec![0; size];
            asked.write(asked.at.wrapping_add(at as u64), &none)?;
        }
        Ok(Done::Value(0))
    }
}
