//! What the operations mean on single numbers, for the tests to compare with.

#![allow(dead_code, reason = "each test uses some of it")]

use verdict_domain::{AluOp, JmpOp, Product, Rules, Width};

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

/// The rules of Linux 6.12.117.
pub(crate) const LINUX_6_12_117: Rules = Rules {
    by_sign: false,
    rounds: 3,
    split_64: true,
    split_32: true,
    unequal_by_bits: true,
    low_from_whole: true,
    keep_wrapped: false,
    signed_product: false,
    product_bits: Product::Doubt,
    shift_sign: true,
    by_constants: false,
    bitwise_by_signs: false,
    known_operand: false,
    single_value: false,
    quotients: false,
    keeps_contradiction: false,
};

/// The rules of Linux 6.1.192.
pub(crate) const LINUX_6_1_192: Rules = Rules {
    by_sign: true,
    split_64: false,
    split_32: false,
    unequal_by_bits: false,
    by_constants: true,
    bitwise_by_signs: true,
    known_operand: true,
    ..LINUX_6_12_117
};

/// The rules of Linux 6.12.43.
pub(crate) const LINUX_6_12_43: Rules = Rules {
    rounds: 2,
    split_64: false,
    split_32: false,
    unequal_by_bits: false,
    shift_sign: false,
    ..LINUX_6_12_117
};

/// The rules of Linux 6.18.15.
pub(crate) const LINUX_6_18_15: Rules = Rules {
    split_32: false,
    keep_wrapped: true,
    signed_product: true,
    product_bits: Product::Union,
    shift_sign: false,
    ..LINUX_6_12_117
};

/// Those of three kernels, those that differ from the first in one thing, and the least that there is.
pub(crate) const RULES: [Rules; 20] = {
    const BASE: Rules = LINUX_6_12_117;
    [
        BASE,
        LINUX_6_12_43,
        LINUX_6_18_15,
        LINUX_6_1_192,
        Rules {
            single_value: true,
            ..BASE
        },
        Rules {
            single_value: true,
            ..LINUX_6_18_15
        },
        Rules {
            single_value: true,
            keeps_contradiction: true,
            quotients: true,
            ..LINUX_6_18_15
        },
        Rules { rounds: 1, ..BASE },
        Rules { rounds: 2, ..BASE },
        Rules {
            split_64: false,
            ..BASE
        },
        Rules {
            split_32: false,
            ..BASE
        },
        Rules {
            unequal_by_bits: false,
            ..BASE
        },
        Rules {
            low_from_whole: false,
            ..BASE
        },
        Rules {
            low_from_whole: false,
            ..LINUX_6_1_192
        },
        Rules {
            keep_wrapped: true,
            ..BASE
        },
        Rules {
            signed_product: true,
            ..BASE
        },
        Rules {
            product_bits: Product::Union,
            ..BASE
        },
        Rules {
            product_bits: Product::Masks,
            ..BASE
        },
        Rules {
            shift_sign: false,
            ..BASE
        },
        Rules {
            rounds: 0,
            ..LINUX_6_12_43
        },
    ]
};

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
        (AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod, _) => unreachable!("see `divide`"),
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

/// A quotient or remainder as programs compute it: by 0 it is 0, or the number, and the smallest number has no opposite.
pub(crate) fn divide(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
    let (a, b) = match width {
        Width::W64 => (a, b),
        Width::W32 => (a & u64::from(u32::MAX), b & u64::from(u32::MAX)),
    };
    let signed = |number: u64| match width {
        Width::W64 => number as i64,
        Width::W32 => i64::from(number as i32),
    };
    let result = match op {
        AluOp::Div | AluOp::SDiv if b == 0 => 0,
        _ if b == 0 => a,
        AluOp::Div => a / b,
        AluOp::Mod => a % b,
        AluOp::SDiv => signed(a).wrapping_div(signed(b)) as u64,
        _ => signed(a).wrapping_rem(signed(b)) as u64,
    };
    match width {
        Width::W64 => result,
        Width::W32 => result & u64::from(u32::MAX),
    }
}
