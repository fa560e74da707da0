//! The log's wording and form.

switches! {
    /// The log's wording and form.
    Log = "log" {
    }
}
