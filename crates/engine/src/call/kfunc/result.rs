//! What R0 is after a call of a kernel function.

use std::num::NonZeroU64;

use verdict_btf::{Btf, Type, TypeId};
use verdict_kernel::ctx::{Access, may_access_packet};
use verdict_kernel::kfunc::{KfuncFlags, Special};
use verdict_kernel::semantics::control::{KfuncResults, RcuFunction, RdonlyCast};
use verdict_kernel::types::{Flags, RegBase, RegType};

use super::graph::{OBJECT, graph_node};
use super::meta::Meta;
use super::proto::{check_scalar_struct, is_scalar};
use crate::error::{Res, reject};
use crate::index::R0;
use crate::memory::{UNTRUSTED_MEMORY, dynptr_flag_of};
use crate::observer::Observer;
use crate::state::{BtfHandle, Reg};
use crate::verifier::Verifier;

/// Bytes of a per-CPU object at most (`BPF_GLOBAL_PERCPU_MA_MAX_SIZE`).
const MAX_PERCPU_OBJECT: u32 = 512;

/// A pointer of the kernel's types.
fn kernel_object(flags: Flags, id: TypeId) -> Reg {
    let mut reg = Reg::pointer(RegType::new(RegBase::BtfId, flags));
    reg.set_btf(BtfHandle::VMLINUX, id.0);
    reg
}

