//! What a program attaches to: `check_attach_btf_id`, `bpf_check_attach_target` and `check_struct_ops_btf_id` of
//! `kernel/bpf/verifier.c`. What attaches to another program is checked in [`target`].

use std::sync::Arc;

use verdict_btf::{Btf, Kind, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::kfunc::iter;
use verdict_kernel::kfunc::struct_ops::{MemberRefusal, NULLABLE, StructOps};
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::log::AttachWords;
use verdict_kernel::types::RegType;

use crate::func_model::FuncModel;
use crate::notes::{Notes, Rejection, reject};
use crate::prog::Prog;
use crate::space::TypeRef;
use crate::struct_ops;
use crate::target::{self, LoadedProg};

/// An argument whose type is not decided by BTF alone (`struct bpf_ctx_arg_aux`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CtxArgInfo {
    /// Offset in the context.
    pub off: u32,
    /// What a read gives.
    pub reg_type: RegType,
    /// The kernel object's type; `None` for buffers.
    pub ty: Option<TypeRef>,
}

/// What a program attaches to.
#[derive(Clone, Debug, Default)]
pub struct AttachInfo {
    /// The function's prototype in [`AttachInfo::btf`]; `None` when the program attaches to no function, or to one
    /// whose BTF does not hold.
    pub func_proto: Option<TypeId>,
    /// Name of the function, tracepoint or struct_ops member; empty when there is none.
    pub func_name: String,
    /// It is a tracepoint: the prototype's first parameter is not an argument of the program.
    pub is_raw_tp: bool,
    /// Arguments with a type of their own.
    pub ctx_args: Vec<CtxArgInfo>,
    /// Sizes of the function's arguments; for tracing and LSM functions only.
    pub model: Option<FuncModel>,
    /// The struct whose member the program implements, and the member.
    pub struct_ops: Option<(&'static StructOps, Box<str>)>,
    /// The program that has the function, if it is not one of the kernel.
    pub target: Option<Arc<LoadedProg>>,
}

impl AttachInfo {
    /// The BTF that the function's types are of.
    pub fn btf<'a>(&'a self, kernel: &'a Kernel) -> &'a Btf {
        let own = self.target.as_ref().and_then(|target| target.btf());
        own.map_or(&*kernel.btf, |btf| &**btf)
    }

