//! After the walk: what still rejects, and what rewriting does to the figures.
//!
//! The kernel rewrites the program once it is found safe. Of that, verdict needs what the log shows (stack
//! depths, functions that are gone) and what fails.

use verdict_isa::{class, mode, op};
use verdict_kernel::ctx::has_private_stacks;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::LdAbsCallback;
use verdict_kernel::semantics::log::{BugWords, ExceptionCall};
use verdict_kernel::semantics::stack::FrameSize;
use verdict_kernel::semantics::stack::{FrameStacks, MayGotoBound};
use verdict_kernel::types::RegBase;
use verdict_syscall::LoadedFunc;

use crate::error::{Failure, Res, reject};
use crate::index::{IndexVec, InsnIdx, SubprogIdx};
use crate::observer::Observer;
use crate::state::MAX_FRAMES;
use crate::verifier::Verifier;

/// Stack that a function occupies: whole units.
fn rounded(depth: u16, unit: FrameSize) -> u32 {
    match unit {
        FrameSize::ThirtyTwo => u32::from(depth.max(1)).next_multiple_of(32),
        FrameSize::Sixteen => u32::from(depth).next_multiple_of(16),
    }
}

/// Where the frame of a function lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is small, or was not looked at yet.
    Unknown,
    /// On the common stack, from wherever it is called.
    Common,
    /// On a stack of its own.
    Private,
}

impl Place {
    /// The least frame that is worth a stack of its own (`BPF_PRIV_STACK_MIN_SIZE`).
    const MIN: u32 = 64;

