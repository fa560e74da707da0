//! Small facts about program types that rules of the verifier ask for.

use verdict_btf::{Btf, Kind, TypeId};

use super::Access;
use crate::map::MapType;
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

/// Whether programs of this type may use maps with a `bpf_spin_lock`.
pub fn may_use_spin_lock(prog_type: ProgType) -> bool {
    !is_tracing(prog_type) && prog_type != ProgType::SocketFilter
}

/// Whether programs of this type and attach type may be loaded as sleepable (`can_be_sleepable`, and
/// syscall programs, which must be).
pub fn can_be_sleepable(prog_type: ProgType, attach_type: AttachType) -> bool {
    match prog_type {
        ProgType::Tracing => matches!(
            attach_type,
            AttachType::TraceFentry
                | AttachType::TraceFexit
                | AttachType::ModifyReturn
                | AttachType::TraceIter
        ),
        ProgType::Lsm => attach_type != AttachType::LsmCgroup,
        ProgType::Kprobe | ProgType::StructOps | ProgType::Syscall => true,
        _ => false,
    }
}

/// Whether a sleepable program may use maps of this type.
pub fn sleepable_map(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::Hash
            | MapType::LruHash
            | MapType::Array
            | MapType::PercpuHash
            | MapType::PercpuArray
            | MapType::LruPercpuHash
            | MapType::ArrayOfMaps
            | MapType::HashOfMaps
            | MapType::Ringbuf
            | MapType::UserRingbuf
            | MapType::InodeStorage
            | MapType::SkStorage
            | MapType::TaskStorage
            | MapType::CgrpStorage
            | MapType::Queue
            | MapType::Stack
            | MapType::Arena
    )
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

/// Whether pointers in the context of a program that gets a function's arguments are trusted
/// (`prog_args_trusted`). The type is the program's own, also for `freplace`; of LSM hooks some are not,
/// which [`crate::lsm`] knows and `lsm_hook_trusted` passes in.
pub fn arguments_trusted(prog_type: ProgType, attach_type: AttachType, lsm_hook_trusted: bool) -> bool {
    match prog_type {
        ProgType::Tracing => matches!(attach_type, AttachType::TraceRawTp | AttachType::TraceIter),
        ProgType::Lsm => lsm_hook_trusted,
        ProgType::StructOps => true,
        _ => false,
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

/// Whether the program's view `user` of a context stands for the kernel's struct `kernel`.
pub fn is_projection_of(user: &str, kernel: &str) -> bool {
    matches!((user, kernel), ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff"))
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
