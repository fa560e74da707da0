//! Programs as objects that libbpf loads: what verdict is asked about, and the real kernels.

use std::fmt;

use verdict_btf::build::{Builder, Placement};
use verdict_btf::{FuncLinkage, IntEncoding, Kind, TypeId, VarLinkage};
use verdict_isa::Insn;

use crate::elf::{ALLOC, EXEC, Elf, RelKind, SymKind, Symbol, WRITE};
use crate::text::{Base, Func, Map, Proto, Shape, Source, Target, proto_of};

/// The name of the only program of an object.
pub const PROGRAM: &str = "prog";

/// Why a program cannot be written: no prototype is known of a kernel function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoPrototype(String);

impl fmt::Display for NoPrototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no prototype of {}", self.0)
    }
}

impl std::error::Error for NoPrototype {}

/// The kernel functions whose prototypes programs need not give.
const KFUNCS: [&str; 11] = [
    "bpf_iter_num_new = int(struct*, int, int)",
    "bpf_iter_num_next = int*(struct*)",
    "bpf_iter_num_destroy = void(struct*)",
    "bpf_rcu_read_lock = void()",
    "bpf_rcu_read_unlock = void()",
    "bpf_preempt_disable = void()",
    "bpf_preempt_enable = void()",
    "bpf_task_acquire = struct*(struct*)",
    "bpf_task_release = void(struct*)",
    "bpf_get_kmem_cache = struct*(int)",
    "bpf_rdonly_cast = void*(void*, int)",
];

/// The prototype of one of them.
fn known(name: &str) -> Option<Proto> {
    let all = KFUNCS.iter().filter_map(|row| proto_of(row));
    all.into_iter().find(|proto| proto.name == name)
}

/// Bytes of a map's definition: four pointers.
const MAP_DEF: u32 = 32;

/// The bytes of an object with one program, [`PROGRAM`].
///
/// # Errors
/// If the program calls a kernel function whose prototype is not known.
pub fn write(source: &Source) -> Result<Vec<u8>, NoPrototype> {
    write_all(&[(PROGRAM, source)])
}

/// The bytes of an object with several programs, by their names. Maps of the same name are one, and must be the same.
///
/// # Errors
/// If a program calls a kernel function whose prototype is not known.
pub fn write_all(programs: &[(&str, &Source)]) -> Result<Vec<u8>, NoPrototype> {
    let bundle = Bundle::new(programs);
    let mut types = Types::new();
    let described = types.funcs(&bundle);
    types.maps(&bundle.maps);
    types.kfuncs(&bundle)?;

    let mut elf = Elf::default();
    let mut sections = Vec::new();
    for (name, code) in &bundle.sections {
        sections.push(elf.section(name, ALLOC | EXEC, bytes(code)));
    }
    let text = match bundle.text.is_empty() {
        true => None,
        false => Some(elf.section(".text", ALLOC | EXEC, bytes(&bundle.text))),
    };
    elf.section("license", WRITE | ALLOC, b"GPL\0".to_vec());
    let symbols = Symbols::new(&mut elf, &bundle, &sections, text);
    for reference in &bundle.refs {
        let (symbol, kind) = match reference.target {
            Target::Map(map) => (symbols.maps.get(map), RelKind::Wide),
            Target::Kfunc(kfunc) => (symbols.kfuncs.get(kfunc), RelKind::Call),
            Target::Call(_) => (symbols.text.as_ref(), RelKind::Call),
            Target::Address(_) => (symbols.text.as_ref(), RelKind::Wide),
        };
        let section = match reference.section {
            Some(section) => sections.get(section).copied(),
            None => text,
        };
        if let (Some(section), Some(symbol)) = (section, symbol) {
            elf.relocate(section, (reference.at * Insn::SIZE) as u64, *symbol, kind);
        }
    }
    let has_funcs = !bundle.funcs.is_empty();
    if has_funcs || !bundle.maps.is_empty() || !bundle.kfuncs.is_empty() {
        // Without functions there is nothing to tell of a program, which is loaded without types then.
        if has_funcs {
            elf.section(".BTF.ext", 0, types.ext(&bundle, &described));
        }
        elf.section(".BTF", 0, types.builder.finish());
    }
    Ok(elf.finish())
}

fn bytes(insns: &[Insn]) -> Vec<u8> {
    insns.iter().flat_map(|insn| insn.to_bytes()).collect()
}

