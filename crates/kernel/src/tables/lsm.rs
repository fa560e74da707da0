//! Hooks of security modules, to which LSM programs attach.
//!
//! The hooks are those of `include/linux/lsm_hook_defs.h`, the other lists those of `kernel/bpf/bpf_lsm.c`.
//! A hook `x` is the kernel function `bpf_lsm_x`; which of them a kernel has, and whether one returns `void`,
//! its BTF says. All questions here are asked by the function's name.

use super::{NameChanges, changes};
use crate::Kernel;

/// What the function of every hook is called before the hook's name.
pub(crate) const PREFIX: &str = "bpf_lsm_";

/// The largest errno, negated the smallest value that most hooks return (`MAX_ERRNO`).
const MAX_ERRNO: i32 = 4095;

/// How a release's hooks differ from the base's.
#[derive(Debug)]
pub(crate) struct Changes {
    /// All hooks.
    pub hooks: NameChanges,
    /// Hooks that no program attaches to.
    pub disabled: NameChanges,
    /// Hooks on incomplete objects.
    pub untrusted: NameChanges,
    /// Hooks where the kernel may sleep.
    pub sleepable: NameChanges,
    /// Hooks that return 0 or 1.
    pub bool: NameChanges,
    /// Hooks where options of sockets can be used.
    pub sockopt: NameChanges,
}

impl Changes {
    pub(crate) const NONE: Changes = Changes {
        hooks: NameChanges::NONE,
        disabled: NameChanges::NONE,
        untrusted: NameChanges::NONE,
        sleepable: NameChanges::NONE,
        bool: NameChanges::NONE,
        sockopt: NameChanges::NONE,
    };
}

/// The hooks of a kernel: [`Kernel::lsm`].
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    changes: &'static changes::Changes,
}

impl Kernel {
    /// The hooks of this kernel.
    pub fn lsm(&self) -> Hooks {
        Hooks {
            changes: &self.tables.changes,
        }
    }
}

impl Hooks {
    /// Whether a list, which the base has like this, has the hook of `func`.
    fn is_in(self, func: &str, list: &[&str], changes: fn(&changes::Changes) -> &NameChanges) -> bool {
        let hook = func.strip_prefix(PREFIX);
        hook.is_some_and(|hook| self.changes.has(changes, hook, list.binary_search(&hook).is_ok()))
    }

    /// Whether `func` is the function of a hook; of others the kernel says `attach_btf_id %u points to wrong type
    /// name %s`.
    pub fn is_hook(self, func: &str) -> bool {
        self.is_in(func, HOOKS, |c| &c.lsm.hooks)
    }

    /// Whether programs are refused at this hook: `attach_btf_id %u points to disabled hook %s`.
    pub fn is_disabled(self, func: &str) -> bool {
        self.is_in(func, DISABLED, |c| &c.lsm.disabled)
    }

    /// Whether sleepable programs may attach to this hook (`bpf_lsm_is_sleepable_hook`).
    pub fn is_sleepable(self, func: &str) -> bool {
        self.is_in(func, SLEEPABLE, |c| &c.lsm.sleepable)
    }

    /// Whether pointers among the hook's arguments are trusted (`bpf_lsm_is_trusted`).
    pub fn is_trusted(self, func: &str) -> bool {
        !self.is_in(func, UNTRUSTED, |c| &c.lsm.untrusted)
    }

    /// Whether programs of cgroups can use the options of a socket at this hook: it is locked, or not yet shared
    /// (`bpf_lsm_locked_sockopt_hooks`, `bpf_lsm_unlocked_sockopt_hooks`).
    pub(crate) fn has_sockopt(self, func: &str) -> bool {
        self.is_in(func, SOCKOPT, |c| &c.lsm.sockopt)
    }

    /// The values that a program on this hook may return, judged as 32 bits (`bpf_lsm_get_retval_range`).
    ///
    /// Hooks that return `void` have no range; the caller knows them by their prototype.
    pub fn return_range(self, func: &str) -> (i32, i32) {
        if self.is_in(func, BOOL, |c| &c.lsm.bool) {
            (0, 1)
        } else {
            (-MAX_ERRNO, 0)
        }
    }
}

/// Hooks where programs of cgroups can use the options of a socket.
const SOCKOPT: &[&str] = &[
    "inet_conn_established",
    "inet_csk_clone",
    "sock_graft",
    "socket_post_create",
    "socket_socketpair",
];

/// Hooks that no program attaches to.
#[rustfmt::skip]
const DISABLED: &[&str] = &[
    "audit_rule_match", "getprocattr", "getselfattr", "inode_copy_up_xattr", "inode_getsecurity",
    "inode_listsecurity", "inode_need_killpriv", "ismaclabel", "key_getsecurity", "setprocattr",
    "vm_enough_memory", "xfrm_decode_session",
];

/// Hooks on objects that are not, or no longer, complete.
#[rustfmt::skip]
const UNTRUSTED: &[&str] = &[
    "bpf_map_free", "bpf_prog_free", "file_alloc_security", "file_free_security", "sk_alloc_security",
    "sk_free_security", "task_free",
];

