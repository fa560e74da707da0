//! Linked scalars: those with one id, which are known to be equal or a constant apart.
//!
//! What a comparison teaches of one holds of all, so they are collected before it, told after it, and kept in
//! the history for precision to follow.

use verdict_domain::{AluOp, Bounds, Rules, Width};
use verdict_kernel::semantics::linked::{
    ConstantLink, CopyLink, LinkSet, Linked as Switches, LinkedSum, SelfSum, SyncedLink, UnlinkedOffset,
};
use verdict_kernel::semantics::log::ShownLinks;

use crate::explore::Fork;
use crate::index::{FrameNo, Idx, RegNo, Spi};
use crate::observer::Observer;
use crate::state::{ADD_CONST, ADD_CONST_32, ADD_CONST_64, FP, Reg, SlotType, State};
use crate::verifier::Verifier;

/// Members of a set of scalars known to be equal but for a constant, at most six.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Linked {
    /// Its frame.
    pub(crate) frame: u8,
    /// Register, or slot.
    pub(crate) index: u8,
    /// Whether it is a register.
    pub(crate) is_reg: bool,
}

/// Packs a linked set for a history entry: ten bits a member, four for the count.
pub(crate) fn pack_linked(set: &[Linked]) -> u64 {
    let members = set.iter().fold(0u64, |packed, l| {
        packed << 10 | u64::from(l.frame & 7) | u64::from(l.index & 0x3f) << 3 | u64::from(l.is_reg) << 9
    });
    members << 4 | set.len() as u64
}

/// The members of a packed set.
pub(crate) fn unpack_linked(packed: u64) -> impl Iterator<Item = Linked> {
    (0..(packed & 0xf) as u32).map(move |i| {
        let e = packed >> (4 + 10 * i);
        Linked {
            frame: (e & 7) as u8,
            index: (e >> 3 & 0x3f) as u8,
            is_reg: e >> 9 & 1 != 0,
        }
    })
}

