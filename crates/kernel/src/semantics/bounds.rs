//! Ranges of numbers, and what branches and arithmetic make of them.

switches! {
    /// Ranges of numbers, and what branches and arithmetic make of them.
    Bounds = "bounds" {
        deduction_rounds: DeductionRounds = "deduction-rounds" {
            doc: "How often the ranges of a register learn from each other before its bits do.",
            upstream: "\"bpf: derive smin/smax from umin/max bounds\" and what follows it, Linux 6.8; \"bpf: Add third round of bounds deduction\", Linux 6.17.",
            corpus: "bounds",
            values: {
                BySign = "by-sign": "Once, each width by itself and by its sign; from the other width a value learns where it changes its width, and when it is compared.",
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
            upstream: "\"bpf, tnums: Provably sound, faster, and more precise algorithm for tnum_mul\", Linux 5.14, and \"bpf: Improve the general precision of tnum_mul\", Linux 6.18.",
            corpus: "bounds",
            values: {
                Masks = "half-multiply": "The known parts are multiplied, and the unknown part of each factor, moved to each bit of the other, is added.",
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
            upstream: "reg_type_not_null, later reg_not_null, between Linux 6.1 and 6.12, and between 6.18 and 7.2.",
            corpus: "bounds_pointer",
            values: {
                FewKinds = "few-kinds": "Sockets but those of XDP, map keys and values.",
                Kinds = "kinds": "Some kinds: sockets but those of XDP, map keys and values, maps, memory, trusted objects.",
                KindsWithin = "kinds-within-offset": "Those kinds, XDP sockets and buffers, while the variable offset is limited.",
            },
            needs: [],
        }
        equal_pointer: EqualPointer = "equal-pointer" {
            doc: "Which pointer proves that one equal to it is not NULL.",
            upstream: "\"bpf: propagate nullness information for reg to reg comparisons\" (Linux 6.2); check_cond_jmp_op, between Linux 6.18 and 7.2.",
            corpus: "bounds_pointer",
            values: {
                None = "none": "None.",
                Unflagged = "unflagged": "One without the NULL flag.",
                Proven = "never-null": "One that is known not to be NULL.",
            },
            needs: [],
        }
        compared_numbers: ComparedNumbers = "compared-numbers" {
            doc: "Which comparisons of two numbers are decided, and teach.",
            upstream: "\"bpf: generalize reg_set_min_max() to handle two sets of two registers\" and what precedes it, Linux 6.8.",
            corpus: "known_numbers",
            values: {
                WithConstants = "with-constants": "Those with a known number; two unknown numbers teach when they are equal. What is unequal teaches nothing, unless it is known.",
                Any = "any": "All, by their ranges.",
            },
            needs: [],
        }
        unknown_operand: UnknownOperand = "unknown-operand" {
            doc: "What is computed when the second operand of arithmetic is not known.",
            upstream: "\"bpf/verifier: refactor checks for range computation\", Linux 6.11.",
            corpus: "known_numbers",
            values: {
                Additive = "sums-and-masks": "Sums, differences and intersections; what is not computed of a known operand is zero in its upper half after a 32-bit operation.",
                Computed = "computed": "All but shifts and quotients; what is not computed may be any 64-bit number.",
            },
            needs: [],
        }
        contradiction: Contradiction = "contradiction" {
            doc: "What is done about ranges of a register that contradict each other, and what becomes of those in bitwise operations.",
            upstream: "\"bpf: add register bounds sanity checks and sanitization\", Linux 6.8; \"bpf: Harden and/or/xor value tracking in verifier\", Linux 6.10, which tells only such ranges apart.",
            corpus: "outcomes",
            values: {
                Unnoticed = "unnoticed": "Nothing; a bitwise result has a signed range if its operands are not negative.",
                Reported = "reported": "It is said, and the ranges are forgotten; a bitwise result has a signed range if its unsigned one does not cross the sign boundary.",
                DeadBranch = "dead-branch": "A branch in which an operand of the comparison has such ranges is not taken; elsewhere as before.",
            },
            needs: [],
        }
        single_value: SingleValue = "single-value" {
            doc: "Whether a number is known when its unsigned 64-bit range has only one that its known bits allow.",
            upstream: "\"bpf: Improve bounds when tnum has a single possible value\", Linux 7.0.",
            corpus: "outcomes",
            values: {
                Unseen = "unseen": "Not by that.",
                Known = "known": "It is.",
            },
            needs: [],
        }
        same_register: SameRegister = "same-register" {
            doc: "What a comparison of a register with itself decides.",
            upstream: "\"bpf: Skip bounds adjustment for conditional jumps on same scalar register\", Linux 6.19.",
            corpus: "outcomes",
            values: {
                Ranges = "by-ranges": "What its ranges do, as of two registers.",
                Decided = "decided": "It is equal to itself, whatever it is; where that decides nothing, nothing is learnt.",
            },
            needs: [],
        }
        quotient_range: QuotientRange = "quotient-range" {
            doc: "What is known of quotients and remainders.",
            upstream: "\"bpf: Add interval and tnum analysis for signed and unsigned BPF_DIV\" and the same of BPF_MOD, Linux 7.0.",
            corpus: "quotients",
            values: {
                Unknown = "unknown": "Nothing.",
                Constant = "by-constant": "The range of those by a known number.",
            },
            needs: [],
        }
        swapped_bytes: SwappedBytes = "swapped-bytes" {
            doc: "What is known of a number whose bytes were swapped or cut off by a byte-order instruction.",
            upstream: "\"bpf: Add bitwise tracking for BPF_END\", Linux 7.0.",
            corpus: "outcomes",
            values: {
                Unknown = "unknown": "Nothing.",
                Bits = "bits": "Its bits.",
            },
            needs: [],
        }
        cpu_number: CpuNumber = "cpu-number" {
            doc: "What is known of the number of the executing CPU.",
            upstream: "do_refine_retval_range, between Linux 6.1 and 6.12.",
            corpus: "switch_arguments",
            values: {
                Any = "any": "Nothing.",
                Possible = "possible": "It is less than the number of possible CPUs.",
            },
            needs: [],
        }
        low_bits: LowBits = "low-bits" {
            doc: "From what the bits of the low half are learnt, when the ranges tell some.",
            upstream: "\"bpf: fix __reg_bound_offset 64->32 var_off subreg propagation\" (Linux 6.3).",
            corpus: "low_bits",
            values: {
                Before = "before": "From those that were known before.",
                Whole = "whole": "From those that the whole register's ranges tell, too.",
            },
            needs: [],
        }
    }
}
