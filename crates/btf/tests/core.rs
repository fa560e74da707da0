//! CO-RE relocations, each against a target made for it.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use verdict_btf::build::{Builder, NewMember};
use verdict_btf::core::{
    CoreError, CoreRelo, POISON, Relocated, Relocator, describe, failure_text, types_are_compatible,
    types_match,
};
use verdict_btf::ext::BtfExt;
use verdict_btf::{Btf, IntEncoding, Kind, TypeId};
use verdict_isa::Insn;

const BYTE_OFF: u32 = 0;
const BYTE_SZ: u32 = 1;
const EXISTS: u32 = 2;
const SIGNED: u32 = 3;
const LSHIFT: u32 = 4;
const RSHIFT: u32 = 5;
const TYPE_ID_LOCAL: u32 = 6;
const TYPE_ID_TARGET: u32 = 7;
const TYPE_EXISTS: u32 = 8;
const TYPE_SIZE: u32 = 9;
const ENUMVAL_EXISTS: u32 = 10;
const ENUMVAL_VALUE: u32 = 11;
const TYPE_MATCHES: u32 = 12;

const MOV: u8 = 0xb7;
const LDX_W: u8 = 0x61;
const LDX_DW: u8 = 0x79;

/// Integers that both sides have.
struct Ints {
    signed: TypeId,
    unsigned: TypeId,
    long: TypeId,
    char: TypeId,
}

fn builder() -> (Builder, Ints) {
    let mut b = Builder::new();
    let ints = Ints {
        signed: b.add_int("int", 4, IntEncoding::SIGNED),
        unsigned: b.add_int("unsigned int", 4, IntEncoding(0)),
        long: b.add_int("unsigned long", 8, IntEncoding(0)),
        char: b.add_int("char", 1, IntEncoding::SIGNED),
    };
    (b, ints)
}

fn make(fill: impl FnOnce(&mut Builder, &Ints)) -> Btf {
    let (mut b, ints) = builder();
    fill(&mut b, &ints);
    b.build().unwrap()
}

/// One relocation of one instruction.
struct Case {
    local: Btf,
    target: Btf,
}

impl Case {
    fn new(local: impl FnOnce(&mut Builder, &Ints), target: impl FnOnce(&mut Builder, &Ints)) -> Case {
        Case {
            local: make(local),
            target: make(target),
        }
    }

    /// The local BTF with the access string, and the relocation of the type of that name.
    fn relo(&self, ty: &str, kind: u32, access: &str) -> (Btf, CoreRelo) {
        let mut b = Builder::from_btf(&self.local);
        let access_str_off = b.add_string(access);
        let type_id = self.local.find_any(ty).unwrap();
        (
            b.build().unwrap(),
            CoreRelo {
                insn_off: 0,
                type_id,
                access_str_off,
                kind,
            },
        )
    }

    fn run(&self, ty: &str, kind: u32, access: &str, insn: Insn) -> (Result<Relocated, CoreError>, Insn) {
        let (local, relo) = self.relo(ty, kind, access);
        let mut insns = [insn];
        let result = Relocator::new(&local, &self.target).relocate(&mut insns, 0, &relo, 0, "prog");
        (result, insns[0])
    }

    /// The value that a relocation of `r1 = imm` comes to, `None` if it is poisoned.
    fn value(&self, ty: &str, kind: u32, access: &str, imm: i32) -> Option<i32> {
        let (result, insn) = self.run(
            ty,
            kind,
            access,
            Insn {
                code: MOV,
                imm,
                ..Insn::default()
            },
        );
        let done = result.unwrap();
        assert_eq!(done.poisoned, insn.imm == POISON);
        (!done.poisoned).then_some(insn.imm)
    }
}

fn ldx(code: u8, off: i16) -> Insn {
    Insn {
        code,
        dst: 1,
        src: 2,
        off,
        imm: 0,
    }
}

