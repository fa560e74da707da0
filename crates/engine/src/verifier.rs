//! The verification of one program: what all checks share.

use std::sync::Arc;

use verdict_btf::Btf;
use verdict_domain::Rules;
use verdict_isa::{Atomic, AtomicOp, Insn, Jump, Malformed, Op, decode, deferred_fault};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::helper::{HelperProto, Helpers};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{AcquireRelease, Control, MayGotoNext};
use verdict_kernel::types::RegType;
use verdict_syscall::prog::flags;
use verdict_syscall::{AttachInfo, Map, Prog, SubprogArg};

use crate::call::Kfuncs;
use crate::cfg::PostOrder;
use crate::equiv::{IdMap, Suspect};
use crate::error::{About, Failure, Res, register, reject};
use crate::explore::{Scc, Search};
use crate::liveness::Chains;
use crate::observer::{Event, Observer};
use crate::precision::back_regs;
use crate::rules::domain_rules;
use crate::state::{BtfHandle, FP, Frame, Hist, NO_LINK, REGS, Reg, State, unshared};

/// What is remembered of an instruction across paths.
#[derive(Clone, Debug, Default)]
pub struct InsnAux {
    /// States are compared, and checkpoints may be taken, here.
    pub prune_point: bool,
    /// Arrival here is recorded in the history.
    pub jmp_point: bool,
    /// Some jump goes here.
    pub jump_target: bool,
    /// A checkpoint is always taken here.
    pub force_checkpoint: bool,
    /// The instruction calls a synchronous callback.
    pub calls_callback: bool,
    /// It is a call of an iterator's `next`.
    pub is_iter_next: bool,
    /// Pointer type that a load or store was executed with; 0 is none yet.
    pub ptr_type: u32,
    /// Executed at least once.
    pub seen: bool,
    /// It accesses a field that nothing converts.
    pub unconvertible: bool,
    /// Spill or fill of a `bpf_fastcall` pattern.
    pub fastcall_pattern: bool,
    /// Number of spill/fill pairs around a `bpf_fastcall` call.
    pub fastcall_spills_num: u8,
    /// What an `ld_imm64` loads, once resolved.
    pub imm64: Imm64,
    /// Index of the map that a helper call was made with, the last time it was.
    pub map: Option<u32>,
    /// How `bpf_loop` was called here.
    pub loop_inline: LoopInline,
    /// For object allocation: the type's special fields exist.
    pub kptr_struct_meta: bool,
    /// A percpu object was given to `bpf_{this,per}_cpu_ptr`.
    pub call_with_percpu_alloc_ptr: bool,
    /// The call may not sleep when it allocates local storage.
    pub storage_get_func_atomic: bool,
}

/// How a `bpf_loop` call was made, which decides whether it is rewritten afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoopInline {
    /// Seen at all.
    pub initialized: bool,
    /// Always the same callback and no flags.
    pub fit_for_inline: bool,
    /// The callback.
    pub callback_subprogno: u32,
}

/// What an `ld_imm64` loads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Imm64 {
    /// A number, or not resolved.
    #[default]
    Plain,
    /// A map.
    Map {
        /// Index in [`Verifier::maps`].
        map: u32,
    },
    /// An address in a map's value.
    MapValue {
        /// Index in [`Verifier::maps`].
        map: u32,
        /// Offset in the value.
        off: u32,
    },
    /// A kernel variable or function that BTF describes.
    BtfVar {
        /// Register type.
        ty: RegType,
        /// BTF of the type.
        btf: BtfHandle,
        /// Type of a struct-typed variable.
        btf_id: u32,
        /// Size of another variable.
        mem_size: u32,
    },
}

