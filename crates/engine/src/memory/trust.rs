//! Which pointers are trusted, and what the execution context allows.

use std::sync::Arc;

use verdict_btf::TypeId;
use verdict_kernel::semantics::control::CallbackSleep;
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::{BtfRef, Field, FieldKind, FieldMask, Record, TypeRef, TypeSpace};

use crate::index::{Idx, MapIdx};
use crate::observer::Observer;
use crate::state::{BtfHandle, Reg};
use crate::verifier::Verifier;

/// Flags of pointers that the kernel vouches for (`BPF_REG_TRUSTED_MODIFIERS`).
pub(crate) const TRUSTED_MODIFIERS: Flags = Flags(Flags::ALLOC.0 | Flags::TRUSTED.0 | Flags::NON_OWN_REF.0);

/// Whether the kernel vouches for a pointer (`is_trusted_reg`).
pub(crate) fn is_trusted(reg: &Reg) -> bool {
    if reg.ref_obj_id != 0 {
        return true;
    }
    if reg.ty.flags().without(TRUSTED_MODIFIERS) != Flags::NONE {
        return false;
    }
    // Types that stand for a kernel object by themselves.
    let by_kind = matches!(
        reg.ty.base(),
        RegBase::Socket | RegBase::SockCommon | RegBase::TcpSock | RegBase::ConstMapPtr
    );
    by_kind || reg.ty.has(TRUSTED_MODIFIERS)
}

/// Whether a pointer is valid only under RCU.
pub(crate) fn is_rcu(reg: &Reg) -> bool {
    reg.ty.has(Flags::RCU)
}

/// Whether this is a pointer to an object that the program allocated (`type_is_ptr_alloc_obj`).
pub(crate) fn type_is_ptr_alloc_obj(ty: RegType) -> bool {
    ty.base() == RegBase::BtfId && ty.has(Flags::ALLOC) && !ty.has(Flags::UNTRUSTED)
}

/// Whether this is such a pointer to an object that a list or tree owns (`type_is_non_owning_ref`).
pub(crate) fn type_is_non_owning_ref(ty: RegType) -> bool {
    type_is_ptr_alloc_obj(ty) && ty.has(Flags::NON_OWN_REF)
}

impl<O: Observer> Verifier<'_, O> {
    /// Whether the program may sleep here.
    pub(crate) fn in_sleepable(&self) -> bool {
        let by_program = self.env.kernel.semantics.control.callback_sleep == CallbackSleep::Program;
        by_program && self.program.prog.sleepable || self.walk.cur.in_sleepable
    }

    /// Whether RCU-protected objects stay alive here.
    pub(crate) fn in_rcu_cs(&self) -> bool {
        self.walk.cur.active_rcu_locks != 0 || self.walk.cur.active_lock.is_some() || !self.in_sleepable()
    }

    /// The BTFs in reach.
    pub(crate) fn space(&self) -> TypeSpace<'_> {
        let space = TypeSpace::new(self.env.kernel, self.program.prog.btf.as_ref());
        space.with_maps(self.program.maps.as_slice())
    }

    /// The BTF behind a handle, as the syscall crate names it.
    pub(crate) fn btf_ref(&self, handle: BtfHandle) -> BtfRef {
        match handle.map() {
            Some(map) => BtfRef::Map(map),
            None if handle == BtfHandle::VMLINUX => BtfRef::Vmlinux,
            None => BtfRef::Object,
        }
    }

    /// The handle of a BTF.
    pub(crate) fn handle_of(&self, btf: BtfRef) -> BtfHandle {
        match btf {
            BtfRef::Vmlinux => BtfHandle::VMLINUX,
            BtfRef::Object => BtfHandle::PROGRAM,
            BtfRef::Map(map) => BtfHandle::of_map(map),
        }
    }

    /// A kernel pointer field of what a register points to, with the BTF that its type is of: a map may have another than the
    /// program.
    pub(crate) fn owned_field(&self, reg: &Reg, field: Field) -> Field {
        let FieldKind::Kptr(kind, target) = field.kind else {
            return field;
        };
        if target.btf != BtfRef::Object {
            return field;
        }
        let btf = match reg.ty.is(RegBase::MapValue) {
            true => self.btf_of_map(reg.map()),
            false => self.btf_ref(reg.btf()),
        };
        let target = TypeRef { btf, ..target };
        Field {
            kind: FieldKind::Kptr(kind, target),
            ..field
        }
    }

    fn btf_of_map(&self, at: MapIdx) -> BtfRef {
        let own = self.program.maps.get(at).and_then(|map| map.btf.as_ref());
        match (own, &self.program.prog.btf) {
            (Some(own), Some(program)) if Arc::ptr_eq(&own.btf, &program.btf) => BtfRef::Object,
            (Some(_), _) => BtfRef::Map(u32::try_from(at.index()).unwrap_or(u32::MAX)),
            (None, _) => BtfRef::Object,
        }
    }

    /// The type that a BTF-typed pointer points to.
    pub(crate) fn type_of(&self, reg: &Reg) -> TypeRef {
        TypeRef {
            btf: self.btf_ref(reg.btf()),
            id: TypeId(reg.btf_id()),
        }
    }

    /// The name of a type; empty when it has none.
    pub(crate) fn type_name(&self, btf: BtfHandle, id: u32) -> &str {
        self.btf(btf)
            .and_then(|btf| btf.ty(TypeId(id)))
            .map_or("", |ty| ty.name())
    }

    /// The special fields of what a register points to (`reg_btf_record`).
    pub(crate) fn reg_record(&self, reg: &Reg) -> Option<Arc<Record>> {
        if reg.ty.is(RegBase::MapValue) {
            self.program.maps.get(reg.map())?.record.clone()
        } else if type_is_ptr_alloc_obj(reg.ty) {
            self.space().record(self.type_of(reg)).cloned()
        } else {
            None
        }
    }

    /// Whether what a register points to has a lock in it.
    pub(crate) fn may_point_to_spin_lock(&self, reg: &Reg) -> bool {
        self.reg_record(reg)
            .is_some_and(|record| record.has(FieldMask::LOCK))
    }

    /// What a maybe-null pointer is once it is known not to be (`mark_ptr_not_null_reg`).
    pub(crate) fn as_not_null(&mut self, reg: &Reg) -> Reg {
        let mut reg = *reg;
        if reg.ty.base() != RegBase::MapValue {
            reg.ty = reg.ty.without(Flags::MAYBE_NULL);
            return reg;
        }
        let Some(map) = self.program.maps.get(reg.map()).cloned() else {
            return reg;
        };
        if let Some(inner) = &map.inner {
            reg.ty = RegBase::ConstMapPtr.into();
            reg.set_map(self.intern_map(inner));
            // A timer or work item must come from the very map that its callback was set in.
            if inner.has_field(FieldMask::TIMER | FieldMask::WORKQUEUE | FieldMask::TASK_WORK) {
                reg.set_map_uid(reg.id);
            }
            return reg;
        }
        reg.ty = match map.map_type {
            verdict_kernel::map::MapType::Xskmap => RegBase::XdpSock.into(),
            verdict_kernel::map::MapType::Sockmap | verdict_kernel::map::MapType::Sockhash => {
                RegBase::Socket.into()
            }
            _ => RegBase::MapValue.into(),
        };
        reg
    }
}
