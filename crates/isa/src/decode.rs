//! From encoding to meaning, with the kernel's checks of reserved fields.

use crate::{
    AddrCast, Alu, AluOp, Atomic, AtomicOp, Branch, ByteOrder, Call, ImmKind, Insn, Jump, LdImm64, LdPacket,
    Load, Malformed, Op, Operand, Size, Store, Width, class, mode, op, pseudo, size, src, table,
};

/// Decodes one instruction; `next` is the one after it, which `ld_imm64` needs.
///
/// An error is a fault that the kernel notices before the walk ([`resolve_fault`]) or at the very moment the
/// walk executes the instruction. Faults that it notices later than that are no obstacle to decoding: see
/// [`deferred_fault`]. The second half of an `ld_imm64` is no instruction; its opcode 0 is an unknown one.
pub fn decode(insn: &Insn, next: Option<&Insn>) -> Result<Op, Malformed> {
    if let Some(fault) = resolve_fault(insn, next) {
        return Err(fault);
    }
    match insn.class() {
        class::ALU => alu(insn, Width::W32),
        class::ALU64 => alu(insn, Width::W64),
        class::JMP => jump(insn, Width::W64),
        class::JMP32 => jump(insn, Width::W32),
        class::LDX => {
            let (size, signed) = (access_size(insn), insn.mode() == mode::MEMSX);
            Ok(Op::Load(Load {
                size,
                signed,
                dst: insn.dst,
                src: insn.src,
                off: insn.off,
            }))
        }
        class::STX => store_reg(insn),
        class::ST if insn.src != 0 => Err(Malformed::St),
        class::ST => Ok(Op::Store(Store {
            size: access_size(insn),
            dst: insn.dst,
            src: Operand::Imm(insn.imm),
            off: insn.off,
        })),
        _ => load_special(insn, next),
    }
}

/// What the pass that resolves `ld_imm64` (`resolve_pseudo_ldimm64`) objects to in one instruction, apart
/// from maps and variables that do not exist. The pass skips the second half of each `ld_imm64`.
pub fn resolve_fault(insn: &Insn, next: Option<&Insn>) -> Option<Malformed> {
    if insn.class() == class::LDX && (!matches!(insn.mode(), mode::MEM | mode::MEMSX) || insn.imm != 0) {
        return Some(Malformed::Ldx);
    }
    if !insn.is_ld_imm64() {
        return (!table::is_known(insn.code)).then_some(Malformed::UnknownOpcode(insn.code));
    }
    match next {
        Some(half) if half.code == 0 && half.dst == 0 && half.src == 0 && half.off == 0 => {
            imm_kind(insn.src, half.imm)
                .is_none()
                .then_some(Malformed::LdImm64Kind)
        }
        _ => Some(Malformed::LdImm64Half),
    }
}

/// What a kernel objects to in an instruction that it does not know, of those that `-mcpu=v4` and later series brought; long
/// jumps are older. That it is not there comes before all that may be wrong with it.
pub fn unknown_before_v4(insn: &Insn) -> Option<Malformed> {
    match (insn.class(), insn.op()) {
        (class::ALU64, op::END) => Some(Malformed::UnknownOpcode(insn.code)),
        // An offset is the width of a sign, a space of addresses, or says that the operation has a sign.
        (class::ALU | class::ALU64, op::MOV) if insn.off != 0 => Some(Malformed::Mov),
        (class::ALU | class::ALU64, op::DIV | op::MOD) if insn.off != 0 => Some(Malformed::Alu),
        (class::JMP, op::JCOND) => Some(Malformed::UnknownOpcode(insn.code)),
        (class::LDX, _) if insn.mode() == mode::MEMSX => Some(Malformed::Ldx),
        _ => None,
    }
}

/// The fault that the kernel notices only after it has looked at some of the instruction's registers or
/// surroundings; [`Malformed::point`] says when.
pub fn deferred_fault(insn: &Insn) -> Option<Malformed> {
    match insn.class() {
        class::ALU => bad_constant(insn, 32),
        class::ALU64 => bad_constant(insn, 64),
        class::JMP | class::JMP32 => {
            let conditional = !matches!(insn.op(), op::JA | op::CALL | op::EXIT | op::JCOND);
            let reserved = if insn.is_src_reg() {
                insn.imm != 0
            } else {
                insn.src != 0
            };
            (conditional && reserved).then_some(Malformed::Jmp)
        }
        class::LD if matches!(insn.mode(), mode::ABS | mode::IND) => {
            let reserved = insn.dst != 0
                || insn.off != 0
                || insn.size() == size::DW
                || (insn.mode() == mode::ABS && insn.src != 0);
            reserved.then_some(Malformed::LdAbs)
        }
        _ => None,
    }
}

