//! Bounds on programs and on the work of verifying them, and facts of the machine.

/// Limits of a kernel's verifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Instructions processed over all paths (`BPF_COMPLEXITY_LIMIT_INSNS`).
    pub processed_insns: u32,
    /// Pending branches (`BPF_COMPLEXITY_LIMIT_JMP_SEQ`).
    pub jmp_seq: u32,
    /// States kept at an instruction for programs without privileges (`BPF_COMPLEXITY_LIMIT_STATES`).
    pub states_unprivileged: u32,
    /// Instructions of a program loaded with CAP_BPF, before verification (`BPF_COMPLEXITY_LIMIT_INSNS`).
    pub program_insns: u32,
    /// Instructions of a program loaded without it (`BPF_MAXINSNS`).
    pub program_insns_unprivileged: u32,
    /// Bytes of stack of a call chain (`MAX_BPF_STACK`).
    pub stack: u32,
    /// Frames of a call chain (`MAX_CALL_FRAMES`).
    pub call_frames: u32,
    /// Subprograms (`BPF_MAX_SUBPROGS`).
    pub subprogs: u32,
    /// Maps that a program refers to (`MAX_USED_MAPS`).
    pub used_maps: u32,
    /// BTF objects that a program refers to (`MAX_USED_BTFS`).
    pub used_btfs: u32,
    /// Different kernel functions that a program calls (`MAX_KFUNC_DESCS`).
    pub kfuncs: u32,
    /// Modules whose functions a program calls (`MAX_KFUNC_BTFS`).
    pub kfunc_btfs: u32,
    /// Arguments of a function that is called by BTF (`MAX_BPF_FUNC_ARGS`).
    pub func_args: u32,
    /// Arguments in registers (`MAX_BPF_FUNC_REG_ARGS`).
    pub func_reg_args: u32,
    /// Largest packet offset (`MAX_PACKET_OFF`).
    pub packet_off: u32,
    /// Largest variable offset of a pointer (`BPF_MAX_VAR_OFF`).
    pub var_off: i64,
    /// Size of a variable that can be read or written (`BPF_MAX_VAR_SIZ`).
    pub var_size: i64,
    /// Iterations of `bpf_loop` (`BPF_MAX_LOOPS`).
    pub loops: u32,
    /// Stack below which a callee of a tail-calling subprogram must stay, in bytes.
    pub tail_call_stack: u32,
    /// Linked scalar registers recorded in a history entry (`LINKED_REGS_MAX`).
    pub linked_regs: u32,
    /// Bytes of the smallest and of the largest log buffer are 128 and this (`UINT_MAX >> 2`).
    pub log_buffer: u32,
}

impl Limits {
    /// Of Linux 6.12 (`include/linux/bpf_verifier.h`, `bpf.h`, `filter.h`, `kernel/bpf/verifier.c`).
    pub const LINUX_6_12: Limits = Limits {
        processed_insns: 1_000_000,
        jmp_seq: 8192,
        states_unprivileged: 64,
        program_insns: 1_000_000,
        program_insns_unprivileged: 4096,
        stack: 512,
        call_frames: 8,
        subprogs: 256,
        used_maps: 64,
        used_btfs: 64,
        kfuncs: 256,
        kfunc_btfs: 256,
        func_args: 12,
        func_reg_args: 5,
        packet_off: 0xffff,
        var_off: 1 << 29,
        var_size: 1 << 29,
        loops: 8 * 1024 * 1024,
        tail_call_stack: 256,
        linked_regs: 6,
        log_buffer: u32::MAX >> 2,
    };
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
    /// Root's.
    pub const ALL: Capabilities = Capabilities {
        bpf: true,
        perfmon: true,
        net_admin: true,
        sys_admin: true,
    };
}

/// What the compiler to native code can do (`bpf_jit_supports_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jit {
    /// Whether there is one and programs are compiled.
    pub enabled: bool,
    /// Address of per-CPU data in a register.
    pub percpu_insn: bool,
    /// Tail calls from subprograms.
    pub subprog_tail_calls: bool,
    /// Calls of kernel functions.
    pub kfunc_calls: bool,
    /// Calls of kernel functions at any distance.
    pub far_kfunc_calls: bool,
    /// `bpf_kptr_xchg` as an instruction.
    pub ptr_xchg: bool,
    /// Arenas.
    pub arena: bool,
    /// Stacks of subprograms apart from the caller's.
    pub private_stack: bool,
}

impl Jit {
    /// x86-64's in Linux 6.12 (`arch/x86/net/bpf_jit_comp.c`).
    pub const X86_64: Jit = Jit {
        enabled: true,
        percpu_insn: true,
        subprog_tail_calls: true,
        kfunc_calls: true,
        far_kfunc_calls: false,
        ptr_xchg: true,
        arena: true,
        private_stack: false,
    };
}

/// Facts of the machine and of the loading process that the verifier looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Possible CPUs (`nr_cpu_ids`).
    pub nr_cpus: u32,
    /// What the compiler to native code can do.
    pub jit: Jit,
    /// Whether the mitigations of Spectre v1 and v4 are on.
    pub mitigations: bool,
    /// What the loading process may do.
    pub capabilities: Capabilities,
    /// Bytes of a page.
    pub page_size: u32,
}

impl Machine {
    /// Two CPUs of x86-64 with JIT, default mitigations, and a loader that may do everything.
    pub const X86_64: Machine = Machine {
        nr_cpus: 2,
        jit: Jit::X86_64,
        mitigations: true,
        capabilities: Capabilities::ALL,
        page_size: 4096,
    };
}
