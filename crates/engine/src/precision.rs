//! Which scalars must be known precisely: backtracking from a use to where the value came from.
//!
//! A scalar's range is always tracked, but an explored state may stand for another with a different range
//! unless some check relied on it. When one does, the instructions that led here are walked backwards,
//! first those of the current segment, then those of its parents, carrying the set of registers and slots
//! that the value depends on; at every checkpoint passed, the members of the set are marked. Marks of the
//! current state do not matter: it is no checkpoint yet.
//!
//! What a member of the set comes from does not depend on the other members. So a member that an earlier
//! walk carried past the same place of the same path is done: all that follows from it is marked. History
//! entries remember who passed, until a walk gives up, whose marks do not follow from its members.
//!
//! Linux 6.12.117: accesses of the stack and linked scalars are known from the history, so that no
//! instruction needs to be understood beyond its operands.

use verdict_isa::{Insn, class, mode, op};
use verdict_kernel::helper::id;
use verdict_kernel::semantics::control::{LdAbsExit, TailCallExit};
use verdict_kernel::semantics::precision::{AtomicFetch, CallbackArguments};

use crate::error::{Failure, Res, reject, say, say2};
use crate::linked::unpack_linked;
use crate::observer::{Event, Observer};
use crate::state::{FP, Hist, MAX_FRAMES, Slot, State, StateId, hist};
use crate::verifier::Verifier;

const ARGS: u32 = 0b11_1110;

/// An instruction that backtracking must always look at.
pub(crate) const BACK_ALWAYS: u16 = u16::MAX;

/// Registers whose being wanted makes an instruction matter to backtracking ([`BACK_ALWAYS`]: whatever is
/// wanted).
pub(crate) fn back_regs(insn: Insn) -> u16 {
    let bit = |reg: u8| 1u16.checked_shl(u32::from(reg)).unwrap_or(BACK_ALWAYS);
    match insn.class() {
        _ if insn.code == 0 => 0,
        class::ALU | class::ALU64 | class::LDX | class::ST => bit(insn.dst),
        class::STX if insn.mode() == mode::ATOMIC => BACK_ALWAYS,
        class::STX => bit(insn.dst),
        class::JMP | class::JMP32 => match insn.op() {
            op::CALL | op::EXIT => BACK_ALWAYS,
            op::JA | op::JCOND => 0,
            _ if insn.is_src_reg() => bit(insn.dst) | bit(insn.src),
            _ => 0,
        },
        _ if insn.is_ld_imm64() => bit(insn.dst),
        _ => BACK_ALWAYS,
    }
}

/// The set of values asked for, per frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    frame: usize,
    regs: [u32; MAX_FRAMES],
    slots: [u64; MAX_FRAMES],
}

