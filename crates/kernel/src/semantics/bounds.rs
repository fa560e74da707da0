//! Ranges of numbers, and what branches and arithmetic make of them.

switches! {
    /// Ranges of numbers, and what branches and arithmetic make of them.
    Bounds = "bounds" {
    }
}
