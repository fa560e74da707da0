//! What an author does about a kernel that does not load a program which others load: one line for each kind of
//! reason, here alone.

use verdict_kernel::Kernel;
use verdict_kernel::prog::AttachType;
use verdict_kernel::rule::Rule;
use verdict_kernel::tables::helper::id;

use crate::need::{Need, instructions};
use crate::{Record, Refusal};

/// What to do, in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Advice {
    /// The line.
    pub line: String,
    /// Whether the kernel certainly lacks something that others have. Otherwise the line holds only where another kernel
    /// loads the same program.
    pub sure: bool,
}

/// What to do about a refusal by this kernel, if there is something to be said that holds for all programs that are
/// refused for this reason.
pub fn advice(kernel: &Kernel, refusal: &Refusal, record: &Record) -> Option<Advice> {
    if let Some(need) = &refusal.need {
        let line = of_need(kernel, need, record)?;
        // Whether others allow it is not known.
        let sure = !matches!(need, Need::HelperForProgram(_));
        return Some(Advice { line, sure });
    }
    let line = of_rule(kernel, refusal.rule, record)?;
    // Newer kernels have no such limit; and no kernel is without that rule, but the line is all that it wants.
    let sure = matches!(refusal.rule, Rule::MemoryLock | Rule::GplRequired);
    Some(Advice { line, sure })
}

/// What an object says that is under the GPL: in one place for all of its programs.
pub const DECLARE_GPL: &str = "declare `char LICENSE[] SEC(\"license\") = \"GPL\";`";

/// What tells a loader to leave a program out.
const LEAVE_OUT: &str = "bpf_program__set_autoload(prog, false)";

/// A condition that is known while the program is verified.
const BY_VERSION: &str = "`if (LINUX_KERNEL_VERSION >= KERNEL_VERSION(…))`";

fn of_need(kernel: &Kernel, need: &Need, record: &Record) -> Option<String> {
    Some(match need {
        Need::Helper(name) => helper(name.strip_prefix("bpf_")?),
        Need::HelperForProgram(name) => format!(
            "call {name} under {BY_VERSION}, as the kernel has the helper and only withholds it from this program type, \
             or hand the value over from a program that may call it"
        ),
        Need::Kfunc(name) => {
            format!("declare {name} `__ksym __weak` and call it under `if (bpf_ksym_exists({name}))`")
        }
        Need::Symbol(name) => format!("declare {name} `__ksym __weak` and use it under `if (&{name})`"),
        Need::Config(name) => {
            format!("declare {name} `__kconfig __weak`: it is 0 where the option is not set")
        }
        Need::Type(name) => core(name),
        Need::AttachTarget(name) => attach_target(kernel, name, record),
        Need::StructOps(name) => format!(
            "leave its map out where `struct {name}` is missing: bpf_map__set_autocreate(map, false), and {LEAVE_OUT} for \
             its programs"
        ),
        Need::StructOpsMember(name) => {
            format!("set {name} to NULL before loading, or keep a second map for a struct without it")
        }
        Need::MapType(name) => map_type(name),
        Need::MapFlags(name) => {
            format!("leave {name} out at load time: bpf_map__set_map_flags(), and do without what it gives")
        }
        Need::ProgramType(name) => {
            format!("leave it out where there are no programs of type {name}: {LEAVE_OUT}")
        }
        Need::AttachType(name) => format!(
            "leave it out where attach type {name} is missing ({LEAVE_OUT}) and load a program of an older kind in its place"
        ),
        Need::Instructions(name) => unknown_instructions(kernel, name)?,
    })
}

/// By what a missing helper, named without `bpf_`, is told, and what takes its place.
fn helper(name: &str) -> String {
    let guard = format!("call it under `if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_{name}))`");
    match HELPERS.iter().find(|(of, _)| matches(of, &format!("bpf_{name}"))) {
        Some((_, other)) => format!("{guard}; without it, {other}"),
        None => guard,
    }
}

