//! Hooks of security modules of Linux 5.10.262.

use crate::tables::NameChanges;
use crate::tables::changes::v6_1_192;
use crate::tables::lsm::Changes;

pub(super) const CHANGES: Changes = Changes {
    hooks: NameChanges {
        added: &["sb_add_mnt_opt", "task_getsecid"],
        removed: &[
            "current_getsecid_subj",
            "fs_context_submount",
            "inode_init_security_anon",
            "sb_delete",
            "sb_mnt_opts_compat",
            "sctp_assoc_established",
            "task_fix_setgroups",
            "task_getsecid_obj",
            "uring_cmd",
            "uring_override_creds",
            "uring_sqpoll",
            "userns_create",
        ],
        ..NameChanges::NONE
    },
    disabled: NameChanges::only(&[]),
    sleepable: NameChanges::only(&["bprm_committed_creds"]),
    sockopt: NameChanges::only(&[]),
    ..v6_1_192::CHANGES.lsm
};
