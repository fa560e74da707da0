//! Which states are part of a loop that is not walked to its end: their marks are not final.

mod entries;
mod scc;

use verdict_kernel::semantics::graph::{LoopEntryCopy, LoopModel, PeakStates};

pub(crate) use entries::{Entries, Node};
pub(crate) use scc::Scc;

use crate::cfg::{Components, PostOrder};
use crate::error::Res;
use crate::liveness::Chains;
use crate::observer::{Event, Observer};
use crate::state::StateId;
use crate::verifier::Verifier;

/// The loop that a match closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loop {
    /// None.
    None,
    /// One that this state is part of.
    Of(StateId),
}

impl<O: Observer> Verifier<'_, O> {
    #[inline]
    pub(super) fn by_components(&self) -> bool {
        self.kernel.semantics.graph.loop_model == LoopModel::Components
    }

    /// What is known of the program's graph before the walk, as far as this kernel asks for it.
    pub(crate) fn prepare_graph(&mut self) {
        if self.by_chains() {
            let starts = self.subprogs.iter().map(|sub| sub.start);
            self.order = PostOrder::of(&self.insns, starts);
            let subprogs = 0..self.subprogs.len();
            let functions = subprogs.map(|s| {
                let start = self.subprogs[s].start;
                (start, self.subprog_end(s).saturating_sub(start))
            });
            self.chains = Chains::new(functions.collect());
        }
        if self.by_components() {
            self.scc = Scc::new(Components::of(&self.insns));
        }
        if self.by_chains() {
            self.live_regs = self.live_registers(&self.order);
            if O::LISTENING {
                self.obs.event(Event::LiveRegs {
                    live: &self.live_regs,
                    loops: self.scc.components.all(),
                });
            }
        }
    }

    /// The unfinished loop that a checkpoint without paths left is part of.
    pub(super) fn unfinished_loop(&mut self, id: StateId) -> Loop {
        if self.by_components() {
            let state = self.search.state(id);
            return if self.scc.is_incomplete(state) {
                Loop::Of(id)
            } else {
                Loop::None
            };
        }
        let entry = self.search.entries.outermost(Node::At(id));
        match entry.filter(|entry| self.search.state(*entry).branches > 0) {
            Some(entry) => Loop::Of(entry),
            None => Loop::None,
        }
    }

    /// The current path ends in a state that `id` subsumes, which closes `of`.
    pub(super) fn close_loop(&mut self, of: Loop, id: StateId, idx: u32) -> Res<()> {
        let Loop::Of(entry) = of else { return Ok(()) };
        if self.by_components() {
            return self.add_backedge(id, idx);
        }
        self.search.join_loop(&self.cur, Node::Current, entry);
        Ok(())
    }

    /// A path has ended: states that it came from may have no paths left.
    pub(super) fn end_path(&mut self) -> Res<()> {
        if self.by_components() {
            return self.end_path_in_components();
        }
        self.search.end_path(&mut self.cur);
        Ok(())
    }

    /// The loop that a copy of the current state is part of.
    #[inline]
    pub(super) fn copied_loop_entry(&self) -> Option<StateId> {
        match self.kernel.semantics.graph.loop_entry_copy {
            LoopEntryCopy::Forgotten => None,
            LoopEntryCopy::Copied => self.search.entries.current,
        }
    }

    /// A pending path resumes; its state was in this loop. Where that is not copied, what is known of the path that
    /// ended stays.
    #[inline]
    pub(super) fn resume_in_loop(&mut self, entry: Option<StateId>) {
        if self.kernel.semantics.graph.loop_entry_copy == LoopEntryCopy::Copied {
            self.search.entries.current = entry;
        }
    }

    /// A checkpoint leaves its list; it is freed if nothing else refers to it.
    pub(super) fn evict(&mut self, id: StateId) {
        if self.by_components() {
            self.scc.note_evicted(id);
            self.free_if_unused(id);
        } else if self.search.state(id).cleaned && !self.search.entries.is_used(id) {
            self.search.release(id);
        }
        self.note_peak();
    }

    /// The footer's figure, after a state was made or freed.
    pub(super) fn note_peak(&mut self) {
        let held = self.search.held;
        let backedges = self.scc.pending;
        let peak = &mut self.stats.peak_states;
        *peak = match self.kernel.semantics.graph.peak_states {
            PeakStates::NotFreed => held,
            PeakStates::MostHeld => held.max(*peak),
            PeakStates::MostHeldBackedges => (held + backedges).max(*peak),
        };
    }
}