impl Wanted {
    #[inline]
    pub(crate) fn new(frame: usize) -> Wanted {
        Wanted {
            frame: frame.min(MAX_FRAMES - 1),
            ..Wanted::default()
        }
    }
    #[inline]
    fn is_empty(&self) -> bool {
        let f = self.frame;
        if self.regs[f] != 0 || self.slots[f] != 0 {
            return false;
        }
        self.regs[..f].iter().all(|r| *r == 0) && self.slots[..f].iter().all(|s| *s == 0)
    }
    pub(crate) fn add_reg(&mut self, frame: usize, reg: usize) {
        self.regs[frame] |= 1 << reg;
    }
    pub(crate) fn add_slot(&mut self, frame: usize, spi: usize) {
        self.slots[frame] |= 1 << spi;
    }
    #[inline]
    fn has(&self, reg: u8) -> bool {
        self.regs[self.frame] >> reg & 1 != 0
    }
    #[inline]
    fn want(&mut self, reg: u8) {
        self.regs[self.frame] |= 1 << reg;
    }
    #[inline]
    fn drop(&mut self, reg: u8) {
        self.regs[self.frame] &= !(1u32 << reg);
    }
    #[inline]
    fn mask(&self) -> u32 {
        self.regs[self.frame]
    }
    /// Drops those that an earlier walk carried past this entry, and notes the others in it. Members in outer
    /// frames go on. Whether none is left.
    #[inline]
    fn pass(&mut self, entry: &mut Hist) -> bool {
        let (regs, slots) = (&mut self.regs[self.frame], &mut self.slots[self.frame]);
        *regs &= !u32::from(entry.walked_regs);
        *slots &= !entry.walked_slots;
        entry.walked_regs |= *regs as u16;
        entry.walked_slots |= *slots;
        self.is_empty()
    }
    /// Whether an instruction that names these registers, and with this history, may, backwards, change the set.
    /// The highest bit stands for instructions that are always looked at.
    #[inline]
    fn concerns(&self, names: u16, entry: Option<Hist>) -> bool {
        names & (self.mask() as u16 | 1 << 15) != 0
            || entry.is_some_and(|entry| {
                let slot = slot_of(Some(entry));
                entry.linked != 0 || slot.is_some_and(|(frame, spi)| self.slots[frame] >> spi & 1 != 0)
            })
    }
    /// If any member of a linked set is wanted, all are.
    #[inline]
    fn sync_linked(&mut self, entry: Option<Hist>) {
        let Some(Hist {
            linked: packed @ 1.., ..
        }) = entry
        else {
            return;
        };
        let wanted = unpack_linked(packed).any(|l| {
            let (f, i) = (usize::from(l.frame), l.index);
            if l.is_reg {
                self.regs[f] >> i & 1 != 0
            } else {
                self.slots[f] >> i & 1 != 0
            }
        });
        if wanted {
            for l in unpack_linked(packed) {
                let f = usize::from(l.frame);
                if l.is_reg {
                    self.regs[f] |= 1 << l.index;
                } else {
                    self.slots[f] |= 1 << l.index;
                }
            }
        }
    }
}

/// The numbers of the bits that are set.
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        mask &= mask.checked_sub(1)?;
        Some(bit)
    })
}

/// Whether an instruction's history says which slot it accesses.
#[inline]
fn slot_of(entry: Option<Hist>) -> Option<(usize, u32)> {
    let flags = entry?.flags;
    (flags & hist::STACK_ACCESS != 0).then_some((usize::from(flags & 7), u32::from(flags >> 3 & 0x3f)))
}

/// What one instruction's back-step says.
enum Step {
    On,
    GiveUp,
}

