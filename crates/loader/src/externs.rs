//! Externs: what an object expects of the kernel (`__kconfig`, `__ksym`), as its symbols and BTF declare it.

use std::collections::HashMap;

use verdict_btf::build::{Builder, Placement};
use verdict_btf::{Btf, FuncLinkage, Kind, Type, TypeId, VarLinkage, essential_name};
use verdict_kernel::errno::Errno;

use crate::elf::{Elf, SYM_SIZE, Symbol};
use crate::error::{Warnings, libbpf, owned_name, warning};

pub(crate) const KCONFIG_SEC: &str = ".kconfig";
pub(crate) const KSYMS_SEC: &str = ".ksyms";

/// Bytes of configuration values that an object may ask for.
const MAX_KCONFIG: u64 = 16 << 20;

/// The variable that stands for functions in the data section of externs.
const DUMMY_VAR: &str = "dummy_ksym";

/// An extern.
#[derive(Clone, Debug)]
pub(crate) struct Extern {
    pub(crate) name: String,
    /// Its symbol.
    pub(crate) symbol: usize,
    pub(crate) is_func: bool,
    pub(crate) is_weak: bool,
    /// Whether it is declared as `void`, without qualifiers.
    pub(crate) is_bare: bool,
    pub(crate) kind: ExternKind,
}

impl Extern {
    /// The name without its flavour.
    pub(crate) fn essential_name(&self) -> &str {
        essential_name(&self.name)
    }
}

/// Where the value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExternKind {
    /// A value of the kernel's configuration.
    Kconfig(Kconfig),
    /// A symbol of the kernel, with its type in the object's BTF; without one it is a mere address.
    Ksym(Option<TypeId>),
}

/// A configuration value as it is declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kconfig {
    pub(crate) ty: KconfigType,
    pub(crate) size: u32,
    pub(crate) align: u32,
    /// Where it lies in the map.
    pub(crate) offset: u32,
    pub(crate) is_signed: bool,
}

/// What values fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KconfigType {
    Char,
    Bool,
    Int,
    Tristate,
    CharArray,
}

/// What was found of externs.
#[derive(Debug, Default)]
pub(crate) struct Externs {
    pub(crate) list: Vec<Extern>,
    /// Bytes of the configuration map; 0 when there is none.
    pub(crate) kconfig_size: u32,
}

/// Collects the externs of an object and turns their declarations into definitions in its BTF, as the kernel
/// demands.
pub(crate) fn collect(
    elf: &Elf<'_>,
    btf: Option<&Btf>,
    edit: Option<&mut Builder>,
    w: &mut Warnings,
) -> Result<Externs, Errno> {
    if elf.sections.get(elf.symtab).is_none_or(|s| s.entsize != SYM_SIZE) {
        return Err(libbpf::FORMAT);
    }
    let symbols = elf.symbols.iter().enumerate().filter(|(_, s)| s.is_extern());
    let named = symbols.filter_map(|(i, s)| Some((i, s, elf.symbol_name(s)?)));
    let mut named = named.filter(|(.., name)| !name.is_empty()).peekable();
    let (Some(btf), Some(edit)) = (btf, edit) else {
        return match named.peek() {
            None => Ok(Externs::default()),
            Some((.., name)) => {
                warning!(w, "failed to find BTF for extern '{name}': -{}", Errno::ESRCH.0);
                Err(Errno::ESRCH)
            }
        };
    };
    let mut collector = Collector::new(btf, named.peek().is_some());
    let mut list = Vec::new();
    for (i, symbol, name) in named {
        list.push(collector.read(i, symbol, &name, w)?);
    }
    collector.define(edit, list, w)
}

/// As [`collect`], leaving out what BTF does not declare.
pub(crate) fn collect_declared(
    elf: &Elf<'_>,
    btf: &Btf,
    edit: &mut Builder,
    w: &mut Warnings,
) -> Result<Externs, Errno> {
    let mut collector = Collector {
        any_type: true,
        ..Collector::new(btf, true)
    };
    let mut list = Vec::new();
    for (i, symbol) in elf.symbols.iter().enumerate().filter(|(_, s)| s.is_extern()) {
        let name = elf.symbol_name(symbol).filter(|name| !name.is_empty());
        let declared = name.filter(|name| collector.is_declared(name));
        if let Some(name) = declared {
            list.push(collector.read(i, symbol, &name, w)?);
        }
    }
    let found = collector.define(edit, list, w)?;
    // Functions that are declared and defined nowhere are no part of what other programs are loaded with.
    for func in btf
        .types()
        .filter(|t| t.func_linkage() == Some(FuncLinkage::Extern))
    {
        name_params(btf, edit, func);
        edit.set_func_linkage(func.id(), FuncLinkage::Static);
    }
    Ok(found)
}

