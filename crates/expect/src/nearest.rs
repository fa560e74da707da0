//! The lines of a log that help to see why a message is not in it.

use std::collections::BTreeSet;

/// How many lines are shown.
const SHOWN: usize = 3;

/// Longest line that is shown, in bytes.
const WIDTH: usize = 240;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// Its text, cut where it is very long.
    pub text: String,
}

impl Line {
    fn new(number: usize, text: &str) -> Line {
        let cut = text.floor_char_boundary(WIDTH);
        let more = if cut < text.len() { "…" } else { "" };
        Line {
            number,
            text: format!("{}{more}", text.get(..cut).unwrap_or_default()),
        }
    }

    /// The line that this byte of the log is in.
    pub(crate) fn at(log: &str, byte: usize) -> Line {
        let number = line_number(log, byte);
        Line::new(number, log.lines().nth(number - 1).unwrap_or_default())
    }
}

/// The number of the line that this byte of the log is in.
pub(crate) fn line_number(log: &str, byte: usize) -> usize {
    let before = log.as_bytes().get(..byte).unwrap_or_default();
    1 + before.iter().filter(|b| **b == b'\n').count()
}

/// The log's last lines, the statistics left out.
pub(crate) fn last_lines(log: &str) -> Vec<Line> {
    let lines: Vec<_> = log
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with("processed ") && !line.is_empty())
        .collect();
    let shown = lines.iter().skip(lines.len().saturating_sub(SHOWN));
    shown.map(|(at, line)| Line::new(at + 1, line)).collect()
}

/// The lines from byte `from` on that have most in common with `message`; the log's end if none has much.
pub(crate) fn nearest(log: &str, from: usize, message: &str) -> Vec<Line> {
    let wanted = trigrams(message).collect::<BTreeSet<_>>();
    let first = line_number(log, from);
    let mut likest: Vec<(usize, usize, &str)> = Vec::new();
    for (at, line) in log.lines().enumerate().skip(first - 1) {
        let common = trigrams(line)
            .filter(|t| wanted.contains(t))
            .collect::<BTreeSet<_>>()
            .len();
        // A quarter of the message, or it is chance.
        if common == 0 || common * 4 < wanted.len() {
            continue;
        }
        let place = likest.partition_point(|(c, ..)| *c >= common);
        likest.insert(place, (common, at + 1, line));
        likest.truncate(SHOWN);
    }
    // Far behind the best one they only distract.
    let best = likest.first().map_or(0, |(common, ..)| *common);
    likest.retain(|(common, ..)| common * 4 >= best * 3);
    likest.sort_by_key(|(_, number, _)| *number);
    if likest.is_empty() {
        return last_lines(log);
    }
    likest
        .into_iter()
        .map(|(_, number, line)| Line::new(number, line))
        .collect()
}

fn trigrams(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes().windows(3)
}