/// A function of the program.
#[derive(Clone, Debug, Default)]
pub struct Subprog {
    /// First instruction.
    pub start: u32,
    /// Bytes of stack used.
    pub stack_depth: u16,
    /// Bytes of stack added by rewriting after verification.
    pub stack_extra: u16,
    /// Below this offset the stack holds nothing but `bpf_fastcall` spills.
    pub fastcall_stack_off: i16,
    /// Calls `bpf_tail_call`.
    pub has_tail_call: bool,
    /// A tail call can be reached from it.
    pub tail_call_reachable: bool,
    /// Uses `ld_abs`.
    pub has_ld_abs: bool,
    /// Is a callback.
    pub is_cb: bool,
    /// Is an asynchronous callback.
    pub is_async_cb: bool,
    /// Is the exception callback.
    pub is_exception_cb: bool,
    /// `bpf_fastcall` spills cannot be removed.
    pub keep_fastcall_stack: bool,
    /// May change packet data.
    pub changes_pkt_data: bool,
    /// May sleep.
    pub might_sleep: bool,
    /// Arguments, once prepared (`args_cached`).
    pub args: Option<Vec<SubprogArg>>,
    /// Is global, by BTF linkage.
    pub is_global: bool,
    /// Was called (global functions).
    pub called: bool,
    /// Was verified (global functions).
    pub verified: bool,
    /// Its BTF does not match what the program does (`func_info_aux.unreliable`).
    pub unreliable: bool,
    /// Name from BTF, if any.
    pub name: String,
}

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
}

/// How a register is used by an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgUse {
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
    Goto(u32),
    /// The path is over.
    End,
    /// Back in the caller at this instruction.
    Returned(u32),
}

/// One verification.
pub struct Verifier<'a, O: Observer> {
    /// The kernel asked.
    pub kernel: &'a Kernel,
    /// How that kernel computes bounds.
    pub(crate) rules: Rules,
    /// The program.
    pub prog: &'a Prog,
    /// An extension as a program of the kind that it extends; it takes the place of `prog` once it is clear what that is.
    pub(crate) extended: Option<&'a Prog>,
    /// The listener.
    pub obs: &'a mut O,
    /// Instructions.
    pub insns: Vec<Insn>,
    /// The same, decoded.
    pub ops: Vec<Result<Op, Malformed>>,
    /// Per instruction the registers whose being wanted precisely makes backtracking look at it.
    pub(crate) back_regs: Vec<u16>,
    /// Facts about instructions.
    pub aux: Vec<InsnAux>,
    /// Instructions in post-order.
    pub(crate) order: PostOrder,
    /// Per instruction the registers that are live before it, where states are compared by that.
    pub(crate) live_regs: Vec<u16>,
    /// Live stack slots per chain of calls; the same.
    pub(crate) chains: Chains,
    /// Loops as components of the program.
    pub(crate) scc: Scc,
    /// Functions in the order of their starts.
    pub subprogs: Vec<Subprog>,
    /// Maps in the order of their first use, and inner maps met on the way.
    pub maps: Vec<Arc<Map>>,
    /// How many of `maps` the program itself names.
    pub used_maps: usize,
    /// What the program attaches to.
    pub attach: AttachInfo,
    /// The state being executed.
    pub cur: State,
    /// The instruction being executed.
    pub insn_idx: u32,
    /// The one executed before it; -1 at the start.
    pub prev_insn_idx: i32,
    /// Whether the current instruction has a history entry (the last one of `cur.history`).
    pub has_hist: bool,
    /// Checkpoints and pending paths.
    pub search: Search,
    /// Figures.
    pub stats: Stats,
    /// Jump instructions processed.
    pub jmps_processed: u32,
    /// The last id given out.
    pub id_gen: u32,
    /// Subprogram of the exception callback; 0 is none.
    pub exception_callback_subprog: u32,
    /// Some direct packet write or read happened that the program type must allow.
    pub seen_direct_write: bool,
    /// Some path throws an exception.
    pub seen_exception: bool,
    /// A function that catches exceptions was appended to the program.
    pub catch_appended: bool,
    /// The walk has begun and is not over.
    pub walking: bool,
    /// Functions that were removed as dead code after verification.
    pub dead_subprogs: Vec<bool>,
    /// What the explored state being compared differs in.
    pub(crate) suspect: Suspect,
    /// Scratch for comparisons.
    pub(crate) id_map: IdMap,
    /// Kernel functions that this program names.
    pub(crate) kfuncs: Kfuncs,
    /// Helpers that this program may call.
    pub helpers: Helpers,
    /// Test flag: a state is created at every prune point.
    pub test_state_freq: bool,
    /// Test flag: violated register invariants are an error.
    pub test_reg_invariants: bool,
    /// The program's alignment is checked strictly.
    pub strict_alignment: bool,
}

