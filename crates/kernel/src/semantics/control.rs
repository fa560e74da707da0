//! Instructions, calls, resources, and what is checked around the walk.

switches! {
    /// Instructions, calls, resources, and what is checked around the walk.
    Control = "control" {
    }
}
