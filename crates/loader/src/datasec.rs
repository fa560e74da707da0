//! Data sections of BTF: the sizes and offsets that compilers leave to the loader.

use std::collections::HashMap;

use verdict_btf::build::{Builder, Placement};
use verdict_btf::{Btf, Kind, Type, VarLinkage};
use verdict_kernel::errno::Errno;

use crate::elf::{Elf, Symbol};
use crate::externs::{KCONFIG_SEC, KSYMS_SEC};

/// Completes the data sections with what only ELF knows.
pub(crate) fn fixup(elf: &Elf<'_>, btf: &Btf, edit: &mut Builder) -> Result<(), Errno> {
    let mut symbols = None;
    for section in btf.types().filter(|t| t.kind() == Kind::DataSec) {
        // Externs have been placed already.
        if !matches!(section.name(), KCONFIG_SEC | KSYMS_SEC) {
            fixup_section(elf, section, edit, symbols.get_or_insert_with(|| variables(elf)))?;
        }
        edit.sort_placements(section.id());
    }
    Ok(())
}

/// The first symbol of each global variable.
fn variables<'a>(elf: &Elf<'a>) -> HashMap<&'a str, Symbol> {
    let mut found = HashMap::new();
    for symbol in elf.symbols.iter().filter(|s| s.is_global_object()) {
        if let Some(name) = elf.symbol_str(symbol) {
            found.entry(name).or_insert(*symbol);
        }
    }
    found
}

fn fixup_section(
    elf: &Elf<'_>,
    section: Type<'_>,
    edit: &mut Builder,
    symbols: &HashMap<&str, Symbol>,
) -> Result<(), Errno> {
    // Only objects that bpftool linked have the size, and then the offsets too.
    let incomplete = section.size() == 0;
    if incomplete {
        let index = elf.section_by_name(section.name()).ok_or(Errno::ENOENT)?;
        let size = elf.sections.get(index).map_or(0, |s| s.size as u32);
        if size == 0 {
            return Err(Errno::ENOENT);
        }
        edit.set_size(section.id(), size);
    }
    for (i, info) in section.vars().enumerate() {
        let var = info
            .type_()
            .filter(|t| t.kind() == Kind::Var)
            .ok_or(Errno::EINVAL)?;
        if matches!(var.var_linkage(), Some(VarLinkage::Static | VarLinkage::Extern)) {
            continue;
        }
        let symbol = symbols.get(var.name()).ok_or(Errno::ENOENT)?;
        if incomplete {
            let offset = symbol.value as u32;
            edit.set_placement(
                section.id(),
                i,
                Placement {
                    ty: info.ty,
                    offset,
                    size: info.size,
                },
            );
        }
        if symbol.is_hidden() {
            edit.set_var_linkage(var.id(), VarLinkage::Static);
        }
    }
    Ok(())
}
