//! One width's pair of ranges, unsigned and signed, and what both widths do alike.

use crate::{Bounds, Rules, Tnum};

/// Defines the pair of ranges for one width; `$half_max` is the largest number whose square fits.
macro_rules! span {
    ($(#[$doc:meta])* $name:ident, $u:ty, $s:ty, $half_max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) struct $name {
            pub(crate) umin: $u,
            pub(crate) umax: $u,
            pub(crate) smin: $s,
            pub(crate) smax: $s,
        }

        impl $name {
            const FULL: $name = $name { umin: 0, umax: <$u>::MAX, smin: <$s>::MIN, smax: <$s>::MAX };

            /// The numbers that the known bits allow.
            #[inline]
            pub(crate) fn of_bits(bits: Tnum) -> $name {
                let mut span = $name::FULL;
                span.learn_bits(bits);
                span
            }

            /// Whether the other's ends lie within these.
            #[inline]
            pub(crate) const fn includes(self, other: $name) -> bool {
                self.umin <= other.umin
                    && self.umax >= other.umax
                    && self.smin <= other.smin
                    && self.smax >= other.smax
            }

            /// The unsigned range, and the same as signed range if it does not cross the sign boundary.
            #[inline]
            fn from_unsigned(umin: $u, umax: $u) -> $name {
                if umin as $s <= umax as $s {
                    $name { umin, umax, smin: umin as $s, smax: umax as $s }
                } else {
                    $name { umin, umax, ..$name::FULL }
                }
            }

            /// Narrows to the numbers that the known bits allow. As signed number the smallest has an
            /// unknown sign bit set and the other unknown bits clear, the largest the other way round.
            #[inline]
            pub(crate) fn learn_bits(&mut self, bits: Tnum) {
                let (value, mask) = (bits.value as $u, bits.mask as $u);
                let sign = mask & <$s>::MIN as $u;
                let rest = mask & <$s>::MAX as $u;
                self.smin = self.smin.max((value | sign) as $s);
                self.smax = self.smax.min((value | rest) as $s);
                self.umin = self.umin.max(value);
                self.umax = self.umax.min(value | mask);
            }

            #[inline]
            pub(crate) fn learn_unsigned(&mut self, min: $u, max: $u) {
                self.umin = self.umin.max(min);
                self.umax = self.umax.min(max);
            }

            #[inline]
            pub(crate) fn learn_signed(&mut self, min: $s, max: $s) {
                self.smin = self.smin.max(min);
                self.smax = self.smax.min(max);
            }

            /// Lets the unsigned and the signed range learn from each other.
            ///
            /// Numbers lie on a circle; the unsigned range is cut at 0, the signed one half way round. A
            /// range that does not contain the other's cut is a range for the other too. A signed range
            /// with the cut in it is two pieces for the unsigned one; if only one of them can meet it,
            /// that piece's inner end is where both ranges begin or end. The last is `split`'s to allow.
            #[inline]
            pub(crate) fn cross_learn(&mut self, split: bool) {
                if self.umin as $s <= self.umax as $s {
                    self.learn_signed(self.umin as $s, self.umax as $s);
                }
                if self.smin as $u <= self.smax as $u {
                    self.learn_unsigned(self.smin as $u, self.smax as $u);
                } else if !split {
                    // Two pieces say nothing.
                } else if self.umax < self.smin as $u {
                    self.smin = self.umin as $s;
                    self.umax = self.umax.min(self.smax as $u);
                } else if (self.smax as $u) < self.umin {
                    self.smax = self.umax as $s;
                    self.umin = self.umin.max(self.smin as $u);
                }
            }

            /// Lets the two ranges learn from each other where one of them knows the sign. The other's ends are then
            /// compared as unsigned numbers, or replaced where its sign is not known.
            pub(crate) fn learn_by_sign(&mut self) {
                if self.smin >= 0 || self.smax < 0 {
                    self.umin = self.umin.max(self.smin as $u);
                    self.umax = self.umax.min(self.smax as $u);
                    (self.smin, self.smax) = (self.umin as $s, self.umax as $s);
                } else if self.umax as $s >= 0 {
                    self.umax = self.umax.min(self.smax as $u);
                    (self.smin, self.smax) = (self.umin as $s, self.umax as $s);
                } else if (self.umin as $s) < 0 {
                    self.umin = self.umin.max(self.smin as $u);
                    (self.smin, self.smax) = (self.umin as $s, self.umax as $s);
                }
            }

            #[inline]
            pub(crate) fn add(self, other: $name, rules: Rules) -> $name {
                let mut sum = $name::FULL;
                if let (Some(min), Some(max)) =
                    (self.smin.checked_add(other.smin), self.smax.checked_add(other.smax))
                {
                    (sum.smin, sum.smax) = (min, max);
                }
                let (umin, least_wraps) = self.umin.overflowing_add(other.umin);
                let (umax, most_wraps) = self.umax.overflowing_add(other.umax);
                let known = match rules.keep_wrapped {
                    true => least_wraps || !most_wraps,
                    false => !least_wraps && !most_wraps,
                };
                if known {
                    (sum.umin, sum.umax) = (umin, umax);
                }
                sum
            }

            /// Unless what wraps is kept, only `umin` is tested for a borrow: consistent bounds have no larger one.
            #[inline]
            pub(crate) fn sub(self, other: $name, rules: Rules) -> $name {
                let mut diff = $name::FULL;
                if let (Some(min), Some(max)) =
                    (self.smin.checked_sub(other.smax), self.smax.checked_sub(other.smin))
                {
                    (diff.smin, diff.smax) = (min, max);
                }
                let (umin, least_wraps) = self.umin.overflowing_sub(other.umax);
                let (umax, most_wraps) = self.umax.overflowing_sub(other.umin);
                if !least_wraps || (rules.keep_wrapped && most_wraps) {
                    (diff.umin, diff.umax) = (umin, umax);
                }
                diff
            }

            #[inline]
            pub(crate) fn mul(self, other: $name, rules: Rules) -> $name {
                match rules.signed_product {
                    true => self.mul_signed(other),
                    false => self.mul_small(other),
                }
            }

            /// Each range is known if no product of its ends overflows.
            fn mul_signed(self, other: $name) -> $name {
                let mut product = $name::FULL;
                if let (Some(max), Some(min)) =
                    (self.umax.checked_mul(other.umax), self.umin.checked_mul(other.umin))
                {
                    (product.umin, product.umax) = (min, max);
                }
                if let (Some(a), Some(b), Some(c), Some(d)) = (
                    self.smin.checked_mul(other.smin),
                    self.smin.checked_mul(other.smax),
                    self.smax.checked_mul(other.smin),
                    self.smax.checked_mul(other.smax),
                ) {
                    (product.smin, product.smax) = (a.min(b).min(c).min(d), a.max(b).max(c).max(d));
                }
                product
            }

            /// Nothing is known of the product unless both factors are non-negative and at most half as
            /// wide as the register.
            #[inline]
            fn mul_small(self, other: $name) -> $name {
                const HALF_MAX: $u = $half_max as $u;
                if other.smin < 0 || self.smin < 0 || other.umax > HALF_MAX || self.umax > HALF_MAX {
                    return $name::FULL;
                }
                let umin = self.umin.wrapping_mul(other.umin);
                let umax = self.umax.wrapping_mul(other.umax);
                if umax > <$s>::MAX as $u {
                    $name { umin, umax, ..$name::FULL }
                } else {
                    $name { umin, umax, smin: umin as $s, smax: umax as $s }
                }
            }

            /// `bits` is what is known of the result's bits, here and below.
            #[inline]
            pub(crate) fn and(self, other: $name, bits: Tnum, rules: Rules) -> $name {
                self.bitwise(other, bits.min() as $u, self.umax.min(other.umax), rules)
            }

            #[inline]
            pub(crate) fn or(self, other: $name, bits: Tnum, rules: Rules) -> $name {
                self.bitwise(other, self.umin.max(other.umin), bits.max() as $u, rules)
            }

            #[inline]
            pub(crate) fn xor(self, other: $name, bits: Tnum, rules: Rules) -> $name {
                self.bitwise(other, bits.min() as $u, bits.max() as $u, rules)
            }

            /// The ranges of a bitwise result with this unsigned one.
            #[inline]
            fn bitwise(self, other: $name, umin: $u, umax: $u, rules: Rules) -> $name {
                if !rules.bitwise_by_signs {
                    $name::from_unsigned(umin, umax)
                } else if self.smin < 0 || other.smin < 0 {
                    $name { umin, umax, ..$name::FULL }
                } else {
                    $name { umin, umax, smin: umin as $s, smax: umax as $s }
                }
            }

            /// Shifted left by a known count less than the width; `smin` and `smax` are lost.
            #[inline]
            pub(crate) fn lsh(self, count: u32) -> $name {
                let room = (<$u>::BITS - 1).checked_sub(count).map(|bits| 1 << bits);
                match room {
                    Some(room) if self.umax <= room => $name {
                        umin: self.umin.wrapping_shl(count),
                        umax: self.umax.wrapping_shl(count),
                        ..$name::FULL
                    },
                    _ => $name::FULL,
                }
            }

            /// Shifted right, zeros entering; `smin` and `smax` are left to be learned from the others.
            #[inline]
            pub(crate) fn rsh(self, count: u32) -> $name {
                $name {
                    umin: self.umin.wrapping_shr(count),
                    umax: self.umax.wrapping_shr(count),
                    ..$name::FULL
                }
            }

            /// Shifted right, the sign entering; `umin` and `umax` are left to be learned from the bits.
            #[inline]
            pub(crate) fn arsh(self, count: u32) -> $name {
                $name {
                    smin: self.smin.wrapping_shr(count),
                    smax: self.smax.wrapping_shr(count),
                    ..$name::FULL
                }
            }
        }
    };
}

span!(
    /// The two 64-bit ranges.
    Span64, u64, i64, u32::MAX
);
span!(
    /// The two 32-bit ranges.
    Span32, u32, i32, u16::MAX
);

impl Bounds {
    #[inline]
    pub(crate) const fn span64(&self) -> Span64 {
        Span64 {
            umin: self.umin,
            umax: self.umax,
            smin: self.smin,
            smax: self.smax,
        }
    }

    #[inline]
    pub(crate) const fn span32(&self) -> Span32 {
        Span32 {
            umin: self.u32_min,
            umax: self.u32_max,
            smin: self.s32_min,
            smax: self.s32_max,
        }
    }

    #[inline]
    pub(crate) const fn set_span64(&mut self, span: Span64) {
        self.umin = span.umin;
        self.umax = span.umax;
        self.smin = span.smin;
        self.smax = span.smax;
    }

    #[inline]
    pub(crate) const fn set_span32(&mut self, span: Span32) {
        self.u32_min = span.umin;
        self.u32_max = span.umax;
        self.s32_min = span.smin;
        self.s32_max = span.smax;
    }
}
