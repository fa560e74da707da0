//! Linked scalars: those with one id, which are known to be equal or a constant apart.
//!
//! What a comparison teaches of one holds of all, so they are collected before it, told after it, and kept in
//! the history for precision to follow.

use verdict_domain::{Bounds, Rules};
use verdict_kernel::semantics::linked::{
    ConstantLink, CopyLink, LinkSet, Linked as Switches, SelfSum, SyncedLink, UnlinkedOffset,
};

use crate::explore::Fork;
use crate::index::{FrameNo, Idx, RegNo, Spi};
use crate::observer::Observer;
use crate::state::{ADD_CONST, FP, Reg, SlotType, State};
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
        let reg = self.reg(src);
        if !reg.is_scalar() {
            return;
        }
        if reg.id & ADD_CONST != 0 {
            // The copy would need the base's id and the sum of two offsets.
            let reg = self.walk.cur.reg_mut(src);
            (reg.id, reg.off) = (0, 0);
        }
        let known_too = self.env.kernel.semantics.linked.copy_link == CopyLink::Any;
        let reg = self.reg(src);
        if reg.id == 0 && (known_too || !reg.is_const()) {
            let id = self.next_id();
            self.walk.cur.reg_mut(src).id = id;
        }
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
                collect(
                    &mut self.walk.cur,
                    id,
                    max,
                    &mut set,
                    self.env.kernel.semantics.linked.unlinked_offset,
                );
            }
        }
        if set.len() > 1 {
            self.push_history(0, pack_linked(&set));
            self.trace_linked(&set);
        }
        set
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
        let (rules, link) = (self.env.rules, self.env.kernel.semantics.linked.synced_link);
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
            }
        }
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// What was learnt of a number holds of all that is linked with it, in this path.
    pub(crate) fn tell_linked_here(&mut self, known: RegNo, linked: &[Linked]) {
        let (rules, link) = (self.env.rules, self.env.kernel.semantics.linked.synced_link);
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

/// What is still known of a scalar's link after arithmetic: that it is a constant further, if `added` is what was
/// added to all 64 bits of it.
pub(crate) fn link_after_arithmetic(reg: &mut Reg, added: Option<u64>, switches: &Switches) {
    match added {
        Some(constant) if reg.id != 0 && switches.constant_link == ConstantLink::Kept => {
            if reg.id & ADD_CONST != 0 || constant > i32::MAX as u64 {
                (reg.id, reg.off) = (0, 0);
            } else {
                reg.id |= ADD_CONST;
                reg.off = constant as i32;
            }
        }
        _ => unlink(reg, switches.unlinked_offset),
    }
}

/// The constant that `dst += src` adds, `src` being read before and `dst` after the addition.
pub(crate) fn constant_added(dst: &Bounds, src: &Bounds, same: bool, switch: SelfSum) -> Option<u64> {
    match (same, switch) {
        (true, SelfSum::Unlinked) => None,
        // Quirk: the operand is read when it already is the sum.
        (true, SelfSum::Linked) => dst.const_value(),
        (false, _) => src.const_value(),
    }
}

/// Unlinks a scalar.
pub(crate) fn unlink(reg: &mut Reg, offset: UnlinkedOffset) {
    reg.id = 0;
    if offset == UnlinkedOffset::Cleared {
        reg.off = 0;
    }
}

/// Adds scalars with a base id to a linked set, registers before slots, the executing frame first.
fn collect(state: &mut State, id: u32, max: usize, set: &mut Vec<Linked>, offset: UnlinkedOffset) {
    let linked = |r: &Reg| r.is_scalar() && r.id & !ADD_CONST == id;
    for f in state.frames.numbers().rev() {
        for r in FP.below() {
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

/// Copies what is known of a register to the scalars linked with it, plus the constant between them
/// (`sync_linked_regs`).
fn sync_linked(state: &mut State, known_no: RegNo, set: &[Linked], rules: Rules, link: SyncedLink) {
    let top = state.curframe();
    for l in set {
        let (f, i) = (FrameNo::from(l.frame), l.index);
        if l.is_reg && f == top && RegNo(i) == known_no {
            continue;
        }
        let known = *state.reg(known_no);
        let current = if l.is_reg {
            state.frames[f].body.regs[RegNo(i)]
        } else {
            match state.frames[f].body.stack.get(Spi(i.into())) {
                Some(slot) => *slot.reg(),
                None => continue,
            }
        };
        if !current.is_scalar() || current.id & !ADD_CONST != known.id & !ADD_CONST {
            continue;
        }
        let mut synced = known;
        let plain = current.id & ADD_CONST == 0 && known.id & ADD_CONST == 0;
        if !plain && current.off != known.off {
            // Quirk: the bounds are not deduced from one another after the addition.
            let delta = i64::from(current.off.wrapping_sub(known.off)) as u64;
            synced.b = known.b.add_unsynced(&Bounds::constant(delta), rules);
            synced.off = current.off;
            if link == SyncedLink::Own {
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
