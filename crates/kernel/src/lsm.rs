//! Hooks of the security modules (`bpf_lsm_*` functions) that the verifier treats specially.
//!
//! Source: the sets of `kernel/bpf/bpf_lsm.c`. A hook that a kernel's configuration leaves out has no function
//! to attach to, so these lists need no conditions.

/// Hooks that are called where sleeping is allowed (`sleepable_lsm_hooks`).
const SLEEPABLE_HOOKS: &[&str] = &[
    "bpf_lsm_bpf",
    "bpf_lsm_bpf_map",
    "bpf_lsm_bpf_map_create",
    "bpf_lsm_bpf_map_free",
    "bpf_lsm_bpf_prog",
    "bpf_lsm_bpf_prog_load",
    "bpf_lsm_bpf_token_create",
    "bpf_lsm_bpf_token_free",
    "bpf_lsm_bpf_token_cmd",
    "bpf_lsm_bpf_token_capable",
    "bpf_lsm_bprm_check_security",
    "bpf_lsm_bprm_committed_creds",
    "bpf_lsm_bprm_committing_creds",
    "bpf_lsm_bprm_creds_for_exec",
    "bpf_lsm_bprm_creds_from_file",
    "bpf_lsm_capget",
    "bpf_lsm_capset",
    "bpf_lsm_cred_prepare",
    "bpf_lsm_file_ioctl",
    "bpf_lsm_file_lock",
    "bpf_lsm_file_open",
    "bpf_lsm_file_post_open",
    "bpf_lsm_file_receive",
    "bpf_lsm_inode_create",
    "bpf_lsm_inode_free_security",
    "bpf_lsm_inode_getattr",
    "bpf_lsm_inode_getxattr",
    "bpf_lsm_inode_mknod",
    "bpf_lsm_inode_need_killpriv",
    "bpf_lsm_inode_post_setxattr",
    "bpf_lsm_inode_readlink",
    "bpf_lsm_inode_rename",
    "bpf_lsm_inode_rmdir",
    "bpf_lsm_inode_setattr",
    "bpf_lsm_inode_setxattr",
    "bpf_lsm_inode_symlink",
    "bpf_lsm_inode_unlink",
    "bpf_lsm_kernel_module_request",
    "bpf_lsm_kernel_read_file",
    "bpf_lsm_kernfs_init_security",
    "bpf_lsm_path_unlink",
    "bpf_lsm_path_mkdir",
    "bpf_lsm_path_rmdir",
    "bpf_lsm_path_truncate",
    "bpf_lsm_path_symlink",
    "bpf_lsm_path_link",
    "bpf_lsm_path_rename",
    "bpf_lsm_path_chmod",
    "bpf_lsm_path_chown",
    "bpf_lsm_mmap_file",
    "bpf_lsm_netlink_send",
    "bpf_lsm_path_notify",
    "bpf_lsm_release_secctx",
    "bpf_lsm_sb_alloc_security",
    "bpf_lsm_sb_eat_lsm_opts",
    "bpf_lsm_sb_kern_mount",
    "bpf_lsm_sb_mount",
    "bpf_lsm_sb_remount",
    "bpf_lsm_sb_set_mnt_opts",
    "bpf_lsm_sb_show_options",
    "bpf_lsm_sb_statfs",
    "bpf_lsm_sb_umount",
    "bpf_lsm_settime",
    "bpf_lsm_socket_accept",
    "bpf_lsm_socket_bind",
    "bpf_lsm_socket_connect",
    "bpf_lsm_socket_create",
    "bpf_lsm_socket_getpeername",
    "bpf_lsm_socket_getpeersec_dgram",
    "bpf_lsm_socket_getsockname",
    "bpf_lsm_socket_getsockopt",
    "bpf_lsm_socket_listen",
    "bpf_lsm_socket_post_create",
    "bpf_lsm_socket_recvmsg",
    "bpf_lsm_socket_sendmsg",
    "bpf_lsm_socket_shutdown",
    "bpf_lsm_socket_socketpair",
    "bpf_lsm_syslog",
    "bpf_lsm_task_alloc",
    "bpf_lsm_current_getsecid_subj",
    "bpf_lsm_task_getsecid_obj",
    "bpf_lsm_task_prctl",
    "bpf_lsm_task_setscheduler",
    "bpf_lsm_userns_create",
];

/// Hooks whose arguments may be dying or half made (`untrusted_lsm_hooks`).
const UNTRUSTED_HOOKS: &[&str] = &[
    "bpf_lsm_bpf_map_free",
    "bpf_lsm_bpf_prog_free",
    "bpf_lsm_file_alloc_security",
    "bpf_lsm_file_free_security",
    "bpf_lsm_sk_alloc_security",
    "bpf_lsm_sk_free_security",
    "bpf_lsm_task_free",
];

/// Hooks that programs cannot attach to (`bpf_lsm_disabled_hooks`).
const DISABLED_HOOKS: &[&str] = &[
    "bpf_lsm_vm_enough_memory",
    "bpf_lsm_inode_need_killpriv",
    "bpf_lsm_inode_getsecurity",
    "bpf_lsm_inode_listsecurity",
    "bpf_lsm_inode_copy_up_xattr",
    "bpf_lsm_getselfattr",
    "bpf_lsm_getprocattr",
    "bpf_lsm_setprocattr",
    "bpf_lsm_key_getsecurity",
    "bpf_lsm_audit_rule_match",
    "bpf_lsm_xfrm_decode_session",
    "bpf_lsm_ismaclabel",
];

/// Hooks where control groups' programs can use the options of a socket: it is locked, or not yet shared
/// (`bpf_lsm_locked_sockopt_hooks`, `bpf_lsm_unlocked_sockopt_hooks`).
pub(crate) const SOCKOPT_HOOKS: &[&str] = &[
    "bpf_lsm_sock_graft",
    "bpf_lsm_inet_csk_clone",
    "bpf_lsm_inet_conn_established",
    "bpf_lsm_socket_post_create",
    "bpf_lsm_socket_socketpair",
];

/// Whether programs of hook `func` (`bpf_lsm_file_open`) may sleep.
pub fn is_sleepable(func: &str) -> bool {
    SLEEPABLE_HOOKS.contains(&func)
}

/// Whether the arguments of hook `func` are trusted pointers.
pub fn is_trusted(func: &str) -> bool {
    !UNTRUSTED_HOOKS.contains(&func)
}

/// Whether programs are refused at hook `func`: `attach_btf_id %u points to disabled hook %s`.
pub fn is_disabled(func: &str) -> bool {
    DISABLED_HOOKS.contains(&func)
}
