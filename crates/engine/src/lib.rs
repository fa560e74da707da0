//! The verifier: walks every path of a program as Linux's does.
//!
//! [`verify`] takes an admitted program and says what the kernel's `bpf_check` would: its verdict, its words,
//! and the figures of its log's last line. A listener ([`observer::Observer`]) may follow every step.
//!
//! ```text
//!  cfg ──► explore ──► transfer, call, memory, resource   one instruction's effect
//!             │
//!             ├──► equiv        may an explored state stand for this one?
//!             ├──► liveness     what was read
//!             └──► precision    what was relied upon
//! ```
//!
//! **Architecture invariant:** nothing here does I/O, and no text is built while nobody listens.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod admission;
mod after;
pub mod assume;
mod call;
mod cfg;
mod equiv;
pub mod error;
mod explore;
pub mod index;
mod linked;
mod liveness;
mod memory;
pub mod observer;
mod origin;
mod precision;
mod program;
mod removal;
mod resolve;
mod resource;
mod rules;
pub mod state;
mod transfer;
mod verifier;
mod widen;
mod words;

use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Fact, Origin, RefusedAt, Rule};
use verdict_kernel::semantics::control::AttachCheck;
use verdict_syscall::{LoadedProg, Prog};

pub use memory::names::reg_type_str;
pub use verifier::Stats;

use verifier::Verifier;

use assume::Assumption;
use error::{Failure, Res};
use index::SubprogIdx;
use observer::{Event, Observer};

/// What came of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the program may be loaded.
    pub verdict: Verdict,
    /// The figures of the log's footer.
    pub stats: Stats,
}

/// Whether a program may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Accepted,
    /// No.
    Rejected(Rejected),
    /// It needs something that this model does not know.
    Unsupported(String),
    /// The model contradicts itself; nothing is known of the program.
    Bug(String),
    /// What its verification may take ([`verdict_syscall::Allowance`]) was used up before it ended.
    GaveUp(GaveUp),
}

/// What was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// The time.
    Time,
    /// The memory.
    Memory,
}

impl std::fmt::Display for GaveUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            GaveUp::Time => "time",
            GaveUp::Memory => "memory",
        })
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What `BPF_PROG_LOAD` returns.
    pub errno: Errno,
    /// The rule that was broken.
    pub rule: Rule,
    /// The words with which the check refused, newlines included; may be empty.
    pub text: String,
    /// The instruction that was being executed or looked at; `None` if the refusal is about none.
    pub insn: Option<u32>,
    /// What the check knows beside its words.
    pub fact: Option<Fact>,
    /// The instruction that the fact goes back to; only a listener is told.
    pub origin: Option<Origin>,
    /// Where it was refused.
    #[doc(hidden)]
    pub site: RefusedAt,
}

/// Verifies a program for a kernel (`bpf_check`).
pub fn verify<O: Observer>(kernel: &Kernel, prog: &Prog, observer: &mut O) -> Outcome {
    run(kernel, prog, observer, Trial::default(), |_| ()).0
}

/// What a trial of a change to a program takes for granted.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// What holds where.
    pub assumed: &'a [Assumption],
    /// After how many instructions it is given up, if the kernel does not do so before.
    pub max_insns: u32,
}

impl Default for Trial<'_> {
    /// No trial: nothing is taken for granted.
    fn default() -> Self {
        Trial {
            assumed: &[],
            max_insns: u32::MAX,
        }
    }
}

/// As [`verify`], taking for granted what the program does not prove: what the verifier would say of a program that was
/// changed accordingly.
pub fn verify_assuming<O: Observer>(
    kernel: &Kernel,
    prog: &Prog,
    trial: Trial<'_>,
    observer: &mut O,
) -> Outcome {
    run(kernel, prog, observer, trial, |_| ()).0
}

/// As [`verify`]; gives what others that attach to the program are judged by, if it is accepted.
pub fn load<O: Observer>(kernel: &Kernel, prog: &Prog, observer: &mut O) -> (Outcome, Option<LoadedProg>) {
    let (outcome, funcs) = run(kernel, prog, observer, Trial::default(), |verifier| {
        verifier.loaded_funcs()
    });
    let loaded = (outcome.verdict == Verdict::Accepted).then(|| LoadedProg {
        prog: prog.clone(),
        funcs,
    });
    (outcome, loaded)
}

