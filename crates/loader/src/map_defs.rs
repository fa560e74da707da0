//! BTF-defined maps: a struct whose members encode attributes in their types (`SEC(".maps")`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use verdict_btf::{Btf, Kind, Member, Type, TypeId, VarLinkage, VarSecinfo};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;

use crate::elf::{Elf, Symbol};
use crate::error::{Warnings, warning};
use crate::maps::{Map, MapDef};

/// The section of BTF-defined maps.
pub(crate) const MAPS_SEC: &str = ".maps";

/// What BTF says of that section.
pub(crate) fn datasec(btf: &Btf) -> Option<Type<'_>> {
    btf.types()
        .find(|t| t.kind() == Kind::DataSec && t.name() == MAPS_SEC)
}

/// A definition as it is parsed.
struct Parsed {
    def: MapDef,
    inner: Option<MapDef>,
}

/// Reads the definitions of an object's maps, of which many may be of one type.
pub(crate) struct Reader<'a> {
    btf: &'a Btf,
    /// Whether all is taken of which nothing is known, and maps are not filled.
    is_aya: bool,
    known: HashMap<TypeId, Parsed>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(btf: &'a Btf, is_aya: bool) -> Reader<'a> {
        Reader {
            btf,
            is_aya,
            known: HashMap::new(),
        }
    }

    /// Reads the map behind variable `index` of the data section.
    pub(crate) fn read_map(
        &mut self,
        info: VarSecinfo<'a>,
        index: usize,
        (section, section_size): (usize, u64),
        w: &mut Warnings,
    ) -> Result<Map, Errno> {
        let (btf, is_aya) = (self.btf, self.is_aya);
        let var = info.type_().ok_or(Errno::EINVAL)?;
        let name = var.name();
        let def = definition(btf, var, info, (index, is_aya), section_size, w)?;
        let mut map = Map::new(name, section, u64::from(info.offset));
        map.var_index = index;
        // Only what is wrong with a definition calls the map by its name.
        let parsed = match self.known.entry(def.id()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(room) => room.insert(parse_def(name, btf, def, (false, is_aya), w)?),
        };
        map.def = parsed.def.clone();
        map.def.adjust_ringbuf();
        map.inner = parsed.inner.clone();
        if let Some(inner) = &mut map.inner {
            inner.adjust_ringbuf();
        }
        Ok(map)
    }
}

/// The struct that defines the map.
fn definition<'a>(
    btf: &'a Btf,
    var: Type<'a>,
    info: VarSecinfo<'a>,
    (index, is_aya): (usize, bool),
    section_size: u64,
    w: &mut Warnings,
) -> Result<Type<'a>, Errno> {
    let name = var.name();
    if name.is_empty() {
        warning!(w, "map #{index}: empty name.");
        return Err(Errno::EINVAL);
    }
    if u64::from(info.offset) + u64::from(info.size) > section_size {
        warning!(w, "map '{name}' BTF data is corrupted.");
        return Err(Errno::EINVAL);
    }
    if var.kind() != Kind::Var {
        warning!(w, "map '{name}': unexpected var kind {}.", var.kind().name());
        return Err(Errno::EINVAL);
    }
    if var.var_linkage() != Some(VarLinkage::Global) && !is_aya {
        let linkage = match var.var_linkage() {
            Some(VarLinkage::Static) => "static",
            Some(VarLinkage::Extern) => "extern",
            _ => "unknown",
        };
        warning!(w, "map '{name}': unsupported map linkage {linkage}.");
        return Err(Errno::EOPNOTSUPP);
    }
    let def = btf
        .skip_mods_and_typedefs(var.target())
        .filter(|t| t.is_struct())
        .ok_or_else(|| {
            warning!(w, "map '{name}': unexpected def kind {}.", var.kind().name());
            Errno::EINVAL
        })?;
    if def.size() > info.size {
        warning!(w, "map '{name}': invalid def size.");
        return Err(Errno::EINVAL);
    }
    Ok(def)
}

/// Reads the members of a definition.
fn parse_def(
    name: &str,
    btf: &Btf,
    ty: Type<'_>,
    (is_inner, is_aya): (bool, bool),
    w: &mut Warnings,
) -> Result<Parsed, Errno> {
    let mut parsed = Parsed {
        def: MapDef::default(),
        inner: None,
    };
    let count = ty.members().len();
    for (i, member) in ty.members().enumerate() {
        let def = &mut parsed.def;
        let mut field = Field {
            map: name,
            btf,
            member,
            w,
        };
        match member.name() {
            "type" => def.map_type = field.int()?,
            "max_entries" => def.max_entries = field.int()?,
            "map_flags" => def.map_flags = field.int()?,
            "numa_node" => def.numa_node = field.int()?,
            "map_extra" => def.map_extra = field.long()?,
            "key_size" => {
                let size = field.int()?;
                field.set_size("key", &mut def.key_size, size)?;
            }
            "value_size" => {
                let size = field.int()?;
                field.set_size("value", &mut def.value_size, size)?;
            }
            "key" => (def.key_size, def.key_type) = field.typed("key", def.key_size)?,
            "value" => (def.value_size, def.value_type) = field.typed("value", def.value_size)?,
            "values" if is_aya => {}
            "values" => {
                let last = i + 1 == count;
                parsed.inner = field.values(def, is_inner, last)?.or(parsed.inner);
            }
            "pinning" => field.pinning(is_inner, is_aya)?,
            _ if is_aya => {}
            other => {
                warning!(w, "map '{name}': unknown field '{other}'.");
                return Err(Errno::EOPNOTSUPP);
            }
        }
    }
    if parsed.def.map_type == 0 && !is_aya {
        warning!(w, "map '{name}': map type isn't specified.");
        return Err(Errno::EINVAL);
    }
    Ok(parsed)
}

