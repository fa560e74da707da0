//! Functions of an object and what their instructions refer to, as cilium/ebpf reads relocations.

use std::collections::{HashMap, HashSet};

use verdict_btf::TypeId;
use verdict_isa::{Insn, table::pseudo};

use super::maps::{Sec, Words};
use super::{Reference, Target};
use crate::elf::Symbol;
use crate::error::owned_name;
use crate::insn::{self, INSN_SIZE};
use crate::program::Program;

/// What symbols that nothing in the object defines stand for.
#[derive(Default)]
pub(super) struct Outside {
    /// Functions of the kernel, with their prototypes.
    pub(super) kfuncs: HashMap<String, TypeId>,
    /// Symbols of the kernel, with their addresses where it has them.
    pub(super) ksyms: HashMap<String, Option<u64>>,
    /// Values of the kernel's configuration, by their place; `None` if the object declares none at all.
    pub(super) kconfig: Option<HashMap<String, u32>>,
}

/// What kind of section a symbol is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Undefined,
    Maps,
    Data,
    Program,
    StructOps,
}

/// Everything that a relocation may be about.
pub(super) struct Scope<'a> {
    pub(super) kinds: HashMap<usize, Kind>,
    pub(super) sections: HashMap<usize, Sec<'a>>,
    pub(super) maps: HashMap<String, usize>,
    pub(super) outside: Outside,
}

/// A symbol with its name.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) symbol: Symbol,
}

/// Reads the functions of a section of code. What is changed of its instructions is changed in `insns`, which has all of the section.
pub(super) fn read(
    sec: &Sec<'_>,
    relocs: &HashMap<u64, Named<'_>>,
    scope: &Scope<'_>,
    insns: &mut [Insn],
) -> Words<Vec<(Program, Vec<Reference>)>> {
    if sec.symbols.is_empty() {
        return Err(format!("section {}: missing symbols", sec.name));
    }
    let failed = |e: String| format!("section {}: {e}", sec.name);
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for (_, name, symbol) in &sec.symbols {
        if !seen.insert(*name) {
            return Err(failed(format!("duplicate symbol {name} in section {}", sec.name)));
        }
        let range = range(sec, name, symbol).map_err(failed)?;
        let references = references(
            sec,
            relocs,
            scope,
            (range.start, insns.get_mut(range.clone()).unwrap_or_default()),
        );
        let program = Program::new(name, sec.name, sec.index, range, symbol);
        found.push((program, references.map_err(failed)?));
    }
    Ok(found)
}

/// The instructions of a function.
fn range(sec: &Sec<'_>, name: &str, symbol: &Symbol) -> Words<std::ops::Range<usize>> {
    let (at, size) = (symbol.value, symbol.size);
    let section = sec.name;
    if at > u64::from(u32::MAX) || size > u64::from(u32::MAX) {
        return Err(format!(
            "symbol {name}: offset or size exceeds 32 bits in section {section}"
        ));
    }
    if at + size > sec.data.len() as u64 {
        return Err(format!(
            "symbol {name}: size goes out of bounds of section {section}"
        ));
    }
    if size < INSN_SIZE {
        return Err(format!(
            "no instructions found for symbol {name} in section {section}"
        ));
    }
    if !at.is_multiple_of(INSN_SIZE) || !size.is_multiple_of(INSN_SIZE) {
        return Err(format!(
            "decoding instructions for symbol {name} in section {section}: unexpected EOF"
        ));
    }
    let start = (at / INSN_SIZE) as usize;
    Ok(start..start + (size / INSN_SIZE) as usize)
}

/// What the instructions of a function refer to, which begins at `start` of its section.
fn references(
    sec: &Sec<'_>,
    relocs: &HashMap<u64, Named<'_>>,
    scope: &Scope<'_>,
    (start, insns): (usize, &mut [Insn]),
) -> Words<Vec<Reference>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((first, rest)) = insns.get_mut(at..).and_then(<[Insn]>::split_first_mut) {
        let wide = first.is_ld_imm64();
        let second = rest.first_mut().filter(|_| wide);
        let offset = (start + at) as u64 * INSN_SIZE;
        let mut pair = Pair { first, second };
        let to = match relocs.get(&offset) {
            Some(named) => scope.relocate(&mut pair, named).map(Some).map_err(|e| {
                format!(
                    "offset {offset} in section {}: relocating instruction: {e}",
                    sec.name
                )
            })?,
            None => relative(&mut pair, offset, sec)?,
        };
        if let Some(to) = to {
            found.push(Reference { insn: at, to });
        }
        at += if wide { 2 } else { 1 };
    }
    Ok(found)
}

