//! loader: to be described.
