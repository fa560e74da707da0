//! The programs that kernels are asked about.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use verdict_kernel::SWITCHES;

/// What build.rs packed: for each object a line with its name and how many bytes follow, and these.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/objects.gz"));

/// Objects of the corpus by file name, in the order of these.
pub fn objects() -> &'static [(&'static str, &'static [u8])] {
    static ALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut all = Vec::new();
        let _ = GzDecoder::new(PACKED).read_to_end(&mut all); // it was packed here
        all
    });
    static OBJECTS: LazyLock<Vec<(&str, &[u8])>> = LazyLock::new(|| {
        let (mut rest, mut objects) = (ALL.as_slice(), Vec::new());
        while let Some((name, bytes, behind)) = first(rest) {
            objects.push((name, bytes));
            rest = behind;
        }
        objects
    });
    &OBJECTS
}

/// What tells a verdict that asks other programs or knows other switches from this one.
pub fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    PACKED.hash(&mut hasher);
    for switch in SWITCHES {
        switch.name.hash(&mut hasher);
        switch
            .values
            .iter()
            .for_each(|value| value.name.hash(&mut hasher));
    }
    hasher.finish()
}

/// The first object, and what is behind it.
fn first(all: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let end = all.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = all.split_at_checked(end)?;
    let (name, length) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let (bytes, behind) = rest.get(1..)?.split_at_checked(length.parse().ok()?)?;
    Some((name, bytes, behind))
}

/// Objects over which a kernel may crash if one of its switches has a certain value: no kernel is asked about them, and the
/// switch that only they tell apart is not known.
pub const HARMFUL: &[&str] = &["switch_null_kptr.bpf.o"];

/// The object that a switch's row names.
pub(crate) fn object_of(corpus: &str) -> String {
    format!("{corpus}.bpf.o")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_all_switches_are_there() {
        for switch in SWITCHES {
            let object = object_of(switch.corpus);
            let found = objects().iter().find(|(name, _)| *name == object);
            assert!(
                found.is_some_and(|(_, bytes)| bytes.starts_with(b"\x7fELF")),
                "{object}"
            );
        }
        assert!(
            HARMFUL
                .iter()
                .all(|name| objects().iter().any(|(object, _)| object == name))
        );
        assert!(objects().is_sorted());
    }
}
