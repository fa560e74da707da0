//! Finding special fields in a type: `btf_parse_fields` of `kernel/bpf/btf.c`.
//!
//! The refusals carry no words. Quirks are the kernel's: a field that is not aligned is no field, a struct's
//! tag is searched by the first member of its name, and there is a most of fields.

use std::collections::HashMap;

use verdict_btf::{Btf, Kind, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::btf::{BtfRules, KptrTags};
use verdict_kernel::errno::Errno;
use verdict_kernel::kfunc::types;

use crate::record::{Field, FieldKind, FieldMask, GraphRoot, KptrKind, Record};
use crate::space::TypeRef;

/// `MAX_RESOLVE_DEPTH`: how deep structs and arrays may nest.
const MAX_DEPTH: u32 = 32;

/// A kind of field before its details are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    SpinLock,
    Timer,
    Workqueue,
    ResSpinLock,
    TaskWork,
    ListHead,
    ListNode,
    RbRoot,
    RbNode,
    Refcount,
    /// Any type that is not a struct may be a kptr.
    Pointer,
}

/// Kinds by the name of their struct. `once` ones may occur once in a value.
const NAMED: &[(&str, Named, FieldMask, u32, u32, bool)] = &[
    ("bpf_spin_lock", Named::SpinLock, FieldMask::SPIN_LOCK, 4, 4, true),
    ("bpf_timer", Named::Timer, FieldMask::TIMER, 16, 8, true),
    ("bpf_wq", Named::Workqueue, FieldMask::WORKQUEUE, 16, 8, true),
    (
        "bpf_res_spin_lock",
        Named::ResSpinLock,
        FieldMask::RES_SPIN_LOCK,
        4,
        4,
        true,
    ),
    ("bpf_task_work", Named::TaskWork, FieldMask::TASK_WORK, 8, 8, true),
    (
        "bpf_list_head",
        Named::ListHead,
        FieldMask::LIST_HEAD,
        16,
        8,
        false,
    ),
    (
        "bpf_list_node",
        Named::ListNode,
        FieldMask::LIST_NODE,
        24,
        8,
        false,
    ),
    ("bpf_rb_root", Named::RbRoot, FieldMask::RB_ROOT, 16, 8, false),
    ("bpf_rb_node", Named::RbNode, FieldMask::RB_NODE, 32, 8, false),
    ("bpf_refcount", Named::Refcount, FieldMask::REFCOUNT, 4, 4, true),
];

/// What a found field is, before other types are looked up for it.
#[derive(Clone, Copy)]
enum Raw<'a> {
    Plain(FieldKind),
    Kptr(KptrKind, TypeId),
    Root {
        list: bool,
        value: TypeId,
        node: &'a str,
    },
}

#[derive(Clone, Copy)]
struct Found<'a> {
    raw: Raw<'a>,
    off: u32,
}

impl Raw<'_> {
    fn size(self) -> u32 {
        match self {
            Raw::Plain(FieldKind::SpinLock | FieldKind::ResSpinLock | FieldKind::Refcount) => 4,
            Raw::Plain(FieldKind::TaskWork) => 8,
            Raw::Plain(FieldKind::ListNode) => 24,
            Raw::Plain(FieldKind::RbNode) => 32,
            Raw::Kptr(..) => 8,
            Raw::Plain(_) | Raw::Root { .. } => 16,
        }
    }

    /// Whether an array of it is an array of fields.
    fn repeats(self) -> bool {
        matches!(self, Raw::Kptr(..) | Raw::Root { .. })
    }
}

/// Looks for special fields of certain kinds in the types of one BTF.
pub struct Fields<'a> {
    kernel: &'a Kernel,
    btf: &'a Btf,
    mask: FieldMask,
    /// Structs without any field, and how deep structs nest in them. Looking into one again and again could
    /// take exponential time.
    barren: HashMap<TypeId, u32>,
}