fn task_case() -> Case {
    Case::new(
        |b, i| {
            b.add_struct(
                "task___mine",
                8,
                &[("pid", i.unsigned, 0), ("gone", i.unsigned, 4)],
            );
        },
        |b, i| {
            b.add_struct("other", 4, &[("pid", i.unsigned, 0)]);
            b.add_struct("task", 24, &[("x", i.long, 0), ("pid", i.unsigned, 16)]);
        },
    )
}

#[test]
fn a_field_moves_in_every_class_of_instruction() {
    let case = task_case();
    assert_eq!(case.value("task___mine", BYTE_OFF, "0:0", 0), Some(16));
    let (done, insn) = case.run("task___mine", BYTE_OFF, "0:0", ldx(LDX_W, 0));
    assert_eq!((done.unwrap().value, insn), (16, ldx(LDX_W, 16)));
    let (local, relo) = case.relo("task___mine", BYTE_OFF, "0:0");
    let mut insns = [
        Insn {
            code: 0x18,
            dst: 3,
            ..Insn::default()
        },
        Insn::default(),
    ];
    Relocator::new(&local, &case.target)
        .relocate(&mut insns, 0, &relo, 0, "p")
        .unwrap();
    assert_eq!(
        insns,
        [
            Insn {
                code: 0x18,
                dst: 3,
                imm: 16,
                ..Insn::default()
            },
            Insn::default()
        ]
    );
}

#[test]
fn a_missing_field_poisons_the_whole_instruction() {
    let case = task_case();
    let poison = Insn {
        code: 0x85,
        imm: POISON,
        ..Insn::default()
    };
    let (done, insn) = case.run("task___mine", BYTE_OFF, "0:1", ldx(LDX_W, 4));
    assert_eq!((done.unwrap().poisoned, insn), (true, poison));
    let (local, relo) = case.relo("task___mine", BYTE_OFF, "0:1");
    let mut insns = [
        Insn {
            code: 0x18,
            imm: 4,
            ..Insn::default()
        },
        Insn::default(),
    ];
    Relocator::new(&local, &case.target)
        .relocate(&mut insns, 0, &relo, 0, "p")
        .unwrap();
    assert_eq!(insns, [poison, poison]);
    assert_eq!(
        failure_text(&local, &relo, 7).unwrap(),
        "7: <invalid CO-RE relocation>\n\
         failed to resolve CO-RE relocation <byte_off> [5] struct task___mine.gone (0:1 @ offset 4)\n"
    );
}

#[test]
fn existence_is_answered_and_never_poisons() {
    let case = task_case();
    assert_eq!(case.value("task___mine", EXISTS, "0:0", 1), Some(1));
    assert_eq!(case.value("task___mine", EXISTS, "0:1", 1), Some(0));
    assert_eq!(case.value("task___mine", TYPE_EXISTS, "0", 1), Some(1));
    let nothing = Case {
        target: make(|_, _| {}),
        ..case
    };
    assert_eq!(nothing.value("task___mine", TYPE_EXISTS, "0", 1), Some(0));
    assert_eq!(nothing.value("task___mine", TYPE_SIZE, "0", 8), Some(0));
    assert_eq!(nothing.value("task___mine", EXISTS, "0:0", 1), Some(0));
}

#[test]
fn types_are_numbered_and_measured() {
    let case = task_case();
    assert_eq!(case.value("task___mine", TYPE_ID_LOCAL, "0", 77), Some(5));
    assert_eq!(case.value("task___mine", TYPE_ID_TARGET, "0", 77), Some(6));
    assert_eq!(case.value("task___mine", TYPE_SIZE, "0", 8), Some(24));
    assert_eq!(case.value("task___mine", BYTE_SZ, "0:0", 4), Some(4));
}

