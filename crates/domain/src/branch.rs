//! Comparisons: their outcome where it is certain, and what either outcome teaches.

use crate::{Bounds, Rules, Tnum, Width};

/// A condition between two values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum JmpOp {
    /// `==`
    Eq,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `&`: the operands have a one in common.
    Set,
    /// `!=`
    Ne,
    /// `s>`
    Sgt,
    /// `s>=`
    Sge,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `s<`
    Slt,
    /// `s<=`
    Sle,
    /// The opposite of [`JmpOp::Set`], which has no opcode: no one in common.
    NotSet,
}

impl JmpOp {
    /// The condition that holds exactly when this does not (`rev_opcode`).
    #[inline]
    #[must_use]
    pub const fn negate(self) -> JmpOp {
        match self {
            JmpOp::Eq => JmpOp::Ne,
            JmpOp::Ne => JmpOp::Eq,
            JmpOp::Set => JmpOp::NotSet,
            JmpOp::NotSet => JmpOp::Set,
            JmpOp::Ge => JmpOp::Lt,
            JmpOp::Gt => JmpOp::Le,
            JmpOp::Le => JmpOp::Gt,
            JmpOp::Lt => JmpOp::Ge,
            JmpOp::Sge => JmpOp::Slt,
            JmpOp::Sgt => JmpOp::Sle,
            JmpOp::Sle => JmpOp::Sgt,
            JmpOp::Slt => JmpOp::Sge,
        }
    }

    /// The same condition with the operands exchanged (`flip_opcode`).
    #[inline]
    #[must_use]
    pub const fn flip(self) -> JmpOp {
        match self {
            JmpOp::Eq | JmpOp::Ne | JmpOp::Set | JmpOp::NotSet => self,
            JmpOp::Ge => JmpOp::Le,
            JmpOp::Gt => JmpOp::Lt,
            JmpOp::Le => JmpOp::Ge,
            JmpOp::Lt => JmpOp::Gt,
            JmpOp::Sge => JmpOp::Sle,
            JmpOp::Sgt => JmpOp::Slt,
            JmpOp::Sle => JmpOp::Sge,
            JmpOp::Slt => JmpOp::Sgt,
        }
    }
}

/// One operand as a comparison of some width sees it, the ranges widened to 64 bits.
#[derive(Clone, Copy)]
struct View {
    bits: Tnum,
    umin: u64,
    umax: u64,
    smin: i64,
    smax: i64,
}

impl View {
    #[inline]
    fn new(b: &Bounds, width: Width) -> View {
        match width {
            Width::W64 => View {
                bits: b.var_off,
                umin: b.umin,
                umax: b.umax,
                smin: b.smin,
                smax: b.smax,
            },
            Width::W32 => View {
                bits: b.var_off.subreg(),
                umin: u64::from(b.u32_min),
                umax: u64::from(b.u32_max),
                smin: i64::from(b.s32_min),
                smax: i64::from(b.s32_max),
            },
        }
    }

    /// Whether the ranges have no number in common, in one of the two readings.
    #[inline]
    fn is_apart(&self, other: &View) -> bool {
        self.umin > other.umax || self.umax < other.umin || self.smin > other.smax || self.smax < other.smin
    }
}

/// Whether `a op b` is certain to hold (`Some(true)`) or not to hold (`Some(false)`), both operands being
/// scalars (`is_scalar_branch_taken`).
#[inline]
pub fn branch_taken(op: JmpOp, width: Width, a: &Bounds, b: &Bounds, rules: Rules) -> Option<bool> {
    match rules.by_constants {
        true => by_constant(op, width, a, b, rules),
        false => by_ranges(op, width, a, b, rules),
    }
}

/// Whether a number is certain to stand in a relation to itself (`is_scalar_branch_taken`, where both operands are one
/// register).
#[must_use]
pub fn branch_taken_by_itself(op: JmpOp, width: Width, a: &Bounds) -> Option<bool> {
    let view = View::new(a, width);
    match op {
        JmpOp::Eq | JmpOp::Ge | JmpOp::Le | JmpOp::Sge | JmpOp::Sle => Some(true),
        JmpOp::Ne | JmpOp::Gt | JmpOp::Lt | JmpOp::Sgt | JmpOp::Slt => Some(false),
        JmpOp::Set if view.bits.is_const() => Some(view.bits.value != 0),
        JmpOp::Set => (view.smin > 0 || view.smax < 0).then_some(true),
        JmpOp::NotSet => None,
    }
}

/// The same, where only a known number decides.
#[cold]
fn by_constant(op: JmpOp, width: Width, a: &Bounds, b: &Bounds, rules: Rules) -> Option<bool> {
    let number = Bounds::constant(known(b, width)?);
    by_ranges(op, width, a, &number, rules)
}

