//! What is known of one register or spilled value: content only, no marks.

use verdict_domain::Bounds;
use verdict_kernel::types::{Flags, RegBase, RegType};

use crate::index::{FrameNo, MapIdx, SubprogIdx};

/// Set in [`Reg::id`]: the value is that of the base id plus the constant in [`Reg::off`].
///
/// Linux 6.11, `BPF_ADD_CONST`, later `BPF_ADD_CONST64`.
pub const ADD_CONST_64: u32 = 1 << 31;
/// The same of the low halves, the upper one being zero (Linux 7.0, `BPF_ADD_CONST32`).
pub const ADD_CONST_32: u32 = 1 << 30;
/// Either of the two.
pub const ADD_CONST: u32 = ADD_CONST_64 | ADD_CONST_32;

/// A dynptr's kind, with the kernel's numbers (`enum bpf_dynptr_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum DynptrKind {
    /// Not a dynptr.
    Invalid = 0,
    /// Local memory.
    Local = 1,
    /// Ring buffer reservation.
    Ringbuf = 2,
    /// An skb.
    Skb = 3,
    /// An XDP frame.
    Xdp = 4,
    /// An skb's metadata.
    SkbMeta = 5,
}

impl DynptrKind {
    /// What the log calls it; empty for none.
    pub fn name(self) -> &'static str {
        match self {
            DynptrKind::Local => "local",
            DynptrKind::Ringbuf => "ringbuf",
            DynptrKind::Skb => "skb",
            DynptrKind::Xdp => "xdp",
            DynptrKind::SkbMeta => "skb_meta",
            DynptrKind::Invalid => "<invalid>",
        }
    }
}

/// How far an open-coded iterator is (`enum bpf_iter_state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum IterState {
    /// Not the first slot, or not an iterator.
    Invalid = 0,
    /// May give another element.
    Active = 1,
    /// Gave its last element.
    Drained = 2,
}

/// What a register or spilled value holds.
///
/// Equality of this type is never asked for as a whole: the rules of `equiv` compare chosen fields.
///
/// `raw` is the kernel's 16-byte union. It is data of scalars too: a pointer that was found to be NULL
/// becomes a scalar by changing its type alone, and comparisons that look at raw bytes see what remains.
#[derive(Clone, Copy, Debug)]
pub struct Reg {
    /// Kind and flags.
    pub ty: RegType,
    /// Fixed offset of a pointer; for scalars with [`ADD_CONST`], the constant.
    pub off: i32,
    /// The payload of the kind; read through the accessors below.
    pub raw: [u64; 2],
    /// The number, or the variable part of a pointer's offset.
    pub b: Bounds,
    /// Groups values that are known to be the same (or the same pointer before its NULL check); 0 is none. A number,
    /// as all ids: comparing registers calculates with them, absent ones and flags included.
    pub id: u32,
    /// The resource that this value refers to; 0 is none.
    pub ref_obj_id: u32,
    /// For stack pointers, the frame.
    pub frameno: FrameNo,
}

impl Reg {
    /// Whether nothing of it that is shown differs.
    pub fn shows_as(&self, other: &Reg) -> bool {
        self.ty == other.ty
            && self.off == other.off
            && self.id == other.id
            && self.ref_obj_id == other.ref_obj_id
            && self.raw == other.raw
            && self.frameno == other.frameno
            && self.b == other.b
    }

    /// An unwritten register.
    pub const NOT_INIT: Reg = Reg {
        ty: RegType::new(RegBase::NotInit, Flags::NONE),
        off: 0,
        raw: [0; 2],
        b: Bounds::UNKNOWN,
        id: 0,
        ref_obj_id: 0,
        frameno: FrameNo::OUTERMOST,
    };

    /// A scalar of which nothing is known.
    pub const UNKNOWN: Reg = Reg {
        ty: RegType::new(RegBase::Scalar, Flags::NONE),
        ..Reg::NOT_INIT
    };

    /// A scalar constant.
    #[inline]
    pub fn constant(value: u64) -> Reg {
        Reg {
            b: Bounds::constant(value),
            ..Reg::UNKNOWN
        }
    }

