//! Opening an object as `LoadCollectionSpec` of cilium/ebpf does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use verdict_btf::build::{Builder, Parts};
use verdict_btf::ext::BtfExt;
use verdict_btf::{Btf, Kind as BtfKind, Type};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use super::code::{self, Kind, Named, Outside, Scope};
use super::kconfig;
use super::maps::{Maps, Sec, SlotTarget, Words};
use super::ops::{self, Implements};
use super::{Reference, Refused, Spec, said};
use crate::elf::{self, Budget, Elf, SHN_LORESERVE, Section, Symbol};
use crate::error::{OpenError, Warnings, owned_name};
use crate::ext::ExtInfo;
use crate::externs::{self, ExternKind, Externs, KCONFIG_SEC, KSYMS_SEC};
use crate::insn;
use crate::map_defs::MAPS_SEC;
use crate::maps::Internal;
use crate::object::Object;
use crate::probes::Probes;
use crate::program::{Code, Program};
use crate::sections::SecDef;
use crate::shared::Shared;
use crate::tags::Exceptions;
use crate::{datasec, resolve, sanitize};

/// What an unknown address of the kernel looks like, and the bytes between two of them.
const UNKNOWN_ADDRESS: u64 = 0xffff_ffff_8000_0000;
const SYMBOL_SIZE: u64 = 16;

/// Reads the object in `bytes`, to be loaded into `kernel`; `path` is what the library calls the file.
pub(crate) fn open(path: &str, bytes: &[u8], kernel: &Kernel) -> Result<Object, OpenError> {
    run(path, bytes, kernel).map_err(|refused| OpenError {
        errno: refused.broken.errno,
        rule: refused.broken.rule,
        messages: vec![said(&refused.words).into()],
    })
}

fn run(path: &str, bytes: &[u8], kernel: &Kernel) -> Result<Object, Refused> {
    let mut w = Warnings::default();
    let mut elf = Elf::parse(path, bytes, &mut w).map_err(|_| {
        let said = w.into_lines().pop().unwrap_or_default();
        let said = said.trim_start_matches("libbpf: elf: ").to_owned();
        Refused::by(Rule::ObjectFormat, said)
    })?;
    let table = elf.sections.iter().position(|s| s.ty == elf::SHT_SYMTAB);
    if let Some(table) = table {
        elf.use_symtab(table);
    }
    let mut file = File::new(&elf, kernel);
    file.sort_sections()
        .map_err(|e| Refused::by(Rule::ObjectFormat, e))?;
    file.read_btf()?;
    if table.is_none() {
        return Err(Refused::by(Rule::ObjectFormat, "load symbols: no symbol section"));
    }
    file.read_relocs().map_err(|e| Refused::by(Rule::Relocation, e))?;
    file.read_maps()?;
    file.read_outside()?;
    let mut budget = Budget::of(bytes.len());
    let code = file
        .read_code(&mut budget)
        .map_err(|e| Refused::by(Rule::Relocation, e))?;
    let implements = file
        .read_struct_ops(&code)
        .map_err(|e| Refused::by(Rule::StructOpsMap, format!("load struct_ops: {e}")))?;
    Ok(file.finish(path, code, implements))
}

/// A file while it is read.
struct File<'a> {
    elf: &'a Elf<'a>,
    kernel: &'a Kernel,
    license: String,
    version: u32,
    kinds: HashMap<usize, Kind>,
    /// Sections that matter.
    sections: HashMap<usize, Sec<'a>>,
    /// Relocation sections by the section that they change.
    relocating: HashMap<usize, &'a Section<'a>>,
    /// The relocations of each section, by their offset.
    relocs: HashMap<usize, HashMap<u64, Named<'a>>>,
    /// How often a section is referred to.
    referred: HashMap<usize, usize>,
    btf: Option<Arc<Btf>>,
    ext: Option<BtfExt>,
    externs: Externs,
    maps: Maps,
    outside: Outside,
    kconfig: Option<Result<Vec<u8>, String>>,
    /// Names of the values of the kernel's configuration, in the order of their section.
    kconfig_order: Vec<String>,
    /// The same of the kernel's symbols.
    ksym_order: Vec<String>,
}

