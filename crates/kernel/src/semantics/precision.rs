//! Which scalars must be known precisely.

switches! {
    /// Which scalars must be known precisely.
    Precision = "precision" {
    }
}
