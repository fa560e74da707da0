//! domain: to be described.
