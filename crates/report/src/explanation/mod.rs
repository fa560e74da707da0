//! Why a program was rejected: where, by which causes, on which path, and what to change.
//!
//! Data only: it is made from what the verifier did, and written as text ([`write_explanation`]) or as JSON, whose fields
//! are those of the types here.

mod snippet;
mod trail;
mod write;

use serde::{Deserialize, Serialize};
use verdict_kernel::rule::Rule;

pub use write::write_explanation;
pub(crate) use write::{help, is_step, words_of};

/// Why a program was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The rule that was broken. JSON has it beside the explanation.
    #[serde(skip)]
    pub rule: Rule,
    /// Where it was broken, if that was at an instruction, and what is wrong there.
    pub primary: Option<Label>,
    /// What led to it, in the order in which it is to be read.
    pub causes: Vec<Cause>,
    /// The conditions on the way that matter: which way was taken, first to last.
    pub path: Vec<Condition>,
    /// How many other conditions the path has.
    pub other_conditions: usize,
    /// Facts that belong to no single place.
    pub notes: Vec<String>,
    /// What to change, best first.
    pub remedies: Vec<Remedy>,
    /// How the value that fails came to be what it is, instruction by instruction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trail: Vec<Held>,
    /// Whether an earlier instruction is to blame, by the path alone: a measure for the causes that are found.
    #[serde(skip)]
    pub has_earlier_cause: bool,
    /// The instruction at which the verification ended, if it got to one.
    #[serde(skip)]
    pub failing: Option<u32>,
}

/// What an instruction made of a register or stack slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The instruction.
    pub site: Site,
    /// The register (`r6`) or stack slot (`fp-8`).
    pub place: String,
    /// What it held before, in words; nothing where that was another value.
    pub before: Option<String>,
    /// What it held behind it.
    pub after: String,
}

impl Explanation {
    /// An explanation that knows the rule alone.
    pub fn by(rule: Rule) -> Explanation {
        Explanation {
            rule,
            primary: None,
            causes: Vec::new(),
            path: Vec::new(),
            other_conditions: 0,
            notes: Vec::new(),
            remedies: Vec::new(),
            trail: Vec::new(),
            has_earlier_cause: false,
            failing: None,
        }
    }

    /// Adds what an author does about what the kernel lacks: in place of what was tried in this way, if that was.
    pub fn advise(&mut self, line: &str) {
        let guards = |remedy: &&mut Remedy| {
            let tried = remedy.changes.first();
            matches!(tried, Some(Change::Weak | Change::Unreached { .. }))
        };
        if self.remedies.iter().any(|remedy| remedy.words == line) {
            return;
        }
        match self.remedies.iter_mut().find(guards) {
            Some(remedy) => line.clone_into(&mut remedy.words),
            None => self.remedies.insert(0, Remedy::untried(line)),
        }
    }

    /// Adds what the rule's page says in general, where there is nothing to say of this program.
    pub fn with_general_remedy(mut self) -> Explanation {
        if self.remedies.is_empty() {
            self.remedies
                .extend(general_remedy(self.rule).map(Remedy::untried));
        }
        self
    }

    /// Whether it says more than where the verification ended.
    pub fn has_cause(&self) -> bool {
        !self.causes.is_empty() || !self.notes.is_empty()
    }

    /// Whether a cause is named that is not the failing instruction itself: of a loop, that is the loop.
    pub fn names_earlier_cause(&self) -> bool {
        let elsewhere = |site: &Site| Some(site.insn) != self.failing;
        let loops = matches!(self.rule, Rule::InsnLimit | Rule::JumpLimit | Rule::InfiniteLoop);
        self.causes.iter().any(|cause| elsewhere(&cause.site))
            || loops && self.primary.iter().any(|label| elsewhere(&label.site))
    }

    /// Whether one of the remedies was seen accepted.
    pub fn has_verified_remedy(&self) -> bool {
        self.remedies.iter().any(|remedy| remedy.tried == Tried::Verified)
    }
}

/// The longest general advice.
const MAX_GENERAL: usize = 240;

/// The first sentences of what the rule's page says is to be changed.
fn general_remedy(rule: Rule) -> Option<String> {
    let (_, section) = rule.page().split_once("## What to change\n")?;
    let section = section.split("\n## ").next()?.trim();
    let paragraph = section.split("\n\n").next()?;
    let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_start_matches("- ");
    if text.len() <= MAX_GENERAL {
        return Some(text.trim_end_matches('.').to_owned());
    }
    let ends = text.match_indices(". ").map(|(at, _)| at);
    let end = ends.take_while(|at| *at < MAX_GENERAL).last()?;
    text.get(..end).map(ToOwned::to_owned)
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An instruction of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Its index.
    pub insn: u32,
    /// The instruction, disassembled.
    pub text: String,
    /// The source line that it belongs to, where the object says it.
    pub source: Option<Source>,
}

/// A place in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line's number, from 1.
    pub line: u32,
    /// The column, from 1; 0 where it is unknown, which JSON leaves out.
    #[serde(skip_serializing_if = "is_zero")]
    pub column: u32,
    /// How many characters from the column on are meant; 0 where only the line is known, which JSON leaves out.
    #[serde(skip_serializing_if = "is_zero")]
    pub length: u32,
    /// The line's text.
    pub text: String,
}

