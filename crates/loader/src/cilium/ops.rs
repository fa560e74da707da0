//! struct_ops as cilium/ebpf reads, creates and fills them: structs of the kernel's whose members are programs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use verdict_btf::{Btf, Kind, Member, Type, TypeId};
use verdict_kernel::kfunc::struct_ops::VALUE_PREFIX;
use verdict_kernel::map::MapType;

use super::MapNotes;
use super::code::Named;
use super::maps::{Maps, Words};
use super::open::described;
use crate::maps::{BPF_F_LINK, Map, MapDef, StructOps};
use crate::program::Program;

/// The section of struct_ops that the library takes, and the one that it does not.
pub(super) const LINK: &str = ".struct_ops.link";
pub(super) const OLD: &str = ".struct_ops";

/// Programs by what they implement: a struct, and a member of it.
pub(crate) type Implements = HashMap<usize, (String, String)>;

/// What there is to know of an object's section of struct_ops.
pub(super) struct Section<'a> {
    pub(super) index: usize,
    pub(super) data: &'a [u8],
    pub(super) relocs: Option<&'a HashMap<u64, Named<'a>>>,
}

/// Reads the section: a map for each variable, and what programs implement (`associateStructOpsRelocs`).
pub(super) fn read(
    sec: &Section<'_>,
    btf: Option<&Btf>,
    (programs, functions): (&[Program], &HashMap<String, usize>),
    maps: &mut Maps,
) -> Words<Implements> {
    let btf = btf.ok_or_else(|| format!("struct_ops section {LINK}: missing BTF"))?;
    let datasec = btf.find(LINK, Kind::DataSec).and_then(|id| btf.ty(id));
    let datasec = datasec.ok_or_else(|| format!("datasec {LINK}: not found"))?;
    let data: Arc<[u8]> = Arc::from(sec.data);
    let mut implements = Implements::new();
    for info in datasec.vars() {
        let var = info.type_().filter(|ty| ty.kind() == Kind::Var);
        let var = var.ok_or_else(|| "vsi: expect var, got <nil>".to_owned())?;
        let name = var.name();
        let ty = btf
            .skip_mods_and_typedefs(var.target())
            .filter(|ty| ty.is_struct());
        let ty = ty.ok_or_else(|| {
            let found = var.target_type().map_or_else(String::new, described);
            let kind = found.split(':').next().unwrap_or_default();
            format!("var {name}: expect struct, got *btf.{kind}")
        })?;
        let start = u64::from(info.offset);
        if start + u64::from(ty.size()) > sec.data.len() as u64 {
            return Err(format!("{name} exceeds section"));
        }
        if maps.has(name) {
            return Err(format!("struct_ops map {name}: already exists"));
        }
        let of = members(sec, (start, ty), (programs, functions), &mut implements)?;
        let mut map = Map::new(name, sec.index, start);
        map.def = MapDef {
            map_type: MapType::StructOps.raw(),
            key_size: 4,
            value_size: ty.size(),
            max_entries: 1,
            map_flags: BPF_F_LINK,
            value_type: Some(ty.id()),
            ..MapDef::default()
        };
        map.struct_ops = Some(StructOps {
            type_id: ty.id(),
            section: Arc::clone(&data),
            start: start as usize,
            programs: of,
        });
        maps.push(name, map, MapNotes::default());
    }
    Ok(implements)
}

