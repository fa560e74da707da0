//! Arguments that stand for a resource: locks, timers, kernel pointers, dynptrs, string constants.

use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{References, TreeCallback};
use verdict_kernel::semantics::log::CallWords;
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase};
use verdict_syscall::{FieldKind, FieldMask, KptrKind};

use super::args::CallMeta;
use crate::error::{Res, reject};
use crate::index::RegNo;
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
    pub(crate) fn process_spin_lock(
        &mut self,
        reg: &Reg,
        regno: RegNo,
        kind: RefKind,
        takes: bool,
    ) -> Res<()> {
        let resilient = kind != RefKind::Lock;
        let name = if resilient { "bpf_res_spin" } else { "bpf_spin" };
        self.check_lock_field(reg, regno, resilient, name)?;
        let lock = ActiveLock::of(reg);
        if takes {
            self.check_lock_free(lock, resilient)?;
            self.acquire_lock(kind, lock);
            return Ok(());
        }
        let held = self.walk.cur.active_lock;
        if held.is_none() {
            reject!(LockPairing, EINVAL, "{name}_unlock without taking a lock\n");
        }
        let by_state = self.env.kernel.semantics.control.references == References::State;
        if by_state && self.holds_lock(&[kind], lock) && held != Some(lock) {
            reject!(LockPairing, EINVAL, "{name}_unlock cannot be out of order\n");
        }
        if held != Some(lock) || by_state && !self.holds_lock(&[kind], lock) {
            reject!(LockPairing, EINVAL, "{name}_unlock of different lock\n");
        }
        self.release_lock(kind, lock);
        self.invalidate_non_owning_refs();
        Ok(())
    }

    /// Whether a lock can be taken beside those that are held.
    fn check_lock_free(&self, lock: ActiveLock, resilient: bool) -> Res<()> {
        if resilient {
            if self.holds_lock(&[RefKind::ResLock, RefKind::ResLockIrq], lock) {
                reject!(
                    LockPairing,
                    EINVAL,
                    "Acquiring the same lock again, AA deadlock detected\n"
                );
            }
            return Ok(());
        }
        if self.walk.cur.active_lock.is_some() {
            reject!(
                LockPairing,
                EINVAL,
                "Locking two bpf_spin_locks are not allowed\n"
            );
        }
        Ok(())
    }

    /// Whether a pointer points to a lock.
    fn check_lock_field(&self, reg: &Reg, regno: RegNo, resilient: bool, lock: &str) -> Res<()> {
        if !reg.is_const() {
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "R{regno} doesn't have constant offset. {lock}_lock has to be at the constant offset\n"
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
                    "map '{name}' has to have BTF in order to use {lock}_lock\n"
                );
            }
        }
        let at = self.reg_record(reg).and_then(|record| match resilient {
            true => record.res_spin_lock_off(),
            false => record.spin_lock_off(),
        });
        let first = self.env.kernel.semantics.log.call_words != CallWords::Later;
        let Some(at) = at else {
            if first {
                return self.refuse_missing(reg, FieldMask::SPIN_LOCK, "bpf_spin_lock");
            }
            let what = if in_map { "map" } else { "local" };
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "{what} '{name}' has no valid {lock}_lock\n"
            );
        };
        let off = Self::whole_offset(reg);
        if i64::from(at) != off {
            let at = if first {
                String::new()
            } else {
                format!(" that is at {at}")
            };
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "off {off} doesn't point to 'struct {lock}_lock'{at}\n"
            );
        }
        Ok(())
    }

    /// Refuses a call that wants a field which the map's value does not have, in the words of kernels that look for each
    /// kind by itself.
    fn refuse_missing(&self, reg: &Reg, kind: FieldMask, name: &str) -> Res<()> {
        let map = self.map_of(reg)?;
        let failure = map.unfit_fields.iter().find(|(of, _)| *of == kind);
        let why = match failure.map(|(_, errno)| *errno) {
            None => format!("doesn't have 'struct {name}'"),
            Some(Errno::E2BIG) => format!("has more than one 'struct {name}'"),
            Some(_) => format!("is not a struct type or {name} is mangled"),
        };
        reject!(SpecialFieldArgument, EINVAL, "map '{}' {}\n", map.name, why)
    }

    /// A timer in a map's value (`process_timer_func`).
    pub(super) fn process_timer_func(&mut self, reg: &Reg, regno: RegNo, meta: &mut CallMeta) -> Res<()> {
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
            if self.env.kernel.semantics.log.call_words != CallWords::Later {
                return self.refuse_missing(reg, FieldMask::TIMER, "bpf_timer");
            }
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
        if meta.map.is_some() {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier bug. Two map pointers in a timer helper\n"
            );
        }
        meta.map_uid = reg.map_uid();
        meta.map = Some(reg.map());
        Ok(())
    }

    /// The kernel pointer field that an exchange goes to (`process_kptr_func`).
    pub(super) fn process_kptr_func(&mut self, reg: &Reg, regno: RegNo, meta: &mut CallMeta) -> Res<()> {
        let check_constant = |reg: &Reg| -> Res<()> {
            if reg.is_const() {
                return Ok(());
            }
            reject!(
                SpecialFieldArgument,
                EINVAL,
                "R{} doesn't have constant offset. kptr has to be at the constant offset\n",
                regno
            );
        };
        let first = self.env.kernel.semantics.log.call_words != CallWords::Later;
        if first {
            check_constant(reg)?;
        }
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
            meta.map = Some(reg.map());
        }
        check_constant(reg)?;
        let kptrs = FieldMask::KPTR_UNREF | FieldMask::KPTR_REF | FieldMask::KPTR_PERCPU;
        let Some(record) = self.reg_record(reg).filter(|r| r.has(kptrs)) else {
            if first {
                let map = self.map_of(reg)?;
                let failure = map.unfit_fields.iter().find(|(of, _)| *of == FieldMask::KPTR);
                let why = match failure.map(|(_, errno)| *errno) {
                    Some(Errno::E2BIG) => "more than 8 kptr",
                    Some(Errno::EEXIST) => "repeating kptr BTF tags",
                    _ => "no valid kptr",
                };
                reject!(SpecialFieldArgument, EINVAL, "map '{}' has {why}\n", map.name);
            }
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
        meta.kptr_field = Some(self.owned_field(reg, *field));
        Ok(())
    }

    /// A dynptr argument: made here, or checked to be one (`process_dynptr_func`).
    pub(crate) fn process_dynptr_func(&mut self, regno: RegNo, arg_ty: ArgType, clone_ref: u32) -> Res<()> {
        if self.has_plain_dynptrs() {
            return self.process_plain_dynptr(regno, arg_ty);
        }
        let reg = *self.reg(regno);
        let arg = regno.arg();
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
    pub(crate) fn check_reg_const_str(&mut self, reg: &Reg, regno: RegNo) -> Res<()> {
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
            let call = f.body.callsite.and_then(|idx| self.program.insns.get(idx));
            f.body.in_callback_fn && call.is_some_and(|insn| self.is_rbtree_lock_kfunc(insn.imm))
        };
        match self.env.kernel.semantics.control.tree_callback {
            TreeCallback::Itself => in_callback(self.walk.cur.frames.top()),
            TreeCallback::Callees => self.walk.cur.frames.iter().skip(1).any(in_callback),
        }
    }

    /// The register with the only dynptr argument of a prototype.
    pub(super) fn dynptr_arg(&self, args: &[verdict_kernel::helper::Arg; 5]) -> Res<Reg> {
        let at = args.iter().position(|a| a.ty.base() == ArgBase::Dynptr);
        match at {
            Some(at) => Ok(*self.reg(RegNo::of_arg(at))),
            None => reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: no dynptr arg found\n"
            ),
        }
    }
}
