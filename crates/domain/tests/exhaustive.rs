//! Everything small, enumerated: all tnums of a few bits, and all runs of a few numbers around the places
//! where some reading of a number wraps.

mod common;

use common::{ALU, JMP, RULES, WIDTHS, compute, holds};
use verdict_domain::{AluOp, Bounds, JmpOp, Product, Rules, Tnum, Width, branch_taken, refine, refine_same};

/// All tnums of `bits` low bits; those above are zero.
fn tnums(bits: u32) -> Vec<Tnum> {
    let all = 0..1u64 << bits;
    all.clone()
        .flat_map(|mask| {
            all.clone()
                .filter(move |value| value & mask == 0)
                .map(move |value| Tnum { value, mask })
        })
        .collect()
}

/// The numbers of a tnum of few bits.
fn members(t: Tnum) -> impl Iterator<Item = u64> {
    (0..64u64).filter(move |x| x & !t.mask == t.value)
}

/// The smallest tnum with all of `values`.
fn hull(values: impl Iterator<Item = u64>) -> Tnum {
    let (ones, any) = values.fold((u64::MAX, 0), |(ones, any), x| (ones & x, any | x));
    Tnum {
        value: ones,
        mask: any & !ones,
    }
}

#[test]
fn tnum_operations_are_sound_and_mostly_optimal() {
    let all = tnums(4);
    assert_eq!(all.len(), 81);
    for &a in &all {
        for &b in &all {
            let check = |result: Tnum, f: fn(u64, u64) -> u64, optimal: bool| {
                let pairs = members(a).flat_map(|x| members(b).map(move |y| f(x, y)));
                let best = hull(pairs);
                assert!(result.contains(best), "{a} {b} gives {result}, needs {best}");
                assert!(
                    !optimal || result == best,
                    "{a} {b} gives {result}, could be {best}"
                );
            };
            check(a + b, u64::wrapping_add, true);
            check(a - b, u64::wrapping_sub, true);
            check(a & b, |x, y| x & y, true);
            check(a | b, |x, y| x | y, true);
            check(a ^ b, |x, y| x ^ y, true);
            for product in [Product::Masks, Product::Doubt, Product::Union] {
                check(a.mul(b, product), u64::wrapping_mul, false);
            }
            assert_eq!(a.union(b), hull(members(a).chain(members(b))));
            assert_eq!(a.overlap(b), members(a).any(|x| members(b).any(|y| x == y)));
            assert_eq!(a.contains(b), members(b).all(|y| members(a).any(|x| x == y)));
            if a.overlap(b) {
                let common = members(a).filter(|x| members(b).any(|y| *x == y));
                assert_eq!(a.intersect(b), hull(common));
            }
        }
    }
}

#[test]
fn tnum_shifts_and_ranges() {
    for min in 0..32u64 {
        for max in min..32 {
            let t = Tnum::range(min, max);
            assert!((min..=max).all(|x| t.contains(Tnum::constant(x))));
            // Only the common leading bits are known.
            assert_eq!(
                t.mask,
                (0..6)
                    .map(|bits| (1 << bits) - 1)
                    .find(|m| min & !m == max & !m)
                    .unwrap_or(63)
            );
        }
    }
    assert_eq!(Tnum::range(0, u64::MAX), Tnum::UNKNOWN);
    for t in tnums(5) {
        for shift in 0..8 {
            assert_eq!(t.lshift(shift), hull(members(t).map(|x| x << shift)));
            assert_eq!(t.rshift(shift), hull(members(t).map(|x| x >> shift)));
            let high = t.lshift(27);
            let shifted = members(t).map(|x| u64::from(((x << 27) as i32 >> shift) as u32));
            assert_eq!(high.arshift(shift, 32), hull(shifted));
            let high = t.lshift(59);
            let shifted = members(t).map(|x| ((x << 59) as i64 >> shift) as u64);
            assert_eq!(high.arshift(shift, 64), hull(shifted));
        }
        for size in [1, 2, 4, 8, 16] {
            assert_eq!(t.is_aligned(size), members(t).all(|x| x % size == 0));
        }
    }
}

/// How many numbers a run has at most, and how many start before the place.
const RUN: u64 = 5;

/// Consecutive numbers, as the tightest bounds that have them all.
struct Run {
    values: Vec<u64>,
    bounds: Bounds,
}

fn run(first: u64, len: u64, rules: Rules) -> Run {
    let values: Vec<u64> = (0..len).map(|i| first.wrapping_add(i)).collect();
    let mut bounds = Bounds::new(
        hull(values.iter().copied()),
        ends(&values, |x| x as i64),
        ends(&values, |x| x),
        ends(&values, |x| x as i32),
        ends(&values, |x| x as u32),
    );
    bounds.sync(rules);
    Run { values, bounds }
}

/// The smallest and the largest of `values` in some reading.
fn ends<T: Ord>(values: &[u64], reading: fn(u64) -> T) -> (T, T) {
    let read = || values.iter().map(|x| reading(*x));
    (read().min().expect("not empty"), read().max().expect("not empty"))
}