impl std::fmt::Display for Source {
    /// `file:line`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is to be said of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The place.
    pub site: Site,
    /// What is said, as part of a sentence.
    pub words: String,
}

/// Signed ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Least value.
    pub min: i64,
    /// Greatest value.
    pub max: i64,
}

/// What kind of cause it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CauseKind {
    /// A value got here what makes it fail: a bound was lost, a pointer that may be NULL came in.
    Origin,
    /// A value was changed or moved here on its way.
    Step,
    /// A check that is there and does not suffice.
    Check,
    /// A resource was acquired here.
    Acquired,
    /// A value was lost here: its register is cleared, what it points to is gone.
    Lost,
    /// A loop that costs.
    Loop,
    /// A call of a chain.
    Call,
}

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What kind of cause it is.
    pub kind: CauseKind,
    /// Where.
    pub site: Site,
    /// The register (`r6`) or stack slot (`fp-8`) that it is about.
    pub place: Option<String>,
    /// The value by its name in the source, an expression sometimes.
    pub variable: Option<String>,
    /// What happened, as part of a sentence.
    pub words: String,
    /// What was known of the value before.
    pub before: Option<Range>,
    /// What is known of it after.
    pub after: Option<Range>,
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The jump.
    pub site: Site,
    /// Whether it was taken, as an instruction.
    pub taken: bool,
}

/// A change to the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What to do, as a command.
    pub words: String,
    /// What must be changed besides, as the program would be refused for that otherwise.
    pub others: Vec<String>,
    /// Where.
    pub site: Option<Site>,
    /// Whether it goes behind this place, not in front of it.
    pub behind: bool,
    /// Whether it was tried.
    pub tried: Tried,
    /// The change as it was tried, or could be: all of these together.
    pub changes: Vec<Change>,
}

impl Remedy {
    /// A remedy that was not tried.
    pub fn untried(words: impl Into<String>) -> Remedy {
        Remedy {
            words: words.into(),
            others: Vec::new(),
            site: None,
            behind: false,
            tried: Tried::Untried,
            changes: Vec::new(),
        }
    }

    /// The same at a place.
    pub fn at(self, site: Option<Site>) -> Remedy {
        Remedy { site, ..self }
    }
}

/// Whether a remedy was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tried {
    /// The program was verified again with the change, and accepted.
    Verified,
    /// With it, this refusal is gone, and another one follows, for which nothing is known that was accepted.
    Partly,
    /// Nobody has tried.
    Untried,
}

/// A change that can be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Change {
    /// In front of this instruction, a number in a register is compared: only these values continue.
    Range {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
        /// Least value, signed.
        min: i64,
        /// Greatest value, signed.
        max: i64,
        /// How many bits of the register are compared, 64 or 32. Of 32, ends that are not negative are compared as unsigned ones.
        #[serde(default = "whole_register")]
        bits: u8,
    },
    /// In front of this instruction, a pointer in a register is compared with NULL.
    NotNull {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
    },
    /// In front of this instruction, a pointer into the packet is compared with its end.
    Packet {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
        /// The bytes from the pointer on that are in the packet.
        bytes: u32,
    },
    /// In front of this instruction, a register is set.
    Number {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
        /// The number.
        value: i64,
    },
    /// In front of this instruction, a pointer lies at this constant offset from where its object begins.
    Offset {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
        /// The offset in bytes.
        offset: i32,
    },
    /// In front of this instruction, a register is made a pointer to initialised memory.
    Memory {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
        /// The memory's size.
        bytes: u32,
    },
    /// Around this instruction, the lock is taken that lies in what a register points to.
    Locked {
        /// The instruction.
        insn: u32,
        /// The register.
        reg: u8,
    },
    /// This instruction is executed outside of all locks and regions, which hold again behind it.
    Unlocked {
        /// The instruction.
        insn: u32,
    },
    /// In front of this instruction, what that one acquired is released.
    Release {
        /// The instruction.
        insn: u32,
        /// The one that acquired it.
        acquired: u32,
    },
    /// In front of this instruction, locks are given back and regions left.
    LeaveRegions {
        /// The instruction.
        insn: u32,
    },
    /// This load is made by `bpf_probe_read_kernel` or the like.
    ReadByHelper {
        /// The instruction.
        insn: u32,
    },
    /// No path comes to this instruction.
    Unreached {
        /// The instruction.
        insn: u32,
    },
    /// The licence is compatible with the GPL.
    Gpl,
    /// The program may sleep, or may not.
    Sleepable {
        /// Whether it may.
        sleepable: bool,
    },
    /// The program is of another type.
    ProgramType {
        /// `BPF_PROG_TYPE_*`.
        program_type: u32,
        /// The expected attach type.
        attach_type: u32,
    },
    /// What the kernel lacks is optional: externs are weak.
    Weak,
    /// Other programs of the object are loaded, too.
    Also {
        /// Their names.
        programs: Vec<String>,
    },
}

const fn whole_register() -> u8 {
    64
}
