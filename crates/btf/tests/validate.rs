//! The kernel's check of a loaded BTF: what it refuses, and what it says.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use verdict_btf::build::{Builder, NewMember, Placement};
use verdict_btf::validate::{Rules, log, validate, validate_by};
use verdict_btf::{FuncLinkage, IntEncoding, Kind, TypeId, VarLinkage};

const INT: TypeId = TypeId(1);

/// Builds on one integer, which is type 1.
fn make(fill: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut b = Builder::new();
    b.add_int("int", 4, IntEncoding::SIGNED);
    fill(&mut b);
    b.finish()
}

/// The errno, and the last line of the log.
fn refusal(data: &[u8]) -> (i32, String) {
    let rejected = validate(data).unwrap_err();
    (
        rejected.errno,
        rejected.log.lines().last().unwrap_or_default().to_owned(),
    )
}

fn refused(fill: impl FnOnce(&mut Builder)) -> String {
    let (errno, line) = refusal(&make(fill));
    assert_eq!(errno, 22, "{line}");
    line
}

fn patched(at: usize, value: u32) -> (i32, String) {
    let mut data = make(|_| {});
    data[at..at + 4].copy_from_slice(&value.to_le_bytes());
    refusal(&data)
}

#[test]
fn what_a_compiler_emits_needs_its_sections_filled_in() {
    let sample = include_bytes!("data/sample.btf");
    let (errno, line) = refusal(sample);
    assert_eq!((errno, &*line), (22, "[39] DATASEC .bss size=0 vlen=4 size == 0"));
}

#[test]
fn the_log_has_every_type() {
    let data = make(|b| {
        let s = b.add_struct("s", 8, &[("a", INT, 0), ("b", INT, 4)]);
        let proto = b.add_func_proto(INT, &[("x", INT), ("y", s)]);
        b.add_func("f", FuncLinkage::Static, proto);
        b.add_func_proto(TypeId::VOID, &[]);
        b.add_func_proto(TypeId::VOID, &[("", TypeId::VOID)]);
        b.add_enum("e", 4, false, &[("ALL", -1)]);
    });
    assert_eq!(validate(&data), Ok(()));
    let expected = "\
[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED
[2] STRUCT s size=8 vlen=2
\ta type_id=1 bits_offset=0
\tb type_id=1 bits_offset=32
[3] FUNC_PROTO (anon) return=1 args=(1 x, 2 y)
[4] FUNC f type_id=3
[5] FUNC_PROTO (anon) return=0 args=(void)
[6] FUNC_PROTO (anon) return=0 args=(vararg)
[7] ENUM e size=4 vlen=1
\tALL val=4294967295
";
    assert!(
        log(&data, Rules::default()).ends_with(expected),
        "{}",
        log(&data, Rules::default())
    );
    let header = "magic: 0xeb9f\nversion: 1\nflags: 0x0\nhdr_len: 24\n";
    assert!(log(&data, Rules::default()).starts_with(header));
}

#[test]
fn headers() {
    let size = make(|_| {}).len() as u32;
    let text = |at, value| {
        let (errno, line) = patched(at, value);
        (errno, line.rsplit('\n').next().unwrap_or_default().to_owned())
    };
    let says = |line: &str| line.to_owned();
    assert_eq!(refusal(&[]), (22, says("hdr_len not found")));
    assert_eq!(text(4, size + 1), (22, says("btf_header not found")));
    assert_eq!(text(4, size), (7, says("Unsupported btf_header")));
    assert_eq!(text(0, 0x1_1111), (22, says("Invalid magic")));
    assert_eq!(text(0, 0x2_eb9f), (524, says("Unsupported version")));
    assert_eq!(text(0, 0x101_eb9f), (524, says("Unsupported flags")));
    assert_eq!(text(8, 4), (22, says("Unsupported section found")));
    assert_eq!(text(12, 20), (22, says("Section overlap found")));
    assert_eq!(text(16, 1000), (22, says("Invalid section offset")));
    assert_eq!(text(20, 1000), (22, says("Total section length too long")));
}

