//! Objects with very many of something.

use verdict_btf::build::{Builder, Placement};
use verdict_btf::{FuncLinkage, IntEncoding, Kind, TypeId, VarLinkage};

use super::elf::*;

/// Bytes of an instruction.
pub(super) const INSN: usize = 8;

pub(super) fn insn(code: u8, regs: u8, off: i16, imm: i32) -> [u8; INSN] {
    let mut bytes = [code, regs, 0, 0, 0, 0, 0, 0];
    bytes[2..4].copy_from_slice(&off.to_le_bytes());
    bytes[4..].copy_from_slice(&imm.to_le_bytes());
    bytes
}

pub(super) const EXIT: [u8; INSN] = [0x95, 0, 0, 0, 0, 0, 0, 0];

/// `r0 = imm`
pub(super) fn number(imm: i32) -> [u8; INSN] {
    insn(0xb7, 0, 0, imm)
}

/// `call` of a function that so many instructions follow.
pub(super) fn call(distance: i32) -> [u8; INSN] {
    insn(0x85, 0x10, 0, distance)
}

/// Both halves of `r1 = imm ll`.
pub(super) fn wide() -> [u8; 2 * INSN] {
    let mut bytes = [0; 2 * INSN];
    bytes[..INSN].copy_from_slice(&insn(0x18, 1, 0, 0));
    bytes
}

/// Records by the offset of their section's name, as words.
type Records = Vec<(u32, Vec<u32>)>;

