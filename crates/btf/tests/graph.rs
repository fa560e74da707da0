//! Reading BTF: types, names, sizes, tags and walks, on what a compiler makes of `data/sample.c`.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use verdict_btf::build::{Builder, NewMember, Placement};
use verdict_btf::{
    Btf, FlexArrays, FuncLinkage, IntEncoding, Kind, TagError, TypeId, VarLinkage, WalkMode, Walked,
    essential_name, types_are_same,
};

const SAMPLE: &[u8] = include_bytes!("data/sample.btf");

fn sample() -> Btf {
    Btf::parse(SAMPLE).unwrap()
}

fn struct_id(btf: &Btf, name: &str) -> TypeId {
    btf.find(name, Kind::Struct).unwrap()
}

#[test]
fn types_are_read() {
    let btf = sample();
    assert_eq!(btf.count(), 41);
    assert!(btf.ty(TypeId(0)).unwrap().is_void());
    assert!(btf.ty(TypeId(41)).is_none());
    let task = btf.ty(struct_id(&btf, "task___here")).unwrap();
    assert_eq!((task.size(), task.vlen(), task.kflag()), (72, 9, true));
    let members = task
        .members()
        .map(|m| (m.name(), m.bit_offset, m.bitfield_size))
        .collect::<Vec<_>>();
    assert_eq!(members[2..5], [("", 192, 0), ("state", 224, 3), ("prio", 229, 5)]);
    assert_eq!(task.members().len(), 9);
    assert_eq!(task.members().next_back().unwrap().name(), "tail");
    assert!(task.member(9).is_none());
    assert_eq!(task.params().count(), 0);
    let int = btf
        .ty(btf.find("int", Kind::Int).unwrap())
        .unwrap()
        .int()
        .unwrap();
    assert_eq!((int.bits, int.offset, int.encoding), (32, 0, IntEncoding::SIGNED));
}

#[test]
fn enumerators_are_signed_as_their_type_says() {
    let btf = sample();
    let values = |name: &str, kind| {
        let ty = btf.ty(btf.find(name, kind).unwrap()).unwrap();
        ty.enumerators()
            .map(|e| (e.name().to_owned(), e.value, e.raw))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        values("colour", Kind::Enum),
        [("RED".into(), -1, 0xffff_ffff), ("GREEN".into(), 2, 2)]
    );
    assert_eq!(values("wide", Kind::Enum64)[1], ("HIGH".into(), 1 << 32, 1 << 32));
}

#[test]
fn functions_variables_and_sections() {
    let btf = sample();
    let helper = btf.ty(btf.find("helper", Kind::Func).unwrap()).unwrap();
    assert_eq!(helper.func_linkage(), Some(FuncLinkage::Static));
    let params = helper
        .proto()
        .unwrap()
        .params()
        .map(|p| p.name())
        .collect::<Vec<_>>();
    assert_eq!(params, ["task", "index"]);
    assert_eq!(
        btf.func_proto(helper.id()).unwrap().target(),
        btf.find("int", Kind::Int).unwrap()
    );
    let bss = btf.ty(btf.find(".bss", Kind::DataSec).unwrap()).unwrap();
    let names = bss.vars().map(|v| v.type_().unwrap().name()).collect::<Vec<_>>();
    assert_eq!(names, ["colour_var", "wide_var", "ratio", "counter"]);
    let counter = bss.vars().get(3).unwrap().type_().unwrap();
    assert_eq!(counter.var_linkage(), Some(VarLinkage::Static));
    assert_eq!(btf.resolve_type(counter.id()).unwrap().name(), "int");
}

#[test]
fn sizes_resolve_through_typedefs_and_arrays() {
    let btf = sample();
    let task = btf.ty(struct_id(&btf, "task___here")).unwrap();
    let size = |name: &str| {
        let member = task.members().find(|m| m.name() == name).unwrap();
        btf.resolve_size(member.ty)
    };
    assert_eq!(
        ["flags", "children", "grid", "name", "tail"].map(size),
        [Some(8), Some(16), Some(24), Some(8), Some(0)]
    );
    let grid = btf.resolve(task.member(5).unwrap().ty).unwrap();
    assert_eq!(
        (grid.nelems, grid.size, grid.elem.name()),
        (6, 24, "unsigned int")
    );
    assert_eq!(btf.type_name(grid.elem_id), "u32");
    assert_eq!(btf.resolve_size(TypeId(0)), None);
    assert_eq!(btf.resolve_size(btf.find("helper", Kind::Func).unwrap()), None);
}