impl<O: Observer> Verifier<'_, O> {
    /// Gives an unknown scalar an id before it is copied, so that copies learn from one another
    /// (`assign_scalar_id_before_mov`).
    pub(crate) fn assign_scalar_id(&mut self, src: RegNo) {
        let reg = *self.reg(src);
        if reg.is_scalar() {
            let linked = self.with_scalar_id(reg);
            if linked.id != reg.id {
                *self.walk.cur.reg_mut(src) = linked;
            }
        }
    }

    /// The same of a scalar that lies anywhere.
    pub(crate) fn with_scalar_id(&mut self, mut reg: Reg) -> Reg {
        if reg.id & ADD_CONST != 0 {
            // The copy would need the base's id and the sum of two offsets.
            (reg.id, reg.off) = (0, 0);
        }
        let known_too = self.env.kernel.semantics.linked.copy_link == CopyLink::Any;
        if reg.id == 0 && (known_too || !reg.is_const()) {
            reg.id = self.next_id();
        }
        reg
    }

    /// Scalars that are linked with an operand of a comparison, those of the source first; members that find no
    /// room are unlinked. A register that both operands are linked with is found twice.
    pub(crate) fn collect_linked(&mut self, dst: RegNo, src: Option<RegNo>) -> Vec<Linked> {
        let mut set = Vec::new();
        if self.env.kernel.semantics.linked.link_set == LinkSet::All {
            return set;
        }
        for operand in src.into_iter().chain([dst]) {
            // Collecting for the source may have unlinked the destination.
            let reg = self.reg(operand);
            if reg.is_scalar() && reg.id != 0 {
                let (id, max) = (reg.id & !ADD_CONST, self.env.kernel.limits.linked_regs as usize);
                self.collect(id, max, &mut set);
            }
        }
        if set.len() > 1 {
            self.push_history(0, pack_linked(&set));
            self.trace_linked(&set);
        }
        set
    }

    /// Adds scalars with a base id to a linked set, registers before slots, the executing frame first.
    fn collect(&mut self, id: u32, max: usize, set: &mut Vec<Linked>) {
        let switches = &self.env.kernel.semantics.linked;
        let (offset, live_only) = (switches.unlinked_offset, switches.link_set == LinkSet::Live);
        let state = &mut self.walk.cur;
        let linked = |r: &Reg| r.is_scalar() && r.id & !ADD_CONST == id;
        let mut at = Some(self.walk.insn_idx);
        for f in state.frames.numbers().rev() {
            let live = match at.and_then(|at| self.program.live_regs.get(at)) {
                Some(live) if live_only => *live,
                _ => u16::MAX,
            };
            at = state.frames[f].body.callsite;
            for r in FP.below().filter(|r| r.is_in(live)) {
                if linked(&state.frames[f].body.regs[r]) {
                    if set.len() < max {
                        set.push(Linked {
                            frame: f.0 as u8,
                            index: r.0,
                            is_reg: true,
                        });
                    } else {
                        unlink(&mut state.frame_at_mut(f).regs[r], offset);
                    }
                }
            }
            // Nothing is written but what is one too many: a second owner costs nothing.
            let stack = state.frames[f].body.stack.clone();
            for (spi, slot) in stack.slots().enumerated() {
                if slot.is_spill() && linked(slot.reg()) {
                    if set.len() < max {
                        set.push(Linked {
                            frame: f.0 as u8,
                            index: spi.0 as u8,
                            is_reg: false,
                        });
                    } else if let Some(slot) = state.frame_at_mut(f).stack.get_mut(spi) {
                        unlink(slot.reg_mut(), offset);
                    }
                }
            }
        }
    }

    /// Backwards from here a member of a set stands for all of them.
    fn trace_linked(&mut self, set: &[Linked]) {
        let top = self.walk.cur.curframe();
        let own = |l: &Linked| l.is_reg && FrameNo::from(l.frame) == top;
        let regs = set
            .iter()
            .filter(|l| own(l))
            .fold(0, |regs, l| regs | RegNo(l.index).bit());
        if set.iter().all(own) {
            self.trace_together(regs);
        } else {
            self.walk.cur.marks_mut().traced &= !regs;
        }
    }

    /// What was learnt of an operand holds of all that is linked with it, in this path and in the one that was
    /// split off.
    pub(crate) fn tell_linked(&mut self, dst: RegNo, src: Option<RegNo>, linked: &[Linked], fork: Fork) {
        let (rules, link) = (self.env.rules, &self.env.kernel.semantics.linked);
        if self.env.kernel.semantics.linked.link_set == LinkSet::All {
            self.tell_all(dst, src, fork);
            return;
        }
        for operand in src.into_iter().chain([dst]) {
            let reg = self.reg(operand);
            if reg.is_scalar() && reg.id != 0 {
                sync_linked(&mut self.walk.cur, operand, linked, rules, link);
                if let Some(other) = self.other(fork) {
                    sync_linked(other, operand, linked, rules, link);
                }
                self.show_told(operand, linked);
            }
        }
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Shows what learnt of a comparison, where that is done.
    fn show_told(&mut self, known_no: RegNo, linked: &[Linked]) {
        if !O::LISTENING || self.env.kernel.semantics.log.shown_links == ShownLinks::Compared {
            return;
        }
        for l in linked {
            if counterpart(&self.walk.cur, known_no, l).is_none() {
                continue;
            }
            match l.is_reg {
                true => self.scratch_reg(RegNo(l.index)),
                false => self.scratch_slot(Spi(l.index.into())),
            }
        }
    }

    /// What was learnt of a number holds of all that is linked with it, in this path.
    pub(crate) fn tell_linked_here(&mut self, known: RegNo, linked: &[Linked]) {
        let (rules, link) = (self.env.rules, &self.env.kernel.semantics.linked);
        let reg = self.reg(known);
        if reg.is_scalar() && reg.id != 0 {
            if self.env.kernel.semantics.linked.link_set == LinkSet::All {
                copy_to_all(&mut self.walk.cur, known);
            } else {
                sync_linked(&mut self.walk.cur, known, linked, rules, link);
            }
        }
    }

    /// The same, where all that have the operand's id learn (`find_equal_scalars`).
    fn tell_all(&mut self, dst: RegNo, src: Option<RegNo>, fork: Fork) {
        let numbers = |this: &Self, src: RegNo| this.reg(src).is_scalar() && this.reg(dst).is_scalar();
        let src = src.filter(|src| numbers(self, *src));
        for operand in src.into_iter().chain([dst]) {
            let reg = self.reg(operand);
            if reg.is_scalar() && reg.id != 0 {
                copy_to_all(&mut self.walk.cur, operand);
                if let Some(other) = self.other(fork) {
                    copy_to_all(other, operand);
                }
            }
        }
    }
}