/// Hooks that return 0 or 1.
#[rustfmt::skip]
const BOOL: &[&str] = &[
    "audit_rule_known", "inode_xattr_skipcap", "xfrm_state_pol_flow_match",
];

/// Hooks that run where the kernel may sleep.
#[rustfmt::skip]
const SLEEPABLE: &[&str] = &[
    "bpf", "bpf_map", "bpf_map_create", "bpf_map_free", "bpf_prog", "bpf_prog_load",
    "bpf_token_capable", "bpf_token_cmd", "bpf_token_create", "bpf_token_free", "bprm_check_security",
    "bprm_committed_creds", "bprm_committing_creds", "bprm_creds_for_exec", "bprm_creds_from_file",
    "capget", "capset", "cred_prepare", "current_getsecid_subj", "file_ioctl", "file_lock", "file_open",
    "file_post_open", "file_receive", "inode_create", "inode_free_security", "inode_getattr",
    "inode_getxattr", "inode_mknod", "inode_need_killpriv", "inode_post_setxattr", "inode_readlink",
    "inode_rename", "inode_rmdir", "inode_setattr", "inode_setxattr", "inode_symlink", "inode_unlink",
    "kernel_module_request", "kernel_read_file", "kernfs_init_security", "mmap_file", "netlink_send",
    "path_chmod", "path_chown", "path_link", "path_mkdir", "path_notify", "path_rename", "path_rmdir",
    "path_symlink", "path_truncate", "path_unlink", "release_secctx", "sb_alloc_security",
    "sb_eat_lsm_opts", "sb_kern_mount", "sb_mount", "sb_remount", "sb_set_mnt_opts", "sb_show_options",
    "sb_statfs", "sb_umount", "settime", "socket_accept", "socket_bind", "socket_connect",
    "socket_create", "socket_getpeername", "socket_getpeersec_dgram", "socket_getsockname",
    "socket_getsockopt", "socket_listen", "socket_post_create", "socket_recvmsg", "socket_sendmsg",
    "socket_shutdown", "socket_socketpair", "syslog", "task_alloc", "task_getsecid_obj", "task_prctl",
    "task_setscheduler", "userns_create",
];

