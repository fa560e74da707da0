//! The sets against what the kernel answered, and rules that all rows obey.

use super::protos::{common, other, packet, sock, tracing};
use super::*;
use crate::Kernel;
use crate::profile::{every, tested};
use crate::tables::changes::changed_rows;
use crate::types::{ArgBase, Flags, RetBase};

/// What each kernel answered, and how many kinds of programs it loads; the head explains the format.
const ANSWERS: [(&str, &str, u32); 5] = [
    (
        "5.10.262",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/5.10.262-deb11-amd64/helpers.txt"
        )),
        51,
    ),
    (
        "6.1.192",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.1.192-deb12-amd64/helpers.txt"
        )),
        55,
    ),
    (
        "6.12.117",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.12.117-deb12-amd64/helpers.txt"
        )),
        63,
    ),
    (
        "6.12.43",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.12.43-deb12-amd64/helpers.txt"
        )),
        63,
    ),
    (
        "6.18.15",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.18.15-deb13-amd64/helpers.txt"
        )),
        63,
    ),
];

fn rows() -> impl Iterator<Item = &'static HelperProto> {
    [common::ALL, other::ALL, packet::ALL, sock::ALL, tracing::ALL]
        .into_iter()
        .chain(changed_rows())
        .flatten()
        .copied()
}

fn query(prog_type: ProgType, attach: AttachType, attach_func: Option<&str>) -> HelperQuery<'_> {
    HelperQuery {
        prog_type,
        expected_attach_type: attach.raw(),
        extends: false,
        sleepable: false,
        capabilities: Capabilities::ALL,
        attach_func,
        struct_ops: None,
        struct_ops_member: None,
    }
}

/// The program that a line of the answers is about.
fn asked(kind: &str) -> HelperQuery<'static> {
    use AttachType as A;
    use ProgType as P;
    let none = A::CgroupInetIngress;
    let (kind, sleepable) = kind.strip_suffix(".s").map_or((kind, false), |k| (k, true));
    let (prog_type, attach, func) = match kind {
        "socket_filter" => (P::SocketFilter, none, None),
        "kprobe" | "uprobe" => (P::Kprobe, none, None),
        "kprobe.multi" => (P::Kprobe, A::TraceKprobeMulti, None),
        "sched_cls" => (P::SchedCls, none, None),
        "sched_act" => (P::SchedAct, none, None),
        "tracepoint" => (P::Tracepoint, none, None),
        "xdp" => (P::Xdp, A::Xdp, None),
        "xdp/devmap" => (P::Xdp, A::XdpDevmap, None),
        "xdp/cpumap" => (P::Xdp, A::XdpCpumap, None),
        "perf_event" => (P::PerfEvent, none, None),
        "cgroup_skb/ingress" => (P::CgroupSkb, A::CgroupInetIngress, None),
        "cgroup_skb/egress" => (P::CgroupSkb, A::CgroupInetEgress, None),
        "cgroup/sock_create" => (P::CgroupSock, A::CgroupInetSockCreate, None),
        "cgroup/sock_release" => (P::CgroupSock, A::CgroupInetSockRelease, None),
        "cgroup/post_bind4" => (P::CgroupSock, A::CgroupInet4PostBind, None),
        "cgroup/post_bind6" => (P::CgroupSock, A::CgroupInet6PostBind, None),
        "lwt_in" => (P::LwtIn, none, None),
        "lwt_out" => (P::LwtOut, none, None),
        "lwt_xmit" => (P::LwtXmit, none, None),
        "lwt_seg6local" => (P::LwtSeg6local, none, None),
        "sockops" => (P::SockOps, A::CgroupSockOps, None),
        "sk_skb/stream_parser" => (P::SkSkb, A::SkSkbStreamParser, None),
        "sk_skb/stream_verdict" => (P::SkSkb, A::SkSkbStreamVerdict, None),
        "cgroup/dev" => (P::CgroupDevice, A::CgroupDevice, None),
        "sk_msg" => (P::SkMsg, A::SkMsgVerdict, None),
        "raw_tracepoint" => (P::RawTracepoint, none, None),
        "raw_tracepoint.w" => (P::RawTracepointWritable, none, None),
        "lirc_mode2" => (P::LircMode2, A::LircMode2, None),
        "sk_reuseport" => (P::SkReuseport, A::SkReuseportSelect, None),
        "sk_reuseport/migrate" => (P::SkReuseport, A::SkReuseportSelectOrMigrate, None),
        "flow_dissector" => (P::FlowDissector, A::FlowDissector, None),
        "cgroup/sysctl" => (P::CgroupSysctl, A::CgroupSysctl, None),
        "cgroup/getsockopt" => (P::CgroupSockopt, A::CgroupGetsockopt, None),
        "cgroup/setsockopt" => (P::CgroupSockopt, A::CgroupSetsockopt, None),
        "tp_btf" => (P::Tracing, A::TraceRawTp, Some("btf_trace_sched_switch")),
        "fentry" => (P::Tracing, A::TraceFentry, Some("bpf_fentry_test1")),
        "fexit" => (P::Tracing, A::TraceFexit, Some("bpf_fentry_test1")),
        "fmod_ret" => (P::Tracing, A::ModifyReturn, Some("bpf_modify_return_test")),
        "iter/task" => (P::Tracing, A::TraceIter, Some("bpf_iter_task")),
        "lsm" => (P::Lsm, A::LsmMac, Some("bpf_lsm_file_open")),
        "lsm_cgroup" => (P::Lsm, A::LsmCgroup, Some("bpf_lsm_socket_bind")),
        "sk_lookup" => (P::SkLookup, A::SkLookup, None),
        "syscall" => (P::Syscall, none, None),
        "netfilter" => (P::Netfilter, A::Netfilter, None),
        _ => sock_addr(kind),
    };
    HelperQuery {
        sleepable,
        capabilities: Capabilities::ALL,
        ..query(prog_type, attach, func)
    }
}