#[test]
fn a_load_follows_the_size_of_an_unsigned_field() {
    let case = Case::new(
        |b, i| {
            b.add_struct("s", 8, &[("a", i.unsigned, 0), ("b", i.signed, 4)]);
        },
        |b, i| {
            b.add_struct("s", 16, &[("a", i.long, 8), ("b", i.long, 0)]);
        },
    );
    let (done, insn) = case.run("s", BYTE_OFF, "0:0", ldx(LDX_W, 0));
    assert_eq!((done.unwrap().warnings.len(), insn), (0, ldx(LDX_DW, 8)));
    // Signed ones cannot change their size, which is found out by memory instructions only.
    let (done, insn) = case.run("s", BYTE_OFF, "0:1", ldx(LDX_W, 4));
    let done = done.unwrap();
    assert!(done.poisoned && insn.imm == POISON);
    assert_eq!(
        done.warnings,
        [
            "prog 'prog': relo #0: insn #0 (LDX/ST/STX) accesses field incorrectly. Make sure you are accessing \
          pointers, unsigned integers, or fields of matching type and size."
        ]
    );
    assert_eq!(case.value("s", BYTE_OFF, "0:1", 4), Some(0));
    let (failed, _) = case.run("s", BYTE_OFF, "0:0", ldx(LDX_DW, 0));
    assert_eq!(
        failed.unwrap_err().messages,
        [
            "prog 'prog': relo #0: insn #0 (LDX/ST/STX) unexpected mem size: got 8, exp 4",
            "prog 'prog': relo #0: failed to patch insn #0: -22"
        ]
    );
}

#[test]
fn the_instruction_must_hold_what_the_local_type_says() {
    let case = task_case();
    let fails = |insn: Insn| {
        case.run("task___mine", BYTE_OFF, "0:0", insn)
            .0
            .unwrap_err()
            .messages[0]
            .clone()
    };
    assert_eq!(
        fails(Insn {
            code: MOV,
            imm: -1,
            ..Insn::default()
        }),
        "prog 'prog': relo #0: unexpected insn #0 (ALU/ALU64) value: got 4294967295, exp 0 -> 16"
    );
    assert_eq!(
        fails(ldx(LDX_W, -1)),
        "prog 'prog': relo #0: unexpected insn #0 (LDX/ST/STX) value: got 4294967295, exp 0 -> 16"
    );
    assert_eq!(
        fails(Insn {
            code: 0xbf,
            dst: 1,
            src: 2,
            off: -1,
            imm: -1
        }),
        "prog 'prog': relo #0: trying to relocate unrecognized insn #0, code:0xbf, src:0x2, dst:0x1, \
         off:0xffffffff, imm:0xffffffff"
    );
    assert_eq!(
        fails(Insn {
            code: 0x18,
            ..Insn::default()
        }),
        "prog 'prog': relo #0: insn #0 (LDIMM64) is truncated"
    );
}

#[test]
fn an_offset_must_fit_into_a_load() {
    let case = Case::new(
        |b, i| {
            b.add_struct("s", 4, &[("a", i.unsigned, 0)]);
        },
        |b, i| {
            b.add_struct("s", 0x9000, &[("a", i.unsigned, 0x8000)]);
        },
    );
    let (failed, _) = case.run("s", BYTE_OFF, "0:0", ldx(LDX_W, 0));
    let failed = failed.unwrap_err();
    assert_eq!(failed.errno, 34);
    assert_eq!(
        failed.messages[0],
        "prog 'prog': relo #0: insn #0 (LDX/ST/STX) value too big: 32768"
    );
    assert_eq!(case.value("s", BYTE_OFF, "0:0", 0), Some(0x8000));
}

#[test]
fn anonymous_structs_are_searched_through() {
    let case = Case::new(
        |b, i| {
            b.add_struct("s", 4, &[("a", i.unsigned, 0)]);
        },
        |b, i| {
            let inner = b.add_struct("", 8, &[("b", i.unsigned, 0), ("a", i.unsigned, 4)]);
            let anon = b.add_composite(
                Kind::Union,
                "",
                8,
                &[NewMember {
                    name: "",
                    ty: inner,
                    bit_offset: 0,
                    bitfield_size: 0,
                }],
            );
            b.add_struct("s", 16, &[("x", i.long, 0), ("", anon, 8)]);
        },
    );
    assert_eq!(case.value("s", BYTE_OFF, "0:0", 0), Some(12));
}

