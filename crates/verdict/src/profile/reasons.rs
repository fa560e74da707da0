//! Why states did not match: counted by instruction, and put into words.

use std::collections::BTreeMap;

use verdict_domain::Bounds;
use verdict_engine::observer::{MissReason, Unlike};
use verdict_engine::reg_type_str;
use verdict_engine::state::{Reg, SlotType, SlotTypes, State};
use verdict_kernel::semantics::log::TypeNames;
use verdict_report::profile::Mismatch;

/// Most reasons that are told apart at one instruction.
const MAX_REASONS: usize = 64;

/// Reasons by instruction.
#[derive(Default)]
pub(super) struct Reasons {
    found: BTreeMap<u32, AtInsn>,
}

#[derive(Default)]
struct AtInsn {
    reasons: Vec<(MissReason, u64, String)>,
    /// Misses for reasons beyond the limit.
    others: u64,
}

impl Reasons {
    /// Counts a miss.
    pub(super) fn count(&mut self, idx: u32, reason: MissReason, explored: &State, current: &State) {
        let at = self.found.entry(idx).or_default();
        if let Some(found) = at.reasons.iter().position(|(known, ..)| *known == reason) {
            if let Some((_, count, _)) = at.reasons.get_mut(found) {
                *count += 1;
            }
            // Frequent ones are found soon.
            at.reasons.swap(found, found / 2);
        } else if at.reasons.len() < MAX_REASONS {
            at.reasons.push((reason, 1, example(&reason, explored, current)));
        } else {
            at.others += 1;
        }
    }

    /// All of them, by instruction, the most frequent first.
    pub(super) fn finish(self) -> Vec<Mismatch> {
        let mut all = Vec::new();
        for (insn, at) in self.found {
            let mismatch = |what, why, example, count| Mismatch {
                insn,
                what,
                why,
                example,
                count,
            };
            let mut here: Vec<_> = at
                .reasons
                .into_iter()
                .map(|(reason, count, example)| mismatch(what(&reason), why(&reason), example, count))
                .collect();
            if at.others > 0 {
                here.push(mismatch(
                    "others".to_owned(),
                    String::new(),
                    String::new(),
                    at.others,
                ));
            }
            here.sort_by(|a, b| (b.count, &a.what, &a.why).cmp(&(a.count, &b.what, &b.why)));
            all.extend(here);
        }
        all
    }
}

/// What differed.
fn what(reason: &MissReason) -> String {
    match *reason {
        MissReason::OnPath | MissReason::Sleepable => "state".to_owned(),
        MissReason::AsyncEntry => "callback".to_owned(),
        MissReason::IteratorDone => "iterator".to_owned(),
        MissReason::Frames { .. } => "frames".to_owned(),
        MissReason::Lock => "spin lock".to_owned(),
        MissReason::RcuLock => "RCU section".to_owned(),
        MissReason::PreemptLock => "preemption".to_owned(),
        MissReason::Callsite { frame } | MissReason::CallbackDepth { frame } => format!("frame {frame}"),
        MissReason::Reg { frame, reg, .. } => format!("r{reg} of frame {frame}"),
        MissReason::Slot { frame, slot, .. } => format!("fp{} of frame {frame}", slot.off()),
        MissReason::Resources { frame } => format!("resources of frame {frame}"),
        _ => "state".to_owned(),
    }
}

/// In what it differed.
fn why(reason: &MissReason) -> String {
    let words = match *reason {
        MissReason::OnPath => "on this very path: compared only to tell an endless loop",
        MissReason::AsyncEntry => "another run of the asynchronous callback",
        MissReason::IteratorDone => "not active any more",
        MissReason::Frames { explored, current } => return format!("{explored} explored, {current} now"),
        MissReason::Lock => "another one is held, or none",
        MissReason::RcuLock => "inside and outside",
        MissReason::PreemptLock => "disabled another number of times",
        MissReason::Sleepable => "sleeping is allowed in one only",
        MissReason::Callsite { .. } => "called from elsewhere",
        MissReason::CallbackDepth { .. } => "callback unrolled further than now",
        MissReason::Resources { .. } => "others are held",
        MissReason::Reg { what, .. } | MissReason::Slot { what, .. } => return unlike(what),
        _ => "another one",
    };
    words.to_owned()
}

fn unlike(what: Unlike) -> String {
    let words = match what {
        Unlike::Missing => "nothing there now",
        Unlike::Type { explored, current } => {
            return format!("{} explored, {} now", type_name(explored), type_name(current));
        }
        Unlike::Bytes { explored, current } => {
            return format!("bytes {} explored, {} now", letters(explored), letters(current));
        }
        Unlike::Offset => "another offset",
        Unlike::Payload => "another map, type, size, dynptr or iterator",
        Unlike::PacketRange => "less of the packet is known",
        Unlike::Range { precise: true } => "outside the explored range, which was relied upon",
        Unlike::Range { precise: false } => "outside the explored range",
        Unlike::Ids => "linked to other values",
        Unlike::Frame => "stack of another frame",
        _ => "another value",
    };
    words.to_owned()
}

fn type_name(ty: verdict_kernel::types::RegType) -> String {
    let name = reg_type_str(ty, TypeNames::AllFlags);
    if name.is_empty() {
        "nothing".to_owned()
    } else {
        name
    }
}

/// The bytes of a slot as the kernel's log shows them, the highest address first.
fn letters(types: SlotTypes) -> String {
    types.iter().rev().map(SlotType::letter).collect()
}

/// The values that differed, where they are short to say.
fn example(reason: &MissReason, explored: &State, current: &State) -> String {
    let values = match *reason {
        MissReason::Reg { frame, reg, what } => {
            let of = |state: &State| state.frames.get(frame)?.body.regs.get(reg).copied();
            of(explored).zip(of(current)).map(|pair| (what, pair))
        }
        MissReason::Slot { frame, slot, what } => {
            let of = |state: &State| Some(*state.frames.get(frame)?.body.stack.get(slot)?.reg());
            of(explored).zip(of(current)).map(|pair| (what, pair))
        }
        _ => None,
    };
    let Some((what, (explored, current))) = values else {
        return String::new();
    };
    let show: fn(&Reg) -> String = match what {
        Unlike::Range { .. } => |reg| range(&reg.b),
        Unlike::Offset => |reg| reg.off.to_string(),
        Unlike::PacketRange => |reg| reg.range().to_string(),
        _ => return String::new(),
    };
    format!("{} explored, {} now", show(&explored), show(&current))
}

fn range(bounds: &Bounds) -> String {
    match bounds.const_value() {
        Some(value) if value as i64 > -4096 => (value as i64).to_string(),
        Some(value) => format!("{value:#x}"),
        None if bounds.smin() >= 0 || bounds.smin() > i64::from(i32::MIN) => {
            format!("{}..{}", bounds.smin(), bounds.smax())
        }
        None => format!("{}..{}", bounds.umin(), bounds.umax()),
    }
}
