//! Pointers to kernel objects and to the program's own objects that are kept in map values.

use verdict_isa::{class, mode};
use verdict_kernel::kfunc::types::is_rcu_protected;
use verdict_kernel::semantics::control::PercpuKptr;
use verdict_kernel::semantics::precision::NullKptr;
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::{BtfRef, Field, FieldKind, FieldMask, KptrKind, TypeRef};

use super::{MemAccess, as_errno};
use crate::error::{Failure, Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::{BtfHandle, Reg};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// A load or store of a whole kernel pointer field (`check_map_kptr_access`).
    pub(super) fn check_map_kptr_access(&mut self, m: &MemAccess, field: &Field) -> Res<()> {
        let FieldKind::Kptr(kind, target) = field.kind else {
            return Err(Failure::bug("a kernel pointer access to another field"));
        };
        let insn = self.insn();
        if mode(insn.code) != mode::MEM {
            reject!(
                KptrAccess,
                EACCES,
                "kptr in map can only be accessed using BPF_MEM instruction mode\n"
            );
        }
        let load = class(insn.code) == class::LDX;
        if !load && kind != KptrKind::Unref {
            reject!(KptrAccess, EACCES, "store to referenced kptr disallowed\n");
        }
        match (class(insn.code), m.value) {
            (class::LDX, Some(value)) => {
                let flags = self.loaded_kptr_flags(kind, target);
                let btf = self.handle_of(target.btf);
                self.set_btf_loaded(value, RegBase::BtfId, btf, target.id.0, flags);
                Ok(())
            }
            (class::STX, Some(value)) => {
                let stored = *self.reg(value);
                if stored.is_null() {
                    // The store is right only for this very number.
                    return match self.env.kernel.semantics.precision.null_kptr {
                        NullKptr::Precise => self.mark_chain_precision(value),
                        NullKptr::Imprecise => Ok(()),
                    };
                }
                self.check_kptr_matches(field, &stored, value)
                    .map_err(|e| as_errno(e, verdict_kernel::errno::Errno::EACCES))
            }
            (class::ST, _) => {
                if insn.imm != 0 {
                    reject!(
                        KptrAccess,
                        EACCES,
                        "BPF_ST imm must be 0 when storing to kptr at off={}\n",
                        field.offset
                    );
                }
                Ok(())
            }
            _ => reject!(
                KptrAccess,
                EACCES,
                "kptr in map can only be accessed using BPF_LDX/BPF_STX/BPF_ST\n"
            ),
        }
    }

    /// What a pointer loaded from such a field is worth (`btf_ld_kptr_type`).
    fn loaded_kptr_flags(&self, kind: KptrKind, target: TypeRef) -> Flags {
        let rcu_safe = match kind {
            KptrKind::Percpu => true,
            KptrKind::Ref => self.is_rcu_protected(target),
            KptrKind::Unref => false,
        };
        if !rcu_safe || !self.in_rcu_cs() {
            return Flags::MAYBE_NULL | Flags::UNTRUSTED;
        }
        let mut flags = Flags::MAYBE_NULL | Flags::RCU;
        if kind == KptrKind::Percpu {
            flags = flags | Flags::PERCPU;
        } else if target.btf != BtfRef::Vmlinux {
            flags = flags | Flags::ALLOC;
        }
        if self
            .space()
            .record(target)
            .is_some_and(|record| record.has(FieldMask::GRAPH_NODE))
        {
            flags = flags | Flags::NON_OWN_REF;
        }
        flags
    }

    /// Whether objects of this type are freed only after an RCU grace period (`rcu_protected_object`).
    pub(crate) fn is_rcu_protected(&self, target: TypeRef) -> bool {
        if target.btf != BtfRef::Vmlinux {
            return true;
        }
        self.space()
            .ty(target)
            .is_some_and(|ty| ty.kind() == verdict_btf::Kind::Struct && is_rcu_protected(ty.name()))
    }

    /// Whether a pointer may be stored in, or exchanged with, a kernel pointer field (`map_kptr_match_type`).
    pub(crate) fn check_kptr_matches(&mut self, field: &Field, reg: &Reg, regno: RegNo) -> Res<()> {
        let FieldKind::Kptr(kind, target) = field.kind else {
            return Err(Failure::bug("a kernel pointer match with another field"));
        };
        if !self.kptr_flags_fit(kind, reg) {
            reject!(
                KptrType,
                EINVAL,
                "{}",
                self.bad_kptr_type(kind, target, reg, regno, "")
            );
        }
        let name = self.type_name(reg.btf(), reg.btf_id()).to_owned();
        self.check_ptr_off_reg_fixed(reg, regno, true)?;
        let strict = kind != KptrKind::Unref;
        self.struct_ids_match(
            self.type_of(reg),
            reg.off,
            target,
            strict,
            !reg.ty.has(Flags::ALLOC),
        )
        .or_else(|words| {
            let wrong = self.bad_kptr_type(kind, target, reg, regno, &name);
            reject!(KptrType, EINVAL, "{words}{wrong}")
        })
    }

    /// Whether what is known of the pointer lets it into such a field.
    fn kptr_flags_fit(&self, kind: KptrKind, reg: &Reg) -> bool {
        if reg.ty.base() != RegBase::BtfId {
            return false;
        }
        let mut fine = Flags::MAYBE_NULL;
        if reg.btf() == BtfHandle::VMLINUX {
            fine = fine | Flags::TRUSTED | Flags::RCU;
            if kind == KptrKind::Unref {
                fine = fine | Flags::UNTRUSTED;
            }
        } else {
            fine = fine | Flags::ALLOC;
            if kind == KptrKind::Percpu {
                fine = fine | Flags::PERCPU;
            }
        }
        let matched = self.env.kernel.semantics.control.percpu_kptr == PercpuKptr::PercpuOnly;
        let percpu = reg.ty.has(Flags::PERCPU);
        reg.ty.flags().without(fine) == Flags::NONE && (!matched || (kind == KptrKind::Percpu) == percpu)
    }

    fn bad_kptr_type(&self, kind: KptrKind, target: TypeRef, reg: &Reg, regno: RegNo, name: &str) -> String {
        let wanted = self.type_name(self.handle_of(target.btf), target.id.0);
        let (is, expected) = (self.type_str(reg.ty), self.type_str(RegBase::BtfId));
        let or_untrusted = if kind == KptrKind::Unref {
            let untrusted = self.type_str(RegType::new(RegBase::BtfId, Flags::UNTRUSTED));
            format!(" or {untrusted}{wanted}")
        } else {
            String::new()
        };
        format!("invalid kptr access, R{regno} type={is}{name} expected={expected}{wanted}{or_untrusted}\n")
    }
}
