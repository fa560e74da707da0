//! Kernel functions that programs may call, and the other lists of kernel functions and types by which the
//! verifier decides.
//!
//! Everything here is a row with names, transcribed from the source of Linux 6.12.117; each module says from
//! where. Names are looked up in the tables, not numbers: a caller that has a BTF id asks the kernel's BTF
//! for its name first ([`Kernel::kfunc`] does). A function that a kernel was built without, or that lives in
//! a module, is not in vmlinux BTF and so is never found.
//!
//! - [`sets`], [`Special`]: kfuncs, who may call them, and those with rules of their own.
//! - [`iter`]: targets of iterators and what their programs receive.
//! - [`struct_ops`]: structures of kernel functions that programs may implement.
//! - [`raw_tp`]: tracepoint arguments that may be NULL.
//! - [`attach`]: functions that tracing programs may not attach to, or only in some ways.
//! - [`types`]: kernel types whose pointers the verifier trusts, protects or can destroy.

pub mod attach;
pub mod iter;
pub mod raw_tp;
pub mod sets;
mod special;
pub mod struct_ops;
pub mod types;

pub use sets::{Filter, SETS, Set};
pub use special::Special;

use verdict_btf::TypeId;

use super::Tables;
use super::changes::Changes;
use crate::Kernel;
use crate::abi::numbered::flags;
use crate::prog::{AttachType, ProgType};

/// Flags of a kfunc (`KF_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KfuncFlags(pub u32);

flags! {
    KfuncFlags from 0;
    /// Gives a reference that must be released.
    ACQUIRE = 0;
    /// Releases the reference of its argument.
    RELEASE = 1;
    /// May give NULL.
    RET_NULL = 2;
    /// Gives a reference to an object that a map keeps, in whose first argument it looks.
    KPTR_GET = 3;
    /// Takes trusted pointers only.
    TRUSTED_ARGS = 4;
    /// May sleep.
    SLEEPABLE = 5;
    /// Is destructive: needs `CAP_SYS_BOOT`.
    DESTRUCTIVE = 6;
    /// Takes trusted or RCU-protected pointers only.
    RCU = 7;
    /// Starts an iteration.
    ITER_NEW = 8;
    /// Steps an iteration.
    ITER_NEXT = 9;
    /// Ends an iteration.
    ITER_DESTROY = 10;
    /// Must be called inside an RCU read section.
    RCU_PROTECTED = 11;
    /// Follows the `bpf_fastcall` contract.
    FASTCALL = 12;
    /// Gives a pointer into an arena.
    ARENA_RET = 13;
    /// The first argument is a pointer into an arena.
    ARENA_ARG1 = 14;
    /// The second argument is a pointer into an arena.
    ARENA_ARG2 = 15;
}

impl KfuncFlags {
    /// No flag.
    pub const NONE: KfuncFlags = KfuncFlags(0);
    /// Any part of an iteration.
    pub const ITER: KfuncFlags =
        KfuncFlags(KfuncFlags::ITER_NEW.0 | KfuncFlags::ITER_NEXT.0 | KfuncFlags::ITER_DESTROY.0);

    /// Whether any flag of `other` is set.
    pub const fn has(self, other: KfuncFlags) -> bool {
        self.0 & other.0 != 0
    }
    /// The flags of both.
    pub const fn with(self, other: KfuncFlags) -> KfuncFlags {
        KfuncFlags(self.0 | other.0)
    }
}

/// Where sets of kfuncs are registered (`enum btf_kfunc_hook`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// Every program.
    Common,
    /// XDP.
    Xdp,
    /// Classifiers of traffic control.
    Tc,
    /// Implementations of kernel structures.
    StructOps,
    /// Tracing programs, tracepoints, perf events and security hooks.
    Tracing,
    /// Syscall programs.
    Syscall,
    /// Not for calling: functions whose return value `fmod_ret` programs may change.
    ModifyReturn,
    /// Programs of cgroups.
    Cgroup,
    /// Actions of traffic control.
    SchedAct,
    /// Packets of socket maps.
    SkSkb,
    /// Socket filters.
    SocketFilter,
    /// Light-weight tunnels.
    Lwt,
    /// Netfilter.
    Netfilter,
    /// Kprobes and uprobes.
    Kprobe,
}

