//! The verification of one program: what all checks share.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_domain::{Rules, Width};
use verdict_isa::Insn;
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::helper::HelperProto;
use verdict_kernel::prog::AttachType;
use verdict_kernel::rule::{RefusedAt, Rule};
use verdict_kernel::semantics::precision::Backtracking;
use verdict_syscall::prog::flags;
use verdict_syscall::{Map, Prog};

use crate::assume::Assumption;
use crate::equiv::{IdMap, Suspect};
use crate::error::{About, Failure, Res, register, reject};
use crate::explore::{Scc, Search, Spent};
use crate::index::{FrameNo, Idx, InsnIdx, MapIdx, RegNo, Spi, SubprogIdx};
use crate::liveness::Chains;
use crate::observer::{Event, Observer};
use crate::program::{InsnAux, Program};
use crate::rules::domain_rules;
use crate::state::{BtfHandle, FP, Frame, Hist, REGS, Reg, State, unshared};
use crate::transfer::{Compared, Lines};

/// Figures of a verification, as in the kernel's log footer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Instructions processed.
    pub insns: u32,
    /// Checkpoints created.
    pub states: u32,
    /// Checkpoints held, in this kernel's way to count.
    pub peak_states: u32,
    /// Longest list of checkpoints met.
    pub max_states_per_insn: u32,
    /// Longest climb of a read mark.
    pub mark_read: u32,
    /// Stack depth of each function, in order.
    pub stack_depth: Vec<u32>,
    /// Where something was refused whose words are said, and which is no reason to refuse the program; the first few.
    #[doc(hidden)]
    pub passed_over: Vec<RefusedAt>,
}

/// How a register is used by an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ArgUse {
    /// Read.
    Src,
    /// Written; it becomes unknown.
    Dst,
    /// Written; its content is left to the caller.
    DstNoMark,
}

/// Where the walk goes after an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// To the next instruction.
    Next,
    /// To this instruction.
    Goto(InsnIdx),
    /// The path is over.
    End,
    /// Back in the caller at this instruction.
    Returned(InsnIdx),
}

/// What changes as the walk goes on.
pub(crate) struct Walk {
    /// The walk has begun and is not over.
    pub(crate) walking: bool,
    /// The state being executed.
    pub(crate) cur: State,
    /// The instruction being executed.
    pub(crate) insn_idx: InsnIdx,
    /// The one executed before it on this path.
    pub(crate) prev_insn_idx: Option<InsnIdx>,
    /// Whether the current instruction has a history entry (the last one of `cur.history`).
    pub(crate) has_hist: bool,
    /// Checkpoints and pending paths.
    pub(crate) search: Search,
    /// Live stack slots per chain of calls, where states are compared by that.
    pub(crate) chains: Chains,
    /// Loops as components of the program.
    pub(crate) scc: Scc,
    /// What straight lines of instructions came to.
    pub(crate) lines: Lines,
    /// What comparisons taught.
    pub(crate) compared: Compared,
    /// Figures.
    pub(crate) stats: Stats,
    /// Jump instructions processed.
    pub(crate) jmps_processed: u32,
    /// The last id given out.
    pub(crate) id_gen: u32,
    /// How many resources were copied as states came to hold others.
    pub(crate) copied_refs: u64,
    /// Some direct packet write or read happened that the program type must allow.
    pub(crate) seen_direct_write: bool,
    /// Some path throws an exception.
    pub(crate) seen_exception: bool,
    /// What the explored state being compared differs in.
    pub(crate) suspect: Suspect,
    /// Scratch for comparisons.
    pub(crate) id_map: IdMap,
    /// What of the allowance is used up.
    pub(crate) spent: Spent,
}

impl Default for Walk {
    fn default() -> Walk {
        Walk {
            walking: false,
            cur: State::new(Frame::new(None, FrameNo::OUTERMOST, SubprogIdx::MAIN)),
            insn_idx: InsnIdx(0),
            prev_insn_idx: None,
            has_hist: false,
            search: Search::default(),
            chains: Chains::default(),
            scc: Scc::default(),
            lines: Lines::default(),
            compared: Compared::default(),
            stats: Stats::default(),
            jmps_processed: 0,
            id_gen: 0,
            copied_refs: 0,
            seen_direct_write: false,
            seen_exception: false,
            suspect: Suspect::None,
            id_map: IdMap::default(),
            spent: Spent::default(),
        }
    }
}

