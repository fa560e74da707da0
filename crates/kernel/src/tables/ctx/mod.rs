//! What a program may do to its context, and to the socket structures that contexts and helpers hand out.
//!
//! Each program type of the kernel has a function that judges an access by offset, size and direction.
//! Here the same rules are rows: a structure is a [`Layout`] of [`Field`]s, and one small function applies
//! them. Types whose context is the arguments of a kernel function have no rows; they answer
//! [`CtxAnswer::ByBtf`], and the caller consults BTF.
//!
//! The rows are read from `net/core/filter.c`, `kernel/trace/bpf_trace.c`, `kernel/bpf/cgroup.c`,
//! `kernel/bpf/syscall.c`, `net/netfilter/nf_bpf_link.c` and `drivers/media/rc/bpf-lirc.c` of Linux 6.12.117;
//! a test holds them to what that kernel answered when it was asked every offset and size.

pub(in crate::tables) mod attached;
mod facts;
pub(in crate::tables) mod layout;
pub(in crate::tables) mod net;
mod returns;
pub(in crate::tables) mod skb;
mod sock;

pub(crate) use facts::Sleeping;
pub use facts::{
    Arguments, SockmapChange, context_types, css_task_iter_allowed, guards_recursion, has_private_stacks,
    is_tracing, may_access_packet, may_load_from_skb, may_update_sockmap,
};
pub use layout::{Access, Asked, Field, Layout, Rest, Sizes};
pub use returns::{ReturnRange, ReturnRule};

use crate::Kernel;
use crate::prog::{AttachType, ProgType};
use crate::semantics::control::NarrowPointer;
use crate::types::{RegBase, RegType};

/// Bytes of `struct bpf_flow_keys`: what a flow dissector may reach behind its `flow_keys` pointer.
pub const FLOW_KEYS_SIZE: u32 = 56;

/// The facts about a program that decide on accesses to its context.
#[derive(Clone, Copy, Debug)]
pub struct CtxQuery {
    /// The program's type; of a program that replaces another, the other's.
    pub prog_type: ProgType,
    /// The expected attach type, as fixed up when the program was admitted.
    pub attach_type: AttachType,
    /// Whether the loader has `CAP_BPF`.
    pub cap_bpf: bool,
}

/// An access that the context's layout allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtxAccess {
    /// Name of the field.
    pub name: &'static str,
    /// What a read gives: a scalar, or a kind of pointer.
    pub reg_type: RegType,
    /// Bytes of the whole field when a narrower read of it is allowed; otherwise 0.
    pub field_size: u32,
    /// Name of the kernel structure pointed at, when `reg_type` is [`RegBase::BtfId`].
    pub btf: Option<&'static str>,
    /// Whether the kernel manages to convert the access once the program is verified; if not, it refuses the
    /// program then.
    pub converts: bool,
}

/// The judgement on an access to a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtxAnswer {
    /// Allowed, with this result.
    Allowed(CtxAccess),
    /// The context is the arguments of a kernel function: its BTF decides.
    ByBtf,
    /// Not allowed.
    Denied,
}

