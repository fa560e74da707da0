//! Helping loops to converge: scalars that changed since the last time round become unknown.

use verdict_kernel::semantics::graph::WidenedLinks;

use crate::equiv::{self, IdMap};
use crate::explore::Fork;
use crate::index::{InsnIdx, RegNo, Spi};
use crate::observer::Observer;
use crate::state::{FrameSlot, Reg, State, StateId};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// The newest checkpoint at `idx` on the current path, above `of` (a checkpoint, or the current state)
    /// and in its chain of calls (`find_prev_entry`).
    pub(crate) fn find_prev_entry(&self, of: Option<StateId>, idx: InsnIdx) -> Option<StateId> {
        let of = match of {
            Some(id) => self.walk.search.state(id),
            None => &self.walk.cur,
        };
        let list = &self.walk.search.explored[self.bucket(idx)];
        list.iter().rev().map(|l| l.id).find(|id| {
            let state = self.walk.search.state(*id);
            state.insn_idx == idx
                && state.branches > 0
                && equiv::same_callsites(state, of)
                && state.dfs_depth < of.dfs_depth
        })
    }

    /// Widens the path that was split off against a checkpoint (`widen_imprecise_scalars`).
    pub(crate) fn widen_fork(&mut self, fork: Fork, prev: StateId) {
        self.walk
            .id_map
            .reset(self.walk.id_gen, &self.env.kernel.semantics.graph);
        let links = self.env.kernel.semantics.graph.widened_links;
        self.both(fork, |this, other| {
            widen(this.walk.search.state(prev), other, links, &mut this.walk.id_map);
        });
    }

    /// Widens the current state against a checkpoint.
    pub(crate) fn widen_current(&mut self, prev: StateId) {
        self.walk
            .id_map
            .reset(self.walk.id_gen, &self.env.kernel.semantics.graph);
        widen(
            self.walk.search.state(prev),
            &mut self.walk.cur,
            self.env.kernel.semantics.graph.widened_links,
            &mut self.walk.id_map,
        );
    }
}

fn widen(old: &State, cur: &mut State, links: WidenedLinks, ids: &mut IdMap) {
    for f in old.curframe().min(cur.curframe()).with_callers().rev() {
        let fold: &FrameSlot = &old.frames[f];
        for r in RegNo::all() {
            let precise = r.is_in(fold.marks.precise | cur.frames[f].marks.precise);
            if changed(
                &fold.body.regs[r],
                &cur.frames[f].body.regs[r],
                precise,
                links,
                ids,
            ) {
                cur.frame_at_mut(f).regs[r] = Reg::UNKNOWN;
            }
        }
        let end = fold.body.stack.end().min(cur.frames[f].body.stack.end());
        for spi in Spi::range(Spi(0)..end) {
            let (o, c) = (
                &fold.body.stack.slots()[spi],
                &cur.frames[f].body.stack.slots()[spi],
            );
            if !o.is_spill() || !c.is_spill() {
                continue;
            }
            let precise = spi.is_in(fold.marks.slot_precise | cur.frames[f].marks.slot_precise);
            if changed(o.reg(), c.reg(), precise, links, ids)
                && let Some(slot) = cur.frame_at_mut(f).stack.get_mut(spi)
            {
                slot.set_reg(Reg::UNKNOWN);
            }
        }
    }
}

fn changed(old: &Reg, cur: &Reg, precise: bool, links: WidenedLinks, ids: &mut IdMap) -> bool {
    if !old.is_scalar() || !cur.is_scalar() || precise {
        return false;
    }
    match links {
        WidenedLinks::Compared => !equiv::regs_exact(old, cur, ids),
        WidenedLinks::Ignored => !equiv::scalars_alike(old, cur),
    }
}
