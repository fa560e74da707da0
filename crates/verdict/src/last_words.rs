//! The kernel's last words: the end of a rejected program's log.

/// How many lines count as last words.
const LINES: usize = 4;

/// What stands before the statistics at a log's end.
const FOOTER: &[u8] = b"\nprocessed ";

/// Up to four lines before the statistics; of a log without statistics, its last lines.
pub(crate) fn last_words(log: &[u8]) -> String {
    let end = log
        .windows(FOOTER.len())
        .position(|window| window == FOOTER)
        .map_or(log.len(), |at| at + 1);
    let words = log.get(..end).unwrap_or_default();
    let lines = words.split_inclusive(|byte| *byte == b'\n').count();
    let mut last = Vec::new();
    for line in words
        .split_inclusive(|byte| *byte == b'\n')
        .skip(lines.saturating_sub(LINES))
    {
        last.extend_from_slice(line);
    }
    String::from_utf8_lossy(&last).into_owned()
}

#[cfg(test)]
mod tests {
    use super::last_words;

    #[test]
    fn four_lines_before_the_statistics() {
        let footer = "processed 2 insns (limit 1000000)\n";
        assert_eq!(
            last_words(format!("a\nb\nc\nd\ne\n{footer}").as_bytes()),
            "b\nc\nd\ne\n"
        );
        assert_eq!(last_words(format!("a\n{footer}").as_bytes()), "a\n");
        assert_eq!(last_words(b"no statistics"), "no statistics");
        assert_eq!(last_words(b""), "");
    }
}
