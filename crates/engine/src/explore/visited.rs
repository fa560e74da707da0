//! At a prune point: does an explored state stand for the current one, and is a checkpoint due?

use verdict_kernel::semantics::graph::{
    CallbackLoop, EndlessLoop, Eviction, ForcedCheckpoint, Liveness, LongHistory, LoopComparison, SingularIds,
};
use verdict_kernel::semantics::log::LoopStates;

use crate::equiv::{self, Exact, Suspect};
use crate::error::{Res, reject, say, unsupported};
use crate::index::{FrameNo, Idx, InsnIdx, R1, Spi};
use crate::observer::{Event, MissReason, Observer};
use crate::state::{ADD_CONST, FP, IterState, Marks, NO_LINK, Reg, State, StateId, Trail};
use crate::verifier::Verifier;

use super::loops::Loop;
use super::search::Listed;
use super::sign::{Phase, Sign};

/// Longest history of a segment that does not force a checkpoint.
const HISTORY_LIMIT: u32 = 40;
/// How many resources the states of a program may hold in lists of their own: a path that acquires one after the other would
/// fill any machine's memory with checkpoints, that of the kernel too. These are some 200 MiB.
const MAX_COPIED_REFS: u64 = 6 << 20;

/// What a listed checkpoint says about the current state.
enum Match {
    /// It stands for it.
    Hit,
    /// It does not; `calm`: it is on the current path, where checkpoints should not be taken too often.
    Miss { calm: bool },
}

/// What decides how an instruction closes loops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// A call of an iterator's `next`.
    IterNext,
    /// A call that runs a callback.
    Callback,
    /// `may_goto`.
    MayGoto,
    /// Any other instruction.
    Plain,
}

