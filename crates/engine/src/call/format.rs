//! Format strings of `bpf_snprintf` and its like, as `bpf_bprintf_prepare` checks them.

/// Whether a format string, without its NUL, asks for no more than `args` arguments in ways it may.
pub(super) fn is_valid(format: &[u8], args: u64) -> bool {
    let (mut i, mut specs) = (0, 0);
    while let Some(&c) = format.get(i) {
        if c.is_ascii() && !(b' '..=b'~').contains(&c) && !is_space(c) {
            return false;
        }
        i += match (c, format.get(i + 1)) {
            (b'%', Some(b'%')) => 2,
            (b'%', _) if specs >= args => return false,
            (b'%', _) => match conversion(&format[i..]) {
                Some(len) => {
                    specs += 1;
                    len
                }
                None => return false,
            },
            _ => 1,
        };
    }
    true
}

/// The bytes of the conversion that the format begins with; `None` for one that is not allowed.
fn conversion(format: &[u8]) -> Option<usize> {
    let at = |i: usize| format.get(i).copied().unwrap_or(0);
    let ends = |c: u8| c == 0 || is_space(c) || c.is_ascii_punctuation();
    let mut i = 1;
    if !at(i).is_ascii() {
        return None;
    }
    while matches!(at(i), b'0' | b'+' | b'-' | b' ') {
        i += 1;
    }
    if matches!(at(i), b'1'..=b'9') {
        while at(i).is_ascii_digit() {
            i += 1;
        }
    }
    let (n1, n2) = (at(i + 1), at(i + 2));
    match at(i) {
        b'p' => match (n1, n2) {
            (c, _) if ends(c) => {}
            (b'k' | b'u', b's') if ends(at(i + 3)) => i += 2,
            (b'K' | b'x' | b's' | b'S' | b'B', _) => i += 1,
            (b'i' | b'I', b'4' | b'6') => i += 2,
            _ => return None,
        },
        b's' if ends(n1) => {}
        b's' => return None,
        b'c' => {}
        _ => {
            for _ in 0..2 {
                if at(i) == b'l' {
                    i += 1;
                }
            }
            if !matches!(at(i), b'i' | b'd' | b'u' | b'x' | b'X') {
                return None;
            }
        }
    }
    Some(i + 1)
}

/// `isspace` of the C locale.
fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}
