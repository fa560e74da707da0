//! Instructions, calls, resources, and what is checked around the walk.

use super::Prerequisite;

switches! {
    /// Instructions, calls, resources, and what is checked around the walk.
    Control = "control" {
    throw_regions: ThrowRegions = "throw-regions" {
        doc: "From where an exception must not leave a locked, RCU or non-preemptible region, and what words say of one that must not be thrown.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_calls",
        values: {
            MainOnly = "main-only": "From the main program; functions may throw while they hold a lock.",
            Anywhere = "anywhere": "From everywhere.",
        },
        needs: [],
    }
    rcu_regions: RcuRegions = "rcu-regions" {
        doc: "Whether an RCU region may be entered within another one.",
        upstream: "\"bpf: support nested rcu critical sections\", Linux 6.19.",
        corpus: "trusted_calls",
        values: {
            Once = "once": "No.",
            Counted = "counted": "Yes; it ends when as many were left as were entered.",
        },
        needs: [],
    }
    kfunc_results: KfuncResults = "kfunc-results" {
        doc: "Whether an object of the kernel that one of its functions gives is trusted by itself, without a reference to it.",
        upstream: "\"bpf: Return PTR_TO_BTF_ID | PTR_TRUSTED from BPF kfuncs by default\", Linux 7.0.",
        corpus: "kfunc",
        values: {
            Plain = "plain": "What iterators step to is.",
            Trusted = "trusted": "It is, unless RCU protects it.",
        },
        needs: [],
    }
    kfunc_pointers: KfuncPointers = "kfunc-pointers" {
        doc: "Which kernel functions take only pointers that are trusted and not NULL.",
        upstream: "\"bpf: Make KF_TRUSTED_ARGS the default for all kfuncs\", Linux 7.0.",
        corpus: "trusted_calls",
        values: {
            Flagged = "flagged": "Those that say so.",
            All = "all": "All.",
        },
        needs: [],
    }
    leave_checks: LeaveChecks = "leave-checks" {
        doc: "In which order what must not be held is checked where the program may end, and in which words.",
        upstream: "\"bpf: Unify resource leak checks\" (Linux 6.13).",
        corpus: "switch_calls",
        values: {
            Separate = "separate": "Each place in its own way.",
            Unified = "unified": "Lock, references, interrupts, RCU, preemption; the words name the place.",
        },
        needs: [],
    }
    references: References = "references" {
        doc: "Who holds references.",
        upstream: "\"bpf: Refactor {acquire,release}_reference_state\" and \"bpf: Consolidate locks and reference state\" (Linux 6.13, 6.14).",
        corpus: "switch_calls",
        values: {
            Function = "function": "As frame; and functions, too, must hold none where the program may end.",
            Frame = "frame": "The frame that runs: calls take them along, callbacks must not release those of their callers.",
            State = "state": "The state: callbacks may release what their callers acquired; a lock is a reference, too.",
        },
        needs: [],
    }
    ld_abs_exit: LdAbsExit = "ld-abs-exit" {
        doc: "Whether a load from the packet in a function also leads back to the caller with 0, as when it fails.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_calls",
        values: {
            Ignored = "ignored": "It does not.",
            Explored = "explored": "It does; backtracking knows.",
        },
        needs: [],
    }
    ld_abs_callback: LdAbsCallback = "ld-abs-callback" {
        doc: "Whether callbacks may load from the packet with LD_ABS and LD_IND.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_calls",
        values: {
            Allowed = "allowed": "They may.",
            Refused = "refused": "They may not.",
        },
        needs: [],
    }
    tail_call_exit: TailCallExit = "tail-call-exit" {
        doc: "Whether a tail call in a function also leads back to the caller, as when the other program ends.",
        upstream: "A fix that 6.18.15 and 7.2 have, and 6.12.117 has not.",
        corpus: "switch_calls",
        values: {
            Ignored = "ignored": "It does not.",
            Explored = "explored": "It does, with an unknown result and without packet pointers.",
        },
        needs: [],
    }
    argument_id: ArgumentId = "argument-id" {
        doc: "Which pointers to memory have an id as arguments of a function that is verified on its own.",
        upstream: "\"bpf: add support for __arg_untrusted in global functions\" series (Linux 6.17).",
        corpus: "global_func",
        values: {
            Always = "always": "All.",
            Nullable = "nullable": "Those that may be NULL.",
        },
        needs: [],
    }
    untrusted_argument: UntrustedArgument = "untrusted-argument" {
        doc: "Whether an argument of a global function may be tagged `arg:untrusted`.",
        upstream: "\"bpf: add support for __arg_untrusted in global functions\" series (Linux 6.17).",
        corpus: "untrusted_argument",
        values: {
            Unknown = "unknown": "There is no such tag.",
            Known = "known": "It may: anything is passed, and what lies behind it can only be read.",
        },
        needs: [Prerequisite::new("known", "function-arguments", "by-tag")],
    }
    union_arguments: UnionArguments = "union-arguments" {
        doc: "Whether a function of the kernel that takes a union can be traced.",
        upstream: "\"bpf: Allow union argument in trampoline based programs\" (Linux 6.18).",
        corpus: "refused_targets",
        values: {
            Refused = "refused": "It cannot: the type is unsupported.",
            Taken = "taken": "It can: a union is passed as a structure of its size is.",
        },
        needs: [],
    }
    callback_map: CallbackMap = "callback-map" {
        doc: "Whether a callback for an inner map knows which one it is.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_calls",
        values: {
            AnyInner = "any-inner": "It does not: all inner maps of one kind are alike.",
            SameInner = "same-inner": "It does.",
        },
        needs: [],
    }
    tree_callback: TreeCallback = "tree-callback" {
        doc: "What is inside the callback of bpf_rbtree_add, where trees must not be changed.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Itself = "itself": "The callback.",
            Callees = "callees": "The callback and the functions that it calls.",
        },
        needs: [],
    }
    tree_node: TreeNode = "tree-node" {
        doc: "Which pointers bpf_rbtree_remove takes for a node.",
        upstream: "\"bpf: Allow refcounted bpf_rb_node used in bpf_rbtree_{remove,left,right}\" (Linux 6.16).",
        corpus: "switch_objects",
        values: {
            NonOwning = "non-owning": "Those that do not own it.",
            Any = "any": "Those, and those that own a reference.",
        },
        needs: [],
    }
    lock_calls: LockCalls = "lock-calls" {
        doc: "Which kernel functions may be called under a spin lock.",
        upstream: "\"bpf: Allow bpf_for/bpf_repeat calls while holding a spinlock\" (Linux 6.14).",
        corpus: "switch_calls",
        values: {
            Graphs = "graphs": "Those of lists and trees.",
            GraphsAndCounts = "graphs-and-counts": "Those, and numeric iterators.",
        },
        needs: [],
    }
    percpu_kptr: PercpuKptr = "percpu-kptr" {
        doc: "Whether a field for per-CPU objects takes only those.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            AnyObject = "any-object": "It takes any object of the type.",
            PercpuOnly = "percpu-only": "It does, and no other field takes them.",
        },
        needs: [],
    }
    flexible_array: FlexibleArray = "flexible-array" {
        doc: "Whether an offset behind an object that the program allocated is one in its flexible array.",
        upstream: "btf_struct_walk, between Linux 5.10 and 6.1, and a fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Structs = "structs": "It is, as in objects of the kernel, if the elements are structs.",
            Followed = "followed": "It is, as in objects of the kernel.",
            Kernel = "kernel": "Only in objects of the kernel.",
        },
        needs: [],
    }
    callback_sleep: CallbackSleep = "callback-sleep" {
        doc: "Whether callbacks of timers in a sleepable program may sleep.",
        upstream: "Between Linux 6.12 and 6.18.",
        corpus: "switch_calls",
        values: {
            Program = "program": "They may, as the program may.",
            Callback = "callback": "They may not; those of work queues may.",
        },
        needs: [],
    }
    global_call: GlobalCall = "global-call" {
        doc: "Where global functions may be called.",
        upstream: "\"bpf: Summarize sleepable global subprogs\" (Linux 6.15).",
        corpus: "switch_calls",
        values: {
            Preemptible = "preemptible": "Not where preemption is off.",
            MightSleep = "might-sleep": "Not where sleeping is forbidden, if they may sleep.",
        },
        needs: [],
    }
    array_key: ArrayKey = "array-key" {
        doc: "Whether a lookup of a constant, existing element of an array may be NULL.",
        upstream: "\"bpf: verifier: Support eliding map lookup nullness\" (Linux 6.14).",
        corpus: "switch_objects",
        values: {
            MaybeNull = "maybe-null": "It may.",
            NotNull = "not-null": "It may not.",
        },
        needs: [],
    }
    atomic_pointer: AtomicPointer = "atomic-pointer" {
        doc: "Whether an atomic instruction must see the same kind of pointer on all paths.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Arena = "arena": "Only as to the arena.",
            All = "all": "It must.",
        },
        needs: [],
    }
    nullable_buffer: NullableBuffer = "nullable-buffer" {
        doc: "Whether a buffer that may be NULL can be accessed.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Accessible = "accessible": "It can.",
            Refused = "refused": "It cannot.",
        },
        needs: [],
    }
    retval_load: RetvalLoad = "retval-load" {
        doc: "What is known of the return value that an LSM program loads from its context.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Narrowed = "narrowed": "What was known of the register before, and the range of the hook.",
            Fresh = "fresh": "The range of the hook.",
        },
        needs: [],
    }
    counted_owner: CountedOwner = "counted-owner" {
        doc: "Whose reference makes the result of bpf_refcount_acquire not NULL.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Type = "type": "A pointer that is not marked as not owning.",
            Reference = "reference": "Such a pointer that holds a reference.",
        },
        needs: [],
    }
    untrusted_write: UntrustedWrite = "untrusted-write" {
        doc: "Whether programs with writable kernel objects may write through untrusted pointers.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            Unchecked = "unchecked": "They may, to the members that they may write.",
            Refused = "refused": "Nobody may.",
        },
        needs: [],
    }
    path_limit: PathLimit = "path-limit" {
        doc: "The errno when too many paths are pending.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_calls",
        values: {
            ByPlace = "by-place": "EFAULT for branches and asynchronous callbacks, else ENOMEM.",
            TooBig = "too-big": "E2BIG.",
        },
        needs: [],
    }
    may_goto_next: MayGotoNext = "may-goto-next" {
        doc: "Whether may_goto may go to the next instruction.",
        upstream: "\"bpf: Allow 'may_goto 0' instruction in verifier\" (Linux 6.14).",
        corpus: "switch_calls",
        values: {
            Refused = "refused": "It may not.",
            Removed = "removed": "It may, and is removed.",
        },
        needs: [],
    }
    scalar_plus_pointer: ScalarPlusPointer = "scalar-plus-pointer" {
        doc: "What a number that a pointer is added to takes over from the pointer.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_objects",
        values: {
            TypeAndId = "type-and-id": "What is pointed at, type and id.",
            Whole = "whole": "All, its reference and frame included.",
        },
        needs: [],
    }
    arena_operand: ArenaOperand = "arena-operand" {
        doc: "What arithmetic of a number with an arena pointer as second operand gives.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_arena",
        values: {
            Pointer = "pointer": "What it gives with any other pointer.",
            Arena = "arena": "An arena pointer.",
        },
        needs: [],
    }
    narrow_pointer: NarrowPointer = "narrow-pointer" {
        doc: "What comes of a load of part of a pointer in a context, behind its first byte.",
        upstream: "\"bpf: Reject narrower access to pointer ctx fields\" (Linux 6.17, carried back).",
        corpus: "switch_context",
        values: {
            Refused = "refused": "It is refused.",
            Unconvertible = "unconvertible": "It passes as one of a number, and the program is refused when its \
                                              accesses of contexts are converted.",
        },
        needs: [],
    }
    acquire_release: AcquireRelease = "acquire-release" {
        doc: "Whether there are loads that acquire and stores that release.",
        upstream: "\"bpf: Introduce load-acquire and store-release instructions\" (Linux 6.15).",
        corpus: "switch_objects",
        values: {
            Unknown = "unknown": "There are none.",
            Known = "known": "There are, of all sizes.",
        },
        needs: [],
    }
    member_pointer: MemberPointer = "member-pointer" {
        doc: "What a member of a kernel object is that points to something other than a struct.",
        upstream: "Between Linux 6.12 and 6.18.",
        corpus: "switch_objects",
        values: {
            Number = "number": "A number.",
            Memory = "memory": "Untrusted memory that can be read without bounds.",
        },
        needs: [],
    }
    rdonly_cast: RdonlyCast = "rdonly-cast" {
        doc: "What bpf_rdonly_cast casts to.",
        upstream: "\"bpf: Allow void* cast using bpf_rdonly_cast()\" (Linux 6.17).",
        corpus: "switch_objects",
        values: {
            Structs = "structs": "Structs.",
            StructsAndVoid = "structs-and-void": "Structs, and void, which gives untrusted memory.",
        },
        needs: [],
    }
    load_targets: LoadTargets = "load-targets" {
        doc: "Which kinds of pointers one load may see on different paths.",
        upstream: "Between Linux 6.12 and 6.18.",
        corpus: "switch_objects",
        values: {
            Objects = "objects": "Objects of the kernel, trusted or not.",
            ObjectsAndMemory = "objects-and-memory": "Those, and memory.",
        },
        needs: [],
    }
    rcu_function: RcuFunction = "rcu-function" {
        doc: "What a kernel function that is only good under RCU does elsewhere.",
        upstream: "Between Linux 6.12 and 6.18.",
        corpus: "switch_calls",
        values: {
            Untrusted = "untrusted": "It makes an iterator that cannot be used.",
            Refused = "refused": "It is refused; what it gives is protected by RCU.",
        },
        needs: [],
    }
    callbacks: Callbacks = "callbacks" {
        doc: "How often the body of a callback is walked that runs before the call returns.",
        upstream: "\"bpf: verify callbacks as if they are called unknown number of times\" (Linux 6.7).",
        corpus: "callback_rounds",
        values: {
            Once = "once": "Once, in the caller's path; behind it the call has returned.",
            Converge = "converge": "Until its effects repeat, and not at all.",
        },
        // A walk back from a later turn goes through the call, and only a recorded history tells where it leaves it.
        needs: [Prerequisite::new("converge", "backtracking", "recorded")],
    }
    global_functions: GlobalFunctions = "global-functions" {
        doc: "Which global functions are verified, and when.",
        upstream: "\"bpf: validate global subprogs lazily\" (Linux 6.8).",
        corpus: "global_order",
        values: {
            AllFirst = "all-first": "All, before the main program.",
            CalledAfter = "called-after": "Those that reachable code calls, after it.",
        },
        needs: [],
    }
    return_range: ReturnRange = "return-range" {
        doc: "What a returned number is held to.",
        upstream: "\"bpf: enforce precise retval range on program exit\" (Linux 6.8).",
        corpus: "return_range",
        values: {
            Bits = "bits": "Its known bits fit those of a range.",
            Range = "range": "Its signed range lies in the allowed one.",
        },
        needs: [],
    }
    function_arguments: FunctionArguments = "function-arguments" {
        doc: "What is known of the arguments of the program's functions.",
        upstream: "\"bpf: Support pointers in global func args\" (Linux 5.12), and \"bpf: move subprog call logic back to verifier.c\" and \"bpf: reuse btf_prepare_func_args() check for main program BTF validation\" (Linux 6.8).",
        corpus: "global_order",
        values: {
            ByKind = "by-kind": "Whether they are numbers or the context; nothing else can be given.",
            ByType = "by-type": "What their types say; at the call of a static function, and of the main program, a pointer must be to the context.",
            ByTag = "by-tag": "What their types and tags say; a dynptr is one.",
        },
        needs: [],
    }
    instruction_set: InstructionSet = "instruction-set" {
        doc: "Which instructions there are.",
        upstream: "\"bpf: Rename BPF_XADD and prepare to encode other atomics in .imm\" and the series around it (Linux 5.12), \"bpf: Add bpf_for_each_map_elem() helper\" and \"bpf: Support bpf program calling kernel function\" (Linux 5.13), and the series \"bpf: Support new sign-extension load insns\" (Linux 6.6).",
        corpus: "instructions",
        values: {
            V3Xadd = "v3-xadd": "Those of -mcpu=v3, but of atomic operations the addition alone; no addresses of functions, no calls of the kernel's functions, no long jumps. The second half of a load of 64 bits is an instruction of its own.",
            V3 = "v3": "Those of the compiler's -mcpu=v3, and long jumps.",
            V4 = "v4": "Those of -mcpu=v4, too: loads and moves that extend the sign, signed division, byte swaps; and may_goto and casts between address spaces.",
        },
        needs: [],
    }
    argument_kinds: ArgumentKinds = "argument-kinds" {
        doc: "Which kinds of pointers helpers take.",
        upstream: "check_reg_type and its tables of kinds, between Linux 5.10 and 6.12.",
        corpus: "switch_arguments",
        values: {
            Bare = "bare": "Pointers without trust, each of exactly the kind; keys and values of maps lie in stacks, packets and values of maps; what is released is asked for only when it is.",
            Plain = "plain": "Pointers without trust; keys and values of maps lie in stacks, packets and maps.",
            Objects = "objects": "Trusted ones and objects of the program, too; keys and values lie in any memory.",
        },
        needs: [],
    }
    size_zero: SizeZero = "size-zero" {
        doc: "What is checked of a size that may be zero and must not be.",
        upstream: "\"bpf: Simplify checking size of helper accesses\" (Linux 6.8).",
        corpus: "switch_arguments",
        values: {
            Accessed = "accessed": "The access of no bytes, before that of the most.",
            Refused = "refused": "It is refused at once.",
        },
        needs: [],
    }
    dynptrs: Dynptrs = "dynptrs" {
        doc: "What is known of dynptrs on the stack.",
        upstream: "\"bpf: Fix state pruning for STACK_DYNPTR stack slots\", \"bpf: Fix partial dynptr stack slot reads/writes\" and the series around them (Linux 6.3).",
        corpus: "dynptr",
        values: {
            Plain = "plain": "Which bytes are one, and which resource it holds; a store may go over it, and a slice outlives it.",
            Tracked = "tracked": "Each has an id: what overwrites it, or its part, ends it and its slices.",
        },
        needs: [],
    }
    kfunc_arguments: KfuncArguments = "kfunc-arguments" {
        doc: "What decides which kind an argument of a kernel function is.",
        upstream: "\"bpf: Rewrite kfunc argument handling\" (Linux 6.2).",
        corpus: "kfunc_args",
        values: {
            ByRegister = "by-register": "The register first: an object, or else memory.",
            ByKind = "by-kind": "The declaration, by names and tags.",
        },
        needs: [],
    }
    back_edges: BackEdges = "back-edges" {
        doc: "Which edges of the program may go back to close a loop.",
        upstream: "check_cfg, between Linux 6.1 and 6.12.",
        corpus: "subprog",
        values: {
            Jumps = "jumps": "Those of jumps, and references to functions.",
            Any = "any": "All, calls included.",
        },
        needs: [],
    }
    lock_reach: LockReach = "lock-reach" {
        doc: "Whether the program's own functions may be called while a lock is held, and end with it.",
        upstream: "\"bpf: Allow calling static subprogs while holding a bpf_spin_lock\" (Linux 6.9).",
        corpus: "switch_rules",
        values: {
            Function = "function": "They may not.",
            Program = "program": "Static ones may; the program must not end with it.",
        },
        needs: [],
    }
    immediate_store: ImmediateStore = "immediate-store" {
        doc: "What holds of the store of an immediate, and not of that of a register.",
        upstream: "\"bpf: allow ctx writes using BPF_ST_MEM instruction\" (Linux 6.4).",
        corpus: "switch_rules",
        values: {
            Apart = "apart": "It may not be into the context, and does not count for what an instruction may be executed with.",
            Alike = "alike": "Nothing.",
        },
        needs: [],
    }
    packet_changes: PacketChanges = "packet-changes" {
        doc: "Whether a call of a global function that changes packets ends what is known of packet pointers.",
        upstream: "\"bpf: track changes_pkt_data property for global functions\" (Linux 6.13, carried back).",
        corpus: "switch_rules",
        values: {
            Ignored = "ignored": "It does not.",
            Followed = "followed": "It does.",
        },
        needs: [],
    }
    object_members: ObjectMembers = "object-members" {
        doc: "What pointers are worth that are loaded from objects of the kernel.",
        upstream: "\"bpf: Allow trusted pointers to be passed to KF_TRUSTED_ARGS kfuncs\" (Linux 6.2), \"bpf: Refactor RCU enforcement in the verifier\" (Linux 6.4), and what is around them.",
        corpus: "switch_rules",
        values: {
            Plain = "plain": "As much as any, unless they are tagged, or the object is untrusted.",
            Trusted = "trusted": "As much as their object's trust and lists of fields say; those out of unions are untrusted.",
        },
        needs: [],
    }
    typed_functions: TypedFunctions = "typed-functions" {
        doc: "Whether a function of the kernel may be named by its type where a variable may be.",
        upstream: "\"bpf: Allow ld_imm64 instruction to point to kfunc\" (Linux 6.4).",
        corpus: "switch_rules",
        values: {
            Refused = "refused": "It may not.",
            Named = "named": "It may.",
        },
        needs: [],
    }
    exceptions: Exceptions = "exceptions" {
        doc: "Whether a function is a callback for exceptions by a tag of the main program.",
        upstream: "\"bpf: Add support for custom exception callbacks\" (Linux 6.7).",
        corpus: "log_words",
        values: {
            Unknown = "unknown": "The tag says nothing, and there are no exceptions.",
            Caught = "caught": "It is.",
        },
        needs: [],
    }
    attach_check: AttachCheck = "attach-check" {
        doc: "When it is looked at what a program attaches to.",
        upstream: "`bpf_check`, between Linux 6.1 and 6.12.",
        corpus: "attach_order",
        values: {
            First = "first": "Before addresses are resolved and the flow of control is checked.",
            AfterFlow = "after-flow": "After both.",
        },
        needs: [],
    }
    helper_writes: HelperWrites = "helper-writes" {
        doc: "Which memory a helper is taken to write that it is given.",
        upstream: "\"bpf: Fix helper writes to read-only maps\" (Linux 6.12).",
        corpus: "helper_writes",
        values: {
            Raw = "raw": "What need not be initialised, if its size is a constant; all other is read.",
            Declared = "declared": "What its prototype says.",
        },
        needs: [],
    }
    flow_keys: FlowKeys = "flow-keys" {
        doc: "What may be added to the pointer to a flow dissector's keys.",
        upstream: "\"bpf: Reject variable offset alu on PTR_TO_FLOW_KEYS\" (Linux 6.8).",
        corpus: "flow_keys",
        values: {
            Any = "any": "Any number; an access counts the constant part alone.",
            Constant = "constant": "A constant.",
        },
        needs: [],
    }
    map_checks: MapChecks = "map-checks" {
        doc: "Which maps programs may not use because of when they run.",
        upstream: "check_map_prog_compatibility, between Linux 5.10 and 6.12.",
        corpus: "map_checks",
        values: {
            Allocation = "allocation": "Those with locks in programs that trace and socket filters; tables that allocate at run time in programs of perf events and in such as may sleep.",
            SleepingLocks = "sleeping-locks": "Those with locks there, and in programs that may sleep.",
            Locks = "locks": "Those with locks in programs that trace, writable tracepoints included, and socket filters.",
        },
        needs: [],
    }
    operand_order: OperandOrder = "operand-order" {
        doc: "Which operand of a comparison is looked at first.",
        upstream: "check_cond_jmp_op, between Linux 5.10 and 6.1.",
        corpus: "old_order",
        values: {
            SourceFirst = "source-first": "The second.",
            DestinationFirst = "destination-first": "The first.",
        },
        needs: [],
    }
    bpf_memory: BpfMemory = "bpf-memory" {
        doc: "What memory of maps and programs is charged to.",
        upstream: "The series \"bpf: switch to memcg-based memory accounting\" (Linux 5.11).",
        corpus: "map_memory",
        values: {
            Memlock = "memlock": "The memory that their user may lock, by what they may take at most; a map of 4 GiB is too large.",
            Memcg = "memcg": "The control group, by what they take: of no account here.",
        },
        needs: [],
    }
    }
}
