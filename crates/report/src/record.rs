//! The figures of one program, as one line of JSON: what verdict says and what a real kernel said.

use serde::{Deserialize, Serialize};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Refused by libbpf or by the kernel.
    Failure,
    /// Accepted.
    Success,
    /// Not decided, because it needs something that verdict does not model.
    Unsupported,
    /// Not decided, because the verification was given up: it used up the time or memory that it was allowed.
    #[serde(rename = "gave_up")]
    GaveUp,
}

/// What a verification that was given up had used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GaveUp {
    /// The time.
    Time,
    /// The memory.
    Memory,
}

impl GaveUp {
    /// The word used in texts and JSON.
    pub fn name(self) -> &'static str {
        match self {
            GaveUp::Time => "time",
            GaveUp::Memory => "memory",
        }
    }
}

impl Verdict {
    /// The word used in tables, CSV and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Failure => "failure",
            Verdict::Success => "success",
            Verdict::Unsupported => "unsupported",
            Verdict::GaveUp => "gave_up",
        }
    }

    /// How texts call it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Failure => "rejected",
            Verdict::Success => "accepted",
            Verdict::Unsupported => "unsupported",
            Verdict::GaveUp => "gave up",
        }
    }

    /// Whether the kernel's answer is known.
    pub fn is_decided(self) -> bool {
        match self {
            Verdict::Failure | Verdict::Success => true,
            Verdict::Unsupported | Verdict::GaveUp => false,
        }
    }

    /// The verdict of that name.
    pub fn from_name(name: &str) -> Option<Verdict> {
        use Verdict::{Failure, GaveUp, Success, Unsupported};
        [Failure, Success, Unsupported, GaveUp]
            .into_iter()
            .find(|v| v.name() == name)
    }
}

/// How far a program came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// libbpf reads the object.
    Open,
    /// libbpf relocates the program, loads BTF and creates maps.
    Prepare,
    /// The kernel decides.
    Verify,
}

impl Stage {
    /// The word used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Open => "open",
            Stage::Prepare => "prepare",
            Stage::Verify => "verify",
        }
    }
}

/// What is known of a program once its object could be opened. Figures of a program that did not reach
/// the verifier are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// libbpf's name of the program type.
    pub prog_type: String,
    /// libbpf's name of the expected attach type.
    pub attach_type: String,
    /// Instructions of the program with its subprograms.
    pub prog_size: u64,
    /// Processed instructions.
    pub insns: u64,
    /// States that were kept.
    pub states: u64,
    /// The verifier's peak of kept states.
    pub peak_states: u64,
    /// Most states at one instruction.
    pub max_states_per_insn: u64,
    /// Longest chain of states through which a read was propagated.
    pub mark_read: u64,
    /// Stack bytes of each subprogram, joined by `+`.
    pub stack_depth: String,
    /// Microseconds of verification; the only figure that is not reproducible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usec: Option<u64>,
}

/// One program of one object, or an object that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// What the object is called: its file name, with the directories that tell it from others of that name. As in the
    /// program's name and in all words, control characters are escaped.
    pub object: String,
    /// The program; absent when the object could not be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The end.
    pub verdict: Verdict,
    /// Where it ended.
    pub stage: Stage,
    /// Positive error number, 0 when accepted.
    pub errno: i32,
    /// Absent when the object could not be opened.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// libbpf's messages when it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libbpf: Option<String>,
    /// The kernel's last words when it refused: up to four lines before the statistics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<String>,
    /// What is not modelled, when the verdict is [`Verdict::Unsupported`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<String>,
    /// What was used up, when the verdict is [`Verdict::GaveUp`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_up: Option<GaveUp>,
    /// What is taken for granted of maps whose sizes the object leaves open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
    /// SHA-256 of a log; only real kernels' records have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_sha256: Option<String>,
}

impl Record {
    /// Why nothing is known of the program, if so: what is not modelled, or what was used up.
    pub fn undecided(&self) -> Option<&str> {
        match self.verdict {
            Verdict::Failure | Verdict::Success => None,
            Verdict::Unsupported => Some(self.unsupported.as_deref().unwrap_or("?")),
            Verdict::GaveUp => Some(self.gave_up.map_or("?", GaveUp::name)),
        }
    }

    /// A record of an object of which nothing else is known.
    pub fn new(object: &str, verdict: Verdict, stage: Stage) -> Record {
        Record {
            object: object.to_owned(),
            program: None,
            verdict,
            stage,
            errno: 0,
            figures: None,
            libbpf: None,
            tail: None,
            unsupported: None,
            gave_up: None,
            assumed: None,
            log_sha256: None,
        }
    }
}

/// How what is unsupported begins where a load plan has to say more.
pub const NEEDS: &str = "needs a load plan: ";

/// One line of JSON, without the line feed.
pub fn to_json_line(record: &Record) -> String {
    // A record is plain strings and numbers: there is nothing that could fail to serialise.
    serde_json::to_string(record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_order_are_those_of_the_golden_files() {
        let line = r#"{"object":"a.bpf.o","program":"p","verdict":"success","stage":"verify","errno":0,"prog_type":"tracing","attach_type":"trace_iter","prog_size":103,"insns":104,"states":5,"peak_states":5,"max_states_per_insn":0,"mark_read":4,"stack_depth":"64+0","usec":7}"#;
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.figures.as_ref().unwrap().stack_depth, "64+0");
        assert_eq!(to_json_line(&record), line);
    }

    #[test]
    fn an_object_that_did_not_open_has_no_figures() {
        let line = r#"{"object":"a.bpf.o","verdict":"failure","stage":"open","errno":95,"libbpf":"x"}"#;
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.figures, None);
        assert_eq!(to_json_line(&record), line);
    }
}
