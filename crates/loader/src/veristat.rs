//! What `veristat` changes in an opened object, so that programs can be verified that their own loaders would prepare.

use verdict_btf::{Btf, Kind};
use verdict_kernel::map::MapType;
use verdict_kernel::prog::{AttachType, ProgType};

use crate::maps::Map;
use crate::program::Program;

/// What `veristat` changes so that programs can be verified that their own loaders would prepare: an empty
/// map gets an element, and programs whose type the section name does not tell get the likely one.
pub(crate) fn adjust(programs: &mut [Program], entries: &[usize], maps: &mut [Map], btf: Option<&Btf>) {
    for map in maps {
        let counted = !matches!(
            MapType::from_raw(map.def.map_type),
            Some(
                MapType::SkStorage
                    | MapType::TaskStorage
                    | MapType::InodeStorage
                    | MapType::CgroupStorage
                    | MapType::CgrpStorage
                    | MapType::StructOps
            )
        );
        if counted && map.def.max_entries == 0 {
            map.def.max_entries = 1;
            map.assumed = Some(1);
            map.def.adjust_ringbuf();
        }
    }
    for index in entries {
        if let Some(prog) = programs.get_mut(*index) {
            guess_replacement(prog, btf);
            guess_by_prefix(prog);
        }
    }
}

/// A program that replaces a function of another is verified as what its context suggests.
fn guess_replacement(prog: &mut Program, btf: Option<&Btf>) {
    if prog.prog_type != ProgType::Ext.raw() {
        return;
    }
    let context = btf.and_then(|btf| context_name(btf, &prog.name));
    let row = context.and_then(|name| CONTEXTS.iter().find(|(context, ..)| *context == name));
    if let Some((_, prog_type, attach_type)) = row {
        prog.prog_type = prog_type.raw();
        prog.attach_type = attach_type.map_or(0, AttachType::raw);
        prog.replaces = prog.def.take();
    }
}

/// Name of what the only argument of a function points to.
fn context_name<'a>(btf: &'a Btf, func: &str) -> Option<&'a str> {
    let id = btf.find(func, Kind::Func)?;
    let mut params = btf.func_proto(id)?.params();
    let (param, None) = (params.next()?, params.next()) else {
        return None;
    };
    let ptr = btf.skip_mods(param.ty).filter(|t| t.is_ptr())?;
    btf.skip_mods(ptr.target()).map(|t| t.name())
}

/// Section names that only other loaders know begin with the type.
fn guess_by_prefix(prog: &mut Program) {
    if prog.prog_type != ProgType::Unspec.raw() {
        return;
    }
    if prog.section_name.starts_with("tc/") {
        prog.prog_type = ProgType::SchedCls.raw();
    } else if prog.section_name.starts_with("xdp/") {
        prog.prog_type = ProgType::Xdp.raw();
    }
}

/// Contexts, and the types of programs that have them.
const CONTEXTS: &[(&str, ProgType, Option<AttachType>)] = &[
    ("__sk_buff", ProgType::SchedCls, None),
    (
        "bpf_sock",
        ProgType::CgroupSock,
        Some(AttachType::CgroupInet4PostBind),
    ),
    (
        "bpf_sock_addr",
        ProgType::CgroupSockAddr,
        Some(AttachType::CgroupInet4Bind),
    ),
    ("bpf_sock_ops", ProgType::SockOps, Some(AttachType::CgroupSockOps)),
    ("sk_msg_md", ProgType::SkMsg, Some(AttachType::SkMsgVerdict)),
    (
        "bpf_cgroup_dev_ctx",
        ProgType::CgroupDevice,
        Some(AttachType::CgroupDevice),
    ),
    (
        "bpf_sysctl",
        ProgType::CgroupSysctl,
        Some(AttachType::CgroupSysctl),
    ),
    (
        "bpf_sockopt",
        ProgType::CgroupSockopt,
        Some(AttachType::CgroupSetsockopt),
    ),
    (
        "sk_reuseport_md",
        ProgType::SkReuseport,
        Some(AttachType::SkReuseportSelectOrMigrate),
    ),
    ("bpf_sk_lookup", ProgType::SkLookup, Some(AttachType::SkLookup)),
    ("xdp_md", ProgType::Xdp, Some(AttachType::Xdp)),
    ("bpf_user_pt_regs_t", ProgType::Kprobe, None),
    ("pt_regs", ProgType::Kprobe, None),
    ("bpf_perf_event_data", ProgType::PerfEvent, None),
    ("bpf_raw_tracepoint_args", ProgType::RawTracepointWritable, None),
    ("bpf_nf_ctx", ProgType::Netfilter, Some(AttachType::Netfilter)),
];
