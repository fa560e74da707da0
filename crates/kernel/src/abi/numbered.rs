//! Enumerations and sets of bits of the kernel: Rust types whose numbers and names come from one table.

/// Declares an enum of the bpf(2) interface from rows `Variant = number, "BPF_NAME", "libbpf name";`.
macro_rules! numbered {
    ($(#[$doc:meta])* $ty:ident { $($variant:ident = $num:literal, $uapi:literal, $name:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum $ty { $(#[doc = concat!("`", $uapi, "`")] $variant = $num,)* }

        impl $ty {
            /// All of them, by number.
            pub const ALL: &'static [$ty] = &[$($ty::$variant),*];

            /// The number that bpf(2) uses.
            #[inline]
            pub const fn raw(self) -> u32 {
                self as u32
            }

            /// The one with this number; `None` when this release does not know it.
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match raw {
                    $($num => Some($ty::$variant),)*
                    _ => None,
                }
            }

            /// The constant of `linux/bpf.h`.
            pub const fn uapi_name(self) -> &'static str {
                match self { $($ty::$variant => $uapi,)* }
            }

            /// The name that libbpf and bpftool use.
            pub const fn name(self) -> &'static str {
                match self { $($ty::$variant => $name,)* }
            }

            /// The one with this libbpf name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == name)
            }
        }

        impl TryFrom<u32> for $ty {
            /// The number that has no meaning.
            type Error = u32;
            fn try_from(raw: u32) -> Result<Self, u32> {
                Self::from_raw(raw).ok_or(raw)
            }
        }

        impl From<$ty> for u32 {
            fn from(v: $ty) -> u32 {
                v.raw()
            }
        }

        impl std::fmt::Display for $ty {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use numbered;

/// Gives a set of bits, a tuple of one `u32`, its members from rows `NAME = bit;`, counted from bit `$from`; its `Debug`
/// prints their names.
macro_rules! flags {
    ($ty:ident from $from:literal; $($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl $ty { $($(#[$doc])* pub const $name: $ty = $ty(1 << ($from + $bit));)* }

        impl std::fmt::Debug for $ty {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let rows = [$(($ty::$name, stringify!($name))),*];
                let names: Vec<&str> = rows.iter().filter(|(bit, _)| self.has(*bit)).map(|row| row.1).collect();
                f.write_str(&names.join("|"))
            }
        }
    };
}
pub(crate) use flags;
