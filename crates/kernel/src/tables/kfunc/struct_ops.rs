//! Structures of kernel functions that programs may implement, and kernel structures that programs may
//! write to.
//!
//! From `net/ipv4/bpf_tcp_ca.c`, `kernel/sched/ext.c`, `drivers/hid/bpf/hid_bpf_struct_ops.c`,
//! `net/bpf/bpf_dummy_struct_ops.c` and `net/netfilter/nf_conntrack_bpf.c`. Offsets and sizes are those of the
//! kernel's BTF.

use verdict_btf::{Btf, Kind, TypeId};

use crate::Kernel;
use crate::prog::ProgType;
use crate::types::{Flags, RegBase, RegType};

/// What the structure that a map of a structure's implementation holds is called before the structure's name.
pub const VALUE_PREFIX: &str = "bpf_struct_ops_";

/// A structure that programs may implement.
#[derive(Debug)]
pub struct StructOps {
    /// Its name.
    pub name: &'static str,
    /// The function pointers that may be implemented (those that have a stub).
    pub members: &'static [&'static str],
    /// Which of them sleepable programs may implement; all when `None`.
    pub sleepable: Option<&'static [&'static str]>,
    /// Arguments that may be NULL, by member and number from 0: a read gives [`NULLABLE`].
    pub nullable: &'static [(&'static str, u32)],
    /// Whether the nullable arguments are judged before size and BTF: then a read of any size gives a
    /// pointer to `task_struct`.
    pub nullable_first: bool,
    /// Trusted pointers to the first structure are taken as pointers to the second.
    pub promotes: Option<(&'static str, &'static str)>,
    /// Which kernel structures its programs may write to.
    pub writes: &'static WriteRule,
}

/// The type of an argument that may be NULL.
pub const NULLABLE: RegType = RegType::new(RegBase::BtfId, Flags::TRUSTED.with(Flags::MAYBE_NULL));

/// Why a program cannot be attached to a member. The kernel says `attach to unsupported member`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberRefusal {
    /// The member cannot be implemented: `-ENOTSUPP`.
    Unsupported,
    /// The member cannot be implemented by a sleepable program: `-EINVAL`.
    Sleepable,
}

impl StructOps {
    /// Whether a program may implement `member`, a pointer to a function.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_member(&self, member: &str, sleepable: bool) -> Result<(), MemberRefusal> {
        if !self.members.contains(&member) {
            Err(MemberRefusal::Unsupported)
        } else if sleepable && self.sleepable.is_some_and(|may| !may.contains(&member)) {
            Err(MemberRefusal::Sleepable)
        } else {
            Ok(())
        }
    }

    /// Whether argument `arg` (from 0) of `member` may be NULL.
    pub fn is_nullable(&self, member: &str, arg: u32) -> bool {
        self.nullable.contains(&(member, arg))
    }
}

/// `struct sched_ext_ops`. Members that a kernel's structure lacks are never asked for.
pub(in crate::tables) const SCHED_EXT_OPS: StructOps = StructOps {
    name: "sched_ext_ops",
    members: &[
        "select_cpu",
        "enqueue",
        "dequeue",
        "dispatch",
        "tick",
        "runnable",
        "running",
        "stopping",
        "quiescent",
        "yield",
        "core_sched_before",
        "set_weight",
        "set_cpumask",
        "update_idle",
        "cpu_acquire",
        "cpu_release",
        "init_task",
        "exit_task",
        "enable",
        "disable",
        "cgroup_init",
        "cgroup_exit",
        "cgroup_prep_move",
        "cgroup_move",
        "cgroup_cancel_move",
        "cgroup_set_weight",
        "cgroup_set_bandwidth",
        "cpu_online",
        "cpu_offline",
        "init",
        "exit",
        "dump",
        "dump_cpu",
        "dump_task",
    ],
    sleepable: Some(&[
        "init_task",
        "cgroup_init",
        "cgroup_exit",
        "cgroup_prep_move",
        "cpu_online",
        "cpu_offline",
        "init",
        "exit",
    ]),
    nullable: &[("dispatch", 1), ("yield", 1)],
    nullable_first: true,
    promotes: None,
    writes: &SCHED_EXT,
};

/// `struct Qdisc_ops`.
pub(in crate::tables) const QDISC_OPS: StructOps = StructOps {
    name: "Qdisc_ops",
    members: &["enqueue", "dequeue", "init", "reset", "destroy"],
    sleepable: None,
    nullable: &[],
    nullable_first: false,
    promotes: None,
    writes: &QDISC,
};

