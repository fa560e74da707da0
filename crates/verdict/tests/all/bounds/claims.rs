//! Objects that claim more than they hold: names, bytes and functions that many share, records without end.

use verdict_btf::build::Placement;
use verdict_btf::{FuncLinkage, Kind, TypeId, VarLinkage};

use super::elf::*;
use super::objects::{
    EXIT, INSN, Types, array_ptr, call, insn, map_object, nothing, number, wide, with_program,
};

/// Programs whose functions have so many tags each.
pub(super) fn tags(programs: usize, each: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let section = elf.code("socket", nothing().repeat(programs));
    for i in 0..programs {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    types.functions("socket", (0..programs).map(|i| (format!("prog_{i}"), i * 16)));
    let funcs = (types.proto.0 + 1..).map(TypeId).take(programs);
    for func in funcs {
        for i in 0..each {
            types.btf.add_decl_tag(&format!("arg:unknown_{i}"), func, Some(0));
            types.btf.add_decl_tag(&format!("comment:{i}"), func, None);
        }
    }
    types.finish(&mut elf);
    elf.finish()
}

/// Programs that are tests, and expect something of the log.
pub(super) fn tests(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let section = elf.code("socket", nothing().repeat(count));
    for i in 0..count {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    types.functions("socket", (0..count).map(|i| (format!("prog_{i}"), i * 16)));
    for i in 0..count as u32 {
        let func = TypeId(types.proto.0 + 1 + i);
        types
            .btf
            .add_decl_tag("comment:0:test_expect_success", func, None);
        types
            .btf
            .add_decl_tag(&format!("comment:{i}:test_expect_msg=absent {i}"), func, None);
    }
    types.finish(&mut elf);
    elf.finish()
}

/// Variables of a section of data, each of them used.
pub(super) fn variables(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = wide().repeat(count);
    code.extend(nothing());
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, count * 16 + 16);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let data = elf.data(".data", vec![0; count * 4]);
    let mut placements = Vec::new();
    let mut symbols = Vec::new();
    for i in 0..count {
        let name = format!("v_{i}");
        symbols.push(elf.symbol(&name, OBJECT, data, i * 4, 4));
        placements.push(Placement {
            ty: types.btf.add_var(&name, VarLinkage::Global, types.int),
            offset: i as u32 * 4,
            size: 4,
        });
    }
    types.btf.add_datasec(".data", count as u32 * 4, &placements);
    elf.relocations(section, (0..count).map(|i| (i * 16, symbols[i], R_BPF_64_64)));
    types.finish(&mut elf);
    elf.finish()
}

/// Externs that are in no configuration of a kernel, weak ones.
pub(super) fn kconfig(count: usize) -> Vec<u8> {
    externs(
        count,
        &wide(),
        ("CONFIG_OF_NOBODY", R_BPF_64_64),
        (".kconfig", 4),
        |types, name| types.btf.add_var(name, VarLinkage::Extern, types.int),
    )
}

/// Functions of the kernel's that are called and unknown to it, weak ones.
pub(super) fn kfuncs(count: usize) -> Vec<u8> {
    externs(
        count,
        &call(-1),
        ("kfunc_of_nobody", R_BPF_64_32),
        (".ksyms", 0),
        |types, name| types.btf.add_func(name, FuncLinkage::Extern, types.proto),
    )
}

/// A program that names each of many weak externs in an instruction: how their names begin and are relocated, and the section that
/// their types are said to be in, with the size that each has there.
fn externs(
    count: usize,
    insn: &[u8],
    (begin, relocation): (&str, u64),
    (of, size): (&str, u32),
    declare: impl Fn(&mut Types, &str) -> TypeId,
) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = insn.repeat(count);
    code.extend(nothing());
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, count * insn.len() + 16);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let (mut placements, mut symbols) = (Vec::new(), Vec::new());
    for i in 0..count {
        let name = format!("{begin}_{i}");
        symbols.push(elf.symbol(&name, NOTYPE | WEAK, 0, 0, 0));
        let ty = declare(&mut types, &name);
        placements.push(Placement { ty, offset: 0, size });
    }
    types.btf.add_datasec(of, 0, &placements);
    let places = symbols.iter().enumerate();
    elf.relocations(
        section,
        places.map(|(i, symbol)| (i * insn.len(), *symbol, relocation)),
    );
    types.finish(&mut elf);
    elf.finish()
}

/// Records of functions of a program that has but one.
pub(super) fn function_records(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = number(0).repeat(count);
    code.extend(EXIT);
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    types.functions("socket", (0..count).map(|i| ("prog".to_owned(), i * INSN)));
    types.finish(&mut elf);
    elf.finish()
}

