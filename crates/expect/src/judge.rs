//! Holding what happened against what was expected.

use std::ops::Range;

use crate::nearest::{Line, last_lines, line_number, nearest};
use crate::spec::{Message, Spec};

/// The result of loading a program.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// `None` when the program was accepted; otherwise why it was not.
    pub refused: Option<&'a str>,
    /// The log.
    pub log: &'a str,
}

/// The result of a test's expectations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// How many are met.
    pub met: usize,
    /// The first that is not. Those behind it are not looked at, as the log's order counts.
    pub unmet: Option<Unmet>,
    /// How many stand behind it.
    pub unreached: usize,
}

/// An expectation that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Its number: 0 is the outcome, messages follow.
    pub index: usize,
    /// Why.
    pub why: Why,
}

/// Why an expectation is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It should have been accepted.
    Refused {
        /// Why it was not.
        reason: String,
        /// The log's end.
        log: Vec<Line>,
    },
    /// It should have been refused.
    Accepted,
    /// A message is missing.
    Missing {
        /// The message.
        message: String,
        /// The line of the message before it, if there is one.
        after: Option<usize>,
        /// The line in which it occurs, too early.
        earlier: Option<Line>,
        /// The lines most like it, in the log's order; the end of the log if none is.
        nearest: Vec<Line>,
        /// Why the program was not accepted, if it was not.
        refused: Option<String>,
    },
    /// A message is there that must not be.
    Present {
        /// The message.
        message: String,
        /// Where.
        line: Line,
    },
}

/// Judges a test. The first message that is missing ends it.
pub fn judge(spec: &Spec, observed: &Observed<'_>) -> Judgement {
    let unmet = wrong_outcome(spec, observed)
        .map(|why| Unmet { index: 0, why })
        .or_else(|| wrong_message(&spec.messages, observed));
    let met = unmet.as_ref().map_or(spec.expectations(), |unmet| unmet.index);
    let unreached = spec
        .expectations()
        .saturating_sub(met + usize::from(unmet.is_some()));
    Judgement {
        met,
        unmet,
        unreached,
    }
}

fn wrong_outcome(spec: &Spec, observed: &Observed<'_>) -> Option<Why> {
    match (spec.refused, observed.refused) {
        (true, None) => Some(Why::Accepted),
        (false, Some(reason)) => Some(Why::Refused {
            reason: reason.to_owned(),
            log: last_lines(observed.log),
        }),
        (true, Some(_)) | (false, None) => None,
    }
}

/// The first message that is not as expected. Each is looked for behind the one before; what must be absent is
/// looked for between the expected ones around it.
fn wrong_message(messages: &[Message], observed: &Observed<'_>) -> Option<Unmet> {
    let log = observed.log;
    let mut matched: Option<Range<usize>> = None;
    let mut absent = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.absent {
            absent.push((at, message));
            continue;
        }
        let from = matched.as_ref().map_or(0, |range| range.end);
        let Some(found) = find(message, log, from..log.len()) else {
            return Some(Unmet {
                index: at + 1,
                why: missing(message, observed, matched),
            });
        };
        if let Some(unmet) = present(&absent, log, from..found.start) {
            return Some(unmet);
        }
        absent.clear();
        matched = Some(found);
    }
    let from = matched.map_or(0, |range| range.end);
    present(&absent, log, from..log.len())
}

fn find(message: &Message, log: &str, within: Range<usize>) -> Option<Range<usize>> {
    let from = within.start;
    let found = message.pattern.find(log.get(within)?)?;
    Some(from + found.start..from + found.end)
}

fn present(absent: &[(usize, &Message)], log: &str, within: Range<usize>) -> Option<Unmet> {
    absent.iter().find_map(|(at, message)| {
        let found = find(message, log, within.clone())?;
        Some(Unmet {
            index: at + 1,
            why: Why::Present {
                message: message.pattern.text().to_owned(),
                line: Line::at(log, found.start),
            },
        })
    })
}

fn missing(message: &Message, observed: &Observed<'_>, before: Option<Range<usize>>) -> Why {
    let log = observed.log;
    let from = before.as_ref().map_or(0, |range| range.end);
    let earlier = find(message, log, 0..from).map(|found| Line::at(log, found.start));
    Why::Missing {
        message: message.pattern.text().to_owned(),
        after: before.map(|range| line_number(log, range.start)),
        earlier,
        nearest: nearest(log, from, message.pattern.text()),
        refused: observed.refused.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    fn messages(texts: &[&str]) -> Vec<Message> {
        let message = |text: &&str| Message {
            pattern: Pattern::new(text.trim_start_matches('!')).unwrap(),
            absent: text.starts_with('!'),
        };
        texts.iter().map(message).collect()
    }

    /// The number of the message that is wrong.
    fn wrong(texts: &[&str], log: &str) -> Option<usize> {
        wrong_message(&messages(texts), &Observed { refused: None, log }).map(|unmet| unmet.index)
    }

    #[test]
    fn messages_come_in_order() {
        let log = "one\ntwo\nthree two\n";
        assert_eq!(wrong(&[], ""), None);
        assert_eq!(wrong(&["one", "two", "two"], log), None);
        assert_eq!(wrong(&["two", "one"], log), Some(2));
        assert_eq!(wrong(&["two", "two", "two"], log), Some(3));
        assert_eq!(wrong(&["o{{[a-z]}}e", "{{^}}three"], log), None);
        assert_eq!(wrong(&["one"], ""), Some(1));
    }

    #[test]
    fn what_must_be_absent_is_absent_between_its_neighbours() {
        let log = "one\ntwo\nthree\n";
        assert_eq!(wrong(&["one", "!two"], log), Some(2));
        assert_eq!(wrong(&["two", "!one", "three", "!two"], log), None);
        assert_eq!(wrong(&["one", "!t{{.}}o", "three"], log), Some(2));
        assert_eq!(wrong(&["!three", "two"], log), None);
    }

    #[test]
    fn a_missing_message_says_what_comes_near() {
        let log = "R1 type=scalar expected=fp\nprocessed 1 insns\nR1 type=ctx\n";
        let observed = Observed { refused: None, log };
        let found = wrong_message(
            &messages(&["processed", "R1 type=scalar expected=ctx"]),
            &observed,
        );
        let Some(Unmet {
            index: 2,
            why:
                Why::Missing {
                    after,
                    earlier,
                    nearest,
                    ..
                },
        }) = found
        else {
            panic!("{found:?}");
        };
        assert_eq!((after, earlier), (Some(2), None));
        assert_eq!(nearest.iter().map(|line| line.number).collect::<Vec<_>>(), [3]);
    }
}
