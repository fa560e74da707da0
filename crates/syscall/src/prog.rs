//! `BPF_PROG_LOAD`: the checks of a program's attributes before the verifier runs (`bpf_prog_load` of
//! `kernel/bpf/syscall.c`), for a loader that holds every capability.

use std::sync::Arc;

use verdict_btf::TypeId;
use verdict_isa::Insn;
use verdict_kernel::attr::{FuncInfo, LineInfo, MapId, Misfit, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::{Broken, By, Rule};
use verdict_kernel::{Capabilities, Kernel};

use crate::allowance::Allowance;
use crate::btf::ProgBtf;
use crate::map::Map;
use crate::map::is_object_name;
use crate::memory::Process;
use crate::target::LoadedProg;

/// `BPF_F_*` of a program.
pub mod flags {
    /// Check alignment as if unaligned access were slow.
    pub const STRICT_ALIGNMENT: u32 = 1 << 0;
    /// Do not check alignment.
    pub const ANY_ALIGNMENT: u32 = 1 << 1;
    /// Random upper halves after 32-bit operations (affects rewriting only).
    pub const TEST_RND_HI32: u32 = 1 << 2;
    /// Checkpoint at every chance.
    pub const TEST_STATE_FREQ: u32 = 1 << 3;
    /// The program may sleep.
    pub const SLEEPABLE: u32 = 1 << 4;
    /// The program knows of multi-buffer XDP frames.
    pub const XDP_HAS_FRAGS: u32 = 1 << 5;
    /// The program is bound to a device without being offloaded.
    pub const XDP_DEV_BOUND_ONLY: u32 = 1 << 6;
    /// A broken invariant of a register's bounds is an error.
    pub const TEST_REG_INVARIANTS: u32 = 1 << 7;
    /// A token is given.
    pub const TOKEN_FD: u32 = 1 << 16;
}

/// The most types that a BTF has (`BTF_MAX_TYPE`).
const BTF_MAX_TYPE: u32 = 0x000f_ffff;

/// Why a program does not get as far as its verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// The system call fails; nothing goes to the log.
    Refused(Broken),
    /// It asks for something that is not modelled.
    Unsupported(&'static str),
}

impl From<Broken> for LoadError {
    fn from(broken: Broken) -> Self {
        LoadError::Refused(broken)
    }
}

/// A program that was admitted: what the verifier starts from.
#[derive(Clone, Debug)]
pub struct Prog {
    /// Name.
    pub name: String,
    /// Its type.
    pub prog_type: ProgType,
    /// The expected attach type by number, fixed up; for struct_ops the index of the member.
    pub expected_attach_type: u32,
    /// The program and its subprograms.
    pub insns: Vec<Insn>,
    /// The maps, by [`MapId`].
    pub maps: Arc<[Arc<Map>]>,
    /// The object's BTF; `None` without function and line records, as the kernel then ignores it.
    pub btf: Option<Arc<ProgBtf>>,
    /// Functions.
    pub func_info: Vec<FuncInfo>,
    /// Lines.
    pub line_info: Vec<LineInfo>,
    /// What is wrong with the form of the records.
    pub misfit: Option<Misfit>,
    /// Instructions, in order, whose `imm` is a file descriptor and no [`MapId`].
    pub stray_fds: Vec<u32>,
    /// Those of them that are refused otherwise than because it is closed, and how.
    pub odd_fds: Vec<(u32, Errno)>,
    /// The type that it attaches to, of vmlinux unless there is a target.
    pub attach_btf_id: Option<TypeId>,
    /// The program that it attaches to, if it is not a function of the kernel; [`Prog::attach_btf_id`] is of that
    /// program's BTF then.
    pub target: Option<Arc<LoadedProg>>,
    /// Whether it replaces a function of the target (`freplace`).
    pub extends: bool,
    /// Whether its licence lets it call what is for GPL programs only.
    pub gpl_compatible: bool,
    /// Whether it may sleep.
    pub sleepable: bool,
    /// [`flags`].
    pub flags: u32,
    /// What who loads it may do.
    pub capabilities: Capabilities,
    /// What its verification may take.
    pub allowance: Allowance,
}

impl Prog {
    /// The expected attach type; `None` when it is not one (a struct_ops member's index may be large).
    pub fn attach_type(&self) -> Option<AttachType> {
        AttachType::from_raw(self.expected_attach_type)
    }
    /// Whether the expected attach type is this one.
    pub fn expects(&self, attach_type: AttachType) -> bool {
        self.expected_attach_type == attach_type.raw()
    }
    /// Whether a flag of [`flags`] is set.
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
    /// A map by its number.
    pub fn map(&self, id: MapId) -> Option<&Arc<Map>> {
        self.maps.get(usize::try_from(id.0).ok()?)
    }

    /// An extension as it is verified once its target is known: as a program of the target's kind.
    pub fn as_extended(&self) -> Option<Prog> {
        let target = self.target.as_ref().filter(|_| self.extends)?;
        Some(Prog {
            prog_type: target.prog.prog_type,
            expected_attach_type: target.prog.expected_attach_type,
            ..self.clone()
        })
    }

    /// Admits a program.
    ///
    /// `btf` is what the kernel made of `attr.btf`; `maps` are those created so far, by [`MapId`]; `target` is the
    /// program that `attr.attach_prog` names.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        kernel: &Kernel,
        attr: &ProgLoad,
        btf: Option<&Arc<ProgBtf>>,
        maps: Arc<[Arc<Map>]>,
        target: Option<&Arc<LoadedProg>>,
    ) -> Result<Prog, LoadError> {
        Self::load_by(&mut Process::new(kernel), kernel, attr, btf, maps, target)
    }

    /// The same for a process that has locked memory already, and may not do everything.
    pub(crate) fn load_by(
        process: &mut Process,
        kernel: &Kernel,
        attr: &ProgLoad,
        btf: Option<&Arc<ProgBtf>>,
        maps: Arc<[Arc<Map>]>,
        target: Option<&Arc<LoadedProg>>,
    ) -> Result<Prog, LoadError> {
        let found = match target {
            Some(_) => TargetFd::Program,
            None => TargetFd::Nothing,
        };
        let expected_attach_type =
            Self::admit(kernel, process.capabilities, attr, attr.insns.len(), Ok(found))?;
        let prog_type = ProgType::from_raw(attr.prog_type);
        process.memory.charge_program(kernel, &attr.insns)?;
        if attr.prog_ifindex != 0 {
            check_dev_bound(prog_type, attr)?;
        }
        let prog_type = prog_type
            .filter(|&ty| kernel.supports_prog_type(ty))
            .ok_or(Rule::ProgramAttributes.with(Errno::EINVAL))?;
        if !is_object_name(&attr.name) {
            return Err(Rule::ProgramAttributes.with(Errno::EINVAL).into());
        }
        let described = !attr.func_info.is_empty() || !attr.line_info.is_empty() || attr.misfit.is_some();
        Ok(Prog {
            name: attr.name.clone(),
            prog_type,
            expected_attach_type,
            insns: attr.insns.clone(),
            maps,
            btf: btf.filter(|_| described).cloned(),
            func_info: attr.func_info.clone(),
            line_info: attr.line_info.clone(),
            misfit: attr.misfit.clone(),
            stray_fds: attr.stray_fds.clone(),
            odd_fds: attr.odd_fds.clone(),
            attach_btf_id: attr.attach_btf_id,
            target: target.cloned(),
            extends: prog_type == ProgType::Ext,
            gpl_compatible: is_gpl_compatible(&attr.license),
            sleepable: attr.prog_flags & flags::SLEEPABLE != 0,
            flags: attr.prog_flags,
            capabilities: process.capabilities,
            allowance: Allowance::default(),
        })
    }

    /// What is checked before any bytes of the program are read, whose instructions are so many. Gives the expected attach
    /// type.
    pub(crate) fn admit(
        kernel: &Kernel,
        may: Capabilities,
        attr: &ProgLoad,
        count: usize,
        found: Result<TargetFd, Errno>,
    ) -> Result<u32, LoadError> {
        if !may.bpf {
            return Err(LoadError::Unsupported("loading without CAP_BPF"));
        }
        if !kernel.knows_prog_flags(attr.prog_flags) {
            return Err(Rule::ProgramAttributes.with(Errno::EINVAL).into());
        }
        let expected_attach_type = fixup_attach_type(kernel, attr);
        if count == 0 || count > kernel.limits.program_insns as usize {
            return Err(Rule::ProgramSize.with(Errno::E2BIG).into());
        }
        // Types that the kernel does not have are refused once the program is read.
        let prog_type = ProgType::from_raw(attr.prog_type)
            .filter(|&ty| kernel.supports_prog_type(ty) || kernel.has_prog_type(ty));
        check_capabilities(kernel, may, prog_type)?;
        let found = found.map_err(|errno| Rule::ProgramAttributes.with(errno))?;
        check_attach(kernel, prog_type, expected_attach_type, attr.attach_btf_id)
            .by(Rule::ProgramAttributes)?;
        let takes_programs = matches!(prog_type, Some(ProgType::Tracing | ProgType::Ext));
        match found {
            TargetFd::Program if !takes_programs => Err(Rule::ProgramAttributes.with(Errno::EINVAL).into()),
            TargetFd::KernelTypes if attr.attach_btf_id.is_none() => {
                Err(Rule::ProgramAttributes.with(Errno::EINVAL).into())
            }
            _ => Ok(expected_attach_type),
        }
    }
}

