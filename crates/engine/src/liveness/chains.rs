//! Stack slots that are live, per chain of calls (the kernel's `liveness.c`).
//!
//! For each chain of calls that leads into a function, and each instruction of the function, masks of slots of
//! every frame of the chain: what the instruction was seen to read on some path, and to write on every path.
//! Live before an instruction is what it reads, and what is live behind it unless it writes that. Reads only
//! grow and writes only shrink, so that the equations may be solved again whenever something was added; that is
//! when a path ends and when a function returns, before anybody asks. What a function reads and writes of its
//! callers' frames counts as done by the call.

use std::ops::Range;

use crate::cfg::{PostOrder, successors};
use crate::error::say2;
use crate::index::{FrameNo, Idx, IndexVec, InsnIdx, PerFrame, Spi, SubprogIdx};
use crate::observer::Observer;
use crate::state::{LAST_FRAME, State, StateId};
use crate::verifier::Verifier;

/// Slots of one frame at one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Masks {
    /// The instruction may read them.
    may_read: u64,
    /// The instruction writes them.
    must_write: u64,
    /// This instruction or one behind it, in this function, writes them.
    must_write_acc: u64,
    /// This instruction or one behind it may read them first.
    live_before: u64,
}

/// What is known of one frame.
#[derive(Debug, Default)]
struct FrameMasks {
    /// Of each instruction; empty while nothing is known of the frame.
    of: Vec<Masks>,
    /// The instructions whose marks changed since the equations were solved.
    marked: BitSet,
}

/// A set of numbers.
#[derive(Debug, Default)]
struct BitSet {
    words: Vec<u64>,
    /// Only these words have any.
    used: Range<usize>,
}

impl BitSet {
    /// One for numbers below `len`, with none of them or all.
    fn new(len: usize, full: bool) -> BitSet {
        let mut words = vec![if full { u64::MAX } else { 0 }; len.div_ceil(64)];
        if let Some(last) = words.last_mut()
            && !len.is_multiple_of(64)
        {
            *last &= (1 << (len % 64)) - 1;
        }
        let used = if full { 0..words.len() } else { 0..0 };
        BitSet { words, used }
    }

    fn insert(&mut self, number: usize) {
        let at = number / 64;
        if let Some(word) = self.words.get_mut(at) {
            *word |= 1 << (number % 64);
            self.used = match self.used.is_empty() {
                true => at..at + 1,
                false => self.used.start.min(at)..self.used.end.max(at + 1),
            };
        }
    }

    /// Takes out the least number from `from` on.
    fn take(&mut self, from: usize) -> Option<usize> {
        let Range { start, end } = self.used.clone();
        for at in start.max(from / 64)..end {
            let word = &mut self.words[at];
            let below = if at == from / 64 {
                u64::MAX << (from % 64)
            } else {
                u64::MAX
            };
            let rest = *word & below;
            if rest != 0 {
                *word &= !(rest & rest.wrapping_neg());
                return Some(at * 64 + rest.trailing_zeros() as usize);
            }
            // What lies before the numbers that are looked for may have some.
            if at == self.used.start && *word == 0 {
                self.used.start = at + 1;
            }
        }
        // Behind what was looked for there is nothing.
        self.used.end = end.min(from / 64 + 1);
        None
    }
}

/// A function as called through one chain of calls.
#[derive(Debug)]
struct Instance {
    /// The caller's, and the call in it.
    outer: Option<(usize, InsnIdx)>,
    /// Instances called from here: the call, the callee's start, the instance.
    inner: Vec<(InsnIdx, InsnIdx, usize)>,
    /// Where the function begins, and how many instructions it has.
    start: InsnIdx,
    len: u32,
    subprog: SubprogIdx,
    /// Its frame.
    depth: FrameNo,
    /// Marks were added since the equations were solved.
    updated: bool,
    /// Writes were taken back.
    dropped: bool,
    /// What is known of each frame.
    frames: PerFrame<FrameMasks>,
    /// Whether an instruction's writes are known at all.
    write_known: Vec<bool>,
}

impl Instance {
    /// Where an instruction's masks are; outside of the function nowhere.
    #[inline]
    fn at(&self, idx: InsnIdx) -> usize {
        idx.0.wrapping_sub(self.start.0) as usize
    }

    fn masks(&self, frame: FrameNo, idx: InsnIdx) -> Masks {
        let at = self.at(idx);
        self.frames[frame].of.get(at).copied().unwrap_or_default()
    }

