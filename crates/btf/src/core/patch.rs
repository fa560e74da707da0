//! Putting a relocation's value into its instruction.

use verdict_isa::Insn;

use super::calc::Outcome;
use super::{Context, Failure, Library, POISON};
use crate::error::errno;

const CLASS: u8 = 0x07;
const LD: u8 = 0x00;
const LDX: u8 = 0x01;
const ST: u8 = 0x02;
const STX: u8 = 0x03;
const ALU: u8 = 0x04;
const ALU64: u8 = 0x07;
const SIZE: u8 = 0x18;
const MODE: u8 = 0xe0;
/// Set if the source is a register.
const X: u8 = 0x08;
const LD_IMM64: u8 = 0x18;
const CALL: u8 = 0x85;

/// The first half of a 64-bit immediate load.
pub(super) fn is_ld_imm64(insn: &Insn) -> bool {
    insn.code == LD_IMM64
}

/// Patches an instruction (`second` is the one after it). Answers whether it was poisoned instead.
pub(super) fn patch(
    cx: &mut Context<'_>,
    first: &mut Insn,
    second: Option<&mut Insn>,
    index: usize,
    to: &Outcome,
) -> Result<bool, Failure> {
    match first.code & CLASS {
        ALU | ALU64 if first.code & X == 0 => alu(cx, first, index, to),
        LDX | ST | STX => memory(cx, first, index, to),
        LD => imm64(cx, first, second, index, to),
        _ => {
            cx.warn_relo(&format!(
                "trying to relocate unrecognized insn #{index}, code:0x{:x}, src:0x{:x}, dst:0x{:x}, off:0x{:x}, imm:0x{:x}",
                first.code, first.src, first.dst, i32::from(first.off), first.imm
            ));
            Err(errno::EINVAL)
        }
    }
}

fn poison(insn: &mut Insn) {
    *insn = Insn {
        code: CALL,
        dst: 0,
        src: 0,
        off: 0,
        imm: POISON,
    };
}

fn alu(cx: &mut Context<'_>, insn: &mut Insn, index: usize, to: &Outcome) -> Result<bool, Failure> {
    if to.poison {
        poison(insn);
        return Ok(true);
    }
    if to.validate && i64::from(insn.imm) as u64 != to.orig_val {
        unexpected(cx, index, "ALU/ALU64", u64::from(insn.imm as u32), to);
        return Err(errno::EINVAL);
    }
    insn.imm = to.new_val as i32;
    Ok(false)
}

fn unexpected(cx: &mut Context<'_>, index: usize, class: &str, got: u64, to: &Outcome) {
    let (old, new) = (to.orig_val, to.new_val);
    cx.warn_relo(&format!(
        "unexpected insn #{index} ({class}) value: got {got}, exp {old} -> {new}"
    ));
}

/// A load or store: its offset, and if the field's size changed, its size.
fn memory(cx: &mut Context<'_>, insn: &mut Insn, index: usize, to: &Outcome) -> Result<bool, Failure> {
    if to.poison {
        poison(insn);
        return Ok(true);
    }
    if to.validate && i64::from(insn.off) as u64 != to.orig_val {
        unexpected(cx, index, "LDX/ST/STX", u64::from(i32::from(insn.off) as u32), to);
        return Err(errno::EINVAL);
    }
    let Ok(off) = i16::try_from(to.new_val) else {
        let new = to.new_val;
        cx.warn_relo(&format!("insn #{index} (LDX/ST/STX) value too big: {new}"));
        return Err(errno::ERANGE);
    };
    if cx.library == Library::Cilium {
        insn.off = off;
        return Ok(false);
    }
    if to.bad_size {
        cx.warn_relo(&format!(
            "insn #{index} (LDX/ST/STX) accesses field incorrectly. Make sure you are accessing pointers, unsigned integers, or fields of matching type and size."
        ));
        poison(insn);
        return Ok(true);
    }
    insn.off = off;
    if to.new_sz != to.orig_sz {
        resize(cx, insn, index, to)?;
    }
    Ok(false)
}

/// Sizes of loads and stores, as bytes and as the opcode has them.
const SIZES: [(u32, u8); 4] = [(4, 0x00), (2, 0x08), (1, 0x10), (8, 0x18)];

fn resize(cx: &mut Context<'_>, insn: &mut Insn, index: usize, to: &Outcome) -> Result<(), Failure> {
    let bits = insn.code & SIZE;
    let bytes = SIZES.iter().find(|s| s.1 == bits).map_or(0, |s| s.0);
    if bytes != to.orig_sz {
        let exp = to.orig_sz;
        cx.warn_relo(&format!(
            "insn #{index} (LDX/ST/STX) unexpected mem size: got {bytes}, exp {exp}"
        ));
        return Err(errno::EINVAL);
    }
    let Some(&(_, bits)) = SIZES.iter().find(|s| s.0 == to.new_sz) else {
        let new = to.new_sz;
        cx.warn_relo(&format!("insn #{index} (LDX/ST/STX) invalid new mem size: {new}"));
        return Err(errno::EINVAL);
    };
    insn.code = insn.code & (MODE | CLASS) | bits;
    Ok(())
}

fn imm64(
    cx: &mut Context<'_>,
    first: &mut Insn,
    second: Option<&mut Insn>,
    index: usize,
    to: &Outcome,
) -> Result<bool, Failure> {
    let well_formed = |second: &Insn| {
        is_ld_imm64(first)
            && (first.src, first.off) == (0, 0)
            && (second.code, second.dst, second.src, second.off) == (0, 0, 0, 0)
    };
    let Some(second) = second.filter(|s| well_formed(s)) else {
        cx.warn_relo(&format!("insn #{index} (LDIMM64) has unexpected form"));
        return Err(errno::EINVAL);
    };
    if to.poison && cx.library == Library::Cilium {
        // To write to the frame pointer is forbidden, too.
        (first.dst, first.imm, second.imm) = (10, POISON, 0);
        return Ok(true);
    }
    if to.poison {
        poison(first);
        poison(second);
        return Ok(true);
    }
    let got = u64::from(first.imm as u32) | u64::from(second.imm as u32) << 32;
    if to.validate && got != to.orig_val {
        unexpected(cx, index, "LDIMM64", got, to);
        return Err(errno::EINVAL);
    }
    first.imm = to.new_val as i32;
    second.imm = (to.new_val >> 32) as i32;
    Ok(false)
}
