//! Linux 6.18.15.

use super::{Changes, NameChanges, Tables, helper, lsm};
use crate::Feature;
use crate::prog::AttachType::*;
use crate::prog::ProgType;
use crate::tables::calls::Calls;
use crate::tables::ctx::attached::PT_REGS_WRITABLE;
use crate::tables::helper::protos::{
    common, common::*, other, other::*, packet, packet::*, protos, sock, sock::*, tracing, tracing::*,
};
use crate::tables::helper::sets::{Line, Set, When, sets};
use crate::tables::kfunc::Hook;
use crate::tables::kfunc::attach::{Attaching, TailCalls};
use crate::tables::kfunc::iter::{self, IterTarget};
use crate::tables::kfunc::raw_tp::{self, GONE};
use crate::tables::kfunc::sets::sets as kfunc_sets;
use crate::tables::kfunc::struct_ops::{QDISC_OPS, SCHED_EXT_OPS, StructOps};

/// Linux 6.18.15.
pub(super) static TABLES: Tables = Tables::new(
    "6.18.15",
    Changes {
        attach_types: 58,
        helper: helper::Changes {
            sets: &[BASE, SOCKET_FILTER, TC, CGROUP_SOCK_ADDR, LWT_SEG6LOCAL],
            rows: ROWS,
            ..helper::Changes::NONE
        },
        kfunc_sets: KFUNC_SETS,
        kfuncs_removed: KFUNCS_REMOVED,
        kfunc_hooks: &[(ProgType::SockOps, Some(Hook::Cgroup))],
        lsm: LSM,
        contexts: &[(ProgType::Kprobe, || &PT_REGS_WRITABLE)],
        raw_tp: raw_tp::Changes::but(RAW_TP),
        denied: NameChanges {
            added: &["___migrate_enable"],
            ..NameChanges::NONE
        },
        attaching: Attaching {
            tail_calls: TailCalls::OF_6_18,
            ..Attaching::BASE
        },
        iterators: ITERATORS,
        struct_ops: STRUCT_OPS,
        congestion_flags: 0x1f,
        calls: Calls::OF_6_18,
        ..Changes::NONE
    },
);

static ITERATORS: &[IterTarget] = &[
    iter::target("dmabuf", &[iter::object(8, "dma_buf")]).resched(),
    iter::target("kmem_cache", &[iter::trusted(8, "kmem_cache")]).resched(),
];

static STRUCT_OPS: &[StructOps] = &[
    StructOps {
        nullable_first: false,
        ..SCHED_EXT_OPS
    },
    QDISC_OPS,
];

const LSM: lsm::Changes = lsm::Changes {
    hooks: NameChanges {
        added: &[
            "cred_getlsmprop",
            "current_getlsmprop_subj",
            "inode_file_getattr",
            "inode_file_setattr",
            "inode_getlsmprop",
            "ipc_getlsmprop",
            "lsmprop_to_secctx",
            "task_getlsmprop_obj",
            "uring_allowed",
        ],
        removed: &[
            "backing_file_alloc",
            "backing_file_free",
            "current_getsecid_subj",
            "inode_getsecid",
            "ipc_getsecid",
            "mmap_backing_file",
            "task_getsecid_obj",
        ],
        ..NameChanges::NONE
    },
    disabled: NameChanges {
        removed: &["xfrm_decode_session"],
        ..NameChanges::NONE
    },
    sleepable: NameChanges {
        added: &[
            "bpf_prog_free",
            "inet_conn_established",
            "inode_post_removexattr",
            "inode_removexattr",
            "task_to_inode",
        ],
        removed: &["current_getsecid_subj", "task_getsecid_obj"],
        ..NameChanges::NONE
    },
    ..lsm::Changes::NONE
};