/// A place in code that refers to something.
struct Reference {
    /// The section's number among those of programs; none is `.text`.
    section: Option<usize>,
    /// The instruction in its section.
    at: usize,
    /// What it refers to, by the numbers of the bundle.
    target: Target,
}

/// A program or a function, and where it is.
struct Placed {
    name: String,
    /// The section's number among those of programs; none is `.text`.
    section: Option<usize>,
    start: usize,
    len: usize,
    global: bool,
    args: usize,
}

/// All programs of an object, laid out: instructions by section, with the immediates that the linker wants.
#[derive(Default)]
struct Bundle {
    /// Sections of programs, by name.
    sections: Vec<(String, Vec<Insn>)>,
    text: Vec<Insn>,
    programs: Vec<Placed>,
    funcs: Vec<Placed>,
    maps: Vec<Map>,
    kfuncs: Vec<String>,
    protos: Vec<Proto>,
    refs: Vec<Reference>,
}

/// The number of what is alike in a list, or of what is added.
fn number_of<T: Clone>(list: &mut Vec<T>, one: &T, alike: impl Fn(&T, &T) -> bool) -> usize {
    list.iter()
        .position(|other| alike(other, one))
        .unwrap_or_else(|| {
            list.push(one.clone());
            list.len() - 1
        })
}

impl Bundle {
    fn new(programs: &[(&str, &Source)]) -> Bundle {
        let mut bundle = Bundle::default();
        for (name, source) in programs {
            // The functions of several programs must not share names.
            let prefix = match programs.len() {
                1 => String::new(),
                _ => format!("{name}_"),
            };
            bundle.add(name, &prefix, source);
        }
        bundle
    }

    fn add(&mut self, name: &str, prefix: &str, source: &Source) {
        for proto in &source.protos {
            number_of(&mut self.protos, proto, |a, b| a.name == b.name);
        }
        let mut main = source.insns.clone();
        let first = source.funcs.first().map_or(main.len(), |func| func.start);
        let in_text = self.text.len();
        // The symbol is the section's: what is referred to is in the immediate.
        let place = |func: usize| {
            let start = source.funcs.get(func).map_or(0, |func| func.start);
            (in_text + start - first) as i32
        };
        let section = (source.section.clone(), Vec::new());
        let section = number_of(&mut self.sections, &section, |a, b| a.0 == b.0);
        let in_section = self.sections.get(section).map_or(0, |(_, code)| code.len());
        for &(at, target) in &source.refs {
            let Some(insn) = main.get_mut(at) else { continue };
            let target = match target {
                Target::Map(map) => {
                    insn.src = 0;
                    let Some(map) = source.maps.get(map) else { continue };
                    Target::Map(number_of(&mut self.maps, map, |a, b| a.name == b.name))
                }
                Target::Kfunc(kfunc) => {
                    insn.imm = -1;
                    let Some(kfunc) = source.kfuncs.get(kfunc) else {
                        continue;
                    };
                    Target::Kfunc(number_of(&mut self.kfuncs, kfunc, |a, b| a == b))
                }
                Target::Call(func) => {
                    insn.imm = place(func) - 1;
                    target
                }
                Target::Address(func) => {
                    insn.src = 0;
                    insn.imm = place(func) * Insn::SIZE as i32;
                    target
                }
            };
            let (section, at) = match at.checked_sub(first) {
                Some(at) => (None, in_text + at),
                None => (Some(section), in_section + at),
            };
            self.refs.push(Reference { section, at, target });
        }
        let text = main.split_off(first);
        self.programs.push(Placed {
            name: name.to_owned(),
            section: Some(section),
            start: in_section,
            len: main.len(),
            global: true,
            args: 0,
        });
        self.place_funcs(prefix, &source.funcs, (in_text, first, text.len()));
        if let Some((_, code)) = self.sections.get_mut(section) {
            code.extend(main);
        }
        self.text.extend(text);
    }

    /// Functions that begin at this place of `.text`, are counted from this instruction, and have so many together.
    fn place_funcs(&mut self, prefix: &str, funcs: &[Func], (in_text, first, len): (usize, usize, usize)) {
        for (index, func) in funcs.iter().enumerate() {
            let end = funcs.get(index + 1).map_or(len, |next| next.start - first);
            self.funcs.push(Placed {
                name: format!("{prefix}{}", func.name),
                section: None,
                start: in_text + func.start - first,
                len: end - (func.start - first),
                global: func.global,
                args: func.args,
            });
        }
    }
}

