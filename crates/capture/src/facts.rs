//! Facts about program types, asked by tiny programs: which helpers and kernel functions each kind of program may call, and
//! which accesses of its context it may make. What no known table has as the kernel has it is written down as not known.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use verdict::verify_handed;
use verdict_btf::{Kind as BtfKind, TypeId};
use verdict_engine::Verdict;
use verdict_isa::{Insn, class, mode, op, pseudo, size, src};
use verdict_kernel::attr::ProgLoad;
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType as A, ProgType as P};
use verdict_kernel::{Kernel, Unsure};
use verdict_syscall::Session;
use verdict_syscall::prog::LoadError;

/// Helpers have numbers up to this one, and some to come.
const HELPERS: u32 = 240;

/// Where contexts end at the latest.
const CONTEXT: i16 = 320;

const SLEEPABLE: u32 = 1 << 4;

/// A kind of program, of those that differ in what they may do.
struct Kind {
    name: &'static str,
    prog_type: P,
    attach_type: A,
    /// What of the kernel it attaches to: a function, or a tracepoint's type.
    target: &'static str,
    flags: u32,
}

/// A kind that attaches to nothing of the kernel by its type.
const fn plain(name: &'static str, prog_type: P, attach_type: A) -> Kind {
    at(name, prog_type, attach_type, "", 0)
}

const fn at(name: &'static str, prog_type: P, attach_type: A, target: &'static str, flags: u32) -> Kind {
    Kind {
        name,
        prog_type,
        attach_type,
        target,
        flags,
    }
}

/// The attach type of what has none.
const NONE: A = A::CgroupInetIngress;

static KINDS: &[Kind] = &[
    plain("socket_filter", P::SocketFilter, NONE),
    plain("kprobe", P::Kprobe, NONE),
    plain("kprobe.multi", P::Kprobe, A::TraceKprobeMulti),
    at("uprobe.s", P::Kprobe, NONE, "", SLEEPABLE),
    plain("sched_cls", P::SchedCls, NONE),
    plain("sched_act", P::SchedAct, NONE),
    plain("tracepoint", P::Tracepoint, NONE),
    plain("xdp", P::Xdp, A::Xdp),
    plain("perf_event", P::PerfEvent, NONE),
    plain("cgroup_skb/ingress", P::CgroupSkb, A::CgroupInetIngress),
    plain("cgroup_skb/egress", P::CgroupSkb, A::CgroupInetEgress),
    plain("cgroup/sock_create", P::CgroupSock, A::CgroupInetSockCreate),
    plain("cgroup/post_bind4", P::CgroupSock, A::CgroupInet4PostBind),
    plain("cgroup/post_bind6", P::CgroupSock, A::CgroupInet6PostBind),
    plain("lwt_in", P::LwtIn, NONE),
    plain("lwt_out", P::LwtOut, NONE),
    plain("lwt_xmit", P::LwtXmit, NONE),
    plain("lwt_seg6local", P::LwtSeg6local, NONE),
    plain("sockops", P::SockOps, A::CgroupSockOps),
    plain("sk_skb/stream_parser", P::SkSkb, A::SkSkbStreamParser),
    plain("sk_skb/stream_verdict", P::SkSkb, A::SkSkbStreamVerdict),
    plain("cgroup/dev", P::CgroupDevice, A::CgroupDevice),
    plain("sk_msg", P::SkMsg, A::SkMsgVerdict),
    plain("raw_tracepoint", P::RawTracepoint, NONE),
    plain("raw_tracepoint.w", P::RawTracepointWritable, NONE),
    plain("cgroup/bind4", P::CgroupSockAddr, A::CgroupInet4Bind),
    plain("cgroup/bind6", P::CgroupSockAddr, A::CgroupInet6Bind),
    plain("cgroup/connect4", P::CgroupSockAddr, A::CgroupInet4Connect),
    plain("cgroup/connect6", P::CgroupSockAddr, A::CgroupInet6Connect),
    plain("lirc_mode2", P::LircMode2, A::LircMode2),
    plain("sk_reuseport", P::SkReuseport, A::SkReuseportSelect),
    plain(
        "sk_reuseport/migrate",
        P::SkReuseport,
        A::SkReuseportSelectOrMigrate,
    ),
    plain("flow_dissector", P::FlowDissector, A::FlowDissector),
    plain("cgroup/sysctl", P::CgroupSysctl, A::CgroupSysctl),
    plain("cgroup/getsockopt", P::CgroupSockopt, A::CgroupGetsockopt),
    plain("cgroup/setsockopt", P::CgroupSockopt, A::CgroupSetsockopt),
    at("tp_btf", P::Tracing, A::TraceRawTp, "btf_trace_sched_switch", 0),
    at("fentry", P::Tracing, A::TraceFentry, "bpf_fentry_test1", 0),
    at("fexit", P::Tracing, A::TraceFexit, "bpf_fentry_test1", 0),
    at(
        "fentry.s",
        P::Tracing,
        A::TraceFentry,
        "bpf_fentry_test1",
        SLEEPABLE,
    ),
    at("iter/task", P::Tracing, A::TraceIter, "bpf_iter_task", 0),
    at("lsm", P::Lsm, A::LsmMac, "bpf_lsm_file_open", 0),
    at("lsm.s", P::Lsm, A::LsmMac, "bpf_lsm_file_open", SLEEPABLE),
    at("lsm_cgroup", P::Lsm, A::LsmCgroup, "bpf_lsm_socket_bind", 0),
    plain("sk_lookup", P::SkLookup, A::SkLookup),
    at("syscall", P::Syscall, NONE, "", SLEEPABLE),
    plain("netfilter", P::Netfilter, A::Netfilter),
];

