//! References: ids of resources that were acquired and must be released.

use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Fact, Rule};

use crate::error::{About, Failure, Res};
use crate::memory::type_is_non_owning_ref;
use crate::observer::Observer;
use crate::state::{Ref, Reg};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// A resource was acquired by the instruction; gives its id (`acquire_reference_state`).
    pub(crate) fn acquire_reference(&mut self, insn_idx: u32) -> u32 {
        let id = self.next_id();
        let frame = self.cur.frame_mut();
        let callback_ref = if frame.in_callback_fn { frame.frameno } else { 0 };
        frame.refs.push(Ref {
            id,
            insn_idx,
            callback_ref,
        });
        id
    }

    /// Releases a resource and invalidates everything that refers to it (`release_reference`). False when
    /// the executing frame does not hold it, or may not release it; then nothing changes.
    pub(crate) fn release_reference(&mut self, id: u32) -> bool {
        if !self.cur.frame_mut().release_ref(id) {
            return false;
        }
        self.cur
            .for_each_reg_mut(|reg| reg.ref_obj_id == id, Reg::set_unknown);
        true
    }

    /// The lock of a list or tree was released: pointers to what it owns are numbers now
    /// (`invalidate_non_owning_refs`).
    pub(crate) fn invalidate_non_owning_refs(&mut self) {
        self.cur
            .for_each_reg_mut(|reg| type_is_non_owning_ref(reg.ty), Reg::set_unknown);
    }

    /// Nothing may be held at the end of the program, or beyond what the caller held at the end of a
    /// callback (`check_reference_leak`).
    pub(crate) fn check_reference_leak(&self, exception: bool) -> Res<()> {
        let frame = self.cur.frame();
        if !exception && frame.frameno != 0 && !frame.in_callback_fn {
            return Ok(());
        }
        let own = |r: &&Ref| exception || !frame.in_callback_fn || r.callback_ref == frame.frameno;
        let mut text = String::new();
        for lingering in frame.refs.iter().filter(own) {
            text.push_str(&format!(
                "Unreleased reference id={} alloc_insn={}\n",
                lingering.id, lingering.insn_idx
            ));
        }
        if text.is_empty() {
            Ok(())
        } else {
            let failure = Failure::rejected(Rule::ReferenceLeak, Errno::EINVAL, text);
            let first = frame.refs.iter().find(own).map(|first| first.insn_idx);
            Err(match first {
                Some(insn) => failure.about(|| Fact::Acquired(insn)),
                None => failure,
            })
        }
    }
}
