//! The end of a path or of a function.

use verdict_isa::{Insn, Malformed, Point};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::LockReach;
use verdict_kernel::semantics::control::{LeaveChecks, References, ThrowRegions};

use crate::error::{Failure, Res, reject};
use crate::index::{FrameNo, InsnIdx, R0, RegNo};
use crate::observer::Observer;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes `exit`, or the end of the path by an exception.
    pub(crate) fn check_exit(&mut self, exception: bool) -> Res<Flow> {
        if !exception {
            self.walk.jmps_processed += 1;
        }
        if self.env.kernel.semantics.control.leave_checks == LeaveChecks::Unified {
            let leaves = self.leaves_regions(exception);
            let anywhere = self.env.kernel.semantics.control.throw_regions == ThrowRegions::Anywhere;
            let place = match exception && anywhere {
                true => "bpf_throw",
                false => "BPF_EXIT instruction in main prog",
            };
            self.check_resource_leak(exception, leaves, place)?;
        } else {
            self.check_regions_left(exception)?;
            let takes_along = self.env.kernel.semantics.control.references == References::Function;
            if self.walk.cur.curframe() == FrameNo::OUTERMOST || !takes_along {
                // Before the frame goes: a callback must hold what its caller held.
                self.check_reference_leak(exception)?;
            }
        }
        if exception {
            return Ok(Flow::End);
        }
        if self.walk.cur.curframe() > FrameNo::OUTERMOST {
            return self.prepare_func_exit();
        }
        self.check_return_code(R0, "R0")?;
        Ok(Flow::End)
    }

    /// Whether the program ends here as far as regions are concerned.
    fn leaves_regions(&self, exception: bool) -> bool {
        let anywhere = self.env.kernel.semantics.control.throw_regions == ThrowRegions::Anywhere;
        self.walk.cur.curframe() == FrameNo::OUTERMOST || exception && anywhere
    }

    /// Whether functions may be called, and end, with a lock.
    pub(crate) fn locks_reach_functions(&self) -> bool {
        self.env.kernel.semantics.control.lock_reach == LockReach::Program
    }

    /// Locks and disabled preemption must not outlive the program.
    fn check_regions_left(&self, exception: bool) -> Res<()> {
        if !self.leaves_regions(exception) && self.locks_reach_functions() {
            return Ok(());
        }
        let anywhere = self.env.kernel.semantics.control.throw_regions == ThrowRegions::Anywhere;
        let (throws, state) = (exception && anywhere, &self.walk.cur);
        if state.active_lock.is_some() {
            match throws {
                true => reject!(
                    LeaveInRegion,
                    EINVAL,
                    "bpf_throw cannot be used inside bpf_spin_lock-ed region\n"
                ),
                false => reject!(LockLeak, EINVAL, "bpf_spin_unlock is missing\n"),
            }
        }
        if state.active_rcu_locks != 0 {
            match throws {
                true => reject!(
                    LeaveInRegion,
                    EINVAL,
                    "bpf_throw cannot be used inside bpf_rcu_read_lock-ed region\n"
                ),
                false => reject!(RegionLeak, EINVAL, "bpf_rcu_read_unlock is missing\n"),
            }
        }
        let depth = state.active_preempt_lock;
        if depth != 0 {
            if throws {
                reject!(
                    LeaveInRegion,
                    EINVAL,
                    "bpf_throw cannot be used inside bpf_preempt_disable-ed region\n"
                );
            }
            let missing = if depth == 1 { " is" } else { "(s) are" };
            reject!(
                RegionLeak,
                EINVAL,
                "{} bpf_preempt_enable{} missing\n",
                depth,
                missing
            );
        }
        Ok(())
    }

    /// An instruction whose encoding is wrong, at the moment when the kernel notices.
    pub(crate) fn malformed(&mut self, idx: InsnIdx, fault: Malformed) -> Res<Flow> {
        let insn: Insn = self.program.insns[idx];
        let (dst, src) = (RegNo(insn.dst), RegNo(insn.src));
        match fault.point() {
            // The second half of a long load, which this kernel walks into.
            Point::Resolve if insn.code == 0 => {
                reject!(InvalidInsn, EINVAL, "invalid BPF_LD_IMM insn\n")
            }
            Point::Resolve => return Err(Failure::bug("a malformed instruction passed resolution")),
            Point::Entry => {}
            Point::AfterContext => self.check_ld_abs_context()?,
            // Where the second operand is looked at first, its kind comes before both.
            Point::AfterDst if fault == Malformed::Jmp && self.looks_at_source_first() => {}
            Point::AfterDst => self.check_reg_arg(dst, ArgUse::Src)?,
            Point::AfterOperands => {
                if insn.is_src_reg() {
                    self.check_reg_arg(src, ArgUse::Src)?;
                }
                self.check_reg_arg(dst, ArgUse::Src)?;
            }
        }
        reject!((malformed_rule(fault)), EINVAL, "{}\n", fault)
    }
}

/// The rule that a malformed instruction breaks.
pub(crate) fn malformed_rule(fault: Malformed) -> Rule {
    if matches!(fault, Malformed::DivByZero | Malformed::Shift(_)) {
        Rule::InvalidOperand
    } else {
        Rule::InvalidInsn
    }
}
