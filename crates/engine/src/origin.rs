//! Where a register got its value: for the words about a refusal, and only then.
//!
//! The path that led to the refusal is walked backwards, by the same history that precision tracking uses.
//! **Invariant:** nothing is decided by it.

use verdict_isa::{Alu, Call, Op, Operand};
use verdict_kernel::rule::{Fact, Origin, Role};

use crate::index::{FrameNo, InsnIdx, RegNo, Spi};
use crate::observer::Observer;
use crate::precision::slot_of;
use crate::state::{FP, Hist, Histories, State, Trail};
use crate::verifier::Verifier;

/// The registers of arguments: what a call leaves nothing in.
const ARGS: std::ops::RangeInclusive<u8> = 1..=5;

/// What is looked for, in a frame by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Reg(u8),
    Slot(Spi),
}

/// The instructions that led to a state, last first, with what the history says of each.
struct PathBack<'v> {
    first: InsnIdx,
    histories: &'v Histories,
    trail: Trail,
    at: Option<InsnIdx>,
}

impl<O: Observer> Verifier<'_, O> {
    /// The instruction that a fact goes back to.
    pub(crate) fn origin_of(&self, fact: &Fact) -> Option<Origin> {
        if !O::LISTENING || !self.walk.walking {
            return None;
        }
        if let Fact::Acquired(insn) = *fact {
            let role = Role::Acquires;
            return Some(Origin { insn, role });
        }
        self.origin_of_reg(fact.register()?)
    }

    /// The instruction that gave the register of the executing frame its value; copies and spills are looked
    /// through. `None` when the register is as the program was given it.
    fn origin_of_reg(&self, reg: u8) -> Option<Origin> {
        let mut frame = self.walk.cur.curframe();
        let mut wanted = (frame, Place::Reg(reg));
        let mut after = self.walk.insn_idx;
        let mut state = Some(&self.walk.cur);
        let mut skip = true;
        while let Some(segment) = state {
            let last = if skip {
                Some(self.walk.insn_idx)
            } else {
                segment.last_insn_idx
            };
            let mut path = PathBack::new(&self.walk.search.history, segment, last);
            while let Some((idx, entry)) = path.step() {
                if std::mem::take(&mut skip) {
                    continue;
                }
                match self.step_origin(idx, after, entry, &mut frame, &mut wanted)? {
                    Back::On => {}
                    Back::Found(role) => return Some(Origin { insn: idx.0, role }),
                    Back::Cleared(insn) => {
                        let role = Role::Clears;
                        return Some(Origin { insn: insn.0, role });
                    }
                }
                after = idx;
            }
            state = segment.parent.map(|id| self.walk.search.state(id));
        }
        None
    }

    /// One instruction backwards; `after` is the one that was executed behind it. `None` when the trace is lost.
    fn step_origin(
        &self,
        idx: InsnIdx,
        after: InsnIdx,
        entry: Option<Hist>,
        frame: &mut FrameNo,
        wanted: &mut (FrameNo, Place),
    ) -> Option<Back> {
        // What is not decoded is the second half of an `ld_imm64`.
        let Ok(op) = self.program.ops.get(idx)? else {
            return Some(Back::On);
        };
        let here = |place: u8| *wanted == (*frame, Place::Reg(place));
        match *op {
            // Into the function that was called before `after`, or that a call at `after` runs.
            Op::Exit => self.enter_origin(after, frame, wanted),
            Op::Call(call) => self.leave_origin(idx, call, after, frame, wanted),
            Op::Alu(alu) if !here(alu.dst()) => Some(Back::On),
            Op::Alu(alu) => match alu {
                Alu::Mov {
                    src: Operand::Reg(src),
                    ..
                }
                | Alu::MovSx { src, .. }
                | Alu::AddrSpaceCast { src, .. }
                    if RegNo(src) != FP =>
                {
                    wanted.1 = Place::Reg(src);
                    Some(Back::On)
                }
                Alu::Mov { .. }
                | Alu::MovSx { .. }
                | Alu::AddrSpaceCast { .. }
                | Alu::Binary { .. }
                | Alu::Neg { .. }
                | Alu::End { .. } => Some(Back::Found(Role::Sets)),
            },
            Op::Load(load) if !here(load.dst) => Some(Back::On),
            Op::Load(_) => {
                let Some((of, spi)) = slot_of(entry) else {
                    return Some(Back::Found(Role::Sets));
                };
                *wanted = (of, Place::Slot(spi));
                Some(Back::On)
            }
            Op::Store(store) => match (slot_of(entry), store.src) {
                (Some((of, spi)), src) if *wanted == (of, Place::Slot(spi)) => {
                    let Operand::Reg(src) = src else {
                        return Some(Back::Found(Role::Sets));
                    };
                    *wanted = (*frame, Place::Reg(src));
                    Some(Back::On)
                }
                _ => Some(Back::On),
            },
            Op::Atomic(atomic) => Some(Back::of(atomic.loaded().is_some_and(here))),
            Op::LdImm64(ld_imm64) => Some(Back::of(here(ld_imm64.dst))),
            // Loads from the packet call a helper.
            Op::LdPacket(_) => Some(Back::of((0..=5).any(here))),
            Op::Jump(_) => Some(Back::On),
        }
    }

    /// Backwards from a caller into the end of its callee.
    fn enter_origin(
        &self,
        after: InsnIdx,
        frame: &mut FrameNo,
        wanted: &mut (FrameNo, Place),
    ) -> Option<Back> {
        let caller = *frame;
        *frame = frame.callee();
        match *wanted {
            (of, Place::Reg(0)) if of == caller => *wanted = (*frame, Place::Reg(0)),
            (of, Place::Reg(reg)) if of == caller && ARGS.contains(&reg) => {
                // The call before `after` leaves nothing in it; within a callback's frames, all is lost.
                let call = after.prev()?;
                let insn = self.program.insns.get(call)?;
                return insn.is_subprog_call().then_some(Back::Cleared(call));
            }
            _ => {}
        }
        Some(Back::On)
    }

    /// A call: either stepped over, or left backwards from its callee's first instruction.
    fn leave_origin(
        &self,
        idx: InsnIdx,
        call: Call,
        after: InsnIdx,
        frame: &mut FrameNo,
        wanted: &mut (FrameNo, Place),
    ) -> Option<Back> {
        if after != idx.next() {
            *frame = frame.caller()?;
            return match *wanted {
                // A callee's arguments are its caller's; those of a callback are made for it.
                (of, Place::Reg(reg)) if of > *frame => {
                    let passed = ARGS.contains(&reg) && matches!(call, Call::Subprog { .. });
                    wanted.0 = *frame;
                    passed.then_some(Back::On)
                }
                (of, Place::Slot(_)) if of > *frame => None,
                _ => Some(Back::On),
            };
        }
        Some(match *wanted {
            (of, Place::Reg(0)) if of == *frame => Back::Found(Role::Sets),
            (of, Place::Reg(reg)) if of == *frame && ARGS.contains(&reg) => Back::Found(Role::Clears),
            _ => Back::On,
        })
    }
}

/// What one instruction says.
enum Back {
    On,
    Found(Role),
    /// By this call, in whose callee the walk is.
    Cleared(InsnIdx),
}

impl Back {
    fn of(sets: bool) -> Back {
        if sets { Back::Found(Role::Sets) } else { Back::On }
    }
}

impl<'v> PathBack<'v> {
    fn new(histories: &'v Histories, state: &State, last: Option<InsnIdx>) -> Self {
        PathBack {
            first: state.first_insn_idx,
            histories,
            trail: state.history,
            at: last,
        }
    }

    /// The instruction, and what the history says of it (`get_prev_insn_idx`).
    fn step(&mut self) -> Option<(InsnIdx, Option<Hist>)> {
        let i = self.at?;
        let entry = self
            .trail
            .last
            .map(|id| *self.histories.get(id))
            .filter(|h| h.idx == i);
        let begins = self.trail.len == 0 || (self.trail.len == 1 && entry.is_some());
        self.at = match entry {
            _ if i == self.first && begins => None,
            Some(entry) => {
                self.trail = Trail {
                    last: entry.before,
                    len: self.trail.len.saturating_sub(1),
                };
                entry.prev_idx()
            }
            None => i.prev(),
        };
        Some((i, entry))
    }
}