/// `cgroup/connect4` and the like.
fn sock_addr(kind: &str) -> (ProgType, AttachType, Option<&'static str>) {
    let hook = kind
        .strip_prefix("cgroup/")
        .unwrap_or_else(|| panic!("unknown kind {kind}"));
    let (verb, family) = match (hook.strip_suffix("_unix"), hook.split_at(hook.len() - 1)) {
        (Some(verb), _) => (verb, "unix".to_owned()),
        (None, (verb @ ("sendmsg" | "recvmsg"), version)) => (verb, format!("udp{version}")),
        (None, (verb, version)) => (verb, format!("inet{version}")),
    };
    let name = format!("cgroup_{family}_{verb}");
    (
        ProgType::CgroupSockAddr,
        AttachType::from_name(&name).unwrap_or_else(|| panic!("{name}")),
        None,
    )
}

fn numbers(text: &str) -> Vec<u32> {
    let number = |s: &str| s.parse::<u32>().expect("a number");
    text.split_whitespace()
        .flat_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            number(first)..=number(last)
        })
        .collect()
}

#[test]
fn each_kind_of_program_may_call_what_the_kernel_lets_it() {
    for (name, answers, kinds) in ANSWERS {
        check_answers(tested(name), answers, kinds);
    }
}

#[test]
fn every_kernel_has_answers() {
    assert_eq!(ANSWERS.len(), every().len());
}

/// Whether the function that such a program is attached to takes it.
fn has_target(kernel: &Kernel, query: &HelperQuery<'_>) -> bool {
    let func = query.attach_func.unwrap_or_default();
    let modifies = query.expected_attach_type == AttachType::ModifyReturn.raw();
    (!modifies || kernel.is_modifiable(func)) && (!query.sleepable || kernel.is_sleepable_target(func))
}

fn check_answers(kernel: &Kernel, answers: &str, expected: u32) {
    let mut kinds = 0;
    for line in answers.lines().filter(|l| !l.starts_with('#')) {
        let (kind, allowed) = line.split_once(": ").unwrap();
        let query = asked(kind);
        if allowed == "-" {
            let attaches = kernel.attach_type(query.expected_attach_type).is_some();
            assert!(
                !attaches || !kernel.supports_prog_type(query.prog_type) || !has_target(kernel, &query),
                "{kind}"
            );
            continue;
        }
        assert!(kernel.supports_prog_type(query.prog_type), "{kind}");
        let ours: Vec<u32> = kernel.helpers(&query).iter().map(|p| p.id).collect();
        assert_eq!(ours, numbers(allowed), "{} {kind}", kernel.name);
        kinds += 1;
    }
    assert_eq!(kinds, expected);
}