/// Verifies with one listener, and with another one the last steps of a program that is too large for this kernel: those
/// behind this many instructions. Says whether the other one has heard how it ended.
///
/// A program of more instructions that is not too large after all is verified again, with the first one from its default on.
pub fn verify_to_limit<E: Observer + Default, O: Observer>(
    kernel: &Kernel,
    prog: &Prog,
    early: &mut E,
    (insns, late): (u32, &mut O),
) -> (Outcome, bool) {
    let extended = prog.as_extended();
    let mut verifier = Verifier::new(kernel, prog, extended.as_ref(), early);
    verifier.env.max_insns = insns;
    let result = verifier.check();
    let pauses = insns < kernel.limits.processed_insns
        && verifier.walk.stats.insns > insns
        && matches!(&result, Err(failure) if failure.is_by(Rule::InsnLimit));
    if !pauses {
        return (finish(verifier, result, |_| ()).0, false);
    }
    let mut verifier = verifier.heard_by(late);
    verifier.env.max_insns = u32::MAX;
    // The instruction at which it pauses is not executed yet.
    verifier.walk.stats.insns = insns;
    match verifier.walk_on(verifier.walk.prev_insn_idx) {
        Ok(()) => {
            *early = E::default();
            (verify(kernel, prog, early), false)
        }
        failed => (finish(verifier, failed, |_| ()).0, true),
    }
}

/// Verifies a program, and looks at what the verifier knows in the end.
fn run<O: Observer, T>(
    kernel: &Kernel,
    prog: &Prog,
    observer: &mut O,
    trial: Trial<'_>,
    look: impl FnOnce(&Verifier<'_, O>) -> T,
) -> (Outcome, T) {
    let extended = prog.as_extended();
    let mut verifier = Verifier::new(kernel, prog, extended.as_ref(), observer);
    (verifier.env.assumed, verifier.env.max_insns) = (trial.assumed, trial.max_insns);
    let result = verifier.check();
    finish(verifier, result, look)
}

/// What came of a verification.
fn finish<O: Observer, T>(
    mut verifier: Verifier<'_, O>,
    mut result: Res<()>,
    look: impl FnOnce(&Verifier<'_, O>) -> T,
) -> (Outcome, T) {
    if let Err(failure) = &mut result
        && let Failure::Rejected(refusal) = &mut **failure
        && let Some(text) = words::reworded(verifier.env.kernel, refusal)
    {
        refusal.text = text;
    }
    if O::LISTENING
        && let Err(failure) = &result
        && let Failure::Rejected(r) = &**failure
        && !r.text.is_empty()
    {
        verifier.env.obs.event(Event::Text {
            level: 0,
            text: format_args!("{}", r.text),
        });
        if r.line_follows {
            verifier.show_source_line();
        }
    }
    let verdict = match result {
        Ok(()) => Verdict::Accepted,
        Err(failure) => match *failure {
            Failure::Rejected(r) => {
                let walked = verifier.walk.walking.then_some(verifier.walk.insn_idx);
                let insn = r.insn.or(walked).map(|insn| insn.0);
                let origin = r.fact.and_then(|fact| verifier.origin_of(&fact));
                Verdict::Rejected(Rejected {
                    errno: r.errno,
                    rule: r.rule,
                    text: r.text,
                    insn,
                    fact: r.fact,
                    origin,
                    site: r.site,
                })
            }
            Failure::Unsupported(what) => Verdict::Unsupported(what),
            Failure::Bug(what) => Verdict::Bug(what),
            Failure::GaveUp(what) => Verdict::GaveUp(what),
        },
    };
    let mut stats = std::mem::take(&mut verifier.walk.stats);
    let dead = &verifier.program.dead_subprogs;
    let alive = |s: &SubprogIdx| !dead.get(*s).copied().unwrap_or(false);
    stats.stack_depth = verifier
        .program
        .subprogs
        .indices()
        .filter(alive)
        .map(|s| u32::from(verifier.program.subprogs[s].stack_depth))
        .collect();
    if verifier.program.catch_appended {
        stats.stack_depth.push(0);
    }
    // A program that fails before its functions are known has one of depth 0 in the log.
    if O::LISTENING {
        verifier.env.obs.event(Event::End { stats: &stats });
    }
    let seen = look(&verifier);
    (Outcome { verdict, stats }, seen)
}

impl<O: Observer> Verifier<'_, O> {
    /// All steps, in the kernel's order; the first failure wins.
    fn check(&mut self) -> Res<()> {
        self.check_btf_info_early()?;
        self.find_subprogs()?;
        self.check_subprogs()?;
        self.check_btf_info()?;
        let attach_first = self.env.kernel.semantics.control.attach_check == AttachCheck::First;
        if attach_first {
            self.check_attach()?;
        }
        self.resolve_imm64()?;
        self.check_cfg()?;
        if !attach_first {
            self.check_attach()?;
        }
        self.prepare_graph();
        self.mark_fastcall_patterns();
        self.walk.walking = true;
        if self.verifies_global_functions_first() {
            self.check_global_functions()?;
            self.check_main()?;
        } else {
            self.check_main()?;
            self.check_global_functions()?;
        }
        self.walk.walking = false;
        self.after_walk()
    }
}
