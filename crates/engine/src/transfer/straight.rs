//! Straight lines of arithmetic on numbers, which most of most programs are.
//!
//! A short way to what [`super::alu`] says of an instruction: taken where nobody listens, where bounds are not tested and
//! where nothing but the registers' contents is concerned, so that operands need no second look and nothing is marked,
//! pushed or refused. What is not as simple is left to the long way, untouched.

use verdict_domain::{AluOp, Bounds, Width};
use verdict_isa::{Alu, Malformed, Op, Operand};
use verdict_kernel::semantics::linked::CopyLink;

use crate::error::Res;
use crate::index::{InsnIdx, RegNo};
use crate::linked::unlink;
use crate::observer::Observer;
use crate::program::Program;
use crate::state::{FP, FrameSlot, REGS, Reg, unshared};
use crate::verifier::Verifier;

use super::lines::{GIVEN, Ids, Line};

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

/// Whether reading a register marks nothing, and it holds a number.
#[inline(always)]
fn is_own_number(slot: &FrameSlot, reg: RegNo, width: Width) -> bool {
    reg.is_in(slot.marks.read_before(width)) && slot.body.regs[reg].is_scalar()
}

/// As many instructions a line has at most: those of a longer one are several lines. A line may begin at each instruction of
/// a program, and is looked along when it is met first, which must not take the square of the program's length.
const LONGEST: usize = 64;

/// The instructions from one on that no path arrives between, [`LONGEST`] at most.
fn line_at<'p>(program: &'p Program<'_>, from: InsnIdx) -> &'p [Option<Plain>] {
    let is_behind = |idx: InsnIdx| {
        let aux = &program.aux[idx];
        matches!(program.plain.get(idx), Some(Some(_))) && !aux.prune_point && !aux.jmp_point
    };
    let last = program
        .plain
        .end()
        .min(InsnIdx(from.0.saturating_add(LONGEST as u32)));
    let mut end = from.next();
    while end < last && is_behind(end) {
        end = end.next();
    }
    program.plain.slice(from..end)
}

impl<O: Observer> Verifier<'_, O> {
    /// Executes instructions from this one, which counts as processed, on, as long as they are plain and no path arrives
    /// between them; `limit` is that of processed instructions. How many.
    #[inline]
    pub(crate) fn walk_straight(&mut self, from: InsnIdx, limit: u32) -> Res<u32> {
        if O::LISTENING || !matches!(self.program.plain.get(from), Some(Some(_))) {
            return Ok(0);
        }
        // Any instruction may be refused then, and is to be the one that counts as executed.
        if self.env.test_reg_invariants {
            return Ok(0);
        }
        if self.walk.lines.is_nothing(from) {
            return self.walk_plain(from, limit);
        }
        self.walk_line(from, limit)
    }

    /// The same, of an instruction with which a line begins that may have been walked before.
    fn walk_line(&mut self, from: InsnIdx, limit: u32) -> Res<u32> {
        let program = &self.program;
        let Some(mut line) = self.walk.lines.lend(from, || line_at(program, from)) else {
            return self.walk_plain(from, limit);
        };
        let room = limit.saturating_sub(self.walk.stats.insns);
        if line.len > room || !line.is_open(self.walk.cur.frames.top()) {
            self.walk.lines.take_back(from, line);
            return self.walk_plain(from, limit);
        }
        let (top, last_id) = (self.walk.cur.frames.top_mut(), self.walk.id_gen);
        let count = match line.replay(top, last_id) {
            Some((count, ids)) => {
                self.walk.id_gen = last_id + ids;
                self.walk.stats.insns += count - 1;
                count
            }
            None if self.walk.lines.has_room(&line) => self.walk_and_keep(&mut line, from)?,
            None => self.walk_plain(from, limit)?,
        };
        self.walk.lines.take_back(from, line);
        Ok(count)
    }

    /// Walks along a line, to do the same again without walking.
    fn walk_and_keep(&mut self, line: &mut Line, from: InsnIdx) -> Res<u32> {
        let last_id = self.walk.id_gen;
        // Behind the line are registers that it does not know of.
        let limit = self.walk.stats.insns + line.len - 1;
        let regs = &mut self.walk.cur.frame_mut().regs;
        let ids = Ids::of(regs, last_id);
        let found = line.begin(regs);
        self.walk.id_gen = GIVEN;
        let count = self.walk_plain(from, limit);
        let given = self.walk.id_gen - GIVEN;
        self.walk.id_gen = last_id + given;
        let regs = &mut self.walk.cur.frame_mut().regs;
        if let Ok(count @ 1..) = count {
            let executed = self.program.plain.slice(from..InsnIdx(from.0 + count));
            if line.keep(executed, given, found, regs) {
                self.walk.lines.count();
            }
        }
        line.end(regs, &ids);
        count
    }

    /// Executes plain instructions one by one.
    #[inline(always)]
    fn walk_plain(&mut self, from: InsnIdx, limit: u32) -> Res<u32> {
        let mut count = 0;
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
                if !is_own_number(self.walk.cur.frames.top(), dst, width) {
                    return Ok(false);
                }
                let src = Bounds::constant(i64::from(imm) as u64);
                self.combine(width, op, dst, &src, false)
            }
            Plain::Registers { width, op, dst, src } => {
                let top = self.walk.cur.frames.top();
                let own = is_own_number(top, dst, width) && is_own_number(top, src, width);
                if !own || dst.is_in(top.marks.precise) {
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
        let own = src.is_in(top.marks.read_before(width)) && !content.is_not_init();
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
        // That half of it was read before does not say so.
        self.walk.cur.marks_mut().written |= dst.bit();
        self.adjust_bounds(width, op, dst, src, same);
        self.check_reg_bounds(dst, "alu").map(|()| true)
    }
}
