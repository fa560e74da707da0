//! The BPF instruction set: encoding, decoding, the kernel's log syntax.
//!
//! An [`Insn`] is eight bytes as encoded. [`decode`] turns it into an [`Op`], a closed enum of the
//! classes of instructions, each with a type for its members; what cannot be decoded is a [`Malformed`], which
//! speaks the kernel's words. [`Disasm`] writes an instruction as the verifier's log does, [`assemble`] reads
//! that text back.
//!
//! The one source of which opcodes exist, of their numbers and of their symbols is [`table`].
//!
//! **Architecture invariant:** nothing here gives meaning to an instruction.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod asm;
mod decode;
mod disasm;
mod insn;
mod malformed;
mod ops;
mod program;
pub mod table;

pub use asm::{AsmError, assemble, assemble_with};
pub use decode::{decode, deferred_fault, resolve_fault, unknown_before_v4};
pub use disasm::{Disasm, Names, NoNames};
pub use insn::Insn;
pub use malformed::{EINVAL, Malformed, Point};
pub use ops::{
    AddrCast, Alu, Atomic, AtomicOp, Branch, ByteOrder, Call, ImmKind, Jump, LdImm64, LdPacket, Load, Op,
    Operand, Size, Store,
};
pub use program::Program;
pub use table::{atomic, class, mode, op, pseudo, size, src};
pub use verdict_domain::{AluOp, JmpOp, Width};

/// The number of registers, r0 to r10; encodings have room for 16.
pub const REGS: u8 = 11;

/// The frame pointer, r10.
pub const FP: u8 = 10;
