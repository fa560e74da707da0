//! Relocation sections: what instructions, and the values of maps, refer to.

use std::collections::HashMap;

use verdict_btf::Btf;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;

use crate::elf::{Elf, Rel, SHN_LORESERVE, Section, Symbol};
use crate::error::{Warnings, libbpf, warning};
use crate::insn::{self, INSN_SIZE};
use crate::map_defs;
use crate::maps::Internal;
use crate::opening::{Opening, SecKind};
use crate::program::{self, Program, Reloc, RelocKind};
use crate::struct_ops;

/// Bytes of a pointer in the definition of a map.
const POINTER: u32 = 8;

/// Reads all relocation sections.
pub(crate) fn collect(o: &mut Opening<'_>) -> Result<(), Errno> {
    let finder = Finder::new(o);
    for index in 0..o.kinds.len() {
        if o.kinds.get(index) != Some(&SecKind::Relocs) {
            continue;
        }
        let Some(section) = o.elf.sections.get(index).cloned() else {
            continue;
        };
        let target = section.info as usize;
        if o.kinds.get(target) == Some(&SecKind::StructOps) {
            let Some(btf) = o.btf.clone() else {
                return Err(Errno::EINVAL);
            };
            struct_ops::collect_relocs(&o.elf, &section, target, &btf, &mut o.maps, &o.programs, o.w)?;
        } else if Some(target) == o.maps_section {
            collect_map_relocs(o, &section)?;
        } else {
            collect_program_relocs(o, &finder, &section, target)?;
        }
    }
    Ok(())
}

/// Maps and externs by what relocations know of them.
struct Finder {
    /// By section and offset; the first of each.
    defined_maps: HashMap<(usize, u64), usize>,
    /// By section; the first of each.
    data_maps: HashMap<(usize, Internal), usize>,
    /// By symbol.
    externs: HashMap<usize, usize>,
}

impl Finder {
    fn new(o: &Opening<'_>) -> Finder {
        let mut finder = Finder {
            defined_maps: HashMap::new(),
            data_maps: HashMap::new(),
            externs: HashMap::new(),
        };
        for (i, map) in o.maps.iter().enumerate() {
            match map.internal {
                None => finder
                    .defined_maps
                    .entry((map.section, map.section_offset))
                    .or_insert(i),
                Some(kind) => finder.data_maps.entry((map.section, kind)).or_insert(i),
            };
        }
        for (i, e) in o.externs.list.iter().enumerate() {
            finder.externs.entry(e.symbol).or_insert(i);
        }
        finder
    }
}

fn collect_program_relocs(
    o: &mut Opening<'_>,
    finder: &Finder,
    relocs: &Section<'_>,
    target: usize,
) -> Result<(), Errno> {
    let relo_name = relocs.name.as_deref().ok_or(Errno::EINVAL)?;
    let section = o.elf.sections.get(target).ok_or(Errno::EINVAL)?;
    let size = section.data.ok_or(libbpf::FORMAT)?.len() as u64;
    for (i, rel) in Elf::relocations(relocs).enumerate() {
        let symbol = check_reloc(&o.elf, rel, i, relo_name, size, o.w)?;
        let insn = rel.offset / INSN_SIZE;
        // The linker keeps the relocations of weak functions that it has overridden.
        let Some(index) = program::find(&o.programs, target, insn) else {
            continue;
        };
        let Some(prog) = o.programs.get(index) else {
            continue;
        };
        let at = (insn as usize).saturating_sub(prog.range.start);
        let kind = Referrer { o, finder, prog, at }.resolve(rel, &symbol);
        let kind = kind.map_err(|(errno, text)| {
            warning!(o.w, "prog '{}': {text}", prog.name);
            errno
        })?;
        if let Some(prog) = o.programs.get_mut(index) {
            prog.relocs.push(Reloc { insn: at, kind });
        }
    }
    Ok(())
}