/// Relocations by CO-RE that all go by one access of so many parts.
pub(super) fn accesses(records: usize, parts: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = number(0).repeat(records);
    code.extend(EXIT);
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let mut ty = types.int;
    for i in 0..parts.min(1000) {
        let name = if i == 999 {
            "task_struct".to_owned()
        } else {
            format!("s_{i}")
        };
        ty = types.btf.add_struct(&name, 4, &[("m", ty, 0)]);
    }
    let access = types.btf.add_string(&vec!["0"; parts].join(":"));
    types.core("socket", (0..records).map(|i| (i * INSN, ty, access, 0)));
    types.finish(&mut elf);
    elf.finish()
}

/// Relocations by CO-RE, each of a type of its own that stands for one of the kernel's, by a field, by its size, and whole.
pub(super) fn flavours(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = number(0).repeat(count);
    code.extend(EXIT);
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let (field, whole) = (types.btf.add_string("0:0"), types.btf.add_string("0"));
    let mut records = Vec::new();
    for i in 0..count {
        let name = format!("task_struct___{i}");
        let ty = types.btf.add_struct(&name, 4, &[("pid", types.int, 0)]);
        // A field's offset, a type's size, whether a type is like it.
        let (access, kind) = [(field, 0), (whole, 9), (whole, 12)][i % 3];
        records.push((i * INSN, ty, access, kind));
    }
    types.core("socket", records);
    types.finish(&mut elf);
    elf.finish()
}

/// Labels within a section, and calls by the section's own symbol.
pub(super) fn labels(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let text = elf.code(".text", nothing().repeat(count));
    let whole = elf.symbol("", 3, text, 0, 0);
    for i in 0..count {
        elf.symbol(&format!("f_{i}"), FUNC, text, i * 16, 16);
        elf.symbol(&format!("LBB0_{i}"), NOTYPE, text, i * 16, 0);
    }
    let mut code: Vec<u8> = (0..count).flat_map(|i| call(i as i32 * 2 - 1)).collect();
    code.extend(nothing());
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    elf.relocations(section, (0..count).map(|i| (i * INSN, whole, R_BPF_64_32)));
    elf.finish()
}

/// Programs that each use a map of their own.
pub(super) fn map_users(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let code = [wide().to_vec(), nothing()].concat();
    let section = elf.code("socket", code.repeat(count));
    for i in 0..count {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 32, 32);
    }
    let symbols: Vec<_> = (0..count)
        .map(|i| {
            let data = elf.data(&format!(".data.{i}"), vec![0; 8]);
            elf.symbol(&format!("v_{i}"), OBJECT, data, 0, 8)
        })
        .collect();
    elf.relocations(section, (0..count).map(|i| (i * 32, symbols[i], R_BPF_64_64)));
    elf.finish()
}

/// A program that takes the address of each of so many functions.
pub(super) fn callbacks(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let text = elf.code(".text", nothing().repeat(count));
    let symbols: Vec<_> = (0..count)
        .map(|i| elf.symbol(&format!("f_{i}"), FUNC, text, i * 16, 16))
        .collect();
    let mut code: Vec<u8> = (0..count)
        .flat_map(|i| [insn(0x18, 0x42, 0, i as i32 * 16), [0; INSN]].concat())
        .collect();
    code.extend(nothing());
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    elf.relocations(section, (0..count).map(|i| (i * 16, symbols[i], R_BPF_64_64)));
    elf.finish()
}

/// Sections of programs and of data whose names are the ends of one, each with programs that share their functions.
pub(super) fn long_section_names(count: usize, len: usize) -> Vec<u8> {
    let mut elf = Elf::with_long_name(&".data".repeat(len / 5));
    for i in 0..count {
        let data = elf.data("", vec![0; 8]);
        elf.of(data).named_from = Some(i % (len / 5) * 5);
    }
    for i in 0..count {
        let code = elf.code("", nothing());
        elf.of(code).named_from = Some(i % len);
        elf.long_symbol(i % len, FUNC, code, (0, 16));
    }
    elf.finish()
}

/// BTF whose names are the ends of one: structs, functions, variables, with records of lines that are as long.
pub(super) fn long_type_names(count: usize, len: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let section = elf.code("socket", nothing());
    elf.symbol("prog", FUNC, section, 0, 16);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let at = types.btf.add_string(&"n".repeat(len));
    types.shared_lines("socket", at, (0..count).map(|i| (i % 2 * INSN, i % len)));
    for i in 0..count {
        let before = types.btf.count();
        types.btf.add_typedef("", types.int);
        types.btf.add_struct("", 4, &[("m", types.int, 0)]);
        types.btf.add_func("", FuncLinkage::Global, types.proto);
        types.btf.add_var("", VarLinkage::Static, types.int);
        types.btf.add_enum("", 4, false, &[("", 1)]);
        types
            .long_names
            .extend((before + 1..before + 6).map(|id| (id, at + (i % len) as u32)));
    }
    types.finish(&mut elf);
    elf.finish()
}