#[test]
fn names_are_found_by_kind_and_in_order() {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let first = b.add_struct("thing", 4, &[("a", int, 0)]);
    b.add_typedef("thing", first);
    b.add_struct("thing___old", 4, &[("a", int, 0)]);
    let second = b.add_struct("thing", 4, &[("b", int, 0)]);
    let btf = b.build().unwrap();
    assert_eq!(btf.find("thing", Kind::Struct), Some(first));
    assert_eq!(btf.find("thing", Kind::Typedef), Some(TypeId(3)));
    assert_eq!(btf.find("thing___old", Kind::Struct), Some(TypeId(4)));
    assert_eq!(btf.find("thing", Kind::Union), None);
    assert_eq!(btf.find("", Kind::Struct), None);
    assert_eq!(btf.find_all("thing"), [first, TypeId(3), second]);
    assert_eq!(btf.find_any("thing"), Some(first));
}

#[test]
fn flavours_are_cut_off_at_the_last_separator() {
    let cases = [
        ("task_struct___old", "task_struct"),
        ("a___b___c", "a___b"),
        ("a____b", "a____b"),
        ("___b", "___b"),
        ("a___", "a___"),
        ("a___b", "a"),
        ("", ""),
    ];
    for (name, essential) in cases {
        assert_eq!(essential_name(name), essential, "{name}");
    }
}

#[test]
fn every_name_is_found_whatever_its_length_and_flavour() {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let mut names = Vec::new();
    for len in 1..40 {
        let plain = "abcdefghijklmnopqrstuvwxyz_0123456789_ABCDEFGH"[..len].to_owned();
        names.push(format!("{plain}x___f"));
        names.push(plain);
    }
    let ids = names.iter().map(|n| b.add_typedef(n, int)).collect::<Vec<_>>();
    let btf = b.build().unwrap();
    for (name, id) in names.iter().zip(ids) {
        assert_eq!(btf.find(name, Kind::Typedef), Some(id), "{name}");
    }
}

#[test]
fn tags_are_found_by_what_they_are_on() {
    let btf = sample();
    let tagged = struct_id(&btf, "tagged");
    assert_eq!(btf.decl_tags(tagged, None).collect::<Vec<_>>(), ["whole"]);
    assert_eq!(btf.decl_tag_value(tagged, Some(1), "contains:"), Ok("list:next"));
    assert_eq!(
        btf.decl_tag_value(tagged, Some(0), "contains:"),
        Err(TagError::Missing)
    );
    let helper = btf.find("helper", Kind::Func).unwrap();
    assert_eq!(btf.decl_tag_value(helper, Some(1), "arg:"), Ok("index"));
    let task = btf.ty(struct_id(&btf, "task___here")).unwrap();
    let tag = |index| btf.pointer_tag(task.member(index).unwrap().type_().unwrap());
    assert_eq!((tag(6), tag(7), tag(0)), (Some("user"), Some("rcu"), None));
}

#[test]
fn two_tags_of_a_prefix_are_a_conflict() {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let s = b.add_struct("s", 4, &[("a", int, 0)]);
    b.add_decl_tag("kind:a", s, Some(0));
    b.add_decl_tag("kind:b", s, Some(0));
    let btf = b.build().unwrap();
    assert_eq!(btf.decl_tag_value(s, Some(0), "kind:"), Err(TagError::Duplicate));
    assert_eq!(btf.decl_tag_value(s, Some(0), "kind:b"), Ok(""));
}

fn access(btf: &Btf, off: i32, size: u32) -> Result<Walked<'_>, String> {
    let id = struct_id(btf, "task___here");
    btf.struct_access(id, off, size, FlexArrays::All, true)
        .map(|w| w.found)
        .map_err(|e| e.message)
}

#[test]
fn walks_find_scalars_pointers_and_structs() {
    let btf = sample();
    let list = struct_id(&btf, "list");
    assert_eq!(access(&btf, 0, 8), Ok(Walked::Scalar));
    let next = Walked::Ptr {
        target: list,
        tag: None,
        field: "next",
    };
    assert_eq!(access(&btf, 8, 8), Ok(next));
    let parent = Walked::Ptr {
        target: list,
        tag: Some("rcu"),
        field: "parent",
    };
    assert_eq!(access(&btf, 64, 8), Ok(parent));
    // The name's target is no struct, and the bitfields share their word.
    assert_eq!(access(&btf, 56, 8), Ok(Walked::PlainPtr));
    assert_eq!(access(&btf, 28, 4), Ok(Walked::Scalar));
    // Across the elements of an array, and into one that has no end.
    assert_eq!(access(&btf, 40, 8), Ok(Walked::Scalar));
    let prev = Walked::Ptr {
        target: list,
        tag: None,
        field: "prev",
    };
    assert_eq!(access(&btf, 72 + 16 * 5 + 8, 8), Ok(prev));
    let embedded = btf
        .walk(struct_id(&btf, "task___here"), 8, 8, WalkMode::default())
        .unwrap();
    assert_eq!(embedded.found, Walked::Struct(list));
}

