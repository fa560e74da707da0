//! Helper functions: their prototypes, and which program may call which.
//!
//! `protos` has a row per prototype; several program types may know the same helper by different
//! prototypes. `sets` says, per program type, which rows apply under which conditions.

pub mod effects;
pub mod id;
pub mod origin;
pub(in crate::tables) mod protos;
pub(in crate::tables) mod sets;

use sets::Set;

use crate::limits::Capabilities;
use crate::prog::{AttachType, ProgType};
use crate::types::{ArgType, RetType};

/// A helper's number: `BPF_FUNC_*`, the `imm` of a call.
pub type HelperId = u32;

/// An argument of a helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arg {
    /// What is accepted.
    pub ty: ArgType,
    /// The struct that a pointer to a kernel object must point to. `None` for a [`BtfId`] argument means
    /// that the type follows from another argument (`bpf_kptr_xchg`).
    ///
    /// [`BtfId`]: crate::types::ArgBase::BtfId
    pub btf: Option<&'static str>,
    /// Bytes of memory of fixed size ([`Flags::FIXED_SIZE`](crate::types::Flags::FIXED_SIZE)); otherwise 0.
    pub size: u32,
}

/// A condition, beyond availability, on the program that calls a helper (`allowed` in the kernel).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// None.
    Always,
    /// `bpf_d_path`: iterators, sleepable LSM hooks and some kernel functions.
    DPath,
    /// The same before it was for more than those functions.
    DPathFunctions,
    /// `bpf_ima_*_hash`: sleepable LSM hooks.
    ImaHash,
    /// `bpf_sk_storage_*` of tracing programs: not on the storage's own functions.
    SkStorageTracing,
}

/// A prototype of a helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HelperProto {
    /// The helper's number.
    pub id: HelperId,
    /// Its name as in the log: `bpf_map_lookup_elem`.
    pub name: &'static str,
    /// Only for programs with a GPL-compatible licence.
    pub gpl_only: bool,
    /// Memory arguments may point into a packet.
    pub pkt_access: bool,
    /// Only for sleepable programs.
    pub might_sleep: bool,
    /// Follows the `bpf_fastcall` contract: only the registers of its arguments are scratched.
    pub allow_fastcall: bool,
    /// What it gives back.
    pub ret: RetType,
    /// The struct that a returned kernel object has; `None` for a [`BtfId`](crate::types::RetBase::BtfId)
    /// return means that it follows from an argument (`bpf_kptr_xchg`).
    pub ret_btf: Option<&'static str>,
    /// What it takes.
    pub args: [Arg; 5],
    /// Which programs may call it even when it is available.
    pub allowed: Allowed,
}

/// What decides which helpers a program may call.
///
/// For an extension (`freplace`), type and attach type are those of the program that is extended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HelperQuery<'p> {
    /// The program's type.
    pub prog_type: ProgType,
    /// Its expected attach type, by number.
    pub expected_attach_type: u32,
    /// Whether it is an extension: some helpers are for programs of a type themselves.
    pub extends: bool,
    /// Whether it is loaded as sleepable (`BPF_F_SLEEPABLE`).
    pub sleepable: bool,
    /// What who loads it may do.
    pub capabilities: Capabilities,
    /// The kernel function it attaches to: `bpf_lsm_file_open`, `bpf_iter_tcp`, `vfs_read`; `None` when
    /// it attaches to none, or to another program.
    pub attach_func: Option<&'p str>,
    /// For a struct_ops program, the struct whose member it implements: `tcp_congestion_ops`.
    pub struct_ops: Option<&'p str>,
    /// For a struct_ops program, the member: `init`.
    pub struct_ops_member: Option<&'p str>,
}

/// How a release's helpers differ from the base's.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Helpers from this number on do not exist.
    pub count: usize,
    /// Helpers after which pointers into packets stay valid, other than in the base.
    pub keeps_packet: &'static [HelperId],
    /// Helpers of whose results the range is not known, other than in the base.
    pub unknown_results: &'static [HelperId],
    /// Lines that are asked before those of the base's set of the same name.
    pub sets: &'static [Set],
    /// Rows of the base, and those that take their place.
    pub rows: &'static [(&'static HelperProto, &'static HelperProto)],
}

impl Changes {
    pub(crate) const NONE: Changes = Changes {
        count: id::NAMES.len(),
        keeps_packet: &[],
        unknown_results: &[],
        sets: &[],
        rows: &[],
    };
}