#[test]
fn rows_are_well_formed() {
    let mut seen = vec![0; id::NAMES.len()];
    for p in rows() {
        seen[p.id as usize] += 1;
        assert_eq!(p.name, helper_name(p.id).unwrap());
        let used = p
            .args
            .iter()
            .take_while(|a| a.ty.base() != ArgBase::DontCare)
            .count();
        assert!(
            p.args[used..].iter().all(|a| *a == protos::NO_ARG),
            "{} has a gap",
            p.name
        );
        for (i, arg) in p.args.iter().enumerate() {
            let fixed = arg.ty.has(Flags::FIXED_SIZE);
            assert_eq!(fixed, arg.size != 0, "{} arg {i}", p.name);
            let object = arg.ty.base() == ArgBase::BtfId;
            assert_eq!(object && p.id != 194, arg.btf.is_some(), "{} arg {i}", p.name);
            let size_follows = p
                .args
                .get(i + 1)
                .is_some_and(|next| matches!(next.ty.base(), ArgBase::ConstSize | ArgBase::ConstSizeOrZero));
            let sized = arg.ty.base() == ArgBase::Mem && !fixed;
            assert_eq!(sized, size_follows, "{} arg {i}", p.name);
        }
        let object = p.ret.base() == RetBase::BtfId;
        assert_eq!(object && p.id != 194, p.ret_btf.is_some(), "{}", p.name);
    }
    assert!(seen[1..].iter().all(|n| *n > 0));
    assert_eq!(seen[0], 0);
}

#[test]
fn structs_of_objects_exist() {
    let kernel = Kernel::open("6.12").unwrap();
    for p in rows() {
        for name in p.args.iter().filter_map(|a| a.btf).chain(p.ret_btf) {
            assert!(
                kernel.btf.find(name, verdict_btf::Kind::Struct).is_some(),
                "{} of {}",
                name,
                p.name
            );
        }
    }
}

#[test]
fn variants_follow_the_program() {
    let kernel = Kernel::open("6.12").unwrap();
    let none = AttachType::CgroupInetIngress;
    let get = |q: &HelperQuery<'_>, id| kernel.helpers(q).get(id).unwrap();
    let first = |q, id| get(q, id).args[0].ty.base();
    let tc = query(ProgType::SchedCls, none, None);
    let kprobe = query(ProgType::Kprobe, none, None);
    let fentry = query(ProgType::Tracing, AttachType::TraceFentry, Some("vfs_read"));
    // Socket cookies: of a context, or of any socket.
    assert_eq!(first(&tc, 46), ArgBase::Ctx);
    assert_eq!(first(&fentry, 46), ArgBase::BtfIdSockCommon);
    // The frame's length: of a context, or of an xdp_buff.
    assert_eq!(first(&query(ProgType::Xdp, none, None), 188), ArgBase::Ctx);
    assert_eq!(get(&fentry, 188).args[0].btf, Some("xdp_buff"));
    // Stacks: may sleep only in sleepable probes.
    assert!(!get(&kprobe, 67).might_sleep);
    assert!(
        get(
            &HelperQuery {
                sleepable: true,
                capabilities: Capabilities::ALL,
                ..kprobe
            },
            67
        )
        .might_sleep
    );
    // Only the CPU number of some sets is inlined.
    assert!(get(&tc, 8).allow_fastcall);
    assert!(!get(&query(ProgType::SocketFilter, none, None), 8).allow_fastcall);
    // Function addresses: free to non-GPL programs with multi probes.
    assert!(get(&kprobe, 173).gpl_only);
    let multi = query(ProgType::Kprobe, AttachType::TraceKprobeSession, None);
    assert!(!get(&multi, 173).gpl_only);
}

