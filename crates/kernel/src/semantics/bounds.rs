//! Ranges of numbers, and what branches and arithmetic make of them.

switches! {
    /// Ranges of numbers, and what branches and arithmetic make of them.
    Bounds = "bounds" {
        deduction_rounds: DeductionRounds = "deduction-rounds" {
            doc: "How often the ranges of a register learn from each other before its bits do.",
            upstream: "\"bpf: Add third round of bounds deduction\", Linux 6.17.",
            corpus: "bounds.bpf.o: third_round",
            values: {
                Two = "two": "Two rounds.",
                Three = "three": "Three rounds.",
            },
            needs: [],
        }
        split_s64: SplitS64 = "split-s64" {
            doc: "Whether a signed 64-bit range that crosses zero and an unsigned one that meets only one of its sides narrow each other.",
            upstream: "\"bpf: Improve bounds when s64 crosses sign boundary\", Linux 6.17.",
            corpus: "bounds.bpf.o: split_s64",
            values: {
                Ignored = "ignored": "They say nothing of each other.",
                Narrows = "narrows": "Both end where that side does.",
            },
            needs: [],
        }
        split_s32: SplitS32 = "split-s32" {
            doc: "Whether the same holds of the 32-bit ranges.",
            upstream: "The same rule in __reg32_deduce_bounds, Linux 7.0.",
            corpus: "bounds.bpf.o: split_s32",
            values: {
                Ignored = "ignored": "They say nothing of each other.",
                Narrows = "narrows": "Both end where that side does.",
            },
            needs: [],
        }
        s32_into_64: S32Into64 = "s32-into-64" {
            doc: "Whether a signed 32-bit range that does not cross zero narrows the 64-bit ranges by itself.",
            upstream: "\"bpf: Simplify bounds refinement from s32\", Linux 6.18, takes it away: the unsigned 32-bit range says the same, a round later.",
            corpus: "bounds.bpf.o: s32_into_64",
            values: {
                Narrows = "narrows": "It does, as the unsigned one does.",
                Ignored = "ignored": "Only the unsigned one does.",
            },
            needs: [],
        }
        unequal_bits: UnequalBits = "unequal-bits" {
            doc: "Whether values that are known to differ in a bit decide `==` and `!=`.",
            upstream: "\"bpf: Use tnums for JEQ/JNE is_branch_taken logic\", Linux 6.17.",
            corpus: "bounds.bpf.o: unequal_bits",
            values: {
                Open = "open": "Only constants and ranges decide.",
                Decide = "decide": "They do.",
            },
            needs: [],
        }
        wrapped_sum: WrappedSum = "wrapped-sum" {
            doc: "What is known of a sum or difference whose smallest and largest value both wrap.",
            upstream: "\"bpf, verifier: Improve precision for BPF_ADD and BPF_SUB\", Linux 6.17.",
            corpus: "bounds.bpf.o: wrapped_sum",
            values: {
                Unknown = "unknown": "No unsigned range.",
                Kept = "kept": "The range between the two.",
            },
            needs: [],
        }
        product_range: ProductRange = "product-range" {
            doc: "Which products have ranges.",
            upstream: "\"bpf, verifier: Improve precision of BPF_MUL\", Linux 6.14.",
            corpus: "bounds.bpf.o: product_range",
            values: {
                HalfWidth = "half-width": "Those of factors that are not negative and at most half as wide as the register.",
                Unless = "unless-overflow": "All in which no product of ends overflows.",
            },
            needs: [],
        }
        product_bits: ProductBits = "product-bits" {
            doc: "How the known bits of a product are computed.",
            upstream: "\"bpf: Improve the general precision of tnum_mul\", Linux 6.18.",
            corpus: "bounds.bpf.o: product_bits",
            values: {
                Doubt = "sum-of-doubt": "The known parts are multiplied, and what is unknown is summed apart.",
                Union = "union": "An unknown bit of a factor adds a row or not: what both allow.",
            },
            needs: [],
        }
        shift_by_32: ShiftBy32 = "shift-by-32" {
            doc: "Whether `<<= 32` keeps the signed range of a low half that may be negative.",
            upstream: "__scalar64_min_max_lsh, between Linux 6.18 and 7.2.",
            corpus: "bounds.bpf.o: shift_by_32",
            values: {
                NonNegative = "non-negative-ends": "Only an end that is not negative.",
                Both = "both-ends": "Both ends: the shift moves no sign.",
            },
            needs: [],
        }
    }
}