/// Checks a relocation; returns its symbol.
fn check_reloc(
    elf: &Elf<'_>,
    rel: Rel,
    index: usize,
    section: &str,
    size: u64,
    w: &mut Warnings,
) -> Result<Symbol, Errno> {
    let sym = rel.sym;
    let Some(symbol) = elf.symbols.get(sym) else {
        warning!(w, "sec '{section}': symbol #{sym} not found for relo #{index}");
        return Err(libbpf::FORMAT);
    };
    if usize::from(symbol.shndx) >= elf.sections.len() {
        let shndx = symbol.shndx;
        warning!(
            w,
            "sec '{section}': corrupted symbol #{sym} pointing to invalid section #{shndx} for relo #{index}"
        );
        return Err(libbpf::FORMAT);
    }
    if !rel.offset.is_multiple_of(INSN_SIZE) || rel.offset >= size {
        warning!(
            w,
            "sec '{section}': invalid offset 0x{:x} for relo #{index}",
            rel.offset
        );
        return Err(libbpf::FORMAT);
    }
    Ok(*symbol)
}

/// An instruction that refers to something.
struct Referrer<'a, 'o> {
    o: &'a Opening<'o>,
    finder: &'a Finder,
    prog: &'a Program,
    /// The instruction within the program.
    at: usize,
}

/// An error, and what is to be said of it.
type Refusal = (Errno, String);

impl Referrer<'_, '_> {
    fn resolve(&self, rel: Rel, symbol: &Symbol) -> Result<RelocKind, Refusal> {
        let insns = self.prog.insns(&self.o.code);
        let insn = insns.get(self.at).copied().unwrap_or_default();
        if !insn::is_call(&insn) && !insn.is_ld_imm64() {
            let name = self.symbol_name(symbol);
            let (at, code) = (self.at, insn.code);
            return refuse(format!(
                "invalid relo against '{name}' for insns[{at}].code 0x{code:x}"
            ));
        }
        if symbol.is_extern() {
            return match self.finder.externs.get(&rel.sym) {
                Some(e) if insn::is_call(&insn) => Ok(RelocKind::ExternCall(*e)),
                Some(e) => Ok(RelocKind::ExternLoad(*e)),
                // aya leaves alone what it knows nothing of.
                None if self.o.is_aya => Ok(RelocKind::Core),
                None => refuse(format!(
                    "extern relo failed to find extern for '{}' ({})",
                    self.symbol_name(symbol),
                    rel.sym
                )),
            };
        }
        if insn::is_call(&insn) {
            if !insn::is_pseudo_call(&insn) {
                return refuse("incorrect bpf_call opcode".to_owned());
            }
            return self.call(symbol);
        }
        self.load(symbol, insn.imm)
    }

    /// The symbol's name, or that of the section it stands for.
    fn symbol_name(&self, symbol: &Symbol) -> String {
        let name = if symbol.is_section() && symbol.name == 0 {
            self.o
                .elf
                .section_name(usize::from(symbol.shndx))
                .map(str::to_owned)
        } else {
            self.o.elf.symbol_name(symbol).map(|n| n.into_owned())
        };
        name.unwrap_or_else(|| "<?".to_owned())
    }

    fn call(&self, symbol: &Symbol) -> Result<RelocKind, Refusal> {
        let section = usize::from(symbol.shndx);
        let name = || self.symbol_name(symbol);
        if section == 0 || Some(section) != self.o.text {
            let section = self.o.elf.section_name(section).unwrap_or("(null)");
            return refuse(format!(
                "bad call relo against '{}' in section '{section}'",
                name()
            ));
        }
        if !symbol.value.is_multiple_of(INSN_SIZE) {
            return refuse(format!(
                "bad call relo against '{}' at offset {}",
                name(),
                symbol.value
            ));
        }
        Ok(RelocKind::Call(symbol.value as i32))
    }