/// `struct tcp_congestion_ops`.
pub(in crate::tables) const TCP_CONGESTION_OPS: StructOps = StructOps {
    name: "tcp_congestion_ops",
    members: &[
        "ssthresh",
        "cong_avoid",
        "set_state",
        "cwnd_event",
        "in_ack_event",
        "pkts_acked",
        "min_tso_segs",
        "cong_control",
        "undo_cwnd",
        "sndbuf_expand",
        "init",
        "release",
    ],
    sleepable: None,
    nullable: &[],
    nullable_first: false,
    promotes: Some(("sock", "tcp_sock")),
    writes: &TCP_CONGESTION,
};

/// `struct bpf_dummy_ops`.
pub(in crate::tables) const DUMMY_OPS: StructOps = StructOps {
    name: "bpf_dummy_ops",
    members: &["test_1", "test_2", "test_sleepable"],
    sleepable: Some(&["test_sleepable"]),
    nullable: &[("test_1", 0)],
    nullable_first: false,
    promotes: None,
    writes: &DUMMY,
};

/// All structures that programs may implement.
pub(crate) static STRUCT_OPS: &[StructOps] = &[
    TCP_CONGESTION_OPS,
    SCHED_EXT_OPS,
    StructOps {
        name: "hid_bpf_ops",
        members: &[
            "hid_device_event",
            "hid_rdesc_fixup",
            "hid_hw_request",
            "hid_hw_output_report",
        ],
        sleepable: Some(&["hid_rdesc_fixup", "hid_hw_request", "hid_hw_output_report"]),
        nullable: &[],
        nullable_first: false,
        promotes: None,
        writes: &HID,
    },
    DUMMY_OPS,
];

/// A field that may be written.
#[derive(Debug)]
struct Writable {
    /// The structure that the names start from; it lies at the beginning of the structure written to.
    of: &'static str,
    /// The names that lead to the field.
    path: &'static [&'static str],
    /// Bytes at the field's start that may not be written.
    head: u32,
    /// Bytes at its end that may not be written.
    tail: u32,
    /// Whether a write may start anywhere in the field, rather than at its first byte only.
    anywhere: bool,
}

impl Writable {
    const fn new(of: &'static str, path: &'static [&'static str]) -> Writable {
        Writable {
            of,
            path,
            head: 0,
            tail: 0,
            anywhere: false,
        }
    }
    const fn anywhere(self) -> Writable {
        Writable {
            anywhere: true,
            ..self
        }
    }
    /// Only what lies between so many bytes at its start and its end.
    const fn between(self, head: u32, tail: u32) -> Writable {
        Writable { head, tail, ..self }
    }
    /// A string: its last byte stays.
    const fn string(self) -> Writable {
        Writable {
            tail: 1,
            ..self.anywhere()
        }
    }

    /// Where the field starts and where what may be written ends.
    fn span(&self, btf: &Btf) -> Option<(u32, u32)> {
        let mut ty = btf.find(self.of, Kind::Struct)?;
        let (mut start, mut size) = (0u32, 0);
        for name in self.path {
            let (off, member) = find_member(btf, ty, name, 0)?;
            start = start.checked_add(off)?;
            ty = btf.skip_mods_and_typedefs(member)?.id();
            size = btf.resolve_size(member)?;
        }
        let end = start.checked_add(size)?.checked_sub(self.tail)?;
        Some((start.checked_add(self.head)?, end))
    }
}

/// How deep anonymous members are searched.
const MAX_DEPTH: u32 = 8;

/// Offset and type of a member, also one of an anonymous member.
fn find_member(btf: &Btf, of: TypeId, name: &str, depth: u32) -> Option<(u32, TypeId)> {
    if depth > MAX_DEPTH {
        return None;
    }
    btf.ty(of)?.members().find_map(|m| {
        if m.name() == name {
            return Some((m.byte_offset(), m.ty));
        }
        let inner = btf
            .skip_mods_and_typedefs(m.ty)
            .filter(|t| m.name().is_empty() && t.is_composite())?;
        let (off, ty) = find_member(btf, inner.id(), name, depth + 1)?;
        Some((m.byte_offset().checked_add(off)?, ty))
    })
}

/// In whose words a write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// By the offset, naming the structure.
    ByOffset(&'static str),
    /// By the offset in each structure, naming it.
    EachByOffset,
    /// By the structure first, then by its read-only parts.
    Hid,
    /// Only one structure, which may be written anywhere.
    Whole,
    /// The same, in the words of a read.
    WholeAsRead,
    /// In none.
    Silent,
}

/// Which kernel structures a program may write to through a pointer, and where (`btf_struct_access`).
#[derive(Debug)]
pub struct WriteRule {
    structs: &'static [&'static str],
    fields: &'static [Writable],
    words: Words,
}

