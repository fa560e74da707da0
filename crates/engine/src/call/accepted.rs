//! Which kinds of registers an argument of a helper takes, and which offsets they may have.

use verdict_kernel::semantics::control::ArgumentKinds;
use verdict_kernel::types::{ArgBase, Flags, RegBase, RegType};

use crate::memory::type_is_ptr_alloc_obj;

const fn ty(base: RegBase) -> RegType {
    RegType::new(base, Flags::NONE)
}
const fn btf(flags: Flags) -> RegType {
    RegType::new(RegBase::BtfId, flags)
}

/// Register types that an argument accepts (`compatible_reg_types`).
pub(super) fn accepted(base: ArgBase, kinds: ArgumentKinds) -> Option<&'static [RegType]> {
    let older = match kinds {
        ArgumentKinds::Bare => accepted_bare(base).or_else(|| accepted_plain(base)),
        ArgumentKinds::Plain => accepted_plain(base),
        ArgumentKinds::Objects => None,
    };
    if older.is_some() {
        return older;
    }
    const OBJECT: &[RegType] = &[ty(RegBase::MapValue), btf(Flags::ALLOC)];
    const BTF: &[RegType] = &[btf(Flags::NONE), btf(Flags::TRUSTED), btf(Flags::RCU)];
    const PERCPU: &[RegType] = &[
        btf(Flags::PERCPU),
        btf(Flags::PERCPU.with(Flags::RCU)),
        btf(Flags::PERCPU.with(Flags::TRUSTED)),
    ];
    const RINGBUF: &[RegType] = &[RegType::new(RegBase::Mem, Flags::RINGBUF)];
    const SCALAR: &[RegType] = &[ty(RegBase::Scalar)];
    const MAP_PTR: &[RegType] = &[ty(RegBase::ConstMapPtr)];
    const CTX: &[RegType] = &[ty(RegBase::Ctx)];
    const SOCKET: &[RegType] = &[ty(RegBase::Socket)];
    const FUNC: &[RegType] = &[ty(RegBase::Func)];
    const STACK: &[RegType] = &[ty(RegBase::Stack)];
    const MAP_VALUE: &[RegType] = &[ty(RegBase::MapValue)];
    const DYNPTR: &[RegType] = &[ty(RegBase::Stack), ty(RegBase::ConstDynptr)];
    Some(match base {
        ArgBase::MapKey | ArgBase::MapValue | ArgBase::Mem => MEMORY,
        ArgBase::ConstSize | ArgBase::ConstSizeOrZero | ArgBase::ConstAllocSizeOrZero | ArgBase::Scalar => {
            SCALAR
        }
        ArgBase::ConstMapPtr => MAP_PTR,
        ArgBase::Ctx => CTX,
        ArgBase::SockCommon => SOCKETS.split_at(4).0,
        ArgBase::BtfIdSockCommon => SOCKETS,
        ArgBase::Socket => SOCKET,
        ArgBase::BtfId => BTF,
        ArgBase::SpinLock | ArgBase::KptrXchgDest => OBJECT,
        ArgBase::RingbufMem => RINGBUF,
        ArgBase::PercpuBtfId => PERCPU,
        ArgBase::Func => FUNC,
        ArgBase::Stack => STACK,
        ArgBase::ConstStr | ArgBase::Timer => MAP_VALUE,
        ArgBase::Dynptr => DYNPTR,
        ArgBase::DontCare | ArgBase::Arena | ArgBase::Anything => return None,
    })
}

/// The same where there is no trust and where programs have no objects, as far as it is otherwise.
fn accepted_plain(base: ArgBase) -> Option<&'static [RegType]> {
    const KEY: &[RegType] = MEMORY.split_at(5).0;
    const BTF: &[RegType] = &[btf(Flags::NONE)];
    const PERCPU: &[RegType] = &[btf(Flags::PERCPU)];
    const MAP_VALUE: &[RegType] = &[ty(RegBase::MapValue)];
    const MEM: &[RegType] = MEMORY.split_at(MEMORY.len() - 1).0;
    match base {
        ArgBase::MapKey | ArgBase::MapValue => Some(KEY),
        ArgBase::Mem => Some(MEM),
        ArgBase::BtfIdSockCommon => Some(SOCKETS.split_at(5).0),
        ArgBase::BtfId => Some(BTF),
        ArgBase::PercpuBtfId => Some(PERCPU),
        ArgBase::SpinLock | ArgBase::KptrXchgDest => Some(MAP_VALUE),
        _ => None,
    }
}

/// The same where each kind is one of its own, as far as it is otherwise than the plain ones.
fn accepted_bare(base: ArgBase) -> Option<&'static [RegType]> {
    const MEM: &[RegType] = &[
        ty(RegBase::Stack),
        ty(RegBase::Packet),
        ty(RegBase::PacketMeta),
        ty(RegBase::MapValue),
        ty(RegBase::Mem),
        RegType::new(RegBase::Buf, Flags::RDONLY),
        ty(RegBase::Buf),
    ];
    const KEY: &[RegType] = MEM.split_at(4).0;
    const RESERVED: &[RegType] = &[ty(RegBase::Mem)];
    match base {
        ArgBase::MapKey | ArgBase::MapValue => Some(KEY),
        ArgBase::Mem => Some(MEM),
        ArgBase::RingbufMem => Some(RESERVED),
        _ => None,
    }
}

/// Kinds of sockets: four of the kernel's own, then objects of it, known to be alive or not.
const SOCKETS: &[RegType] = &[
    ty(RegBase::SockCommon),
    ty(RegBase::Socket),
    ty(RegBase::TcpSock),
    ty(RegBase::XdpSock),
    btf(Flags::NONE),
    btf(Flags::TRUSTED),
];

/// Kinds of memory: first the five that a map's keys and values may lie in everywhere.
const MEMORY: &[RegType] = &[
    ty(RegBase::Stack),
    ty(RegBase::Packet),
    ty(RegBase::PacketMeta),
    ty(RegBase::MapKey),
    ty(RegBase::MapValue),
    ty(RegBase::Mem),
    RegType::new(RegBase::Mem, Flags::RINGBUF),
    ty(RegBase::Buf),
    btf(Flags::TRUSTED),
];

pub(super) fn is_memory(base: ArgBase) -> bool {
    matches!(base, ArgBase::MapKey | ArgBase::MapValue | ArgBase::Mem)
}

/// Pointers that may have any offset.
pub(super) fn any_offset(ty: RegType) -> bool {
    let flags = ty.flags();
    match ty.base() {
        RegBase::Stack
        | RegBase::Packet
        | RegBase::PacketMeta
        | RegBase::MapKey
        | RegBase::MapValue
        | RegBase::Arena
        | RegBase::Scalar => flags == Flags::NONE,
        RegBase::Mem => flags == Flags::NONE || flags == Flags::RDONLY || flags == Flags::RINGBUF,
        RegBase::Buf => flags == Flags::NONE || flags == Flags::RDONLY,
        _ => false,
    }
}

/// Pointers that may have a fixed offset.
pub(super) fn fixed_offset(ty: RegType) -> bool {
    let flags = ty.flags();
    ty.base() == RegBase::BtfId
        && (flags == Flags::NONE
            || flags == Flags::TRUSTED
            || flags == Flags::RCU
            || type_is_ptr_alloc_obj(ty) && flags.without(Flags::NON_OWN_REF | Flags::RCU) == Flags::ALLOC)
        && (flags != Flags::ALLOC | Flags::RCU)
}
