//! The BTFs that one program's types come from, and how a type is named across them.

use std::sync::Arc;

use verdict_btf::{Btf, Type, TypeId};
use verdict_kernel::Kernel;

use crate::btf::ProgBtf;
use crate::map::Map;
use crate::record::Record;

/// Which BTF a type is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum BtfRef {
    /// The kernel's own. Modules have none here: the profiles have no module loaded.
    Vmlinux,
    /// The object's, shared by its programs and its maps; in a record, that of its owner.
    Object,
    /// That of a map, by its place among those of the space, where it is not the program's.
    Map(u32),
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
    /// Maps that may have BTF of their own.
    pub maps: &'a [Arc<Map>],
}

impl<'a> TypeSpace<'a> {
    /// The kernel's BTF and, if there is one, the object's.
    pub fn new(kernel: &'a Kernel, object: Option<&'a Arc<ProgBtf>>) -> Self {
        Self {
            vmlinux: &kernel.btf,
            object: object.map(Arc::as_ref),
            maps: &[],
        }
    }
    /// The same with maps.
    pub fn with_maps(self, maps: &'a [Arc<Map>]) -> Self {
        Self { maps, ..self }
    }
    /// The BTF that a handle names.
    pub fn btf(&self, of: BtfRef) -> Option<&'a Btf> {
        match of {
            BtfRef::Vmlinux => Some(self.vmlinux),
            BtfRef::Object => self.object.map(|object| &*object.btf),
            BtfRef::Map(at) => self.of_map(at).map(|own| &*own.btf),
        }
    }
    fn of_map(&self, at: u32) -> Option<&'a ProgBtf> {
        let map = usize::try_from(at).ok().and_then(|at| self.maps.get(at));
        map?.btf.as_deref()
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
            BtfRef::Map(at) => self.of_map(at)?.record(of.id),
        }
    }
}
