//! Contexts of program types that belong to the network stack, other than `__sk_buff`.

use super::layout::{Field, HALF, Layout, Sizes};
use crate::prog::AttachType;
use crate::types::{Flags, RegBase};

const fn packet(name: &'static str, off: u32, base: RegBase) -> Field {
    Field::new(name, off, 4, Sizes::ZeroExtended(4)).gives(base, Flags::NONE)
}

/// `struct xdp_md`. Writes exist only for programs that run on a device, which is not modelled.
pub(super) static XDP: Layout = Layout::new(
    "xdp_md",
    &[
        packet("data", 0, RegBase::Packet),
        packet("data_end", 4, RegBase::PacketEnd),
        packet("data_meta", 8, RegBase::PacketMeta),
        Field::whole("ingress_ifindex", 12),
        Field::whole("rx_queue_index", 16),
        Field::whole("egress_ifindex", 20).only(&[AttachType::XdpDevmap]),
    ],
);

/// `struct bpf_sock_ops`.
pub(super) static SOCK_OPS: Layout = Layout::new("bpf_sock_ops", &SOCK_OPS_FIELDS);

/// The same, where the time that hardware stamped on the packet is not among the fields.
pub(in crate::tables) static SOCK_OPS_WITHOUT_HWTSTAMP: Layout = Layout::new(
    "bpf_sock_ops",
    SOCK_OPS_FIELDS.split_at(SOCK_OPS_FIELDS.len() - 1).0,
);

const SOCK_OPS_FIELDS: [Field; 42] = [
    Field::whole("op", 0),
    // A union: `args`, `reply` and `replylong` share these words; the first is `reply`.
    Field::whole("reply", 4).writes(Sizes::Exact(4)),
    Field::new("replylong", 8, 12, Sizes::Exact(4)),
    Field::whole("family", 20),
    Field::whole("remote_ip4", 24),
    Field::whole("local_ip4", 28),
    Field::new("remote_ip6", 32, 16, Sizes::Exact(4)),
    Field::new("local_ip6", 48, 16, Sizes::Exact(4)),
    Field::whole("remote_port", 64),
    Field::whole("local_port", 68),
    Field::whole("is_fullsock", 72),
    Field::whole("snd_cwnd", 76),
    Field::whole("srtt_us", 80),
    Field::whole("bpf_sock_ops_cb_flags", 84),
    Field::whole("state", 88),
    Field::whole("rtt_min", 92),
    Field::whole("snd_ssthresh", 96),
    Field::whole("rcv_nxt", 100),
    Field::whole("snd_nxt", 104),
    Field::whole("snd_una", 108),
    Field::whole("mss_cache", 112),
    Field::whole("ecn_flags", 116),
    Field::whole("rate_delivered", 120),
    Field::whole("rate_interval_us", 124),
    Field::whole("packets_out", 128),
    Field::whole("retrans_out", 132),
    Field::whole("total_retrans", 136),
    Field::whole("segs_in", 140),
    Field::whole("data_segs_in", 144),
    Field::whole("segs_out", 148),
    Field::whole("data_segs_out", 152),
    Field::whole("lost_out", 156),
    Field::whole("sacked_out", 160),
    Field::whole("sk_txhash", 164).writes(Sizes::Exact(4)),
    Field::new("bytes_received", 168, 8, Sizes::Exact(8)),
    Field::new("bytes_acked", 176, 8, Sizes::Exact(8)),
    Field::pointer("sk", 184, RegBase::Socket).or_null().rest(HALF),
    Field::pointer("skb_data", 192, RegBase::Packet).rest(HALF),
    Field::pointer("skb_data_end", 200, RegBase::PacketEnd).rest(HALF),
    Field::whole("skb_len", 208),
    Field::new("skb_tcp_flags", 212, 4, Sizes::NarrowAtStart(4)),
    Field::new("skb_hwtstamp", 216, 8, Sizes::Exact(8)).rest(HALF),
];

