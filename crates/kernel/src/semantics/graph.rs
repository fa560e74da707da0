//! The graph of states: checkpoints, pruning, liveness, loops.

switches! {
    /// The graph of states: checkpoints, pruning, liveness, loops.
    Graph = "graph" {
    liveness: Liveness = "liveness" {
        doc: "Which registers and stack slots of an explored state count when it is compared.",
        upstream: "\"bpf: use register liveness information for func_states_equal\" (Linux 6.16), \
                   \"bpf: switch to new liveness tracking\" (Linux 6.18).",
        corpus: "liveness",
        values: {
            ReadMarks = "read-marks": "Those that a path from it has read: marks climb from state to parent.",
            MarksAndText = "marks-and-text": "The same; in loops, where all count, registers do that the program's text may read.",
            CallChains = "call-chains": "Registers that the program's text may read, and slots that instructions \
                                         of the same chain of calls were seen to read before they write.",
        },
        needs: [],
    }
    loop_model: LoopModel = "loop-model" {
        doc: "How a state is known to be part of a loop that is not walked to its end.",
        upstream: "\"bpf: compute SCCs in program control flow graph\" and \"bpf: use SCC info instead of \
                   loop_entry\" (Linux 6.17).",
        corpus: "loops",
        values: {
            None = "none": "It is not: a state that no path leads on from is finished.",
            LoopEntries = "loop-entries": "States name the outermost state of their loop; it is searched along them.",
            Components = "components": "Strongly connected components of the program: states that end a round \
                                        inside one are kept, and what their successors need is carried back \
                                        until nothing changes, when the component is left.",
        },
        needs: [],
    }
    peak_states: PeakStates = "peak-states" {
        doc: "What the footer's `peak_states` counts.",
        upstream: "\"bpf: free verifier states when they are no longer referenced\" (Linux 6.15), and \
                   \"bpf: include backedges in peak_states stat\" (Linux 6.17).",
        corpus: "loops",
        values: {
            NotFreed = "not-freed": "States made less states freed at eviction.",
            MostHeld = "most-held": "The most states held at any time: one that leaves its list is held while paths lead on from it, or, by \
                                     loop entries, while another names it.",
            MostHeldBackedges = "most-held-backedges": "The same, with the states that end a round of a loop.",
        },
        needs: [],
    }
    scalar_ids: ScalarIds = "scalar-ids" {
        doc: "When ids of precise scalars correspond.",
        upstream: "\"bpf: Relax scalar id equivalence for state pruning\" (after Linux 6.19, carried back).",
        corpus: "state_ids",
        values: {
            BothWays = "both-ways": "One to one, where a scalar without id counts as one that is linked to nothing.",
            OneWay = "one-way": "An explored scalar without id demands nothing; with an offset the ids of the \
                                 bases correspond, too.",
        },
        needs: [],
    }
    packet_end: PacketEnd = "packet-end" {
        doc: "How ranges of packet pointers compare that say at or beyond the packet's end.",
        upstream: "A change to the comparison of packet pointers after Linux 6.19, carried back.",
        corpus: "state_ids",
        values: {
            Ordered = "ordered": "Like numbers: they are negative, so less than any range.",
            Same = "same": "Only with the same fact.",
        },
        needs: [],
    }
    iter_type: IterType = "iter-type" {
        doc: "Whether iterators made under RCU and without compare as equal.",
        upstream: "A change to the comparison of iterators after Linux 6.19, carried back.",
        corpus: "state_ids",
        values: {
            Ignored = "ignored": "By their kind and progress alone.",
            Compared = "compared": "Protection must be the same, too.",
        },
        needs: [],
    }
    loop_comparison: LoopComparison = "loop-comparison" {
        doc: "How a state compares with one whose loop is not walked to its end.",
        upstream: "\"bpf: exact states comparison for iterator convergence checks\" (Linux 6.7); ranges since the series \
                   that brought may_goto (Linux 6.9).",
        corpus: "loops",
        values: {
            Same = "same": "Every value is the same.",
            RangeWithin = "range-within": "Ranges include the current ones, needed precisely or not.",
        },
        needs: [],
    }
    callback_loop: CallbackLoop = "callback-loop" {
        doc: "Which loop is closed where a call of a function that runs a callback meets a state that it came from.",
        upstream: "is_state_visited, between Linux 6.18 and 7.1.",
        corpus: "callback_rounds",
        values: {
            Before = "of-the-one-before": "That of the finished state that was compared before, if there is one, where loops are components; else none.",
            Own = "own": "That of the state it meets; such a call is a component of its own.",
        },
        needs: [],
    }
    singular_ids: SingularIds = "singular-ids" {
        doc: "What becomes, at a checkpoint, of a link that only one number has.",
        upstream: "bpf_clear_singular_ids in is_state_visited, Linux 7.0.",
        corpus: "callback_rounds",
        values: {
            Kept = "kept": "It stays, and is compared.",
            Cleared = "cleared": "It goes.",
        },
        needs: [],
    }
    widened_links: WidenedLinks = "widened-links" {
        doc: "Whether a number in a loop counts as changed when it is only linked with others.",
        upstream: "scalars_exact_for_widen, Linux 7.0.",
        corpus: "loop_links",
        values: {
            Compared = "compared": "It does.",
            Ignored = "ignored": "It does not.",
        },
        needs: [],
    }
    loop_entry_copy: LoopEntryCopy = "loop-entry-copy" {
        doc: "Whether a copy of a state is known to be part of the same loop.",
        upstream: "\"bpf: copy_verifier_state() should copy 'loop_entry' field\" (Linux 6.15, carried back).",
        corpus: "loops",
        values: {
            Forgotten = "forgotten": "No: a new copy is in no loop, and a path that resumes is in that of the path \
                                      that ended before it.",
            Copied = "copied": "Yes.",
        },
        needs: [],
    }
    eviction: Eviction = "eviction" {
        doc: "How often a state on the current path may match nothing before it leaves its list, at an instruction \
              where a checkpoint is always taken.",
        upstream: "\"bpf: exact states comparison for iterator convergence checks\" (Linux 6.7).",
        corpus: "loops",
        values: {
            Early = "early": "As often as elsewhere: more than three times as often as it matched, plus three.",
            Late = "late": "More than 64 times as often, plus 64: such states are what loops converge to.",
        },
        needs: [],
    }
    long_history: LongHistory = "long-history" {
        doc: "Whether a path that remembers more than forty instructions takes a checkpoint at the next chance.",
        upstream: "\"bpf: Force checkpoint when jmp history is too long\" (Linux 6.12).",
        corpus: "loops",
        values: {
            Kept = "kept": "No.",
            Checkpoint = "checkpoint": "Yes.",
        },
        needs: [],
    }
    endless_loop: EndlessLoop = "endless-loop" {
        doc: "How the current state compares with one before it on its path, apart from the registers of the executing function, which must be the same.",
        upstream: "\"bpf: exact states comparison for iterator convergence checks\" (Linux 6.7).",
        corpus: "state_bytes",
        values: {
            Needed = "needed": "By what was needed of that one so far.",
            Same = "same": "Every value is the same.",
        },
        needs: [],
    }
    pointer_comparison: PointerComparison = "pointer-comparison" {
        doc: "How pointers, references and locks of an explored state compare.",
        upstream: "\"bpf: regsafe() must not skip check_ids()\", \"bpf: states_equal() must build idmap for all function frames\" and the series around them (Linux 6.3).",
        corpus: "state_bytes",
        values: {
            Bytes = "bytes": "Byte by byte, ids included, but for what may be NULL and packets, whose ids correspond frame by frame. Ids of numbers do not matter.",
            Ids = "ids": "Their ids correspond, over all frames.",
        },
        needs: [],
    }
    slot_comparison: SlotComparison = "slot-comparison" {
        doc: "How stack slots compare.",
        upstream: "\"bpf: Optimize state pruning for spilled scalars\" (Linux 6.9).",
        corpus: "state_bytes",
        values: {
            Bytes = "bytes": "By the kind of each byte, then by what is spilled.",
            Scalars = "scalars": "As numbers, where a load of the slot gives one: unknown data stands for any number.",
        },
        needs: [],
    }
    locked_variables: LockedVariables = "locked-variables" {
        doc: "Whether each address of a map value with a lock in it, as an instruction names it, counts as another object.",
        upstream: "\"bpf: Allow locking bpf_spin_lock global variables\" (Linux 6.2).",
        corpus: "static_lock",
        values: {
            Each = "each": "It does.",
            Same = "same": "A map of such values has one only.",
        },
        needs: [],
    }
    forced_checkpoint: ForcedCheckpoint = "forced-checkpoint" {
        doc: "Whether a checkpoint that has to be taken, at the head of an open-coded loop or at every prune point on demand, is taken close behind one of the same path.",
        upstream: "\"bpf: ensure state checkpointing at iter_next() call sites\" (Linux 6.4).",
        corpus: "iter_num",
        values: {
            Spared = "spared": "No, as any other.",
            Taken = "taken": "Yes.",
        },
        needs: [],
    }
    }
}