    /// Whether the function returns nothing; `false` when there is no function.
    pub fn returns_void(&self, kernel: &Kernel) -> bool {
        let proto = self.func_proto.and_then(|id| self.btf(kernel).ty(id));
        proto.is_some_and(|proto| proto.target() == TypeId::VOID)
    }
}

/// Checks what a program attaches to. `changes_pkt_data` tells whether its main function may move packet data.
///
/// # Errors
/// With the words of the log; some refusals have none. Remarks that are no refusal go to `notes`.
pub fn check_attach_btf_id(
    kernel: &Kernel,
    prog: &Prog,
    changes_pkt_data: bool,
    notes: &mut dyn Notes,
) -> Result<AttachInfo, Rejection> {
    if prog.prog_type == ProgType::Syscall {
        if prog.sleepable {
            return Ok(AttachInfo::default());
        }
        reject!(
            SleepableProgram,
            Errno::EINVAL,
            "Syscall programs can only be sleepable\n"
        );
    }
    // A struct_ops program's attach type is a member's index, and it may always sleep as far as this goes.
    let attach_type = prog.attach_type().unwrap_or(AttachType::StructOps);
    if prog.sleepable && !kernel.can_be_sleepable(prog.prog_type, attach_type) {
        let attaching = kernel.attaching();
        let words = match prog.prog_type {
            ProgType::Lsm => attaching.cgroup_sleep_words,
            _ => attaching.sleep_words,
        };
        reject!(SleepableProgram, Errno::EINVAL, "{words}\n");
    }
    match prog.prog_type {
        ProgType::StructOps => check_struct_ops(kernel, prog),
        ProgType::Tracing | ProgType::Lsm | ProgType::Ext => match (prog.attach_btf_id, &prog.target) {
            (None, _) => reject!(
                AttachTarget,
                Errno::EINVAL,
                "Tracing programs must provide btf_id\n"
            ),
            (Some(id), Some(target)) => target::check(kernel, prog, (target, id), changes_pkt_data),
            (Some(id), None) => Target::find(kernel, prog, id)?.check(notes),
        },
        _ => Ok(AttachInfo::default()),
    }
}

/// `check_struct_ops_btf_id`.
fn check_struct_ops(kernel: &Kernel, prog: &Prog) -> Result<AttachInfo, Rejection> {
    if !prog.gpl_compatible {
        reject!(
            GplRequired,
            Errno::EINVAL,
            "struct ops programs must have a GPL compatible license\n"
        );
    }
    if prog.attach_btf_id.is_none() && kernel.attaching().demands_operations {
        return Err(Rule::StructOpsMember.with(Errno::ENOTSUPP).into());
    }
    let id = prog.attach_btf_id.unwrap_or(TypeId(0));
    let Some((ops, ty)) = struct_ops::find(kernel, id) else {
        reject!(
            StructOpsMember,
            Errno::ENOTSUPP,
            "attach_btf_id {id} is not a supported struct\n"
        );
    };
    let (name, index) = (ops.name, prog.expected_attach_type);
    let Some(member) = ty.member(index as usize) else {
        reject!(
            StructOpsMember,
            Errno::EINVAL,
            "attach to invalid member idx {index} of struct {name}\n"
        );
    };
    let mname = member.name();
    let Some(proto) = kernel.btf.resolve_func_ptr(member.ty) else {
        reject!(
            StructOpsMember,
            Errno::EINVAL,
            "attach to invalid member {mname}(@idx {index}) of struct {name}\n"
        );
    };
    if let Err(refusal) = ops.check_member(mname, prog.sleepable) {
        let errno = match refusal {
            MemberRefusal::Unsupported => Errno::ENOTSUPP,
            MemberRefusal::Sleepable => Errno::EINVAL,
        };
        reject!(
            StructOpsMember,
            errno,
            "attach to unsupported member {mname} of struct {name}\n"
        );
    }
    Ok(AttachInfo {
        func_proto: Some(proto.id()),
        func_name: mname.to_owned(),
        is_raw_tp: false,
        ctx_args: nullable_args(kernel, ops, mname, proto),
        model: None,
        struct_ops: Some((ops, mname.into())),
        target: None,
    })
}

/// Arguments of a struct_ops member that may be NULL.
fn nullable_args(kernel: &Kernel, ops: &StructOps, member: &str, proto: Type<'_>) -> Vec<CtxArgInfo> {
    let btf = &kernel.btf;
    let mut off = 0u32;
    let mut args = Vec::new();
    for (i, param) in (0..).zip(proto.params()) {
        let pointee = btf.resolve_ptr(param.ty).filter(|ty| ty.is_composite());
        if let Some(pointee) = pointee.filter(|_| ops.is_nullable(member, i)) {
            let ty = Some(TypeRef::vmlinux(pointee.id()));
            args.push(CtxArgInfo {
                off,
                reg_type: NULLABLE,
                ty,
            });
        }
        let size = btf.resolve(param.ty).map_or(8, |resolved| resolved.size);
        off = off.saturating_add(size.div_ceil(8).saturating_mul(8));
    }
    args
}

/// What a program gets that the iterator calls which is known by this function's name
/// (`bpf_iter_prog_supported`).
pub(crate) fn iterator_args(kernel: &Kernel, name: &str) -> Result<Vec<CtxArgInfo>, Rejection> {
    let target = kernel
        .iter_target(name)
        .ok_or(Rule::AttachTarget.with(Errno::EINVAL))?;
    let find = |name| kernel.btf.find(name, Kind::Struct).map(TypeRef::vmlinux);
    let arg = |arg: &iter::IterArg| CtxArgInfo {
        off: arg.off,
        reg_type: arg.reg_type,
        ty: arg.btf.and_then(find),
    };
    Ok(target.args.iter().map(arg).collect())
}

/// The lists of functions that tracing programs must stay away from. They are lists of numbers of types, which the
/// kernel compares also when the number is one of another program's types.
pub(crate) fn check_numbers(kernel: &Kernel, prog: &Prog) -> Result<(), Rejection> {
    let listed = prog.attach_btf_id.and_then(|id| kernel.btf.ty(id));
    let listed = listed.filter(|ty| ty.is_func());
    let name = listed.map_or("", Type::name);
    let changes_return = prog.expects(AttachType::ModifyReturn) || prog.expects(AttachType::TraceFexit);
    let names = kernel.semantics.log.attach_words == AttachWords::Name;
    if prog.prog_type == ProgType::Tracing && kernel.is_denied_target(name) {
        if names {
            reject!(
                AttachForbidden,
                Errno::EINVAL,
                "Attaching tracing programs to function '{name}' is rejected.\n"
            );
        }
        return Err(Rule::AttachForbidden.with(Errno::EINVAL).into());
    }
    if changes_return && kernel.is_no_return(name) {
        let what = match names {
            true => format!("function '{name}'"),
            false => "functions".to_owned(),
        };
        reject!(
            AttachForbidden,
            Errno::EINVAL,
            "Attaching fexit/fmod_ret to __noreturn {what} is rejected.\n"
        );
    }
    Ok(())
}

/// The type of vmlinux that a tracing or LSM program names.
struct Target<'k> {
    kernel: &'k Kernel,
    prog: &'k Prog,
    ty: Type<'k>,
    name: &'k str,
}

