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
    }
}