/// An instruction, with its second half if it has one.
struct Pair<'a> {
    first: &'a mut Insn,
    second: Option<&'a mut Insn>,
}

impl Pair<'_> {
    /// The 64-bit immediate of a wide instruction, the immediate of any other.
    fn constant(&self) -> i64 {
        match &self.second {
            Some(second) => i64::from(second.imm) << 32 | i64::from(self.first.imm as u32),
            None => i64::from(self.first.imm),
        }
    }

    fn is_function_reference(&self) -> bool {
        insn::is_pseudo_call(self.first) || insn::is_pseudo_func(self.first)
    }

    fn set(&mut self, constant: i64) {
        self.first.imm = constant as i32;
        if let Some(second) = &mut self.second {
            second.imm = (constant >> 32) as i32;
        }
    }
}

/// A call of, or the address of, a function of the same section, whose distance the compiler knew.
fn relative(pair: &mut Pair<'_>, offset: u64, sec: &Sec<'_>) -> Words<Option<Target>> {
    if !pair.is_function_reference() || pair.constant() == -1 {
        return Ok(None);
    }
    let distance = pair.constant().wrapping_mul(INSN_SIZE as i64);
    let target = distance.wrapping_add((offset + INSN_SIZE) as i64).max(0) as u64;
    match sec.at(target) {
        Some(name) => {
            pair.set(-1);
            Ok(Some(Target::Function(owned_name(name))))
        }
        None => Err(format!(
            "offset {offset} in section {}: resolving relative jump: no jump target found at offset {target}",
            sec.name
        )),
    }
}

impl Sec<'_> {
    /// The symbol at an offset.
    fn at(&self, offset: u64) -> Option<&str> {
        let found = self.symbols.binary_search_by_key(&offset, |(at, ..)| *at).ok()?;
        self.symbols.get(found).map(|(_, name, _)| *name)
    }
}

