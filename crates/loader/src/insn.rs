//! The few instructions that the loader must tell apart.

use verdict_isa::Insn;

/// Bytes of an instruction.
pub(crate) const INSN_SIZE: u64 = 8;

/// `call`.
const CALL: u8 = 0x85;
/// `r = imm64`, two instructions wide.
const LD_IMM64: u8 = 0x18;

/// Source of a call of a subprogram.
const PSEUDO_CALL: u8 = 1;
/// Source of a call of a kfunc.
pub(crate) const PSEUDO_KFUNC_CALL: u8 = 2;
/// Source of an `ld_imm64` of a map.
pub(crate) const PSEUDO_MAP_FD: u8 = 1;
/// Source of an `ld_imm64` of an address in a map's value.
pub(crate) const PSEUDO_MAP_VALUE: u8 = 2;
/// Source of an `ld_imm64` of a kernel variable.
pub(crate) const PSEUDO_BTF_ID: u8 = 3;
/// Source of an `ld_imm64` of a subprogram's address.
pub(crate) const PSEUDO_FUNC: u8 = 4;

/// Whether it is a call of anything.
pub(crate) fn is_call(insn: &Insn) -> bool {
    insn.code == CALL
}

/// Whether it calls a subprogram.
pub(crate) fn is_subprog_call(insn: &Insn) -> bool {
    is_call(insn) && insn.src == PSEUDO_CALL && insn.dst == 0 && insn.off == 0
}

/// Whether a call says that it calls a subprogram.
pub(crate) fn is_pseudo_call(insn: &Insn) -> bool {
    insn.src == PSEUDO_CALL
}

/// Whether it is the first half of an `ld_imm64`.
pub(crate) fn is_ld_imm64(insn: &Insn) -> bool {
    insn.code == LD_IMM64
}

/// Whether it loads a subprogram's address.
pub(crate) fn is_pseudo_func(insn: &Insn) -> bool {
    is_ld_imm64(insn) && insn.src == PSEUDO_FUNC
}

/// A call that no kernel accepts: what an instruction becomes whose relocation has no target.
pub(crate) fn poison(imm: i32) -> Insn {
    Insn {
        code: CALL,
        dst: 0,
        src: 0,
        off: 0,
        imm,
    }
}

/// The instructions of a section.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Insn> {
    let insns = bytes.as_chunks::<8>().0.iter();
    insns
        .map(|b| Insn {
            code: b[0],
            dst: b[1] & 0xf,
            src: b[1] >> 4,
            off: i16::from_le_bytes([b[2], b[3]]),
            imm: i32::from_le_bytes([b[4], b[5], b[6], b[7]]),
        })
        .collect()
}
