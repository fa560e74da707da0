//! Small facts about program types that rules of the verifier ask for.

use verdict_btf::{Btf, Kind, TypeId};

use super::Access;
use crate::Kernel;
use crate::prog::{AttachType, ProgType};

/// Whether a program of this type may access packet data directly, or hand it to a helper.
///
/// `helper` is `None` for the program's own access and otherwise tells whether the helper accepts packet
/// memory (`pkt_access`). The type is that of the replaced program for `freplace`. Reading through a packet
/// pointer is not subject to this; writing is (`may_access_direct_pkt_data`).
pub fn may_access_packet(prog_type: ProgType, access: Access, helper: Option<bool>) -> bool {
    match prog_type {
        ProgType::LwtIn
        | ProgType::LwtOut
        | ProgType::LwtSeg6local
        | ProgType::SkReuseport
        | ProgType::FlowDissector
        | ProgType::CgroupSkb => access == Access::Read && helper.unwrap_or(true),
        ProgType::SchedCls
        | ProgType::SchedAct
        | ProgType::Xdp
        | ProgType::LwtXmit
        | ProgType::SkSkb
        | ProgType::SkMsg => helper.unwrap_or(true),
        ProgType::CgroupSockopt => true,
        _ => false,
    }
}

/// Whether programs of this type may use `LD_ABS` and `LD_IND` (`may_access_skb`).
pub fn may_load_from_skb(prog_type: ProgType) -> bool {
    matches!(
        prog_type,
        ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct
    )
}

/// Whether this is a tracing type in the sense of the rules on map fields (`is_tracing_prog_type`): such
/// programs may not use `bpf_spin_lock`, `bpf_timer`, `bpf_wq`, `bpf_list_head` and `bpf_rb_root`.
pub fn is_tracing(prog_type: ProgType) -> bool {
    matches!(
        prog_type,
        ProgType::Kprobe
            | ProgType::Tracepoint
            | ProgType::PerfEvent
            | ProgType::RawTracepoint
            | ProgType::RawTracepointWritable
    )
}

/// With which attach types programs of a type may be loaded as sleepable.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sleeping {
    /// With none.
    Never,
    /// With any.
    Always,
    /// With these.
    With(&'static [AttachType]),
    /// With all but these.
    Without(&'static [AttachType]),
}

impl Sleeping {
    /// In the base (`can_be_sleepable`, and syscall programs, which must be).
    const fn of(prog_type: ProgType) -> Sleeping {
        use AttachType::{LsmCgroup, ModifyReturn, TraceFentry, TraceFexit, TraceIter};
        match prog_type {
            ProgType::Tracing => Sleeping::With(&[TraceFentry, TraceFexit, ModifyReturn, TraceIter]),
            ProgType::Lsm => Sleeping::Without(&[LsmCgroup]),
            ProgType::Kprobe | ProgType::StructOps | ProgType::Syscall => Sleeping::Always,
            _ => Sleeping::Never,
        }
    }
}

/// How a release treats contexts that are the arguments of a kernel function (`btf_ctx_access`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Whether pointers can be trusted at all: of which programs, [`Kernel::arguments_trusted`] says.
    pub trusted: bool,
    /// Whether a parameter's name that ends in `__nullable` means that it may be NULL.
    pub nullable_names: bool,
    /// Whether a pointer is only read whole; any part of it gives the pointer otherwise.
    pub whole_pointers: bool,
    /// How many a function may have that programs attach to.
    pub most: usize,
    /// Whether they may be structs by themselves, which are read as numbers.
    pub structs: bool,
    /// Whether a pointer to any integer is a number, rather than only one to an integer of one byte that is called by
    /// no other name.
    pub int_pointers: bool,
    /// Whether the value that a hook of security modules has returned is known to be one that it may return.
    pub known_results: bool,
    /// Whether the kernel's own struct of a context counts as the program's view of it.
    pub projections: bool,
    /// A program type that is taken to have the context of the first type: the kernel's list ends in a zero, which takes
    /// the place behind the last type named in it.
    pub first_context: Option<ProgType>,
}

impl Arguments {
    pub(in crate::tables) const BASE: Arguments = Arguments {
        trusted: true,
        nullable_names: true,
        whole_pointers: true,
        most: 12,
        structs: true,
        int_pointers: true,
        known_results: true,
        projections: true,
        first_context: None,
    };
}

impl Kernel {
    /// How contexts are treated that are the arguments of a kernel function.
    pub fn arguments(&self) -> Arguments {
        self.tables.changes.arguments
    }

    /// The types of vmlinux that a program type's context is taken to have, as [`context_types`] gives them.
    pub fn context_types(&self, prog_type: ProgType) -> Option<(TypeId, TypeId)> {
        let taken_for = match prog_type {
            first if self.arguments().first_context == Some(first) => ProgType::SocketFilter,
            other => other,
        };
        context_types(&self.btf, taken_for)
    }

