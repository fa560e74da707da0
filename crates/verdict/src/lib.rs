//! Asks, for a BPF object and a chosen Linux kernel, what that kernel's verifier would answer.
//!
//! ```no_run
//! use verdict::{KernelChoice, Options, Verifier};
//!
//! let kernel = KernelChoice::default().open()?;
//! let verifier = Verifier::new(kernel, Options::default());
//! let bytes = std::fs::read("prog.bpf.o").map_err(|e| e.to_string())?;
//! let object = verifier.open("prog.bpf.o", &bytes).map_err(|e| e.to_string())?;
//! for (index, program) in object.programs().enumerate() {
//!     let answer = object.check(index);
//!     println!("{program}: {}", answer.record.verdict.name());
//! }
//! # Ok::<(), String>(())
//! ```
//!
//! The parts can be used by themselves: [`loader`] for what libbpf does, [`syscall`] for the kernel's side of
//! bpf(2), [`engine`] for the verifier, [`log`] for the kernel's log.

mod answer;
mod bridge;
mod choice;
mod embedded;
mod files;
mod last_words;
mod listen;
mod profile;
mod suite;
mod verifier;

pub use answer::{Answer, open_failure};
pub use choice::KernelChoice;
pub use files::{objects_in, read_object};
pub use listen::{Libbpf, LogEnd, LogOptions, NotLoaded};
pub use profile::{Profiled, Profiler};
pub use suite::{ReadFile, Suite, may_have_tests};
pub use verifier::{OpenObject, Options, Verifier};

pub use verdict_loader::{GlobalError, Globals};

pub use verdict_btf as btf;
pub use verdict_engine as engine;
pub use verdict_expect as expect;
pub use verdict_isa as isa;
pub use verdict_kernel as kernel;
pub use verdict_loader as loader;
pub use verdict_log as log;
pub use verdict_report as report;
pub use verdict_syscall as syscall;
