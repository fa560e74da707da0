//! The verifier's vocabulary of types: what a register holds, what a helper takes and gives back.
//!
//! A type is a base kind in the low eight bits and flags above them, as in `enum bpf_reg_type`,
//! `bpf_arg_type` and `bpf_return_type` of Linux 6.12's `include/linux/bpf.h`. The three share their flags,
//! and some rules copy flags from one to another, which is why they are integers with constants rather
//! than three unrelated enums.

use std::fmt;

use crate::abi::numbered::flags;

/// Flags that qualify a register, argument or return type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Flags(pub u32);

flags! {
    Flags from 8;
    /// May be NULL until the program has compared it.
    MAYBE_NULL = 0;
    /// The memory must not be written.
    RDONLY = 1;
    /// Memory of a ring buffer's reservation.
    RINGBUF = 2;
    /// User memory (`__user`).
    USER = 3;
    /// Per-CPU memory (`__percpu`).
    PERCPU = 4;
    /// The argument releases the object it refers to.
    RELEASE = 5;
    /// A pointer that is not trusted to be valid.
    UNTRUSTED = 6;
    /// The memory need not be initialised.
    UNINIT = 7;
    /// A dynptr over local memory.
    DYNPTR_LOCAL = 8;
    /// A dynptr over a ring buffer's reservation.
    DYNPTR_RINGBUF = 9;
    /// The memory's size is known from the prototype.
    FIXED_SIZE = 10;
    /// An object allocated by the program (`bpf_obj_new`).
    ALLOC = 11;
    /// A pointer that the kernel vouches for.
    TRUSTED = 12;
    /// A pointer protected by RCU.
    RCU = 13;
    /// A non-owning reference to a graph node.
    NON_OWN_REF = 14;
    /// A dynptr over an skb.
    DYNPTR_SKB = 15;
    /// A dynptr over an XDP frame.
    DYNPTR_XDP = 16;
    /// The memory must be aligned.
    ALIGNED = 17;
    /// The memory is written to.
    WRITE = 18;
    /// A dynptr over an skb's metadata.
    DYNPTR_SKB_META = 19;
}

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// All dynptr kinds.
    pub const DYNPTR_ANY: Flags =
        Flags(Flags::DYNPTR_LOCAL.0 | Flags::DYNPTR_RINGBUF.0 | Flags::DYNPTR_PACKET.0);
    /// Dynptr kinds over a packet, of which slices go when the packet moves.
    pub const DYNPTR_PACKET: Flags =
        Flags(Flags::DYNPTR_SKB.0 | Flags::DYNPTR_XDP.0 | Flags::DYNPTR_SKB_META.0);
    /// What the type tag behind a pointer says of what it points to.
    pub fn of_tag(tag: Option<&str>) -> Flags {
        match tag {
            Some("user") => Flags::USER,
            Some("percpu") => Flags::PERCPU,
            Some("rcu") => Flags::RCU,
            _ => Flags::NONE,
        }
    }
    /// Whether any flag of `other` is set.
    #[inline]
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
    /// The flags of both.
    #[inline]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
    /// These flags except those of `other`.
    #[inline]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

macro_rules! composite {
    ($(#[$doc:meta])* $ty:ident, $base:ident { $($(#[$vdoc:meta])* $name:ident = $num:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $ty(pub u32);

        #[doc = concat!("The base kinds of [`", stringify!($ty), "`].")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $base { $($(#[$vdoc])* $name = $num,)* }

        impl $ty {
            /// This base kind with these flags.
            #[inline]
            pub const fn new(base: $base, flags: Flags) -> Self { Self(base as u32 | flags.0) }
            /// The base kind, without flags.
            #[inline]
            pub const fn base(self) -> $base {
                match self.0 & 0xff {
                    $(n if n == $num => $base::$name,)*
                    _ => unreachable!(),
                }
            }
            /// The flags.
            #[inline]
            pub const fn flags(self) -> Flags { Flags(self.0 & !0xff) }
            /// Whether any of these flags is set.
            #[inline]
            pub const fn has(self, flags: Flags) -> bool { self.0 & flags.0 != 0 }
            /// With these flags added.
            #[inline]
            pub const fn with(self, flags: Flags) -> Self { Self(self.0 | flags.0) }
            /// With these flags removed.
            #[inline]
            pub const fn without(self, flags: Flags) -> Self { Self(self.0 & !flags.0) }
            /// Whether this is exactly the base kind, with no flag.
            #[inline]
            pub const fn is(self, base: $base) -> bool { self.0 == base as u32 }
        }
        impl From<$base> for $ty {
            fn from(base: $base) -> Self { Self::new(base, Flags::NONE) }
        }
        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.base())?;
                if self.flags() != Flags::NONE { write!(f, "({:?})", self.flags())?; }
                Ok(())
            }
        }
    };
}

