//! The kernel's last words: the end of a rejected program's log.

use memchr::{memmem, memrchr_iter};
use verdict_log::{LEFT_OUT, hide_addresses};
use verdict_report::printable_lines;

/// How many lines count as last words.
const LINES: usize = 4;

/// What stands before the statistics at a log's end.
const FOOTER: &[u8] = b"\nprocessed ";

/// Up to four lines before the statistics, without addresses of the kernel; of a log without statistics, its last lines.
/// Nothing if one of them was left out, or begins where lines were: the kernel may have begun that line before.
pub(crate) fn last_words(log: &[u8]) -> Option<String> {
    let end = memmem::find(log, FOOTER).map_or(log.len(), |at| at + 1);
    let words = log.get(..end).unwrap_or_default();
    // The newline that ends the last line begins no other.
    let ends = words.strip_suffix(b"\n").unwrap_or(words);
    let start = memrchr_iter(b'\n', ends).nth(LINES - 1).map_or(0, |at| at + 1);
    let mut last = words.get(start..).unwrap_or_default().to_vec();
    let begins_within = words
        .get(..start)
        .is_some_and(|before| before.ends_with(LEFT_OUT.as_bytes()));
    if begins_within || memmem::find(&last, LEFT_OUT.as_bytes()).is_some() {
        return None;
    }
    hide_addresses(&mut last);
    Some(printable_lines(&String::from_utf8_lossy(&last)).into_owned())
}

#[cfg(test)]
mod tests {
    use verdict_log::LEFT_OUT;

    use super::last_words;

    #[test]
    fn four_lines_before_the_statistics() {
        let of = |log: &[u8]| last_words(log).unwrap();
        let footer = "processed 2 insns (limit 1000000)\n";
        assert_eq!(of(format!("a\nb\nc\nd\ne\n{footer}").as_bytes()), "b\nc\nd\ne\n");
        assert_eq!(of(format!("a\n{footer}").as_bytes()), "a\n");
        assert_eq!(of(b"no statistics"), "no statistics");
        assert_eq!(of(b""), "");
        assert_eq!(of(b"a\nb\nc\nd\ne"), "b\nc\nd\ne");
        assert_eq!(of(b"\n\n\n\n\n"), "\n\n\n\n");
        assert_eq!(of(b"r1 = 0xffff888012345678\n"), "r1 = 0xff00000000000000\n");
    }

    #[test]
    fn a_line_that_was_left_out_is_no_last_word() {
        let footer = "processed 9 insns (limit 1000000)\n";
        let of = |lines: &str| last_words(format!("{LEFT_OUT}{lines}{footer}").as_bytes());
        assert_eq!(of("a\nb\nc\nd\ne\n").as_deref(), Some("b\nc\nd\ne\n"));
        assert_eq!(of("the end of a line\nb\nc\nd\n"), None);
        assert_eq!(of("a\nb\nc\n"), None);
    }
}
