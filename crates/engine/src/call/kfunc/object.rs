//! Arguments that point to objects: of the kernel, or of the program.

use verdict_btf::{Btf, TypeId};
use verdict_kernel::kfunc::types::register_struct;
use verdict_kernel::kfunc::{KfuncFlags, Special};
use verdict_kernel::semantics::control::CountedOwner;
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::TypeRef;

use super::graph::OBJECT;
use super::meta::{GivenMap, Meta};
use crate::error::{Res, reject, say, unsupported};
use crate::index::RegNo;
use crate::memory::{TRUSTED_MODIFIERS, is_rcu, is_trusted, type_is_non_owning_ref, type_is_ptr_alloc_obj};
use crate::observer::Observer;
use crate::state::{BtfHandle, Reg};
use crate::verifier::Verifier;

/// Ends the name of a struct that is the same but not initialised yet.
const NOCAST_SUFFIX: &str = "___init";

/// Whether one of two names is the other with that ending, so that a pointer to one type must not be taken
/// for one to the other (`btf_type_ids_nocast_alias`).
fn is_nocast_alias(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    // Quirk: the ending is looked for from the front and must be found at the end.
    long.strip_prefix(short) == Some(NOCAST_SUFFIX)
        && long.find(NOCAST_SUFFIX) == long.len().checked_sub(NOCAST_SUFFIX.len())
}