impl<'a, O: Observer> Verifier<'a, O> {
    /// A verification that has not begun.
    pub(crate) fn new(
        kernel: &'a Kernel,
        prog: &'a Prog,
        extended: Option<&'a Prog>,
        obs: &'a mut O,
    ) -> Self {
        let insns = prog.insns.clone();
        let ops: Vec<_> = (0..insns.len())
            .map(|i| decode_for_walk(&kernel.semantics.control, &insns, i))
            .collect();
        let back_regs = ops.iter().map(back_regs).collect();
        let aux = vec![InsnAux::default(); insns.len()];
        Verifier {
            kernel,
            rules: domain_rules(&kernel.semantics.bounds),
            prog,
            extended,
            obs,
            insns,
            ops,
            back_regs,
            aux,
            order: PostOrder::default(),
            live_regs: Vec::new(),
            chains: Chains::default(),
            scc: Scc::default(),
            subprogs: Vec::new(),
            maps: Vec::new(),
            used_maps: 0,
            attach: AttachInfo::default(),
            cur: State::new(Frame::new(-1, 0, 0)),
            insn_idx: 0,
            prev_insn_idx: -1,
            has_hist: false,
            search: Search::default(),
            stats: Stats::default(),
            jmps_processed: 0,
            id_gen: 0,
            exception_callback_subprog: 0,
            seen_direct_write: false,
            seen_exception: false,
            catch_appended: false,
            walking: false,
            dead_subprogs: Vec::new(),
            kfuncs: Kfuncs::default(),
            suspect: Suspect::None,
            id_map: IdMap::default(),
            helpers: Helpers::none(),
            test_state_freq: prog.has(flags::TEST_STATE_FREQ),
            test_reg_invariants: prog.has(flags::TEST_REG_INVARIANTS),
            strict_alignment: prog.has(flags::STRICT_ALIGNMENT) && !prog.has(flags::ANY_ALIGNMENT),
        }
    }

    /// A fresh id.
    #[inline]
    pub fn next_id(&mut self) -> u32 {
        self.id_gen += 1;
        self.id_gen
    }

