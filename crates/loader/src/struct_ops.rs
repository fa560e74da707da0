//! struct_ops maps: a struct of the kernel's that an object fills with programs and values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use verdict_btf::{Btf, Kind, Member, Type, TypeId, essential_name};
use verdict_kernel::errno::Errno;
use verdict_kernel::kfunc::struct_ops::VALUE_PREFIX;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::ProgType;

use crate::elf::{Budget, Elf, SHN_LORESERVE, Section};
use crate::error::{Warnings, libbpf, warning};
use crate::insn::INSN_SIZE;
use crate::maps::{BPF_F_LINK, Map, MapDef, StructOps};
use crate::program::{self, Program};

/// Names of sections with struct_ops maps: the second half is not to be created unless asked for.
pub(crate) const SECTIONS: [&str; 4] = [
    ".struct_ops",
    ".struct_ops.link",
    "?.struct_ops",
    "?.struct_ops.link",
];

/// Bytes that a map takes in a file at least: symbol, variable, and its place in the section.
const MAP_BYTES: usize = 48;

/// What the kernel's types make of struct_ops maps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    /// Per map: size and vmlinux type of its value.
    pub(crate) values: BTreeMap<usize, (u32, TypeId)>,
    /// Per program: the struct and the member it implements.
    pub(crate) members: BTreeMap<usize, (TypeId, u32)>,
    /// Per program: whether it is loaded, whatever was asked for.
    pub(crate) autoload: BTreeMap<usize, bool>,
}

/// Finds the struct_ops maps of a section.
pub(crate) fn read_maps(
    btf: &Btf,
    section: &Section<'_>,
    index: usize,
    maps: &mut Vec<Map>,
    (budget, w): (&mut Budget, &mut Warnings),
) -> Result<(), Errno> {
    let name = section.name.as_deref().ok_or(libbpf::FORMAT)?;
    let Some(datasec) = btf.find(name, Kind::DataSec).and_then(|id| btf.ty(id)) else {
        warning!(w, "struct_ops init: DATASEC {name} not found");
        return Err(Errno::EINVAL);
    };
    // Many sections of one name share their variables.
    budget.charge((datasec.vars().len() * MAP_BYTES) as u64)?;
    let mut section_name = name;
    let data: Arc<[u8]> = Arc::from(section.data.unwrap_or_default());
    for var in datasec.vars() {
        let var_name = btf.type_name(var.ty);
        let ty = struct_type(btf, var.ty, name, w)?;
        let mut map = Map::new(var_name, index, u64::from(var.offset));
        // As in libbpf, only the first map of a section sees the mark.
        if let Some(rest) = section_name.strip_prefix('?') {
            map.autocreate = false;
            section_name = rest;
        }
        map.def = MapDef {
            map_type: MapType::StructOps.raw(),
            key_size: 4,
            value_size: ty.size(),
            max_entries: 1,
            map_flags: if section_name == ".struct_ops.link" {
                BPF_F_LINK
            } else {
                0
            },
            value_type: Some(ty.id()),
            ..MapDef::default()
        };
        let (start, size) = (var.offset as usize, ty.size() as usize);
        if start.saturating_add(size) > data.len() {
            warning!(
                w,
                "struct_ops init: var {var_name} is beyond the end of DATASEC {section_name}"
            );
            return Err(Errno::EINVAL);
        }
        let programs = BTreeMap::new();
        map.struct_ops = Some(StructOps {
            type_id: ty.id(),
            section: data.clone(),
            start,
            programs,
        });
        maps.push(map);
    }
    Ok(())
}

/// The struct that a variable is.
fn struct_type<'a>(btf: &'a Btf, var: TypeId, section: &str, w: &mut Warnings) -> Result<Type<'a>, Errno> {
    let Some(ty) = btf.resolve_type(var) else {
        warning!(
            w,
            "struct_ops init: Cannot resolve var type_id {var} in DATASEC {section}"
        );
        return Err(Errno::EINVAL);
    };
    if ty.is_anon() {
        warning!(w, "struct_ops init: anonymous type is not supported");
        return Err(Errno::EOPNOTSUPP);
    }
    if !ty.is_struct() {
        warning!(w, "struct_ops init: {} is not a struct", ty.name());
        return Err(Errno::EINVAL);
    }
    Ok(ty)
}

