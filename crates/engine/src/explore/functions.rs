//! The main program, then every global function that is called.

use verdict_kernel::semantics::control::{ArgumentId, GlobalFunctions};
use verdict_kernel::semantics::log::GlobalWords;
use verdict_kernel::types::{ArgBase, Flags, RegBase, RegType};
use verdict_syscall::SubprogArg;

use crate::error::{Res, reject, say1};
use crate::index::{FrameNo, R1, RegNo, SubprogIdx};
use crate::observer::{Event, Observer};
use crate::state::{BtfHandle, DynptrKind, Frame, Reg, State};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Verifies the main program (`do_check_main`).
    pub(crate) fn check_main(&mut self) -> Res<()> {
        self.check_function(SubprogIdx::MAIN)
    }

    /// Verifies global functions that reachable code calls, until no new one is called (`do_check_subprogs`).
    pub(crate) fn check_global_functions(&mut self) -> Res<()> {
        if self.program.prog.func_info.is_empty() {
            return Ok(());
        }
        if self.verifies_global_functions_first() {
            for i in self.program.subprogs.indices().skip(1) {
                if self.program.subprogs[i].is_global {
                    self.check_global_function(i)?;
                }
            }
            return Ok(());
        }
        if let Some(callback) = self.program.exception_callback {
            self.program.subprogs[callback].called = true;
        }
        loop {
            let mut news = false;
            for i in self.program.subprogs.indices().skip(1) {
                let sub = &self.program.subprogs[i];
                if !sub.is_global || !sub.called || sub.verified {
                    continue;
                }
                self.check_global_function(i)?;
                self.program.subprogs[i].verified = true;
                news = true;
            }
            if !news {
                return Ok(());
            }
        }
    }

    /// Whether global functions are verified before the main program, called or not.
    pub(crate) fn verifies_global_functions_first(&self) -> bool {
        self.env.kernel.semantics.control.global_functions == GlobalFunctions::AllFirst
    }

    fn check_global_function(&mut self, subprog: SubprogIdx) -> Res<()> {
        self.check_function(subprog)?;
        let name = self.named_function(subprog);
        say1!(
            self,
            "Func#{} {}is safe for any args that match its prototype\n",
            subprog,
            name
        );
        Ok(())
    }

    /// A function's name as it stands behind its number, where the log has it.
    pub(crate) fn named_function(&self, subprog: SubprogIdx) -> String {
        match self.env.kernel.semantics.log.global_words {
            GlobalWords::Number => String::new(),
            GlobalWords::Name => format!("('{}') ", self.program.subprogs[subprog].name),
        }
    }

    /// Verifies one function on its own (`do_check_common`).
    fn check_function(&mut self, subprog: SubprogIdx) -> Res<()> {
        if O::LISTENING {
            self.env.obs.event(Event::FunctionStart { subprog: subprog.0 });
        }
        self.walk.search.clear(self.program.insns.len());
        self.walk.scc.clear();
        self.leave_chain();
        self.walk.insn_idx = self.program.subprogs[subprog].start;
        let mut state = State::new(Frame::new(None, FrameNo::OUTERMOST, subprog));
        state.first_insn_idx = self.walk.insn_idx;
        state.in_sleepable = self.program.prog.sleepable;
        self.walk.cur = state;
        if subprog != SubprogIdx::MAIN || self.program.prog.extends {
            self.init_arguments(subprog)?;
        } else if self.takes_arguments_by_type() {
            self.set_reg(R1, Reg::pointer(RegBase::Ctx));
            self.check_main_by_type()?;
        } else {
            if !self.program.prog.func_info.is_empty() {
                if let Err(failure) = self.prepare_func_args(subprog) {
                    self.say_failure(&failure);
                }
                if !matches!(self.program.subprogs[subprog].args.as_deref(), Some([one]) if one.ty.is(ArgBase::Ctx))
                {
                    self.program.subprogs[subprog].unreliable = true;
                }
            }
            self.set_reg(R1, Reg::pointer(RegBase::Ctx));
        }
        self.walk()?;
        if O::LISTENING {
            self.env.obs.event(Event::FunctionSafe { subprog: subprog.0 });
        }
        Ok(())
    }

    /// Gives the arguments of a global function the types that its BTF declares.
    fn init_arguments(&mut self, subprog: SubprogIdx) -> Res<()> {
        if O::LISTENING {
            let level = match self.env.kernel.semantics.log.global_words {
                GlobalWords::Number => 1,
                GlobalWords::Name => 0,
            };
            let name = &self.program.subprogs[subprog].name;
            let text = format_args!("Validating {name}() func#{subprog}...\n");
            self.env.obs.event(Event::Text { level, text });
        }
        self.prepare_func_args(subprog)?;
        let args = self.program.subprogs[subprog].args.clone().unwrap_or_default();
        if self.program.subprogs[subprog].is_exception_cb {
            self.walk.cur.frame_mut().in_exception_callback_fn = true;
            if !matches!(args.as_slice(), [one] if one.ty.is(ArgBase::Anything)) {
                reject!(
                    ExceptionCallback,
                    EINVAL,
                    "exception cb only supports single integer argument\n"
                );
            }
        }
        if self.takes_arguments_by_type() {
            // A quirk: ids of memory are given out twice.
            let memory = args.iter().filter(|arg| arg.ty.base() == ArgBase::Mem);
            self.walk.id_gen += memory.count() as u32;
        }
        for (i, arg) in args.iter().enumerate().take(5) {
            let reg = self.argument_register(arg);
            self.set_reg(RegNo::of_arg(i), reg);
        }
        Ok(())
    }

    fn argument_register(&mut self, arg: &SubprogArg) -> Reg {
        let carried = |flags: Flags| Flags(arg.ty.flags().0 & flags.0);
        match arg.ty.base() {
            ArgBase::Ctx => Reg::pointer(RegBase::Ctx),
            // Unspecific: the caller may pass any dynptr.
            ArgBase::Dynptr => {
                let mut reg = Reg::pointer(RegBase::ConstDynptr);
                reg.set_dynptr(DynptrKind::Local, true);
                reg.id = self.next_id();
                reg
            }
            ArgBase::Mem => {
                let flags = carried(Flags::MAYBE_NULL | Flags::UNTRUSTED | Flags::RDONLY);
                let mut reg = Reg::pointer(RegType::new(RegBase::Mem, flags));
                reg.set_mem_size(arg.mem_size);
                if self.env.kernel.semantics.control.argument_id == ArgumentId::Always
                    || arg.ty.has(Flags::MAYBE_NULL)
                {
                    reg.id = self.next_id();
                }
                reg
            }
            ArgBase::BtfId => {
                let flags = carried(Flags::MAYBE_NULL | Flags::UNTRUSTED | Flags::TRUSTED);
                let mut reg = Reg::pointer(RegType::new(RegBase::BtfId, flags));
                reg.set_btf(BtfHandle::VMLINUX, arg.btf_id.0);
                reg.id = self.next_id();
                reg
            }
            _ => Reg::UNKNOWN,
        }
    }
}
