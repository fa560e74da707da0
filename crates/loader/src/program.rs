//! Programs and subprograms of an object, and the relocations of their instructions.

use std::collections::BTreeMap;
use std::ops::Range;

use verdict_btf::ext::CoreRelo;
use verdict_isa::Insn;
use verdict_kernel::errno::Errno;

use crate::elf::{Elf, Symbol};
use crate::error::{Warnings, libbpf, owned_name, warning};
use crate::insn::INSN_SIZE;
use crate::sections::SecDef;
use crate::target::Attachment;

/// Instructions by section.
pub(crate) type Code = BTreeMap<usize, Vec<Insn>>;

/// A program, or a function that programs call.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    /// Name of its section, without the `?` that would switch it off.
    pub(crate) section_name: String,
    pub(crate) section: usize,
    /// Whether it is loaded unless somebody says otherwise: a `?` before its section's name switches it off.
    pub(crate) autoload: bool,
    /// Its instructions within the section.
    pub(crate) range: Range<usize>,
    /// Whether the symbol is global.
    pub(crate) is_global: bool,
    /// Whether the symbol is global but hidden, so that BTF has to call the function static.
    pub(crate) is_hidden: bool,
    pub(crate) def: Option<&'static SecDef>,
    pub(crate) prog_type: u32,
    pub(crate) attach_type: u32,
    /// What the section's name says of an extension that is taken for another program.
    pub(crate) replaces: Option<&'static SecDef>,
    /// The program that it attaches to.
    pub(crate) attach_to: Option<Attachment>,
    /// Sorted by instruction, then kind.
    pub(crate) relocs: Vec<Reloc>,
    /// Its CO-RE relocations, in their order.
    pub(crate) core: Vec<CoreRecord>,
}

impl Program {
    /// A function as its symbol tells it.
    pub(crate) fn new(
        name: &str,
        section_name: &str,
        section: usize,
        range: Range<usize>,
        symbol: &Symbol,
    ) -> Program {
        Program {
            name: owned_name(name),
            section_name: owned_name(section_name.strip_prefix('?').unwrap_or(section_name)),
            section,
            autoload: !section_name.starts_with('?'),
            range,
            is_global: !symbol.is_local(),
            is_hidden: !symbol.is_local() && symbol.is_hidden(),
            def: None,
            prog_type: 0,
            attach_type: 0,
            replaces: None,
            attach_to: None,
            relocs: Vec::new(),
            core: Vec::new(),
        }
    }

    /// Number of its own instructions.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }

    /// Its own instructions as they are in the file.
    pub(crate) fn insns<'c>(&self, code: &'c Code) -> &'c [Insn] {
        let section = code.get(&self.section).map(Vec::as_slice).unwrap_or_default();
        section.get(self.range.clone()).unwrap_or_default()
    }

    /// What follows the first `/` of the section name: what the program attaches to.
    pub(crate) fn named_target(&self, w: &mut Warnings) -> Result<&str, Errno> {
        let Some((_, target)) = self.section_name.split_once('/') else {
            let name = &self.name;
            warning!(
                w,
                "prog '{name}': no BTF-based attach target is specified, use bpf_program__set_attach_target()"
            );
            return Err(Errno::EINVAL);
        };
        Ok(target)
    }

    /// Brings the relocations into the order in which they are searched.
    pub(crate) fn sort_relocs(&mut self) {
        self.relocs.sort_by_key(|r| (r.insn, r.kind.rank()));
    }
}

/// A CO-RE relocation of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoreRecord {
    /// Where it stands in `.BTF.ext`: number of the section, number of the record in it.
    pub(crate) place: (usize, usize),
    /// Instruction of the program.
    pub(crate) insn: usize,
    pub(crate) relo: CoreRelo,
}

/// A relocation of an instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reloc {
    /// Instruction of the program.
    pub(crate) insn: usize,
    pub(crate) kind: RelocKind,
}

