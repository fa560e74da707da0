//! `struct __sk_buff`, as the program types over packets see it.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::layout::{Field, Layout, Rest, Sizes};
use crate::types::{Flags, RegBase};

/// The fields, with every access that some program type has. A [`View`] takes away the rest.
const SK_BUFF: [Field; 35] = [
    word("len", 0),
    word("pkt_type", 4),
    word("mark", 8),
    word("queue_mapping", 12),
    word("protocol", 16),
    word("vlan_present", 20),
    word("vlan_tci", 24),
    word("vlan_proto", 28),
    word("priority", 32),
    word("ingress_ifindex", 36),
    word("ifindex", 40),
    word("tc_index", 44),
    Field::new("cb", 48, 20, Sizes::Inside).writes(Sizes::Inside),
    word("hash", 68),
    word("tc_classid", 72),
    packet("data", 76),
    packet("data_end", 80),
    word("napi_id", 84),
    word("family", 88),
    address("remote_ip4", 92, 4),
    address("local_ip4", 96, 4),
    address("remote_ip6", 100, 16),
    address("local_ip6", 116, 16),
    word("remote_port", 132),
    word("local_port", 136),
    packet("data_meta", 140),
    // flow_keys (144) belongs to flow dissectors, which have their own rows.
    Field::new("tstamp", 152, 8, Sizes::Exact(8)).writes(Sizes::Exact(8)),
    word("wire_len", 160),
    word("gso_segs", 164),
    Field::pointer("sk", 168, RegBase::SockCommon)
        .or_null()
        .rest(Rest::UnconvertiblePointer(Sizes::Narrow(4))),
    word("gso_size", 176),
    Field::new("tstamp_type", 180, 1, Sizes::Exact(1)),
    Field::new("(padding)", 181, 3, Sizes::Never),
    Field::new("hwtstamp", 184, 8, Sizes::Exact(8)),
    Field::new("(end)", 192, 0, Sizes::Never),
];

/// The first field that Linux 5.10 has not.
const AFTER_5_10: usize = 31;

/// What lies behind its last field there: the check takes it for one.
const PADDING_OF_5_10: Field = Field::narrow("(padding)", 180).unconvertible();

const fn word(name: &'static str, off: u32) -> Field {
    Field::narrow(name, off).writes(Sizes::Exact(4))
}
const fn packet(name: &'static str, off: u32) -> Field {
    Field::new(name, off, 4, Sizes::ZeroExtended(4))
}
const fn address(name: &'static str, off: u32, size: u32) -> Field {
    Field::new(name, off, size, Sizes::Exact(4))
}

/// What a program type has of the fields.
struct View {
    /// Fields it has not.
    hidden: &'static [&'static str],
    /// Fields it may write.
    writable: &'static [&'static str],
    /// Fields that are numbers to it although they hold packet pointers for others.
    numbers: &'static [&'static str],
    /// Fields it needs `CAP_BPF` to read.
    capable_reads: &'static [&'static str],
    /// Fields it needs `CAP_BPF` to write.
    capable_writes: &'static [&'static str],
}

const NOTHING: View = View {
    hidden: &[],
    writable: &[],
    numbers: &[],
    capable_reads: &[],
    capable_writes: &[],
};

/// The connection's addresses, from `family` to `local_port`.
macro_rules! with_addresses {
    ($($other:literal),*) => {
        &["family", "remote_ip4", "local_ip4", "remote_ip6", "local_ip6", "remote_port", "local_port", $($other),*]
    };
}

impl View {
    fn layout(&self, fields: &[Field]) -> Layout {
        let seen = fields.iter().filter(|f| !self.hidden.contains(&f.name));
        Layout {
            name: "__sk_buff",
            fields: Cow::Owned(seen.map(|f| self.field(f)).collect()),
        }
    }

    fn field(&self, f: &Field) -> Field {
        let mut f = *f;
        if !self.writable.contains(&f.name) {
            f.write = Sizes::Never;
        }
        let pointer = match f.name {
            "data" => Some(RegBase::Packet),
            "data_end" => Some(RegBase::PacketEnd),
            "data_meta" => Some(RegBase::PacketMeta),
            _ => None,
        };
        if let Some(base) = pointer.filter(|_| !self.numbers.contains(&f.name)) {
            f = f.gives(base, Flags::NONE);
        }
        f.read_needs_cap = self.capable_reads.contains(&f.name);
        f.write_needs_cap = f.read_needs_cap || self.capable_writes.contains(&f.name);
        f
    }
}

macro_rules! views {
    ($($(#[$doc:meta])* $name:ident = $view:expr;)*) => {
        $($(#[$doc])* pub(super) fn $name() -> &'static Layout {
            static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
                const VIEW: View = $view;
                VIEW.layout(&SK_BUFF)
            });
            &LAYOUT
        })*

        /// The same of Linux 5.10.
        pub(in crate::tables) mod of_5_10 {
            use super::*;

            $($(#[$doc])* pub(in crate::tables) fn $name() -> &'static Layout {
                static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
                    const VIEW: View = $view;
                    VIEW.layout(&[SK_BUFF.split_at(AFTER_5_10).0, &[PADDING_OF_5_10]].concat())
                });
                &LAYOUT
            })*
        }
    };
}

views! {
    /// Socket filters.
    socket_filter = View {
        hidden: with_addresses![
            "tc_classid", "data", "data_meta", "data_end", "tstamp", "wire_len", "tstamp_type", "hwtstamp"
        ],
        writable: &["cb"],
        ..NOTHING
    };
    /// Classifiers and actions of traffic control.
    sched_cls = View {
        hidden: with_addresses![],
        writable: &["mark", "tc_index", "priority", "tc_classid", "cb", "tstamp", "queue_mapping"],
        ..NOTHING
    };
    /// Packets of a cgroup.
    cgroup_skb = View {
        hidden: &["tc_classid", "data_meta", "wire_len", "tstamp_type"],
        writable: &["mark", "priority", "cb", "tstamp"],
        capable_reads: &["data", "data_end"],
        capable_writes: &["tstamp"],
        ..NOTHING
    };
    /// Light-weight tunnels.
    lwt = View {
        hidden: with_addresses!["tc_classid", "data_meta", "tstamp", "wire_len", "tstamp_type", "hwtstamp"],
        writable: &["mark", "priority", "cb"],
        ..NOTHING
    };
    /// Packets of a socket map.
    sk_skb = View {
        hidden: &["tc_classid", "data_meta", "tstamp", "wire_len", "tstamp_type", "hwtstamp", "mark"],
        writable: &["tc_index", "priority"],
        ..NOTHING
    };
}

/// Flow dissectors.
pub(super) static FLOW_DISSECTOR: Layout = Layout::new(
    "__sk_buff",
    &[
        packet("data", 76).gives(RegBase::Packet, Flags::NONE),
        packet("data_end", 80).gives(RegBase::PacketEnd, Flags::NONE),
        Field::pointer("flow_keys", 144, RegBase::FlowKeys),
    ],
);
