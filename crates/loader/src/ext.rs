//! `.BTF.ext` by section and program.

use std::collections::HashMap;

use verdict_btf::Btf;
use verdict_btf::ext::{BtfExt, Info};
use verdict_kernel::attr::{FuncInfo, LineInfo};

use crate::elf::Elf;
use crate::insn::INSN_SIZE;
use crate::program::{self, CoreRecord, Program, Reloc, RelocKind};

/// A record that belongs to an instruction.
pub(crate) trait Record: Copy {
    /// What libbpf calls such records.
    const WHAT: &'static str;
    /// Byte offset in the section, later the instruction's index in the program.
    fn insn_off(&self) -> u32;
    /// The record for another place.
    fn at(self, insn_off: u32) -> Self;
}

impl Record for FuncInfo {
    const WHAT: &'static str = "function";
    fn insn_off(&self) -> u32 {
        self.insn_off
    }
    fn at(self, insn_off: u32) -> Self {
        FuncInfo { insn_off, ..self }
    }
}

impl Record for LineInfo {
    const WHAT: &'static str = "line";
    fn insn_off(&self) -> u32 {
        self.insn_off
    }
    fn at(self, insn_off: u32) -> Self {
        LineInfo { insn_off, ..self }
    }
}

/// Records by ELF section.
#[derive(Debug)]
pub(crate) struct BySection<R>(HashMap<usize, Records<R>>);

impl<R> Default for BySection<R> {
    fn default() -> Self {
        BySection(HashMap::new())
    }
}

/// Records of a section.
#[derive(Debug)]
struct Records<R> {
    all: Vec<R>,
    /// For each, the last instruction of it and of those before it: what is sorted, even where they are not.
    last: Vec<u32>,
}

impl<R: Record> Records<R> {
    fn new(all: Vec<R>) -> Records<R> {
        let insns = all.iter().map(insn_of);
        let last = insns.scan(0, |last, insn| {
            *last = insn.max(*last);
            Some(*last)
        });
        Records {
            last: last.collect(),
            all,
        }
    }
}

/// The instruction of a section that a record belongs to.
fn insn_of<R: Record>(record: &R) -> u32 {
    record.insn_off() / INSN_SIZE as u32
}

impl<R: Record> BySection<R> {
    fn new<S: Copy>(info: &Info<S>, section_of: impl Fn(u32) -> Option<usize>, convert: fn(S) -> R) -> Self {
        let mut by_section = HashMap::new();
        for section in &info.sections {
            if let Some(index) = section_of(section.name_off) {
                by_section.entry(index).or_insert_with(|| {
                    let records = section.records.iter().map(|r| convert(*r));
                    Records::new(records.collect())
                });
            }
        }
        BySection(by_section)
    }

    /// The records of a program whose first instruction becomes number `start` of another. `None` when
    /// there are none.
    ///
    /// They are those from the first that is not before the program to the last of it that comes before any behind it.
    pub(crate) fn of(&self, prog: &Program, start: usize) -> Option<impl Iterator<Item = R> + '_> {
        let records = self.0.get(&prog.section)?;
        let (first, end) = (prog.range.start as u32, prog.range.end as u32);
        let from = records.last.partition_point(|insn| *insn < first);
        let to = records.last.partition_point(|insn| *insn < end);
        let within = records.all.get(from..to)?;
        let last = within.iter().rposition(|r| insn_of(r) >= first)?;
        let shift = (start as u32).wrapping_sub(first);
        let within = within.get(..=last)?.iter();
        Some(within.map(move |r| r.at(insn_of(r).wrapping_add(shift))))
    }
}

/// What `.BTF.ext` says of programs.
#[derive(Debug, Default)]
pub(crate) struct ExtInfo {
    pub(crate) present: bool,
    pub(crate) funcs: BySection<FuncInfo>,
    pub(crate) lines: BySection<LineInfo>,
    /// The first record of CO-RE that makes no sense: it is an error when it is come to.
    pub(crate) bad_core: Option<(usize, usize)>,
}

impl ExtInfo {
    /// Sorts the records out and hands the CO-RE relocations to the programs.
    pub(crate) fn new(
        ext: Option<&BtfExt>,
        btf: Option<&Btf>,
        elf: &Elf<'_>,
        programs: &mut [Program],
    ) -> ExtInfo {
        let (Some(ext), Some(btf)) = (ext, btf) else {
            return ExtInfo::default();
        };
        let section_of = |name_off: u32| match btf.name(name_off) {
            "" => None,
            name => elf.section_by_name(name),
        };
        let func = |r: verdict_btf::ext::FuncInfo| FuncInfo {
            insn_off: r.insn_off,
            type_id: r.type_id,
        };
        let line = |r: verdict_btf::ext::LineInfo| LineInfo {
            insn_off: r.insn_off,
            file_name_off: r.file_name_off,
            line_off: r.line_off,
            line_col: r.line_col,
        };
        let mut bad_core = None;
        for (s, section) in ext.core_relos.sections.iter().enumerate() {
            let index = section_of(section.name_off);
            if btf.name(section.name_off).is_empty() {
                bad_core = bad_core.or(Some((s, 0)));
            }
            for (i, relo) in section.records.iter().enumerate() {
                if u64::from(relo.insn_off) % INSN_SIZE != 0 {
                    bad_core = bad_core.or(Some((s, i)));
                    continue;
                }
                let insn = u64::from(relo.insn_off) / INSN_SIZE;
                let found = index.and_then(|index| program::find(programs, index, insn));
                if let Some(prog) = found.and_then(|p| programs.get_mut(p)) {
                    let insn = (insn as usize).saturating_sub(prog.range.start);
                    prog.core.push(CoreRecord {
                        place: (s, i),
                        insn,
                        relo: *relo,
                    });
                    prog.relocs.push(Reloc {
                        insn,
                        kind: RelocKind::Core,
                    });
                }
            }
        }
        ExtInfo {
            present: true,
            funcs: BySection::new(&ext.func_info, section_of, func),
            lines: BySection::new(&ext.line_info, section_of, line),
            bad_core,
        }
    }
}