impl<O: Observer> Verifier<'_, O> {
    /// Sets R0 by the function's return type.
    pub(super) fn set_kfunc_result(&mut self, meta: &mut Meta) -> Res<()> {
        let kernel = self.env.kernel;
        let btf: &Btf = &kernel.btf;
        let Some(ty) = btf.skip_mods_and_typedefs(meta.func.ret) else {
            reject!(FunctionSignature, EINVAL)
        };
        let target = if ty.is_ptr() {
            btf.skip_mods_and_typedefs(ty.target())
        } else {
            None
        };
        let makes_own = [Special::ObjNew, Special::PercpuObjNew, Special::RefcountAcquire];
        if meta.func.has(KfuncFlags::ACQUIRE)
            && !target.is_some_and(Type::is_composite)
            && !meta.func.special.is_some_and(|s| makes_own.contains(&s))
        {
            reject!(
                FunctionSignature,
                EINVAL,
                "acquire kernel function does not return PTR_TO_BTF_ID\n"
            );
        }
        if is_scalar(ty) {
            self.set_unknown(R0);
            if meta.func.special.is_some_and(Special::takes_resilient_lock) {
                // The call that failed is pending.
                self.walk.cur.reg_mut(R0).set_known(0);
            }
            self.walk.cur.marks_mut().written |= 1;
        } else if let Some(target) = target {
            self.set_kfunc_pointer(meta, target)?;
        } else if matches!(meta.func.special, Some(Special::ObjDrop | Special::PercpuObjDrop)) {
            self.aux_mut().kptr_struct_meta = self.has_struct_meta(meta.object);
        }
        Ok(())
    }

    fn set_kfunc_pointer(&mut self, meta: &mut Meta, target: Type<'_>) -> Res<()> {
        let mut reg = match meta.func.special {
            Some(special) if special.decides_own_type() => self.special_result(special, meta)?,
            _ if target.is_void() => Reg::UNKNOWN,
            _ if !target.is_struct() => {
                let mut reg = memory_result(meta, target)?;
                reg.ty = reg.ty.with(self.rcu_result(meta));
                reg
            }
            _ => {
                let flags = self.object_trust(meta);
                kernel_object(flags | self.rcu_result(meta), target.id())
            }
        };
        let owned = meta.func.is(Special::RefcountAcquire) && meta.owns_object;
        let maybe_null = meta.func.has(KfuncFlags::RET_NULL) && !owned;
        if maybe_null {
            reg.ty = reg.ty.with(Flags::MAYBE_NULL);
            reg.id = self.next_id();
        }
        self.walk.cur.marks_mut().written |= 1;
        if meta.func.has(KfuncFlags::ACQUIRE) {
            let id = self.acquire_reference(self.walk.insn_idx);
            if maybe_null || self.takes_kfunc_args_by_register() {
                reg.id = id;
            }
            reg.ref_obj_id = id;
        } else if meta.func.special.is_some_and(Special::peeks) {
            reg = self.non_owning(reg);
        }
        if self.may_point_to_spin_lock(&reg) && reg.id == 0 {
            reg.id = self.next_id();
        }
        self.set_reg(R0, reg);
        Ok(())
    }

    /// How far a kernel object that a function gives is trusted, RCU apart.
    fn object_trust(&self, meta: &Meta) -> Flags {
        let all = self.env.kernel.semantics.control.kfunc_results == KfuncResults::Trusted;
        if meta.func.is(Special::GetKmemCache) {
            Flags::UNTRUSTED
        } else if meta.func.has(KfuncFlags::ITER_NEXT) {
            self.iter_elements(meta)
        } else if all && self.rcu_result(meta) == Flags::NONE {
            Flags::TRUSTED
        } else {
            Flags::NONE
        }
    }

    /// What a function that is only good under RCU gives is protected by it.
    fn rcu_result(&self, meta: &Meta) -> Flags {
        let protects = self.env.kernel.semantics.control.rcu_function == RcuFunction::Refused
            && meta.func.has(KfuncFlags::RCU_PROTECTED);
        if protects { Flags::RCU } else { Flags::NONE }
    }

    /// Functions that decide themselves what they give back.
    fn special_result(&mut self, special: Special, meta: &Meta) -> Res<Reg> {
        match special {
            Special::ObjNew | Special::PercpuObjNew => self.new_object(special, meta),
            Special::RefcountAcquire => {
                let mut reg = Reg::pointer(OBJECT);
                reg.set_btf(meta.object.0, meta.object.1);
                self.aux_mut().kptr_struct_meta = self.has_struct_meta(meta.object);
                Ok(reg)
            }
            Special::ListPopFront
            | Special::ListPopBack
            | Special::ListFront
            | Special::ListBack
            | Special::RbtreeRemove
            | Special::RbtreeFirst
            | Special::RbtreeRoot
            | Special::RbtreeLeft
            | Special::RbtreeRight => match meta.root.and_then(|f| f.kind.graph_root()) {
                Some(root) => Ok(graph_node(root)),
                None => reject!(VerifierBug, EFAULT),
            },
            Special::CastToKernCtx => Ok(kernel_object(Flags::TRUSTED, meta.ctx_type)),
            Special::RdonlyCast => {
                let id = TypeId(meta.constant.unwrap_or(0) as u32);
                let void = self.env.kernel.semantics.control.rdonly_cast == RdonlyCast::StructsAndVoid;
                if void && id == TypeId::VOID {
                    return Ok(Reg::pointer(UNTRUSTED_MEMORY));
                }
                if void && self.env.kernel.btf.ty(id).is_none() {
                    reject!(
                        AllocatedType,
                        EINVAL,
                        "Unknown type ID {} passed to kfunc bpf_rdonly_cast\n",
                        meta.constant.unwrap_or(0) as i64
                    );
                }
                if !self.env.kernel.btf.ty(id).is_some_and(Type::is_composite) {
                    reject!(
                        AllocatedType,
                        EINVAL,
                        "kfunc bpf_rdonly_cast type ID argument must be of a struct{}\n",
                        if void { " or void" } else { "" }
                    );
                }
                Ok(kernel_object(Flags::UNTRUSTED, id))
            }
            Special::DynptrSlice | Special::DynptrSliceRdwr => self.dynptr_slice(special, meta),
            _ => reject!(
                VerifierBug,
                EFAULT,
                "kernel function {} unhandled dynamic return type\n",
                meta.func.name
            ),
        }
    }

    /// A new object of a type of the program.
    fn new_object(&mut self, special: Special, meta: &Meta) -> Res<Reg> {
        let percpu = special == Special::PercpuObjNew;
        let Ok(id) = u32::try_from(meta.constant.unwrap_or(0)) else {
            reject!(
                AllocatedType,
                EINVAL,
                "local type ID argument must be in range [0, U32_MAX]\n"
            );
        };
        let Some(prog_btf) = &self.program.prog.btf else {
            reject!(
                AllocatedType,
                EINVAL,
                "bpf_obj_new/bpf_percpu_obj_new requires prog BTF\n"
            );
        };
        let btf: &Btf = &prog_btf.btf;
        let Some(ty) = btf.ty(TypeId(id)).filter(|t| t.is_struct()) else {
            reject!(
                AllocatedType,
                EINVAL,
                "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct\n"
            );
        };
        let has_fields = prog_btf.record(TypeId(id)).is_some();
        if percpu {
            check_percpu_object(btf, ty, has_fields)?;
        }
        let mut reg = Reg::pointer(if percpu {
            OBJECT.with(Flags::PERCPU)
        } else {
            OBJECT
        });
        reg.set_btf(BtfHandle::PROGRAM, id);
        self.aux_mut().kptr_struct_meta = has_fields;
        Ok(reg)
    }

    /// A slice of a dynptr, of constant size.
    fn dynptr_slice(&mut self, special: Special, meta: &Meta) -> Res<Reg> {
        let Some(size) = meta.constant else {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: bpf_dynptr_slice(_rdwr) no constant size\n"
            );
        };
        let mut flags = dynptr_flag_of(meta.dynptr.kind);
        if special == Special::DynptrSlice {
            flags = flags | Flags::RDONLY;
        } else if may_access_packet(self.program.prog.prog_type, Access::Write, None) {
            self.walk.seen_direct_write = true;
        } else {
            reject!(
                PacketAccess,
                EINVAL,
                "the prog does not allow writes to packet data\n"
            );
        }
        if meta.dynptr.id == 0 {
            reject!(VerifierBug, EFAULT, "verifier internal error: no dynptr id\n");
        }
        let mut reg = Reg::pointer(RegType::new(RegBase::Mem, flags));
        reg.set_mem_size(size as u32);
        reg.set_dynptr_id(meta.dynptr.id);
        Ok(reg)
    }
}

