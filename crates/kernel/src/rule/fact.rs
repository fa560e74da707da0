//! What is known of a refusal beside its words.

use std::fmt;

/// What a check knows of what it refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Fact {
    /// It is about this register.
    Register(u8),
    /// An access of memory through a register.
    Access {
        /// The register with the address.
        reg: u8,
        /// Where the access may begin: least and greatest offset in bytes.
        from: (i64, i64),
        /// Its size in bytes.
        size: i64,
        /// The bytes that there are: the first, and the one behind the last.
        bytes: (i64, i64),
    },
    /// A number that may be out of its range.
    Number {
        /// The register that holds it.
        reg: u8,
        /// What it may be: least and greatest.
        is: (i64, i64),
        /// What it must be.
        allowed: (i64, i64),
    },
    /// What was acquired at this instruction.
    Acquired(u32),
}

impl Fact {
    /// The register that it is about.
    pub fn register(&self) -> Option<u8> {
        match *self {
            Fact::Register(reg) | Fact::Access { reg, .. } | Fact::Number { reg, .. } => Some(reg),
            Fact::Acquired(_) => None,
        }
    }

    /// Whether it says more than which register it is about.
    pub fn has_numbers(&self) -> bool {
        matches!(self, Fact::Access { .. } | Fact::Number { .. })
    }
}

/// `R2: 1 byte at offset 12, of bytes 0 to 11`; empty where there are no numbers.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fact::Register(_) | Fact::Acquired(_) => Ok(()),
            Fact::Access {
                reg,
                from,
                size,
                bytes: (first, end),
            } => {
                let unit = if size == 1 { "byte" } else { "bytes" };
                match from {
                    (i64::MIN, i64::MAX) => write!(f, "R{reg}: {size} {unit} at any offset")?,
                    _ => write!(f, "R{reg}: {size} {unit} at offset {}", Range(from))?,
                }
                if first < end {
                    write!(f, ", of bytes {first} to {}", end - 1)
                } else {
                    f.write_str(", of no bytes at all")
                }
            }
            Fact::Number { reg, is, allowed } => {
                write!(f, "R{reg}: {}, allowed is {}", Range(is), Range(allowed))
            }
        }
    }
}

/// `7`, `0 to 7`, `0 or more`.
struct Range((i64, i64));

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            (min, max) if min == max => write!(f, "{min}"),
            (i64::MIN, i64::MAX) => f.write_str("any number"),
            (min, i64::MAX) => write!(f, "{min} or more"),
            (i64::MIN, max) => write!(f, "{max} or less"),
            (min, max) => write!(f, "{min} to {max}"),
        }
    }
}

/// How an instruction has to do with a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Role {
    /// It gave the register its value.
    Sets,
    /// It is a call, which leaves nothing in the register.
    Clears,
    /// It acquired what is not released.
    Acquires,
}

/// An instruction that has to do with a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The instruction.
    pub insn: u32,
    /// Why it matters.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(from: (i64, i64), size: i64, bytes: (i64, i64)) -> String {
        let reg = 2;
        Fact::Access {
            reg,
            from,
            size,
            bytes,
        }
        .to_string()
    }

    #[test]
    fn words() {
        assert_eq!(
            access((12, 12), 1, (0, 12)),
            "R2: 1 byte at offset 12, of bytes 0 to 11"
        );
        assert_eq!(
            access((-520, -513), 8, (-512, 0)),
            "R2: 8 bytes at offset -520 to -513, of bytes -512 to -1"
        );
        assert_eq!(
            access((0, i64::MAX), 4, (0, 0)),
            "R2: 4 bytes at offset 0 or more, of no bytes at all"
        );
        let fact = Fact::Number {
            reg: 0,
            is: (i64::MIN, i64::MAX),
            allowed: (0, 1),
        };
        assert_eq!(fact.to_string(), "R0: any number, allowed is 0 to 1");
    }
}
