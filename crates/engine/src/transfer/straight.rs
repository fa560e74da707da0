//! Straight lines of arithmetic on numbers, which most of most programs are.
//!
//! A short way to what [`super::alu`] says of an instruction: taken where nobody listens and where nothing but the
//! registers' contents is concerned, so that operands need no second look and nothing is marked, pushed or refused. What
//! is not as simple is left to the long way, untouched.

use verdict_domain::{AluOp, Bounds, Width};
use verdict_isa::{Alu, Malformed, Op, Operand};
use verdict_kernel::semantics::linked::CopyLink;

use crate::error::Res;
use crate::index::{InsnIdx, RegNo};
use crate::linked::unlink;
use crate::observer::Observer;
use crate::state::{FP, FrameSlot, REGS, Reg, unshared};
use crate::verifier::Verifier;

/// An instruction that may be of a straight line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plain {
    /// A register becomes a number.
    Number { dst: RegNo, value: u64 },
    /// A register becomes what another is.
    Copy { width: Width, dst: RegNo, src: RegNo },
    /// A register and a number.
    Immediate {
        width: Width,
        op: AluOp,
        dst: RegNo,
        imm: i32,
    },
    /// Two registers.
    Registers {
        width: Width,
        op: AluOp,
        dst: RegNo,
        src: RegNo,
    },
}

impl Plain {
    /// The instruction, if it is of such a kind.
    pub(crate) fn of(op: &Result<Op, Malformed>) -> Option<Plain> {
        let Ok(Op::Alu(alu)) = *op else { return None };
        let dst = RegNo(alu.dst());
        if dst >= FP {
            return None;
        }
        match alu {
            Alu::Mov { width, src, .. } => match src {
                Operand::Imm(imm) => Some(Plain::Number {
                    dst,
                    value: match width {
                        Width::W64 => i64::from(imm) as u64,
                        Width::W32 => u64::from(imm as u32),
                    },
                }),
                Operand::Reg(src) => register(src).map(|src| Plain::Copy { width, dst, src }),
            },
            Alu::Binary { op, .. } if op.is_division() => None,
            Alu::Binary { width, op, src, .. } => match src {
                Operand::Imm(imm) => Some(Plain::Immediate { width, op, dst, imm }),
                Operand::Reg(src) => register(src).map(|src| Plain::Registers { width, op, dst, src }),
            },
            Alu::MovSx { .. } | Alu::AddrSpaceCast { .. } | Alu::Neg { .. } | Alu::End { .. } => None,
        }
    }
}

fn register(src: u8) -> Option<RegNo> {
    (usize::from(src) < REGS).then_some(RegNo(src))
}

/// Whether a register was written in this segment, so that reading it marks nothing, and holds a number.
#[inline(always)]
fn is_own_number(slot: &FrameSlot, reg: RegNo) -> bool {
    reg.is_in(slot.marks.written) && slot.body.regs[reg].is_scalar()
}

impl<O: Observer> Verifier<'_, O> {
    /// Executes instructions from this one, which counts as processed, on, as long as they are plain and no path arrives
    /// between them; `limit` is that of processed instructions. How many.
    #[inline]
    pub(crate) fn walk_straight(&mut self, from: InsnIdx, limit: u32) -> Res<u32> {
        let mut count = 0;
        if O::LISTENING {
            return Ok(count);
        }
        let mut idx = from;
        while let Some(Some(plain)) = self.program.plain.get(idx).copied() {
            if count != 0 {
                let aux = &self.program.aux[idx];
                if aux.prune_point || aux.jmp_point || self.walk.stats.insns >= limit {
                    break;
                }
            }
            if !self.compute(plain)? {
                break;
            }
            self.walk.stats.insns += u32::from(count != 0);
            self.program.aux[idx].seen = true;
            count += 1;
            idx = idx.next();
        }
        Ok(count)
    }

    /// Executes a plain instruction; false, and nothing was done, if it takes the long way.
    #[inline(always)]
    fn compute(&mut self, plain: Plain) -> Res<bool> {
        match plain {
            Plain::Number { dst, value } => {
                let top = self.walk.cur.frames.top_mut();
                top.marks.written |= dst.bit();
                top.marks.precise &= !dst.bit();
                // A number comes from nowhere.
                top.marks.traced |= dst.bit();
                unshared(&mut top.body).regs[dst] = Reg::constant(value);
                Ok(true)
            }
            Plain::Copy { width, dst, src } => self.copy(width, dst, src),
            Plain::Immediate { width, op, dst, imm } => {
                if !is_own_number(self.walk.cur.frames.top(), dst) {
                    return Ok(false);
                }
                let src = Bounds::constant(i64::from(imm) as u64);
                self.combine(width, op, dst, &src, false)
            }
            Plain::Registers { width, op, dst, src } => {
                let top = self.walk.cur.frames.top();
                if !is_own_number(top, dst) || !is_own_number(top, src) || dst.is_in(top.marks.precise) {
                    return Ok(false);
                }
                let operand = top.body.regs[src].b;
                if !src.is_in(top.marks.traced) {
                    self.walk.cur.marks_mut().traced &= !dst.bit();
                }
                self.combine(width, op, dst, &operand, src == dst)
            }
        }
    }

    #[inline(always)]
    fn copy(&mut self, width: Width, dst: RegNo, src: RegNo) -> Res<bool> {
        let top = self.walk.cur.frames.top_mut();
        let content = &top.body.regs[src];
        let number = content.is_scalar();
        let own = src.is_in(top.marks.written) && !content.is_not_init();
        if !(own || src == FP) || content.b.violation().is_some() || !(width.is_64() || number) {
            return Ok(false);
        }
        top.marks.written |= dst.bit();
        let traced = top.marks.traced >> src.0 & 1;
        top.marks.traced = top.marks.traced & !dst.bit() | traced << dst.0;
        let switches = &self.env.kernel.semantics.linked;
        let fits = width.is_64() || switches.copy_link != CopyLink::Any && content.b.width() <= 32;
        if number && fits {
            self.assign_scalar_id(src);
        }
        self.copy_reg(dst, src);
        if width.is_64() {
            return Ok(true);
        }
        let reg = self.walk.cur.reg_mut(dst);
        if !fits {
            unlink(reg, switches.unlinked_offset);
        }
        reg.b.sync_zext_32(self.env.rules);
        self.check_reg_bounds(dst, "alu").map(|()| true)
    }

    #[inline(always)]
    fn combine(&mut self, width: Width, op: AluOp, dst: RegNo, src: &Bounds, same: bool) -> Res<bool> {
        let may_fork = matches!(op, AluOp::And | AluOp::Or) && src.is_const();
        if may_fork && self.reg(dst).b.fork_sign_mask().is_some() {
            return Ok(false);
        }
        self.adjust_bounds(width, op, dst, src, same);
        self.check_reg_bounds(dst, "alu").map(|()| true)
    }
}