#[inline]
fn by_ranges(op: JmpOp, width: Width, a: &Bounds, b: &Bounds, rules: Rules) -> Option<bool> {
    let (va, vb) = (View::new(a, width), View::new(b, width));
    match op {
        JmpOp::Eq => equal(width, a, b, rules),
        JmpOp::Ne => equal(width, a, b, rules).map(|equal| !equal),
        JmpOp::Set => bits_in_common(va.bits, vb.bits),
        JmpOp::NotSet => bits_in_common(va.bits, vb.bits).map(|common| !common),
        JmpOp::Gt => decide(va.umin > vb.umax, va.umax <= vb.umin),
        JmpOp::Ge => decide(va.umin >= vb.umax, va.umax < vb.umin),
        JmpOp::Lt => decide(va.umax < vb.umin, va.umin >= vb.umax),
        JmpOp::Le => decide(va.umax <= vb.umin, va.umin > vb.umax),
        JmpOp::Sgt => decide(va.smin > vb.smax, va.smax <= vb.smin),
        JmpOp::Sge => decide(va.smin >= vb.smax, va.smax < vb.smin),
        JmpOp::Slt => decide(va.smax < vb.smin, va.smin >= vb.smax),
        JmpOp::Sle => decide(va.smax <= vb.smin, va.smin > vb.smax),
    }
}

#[inline]
const fn decide(always: bool, never: bool) -> Option<bool> {
    if always {
        Some(true)
    } else if never {
        Some(false)
    } else {
        None
    }
}

/// 64-bit operands are also compared by their low halves.
#[inline]
fn equal(width: Width, a: &Bounds, b: &Bounds, rules: Rules) -> Option<bool> {
    let (va, vb) = (View::new(a, width), View::new(b, width));
    if va.bits.is_const() && vb.bits.is_const() {
        return Some(va.bits.value == vb.bits.value);
    }
    if rules.by_constants {
        return None;
    }
    let differ = (rules.unequal_by_bits && !va.bits.overlap(vb.bits))
        || va.is_apart(&vb)
        || (width == Width::W64 && View::new(a, Width::W32).is_apart(&View::new(b, Width::W32)));
    if differ { Some(false) } else { None }
}

/// Decides only if one of the two is known.
#[inline]
fn bits_in_common(a: Tnum, b: Tnum) -> Option<bool> {
    let (bits, known) = match (a, b) {
        (bits, known) | (known, bits) if known.is_const() => (bits, known.value),
        _ => return None,
    };
    decide(bits.value & !bits.mask & known != 0, bits.max() & known == 0)
}

/// Narrows `a` and `b` by the knowledge that `a op b` holds (`regs_refine_cond_op`). Nothing is synced.
///
/// Call it with `op` for the branch that is taken, with `op.negate()` for the one that falls through, and
/// [`Bounds::sync`] both operands after it. If both operands are one register, use [`refine_same`].
#[inline]
pub fn refine(op: JmpOp, width: Width, a: &mut Bounds, b: &mut Bounds) {
    match op {
        JmpOp::Eq => refine_eq(width, a, b),
        JmpOp::Ne => with_known(width, a, b, refine_ne),
        JmpOp::Set => with_known(width, a, b, refine_set),
        JmpOp::NotSet => with_known(width, a, b, refine_not_set),
        JmpOp::Le => refine_unsigned(width, a, b, 0),
        JmpOp::Lt => refine_unsigned(width, a, b, 1),
        JmpOp::Ge => refine_unsigned(width, b, a, 0),
        JmpOp::Gt => refine_unsigned(width, b, a, 1),
        JmpOp::Sle => refine_signed(width, a, b, 0),
        JmpOp::Slt => refine_signed(width, a, b, 1),
        JmpOp::Sge => refine_signed(width, b, a, 0),
        JmpOp::Sgt => refine_signed(width, b, a, 1),
    }
}

/// As [`refine`] for a register compared with itself, where both operands are the same place and each
/// change is seen by the next. [`Bounds::sync`] it *twice* afterwards, as the kernel does.
#[inline]
pub fn refine_same(op: JmpOp, width: Width, a: &mut Bounds) {
    let mut b = *a;
    refine(op, width, a, &mut b);
    match op {
        JmpOp::Eq | JmpOp::Ne | JmpOp::Set | JmpOp::NotSet => {}
        // One operand lost a largest, the other a smallest value.
        JmpOp::Gt | JmpOp::Ge | JmpOp::Lt | JmpOp::Le | JmpOp::Sgt | JmpOp::Sge | JmpOp::Slt | JmpOp::Sle => {
            a.umin = a.umin.max(b.umin);
            a.umax = a.umax.min(b.umax);
            a.smin = a.smin.max(b.smin);
            a.smax = a.smax.min(b.smax);
            a.u32_min = a.u32_min.max(b.u32_min);
            a.u32_max = a.u32_max.min(b.u32_max);
            a.s32_min = a.s32_min.max(b.s32_min);
            a.s32_max = a.s32_max.min(b.s32_max);
        }
    }
}