/// Fields of a socket that congestion control may set. Linux 6.1 knows all but the last two, Linux 5.10 of those all but the
/// first two.
const TCP_FIELDS: &[Writable] = &[
    Writable::new("sock", &["sk_pacing_rate"]),
    Writable::new("sock", &["sk_pacing_status"]),
    Writable::new("inet_connection_sock", &["icsk_ca_priv"]).anywhere(),
    Writable::new("inet_connection_sock", &["icsk_ack", "pending"]),
    Writable::new("tcp_sock", &["snd_cwnd"]),
    Writable::new("tcp_sock", &["snd_cwnd_cnt"]),
    Writable::new("tcp_sock", &["snd_ssthresh"]),
    Writable::new("tcp_sock", &["ecn_flags"]),
    Writable::new("tcp_sock", &["snd_cwnd_stamp"]),
    Writable::new("tcp_sock", &["app_limited"]),
];

static TCP_CONGESTION: WriteRule = WriteRule {
    structs: &["tcp_sock"],
    fields: TCP_FIELDS,
    words: Words::ByOffset("tcp_sock"),
};

/// The same as Linux 6.1 has it.
pub(in crate::tables) static TCP_CONGESTION_OF_OLD: WriteRule = WriteRule {
    structs: &["tcp_sock"],
    fields: TCP_FIELDS.split_at(TCP_FIELDS.len() - 2).0,
    words: Words::ByOffset("tcp_sock"),
};

/// The same as Linux 5.10 has it, where the pace is not set.
pub(in crate::tables) static TCP_CONGESTION_OF_5_10: WriteRule = WriteRule {
    fields: TCP_CONGESTION_OF_OLD.fields.split_at(2).1,
    ..TCP_CONGESTION_OF_OLD
};

static CONNTRACK: WriteRule = WriteRule {
    structs: &["nf_conn", "nf_conn___init"],
    fields: &[Writable::new("nf_conn", &["mark"])],
    words: Words::ByOffset("nf_conn"),
};

static SCHED_EXT: WriteRule = WriteRule {
    structs: &["task_struct"],
    fields: &[
        Writable::new("task_struct", &["scx", "slice"]).anywhere(),
        Writable::new("task_struct", &["scx", "dsq_vtime"]).anywhere(),
        Writable::new("task_struct", &["scx", "disallow"]).anywhere(),
    ],
    words: Words::Silent,
};

static QDISC: WriteRule = WriteRule {
    structs: &["Qdisc", "sk_buff"],
    fields: &[
        Writable::new("Qdisc", &["limit"]),
        Writable::new("Qdisc", &["q", "qlen"]),
        Writable::new("Qdisc", &["qstats"]).anywhere(),
        Writable::new("sk_buff", &["tstamp"]),
        // Of the 48 bytes, `struct qdisc_skb_cb` leaves these to the qdisc.
        Writable::new("sk_buff", &["cb"]).between(8, 20).anywhere(),
    ],
    words: Words::EachByOffset,
};

static HID: WriteRule = WriteRule {
    structs: &["hid_bpf_ctx", "hid_device"],
    fields: &[
        Writable::new("hid_bpf_ctx", &["retval"]).anywhere(),
        Writable::new("hid_device", &["name"]).string(),
        Writable::new("hid_device", &["uniq"]).string(),
        Writable::new("hid_device", &["phys"]).string(),
    ],
    words: Words::Hid,
};

static DUMMY: WriteRule = WriteRule {
    structs: &["bpf_dummy_ops_state"],
    fields: &[],
    words: Words::Whole,
};

/// The same where the write is judged as a read would be.
pub(in crate::tables) static DUMMY_AS_READ: WriteRule = WriteRule {
    structs: &["bpf_dummy_ops_state"],
    fields: &[],
    words: Words::WholeAsRead,
};

/// No structure: what a kernel without connection tracking says to XDP and traffic control, silently.
static NOTHING: WriteRule = WriteRule {
    structs: &[],
    fields: &[],
    words: Words::Silent,
};

/// A write that is refused (`-EACCES`), with what is logged, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRefused {
    /// The message, without newline.
    pub message: Option<String>,
}

fn refused<T>(message: impl Into<String>) -> Result<T, WriteRefused> {
    Err(WriteRefused {
        message: Some(message.into()),
    })
}

