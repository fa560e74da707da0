//! What a comparison teaches where it teaches only about a number compared with a known one (before Linux 6.8):
//! [`Rules::by_constants`].

use crate::{Bounds, JmpOp, Rules, Tnum, Width};

/// What is known of both operands in one of the two branches.
pub type Learned = (Bounds, Bounds);

/// What is known of `a` and `b`, two registers or a register and a number, in the branch that is taken when `a op b`
/// holds, and in the one that falls through (`reg_set_min_max`, `reg_set_min_max_inv`, `reg_combine_min_max`). Complete as it
/// is: what was narrowed was synced.
///
/// `same` are operands that are one register. A quirk: what the comparison says of it as one operand is then what is
/// known of it in the branch that falls through, and what is known in the other starts from the value before.
pub fn refine_by_constants(op: JmpOp, width: Width, a: &Bounds, b: &Bounds, rules: Rules) -> [Learned; 2] {
    let [mut taken, mut fallen] = [(*a, *b); 2];
    let known = |x: &Bounds| x.is_const() || (width == Width::W32 && x.is_subreg_const());
    if known(b) {
        narrow(op, width, [&mut taken.0, &mut fallen.0], b.var_off, rules);
    } else if known(a) {
        narrow(op.flip(), width, [&mut taken.1, &mut fallen.1], a.var_off, rules);
    } else if width.is_64() {
        match op {
            JmpOp::Eq => equate(&mut taken, rules),
            JmpOp::Ne => equate(&mut fallen, rules),
            _ => {}
        }
    }
    [taken, fallen]
}

/// Two numbers that are equal: each is what both can be.
fn equate((a, b): &mut Learned, rules: Rules) {
    let mut wide = b.span64();
    wide.learn_unsigned(a.umin, a.umax);
    wide.learn_signed(a.smin, a.smax);
    let bits = b.var_off.intersect(a.var_off);
    for x in [a, b] {
        x.set_span64(wide);
        x.var_off = bits;
        x.sync(rules);
    }
}

/// Narrows a number by its comparison with one whose bits are known, as it is where the branch is taken, and where not.
fn narrow(op: JmpOp, width: Width, [taken, fallen]: [&mut Bounds; 2], number: Tnum, rules: Rules) {
    let value = match width {
        Width::W32 => number.subreg().value,
        Width::W64 => number.value,
    };
    match op {
        JmpOp::Eq => set(taken, width, value),
        JmpOp::Ne => set(fallen, width, value),
        JmpOp::Set => {
            // Forgotten first, so that nothing contradicts the bits.
            fallen.set_unbounded();
            let others = fallen.var_off & Tnum::constant(!value);
            let with_bit = taken.var_off | Tnum::constant(value);
            keep_bits(fallen, width, others);
            if value.is_power_of_two() {
                keep_bits(taken, width, with_bit);
            }
        }
        JmpOp::NotSet => {}
        JmpOp::Ge => limit(width, fallen, taken, value, 1, 0),
        JmpOp::Gt => limit(width, fallen, taken, value, 0, 1),
        JmpOp::Le => limit(width, taken, fallen, value, 0, 1),
        JmpOp::Lt => limit(width, taken, fallen, value, 1, 0),
        JmpOp::Sge => limit_signed(width, fallen, taken, value, 1, 0),
        JmpOp::Sgt => limit_signed(width, fallen, taken, value, 0, 1),
        JmpOp::Sle => limit_signed(width, taken, fallen, value, 0, 1),
        JmpOp::Slt => limit_signed(width, taken, fallen, value, 1, 0),
    }
    for x in [fallen, taken] {
        match width {
            Width::W32 => x.whole_from_low(rules),
            Width::W64 => x.low_from_whole(rules),
        }
    }
}

fn set(x: &mut Bounds, width: Width, value: u64) {
    match width {
        Width::W32 => x.set_subreg_const(value as u32),
        Width::W64 => *x = Bounds::constant(value),
    }
}

fn keep_bits(x: &mut Bounds, width: Width, bits: Tnum) {
    x.var_off = match width {
        Width::W32 => x.var_off.with_subreg(bits.subreg()),
        Width::W64 => bits,
    };
}

/// `below` is at most `value - down`, `above` at least `value + up`.
fn limit(width: Width, below: &mut Bounds, above: &mut Bounds, value: u64, down: u8, up: u8) {
    match width {
        Width::W32 => {
            let value = value as u32;
            below.u32_max = below.u32_max.min(value.wrapping_sub(u32::from(down)));
            above.u32_min = above.u32_min.max(value.wrapping_add(u32::from(up)));
        }
        Width::W64 => {
            below.umax = below.umax.min(value.wrapping_sub(u64::from(down)));
            above.umin = above.umin.max(value.wrapping_add(u64::from(up)));
        }
    }
}

/// As [`limit`], signed.
fn limit_signed(width: Width, below: &mut Bounds, above: &mut Bounds, value: u64, down: i8, up: i8) {
    match width {
        Width::W32 => {
            let value = value as i32;
            below.s32_max = below.s32_max.min(value.wrapping_sub(i32::from(down)));
            above.s32_min = above.s32_min.max(value.wrapping_add(i32::from(up)));
        }
        Width::W64 => {
            let value = value as i64;
            below.smax = below.smax.min(value.wrapping_sub(i64::from(down)));
            above.smin = above.smin.max(value.wrapping_add(i64::from(up)));
        }
    }
}
