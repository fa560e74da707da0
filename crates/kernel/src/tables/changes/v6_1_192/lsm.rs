//! Hooks of security modules of Linux 6.1.192.

use crate::tables::NameChanges;
use crate::tables::lsm::Changes;

pub(super) const CHANGES: Changes = Changes {
    hooks: NameChanges {
        added: &[
            "bpf_map_alloc_security",
            "bpf_map_free_security",
            "bpf_prog_alloc_security",
            "bpf_prog_free_security",
            "ib_free_security",
            "key_free",
            "perf_event_free",
            "tun_dev_free_security",
        ],
        removed: &[
            "backing_file_alloc",
            "backing_file_free",
            "bdev_alloc_security",
            "bdev_free_security",
            "bdev_setintegrity",
            "bpf_map_create",
            "bpf_map_free",
            "bpf_prog_free",
            "bpf_prog_load",
            "bpf_token_capable",
            "bpf_token_cmd",
            "bpf_token_create",
            "bpf_token_free",
            "file_post_open",
            "file_release",
            "file_truncate",
            "getselfattr",
            "initramfs_populated",
            "inode_free_security_rcu",
            "inode_get_acl",
            "inode_post_create_tmpfile",
            "inode_post_remove_acl",
            "inode_post_removexattr",
            "inode_post_set_acl",
            "inode_post_setattr",
            "inode_remove_acl",
            "inode_set_acl",
            "inode_setintegrity",
            "inode_xattr_skipcap",
            "key_post_create_or_update",
            "mmap_backing_file",
            "mptcp_add_subflow",
            "path_post_mknod",
            "setselfattr",
        ],
        ..NameChanges::NONE
    },
    disabled: NameChanges {
        removed: &["getselfattr"],
        ..NameChanges::NONE
    },
    // There is no list of hooks whose arguments are not to be trusted, nor one of hooks that give a truth value.
    untrusted: NameChanges {
        removed: &[
            "bpf_map_free",
            "bpf_prog_free",
            "file_alloc_security",
            "file_free_security",
            "sk_alloc_security",
            "sk_free_security",
            "task_free",
        ],
        ..NameChanges::NONE
    },
    bool: NameChanges {
        removed: &[
            "audit_rule_known",
            "inode_xattr_skipcap",
            "xfrm_state_pol_flow_match",
        ],
        ..NameChanges::NONE
    },
    sleepable: NameChanges {
        added: &[
            "bpf_map_alloc_security",
            "bpf_map_free_security",
            "inet_conn_established",
            "key_free",
        ],
        removed: &[
            "bpf_map_create",
            "bpf_map_free",
            "bpf_prog_load",
            "bpf_token_capable",
            "bpf_token_cmd",
            "bpf_token_create",
            "bpf_token_free",
            "file_post_open",
            "path_chmod",
            "path_chown",
            "path_link",
            "path_mkdir",
            "path_rename",
            "path_rmdir",
            "path_symlink",
            "path_truncate",
            "path_unlink",
        ],
        ..NameChanges::NONE
    },
    sockopt: NameChanges::NONE,
};
