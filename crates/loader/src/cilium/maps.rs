//! Definitions of maps as cilium/ebpf reads them.

use std::collections::{BTreeMap, HashMap};

use verdict_btf::{Btf, Kind, Type, TypeId};
use verdict_kernel::map::MapType;

use super::{MapNotes, sanitized};
use crate::elf::Symbol;
use crate::error::owned_name;
use crate::maps::{Map, MapDef};

/// What the library says instead.
pub(super) type Words<T> = Result<T, String>;

const BPF_F_RDONLY_PROG: u32 = 1 << 7;
/// Bytes of a plain struct that defines a map.
const STRUCT_SIZE: usize = 20;
const LIMIT: u64 = u32::MAX as u64;

/// The maps of an object.
#[derive(Default)]
pub(super) struct Maps {
    pub(super) maps: Vec<Map>,
    pub(super) notes: Vec<MapNotes>,
    /// By the name of the symbol or section.
    pub(super) by_name: HashMap<String, usize>,
}

/// A section of an object that matters.
pub(super) struct Sec<'a> {
    pub(super) index: usize,
    pub(super) name: &'a str,
    pub(super) size: u64,
    pub(super) data: &'a [u8],
    /// The symbols in it by their offset, the last of each.
    pub(super) symbols: Vec<(u64, &'a str, Symbol)>,
}

impl Maps {
    /// Whether there is a map of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn push(&mut self, name: &str, map: Map, notes: MapNotes) {
        self.by_name.insert(name.to_owned(), self.maps.len());
        self.maps.push(map);
        self.notes.push(notes);
    }

    /// Reads the maps that plain structs define: type, sizes of key and value, number of elements and flags.
    pub(super) fn read_structs(&mut self, sec: &Sec<'_>) -> Words<()> {
        if sec.symbols.is_empty() {
            return Err(format!("section {}: no symbols", sec.name));
        }
        for (offset, name, symbol) in &sec.symbols {
            if self.by_name.contains_key(*name) {
                return Err(format!("duplicate symbol {name} in section {}", sec.name));
            }
            check_bounds(sec, name, symbol, "symbol ", &format!("section {}", sec.name))?;
            let start = usize::try_from(*offset).unwrap_or(usize::MAX);
            let size = usize::try_from(symbol.size).unwrap_or(usize::MAX);
            let bytes = sec.data.get(start..).and_then(|rest| rest.get(..size));
            let bytes = bytes.unwrap_or_default();
            let mut map = Map::new(&sanitized(name), sec.index, *offset);
            map.def = read_struct(name, bytes)?;
            let notes = MapNotes {
                surplus: bytes.iter().skip(STRUCT_SIZE).any(|byte| *byte != 0),
                ..MapNotes::default()
            };
            self.push(name, map, notes);
        }
        Ok(())
    }

    /// Reads the maps that BTF defines. `slots`: the symbols that relocations put into the section, by their offset.
    pub(super) fn read_typed(
        &mut self,
        sec: &Sec<'_>,
        btf: &Btf,
        align: u64,
        slots: &HashMap<u64, SlotTarget>,
    ) -> Words<()> {
        let mut vars = variables(btf, sec.name)?;
        // Where a declaration has no place, the library finds no section at all.
        let symbols: HashMap<_, _> = sec.symbols.iter().map(|(_, name, s)| (*name, *s)).collect();
        if vars.iter().any(|var| !symbols.contains_key(var.name())) {
            vars.clear();
        }
        if vars.len() != sec.symbols.len() {
            let (symbols, vars) = (sec.symbols.len(), vars.len());
            return Err(format!(
                "section {}: contains {symbols} symbols but {vars} btf.Vars",
                sec.name
            ));
        }
        let mut reader = Reader {
            btf,
            align,
            slots: slots.iter().map(|(at, target)| (*at, target)).collect(),
            known: HashMap::new(),
        };
        // Maps may overlap, many times over.
        let mut room = slots.len().saturating_mul(4);
        for var in vars {
            let name = var.name();
            let Some(symbol) = symbols.get(name) else {
                return Err(format!("section {}: missing symbol for map {name}", sec.name));
            };
            check_bounds(
                sec,
                name,
                symbol,
                &format!("section {}: symbol ", sec.name),
                "section",
            )?;
            let (from, to) = (symbol.value, symbol.value.saturating_add(symbol.size));
            let bytes = sec.data.get(from as usize..to as usize).unwrap_or_default();
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(format!(
                    "section {}: map {name}: initializing BTF map definitions: not supported",
                    sec.name
                ));
            }
            if self.by_name.contains_key(name) {
                return Err(format!("section {}: map {name} already exists", sec.name));
            }
            let Some(def) = btf.skip_mods_and_typedefs(var.target()).filter(|t| t.is_struct()) else {
                return Err(format!("expected struct, got {}", var.target()));
            };
            let (read, slots) = reader.read(def, symbol).map_err(|e| format!("map {name}: {e}"))?;
            room = room
                .checked_sub(slots.len())
                .ok_or_else(|| format!("section {}: out of memory", sec.name))?;
            let mut map = Map::new(&sanitized(name), sec.index, symbol.value);
            (map.def, map.inner) = (read.def.clone(), read.inner.clone());
            let notes = MapNotes {
                pinning: read.pinning,
                slots,
                ..MapNotes::default()
            };
            self.push(name, map, notes);
        }
        Ok(())
    }

    /// Makes the map of a section of global data.
    pub(super) fn add_data(
        &mut self,
        sec: &Sec<'_>,
        is_bss: bool,
        btf: Option<&Btf>,
        kind: crate::maps::Internal,
    ) -> Words<()> {
        if sec.size > LIMIT {
            return Err(format!("data section {}: contents exceed maximum size", sec.name));
        }
        let mut map = Map::new(&sanitized(sec.name), sec.index, 0);
        map.internal = Some(kind);
        if !is_bss {
            map.data = sec.data.into();
        }
        map.def = MapDef {
            map_type: MapType::Array.raw(),
            key_size: 4,
            value_size: sec.size as u32,
            max_entries: 1,
            map_flags: if kind.is_readonly() { BPF_F_RDONLY_PROG } else { 0 },
            value_type: btf.and_then(|btf| btf.find(sec.name, Kind::DataSec)),
            ..MapDef::default()
        };
        self.push(sec.name, map, MapNotes::default());
        Ok(())
    }
}