#[test]
fn arrays_are_indexed_by_the_targets_element() {
    let case = Case::new(
        |b, i| {
            let row = b.add_array(i.unsigned, i.unsigned, 4);
            let grid = b.add_array(i.unsigned, row, 2);
            let none = b.add_array(i.unsigned, i.unsigned, 0);
            b.add_struct("s", 32, &[("grid", grid, 0), ("tail", none, 32)]);
        },
        |b, i| {
            let row = b.add_array(i.unsigned, i.long, 3);
            let grid = b.add_array(i.unsigned, row, 2);
            let none = b.add_array(i.unsigned, i.long, 0);
            b.add_struct(
                "s",
                56,
                &[("x", i.long, 0), ("grid", grid, 8), ("tail", none, 56)],
            );
        },
    );
    assert_eq!(case.value("s", BYTE_OFF, "0:0:1:2", 24), Some(8 + 24 + 16));
    assert_eq!(case.value("s", BYTE_OFF, "0:0:1:3", 28), None);
    assert_eq!(case.value("s", BYTE_SZ, "0:0:1:2", 4), Some(8));
    // The last member may be indexed beyond the end, and so may the whole struct.
    assert_eq!(case.value("s", BYTE_OFF, "0:1:5", 32 + 20), Some(56 + 40));
    assert_eq!(case.value("s", BYTE_OFF, "2:0", 64), Some(112 + 8));
    let (failed, _) = case.run("s", SIGNED, "0:0:1:2", ldx(MOV, 0));
    assert_eq!(
        failed.unwrap_err().messages,
        [
            "prog 'prog': relo 3 at insn #0 can't be applied to array access",
            "prog 'prog': relo #0: failed to relocate: -22"
        ]
    );
}

#[test]
fn bitfields_are_loaded_by_the_smallest_word_that_has_them() {
    let field = |name, ty, bit_offset, bitfield_size| NewMember {
        name,
        ty,
        bit_offset,
        bitfield_size,
    };
    let case = Case::new(
        |b, i| {
            b.add_composite(
                Kind::Struct,
                "s",
                8,
                &[
                    field("a", i.unsigned, 0, 3),
                    field("b", i.signed, 3, 5),
                    field("c", i.unsigned, 32, 0),
                ],
            );
        },
        |b, i| {
            b.add_composite(
                Kind::Struct,
                "s",
                16,
                &[
                    field("c", i.char, 0, 0),
                    field("b", i.unsigned, 28, 9),
                    field("a", i.unsigned, 71, 2),
                ],
            );
        },
    );
    let values = |access: &str| {
        [BYTE_OFF, BYTE_SZ, SIGNED, LSHIFT, RSHIFT].map(|kind| {
            let imm = match (kind, access) {
                (SIGNED, "0:1") => 1,
                (RSHIFT, "0:0") => 61,
                (RSHIFT, "0:1") => 59,
                _ => 0,
            };
            case.value("s", kind, access, imm)
        })
    };
    // Bits 71 and 72 are in the word of bytes 8 to 11; bits 28 to 36 need eight bytes.
    assert_eq!(values("0:0"), [8, 4, 0, 64 - 9, 62].map(Some));
    assert_eq!(values("0:1"), [0, 8, 0, 64 - 37, 55].map(Some));
    assert_eq!(case.value("s", SIGNED, "0:2", 0), Some(1));
}

#[test]
fn a_bitfield_across_eight_bytes_cannot_be_loaded() {
    let field = |bit_offset, bitfield_size| {
        move |b: &mut Builder, i: &Ints| {
            let member = NewMember {
                name: "a",
                ty: i.long,
                bit_offset,
                bitfield_size,
            };
            b.add_composite(Kind::Struct, "s", 16, &[member]);
        }
    };
    let case = Case::new(field(0, 10), field(60, 10));
    let (failed, _) = case.run(
        "s",
        BYTE_OFF,
        "0:0",
        Insn {
            code: MOV,
            ..Insn::default()
        },
    );
    let failed = failed.unwrap_err();
    assert_eq!(failed.errno, 7);
    assert_eq!(
        failed.messages[0],
        "prog 'prog': relo 0 at insn #0 can't be satisfied for bitfield"
    );
}

