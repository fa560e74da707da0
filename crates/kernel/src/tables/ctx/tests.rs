//! The rows against what the kernel answered.

use super::*;
use crate::Kernel;
use crate::profile::tested;

/// What each kernel answered, and how many accesses it accepted: `golden/RELEASE/contexts.txt`, whose head
/// explains the format.
const ANSWERS: [(&str, &str, usize); 5] = [
    (
        "5.10.262",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/5.10.262-deb11-amd64/contexts.txt"
        )),
        5463,
    ),
    (
        "6.1.192",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.1.192-deb12-amd64/contexts.txt"
        )),
        8247,
    ),
    (
        "6.12.117",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.12.117-deb12-amd64/contexts.txt"
        )),
        8292,
    ),
    (
        "6.12.43",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.12.43-deb12-amd64/contexts.txt"
        )),
        8292,
    ),
    (
        "6.18.15",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../golden/6.18.15-deb13-amd64/contexts.txt"
        )),
        9237,
    ),
];

fn kernel() -> Kernel {
    Kernel::open("6.12.117").unwrap()
}

fn access(q: &CtxQuery, off: i32, size: u32, access: Access, sign_extending: bool) -> CtxAnswer {
    let asked = Asked {
        off,
        size,
        access,
        sign_extending,
    };
    kernel().ctx_access(q, &asked)
}

/// One accepted access.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Fact {
    write: bool,
    off: i32,
    size: u32,
    reg: String,
}

struct Program {
    name: String,
    loads: bool,
    returns: Vec<i32>,
    facts: Vec<Fact>,
}

fn offsets(text: &str) -> Vec<i32> {
    let number = |s: &str| s.parse::<i32>().expect("an offset");
    text.split_whitespace()
        .flat_map(|item| match item.split_once('-') {
            None => vec![number(item)],
            Some((first, rest)) => {
                let (last, step) = rest.split_once('/').expect("a step");
                (number(first)..=number(last))
                    .step_by(number(step) as usize)
                    .collect()
            }
        })
        .collect()
}

/// The register of an answer; older kernels call a number `inv`.
fn reg_of(word: &str) -> String {
    if word == "inv" { "scalar" } else { word }.to_owned()
}

fn programs(answers: &str) -> Vec<Program> {
    let mut all: Vec<Program> = Vec::new();
    for line in answers.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        if let Some((what, offs)) = line.split_once(": ") {
            let what: Vec<&str> = what.split(' ').collect();
            let facts = offsets(offs).into_iter().map(|off| Fact {
                write: what[0] == "w",
                off,
                size: what[1].parse().expect("a size"),
                reg: what.get(2).map_or(String::new(), |reg| reg_of(reg)),
            });
            all.last_mut().expect("a program").facts.extend(facts);
        } else {
            let words: Vec<&str> = line.split(' ').collect();
            all.push(Program {
                name: words[0].to_string(),
                loads: words[1] == "returns",
                returns: words.iter().skip(2).filter_map(|w| w.parse().ok()).collect(),
                facts: Vec::new(),
            });
        }
    }
    all
}

