//! Registers and slots compared as bytes, where ids are part of them (before Linux 6.3).

use verdict_kernel::types::{Flags, RegBase};

use super::{Ids, range_and_tnum, same_prefix};
use crate::state::Reg;

/// `regsafe`, for a register of an explored state that was read.
#[cold]
pub(super) fn reg_safe<I: Ids>(old: &Reg, precise: bool, cur: &Reg, ids: &mut I) -> bool {
    let same =
        same_prefix(old, cur) && old.b == cur.b && old.id == cur.id && old.ref_obj_id == cur.ref_obj_id;
    // fp-8 of one frame is not fp-8 of another.
    if old.ty.is(RegBase::Stack) {
        return same && old.frameno == cur.frameno;
    }
    if same || old.is_not_init() {
        return true;
    }
    if cur.is_not_init() {
        return false;
    }
    match old.ty.base() {
        RegBase::Scalar => cur.is_scalar() && (!precise || range_and_tnum(old, cur)),
        RegBase::MapKey | RegBase::MapValue if old.ty.has(Flags::MAYBE_NULL) => {
            cur.ty.has(Flags::MAYBE_NULL) && same_prefix(old, cur) && ids.check(old.id, cur.id)
        }
        RegBase::MapKey | RegBase::MapValue => same_prefix(old, cur) && range_and_tnum(old, cur),
        RegBase::PacketMeta | RegBase::Packet => packet_safe(old, cur, ids),
        RegBase::NotInit
        | RegBase::Ctx
        | RegBase::ConstMapPtr
        | RegBase::Stack
        | RegBase::PacketEnd
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
        | RegBase::ConstDynptr => false,
    }
}

fn packet_safe<I: Ids>(old: &Reg, cur: &Reg, ids: &mut I) -> bool {
    let (o, c) = (old.range(), cur.range());
    // A negative range says "at" or "beyond" the end.
    let range_ok = if o < 0 || c < 0 { o == c } else { o <= c };
    old.ty == cur.ty
        && range_ok
        && old.off == cur.off
        && (old.id == 0 || ids.check(old.id, cur.id))
        && range_and_tnum(old, cur)
}
