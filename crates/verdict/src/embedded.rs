//! BPF objects inside other files: skeletons and byte strings in binaries of any language (C, Go, Rust with its
//! section `.bpf.objs`), members of archives. A file is searched as it lies, in pieces: what kind of file it is
//! does not matter, and large ones do not take memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom};

use memchr::memmem::Finder;
use sha2::{Digest, Sha256};

/// Bytes of an ELF header.
pub(crate) const HEADER: usize = 64;

/// How a 64-bit ELF file of low byte order begins.
const MAGIC: &[u8] = b"\x7fELF\x02\x01";
/// How an archive begins.
pub(crate) const ARCHIVE: &[u8] = b"!<arch>\n";
const EM_BPF: u16 = 247;
const SHT_SYMTAB: u32 = 2;
const SHT_NOBITS: u32 = 8;
const SHF_EXECINSTR: u64 = 4;
const STT_FUNC: u8 = 2;
const STT_FILE: u8 = 4;

/// Bytes that are searched at a time.
const PIECE: usize = 1 << 20;
/// Most objects that are taken out of one file.
const MAX_PARTS: usize = 4096;
/// Most bytes of an object that are read to find its name.
const MAX_TABLE: u64 = 8 << 20;
/// Longest name.
const MAX_NAME: usize = 64;
/// Longest string that is looked at: many may share the bytes of a file.
const MAX_STRING: usize = 4096;
/// Most functions of an object that are looked at to tell it from others.
const MAX_FUNCTIONS: usize = 256;

/// An object within a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it begins.
    pub(crate) offset: u64,
    /// Its bytes.
    pub(crate) len: u64,
    /// What it is called, and nothing else in the file.
    pub(crate) name: String,
}

/// Whether a file that begins so is itself a BPF object, of either byte order.
pub(crate) fn is_object(head: &[u8]) -> bool {
    let machine = |read: fn([u8; 2]) -> u16| bytes(head, 18).map(read) == Some(EM_BPF);
    head.starts_with(MAGIC) && machine(u16::from_le_bytes)
        || head.starts_with(b"\x7fELF\x02\x02") && machine(u16::from_be_bytes)
}

/// Whether a file that begins so is of a kind that objects are usually in.
pub(crate) fn may_contain(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF") || head.starts_with(ARCHIVE)
}

/// Finds the objects in a file, in their order. An object ends where its section table or its last section
/// does; what lies within it is not searched.
pub(crate) fn find(file: &mut (impl Read + Seek)) -> io::Result<Vec<Part>> {
    let size = file.seek(SeekFrom::End(0))?;
    let members: BTreeMap<_, _> = members(file, size)?.into_iter().rev().collect();
    let finder = Finder::new(MAGIC);
    let mut candidates = Vec::new();
    let (mut at, mut piece) = (0, Vec::new());
    while at < size && candidates.len() < MAX_PARTS {
        read(file, at, PIECE as u64, &mut piece)?;
        // Headers across the end of the piece are seen whole in the next one.
        let is_last = at + piece.len() as u64 >= size;
        let seen = if is_last {
            piece.len()
        } else {
            piece.len().saturating_sub(HEADER - 1)
        };
        // Where the search goes on; objects within the piece are passed without reading it again.
        let mut from = 0;
        while from < seen && candidates.len() < MAX_PARTS {
            let rest = piece.get(from..).unwrap_or_default();
            let Some(found) = finder.find(rest).map(|found| from + found) else {
                break;
            };
            from = found + 1;
            let offset = at + found as u64;
            let header = piece.get(found..).filter(|_| found < seen).unwrap_or_default();
            if let Some(len) = object_len(file, header, offset, size)? {
                let member = members.get(&offset).map(String::as_str);
                candidates.push(called(file, member, (offset, len))?);
                from = usize::try_from(len).map_or(usize::MAX, |len| found.saturating_add(len));
            }
        }
        at = at.saturating_add(from.max(seen).max(1) as u64);
    }
    told_apart(file, candidates)
}

/// The length of the object that begins with this header at an offset, if it is one.
fn object_len(
    file: &mut (impl Read + Seek),
    header: &[u8],
    offset: u64,
    size: u64,
) -> io::Result<Option<u64>> {
    // A table of all the sections that a header can count is smaller.
    let fits = |table: &Table| (1..=MAX_TABLE).contains(&table.len);
    let Some(table) = section_table(header).filter(fits) else {
        return Ok(None);
    };
    let room = size - offset;
    let Some(mut end) = table.start.checked_add(table.len).filter(|end| *end <= room) else {
        return Ok(None);
    };
    let mut sections = Vec::new();
    read(file, offset + table.start, table.len, &mut sections)?;
    for section in sections.chunks_exact(table.entry.max(HEADER)) {
        if u32_at(section, 4) == Some(SHT_NOBITS) {
            continue;
        }
        let last = u64_at(section, 24).zip(u64_at(section, 32));
        let last = last.and_then(|(start, len)| start.checked_add(len));
        end = end.max(last.filter(|last| *last <= room).unwrap_or(0));
    }
    Ok(Some(end.max(HEADER as u64)))
}