static ROWS: &[(&helper::HelperProto, &helper::HelperProto)] = &[
    (&common::SNPRINTF, &SNPRINTF),
    (&common::LOOP, &LOOP),
    (&tracing::D_PATH, &D_PATH),
    (&tracing::SNPRINTF_BTF, &SNPRINTF_BTF),
    (&tracing::READ_BRANCH_RECORDS, &READ_BRANCH_RECORDS),
    (&tracing::GET_STACK_RAW_TP, &GET_STACK_RAW_TP),
    (&tracing::GET_STACK_SLEEPABLE, &GET_STACK_SLEEPABLE),
    (&tracing::GET_TASK_STACK_SLEEPABLE, &GET_TASK_STACK_SLEEPABLE),
    (&packet::FIB_LOOKUP, &FIB_LOOKUP),
    (&sock::TCP_RAW_GEN_SYNCOOKIE_IPV4, &TCP_RAW_GEN_SYNCOOKIE_IPV4),
    (&sock::TCP_RAW_GEN_SYNCOOKIE_IPV6, &TCP_RAW_GEN_SYNCOOKIE_IPV6),
    (&sock::TCP_RAW_CHECK_SYNCOOKIE_IPV4, &TCP_RAW_CHECK_SYNCOOKIE_IPV4),
    (&sock::TCP_RAW_CHECK_SYNCOOKIE_IPV6, &TCP_RAW_CHECK_SYNCOOKIE_IPV6),
    (&other::SYSCTL_GET_NAME, &SYSCTL_GET_NAME),
    (&other::SYS_BPF, &SYS_BPF),
    (&other::SYS_CLOSE, &SYS_CLOSE),
    (&other::KALLSYMS_LOOKUP_NAME, &KALLSYMS_LOOKUP_NAME),
    (&other::BTF_FIND_BY_NAME_KIND, &BTF_FIND_BY_NAME_KIND),
];