/// What an element of a map is to be.
pub(super) struct SlotTarget {
    pub(super) name: String,
    pub(super) is_map_or_program: bool,
}

fn check_bounds(sec: &Sec<'_>, name: &str, symbol: &Symbol, before: &str, of: &str) -> Words<()> {
    if symbol.value > LIMIT || symbol.size > LIMIT {
        return Err(format!(
            "symbol {name}: offset or size exceeds 32 bits in section {}",
            sec.name
        ));
    }
    if symbol.value + symbol.size > sec.size {
        return Err(format!("{before}{name}: size goes out of bounds of {of}"));
    }
    Ok(())
}

fn read_struct(name: &str, bytes: &[u8]) -> Words<MapDef> {
    let mut fields = bytes
        .chunks_exact(4)
        .map(|f| f.first_chunk().map_or(0, |f| u32::from_le_bytes(*f)));
    let mut next = |what: &str| fields.next().ok_or_else(|| format!("map {name}: missing {what}"));
    Ok(MapDef {
        map_type: next("type")?,
        key_size: next("key size")?,
        value_size: next("value size")?,
        max_entries: next("max entries")?,
        map_flags: next("flags")?,
        ..MapDef::default()
    })
}

/// The variables of a data section.
fn variables<'a>(btf: &'a Btf, section: &str) -> Words<Vec<Type<'a>>> {
    // Of several sections of this name the library takes none.
    let mut found = btf
        .types()
        .filter(|ty| ty.kind() == Kind::DataSec && ty.name() == section);
    let (Some(sec), None) = (found.next(), found.next()) else {
        return Ok(Vec::new());
    };
    let vars = sec
        .vars()
        .map(|info| info.type_().filter(|t| t.kind() == Kind::Var));
    vars.map(|var| {
        var.ok_or_else(|| {
            format!("section {section}: loading map variable BTF: btf.VarSecInfo doesn't point to a *btf.Var")
        })
    })
    .collect()
}