/// Where an object's section table lies.
struct Table {
    start: u64,
    len: u64,
    entry: usize,
}

fn section_table(header: &[u8]) -> Option<Table> {
    if header.len() < HEADER || !is_object(header) {
        return None;
    }
    let (entry, count) = (u16_at(header, 58)?, u16_at(header, 60)?);
    Some(Table {
        start: u64_at(header, 40)?,
        len: u64::from(entry) * u64::from(count),
        entry: entry.into(),
    })
}

/// What an object within a file is called where no other one there is called the same: as an archive calls it, or as
/// what is in it says.
fn called(file: &mut (impl Read + Seek), member: Option<&str>, part: Range) -> io::Result<Candidate> {
    let mut object = Vec::new();
    read(file, part.0, part.1.min(MAX_TABLE), &mut object)?;
    let view = View::of(&object);
    let own = || view.as_ref().and_then(View::name);
    let stem = member
        .map(|name| name.strip_suffix(".o").unwrap_or(name).to_owned())
        .or_else(own);
    Ok(Candidate {
        part,
        dotted: member.is_none_or(|name| name.ends_with(".o")),
        stem,
        functions: view.as_ref().map(View::functions).unwrap_or_default(),
    })
}

/// What an object is called by what is in it: as [`find`] calls the only one in a file.
pub(crate) fn name_of(object: &[u8]) -> String {
    match View::of(object).and_then(|view| view.name()) {
        Some(stem) => format!("{stem}.o"),
        None => format!("{}.o", digest(object)),
    }
}

/// An offset and a length.
type Range = (u64, u64);

/// An object, and what it could be called.
struct Candidate {
    part: Range,
    /// Without the `.o` at its end.
    stem: Option<String>,
    /// Whether it had one.
    dotted: bool,
    functions: Vec<String>,
}

/// Gives each object a name of its own, which lasts as long as what it is made from: the same contents are one object;
/// others of one name are told apart by a function that only one of them has, or else by their contents.
fn told_apart(file: &mut (impl Read + Seek), candidates: Vec<Candidate>) -> io::Result<Vec<Part>> {
    let mut groups: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        groups.entry(candidate.stem.clone()).or_default().push(at);
    }
    let (mut names, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for (stem, group) in &groups {
        let group: Vec<_> = group
            .iter()
            .filter_map(|at| Some((*at, candidates.get(*at)?)))
            .collect();
        for (at, mut name) in names_of_group(file, stem.as_deref(), &group)? {
            while !taken.insert(name.clone()) {
                name.push('+'); // what a hostile file calls so
            }
            let dotted = candidates.get(at).is_some_and(|candidate| candidate.dotted);
            names.insert(at, if dotted { format!("{name}.o") } else { name });
        }
    }
    let part = |(at, name): (usize, String)| {
        let (offset, len) = candidates.get(at)?.part;
        Some(Part { offset, len, name })
    };
    Ok(names.into_iter().filter_map(part).collect())
}

/// Names for objects of one stem, by their numbers.
fn names_of_group(
    file: &mut (impl Read + Seek),
    stem: Option<&str>,
    group: &[(usize, &Candidate)],
) -> io::Result<Vec<(usize, String)>> {
    if let (Some(stem), [(at, _)]) = (stem, group) {
        return Ok(vec![(*at, stem.to_owned())]);
    }
    let contents = different(file, group)?;
    let mut count: BTreeMap<&String, usize> = BTreeMap::new();
    for function in contents.iter().flat_map(|(_, one, _)| &one.functions) {
        *count.entry(function).or_default() += 1;
    }
    let own = |one: &Candidate| {
        let mut own = one.functions.iter().filter(|name| count.get(name) == Some(&1));
        own.next().cloned()
    };
    let without = contents.iter().filter(|(_, one, _)| own(one).is_none()).count();
    let name = |(at, one, digest): &(usize, &Candidate, String)| {
        let name = match (stem, own(one)) {
            (None, _) => digest.clone(),
            (Some(stem), _) if contents.len() == 1 => stem.to_owned(),
            (Some(stem), Some(function)) => format!("{stem}~{function}"),
            (Some(stem), None) if without == 1 => stem.to_owned(),
            (Some(stem), None) => format!("{stem}~{digest}"),
        };
        (*at, name)
    };
    Ok(contents.iter().map(name).collect())
}

