//! How the bits and the four ranges of a [`Bounds`] learn from each other.
//!
//! Each deduction is sound by itself; their order and number decide how far knowledge travels, and thereby
//! what is printed and which states are equal. They are settings: [`Rules`].

use crate::span::{Span32, Span64};
use crate::{Bounds, Rules, Tnum};

const HIGH: u64 = 0xffff_ffff_0000_0000;

impl Bounds {
    /// Lets every part learn from the others (`reg_bounds_sync`).
    #[inline]
    pub fn sync(&mut self, rules: Rules) {
        // Most ranges say no more than the bits do. Then the deductions end with what the bits say, whatever the
        // rules: the four readings of a set of bits have the same ends but for the sign, and of a known sign they
        // agree.
        let by_bits = Bounds::of_bits(self.var_off);
        if self.range_within(&by_bits) {
            *self = by_bits;
        } else {
            self.deduce(rules);
        }
    }

    /// [`Bounds::zext_32`], then [`Bounds::sync`].
    #[inline]
    pub fn sync_zext_32(&mut self, rules: Rules) {
        // As there. The whole's ranges are made from the low half's: they say no more than the bits if those do not.
        let bits = self.var_off.subreg();
        let low = Span32::of_bits(bits);
        if self.span32().includes(low) {
            self.var_off = bits;
            self.set_span64(Span64::of_bits(bits));
            self.set_span32(low);
        } else {
            self.zext_32();
            self.deduce(rules);
        }
    }

    /// The bits, and what they say of the ranges.
    #[inline]
    fn of_bits(bits: Tnum) -> Bounds {
        let mut bounds = Bounds {
            var_off: bits,
            ..Bounds::UNKNOWN
        };
        bounds.learn_ranges_from_bits();
        bounds
    }

    /// All deductions in the kernel's order.
    fn deduce(&mut self, rules: Rules) {
        if rules.keeps_contradiction && self.has_empty_range() {
            return;
        }
        self.learn_from_bits(rules);
        if rules.by_sign {
            self.deduce_by_sign(rules);
            return;
        }
        let (mut wide, mut low) = (self.span64(), self.span32());
        for _ in 0..rules.rounds {
            let before = (wide, low);
            self.deduce_round(&mut wide, &mut low, rules);
            // A round is a function of the ranges alone: once it finds nothing, it never will.
            if (wide, low) == before {
                break;
            }
        }
        self.set_span64(wide);
        self.set_span32(low);
        self.learn_bits_from_ranges(rules);
        self.learn_from_bits(rules);
    }

    /// The rest of it where the sign alone tells the ranges of each other (before Linux 6.8).
    fn deduce_by_sign(&mut self, rules: Rules) {
        let (mut wide, mut low) = (self.span64(), self.span32());
        low.learn_by_sign();
        wide.learn_by_sign();
        self.set_span64(wide);
        self.set_span32(low);
        self.learn_bits_from_ranges(rules);
        self.learn_from_bits(rules);
    }

    /// Narrows the ranges by the known bits (`__update_reg_bounds`).
    #[inline]
    pub(crate) fn learn_from_bits(&mut self, rules: Rules) {
        self.learn_ranges_from_bits();
        if rules.single_value {
            self.learn_single_value();
        }
    }

    #[inline]
    fn learn_ranges_from_bits(&mut self) {
        self.learn_32_from_bits();
        let mut wide = self.span64();
        wide.learn_bits(self.var_off);
        self.set_span64(wide);
    }

    /// Makes the value known if the unsigned range has one number with the known bits, and that is found: quirks are that
    /// the smallest number is not looked for at the largest one with those bits, and the largest is taken whatever the
    /// range's end.
    fn learn_single_value(&mut self) {
        let (bits, min, max) = (self.var_off, self.umin, self.umax);
        let next = bits.next_after(min);
        let only = if min & !bits.mask == bits.value {
            (next > max).then_some(min)
        } else {
            (next == bits.max() || (next <= max && bits.next_after(next) > max)).then_some(next)
        };
        if let Some(value) = only {
            *self = Bounds::constant(value);
        }
    }

    /// Narrows the 32-bit ranges by the known bits (`__update_reg32_bounds`).
    #[inline]
    pub(crate) fn learn_32_from_bits(&mut self) {
        let mut low = self.span32();
        low.learn_bits(self.var_off);
        self.set_span32(low);
    }

    /// One round of deduction between the ranges (`__reg_deduce_bounds`).
    #[inline]
    fn deduce_round(&mut self, wide: &mut Span64, low: &mut Span32, rules: Rules) {
        low_from_wide(low, wide);
        low.cross_learn(rules.split_32);
        wide.cross_learn(rules.split_64);
        wide_from_low(wide, low);
        if low.smin >= 0 && wide.smin >= i64::from(i32::MIN) && wide.smax <= i64::from(i32::MAX) {
            self.settle_non_negative(wide, low);
        }
    }

    /// The value is a sign-extended 32-bit number, and its low half is not negative: neither is the whole.
    ///
    /// A quirk: the low half's range replaces the whole's instead of narrowing it, and so can widen it again.
    #[inline]
    fn settle_non_negative(&mut self, wide: &mut Span64, low: &Span32) {
        wide.smin = i64::from(low.smin);
        wide.smax = i64::from(low.smax);
        wide.umin = wide.smin as u64;
        wide.umax = wide.smax as u64;
        self.var_off = self.var_off.intersect(Tnum::range(wide.umin, wide.umax));
    }

