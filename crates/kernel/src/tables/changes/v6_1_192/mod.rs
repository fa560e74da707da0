//! Linux 6.1.192.

pub(super) mod helpers;
mod kfuncs;
mod lsm;

use super::{Changes, NameChanges, Tables, helper};
use crate::helper::id::{
    INODE_STORAGE_DELETE, INODE_STORAGE_GET, SK_STORAGE_DELETE, SK_STORAGE_GET, TAIL_CALL,
    TASK_STORAGE_DELETE, TASK_STORAGE_GET,
};
use crate::map::MapType::{
    Array, Hash, InodeStorage, LruHash, PercpuArray, Queue, SkStorage, Stack, TaskStorage,
};
use crate::prog::ProgType;
use crate::tables::btf::{BtfRules, KptrTags};
use crate::tables::calls::Calls;
use crate::tables::ctx::{Arguments, ReturnRule, Sleeping, net};
use crate::tables::kfunc::attach::{Attaching, TailCalls};
use crate::tables::kfunc::iter::{self, IterTarget};
use crate::tables::kfunc::raw_tp;
use crate::tables::kfunc::struct_ops::{
    DUMMY_AS_READ, DUMMY_OPS, StructOps, TCP_CONGESTION_OF_OLD, TCP_CONGESTION_OPS,
};
use crate::tables::map::{self, Demands};

/// Linux 6.1.192.
pub(super) static TABLES: Tables = Tables::new("6.1.192", CHANGES);

/// What it has otherwise than the base.
pub(super) const CHANGES: Changes = Changes {
    attach_types: 44,
    prog_flags: 0x3f,
    btf: BtfRules {
        printable_sections: false,
        struct_fields: false,
        fields_apart: true,
        max_fields: 8,
        local_kptrs: false,
        kptr_tags: KptrTags {
            unreferenced: "kptr",
            referenced: "kptr_ref",
            percpu: None,
        },
        ..BtfRules::BASE
    },
    helper: helper::Changes {
        count: 210,
        keeps_packet: &[TAIL_CALL],
        unknown_results: &[],
        sets: helpers::SETS,
        rows: helpers::ROWS,
    },
    map: map::Changes {
        count: 32,
        helpers: &[
            (SkStorage, &[SK_STORAGE_GET, SK_STORAGE_DELETE]),
            (InodeStorage, &[INODE_STORAGE_GET, INODE_STORAGE_DELETE]),
            (TaskStorage, &[TASK_STORAGE_GET, TASK_STORAGE_DELETE]),
        ],
        sleepless: &[Queue, Stack],
        sleep_words: "Sleepable programs can only use array, hash, and ringbuf maps",
        flags: 0x1fff,
        kptrs: &[Hash, LruHash, Array, PercpuArray],
        demands: Demands {
            inner_locks: false,
            ..Demands::BASE
        },
    },
    sleeping: &[
        (ProgType::Tracing, Sleeping::Always),
        (ProgType::StructOps, Sleeping::Never),
    ],
    returns: &[(ReturnRule::LsmHook, ReturnRule::Any)],
    arguments: Arguments {
        trusted: false,
        nullable_names: false,
        whole_pointers: false,
        known_results: false,
        projections: false,
        ..Arguments::BASE
    },
    kfunc_base: Some(kfuncs::BASE),
    kfunc_sets: kfuncs::SETS,
    kfunc_hooks: kfuncs::HOOKS,
    lsm: lsm::CHANGES,
    contexts: &[(ProgType::SockOps, || &net::SOCK_OPS_WITHOUT_HWTSTAMP)],
    raw_tp: raw_tp::Changes::UNLISTED,
    calls: Calls::OF_6_1,
    attaching: Attaching {
        nests_tracing: false,
        compares_packet_changes: false,
        names_tracepoint_args: false,
        refuses_wide_results: false,
        demands_operations: false,
        tail_calls: TailCalls::BASE,
        sleep_words: "Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable",
        cgroup_sleep_words: "BPF_LSM_CGROUP programs cannot be sleepable",
    },
    denied: NameChanges {
        removed: &["__rcu_read_lock", "__rcu_read_unlock"],
        ..NameChanges::NONE
    },
    no_return: NameChanges {
        removed: crate::tables::kfunc::attach::NO_RETURN,
        ..NameChanges::NONE
    },
    injectable: NameChanges {
        added: &[
            "bpf_fentry_test1",
            "bpf_modify_return_test",
            "btrfs_check_leaf_full",
        ],
        removed: &[
            "btrfs_check_leaf",
            "mtd_block_markbad",
            "mtd_erase",
            "mtd_read",
            "mtd_write",
            "page_pool_alloc_pages",
        ],
        ..NameChanges::NONE
    },
    iterators: ITERATORS,
    struct_ops: STRUCT_OPS,
    ..Changes::NONE
};

/// No argument is trusted.
static ITERATORS: &[IterTarget] = &[
    iter::target("bpf_map", &[iter::object(8, "bpf_map")]),
    iter::target("cgroup", &[iter::object(8, "cgroup")]).resched(),
    iter::target("task", &[iter::object(8, "task_struct")]).resched(),
    iter::target("tcp", &[iter::object(8, "sock_common")]),
    iter::target("udp", &[iter::object(8, "udp_sock")]),
];

static STRUCT_OPS: &[StructOps] = &[
    StructOps {
        writes: &TCP_CONGESTION_OF_OLD,
        ..TCP_CONGESTION_OPS
    },
    StructOps {
        nullable: &[],
        sleepable: None,
        writes: &DUMMY_AS_READ,
        ..DUMMY_OPS
    },
];