/// Configuration first, by falling alignment and growing size; all else by name.
fn sort_key(e: &Extern) -> (u8, std::cmp::Reverse<u32>, u32, &str) {
    match e.kind {
        ExternKind::Kconfig(k) => (0, std::cmp::Reverse(k.align), k.size, &e.name),
        ExternKind::Ksym(_) => (1, std::cmp::Reverse(0), 0, &e.name),
    }
}

/// Adds a variable to stand for functions among the kernel's symbols, if there are any.
fn add_dummy(btf: &Btf, edit: &mut Builder) -> TypeId {
    let section = btf.find(KSYMS_SEC, Kind::DataSec).and_then(|id| btf.ty(id));
    let has_func = section.is_some_and(|s| s.vars().filter_map(|v| v.type_()).any(|t| t.is_func()));
    if !has_func {
        return TypeId::VOID;
    }
    edit.add_var(DUMMY_VAR, VarLinkage::Global, int32(btf))
}

/// The first 32-bit integer; `void` if there is none.
fn int32(btf: &Btf) -> TypeId {
    let found = btf.types().find(|t| t.int().is_some_and(|i| i.bits == 32));
    found.map_or(TypeId::VOID, |t| t.id())
}

/// The first variable or function of each name, and the first data section of each variable.
struct Index<'a> {
    by_name: HashMap<&'a str, TypeId>,
    section_of: HashMap<TypeId, TypeId>,
}

impl<'a> Index<'a> {
    fn new(btf: &'a Btf) -> Index<'a> {
        let mut index = Index {
            by_name: HashMap::new(),
            section_of: HashMap::new(),
        };
        for ty in btf.types() {
            match ty.kind() {
                Kind::Var | Kind::Func => {
                    index.by_name.entry(ty.name()).or_insert(ty.id());
                }
                Kind::DataSec => {
                    for var in ty.vars() {
                        index.section_of.entry(var.ty).or_insert(ty.id());
                    }
                }
                _ => {}
            }
        }
        index
    }
}

struct Collector<'a> {
    btf: &'a Btf,
    index: Option<Index<'a>>,
    /// Whether values of the configuration may be of any type, which the loader minds where it writes them.
    any_type: bool,
    kcfg: Option<TypeId>,
    ksym: Option<TypeId>,
}

