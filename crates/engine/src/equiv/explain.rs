//! Why an explored state does not stand for the current one.
//!
//! The comparison itself only says no, as fast as it can. This walks the two states once more, in the same
//! order and with the same rules, and names the first thing that differs. Nobody but a listener pays for it.

use verdict_kernel::semantics::graph::Graph;
use verdict_kernel::types::{RegBase, RegType};

use super::{
    Exact, IdMap, Manner, lock_ids_alike, locks_alike, range_and_tnum, refs_safe, reg_safe, slot_safe,
};
use crate::index::{FrameNo, RegNo, Spi};
use crate::state::{ADD_CONST, FP, Frame, FrameSlot, Reg, Slot, SlotType, SlotTypes, State};

/// Why an explored state did not stand for the current one: the first difference, in the order of comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MissReason {
    /// The explored state is on the current path, at an instruction where loops are not known to end: it is
    /// only compared to tell an endless loop.
    OnPath,
    /// It belongs to another run of an asynchronous callback.
    AsyncEntry,
    /// The values match, but the iterator of this call is not active any more.
    IteratorDone,
    /// Another number of frames.
    Frames {
        /// That of the explored state.
        explored: usize,
        /// That of the current one.
        current: usize,
    },
    /// Another spin lock is held, or none.
    Lock,
    /// Inside and outside an RCU read section.
    RcuLock,
    /// Preemption is disabled another number of times.
    PreemptLock,
    /// Sleeping is allowed in one only.
    Sleepable,
    /// A frame was called from elsewhere.
    Callsite {
        /// The frame.
        frame: FrameNo,
    },
    /// The explored state has unrolled a callback further.
    CallbackDepth {
        /// The frame.
        frame: FrameNo,
    },
    /// A register differs.
    Reg {
        /// Its frame.
        frame: FrameNo,
        /// Its number.
        reg: RegNo,
        /// In what.
        what: Unlike,
    },
    /// A stack slot differs.
    Slot {
        /// Its frame.
        frame: FrameNo,
        /// Its number; slot 0 is `fp-8`.
        slot: Spi,
        /// In what.
        what: Unlike,
    },
    /// Other resources are held.
    Resources {
        /// The frame that holds them.
        frame: FrameNo,
    },
}

/// In what a value of the explored state and that of the current one are unlike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Unlike {
    /// The current state has nothing there.
    Missing,
    /// Another kind of value, or other flags.
    Type {
        /// The explored value's.
        explored: RegType,
        /// The current value's.
        current: RegType,
    },
    /// The slot's bytes hold other kinds of data.
    Bytes {
        /// Those of the explored slot, the highest address first.
        explored: SlotTypes,
        /// Those of the current one.
        current: SlotTypes,
    },
    /// Another constant part of the offset.
    Offset,
    /// Another map, BTF type, memory size, dynptr or iterator.
    Payload,
    /// Less of the packet is known to be there.
    PacketRange,
    /// A value outside the explored range (or other bits known); a constant that differs is the usual case.
    Range {
        /// Whether the explored path relied on the value, or the comparison asks for all values.
        precise: bool,
    },
    /// Linked to other values than in the explored state.
    Ids,
    /// Points into the stack of another frame.
    Frame,
}

/// The first difference that keeps `old` from standing for `cur`; `None` if there is none.
pub(crate) fn first_difference(
    old: &State,
    cur: &State,
    exact: Exact,
    rules: &Graph,
    id_gen: u32,
) -> Option<MissReason> {
    if let Some(reason) = whole_state(old, cur) {
        return Some(reason);
    }
    let mut ids = IdMap::default();
    ids.reset(id_gen, rules);
    let how = Manner {
        exact,
        rules,
        cleaned: old.cleaned,
    };
    if !lock_ids_alike(old, cur, &mut ids) {
        return Some(MissReason::Lock);
    }
    old.frames
        .enumerated()
        .zip(cur.frames.iter())
        .find_map(|((frame, o), c)| {
            if o.body.callsite != c.body.callsite {
                return Some(MissReason::Callsite { frame });
            }
            frame_difference(frame, o, &c.body, &how, &mut ids)
        })
}

