//! What programs are called in answers.

use std::collections::{BTreeMap, BTreeSet};

use verdict_loader::Object;
use verdict_report::printable;

/// The names of an object's programs. Those that terminals would obey are escaped, and of several programs of one name,
/// which only damaged objects have, the second one is `name#2`.
pub(crate) fn of_programs(object: &Object) -> Vec<String> {
    distinct((0..object.program_count()).map(|index| object.program_name(index)))
}

fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let names: Vec<_> = names
        .map(|name| printable(name.as_bytes()).into_owned())
        .collect();
    let mut taken: BTreeSet<String> = names.iter().cloned().collect();
    if taken.len() == names.len() {
        return names;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let number = |name: String| {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 {
            return name;
        }
        loop {
            let numbered = format!("{name}#{count}");
            if taken.insert(numbered.clone()) {
                return numbered;
            }
            *count += 1;
        }
    };
    names.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn no_two_programs_have_one_name() {
        let names = |names: &[&'static str]| distinct(names.iter().copied());
        assert_eq!(names(&["a", "b"]), ["a", "b"]);
        assert_eq!(
            names(&["a", "a#2", "a", "b\x1b", "a"]),
            ["a", "a#2", "a#3", "b\\x1b", "a#4"]
        );
    }
}