    /// The masks for writing, and the set of those that changed; there are some from now on.
    fn masks_mut(&mut self, frame: FrameNo, idx: InsnIdx) -> Option<(&mut Masks, &mut BitSet)> {
        let (at, len) = (self.at(idx), self.len as usize);
        let known = &mut self.frames[frame];
        if known.of.is_empty() {
            known.of.resize(len, Masks::default());
            known.marked = BitSet::new(len, false);
        }
        Some((known.of.get_mut(at)?, &mut known.marked))
    }

    fn mark_read(&mut self, frame: FrameNo, idx: InsnIdx, slots: u64) {
        let at = self.at(idx);
        if let Some((masks, marked)) = self.masks_mut(frame, idx) {
            let all = masks.may_read | slots;
            if all == masks.may_read {
                return;
            }
            let news = all & !masks.live_before != 0;
            masks.may_read = all;
            marked.insert(at);
            self.updated |= news;
        }
    }

    /// What an instruction wrote this time: what it always writes is what it wrote every time.
    fn commit(&mut self, idx: InsnIdx, written: &PerFrame<u64>) {
        let at = self.at(idx);
        let Some(known) = self.write_known.get(at).copied() else {
            return;
        };
        for frame in self.depth.with_callers() {
            let slots = written[frame];
            if slots == 0 && !known {
                continue;
            }
            let Some((masks, marked)) = self.masks_mut(frame, idx) else {
                continue;
            };
            let old = masks.must_write;
            let new = if known { slots & old } else { slots };
            if old == new {
                continue;
            }
            masks.must_write = new;
            marked.insert(at);
            self.updated = true;
            self.dropped |= old & !new != 0;
        }
        self.write_known[at] = true;
    }

    /// The places of the instructions whose equations may not hold, per frame. Where writes were taken back, all are
    /// solved from the beginning.
    fn take_marked(&mut self, order: &PostOrder) -> PerFrame<BitSet> {
        let function = order.of_function(self.subprog);
        let (start, dropped) = (self.start, self.dropped);
        let mut open: PerFrame<BitSet> = PerFrame::default();
        for (known, open) in self.frames.iter_mut().zip(open.iter_mut()) {
            if known.of.is_empty() {
                continue;
            }
            *open = BitSet::new(function.len(), dropped);
            let mut from = 0;
            while let Some(at) = known.marked.take(from) {
                from = at + 1;
                open.insert(order.place(InsnIdx(start.0 + at as u32)));
            }
            if dropped {
                for masks in &mut known.of {
                    masks.must_write_acc = 0;
                }
            }
        }
        open
    }
}

/// All that is known of the stack's use.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    /// Where each function begins, and how many instructions it has.
    functions: IndexVec<SubprogIdx, (InsnIdx, u32)>,
    instances: Vec<Instance>,
    /// The instances of functions that nothing calls.
    outermost: Vec<(InsnIdx, usize)>,
    /// The instance of the executing frame, once something asked for it.
    current: Option<usize>,
    /// The instruction being executed and what it has written so far.
    idx: InsnIdx,
    written: PerFrame<u64>,
}

impl Chains {
    /// Nothing is known yet of functions with these beginnings and lengths.
    pub(crate) fn new(functions: IndexVec<SubprogIdx, (InsnIdx, u32)>) -> Chains {
        Chains {
            functions,
            ..Chains::default()
        }
    }

    /// The instances of a state's frames, outermost first.
    fn of(&mut self, state: &State) -> Vec<usize> {
        let mut chain: Vec<usize> = Vec::with_capacity(state.frames.len());
        for frame in state.frames.iter() {
            let outer = chain.last().copied().zip(frame.body.callsite);
            chain.push(self.instance(outer, frame.body.subprogno));
        }
        chain
    }

    /// The instance of a function in a chain of calls; made if there is none.
    fn instance(&mut self, outer: Option<(usize, InsnIdx)>, subprog: SubprogIdx) -> usize {
        let (start, len) = self.functions.get(subprog).copied().unwrap_or_default();
        let found = match outer {
            None => self.outermost.iter().find(|(s, _)| *s == start).map(|f| f.1),
            Some((at, callsite)) => {
                let mut inner = self.instances[at].inner.iter();
                inner.find(|(c, s, _)| (*c, *s) == (callsite, start)).map(|f| f.2)
            }
        };
        if let Some(found) = found {
            return found;
        }
        let new = self.instances.len();
        let depth = outer.map_or(FrameNo::OUTERMOST, |(at, _)| self.instances[at].depth.callee());
        match outer {
            None => self.outermost.push((start, new)),
            Some((at, callsite)) => self.instances[at].inner.push((callsite, start, new)),
        }
        self.instances.push(Instance {
            outer,
            inner: Vec::new(),
            start,
            len,
            subprog,
            depth: depth.min(LAST_FRAME),
            updated: false,
            dropped: false,
            frames: PerFrame::default(),
            write_known: vec![false; len as usize],
        });
        new
    }

