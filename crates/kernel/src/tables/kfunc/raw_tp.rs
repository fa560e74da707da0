//! Arguments of raw tracepoints that may be NULL or an encoded error.
//!
//! `raw_tp_null_args` of `kernel/bpf/btf.c`. BTF does not tell, so the kernel keeps a list of the tracepoints
//! whose callers were found to pass such values.

use crate::Kernel;

/// Per tracepoint a word with four bits for each argument, the first argument (after the program's data) in
/// the lowest: 1 is "may be NULL", 2 is "may be an encoded error". Sorted by name.
#[rustfmt::skip]
const NULL_ARGS: &[(&str, u64)] = &[
    ("afs_flock_ev", 0x10),
    ("afs_make_fs_call", 0x10),
    ("afs_make_fs_call1", 0x10),
    ("afs_make_fs_call2", 0x10),
    ("afs_make_fs_calli", 0x10),
    ("afs_protocol_error", 0x1),
    ("bpf_testmod_test_read", 0x0),
    ("break_lease_block", 0x10),
    ("break_lease_noblock", 0x10),
    ("break_lease_unblock", 0x10),
    ("cachefiles_io_error", 0x1),
    ("cachefiles_lookup", 0x201),
    ("cachefiles_mark_active", 0x1),
    ("cachefiles_mark_failed", 0x1),
    ("cachefiles_mark_inactive", 0x1),
    ("cachefiles_ondemand_close", 0x1),
    ("cachefiles_ondemand_copen", 0x1),
    ("cachefiles_ondemand_cread", 0x1),
    ("cachefiles_ondemand_fd_release", 0x1),
    ("cachefiles_ondemand_fd_write", 0x1),
    ("cachefiles_ondemand_open", 0x1),
    ("cachefiles_ondemand_read", 0x1),
    ("cachefiles_prep_read", 0x1),
    ("cachefiles_rename", 0x1),
    ("cachefiles_unlink", 0x1),
    ("cachefiles_vfs_error", 0x1),
    ("device_pm_callback_start", 0x10),
    ("ext4_mballoc_discard", 0x10),
    ("ext4_mballoc_free", 0x10),
    ("fcntl_setlk", 0x10),
    ("fib_table_lookup", 0x100),
    ("flock_lock_inode", 0x10),
    ("folio_wait_writeback", 0x10),
    ("generic_delete_lease", 0x10),
    ("host1x_cdma_push_gather", 0x10000),
    ("kfree_skb", 0x1000),
    ("locks_remove_posix", 0x10),
    ("mm_collapse_huge_page_isolate", 0x1),
    ("mm_khugepaged_collapse_file", 0x10),
    ("mm_khugepaged_scan_file", 0x10),
    ("mm_khugepaged_scan_pmd", 0x10),
    ("mm_page_alloc", 0x1),
    ("mm_page_alloc_zone_locked", 0x1),
    ("mm_page_pcpu_drain", 0x1),
    ("mr_integ_alloc", 0x2000),
    ("netfs_failure", 0x10),
    ("posix_lock_inode", 0x10),
    ("qdisc_dequeue", 0x1000),
    ("rxrpc_recvdata", 0x1),
    ("rxrpc_resend", 0x10),
    ("sched_pi_setprio", 0x10),
    ("sched_process_wait", 0x1),
    ("sched_stick_numa", 0x100),
    ("sched_swap_numa", 0x100),
    ("signal_deliver", 0x20),
    ("signal_generate", 0x20),
    ("tcp_send_reset", 0x11),
    ("tegra_dma_tx_status", 0x100),
    ("time_out_leases", 0x10),
    ("tmigr_update_events", 0x1),
    ("writeback_dirty_folio", 0x10),
    ("xprt_get_cong", 0x10),
    ("xprt_put_cong", 0x10),
    ("xprt_release_cong", 0x10),
    ("xprt_reserve_cong", 0x10),
    ("xs_stream_read_data", 0x1),
];

/// In a release's changes: the tracepoint is not on its list.
pub(in crate::tables) const GONE: u64 = u64::MAX;

/// How a release's list differs from the base's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes {
    /// Whether there is a list at all; without one, nothing is noted of any argument.
    listed: bool,
    /// Tracepoints with other notes; [`GONE`] takes one off the list.
    notes: &'static [(&'static str, u64)],
}

impl Changes {
    pub(in crate::tables) const NONE: Changes = Changes::but(&[]);
    /// There is no such list.
    pub(in crate::tables) const UNLISTED: Changes = Changes {
        listed: false,
        notes: &[],
    };
    /// The base's list but for these tracepoints.
    pub(in crate::tables) const fn but(notes: &'static [(&'static str, u64)]) -> Changes {
        Changes { listed: true, notes }
    }
}

/// What the list says about an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgNote {
    /// May be NULL.
    pub null: bool,
    /// May be an encoded error, so that it must not be dereferenced at all.
    pub error: bool,
}

impl Kernel {
    /// What is known of argument `arg` (from 0) of `tracepoint`, whose name is without `btf_trace_`; `None` when
    /// the tracepoint is not listed. (Of unlisted tracepoints in modules, every pointer may be NULL.)
    pub fn raw_tp_note(&self, tracepoint: &str, arg: u32) -> Option<ArgNote> {
        let changes = self.tables.changes.raw_tp;
        let mask = match changes.notes.iter().find(|(name, _)| *name == tracepoint) {
            Some((_, GONE)) => return None,
            None if !changes.listed => return None,
            Some((_, mask)) => mask,
            None => {
                let at = NULL_ARGS
                    .binary_search_by(|(name, _)| (*name).cmp(tracepoint))
                    .ok()?;
                &NULL_ARGS.get(at)?.1
            }
        };
        let bits = mask.checked_shr(arg.checked_mul(4)?).unwrap_or(0);
        Some(ArgNote {
            null: bits & 1 != 0,
            error: bits & 2 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_sorted() {
        assert!(NULL_ARGS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn notes() {
        let kernel = Kernel::open("6.12.117").unwrap();
        let of = |tp, arg| kernel.raw_tp_note(tp, arg).map(|n| (n.null, n.error));
        assert_eq!(of("sched_pi_setprio", 1), Some((true, false)));
        assert_eq!(of("sched_pi_setprio", 0), Some((false, false)));
        assert_eq!(of("cachefiles_lookup", 2), Some((false, true)));
        assert_eq!(of("mr_integ_alloc", 3), Some((false, true)));
        assert_eq!(of("sched_switch", 0), None);
        assert_eq!(of("tcp_send_reset", 100), Some((false, false)));
        assert_eq!(of("tcp_send_reset", u32::MAX), None);
    }
}
