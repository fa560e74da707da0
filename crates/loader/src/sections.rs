//! Section names of programs: what libbpf makes of `SEC("...")`.

use verdict_kernel::prog::{AttachType, ProgType};

/// The names of sections that libbpf knows, without what may stand behind a slash.
pub fn section_names() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|def| def.name.trim_end_matches('+'))
}

/// What else a section name says of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SecFlags(u8);

impl SecFlags {
    const NONE: SecFlags = SecFlags(0);
    /// It attaches to a type of BTF, named behind the slash.
    pub(crate) const ATTACH_BTF: SecFlags = SecFlags(1);
    /// It may sleep.
    pub(crate) const SLEEPABLE: SecFlags = SecFlags(2);
    /// It takes XDP packets in several pieces.
    pub(crate) const XDP_FRAGS: SecFlags = SecFlags(4);
    /// It is a USDT probe, attached as a multi-uprobe where the kernel has these.
    pub(crate) const USDT: SecFlags = SecFlags(8);

    pub(crate) fn has(self, flag: SecFlags) -> bool {
        self.0 & flag.0 != 0
    }
}

impl std::ops::BitOr for SecFlags {
    type Output = SecFlags;
    fn bitor(self, other: SecFlags) -> SecFlags {
        SecFlags(self.0 | other.0)
    }
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct SecDef {
    /// The name; `+` at its end admits `/` and anything behind it.
    name: &'static str,
    pub(crate) prog_type: ProgType,
    attach_type: Option<AttachType>,
    pub(crate) flags: SecFlags,
}

impl SecDef {
    /// The row for a section name (without the `?` of programs that are not to be loaded).
    pub(crate) fn find(section: &str) -> Option<&'static SecDef> {
        SECTIONS.iter().find(|def| def.matches(section))
    }

    /// The row whose name a section name begins with, as cilium/ebpf looks for it.
    pub(crate) fn find_start(section: &str) -> Option<&'static SecDef> {
        SECTIONS
            .iter()
            .find(|def| !def.name.ends_with('+') && section.starts_with(def.name))
    }

    /// The row that cilium/ebpf takes: of those in the table's order, the first that is the whole name or what stands before
    /// its slash, or, where nothing may follow the slash, its beginning.
    pub(crate) fn find_loosely(section: &str) -> Option<&'static SecDef> {
        let stem = section.split('/').next().unwrap_or(section);
        SECTIONS
            .iter()
            .chain(YOUNGER)
            .find(|def| match def.name.strip_suffix('+') {
                Some(name) => name == stem,
                None => section.starts_with(def.name),
            })
    }

    /// The expected attach type, 0 where there is none.
    pub(crate) fn attach_type(&self) -> u32 {
        self.attach_type.map_or(0, AttachType::raw)
    }

    fn matches(&self, section: &str) -> bool {
        match self.name.strip_suffix('+') {
            Some(stem) => section
                .strip_prefix(stem)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            None => section == self.name,
        }
    }
}

macro_rules! attach {
    (-) => {
        None
    };
    ($attach:ident) => {
        Some(AttachType::$attach)
    };
}

