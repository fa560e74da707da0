//! Helpers of Linux 5.10.262.
//!
//! A helper may write to memory only if the memory need not be initialised; all others take read-only memory, too,
//! whatever they do with it.

use crate::prog::AttachType::{CgroupInet4Connect, CgroupInet6Connect};
use crate::prog::ProgType::{CgroupDevice, CgroupSockopt, CgroupSysctl};
use crate::tables::changes::v6_12_43::LWT_SEG6LOCAL;
use crate::tables::helper::HelperProto;
use crate::tables::helper::protos::common::{
    COPY_FROM_USER, GET_CURRENT_ANCESTOR_CGROUP_ID, GET_CURRENT_COMM, GET_CURRENT_PID_TGID, SPIN_LOCK,
    SPIN_UNLOCK,
};
use crate::tables::helper::protos::other::GET_NETNS_COOKIE;
use crate::tables::helper::protos::packet::GET_CGROUP_CLASSID_CURRENT;
use crate::tables::helper::protos::sock::{
    GET_SOCKET_COOKIE_PTR, GETSOCKOPT_CTX, GETSOCKOPT_SK, SETSOCKOPT_CTX, SETSOCKOPT_SK,
    SK_STORAGE_DELETE_TRACING, SK_STORAGE_GET_TRACING,
};
use crate::tables::helper::protos::{common, other, packet, protos, sock, tracing};
use crate::tables::helper::sets::{Line, Set, When, sets};

pub(super) static SETS: &[Set] = &[
    BASE,
    TRACING_COMMON,
    TRACING,
    ITER_SOCKETS,
    LSM,
    CGROUP_CURRENT,
    CGROUP_SYSCTL,
    CGROUP_SOCKOPT,
    CGROUP_SOCK_ADDR,
    SOCK_OPS,
    SK_MSG,
    LWT_SEG6LOCAL,
    SK_REUSEPORT,
    TCP_CONGESTION,
];

sets! {
    /// Numbers are read from strings by programs of sysctl only.
    BASE {
        deny: STRTOL STRTOUL;
    }

    /// Nothing of the base is for programs that observe.
    TRACING_COMMON {
        allow if [When::Sleepable]: COPY_FROM_USER;
        deny: COPY_FROM_USER SPIN_LOCK SPIN_UNLOCK GET_CURRENT_ANCESTOR_CGROUP_ID;
    }

    TRACING {
        deny: GET_SOCKET_COOKIE_PTR SK_STORAGE_GET_TRACING SK_STORAGE_DELETE_TRACING;
    }

    ITER_SOCKETS {
        deny: SETSOCKOPT_SK GETSOCKOPT_SK;
    }

    LSM {
        deny: SPIN_LOCK SPIN_UNLOCK;
    }

    /// Only programs about sockets may ask who is running in every way.
    CGROUP_CURRENT {
        deny if [When::Program(&[CgroupDevice, CgroupSysctl, CgroupSockopt])]: GET_CURRENT_PID_TGID
            GET_CURRENT_COMM GET_CURRENT_ANCESTOR_CGROUP_ID GET_CGROUP_CLASSID_CURRENT;
    }

    CGROUP_SYSCTL {
        allow: STRTOL STRTOUL;
    }

    CGROUP_SOCKOPT {
        deny: GET_NETNS_COOKIE SETSOCKOPT_SK GETSOCKOPT_SK;
    }

    CGROUP_SOCK_ADDR {
        allow if [When::Attach(&[CgroupInet4Connect, CgroupInet6Connect])]: SETSOCKOPT_CTX GETSOCKOPT_CTX;
        deny: SETSOCKOPT_CTX GETSOCKOPT_CTX;
    }

    SOCK_OPS {
        deny: GET_NETNS_COOKIE;
    }

    SK_MSG {
        deny: GET_NETNS_COOKIE;
    }

    SK_REUSEPORT {
        deny: GET_SOCKET_COOKIE_PTR;
    }

    TCP_CONGESTION {
        deny: SETSOCKOPT_SK GETSOCKOPT_SK;
    }
}

pub(super) static ROWS: &[(&HelperProto, &HelperProto)] = &[
    (&packet::FIB_LOOKUP, &FIB_LOOKUP),
    (&other::SYSCTL_GET_NAME, &SYSCTL_GET_NAME),
    (&common::STRTOL, &STRTOL),
    (&common::STRTOUL, &STRTOUL),
    (&tracing::READ_BRANCH_RECORDS, &READ_BRANCH_RECORDS),
    (&sock::LOAD_HDR_OPT, &LOAD_HDR_OPT),
    (&tracing::D_PATH, &D_PATH),
    (&tracing::SNPRINTF_BTF, &SNPRINTF_BTF),
    (&common::PER_CPU_PTR, &PER_CPU_PTR),
    (&common::THIS_CPU_PTR, &THIS_CPU_PTR),
];

protos! {
    FIB_LOOKUP: 69 (Ctx, Mem|RDONLY, ConstSize, Anything) -> Integer [gpl_only];
    SYSCTL_GET_NAME: 101 (Ctx, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    STRTOL: 105 (Mem|RDONLY, ConstSize, Anything, Mem|FIXED_SIZE|RDONLY|ALIGNED = 8) -> Integer [];
    STRTOUL: 106 (Mem|RDONLY, ConstSize, Anything, Mem|FIXED_SIZE|RDONLY|ALIGNED = 8) -> Integer [];
    READ_BRANCH_RECORDS: 119 (Ctx, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    LOAD_HDR_OPT: 142 (Ctx, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    D_PATH: 147 (BtfId <"path">, Mem|RDONLY, ConstSizeOrZero) -> Integer [allowed(DPathFunctions)];
    SNPRINTF_BTF: 149 (Mem|RDONLY, ConstSize, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    PER_CPU_PTR: 153 (PercpuBtfId, Anything) -> MemOrBtfId|MAYBE_NULL [];
    THIS_CPU_PTR: 154 (PercpuBtfId) -> MemOrBtfId [];
}
