//! Kernel functions that tracing programs may not attach to, or only in some ways.
//!
//! The deny lists are those of `kernel/bpf/verifier.c`; what may be made to fail is what
//! `ALLOW_ERROR_INJECTION` names in the source, which covers every system call.

use crate::Kernel;
use crate::map::MapType;

use super::KfuncFlags;

/// Functions that tracing programs must not attach to, because attaching relies on them (`btf_id_deny`).
const DENIED: &[&str] = &[
    "migrate_disable",
    "migrate_enable",
    "rcu_read_unlock_strict",
    "preempt_count_add",
    "preempt_count_sub",
    "__rcu_read_lock",
    "__rcu_read_unlock",
];

/// Functions that do not return, so that nothing can be attached to their return (`noreturn_deny`).
pub(in crate::tables) const NO_RETURN: &[&str] = &[
    "__ia32_sys_exit",
    "__ia32_sys_exit_group",
    "__kunit_abort",
    "kunit_try_catch_throw",
    "__module_put_and_kthread_exit",
    "__x64_sys_exit",
    "__x64_sys_exit_group",
    "do_exit",
    "do_group_exit",
    "kthread_complete_and_exit",
    "kthread_exit",
    "make_task_dead",
];

/// Functions that may be made to fail but are also called where the kernel must not sleep, with the option
/// that puts them on this list (`btf_non_sleepable_error_inject`). Those that a kernel lacks are never asked for.
const NOT_SLEEPABLE: &[(&str, Option<&str>)] = &[
    ("__add_to_page_cache_locked", None),
    ("__filemap_add_folio", None),
    ("should_fail_alloc_page", Some("CONFIG_FAIL_PAGE_ALLOC")),
    ("should_failslab", Some("CONFIG_FAILSLAB")),
];

/// Functions that may be made to fail, other than system calls.
const INJECTABLE: &[&str] = &[
    "__filemap_add_folio",
    "btrfs_check_leaf",
    "btrfs_check_node",
    "btrfs_cow_block",
    "btrfs_search_slot",
    "btrfs_should_cancel_balance",
    "io_ctl_init",
    "mtd_block_markbad",
    "mtd_erase",
    "mtd_read",
    "mtd_write",
    "open_ctree",
    "page_pool_alloc_pages",
    "should_fail_alloc_page",
    "should_fail_bio",
    "should_failslab",
    "ssh_ptl_should_corrupt_rx_data",
    "ssh_ptl_should_corrupt_rx_syn",
    "ssh_ptl_should_corrupt_tx_data",
    "ssh_ptl_should_drop_ack_packet",
    "ssh_ptl_should_drop_dsq_packet",
    "ssh_ptl_should_drop_nak_packet",
    "ssh_ptl_should_fail_write",
    "ssh_rtl_should_drop_response",
];

/// How the entry points of x86-64 system calls begin.
const SYSCALL_PREFIXES: &[&str] = &[
    "__x64_sys_",
    "__ia32_sys_",
    "__ia32_compat_sys_",
    "__x64_compat_sys_",
];

/// System calls without arguments: their body `__do_sys_*` lies at the entry point's address.
const SYSCALLS_WITHOUT_ARGUMENTS: &[&str] = &[
    "fork",
    "getegid",
    "getegid16",
    "geteuid",
    "geteuid16",
    "getgid",
    "getgid16",
    "getpgrp",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "getuid16",
    "inotify_init",
    "munlockall",
    "ni_syscall",
    "pause",
    "restart_syscall",
    "rt_sigreturn",
    "sched_yield",
    "setsid",
    "sgetmask",
    "sigreturn",
    "sync",
    "uretprobe",
    "vfork",
    "vhangup",
];

/// How a release judges what programs attach to (`bpf_check_attach_target`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attaching {
    /// Whether tracing programs attach to tracing programs that attach to none themselves.
    pub nests_tracing: bool,
    /// Whether an extension that may move packet data has to replace a function that may.
    pub compares_packet_changes: bool,
    /// Whether a tracepoint's arguments are those of the function that runs its programs, which have names.
    pub names_tracepoint_args: bool,
    /// Whether programs that use a function's result are kept from functions that return more than eight bytes.
    pub refuses_wide_results: bool,
    /// Whether a program of a kernel's operations has to name a type before it is looked for.
    pub demands_operations: bool,
    /// What programs that call one another by a map have to have in common.
    pub tail_calls: TailCalls,
    /// What is said of a program that cannot sleep, without the newline.
    pub sleep_words: &'static str,
    /// The same of a security program of a control group.
    pub cgroup_sleep_words: &'static str,
}

