//! Which states are part of a loop that is not walked to its end: their marks are not final.

mod entries;
mod scc;

use verdict_kernel::semantics::graph::{CallbackLoop, Liveness, LoopEntryCopy, LoopModel, PeakStates};
use verdict_kernel::semantics::linked::LinkSet;

pub(crate) use entries::{Entries, Node};
pub(crate) use scc::Scc;

use crate::cfg::{Components, PostOrder};
use crate::error::Res;
use crate::index::InsnIdx;
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
        self.env.kernel.semantics.graph.loop_model == LoopModel::Components
    }

    /// What is known of the program's graph before the walk, as far as this kernel asks for it.
    pub(crate) fn prepare_graph(&mut self) {
        let semantics = &self.env.kernel.semantics;
        let by_text =
            semantics.graph.liveness != Liveness::ReadMarks || semantics.linked.link_set == LinkSet::Live;
        if by_text {
            let starts = self.program.subprogs.iter().map(|sub| sub.start);
            self.program.order = PostOrder::of(&self.program.insns, starts);
        }
        if self.by_chains() {
            let functions = self.program.subprogs.indices().map(|s| {
                let start = self.program.subprogs[s].start;
                (start, self.subprog_end(s).0.saturating_sub(start.0))
            });
            self.walk.chains = Chains::new(functions.collect());
        }
        let graph = &self.env.kernel.semantics.graph;
        self.walk.search.entries.counted =
            graph.loop_model == LoopModel::LoopEntries && graph.peak_states == PeakStates::MostHeld;
        if self.by_components() {
            let own = self.env.kernel.semantics.graph.callback_loop == CallbackLoop::Own;
            let aux = &self.program.aux;
            let components = Components::of(&self.program.insns, |idx| own && aux[idx].calls_callback);
            self.walk.scc = Scc::new(components);
        }
        if by_text {
            self.program.live_regs = self.live_registers(&self.program.order);
            if O::LISTENING {
                self.env.obs.event(Event::LiveRegs {
                    live: self.program.live_regs.as_slice(),
                    loops: self.walk.scc.components.all(),
                });
            }
        }
    }

    /// The unfinished loop that a checkpoint without paths left is part of.
    #[inline(always)]
    pub(super) fn unfinished_loop(&mut self, id: StateId) -> Loop {
        let search = &self.walk.search;
        // Nothing is asked of what is known to be in no loop.
        let in_none = match self.env.kernel.semantics.graph.loop_model {
            LoopModel::None => true,
            LoopModel::LoopEntries => !search.entries.is_in_any(id),
            LoopModel::Components => self.walk.scc.pending == 0,
        };
        match in_none {
            true => Loop::None,
            false => self.find_unfinished_loop(id),
        }
    }

    #[inline(never)]
    fn find_unfinished_loop(&mut self, id: StateId) -> Loop {
        if self.by_components() {
            let state = self.walk.search.state(id);
            return if self.walk.scc.is_incomplete(state) {
                Loop::Of(id)
            } else {
                Loop::None
            };
        }
        let entry = self.walk.search.entries.outermost(Node::At(id));
        match entry.filter(|entry| self.walk.search.state(*entry).branches > 0) {
            Some(entry) => Loop::Of(entry),
            None => Loop::None,
        }
    }

    /// The current path ends in a state that `id` subsumes, which closes `of`.
    pub(super) fn close_loop(&mut self, of: Loop, id: StateId, idx: InsnIdx) -> Res<()> {
        let Loop::Of(entry) = of else { return Ok(()) };
        if self.by_components() {
            return self.add_backedge(id, idx);
        }
        self.walk.search.join_loop(&self.walk.cur, Node::Current, entry);
        Ok(())
    }

    /// A path has ended: states that it came from may have no paths left.
    pub(super) fn end_path(&mut self) -> Res<()> {
        if self.by_components() {
            return self.end_path_in_components();
        }
        self.walk.search.end_path(&mut self.walk.cur);
        Ok(())
    }

    /// The loop that a copy of the current state is part of.
    #[inline]
    pub(super) fn copied_loop_entry(&self) -> Option<StateId> {
        match self.env.kernel.semantics.graph.loop_entry_copy {
            LoopEntryCopy::Forgotten => None,
            LoopEntryCopy::Copied => self.walk.search.entries.current,
        }
    }

    /// A pending path resumes; its state was in this loop. Where that is not copied, what is known of the path that
    /// ended stays.
    #[inline]
    pub(super) fn resume_in_loop(&mut self, entry: Option<StateId>) {
        if self.env.kernel.semantics.graph.loop_entry_copy == LoopEntryCopy::Copied {
            self.walk.search.entries.current = entry;
        }
    }

    /// A checkpoint leaves its list; it is freed if nothing else refers to it.
    pub(super) fn evict(&mut self, id: StateId) {
        if self.by_components() {
            self.walk.scc.note_evicted(id);
            self.free_if_unused(id);
        } else if self.walk.search.entries.counted {
            self.walk.search.entries.note_evicted(id);
            self.walk.search.free_unnamed(id);
        } else if self.walk.search.state(id).cleaned && !self.walk.search.entries.is_used(id) {
            self.walk.search.release(id);
        }
        self.note_peak();
    }

    /// The footer's figure, after a state was made or freed.
    pub(super) fn note_peak(&mut self) {
        let held = self.walk.search.held;
        let backedges = self.walk.scc.pending;
        let peak = &mut self.walk.stats.peak_states;
        *peak = match self.env.kernel.semantics.graph.peak_states {
            PeakStates::NotFreed => held,
            PeakStates::MostHeld => held.max(*peak),
            PeakStates::MostHeldBackedges => (held + backedges).max(*peak),
        };
    }
}
