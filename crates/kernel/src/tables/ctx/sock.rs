//! The socket structures that programs reach through typed registers.

use super::layout::{Field, Layout, Rest, Sizes};

/// `struct bpf_sock`, all of it.
pub(super) static SOCK: Layout = Layout::new("bpf_sock", &FIELDS);

/// `struct bpf_sock` behind a pointer to the common part: without `type` to `priority`.
pub(super) static SOCK_COMMON: Layout = Layout::new(
    "bpf_sock",
    &[
        BOUND_DEV_IF,
        FAMILY,
        SRC_IP4,
        SRC_IP6,
        SRC_PORT,
        DST_PORT,
        DST_IP4,
        DST_IP6,
        STATE,
        RX_QUEUE_MAPPING,
    ],
);

const FIELDS: [Field; 14] = [
    BOUND_DEV_IF,
    FAMILY,
    TYPE,
    PROTOCOL,
    MARK,
    PRIORITY,
    SRC_IP4,
    SRC_IP6,
    SRC_PORT,
    DST_PORT,
    DST_IP4,
    DST_IP6,
    STATE,
    RX_QUEUE_MAPPING,
];

pub(super) const BOUND_DEV_IF: Field = Field::whole("bound_dev_if", 0);
pub(super) const FAMILY: Field = at_start("family", 4);
pub(super) const TYPE: Field = at_start("type", 8);
pub(super) const PROTOCOL: Field = at_start("protocol", 12);
pub(super) const MARK: Field = Field::whole("mark", 16);
pub(super) const PRIORITY: Field = Field::whole("priority", 20);
pub(super) const SRC_IP4: Field = Field::narrow("src_ip4", 24);
pub(super) const SRC_IP6: Field = Field::new("src_ip6", 28, 16, Sizes::Narrow(4));
pub(super) const SRC_PORT: Field = at_start("src_port", 44);
/// Two bytes and two of padding; was declared as four bytes once, so those may still be read at once.
pub(super) const DST_PORT: Field = Field::new("dst_port", 48, 2, Sizes::NarrowOrPadded { own: 2, padded: 4 });
pub(super) const DST_IP4: Field = Field::narrow("dst_ip4", 52);
pub(super) const DST_IP6: Field = Field::new("dst_ip6", 56, 16, Sizes::Narrow(4));
pub(super) const STATE: Field = at_start("state", 72);
pub(super) const RX_QUEUE_MAPPING: Field = at_start("rx_queue_mapping", 76);

const fn at_start(name: &'static str, off: u32) -> Field {
    Field::new(name, off, 4, Sizes::NarrowAtStart(4))
}

/// `struct bpf_tcp_sock`.
pub(super) static TCP_SOCK: Layout = Layout::new(
    "bpf_tcp_sock",
    &[
        Field::whole("snd_cwnd", 0),
        Field::whole("srtt_us", 4),
        Field::whole("rtt_min", 8),
        Field::whole("snd_ssthresh", 12),
        Field::whole("rcv_nxt", 16),
        Field::whole("snd_nxt", 20),
        Field::whole("snd_una", 24),
        Field::whole("mss_cache", 28),
        Field::whole("ecn_flags", 32),
        Field::whole("rate_delivered", 36),
        Field::whole("rate_interval_us", 40),
        Field::whole("packets_out", 44),
        Field::whole("retrans_out", 48),
        Field::whole("total_retrans", 52),
        Field::whole("segs_in", 56),
        Field::whole("data_segs_in", 60),
        Field::whole("segs_out", 64),
        Field::whole("data_segs_out", 68),
        Field::whole("lost_out", 72),
        Field::whole("sacked_out", 76),
        counter("bytes_received", 80),
        counter("bytes_acked", 88),
        Field::whole("dsack_dups", 96),
        Field::whole("delivered", 100),
        Field::whole("delivered_ce", 104),
        Field::whole("icsk_retransmits", 108),
    ],
);

/// A 64-bit counter. Only an access at its first byte must be of 8 bytes; its upper half passes as a field of 4.
const fn counter(name: &'static str, off: u32) -> Field {
    Field::new(name, off, 8, Sizes::Exact(8)).rest(Rest::Unconvertible(Sizes::Exact(4)))
}

/// `struct bpf_xdp_sock`.
pub(super) static XDP_SOCK: Layout = Layout::new("bpf_xdp_sock", &[Field::whole("queue_id", 0)]);
