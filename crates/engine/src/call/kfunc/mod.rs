//! Calls of kernel functions (kfuncs). Their prototypes are in the kernel's BTF: what an argument must be
//! follows from its type, the end of its name, and the function's flags.

mod args;
mod by_register;
mod graph;
mod irq;
mod iter;
mod kinds;
mod meta;
mod object;
mod proto;
mod region;
mod result;

use proto::Kfunc;
pub(crate) use proto::Kfuncs;

use std::num::NonZeroU64;
use std::rc::Rc;

use verdict_kernel::kfunc::{KfuncFlags, Special};

use super::CallbackFrame;
use crate::error::{Res, reject, unsupported};
use crate::index::{R0, R1, R2, RegNo};
use crate::memory::Words;
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::{Flow, Verifier};
use meta::Meta;

/// Errors that functions return are not below this, negated.
const MAX_ERRNO: i32 = 4095;

impl<O: Observer> Verifier<'_, O> {
    /// Executes a call of a kernel function (`check_kfunc_call`).
    pub(super) fn check_kfunc_call(&mut self, btf_id: i32, _module: i16) -> Res<Flow> {
        if btf_id == 0 {
            return Ok(Flow::Next);
        }
        let Some(func) = self.program.kfuncs.get(&btf_id).map(Rc::clone) else {
            reject!(UnknownKfunc, EINVAL)
        };
        if func.flags.is_none() {
            reject!(
                KfuncForbidden,
                EACCES,
                "calling kernel function {} is not allowed\n",
                func.name
            );
        }
        let steps = func.has(KfuncFlags::ITER_NEXT);
        self.aux_mut().is_iter_next = steps;
        self.fork_lock_failure(&func)?;
        let sleeps = func.has(KfuncFlags::SLEEPABLE);
        let by_register = self.takes_kfunc_args_by_register();
        if sleeps && !by_register && !self.in_sleepable() {
            reject!(
                SleepableCall,
                EACCES,
                "program must be sleepable to call sleepable kfunc {}\n",
                func.name
            );
        }
        let mut meta = Meta::new(func);
        match by_register {
            true => self.check_kfunc_registers(&mut meta)?,
            false => self.check_kfunc_args(&mut meta)?,
        }
        self.push_kfunc_callback(&mut meta)?;
        self.change_rcu_region(&meta.func)?;
        self.change_preempt_region(&meta.func)?;
        self.check_irq_and_rcu(&meta.func)?;
        self.release_kfunc_args(&meta)?;
        if meta.func.is(Special::Throw) {
            self.check_throw(&meta)?;
        }
        for r in RegNo::caller_saved() {
            self.set_reg(r, Reg::NOT_INIT);
        }
        self.set_kfunc_result(&mut meta)?;
        self.mark_kfunc_args_read(&meta);
        if meta.func.is(Special::XdpPullData) {
            self.clear_all_pkt_pointers();
        }
        if steps {
            self.process_iter_next_call(&meta)?;
        }
        Ok(Flow::Next)
    }

    /// Resilient locks can fail: that path is pending, without the lock. And what compilers make of undefined
    /// behaviour must not be reached.
    fn fork_lock_failure(&mut self, func: &Kfunc) -> Res<()> {
        if func.is(Special::Trap) {
            reject!(
                KfuncForbidden,
                EFAULT,
                "unexpected __bpf_trap() due to uninitialized variable?\n"
            );
        }
        if !func.special.is_some_and(Special::takes_resilient_lock) {
            return Ok(());
        }
        let (idx, rules) = (self.walk.insn_idx, self.env.rules);
        let fork = self
            .fork(idx.next())
            .then(|| "failed to push state for failed lock acquisition\n".to_owned())?;
        let Some(failed) = self.other(fork) else {
            return Ok(());
        };
        for r in RegNo::caller_saved() {
            failed.set_reg(r, Reg::NOT_INIT);
        }
        let mut error = Reg::UNKNOWN;
        error.b.narrow_s32(-MAX_ERRNO, -1, rules);
        failed.set_reg(R0, error);
        Ok(())
    }

    /// The callback's walk is put aside.
    fn push_kfunc_callback(&mut self, meta: &mut Meta) -> Res<()> {
        let frame = match meta.func.special {
            Some(Special::RbtreeAdd) => CallbackFrame::RbtreeAdd,
            Some(Special::WqSetCallback) => CallbackFrame::Timer,
            Some(Special::TaskWorkSignal | Special::TaskWorkResume) => CallbackFrame::TaskWork,
            Some(Special::SessionCookie) => {
                meta.r0_size = NonZeroU64::new(8);
                meta.r0_rdonly = false;
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.push_callback_call(meta.subprogno, frame)
            .then(|| format!("kfunc {} failed callback verification\n", meta.func.label()))
    }

    /// References that the call takes from the program.
    fn release_kfunc_args(&mut self, meta: &Meta) -> Res<()> {
        let lost = |meta: &Meta| {
            format!(
                "kfunc {} reference has not been acquired before\n",
                meta.func.label()
            )
        };
        if let Some(regno) = meta.release_regno {
            let id = self.reg(regno).ref_obj_id;
            if !self.release_reference(id) {
                reject!(UnownedRelease, EINVAL, "{}", lost(meta));
            }
        }
        if meta.func.special.is_some_and(Special::adds_node) {
            let id = self.reg(R2).ref_obj_id;
            self.aux_mut().kptr_struct_meta = self.has_struct_meta(meta.object);
            self.give_node_away().then(|| {
                format!(
                    "kfunc {} conversion of owning ref to non-owning failed\n",
                    meta.func.label()
                )
            })?;
            if !self.release_reference(id) {
                reject!(UnownedRelease, EINVAL, "{}", lost(meta));
            }
        }
        Ok(())
    }

    /// An exception ends the program: what it carries is then the program's return value.
    fn check_throw(&mut self, meta: &Meta) -> Res<()> {
        if !self.env.kernel.supports_exceptions() {
            reject!(
                JitRequired,
                ENOTSUPP,
                "JIT does not support calling kfunc {}\n",
                meta.func.label()
            );
        }
        self.walk.seen_exception = true;
        if self.program.exception_callback.is_none() {
            self.check_return_code(R1, "R1")?;
        }
        Ok(())
    }

    /// The registers that the function's parameters came in were read. They are gone already; that the marks
    /// are made only now does not matter.
    fn mark_kfunc_args_read(&mut self, meta: &Meta) {
        let top = self.walk.cur.curframe();
        for (i, param) in meta.func.params.iter().enumerate().take(5) {
            self.mark_reg_read(top, RegNo::of_arg(i), param.size == 8);
        }
    }

    /// Calls that no dead code elimination removed must name a function (`fixup_kfunc_call`).
    pub(crate) fn check_kfuncs_left(&self) -> Res<()> {
        for (insn, aux) in self.program.insns.iter().zip(self.program.aux.iter()) {
            if !aux.seen || !insn.is_kfunc_call() {
                continue;
            }
            if insn.imm == 0 {
                reject!(
                    UnknownKfunc,
                    EINVAL,
                    "invalid kernel function call not eliminated in verifier pass\n"
                );
            }
            if aux.kptr_struct_meta && self.is_percpu_drop(insn.imm) {
                unsupported!("a per-CPU object with special fields that is dropped");
            }
        }
        Ok(())
    }
}
