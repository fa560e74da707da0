//! Arithmetic on two values: `adjust_scalar_min_max_vals`.

use crate::span::{Span32, Span64};
use crate::{Bounds, Rules, Tnum, Width};

/// A two-operand arithmetic or bitwise operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AluOp {
    /// `+=`
    Add,
    /// `-=`
    Sub,
    /// `*=`
    Mul,
    /// `/=`
    Div,
    /// `s/=`
    SDiv,
    /// `|=`
    Or,
    /// `&=`
    And,
    /// `<<=`
    Lsh,
    /// `>>=`
    Rsh,
    /// `%=`
    Mod,
    /// `s%=`
    SMod,
    /// `^=`
    Xor,
    /// `s>>=`
    Arsh,
}

impl AluOp {
    /// Whether the operation shifts.
    #[inline]
    pub const fn is_shift(self) -> bool {
        matches!(self, AluOp::Lsh | AluOp::Rsh | AluOp::Arsh)
    }

    /// Whether the operation divides, signed or not, for the quotient or the remainder.
    #[inline]
    pub const fn is_division(self) -> bool {
        matches!(self, AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod)
    }
}

/// The two values that a sign mask can have, to be explored one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignMaskFork {
    /// The part of the register that is a mask. With [`Width::W64`] the register becomes a known number
    /// (its id and pointer remains are cleared, `__mark_reg_known`); with [`Width::W32`] only its low half
    /// does (`__mark_reg32_known`).
    pub width: Width,
    /// The bounds if the mask is 0.
    pub zero: Bounds,
    /// The bounds if the mask is -1.
    pub minus_one: Bounds,
}

impl Bounds {
    /// The result of `self op= src` in `width`, as complete as the kernel's: synced and, for 32 bits,
    /// zero-extended. Where the kernel does not compute (division, shifts by an unknown or too large count)
    /// it is [`Bounds::UNKNOWN`], in all 64 bits even for a 32-bit operation.
    ///
    /// The operand's [`Bounds::fork_sign_mask`] is the caller's business.
    #[must_use]
    pub fn alu(&self, op: AluOp, width: Width, src: &Bounds, rules: Rules) -> Bounds {
        let mut result = *self;
        result.apply(op, width, src, rules);
        result
    }

    /// Makes this the result of [`Bounds::alu`]. Whether it was computed at all; where not, nothing is known of it.
    #[inline(always)]
    pub fn apply(&mut self, op: AluOp, width: Width, src: &Bounds, rules: Rules) -> bool {
        if rules.known_operand && !src.is_operand(op, width) {
            *self = Bounds::UNKNOWN;
            return false;
        }
        *self = match op {
            AluOp::Add => self.added(src, width, rules),
            AluOp::Sub => self.subtracted(src, width, rules),
            AluOp::Mul => self.multiplied(src, width, rules),
            AluOp::And => self.masked(src, width, rules),
            AluOp::Or => self.ored(src, width, rules),
            AluOp::Xor => self.xored(src, width, rules),
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => match src.shift_count(width) {
                Some(count) => self.shifted(op, width, count, rules),
                None => return self.forget(width, rules),
            },
            AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod => return self.forget(width, rules),
        };
        match width {
            Width::W32 => self.sync_zext_32(rules),
            Width::W64 => self.sync(rules),
        }
        true
    }

    /// Makes this a result that is not computed: false. It has no upper half, either, where what is done to results is
    /// done even so.
    fn forget(&mut self, width: Width, rules: Rules) -> bool {
        *self = Bounds::UNKNOWN;
        if rules.known_operand && width == Width::W32 {
            self.sync_zext_32(rules);
        }
        false
    }

    /// The value with its sign changed, as complete as of [`Bounds::alu`]: what `0 - self` gives.
    #[must_use]
    pub fn negated(&self, width: Width, rules: Rules) -> Bounds {
        Bounds::ZERO.alu(AluOp::Sub, width, self, rules)
    }

    /// The sum, in 64 and in 32 bits, without the sync that [`Bounds::alu`] ends with: what a scalar learns
    /// of another that it differs from by a constant (`sync_linked_regs`).
    #[inline]
    #[must_use]
    pub fn add_unsynced(&self, delta: &Bounds, rules: Rules) -> Bounds {
        self.added(delta, Width::W64, rules)
    }

    /// Whether `&=` or `|=` with a constant treats this operand as a mask of all zeros or all ones and
    /// explores the two one by one (`maybe_fork_scalars`): its range is -1 to 0, in 64 bits or else in 32.
    #[inline]
    pub fn fork_sign_mask(&self) -> Option<SignMaskFork> {
        if self.smin == -1 && self.smax == 0 {
            let (zero, minus_one) = (Bounds::ZERO, Bounds::constant(u64::MAX));
            return Some(SignMaskFork {
                width: Width::W64,
                zero,
                minus_one,
            });
        }
        if self.s32_min == -1 && self.s32_max == 0 {
            let (mut zero, mut minus_one) = (*self, *self);
            zero.set_subreg_const(0);
            minus_one.set_subreg_const(u32::MAX);
            return Some(SignMaskFork {
                width: Width::W32,
                zero,
                minus_one,
            });
        }
        None
    }

    /// Whether these can be the second operand where it must be known but for sums, differences and intersections,
    /// and may not contradict itself.
    fn is_operand(&self, op: AluOp, width: Width) -> bool {
        let (known, agrees, ordered) = match width {
            Width::W32 => (
                self.is_subreg_const(),
                self.s32_min == self.s32_max && self.u32_min == self.u32_max,
                self.s32_min <= self.s32_max && self.u32_min <= self.u32_max,
            ),
            Width::W64 => (
                self.is_const(),
                self.smin == self.smax && self.umin == self.umax,
                self.smin <= self.smax && self.umin <= self.umax,
            ),
        };
        match known {
            true => agrees,
            false => ordered && matches!(op, AluOp::Add | AluOp::Sub | AluOp::And),
        }
    }

