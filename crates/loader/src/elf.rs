//! The ELF file: sections, symbols and relocations, as far as libbpf looks at them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::CStr;

use object::elf::{FileHeader64, Rel64, SectionHeader64, Sym64};
use object::read::ReadRef;
use object::read::elf::{FileHeader, SectionHeader};
use object::{LittleEndian as LE, pod};
use verdict_btf::Btf;
use verdict_kernel::errno::Errno;

use crate::error::{Warnings, libbpf, warning};

pub(crate) const SHT_PROGBITS: u32 = 1;
pub(crate) const SHT_SYMTAB: u32 = 2;
pub(crate) const SHT_STRTAB: u32 = 3;
pub(crate) const SHT_NOBITS: u32 = 8;
pub(crate) const SHT_REL: u32 = 9;
pub(crate) const SHT_LLVM_ADDRSIG: u32 = 0x6fff_4c03;
pub(crate) const SHF_EXECINSTR: u64 = 4;
pub(crate) const SHN_LORESERVE: u16 = 0xff00;
/// Bytes of a symbol table entry.
pub(crate) const SYM_SIZE: u64 = 24;
/// Bytes of a relocation entry without addend.
pub(crate) const REL_SIZE: u64 = 16;

const ET_REL: u16 = 1;
const EM_NONE: u16 = 0;
const EM_BPF: u16 = 247;
const STB_LOCAL: u8 = 0;
const STB_GLOBAL: u8 = 1;
const STB_WEAK: u8 = 2;
const STT_NOTYPE: u8 = 0;
const STT_OBJECT: u8 = 1;
const STT_FUNC: u8 = 2;
const STT_SECTION: u8 = 3;
const STV_INTERNAL: u8 = 1;
const STV_HIDDEN: u8 = 2;

/// A section.
#[derive(Clone, Debug)]
pub(crate) struct Section<'a> {
    /// Its name; `None` when the file has no valid string there.
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) ty: u32,
    pub(crate) flags: u64,
    /// Size in memory.
    pub(crate) size: u64,
    pub(crate) link: u32,
    pub(crate) info: u32,
    pub(crate) entsize: u64,
    /// Alignment in memory.
    pub(crate) align: u64,
    /// Its bytes: empty for `SHT_NOBITS`, `None` when they are not in the file.
    pub(crate) data: Option<&'a [u8]>,
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    /// Offset of the name in the symbols' string table.
    pub(crate) name: u32,
    info: u8,
    other: u8,
    /// Section it is in.
    pub(crate) shndx: u16,
    pub(crate) value: u64,
    pub(crate) size: u64,
}

impl Symbol {
    fn bind(&self) -> u8 {
        self.info >> 4
    }

    fn ty(&self) -> u8 {
        self.info & 0xf
    }

    pub(crate) fn is_local(&self) -> bool {
        self.bind() == STB_LOCAL
    }

    pub(crate) fn is_weak(&self) -> bool {
        self.bind() == STB_WEAK
    }

    /// Bound globally, and not weakly.
    pub(crate) fn is_strong(&self) -> bool {
        self.bind() == STB_GLOBAL
    }

    /// Of no type, as older compilers leave symbols.
    pub(crate) fn is_notype(&self) -> bool {
        self.ty() == STT_NOTYPE
    }

    /// A variable.
    pub(crate) fn is_object(&self) -> bool {
        self.ty() == STT_OBJECT
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> String {
        match self.ty() {
            STT_NOTYPE => "STT_NOTYPE".to_owned(),
            STT_OBJECT => "STT_OBJECT".to_owned(),
            STT_FUNC => "STT_FUNC".to_owned(),
            STT_SECTION => "STT_SECTION".to_owned(),
            other => other.to_string(),
        }
    }

    /// The name of its binding.
    pub(crate) fn binding_name(&self) -> String {
        match self.bind() {
            STB_LOCAL => "STB_LOCAL".to_owned(),
            STB_GLOBAL => "STB_GLOBAL".to_owned(),
            STB_WEAK => "STB_WEAK".to_owned(),
            other => other.to_string(),
        }
    }

    fn is_global(&self) -> bool {
        matches!(self.bind(), STB_GLOBAL | STB_WEAK)
    }

    pub(crate) fn is_func(&self) -> bool {
        self.ty() == STT_FUNC
    }

    pub(crate) fn is_section(&self) -> bool {
        self.ty() == STT_SECTION
    }

    /// A global variable.
    pub(crate) fn is_global_object(&self) -> bool {
        self.ty() == STT_OBJECT && self.is_global()
    }

    /// Visible only within the object it was linked into.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.other & 3, STV_HIDDEN | STV_INTERNAL)
    }

    /// Declared here, defined elsewhere.
    pub(crate) fn is_extern(&self) -> bool {
        self.shndx == 0 && self.is_global() && self.ty() == STT_NOTYPE
    }