/// Memory of the size that an argument gave, or of that of the type.
fn memory_result(meta: &mut Meta, target: Type<'_>) -> Res<Reg> {
    if meta.r0_size.is_none()
        && let Some(size) = target.btf().resolve_size(target.id())
    {
        meta.r0_size = NonZeroU64::new(size.into());
        meta.r0_rdonly = true;
    }
    let Some(size) = meta.r0_size else {
        reject!(
            FunctionSignature,
            EINVAL,
            "kernel function {} returns pointer type {} {} is not supported\n",
            meta.func.name,
            target.kind().kernel_name(),
            target.name()
        );
    };
    let flags = if meta.r0_rdonly {
        Flags::RDONLY
    } else {
        Flags::NONE
    };
    let mut reg = Reg::pointer(RegType::new(RegBase::Mem, flags));
    reg.set_mem_size(size.get() as u32);
    reg.ref_obj_id = meta.ref_obj_id;
    Ok(reg)
}

/// What objects may be per CPU: small ones, of numbers only.
fn check_percpu_object(btf: &Btf, ty: Type<'_>, has_fields: bool) -> Res<()> {
    let size = ty.size();
    if size > MAX_PERCPU_OBJECT {
        reject!(
            AllocatedType,
            EINVAL,
            "bpf_percpu_obj_new type size ({}) is greater than {MAX_PERCPU_OBJECT}\n",
            size as i32
        );
    }
    // There is no allocator for objects without size.
    if size == 0 {
        reject!(AllocatedType, EINVAL);
    }
    if let Err(words) = check_scalar_struct(btf, ty) {
        reject!(
            AllocatedType,
            EINVAL,
            "{words}bpf_percpu_obj_new type ID argument must be of a struct of scalars\n"
        );
    }
    if has_fields {
        reject!(
            AllocatedType,
            EINVAL,
            "bpf_percpu_obj_new type ID argument must not contain special fields\n"
        );
    }
    Ok(())
}
