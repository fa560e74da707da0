//! What a program holds and must give back.

mod refs;