/// How the context of a program type is described.
#[derive(Clone, Copy, Debug)]
pub enum CtxKind {
    /// By rows.
    Rows(&'static Layout),
    /// By the BTF of what the program attaches to, read-only and within twelve arguments.
    Arguments,
    /// As [`CtxKind::Arguments`], but neither direction, bounds nor alignment are judged before BTF is
    /// consulted: writes to the context of an LSM program pass.
    UncheckedArguments,
    /// There is no context to access.
    None,
}

/// Bytes of the largest context that consists of a function's arguments (12 of them).
const ARGUMENTS_SIZE: i32 = 8 * 12;

/// How the base describes the context of programs of type `prog_type`.
fn kind(prog_type: ProgType) -> CtxKind {
    use CtxKind::{Arguments, None, Rows, UncheckedArguments};
    match prog_type {
        ProgType::SocketFilter => Rows(skb::socket_filter()),
        ProgType::SchedCls | ProgType::SchedAct => Rows(skb::sched_cls()),
        ProgType::CgroupSkb => Rows(skb::cgroup_skb()),
        ProgType::LwtIn | ProgType::LwtOut | ProgType::LwtXmit | ProgType::LwtSeg6local => Rows(skb::lwt()),
        ProgType::SkSkb => Rows(skb::sk_skb()),
        ProgType::FlowDissector => Rows(&skb::FLOW_DISSECTOR),
        ProgType::CgroupSock => Rows(&attached::CGROUP_SOCK),
        ProgType::CgroupSockAddr => Rows(&attached::SOCK_ADDR),
        ProgType::CgroupSockopt => Rows(&attached::SOCKOPT),
        ProgType::CgroupSysctl => Rows(&attached::SYSCTL),
        ProgType::CgroupDevice => Rows(&attached::DEVICE),
        ProgType::SockOps => Rows(&net::SOCK_OPS),
        ProgType::SkMsg => Rows(&net::SK_MSG),
        ProgType::Xdp => Rows(&net::XDP),
        ProgType::SkReuseport => Rows(&net::SK_REUSEPORT),
        ProgType::SkLookup => Rows(&net::SK_LOOKUP),
        ProgType::Netfilter => Rows(&net::NETFILTER),
        ProgType::LircMode2 => Rows(&attached::LIRC),
        ProgType::Kprobe => Rows(&attached::PT_REGS),
        ProgType::Tracepoint => Rows(&attached::TRACEPOINT),
        ProgType::PerfEvent => Rows(&attached::PERF_EVENT),
        ProgType::RawTracepoint => Rows(&attached::RAW_TRACEPOINT),
        ProgType::RawTracepointWritable => Rows(&attached::RAW_TRACEPOINT_WRITABLE),
        ProgType::Syscall => Rows(&attached::SYSCALL),
        ProgType::Tracing | ProgType::StructOps => Arguments,
        ProgType::Lsm => UncheckedArguments,
        ProgType::Unspec | ProgType::Ext => None,
    }
}

impl Kernel {
    /// How the context of programs of type `prog_type` is described.
    ///
    /// A program that replaces another (`freplace`) is judged by the other's type.
    pub fn context(&self, prog_type: ProgType) -> CtxKind {
        let mut changes = self.tables.changes.chain().flat_map(|c| c.contexts);
        match changes.find(|(of, _)| *of == prog_type) {
            Some((_, layout)) => CtxKind::Rows(layout()),
            None => kind(prog_type),
        }
    }

    /// Judges an access to the context, as each type's `is_valid_access`.
    pub fn ctx_access(&self, q: &CtxQuery, asked: &Asked) -> CtxAnswer {
        match self.context(q.prog_type) {
            CtxKind::Rows(layout) => layout.access(q, asked, self.semantics.control.narrow_pointer),
            CtxKind::UncheckedArguments => CtxAnswer::ByBtf,
            CtxKind::Arguments => {
                let Asked {
                    off, size, access, ..
                } = *asked;
                let aligned = size != 0 && off.unsigned_abs().is_multiple_of(size);
                if (0..ARGUMENTS_SIZE).contains(&off) && access == Access::Read && aligned {
                    CtxAnswer::ByBtf
                } else {
                    CtxAnswer::Denied
                }
            }
            CtxKind::None => CtxAnswer::Denied,
        }
    }
}

/// Judges a read of a socket structure through a register of type `base`; `None` when `base` is no socket.
///
/// The structures of these registers are never writable.
pub fn sock_access(base: RegBase, off: i32, size: u32) -> Option<CtxAnswer> {
    let layout = match base {
        RegBase::Socket => &sock::SOCK,
        RegBase::SockCommon => &sock::SOCK_COMMON,
        RegBase::TcpSock => &sock::TCP_SOCK,
        RegBase::XdpSock => &sock::XDP_SOCK,
        _ => return None,
    };
    let any = CtxQuery {
        prog_type: ProgType::Unspec,
        attach_type: AttachType::CgroupInetIngress,
        cap_bpf: true,
    };
    let asked = Asked {
        off,
        size,
        access: Access::Read,
        sign_extending: false,
    };
    Some(layout.access(&any, &asked, NarrowPointer::Refused))
}

#[cfg(test)]
mod tests;