    /// Learns leading bits from the unsigned ranges (`__reg_bound_offset`).
    #[inline]
    fn learn_bits_from_ranges(&mut self, rules: Rules) {
        let whole = self.var_off.intersect(Tnum::range(self.umin, self.umax));
        let low = Tnum::range(u64::from(self.u32_min), u64::from(self.u32_max));
        let known = if rules.low_from_whole { whole } else { self.var_off };
        self.var_off = whole.clear_subreg() | known.subreg().intersect(low);
    }
}

/// Narrows the low half's ranges by the whole's, where the high half says enough: where it is the same
/// throughout, and where it goes up by one while the low half goes from negative to non-negative.
#[inline]
fn low_from_wide(low: &mut Span32, wide: &Span64) {
    if wide.umin >> 32 == wide.umax >> 32 {
        let (min, max) = (wide.umin as u32, wide.umax as u32);
        low.learn_unsigned(min, max);
        learn_signed_if_ordered(low, min, max);
    }
    if wide.smin >> 32 == wide.smax >> 32 {
        let (min, max) = (wide.smin as u32, wide.smax as u32);
        if min <= max {
            low.learn_unsigned(min, max);
        }
        learn_signed_if_ordered(low, min, max);
    }
    learn_across_zero(low, wide.umin, wide.umax);
    learn_across_zero(low, wide.smin as u64, wide.smax as u64);
}

#[inline]
fn learn_signed_if_ordered(low: &mut Span32, min: u32, max: u32) {
    if min as i32 <= max as i32 {
        low.learn_signed(min as i32, max as i32);
    }
}

#[inline]
fn learn_across_zero(low: &mut Span32, min: u64, max: u64) {
    let (min_high, max_high) = ((min >> 32) as u32, (max >> 32) as u32);
    if min_high.wrapping_add(1) == max_high && (min as i32) < 0 && max as i32 >= 0 {
        low.learn_signed(min as i32, max as i32);
    }
}

/// Narrows the whole's ranges by the low half's: an end's low half cannot be beyond the low half's end.
///
/// Linux before 6.18 does the same with the signed range, where it does not cross zero. That adds nothing: the
/// unsigned range has just learned from it.
#[inline]
fn wide_from_low(wide: &mut Span64, low: &Span32) {
    let (min, max) = (u64::from(low.umin), u64::from(low.umax));
    wide.learn_unsigned((wide.umin & HIGH) | min, (wide.umax & HIGH) | max);
    wide.learn_signed(
        ((wide.smin as u64 & HIGH) | min) as i64,
        ((wide.smax as u64 & HIGH) | max) as i64,
    );
}

#[cfg(test)]
mod tests {
    use crate::{Bounds, Rules, Tnum};
    use proptest::prelude::*;

    fn bits() -> impl Strategy<Value = Tnum> {
        // Masks of few runs: dense random ones would never know a sign or a whole half.
        let run = (0..64u32, 0..=64u32).prop_map(|(at, len)| match len {
            64 => u64::MAX,
            _ => ((1 << len) - 1) << at,
        });
        let runs = proptest::collection::vec(run, 0..4);
        let mask = runs.prop_map(|runs| runs.iter().fold(0, |mask, run| mask ^ run));
        (mask, any::<u64>(), 0..3).prop_map(|(mask, value, kind)| {
            let value = match kind {
                0 => 0,
                1 => u64::MAX,
                _ => value,
            };
            Tnum {
                value: value & !mask,
                mask,
            }
        })
    }

    /// Rules by number: every mix of deductions, up to three rounds.
    fn rules() -> impl Strategy<Value = Rules> {
        (0..4u8, any::<[bool; 6]>()).prop_map(|(rounds, flags)| {
            let [
                split_64,
                split_32,
                by_sign,
                low_from_whole,
                single_value,
                keeps_contradiction,
            ] = flags;
            Rules {
                single_value,
                quotients: false,
                keeps_contradiction,
                by_sign,
                rounds,
                split_64,
                split_32,
                unequal_by_bits: false,
                low_from_whole,
                keep_wrapped: false,
                signed_product: false,
                product_bits: crate::Product::Doubt,
                shift_sign: false,
                by_constants: false,
                bitwise_by_signs: false,
                known_operand: false,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40_000))]

        /// Zeros above the low half: the short way and the long one.
        #[test]
        fn zext_32_and_sync(bits in bits(), ends in any::<[u32; 2]>(), wide in 0..16u8, rules in rules()) {
            let mut start = Bounds::of_bits(bits);
            // Each end may know as much as the bits, nothing, or what contradicts them.
            if wide & 1 != 0 { start.s32_min = i32::MIN }
            if wide & 2 != 0 { start.u32_max = u32::MAX }
            if wide & 4 != 0 { start.s32_max = ends[0] as i32 }
            if wide & 8 != 0 { start.u32_min = ends[1] }
            let mut short = start;
            short.sync_zext_32(rules);
            start.zext_32();
            start.deduce(rules);
            prop_assert_eq!(short, start);
        }

        /// The short way of `sync` and the long one end at the same bounds, whatever the rules.
        #[test]
        fn bits_alone_say_all(bits in bits(), wide in 0..16u8, rules in rules()) {
            let known = Bounds::of_bits(bits);
            let mut start = known;
            // Each pair of ends may know as much as the bits, or nothing.
            if wide & 1 != 0 { (start.smin, start.smax) = (i64::MIN, i64::MAX) }
            if wide & 2 != 0 { (start.umin, start.umax) = (0, u64::MAX) }
            if wide & 4 != 0 { (start.s32_min, start.s32_max) = (i32::MIN, i32::MAX) }
            if wide & 8 != 0 { (start.u32_min, start.u32_max) = (0, u32::MAX) }
            start.deduce(rules);
            prop_assert_eq!(start, known);
        }
    }
}
