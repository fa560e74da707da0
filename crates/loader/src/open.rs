//! Opening an object: from the bytes of a file to programs, maps and externs.

use std::sync::{Arc, OnceLock};

use verdict_btf::Btf;
use verdict_btf::build::Builder;
use verdict_btf::ext::BtfExt;
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, By, Rule};

use crate::aya;
use crate::cilium;
use crate::elf::{self, Elf, Section};
use crate::error::{OpenError, Warnings, libbpf, warning};
use crate::ext::ExtInfo;
use crate::externs::{self, KCONFIG_SEC};
use crate::insn;
use crate::map_defs::{self, MAPS_SEC};
use crate::maps::{DataType, Internal, Map, PAGE_SIZE};
use crate::object::{Manner, Object};
use crate::opening::{Opening, SecKind};
use crate::probes::Probes;
use crate::program;
use crate::sections::SecDef;
use crate::shared::Shared;
use crate::tags::Exceptions;
use crate::{datasec, relos, resolve, sanitize, struct_ops, tags, veristat};

/// The section of variables in an arena.
const ARENA_SEC: &str = ".addr_space.1";
/// Bytes of a licence that libbpf keeps.
const MAX_LICENSE: usize = 63;

impl Object {
    /// Reads the object in `bytes`, to be loaded into `kernel`; `file_name` is what messages call it and
    /// what its data maps are named after.
    ///
    /// It is opened in the manner of `veristat`.
    ///
    /// # Errors
    /// What `bpf_object__open_file` refuses.
    pub fn open(file_name: &str, bytes: &[u8], kernel: &Kernel) -> Result<Object, OpenError> {
        Object::open_as(file_name, bytes, kernel, &Manner::Veristat)
    }

    /// As [`Object::open`], in a chosen manner.
    ///
    /// # Errors
    /// What `bpf_object__open_file` refuses.
    pub fn open_as(
        file_name: &str,
        bytes: &[u8],
        kernel: &Kernel,
        manner: &Manner,
    ) -> Result<Object, OpenError> {
        Object::open_with(file_name, bytes, kernel, (manner, false))
    }

    /// As [`Object::open_as`], with all externs weak: as if the object could do without what the kernel lacks.
    ///
    /// # Errors
    /// What `bpf_object__open_file` refuses.
    pub fn open_weak(
        file_name: &str,
        bytes: &[u8],
        kernel: &Kernel,
        manner: &Manner,
    ) -> Result<Object, OpenError> {
        Object::open_with(file_name, bytes, kernel, (manner, true))
    }

    fn open_with(
        file_name: &str,
        bytes: &[u8],
        kernel: &Kernel,
        how: (&Manner, bool),
    ) -> Result<Object, OpenError> {
        if matches!(how.0, Manner::Cilium) {
            return cilium::open(file_name, bytes, kernel);
        }
        let mut warnings = Warnings::default();
        open(file_name, bytes, kernel, how, &mut warnings).map_err(|broken| OpenError {
            errno: broken.errno,
            rule: broken.rule,
            messages: warnings.into_lines(),
        })
    }
}

/// The contents of `.BTF` and `.BTF.ext`.
type BtfSections<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Opens an object in a manner, with all externs weak or as it has them.
fn open(
    path: &str,
    bytes: &[u8],
    kernel: &Kernel,
    (manner, weak): (&Manner, bool),
    w: &mut Warnings,
) -> Result<Object, Broken> {
    let elf = Elf::parse(path, bytes, w).by(Rule::ObjectFormat)?;
    let mut o = Opening::new(path, elf, bytes.len(), kernel, w);
    o.lenient = manner.is_lenient();
    o.is_aya = matches!(manner, Manner::Aya);
    o.find_symbols().by(Rule::ObjectFormat)?;
    let (btf, ext) = o.collect_sections()?;
    program::sort(&mut o.programs);
    o.init_btf(btf, ext).by(Rule::ObjectBtf)?;
    o.check_sections()?;
    o.fix_btf()?;
    o.init_maps().by(Rule::MapDefinition)?;
    o.init_programs();
    relos::collect(&mut o).by(Rule::Relocation)?;
    o.check_calls()?;
    if weak {
        o.externs.list.iter_mut().for_each(|wanted| wanted.is_weak = true);
    }
    Ok(o.finish(kernel, manner))
}

