//! How near names are to each other: for what was meant where something is not known.

/// How many letters have to be changed, added or left out to make one name of the other, if they are no more than
/// `most`. Cheap where the names are far from each other, as most names are.
pub fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    // What is longer than any name is merely different.
    const LONGEST: usize = 256;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > most || a.len().max(b.len()) > LONGEST {
        return None;
    }
    // A change does away with one letter at most, and brings another.
    let unlike = (letters(a) ^ letters(b)).count_ones() as usize;
    if unlike > most.saturating_mul(2) {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut least = left;
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *above;
            left = replaced.min(*above + 1).min(left + 1);
            *above = left;
            least = least.min(left);
        }
        if least > most {
            return None;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().filter(|steps| *steps <= most)
}

/// Which letters a name has, some of them together.
fn letters(name: &[u8]) -> u64 {
    name.iter()
        .fold(0, |letters, letter| letters | 1 << (letter % 64))
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(distance("stacks", "stacks", 0), Some(0));
        assert_eq!(distance("stack", "stacks", 1), Some(1));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("ab", "cd", 2), Some(2));
        assert_eq!(distance("ab", "cd", 1), None);
        assert_eq!(distance("a", "", 0), None);
    }
}