/// Whether a name is this one, or begins so.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// What does the work of a helper where it is missing.
const HELPERS: &[(&str, &str)] = &[
    (
        "bpf_get_current_task_btf",
        "read with BPF_CORE_READ() from `(struct task_struct *)bpf_get_current_task()`",
    ),
    ("bpf_loop", "a `for` loop with a constant limit"),
    (
        "bpf_for_each_map_elem",
        "a `for` loop with a constant limit over known keys",
    ),
    ("bpf_probe_read_*", "bpf_probe_read()"),
    ("bpf_get_func_ip", "PT_REGS_IP(ctx) in a kprobe"),
    (
        "bpf_get_attach_cookie",
        "a program for each place of attachment, with its own constant in .rodata",
    ),
    ("bpf_get_func_arg*", "the arguments that BPF_PROG() names"),
    (
        "bpf_get_func_ret",
        "the last argument that BPF_PROG() names in an fexit program",
    ),
    (
        "bpf_strncmp",
        "compare byte by byte in a loop with a constant limit",
    ),
    (
        "bpf_snprintf",
        "hand the values to user space and format them there",
    ),
    ("bpf_trace_vprintk", "bpf_printk() with at most three values"),
    (
        "bpf_timer_*",
        "a timer in user space that runs the program by BPF_PROG_TEST_RUN",
    ),
    ("bpf_ktime_get_coarse_ns", "bpf_ktime_get_ns()"),
    (
        "bpf_ktime_get_tai_ns",
        "bpf_ktime_get_ns() and an offset from user space",
    ),
    (
        "bpf_ktime_get_boot_ns",
        "bpf_ktime_get_ns(), which stands still while the machine sleeps",
    ),
    ("bpf_task_storage_*", "a hash map with the task's pid as key"),
    (
        "bpf_inode_storage_*",
        "a hash map with device and inode number as key",
    ),
    ("bpf_cgrp_storage_*", "a hash map with the cgroup's id as key"),
    (
        "bpf_map_lookup_percpu_elem",
        "read other CPUs' values in user space",
    ),
    (
        "bpf_ringbuf_reserve_dynptr",
        "bpf_ringbuf_reserve() of a constant size, or bpf_ringbuf_output()",
    ),
    ("bpf_dynptr_*", "plain pointers with checked bounds"),
    ("bpf_user_ringbuf_drain", "a queue map that user space fills"),
    ("bpf_xdp_load_bytes", "packet access checked against data_end"),
    ("bpf_xdp_store_bytes", "packet access checked against data_end"),
    ("bpf_xdp_get_buff_len", "`ctx->data_end - ctx->data`"),
    ("bpf_skc_to_*", "read with BPF_CORE_READ() from the pointer, cast"),
];

/// By what a missing type, member or enumerator of the kernel is told: `struct task_struct.pid`, `enum e::VALUE`.
fn core(name: &str) -> String {
    let flavour = "read it through a flavour (`struct name___old`) that has what this kernel has instead";
    if let Some((of, value)) = name.split_once("::") {
        let value = value.split(' ').next().unwrap_or_default();
        return format!("use it under `if (bpf_core_enum_value_exists({of}, {value}))`");
    }
    match name.split_once('.') {
        Some((of, member)) => {
            format!("use it under `if (bpf_core_field_exists({of}, {member}))`; without it, {flavour}")
        }
        None => format!("use it under `if (bpf_core_type_exists({name}))`; without it, {flavour}"),
    }
}

fn attach_target(kernel: &Kernel, name: &str, record: &Record) -> String {
    let attach = record
        .figures
        .as_ref()
        .and_then(|figures| AttachType::from_name(&figures.attach_type));
    let what = match attach {
        Some(AttachType::TraceIter) => "iterator",
        Some(AttachType::LsmMac | AttachType::LsmCgroup) => "LSM hook",
        Some(AttachType::TraceRawTp) => "tracepoint",
        _ => "function",
    };
    let enters = matches!(attach, Some(AttachType::TraceFentry | AttachType::TraceFexit));
    let is_function = |letter: char| matches!(letter, 'T' | 't');
    if enters && kernel.ksyms(name).any(|symbol| is_function(symbol.kind)) {
        return format!(
            "try a kprobe or kretprobe in place of this program ({LEAVE_OUT}): this kernel has the function {name}, but not \
             its type"
        );
    }
    format!(
        "add a program for what this kernel has in place of {what} {name}, and {LEAVE_OUT} for the one that does not fit"
    )
}

fn map_type(name: &str) -> String {
    let leave_out =
        format!("bpf_map__set_autocreate(map, false), and {LEAVE_OUT} for the programs that use it");
    match MAP_TYPES.iter().find(|(of, _)| *of == name) {
        Some((_, other)) => format!("choose at load time: {other}; or {leave_out}"),
        None => format!("leave the map out at load time: {leave_out}"),
    }
}

/// What takes a map's place where its type is missing.
const MAP_TYPES: &[(&str, &str)] = &[
    ("ringbuf", "a perf_event_array with bpf_perf_event_output()"),
    ("task_storage", "a hash map with the task's pid as key"),
    ("inode_storage", "a hash map with device and inode number as key"),
    ("cgrp_storage", "a hash map with the cgroup's id as key"),
    ("bloom_filter", "a hash map in its place (bpf_map__set_type())"),
    ("user_ringbuf", "a queue map that user space fills"),
    ("arena", "an array map, BPF_F_MMAPABLE"),
];