impl<O: Observer> Verifier<'_, O> {
    /// Marks the scalar in `reg` of the executing frame, and all that it came from, as needed precisely.
    pub fn mark_chain_precision(&mut self, reg: usize) -> Res<()> {
        let mut wanted = Wanted::new(self.cur.curframe());
        if !self.reg(reg).is_scalar() {
            // The kernel warns of "backtracing misuse".
            reject!(VerifierBug, EFAULT);
        }
        wanted.add_reg(wanted.frame, reg);
        self.mark_precise(wanted).map(|_changed| ())
    }

    /// Marks the scalar that is spilled in a slot, and all that it came from, as needed precisely.
    pub(crate) fn mark_slot_precision(&mut self, frame: usize, spi: usize) -> Res<()> {
        let mut wanted = Wanted::new(self.cur.curframe());
        wanted.add_slot(frame, spi);
        self.mark_precise(wanted).map(|_| ())
    }

    /// What an explored state needed precisely, and read, the current one needs too (`propagate_precision`).
    /// Whether a mark was added.
    pub(crate) fn propagate_precision(&mut self, old: StateId) -> Res<bool> {
        let mut wanted = Wanted::new(self.cur.curframe());
        for frame in (0..self.search.state(old).frames.len()).rev() {
            let (regs, slots) = self.needed(old, frame);
            let mut first = true;
            for i in bits(u64::from(regs)) {
                match first {
                    true => say2!(self, "frame {}: propagating r{}", frame, i),
                    false => say2!(self, ",r{}", i),
                }
                wanted.add_reg(frame, i);
                first = false;
            }
            for i in bits(slots) {
                match first {
                    true => say2!(self, "frame {}: propagating fp{}", frame, -8 * (i as i32 + 1)),
                    false => say2!(self, ",fp{}", -8 * (i as i32 + 1)),
                }
                wanted.add_slot(frame, i);
                first = false;
            }
            if !first {
                say!(self, "\n");
            }
        }
        self.mark_precise(wanted)
    }

    /// Scalars of an explored state's frame that it needs, precisely: of what it does not need nothing is left.
    fn needed(&self, id: StateId, frame: usize) -> (u16, u64) {
        let state = self.search.state(id);
        let slot = &state.frames[frame];
        let m = &slot.marks;
        let kept = self.by_chains() && !state.cleaned;
        let read = if kept { u16::MAX } else { m.read32 | m.read64 };
        let mut regs = m.precise & read & !(1 << FP);
        let mut slots = m.slot_precise & m.slot_read;
        for r in bits(u64::from(regs)) {
            if !slot.body.regs[r].is_scalar() {
                regs &= !(1 << r);
            }
        }
        for spi in bits(slots) {
            if !slot.body.stack.get(spi).is_some_and(Slot::is_scalar_spill) {
                slots &= !(1 << spi);
            }
        }
        (regs, slots)
    }

    /// Walks back until nothing is wanted any more (`__mark_chain_precision`); whether a mark was added.
    fn mark_precise(&mut self, mut wanted: Wanted) -> Res<bool> {
        if wanted.is_empty() {
            return Ok(false);
        }
        let mut changed = false;
        let mut at: Option<StateId> = None;
        let mut first_idx = self.cur.first_insn_idx;
        let mut last_idx = self.insn_idx as i32;
        let mut subseq_idx = -1;
        let mut skip = true;
        loop {
            say2!(
                self,
                "mark_precise: frame{}: last_idx {} first_idx {} subseq_idx {} \n",
                wanted.frame,
                last_idx,
                first_idx,
                subseq_idx
            );
            if last_idx < 0 {
                return Ok(self.reached_entry(at, &wanted)? || changed);
            }
            match self.walk_segment(at, &mut wanted, last_idx, &mut subseq_idx, skip)? {
                Walked::Done => return Ok(changed),
                Walked::GaveUp => {
                    self.force_all_precise();
                    return Ok(changed);
                }
                Walked::Exhausted => {}
            }
            skip = false;
            let parent = match at {
                None => self.cur.parent,
                Some(id) => self.search.state(id).parent,
            };
            let Some(parent) = parent else { break };
            at = Some(parent);
            changed |= self.mark_parent(parent, &mut wanted)?;
            if wanted.is_empty() {
                return Ok(changed);
            }
            subseq_idx = first_idx as i32;
            let state = self.search.state(parent);
            last_idx = state.last_insn_idx as i32;
            first_idx = state.first_insn_idx;
        }
        self.force_all_precise();
        Ok(changed)
    }

    /// Walks the instructions of one segment.
    fn walk_segment(
        &mut self,
        at: Option<StateId>,
        wanted: &mut Wanted,
        last_idx: i32,
        subseq_idx: &mut i32,
        mut skip: bool,
    ) -> Res<Walked> {
        let segment = self.segment_mut(at);
        let first = segment.first_insn_idx;
        let mut left = segment.history.last;
        let mut i = last_idx as u32;
        loop {
            let next = left.map(|id| self.search.history.get_mut(id));
            if !O::LISTENING && !skip {
                let floor = next.as_ref().map_or(first, |entry| entry.idx);
                let from = i;
                i = skip_unconcerned(&self.back_regs, i, floor, wanted);
                if i != from {
                    *subseq_idx = i as i32 + 1;
                }
            }
            let last = match next {
                Some(entry) if entry.idx == i => {
                    if !O::LISTENING && !skip && wanted.pass(entry) {
                        return Ok(Walked::Done);
                    }
                    Some(*entry)
                }
                _ => None,
            };
            if skip {
                skip = false;
            } else if O::LISTENING || wanted.concerns(self.back_regs[i as usize], last) {
                if let Step::GiveUp = self.back_step(i, *subseq_idx, last, wanted)? {
                    return Ok(Walked::GaveUp);
                }
                if wanted.is_empty() {
                    return Ok(Walked::Done);
                }
            }
            *subseq_idx = i as i32;
            // The segment began with this instruction: the entry that is left is the arrival from the parent.
            if i == first && (left.is_none() || last.is_some_and(|entry| entry.before.is_none())) {
                return Ok(Walked::Exhausted);
            }
            match last {
                Some(entry) => {
                    left = entry.before;
                    i = entry.prev_idx;
                }
                None => i = i.wrapping_sub(1),
            }
            if i as usize >= self.insns.len() {
                reject!(VerifierBug, EFAULT, "BUG backtracking idx {}\n", i as i32);
            }
        }
    }

    fn segment_mut(&mut self, at: Option<StateId>) -> &mut State {
        match at {
            None => &mut self.cur,
            Some(id) => self.search.state_mut(id),
        }
    }

    /// The walk reached a function's entry: only arguments of a global function may still be wanted.
    fn reached_entry(&mut self, at: Option<StateId>, wanted: &Wanted) -> Res<bool> {
        let state = self.segment_mut(at);
        let (subprog, callsite) = (state.frames[0].body.subprogno, state.frames[0].body.callsite);
        let (regs, slots) = (wanted.mask(), wanted.slots[wanted.frame]);
        if state.frames.len() == 1 && subprog > 0 && callsite == -1 && slots == 0 && regs & !ARGS == 0 {
            let mut changed = false;
            for r in (0..FP).filter(|r| regs >> r & 1 != 0) {
                if state.frames[0].body.regs[r].is_scalar() {
                    state.frames[0].marks.precise |= 1 << r;
                    changed = true;
                }
            }
            return Ok(changed);
        }
        reject!(
            VerifierBug,
            EFAULT,
            "BUG backtracking func entry subprog {} reg_mask {:x} stack_mask {:x}\n",
            subprog,
            regs,
            slots
        )
    }

    /// Marks what is wanted in a checkpoint; what was marked already, or is no scalar, is done. Whether a
    /// mark was added.
    fn mark_parent(&mut self, parent: StateId, wanted: &mut Wanted) -> Res<bool> {
        let mut changed = false;
        for frame in (0..=wanted.frame).rev() {
            let state = self.search.state_mut(parent);
            let Some(slot) = state.frames.get_mut(frame) else {
                return Err(Failure::bug("backtracking left the frames of a checkpoint"));
            };
            for r in bits(u64::from(wanted.regs[frame])) {
                let bit = 1u16 << r;
                if !slot.body.regs[r].is_scalar() || slot.marks.precise & bit != 0 {
                    wanted.regs[frame] &= !u32::from(bit);
                } else {
                    slot.marks.precise |= bit;
                    changed = true;
                }
            }
            let total = slot.body.stack.len();
            for spi in bits(wanted.slots[frame]) {
                let bit = 1u64 << spi;
                let Some(s) = slot.body.stack.get(spi) else {
                    reject!(
                        VerifierBug,
                        EFAULT,
                        "BUG backtracking (stack slot {}, total slots {})\n",
                        spi,
                        total
                    );
                };
                if !s.is_scalar_spill() || slot.marks.slot_precise & bit != 0 {
                    wanted.slots[frame] &= !bit;
                } else {
                    slot.marks.slot_precise |= bit;
                    changed = true;
                }
            }
            if O::LISTENING {
                let (regs, slots) = (wanted.regs[frame], wanted.slots[frame]);
                let state = self.search.state(parent);
                self.obs.event(Event::PreciseParent {
                    frame,
                    regs,
                    slots,
                    state,
                });
            }
        }
        Ok(changed)
    }

    /// Marks every scalar of every parent (`mark_all_scalars_precise`).
    pub(crate) fn force_all_precise(&mut self) {
        say2!(
            self,
            "mark_precise: frame{}: falling back to forcing all scalars precise\n",
            self.cur.curframe()
        );
        self.search.history.forget_walks(self.cur.history);
        let mut at = self.cur.parent;
        while let Some(id) = at {
            self.search.history.forget_walks(self.search.state(id).history);
            for frame in 0..self.search.state(id).frames.len() {
                for r in 0..FP {
                    let slot = &mut self.search.state_mut(id).frames[frame];
                    if slot.body.regs[r].is_scalar() && slot.marks.precise >> r & 1 == 0 {
                        slot.marks.precise |= 1 << r;
                        say2!(
                            self,
                            "force_precise: frame{}: forcing r{} to be precise\n",
                            frame,
                            r
                        );
                    }
                }
                for spi in 0..self.search.state(id).frames[frame].body.stack.len().min(64) {
                    let slot = &mut self.search.state_mut(id).frames[frame];
                    if slot.body.stack.slots()[spi].is_scalar_spill()
                        && slot.marks.slot_precise >> spi & 1 == 0
                    {
                        slot.marks.slot_precise |= 1 << spi;
                        say2!(
                            self,
                            "force_precise: frame{}: forcing fp{} to be precise\n",
                            frame,
                            -8 * (spi as i32 + 1)
                        );
                    }
                }
            }
            at = self.search.state(id).parent;
        }
    }

    /// One instruction backwards (`backtrack_insn`).
    fn back_step(
        &mut self,
        idx: u32,
        subseq_idx: i32,
        entry: Option<Hist>,
        wanted: &mut Wanted,
    ) -> Res<Step> {
        let insn = self.insns[idx as usize];
        if insn.code == 0 {
            return Ok(Step::On);
        }
        if O::LISTENING {
            let (frame, regs, slots) = (wanted.frame as u32, wanted.mask(), wanted.slots[wanted.frame]);
            self.obs.event(Event::PreciseInsn {
                frame,
                regs,
                slots,
                idx,
            });
        }
        wanted.sync_linked(entry);
        let fetches = self.kernel.semantics.precision.atomic_fetch;
        let step = match insn.code & 7 {
            class::ALU | class::ALU64 => back_alu(insn, wanted),
            class::LDX => back_load(insn.dst, entry, wanted),
            class::STX | class::ST => back_store(insn, entry, wanted, fetches),
            class::JMP | class::JMP32 => self.back_jump(idx, insn, subseq_idx, entry, wanted)?,
            _ => self.back_ld(idx, insn, subseq_idx, wanted)?,
        };
        match step {
            Back::GiveUp => return Ok(Step::GiveUp),
            Back::Final => {}
            Back::Resync => wanted.sync_linked(entry),
        }
        Ok(Step::On)
    }

    fn back_ld(&mut self, idx: u32, insn: Insn, subseq_idx: i32, wanted: &mut Wanted) -> Res<Back> {
        if insn.code & 0xe0 == mode::IMM {
            wanted.drop(insn.dst);
            return Ok(Back::Final);
        }
        if insn.code & 0xe0 == mode::ABS || insn.code & 0xe0 == mode::IND {
            if wanted.has(insn.dst) {
                return Ok(Back::GiveUp);
            }
            // The hidden exit of a subprogram was taken: go into its frame.
            let explored = self.kernel.semantics.control.ld_abs_exit == LdAbsExit::Explored;
            if explored && subseq_idx != idx as i32 + 1 {
                self.enter(wanted)?;
            }
            return Ok(Back::Final);
        }
        Ok(Back::Resync)
    }

    fn back_jump(
        &mut self,
        idx: u32,
        insn: Insn,
        subseq_idx: i32,
        entry: Option<Hist>,
        wanted: &mut Wanted,
    ) -> Res<Back> {
        if insn.code == (class::JMP | op::CALL) && insn.src == 1 {
            return self.back_subprog_call(idx, insn, wanted);
        }
        if self.calls_sync_callback(idx) && idx as i32 != subseq_idx - 1 {
            // Out of a callback, backwards into the call that runs it: its R1-R5 are not the call's.
            self.no_leftovers(wanted)?;
            wanted.regs[wanted.frame] &= !ARGS;
            self.leave(wanted)?;
            return Ok(Back::Final);
        }
        match op(insn.code) {
            op::CALL => {
                if insn.src == 2 && insn.imm == 0 {
                    return Ok(Back::GiveUp);
                }
                wanted.drop(0);
                self.no_args(wanted)?;
                let explored = self.kernel.semantics.control.tail_call_exit == TailCallExit::Explored;
                let ends = insn.src == 0 && u32::try_from(insn.imm) == Ok(id::TAIL_CALL);
                if explored && ends && subseq_idx != idx as i32 + 1 {
                    // The tail call ended a function.
                    self.enter(wanted)?;
                }
                Ok(Back::Resync)
            }
            op::EXIT => {
                let before = usize::try_from(subseq_idx - 1)
                    .ok()
                    .and_then(|i| self.insns.get(i));
                let from_call = before.is_some_and(|i| i.code == (class::JMP | op::CALL) && i.src == 1);
                let r0 = from_call && wanted.has(0);
                let drops = self.kernel.semantics.precision.callback_arguments == CallbackArguments::Dropped;
                if drops && self.returns_to_callback_call(subseq_idx) {
                    wanted.regs[wanted.frame] &= !ARGS;
                }
                if from_call || drops {
                    self.no_args(wanted)?;
                }
                wanted.drop(0);
                self.enter(wanted)?;
                if r0 {
                    wanted.want(0);
                }
                Ok(Back::Final)
            }
            _ if insn.code & 8 != 0 => {
                if !wanted.has(insn.dst) && !wanted.has(insn.src) {
                    return Ok(Back::Final);
                }
                let flags = entry.map_or(0, |h| h.flags);
                if flags & hist::SRC_STACK == 0 {
                    wanted.want(insn.src);
                }
                if flags & hist::DST_STACK == 0 {
                    wanted.want(insn.dst);
                }
                Ok(Back::Resync)
            }
            _ => Ok(Back::Resync),
        }
    }

    fn back_subprog_call(&mut self, idx: u32, insn: Insn, wanted: &mut Wanted) -> Res<Back> {
        let entry = (i64::from(idx) + i64::from(insn.imm) + 1) as u32;
        let Some(subprog) = self.subprog_at(entry) else {
            reject!(VerifierBug, EFAULT)
        };
        if self.subprogs[subprog].is_global {
            self.no_args(wanted)?;
            wanted.drop(0);
            return Ok(Back::Final);
        }
        self.no_leftovers(wanted)?;
        let args = wanted.mask() & ARGS;
        wanted.regs[wanted.frame] &= !ARGS;
        self.leave(wanted)?;
        wanted.regs[wanted.frame] |= args;
        Ok(Back::Final)
    }

    /// Whether the instruction executed next calls a callback, as after the callback's end.
    fn returns_to_callback_call(&self, subseq_idx: i32) -> bool {
        usize::try_from(subseq_idx)
            .ok()
            .and_then(|i| self.aux.get(i))
            .is_some_and(|aux| aux.calls_callback)
    }

    fn no_args(&self, wanted: &Wanted) -> Res<()> {
        if wanted.mask() & ARGS != 0 {
            reject!(VerifierBug, EFAULT, "BUG regs {:x}\n", wanted.mask());
        }
        Ok(())
    }

    fn no_leftovers(&self, wanted: &Wanted) -> Res<()> {
        if wanted.mask() & !ARGS != 0 {
            reject!(VerifierBug, EFAULT, "BUG regs {:x}\n", wanted.mask());
        }
        let slots = wanted.slots[wanted.frame];
        if slots != 0 {
            reject!(VerifierBug, EFAULT, "BUG stack slots {:x}\n", slots);
        }
        Ok(())
    }

    fn enter(&self, wanted: &mut Wanted) -> Res<()> {
        if wanted.frame == MAX_FRAMES - 1 {
            reject!(
                VerifierBug,
                EFAULT,
                "BUG subprog enter from frame {}\n",
                wanted.frame
            );
        }
        wanted.frame += 1;
        Ok(())
    }

    fn leave(&self, wanted: &mut Wanted) -> Res<()> {
        if wanted.frame == 0 {
            reject!(VerifierBug, EFAULT, "BUG subprog exit from frame 0\n");
        }
        wanted.frame -= 1;
        Ok(())
    }
}