/// `.BTF.ext`: for each part, record size, and by offset of a section's name its records.
fn ext(parts: [(u32, Records); 3]) -> Vec<u8> {
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for (size, sections) in parts {
        let start = body.len() as u32;
        if !sections.is_empty() {
            body.extend(size.to_le_bytes());
        }
        for (name, words) in sections {
            body.extend(name.to_le_bytes());
            body.extend((words.len() as u32 * 4 / size).to_le_bytes());
            body.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        head.extend(start.to_le_bytes());
        head.extend((body.len() as u32 - start).to_le_bytes());
    }
    let mut file = vec![0x9f, 0xeb, 1, 0];
    file.extend((8 + head.len() as u32).to_le_bytes());
    file.extend(head);
    file.extend(body);
    file
}

/// A program that does nothing.
pub(super) fn nothing() -> Vec<u8> {
    [number(0), EXIT].concat()
}

/// Types that are being written, and records about instructions.
pub(super) struct Types {
    pub(super) btf: Builder,
    pub(super) int: TypeId,
    pub(super) proto: TypeId,
    pub(super) funcs: Records,
    pub(super) lines: Records,
    pub(super) core: Records,
    /// Types, and where the name is that each has in truth.
    pub(super) long_names: Vec<(u32, u32)>,
}

impl Types {
    pub(super) fn new() -> Types {
        let mut btf = Builder::new();
        let int = btf.add_int("int", 4, IntEncoding(1));
        let proto = btf.add_func_proto(int, &[]);
        Types {
            btf,
            int,
            proto,
            funcs: Vec::new(),
            lines: Vec::new(),
            core: Vec::new(),
            long_names: Vec::new(),
        }
    }

    /// Functions of a section, by their names and offsets.
    pub(super) fn functions(&mut self, section: &str, all: impl IntoIterator<Item = (String, usize)>) {
        let mut words = Vec::new();
        for (name, at) in all {
            let id = self.btf.add_func(&name, FuncLinkage::Global, self.proto);
            words.extend([at as u32, id.0]);
        }
        let section = self.btf.add_string(section);
        self.funcs.push((section, words));
    }

    /// Lines of a section, by the offsets of their instructions.
    pub(super) fn lines(&mut self, section: &str, all: impl IntoIterator<Item = usize>) {
        let (section, file) = (self.btf.add_string(section), self.btf.add_string("a.c"));
        let text = self.btf.add_string("int x;");
        let lines = all.into_iter().zip(1..);
        let words = lines.flat_map(|(at, line)| [at as u32, file, text, line << 10]);
        self.lines.push((section, words.collect()));
    }

    /// Lines of a section whose texts are the ends of a string at an offset.
    pub(super) fn shared_lines(&mut self, section: &str, at: u32, all: impl Iterator<Item = (usize, usize)>) {
        let section = self.btf.add_string(section);
        let line = |(insn, from)| [insn as u32, at, at + from as u32, 1 << 10];
        self.lines.push((section, all.flat_map(line).collect()));
    }

    /// CO-RE records of a section: offset, type, access and kind of each.
    pub(super) fn core(&mut self, section: &str, all: impl IntoIterator<Item = (usize, TypeId, u32, u32)>) {
        let section = self.btf.add_string(section);
        let words = all
            .into_iter()
            .flat_map(|(at, ty, access, kind)| [at as u32, ty.0, access, kind]);
        self.core.push((section, words.collect()));
    }

    /// Gives them to an object.
    pub(super) fn finish(self, elf: &mut Elf) {
        let mut btf = self.btf.finish();
        rename(&mut btf, &self.long_names);
        elf.section(".BTF", SHT_PROGBITS, 0, btf);
        let parts = [(8, self.funcs), (16, self.lines), (16, self.core)];
        if parts.iter().any(|(_, part)| !part.is_empty()) {
            elf.section(".BTF.ext", SHT_PROGBITS, 0, ext(parts));
        }
    }
}

/// Gives types names that begin at these offsets.
fn rename(btf: &mut [u8], names: &[(u32, u32)]) {
    let mut names = names.iter();
    let (mut at, mut id) = (24, 1);
    let mut next = names.next();
    while let Some((wanted, name)) = next {
        if id == *wanted {
            btf[at..at + 4].copy_from_slice(&name.to_le_bytes());
            next = names.next();
        }
        let info = u32::from_le_bytes(btf[at + 4..at + 8].try_into().unwrap());
        let vlen = (info & 0xffff) as usize;
        at += 12
            + match info >> 24 & 0x1f {
                1 | 14 | 17 => 4,
                3 => 12,
                4 | 5 | 15 | 19 => vlen * 12,
                6 | 13 => vlen * 8,
                _ => 0,
            };
        id += 1;
    }
}

/// So many programs, all in one section.
pub(super) fn programs(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let section = elf.code("socket", nothing().repeat(count));
    for i in 0..count {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    elf.finish()
}

/// The same with functions and lines.
pub(super) fn typed_programs(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let section = elf.code("socket", nothing().repeat(count));
    for i in 0..count {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    types.functions("socket", (0..count).map(|i| (format!("prog_{i}"), i * 16)));
    types.lines("socket", (0..count * 2).map(|i| i * 8));
    types.finish(&mut elf);
    elf.finish()
}

/// The same with a section each.
pub(super) fn sections_of_programs(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    for i in 0..count {
        let section = elf.code(&format!("tp/{i}/{i}"), nothing());
        elf.symbol(&format!("prog_{i}"), FUNC, section, 0, 16);
    }
    elf.finish()
}

/// Programs that each reach a chain of functions.
pub(super) fn chain(programs: usize, functions: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let mut code = Vec::new();
    for i in 0..functions {
        // The next one follows behind the exit.
        let next = if i + 1 < functions { call(1) } else { number(0) };
        code.extend([next, EXIT].concat());
    }
    let text = elf.code(".text", code);
    let first = elf.symbol("f_0", FUNC, text, 0, 16);
    for i in 1..functions {
        elf.symbol(&format!("f_{i}"), FUNC, text, i * 16, 16);
    }
    let section = elf.code("socket", [call(-1), EXIT].concat().repeat(programs));
    for i in 0..programs {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    elf.relocations(section, (0..programs).map(|i| (i * 16, first, R_BPF_64_32)));
    elf.finish()
}

/// Headers of objects, one after the other, each an object of its own.
pub(super) fn headers(bytes: usize) -> Vec<u8> {
    let mut file = b"#!".to_vec();
    while file.len() + 64 <= bytes {
        let mut one = header(0, 1, 0);
        // No two have the same contents.
        one[24..28].copy_from_slice(&(file.len() as u32).to_le_bytes());
        file.extend(one);
    }
    file
}

/// Sections of data that is nobody's.
pub(super) fn sections(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    for i in 0..count {
        elf.section(&format!("other_{i}"), SHT_PROGBITS, 0, vec![0; 8]);
    }
    with_program(elf)
}

/// Sections, and symbols of functions, whose names are the ends of one that is `len` bytes long.
pub(super) fn long_names(count: usize, len: usize) -> Vec<u8> {
    let mut elf = Elf::with_long_name(&"n".repeat(len));
    for i in 0..count {
        let section = elf.section("", SHT_PROGBITS, 0, vec![0; 8]);
        elf.of(section).named_from = Some(i % len);
    }
    let section = elf.code("socket", nothing().repeat(count));
    for i in 0..count {
        elf.long_symbol(i % len, FUNC, section, (i * 16, 16));
    }
    elf.finish()
}

/// Programs that are all rejected: each reads where its context has nothing.
pub(super) fn rejected(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let code = [insn(0x79, 0x10, 0x7000, 0), EXIT].concat();
    let section = elf.code("socket", code.repeat(count));
    for i in 0..count {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    elf.finish()
}

/// Sections of global data, each of which becomes a map.
pub(super) fn data_sections(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    for i in 0..count {
        elf.data(&format!(".data.{i}"), vec![0; 8]);
    }
    with_program(elf)
}

/// The object with a program that does nothing.
pub(super) fn with_program(mut elf: Elf) -> Vec<u8> {
    let section = elf.code("socket", nothing());
    elf.symbol("prog", FUNC, section, 0, 16);
    elf.finish()
}

/// Instructions that end, with a relocation by CO-RE of a field of the kernel's for each but the last.
fn fields(count: usize) -> (Types, Vec<u8>, impl Iterator<Item = (usize, TypeId, u32, u32)>) {
    let mut types = Types::new();
    let pid = types.btf.add_struct("task_struct", 4, &[("pid", types.int, 0)]);
    let access = types.btf.add_string("0:0");
    let mut code = number(0).repeat(count);
    code.extend(EXIT);
    (types, code, (0..count).map(move |i| (i * INSN, pid, access, 0)))
}

/// Relocations by CO-RE of a field of the kernel's, all in one program.
pub(super) fn core(count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let (mut types, code, records) = fields(count);
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    types.functions("socket", [("prog".to_owned(), 0)]);
    types.core("socket", records);
    types.finish(&mut elf);
    elf.finish()
}

/// The same in functions that many programs share.
pub(super) fn shared_core(programs: usize, count: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let (mut types, code, records) = fields(count);
    let len = code.len();
    let text = elf.code(".text", code);
    elf.symbol("unused", FUNC, text, 0, len);
    let section = elf.code("socket", nothing().repeat(programs));
    for i in 0..programs {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * 16, 16);
    }
    types.functions(".text", [("unused".to_owned(), 0)]);
    types.functions("socket", (0..programs).map(|i| (format!("prog_{i}"), i * 16)));
    types.core(".text", records);
    types.finish(&mut elf);
    elf.finish()
}

/// Records of lines, so many for each of so many programs.
pub(super) fn lines(programs: usize, each: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = number(0).repeat(each - 1);
    code.extend(EXIT);
    let len = code.len();
    let section = elf.code("socket", code.repeat(programs));
    for i in 0..programs {
        elf.symbol(&format!("prog_{i}"), FUNC, section, i * len, len);
    }
    types.functions("socket", (0..programs).map(|i| (format!("prog_{i}"), i * len)));
    types.lines("socket", (0..programs * each).map(|i| i * INSN));
    types.finish(&mut elf);
    elf.finish()
}

/// Maps that are all defined by one type, which says the same so many times.
pub(super) fn long_definitions(maps: usize, members: usize) -> Vec<u8> {
    map_object(maps, 1, false, |types| {
        let ty = array_ptr(types, 2);
        types.btf.add_struct("", 32, &vec![("type", ty, 0); members])
    })
}

/// Sections of one name for struct_ops maps, and types for so many maps in each.
pub(super) fn struct_ops(sections: usize, maps: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let name = ".struct_ops";
    for _ in 0..sections {
        elf.data(name, vec![0; 8]);
    }
    let ops = types.btf.add_struct("ops", 8, &[]);
    let mut placements = Vec::new();
    for i in 0..maps {
        placements.push(Placement {
            ty: types.btf.add_var(&format!("ops_{i}"), VarLinkage::Static, ops),
            offset: 0,
            size: 8,
        });
    }
    types.btf.add_datasec(name, 8, &placements);
    types.finish(&mut elf);
    with_program(elf)
}

/// Programs of struct_ops, each the member of a map of its own.
pub(super) fn members(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let code = elf.code("struct_ops", nothing().repeat(count));
    let symbols: Vec<_> = (0..count)
        .map(|i| elf.symbol(&format!("prog_{i}"), FUNC, code, i * 16, 16))
        .collect();
    types.functions("struct_ops", (0..count).map(|i| (format!("prog_{i}"), i * 16)));
    let func = types.btf.add_ptr(types.proto);
    let ops = types
        .btf
        .add_struct("tcp_congestion_ops", 8, &[("release", func, 0)]);
    let section = elf.data(".struct_ops", vec![0; count * 8]);
    let mut placements = Vec::new();
    for i in 0..count {
        let name = format!("ops_{i}");
        elf.symbol(&name, OBJECT, section, i * 8, 8);
        placements.push(Placement {
            ty: types.btf.add_var(&name, VarLinkage::Global, ops),
            offset: i as u32 * 8,
            size: 8,
        });
    }
    let size = count as u32 * 8;
    types.btf.add_datasec(".struct_ops", size, &placements);
    elf.relocations(section, (0..count).map(|i| (i * 8, symbols[i], R_BPF_64_64)));
    types.finish(&mut elf);
    elf.finish()
}

/// Maps, and programs that use none of them.
pub(super) fn maps(count: usize, programs: usize) -> Vec<u8> {
    map_object(count, programs, false, |types| {
        let (ty, ptr) = (array_ptr(types, 2), types.btf.add_ptr(types.int));
        let max = array_ptr(types, 1);
        let members = [
            ("type", ty, 0),
            ("max_entries", max, 8),
            ("key", ptr, 16),
            ("value", ptr, 24),
        ];
        types.btf.add_struct("", 32, &members)
    })
}

/// Maps of maps, each of which has the next one as an element, the last one the first.
pub(super) fn map_cycle(count: usize) -> Vec<u8> {
    map_object(count, 1, true, |types| {
        let ty = array_ptr(types, 12);
        let max = array_ptr(types, 1);
        let size = array_ptr(types, 4);
        let inner_ty = array_ptr(types, 2);
        let inner = [
            ("type", inner_ty, 0),
            ("max_entries", max, 8),
            ("key_size", size, 16),
            ("value_size", size, 24),
        ];
        let inner = types.btf.add_struct("", 32, &inner);
        let inner = types.btf.add_ptr(inner);
        let values = types.btf.add_array(types.int, inner, 0);
        let members = [
            ("type", ty, 0),
            ("max_entries", max, 8),
            ("key_size", size, 16),
            ("values", values, 24),
        ];
        types.btf.add_struct("", 32, &members)
    })
}

/// A pointer to an array of so many integers, which is how definitions of maps say a number.
pub(super) fn array_ptr(types: &mut Types, count: u32) -> TypeId {
    let array = types.btf.add_array(types.int, types.int, count);
    types.btf.add_ptr(array)
}

pub(super) fn map_object(
    count: usize,
    programs: usize,
    cycle: bool,
    def: impl Fn(&mut Types) -> TypeId,
) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let def = def(&mut types);
    let section = elf.data(".maps", vec![0; count * 32]);
    let mut placements = Vec::new();
    let mut symbols = Vec::new();
    for i in 0..count {
        let name = format!("m_{i}");
        symbols.push(elf.symbol(&name, OBJECT, section, i * 32, 32));
        placements.push(Placement {
            ty: types.btf.add_var(&name, VarLinkage::Global, def),
            offset: i as u32 * 32,
            size: 32,
        });
    }
    let size = count as u32 * 32;
    types.btf.add_datasec(".maps", size, &placements);
    if cycle {
        let next = |i: usize| symbols[(i + 1) % count];
        elf.relocations(section, (0..count).map(|i| (i * 32 + 24, next(i), R_BPF_64_64)));
    }
    let code = elf.code("socket", nothing().repeat(programs));
    for i in 0..programs {
        elf.symbol(&format!("prog_{i}"), FUNC, code, i * 16, 16);
    }
    types.functions("socket", (0..programs).map(|i| (format!("prog_{i}"), i * 16)));
    types.finish(&mut elf);
    elf.finish()
}

/// Functions of the kernel's that are called, or addresses that are loaded, all unknown to it and weak.
pub(super) fn externs(count: usize) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let mut code = wide().repeat(count);
    code.extend(nothing());
    let len = code.len();
    let section = elf.code("socket", code);
    elf.symbol("prog", FUNC, section, 0, len);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let mut placements = Vec::new();
    let mut symbols = Vec::new();
    for i in 0..count {
        let name = format!("extern_{i}");
        symbols.push(elf.symbol(&name, NOTYPE | WEAK, 0, 0, 0));
        placements.push(Placement {
            ty: types.btf.add_var(&name, VarLinkage::Extern, TypeId::VOID),
            offset: 0,
            size: 0,
        });
    }
    types.btf.add_datasec(".ksyms", 0, &placements);
    elf.relocations(
        section,
        symbols
            .iter()
            .enumerate()
            .map(|(i, symbol)| (i * 16, *symbol, R_BPF_64_64)),
    );
    types.finish(&mut elf);
    elf.finish()
}

/// A type in the next one, over and over.
fn nested(count: usize, core: bool, wrap: impl Fn(&mut Builder, usize, TypeId) -> TypeId) -> Vec<u8> {
    let (mut elf, mut types) = (Elf::new(), Types::new());
    let section = elf.code("socket", nothing());
    elf.symbol("prog", FUNC, section, 0, 16);
    types.functions("socket", [("prog".to_owned(), 0)]);
    let mut ty = types.int;
    for i in 0..count {
        ty = wrap(&mut types.btf, i, ty);
    }
    let data = elf.data(".data", vec![0; 8]);
    elf.symbol("deep", OBJECT, data, 0, 4);
    let var = types.btf.add_var("deep", VarLinkage::Global, ty);
    let placed = Placement {
        ty: var,
        offset: 0,
        size: 4,
    };
    types.btf.add_datasec(".data", 8, &[placed]);
    if core {
        let access = types.btf.add_string("0:0:0");
        types.core("socket", [(0, ty, access, 0)]);
    }
    types.finish(&mut elf);
    elf.finish()
}

/// Structs in structs.
pub(super) fn structs(count: usize, core: bool) -> Vec<u8> {
    nested(count, core, |btf, i, ty| {
        btf.add_struct(&format!("s_{i}"), 4, &[("m", ty, 0)])
    })
}

/// Arrays of arrays.
pub(super) fn arrays(count: usize, core: bool) -> Vec<u8> {
    nested(count, core, |btf, _, ty| btf.add_array(TypeId(1), ty, 1))
}

/// Typedefs of typedefs.
pub(super) fn typedefs(count: usize, core: bool) -> Vec<u8> {
    nested(count, core, |btf, i, ty| btf.add_typedef(&format!("t_{i}"), ty))
}

/// Pointers to pointers.
pub(super) fn pointers(count: usize, core: bool) -> Vec<u8> {
    nested(count, core, |btf, _, ty| btf.add_ptr(ty))
}

/// Typedefs that many members, functions and variables go through, each by its own.
pub(super) fn typedef_users(count: usize, core: bool) -> Vec<u8> {
    nested(count, core, |btf, i, ty| {
        let ty = btf.add_typedef(&format!("t_{i}"), ty);
        btf.add_struct(&format!("s_{i}"), 8, &[("m", ty, 0)]);
        btf.add_var(&format!("v_{i}"), VarLinkage::Static, ty);
        btf.add_decl_tag("tag", ty, None);
        btf.add_ref(Kind::Const, "", ty);
        ty
    })
}

/// Constant data of a size that its header claims, without contents in the file.
pub(super) fn claimed(name: &str, ty: u32, size: u64) -> Vec<u8> {
    let mut elf = Elf::new();
    let section = elf.section(name, ty, ALLOC, vec![0; 8]);
    elf.of(section).size = size;
    with_program(elf)
}

/// Frames with full stacks, the innermost with pending branches.
pub(super) fn frames(frames: usize, branches: usize) -> Vec<u8> {
    let mut elf = Elf::new();
    let mut code = Vec::new();
    let mut starts = Vec::new();
    for depth in 0..frames {
        starts.push(code.len());
        // r6 = unknown; each slot of the stack has another unknown number.
        let slots = 7;
        for slot in 1..=slots {
            code.extend(insn(0x85, 0, 0, 7));
            code.extend(insn(0x7b, 0x0a, -8 * slot, 0));
        }
        if depth + 1 < frames {
            code.extend(call(1));
            code.extend(EXIT);
            continue;
        }
        code.extend(insn(0x85, 0, 0, 7));
        for branch in 0..branches {
            code.extend(insn(0x15, 0, 0, branch as i32));
        }
        code.extend(nothing());
    }
    let main = starts.get(1).copied().unwrap_or(code.len());
    // The main program is its own section; calls within one are resolved by distance.
    let section = elf.code("tracepoint/a/b", code[..main].to_vec());
    let text = elf.code(".text", code[main..].to_vec());
    elf.symbol("prog", FUNC, section, 0, main);
    let mut first = 0;
    for (i, start) in starts.iter().enumerate().skip(1) {
        let end = starts.get(i + 1).copied().unwrap_or(code.len());
        let symbol = elf.symbol(&format!("f_{i}"), FUNC, text, start - main, end - start);
        first = if i == 1 { symbol } else { first };
    }
    // The call stands before the exit.
    let at = main - 2 * INSN;
    let section_data = &mut elf.of(section).data;
    section_data[at + 4..at + 8].copy_from_slice(&(-1i32).to_le_bytes());
    elf.relocations(section, [(at, first, R_BPF_64_32)]);
    elf.finish()
}