impl<'a> Collector<'a> {
    fn new(btf: &'a Btf, any: bool) -> Collector<'a> {
        Collector {
            btf,
            index: any.then(|| Index::new(btf)),
            any_type: false,
            kcfg: None,
            ksym: None,
        }
    }

    /// Turns the declarations of what was found into definitions.
    fn define(self, edit: &mut Builder, mut list: Vec<Extern>, w: &mut Warnings) -> Result<Externs, Errno> {
        let dummy = add_dummy(self.btf, edit);
        list.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        if let Some(section) = self.ksym {
            define_ksyms(self.btf, edit, section, &list, dummy, w)?;
        }
        let kconfig_size = match self.kcfg {
            Some(section) => define_kconfig(self.btf, edit, section, &mut list, w)?,
            None => 0,
        };
        Ok(Externs { list, kconfig_size })
    }

    fn read(
        &mut self,
        symbol_index: usize,
        symbol: &Symbol,
        name: &str,
        w: &mut Warnings,
    ) -> Result<Extern, Errno> {
        let ty = self.declaration(name).inspect_err(|e| {
            warning!(w, "failed to find BTF for extern '{name}': -{}", e.0);
        })?;
        let section = self
            .index
            .as_ref()
            .and_then(|i| i.section_of.get(&ty.id()))
            .copied();
        let Some(section) = section else {
            let (id, e) = (ty.id(), Errno::ENOENT);
            warning!(
                w,
                "failed to find BTF for extern '{name}' [{id}] section: -{}",
                e.0
            );
            return Err(e);
        };
        let kind = match self.btf.type_name(section) {
            KCONFIG_SEC => {
                self.kcfg = Some(section);
                ExternKind::Kconfig(kconfig(self.btf, ty, (name, self.any_type), w)?)
            }
            KSYMS_SEC => {
                self.ksym = Some(section);
                let target = self.btf.skip_mods_and_typedefs(ty.target());
                ExternKind::Ksym(target.filter(|t| !t.is_void()).map(|t| t.id()))
            }
            other => {
                warning!(w, "unrecognized extern section '{other}'");
                return Err(Errno::EOPNOTSUPP);
            }
        };
        Ok(Extern {
            name: owned_name(ty.name()),
            symbol: symbol_index,
            is_func: ty.is_func(),
            is_weak: symbol.is_weak(),
            is_bare: ty.target() == TypeId::VOID,
            kind,
        })
    }

    /// Whether the extern is declared to be in a section of the kernel's configuration or symbols.
    fn is_declared(&self, name: &str) -> bool {
        let section = self.declaration(name).ok().and_then(|ty| {
            let index = self.index.as_ref()?;
            index.section_of.get(&ty.id()).copied()
        });
        section.is_some_and(|id| matches!(self.btf.type_name(id), KCONFIG_SEC | KSYMS_SEC))
    }

    /// The declaration of an extern.
    fn declaration(&self, name: &str) -> Result<Type<'a>, Errno> {
        let id = self
            .index
            .as_ref()
            .and_then(|i| i.by_name.get(name))
            .ok_or(Errno::ENOENT)?;
        let ty = self.btf.ty(*id).ok_or(Errno::ENOENT)?;
        let is_extern = match ty.kind() {
            Kind::Func => ty.func_linkage() == Some(FuncLinkage::Extern),
            _ => ty.var_linkage() == Some(VarLinkage::Extern),
        };
        if is_extern { Ok(ty) } else { Err(Errno::EINVAL) }
    }
}

fn kconfig(
    btf: &Btf,
    ty: Type<'_>,
    (name, any_type): (&str, bool),
    w: &mut Warnings,
) -> Result<Kconfig, Errno> {
    if ty.is_func() {
        warning!(
            w,
            "extern function {} is unsupported under {KCONFIG_SEC} section",
            ty.name()
        );
        return Err(Errno::EOPNOTSUPP);
    }
    let size = btf
        .resolve_size(ty.target())
        .filter(|s| *s != 0 && *s <= i32::MAX as u32);
    let Some(size) = size else {
        warning!(
            w,
            "failed to resolve size of extern (kcfg) '{name}': -{}",
            Errno::EINVAL.0
        );
        return Err(Errno::EINVAL);
    };
    let align = align_of(btf, ty.target());
    if align == 0 {
        warning!(w, "failed to determine alignment of extern (kcfg) '{name}': 0");
        return Err(Errno::EINVAL);
    }
    let known = kconfig_type(btf, ty.target(), 0).or(any_type.then_some((KconfigType::Int, false)));
    let Some((ty, is_signed)) = known else {
        warning!(w, "extern (kcfg) '{name}': type is unsupported");
        return Err(Errno::EOPNOTSUPP);
    };
    Ok(Kconfig {
        ty,
        size,
        align,
        offset: 0,
        is_signed,
    })
}

/// Alignment of the types that a configuration value can have; 1 for others, which are refused afterwards.
fn align_of(btf: &Btf, id: TypeId) -> u32 {
    let mut id = id;
    for _ in 0..32 {
        let Some(ty) = btf.skip_mods_and_typedefs(id) else {
            return 0;
        };
        match (ty.kind(), ty.array()) {
            (_, Some(array)) => id = array.elem,
            (Kind::Int | Kind::Enum | Kind::Enum64 | Kind::Float, _) => return ty.size().min(8),
            (Kind::Ptr, _) => return 8,
            _ => return 1,
        }
    }
    1
}

