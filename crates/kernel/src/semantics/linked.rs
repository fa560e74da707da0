//! Scalars that share an id.

switches! {
    /// Scalars that share an id.
    Linked = "linked" {
        unlinked_offset: UnlinkedOffset = "unlinked-offset" {
            doc: "What becomes of the constant between a scalar and those it is linked with, when arithmetic, a partial copy or a full set unlinks it.",
            upstream: "clear_scalar_id, between Linux 6.18 and 7.2.",
            corpus: "linked",
            values: {
                Kept = "kept": "It stays behind, and exact comparisons see it.",
                Cleared = "cleared": "It is forgotten.",
            },
            needs: [],
        }
        synced_link: SyncedLink = "synced-link" {
            doc: "What a scalar is linked with, after it learned from one that differs from it by a constant.",
            upstream: "sync_linked_regs keeps the register's own id, Linux 6.18.",
            corpus: "linked",
            values: {
                Other = "of-the-other": "The other's base, as if no constant lay between: a second comparison gives wrong sums, or none.",
                Own = "own": "As before.",
            },
            needs: [],
        }
        self_sum: SelfSum = "self-sum" {
            doc: "Whether `rX += rX` of a known number counts as the addition of a constant.",
            upstream: "adjust_reg_min_max_vals, between Linux 6.18 and 7.2.",
            corpus: "linked",
            values: {
                Linked = "constant": "It does, and the constant is taken from the sum.",
                Unlinked = "arithmetic": "It is arithmetic like any other, and unlinks.",
            },
            needs: [],
        }
        copy_link: CopyLink = "copy-link" {
            doc: "Which numbers a copy is linked with.",
            upstream: "check_alu_op, later assign_scalar_id_before_mov, between Linux 6.1 and 6.12.",
            corpus: "links",
            values: {
                Any = "any": "Any, known ones included, that are copied with all 64 bits.",
                Unknown = "unknown": "Unknown ones, copied with 32 bits if they fit, too.",
            },
            needs: [],
        }
        spill_link: SpillLink = "spill-link" {
            doc: "Whether a number is linked with what is kept of it on the stack.",
            upstream: "\"bpf: Assign ID to scalars on spill\", Linux 6.9.",
            corpus: "links",
            values: {
                Kept = "kept": "If it had a link before.",
                Given = "given": "Always, unless it is known.",
            },
            needs: [],
        }
        fill_link: FillLink = "fill-link" {
            doc: "Whether a number that is filled from the stack is linked with what stays there.",
            upstream: "check_stack_read_fixed_off, Linux 7.0.",
            corpus: "filled",
            values: {
                Kept = "kept": "If it had a link before.",
                Given = "given": "Always, unless it is known; of the low half, if it was spilled and has no other.",
            },
            needs: [],
        }
        constant_link: ConstantLink = "constant-link" {
            doc: "Whether the addition of a constant keeps a number linked.",
            upstream: "\"bpf: Track delta between linked registers\", Linux 6.11.",
            corpus: "linked_constants",
            values: {
                Lost = "lost": "No: any arithmetic unlinks it.",
                Kept = "kept": "Yes, with the constant.",
                Signed = "signed": "Yes; a constant that is negative, subtracted, or added to the low half of a number that fits into it, too.",
            },
            needs: [],
        }
        linked_sum: LinkedSum = "linked-sum" {
            doc: "Whether what a linked number learns of one that differs from it by a constant is made complete: its ranges and bits learn from each other.",
            upstream: "reg_bounds_sync in sync_linked_regs, between Linux 6.18 and 7.1.",
            corpus: "linked_constants",
            values: {
                Plain = "plain": "No.",
                Complete = "complete": "Yes.",
            },
            needs: [],
        }
        link_set: LinkSet = "link-set" {
            doc: "Which linked numbers learn from a comparison.",
            upstream: "\"bpf: Track equal scalars history on per-instruction level\", Linux 6.12.",
            corpus: "links",
            values: {
                All = "all": "All, in all frames.",
                Limited = "limited": "As many as the history has room for; the others are unlinked.",
                Live = "live": "As many as the history has room for, of stack slots and of registers that are read later; the others are unlinked, if they are read later.",
            },
            needs: [],
        }
    }
}