    /// A pointer of this type with no offset and no payload.
    #[inline]
    pub fn pointer(ty: impl Into<RegType>) -> Reg {
        Reg {
            ty: ty.into(),
            b: Bounds::constant(0),
            ..Reg::NOT_INIT
        }
    }

    /// Makes the number (or variable offset) this constant; offset, payload and ids are cleared, the type stays.
    #[inline]
    pub fn set_known(&mut self, value: u64) {
        self.off = 0;
        self.raw = [0; 2];
        self.id = 0;
        self.ref_obj_id = 0;
        self.b = Bounds::constant(value);
    }

    /// Makes this an unbounded scalar with everything else cleared.
    #[inline]
    pub fn set_unknown(&mut self) {
        *self = Reg::UNKNOWN;
    }

    /// Whether this is a plain scalar.
    #[inline]
    pub fn is_scalar(&self) -> bool {
        self.ty.0 == RegBase::Scalar as u32
    }

    /// Whether the base kind is this one, whatever the flags.
    #[inline]
    pub fn is(&self, base: RegBase) -> bool {
        self.ty.0 & 0xff == base as u32
    }

    /// Whether nothing was written to it.
    #[inline]
    pub fn is_not_init(&self) -> bool {
        self.ty.0 == RegBase::NotInit as u32
    }

    /// Whether this is the number 0 (`register_is_null`).
    #[inline]
    pub fn is_null(&self) -> bool {
        self.is_scalar() && self.b.var_off().value == 0 && self.b.var_off().mask == 0
    }

    /// Whether the pointer is into a packet, its metadata included.
    #[inline]
    pub fn is_pkt(&self) -> bool {
        self.ty.is(RegBase::Packet) || self.ty.is(RegBase::PacketMeta)
    }

    /// Whether the variable part of the offset (or the scalar) is a constant.
    #[inline]
    pub fn is_const(&self) -> bool {
        self.b.var_off().is_const()
    }

    // --- payload ---