/// Of objects of one stem the first of each contents, with what tells these apart.
fn different<'c>(
    file: &mut (impl Read + Seek),
    group: &[(usize, &'c Candidate)],
) -> io::Result<Vec<(usize, &'c Candidate, String)>> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let mut object = Vec::new();
    for (at, candidate) in group {
        read(file, candidate.part.0, candidate.part.1, &mut object)?;
        let digest = digest(&object);
        if seen.insert(digest.clone()) {
            all.push((*at, *candidate, digest));
        }
    }
    Ok(all)
}

/// Few digits that stand for the contents.
fn digest(object: &[u8]) -> String {
    let hash = Sha256::digest(object);
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Sections and symbols of an object.
struct View<'o> {
    object: &'o [u8],
    sections: Vec<&'o [u8]>,
    /// Where the sections' names are.
    names: u16,
}

impl<'o> View<'o> {
    fn of(object: &'o [u8]) -> Option<View<'o>> {
        let table = section_table(object)?;
        let (start, len) = (
            usize::try_from(table.start).ok()?,
            usize::try_from(table.len).ok()?,
        );
        let sections = object.get(start..start.checked_add(len)?)?;
        Some(View {
            object,
            sections: sections.chunks_exact(table.entry.max(HEADER)).collect(),
            names: u16_at(object, 62)?,
        })
    }

    fn contents(&self, section: &[u8]) -> Option<&'o [u8]> {
        let start = usize::try_from(u64_at(section, 24)?).ok()?;
        let len = usize::try_from(u64_at(section, 32)?).ok()?;
        self.object.get(start..start.checked_add(len)?)
    }

    fn section_name(&self, section: &[u8]) -> Option<&'o [u8]> {
        let names = self.contents(self.sections.get(usize::from(self.names))?)?;
        string(names, u32_at(section, 0)?)
    }

    fn section(&self, name: &str) -> Option<&'o [u8]> {
        let mut found = self
            .sections
            .iter()
            .filter(|section| self.section_name(section) == Some(name.as_bytes()));
        self.contents(found.next()?)
    }

    /// What it is called, without the `.o` at its end: by the source that its symbols name, or its lines, or else by its
    /// first section of programs. Names are for the command line: anything unusual in them is replaced.
    fn name(&self) -> Option<String> {
        let source = self.symbols(STT_FILE).next();
        let stem = source.or_else(|| self.source_of_lines()).map(stem);
        stem.filter(|stem| !stem.is_empty())
            .or_else(|| self.programs().next().map(plain))
            .filter(|name| !name.is_empty())
    }

    /// The names of the symbols of a kind.
    fn symbols(&self, wanted: u8) -> impl Iterator<Item = &'o [u8]> {
        let table = self
            .sections
            .iter()
            .find(|section| u32_at(section, 4) == Some(SHT_SYMTAB));
        let symbols = table.and_then(|table| self.contents(table)).unwrap_or_default();
        let strings = table
            .and_then(|table| self.sections.get(u32_at(table, 40)? as usize))
            .and_then(|strings| self.contents(strings))
            .unwrap_or_default();
        let is_wanted = move |symbol: &&[u8]| symbol.get(4).is_some_and(|info| info & 0xf == wanted);
        let named = symbols.chunks_exact(24).filter(is_wanted);
        named.filter_map(|symbol| string(strings, u32_at(symbol, 0)?))
    }

    /// The functions' names.
    fn functions(&self) -> Vec<String> {
        let functions = self.symbols(STT_FUNC).take(MAX_FUNCTIONS);
        functions.map(plain).collect()
    }

    /// The names of the sections that have instructions, but for that of other functions.
    fn programs(&self) -> impl Iterator<Item = &'o [u8]> {
        let is_code = |section: &&&[u8]| {
            let flags = u64_at(section, 8).unwrap_or(0);
            flags & SHF_EXECINSTR != 0 && u64_at(section, 32) != Some(0)
        };
        let names = self
            .sections
            .iter()
            .filter(is_code)
            .filter_map(|section| self.section_name(section));
        names.filter(|name| *name != b".text" && !name.is_empty())
    }

    /// The source file of the first line that BTF has of one that is no header.
    fn source_of_lines(&self) -> Option<&'o [u8]> {
        let (btf, ext) = (self.section(".BTF")?, self.section(".BTF.ext")?);
        let part = |section: &'o [u8], at: usize| {
            let head = u32_at(section, 4)?;
            let start = head.checked_add(u32_at(section, at)?)?;
            section
                .get(start as usize..)?
                .get(..u32_at(section, at + 4)? as usize)
        };
        let (strings, lines) = (part(btf, 16)?, part(ext, 16)?);
        let size = u32_at(lines, 0)?.max(16) as usize;
        let records = lines
            .get(12..)?
            .chunks_exact(size)
            .take(u32_at(lines, 8)? as usize);
        let mut files = records.filter_map(|record| string(strings, u32_at(record, 4)?));
        files.find(|file| !file.ends_with(b".h") && !file.is_empty())
    }
}