/// Sections that are all the same bytes of the file.
pub(super) fn shared_bytes(count: usize, size: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let mut code = number(0).repeat(size / INSN - 1);
    code.extend(EXIT);
    let first = elf.code("socket", code);
    for i in 0..count {
        let data = elf.data(&format!(".data.{i}"), Vec::new());
        elf.share(data, first);
        let constants = elf.section(&format!(".rodata.{i}"), SHT_PROGBITS, ALLOC, Vec::new());
        elf.share(constants, first);
    }
    elf.symbol("prog", FUNC, first, 0, size);
    elf.finish()
}

/// Programs that are all the same bytes of the file: in one section, or in a section each.
pub(super) fn shared_programs(count: usize, size: usize, sections: bool) -> Vec<u8> {
    let mut elf = Elf::new();
    let mut code = number(0).repeat(size / INSN - 1);
    code.extend(EXIT);
    let first = elf.code("socket", code);
    elf.symbol("prog", FUNC, first, 0, size);
    for i in 0..count {
        let section = if sections {
            elf.code(&format!("tp/a/{i}"), Vec::new())
        } else {
            first
        };
        if sections {
            elf.share(section, first);
        }
        elf.symbol(&format!("prog_{i}"), FUNC, section, 0, size);
    }
    elf.finish()
}

/// Functions that are all the same bytes of the file, each of which a program calls.
pub(super) fn shared_functions(count: usize, size: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let mut code = number(0).repeat(size / INSN - 1);
    code.extend(EXIT);
    let text = elf.code(".text", code);
    let symbols: Vec<_> = (0..count)
        .map(|i| {
            elf.symbol(
                &format!("f_{i}"),
                FUNC,
                text,
                i % (size / INSN) * INSN,
                size - i % (size / INSN) * INSN,
            )
        })
        .collect();
    let mut code = call(-1).repeat(count);
    code.extend(nothing());
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    elf.relocations(section, (0..count).map(|i| (i * INSN, symbols[i], R_BPF_64_32)));
    elf.finish()
}

/// Sections of one kind, of which an object should have but one, or one for another section.
pub(super) fn doubles(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let code = elf.code("socket", nothing().repeat(4));
    elf.symbol("prog", FUNC, code, 0, 64);
    let data = elf.data(".data", vec![0; 8]);
    let symbol = elf.symbol("v", OBJECT, data, 0, 8);
    for i in 0..count {
        elf.data("license", b"GPL\0".to_vec());
        elf.data("version", vec![0; 4]);
        elf.data(".maps", vec![0; 32]);
        elf.data(".data", vec![0; 8]);
        elf.relocations(code, [(i % 4 * 16, symbol, R_BPF_64_64)]);
    }
    elf.finish()
}

/// Relocations of one instruction, over and over.
pub(super) fn repeated_relocations(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let code = elf.code("socket", [wide().to_vec(), nothing()].concat());
    elf.symbol("prog", FUNC, code, 0, 32);
    let data = elf.data(".data", vec![0; 8]);
    let symbol = elf.symbol("v", OBJECT, data, 0, 8);
    elf.relocations(code, (0..count).map(|_| (0, symbol, R_BPF_64_64)));
    elf.finish()
}

/// Records of lines and relocations from the last to the first.
pub(super) fn backwards(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let code = [wide().to_vec(), nothing()].concat();
    let section = elf.code("socket", code.repeat(count));
    for i in (0..count).rev() {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 32, 32);
    }
    let data = elf.data(".data", vec![0; 8]);
    let symbol = elf.symbol("v", OBJECT, data, 0, 8);
    elf.relocations(section, (0..count).rev().map(|i| (i * 32, symbol, R_BPF_64_64)));
    types.functions("socket", (0..count).rev().map(|i| (format!("prog_{i}"), i * 32)));
    types.lines("socket", (0..count * 4).rev().map(|i| i * INSN));
    types.finish(&mut elf);
    elf.finish()
}

/// Records of lines of one section, in so many parts.
pub(super) fn parts_of_records(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let section = elf.code("socket", nothing().repeat(count));
    for i in 0..count {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
        types.functions("socket", [(format!("prog_{i}"), i * 16)]);
        types.lines("socket", [i * 16, i * 16 + 8]);
    }
    types.finish(&mut elf);
    elf.finish()
}

