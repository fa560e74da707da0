//! Helpers of Linux 6.1.192.

use crate::Feature;
use crate::prog::AttachType::TraceRawTp;
use crate::tables::helper::HelperProto;
use crate::tables::helper::protos::common::{
    CURRENT_TASK_UNDER_CGROUP, GET_CURRENT_ANCESTOR_CGROUP_ID, GET_CURRENT_CGROUP_ID, GET_CURRENT_PID_TGID,
    GET_NS_CURRENT_PID_TGID,
};
use crate::tables::helper::protos::other::GET_ATTACH_COOKIE;
use crate::tables::helper::protos::tracing::{GET_STACK, GET_TASK_STACK};
use crate::tables::helper::protos::{common, other, packet, protos, sock, tracing};
use crate::tables::helper::sets::{Line, Set, When, sets};

pub(super) static SETS: &[Set] = &[
    BASE,
    TRACING_COMMON,
    KPROBE,
    RAW_TRACEPOINT,
    TRACING,
    CGROUP_CURRENT,
    SK_MSG,
];

sets! {
    /// What tells who is running is for programs that observe, and for those of a control group.
    BASE {
        deny: GET_CURRENT_PID_TGID GET_NS_CURRENT_PID_TGID GET_CURRENT_CGROUP_ID
            GET_CURRENT_ANCESTOR_CGROUP_ID;
    }

    TRACING_COMMON {
        allow: GET_CURRENT_PID_TGID GET_NS_CURRENT_PID_TGID CURRENT_TASK_UNDER_CGROUP;
        allow if [When::Config(Feature::Cgroups)]: GET_CURRENT_CGROUP_ID GET_CURRENT_ANCESTOR_CGROUP_ID;
        allow: GET_TASK_STACK;
    }

    KPROBE {
        allow: GET_STACK;
    }

    RAW_TRACEPOINT {
        deny: GET_ATTACH_COOKIE;
    }

    TRACING {
        deny if [When::Attach(&[TraceRawTp])]: GET_ATTACH_COOKIE;
    }

    CGROUP_CURRENT {
        allow: GET_CURRENT_PID_TGID GET_CURRENT_CGROUP_ID GET_CURRENT_ANCESTOR_CGROUP_ID;
        deny: CURRENT_TASK_UNDER_CGROUP;
    }

    SK_MSG {
        allow: GET_CURRENT_PID_TGID;
        allow if [When::Config(Feature::Cgroups)]: GET_CURRENT_CGROUP_ID GET_CURRENT_ANCESTOR_CGROUP_ID;
    }
}

pub(super) static ROWS: &[(&HelperProto, &HelperProto)] = &[
    (&common::GET_SMP_PROCESSOR_ID, &GET_SMP_PROCESSOR_ID),
    (&common::TASK_STORAGE_GET, &TASK_STORAGE_GET),
    (&common::TASK_STORAGE_DELETE, &TASK_STORAGE_DELETE),
    (&common::LOOP, &LOOP),
    (&common::STRNCMP, &STRNCMP),
    (&common::DYNPTR_READ, &DYNPTR_READ),
    (&common::DYNPTR_WRITE, &DYNPTR_WRITE),
    (&common::DYNPTR_DATA, &DYNPTR_DATA),
    (&tracing::GET_CURRENT_TASK_BTF, &GET_CURRENT_TASK_BTF),
    (&packet::CHECK_MTU, &CHECK_MTU),
    (&sock::GET_SOCKET_COOKIE_PTR, &GET_SOCKET_COOKIE_PTR),
    (&sock::SK_LOOKUP_TCP, &SK_LOOKUP_TCP),
    (&sock::SK_LOOKUP_TCP_SOCK_ADDR, &SK_LOOKUP_TCP_SOCK_ADDR),
    (&sock::SK_LOOKUP_UDP, &SK_LOOKUP_UDP),
    (&sock::SK_LOOKUP_UDP_SOCK_ADDR, &SK_LOOKUP_UDP_SOCK_ADDR),
    (&sock::SKC_LOOKUP_TCP, &SKC_LOOKUP_TCP),
    (&sock::SKC_LOOKUP_TCP_SOCK_ADDR, &SKC_LOOKUP_TCP_SOCK_ADDR),
    (&sock::SK_STORAGE_GET_TRACING, &SK_STORAGE_GET_TRACING),
    (&sock::SK_STORAGE_DELETE_TRACING, &SK_STORAGE_DELETE_TRACING),
    (&sock::TCP_RAW_GEN_SYNCOOKIE_IPV4, &TCP_RAW_GEN_SYNCOOKIE_IPV4),
    (&sock::TCP_RAW_GEN_SYNCOOKIE_IPV6, &TCP_RAW_GEN_SYNCOOKIE_IPV6),
    (&other::INODE_STORAGE_GET, &INODE_STORAGE_GET),
    (&other::INODE_STORAGE_DELETE, &INODE_STORAGE_DELETE),
    (&other::SYS_BPF, &SYS_BPF),
    (&other::SYS_CLOSE, &SYS_CLOSE),
];