impl<O: Observer> Verifier<'_, O> {
    /// How the instruction closes loops.
    fn closing(&self, idx: InsnIdx) -> Closing {
        let aux = &self.program.aux[idx];
        if aux.is_iter_next {
            Closing::IterNext
        } else if aux.calls_callback {
            Closing::Callback
        } else if self.is_may_goto(idx) {
            Closing::MayGoto
        } else {
            Closing::Plain
        }
    }

    /// The list that states at an instruction, in the function call being executed, are in.
    pub(crate) fn bucket(&self, idx: InsnIdx) -> usize {
        let call = self.walk.cur.frame().callsite;
        let key = idx.0 ^ call.map_or(u32::MAX, |call| call.0);
        (key % (self.program.insns.len() as u32).max(1)) as usize
    }

    /// Whether the path may end here because an explored state stands for the rest of it; if not, a
    /// checkpoint is taken when it is due (`is_state_visited`).
    pub(crate) fn is_state_visited(&mut self, idx: InsnIdx) -> Res<bool> {
        if self.walk.copied_refs > MAX_COPIED_REFS {
            unsupported!("states that hold ever more resources, which are never released");
        }
        let bucket = self.bucket(idx);
        // The list is lent: what is asked on the way looks at no list.
        let mut list = std::mem::take(&mut self.walk.search.explored[bucket]);
        let visited = self.is_state_in(&mut list, idx);
        self.walk.search.explored[bucket] = list;
        visited
    }

    fn is_state_in(&mut self, list: &mut Vec<Listed>, idx: InsnIdx) -> Res<bool> {
        let forced =
            self.env.test_state_freq || self.program.aux[idx].force_checkpoint || self.history_is_long();
        let jumps = self.walk.jmps_processed - self.walk.search.prev_jmps;
        let insns = self.walk.stats.insns - self.walk.search.prev_insns;
        let mut add = forced || (jumps >= 2 && insns >= 8);
        let rules = &self.env.kernel.semantics.graph;
        let sparing = !forced || rules.forced_checkpoint == ForcedCheckpoint::Spared;
        let soon = sparing && jumps < 20 && insns < 100;

        if list.is_empty() {
            if add {
                list.push(self.checkpoint(idx));
            }
            return Ok(false);
        }
        let mut closes = Loop::None;
        let closing = self.closing(idx);
        let (mut met, mut cleaned) = (0, false);
        for at in (0..list.len()).rev() {
            met += 1;
            let finished = self.walk.search.state(list[at].id).branches == 0;
            if finished && !cleaned {
                cleaned = true;
                self.clean_live_states(list, idx);
            }
            let listed = &mut list[at];
            if listed.insn_idx != idx {
                continue;
            }
            if !O::MISSES && self.still_differs(listed, finished, closing, &mut closes) {
                // The same as below, in short.
                add &= finished || !soon;
                if self.is_useless(listed, add) {
                    list.remove(at);
                }
                continue;
            }
            self.walk.suspect = listed.suspect;
            let matched = self.match_explored(listed.id, idx, closing, &mut closes)?;
            match matched {
                Match::Hit => {
                    listed.hits += 1;
                    let id = listed.id;
                    if !cleaned {
                        self.clean_live_states(list, idx);
                    }
                    self.take_over(id, idx)?;
                    self.close_loop(closes, id, idx)?;
                    return Ok(true);
                }
                Match::Miss { calm } => {
                    if calm && soon {
                        add = false;
                    }
                    if O::MISSES {
                        self.report_miss(listed.id, idx);
                    }
                    listed.suspect = self.walk.suspect;
                    if !O::MISSES {
                        let of = if finished { Phase::Finished } else { Phase::OnPath };
                        listed.sign = self.sign_of(listed, of);
                    }
                    if self.is_useless(listed, add) {
                        list.remove(at);
                    }
                }
            }
        }
        self.walk.stats.max_states_per_insn = self.walk.stats.max_states_per_insn.max(met);
        if add {
            list.push(self.checkpoint(idx));
        }
        Ok(false)
    }

    /// Whether a checkpoint differs where it differed last time. The short way to what [`Self::match_explored`] says of
    /// most of them.
    #[inline(always)]
    fn still_differs(
        &mut self,
        listed: &mut Listed,
        finished: bool,
        closing: Closing,
        closes: &mut Loop,
    ) -> bool {
        if !finished {
            return closing == Closing::Plain
                && listed.suspect != Suspect::None
                && (listed.sign.differs(Phase::OnPath, &self.walk.cur) || self.is_still_unlike(listed));
        }
        if listed.suspect == Suspect::None {
            return false;
        }
        *closes = self.unfinished_loop(listed.id);
        *closes == Loop::None
            && (listed.sign.differs(Phase::Finished, &self.walk.cur) || self.differs_as_before(listed))
    }

    /// The same of one that is on the current path, without its sign.
    #[inline(never)]
    fn is_still_unlike(&self, listed: &mut Listed) -> bool {
        let unlike = equiv::still_unlike(listed.suspect, self.walk.search.state(listed.id), &self.walk.cur);
        if unlike && !listed.sign.is_of(Phase::OnPath) {
            listed.sign = self.sign_of(listed, Phase::OnPath);
        }
        unlike
    }

    /// The same of one that is finished.
    #[inline(never)]
    fn differs_as_before(&self, listed: &mut Listed) -> bool {
        let (old, rules) = (
            self.walk.search.state(listed.id),
            &self.env.kernel.semantics.graph,
        );
        let differs = equiv::differs_in(listed.suspect, old, &self.walk.cur, Exact::Needed, rules);
        if differs && !listed.sign.is_of(Phase::Finished) {
            listed.sign = self.sign_of(listed, Phase::Finished);
        }
        differs
    }

    /// The condition on the register in which a checkpoint differed.
    fn sign_of(&self, listed: &Listed, of: Phase) -> Sign {
        let rules = &self.env.kernel.semantics.graph;
        Sign::of(self.walk.search.state(listed.id), listed.suspect, of, rules)
    }

    /// What the explored state's liveness and precision demand now holds of the current path too.
    fn take_over(&mut self, id: StateId, idx: InsnIdx) -> Res<()> {
        if !self.by_chains() {
            self.propagate_liveness(id);
        }
        if self.program.aux[idx].jmp_point {
            self.push_history(0, 0);
        }
        self.propagate_precision(id).map(|_changed| ())
    }

    fn equal(&mut self, id: StateId, exact: Exact) -> bool {
        let old = self.walk.search.state(id);
        let rules = &self.env.kernel.semantics.graph;
        if equiv::differs_in(self.walk.suspect, old, &self.walk.cur, exact, rules) {
            return false;
        }
        match equiv::states_equal(
            old,
            &self.walk.cur,
            exact,
            rules,
            &mut self.walk.id_map,
            self.walk.id_gen,
        ) {
            Ok(()) => true,
            Err(suspect) => {
                self.walk.suspect = suspect;
                false
            }
        }
    }

    /// Whether the path remembers so much that a checkpoint is due.
    #[inline]
    fn history_is_long(&self) -> bool {
        self.walk.cur.history.len > HISTORY_LIMIT
            && self.env.kernel.semantics.graph.long_history == LongHistory::Checkpoint
    }

    /// How strictly states compare whose loop is not walked to its end.
    fn in_loop(&self) -> Exact {
        match self.env.kernel.semantics.graph.loop_comparison {
            LoopComparison::Same => Exact::Same,
            LoopComparison::RangeWithin => Exact::Range,
        }
    }

    /// Compares with a listed checkpoint; `closes` is the loop that a match closes.
    fn match_explored(
        &mut self,
        id: StateId,
        idx: InsnIdx,
        closing: Closing,
        closes: &mut Loop,
    ) -> Res<Match> {
        if self.walk.search.state(id).branches > 0 {
            return self.match_ancestor(id, idx, closing, closes);
        }
        *closes = self.unfinished_loop(id);
        let exact = match closes {
            Loop::Of(_) => self.in_loop(),
            Loop::None => Exact::Needed,
        };
        if self.equal(id, exact) {
            Ok(Match::Hit)
        } else {
            Ok(Match::Miss { calm: false })
        }
    }

    /// The explored state is on the current path: a match closes a loop.
    fn match_ancestor(
        &mut self,
        id: StateId,
        idx: InsnIdx,
        closing: Closing,
        closes: &mut Loop,
    ) -> Res<Match> {
        let calm = Ok(Match::Miss { calm: true });
        let old = self.walk.search.state(id);
        let top = old.frame();
        if top.in_async_callback_fn && top.async_entry_cnt != self.walk.cur.frame().async_entry_cnt {
            return calm;
        }
        match closing {
            Closing::IterNext => {
                if self.equal(id, self.in_loop()) && self.iterator_in_r1_is_active() {
                    *closes = Loop::Of(id);
                    return Ok(Match::Hit);
                }
                return calm;
            }
            Closing::Callback => {
                let own = self.env.kernel.semantics.graph.callback_loop == CallbackLoop::Own;
                // A quirk with components: a match here closes the loop of the state that was compared before.
                if !self.by_components() {
                    *closes = Loop::None;
                }
                if !self.equal(id, self.in_loop()) {
                    return calm;
                }
                if own {
                    *closes = Loop::Of(id);
                }
                return Ok(Match::Hit);
            }
            Closing::MayGoto => {
                if old.may_goto_depth != self.walk.cur.may_goto_depth && self.equal(id, self.in_loop()) {
                    *closes = Loop::Of(id);
                    return Ok(Match::Hit);
                }
            }
            Closing::Plain => {}
        }
        if let Err(suspect) =
            equiv::maybe_looping(self.walk.suspect, self.walk.search.state(id), &self.walk.cur)
        {
            self.walk.suspect = suspect;
            return calm;
        }
        let endless = match self.env.kernel.semantics.graph.endless_loop {
            EndlessLoop::Needed => Exact::Needed,
            EndlessLoop::Same => Exact::Same,
        };
        if self.equal(id, endless)
            && !equiv::iter_depths_differ(self.walk.search.state(id), &self.walk.cur)
            && self.walk.search.state(id).may_goto_depth == self.walk.cur.may_goto_depth
            && self.walk.search.state(id).callback_unroll_depth == self.walk.cur.callback_unroll_depth
        {
            return self.infinite_loop(id, idx);
        }
        calm
    }

    /// Tells a listener why the explored state did not stand for the current one.
    fn report_miss(&mut self, id: StateId, idx: InsnIdx) {
        let reason = self.miss_reason(id, idx);
        let (explored, state) = (self.walk.search.state(id), &self.walk.cur);
        self.env.obs.event(Event::Miss {
            state,
            explored,
            idx: idx.0,
            reason,
        });
    }

    /// The first difference, by the same strength of comparison as in [`Self::match_explored`].
    fn miss_reason(&mut self, id: StateId, idx: InsnIdx) -> MissReason {
        let closing = self.closing(idx);
        let old = self.walk.search.state(id);
        let mut exact = self.in_loop();
        if old.branches > 0 {
            let top = old.frame();
            if top.in_async_callback_fn && top.async_entry_cnt != self.walk.cur.frame().async_entry_cnt {
                return MissReason::AsyncEntry;
            }
            let turned = old.may_goto_depth != self.walk.cur.may_goto_depth;
            if closing == Closing::Plain || closing == Closing::MayGoto && !turned {
                return MissReason::OnPath;
            }
        } else {
            if self.unfinished_loop(id) == Loop::None {
                exact = Exact::Needed;
            }
        }
        let rules = &self.env.kernel.semantics.graph;
        let difference = equiv::first_difference(
            self.walk.search.state(id),
            &self.walk.cur,
            exact,
            rules,
            self.walk.id_gen,
        );
        difference.unwrap_or(if closing == Closing::IterNext {
            MissReason::IteratorDone
        } else {
            MissReason::OnPath
        })
    }

    fn infinite_loop(&mut self, id: StateId, idx: InsnIdx) -> Res<Match> {
        if O::LISTENING {
            self.env.obs.event(Event::SourceLine {
                idx: idx.0,
                prefix: "; ",
            });
        }
        say!(self, "infinite loop detected at insn {}\n", idx);
        let shown = self.env.kernel.semantics.log.loop_states == LoopStates::Shown;
        if O::LISTENING && shown {
            let frame = self.walk.cur.curframe();
            for (title, state) in [
                ("cur state:", &self.walk.cur),
                ("old state:", self.walk.search.state(id)),
            ] {
                self.env.obs.event(Event::Text {
                    level: 0,
                    text: format_args!("{title}"),
                });
                self.env.obs.event(Event::FrameState {
                    level: 0,
                    state,
                    frame,
                });
            }
        }
        // Who listens has heard it before the states.
        let words = match O::LISTENING {
            true => String::new(),
            false => format!("infinite loop detected at insn {idx}\n"),
        };
        reject!(InfiniteLoop, EINVAL, "{words}")
    }

    fn iterator_in_r1_is_active(&self) -> bool {
        let reg = self.reg(R1);
        let off = i64::from(reg.off).wrapping_add(reg.b.var_off().value as i64);
        let frame = &self.walk.cur.frames[self.frame_of(reg)].body;
        let spi = Spi(u32::try_from((-off - 1) / 8).unwrap_or(u32::MAX));
        frame
            .stack
            .get(spi)
            .is_some_and(|s| s.reg().iter_state() == IterState::Active)
    }

    /// Counts a miss, if a checkpoint is due. Whether the listed one is of no use any more; it is given back
    /// if nothing else refers to it.
    #[inline(always)]
    fn is_useless(&mut self, listed: &mut Listed, add: bool) -> bool {
        listed.misses += u32::from(add);
        listed.misses > listed.hits * 3 + 3 && self.is_let_go(listed)
    }

    /// The same of one that missed often.
    #[inline(never)]
    fn is_let_go(&mut self, listed: &Listed) -> bool {
        if listed.misses <= listed.hits * 64 + 64 && self.stays_long(listed) {
            return false;
        }
        self.evict(listed.id);
        true
    }

    /// Whether a checkpoint may miss often before it leaves its list.
    fn stays_long(&self, listed: &Listed) -> bool {
        self.env.kernel.semantics.graph.eviction == Eviction::Late
            && self.program.aux[listed.insn_idx].force_checkpoint
            && self.walk.search.state(listed.id).branches > 0
    }

    /// Marks of finished states at this instruction, in this chain of calls, are final.
    fn clean_live_states(&mut self, list: &mut [Listed], idx: InsnIdx) {
        // The kernel's list is walked newest first; cleaning one state does not change another, but finding
        // loop entries shortens their chains in that order.
        for listed in list.iter_mut().rev() {
            if listed.cleaned || self.walk.search.state(listed.id).branches > 0 {
                continue;
            }
            if self.unfinished_loop(listed.id) != Loop::None {
                continue;
            }
            let state = self.walk.search.state(listed.id);
            if listed.insn_idx == idx && equiv::same_callsites(state, &self.walk.cur) {
                self.clean(listed.id);
                listed.cleaned = true;
            }
        }
    }

    /// Takes a checkpoint of the current state, which becomes its child.
    fn checkpoint(&mut self, idx: InsnIdx) -> Listed {
        self.walk.stats.states += 1;
        self.walk.search.prev_jmps = self.walk.jmps_processed;
        self.walk.search.prev_insns = self.walk.stats.insns;
        let traced = self.walk.cur.marks_mut().traced;
        forget_precision(&mut self.walk.cur);
        if self.env.kernel.semantics.graph.singular_ids == SingularIds::Cleared {
            clear_singular_ids(&mut self.walk.cur);
        }
        let mut new = self.walk.cur.clone();
        self.walk.cur.history = Trail::default();
        new.insn_idx = idx;
        new.last_insn_idx = self.walk.prev_insn_idx;
        match self.env.kernel.semantics.graph.liveness {
            Liveness::CallChains => self.assume_needed(&mut new),
            Liveness::MarksAndText => self.note_live(&mut new),
            Liveness::ReadMarks => {}
        }
        // Whoever comes back to here from behind need not go on from one of these.
        new.marks_mut().traced = traced;
        let depth = new.dfs_depth;
        let id = self.walk.search.add(new, self.copied_loop_entry());
        self.note_peak();
        if self.by_components() {
            self.enter_component(id);
        }
        let before = self.walk.cur.parent.replace(id);
        self.walk.cur.first_insn_idx = idx;
        self.walk.cur.dfs_depth = depth + 1;
        self.walk.has_hist = false;
        if !self.by_chains() {
            let kept = before.filter(|_| self.walks_callbacks_once());
            link_to_parent(&mut self.walk.cur, kept);
        }
        if O::LISTENING {
            self.env.obs.event(Event::Checkpoint {
                state: &self.walk.cur,
                idx: idx.0,
            });
        }
        Listed {
            id,
            hits: 0,
            misses: 0,
            insn_idx: idx,
            cleaned: false,
            suspect: Suspect::None,
            sign: Sign::UNKNOWN,
        }
    }
}

