//! The graph of states: checkpoints, pruning, liveness, loops.

switches! {
    /// The graph of states: checkpoints, pruning, liveness, loops.
    Graph = "graph" {
    }
}