#[test]
fn enumerators_go_by_name_without_flavour() {
    let case = Case::new(
        |b, _| {
            b.add_enum("e", 4, false, &[("ONE___mine", 1), ("GONE", 2), ("MINUS", -1)]);
            b.add_enum64("big", 8, false, &[("HUGE", 1 << 40)]);
        },
        |b, _| {
            b.add_enum64("e___theirs", 8, false, &[("ZERO", 0), ("ONE", 1001)]);
            b.add_enum("e", 4, false, &[("MINUS", -7)]);
            b.add_enum64("big", 8, false, &[("HUGE", 3 << 40)]);
        },
    );
    assert_eq!(case.value("e", ENUMVAL_VALUE, "0", 1), Some(1001));
    assert_eq!(case.value("e", ENUMVAL_EXISTS, "0", 1), Some(1));
    assert_eq!(case.value("e", ENUMVAL_VALUE, "1", 2), None);
    assert_eq!(case.value("e", ENUMVAL_EXISTS, "1", 1), Some(0));
    assert_eq!(case.value("e", ENUMVAL_VALUE, "2", -1), Some(-7));
    let (local, relo) = case.relo("big", ENUMVAL_VALUE, "0");
    let mut insns = [
        Insn {
            code: 0x18,
            ..Insn::default()
        },
        Insn {
            imm: 1 << 8,
            ..Insn::default()
        },
    ];
    Relocator::new(&local, &case.target)
        .relocate(&mut insns, 0, &relo, 0, "p")
        .unwrap();
    assert_eq!((insns[0].imm, insns[1].imm), (0, 3 << 8));
    assert_eq!(
        describe(&local, &relo).unwrap(),
        "<enumval_value> [6] enum64 big::HUGE = 1099511627776"
    );
    let (local, relo) = case.relo("e", ENUMVAL_VALUE, "2");
    assert_eq!(
        describe(&local, &relo).unwrap(),
        "<enumval_value> [5] enum e::MINUS = 4294967295"
    );
}

#[test]
fn candidates_that_match_must_agree() {
    let local = |b: &mut Builder, i: &Ints| {
        b.add_struct("s", 8, &[("a", i.unsigned, 0), ("b", i.unsigned, 4)]);
    };
    let disagree = Case::new(local, |b, i| {
        b.add_struct("s", 8, &[("a", i.unsigned, 0), ("b", i.unsigned, 4)]);
        b.add_struct("s___2", 8, &[("b", i.unsigned, 0), ("a", i.unsigned, 4)]);
    });
    let (failed, _) = disagree.run(
        "s",
        BYTE_OFF,
        "0:0",
        Insn {
            code: MOV,
            ..Insn::default()
        },
    );
    assert_eq!(
        failed.unwrap_err().messages,
        [
            "prog 'prog': relo #0: field offset ambiguity: 32 != 0",
            "prog 'prog': relo #0: failed to relocate: -22"
        ]
    );
    let sizes = Case::new(local, |b, i| {
        b.add_struct("s", 8, &[("a", i.unsigned, 0)]);
        b.add_struct("s___2", 8, &[("a", i.long, 0)]);
    });
    let (failed, _) = sizes.run(
        "s",
        BYTE_SZ,
        "0:0",
        Insn {
            code: MOV,
            imm: 4,
            ..Insn::default()
        },
    );
    assert_eq!(
        failed.unwrap_err().messages[0],
        "prog 'prog': relo #0: relocation decision ambiguity: success 8 != success 4"
    );
    assert_eq!(sizes.value("s", BYTE_OFF, "0:0", 0), Some(0));
}

