//! Asks, for a BPF object and a chosen Linux kernel, what that kernel's verifier would answer: without that kernel, without
//! root, in the kernel's own words, after the same number of instructions and states.
//!
//! # A tour
//!
//! A [`KernelChoice`] opens a [`Kernel`](kernel::Kernel), a [`Verifier`] asks it, [`Verifier::open`] reads an object as
//! libbpf does, and each [`Program`] of the [`OpenObject`] can be asked about. What comes of it is an [`Answer`]: verdict and
//! figures as a [`Record`](report::Record), and of a rejection the place, the rule that was broken, what the kernel lacks.
//!
//! ```
//! use verdict::report::Verdict;
//! use verdict::{Explaining, KernelChoice, Options, Verifier};
//!
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus"))?;
//! let kernel = KernelChoice::default().open()?;
//! let verifier = Verifier::new(kernel, Options::default()).explaining(Explaining::TRIALS);
//! let bytes = std::fs::read("packet_access.bpf.o")?;
//! let object = verifier.open("packet_access.bpf.o", &bytes)?;
//!
//! let names: Vec<_> = object.programs().map(|program| program.name()).collect();
//! assert_eq!(names, ["fixed", "variable", "unchecked", "off_by_one"]);
//!
//! let fixed = object.program("fixed").ok_or("no such program")?.check();
//! assert_eq!(fixed.record.verdict, Verdict::Success);
//! assert_eq!(fixed.record.figures.map(|figures| figures.insns), Some(16));
//!
//! let wrong = object.program("off_by_one").ok_or("no such program")?.check();
//! assert_eq!(wrong.record.verdict, Verdict::Failure);
//! // The kernel's last words, as its log has them.
//! let words = wrong.record.tail.unwrap_or_default();
//! assert!(words.ends_with("R2 offset is outside of the packet\n"));
//! // Where it is, as data.
//! let source = wrong.place.and_then(|place| place.source).ok_or("no line is known")?;
//! assert_eq!((source.file.as_str(), source.line), ("corpus/packet_access.bpf.c", 49));
//! // Which rule it broke, and a change that was verified.
//! let refusal = wrong.refusal.ok_or("no rule is known")?;
//! assert_eq!(refusal.rule.code(), "V0201");
//! assert!(refusal.explanation.is_some_and(|explanation| explanation.has_verified_remedy()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Further on the way:
//!
//! | for | there is |
//! |---|---|
//! | several kernels | [`KernelChoice::each`], [`Verifiers`]; why two of them differ, [`Why`] |
//! | the kernel's log | [`Program::log`], [`Program::write_log`] |
//! | where the cost is | [`Program::profile`] |
//! | steps and states | [`Program::observe`], [`Program::walk`] |
//! | whole objects | [`Verifier::open_whole`], [`OpenObject::check_whole`] |
//! | what a tool's loader sets | [`Plans`], [`Globals`], [`Target`] |
//! | what programs expect | [`Verifier::open_suite`] |
//! | a kernel that is not known | [`Kernel::from_bytes`](kernel::Kernel::from_bytes) |
//!
//! The directory `examples` has small programs: `verify`, `explain`, `observe`, a gate in a build script (`gate_build`), a
//! harness for `cargo test` (`harness`), and the tool of a `stranger`.
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
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus"))?;
//! let verifier = Verifier::new(KernelChoice::default().open()?, Options::default());
//! let bytes = std::fs::read("bounded_loop.bpf.o")?;
//! let object = verifier.open("bounded_loop.bpf.o", &bytes)?;
//! let nested = object.program("nested").ok_or("no such program")?;
//! let (counts, result) = nested.observe(Counts::default());
//! let counts = counts.ok_or("the verifier was not asked")?;
//! assert!(result.is_ok());
//! // Each instruction counts, those at which a path ends because it was explored before, too.
//! assert_eq!(counts.insns + counts.pruned, 135);
//! // The heads of the loops came round with checkpoints of the same path.
//! assert_eq!(counts.turns, 12);
//! // There is one path only, so that no other value kept it from being pruned.
//! assert!(counts.values.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Files, threads, clocks
//!
//! Objects are bytes, and so can kernels be. With the feature `std-io`, which is on by default, they can be read from files and
//! directories, too ([`objects_in`], [`read_object`], [`KernelChoice::dir`], [`PlanSource`]), and records have the time that a
//! verification took. Without it nothing here asks for a file, a thread or a clock, so that the library works where there are
//! none; `usec` is absent then. With `serde`, an [`Answer`] can be serialised as a whole; records and explanations always can. A [`Verifier`] can be shared by threads: all questions take it by reference.
//!
//! # Errors
//!
//! What a kernel or libbpf says against a program is an [`Answer`]; so is that something is not modelled. Errors are about what
//! was asked for, and are types that implement [`std::error::Error`]: [`ChoiceError`], [`InputError`], [`PlanFileError`],
//! [`TargetError`], [`NotLoaded`], and those of [`loader`]. No input makes this library panic, and none makes it use memory
//! or time out of proportion; where one does, that is a defect.
//!
//! # Stability
//!
//! The names in this module are stable, and so are [`report`], [`observer::Event`] and the rules, records and explanations
//! that they lead to: within 0.1, later versions add to them, and take nothing away.
//!
//! - What grows is `#[non_exhaustive]`: rules, events, switches, needs, kinds of causes, errors, and the fields of what is
//!   answered. Patterns over events name the fields that they want, and end with `..`.
//! - [`KernelChoice`], [`Options`] and [`LogOptions`] are made with `..Default::default()`: they may get more fields.
//! - Codes of rules (`V0201`) keep their meaning, and are never used again. What fingerprints and
//!   JSON have in them is described by a schema with a version of its own.
//! - Verdicts, figures and words are those of the kernel. Where they were not, a later version differs: that is no break, but
//!   what this library is for.
//! - The other modules are the parts that verdict is made of, in packages of their own (`bpf-verdict-engine`, …): [`btf`],
//!   [`engine`], [`expect`], [`explain`], [`isa`], [`kernel`], [`loader`], [`log`], [`page`], [`syscall`]. They are there to be
//!   used, and change with every version; a tool that uses them depends on exactly one (`=0.1.0`). Of [`kernel`],
//!   `Kernel`, `KernelBytes`, `KNOWN` and `rule` are as stable as this module.
//! - The least Rust version is that of the manifest; raising it is no break.