/// What a kernel allows the programs of a kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Allowed {
    /// What they may return, of 0 and 1; `None` when they are not loaded.
    pub returns: Option<i32>,
    /// errno when they are not.
    #[serde(default)]
    pub errno: i32,
    /// Helpers that they may call.
    pub helpers: BTreeSet<u32>,
    /// Kernel functions that they may call.
    pub kfuncs: BTreeSet<String>,
    /// Hooks of the LSM that they may attach to.
    #[serde(default)]
    pub hooks: BTreeSet<String>,
    /// Offsets and sizes of the context that they may read.
    pub reads: BTreeSet<(i16, u32)>,
    /// The same of writing.
    pub writes: BTreeSet<(i16, u32)>,
}

/// Facts by kind of program.
pub type Facts = BTreeMap<String, Allowed>;

/// Whoever loads programs.
pub(crate) trait Loads {
    /// errno, and what the log says at level 1 if it is wanted.
    fn load(&mut self, load: &ProgLoad, says: bool) -> (i32, String);
}

fn insn(code: u8, dst: u8, source: u8, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst,
        src: source,
        off,
        imm,
    }
}

/// A program that returns a number.
pub(crate) fn returns(value: i32) -> [Insn; 2] {
    [
        insn(class::ALU64 | op::MOV | src::K, 0, 0, 0, value),
        insn(class::JMP | op::EXIT, 0, 0, 0, 0),
    ]
}

/// Sizes of accesses, by how instructions have them.
const SIZES: [(u8, u32); 4] = [(size::B, 1), (size::H, 2), (size::W, 4), (size::DW, 8)];

/// Asks for all facts. `kfuncs` are functions of the kernel that may be ones.
pub(crate) fn facts(kernel: &Kernel, kfuncs: &[(String, TypeId)], loads: &mut dyn Loads) -> Facts {
    let kinds = KINDS.iter().filter_map(|kind| {
        let mut load = ProgLoad {
            name: "fact".to_owned(),
            license: "GPL".to_owned(),
            prog_type: kind.prog_type.raw(),
            expected_attach_type: kind.attach_type.raw(),
            prog_flags: kind.flags,
            kern_version: kernel.version_code(),
            ..ProgLoad::default()
        };
        if !kind.target.is_empty() {
            let of = match kind.target.starts_with("btf_trace_") {
                true => BtfKind::Typedef,
                false => BtfKind::Func,
            };
            load.attach_btf_id = Some(kernel.btf.find(kind.target, of)?);
        }
        let mut allowed = allowed(&load, kfuncs, loads);
        if kind.prog_type == P::Lsm && allowed.returns.is_some() {
            allowed.hooks = hooks(kernel, &load, loads);
        }
        Some((kind.name.to_owned(), allowed))
    });
    kinds.collect()
}

