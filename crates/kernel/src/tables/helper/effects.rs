//! What the verifier knows of helpers beyond their prototypes.
//!
//! Sources: `bpf_helper_changes_pkt_data` of `net/core/filter.c`; `is_acquire_function` and its neighbours in
//! `kernel/bpf/verifier.c`.

use super::HelperId;
use super::id::*;
use crate::Kernel;
use crate::map::MapType;

/// When a helper runs the callback that it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    /// Before it returns, any number of times.
    Sync,
    /// At some later time.
    Async,
}

/// Whether a call invalidates the pointers into packets, in the base.
const fn changes_packet(id: HelperId) -> bool {
    matches!(
        id,
        // A tail-called program may call any of the others.
        TAIL_CALL
            | CLONE_REDIRECT
            | L3_CSUM_REPLACE
            | L4_CSUM_REPLACE
            | LWT_PUSH_ENCAP
            | LWT_SEG6_ACTION
            | LWT_SEG6_ADJUST_SRH
            | LWT_SEG6_STORE_BYTES
            | MSG_POP_DATA
            | MSG_PULL_DATA
            | MSG_PUSH_DATA
            | SKB_ADJUST_ROOM
            | SKB_CHANGE_HEAD
            | SKB_CHANGE_PROTO
            | SKB_CHANGE_TAIL
            | SKB_PULL_DATA
            | SKB_STORE_BYTES
            | SKB_VLAN_POP
            | SKB_VLAN_PUSH
            | STORE_HDR_OPT
            | XDP_ADJUST_HEAD
            | XDP_ADJUST_META
            | XDP_ADJUST_TAIL
    )
}

/// Whether a call gives the number of bytes that it wrote, or an error, in the base.
const fn returns_bytes_written(id: HelperId) -> bool {
    matches!(
        id,
        GET_STACK | GET_TASK_STACK | PROBE_READ_STR | PROBE_READ_KERNEL_STR | PROBE_READ_USER_STR
    )
}

/// Whether the pointer that a call gives back is a reference to release; `map` is the type of its map.
pub const fn acquires(id: HelperId, map: Option<MapType>) -> bool {
    match id {
        SK_LOOKUP_TCP | SK_LOOKUP_UDP | SKC_LOOKUP_TCP | RINGBUF_RESERVE | KPTR_XCHG => true,
        MAP_LOOKUP_ELEM => matches!(map, Some(MapType::Sockmap | MapType::Sockhash)),
        _ => false,
    }
}

/// Whether the pointer that a call gives back refers to the same object as its argument.
pub const fn casts_pointer(id: HelperId) -> bool {
    matches!(
        id,
        TCP_SOCK
            | SK_FULLSOCK
            | SKC_TO_TCP_SOCK
            | SKC_TO_TCP6_SOCK
            | SKC_TO_UDP6_SOCK
            | SKC_TO_MPTCP_SOCK
            | SKC_TO_TCP_TIMEWAIT_SOCK
            | SKC_TO_TCP_REQUEST_SOCK
    )
}

/// Whether the pointer that a call gives back lives as long as its dynptr.
pub const fn slices_dynptr(id: HelperId) -> bool {
    id == DYNPTR_DATA
}

/// Whether the helper runs a callback, and when.
const fn callback(id: HelperId) -> Option<Callback> {
    match id {
        FOR_EACH_MAP_ELEM | FIND_VMA | LOOP | USER_RINGBUF_DRAIN => Some(Callback::Sync),
        TIMER_SET_CALLBACK => Some(Callback::Async),
        _ => None,
    }
}

/// Whether the helper gets an element of local storage, and may allocate it.
pub const fn gets_storage(id: HelperId) -> bool {
    matches!(
        id,
        SK_STORAGE_GET | INODE_STORAGE_GET | TASK_STORAGE_GET | CGRP_STORAGE_GET
    )
}

impl Kernel {
    /// Whether a call invalidates the pointers into packets.
    pub fn changes_packet(&self, id: HelperId) -> bool {
        changes_packet(id) && !self.tables.changes.helper.keeps_packet.contains(&id)
    }

    /// Whether the helper runs a callback, and when. One that this kernel does not have runs none.
    pub fn runs_callback(&self, id: HelperId) -> Option<Callback> {
        let known = (id as usize) < self.tables.changes.helper.count;
        known.then(|| callback(id)).flatten()
    }

    /// Whether a call gives at most as many bytes as it was given room for, or an error (`do_refine_retval_range`).
    pub fn returns_bytes_written(&self, id: HelperId) -> bool {
        returns_bytes_written(id) && !self.tables.changes.helper.unknown_results.contains(&id)
    }

    /// Whether calls of the helper become instructions, so that its `bpf_fastcall` contract holds
    /// (`verifier_inlines_helper_call`, `bpf_jit_inlines_helper_call`).
    pub fn inlines_helper(&self, id: HelperId) -> bool {
        let jit = self.machine.jit;
        id == GET_SMP_PROCESSOR_ID && jit.enabled && jit.percpu_insn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects() {
        assert!(changes_packet(43) && changes_packet(12) && !changes_packet(26));
        assert!(
            acquires(84, None) && !acquires(1, Some(MapType::Hash)) && acquires(1, Some(MapType::Sockhash))
        );
        assert_eq!(
            (callback(181), callback(170), callback(1)),
            (Some(Callback::Sync), Some(Callback::Async), None)
        );
        assert!(casts_pointer(136) && !casts_pointer(178) && slices_dynptr(203) && gets_storage(156));
    }

    #[test]
    fn only_the_cpu_number_is_inlined() {
        let kernel = Kernel::open("6.12").unwrap();
        assert!((0..300).filter(|id| kernel.inlines_helper(*id)).eq([8]));
    }
}
