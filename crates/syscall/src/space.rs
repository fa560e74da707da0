//! The BTFs that one program's types come from, and how a type is named across them.

use std::sync::Arc;

use verdict_btf::{Btf, Type, TypeId};
use verdict_kernel::Kernel;

use crate::btf::ProgBtf;
use crate::record::Record;

/// Which BTF a type is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum BtfRef {
    /// The kernel's own. Modules have none here: the profiles have no module loaded.
    Vmlinux,
    /// The object's, shared by its programs and its maps.
    Object,
}

/// A type, with the BTF that it is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TypeRef {
    /// The BTF.
    pub btf: BtfRef,
    /// The type's number in it.
    pub id: TypeId,
}

impl TypeRef {
    /// A type of vmlinux.
    pub const fn vmlinux(id: TypeId) -> Self {
        Self {
            btf: BtfRef::Vmlinux,
            id,
        }
    }
    /// A type of the object.
    pub const fn object(id: TypeId) -> Self {
        Self {
            btf: BtfRef::Object,
            id,
        }
    }
}

/// The BTFs that are in reach while a program is verified.
#[derive(Clone, Copy, Debug)]
pub struct TypeSpace<'a> {
    /// The kernel's.
    pub vmlinux: &'a Btf,
    /// The object's, unless it has none.
    pub object: Option<&'a ProgBtf>,
}

impl<'a> TypeSpace<'a> {
    /// The kernel's BTF and, if there is one, the object's.
    pub fn new(kernel: &'a Kernel, object: Option<&'a Arc<ProgBtf>>) -> Self {
        Self {
            vmlinux: &kernel.btf,
            object: object.map(Arc::as_ref),
        }
    }
    /// The BTF that a handle names.
    pub fn btf(&self, of: BtfRef) -> Option<&'a Btf> {
        match of {
            BtfRef::Vmlinux => Some(self.vmlinux),
            BtfRef::Object => self.object.map(|object| &*object.btf),
        }
    }
    /// A type, if there is one of that number.
    pub fn ty(&self, of: TypeRef) -> Option<Type<'a>> {
        self.btf(of.btf)?.ty(of.id)
    }
    /// The special fields of a struct of the object; the kernel's structs have none.
    pub fn record(&self, of: TypeRef) -> Option<&'a Arc<Record>> {
        match of.btf {
            BtfRef::Vmlinux => None,
            BtfRef::Object => self.object?.record(of.id),
        }
    }
}
