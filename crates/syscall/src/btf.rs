//! `BPF_BTF_LOAD`: a program's BTF and the special fields of its structs.

use std::sync::Arc;

use verdict_btf::{Btf, Kind, TypeId, validate};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use crate::fields::{self, Fields};
use crate::notes::Rejection;
use crate::record::{Field, FieldKind, FieldMask, KptrKind, Record};
use crate::space::{BtfRef, TypeRef};

/// Structs that make a struct of a program special.
const SPECIAL: &[&str] = &[
    "bpf_spin_lock",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_rb_root",
    "bpf_rb_node",
    "bpf_refcount",
];

/// The fields that a program's struct may have: no timers and workqueues, those need a map.
const STRUCT_FIELDS: FieldMask = FieldMask(
    FieldMask::LOCK.0
        | FieldMask::LIST_HEAD.0
        | FieldMask::LIST_NODE.0
        | FieldMask::RB_ROOT.0
        | FieldMask::RB_NODE.0
        | FieldMask::REFCOUNT.0
        | FieldMask::KPTR.0,
);

/// `BTF_MAX_OWNERSHIP_DEPTH`: how many objects may own one another in a chain.
const MAX_OWNERSHIP: u8 = 8;

/// A BTF object that the kernel has accepted.
#[derive(Clone, Debug)]
pub struct ProgBtf {
    /// The types.
    pub btf: Arc<Btf>,
    /// Structs with special fields, ascending by type (`struct btf_struct_metas`).
    metas: Vec<(TypeId, Arc<Record>)>,
}

impl ProgBtf {
    /// What the kernel makes of a BTF object: its validation, then the special fields of its structs.
    ///
    /// # Errors
    /// The refusal's text is what goes to the log of `BPF_BTF_LOAD`.
    pub fn load(kernel: &Kernel, btf: &Arc<Btf>) -> Result<ProgBtf, Rejection> {
        let rules = rules(kernel);
        validate::validate_by(btf.bytes(), rules)
            .map_err(|rejected| Rejection::new(Rule::BtfFormat, Errno(rejected.errno), rejected.log))?;
        // By then the log holds all types; about special fields the kernel has no words.
        ProgBtf::with_fields(kernel, btf).map_err(|errno| {
            Rejection::new(Rule::SpecialFieldLayout, errno, validate::log(btf.bytes(), rules))
        })
    }

    fn with_fields(kernel: &Kernel, btf: &Arc<Btf>) -> Result<ProgBtf, Errno> {
        if !kernel.btf_rules().struct_fields {
            return Ok(ProgBtf {
                btf: Arc::clone(btf),
                metas: Vec::new(),
            });
        }
        let loaded = ProgBtf {
            btf: Arc::clone(btf),
            metas: struct_metas(kernel, btf)?,
        };
        for (_, record) in &loaded.metas {
            loaded.check_graph_roots(record)?;
        }
        loaded.check_ownership()?;
        Ok(loaded)
    }

    /// The special fields of a struct, if it has any.
    pub fn record(&self, id: TypeId) -> Option<&Arc<Record>> {
        self.meta_at(id)
            .and_then(|at| self.metas.get(at))
            .map(|meta| &meta.1)
    }

    fn meta_at(&self, id: TypeId) -> Option<usize> {
        self.metas.binary_search_by_key(&id, |meta| meta.0).ok()
    }

    /// Whether the elements of a record's lists and trees are structs with special fields, as they must be.
    pub(crate) fn check_graph_roots(&self, record: &Record) -> Result<(), Errno> {
        let mut roots = record.fields.iter().filter_map(|field| field.kind.graph_root());
        if roots.all(|root| self.record(root.value).is_some()) {
            Ok(())
        } else {
            Err(Errno::EFAULT)
        }
    }

    /// The struct with special fields that a field owns.
    fn owned(&self, field: &Field) -> Option<usize> {
        match field.kind {
            FieldKind::ListHead(root) | FieldKind::RbRoot(root) => self.meta_at(root.value),
            FieldKind::Kptr(
                KptrKind::Ref | KptrKind::Percpu,
                TypeRef {
                    btf: BtfRef::Object,
                    id,
                },
            ) => self.meta_at(id),
            _ => None,
        }
    }

    /// Objects that own objects: chains are bounded, since their destruction recurses.
    fn check_ownership(&self) -> Result<(), Errno> {
        let mut depths = vec![0u8; self.metas.len()];
        for at in 0..self.metas.len() {
            self.ownership_depth(&mut depths, at, MAX_OWNERSHIP)?;
        }
        Ok(())
    }

    fn ownership_depth(&self, depths: &mut [u8], at: usize, left: u8) -> Result<u8, Errno> {
        if left == 0 {
            return Err(Errno::ELOOP);
        }
        let known = depths.get(at).copied().unwrap_or(0);
        let depth = if known != 0 {
            known
        } else {
            let mut deepest = 0;
            if let Some((_, record)) = self.metas.get(at) {
                for next in record.fields.iter().filter_map(|field| self.owned(field)) {
                    deepest = deepest.max(self.ownership_depth(depths, next, left - 1)?);
                }
            }
            if let Some(slot) = depths.get_mut(at) {
                *slot = deepest + 1;
            }
            deepest + 1
        };
        if depth > left {
            Err(Errno::ELOOP)
        } else {
            Ok(depth)
        }
    }
}

/// By which rules the kernel validates BTF.
pub fn rules(kernel: &Kernel) -> validate::Rules {
    let rules = kernel.btf_rules();
    validate::Rules {
        kinds: rules.kinds,
        printable_sections: rules.printable_sections,
        empty_sections: rules.empty_sections,
        flagged_enums: rules.flagged_enums,
    }
}

/// The structs with special fields (`btf_parse_struct_metas`): those with a member of a special struct or of a
/// kptr type.
fn struct_metas(kernel: &Kernel, btf: &Btf) -> Result<Vec<(TypeId, Arc<Record>)>, Errno> {
    let mut special: Vec<TypeId> = SPECIAL
        .iter()
        .filter_map(|name| btf.find(name, Kind::Struct))
        .collect();
    let tags = kernel.btf_rules().kptr_tags;
    let is_kptr = |ty| matches!(fields::kptr(tags, btf, ty), Ok(Some(_)));
    special.extend(btf.types().filter(|&ty| is_kptr(ty)).map(|ty| ty.id()));
    if special.is_empty() {
        return Ok(Vec::new());
    }
    special.sort_unstable();
    let mut metas = Vec::new();
    let mut all = Fields::new(kernel, btf, STRUCT_FIELDS);
    for ty in btf.types().filter(|ty| ty.is_struct()) {
        if !ty
            .members()
            .any(|member| special.binary_search(&member.ty).is_ok())
        {
            continue;
        }
        let record = all.parse(ty, ty.size())?;
        metas.push((ty.id(), Arc::new(record.ok_or(Errno::EFAULT)?)));
    }
    Ok(metas)
}
