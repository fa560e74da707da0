//! `LD_ABS` and `LD_IND`: loads from an skb that end the function when they fail.

use verdict_isa::{LdPacket, deferred_fault};
use verdict_kernel::ctx;
use verdict_kernel::semantics::control::{LdAbsCallback, LdAbsExit, LeaveChecks};
use verdict_kernel::types::RegBase;

use super::malformed_rule;
use crate::error::{Res, reject};
use crate::index::{FrameNo, R0, RegNo};
use crate::memory::Words;
use crate::observer::Observer;
use crate::verifier::{ArgUse, Flow, Verifier};

/// Where the context must be.
const CTX_REG: RegNo = RegNo(6);

impl<O: Observer> Verifier<'_, O> {
    /// Executes a load from the packet (`check_ld_abs`).
    pub(crate) fn check_ld_abs(&mut self, load: LdPacket) -> Res<Flow> {
        self.check_ld_abs_context()?;
        if let Some(fault) = deferred_fault(&self.insn()) {
            reject!((malformed_rule(fault)), EINVAL, "{fault}\n");
        }
        self.check_reg_arg(CTX_REG, ArgUse::Src)?;
        self.check_nothing_held()?;
        if !self.reg(CTX_REG).ty.is(RegBase::Ctx) {
            reject!(
                LdAbsPlacement,
                EINVAL,
                "at the time of BPF_LD_ABS|IND R6 != pointer to skb\n"
            );
        }
        if let Some(index) = load.index {
            self.check_reg_arg(RegNo(index), ArgUse::Src)?;
        }
        let skb = *self.reg(CTX_REG);
        self.check_ptr_off_reg(&skb, CTX_REG)?;
        self.clear_caller_saved(self.walk.cur.curframe());
        self.set_unknown(R0);
        let explored = self.env.kernel.semantics.control.ld_abs_exit == LdAbsExit::Explored;
        if self.walk.cur.curframe() == FrameNo::OUTERMOST || !explored {
            return Ok(Flow::Next);
        }
        self.scratch_reg(R0);
        let idx = self.walk.insn_idx;
        self.fork(idx.next())?;
        // A failing load returns 0.
        self.walk.cur.reg_mut(R0).set_known(0);
        self.leave_function()
    }

    /// Whether programs and functions like this may load from the packet at all.
    pub(crate) fn check_ld_abs_context(&self) -> Res<()> {
        if !ctx::may_load_from_skb(self.program.prog.prog_type) {
            reject!(
                LdAbsPlacement,
                EINVAL,
                "BPF_LD_[ABS|IND] instructions not allowed for this program type\n"
            );
        }
        let in_callback = || {
            self.walk
                .cur
                .frames
                .iter()
                .skip(1)
                .any(|frame| frame.body.in_callback_fn)
        };
        if self.env.kernel.semantics.control.ld_abs_callback == LdAbsCallback::Refused && in_callback() {
            reject!(
                LdAbsPlacement,
                EINVAL,
                "cannot use BPF_LD_[ABS|IND] within callback\n"
            );
        }
        Ok(())
    }

    /// The load may end the program, so nothing may be held.
    fn check_nothing_held(&self) -> Res<()> {
        if self.env.kernel.semantics.control.leave_checks == LeaveChecks::Unified {
            return self.check_resource_leak(false, true, "BPF_LD_[ABS|IND]");
        }
        self.check_reference_leak(false)
            .then(|| "BPF_LD_[ABS|IND] cannot be mixed with socket references\n".to_owned())?;
        if self.walk.cur.active_lock.is_some() {
            reject!(
                LeaveInRegion,
                EINVAL,
                "BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region\n"
            );
        }
        if self.walk.cur.active_rcu_locks != 0 {
            reject!(
                LeaveInRegion,
                EINVAL,
                "BPF_LD_[ABS|IND] cannot be used inside bpf_rcu_read_lock-ed region\n"
            );
        }
        if self.walk.cur.active_preempt_lock != 0 {
            reject!(
                LeaveInRegion,
                EINVAL,
                "BPF_LD_[ABS|IND] cannot be used inside bpf_preempt_disable-ed region\n"
            );
        }
        Ok(())
    }

    /// The function ends here, without an exit.
    pub(crate) fn leave_function(&mut self) -> Res<Flow> {
        // Unlike after an exit, the caller's full state is not shown.
        Ok(match self.prepare_func_exit()? {
            Flow::Returned(to) => Flow::Goto(to),
            other => other,
        })
    }
}