impl<'k> Target<'k> {
    fn find(kernel: &'k Kernel, prog: &'k Prog, id: TypeId) -> Result<Target<'k>, Rejection> {
        let Some(ty) = kernel.btf.ty(id) else {
            reject!(AttachTarget, Errno::EINVAL, "attach_btf_id {id} is invalid\n");
        };
        Ok(Target {
            kernel,
            prog,
            ty,
            name: ty.name(),
        })
    }

    fn check(&self, notes: &mut dyn Notes) -> Result<AttachInfo, Rejection> {
        if self.prog.prog_type == ProgType::Ext {
            reject!(AttachTarget, Errno::EINVAL, "Cannot replace kernel functions\n");
        }
        match self.kernel.attach_type(self.prog.expected_attach_type) {
            Some(AttachType::TraceRawTp) => self.raw_tracepoint(notes),
            Some(AttachType::TraceIter) => self.iterator(),
            Some(
                AttachType::ModifyReturn
                | AttachType::LsmMac
                | AttachType::LsmCgroup
                | AttachType::TraceFentry
                | AttachType::TraceFexit,
            ) => self.function(),
            _ => Err(Rule::AttachTarget.with(Errno::EINVAL).into()),
        }
    }

    fn info(&self, proto: Type<'_>) -> AttachInfo {
        AttachInfo {
            func_proto: Some(proto.id()),
            func_name: self.name.to_owned(),
            ..AttachInfo::default()
        }
    }

    fn raw_tracepoint(&self, notes: &mut dyn Notes) -> Result<AttachInfo, Rejection> {
        let id = self.ty.id();
        if self.ty.kind() != Kind::Typedef {
            reject!(
                AttachTarget,
                Errno::EINVAL,
                "attach_btf_id {id} is not a typedef\n"
            );
        }
        let Some(tracepoint) = self.name.strip_prefix("btf_trace_") else {
            reject!(
                AttachTarget,
                Errno::EINVAL,
                "attach_btf_id {id} points to wrong type name {}\n",
                self.name
            );
        };
        let proto = self
            .tracepoint_proto(tracepoint, notes)
            .ok_or(Rule::AttachTarget.with(Errno::EINVAL))?;
        Ok(AttachInfo {
            func_proto: Some(proto.id()),
            func_name: tracepoint.to_owned(),
            is_raw_tp: true,
            ..AttachInfo::default()
        })
    }

    /// The prototype of the function that runs a tracepoint's programs, whose parameters have names.
    ///
    /// Several tracepoints may share one function, and which is not recorded in BTF. But then the typedef
    /// has the same prototype except for the names, and those that matter are of tracepoints with a function
    /// of their own.
    fn tracepoint_proto(&self, tracepoint: &str, notes: &mut dyn Notes) -> Option<Type<'k>> {
        let btf = &self.kernel.btf;
        let named = self.kernel.attaching().names_tracepoint_args;
        if named && let Some(func) = btf.find(&format!("__bpf_trace_{tracepoint}"), Kind::Func) {
            return btf.func_proto(func);
        }
        if named && btf.find("__bpf_trace_sched_switch", Kind::Func).is_none() {
            // No such function is in BTF at all.
            notes.note(format_args!(
                "Cannot find btf of tracepoint template, fall back to btf_trace_{tracepoint}.\n"
            ));
        }
        let ptr = self.ty.target_type().filter(|ty| ty.is_ptr())?;
        ptr.target_type().filter(|ty| ty.is_func_proto())
    }

    /// The prototype of the function that the type is.
    fn proto(&self) -> Result<Type<'k>, Rejection> {
        if !self.ty.is_func() {
            let id = self.ty.id();
            reject!(
                AttachTarget,
                Errno::EINVAL,
                "attach_btf_id {id} is not a function\n"
            );
        }
        Ok(self.ty.proto().ok_or(Rule::AttachTarget.with(Errno::EINVAL))?)
    }

    fn iterator(&self) -> Result<AttachInfo, Rejection> {
        let proto = self.proto()?;
        let model = FuncModel::distill(self.kernel, proto, self.name)?;
        Ok(AttachInfo {
            ctx_args: iterator_args(self.kernel, self.name)?,
            model: Some(model),
            ..self.info(proto)
        })
    }

    fn function(&self) -> Result<AttachInfo, Rejection> {
        let proto = self.proto()?;
        let model = FuncModel::distill(self.kernel, proto, self.name)?;
        let name = self.name;
        let changes_return =
            self.prog.expects(AttachType::ModifyReturn) || self.prog.expects(AttachType::TraceFexit);
        let refuses = self.kernel.attaching().refuses_wide_results;
        if refuses && model.ret.size > 8 && changes_return {
            reject!(
                AttachForbidden,
                Errno::EOPNOTSUPP,
                "Attach to function {name} with a >8 byte return value is not supported for this attach type\n"
            );
        }
        if !self.kernel.ksyms(name).any(|symbol| symbol.module.is_none()) {
            reject!(
                AttachTarget,
                Errno::ENOENT,
                "The address of function {name} cannot be found\n"
            );
        }
        if self.prog.sleepable {
            if !self.may_sleep() {
                reject!(SleepableProgram, Errno::EINVAL, "{name} is not sleepable\n");
            }
        } else if self.prog.expects(AttachType::ModifyReturn) && !self.kernel.is_modifiable(name) {
            reject!(AttachForbidden, Errno::EINVAL, "{name}() is not modifiable\n");
        }
        self.check_lists()?;
        Ok(AttachInfo {
            model: Some(model),
            ..self.info(proto)
        })
    }

    fn may_sleep(&self) -> bool {
        match self.prog.prog_type {
            ProgType::Tracing => self.kernel.is_sleepable_target(self.name),
            ProgType::Lsm => self.kernel.lsm().is_sleepable(self.name),
            _ => false,
        }
    }

    /// The lists of functions that programs of a kind must stay away from.
    fn check_lists(&self) -> Result<(), Rejection> {
        let (id, name) = (self.ty.id(), self.name);
        if self.prog.prog_type == ProgType::Lsm {
            if !self.prog.gpl_compatible {
                reject!(
                    GplRequired,
                    Errno::EINVAL,
                    "LSM programs must have a GPL compatible license\n"
                );
            }
            if self.kernel.lsm().is_disabled(name) {
                reject!(
                    AttachForbidden,
                    Errno::EINVAL,
                    "attach_btf_id {id} points to disabled hook {name}\n"
                );
            }
            if !self.kernel.lsm().is_hook(name) {
                reject!(
                    AttachTarget,
                    Errno::EINVAL,
                    "attach_btf_id {id} points to wrong type name {name}\n"
                );
            }
            return Ok(());
        }
        check_numbers(self.kernel, self.prog)
    }
}
