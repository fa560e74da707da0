//! Memory of a known size behind a pointer with a fixed and a variable offset.

use verdict_kernel::rule::Fact;
use verdict_kernel::semantics::log::ShownStates;
use verdict_kernel::types::RegBase;

use super::{MAX_VAR_OFF, Words};
use crate::error::{About, Res, reject};
use crate::index::RegNo;
use crate::observer::{Event, Observer};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Checks `size` bytes at the fixed offset `off` of a region of `mem_size` bytes (`__check_mem_access`).
    pub(super) fn check_within(
        &self,
        regno: RegNo,
        off: i32,
        size: i32,
        mem_size: u32,
        zero_ok: bool,
    ) -> Res<()> {
        let size_ok = size > 0 || (size == 0 && zero_ok);
        if off >= 0 && size_ok && i64::from(off) + i64::from(size) <= i64::from(mem_size) {
            return Ok(());
        }
        self.not_within(regno, off, size, mem_size)
    }

    fn not_within(&self, regno: RegNo, off: i32, size: i32, mem_size: u32) -> Res<()> {
        let reg = self.reg(regno);
        let base = if reg.ty.is(reg.ty.base()) {
            reg.ty.base()
        } else {
            RegBase::Mem
        };
        let signed_size = mem_size as i32;
        match base {
            RegBase::MapKey => reject!(
                MapKeyBounds,
                EACCES,
                "invalid access to map key, key_size={signed_size} off={off} size={size}\n"
            ),
            RegBase::MapValue => reject!(
                MapValueBounds,
                EACCES,
                "invalid access to map value, value_size={signed_size} off={off} size={size}\n"
            ),
            RegBase::Packet | RegBase::PacketMeta | RegBase::PacketEnd => reject!(
                PacketBounds,
                EACCES,
                "invalid access to packet, off={off} size={size}, R{regno}(id={},off={off},r={signed_size})\n",
                reg.id as i32
            ),
            RegBase::NotInit
            | RegBase::Scalar
            | RegBase::Ctx
            | RegBase::ConstMapPtr
            | RegBase::Stack
            | RegBase::FlowKeys
            | RegBase::Socket
            | RegBase::SockCommon
            | RegBase::TcpSock
            | RegBase::TpBuffer
            | RegBase::XdpSock
            | RegBase::BtfId
            | RegBase::Mem
            | RegBase::Arena
            | RegBase::Buf
            | RegBase::Func
            | RegBase::ConstDynptr => {
                reject!(
                    MemoryBounds,
                    EACCES,
                    "invalid access to memory, mem_size={mem_size} off={off} size={size}\n"
                )
            }
        }
    }

    /// Checks `size` bytes at `off` plus the register's variable offset of a region of `mem_size` bytes
    /// (`check_mem_region_access`): both ends of the variable offset must do.
    pub(crate) fn check_mem_region_access(
        &mut self,
        regno: RegNo,
        off: i32,
        size: i32,
        mem_size: u32,
        zero_ok: bool,
    ) -> Res<()> {
        if O::LISTENING && self.env.kernel.semantics.log.shown_states == ShownStates::Whole {
            self.env.obs.event(Event::FrameState {
                level: 1,
                state: &self.walk.cur,
                frame: self.walk.cur.curframe(),
            });
        }
        self.check_region(regno, off, size, mem_size, zero_ok)
            .about(|| self.access_fact(regno, off, size, (0, i64::from(mem_size))))
    }

    /// What is known of an access at `off` plus the register's variable offset.
    pub(super) fn access_fact(&self, regno: RegNo, off: i32, size: i32, bytes: (i64, i64)) -> Fact {
        let b = &self.reg(regno).b;
        let at = |n: i64| match n {
            i64::MIN | i64::MAX => n,
            _ => n.saturating_add(off.into()),
        };
        Fact::Access {
            reg: regno.0,
            from: (at(b.smin()), at(b.smax())),
            size: size.into(),
            bytes,
        }
    }

    fn check_region(&self, regno: RegNo, off: i32, size: i32, mem_size: u32, zero_ok: bool) -> Res<()> {
        let b = &self.reg(regno).b;
        let wide_off = i64::from(off);
        // Sums are cut to 32 bits where the kernel passes them as `int`.
        let least = b.smin().wrapping_add(wide_off);
        if b.smin() < 0 && (b.smin() == i64::MIN || least != i64::from(least as i32) || least < 0) {
            reject!(
                NegativeOffset,
                EACCES,
                "R{regno} min value is negative, either use unsigned index or do a if (index >=0) check.\n"
            );
        }
        self.check_within(regno, least as i32, size, mem_size, zero_ok)
            .then(|| format!("R{regno} min value is outside of the allowed memory range\n"))?;
        if b.umax() >= MAX_VAR_OFF as u64 {
            reject!(
                UnboundedOffset,
                EACCES,
                "R{regno} unbounded memory access, make sure to bounds check any such access\n"
            );
        }
        let most = b.umax().wrapping_add(wide_off as u64);
        self.check_within(regno, most as i32, size, mem_size, zero_ok)
            .then(|| format!("R{regno} max value is outside of the allowed memory range\n"))
    }
}