#[test]
fn conditions_of_availability() {
    let kernel = Kernel::open("6.12").unwrap();
    let none = AttachType::CgroupInetIngress;
    let has = |q: &HelperQuery<'_>, id| kernel.helpers(q).get(id).is_ok();
    let lsm = |hook| query(ProgType::Lsm, AttachType::LsmCgroup, Some(hook));
    assert!(has(&lsm("bpf_lsm_socket_post_create"), 49));
    assert!(!has(&lsm("bpf_lsm_file_open"), 49));
    let iter = |target| query(ProgType::Tracing, AttachType::TraceIter, Some(target));
    assert!(has(&iter("bpf_iter_tcp"), 57));
    assert!(has(&iter("bpf_iter_unix"), 57));
    assert!(!has(&iter("bpf_iter_udp"), 57));
    let ops = query(ProgType::StructOps, none, None);
    let tcp = |member| HelperQuery {
        struct_ops: Some("tcp_congestion_ops"),
        struct_ops_member: Some(member),
        ..ops
    };
    assert!(has(&tcp("init"), 49) && !has(&tcp("release"), 49) && has(&tcp("release"), 116));
    assert!(!has(
        &HelperQuery {
            struct_ops: Some("bpf_dummy_ops"),
            ..ops
        },
        1
    ));
    assert_eq!(kernel.helpers(&ops).get(212), Err(Refusal::NoSuchHelper));
    assert_eq!(kernel.helpers(&ops).get(u32::MAX), Err(Refusal::NoSuchHelper));
    assert_eq!(kernel.helpers(&ops).get(0), Err(Refusal::NotForThisProgram));
}

#[test]
fn calls_that_the_place_forbids() {
    let kernel = Kernel::open("6.12").unwrap();
    let allows = |q: &HelperQuery<'_>, id| q.allows(&kernel, kernel.helpers(q).get(id).unwrap());
    let fentry = |f| query(ProgType::Tracing, AttachType::TraceFentry, Some(f));
    let lsm = |f| query(ProgType::Lsm, AttachType::LsmMac, Some(f));
    assert!(allows(&fentry("filp_close"), 147) && !allows(&fentry("vfs_read"), 147));
    assert!(allows(&lsm("bpf_lsm_file_open"), 147) && !allows(&lsm("bpf_lsm_file_free_security"), 147));
    assert!(allows(&lsm("bpf_lsm_file_open"), 161) && !allows(&lsm("bpf_lsm_task_free"), 161));
    assert!(allows(&fentry("tcp_connect"), 107) && !allows(&fentry("bpf_sk_storage_free"), 107));
    assert!(!allows(
        &query(ProgType::Tracing, AttachType::TraceFentry, None),
        107
    ));
    assert!(allows(
        &query(ProgType::Tracing, AttachType::TraceRawTp, None),
        107
    ));
}

#[test]
fn what_linux_5_10_forbids() {
    let kernel = tested("5.10.262");
    let allows = |q: &HelperQuery<'_>, id| q.allows(kernel, kernel.helpers(q).get(id).unwrap());
    let fentry = |f| query(ProgType::Tracing, AttachType::TraceFentry, Some(f));
    let iter = query(ProgType::Tracing, AttachType::TraceIter, Some("bpf_iter_tcp"));
    assert!(allows(&fentry("filp_close"), 147) && !allows(&iter, 147));
    let has = |q: &HelperQuery<'_>, id| kernel.helpers(q).get(id).is_ok();
    let sleepable = HelperQuery {
        sleepable: true,
        capabilities: Capabilities::ALL,
        ..fentry("filp_close")
    };
    assert!(has(&sleepable, 148) && !has(&fentry("filp_close"), 148));
    assert!(!has(&iter, 49) && has(&query(ProgType::SockOps, AttachType::CgroupSockOps, None), 49));
}

#[test]
fn names_are_those_of_the_log() {
    assert_eq!(helper_name(0), Some("bpf_unspec"));
    assert_eq!(helper_name(1), Some("bpf_map_lookup_elem"));
    assert_eq!(helper_name(211), Some("bpf_cgrp_storage_delete"));
    assert_eq!(helper_name(212), None);
}
