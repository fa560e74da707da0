//! BTF for kernels that do not know all of it (`bpf_object__sanitize_btf`): what a kernel does not know becomes something
//! as long that it knows.

use std::sync::Arc;

use verdict_btf::build::Builder;
use verdict_btf::{Btf, IntEncoding, Kind, Type, TypeId};

use crate::probes::Probes;

/// The BTF as the kernel takes it.
pub(crate) fn sanitize(btf: Arc<Btf>, probes: &Probes) -> Arc<Btf> {
    if probes.takes_all_btf() {
        return btf;
    }
    let mut cleaner = Cleaner {
        edit: Builder::from_btf(&btf),
        placeholder: None,
        changed: false,
    };
    for ty in btf.types() {
        // Each replacement is as long as what it replaces; one that were not would be left out.
        let _ = cleaner.clean(ty, probes);
    }
    if !cleaner.changed {
        return btf;
    }
    cleaner.edit.build().map_or(btf, Arc::new)
}

struct Cleaner {
    edit: Builder,
    /// The type of what were enumerators of 64 bits.
    placeholder: Option<TypeId>,
    changed: bool,
}

impl Cleaner {
    fn clean(&mut self, ty: Type<'_>, probes: &Probes) -> Option<()> {
        let (id, edit) = (ty.id(), &mut self.edit);
        match ty.kind() {
            Kind::DeclTag if !probes.decl_tag => {
                edit.retype(id, Kind::Int, 0)?;
                edit.set_size(id, 1)?;
                edit.set_extra(id, 0, 8)?;
            }
            Kind::DataSec if !probes.qmark_datasec && ty.name().starts_with('?') => {
                let name = ty.name().replacen('?', "_", 1);
                edit.set_name(id, &name)?;
            }
            Kind::Float if !probes.float => {
                edit.set_name(id, "")?;
                edit.retype(id, Kind::Struct, 0)?;
            }
            Kind::TypeTag if !probes.type_tag => {
                edit.set_name(id, "")?;
                edit.retype(id, Kind::Const, 0)?;
            }
            // Whether the enumerators have signs is unknown to it, too.
            Kind::Enum if !probes.enum64 && ty.kflag() => edit.retype(id, Kind::Enum, ty.vlen())?,
            Kind::Enum64 if !probes.enum64 => {
                let placeholder = *self
                    .placeholder
                    .get_or_insert_with(|| edit.add_int("enum64_placeholder", 1, IntEncoding(0)));
                edit.retype(id, Kind::Union, ty.vlen())?;
                for index in 0..ty.vlen() as usize {
                    edit.set_extra(id, index * 3 + 1, placeholder.0)?;
                    edit.set_extra(id, index * 3 + 2, 0)?;
                }
            }
            _ => return Some(()),
        }
        self.changed = true;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use verdict_kernel::Kernel;

    use super::*;

    fn none() -> Probes {
        Probes {
            float: false,
            decl_tag: false,
            type_tag: false,
            enum64: false,
            qmark_datasec: false,
            ..Probes::of(&Kernel::open("6.12").unwrap())
        }
    }

    #[test]
    fn what_is_unknown_becomes_known() {
        let mut b = Builder::new();
        let int = b.add_int("int", 4, IntEncoding(0));
        let float = b.add_float("float", 8);
        let tag = b.add_type_tag("user", int);
        let wide = b.add_enum64("wide", 8, true, &[("a", 1), ("b", 2)]);
        let signed = b.add_enum("signed", 4, true, &[("c", -1)]);
        let section = b.add_datasec("?.data", 0, &[]);
        let decl = b.add_decl_tag("arg:ctx", int, None);
        let btf = sanitize(Arc::new(b.build().unwrap()), &none());
        let kind = |id| btf.ty(id).unwrap().kind();
        assert_eq!((kind(float), kind(tag)), (Kind::Struct, Kind::Const));
        assert_eq!((kind(wide), kind(signed)), (Kind::Union, Kind::Enum));
        assert_eq!((kind(decl), btf.ty(decl).unwrap().size()), (Kind::Int, 1));
        assert!(!btf.ty(signed).unwrap().kflag());
        assert_eq!(btf.type_name(section), "_.data");
        assert_eq!((btf.type_name(float), btf.type_name(tag)), ("", ""));
        let members: Vec<_> = btf.ty(wide).unwrap().members().collect();
        assert_eq!((members[1].name(), members[1].bit_offset), ("b", 0));
        assert_eq!(btf.type_name(members[1].ty), "enum64_placeholder");
    }

    #[test]
    fn what_is_known_stays() {
        let mut b = Builder::new();
        b.add_float("float", 8);
        let btf = Arc::new(b.build().unwrap());
        let probes = Probes::of(&Kernel::open("6.12").unwrap());
        assert!(Arc::ptr_eq(&sanitize(btf.clone(), &probes), &btf));
    }
}
