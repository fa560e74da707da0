//! Loops as strongly connected components.
//!
//! A state in a component is part of a *visit*: a walk of the component in one chain of calls, which begins with
//! the first checkpoint in it and is over when that has no paths left. A state that matches one whose marks are
//! not final ends a round of the loop: it is kept as a *backedge*. As long as a visit has backedges, states in it
//! are compared in full. When it is over, precision is carried over all of its backedges until nothing changes;
//! after that all marks in it are final.

use std::num::NonZeroU32;

use crate::cfg::Components;
use crate::error::{Res, reject, say2};
use crate::index::InsnIdx;
use crate::observer::Observer;
use crate::state::{MAX_FRAMES, State, StateId};
use crate::verifier::Verifier;

/// Rounds after which everything counts as precise.
const MAX_ROUNDS: u32 = 64;

/// How a state is in a component: the calls that lead to the outermost function with one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Way {
    calls: [InsnIdx; MAX_FRAMES - 1],
    component: NonZeroU32,
}

impl Way {
    /// As the log writes it. A call at instruction 0 looks like none.
    fn name(&self) -> String {
        let calls = self.calls.iter().take_while(|call| **call != InsnIdx(0));
        let calls: String = calls.map(|call| format!("{call},")).collect();
        format!("({calls}{})", self.component)
    }
}

/// A state that ended a round of a loop.
#[derive(Debug)]
struct Backedge {
    state: State,
    idx: InsnIdx,
    /// The one that it matched.
    equal: StateId,
}

/// Walks of one component in one chain of calls.
#[derive(Debug)]
struct Visit {
    way: Way,
    /// The first checkpoint of the walk that is not over.
    entry: Option<StateId>,
    /// The newest last.
    backedges: Vec<Backedge>,
}

/// The components of a program, and their visits.
#[derive(Debug, Default)]
pub(crate) struct Scc {
    pub(crate) components: Components,
    visits: Vec<Visit>,
    /// Backedges of visits that are not over.
    pub(crate) pending: u32,
    /// Which checkpoints left their lists.
    evicted: Vec<bool>,
}

impl Scc {
    pub(crate) fn new(components: Components) -> Scc {
        Scc {
            components,
            ..Scc::default()
        }
    }

    /// Forgets all visits: the next function starts anew.
    pub(crate) fn clear(&mut self) {
        self.visits.clear();
        self.evicted.clear();
    }

    /// A checkpoint left its list.
    pub(super) fn note_evicted(&mut self, id: StateId) {
        let at = id.0 as usize;
        if self.evicted.len() <= at {
            self.evicted.resize(at + 1, false);
        }
        self.evicted[at] = true;
    }

    fn is_evicted(&self, id: StateId) -> bool {
        self.evicted.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// The outermost component that a state at `idx` is in (`compute_scc_callchain`).
    fn way(&self, state: &State, idx: InsnIdx) -> Option<Way> {
        let mut calls = [InsnIdx(0); MAX_FRAMES - 1];
        let callees = state.frames.iter().filter_map(|f| f.body.callsite);
        for (frame, at) in callees.chain(std::iter::once(idx)).enumerate() {
            if let Some(component) = self.components.at(at) {
                return Some(Way { calls, component });
            }
            if let Some(call) = calls.get_mut(frame) {
                *call = at;
            }
        }
        None
    }

    fn visit(&self, way: Way) -> Option<usize> {
        self.visits.iter().position(|visit| visit.way == way)
    }

    /// Whether paths of the loops that a checkpoint is in are not walked to their end
    /// (`incomplete_read_marks`).
    pub(crate) fn is_incomplete(&self, state: &State) -> bool {
        let way = self.way(state, state.insn_idx);
        way.and_then(|way| self.visit(way))
            .is_some_and(|at| !self.visits[at].backedges.is_empty())
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// A checkpoint was taken: it may be the first of a visit (`maybe_enter_scc`).
    pub(crate) fn enter_component(&mut self, id: StateId) {
        let state = self.walk.search.state(id);
        let Some(way) = self.walk.scc.way(state, state.insn_idx) else {
            return;
        };
        let visits = &mut self.walk.scc.visits;
        let at = visits.iter().position(|visit| visit.way == way);
        let at = at.unwrap_or_else(|| {
            visits.push(Visit {
                way,
                entry: None,
                backedges: Vec::new(),
            });
            visits.len() - 1
        });
        let visit = &mut visits[at];
        if visit.entry.is_none() {
            visit.entry = Some(id);
            say2!(self, "SCC enter {}\n", way.name());
        }
    }

    /// The current state matched one whose marks are not final (`add_scc_backedge`).
    pub(crate) fn add_backedge(&mut self, equal: StateId, idx: InsnIdx) -> Res<()> {
        let explored = self.walk.search.state(equal);
        let Some(way) = self.walk.scc.way(explored, explored.insn_idx) else {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier bug: add backedge: no SCC in verification path, insn_idx {}\n",
                explored.insn_idx
            );
        };
        let Some(at) = self.walk.scc.visit(way) else {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier bug: add backedge: no visit info for call chain {}\n",
                way.name()
            );
        };
        say2!(self, "SCC backedge {}\n", way.name());
        let state = self.walk.cur.clone();
        self.walk.scc.visits[at]
            .backedges
            .push(Backedge { state, idx, equal });
        self.walk.scc.pending += 1;
        self.note_peak();
        Ok(())
    }