/// From instruction `i` backwards in a straight line, the first that may change the wanted set, or `floor`, where
/// the line ends.
#[inline]
fn skip_unconcerned(back_regs: &[u16], mut i: u32, floor: u32, wanted: &Wanted) -> u32 {
    let unconcerned = |names: &u16| !wanted.concerns(*names, None);
    while i > floor && back_regs.get(i as usize).is_some_and(unconcerned) {
        i -= 1;
    }
    i
}

/// How a segment's walk ended.
enum Walked {
    Done,
    GaveUp,
    Exhausted,
}

/// What the rule of one instruction says: whether linked scalars are looked at once more.
enum Back {
    GiveUp,
    Final,
    Resync,
}

fn back_alu(insn: Insn, wanted: &mut Wanted) -> Back {
    if !wanted.has(insn.dst) {
        return Back::Final;
    }
    let from_reg = insn.code & 8 != 0;
    match op(insn.code) {
        op::END | op::NEG => return Back::Final,
        op::MOV => {
            wanted.drop(insn.dst);
            if from_reg && usize::from(insn.src) != FP {
                wanted.want(insn.src);
            }
        }
        _ => {
            if from_reg && usize::from(insn.src) != FP {
                wanted.want(insn.src);
            }
        }
    }
    Back::Resync
}

