//! Tests that are known to fail, and counts that a run must have: a list that is asserted.
//!
//! A line `OBJECT PROGRAM NUMBER: REASON` names the expectation that is not met, as failures number them (0 is
//! the outcome). A line `expectations: …` is the one that the run's summary must have. Empty lines and those
//! that begin with `#` are comments.

use std::collections::BTreeMap;
use std::fmt;

use crate::report::{Status, Summary, TestResult};

/// What a list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Number and reason by object and program.
    tests: BTreeMap<(String, String), (usize, String)>,
    counts: Option<String>,
}

/// Why a text is no such list: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownError(String);

impl fmt::Display for KnownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KnownError {}

impl Known {
    /// Reads a list.
    ///
    /// # Errors
    /// Names the line that is malformed, or the test that is listed twice.
    pub fn parse(text: &str) -> Result<Known, KnownError> {
        let mut known = Known::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with("expectations: ") {
                known.counts = Some(line.to_owned());
                continue;
            }
            let entry = entry(line).ok_or_else(|| {
                let at = at + 1;
                KnownError(format!(
                    "line {at}: expected 'OBJECT PROGRAM NUMBER: REASON' or 'expectations: …'"
                ))
            })?;
            if known.tests.insert(entry.0.clone(), entry.1).is_some() {
                let words = format!("{} {}: listed twice", entry.0.0, entry.0.1);
                return Err(KnownError(words));
            }
        }
        Ok(known)
    }

    /// Marks the failures that are known, and says what is listed and is not so.
    pub fn apply(&self, results: &mut [TestResult]) -> Vec<String> {
        let mut stale = Vec::new();
        for result in results {
            let key = (result.object.clone(), result.program.clone());
            let Some((number, reason)) = self.tests.get(&key) else {
                continue;
            };
            let unmet = match &result.status {
                Status::Judged(judgement) => judgement.unmet.as_ref().map(|unmet| unmet.index),
                _ => None,
            };
            match unmet {
                Some(unmet) if unmet == *number => result.known = Some(reason.clone()),
                Some(unmet) => stale.push(format!(
                    "{}: expectation {number} is listed as not met, but it is {unmet}",
                    result.name()
                )),
                None => stale.push(format!("{}: listed as failing, but it does not", result.name())),
            }
        }
        stale
    }

    /// What is wrong with the counts.
    pub fn check(&self, summary: &Summary) -> Option<String> {
        let counts = self.counts.as_ref()?;
        let is = summary.expectations();
        (*counts != is).then(|| format!("listed as '{counts}', but it is '{is}'"))
    }
}

type Entry = ((String, String), (usize, String));

fn entry(line: &str) -> Option<Entry> {
    let (test, reason) = line.split_once(": ")?;
    let mut words = test.split_whitespace();
    let (object, program, number) = (words.next()?, words.next()?, words.next()?);
    let key = (object.to_owned(), program.to_owned());
    match words.next() {
        None => Some((key, (number.parse().ok()?, reason.to_owned()))),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Judgement, Unmet, Why};

    #[test]
    fn a_list_is_held_against_a_run() {
        let list = "# why\n\nexpectations: 0 met; 1 unmet; 0 not reached; 0 skipped\na.o p 0: old kernel\na.o q 1: gone\n";
        let known = Known::parse(list).unwrap();
        let unmet = Unmet {
            index: 0,
            why: Why::Accepted,
        };
        let judgement = |unmet| {
            Status::Judged(Judgement {
                unmet,
                ..Judgement::default()
            })
        };
        let result = |program: &str, status| TestResult {
            object: "a.o".to_owned(),
            program: program.to_owned(),
            description: None,
            status,
            skipped: Default::default(),
            known: None,
            assumed: None,
            seconds: 0.0,
        };
        let mut results = [
            result("p", judgement(Some(unmet.clone()))),
            result("q", judgement(None)),
            result("r", judgement(Some(unmet))),
        ];
        assert_eq!(
            known.apply(&mut results),
            ["a.o q: listed as failing, but it does not"]
        );
        let mut summary = Summary::default();
        results.iter().for_each(|result| summary.count(result));
        assert_eq!((summary.known, summary.failed, summary.passed), (1, 1, 1));
        assert!(known.check(&summary).unwrap().contains("0 met; 2 unmet"));
    }

    #[test]
    fn malformed_lists() {
        assert!(
            Known::parse("a.o p: no number")
                .unwrap_err()
                .to_string()
                .starts_with("line 1: expected")
        );
        assert!(Known::parse("a.o p 1 2: x").is_err());
        assert_eq!(
            Known::parse("a p 0: x\na p 1: y").unwrap_err().to_string(),
            "a p: listed twice"
        );
    }
}
