//! A decoded instruction.

use crate::{AluOp, JmpOp, Width};

/// A decoded instruction, by class. Register numbers are 0 to 15 as encoded: that only 0 to 10 exist is checked where
/// a register is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Arithmetic, moves, byte order.
    Alu(Alu),
    /// `r1 = 0x123456789`; takes two instructions.
    LdImm64(LdImm64),
    /// `r0 = *(u8 *)skb[14]`, `r0 = *(u8 *)skb[r2 + 14]`
    LdPacket(LdPacket),
    /// `r1 = *(u8 *)(r2 +0)`
    Load(Load),
    /// `*(u8 *)(r1 +0) = r2`
    Store(Store),
    /// `lock *(u64 *)(r1 +0) += r2` and similar
    Atomic(Atomic),
    /// Jumps other than calls and exit.
    Jump(Jump),
    /// `call bpf_map_lookup_elem#1`
    Call(Call),
    /// `exit`
    Exit,
}

impl Op {
    /// How many instructions it takes: 2 for `ld_imm64`, else 1.
    #[inline]
    pub const fn slots(&self) -> u8 {
        match self {
            Op::LdImm64(_) => 2,
            Op::Alu(_)
            | Op::LdPacket(_)
            | Op::Load(_)
            | Op::Store(_)
            | Op::Atomic(_)
            | Op::Jump(_)
            | Op::Call(_)
            | Op::Exit => 1,
        }
    }
}

/// Arithmetic, moves, byte order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Alu {
    /// `r1 += r2`
    Binary {
        /// 32 bits zero-extend.
        width: Width,
        /// The operation.
        op: AluOp,
        /// First operand and result.
        dst: u8,
        /// Second operand.
        src: Operand,
    },
    /// `r1 = r2`
    Mov {
        /// 32 bits zero-extend.
        width: Width,
        /// Result.
        dst: u8,
        /// Operand; an immediate is sign-extended to the width.
        src: Operand,
    },
    /// `r1 = (s8)r2`
    MovSx {
        /// The width to extend to.
        width: Width,
        /// Result.
        dst: u8,
        /// Operand.
        src: u8,
        /// What to extend, in bytes: 1, 2 or, to 64 bits, 4.
        bytes: u8,
    },
    /// `r1 = addr_space_cast(r2, 0, 1)`
    AddrSpaceCast {
        /// Result.
        dst: u8,
        /// Operand.
        src: u8,
        /// Direction.
        cast: AddrCast,
    },
    /// `r1 = -r1`
    Neg {
        /// 32 bits zero-extend.
        width: Width,
        /// Operand and result.
        dst: u8,
    },
    /// `r1 = be16 r1`
    End {
        /// What to do with the bytes.
        order: ByteOrder,
        /// How many of the low bits: 16, 32 or 64; the others become zero.
        bits: u8,
        /// Operand and result.
        dst: u8,
    },
}

impl Alu {
    /// The register of the result.
    #[inline]
    pub const fn dst(&self) -> u8 {
        match *self {
            Alu::Binary { dst, .. }
            | Alu::Mov { dst, .. }
            | Alu::MovSx { dst, .. }
            | Alu::AddrSpaceCast { dst, .. }
            | Alu::Neg { dst, .. }
            | Alu::End { dst, .. } => dst,
        }
    }
}

/// `r1 = 0x123456789`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LdImm64 {
    /// Result.
    pub dst: u8,
    /// What the immediate is.
    pub kind: ImmKind,
    /// The immediate of the first instruction.
    pub lo: i32,
    /// The immediate of the second instruction.
    pub hi: i32,
}

/// `r0 = *(u8 *)skb[14]` (`LD_ABS`), `r0 = *(u8 *)skb[r2 + 14]` (`LD_IND`)
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LdPacket {
    /// At most 4 bytes.
    pub size: Size,
    /// Register of the offset's variable part.
    pub index: Option<u8>,
    /// Constant part of the offset.
    pub imm: i32,
}

/// `r1 = *(u8 *)(r2 +0)`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Load {
    /// What to load.
    pub size: Size,
    /// Whether it extends its sign rather than zeros.
    pub signed: bool,
    /// Result.
    pub dst: u8,
    /// Address.
    pub src: u8,
    /// Added to the address.
    pub off: i16,
}

/// `*(u8 *)(r1 +0) = r2`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Store {
    /// What to store.
    pub size: Size,
    /// Address.
    pub dst: u8,
    /// The value; an immediate is sign-extended.
    pub src: Operand,
    /// Added to the address.
    pub off: i16,
}

/// `lock *(u64 *)(r1 +0) += r2` and similar
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Atomic {
    /// The operation.
    pub op: AtomicOp,
    /// 4 or 8 bytes; acquiring and releasing take any size.
    pub size: Size,
    /// Address.
    pub dst: u8,
    /// Operand.
    pub src: u8,
    /// Added to the address.
    pub off: i16,
}

