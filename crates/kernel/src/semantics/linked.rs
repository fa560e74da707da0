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
    }
}
