//! The few instructions that the loader must tell apart, by libbpf's criteria.

use verdict_isa::{Insn, table::pseudo};

/// Bytes of an instruction.
pub(crate) const INSN_SIZE: u64 = Insn::SIZE as u64;

/// `call`.
const CALL: u8 = 0x85;

/// Whether it is a call of anything.
pub(crate) fn is_call(insn: &Insn) -> bool {
    insn.code == CALL
}

/// Whether it calls a subprogram.
pub(crate) fn is_subprog_call(insn: &Insn) -> bool {
    is_pseudo_call(insn) && insn.dst == 0 && insn.off == 0
}

/// Whether it is a call that says to be of a subprogram.
pub(crate) fn is_pseudo_call(insn: &Insn) -> bool {
    is_call(insn) && insn.src == pseudo::CALL
}

/// Whether it loads a subprogram's address.
pub(crate) fn is_pseudo_func(insn: &Insn) -> bool {
    insn.is_ld_imm64() && insn.src == pseudo::FUNC
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
    bytes
        .as_chunks::<{ Insn::SIZE }>()
        .0
        .iter()
        .map(|b| Insn::from_bytes(*b))
        .collect()
}
