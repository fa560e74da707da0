//! Contexts that are the arguments of a kernel function: every access that a real kernel was asked about, against
//! `golden/RELEASE/contexts.txt`, whose head explains the format.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use verdict_btf::Kind;
use verdict_isa::Insn;
use verdict_kernel::attr::ProgLoad;
use verdict_kernel::ctx::{Access, Asked, CtxAnswer, CtxQuery};
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::types::{Flags, RegBase};
use verdict_kernel::{KNOWN, Kernel};
use verdict_syscall::attach::check_attach_btf_id;
use verdict_syscall::ctx_access::{CtxArg, arg_access};
use verdict_syscall::prog::flags;
use verdict_syscall::{Prog, Silent};

/// A kind of program by the name that the answers have for it.
const KINDS: [(&str, ProgType, AttachType, &str); 9] = [
    (
        "tp_btf",
        ProgType::Tracing,
        AttachType::TraceRawTp,
        "btf_trace_sched_switch",
    ),
    (
        "fentry",
        ProgType::Tracing,
        AttachType::TraceFentry,
        "bpf_fentry_test1",
    ),
    (
        "fexit",
        ProgType::Tracing,
        AttachType::TraceFexit,
        "bpf_fentry_test1",
    ),
    (
        "fmod_ret",
        ProgType::Tracing,
        AttachType::ModifyReturn,
        "bpf_modify_return_test",
    ),
    (
        "fentry.s",
        ProgType::Tracing,
        AttachType::TraceFentry,
        "bpf_fentry_test1",
    ),
    (
        "iter/task",
        ProgType::Tracing,
        AttachType::TraceIter,
        "bpf_iter_task",
    ),
    ("lsm", ProgType::Lsm, AttachType::LsmMac, "bpf_lsm_file_open"),
    ("lsm.s", ProgType::Lsm, AttachType::LsmMac, "bpf_lsm_file_open"),
    (
        "lsm_cgroup",
        ProgType::Lsm,
        AttachType::LsmCgroup,
        "bpf_lsm_socket_bind",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An access that is accepted: direction, size, offset, and what a read gives.
type Fact = (char, u32, i32, String);

fn offsets(text: &str) -> Vec<i32> {
    let number = |s: &str| s.parse::<i32>().unwrap();
    let several = |item: &str| match item.split_once('-') {
        None => vec![number(item)],
        Some((first, rest)) => {
            let (last, step) = rest.split_once('/').unwrap();
            (number(first)..=number(last))
                .step_by(step.parse().unwrap())
                .collect()
        }
    };
    text.split_whitespace().flat_map(several).collect()
}

/// What a kernel answered about one kind of program; `None` when it did not load it.
fn answered(text: &str, kind: &str) -> Option<BTreeSet<Fact>> {
    let mut lines = text.lines().skip_while(|line| {
        let mut words = line.split(' ');
        (words.next(), words.next().is_some()) != (Some(kind), true) || line.contains(':')
    });
    if lines.next().unwrap().ends_with("does not load") {
        return None;
    }
    let facts = lines.take_while(|line| !line.is_empty()).flat_map(|line| {
        let (what, offs) = line.split_once(": ").unwrap();
        let what: Vec<&str> = what.split(' ').collect();
        let (direction, size) = (what[0].chars().next().unwrap(), what[1].parse().unwrap());
        // Older kernels call a number `inv`.
        let reg = what
            .get(2)
            .map_or("", |reg| if *reg == "inv" { "scalar" } else { reg });
        offsets(offs)
            .into_iter()
            .map(move |off| (direction, size, off, reg.to_owned()))
    });
    Some(facts.collect())
}

/// What a read gives, as the log names it.
fn register(kernel: &Kernel, arg: &CtxArg) -> String {
    if arg.reg_type.base() == RegBase::Scalar {
        return "scalar".to_owned();
    }
    let flag = |flag, text| if arg.reg_type.has(flag) { text } else { "" };
    let (trusted, null) = (
        flag(Flags::TRUSTED, "trusted_"),
        flag(Flags::MAYBE_NULL, "or_null_"),
    );
    let name = arg.ty.map_or("", |ty| kernel.btf.type_name(ty.id));
    format!("{trusted}ptr_{null}{name}")
}

/// What we answer about one kind of program; `None` when it is refused.
fn ours(
    kernel: &Kernel,
    (kind, prog_type, attach_type, func): (&str, ProgType, AttachType, &str),
) -> Option<BTreeSet<Fact>> {
    let of = match attach_type {
        AttachType::TraceRawTp => Kind::Typedef,
        _ => Kind::Func,
    };
    let attr = ProgLoad {
        name: "p".to_owned(),
        prog_type: prog_type.raw(),
        expected_attach_type: attach_type.raw(),
        insns: vec![Insn::from_bytes([0x95, 0, 0, 0, 0, 0, 0, 0])],
        license: "GPL".to_owned(),
        attach_btf_id: kernel.btf.find(func, of),
        prog_flags: if kind.ends_with(".s") { flags::SLEEPABLE } else { 0 },
        ..ProgLoad::default()
    };
    let prog = Prog::load(kernel, &attr, None, Arc::new([]), None).ok()?;
    let attach = check_attach_btf_id(kernel, &prog, false, &mut Silent).ok()?;
    let query = CtxQuery {
        prog_type,
        attach_type,
        cap_bpf: true,
    };
    let mut facts = BTreeSet::new();
    for (direction, access) in [('r', Access::Read), ('w', Access::Write)] {
        for (off, size) in (0..640).flat_map(|off| [1, 2, 4, 8].map(|size| (off, size))) {
            let asked = Asked {
                off,
                size,
                access,
                sign_extending: false,
            };
            if kernel.ctx_access(&query, &asked) != CtxAnswer::ByBtf {
                continue;
            }
            if let Ok(arg) = arg_access(kernel, &prog, &attach, off, size, &mut Silent) {
                let reg = match access {
                    Access::Read => register(kernel, &arg),
                    Access::Write => String::new(),
                };
                facts.insert((direction, size, off, reg));
            }
        }
    }
    Some(facts)
}

#[test]
fn arguments_are_what_the_kernel_gave() {
    let drafts = fs::read_dir(root().join("crates/kernel/drafts"))
        .into_iter()
        .flatten();
    let drafts = drafts.map(|entry| Kernel::from_dir(&entry.unwrap().path(), None).unwrap());
    for kernel in KNOWN.iter().map(|k| Kernel::open(k.name).unwrap()).chain(drafts) {
        let answers = root().join("golden").join(&kernel.name).join("contexts.txt");
        let answers = fs::read_to_string(answers).unwrap();
        for kind in KINDS {
            assert_eq!(
                ours(&kernel, kind),
                answered(&answers, kind.0),
                "{} {}",
                kernel.name,
                kind.0
            );
        }
    }
}
