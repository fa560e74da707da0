//! Open-coded iterators: made, stepped and ended by kernel functions.

use verdict_kernel::kfunc::{KfuncFlags, Special};
use verdict_kernel::types::{Flags, RegBase};

use super::meta::Meta;
use super::proto::{Pointer, iter_name};
use crate::equiv;
use crate::error::{Failure, Res, reject};
use crate::index::{R0, RegNo};
use crate::memory::{IterArg, MemAccess, NotIter};
use crate::observer::Observer;
use crate::state::{BtfHandle, IterState, Reg, State};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// An iterator argument (`process_iter_arg`).
    pub(super) fn process_iter_arg(&mut self, regno: RegNo, ptr: &Pointer, meta: &mut Meta) -> Res<()> {
        let (arg, func) = (regno.arg(), &meta.func);
        if func.is(Special::IterCssTaskNew) && !self.may_walk_css_tasks() {
            reject!(
                KfuncForbidden,
                EINVAL,
                "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs\n"
            );
        }
        let reg = *self.reg(regno);
        if !reg.ty.is(RegBase::Stack) {
            reject!(
                ArgumentType,
                EINVAL,
                "arg#{arg} expected pointer to an iterator on stack\n"
            );
        }
        let btf = &self.env.kernel.btf;
        let Some(ty) = ptr.iter.and_then(|id| btf.ty(id)) else {
            reject!(
                ArgumentType,
                EINVAL,
                "expected valid iter pointer as arg #{arg}\n"
            );
        };
        let name = iter_name(btf, ty.id());
        let slots = (ty.size() / 8) as usize;
        let rcu_protected = func.has(KfuncFlags::RCU_PROTECTED);
        let iter = IterArg {
            btf: BtfHandle::VMLINUX,
            btf_id: ty.id().0,
            slots,
            rcu_protected,
        };
        if func.has(KfuncFlags::ITER_NEW) {
            if let Err(words) = self.can_make_iter(&reg, slots) {
                reject!(
                    IteratorState,
                    EINVAL,
                    "{words}expected uninitialized iter_{name} as arg #{arg}\n"
                );
            }
            for off in (0..(slots as i32).wrapping_mul(8)).step_by(8) {
                self.check_mem_access(MemAccess::write(regno, off, 8, None))?;
            }
            return self.mark_iter_slots(&reg, iter);
        }
        match self.is_iter(&reg, iter) {
            Ok(()) => {}
            Err(NotIter::Other(words)) => {
                reject!(
                    IteratorState,
                    EINVAL,
                    "{words}expected an initialized iter_{name} as arg #{arg}\n"
                )
            }
            Err(NotIter::Untrusted) => {
                reject!(
                    RcuRequired,
                    EPROTO,
                    "expected an RCU CS when using {}\n",
                    func.name
                )
            }
        }
        let Ok(spi) = self.iter_spi(&reg, slots) else {
            return Err(Failure::bug("an iterator without a slot"));
        };
        self.mark_iter_read(&reg, spi, slots)?;
        meta.iter = (self.frame_of(&reg), spi);
        meta.ref_obj_id = self.slot(meta.iter.0, spi)?.reg().ref_obj_id;
        if meta.func.has(KfuncFlags::ITER_DESTROY) {
            self.unmark_iter_slots(&reg, slots)?;
        }
        Ok(())
    }

    fn may_walk_css_tasks(&self) -> bool {
        let sleepable = self.in_sleepable();
        match self.program.prog.attach_type() {
            Some(attach) => {
                verdict_kernel::ctx::css_task_iter_allowed(self.program.prog.prog_type, attach, sleepable)
            }
            None => sleepable,
        }
    }

    /// Whether the elements of the iterator that a call steps are good only under RCU.
    pub(super) fn iter_elements(&self, meta: &Meta) -> Flags {
        match iter_of(&self.walk.cur, meta) {
            Some(iter) if iter.ty.has(Flags::RCU) => Flags::RCU,
            _ => Flags::TRUSTED,
        }
    }

    /// An iterator was stepped (`process_iter_next_call`): this path goes on as if it had no element left.
    /// One that has is put aside; what changed since the last time round is forgotten there, so that loops
    /// come to an end.
    pub(super) fn process_iter_next_call(&mut self, meta: &Meta) -> Res<()> {
        let idx = self.walk.insn_idx;
        let state = iter_of(&self.walk.cur, meta).map_or(IterState::Invalid, Reg::iter_state);
        if state == IterState::Invalid {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: unexpected iterator state 0 (<invalid>)\n"
            );
        }
        if state == IterState::Active {
            let parent = self.walk.cur.parent.filter(|id| {
                let parent = self.walk.search.state(*id);
                parent.insn_idx == idx && equiv::same_callsites(parent, &self.walk.cur)
            });
            if parent.is_none() {
                reject!(VerifierBug, EFAULT, "bug: bad parent state for iter next call");
            }
            let prev = self.find_prev_entry(parent, idx);
            let fork = self.fork(idx.next())?;
            if let Some(other) = self.other(fork) {
                set_iter(other, meta, |depth| (IterState::Active, depth.wrapping_add(1)));
            }
            if let Some(prev) = prev {
                self.widen_fork(fork, prev);
            }
            self.both(fork, |this, other| {
                other.frame_mut().regs[R0] = this.as_not_null(other.reg(R0));
            });
        }
        set_iter(&mut self.walk.cur, meta, |depth| (IterState::Drained, depth));
        self.set_const_zero(R0);
        Ok(())
    }
}

/// The iterator that a call steps.
fn iter_of<'s>(state: &'s State, meta: &Meta) -> Option<&'s Reg> {
    let (frame, spi) = meta.iter;
    Some(state.frames.get(frame)?.body.stack.get(spi)?.reg())
}

/// Changes its state and depth, given the depth.
fn set_iter(state: &mut State, meta: &Meta, new: impl Fn(u32) -> (IterState, u32)) {
    let (frame, spi) = meta.iter;
    if frame <= state.curframe()
        && let Some(slot) = state.frame_at_mut(frame).stack.get_mut(spi)
    {
        let (to, depth) = new(slot.reg().iter_depth());
        slot.reg_mut().set_iter(to, depth);
    }
}