    /// Whether the program's view `user` of a context stands for the kernel's struct `kernel`.
    pub fn is_projection_of(&self, user: &str, kernel: &str) -> bool {
        let known = matches!((user, kernel), ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff"));
        known && self.arguments().projections
    }

    /// Whether pointers in the context of a program that gets a function's arguments are trusted
    /// (`prog_args_trusted`). The type is the program's own, also for `freplace`; of LSM hooks some are not,
    /// which [`crate::lsm`] knows and `lsm_hook_trusted` passes in.
    pub fn arguments_trusted(
        &self,
        prog_type: ProgType,
        attach_type: AttachType,
        lsm_hook_trusted: bool,
    ) -> bool {
        let of_type = match prog_type {
            ProgType::Tracing => matches!(attach_type, AttachType::TraceRawTp | AttachType::TraceIter),
            ProgType::Lsm => lsm_hook_trusted,
            ProgType::StructOps => true,
            _ => false,
        };
        of_type && self.arguments().trusted
    }

    /// Whether programs of this type and attach type may be loaded as sleepable.
    pub fn can_be_sleepable(&self, prog_type: ProgType, attach_type: AttachType) -> bool {
        let mut changes = self.tables.changes.chain().flat_map(|c| c.sleeping);
        let changed = changes.find(|(of, _)| *of == prog_type);
        match changed.map_or_else(|| Sleeping::of(prog_type), |(_, sleeping)| *sleeping) {
            Sleeping::Never => false,
            Sleeping::Always => true,
            Sleeping::With(types) => types.contains(&attach_type),
            Sleeping::Without(types) => !types.contains(&attach_type),
        }
    }
}

/// The map helper by which a program changes a sockmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockmapChange {
    /// `bpf_map_update_elem`.
    Update,
    /// `bpf_map_delete_elem`.
    Delete,
}

/// Whether a program may change a sockmap or sockhash with the general map helpers
/// (`may_update_sockmap`).
pub fn may_update_sockmap(prog_type: ProgType, attach_type: AttachType, change: SockmapChange) -> bool {
    match prog_type {
        ProgType::Tracing => attach_type == AttachType::TraceIter,
        ProgType::SockOps => change == SockmapChange::Delete,
        ProgType::SocketFilter
        | ProgType::SchedCls
        | ProgType::SchedAct
        | ProgType::Xdp
        | ProgType::SkReuseport
        | ProgType::FlowDissector
        | ProgType::SkLookup => true,
        _ => false,
    }
}

/// Whether a program may walk the tasks of a css with `bpf_iter_css_task_new`
/// (`check_css_task_iter_allowlist`). `sleepable` is whether the code at hand may sleep.
pub fn css_task_iter_allowed(prog_type: ProgType, attach_type: AttachType, sleepable: bool) -> bool {
    match prog_type {
        ProgType::Lsm => true,
        ProgType::Tracing => attach_type == AttachType::TraceIter || sleepable,
        _ => sleepable,
    }
}

/// Whether the kernel guards programs of this type against running inside themselves
/// (`bpf_prog_check_recur`).
pub fn guards_recursion(prog_type: ProgType, attach_type: AttachType) -> bool {
    match prog_type {
        ProgType::Tracing => attach_type != AttachType::TraceIter,
        ProgType::StructOps | ProgType::Lsm => false,
        _ => true,
    }
}

/// Whether larger frames of such programs lie on stacks of their own, where the kernel has those: they may run within
/// themselves, and the kernel sees to it that not twice at once (`bpf_enable_priv_stack`).
pub fn has_private_stacks(prog_type: ProgType, attach_type: AttachType) -> bool {
    match prog_type {
        ProgType::Kprobe | ProgType::Tracepoint | ProgType::PerfEvent | ProgType::RawTracepoint => true,
        ProgType::Tracing => guards_recursion(prog_type, attach_type),
        _ => false,
    }
}

/// The types of vmlinux that a program type's context has: as programs declare it, and inside the kernel.
///
/// They are the members of `struct bpf_ctx_convert`, which the kernel keeps for this purpose; `None` when
/// the kernel was built without the program type.
pub fn context_types(vmlinux: &Btf, prog_type: ProgType) -> Option<(TypeId, TypeId)> {
    let convert = vmlinux.ty(vmlinux.find("bpf_ctx_convert", Kind::Struct)?)?;
    let mut members = convert.members();
    let prog = members.find(|m| {
        vmlinux
            .name(m.name_off)
            .strip_suffix("_prog")
            .is_some_and(|name| name == prog_type.uapi_name())
    })?;
    let kern = members.next()?;
    Some((prog.ty, kern.ty))
}
