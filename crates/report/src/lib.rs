//! report: to be described.
