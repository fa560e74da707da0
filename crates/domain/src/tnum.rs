//! Tristate numbers: each bit is known to be 0, known to be 1, or unknown.

use std::fmt;
use std::ops::{Add, BitAnd, BitOr, BitXor, Sub};

/// A set of 64-bit numbers given bit by bit.
///
/// A bit set in `mask` is unknown; the other bits have the value that `value` shows. `value & mask` is 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tnum {
    /// The known ones.
    pub value: u64,
    /// The unknown bits.
    pub mask: u64,
}

/// How the known bits of a product are computed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Product {
    /// The known parts are multiplied, and the unknown part of each factor, moved to each bit of the other, is added.
    Masks,
    /// The known parts are multiplied, and what is unknown is summed apart.
    Doubt,
    /// The union of what each unknown bit of a factor may add.
    Union,
}

impl Tnum {
    /// Any number at all.
    pub const UNKNOWN: Tnum = Tnum {
        value: 0,
        mask: u64::MAX,
    };

    /// Exactly one number.
    #[inline]
    pub const fn constant(value: u64) -> Tnum {
        Tnum { value, mask: 0 }
    }

    /// The smallest tnum that has every number of `min..=max`: their common leading bits are known.
    ///
    /// With `min > max` the numbers between the two are meant, as in the kernel.
    #[inline]
    pub const fn range(min: u64, max: u64) -> Tnum {
        let differing = min ^ max;
        let unknown = match differing.leading_zeros() {
            0 => return Tnum::UNKNOWN,
            64 => 0,
            zeros => u64::MAX >> zeros,
        };
        Tnum {
            value: min & !unknown,
            mask: unknown,
        }
    }

    /// Shifted left. Counts above 63 wrap, as on x86.
    #[inline]
    pub const fn lshift(self, shift: u32) -> Tnum {
        Tnum {
            value: self.value.wrapping_shl(shift),
            mask: self.mask.wrapping_shl(shift),
        }
    }

    /// Shifted right, zeros entering. Counts above 63 wrap.
    #[inline]
    pub const fn rshift(self, shift: u32) -> Tnum {
        Tnum {
            value: self.value.wrapping_shr(shift),
            mask: self.mask.wrapping_shr(shift),
        }
    }

    /// Shifted right, the sign bit (known or not) entering; `bits` is 32 or 64, the place of that sign bit.
    ///
    /// With 32 the upper half of the result is known zero.
    #[inline]
    pub const fn arshift(self, shift: u32, bits: u32) -> Tnum {
        if bits == 32 {
            Tnum {
                value: (self.value as i32).wrapping_shr(shift) as u32 as u64,
                mask: (self.mask as i32).wrapping_shr(shift) as u32 as u64,
            }
        } else {
            Tnum {
                value: (self.value as i64).wrapping_shr(shift) as u64,
                mask: (self.mask as i64).wrapping_shr(shift) as u64,
            }
        }
    }

    /// What both sets allow. Where they contradict each other the bit comes out as a known one.
    #[inline]
    pub const fn intersect(self, other: Tnum) -> Tnum {
        let mask = self.mask & other.mask;
        Tnum {
            value: (self.value | other.value) & !mask,
            mask,
        }
    }

    /// What either set allows, and more: wherever the two differ, the bit is unknown.
    #[inline]
    pub const fn union(self, other: Tnum) -> Tnum {
        let mask = (self.value ^ other.value) | self.mask | other.mask;
        Tnum {
            value: self.value & other.value & !mask,
            mask,
        }
    }

    /// The product, whose bits are known as `product` says.
    #[inline]
    #[must_use]
    pub fn mul(self, other: Tnum, product: Product) -> Tnum {
        match product {
            Product::Masks => self.mul_masks(other),
            Product::Doubt => self.mul_with_doubt(other),
            Product::Union => self.mul_by_union(other),
        }
    }

