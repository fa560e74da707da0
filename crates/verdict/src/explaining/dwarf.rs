//! Local variables and inlined functions from an object's DWARF.

use std::borrow::Cow;
use std::collections::HashMap;

use gimli::{
    AttributeValue, DebuggingInformationEntry, Dwarf, EndianSlice, LittleEndian, Operation, Unit, UnitOffset,
};
use object::read::elf::{ElfFile64, SectionHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, elf};
use verdict_explain::{FunctionLocals, Inlined, Locals, Variable};

/// Most bytes of a section that are looked at.
const MAX_SECTION: usize = 64 << 20;
/// Most bytes of abbreviations: they are read again for each unit.
const MAX_ABBREV: usize = 1 << 20;
/// How much is done at most: relocations, entries, ranges; letters of names, bytes of abbreviations and attributes, some
/// of them together.
const MAX_WORK: usize = 1 << 21;
/// The longest name that is kept.
const MAX_NAME: usize = 256;
/// How deep entries may be nested.
const MAX_DEPTH: usize = 256;
/// `R_BPF_64_ABS64` and `R_BPF_64_ABS32`: a symbol's value is added to a number of 8 or 4 bytes.
const ABS64: u32 = 2;
const ABS32: u32 = 3;
/// Bytes of an instruction.
const INSN: u64 = 8;
/// Sections that are executed are put so far apart, each of which begins at 0 in the object.
const APART: u32 = 40;

type Slice<'d> = EndianSlice<'d, LittleEndian>;

/// What the DWARF of an object says of its functions; nothing where it has none, or none that can be read.
pub(super) fn locals(bytes: &[u8]) -> Option<Locals> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    file.section_by_name(".debug_info")?;
    let mut sections: HashMap<&'static str, Vec<u8>> = HashMap::new();
    let mut work = MAX_WORK;
    for id in [
        gimli::SectionId::DebugAbbrev,
        gimli::SectionId::DebugAddr,
        gimli::SectionId::DebugInfo,
        gimli::SectionId::DebugLine,
        gimli::SectionId::DebugLoc,
        gimli::SectionId::DebugLocLists,
        gimli::SectionId::DebugRanges,
        gimli::SectionId::DebugRngLists,
        gimli::SectionId::DebugStr,
        gimli::SectionId::DebugStrOffsets,
        gimli::SectionId::DebugLineStr,
    ] {
        let bytes = section(&file, id.name(), &mut work).unwrap_or_default();
        sections.insert(id.name(), bytes);
    }
    let borrow = |id: gimli::SectionId| -> Result<Slice<'_>, gimli::Error> {
        let bytes = sections.get(id.name()).map(Vec::as_slice).unwrap_or_default();
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf = Dwarf::load(borrow).ok()?;
    let mut reader = Reader {
        found: Locals::default(),
        work,
    };
    let abbreviations = sections.get(gimli::SectionId::DebugAbbrev.name());
    let abbreviations = abbreviations.map_or(0, Vec::len);
    if abbreviations > MAX_ABBREV {
        return None;
    }
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        reader.charge(1 + abbreviations / 64);
        if reader.work == 0 {
            break;
        }
        let Ok(unit) = dwarf.unit(header) else { continue };
        // What cannot be read ends a unit.
        let _ = reader.unit(&dwarf, &unit);
    }
    Some(reader.found)
}

/// The bytes of a section, relocated.
fn section(file: &ElfFile64<'_, Endianness>, name: &str, work: &mut usize) -> Option<Vec<u8>> {
    let section = file.section_by_name(name)?;
    let data = section.uncompressed_data().unwrap_or(Cow::Borrowed(&[]));
    if data.len() > MAX_SECTION {
        return None;
    }
    let mut data = data.into_owned();
    let endian = file.endian();
    let table = file.elf_section_table();
    for header in table.iter() {
        if header.sh_type(endian) != elf::SHT_REL || header.sh_info(endian) != section.index().0 as u32 {
            continue;
        }
        let Ok(Some((rels, _))) = header.rel(endian, file.data()) else {
            continue;
        };
        for rel in rels {
            *work = work.checked_sub(1)?;
            let symbol = rel.r_sym(endian);
            let value = file
                .symbol_by_index(object::SymbolIndex(symbol as usize))
                .ok()
                .map_or(0, |symbol| {
                    let executed = symbol
                        .section_index()
                        .and_then(|index| file.section_by_index(index).ok())
                        .filter(|section| section.kind() == object::SectionKind::Text);
                    let base = executed.map_or(0, |section| (section.index().0 as u64) << APART);
                    symbol.address().wrapping_add(base)
                });
            let Ok(at) = usize::try_from(rel.r_offset.get(endian)) else {
                continue;
            };
            match rel.r_type(endian).0 {
                ABS64 => add::<8>(&mut data, at, value),
                ABS32 => add::<4>(&mut data, at, value),
                _ => {}
            }
        }
    }
    Some(data)
}