/// The type and attach type behind a name of the answers.
fn query(name: &str) -> CtxQuery {
    use AttachType as A;
    let sock_addr = name.strip_prefix("cgroup/").and_then(|s| {
        Some(match s {
            "bind4" => A::CgroupInet4Bind,
            "bind6" => A::CgroupInet6Bind,
            "connect4" => A::CgroupInet4Connect,
            "connect6" => A::CgroupInet6Connect,
            "connect_unix" => A::CgroupUnixConnect,
            "sendmsg4" => A::CgroupUdp4Sendmsg,
            "sendmsg6" => A::CgroupUdp6Sendmsg,
            "sendmsg_unix" => A::CgroupUnixSendmsg,
            "recvmsg4" => A::CgroupUdp4Recvmsg,
            "recvmsg6" => A::CgroupUdp6Recvmsg,
            "recvmsg_unix" => A::CgroupUnixRecvmsg,
            "getpeername4" => A::CgroupInet4Getpeername,
            "getpeername6" => A::CgroupInet6Getpeername,
            "getpeername_unix" => A::CgroupUnixGetpeername,
            "getsockname4" => A::CgroupInet4Getsockname,
            "getsockname6" => A::CgroupInet6Getsockname,
            "getsockname_unix" => A::CgroupUnixGetsockname,
            _ => return None,
        })
    });
    let none = A::CgroupInetIngress;
    let (prog_type, attach_type) = match (name, sock_addr) {
        (_, Some(attach)) => (ProgType::CgroupSockAddr, attach),
        ("socket_filter", _) => (ProgType::SocketFilter, none),
        ("kprobe" | "uprobe.s", _) => (ProgType::Kprobe, none),
        ("kprobe.multi", _) => (ProgType::Kprobe, A::TraceKprobeMulti),
        ("sched_cls", _) => (ProgType::SchedCls, none),
        ("sched_act", _) => (ProgType::SchedAct, none),
        ("tracepoint", _) => (ProgType::Tracepoint, none),
        ("xdp", _) => (ProgType::Xdp, A::Xdp),
        ("xdp/devmap", _) => (ProgType::Xdp, A::XdpDevmap),
        ("xdp/cpumap", _) => (ProgType::Xdp, A::XdpCpumap),
        ("perf_event", _) => (ProgType::PerfEvent, none),
        ("cgroup_skb/ingress", _) => (ProgType::CgroupSkb, A::CgroupInetIngress),
        ("cgroup_skb/egress", _) => (ProgType::CgroupSkb, A::CgroupInetEgress),
        ("cgroup/sock_create", _) => (ProgType::CgroupSock, A::CgroupInetSockCreate),
        ("cgroup/sock_release", _) => (ProgType::CgroupSock, A::CgroupInetSockRelease),
        ("cgroup/post_bind4", _) => (ProgType::CgroupSock, A::CgroupInet4PostBind),
        ("cgroup/post_bind6", _) => (ProgType::CgroupSock, A::CgroupInet6PostBind),
        ("lwt_in", _) => (ProgType::LwtIn, none),
        ("lwt_out", _) => (ProgType::LwtOut, none),
        ("lwt_xmit", _) => (ProgType::LwtXmit, none),
        ("lwt_seg6local", _) => (ProgType::LwtSeg6local, none),
        ("sockops", _) => (ProgType::SockOps, A::CgroupSockOps),
        ("sk_skb/stream_parser", _) => (ProgType::SkSkb, A::SkSkbStreamParser),
        ("sk_skb/stream_verdict", _) => (ProgType::SkSkb, A::SkSkbStreamVerdict),
        ("cgroup/dev", _) => (ProgType::CgroupDevice, A::CgroupDevice),
        ("sk_msg", _) => (ProgType::SkMsg, A::SkMsgVerdict),
        ("raw_tracepoint", _) => (ProgType::RawTracepoint, none),
        ("raw_tracepoint.w", _) => (ProgType::RawTracepointWritable, none),
        ("sk_reuseport", _) => (ProgType::SkReuseport, A::SkReuseportSelect),
        ("sk_reuseport/migrate", _) => (ProgType::SkReuseport, A::SkReuseportSelectOrMigrate),
        ("flow_dissector", _) => (ProgType::FlowDissector, A::FlowDissector),
        ("cgroup/sysctl", _) => (ProgType::CgroupSysctl, A::CgroupSysctl),
        ("cgroup/getsockopt", _) => (ProgType::CgroupSockopt, A::CgroupGetsockopt),
        ("cgroup/setsockopt", _) => (ProgType::CgroupSockopt, A::CgroupSetsockopt),
        ("tp_btf", _) => (ProgType::Tracing, A::TraceRawTp),
        ("fentry" | "fentry.s", _) => (ProgType::Tracing, A::TraceFentry),
        ("fexit", _) => (ProgType::Tracing, A::TraceFexit),
        ("fmod_ret", _) => (ProgType::Tracing, A::ModifyReturn),
        ("iter/task", _) => (ProgType::Tracing, A::TraceIter),
        ("lsm" | "lsm.s", _) => (ProgType::Lsm, A::LsmMac),
        ("lsm_cgroup", _) => (ProgType::Lsm, A::LsmCgroup),
        ("sk_lookup", _) => (ProgType::SkLookup, A::SkLookup),
        ("syscall", _) => (ProgType::Syscall, none),
        ("netfilter", _) => (ProgType::Netfilter, A::Netfilter),
        ("lirc_mode2", _) => (ProgType::LircMode2, A::LircMode2),
        other => panic!("unknown kind of program {other:?}"),
    };
    CtxQuery {
        prog_type,
        attach_type,
        cap_bpf: true,
    }
}