/// Copies a register of the executing frame to all scalars with its id.
fn copy_to_all(state: &mut State, known_no: RegNo) {
    let known = *state.reg(known_no);
    let precise = known_no.is_in(state.frames[state.curframe()].marks.precise);
    let linked = |r: &Reg| r.is_scalar() && r.id == known.id;
    for f in state.frames.numbers() {
        for r in FP.below() {
            if linked(&state.frames[f].body.regs[r]) {
                state.frame_at_mut(f).regs[r] = known;
                let marks = &mut state.frames[f].marks.precise;
                *marks = *marks & !r.bit() | if precise { r.bit() } else { 0 };
            }
        }
        for spi in (0..state.frames[f].body.stack.len().min(64)).map(Spi::new) {
            let Some(slot) = state.frames[f].body.stack.get(spi) else {
                continue;
            };
            // A quirk: what is spilled with fewer than eight bytes is not found.
            if slot.types.is(0, SlotType::Spill) && linked(slot.reg()) {
                if let Some(slot) = state.frame_at_mut(f).stack.get_mut(spi) {
                    slot.set_reg(known);
                }
                let marks = &mut state.frames[f].marks.slot_precise;
                *marks = *marks & !spi.bit() | if precise { spi.bit() } else { 0 };
            }
        }
    }
}

/// What arithmetic makes of a scalar's link.
#[derive(Clone, Copy)]
pub(crate) enum Added {
    /// It is not the addition of a constant: the link is lost.
    No,
    /// The constant does not fit.
    TooMuch,
    /// A constant, and the flag of such a link.
    Constant(i32, u32),
}

/// What is still known of a scalar's link after arithmetic.
pub(crate) fn link_after_arithmetic(reg: &mut Reg, added: Added, offset: UnlinkedOffset) {
    match added {
        Added::Constant(constant, flag) if reg.id != 0 && reg.id & ADD_CONST == 0 => {
            reg.id |= flag;
            reg.off = constant;
        }
        Added::Constant(..) | Added::TooMuch if reg.id != 0 => (reg.id, reg.off) = (0, 0),
        _ => unlink(reg, offset),
    }
}

/// Arithmetic whose result may still be linked with its operand.
pub(crate) struct Sum {
    pub(crate) width: Width,
    pub(crate) op: AluOp,
    /// Whether the operands are one register.
    pub(crate) same: bool,
    /// The most that the first operand may have been.
    pub(crate) umax: u64,
}

impl Sum {
    /// What it adds; `dst` being read after the addition, `src` before.
    pub(crate) fn added(&self, dst: &Bounds, src: &Bounds, switches: &Switches) -> Added {
        match switches.constant_link {
            ConstantLink::Kept => self.unsigned(dst, src, switches.self_sum),
            ConstantLink::Signed => self.signed(src),
            ConstantLink::Lost => Added::No,
        }
    }

    /// The same, where only numbers that are not negative are added to all 64 bits.
    fn unsigned(&self, dst: &Bounds, src: &Bounds, switch: SelfSum) -> Added {
        if self.op != AluOp::Add || !self.width.is_64() {
            return Added::No;
        }
        let constant = match (self.same, switch) {
            (true, SelfSum::Unlinked) => None,
            // Quirk: the operand is read when it already is the sum.
            (true, SelfSum::Linked) => dst.const_value(),
            (false, _) => src.const_value(),
        };
        constant.map_or(Added::No, |constant| {
            i32::try_from(constant).map_or(Added::TooMuch, |constant| Added::Constant(constant, ADD_CONST_64))
        })
    }