    /// What an `ld_imm64` loads the address of.
    fn load(&self, symbol: &Symbol, imm: i32) -> Result<RelocKind, Refusal> {
        let o = self.o;
        let name = || self.symbol_name(symbol);
        let section = usize::from(symbol.shndx);
        if section == 0 || symbol.shndx >= SHN_LORESERVE {
            return refuse(format!(
                "invalid relo against '{}' in special section 0x{section:x}; forgot to initialize global var?..",
                name()
            ));
        }
        let value = symbol.value as i32;
        if symbol.is_subprog(o.text) {
            if !symbol.value.is_multiple_of(INSN_SIZE) || imm % INSN_SIZE as i32 != 0 {
                let at = symbol.value;
                return refuse(format!(
                    "bad subprog addr relo against '{}' at offset {at}+{imm}",
                    name()
                ));
            }
            return Ok(RelocKind::SubprogAddr(value));
        }
        let section_name = o.elf.section_name(section).unwrap_or("(null)");
        if Some(section) == o.arena_section {
            return o.arena_map.map(|map| RelocKind::Data(map, value)).ok_or_else(|| {
                let text = format!(
                    "bad arena data relocation at insn {}, no arena maps defined",
                    self.at
                );
                (libbpf::RELOC, text)
            });
        }
        let kind = match o.kinds.get(section) {
            Some(SecKind::Bss) => Internal::Bss,
            Some(SecKind::Data) => Internal::Data,
            Some(SecKind::Rodata) => Internal::Rodata,
            _ if section == o.elf.symtab => {
                return refuse(format!("bad data relo against section '{section_name}'"));
            }
            _ => return self.defined_map(section, symbol, section_name),
        };
        match self.finder.data_maps.get(&(section, kind)) {
            Some(map) => Ok(RelocKind::Data(*map, value)),
            None => refuse(format!(
                "data relo failed to find map for section '{section_name}'"
            )),
        }
    }

    fn defined_map(&self, section: usize, symbol: &Symbol, section_name: &str) -> Result<RelocKind, Refusal> {
        if Some(section) != self.o.maps_section && !self.o.struct_sections.contains(&section) {
            return refuse(format!(
                "bad map relo against '{}' in section '{section_name}'",
                self.symbol_name(symbol)
            ));
        }
        match self.finder.defined_maps.get(&(section, symbol.value)) {
            Some(map) => Ok(RelocKind::Map(*map)),
            None => {
                let at = symbol.value;
                refuse(format!(
                    "map relo failed to find map for section '{section_name}', off {at}"
                ))
            }
        }
    }
}

fn refuse<T>(text: String) -> Result<T, Refusal> {
    Err((libbpf::RELOC, text))
}

/// Reads the initial elements of outer maps and program arrays.
fn collect_map_relocs(o: &mut Opening<'_>, relocs: &Section<'_>) -> Result<(), Errno> {
    let Some(btf) = o.btf.clone() else {
        return Err(Errno::EINVAL);
    };
    let Some(section) = o.maps_section else {
        return Err(Errno::EINVAL);
    };
    let places = places(o, &btf, section)?;
    let names = Targets::new(o);
    for (i, rel) in Elf::relocations(relocs).enumerate() {
        let Some(symbol) = o.elf.symbols.get(rel.sym).copied() else {
            warning!(o.w, ".maps relo #{i}: symbol {:x} not found", rel.sym);
            return Err(libbpf::FORMAT);
        };
        let name = o
            .elf
            .symbol_name(&symbol)
            .map_or_else(|| "<?>".to_owned(), |n| n.into_owned());
        // Maps lie side by side: the last one that begins before the pointer has to hold it.
        let before = places.partition_point(|p| p.start <= rel.offset).checked_sub(1);
        let place = before.and_then(|b| places.get(b));
        let place = place.filter(|p| rel.offset.saturating_add(u64::from(POINTER)) <= p.end);
        let Some(place) = place else {
            warning!(
                o.w,
                ".maps relo #{i}: cannot find map '{name}' at rel->r_offset {}",
                rel.offset
            );
            return Err(Errno::EINVAL);
        };
        let target = slot_target(o, &names, place.map, &symbol, &name, i)?;
        let values = place.values.ok_or(Errno::EINVAL)?;
        let offset = (rel.offset - place.start) as u32;
        let slot = offset.checked_sub(values).ok_or(Errno::EINVAL)?;
        if slot % POINTER != 0 {
            return Err(Errno::EINVAL);
        }
        if let Some(map) = o.maps.get_mut(place.map) {
            map.slots.insert(slot / POINTER, target);
        }
    }
    Ok(())
}

