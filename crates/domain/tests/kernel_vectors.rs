//! Results of the kernel's own functions.
//!
//! `data/kernel-6.12.117.txt` was recorded from `tnum.c` and the bounds functions of `verifier.c` of Linux
//! 6.12.117, compiled for user space and given random bounds, contradictory ones among them. A line is an
//! operation, its width, its operands and its results, separated by blanks. Bounds are ten numbers:
//! value, mask, smin, smax, umin, umax, s32_min, s32_max, u32_min, u32_max, hexadecimal in two's complement,
//! left out where nothing is known. Of a comparison the results are the outcome (-1 is open), then both
//! operands where it holds, then both where it does not, not synced.

mod common;

use common::LINUX_6_12_117;
use verdict_domain::{AluOp, Bounds, JmpOp, Rules, Tnum, Width, branch_taken, refine};

const VECTORS: &str = include_str!("data/kernel-6.12.117.txt");

fn bounds(text: &str) -> Bounds {
    let mut fields = text.split(',');
    let mut next = |default: u64| match fields.next() {
        Some("") => default,
        Some(hex) => u64::from_str_radix(hex, 16).expect("a hexadecimal number"),
        None => panic!("ten fields: {text}"),
    };
    let var_off = Tnum {
        value: next(0),
        mask: next(u64::MAX),
    };
    let signed = (next(i64::MIN as u64) as i64, next(i64::MAX as u64) as i64);
    let unsigned = (next(0), next(u64::MAX));
    let signed_32 = (next(i32::MIN as u64) as i32, next(i32::MAX as u64) as i32);
    let unsigned_32 = (next(0) as u32, next(u64::from(u32::MAX)) as u32);
    Bounds::new(var_off, signed, unsigned, signed_32, unsigned_32)
}

fn alu_op(name: &str) -> Option<AluOp> {
    Some(match name {
        "add" => AluOp::Add,
        "sub" => AluOp::Sub,
        "mul" => AluOp::Mul,
        "or" => AluOp::Or,
        "and" => AluOp::And,
        "lsh" => AluOp::Lsh,
        "rsh" => AluOp::Rsh,
        "xor" => AluOp::Xor,
        "arsh" => AluOp::Arsh,
        _ => return None,
    })
}

fn jmp_op(name: &str) -> Option<JmpOp> {
    Some(match name {
        "eq" => JmpOp::Eq,
        "gt" => JmpOp::Gt,
        "ge" => JmpOp::Ge,
        "set" => JmpOp::Set,
        "ne" => JmpOp::Ne,
        "sgt" => JmpOp::Sgt,
        "sge" => JmpOp::Sge,
        "lt" => JmpOp::Lt,
        "le" => JmpOp::Le,
        "slt" => JmpOp::Slt,
        "sle" => JmpOp::Sle,
        _ => return None,
    })
}

fn unary(name: &str, bytes: u32, b: &mut Bounds, rules: Rules) {
    match name {
        "sync" => b.sync(rules),
        "truncate" => b.truncate(bytes, rules),
        "sign_extend" => b.sign_extend(bytes),
        "sign_extend_subreg" => b.sign_extend_subreg(bytes),
        _ => panic!("unknown operation {name}"),
    }
}

fn compare(line: &str, op: JmpOp, width: Width, rest: &[&str], rules: Rules) {
    let [a, b, taken, true_a, true_b, false_a, false_b] = rest else {
        panic!("{line}")
    };
    let (a, b) = (bounds(a), bounds(b));
    let expected = match *taken {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    assert_eq!(branch_taken(op, width, &a, &b, rules), expected, "{line}");
    for (op, after_a, after_b) in [(op, true_a, true_b), (op.negate(), false_a, false_b)] {
        let (mut a, mut b) = (a, b);
        refine(op, width, &mut a, &mut b);
        assert_eq!((a, b), (bounds(after_a), bounds(after_b)), "{op:?}: {line}");
    }
}

#[test]
fn results_are_the_kernels() {
    results_are(VECTORS, LINUX_6_12_117);
}

fn results_are(vectors: &str, rules: Rules) {
    for line in vectors.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, number, rest @ ..] = &fields[..] else {
            panic!("{line}")
        };
        let width = if *number == "32" { Width::W32 } else { Width::W64 };
        if let Some(op) = jmp_op(name) {
            compare(line, op, width, rest, rules);
        } else if let (Some(op), [a, b, result]) = (alu_op(name), rest) {
            assert_eq!(
                bounds(a).alu(op, width, &bounds(b), rules),
                bounds(result),
                "{line}"
            );
        } else if let [before, after] = rest {
            let mut b = bounds(before);
            unary(name, number.parse().expect("a number of bytes"), &mut b, rules);
            assert_eq!(b, bounds(after), "{line}");
        } else {
            panic!("{line}");
        }
    }
}