    /// The same, where a constant may be negative, subtracted, or added to the low half.
    fn signed(&self, src: &Bounds) -> Added {
        let constant = match self.width {
            Width::W64 => src.const_value().map(|constant| constant as i64),
            Width::W32 => src
                .subreg_const_value()
                .map(|constant| i64::from(constant as i32)),
        };
        let Some(constant) = constant.filter(|_| !self.same) else {
            return Added::No;
        };
        let negated = match self.op {
            AluOp::Add => false,
            AluOp::Sub => true,
            _ => return Added::No,
        };
        if !self.width.is_64() && self.umax > u64::from(u32::MAX) {
            return Added::TooMuch;
        }
        let constant = i32::try_from(constant).ok();
        let constant = match negated {
            true => constant.and_then(i32::checked_neg),
            false => constant,
        };
        let flag = match self.width {
            Width::W64 => ADD_CONST_64,
            Width::W32 => ADD_CONST_32,
        };
        constant.map_or(Added::TooMuch, |constant| Added::Constant(constant, flag))
    }
}

/// Unlinks a scalar.
pub(crate) fn unlink(reg: &mut Reg, offset: UnlinkedOffset) {
    reg.id = 0;
    if offset == UnlinkedOffset::Cleared {
        reg.off = 0;
    }
}

/// A register of the executing frame and a member of a linked set, if the one tells something of the other.
fn counterpart(state: &State, known_no: RegNo, l: &Linked) -> Option<(Reg, Reg)> {
    let (f, i) = (FrameNo::from(l.frame), l.index);
    if l.is_reg && f == state.curframe() && RegNo(i) == known_no {
        return None;
    }
    let known = *state.reg(known_no);
    let current = if l.is_reg {
        state.frames[f].body.regs[RegNo(i)]
    } else {
        *state.frames[f].body.stack.get(Spi(i.into()))?.reg()
    };
    let same = current.is_scalar() && current.id & !ADD_CONST == known.id & !ADD_CONST;
    // A sum of all bits says nothing of one of the low half.
    let mixed = (current.id ^ known.id) & ADD_CONST == ADD_CONST;
    (same && !mixed).then_some((known, current))
}

/// Copies what is known of a register to the scalars linked with it, plus the constant between them
/// (`sync_linked_regs`).
fn sync_linked(state: &mut State, known_no: RegNo, set: &[Linked], rules: Rules, switches: &Switches) {
    for l in set {
        let Some((known, current)) = counterpart(state, known_no, l) else {
            continue;
        };
        let (f, i) = (FrameNo::from(l.frame), l.index);
        let mut synced = known;
        let plain = current.id & ADD_CONST == 0 && known.id & ADD_CONST == 0;
        if !plain && current.off != known.off {
            let delta = match switches.constant_link {
                ConstantLink::Signed => i64::from(current.off) - i64::from(known.off),
                ConstantLink::Kept | ConstantLink::Lost => i64::from(current.off.wrapping_sub(known.off)),
            };
            synced.b = known.b.add_unsynced(&Bounds::constant(delta as u64), rules);
            if (current.id | known.id) & ADD_CONST_32 != 0 {
                synced.b.zext_32();
            }
            if switches.linked_sum == LinkedSum::Complete {
                synced.b.sync(rules);
            }
            synced.off = current.off;
            if switches.synced_link == SyncedLink::Own {
                synced.id = current.id;
            }
        }
        if l.is_reg {
            state.frame_at_mut(f).regs[RegNo(i)] = synced;
        } else if let Some(slot) = state.frame_at_mut(f).stack.get_mut(Spi(i.into())) {
            slot.set_reg(synced);
        }
    }
}