    /// Whether the slot is live in the chain of instances `chain`, innermost last, before `idx`.
    fn live(
        &self,
        chain: &[usize],
        idx: InsnIdx,
        frame: FrameNo,
        calls_callback: impl Fn(InsnIdx) -> bool,
    ) -> u64 {
        let before = |at: usize, idx: InsnIdx| self.instances[at].masks(frame, idx).live_before;
        let mut live = chain.last().map_or(0, |&top| before(top, idx));
        for pair in chain.windows(2).skip(frame.index()) {
            let callsite = self.instances[pair[1]]
                .outer
                .map_or(InsnIdx(0), |(_, callsite)| callsite);
            let resumes = if calls_callback(callsite) {
                callsite
            } else {
                callsite.next()
            };
            live |= before(pair[0], resumes);
        }
        live
    }

    /// Gives what a function reads and writes of its callers' frames to the call.
    fn pass_to_caller(&mut self, at: usize) {
        let inner = &self.instances[at];
        let Some((outer, callsite)) = inner.outer else {
            return;
        };
        let mut written = PerFrame::default();
        let mut read = PerFrame::default();
        for frame in inner.depth.callers().filter(|f| !inner.frames[*f].of.is_empty()) {
            let masks = inner.masks(frame, inner.start);
            written[frame] = masks.must_write_acc;
            read[frame] = Some(masks.live_before);
        }
        let outer = &mut self.instances[outer];
        for (frame, slots) in read.enumerated() {
            if let Some(slots) = *slots {
                outer.mark_read(frame, callsite, slots);
            }
        }
        outer.commit(callsite, &written);
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// The instance of the executing frame.
    fn current_instance(&mut self) -> usize {
        if let Some(current) = self.walk.chains.current {
            return current;
        }
        let chain = self.walk.chains.of(&self.walk.cur);
        let top = chain.last().copied().unwrap_or(0);
        self.walk.chains.current = Some(top);
        top
    }

    /// Another frame executes: its instance is looked up when something asks.
    pub(crate) fn leave_chain(&mut self) {
        self.walk.chains.current = None;
    }

    /// An instruction is about to be executed.
    pub(crate) fn begin_writes(&mut self, idx: InsnIdx) {
        self.current_instance();
        self.walk.chains.idx = idx;
        self.walk.chains.written = PerFrame::default();
    }

    /// It was executed, unless by another frame than it ended in.
    pub(crate) fn commit_writes(&mut self) {
        let Chains {
            current,
            instances,
            idx,
            written,
            ..
        } = &mut self.walk.chains;
        if let Some(current) = current {
            instances[*current].commit(*idx, written);
        }
    }

    /// The instruction being executed reads slots.
    pub(super) fn chain_read(&mut self, frame: FrameNo, slots: u64) {
        let at = self.current_instance();
        let idx = self.walk.insn_idx;
        self.walk.chains.instances[at].mark_read(frame.min(LAST_FRAME), idx, slots);
    }

    /// The instruction being executed writes a slot.
    pub(super) fn chain_write(&mut self, frame: FrameNo, slots: u64) {
        if let Some(written) = self.walk.chains.written.get_mut(frame) {
            *written |= slots;
        }
    }

    /// Solves the equations of the current state's chain, innermost function first (`bpf_update_live_stack`).
    pub(crate) fn update_live_stack(&mut self) {
        self.leave_chain();
        let chain = self.walk.chains.of(&self.walk.cur);
        for &at in chain.iter().rev() {
            if self.walk.chains.instances[at].updated {
                self.solve(at);
                let instance = &mut self.walk.chains.instances[at];
                (instance.updated, instance.dropped) = (false, false);
            }
        }
    }

    /// The kernel goes through all instructions again and again, until nothing changes. Only those are looked at here
    /// for which something did: their own marks, or what is known of an instruction behind them.
    fn solve(&mut self, at: usize) {
        let order = std::mem::take(&mut self.program.order);
        let instance = &mut self.walk.chains.instances[at];
        let (subprog, depth) = (instance.subprog, instance.depth);
        let mut open = instance.take_marked(&order);
        let mut rounds = 0;
        let mut changed = true;
        while changed {
            rounds += 1;
            changed = false;
            for frame in depth.with_callers() {
                changed |= self.solve_round(at, frame, &order, order.of_function(subprog), &mut open[frame]);
            }
        }
        self.program.order = order;
        say2!(
            self,
            "{} live stack update done in {} iterations\n",
            self.chain_name(at),
            rounds
        );
        self.walk.chains.pass_to_caller(at);
    }

    /// Goes through a function once; whether something changed. What is left open comes in the next round.
    fn solve_round(
        &mut self,
        at: usize,
        frame: FrameNo,
        order: &PostOrder,
        function: &[InsnIdx],
        open: &mut BitSet,
    ) -> bool {
        let (mut from, mut changed) = (0, false);
        while let Some(place) = open.take(from) {
            from = place + 1;
            let Some(&idx) = function.get(place) else { break };
            if self.solve_at(at, frame, idx) {
                changed = true;
                for before in order.before(idx) {
                    open.insert(order.place(*before));
                }
            }
        }
        changed
    }

    /// The equation of one instruction; whether something changed.
    fn solve_at(&mut self, at: usize, frame: FrameNo, idx: InsnIdx) -> bool {
        let instance = &self.walk.chains.instances[at];
        let old = instance.masks(frame, idx);
        let mut behind = None;
        for to in successors(&self.program.insns, idx) {
            let next = instance.masks(frame, to);
            let (live, acc) = behind.unwrap_or((0, u64::MAX));
            behind = Some((live | next.live_before, acc & next.must_write_acc));
        }
        // An exit's masks stay as they are: reads there would not count.
        let Some((live, acc)) = behind else {
            return false;
        };
        let new = Masks {
            live_before: live & !old.must_write | old.may_read,
            must_write_acc: acc | old.must_write,
            ..old
        };
        if O::LISTENING {
            let first = idx == instance.start;
            if old.may_read | old.must_write != 0 || first || self.program.aux[idx].prune_point {
                self.say_masks(at, "live", (frame, idx), old.live_before, new.live_before);
                self.say_masks(
                    at,
                    "written",
                    (frame, idx),
                    old.must_write_acc,
                    new.must_write_acc,
                );
            }
        }
        if new == old {
            return false;
        }
        if let Some((masks, _)) = self.walk.chains.instances[at].masks_mut(frame, idx) {
            *masks = new;
        }
        true
    }

    /// Tells a listener which slots a mask gained and lost.
    fn say_masks(&mut self, at: usize, what: &str, (frame, idx): (FrameNo, InsnIdx), old: u64, new: u64) {
        if old == new {
            return;
        }
        say2!(self, "{} frame {} insn {} ", self.chain_name(at), frame, idx);
        if new & !old != 0 {
            say2!(self, "+{} {} ", what, slot_list(new & !old));
        }
        if old & !new != 0 {
            say2!(self, "-{} {}", what, slot_list(old & !new));
        }
        say2!(self, "\n");
    }

    /// The calls of an instance's chain and its start, as the log writes them.
    fn chain_name(&self, at: usize) -> String {
        let instance = &self.walk.chains.instances[at];
        let mut name = format!("{})", instance.start);
        let mut outer = instance.outer;
        while let Some((at, callsite)) = outer {
            name = format!("{callsite},{name}");
            outer = self.walk.chains.instances[at].outer;
        }
        format!("({name}")
    }

    /// Per frame of a checkpoint the slots that are live.
    pub(super) fn live_slots(&mut self, id: StateId) -> PerFrame<u64> {
        let state = self.walk.search.state(id);
        let chain = self.walk.chains.of(state);
        let calls_callback = |callsite: InsnIdx| {
            self.program
                .aux
                .get(callsite)
                .is_some_and(|aux| aux.calls_callback)
        };
        PerFrame::from_fn(|frame| {
            self.walk
                .chains
                .live(&chain, state.insn_idx, frame, calls_callback)
        })
    }
}

/// Offsets of slots from the frame pointer.
fn slot_list(slots: u64) -> String {
    let offsets = Spi::range(Spi(0)..Spi(64)).filter(|spi| spi.is_in(slots));
    let offsets: Vec<_> = offsets.map(|spi| spi.off().to_string()).collect();
    offsets.join(",")
}