impl<'a> Opening<'a> {
    fn find_symbols(&mut self) -> Result<(), Errno> {
        let mut tables = self
            .elf
            .sections
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, s)| s.ty == elf::SHT_SYMTAB);
        let Some((index, table)) = tables.next() else {
            warning!(
                self.w,
                "elf: couldn't find symbol table in {}, stripped object file?",
                self.path
            );
            return Err(Errno::ENOENT);
        };
        if table.data.is_none() {
            return Err(libbpf::FORMAT);
        }
        if tables.next().is_some() {
            warning!(self.w, "elf: multiple symbol tables in {}", self.path);
            return Err(libbpf::FORMAT);
        }
        self.elf.use_symtab(index);
        Ok(())
    }

    /// Sorts the sections out; returns those of BTF and BTF.ext.
    fn collect_sections(&mut self) -> Result<BtfSections<'a>, Broken> {
        let malformed = Rule::ObjectFormat.with(libbpf::FORMAT);
        let (mut btf, mut ext) = (None, None);
        for index in 1..self.elf.sections.len() {
            let Some(section) = self.elf.sections.get(index).cloned() else {
                continue;
            };
            let name = section.name.as_deref().ok_or(malformed)?;
            if is_ignored(&section, name) {
                continue;
            }
            let data = section.data.ok_or(malformed)?;
            match name {
                "license" if data.is_empty() => {
                    warning!(self.w, "invalid license section in {}", self.path);
                    return Err(malformed);
                }
                "license" => self.license = license(data),
                "version" => self.version = self.kernel_version(data).by(Rule::ObjectFormat)?,
                name if self.lenient && (name == "maps" || name.starts_with("maps/")) => {
                    self.struct_sections.push(index);
                }
                "maps" => {
                    warning!(
                        self.w,
                        "elf: legacy map definitions in 'maps' section are not supported by libbpf v1.0+"
                    );
                    return Err(Rule::MapDefinition.with(Errno::EOPNOTSUPP));
                }
                MAPS_SEC => self.maps_section = Some(index),
                ".BTF" | ".BTF.ext" if section.ty != elf::SHT_PROGBITS => return Err(malformed),
                ".BTF" => btf = Some(data),
                ".BTF.ext" => ext = Some(data),
                _ => self
                    .collect_section(index, &section, name)
                    .by(Rule::ObjectFormat)?,
            }
        }
        let last = self.elf.sections.len().saturating_sub(1);
        if self.elf.strtab == 0 || self.elf.strtab > last {
            warning!(
                self.w,
                "elf: symbol strings section missing or invalid in {}",
                self.path
            );
            return Err(malformed);
        }
        Ok((btf, ext))
    }

    fn collect_section(&mut self, index: usize, section: &Section<'a>, name: &str) -> Result<(), Errno> {
        let kind = match section.ty {
            elf::SHT_PROGBITS if section.size > 0 => self.collect_data(index, section, name)?,
            elf::SHT_REL => self.collect_relocs(section, name)?,
            elf::SHT_NOBITS if name == ".bss" || name.starts_with(".bss.") => SecKind::Bss,
            _ => SecKind::Unused,
        };
        if let Some(slot) = self.kinds.get_mut(index) {
            *slot = kind;
        }
        Ok(())
    }

    fn collect_data(&mut self, index: usize, section: &Section<'a>, name: &str) -> Result<SecKind, Errno> {
        if section.flags & elf::SHF_EXECINSTR != 0 {
            if name == ".text" {
                self.text = Some(index);
            }
            self.budget.charge(section.size)?;
            self.code
                .insert(index, insn::decode(section.data.unwrap_or_default()));
            let before = self.programs.len();
            program::collect(
                &self.elf,
                index,
                self.text,
                self.lenient,
                &mut self.programs,
                self.w,
            )?;
            // Programs may overlap, too.
            let found = self.programs.get(before..).unwrap_or_default();
            let insns: usize = found.iter().map(program::Program::len).sum();
            self.budget
                .charge((insns as u64).saturating_mul(insn::INSN_SIZE))?;
            return Ok(SecKind::Unused);
        }
        if name == ".data" || name.starts_with(".data.") {
            return Ok(SecKind::Data);
        }
        if name == ".rodata" || name.starts_with(".rodata.") {
            return Ok(SecKind::Rodata);
        }
        // aya knows nothing of struct_ops.
        if struct_ops::SECTIONS.contains(&name) && !self.is_aya {
            self.has_struct_ops = true;
            return Ok(SecKind::StructOps);
        }
        if name == ARENA_SEC {
            self.arena_section = Some(index);
        }
        Ok(SecKind::Unused)
    }

    fn collect_relocs(&self, section: &Section<'_>, name: &str) -> Result<SecKind, Errno> {
        let target = self.elf.sections.get(section.info as usize);
        let (Some(target), elf::REL_SIZE) = (target, section.entsize) else {
            return Err(libbpf::FORMAT);
        };
        // Of data sections only the relocations of maps matter.
        let of_maps = name.strip_prefix(".rel");
        let of_maps =
            of_maps.is_some_and(|n| n == MAPS_SEC || struct_ops::SECTIONS.contains(&n) && !self.is_aya);
        let of_code = target.flags & elf::SHF_EXECINSTR != 0;
        Ok(if of_code || of_maps {
            SecKind::Relocs
        } else {
            SecKind::Unused
        })
    }

    fn kernel_version(&mut self, data: &[u8]) -> Result<u32, Errno> {
        <[u8; 4]>::try_from(data).map(u32::from_le_bytes).map_err(|_| {
            warning!(self.w, "invalid kver section in {}", self.path);
            libbpf::FORMAT
        })
    }

    fn init_btf(&mut self, btf: Option<&[u8]>, ext: Option<&[u8]>) -> Result<(), Errno> {
        let mut outcome = Err(Errno::ENOENT);
        if let Some(data) = btf {
            outcome = Btf::parse(data.to_vec()).map_err(|e| Errno(e.errno));
            if let Err(e) = &outcome {
                warning!(self.w, "Error loading ELF section .BTF: -{}.", e.0);
            }
        }
        let mut failure = outcome.as_ref().err().copied();
        self.btf = outcome.ok().map(Arc::new);
        if let (Some(data), Some(_)) = (ext, &self.btf) {
            match BtfExt::parse(data) {
                Ok(ext) => self.ext = Some(ext),
                Err(e) => {
                    let n = e.errno;
                    warning!(
                        self.w,
                        "Error loading ELF section .BTF.ext: -{n}. Ignored and continue."
                    );
                    failure = Some(Errno(n));
                }
            }
        }
        match failure {
            // No externs are known yet when libbpf asks this.
            Some(e) if self.maps_section.is_some() || self.has_struct_ops => {
                warning!(self.w, "BTF is required, but is missing or corrupted.");
                Err(e)
            }
            _ => Ok(()),
        }
    }

    /// Reads externs and completes the BTF.
    fn fix_btf(&mut self) -> Result<(), Broken> {
        let Some(btf) = self.btf.clone() else {
            if !self.is_aya {
                self.externs = externs::collect(&self.elf, None, None, self.w).by(Rule::UnresolvedExtern)?;
            }
            return Ok(());
        };
        let mut edit = Builder::from_btf(&btf);
        let found = match self.is_aya {
            true => externs::collect_declared(&self.elf, &btf, &mut edit, self.w),
            false => externs::collect(&self.elf, Some(&btf), Some(&mut edit), self.w),
        };
        self.externs = found.by(Rule::UnresolvedExtern)?;
        datasec::fixup(&self.elf, &btf, &mut edit).by(Rule::ObjectBtf)?;
        let built = edit.build().map_err(|e| Errno(e.errno)).by(Rule::ObjectBtf)?;
        self.btf = Some(Arc::new(built));
        Ok(())
    }

    fn init_maps(&mut self) -> Result<(), Errno> {
        self.init_defined_maps()?;
        map_defs::read_structs(&self.elf, &self.struct_sections, &mut self.maps, self.w)?;
        self.init_data_maps()?;
        if self.externs.kconfig_size > 0 {
            self.kconfig_map = Some(self.maps.len());
            let (size, symtab) = (u64::from(self.externs.kconfig_size), self.elf.symtab);
            let kind = Internal::Kconfig;
            let types = self
                .btf
                .as_deref()
                .map(|btf| DataType::of(btf, [KCONFIG_SEC].into_iter()));
            let ty = types.and_then(|types| types.get(KCONFIG_SEC).copied());
            let map = Map::for_data(&self.name, kind, KCONFIG_SEC, symtab, size, &[], ty, self.w)?;
            self.maps.push(map);
        }
        let Some(btf) = self.btf.clone() else {
            return Ok(());
        };
        for (index, kind) in self.kinds.iter().enumerate() {
            if let (SecKind::StructOps, Some(section)) = (kind, self.elf.sections.get(index)) {
                self.budget.charge(section.size)?;
                let with = (&mut self.budget, &mut *self.w);
                struct_ops::read_maps(&btf, section, index, &mut self.maps, with)?;
            }
        }
        Ok(())
    }

    fn init_defined_maps(&mut self) -> Result<(), Errno> {
        let (Some(index), Some(btf)) = (self.maps_section, self.btf.clone()) else {
            return Ok(());
        };
        let Some(section) = self.elf.sections.get(index) else {
            return Ok(());
        };
        let Some(datasec) = map_defs::datasec(&btf) else {
            warning!(self.w, "DATASEC '{MAPS_SEC}' not found.");
            return Err(Errno::ENOENT);
        };
        let mut reader = map_defs::Reader::new(&btf, self.is_aya);
        for (i, info) in datasec.vars().enumerate() {
            let map = reader.read_map(info, i, (index, section.size), self.w)?;
            self.maps.push(map);
        }
        self.init_arena()
    }

    /// There may be one arena, and it has to be large enough for the variables in it.
    fn init_arena(&mut self) -> Result<(), Errno> {
        let data = self.arena_section.and_then(|i| self.elf.sections.get(i));
        for (i, map) in self
            .maps
            .iter()
            .enumerate()
            .filter(|(_, m)| m.def.is(MapType::Arena))
        {
            if let Some(other) = self.arena_map.and_then(|i| self.maps.get(i)) {
                let (a, b) = (&map.name, &other.name);
                warning!(
                    self.w,
                    "map '{a}': only single ARENA map is supported (map '{b}' is also ARENA)"
                );
                return Err(Errno::EINVAL);
            }
            self.arena_map = Some(i);
            let room = u64::from(PAGE_SIZE) * u64::from(map.def.max_entries);
            let size = data.map_or(0, |d| d.size);
            if size.next_multiple_of(u64::from(PAGE_SIZE)) > room {
                warning!(
                    self.w,
                    "elf: sec '{ARENA_SEC}': declared ARENA map size ({room}) is too small to hold global __arena variables of size {size}"
                );
                return Err(Errno::E2BIG);
            }
        }
        if data.is_some() && self.arena_map.is_none() {
            warning!(
                self.w,
                "elf: sec '{ARENA_SEC}': to use global __arena variables the ARENA map should be explicitly declared in SEC(\".maps\")"
            );
            return Err(Errno::ENOENT);
        }
        Ok(())
    }

    fn init_data_maps(&mut self) -> Result<(), Errno> {
        let is_data = |kind: &SecKind| matches!(kind, SecKind::Data | SecKind::Rodata | SecKind::Bss);
        let data = self.kinds.iter().zip(&self.elf.sections);
        let names = data.filter_map(|(kind, section)| section.name.as_deref().filter(|_| is_data(kind)));
        let types = self.btf.as_deref().map(|btf| DataType::of(btf, names));
        let types = types.unwrap_or_default();
        for (index, kind) in self.kinds.iter().enumerate() {
            let Some(section) = self.elf.sections.get(index) else {
                continue;
            };
            let kind = match kind {
                SecKind::Data => Internal::Data,
                SecKind::Rodata => Internal::Rodata,
                SecKind::Bss => Internal::Bss,
                SecKind::Unused | SecKind::Relocs | SecKind::StructOps => continue,
            };
            if section.size == 0 {
                continue;
            }
            let name = section.name.as_deref().unwrap_or_default();
            let (size, data) = (section.size, section.data.unwrap_or_default());
            self.budget.charge(data.len() as u64)?;
            let ty = types.get(name).copied();
            let map = Map::for_data(&self.name, kind, name, index, size, data, ty, self.w)?;
            self.maps.push(map);
        }
        Ok(())
    }

    /// Some libraries refuse objects with programs of which they know nothing.
    fn check_sections(&mut self) -> Result<(), Broken> {
        if !self.is_aya {
            return Ok(());
        }
        let text = self.text;
        let mut own = self.programs.iter().filter(|prog| Some(prog.section) != text);
        let unknown = own.find_map(|prog| {
            let name = self.elf.section_name(prog.section).unwrap_or_default();
            (!aya::knows_section(name)).then(|| name.to_owned())
        });
        let refused = match unknown {
            Some(name) => Some((Rule::SectionName, aya::unknown_section(&name))),
            None => aya::refused_section(&self.elf, &self.struct_sections, self.btf.as_deref()),
        };
        self.refuse(refused)
    }

    /// aya looks for the functions of all calls when it opens an object.
    fn check_calls(&mut self) -> Result<(), Broken> {
        if !self.is_aya {
            return Ok(());
        }
        let code = &self.code;
        let insns = |prog: &program::Program| {
            let all = code.get(&prog.section).map(Vec::as_slice);
            all.and_then(|all| all.get(prog.range.clone()))
        };
        let lost = self.programs.iter().find_map(|prog| {
            let at = aya::lost_call(prog, insns(prog).unwrap_or_default())?;
            Some((
                Rule::Relocation,
                aya::no_function(&prog.name, prog.range.start + at),
            ))
        });
        self.refuse(lost)
    }

    /// Gives up in the words of the library.
    fn refuse(&mut self, why: Option<(Rule, String)>) -> Result<(), Broken> {
        let Some((rule, words)) = why else {
            return Ok(());
        };
        self.w.say(words);
        Err(rule.with(Errno(0)))
    }

    fn init_programs(&mut self) {
        for prog in &mut self.programs {
            prog.def = SecDef::find(&prog.section_name);
            if self.lenient {
                prog.def = prog.def.or_else(|| SecDef::find_start(&prog.section_name));
            }
            if let Some(def) = prog.def {
                prog.prog_type = def.prog_type.raw();
                prog.attach_type = def.attach_type();
            }
        }
    }

    /// Puts the object together, with everything that does not depend on the program that is loaded.
    fn finish(mut self, kernel: &Kernel, manner: &Manner) -> Object {
        let ext = self.ext.take();
        let info = ExtInfo::new(ext.as_ref(), self.btf.as_deref(), &self.elf, &mut self.programs);
        for prog in &mut self.programs {
            prog.sort_relocs();
        }
        let text = self.text;
        let entries = self
            .programs
            .iter()
            .enumerate()
            .filter(|(_, p)| Some(p.section) != text);
        let entries: Vec<usize> = entries.map(|(i, _)| i).collect();
        let probes = Probes::of(kernel);
        let exceptions = Exceptions::new(self.btf.as_deref().filter(|_| probes.decl_tag));
        let load_btf = self.btf.as_ref().map(|btf| {
            let hidden = tags::hide_functions(btf, &self.programs, text);
            sanitize::sanitize(hidden, &probes)
        });
        match manner {
            Manner::Aya => aya::adjust(&mut self.maps, kernel.machine.nr_cpus),
            Manner::Veristat | Manner::Cilium => {
                veristat::adjust(&mut self.programs, &entries, &mut self.maps, self.btf.as_deref());
            }
            Manner::Whole => {}
            Manner::Test { .. } => self.maps.iter_mut().for_each(|map| map.autocreate = true),
        }
        let resolved = resolve::resolve(kernel, &self);
        Object {
            path: self.path.to_owned(),
            license: self.license,
            version: self.version,
            nr_cpus: kernel.machine.nr_cpus,
            memlock: kernel.memlock(),
            page_size: kernel.machine.page_size,
            probes,
            text,
            code: self.code,
            programs: self.programs,
            entries,
            maps: self.maps,
            externs: self.externs.list,
            kconfig_map: self.kconfig_map,
            has_struct_ops: self.has_struct_ops,
            btf: self.btf,
            load_btf,
            info,
            exceptions,
            shared: Shared::default(),
            numbers: OnceLock::new(),
            changes: 0,
            core_btf: manner.core_btf().unwrap_or(&kernel.btf).clone(),
            kernel_btf: kernel.btf.clone(),
            resolved,
            is_aya: self.is_aya,
            cilium: None,
        }
    }
}

/// Sections that libbpf does not look at.
fn is_ignored(section: &Section<'_>, name: &str) -> bool {
    let of_dwarf = |name: &str| name.starts_with(".debug_");
    if matches!(section.ty, elf::SHT_STRTAB | elf::SHT_LLVM_ADDRSIG) || of_dwarf(name) {
        return true;
    }
    if section.ty == elf::SHT_PROGBITS && section.size == 0 && name == ".text" {
        return true;
    }
    let relocated = name.strip_prefix(".rel");
    relocated.is_some_and(|n| of_dwarf(n) || n == ".BTF" || n == ".BTF.ext")
}

/// The licence up to its NUL.
fn license(data: &[u8]) -> String {
    let text = data.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text.get(..MAX_LICENSE).unwrap_or(text)).into_owned()
}
