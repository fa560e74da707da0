//! Where code lies once the kernel has taken out what no path reached.
//!
//! A function that was named as a callback but never run is taken out with other dead code, and nothing is done
//! about the instructions that still name it: their targets stay where they were while the code behind moves up.
//! If no function happens to start there, the program cannot be put together and is refused without a word.

use verdict_isa::{Insn, class, op};
use verdict_kernel::helper::id;

use crate::error::{Res, reject};
use crate::index::{IndexVec, InsnIdx, SubprogIdx};
use crate::observer::Observer;
use crate::verifier::Verifier;

/// Instructions of the loop that a call of `bpf_loop` becomes.
const INLINED_LOOP: u32 = 19;

/// Dead code, in the places that it has before any is taken out.
struct Dead {
    start: u32,
    len: u32,
}

/// The program between its verification and its translation.
struct Layout {
    /// Place of each instruction when loops are inlined, and the end.
    places: IndexVec<InsnIdx, u32>,
    /// How many live instructions are before it.
    live_before: IndexVec<InsnIdx, u32>,
    dead: Vec<Dead>,
    /// The instructions that do nothing, counted among live ones.
    nops: Vec<u32>,
}

impl Layout {
    /// Where a target in dead code ends up: it moves only with code that goes before it.
    fn target_in_dead_code(&self, target: InsnIdx) -> u32 {
        let mut place = self.places[target];
        let mut gone = 0;
        for dead in &self.dead {
            let start = dead.start - gone;
            if start > place {
                break;
            }
            if place >= start + dead.len {
                place -= dead.len;
            }
            gone += dead.len;
        }
        place - self.nops_before(place)
    }

    /// Where a live instruction ends up.
    fn live(&self, idx: InsnIdx) -> u32 {
        let place = self.live_before[idx];
        place - self.nops_before(place)
    }

    fn nops_before(&self, place: u32) -> u32 {
        self.nops.partition_point(|nop| *nop < place) as u32
    }
}

/// Whether this may go either way (`insn_is_cond_jump`).
fn is_conditional(insn: Insn) -> bool {
    match insn.class() {
        class::JMP32 => insn.op() != op::JA,
        class::JMP => ![op::JA, op::CALL, op::EXIT].contains(&insn.op()),
        _ => false,
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Functions that are named by code that is left must be found there (`jit_subprogs`).
    pub(crate) fn check_functions_left(&self) -> Res<()> {
        let is_dead = |s: SubprogIdx| self.program.dead_subprogs.get(s).copied().unwrap_or(false);
        let mut lost: Vec<SubprogIdx> = self
            .program
            .insns
            .indices()
            .filter(|i| self.program.aux[*i].seen)
            .filter_map(|i| self.function_named_by(i))
            .filter(|s| is_dead(*s))
            .collect();
        let left: Vec<SubprogIdx> = self.program.subprogs.indices().filter(|s| !is_dead(*s)).collect();
        // A program that is but one function is not put together.
        if lost.is_empty() || left.len() + usize::from(self.program.catch_appended) <= 1 {
            return Ok(());
        }
        lost.sort_unstable();
        lost.dedup();
        let layout = self.layout();
        let start = |s: SubprogIdx| self.program.subprogs[s].start;
        let starts: Vec<u32> = left.iter().map(|s| layout.live(start(*s))).collect();
        let is_start = |place: u32| starts.binary_search(&place).is_ok();
        if !lost
            .iter()
            .all(|s| is_start(layout.target_in_dead_code(start(*s))))
        {
            reject!(RemovedCallback, EFAULT);
        }
        Ok(())
    }

    /// The function that an instruction names, so that it must be there.
    fn function_named_by(&self, i: InsnIdx) -> Option<SubprogIdx> {
        let insn = self.program.insns[i];
        if insn.is_subprog_call() || insn.is_func_ref() {
            return self.subprog_at(InsnIdx(u32::try_from(i.target(insn.imm)).ok()?));
        }
        self.is_inlined_loop(i)
            .then_some(self.program.aux[i].loop_inline.callback_subprogno)
    }

    /// Whether a call of `bpf_loop` is replaced by a loop.
    pub(crate) fn is_inlined_loop(&self, i: InsnIdx) -> bool {
        let (insn, inline) = (self.program.insns[i], &self.program.aux[i].loop_inline);
        insn.is_helper_call() && insn.imm == id::LOOP as i32 && inline.initialized && inline.fit_for_inline
    }

    fn layout(&self) -> Layout {
        let mut layout = Layout {
            places: IndexVec::new(),
            live_before: IndexVec::new(),
            dead: Vec::new(),
            nops: Vec::new(),
        };
        let (mut place, mut live) = (0, 0);
        for i in self.program.insns.indices() {
            layout.places.push(place);
            layout.live_before.push(live);
            let len = if self.is_inlined_loop(i) { INLINED_LOOP } else { 1 };
            if self.program.aux[i].seen {
                live += len;
            } else {
                match layout.dead.last_mut() {
                    Some(dead) if dead.start + dead.len == place => dead.len += len,
                    _ => layout.dead.push(Dead { start: place, len }),
                }
            }
            place += len;
        }
        layout.places.push(place);
        layout.live_before.push(live);
        layout.nops = self.nops(&layout.live_before);
        layout
    }

    /// Live instructions that do nothing once dead code is gone (`opt_remove_nops`).
    fn nops(&self, live_before: &IndexVec<InsnIdx, u32>) -> Vec<u32> {
        let mut nops: Vec<u32> = self
            .program
            .insns
            .indices()
            .filter(|i| self.program.aux[*i].seen && self.leads_on(*i, live_before))
            .map(|i| live_before[i])
            .collect();
        for (i, aux) in self.program.aux.enumerated().filter(|(_, aux)| aux.seen) {
            for j in 1..=u32::from(aux.fastcall_spills_num) {
                let pair = [i.0.checked_sub(j), i.0.checked_add(j)];
                let pair = pair.into_iter().flatten().map(InsnIdx);
                nops.extend(pair.filter_map(|at| live_before.get(at)));
            }
        }
        nops.sort_unstable();
        nops.dedup();
        nops
    }

    /// Whether a jump goes only to the instruction behind it (`opt_hard_wire_dead_code_branches`).
    fn leads_on(&self, i: InsnIdx, live_before: &IndexVec<InsnIdx, u32>) -> bool {
        let insn = self.program.insns[i];
        let seen = |at: InsnIdx| self.program.aux.get(at).is_some_and(|aux| aux.seen);
        let Ok(target) = u32::try_from(i.target(insn.off.into())).map(InsnIdx) else {
            return false;
        };
        let to_next = live_before.get(target) == Some(&(live_before[i] + 1));
        if is_conditional(insn) {
            return if seen(i.next()) { !seen(target) } else { to_next };
        }
        insn.class() == class::JMP && insn.op() == op::JA && to_next
    }
}
