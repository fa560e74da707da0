//! Packet data, within what comparisons with the packet's end have proven.

use verdict_kernel::ctx::{self, Access};
use verdict_kernel::rule::Fact;
use verdict_kernel::types::{Flags, RegBase};

use super::{MemAccess, Words};
use crate::error::{About, Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// A load from or store into a packet.
    pub(super) fn access_packet(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        debug_assert!(reg.is_pkt());
        if m.access == Access::Write {
            if !ctx::may_access_packet(self.program.prog.prog_type, Access::Write, None) {
                reject!(PacketAccess, EACCES, "cannot write into packet\n");
            }
            self.walk.seen_direct_write = true;
        }
        self.check_packet_access(m.regno, m.off, m.size, false)?;
        self.forget_loaded(m);
        Ok(())
    }

    /// The packet may have moved: pointers into it, and slices of dynptrs of it, are numbers now
    /// (`clear_all_pkt_pointers`).
    pub(crate) fn clear_all_pkt_pointers(&mut self) {
        let slice = Flags::DYNPTR_PACKET;
        self.walk.cur.for_each_reg_mut(
            |reg| {
                let end = reg.ty.is(RegBase::PacketEnd);
                reg.is_pkt() || end || (reg.is(RegBase::Mem) && reg.ty.has(slice))
            },
            Reg::set_unknown,
        );
    }

    /// Checks bytes of a packet (`check_packet_access`). The range counts from the pointer with its variable
    /// part, so only the fixed offset is compared.
    pub(crate) fn check_packet_access(&self, regno: RegNo, off: i32, size: i32, zero_ok: bool) -> Res<()> {
        let reg = self.reg(regno);
        if reg.b.smin() < 0 {
            reject!(
                NegativeOffset,
                EACCES,
                "R{regno} min value is negative, either use unsigned index or do a if (index >=0) check.\n"
            );
        }
        if reg.range() < 0 {
            reject!(PacketBounds, EINVAL, "R{regno} offset is outside of the packet\n");
        }
        self.check_within(regno, off, size, reg.range() as u32, zero_ok)
            .then(|| format!("R{regno} offset is outside of the packet\n"))
            .about(|| Fact::Access {
                reg: regno.0,
                from: (off.into(), off.into()),
                size: size.into(),
                bytes: (0, reg.range().into()),
            })
    }
}