/// Scalars count as imprecise again (`mark_all_scalars_imprecise`).
fn forget_precision(state: &mut State) {
    for slot in state.frames.iter_mut() {
        slot.marks.precise = 0;
        slot.marks.slot_precise = 0;
        // The new checkpoint has no marks yet.
        slot.marks.climbed = 0;
        slot.marks.climbed_half = 0;
        slot.marks.traced = 0;
    }
}

/// Unlinks the scalars whose id no other has (`bpf_clear_singular_ids`).
fn clear_singular_ids(state: &mut State) {
    let is_linked = |reg: &Reg| reg.is_scalar() && reg.id != 0;
    let mut ids = Vec::new();
    state.for_each_reg(|reg| {
        if is_linked(reg) {
            ids.push(reg.id & !ADD_CONST);
        }
    });
    ids.sort_unstable();
    let mut singular: Vec<u32> = Vec::new();
    for same in ids.chunk_by(|a, b| a == b) {
        if let [id] = *same {
            singular.push(id);
        }
    }
    state.for_each_reg_mut(
        |reg| is_linked(reg) && singular.binary_search(&(reg.id & !ADD_CONST)).is_ok(),
        |reg| (reg.id, reg.off) = (0, 0),
    );
}

/// Starts a segment: nothing was read or written in it; every value has its counterpart in the checkpoint.
///
/// Of callers only R6 to R9 are linked: the others are gone or come back from the callee. Where callbacks are walked
/// in the path of their call, R0 does not come back but is the call's result already, still linked to what it was
/// before, in the parent state of the segment that ends (`kept`) or what that one kept.
fn link_to_parent(state: &mut State, kept: Option<StateId>) {
    const OUTERMOST: Marks = Marks {
        links: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, NO_LINK],
        ..Marks::NONE
    };
    let top = state.curframe();
    if top == FrameNo::OUTERMOST {
        let slot = state.frames.top_mut();
        let linked_slots = slot.body.stack.len().min(64) as u8;
        slot.marks = Marks {
            linked_slots,
            ..OUTERMOST
        };
        return;
    }
    for (f, slot) in state.frames.iter_mut().enumerate() {
        let mut marks = Marks {
            links: [NO_LINK; 11],
            ..Marks::NONE
        };
        let first = if f < top.index() { 6 } else { 0 };
        for r in first..FP.0 {
            marks.links[usize::from(r)] = (f as u8) << 4 | r;
        }
        if f < top.index() && kept.is_some() {
            marks.links[0] = slot.marks.links[0];
            marks.r0_origin = slot.marks.r0_origin.or(kept);
        }
        marks.linked_slots = slot.body.stack.len().min(64) as u8;
        slot.marks = marks;
    }
}
