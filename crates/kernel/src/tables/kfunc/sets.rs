//! The sets in which Linux 6.12.117 registers kfuncs, transcribed from the files named at each.
//!
//! A set is what a `BTF_KFUNCS_START` list (`BTF_SET8_START` for functions that `fmod_ret` programs may attach to) holds
//! and where `register_btf_kfunc_id_set` puts it. All sets of the source are here, also those of modules and
//! of options that a kernel may lack: a kernel has of them what its BTF has.

use super::Hook;
use super::KfuncFlags as F;

/// Which programs a set's kfuncs are for, beyond those that its hooks name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All.
    None,
    /// LSM programs only (not others that share their hook).
    LsmPrograms,
    /// Iterators only.
    Iterators,
    /// Session kprobes and uprobes only.
    KprobeSessions,
    /// Implementations of `struct Qdisc_ops`, by member.
    Qdiscs,
}

/// A set of kfuncs.
#[derive(Debug)]
pub struct Set {
    /// Its name in the source.
    pub name: &'static str,
    /// Where that is.
    pub source: &'static str,
    /// Where it is registered.
    pub hooks: &'static [Hook],
    /// What else decides.
    pub filter: Filter,
    /// Names and flags.
    pub kfuncs: &'static [(&'static str, F)],
}

macro_rules! sets {
    ($($set:ident in $source:literal for [$($hook:ident),*] with $filter:ident { $($kfunc:ident $($flag:ident)*;)* })*) => {
        &[$($crate::kfunc::Set {
            name: stringify!($set),
            source: $source,
            hooks: &[$($crate::kfunc::Hook::$hook),*],
            filter: $crate::kfunc::Filter::$filter,
            kfuncs: &[$((
                stringify!($kfunc),
                $crate::kfunc::KfuncFlags::NONE$(.with($crate::kfunc::KfuncFlags::$flag))*,
            )),*],
        }),*]
    };
}
pub(in crate::tables) use sets;