/// Finds out which programs the members of the maps of section `section` point to.
pub(crate) fn collect_relocs(
    elf: &Elf<'_>,
    relocs: &Section<'_>,
    section: usize,
    btf: &Btf,
    maps: &mut [Map],
    programs: &[Program],
    w: &mut Warnings,
) -> Result<(), Errno> {
    let places = Places::new(maps, section);
    let mut members = HashMap::new();
    for rel in Elf::relocations(relocs) {
        let Some(symbol) = elf.symbols.get(rel.sym) else {
            warning!(w, "struct_ops reloc: symbol {:x} not found", rel.sym);
            return Err(libbpf::FORMAT);
        };
        let Some(map) = places.at(rel.offset).and_then(|at| maps.get_mut(at)) else {
            warning!(
                w,
                "struct_ops reloc: cannot find map at rel->r_offset {}",
                rel.offset
            );
            return Err(Errno::EINVAL);
        };
        let name = &map.name;
        let offset = (rel.offset - map.section_offset) as u32;
        if symbol.shndx >= SHN_LORESERVE {
            let (at, shndx) = (rel.offset, symbol.shndx);
            warning!(
                w,
                "struct_ops reloc {name}: rel->r_offset {at} shdr_idx {shndx} unsupported non-static function"
            );
            return Err(libbpf::RELOC);
        }
        if symbol.value % INSN_SIZE != 0 {
            warning!(
                w,
                "struct_ops reloc {name}: invalid target program offset {}",
                symbol.value
            );
            return Err(libbpf::FORMAT);
        }
        let Some(ops) = map.struct_ops.as_mut() else {
            continue;
        };
        let members = members
            .entry(ops.type_id)
            .or_insert_with(|| by_offset(btf, ops.type_id));
        let member = offset.checked_mul(8).and_then(|bits| members.get(&bits));
        let member = check_member(btf, member, (name, offset), w)?.name();
        let place = (usize::from(symbol.shndx), symbol.value / INSN_SIZE);
        let index = program_at(programs, place, (name, member), w)?;
        ops.programs.insert(offset, index);
    }
    Ok(())
}

/// The struct_ops program at a section and instruction, for a member of a map.
fn program_at(
    programs: &[Program],
    (shndx, insn): (usize, u64),
    (map, member): (&str, &str),
    w: &mut Warnings,
) -> Result<usize, Errno> {
    let Some(index) = program::find(programs, shndx, insn) else {
        warning!(
            w,
            "struct_ops reloc {map}: cannot find prog at shdr_idx {shndx} to relocate func ptr {member}"
        );
        return Err(Errno::EINVAL);
    };
    if let Some(prog) = programs
        .get(index)
        .filter(|p| p.prog_type != ProgType::StructOps.raw())
    {
        warning!(
            w,
            "struct_ops reloc {map}: prog {} is not struct_ops BPF program",
            prog.name
        );
        return Err(Errno::EINVAL);
    }
    Ok(index)
}

/// The first member at each offset in bits.
fn by_offset(btf: &Btf, struct_id: TypeId) -> HashMap<u32, Member<'_>> {
    let mut all = HashMap::new();
    for member in btf.ty(struct_id).into_iter().flat_map(|ty| ty.members()) {
        all.entry(member.bit_offset).or_insert(member);
    }
    all
}

/// A member at the offset must be a pointer to a function.
fn check_member<'m, 'b>(
    btf: &Btf,
    member: Option<&'m Member<'b>>,
    (map, offset): (&str, u32),
    w: &mut Warnings,
) -> Result<&'m Member<'b>, Errno> {
    let Some(member) = member else {
        warning!(w, "struct_ops reloc {map}: cannot find member at moff {offset}");
        return Err(Errno::EINVAL);
    };
    if btf.resolve_func_ptr(member.ty).is_none() {
        warning!(
            w,
            "struct_ops reloc {map}: cannot relocate non func ptr {}",
            member.name()
        );
        return Err(Errno::EINVAL);
    }
    Ok(member)
}

