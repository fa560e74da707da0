//! An instruction as it is encoded.

/// One 8-byte instruction as it is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Insn {
    /// Opcode.
    pub code: u8,
    /// Destination register, 0 to 15 as encoded.
    pub dst: u8,
    /// Source register or pseudo kind, 0 to 15 as encoded.
    pub src: u8,
    /// Offset.
    pub off: i16,
    /// Immediate.
    pub imm: i32,
}

impl Insn {
    /// The bytes of an instruction.
    pub const SIZE: usize = 8;

    /// From the little-endian encoding.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 8]) -> Insn {
        let [code, regs, off0, off1, imm0, imm1, imm2, imm3] = bytes;
        Insn {
            code,
            dst: regs & 0xf,
            src: regs >> 4,
            off: i16::from_le_bytes([off0, off1]),
            imm: i32::from_le_bytes([imm0, imm1, imm2, imm3]),
        }
    }

    /// The little-endian encoding. Of the register numbers only the low four bits have room.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 8] {
        let [off0, off1] = self.off.to_le_bytes();
        let [imm0, imm1, imm2, imm3] = self.imm.to_le_bytes();
        [
            self.code,
            (self.dst & 0xf) | (self.src << 4),
            off0,
            off1,
            imm0,
            imm1,
            imm2,
            imm3,
        ]
    }

    /// The instruction's class, one of [`class`](mod@crate::class).
    #[inline]
    pub const fn class(self) -> u8 {
        crate::class(self.code)
    }

    /// The operation of an arithmetic or jump instruction, one of [`op`](mod@crate::op).
    #[inline]
    pub const fn op(self) -> u8 {
        crate::op(self.code)
    }

    /// The size of a load or store, one of [`size`](mod@crate::size).
    #[inline]
    pub const fn size(self) -> u8 {
        crate::size(self.code)
    }

    /// The mode of a load or store, one of [`mode`](mod@crate::mode).
    #[inline]
    pub const fn mode(self) -> u8 {
        crate::mode(self.code)
    }

    /// Whether the second operand is a register ([`src::X`](crate::src::X)); of arithmetic and jumps.
    #[inline]
    pub const fn is_src_reg(self) -> bool {
        self.code & crate::src::X != 0
    }

    /// Whether this is the first half of a 16-byte `ld_imm64`.
    #[inline]
    pub const fn is_ld_imm64(self) -> bool {
        self.code == crate::class::LD | crate::mode::IMM | crate::size::DW
    }

    /// Whether this calls a function of the program.
    #[inline]
    pub const fn is_subprog_call(self) -> bool {
        self.code == crate::class::JMP | crate::op::CALL && self.src == crate::pseudo::CALL
    }

    /// Whether this calls a kernel function by its BTF id.
    #[inline]
    pub const fn is_kfunc_call(self) -> bool {
        self.code == crate::class::JMP | crate::op::CALL && self.src == crate::pseudo::KFUNC_CALL
    }

    /// Whether this calls a helper by its number.
    #[inline]
    pub const fn is_helper_call(self) -> bool {
        self.code == crate::class::JMP | crate::op::CALL && self.src == 0
    }

    /// Whether this loads the address of a function of the program.
    #[inline]
    pub const fn is_func_ref(self) -> bool {
        self.is_ld_imm64() && self.src == crate::pseudo::FUNC
    }
}