/// All hooks.
#[rustfmt::skip]
const HOOKS: &[&str] = &[
    "audit_rule_free", "audit_rule_init", "audit_rule_known", "audit_rule_match", "backing_file_alloc",
    "backing_file_free", "bdev_alloc_security", "bdev_free_security", "bdev_setintegrity",
    "binder_set_context_mgr", "binder_transaction", "binder_transfer_binder", "binder_transfer_file",
    "bpf", "bpf_map", "bpf_map_create", "bpf_map_free", "bpf_prog", "bpf_prog_free", "bpf_prog_load",
    "bpf_token_capable", "bpf_token_cmd", "bpf_token_create", "bpf_token_free", "bprm_check_security",
    "bprm_committed_creds", "bprm_committing_creds", "bprm_creds_for_exec", "bprm_creds_from_file",
    "capable", "capget", "capset", "cred_alloc_blank", "cred_free", "cred_getsecid", "cred_prepare",
    "cred_transfer", "current_getsecid_subj", "d_instantiate", "dentry_create_files_as",
    "dentry_init_security", "file_alloc_security", "file_fcntl", "file_free_security", "file_ioctl",
    "file_ioctl_compat", "file_lock", "file_mprotect", "file_open", "file_permission", "file_post_open",
    "file_receive", "file_release", "file_send_sigiotask", "file_set_fowner", "file_truncate",
    "fs_context_dup", "fs_context_parse_param", "fs_context_submount", "getprocattr", "getselfattr",
    "ib_alloc_security", "ib_endport_manage_subnet", "ib_pkey_access", "inet_conn_established",
    "inet_conn_request", "inet_csk_clone", "initramfs_populated", "inode_alloc_security",
    "inode_copy_up", "inode_copy_up_xattr", "inode_create", "inode_follow_link", "inode_free_security",
    "inode_free_security_rcu", "inode_get_acl", "inode_getattr", "inode_getsecctx", "inode_getsecid",
    "inode_getsecurity", "inode_getxattr", "inode_init_security", "inode_init_security_anon",
    "inode_invalidate_secctx", "inode_killpriv", "inode_link", "inode_listsecurity", "inode_listxattr",
    "inode_mkdir", "inode_mknod", "inode_need_killpriv", "inode_notifysecctx", "inode_permission",
    "inode_post_create_tmpfile", "inode_post_remove_acl", "inode_post_removexattr",
    "inode_post_set_acl", "inode_post_setattr", "inode_post_setxattr", "inode_readlink",
    "inode_remove_acl", "inode_removexattr", "inode_rename", "inode_rmdir", "inode_set_acl",
    "inode_setattr", "inode_setintegrity", "inode_setsecctx", "inode_setsecurity", "inode_setxattr",
    "inode_symlink", "inode_unlink", "inode_xattr_skipcap", "ipc_getsecid", "ipc_permission",
    "ismaclabel", "kernel_act_as", "kernel_create_files_as", "kernel_load_data",
    "kernel_module_request", "kernel_post_load_data", "kernel_post_read_file", "kernel_read_file",
    "kernfs_init_security", "key_alloc", "key_getsecurity", "key_permission",
    "key_post_create_or_update", "locked_down", "mmap_addr", "mmap_backing_file", "mmap_file",
    "move_mount", "mptcp_add_subflow", "msg_msg_alloc_security", "msg_msg_free_security",
    "msg_queue_alloc_security", "msg_queue_associate", "msg_queue_free_security", "msg_queue_msgctl",
    "msg_queue_msgrcv", "msg_queue_msgsnd", "netlink_send", "path_chmod", "path_chown", "path_chroot",
    "path_link", "path_mkdir", "path_mknod", "path_notify", "path_post_mknod", "path_rename",
    "path_rmdir", "path_symlink", "path_truncate", "path_unlink", "perf_event_alloc", "perf_event_open",
    "perf_event_read", "perf_event_write", "post_notification", "ptrace_access_check", "ptrace_traceme",
    "quota_on", "quotactl", "release_secctx", "req_classify_flow", "sb_alloc_security",
    "sb_clone_mnt_opts", "sb_delete", "sb_eat_lsm_opts", "sb_free_mnt_opts", "sb_free_security",
    "sb_kern_mount", "sb_mnt_opts_compat", "sb_mount", "sb_pivotroot", "sb_remount", "sb_set_mnt_opts",
    "sb_show_options", "sb_statfs", "sb_umount", "sctp_assoc_established", "sctp_assoc_request",
    "sctp_bind_connect", "sctp_sk_clone", "secctx_to_secid", "secid_to_secctx", "secmark_refcount_dec",
    "secmark_refcount_inc", "secmark_relabel_packet", "sem_alloc_security", "sem_associate",
    "sem_free_security", "sem_semctl", "sem_semop", "setprocattr", "setselfattr", "settime",
    "shm_alloc_security", "shm_associate", "shm_free_security", "shm_shmat", "shm_shmctl",
    "sk_alloc_security", "sk_clone_security", "sk_free_security", "sk_getsecid", "sock_graft",
    "socket_accept", "socket_bind", "socket_connect", "socket_create", "socket_getpeername",
    "socket_getpeersec_dgram", "socket_getpeersec_stream", "socket_getsockname", "socket_getsockopt",
    "socket_listen", "socket_post_create", "socket_recvmsg", "socket_sendmsg", "socket_setsockopt",
    "socket_shutdown", "socket_sock_rcv_skb", "socket_socketpair", "syslog", "task_alloc",
    "task_fix_setgid", "task_fix_setgroups", "task_fix_setuid", "task_free", "task_getioprio",
    "task_getpgid", "task_getscheduler", "task_getsecid_obj", "task_getsid", "task_kill",
    "task_movememory", "task_prctl", "task_prlimit", "task_setioprio", "task_setnice", "task_setpgid",
    "task_setrlimit", "task_setscheduler", "task_to_inode", "tun_dev_alloc_security", "tun_dev_attach",
    "tun_dev_attach_queue", "tun_dev_create", "tun_dev_open", "unix_may_send", "unix_stream_connect",
    "uring_cmd", "uring_override_creds", "uring_sqpoll", "userns_create", "vm_enough_memory",
    "watch_key", "xfrm_decode_session", "xfrm_policy_alloc_security", "xfrm_policy_clone_security",
    "xfrm_policy_delete_security", "xfrm_policy_free_security", "xfrm_policy_lookup",
    "xfrm_state_alloc", "xfrm_state_alloc_acquire", "xfrm_state_delete_security",
    "xfrm_state_free_security", "xfrm_state_pol_flow_match",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_of_hooks() {
        for list in [HOOKS, DISABLED, SLEEPABLE, UNTRUSTED, BOOL, SOCKOPT] {
            assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
            assert!(list.iter().all(|hook| HOOKS.contains(hook)), "{list:?}");
        }
    }

    #[test]
    fn questions() {
        let hooks = Kernel::open("6.12.117").unwrap().lsm();
        assert!(
            hooks.is_hook("bpf_lsm_file_open") && !hooks.is_hook("file_open") && !hooks.is_hook("bpf_lsm_")
        );
        assert!(hooks.is_sleepable("bpf_lsm_file_open") && !hooks.is_sleepable("bpf_lsm_task_free"));
        assert!(hooks.is_trusted("bpf_lsm_file_open") && !hooks.is_trusted("bpf_lsm_task_free"));
        assert_eq!(hooks.return_range("bpf_lsm_file_open"), (-4095, 0));
        assert_eq!(hooks.return_range("bpf_lsm_audit_rule_known"), (0, 1));
        assert!(hooks.has_sockopt("bpf_lsm_sock_graft") && !hooks.has_sockopt("bpf_lsm_file_open"));
    }
}
