//! Objects that are being written: sections, symbols, relocations, whatever they claim.

pub(super) const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
pub(super) const SHT_NOBITS: u32 = 8;
const SHT_REL: u32 = 9;
const EM_BPF: u16 = 247;
const EHDR_SIZE: u64 = 64;
const SHDR_SIZE: u16 = 64;
pub(super) const WRITE: u64 = 1;
pub(super) const ALLOC: u64 = 2;
pub(super) const EXEC: u64 = 4;

const GLOBAL: u8 = 1 << 4;
/// What makes a global symbol a weak one.
pub(super) const WEAK: u8 = 3 << 4;
pub(super) const NOTYPE: u8 = 0;
pub(super) const OBJECT: u8 = 1;
pub(super) const FUNC: u8 = 2;

pub(super) const R_BPF_64_64: u64 = 1;
pub(super) const R_BPF_64_32: u64 = 10;

/// A section that is being written.
pub(super) struct Section {
    name: String,
    ty: u32,
    flags: u64,
    pub(super) data: Vec<u8>,
    /// The size that its header claims.
    pub(super) size: u64,
    link: u32,
    pub(super) info: u32,
    entry: u64,
    /// The section before it whose bytes are its own, too.
    pub(super) same_as: Option<usize>,
    /// Where in the long name its name begins.
    pub(super) named_from: Option<usize>,
}

/// An object that is being written: sections and global symbols.
pub(super) struct Elf {
    sections: Vec<Section>,
    symbols: Vec<u8>,
    names: Vec<u8>,
    /// A name of which those of many sections and symbols are the end.
    long_name: Vec<u8>,
}

impl Elf {
    pub(super) fn new() -> Elf {
        Elf::with_long_name("")
    }

    pub(super) fn with_long_name(name: &str) -> Elf {
        let mut elf = Elf {
            sections: Vec::new(),
            symbols: vec![0; 24],
            names: [b"\0", name.as_bytes(), b"\0"].concat(),
            long_name: name.as_bytes().to_vec(),
        };
        elf.section("license", SHT_PROGBITS, WRITE | ALLOC, b"GPL\0".to_vec());
        elf
    }

    /// Adds a section; gives its number.
    pub(super) fn section(&mut self, name: &str, ty: u32, flags: u64, data: Vec<u8>) -> usize {
        let size = data.len() as u64;
        self.sections.push(Section {
            name: name.to_owned(),
            ty,
            flags,
            data,
            size,
            link: 0,
            info: 0,
            entry: 0,
            same_as: None,
            named_from: None,
        });
        self.sections.len()
    }

    pub(super) fn code(&mut self, name: &str, data: Vec<u8>) -> usize {
        self.section(name, SHT_PROGBITS, ALLOC | EXEC, data)
    }

    /// Adds data; gives its section's number.
    pub(super) fn data(&mut self, name: &str, data: Vec<u8>) -> usize {
        self.section(name, SHT_PROGBITS, WRITE | ALLOC, data)
    }

    /// A section by its number.
    pub(super) fn of(&mut self, section: usize) -> &mut Section {
        &mut self.sections[section - 1]
    }

    /// Has a section be another one's bytes.
    pub(super) fn share(&mut self, section: usize, of: usize) {
        let size = self.of(of).size;
        let section = self.of(section);
        (section.same_as, section.size) = (Some(of), size);
    }

    /// Adds a global symbol; gives its number.
    pub(super) fn symbol(&mut self, name: &str, ty: u8, section: usize, value: usize, size: usize) -> u64 {
        let at = self.names.len();
        self.names.extend(name.bytes().chain([0]));
        self.symbol_named(at, GLOBAL ^ ty, section, (value, size))
    }

    /// The same, whose name is the end of the long one.
    pub(super) fn long_symbol(&mut self, from: usize, ty: u8, section: usize, place: (usize, usize)) -> u64 {
        self.symbol_named(1 + from, GLOBAL ^ ty, section, place)
    }

    fn symbol_named(&mut self, at: usize, info: u8, section: usize, (value, size): (usize, usize)) -> u64 {
        let number = self.symbols.len() / 24;
        self.symbols.extend((at as u32).to_le_bytes());
        self.symbols.extend([info, 0]);
        self.symbols.extend((section as u16).to_le_bytes());
        self.symbols.extend((value as u64).to_le_bytes());
        self.symbols.extend((size as u64).to_le_bytes());
        number as u64
    }

    /// Adds the relocations of a section: offset, symbol and kind of each.
    pub(super) fn relocations(&mut self, section: usize, all: impl IntoIterator<Item = (usize, u64, u64)>) {
        let mut data = Vec::new();
        for (offset, symbol, kind) in all {
            data.extend((offset as u64).to_le_bytes());
            data.extend((symbol << 32 | kind).to_le_bytes());
        }
        let name = format!(".rel{}", self.of(section).name);
        let added = self.section(&name, SHT_REL, 0, data);
        let added = self.of(added);
        (added.info, added.entry) = (section as u32, 16);
    }

    /// The object's bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let symbols = std::mem::take(&mut self.symbols);
        let symtab = self.section(".symtab", SHT_SYMTAB, 0, symbols);
        let names = std::mem::take(&mut self.names);
        let strtab = self.section(".strtab", SHT_STRTAB, 0, names);
        let table = self.of(symtab);
        (table.link, table.info, table.entry) = (strtab as u32, 1, 24);
        let mut names = [b"\0", self.long_name.as_slice(), b"\0"].concat();
        let mut offsets = Vec::new();
        for section in &self.sections {
            offsets.push(section.named_from.map_or(names.len(), |from| 1 + from) as u32);
            if section.named_from.is_none() {
                names.extend(section.name.bytes().chain([0]));
            }
        }
        let shstrtab = self.section("", SHT_STRTAB, 0, names);
        offsets.push(0);
        let (mut body, mut headers) = (Vec::new(), vec![0; usize::from(SHDR_SIZE)]);
        let mut places = Vec::new();
        for (section, name) in self.sections.iter().zip(offsets) {
            body.resize(body.len().next_multiple_of(8), 0);
            let place = section.same_as.map_or(body.len(), |of| places[of - 1]);
            places.push(place);
            headers.extend(name.to_le_bytes());
            headers.extend(section.ty.to_le_bytes());
            for word in [section.flags, 0, EHDR_SIZE + place as u64, section.size] {
                headers.extend(word.to_le_bytes());
            }
            headers.extend(section.link.to_le_bytes());
            headers.extend(section.info.to_le_bytes());
            headers.extend(8u64.to_le_bytes());
            headers.extend(section.entry.to_le_bytes());
            body.extend(&section.data);
        }
        body.resize(body.len().next_multiple_of(8), 0);
        let mut file = header(
            EHDR_SIZE + body.len() as u64,
            self.sections.len() as u16 + 1,
            shstrtab as u16,
        );
        file.extend(body);
        file.extend(headers);
        file
    }
}

/// The header of an object whose table of sections begins at an offset.
pub(super) fn header(table: u64, count: u16, names: u16) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend(1u16.to_le_bytes());
    file.extend(EM_BPF.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for word in [0, 0, table] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [EHDR_SIZE as u16, 0, 0, SHDR_SIZE, count, names] {
        file.extend(half.to_le_bytes());
    }
    file
}