/// `struct sk_msg_md`.
pub(super) static SK_MSG: Layout = Layout::new(
    "sk_msg_md",
    &[
        Field::pointer("data", 0, RegBase::Packet),
        Field::pointer("data_end", 8, RegBase::PacketEnd),
        Field::whole("family", 16),
        Field::whole("remote_ip4", 20),
        Field::whole("local_ip4", 24),
        Field::new("remote_ip6", 28, 16, Sizes::Exact(4)),
        Field::new("local_ip6", 44, 16, Sizes::Exact(4)),
        Field::whole("remote_port", 60),
        Field::whole("local_port", 64),
        Field::whole("size", 68),
        Field::pointer("sk", 72, RegBase::Socket),
    ],
);

/// `struct sk_reuseport_md`.
pub(super) static SK_REUSEPORT: Layout = Layout::new("sk_reuseport_md", &SK_REUSEPORT_FIELDS);

/// The same, where neither the socket nor the one that requests migrate from is among the fields.
pub(in crate::tables) static SK_REUSEPORT_WITHOUT_SOCKETS: Layout = Layout::new(
    "sk_reuseport_md",
    SK_REUSEPORT_FIELDS.split_at(SK_REUSEPORT_FIELDS.len() - 2).0,
);

const SK_REUSEPORT_FIELDS: [Field; 9] = [
    Field::pointer("data", 0, RegBase::Packet),
    Field::pointer("data_end", 8, RegBase::PacketEnd),
    Field::narrow("len", 16),
    Field::new("eth_protocol", 20, 4, Sizes::NarrowFrom { min: 2, full: 4 }),
    Field::narrow("ip_protocol", 24),
    Field::narrow("bind_inany", 28),
    Field::whole("hash", 32),
    Field::pointer("sk", 40, RegBase::Socket),
    Field::pointer("migrating_sk", 48, RegBase::SockCommon).or_null(),
];

/// `struct bpf_sk_lookup`.
pub(super) static SK_LOOKUP: Layout = Layout::new(
    "bpf_sk_lookup",
    &[
        Field::pointer("sk", 0, RegBase::Socket).or_null(),
        Field::narrow("family", 8),
        Field::narrow("protocol", 12),
        Field::narrow("remote_ip4", 16),
        Field::new("remote_ip6", 20, 16, Sizes::Narrow(4)),
        Field::new("remote_port", 36, 2, Sizes::NarrowOrPadded { own: 2, padded: 4 }),
        // Was part of the port once; reads as zero.
        Field::new("(padding)", 38, 2, Sizes::Narrow(2)),
        Field::narrow("local_ip4", 40),
        Field::new("local_ip6", 44, 16, Sizes::Narrow(4)),
        Field::narrow("local_port", 60),
        Field::narrow("ingress_ifindex", 64),
    ],
);

/// The same, where the remote port takes four bytes, and the interface is not among the fields.
pub(in crate::tables) static SK_LOOKUP_OF_5_10: Layout = Layout::new(
    "bpf_sk_lookup",
    &[
        Field::pointer("sk", 0, RegBase::Socket).or_null(),
        Field::narrow("family", 8),
        Field::narrow("protocol", 12),
        Field::narrow("remote_ip4", 16),
        Field::new("remote_ip6", 20, 16, Sizes::Narrow(4)),
        Field::narrow("remote_port", 36),
        Field::narrow("local_ip4", 40),
        Field::new("local_ip6", 44, 16, Sizes::Narrow(4)),
        Field::narrow("local_port", 60),
    ],
);

/// `struct bpf_nf_ctx`.
pub(super) static NETFILTER: Layout = Layout::new(
    "bpf_nf_ctx",
    &[
        Field::new("state", 0, 8, Sizes::Exact(8)).trusted("nf_hook_state"),
        Field::new("skb", 8, 8, Sizes::Exact(8)).trusted("sk_buff"),
    ],
);