protos! {
    GET_SMP_PROCESSOR_ID: 8 () -> Integer [];
    GET_SOCKET_COOKIE_PTR: 46 (BtfIdSockCommon) -> Integer [];
    SK_LOOKUP_TCP: 84 (Ctx, Mem|RDONLY, ConstSize, Anything, Anything) -> Socket|MAYBE_NULL [pkt_access];
    SK_LOOKUP_TCP_SOCK_ADDR: 84 (Ctx, Mem|RDONLY, ConstSize, Anything, Anything) -> Socket|MAYBE_NULL [];
    SK_LOOKUP_UDP: 85 (Ctx, Mem|RDONLY, ConstSize, Anything, Anything) -> Socket|MAYBE_NULL [pkt_access];
    SK_LOOKUP_UDP_SOCK_ADDR: 85 (Ctx, Mem|RDONLY, ConstSize, Anything, Anything) -> Socket|MAYBE_NULL [];
    SKC_LOOKUP_TCP: 99 (Ctx, Mem|RDONLY, ConstSize, Anything, Anything) -> SockCommon|MAYBE_NULL [pkt_access];
    SKC_LOOKUP_TCP_SOCK_ADDR: 99 (Ctx, Mem|RDONLY, ConstSize, Anything, Anything) -> SockCommon|MAYBE_NULL [];
    SK_STORAGE_GET_TRACING: 107 (ConstMapPtr, BtfId <"sock_common">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [allowed(SkStorageTracing)];
    SK_STORAGE_DELETE_TRACING: 108 (ConstMapPtr, BtfId <"sock_common">)
        -> Integer [allowed(SkStorageTracing)];
    INODE_STORAGE_GET: 145 (ConstMapPtr, BtfId <"inode">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [];
    INODE_STORAGE_DELETE: 146 (ConstMapPtr, BtfId <"inode">) -> Integer [];
    TASK_STORAGE_GET: 156 (ConstMapPtr, BtfId <"task_struct">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [];
    TASK_STORAGE_DELETE: 157 (ConstMapPtr, BtfId <"task_struct">) -> Integer [];
    GET_CURRENT_TASK_BTF: 158 () -> BtfId <"task_struct"> [gpl_only];
    CHECK_MTU: 163 (Ctx, Anything, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 4, Anything, Anything)
        -> Integer [gpl_only];
    SYS_BPF: 166 (Anything, Mem|RDONLY, ConstSize) -> Integer [];
    SYS_CLOSE: 168 (Anything) -> Integer [];
    LOOP: 181 (Anything, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    STRNCMP: 182 (Mem, ConstSize, ConstStr) -> Integer [];
    DYNPTR_READ: 201 (Mem|UNINIT|WRITE, ConstSizeOrZero, Dynptr, Anything, Anything) -> Integer [];
    DYNPTR_WRITE: 202 (Dynptr, Anything, Mem|RDONLY, ConstSizeOrZero, Anything) -> Integer [];
    DYNPTR_DATA: 203 (Dynptr, Anything, ConstAllocSizeOrZero) -> Mem|MAYBE_NULL [];
    TCP_RAW_GEN_SYNCOOKIE_IPV4: 204 (Mem|FIXED_SIZE = 20, Mem, ConstSize) -> Integer [gpl_only, pkt_access];
    TCP_RAW_GEN_SYNCOOKIE_IPV6: 205 (Mem|FIXED_SIZE = 40, Mem, ConstSize) -> Integer [gpl_only, pkt_access];
}
