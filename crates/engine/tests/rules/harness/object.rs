//! A program as an object that libbpf loads: what verdict is asked about, and the real kernels.

use verdict_btf::build::{Builder, Placement};
use verdict_btf::{FuncLinkage, IntEncoding, TypeId, VarLinkage};
use verdict_isa::Insn;

use super::asm::{Func, Map, Source, Target};
use super::elf::{ALLOC, EXEC, Elf, RelKind, SymKind, Symbol, WRITE};

/// The name of the program in its object.
pub(super) const PROGRAM: &str = "prog";

/// What a kernel function gives and takes.
#[derive(Clone, Copy)]
enum Ty {
    Void,
    Int,
    /// To an integer, a struct or nothing: libbpf compares the kinds.
    IntPtr,
    StructPtr,
    VoidPtr,
}

/// The kernel functions that programs call.
const KFUNCS: &[(&str, Ty, &[Ty])] = &[
    ("bpf_iter_num_new", Ty::Int, &[Ty::StructPtr, Ty::Int, Ty::Int]),
    ("bpf_iter_num_next", Ty::IntPtr, &[Ty::StructPtr]),
    ("bpf_iter_num_destroy", Ty::Void, &[Ty::StructPtr]),
    ("bpf_rcu_read_lock", Ty::Void, &[]),
    ("bpf_rcu_read_unlock", Ty::Void, &[]),
    ("bpf_preempt_disable", Ty::Void, &[]),
    ("bpf_preempt_enable", Ty::Void, &[]),
    ("bpf_task_acquire", Ty::StructPtr, &[Ty::StructPtr]),
    ("bpf_task_release", Ty::Void, &[Ty::StructPtr]),
    ("bpf_get_kmem_cache", Ty::StructPtr, &[Ty::Int]),
    ("bpf_rdonly_cast", Ty::VoidPtr, &[Ty::VoidPtr, Ty::Int]),
];

/// Bytes of a map's definition: four pointers.
const MAP_DEF: u32 = 32;

/// The object's bytes.
///
/// # Panics
/// If the program calls a kernel function that has no row here.
pub(super) fn write(source: &Source) -> Vec<u8> {
    let mut types = Types::new();
    let types_of_funcs = types.funcs(source);
    types.maps(&source.maps);
    types.kfuncs(&source.kfuncs);

    let mut elf = Elf::default();
    let code = Code::new(source);
    let main = elf.section(&source.section, ALLOC | EXEC, bytes(&code.main));
    let text = match code.text.is_empty() {
        true => None,
        false => Some(elf.section(".text", ALLOC | EXEC, bytes(&code.text))),
    };
    elf.section("license", WRITE | ALLOC, b"GPL\0".to_vec());
    let symbols = Symbols::new(&mut elf, source, &code, main, text);
    for &(at, target) in &source.refs {
        let (section, at) = match (at.checked_sub(code.main.len()), text) {
            (Some(at), Some(text)) => (text, at),
            _ => (main, at),
        };
        let (symbol, kind) = match target {
            Target::Map(map) => (symbols.maps[map], RelKind::Wide),
            Target::Kfunc(kfunc) => (symbols.kfuncs[kfunc], RelKind::Call),
            Target::Call(_) => (symbols.text, RelKind::Call),
            Target::Address(_) => (symbols.text, RelKind::Wide),
        };
        elf.relocate(section, (at * Insn::SIZE) as u64, symbol, kind);
    }
    if !(source.funcs.is_empty() && source.maps.is_empty() && source.kfuncs.is_empty()) {
        // Without functions there is nothing to tell of the program, which is loaded without types then.
        if !source.funcs.is_empty() {
            elf.section(".BTF.ext", 0, types.ext(source, &code, &types_of_funcs));
        }
        elf.section(".BTF", 0, types.builder.finish());
    }
    elf.finish()
}

fn bytes(insns: &[Insn]) -> Vec<u8> {
    insns.iter().flat_map(|insn| insn.to_bytes()).collect()
}

/// Instructions by section, with the immediates that the linker wants.
struct Code {
    main: Vec<Insn>,
    text: Vec<Insn>,
}

impl Code {
    fn new(source: &Source) -> Code {
        let mut main = source.insns.clone();
        let first = source.funcs.first().map_or(main.len(), |func| func.start);
        for &(at, target) in &source.refs {
            // The symbol is the section's: what is referred to is in the immediate.
            let place = |func: usize| (source.funcs[func].start - first) as i32;
            match target {
                Target::Map(_) => main[at].src = 0,
                Target::Kfunc(_) => main[at].imm = -1,
                Target::Call(func) => main[at].imm = place(func) - 1,
                Target::Address(func) => {
                    main[at].src = 0;
                    main[at].imm = place(func) * Insn::SIZE as i32;
                }
            }
        }
        let text = main.split_off(first);
        Code { main, text }
    }

    /// The bytes of `.text` that are a function's.
    fn extent(&self, funcs: &[Func], index: usize) -> (u64, u64) {
        let start = funcs[index].start - self.main.len();
        let end = funcs
            .get(index + 1)
            .map_or(self.text.len(), |next| next.start - self.main.len());
        ((start * Insn::SIZE) as u64, ((end - start) * Insn::SIZE) as u64)
    }
}

