//! Bounds on programs and on the work of verifying them, and facts of the machine: a profile's `release.toml` has
//! their values. `build.rs` uses this file too.

use serde::Deserialize;

/// Limits of a kernel's verifier that differ between releases, or may. What the instruction set and the data
/// model fix (registers, frames, the reach of a pointer) is a constant where it is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Instructions processed over all paths (`BPF_COMPLEXITY_LIMIT_INSNS`).
    pub processed_insns: u32,
    /// Pending branches (`BPF_COMPLEXITY_LIMIT_JMP_SEQ`).
    pub jmp_seq: u32,
    /// Instructions of a program, before verification (`BPF_COMPLEXITY_LIMIT_INSNS`).
    pub program_insns: u32,
    /// Bytes of stack of a call chain (`MAX_BPF_STACK`).
    pub stack: u32,
    /// Subprograms (`BPF_MAX_SUBPROGS`).
    pub subprogs: u32,
    /// Maps that a program refers to (`MAX_USED_MAPS`).
    pub used_maps: u32,
    /// Different kernel functions that a program calls (`MAX_KFUNC_DESCS`).
    pub kfuncs: u32,
    /// Bytes of stack that callers of a subprogram which makes tail calls must stay below.
    pub tail_call_stack: u32,
    /// Linked scalars that a history entry can hold (`LINKED_REGS_MAX`).
    pub linked_regs: u32,
}

/// Capabilities of the process that loads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// `CAP_BPF`.
    pub bpf: bool,
    /// `CAP_PERFMON`.
    pub perfmon: bool,
    /// `CAP_NET_ADMIN`.
    pub net_admin: bool,
    /// `CAP_SYS_ADMIN`.
    pub sys_admin: bool,
}

impl Capabilities {
    /// None at all.
    pub const NONE: Capabilities = Capabilities {
        bpf: false,
        perfmon: false,
        net_admin: false,
        sys_admin: false,
    };
    /// Root's.
    pub const ALL: Capabilities = Capabilities {
        bpf: true,
        perfmon: true,
        net_admin: true,
        sys_admin: true,
    };

    const fn all() -> Capabilities {
        Capabilities::ALL
    }
}

/// What the compiler to native code can do (`bpf_jit_supports_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Jit {
    /// Whether there is one and programs are compiled.
    pub enabled: bool,
    /// Address of per-CPU data in a register.
    pub percpu_insn: bool,
    /// Calls of kernel functions.
    pub kfunc_calls: bool,
    /// Arenas.
    pub arena: bool,
    /// Sign-extending loads from arenas (`bpf_jit_supports_insn`; verifiers that do not ask refuse them all).
    pub arena_sign_extension: bool,
}

/// Facts of the machine and of the loading process that the verifier looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Machine {
    /// Possible CPUs (`nr_cpu_ids`).
    pub nr_cpus: u32,
    /// What the compiler to native code can do.
    pub jit: Jit,
    /// Whether the mitigations of Spectre v1 and v4 are on.
    pub mitigations: bool,
    /// What the loading process may do: everything, unless the user says otherwise.
    #[serde(skip, default = "Capabilities::all")]
    pub capabilities: Capabilities,
    /// Bytes of a page.
    pub page_size: u32,
    /// Bytes that the loading user may lock in memory (`RLIMIT_MEMLOCK`), where libbpf cannot raise it; `None` is no limit.
    #[serde(default)]
    pub memlock: Option<u64>,
}
