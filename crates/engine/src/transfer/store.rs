//! Stores of registers and immediates.

use verdict_isa::Op;

use crate::error::Res;
use crate::memory::MemAccess;
use crate::observer::Observer;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes a store (`check_store_reg` and `BPF_ST`).
    pub(crate) fn check_store(&mut self, op: Op) -> Res<Flow> {
        let Op::Store { size, dst, src, off } = op else {
            return Ok(Flow::Next);
        };
        let dst = usize::from(dst);
        let value = src.reg().map(usize::from);
        if let Some(value) = value {
            self.check_reg_arg(value, ArgUse::Src)?;
        }
        self.check_reg_arg(dst, ArgUse::Src)?;
        let pointer = self.reg(dst).ty;
        self.check_mem_access(MemAccess::write(dst, i32::from(off), size.bytes() as i32, value))?;
        self.save_aux_ptr_type(pointer, false)?;
        Ok(Flow::Next)
    }
}