macro_rules! sections {
    ($(#[$doc:meta])* $table:ident: $($name:literal => $prog:ident, $attach:tt, $($flag:ident)|+;)*) => {
        $(#[$doc])*
        const $table: &[SecDef] = &[$(SecDef {
            name: $name,
            prog_type: ProgType::$prog,
            attach_type: attach!($attach),
            flags: SecFlags(0 $(| SecFlags::$flag.0)+),
        }),*];
    };
}

sections! {
    /// `section_defs` of libbpf 1.5: the first row that matches decides.
    SECTIONS:
    "socket" => SocketFilter, -, NONE;
    "sk_reuseport/migrate" => SkReuseport, SkReuseportSelectOrMigrate, NONE;
    "sk_reuseport" => SkReuseport, SkReuseportSelect, NONE;
    "kprobe+" => Kprobe, -, NONE;
    "uprobe+" => Kprobe, -, NONE;
    "uprobe.s+" => Kprobe, -, SLEEPABLE;
    "kretprobe+" => Kprobe, -, NONE;
    "uretprobe+" => Kprobe, -, NONE;
    "uretprobe.s+" => Kprobe, -, SLEEPABLE;
    "kprobe.multi+" => Kprobe, TraceKprobeMulti, NONE;
    "kretprobe.multi+" => Kprobe, TraceKprobeMulti, NONE;
    "kprobe.session+" => Kprobe, TraceKprobeSession, NONE;
    "uprobe.multi+" => Kprobe, TraceUprobeMulti, NONE;
    "uretprobe.multi+" => Kprobe, TraceUprobeMulti, NONE;
    "uprobe.multi.s+" => Kprobe, TraceUprobeMulti, SLEEPABLE;
    "uretprobe.multi.s+" => Kprobe, TraceUprobeMulti, SLEEPABLE;
    "ksyscall+" => Kprobe, -, NONE;
    "kretsyscall+" => Kprobe, -, NONE;
    "usdt+" => Kprobe, -, USDT;
    "usdt.s+" => Kprobe, -, USDT | SLEEPABLE;
    "tc/ingress" => SchedCls, TcxIngress, NONE;
    "tc/egress" => SchedCls, TcxEgress, NONE;
    "tcx/ingress" => SchedCls, TcxIngress, NONE;
    "tcx/egress" => SchedCls, TcxEgress, NONE;
    "tc" => SchedCls, -, NONE;
    "classifier" => SchedCls, -, NONE;
    "action" => SchedAct, -, NONE;
    "netkit/primary" => SchedCls, NetkitPrimary, NONE;
    "netkit/peer" => SchedCls, NetkitPeer, NONE;
    "tracepoint+" => Tracepoint, -, NONE;
    "tp+" => Tracepoint, -, NONE;
    "raw_tracepoint+" => RawTracepoint, -, NONE;
    "raw_tp+" => RawTracepoint, -, NONE;
    "raw_tracepoint.w+" => RawTracepointWritable, -, NONE;
    "raw_tp.w+" => RawTracepointWritable, -, NONE;
    "tp_btf+" => Tracing, TraceRawTp, ATTACH_BTF;
    "fentry+" => Tracing, TraceFentry, ATTACH_BTF;
    "fmod_ret+" => Tracing, ModifyReturn, ATTACH_BTF;
    "fexit+" => Tracing, TraceFexit, ATTACH_BTF;
    "fentry.s+" => Tracing, TraceFentry, ATTACH_BTF | SLEEPABLE;
    "fmod_ret.s+" => Tracing, ModifyReturn, ATTACH_BTF | SLEEPABLE;
    "fexit.s+" => Tracing, TraceFexit, ATTACH_BTF | SLEEPABLE;
    "freplace+" => Ext, -, ATTACH_BTF;
    "lsm+" => Lsm, LsmMac, ATTACH_BTF;
    "lsm.s+" => Lsm, LsmMac, ATTACH_BTF | SLEEPABLE;
    "lsm_cgroup+" => Lsm, LsmCgroup, ATTACH_BTF;
    "iter+" => Tracing, TraceIter, ATTACH_BTF;
    "iter.s+" => Tracing, TraceIter, ATTACH_BTF | SLEEPABLE;
    "syscall" => Syscall, -, SLEEPABLE;
    "xdp.frags/devmap" => Xdp, XdpDevmap, XDP_FRAGS;
    "xdp/devmap" => Xdp, XdpDevmap, NONE;
    "xdp.frags/cpumap" => Xdp, XdpCpumap, XDP_FRAGS;
    "xdp/cpumap" => Xdp, XdpCpumap, NONE;
    "xdp.frags" => Xdp, Xdp, XDP_FRAGS;
    "xdp" => Xdp, Xdp, NONE;
    "perf_event" => PerfEvent, -, NONE;
    "lwt_in" => LwtIn, -, NONE;
    "lwt_out" => LwtOut, -, NONE;
    "lwt_xmit" => LwtXmit, -, NONE;
    "lwt_seg6local" => LwtSeg6local, -, NONE;
    "sockops" => SockOps, CgroupSockOps, NONE;
    "sk_skb/stream_parser" => SkSkb, SkSkbStreamParser, NONE;
    "sk_skb/stream_verdict" => SkSkb, SkSkbStreamVerdict, NONE;
    "sk_skb/verdict" => SkSkb, SkSkbVerdict, NONE;
    "sk_skb" => SkSkb, -, NONE;
    "sk_msg" => SkMsg, SkMsgVerdict, NONE;
    "lirc_mode2" => LircMode2, LircMode2, NONE;
    "flow_dissector" => FlowDissector, FlowDissector, NONE;
    "cgroup_skb/ingress" => CgroupSkb, CgroupInetIngress, NONE;
    "cgroup_skb/egress" => CgroupSkb, CgroupInetEgress, NONE;
    "cgroup/skb" => CgroupSkb, -, NONE;
    "cgroup/sock_create" => CgroupSock, CgroupInetSockCreate, NONE;
    "cgroup/sock_release" => CgroupSock, CgroupInetSockRelease, NONE;
    "cgroup/sock" => CgroupSock, CgroupInetSockCreate, NONE;
    "cgroup/post_bind4" => CgroupSock, CgroupInet4PostBind, NONE;
    "cgroup/post_bind6" => CgroupSock, CgroupInet6PostBind, NONE;
    "cgroup/bind4" => CgroupSockAddr, CgroupInet4Bind, NONE;
    "cgroup/bind6" => CgroupSockAddr, CgroupInet6Bind, NONE;
    "cgroup/connect4" => CgroupSockAddr, CgroupInet4Connect, NONE;
    "cgroup/connect6" => CgroupSockAddr, CgroupInet6Connect, NONE;
    "cgroup/connect_unix" => CgroupSockAddr, CgroupUnixConnect, NONE;
    "cgroup/sendmsg4" => CgroupSockAddr, CgroupUdp4Sendmsg, NONE;
    "cgroup/sendmsg6" => CgroupSockAddr, CgroupUdp6Sendmsg, NONE;
    "cgroup/sendmsg_unix" => CgroupSockAddr, CgroupUnixSendmsg, NONE;
    "cgroup/recvmsg4" => CgroupSockAddr, CgroupUdp4Recvmsg, NONE;
    "cgroup/recvmsg6" => CgroupSockAddr, CgroupUdp6Recvmsg, NONE;
    "cgroup/recvmsg_unix" => CgroupSockAddr, CgroupUnixRecvmsg, NONE;
    "cgroup/getpeername4" => CgroupSockAddr, CgroupInet4Getpeername, NONE;
    "cgroup/getpeername6" => CgroupSockAddr, CgroupInet6Getpeername, NONE;
    "cgroup/getpeername_unix" => CgroupSockAddr, CgroupUnixGetpeername, NONE;
    "cgroup/getsockname4" => CgroupSockAddr, CgroupInet4Getsockname, NONE;
    "cgroup/getsockname6" => CgroupSockAddr, CgroupInet6Getsockname, NONE;
    "cgroup/getsockname_unix" => CgroupSockAddr, CgroupUnixGetsockname, NONE;
    "cgroup/sysctl" => CgroupSysctl, CgroupSysctl, NONE;
    "cgroup/getsockopt" => CgroupSockopt, CgroupGetsockopt, NONE;
    "cgroup/setsockopt" => CgroupSockopt, CgroupSetsockopt, NONE;
    "cgroup/dev" => CgroupDevice, CgroupDevice, NONE;
    "struct_ops+" => StructOps, -, NONE;
    "struct_ops.s+" => StructOps, -, SLEEPABLE;
    "sk_lookup" => SkLookup, SkLookup, NONE;
    "netfilter" => Netfilter, Netfilter, NONE;
}

sections! {
    /// What cilium/ebpf knows beside those.
    YOUNGER:
    "uprobe.session+" => Kprobe, TraceUprobeSession, NONE;
    "uprobe.session.s+" => Kprobe, TraceUprobeSession, SLEEPABLE;
    "fsession+" => Tracing, TraceFsession, ATTACH_BTF;
    "fsession.s+" => Tracing, TraceFsession, ATTACH_BTF | SLEEPABLE;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(section: &str) -> Option<(ProgType, u32)> {
        SecDef::find(section).map(|d| (d.prog_type, d.attach_type()))
    }

    #[test]
    fn names_match_exactly_or_to_the_slash() {
        assert_eq!(found("kprobe"), Some((ProgType::Kprobe, 0)));
        assert_eq!(found("kprobe/x"), Some((ProgType::Kprobe, 0)));
        assert_eq!(found("kprobes"), None);
        assert_eq!(
            found("kprobe.multi/x"),
            Some((ProgType::Kprobe, AttachType::TraceKprobeMulti.raw()))
        );
        assert_eq!(found("tc"), Some((ProgType::SchedCls, 0)));
        assert_eq!(found("tc/x"), None);
        let start = |section| SecDef::find_start(section).map(|def| def.prog_type);
        assert_eq!(start("tc/x"), Some(ProgType::SchedCls));
        assert_eq!(start("socket_filter"), Some(ProgType::SocketFilter));
        assert_eq!(start("kprobes"), None);
        assert_eq!(found("xdp.frags"), Some((ProgType::Xdp, AttachType::Xdp.raw())));
        let fentry = SecDef::find("fentry.s/f").map(|d| d.flags);
        assert_eq!(fentry, Some(SecFlags::ATTACH_BTF | SecFlags::SLEEPABLE));
    }
}