impl Scope<'_> {
    fn relocate(&self, pair: &mut Pair<'_>, to: &Named<'_>) -> Words<Target> {
        let section = usize::from(to.symbol.shndx);
        match self.kinds.get(&section) {
            Some(Kind::Maps) => self.map(pair, to),
            Some(Kind::Data) => self.data(pair, to, section),
            Some(Kind::Program) => self.function(pair, to, section),
            Some(Kind::Undefined) => self.undefined(pair, to),
            Some(Kind::StructOps) | None => Err(format!("relocation to {:?}: not supported", to.name)),
        }
    }

    fn map(&self, pair: &mut Pair<'_>, to: &Named<'_>) -> Words<Target> {
        let (name, symbol) = (to.name, &to.symbol);
        if symbol.is_local() {
            return Err(format!(
                "possible erroneous static qualifier on map definition: found reference to {name:?}"
            ));
        }
        if symbol.is_weak() {
            return Err(format!("map {name:?}: {}", unsupported(symbol)));
        }
        if !symbol.is_object() && !symbol.is_notype() {
            return Err(format!(
                "map load: incorrect relocation type {}",
                symbol.type_name()
            ));
        }
        pair.first.src = pseudo::MAP_FD;
        let map = self.maps.get(name).copied();
        map.map(Target::Map).ok_or_else(|| format!("missing map {name}"))
    }

    fn data(&self, pair: &mut Pair<'_>, to: &Named<'_>, section: usize) -> Words<Target> {
        let (name, symbol) = (to.name, &to.symbol);
        let bad_binding = || Err(format!("direct load: {name}: {}", unsupported(symbol)));
        let offset = if symbol.is_section() {
            if !symbol.is_local() {
                return bad_binding();
            }
            pair.constant() as u32
        } else if symbol.is_object() {
            symbol.value as u32
        } else if symbol.is_notype() {
            if !symbol.is_local() {
                return bad_binding();
            }
            symbol.value as u32
        } else {
            let ty = symbol.type_name();
            return Err(format!("incorrect relocation type {ty} for direct map load"));
        };
        pair.first.src = pseudo::MAP_VALUE;
        pair.set(i64::from(offset) << 32);
        let name = self.sections.get(&section).map_or("", |sec| sec.name);
        let map = self.maps.get(name).copied();
        map.map(|map| Target::Value(map, offset))
            .ok_or_else(|| format!("missing map {name}"))
    }

    fn function(&self, pair: &mut Pair<'_>, to: &Named<'_>, section: usize) -> Words<Target> {
        let (mut name, symbol) = (to.name, &to.symbol);
        let sec = self.sections.get(&section);
        let at = |offset: i64| sec.and_then(|sec| sec.at(u64::try_from(offset).ok()?));
        if insn::is_call(pair.first) {
            if pair.first.src != pseudo::CALL {
                return Err(format!("call: {name}: incorrect source register"));
            }
            let bad_binding = || Err(format!("call: {name}: {}", unsupported(symbol)));
            if symbol.is_notype() || symbol.is_func() {
                if symbol.is_local() {
                    return bad_binding();
                }
            } else if symbol.is_section() {
                if !symbol.is_local() {
                    return bad_binding();
                }
                let offset = (i64::from(pair.first.imm) + 1) * INSN_SIZE as i64;
                name = at(offset).ok_or_else(|| format!("call: no symbol at offset {offset}"))?;
                pair.set(-1);
            } else {
                return Err(format!(
                    "call: {name}: invalid symbol type {}",
                    symbol.type_name()
                ));
            }
            return Ok(Target::Function(owned_name(name)));
        }
        if !pair.first.is_ld_imm64() {
            return Err("neither a call nor a load instruction".to_owned());
        }
        let fits = (symbol.is_func() && symbol.is_strong()) || (symbol.is_section() && symbol.is_local());
        if !symbol.is_func() && !symbol.is_section() {
            return Err(format!(
                "load: {name}: invalid symbol type {}",
                symbol.type_name()
            ));
        }
        if !fits {
            return Err(format!("load: {name}: {}", unsupported(symbol)));
        }
        let offset = pair.constant();
        let name = at(offset).ok_or_else(|| format!("load: no symbol at offset {offset}"))?;
        pair.set(-1);
        pair.first.src = pseudo::FUNC;
        Ok(Target::Function(owned_name(name)))
    }

    /// A symbol that nothing in the object defines.
    fn undefined(&self, pair: &mut Pair<'_>, to: &Named<'_>) -> Words<Target> {
        let (name, symbol) = (to.name, &to.symbol);
        let bad_binding = || Err(format!("asm relocation: {name}: {}", unsupported(symbol)));
        if symbol.is_local() {
            return bad_binding();
        }
        if !symbol.is_notype() {
            let ty = symbol.type_name();
            return Err(format!("asm relocation: {name}: unsupported type {ty}"));
        }
        let (is_call, is_load) = (insn::is_call(pair.first), pair.first.is_ld_imm64());
        let (name, is_weak) = (owned_name(name), symbol.is_weak());
        if let Some(proto) = self.outside.kfuncs.get(&name).filter(|_| is_call || is_load) {
            if is_call {
                pair.first.src = pseudo::KFUNC_CALL;
                pair.set(-1);
            } else {
                pair.set(0);
            }
            let proto = *proto;
            return Ok(Target::Kfunc { name, proto, is_weak });
        }
        if let Some(address) = self.outside.ksyms.get(&name).filter(|_| is_load) {
            let address = *address;
            return Ok(Target::Ksym {
                name,
                address,
                is_weak,
            });
        }
        if let (Some(values), true) = (&self.outside.kconfig, is_load) {
            if is_weak {
                return bad_binding();
            }
            pair.first.src = pseudo::MAP_VALUE;
            let place = values.get(&name).copied();
            return place
                .map(Target::Kconfig)
                .ok_or_else(|| format!("kconfig {name} not found in .kconfig"));
        }
        Ok(Target::Symbol(name))
    }
}

fn unsupported(symbol: &Symbol) -> String {
    format!("unsupported binding: {}", symbol.binding_name())
}