#[inline]
fn refine_eq(width: Width, a: &mut Bounds, b: &mut Bounds) {
    match width {
        Width::W32 => {
            let mut low = a.span32();
            low.learn_unsigned(b.u32_min, b.u32_max);
            low.learn_signed(b.s32_min, b.s32_max);
            a.set_span32(low);
            b.set_span32(low);
            let bits = a.var_off.subreg().intersect(b.var_off.subreg());
            a.var_off = a.var_off.with_subreg(bits);
            b.var_off = b.var_off.with_subreg(bits);
        }
        Width::W64 => {
            let mut wide = a.span64();
            wide.learn_unsigned(b.umin, b.umax);
            wide.learn_signed(b.smin, b.smax);
            a.set_span64(wide);
            b.set_span64(wide);
            a.var_off = a.var_off.intersect(b.var_off);
            b.var_off = a.var_off;
        }
    }
}

/// Calls `f` for the operand to narrow and the other's value, if one of them is known; `b` by preference.
#[inline]
fn with_known(width: Width, a: &mut Bounds, b: &mut Bounds, f: fn(Width, &mut Bounds, u64)) {
    if let Some(value) = known(b, width) {
        f(width, a, value);
    } else if let Some(value) = known(a, width) {
        f(width, b, value);
    }
}

/// The value, if all bits that a comparison of this width sees are known.
#[inline]
fn known(x: &Bounds, width: Width) -> Option<u64> {
    match width {
        Width::W32 => x.subreg_const_value().map(u64::from),
        Width::W64 => x.const_value(),
    }
}

/// An excluded value tells something only at the end of a range.
#[inline]
fn refine_ne(width: Width, a: &mut Bounds, value: u64) {
    /// Moves an end that is `$value` by one.
    macro_rules! exclude {
        ($value:expr, $min:expr, $max:expr) => {
            if $min == $value {
                $min = $min.wrapping_add(1);
            }
            if $max == $value {
                $max = $max.wrapping_sub(1);
            }
        };
    }
    match width {
        Width::W32 => {
            exclude!(value as u32, a.u32_min, a.u32_max);
            exclude!(value as i32, a.s32_min, a.s32_max);
        }
        Width::W64 => {
            exclude!(value, a.umin, a.umax);
            exclude!(value as i64, a.smin, a.smax);
        }
    }
}

/// Of several bits any may be the common one; a single bit must be it.
#[inline]
fn refine_set(width: Width, a: &mut Bounds, value: u64) {
    if !value.is_power_of_two() {
        return;
    }
    let bit = Tnum::constant(value);
    a.var_off = match width {
        Width::W32 => a.var_off.with_subreg(a.var_off.subreg() | bit),
        Width::W64 => a.var_off | bit,
    };
}

/// All ranges, of both widths, are forgotten first, to be regained from the bits: on a branch that cannot
/// happen they would contradict them.
#[inline]
fn refine_not_set(width: Width, a: &mut Bounds, value: u64) {
    a.set_unbounded();
    let others = Tnum::constant(!value);
    a.var_off = match width {
        Width::W32 => a.var_off.with_subreg(a.var_off.subreg() & others),
        Width::W64 => a.var_off & others,
    };
}

/// `a <= b` with `gap` 0, `a < b` with `gap` 1.
#[inline]
fn refine_unsigned(width: Width, a: &mut Bounds, b: &mut Bounds, gap: u8) {
    match width {
        Width::W32 => {
            a.u32_max = a.u32_max.min(b.u32_max.wrapping_sub(u32::from(gap)));
            b.u32_min = b.u32_min.max(a.u32_min.wrapping_add(u32::from(gap)));
        }
        Width::W64 => {
            a.umax = a.umax.min(b.umax.wrapping_sub(u64::from(gap)));
            b.umin = b.umin.max(a.umin.wrapping_add(u64::from(gap)));
        }
    }
}

/// As [`refine_unsigned`], signed.
#[inline]
fn refine_signed(width: Width, a: &mut Bounds, b: &mut Bounds, gap: i8) {
    match width {
        Width::W32 => {
            a.s32_max = a.s32_max.min(b.s32_max.wrapping_sub(i32::from(gap)));
            b.s32_min = b.s32_min.max(a.s32_min.wrapping_add(i32::from(gap)));
        }
        Width::W64 => {
            a.smax = a.smax.min(b.smax.wrapping_sub(i64::from(gap)));
            b.smin = b.smin.max(a.smin.wrapping_add(i64::from(gap)));
        }
    }
}