mod answer;
mod bridge;
mod choice;
mod clock;
#[cfg(feature = "std-io")]
mod embedded;
mod error;
mod explaining;
#[cfg(feature = "std-io")]
mod files;
mod handed;
#[cfg(feature = "std-io")]
mod input;
mod lacking;
mod last_words;
mod listen;
#[cfg(feature = "std-io")]
mod matching;
mod names;
mod need;
mod plan;
mod profile;
mod program;
#[cfg(test)]
mod short_ways;
mod suite;
mod target;
mod together;
#[cfg(feature = "std-io")]
mod unfit;
mod unsure;
mod verifier;
mod verifiers;
mod walk;
mod whole;
mod why;

pub use answer::{Answer, open_failure};
#[doc(hidden)]
pub use bridge::Bridge;
pub use choice::KernelChoice;
pub use error::{ChoiceError, InputError, NoTarget, PlanFileError, TargetError};
pub use explaining::Explaining;
pub use handed::{Handed, answer_handed, answer_refused, verify_handed};
#[cfg(feature = "std-io")]
pub use input::{
    distinct_names, find_objects, object_name, objects_in, only_object_in, read_object, shown_path,
};
pub use listen::{Libbpf, LogEnd, LogOptions, NotLoaded};
#[cfg(feature = "std-io")]
pub use plan::PlanSource;
pub use plan::{FILE as PLAN_FILE, LeftOut, NEEDS, Plans};
pub use profile::{Profiled, Profiler};
pub use program::{Program, ProgramId};
pub use suite::{ReadFile, Suite, Test, may_have_tests};
pub use target::Target;
#[cfg(feature = "std-io")]
pub use unfit::unfit;
#[doc(hidden)]
pub use unsure::unsure_fact;
pub use verifier::{Loader, OpenObject, Options, Verifier};
pub use verifiers::{ProgramAnswers, Verifiers};
pub use walk::Walked;
pub use whole::Whole;
pub use why::{Why, WhyObject, WhyProgram};

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
