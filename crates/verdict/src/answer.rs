//! What is found out about a program, put into the form that is printed and compared.

use std::sync::Arc;

use verdict_engine::Stats;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::{Broken, RefusedAt, Rule};
use verdict_loader::{OpenError, ProgFacts};
use verdict_report::{Figures, GaveUp, Place, Record, Refusal, Stage, Verdict, printable_lines};
use verdict_syscall::prog::LoadError;

/// The answer about one program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Answer {
    /// Verdict and figures.
    pub record: Record,
    /// Where the verifier rejected it, when it did so at an instruction.
    pub place: Option<Place>,
    /// What is known of its rejection: the rule that was broken, and why.
    pub refusal: Option<Refusal>,
    /// Where in verdict it was refused, and before that something else that is no reason to.
    #[doc(hidden)]
    #[cfg_attr(feature = "serde", serde(skip))]
    pub sites: Vec<RefusedAt>,
}

impl From<Record> for Answer {
    /// An answer of which nothing else is known.
    fn from(record: Record) -> Answer {
        Answer {
            record,
            place: None,
            refusal: None,
            sites: Vec::new(),
        }
    }
}

/// What stands before the words of a contradiction of the model.
pub(crate) const CONTRADICTION: &str = "internal contradiction: ";

/// How the loading of a program ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// Loaded.
    Accepted,
    /// libbpf gave up with these messages.
    Libbpf(Broken, Vec<Arc<str>>),
    /// The kernel refused it.
    Kernel(Broken),
    /// Something is not modelled.
    Unsupported(String),
    /// What its verification may take was used up.
    GaveUp(GaveUp),
}

impl From<LoadError> for End {
    fn from(error: LoadError) -> End {
        match error {
            LoadError::Refused(broken) => End::Kernel(broken),
            LoadError::Unsupported(what) => End::Unsupported(what.to_owned()),
        }
    }
}

impl End {
    /// The refusal.
    pub(crate) fn broken(&self) -> Option<Broken> {
        match self {
            End::Libbpf(broken, _) | End::Kernel(broken) => Some(*broken),
            End::Accepted | End::Unsupported(_) | End::GaveUp(_) => None,
        }
    }

    /// The rule that was broken.
    pub(crate) fn rule(&self) -> Option<Rule> {
        self.broken().map(|broken| broken.rule)
    }

    /// The record of a program that ended so.
    pub(crate) fn record(
        self,
        object: &str,
        program: &str,
        facts: &ProgFacts,
        stats: &Stats,
        usec: Option<u64>,
    ) -> Record {
        let mut record = Record::new(object, Verdict::Failure, Stage::Verify);
        record.program = Some(program.to_owned());
        record.figures = Some(figures(facts, stats, usec));
        match self {
            End::Accepted => record.verdict = Verdict::Success,
            End::Libbpf(broken, messages) => {
                record.stage = Stage::Prepare;
                record.errno = broken.errno.0;
                record.libbpf = Some(libbpf_text(&messages));
            }
            End::Kernel(broken) => record.errno = broken.errno.0,
            End::Unsupported(what) => {
                record.verdict = Verdict::Unsupported;
                record.unsupported = Some(printable_lines(&what).into_owned());
            }
            End::GaveUp(what) => {
                record.verdict = Verdict::GaveUp;
                record.gave_up = Some(what);
            }
        }
        record
    }
}

/// The record of an object that cannot be opened.
pub fn open_failure(object: &str, error: &OpenError) -> Record {
    let mut record = Record::new(object, Verdict::Failure, Stage::Open);
    record.errno = error.errno.0;
    record.libbpf = Some(libbpf_text(&error.messages));
    record
}

fn figures(facts: &ProgFacts, stats: &Stats, usec: Option<u64>) -> Figures {
    let depths: Vec<_> = stats.stack_depth.iter().map(u32::to_string).collect();
    let mut figures = Figures::default();
    figures.prog_type = ProgType::from_raw(facts.prog_type)
        .map_or("?", ProgType::name)
        .to_owned();
    figures.attach_type = AttachType::from_raw(facts.attach_type)
        .map_or("?", AttachType::name)
        .to_owned();
    figures.prog_size = facts.insn_cnt as u64;
    figures.insns = stats.insns.into();
    figures.states = stats.states.into();
    // Evictions are subtracted, so that the kernel's figure may pass below zero and wrap.
    figures.peak_states = stats.peak_states.into();
    figures.max_states_per_insn = stats.max_states_per_insn.into();
    figures.mark_read = stats.mark_read.into();
    figures.stack_depth = depths.join("+");
    figures.usec = usec;
    figures
}

/// Longest message that is kept, and most bytes of messages: what the recordings of real kernels keep.
const MAX_MESSAGE: usize = 600;
const MAX_MESSAGES: usize = 1 << 14;

fn libbpf_text(messages: &[Arc<str>]) -> String {
    let mut text = String::new();
    for message in messages.iter().filter(|m| m.len() + 1 < MAX_MESSAGE) {
        if text.len() + message.len() + 2 < MAX_MESSAGES {
            text.push_str(&printable_lines(message));
            text.push('\n');
        }
    }
    text
}