/// Where the maps of a section lie: from each offset on the first map that is there, if any.
struct Places(Vec<(u64, Option<usize>)>);

impl Places {
    fn new(maps: &[Map], section: usize) -> Places {
        let mut ends = Vec::new();
        let of_section = |map: &Map| map.struct_ops.is_some() && map.section == section;
        for (index, map) in maps.iter().enumerate().filter(|(_, map)| of_section(map)) {
            let start = map.section_offset;
            let end = start.saturating_add(u64::from(map.def.value_size));
            ends.extend([(start, true, index), (end, false, index)]);
        }
        ends.sort_unstable();
        let (mut places, mut there) = (Vec::new(), BTreeSet::new());
        for (at, begins, index) in ends {
            if begins {
                there.insert(index);
            } else {
                there.remove(&index);
            }
            places.push((at, there.first().copied()));
        }
        Places(places)
    }

    /// The map at an offset.
    fn at(&self, offset: u64) -> Option<usize> {
        let after = self.0.partition_point(|(start, _)| *start <= offset);
        self.0.get(after.checked_sub(1)?)?.1
    }
}

/// Matches the struct_ops maps with the kernel's types. What was found before a failure stays in `out`.
pub(crate) fn resolve(
    btf: &Btf,
    kernel: &Btf,
    maps: &[Map],
    programs: &[Program],
    out: &mut Resolved,
    w: &mut Warnings,
) -> Result<(), Errno> {
    let mut resolver = Resolver {
        btf,
        kernel,
        programs,
        out,
    };
    for (i, map) in maps.iter().enumerate() {
        let Some(ops) = &map.struct_ops else { continue };
        if map.autocreate {
            resolver.map(i, map, ops, w)?;
        }
        // Programs that maps use are loaded if some such map is created, even those nobody asked for.
        for prog in ops.programs.values() {
            *resolver.out.autoload.entry(*prog).or_insert(false) |= map.autocreate;
        }
    }
    Ok(())
}

struct Resolver<'a> {
    btf: &'a Btf,
    kernel: &'a Btf,
    programs: &'a [Program],
    out: &'a mut Resolved,
}

/// A kernel struct that maps can implement.
struct KernelTypes<'a> {
    /// The struct of operations.
    ops: Type<'a>,
    /// The struct that wraps it as a map's value.
    value: Type<'a>,
}

impl<'a> Resolver<'a> {
    fn map(&mut self, index: usize, map: &Map, ops: &StructOps, w: &mut Warnings) -> Result<(), Errno> {
        let ty = self.btf.ty(ops.type_id).ok_or(Errno::EINVAL)?;
        let types = self.kernel_types(ty.name(), w)?;
        self.out
            .values
            .insert(index, (types.value.size(), types.value.id()));
        ty.members()
            .try_for_each(|member| self.member(map, ops, &types, member, w))
    }