    /// The prototype of a helper that this program may call.
    pub fn helper_proto(&self, id: i32) -> Option<&'static HelperProto> {
        self.helpers.get(u32::try_from(id).ok()?).ok()
    }

    /// The instruction being executed.
    #[inline]
    pub fn insn(&self) -> Insn {
        self.insns[self.insn_idx as usize]
    }

    /// Facts about the instruction being executed.
    #[inline]
    pub fn aux_mut(&mut self) -> &mut InsnAux {
        &mut self.aux[self.insn_idx as usize]
    }

    /// A register of the executing frame.
    #[inline]
    pub fn reg(&self, reg: usize) -> &Reg {
        self.cur.reg(reg)
    }

    /// Index of the frame that a stack pointer points into.
    #[inline]
    pub fn frame_of(&self, reg: &Reg) -> usize {
        (reg.frameno as usize).min(self.cur.curframe())
    }

    /// The BTF object behind a handle.
    pub fn btf(&self, handle: BtfHandle) -> Option<&Arc<Btf>> {
        match handle {
            BtfHandle::VMLINUX => Some(&self.kernel.btf),
            BtfHandle::PROGRAM => self.prog.btf.as_ref().map(|b| &b.btf),
            _ => None,
        }
    }

    /// The index of a map in [`Verifier::maps`]; it is added when new.
    pub fn intern_map(&mut self, map: &Arc<Map>) -> u32 {
        if let Some(at) = self.maps.iter().position(|m| Arc::ptr_eq(m, map)) {
            return at as u32;
        }
        self.maps.push(Arc::clone(map));
        if O::LISTENING {
            self.obs.event(Event::Map { map });
        }
        (self.maps.len() - 1) as u32
    }

    /// Shows a register with the next state that is shown.
    #[inline]
    pub fn scratch_reg(&mut self, reg: usize) {
        if O::LISTENING {
            self.obs.event(Event::Reg(reg));
        }
    }

    /// Shows a stack slot with the next state that is shown.
    #[inline]
    pub fn scratch_slot(&mut self, spi: usize) {
        if O::LISTENING {
            self.obs.event(Event::Slot(spi));
        }
    }

    /// Checks and marks the use of a register as an operand (`check_reg_arg`).
    #[inline]
    pub fn check_reg_arg(&mut self, reg: usize, usage: ArgUse) -> Res<()> {
        // The usual cases have nothing to refuse and no read to pass on: before the segment nothing is read
        // once the register was written in it.
        let slot = self.cur.frames.top_mut();
        match (usage, slot.body.regs.get(reg)) {
            _ if O::LISTENING => {}
            (ArgUse::Src, Some(content))
                if !content.is_not_init() && (reg == FP || slot.marks.written >> reg & 1 != 0) =>
            {
                return Ok(());
            }
            (ArgUse::DstNoMark, Some(_)) if reg != FP => {
                slot.marks.written |= 1 << reg;
                return Ok(());
            }
            (ArgUse::Src | ArgUse::Dst | ArgUse::DstNoMark, _) => {}
        }
        self.check_reg_arg_of(self.cur.curframe(), reg, usage)
    }

    /// [`Verifier::check_reg_arg`] for a register of another frame.
    pub fn check_reg_arg_of(&mut self, frame: usize, reg: usize, usage: ArgUse) -> Res<()> {
        if reg >= REGS {
            reject!(InvalidInsn, EINVAL, "R{} is invalid\n", reg);
        }
        self.scratch_reg(reg);
        if usage == ArgUse::Src {
            let content = &self.cur.frames[frame].body.regs[reg];
            if content.is_not_init() {
                return uninitialized(reg);
            }
            if reg != FP {
                let wide = self.reads_64(content.is_scalar());
                self.mark_reg_read(frame, reg, wide);
            }
            return Ok(());
        }
        if reg == FP {
            reject!(FramePointerWrite, EACCES, "frame pointer is read only\n");
        }
        let slot = &mut self.cur.frames[frame];
        slot.marks.written |= 1 << reg;
        if usage == ArgUse::Dst {
            slot.marks.precise &= !(1 << reg);
            unshared(&mut slot.body).regs[reg] = Reg::UNKNOWN;
        }
        Ok(())
    }

    /// Replaces a register's content; marks stay, but precision is forgotten.
    #[inline]
    pub fn set_reg(&mut self, reg: usize, value: Reg) {
        self.cur.set_reg(reg, value);
    }

    /// Makes a register an unknown scalar.
    #[inline]
    pub fn set_unknown(&mut self, reg: usize) {
        self.cur.set_reg(reg, Reg::UNKNOWN);
    }

    /// Records the instruction being executed in the history; flags add up (`push_insn_history`).
    pub fn push_history(&mut self, flags: u16, linked: u64) {
        let history = &mut self.search.history;
        if self.has_hist {
            history.replace_last(&mut self.cur.history, |entry| {
                entry.flags |= flags;
                entry.linked = linked;
            });
            return;
        }
        // -1 before the first instruction wraps in the kernel's 20-bit field; nothing walks past the start.
        let prev_idx = self.prev_insn_idx as u32;
        let entry = Hist {
            idx: self.insn_idx,
            prev_idx,
            before: None,
            flags,
            walked_regs: 0,
            walked_slots: 0,
            linked,
        };
        history.push(&mut self.cur.history, entry);
        self.has_hist = true;
    }

    /// Links no register of a frame to a parent.
    pub fn unlink(&mut self, frame: usize) {
        self.cur.frames[frame].marks.links = [NO_LINK; REGS];
    }
}

/// An instruction as the walk executes it; faults that the kernel notices late are still faults.
fn decode_for_walk(control: &Control, insns: &[Insn], at: usize) -> Result<Op, Malformed> {
    let op = decode(&insns[at], insns.get(at + 1))?;
    match op {
        Op::Jump(Jump::MayGoto { off: off @ 0 }) if control.may_goto_next == MayGotoNext::Refused => {
            return Err(Malformed::MayGoto { off, imm: 0 });
        }
        Op::Atomic(Atomic {
            op: AtomicOp::LoadAcquire | AtomicOp::StoreRelease,
            ..
        }) if control.acquire_release == AcquireRelease::Unknown => {
            return Err(Malformed::AtomicOpcode(insns[at].imm));
        }
        _ => {}
    }
    match deferred_fault(&insns[at]) {
        None => Ok(op),
        Some(fault) => Err(fault),
    }
}

#[cold]
fn uninitialized(reg: usize) -> Res<()> {
    let text = format!("R{reg} !read_ok\n");
    Err(Failure::rejected(Rule::UninitializedRegister, Errno::EACCES, text).about(|| register(reg)))
}