/// Adds to a number of so many bytes.
fn add<const N: usize>(data: &mut [u8], at: usize, value: u64) {
    let Some(bytes) = at.checked_add(N).and_then(|end| data.get_mut(at..end)) else {
        return;
    };
    let mut whole = [0; 8];
    for (to, from) in whole.iter_mut().zip(bytes.iter()) {
        *to = *from;
    }
    let sum = u64::from_le_bytes(whole).wrapping_add(value).to_le_bytes();
    for (to, from) in bytes.iter_mut().zip(sum) {
        *to = from;
    }
}

struct Reader {
    found: Locals,
    /// How much more is done.
    work: usize,
}

type Entry<'u, 'd> = DebuggingInformationEntry<'u, 'u, Slice<'d>>;

impl Reader {
    fn charge(&mut self, work: usize) {
        self.work = self.work.saturating_sub(work);
    }

    fn unit<'d>(&mut self, dwarf: &Dwarf<Slice<'d>>, unit: &Unit<Slice<'d>>) -> Result<(), gimli::Error> {
        let mut entries = unit.entries();
        let mut depth = 0isize;
        // The function that is being read, with its depth and where it begins.
        let mut function: Option<(isize, u64, FunctionLocals)> = None;
        while let Some((delta, entry)) = entries.next_dfs()? {
            depth = depth.saturating_add(delta);
            let attributes = unit.abbreviations.get(entry.code());
            let attributes = attributes.map_or(0, |abbreviation| abbreviation.attributes().len());
            self.charge(1 + attributes / 16);
            if self.work == 0 || depth > MAX_DEPTH as isize {
                break;
            }
            if let Some((at, _, done)) = function.take_if(|(at, ..)| depth <= *at) {
                let _ = at;
                self.found.functions.push(done);
            }
            match entry.tag() {
                gimli::DW_TAG_subprogram => {
                    let ranges = ranges(dwarf, unit, entry, &mut self.work);
                    let name = name(dwarf, unit, entry, (4, &mut self.work));
                    if let (Some((from, to)), Some(name)) = (ranges.first().copied(), name) {
                        let insns = to.saturating_sub(from) / INSN;
                        let locals = FunctionLocals {
                            name,
                            insns: u32::try_from(insns).unwrap_or(0),
                            ..FunctionLocals::default()
                        };
                        function = Some((depth, from, locals));
                    }
                }
                gimli::DW_TAG_inlined_subroutine => {
                    let Some((_, start, of)) = &mut function else {
                        continue;
                    };
                    let Some(name) = name(dwarf, unit, entry, (4, &mut self.work)) else {
                        continue;
                    };
                    let line = match entry.attr_value(gimli::DW_AT_call_line)? {
                        Some(value) => value.udata_value().and_then(|line| u32::try_from(line).ok()),
                        None => None,
                    };
                    for (from, to) in ranges(dwarf, unit, entry, &mut self.work) {
                        if self.work == 0 {
                            break;
                        }
                        if let (Some(from), Some(to)) = (insn(from, *start), insn(to, *start)) {
                            self.work = self.work.saturating_sub(name.len() / 16);
                            of.inlined.push(Inlined {
                                name: name.clone(),
                                line: line.unwrap_or(0),
                                from,
                                to,
                            });
                        }
                    }
                }
                gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                    let Some((_, start, of)) = &mut function else {
                        continue;
                    };
                    let Some(name) = name(dwarf, unit, entry, (4, &mut self.work)) else {
                        continue;
                    };
                    for (from, to, reg) in registers(dwarf, unit, entry, &mut self.work) {
                        if self.work == 0 {
                            break;
                        }
                        let (Some(from), Some(to)) = (insn(from, *start), insn(to, *start)) else {
                            continue;
                        };
                        self.work = self.work.saturating_sub(name.len() / 16);
                        of.variables.push(Variable {
                            name: name.clone(),
                            reg,
                            from,
                            to,
                        });
                    }
                }
                _ => {}
            }
        }
        self.found.functions.extend(function.map(|(.., done)| done));
        Ok(())
    }
}

/// An address as the number of an instruction of a function.
fn insn(address: u64, start: u64) -> Option<u32> {
    u32::try_from(address.checked_sub(start)? / INSN).ok()
}

