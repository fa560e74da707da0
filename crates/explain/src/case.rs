//! What is explained, and what is made of it.

use verdict_engine::{Rejected, Stats};
use verdict_report::explanation::{Cause, Change, Condition, Explanation, Label, Range, Remedy, Site};

use crate::about::cost::Costs;
use crate::trace::Path;
use crate::words;

/// Most conditions of a path that are shown, the last ones.
const MAX_CONDITIONS: usize = 64;

/// A rejected program, and the path that failed.
pub(crate) struct Case<'a> {
    pub(crate) path: Path<'a>,
    pub(crate) rejected: &'a Rejected,
    pub(crate) stats: &'a Stats,
    /// Where the cost is, for what fails by cost.
    pub(crate) costs: Option<&'a Costs<'a>>,
}

/// A change to the program that can be tried.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) wording: Wording,
    pub(crate) site: Option<Site>,
    /// Whether it goes behind that place.
    pub(crate) behind: bool,
}

impl Plan {
    /// What is to be done, and where, in few words.
    pub(crate) fn short_words(&self) -> Option<String> {
        let text = match &self.wording {
            Wording::Plain(text) => text.split(": accepted").next()?.to_owned(),
            Wording::Range { name, unsigned } => match self.changes.as_slice() {
                &[Change::Range { min, max, .. }] => {
                    let range = words::lower_end(Range { min, max }, *unsigned);
                    format!("`{}`", words::condition(name, range))
                }
                _ => return None,
            },
        };
        let place = match self.site.as_ref().map(|site| (&site.source, site.insn)) {
            Some((Some(source), _)) => format!(" at line {}", source.line),
            Some((None, insn)) => format!(" at insn {insn}"),
            None => String::new(),
        };
        Some(format!("{text}{place}"))
    }
}

/// What a change is called.
#[derive(Clone)]
pub(crate) enum Wording {
    /// These words.
    Plain(String),
    /// The widest range of a variable that is accepted.
    Range {
        /// The variable.
        name: String,
        /// Whether it is not negative in any case.
        unsigned: bool,
    },
}

/// An explanation in the making.
pub(crate) struct Draft {
    pub(crate) out: Explanation,
    pub(crate) plans: Vec<Plan>,
}

impl Draft {
    /// Adds causes, without those that say the same of the same place.
    pub(crate) fn causes(&mut self, causes: impl IntoIterator<Item = Cause>) {
        for cause in causes {
            if !self.out.causes.contains(&cause) {
                self.out.causes.push(cause);
            }
        }
    }

    pub(crate) fn note(&mut self, words: impl Into<String>) {
        self.out.notes.push(words.into());
    }

    /// A change that cannot be tried.
    pub(crate) fn advise(&mut self, words: impl Into<String>, site: Option<Site>) {
        self.out.remedies.push(Remedy::untried(words).at(site));
    }

    /// A change that can be tried.
    pub(crate) fn plan(&mut self, words: impl Into<String>, site: Option<Site>, changes: Vec<Change>) {
        self.plans.push(Plan {
            changes,
            wording: Wording::Plain(words.into()),
            site,
            behind: false,
        });
    }

    pub(crate) fn primary(&mut self, site: Site, words: impl Into<String>) {
        self.out.primary = Some(Label {
            site,
            words: words.into(),
        });
    }

    /// Sets the conditions of the path from a step on; those before are counted.
    pub(crate) fn conditions(&mut self, path: &Path<'_>, from: usize) {
        let end = path.rec.end();
        let mut steps: Vec<(usize, bool)> = path
            .branches(from, end)
            .map(|(step, _, taken)| (step, taken))
            .collect();
        let left_out = steps.len().saturating_sub(MAX_CONDITIONS);
        steps.drain(..left_out);
        let conditions = steps.into_iter().map(|(step, taken)| Condition {
            site: path
                .insn(step)
                .map(|insn| path.code.site(insn))
                .unwrap_or_default(),
            taken,
        });
        self.out.path = conditions.collect();
        let by_line = |a: &mut Condition, b: &mut Condition| {
            let line = |c: &Condition| c.site.source.as_ref().map(|source| source.line);
            line(a).is_some() && line(a) == line(b)
        };
        self.out.path.dedup_by(by_line);
        self.out.other_conditions = path.branches(0, from).count() + left_out;
    }
}