impl<'a> Fields<'a> {
    /// Looks for fields of kinds `mask`.
    pub fn new(kernel: &'a Kernel, btf: &'a Btf, mask: FieldMask) -> Self {
        // Those that came later are special where the kernel itself has the struct.
        let later = [
            ("bpf_timer", FieldMask::TIMER),
            ("bpf_list_head", FieldMask::LIST_HEAD),
            ("bpf_list_node", FieldMask::LIST_NODE),
            ("bpf_rb_root", FieldMask::RB_ROOT),
            ("bpf_rb_node", FieldMask::RB_NODE),
            ("bpf_refcount", FieldMask::REFCOUNT),
            ("bpf_wq", FieldMask::WORKQUEUE),
            ("bpf_res_spin_lock", FieldMask::RES_SPIN_LOCK),
            ("bpf_task_work", FieldMask::TASK_WORK),
        ];
        let missing = later
            .iter()
            .filter(|(name, _)| kernel.btf.find(name, Kind::Struct).is_none());
        let mask = missing.fold(mask, |mask, (_, kind)| FieldMask(mask.0 & !kind.0));
        let barren = HashMap::new();
        Self {
            kernel,
            btf,
            mask,
            barren,
        }
    }

    /// The special fields in a struct or data section of `size` bytes; `None` if it has none.
    ///
    /// # Errors
    /// The errno that map creation drops and BTF loading returns.
    pub fn parse(&mut self, ty: Type<'a>, size: u32) -> Result<Option<Record>, Errno> {
        let mut scan = Scan {
            btf: self.btf,
            mask: self.mask,
            seen: FieldMask::NONE,
            found: Vec::new(),
            barren: &mut self.barren,
            rules: self.kernel.btf_rules(),
        };
        match ty.kind() {
            Kind::Struct if scan.rules.fields_apart => scan.members_apart(ty)?,
            Kind::DataSec if !scan.rules.section_fields => return Err(Errno::EINVAL),
            Kind::DataSec if scan.rules.fields_apart => scan.variables_apart(ty)?,
            Kind::Struct => drop(scan.members(ty, 0)?),
            Kind::DataSec => drop(scan.variables(ty)?),
            _ => return Err(Errno::EINVAL),
        }
        record(self.kernel, self.btf, &scan.found, size)
    }
}

/// Puts fields together, in the order in which they were found: that must be the order of their offsets.
fn record(kernel: &Kernel, btf: &Btf, all: &[Found<'_>], size: u32) -> Result<Option<Record>, Errno> {
    if all.is_empty() {
        return Ok(None);
    }
    let mut record = Record::default();
    let mut next_off = 0u32;
    for found in all {
        let field_size = found.raw.size();
        let end = found
            .off
            .checked_add(field_size)
            .filter(|&end| end <= size)
            .ok_or(Errno::EFAULT)?;
        if found.off < next_off {
            return Err(Errno::EEXIST);
        }
        next_off = end;
        let kind = resolve(kernel, btf, found.raw)?;
        record.mask = record.mask | kind.mask();
        record.fields.push(Field {
            offset: found.off,
            size: field_size,
            kind,
        });
    }
    if record.has(FieldMask::SPIN_LOCK) && record.has(FieldMask::RES_SPIN_LOCK) {
        return Err(Errno::EINVAL);
    }
    if record.has(FieldMask::GRAPH_ROOT) && !record.has(FieldMask::LOCK) {
        return Err(Errno::EINVAL);
    }
    let both = record.has(FieldMask::LIST_NODE) && record.has(FieldMask::RB_NODE);
    if both && !record.has(FieldMask::REFCOUNT) {
        return Err(Errno::EINVAL);
    }
    Ok(Some(record))
}

/// What a field's type is called: the kernel finds the first of that name, anonymous ones included.
pub(crate) fn find_by_name_kind(btf: &Btf, name: &str, kind: Kind) -> Option<TypeId> {
    if name.is_empty() {
        return btf
            .types()
            .find(|ty| ty.kind() == kind && ty.is_anon())
            .map(Type::id);
    }
    btf.find(name, kind)
}

/// The kptr that a pointer type (or a volatile one) is: `None` if it carries no tag.
pub(crate) fn kptr(tags: KptrTags, btf: &Btf, ty: Type<'_>) -> Result<Option<(KptrKind, TypeId)>, Errno> {
    let ty = if ty.kind() == Kind::Volatile {
        ty.target_type().ok_or(Errno::EINVAL)?
    } else {
        ty
    };
    if !ty.is_ptr() {
        return Ok(None);
    }
    let Some(tag) = ty.target_type().filter(|t| t.kind() == Kind::TypeTag) else {
        return Ok(None);
    };
    if tag.target_type().is_some_and(|t| t.kind() == Kind::TypeTag) {
        return Err(Errno::EINVAL);
    }
    let kind = match tag.name() {
        name if name == tags.unreferenced => KptrKind::Unref,
        name if name == tags.referenced => KptrKind::Ref,
        name if Some(name) == tags.percpu => KptrKind::Percpu,
        _ => return Err(Errno::EINVAL),
    };
    let pointee = btf.skip_mods_and_typedefs(tag.target()).filter(|t| t.is_struct());
    Ok(Some((kind, pointee.ok_or(Errno::EINVAL)?.id())))
}

/// One type being looked into. The methods return how deep structs nest in what they looked at.
struct Scan<'a, 's> {
    btf: &'a Btf,
    mask: FieldMask,
    seen: FieldMask,
    found: Vec<Found<'a>>,
    barren: &'s mut HashMap<TypeId, u32>,
    rules: BtfRules,
}

/// A member or variable whose type is looked into.
struct Place<'a> {
    /// Struct or variable that a `contains:` tag is on, and on which part.
    tagged: (TypeId, Option<u32>),
    ty: Type<'a>,
    off: u32,
    /// Size by the data section, 0 in structs.
    expected: u32,
}

