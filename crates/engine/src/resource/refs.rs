//! References: ids of resources that were acquired and must be released.

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::{Fact, Rule};
use verdict_kernel::semantics::control::References;

use crate::error::{About, Failure, Res, reject};
use crate::index::{FrameNo, InsnIdx, R0};
use crate::memory::{Words, type_is_non_owning_ref};
use crate::observer::Observer;
use crate::state::{ActiveLock, Ref, RefKind, Reg};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// A resource was acquired by the instruction; gives its id (`acquire_reference_state`).
    pub(crate) fn acquire_reference(&mut self, insn_idx: InsnIdx) -> u32 {
        self.note_change_of_held();
        let id = self.next_id();
        let mut acquired = Ref {
            kind: RefKind::Object,
            lock: None,
            id,
            insn_idx,
            callback_ref: None,
        };
        if self.env.kernel.semantics.control.references == References::State {
            self.walk.cur.refs.push(acquired);
            return id;
        }
        let frame = self.walk.cur.frame_mut();
        if frame.in_callback_fn {
            acquired.callback_ref = Some(frame.frameno);
        }
        frame.refs.push(acquired);
        id
    }

    /// Resources are about to be acquired or released: what other states share is copied.
    #[inline]
    pub(crate) fn note_change_of_held(&mut self) {
        self.walk.copied_refs += self.walk.cur.shares_held();
    }

    /// Whether such a lock is held (`find_lock_state`).
    pub(crate) fn holds_lock(&self, kinds: &[RefKind], lock: ActiveLock) -> bool {
        let same = |r: &Ref| kinds.contains(&r.kind) && r.id == lock.id && r.lock == Some(lock.within);
        self.walk.cur.refs.iter().any(same)
    }

    /// A lock was taken (`acquire_lock_state`).
    pub(crate) fn acquire_lock(&mut self, kind: RefKind, lock: ActiveLock) {
        self.note_change_of_held();
        if self.env.kernel.semantics.control.references == References::State {
            self.walk.cur.refs.push(Ref {
                kind,
                lock: Some(lock.within),
                id: lock.id,
                insn_idx: self.walk.insn_idx,
                callback_ref: None,
            });
        }
        self.walk.cur.active_lock = Some(lock);
    }

    /// The lock that was taken last was given back: the one before it is the last now (`release_lock_state`).
    pub(crate) fn release_lock(&mut self, kind: RefKind, lock: ActiveLock) {
        self.note_change_of_held();
        let mut before = None;
        let refs = &mut self.walk.cur.refs;
        for at in 0..refs.len() {
            let held = refs[at];
            if held.kind == kind && held.id == lock.id && held.lock == Some(lock.within) {
                refs.remove(at);
                break;
            }
            if let Some(within) = held.lock {
                before = Some(ActiveLock { within, id: held.id });
            }
        }
        self.walk.cur.active_lock = before;
    }

    /// What must not be held at this end of the program; `regions` says whether locks and other regions are looked
    /// at, too (`check_resource_leak`).
    pub(crate) fn check_resource_leak(&self, exception: bool, regions: bool, place: &str) -> Res<()> {
        let state = &self.walk.cur;
        let refuse = |inside: &str| -> Res<()> {
            reject!(
                LeaveInRegion,
                EINVAL,
                "{place} cannot be used inside {inside}-ed region\n"
            )
        };
        if regions && state.active_lock.is_some() {
            return refuse("bpf_spin_lock");
        }
        self.check_reference_leak(exception)
            .then(|| format!("{place} would lead to reference leak\n"))?;
        if regions && state.active_irq != 0 {
            return refuse("bpf_local_irq_save");
        }
        if regions && state.active_rcu_locks != 0 {
            return refuse("bpf_rcu_read_lock");
        }
        if regions && state.active_preempt_lock != 0 {
            return refuse("bpf_preempt_disable");
        }
        Ok(())
    }

    /// Releases a resource and invalidates everything that refers to it (`release_reference`). False when
    /// the executing frame does not hold it, or may not release it; then nothing changes.
    pub(crate) fn release_reference(&mut self, id: u32) -> bool {
        self.note_change_of_held();
        if !self.walk.cur.release_ref(id) {
            return false;
        }
        self.walk
            .cur
            .for_each_reg_mut(|reg| reg.ref_obj_id == id, Reg::set_unknown);
        true
    }

    /// The lock of a list or tree was released: pointers to what it owns are numbers now
    /// (`invalidate_non_owning_refs`).
    pub(crate) fn invalidate_non_owning_refs(&mut self) {
        self.walk
            .cur
            .for_each_reg_mut(|reg| type_is_non_owning_ref(reg.ty), Reg::set_unknown);
    }

    /// Nothing may be held at the end of the program, or beyond what the caller held at the end of a
    /// callback (`check_reference_leak`).
    pub(crate) fn check_reference_leak(&self, exception: bool) -> Res<()> {
        let frame = self.walk.cur.frame();
        let by_state = self.env.kernel.semantics.control.references == References::State;
        let by_function = self.env.kernel.semantics.control.references == References::Function;
        if !exception
            && !by_function
            && frame.frameno != FrameNo::OUTERMOST
            && (by_state || !frame.in_callback_fn)
        {
            return Ok(());
        }
        let returned = self.returned_reference(exception);
        let own = |r: &&Ref| {
            let mine =
                by_state || exception || !frame.in_callback_fn || r.callback_ref == Some(frame.frameno);
            mine && r.kind == RefKind::Object && Some(r.id) != returned
        };
        let mut text = String::new();
        for lingering in self.walk.cur.held().filter(own) {
            text.push_str(&format!(
                "Unreleased reference id={} alloc_insn={}\n",
                lingering.id, lingering.insn_idx
            ));
        }
        if text.is_empty() {
            Ok(())
        } else {
            let failure = Failure::rejected(Rule::ReferenceLeak, Errno::EINVAL, text);
            let first = self.walk.cur.held().find(own).map(|first| first.insn_idx.0);
            Err(match first {
                Some(insn) => failure.about(|| Fact::Acquired(insn)),
                None => failure,
            })
        }
    }

    /// The reference that a struct_ops program gives back to its caller.
    fn returned_reference(&self, exception: bool) -> Option<u32> {
        let gives = self.program.prog.prog_type == ProgType::StructOps
            && self.env.kernel.semantics.control.references == References::State;
        (gives && !exception)
            .then_some(self.reg(R0).ref_obj_id)
            .filter(|id| *id != 0)
    }
}
