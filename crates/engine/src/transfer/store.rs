//! Stores of registers and immediates.

use verdict_isa::Store;

use crate::error::Res;
use crate::index::RegNo;
use crate::memory::MemAccess;
use crate::observer::Observer;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes a store (`check_store_reg` and `BPF_ST`).
    pub(crate) fn check_store(&mut self, store: Store) -> Res<Flow> {
        let Store { size, dst, src, off } = store;
        let (dst, value) = (RegNo(dst), src.reg().map(RegNo));
        self.store_through(MemAccess::write(dst, i32::from(off), size.bytes() as i32, value))?;
        Ok(Flow::Next)
    }

    /// Stores a register, or the instruction's immediate.
    pub(super) fn store_through(&mut self, store: MemAccess) -> Res<()> {
        if let Some(value) = store.value {
            self.check_reg_arg(value, ArgUse::Src)?;
        }
        self.check_reg_arg(store.regno, ArgUse::Src)?;
        let pointer = self.reg(store.regno).ty;
        self.check_mem_access(store)?;
        self.save_aux_ptr_type(pointer, false)
    }
}
