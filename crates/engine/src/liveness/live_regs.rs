//! Registers that an instruction or one behind it may read, by the text of the function alone.
//!
//! Before an instruction live is what it reads, and what is live behind it unless it writes that; computed for
//! all instructions until nothing changes (`compute_live_registers`). The kernel goes through all of them again and again; here
//! only those are looked at again behind which something changed, which comes to the same sets, the smallest that fit.

use verdict_isa::{Insn, atomic, class, mode, op, size};

use crate::cfg::{PostOrder, successors};
use crate::index::{IndexVec, InsnIdx};
use crate::observer::Observer;
use crate::verifier::Verifier;

/// R0 to R5: what a call leaves undefined.
const CALLER_SAVED: u16 = 0b11_1111;
/// R1 to R5.
const ARGUMENTS: u16 = CALLER_SAVED & !1;
/// Nothing is known: every register may be read.
const ANY: Access = Access {
    uses: u16::MAX,
    defines: 0,
};

/// Registers that one instruction reads and writes, as masks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Access {
    uses: u16,
    defines: u16,
}

impl<O: Observer> Verifier<'_, O> {
    /// Per instruction the registers that are live before it.
    pub(crate) fn live_registers(&self, order: &PostOrder) -> IndexVec<InsnIdx, u16> {
        let accesses: IndexVec<InsnIdx, _> =
            self.program.insns.iter().map(|insn| self.access(*insn)).collect();
        // What is in no order, as the second half of an instruction, has nothing live.
        let mut live = IndexVec::filled(0, self.program.insns.len());
        // Nearly all instructions come behind those that may follow them in this order, so that one round is enough for them.
        let mut open = order.all().to_vec();
        let mut is_open = IndexVec::filled(true, self.program.insns.len());
        let mut next = Vec::new();
        while !open.is_empty() {
            for &idx in &open {
                is_open[idx] = false;
                let behind = successors(&self.program.insns, idx).fold(0, |live_out, to| live_out | live[to]);
                let Access { uses, defines } = accesses[idx];
                let before = behind & !defines | uses;
                if before == live[idx] {
                    continue;
                }
                live[idx] = before;
                for earlier in order.before(idx) {
                    if !std::mem::replace(&mut is_open[*earlier], true) {
                        next.push(*earlier);
                    }
                }
            }
            open.clear();
            std::mem::swap(&mut open, &mut next);
        }
        live
    }

    /// What an instruction reads and writes (`compute_insn_live_regs`).
    fn access(&self, insn: Insn) -> Access {
        let bit = |reg: u8| 1u16 << (reg & 0xf);
        let (dst, src) = (bit(insn.dst), bit(insn.src));
        let operands = if insn.is_src_reg() { dst | src } else { dst };
        let reads = |uses| Access { uses, defines: 0 };
        match insn.class() {
            class::LD if insn.mode() == mode::IMM && insn.size() == size::DW => Access {
                uses: 0,
                defines: dst,
            },
            class::LDX if matches!(insn.mode(), mode::MEM | mode::MEMSX) => Access {
                uses: src,
                defines: dst,
            },
            class::ST if insn.mode() == mode::MEM => reads(dst),
            class::STX if insn.mode() == mode::MEM => reads(dst | src),
            class::STX if insn.mode() == mode::ATOMIC => atomic_access(insn.imm, dst, src),
            class::ALU | class::ALU64 => Access {
                uses: match insn.op() {
                    op::END => dst,
                    op::MOV if insn.is_src_reg() => src,
                    op::MOV => 0,
                    _ => operands,
                },
                defines: dst,
            },
            class::JMP | class::JMP32 => match insn.op() {
                op::JA | op::JCOND => reads(0),
                op::EXIT => reads(bit(0)),
                op::CALL => Access {
                    uses: self.call_arguments(insn),
                    defines: CALLER_SAVED,
                },
                _ => reads(operands),
            },
            _ => ANY,
        }
    }

    /// Registers that a call reads: as many as its prototype has parameters, if it has one.
    fn call_arguments(&self, insn: Insn) -> u16 {
        self.fastcall_of(insn)
            .map_or(ARGUMENTS, |call| u16::from(call.clobbered) & ARGUMENTS)
    }
}

/// An atomic operation: which registers it reads and writes is in its immediate.
fn atomic_access(imm: i32, dst: u16, src: u16) -> Access {
    let both = dst | src;
    match imm {
        atomic::CMPXCHG => Access {
            uses: both | 1,
            defines: 1,
        },
        LOAD_ACQUIRE => Access {
            uses: src,
            defines: dst,
        },
        _ if imm != STORE_RELEASE && imm & atomic::FETCH != 0 => Access {
            uses: both,
            defines: src,
        },
        _ => Access {
            uses: both,
            defines: 0,
        },
    }
}

/// Of an atomic operation's immediate: a load that later ones cannot overtake.
const LOAD_ACQUIRE: i32 = 0x100;
/// A store that cannot overtake earlier ones.
const STORE_RELEASE: i32 = 0x110;