impl Hook {
    /// The hook of a program type in the base.
    const fn of(prog_type: ProgType) -> Option<Hook> {
        Some(match prog_type {
            ProgType::Unspec => Hook::Common,
            ProgType::Xdp => Hook::Xdp,
            ProgType::SchedCls => Hook::Tc,
            ProgType::StructOps => Hook::StructOps,
            ProgType::Tracing | ProgType::Tracepoint | ProgType::PerfEvent | ProgType::Lsm => Hook::Tracing,
            ProgType::Syscall => Hook::Syscall,
            ProgType::CgroupSkb
            | ProgType::CgroupSock
            | ProgType::CgroupDevice
            | ProgType::CgroupSockAddr
            | ProgType::CgroupSockopt
            | ProgType::CgroupSysctl => Hook::Cgroup,
            ProgType::SchedAct => Hook::SchedAct,
            ProgType::SkSkb => Hook::SkSkb,
            ProgType::SocketFilter => Hook::SocketFilter,
            ProgType::LwtOut | ProgType::LwtIn | ProgType::LwtXmit | ProgType::LwtSeg6local => Hook::Lwt,
            ProgType::Netfilter => Hook::Netfilter,
            ProgType::Kprobe => Hook::Kprobe,
            ProgType::SockOps
            | ProgType::SkMsg
            | ProgType::RawTracepoint
            | ProgType::RawTracepointWritable
            | ProgType::LircMode2
            | ProgType::SkReuseport
            | ProgType::FlowDissector
            | ProgType::Ext
            | ProgType::SkLookup => return None,
        })
    }
}

/// The facts about a program that decide which kfuncs it may call.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'p> {
    /// The program's own type.
    pub prog_type: ProgType,
    /// The hook of the type by which it is verified: [`Kernel::kfunc_hook`].
    pub hook: Option<Hook>,
    /// Its expected attach type; `None` for struct_ops programs, which have a member's index instead.
    pub attach_type: Option<AttachType>,
    /// What a struct_ops program implements: structure and member.
    pub implements: Option<(&'p str, &'p str)>,
}

impl Filter {
    fn lets(self, kfunc: &str, caller: &Caller<'_>) -> bool {
        match self {
            Filter::None => true,
            Filter::LsmPrograms => caller.prog_type == ProgType::Lsm,
            Filter::Iterators => caller.attach_type == Some(AttachType::TraceIter),
            Filter::KprobeSessions => matches!(
                caller.attach_type,
                Some(AttachType::TraceKprobeSession | AttachType::TraceUprobeSession)
            ),
            Filter::Qdiscs => matches!(
                (caller.implements, kfunc),
                (
                    Some(("Qdisc_ops", _)),
                    "bpf_skb_get_hash" | "bpf_kfree_skb" | "bpf_dynptr_from_skb"
                ) | (
                    Some(("Qdisc_ops", "enqueue")),
                    "bpf_qdisc_skb_drop" | "bpf_qdisc_watchdog_schedule"
                ) | (
                    Some(("Qdisc_ops", "dequeue")),
                    "bpf_qdisc_watchdog_schedule" | "bpf_qdisc_bstats_update"
                )
            ),
        }
    }
}

/// A kfunc, or a function that `fmod_ret` programs may attach to.
#[derive(Debug)]
pub struct Kfunc {
    /// Its name.
    pub name: &'static str,
    /// The one with rules of its own that it is.
    pub special: Option<Special>,
    /// The sets that have it, with its flags in each.
    pub sets: Vec<(&'static Set, KfuncFlags)>,
}

impl Kfunc {
    fn flags_in(&self, hook: Hook, lets: impl Fn(Filter) -> bool) -> Option<KfuncFlags> {
        let mut there = self.sets.iter().filter(|(set, _)| set.hooks.contains(&hook));
        there.find(|(set, _)| lets(set.filter)).map(|(_, flags)| *flags)
    }