/// Who asks, and who listens.
pub(crate) struct Env<'a, O: Observer> {
    /// The kernel asked.
    pub(crate) kernel: &'a Kernel,
    /// How that kernel computes bounds.
    pub(crate) rules: Rules,
    /// The listener.
    pub(crate) obs: &'a mut O,
    /// Test flag: a state is created at every prune point.
    pub(crate) test_state_freq: bool,
    /// Test flag: violated register invariants are an error.
    pub(crate) test_reg_invariants: bool,
    /// The program's alignment is checked strictly.
    pub(crate) strict_alignment: bool,
    /// What is taken for granted; nothing, but in a trial.
    pub(crate) assumed: &'a [Assumption],
    /// A trial's limit of instructions, which may be less than the kernel's.
    pub(crate) max_insns: u32,
}

/// One verification.
pub(crate) struct Verifier<'a, O: Observer> {
    /// The program, and what is known of it.
    pub(crate) program: Program<'a>,
    /// Where the walk is, and what it has seen.
    pub(crate) walk: Walk,
    /// What it is asked for.
    pub(crate) env: Env<'a, O>,
}

impl<'a, O: Observer> Verifier<'a, O> {
    /// A verification that has not begun.
    pub(crate) fn new(
        kernel: &'a Kernel,
        prog: &'a Prog,
        extended: Option<&'a Prog>,
        obs: &'a mut O,
    ) -> Self {
        Verifier {
            program: Program::new(kernel, prog, extended),
            walk: Walk::default(),
            env: Env {
                kernel,
                rules: domain_rules(&kernel.semantics.bounds),
                obs,
                test_state_freq: prog.has(flags::TEST_STATE_FREQ),
                test_reg_invariants: prog.has(flags::TEST_REG_INVARIANTS),
                strict_alignment: prog.has(flags::STRICT_ALIGNMENT) && !prog.has(flags::ANY_ALIGNMENT),
                assumed: &[],
                max_insns: u32::MAX,
            },
        }
    }

