//! What the operations mean on single numbers, for the tests to compare with.

use verdict_domain::{AluOp, JmpOp, Width};

/// The operations whose results are computed.
pub(crate) const ALU: [AluOp; 9] = [
    AluOp::Add,
    AluOp::Sub,
    AluOp::Mul,
    AluOp::Or,
    AluOp::And,
    AluOp::Lsh,
    AluOp::Rsh,
    AluOp::Xor,
    AluOp::Arsh,
];

/// All conditions.
pub(crate) const JMP: [JmpOp; 12] = [
    JmpOp::Eq,
    JmpOp::Gt,
    JmpOp::Ge,
    JmpOp::Set,
    JmpOp::Ne,
    JmpOp::Sgt,
    JmpOp::Sge,
    JmpOp::Lt,
    JmpOp::Le,
    JmpOp::Slt,
    JmpOp::Sle,
    JmpOp::NotSet,
];

/// Both widths.
pub(crate) const WIDTHS: [Width; 2] = [Width::W32, Width::W64];

/// `a op b` as a processor computes it.
pub(crate) fn compute(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
    let count = b as u32;
    match (op, width) {
        (AluOp::Add, Width::W64) => a.wrapping_add(b),
        (AluOp::Sub, Width::W64) => a.wrapping_sub(b),
        (AluOp::Mul, Width::W64) => a.wrapping_mul(b),
        (AluOp::Lsh, Width::W64) => a.wrapping_shl(count),
        (AluOp::Rsh, Width::W64) => a.wrapping_shr(count),
        (AluOp::Arsh, Width::W64) => (a as i64).wrapping_shr(count) as u64,
        (AluOp::Rsh, Width::W32) => u64::from((a as u32).wrapping_shr(count)),
        (AluOp::Arsh, Width::W32) => u64::from((a as i32).wrapping_shr(count) as u32),
        (AluOp::Lsh, Width::W32) => u64::from((a as u32).wrapping_shl(count)),
        (AluOp::Or, Width::W64) => a | b,
        (AluOp::And, Width::W64) => a & b,
        (AluOp::Xor, Width::W64) => a ^ b,
        (AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod, _) => unreachable!("not computed"),
        (_, Width::W32) => compute(op, Width::W64, a, b) & 0xffff_ffff,
    }
}

/// Whether `a op b` holds.
pub(crate) fn holds(op: JmpOp, width: Width, a: u64, b: u64) -> bool {
    let (a, b, sa, sb) = match width {
        Width::W64 => (a, b, a as i64, b as i64),
        Width::W32 => (
            u64::from(a as u32),
            u64::from(b as u32),
            i64::from(a as i32),
            i64::from(b as i32),
        ),
    };
    match op {
        JmpOp::Eq => a == b,
        JmpOp::Ne => a != b,
        JmpOp::Gt => a > b,
        JmpOp::Ge => a >= b,
        JmpOp::Lt => a < b,
        JmpOp::Le => a <= b,
        JmpOp::Sgt => sa > sb,
        JmpOp::Sge => sa >= sb,
        JmpOp::Slt => sa < sb,
        JmpOp::Sle => sa <= sb,
        JmpOp::Set => a & b != 0,
        JmpOp::NotSet => a & b == 0,
    }
}
