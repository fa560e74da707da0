//! Kernel types whose pointers the verifier protects, trusts or knows how to destroy.
//!
//! From `kernel/bpf/verifier.c` (`rcu_protected_types`, `BTF_TYPE_SAFE_*`, `reg2btf_ids`), the destructors
//! registered with `register_btf_id_dtor_kfuncs` (`kernel/bpf/{helpers,cpumask,crypto}.c`,
//! `net/bpf/test_run.c`), and the `map_btf_id` of each map type. Types are asked for by the name of their
//! structure in vmlinux BTF, where each of these names exists once.

use verdict_btf::{Btf, Kind, TypeId};

use crate::map::MapType;
use crate::types::RegBase;

/// Structures that RCU protects: a reference kept in a map may be used inside an RCU read section.
pub(crate) const RCU_PROTECTED: &[&str] = &[
    "prog_test_ref_kfunc",
    "cgroup",
    "bpf_cpumask",
    "task_struct",
    "bpf_crypto_ctx",
];

/// Structures and the kernel functions that destroy a reference to one kept in a map. Of several for one structure
/// the first counts that a kernel has.
const DESTRUCTORS: &[(&str, &str)] = &[
    ("task_struct", "bpf_task_release_dtor"),
    ("cgroup", "bpf_cgroup_release_dtor"),
    ("bpf_cpumask", "bpf_cpumask_release_dtor"),
    ("bpf_crypto_ctx", "bpf_crypto_ctx_release_dtor"),
    ("bpf_crypto_ctx", "bpf_crypto_ctx_release"),
    ("sk_buff", "bpf_kfree_skb"),
    ("prog_test_ref_kfunc", "bpf_kfunc_call_test_release_dtor"),
    ("prog_test_ref_kfunc", "bpf_kfunc_call_test_release"),
    ("prog_test_member", "bpf_kfunc_call_memb_release_dtor"),
    ("prog_test_member", "bpf_kfunc_call_memb_release"),
];

/// Whether RCU protects kernel structures of this name. Objects of program types always are protected.
pub fn is_rcu_protected(name: &str) -> bool {
    RCU_PROTECTED.contains(&name)
}

/// The kernel function that destroys a structure of this name (`btf_find_dtor_kfunc`); `None` when programs
/// cannot keep references to it in maps.
pub fn destructor(btf: &Btf, name: &str) -> Option<TypeId> {
    let mut of_this = DESTRUCTORS.iter().filter(|(of, _)| *of == name);
    of_this.find_map(|(_, destructor)| btf.find(destructor, Kind::Func))
}

/// The kernel structure as which kfuncs take a register of this type (`reg2btf_ids`); such registers are
/// trusted.
pub fn register_struct(base: RegBase) -> Option<&'static str> {
    Some(match base {
        RegBase::Socket => "sock",
        RegBase::SockCommon => "sock_common",
        RegBase::TcpSock => "tcp_sock",
        RegBase::ConstMapPtr => "bpf_map",
        _ => return None,
    })
}

/// The kernel structure that a map of this type is, which programs may read through its pointer
/// (`map_btf_id`); `None` when they may not.
pub fn map_struct(map_type: MapType) -> Option<&'static str> {
    Some(match map_type {
        MapType::Hash
        | MapType::LruHash
        | MapType::PercpuHash
        | MapType::LruPercpuHash
        | MapType::HashOfMaps => "bpf_htab",
        MapType::Array
        | MapType::PercpuArray
        | MapType::ProgArray
        | MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::ArrayOfMaps => "bpf_array",
        MapType::StackTrace => "bpf_stack_map",
        MapType::LpmTrie => "lpm_trie",
        MapType::Devmap | MapType::DevmapHash => "bpf_dtab",
        MapType::Sockmap => "bpf_stab",
        MapType::Sockhash => "bpf_shtab",
        MapType::Cpumap => "bpf_cpu_map",
        MapType::Xskmap => "xsk_map",
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => "bpf_cgroup_storage_map",
        MapType::ReuseportSockarray => "reuseport_array",
        MapType::Queue | MapType::Stack => "bpf_queue_stack",
        MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage => {
            "bpf_local_storage_map"
        }
        MapType::StructOps => "bpf_struct_ops_map",
        MapType::Ringbuf | MapType::UserRingbuf => "bpf_ringbuf_map",
        MapType::BloomFilter => "bpf_bloom_filter",
        MapType::Arena => "bpf_arena",
        MapType::Unspec => return None,
    })
}

/// How far a field read from a trusted or protected structure may be relied upon.
///
/// The fields are members of structures that exist in vmlinux BTF for this purpose only:
/// `task_struct__safe_rcu` lists those of `task_struct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// Protected by RCU and never NULL.
    Rcu,
    /// Protected by RCU, may be NULL.
    RcuOrNull,
    /// Trusted anywhere and never NULL.
    Trusted,
    /// Trusted anywhere, may be NULL.
    TrustedOrNull,
}

impl Safe {
    /// What the name of the listing structure adds to that of the structure.
    const fn suffix(self) -> &'static str {
        match self {
            Safe::Rcu => "__safe_rcu",
            Safe::RcuOrNull => "__safe_rcu_or_null",
            Safe::Trusted => "__safe_trusted",
            Safe::TrustedOrNull => "__safe_trusted_or_null",
        }
    }
}

/// Longest name of a listing structure that the kernel can look for, with its final NUL.
const SAFE_NAME_MAX: usize = 64;

/// Whether member `field` of type `of`, a pointer to `target`, is listed as `safe`
/// (`btf_nested_type_is_trusted`).
pub fn is_safe_field(btf: &Btf, of: TypeId, field: &str, target: TypeId, safe: Safe) -> bool {
    let listed = || {
        let of = btf.ty(of)?;
        let name = format!("{}{}", of.name(), safe.suffix());
        if name.len() >= SAFE_NAME_MAX {
            return None;
        }
        let list = btf.ty(btf.find(&name, of.kind())?)?;
        list.members().find(|m| {
            let pointee = m
                .type_()
                .filter(|t| t.is_ptr())
                .and_then(|t| btf.skip_mods_and_typedefs(t.target()));
            m.name() == field && pointee.is_some_and(|t| t.id() == target)
        })
    };
    listed().is_some()
}