    /// The same verification, with another listener from here on, which is told of the maps that are known.
    pub(crate) fn heard_by<'b, P: Observer>(self, obs: &'b mut P) -> Verifier<'b, P>
    where
        'a: 'b,
    {
        if P::LISTENING {
            for map in self.program.maps.as_slice() {
                obs.event(Event::Map { map });
            }
        }
        Verifier {
            program: self.program,
            walk: self.walk,
            env: Env {
                kernel: self.env.kernel,
                rules: self.env.rules,
                obs,
                test_state_freq: self.env.test_state_freq,
                test_reg_invariants: self.env.test_reg_invariants,
                strict_alignment: self.env.strict_alignment,
                assumed: self.env.assumed,
                max_insns: self.env.max_insns,
            },
        }
    }

    /// A fresh id.
    #[inline]
    pub(crate) fn next_id(&mut self) -> u32 {
        self.walk.id_gen += 1;
        self.walk.id_gen
    }

    /// The prototype of a helper that this program may call.
    pub(crate) fn helper_proto(&self, id: i32) -> Option<&'static HelperProto> {
        self.program.helpers.get(u32::try_from(id).ok()?).ok()
    }

    /// The expected attach type as the kernel's tables are asked by it: a number that it does not know counts as none.
    pub(crate) fn attach_type(&self) -> AttachType {
        self.program
            .prog
            .attach_type()
            .unwrap_or(AttachType::CgroupInetIngress)
    }

    /// The instruction being executed.
    #[inline]
    pub(crate) fn insn(&self) -> Insn {
        self.program.insns[self.walk.insn_idx]
    }

    /// Facts about the instruction being executed.
    #[inline]
    pub(crate) fn aux_mut(&mut self) -> &mut InsnAux {
        &mut self.program.aux[self.walk.insn_idx]
    }

    /// A register of the executing frame.
    #[inline]
    pub(crate) fn reg(&self, reg: RegNo) -> &Reg {
        self.walk.cur.reg(reg)
    }

    /// The frame that a stack pointer points into.
    #[inline]
    pub(crate) fn frame_of(&self, reg: &Reg) -> FrameNo {
        reg.frameno.min(self.walk.cur.curframe())
    }

    /// The BTF object behind a handle.
    pub(crate) fn btf(&self, handle: BtfHandle) -> Option<&Arc<Btf>> {
        match handle {
            BtfHandle::VMLINUX => Some(&self.env.kernel.btf),
            BtfHandle::PROGRAM => self.program.prog.btf.as_ref().map(|b| &b.btf),
            handle => {
                let map = usize::try_from(handle.map()?).ok()?;
                let map = self.program.maps.as_slice().get(map);
                map?.btf.as_ref().map(|own| &own.btf)
            }
        }
    }

    /// The index of a map in [`Program::maps`]; it is added when new.
    pub(crate) fn intern_map(&mut self, map: &Arc<Map>) -> MapIdx {
        if let Some(at) = self.program.maps.position(|m| Arc::ptr_eq(m, map)) {
            return at;
        }
        let at = self.program.maps.push(Arc::clone(map));
        if O::LISTENING {
            self.env.obs.event(Event::Map { map });
        }
        at
    }

    /// Shows a register with the next state that is shown.
    #[inline]
    pub(crate) fn scratch_reg(&mut self, reg: RegNo) {
        if O::LISTENING {
            self.env.obs.event(Event::Reg(reg));
        }
    }

    /// Shows a stack slot with the next state that is shown.
    #[inline]
    pub(crate) fn scratch_slot(&mut self, spi: Spi) {
        if O::LISTENING {
            self.env.obs.event(Event::Slot(spi));
        }
    }

    /// Checks and marks the use of a register as an operand (`check_reg_arg`).
    #[inline(always)]
    pub(crate) fn check_reg_arg(&mut self, reg: RegNo, usage: ArgUse) -> Res<()> {
        // The usual cases have nothing to refuse and no read to pass on: before the segment nothing is read
        // once the register was written in it.
        let slot = self.walk.cur.frames.top_mut();
        match (usage, slot.body.regs.get(reg)) {
            _ if O::LISTENING => {}
            (ArgUse::Src, Some(content))
                if !content.is_not_init() && (reg == FP || reg.is_in(slot.marks.read_before(Width::W64))) =>
            {
                return Ok(());
            }
            (ArgUse::DstNoMark, Some(_)) if reg != FP => {
                slot.marks.written |= reg.bit();
                slot.marks.traced &= !reg.bit();
                return Ok(());
            }
            (ArgUse::Src | ArgUse::Dst | ArgUse::DstNoMark, _) => {}
        }
        self.check_reg_arg_of(self.walk.cur.curframe(), reg, usage)
    }

    /// [`Verifier::check_reg_arg`] for a register of another frame.
    pub(crate) fn check_reg_arg_of(&mut self, frame: FrameNo, reg: RegNo, usage: ArgUse) -> Res<()> {
        if reg.index() >= REGS {
            reject!(InvalidInsn, EINVAL, "R{} is invalid\n", reg);
        }
        self.scratch_reg(reg);
        if usage == ArgUse::Src {
            let content = &self.walk.cur.frames[frame].body.regs[reg];
            if content.is_not_init() {
                return uninitialized(reg);
            }
            if reg != FP {
                let wide = self.reads_64(content.is_scalar());
                let marks = &self.walk.cur.frames[frame].marks;
                if !wide && reg.is_in(marks.read_before(Width::W32)) {
                    return Ok(());
                }
                self.mark_reg_read(frame, reg, wide);
                let marks = &mut self.walk.cur.frames[frame].marks;
                match wide {
                    true => marks.climbed |= reg.bit(),
                    false => marks.climbed_half |= reg.bit(),
                }
            }
            return Ok(());
        }
        if reg == FP {
            reject!(FramePointerWrite, EACCES, "frame pointer is read only\n");
        }
        let slot = &mut self.walk.cur.frames[frame];
        slot.marks.written |= reg.bit();
        slot.marks.traced &= !reg.bit();
        if usage == ArgUse::Dst {
            slot.marks.precise &= !reg.bit();
            unshared(&mut slot.body).regs[reg] = Reg::UNKNOWN;
        }
        Ok(())
    }

    /// Replaces a register's content; marks stay, but precision is forgotten.
    #[inline]
    pub(crate) fn set_reg(&mut self, reg: RegNo, value: Reg) {
        self.walk.cur.set_reg(reg, value);
    }

    /// Makes a register an unknown scalar.
    #[inline]
    pub(crate) fn set_unknown(&mut self, reg: RegNo) {
        self.walk.cur.set_reg(reg, Reg::UNKNOWN);
    }

    /// Whether the history has nothing but jumps, and precision is traced by what instructions name.
    #[inline]
    pub(crate) fn remembers_jumps_only(&self) -> bool {
        self.env.kernel.semantics.precision.backtracking == Backtracking::Syntactic
    }

    /// Records the instruction being executed in the history; flags add up (`push_insn_history`).
    pub(crate) fn push_history(&mut self, flags: u16, linked: u64) {
        if self.remembers_jumps_only() && (flags != 0 || linked != 0) {
            return;
        }
        let history = &mut self.walk.search.history;
        if self.walk.has_hist {
            history.replace_last(&mut self.walk.cur.history, |entry| {
                entry.flags |= flags;
                entry.linked = linked;
            });
            return;
        }
        let entry = Hist::new(self.walk.insn_idx, self.walk.prev_insn_idx, flags, linked);
        history.push(&mut self.walk.cur.history, entry);
        self.walk.has_hist = true;
    }
}

#[cold]
fn uninitialized(reg: RegNo) -> Res<()> {
    let text = format!("R{reg} !read_ok\n");
    Err(Failure::rejected(Rule::UninitializedRegister, Errno::EACCES, text).about(|| register(reg)))
}