/// What `attach_prog_fd` is a descriptor of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetFd {
    /// There is none.
    Nothing,
    /// A program.
    Program,
    /// The kernel's own BTF.
    KernelTypes,
}

/// Types of programs are for those who administer networks or look into the kernel (`is_net_admin_prog_type`,
/// `is_perfmon_prog_type`); extensions extend any of them.
fn check_capabilities(
    kernel: &Kernel,
    may: Capabilities,
    prog_type: Option<ProgType>,
) -> Result<(), LoadError> {
    use ProgType as P;
    let of_networks = matches!(
        prog_type,
        Some(
            P::SchedCls
                | P::SchedAct
                | P::Xdp
                | P::LwtIn
                | P::LwtOut
                | P::LwtXmit
                | P::LwtSeg6local
                | P::SkSkb
                | P::SkMsg
                | P::FlowDissector
                | P::CgroupDevice
                | P::CgroupSock
                | P::CgroupSockAddr
                | P::CgroupSockopt
                | P::CgroupSysctl
                | P::SockOps
                | P::Ext
                | P::Netfilter
        )
    );
    let of_the_kernel = matches!(
        prog_type,
        Some(
            P::Kprobe
                | P::Tracepoint
                | P::PerfEvent
                | P::RawTracepoint
                | P::RawTracepointWritable
                | P::Tracing
                | P::Lsm
                | P::StructOps
                | P::Ext
        )
    );
    let infrared = prog_type == Some(P::LircMode2) && kernel.calls().infrared_of_networks;
    if ((of_networks || infrared) && !may.net_admin) || (of_the_kernel && !may.perfmon) {
        return Err(Rule::ProgramAttributes.with(Errno::EPERM).into());
    }
    match may.perfmon {
        true => Ok(()),
        false => Err(LoadError::Unsupported("loading without CAP_PERFMON")),
    }
}