/// A member of a definition while it is read.
struct Field<'a, 'w> {
    map: &'a str,
    btf: &'a Btf,
    member: Member<'a>,
    w: &'w mut Warnings,
}

impl<'a> Field<'a, '_> {
    /// An attribute: the number of elements of an array that the member points to.
    fn int(&mut self) -> Result<u32, Errno> {
        let (map, name) = (self.map, self.member.name());
        let ty = self
            .btf
            .skip_mods_and_typedefs(self.member.ty)
            .ok_or(Errno::EINVAL)?;
        if !ty.is_ptr() {
            warning!(
                self.w,
                "map '{map}': attr '{name}': expected PTR, got {}.",
                ty.kind().name()
            );
            return Err(Errno::EINVAL);
        }
        let Some(array) = ty.target_type() else {
            warning!(
                self.w,
                "map '{map}': attr '{name}': type [{}] not found.",
                ty.target()
            );
            return Err(Errno::EINVAL);
        };
        array.array().map(|a| a.nelems).ok_or_else(|| {
            warning!(
                self.w,
                "map '{map}': attr '{name}': expected ARRAY, got {}.",
                array.kind().name()
            );
            Errno::EINVAL
        })
    }

    /// An attribute that may need 64 bits: then the only value of an enumeration.
    fn long(&mut self) -> Result<u64, Errno> {
        let (map, name) = (self.map, self.member.name());
        let ty = self
            .btf
            .skip_mods_and_typedefs(self.member.ty)
            .ok_or(Errno::EINVAL)?;
        if ty.is_ptr() {
            return self.int().map(u64::from);
        }
        if !ty.is_any_enum() {
            let kind = ty.kind().name();
            warning!(
                self.w,
                "map '{map}': attr '{name}': expected ENUM or ENUM64, got {kind}."
            );
            return Err(Errno::EINVAL);
        }
        match (ty.vlen(), ty.enumerators().next()) {
            // A 32-bit value is sign-extended whatever the enumeration says.
            (1, Some(e)) if ty.kind() == Kind::Enum => Ok(e.raw as u32 as i32 as u64),
            (1, Some(e)) => Ok(e.raw),
            _ => {
                warning!(self.w, "map '{map}': attr '{name}': invalid __ulong");
                Err(Errno::EINVAL)
            }
        }
    }

    fn set_size(&mut self, what: &str, slot: &mut u32, size: u32) -> Result<(), Errno> {
        if *slot != 0 && *slot != size {
            warning!(
                self.w,
                "map '{}': conflicting {what} size {} != {size}.",
                self.map,
                *slot
            );
            return Err(Errno::EINVAL);
        }
        *slot = size;
        Ok(())
    }

    /// `key` or `value`: a pointer to the type.
    fn typed(&mut self, what: &str, known: u32) -> Result<(u32, Option<TypeId>), Errno> {
        let map = self.map;
        let Some(ty) = self.member.type_() else {
            warning!(self.w, "map '{map}': {what} type [{}] not found.", self.member.ty);
            return Err(Errno::EINVAL);
        };
        if !ty.is_ptr() {
            warning!(
                self.w,
                "map '{map}': {what} spec is not PTR: {}.",
                ty.kind().name()
            );
            return Err(Errno::EINVAL);
        }
        let Some(size) = self.btf.resolve_size(ty.target()) else {
            let target = ty.target();
            warning!(
                self.w,
                "map '{map}': can't determine {what} size for type [{target}]: -{}.",
                Errno::EINVAL.0
            );
            return Err(Errno::EINVAL);
        };
        let mut slot = known;
        self.set_size(what, &mut slot, size)?;
        Ok((slot, Some(ty.target())))
    }

    /// `values`: what an outer map or a program array is filled with.
    fn values(&mut self, def: &mut MapDef, is_inner: bool, last: bool) -> Result<Option<MapDef>, Errno> {
        let (map, name) = (self.map, self.member.name());
        let (outer, progs) = (def.is_map_in_map(), def.is(MapType::ProgArray));
        let desc = if outer {
            "map-in-map inner"
        } else {
            "prog-array value"
        };
        if is_inner {
            warning!(self.w, "map '{map}': multi-level inner maps not supported.");
            return Err(Errno::EOPNOTSUPP);
        }
        if !last {
            warning!(self.w, "map '{map}': '{name}' member should be last.");
            return Err(Errno::EINVAL);
        }
        if !outer && !progs {
            warning!(self.w, "map '{map}': should be map-in-map or prog-array.");
            return Err(Errno::EOPNOTSUPP);
        }
        if def.value_size != 0 && def.value_size != 4 {
            warning!(
                self.w,
                "map '{map}': conflicting value size {} != 4.",
                def.value_size
            );
            return Err(Errno::EINVAL);
        }
        def.value_size = 4;
        let target = self.values_target(desc)?;
        if progs {
            if !target.is_func_proto() {
                let kind = target.kind().name();
                warning!(
                    self.w,
                    "map '{map}': prog-array value def is of unexpected kind {kind}."
                );
                return Err(Errno::EINVAL);
            }
            return Ok(None);
        }
        if !target.is_struct() {
            let kind = target.kind().name();
            warning!(
                self.w,
                "map '{map}': map-in-map inner def is of unexpected kind {kind}."
            );
            return Err(Errno::EINVAL);
        }
        let inner = parse_def(&format!("{map}.inner"), self.btf, target, (true, false), self.w)?;
        Ok(Some(inner.def))
    }

    /// What the elements of `values`, an array of unknown length, point to.
    fn values_target(&mut self, desc: &str) -> Result<Type<'a>, Errno> {
        let map = self.map;
        let Some(ty) = self.member.type_() else {
            warning!(self.w, "map '{map}': {desc} type [{}] not found.", self.member.ty);
            return Err(Errno::EINVAL);
        };
        let Some(array) = ty.array().filter(|a| a.nelems == 0) else {
            warning!(self.w, "map '{map}': {desc} spec is not a zero-sized array.");
            return Err(Errno::EINVAL);
        };
        let elem = self.btf.skip_mods_and_typedefs(array.elem).ok_or(Errno::EINVAL)?;
        if !elem.is_ptr() {
            warning!(
                self.w,
                "map '{map}': {desc} def is of unexpected kind {}.",
                elem.kind().name()
            );
            return Err(Errno::EINVAL);
        }
        self.btf
            .skip_mods_and_typedefs(elem.target())
            .ok_or(Errno::EINVAL)
    }

    /// `pinning` is checked, and then ignored.
    fn pinning(&mut self, is_inner: bool, any: bool) -> Result<(), Errno> {
        if is_inner {
            warning!(self.w, "map '{}': inner def can't be pinned.", self.map);
            return Err(Errno::EINVAL);
        }
        let value = self.int()?;
        if value > 1 && !any {
            warning!(self.w, "map '{}': invalid pinning value {value}.", self.map);
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

/// Reads the maps of sections that define them by plain structs: a symbol each, all of one size, which begin
/// with type, sizes of key and value, number of elements and flags.
pub(crate) fn read_structs(
    elf: &Elf<'_>,
    sections: &[usize],
    maps: &mut Vec<Map>,
    w: &mut Warnings,
) -> Result<(), Errno> {
    let mut symbols: HashMap<usize, Vec<&Symbol>> = HashMap::new();
    let of_sections = elf.symbols.iter().filter(|_| !sections.is_empty());
    for symbol in of_sections.filter(|s| !s.is_section() && !s.is_func()) {
        symbols.entry(symbol.shndx.into()).or_default().push(symbol);
    }
    for index in sections {
        let mut own = symbols.remove(index).unwrap_or_default();
        own.sort_by_key(|s| s.value);
        read_section(elf, *index, &own, maps, w)?;
    }
    Ok(())
}

/// Reads the maps of one section, whose symbols are sorted by their places.
fn read_section(
    elf: &Elf<'_>,
    index: usize,
    symbols: &[&Symbol],
    maps: &mut Vec<Map>,
    w: &mut Warnings,
) -> Result<(), Errno> {
    let Some(section) = elf.sections.get(index) else {
        return Ok(());
    };
    let section_name = section.name.as_deref().unwrap_or_default();
    let data = section.data.unwrap_or_default();
    for symbol in symbols {
        let name = elf.symbol_name(symbol).unwrap_or_default();
        let start = usize::try_from(symbol.value).ok();
        let fields = start.and_then(|start| data.get(start..)?.first_chunk::<20>());
        let Some(fields) = fields else {
            warning!(
                w,
                "map '{name}': definition in section '{section_name}' is cut short."
            );
            return Err(Errno::EINVAL);
        };
        let mut values = fields
            .chunks_exact(4)
            .map(|f| f.first_chunk().map_or(0, |f| u32::from_le_bytes(*f)));
        let mut next = || values.next().unwrap_or(0);
        let mut map = Map::new(&name, index, symbol.value);
        map.def = MapDef {
            map_type: next(),
            key_size: next(),
            value_size: next(),
            max_entries: next(),
            map_flags: next(),
            ..MapDef::default()
        };
        map.def.adjust_ringbuf();
        maps.push(map);
    }
    Ok(())
}
