//! Answers system calls of another program: seccomp's user notification (seccomp_unotify(2)).
//!
//! [`Supervised::start`] runs a command under a [`Filter`] that names the system calls to be asked about; each of them, of the
//! command, of its threads and of its children, stops its task and becomes a [`Request`]. Whoever has the [`Supervised`]
//! looks at the [`Task`]'s memory and descriptors and gives a [`Reply`]: a value, an error, a descriptor that is put into the
//! task, or that the machine's own kernel is to be asked after all.
//!
//! No capability, no user namespace and no ptrace(2) are needed: the command gains no privileges by what it executes
//! (`PR_SET_NO_NEW_PRIVS`), and its memory is read as an ancestor may read it.
//!
//! **Architecture invariant:** this crate gives no meaning to a system call's arguments, and what needs unsafe code is in its
//! module `sys` alone.
//!
//! The same module asks the machine's own kernel by bpf(2), for those who want to know what it says:
//! [`btf_load`], [`map_create`], [`map_update`], [`map_freeze`], [`map_memory`], [`prog_load`].

mod filter;
mod supervised;
mod sys;
mod task;

pub use filter::{Action, Filter};
pub use supervised::{Ended, Reply, Request, StartError, Supervised};
pub use sys::{
    MapAttr, Mapped, ProgAttr, btf_load, map_create, map_freeze, map_memory, map_update, prog_load,
};
pub use sys::{ask_routes, memory_file, open_again, seal_size, seal_writes, take_message, unwritable_file};
pub use task::{Descriptor, Task};