    /// Long multiplication of the known parts; then each bit that a factor may have adds what is unknown of the other.
    fn mul_masks(self, other: Tnum) -> Tnum {
        let add = |sum: Tnum, unknown: u64, bits: u64| {
            let places = (0..u64::BITS).filter(|place| bits >> place & 1 != 0);
            places.fold(sum, |sum, place| {
                let row = Tnum {
                    value: 0,
                    mask: unknown << place,
                };
                sum + row
            })
        };
        let known = Tnum::constant(self.value.wrapping_mul(other.value));
        let sum = add(known, self.mask, other.mask | other.value);
        add(sum, other.mask, self.value)
    }

    /// Long multiplication: an unknown bit of `self` adds its row or does not.
    fn mul_by_union(self, other: Tnum) -> Tnum {
        let (mut bits, mut row) = (self, other);
        let mut sum = Tnum::constant(0);
        while bits.value | bits.mask != 0 {
            if bits.value & 1 != 0 {
                sum = sum + row;
            } else if bits.mask & 1 != 0 {
                sum = sum.union(sum + row);
            }
            bits = bits.rshift(1);
            row = row.lshift(1);
        }
        sum
    }

    /// Long multiplication. The known parts are multiplied at once; what each bit of `self` may add beyond
    /// that is summed as a tnum without known ones (Vishwanathan and others, arXiv 2105.05398).
    #[inline]
    fn mul_with_doubt(self, other: Tnum) -> Tnum {
        let known = self.value.wrapping_mul(other.value);
        let (mut bits, mut row) = (self, other);
        let mut doubt = Tnum::constant(0);
        while bits.value | bits.mask != 0 {
            let mask = match (bits.value & 1 != 0, bits.mask & 1 != 0) {
                (true, _) => row.mask,
                (false, true) => row.value | row.mask,
                (false, false) => 0,
            };
            doubt = doubt + Tnum { value: 0, mask };
            bits = bits.rshift(1);
            row = row.lshift(1);
        }
        Tnum::constant(known) + doubt
    }

    /// The smallest number with these bits that is larger than `number`, or else the largest one (`tnum_step`).
    #[inline]
    pub(crate) const fn next_after(self, number: u64) -> u64 {
        if number >= self.max() {
            return self.max();
        }
        if number < self.value {
            return self.value;
        }
        // Counted in the unknown bits alone: known ones are passed by as if they were set, and so is what lies below one
        // that `number` has too much.
        let above = number - self.value;
        let excess = above & !self.mask;
        let below = match excess {
            0 => 0,
            _ => u64::MAX >> excess.leading_zeros(),
        };
        let counted = (above | below | !self.mask).wrapping_add(1);
        self.value | counted & self.mask
    }

    /// The lowest `bytes` bytes (2, 4 or 8) in the opposite order (`tnum_bswap16` and its like).
    #[inline]
    pub(crate) const fn swap_bytes(self, bytes: u32) -> Tnum {
        let unused = 64 - bytes * 8;
        Tnum {
            value: self.value.swap_bytes() >> unused,
            mask: self.mask.swap_bytes() >> unused,
        }
    }

    /// Whether some number may be in both: no bit is known to differ.
    #[inline]
    pub const fn overlap(self, other: Tnum) -> bool {
        (self.value ^ other.value) & !self.mask & !other.mask == 0
    }

    /// The lowest `bytes` bytes, the rest zero. 8 and more change nothing.
    #[inline]
    pub(crate) const fn cast(self, bytes: u32) -> Tnum {
        let keep = low_bytes(bytes);
        Tnum {
            value: self.value & keep,
            mask: self.mask & keep,
        }
    }

    /// Whether every bit is known.
    #[inline]
    pub const fn is_const(self) -> bool {
        self.mask == 0
    }

    /// Whether this is exactly the number `value`.
    #[inline]
    pub(crate) const fn equals_const(self, value: u64) -> bool {
        self.mask == 0 && self.value == value
    }

    /// Whether no bit is known.
    #[inline]
    pub const fn is_unknown(self) -> bool {
        self.mask == u64::MAX
    }

    /// Whether every number of the set is a multiple of `size`, a power of two; any set is for a size of 0.
    #[inline]
    pub const fn is_aligned(self, size: u64) -> bool {
        size == 0 || (self.value | self.mask) & size.wrapping_sub(1) == 0
    }