    /// A state, a checkpoint or else the current one, has no paths left. If a visit began with it, that is over
    /// (`maybe_exit_scc`).
    fn exit_component(&mut self, id: Option<StateId>) -> Res<()> {
        let way = match id {
            Some(id) => {
                let state = self.walk.search.state(id);
                self.walk.scc.way(state, state.insn_idx)
            }
            None => self.walk.scc.way(&self.walk.cur, self.walk.insn_idx),
        };
        let Some(way) = way else { return Ok(()) };
        let Some(at) = self.walk.scc.visit(way) else {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier bug: scc exit: no visit info for call chain {}\n",
                way.name()
            );
        };
        let visit = &mut self.walk.scc.visits[at];
        if id.is_none() || visit.entry != id {
            return Ok(());
        }
        say2!(self, "SCC exit {}\n", way.name());
        visit.entry = None;
        let backedges = std::mem::take(&mut visit.backedges);
        self.walk.scc.pending -= backedges.len() as u32;
        self.note_peak();
        self.propagate_backedges(backedges)
    }

    /// Carries what the states need that backedges matched over to those from which the backedges came, until
    /// nothing changes (`propagate_backedges`).
    fn propagate_backedges(&mut self, mut backedges: Vec<Backedge>) -> Res<()> {
        let mut rounds = 0;
        loop {
            if rounds > MAX_ROUNDS {
                say2!(self, "propagate_backedges: too many iterations\n");
                for backedge in backedges.iter_mut().rev() {
                    self.as_current(backedge, |this, _| {
                        this.force_all_precise();
                        Ok(false)
                    })?;
                }
                return Ok(());
            }
            rounds += 1;
            let mut changed = false;
            for backedge in backedges.iter_mut().rev() {
                changed |= self.as_current(backedge, |this, equal| {
                    let read = !this.by_chains() && this.propagate_liveness(equal);
                    Ok(this.propagate_precision(equal)? || read)
                })?;
            }
            if !changed {
                return Ok(());
            }
        }
    }

    /// Does something with a backedge in place of the current state.
    fn as_current(
        &mut self,
        backedge: &mut Backedge,
        carry: impl FnOnce(&mut Self, StateId) -> Res<bool>,
    ) -> Res<bool> {
        std::mem::swap(&mut self.walk.cur, &mut backedge.state);
        let at = std::mem::replace(&mut self.walk.insn_idx, backedge.idx);
        let changed = carry(self, backedge.equal);
        std::mem::swap(&mut self.walk.cur, &mut backedge.state);
        self.walk.insn_idx = at;
        changed
    }

    /// A path has ended: its ancestors have one branch less, up to the first that has others left. Visits that
    /// began with one of the others are over, and those that no list has any more are freed
    /// (`update_branch_counts`).
    pub(crate) fn end_path_in_components(&mut self) -> Res<()> {
        self.walk.cur.branches = self.walk.cur.branches.saturating_sub(1);
        if self.walk.cur.branches > 0 {
            return Ok(());
        }
        self.exit_component(None)?;
        let mut at = self.walk.cur.parent;
        while let Some(id) = at {
            let state = self.walk.search.state_mut(id);
            state.branches = state.branches.saturating_sub(1);
            if state.branches > 0 {
                return Ok(());
            }
            at = state.parent;
            self.exit_component(Some(id))?;
            self.free_if_unused(id);
        }
        Ok(())
    }

    /// Frees a state that is in no list and has no paths left, unless backedges lead to it
    /// (`maybe_free_verifier_state`).
    pub(crate) fn free_if_unused(&mut self, id: StateId) {
        let state = self.walk.search.state(id);
        if self.walk.scc.is_evicted(id) && state.branches == 0 && !self.walk.scc.is_incomplete(state) {
            self.walk.search.release(id);
        }
    }
}
