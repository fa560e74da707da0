//! Numbers to text, without the detour over `fmt`: a log is mostly numbers.

/// Most digits of a 64-bit number.
const MOST: usize = 20;

/// Appends a number in decimal digits.
pub(crate) fn decimal(out: &mut String, value: u64) {
    digits(out, value, 10);
}

/// Appends a number in decimal digits, with its sign if it is negative.
pub(crate) fn signed(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    decimal(out, value.unsigned_abs());
}

/// Appends a number in hexadecimal digits behind `0x`.
pub(crate) fn hex(out: &mut String, value: u64) {
    out.push_str("0x");
    digits(out, value, 16);
}

fn digits(out: &mut String, mut value: u64, base: u64) {
    let mut text = [0; MOST];
    let mut at = MOST;
    loop {
        at -= 1;
        let digit = (value % base) as usize;
        text[at] = b"0123456789abcdef"[digit];
        value /= base;
        if value == 0 {
            break;
        }
    }
    // Digits are ASCII.
    out.push_str(std::str::from_utf8(&text[at..]).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::{decimal, hex, signed};

    #[test]
    fn as_fmt_writes_them() {
        for value in [
            0,
            1,
            9,
            10,
            99,
            32767,
            1 << 32,
            u64::MAX / 10,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let mut out = String::new();
            decimal(&mut out, value);
            out.push(' ');
            signed(&mut out, value as i64);
            out.push(' ');
            hex(&mut out, value);
            assert_eq!(out, format!("{value} {} {value:#x}", value as i64));
        }
        let mut least = String::new();
        signed(&mut least, i64::MIN);
        assert_eq!(least, i64::MIN.to_string());
    }
}