    /// A function of `.text`, or that section as static functions are referred to.
    pub(crate) fn is_subprog(&self, text: Option<usize>) -> bool {
        if usize::from(self.shndx) != text.unwrap_or(0) {
            return false;
        }
        self.is_local() && self.is_section() || self.is_global() && self.is_func()
    }
}

/// A relocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rel {
    pub(crate) offset: u64,
    /// Index of the symbol.
    pub(crate) sym: usize,
}

/// The parsed file.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    /// All sections; number 0 is none.
    pub(crate) sections: Vec<Section<'a>>,
    pub(crate) symbols: Vec<Symbol>,
    /// Section of the symbols; 0 when there is none.
    pub(crate) symtab: usize,
    /// Section of the symbols' names.
    pub(crate) strtab: usize,
    strings: &'a [u8],
    /// The first section of each name, up to the first that has no valid name.
    by_name: HashMap<Cow<'a, str>, usize>,
    /// Section and number of each function symbol, sorted.
    functions: Vec<(u16, usize)>,
}

impl<'a> Elf<'a> {
    /// Parses the tables of a file.
    pub(crate) fn parse(path: &str, bytes: &'a [u8], warnings: &mut Warnings) -> Result<Self, Errno> {
        check_ident(path, bytes, warnings)?;
        let header = FileHeader64::<LE>::parse(bytes).map_err(|e| {
            warning!(warnings, "elf: failed to get ELF header from {path}: {e}");
            libbpf::FORMAT
        })?;
        let headers = header.section_headers(LE, bytes).map_err(|e| {
            warning!(warnings, "elf: failed to open {path} as ELF file: {e}");
            libbpf::LIBELF
        })?;
        let names = header.shstrndx(LE, bytes).map_err(|e| {
            warning!(
                warnings,
                "elf: failed to get section names section index for {path}: {e}"
            );
            libbpf::FORMAT
        })?;
        let Some(names) = headers.get(names as usize).and_then(|h| section_data(h, bytes)) else {
            warning!(
                warnings,
                "elf: failed to get section names strings from {path}: invalid section index"
            );
            return Err(libbpf::FORMAT);
        };
        let machine = header.e_machine(LE).0;
        if header.e_type(LE).0 != ET_REL || !matches!(machine, EM_NONE | EM_BPF) {
            warning!(warnings, "elf: {path} is not a valid eBPF object file");
            return Err(libbpf::FORMAT);
        }
        let sections: Vec<_> = headers.iter().map(|h| section(h, names, bytes)).collect();
        let by_name = index_names(&sections);
        Ok(Elf {
            sections,
            symbols: Vec::new(),
            symtab: 0,
            strtab: 0,
            strings: &[],
            by_name,
            functions: Vec::new(),
        })
    }

    /// Takes section `index` as the symbol table.
    pub(crate) fn use_symtab(&mut self, index: usize) {
        let Some(section) = self.sections.get(index) else {
            return;
        };
        let table: &[Sym64<LE>] = records(section.data.unwrap_or_default());
        let symbols = table.iter().map(|s| Symbol {
            name: s.st_name.get(LE),
            info: s.st_info.0,
            other: s.st_other.0,
            shndx: s.st_shndx.get(LE).0,
            value: s.st_value.get(LE),
            size: s.st_size.get(LE),
        });
        self.symbols = symbols.collect();
        let functions = self.symbols.iter().enumerate().filter(|(_, s)| s.is_func());
        self.functions = functions.map(|(i, s)| (s.shndx, i)).collect();
        self.functions.sort_unstable();
        self.symtab = index;
        self.strtab = section.link as usize;
        self.strings = match self.sections.get(self.strtab) {
            Some(s) if s.ty == SHT_STRTAB => s.data.unwrap_or_default(),
            _ => &[],
        };
    }

    /// The section's name.
    pub(crate) fn section_name(&self, index: usize) -> Option<&str> {
        self.sections.get(index)?.name.as_deref()
    }

    /// The first section of that name.
    pub(crate) fn section_by_name(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The function symbols of a section, in the table's order.
    pub(crate) fn functions(&self, section: usize) -> impl Iterator<Item = &Symbol> {
        let start = self.functions.partition_point(|(s, _)| usize::from(*s) < section);
        let rest = self.functions.get(start..).unwrap_or_default().iter();
        rest.take_while(move |(s, _)| usize::from(*s) == section)
            .filter_map(|(_, i)| self.symbols.get(*i))
    }

    /// The symbol's name.
    pub(crate) fn symbol_name(&self, symbol: &Symbol) -> Option<Cow<'a, str>> {
        string(self.strings, symbol.name).map(String::from_utf8_lossy)
    }

