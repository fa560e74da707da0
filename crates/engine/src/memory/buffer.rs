//! Buffers whose size is known at run time only: the highest access is compared with it when the program is
//! attached, so here only the offset is judged.

use verdict_kernel::ctx::Access;
use verdict_kernel::semantics::control::NullableBuffer;
use verdict_kernel::types::Flags;

use super::MemAccess;
use crate::error::{Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// The writable buffer of a raw tracepoint.
    pub(super) fn access_tp_buffer(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        check_offset(reg, m.regno, m.off, m.size, "tracepoint")?;
        self.forget_loaded(m);
        Ok(())
    }

    /// Whether a buffer that may be NULL is accessed as if it were not.
    pub(super) fn reads_nullable_buffers(&self) -> bool {
        self.env.kernel.semantics.control.nullable_buffer == NullableBuffer::Accessible
    }

    /// A buffer of the kernel's.
    pub(super) fn access_buf(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        if reg.ty.has(Flags::RDONLY) && m.access == Access::Write {
            reject!(
                ReadOnlyMemory,
                EACCES,
                "R{} cannot write into {}\n",
                m.regno,
                self.type_str(reg.ty)
            );
        }
        check_buffer(reg, m.regno, m.off, m.size)?;
        self.forget_loaded(m);
        Ok(())
    }
}

/// `check_buffer_access`.
pub(super) fn check_buffer(reg: &Reg, regno: RegNo, off: i32, size: i32) -> Res<()> {
    check_offset(
        reg,
        regno,
        off,
        size,
        if reg.ty.has(Flags::RDONLY) {
            "rdonly"
        } else {
            "rdwr"
        },
    )
}

fn check_offset(reg: &Reg, regno: RegNo, off: i32, size: i32, what: &str) -> Res<()> {
    if off < 0 {
        reject!(
            BufferBounds,
            EACCES,
            "R{regno} invalid {what} buffer access: off={off}, size={size}\n"
        );
    }
    if !reg.b.is_const_value(0) {
        reject!(
            BufferBounds,
            EACCES,
            "R{regno} invalid variable buffer offset: off={off}, var_off={}\n",
            reg.b.var_off()
        );
    }
    Ok(())
}