/// All runs around 0, 2^31, 2^32 - 2^31, 2^32, 2^63 and some place without meaning.
fn runs(rules: Rules) -> Vec<Run> {
    let places = [
        0,
        1 << 31,
        0xffff_ffff_8000_0000,
        1 << 32,
        1 << 63,
        0x1234_5678_9abc_def0,
    ];
    places
        .iter()
        .flat_map(|place: &u64| (0..RUN).map(move |before| place.wrapping_sub(before)))
        .flat_map(|first| (1..=RUN).map(move |len| run(first, len, rules)))
        .collect()
}

#[test]
fn syncing_a_run_keeps_it() {
    for run in RULES.into_iter().flat_map(runs) {
        assert!(run.bounds.violation().is_none(), "{:?}", run.bounds);
        assert!(run.values.iter().all(|x| run.bounds.admits(*x)));
        assert_eq!(run.bounds.is_const(), run.values.len() == 1);
    }
}

#[test]
fn arithmetic_is_sound() {
    for rules in RULES {
        let runs = runs(rules);
        for a in &runs {
            for b in &runs {
                for (op, width) in ALU.into_iter().flat_map(|op| WIDTHS.map(|width| (op, width))) {
                    arithmetic_case(op, width, a, b, rules);
                }
            }
        }
    }
}

fn arithmetic_case(op: AluOp, width: Width, a: &Run, b: &Run, rules: Rules) {
    let result = a.bounds.alu(op, width, &b.bounds, rules);
    assert!(
        result.violation().is_none(),
        "{op:?} {width:?} {:?} {:?}",
        a.values,
        b.values
    );
    for &x in &a.values {
        for &y in &b.values {
            if !op.is_shift() || y < u64::from(width.bits()) {
                let value = compute(op, width, x, y);
                assert!(
                    result.admits(value),
                    "{x:#x} {op:?} {y:#x} = {value:#x} {width:?} not in {result:?}"
                );
            }
        }
    }
}

#[test]
fn comparisons_are_sound() {
    for rules in RULES {
        let runs = runs(rules);
        for a in &runs {
            for b in &runs {
                for (op, width) in JMP.into_iter().flat_map(|op| WIDTHS.map(|width| (op, width))) {
                    comparison_case(op, width, a, b, rules);
                }
            }
        }
    }
}

fn comparison_case(op: JmpOp, width: Width, a: &Run, b: &Run, rules: Rules) {
    let decided = branch_taken(op, width, &a.bounds, &b.bounds, rules);
    let (mut ra, mut rb) = (a.bounds, b.bounds);
    refine(op, width, &mut ra, &mut rb);
    ra.sync(rules);
    rb.sync(rules);
    for &x in &a.values {
        for &y in &b.values {
            let holds = holds(op, width, x, y);
            assert!(
                decided.is_none_or(|d| d == holds),
                "{x:#x} {op:?} {y:#x} {width:?} is {holds}"
            );
            if holds {
                assert!(
                    ra.admits(x) && rb.admits(y),
                    "{x:#x} {op:?} {y:#x} {width:?}: {ra:?} {rb:?}"
                );
            }
        }
    }
}

#[test]
fn comparing_with_itself_is_sound() {
    for (rules, a) in RULES
        .into_iter()
        .flat_map(|r| runs(r).into_iter().map(move |a| (r, a)))
    {
        for op in JMP {
            for width in WIDTHS {
                let mut refined = a.bounds;
                refine_same(op, width, &mut refined);
                refined.sync(rules);
                for &x in a.values.iter().filter(|x| holds(op, width, **x, **x)) {
                    assert!(refined.admits(x), "{x:#x} {op:?} {width:?}: {refined:?}");
                }
            }
        }
    }
}

#[test]
fn changes_of_width_are_sound() {
    for (rules, a) in RULES
        .into_iter()
        .flat_map(|r| runs(r).into_iter().map(move |a| (r, a)))
    {
        let check = |bounds: Bounds, f: &dyn Fn(u64) -> u64| {
            for &x in &a.values {
                assert!(bounds.admits(f(x)), "{x:#x} to {:#x} not in {bounds:?}", f(x));
            }
        };
        let mut zext = a.bounds;
        zext.zext_32();
        zext.sync(rules);
        check(zext, &|x| x & 0xffff_ffff);
        for bytes in [1, 2, 4] {
            let drop = 64 - bytes * 8;
            let mut truncated = a.bounds;
            truncated.truncate(bytes, rules);
            check(truncated, &|x| x << drop >> drop);
            let mut extended = a.bounds;
            extended.sign_extend(bytes);
            check(extended, &|x| ((x << drop) as i64 >> drop) as u64);
            if bytes < 4 {
                let mut low = a.bounds;
                low.sign_extend_subreg(bytes);
                low.zext_32();
                low.sync(rules);
                check(low, &|x| ((x << drop) as i64 >> drop) as u64 & 0xffff_ffff);
            }
        }
    }
}