    /// Packet pointers: how many bytes behind it are known to be in the packet.
    #[inline]
    pub fn range(&self) -> i32 {
        self.raw[0] as u32 as i32
    }
    /// Sets [`Reg::range`].
    #[inline]
    pub fn set_range(&mut self, range: i32) {
        self.raw[0] = (self.raw[0] & !0xffff_ffff) | u64::from(range as u32);
    }
    /// Map pointers, values and keys: the map.
    #[inline]
    pub fn map(&self) -> MapIdx {
        MapIdx((self.raw[0] as u32).wrapping_sub(1))
    }
    /// Map pointers and values: the identity of an inner map's lookup.
    #[inline]
    pub fn map_uid(&self) -> u32 {
        self.raw[1] as u32
    }
    /// Sets the map; the identity stays.
    #[inline]
    pub fn set_map(&mut self, map: MapIdx) {
        self.raw[0] = u64::from(map.0) + 1;
    }
    /// Sets [`Reg::map_uid`].
    #[inline]
    pub fn set_map_uid(&mut self, uid: u32) {
        self.raw[1] = (self.raw[1] & !0xffff_ffff) | u64::from(uid);
    }
    /// BTF-typed pointers and iterators: which BTF (see [`BtfHandle`]).
    #[inline]
    pub fn btf(&self) -> BtfHandle {
        BtfHandle(self.raw[0] as u32)
    }
    /// BTF-typed pointers and iterators: type in [`Reg::btf`].
    #[inline]
    pub fn btf_id(&self) -> u32 {
        self.raw[1] as u32
    }
    /// Sets the BTF and the type; other bytes of the payload stay.
    #[inline]
    pub fn set_btf(&mut self, btf: BtfHandle, id: u32) {
        self.raw[0] = u64::from(btf.0);
        self.raw[1] = (self.raw[1] & !0xffff_ffff) | u64::from(id);
    }
    /// Memory: its size in bytes.
    #[inline]
    pub fn mem_size(&self) -> u32 {
        self.raw[0] as u32
    }
    /// Sets [`Reg::mem_size`].
    #[inline]
    pub fn set_mem_size(&mut self, size: u32) {
        self.raw[0] = (self.raw[0] & !0xffff_ffff) | u64::from(size);
    }
    /// Memory: the dynptr it is a slice of; 0 is none.
    #[inline]
    pub fn dynptr_id(&self) -> u32 {
        (self.raw[0] >> 32) as u32
    }
    /// Sets [`Reg::dynptr_id`].
    #[inline]
    pub fn set_dynptr_id(&mut self, id: u32) {
        self.raw[0] = (self.raw[0] & 0xffff_ffff) | u64::from(id) << 32;
    }
    /// dynptrs: the kind.
    #[inline]
    pub fn dynptr_kind(&self) -> DynptrKind {
        match self.raw[0] as u32 {
            1 => DynptrKind::Local,
            2 => DynptrKind::Ringbuf,
            3 => DynptrKind::Skb,
            4 => DynptrKind::Xdp,
            5 => DynptrKind::SkbMeta,
            _ => DynptrKind::Invalid,
        }
    }
    /// dynptrs: whether this is the first of the two slots.
    #[inline]
    pub fn dynptr_first_slot(&self) -> bool {
        self.raw[0] >> 32 != 0
    }
    /// Sets kind and slot of a dynptr.
    #[inline]
    pub fn set_dynptr(&mut self, kind: DynptrKind, first_slot: bool) {
        self.raw[0] = u64::from(kind as u32) | u64::from(first_slot) << 32;
    }
    /// Iterators: how far they are.
    #[inline]
    pub fn iter_state(&self) -> IterState {
        match self.raw[1] >> 32 & 3 {
            1 => IterState::Active,
            2 => IterState::Drained,
            _ => IterState::Invalid,
        }
    }
    /// Iterators: how many times they gave an element on this path.
    #[inline]
    pub fn iter_depth(&self) -> u32 {
        (self.raw[1] >> 34) as u32
    }
    /// Sets state and depth of an iterator.
    #[inline]
    pub fn set_iter(&mut self, state: IterState, depth: u32) {
        self.raw[1] = (self.raw[1] & 0xffff_ffff) | u64::from(state as u32) << 32 | u64::from(depth) << 34;
    }
    /// Interrupt flags: whether they were saved together with taking a lock.
    #[inline]
    pub fn irq_of_lock(&self) -> bool {
        self.raw[0] == 2
    }
    /// Sets [`Reg::irq_of_lock`].
    #[inline]
    pub fn set_irq_of_lock(&mut self, of_lock: bool) {
        self.raw[0] = 1 + u64::from(of_lock);
    }
    /// Functions: the subprogram.
    #[inline]
    pub fn subprogno(&self) -> SubprogIdx {
        SubprogIdx(self.raw[0] as u32)
    }
    /// Sets [`Reg::subprogno`].
    #[inline]
    pub fn set_subprogno(&mut self, subprog: SubprogIdx) {
        self.raw[0] = (self.raw[0] & !0xffff_ffff) | u64::from(subprog.0);
    }
}

/// Names a BTF object within one verification; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BtfHandle(pub u32);

impl BtfHandle {
    /// No BTF.
    pub const NONE: BtfHandle = BtfHandle(0);
    /// The kernel's.
    pub const VMLINUX: BtfHandle = BtfHandle(1);
    /// The program's.
    pub const PROGRAM: BtfHandle = BtfHandle(2);
    const FIRST_MAP: u32 = 3;

    /// That of a map, by its number among the maps that a program met.
    pub fn of_map(map: u32) -> BtfHandle {
        BtfHandle(map.saturating_add(Self::FIRST_MAP))
    }

    /// The number of the map that it is of.
    pub fn map(self) -> Option<u32> {
        self.0.checked_sub(Self::FIRST_MAP)
    }
}

#[cfg(test)]
mod tests {
    use super::Reg;

    /// Registers are copied at every branch: growth is a decision.
    #[test]
    fn size() {
        assert_eq!(size_of::<Reg>(), 104);
    }
}