fn unknown_instructions(kernel: &Kernel, name: &str) -> Option<String> {
    use instructions as known;
    Some(match name {
        known::V4 | known::LONG_JUMP => "compile with -mcpu=v3: this kernel knows no others, not even where no path leads".to_owned(),
        known::FETCH_ADD => {
            "compile with -mcpu=v2, which makes plain additions of `__sync_fetch_and_add()` whose result is not used: this \
             kernel knows these alone, and gives no old value"
                .to_owned()
        }
        known::ATOMIC => {
            "keep the value in a per-CPU map and put the CPUs' values together in user space: this kernel's only atomic \
             operation is addition (-mcpu=v2)"
                .to_owned()
        }
        known::ACQUIRE_RELEASE => {
            "order accesses by an atomic operation that returns the old value in place of the acquire and release builtins"
                .to_owned()
        }
        known::CALLBACK => {
            "write the callback's body as a loop with a constant limit: this kernel takes no address of a function, not even \
             where no path leads, so that the other form must be another program"
                .to_owned()
        }
        known::KFUNC_CALL => format!(
            "leave the program out ({LEAVE_OUT}), or call under {BY_VERSION}: this kernel calls none of its functions, and \
             bpf_ksym_exists() finds those that its BTF has all the same"
        ),
        known::MAY_GOTO => format!("bound the loop by a constant{}", or_bpf_loop(kernel)),
        known::CAST => map_type("arena"),
        _ => return None,
    })
}

/// `bpf_loop()` beside another way, where the kernel has it.
fn or_bpf_loop(kernel: &Kernel) -> &'static str {
    match kernel.helper_name(id::LOOP) {
        Some(_) => ", or use bpf_loop()",
        None => " (there is no bpf_loop())",
    }
}

/// What makes bytes of the stack readable.
const UNINITIALIZED: &str = "set the whole variable to zero before (`= {}` or __builtin_memset())";

