//! The helpers' prototypes, a row each.
//!
//! A row reads `NAME: number (arguments) -> result [attributes];`. Arguments and results are base kinds of
//! [`crate::types`] with their flags; `<"task_struct">` is the struct of a kernel object, `= 8` the bytes of
//! memory of fixed size. Prototypes of one helper that the verifier cannot tell apart share a row.

use super::{Allowed, Arg, HelperId, HelperProto};
use crate::types::{ArgBase, ArgType, Flags, RetType};

pub(in crate::tables) mod common;
pub(in crate::tables) mod other;
pub(in crate::tables) mod packet;
pub(in crate::tables) mod sock;
pub(in crate::tables) mod tracing;

pub(super) const NO_ARG: Arg = Arg {
    ty: ArgType::new(ArgBase::DontCare, Flags::NONE),
    btf: None,
    size: 0,
};

impl Arg {
    pub(in crate::tables) const fn new(ty: ArgType) -> Arg {
        Arg {
            ty,
            btf: None,
            size: 0,
        }
    }
    pub(in crate::tables) const fn of_struct(mut self, name: &'static str) -> Arg {
        self.btf = Some(name);
        self
    }
    pub(in crate::tables) const fn of_size(mut self, size: u32) -> Arg {
        self.size = size;
        self
    }
}

impl HelperProto {
    pub(in crate::tables) const fn new(id: HelperId, given: &[Arg], ret: RetType) -> HelperProto {
        let mut args = [NO_ARG; 5];
        let mut i = 0;
        while i < given.len() {
            args[i] = given[i];
            i += 1;
        }
        HelperProto {
            id,
            name: super::id::NAMES[id as usize],
            gpl_only: false,
            pkt_access: false,
            might_sleep: false,
            allow_fastcall: false,
            ret,
            ret_btf: None,
            args,
            allowed: Allowed::Always,
        }
    }
    pub(in crate::tables) const fn returns_struct(mut self, name: &'static str) -> HelperProto {
        self.ret_btf = Some(name);
        self
    }
    pub(in crate::tables) const fn gpl_only(mut self) -> HelperProto {
        self.gpl_only = true;
        self
    }
    pub(in crate::tables) const fn pkt_access(mut self) -> HelperProto {
        self.pkt_access = true;
        self
    }
    pub(in crate::tables) const fn might_sleep(mut self) -> HelperProto {
        self.might_sleep = true;
        self
    }
    pub(in crate::tables) const fn allow_fastcall(mut self) -> HelperProto {
        self.allow_fastcall = true;
        self
    }
    pub(in crate::tables) const fn allowed(mut self, allowed: Allowed) -> HelperProto {
        self.allowed = allowed;
        self
    }
}

/// Declares prototypes; see the module's documentation.
macro_rules! protos {
    ($(
        $name:ident: $id:literal (
            $($arg:ident $(| $flag:ident)* $(<$struct:literal>)? $(= $size:literal)?),*
        ) -> $ret:ident $(| $ret_flag:ident)* $(<$ret_struct:literal>)? [$($attr:ident $(($value:ident))?),*];
    )*) => {
        $(pub(in crate::tables) static $name: $crate::helper::HelperProto = $crate::helper::HelperProto::new(
            $id,
            &[$($crate::helper::Arg::new($crate::types::ArgType::new(
                $crate::types::ArgBase::$arg,
                $crate::types::Flags::NONE $(.with($crate::types::Flags::$flag))*,
            )) $(.of_struct($struct))? $(.of_size($size))?),*],
            $crate::types::RetType::new(
                $crate::types::RetBase::$ret,
                $crate::types::Flags::NONE $(.with($crate::types::Flags::$ret_flag))*,
            ),
        ) $(.returns_struct($ret_struct))? $(.$attr($($crate::helper::Allowed::$value)?))*;)*

        /// All rows of this file.
        #[cfg(test)]
        pub(in crate::tables) static ALL: &[&$crate::helper::HelperProto] = &[$(&$name),*];
    };
}
pub(in crate::tables) use protos;
