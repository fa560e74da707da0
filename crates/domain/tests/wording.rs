//! Texts that appear in logs.

use verdict_domain::{Bounds, Tnum, Violation};

#[test]
fn tnum() {
    assert_eq!(
        Tnum {
            value: 0x10,
            mask: 0xf
        }
        .to_string(),
        "(0x10; 0xf)"
    );
    assert_eq!(Tnum::constant(0xffff).to_string(), "65535");
    assert_eq!(Tnum::constant(0x10000).to_string(), "0x10000");
}

#[test]
fn violations() {
    let u = Bounds::UNKNOWN;
    let s64 = (u.smin(), u.smax());
    let s32 = (u.s32_min(), u.s32_max());
    let u32 = (u.u32_min(), u.u32_max());
    let b = Bounds::new(u.var_off(), s64, (5, 4), s32, u32);
    let violation = b.violation().expect("an empty range");
    assert_eq!(violation, Violation::EmptyRange);
    assert_eq!(
        b.violation_text(violation, "true_reg1").to_string(),
        "REG INVARIANTS VIOLATION (true_reg1): range bounds violation u64=[0x5, 0x4] \
         s64=[0x8000000000000000, 0x7fffffffffffffff] u32=[0x0, 0xffffffff] \
         s32=[0x80000000, 0x7fffffff] var_off=(0x0, 0xffffffffffffffff)"
    );
    let seven = Tnum::constant(7);
    let b = Bounds::new(seven, (7, 8), (7, 7), (7, 7), (7, 7));
    assert_eq!(b.violation(), Some(Violation::Const));
    let mut b = Bounds::new(seven, (7, 7), (7, 7), (7, 7), (7, 8));
    assert_eq!(b.violation(), Some(Violation::SubregConst));
    b.set_unbounded();
    assert_eq!(b.violation(), Some(Violation::Const), "the bits are kept");
}

#[test]
fn size_of_bounds_is_a_decision() {
    assert_eq!(size_of::<Bounds>(), 64);
}