/// What relocations refer to.
struct Symbols {
    maps: Vec<usize>,
    kfuncs: Vec<usize>,
    /// The section's.
    text: usize,
}

impl Symbols {
    fn new(elf: &mut Elf, source: &Source, code: &Code, main: usize, text: Option<usize>) -> Symbols {
        let symbol = |name: &str, kind, section, (value, size)| Symbol {
            name: name.to_owned(),
            kind,
            global: true,
            section,
            value,
            size,
        };
        let extent = (0, (code.main.len() * Insn::SIZE) as u64);
        elf.symbol(symbol(PROGRAM, SymKind::Func, main, extent));
        let mut symbols = Symbols {
            maps: Vec::new(),
            kfuncs: Vec::new(),
            text: 0,
        };
        if let Some(text) = text {
            symbols.text = elf.symbol(Symbol {
                global: false,
                ..symbol("", SymKind::Section, text, (0, 0))
            });
            for (index, func) in source.funcs.iter().enumerate() {
                elf.symbol(Symbol {
                    global: func.global,
                    ..symbol(&func.name, SymKind::Func, text, code.extent(&source.funcs, index))
                });
            }
        }
        if !source.maps.is_empty() {
            let size = MAP_DEF as usize * source.maps.len();
            let section = elf.section(".maps", WRITE | ALLOC, vec![0; size]);
            for (place, map) in (0..).map(|n| n * u64::from(MAP_DEF)).zip(&source.maps) {
                let extent = (place, u64::from(MAP_DEF));
                let symbol = symbol(&map.name, SymKind::Object, section, extent);
                symbols.maps.push(elf.symbol(symbol));
            }
        }
        for kfunc in &source.kfuncs {
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

impl Types {
    fn new() -> Types {
        let mut builder = Builder::new();
        let int = builder.add_int("int", 4, IntEncoding::SIGNED);
        Types { builder, int }
    }

    fn ty(&mut self, ty: Ty) -> TypeId {
        match ty {
            Ty::Void => TypeId(0),
            Ty::Int => self.int,
            Ty::IntPtr => self.builder.add_ptr(self.int),
            Ty::StructPtr => {
                let any = self.builder.add_struct("any", 0, &[]);
                self.builder.add_ptr(any)
            }
            Ty::VoidPtr => self.builder.add_ptr(TypeId(0)),
        }
    }

    /// The program and its functions.
    fn funcs(&mut self, source: &Source) -> Vec<TypeId> {
        // The name by which the kernel knows the context of such a program.
        let ctx = match source.section.as_str() {
            "xdp" => "xdp_md",
            _ => "__sk_buff",
        };
        let ctx = self.builder.add_struct(ctx, 0, &[]);
        let ctx = self.builder.add_ptr(ctx);
        let proto = self.builder.add_func_proto(self.int, &[("ctx", ctx)]);
        let main = self.builder.add_func(PROGRAM, FuncLinkage::Global, proto);
        let mut types = vec![main];
        for func in &source.funcs {
            let names: Vec<_> = (0..func.args).map(|n| format!("arg{n}")).collect();
            let params: Vec<_> = names.iter().map(|name| (name.as_str(), self.int)).collect();
            let proto = self.builder.add_func_proto(self.int, &params);
            let linkage = match func.global {
                true => FuncLinkage::Global,
                false => FuncLinkage::Static,
            };
            types.push(self.builder.add_func(&func.name, linkage, proto));
        }
        types
    }

    fn maps(&mut self, maps: &[Map]) {
        let mut placed = Vec::new();
        for map in maps {
            let sizes = [
                ("type", map.kind),
                ("key_size", map.key_size),
                ("value_size", map.value_size),
                ("max_entries", map.entries),
            ];
            let mut members = Vec::new();
            // A ring buffer has neither keys nor values.
            for (name, number) in sizes.into_iter().filter(|(_, number)| *number != 0) {
                let array = self.builder.add_array(self.int, self.int, number);
                let bit = members.len() as u32 * 64;
                members.push((name, self.builder.add_ptr(array), bit));
            }
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

    fn kfuncs(&mut self, kfuncs: &[String]) {
        let mut placed = Vec::new();
        for name in kfuncs {
            let row = KFUNCS.iter().find(|row| row.0 == name);
            let &(_, ret, args) = row.unwrap_or_else(|| panic!("no prototype of {name}"));
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
    }

    /// `.BTF.ext`: which type each function has.
    fn ext(&mut self, source: &Source, code: &Code, types: &[TypeId]) -> Vec<u8> {
        let mut words = vec![8, self.builder.add_string(&source.section), 1, 0, types[0].0];
        words.extend([self.builder.add_string(".text"), source.funcs.len() as u32]);
        for (func, ty) in source.funcs.iter().zip(&types[1..]) {
            let place = (func.start - code.main.len()) * Insn::SIZE;
            words.extend([place as u32, ty.0]);
        }
        let len = words.len() as u32 * 4;
        let mut out = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, len, len, 0].into_iter().chain(words) {
            out.extend(word.to_le_bytes());
        }
        out
    }
}
