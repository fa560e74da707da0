//! Names that are nearly the same.

use verdict_kernel::near::distance;

/// Most names that are suggested.
const MAX_NAMES: usize = 3;
/// The longest name that is looked at.
const MAX_LEN: usize = 64;

/// Most letters that a suggested name differs in.
pub const MAX_APART: usize = 3;

/// The names that are nearest to one that there is not, the nearest first: those that a slip or two lead to.
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let allowed = (name.len() / 4).clamp(1, MAX_APART);
    let mut found: Vec<(usize, String)> = Vec::new();
    if name.len() < 3 || name.len() > MAX_LEN {
        return Vec::new();
    }
    let own = letters(name);
    for other in names {
        // A slip in the very first letter is rare, and most names begin otherwise.
        if other.as_bytes().first() != name.as_bytes().first() || other == name {
            continue;
        }
        // Two letters in each other's place are one slip.
        let swapped = allowed < 2 && other.len() == name.len() && letters(other) == own;
        let allowed = if swapped { 2 } else { allowed };
        if let Some(distance) = distance(name, other, allowed)
            && !found.iter().any(|(_, known)| known == other)
        {
            found.push((distance, other.to_owned()));
        }
    }
    found.sort();
    found.truncate(MAX_NAMES);
    found.into_iter().map(|(_, name)| name).collect()
}

/// The letters of a name, in the alphabet's order.
fn letters(name: &str) -> Vec<u8> {
    let mut letters = name.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips() {
        let names = ["vfs_read", "vfs_readv", "vfs_write", "tcp_v4_connect", "vfs_open"];
        assert_eq!(nearest("vfs_raed", names.into_iter()), ["vfs_read"]);
        assert_eq!(nearest("tcp_v4_conect", names.into_iter()), ["tcp_v4_connect"]);
        assert_eq!(nearest("tp_bft", ["tp_btf", "tp"].into_iter()), ["tp_btf"]);
        assert!(nearest("bpf_testmod", names.into_iter()).is_empty());
        assert!(nearest("", names.into_iter()).is_empty());
    }
}