/// Why a helper is not available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no helper of this number (`-ERANGE` in the kernel: `invalid func`).
    NoSuchHelper,
    /// Not for this program (`-EINVAL`: `program of this type cannot use helper`).
    NotForThisProgram,
}

/// The name of a helper (`bpf_map_lookup_elem`); `None` when no kernel has one of that number.
pub fn helper_name(id: HelperId) -> Option<&'static str> {
    id::NAMES.get(usize::try_from(id).ok()?).copied()
}

/// The number of the helper of this name; `None` when there is none.
pub fn helper_id(name: &str) -> Option<HelperId> {
    let at = id::NAMES.iter().position(|known| *known == name)?;
    HelperId::try_from(at).ok()
}

/// The helpers that one program may call: [`Kernel::helpers`](crate::Kernel::helpers).
#[derive(Clone, Debug)]
pub struct Helpers {
    by_id: Vec<Option<&'static HelperProto>>,
}

impl Helpers {
    /// No helper at all.
    pub const fn none() -> Helpers {
        Helpers { by_id: Vec::new() }
    }

    /// The prototype by which the program calls helper `id`.
    ///
    /// # Errors
    /// When there is no such helper, or the program may not use it.
    #[inline]
    pub fn get(&self, id: HelperId) -> Result<&'static HelperProto, Refusal> {
        match self.by_id.get(id as usize) {
            None => Err(Refusal::NoSuchHelper),
            Some(None) => Err(Refusal::NotForThisProgram),
            Some(Some(proto)) => Ok(proto),
        }
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = &'static HelperProto> {
        self.by_id.iter().copied().flatten()
    }
}

impl crate::Kernel {
    /// The name of a helper as in this kernel's log; `None` when it has none of that number, for which the log says
    /// `unknown`.
    pub fn helper_name(&self, id: HelperId) -> Option<&'static str> {
        let known = (id as usize) < self.tables.changes.helper.count;
        known.then(|| helper_name(id)).flatten()
    }

    /// Which helpers a program may call, and by which prototypes.
    ///
    /// It costs microseconds; ask once per program.
    pub fn helpers(&self, query: &HelperQuery<'_>) -> Helpers {
        let count = self.tables.changes.helper.count;
        let mut by_id = vec![None; count];
        let mut decided = vec![false; count];
        sets::rows(self, query, |proto, allow| {
            let id = proto.id as usize;
            if let (Some(slot), Some(decided)) = (by_id.get_mut(id), decided.get_mut(id))
                && !*decided
            {
                *decided = true;
                *slot = allow.then_some(proto);
            }
        });
        Helpers { by_id }
    }
}

impl HelperQuery<'_> {
    /// Whether the program may call a helper that is available to it ([`HelperProto`]'s `allowed`); otherwise
    /// the kernel says `helper call is not allowed in probe`.
    pub fn allows(&self, kernel: &crate::Kernel, proto: &HelperProto) -> bool {
        let attach = |t: AttachType| self.expected_attach_type == t.raw();
        let attach_func = self.attach_func.unwrap_or_default();
        match proto.allowed {
            Allowed::Always => true,
            Allowed::DPath => match self.prog_type {
                ProgType::Tracing if attach(AttachType::TraceIter) => true,
                ProgType::Lsm => kernel.lsm().is_sleepable(attach_func),
                _ => D_PATH_FUNCTIONS.contains(&attach_func),
            },
            Allowed::DPathFunctions => D_PATH_FUNCTIONS.contains(&attach_func),
            Allowed::ImaHash => kernel.lsm().is_sleepable(attach_func),
            Allowed::SkStorageTracing => {
                attach(AttachType::TraceIter)
                    || attach(AttachType::TraceRawTp)
                    || ((attach(AttachType::TraceFentry) || attach(AttachType::TraceFexit))
                        && self.attach_func.is_some_and(|f| !f.starts_with("bpf_sk_storage")))
            }
        }
    }
}

/// Functions whose tracing programs may call `bpf_d_path` (`btf_allowlist_d_path`): no lock is held there
/// that it would take.
const D_PATH_FUNCTIONS: &[&str] = &[
    "security_file_permission",
    "security_inode_getattr",
    "security_file_open",
    "security_path_truncate",
    "vfs_truncate",
    "vfs_fallocate",
    "dentry_open",
    "vfs_getattr",
    "filp_close",
];

#[cfg(test)]
mod tests;