/// Maps whose values are structs of so many fields, with tags and pointers.
pub(super) fn map_fields(maps: usize, fields: usize) -> Vec<u8> {
    map_object(maps, maps, false, |types| {
        let task = types.btf.add_fwd("task_struct", false);
        let tagged = types.btf.add_type_tag("kptr_untrusted", task);
        let kptr = types.btf.add_ptr(tagged);
        let names: Vec<_> = (0..fields).map(|i| format!("f_{i}")).collect();
        let members: Vec<_> = (0..fields)
            .map(|i| (names[i].as_str(), kptr, i as u32 * 8))
            .collect();
        let value = types.btf.add_struct("value", fields as u32 * 8, &members);
        let value = types.btf.add_ptr(value);
        let ty = array_ptr(types, 2);
        let max = array_ptr(types, 1);
        let key = types.btf.add_ptr(types.int);
        let members = [
            ("type", ty, 0),
            ("max_entries", max, 8),
            ("key", key, 16),
            ("value", value, 24),
        ];
        types.btf.add_struct("", 32, &members)
    })
}

/// A function with so many qualifiers before each of its parameters' types.
pub(super) fn qualified(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut ty = types.int;
    for i in 0..count {
        ty = types
            .btf
            .add_ref([Kind::Const, Kind::Volatile, Kind::Restrict][i % 3], "", ty);
    }
    let params: Vec<_> = (0..5).map(|_| ("p", ty)).collect();
    types.proto = types.btf.add_func_proto(ty, &params);
    let text = elf.code(".text", nothing().repeat(200));
    let symbols: Vec<_> = (0..200)
        .map(|i| elf.symbol(&format!("f_{i}"), FUNC, text, i * 16, 16))
        .collect();
    let mut code = call(-1).repeat(200);
    code.extend(nothing());
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    elf.relocations(section, (0..200).map(|i| (i * INSN, symbols[i], R_BPF_64_32)));
    types.functions("socket", [("prog".to_owned(), 0)]);
    types.functions(".text", (0..200).map(|i| (format!("f_{i}"), i * 16)));
    types.finish(&mut elf);
    elf.finish()
}

/// An object, and in front of it headers of objects that have its sections.
pub(super) fn overlapping(count: usize) -> Vec<u8> {
    let object = with_program(Elf::new());
    let mut file = b"#!".to_vec();
    for i in 0..count {
        let mut one = object[..64].to_vec();
        let table = u64::from_le_bytes(one[40..48].try_into().unwrap()) + (count - i) as u64 * 64;
        one[40..48].copy_from_slice(&table.to_le_bytes());
        file.extend(one);
    }
    file.extend(object);
    file
}

/// A loop that acquires a reference each time, and never releases one.
pub(super) fn references() -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let (ty, max) = (array_ptr(&mut types, 27), array_ptr(&mut types, 4096));
    let members = [("type", ty, 0), ("max_entries", max, 8)];
    let def = types.btf.add_struct("", 16, &members);
    let maps = elf.data(".maps", vec![0; 16]);
    let symbol = elf.symbol("ring", OBJECT, maps, 0, 16);
    let var = types.btf.add_var("ring", VarLinkage::Global, def);
    let placed = Placement {
        ty: var,
        offset: 0,
        size: 16,
    };
    types.btf.add_datasec(".maps", 16, &[placed]);
    // r1 = ring; r2 = 8; r3 = 0; bpf_ringbuf_reserve; again.
    let mut code = wide().to_vec();
    code.extend(insn(0xb7, 2, 0, 8));
    code.extend(insn(0xb7, 3, 0, 0));
    code.extend(insn(0x85, 0, 0, 131));
    code.extend(insn(0x05, 0, -6, 0));
    let len = code.len();
    let section = elf.code("tp/syscalls/sys_enter_getpid", code);
    elf.symbol("prog", FUNC, section, 0, len);
    elf.relocations(section, [(0, symbol, R_BPF_64_64)]);
    types.functions("tp/syscalls/sys_enter_getpid", [("prog".to_owned(), 0)]);
    types.finish(&mut elf);
    elf.finish()
}

/// Jumps that each lead back to the one before it, to where a register is read and a slot of the stack.
pub(super) fn jumps_back(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let mut code = number(0).to_vec();
    code.extend(insn(0xb7, 6, 0, 1));
    code.extend(insn(0x7b, 0x6a, -8, 0));
    code.extend(insn(0x79, 0xa1, -8, 0));
    // if r0 == 7 goto the instruction before
    code.extend(insn(0x15, 0, -2, 7).repeat(count));
    code.extend(EXIT);
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    elf.finish()
}