/// The functions of an object.
struct Read {
    code: Code,
    programs: Vec<Program>,
    references: Vec<Vec<Reference>>,
    functions: HashMap<String, usize>,
}

/// What symbols the library gathers of a section, and what it makes of it.
fn kind_of(section: &Section<'_>, name: &str) -> Option<Kind> {
    if name.starts_with("maps") || name == MAPS_SEC {
        return Some(Kind::Maps);
    }
    if is_data(name) {
        return Some(Kind::Data);
    }
    let filled = section.ty == elf::SHT_PROGBITS && section.size > 0;
    match section.flags & elf::SHF_EXECINSTR != 0 {
        true if filled => Some(Kind::Program),
        false if filled && name == ops::LINK => Some(Kind::StructOps),
        _ => None,
    }
}

fn is_data(name: &str) -> bool {
    name == ".bss" || name.starts_with(".data") || name.starts_with(".rodata")
}

fn is_gathered(kind: Kind, symbol: &Symbol) -> bool {
    match kind {
        Kind::Maps | Kind::Data => symbol.is_notype() || symbol.is_object(),
        Kind::Program => symbol.is_func() || (symbol.is_notype() && !symbol.is_local()),
        Kind::Undefined | Kind::StructOps => false,
    }
}

impl<'a> File<'a> {
    fn new(elf: &'a Elf<'a>, kernel: &'a Kernel) -> File<'a> {
        File {
            elf,
            kernel,
            license: String::new(),
            version: 0,
            kinds: HashMap::from([(0, Kind::Undefined)]),
            sections: HashMap::new(),
            relocating: HashMap::new(),
            relocs: HashMap::new(),
            referred: HashMap::new(),
            btf: None,
            ext: None,
            externs: Externs::default(),
            maps: Maps::default(),
            outside: Outside::default(),
            kconfig: None,
            kconfig_order: Vec::new(),
            ksym_order: Vec::new(),
        }
    }

    fn sort_sections(&mut self) -> Words<()> {
        let elf = self.elf;
        for (index, section) in elf.sections.iter().enumerate().skip(1) {
            let name = section.name.as_deref().unwrap_or_default();
            let data = section.data.unwrap_or_default();
            if name.starts_with("license") {
                let end = data.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
                self.license = String::from_utf8_lossy(data.get(..end).unwrap_or_default()).into_owned();
            } else if name.starts_with("version") {
                let bytes = data.first_chunk::<4>();
                let bytes = bytes.ok_or_else(|| format!("load version: section {name}: unexpected EOF"))?;
                self.version = u32::from_le_bytes(*bytes);
            } else if let Some(kind) = kind_of(section, name) {
                self.kinds.insert(index, kind);
                let sec = Sec {
                    index,
                    name,
                    size: section.size,
                    data,
                    symbols: Vec::new(),
                };
                self.sections.insert(index, sec);
            } else if section.ty == elf::SHT_REL {
                self.relocating.insert(section.info as usize, section);
            } else if name == ops::OLD && section.ty == elf::SHT_PROGBITS && section.size > 0 {
                return Err(format!("section {name:?}: got '{name}' section: not supported"));
            }
        }
        for symbol in &elf.symbols {
            let index = usize::from(symbol.shndx);
            let (Some(kind), Some(sec)) = (self.kinds.get(&index), self.sections.get_mut(&index)) else {
                continue;
            };
            match elf.symbol_str(symbol) {
                Some(name) if !name.is_empty() && is_gathered(*kind, symbol) => {
                    sec.symbols.push((symbol.value, name, *symbol));
                }
                _ => {}
            }
        }
        for sec in self.sections.values_mut() {
            // Of several symbols at one place the last one stays.
            sec.symbols.reverse();
            sec.symbols.sort_by_key(|(at, ..)| *at);
            sec.symbols.dedup_by_key(|(at, ..)| *at);
        }
        Ok(())
    }

    fn section(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.elf.section_by_name(name)?;
        self.elf.sections.get(found)?.data
    }

    fn read_btf(&mut self) -> Result<(), Refused> {
        let Some(data) = self.section(".BTF") else {
            return Ok(());
        };
        let broken = |errno: i32| {
            Refused::by(
                Rule::ObjectBtf,
                format!("load BTF: {}", super::strerror(Errno(errno))),
            )
        };
        let btf = Btf::parse(data.to_vec()).map_err(|e| broken(e.errno))?;
        if let Some(data) = self.section(".BTF.ext") {
            self.ext = Some(BtfExt::parse(data).map_err(|e| broken(e.errno))?);
        }
        self.kconfig_order = names_in(&btf, KCONFIG_SEC);
        self.ksym_order = names_in(&btf, KSYMS_SEC);
        // What is wrong with declarations of externs is found out where they are used.
        let mut w = Warnings::default();
        let mut edit = Builder::from_btf(&btf);
        let declared = externs::collect_declared(self.elf, &btf, &mut edit, &mut w);
        let placed = declared.and_then(|found| datasec::fixup(self.elf, &btf, &mut edit).map(|()| found));
        let built = placed.ok().and_then(|found| Some((found, edit.build().ok()?)));
        self.btf = Some(Arc::new(match built {
            Some((found, built)) => {
                self.externs = found;
                built
            }
            None => btf,
        }));
        Ok(())
    }

    fn read_relocs(&mut self) -> Words<()> {
        let elf = self.elf;
        let mut targets: Vec<_> = self
            .relocating
            .iter()
            .map(|(index, relocs)| (*index, *relocs))
            .collect();
        targets.sort_by_key(|(index, _)| *index);
        for (index, relocs) in targets {
            let Some(sec) = self.sections.get(&index) else {
                continue;
            };
            let failed = |e: String| format!("load relocations: relocation for section {:?}: {e}", sec.name);
            if relocs.entsize < elf::REL_SIZE {
                let name = relocs.name.as_deref().unwrap_or_default();
                return Err(failed(format!(
                    "section {name}: relocations are less than 16 bytes"
                )));
            }
            let mut found = HashMap::new();
            for (at, rel) in Elf::relocations(relocs).enumerate() {
                let symbol = elf.symbols.get(rel.sym).copied().ok_or_else(|| {
                    failed(format!(
                        "offset {}: symbol {} doesn't exist",
                        at * 16,
                        rel.sym.wrapping_sub(1)
                    ))
                })?;
                let name = elf.symbol_str(&symbol).unwrap_or_default();
                found.insert(rel.offset, Named { name, symbol });
            }
            let mut sorted: Vec<_> = found.iter().collect();
            sorted.sort_by_key(|(offset, _)| **offset);
            for (_, named) in sorted {
                let target = usize::from(named.symbol.shndx);
                if named.symbol.shndx >= SHN_LORESERVE || !self.kinds.contains_key(&target) {
                    return Err(format!(
                        "load relocations: section {:?}: reference to {:?} in section {}: not supported",
                        sec.name,
                        named.name,
                        section_index(target)
                    ));
                }
                *self.referred.entry(target).or_default() += 1;
            }
            self.relocs.insert(index, found);
        }
        Ok(())
    }

    /// The sections in the file's order.
    fn sorted(&self) -> Vec<usize> {
        let mut sorted: Vec<_> = self.sections.keys().copied().collect();
        sorted.sort_unstable();
        sorted
    }

    fn read_maps(&mut self) -> Result<(), Refused> {
        let by = |e: String| Refused::by(Rule::MapDefinition, e);
        let order = self.sorted();
        for index in &order {
            let Some(sec) = self.sections.get(index) else {
                continue;
            };
            if self.kinds.get(index) == Some(&Kind::Maps) && sec.name != MAPS_SEC {
                self.maps
                    .read_structs(sec)
                    .map_err(|e| by(format!("load maps: {e}")))?;
            }
        }
        for index in &order {
            let Some(sec) = self.sections.get(index).filter(|sec| sec.name == MAPS_SEC) else {
                continue;
            };
            let Some(btf) = &self.btf else {
                return Err(by("load BTF maps: missing BTF".to_owned()));
            };
            let align = self.elf.sections.get(*index).map_or(0, |s| s.align);
            let relocs = self.relocs.get(index);
            let slots = relocs
                .into_iter()
                .flatten()
                .map(|(at, named)| (*at, slot(named)))
                .collect();
            let read = self.maps.read_typed(sec, btf, align, &slots);
            read.map_err(|e| by(format!("load BTF maps: {e}")))?;
        }
        for index in &order {
            let Some(sec) = self.sections.get(index) else {
                continue;
            };
            let referred = self.referred.get(index).is_some_and(|count| *count > 0);
            if self.kinds.get(index) != Some(&Kind::Data) || (!referred && sec.symbols.is_empty()) {
                continue;
            }
            let ty = self.elf.sections.get(*index).map_or(0, |s| s.ty);
            let kind = match (sec.name.starts_with(".rodata"), ty) {
                (_, ty) if !matches!(ty, elf::SHT_PROGBITS | elf::SHT_NOBITS) => {
                    let name = sec.name;
                    return Err(by(format!(
                        "load data sections: data section {name}: unknown section type {ty}"
                    )));
                }
                (true, _) => Internal::Rodata,
                (false, elf::SHT_NOBITS) => Internal::Bss,
                (false, _) => Internal::Data,
            };
            let added = self
                .maps
                .add_data(sec, ty == elf::SHT_NOBITS, self.btf.as_deref(), kind);
            added.map_err(|e| by(format!("load data sections: {e}")))?;
        }
        Ok(())
    }

    /// What the object declares of the kernel's configuration and symbols.
    fn read_outside(&mut self) -> Result<(), Refused> {
        let Some(btf) = self.btf.clone() else {
            return Ok(());
        };
        let section = |name: &str| btf.find(name, BtfKind::DataSec).and_then(|id| btf.ty(id));
        if section(KCONFIG_SEC).is_some() {
            self.place_kconfig();
            let places = self.externs.list.iter().filter_map(|e| match e.kind {
                ExternKind::Kconfig(k) => Some((e.name.clone(), k.offset)),
                ExternKind::Ksym(_) => None,
            });
            self.outside.kconfig = Some(places.collect());
            self.kconfig = Some(kconfig::values(self.kernel, &btf, &self.externs));
        }
        let vars = section(KSYMS_SEC).into_iter().flat_map(|sec| sec.vars());
        let order: Vec<_> = match self.ksym_order.is_empty() {
            true => vars
                .filter_map(|var| Some(owned_name(var.type_()?.name())))
                .collect(),
            false => std::mem::take(&mut self.ksym_order),
        };
        let mut externs = HashMap::new();
        for (at, e) in self.externs.list.iter().enumerate() {
            externs.entry(e.name.as_str()).or_insert((at, e));
        }
        for name in &order {
            let Some(&(at, e)) = externs.get(name.as_str()) else {
                continue;
            };
            let ExternKind::Ksym(ty) = e.kind else { continue };
            if e.is_func {
                self.outside.kfuncs.insert(e.name.clone(), ty.unwrap_or_default());
                continue;
            }
            if !e.is_bare {
                return Err(Refused::by(
                    Rule::UnresolvedExtern,
                    format!(
                        "load virtual .ksyms section: data section .ksyms: expected {name} to be *Void, not *btf.Var: not supported"
                    ),
                ));
            }
            let there = self.kernel.ksym(&e.name).is_some();
            let address = there.then_some(UNKNOWN_ADDRESS + SYMBOL_SIZE * at as u64);
            self.outside.ksyms.insert(e.name.clone(), address);
        }
        Ok(())
    }

    /// Places the values of the kernel's configuration as their section declares them, one behind the other.
    fn place_kconfig(&mut self) {
        let mut end = 0u32;
        let order = std::mem::take(&mut self.kconfig_order);
        let at: HashMap<_, _> = order
            .iter()
            .enumerate()
            .map(|(i, name)| (name.as_str(), i))
            .collect();
        let mut values: Vec<_> = self.externs.list.iter_mut().collect();
        values.sort_by_key(|e| at.get(e.name.as_str()).copied().unwrap_or(usize::MAX));
        for value in values {
            if let ExternKind::Kconfig(k) = &mut value.kind {
                k.offset = end.checked_next_multiple_of(k.align.max(1)).unwrap_or(end);
                end = k.offset.saturating_add(k.size);
            }
        }
        self.externs.kconfig_size = end;
    }

    fn read_code(&mut self, budget: &mut Budget) -> Words<Read> {
        let mut scope = Scope {
            kinds: std::mem::take(&mut self.kinds),
            sections: std::mem::take(&mut self.sections),
            maps: std::mem::take(&mut self.maps.by_name),
            outside: std::mem::take(&mut self.outside),
        };
        let mut read = Read {
            code: Code::default(),
            programs: Vec::new(),
            references: Vec::new(),
            functions: HashMap::new(),
        };
        let none = HashMap::new();
        let mut order: Vec<_> = scope.sections.keys().copied().collect();
        order.sort_unstable();
        for index in order {
            let Some(sec) = scope.sections.get(&index) else {
                continue;
            };
            if scope.kinds.get(&index) != Some(&Kind::Program) {
                continue;
            }
            let sizes = sec.symbols.iter().map(|(_, _, symbol)| symbol.size);
            let bytes = sizes.fold(sec.size, u64::saturating_add);
            budget
                .charge(bytes)
                .map_err(|_| format!("section {}: out of memory", sec.name))?;
            let mut insns = insn::decode(sec.data);
            let relocs = self.relocs.get(&index).unwrap_or(&none);
            let found =
                code::read(sec, relocs, &scope, &mut insns).map_err(|e| format!("load programs: {e}"))?;
            for (program, references) in found {
                if read.functions.contains_key(&program.name) {
                    return Err(format!("load programs: duplicate program name {}", program.name));
                }
                read.functions.insert(program.name.clone(), read.programs.len());
                read.programs.push(program);
                read.references.push(references);
            }
            read.code.insert(index, insns);
        }
        self.maps.by_name = std::mem::take(&mut scope.maps);
        Ok(read)
    }

    /// The maps of struct_ops, and what programs implement of them.
    fn read_struct_ops(&mut self, read: &Read) -> Words<Implements> {
        let is_it = |section: &Section<'_>| kind_of(section, section.name.as_deref().unwrap_or_default());
        let found = self.elf.sections.iter().enumerate().skip(1);
        let mut found = found.filter(|(_, section)| is_it(section) == Some(Kind::StructOps));
        let Some((index, section)) = found.next() else {
            return Ok(Implements::new());
        };
        let section = ops::Section {
            index,
            data: section.data.unwrap_or_default(),
            relocs: self.relocs.get(&index),
        };
        let code = (read.programs.as_slice(), &read.functions);
        ops::read(&section, self.btf.as_deref(), code, &mut self.maps)
    }

    fn finish(mut self, path: &str, read: Read, implements: Implements) -> Object {
        let Read {
            code,
            mut programs,
            references,
            functions,
        } = read;
        let kernel = self.kernel;
        let info = ExtInfo::new(self.ext.as_ref(), self.btf.as_deref(), self.elf, &mut programs);
        for prog in &mut programs {
            prog.def = SecDef::find_loosely(&prog.section_name);
            if let Some(def) = prog.def {
                prog.prog_type = def.prog_type.raw();
                prog.attach_type = def.attach_type();
            }
        }
        let text = self.elf.section_by_name(".text");
        let is_entry = |p: &Program| p.section_name != ".text";
        let entries = programs
            .iter()
            .enumerate()
            .filter(|(_, p)| is_entry(p))
            .map(|(i, _)| i)
            .collect();
        for (map, notes) in self.maps.maps.iter_mut().zip(&self.maps.notes) {
            let of_maps = map.def.is_map_in_map();
            for (slot, name) in &notes.slots {
                let targets = if of_maps { &self.maps.by_name } else { &functions };
                if let Some(target) = targets.get(name) {
                    map.slots.insert(*slot, *target);
                }
            }
        }
        let probes = Probes::of(kernel);
        let load_btf = self
            .btf
            .as_ref()
            .map(|btf| sanitize::sanitize(btf.clone(), &probes));
        let parts = load_btf.as_deref().map(Parts::of);
        Object {
            path: path.to_owned(),
            license: self.license,
            version: if self.version == 0 {
                kernel.version_code()
            } else {
                self.version
            },
            nr_cpus: kernel.machine.nr_cpus,
            memlock: kernel.memlock(),
            page_size: kernel.machine.page_size,
            probes,
            text,
            code,
            programs,
            entries,
            maps: self.maps.maps,
            externs: self.externs.list,
            kconfig_map: None,
            has_struct_ops: false,
            load_btf,
            btf: self.btf,
            info,
            exceptions: Exceptions::default(),
            shared: Shared::default(),
            numbers: OnceLock::new(),
            changes: 0,
            core_btf: kernel.btf.clone(),
            kernel_btf: kernel.btf.clone(),
            resolved: Ok(resolve::Resolved::default()),
            is_aya: false,
            cilium: Some(Spec {
                references,
                functions,
                callees: OnceLock::new(),
                maps: self.maps.notes,
                kconfig: self.kconfig,
                parts,
                of_maps: Mutex::default(),
                constants: HashMap::new(),
                implements,
            }),
        }
    }
}

/// Names of what is in a data section, in its order.
fn names_in(btf: &Btf, section: &str) -> Vec<String> {
    let section = btf.find(section, BtfKind::DataSec).and_then(|id| btf.ty(id));
    let vars = section.into_iter().flat_map(|section| section.vars());
    vars.filter_map(|var| Some(owned_name(var.type_()?.name())))
        .collect()
}

/// A type as the library shows it.
pub(super) fn described(ty: Type<'_>) -> String {
    let kind = match ty.kind() {
        BtfKind::Ptr => "Pointer",
        BtfKind::Typedef => "Typedef",
        BtfKind::Struct => "Struct",
        BtfKind::Union => "Union",
        BtfKind::Enum | BtfKind::Enum64 => "Enum",
        BtfKind::Const => "Const",
        BtfKind::Volatile => "Volatile",
        BtfKind::Int => "Int",
        BtfKind::Array => "Array",
        other => other.name(),
    };
    match ty.name() {
        "" => kind.to_owned(),
        name => format!("{kind}:{name:?}"),
    }
}

fn slot(named: &Named<'_>) -> SlotTarget {
    SlotTarget {
        name: owned_name(named.name),
        is_map_or_program: named.symbol.is_func() || named.symbol.is_object(),
    }
}

fn section_index(index: usize) -> String {
    match index {
        0xfff1 => "SHN_ABS".to_owned(),
        0xfff2 => "SHN_COMMON".to_owned(),
        index => format!("SHN_UNDEF+{index}"),
    }
}
