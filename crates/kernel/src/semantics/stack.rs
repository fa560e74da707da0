//! The stack: spills, fills, zeroes, depth.

use super::Prerequisite;

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
        // A slot whose zero is needed must be found by walking back, by whatever register it was stored.
        needs: [Prerequisite::new("imprecise-scalar", "backtracking", "recorded")],
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
    unknown_spill: UnknownSpill = "unknown-spill" {
        doc: "What a register with any number leaves in an aligned stack slot.",
        upstream: "\"bpf: Track spilled unbounded scalars\", Linux 6.9.",
        corpus: "slot_contents",
        values: {
            Bytes = "bytes": "Unknown data.",
            Scalar = "scalar": "A spilled scalar, of which nothing is known.",
        },
        needs: [],
    }
    narrow_fill: NarrowFill = "narrow-fill" {
        doc: "What a load of a part of a spilled number knows of it.",
        upstream: "\"bpf: Preserve boundaries and track scalars on narrowing fill\" (Linux 6.9), and \"bpf: preserve constant zero when doing partial register restore\" (Linux 6.8).",
        corpus: "slot_contents",
        values: {
            SameSize = "same-size": "Nothing, unless it has the size of the spill. Beside the spill zero bytes may not be read.",
            Ranges = "ranges": "Its range, if it starts where the spill does; zero, if it is.",
        },
        needs: [],
    }
    zero_load: ZeroLoad = "zero-load" {
        doc: "Whether a zero loaded from zero bytes counts as needed precisely.",
        upstream: "\"bpf: track aligned STACK_ZERO cases as imprecise spilled registers\" and the series around it, Linux 6.8.",
        corpus: "slot_contents",
        values: {
            Precise = "precise": "It does: it was when it was stored.",
            Imprecise = "imprecise": "It does not.",
        },
        needs: [],
    }
    partial_store: PartialStore = "partial-store" {
        doc: "What becomes of the zero bytes of a slot of which a spill takes others.",
        upstream: "\"bpf: preserve STACK_ZERO slots on partial reg spills\", Linux 6.8.",
        corpus: "slot_contents",
        values: {
            Unknown = "unknown": "They are unknown data.",
            Zero = "zero": "They stay zero.",
        },
        needs: [],
    }
    variable_zero: VariableZero = "variable-zero" {
        doc: "What a zero stored at an unknown offset leaves of a spilled zero.",
        upstream: "check_stack_write_var_off, between Linux 6.1 and 6.12.",
        corpus: "slot_contents",
        values: {
            Unknown = "unknown": "Unknown data.",
            Kept = "kept": "The spilled zero.",
        },
        needs: [],
    }
    variable_constant: VariableConstant = "variable-constant" {
        doc: "What a constant zero leaves where it is stored at an unknown offset.",
        upstream: "\"bpf: track immediate values written to stack by BPF_ST instruction\" (Linux 6.3).",
        corpus: "stored_constant",
        values: {
            Unknown = "unknown": "Unknown data, like any other constant.",
            Zero = "zero": "The zeros that are there, as zero in a register does.",
        },
        needs: [],
    }
    zero_immediate: ZeroImmediate = "zero-immediate" {
        doc: "What a stored constant zero leaves in an aligned stack slot.",
        upstream: "\"bpf: track aligned STACK_ZERO cases as imprecise spilled registers\" (Linux 6.8).",
        corpus: "slot_contents",
        values: {
            StackZero = "stack-zero": "Zero bytes.",
            Spilled = "spilled": "A spilled zero, like any other constant.",
        },
        needs: [],
    }
    frame_size: FrameSize = "frame-size" {
        doc: "In which units the stack of a function counts.",
        upstream: "check_max_stack_depth, between Linux 6.1 and 6.12.",
        corpus: "stack_depth",
        values: {
            ThirtyTwo = "thirty-two": "32 bytes, one unit at least.",
            Sixteen = "sixteen": "16 bytes.",
        },
        needs: [],
    }
    stack_room: StackRoom = "stack-room" {
        doc: "What makes room on the stack, and how deep a function counts as using it.",
        upstream: "\"bpf: Fix accesses to uninit stack slots\" (Linux 6.8, and releases before it).",
        corpus: "stack_depth",
        values: {
            Written = "written": "Writes make room, reads need it; the depth is that of the deepest access by its fixed offset.",
            Accessed = "accessed": "Each access makes room for its whole slots, and that is the depth.",
        },
        needs: [],
    }
    object_spill: ObjectSpill = "object-spill" {
        doc: "What is left of a spilled pointer to a kernel's object in memory that a helper uses.",
        upstream: "check_stack_range_initialized, between Linux 5.10 and 6.1.",
        corpus: "object_spill",
        values: {
            Kept = "kept": "The pointer.",
            Lost = "lost": "Unknown bytes, as of any other.",
        },
        needs: [],
    }
    }
}