    /// Whether every number of `inner` is in `self`.
    #[inline]
    pub const fn contains(self, inner: Tnum) -> bool {
        inner.mask & !self.mask == 0 && inner.value & !self.mask == self.value
    }

    /// The low 32 bits, the rest zero.
    #[inline]
    pub(crate) const fn subreg(self) -> Tnum {
        self.cast(4)
    }

    /// The high 32 bits, the low ones zero.
    #[inline]
    pub(crate) const fn clear_subreg(self) -> Tnum {
        Tnum {
            value: self.value & !0xffff_ffff,
            mask: self.mask & !0xffff_ffff,
        }
    }

    /// The high 32 bits of `self` with the low 32 bits of `low`.
    #[inline]
    pub(crate) const fn with_subreg(self, low: Tnum) -> Tnum {
        let (high, low) = (self.clear_subreg(), low.subreg());
        Tnum {
            value: high.value | low.value,
            mask: high.mask | low.mask,
        }
    }

    /// The high 32 bits of `self` with known low 32 bits.
    #[inline]
    pub(crate) const fn with_const_subreg(self, low: u32) -> Tnum {
        self.with_subreg(Tnum::constant(low as u64))
    }

    /// Whether the low 32 bits are known.
    #[inline]
    pub(crate) const fn is_subreg_const(self) -> bool {
        self.mask as u32 == 0
    }

    /// The smallest number of the set.
    #[inline]
    pub const fn min(self) -> u64 {
        self.value
    }

    /// The largest number of the set.
    #[inline]
    pub const fn max(self) -> u64 {
        self.value | self.mask
    }
}

/// A mask of the lowest `bytes` bytes.
#[inline]
pub(crate) const fn low_bytes(bytes: u32) -> u64 {
    if bytes >= 8 {
        u64::MAX
    } else {
        (1 << (bytes * 8)) - 1
    }
}

impl Add for Tnum {
    type Output = Tnum;

    /// A bit of the sum is unknown where an operand's is, or where the carry into it depends on one: the
    /// carries of the smallest and of the largest sum are compared.
    #[inline]
    fn add(self, other: Tnum) -> Tnum {
        let least = self.value.wrapping_add(other.value);
        let greatest = least.wrapping_add(self.mask.wrapping_add(other.mask));
        let mask = (least ^ greatest) | self.mask | other.mask;
        Tnum {
            value: least & !mask,
            mask,
        }
    }
}

impl Sub for Tnum {
    type Output = Tnum;

    /// As for addition, with borrows.
    #[inline]
    fn sub(self, other: Tnum) -> Tnum {
        let known = self.value.wrapping_sub(other.value);
        let greatest = known.wrapping_add(self.mask);
        let least = known.wrapping_sub(other.mask);
        let mask = (greatest ^ least) | self.mask | other.mask;
        Tnum {
            value: known & !mask,
            mask,
        }
    }
}

impl BitAnd for Tnum {
    type Output = Tnum;

    #[inline]
    fn bitand(self, other: Tnum) -> Tnum {
        let value = self.value & other.value;
        Tnum {
            value,
            mask: self.max() & other.max() & !value,
        }
    }
}

impl BitOr for Tnum {
    type Output = Tnum;

    #[inline]
    fn bitor(self, other: Tnum) -> Tnum {
        let value = self.value | other.value;
        Tnum {
            value,
            mask: (self.mask | other.mask) & !value,
        }
    }
}

impl BitXor for Tnum {
    type Output = Tnum;

    #[inline]
    fn bitxor(self, other: Tnum) -> Tnum {
        let mask = self.mask | other.mask;
        Tnum {
            value: (self.value ^ other.value) & !mask,
            mask,
        }
    }
}

/// `(0x10; 0xf)`: value, then mask, as in the verifier's log; a known number as such, decimal if it has at
/// most 16 bits (`tnum_strn`).
impl fmt::Display for Tnum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.mask, self.value) {
            (0, 0..=0xffff) => write!(f, "{}", self.value),
            (0, _) => write!(f, "{:#x}", self.value),
            _ => write!(f, "({:#x}; {:#x})", self.value, self.mask),
        }
    }
}
