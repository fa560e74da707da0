//! Soundness at full width, by random bounds that are known to have a certain number.

mod common;

use common::{ALU, JMP, RULES, WIDTHS, compute, divide, holds};
use proptest::prelude::*;
use proptest::sample::select;
use verdict_domain::{AluOp, Bounds, Rules, Tnum, branch_taken, branch_taken_by_itself, refine};

/// Numbers of all lengths, and near powers of two.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (any::<u64>(), 0..64u32).prop_map(|(x, shift)| x >> shift),
        (any::<i64>(), 0..64u32).prop_map(|(x, shift)| (x >> shift) as u64),
        (0..64u32, 0..8u64).prop_map(|(bit, near)| (1u64 << bit).wrapping_add(near).wrapping_sub(4)),
    ]
}

/// A number, and bounds that admit it.
fn known_member() -> impl Strategy<Value = (u64, Bounds)> {
    let gaps = prop::array::uniform8(prop_oneof![Just(None), number().prop_map(Some)]);
    (number(), number(), any::<bool>(), gaps).prop_map(|(x, mask, bits, gaps)| {
        let var_off = match bits {
            true => Tnum {
                value: x & !mask,
                mask,
            },
            false => Tnum::UNKNOWN,
        };
        let (signed, low, signed_low) = (x as i64, x as u32, x as i32);
        let wide = |i: usize| gaps[i].map(|gap| gap >> 1);
        let half = |i: usize| gaps[i].map(|gap| gap as u32 >> 1);
        let b = Bounds::new(
            var_off,
            (
                wide(2).map_or(i64::MIN, |gap| signed.saturating_sub_unsigned(gap)),
                wide(3).map_or(i64::MAX, |gap| signed.saturating_add_unsigned(gap)),
            ),
            (
                gaps[0].map_or(0, |gap| x.saturating_sub(gap)),
                gaps[1].map_or(u64::MAX, |gap| x.saturating_add(gap)),
            ),
            (
                half(6).map_or(i32::MIN, |gap| signed_low.saturating_sub_unsigned(gap)),
                half(7).map_or(i32::MAX, |gap| signed_low.saturating_add_unsigned(gap)),
            ),
            (
                gaps[4].map_or(0, |gap| low.saturating_sub(gap as u32)),
                gaps[5].map_or(u32::MAX, |gap| low.saturating_add(gap as u32)),
            ),
        );
        (x, b)
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    select(&RULES[..])
}

/// Rules, and two numbers with bounds that admit them, synced.
fn synced_members() -> impl Strategy<Value = (Rules, (u64, Bounds), (u64, Bounds))> {
    (rules(), known_member(), known_member()).prop_map(|(rules, (x, mut a), (y, mut b))| {
        a.sync(rules);
        b.sync(rules);
        (rules, (x, a), (y, b))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn sync_keeps_the_number(rules in rules(), (x, before) in known_member()) {
        prop_assert!(before.admits(x));
        let mut after = before;
        after.sync(rules);
        prop_assert!(after.admits(x), "{:?}", after);
        prop_assert!(before.var_off().contains(after.var_off()));
        prop_assert!(after.violation().is_none(), "{:?}", after);
    }

    #[test]
    fn arithmetic_is_sound(
        (rules, (x, a), (y, b)) in synced_members(), count in 0..64u64,
        op in select(&ALU[..]), width in select(&WIDTHS[..]),
    ) {
        let (y, b) = if op.is_shift() {
            let count = count % u64::from(width.bits());
            (count, Bounds::constant(count))
        } else {
            (y, b)
        };
        let result = a.alu(op, width, &b, rules);
        let value = compute(op, width, x, y);
        prop_assert!(result.admits(value), "{:#x} not in {:?}", value, result);
        prop_assert!(result.violation().is_none(), "{:?}", result);
    }

    #[test]
    fn quotients_and_remainders_are_sound(
        (rules, (x, a), (y, _)) in synced_members(), small in 0..9u64,
        op in select(&[AluOp::Div, AluOp::SDiv, AluOp::Mod, AluOp::SMod][..]), width in select(&WIDTHS[..]),
    ) {
        let rules = Rules { quotients: true, ..rules };
        for divisor in [y, small, small.wrapping_neg(), i64::MIN as u64, i32::MIN as u64] {
            let result = a.alu(op, width, &Bounds::constant(divisor), rules);
            let value = divide(op, width, x, divisor);
            // Where operands must be known in another way, nothing is computed, in all 64 bits.
            prop_assert!(result.admits(value), "{:#x} / {:#x} = {:#x} not in {:?}", x, divisor, value, result);
            prop_assert!(result.violation().is_none(), "{:?}", result);
        }
    }

    #[test]
    fn swapped_bytes_are_sound((rules, (x, a), _) in synced_members(), bytes in select(&[2u32, 4, 8][..])) {
        let swapped = x.swap_bytes() >> (64 - 8 * bytes);
        let result = a.swapped(bytes, rules);
        prop_assert!(result.admits(swapped), "{:#x} not in {:?}", swapped, result);
        prop_assert_eq!(Bounds::constant(x).swapped(bytes, rules).const_value(), Some(swapped));
    }

    #[test]
    fn a_number_by_itself_is_compared_soundly(
        (_, (x, a), _) in synced_members(), op in select(&JMP[..]), width in select(&WIDTHS[..]),
    ) {
        if let Some(outcome) = branch_taken_by_itself(op, width, &a) {
            prop_assert_eq!(outcome, holds(op, width, x, x));
        }
    }

    /// Which of the two ways gives a bitwise result its signed range is seen only where ranges contradict each other.
    #[test]
    fn signs_of_bitwise_results_are_the_same(
        rules in rules(), (_, mut a) in known_member(), (_, mut b) in known_member(),
        op in select(&[AluOp::And, AluOp::Or, AluOp::Xor][..]), width in select(&WIDTHS[..]),
    ) {
        // A single round is too short to find again what the one way already has.
        let rules = Rules { rounds: rules.rounds.max(2), ..rules };
        a.sync(rules);
        b.sync(rules);
        let by_signs = |bitwise_by_signs| Rules { bitwise_by_signs, ..rules };
        prop_assert_eq!(a.alu(op, width, &b, by_signs(true)), a.alu(op, width, &b, by_signs(false)));
    }

    #[test]
    fn pointer_offsets_are_sound((rules, (x, a), (y, b)) in synced_members()) {
        prop_assert!(!b.is_contradictory_offset());
        let mut sum = a.add_to_pointer(&b);
        sum.sync(rules);
        prop_assert!(sum.admits(x.wrapping_add(y)));
        let mut difference = a.sub_from_pointer(&b);
        difference.sync(rules);
        prop_assert!(difference.admits(x.wrapping_sub(y)));
    }

    #[test]
    fn comparisons_are_sound(
        (rules, (x, a), (y, b)) in synced_members(),
        op in select(&JMP[..]), width in select(&WIDTHS[..]),
    ) {
        let outcome = holds(op, width, x, y);
        if let Some(decided) = branch_taken(op, width, &a, &b, rules) {
            prop_assert_eq!(decided, outcome);
        }
        prop_assert_eq!(outcome, !holds(op.negate(), width, x, y));
        prop_assert_eq!(outcome, holds(op.flip(), width, y, x));
        let (mut a, mut b) = (a, b);
        refine(if outcome { op } else { op.negate() }, width, &mut a, &mut b);
        a.sync(rules);
        b.sync(rules);
        prop_assert!(a.admits(x), "{:#x} not in {:?}", x, a);
        prop_assert!(b.admits(y), "{:#x} not in {:?}", y, b);
    }

    #[test]
    fn changes_of_width_are_sound((rules, (x, a), _) in synced_members(), bytes in select(&[1u32, 2, 4][..])) {
        let drop = 64 - bytes * 8;
        let mut truncated = a;
        truncated.truncate(bytes, rules);
        prop_assert!(truncated.admits(x << drop >> drop));
        let mut extended = a;
        extended.sign_extend(bytes);
        prop_assert!(extended.admits(((x << drop) as i64 >> drop) as u64), "{:?}", extended);
        let mut zext = a;
        zext.zext_32();
        zext.sync(rules);
        prop_assert!(zext.admits(x & 0xffff_ffff), "{:?}", zext);
    }

    #[test]
    fn negation_is_sound((rules, (x, a), _) in synced_members(), width in select(&WIDTHS[..])) {
        let value = match width.is_64() {
            true => x.wrapping_neg(),
            false => x.wrapping_neg() & 0xffff_ffff,
        };
        prop_assert!(a.negated(width, rules).admits(value), "{:#x} of {:?}", value, a);
    }

    #[test]
    fn a_sign_mask_is_one_of_its_two_values((_, (x, a), _) in synced_members()) {
        if let Some(fork) = a.fork_sign_mask() {
            prop_assert!(fork.zero.admits(x) || fork.minus_one.admits(x));
        }
    }

    /// Bounds that contradict themselves must not bring anything down.
    #[test]
    fn contradictions_are_harmless(
        rules in rules(), (_, a) in known_member(), (_, b) in known_member(),
        op in select(&ALU[..]), jmp in select(&JMP[..]), width in select(&WIDTHS[..]),
    ) {
        let wild = Bounds::new(
            b.var_off(),
            (a.smax(), a.smax()),
            (a.umin(), b.umin()),
            (a.s32_min(), b.s32_min()),
            (a.u32_min(), a.u32_max()),
        );
        let mut c = wild;
        c.sync(rules);
        let mut d = c.alu(op, width, &wild, rules);
        refine(jmp, width, &mut c, &mut d);
        d.truncate(2, rules);
        c.sign_extend(1);
        d.sign_extend_subreg(1);
        d.set_unbounded();
        prop_assert!(d.violation() != Some(verdict_domain::Violation::EmptyRange));
    }
}