/// The register as the log names it.
fn register(access: &CtxAccess) -> String {
    let base = match access.reg_type.base() {
        RegBase::Scalar => "scalar",
        RegBase::Packet => "pkt",
        RegBase::PacketEnd => "pkt_end",
        RegBase::PacketMeta => "pkt_meta",
        RegBase::Socket => "sock",
        RegBase::SockCommon => "sock_common",
        RegBase::FlowKeys => "flow_keys",
        RegBase::TpBuffer => "tp_buffer",
        RegBase::BtfId => "ptr_",
        other => panic!("no row gives {other:?}"),
    };
    let trusted = if access.reg_type.has(crate::types::Flags::TRUSTED) {
        "trusted_"
    } else {
        ""
    };
    let null = if access.reg_type.has(crate::types::Flags::MAYBE_NULL) {
        "_or_null"
    } else {
        ""
    };
    format!("{trusted}{base}{null}{}", access.btf.unwrap_or(""))
}

/// Every access the rows allow, in the span that the kernel was asked about.
fn allowed(kernel: &Kernel, q: &CtxQuery) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (write, access) in [(false, Access::Read), (true, Access::Write)] {
        for off in 0..640 {
            for size in [1, 2, 4, 8] {
                let asked = Asked {
                    off,
                    size,
                    access,
                    sign_extending: false,
                };
                if let CtxAnswer::Allowed(a) = kernel.ctx_access(q, &asked)
                    && a.converts
                {
                    let reg = if write { String::new() } else { register(&a) };
                    facts.push(Fact {
                        write,
                        off,
                        size,
                        reg,
                    });
                }
            }
        }
    }
    facts.sort();
    facts
}

#[test]
fn rows_allow_what_the_kernel_allowed() {
    for (name, answers, accepted) in ANSWERS {
        let kernel = tested(name);
        let programs: Vec<_> = programs(answers).into_iter().filter(|p| p.loads).collect();
        assert_eq!(programs.iter().map(|p| p.facts.len()).sum::<usize>(), accepted);
        for p in programs {
            check_accesses(kernel, p);
        }
    }
}

fn check_accesses(kernel: &Kernel, p: Program) {
    let q = query(&p.name);
    if matches!(kernel.context(q.prog_type), CtxKind::Rows(_)) {
        let mut expected = p.facts;
        expected.sort();
        assert_eq!(allowed(kernel, &q), expected, "{} {}", kernel.name, p.name);
        return;
    }
    for f in p.facts {
        let access = if f.write { Access::Write } else { Access::Read };
        let asked = Asked {
            off: f.off,
            size: f.size,
            access,
            sign_extending: false,
        };
        let answer = kernel.ctx_access(&q, &asked);
        assert_eq!(answer, CtxAnswer::ByBtf, "{f:?}");
    }
}

#[test]
fn programs_return_what_the_kernel_let_them() {
    for (name, answers, _) in ANSWERS {
        for p in programs(answers).into_iter().filter(|p| p.loads) {
            let q = query(&p.name);
            let may_return = |v: i32| match tested(name).return_rule(q.prog_type, q.attach_type, true, false)
            {
                ReturnRule::Any => true,
                ReturnRule::Range(r) => (r.min..=r.max).contains(&v),
                // The programs were attached to an int hook, which returns errors.
                ReturnRule::LsmHook => (-4095..=0).contains(&v),
                ReturnRule::Unsupported => false,
            };
            // A raw tracepoint program without a BTF target is not judged.
            if q.prog_type != ProgType::RawTracepoint {
                let may: Vec<i32> = [0, 1].into_iter().filter(|v| may_return(*v)).collect();
                assert_eq!(p.returns, may, "{name} {}", p.name);
            }
        }
    }
}

