//! Quotients and remainders of a number by a constant.

use crate::{AluOp, Bounds, Width};

/// A constant by which is divided, in both readings: where what is known contradicts itself, they may not agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Divisor {
    unsigned: u64,
    signed: i64,
}

impl Bounds {
    /// These as a divisor, if they are known in `width`.
    pub(crate) fn divisor(&self, width: Width) -> Option<Divisor> {
        self.is_known_operand(width).then(|| match width {
            Width::W32 => Divisor {
                unsigned: self.u32_min.into(),
                signed: self.s32_min.into(),
            },
            Width::W64 => Divisor {
                unsigned: self.umin,
                signed: self.smin,
            },
        })
    }

    /// The quotient or remainder, not yet synced (`scalar_min_max_udiv` and its like). A quotient by 0 is 0, and the
    /// remainder the number itself.
    pub(crate) fn divided(&self, op: AluOp, width: Width, by: Divisor) -> Bounds {
        let remainder = matches!(op, AluOp::Mod | AluOp::SMod);
        if by.unsigned == 0 {
            return if remainder { *self } else { Bounds::ZERO };
        }
        let (unsigned, signed) = match width {
            Width::W32 => (
                (self.u32_min.into(), self.u32_max.into()),
                (self.s32_min.into(), self.s32_max.into()),
            ),
            Width::W64 => ((self.umin, self.umax), (self.smin, self.smax)),
        };
        match op {
            AluOp::Div => Bounds::of_unsigned(width, (unsigned.0 / by.unsigned, unsigned.1 / by.unsigned)),
            AluOp::Mod => match remainder_range(unsigned, by.unsigned) {
                Some(range) => Bounds::of_unsigned(width, range),
                None => *self,
            },
            AluOp::SDiv => Bounds::of_signed(width, signed_quotient_range(signed, by.signed, width)),
            _ => match signed_remainder_range(signed, by.signed) {
                Some(range) => Bounds::of_signed(width, range),
                None => *self,
            },
        }
    }

    /// An unsigned range in `width`, and nothing else.
    fn of_unsigned(width: Width, (min, max): (u64, u64)) -> Bounds {
        let mut result = Bounds::UNKNOWN;
        match width {
            Width::W32 => (result.u32_min, result.u32_max) = (min as u32, max as u32),
            Width::W64 => (result.umin, result.umax) = (min, max),
        }
        result
    }

    /// The same of a signed one.
    fn of_signed(width: Width, (min, max): (i64, i64)) -> Bounds {
        let mut result = Bounds::UNKNOWN;
        match width {
            Width::W32 => (result.s32_min, result.s32_max) = (min as i32, max as i32),
            Width::W64 => (result.smin, result.smax) = (min, max),
        }
        result
    }
}

/// None if the remainder is the number.
fn remainder_range((_, max): (u64, u64), by: u64) -> Option<(u64, u64)> {
    let most = by.wrapping_sub(1);
    (max > most).then_some((0, most))
}

/// The smallest number has no opposite: divided by -1 it is itself.
fn signed_quotient_range((min, max): (i64, i64), by: i64, width: Width) -> (i64, i64) {
    let (smallest, largest) = match width {
        Width::W32 => (i32::MIN.into(), i32::MAX.into()),
        Width::W64 => (i64::MIN, i64::MAX),
    };
    if min == smallest && by == -1 {
        return if max == smallest {
            (min, max)
        } else {
            (smallest, largest)
        };
    }
    // A range that contradicts itself may begin behind that number, and end with it.
    let (a, b) = (min.checked_div(by), max.checked_div(by));
    let (a, b) = (a.unwrap_or(smallest), b.unwrap_or(smallest));
    (a.min(b), a.max(b))
}

/// None if the remainder is the number. It has the number's sign.
fn signed_remainder_range((min, max): (i64, i64), by: i64) -> Option<(i64, i64)> {
    let most = (by.unsigned_abs().wrapping_sub(1)) as i64;
    if min >= -most && max <= most {
        return None;
    }
    Some(if min >= 0 {
        (0, max.min(most))
    } else if max <= 0 {
        (min.max(-most), 0)
    } else {
        (-most, most)
    })
}