/// All sets.
pub static SETS: &[Set] = sets! {
    generic_btf_ids in "kernel/bpf/helpers.c" for [Tracing, Tc, Xdp, StructOps, Syscall, Cgroup] with None {
        crash_kexec DESTRUCTIVE;
        bpf_obj_new_impl ACQUIRE RET_NULL;
        bpf_percpu_obj_new_impl ACQUIRE RET_NULL;
        bpf_obj_drop_impl RELEASE;
        bpf_percpu_obj_drop_impl RELEASE;
        bpf_refcount_acquire_impl ACQUIRE RET_NULL RCU;
        bpf_list_push_front_impl;
        bpf_list_push_back_impl;
        bpf_list_pop_front ACQUIRE RET_NULL;
        bpf_list_pop_back ACQUIRE RET_NULL;
        bpf_task_acquire ACQUIRE RCU RET_NULL;
        bpf_task_release RELEASE;
        bpf_rbtree_remove ACQUIRE RET_NULL;
        bpf_rbtree_add_impl;
        bpf_rbtree_first RET_NULL;
        bpf_cgroup_acquire ACQUIRE RCU RET_NULL;
        bpf_cgroup_release RELEASE;
        bpf_cgroup_ancestor ACQUIRE RCU RET_NULL;
        bpf_cgroup_from_id ACQUIRE RET_NULL;
        bpf_task_under_cgroup RCU;
        bpf_task_get_cgroup1 ACQUIRE RCU RET_NULL;
        bpf_task_from_pid ACQUIRE RET_NULL;
        bpf_throw;
    }
    common_btf_ids in "kernel/bpf/helpers.c" for [Common] with None {
        bpf_cast_to_kern_ctx;
        bpf_rdonly_cast;
        bpf_rcu_read_lock;
        bpf_rcu_read_unlock;
        bpf_dynptr_slice RET_NULL;
        bpf_dynptr_slice_rdwr RET_NULL;
        bpf_iter_num_new ITER_NEW;
        bpf_iter_num_next ITER_NEXT RET_NULL;
        bpf_iter_num_destroy ITER_DESTROY;
        bpf_iter_task_vma_new ITER_NEW RCU;
        bpf_iter_task_vma_next ITER_NEXT RET_NULL;
        bpf_iter_task_vma_destroy ITER_DESTROY;
        bpf_iter_css_task_new ITER_NEW TRUSTED_ARGS;
        bpf_iter_css_task_next ITER_NEXT RET_NULL;
        bpf_iter_css_task_destroy ITER_DESTROY;
        bpf_iter_css_new ITER_NEW TRUSTED_ARGS RCU_PROTECTED;
        bpf_iter_css_next ITER_NEXT RET_NULL;
        bpf_iter_css_destroy ITER_DESTROY;
        bpf_iter_task_new ITER_NEW TRUSTED_ARGS RCU_PROTECTED;
        bpf_iter_task_next ITER_NEXT RET_NULL;
        bpf_iter_task_destroy ITER_DESTROY;
        bpf_dynptr_adjust;
        bpf_dynptr_is_null;
        bpf_dynptr_is_rdonly;
        bpf_dynptr_size;
        bpf_dynptr_clone;
        bpf_modify_return_test_tp;
        bpf_wq_init;
        bpf_wq_set_callback_impl;
        bpf_wq_start;
        bpf_preempt_disable;
        bpf_preempt_enable;
        bpf_iter_bits_new ITER_NEW;
        bpf_iter_bits_next ITER_NEXT RET_NULL;
        bpf_iter_bits_destroy ITER_DESTROY;
        bpf_copy_from_user_str SLEEPABLE;
    }
    bpf_map_iter_kfunc_ids in "kernel/bpf/map_iter.c" for [Common] with None {
        bpf_map_sum_elem_count TRUSTED_ARGS;
    }
    arena_kfuncs in "kernel/bpf/arena.c" for [Common] with None {
        bpf_arena_alloc_pages TRUSTED_ARGS SLEEPABLE;
        bpf_arena_free_pages TRUSTED_ARGS SLEEPABLE;
    }
    cpumask_kfunc_btf_ids in "kernel/bpf/cpumask.c" for [Tracing, StructOps, Syscall] with None {
        bpf_cpumask_create ACQUIRE RET_NULL;
        bpf_cpumask_release RELEASE;
        bpf_cpumask_acquire ACQUIRE TRUSTED_ARGS;
        bpf_cpumask_first RCU;
        bpf_cpumask_first_zero RCU;
        bpf_cpumask_first_and RCU;
        bpf_cpumask_set_cpu RCU;
        bpf_cpumask_clear_cpu RCU;
        bpf_cpumask_test_cpu RCU;
        bpf_cpumask_test_and_set_cpu RCU;
        bpf_cpumask_test_and_clear_cpu RCU;
        bpf_cpumask_setall RCU;
        bpf_cpumask_clear RCU;
        bpf_cpumask_and RCU;
        bpf_cpumask_or RCU;
        bpf_cpumask_xor RCU;
        bpf_cpumask_equal RCU;
        bpf_cpumask_intersects RCU;
        bpf_cpumask_subset RCU;
        bpf_cpumask_empty RCU;
        bpf_cpumask_full RCU;
        bpf_cpumask_copy RCU;
        bpf_cpumask_any_distribute RCU;
        bpf_cpumask_any_and_distribute RCU;
        bpf_cpumask_weight RCU;
    }
    crypt_init_kfunc_btf_ids in "kernel/bpf/crypto.c" for [Syscall] with None {
        bpf_crypto_ctx_create ACQUIRE RET_NULL SLEEPABLE;
        bpf_crypto_ctx_release RELEASE;
        bpf_crypto_ctx_acquire ACQUIRE RCU RET_NULL;
    }
    crypt_kfunc_btf_ids in "kernel/bpf/crypto.c" for [Tc, SchedAct, Xdp] with None {
        bpf_crypto_decrypt RCU;
        bpf_crypto_encrypt RCU;
    }
    key_sig_kfunc_set in "kernel/trace/bpf_trace.c" for [Tracing] with None {
        bpf_lookup_user_key ACQUIRE RET_NULL SLEEPABLE;
        bpf_lookup_system_key ACQUIRE RET_NULL;
        bpf_key_put RELEASE;
        bpf_verify_pkcs7_signature SLEEPABLE;
    }
    kprobe_multi_kfunc_set_ids in "kernel/trace/bpf_trace.c" for [Kprobe] with KprobeSessions {
        bpf_session_is_return;
        bpf_session_cookie;
    }
    bpf_rstat_kfunc_ids in "kernel/cgroup/rstat.c" for [Tracing] with None {
        cgroup_rstat_updated;
        cgroup_rstat_flush SLEEPABLE;
    }
    scx_kfunc_ids_select_cpu in "kernel/sched/ext.c" for [StructOps] with None {
        scx_bpf_select_cpu_dfl RCU;
    }
    scx_kfunc_ids_enqueue_dispatch in "kernel/sched/ext.c" for [StructOps] with None {
        scx_bpf_dispatch RCU;
        scx_bpf_dispatch_vtime RCU;
    }
    scx_kfunc_ids_dispatch in "kernel/sched/ext.c" for [StructOps] with None {
        scx_bpf_dispatch_nr_slots;
        scx_bpf_dispatch_cancel;
        scx_bpf_consume;
        scx_bpf_dispatch_from_dsq_set_slice RCU;
        scx_bpf_dispatch_from_dsq_set_vtime RCU;
        scx_bpf_dispatch_from_dsq RCU;
        scx_bpf_dispatch_vtime_from_dsq RCU;
    }
    scx_kfunc_ids_cpu_release in "kernel/sched/ext.c" for [StructOps] with None {
        scx_bpf_reenqueue_local;
    }
    scx_kfunc_ids_unlocked in "kernel/sched/ext.c" for [StructOps, Syscall] with None {
        scx_bpf_create_dsq SLEEPABLE;
        scx_bpf_dispatch_from_dsq_set_slice RCU;
        scx_bpf_dispatch_from_dsq_set_vtime RCU;
        scx_bpf_dispatch_from_dsq RCU;
        scx_bpf_dispatch_vtime_from_dsq RCU;
    }
    scx_kfunc_ids_any in "kernel/sched/ext.c" for [StructOps, Tracing, Syscall] with None {
        scx_bpf_kick_cpu;
        scx_bpf_dsq_nr_queued;
        scx_bpf_destroy_dsq;
        bpf_iter_scx_dsq_new ITER_NEW RCU_PROTECTED;
        bpf_iter_scx_dsq_next ITER_NEXT RET_NULL;
        bpf_iter_scx_dsq_destroy ITER_DESTROY;
        scx_bpf_exit_bstr TRUSTED_ARGS;
        scx_bpf_error_bstr TRUSTED_ARGS;
        scx_bpf_dump_bstr TRUSTED_ARGS;
        scx_bpf_cpuperf_cap;
        scx_bpf_cpuperf_cur;
        scx_bpf_cpuperf_set;
        scx_bpf_nr_cpu_ids;
        scx_bpf_get_possible_cpumask ACQUIRE;
        scx_bpf_get_online_cpumask ACQUIRE;
        scx_bpf_put_cpumask RELEASE;
        scx_bpf_get_idle_cpumask ACQUIRE;
        scx_bpf_get_idle_smtmask ACQUIRE;
        scx_bpf_put_idle_cpumask RELEASE;
        scx_bpf_test_and_clear_cpu_idle;
        scx_bpf_pick_idle_cpu RCU;
        scx_bpf_pick_any_cpu RCU;
        scx_bpf_task_running RCU;
        scx_bpf_task_cpu RCU;
        scx_bpf_cpu_rq;
        scx_bpf_task_cgroup RCU ACQUIRE;
    }
    bpf_fs_kfunc_set_ids in "fs/bpf_fs_kfuncs.c" for [Tracing] with LsmPrograms {
        bpf_get_task_exe_file ACQUIRE TRUSTED_ARGS RET_NULL;
        bpf_put_file RELEASE;
        bpf_path_d_path TRUSTED_ARGS;
        bpf_get_dentry_xattr SLEEPABLE TRUSTED_ARGS;
        bpf_get_file_xattr SLEEPABLE TRUSTED_ARGS;
    }
    fsverity_set_ids in "fs/verity/measure.c" for [Tracing] with LsmPrograms {
        bpf_get_fsverity_digest TRUSTED_ARGS;
    }
    bpf_kfunc_check_set_skb in "net/core/filter.c" for [Tc, SchedAct, SkSkb, SocketFilter, Cgroup, Lwt, Netfilter, Tracing] with None {
        bpf_dynptr_from_skb TRUSTED_ARGS;
    }
    bpf_kfunc_check_set_xdp in "net/core/filter.c" for [Xdp] with None {
        bpf_dynptr_from_xdp;
    }
    bpf_kfunc_check_set_sock_addr in "net/core/filter.c" for [Cgroup] with None {
        bpf_sock_addr_set_sun_path;
    }
    bpf_kfunc_check_set_tcp_reqsk in "net/core/filter.c" for [Tc] with None {
        bpf_sk_assign_tcp_reqsk TRUSTED_ARGS;
    }
    bpf_sk_iter_kfunc_ids in "net/core/filter.c" for [Tracing] with Iterators {
        bpf_sock_destroy TRUSTED_ARGS;
    }
    xdp_metadata_kfunc_ids in "net/core/xdp.c" for [Xdp] with None {
        bpf_xdp_metadata_rx_timestamp TRUSTED_ARGS;
        bpf_xdp_metadata_rx_hash TRUSTED_ARGS;
        bpf_xdp_metadata_rx_vlan_tag TRUSTED_ARGS;
    }
    bpf_test_modify_return_ids in "net/bpf/test_run.c" for [ModifyReturn] with None {
        bpf_modify_return_test;
        bpf_modify_return_test2;
        bpf_modify_return_test_tp;
        bpf_fentry_test1 SLEEPABLE;
    }
    test_sk_check_kfunc_ids in "net/bpf/test_run.c" for [Tc, Tracing, Syscall] with None {
        bpf_kfunc_call_test_release RELEASE;
        bpf_kfunc_call_memb_release RELEASE;
    }
    bpf_tcp_ca_check_kfunc_ids in "net/ipv4/bpf_tcp_ca.c" for [StructOps] with None {
        tcp_reno_ssthresh;
        tcp_reno_cong_avoid;
        tcp_reno_undo_cwnd;
        tcp_slow_start;
        tcp_cong_avoid_ai;
    }
    tcp_cubic_check_kfunc_ids in "net/ipv4/tcp_cubic.c" for [StructOps] with None {
        cubictcp_init;
        cubictcp_recalc_ssthresh;
        cubictcp_cong_avoid;
        cubictcp_state;
        cubictcp_cwnd_event;
        cubictcp_acked;
    }
    tcp_dctcp_check_kfunc_ids in "net/ipv4/tcp_dctcp.c" for [StructOps] with None {
        dctcp_init;
        dctcp_update_alpha;
        dctcp_cwnd_event;
        dctcp_ssthresh;
        dctcp_cwnd_undo;
        dctcp_state;
    }
    tcp_bbr_check_kfunc_ids in "net/ipv4/tcp_bbr.c" for [StructOps] with None {
        bbr_init;
        bbr_main;
        bbr_sndbuf_expand;
        bbr_undo_cwnd;
        bbr_cwnd_event;
        bbr_ssthresh;
        bbr_min_tso_segs;
        bbr_set_state;
    }
    fou_kfunc_set in "net/ipv4/fou_bpf.c" for [Tc] with None {
        bpf_skb_set_fou_encap;
        bpf_skb_get_fou_encap;
    }
    bpf_mptcp_fmodret_ids in "net/mptcp/bpf.c" for [ModifyReturn] with None {
        update_socket_protocol;
    }
    xfrm_ifc_kfunc_set in "net/xfrm/xfrm_interface_bpf.c" for [Tc] with None {
        bpf_skb_get_xfrm_info;
        bpf_skb_set_xfrm_info;
    }
    xfrm_state_kfunc_set in "net/xfrm/xfrm_state_bpf.c" for [Xdp] with None {
        bpf_xdp_get_xfrm_state RET_NULL ACQUIRE;
        bpf_xdp_xfrm_state_release RELEASE;
    }
    nf_ct_kfunc_set in "net/netfilter/nf_conntrack_bpf.c" for [Xdp, Tc] with None {
        bpf_xdp_ct_alloc ACQUIRE RET_NULL;
        bpf_xdp_ct_lookup ACQUIRE RET_NULL;
        bpf_skb_ct_alloc ACQUIRE RET_NULL;
        bpf_skb_ct_lookup ACQUIRE RET_NULL;
        bpf_ct_insert_entry ACQUIRE RET_NULL RELEASE;
        bpf_ct_release RELEASE;
        bpf_ct_set_timeout TRUSTED_ARGS;
        bpf_ct_change_timeout TRUSTED_ARGS;
        bpf_ct_set_status TRUSTED_ARGS;
        bpf_ct_change_status TRUSTED_ARGS;
    }
    nf_nat_kfunc_set in "net/netfilter/nf_nat_bpf.c" for [Xdp, Tc] with None {
        bpf_ct_set_nat_info TRUSTED_ARGS;
    }
    nf_ft_kfunc_set in "net/netfilter/nf_flow_table_bpf.c" for [Xdp] with None {
        bpf_xdp_flow_lookup TRUSTED_ARGS RET_NULL;
    }
    hid_bpf_kfunc_ids in "drivers/hid/bpf/hid_bpf_dispatch.c" for [StructOps] with None {
        hid_bpf_get_data RET_NULL;
        hid_bpf_allocate_context ACQUIRE RET_NULL SLEEPABLE;
        hid_bpf_release_context RELEASE SLEEPABLE;
        hid_bpf_hw_request SLEEPABLE;
        hid_bpf_hw_output_report SLEEPABLE;
        hid_bpf_input_report SLEEPABLE;
        hid_bpf_try_input_report;
    }
    hid_bpf_syscall_kfunc_ids in "drivers/hid/bpf/hid_bpf_dispatch.c" for [Syscall] with None {
        hid_bpf_allocate_context ACQUIRE RET_NULL;
        hid_bpf_release_context RELEASE;
        hid_bpf_hw_request;
        hid_bpf_hw_output_report;
        hid_bpf_input_report;
    }

};
