//! The stack: spills, fills, zeroes, depth.

switches! {
    /// The stack: spills, fills, zeroes, depth.
    Stack = "stack" {
    zero_spill: ZeroSpill = "zero-spill" {
        doc: "What a register known to be zero leaves in an aligned stack slot.",
        upstream: "\"bpf: track aligned STACK_ZERO cases as imprecise spilled registers\" (Linux 6.8).",
        corpus: "zero_spill",
        values: {
            StackZero = "stack-zero": "Zero bytes, which forces the register to be precise.",
            ImpreciseScalar = "imprecise-scalar": "A spilled scalar, which stays imprecise until needed.",
        },
        needs: [],
    }
    helper_access: HelperAccess = "helper-access" {
        doc: "What a helper that only reads a buffer on the stack leaves of it.",
        upstream: "\"bpf: verifier: Refactor helper access type tracking\" (Linux 6.14).",
        corpus: "switch_stack",
        values: {
            AsWrite = "as-write": "Unknown data, as if the helper wrote.",
            ByDirection = "by-direction": "What was there.",
        },
        needs: [],
    }
    variable_store: VariableStore = "variable-store" {
        doc: "What a store at an unknown offset leaves of what is kept in the slots that it may hit.",
        upstream: "A fix that 6.12.117 and 7.2 have, and 6.18.15 has not.",
        corpus: "switch_stack",
        values: {
            Erases = "erases": "Bytes that claim a spill, of nothing, where it does not hit.",
            Scrubs = "scrubs": "Unknown data in all bytes of the slot.",
        },
        needs: [],
    }
    may_goto_bound: MayGotoBound = "may-goto-bound" {
        doc: "What bounds a may_goto loop at run time, and so the stack that it takes.",
        upstream: "\"bpf: Add verifier support for timed may_goto\" (Linux 6.15).",
        corpus: "switch_stack",
        values: {
            Rounds = "rounds": "A counter of rounds, 8 bytes.",
            Time = "time": "A counter and a time, 16 bytes.",
        },
        needs: [],
    }
    frame_stacks: FrameStacks = "frame-stacks" {
        doc: "Which stack the frames of programs that may run within themselves lie on.",
        upstream: "\"bpf: Find eligible subprogs for private stack support\" (Linux 6.13).",
        corpus: "private_stack",
        values: {
            Common = "common": "All on one, whose limit is that of their sum.",
            Private = "private": "Those of 64 bytes and more each on one of its own, unless the program has tail calls; \
                                  the limit is that of the sum of the others.",
        },
        needs: [],
    }
    fastcall_entry: FastcallEntry = "fastcall-entry" {
        doc: "Whether a jump into the middle of a bpf_fastcall pattern ends the pattern there.",
        upstream: "A fix that 6.12.117 has, and neither 6.12.43 nor 6.18.15.",
        corpus: "switch_stack",
        values: {
            Anywhere = "anywhere": "It does not.",
            FirstSpill = "first-spill": "It does: only the first spill may be jumped to.",
        },
        needs: [],
    }
    }
}
