//! Alignment of accesses. Only the stack insists on it by itself: its contents are tracked by slots.

use verdict_domain::Tnum;
use verdict_kernel::types::RegBase;

use crate::error::{Res, reject};
use crate::state::Reg;

/// Packets start this far from an alignment boundary (`NET_IP_ALIGN` of strict architectures).
const IP_ALIGN: i32 = 2;

/// Checks an access of `size` bytes at `off` from a pointer (`check_ptr_alignment`).
pub(super) fn check(
    strict: bool,
    reg: &Reg,
    off: i32,
    size: i32,
    bits: impl FnOnce(Tnum) -> String,
) -> Res<()> {
    let (base, flagless) = (reg.ty.base(), reg.ty.is(reg.ty.base()));
    let packet = flagless && matches!(base, RegBase::Packet | RegBase::PacketMeta);
    let stack = flagless && base == RegBase::Stack;
    if (flagless && base == RegBase::Arena) || !(strict || stack) || size == 1 {
        return Ok(());
    }
    let start = if packet { IP_ALIGN } else { 0 };
    let fixed = start.wrapping_add(reg.off).wrapping_add(off);
    let address = reg.b.var_off() + Tnum::constant(i64::from(fixed) as u64);
    if address.is_aligned(u64::from(size.unsigned_abs())) {
        return Ok(());
    }
    let var = bits(reg.b.var_off());
    if packet {
        reject!(
            MisalignedAccess,
            EACCES,
            "misaligned packet access off {IP_ALIGN}+{var}+{}+{off} size {size}\n",
            reg.off
        );
    }
    let what = if flagless { target_name(base) } else { "" };
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
