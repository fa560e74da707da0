//! What is known of one 64-bit value.

use crate::{Rules, Tnum};
use std::fmt;

/// What is known of one 64-bit value: its bits, and its range in four readings.
///
/// The parts are redundant on purpose; [`Bounds::sync`] carries knowledge between them. They can come to
/// contradict each other, on branches that cannot happen: see [`Bounds::violation`]. How they are kept is the
/// crate's own affair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bounds {
    /// The bits.
    pub(crate) var_off: Tnum,
    /// Smallest as `i64`.
    pub(crate) smin: i64,
    /// Largest as `i64`.
    pub(crate) smax: i64,
    /// Smallest as `u64`.
    pub(crate) umin: u64,
    /// Largest as `u64`.
    pub(crate) umax: u64,
    /// Smallest of the low 32 bits as `i32`.
    pub(crate) s32_min: i32,
    /// Largest of the low 32 bits as `i32`.
    pub(crate) s32_max: i32,
    /// Smallest of the low 32 bits as `u32`.
    pub(crate) u32_min: u32,
    /// Largest of the low 32 bits as `u32`.
    pub(crate) u32_max: u32,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds::UNKNOWN
    }
}

impl Bounds {
    /// Any value.
    pub const UNKNOWN: Bounds = Bounds {
        var_off: Tnum::UNKNOWN,
        smin: i64::MIN,
        smax: i64::MAX,
        umin: 0,
        umax: u64::MAX,
        s32_min: i32::MIN,
        s32_max: i32::MAX,
        u32_min: 0,
        u32_max: u32::MAX,
    };

    /// The value 0.
    pub const ZERO: Bounds = Bounds::constant(0);

    /// Any value.
    #[inline]
    pub const fn unknown() -> Bounds {
        Bounds::UNKNOWN
    }

    /// Exactly one value (`___mark_reg_known`).
    #[inline]
    pub const fn constant(value: u64) -> Bounds {
        Bounds {
            var_off: Tnum::constant(value),
            smin: value as i64,
            smax: value as i64,
            umin: value,
            umax: value,
            s32_min: value as i32,
            s32_max: value as i32,
            u32_min: value as u32,
            u32_max: value as u32,
        }
    }

    /// These parts as they are, not [synced](Bounds::sync): the bits, and smallest and largest in each reading.
    #[inline]
    pub const fn new(
        var_off: Tnum,
        signed: (i64, i64),
        unsigned: (u64, u64),
        signed_32: (i32, i32),
        unsigned_32: (u32, u32),
    ) -> Bounds {
        Bounds {
            var_off,
            smin: signed.0,
            smax: signed.1,
            umin: unsigned.0,
            umax: unsigned.1,
            s32_min: signed_32.0,
            s32_max: signed_32.1,
            u32_min: unsigned_32.0,
            u32_max: unsigned_32.1,
        }
    }

    /// The bits.
    #[inline]
    pub const fn var_off(&self) -> Tnum {
        self.var_off
    }

    /// Smallest as `i64`.
    #[inline]
    pub const fn smin(&self) -> i64 {
        self.smin
    }

    /// Largest as `i64`.
    #[inline]
    pub const fn smax(&self) -> i64 {
        self.smax
    }

    /// Smallest as `u64`.
    #[inline]
    pub const fn umin(&self) -> u64 {
        self.umin
    }

    /// Largest as `u64`.
    #[inline]
    pub const fn umax(&self) -> u64 {
        self.umax
    }

    /// Smallest of the low 32 bits as `i32`.
    #[inline]
    pub const fn s32_min(&self) -> i32 {
        self.s32_min
    }

    /// Largest of the low 32 bits as `i32`.
    #[inline]
    pub const fn s32_max(&self) -> i32 {
        self.s32_max
    }

    /// Smallest of the low 32 bits as `u32`.
    #[inline]
    pub const fn u32_min(&self) -> u32 {
        self.u32_min
    }

    /// Largest of the low 32 bits as `u32`.
    #[inline]
    pub const fn u32_max(&self) -> u32 {
        self.u32_max
    }

    /// Replaces the signed ranges, of both widths; nothing is synced.
    #[inline]
    pub const fn set_signed(&mut self, wide: (i64, i64), low: (i32, i32)) {
        (self.smin, self.smax) = wide;
        (self.s32_min, self.s32_max) = low;
    }

    /// Replaces all four ranges by `0..=max`; nothing is synced.
    #[inline]
    pub const fn set_at_most(&mut self, max: u32) {
        (self.umin, self.umax) = (0, max as u64);
        (self.u32_min, self.u32_max) = (0, max);
        self.set_signed((0, max as i64), (0, max as i32));
    }

    /// Makes the low 32 bits known, leaving everything 64 bits wide except those bits (`__mark_reg32_known`).
    #[inline]
    pub(crate) const fn set_subreg_const(&mut self, value: u32) {
        self.var_off = self.var_off.with_const_subreg(value);
        self.s32_min = value as i32;
        self.s32_max = value as i32;
        self.u32_min = value;
        self.u32_max = value;
    }

    /// Forgets all ranges and keeps the bits (`__mark_reg_unbounded`).
    ///
    /// This is also what the kernel does on a [violation](Bounds::violation).
    #[inline]
    pub const fn set_unbounded(&mut self) {
        self.set_unbounded_64();
        self.set_unbounded_32();
    }

    /// Forgets the two 64-bit ranges (`__mark_reg64_unbounded`).
    #[inline]
    pub(crate) const fn set_unbounded_64(&mut self) {
        self.smin = i64::MIN;
        self.smax = i64::MAX;
        self.umin = 0;
        self.umax = u64::MAX;
    }