#[test]
fn rows_are_in_order_and_do_not_overlap() {
    let layouts = ProgType::ALL.iter().filter_map(|t| match kind(*t) {
        CtxKind::Rows(l) => Some(l),
        _ => None,
    });
    for l in layouts.chain([&sock::SOCK, &sock::SOCK_COMMON, &sock::TCP_SOCK, &sock::XDP_SOCK]) {
        for pair in l.fields.windows(2) {
            assert!(
                pair[0].off + pair[0].size <= pair[1].off,
                "{}: {}",
                l.name,
                pair[1].name
            );
        }
    }
}

#[test]
fn narrower_reads_know_the_field() {
    let q = query("sched_cls");
    let read = |off, size| match access(&q, off, size, Access::Read, false) {
        CtxAnswer::Allowed(a) => a.field_size,
        other => panic!("{other:?}"),
    };
    assert_eq!((read(0, 1), read(0, 4), read(48, 1), read(152, 8)), (4, 4, 0, 0));
}

#[test]
fn packet_pointers_refuse_sign_extension() {
    for name in ["sched_cls", "xdp", "flow_dissector"] {
        let q = query(name);
        let off = if name == "xdp" { 0 } else { 76 };
        assert_eq!(
            access(&q, off, 4, Access::Read, true),
            CtxAnswer::Denied,
            "{name}"
        );
    }
}

#[test]
fn capabilities_open_fields_of_cgroup_packets() {
    let q = CtxQuery {
        cap_bpf: false,
        ..query("cgroup_skb/egress")
    };
    assert_eq!(access(&q, 76, 4, Access::Read, false), CtxAnswer::Denied);
    assert_eq!(access(&q, 152, 8, Access::Write, false), CtxAnswer::Denied);
    assert!(matches!(
        access(&q, 152, 8, Access::Read, false),
        CtxAnswer::Allowed(_)
    ));
}

#[test]
fn padding_passes_where_the_check_takes_it_for_a_field() {
    let asked = Asked {
        off: 181,
        size: 1,
        access: Access::Read,
        sign_extending: false,
    };
    let q = query("sched_cls");
    match tested("5.10.262").ctx_access(&q, &asked) {
        CtxAnswer::Allowed(access) => assert!(!access.converts),
        other => panic!("{other:?}"),
    }
    assert_eq!(tested("6.1.192").ctx_access(&q, &asked), CtxAnswer::Denied);
}

#[test]
fn odd_questions_are_refused() {
    let q = query("syscall");
    for (off, size) in [(-1, 1), (i32::MIN, 8), (0, 0), (65535, 1), (i32::MAX, 1), (3, 2)] {
        assert_eq!(
            access(&q, off, size, Access::Read, false),
            CtxAnswer::Denied,
            "{off} {size}"
        );
    }
    let tp = query("tracepoint");
    assert_eq!(access(&tp, 8192, 1, Access::Read, false), CtxAnswer::Denied);
    assert!(matches!(
        access(&tp, 8184, 8, Access::Read, false),
        CtxAnswer::Allowed(_)
    ));
}

#[test]
fn sockets() {
    let read = |base, off, size| matches!(sock_access(base, off, size), Some(CtxAnswer::Allowed(_)));
    assert!(read(RegBase::Socket, 8, 4) && !read(RegBase::SockCommon, 8, 4));
    assert!(
        read(RegBase::SockCommon, 48, 4) && read(RegBase::Socket, 48, 1) && !read(RegBase::Socket, 50, 2)
    );
    assert!(
        read(RegBase::TcpSock, 80, 8) && !read(RegBase::TcpSock, 80, 4) && !read(RegBase::TcpSock, 112, 4)
    );
    assert!(read(RegBase::TcpSock, 84, 4) && !read(RegBase::TcpSock, 0, 2));
    assert!(read(RegBase::XdpSock, 0, 4) && !read(RegBase::XdpSock, 4, 4));
    assert_eq!(sock_access(RegBase::Ctx, 0, 4), None);
}
