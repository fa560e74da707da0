//! What a test expects of a log.
//!
//! A line of expectations is met by a line of the log that has all of its words, whole and in their order; others may
//! stand between them. A word that ends in `…` is met by one that begins so. Lines are met in their order. A line that
//! begins with `no ` is met if no line of the whole log has the words behind it. The log's own first line is `accepted`, or `refused:`
//! and an errno; expectations begin with it.

/// Whether a log is as expected.
///
/// # Errors
/// The line that is not met.
pub(super) fn met<'e>(expected: &'e str, log: &str) -> Result<(), &'e str> {
    let mut left = log.lines();
    let mut first = true;
    for line in expected.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(
            !first || line == "accepted" || line.starts_with("refused: "),
            "expectations begin with the verdict, not with: {line}"
        );
        first = false;
        let found = match line.strip_prefix("no ") {
            Some(words) => !log.lines().any(|said| has(said, words)),
            None => left.any(|said| has(said, line)),
        };
        if !found {
            return Err(line);
        }
    }
    assert!(!first, "a test expects something");
    Ok(())
}

/// Whether a line has all of these words, in their order.
fn has(line: &str, words: &str) -> bool {
    let mut said = line.split_whitespace();
    words.split_whitespace().all(|word| {
        said.any(|said| match word.strip_suffix('…') {
            Some(beginning) => said.starts_with(beginning),
            None => said == word,
        })
    })
}

#[test]
fn words_are_met_whole_and_in_order() {
    let log = "accepted\n0: (b7) r0 = 0                       ; R0_w=0\n1: (95) exit\nprocessed 2 insns";
    assert_eq!(met("accepted\n0: R0_w=0\nprocessed 2 insns", log), Ok(()));
    assert_eq!(met("accepted\n0: R0…\nno 2:", log), Ok(()));
    assert_eq!(met("accepted\n0: R0_w", log), Err("0: R0_w"));
    assert_eq!(met("accepted\n1: exit\n0: R0_w=0", log), Err("0: R0_w=0"));
    assert_eq!(met("accepted\nno 1:", log), Err("no 1:"));
    assert_eq!(met("refused: EACCES", log), Err("refused: EACCES"));
}