/// The hooks of the LSM that programs of a kind may attach to.
fn hooks(kernel: &Kernel, kind: &ProgLoad, loads: &mut dyn Loads) -> BTreeSet<String> {
    let functions = kernel.btf.types().filter(|ty| ty.is_func());
    let names = functions
        .map(|ty| ty.name())
        .filter(|name| name.starts_with("bpf_lsm_"));
    let mut load = ProgLoad {
        insns: returns(0).to_vec(),
        ..kind.clone()
    };
    let may = |name: &&str| {
        load.attach_btf_id = kernel.btf.find(name, BtfKind::Func);
        loads.load(&load, false).0 == 0
    };
    names.filter(may).map(ToOwned::to_owned).collect()
}

fn allowed(kind: &ProgLoad, kfuncs: &[(String, TypeId)], loads: &mut dyn Loads) -> Allowed {
    let mut allowed = Allowed::default();
    let mut ask = |first: &[Insn], value: i32, says: bool| {
        let insns = first.iter().copied().chain(returns(value)).collect();
        loads.load(
            &ProgLoad {
                insns,
                ..kind.clone()
            },
            says,
        )
    };
    for value in [0, 1] {
        match ask(&[], value, false).0 {
            0 => {
                allowed.returns = Some(value);
                break;
            }
            errno => allowed.errno = errno,
        }
    }
    let Some(value) = allowed.returns else {
        return allowed;
    };
    allowed.errno = 0;
    // What refuses a call as such, before its arguments are looked at.
    let is_called = |(errno, log): &(i32, String)| {
        let refusals = [
            "invalid func",
            "unknown func",
            "cannot use helper",
            "is not allowed",
            "not supported",
        ];
        *errno == 0 || !refusals.iter().any(|words| log.contains(words))
    };
    for id in 1..=HELPERS {
        let call = insn(class::JMP | op::CALL, 0, 0, 0, id.cast_signed());
        if is_called(&ask(&[call], value, true)) {
            allowed.helpers.insert(id);
        }
    }
    for (name, id) in kfuncs {
        let call = insn(
            class::JMP | op::CALL,
            0,
            pseudo::KFUNC_CALL,
            0,
            id.0.cast_signed(),
        );
        if is_called(&ask(&[call], value, true)) {
            allowed.kfuncs.insert(name.clone());
        }
    }
    for (code, bytes) in SIZES {
        for off in (0..CONTEXT).step_by(bytes.max(4) as usize) {
            let read = insn(class::LDX | mode::MEM | code, 2, 1, off, 0);
            if ask(&[read], value, false).0 == 0 {
                allowed.reads.insert((off, bytes));
            }
            let zero = insn(class::ALU64 | op::MOV | src::K, 2, 0, 0, 0);
            let write = insn(class::STX | mode::MEM | code, 1, 2, off, 0);
            if ask(&[zero, write], value, false).0 == 0 {
                allowed.writes.insert((off, bytes));
            }
        }
    }
    allowed
}

/// Functions of the kernel that programs may be able to call: those that it marks, and those that some table has.
pub(crate) fn candidates(kernel: &Kernel, others: &[Kernel]) -> Vec<(String, TypeId)> {
    let btf = &kernel.btf;
    let mut found = BTreeMap::new();
    for number in 1..btf.count() {
        let id = TypeId(number);
        let Some(name) = btf.ty(id).filter(|ty| ty.is_func()).map(|ty| ty.name()) else {
            continue;
        };
        let is_marked = || btf.decl_tags(id, None).any(|tag| tag == "bpf_kfunc");
        if others.iter().any(|other| other.tables.kfunc(name).is_some()) || is_marked() {
            found.entry(name.to_owned()).or_insert(id);
        }
    }
    found.into_iter().collect()
}

/// verdict's own answers.
pub(crate) struct Modelled<'k>(pub(crate) &'k Kernel);

impl Loads for Modelled<'_> {
    fn load(&mut self, load: &ProgLoad, says: bool) -> (i32, String) {
        const UNSUPPORTED: i32 = -1;
        let mut session = Session::new(self.0);
        let prog = match session.prog_load(load) {
            Ok(prog) => prog,
            Err(LoadError::Refused(broken)) => return (broken.errno.0, String::new()),
            Err(LoadError::Unsupported(_)) => return (UNSUPPORTED, String::new()),
        };
        let Ok(handed) = verify_handed(self.0, &prog, u32::from(says), None) else {
            return (UNSUPPORTED, String::new());
        };
        let errno = match handed.outcome.verdict {
            Verdict::Accepted => 0,
            Verdict::Rejected(rejected) => rejected.errno.0,
            Verdict::Unsupported(_) | Verdict::Bug(_) | Verdict::GaveUp(_) => UNSUPPORTED,
        };
        (errno, String::from_utf8_lossy(&handed.log).into_owned())
    }
}