/// A constant that the operation cannot take.
fn bad_constant(insn: &Insn, bits: i32) -> Option<Malformed> {
    if insn.is_src_reg() {
        return None;
    }
    match insn.op() {
        op::DIV | op::MOD if insn.imm == 0 => Some(Malformed::DivByZero),
        op::LSH | op::RSH | op::ARSH if !(0..bits).contains(&insn.imm) => Some(Malformed::Shift(insn.imm)),
        _ => None,
    }
}

fn alu(insn: &Insn, width: Width) -> Result<Op, Malformed> {
    match insn.op() {
        op::NEG if insn.is_src_reg() || insn.src != 0 || insn.off != 0 || insn.imm != 0 => {
            Err(Malformed::Neg)
        }
        op::NEG => Ok(Op::Alu(Alu::Neg { width, dst: insn.dst })),
        op::END => byte_order(insn, width),
        op::MOV => mov(insn, width),
        _ => {
            let reserved = if insn.is_src_reg() {
                insn.imm != 0
            } else {
                insn.src != 0
            };
            match binary(insn.op(), insn.off) {
                Some(op) if !reserved => Ok(Op::Alu(Alu::Binary {
                    width,
                    op,
                    dst: insn.dst,
                    src: operand(insn),
                })),
                _ => Err(Malformed::Alu),
            }
        }
    }
}

/// The operation that an opcode and an offset select.
fn binary(op: u8, off: i16) -> Option<AluOp> {
    table::ALU
        .iter()
        .find(|row| row.0 == op && row.1 == off)
        .map(|row| row.2)
}

fn byte_order(insn: &Insn, width: Width) -> Result<Op, Malformed> {
    let order = match (width, src(insn.code)) {
        (Width::W32, src::TO_LE) => ByteOrder::ToLe,
        (Width::W32, _) => ByteOrder::ToBe,
        (Width::W64, src::TO_LE) => ByteOrder::Swap,
        (Width::W64, _) => return Err(Malformed::End),
    };
    let bits = match insn.imm {
        16 => 16,
        32 => 32,
        64 => 64,
        _ => return Err(Malformed::End),
    };
    if insn.src != 0 || insn.off != 0 {
        return Err(Malformed::End);
    }
    Ok(Op::Alu(Alu::End {
        order,
        bits,
        dst: insn.dst,
    }))
}

fn mov(insn: &Insn, width: Width) -> Result<Op, Malformed> {
    let Insn {
        dst, src, off, imm, ..
    } = *insn;
    if !insn.is_src_reg() {
        let reserved = src != 0 || off != 0;
        return if reserved {
            Err(Malformed::Mov)
        } else {
            Ok(Op::Alu(Alu::Mov {
                width,
                dst,
                src: Operand::Imm(imm),
            }))
        };
    }
    if width == Width::W64 && off == pseudo::ADDR_SPACE_CAST {
        let cast = match imm {
            1 => AddrCast::ToKernel,
            0x1_0000 => AddrCast::ToUser,
            _ => return Err(Malformed::AddrSpaceCast),
        };
        return Ok(Op::Alu(Alu::AddrSpaceCast { dst, src, cast }));
    }
    match (off, width) {
        _ if imm != 0 => Err(Malformed::Mov),
        (0, _) => Ok(Op::Alu(Alu::Mov {
            width,
            dst,
            src: Operand::Reg(src),
        })),
        (8, _) => Ok(Op::Alu(Alu::MovSx {
            width,
            dst,
            src,
            bytes: 1,
        })),
        (16, _) => Ok(Op::Alu(Alu::MovSx {
            width,
            dst,
            src,
            bytes: 2,
        })),
        (32, Width::W64) => Ok(Op::Alu(Alu::MovSx {
            width,
            dst,
            src,
            bytes: 4,
        })),
        _ => Err(Malformed::Mov),
    }
}