protos! {
    GET_STACK_RAW_TP: 67 (Ctx, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    GET_STACK_SLEEPABLE: 67 (Ctx, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    FIB_LOOKUP: 69 (Ctx, Mem|WRITE, ConstSize, Anything) -> Integer [gpl_only];
    SYSCTL_GET_NAME: 101 (Ctx, Mem|WRITE, ConstSize, Anything) -> Integer [];
    READ_BRANCH_RECORDS: 119 (Ctx, Mem|MAYBE_NULL|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    GET_TASK_STACK_SLEEPABLE: 141 (BtfId <"task_struct">, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [];
    D_PATH: 147 (BtfId <"path">, Mem|WRITE, ConstSizeOrZero) -> Integer [allowed(DPath)];
    SNPRINTF_BTF: 149 (Mem|WRITE, ConstSize, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    SNPRINTF: 165 (Mem|MAYBE_NULL|WRITE, ConstSizeOrZero, ConstStr, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only];
    SYS_BPF: 166 (Anything, Mem|RDONLY, ConstSize) -> Integer [];
    BTF_FIND_BY_NAME_KIND: 167 (Mem|RDONLY, ConstSize, Anything, Anything) -> Integer [];
    SYS_CLOSE: 168 (Anything) -> Integer [];
    KALLSYMS_LOOKUP_NAME: 179 (Mem|RDONLY, ConstSizeOrZero, Anything, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 8)
        -> Integer [];
    LOOP: 181 (Anything, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    TCP_RAW_GEN_SYNCOOKIE_IPV4: 204 (Mem|FIXED_SIZE|RDONLY = 20, Mem|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only, pkt_access];
    TCP_RAW_GEN_SYNCOOKIE_IPV6: 205 (Mem|FIXED_SIZE|RDONLY = 40, Mem|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only, pkt_access];
    TCP_RAW_CHECK_SYNCOOKIE_IPV4: 206 (Mem|FIXED_SIZE|RDONLY = 20, Mem|FIXED_SIZE|RDONLY = 20)
        -> Integer [gpl_only, pkt_access];
    TCP_RAW_CHECK_SYNCOOKIE_IPV6: 207 (Mem|FIXED_SIZE|RDONLY = 40, Mem|FIXED_SIZE|RDONLY = 20)
        -> Integer [gpl_only, pkt_access];
}

sets! {
    /// What was for tracing programs, or programs of cgroups, is for all.
    BASE {
        allow: GET_CURRENT_UID_GID;
        allow if [When::CapBpf]: TASK_STORAGE_GET TASK_STORAGE_DELETE;
        allow if [When::CapBpf, When::Config(Feature::Cgroups)]: CURRENT_TASK_UNDER_CGROUP;
        allow if [When::CapBpf, When::Config(Feature::CgroupNetClassid)]: GET_CGROUP_CLASSID_CURRENT;
        allow if [When::CapBpf, When::CapPerfmon, When::Config(Feature::BpfEvents)]: GET_CURRENT_COMM
            COPY_FROM_USER COPY_FROM_USER_TASK PERF_EVENT_READ
            PERF_EVENT_READ_VALUE SEND_SIGNAL SEND_SIGNAL_THREAD
            GET_BRANCH_SNAPSHOT FIND_VMA;
        allow if [When::CapBpf, When::CapPerfmon, When::Config(Feature::BpfEvents), When::Sleepable]:
            GET_TASK_STACK_SLEEPABLE;
        allow if [When::CapBpf, When::CapPerfmon, When::Config(Feature::BpfEvents)]: GET_TASK_STACK;
    }

    SOCKET_FILTER {
        allow: GET_NETNS_COOKIE;
    }

    TC {
        allow: GET_NETNS_COOKIE;
    }

    /// Unix sockets have options at these hooks, too.
    CGROUP_SOCK_ADDR {
        allow if [When::Attach(&[CgroupUnixGetpeername, CgroupUnixGetsockname])]:
            SETSOCKOPT_CTX GETSOCKOPT_CTX;
    }

    LWT_SEG6LOCAL {
        allow: SKB_PULL_DATA;
    }
}

static KFUNCS_REMOVED: &[(&str, &[&str])] = &[
    ("key_sig_kfunc_set", &[]),
    (
        "bpf_rstat_kfunc_ids",
        &["cgroup_rstat_updated", "cgroup_rstat_flush"],
    ),
    ("scx_kfunc_ids_select_cpu", &[]),
    (
        "scx_kfunc_ids_enqueue_dispatch",
        &["scx_bpf_dispatch", "scx_bpf_dispatch_vtime"],
    ),
    (
        "scx_kfunc_ids_dispatch",
        &[
            "scx_bpf_consume",
            "scx_bpf_dispatch_from_dsq_set_slice",
            "scx_bpf_dispatch_from_dsq_set_vtime",
            "scx_bpf_dispatch_from_dsq",
            "scx_bpf_dispatch_vtime_from_dsq",
        ],
    ),
    (
        "scx_kfunc_ids_unlocked",
        &[
            "scx_bpf_dispatch_from_dsq_set_slice",
            "scx_bpf_dispatch_from_dsq_set_vtime",
            "scx_bpf_dispatch_from_dsq",
            "scx_bpf_dispatch_vtime_from_dsq",
        ],
    ),
    (
        "scx_kfunc_ids_any",
        &[
            "scx_bpf_get_idle_cpumask",
            "scx_bpf_get_idle_smtmask",
            "scx_bpf_put_idle_cpumask",
            "scx_bpf_test_and_clear_cpu_idle",
            "scx_bpf_pick_idle_cpu",
            "scx_bpf_pick_any_cpu",
        ],
    ),
];

static KFUNC_SETS: &[crate::kfunc::Set] = kfunc_sets! {
    generic_btf_ids in "kernel/bpf/helpers.c" for [Tracing, Tc, Xdp, StructOps, Syscall, Cgroup] with None {
        bpf_list_front RET_NULL;
        bpf_list_back RET_NULL;
        bpf_rbtree_root RET_NULL;
        bpf_rbtree_left RET_NULL;
        bpf_rbtree_right RET_NULL;
        bpf_task_from_vpid ACQUIRE RET_NULL;
        bpf_send_signal_task TRUSTED_ARGS;
        bpf_lookup_user_key ACQUIRE RET_NULL SLEEPABLE;
        bpf_lookup_system_key ACQUIRE RET_NULL;
        bpf_key_put RELEASE;
        bpf_verify_pkcs7_signature SLEEPABLE;
    }
    common_btf_ids in "kernel/bpf/helpers.c" for [Common] with None {
        bpf_cast_to_kern_ctx FASTCALL;
        bpf_rdonly_cast FASTCALL;
        bpf_dynptr_copy;
        bpf_dynptr_memset;
        bpf_copy_from_user_task_str SLEEPABLE;
        bpf_get_kmem_cache;
        bpf_iter_kmem_cache_new ITER_NEW SLEEPABLE;
        bpf_iter_kmem_cache_next ITER_NEXT RET_NULL SLEEPABLE;
        bpf_iter_kmem_cache_destroy ITER_DESTROY SLEEPABLE;
        bpf_local_irq_save;
        bpf_local_irq_restore;
        bpf_probe_read_user_dynptr;
        bpf_probe_read_kernel_dynptr;
        bpf_probe_read_user_str_dynptr;
        bpf_probe_read_kernel_str_dynptr;
        bpf_copy_from_user_dynptr SLEEPABLE;
        bpf_copy_from_user_str_dynptr SLEEPABLE;
        bpf_copy_from_user_task_dynptr SLEEPABLE TRUSTED_ARGS;
        bpf_copy_from_user_task_str_dynptr SLEEPABLE TRUSTED_ARGS;
        bpf_iter_dmabuf_new ITER_NEW SLEEPABLE;
        bpf_iter_dmabuf_next ITER_NEXT RET_NULL SLEEPABLE;
        bpf_iter_dmabuf_destroy ITER_DESTROY SLEEPABLE;
        __bpf_trap;
        bpf_strcmp;
        bpf_strcasecmp;
        bpf_strchr;
        bpf_strchrnul;
        bpf_strnchr;
        bpf_strrchr;
        bpf_strlen;
        bpf_strnlen;
        bpf_strspn;
        bpf_strcspn;
        bpf_strstr;
        bpf_strnstr;
        bpf_cgroup_read_xattr RCU;
        bpf_stream_vprintk_impl TRUSTED_ARGS;
        bpf_task_work_schedule_signal_impl TRUSTED_ARGS;
        bpf_task_work_schedule_resume_impl TRUSTED_ARGS;
    }
    rqspinlock_kfunc_ids in "kernel/bpf/rqspinlock.c" for [Common] with None {
        bpf_res_spin_lock RET_NULL;
        bpf_res_spin_unlock;
        bpf_res_spin_lock_irqsave RET_NULL;
        bpf_res_spin_unlock_irqrestore;
    }
    arena_kfuncs in "kernel/bpf/arena.c" for [Common] with None {
        bpf_arena_alloc_pages TRUSTED_ARGS SLEEPABLE ARENA_RET ARENA_ARG2;
        bpf_arena_free_pages TRUSTED_ARGS SLEEPABLE ARENA_ARG2;
        bpf_arena_reserve_pages TRUSTED_ARGS SLEEPABLE ARENA_ARG2;
    }
    cpumask_kfunc_btf_ids in "kernel/bpf/cpumask.c" for [Tracing, StructOps, Syscall] with None {
        bpf_cpumask_populate RCU;
    }
    bpf_rstat_kfunc_ids in "kernel/cgroup/rstat.c" for [Tracing] with None {
        css_rstat_updated;
        css_rstat_flush SLEEPABLE;
    }
    scx_kfunc_ids_enqueue_dispatch in "kernel/sched/ext.c" for [StructOps] with None {
        scx_bpf_dsq_insert RCU;
        scx_bpf_dsq_insert_vtime RCU;
    }
    scx_kfunc_ids_dispatch in "kernel/sched/ext.c" for [StructOps] with None {
        scx_bpf_dsq_move_to_local;
        scx_bpf_dsq_move_set_slice RCU;
        scx_bpf_dsq_move_set_vtime RCU;
        scx_bpf_dsq_move RCU;
        scx_bpf_dsq_move_vtime RCU;
    }
    scx_kfunc_ids_unlocked in "kernel/sched/ext.c" for [StructOps, Syscall] with None {
        scx_bpf_dsq_move_set_slice RCU;
        scx_bpf_dsq_move_set_vtime RCU;
        scx_bpf_dsq_move RCU;
        scx_bpf_dsq_move_vtime RCU;
    }
    scx_kfunc_ids_any in "kernel/sched/ext.c" for [StructOps, Tracing, Syscall] with None {
        scx_bpf_nr_node_ids;
        scx_bpf_locked_rq RET_NULL;
        scx_bpf_cpu_curr RET_NULL RCU_PROTECTED;
        scx_bpf_now;
        scx_bpf_events TRUSTED_ARGS;
    }
    scx_kfunc_ids_idle in "kernel/sched/ext_idle.c" for [StructOps, Tracing, Syscall] with None {
        scx_bpf_cpu_node;
        scx_bpf_get_idle_cpumask_node ACQUIRE;
        scx_bpf_get_idle_cpumask ACQUIRE;
        scx_bpf_get_idle_smtmask_node ACQUIRE;
        scx_bpf_get_idle_smtmask ACQUIRE;
        scx_bpf_put_idle_cpumask RELEASE;
        scx_bpf_test_and_clear_cpu_idle;
        scx_bpf_pick_idle_cpu_node RCU;
        scx_bpf_pick_idle_cpu RCU;
        scx_bpf_pick_any_cpu_node RCU;
        scx_bpf_pick_any_cpu RCU;
        scx_bpf_select_cpu_and RCU;
        scx_bpf_select_cpu_dfl RCU;
    }
    bpf_fs_kfunc_set_ids in "fs/bpf_fs_kfuncs.c" for [Tracing] with LsmPrograms {
        bpf_set_dentry_xattr SLEEPABLE TRUSTED_ARGS;
        bpf_remove_dentry_xattr SLEEPABLE TRUSTED_ARGS;
    }
    bpf_kfunc_check_set_skb_meta in "net/core/filter.c" for [Tc, SchedAct] with None {
        bpf_dynptr_from_skb_meta TRUSTED_ARGS;
    }
    bpf_kfunc_check_set_xdp in "net/core/filter.c" for [Xdp] with None {
        bpf_xdp_pull_data;
    }
    bpf_kfunc_check_set_sock_ops in "net/core/filter.c" for [Cgroup] with None {
        bpf_sock_ops_enable_tx_tstamp TRUSTED_ARGS;
    }
    qdisc_kfunc_ids in "net/sched/bpf_qdisc.c" for [StructOps] with Qdiscs {
        bpf_skb_get_hash TRUSTED_ARGS;
        bpf_kfree_skb RELEASE;
        bpf_qdisc_skb_drop RELEASE;
        bpf_dynptr_from_skb TRUSTED_ARGS;
        bpf_qdisc_watchdog_schedule TRUSTED_ARGS;
        bpf_qdisc_init_prologue TRUSTED_ARGS;
        bpf_qdisc_reset_destroy_epilogue TRUSTED_ARGS;
        bpf_qdisc_bstats_update TRUSTED_ARGS;
    }
};

#[rustfmt::skip]
static RAW_TP: &[(&str, u64)] = &[
    ("amdgpu_vm_bo_map", 0x1),
    ("amdgpu_vm_bo_unmap", 0x1),
    ("amdtp_packet", 0x100),
    ("binder_transaction", 0x100),
    ("btree_path_free", 0x100),
    ("cfg80211_inform_bss_frame", 0x100),
    ("cfg80211_michael_mic_failure", 0x10000),
    ("cfg80211_report_wowlan_wakeup", 0x100),
    ("cfg80211_scan_done", 0x11),
    ("coda_dec_pic_done", 0x10),
    ("coda_dec_pic_run", 0x10),
    ("dpu_crtc_setup_mixer", 0x100),
    ("hfi1_sdma_progress", 0x1000),
    ("hugetlbfs_alloc_inode", 0x10),
    ("iptfs_ingress_postq_event", 0x1000),
    ("kvm_page_fault_enter", 0x100),
    ("neigh_update", 0x10),
    ("netfs_folioq", 0x1),
    ("nfs4_inode_callback_event", 0x200),
    ("nfs4_inode_stateid_callback_event", 0x200),
    ("nfs4_setup_sequence", 0x1),
    ("nfsd_dirent", 0x1),
    ("nfsd_file_acquire", 0x1001),
    ("nfsd_file_cons_err", 0x1),
    ("nfsd_file_insert_err", 0x1),
    ("pnfs_mds_fallback_pg_get_mirror_count", 0x10000),
    ("pnfs_mds_fallback_pg_init_read", 0x10000),
    ("pnfs_mds_fallback_pg_init_write", 0x10000),
    ("pnfs_mds_fallback_read_done", 0x10000),
    ("pnfs_mds_fallback_read_pagelist", 0x10000),
    ("pnfs_mds_fallback_write_done", 0x10000),
    ("pnfs_mds_fallback_write_pagelist", 0x10000),
    ("pnfs_update_layout", 0x10000),
    ("rdev_set_coalesce", 0x10),
    ("rxrpc_client", 0x1),
    ("rxrpc_tq", 0x10),
    ("sched_process_wait", GONE),
    ("signal_deliver", GONE),
    ("signal_generate", GONE),
    ("spufs_context", 0x10),
    ("tcp_sendmsg_locked", 0x100),
    ("wiphy_work_cancel", 0x10),
    ("wiphy_work_flush", 0x10),
    ("wiphy_work_queue", 0x10),
    ("wiphy_work_run", 0x10),
    ("xchk_metapath_lookup", 0x100),
    ("xchk_nlinks_live_update", 0x10),
    ("xfs_blockgc_flush_all", 0x1),
    ("xfs_blockgc_free_space", 0x10),
    ("xfs_blockgc_start", 0x1),
    ("xfs_blockgc_stop", 0x1),
    ("xfs_blockgc_worker", 0x1),
    ("xfs_btree_overlapped_query_range", 0x100),
    ("xfs_btree_updkeys", 0x100),
    ("xfs_defer_add_item", 0x1),
    ("xfs_defer_cancel_item", 0x1),
    ("xfs_defer_cancel_list", 0x1),
    ("xfs_defer_create_intent", 0x1),
    ("xfs_defer_finish_item", 0x1),
    ("xfs_defer_isolate_paused", 0x1),
    ("xfs_defer_item_pause", 0x1),
    ("xfs_defer_item_unpause", 0x1),
    ("xfs_defer_pending_abort", 0x1),
    ("xfs_defer_pending_finish", 0x1),
    ("xfs_defer_relog_intent", 0x1),
    ("xfs_fs_sync_fs", 0x1),
    ("xfs_inodegc_flush", 0x1),
    ("xfs_inodegc_push", 0x1),
    ("xfs_inodegc_queue", 0x1),
    ("xfs_inodegc_start", 0x1),
    ("xfs_inodegc_stop", 0x1),
    ("xfs_inodegc_throttle", 0x1),
    ("xfs_ioc_free_eofblocks", 0x10),
    ("xfs_iomap_alloc", 0x1000),
    ("xfs_iomap_found", 0x1000),
    ("xfs_map_blocks_alloc", 0x10000),
    ("xfs_map_blocks_found", 0x10000),
];
