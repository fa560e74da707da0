//! No bytes make reading BTF panic, hang or take memory without end.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use verdict_btf::build::Builder;
use verdict_btf::core::{Relocator, describe, failure_text};
use verdict_btf::ext::BtfExt;
use verdict_btf::validate::validate;
use verdict_btf::{Btf, FlexArrays, Kind, WalkMode};
use verdict_isa::Insn;

const SAMPLE: &[u8] = include_bytes!("data/sample.btf");
const SAMPLE_EXT: &[u8] = include_bytes!("data/sample.btf.ext");

/// Asks everything that can be asked of every type.
fn exercise(btf: &Btf, ext: &BtfExt) {
    for ty in btf.types() {
        let id = ty.id();
        let parts = ty.members().map(|m| m.name().len()).sum::<usize>()
            + ty.params().map(|p| p.name().len()).sum::<usize>()
            + ty.enumerators().map(|e| e.name().len()).sum::<usize>()
            + ty.vars().filter_map(|v| v.type_()).count();
        assert!(parts <= btf.bytes().len() * (1 + ty.vlen() as usize));
        let _ = (
            ty.array(),
            ty.int(),
            ty.linkage(),
            ty.component(),
            ty.proto(),
            btf.pointer_tag(ty),
        );
        let _ = (
            btf.resolve_size(id),
            btf.resolve(id),
            btf.resolve_ptr(id),
            btf.resolve_type(id),
        );
        let _ = btf.decl_tag_value(id, Some(0), "contains:");
        for (off, size) in [(0, 8), (-4, 8), (24, 1), (i32::MAX, 1), (100, u32::MAX)] {
            let _ = btf.struct_access(id, off, size, FlexArrays::All, true);
            let _ = btf.walk(id, off, size, WalkMode::default());
            let _ = btf.find_embedded(id, off, (btf, ty.target()), false, FlexArrays::All);
        }
        let _ = btf.find(ty.name(), ty.kind());
    }
    let _ = Builder::from_btf(btf).build();
    let mut relocator = Relocator::new(btf, btf);
    for relo in ext.core_relos.sections.iter().flat_map(|s| &s.records) {
        let mut insns = [
            Insn {
                code: 0x18,
                ..Insn::default()
            },
            Insn::default(),
        ];
        let _ = relocator.relocate(&mut insns, 0, relo, 0, "p");
        let _ = (failure_text(btf, relo, 0), describe(btf, relo));
    }
}

fn run(data: Vec<u8>, ext: &BtfExt) {
    let _ = validate(&data);
    if let Ok(btf) = Btf::parse(data) {
        exercise(&btf, ext);
    }
}

/// A generator of numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

#[test]
fn truncated() {
    let ext = BtfExt::parse(SAMPLE_EXT).unwrap();
    for len in 0..SAMPLE.len() {
        let data = &SAMPLE[..len];
        assert!(Btf::parse(data.to_vec()).is_err());
        run(data.to_vec(), &ext);
    }
    for len in 0..SAMPLE_EXT.len() {
        let _ = BtfExt::parse(&SAMPLE_EXT[..len]);
    }
}

#[test]
fn every_byte_changed() {
    let ext = BtfExt::parse(SAMPLE_EXT).unwrap();
    for at in 0..SAMPLE.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut data = SAMPLE.to_vec();
            data[at] ^= flip;
            run(data, &ext);
        }
    }
    let btf = Btf::parse(SAMPLE).unwrap();
    for at in 0..SAMPLE_EXT.len() {
        for flip in [0x01, 0x10, 0xff] {
            let mut data = SAMPLE_EXT.to_vec();
            data[at] ^= flip;
            if let Ok(ext) = BtfExt::parse(&data) {
                exercise(&btf, &ext);
            }
        }
    }
}

#[test]
fn words_changed_at_random() {
    let ext = BtfExt::parse(SAMPLE_EXT).unwrap();
    let mut numbers = Numbers(1);
    for _ in 0..2000 {
        let mut data = SAMPLE.to_vec();
        for _ in 0..1 + numbers.below(6) {
            // Words of the types, so that most of what comes out is still BTF.
            let at = 24 + numbers.below((SAMPLE.len() - 32) / 4) * 4;
            let value = match numbers.below(4) {
                0 => numbers.below(48) as u32,
                1 => (numbers.below(24) as u32) << 24 | numbers.below(12) as u32,
                2 => (numbers.below(2) as u32) << 31 | numbers.next() as u32,
                _ => u32::MAX - numbers.below(9) as u32,
            };
            data[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        run(data, &ext);
    }
}

#[test]
fn split_bytes_changed() {
    let base = Arc::new(Btf::parse(SAMPLE).unwrap());
    let ext = BtfExt::parse(SAMPLE_EXT).unwrap();
    let mut b = Builder::split(Arc::clone(&base));
    let list = base.find("list", Kind::Struct).unwrap();
    let ptr = b.add_ptr(list);
    b.add_struct("more", 8, &[("list", ptr, 0)]);
    let data = b.finish();
    for at in 0..data.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut data = data.clone();
            data[at] ^= flip;
            if let Ok(btf) = Btf::parse_split(data, Arc::clone(&base)) {
                exercise(&btf, &ext);
            }
        }
    }
}

#[test]
fn loops_of_references_end() {
    let mut b = Builder::new();
    for kind in [Kind::Const, Kind::Typedef, Kind::Ptr] {
        let own = verdict_btf::TypeId(b.count());
        b.add_ref(kind, "x", own);
    }
    let own = verdict_btf::TypeId(b.count());
    b.add_array(own, own, 2);
    let own = verdict_btf::TypeId(b.count());
    b.add_struct("s", 8, &[("s", own, 0)]);
    let btf = b.build().unwrap();
    assert_eq!(btf.resolve_size(verdict_btf::TypeId(1)), None);
    assert!(btf.skip_mods_and_typedefs(verdict_btf::TypeId(2)).is_none());
    assert!(btf.resolve(verdict_btf::TypeId(4)).is_none());
    assert!(btf.struct_access(own, 0, 1, FlexArrays::All, true).is_err());
    exercise(&btf, &BtfExt::default());
}