    /// Decides for a function that is entered; `private`: larger frames get stacks of their own.
    fn settle(&mut self, private: bool, depth: u16) {
        if !private {
            *self = Place::Common;
        } else if *self == Place::Unknown && rounded(depth, FrameSize::Sixteen) >= Place::MIN {
            *self = Place::Private;
        }
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// All steps after the walk, in the kernel's order.
    pub(crate) fn after_walk(&mut self) -> Res<()> {
        self.remove_fastcall_spills();
        self.check_max_stack_depth()?;
        self.inline_bpf_loop();
        self.remove_dead_functions();
        self.check_conversions()?;
        // Without a callback of its own, an exception is caught by a function that the kernel appends.
        self.program.catch_appended = self.walk.seen_exception && self.program.exception_callback.is_none();
        self.check_kfuncs_left()?;
        self.expand_may_goto();
        self.check_functions_left()
    }

    /// Loads for which there is no instruction that the JIT or the kernel's own structs could do (`convert_ctx_accesses`).
    fn check_conversions(&self) -> Res<()> {
        let arena_extends = self.env.kernel.machine.jit.arena_sign_extension;
        let loads = self.program.insns.iter().zip(self.program.aux.iter());
        for (insn, aux) in loads.filter(|(insn, _)| insn.class() == class::LDX) {
            let of = |base: RegBase| aux.ptr_type.is_some_and(|ty| ty.is(base));
            if of(RegBase::Arena) && insn.mode() == mode::MEMSX && !arena_extends {
                reject!(
                    InvalidInsn,
                    EOPNOTSUPP,
                    "sign extending loads from arena are not supported yet\n"
                );
            }
            if aux.unconvertible && of(RegBase::Ctx) {
                return self.refuse_conversion(Rule::ContextAccess);
            }
            if aux.unconvertible {
                return self.refuse_conversion(Rule::SocketAccess);
            }
        }
        Ok(())
    }

    /// A field that the checks let pass and that the kernel then finds no load for: it holds that against itself.
    fn refuse_conversion(&self, rule: Rule) -> Res<()> {
        let (errno, text) = match self.env.kernel.semantics.log.bug_words {
            BugWords::Own => (Errno::EINVAL, "bpf verifier is misconfigured\n"),
            BugWords::Alike => (
                Errno::EFAULT,
                "verifier bug: error during ctx access conversion (0)\n",
            ),
        };
        Err(Failure::rejected(rule, errno, text.to_owned()))
    }

    /// Removed spills free their stack (`remove_fastcall_spills_fills`).
    fn remove_fastcall_spills(&mut self) {
        for s in self.program.subprogs.indices() {
            let range = self.program.subprogs[s].start..self.subprog_end(s);
            let insns = self.program.aux.slice(range);
            let removed = insns.iter().any(|aux| aux.fastcall_spills_num > 0);
            let sub = &mut self.program.subprogs[s];
            if removed && !sub.keep_fastcall_stack {
                sub.stack_depth = sub.fastcall_stack_off.unsigned_abs();
            }
        }
    }

    /// The stack of nested calls is limited (`check_max_stack_depth`).
    fn check_max_stack_depth(&mut self) -> Res<()> {
        let mut places = IndexVec::filled(Place::Unknown, self.program.subprogs.len());
        // Asynchronous callbacks come first, so that the main program finds where functions that both call lie.
        for i in self.program.subprogs.indices().rev() {
            let private = i == SubprogIdx::MAIN && self.has_private_stacks();
            if i == SubprogIdx::MAIN || self.program.subprogs[i].is_async_cb {
                self.check_stack_depth_from(i, private, &mut places)?;
            }
        }
        Ok(())
    }

    /// Whether larger frames lie on stacks of their own.
    fn has_private_stacks(&self) -> bool {
        self.env.kernel.semantics.stack.frame_stacks == FrameStacks::Private
            && has_private_stacks(self.program.prog.prog_type, self.attach_type())
            && !self.program.subprogs.iter().any(|sub| sub.has_tail_call)
    }

    fn check_stack_depth_from(
        &mut self,
        root: SubprogIdx,
        private: bool,
        places: &mut IndexVec<SubprogIdx, Place>,
    ) -> Res<()> {
        // Functions on the way, each with the instruction to go on at.
        let mut callers: Vec<(SubprogIdx, InsnIdx)> = Vec::new();
        let mut tail_call_reachable = false;
        places[root].settle(private, self.program.subprogs[root].stack_depth);
        let mut depth = self.enter_function(root, &callers, 0, places[root])?;
        let (mut idx, mut i) = (root, self.program.subprogs[root].start);
        loop {
            if let Some((callee, at)) = self.next_callee(idx, i, &callers)? {
                callers.push((idx, at.next()));
                (idx, i) = (callee, self.program.subprogs[callee].start);
                tail_call_reachable |= self.program.subprogs[idx].has_tail_call;
                if callers.len() >= MAX_FRAMES {
                    reject!(
                        CallDepth,
                        E2BIG,
                        "the call stack of {} frames is too deep !\n",
                        callers.len()
                    );
                }
                places[idx].settle(private, self.program.subprogs[idx].stack_depth);
                depth = self.enter_function(idx, &callers, depth, places[idx])?;
                continue;
            }
            if tail_call_reachable {
                for (caller, _) in &callers {
                    if self.program.subprogs[*caller].is_exception_cb {
                        reject!(
                            ExceptionCallback,
                            EINVAL,
                            "cannot tail call within exception cb\n"
                        );
                    }
                    self.program.subprogs[*caller].tail_call_reachable = true;
                }
            }
            if places[idx] != Place::Private {
                depth -= rounded(
                    self.program.subprogs[idx].stack_depth,
                    self.env.kernel.semantics.stack.frame_size,
                );
            }
            match callers.pop() {
                None => return Ok(()),
                Some((caller, at)) => (idx, i) = (caller, at),
            }
        }
    }

    /// Adds a function's stack to that of its callers; gives the sum.
    fn enter_function(
        &self,
        idx: SubprogIdx,
        callers: &[(SubprogIdx, InsnIdx)],
        depth: u32,
        place: Place,
    ) -> Res<u32> {
        let sub = &self.program.subprogs[idx];
        let placed = self.env.kernel.semantics.control.ld_abs_callback == LdAbsCallback::Refused;
        if placed
            && sub.has_ld_abs
            && (sub.is_cb || callers.iter().any(|(c, _)| self.program.subprogs[*c].is_cb))
        {
            reject!(
                LdAbsPlacement,
                EINVAL,
                "cannot use BPF_LD_[ABS|IND] within callback\n"
            );
        }
        if idx != SubprogIdx::MAIN && sub.has_tail_call && depth >= self.env.kernel.limits.tail_call_stack {
            reject!(
                TailCallPlacement,
                EACCES,
                "tail_calls are not allowed when call stack of previous frames is {} bytes. Too large\n",
                depth
            );
        }
        let own = rounded(sub.stack_depth, self.env.kernel.semantics.stack.frame_size);
        if place == Place::Private {
            if own > self.env.kernel.limits.stack {
                reject!(
                    StackDepth,
                    EACCES,
                    "stack size of subprog {idx} is {own}. Too large\n"
                );
            }
            return Ok(depth);
        }
        let depth = depth + own;
        if depth > self.env.kernel.limits.stack {
            reject!(
                StackDepth,
                EACCES,
                "combined stack size of {} calls is {}. Too large\n",
                callers.len() + 1,
                depth
            );
        }
        Ok(depth)
    }

    /// The next function called from `idx` at or behind instruction `from`, and the calling instruction.
    fn next_callee(
        &self,
        idx: SubprogIdx,
        from: InsnIdx,
        callers: &[(SubprogIdx, InsnIdx)],
    ) -> Res<Option<(SubprogIdx, InsnIdx)>> {
        for i in InsnIdx::range(from..self.subprog_end(idx)) {
            let insn = self.program.insns[i];
            if insn.is_kfunc_call() && insn.off == 0 {
                let in_cb = self.program.subprogs[idx].is_cb
                    || callers.iter().any(|(c, _)| self.program.subprogs[*c].is_cb);
                if self.is_throw_kfunc(insn.imm) && in_cb {
                    reject!(
                        ExceptionCallback,
                        EINVAL,
                        "bpf_throw kfunc (insn {}) cannot be called from callback subprog {}\n",
                        i,
                        idx
                    );
                }
                continue;
            }
            if !insn.is_subprog_call() && !insn.is_func_ref() {
                continue;
            }
            let Some(callee) = self.subprog_at(i.jump(insn.imm)) else {
                reject!(VerifierBug, EFAULT)
            };
            let sub = &self.program.subprogs[callee];
            if sub.is_async_cb {
                if sub.has_tail_call {
                    reject!(
                        VerifierBug,
                        EFAULT,
                        "verifier bug. subprog has tail_call and async cb\n"
                    );
                }
                // Asynchronous callbacks have a stack of their own.
                if !insn.is_subprog_call() {
                    continue;
                }
                if sub.is_exception_cb {
                    let end = match self.env.kernel.semantics.log.exception_call {
                        ExceptionCall::Line => "\n",
                        ExceptionCall::Unended => "",
                    };
                    reject!(
                        ExceptionCallback,
                        EINVAL,
                        "insn {i} cannot call exception cb directly{end}"
                    );
                }
            }
            return Ok(Some((callee, i)));
        }
        Ok(None)
    }

    /// A `bpf_loop` that is replaced by a loop saves three registers (`optimize_bpf_loop`).
    fn inline_bpf_loop(&mut self) {
        for s in self.program.subprogs.indices() {
            let range = self.program.subprogs[s].start..self.subprog_end(s);
            let inlined = InsnIdx::range(range).any(|i| self.is_inlined_loop(i));
            if inlined {
                let depth = &mut self.program.subprogs[s].stack_depth;
                *depth = depth.next_multiple_of(8) + 24;
            }
        }
    }

    /// Functions that no path reached are removed with other dead code (`opt_remove_dead_code`).
    fn remove_dead_functions(&mut self) {
        let dead = self
            .program
            .subprogs
            .indices()
            .map(|s| {
                let insns = self
                    .program
                    .aux
                    .slice(self.program.subprogs[s].start..self.subprog_end(s));
                s != SubprogIdx::MAIN && insns.iter().all(|aux| !aux.seen)
            })
            .collect();
        self.program.dead_subprogs = dead;
    }

    /// The functions that remain, for programs that attach to them.
    ///
    /// A quirk: where functions were removed, those behind them change their numbers, but whether BTF holds is kept
    /// by the old ones.
    pub(crate) fn loaded_funcs(&self) -> Vec<LoadedFunc> {
        let records = self
            .program
            .prog
            .func_info
            .iter()
            .zip(self.program.subprogs.enumerated());
        let remaining =
            records.filter(|(_, (s, _))| !self.program.dead_subprogs.get(*s).copied().unwrap_or(false));
        remaining
            .zip(self.program.subprogs.iter())
            .map(|((record, (_, sub)), numbered)| LoadedFunc {
                type_id: record.type_id,
                unreliable: numbered.unreliable,
                changes_pkt_data: sub.changes_pkt_data,
                is_exception_cb: sub.is_exception_cb,
            })
            .collect()
    }

    /// Every function with a `may_goto` keeps a counter on its stack (`do_misc_fixups`).
    fn expand_may_goto(&mut self) {
        let bytes = match self.env.kernel.semantics.stack.may_goto_bound {
            MayGotoBound::Rounds => 8,
            MayGotoBound::Time => 16,
        };
        for s in self.program.subprogs.indices() {
            let range = self.program.subprogs[s].start..self.subprog_end(s);
            let has = InsnIdx::range(range).any(|i| {
                let insn = self.program.insns[i];
                // One that goes to the next instruction is removed before.
                insn.code == (class::JMP | op::JCOND) && insn.off != 0 && self.program.aux[i].seen
            });
            if has {
                self.program.subprogs[s].stack_depth += bytes;
                self.program.subprogs[s].stack_extra = bytes;
            }
        }
    }
}
