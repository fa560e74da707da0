//! Kernel profiles: what one Linux release's verifier knows and how it decides, as data and look-up only.
//!
//! [`Kernel`] is the entry: the release's switches ([`semantics`]) and [`limits`], the machine's BTF,
//! configuration and symbols. Tables: [`helper`]s, [`kfunc`]s, program types ([`prog`]) and their contexts
//! ([`ctx`]), [`map`] types, [`lsm`] hooks, [`errno`] values, and the [`rule`]s that refusals name. What the
//! loader hands over is in [`attr`], the vocabulary of register and argument types in [`types`].
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod abi;
mod feature;
pub mod limits;
pub mod near;
pub mod printable;
mod profile;
pub mod rule;
pub mod semantics;
mod sorted;
mod symbols;
pub mod tables;

pub use abi::{attr, errno, prog, types};
pub use feature::Feature;
pub use limits::{Capabilities, Jit, Limits, Machine};
pub use profile::{
    Basis, Directory, DirectoryFile, FormError, KNOWN, Kernel, KernelBytes, KernelError, Known, Ksym,
    Packing, ProfileError, Prototypes, Release, Title, Unsure,
};
pub use semantics::{SWITCHES, Semantics, SwitchError};
pub use tables::{Tables, btf, ctx, helper, kfunc, lsm, map};