/// What a kernel answered otherwise than verdict, by program type, and how many facts that are.
pub(crate) fn differences(asked: &Facts, modelled: &Facts) -> (Vec<Unsure>, usize) {
    let mut unsure: BTreeMap<u32, Unsure> = BTreeMap::new();
    let mut count = 0;
    for kind in KINDS {
        let (Some(asked), Some(modelled)) = (asked.get(kind.name), modelled.get(kind.name)) else {
            continue;
        };
        let prog_type = kind.prog_type.raw();
        let entry = unsure.entry(prog_type).or_insert_with(|| Unsure {
            prog_type,
            ..Unsure::default()
        });
        if asked.returns != modelled.returns {
            // Whether a kind is refused by the one errno or the other is none of it.
            entry.all |= asked.returns.is_some() || modelled.returns.is_some();
            count += 1;
            continue;
        }
        count += differ(&mut entry.helpers, &asked.helpers, &modelled.helpers);
        count += differ(&mut entry.kfuncs, &asked.kfuncs, &modelled.kfuncs);
        count += differ(&mut entry.reads, &asked.reads, &modelled.reads);
        count += differ(&mut entry.writes, &asked.writes, &modelled.writes);
        // Captures of before did not ask.
        if !asked.hooks.is_empty() {
            count += differ(&mut entry.targets, &asked.hooks, &modelled.hooks);
        }
    }
    let mut all: Vec<_> = unsure.into_values().filter(|unsure| !is_empty(unsure)).collect();
    for unsure in &mut all {
        sort(&mut unsure.helpers);
        sort(&mut unsure.kfuncs);
        sort(&mut unsure.targets);
        sort(&mut unsure.reads);
        sort(&mut unsure.writes);
    }
    (all, count)
}

/// Adds what only one of two sets has, and says how much that is.
fn differ<T: Ord + Clone>(to: &mut Vec<T>, asked: &BTreeSet<T>, modelled: &BTreeSet<T>) -> usize {
    let before = to.len();
    to.extend(asked.symmetric_difference(modelled).cloned());
    to.len() - before
}

fn is_empty(unsure: &Unsure) -> bool {
    let facts = [
        unsure.helpers.is_empty(),
        unsure.kfuncs.is_empty(),
        unsure.targets.is_empty(),
    ];
    let accesses = [unsure.reads.is_empty(), unsure.writes.is_empty()];
    !unsure.all && facts == [true; 3] && accesses == [true; 2]
}

fn sort<T: Ord>(all: &mut Vec<T>) {
    all.sort();
    all.dedup();
}

/// Whether programs of some kind may not be loaded here.
pub(crate) fn is_denied(allowed: &Allowed) -> bool {
    allowed.returns.is_none() && allowed.errno == Errno::EPERM.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A known kernel answers as its own tables have it, and otherwise than another's.
    #[test]
    fn facts_that_differ_are_named_by_program_type() {
        let kernel = Kernel::open("6.12").unwrap();
        let kfuncs = candidates(&kernel, std::slice::from_ref(&kernel));
        let own = facts(&kernel, &kfuncs[..20], &mut Modelled(&kernel));
        assert_eq!(differences(&own, &own), (Vec::new(), 0));
        let mut other = own.clone();
        let xdp = other.get_mut("xdp").unwrap();
        assert!(xdp.helpers.remove(&1) && xdp.reads.remove(&(0, 4)));
        other.get_mut("lsm").unwrap().returns = None;
        let (unsure, count) = differences(&other, &own);
        assert_eq!(count, 3);
        let xdp = unsure
            .iter()
            .find(|unsure| unsure.prog_type == P::Xdp.raw())
            .unwrap();
        assert_eq!(
            (xdp.helpers.as_slice(), xdp.reads.as_slice(), xdp.all),
            (&[1][..], &[(0, 4)][..], false)
        );
        assert!(
            unsure
                .iter()
                .any(|unsure| unsure.prog_type == P::Lsm.raw() && unsure.all)
        );
    }
}
