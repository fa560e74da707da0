//! The front door: a kernel that is played to an unmodified program.
//!
//! [`Play`] answers the system calls by which a program reaches BPF: bpf(2) itself, with verdict's own verifier behind it, and
//! what of the kernel around it is looked at by programs that load BPF: its name, types,
//! configuration, symbols, the file system of pins, perf events to attach to. What it knows of descriptors it reads from the
//! caller ([`verdict_notify::Task`]); what it has no model of it refuses by name ([`Happened`]), with the errno of a
//! kernel that lacks it.
//!
//! **Architecture invariant:** nothing here decides about a program, a map's attributes or a BTF: that is `syscall`'s and the
//! engine's, as for `check`.

mod attach;
mod batches;
mod bpf;
mod btfs;
mod contents;
mod devices;
mod events;
mod fdinfo;
mod files;
mod ids;
mod info;
mod kinds;
mod layout;
mod links;
mod lru;
mod maps;
mod memory;
mod message;
mod mounts;
mod netlink;
mod objects;
mod passed;
mod pins;
mod places;
mod play;
mod privileges;
mod proginfo;
mod progs;
mod records;
mod sha1;
mod slots;
mod stat;
mod table;
mod tracing;
mod trie;
mod untraced;

pub use play::{Call, Play};
pub use records::{Happened, Loaded, What};