impl WriteRule {
    /// Judges a write of `size` bytes at `off` to the structure `of` of the kernel's BTF.
    ///
    /// # Errors
    /// When it is refused.
    pub fn check(&self, btf: &Btf, of: TypeId, off: i32, size: u32) -> Result<(), WriteRefused> {
        let ty = btf.ty(of).filter(|t| t.kind() == Kind::Struct);
        let name = ty.map_or("", |t| t.name());
        let (known, total) = (self.structs.contains(&name), ty.map_or(0, |t| t.size()));
        // The kernel adds as ints and compares as unsigned, so what starts before the structure ends
        // beyond it.
        let end = i64::from(off) + i64::from(size);
        let fits = |limit: u32| off >= 0 && end <= i64::from(limit);
        let silent = Err(WriteRefused { message: None });
        match self.words {
            Words::Silent if !known => silent,
            Words::Silent if self.inside_field(btf, name, off, end) => Ok(()),
            Words::Silent => silent,
            Words::Whole | Words::WholeAsRead if !known => {
                refused(format!("only access to {} is supported", self.first()))
            }
            Words::Whole | Words::WholeAsRead if fits(total) => Ok(()),
            Words::WholeAsRead => refused(format!("access beyond struct {name} at off {off} size {size}")),
            Words::Whole => refused(format!("write access at off {off} with size {size}")),
            Words::Hid if !known => refused("write access to this struct is not supported"),
            Words::Hid if !fits(total) => refused(format!(
                "write access for struct {name} at off {off} with size {size}"
            )),
            Words::Hid if self.inside_field(btf, name, off, end) => Ok(()),
            Words::Hid => refused(format!(
                "write access at off {off} with size {size} on read-only part of {name}"
            )),
            Words::ByOffset(_) | Words::EachByOffset if !known => refused("only read is supported"),
            Words::ByOffset(called) => self.check_at(btf, None, called, off, size),
            Words::EachByOffset => self.check_at(btf, Some(name), name, off, size),
        }
    }

    /// Judges a write by the field that it starts in: one of the structure `of`, if that is named.
    fn check_at(
        &self,
        btf: &Btf,
        of: Option<&str>,
        called: &str,
        off: i32,
        size: u32,
    ) -> Result<(), WriteRefused> {
        let end = i64::from(off) + i64::from(size);
        match self.field_at(btf, of, off) {
            None => refused(format!("no write support to {called} at off {off}")),
            Some(limit) if off >= 0 && end <= i64::from(limit) => Ok(()),
            Some(limit) => refused(format!(
                "write access at off {off} with size {size} beyond the member of {called} ended at {limit}"
            )),
        }
    }

    fn first(&self) -> &'static str {
        self.structs.first().copied().unwrap_or("")
    }

    fn inside_field(&self, btf: &Btf, of: &str, off: i32, end: i64) -> bool {
        let mut spans = self
            .fields
            .iter()
            .filter(|f| f.of == of)
            .filter_map(|f| f.span(btf));
        spans.any(|(start, limit)| i64::from(off) >= i64::from(start) && end <= i64::from(limit))
    }

    /// The end of the field that a write at `off` may start in.
    fn field_at(&self, btf: &Btf, of: Option<&str>, off: i32) -> Option<u32> {
        let off = u32::try_from(off).ok()?;
        let mut fields = self.fields.iter().filter(|f| of.is_none_or(|of| f.of == of));
        fields.find_map(|f| {
            let (start, end) = f.span(btf)?;
            let starts = off == start || f.anywhere && (start..end).contains(&off);
            starts.then_some(end)
        })
    }
}

impl Kernel {
    /// Flags that a congestion control of programs may have (`TCP_CONG_MASK`).
    pub fn congestion_flags(&self) -> u32 {
        self.tables.changes.congestion_flags
    }

    /// The structure of this name that programs may implement: one that the kernel has, together with the
    /// structure of its maps.
    pub fn struct_ops(&self, name: &str) -> Option<&'static StructOps> {
        let changed = self.tables.changes.chain().flat_map(|c| c.struct_ops);
        let mut all = changed.chain(STRUCT_OPS);
        let ops = all.find(|ops| ops.name == name)?;
        self.btf.find(name, Kind::Struct)?;
        self.btf.find(&format!("{VALUE_PREFIX}{name}"), Kind::Struct)?;
        Some(ops)
    }

    /// The rule for writes to kernel structures by programs of this type (of the replaced program for
    /// `freplace`); `ops` is what a struct_ops program implements. `None` when there is none: such writes
    /// are refused with `only read is supported`.
    pub fn write_rule(
        &self,
        prog_type: ProgType,
        ops: Option<&'static StructOps>,
    ) -> Option<&'static WriteRule> {
        match prog_type {
            ProgType::StructOps => ops.map(|ops| ops.writes),
            ProgType::SchedCls | ProgType::SchedAct | ProgType::Xdp => {
                // Connection tracking brings its rule along with its kfuncs.
                let tracked = self.btf.find("bpf_ct_set_timeout", Kind::Func).is_some();
                Some(if tracked { &CONNTRACK } else { &NOTHING })
            }
            _ => None,
        }
    }
}
