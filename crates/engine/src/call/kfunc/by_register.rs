//! The arguments of a kernel function where the register decides first what an argument may be (before Linux 6.2):
//! a pointer to an object, or else memory that the type says the size of.

use std::rc::Rc;

use verdict_btf::{Btf, Type, TypeId};
use verdict_kernel::errno::Errno;
use verdict_kernel::kfunc::KfuncFlags;
use verdict_kernel::kfunc::types::register_struct;
use verdict_kernel::semantics::control::KfuncArguments;
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};
use verdict_syscall::{FieldKind, FieldMask, TypeRef};

use super::kinds::Kind;
use super::meta::Meta;
use super::proto::{Class, Kfunc, Pointer, check_scalar_struct, is_scalar};
use crate::error::{About, Res, register, reject};
use crate::index::RegNo;
use crate::memory::{Words, as_errno};
use crate::observer::Observer;
use crate::state::{DynptrKind, Reg};
use crate::verifier::Verifier;

/// The dynptr as kernel functions take it.
const DYNPTR: &str = "bpf_dynptr_kern";

impl<O: Observer> Verifier<'_, O> {
    /// Whether the registers decide first what the arguments of kernel functions are.
    pub(super) fn takes_kfunc_args_by_register(&self) -> bool {
        self.env.kernel.semantics.control.kfunc_arguments == KfuncArguments::ByRegister
    }

    /// Checks all arguments (`btf_check_func_arg_match`).
    pub(super) fn check_kfunc_registers(&mut self, meta: &mut Meta) -> Res<()> {
        let func = Rc::clone(&meta.func);
        let mut arg = 0;
        let mut referenced = None;
        while let Some(param) = func.params.get(arg) {
            let pair = match &param.class {
                Class::Ignored => false,
                Class::Scalar(scalar) => {
                    self.check_kfunc_scalar(RegNo::of_arg(arg), scalar, meta)
                        .about(|| register(RegNo::of_arg(arg)))?;
                    false
                }
                Class::Pointer(ptr) => self
                    .check_kfunc_register(arg, ptr, &func, &mut referenced)
                    .about(|| register(RegNo::of_arg(arg)))?,
                Class::Other(what) => {
                    reject!(FunctionSignature, EINVAL, "Unrecognized arg#{arg} type {what}\n")
                }
            };
            // The size was checked with the memory.
            arg += 1 + usize::from(pair);
        }
        if func.releases() && referenced.is_none() {
            reject!(
                UnownedRelease,
                EINVAL,
                "release kernel function {} expects refcounted PTR_TO_BTF_ID\n",
                func.name
            );
        }
        if func.has(KfuncFlags::SLEEPABLE) && !self.program.prog.sleepable {
            reject!(
                SleepableCall,
                EINVAL,
                "kernel function {} is sleepable but the program is not\n",
                func.name
            );
        }
        if let Some((regno, id)) = referenced {
            meta.ref_obj_id = id;
            meta.release_regno = func.releases().then_some(regno);
        }
        Ok(())
    }

    /// One pointer; whether the next argument is its size.
    fn check_kfunc_register(
        &mut self,
        arg: usize,
        ptr: &Pointer,
        func: &Kfunc,
        referenced: &mut Option<(RegNo, u32)>,
    ) -> Res<bool> {
        let regno = RegNo::of_arg(arg);
        let reg = *self.reg(regno);
        let trusted = func.has(KfuncFlags::TRUSTED_ARGS);
        let object = reg.ty.is(RegBase::BtfId) || stands_for(&reg).is_some();
        if trusted && object && reg.ref_obj_id == 0 {
            reject!(ArgumentType, EINVAL, "R{regno} must be referenced\n");
        }
        let held = func.releases() && reg.ref_obj_id != 0;
        let whole = trusted && (object || reg.ty.is(RegBase::Ctx)) || held;
        let flags = if whole { Flags::RELEASE } else { Flags::NONE };
        self.check_func_arg_reg_off(&reg, regno, ArgType::new(ArgBase::DontCare, flags))?;
        if reg.ref_obj_id != 0 {
            if let Some((_, other)) = *referenced {
                reject!(
                    VerifierBug,
                    EFAULT,
                    "verifier internal error: more than one arg with ref_obj_id R{} {} {}\n",
                    regno,
                    reg.ref_obj_id,
                    other
                );
            }
            *referenced = Some((regno, reg.ref_obj_id));
        }
        let btf: &Btf = &self.env.kernel.btf;
        let Some(target) = btf.ty(ptr.target) else {
            reject!(FunctionSignature, EINVAL)
        };
        if arg == 0 && func.has(KfuncFlags::KPTR_GET) {
            return self.check_kptr_place(&reg, target, func).map(|()| false);
        }
        if ptr.kind == Some(Kind::Ctx) {
            if !reg.ty.is(RegBase::Ctx) {
                reject!(
                    ArgumentType,
                    EINVAL,
                    "arg#{arg} expected pointer to ctx, but got PTR\n"
                );
            }
            return Ok(false);
        }
        if reg.ty.is(RegBase::BtfId) || stands_for(&reg).is_some() {
            let strict = trusted || held;
            return self
                .match_object(&reg, arg, target.id(), func, strict)
                .map(|()| false);
        }
        self.check_kfunc_memory(arg, target, func)
    }

    /// A pointer to a field of a map's value that holds a reference, from which the function takes one.
    fn check_kptr_place(&mut self, reg: &Reg, target: Type<'_>, func: &Kfunc) -> Res<()> {
        if !reg.ty.is(RegBase::MapValue) {
            reject!(ArgumentType, EINVAL, "arg#0 expected pointer to map value\n");
        }
        if !reg.is_const() {
            reject!(ArgumentType, EINVAL, "arg#0 must have constant offset\n");
        }
        let off = i64::from(reg.off).wrapping_add(reg.b.var_off().value as i64);
        let map = self.map_of(reg)?;
        let record = map.record.as_ref();
        let field = record.and_then(|record| record.find(off as u32, FieldMask::KPTR_REF));
        let wanted = match field.map(|field| self.owned_field(reg, *field).kind) {
            Some(FieldKind::Kptr(_, target)) => target,
            _ => reject!(
                ArgumentType,
                EINVAL,
                "arg#0 no referenced kptr at map value offset={}\n",
                off as u64
            ),
        };
        if !target.is_ptr() {
            reject!(
                FunctionSignature,
                EINVAL,
                "arg#0 BTF type must be a double pointer\n"
            );
        }
        let pointee = target.btf().skip_mods_and_typedefs(target.target());
        let (kind, name) = pointee.map_or(("UNKNOWN", ""), |ty| (ty.kind().kernel_name(), ty.name()));
        let Some(pointee) = pointee.filter(|ty| ty.is_composite()) else {
            reject!(
                FunctionSignature,
                EINVAL,
                "kernel function {} args#0 pointer type {kind} {name} is not supported\n",
                func.name
            );
        };
        let own = TypeRef::vmlinux(pointee.id());
        if let Err(words) = self.struct_ids_match(own, 0, wanted, true, true) {
            reject!(
                ArgumentStruct,
                EINVAL,
                "{words}kernel function {} args#0 expected pointer to {kind} {name}\n",
                func.name
            );
        }
        Ok(())
    }

    /// A pointer to an object, or to what stands for one.
    fn match_object(&mut self, reg: &Reg, arg: usize, wanted: TypeId, func: &Kfunc, strict: bool) -> Res<()> {
        let btf: &Btf = &self.env.kernel.btf;
        let need = btf.ty(wanted);
        let (kind, name) = need.map_or(("UNKNOWN", ""), |ty| (ty.kind().kernel_name(), ty.name()));
        if !need.is_some_and(Type::is_composite) {
            reject!(
                FunctionSignature,
                EINVAL,
                "kernel function {} args#{arg} pointer type {kind} {name} is not supported\n",
                func.name
            );
        }
        let own = match stands_for(reg) {
            Some(name) => TypeRef::vmlinux(TypeId(self.vmlinux_struct(name))),
            None => self.type_of(reg),
        };
        let space = self.space();
        let resolved = space.btf(own.btf).and_then(|b| b.skip_mods_and_typedefs(own.id));
        let (own_id, own_kind, own_name) = resolved.map_or((own.id, "UNKNOWN", String::new()), |ty| {
            (ty.id(), ty.kind().kernel_name(), ty.name().to_owned())
        });
        let (own, need) = (TypeRef { id: own_id, ..own }, TypeRef::vmlinux(wanted));
        if let Err(words) = self.struct_ids_match(own, reg.off, need, strict, true) {
            reject!(
                ArgumentStruct,
                EINVAL,
                "{words}kernel function {} args#{arg} expected pointer to {kind} {name} but R{} has a pointer to \
                 {own_kind} {own_name}\n",
                func.name,
                arg + 1
            );
        }
        Ok(())
    }

    /// Memory, or a dynptr on the stack; whether the next argument is its size.
    fn check_kfunc_memory(&mut self, arg: usize, target: Type<'_>, func: &Kfunc) -> Res<bool> {
        let regno = RegNo::of_arg(arg);
        let sized = func.params.get(arg + 1).is_some_and(|next| match &next.class {
            Class::Scalar(scalar) => scalar.size_of.is_some() && self.reg(RegNo::of_arg(arg + 1)).is_scalar(),
            Class::Ignored | Class::Pointer(_) | Class::Other(_) => false,
        });
        let dynptr = target.is_struct() && target.name() == DYNPTR;
        let nested = match is_scalar(target) {
            true => Ok(()),
            false => check_scalar_struct(target.btf(), target),
        };
        let (kind, name) = (target.kind().kernel_name(), target.name());
        if let Err(words) = nested
            && !dynptr
            && !(sized && target.is_void())
        {
            let void = if sized { "void, " } else { "" };
            reject!(
                ArgumentType,
                EINVAL,
                "{words}arg#{arg} pointer type {kind} {name} must point to {void}scalar, or struct with scalar\n"
            );
        }
        if dynptr {
            return self.check_local_dynptr(arg, kind, name).map(|()| false);
        }
        if sized {
            self.check_kfunc_mem_size_reg(RegNo::of_arg(arg + 1))
                .map_err(|failure| as_errno(failure, Errno::EINVAL))
                .then(|| {
                    format!(
                        "arg#{arg} arg#{} memory, len pair leads to invalid memory access\n",
                        arg + 1
                    )
                })?;
            return Ok(true);
        }
        let Some(size) = target.btf().resolve_size(target.id()) else {
            reject!(
                ArgumentType,
                EINVAL,
                "arg#{arg} reference type('{kind} {name}') size cannot be determined: -22\n"
            );
        };
        self.check_mem_reg(regno, size)
            .map_err(|failure| as_errno(failure, Errno::EINVAL))?;
        Ok(false)
    }

    fn check_local_dynptr(&mut self, arg: usize, kind: &str, name: &str) -> Res<()> {
        let reg = *self.reg(RegNo::of_arg(arg));
        let refuse = |what: &str| -> Res<()> {
            reject!(
                DynptrArgument,
                EINVAL,
                "arg#{arg} pointer type {kind} {name} {what}\n"
            )
        };
        if !reg.ty.is(RegBase::Stack) {
            return refuse("not to stack");
        }
        if !self.is_plain_dynptr(&reg) {
            return refuse("must be valid and initialized");
        }
        if self.plain_dynptr(&reg).dynptr_kind() != DynptrKind::Local {
            return refuse("points to unsupported dynamic pointer type");
        }
        Ok(())
    }
}

/// The kernel's structure that a register of this type stands for, by itself.
fn stands_for(reg: &Reg) -> Option<&'static str> {
    let base = reg.ty.base();
    let socket = matches!(base, RegBase::Socket | RegBase::SockCommon | RegBase::TcpSock);
    register_struct(base).filter(|_| socket && reg.ty.is(base))
}
