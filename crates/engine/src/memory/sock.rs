//! Socket structures behind typed pointers, and the keys of a flow dissector.

use verdict_kernel::ctx::{self, Access, CtxAnswer};

use super::MemAccess;
use crate::error::{Res, reject};
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// A socket, its common part, a TCP or XDP socket: read-only, by a table of fields.
    pub(super) fn access_sock(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        if m.access == Access::Write {
            reject!(
                ReadOnlyMemory,
                EACCES,
                "R{} cannot write into {}\n",
                m.regno,
                self.type_str(reg.ty)
            );
        }
        if reg.b.smin() < 0 {
            reject!(
                NegativeOffset,
                EACCES,
                "R{} min value is negative, either use unsigned index or do a if (index >=0) check.\n",
                m.regno
            );
        }
        match ctx::sock_access(reg.ty.base(), m.off, m.size.unsigned_abs()) {
            Some(CtxAnswer::Allowed(access)) => self.aux_mut().unconvertible |= !access.converts,
            Some(CtxAnswer::ByBtf | CtxAnswer::Denied) | None => reject!(
                SocketAccess,
                EACCES,
                "R{} invalid {} access off={} size={}\n",
                m.regno,
                self.type_str(reg.ty),
                m.off,
                m.size
            ),
        }
        self.forget_loaded(m);
        Ok(())
    }

    /// `struct bpf_flow_keys`.
    pub(super) fn access_flow_keys(&mut self, m: &MemAccess) -> Res<()> {
        let end = i64::from(m.off) + i64::from(m.size);
        if m.size < 0 || m.off < 0 || end > i64::from(ctx::FLOW_KEYS_SIZE) {
            reject!(
                SocketAccess,
                EACCES,
                "invalid access to flow keys off={} size={}\n",
                m.off,
                m.size
            );
        }
        self.forget_loaded(m);
        Ok(())
    }
}