/// The name of an entry, or of the one that it stands for.
fn name<'d>(
    dwarf: &Dwarf<Slice<'d>>,
    unit: &Unit<Slice<'d>>,
    entry: &Entry<'_, 'd>,
    (hops, work): (usize, &mut usize),
) -> Option<String> {
    if let Some(value) = entry.attr_value(gimli::DW_AT_name).ok()? {
        let text = dwarf.attr_string(unit, value).ok()?;
        *work = work.saturating_sub(text.len() / 64);
        if text.len() > MAX_NAME {
            return None;
        }
        return Some(text.to_string_lossy().into_owned()).filter(|text| !text.is_empty());
    }
    let origin = entry
        .attr_value(gimli::DW_AT_abstract_origin)
        .ok()?
        .or(entry.attr_value(gimli::DW_AT_specification).ok()?)?;
    let AttributeValue::UnitRef(UnitOffset(at)) = origin else {
        return None;
    };
    let hops = hops.checked_sub(1)?;
    name(dwarf, unit, &unit.entry(UnitOffset(at)).ok()?, (hops, work))
}

/// The addresses that an entry is about.
fn ranges<'d>(
    dwarf: &Dwarf<Slice<'d>>,
    unit: &Unit<Slice<'d>>,
    entry: &Entry<'_, 'd>,
    work: &mut usize,
) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let Ok(mut ranges) = dwarf.die_ranges(unit, entry) else {
        return found;
    };
    while let Ok(Some(range)) = ranges.next() {
        *work = work.saturating_sub(1);
        if *work == 0 {
            break;
        }
        if range.begin < range.end {
            found.push((range.begin, range.end));
        }
    }
    found
}

/// Where a variable is in a register: from which address to which, and which one.
fn registers<'d>(
    dwarf: &Dwarf<Slice<'d>>,
    unit: &Unit<Slice<'d>>,
    entry: &Entry<'_, 'd>,
    work: &mut usize,
) -> Vec<(u64, u64, u8)> {
    let mut found = Vec::new();
    let Ok(Some(location)) = entry.attr_value(gimli::DW_AT_location) else {
        return found;
    };
    let Ok(Some(mut locations)) = dwarf.attr_locations(unit, location) else {
        return found;
    };
    while let Ok(Some(entry)) = locations.next() {
        *work = work.saturating_sub(1);
        if *work == 0 {
            break;
        }
        if let Some(reg) = register(unit, entry.data) {
            found.push((entry.range.begin, entry.range.end, reg));
        }
    }
    found
}

/// The register that an expression says a value is in.
fn register<'d>(unit: &Unit<Slice<'d>>, expression: gimli::Expression<Slice<'d>>) -> Option<u8> {
    let mut operations = expression.operations(unit.encoding());
    let register = match operations.next().ok()?? {
        Operation::Register { register } => register,
        // The value is what the register holds.
        Operation::RegisterOffset {
            register, offset: 0, ..
        } => {
            let whole = matches!(operations.next().ok()?, Some(Operation::StackValue));
            whole.then_some(register)?
        }
        _ => return None,
    };
    let ends = operations.next().ok()?.is_none();
    u8::try_from(register.0).ok().filter(|reg| ends && *reg <= 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Vec<u8> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../corpus/reports/k10-inlined-local/bad.o"
        );
        std::fs::read(path).unwrap()
    }

    #[test]
    fn variables_in_registers_and_inlined_functions() {
        let locals = locals(&object()).unwrap();
        let [lookup] = locals.functions.as_slice() else {
            panic!("{locals:?}");
        };
        assert_eq!((lookup.name.as_str(), lookup.insns), ("lookup", 9));
        // As `llvm-dwarfdump --debug-info` shows them.
        let variables: Vec<_> = lookup
            .variables
            .iter()
            .map(|variable| (variable.name.as_str(), variable.reg, variable.from, variable.to))
            .collect();
        assert_eq!(
            variables,
            [
                ("skb", 1, 0, 2),
                ("first", 2, 2, 6),
                ("second", 1, 2, 3),
                ("slot", 1, 4, 9)
            ]
        );
        let inlined: Vec<_> = lookup
            .inlined
            .iter()
            .map(|inlined| (inlined.name.as_str(), inlined.line))
            .collect();
        assert!(inlined.iter().all(|inlined| *inlined == ("entry", 16)) && !inlined.is_empty());
    }

    #[test]
    fn damaged_dwarf_is_taken() {
        let whole = object();
        for at in (0..whole.len()).step_by(7) {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = locals(&damaged);
            }
        }
        for length in (0..whole.len()).step_by(61) {
            let _ = locals(&whole[..length]);
        }
    }
}
