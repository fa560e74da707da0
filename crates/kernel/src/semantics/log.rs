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
    state_form: StateForm = "state-form" {
        doc: "How a state is written.",
        upstream: "\"bpf: Small BPF verifier log improvements\" (Linux 5.18), and \"bpf: omit default off=0 and imm=0 in register state log\", \"bpf: smarter verifier log number printing logic\" and the series around them (Linux 6.8).",
        corpus: "bounded_loop",
        values: {
            Whole = "whole": "As plain, but numbers are called inv, ids stand even where there is none, and ranges have their full names.",
            Plain = "plain": "Each attribute of a pointer, numbers decimal, ranges one by one; of what is spilled the kind, or the number if it is known.",
            Folded = "folded": "Attributes that are not zero, large numbers hexadecimal, equal ranges together; what is spilled as what is in registers.",
        },
        needs: [],
    }
    read_slots: ReadSlots = "read-slots" {
        doc: "Whether the stack slots that a load reads are shown behind it.",
        upstream: "check_stack_read_fixed_off, between Linux 6.1 and 6.12.",
        corpus: "slot_contents",
        values: {
            Hidden = "hidden": "They are not, only those that are written.",
            Shown = "shown": "They are.",
        },
        needs: [],
    }
    global_words: GlobalWords = "global-words" {
        doc: "What is said of global functions.",
        upstream: "\"bpf: emit global subprog name in verifier logs\" and \"bpf: validate global subprogs lazily\" (Linux 6.8).",
        corpus: "global_order",
        values: {
            Number = "number": "Their number, and that they are valid.",
            Name = "name": "Their name, too, and that they are assumed to be valid.",
        },
        needs: [],
    }
    loop_states: LoopStates = "loop-states" {
        doc: "Whether the two states are shown that give an endless loop away.",
        upstream: "\"bpf: print full verifier states on infinite loop detection\" (Linux 6.7).",
        corpus: "bounded_loop",
        values: {
            Hidden = "hidden": "They are not.",
            Shown = "shown": "They are.",
        },
        needs: [],
    }
    source_place: SourcePlace = "source-place" {
        doc: "What stands with lines of the source.",
        upstream: "\"bpf: emit source code file name and line number in verifier log\" (Linux 6.9).",
        corpus: "global_order",
        values: {
            None = "none": "Nothing; each record of a line is shown.",
            Shown = "shown": "File and line; what is the same line as before is not shown again.",
        },
        needs: [],
    }
    type_names: TypeNames = "type-names" {
        doc: "What memory of a ring buffer is called, and how the flags of a type stand before it.",
        upstream: "\"bpf: Replace PTR_TO_XXX_OR_NULL with PTR_TO_XXX | PTR_MAYBE_NULL\" and the series around it (Linux 5.17), \"bpf: Rename MEM_ALLOC to MEM_RINGBUF\" (Linux 6.2), and reg_type_str since then.",
        corpus: "switch_arguments",
        values: {
            Kinds = "inv": "mem, as other memory; numbers are inv, and a buffer is rdonly_buf or rdwr_buf.",
            OneFlag = "alloc": "alloc_mem; of several flags the last.",
            AllFlags = "ringbuf": "ringbuf_mem; all flags.",
        },
        needs: [],
    }
    call_words: CallWords = "call-words" {
        doc: "What is said of calls, their arguments and other pointers that are refused, and of too many maps.",
        upstream: "check_helper_call and what it calls, between Linux 5.10 and 6.12.",
        corpus: "switch_arguments",
        values: {
            Old = "old": "As first, but of a pointer that was changed only that it was, and of one that may be NULL, unless it is to a map's value, not that it should be checked.",
            First = "first": "unknown func, and other words of Linux 6.1.",
            Later = "later": "program of this type cannot use helper, and others of Linux 6.12.",
        },
        needs: [],
    }
    call_results: CallResults = "call-results" {
        doc: "Whether R0 is shown behind the call of a kernel function, whatever else it touches.",
        upstream: "check_kfunc_call, between Linux 6.1 and 6.12.",
        corpus: "kfunc",
        values: {
            Hidden = "hidden": "It is not.",
            Shown = "shown": "It is.",
        },
        needs: [],
    }
    shown_links: ShownLinks = "shown-links" {
        doc: "Which linked numbers are shown behind a comparison that they learn from.",
        upstream: "sync_linked_regs, Linux 7.0.",
        corpus: "links",
        values: {
            Compared = "compared": "Those that were compared.",
            Told = "told": "All.",
        },
        needs: [],
    }
    shown_states: ShownStates = "shown-states" {
        doc: "What of a state is shown, where, and at which level backtracking is.",
        upstream: "\"bpf: Only print scratched registers and stack slots to verifier logs.\" and \"bpf: Right align verifier states in verifier logs.\" (Linux 5.17).",
        corpus: "bounded_loop",
        values: {
            Whole = "whole": "All of it, before each instruction, behind each jump, and at accesses to memory of a known size; backtracking at level 1, too.",
            Touched = "touched": "What was touched since, behind the instruction; backtracking at level 2.",
        },
        needs: [],
    }
    log_buffer: LogBuffer = "log-buffer" {
        doc: "What a buffer keeps of a log that is longer.",
        upstream: "\"bpf: Switch BPF verifier log to be a rotating log by default\" (Linux 6.4).",
        corpus: "bounded_loop",
        values: {
            KeepsStart = "keeps-start": "The start; once it is full nothing is set back in it, and the load fails. Buffers of less than 128 bytes are refused.",
            Rolls = "rolls": "The end, unless the start is asked for.",
        },
        needs: [],
    }
    }
}
