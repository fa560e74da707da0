//! The log's wording and form.

switches! {
    /// The log's wording and form.
    Log = "log" {
    state_marks: StateMarks = "state-marks" {
        doc: "Whether the names of registers and stack slots have marks behind them: `R1_rw=0`.",
        upstream: "\"bpf: disable and remove registers chain based liveness\" (Linux 6.18).",
        corpus: "bounded_loop",
        values: {
            Shown = "shown": "r for read, w for written, D for states that no path can come back to.",
            Omitted = "omitted": "They have none.",
        },
        needs: [],
    }
    live_table: LiveTable = "live-table" {
        doc: "What stands at level 2 before the walk about registers that instructions may read.",
        upstream: "\"bpf: simple DFA-based live registers analysis\" (Linux 6.16), and \"bpf: compute SCCs in \
                   program control flow graph\" (Linux 6.17).",
        corpus: "bounded_loop",
        values: {
            None = "none": "Nothing.",
            Registers = "registers": "A line an instruction with the registers that are live before it.",
            LoopsAndRegisters = "loops-and-registers": "The same, with the number of the loop.",
        },
        needs: [],
    }
    bug_words: BugWords = "bug-words" {
        doc: "How contradictions in the verifier itself are reported, such as `REG INVARIANTS VIOLATION`.",
        upstream: "\"bpf: WARN_ONCE on verifier bugs\" (Linux 6.16).",
        corpus: "log_words",
        values: {
            Own = "own": "Each place in its own way: `verifier internal error: …`, `BUG …`, or the bare words.",
            Alike = "alike": "`verifier bug: …`, each ended by a newline.",
        },
        needs: [],
    }
    stack_words: StackWords = "stack-words" {
        doc: "What is said of a stack access that a helper makes outside the stack, or of memory without a value.",
        upstream: "\"bpf: verifier: Refactor helper access type tracking\" (Linux 6.14).",
        corpus: "log_words",
        values: {
            BySource = "by-source": "It is indirect: `invalid indirect access to stack`.",
            ByAccess = "by-access": "It reads or writes: `invalid write to stack`.",
        },
        needs: [],
    }
    pointer_words: PointerWords = "pointer-words" {
        doc: "What a field of a map that holds a pointer is called when an access to it is refused.",
        upstream: "\"bpf: Add uptr support in the map_value of the task local storage\" (Linux 6.13).",
        corpus: "log_words",
        values: {
            Kptr = "kptr": "kptr, always.",
            ByKind = "by-kind": "kptr, percpu_kptr or uptr.",
        },
        needs: [],
    }
    attach_words: AttachWords = "attach-words" {
        doc: "What is said when a tracing program must stay away from a function.",
        upstream: "\"bpf: Show precise rejected function when attaching fexit/fmod_ret to __noreturn functions\" and \
                   \"bpf: Add log for attaching tracing programs to functions in deny list\" (Linux 6.17).",
        corpus: "log_words",
        values: {
            Group = "group": "That it is a __noreturn function, without its name; of others nothing.",
            Name = "name": "The function's name.",
        },
        needs: [],
    }
    dynptr_reads: DynptrReads = "dynptr-reads" {
        doc: "Whether the stack slots of a dynptr that an instruction uses are shown behind it.",
        upstream: "\"bpf: Refactor mark_{dynptr,iter}_read\" (Linux 6.14).",
        corpus: "dynptr",
        values: {
            Hidden = "hidden": "They are not.",
            Shown = "shown": "They are, as those of an iterator.",
        },
        needs: [],
    }
    exception_call: ExceptionCall = "exception-call" {
        doc: "How the words about a direct call of an exception callback end.",
        upstream: "The newline was lost between Linux 6.12 and 6.18.",
        corpus: "log_words",
        values: {
            Line = "line": "With a newline.",
            Unended = "unended": "Without one: what follows stands on the same line.",
        },
        needs: [],
    }
    }
}
