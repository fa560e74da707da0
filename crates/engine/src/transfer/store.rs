//! Stores of registers and immediates.

use verdict_isa::Store;
use verdict_kernel::semantics::control::ImmediateStore;
use verdict_kernel::types::RegBase;

use crate::error::{Res, reject};
use crate::index::RegNo;
use crate::memory::MemAccess;
use crate::observer::Observer;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes a store (`check_store_reg` and `BPF_ST`).
    pub(crate) fn check_store(&mut self, store: Store) -> Res<Flow> {
        let Store { size, dst, src, off } = store;
        let (dst, value) = (RegNo(dst), src.reg().map(RegNo));
        let apart = self.env.kernel.semantics.control.immediate_store == ImmediateStore::Apart;
        if apart && value.is_none() {
            return self.store_immediate(MemAccess::write(dst, i32::from(off), size.bytes() as i32, None));
        }
        self.store_through(MemAccess::write(dst, i32::from(off), size.bytes() as i32, value))?;
        Ok(Flow::Next)
    }

    /// Stores the immediate, where that is a matter of its own.
    fn store_immediate(&mut self, store: MemAccess) -> Res<Flow> {
        self.check_reg_arg(store.regno, ArgUse::Src)?;
        self.walk.cur.marks_mut().traced &= !store.regno.bit();
        let pointer = *self.reg(store.regno);
        if pointer.ty.is(RegBase::Ctx) {
            reject!(
                ContextAccess,
                EACCES,
                "BPF_ST stores into R{} {} is not allowed\n",
                store.regno,
                self.type_str(pointer.ty)
            );
        }
        self.check_mem_access(store)?;
        Ok(Flow::Next)
    }

    /// Stores a register, or the instruction's immediate.
    pub(super) fn store_through(&mut self, store: MemAccess) -> Res<()> {
        if let Some(value) = store.value {
            self.check_reg_arg(value, ArgUse::Src)?;
        }
        self.check_reg_arg(store.regno, ArgUse::Src)?;
        // An address cannot be followed past its use.
        self.walk.cur.marks_mut().traced &= !store.regno.bit();
        let pointer = self.reg(store.regno).ty;
        self.check_mem_access(store)?;
        self.save_aux_ptr_type(pointer, false)
    }
}