impl<O: Observer> Verifier<'_, O> {
    /// Whether a pointer is trusted as far as the function demands it.
    pub(super) fn check_kfunc_trust(&self, reg: &Reg, regno: RegNo, meta: &Meta) -> Res<()> {
        if !meta.func.is_strict() || is_trusted(reg) {
            return Ok(());
        }
        if !meta.func.has(KfuncFlags::RCU) {
            reject!(
                UntrustedPointer,
                EINVAL,
                "R{regno} must be referenced or trusted\n"
            );
        }
        if !is_rcu(reg) {
            reject!(UntrustedPointer, EINVAL, "R{regno} must be a rcu pointer\n");
        }
        Ok(())
    }

    /// A map given as such (`__map`). For work queues, it must be the very map that the queue is in.
    pub(super) fn note_kfunc_map(&self, reg: &Reg, regno: RegNo, meta: &mut Meta) -> Res<()> {
        let Some(given) = GivenMap::of(reg) else {
            reject!(ArgumentType, EINVAL, "pointer in R{regno} isn't map pointer\n");
        };
        if let Some(before) = meta.map {
            let record = self.program.maps.get(reg.map()).and_then(|m| m.record.as_ref());
            let Some(record) = record.filter(|_| reg.ty.is(RegBase::ConstMapPtr)) else {
                unsupported!(
                    "a map without special fields beside a work queue: this kernel reads where nothing is"
                );
            };
            if record.wq_off().is_some() && given != before {
                reject!(
                    SpecialFieldArgument,
                    EINVAL,
                    "workqueue pointer in R1 map_uid={} doesn't match map pointer in R2 map_uid={}\n",
                    before.uid as i32,
                    given.uid as i32
                );
            }
        }
        meta.map = Some(given);
        Ok(())
    }

    /// A pointer to an object of the kernel, or to what stands for one. `wanted` is the struct declared.
    pub(super) fn check_kernel_object(
        &mut self,
        reg: &Reg,
        arg: usize,
        wanted: TypeId,
        meta: &Meta,
    ) -> Res<()> {
        let stands_for = register_struct(reg.ty.base());
        let unsafe_flags = reg.ty.flags().without(TRUSTED_MODIFIERS) != Flags::NONE;
        let object = reg.is(RegBase::BtfId) && (!unsafe_flags || is_rcu(reg));
        if !object && stands_for.is_none() {
            let kept = Flags(reg.ty.flags().0 & TRUSTED_MODIFIERS.0);
            reject!(
                ArgumentType,
                EINVAL,
                "arg#{arg} is {} expected {} or socket\n",
                self.type_str(reg.ty),
                self.type_str(RegType::new(reg.ty.base(), kept))
            );
        }
        let own = match stands_for {
            Some(name) if !reg.is(RegBase::BtfId) => TypeRef::vmlinux(TypeId(self.vmlinux_struct(name))),
            _ => self.type_of(reg),
        };
        self.match_kernel_object(reg, own, arg, wanted, meta)
    }

    /// Whether the struct pointed to is the one declared (`process_kf_arg_ptr_to_btf_id`).
    fn match_kernel_object(
        &mut self,
        reg: &Reg,
        own: TypeRef,
        arg: usize,
        wanted: TypeId,
        meta: &Meta,
    ) -> Res<()> {
        let kernel = self.env.kernel;
        let btf: &Btf = &kernel.btf;
        let need = btf.ty(wanted);
        let (what, name) = need.map_or(("", ""), |t| (t.kind().kernel_name(), t.name()));
        let space = self.space();
        let alias = is_nocast_alias(space.ty(own).map_or("", |t| t.name()), name);
        let resolved = space.btf(own.btf).and_then(|b| b.skip_mods_and_typedefs(own.id));
        let (own_id, own_what, own_name) = resolved.map_or((own.id, "", String::new()), |t| {
            (t.id(), t.kind().kernel_name(), t.name().to_owned())
        });
        let strict = alias || (meta.func.releases() && reg.ref_obj_id != 0);
        let own = TypeRef { id: own_id, ..own };
        let need = TypeRef::vmlinux(wanted);
        let Err(words) = self.struct_ids_match(own, reg.off, need, strict, !reg.ty.has(Flags::ALLOC)) else {
            return Ok(());
        };
        // The program's view of a context can be given the kernel's own.
        if self.env.kernel.is_projection_of(name, &own_name) {
            say!(self, "{words}");
            return Ok(());
        }
        reject!(
            ArgumentStruct,
            EINVAL,
            "{words}kernel function {} args#{arg} expected pointer to {what} {name} but R{} has a pointer to {own_what} {own_name}\n",
            meta.func.name,
            arg + 1
        )
    }

    /// An object that the program allocated and gives up.
    pub(super) fn check_allocated(&self, reg: &Reg, arg: usize, meta: &mut Meta) -> Res<()> {
        let percpu = OBJECT.with(Flags::PERCPU);
        if reg.ty == OBJECT {
            if !meta.func.is(Special::ObjDrop) {
                reject!(
                    NodeOwnership,
                    EINVAL,
                    "arg#{arg} expected for bpf_obj_drop_impl()\n"
                );
            }
        } else if reg.ty == percpu {
            if !meta.func.is(Special::PercpuObjDrop) {
                reject!(
                    NodeOwnership,
                    EINVAL,
                    "arg#{arg} expected for bpf_percpu_obj_drop_impl()\n"
                );
            }
        } else {
            reject!(
                NodeOwnership,
                EINVAL,
                "arg#{arg} expected pointer to allocated object\n"
            );
        }
        if reg.ref_obj_id == 0 {
            reject!(NodeOwnership, EINVAL, "allocated object must be referenced\n");
        }
        meta.object = (reg.btf(), reg.btf_id());
        Ok(())
    }

    /// An object that the program allocated, of which another reference is taken.
    pub(super) fn check_counted(&self, reg: &Reg, arg: usize, meta: &mut Meta) -> Res<()> {
        if !type_is_ptr_alloc_obj(reg.ty) {
            reject!(
                NodeOwnership,
                EINVAL,
                "arg#{arg} is neither owning or non-owning ref\n"
            );
        }
        let by_type = self.env.kernel.semantics.control.counted_owner == CountedOwner::Type;
        meta.owns_object |= !type_is_non_owning_ref(reg.ty) && (by_type || reg.ref_obj_id != 0);
        let Some(record) = self.reg_record(reg) else {
            reject!(
                NodeOwnership,
                EFAULT,
                "verifier internal error: Couldn't find btf_record\n"
            );
        };
        if record.refcount_off().is_none() {
            reject!(
                NodeOwnership,
                EINVAL,
                "arg#{arg} doesn't point to a type with bpf_refcount field\n"
            );
        }
        meta.object = (reg.btf(), reg.btf_id());
        Ok(())
    }

    /// Whether a type of the program has special fields.
    pub(super) fn has_struct_meta(&self, object: (BtfHandle, u32)) -> bool {
        let of = TypeRef {
            btf: self.btf_ref(object.0),
            id: TypeId(object.1),
        };
        object.0 != BtfHandle::NONE && self.space().record(of).is_some()
    }

    /// A work queue in a map's value (`process_wq_func`).
    pub(super) fn check_workqueue(&self, reg: &Reg, arg: usize, meta: &mut Meta) -> Res<()> {
        if !reg.ty.is(RegBase::MapValue) {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "arg#{arg} doesn't point to a map value\n"
            );
        }
        let map = self.map_of(reg)?;
        let Some(record) = &map.record else {
            unsupported!("a work queue in a map without special fields: this kernel reads where nothing is");
        };
        // No field is the error number in place of the offset.
        let at = record.wq_off().map_or(-22, i64::from);
        let off = (reg.b.var_off().value as i64).wrapping_add(i64::from(reg.off));
        if at != off {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "off {off} doesn't point to 'struct bpf_wq' that is at {at}\n"
            );
        }
        meta.map = GivenMap::of(reg);
        Ok(())
    }
}