impl<'a> Scan<'a, '_> {
    fn members(&mut self, ty: Type<'a>, level: u32) -> Result<u32, Errno> {
        let mut height = 0;
        for member in ty.members() {
            if !member.bit_offset.is_multiple_of(8) {
                return Err(Errno::EINVAL);
            }
            let place = Place {
                tagged: (ty.id(), Some(member.index)),
                ty: member.type_().ok_or(Errno::EINVAL)?,
                off: member.bit_offset / 8,
                expected: 0,
            };
            height = self.place(place, level)?.max(height);
        }
        Ok(height)
    }

    fn variables(&mut self, section: Type<'a>) -> Result<u32, Errno> {
        let mut height = 0;
        for info in section.vars() {
            let var = info.type_().ok_or(Errno::EINVAL)?;
            let place = Place {
                tagged: (var.id(), None),
                ty: var.target_type().ok_or(Errno::EINVAL)?,
                off: info.offset,
                expected: info.size,
            };
            height = self.place(place, 0)?.max(height);
        }
        Ok(height)
    }

    fn place(&mut self, place: Place<'a>, level: u32) -> Result<u32, Errno> {
        let (ty, nelems) = self.element(place.ty)?;
        if nelems == 0 {
            return Ok(0);
        }
        let fits = |size: u32| place.expected == 0 || place.expected == size.wrapping_mul(nelems);
        let Some((named, size, align)) = self.named(ty)? else {
            if self.rules.struct_fields && ty.is_struct() && fits(ty.size()) {
                return self.nested(ty, place.off, nelems, level + 1);
            }
            return Ok(0);
        };
        if !fits(size) || !place.off.is_multiple_of(align) {
            return Ok(0);
        }
        let Some(raw) = self.raw(named, ty, size, place.tagged)? else {
            return Ok(0);
        };
        if self.found.len() >= self.rules.max_fields {
            return Err(Errno::E2BIG);
        }
        let first = self.found.len();
        self.found.push(Found { raw, off: place.off });
        self.repeat(first, nelems, size)?;
        Ok(0)
    }

    /// Looks for the one kind of fields that is wanted, in a struct's own members alone (`btf_find_struct_field` before
    /// Linux 6.2).
    fn members_apart(&mut self, ty: Type<'a>) -> Result<(), Errno> {
        for member in ty.members() {
            let of = member.type_().ok_or(Errno::EINVAL)?;
            let tagged = (ty.id(), Some(member.index));
            self.place_apart(of, tagged, u64::from(member.bit_offset), None)?;
        }
        Ok(())
    }

    /// The same in a section's variables (`btf_find_datasec_var` before Linux 6.2).
    fn variables_apart(&mut self, section: Type<'a>) -> Result<(), Errno> {
        for info in section.vars() {
            let var = info.type_().ok_or(Errno::EINVAL)?;
            let of = var.target_type().ok_or(Errno::EINVAL)?;
            self.place_apart(of, (var.id(), None), 8 * u64::from(info.offset), Some(info.size))?;
        }
        Ok(())
    }

    /// A place counts if its type has the name, whatever lies beside it; where any name does, as for pointers, each has
    /// to be aligned.
    fn place_apart(
        &mut self,
        ty: Type<'a>,
        tagged: (TypeId, Option<u32>),
        bit_offset: u64,
        expected: Option<u32>,
    ) -> Result<(), Errno> {
        let row = NAMED.iter().find(|row| self.mask.has(row.2));
        let (named, size, align, most) = match row {
            Some(row) if row.0 != ty.name() => return Ok(()),
            Some(&(_, named, _, size, align, _)) => (named, size, align, 1),
            None => (Named::Pointer, 8, 8, self.rules.max_fields),
        };
        if expected.is_some_and(|expected| expected != size) {
            return Ok(());
        }
        if !bit_offset.is_multiple_of(8 * u64::from(align)) {
            return Err(Errno::EINVAL);
        }
        let Some(raw) = self.raw(named, ty, size, tagged)? else {
            return Ok(());
        };
        if self.found.len() >= most {
            return Err(Errno::E2BIG);
        }
        let off = u32::try_from(bit_offset / 8).map_err(|_| Errno::EINVAL)?;
        self.found.push(Found { raw, off });
        Ok(())
    }

    /// The innermost element type of an array and the number of elements.
    fn element(&self, mut ty: Type<'a>) -> Result<(Type<'a>, u32), Errno> {
        let mut nelems = 1u32;
        if !self.rules.struct_fields {
            return Ok((ty, nelems));
        }
        for _ in 0..MAX_DEPTH {
            let Some(array) = ty.array() else {
                return Ok((ty, nelems));
            };
            nelems = nelems.wrapping_mul(array.nelems);
            ty = self.btf.ty(array.elem).ok_or(Errno::EINVAL)?;
        }
        Err(Errno::E2BIG)
    }

    /// The kind that a type's name (or its being a pointer) suggests, with size and alignment.
    fn named(&mut self, ty: Type<'a>) -> Result<Option<(Named, u32, u32)>, Errno> {
        let name = ty.name();
        let row = NAMED.iter().find(|row| self.mask.has(row.2) && row.0 == name);
        if let Some(&(_, named, bit, size, align, once)) = row {
            if once && self.seen.has(bit) {
                return Err(Errno::E2BIG);
            }
            if once {
                self.seen = self.seen | bit;
            }
            return Ok(Some((named, size, align)));
        }
        let pointer = self.mask.has(FieldMask::KPTR) && !ty.is_struct();
        Ok(pointer.then_some((Named::Pointer, 8, 8)))
    }

    fn nested(&mut self, ty: Type<'a>, off: u32, nelems: u32, level: u32) -> Result<u32, Errno> {
        if let Some(&height) = self.barren.get(&ty.id()) {
            let too_deep = level.saturating_add(height) >= MAX_DEPTH;
            return if too_deep {
                Err(Errno::E2BIG)
            } else {
                Ok(height + 1)
            };
        }
        if level >= MAX_DEPTH {
            return Err(Errno::E2BIG);
        }
        let (first, seen) = (self.found.len(), self.seen);
        let height = self.members(ty, level)?;
        if self.found.len() == first && self.seen == seen {
            self.barren.insert(ty.id(), height);
        }
        for found in self.found.iter_mut().skip(first) {
            found.off = found.off.wrapping_add(off);
        }
        self.repeat(first, nelems, ty.size())?;
        Ok(height + 1)
    }

    /// Repeats the fields from `first` on for the other elements of an array.
    fn repeat(&mut self, first: usize, nelems: u32, elem_size: u32) -> Result<(), Errno> {
        let count = self.found.len() - first;
        if nelems <= 1 || count == 0 {
            return Ok(());
        }
        if self.found.iter().skip(first).any(|found| !found.raw.repeats()) {
            return Err(Errno::EINVAL);
        }
        let total = count.saturating_mul(nelems as usize);
        if total > self.rules.max_fields - first {
            return Err(Errno::E2BIG);
        }
        for elem in 1..nelems {
            self.found.extend_from_within(first..first + count);
            let at = self.found.len() - count;
            for found in self.found.iter_mut().skip(at) {
                found.off = found.off.wrapping_add(elem.wrapping_mul(elem_size));
            }
        }
        Ok(())
    }

    fn raw(
        &self,
        named: Named,
        ty: Type<'a>,
        size: u32,
        tagged: (TypeId, Option<u32>),
    ) -> Result<Option<Raw<'a>>, Errno> {
        if named == Named::Pointer {
            return Ok(
                kptr(self.rules.kptr_tags, self.btf, ty)?.map(|(kind, pointee)| Raw::Kptr(kind, pointee))
            );
        }
        if !ty.is_struct() || ty.size() != size {
            return Ok(None);
        }
        let kind = match named {
            Named::ListHead => return self.root(true, tagged).map(Some),
            Named::RbRoot => return self.root(false, tagged).map(Some),
            Named::SpinLock => FieldKind::SpinLock,
            Named::Timer => FieldKind::Timer,
            Named::Workqueue => FieldKind::Workqueue,
            Named::ResSpinLock => FieldKind::ResSpinLock,
            Named::TaskWork => FieldKind::TaskWork,
            Named::ListNode => FieldKind::ListNode,
            Named::RbNode => FieldKind::RbNode,
            Named::Refcount => FieldKind::Refcount,
            Named::Pointer => return Ok(None),
        };
        Ok(Some(Raw::Plain(kind)))
    }

    /// What the tag `contains:STRUCT:NODE` says of a graph root.
    fn root(&self, list: bool, (ty, component): (TypeId, Option<u32>)) -> Result<Raw<'a>, Errno> {
        let tag = self
            .btf
            .decl_tag_value(ty, component, "contains:")
            .map_err(|_| Errno::EINVAL)?;
        let (value, node) = tag.split_once(':').ok_or(Errno::EINVAL)?;
        let value = find_by_name_kind(self.btf, value, Kind::Struct).ok_or(Errno::ENOENT)?;
        if node.is_empty() {
            return Err(Errno::EINVAL);
        }
        Ok(Raw::Root { list, value, node })
    }
}