impl Atomic {
    /// The register that receives what was in memory, if any does.
    #[inline]
    pub const fn loaded(&self) -> Option<u8> {
        match self.op {
            AtomicOp::FetchAdd
            | AtomicOp::FetchOr
            | AtomicOp::FetchAnd
            | AtomicOp::FetchXor
            | AtomicOp::Xchg => Some(self.src),
            AtomicOp::CmpXchg => Some(0),
            AtomicOp::LoadAcquire => Some(self.dst),
            AtomicOp::Add | AtomicOp::Or | AtomicOp::And | AtomicOp::Xor | AtomicOp::StoreRelease => None,
        }
    }
}

/// A jump other than a call or exit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Jump {
    /// `goto pc+1`, `gotol pc+1`
    Always {
        /// Distance, counted from the next instruction.
        off: i32,
    },
    /// `if r1 == r2 goto pc+1`
    Branch(Branch),
    /// `may_goto pc+1`
    MayGoto {
        /// Distance, counted from the next instruction. Not all kernels allow 0.
        off: i16,
    },
}

/// `if r1 == r2 goto pc+1`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Branch {
    /// The condition.
    pub op: JmpOp,
    /// The part of the operands that is compared.
    pub width: Width,
    /// First operand.
    pub dst: u8,
    /// Second operand; an immediate is sign-extended.
    pub src: Operand,
    /// Distance, counted from the next instruction.
    pub off: i16,
}

/// A second operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operand {
    /// A register.
    Reg(u8),
    /// An immediate.
    Imm(i32),
}

impl Operand {
    /// The register, if it is one.
    #[inline]
    pub const fn reg(self) -> Option<u8> {
        match self {
            Operand::Reg(reg) => Some(reg),
            Operand::Imm(_) => None,
        }
    }

    /// The immediate, if it is one.
    #[inline]
    pub const fn imm(self) -> Option<i32> {
        match self {
            Operand::Reg(_) => None,
            Operand::Imm(imm) => Some(imm),
        }
    }
}

/// The size of a memory access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Size {
    /// 1 byte.
    B,
    /// 2 bytes.
    H,
    /// 4 bytes.
    W,
    /// 8 bytes.
    Dw,
}

impl Size {
    /// In bytes.
    #[inline]
    pub const fn bytes(self) -> u32 {
        match self {
            Size::B => 1,
            Size::H => 2,
            Size::W => 4,
            Size::Dw => 8,
        }
    }
}

/// What a byte-order instruction does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ByteOrder {
    /// Swaps if the machine is big-endian (class `ALU`).
    ToLe,
    /// Swaps if the machine is little-endian (class `ALU`).
    ToBe,
    /// Swaps (class `ALU64`).
    Swap,
}

/// The direction of a cast between address spaces. 1 is the arena's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddrCast {
    /// From 1 to 0: makes an arena pointer.
    ToKernel,
    /// From 0 to 1: makes a number.
    ToUser,
}

/// What the immediate of an `ld_imm64` is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ImmKind {
    /// A number: `lo` and `hi` are its halves.
    Plain,
    /// A map: `lo` is its file descriptor.
    MapFd,
    /// A byte of a map's only value: `lo` is the file descriptor, `hi` the offset.
    MapValue,
    /// A kernel variable: `lo` is its BTF id, `hi` the module BTF's file descriptor.
    BtfId,
    /// A function of the program: `lo` is its distance from the next instruction.
    Func,
    /// A map: `lo` is an index into `fd_array`.
    MapIdx,
    /// A byte of a map's only value: `lo` is an index into `fd_array`, `hi` the offset.
    MapIdxValue,
}

/// An atomic operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AtomicOp {
    /// `+=`
    Add,
    /// `|=`
    Or,
    /// `&=`
    And,
    /// `^=`
    Xor,
    /// `+=`, the old value into the source register
    FetchAdd,
    /// `|=`, the old value into the source register
    FetchOr,
    /// `&=`, the old value into the source register
    FetchAnd,
    /// `^=`, the old value into the source register
    FetchXor,
    /// `=`, the old value into the source register
    Xchg,
    /// `=` if memory is equal to r0; the old value into r0
    CmpXchg,
    /// A load that acquires: into the destination register, from the address in the source register
    LoadAcquire,
    /// A store that releases
    StoreRelease,
}

impl AtomicOp {
    /// Whether memory is changed and its old value goes into a register.
    #[inline]
    pub const fn is_fetch(self) -> bool {
        match self {
            AtomicOp::FetchAdd
            | AtomicOp::FetchOr
            | AtomicOp::FetchAnd
            | AtomicOp::FetchXor
            | AtomicOp::Xchg
            | AtomicOp::CmpXchg => true,
            AtomicOp::Add
            | AtomicOp::Or
            | AtomicOp::And
            | AtomicOp::Xor
            | AtomicOp::LoadAcquire
            | AtomicOp::StoreRelease => false,
        }
    }
}

/// What is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// A helper by its number.
    Helper {
        /// `BPF_FUNC_*`; any number.
        id: i32,
    },
    /// A function of the program.
    Subprog {
        /// Distance, counted from the next instruction.
        off: i32,
    },
    /// A kernel function.
    Kfunc {
        /// Its type in the BTF.
        btf_id: i32,
        /// 0 for vmlinux, else the place in `fd_array` of the module's BTF.
        module: i16,
    },
}
