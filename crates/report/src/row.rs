//! One program's figures, as tables know them.

use verdict_kernel::rule::Rule;

use crate::{Column, Record, Verdict};

/// The figures of one program, as tables know them. What is not known is 0 or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where the object lies, as it was named; empty where that is not known.
    pub path: String,
    /// What the object is called.
    pub file: String,
    /// Program name.
    pub program: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Microseconds.
    pub duration: i64,
    /// Processed instructions.
    pub insns: i64,
    /// Kept states.
    pub states: i64,
    /// Peak of kept states.
    pub peak_states: i64,
    /// Most states at one instruction.
    pub max_states_per_insn: i64,
    /// Longest chain of read marks.
    pub mark_read: i64,
    /// Instructions of the program.
    pub size: i64,
    /// Bytes of machine code: only kernels know.
    pub jited_size: i64,
    /// Stack bytes of all subprograms, added up.
    pub stack: i64,
    /// Stack bytes of the deepest chain of calls: only newer kernels say.
    pub max_stack: i64,
    /// libbpf's name of the program type.
    pub prog_type: String,
    /// libbpf's name of the expected attach type.
    pub attach_type: String,
    /// Mebibytes; -1 when not measured.
    pub peak_memory: i64,
    /// The kernel that was asked.
    pub kernel: String,
    /// Positive error number, 0 when accepted.
    pub errno: i32,
    /// Why it was rejected, or what is not modelled: one line.
    pub reason: String,
    /// The code of the rule that was broken; empty when accepted.
    pub rule: String,
    /// Paths that ended because an explored state subsumes the current one.
    pub prune_hits: i64,
    /// Explored states that did not match.
    pub prune_misses: i64,
    /// Columns that the set lacks which the row comes from, but not the set that it is compared with.
    pub lacks: Columns,
}

/// A set of columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns(u32);

impl Columns {
    /// Adds a column.
    pub fn add(&mut self, column: Column) {
        self.0 |= Columns::bit(column);
    }

    /// Whether the column belongs to the set.
    pub fn has(self, column: Column) -> bool {
        self.0 & Columns::bit(column) != 0
    }

    fn bit(column: Column) -> u32 {
        1 << column as u32
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Columns {
        let mut all = Columns::default();
        columns.into_iter().for_each(|column| all.add(column));
        all
    }
}

impl Default for Row {
    fn default() -> Self {
        Row {
            path: String::new(),
            file: String::new(),
            program: String::new(),
            verdict: Verdict::Failure,
            duration: 0,
            insns: 0,
            states: 0,
            peak_states: 0,
            max_states_per_insn: 0,
            mark_read: 0,
            size: 0,
            jited_size: 0,
            stack: 0,
            max_stack: 0,
            prog_type: String::new(),
            attach_type: String::new(),
            peak_memory: 0,
            kernel: String::new(),
            errno: 0,
            reason: String::new(),
            rule: String::new(),
            prune_hits: 0,
            prune_misses: 0,
            lacks: Columns::default(),
        }
    }
}

impl Row {
    /// The row of a program; `None` for a record that tells of an object only.
    pub fn from_record(record: &Record) -> Option<Row> {
        let figures = record.figures.as_ref()?;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Some(Row {
            file: record.object.clone(),
            program: record.program.clone()?,
            verdict: record.verdict,
            duration: number(figures.usec.unwrap_or(0)),
            insns: number(figures.insns),
            states: number(figures.states),
            peak_states: number(figures.peak_states),
            max_states_per_insn: number(figures.max_states_per_insn),
            mark_read: number(figures.mark_read),
            size: number(figures.prog_size),
            stack: sum_of(&figures.stack_depth),
            prog_type: figures.prog_type.clone(),
            attach_type: figures.attach_type.clone(),
            peak_memory: -1,
            errno: record.errno,
            reason: reason(record),
            ..Row::default()
        })
    }

    /// The same with the rule that was broken, which is the reason where neither kernel nor library has words for it.
    pub fn refused_by(self, rule: Option<Rule>) -> Row {
        let Some(rule) = rule else { return self };
        let reason = match self.reason.is_empty() {
            true => rule.sentence().to_owned(),
            false => self.reason,
        };
        Row {
            reason,
            rule: rule.code().to_owned(),
            ..self
        }
    }

    /// What identifies the row, and by what rows are sorted.
    pub fn key(&self) -> (&str, &str) {
        (&self.file, &self.program)
    }
}

/// `64+0+8`, added up.
pub(crate) fn sum_of(depths: &str) -> i64 {
    depths
        .split('+')
        .filter_map(|depth| depth.parse::<i64>().ok())
        .fold(0, i64::saturating_add)
}

/// Why a program was not accepted: the kernel's last line, or the line with which a library's complaints begin.
fn reason(record: &Record) -> String {
    let tail = record.tail.as_deref().map(str::trim);
    let line = match record.verdict {
        Verdict::Success => None,
        Verdict::Unsupported | Verdict::GaveUp => record.undecided().and_then(|what| what.lines().next()),
        Verdict::Failure => match tail.filter(|tail| !tail.is_empty()) {
            Some(tail) => tail.lines().next_back(),
            None => record.libbpf.as_deref().and_then(first_complaint),
        },
    };
    line.unwrap_or_default().trim().to_owned()
}

/// The first line that is no remark: what follows it only says what fails for it.
fn first_complaint(words: &str) -> Option<&str> {
    const REMARKS: [&str; 2] = ["Retrying without BTF.", "Failed to bump RLIMIT_MEMLOCK"];
    let is_remark = |line: &&str| REMARKS.iter().any(|remark| line.contains(remark));
    words
        .lines()
        .find(|line| !is_remark(line))
        .or_else(|| words.lines().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Figures, Stage};

    #[test]
    fn a_reason_is_what_comes_first() {
        let refused = |libbpf: Option<&str>| Record {
            object: "a.o".into(),
            program: Some("p".into()),
            verdict: Verdict::Failure,
            stage: Stage::Prepare,
            errno: 22,
            figures: Some(Figures::default()),
            libbpf: libbpf.map(ToOwned::to_owned),
            tail: None,
            unsupported: None,
            gave_up: None,
            assumed: None,
            log_sha256: None,
        };
        let reason = |record: &Record, rule| Row::from_record(record).unwrap().refused_by(rule).reason;
        let words = "libbpf: Error in bpf_create_map_xattr(m):Invalid argument(-22). Retrying without BTF.\n\
                     libbpf: map 'm': failed to create: Invalid argument(-22)\n\
                     libbpf: failed to load object 'a.o'\n";
        assert_eq!(
            reason(&refused(Some(words)), Some(Rule::MapAttributes)),
            "libbpf: map 'm': failed to create: Invalid argument(-22)"
        );
        // Before the verifier is asked, the kernel has no words.
        let rule = Rule::ProgramAttributes;
        assert_eq!(reason(&refused(None), Some(rule)), rule.sentence());
        assert_eq!(reason(&refused(None), None), "");
    }
}
