//! The numbers and symbols of the instruction set: the one source for decoding, disassembly and assembly.

use crate::{AluOp, AtomicOp, JmpOp, Size};

/// A module of opcode parts, and the function that extracts the part from an opcode.
macro_rules! part {
    ($(#[$doc:meta])* $name:ident & $mask:literal { $($(#[$item_doc:meta])* $item:ident = $value:expr;)* }) => {
        $(#[$doc])*
        pub mod $name {
            $($(#[$item_doc])* pub const $item: u8 = $value;)*
        }

        $(#[$doc])*
        #[inline]
        pub const fn $name(code: u8) -> u8 {
            code & $mask
        }
    };
}

part! {
    /// Instruction classes: the low three bits of an opcode.
    class & 0x07 {
        /// Loads without address register.
        LD = 0;
        /// Loads.
        LDX = 1;
        /// Stores of an immediate.
        ST = 2;
        /// Stores of a register, and atomic operations.
        STX = 3;
        /// 32-bit arithmetic.
        ALU = 4;
        /// 64-bit jumps, calls, exit.
        JMP = 5;
        /// 32-bit jumps.
        JMP32 = 6;
        /// 64-bit arithmetic.
        ALU64 = 7;
    }
}

part! {
    /// The second operand's place: bit 3 of an arithmetic or jump opcode.
    src & 0x08 {
        /// The immediate.
        K = 0x00;
        /// The source register.
        X = 0x08;
        /// Of `END`: to little-endian.
        TO_LE = 0x00;
        /// Of `END`: to big-endian.
        TO_BE = 0x08;
    }
}

part! {
    /// Sizes: bits 3 and 4 of a load or store opcode.
    size & 0x18 {
        /// 4 bytes.
        W = 0x00;
        /// 2 bytes.
        H = 0x08;
        /// 1 byte.
        B = 0x10;
        /// 8 bytes.
        DW = 0x18;
    }
}

part! {
    /// Modes: the high three bits of a load or store opcode.
    mode & 0xe0 {
        /// A 64-bit immediate.
        IMM = 0x00;
        /// Packet bytes at a fixed offset.
        ABS = 0x20;
        /// Packet bytes at a variable offset.
        IND = 0x40;
        /// Memory at register and offset.
        MEM = 0x60;
        /// As `MEM`, extending the sign.
        MEMSX = 0x80;
        /// An atomic operation, which the immediate names.
        ATOMIC = 0xc0;
    }
}

part! {
    /// Operations: the high four bits of an arithmetic or jump opcode.
    op & 0xf0 {
        /// Arithmetic.
        ADD = 0x00;
        /// Arithmetic.
        SUB = 0x10;
        /// Arithmetic.
        MUL = 0x20;
        /// Arithmetic; signed with an offset of 1.
        DIV = 0x30;
        /// Arithmetic.
        OR = 0x40;
        /// Arithmetic.
        AND = 0x50;
        /// Arithmetic.
        LSH = 0x60;
        /// Arithmetic.
        RSH = 0x70;
        /// Arithmetic.
        NEG = 0x80;
        /// Arithmetic; signed with an offset of 1.
        MOD = 0x90;
        /// Arithmetic.
        XOR = 0xa0;
        /// Arithmetic; sign-extending with an offset of 8, 16 or 32.
        MOV = 0xb0;
        /// Arithmetic.
        ARSH = 0xc0;
        /// Byte order.
        END = 0xd0;
        /// Jump always.
        JA = 0x00;
        /// Jump.
        JEQ = 0x10;
        /// Jump.
        JGT = 0x20;
        /// Jump.
        JGE = 0x30;
        /// Jump.
        JSET = 0x40;
        /// Jump.
        JNE = 0x50;
        /// Jump.
        JSGT = 0x60;
        /// Jump.
        JSGE = 0x70;
        /// Call.
        CALL = 0x80;
        /// Exit.
        EXIT = 0x90;
        /// Jump.
        JLT = 0xa0;
        /// Jump.
        JLE = 0xb0;
        /// Jump.
        JSLT = 0xc0;
        /// Jump.
        JSLE = 0xd0;
        /// `may_goto`.
        JCOND = 0xe0;
    }
}

/// Atomic operations: the immediate of an instruction with [`mode::ATOMIC`].
pub mod atomic {
    /// Added to an operation that returns the old value.
    pub const FETCH: i32 = 0x01;
    /// `+=`
    pub const ADD: i32 = 0x00;
    /// `|=`
    pub const OR: i32 = 0x40;
    /// `&=`
    pub const AND: i32 = 0x50;
    /// `^=`
    pub const XOR: i32 = 0xa0;
    /// Exchange.
    pub const XCHG: i32 = 0xe0 | FETCH;
    /// Compare with r0 and exchange.
    pub const CMPXCHG: i32 = 0xf0 | FETCH;
    /// A load that acquires.
    pub const LOAD_ACQ: i32 = 0x100;
    /// A store that releases.
    pub const STORE_REL: i32 = 0x110;
}

/// What the source field of `ld_imm64`, of a call, and the offset of a move may say.
pub mod pseudo {
    /// `ld_imm64`: a map by file descriptor.
    pub const MAP_FD: u8 = 1;
    /// `ld_imm64`: a byte of a map's only value, by file descriptor.
    pub const MAP_VALUE: u8 = 2;
    /// `ld_imm64`: a kernel variable by its BTF id.
    pub const BTF_ID: u8 = 3;
    /// `ld_imm64`: a function of the program.
    pub const FUNC: u8 = 4;
    /// `ld_imm64`: a map by index into `fd_array`.
    pub const MAP_IDX: u8 = 5;
    /// `ld_imm64`: a byte of a map's only value, by index into `fd_array`.
    pub const MAP_IDX_VALUE: u8 = 6;
    /// Call: a function of the program.
    pub const CALL: u8 = 1;
    /// Call: a kernel function.
    pub const KFUNC_CALL: u8 = 2;
    /// `JCOND`: `may_goto`.
    pub const MAY_GOTO: u8 = 0;
    /// Move: between address spaces.
    pub const ADDR_SPACE_CAST: i16 = 1;
    /// Move: of a per-CPU address; the kernel's own, for no program to use.
    pub const ADDR_PERCPU: i16 = -1;
}

/// Two-operand arithmetic: operation, offset that selects it, meaning, symbol.
pub(crate) const ALU: [(u8, i16, AluOp, &str); 13] = [
    (op::ADD, 0, AluOp::Add, "+="),
    (op::SUB, 0, AluOp::Sub, "-="),
    (op::MUL, 0, AluOp::Mul, "*="),
    (op::DIV, 0, AluOp::Div, "/="),
    (op::DIV, 1, AluOp::SDiv, "s/="),
    (op::OR, 0, AluOp::Or, "|="),
    (op::AND, 0, AluOp::And, "&="),
    (op::LSH, 0, AluOp::Lsh, "<<="),
    (op::RSH, 0, AluOp::Rsh, ">>="),
    (op::MOD, 0, AluOp::Mod, "%="),
    (op::MOD, 1, AluOp::SMod, "s%="),
    (op::XOR, 0, AluOp::Xor, "^="),
    (op::ARSH, 0, AluOp::Arsh, "s>>="),
];

/// Conditional jumps: operation, meaning, symbol.
pub(crate) const JMP: [(u8, JmpOp, &str); 11] = [
    (op::JEQ, JmpOp::Eq, "=="),
    (op::JGT, JmpOp::Gt, ">"),
    (op::JGE, JmpOp::Ge, ">="),
    (op::JSET, JmpOp::Set, "&"),
    (op::JNE, JmpOp::Ne, "!="),
    (op::JSGT, JmpOp::Sgt, "s>"),
    (op::JSGE, JmpOp::Sge, "s>="),
    (op::JLT, JmpOp::Lt, "<"),
    (op::JLE, JmpOp::Le, "<="),
    (op::JSLT, JmpOp::Slt, "s<"),
    (op::JSLE, JmpOp::Sle, "s<="),
];

/// Sizes: part of the opcode, meaning, name unsigned, name signed.
pub(crate) const SIZE: [(u8, Size, &str, Option<&str>); 4] = [
    (size::B, Size::B, "u8", Some("s8")),
    (size::H, Size::H, "u16", Some("s16")),
    (size::W, Size::W, "u32", Some("s32")),
    (size::DW, Size::Dw, "u64", None),
];

/// How an atomic operation is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AtomicForm {
    /// `lock *(u64 *)(r1 +0) += r2`
    Lock(&'static str),
    /// `r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)`
    Fetch(&'static str),
    /// `r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)`
    CmpXchg(&'static str),
    /// `r1 = load_acquire((u64 *)(r2 +0))`
    Load(&'static str),
    /// `store_release((u64 *)(r1 +0), r2)`
    Store(&'static str),
}

/// Atomic operations: immediate, meaning, way of writing.
pub(crate) const ATOMIC: [(i32, AtomicOp, AtomicForm); 12] = [
    (atomic::ADD, AtomicOp::Add, AtomicForm::Lock("+=")),
    (atomic::OR, AtomicOp::Or, AtomicForm::Lock("|=")),
    (atomic::AND, AtomicOp::And, AtomicForm::Lock("&=")),
    (atomic::XOR, AtomicOp::Xor, AtomicForm::Lock("^=")),
    (
        atomic::ADD | atomic::FETCH,
        AtomicOp::FetchAdd,
        AtomicForm::Fetch("fetch_add"),
    ),
    (
        atomic::OR | atomic::FETCH,
        AtomicOp::FetchOr,
        AtomicForm::Fetch("fetch_or"),
    ),
    (
        atomic::AND | atomic::FETCH,
        AtomicOp::FetchAnd,
        AtomicForm::Fetch("fetch_and"),
    ),
    (
        atomic::XOR | atomic::FETCH,
        AtomicOp::FetchXor,
        AtomicForm::Fetch("fetch_xor"),
    ),
    (atomic::XCHG, AtomicOp::Xchg, AtomicForm::Fetch("xchg")),
    (atomic::CMPXCHG, AtomicOp::CmpXchg, AtomicForm::CmpXchg("cmpxchg")),
    (
        atomic::LOAD_ACQ,
        AtomicOp::LoadAcquire,
        AtomicForm::Load("load_acquire"),
    ),
    (
        atomic::STORE_REL,
        AtomicOp::StoreRelease,
        AtomicForm::Store("store_release"),
    ),
];

/// The symbol of an operation as messages name it (`bpf_alu_string`): a signed division has the unsigned
/// one's.
pub fn alu_symbol(op: AluOp) -> &'static str {
    let code = ALU.iter().find(|row| row.2 == op).map_or(0, |row| row.0);
    symbol_of(code)
}

/// The symbol of the first operation with this opcode part.
pub(crate) fn symbol_of(code: u8) -> &'static str {
    ALU.iter().find(|row| row.0 == code).map_or("(null)", |row| row.3)
}

/// Whether a program may have the opcode (`bpf_opcode_in_insntable`).
pub const fn is_known(code: u8) -> bool {
    let (low, reg) = (op(code), src(code) == src::X);
    match class(code) {
        class::ALU => low <= op::END && (low != op::NEG || !reg),
        class::ALU64 => low <= op::END && (low != op::NEG && low != op::END || !reg),
        class::JMP => match low {
            op::JA | op::CALL | op::EXIT | op::JCOND => !reg,
            0xf0 => false,
            _ => true,
        },
        class::JMP32 => match low {
            op::JA => !reg,
            op::CALL | op::EXIT | op::JCOND | 0xf0 => false,
            _ => true,
        },
        class::LDX => match mode(code) {
            mode::MEM => true,
            mode::MEMSX => size(code) != size::DW,
            _ => false,
        },
        class::STX => match mode(code) {
            mode::MEM => true,
            // Smaller ones only of kernels that acquire and release.
            mode::ATOMIC => true,
            _ => false,
        },
        class::ST => mode(code) == mode::MEM,
        _ => match mode(code) {
            mode::IMM => size(code) == size::DW,
            mode::ABS | mode::IND => size(code) != size::DW,
            _ => false,
        },
    }
}