#[test]
fn walks_refuse_with_the_kernels_words() {
    let btf = sample();
    assert_eq!(
        access(&btf, 8, 4).unwrap_err(),
        "cannot access ptr member next with moff 0 in struct list with off 0 size 4"
    );
    assert_eq!(
        access(&btf, 52, 8).unwrap_err(),
        "access beyond the end of member grid (mend:56) in struct task___here with off 52 size 8"
    );
    let id = struct_id(&btf, "task___here");
    let beyond = btf.struct_access(id, 72, 8, FlexArrays::None, true).unwrap_err();
    assert_eq!(
        (beyond.errno, &*beyond.message),
        (13, "access beyond struct task___here at off 72 size 8")
    );
    let int = btf.find("int", Kind::Int).unwrap();
    assert_eq!(
        btf.struct_access(int, 0, 4, FlexArrays::All, true)
            .unwrap_err()
            .message,
        "Type 'int' is not a struct"
    );
}

#[test]
fn a_union_of_several_members_taints_what_is_behind_it() {
    let btf = sample();
    let id = struct_id(&btf, "task___here");
    assert!(
        btf.struct_access(id, 24, 4, FlexArrays::All, true)
            .unwrap()
            .through_union
    );
    assert!(
        !btf.struct_access(id, 0, 8, FlexArrays::All, true)
            .unwrap()
            .through_union
    );
}

#[test]
fn structs_are_found_inside_structs() {
    let btf = sample();
    let (task, list) = (struct_id(&btf, "task___here"), struct_id(&btf, "list"));
    assert!(
        btf.find_embedded(task, 8, (&btf, list), false, FlexArrays::All)
            .is_ok()
    );
    assert!(
        btf.find_embedded(task, 8, (&btf, list), true, FlexArrays::All)
            .is_err()
    );
    assert!(
        btf.find_embedded(task, 0, (&btf, list), false, FlexArrays::All)
            .is_err()
    );
    assert!(
        btf.find_embedded(task, 0, (&btf, task), true, FlexArrays::All)
            .is_ok()
    );
    // An element of the flexible array is not embedded: its first member is what lies there.
    assert!(
        btf.find_embedded(task, 72 + 16, (&btf, list), false, FlexArrays::All)
            .is_err()
    );
}

#[test]
fn a_split_btf_continues_its_base() {
    let base = Arc::new(sample());
    let list = struct_id(&base, "list");
    let mut b = Builder::split(Arc::clone(&base));
    let ptr = b.add_ptr(list);
    let module = b.add_struct("module_thing", 8, &[("next", ptr, 0)]);
    let split = b.build().unwrap();
    assert_eq!(ptr, TypeId(base.count()));
    assert_eq!(split.find("module_thing", Kind::Struct), Some(module));
    assert_eq!(split.find("list", Kind::Struct), Some(list));
    assert_eq!(split.find_own("list", Kind::Struct), None);
    assert_eq!(split.ty(module).unwrap().member(0).unwrap().name(), "next");
    assert_eq!(split.resolve_ptr(ptr).unwrap().name(), "list");
    assert!(types_are_same(&split, list, &base, list));
    assert!(!types_are_same(&split, module, &base, module));
    assert!(types_are_same(&split, module, &split, module));
}

#[test]
fn foreign_endianness_is_turned_around() {
    let mut swapped = SAMPLE.to_vec();
    let word = |at: usize| u32::from_le_bytes(SAMPLE[at..at + 4].try_into().unwrap()) as usize;
    let (types, types_len) = (24 + word(8), word(12));
    swapped[..2].reverse();
    for chunk in swapped[4..24].chunks_exact_mut(4) {
        chunk.reverse();
    }
    for chunk in swapped[types..types + types_len].chunks_exact_mut(4) {
        chunk.reverse();
    }
    assert_eq!(Btf::parse(swapped).unwrap().bytes(), SAMPLE);
}

