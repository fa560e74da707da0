//! Which program may call which helper, by which prototype.
//!
//! A program type has a chain of sets. The first line of the chain that names a helper, and whose conditions
//! hold, decides: with `allow` the row of that line is the prototype, with `deny` there is none. A set that
//! several types share stands once.
//!
//! Sources: the `*_func_proto` functions of `kernel/bpf/{helpers,cgroup,bpf_lsm,syscall}.c`,
//! `kernel/trace/bpf_trace.c`, `net/core/filter.c`, `net/ipv4/{tcp_ipv4,bpf_tcp_ca}.c`,
//! `net/netfilter/nf_bpf_link.c`, `kernel/sched/ext.c`, `drivers/{hid/bpf,media/rc}`.
//!
//! Kernel lockdown is taken to be off.

use AttachType::*;
use When::*;

use super::origin::row;
use super::protos::{common::*, other::*, packet::*, sock::*, tracing::*};
use super::{HelperProto, HelperQuery};
use crate::prog::{AttachType, ProgType};
use crate::{Feature, Kernel};

/// A condition on the kernel or the program.
#[derive(Debug)]
pub(crate) enum When {
    /// The option is set.
    Config(Feature),
    /// The loader has `CAP_BPF`.
    CapBpf,
    /// The loader has `CAP_PERFMON`.
    CapPerfmon,
    /// The loader has `CAP_SYS_ADMIN`.
    CapSysAdmin,
    /// The program is sleepable.
    Sleepable,
    /// Its expected attach type is one of these.
    Attach(&'static [AttachType]),
    /// Its expected attach type is none of these.
    NotAttach(&'static [AttachType]),
    /// It is called through a trampoline whose arguments it may ask for.
    Trampoline,
    /// It attaches to one of these functions of the kernel.
    Function(&'static [&'static str]),
    /// It attaches to a hook of security modules where options of sockets can be used.
    SockoptHook,
    /// It implements this member of its struct.
    Member(&'static str),
    /// It is of one of these types.
    Program(&'static [ProgType]),
}

impl When {
    fn holds(&self, kernel: &Kernel, q: &HelperQuery<'_>) -> bool {
        let attach = |types: &[AttachType]| types.iter().any(|t| t.raw() == q.expected_attach_type);
        let capabilities = q.capabilities;
        match self {
            Config(feature) => kernel.features().has(*feature),
            CapBpf => capabilities.bpf,
            CapPerfmon => capabilities.perfmon,
            CapSysAdmin => capabilities.sys_admin,
            Sleepable => q.sleepable,
            Attach(types) => attach(types),
            NotAttach(types) => !attach(types),
            Trampoline if q.extends => false,
            Trampoline => match q.prog_type {
                ProgType::Tracing => attach(&[TraceFentry, TraceFexit, ModifyReturn]),
                ProgType::Lsm => attach(&[LsmMac]),
                _ => false,
            },
            Function(names) => q.attach_func.is_some_and(|f| names.contains(&f)),
            SockoptHook => q.attach_func.is_some_and(|f| kernel.lsm().has_sockopt(f)),
            Member(name) => q.struct_ops_member == Some(name),
            Program(types) => types.contains(&q.prog_type),
        }
    }
}

/// A line of a set.
#[derive(Debug)]
pub(crate) struct Line {
    pub(in crate::tables) allow: bool,
    pub(in crate::tables) when: &'static [When],
    pub(in crate::tables) protos: &'static [&'static HelperProto],
}

/// A set of lines.
#[derive(Debug)]
pub(crate) struct Set {
    pub(in crate::tables) name: &'static str,
    pub(in crate::tables) lines: &'static [Line],
}

/// Declares sets: `allow if [conditions]: ROWS;`, `deny if [conditions]: ROWS;`, the `if` optional.
macro_rules! sets {
    ($($(#[$doc:meta])* $vis:vis $set:ident { $($verb:ident $(if [$($when:expr),*])?: $($proto:ident)*;)* })*) => {
        $($(#[$doc])* $vis const $set: Set = Set { name: stringify!($set), lines: &[$(Line {
            allow: sets!(@ $verb),
            when: &[$($($when),*)?],
            protos: &[$(&$proto),*],
        }),*] };)*
    };
    (@ allow) => { true };
    (@ deny) => { false };
}
pub(in crate::tables) use sets;

/// Hooks whose result the program may neither read nor set.
const NO_RETVAL: &[AttachType] = &[
    CgroupInetIngress,
    CgroupInetEgress,
    CgroupSockOps,
    CgroupUdp4Recvmsg,
    CgroupUdp6Recvmsg,
    CgroupUnixRecvmsg,
    CgroupInet4Getpeername,
    CgroupInet6Getpeername,
    CgroupUnixGetpeername,
    CgroupInet4Getsockname,
    CgroupInet6Getsockname,
    CgroupUnixGetsockname,
];

/// Socket address hooks that have a socket whose options can be asked for.
const SOCK_ADDR_WITH_OPTIONS: &[AttachType] = &[
    CgroupInet4Bind,
    CgroupInet6Bind,
    CgroupInet4Connect,
    CgroupInet6Connect,
    CgroupUnixConnect,
    CgroupUdp4Recvmsg,
    CgroupUdp6Recvmsg,
    CgroupUnixRecvmsg,
    CgroupUdp4Sendmsg,
    CgroupUdp6Sendmsg,
    CgroupUnixSendmsg,
    CgroupInet4Getpeername,
    CgroupInet6Getpeername,
    CgroupInet4Getsockname,
    CgroupInet6Getsockname,
];

sets! {
    /// What nearly all programs may call.
    BASE {
        allow: MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_PUSH_ELEM MAP_POP_ELEM MAP_PEEK_ELEM
            MAP_LOOKUP_PERCPU_ELEM GET_PRANDOM_U32 GET_RAW_SMP_PROCESSOR_ID GET_NUMA_NODE_ID TAIL_CALL KTIME_GET_NS
            KTIME_GET_BOOT_NS KTIME_GET_TAI_NS RINGBUF_OUTPUT RINGBUF_RESERVE RINGBUF_SUBMIT RINGBUF_DISCARD
            RINGBUF_QUERY STRNCMP STRTOL STRTOUL GET_CURRENT_PID_TGID GET_NS_CURRENT_PID_TGID;
        allow if [CapBpf]: SPIN_LOCK SPIN_UNLOCK JIFFIES64 PER_CPU_PTR THIS_CPU_PTR TIMER_INIT TIMER_SET_CALLBACK
            TIMER_START TIMER_CANCEL KPTR_XCHG FOR_EACH_MAP_ELEM LOOP USER_RINGBUF_DRAIN RINGBUF_RESERVE_DYNPTR
            RINGBUF_SUBMIT_DYNPTR RINGBUF_DISCARD_DYNPTR DYNPTR_FROM_MEM DYNPTR_READ DYNPTR_WRITE DYNPTR_DATA;
        allow if [CapBpf, Config(Feature::Cgroups)]: CGRP_STORAGE_GET CGRP_STORAGE_DELETE GET_CURRENT_CGROUP_ID
            GET_CURRENT_ANCESTOR_CGROUP_ID;
        allow if [CapBpf, CapPerfmon]: SNPRINTF;
        allow if [CapBpf, CapPerfmon, Config(Feature::BpfEvents)]: TRACE_PRINTK TRACE_VPRINTK GET_CURRENT_TASK
            GET_CURRENT_TASK_BTF PROBE_READ_USER PROBE_READ_KERNEL PROBE_READ_USER_STR PROBE_READ_KERNEL_STR
            SNPRINTF_BTF TASK_PT_REGS;
    }

    /// What networking programs may call beyond [`BASE`].
    NET_BASE {
        allow if [CapPerfmon]: SKC_TO_TCP6_SOCK SKC_TO_TCP_SOCK SKC_TO_TCP_TIMEWAIT_SOCK SKC_TO_TCP_REQUEST_SOCK
            SKC_TO_UDP6_SOCK SKC_TO_UNIX_SOCK SKC_TO_MPTCP_SOCK;
        allow: KTIME_GET_COARSE_NS;
    }

    /// What observing programs may call.
    TRACING_COMMON {
        allow: MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_PUSH_ELEM MAP_POP_ELEM MAP_PEEK_ELEM
            MAP_LOOKUP_PERCPU_ELEM KTIME_GET_NS KTIME_GET_BOOT_NS TAIL_CALL GET_CURRENT_TASK GET_CURRENT_TASK_BTF
            TASK_PT_REGS GET_CURRENT_UID_GID GET_CURRENT_COMM TRACE_PRINTK GET_SMP_PROCESSOR_ID GET_NUMA_NODE_ID
            PERF_EVENT_READ GET_PRANDOM_U32 PROBE_READ_USER PROBE_READ_KERNEL PROBE_READ_USER_STR
            PROBE_READ_KERNEL_STR SEND_SIGNAL SEND_SIGNAL_THREAD PERF_EVENT_READ_VALUE RINGBUF_OUTPUT
            RINGBUF_RESERVE RINGBUF_SUBMIT RINGBUF_DISCARD RINGBUF_QUERY JIFFIES64 COPY_FROM_USER
            COPY_FROM_USER_TASK SNPRINTF_BTF PER_CPU_PTR THIS_CPU_PTR TASK_STORAGE_GET TASK_STORAGE_DELETE
            FOR_EACH_MAP_ELEM SNPRINTF GET_FUNC_IP GET_BRANCH_SNAPSHOT FIND_VMA TRACE_VPRINTK;
        allow if [CapSysAdmin]: PROBE_WRITE_USER;
        deny: PROBE_WRITE_USER;
        allow if [Config(Feature::ArchHasNonOverlappingAddressSpace)]: PROBE_READ PROBE_READ_STR;
        allow if [Config(Feature::Cgroups)]: CGRP_STORAGE_GET CGRP_STORAGE_DELETE CURRENT_TASK_UNDER_CGROUP;
        allow if [Sleepable]: GET_TASK_STACK_SLEEPABLE;
        allow: GET_TASK_STACK;
    }

    KPROBE {
        allow: PERF_EVENT_OUTPUT GET_STACKID GET_ATTACH_COOKIE;
        allow if [Sleepable]: GET_STACK_SLEEPABLE;
        allow: GET_STACK;
        allow if [Config(Feature::BpfKprobeOverride)]: OVERRIDE_RETURN;
        allow if [Attach(&[TraceKprobeMulti, TraceKprobeSession, TraceUprobeMulti, TraceUprobeSession])]: GET_FUNC_IP_MULTI;
        allow: GET_FUNC_IP;
    }

    TRACEPOINT {
        allow: PERF_EVENT_OUTPUT GET_STACKID GET_STACK GET_ATTACH_COOKIE;
    }

    PERF_EVENT {
        allow: PERF_EVENT_OUTPUT GET_STACKID_PERF_EVENT GET_STACK PERF_PROG_READ_VALUE READ_BRANCH_RECORDS
            GET_ATTACH_COOKIE;
    }

    RAW_TRACEPOINT {
        allow: PERF_EVENT_OUTPUT GET_STACKID GET_STACK_RAW_TP GET_ATTACH_COOKIE;
    }

    /// Programs attached by BTF: typed tracepoints, functions, iterators.
    TRACING {
        allow if [Config(Feature::Net)]: SKB_OUTPUT XDP_OUTPUT SKC_TO_TCP6_SOCK SKC_TO_TCP_SOCK
            SKC_TO_TCP_TIMEWAIT_SOCK SKC_TO_TCP_REQUEST_SOCK SKC_TO_UDP6_SOCK SKC_TO_UNIX_SOCK SKC_TO_MPTCP_SOCK
            SK_STORAGE_GET_TRACING SK_STORAGE_DELETE_TRACING SOCK_FROM_FILE GET_SOCKET_COOKIE_PTR
            XDP_GET_BUFF_LEN_TRACING;
        allow: D_PATH;
        allow if [Attach(&[TraceIter])]: SEQ_PRINTF SEQ_WRITE SEQ_PRINTF_BTF;
        deny: SEQ_PRINTF SEQ_WRITE SEQ_PRINTF_BTF;
        allow if [Trampoline]: GET_FUNC_ARG GET_FUNC_RET GET_FUNC_ARG_CNT GET_ATTACH_COOKIE;
        deny: GET_FUNC_ARG GET_FUNC_RET GET_FUNC_ARG_CNT;
        allow if [Attach(&[TraceRawTp])]: GET_ATTACH_COOKIE;
        deny: GET_ATTACH_COOKIE;
    }

    /// Iterators over TCP and Unix sockets, which lock the socket they show.
    ITER_SOCKETS {
        allow if [Attach(&[TraceIter]), Function(&["bpf_iter_tcp", "bpf_iter_unix"])]: SETSOCKOPT_SK GETSOCKOPT_SK;
    }

    LSM {
        allow: INODE_STORAGE_GET INODE_STORAGE_DELETE SPIN_LOCK SPIN_UNLOCK BPRM_OPTS_SET IMA_INODE_HASH
            IMA_FILE_HASH;
        allow if [Config(Feature::Net)]: SK_STORAGE_GET SK_STORAGE_DELETE;
        allow if [Trampoline]: GET_ATTACH_COOKIE;
        deny: GET_ATTACH_COOKIE;
        allow if [Config(Feature::Net), Attach(&[LsmCgroup]), SockoptHook]: SETSOCKOPT_SK GETSOCKOPT_SK;
        deny if [Config(Feature::Net)]: SETSOCKOPT_SK GETSOCKOPT_SK;
    }

    SYSCALL {
        allow if [CapPerfmon]: SYS_BPF;
        deny: SYS_BPF;
        allow: BTF_FIND_BY_NAME_KIND SYS_CLOSE KALLSYMS_LOOKUP_NAME;
    }

    /// Any program of a control group.
    CGROUP {
        allow: GET_LOCAL_STORAGE;
        allow if [NotAttach(NO_RETVAL)]: GET_RETVAL SET_RETVAL;
    }

    /// Programs of a control group that run in the context of the process they are about.
    CGROUP_CURRENT {
        allow: GET_CURRENT_UID_GID GET_CURRENT_COMM CURRENT_TASK_UNDER_CGROUP;
        allow if [Config(Feature::CgroupNetClassid)]: GET_CGROUP_CLASSID_CURRENT;
    }

    CGROUP_DEVICE {
        allow: PERF_EVENT_OUTPUT;
    }

    CGROUP_SYSCTL {
        allow: SYSCTL_GET_NAME SYSCTL_GET_CURRENT_VALUE SYSCTL_GET_NEW_VALUE SYSCTL_SET_NEW_VALUE
            KTIME_GET_COARSE_NS PERF_EVENT_OUTPUT;
    }

    CGROUP_SOCKOPT {
        allow if [Config(Feature::Net)]: GET_NETNS_COOKIE SK_STORAGE_GET SK_STORAGE_DELETE;
        allow if [Config(Feature::Net), Attach(&[CgroupSetsockopt])]: SETSOCKOPT_SK GETSOCKOPT_SK;
        allow if [Config(Feature::Inet)]: TCP_SOCK;
        allow: PERF_EVENT_OUTPUT;
    }

    CGROUP_SOCK {
        allow: GET_SOCKET_COOKIE GET_NETNS_COOKIE PERF_EVENT_OUTPUT SK_STORAGE_GET_CTX KTIME_GET_COARSE_NS;
    }

    CGROUP_SOCK_ADDR {
        allow if [Attach(&[CgroupInet4Connect, CgroupInet6Connect])]: BIND;
        allow: GET_SOCKET_COOKIE GET_NETNS_COOKIE PERF_EVENT_OUTPUT SK_STORAGE_GET SK_STORAGE_DELETE;
        allow if [Config(Feature::Inet)]: SK_LOOKUP_TCP_SOCK_ADDR SK_LOOKUP_UDP_SOCK_ADDR SK_RELEASE
            SKC_LOOKUP_TCP_SOCK_ADDR;
        allow if [Attach(SOCK_ADDR_WITH_OPTIONS)]: SETSOCKOPT_CTX GETSOCKOPT_CTX;
    }

    CGROUP_SKB {
        allow: SK_FULLSOCK SK_STORAGE_GET SK_STORAGE_DELETE PERF_EVENT_OUTPUT;
        allow if [Config(Feature::SockCgroupData)]: SKB_CGROUP_ID SKB_ANCESTOR_CGROUP_ID SK_CGROUP_ID
            SK_ANCESTOR_CGROUP_ID;
        allow if [Config(Feature::Inet)]: SK_LOOKUP_TCP SK_LOOKUP_UDP SK_RELEASE SKC_LOOKUP_TCP TCP_SOCK
            GET_LISTENER_SOCK SKB_ECN_SET_CE;
    }

    SOCKET_FILTER {
        allow: SKB_LOAD_BYTES SKB_LOAD_BYTES_RELATIVE GET_SOCKET_COOKIE GET_SOCKET_UID PERF_EVENT_OUTPUT;
    }

    TC {
        allow: SKB_STORE_BYTES SKB_LOAD_BYTES SKB_LOAD_BYTES_RELATIVE SKB_PULL_DATA CSUM_DIFF CSUM_UPDATE CSUM_LEVEL
            L3_CSUM_REPLACE L4_CSUM_REPLACE CLONE_REDIRECT GET_CGROUP_CLASSID SKB_VLAN_PUSH SKB_VLAN_POP
            SKB_CHANGE_PROTO SKB_CHANGE_TYPE SKB_ADJUST_ROOM SKB_CHANGE_TAIL SKB_CHANGE_HEAD SKB_GET_TUNNEL_KEY
            SKB_SET_TUNNEL_KEY SKB_GET_TUNNEL_OPT SKB_SET_TUNNEL_OPT REDIRECT REDIRECT_NEIGH REDIRECT_PEER
            GET_ROUTE_REALM GET_HASH_RECALC SET_HASH_INVALID SET_HASH PERF_EVENT_OUTPUT GET_SMP_PROCESSOR_ID
            SKB_UNDER_CGROUP GET_SOCKET_COOKIE GET_SOCKET_UID FIB_LOOKUP CHECK_MTU SK_FULLSOCK SK_STORAGE_GET
            SK_STORAGE_DELETE;
        allow if [Config(Feature::Xfrm)]: SKB_GET_XFRM_STATE;
        allow if [Config(Feature::CgroupNetClassid)]: SKB_CGROUP_CLASSID;
        allow if [Config(Feature::SockCgroupData)]: SKB_CGROUP_ID SKB_ANCESTOR_CGROUP_ID;
        allow if [Config(Feature::Inet)]: SK_LOOKUP_TCP SK_LOOKUP_UDP SK_RELEASE TCP_SOCK GET_LISTENER_SOCK
            SKC_LOOKUP_TCP TCP_CHECK_SYNCOOKIE SKB_ECN_SET_CE TCP_GEN_SYNCOOKIE SK_ASSIGN SKB_SET_TSTAMP;
        allow if [Config(Feature::Inet), Config(Feature::SynCookies)]: TCP_RAW_GEN_SYNCOOKIE_IPV4
            TCP_RAW_GEN_SYNCOOKIE_IPV6 TCP_RAW_CHECK_SYNCOOKIE_IPV4 TCP_RAW_CHECK_SYNCOOKIE_IPV6;
    }

    XDP {
        allow: PERF_EVENT_OUTPUT GET_SMP_PROCESSOR_ID CSUM_DIFF XDP_ADJUST_HEAD XDP_ADJUST_META REDIRECT
            REDIRECT_MAP XDP_ADJUST_TAIL XDP_GET_BUFF_LEN XDP_LOAD_BYTES XDP_STORE_BYTES FIB_LOOKUP CHECK_MTU;
        allow if [Config(Feature::Inet)]: SK_LOOKUP_UDP SK_LOOKUP_TCP SK_RELEASE SKC_LOOKUP_TCP TCP_CHECK_SYNCOOKIE
            TCP_GEN_SYNCOOKIE;
        allow if [Config(Feature::Inet), Config(Feature::SynCookies)]: TCP_RAW_GEN_SYNCOOKIE_IPV4
            TCP_RAW_GEN_SYNCOOKIE_IPV6 TCP_RAW_CHECK_SYNCOOKIE_IPV4 TCP_RAW_CHECK_SYNCOOKIE_IPV6;
    }

    SOCK_OPS {
        allow: SETSOCKOPT_CTX GETSOCKOPT_CTX SOCK_OPS_CB_FLAGS_SET GET_SOCKET_COOKIE PERF_EVENT_OUTPUT
            SK_STORAGE_GET SK_STORAGE_DELETE GET_NETNS_COOKIE;
        allow if [Config(Feature::Inet)]: SOCK_MAP_UPDATE SOCK_HASH_UPDATE LOAD_HDR_OPT STORE_HDR_OPT
            RESERVE_HDR_OPT TCP_SOCK;
    }

    SK_MSG {
        allow: MSG_APPLY_BYTES MSG_CORK_BYTES MSG_PULL_DATA MSG_PUSH_DATA MSG_POP_DATA PERF_EVENT_OUTPUT
            GET_CURRENT_UID_GID SK_STORAGE_GET SK_STORAGE_DELETE GET_NETNS_COOKIE;
        allow if [Config(Feature::Inet)]: MSG_REDIRECT_MAP MSG_REDIRECT_HASH;
        allow if [Config(Feature::CgroupNetClassid)]: GET_CGROUP_CLASSID_CURRENT;
    }

    SK_SKB {
        allow: SKB_STORE_BYTES SKB_LOAD_BYTES SKB_PULL_DATA SKB_CHANGE_TAIL SKB_CHANGE_HEAD SKB_ADJUST_ROOM
            GET_SOCKET_COOKIE GET_SOCKET_UID PERF_EVENT_OUTPUT;
        allow if [Config(Feature::Inet)]: SK_REDIRECT_MAP SK_REDIRECT_HASH SK_LOOKUP_TCP SK_LOOKUP_UDP SK_RELEASE
            SKC_LOOKUP_TCP;
    }

    FLOW_DISSECTOR {
        allow: SKB_LOAD_BYTES;
    }

    LWT_OUT {
        allow: SKB_LOAD_BYTES SKB_PULL_DATA CSUM_DIFF GET_CGROUP_CLASSID GET_ROUTE_REALM GET_HASH_RECALC
            PERF_EVENT_OUTPUT GET_SMP_PROCESSOR_ID SKB_UNDER_CGROUP;
    }

    LWT_IN {
        allow: LWT_PUSH_ENCAP;
    }

    LWT_XMIT {
        allow: SKB_GET_TUNNEL_KEY SKB_SET_TUNNEL_KEY SKB_GET_TUNNEL_OPT SKB_SET_TUNNEL_OPT REDIRECT CLONE_REDIRECT
            SKB_CHANGE_TAIL SKB_CHANGE_HEAD SKB_STORE_BYTES CSUM_UPDATE CSUM_LEVEL L3_CSUM_REPLACE L4_CSUM_REPLACE
            SET_HASH_INVALID LWT_PUSH_ENCAP;
    }

    LWT_SEG6LOCAL {
        deny: SKB_PULL_DATA;
        allow if [Config(Feature::Ipv6Seg6Bpf)]: LWT_SEG6_STORE_BYTES LWT_SEG6_ACTION LWT_SEG6_ADJUST_SRH;
    }

    SK_REUSEPORT {
        allow: SK_SELECT_REUSEPORT SKB_LOAD_BYTES SKB_LOAD_BYTES_RELATIVE GET_SOCKET_COOKIE_PTR KTIME_GET_COARSE_NS;
    }

    SK_LOOKUP {
        allow: PERF_EVENT_OUTPUT SK_ASSIGN_LOOKUP SK_RELEASE;
    }

    LIRC_MODE2 {
        allow: RC_REPEAT RC_KEYDOWN RC_POINTER_REL MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_PUSH_ELEM
            MAP_POP_ELEM MAP_PEEK_ELEM KTIME_GET_NS KTIME_GET_BOOT_NS TAIL_CALL GET_PRANDOM_U32;
        allow if [CapPerfmon]: TRACE_PRINTK;
    }

    /// `struct tcp_congestion_ops`; `release` runs when the algorithm is retiring and may not set options.
    TCP_CONGESTION {
        allow: TCP_SEND_ACK SK_STORAGE_GET SK_STORAGE_DELETE KTIME_GET_COARSE_NS;
        deny if [Member("release")]: SETSOCKOPT_SK GETSOCKOPT_SK;
        allow: SETSOCKOPT_SK GETSOCKOPT_SK;
    }

    /// `struct sched_ext_ops`.
    SCHED_EXT {
        allow: TASK_STORAGE_GET TASK_STORAGE_DELETE;
    }
}

/// The sets of a program, in the order in which they are asked.
fn chain(q: &HelperQuery<'_>) -> &'static [Set] {
    use ProgType as T;
    match q.prog_type {
        T::SocketFilter => &[SOCKET_FILTER, NET_BASE, BASE],
        T::SchedCls | T::SchedAct => &[TC, NET_BASE, BASE],
        T::Xdp => &[XDP, NET_BASE, BASE],
        T::CgroupSkb => &[CGROUP, CGROUP_SKB, SOCKET_FILTER, NET_BASE, BASE],
        T::CgroupSock => &[CGROUP, CGROUP_CURRENT, CGROUP_SOCK, BASE],
        T::CgroupSockAddr => &[CGROUP, CGROUP_CURRENT, CGROUP_SOCK_ADDR, NET_BASE, BASE],
        T::CgroupDevice => &[CGROUP, CGROUP_CURRENT, CGROUP_DEVICE, BASE],
        T::CgroupSysctl => &[CGROUP, CGROUP_CURRENT, CGROUP_SYSCTL, BASE],
        T::CgroupSockopt => &[CGROUP, CGROUP_CURRENT, CGROUP_SOCKOPT, BASE],
        T::SockOps => &[CGROUP, SOCK_OPS, NET_BASE, BASE],
        T::SkMsg => &[SK_MSG, NET_BASE, BASE],
        T::SkSkb => &[SK_SKB, NET_BASE, BASE],
        T::FlowDissector => &[FLOW_DISSECTOR, NET_BASE, BASE],
        T::LwtOut => &[LWT_OUT, NET_BASE, BASE],
        T::LwtIn => &[LWT_IN, LWT_OUT, NET_BASE, BASE],
        T::LwtXmit => &[LWT_XMIT, LWT_OUT, NET_BASE, BASE],
        T::LwtSeg6local => &[LWT_SEG6LOCAL, LWT_OUT, NET_BASE, BASE],
        T::SkReuseport => &[SK_REUSEPORT, BASE],
        T::SkLookup => &[SK_LOOKUP, NET_BASE, BASE],
        T::Netfilter => &[BASE],
        T::LircMode2 => &[LIRC_MODE2],
        T::Kprobe => &[KPROBE, TRACING_COMMON, BASE],
        T::Tracepoint => &[TRACEPOINT, TRACING_COMMON, BASE],
        T::PerfEvent => &[PERF_EVENT, TRACING_COMMON, BASE],
        T::RawTracepoint | T::RawTracepointWritable => &[RAW_TRACEPOINT, TRACING_COMMON, BASE],
        T::Tracing => &[TRACING, RAW_TRACEPOINT, TRACING_COMMON, BASE, ITER_SOCKETS],
        T::Syscall => &[SYSCALL, TRACING, RAW_TRACEPOINT, TRACING_COMMON, BASE],
        T::Lsm if q.expected_attach_type == LsmCgroup.raw() => {
            &[CGROUP, LSM, TRACING, RAW_TRACEPOINT, TRACING_COMMON, BASE]
        }
        T::Lsm => &[LSM, TRACING, RAW_TRACEPOINT, TRACING_COMMON, BASE],
        T::StructOps => match q.struct_ops {
            Some("tcp_congestion_ops") => &[TCP_CONGESTION, BASE],
            Some("sched_ext_ops") => &[SCHED_EXT, BASE],
            Some("hid_bpf_ops") => &[BASE],
            _ => &[],
        },
        T::Unspec | T::Ext => &[],
    }
}

/// Calls `decide` with each row that is named and whether it is allowed, the deciding one first.
pub(super) fn rows(kernel: &Kernel, q: &HelperQuery<'_>, mut decide: impl FnMut(&'static HelperProto, bool)) {
    let changes = &kernel.tables.changes;
    for set in chain(q) {
        let changed = changes.chain().flat_map(|c| c.helper.sets);
        let first = changed.filter(|s| s.name == set.name);
        for line in first.flat_map(|s| s.lines).chain(set.lines) {
            if line.when.iter().all(|w| w.holds(kernel, q)) {
                for proto in line.protos {
                    decide(row(kernel, proto), line.allow);
                }
            }
        }
    }
}
