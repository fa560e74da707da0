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
    dynptr_reads: DynptrReads = "dynptr-reads" {
        doc: "Whether a dynptr that a call only reads is shown behind the call.",
        upstream: "\"bpf: callchain sensitive stack liveness tracking\" (Linux 6.18).",
        corpus: "dynptr",
        values: {
            Hidden = "hidden": "It is not.",
            Shown = "shown": "It is.",
        },
        needs: [],
    }
    }
}