/// Old loaders leave the attach type of these types at 0, which means something else.
fn fixup_attach_type(kernel: &Kernel, attr: &ProgLoad) -> u32 {
    let default = match ProgType::from_raw(attr.prog_type) {
        Some(ProgType::CgroupSock) => AttachType::CgroupInetSockCreate,
        Some(ProgType::SkReuseport) => AttachType::SkReuseportSelect,
        _ => return attr.expected_attach_type,
    };
    if attr.expected_attach_type == 0 && kernel.attach_type(default.raw()).is_some() {
        default.raw()
    } else {
        attr.expected_attach_type
    }
}

/// `bpf_prog_load_check_attach`, but for what goes with a target program.
fn check_attach(
    kernel: &Kernel,
    prog_type: Option<ProgType>,
    attach: u32,
    btf_id: Option<TypeId>,
) -> Result<(), Errno> {
    use AttachType as A;
    let by_btf = [
        ProgType::Tracing,
        ProgType::Lsm,
        ProgType::StructOps,
        ProgType::Ext,
    ];
    if let Some(btf_id) = btf_id {
        let takes = prog_type.is_some_and(|ty| by_btf.contains(&ty));
        if btf_id.0 > BTF_MAX_TYPE || !takes {
            return Err(Errno::EINVAL);
        }
    }
    let allowed: &[A] = match prog_type {
        Some(ProgType::CgroupSock) => &[
            A::CgroupInetSockCreate,
            A::CgroupInetSockRelease,
            A::CgroupInet4PostBind,
            A::CgroupInet6PostBind,
        ],
        Some(ProgType::CgroupSockAddr) => &[
            A::CgroupInet4Bind,
            A::CgroupInet6Bind,
            A::CgroupInet4Connect,
            A::CgroupInet6Connect,
            A::CgroupUnixConnect,
            A::CgroupInet4Getpeername,
            A::CgroupInet6Getpeername,
            A::CgroupUnixGetpeername,
            A::CgroupInet4Getsockname,
            A::CgroupInet6Getsockname,
            A::CgroupUnixGetsockname,
            A::CgroupUdp4Sendmsg,
            A::CgroupUdp6Sendmsg,
            A::CgroupUnixSendmsg,
            A::CgroupUdp4Recvmsg,
            A::CgroupUdp6Recvmsg,
            A::CgroupUnixRecvmsg,
        ],
        Some(ProgType::CgroupSkb) => &[A::CgroupInetIngress, A::CgroupInetEgress],
        Some(ProgType::CgroupSockopt) => &[A::CgroupSetsockopt, A::CgroupGetsockopt],
        Some(ProgType::SkLookup) => &[A::SkLookup],
        // Where these have no attach type, any is taken.
        Some(ProgType::SkReuseport) if kernel.attach_type(A::SkReuseportSelect.raw()).is_none() => {
            return Ok(());
        }
        Some(ProgType::SkReuseport) => &[A::SkReuseportSelect, A::SkReuseportSelectOrMigrate],
        Some(ProgType::Netfilter) => &[A::Netfilter],
        // Number 0: these have no attach type.
        Some(ProgType::Syscall | ProgType::Ext) => &[A::CgroupInetIngress],
        _ => return Ok(()),
    };
    if kernel.attach_type(attach).is_some_and(|ty| allowed.contains(&ty)) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// `bpf_prog_dev_bound_init`: only XDP and traffic classifiers can be bound to a device.
fn check_dev_bound(prog_type: Option<ProgType>, attr: &ProgLoad) -> Result<(), LoadError> {
    let bound_only = attr.prog_flags & flags::XDP_DEV_BOUND_ONLY != 0;
    let frags = attr.prog_flags & flags::XDP_HAS_FRAGS != 0;
    let known = matches!(prog_type, Some(ProgType::SchedCls | ProgType::Xdp));
    if !known
        || attr.prog_flags & !(flags::XDP_DEV_BOUND_ONLY | flags::XDP_HAS_FRAGS) != 0
        || (frags && !bound_only)
        || (prog_type == Some(ProgType::SchedCls) && bound_only)
    {
        return Err(Rule::ProgramAttributes.with(Errno::EINVAL).into());
    }
    Err(LoadError::Unsupported("a program bound to a network device"))
}

/// `license_is_gpl_compatible`; the kernel reads at most 126 bytes of it.
fn is_gpl_compatible(license: &str) -> bool {
    matches!(
        license,
        "GPL" | "GPL v2" | "GPL and additional rights" | "Dual BSD/GPL" | "Dual MIT/GPL" | "Dual MPL/GPL"
    )
}
