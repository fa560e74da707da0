//! Which values a program may return.

use crate::Kernel;
use crate::prog::{AttachType, ProgType};

/// The values that a program may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnRange {
    /// Smallest.
    pub min: i32,
    /// Largest.
    pub max: i32,
    /// Only the lower half of the register is judged.
    pub is_32bit: bool,
    /// Returning a value known to lie here ties the program to its expected attach type.
    pub enforces_attach_type: Option<(u64, u64)>,
}

impl ReturnRange {
    /// These values, judged as 64 bits.
    pub const fn new(min: i32, max: i32) -> ReturnRange {
        ReturnRange {
            min,
            max,
            is_32bit: false,
            enforces_attach_type: None,
        }
    }
}

/// How the value is judged that the main program (or its exception callback) returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnRule {
    /// Any value.
    Any,
    /// One of these.
    Range(ReturnRange),
    /// As the LSM hook says: look it up in [`crate::lsm`], and judge 32 bits.
    LsmHook,
    /// The attach type has no rule: the verifier fails with `-ENOTSUPP`.
    Unsupported,
}

impl Kernel {
    /// The rule for programs of this type (of the replaced program for `freplace`).
    ///
    /// `has_btf_target` is whether the program names a BTF type to attach to, `void_target` whether the function
    /// attached to returns nothing. Before this rule, LSM programs (but for cgroups) and struct_ops programs
    /// whose target is `void` are not judged at all, not even for an uninitialised register.
    pub fn return_rule(
        &self,
        prog_type: ProgType,
        attach_type: AttachType,
        has_btf_target: bool,
        void_target: bool,
    ) -> ReturnRule {
        let rule = return_rule(prog_type, attach_type, has_btf_target, void_target);
        let mut changes = self.tables.changes.chain().flat_map(|c| c.returns);
        let changed = changes.find(|(base, _)| *base == rule);
        changed.map_or(rule, |(_, rule)| *rule)
    }
}

/// The rule in the base.
fn return_rule(
    prog_type: ProgType,
    attach_type: AttachType,
    has_btf_target: bool,
    void_target: bool,
) -> ReturnRule {
    use AttachType as A;
    use ReturnRule::{Any, LsmHook, Range, Unsupported};
    const BOOL: ReturnRule = Range(ReturnRange::new(0, 1));
    const ZERO: ReturnRule = Range(ReturnRange::new(0, 0));
    const ONE: ReturnRule = Range(ReturnRange::new(1, 1));
    match prog_type {
        ProgType::CgroupSockAddr => match attach_type {
            A::CgroupUdp4Recvmsg
            | A::CgroupUdp6Recvmsg
            | A::CgroupUnixRecvmsg
            | A::CgroupInet4Getpeername
            | A::CgroupInet6Getpeername
            | A::CgroupUnixGetpeername
            | A::CgroupInet4Getsockname
            | A::CgroupInet6Getsockname
            | A::CgroupUnixGetsockname => ONE,
            A::CgroupInet4Bind | A::CgroupInet6Bind => Range(ReturnRange::new(0, 3)),
            _ => BOOL,
        },
        ProgType::CgroupSkb if attach_type == A::CgroupInetEgress => Range(ReturnRange {
            enforces_attach_type: Some((2, 3)),
            ..ReturnRange::new(0, 3)
        }),
        ProgType::CgroupSkb
        | ProgType::CgroupSock
        | ProgType::SockOps
        | ProgType::CgroupDevice
        | ProgType::CgroupSysctl
        | ProgType::CgroupSockopt
        | ProgType::SkLookup
        | ProgType::Netfilter => BOOL,
        ProgType::RawTracepoint if has_btf_target => ZERO,
        ProgType::Tracing => match attach_type {
            A::TraceFentry | A::TraceFexit => ZERO,
            A::TraceRawTp | A::ModifyReturn => Any,
            A::TraceIter => BOOL,
            _ => Unsupported,
        },
        ProgType::Kprobe if matches!(attach_type, A::TraceKprobeSession | A::TraceUprobeSession) => BOOL,
        ProgType::Lsm if attach_type != A::LsmCgroup => LsmHook,
        ProgType::Lsm if void_target => ONE,
        ProgType::Lsm => BOOL,
        _ => Any,
    }
}
