//! Contexts of program types that watch tracing events or decide for a cgroup or device.

use super::layout::{Field, HALF, Layout, Sizes};
use super::sock;
use crate::prog::AttachType::{self, *};
use crate::types::{Flags, RegBase};

/// `struct bpf_sock` as the context of socket programs of a cgroup: which fields there are depends on when
/// the program runs.
pub(super) static CGROUP_SOCK: Layout = Layout::new(
    "bpf_sock",
    &[
        sock::BOUND_DEV_IF
            .writes(Sizes::Exact(4))
            .only(CREATE_AND_RELEASE),
        sock::FAMILY,
        sock::TYPE,
        sock::PROTOCOL,
        sock::MARK.writes(Sizes::Exact(4)).only(CREATE_AND_RELEASE),
        sock::PRIORITY.writes(Sizes::Exact(4)).only(CREATE_AND_RELEASE),
        sock::SRC_IP4.only(&[CgroupInet4PostBind]),
        sock::SRC_IP6.only(&[CgroupInet6PostBind]),
        sock::SRC_PORT.only(&[CgroupInet4PostBind, CgroupInet6PostBind]),
        sock::DST_PORT,
        sock::DST_IP4,
        sock::DST_IP6,
        sock::STATE,
        sock::RX_QUEUE_MAPPING,
    ],
);

const CREATE_AND_RELEASE: &[AttachType] = &[CgroupInetSockCreate, CgroupInetSockRelease];

/// `struct bpf_sock_addr`: the address fields are those of the attach type's family.
pub(super) static SOCK_ADDR: Layout = Layout::new(
    "bpf_sock_addr",
    &[
        Field::whole("user_family", 0),
        Field::narrow("user_ip4", 4).writes(Sizes::Exact(4)).only(&[
            CgroupInet4Bind,
            CgroupInet4Connect,
            CgroupInet4Getpeername,
            CgroupInet4Getsockname,
            CgroupUdp4Sendmsg,
            CgroupUdp4Recvmsg,
        ]),
        ip6("user_ip6", 8).only(&[
            CgroupInet6Bind,
            CgroupInet6Connect,
            CgroupInet6Getpeername,
            CgroupInet6Getsockname,
            CgroupUdp6Sendmsg,
            CgroupUdp6Recvmsg,
        ]),
        Field::narrow("user_port", 24).writes(Sizes::Exact(4)),
        Field::whole("family", 28),
        Field::whole("type", 32),
        Field::whole("protocol", 36),
        Field::narrow("msg_src_ip4", 40)
            .writes(Sizes::Exact(4))
            .only(&[CgroupUdp4Sendmsg]),
        ip6("msg_src_ip6", 44).only(&[CgroupUdp6Sendmsg]),
        Field::pointer("sk", 64, RegBase::Socket).rest(HALF),
    ],
);

const fn ip6(name: &'static str, off: u32) -> Field {
    Field::new(name, off, 16, Sizes::NarrowOrWide(4)).writes(Sizes::ExactOrWide(4))
}

/// `struct bpf_sockopt`.
pub(super) static SOCKOPT: Layout = Layout::new(
    "bpf_sockopt",
    &[
        Field::pointer("sk", 0, RegBase::Socket).rest(HALF),
        Field::pointer("optval", 8, RegBase::Packet).rest(HALF),
        Field::pointer("optval_end", 16, RegBase::PacketEnd).rest(HALF),
        Field::whole("level", 24)
            .writes(Sizes::Exact(4))
            .written_by(&[CgroupSetsockopt]),
        Field::whole("optname", 28)
            .writes(Sizes::Exact(4))
            .written_by(&[CgroupSetsockopt]),
        Field::whole("optlen", 32).writes(Sizes::Exact(4)),
        Field::whole("retval", 36)
            .writes(Sizes::Exact(4))
            .only(&[CgroupGetsockopt]),
    ],
);

/// `struct bpf_sysctl`.
pub(super) static SYSCTL: Layout = Layout::new(
    "bpf_sysctl",
    &[
        Field::narrow("write", 0),
        Field::narrow("file_pos", 4).writes(Sizes::Exact(4)),
    ],
);

/// `struct bpf_cgroup_dev_ctx`.
pub(super) static DEVICE: Layout = Layout::new(
    "bpf_cgroup_dev_ctx",
    &[
        Field::narrow("access_type", 0),
        Field::whole("major", 4),
        Field::whole("minor", 8),
    ],
);

/// The sample of an infrared receiver.
pub(super) static LIRC: Layout = Layout::new("__u32", &[Field::whole("sample", 0)]);

/// `struct pt_regs` of x86-64.
pub(super) static PT_REGS: Layout = Layout::new("pt_regs", &[Field::new("registers", 0, 168, Sizes::Inside)]);

/// The same, where uprobes may change registers: what may not is refused when it is attached.
pub(in crate::tables) static PT_REGS_WRITABLE: Layout = Layout::new(
    "pt_regs",
    &[Field::new("registers", 0, 168, Sizes::Inside).writes(Sizes::Inside)],
);

/// The record of a tracepoint: its first eight bytes are the kernel's own, its end is that of perf's buffer.
pub(super) static TRACEPOINT: Layout = Layout::new(
    "(tracepoint)",
    &[Field::new("record", 8, 8192 - 8, Sizes::Inside)],
);

/// `struct bpf_perf_event_data`.
pub(super) static PERF_EVENT: Layout = Layout::new(
    "bpf_perf_event_data",
    &[
        Field::new("regs", 0, 168, Sizes::Exact(8)),
        Field::new("sample_period", 168, 8, Sizes::Narrow(8)),
        Field::new("addr", 176, 8, Sizes::Narrow(8)),
    ],
);

/// `struct bpf_raw_tracepoint_args`: twelve arguments, whatever the tracepoint has.
pub(super) static RAW_TRACEPOINT: Layout = Layout::new(
    "bpf_raw_tracepoint_args",
    &[Field::new("args", 0, 96, Sizes::Inside)],
);

/// The same, where the first argument is the tracepoint's writable buffer.
pub(super) static RAW_TRACEPOINT_WRITABLE: Layout = Layout::new(
    "bpf_raw_tracepoint_args",
    &[
        // One byte: any other offset inside the pointer is read as plain memory.
        Field::new("buffer", 0, 1, Sizes::Exact(8)).gives(RegBase::TpBuffer, Flags::NONE),
        Field::new("args", 1, 95, Sizes::Inside),
    ],
);

/// What user space hands to a syscall program: any bytes, as far as an instruction can reach.
pub(super) static SYSCALL: Layout = Layout::new(
    "(arguments)",
    &[Field::new("bytes", 0, 65535, Sizes::Starting).writes(Sizes::Starting)],
);
