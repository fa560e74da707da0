//! BPF programs that nobody wrote: made by chance from a seed, to be compared with what a real kernel says of them.
//!
//! | module | what it makes |
//! |---|---|
//! | [`mutate`] | objects in which single instructions are changed, or stretches of them are other programs' |
//! | [`structured`] | programs of branches, loops, iterators, callbacks, functions, spills, resources |
//! | [`calls`] | calls of helpers with arguments of all kinds |
//! | [`text`], [`object`] | programs as text, and objects of them that libbpf loads |
//! | [`shrink`] | a smaller program that shows the same |
//!
//! The same seed gives the same programs on every machine. Nothing here judges a program or asks anybody about it.

pub mod calls;
pub mod chance;
mod elf;
pub mod mutate;
pub mod object;
pub mod shrink;
pub mod structured;
pub mod text;