/// What to do about a check that other kernels pass.
fn of_rule(kernel: &Kernel, rule: Rule, record: &Record) -> Option<String> {
    let bpf_loop = or_bpf_loop(kernel);
    let words = record.tail.as_deref().unwrap_or_default();
    Some(match rule {
        Rule::InsnLimit | Rule::JumpLimit => format!(
            "give this kernel less to walk: a smaller constant limit of the loop, its body in a global function, fewer \
             branches in it{bpf_loop}"
        ),
        Rule::GplRequired => DECLARE_GPL.to_owned(),
        Rule::InfiniteLoop => format!("let each turn change a counter with a constant limit{bpf_loop}"),
        Rule::JumpTarget if words.contains("back-edge") => {
            format!("unroll the loop (`#pragma unroll`){bpf_loop}")
        }
        Rule::GlobalSignature | Rule::GlobalArgument => {
            "make the function `static`: it is verified with each caller then, and this kernel need not understand its \
             parameters"
                .to_owned()
        }
        Rule::ContextAccess => format!(
            "access this field under {BY_VERSION}: this kernel has it not, or not for this program type or size"
        ),
        Rule::KernelObjectWrite | Rule::SocketAccess => {
            format!("access this member under {BY_VERSION}, and do without it here")
        }
        Rule::KernelObjectAccess => {
            "read it with BPF_CORE_READ() in place of a direct access".to_owned()
        }
        Rule::SleepableProgram | Rule::SleepableMap | Rule::SleepableCall => format!(
            "keep a second program in a section without `.s`, which does not sleep, for kernels like this one ({LEAVE_OUT} \
             for the other)"
        ),
        Rule::CallUnderLock | Rule::LockLeak | Rule::LockPairing => {
            "make functions that are called under the lock, or take or release it, `__always_inline`".to_owned()
        }
        Rule::UncheckedNull | Rule::ArgumentNull | Rule::NullArithmetic => {
            "compare the pointer itself with NULL before this use: this kernel does not conclude it from other checks"
                .to_owned()
        }
        Rule::StackBounds | Rule::VariableStackOffset if words.contains("invalid read from stack") => {
            UNINITIALIZED.to_owned()
        }
        Rule::PacketBounds
        | Rule::MapValueBounds
        | Rule::MemoryBounds
        | Rule::StackBounds
        | Rule::UnboundedOffset
        | Rule::NegativeOffset
        | Rule::PointerOffsetLimit
        | Rule::SizeArgument
        | Rule::VariableStackOffset => {
            "compare or mask the very register that is used, just before: this kernel forgets the bound on the way \
             (barrier_var() keeps the compiler from moving the check)"
                .to_owned()
        }
        Rule::ArgumentType if words.contains("expected=fp") => {
            "copy the bytes to a variable on the stack and pass its address".to_owned()
        }
        Rule::UninitializedStack => UNINITIALIZED.to_owned(),
        Rule::UninitializedRegister => {
            "initialise the variable: this kernel follows a path that others prove impossible".to_owned()
        }
        Rule::StackDepth => "take large objects from a per-CPU array instead of the stack, or call less deeply".to_owned(),
        Rule::MapForProgram => "use a map of another type or without special fields in this program".to_owned(),
        Rule::ReturnValue => {
            "return a value of the range in the message: this kernel takes no others from this program".to_owned()
        }
        Rule::AttachTarget | Rule::AttachForbidden => {
            format!("leave it out where it cannot be attached ({LEAVE_OUT}), and keep another program for kernels like this one")
        }
        Rule::MemoryLock => "raise the limit before loading (setrlimit(RLIMIT_MEMLOCK), LimitMEMLOCK=infinity), or give maps \
                             fewer elements (bpf_map__set_max_entries())"
            .to_owned(),
        Rule::MapAttributes => "give the map smaller keys, values or fewer elements at load time \
                                (bpf_map__set_value_size(), bpf_map__set_max_entries()), or other flags"
            .to_owned(),
        Rule::StructOpsMap => format!(
            "leave the map out (bpf_map__set_autocreate(map, false)) and {LEAVE_OUT} for its programs"
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(name: &str) -> Kernel {
        Kernel::open(name).unwrap()
    }

    fn of(need: Need) -> String {
        attached("trace_fentry", need)
    }

    fn attached(attach_type: &str, need: Need) -> String {
        let figures = crate::Figures {
            prog_type: "tracing".to_owned(),
            attach_type: attach_type.to_owned(),
            prog_size: 1,
            insns: 0,
            states: 0,
            peak_states: 0,
            max_states_per_insn: 0,
            mark_read: 0,
            stack_depth: String::new(),
            usec: None,
        };
        let record = Record {
            object: String::new(),
            program: None,
            verdict: crate::Verdict::Failure,
            stage: crate::Stage::Prepare,
            errno: 22,
            figures: Some(figures),
            libbpf: None,
            tail: None,
            unsupported: None,
            gave_up: None,
            assumed: None,
            log_sha256: None,
        };
        of_need(&kernel("6.1"), &need, &record).unwrap()
    }

    #[test]
    fn guards_name_what_is_missing() {
        let cases = [
            (
                Need::Helper("bpf_cgrp_storage_get".to_owned()),
                "(enum bpf_func_id, BPF_FUNC_cgrp_storage_get))`; without it, a hash map",
            ),
            (
                Need::Type("struct task_struct.gone".to_owned()),
                "bpf_core_field_exists(struct task_struct, gone)",
            ),
            (
                Need::Type("struct bpf_iter_num".to_owned()),
                "bpf_core_type_exists(struct bpf_iter_num)",
            ),
            (
                Need::Type("enum bpf_map_type::BPF_MAP_TYPE_ARENA = 33".to_owned()),
                "bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_ARENA)",
            ),
            (Need::Kfunc("bpf_x".to_owned()), "if (bpf_ksym_exists(bpf_x))"),
            (Need::MapType("arena".to_owned()), "an array map"),
            (
                Need::MapType("xskmap".to_owned()),
                "bpf_map__set_autocreate(map, false)",
            ),
            (
                Need::Instructions(instructions::MAY_GOTO.to_owned()),
                "or use bpf_loop()",
            ),
        ];
        for (need, part) in cases {
            let line = of(need.clone());
            assert!(line.contains(part), "{need}: {line}");
        }
    }

    /// A kprobe is advised only where it can be attached.
    #[test]
    fn a_function_without_a_type_can_have_a_kprobe() {
        let advised = |attach, name: &str| attached(attach, Need::AttachTarget(name.to_owned()));
        assert!(advised("trace_fentry", "vfs_read").contains("try a kprobe"));
        assert!(!advised("trace_fentry", "no_such_function").contains("kprobe"));
        assert!(!advised("trace_raw_tp", "vfs_read").contains("kprobe"));
        assert!(advised("trace_iter", "bpf_link").contains("iterator bpf_link"));
    }

    #[test]
    fn helpers_and_map_types_of_the_tables_exist() {
        let names: Vec<_> = (0..)
            .map_while(verdict_kernel::tables::helper::helper_name)
            .collect();
        for (pattern, _) in HELPERS {
            assert!(names.iter().any(|name| matches(pattern, name)), "{pattern}");
        }
        for (name, _) in MAP_TYPES {
            assert!(verdict_kernel::map::MapType::from_name(name).is_some(), "{name}");
        }
    }
}