fn back_load(loaded: u8, entry: Option<Hist>, wanted: &mut Wanted) -> Back {
    if !wanted.has(loaded) {
        return Back::Final;
    }
    wanted.drop(loaded);
    match slot_of(entry) {
        None => Back::Final,
        Some((frame, spi)) => {
            wanted.slots[frame] |= 1 << spi;
            Back::Resync
        }
    }
}

fn back_store(insn: Insn, entry: Option<Hist>, wanted: &mut Wanted, fetches: AtomicFetch) -> Back {
    let is_stx = insn.code & 7 == class::STX;
    let atomic = is_stx && insn.code & 0xe0 == mode::ATOMIC;
    if atomic && insn.imm & 1 != 0 && fetches == AtomicFetch::Load {
        let loaded = if insn.imm == 0xf1 { 0 } else { insn.src };
        return back_load(loaded, entry, wanted);
    }
    if atomic && insn.imm == verdict_isa::table::atomic::LOAD_ACQ {
        return back_load(insn.dst, entry, wanted);
    }
    if wanted.has(insn.dst) {
        return Back::GiveUp;
    }
    let Some((frame, spi)) = slot_of(entry) else {
        return Back::Final;
    };
    if wanted.slots[frame] >> spi & 1 == 0 {
        return Back::Final;
    }
    wanted.slots[frame] &= !(1u64 << spi);
    if is_stx {
        wanted.want(insn.src);
    }
    Back::Resync
}
