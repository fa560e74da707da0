//! Linux 5.10.262, on top of what Linux 6.1.192 has otherwise than the base. Programs call no kfuncs.

pub(super) mod helpers;
mod lsm;

use super::{Changes, NameChanges, Tables, helper, v6_1_192};
use crate::helper::id::GET_TASK_STACK;
use crate::map::MapType::{
    ArrayOfMaps, HashOfMaps, InodeStorage, LruPercpuHash, PercpuArray, PercpuHash, Queue, Ringbuf, SkStorage,
    Stack,
};
use crate::prog::ProgType;
use crate::tables::btf::BtfRules;
use crate::tables::calls::Calls;
use crate::tables::ctx::{Arguments, ReturnRange, ReturnRule, Sleeping, net, skb};
use crate::tables::kfunc::attach::{Attaching, TailCalls};
use crate::tables::kfunc::iter::{self, IterTarget};
use crate::tables::kfunc::struct_ops::{StructOps, TCP_CONGESTION_OF_5_10, TCP_CONGESTION_OPS};
use crate::tables::map::{self, Demands};

/// Linux 5.10.262.
pub(super) static TABLES: Tables = Tables::new("5.10.262", CHANGES);

/// What it has otherwise than Linux 6.1.192.
const CHANGES: Changes = Changes {
    on: Some(&v6_1_192::CHANGES),
    attach_types: 38,
    prog_flags: 0x1f,
    btf: BtfRules {
        kinds: 16,
        empty_sections: false,
        flagged_enums: false,
        section_fields: false,
        ..v6_1_192::CHANGES.btf
    },
    helper: helper::Changes {
        count: 156,
        sets: helpers::SETS,
        rows: helpers::ROWS,
        unknown_results: &[GET_TASK_STACK],
        ..v6_1_192::CHANGES.helper
    },
    map: map::Changes {
        count: 29,
        // Sleepable programs use arrays, and hash tables without copies for CPUs.
        sleepless: &[
            PercpuHash,
            PercpuArray,
            LruPercpuHash,
            ArrayOfMaps,
            HashOfMaps,
            Ringbuf,
            InodeStorage,
            SkStorage,
            Queue,
            Stack,
        ],
        sleep_words: "Sleepable programs can only use array and hash maps",
        kptrs: &[],
        demands: Demands {
            array_value: 4 << 20,
            hash_key: Some(512),
            cgroup_value: Some(4096),
            ..v6_1_192::CHANGES.map.demands
        },
        ..v6_1_192::CHANGES.map
    },
    sleeping: &[(ProgType::Kprobe, Sleeping::Never)],
    // A program at bind returns no wish to bypass a capability.
    returns: &[(
        ReturnRule::Range(ReturnRange::new(0, 3)),
        ReturnRule::Range(ReturnRange::new(0, 1)),
    )],
    arguments: Arguments {
        most: 11,
        structs: false,
        int_pointers: false,
        first_context: Some(ProgType::SkLookup),
        ..v6_1_192::CHANGES.arguments
    },
    kfunc_base: Some(&[]),
    kfunc_sets: &[],
    lsm: lsm::CHANGES,
    contexts: &[
        (ProgType::SocketFilter, skb::of_5_10::socket_filter),
        (ProgType::SchedCls, skb::of_5_10::sched_cls),
        (ProgType::SchedAct, skb::of_5_10::sched_cls),
        (ProgType::CgroupSkb, skb::of_5_10::cgroup_skb),
        (ProgType::LwtIn, skb::of_5_10::lwt),
        (ProgType::LwtOut, skb::of_5_10::lwt),
        (ProgType::LwtXmit, skb::of_5_10::lwt),
        (ProgType::LwtSeg6local, skb::of_5_10::lwt),
        (ProgType::SkSkb, skb::of_5_10::sk_skb),
        (ProgType::SkReuseport, || &net::SK_REUSEPORT_WITHOUT_SOCKETS),
        (ProgType::SkLookup, || &net::SK_LOOKUP_OF_5_10),
    ],
    calls: Calls::OF_5_10,
    attaching: Attaching {
        tail_calls: TailCalls::OF_5_10,
        sleep_words: "Only fentry/fexit/fmod_ret and lsm programs can be sleepable",
        ..v6_1_192::CHANGES.attaching
    },
    denied: NameChanges::only(&[]),
    injectable: NameChanges {
        added: &["__add_to_page_cache_locked"],
        removed: &[
            "__filemap_add_folio",
            "bpf_fentry_test1",
            "btrfs_cow_block",
            "btrfs_search_slot",
            "ssh_ptl_should_corrupt_rx_data",
            "ssh_ptl_should_corrupt_rx_syn",
            "ssh_ptl_should_corrupt_tx_data",
            "ssh_ptl_should_drop_ack_packet",
            "ssh_ptl_should_drop_dsq_packet",
            "ssh_ptl_should_drop_nak_packet",
            "ssh_ptl_should_fail_write",
            "ssh_rtl_should_drop_response",
        ],
        ..NameChanges::NONE
    },
    iterators: ITERATORS,
    struct_ops: STRUCT_OPS,
    ..v6_1_192::CHANGES
};

/// The kernel reschedules in none of them.
static ITERATORS: &[IterTarget] = &[
    iter::target("task", &[iter::object(8, "task_struct")]),
    iter::target(
        "task_file",
        &[iter::object(8, "task_struct"), iter::object(24, "file")],
    ),
];

static STRUCT_OPS: &[StructOps] = &[StructOps {
    writes: &TCP_CONGESTION_OF_5_10,
    ..TCP_CONGESTION_OPS
}];