    fn kernel_types(&self, raw_name: &str, w: &mut Warnings) -> Result<KernelTypes<'a>, Errno> {
        let name = essential_name(raw_name);
        let wrapper = format!("{VALUE_PREFIX}{name}");
        let find = |name: &str| {
            self.kernel
                .find(name, Kind::Struct)
                .and_then(|id| self.kernel.ty(id))
        };
        let Some(value) = find(&wrapper) else {
            warning!(
                w,
                "struct_ops init_kern: struct {wrapper} is not found in kernel BTF"
            );
            return Err(Errno::ESRCH);
        };
        let Some(ops) = find(name) else {
            warning!(
                w,
                "struct_ops init_kern: struct {name} is not found in kernel BTF"
            );
            return Err(Errno::ENOENT);
        };
        if !value.members().any(|m| m.ty == ops.id()) {
            warning!(
                w,
                "struct_ops init_kern: struct {name} data is not found in struct {wrapper}"
            );
            return Err(Errno::EINVAL);
        }
        Ok(KernelTypes { ops, value })
    }

    /// Matches one member. That the kernel does not have it is fine as long as it is zero.
    fn member(
        &mut self,
        map: &Map,
        ops: &StructOps,
        types: &KernelTypes<'a>,
        member: Member<'_>,
        w: &mut Warnings,
    ) -> Result<(), Errno> {
        let (map, name) = (&map.name, member.name());
        let Some(size) = self.btf.resolve_size(member.ty) else {
            warning!(
                w,
                "struct_ops init_kern {map}: failed to resolve the size of member {name}"
            );
            return Err(Errno::EINVAL);
        };
        let Some(kern) = types.ops.members().find(|m| m.name() == name) else {
            if !ops.is_zero(member.byte_offset(), size) {
                warning!(
                    w,
                    "struct_ops init_kern {map}: Cannot find member {name} in kernel BTF"
                );
                return Err(Errno::EOPNOTSUPP);
            }
            return Ok(());
        };
        if member.bitfield_size != 0 || kern.bitfield_size != 0 {
            warning!(w, "struct_ops init_kern {map}: bitfield {name} is not supported");
            return Err(Errno::EOPNOTSUPP);
        }
        let (local, target) = (
            self.btf.skip_mods_and_typedefs(member.ty),
            self.kernel.skip_mods_and_typedefs(kern.ty),
        );
        let (Some(local), Some(target)) = (local, target) else {
            return Err(Errno::EINVAL);
        };
        if local.kind() != target.kind() {
            let (a, b) = (local.kind() as u32, target.kind() as u32);
            warning!(
                w,
                "struct_ops init_kern {map}: Unmatched member type {name} {a} != {b}(kernel)"
            );
            return Err(Errno::EOPNOTSUPP);
        }
        if local.is_ptr() {
            return self.pointer(map, ops, types, member, kern, w);
        }
        let kern_size = self.kernel.resolve_size(target.id());
        if kern_size != Some(size) {
            let b = kern_size.map_or(-i64::from(Errno::EINVAL.0), i64::from);
            warning!(
                w,
                "struct_ops init_kern {map}: Error in size of member {name}: {size} != {b}(kernel)"
            );
            return Err(Errno::EOPNOTSUPP);
        }
        Ok(())
    }

    /// A pointer is a program, or nothing.
    fn pointer(
        &mut self,
        map: &str,
        ops: &StructOps,
        types: &KernelTypes<'a>,
        member: Member<'_>,
        kern: Member<'a>,
        w: &mut Warnings,
    ) -> Result<(), Errno> {
        let name = member.name();
        let offset = member.byte_offset();
        let Some(&index) = ops.programs.get(&offset) else {
            if ops.is_zero(offset, 8) {
                return Ok(());
            }
            warning!(
                w,
                "struct_ops init_kern {map}: member {name} is not a struct_ops program"
            );
            return Err(Errno::EOPNOTSUPP);
        };
        if self.kernel.resolve_func_ptr(kern.ty).is_none() {
            warning!(
                w,
                "struct_ops init_kern {map}: kernel member {name} is not a func ptr"
            );
            return Err(Errno::EOPNOTSUPP);
        }
        let wanted = (types.ops.id(), kern.index);
        let found = *self.out.members.entry(index).or_insert(wanted);
        if found != wanted {
            self.complain_reuse(map, name, index, found, wanted, w);
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    fn complain_reuse(
        &self,
        map: &str,
        member: &str,
        index: usize,
        found: (TypeId, u32),
        wanted: (TypeId, u32),
        w: &mut Warnings,
    ) {
        let Some(p) = self.programs.get(index) else { return };
        let difference = if found.0 == wanted.0 {
            format!("expected_attach_type {} != kern_member_idx {}", found.1, wanted.1)
        } else {
            format!("attach_btf_id {} != kern_type_id {}", found.0, wanted.0)
        };
        let (prog, section, ty) = (&p.name, &p.section_name, p.prog_type);
        warning!(
            w,
            "struct_ops init_kern {map} func ptr {member}: invalid reuse of prog {prog} in sec {section} with type {ty}: {difference}"
        );
    }
}
