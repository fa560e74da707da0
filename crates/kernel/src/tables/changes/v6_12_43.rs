//! Linux 6.12.43: rules that reached 6.12 later are not there yet.

use super::{Changes, NameChanges, Tables, helper, lsm};
use crate::prog::AttachType::*;
use crate::tables::calls::Calls;
use crate::tables::helper::protos::{common, other, packet, packet::*, protos, sock::*, tracing};
use crate::tables::helper::sets::{Line, Set, When, sets};
use crate::tables::kfunc::attach::{Attaching, TailCalls};
use crate::tables::kfunc::raw_tp::{self, GONE};
use crate::tables::kfunc::sets::sets as kfunc_sets;

/// Linux 6.12.43.
pub(super) static TABLES: Tables = Tables::new(
    "6.12.43",
    Changes {
        helper: helper::Changes {
            sets: &[CGROUP_SOCK_ADDR, LWT_SEG6LOCAL],
            rows: &[
                (&common::LOOP, &LOOP),
                (&tracing::GET_STACK_SLEEPABLE, &GET_STACK_SLEEPABLE),
                (&tracing::GET_TASK_STACK_SLEEPABLE, &GET_TASK_STACK_SLEEPABLE),
                (&packet::XDP_STORE_BYTES, &XDP_STORE_BYTES),
                (&other::SYS_BPF, &SYS_BPF),
                (&other::SYS_CLOSE, &SYS_CLOSE),
                (&other::BTF_FIND_BY_NAME_KIND, &BTF_FIND_BY_NAME_KIND),
            ],
            ..helper::Changes::NONE
        },
        kfunc_sets: kfunc_sets! {
            scx_kfunc_ids_dispatch in "kernel/sched/ext.c" for [StructOps] with None {
                scx_bpf_dispatch_from_dsq_set_slice;
                scx_bpf_dispatch_from_dsq_set_vtime;
            }
            scx_kfunc_ids_unlocked in "kernel/sched/ext.c" for [StructOps, Syscall] with None {
                scx_bpf_dispatch_from_dsq_set_slice;
                scx_bpf_dispatch_from_dsq_set_vtime;
            }
        },
        calls: Calls::OF_6_12_43,
        lsm: lsm::Changes {
            hooks: NameChanges {
                removed: &["backing_file_alloc", "backing_file_free", "mmap_backing_file"],
                ..NameChanges::NONE
            },
            disabled: NameChanges {
                removed: &["xfrm_decode_session"],
                ..NameChanges::NONE
            },
            sleepable: NameChanges {
                added: &["bpf_prog_free", "inet_conn_established", "task_to_inode"],
                ..NameChanges::NONE
            },
            ..lsm::Changes::NONE
        },
        attaching: Attaching {
            tail_calls: TailCalls::OF_6_12_43,
            ..Attaching::BASE
        },
        raw_tp: raw_tp::Changes::but(&[
            ("sched_process_wait", GONE),
            ("signal_deliver", GONE),
            ("signal_generate", GONE),
        ]),
        ..Changes::NONE
    },
);

protos! {
    GET_STACK_SLEEPABLE: 67 (Ctx, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    GET_TASK_STACK_SLEEPABLE: 141 (BtfId <"task_struct">, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [];
    SYS_BPF: 166 (Anything, Mem|RDONLY, ConstSize) -> Integer [];
    BTF_FIND_BY_NAME_KIND: 167 (Mem|RDONLY, ConstSize, Anything, Anything) -> Integer [];
    SYS_CLOSE: 168 (Anything) -> Integer [];
    LOOP: 181 (Anything, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    XDP_STORE_BYTES: 190 (Ctx, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
}

sets! {
    /// Unix sockets have options at these hooks, too.
    CGROUP_SOCK_ADDR {
        allow if [When::Attach(&[CgroupUnixGetpeername, CgroupUnixGetsockname])]: SETSOCKOPT_CTX GETSOCKOPT_CTX;
    }

    pub(super) LWT_SEG6LOCAL {
        allow: SKB_PULL_DATA;
    }
}
