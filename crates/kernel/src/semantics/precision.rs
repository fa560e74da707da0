//! Which scalars must be known precisely.

switches! {
    /// Which scalars must be known precisely.
    Precision = "precision" {
    null_argument: NullArgument = "null-argument" {
        doc: "Whether a zero given for an argument that may be NULL must be known precisely.",
        upstream: "A fix that 6.12.117 and 7.2 have, and 6.18.15 has not.",
        corpus: "switch_precision",
        values: {
            Imprecise = "imprecise": "It need not: another number may be pruned against it.",
            Precise = "precise": "It must.",
        },
        needs: [],
    }
    null_kptr: NullKptr = "null-kptr" {
        doc: "Whether a zero stored into a field for a kernel pointer must be known precisely.",
        upstream: "A fix that 6.12.117 and 7.2 have, and 6.18.15 has not.",
        corpus: "switch_null_kptr",
        values: {
            Imprecise = "imprecise": "It need not: another number may be pruned against it.",
            Precise = "precise": "It must.",
        },
        needs: [],
    }
    storage_flags: StorageFlags = "storage-flags" {
        doc: "Whether the flags of bpf_get_local_storage, which must be zero, must be known precisely.",
        upstream: "A fix that 6.12.117 and 7.2 have, and 6.18.15 has not.",
        corpus: "switch_precision",
        values: {
            Imprecise = "imprecise": "It need not: another number may be pruned against it.",
            Precise = "precise": "It must.",
        },
        needs: [],
    }
    atomic_fetch: AtomicFetch = "atomic-fetch" {
        doc: "What an atomic instruction that returns the old value is for backtracking.",
        upstream: "A fix that 6.12.117 and 7.2 have, and 6.18.15 has not.",
        corpus: "switch_precision",
        values: {
            Store = "store": "A store only: who wants the register with the old value wants it before, too.",
            Load = "load": "A load of that register.",
        },
        needs: [],
    }
    callback_arguments: CallbackArguments = "callback-arguments" {
        doc: "What backtracking from a call into its callback does with R1 to R5 that the call needs precisely.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_precision",
        values: {
            Dropped = "dropped": "They are not wanted any more.",
            Kept = "kept": "They stay wanted before the callback.",
        },
        needs: [],
    }
    backtracking: Backtracking = "backtracking" {
        doc: "How far, and by what, a precise number is traced back.",
        upstream: "\"bpf: support precision propagation in the presence of subprogs\" (Linux 6.4), and \"bpf: support non-r10 register spill/fill to/from stack in precision tracking\" (Linux 6.8).",
        corpus: "precise_stack",
        values: {
            Syntactic = "syntactic": "Along the jumps of the path and in one frame: a slot is what r10 and a constant name, and a call or exit makes all numbers of the path precise. What a store names otherwise must be precise at once.",
            Recorded = "recorded": "Along the history, which has all accesses of stacks and linked numbers, and through calls.",
        },
        needs: [],
    }
    exit_value: ExitValue = "exit-value" {
        doc: "Whether the number that a program returns must be known precisely.",
        upstream: "\"bpf: enforce precision of R0 on program/async callback return\" (Linux 6.8).",
        corpus: "precise_stack",
        values: {
            Imprecise = "imprecise": "It need not.",
            Precise = "precise": "It must, where the kernel checks it.",
        },
        needs: [],
    }
    history_points: HistoryPoints = "history-points" {
        doc: "Where a path without a checkpoint notes that it came by, for walks back.",
        upstream: "\"bpf: decouple prune and jump points\" (Linux 6.2, and 6.1 since).",
        corpus: "bounded_loop",
        values: {
            PrunePoints = "prune-points": "Wherever a checkpoint could be, conditional jumps among them.",
            Jumps = "jumps": "Where a jump, a call or an exit leads.",
        },
        needs: [],
    }
    allocated_size: AllocatedSize = "allocated-size" {
        doc: "Whether the size that a helper allocates must be known precisely.",
        upstream: "\"bpf: Do mark_chain_precision for ARG_CONST_ALLOC_SIZE_OR_ZERO\" (Linux 6.0).",
        corpus: "references",
        values: {
            Imprecise = "imprecise": "No.",
            Precise = "precise": "Yes.",
        },
        needs: [],
    }
    }
}
