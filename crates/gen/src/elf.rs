//! As much of ELF as libbpf wants to see.

const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_REL: u32 = 9;
const EM_BPF: u16 = 247;
const EHDR_SIZE: u64 = 64;
const SHDR_SIZE: u16 = 64;
const SYM_SIZE: u64 = 24;
const REL_SIZE: u64 = 16;

/// What a symbol names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SymKind {
    Object = 1,
    Func = 2,
    Section = 3,
    /// Undefined: the loader looks it up.
    Extern = 0,
}

pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) kind: SymKind,
    pub(crate) global: bool,
    /// The section's number, 0 for what is undefined.
    pub(crate) section: usize,
    pub(crate) value: u64,
    pub(crate) size: u64,
}

/// How a reference is resolved.
#[derive(Clone, Copy)]
pub(crate) enum RelKind {
    /// `R_BPF_64_64`, of an `ld_imm64`.
    Wide = 1,
    /// `R_BPF_64_32`, of a call.
    Call = 10,
}

struct Rel {
    offset: u64,
    symbol: usize,
    kind: RelKind,
}

struct Section {
    name: String,
    /// `SHF_*`.
    flags: u64,
    data: Vec<u8>,
    rels: Vec<Rel>,
}

pub(crate) const WRITE: u64 = 1;
pub(crate) const ALLOC: u64 = 2;
pub(crate) const EXEC: u64 = 4;

/// A relocatable object that is being written.
#[derive(Default)]
pub(crate) struct Elf {
    sections: Vec<Section>,
    symbols: Vec<Symbol>,
}

impl Elf {
    /// Adds a section; gives its number.
    pub(crate) fn section(&mut self, name: &str, flags: u64, data: Vec<u8>) -> usize {
        self.sections.push(Section {
            name: name.to_owned(),
            flags,
            data,
            rels: Vec::new(),
        });
        self.sections.len()
    }

    /// Adds a symbol; gives what [`Elf::relocate`] knows it by.
    pub(crate) fn symbol(&mut self, symbol: Symbol) -> usize {
        self.symbols.push(symbol);
        self.symbols.len() - 1
    }

    /// Has the place `offset` of a section refer to a symbol.
    pub(crate) fn relocate(&mut self, section: usize, offset: u64, symbol: usize, kind: RelKind) {
        self.sections[section - 1].rels.push(Rel { offset, symbol, kind });
    }

    /// The object's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let (symtab, numbers, locals, names) = self.symtab();
        let symtab_index = self.sections.len() as u32 + 1;
        let mut image = Image::default();
        for section in &self.sections {
            image.add(
                &section.name,
                SHT_PROGBITS,
                section.flags,
                &section.data,
                [0; 2],
                0,
            );
        }
        image.add(
            ".symtab",
            SHT_SYMTAB,
            0,
            &symtab,
            [symtab_index + 1, locals],
            SYM_SIZE,
        );
        image.add(".strtab", SHT_STRTAB, 0, &names.0, [0; 2], 0);
        for (index, section) in (1..).zip(&self.sections).filter(|(_, s)| !s.rels.is_empty()) {
            let mut data = Vec::new();
            for rel in &section.rels {
                data.extend(rel.offset.to_le_bytes());
                data.extend((numbers[rel.symbol] << 32 | rel.kind as u64).to_le_bytes());
            }
            let name = format!(".rel{}", section.name);
            image.add(&name, SHT_REL, 0, &data, [symtab_index, index], REL_SIZE);
        }
        image.finish()
    }

    /// The table, each symbol's number in it, how many come before the first global one, and the names.
    fn symtab(&self) -> (Vec<u8>, Vec<u64>, u32, Names) {
        let mut names = Names::default();
        let mut table = vec![0; SYM_SIZE as usize];
        let mut numbers = vec![0; self.symbols.len()];
        let mut locals = 1;
        for global in [false, true] {
            for (at, symbol) in self
                .symbols
                .iter()
                .enumerate()
                .filter(|(_, s)| s.global == global)
            {
                numbers[at] = table.len() as u64 / SYM_SIZE;
                locals += u32::from(!global);
                table.extend(names.add(&symbol.name).to_le_bytes());
                table.extend([u8::from(global) << 4 | symbol.kind as u8, 0]);
                table.extend((symbol.section as u16).to_le_bytes());
                table.extend(symbol.value.to_le_bytes());
                table.extend(symbol.size.to_le_bytes());
            }
        }
        (table, numbers, locals, names)
    }
}

/// A table of strings, each ended by a NUL.
struct Names(Vec<u8>);

impl Default for Names {
    fn default() -> Names {
        Names(vec![0])
    }
}

impl Names {
    fn add(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = self.0.len() as u32;
        self.0.extend(name.bytes().chain([0]));
        at
    }
}

/// Contents and headers of sections.
#[derive(Default)]
struct Image {
    body: Vec<u8>,
    headers: Vec<u8>,
    count: u16,
    names: Names,
}

impl Image {
    fn add(&mut self, name: &str, kind: u32, flags: u64, data: &[u8], [link, info]: [u32; 2], entry: u64) {
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        self.headers.extend(self.names.add(name).to_le_bytes());
        self.headers.extend(kind.to_le_bytes());
        let offset = EHDR_SIZE + self.body.len() as u64;
        for word in [flags, 0, offset, data.len() as u64] {
            self.headers.extend(word.to_le_bytes());
        }
        self.headers.extend(link.to_le_bytes());
        self.headers.extend(info.to_le_bytes());
        self.headers.extend(8u64.to_le_bytes());
        self.headers.extend(entry.to_le_bytes());
        self.body.extend(data);
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        // The names of sections hold their own section's name, too.
        let mut names = Names(self.names.0.clone());
        names.add(".shstrtab");
        self.add(".shstrtab", SHT_STRTAB, 0, &names.0, [0; 2], 0);
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for half in [1, EM_BPF] {
            out.extend(half.to_le_bytes());
        }
        out.extend(1u32.to_le_bytes());
        for word in [0, 0, EHDR_SIZE + self.body.len() as u64] {
            out.extend(word.to_le_bytes());
        }
        out.extend(0u32.to_le_bytes());
        let sections = self.count + 1;
        for half in [EHDR_SIZE as u16, 0, 0, SHDR_SIZE, sections, sections - 1] {
            out.extend(half.to_le_bytes());
        }
        out.extend(&self.body);
        out.extend([0; SHDR_SIZE as usize]);
        out.extend(&self.headers);
        out
    }
}
