//! Names: the part of a type's name that CO-RE compares.

/// The name without its flavour: what follows the last `___` between two characters that are no underscores
/// is left off (`task_struct___old` is `task_struct`).
#[inline]
pub fn essential_name(name: &str) -> &str {
    let len = essential_len(name.as_bytes());
    name.get(..len).unwrap_or(name)
}

/// Bytes of the essential part of a name.
pub(crate) fn essential_len(name: &[u8]) -> usize {
    // A flavour is rare: look for the separator only where there is one at all.
    name.windows(5)
        .rposition(|w| w[0] != b'_' && w[1] == b'_' && w[2] == b'_' && w[3] == b'_' && w[4] != b'_')
        .map_or(name.len(), |at| at + 1)
}
