//! Forks: how transfers split the walk in two.

use verdict_isa::{class, op};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::PathLimit;

use crate::error::{Failure, Res};
use crate::index::InsnIdx;
use crate::observer::{Event, Observer};
use crate::state::{Frame, State, StateId};
use crate::verifier::Verifier;

use super::search::Pending;

/// Stands for the path that was just split off: it is pending, and the newest one. To be used before the walk goes
/// on, and before the next fork.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fork(());

impl<O: Observer> Verifier<'_, O> {
    /// Splits off a copy of the current state, to resume at `idx` (`push_stack`).
    pub(crate) fn fork(&mut self, idx: InsnIdx) -> Res<Fork> {
        let state = self.walk.cur.clone();
        self.push_pending(state, idx, self.copied_loop_entry())
    }

    /// Splits off an asynchronous callback: it has no parent and starts a search of its own (`push_async_cb`).
    pub(crate) fn fork_async(&mut self, idx: InsnIdx, frame: Frame, in_sleepable: bool) -> Res<Fork> {
        let state = State {
            in_sleepable,
            ..State::new(frame)
        };
        self.push_pending(state, idx, None)
    }

    /// The state of the path that was split off.
    #[inline]
    pub(crate) fn other(&mut self, _: Fork) -> Option<&mut State> {
        self.walk
            .search
            .pending
            .last_mut()
            .map(|pending| &mut pending.state)
    }

    /// Does something to this verification and to the state of the path that was split off.
    pub(crate) fn both<R>(&mut self, _: Fork, change: impl FnOnce(&mut Self, &mut State) -> R) -> Option<R> {
        // The list is lent: nothing is split off meanwhile.
        let mut list = std::mem::take(&mut self.walk.search.pending);
        let result = list.last_mut().map(|pending| change(self, &mut pending.state));
        debug_assert!(self.walk.search.pending.is_empty(), "a fork within a fork");
        self.walk.search.pending = list;
        result
    }

    /// The errno when too many paths are pending.
    fn path_limit_errno(&self) -> Errno {
        if self.env.kernel.semantics.control.path_limit == PathLimit::TooBig {
            return Errno::E2BIG;
        }
        let insn = self.insn();
        let branches =
            matches!(insn.class(), class::JMP | class::JMP32) && !matches!(insn.op(), op::CALL | op::JCOND);
        if branches || self.calls_async_callback(self.walk.insn_idx) {
            Errno::EFAULT
        } else {
            Errno::ENOMEM
        }
    }

    #[inline]
    fn push_pending(&mut self, state: State, insn_idx: InsnIdx, loop_entry: Option<StateId>) -> Res<Fork> {
        let prev_idx = self.walk.insn_idx;
        if O::LISTENING {
            self.env.obs.event(Event::Push {
                idx: insn_idx.0,
                prev_idx: prev_idx.0,
            });
        }
        let parent = state.parent;
        self.walk.search.pending.push(Pending {
            state,
            insn_idx,
            prev_insn_idx: prev_idx,
            loop_entry,
        });
        let waiting = self.walk.search.pending.len();
        if waiting > self.env.kernel.limits.jmp_seq as usize {
            let text = format!("The sequence of {waiting} jumps is too complex.\n");
            return Err(Failure::rejected(Rule::JumpLimit, self.path_limit_errno(), text));
        }
        if let Some(parent) = parent {
            self.walk.search.state_mut(parent).branches += 1;
        }
        Ok(Fork(()))
    }
}
