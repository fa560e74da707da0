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

/// Any number of 32 bits.
const ANY_LOW: Bounds = Bounds::new(
    Tnum {
        value: 0,
        mask: u32::MAX as u64,
    },
    (0, u32::MAX as i64),
    (0, u32::MAX as u64),
    (i32::MIN, i32::MAX),
    (0, u32::MAX),
);

/// The result of an operation on two numbers, if verifiers compute it.
#[inline(always)]
fn known_result(op: AluOp, width: Width, a: u64, b: u64) -> Option<u64> {
    let count = || (b < u64::from(width.bits())).then_some(b as u32);
    let wide = match (op, width) {
        (AluOp::Add, _) => a.wrapping_add(b),
        (AluOp::Sub, _) => a.wrapping_sub(b),
        (AluOp::Mul, _) => a.wrapping_mul(b),
        (AluOp::And, _) => a & b,
        (AluOp::Or, _) => a | b,
        (AluOp::Xor, _) => a ^ b,
        (AluOp::Lsh, _) => a << count()?,
        (AluOp::Rsh, Width::W64) => a >> count()?,
        (AluOp::Rsh, Width::W32) => u64::from(a as u32 >> count()?),
        (AluOp::Arsh, Width::W64) => (a as i64 >> count()?) as u64,
        (AluOp::Arsh, Width::W32) => u64::from((a as i32 >> count()?) as u32),
        (AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod, _) => return None,
    };
    Some(match width {
        Width::W64 => wide,
        Width::W32 => u64::from(wide as u32),
    })
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
        if let Some(result) = self.shortcut(op, width, src, rules) {
            *self = result;
            return true;
        }
        self.apply_in_full(op, width, src, rules)
    }

    /// What [`Bounds::apply`] gives where that is plain to see: of two numbers that are known in every reading, and of a low
    /// half of which nothing is known.
    #[inline(always)]
    fn shortcut(&self, op: AluOp, width: Width, src: &Bounds, rules: Rules) -> Option<Bounds> {
        if self.var_off.mask | src.var_off.mask == 0 {
            let (a, b) = (self.agreed()?, src.agreed()?);
            return known_result(op, width, a, b).map(Bounds::constant);
        }
        let lost = matches!(op, AluOp::Add | AluOp::Sub | AluOp::Xor)
            && !width.is_64()
            && !rules.known_operand
            && self.is_any_low()
            && src.u32_min <= src.u32_max
            && src.s32_min <= src.s32_max;
        lost.then_some(ANY_LOW)
    }

    /// The number, if all readings agree on it.
    #[inline(always)]
    fn agreed(&self) -> Option<u64> {
        (*self == Bounds::constant(self.var_off.value)).then_some(self.var_off.value)
    }

    /// Whether nothing is known of the low 32 bits.
    #[inline(always)]
    fn is_any_low(&self) -> bool {
        self.var_off.mask as u32 == u32::MAX && self.span32() == ANY_LOW.span32()
    }

    /// [`Bounds::apply`] by what the readings say.
    #[inline(always)]
    fn apply_in_full(&mut self, op: AluOp, width: Width, src: &Bounds, rules: Rules) -> bool {
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
            AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod => match src.divisor(width) {
                Some(divisor) if rules.quotients => self.divided(op, width, divisor),
                _ => return self.forget(width, rules),
            },
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

    /// The lowest `bytes` bytes (2, 4 or 8) in the opposite order, as complete as of [`Bounds::alu`]: only bits tell something
    /// of them (`scalar_byte_swap`).
    #[must_use]
    pub fn swapped(&self, bytes: u32, rules: Rules) -> Bounds {
        let mut result = Bounds {
            var_off: self.var_off.swap_bytes(bytes),
            ..Bounds::UNKNOWN
        };
        if bytes < 8 {
            result.truncate(bytes, rules);
        }
        result.sync(rules);
        result
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

    /// Whether the number is known in `width`, and each range has one.
    #[inline]
    pub(crate) fn is_known_operand(&self, width: Width) -> bool {
        match width {
            Width::W32 => {
                self.is_subreg_const() && self.s32_min == self.s32_max && self.u32_min == self.u32_max
            }
            Width::W64 => self.is_const() && self.smin == self.smax && self.umin == self.umax,
        }
    }

    /// The count if these are usable as one: known in `width`, the ranges agreeing, and less than the width
    /// in *all* 64 bits.
    #[inline]
    fn shift_count(&self, width: Width) -> Option<u32> {
        if !self.is_known_operand(width) || self.umax >= u64::from(width.bits()) {
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
        let wide = || self.span64().and(src.span64(), bits, rules);
        self.bitwise(src, width, bits, low, wide, rules)
    }

    #[inline]
    fn ored(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let bits = self.var_off | src.var_off;
        let low = self.span32().or(src.span32(), bits, rules);
        let wide = || self.span64().or(src.span64(), bits, rules);
        self.bitwise(src, width, bits, low, wide, rules)
    }

    #[inline]
    fn xored(&self, src: &Bounds, width: Width, rules: Rules) -> Bounds {
        let bits = self.var_off ^ src.var_off;
        let low = self.span32().xor(src.span32(), bits, rules);
        let wide = || self.span64().xor(src.span64(), bits, rules);
        self.bitwise(src, width, bits, low, wide, rules)
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
        rules: Rules,
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
            result.learn_from_bits(rules);
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
                result.learn_from_bits(rules);
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::AluOp;
    use crate::{Bounds, Product, Rules, Tnum, Width};

    const OPS: [AluOp; 13] = [
        AluOp::Add,
        AluOp::Sub,
        AluOp::Mul,
        AluOp::Div,
        AluOp::SDiv,
        AluOp::Or,
        AluOp::And,
        AluOp::Lsh,
        AluOp::Rsh,
        AluOp::Mod,
        AluOp::SMod,
        AluOp::Xor,
        AluOp::Arsh,
    ];

    /// All settings of what the sync behind an operation asks: whether it goes by the sign alone, or else its rounds, and what
    /// these are told.
    fn sync_rules() -> impl Iterator<Item = Rules> {
        let rounds = (0..16u32).map(|bits| {
            let bit = |at: u32| bits >> at & 1 != 0;
            Rules {
                by_sign: false,
                rounds: 2 + u8::from(bit(0)),
                split_64: bit(1),
                split_32: bit(2),
                low_from_whole: bit(3),
                ..BY_SIGN
            }
        });
        [true, false]
            .map(|low_from_whole| Rules {
                low_from_whole,
                ..BY_SIGN
            })
            .into_iter()
            .chain(rounds)
    }

    /// By the sign alone, where rounds and what they are told do not matter; no other rule holds.
    const BY_SIGN: Rules = Rules {
        by_sign: true,
        rounds: 0,
        split_64: false,
        split_32: false,
        unequal_by_bits: false,
        low_from_whole: false,
        keep_wrapped: false,
        signed_product: false,
        product_bits: Product::Masks,
        shift_sign: false,
        by_constants: false,
        bitwise_by_signs: false,
        known_operand: false,
        single_value: false,
        quotients: false,
        keeps_contradiction: false,
    };

    /// Every setting of every rule that an operation or the sync behind it asks.
    fn all_rules() -> impl Iterator<Item = Rules> {
        let products = [Product::Masks, Product::Doubt, Product::Union];
        let of = move |sync: Rules, product_bits| {
            (0..1u32 << 8).map(move |bits| {
                let bit = |at: u32| bits >> at & 1 != 0;
                Rules {
                    product_bits,
                    keep_wrapped: bit(0),
                    signed_product: bit(1),
                    shift_sign: bit(2),
                    bitwise_by_signs: bit(3),
                    known_operand: bit(4),
                    single_value: bit(5),
                    quotients: bit(7),
                    keeps_contradiction: bit(6),
                    ..sync
                }
            })
        };
        sync_rules().flat_map(move |sync| products.into_iter().flat_map(move |product| of(sync, product)))
    }

    fn holds(a: Bounds, b: Bounds, rules: Rules) {
        for op in OPS {
            for width in [Width::W32, Width::W64] {
                let Some(short) = a.shortcut(op, width, &b, rules) else {
                    continue;
                };
                let mut long = a;
                let computed = long.apply_in_full(op, width, &b, rules);
                assert!(computed, "{op:?} {width:?} {a:?} {b:?} {rules:?}");
                assert_eq!(short, long, "{op:?} {width:?} {a:?} {b:?} {rules:?}");
            }
        }
    }

    /// The short way gives what the long way gives.
    #[test]
    fn shortcuts() {
        let ends = [
            0u64,
            1,
            2,
            7,
            31,
            32,
            33,
            63,
            64,
            0x7fff,
            0xffff_ffff,
            0x8000_0000,
        ];
        let numbers: Vec<u64> = ends
            .iter()
            .flat_map(|n| [*n, n.wrapping_neg(), n << 32, n ^ 0x7fff_ffff_ffff_ffff])
            .collect();
        let unknown = Bounds::UNKNOWN;
        let mut word = unknown;
        let every = all_rules().collect::<Vec<_>>();
        word.sync_zext_32(every[0]);
        let mut odd = unknown;
        odd.var_off = Tnum { value: 1, mask: !1 };
        odd.sync(every[0]);
        for (at, rules) in every.into_iter().enumerate() {
            for a in numbers
                .iter()
                .skip(at % 11)
                .step_by(11)
                .map(|n| Bounds::constant(*n))
            {
                for b in numbers.iter().map(|n| Bounds::constant(*n)) {
                    holds(a, b, rules);
                }
                for any in [unknown, word] {
                    holds(any, a, rules);
                }
            }
            for any in [unknown, word] {
                for b in [
                    unknown,
                    word,
                    odd,
                    Bounds::constant(5).alu(AluOp::And, Width::W64, &word, rules),
                ] {
                    holds(any, b, rules);
                }
            }
        }
    }
}
