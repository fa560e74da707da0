//! How a kernel function is called: sizes of arguments and return value (`struct btf_func_model`).

use verdict_btf::{Btf, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::semantics::control::UnionArguments;

use crate::notes::{Rejection, reject};

/// `MAX_BPF_FUNC_REG_ARGS`.
pub const MAX_REG_ARGS: usize = 5;

/// An argument, or the return value.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Slot {
    /// Bytes; 0 is `void`.
    pub size: u32,
    /// It is a struct, passed by value.
    pub is_struct: bool,
    /// It is a signed integer.
    pub is_signed: bool,
}

/// Sizes of a function's arguments and return value.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FuncModel {
    /// What it returns.
    pub ret: Slot,
    /// What it takes.
    pub args: Vec<Slot>,
}

impl FuncModel {
    /// The model of a function of which nothing is known: five words in, one out.
    pub(crate) fn of_words() -> FuncModel {
        let word = Slot {
            size: 8,
            ..Slot::default()
        };
        FuncModel {
            ret: word,
            args: vec![word; MAX_REG_ARGS],
        }
    }

    /// The model of a prototype (`btf_distill_func_proto`).
    ///
    /// # Errors
    /// `EINVAL`: more arguments than are supported, or types that cannot be passed.
    pub fn distill(kernel: &Kernel, proto: Type<'_>, name: &str) -> Result<FuncModel, Rejection> {
        let (btf, rules) = (proto.btf(), kernel.arguments());
        let unions = kernel.semantics.control.union_arguments == UnionArguments::Taken;
        let params = proto.params();
        let nargs = params.len();
        if nargs > rules.most {
            reject!(
                FunctionSignature,
                Errno::EINVAL,
                "The function {name} has {nargs} arguments. Too many.\n"
            );
        }
        let ret = match slot(btf, proto.target(), unions) {
            Ok(ret) if !ret.is_struct => ret,
            Ok(_) | Err(_) => {
                let kind = kind_name(btf, proto.target());
                reject!(
                    FunctionSignature,
                    Errno::EINVAL,
                    "The function {name} return type {kind} is unsupported.\n"
                );
            }
        };
        let mut args = Vec::with_capacity(nargs);
        for (i, param) in params.enumerate() {
            if i + 1 == nargs && param.ty == TypeId::VOID {
                reject!(
                    FunctionSignature,
                    Errno::EINVAL,
                    "The function {name} with variable args is unsupported.\n"
                );
            }
            // The size is a signed number in the kernel: a huge struct looks like an error, as here.
            let arg = match slot(btf, param.ty, unions) {
                Ok(arg) if arg.size <= 16 && (rules.structs || !arg.is_struct) => arg,
                Ok(_) | Err(_) => {
                    let kind = kind_name(btf, param.ty);
                    reject!(
                        FunctionSignature,
                        Errno::EINVAL,
                        "The function {name} arg{i} type {kind} is unsupported.\n"
                    );
                }
            };
            if arg.size == 0 {
                reject!(
                    FunctionSignature,
                    Errno::EINVAL,
                    "The function {name} has malformed void argument.\n"
                );
            }
            args.push(arg);
        }
        Ok(FuncModel { ret, args })
    }
}

/// The type behind modifiers and typedefs as the messages name it.
fn kind_name(btf: &Btf, id: TypeId) -> &'static str {
    let ty = btf.skip_mods_and_typedefs(id);
    ty.map_or("UNKNOWN", |ty| ty.kind().kernel_name())
}

fn slot(btf: &Btf, id: TypeId, unions: bool) -> Result<Slot, Errno> {
    if id == TypeId::VOID {
        return Ok(Slot::default());
    }
    let ty = btf.skip_mods_and_typedefs(id).ok_or(Errno::EINVAL)?;
    let is_struct = ty.is_struct() || unions && ty.is_composite();
    let size = if ty.is_ptr() {
        8
    } else if ty.is_int() || ty.is_any_enum() || is_struct {
        ty.size()
    } else {
        return Err(Errno::EINVAL);
    };
    let is_signed = ty.int().is_some_and(|int| int.encoding.is_signed());
    Ok(Slot {
        size,
        is_struct,
        is_signed,
    })
}