/// A definition as it was read.
#[derive(Default)]
struct Read {
    def: MapDef,
    inner: Option<MapDef>,
    pinning: u32,
    /// Where it is filled, and where the definition of what it holds says so.
    filled_at: Option<u32>,
    inner_filled_at: Option<u32>,
}

/// Reads the definitions of maps, of which many may be of one type.
struct Reader<'a> {
    btf: &'a Btf,
    align: u64,
    /// What relocations put into the section.
    slots: BTreeMap<u64, &'a SlotTarget>,
    known: HashMap<TypeId, Read>,
}

/// Initial elements of a map: their places, and the names of the maps or programs that they are.
type Slots = Vec<(u32, String)>;

impl Reader<'_> {
    /// A map's definition, and what is at its symbol.
    fn read(&mut self, def: Type<'_>, symbol: &Symbol) -> Words<(&Read, Slots)> {
        if !self.known.contains_key(&def.id()) {
            let read = self.definition(def, false)?;
            self.known.insert(def.id(), read);
        }
        let read = self.known.get(&def.id()).ok_or("no definition")?;
        if let Some(at) = read.inner_filled_at {
            self.slots(symbol, at).map_err(in_inner)?;
        }
        let slots = read.filled_at.map(|at| self.slots(symbol, at)).transpose()?;
        Ok((read, slots.unwrap_or_default()))
    }

    fn definition(&self, def: Type<'_>, is_inner: bool) -> Words<Read> {
        let mut read = Read::default();
        let last = def.members().len().saturating_sub(1);
        for (at, member) in def.members().enumerate() {
            let number = |what: &str| self.number(member.ty).map_err(|e| format!("{what}: {e}"));
            match member.name() {
                "type" => read.def.map_type = number("can't get type")? as u32,
                "map_flags" => read.def.map_flags = number("can't get BTF map flags")? as u32,
                "max_entries" => read.def.max_entries = number("can't get BTF map max entries")? as u32,
                "map_extra" => read.def.map_extra = number("resolving map_extra")?,
                "key" if read.def.key_size != 0 => return Err(both("key")),
                "key" => (read.def.key_type, read.def.key_size) = self.typed("key", member.ty)?,
                "value" if read.def.value_size != 0 => return Err(both("value")),
                "value" => (read.def.value_type, read.def.value_size) = self.typed("value", member.ty)?,
                "key_size" if read.def.key_type.is_some() || read.def.key_size != 0 => {
                    return Err(both("key"));
                }
                "key_size" => read.def.key_size = number("can't get BTF key size")? as u32,
                "value_size" if read.def.value_type.is_some() || read.def.value_size != 0 => {
                    return Err(both("value"));
                }
                "value_size" => read.def.value_size = number("can't get BTF value size")? as u32,
                "pinning" if is_inner => return Err("inner maps can't be pinned".to_owned()),
                "pinning" => read.pinning = number("can't get pinning")? as u32,
                "values" if at != last => {
                    return Err("'values' must be the last member in a BTF map definition".to_owned());
                }
                "values" => {
                    self.values(&mut read, member.ty, is_inner)?;
                    read.filled_at = Some(member.byte_offset());
                }
                other => return Err(format!("unrecognized field {other} in BTF map definition")),
            }
        }
        let sizeless = [MapType::Ringbuf, MapType::Arena, MapType::PerfEventArray];
        if read.def.value_type.is_some() && sizeless.iter().any(|ty| read.def.is(*ty)) {
            read.def.value_size = 0;
        }
        Ok(read)
    }

    /// A number that a type carries.
    fn number(&self, id: TypeId) -> Words<u64> {
        let unfit = || format!("not a pointer or enum: {id}");
        let ty = self.btf.ty(id).ok_or_else(unfit)?;
        if ty.is_ptr() {
            let array = ty.target_type().and_then(|t| t.array());
            return array
                .map(|a| u64::from(a.nelems))
                .ok_or_else(|| format!("not a pointer to array: {id}"));
        }
        if !ty.is_any_enum() {
            return Err(unfit());
        }
        let first = ty.enumerators().next();
        first
            .map(|e| e.raw)
            .ok_or_else(|| "enum has no values".to_owned())
    }

    /// A pointer to a type: that type, and its size.
    fn typed(&self, what: &str, id: TypeId) -> Words<(Option<TypeId>, u32)> {
        let ty = self.btf.ty(id).filter(|t| t.is_ptr());
        let Some(ty) = ty else {
            return Err(format!("{what} type is not a pointer"));
        };
        let size = self.btf.resolve_size(ty.target());
        let size = size.ok_or_else(|| format!("can't get size of BTF {what}"))?;
        Ok((Some(ty.target()), size))
    }

    /// What an outer map or a program array is filled with.
    fn values(&self, read: &mut Read, id: TypeId, is_inner: bool) -> Words<()> {
        let def = &mut read.def;
        if !matches!(def.value_size, 0 | 4) {
            return Err("value_size must be 0 or 4".to_owned());
        }
        def.value_size = 4;
        let unfit = |what: &str| format!("can't resolve type of member 'values': {what}: {id}");
        let array = self
            .btf
            .ty(id)
            .and_then(|t| t.array())
            .ok_or_else(|| unfit("not an array"))?;
        let elem = self.btf.ty(array.elem).filter(|t| t.is_ptr());
        let target = elem
            .and_then(|t| t.target_type())
            .ok_or_else(|| unfit("not an array of pointers"))?;
        match target.kind() {
            Kind::Struct if !def.is_map_in_map() => {
                Err("outer map needs to be an array or a hash of maps".to_owned())
            }
            Kind::Struct if is_inner => Err("nested inner maps are not supported".to_owned()),
            Kind::Struct => {
                let inner = self.definition(target, true).map_err(in_inner)?;
                (read.inner, read.inner_filled_at) = (Some(inner.def), inner.filled_at);
                Ok(())
            }
            Kind::FuncProto if !def.is(MapType::ProgArray) => {
                Err("map needs to be a program array".to_owned())
            }
            Kind::FuncProto => Ok(()),
            _ => Err(format!(
                "unsupported value type {:?} in 'values' field",
                target.name()
            )),
        }
    }

    /// What fills the map of a symbol, from this offset of it on.
    fn slots(&self, symbol: &Symbol, offset: u32) -> Words<Slots> {
        let failed = |e: String| Err(format!("resolving values contents: {e}"));
        if u64::from(offset) > symbol.size {
            let size = symbol.size;
            return failed(format!("member offset {offset} exceeds symbol size {size}"));
        }
        if self.align == 0 {
            return failed("section has no address alignment, can't resolve .values contents".to_owned());
        }
        let start = symbol.value + u64::from(offset);
        let end = symbol.value + symbol.size;
        let mut found = Vec::new();
        for (at, target) in self.slots.range(start..end) {
            if !target.is_map_or_program {
                return failed(format!("unknown relocation type for symbol {}", target.name));
            }
            if (at - start).is_multiple_of(self.align) {
                found.push((((at - start) / self.align) as u32, owned_name(&target.name)));
            }
        }
        found.sort();
        Ok(found)
    }
}

fn in_inner(error: String) -> String {
    format!("can't parse BTF map definition of inner map: {error}")
}

fn both(what: &str) -> String {
    format!("both {what} and {what}_size given")
}
