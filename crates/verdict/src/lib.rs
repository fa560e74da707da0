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
//! # Following a verification
//!
//! What the verifier does can be followed step by step: instructions, states, forks, checkpoints, why an
//! explored state stood for a path or did not, what was found to be needed precisely, calls and returns.
//! [`observer::Event`] lists it all; the kernel's log is written by such a listener, too ([`log::Log`]).
//!
//! ```
//! use verdict::observer::{Event, MissReason, Observer, Unlike};
//! use verdict::{KernelChoice, Options, Verifier};
//!
//! /// How much of a program is loops, and what keeps its paths apart.
//! #[derive(Default)]
//! struct Counts {
//!     insns: u32,
//!     pruned: u32,
//!     turns: u32,
//!     values: Vec<(u32, u8)>,
//! }
//!
//! impl Observer for Counts {
//!     fn event(&mut self, event: Event<'_>) {
//!         match event {
//!             Event::Insn { .. } => self.insns += 1,
//!             Event::Pruned { .. } => self.pruned += 1,
//!             Event::Miss { idx, reason, .. } => match reason {
//!                 MissReason::OnPath => self.turns += 1,
//!                 MissReason::Reg { reg, what: Unlike::Range { .. }, .. } => self.values.push((idx, reg.0)),
//!                 _ => {}
//!             },
//!             _ => {}
//!         }
//!     }
//! }
//!
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus")).map_err(|e| e.to_string())?;
//! let verifier = Verifier::new(KernelChoice::default().open()?, Options::default());
//! let bytes = std::fs::read("bounded_loop.bpf.o").map_err(|e| e.to_string())?;
//! let object = verifier.open("bounded_loop.bpf.o", &bytes).map_err(|e| e.to_string())?;
//! let nested = object.programs().position(|name| name == "nested").unwrap_or(0);
//! let (counts, result) = object.observe(nested, Counts::default());
//! let counts = counts.ok_or("the verifier was not asked")?;
//! assert!(result.is_ok());
//! // Each instruction counts, those at which a path ends because it was explored before, too.
//! assert_eq!(counts.insns + counts.pruned, 135);
//! // The heads of the loops came round with checkpoints of the same path.
//! assert_eq!(counts.turns, 12);
//! // There is one path only, so that no other value kept it from being pruned.
//! assert!(counts.values.is_empty());
//! # Ok::<(), String>(())
//! ```
//!
//! The parts can be used by themselves: [`loader`] for what libbpf does, [`syscall`] for the kernel's side of
//! bpf(2), [`engine`] for the verifier, [`log`] for the kernel's log.

mod answer;
mod bridge;
mod choice;
mod embedded;
mod explaining;
mod files;
mod lacking;
mod last_words;
mod listen;
mod need;
mod plan;
mod profile;
mod suite;
mod target;
mod verifier;
mod verifiers;
mod walk;
mod whole;
mod why;

pub use answer::{Answer, open_failure};
pub use choice::KernelChoice;
pub use explaining::Explaining;
pub use files::{objects_in, read_object};
pub use listen::{Libbpf, LogEnd, LogOptions, NotLoaded};
pub use plan::{FILE as PLAN_FILE, LeftOut, NEEDS, PlanSource, Plans};
pub use profile::{Profiled, Profiler};
pub use suite::{ReadFile, Suite, may_have_tests};
pub use target::Target;
pub use verifier::{Loader, OpenObject, Options, Verifier};
pub use verifiers::{ProgramAnswers, Verifiers};
pub use walk::Walked;
pub use whole::Whole;
pub use why::{Why, WhyObject};

pub use verdict_loader::{GlobalError, Globals};

pub use verdict_btf as btf;
pub use verdict_engine as engine;
pub use verdict_engine::observer;
pub use verdict_expect as expect;
pub use verdict_explain as explain;
pub use verdict_isa as isa;
pub use verdict_kernel as kernel;
pub use verdict_loader as loader;
pub use verdict_log as log;
pub use verdict_page as page;
pub use verdict_report as report;
pub use verdict_syscall as syscall;