/// Looks up the other types that a field needs.
fn resolve(kernel: &Kernel, btf: &Btf, raw: Raw<'_>) -> Result<FieldKind, Errno> {
    match raw {
        Raw::Plain(kind) => Ok(kind),
        Raw::Kptr(kind, pointee) => Ok(FieldKind::Kptr(kind, kptr_target(kernel, btf, kind, pointee)?)),
        Raw::Root { list, value, node } => {
            let node_type = if list { "bpf_list_node" } else { "bpf_rb_node" };
            let node_offset = node_offset(btf, value, node, node_type)?;
            let root = GraphRoot { value, node_offset };
            Ok(if list {
                FieldKind::ListHead(root)
            } else {
                FieldKind::RbRoot(root)
            })
        }
    }
}

/// The kernel's type of that name and kind, or, if there is none, the object's own.
fn kptr_target(kernel: &Kernel, btf: &Btf, kind: KptrKind, pointee: TypeId) -> Result<TypeRef, Errno> {
    let ty = btf.ty(pointee).ok_or(Errno::EINVAL)?;
    let Some(id) = find_by_name_kind(&kernel.btf, ty.name(), ty.kind()) else {
        let local = kernel.btf_rules().local_kptrs.then(|| TypeRef::object(pointee));
        return local.ok_or(Errno::ENOENT);
    };
    if kind == KptrKind::Ref && !has_destructor(kernel, id) {
        return Err(Errno::ENOENT);
    }
    Ok(TypeRef::vmlinux(id))
}