    /// Forgets the two 32-bit ranges (`__mark_reg32_unbounded`).
    #[inline]
    pub const fn set_unbounded_32(&mut self) {
        self.s32_min = i32::MIN;
        self.s32_max = i32::MAX;
        self.u32_min = 0;
        self.u32_max = u32::MAX;
    }

    /// Whether every bit is known.
    #[inline]
    pub const fn is_const(&self) -> bool {
        self.var_off.is_const()
    }

    /// The value, if every bit is known.
    #[inline]
    pub const fn const_value(&self) -> Option<u64> {
        if self.is_const() {
            Some(self.var_off.value)
        } else {
            None
        }
    }

    /// Whether the value is known to be `value` (`tnum_equals_const` of the bits).
    #[inline]
    pub const fn is_const_value(&self, value: u64) -> bool {
        self.var_off.equals_const(value)
    }

    /// Whether the low 32 bits are known.
    #[inline]
    pub(crate) const fn is_subreg_const(&self) -> bool {
        self.var_off.is_subreg_const()
    }

    /// The low 32 bits, if they are known.
    #[inline]
    pub const fn subreg_const_value(&self) -> Option<u32> {
        if self.is_subreg_const() {
            Some(self.var_off.value as u32)
        } else {
            None
        }
    }

    /// The number of low bits that can be other than zero, by `umax` (`get_reg_width`).
    #[inline]
    pub const fn width(&self) -> u32 {
        u64::BITS - self.umax.leading_zeros()
    }

    /// Whether all eight ends of `cur` lie within those of `self`, the old state's (`range_within`).
    #[inline]
    pub const fn range_within(&self, cur: &Bounds) -> bool {
        self.span64().includes(cur.span64()) && self.span32().includes(cur.span32())
    }

    /// Whether `value` is possible.
    #[inline]
    pub const fn admits(&self, value: u64) -> bool {
        let (signed, low, signed_low) = (value as i64, value as u32, value as i32);
        self.var_off.contains(Tnum::constant(value))
            && self.umin <= value
            && value <= self.umax
            && self.smin <= signed
            && signed <= self.smax
            && self.u32_min <= low
            && low <= self.u32_max
            && self.s32_min <= signed_low
            && signed_low <= self.s32_max
    }

    /// Narrows the signed ranges, both widths, to `min..=max` and [syncs](Bounds::sync)
    /// (`__mark_reg_s32_range`, whose sanity check is the caller's to do).
    #[inline]
    pub fn narrow_s32(&mut self, min: i32, max: i32, rules: Rules) {
        self.s32_min = self.s32_min.max(min);
        self.s32_max = self.s32_max.min(max);
        self.smin = self.smin.max(i64::from(min));
        self.smax = self.smax.min(i64::from(max));
        self.sync(rules);
    }

    /// Whether a range has no number (`range_bounds_violation`).
    #[inline]
    pub const fn has_empty_range(&self) -> bool {
        self.umin > self.umax
            || self.smin > self.smax
            || self.u32_min > self.u32_max
            || self.s32_min > self.s32_max
    }

    /// The first contradiction between the parts, if there is one (`reg_bounds_sanity_check`).
    ///
    /// The kernel prints [`Bounds::violation_text`], calls [`Bounds::set_unbounded`] and carries on.
    #[inline]
    pub const fn violation(&self) -> Option<Violation> {
        if self.has_empty_range() {
            return Some(Violation::EmptyRange);
        }
        if self.is_const() {
            let value = self.var_off.value;
            if self.umin != value
                || self.umax != value
                || self.smin != value as i64
                || self.smax != value as i64
            {
                return Some(Violation::Const);
            }
        }
        if self.is_subreg_const() {
            let value = self.var_off.value as u32;
            if self.u32_min != value
                || self.u32_max != value
                || self.s32_min != value as i32
                || self.s32_max != value as i32
            {
                return Some(Violation::SubregConst);
            }
        }
        None
    }

    /// The kernel's line about `violation`, without the newline; `context` is the kernel's name for the
    /// place: `alu`, `true_reg1`, `s32_range`, ….
    pub const fn violation_text<'a>(&self, violation: Violation, context: &'a str) -> ViolationText<'a> {
        ViolationText {
            bounds: *self,
            violation,
            context,
        }
    }
}

/// How the parts of a [`Bounds`] contradict each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Violation {
    /// A range has its ends the wrong way round.
    EmptyRange,
    /// All bits are known but the 64-bit ranges are not that number.
    Const,
    /// The low 32 bits are known but the 32-bit ranges are not that number.
    SubregConst,
}

impl Violation {
    /// The kernel's words.
    pub const fn message(self) -> &'static str {
        match self {
            Violation::EmptyRange => "range bounds violation",
            Violation::Const => "const tnum out of sync with range bounds",
            Violation::SubregConst => "const subreg tnum out of sync with range bounds",
        }
    }
}

/// Displays as the kernel's `REG INVARIANTS VIOLATION` line.
#[derive(Clone, Copy, Debug)]
pub struct ViolationText<'a> {
    bounds: Bounds,
    violation: Violation,
    context: &'a str,
}

impl fmt::Display for ViolationText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = &self.bounds;
        write!(
            f,
            "REG INVARIANTS VIOLATION ({}): {} ",
            self.context,
            self.violation.message()
        )?;
        write!(
            f,
            "u64=[{:#x}, {:#x}] s64=[{:#x}, {:#x}] ",
            b.umin, b.umax, b.smin, b.smax
        )?;
        write!(
            f,
            "u32=[{:#x}, {:#x}] s32=[{:#x}, {:#x}] ",
            b.u32_min, b.u32_max, b.s32_min, b.s32_max
        )?;
        write!(f, "var_off=({:#x}, {:#x})", b.var_off.value, b.var_off.mask)
    }
}
