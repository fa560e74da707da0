//! The graph of instructions: functions, edges, and where states are compared.
//!
//! Knows no states. A depth-first walk, the fallthrough edge first, finds unreachable instructions and sets
//! the marks that decide where checkpoints may be taken (`prune_point`), where they are always taken
//! (`force_checkpoint`) and where arrivals are recorded (`jmp_point`).

mod fastcall;
mod subprogs;

mod order;

pub(crate) use fastcall::FastCall;
pub(crate) use order::{Components, PostOrder, successors};

use verdict_isa::{Insn, class, op};
use verdict_kernel::semantics::control::{BackEdges, GlobalCall, InstructionSet};
use verdict_kernel::semantics::precision::HistoryPoints;

use crate::error::{Res, reject};
use crate::index::{IndexVec, InsnIdx};
use crate::observer::{Event, Observer};
use crate::verifier::Verifier;

/// How far the walk is with an instruction; the order is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    No,
    Discovered,
    Fallthrough,
    Branch,
    Explored,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Fallthrough,
    Branch,
}

/// The walk's state.
struct Walk {
    seen: IndexVec<InsnIdx, Seen>,
    stack: Vec<InsnIdx>,
}

impl<O: Observer> Verifier<'_, O> {
    /// Walks the graph (`check_cfg`).
    pub(crate) fn check_cfg(&mut self) -> Res<()> {
        if self.env.kernel.semantics.control.global_call == GlobalCall::MightSleep {
            // Which functions may sleep is asked before it is known what the program attaches to.
            self.program.helpers = self.env.kernel.helpers(&self.helper_query());
        }
        let mut walk = Walk {
            seen: IndexVec::filled(Seen::No, self.program.insns.len()),
            stack: Vec::new(),
        };
        let callback = self.program.exception_callback;
        let starts = [
            Some(InsnIdx(0)),
            callback.map(|callback| self.program.subprogs[callback].start),
        ];
        for start in starts.into_iter().flatten() {
            walk.seen[start] = Seen::Discovered;
            walk.stack.push(start);
            while let Some(&t) = walk.stack.last() {
                if !self.visit(t, &mut walk)? {
                    walk.seen[t] = Seen::Explored;
                    walk.stack.pop();
                }
            }
        }
        // Where the second half of a long load is an instruction, it may be jumped to, and says what is wrong itself.
        let halves = self.env.kernel.semantics.control.instruction_set == InstructionSet::V3Xadd;
        let mut i = InsnIdx(0);
        while i < self.program.insns.end() {
            if walk.seen[i] != Seen::Explored {
                reject!(UnreachableInsn, EINVAL, "unreachable insn {}\n", i);
            }
            if self.program.insns[i].is_ld_imm64() {
                let first = i;
                i = i.next();
                if walk.seen.get(i).is_some_and(|s| *s != Seen::No && !halves) {
                    reject!(
                        JumpTarget,
                        EINVAL,
                        "jump into the middle of ldimm64 insn {}\n",
                        first
                    );
                }
            }
            i = i.next();
        }
        if self.env.kernel.semantics.precision.history_points == HistoryPoints::PrunePoints {
            for aux in self.program.aux.iter_mut() {
                aux.jmp_point = aux.prune_point;
            }
        }
        self.tell_prune_points();
        Ok(())
    }

    /// Says where states are compared.
    fn tell_prune_points(&mut self) {
        if !O::LISTENING {
            return;
        }
        let points = self.program.aux.enumerated().filter(|(_, aux)| aux.prune_point);
        let insns: Vec<u32> = points.map(|(idx, _)| idx.0).collect();
        self.env.obs.event(Event::PrunePoints { insns: &insns });
    }

    /// Follows an edge; true if the walk goes on there first (`push_insn`).
    fn follow(&mut self, t: InsnIdx, to: i64, edge: Edge, walk: &mut Walk) -> Res<bool> {
        let label = match edge {
            Edge::Fallthrough => Seen::Fallthrough,
            Edge::Branch => Seen::Branch,
        };
        if walk.seen[t] >= label {
            return Ok(false);
        }
        if to < 0 || to >= self.program.insns.len() as i64 {
            if O::LISTENING {
                self.env.obs.event(Event::SourceLine {
                    idx: t.0,
                    prefix: &format!("{t}: "),
                });
            }
            reject!(
                JumpTarget,
                EINVAL,
                "jump out of range from insn {} to {}\n",
                t,
                to
            );
        }
        let to = InsnIdx(to as u32);
        if edge == Edge::Branch {
            self.mark_target(to, true);
        }
        match walk.seen[to] {
            Seen::No => {
                walk.seen[t] = label;
                walk.seen[to] = Seen::Discovered;
                walk.stack.push(to);
                Ok(true)
            }
            Seen::Explored => {
                walk.seen[t] = label;
                Ok(false)
            }
            Seen::Discovered | Seen::Fallthrough | Seen::Branch => {
                self.back_edge(t, to, edge).map(|()| false)
            }
        }
    }

    /// An edge back to where the way here came from: a loop.
    fn back_edge(&mut self, t: InsnIdx, to: InsnIdx, edge: Edge) -> Res<()> {
        let insn = self.program.insns[t];
        let jumps = matches!(insn.class(), class::JMP | class::JMP32) && insn.op() != op::CALL;
        let refers = insn.is_func_ref() && edge == Edge::Branch;
        let any = self.env.kernel.semantics.control.back_edges == BackEdges::Any;
        if any || jumps || refers {
            return Ok(());
        }
        if O::LISTENING {
            for idx in [t, to] {
                let (idx, prefix) = (idx.0, &format!("{idx}: "));
                self.env.obs.event(Event::SourceLine { idx, prefix });
            }
        }
        reject!(JumpTarget, EINVAL, "back-edge from insn {} to {}\n", t, to)
    }

    /// States are compared, and arrivals recorded, at a jump's target and behind a call.
    fn mark_target(&mut self, idx: InsnIdx, by_jump: bool) {
        if let Some(aux) = self.program.aux.get_mut(idx) {
            aux.prune_point = true;
            aux.jmp_point = true;
            aux.jump_target |= by_jump;
        }
    }

    /// Follows the next edge of an instruction; false when all are done (`visit_insn`).
    fn visit(&mut self, t: InsnIdx, walk: &mut Walk) -> Res<bool> {
        let insn = self.program.insns[t];
        if insn.is_func_ref() {
            return self.visit_call(t, insn, true, walk);
        }
        let at = i64::from(t.0);
        if !matches!(insn.class(), class::JMP | class::JMP32) {
            let size = if insn.is_ld_imm64() { 2 } else { 1 };
            return self.follow(t, at + size, Edge::Fallthrough, walk);
        }
        match insn.op() {
            op::EXIT => Ok(false),
            op::CALL => {
                self.mark_call(t, insn);
                self.visit_call(t, insn, insn.src == verdict_isa::pseudo::CALL, walk)
            }
            op::JA => {
                if insn.is_src_reg() {
                    reject!(InvalidInsn, EINVAL);
                }
                let off = if insn.class() == class::JMP {
                    i32::from(insn.off)
                } else {
                    insn.imm
                };
                let to = t.target(off);
                if self.follow(t, to, Edge::Fallthrough, walk)? {
                    return Ok(true);
                }
                self.mark_target(InsnIdx(to as u32), true);
                Ok(false)
            }
            _ => {
                self.program.aux[t].prune_point = true;
                if self.is_may_goto(t) {
                    self.program.aux[t].force_checkpoint = true;
                }
                Ok(self.follow(t, at + 1, Edge::Fallthrough, walk)?
                    || self.follow(t, t.target(insn.off.into()), Edge::Branch, walk)?)
            }
        }
    }

    /// What a call's kind demands of the place where it stands.
    fn mark_call(&mut self, t: InsnIdx, insn: Insn) {
        if self.calls_async_callback(t) {
            self.program.aux[t].prune_point = true;
        }
        if self.calls_sync_callback(t) && !self.walks_callbacks_once() {
            // Callbacks are visited again and again until a state is met again at the call.
            let aux = &mut self.program.aux[t];
            aux.calls_callback = true;
            aux.force_checkpoint = true;
            aux.prune_point = true;
            aux.jmp_point = true;
        }
        let sleeps = match insn.is_helper_call() {
            true => self.helper_proto(insn.imm).is_some_and(|proto| proto.might_sleep),
            false => self.is_sleepable_kfunc_call(insn),
        };
        if sleeps {
            let sub = self.containing_subprog(t);
            self.program.subprogs[sub].might_sleep = true;
        }
        let kernel = self.env.kernel;
        if insn.is_helper_call() && u32::try_from(insn.imm).is_ok_and(|id| kernel.changes_packet(id)) {
            let sub = self.containing_subprog(t);
            self.program.subprogs[sub].changes_pkt_data = true;
        }
        if insn.src == verdict_isa::pseudo::KFUNC_CALL && self.is_iter_next_call(insn) {
            self.program.aux[t].prune_point = true;
            self.program.aux[t].force_checkpoint = true;
        }
    }

    fn visit_call(&mut self, t: InsnIdx, insn: Insn, callee: bool, walk: &mut Walk) -> Res<bool> {
        let size = if insn.is_ld_imm64() { 2 } else { 1 };
        if self.follow(t, i64::from(t.0) + size, Edge::Fallthrough, walk)? {
            return Ok(true);
        }
        self.mark_target(InsnIdx(t.0 + size as u32), false);
        if !callee {
            return Ok(false);
        }
        let to = t.target(insn.imm);
        self.program.aux[t].prune_point = true;
        // The callee was found before: its effects are complete once the walk is through with it.
        let (caller, callee) = (
            self.containing_subprog(t),
            self.containing_subprog(InsnIdx(to.max(0) as u32)),
        );
        self.program.subprogs[caller].changes_pkt_data |= self.program.subprogs[callee].changes_pkt_data;
        self.program.subprogs[caller].might_sleep |= self.program.subprogs[callee].might_sleep;
        self.follow(t, to, Edge::Branch, walk)
    }
}