/// The programs that a struct's members are, by their offset.
fn members(
    sec: &Section<'_>,
    (start, ty): (u64, Type<'_>),
    (programs, functions): (&[Program], &HashMap<String, usize>),
    implements: &mut Implements,
) -> Words<BTreeMap<u32, usize>> {
    let mut found = BTreeMap::new();
    for member in ty.members() {
        let offset = member.byte_offset();
        let Some(to) = sec
            .relocs
            .and_then(|relocs| relocs.get(&(start + u64::from(offset))))
        else {
            continue;
        };
        let at = functions.get(to.name).copied();
        let there = at.filter(|at| programs.get(*at).is_some_and(|p| p.section_name != ".text"));
        let Some(at) = there else {
            return Err(format!("program {} not found", to.name));
        };
        let of_type = programs
            .get(at)
            .and_then(|p| crate::sections::SecDef::find_loosely(&p.section_name));
        if of_type.is_none_or(|def| def.prog_type != verdict_kernel::prog::ProgType::StructOps) {
            return Err(format!("program {} is not StructOps", to.name));
        }
        implements.insert(at, (ty.name().to_owned(), member.name().to_owned()));
        found.insert(offset, at);
    }
    Ok(found)
}

/// The type of the kernel that a map's values are of.
pub(super) fn target(btf: &Btf, ty: TypeId, kernel: &Btf) -> Words<(u32, TypeId)> {
    let name = btf.ty(ty).map_or("", |ty| ty.name());
    let wanted = format!("{VALUE_PREFIX}{name}");
    let found = kernel.find(&wanted, Kind::Struct).and_then(|id| kernel.ty(id));
    let found =
        found.ok_or_else(|| format!("struct_ops: {wanted:?} doesn't exist in kernel: not supported"))?;
    Ok((found.size(), found.id()))
}

/// The struct and the member that a program implements, as the kernel numbers them.
pub(super) fn member(kernel: &Btf, implemented: &(String, String)) -> Words<(TypeId, u32)> {
    let (of, member) = implemented;
    let ty = kernel.find(of, Kind::Struct).and_then(|id| kernel.ty(id));
    let ty =
        ty.ok_or_else(|| format!("lookup struct_ops kern type {of:?}: find target in modules: not found"))?;
    let index = ty.members().position(|known| known.name() == member);
    let index = index.ok_or_else(|| format!("member {member:?} not found in {of}"))?;
    Ok((ty.id(), index as u32))
}

/// The value that a map gets, with a program's index at the offset of each member that is one (`populateStructOps`).
pub(super) fn value(btf: &Btf, ops: &StructOps, implements: &Implements, kernel: &Btf) -> Words<OpsValue> {
    let Some(ty) = btf.ty(ops.type_id) else {
        return Ok(OpsValue::default());
    };
    let name = ty.name();
    let inner = kernel.find(&format!("{VALUE_PREFIX}{name}"), Kind::Struct);
    let inner = inner.and_then(|id| kernel.ty(id)).and_then(|outer| {
        let mut members = outer.members();
        members.find_map(|m| {
            let of = kernel.skip_mods_and_typedefs(m.ty)?;
            (of.is_struct() && of.name() == name).then_some(of)
        })
    });
    let Some(inner) = inner else {
        return Err(format!("inner struct {name:?} not found in {VALUE_PREFIX}{name}"));
    };
    let mut value = OpsValue {
        bytes: vec![0; inner.size() as usize],
        programs: BTreeMap::new(),
    };
    for member in ty.members() {
        let Some(target) = inner.members().find(|known| known.name() == member.name()) else {
            let size = btf.resolve_size(member.ty).unwrap_or(0);
            if !ops.is_zero_bytes(member.byte_offset(), size) {
                let member = member.name();
                return Err(format!(
                    "{member} doesn't exist in {name}, but it has non-zero value"
                ));
            }
            continue;
        };
        if btf
            .skip_mods_and_typedefs(member.ty)
            .is_some_and(|ty| ty.is_ptr())
        {
            let implementing = |of: &(String, String)| of.0 == name && of.1 == member.name();
            let mut programs = implements
                .iter()
                .filter(|(_, of)| implementing(of))
                .map(|(at, _)| *at);
            if let Some(program) = programs.by_ref().max() {
                if kernel.resolve_func_ptr(target.ty).is_none() {
                    return Err(format!("member {} is not a func pointer", target.name()));
                }
                value.programs.insert(target.byte_offset(), program);
            }
            continue;
        }
        copy(ops, (btf, &member), (kernel, &target), &mut value.bytes)
            .map_err(|e| format!("field {name}: {e}"))?;
    }
    Ok(value)
}

/// What a struct_ops map is filled with.
#[derive(Clone, Debug, Default)]
pub(super) struct OpsValue {
    /// The kernel's struct, without programs.
    pub(super) bytes: Vec<u8>,
    /// Programs of the object by their offset in it.
    pub(super) programs: BTreeMap<u32, usize>,
}

fn copy(
    ops: &StructOps,
    (btf, member): (&Btf, &Member<'_>),
    (kernel, target): (&Btf, &Member<'_>),
    bytes: &mut [u8],
) -> Words<()> {
    let name = member.name();
    for (whose, member) in [("user", member), ("kernel", target)] {
        if member.bitfield_size != 0 {
            return Err(format!("{whose} member {name}: bitfield {name} not supported"));
        }
    }
    let size = btf.resolve_size(member.ty).unwrap_or(0);
    let room = kernel.resolve_size(target.ty).unwrap_or(0);
    if size != room {
        return Err(format!("size mismatch for {name}: user={size} kernel={room}"));
    }
    let (own, theirs) = (
        btf.skip_mods_and_typedefs(member.ty),
        kernel.skip_mods_and_typedefs(target.ty),
    );
    let kind = |ty: Option<Type<'_>>| ty.map(|ty| if ty.is_any_enum() { Kind::Enum } else { ty.kind() });
    if kind(own) != kind(theirs) {
        return Err(format!(
            "unmatched member type {name} != {} (kernel)",
            target.name()
        ));
    }
    if own.is_some_and(|ty| ty.is_composite()) {
        return match ops.is_zero_bytes(member.byte_offset(), size) {
            true => Ok(()),
            false => Err(format!("non-zero nested struct {name}: not supported")),
        };
    }
    let from = ops.start + member.byte_offset() as usize;
    let source = ops.section.get(from..).unwrap_or_default();
    for (slot, byte) in bytes
        .iter_mut()
        .skip(target.byte_offset() as usize)
        .zip(source.iter().take(size as usize))
    {
        *slot = *byte;
    }
    Ok(())
}
