//! What a page shows of an output: all of its lines, but for those that a line `…` marks as left out.

const LEFT_OUT: &str = "…";

/// Runs of lines that follow each other, and whether lines may be left out before each of them and at the end.
fn runs(shown: &[String]) -> (Vec<(bool, &[String])>, bool) {
    let mut runs: Vec<_> = shown
        .split(|line| line == LEFT_OUT)
        .enumerate()
        .map(|(at, run)| (at > 0, run))
        .collect();
    let open = runs.len() > 1 && runs.last().is_some_and(|(_, run)| run.is_empty());
    runs.retain(|(_, run)| !run.is_empty());
    (runs, open)
}

fn is_at(printed: &[&str], at: usize, run: &[String]) -> bool {
    printed.len() >= at + run.len() && run.iter().zip(&printed[at..]).all(|(shown, line)| shown == line)
}

/// Whether this is shown of that.
///
/// # Errors
/// Says which lines are not there.
pub(crate) fn compare(printed: &[&str], shown: &[String]) -> Result<(), String> {
    let (runs, open) = runs(shown);
    let mut at = 0;
    let last = runs.len().wrapping_sub(1);
    for (number, (gap, run)) in runs.iter().enumerate() {
        let ends = number == last && !open;
        let fits = |start: usize| is_at(printed, start, run) && (!ends || start + run.len() == printed.len());
        let candidates = if *gap { at..=printed.len() } else { at..=at };
        let found = candidates.into_iter().find(|start| fits(*start));
        at = found.ok_or_else(|| format!("not printed there:\n{}", run.join("\n")))? + run.len();
    }
    if runs.is_empty() && !open && !printed.is_empty() {
        return Err("something is printed".to_owned());
    }
    Ok(())
}

/// The same lines as they are printed now: where one is not printed any more, those that are most like it.
pub(crate) fn updated(printed: &[&str], shown: &[String]) -> Vec<String> {
    let (runs, open) = runs(shown);
    if !shown.iter().any(|line| line == LEFT_OUT) {
        return printed.iter().map(|line| (*line).to_owned()).collect();
    }
    let (mut new, mut at) = (Vec::new(), 0);
    let last = runs.len().wrapping_sub(1);
    for (number, (gap, run)) in runs.iter().enumerate() {
        let latest = printed.len().saturating_sub(run.len()).max(at);
        let start = match (gap, number == last && !open) {
            (false, _) => at,
            (true, true) => latest,
            (true, false) => (at..=latest)
                .rev()
                .max_by_key(|start| likeness(&printed[*start..], run))
                .unwrap_or(at),
        };
        if *gap && start > at {
            new.push(LEFT_OUT.to_owned());
        }
        at = (start + run.len()).min(printed.len());
        new.extend(printed[start.min(at)..at].iter().map(|line| (*line).to_owned()));
    }
    if open && at < printed.len() {
        new.push(LEFT_OUT.to_owned());
    }
    new
}

/// How many bytes lines have in common at their beginnings.
fn likeness(printed: &[&str], run: &[String]) -> usize {
    let common = |(a, b): (&&str, &String)| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    printed.iter().zip(run).map(common).sum()
}

#[cfg(test)]
mod tests {
    use super::{compare, updated};

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn lines_are_left_out_only_where_that_is_said() {
        let printed = ["a", "b", "c", "d"];
        for good in ["a b c d", "a … d", "… c d", "a b …", "… b …", "…"] {
            assert_eq!(compare(&printed, &lines(good)), Ok(()), "{good}");
        }
        for bad in ["a b c", "b c d", "a … c", "a c …", "… d c", "a … e …"] {
            assert!(compare(&printed, &lines(bad)).is_err(), "{bad}");
        }
        assert!(compare(&printed, &[]).is_err());
        assert_eq!(compare(&[], &[]), Ok(()));
    }

    #[test]
    fn what_is_left_out_stays_out() {
        let printed = ["a1", "b1", "c1", "d1"];
        assert_eq!(updated(&printed, &lines("a0 b0")), printed);
        assert_eq!(updated(&printed, &lines("a0 … c0 …")), lines("a1 … c1 …"));
        assert_eq!(updated(&printed, &lines("… c0 d0")), lines("… c1 d1"));
    }
}