fn jump(insn: &Insn, width: Width) -> Result<Op, Malformed> {
    let Insn {
        dst, src, off, imm, ..
    } = *insn;
    let plain = !insn.is_src_reg() && dst == 0;
    match insn.op() {
        op::CALL => match src {
            _ if !plain || width == Width::W32 => Err(Malformed::Call),
            pseudo::KFUNC_CALL => Ok(Op::Call(Call::Kfunc {
                btf_id: imm,
                module: off,
            })),
            _ if off != 0 => Err(Malformed::Call),
            0 => Ok(Op::Call(Call::Helper { id: imm })),
            pseudo::CALL => Ok(Op::Call(Call::Subprog { off: imm })),
            _ => Err(Malformed::Call),
        },
        op::JA => match width {
            _ if !plain || src != 0 => Err(Malformed::Ja),
            Width::W64 if imm == 0 => Ok(Op::Jump(Jump::Always { off: i32::from(off) })),
            Width::W32 if off == 0 => Ok(Op::Jump(Jump::Always { off: imm })),
            _ => Err(Malformed::Ja),
        },
        op::EXIT if !plain || src != 0 || imm != 0 || width == Width::W32 => Err(Malformed::Exit),
        op::EXIT => Ok(Op::Exit),
        op::JCOND if !plain || src != pseudo::MAY_GOTO || imm != 0 => Err(Malformed::MayGoto { off, imm }),
        op::JCOND => Ok(Op::Jump(Jump::MayGoto { off })),
        code => match table::JMP.iter().find(|row| row.0 == code) {
            Some(&(_, op, _)) => Ok(Op::Jump(Jump::Branch(Branch {
                op,
                width,
                dst,
                src: operand(insn),
                off,
            }))),
            None => Err(Malformed::UnknownOpcode(insn.code)),
        },
    }
}

fn store_reg(insn: &Insn) -> Result<Op, Malformed> {
    let Insn {
        dst, src, off, imm, ..
    } = *insn;
    let size = access_size(insn);
    if insn.mode() == mode::ATOMIC {
        let op = atomic(imm).ok_or(Malformed::AtomicOpcode(imm))?;
        return Ok(Op::Atomic(Atomic {
            op,
            size,
            dst,
            src,
            off,
        }));
    }
    if imm != 0 {
        return Err(Malformed::Stx);
    }
    Ok(Op::Store(Store {
        size,
        dst,
        src: Operand::Reg(src),
        off,
    }))
}

fn atomic(imm: i32) -> Option<AtomicOp> {
    table::ATOMIC.iter().find(|row| row.0 == imm).map(|row| row.1)
}

fn load_special(insn: &Insn, next: Option<&Insn>) -> Result<Op, Malformed> {
    match insn.mode() {
        mode::ABS => Ok(Op::LdPacket(LdPacket {
            size: access_size(insn),
            index: None,
            imm: insn.imm,
        })),
        mode::IND => Ok(Op::LdPacket(LdPacket {
            size: access_size(insn),
            index: Some(insn.src),
            imm: insn.imm,
        })),
        _ if insn.off != 0 => Err(Malformed::LdImm64),
        _ => {
            let hi = next.map_or(0, |half| half.imm);
            let kind = imm_kind(insn.src, hi).ok_or(Malformed::LdImm64Kind)?;
            Ok(Op::LdImm64(LdImm64 {
                dst: insn.dst,
                kind,
                lo: insn.imm,
                hi,
            }))
        }
    }
}

/// What the immediate is, by the source field and the second immediate.
fn imm_kind(src: u8, hi: i32) -> Option<ImmKind> {
    match src {
        0 => Some(ImmKind::Plain),
        pseudo::MAP_FD if hi == 0 => Some(ImmKind::MapFd),
        pseudo::MAP_VALUE => Some(ImmKind::MapValue),
        pseudo::BTF_ID => Some(ImmKind::BtfId),
        pseudo::FUNC => Some(ImmKind::Func),
        pseudo::MAP_IDX if hi == 0 => Some(ImmKind::MapIdx),
        pseudo::MAP_IDX_VALUE => Some(ImmKind::MapIdxValue),
        _ => None,
    }
}

fn operand(insn: &Insn) -> Operand {
    if insn.is_src_reg() {
        Operand::Reg(insn.src)
    } else {
        Operand::Imm(insn.imm)
    }
}

fn access_size(insn: &Insn) -> Size {
    match insn.size() {
        size::B => Size::B,
        size::H => Size::H,
        size::W => Size::W,
        _ => Size::Dw,
    }
}