    /// The kfunc's flags when `caller` may call it; `None` when it may not (`btf_kfunc_id_set_contains`).
    pub fn callable_by(&self, caller: &Caller<'_>) -> Option<KfuncFlags> {
        let lets = |filter: Filter| filter.lets(self.name, caller);
        let own = || self.flags_in(caller.hook?, lets);
        self.flags_in(Hook::Common, lets).or_else(own)
    }

    /// The function's flags when `fmod_ret` programs may change what it returns
    /// (`btf_kfunc_is_modify_return`).
    pub(crate) fn modify_return(&self) -> Option<KfuncFlags> {
        self.flags_in(Hook::ModifyReturn, |_| true)
    }
}

/// The sets that a release registers, with those kfuncs of each that it has.
fn sets_of(
    changes: &'static Changes,
) -> impl Iterator<Item = (&'static Set, Vec<(&'static str, KfuncFlags)>)> {
    let here = |set: &&Set| changes.kfunc_base.is_none_or(|names| names.contains(&set.name));
    let base = SETS.iter().filter(here).filter_map(|set| {
        let changed = changes.kfunc_sets.iter().find(|s| s.name == set.name);
        let gone = changes.kfuncs_removed.iter().find(|(name, _)| *name == set.name);
        let stays = |name: &str| gone.is_none_or(|(_, kfuncs)| !kfuncs.is_empty() && !kfuncs.contains(&name));
        let others = changed.map_or(&[][..], |s| s.kfuncs);
        let kept = set
            .kfuncs
            .iter()
            .filter(|(name, _)| stays(name) && !others.iter().any(|(o, _)| o == name));
        let kfuncs: Vec<_> = kept.chain(others).copied().collect();
        (!kfuncs.is_empty()).then_some((changed.unwrap_or(set), kfuncs))
    });
    let new = changes
        .kfunc_sets
        .iter()
        .filter(move |set| !SETS.iter().filter(here).any(|s| s.name == set.name));
    base.chain(new.map(|set| (set, set.kfuncs.to_vec())))
}

/// All kfuncs of a release, sorted by name.
fn all(changes: &'static Changes) -> Vec<Kfunc> {
    let rows = sets_of(changes)
        .flat_map(|(set, kfuncs)| kfuncs.into_iter().map(move |(name, flags)| (name, set, flags)));
    let mut rows: Vec<(&'static str, &'static Set, KfuncFlags)> = rows.collect();
    rows.sort_by_key(|row| row.0);
    let mut all: Vec<Kfunc> = Vec::new();
    for (name, set, flags) in rows {
        match all.last_mut().filter(|k| k.name == name) {
            Some(k) => k.sets.push((set, flags)),
            None => all.push(Kfunc {
                name,
                special: Special::from_name(name),
                sets: vec![(set, flags)],
            }),
        }
    }
    all
}

impl Tables {
    /// The kfunc of this name.
    pub fn kfunc(&'static self, name: &str) -> Option<&'static Kfunc> {
        let all = self.kfuncs.get_or_init(|| all(&self.changes));
        let at = all.binary_search_by(|k| k.name.cmp(name)).ok()?;
        all.get(at)
    }
}

impl Kernel {
    /// The kfunc with this number in the kernel's BTF; `None` when it is another function, or no function.
    pub fn kfunc(&self, func: TypeId) -> Option<&'static Kfunc> {
        let ty = self.btf.ty(func).filter(|t| t.is_func())?;
        self.tables.kfunc(ty.name())
    }

    /// The hook of a program type beside [`Hook::Common`] (`bpf_prog_type_to_kfunc_hook`); of a program that
    /// replaces another, the other's.
    pub fn kfunc_hook(&self, prog_type: ProgType) -> Option<Hook> {
        let mut changes = self.tables.changes.chain().flat_map(|c| c.kfunc_hooks);
        let changed = changes.find(|(of, _)| *of == prog_type);
        changed.map_or_else(|| Hook::of(prog_type), |(_, hook)| *hook)
    }
}

#[cfg(test)]
mod tests;