/// The type, and whether it is signed.
fn kconfig_type(btf: &Btf, id: TypeId, depth: u32) -> Option<(KconfigType, bool)> {
    let ty = btf.skip_mods_and_typedefs(id)?;
    match ty.kind() {
        Kind::Int => {
            let encoding = ty.int()?.encoding;
            let size = ty.size();
            if encoding.is_bool() {
                return (size == 1).then_some((KconfigType::Bool, false));
            }
            match size {
                1 => Some((KconfigType::Char, encoding.is_signed())),
                2 | 4 | 8 => Some((KconfigType::Int, encoding.is_signed())),
                _ => None,
            }
        }
        Kind::Enum if ty.size() != 4 => None,
        Kind::Enum | Kind::Enum64 => {
            (ty.name() == "libbpf_tristate").then_some((KconfigType::Tristate, false))
        }
        Kind::Array => {
            let array = ty.array()?;
            let (elem, _) = (array.nelems != 0 && depth == 0)
                .then(|| kconfig_type(btf, array.elem, depth + 1))
                .flatten()?;
            (elem == KconfigType::Char).then_some((KconfigType::CharArray, false))
        }
        _ => None,
    }
}

/// Makes each extern of the kernel's symbols an allocated 4-byte variable of `.ksyms`.
fn define_ksyms(
    btf: &Btf,
    edit: &mut Builder,
    section: TypeId,
    list: &[Extern],
    dummy: TypeId,
    w: &mut Warnings,
) -> Result<(), Errno> {
    let names: HashMap<&str, ()> = list.iter().map(|e| (e.name.as_str(), ())).collect();
    let int = int32(btf);
    let sec = btf.ty(section).ok_or(Errno::EINVAL)?;
    let mut offset = 0u32;
    for (i, var) in sec.vars().enumerate() {
        let ty = var.type_().ok_or(Errno::EINVAL)?;
        if !names.contains_key(ty.name()) {
            let (kind, name) = (ty.kind().name(), ty.name());
            warning!(w, "failed to find extern definition for BTF {kind} '{name}'");
            return Err(Errno::ESRCH);
        }
        let stands = if ty.is_func() {
            name_params(btf, edit, ty);
            edit.set_func_linkage(ty.id(), FuncLinkage::Global);
            dummy
        } else {
            edit.set_var_linkage(ty.id(), VarLinkage::Global);
            edit.set_target(ty.id(), int);
            var.ty
        };
        edit.set_placement(
            section,
            i,
            Placement {
                ty: stands,
                offset,
                size: 4,
            },
        );
        offset = offset.wrapping_add(4);
    }
    edit.set_size(section, offset);
    Ok(())
}

/// Gives the parameters of a declared function names, as the kernel wants of functions that are no extern.
fn name_params(btf: &Btf, edit: &mut Builder, func: Type<'_>) {
    let Some(proto) = btf.ty(func.target()) else {
        return;
    };
    for (i, param) in proto.params().enumerate() {
        if param.ty != TypeId::VOID && param.name_off == 0 {
            edit.set_param_name(proto.id(), i, DUMMY_VAR);
        }
    }
}

/// Places the configuration values in `.kconfig`; returns the bytes they take.
fn define_kconfig(
    btf: &Btf,
    edit: &mut Builder,
    section: TypeId,
    list: &mut [Extern],
    w: &mut Warnings,
) -> Result<u32, Errno> {
    let mut end = 0u64;
    let mut offsets = HashMap::new();
    for e in list.iter_mut() {
        let ExternKind::Kconfig(k) = &mut e.kind else {
            continue;
        };
        let offset = end.next_multiple_of(u64::from(k.align.max(1)));
        end = offset + u64::from(k.size);
        if end > MAX_KCONFIG {
            warning!(
                w,
                "failed to alloc map '{KCONFIG_SEC}' content buffer: -{}",
                Errno::ENOMEM.0
            );
            return Err(Errno::ENOMEM);
        }
        k.offset = offset as u32;
        offsets.entry(e.name.clone()).or_insert(k.offset);
    }
    edit.set_size(section, end as u32);
    let sec = btf.ty(section).ok_or(Errno::EINVAL)?;
    for (i, var) in sec.vars().enumerate() {
        let ty = var.type_().ok_or(Errno::EINVAL)?;
        let Some(&offset) = offsets.get(ty.name()) else {
            warning!(w, "failed to find extern definition for BTF var '{}'", ty.name());
            return Err(Errno::ESRCH);
        };
        edit.set_var_linkage(ty.id(), VarLinkage::Global);
        edit.set_placement(
            section,
            i,
            Placement {
                ty: var.ty,
                offset,
                size: var.size,
            },
        );
    }
    Ok(end as u32)
}
