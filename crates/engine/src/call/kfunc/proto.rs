//! What a kernel function takes and gives, read once from the kernel's BTF.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use verdict_btf::{Btf, Param, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::kfunc::{KfuncFlags, Special};
use verdict_kernel::prog::ProgType;
use verdict_kernel::semantics::control::KfuncPointers;

use super::kinds::Kind;

/// Prefix of the names of iterators' structs.
const ITER_PREFIX: &str = "bpf_iter_";

/// The kernel functions that a program names, by their numbers in the kernel's BTF.
pub(crate) type Kfuncs = BTreeMap<i32, Rc<Kfunc>>;

/// A kernel function as this program sees it.
#[derive(Debug)]
pub(crate) struct Kfunc {
    /// Number in the kernel's BTF.
    pub(super) id: i32,
    pub(super) name: Box<str>,
    /// The one with rules of its own that it is.
    pub(super) special: Option<Special>,
    /// Its flags; `None` when this program may not call it.
    pub(super) flags: Option<KfuncFlags>,
    pub(super) params: Vec<Parameter>,
    /// Type of what it gives back.
    pub(super) ret: TypeId,
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) class: Class,
    /// Bytes that a call reads of the register.
    pub(super) size: u32,
}

/// What a parameter is, by its type.
#[derive(Debug)]
pub(super) enum Class {
    /// Not looked at (`__ign`).
    Ignored,
    Scalar(Scalar),
    Pointer(Pointer),
    /// Something else, as the log names it.
    Other(&'static str),
}

/// A number.
#[derive(Debug)]
pub(super) struct Scalar {
    /// Must be constant and is remembered (`__k`).
    pub(super) constant: bool,
    /// It is the size of the memory that the function gives back.
    pub(super) buffer: Option<Buffer>,
    /// It is the size of the memory that the argument before it points to.
    pub(super) size_of: Option<SizeOf>,
}

/// Memory given back whose size is an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Buffer {
    ReadOnly,
    Writable,
}

/// A size argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SizeOf {
    /// `__sz`.
    Any,
    /// Must be constant and is remembered (`__szk`).
    Constant,
}

/// A pointer.
#[derive(Debug)]
pub(super) struct Pointer {
    /// The type pointed to, without modifiers.
    pub(super) target: TypeId,
    /// The kind that declaration alone decides; `None` when the register has a say.
    pub(super) kind: Option<Kind>,
    /// May be NULL (`__nullable`).
    pub(super) nullable: bool,
    /// Memory of which none need be given (`__opt`).
    pub(super) optional: bool,
    /// The object is made by the call (`__uninit`).
    pub(super) uninit: bool,
    /// Points to a function.
    pub(super) is_func: bool,
    /// Type of the iterator, if it points to one.
    pub(super) iter: Option<TypeId>,
}

impl Kfunc {
    /// Whether the function has one of these flags.
    pub(super) fn has(&self, flags: KfuncFlags) -> bool {
        self.flags.is_some_and(|own| own.has(flags))
    }
    /// Whether the call gives up the reference that its argument holds.
    pub(super) fn releases(&self) -> bool {
        self.has(KfuncFlags::RELEASE)
    }
    /// Whether pointers must be trusted or protected by RCU, and not NULL.
    pub(super) fn is_strict(&self) -> bool {
        self.has(
            KfuncFlags::TRUSTED_ARGS
                .with(KfuncFlags::RELEASE)
                .with(KfuncFlags::RCU),
        )
    }
    /// Whether it is this one.
    pub(super) fn is(&self, special: Special) -> bool {
        self.special == Some(special)
    }
    /// Name and number as the log has them.
    pub(super) fn label(&self) -> String {
        format!("{}#{}", self.name, self.id)
    }
    /// The parameter behind another one, if it is the size of the memory which that points to.
    pub(super) fn size_param(&self, arg: usize) -> Option<SizeOf> {
        match &self.params.get(arg + 1)?.class {
            Class::Scalar(scalar) => scalar.size_of,
            _ => None,
        }
    }
}

/// The facts about a parameter that its kind depends on.
pub(super) struct Declared<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) prog_type: ProgType,
    pub(super) func: Option<Special>,
    pub(super) is_iter_func: bool,
    pub(super) index: usize,
    pub(super) name: &'a str,
    pub(super) ptr: Type<'a>,
    pub(super) target: Type<'a>,
}

impl Declared<'_> {
    /// Whether the parameter's name ends so.
    pub(super) fn ends(&self, suffix: &str) -> bool {
        ends(self.name, suffix)
    }
}

/// Whether a name ends with a suffix and is not just that.
fn ends(name: &str, suffix: &str) -> bool {
    name.len() > suffix.len() && name.ends_with(suffix)
}

/// What decides how a prototype is read.
pub(super) struct Reader<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) prog_type: ProgType,
    pub(super) func: Option<Special>,
    pub(super) flags: Option<KfuncFlags>,
}

impl Parameter {
    /// Whether it is the size of the memory that the parameter before it points to.
    fn is_size(&self) -> bool {
        matches!(&self.class, Class::Scalar(scalar) if scalar.size_of.is_some())
    }