#[test]
fn a_match_strikes_other_candidates_out_for_good() {
    let case = Case::new(
        |b, i| {
            b.add_struct("s", 8, &[("a", i.unsigned, 0), ("b", i.unsigned, 4)]);
        },
        |b, i| {
            b.add_struct("s", 8, &[("x", i.long, 0), ("a", i.unsigned, 8)]);
            b.add_struct("s___2", 8, &[("b", i.unsigned, 0)]);
        },
    );
    let (local, first) = case.relo("s", BYTE_OFF, "0:0");
    let mut b = Builder::from_btf(&local);
    let second = CoreRelo {
        access_str_off: b.add_string("0:1"),
        ..first
    };
    let local = b.build().unwrap();
    let run = |order: &[CoreRelo]| {
        let mut relocator = Relocator::new(&local, &case.target);
        let insn = |r: &CoreRelo| Insn {
            code: MOV,
            imm: if *r == first { 0 } else { 4 },
            ..Insn::default()
        };
        order
            .iter()
            .map(|r| relocator.relocate(&mut [insn(r)], 0, r, 0, "p").unwrap().poisoned)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(&[second]), [false]);
    assert_eq!(run(&[first, second]), [false, true]);
}

#[test]
fn modules_are_asked_only_when_the_kernel_has_no_candidate() {
    let case = Case::new(
        |b, i| {
            b.add_struct("s", 4, &[("a", i.unsigned, 0)]);
        },
        |_, _| {},
    );
    let module = make(|b, i| {
        b.add_struct("s", 8, &[("x", i.unsigned, 0), ("a", i.unsigned, 4)]);
    });
    let (local, relo) = case.relo("s", BYTE_OFF, "0:0");
    let mut insns = [Insn {
        code: MOV,
        ..Insn::default()
    }];
    let done = Relocator::new(&local, &case.target)
        .with_module(&module)
        .relocate(&mut insns, 0, &relo, 0, "p")
        .unwrap();
    assert_eq!((done.poisoned, insns[0].imm), (false, 4));
}

#[test]
fn access_strings_that_make_no_sense_fail_the_object() {
    let case = task_case();
    let fails = |kind, access: &str| {
        let insn = Insn {
            code: MOV,
            ..Insn::default()
        };
        case.run("task___mine", kind, access, insn)
            .0
            .unwrap_err()
            .messages[0]
            .clone()
    };
    let failed = |what: &str, errno: i32| {
        format!("prog 'prog': relo #0: parsing [5] struct task___mine + {what} failed: {errno}")
    };
    for access in ["", ":0", "x", "0:", "0:9", "-1", "0:0x", "0:0:0"] {
        let message = fails(BYTE_OFF, access);
        if access == "0:0:0" {
            assert_eq!(
                message,
                "prog 'prog': relo for [5]  (at idx 2) captures type [2] of unexpected kind int"
            );
        } else {
            assert_eq!(message, failed(access, -22));
        }
    }
    assert_eq!(fails(TYPE_EXISTS, "0:0"), failed("0:0", -22));
    assert_eq!(fails(99, "0"), failed("0", -22));
    assert_eq!(
        fails(BYTE_OFF, &["0"; 65].join(":")),
        failed(&["0"; 65].join(":"), -7)
    );
}

#[test]
fn compatibility_ignores_names_and_matching_does_not() {
    let build = |name: &'static str, pointee: &'static str, extra: bool| {
        make(move |b, i| {
            let inner = b.add_struct(pointee, 4, &[("z", i.signed, 0)]);
            let ptr = b.add_ptr(inner);
            let proto = b.add_func_proto(i.signed, &[("p", ptr)]);
            let callback = b.add_ptr(proto);
            let mut members = vec![("p", ptr, 0), ("cb", callback, 8)];
            if extra {
                members.insert(0, ("first", i.signed, 16));
            }
            b.add_struct(name, 24, &members);
        })
    };
    let id = |btf: &Btf, name: &str| btf.find(name, Kind::Struct).unwrap();
    let (small, large) = (build("s", "in", false), build("s___x", "in", true));
    let (a, b) = (id(&small, "s"), id(&large, "s___x"));
    assert_eq!(types_match(&small, a, &large, b), Some(true));
    assert_eq!(types_match(&large, b, &small, a), Some(false));
    assert_eq!(types_are_compatible(&large, b, &small, a), Some(true));
    let renamed = build("s", "out", true);
    assert_eq!(types_match(&small, a, &renamed, id(&renamed, "s")), Some(false));
    let int = small.find("int", Kind::Int).unwrap();
    let long = small.find("unsigned long", Kind::Int).unwrap();
    assert_eq!(types_are_compatible(&small, int, &small, long), Some(true));
    assert_eq!(types_are_compatible(&small, int, &small, a), Some(false));
}