    /// The count if these are usable as one: known in `width`, the ranges agreeing, and less than the width
    /// in *all* 64 bits.
    #[inline]
    fn shift_count(&self, width: Width) -> Option<u32> {
        let known = match width {
            Width::W32 => {
                self.is_subreg_const() && self.s32_min == self.s32_max && self.u32_min == self.u32_max
            }
            Width::W64 => self.is_const() && self.smin == self.smax && self.umin == self.umax,
        };
        if !known || self.umax >= u64::from(width.bits()) {
            return None;
        }
        // The 32-bit range is what the kernel shifts by. Contradictory bounds can make that 32 or more; the
        // machine's shifts, which wrap, then decide.
        Some(match width {
            Width::W32 => self.u32_min,
            Width::W64 => self.umin as u32,
        })
    }

    // A 32-bit result is extended with zeros in the end: what its upper half would be is not computed.

    #[inline]
    fn added(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let mut sum = Bounds {
            var_off: self.var_off + src.var_off,
            ..*self
        };
        sum.set_span32(self.span32().add(src.span32(), rules));
        if width.is_64() {
            sum.set_span64(self.span64().add(src.span64(), rules));
        }
        sum
    }

    #[inline]
    fn subtracted(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let mut diff = Bounds {
            var_off: self.var_off - src.var_off,
            ..*self
        };
        diff.set_span32(self.span32().sub(src.span32(), rules));
        if width.is_64() {
            diff.set_span64(self.span64().sub(src.span64(), rules));
        }
        diff
    }

    #[inline]
    fn multiplied(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let mut product = *self;
        product.set_span32(self.span32().mul(src.span32(), rules));
        if width.is_64() {
            product.var_off = self.var_off.mul(src.var_off, rules.product_bits);
            product.set_span64(self.span64().mul(src.span64(), rules));
        } else {
            product.var_off = self
                .var_off
                .subreg()
                .mul(src.var_off.subreg(), rules.product_bits);
        }
        product
    }

    #[inline]
    fn masked(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let bits = self.var_off & src.var_off;
        let low = self.span32().and(src.span32(), bits, rules);
        self.bitwise(src, width, bits, low, || {
            self.span64().and(src.span64(), bits, rules)
        })
    }

    #[inline]
    fn ored(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let bits = self.var_off | src.var_off;
        let low = self.span32().or(src.span32(), bits, rules);
        self.bitwise(src, width, bits, low, || {
            self.span64().or(src.span64(), bits, rules)
        })
    }

    #[inline]
    fn xored(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let bits = self.var_off ^ src.var_off;
        let low = self.span32().xor(src.span32(), bits, rules);
        self.bitwise(src, width, bits, low, || {
            self.span64().xor(src.span64(), bits, rules)
        })
    }

    /// Completes a bitwise result: a known result of a known operand is taken as it is; otherwise the ranges
    /// are as computed, and may learn from the bits.
    #[inline]
    fn bitwise(
        &self,
        src: &Bounds,
        width: Width,
        bits: Tnum,
        low: Span32,
        wide: impl Fn() -> Span64,
    ) -> Bounds {
        if src.is_const() && bits.is_const() {
            return Bounds::constant(bits.value);
        }
        let mut result = Bounds {
            var_off: bits,
            ..*self
        };
        if src.is_subreg_const() && bits.is_subreg_const() {
            result.set_subreg_const(bits.value as u32);
        } else {
            result.set_span32(low);
        }
        if width.is_64() {
            result.set_span64(wide());
            result.learn_from_bits();
        } else {
            result.learn_32_from_bits();
        }
        result
    }

    #[inline]
    fn shifted(&self, op: AluOp, width: Width, count: u32, rules: Rules) -> Bounds {
        let mut result = *self;
        match width {
            Width::W32 => {
                let (bits, low) = (self.var_off.subreg(), self.span32());
                let (bits, low) = match op {
                    AluOp::Lsh => (bits.lshift(count).subreg(), low.lsh(count)),
                    AluOp::Rsh => (bits.rshift(count), low.rsh(count)),
                    _ => (bits.arshift(count, 32), low.arsh(count)),
                };
                result.var_off = bits;
                result.set_span32(low);
                result.set_unbounded_64();
                result.learn_32_from_bits();
            }
            Width::W64 => {
                let (bits, wide) = (self.var_off, self.span64());
                // Only the left shift keeps the low half apart: bits from above do not enter it.
                let (bits, wide) = match op {
                    AluOp::Lsh => (bits.lshift(count), wide.lsh(count)),
                    AluOp::Rsh => (bits.rshift(count), wide.rsh(count)),
                    _ => (bits.arshift(count, 64), wide.arsh(count)),
                };
                result.var_off = bits;
                result.set_span64(wide);
                result.set_unbounded_32();
                if op == AluOp::Lsh {
                    result.set_span32(self.span32().lsh(count));
                    if count == 32 {
                        // `<<= 32` begins a sign extension: the low half's signed range moves up.
                        if rules.shift_sign || self.s32_min >= 0 {
                            result.smin = i64::from(self.s32_min) << 32;
                        }
                        if rules.shift_sign || self.s32_max >= 0 {
                            result.smax = i64::from(self.s32_max) << 32;
                        }
                    }
                }
                result.learn_from_bits();
            }
        }
        result
    }
}
