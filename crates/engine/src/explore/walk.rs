//! The main loop: next instruction, prune or checkpoint, execute, schedule.

use verdict_isa::Op;

use crate::error::{Res, reject};
use crate::index::InsnIdx;
use crate::observer::{Event, Observer};
use crate::verifier::{Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Walks all paths from the current state (`do_check`).
    pub(crate) fn walk(&mut self) -> Res<()> {
        self.walk_on(None)
    }

    /// Goes on with a walk whose last instruction was this one.
    pub(crate) fn walk_on(&mut self, mut prev_idx: Option<InsnIdx>) -> Res<()> {
        let limit = self.env.kernel.limits.processed_insns.min(self.env.max_insns);
        let (by_chains, jumps_only) = (self.by_chains(), self.remembers_jumps_only());
        let mut stop = self.first_stop(limit);
        loop {
            self.walk.has_hist = false;
            self.walk.prev_insn_idx = prev_idx;
            let idx = self.walk.insn_idx;
            if idx >= self.program.insns.end() {
                reject!(
                    VerifierBug,
                    EFAULT,
                    "invalid insn idx {} insn_cnt {}\n",
                    idx.0 as i32,
                    self.program.insns.len()
                );
            }
            self.walk.stats.insns += 1;
            if self.walk.stats.insns > stop {
                stop = self.within_allowance(limit)?;
            }
            if self.walk.stats.insns > limit {
                reject!(
                    InsnLimit,
                    E2BIG,
                    "BPF program is too large. Processed {} insn\n",
                    self.walk.stats.insns
                );
            }
            let states = self.walk.stats.states;
            let aux = &self.program.aux[idx];
            let (prune_point, jmp_point) = (aux.prune_point, aux.jmp_point);
            let told = O::LISTENING || O::ARRIVALS && prune_point;
            let flow = if prune_point && self.is_state_visited(idx)? {
                if told {
                    self.env.obs.event(Event::Pruned {
                        state: &self.walk.cur,
                        idx: idx.0,
                        prev_idx: prev_idx.map(u32::from),
                    });
                }
                Flow::End
            } else {
                // Where only jumps are remembered, a new segment begins with none: not with the arrival at it.
                let begins = jumps_only && self.walk.stats.states != states;
                if jmp_point && !begins {
                    self.push_history(0, 0);
                }
                if told {
                    self.env.obs.event(Event::Insn {
                        state: &self.walk.cur,
                        idx: idx.0,
                        prev_idx: prev_idx.map(u32::from),
                    });
                }
                let straight = self.walk_straight(idx, stop)?;
                if straight != 0 {
                    let behind = InsnIdx(idx.0 + straight);
                    prev_idx = behind.prev();
                    self.walk.insn_idx = behind;
                    continue;
                }
                self.program.aux[idx].seen = true;
                prev_idx = Some(idx);
                let writes = by_chains && self.may_write_stack(idx);
                if writes {
                    self.begin_writes(idx);
                }
                let flow = match self.assumed_flow(idx)? {
                    Some(flow) => flow,
                    None => self.execute(idx)?,
                };
                if writes {
                    self.commit_writes();
                }
                flow
            };
            match flow {
                Flow::Next => self.walk.insn_idx = self.walk.insn_idx.next(),
                Flow::Goto(to) => self.walk.insn_idx = to,
                Flow::Returned(to) => {
                    if O::LISTENING {
                        self.env.obs.event(Event::Returned {
                            state: &self.walk.cur,
                            to: to.0,
                        });
                    }
                    self.walk.insn_idx = to;
                }
                Flow::End => match self.next_path()? {
                    Some(prev) => prev_idx = Some(prev),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Whether an instruction is of a kind that writes to stacks: what others always write needs no keeping, as it is
    /// nothing.
    #[inline]
    fn may_write_stack(&self, idx: InsnIdx) -> bool {
        match &self.program.ops[idx] {
            Ok(Op::Alu(_) | Op::Load(_) | Op::LdImm64(_) | Op::Jump(_)) => false,
            Ok(Op::Store(_) | Op::Atomic(_) | Op::LdPacket(_) | Op::Call(_) | Op::Exit) | Err(_) => true,
        }
    }

    /// Ends the path; the newest pending one resumes. Gives the instruction that it comes from.
    fn next_path(&mut self) -> Res<Option<InsnIdx>> {
        if O::LISTENING {
            self.env.obs.event(Event::PathEnd);
        }
        self.end_path()?;
        if self.by_chains() {
            self.update_live_stack();
        }
        let walk = &mut self.walk;
        let Some(next) = walk.search.pending.last_mut() else {
            return Ok(None);
        };
        // The state that ends takes its place, and goes with it.
        std::mem::swap(&mut walk.cur, &mut next.state);
        walk.insn_idx = next.insn_idx;
        let (loop_entry, prev_idx) = (next.loop_entry, next.prev_insn_idx);
        let waiting = walk.search.pending.len() - 1;
        walk.search.pending.truncate(waiting);
        self.resume_in_loop(loop_entry);
        if O::LISTENING {
            self.env.obs.event(Event::Pop);
        }
        Ok(Some(prev_idx))
    }

    /// Where the walk goes by what is assumed at an instruction, which nothing is but in trials.
    #[inline(always)]
    fn assumed_flow(&mut self, idx: InsnIdx) -> Res<Option<Flow>> {
        if !O::LISTENING || self.env.assumed.is_empty() {
            return Ok(None);
        }
        self.assume(idx)
    }

    /// Executes one instruction.
    #[inline(always)]
    pub(crate) fn execute(&mut self, idx: InsnIdx) -> Res<Flow> {
        let op = match &self.program.ops[idx] {
            Ok(op) => *op,
            Err(malformed) => return self.malformed(idx, *malformed),
        };
        let flow = match op {
            Op::Alu(alu) => return self.check_alu(alu).map(|()| Flow::Next),
            Op::Load(load) => return self.check_load(load),
            Op::Store(store) => return self.check_store(store),
            Op::Jump(jump) => return self.check_jump(jump),
            Op::Atomic(atomic) => self.check_atomic(atomic)?,
            Op::LdImm64(ld_imm64) => {
                self.check_ld_imm(ld_imm64)?;
                // The second half counts as executed: it is no dead code.
                if let Some(aux) = self.program.aux.get_mut(idx.next()) {
                    aux.seen = true;
                }
                return Ok(Flow::Goto(idx.next().next()));
            }
            Op::LdPacket(load) => self.check_ld_abs(load)?,
            Op::Call(call) => self.check_call(call)?,
            Op::Exit => self.check_exit(false)?,
        };
        // Another frame may execute now, and what was called is no way back for what it overwrote.
        self.walk.cur.marks_mut().traced = 0;
        Ok(flow)
    }
}
