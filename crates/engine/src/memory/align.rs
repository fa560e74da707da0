//! Alignment of accesses. Only the stack insists on it by itself: its contents are tracked by slots.

use verdict_domain::Tnum;
use verdict_kernel::types::RegBase;

use crate::error::{Res, reject};
use crate::state::Reg;

/// Packets start this far from an alignment boundary (`NET_IP_ALIGN` of strict architectures).
const IP_ALIGN: i32 = 2;

/// Checks an access of `size` bytes at `off` from a pointer (`check_ptr_alignment`).
#[inline]
pub(super) fn check(
    strict: bool,
    reg: &Reg,
    off: i32,
    size: i32,
    bits: impl FnOnce(Tnum) -> String,
) -> Res<()> {
    let checked = strict || reg.ty.is(RegBase::Stack);
    if !checked || reg.ty.is(RegBase::Arena) || size == 1 {
        return Ok(());
    }
    let start = if reg.is_pkt() { IP_ALIGN } else { 0 };
    let fixed = start.wrapping_add(reg.off).wrapping_add(off);
    let address = reg.b.var_off() + Tnum::constant(i64::from(fixed) as u64);
    match address.is_aligned(u64::from(size.unsigned_abs())) {
        true => Ok(()),
        false => misaligned(reg, off, size, &bits(reg.b.var_off())),
    }
}

/// The refusal; `var` is what is known of the variable part of the offset.
#[cold]
fn misaligned(reg: &Reg, off: i32, size: i32, var: &str) -> Res<()> {
    if reg.is_pkt() {
        reject!(
            MisalignedAccess,
            EACCES,
            "misaligned packet access off {IP_ALIGN}+{var}+{}+{off} size {size}\n",
            reg.off
        );
    }
    let base = reg.ty.base();
    let what = if reg.ty.is(base) { target_name(base) } else { "" };
    reject!(
        MisalignedAccess,
        EACCES,
        "misaligned {what}access off {var}+{}+{off} size {size}\n",
        reg.off
    )
}

const fn target_name(base: RegBase) -> &'static str {
    match base {
        RegBase::FlowKeys => "flow keys ",
        RegBase::MapKey => "key ",
        RegBase::MapValue => "value ",
        RegBase::Ctx => "context ",
        RegBase::Stack => "stack ",
        RegBase::Socket => "sock ",
        RegBase::SockCommon => "sock_common ",
        RegBase::TcpSock => "tcp_sock ",
        RegBase::XdpSock => "xdp_sock ",
        RegBase::NotInit
        | RegBase::Scalar
        | RegBase::ConstMapPtr
        | RegBase::PacketMeta
        | RegBase::Packet
        | RegBase::PacketEnd
        | RegBase::TpBuffer
        | RegBase::BtfId
        | RegBase::Mem
        | RegBase::Arena
        | RegBase::Buf
        | RegBase::Func
        | RegBase::ConstDynptr => "",
    }
}