    /// The symbol's name, unless it is no text.
    pub(crate) fn symbol_str(&self, symbol: &Symbol) -> Option<&'a str> {
        std::str::from_utf8(string(self.strings, symbol.name)?).ok()
    }

    /// Relocations of a relocation section.
    pub(crate) fn relocations(section: &Section<'a>) -> impl ExactSizeIterator<Item = Rel> + use<'a> {
        let table: &[Rel64<LE>] = records(section.data.unwrap_or_default());
        table.iter().map(|r| Rel {
            offset: r.r_offset.get(LE),
            sym: usize::try_from(r.r_info.get(LE) >> 32).unwrap_or(usize::MAX),
        })
    }
}

fn index_names<'a>(sections: &[Section<'a>]) -> HashMap<Cow<'a, str>, usize> {
    let mut by_name = HashMap::new();
    // libbpf's search ends at a section whose name it cannot read.
    let names = sections
        .iter()
        .enumerate()
        .skip(1)
        .map_while(|(i, s)| Some((i, s.name.clone()?)));
    for (i, name) in names {
        by_name.entry(name).or_insert(i);
    }
    by_name
}

/// The whole records at the start of `bytes`.
fn records<T: pod::Pod>(bytes: &[u8]) -> &[T] {
    let count = bytes.len() / size_of::<T>();
    bytes.read_slice_at::<T>(0, count).unwrap_or_default()
}

/// What libelf and libbpf check of the first bytes.
fn check_ident(path: &str, bytes: &[u8], warnings: &mut Warnings) -> Result<(), Errno> {
    let ident = bytes.first_chunk::<16>().copied().unwrap_or_default();
    if !ident.starts_with(b"\x7fELF") {
        warning!(warnings, "elf: '{path}' is not a proper ELF object");
        return Err(libbpf::FORMAT);
    }
    if ident[4] != 2 {
        warning!(warnings, "elf: '{path}' is not a 64-bit ELF object");
        return Err(libbpf::FORMAT);
    }
    if ident[5] == 2 {
        warning!(warnings, "elf: endianness mismatch in {path}.");
        return Err(libbpf::ENDIAN);
    }
    Ok(())
}

fn section<'a>(header: &SectionHeader64<LE>, names: &'a [u8], bytes: &'a [u8]) -> Section<'a> {
    Section {
        name: string(names, header.sh_name(LE)).map(String::from_utf8_lossy),
        ty: header.sh_type(LE).0,
        flags: header.sh_flags(LE).0,
        size: header.sh_size(LE),
        link: header.sh_link(LE),
        info: header.sh_info(LE),
        entsize: header.sh_entsize(LE),
        align: header.sh_addralign(LE),
        data: section_data(header, bytes),
    }
}

fn section_data<'a>(header: &SectionHeader64<LE>, bytes: &'a [u8]) -> Option<&'a [u8]> {
    if header.sh_type(LE).0 == SHT_NOBITS {
        return Some(&[]);
    }
    let start = usize::try_from(header.sh_offset(LE)).ok()?;
    let size = usize::try_from(header.sh_size(LE)).ok()?;
    bytes.get(start..start.checked_add(size)?)
}

/// Longest name that is read: many long ones may share the bytes of a file.
const MAX_NAME: usize = 4096;

/// The NUL-terminated string at an offset of a string table; of an endless one the beginning.
fn string(table: &[u8], offset: u32) -> Option<&[u8]> {
    let rest = table.get(offset as usize..)?;
    let near = rest.get(..MAX_NAME).unwrap_or(rest);
    match CStr::from_bytes_until_nul(near) {
        Ok(string) => Some(string.to_bytes()),
        Err(_) => (rest.len() > near.len() && rest.last() == Some(&0)).then_some(near),
    }
}

/// Bytes that may still be copied out of the file: sections may overlap, many times over.
pub(crate) struct Budget(u64);

impl Budget {
    /// What is copied out of a file of this size.
    pub(crate) fn of(size: usize) -> Budget {
        Budget((size as u64).saturating_mul(4))
    }

    /// Takes `bytes` from what is left.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), Errno> {
        self.0 = self.0.checked_sub(bytes).ok_or(Errno::ENOMEM)?;
        Ok(())
    }
}

/// The BTF in `bytes`, by themselves or as the section of an ELF file.
pub(crate) fn read_btf(bytes: &[u8]) -> Result<Btf, Errno> {
    let parse = |data: &[u8]| Btf::parse(data.to_vec()).map_err(|e| Errno(e.errno));
    if !bytes.starts_with(b"\x7fELF") {
        return parse(bytes);
    }
    let elf = Elf::parse("", bytes, &mut Warnings::default())?;
    let found = elf.sections.iter().find(|s| s.name.as_deref() == Some(".BTF"));
    parse(found.and_then(|s| s.data).ok_or(Errno::ENODATA)?)
}