#[test]
fn metas() {
    let int = |info: u32, size: u32, data: u32| {
        let mut bytes = make(|_| {});
        for (at, word) in [(28, info), (32, size), (36, data)] {
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        refusal(&bytes)
    };
    let int_info = (Kind::Int as u32) << 24;
    assert_eq!(
        int(int_info | 1, 4, 32).1,
        "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=(none) vlen != 0"
    );
    assert_eq!(
        int(int_info, 4, 1 << 28).1,
        "[1] INT int Invalid int_data:10000000"
    );
    assert_eq!(
        int(int_info, 4, 33).1,
        "[1] INT int size=4 bits_offset=0 nr_bits=33 encoding=(none) nr_bits exceeds type_size"
    );
    assert_eq!(
        int(int_info, 4, 3 << 24 | 32),
        (
            524,
            "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=UNKN Unsupported encoding".into()
        )
    );
    assert_eq!(int(0, 4, 32).1, "[1] Invalid kind:0");
    assert_eq!(int(31 << 24, 4, 32).1, "[1] Invalid kind:31");
    assert_eq!(int(int_info | 1 << 16, 4, 32).1, "[1] Invalid btf_info:1010000");
    assert_eq!(
        int((Kind::Enum as u32) << 24 | 3, 4, 32).1,
        "[1] ENUM int meta_left:4 meta_needed:24"
    );
    assert_eq!(
        refused(|b| {
            b.add_typedef("", INT);
        }),
        "[2] TYPEDEF (anon) type_id=1 Invalid name"
    );
    assert_eq!(
        refused(|b| {
            b.add_ref(Kind::Ptr, "p", INT);
        }),
        "[2] PTR p type_id=1 Invalid name"
    );
    assert_eq!(
        refused(|b| {
            b.add_typedef("9x", INT);
        }),
        "[2] TYPEDEF 9x type_id=1 Invalid name"
    );
    assert_eq!(
        refused(|b| {
            b.add_float("f", 3);
        }),
        "[2] FLOAT f size=3 Invalid type_size"
    );
    assert_eq!(
        refused(|b| {
            b.add_enum("e", 3, false, &[]);
        }),
        "[2] ENUM e size=3 vlen=0 Unexpected size"
    );
    assert_eq!(
        refused(|b| {
            b.add_var("v", VarLinkage::Extern, INT);
        }),
        "[2] VAR v type_id=1 linkage=2 Linkage not supported"
    );
    assert_eq!(
        refused(|b| {
            b.add_decl_tag("t", INT, Some(-2_i32 as u32));
        }),
        "[2] DECL_TAG t type=1 component_idx=-2 Invalid component_idx"
    );
    assert_eq!(
        refused(|b| {
            b.add_array(INT, TypeId::VOID, 1);
        }),
        "[2] ARRAY (anon) type_id=0 index_type_id=1 nr_elems=1 Invalid elem"
    );
}

#[test]
fn functions_must_name_their_parameters() {
    let func = |linkage, params: &[(&str, TypeId)]| {
        let mut b = Builder::new();
        b.add_int("int", 4, IntEncoding::SIGNED);
        let proto = b.add_func_proto(INT, params);
        b.add_func("f", linkage, proto);
        b.finish()
    };
    assert_eq!(validate(&func(FuncLinkage::Global, &[("a", INT)])), Ok(()));
    assert_eq!(
        refusal(&func(FuncLinkage::Static, &[("", INT)])).1,
        "[3] FUNC f type_id=2 Invalid arg#1"
    );
    assert_eq!(
        refusal(&func(FuncLinkage::Extern, &[])).1,
        "[3] FUNC f type_id=2 Invalid func linkage"
    );
    assert_eq!(
        refused(|b| {
            b.add_func_proto(TypeId(9), &[]);
        }),
        "[2] FUNC_PROTO (anon) return=9 args=(void) Invalid return type"
    );
    assert_eq!(
        refused(|b| {
            b.add_func_proto(INT, &[("a", TypeId::VOID), ("b", INT)]);
        }),
        "[2] FUNC_PROTO (anon) return=1 args=(0 a, 1 b) Invalid arg#1"
    );
}

#[test]
fn members_must_fit() {
    let member = |ty, bit_offset, bitfield_size| NewMember {
        name: "m",
        ty,
        bit_offset,
        bitfield_size,
    };
    let of = |size, members: &[NewMember<'_>]| {
        refused(|b| {
            b.add_composite(Kind::Struct, "s", size, members);
        })
    };
    assert_eq!(
        of(2, &[member(INT, 0, 0)]),
        "\tm type_id=1 bits_offset=0 Member exceeds struct_size"
    );
    assert_eq!(
        of(4, &[member(INT, 40, 0)]),
        "\tm type_id=1 bits_offset=40 Member bits_offset exceeds its struct size"
    );
    assert_eq!(
        of(8, &[member(INT, 32, 0), member(INT, 0, 0)]),
        "\tm type_id=1 bits_offset=0 Invalid member bits_offset"
    );
    assert_eq!(
        of(8, &[member(INT, 0, 33)]),
        "\tm type_id=1 bitfield_size=33 bits_offset=0 Invalid member bitfield_size"
    );
    assert_eq!(
        of(8, &[member(TypeId(7), 0, 0)]),
        "\tm type_id=7 bits_offset=0 Invalid member"
    );
    assert_eq!(
        of(8, &[member(TypeId(0), 0, 0)]),
        "\tm type_id=0 bits_offset=0 Invalid type_id"
    );
    let pointer = refused(|b| {
        let ptr = b.add_ptr(INT);
        b.add_composite(Kind::Struct, "s", 16, &[member(ptr, 4, 0)]);
    });
    assert_eq!(pointer, "\tm type_id=2 bits_offset=4 Member is not byte aligned");
    let float = refused(|b| {
        let float = b.add_float("double", 8);
        b.add_composite(Kind::Struct, "s", 16, &[member(float, 32, 0)]);
    });
    assert_eq!(
        float,
        "\tm type_id=2 bits_offset=32 Member is not properly aligned"
    );
}

#[test]
fn sections_hold_variables_in_order() {
    let of = |size, places: &[(u32, u32)]| {
        refused(|b| {
            let var = b.add_var("v", VarLinkage::Global, INT);
            let vars = places.iter().map(|&(offset, size)| Placement {
                ty: var,
                offset,
                size,
            });
            b.add_datasec(".data", size, &vars.collect::<Vec<_>>());
        })
    };
    assert_eq!(
        of(8, &[(4, 4), (0, 4)]),
        "\t type_id=2 offset=0 size=4 Invalid offset"
    );
    assert_eq!(
        of(8, &[(6, 4)]),
        "\t type_id=2 offset=6 size=4 Invalid offset+size"
    );
    assert_eq!(of(8, &[(0, 0)]), "\t type_id=2 offset=0 size=0 Invalid size");
    assert_eq!(of(8, &[(0, 2)]), "\t type_id=2 offset=0 size=2 Invalid size");
    let no_var = refused(|b| {
        b.add_datasec(
            ".data",
            8,
            &[Placement {
                ty: INT,
                offset: 0,
                size: 4,
            }],
        );
    });
    assert_eq!(no_var, "\t type_id=1 offset=0 size=4 Not a VAR kind member");
}

#[test]
fn loops_are_detected() {
    let looping = |fill: fn(&mut Builder)| {
        let (errno, line) = refusal(&make(fill));
        assert_eq!(errno, 17, "{line}");
        line
    };
    let modifiers = looping(|b| {
        let next = TypeId(b.count() + 1);
        b.add_ref(Kind::Const, "", next);
        b.add_ref(Kind::Volatile, "", TypeId(2));
    });
    assert_eq!(modifiers, "[2] CONST (anon) type_id=3 Loop detected");
    let within = looping(|b| {
        let own = TypeId(b.count());
        b.add_struct("s", 4, &[("s", own, 0)]);
    });
    assert_eq!(within, "[2] STRUCT s size=4 vlen=1 Loop detected");
    // Through a pointer it is none.
    let list = make(|b| {
        let next = TypeId(b.count() + 1);
        b.add_struct("s", 8, &[("s", next, 0)]);
        b.add_ptr(TypeId(2));
    });
    assert_eq!(validate(&list), Ok(()));
    let pointers = looping(|b| {
        let own = TypeId(b.count());
        b.add_ptr(own);
    });
    assert_eq!(pointers, "[2] PTR (anon) type_id=2 Loop detected");
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: u32| {
        make(|b| {
            for _ in 1..depth {
                let next = TypeId(b.count() + 1);
                b.add_struct("s", 4, &[("s", next, 0)]);
            }
            b.add_struct("s", 4, &[("s", INT, 0)]);
        })
    };
    assert_eq!(validate(&nested(32)), Ok(()));
    assert_eq!(
        refusal(&nested(33)),
        (
            7,
            "[2] STRUCT s size=4 vlen=1 Exceeded max resolving depth:32".into()
        )
    );
}

#[test]
fn arrays() {
    let overflow = refused(|b| {
        b.add_array(INT, INT, 1 << 30);
    });
    assert_eq!(
        overflow,
        "[2] ARRAY (anon) type_id=1 index_type_id=1 nr_elems=1073741824 Array size overflows U32_MAX"
    );
    let index = refused(|b| {
        let ptr = b.add_ptr(INT);
        b.add_array(ptr, INT, 1);
    });
    assert_eq!(
        index,
        "[3] ARRAY (anon) type_id=1 index_type_id=2 nr_elems=1 Invalid index"
    );
    let of_func = refused(|b| {
        let proto = b.add_func_proto(INT, &[]);
        b.add_array(INT, proto, 1);
    });
    assert_eq!(
        of_func,
        "[3] ARRAY (anon) type_id=2 index_type_id=1 nr_elems=1 Invalid elem"
    );
}

#[test]
fn tags() {
    let late = refused(|b| {
        let tag = b.add_type_tag("tag", INT);
        b.add_ref(Kind::Const, "", tag);
    });
    assert!(late.ends_with("Type tags don't precede modifiers"));
    let on_int = refused(|b| {
        b.add_decl_tag("t", INT, None);
    });
    assert_eq!(on_int, "[2] DECL_TAG t type=1 component_idx=-1 Invalid type_id");
    let no_member = refused(|b| {
        let s = b.add_struct("s", 4, &[("a", INT, 0)]);
        b.add_decl_tag("t", s, Some(1));
    });
    assert_eq!(
        no_member,
        "[3] DECL_TAG t type=2 component_idx=1 Invalid component_idx"
    );
}

/// What an older kernel does not know yet.
#[test]
fn rules_of_other_kernels() {
    let section = make(|b| {
        let var = b.add_var("x", VarLinkage::Static, INT);
        let place = Placement {
            ty: var,
            offset: 0,
            size: 4,
        };
        b.add_datasec("?.data", 4, &[place]);
    });
    let plain = Rules {
        printable_sections: false,
        ..Rules::default()
    };
    assert_eq!(validate(&section), Ok(()));
    let rejected = validate_by(&section, plain).unwrap_err();
    assert!(
        rejected
            .log
            .ends_with("[3] DATASEC ?.data size=4 vlen=1 Invalid name\n")
    );
    let float = make(|b| {
        b.add_float("float", 4);
    });
    let without = Rules {
        kinds: Kind::Float as u32,
        ..Rules::default()
    };
    assert_eq!(validate(&float), Ok(()));
    let rejected = validate_by(&float, without).unwrap_err();
    assert!(rejected.log.ends_with("[2] Invalid kind:16"));
    let empty = make(|b| {
        b.add_datasec("license", 4, &[]);
    });
    let without = Rules {
        empty_sections: false,
        ..Rules::default()
    };
    assert_eq!(validate(&empty), Ok(()));
    let rejected = validate_by(&empty, without).unwrap_err();
    assert!(
        rejected
            .log
            .ends_with("[2] DATASEC license size=4 vlen=0 vlen == 0\n")
    );
}
