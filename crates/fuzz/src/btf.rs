//! BTF and `.BTF.ext`.

use std::sync::Arc;

use verdict::btf::build::Builder;
use verdict::btf::core::{Relocator, describe, failure_text, types_are_compatible};
use verdict::btf::ext::BtfExt;
use verdict::btf::validate::{log, validate};
use verdict::btf::{Btf, FlexArrays, WalkMode};
use verdict::isa::Insn;
use verdict::kernel::Kernel;
use verdict::syscall::btf::{ProgBtf, rules};

use crate::kernels::kernel;

/// Most types that are asked about, and most records: what is asked of each may take as long as there are types.
const MOST: usize = 128;

/// Reads BTF, has kernels look at it, and asks everything that can be asked of its types.
pub fn btf(bytes: &[u8]) {
    let (types, behind) = bytes.split_at(len(bytes));
    let _ = validate(types);
    let ext = BtfExt::parse(behind).unwrap_or_default();
    let Ok(btf) = Btf::parse(types.to_vec()) else {
        return;
    };
    let btf = Arc::new(btf);
    ask(&btf);
    for kernel in (0..4).filter_map(kernel) {
        load(kernel, &btf);
        relocate(&btf, &kernel.btf, &ext);
    }
    relocate(&btf, &btf, &ext);
}

/// Where BTF ends, as its header says.
fn len(bytes: &[u8]) -> usize {
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        word.map_or(0, |word| u64::from(u32::from_le_bytes(word)))
    };
    let end = word(4) + word(16) + word(20);
    usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len())
}

fn ask(btf: &Arc<Btf>) {
    for ty in btf.types().take(MOST) {
        let id = ty.id();
        let _ = (ty.array(), ty.int(), ty.linkage(), ty.component(), ty.proto());
        let _ = (btf.pointer_tag(ty), btf.resolve_size(id), btf.resolve(id));
        let _ = (
            btf.resolve_ptr(id),
            btf.resolve_type(id),
            btf.decl_tag_value(id, Some(0), "contains:"),
        );
        for (off, size) in [(0, 8), (-4, 8), (24, 1), (i32::MAX, 1), (100, u32::MAX)] {
            let _ = btf.struct_access(id, off, size, FlexArrays::All, true);
            let _ = btf.walk(id, off, size, WalkMode::default());
            let _ = btf.find_embedded(id, off, (btf, ty.target()), false, FlexArrays::All);
        }
        let _ = btf.find(ty.name(), ty.kind());
        let _ = types_are_compatible(btf, id, btf, ty.target());
    }
    let _ = Builder::from_btf(btf).build();
}

fn load(kernel: &Kernel, btf: &Arc<Btf>) {
    let _ = log(btf.bytes(), rules(kernel));
    let Ok(loaded) = ProgBtf::load(kernel, btf) else {
        return;
    };
    for ty in btf.types().take(MOST) {
        let _ = loaded.record(ty.id());
    }
}

fn relocate(local: &Btf, target: &Btf, ext: &BtfExt) {
    let mut relocator = Relocator::new(local, target);
    let records = ext
        .core_relos
        .sections
        .iter()
        .flat_map(|section| &section.records);
    for (at, record) in records.take(MOST).enumerate() {
        let mut insns = [
            Insn {
                code: 0x18,
                ..Insn::default()
            },
            Insn::default(),
        ];
        let _ = relocator.relocate(&mut insns, 0, record, at, "hostile");
        let _ = (failure_text(local, record, 0), describe(local, record));
    }
}
