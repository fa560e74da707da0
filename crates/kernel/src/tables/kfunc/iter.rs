//! Targets of iterators: what a program attached to `bpf_iter_<target>` receives.
//!
//! From the `struct bpf_iter_reg` of `kernel/bpf/{task,map,prog,link,cgroup}_iter.c`, `kernel/kallsyms.c`,
//! `net/core/{sock_map,bpf_sk_storage}.c`, `net/ipv4/{tcp_ipv4,udp}.c`, `net/ipv6/route.c`,
//! `net/netlink/af_netlink.c` and `net/unix/af_unix.c`.

use verdict_btf::Kind;

use crate::Kernel;
use crate::types::{Flags, RegBase, RegType};

/// What every iterator's function is called before its target's name.
pub(crate) const PREFIX: &str = "bpf_iter_";

/// An argument whose type is decided here rather than by BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IterArg {
    /// Offset in the context.
    pub off: u32,
    /// What a read of it gives.
    pub reg_type: RegType,
    /// Name of the structure pointed at, when that is a BTF object.
    pub btf: Option<&'static str>,
}

/// A target.
#[derive(Debug)]
pub struct IterTarget {
    /// Its name.
    pub name: &'static str,
    /// The arguments after `meta` that are decided here.
    pub args: &'static [IterArg],
    /// Whether the kernel may reschedule while it iterates.
    pub resched: bool,
}

pub(in crate::tables) const fn object(off: u32, btf: &'static str) -> IterArg {
    IterArg {
        off,
        reg_type: RegType::new(RegBase::BtfId, Flags::MAYBE_NULL),
        btf: Some(btf),
    }
}
pub(in crate::tables) const fn trusted(off: u32, btf: &'static str) -> IterArg {
    let object = object(off, btf);
    IterArg {
        reg_type: object.reg_type.with(Flags::TRUSTED),
        ..object
    }
}
const fn buffer(off: u32, flags: Flags) -> IterArg {
    IterArg {
        off,
        reg_type: RegType::new(RegBase::Buf, Flags::MAYBE_NULL.with(flags)),
        btf: None,
    }
}
pub(in crate::tables) const fn target(name: &'static str, args: &'static [IterArg]) -> IterTarget {
    IterTarget {
        name,
        args,
        resched: false,
    }
}
impl IterTarget {
    pub(in crate::tables) const fn resched(self) -> IterTarget {
        IterTarget {
            resched: true,
            ..self
        }
    }
}

/// All targets. The context is `meta` at 0, then the arguments in the order of the target's function.
pub(crate) static TARGETS: &[IterTarget] = &[
    target("bpf_link", &[object(8, "bpf_link")]),
    target("bpf_map", &[trusted(8, "bpf_map")]),
    // meta, map, key, value
    target(
        "bpf_map_elem",
        &[buffer(16, Flags::RDONLY), buffer(24, Flags::NONE)],
    ),
    target("bpf_prog", &[object(8, "bpf_prog")]),
    // meta, map, sk, value
    target(
        "bpf_sk_storage_map",
        &[object(16, "sock"), buffer(24, Flags::NONE)],
    ),
    target("cgroup", &[trusted(8, "cgroup")]).resched(),
    target("ipv6_route", &[object(8, "fib6_info")]),
    target("ksym", &[object(8, "kallsym_iter")]).resched(),
    target("netlink", &[object(8, "netlink_sock")]),
    // meta, map, key, sk
    target("sockmap", &[buffer(16, Flags::RDONLY), object(24, "sock")]),
    target("task", &[trusted(8, "task_struct")]).resched(),
    // meta, task, fd, file
    target("task_file", &[object(8, "task_struct"), object(24, "file")]).resched(),
    // meta, task, vma
    target(
        "task_vma",
        &[object(8, "task_struct"), object(16, "vm_area_struct")],
    )
    .resched(),
    target("tcp", &[trusted(8, "sock_common")]),
    target("udp", &[trusted(8, "udp_sock")]),
    target("unix", &[object(8, "unix_sock")]),
];

impl Kernel {
    /// The target whose programs attach to the function `func`, if the kernel has it (`bpf_iter_prog_supported`).
    pub fn iter_target(&self, func: &str) -> Option<&'static IterTarget> {
        let name = func.strip_prefix(PREFIX)?;
        self.btf.find(func, Kind::Func)?;
        let changed = self.tables.changes.chain().flat_map(|c| c.iterators);
        let mut targets = changed.chain(TARGETS);
        targets.find(|t| t.name == name)
    }
}