#[test]
fn a_rewritten_btf_keeps_numbers_and_strings() {
    let btf = sample();
    assert_eq!(Builder::from_btf(&btf).finish(), SAMPLE);
    let mut b = Builder::from_btf(&btf);
    let bss = btf.find(".bss", Kind::DataSec).unwrap();
    b.set_size(bss, 24).unwrap();
    let mut first = b.placements(bss)[0];
    first.offset = 23;
    b.set_placement(bss, 0, first).unwrap();
    b.sort_placements(bss).unwrap();
    let helper = btf.find("helper", Kind::Func).unwrap();
    b.set_func_linkage(helper, FuncLinkage::Global).unwrap();
    b.set_name(helper, "renamed").unwrap();
    let proto = btf.func_proto(helper).unwrap().id();
    b.set_param_name(proto, 0, "first").unwrap();
    let added = b.add_var("added", VarLinkage::Extern, btf.find("int", Kind::Int).unwrap());
    assert_eq!(b.set_size(helper, 1), None);
    assert_eq!(b.set_func_linkage(bss, FuncLinkage::Static), None);
    let new = b.build().unwrap();
    assert_eq!(new.count(), btf.count() + 1);
    assert_eq!(new.ty(added).unwrap().var_linkage(), Some(VarLinkage::Extern));
    let section = new.ty(bss).unwrap();
    assert_eq!(section.size(), 24);
    assert_eq!(
        section.vars().map(|v| v.offset).collect::<Vec<_>>(),
        [0, 0, 20, 23]
    );
    let renamed = new.ty(new.find("renamed", Kind::Func).unwrap()).unwrap();
    assert_eq!(
        (renamed.id(), renamed.func_linkage()),
        (helper, Some(FuncLinkage::Global))
    );
    assert_eq!(renamed.proto().unwrap().params().next().unwrap().name(), "first");
}

#[test]
fn the_builder_writes_every_kind() {
    let mut b = Builder::new();
    let int = b.add_int("int", 4, IntEncoding::SIGNED);
    let ptr = b.add_ptr(int);
    let member = NewMember {
        name: "bits",
        ty: int,
        bit_offset: 3,
        bitfield_size: 5,
    };
    let union = b.add_composite(
        Kind::Union,
        "u",
        4,
        &[NewMember {
            bit_offset: 0,
            ..member
        }],
    );
    let bits = b.add_composite(Kind::Struct, "s", 4, &[member]);
    b.add_enum("e", 4, true, &[("MINUS", -1)]);
    b.add_enum64("e64", 8, false, &[("ALL", u64::MAX)]);
    b.add_fwd("f", true);
    b.add_float("double", 8);
    b.add_array(int, union, 3);
    let constant = b.add_ref(Kind::Const, "", int);
    b.add_type_tag("tag", constant);
    let proto = b.add_func_proto(int, &[("a", ptr), ("", TypeId::VOID)]);
    b.add_func("fn", FuncLinkage::Global, proto);
    let var = b.add_var("v", VarLinkage::Global, bits);
    b.add_datasec(
        ".data",
        4,
        &[Placement {
            ty: var,
            offset: 0,
            size: 4,
        }],
    );
    b.add_decl_tag("t", bits, Some(0));
    let btf = b.build().unwrap();
    let kinds = btf.types().map(|t| t.kind().kernel_name()).collect::<Vec<_>>();
    assert_eq!(
        kinds,
        [
            "INT",
            "PTR",
            "UNION",
            "STRUCT",
            "ENUM",
            "ENUM64",
            "FWD",
            "FLOAT",
            "ARRAY",
            "CONST",
            "TYPE_TAG",
            "FUNC_PROTO",
            "FUNC",
            "VAR",
            "DATASEC",
            "DECL_TAG"
        ]
    );
    let member = btf.ty(bits).unwrap().member(0).unwrap();
    assert_eq!((member.bit_offset, member.bitfield_size), (3, 5));
    assert_eq!(verdict_btf::validate::validate(btf.bytes()), Ok(()));
}

#[test]
fn what_libbpf_refuses_is_refused_with_its_reason() {
    let message = |data: Vec<u8>| Btf::parse(data).unwrap_err().message;
    let patched = |at: usize, value: u32| {
        let mut data = SAMPLE.to_vec();
        data[at..at + 4].copy_from_slice(&value.to_le_bytes());
        message(data)
    };
    assert_eq!(message(SAMPLE[..20].to_vec()), "BTF header not found");
    assert_eq!(patched(0, 0x1234), "Invalid BTF magic: 1234");
    assert_eq!(
        patched(4, 5000),
        format!("BTF header len 5000 larger than data size {}", SAMPLE.len())
    );
    assert_eq!(
        patched(8, 2),
        "Invalid BTF data sections layout: type data at 2 + 884, strings data at 884 + 805"
    );
    assert_eq!(
        message(SAMPLE[..SAMPLE.len() - 1].to_vec()),
        "Invalid BTF total size: 1712"
    );
    // The first type, a pointer to type 2.
    assert_eq!(
        patched(24 + 8, 41),
        "btf: type [1]: invalid referenced type ID 41"
    );
    assert_eq!(
        patched(24, 805),
        "btf: type [1]: invalid type name (string offset 805)"
    );
    assert_eq!(patched(24 + 4, 31 << 24), "Unsupported BTF_KIND:31");
    assert_eq!(
        patched(24 + 4, 12 << 24),
        "btf: type [1]: referenced type [2] is not FUNC_PROTO"
    );
}