fn whole_state(old: &State, cur: &State) -> Option<MissReason> {
    let (explored, current) = (old.frames.len(), cur.frames.len());
    if explored != current {
        Some(MissReason::Frames { explored, current })
    } else if !locks_alike(old, cur) {
        Some(MissReason::Lock)
    } else if old.active_rcu_locks != cur.active_rcu_locks {
        Some(MissReason::RcuLock)
    } else if old.active_preempt_lock != cur.active_preempt_lock {
        Some(MissReason::PreemptLock)
    } else if old.in_sleepable != cur.in_sleepable {
        Some(MissReason::Sleepable)
    } else {
        None
    }
}

fn frame_difference(
    frame: FrameNo,
    old: &FrameSlot,
    cur: &Frame,
    how: &Manner<'_>,
    ids: &mut IdMap,
) -> Option<MissReason> {
    let Manner { exact, cleaned, .. } = *how;
    if old.body.callback_depth > cur.callback_depth {
        return Some(MissReason::CallbackDepth { frame });
    }
    let marks = &old.marks;
    let read = marks.read32 | marks.read64;
    for reg in RegNo::all() {
        let is_read = reg.is_in(read);
        if !reg.is_in(how.regs(old)) {
            continue;
        }
        let gone = cleaned && !is_read && reg != FP;
        let explored = if gone { &Reg::NOT_INIT } else { &old.body.regs[reg] };
        let precise = reg.is_in(marks.precise);
        if !reg_safe(explored, precise, &cur.regs[reg], ids, how) {
            let what = unlike_regs(explored, precise || exact != Exact::Needed, &cur.regs[reg]);
            return Some(MissReason::Reg { frame, reg, what });
        }
    }
    for (slot, explored) in old.body.stack.slots().enumerated() {
        let is_read = slot.is_in(marks.slot_read);
        if !is_read && exact == Exact::Needed {
            continue;
        }
        let gone = Slot::default();
        let explored = if cleaned && !is_read { &gone } else { explored };
        let precise = slot.is_in(marks.slot_precise);
        let current = cur.stack.get(slot);
        if !slot_safe(explored, precise, current, how, ids) {
            let what = unlike_slots(explored, precise || exact != Exact::Needed, current);
            return Some(MissReason::Slot { frame, slot, what });
        }
    }
    (!refs_safe(&old.body, cur, ids)).then_some(MissReason::Resources { frame })
}

/// In what two values are unlike that were found not to match.
fn unlike_regs(old: &Reg, precise: bool, cur: &Reg) -> Unlike {
    if cur.is_not_init() {
        Unlike::Missing
    } else if old.ty != cur.ty {
        Unlike::Type {
            explored: old.ty,
            current: cur.ty,
        }
    } else if old.is_scalar() {
        let both_or_none = (old.id ^ cur.id) & ADD_CONST == 0;
        if range_and_tnum(old, cur) || !both_or_none {
            Unlike::Ids
        } else {
            Unlike::Range { precise }
        }
    } else if old.off != cur.off {
        Unlike::Offset
    } else if old.is_pkt() && old.range() != cur.range() {
        Unlike::PacketRange
    } else if old.raw != cur.raw {
        Unlike::Payload
    } else if !range_and_tnum(old, cur) {
        Unlike::Range { precise: true }
    } else if old.is(RegBase::Stack) && old.frameno != cur.frameno {
        Unlike::Frame
    } else {
        Unlike::Ids
    }
}

fn unlike_slots(old: &Slot, precise: bool, cur: Option<&Slot>) -> Unlike {
    let Some(cur) = cur else { return Unlike::Missing };
    let both = |ty| old.types.is(7, ty) && cur.types.is(7, ty);
    if cur.types == SlotTypes::NONE {
        Unlike::Missing
    } else if both(SlotType::Spill) && old.types == cur.types {
        unlike_regs(old.reg(), precise, cur.reg())
    } else if (both(SlotType::Dynptr) || both(SlotType::Iter)) && old.types == cur.types {
        let same = old.reg().ty == cur.reg().ty && old.reg().raw == cur.reg().raw;
        if same { Unlike::Ids } else { Unlike::Payload }
    } else {
        Unlike::Bytes {
            explored: old.types,
            current: cur.types,
        }
    }
}
