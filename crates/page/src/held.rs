//! What a state holds beside values: references, locks, regions.

use std::fmt::Write as _;

use verdict_engine::state::{RefKind, State};

/// In words; empty if it holds nothing.
pub(crate) fn held_text(state: &State) -> String {
    let mut parts = Vec::new();
    let of_frames = state.frames.iter().flat_map(|slot| slot.body.refs.iter());
    for held in state.refs.iter().chain(of_frames).filter(|held| held.id != 0) {
        let what = match held.kind {
            RefKind::Object => "reference",
            RefKind::Irq => "saved interrupt flags",
            RefKind::Lock => "lock",
            RefKind::ResLock => "resilient lock",
            RefKind::ResLockIrq => "resilient lock with interrupt flags",
        };
        parts.push(format!("{what} {} (insn {})", held.id, held.insn_idx));
    }
    let locked = parts.iter().any(|part| part.contains("lock"));
    if let Some(lock) = &state.active_lock
        && !locked
    {
        parts.push(format!("lock in value {}", lock.id));
    }
    if state.active_rcu_locks != 0 {
        parts.push("RCU read lock".to_owned());
    }
    if state.active_preempt_lock > 0 {
        let mut text = "preemption disabled".to_owned();
        if state.active_preempt_lock > 1 {
            // Writing to a String cannot fail.
            let _ = write!(text, " {} times", state.active_preempt_lock);
        }
        parts.push(text);
    }
    parts.join(", ")
}
