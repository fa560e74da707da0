//! log: to be described.