    /// A pointer that may be NULL, its size being said, is memory that may be left out.
    fn nullable_with_size(&mut self, has_size: bool) {
        if let Class::Pointer(ptr) = &mut self.class
            && has_size
            && ptr.nullable
        {
            (ptr.nullable, ptr.optional) = (false, true);
        }
    }
}

impl<'a> Reader<'a> {
    /// The parameters of a prototype.
    pub(super) fn params(&self, proto: Type<'a>) -> Vec<Parameter> {
        let mut params: Vec<_> = proto
            .params()
            .enumerate()
            .map(|(i, p)| self.param(i, p))
            .collect();
        if self.kernel.semantics.control.kfunc_pointers == KfuncPointers::All {
            let sizes: Vec<_> = params.iter().skip(1).map(Parameter::is_size).collect();
            for (param, has_size) in params.iter_mut().zip(sizes) {
                param.nullable_with_size(has_size);
            }
        }
        params
    }

    fn param(&self, index: usize, param: Param<'a>) -> Parameter {
        let btf: &'a Btf = &self.kernel.btf;
        let name = param.name();
        let ty = btf.skip_mods_and_typedefs(param.ty);
        let size = ty.map_or(0, |t| if t.is_ptr() { 8 } else { t.size() });
        let class = match ty {
            // Of what `__prog` ends, the kernel passes the program itself.
            _ if ends(name, "__ign") || ends(name, "__prog") => Class::Ignored,
            Some(ty) if is_scalar(ty) => Class::Scalar(scalar(name)),
            Some(ty) if ty.is_ptr() => match btf.skip_mods_and_typedefs(ty.target()) {
                Some(target) => Class::Pointer(self.pointer(index, name, param, ty, target)),
                None => Class::Other("UNKNOWN"),
            },
            Some(ty) => Class::Other(ty.kind().kernel_name()),
            None => Class::Other("UNKNOWN"),
        };
        Parameter { class, size }
    }

    fn pointer(
        &self,
        index: usize,
        name: &str,
        param: Param<'a>,
        ptr: Type<'a>,
        target: Type<'a>,
    ) -> Pointer {
        let is_iter = target.is_struct() && target.name().starts_with(ITER_PREFIX);
        let declared = Declared {
            kernel: self.kernel,
            prog_type: self.prog_type,
            func: self.func,
            is_iter_func: self.flags.is_some_and(|f| f.has(KfuncFlags::ITER)),
            index,
            name,
            ptr,
            target,
        };
        Pointer {
            target: target.id(),
            kind: Kind::declared(&declared),
            nullable: ends(name, "__nullable"),
            optional: ends(name, "__opt"),
            uninit: ends(name, "__uninit"),
            is_func: self.kernel.btf.resolve_func_ptr(param.ty).is_some(),
            iter: is_iter.then(|| target.id()),
        }
    }
}

fn scalar(name: &str) -> Scalar {
    let constant = ends(name, "__k");
    let buffer = match name {
        "rdonly_buf_size" => Some(Buffer::ReadOnly),
        "rdwr_buf_size" => Some(Buffer::Writable),
        _ => None,
    };
    let size_of = if ends(name, "__sz") {
        Some(SizeOf::Any)
    } else if ends(name, "__szk") {
        Some(SizeOf::Constant)
    } else {
        None
    };
    Scalar {
        constant,
        buffer,
        size_of,
    }
}

/// Whether a type is a number (`btf_type_is_scalar`).
pub(super) fn is_scalar(ty: Type<'_>) -> bool {
    ty.is_int() || ty.is_any_enum()
}

/// What the log calls an iterator: its struct's name without the prefix.
pub(super) fn iter_name(btf: &Btf, id: TypeId) -> &str {
    btf.ty(id)
        .and_then(|t| t.name().strip_prefix(ITER_PREFIX))
        .unwrap_or("<invalid>")
}

/// Structs within structs that are looked into.
const MAX_NESTING: u32 = 3;

/// Whether a struct or union has numbers only (`__btf_type_is_scalar_struct`); else the log's words, if any.
pub(super) fn check_scalar_struct(btf: &Btf, ty: Type<'_>) -> Result<(), &'static str> {
    check_nested(btf, ty, 0, &mut BTreeSet::new())
}

/// The same for a struct inside, not to be done twice: a few types can nest in a great many ways.
fn check_nested(
    btf: &Btf,
    ty: Type<'_>,
    depth: u32,
    done: &mut BTreeSet<(u32, TypeId)>,
) -> Result<(), &'static str> {
    if !ty.is_composite() {
        return Err("");
    }
    if !done.insert((depth, ty.id())) {
        return Ok(());
    }
    for member in ty.members() {
        let member = btf.skip_mods_and_typedefs(member.ty).ok_or("")?;
        if member.is_composite() {
            if depth >= MAX_NESTING {
                return Err("max struct nesting depth exceeded\n");
            }
            check_nested(btf, member, depth + 1, done)?;
            continue;
        }
        let plain = match member.array() {
            Some(array) => array.nelems != 0 && btf.skip_mods_and_typedefs(array.elem).is_some_and(is_scalar),
            None => is_scalar(member),
        };
        if !plain {
            return Err("");
        }
    }
    Ok(())
}