/// What relocations refer to.
struct Symbols {
    maps: Vec<usize>,
    kfuncs: Vec<usize>,
    /// The section's.
    text: Option<usize>,
}

impl Symbols {
    fn new(elf: &mut Elf, bundle: &Bundle, sections: &[usize], text: Option<usize>) -> Symbols {
        let symbol = |name: &str, kind, section, (value, size)| Symbol {
            name: name.to_owned(),
            kind,
            global: true,
            section,
            value,
            size,
        };
        let extent = |placed: &Placed| {
            (
                (placed.start * Insn::SIZE) as u64,
                (placed.len * Insn::SIZE) as u64,
            )
        };
        for program in &bundle.programs {
            let section = program.section.and_then(|section| sections.get(section));
            let section = section.copied().unwrap_or(0);
            elf.symbol(symbol(&program.name, SymKind::Func, section, extent(program)));
        }
        let mut symbols = Symbols {
            maps: Vec::new(),
            kfuncs: Vec::new(),
            text: None,
        };
        if let Some(text) = text {
            symbols.text = Some(elf.symbol(Symbol {
                global: false,
                ..symbol("", SymKind::Section, text, (0, 0))
            }));
            for func in &bundle.funcs {
                elf.symbol(Symbol {
                    global: func.global,
                    ..symbol(&func.name, SymKind::Func, text, extent(func))
                });
            }
        }
        if !bundle.maps.is_empty() {
            let size = MAP_DEF as usize * bundle.maps.len();
            let section = elf.section(".maps", WRITE | ALLOC, vec![0; size]);
            for (place, map) in (0..).map(|n| n * u64::from(MAP_DEF)).zip(&bundle.maps) {
                let extent = (place, u64::from(MAP_DEF));
                let symbol = symbol(&map.name, SymKind::Object, section, extent);
                symbols.maps.push(elf.symbol(symbol));
            }
        }
        for kfunc in &bundle.kfuncs {
            let symbol = symbol(kfunc, SymKind::Extern, 0, (0, 0));
            symbols.kfuncs.push(elf.symbol(symbol));
        }
        symbols
    }
}

/// The object's BTF.
struct Types {
    builder: Builder,
    int: TypeId,
}

/// The types of programs and functions, in the order of the bundle.
struct Described {
    programs: Vec<TypeId>,
    funcs: Vec<TypeId>,
}

impl Types {
    fn new() -> Types {
        let mut builder = Builder::new();
        let int = builder.add_int("int", 4, IntEncoding::SIGNED);
        Types { builder, int }
    }

    fn ty(&mut self, shape: Shape) -> TypeId {
        let mut ty = match shape.base {
            Base::Void => TypeId(0),
            Base::Int => self.int,
            Base::Enum => self.builder.add_enum("some", 4, false, &[("SOME", 0)]),
            Base::Struct => self.builder.add_struct("any", 0, &[]),
            Base::Union => self.builder.add_composite(Kind::Union, "either", 0, &[]),
            Base::Fwd => self.builder.add_fwd("named", false),
        };
        for _ in 0..shape.pointers {
            ty = self.builder.add_ptr(ty);
        }
        ty
    }

    /// The programs and their functions.
    fn funcs(&mut self, bundle: &Bundle) -> Described {
        let mut protos = Vec::new();
        for (section, _) in &bundle.sections {
            // The name by which the kernel knows the context of such a program.
            let ctx = match section.as_str() {
                "xdp" => "xdp_md",
                _ => "__sk_buff",
            };
            let ctx = self.builder.add_struct(ctx, 0, &[]);
            let ctx = self.builder.add_ptr(ctx);
            protos.push(self.builder.add_func_proto(self.int, &[("ctx", ctx)]));
        }
        let mut described = Described {
            programs: Vec::new(),
            funcs: Vec::new(),
        };
        for program in &bundle.programs {
            let proto = program.section.and_then(|section| protos.get(section));
            let proto = proto.copied().unwrap_or(TypeId(0));
            let func = self.builder.add_func(&program.name, FuncLinkage::Global, proto);
            described.programs.push(func);
        }
        for func in &bundle.funcs {
            let names: Vec<_> = (0..func.args).map(|n| format!("arg{n}")).collect();
            let params: Vec<_> = names.iter().map(|name| (name.as_str(), self.int)).collect();
            let proto = self.builder.add_func_proto(self.int, &params);
            let linkage = match func.global {
                true => FuncLinkage::Global,
                false => FuncLinkage::Static,
            };
            described
                .funcs
                .push(self.builder.add_func(&func.name, linkage, proto));
        }
        described
    }

