//! What is wrong with an instruction by itself, in the kernel's words.

use std::fmt;

/// The errno of every [`Malformed`], positive.
pub const EINVAL: i32 = 22;

/// A fault of an instruction that its encoding alone shows. Displays as the kernel's message, without the
/// newline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Malformed {
    /// A load of an unknown mode or with an immediate.
    Ldx,
    /// An `ld_imm64` whose second half is missing or has more than an immediate.
    LdImm64Half,
    /// An `ld_imm64` with an unknown source field, or a map with a second immediate.
    LdImm64Kind,
    /// An opcode that no program may have.
    UnknownOpcode(u8),
    /// Negation with superfluous fields.
    Neg,
    /// Byte order with superfluous fields or an unknown size.
    End,
    /// Move with superfluous fields.
    Mov,
    /// A cast that is not between address spaces 0 and 1.
    AddrSpaceCast,
    /// Other arithmetic with superfluous fields.
    Alu,
    /// `may_goto` with superfluous fields, or to the next instruction.
    MayGoto {
        /// Its offset.
        off: i16,
        /// Its immediate.
        imm: i32,
    },
    /// An `ld_imm64` with an offset.
    LdImm64,
    /// An unknown atomic operation.
    AtomicOpcode(i32),
    /// A store of a register with an immediate.
    Stx,
    /// A store of an immediate with a source register.
    St,
    /// A call with superfluous fields or an unknown kind.
    Call,
    /// A jump with superfluous fields.
    Ja,
    /// An exit with superfluous fields.
    Exit,
    /// A conditional jump with superfluous fields.
    Jmp,
    /// A load from the packet with superfluous fields.
    LdAbs,
    /// A division by the immediate 0.
    DivByZero,
    /// A shift by an immediate that is not less than the width.
    Shift(i32),
}

/// The moment at which the kernel notices a [`Malformed`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Point {
    /// Before the walk, instruction by instruction in order, while `ld_imm64` is resolved
    /// (`resolve_pseudo_ldimm64`).
    Resolve,
    /// When the walk executes the instruction, before anything else.
    Entry,
    /// When the walk executes a packet load, after the program type and the frames were found fit for one.
    AfterContext,
    /// When the walk executes a conditional jump, after its destination register was read and before its
    /// source register is.
    AfterDst,
    /// When the walk executes arithmetic, after its operand registers were read, source first.
    AfterOperands,
}

impl Malformed {
    /// When the kernel notices.
    pub const fn point(self) -> Point {
        match self {
            Malformed::Ldx
            | Malformed::LdImm64Half
            | Malformed::LdImm64Kind
            | Malformed::UnknownOpcode(_) => Point::Resolve,
            Malformed::Neg
            | Malformed::End
            | Malformed::Mov
            | Malformed::AddrSpaceCast
            | Malformed::Alu
            | Malformed::MayGoto { .. }
            | Malformed::LdImm64
            | Malformed::AtomicOpcode(_)
            | Malformed::Stx
            | Malformed::St
            | Malformed::Call
            | Malformed::Ja
            | Malformed::Exit => Point::Entry,
            Malformed::LdAbs => Point::AfterContext,
            Malformed::Jmp => Point::AfterDst,
            Malformed::DivByZero | Malformed::Shift(_) => Point::AfterOperands,
        }
    }

    /// The errno that the program load fails with, positive.
    pub const fn errno(self) -> i32 {
        EINVAL
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Ldx => f.write_str("BPF_LDX uses reserved fields"),
            Malformed::LdImm64Half => f.write_str("invalid bpf_ld_imm64 insn"),
            Malformed::LdImm64Kind => f.write_str("unrecognized bpf_ld_imm64 insn"),
            Malformed::UnknownOpcode(code) => write!(f, "unknown opcode {code:02x}"),
            Malformed::Neg => f.write_str("BPF_NEG uses reserved fields"),
            Malformed::End => f.write_str("BPF_END uses reserved fields"),
            Malformed::Mov => f.write_str("BPF_MOV uses reserved fields"),
            Malformed::AddrSpaceCast => {
                f.write_str("addr_space_cast insn can only convert between address space 1 and 0")
            }
            Malformed::Alu => f.write_str("BPF_ALU uses reserved fields"),
            Malformed::MayGoto { off, imm } => write!(f, "invalid may_goto off {off} imm {imm}"),
            Malformed::LdImm64 => f.write_str("BPF_LD_IMM64 uses reserved fields"),
            Malformed::AtomicOpcode(imm) => {
                write!(f, "BPF_ATOMIC uses invalid atomic opcode {imm:02x}")
            }
            Malformed::Stx => f.write_str("BPF_STX uses reserved fields"),
            Malformed::St => f.write_str("BPF_ST uses reserved fields"),
            Malformed::Call => f.write_str("BPF_CALL uses reserved fields"),
            Malformed::Ja => f.write_str("BPF_JA uses reserved fields"),
            Malformed::Exit => f.write_str("BPF_EXIT uses reserved fields"),
            Malformed::Jmp => f.write_str("BPF_JMP/JMP32 uses reserved fields"),
            Malformed::LdAbs => f.write_str("BPF_LD_[ABS|IND] uses reserved fields"),
            Malformed::DivByZero => f.write_str("div by zero"),
            Malformed::Shift(imm) => write!(f, "invalid shift {imm}"),
        }
    }
}