/// Where a map's definition lies.
struct Place {
    start: u64,
    end: u64,
    map: usize,
    /// Where its initial elements begin, from `start`.
    values: Option<u32>,
}

/// Places of the maps of the section, sorted.
fn places(o: &Opening<'_>, btf: &Btf, section: usize) -> Result<Vec<Place>, Errno> {
    let datasec = map_defs::datasec(btf).ok_or(Errno::EINVAL)?;
    let mut places = Vec::new();
    for (i, map) in o.maps.iter().enumerate().filter(|(_, m)| m.section == section) {
        let Some(info) = datasec.vars().get(map.var_index) else {
            continue;
        };
        let def = info.type_().and_then(|v| btf.skip_mods_and_typedefs(v.target()));
        let last = def.and_then(|d| d.members().next_back());
        places.push(Place {
            start: u64::from(info.offset),
            end: u64::from(info.offset) + u64::from(info.size),
            map: i,
            values: last.filter(|m| m.name() == "values").map(|m| m.byte_offset()),
        });
    }
    places.sort_by_key(|p| p.start);
    Ok(places)
}

/// Maps and programs by name; the first of each.
struct Targets {
    maps: HashMap<String, usize>,
    programs: HashMap<String, usize>,
}

impl Targets {
    fn new(o: &Opening<'_>) -> Targets {
        let mut targets = Targets {
            maps: HashMap::new(),
            programs: HashMap::new(),
        };
        for (i, map) in o.maps.iter().enumerate() {
            targets.maps.entry(map.name.clone()).or_insert(i);
        }
        for (i, prog) in o
            .programs
            .iter()
            .enumerate()
            .filter(|(_, p)| Some(p.section) != o.text)
        {
            targets.programs.entry(prog.name.clone()).or_insert(i);
        }
        targets
    }
}

/// The map or program that an element is.
fn slot_target(
    o: &mut Opening<'_>,
    names: &Targets,
    map: usize,
    symbol: &Symbol,
    name: &str,
    index: usize,
) -> Result<usize, Errno> {
    let Some(map) = o.maps.get(map) else {
        return Err(Errno::EINVAL);
    };
    if map.def.is_map_in_map() {
        if Some(usize::from(symbol.shndx)) != o.maps_section {
            warning!(o.w, ".maps relo #{index}: '{name}' isn't a BTF-defined map");
            return Err(libbpf::RELOC);
        }
        if map.def.is(MapType::HashOfMaps) && map.def.key_size != 4 {
            warning!(
                o.w,
                ".maps relo #{index}: hash-of-maps '{}' should have key size 4.",
                map.name
            );
            return Err(Errno::EINVAL);
        }
        return names.maps.get(name).copied().ok_or_else(|| {
            warning!(o.w, ".maps relo #{index}: '{name}' isn't a valid map reference");
            Errno::ESRCH
        });
    }
    if !map.def.is(MapType::ProgArray) {
        return Err(Errno::EINVAL);
    }
    let found = names
        .programs
        .get(name)
        .and_then(|i| Some((*i, o.programs.get(*i)?)));
    let Some((target, prog)) = found else {
        warning!(
            o.w,
            ".maps relo #{index}: '{name}' isn't a valid program reference"
        );
        return Err(Errno::ESRCH);
    };
    if prog.section != usize::from(symbol.shndx) || prog.range.start as u64 * INSN_SIZE != symbol.value {
        warning!(o.w, ".maps relo #{index}: '{name}' isn't an entry-point program");
        return Err(libbpf::RELOC);
    }
    Ok(target)
}