    fn maps(&mut self, maps: &[Map]) {
        let mut placed = Vec::new();
        for map in maps {
            let members = self.definition(map);
            let def = self.builder.add_struct("", MAP_DEF, &members);
            let ty = self.builder.add_var(&map.name, VarLinkage::Global, def);
            placed.push(Placement {
                ty,
                offset: MAP_DEF * placed.len() as u32,
                size: MAP_DEF,
            });
        }
        if !placed.is_empty() {
            let size = MAP_DEF * placed.len() as u32;
            self.builder.add_datasec(".maps", size, &placed);
        }
    }

    /// The members of a map's definition.
    fn definition(&mut self, map: &Map) -> Vec<(&'static str, TypeId, u32)> {
        let mut members = Vec::new();
        let sizes = [
            ("type", map.kind),
            ("key_size", map.key_size),
            ("value_size", map.value_size),
            ("max_entries", map.entries),
        ];
        // A ring buffer has neither keys nor values.
        for (name, number) in sizes.into_iter().filter(|(_, number)| *number != 0) {
            let at = members.len() as u32 * 8;
            let (name, ty) = match name {
                "key_size" if map.lock => ("key", self.int),
                "value_size" if map.lock => ("value", self.locked(number)),
                _ => (name, self.builder.add_array(self.int, self.int, number)),
            };
            members.push((name, self.builder.add_ptr(ty), at));
        }
        members
    }

    /// A value of this size that begins with a spin lock.
    fn locked(&mut self, size: u32) -> TypeId {
        let word = self.builder.add_int("unsigned int", 4, IntEncoding(0));
        let lock = self.builder.add_struct("bpf_spin_lock", 4, &[("val", word, 0)]);
        let rest = self
            .builder
            .add_array(self.int, self.int, size.saturating_sub(4) / 4);
        self.builder
            .add_struct("value", size, &[("lock", lock, 0), ("rest", rest, 4)])
    }

    fn kfuncs(&mut self, bundle: &Bundle) -> Result<(), NoPrototype> {
        let mut placed = Vec::new();
        for name in &bundle.kfuncs {
            let given = bundle.protos.iter().find(|proto| proto.name == *name).cloned();
            let proto = given.or_else(|| known(name));
            let Proto { ret, args, .. } = proto.ok_or_else(|| NoPrototype(name.clone()))?;
            let ret = self.ty(ret);
            let args: Vec<_> = args.iter().map(|arg| ("arg", self.ty(*arg))).collect();
            let proto = self.builder.add_func_proto(ret, &args);
            let ty = self.builder.add_func(name, FuncLinkage::Extern, proto);
            placed.push(Placement {
                ty,
                offset: 0,
                size: 0,
            });
        }
        if !placed.is_empty() {
            self.builder.add_datasec(".ksyms", 0, &placed);
        }
        Ok(())
    }

    /// `.BTF.ext`: which type each program and function has.
    fn ext(&mut self, bundle: &Bundle, described: &Described) -> Vec<u8> {
        let mut words = vec![8];
        let mut records = |builder: &mut Builder, name: &str, of: Vec<(&Placed, &TypeId)>| {
            if !of.is_empty() {
                words.extend([builder.add_string(name), of.len() as u32]);
                words.extend(
                    of.iter()
                        .flat_map(|(placed, ty)| [(placed.start * Insn::SIZE) as u32, ty.0]),
                );
            }
        };
        for (section, (name, _)) in bundle.sections.iter().enumerate() {
            let all = bundle.programs.iter().zip(&described.programs);
            let of = all
                .filter(|(placed, _)| placed.section == Some(section))
                .collect();
            records(&mut self.builder, name, of);
        }
        let of = bundle.funcs.iter().zip(&described.funcs).collect();
        records(&mut self.builder, ".text", of);
        let len = words.len() as u32 * 4;
        let mut out = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, len, len, 0].into_iter().chain(words) {
            out.extend(word.to_le_bytes());
        }
        out
    }
}
