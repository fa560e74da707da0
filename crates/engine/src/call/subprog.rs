//! Calls of the program's own functions, and returns from them.
//!
//! A static function is walked as if it stood in place of the call, in a frame of its own. A global function
//! is verified once, by its BTF; a call only checks the arguments.

use std::rc::Rc;

use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Fact, Rule};
use verdict_kernel::semantics::control::{GlobalCall, PacketChanges};
use verdict_kernel::semantics::log::GlobalWords;
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};
use verdict_syscall::SubprogArg;

use crate::error::{About, Failure, Res, register, reject, say, say1};
use crate::index::{FrameNo, Idx, InsnIdx, R0, RegNo, SubprogIdx};
use crate::observer::{CallKind, Event, Observer};
use crate::state::{Frame, FrameSlot, LAST_FRAME, Marks, Reg, State, unshared};
use crate::verifier::{Flow, Verifier};
use crate::words::or_minus_one;

impl<O: Observer> Verifier<'_, O> {
    /// Executes a call of a function (`check_func_call`).
    pub(super) fn check_func_call(&mut self, off: i32) -> Res<Flow> {
        let idx = self.walk.insn_idx;
        let target = idx.jump(off);
        let Some(subprog) = self.subprog_at(target) else {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier bug. No program starts at insn {}\n",
                target
            );
        };
        let matched = self.check_subprog_args(subprog);
        if let Err(failure) = &matched
            && failure.errno().is_none_or(|e| e == Errno::EFAULT)
        {
            matched?;
            return Ok(Flow::Next);
        }
        if self.program.subprogs[subprog].is_global {
            return self.call_global(subprog, matched);
        }
        // A refused argument of a static function only means that its BTF is not trusted.
        if let Err(failure) = matched {
            self.say_failure(&failure);
        }
        let mut state = std::mem::replace(
            &mut self.walk.cur,
            State::new(Frame::new(None, FrameNo::OUTERMOST, SubprogIdx::MAIN)),
        );
        let entered = self.enter_frame(&mut state, subprog, idx);
        self.walk.cur = state;
        let caller = entered?;
        let callee = caller.callee();
        for r in RegNo::args() {
            let value = self.walk.cur.frames[caller].body.regs[r];
            self.walk.cur.frame_at_mut(callee).regs[r] = value;
            let from = self.walk.cur.frames[caller].marks;
            self.walk.cur.frames[callee].marks.copy_struct(r, &from, r);
        }
        self.clear_caller_saved(caller);
        self.leave_chain();
        self.show_entered(idx, subprog, caller);
        Ok(Flow::Goto(self.program.subprogs[subprog].start))
    }

    /// Tells that a function was entered from this frame.
    pub(super) fn show_entered(&mut self, idx: InsnIdx, subprog: SubprogIdx, caller: FrameNo) {
        if O::LISTENING {
            let (state, subprog) = (&self.walk.cur, subprog.0);
            self.env.obs.event(Event::Call {
                state,
                idx: idx.0,
                subprog,
                how: CallKind::Entered,
            });
            self.show_frame("caller:\n", caller);
            self.show_frame("callee:\n", caller.callee());
        }
    }

    fn show_frame(&mut self, title: &str, frame: FrameNo) {
        if O::LISTENING {
            self.env.obs.event(Event::Text {
                level: 1,
                text: format_args!("{title}"),
            });
            self.env.obs.event(Event::FrameState {
                level: 1,
                state: &self.walk.cur,
                frame,
            });
        }
    }

    fn call_global(&mut self, subprog: SubprogIdx, matched: Res<()>) -> Res<Flow> {
        if self.walk.cur.active_lock.is_some() {
            if let Err(failure) = matched {
                self.say_failure(&failure);
            }
            reject!(
                CallUnderLock,
                EINVAL,
                "global function calls are not allowed while holding a lock,\nuse static function instead\n"
            );
        }
        if let Err(failure) = self.check_global_context(subprog) {
            if let Err(failure) = matched {
                self.say_failure(&failure);
            }
            return Err(failure);
        }
        if let Err(mut failure) = matched {
            let Failure::Rejected(r) = &mut *failure else {
                return Err(failure);
            };
            let name = self.named_function(subprog);
            let (space, name) = if name.is_empty() {
                ("", "")
            } else {
                (" ", name.trim_end())
            };
            let words = format!("Caller passes invalid args into func#{subprog}{space}{name}\n");
            r.text.push_str(&words);
            r.insn = None;
            return Err(failure);
        }
        match self.env.kernel.semantics.log.global_words {
            GlobalWords::Number => say1!(self, "Func#{} is global and valid. Skipping.\n", subprog),
            GlobalWords::Name => say!(
                self,
                "Func#{} {}is global and assumed valid.\n",
                subprog,
                self.named_function(subprog)
            ),
        }
        let followed = self.env.kernel.semantics.control.packet_changes == PacketChanges::Followed;
        if followed && self.program.subprogs[subprog].changes_pkt_data {
            self.clear_all_pkt_pointers();
        }
        self.program.subprogs[subprog].called = true;
        let top = self.walk.cur.curframe();
        self.clear_caller_saved(top);
        self.set_unknown(R0);
        if O::LISTENING {
            let (state, idx, subprog) = (&self.walk.cur, self.walk.insn_idx, subprog.0);
            self.env.obs.event(Event::Call {
                state,
                idx: idx.0,
                subprog,
                how: CallKind::AssumedValid,
            });
        }
        Ok(Flow::Next)
    }

    /// Whether a global function may be called in the region that the call is in.
    fn check_global_context(&self, subprog: SubprogIdx) -> Res<()> {
        let (state, preemptible) = (&self.walk.cur, self.walk.cur.active_preempt_lock == 0);
        match self.env.kernel.semantics.control.global_call {
            GlobalCall::Preemptible if !preemptible => reject!(
                CallUnderLock,
                EINVAL,
                "global function calls are not allowed with preemption disabled,\nuse static function instead\n"
            ),
            GlobalCall::MightSleep if self.program.subprogs[subprog].might_sleep => {
                let atomic = state.active_rcu_locks != 0 || !preemptible || state.active_irq != 0;
                if atomic || !self.in_sleepable() {
                    reject!(
                        SleepInRegion,
                        EINVAL,
                        "global functions that may sleep are not allowed in non-sleepable context,\n\
                         i.e., in a RCU/IRQ/preempt-disabled section, or in\n\
                         a non-sleepable BPF program context\n"
                    );
                }
                Ok(())
            }
            GlobalCall::Preemptible | GlobalCall::MightSleep => Ok(()),
        }
    }

    /// R0 to R5 of a frame are gone after a call (`clear_caller_saved_regs`).
    pub(crate) fn clear_caller_saved(&mut self, frame: FrameNo) {
        let slot = &mut self.walk.cur.frames[frame];
        let regs = &mut unshared(&mut slot.body).regs;
        for r in RegNo::caller_saved() {
            regs[r] = Reg::NOT_INIT;
            slot.marks.precise &= !r.bit();
            slot.marks.written |= r.bit();
        }
        for r in RegNo::caller_saved() {
            self.scratch_reg(r);
        }
    }

    /// Adds a frame for a function called at `callsite`; resources go to it. Gives the caller's number
    /// (`setup_func_entry`).
    pub(super) fn enter_frame(
        &mut self,
        state: &mut State,
        subprog: SubprogIdx,
        callsite: InsnIdx,
    ) -> Res<FrameNo> {
        let caller = state.curframe();
        if caller >= LAST_FRAME {
            reject!(
                CallDepth,
                E2BIG,
                "the call stack of {} frames is too deep\n",
                caller.0 + 2
            );
        }
        let mut callee = Frame::new(Some(callsite), caller.callee(), subprog);
        callee.refs.clone_from(&state.frames[caller].body.refs);
        state.frames.push(FrameSlot {
            body: Rc::new(callee),
            marks: Marks::NONE,
        });
        if O::LISTENING {
            self.env.obs.event(Event::All);
        }
        Ok(caller)
    }

    /// Whether the registers are what a function's BTF declares (`btf_check_subprog_call`). A function for
    /// which they once were not is not asked again.
    pub(super) fn check_subprog_args(&mut self, subprog: SubprogIdx) -> Res<()> {
        self.check_subprog_args_as(subprog, true)
    }

    /// The same, at a call or not.
    pub(super) fn check_subprog_args_as(&mut self, subprog: SubprogIdx, at_call: bool) -> Res<()> {
        if self.program.prog.func_info.is_empty() {
            reject!(GlobalArgument, EINVAL);
        }
        if self
            .program
            .prog
            .func_info
            .get(subprog.index())
            .is_none_or(|f| f.type_id.0 == 0)
        {
            reject!(GlobalArgument, EFAULT);
        }
        if self.program.subprogs[subprog].unreliable {
            reject!(GlobalArgument, EINVAL);
        }
        let matched = match self.takes_arguments_by_type() {
            true => self.match_args_by_type(subprog, at_call),
            false => self.match_subprog_args(subprog),
        };
        if matched.is_err() {
            self.program.subprogs[subprog].unreliable = true;
        }
        matched
    }

    fn match_subprog_args(&mut self, subprog: SubprogIdx) -> Res<()> {
        self.prepare_func_args(subprog)?;
        let args = self.program.subprogs[subprog].args.clone().unwrap_or_default();
        for (i, arg) in args.iter().enumerate().take(5) {
            self.match_subprog_arg(i, arg)
                .about(|| register(RegNo::of_arg(i)))?;
        }
        Ok(())
    }

    fn match_subprog_arg(&mut self, i: usize, arg: &SubprogArg) -> Res<()> {
        let regno = RegNo::of_arg(i);
        let reg = *self.reg(regno);
        // Such memory is read by instructions that survive wrong addresses: anything may be passed.
        if arg.ty.has(Flags::UNTRUSTED) {
            return Ok(());
        }
        match arg.ty.base() {
            ArgBase::Anything => {
                if !reg.is_scalar() {
                    reject!(GlobalArgument, EINVAL, "R{} is not a scalar\n", regno);
                }
            }
            ArgBase::Ctx => {
                self.check_func_arg_reg_off(&reg, regno, ArgType::from(ArgBase::DontCare))?;
                if !reg.ty.is(RegBase::Ctx) {
                    reject!(GlobalArgument, EINVAL, "arg#{} expects pointer to ctx\n", i);
                }
            }
            ArgBase::Mem => {
                self.check_func_arg_reg_off(&reg, regno, ArgType::from(ArgBase::DontCare))?;
                if let Err(failure) = self.check_mem_reg(regno, arg.mem_size) {
                    return Err(crate::memory::as_errno(failure, Errno::EINVAL));
                }
                if !arg.ty.has(Flags::MAYBE_NULL) && reg.ty.has(Flags::MAYBE_NULL) {
                    reject!(GlobalArgument, EINVAL, "arg#{} is expected to be non-NULL\n", i);
                }
            }
            ArgBase::Arena => {
                if !reg.ty.is(RegBase::Arena) && !reg.is_scalar() {
                    reject!(
                        GlobalArgument,
                        EINVAL,
                        "R{} is not a pointer to arena or scalar.\n",
                        regno
                    );
                }
            }
            ArgBase::Dynptr => {
                self.check_func_arg_reg_off(&reg, regno, ArgType::from(ArgBase::Dynptr))?;
                self.process_dynptr_func(regno, arg.ty, 0)?;
            }
            ArgBase::BtfId => {
                if reg.is_null() && arg.ty.has(Flags::MAYBE_NULL) {
                    return Ok(());
                }
                self.check_reg_type_btf(regno, arg.ty, arg.btf_id)?;
                self.check_func_arg_reg_off(&reg, regno, arg.ty)?;
            }
            _ => reject!(
                VerifierBug,
                EFAULT,
                "verifier bug: unrecognized arg#{} type {}\n",
                i,
                arg.ty.0
            ),
        }
        Ok(())
    }

    /// Returns to the caller, or from a callback to the call that runs it (`prepare_func_exit`).
    pub(crate) fn prepare_func_exit(&mut self) -> Res<Flow> {
        if self.by_chains() {
            self.update_live_stack();
        }
        let top = self.walk.cur.curframe();
        let r0 = *self.reg(R0);
        if r0.ty.is(RegBase::Stack) {
            reject!(
                StackPointerEscape,
                EINVAL,
                "cannot return stack pointer to the caller\n"
            );
        }
        let Some(caller) = top.caller() else {
            return Err(Failure::bug("a return from the outermost frame"));
        };
        let in_callback = self.walk.cur.frame().in_callback_fn;
        if in_callback {
            self.check_callback_return(top, &r0)?;
        } else {
            let from = self.walk.cur.frames[top].marks;
            self.walk.cur.frames[caller].marks.copy_struct(R0, &from, R0);
            let refs = self.walk.cur.frame().refs.clone();
            let body = self.walk.cur.frame_at_mut(caller);
            body.regs[R0] = r0;
            body.refs = refs;
        }
        let Some(callsite) = self.walk.cur.frame().callsite else {
            return Err(Failure::bug("a return from the outermost frame"));
        };
        let again = in_callback && !self.walks_callbacks_once();
        let to = if again { callsite } else { callsite.next() };
        if O::LISTENING {
            self.show_frame("returning from callee:\n", top);
            self.show_frame(&format!("to caller at {to}:\n"), caller);
        }
        self.walk.cur.frames.pop();
        if again && let Some(prev) = self.find_prev_entry(None, to) {
            self.widen_current(prev);
        }
        Ok(Flow::Returned(to))
    }

    fn check_callback_return(&mut self, top: FrameNo, r0: &Reg) -> Res<()> {
        if !r0.is_scalar() {
            reject!(CallbackReturn, EACCES, "R0 not a scalar value\n");
        }
        self.mark_reg_read(top, R0, true);
        self.mark_chain_precision(R0)?;
        let frame = self.walk.cur.frame();
        let (range, callsite) = (frame.callback_ret_range, frame.callsite);
        if !self.is_returned_in(r0, range) {
            let text = self.invalid_scalar_text(r0, range, "At callback return", "R0");
            let failure = Failure::rejected(Rule::CallbackReturn, Errno::EINVAL, text);
            return Err(failure.about(|| Fact::Number {
                reg: 0,
                is: (r0.b.smin(), r0.b.smax()),
                allowed: (range.min.into(), range.max.into()),
            }));
        }
        if self.walks_callbacks_once() {
            return Ok(());
        }
        let called_by = callsite.and_then(|idx| self.program.aux.get(idx));
        if !called_by.is_some_and(|aux| aux.calls_callback) {
            reject!(
                VerifierBug,
                EFAULT,
                "BUG: in callback at {}, callsite {} !calls_callback\n",
                self.walk.insn_idx,
                or_minus_one(callsite)
            );
        }
        Ok(())
    }

    /// Determines the arguments of a function from its BTF, once (`btf_prepare_func_args`).
    pub(crate) fn prepare_func_args(&mut self, subprog: SubprogIdx) -> Res<()> {
        if self.program.subprogs[subprog].args.is_some() {
            return Ok(());
        }
        let args = self.func_args_from_btf(subprog)?;
        self.program.subprogs[subprog].args = Some(args);
        Ok(())
    }
}