/// What is to be put into the instruction. Offsets are as wide as libbpf keeps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RelocKind {
    /// A map.
    Map(usize),
    /// A subprogram that is called, at a byte offset of `.text`.
    Call(i32),
    /// An address within global data: map, offset.
    Data(usize, i32),
    /// An extern variable, or the address of an extern function.
    ExternLoad(usize),
    /// A kfunc that is called.
    ExternCall(usize),
    /// Address of a subprogram, at a byte offset of `.text`.
    SubprogAddr(i32),
    /// Done earlier; it stands here because it is found where another is looked for.
    Core,
}

impl RelocKind {
    /// libbpf's number of the kind, by which relocations of one instruction are ordered.
    pub(crate) fn rank(self) -> u8 {
        match self {
            RelocKind::Map(_) => 0,
            RelocKind::Call(_) => 1,
            RelocKind::Data(..) => 2,
            RelocKind::ExternLoad(_) => 3,
            RelocKind::ExternCall(_) => 4,
            RelocKind::SubprogAddr(_) => 5,
            RelocKind::Core => 6,
        }
    }
}

/// Finds the functions of an executable section.
pub(crate) fn collect(
    elf: &Elf<'_>,
    section: usize,
    text: Option<usize>,
    allow_static: bool,
    programs: &mut Vec<Program>,
    w: &mut Warnings,
) -> Result<(), Errno> {
    let section_name = elf.section_name(section).unwrap_or_default();
    let size = elf
        .sections
        .get(section)
        .and_then(|s| s.data)
        .map_or(0, |d| d.len() as u64);
    for symbol in elf.functions(section) {
        let Some(name) = elf.symbol_name(symbol) else {
            let at = symbol.value;
            warning!(
                w,
                "sec '{section_name}': failed to get symbol name for offset {at}"
            );
            return Err(libbpf::FORMAT);
        };
        if symbol.value.checked_add(symbol.size).is_none_or(|end| end > size) {
            let at = symbol.value;
            warning!(
                w,
                "sec '{section_name}': program at offset {at} crosses section boundary"
            );
            return Err(libbpf::FORMAT);
        }
        if Some(section) != text && symbol.is_local() && !allow_static {
            warning!(
                w,
                "sec '{section_name}': program '{name}' is static and not supported"
            );
            return Err(Errno::EOPNOTSUPP);
        }
        let Some(range) = insn_range(symbol) else {
            let (at, bytes) = (symbol.value, symbol.size);
            warning!(
                w,
                "sec '{section_name}': corrupted program '{name}', offset {at}, size {bytes}"
            );
            return Err(Errno::EINVAL);
        };
        programs.push(Program::new(&name, section_name, section, range, symbol));
    }
    Ok(())
}

/// The instructions that a symbol covers; `None` if it covers none, or no whole ones.
fn insn_range(symbol: &Symbol) -> Option<Range<usize>> {
    if symbol.size == 0 || !symbol.size.is_multiple_of(INSN_SIZE) || !symbol.value.is_multiple_of(INSN_SIZE) {
        return None;
    }
    let start = usize::try_from(symbol.value / INSN_SIZE).ok()?;
    Some(start..start + usize::try_from(symbol.size / INSN_SIZE).ok()?)
}

/// Sorts programs by section and place. Of two names for one place the later symbol comes first, as
/// libbpf's merge sort has it.
pub(crate) fn sort(programs: &mut [Program]) {
    programs.reverse();
    programs.sort_by_key(|p| (p.section, p.range.start));
}

/// The program that an instruction of a section belongs to.
pub(crate) fn find(programs: &[Program], section: usize, insn: u64) -> Option<usize> {
    let insn = usize::try_from(insn).ok()?;
    let after = programs.partition_point(|p| (p.section, p.range.start) <= (section, insn));
    let index = after.checked_sub(1)?;
    let p = programs.get(index)?;
    (p.section == section && p.range.contains(&insn)).then_some(index)
}