#[test]
fn matching_types_is_a_relocation_too() {
    let side = |size, signed| {
        move |b: &mut Builder, i: &Ints| {
            let ty = if signed { i.signed } else { i.unsigned };
            b.add_struct("s", size, &[("a", ty, 0)]);
        }
    };
    assert_eq!(
        Case::new(side(4, true), side(8, true)).value("s", TYPE_MATCHES, "0", 1),
        Some(1)
    );
    assert_eq!(
        Case::new(side(4, true), side(4, false)).value("s", TYPE_MATCHES, "0", 1),
        Some(0)
    );
}

#[test]
fn a_recursive_type_is_given_up_not_followed_forever() {
    // A struct that has itself twice without a name: no compiler makes it, and searching it never ends.
    let local = make(|b, i| {
        b.add_struct("s", 4, &[("a", i.unsigned, 0)]);
    });
    let target = make(|b, _| {
        let own = TypeId(b.count());
        b.add_struct("s", 4, &[("", own, 0), ("", own, 0)]);
    });
    let case = Case { local, target };
    let (failed, _) = case.run(
        "s",
        BYTE_OFF,
        "0:0",
        Insn {
            code: MOV,
            ..Insn::default()
        },
    );
    assert_eq!(failed.unwrap_err().errno, 7);
    let twin = make(|b, _| {
        let own = TypeId(b.count());
        b.add_struct("s", 4, &[("", own, 0), ("", own, 0), ("x", own, 0)]);
    });
    let id = |btf: &Btf| btf.find("s", Kind::Struct).unwrap();
    assert_ne!(types_match(&twin, id(&twin), &twin, id(&twin)), Some(true));
}

#[test]
fn what_a_compiler_emits_relocates_to_itself() {
    let btf = Btf::parse(include_bytes!("data/sample.btf").as_slice()).unwrap();
    let ext = BtfExt::parse(include_bytes!("data/sample.btf.ext")).unwrap();
    let texts = ext
        .core_relos
        .sections
        .iter()
        .flat_map(|s| &s.records)
        .map(|r| describe(&btf, r).unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        texts,
        [
            "<byte_off> [2] struct task___here.flags (0:0 @ offset 0)",
            "<byte_off> [2] struct task___here.children (0:1 @ offset 8)",
            "<byte_off> [2] struct task___here.parent (0:7 @ offset 64)",
            "<enumval_value> [24] enum64 wide::HIGH = 4294967296",
            "<byte_off> [2] struct task___here.grid[1] (0:5:1 @ offset 44)",
            "<byte_off> [2] struct task___here.prio (0:4 @ offset 28.5)",
            "<type_size> [5] struct list",
        ]
    );
    // The compiler loads the bitfield from byte 24 on; libbpf from the word of its type that has it.
    let mut relocator = Relocator::new(&btf, &btf);
    let values = [(44, 44), (24, 28), (16, 16)];
    for (relo, (old, new)) in ext.core_relos.sections[1].records.iter().zip(values) {
        let mut insns = [Insn {
            code: MOV,
            imm: old,
            ..Insn::default()
        }];
        relocator.relocate(&mut insns, 0, relo, 0, "helper").unwrap();
        assert_eq!(insns[0].imm, new);
    }
}
