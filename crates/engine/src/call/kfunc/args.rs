//! The arguments of a kernel function against its prototype.

use std::num::NonZeroU64;

use verdict_kernel::kfunc::Special;
use verdict_kernel::kfunc::types::register_struct;
use verdict_kernel::semantics::control::KfuncPointers;
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};
use verdict_syscall::func_args::kernel_ctx_type;
use verdict_syscall::func_model::MAX_REG_ARGS;

use super::graph::Graph;
use super::kinds::Kind;
use super::meta::{Dynptr, Meta};
use super::proto::{Buffer, Class, Pointer, Scalar, SizeOf};
use crate::error::{About, Res, register, reject};
use crate::index::RegNo;
use crate::memory::{Words, dynptr_flag_of, is_refcounted};
use crate::observer::Observer;
use crate::state::{DynptrKind, Reg};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Checks all arguments (`check_kfunc_args`).
    pub(super) fn check_kfunc_args(&mut self, meta: &mut Meta) -> Res<()> {
        let func = std::rc::Rc::clone(&meta.func);
        let count = func.params.len();
        if count > MAX_REG_ARGS {
            reject!(
                FunctionSignature,
                EINVAL,
                "Function {} has {count} > {MAX_REG_ARGS} args\n",
                func.name
            );
        }
        let mut arg = 0;
        while let Some(param) = func.params.get(arg) {
            match &param.class {
                Class::Ignored => {}
                Class::Scalar(scalar) => self
                    .check_kfunc_scalar(RegNo::of_arg(arg), scalar, meta)
                    .about(|| register(RegNo::of_arg(arg)))?,
                Class::Pointer(ptr) => {
                    let kind = self.check_kfunc_pointer(arg, ptr, meta);
                    let kind = kind.about(|| register(RegNo::of_arg(arg)))?;
                    // The size was checked with the memory.
                    arg += usize::from(kind == Kind::SizedMem);
                }
                Class::Other(what) => {
                    reject!(FunctionSignature, EINVAL, "Unrecognized arg#{arg} type {what}\n")
                }
            }
            arg += 1;
        }
        if func.releases() && meta.release_regno.is_none() {
            reject!(
                UnownedRelease,
                EINVAL,
                "release kernel function {} expects refcounted PTR_TO_BTF_ID\n",
                func.name
            );
        }
        Ok(())
    }

    pub(super) fn check_kfunc_scalar(&mut self, regno: RegNo, scalar: &Scalar, meta: &mut Meta) -> Res<()> {
        let reg = *self.reg(regno);
        if !reg.is_scalar() {
            reject!(ArgumentType, EINVAL, "R{regno} is not a scalar\n");
        }
        if scalar.constant {
            let value = constant(&reg, regno, meta)?;
            self.mark_chain_precision(regno)?;
            meta.constant = Some(value);
            return Ok(());
        }
        let Some(buffer) = scalar.buffer else {
            return Ok(());
        };
        meta.r0_rdonly |= buffer == Buffer::ReadOnly;
        if meta.r0_size.is_some() {
            reject!(
                FunctionSignature,
                EINVAL,
                "2 or more rdonly/rdwr_buf_size parameters for kfunc"
            );
        }
        if !reg.is_const() {
            reject!(ArgumentConstant, EINVAL, "R{regno} is not a const\n");
        }
        let size = reg.b.var_off().value;
        meta.r0_size = NonZeroU64::new(size);
        if size > u64::from(u32::MAX) {
            reject!(
                ArgumentConstant,
                EINVAL,
                "R{regno} rdonly/rdwr_buf_size exceeds u32 max\n"
            );
        }
        self.mark_chain_precision(regno)
    }

    fn check_kfunc_pointer(&mut self, arg: usize, ptr: &Pointer, meta: &mut Meta) -> Res<Kind> {
        let regno = RegNo::of_arg(arg);
        let reg = *self.reg(regno);
        let maybe_null = reg.is_null() || reg.ty.has(Flags::MAYBE_NULL);
        let all_strict = self.env.kernel.semantics.control.kfunc_pointers == KfuncPointers::All;
        let nullable = ptr.nullable || ptr.optional && all_strict;
        if meta.func.is_strict() && maybe_null && !nullable {
            reject!(
                ArgumentNull,
                EACCES,
                "Possibly NULL pointer passed to trusted arg{arg}\n"
            );
        }
        let released = meta.func.releases() && reg.ref_obj_id != 0;
        if released && meta.ref_obj_id != 0 {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: more than one arg with ref_obj_id R{regno} {} {}\n",
                reg.ref_obj_id,
                meta.ref_obj_id
            );
        }
        if reg.ref_obj_id != 0 {
            meta.ref_obj_id = reg.ref_obj_id;
        }
        if released {
            meta.release_regno = Some(regno);
        }
        let kind = self.kfunc_arg_kind(meta, arg, ptr)?;
        match kind {
            Kind::Null => return Ok(kind),
            Kind::Map => {
                self.note_kfunc_map(&reg, regno, meta)?;
                self.check_kfunc_trust(&reg, regno, meta)?;
            }
            Kind::Allocated | Kind::Object => self.check_kfunc_trust(&reg, regno, meta)?,
            _ => {}
        }
        let offset_rule = if released { Flags::RELEASE } else { Flags::NONE };
        self.check_func_arg_reg_off(&reg, regno, ArgType::new(ArgBase::DontCare, offset_rule))?;
        self.check_kfunc_arg_content(kind, arg, ptr, meta)?;
        Ok(kind)
    }

    /// What the argument's kind demands.
    fn check_kfunc_arg_content(&mut self, kind: Kind, arg: usize, ptr: &Pointer, meta: &mut Meta) -> Res<()> {
        let regno = RegNo::of_arg(arg);
        let reg = *self.reg(regno);
        match kind {
            Kind::Null => Ok(()),
            Kind::Ctx => self.check_kfunc_ctx(&reg, arg, meta),
            Kind::Allocated => self.check_allocated(&reg, arg, meta),
            Kind::Counted => self.check_counted(&reg, arg, meta),
            Kind::Dynptr => self.check_kfunc_dynptr(regno, ptr, meta),
            Kind::Iter => self.process_iter_arg(regno, ptr, meta),
            Kind::ListHead => self.check_graph_root(regno, Graph::List, meta),
            Kind::ListNode => self.check_graph_node(regno, Graph::List, meta),
            Kind::RbRoot => self.check_graph_root(regno, Graph::Tree, meta),
            Kind::RbNode => self.check_graph_node(regno, Graph::Tree, meta),
            Kind::ConstStr => {
                if !reg.ty.is(RegBase::MapValue) {
                    reject!(ConstString, EINVAL, "arg#{arg} doesn't point to a const string\n");
                }
                self.check_reg_const_str(&reg, regno)
            }
            Kind::Map => {
                let wanted =
                    register_struct(RegBase::ConstMapPtr).map_or(0, |name| self.vmlinux_struct(name));
                self.check_kernel_object(&reg, arg, verdict_btf::TypeId(wanted), meta)
            }
            Kind::Workqueue => self.check_workqueue(&reg, arg, meta),
            Kind::TaskWork => self.check_task_work(&reg, arg, meta),
            Kind::IrqFlag => self.check_irq_flag(&reg, arg, meta),
            Kind::ResLock => self.check_resilient_lock(&reg, arg, meta),
            Kind::Object => self.check_kernel_object(&reg, arg, ptr.target, meta),
            Kind::Callback => {
                if !reg.ty.is(RegBase::Func) {
                    reject!(CallbackFunction, EINVAL, "arg{arg} expected pointer to func\n");
                }
                meta.subprogno = reg.subprogno();
                Ok(())
            }
            Kind::Mem => self.check_kfunc_mem(arg, ptr),
            Kind::SizedMem => self.check_kfunc_sized_mem(&reg, arg, ptr, meta),
        }
    }

    fn check_kfunc_ctx(&self, reg: &Reg, arg: usize, meta: &mut Meta) -> Res<()> {
        if !reg.ty.is(RegBase::Ctx) {
            reject!(
                ArgumentType,
                EINVAL,
                "arg#{arg} expected pointer to ctx, but got {}\n",
                self.type_str(reg.ty)
            );
        }
        if meta.func.is(Special::CastToKernCtx) {
            meta.ctx_type = kernel_ctx_type(self.env.kernel, self.program.prog.prog_type)?;
        }
        Ok(())
    }

    /// A dynptr that the call makes or uses.
    fn check_kfunc_dynptr(&mut self, regno: RegNo, ptr: &Pointer, meta: &mut Meta) -> Res<()> {
        let reg = *self.reg(regno);
        let mut ty = ArgType::from(ArgBase::Dynptr);
        let mut clone_ref = 0;
        if reg.ty.is(RegBase::ConstDynptr) {
            ty = ty.with(Flags::RDONLY);
        }
        if ptr.uninit {
            ty = ty.with(Flags::UNINIT);
        }
        match meta.func.special {
            Some(Special::DynptrFromSkb) => ty = ty.with(Flags::DYNPTR_SKB),
            Some(Special::DynptrFromXdp) => ty = ty.with(Flags::DYNPTR_XDP),
            Some(Special::DynptrFromSkbMeta) => ty = ty.with(Flags::DYNPTR_SKB_META),
            Some(Special::DynptrClone) if ptr.uninit => {
                let original = meta.dynptr;
                if original.kind == DynptrKind::Invalid {
                    reject!(
                        VerifierBug,
                        EFAULT,
                        "verifier internal error: no dynptr type for parent of clone\n"
                    );
                }
                ty = ty.with(dynptr_flag_of(original.kind));
                clone_ref = original.ref_obj_id;
                if is_refcounted(original.kind) && clone_ref == 0 {
                    reject!(
                        VerifierBug,
                        EFAULT,
                        "verifier internal error: missing ref obj id for parent of clone\n"
                    );
                }
            }
            _ => {}
        }
        self.process_dynptr_func(regno, ty, clone_ref)?;
        if !ptr.uninit {
            let dynptr = self.dynptr_of(&reg)?;
            meta.dynptr = Dynptr {
                kind: dynptr.dynptr_kind(),
                id: dynptr.id,
                ref_obj_id: dynptr.ref_obj_id,
            };
        }
        Ok(())
    }

    /// Memory whose size is that of the type.
    fn check_kfunc_mem(&mut self, arg: usize, ptr: &Pointer) -> Res<()> {
        let btf = &self.env.kernel.btf;
        let Some(size) = btf.resolve_size(ptr.target) else {
            let (what, name) = btf
                .ty(ptr.target)
                .map_or(("", ""), |t| (t.kind().kernel_name(), t.name()));
            reject!(
                KfuncMemory,
                EINVAL,
                "arg#{arg} reference type('{what} {name}') size cannot be determined: -22\n"
            );
        };
        self.check_mem_reg(RegNo::of_arg(arg), size)
    }

    /// Memory whose size is the next argument.
    fn check_kfunc_sized_mem(&mut self, reg: &Reg, arg: usize, ptr: &Pointer, meta: &mut Meta) -> Res<()> {
        let size_regno = RegNo::of_arg(arg + 1);
        if !reg.is_null() || !ptr.optional {
            self.check_kfunc_mem_size_reg(size_regno).then(|| {
                format!(
                    "arg#{arg} arg#{} memory, len pair leads to invalid memory access\n",
                    arg + 1
                )
            })?;
        }
        if meta.func.size_param(arg) == Some(SizeOf::Constant) {
            let size = *self.reg(size_regno);
            meta.constant = Some(constant(&size, size_regno, meta)?);
        }
        Ok(())
    }
}

/// The value of the argument that must be constant; there is one such argument at most.
fn constant(reg: &Reg, regno: RegNo, meta: &Meta) -> Res<u64> {
    if meta.constant.is_some() {
        reject!(
            VerifierBug,
            EFAULT,
            "verifier internal error: only one constant argument permitted\n"
        );
    }
    if !reg.is_const() {
        reject!(ArgumentConstant, EINVAL, "R{regno} must be a known constant\n");
    }
    Ok(reg.b.var_off().value)
}
