//! Scalars that share an id.

switches! {
    /// Scalars that share an id.
    Linked = "linked" {
    }
}
