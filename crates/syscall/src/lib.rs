//! syscall: to be described.