/// Whether the kernel can destroy a reference to this struct.
fn has_destructor(kernel: &Kernel, id: TypeId) -> bool {
    let name = kernel.btf.type_name(id);
    kernel.btf.find(name, Kind::Struct) == Some(id) && types::destructor(&kernel.btf, name).is_some()
}

/// Bytes from the start of struct `value` to its member `name`, a graph node.
fn node_offset(btf: &Btf, value: TypeId, name: &str, node_type: &str) -> Result<u32, Errno> {
    let value = btf.ty(value).ok_or(Errno::EINVAL)?;
    let mut found = None;
    for member in value.members().filter(|member| member.name() == name) {
        if found.is_some() {
            return Err(Errno::EINVAL);
        }
        let node = member
            .type_()
            .filter(|ty| ty.is_struct() && ty.name() == node_type);
        let node = node.ok_or(Errno::EINVAL)?;
        // Quirk: the member's offset is decoded by the flag of the node's struct, not by that of its own.
        let word = member.bit_offset | member.bitfield_size << 24;
        let bits = if node.kflag() { word & 0x00ff_ffff } else { word };
        if !bits.is_multiple_of(64) {
            return Err(Errno::EINVAL);
        }
        found = Some(bits / 8);
    }
    found.ok_or(Errno::ENOENT)
}
