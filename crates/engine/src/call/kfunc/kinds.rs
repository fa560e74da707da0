//! What a pointer argument of a kernel function stands for.
//!
//! Most kinds are seen from the declaration: from the name of the struct pointed to, or the end of the
//! parameter's name. Only if none of these signs is there does the register decide.

use verdict_kernel::kfunc::Special;
use verdict_kernel::kfunc::types::register_struct;
use verdict_kernel::types::RegBase;
use verdict_syscall::func_args::is_prog_ctx_type;

use super::meta::Meta;
use super::proto::{Declared, Pointer, check_scalar_struct, is_scalar};
use crate::error::{Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::verifier::Verifier;

/// What a pointer argument stands for (`enum kfunc_ptr_arg_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The program's context.
    Ctx,
    /// NULL, where that is allowed.
    Null,
    /// An object that the program allocated.
    Allocated,
    /// Such an object with a reference count.
    Counted,
    Dynptr,
    Iter,
    ListHead,
    ListNode,
    RbRoot,
    RbNode,
    /// A string constant.
    ConstStr,
    Map,
    Workqueue,
    TaskWork,
    /// Saved interrupt flags on the stack.
    IrqFlag,
    /// A resilient spin lock.
    ResLock,
    /// An object of the kernel.
    Object,
    Callback,
    /// Memory whose size is that of the type.
    Mem,
    /// Memory whose size is the next argument.
    SizedMem,
}

/// By what a kind is recognised.
enum Sign {
    /// End of the parameter's name.
    Suffix(&'static str),
    /// Name of the kernel's struct that is pointed to.
    Struct(&'static str),
    /// The argument of a function that makes, steps or ends an iterator, or a name that says so.
    Iter,
}

/// In the order in which they are looked for.
const SIGNS: &[(Sign, Kind)] = &[
    (Sign::Suffix("__alloc"), Kind::Allocated),
    (Sign::Suffix("__refcounted_kptr"), Kind::Counted),
    (Sign::Struct("bpf_dynptr"), Kind::Dynptr),
    (Sign::Iter, Kind::Iter),
    (Sign::Struct("bpf_list_head"), Kind::ListHead),
    (Sign::Struct("bpf_list_node"), Kind::ListNode),
    (Sign::Struct("bpf_rb_root"), Kind::RbRoot),
    (Sign::Struct("bpf_rb_node"), Kind::RbNode),
    (Sign::Suffix("__str"), Kind::ConstStr),
    (Sign::Suffix("__map"), Kind::Map),
    (Sign::Struct("bpf_wq"), Kind::Workqueue),
    (Sign::Struct("bpf_task_work"), Kind::TaskWork),
    (Sign::Suffix("__irq_flag"), Kind::IrqFlag),
    (Sign::Struct("bpf_res_spin_lock"), Kind::ResLock),
];

impl Sign {
    fn is_on(&self, param: &Declared<'_>) -> bool {
        match self {
            Sign::Suffix(suffix) => param.ends(suffix),
            Sign::Struct(name) => param.target.is_struct() && param.target.name() == *name,
            Sign::Iter if param.is_iter_func => param.index == 0,
            Sign::Iter => param.ends("__iter"),
        }
    }
}

impl Kind {
    /// The kind that the declaration decides.
    pub(super) fn declared(param: &Declared<'_>) -> Option<Kind> {
        if param.func == Some(Special::CastToKernCtx)
            || is_prog_ctx_type(param.kernel, param.ptr, param.prog_type)
        {
            return Some(Kind::Ctx);
        }
        SIGNS
            .iter()
            .find(|(sign, _)| sign.is_on(param))
            .map(|(_, kind)| *kind)
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// What an argument stands for, given what the register holds (`get_kfunc_ptr_arg_type`).
    pub(super) fn kfunc_arg_kind(&self, meta: &Meta, arg: usize, ptr: &Pointer) -> Res<Kind> {
        let reg = self.reg(RegNo::of_arg(arg));
        if ptr.kind == Some(Kind::Ctx) {
            return Ok(Kind::Ctx);
        }
        if ptr.nullable && reg.is_null() {
            return Ok(Kind::Null);
        }
        if let Some(kind) = ptr.kind {
            return Ok(kind);
        }
        let btf = &self.env.kernel.btf;
        let Some(target) = btf.ty(ptr.target) else {
            reject!(VerifierBug, EFAULT)
        };
        let (what, name) = (target.kind().kernel_name(), target.name());
        if reg.is(RegBase::BtfId) || register_struct(reg.ty.base()).is_some() {
            if !target.is_composite() {
                reject!(
                    FunctionSignature,
                    EINVAL,
                    "kernel function {} args#{arg} pointer type {what} {name} is not supported\n",
                    meta.func.name
                );
            }
            return Ok(Kind::Object);
        }
        if ptr.is_func {
            return Ok(Kind::Callback);
        }
        let sized = meta.func.size_param(arg).is_some() && self.reg(RegNo::of_arg(arg + 1)).is_scalar();
        if !is_scalar(target)
            && let Err(words) = check_scalar_struct(btf, target)
            && !(sized && target.is_void())
        {
            let void = if sized { "void, " } else { "" };
            reject!(
                KfuncMemory,
                EINVAL,
                "{words}arg#{arg} pointer type {what} {name} must point to {void}scalar, or struct with scalar\n"
            );
        }
        Ok(if sized { Kind::SizedMem } else { Kind::Mem })
    }
}
