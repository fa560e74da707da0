//! Patterns come from objects that nobody vouches for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use verdict_expect::Pattern;

proptest! {
    /// Whatever a pattern is, it is compiled or refused, and what it matches lies in the log.
    #[test]
    fn patterns_match_within_the_log(
        pattern in "(\\{\\{)?[a-c(){}\\[\\]|*+?.^$\\\\,:0-3-]{0,24}(\\}\\})?",
        log in "[a-c\n]{0,40}",
    ) {
        if let Ok(pattern) = Pattern::new(&pattern)
            && let Some(found) = pattern.find(&log)
        {
            prop_assert!(log.get(found).is_some());
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_not(pattern in any::<String>(), log in any::<String>()) {
        if let Ok(pattern) = Pattern::new(&pattern) {
            pattern.find(&log);
        }
    }

    /// Text without brackets is found where it is.
    #[test]
    fn text_is_found(before in "[a-z]{0,9}", text in "[.*+?()|^$\\\\]{1,9}", after in "[a-z]{0,9}") {
        let found = Pattern::new(&text).unwrap().find(&format!("{before}{text}{after}"));
        prop_assert_eq!(found, Some(before.len()..before.len() + text.len()));
    }
}
