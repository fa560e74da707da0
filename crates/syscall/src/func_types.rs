//! Arguments of subprograms by their types alone, as kernels without tags of arguments compare registers with them:
//! `btf_check_func_arg_match` of `kernel/bpf/btf.c` before Linux 6.8.

use verdict_btf::{Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;

use crate::func_args::is_prog_ctx_type;
use crate::func_model::MAX_REG_ARGS;
use crate::notes::{Rejection, reject};
use crate::prog::Prog;

/// The type of an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ArgKind {
    /// A number.
    Number,
    /// A pointer to the context of the program's type.
    Context,
    /// Another pointer.
    Pointer {
        /// What it points to, as the log calls it: its kind, and its name.
        to: (&'static str, String),
        /// Size of that in bytes, if it has one.
        size: Option<u32>,
        /// Whether it is a struct or union.
        composite: bool,
    },
    /// Something else, of this kind.
    Other(&'static str),
}

/// A subprogram by its record: its name, the number of its type, and what it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The type that its record names.
    pub type_id: TypeId,
    /// The types of its arguments.
    pub args: Vec<ArgKind>,
}

/// What subprogram `subprog` takes by its record.
///
/// # Errors
/// `EFAULT` when the record names no function, `EINVAL` when it has more arguments than registers.
pub fn declared_args(kernel: &Kernel, prog: &Prog, subprog: u32) -> Result<Declared, Rejection> {
    let (Some(loaded), Some(record)) = (&prog.btf, prog.func_info.get(subprog as usize)) else {
        reject!(VerifierBug, Errno::EFAULT, "");
    };
    let btf = &*loaded.btf;
    let id = record.type_id;
    let Some(func) = btf.ty(id).filter(|ty| ty.is_func()) else {
        reject!(
            GlobalSignature,
            Errno::EFAULT,
            "BTF of func_id {id} doesn't point to KIND_FUNC\n"
        );
    };
    let name = func.name();
    let Some(proto) = func.proto() else {
        reject!(GlobalSignature, Errno::EFAULT, "Invalid BTF of func {name}\n");
    };
    let nargs = proto.params().len();
    if nargs > MAX_REG_ARGS {
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "Function {name} has {nargs} > {MAX_REG_ARGS} args\n"
        );
    }
    let kind = |id: TypeId| match btf.skip_mods_and_typedefs(id) {
        Some(ty) if ty.is_int() || ty.is_any_enum() => ArgKind::Number,
        Some(ty) if ty.is_ptr() => pointer(kernel, prog, ty),
        Some(ty) => ArgKind::Other(ty.kind().kernel_name()),
        None => ArgKind::Other("UNKNOWN"),
    };
    Ok(Declared {
        name: name.to_owned(),
        type_id: id,
        args: proto.params().map(|param| kind(param.ty)).collect(),
    })
}

fn pointer(kernel: &Kernel, prog: &Prog, ptr: Type<'_>) -> ArgKind {
    if is_prog_ctx_type(kernel, ptr, prog.prog_type) {
        return ArgKind::Context;
    }
    let btf = ptr.btf();
    let pointee = btf.skip_mods_and_typedefs(ptr.target());
    let to = pointee.map_or(("UNKNOWN", String::new()), |ty| {
        (ty.kind().kernel_name(), ty.name().to_owned())
    });
    let size = pointee
        .and_then(|ty| btf.resolve(ty.id()))
        .map(|resolved| resolved.size);
    ArgKind::Pointer {
        to,
        size,
        composite: pointee.is_some_and(Type::is_composite),
    }
}
