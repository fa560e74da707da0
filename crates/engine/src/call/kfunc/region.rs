//! Regions in which RCU is held or preemption is off.

use verdict_kernel::kfunc::{KfuncFlags, Special};
use verdict_kernel::semantics::control::RcuRegions;
use verdict_kernel::types::Flags;

use super::proto::Kfunc;
use crate::error::{Res, reject};
use crate::observer::Observer;
use crate::state::{Reg, SlotType, unshared};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// What a call does to, or may not do in, an RCU read section.
    pub(super) fn change_rcu_region(&mut self, func: &Kfunc) -> Res<()> {
        let (enters, leaves) = (func.is(Special::RcuReadLock), func.is(Special::RcuReadUnlock));
        if self.walk.cur.active_rcu_locks == 0 {
            if leaves {
                reject!(
                    RegionPairing,
                    EINVAL,
                    "unmatched rcu read unlock (kernel function {})\n",
                    func.name
                );
            }
            self.walk.cur.active_rcu_locks = enters.into();
            return Ok(());
        }
        if (enters || leaves) && self.in_rbtree_lock_required_cb() {
            reject!(
                RbtreeCallback,
                EACCES,
                "Calling bpf_rcu_read_{{lock,unlock}} in unnecessary rbtree callback\n"
            );
        }
        let counted = self.env.kernel.semantics.control.rcu_regions == RcuRegions::Counted;
        if enters && counted {
            let depth = &mut self.walk.cur.active_rcu_locks;
            *depth = depth.saturating_add(1);
        } else if enters {
            reject!(
                RegionPairing,
                EINVAL,
                "nested rcu read lock (kernel function {})\n",
                func.name
            );
        } else if leaves {
            self.walk.cur.active_rcu_locks -= 1;
            if self.walk.cur.active_rcu_locks == 0 {
                self.distrust_rcu_pointers();
            }
        } else if func.has(KfuncFlags::SLEEPABLE) {
            reject!(
                SleepInRegion,
                EACCES,
                "kernel func {} is sleepable within rcu_read_lock region\n",
                func.name
            );
        }
        Ok(())
    }

    /// What RCU protected, iterators included, is no longer trusted.
    fn distrust_rcu_pointers(&mut self) {
        let protected = |reg: &Reg| reg.ty.has(Flags::RCU);
        let distrust = |reg: &mut Reg| {
            reg.ty = reg
                .ty
                .without(Flags::RCU | Flags::MAYBE_NULL)
                .with(Flags::UNTRUSTED);
        };
        self.walk.cur.for_each_reg_mut(protected, distrust);
        for frame in self.walk.cur.frames.iter_mut() {
            for spi in frame.body.stack.slots().indices() {
                let slot = &frame.body.stack.slots()[spi];
                if slot.types.is(7, SlotType::Iter)
                    && protected(slot.reg())
                    && let Some(slot) = unshared(&mut frame.body).stack.get_mut(spi)
                {
                    distrust(slot.reg_mut());
                }
            }
        }
    }

    /// What a call does to, or may not do in, a region without preemption.
    pub(super) fn change_preempt_region(&mut self, func: &Kfunc) -> Res<()> {
        let depth = self.walk.cur.active_preempt_lock;
        if func.is(Special::PreemptDisable) {
            self.walk.cur.active_preempt_lock = depth.wrapping_add(1);
        } else if func.is(Special::PreemptEnable) {
            if depth == 0 {
                reject!(
                    RegionPairing,
                    EINVAL,
                    "unmatched attempt to enable preemption (kernel function {})\n",
                    func.name
                );
            }
            self.walk.cur.active_preempt_lock = depth - 1;
        } else if depth != 0 && func.has(KfuncFlags::SLEEPABLE) {
            reject!(
                SleepInRegion,
                EACCES,
                "kernel func {} is sleepable within non-preemptible region\n",
                func.name
            );
        }
        Ok(())
    }
}
