//! Delta debugging: the fewest elements that still do.

use super::mixture::Set;

/// Reduces `set`, which does, to one of which no element can be left out. `does` answers with the set that it
/// tried, as it may have had to complete it.
pub(super) fn reduce(mut set: Set, mut does: impl FnMut(&Set) -> Option<Set>) -> Set {
    let mut chunks = 2;
    while set.len() > 1 {
        let size = set.len().div_ceil(chunks);
        let list: Vec<usize> = set.iter().copied().collect();
        let chunk = |at: usize| -> Set { list.iter().copied().skip(at * size).take(size).collect() };
        let count = list.len().div_ceil(size);
        let smaller = |found: &Set| found.len() < list.len();
        let mut attempt = |candidate: Set| does(&candidate).filter(smaller);
        if let Some(found) = (0..count).find_map(|at| attempt(chunk(at))) {
            (set, chunks) = (found, 2);
        } else if let Some(found) = (0..count).find_map(|at| attempt(&set - &chunk(at))) {
            (set, chunks) = (found, (chunks - 1).max(2));
        } else if size == 1 {
            break;
        } else {
            chunks = (chunks * 2).min(set.len());
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(all: usize, needed: &[usize]) -> (Vec<usize>, usize) {
        let mut runs = 0;
        let set = reduce((0..all).collect(), |set| {
            runs += 1;
            needed.iter().all(|n| set.contains(n)).then(|| set.clone())
        });
        (set.into_iter().collect(), runs)
    }

    #[test]
    fn what_is_needed_remains() {
        assert_eq!(reduced(64, &[17]).0, [17]);
        assert_eq!(reduced(64, &[0, 63]).0, [0, 63]);
        assert_eq!(reduced(5, &[0, 1, 2, 3, 4]).0, [0, 1, 2, 3, 4]);
        assert_eq!(reduced(1, &[0]).0, [0]);
        assert!(reduced(64, &[17]).1 < 20);
    }

    #[test]
    fn sets_may_be_completed() {
        // 7 presupposes 3.
        let set = reduce((0..16).collect(), |set| {
            let mut set = set.clone();
            if set.contains(&7) {
                set.insert(3);
            }
            set.contains(&7).then_some(set)
        });
        assert_eq!(set, Set::from([3, 7]));
    }
}
