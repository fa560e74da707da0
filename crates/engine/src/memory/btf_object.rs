//! Objects that BTF describes: the kernel's, the program's own, and maps seen as kernel structs.

use verdict_btf::{FlexArrays, TypeId, WalkError, Walked};
use verdict_kernel::ctx::Access;
use verdict_kernel::errno::Errno;
use verdict_kernel::kfunc::types::{Safe, is_safe_field, map_struct};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{FlexibleArray, MemberPointer, ObjectMembers, UntrustedWrite};
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::TypeRef;

use super::trust::TRUSTED_MODIFIERS;
use super::{MemAccess, is_rcu, is_trusted, type_is_non_owning_ref, type_is_ptr_alloc_obj};
use crate::error::{Failure, Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::{BtfHandle, Reg};
use crate::verifier::Verifier;

/// What a struct's bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// No pointer that could be followed.
    Scalar,
    /// Untrusted memory.
    Memory,
    /// A pointer to a struct of the same BTF.
    Ptr {
        /// The struct.
        target: u32,
        /// What the member's type tag and the way to it say.
        flags: Flags,
        /// The member's name.
        field: String,
    },
}

impl<O: Observer> Verifier<'_, O> {
    /// A load from or store into an object (`check_ptr_to_btf_access`).
    pub(super) fn access_btf_object(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        self.check_object_pointer(reg, m)?;
        let into_kernel = m.access == Access::Write && !reg.ty.has(Flags::ALLOC);
        let rule = if into_kernel { self.write_rule() } else { None };
        let member = if let Some(rule) = rule {
            if reg.btf() != BtfHandle::VMLINUX {
                reject!(
                    VerifierBug,
                    EFAULT,
                    "verifier internal error: reg->btf must be kernel btf\n"
                );
            }
            self.check_struct_write(rule, reg, m)?;
            Member::Scalar
        } else {
            if m.access == Access::Write && !type_is_ptr_alloc_obj(reg.ty) {
                reject!(KernelObjectWrite, EACCES, "only read is supported\n");
            }
            let owned = reg.ref_obj_id != 0 || is_rcu(reg) || type_is_non_owning_ref(reg.ty);
            if reg.ty.has(Flags::ALLOC) && !owned {
                reject!(
                    VerifierBug,
                    EFAULT,
                    "verifier internal error: ref_obj_id for allocated object must be non-zero\n"
                );
            }
            self.struct_access(reg.ty, self.type_of(reg), m.off, m.size)?
        };
        let Some(value) = m.loaded() else { return Ok(()) };
        match member {
            Member::Scalar => self.set_unknown(value),
            Member::Memory => self.set_untrusted_memory(value),
            Member::Ptr { target, flags, field } => {
                let flags = self.loaded_flags(reg, target, flags, &field);
                self.set_btf_loaded(value, RegBase::BtfId, reg.btf(), target, flags);
            }
        }
        Ok(())
    }

    /// Whether members of objects have a trust of their own.
    fn trusts_members(&self) -> bool {
        self.env.kernel.semantics.control.object_members == ObjectMembers::Trusted
    }

    /// What must hold of the pointer, whatever lies behind it.
    fn check_object_pointer(&self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let name = self.type_name(reg.btf(), reg.btf_id());
        let (regno, off) = (m.regno, m.off);
        let asks = self.trusts_members();
        if asks && !self.program.prog.gpl_compatible && reg.btf() == BtfHandle::VMLINUX {
            reject!(
                GplRequired,
                EINVAL,
                "Cannot access kernel 'struct {name}' from non-GPL compatible program\n"
            );
        }
        if off < 0 {
            reject!(
                KernelObjectAccess,
                EACCES,
                "R{regno} is ptr_{name} invalid negative access: off={off}\n"
            );
        }
        if !reg.b.is_const_value(0) {
            let var = self.bits_str(reg.b.var_off());
            reject!(
                KernelObjectAccess,
                EACCES,
                "R{regno} is ptr_{name} invalid variable offset: off={off}, var_off={var}\n"
            );
        }
        if reg.ty.has(Flags::USER) {
            reject!(
                ForeignAddressSpace,
                EACCES,
                "R{regno} is ptr_{name} access user memory: off={off}\n"
            );
        }
        if reg.ty.has(Flags::PERCPU) {
            reject!(
                ForeignAddressSpace,
                EACCES,
                "R{regno} is ptr_{name} access percpu memory: off={off}\n"
            );
        }
        let unchecked = self.env.kernel.semantics.control.untrusted_write == UntrustedWrite::Unchecked;
        if !unchecked && m.access == Access::Write && reg.ty.has(Flags::UNTRUSTED) {
            reject!(KernelObjectWrite, EACCES, "only read is supported\n");
        }
        Ok(())
    }

    /// What an access to a struct reaches (`btf_struct_access`).
    fn struct_access(&self, ty: RegType, of: TypeRef, off: i32, size: i32) -> Res<Member> {
        let own = ty.has(Flags::ALLOC);
        if own && let Some(record) = self.space().record(of) {
            let end = off.wrapping_add(size) as u32;
            for field in &record.fields {
                if (off as u32) < field.offset.wrapping_add(field.size) && field.offset < end {
                    reject!(
                        SpecialFieldAccess,
                        EACCES,
                        "direct access to {} is disallowed\n",
                        field.kind.name()
                    );
                }
            }
        }
        let Some(btf) = self.space().btf(of.btf) else {
            return Err(Failure::bug("a pointer into a BTF that does not exist"));
        };
        let walk = btf
            .struct_access(
                of.id,
                off,
                size as u32,
                self.flex_arrays(own),
                self.trusts_members(),
            )
            .map_err(walk_refused)?;
        Ok(match walk.found {
            // Pointers in the program's own objects are numbers to it.
            Walked::Ptr { target, tag, field } if !own => Member::Ptr {
                target: target.0,
                flags: if walk.through_union {
                    Flags::of_tag(tag) | Flags::UNTRUSTED
                } else {
                    Flags::of_tag(tag)
                },
                field: field.to_owned(),
            },
            Walked::PlainPtr if self.env.kernel.semantics.control.member_pointer == MemberPointer::Memory => {
                Member::Memory
            }
            Walked::Ptr { .. } | Walked::PlainPtr | Walked::Scalar | Walked::Struct(_) => Member::Scalar,
        })
    }

    /// What a pointer loaded from an object is worth, by that of the pointer to the object.
    fn loaded_flags(&self, reg: &Reg, target: u32, tagged: Flags, field: &str) -> Flags {
        if reg.ty.has(Flags::UNTRUSTED) {
            return match self.trusts_members() {
                true => Flags::UNTRUSTED,
                false => tagged | Flags::UNTRUSTED,
            };
        }
        if !self.trusts_members() {
            return tagged.without(Flags::RCU);
        }
        if !is_trusted(reg) && !is_rcu(reg) {
            return tagged.without(TRUSTED_MODIFIERS | Flags::RCU);
        }
        let (btf, of) = (self.btf(reg.btf()), TypeId(reg.btf_id()));
        let listed = |safe| btf.is_some_and(|btf| is_safe_field(btf, of, field, TypeId(target), safe));
        if listed(Safe::Trusted) {
            return tagged | Flags::TRUSTED;
        }
        if listed(Safe::TrustedOrNull) {
            return tagged | Flags::TRUSTED | Flags::MAYBE_NULL;
        }
        if !self.in_rcu_cs() || reg.ty.has(Flags::MAYBE_NULL) {
            return Flags::UNTRUSTED;
        }
        if listed(Safe::Rcu) {
            return tagged | Flags::RCU;
        }
        let rcu_or_null = listed(Safe::RcuOrNull);
        if tagged.has(Flags::RCU) || rcu_or_null {
            let flags = tagged | Flags::RCU | Flags::MAYBE_NULL;
            return if rcu_or_null {
                flags.without(Flags::UNTRUSTED)
            } else {
                flags
            };
        }
        if tagged.has(Flags::PERCPU | Flags::USER) {
            return tagged;
        }
        tagged.without(TRUSTED_MODIFIERS | Flags::RCU)
    }

    /// A load from a map's own structure (`check_ptr_to_map_access`).
    pub(super) fn access_map_object(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let map_type = self.map_of(reg)?.map_type;
        let name = map_struct(map_type);
        let Some(id) = name.and_then(|name| self.env.kernel.btf.find(name, verdict_btf::Kind::Struct)) else {
            reject!(
                KernelObjectAccess,
                ENOTSUPP,
                "map_ptr access not supported for map type {}\n",
                map_type.raw()
            );
        };
        let name = name.unwrap_or_default();
        let (regno, off) = (m.regno, m.off);
        if off < 0 {
            reject!(
                KernelObjectAccess,
                EACCES,
                "R{regno} is {name} invalid negative access: off={off}\n"
            );
        }
        if m.access == Access::Write {
            reject!(KernelObjectWrite, EACCES, "only read from {name} is supported\n");
        }
        let member = self.struct_access(RegBase::BtfId.into(), TypeRef::vmlinux(id), off, m.size)?;
        let Some(value) = m.loaded() else { return Ok(()) };
        match member {
            Member::Scalar => self.set_unknown(value),
            Member::Memory => self.set_untrusted_memory(value),
            Member::Ptr { target, flags, .. } => {
                self.set_btf_loaded(value, RegBase::BtfId, BtfHandle::VMLINUX, target, flags);
            }
        }
        Ok(())
    }

    /// Gives a register a pointer that was loaded from memory that BTF describes (`mark_btf_ld_reg`).
    pub(crate) fn set_btf_loaded(
        &mut self,
        regno: RegNo,
        base: RegBase,
        btf: BtfHandle,
        id: u32,
        flags: Flags,
    ) {
        self.set_known_zero(regno, RegType::new(base, flags));
        let ptr_id = if flags.has(Flags::MAYBE_NULL) {
            self.next_id()
        } else {
            0
        };
        let reg = self.walk.cur.reg_mut(regno);
        reg.set_btf(btf, id);
        reg.id = ptr_id;
    }

    /// Makes a register point to memory of which nothing is known, not even whether it is there.
    fn set_untrusted_memory(&mut self, regno: RegNo) {
        self.set_known_zero(regno, UNTRUSTED_MEMORY);
        self.walk.cur.reg_mut(regno).set_mem_size(0);
    }

    /// Which flexible arrays an access behind an object may be in, `own` if the program allocated it.
    fn flex_arrays(&self, own: bool) -> FlexArrays {
        match self.env.kernel.semantics.control.flexible_array {
            FlexibleArray::Structs => FlexArrays::Structs,
            FlexibleArray::Kernel if own => FlexArrays::None,
            FlexibleArray::Kernel | FlexibleArray::Followed => FlexArrays::All,
        }
    }

    /// Whether a struct of type `need` begins at `off` of one of type `own` (`btf_struct_ids_match`). The
    /// error has the words that the kernel leaves in the log when it found no member there.
    pub(crate) fn struct_ids_match(
        &self,
        own: TypeRef,
        off: i32,
        need: TypeRef,
        strict: bool,
        flex_arrays: bool,
    ) -> Result<(), String> {
        let space = self.space();
        let (Some(btf), Some(need_btf)) = (space.btf(own.btf), space.btf(need.btf)) else {
            return Err(String::new());
        };
        let flex_arrays = self.flex_arrays(!flex_arrays);
        btf.find_embedded(own.id, off, (need_btf, need.id), strict, flex_arrays)
            .map_err(|refused| refused.map_or_else(String::new, |refused| format!("{}\n", refused.message)))
    }
}

/// Memory that can be read at any offset, and gives zeros where there is none.
pub(crate) const UNTRUSTED_MEMORY: RegType = RegType::new(RegBase::Mem, Flags::RDONLY.with(Flags::UNTRUSTED));

fn walk_refused(refused: WalkError) -> Box<Failure> {
    Failure::rejected(
        Rule::KernelObjectAccess,
        Errno(refused.errno),
        format!("{}\n", refused.message),
    )
}
