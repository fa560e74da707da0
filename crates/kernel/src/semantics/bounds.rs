//! Ranges of numbers, and what branches and arithmetic make of them.

switches! {
    /// Ranges of numbers, and what branches and arithmetic make of them.
    Bounds = "bounds" {
        deduction_rounds: DeductionRounds = "deduction-rounds" {
            doc: "How often the ranges of a register learn from each other before its bits do.",
            upstream: "\"bpf: Add third round of bounds deduction\", Linux 6.17.",
            corpus: "bounds",
            values: {
                Two = "two": "Two rounds.",
                Three = "three": "Three rounds.",
            },
            needs: [],
        }
        split_s64: SplitS64 = "split-s64" {
            doc: "Whether a signed 64-bit range that crosses zero and an unsigned one that meets only one of its sides narrow each other.",
            upstream: "\"bpf: Improve bounds when s64 crosses sign boundary\", Linux 6.17.",
            corpus: "bounds",
            values: {
                Ignored = "ignored": "They say nothing of each other.",
                Narrows = "narrows": "Both end where that side does.",
            },
            needs: [],
        }
        split_s32: SplitS32 = "split-s32" {
            doc: "Whether the same holds of the 32-bit ranges.",
            upstream: "The same rule in __reg32_deduce_bounds, Linux 7.0.",
            corpus: "bounds",
            values: {
                Ignored = "ignored": "They say nothing of each other.",
                Narrows = "narrows": "Both end where that side does.",
            },
            needs: [],
        }
        unequal_bits: UnequalBits = "unequal-bits" {
            doc: "Whether values that are known to differ in a bit decide `==` and `!=`.",
            upstream: "\"bpf: Use tnums for JEQ/JNE is_branch_taken logic\", Linux 6.17.",
            corpus: "bounds",
            values: {
                Open = "open": "Only constants and ranges decide.",
                Decide = "decide": "They do.",
            },
            needs: [],
        }
        wrapped_sum: WrappedSum = "wrapped-sum" {
            doc: "What is known of a sum or difference whose smallest and largest value both wrap.",
            upstream: "\"bpf, verifier: Improve precision for BPF_ADD and BPF_SUB\", Linux 6.17.",
            corpus: "bounds",
            values: {
                Unknown = "unknown": "No unsigned range.",
                Kept = "kept": "The range between the two.",
            },
            needs: [],
        }
        product_range: ProductRange = "product-range" {
            doc: "Which products have ranges.",
            upstream: "\"bpf, verifier: Improve precision of BPF_MUL\", Linux 6.14.",
            corpus: "bounds",
            values: {
                HalfWidth = "half-width": "Those of factors that are not negative and at most half as wide as the register.",
                Unless = "unless-overflow": "All in which no product of ends overflows.",
            },
            needs: [],
        }
        product_bits: ProductBits = "product-bits" {
            doc: "How the known bits of a product are computed.",
            upstream: "\"bpf: Improve the general precision of tnum_mul\", Linux 6.18.",
            corpus: "bounds",
            values: {
                Doubt = "sum-of-doubt": "The known parts are multiplied, and what is unknown is summed apart.",
                Union = "union": "An unknown bit of a factor adds a row or not: what both allow.",
            },
            needs: [],
        }
        shift_by_32: ShiftBy32 = "shift-by-32" {
            doc: "Whether `<<= 32` keeps the signed range of a low half that may be negative.",
            upstream: "__scalar64_min_max_lsh, between Linux 6.18 and 7.2.",
            corpus: "bounds",
            values: {
                NonNegative = "non-negative-ends": "Only an end that is not negative.",
                Both = "both-ends": "Both ends: the shift moves no sign.",
            },
            needs: [],
        }
        negation: Negation = "negation" {
            doc: "What is known of a number whose sign is changed by its own instruction.",
            upstream: "\"bpf: Add range tracking for BPF_NEG\", Linux 6.17.",
            corpus: "bounds",
            values: {
                Unknown = "unknown": "Nothing.",
                Difference = "difference": "What is known of 0 minus the number.",
            },
            needs: [],
        }
        sign_mask: SignMask = "sign-mask" {
            doc: "Whether `&=` and `|=` with a constant explore a number between -1 and 0 as either of the two.",
            upstream: "maybe_fork_scalars, Linux 7.0.",
            corpus: "bounds",
            values: {
                Range = "range": "It is a range like any other.",
                Fork = "fork": "The path forks.",
            },
            needs: [],
        }
        null_test_width: NullTestWidth = "null-test-width" {
            doc: "Which comparisons of a pointer with 0 are decided when the pointer is known not to be NULL.",
            upstream: "is_branch_taken, between Linux 6.18 and 7.2.",
            corpus: "bounds_pointer",
            values: {
                Any = "any": "Those of its low 32 bits, too, though they may well be zero.",
                Whole = "64-bit": "Only those of all 64 bits.",
            },
            needs: [],
        }
        never_null: NeverNull = "never-null" {
            doc: "Which pointers are known not to be NULL, having no NULL flag.",
            upstream: "reg_not_null, between Linux 6.18 and 7.2.",
            corpus: "bounds_pointer",
            values: {
                Kinds = "kinds": "Some kinds: sockets but those of XDP, map keys and values, maps, memory, trusted objects.",
                KindsWithin = "kinds-within-offset": "Those kinds, XDP sockets and buffers, while the variable offset is limited.",
            },
            needs: [],
        }
        equal_pointer: EqualPointer = "equal-pointer" {
            doc: "Which pointer proves that one equal to it is not NULL.",
            upstream: "check_cond_jmp_op, between Linux 6.18 and 7.2.",
            corpus: "bounds_pointer",
            values: {
                Unflagged = "unflagged": "One without the NULL flag.",
                Proven = "never-null": "One that is known not to be NULL.",
            },
            needs: [],
        }
    }
}
