//! The kinds of types and the small enumerations inside them.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal, $kernel:literal;)*) => {
        /// `BTF_KIND_*`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $name = $value,)*
        }

        impl Kind {
            /// The kind of a number, `None` for one that 6.12 does not know.
            #[inline]
            pub fn from_raw(raw: u32) -> Option<Kind> {
                match raw {
                    $($value => Some(Kind::$name),)*
                    _ => None,
                }
            }

            /// libbpf's name of the kind (`"struct"`).
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => $text,)*
                }
            }

            /// The kernel's name of the kind (`"STRUCT"`).
            pub fn kernel_name(self) -> &'static str {
                match self {
                    $(Kind::$name => $kernel,)*
                }
            }
        }
    };
}

kinds! {
    /// `void`, also "unknown".
    Void = 0, "void", "UNKNOWN";
    /// An integer.
    Int = 1, "int", "INT";
    /// A pointer.
    Ptr = 2, "ptr", "PTR";
    /// An array.
    Array = 3, "array", "ARRAY";
    /// A struct.
    Struct = 4, "struct", "STRUCT";
    /// A union.
    Union = 5, "union", "UNION";
    /// An enumeration of up to 32 bits, or 64-bit storage with 32-bit values.
    Enum = 6, "enum", "ENUM";
    /// A forward declaration of a struct or union.
    Fwd = 7, "fwd", "FWD";
    /// A typedef.
    Typedef = 8, "typedef", "TYPEDEF";
    /// `volatile`.
    Volatile = 9, "volatile", "VOLATILE";
    /// `const`.
    Const = 10, "const", "CONST";
    /// `restrict`.
    Restrict = 11, "restrict", "RESTRICT";
    /// A function.
    Func = 12, "func", "FUNC";
    /// A function's prototype.
    FuncProto = 13, "func_proto", "FUNC_PROTO";
    /// A global variable.
    Var = 14, "var", "VAR";
    /// A data section: variables and where they lie.
    DataSec = 15, "datasec", "DATASEC";
    /// A floating point type.
    Float = 16, "float", "FLOAT";
    /// `btf_decl_tag` on a declaration or a part of it.
    DeclTag = 17, "decl_tag", "DECL_TAG";
    /// `btf_type_tag`, a modifier.
    TypeTag = 18, "type_tag", "TYPE_TAG";
    /// An enumeration of 64-bit values.
    Enum64 = 19, "enum64", "ENUM64";
}

impl Kind {
    /// `const`, `volatile`, `restrict` or a type tag: what can be skipped without changing what a value is.
    #[inline]
    pub fn is_modifier(self) -> bool {
        matches!(
            self,
            Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag
        )
    }

    /// Struct or union.
    #[inline]
    pub fn is_composite(self) -> bool {
        matches!(self, Kind::Struct | Kind::Union)
    }

    /// Either kind of enumeration.
    #[inline]
    pub fn is_any_enum(self) -> bool {
        matches!(self, Kind::Enum | Kind::Enum64)
    }

    /// Whether the two kinds may stand for each other in CO-RE: the same, or both enumerations.
    #[inline]
    pub(crate) fn core_compatible(self, other: Kind) -> bool {
        self == other || (self.is_any_enum() && other.is_any_enum())
    }

    /// Whether a type of this kind has a size in its third word (else it refers to a type there).
    #[inline]
    pub fn has_size(self) -> bool {
        matches!(
            self,
            Kind::Int | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::DataSec | Kind::Float
        )
    }

    /// Whether a type of this kind refers to another in its third word.
    #[inline]
    pub(crate) fn has_target(self) -> bool {
        matches!(
            self,
            Kind::Ptr
                | Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::Func
                | Kind::FuncProto
                | Kind::Var
                | Kind::DeclTag
                | Kind::TypeTag
        )
    }
}

/// How an integer is to be read (`BTF_INT_*` bits; the kernel accepts at most one).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct IntEncoding(pub u8);

impl IntEncoding {
    /// `BTF_INT_SIGNED`.
    pub const SIGNED: IntEncoding = IntEncoding(1);
    /// `BTF_INT_BOOL`.
    pub const BOOL: IntEncoding = IntEncoding(4);

    /// Whether the signed bit is set.
    #[inline]
    pub fn is_signed(self) -> bool {
        self.0 & Self::SIGNED.0 != 0
    }

    /// Whether the bool bit is set.
    #[inline]
    pub fn is_bool(self) -> bool {
        self.0 & Self::BOOL.0 != 0
    }
}

/// `BTF_FUNC_*`: the linkage of a function, kept in its `vlen`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FuncLinkage {
    /// Static.
    Static,
    /// Global.
    Global,
    /// Extern.
    Extern,
}

impl FuncLinkage {
    /// The linkage of a number.
    pub fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            0 => Some(FuncLinkage::Static),
            1 => Some(FuncLinkage::Global),
            2 => Some(FuncLinkage::Extern),
            _ => None,
        }
    }
}

/// `BTF_VAR_*`: the linkage of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VarLinkage {
    /// Static.
    Static,
    /// Global and allocated.
    Global,
    /// Extern.
    Extern,
}

impl VarLinkage {
    /// The linkage of a number.
    pub fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            0 => Some(VarLinkage::Static),
            1 => Some(VarLinkage::Global),
            2 => Some(VarLinkage::Extern),
            _ => None,
        }
    }
}
