//! Kfuncs of Linux 6.1.192. Fewer program types may call any, and none is for all of them.

use crate::kfunc::{Hook, Set};
use crate::prog::ProgType;
use crate::tables::kfunc::sets::sets;

/// The sets that are as in the base.
pub(super) static BASE: &[&str] = &[
    "key_sig_kfunc_set",
    "bpf_rstat_kfunc_ids",
    "bpf_tcp_ca_check_kfunc_ids",
    "tcp_cubic_check_kfunc_ids",
    "tcp_dctcp_check_kfunc_ids",
    "tcp_bbr_check_kfunc_ids",
    "nf_ct_kfunc_set",
    "nf_nat_kfunc_set",
];

pub(super) static SETS: &[Set] = sets! {
    tracing_btf_ids in "kernel/bpf/helpers.c" for [Tracing] with None {
        crash_kexec DESTRUCTIVE;
    }
    test_sk_check_kfunc_ids in "net/bpf/test_run.c" for [Tc, Tracing, Syscall] with None {
        bpf_kfunc_call_test1;
        bpf_kfunc_call_test2;
        bpf_kfunc_call_test3;
        bpf_kfunc_call_test_acquire ACQUIRE RET_NULL;
        bpf_kfunc_call_memb_acquire ACQUIRE RET_NULL;
        bpf_kfunc_call_test_release RELEASE;
        bpf_kfunc_call_memb_release RELEASE;
        bpf_kfunc_call_memb1_release RELEASE;
        bpf_kfunc_call_test_get_rdwr_mem RET_NULL;
        bpf_kfunc_call_test_get_rdonly_mem RET_NULL;
        bpf_kfunc_call_test_acq_rdonly_mem ACQUIRE RET_NULL;
        bpf_kfunc_call_int_mem_release RELEASE;
        bpf_kfunc_call_test_kptr_get ACQUIRE RET_NULL KPTR_GET;
        bpf_kfunc_call_test_pass_ctx;
        bpf_kfunc_call_test_pass1;
        bpf_kfunc_call_test_pass2;
        bpf_kfunc_call_test_fail1;
        bpf_kfunc_call_test_fail2;
        bpf_kfunc_call_test_fail3;
        bpf_kfunc_call_test_mem_len_pass1;
        bpf_kfunc_call_test_mem_len_fail1;
        bpf_kfunc_call_test_mem_len_fail2;
        bpf_kfunc_call_test_ref TRUSTED_ARGS;
        bpf_kfunc_call_test_destructive DESTRUCTIVE;
    }
};

/// Only XDP, classifiers, struct_ops, tracing by BTF, security hooks and syscall programs have a hook.
pub(super) static HOOKS: &[(ProgType, Option<Hook>)] = &[
    (ProgType::Unspec, None),
    (ProgType::SocketFilter, None),
    (ProgType::Kprobe, None),
    (ProgType::SchedAct, None),
    (ProgType::Tracepoint, None),
    (ProgType::PerfEvent, None),
    (ProgType::CgroupSkb, None),
    (ProgType::CgroupSock, None),
    (ProgType::CgroupDevice, None),
    (ProgType::CgroupSockAddr, None),
    (ProgType::CgroupSockopt, None),
    (ProgType::CgroupSysctl, None),
    (ProgType::SkSkb, None),
    (ProgType::LwtIn, None),
    (ProgType::LwtOut, None),
    (ProgType::LwtXmit, None),
    (ProgType::LwtSeg6local, None),
    (ProgType::Netfilter, None),
];
