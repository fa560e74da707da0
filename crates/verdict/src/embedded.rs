//! BPF objects inside other files: skeletons and byte strings in binaries of any language (C, Go, Rust with its
//! section `.bpf.objs`), members of archives. A file is searched as it lies, in pieces: what kind of file it is
//! does not matter, and large ones do not take memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use memchr::memmem::Finder;

/// Bytes of an ELF header.
pub(crate) const HEADER: usize = 64;

/// How a 64-bit ELF file of low byte order begins.
const MAGIC: &[u8] = b"\x7fELF\x02\x01";
const ARCHIVE: &[u8] = b"!<arch>\n";
const EM_BPF: u16 = 247;
const SHT_SYMTAB: u32 = 2;
const SHT_NOBITS: u32 = 8;
const STT_FILE: u8 = 4;

/// Bytes that are searched at a time.
const PIECE: usize = 1 << 20;
/// Most objects that are taken out of one file.
const MAX_PARTS: usize = 4096;
/// Most bytes of an object that are read to find its name.
const MAX_TABLE: u64 = 8 << 20;
/// Longest name.
const MAX_NAME: usize = 64;

/// An object within a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it begins.
    pub(crate) offset: u64,
    /// Its bytes.
    pub(crate) len: u64,
    /// What it is called: the archive's name for it, or that of its source.
    pub(crate) name: Option<String>,
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
pub(crate) fn find(file: &mut File) -> io::Result<Vec<Part>> {
    let size = file.seek(SeekFrom::End(0))?;
    let members = members(file, size)?;
    let finder = Finder::new(MAGIC);
    let mut parts: Vec<Part> = Vec::new();
    let (mut at, mut piece) = (0, Vec::new());
    while at < size && parts.len() < MAX_PARTS {
        read(file, at, PIECE as u64, &mut piece)?;
        // Headers across the end of the piece are seen whole in the next one.
        let is_last = at + piece.len() as u64 >= size;
        let seen = if is_last {
            piece.len()
        } else {
            piece.len().saturating_sub(HEADER - 1)
        };
        let mut next = at + seen.max(1) as u64;
        for found in finder.find_iter(&piece).take_while(|found| *found < seen) {
            let offset = at + found as u64;
            let header = piece.get(found..).unwrap_or_default();
            let Some(len) = object_len(file, header, offset, size)? else {
                continue;
            };
            let member = members.iter().find(|(start, _)| *start == offset);
            let name = match member {
                Some((_, name)) => Some(name.clone()),
                None => source_name(file, offset, len)?,
            };
            parts.push(Part { offset, len, name });
            next = offset + len;
            break;
        }
        at = next;
    }
    Ok(parts)
}

/// The length of the object that begins with this header at an offset, if it is one.
fn object_len(file: &mut File, header: &[u8], offset: u64, size: u64) -> io::Result<Option<u64>> {
    let Some(table) = section_table(header).filter(|table| table.len > 0) else {
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

/// What an object was compiled from, as an object: `x.bpf.o` for `x.bpf.c`. Names are for the command line:
/// anything unusual in them is replaced.
fn source_name(file: &mut File, offset: u64, len: u64) -> io::Result<Option<String>> {
    let mut object = Vec::new();
    read(file, offset, len.min(MAX_TABLE), &mut object)?;
    Ok(first_file_symbol(&object).and_then(|name| {
        let name = String::from_utf8_lossy(name);
        let base = name.rsplit('/').next().unwrap_or_default();
        let stem = base.strip_suffix(".c").unwrap_or(base);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let stem: String = stem
            .chars()
            .take(MAX_NAME)
            .map(|c| if plain(c) { c } else { '_' })
            .collect();
        (!stem.is_empty()).then(|| format!("{stem}.o"))
    }))
}

fn first_file_symbol(object: &[u8]) -> Option<&[u8]> {
    let table = section_table(object)?;
    let (start, len) = (
        usize::try_from(table.start).ok()?,
        usize::try_from(table.len).ok()?,
    );
    let sections = object.get(start..start.checked_add(len)?)?;
    let section = |n: usize| sections.get(n.checked_mul(table.entry)?..);
    let contents = |section: &[u8]| {
        let start = usize::try_from(u64_at(section, 24)?).ok()?;
        let len = usize::try_from(u64_at(section, 32)?).ok()?;
        object.get(start..start.checked_add(len)?)
    };
    let symbols = sections
        .chunks_exact(table.entry.max(HEADER))
        .find(|section| u32_at(section, 4) == Some(SHT_SYMTAB))?;
    let strings = contents(section(u32_at(symbols, 40)? as usize)?)?;
    let file = contents(symbols)?
        .chunks_exact(24)
        .find(|symbol| symbol.get(4).is_some_and(|info| info & 0xf == STT_FILE))?;
    let name = strings.get(u32_at(file, 0)? as usize..)?;
    name.split(|byte| *byte == 0).next()
}

/// The members of an archive: where each begins, and its name. Nothing for other files.
fn members(file: &mut File, size: u64) -> io::Result<Vec<(u64, String)>> {
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
        .map(|c| if c.is_control() || c == '/' { '_' } else { c })
        .collect()
}

/// Replaces `into` by at most `len` bytes from an offset on.
fn read(file: &mut File, offset: u64, len: u64, into: &mut Vec<u8>) -> io::Result<()> {
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