/// What a source is called without directories, and without what compilers add: `x.bpf` for `src/x.bpf.c`, `x` for
/// `x.4d1f-cgu.0`.
fn stem(source: &[u8]) -> String {
    let base = source.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let base = plain(base.strip_suffix(b".c").unwrap_or(base));
    match base.find("-cgu.").and_then(|cgu| base.get(..cgu)?.rfind('.')) {
        Some(crate_end) => base.get(..crate_end).unwrap_or_default().to_owned(),
        None => base,
    }
}

/// A name with which a shell does nothing.
fn plain(name: &[u8]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let name = String::from_utf8_lossy(name.get(..name.len().min(MAX_NAME)).unwrap_or_default());
    name.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

/// A string of a table; of one that is longer than any path as much as a path may have.
fn string(table: &[u8], at: u32) -> Option<&[u8]> {
    let rest = table.get(at as usize..)?;
    let rest = rest.get(..MAX_STRING).unwrap_or(rest);
    let end = memchr::memchr(0, rest);
    rest.get(..end.unwrap_or(rest.len()))
}

/// The members of an archive: where each begins, and its name. Nothing for other files.
fn members(file: &mut (impl Read + Seek), size: u64) -> io::Result<Vec<(u64, String)>> {
    let mut head = Vec::new();
    read(file, 0, ARCHIVE.len() as u64, &mut head)?;
    let (mut members, mut long_names) = (Vec::new(), Vec::new());
    if head != ARCHIVE {
        return Ok(members);
    }
    let mut at = ARCHIVE.len() as u64;
    while at < size && members.len() < MAX_PARTS {
        read(file, at, 60, &mut head)?;
        let field = |range: std::ops::Range<usize>| head.get(range).and_then(|f| std::str::from_utf8(f).ok());
        let (Some(name), Some(Ok(len))) = (field(0..16), field(48..58).map(|len| len.trim().parse::<u64>()))
        else {
            break;
        };
        let name = name.trim_end().to_owned();
        let mut start = at + 60;
        let Some(next) = start
            .checked_add(len)
            .and_then(|end| end.checked_next_multiple_of(2))
        else {
            break;
        };
        if name == "//" {
            read(file, start, len.min(MAX_TABLE), &mut long_names)?;
        } else if let Some(Ok(len)) = name.strip_prefix("#1/").map(str::parse::<u16>) {
            let mut long = Vec::new();
            read(file, start, len.into(), &mut long)?;
            start += u64::from(len);
            members.push((start, member_name(&long)));
        } else if let Some(Ok(offset)) = name.strip_prefix('/').map(str::parse::<usize>) {
            let long = long_names.get(offset..).unwrap_or_default();
            let long = long.split(|byte| *byte == b'\n').next().unwrap_or_default();
            members.push((start, member_name(long)));
        } else {
            members.push((start, member_name(name.as_bytes())));
        }
        at = next;
    }
    Ok(members)
}

/// A member's name without padding and the mark at its end.
fn member_name(name: &[u8]) -> String {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end().trim_end_matches('/');
    name.chars()
        .take(MAX_NAME)
        .map(|c| {
            if verdict_report::is_unprintable(c) || matches!(c, '/' | ':') {
                '_'
            } else {
                c
            }
        })
        .collect()
}

/// Replaces `into` by at most `len` bytes from an offset on.
fn read(file: &mut (impl Read + Seek), offset: u64, len: u64, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    file.seek(SeekFrom::Start(offset))?;
    file.take(len).read_to_end(into)?;
    Ok(())
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..)?.first_chunk().copied()
}

fn u16_at(from: &[u8], at: usize) -> Option<u16> {
    bytes(from, at).map(u16::from_le_bytes)
}

fn u32_at(from: &[u8], at: usize) -> Option<u32> {
    bytes(from, at).map(u32::from_le_bytes)
}

fn u64_at(from: &[u8], at: usize) -> Option<u64> {
    bytes(from, at).map(u64::from_le_bytes)
}
