//! Arguments that stand for a resource: locks, timers, kernel pointers, dynptrs, string constants.

use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{References, TreeCallback};
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};
use verdict_syscall::{FieldKind, FieldMask, KptrKind};

use super::args::CallMeta;
use crate::error::{Res, reject};
use crate::memory::{MemAccess, Source, dynptr_kind_of, type_is_ptr_alloc_obj};
use crate::observer::Observer;
use crate::state::{ActiveLock, FrameSlot, RefKind, Reg};
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Where in its object a pointer points, fixed and variable parts together.
    fn whole_offset(reg: &Reg) -> i64 {
        (reg.b.var_off().value as i64).wrapping_add(i64::from(reg.off))
    }

    /// Takes or gives back a spin lock (`process_spin_lock`).
    pub(crate) fn process_spin_lock(&mut self, reg: &Reg, regno: usize, is_lock: bool) -> Res<()> {
        if !reg.is_const() {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "R{} doesn't have constant offset. bpf_spin_lock has to be at the constant offset\n",
                regno
            );
        }
        let in_map = reg.ty.is(RegBase::MapValue);
        let mut name = String::from("kptr");
        if in_map {
            let map = self.map_of(reg)?;
            name.clone_from(&map.name);
            if map.btf.is_none() {
                reject!(
                    SpecialFieldArgument,
                    EINVAL,
                    "map '{}' has to have BTF in order to use bpf_spin_lock\n",
                    name
                );
            }
        }
        let lock = self.reg_record(reg).and_then(|r| r.spin_lock_off());
        let Some(at) = lock else {
            let what = if in_map { "map" } else { "local" };
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "{} '{}' has no valid bpf_spin_lock\n",
                what,
                name
            );
        };
        let off = Self::whole_offset(reg);
        if i64::from(at) != off {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "off {} doesn't point to 'struct bpf_spin_lock' that is at {}\n",
                off,
                at
            );
        }
        let ptr = if in_map {
            u64::from(reg.map()) + 1
        } else {
            ActiveLock::BTF | u64::from(reg.btf().0)
        };
        let held = self.cur.active_lock;
        if is_lock {
            if held.ptr != 0 {
                reject!(
                    LockPairing,
                    EINVAL,
                    "Locking two bpf_spin_locks are not allowed\n"
                );
            }
            self.acquire_lock(RefKind::Lock, ActiveLock { ptr, id: reg.id });
            return Ok(());
        }
        if held.ptr == 0 {
            reject!(LockPairing, EINVAL, "bpf_spin_unlock without taking a lock\n");
        }
        let lock = ActiveLock { ptr, id: reg.id };
        let by_state = self.kernel.semantics.control.references == References::State;
        if by_state && self.holds_lock(&[RefKind::Lock], lock) && held != lock {
            reject!(LockPairing, EINVAL, "bpf_spin_unlock cannot be out of order\n");
        }
        if held != lock || by_state && !self.holds_lock(&[RefKind::Lock], lock) {
            reject!(LockPairing, EINVAL, "bpf_spin_unlock of different lock\n");
        }
        self.release_lock(RefKind::Lock, lock);
        self.invalidate_non_owning_refs();
        Ok(())
    }

    /// A timer in a map's value (`process_timer_func`).
    pub(super) fn process_timer_func(&mut self, reg: &Reg, regno: usize, meta: &mut CallMeta) -> Res<()> {
        if !reg.is_const() {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "R{} doesn't have constant offset. bpf_timer has to be at the constant offset\n",
                regno
            );
        }
        let map = self.map_of(reg)?;
        if map.btf.is_none() {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "map '{}' has to have BTF in order to use bpf_timer\n",
                map.name
            );
        }
        let Some(at) = map.record.as_ref().and_then(|r| r.timer_off()) else {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "map '{}' has no valid bpf_timer\n",
                map.name
            );
        };
        let off = Self::whole_offset(reg);
        if i64::from(at) != off {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "off {} doesn't point to 'struct bpf_timer' that is at {}\n",
                off,
                at
            );
        }
        if meta.map != 0 {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier bug. Two map pointers in a timer helper\n"
            );
        }
        meta.map_uid = reg.map_uid();
        meta.map = reg.map() + 1;
        Ok(())
    }

    /// The kernel pointer field that an exchange goes to (`process_kptr_func`).
    pub(super) fn process_kptr_func(&mut self, reg: &Reg, regno: usize, meta: &mut CallMeta) -> Res<()> {
        if !type_is_ptr_alloc_obj(reg.ty) {
            let map = self.map_of(reg)?;
            if map.btf.is_none() {
                reject!(
                    SpecialFieldArgument,
                    EINVAL,
                    "map '{}' has to have BTF in order to use bpf_kptr_xchg\n",
                    map.name
                );
            }
            meta.map = reg.map() + 1;
        }
        if !reg.is_const() {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "R{} doesn't have constant offset. kptr has to be at the constant offset\n",
                regno
            );
        }
        let kptrs = FieldMask::KPTR_UNREF | FieldMask::KPTR_REF | FieldMask::KPTR_PERCPU;
        let Some(record) = self.reg_record(reg).filter(|r| r.has(kptrs)) else {
            reject!(SpecialFieldArgument, EINVAL, "R{} has no valid kptr\n", regno);
        };
        let off = Self::whole_offset(reg) as u32;
        let Some(field) = record.find(off, kptrs) else {
            reject!(
                SpecialFieldArgument,
                EACCES,
                "off={} doesn't point to kptr\n",
                off as i32
            );
        };
        if !matches!(field.kind, FieldKind::Kptr(KptrKind::Ref | KptrKind::Percpu, _)) {
            reject!(
                SpecialFieldArgument,
                EACCES,
                "off={} kptr isn't referenced kptr\n",
                off as i32
            );
        }
        meta.kptr_field = Some(*field);
        Ok(())
    }

    /// A dynptr argument: made here, or checked to be one (`process_dynptr_func`).
    pub(crate) fn process_dynptr_func(&mut self, regno: usize, arg_ty: ArgType, clone_ref: u32) -> Res<()> {
        let reg = *self.reg(regno);
        let arg = regno - 1;
        if !reg.ty.is(RegBase::Stack) && !reg.ty.is(RegBase::ConstDynptr) {
            reject!(
                DynptrArgument,
                EINVAL,
                "arg#{} expected pointer to stack or const struct bpf_dynptr\n",
                arg
            );
        }
        if arg_ty.has(Flags::UNINIT) {
            if let Err(words) = self.can_make_dynptr(&reg) {
                reject!(
                    DynptrState,
                    EINVAL,
                    "{}Dynptr has to be an uninitialized dynptr\n",
                    words
                );
            }
            for off in [0, 8] {
                self.check_mem_access(MemAccess::write(regno, off, 8, None))?;
            }
            return self.mark_dynptr_slots(&reg, dynptr_kind_of(arg_ty.flags()), clone_ref);
        }
        if reg.ty.is(RegBase::ConstDynptr) && !arg_ty.has(Flags::RDONLY) {
            reject!(
                DynptrArgument,
                EINVAL,
                "cannot pass pointer to const bpf_dynptr, the helper mutates it\n"
            );
        }
        if let Err(words) = self.is_dynptr(&reg) {
            reject!(
                DynptrState,
                EINVAL,
                "{}Expected an initialized dynptr as arg #{}\n",
                words,
                arg
            );
        }
        let plain = arg_ty.without(Flags::RDONLY);
        if !self.is_dynptr_expected(&reg, plain)? {
            let name = dynptr_kind_of(arg_ty.flags()).name();
            reject!(
                DynptrArgument,
                EINVAL,
                "Expected a dynptr of type {} as arg #{}\n",
                name,
                arg
            );
        }
        self.mark_dynptr_read(&reg)
    }

    /// A constant string (`check_reg_const_str`).
    pub(crate) fn check_reg_const_str(&mut self, reg: &Reg, regno: usize) -> Res<()> {
        if !reg.ty.is(RegBase::MapValue) {
            reject!(ConstString, EINVAL);
        }
        let map = self.map_of(reg)?.clone();
        if !map.is_rdonly() {
            reject!(
                ConstString,
                EACCES,
                "R{} does not point to a readonly map'\n",
                regno
            );
        }
        if !reg.is_const() {
            reject!(ConstString, EACCES, "R{} is not a constant address'\n", regno);
        }
        if !map.has_direct_value() {
            reject!(
                ConstString,
                EACCES,
                "no direct value access support for this map type\n"
            );
        }
        let size = (map.value_size as i32).wrapping_sub(reg.off);
        self.check_map_access(regno, reg.off, size, false, Source::Helper)?;
        let off = Self::whole_offset(reg) as u32;
        if let Err(errno) = map.direct_value_addr(off) {
            return Err(crate::error::Failure::rejected(
                Rule::ConstString,
                errno,
                "direct value access on string failed\n".to_owned(),
            ));
        }
        if map.read_c_string(off).is_none() {
            reject!(ConstString, EINVAL, "string is not zero-terminated\n");
        }
        Ok(())
    }

    /// The string constant in a register, checked before.
    pub(super) fn const_str(&self, reg: &Reg) -> Option<Vec<u8>> {
        self.map_of(reg)
            .ok()?
            .read_c_string(Self::whole_offset(reg) as u32)
    }

    /// Whether a callback, or a function it calls, runs under the lock that the call of its kfunc demands
    /// (`in_rbtree_lock_required_cb`).
    pub(crate) fn in_rbtree_lock_required_cb(&self) -> bool {
        let in_callback = |f: &FrameSlot| {
            f.body.in_callback_fn
                && self
                    .insns
                    .get(f.body.callsite as usize)
                    .is_some_and(|insn| self.is_rbtree_lock_kfunc(insn.imm))
        };
        match self.kernel.semantics.control.tree_callback {
            TreeCallback::Itself => in_callback(self.cur.frames.top()),
            TreeCallback::Callees => self.cur.frames.iter().skip(1).any(in_callback),
        }
    }

    /// The register with the only dynptr argument of a prototype.
    pub(super) fn dynptr_arg(&self, args: &[verdict_kernel::helper::Arg; 5]) -> Res<Reg> {
        let at = args.iter().position(|a| a.ty.base() == ArgBase::Dynptr);
        match at {
            Some(at) => Ok(*self.reg(at + 1)),
            None => reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: no dynptr arg found\n"
            ),
        }
    }
}
