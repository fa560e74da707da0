//! Soundness at full width, by random bounds that are known to have a certain number.

mod common;

use common::{ALU, JMP, WIDTHS, compute, holds};
use proptest::prelude::*;
use proptest::sample::select;
use verdict_domain::{Bounds, Tnum, branch_taken, refine};

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
        let mut b = Bounds::UNKNOWN;
        if bits {
            b.var_off = Tnum {
                value: x & !mask,
                mask,
            };
        }
        let below = |gap: Option<u64>| gap.map(|gap| gap >> 1);
        if let Some(gap) = gaps[0] {
            b.umin = x.saturating_sub(gap);
        }
        if let Some(gap) = gaps[1] {
            b.umax = x.saturating_add(gap);
        }
        if let Some(gap) = below(gaps[2]) {
            b.smin = (x as i64).saturating_sub_unsigned(gap);
        }
        if let Some(gap) = below(gaps[3]) {
            b.smax = (x as i64).saturating_add_unsigned(gap);
        }
        if let Some(gap) = gaps[4] {
            b.u32_min = (x as u32).saturating_sub(gap as u32);
        }
        if let Some(gap) = gaps[5] {
            b.u32_max = (x as u32).saturating_add(gap as u32);
        }
        if let Some(gap) = gaps[6] {
            b.s32_min = (x as i32).saturating_sub_unsigned(gap as u32 >> 1);
        }
        if let Some(gap) = gaps[7] {
            b.s32_max = (x as i32).saturating_add_unsigned(gap as u32 >> 1);
        }
        (x, b)
    })
}

fn synced_member() -> impl Strategy<Value = (u64, Bounds)> {
    known_member().prop_map(|(x, mut b)| {
        b.sync();
        (x, b)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn sync_keeps_the_number((x, before) in known_member()) {
        prop_assert!(before.admits(x));
        let mut after = before;
        after.sync();
        prop_assert!(after.admits(x), "{:?}", after);
        prop_assert!(before.var_off.contains(after.var_off));
        prop_assert!(after.violation().is_none(), "{:?}", after);
    }

    #[test]
    fn arithmetic_is_sound(
        (x, a) in synced_member(), (y, b) in synced_member(), count in 0..64u64,
        op in select(&ALU[..]), width in select(&WIDTHS[..]),
    ) {
        let (y, b) = if op.is_shift() {
            let count = count % u64::from(width.bits());
            (count, Bounds::constant(count))
        } else {
            (y, b)
        };
        let result = a.alu(op, width, &b);
        let value = compute(op, width, x, y);
        prop_assert!(result.admits(value), "{:#x} not in {:?}", value, result);
        prop_assert!(result.violation().is_none(), "{:?}", result);
    }

    #[test]
    fn pointer_offsets_are_sound((x, a) in synced_member(), (y, b) in synced_member()) {
        prop_assert!(!b.is_contradictory_offset());
        let mut sum = a.add_to_pointer(&b);
        sum.sync();
        prop_assert!(sum.admits(x.wrapping_add(y)));
        let mut difference = a.sub_from_pointer(&b);
        difference.sync();
        prop_assert!(difference.admits(x.wrapping_sub(y)));
    }

    #[test]
    fn comparisons_are_sound(
        (x, a) in synced_member(), (y, b) in synced_member(),
        op in select(&JMP[..]), width in select(&WIDTHS[..]),
    ) {
        let outcome = holds(op, width, x, y);
        if let Some(decided) = branch_taken(op, width, &a, &b) {
            prop_assert_eq!(decided, outcome);
        }
        prop_assert_eq!(outcome, !holds(op.negate(), width, x, y));
        prop_assert_eq!(outcome, holds(op.flip(), width, y, x));
        let (mut a, mut b) = (a, b);
        refine(if outcome { op } else { op.negate() }, width, &mut a, &mut b);
        a.sync();
        b.sync();
        prop_assert!(a.admits(x), "{:#x} not in {:?}", x, a);
        prop_assert!(b.admits(y), "{:#x} not in {:?}", y, b);
    }

    #[test]
    fn changes_of_width_are_sound((x, a) in synced_member(), bytes in select(&[1u32, 2, 4][..])) {
        let drop = 64 - bytes * 8;
        let mut truncated = a;
        truncated.truncate(bytes);
        prop_assert!(truncated.admits(x << drop >> drop));
        let mut extended = a;
        extended.sign_extend(bytes);
        prop_assert!(extended.admits(((x << drop) as i64 >> drop) as u64), "{:?}", extended);
        let mut zext = a;
        zext.zext_32();
        zext.sync();
        prop_assert!(zext.admits(x & 0xffff_ffff), "{:?}", zext);
    }

    #[test]
    fn a_sign_mask_is_one_of_its_two_values((x, a) in synced_member()) {
        if let Some(fork) = a.fork_sign_mask() {
            prop_assert!(fork.zero.admits(x) || fork.minus_one.admits(x));
        }
    }

    /// Bounds that contradict themselves must not bring anything down.
    #[test]
    fn contradictions_are_harmless(
        (_, a) in known_member(), (_, b) in known_member(),
        op in select(&ALU[..]), jmp in select(&JMP[..]), width in select(&WIDTHS[..]),
    ) {
        let wild = Bounds { var_off: b.var_off, umax: b.umin, smin: a.smax, s32_max: b.s32_min, ..a };
        let mut c = wild;
        c.sync();
        let mut d = c.alu(op, width, &wild);
        refine(jmp, width, &mut c, &mut d);
        d.truncate(2);
        c.sign_extend(1);
        d.sign_extend_subreg(1);
        d.set_unbounded();
        prop_assert!(d.violation() != Some(verdict_domain::Violation::EmptyRange));
    }
}