impl Attaching {
    pub(in crate::tables) const BASE: Attaching = Attaching {
        nests_tracing: true,
        compares_packet_changes: true,
        names_tracepoint_args: true,
        refuses_wide_results: true,
        demands_operations: true,
        tail_calls: TailCalls::BASE,
        sleep_words: ALL_THAT_SLEEP,
        cgroup_sleep_words: ALL_THAT_SLEEP,
    };
}

/// What the programs that share a map of programs have to have in common (`bpf_prog_map_compatible`), beside their types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailCalls {
    /// The maps that hold them to one another (`map_type_contains_progs`).
    pub maps: &'static [MapType],
    /// Whether an extension counts as of the type of what it extends.
    pub resolves_extensions: bool,
    /// Whether programs of a program array have to have one expected attach type.
    pub attach_type: bool,
    /// Whether those that attach to functions have to attach to functions of one prototype.
    pub prototype: bool,
    /// Whether they have to use one storage of control groups.
    pub storage: SharedStorage,
}

/// Which storage of control groups programs may use that share a map of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedStorage {
    /// Any.
    Any,
    /// That of the first of them, or none.
    SameOrNone,
    /// That of the first of them; or none, unless tail calls are reached from functions of the program.
    SameOrNoneWithoutCalls,
}

impl TailCalls {
    /// 6.12.117 and 6.1.192.
    pub(in crate::tables) const BASE: TailCalls = TailCalls {
        maps: &[MapType::ProgArray, MapType::Devmap, MapType::Cpumap],
        resolves_extensions: true,
        attach_type: true,
        prototype: true,
        storage: SharedStorage::SameOrNoneWithoutCalls,
    };
    /// 6.18.15.
    pub(in crate::tables) const OF_6_18: TailCalls = TailCalls {
        storage: SharedStorage::SameOrNone,
        ..TailCalls::BASE
    };
    /// 6.12.43.
    pub(in crate::tables) const OF_6_12_43: TailCalls = TailCalls {
        attach_type: false,
        storage: SharedStorage::Any,
        ..TailCalls::BASE
    };
    /// 5.10.262 (`bpf_prog_array_compatible`).
    pub(in crate::tables) const OF_5_10: TailCalls = TailCalls {
        maps: &[MapType::ProgArray],
        resolves_extensions: false,
        prototype: false,
        ..TailCalls::OF_6_12_43
    };
}

const ALL_THAT_SLEEP: &str =
    "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable";

fn is_syscall(func: &str) -> bool {
    let bare = func.strip_prefix("__do_sys_");
    SYSCALL_PREFIXES.iter().any(|p| func.starts_with(p))
        || bare.is_some_and(|name| SYSCALLS_WITHOUT_ARGUMENTS.contains(&name))
}

impl Kernel {
    /// How this kernel judges what programs attach to.
    pub fn attaching(&self) -> Attaching {
        self.tables.changes.attaching
    }

    /// Whether no tracing program may attach to `func` (`-EINVAL`, nothing is logged).
    pub fn is_denied_target(&self, func: &str) -> bool {
        self.tables
            .changes
            .has(|c| &c.denied, func, DENIED.contains(&func))
    }

    /// Whether `func` does not return: fexit and `fmod_ret` programs are refused.
    pub fn is_no_return(&self, func: &str) -> bool {
        self.tables
            .changes
            .has(|c| &c.no_return, func, NO_RETURN.contains(&func))
    }

    /// Whether `func` of vmlinux may be made to fail (`within_error_injection_list`).
    ///
    /// A system call that the kernel was built without still has an entry point; it is taken for a real
    /// one here.
    pub(crate) fn is_error_injectable(&self, func: &str) -> bool {
        self.config("CONFIG_FUNCTION_ERROR_INJECTION") == Some("y")
            && (self
                .tables
                .changes
                .has(|c| &c.injectable, func, INJECTABLE.contains(&func))
                || is_syscall(func))
    }

    /// Whether sleepable tracing programs may attach to `func` of vmlinux.
    pub fn is_sleepable_target(&self, func: &str) -> bool {
        let excluded = NOT_SLEEPABLE.iter().any(|(name, option)| {
            *name == func && option.is_none_or(|option| self.config(option) == Some("y"))
        });
        if !excluded && self.is_error_injectable(func) {
            return true;
        }
        let flags = self.tables.kfunc(func).and_then(super::Kfunc::modify_return);
        flags.is_some_and(|flags| flags.has(KfuncFlags::SLEEPABLE))
    }

    /// Whether `fmod_ret` programs that do not sleep may attach to `func` of vmlinux; of others the kernel
    /// says that it `is not modifiable`.
    pub fn is_modifiable(&self, func: &str) -> bool {
        self.tables
            .kfunc(func)
            .is_some_and(|k| k.modify_return().is_some())
            || self.is_error_injectable(func)
            || func.starts_with("security_")
    }
}