composite! {
    /// What a register holds (`enum bpf_reg_type`, same numbers).
    RegType, RegBase {
        /// Nothing was written to it.
        NotInit = 0,
        /// A number.
        Scalar = 1,
        /// The program's context.
        Ctx = 2,
        /// A map.
        ConstMapPtr = 3,
        /// A value of a map.
        MapValue = 4,
        /// A key of a map.
        MapKey = 5,
        /// The stack of a frame.
        Stack = 6,
        /// `skb->data_meta`.
        PacketMeta = 7,
        /// `skb->data`.
        Packet = 8,
        /// `skb->data + headlen`.
        PacketEnd = 9,
        /// Flow dissector keys.
        FlowKeys = 10,
        /// A full socket.
        Socket = 11,
        /// The common part of a socket.
        SockCommon = 12,
        /// A TCP socket.
        TcpSock = 13,
        /// A tracepoint's writable buffer.
        TpBuffer = 14,
        /// An XDP-level socket.
        XdpSock = 15,
        /// A kernel or program object described by BTF.
        BtfId = 16,
        /// Plain memory of known size.
        Mem = 17,
        /// The arena.
        Arena = 18,
        /// A buffer whose size is only known at run time.
        Buf = 19,
        /// A program function.
        Func = 20,
        /// A `bpf_dynptr` that came as an argument.
        ConstDynptr = 21,
    }
}

composite! {
    /// What a helper takes (`enum bpf_arg_type`, same numbers).
    ArgType, ArgBase {
        /// No argument.
        DontCare = 0,
        /// `const` map pointer.
        ConstMapPtr = 1,
        /// Key of the map argument.
        MapKey = 2,
        /// Value of the map argument.
        MapValue = 3,
        /// Memory.
        Mem = 4,
        /// Arena pointer.
        Arena = 5,
        /// Size of the memory argument before it, not zero.
        ConstSize = 6,
        /// Size of the memory argument before it, zero allowed.
        ConstSizeOrZero = 7,
        /// Context.
        Ctx = 8,
        /// Any initialised register.
        Anything = 9,
        /// A scalar.
        Scalar = 10,
        /// `struct bpf_spin_lock` in a map value or object.
        SpinLock = 11,
        /// Common part of a socket.
        SockCommon = 12,
        /// Full socket.
        Socket = 13,
        /// Kernel object by BTF id.
        BtfId = 14,
        /// Ring buffer reservation.
        RingbufMem = 15,
        /// Constant size of a ring buffer reservation.
        ConstAllocSizeOrZero = 16,
        /// A socket, by its BTF id.
        BtfIdSockCommon = 17,
        /// Per-CPU object by BTF id.
        PercpuBtfId = 18,
        /// Callback.
        Func = 19,
        /// Stack memory.
        Stack = 20,
        /// String constant in a read-only map.
        ConstStr = 21,
        /// `struct bpf_timer` in a map value.
        Timer = 22,
        /// Where a kptr is exchanged.
        KptrXchgDest = 23,
        /// dynptr.
        Dynptr = 24,
    }
}

composite! {
    /// What a helper gives back (`enum bpf_return_type`, same numbers).
    RetType, RetBase {
        /// A number.
        Integer = 0,
        /// Nothing.
        Void = 1,
        /// A value of the map argument.
        MapValue = 2,
        /// A full socket.
        Socket = 3,
        /// A TCP socket.
        TcpSock = 4,
        /// The common part of a socket.
        SockCommon = 5,
        /// Memory.
        Mem = 6,
        /// A kernel object or plain memory, whichever the BTF id says.
        MemOrBtfId = 7,
        /// A kernel object.
        BtfId = 8,
    }
}
