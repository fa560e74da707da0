//! One argument checker over typed rows: what a helper's prototype says against what the registers hold.

use verdict_kernel::ctx::{Access, may_access_packet};
use verdict_kernel::helper::{HelperId, HelperProto, id};
use verdict_kernel::map::MapType;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{ArgumentKinds, ArrayKey, HelperWrites};
use verdict_kernel::semantics::log::{BugWords, CallWords};
use verdict_kernel::semantics::precision::{AllocatedSize, NullArgument};
use verdict_kernel::types::{ArgBase, ArgType, Flags, RegBase, RegType};
use verdict_syscall::Field;

use crate::error::{Res, reject};
use crate::index::{MapIdx, R2, RegNo, Spi, SubprogIdx};
use verdict_kernel::errno::Errno;

use super::accepted::{accepted, any_offset, fixed_offset, is_memory};
use crate::memory::RawMode;
use crate::memory::{as_errno, check_aligned};
use crate::observer::Observer;
use crate::state::{BtfHandle, RefKind, Reg, SlotType};
use crate::verifier::{ArgUse, Verifier};

/// What was learnt of a call from its arguments (`struct bpf_call_arg_meta`).
#[derive(Clone, Debug, Default)]
pub(crate) struct CallMeta {
    pub(crate) id: HelperId,
    /// Memory arguments may point into a packet.
    pub(crate) pkt_access: bool,
    /// The map.
    pub(crate) map: Option<MapIdx>,
    pub(crate) map_uid: u32,
    /// Register that the call releases.
    pub(crate) release_regno: Option<RegNo>,
    /// The last memory argument need not be initialised.
    pub(crate) raw_mode: bool,
    /// Stack buffer to be filled.
    pub(crate) raw: Option<RawMode>,
    /// Size of the returned memory.
    pub(crate) mem_size: u64,
    /// Greatest size given.
    pub(crate) msize_max: u64,
    /// The reference that an argument holds; 0 is none.
    pub(crate) ref_obj_id: u32,
    pub(crate) dynptr_id: u32,
    pub(crate) ret_btf: BtfHandle,
    pub(crate) ret_btf_id: u32,
    pub(crate) subprogno: SubprogIdx,
    pub(crate) kptr_field: Option<Field>,
    /// The constant index into an array.
    pub(crate) array_key: Option<u64>,
}

impl<O: Observer> Verifier<'_, O> {
    /// The name that the log has for a helper.
    pub(crate) fn func_name(&self, id: HelperId) -> &'static str {
        self.env.kernel.helper_name(id).unwrap_or("unknown")
    }

    /// The constant that a stack buffer of this size holds (`get_constant_map_key`): the spilled scalar is needed
    /// precisely then.
    fn constant_key(&mut self, ptr: &Reg, size: i32) -> Res<Option<u64>> {
        if !ptr.ty.is(RegBase::Stack) || !ptr.is_const() {
            return Ok(None);
        }
        let off = (ptr.b.var_off().value as i32).wrapping_add(ptr.off);
        let at = off.wrapping_neg().wrapping_sub(1);
        let (frame, spi, byte) = (self.frame_of(ptr), Spi((at / 8) as u32), (at & 7) as usize);
        let slot = self.slot(frame, spi)?;
        let run = |ty: SlotType| {
            let places = (0..=byte).rev();
            places.take_while(|place| slot.types.is(*place, ty)).count() as i32
        };
        if run(SlotType::Zero) >= size {
            return Ok(Some(0));
        }
        let kept = slot.reg();
        if !slot.is_scalar_spill() || run(SlotType::Spill) != size || !kept.is_const() {
            return Ok(None);
        }
        let key = kept.b.var_off().value;
        self.mark_slot_precision(frame, spi)?;
        Ok(i64::try_from(key).is_ok().then_some(key))
    }

    /// Checks one argument of a helper (`check_func_arg`).
    pub(super) fn check_func_arg(&mut self, arg: usize, meta: &mut CallMeta, proto: &HelperProto) -> Res<()> {
        let regno = RegNo::of_arg(arg);
        let mut arg_ty = proto.args[arg].ty;
        if arg_ty.is(ArgBase::DontCare) {
            return Ok(());
        }
        self.check_reg_arg(regno, ArgUse::Src)?;
        if arg_ty.is(ArgBase::Anything) {
            return Ok(());
        }
        let reg = *self.reg(regno);
        if (reg.ty.is(RegBase::Packet) || reg.ty.is(RegBase::PacketMeta))
            && !may_access_packet(self.program.prog.prog_type, Access::Read, Some(meta.pkt_access))
        {
            reject!(
                PacketAccess,
                EACCES,
                "helper access to the packet is not allowed\n"
            );
        }
        if arg_ty.base() == ArgBase::MapValue {
            arg_ty = self.resolve_map_arg(arg_ty, meta)?;
        }
        if reg.is_null() && arg_ty.has(Flags::MAYBE_NULL) {
            if self.env.kernel.semantics.precision.null_argument == NullArgument::Precise {
                self.mark_chain_precision(regno)?;
            }
        } else {
            self.check_reg_type(regno, arg_ty, proto.args[arg].btf, meta)?;
            self.check_func_arg_reg_off(&reg, regno, arg_ty)?;
        }
        if arg_ty.has(Flags::RELEASE) {
            if self.env.kernel.semantics.control.argument_kinds != ArgumentKinds::Bare {
                self.check_release_arg(&reg, regno, arg_ty)?;
            }
            meta.release_regno = Some(regno);
        }
        if reg.ref_obj_id != 0 && arg_ty.base() != ArgBase::KptrXchgDest {
            if meta.ref_obj_id != 0 {
                let (first, second) = (reg.ref_obj_id, meta.ref_obj_id);
                match self.env.kernel.semantics.log.bug_words {
                    BugWords::Own => reject!(
                        VerifierBug,
                        EFAULT,
                        "verifier internal error: more than one arg with ref_obj_id R{regno} {first} {second}\n"
                    ),
                    // No contradiction any more, and without an end.
                    BugWords::Alike => reject!(
                        VerifierBug,
                        EACCES,
                        "more than one arg with ref_obj_id R{regno} {first} {second}"
                    ),
                }
            }
            meta.ref_obj_id = reg.ref_obj_id;
        }
        self.check_arg_content(arg, &reg, arg_ty, meta, proto)
    }

    /// What the argument's kind demands beyond the register's type.
    fn check_arg_content(
        &mut self,
        arg: usize,
        reg: &Reg,
        arg_ty: ArgType,
        meta: &mut CallMeta,
        proto: &HelperProto,
    ) -> Res<()> {
        let regno = RegNo::of_arg(arg);
        match arg_ty.base() {
            ArgBase::ConstMapPtr => take_map(reg, meta)?,
            ArgBase::MapKey => {
                let Some(map) = self.meta_map(meta) else {
                    reject!(VerifierBug, EACCES, "invalid map_ptr to access map->key\n");
                };
                let size = map.key_size as i32;
                let is_array = matches!(map.map_type, MapType::Array | MapType::PercpuArray);
                self.check_helper_mem_access(regno, size, Access::Read, false, None)?;
                if is_array && self.env.kernel.semantics.control.array_key == ArrayKey::NotNull {
                    meta.array_key = self.constant_key(reg, size)?;
                }
            }
            ArgBase::MapValue if arg_ty.has(Flags::MAYBE_NULL) && reg.is_null() => {}
            ArgBase::MapValue => {
                let Some(map) = self.meta_map(meta) else {
                    reject!(VerifierBug, EACCES, "invalid map_ptr to access map->value\n");
                };
                let size = map.value_size as i32;
                self.check_sized_arg(regno, size, arg_ty, meta)?;
            }
            ArgBase::PercpuBtfId => {
                if reg.btf_id() == 0 {
                    reject!(
                        ArgumentStruct,
                        EACCES,
                        "Helper has invalid btf_id in R{}\n",
                        regno
                    );
                }
                (meta.ret_btf, meta.ret_btf_id) = (reg.btf(), reg.btf_id());
            }
            ArgBase::SpinLock => {
                if self.in_rbtree_lock_required_cb() {
                    reject!(
                        RbtreeCallback,
                        EACCES,
                        "can't spin_{{lock,unlock}} in rbtree cb\n"
                    );
                }
                let checked = self.process_spin_lock(reg, regno, RefKind::Lock, meta.id == id::SPIN_LOCK);
                self.with_argument_errno(checked)?;
            }
            ArgBase::Timer => {
                let checked = self.process_timer_func(reg, regno, meta);
                self.with_argument_errno(checked)?;
            }
            ArgBase::Func => meta.subprogno = reg.subprogno(),
            ArgBase::Mem => {
                meta.raw_mode = arg_ty.has(Flags::UNINIT);
                if arg_ty.has(Flags::FIXED_SIZE) {
                    let size = proto.args[arg].size as i32;
                    self.check_sized_arg(regno, size, arg_ty, meta)?;
                    if arg_ty.has(Flags::ALIGNED) {
                        check_aligned(reg, size, |bits| self.bits_str(bits))?;
                    }
                }
            }
            ArgBase::ConstSize | ArgBase::ConstSizeOrZero => {
                let memory = arg.checked_sub(1).map_or(arg_ty, |before| proto.args[before].ty);
                meta.msize_max = reg.b.umax();
                let raw = meta.raw_mode.then_some(&mut meta.raw);
                let zero_ok = arg_ty.base() == ArgBase::ConstSizeOrZero;
                self.check_mem_size_reg(regno, self.access_of(memory), zero_ok, raw)?;
            }
            ArgBase::Dynptr => self.process_dynptr_func(regno, arg_ty, 0)?,
            ArgBase::ConstAllocSizeOrZero => {
                if !reg.is_const() {
                    let words = match self.env.kernel.semantics.log.call_words {
                        CallWords::Old => "unbounded size, use 'var &= const' or 'if (var < const)'",
                        CallWords::First | CallWords::Later => "is not a known constant'",
                    };
                    reject!(ArgumentConstant, EACCES, "R{} {words}\n", regno);
                }
                meta.mem_size = reg.b.var_off().value;
                if self.env.kernel.semantics.precision.allocated_size == AllocatedSize::Precise {
                    self.mark_chain_precision(regno)?;
                }
            }
            ArgBase::ConstStr => self.check_reg_const_str(reg, regno)?,
            ArgBase::KptrXchgDest => {
                let checked = self.process_kptr_func(reg, regno, meta);
                self.with_argument_errno(checked)?;
            }
            ArgBase::DontCare
            | ArgBase::Arena
            | ArgBase::Ctx
            | ArgBase::Anything
            | ArgBase::Scalar
            | ArgBase::SockCommon
            | ArgBase::Socket
            | ArgBase::BtfId
            | ArgBase::RingbufMem
            | ArgBase::BtfIdSockCommon
            | ArgBase::Stack => {}
        }
        Ok(())
    }

    /// An argument that is memory of known size.
    fn check_sized_arg(&mut self, regno: RegNo, size: i32, arg_ty: ArgType, meta: &mut CallMeta) -> Res<()> {
        meta.raw_mode = arg_ty.has(Flags::UNINIT);
        let raw = meta.raw_mode.then_some(&mut meta.raw);
        self.check_helper_mem_access(regno, size, self.access_of(arg_ty), false, raw)
    }

    /// The map that an argument named.
    pub(crate) fn meta_map(&self, meta: &CallMeta) -> Option<&verdict_syscall::Map> {
        self.program.maps.get(meta.map?).map(|m| &**m)
    }

    /// Values of some maps are not memory (`resolve_map_arg_type`).
    fn resolve_map_arg(&self, arg_ty: ArgType, meta: &CallMeta) -> Res<ArgType> {
        let Some(map) = self.meta_map(meta) else {
            reject!(VerifierBug, EACCES, "invalid map_ptr to access map->type\n");
        };
        match map.map_type {
            MapType::Sockmap | MapType::Sockhash => {
                if arg_ty.is(ArgBase::MapValue) {
                    return Ok(ArgBase::BtfIdSockCommon.into());
                }
                reject!(
                    MapHelperPairing,
                    EINVAL,
                    "invalid arg_type for sockmap/sockhash\n"
                )
            }
            // A bloom filter's value is what is asked for, not where an answer goes.
            MapType::BloomFilter if meta.id == id::MAP_PEEK_ELEM => Ok(ArgBase::MapValue.into()),
            _ => Ok(arg_ty),
        }
    }

    fn check_release_arg(&self, reg: &Reg, regno: RegNo, arg_ty: ArgType) -> Res<()> {
        if arg_ty.base() == ArgBase::Dynptr && self.has_plain_dynptrs() {
            if self.plain_dynptr(reg).ref_obj_id != 0 {
                return Ok(());
            }
            reject!(
                UnownedRelease,
                EINVAL,
                "arg {} is an unacquired reference\n",
                regno
            );
        }
        if arg_ty.base() == ArgBase::Dynptr {
            if !reg.ty.is(RegBase::Stack) {
                reject!(
                    UnownedRelease,
                    EINVAL,
                    "cannot release unowned const bpf_dynptr\n"
                );
            }
            match self.dynptr_spi(reg) {
                Ok(_) if self.dynptr_of(reg)?.ref_obj_id != 0 => return Ok(()),
                Ok(_) => reject!(
                    UnownedRelease,
                    EINVAL,
                    "arg {} is an unacquired reference\n",
                    regno
                ),
                Err(no) => {
                    reject!(
                        UnownedRelease,
                        EINVAL,
                        "{}arg {} is an unacquired reference\n",
                        no.words(),
                        regno
                    )
                }
            }
        }
        if reg.ref_obj_id == 0 && !reg.is_null() {
            reject!(
                UnownedRelease,
                EINVAL,
                "R{} must be referenced when passed to release function\n",
                regno
            );
        }
        Ok(())
    }

    /// Checks the register's type against what the argument accepts (`check_reg_type`).
    fn check_reg_type(
        &mut self,
        regno: RegNo,
        arg_ty: ArgType,
        arg_btf: Option<&'static str>,
        meta: &CallMeta,
    ) -> Res<()> {
        let wanted = match arg_btf {
            Some(name) => self.vmlinux_struct(name),
            None if arg_ty.base() == ArgBase::BtfIdSockCommon => self.vmlinux_struct("sock_common"),
            None => 0,
        };
        self.check_reg_type_by_id(regno, arg_ty, wanted, meta)
    }

    /// The same for an argument of a global function.
    pub(crate) fn check_reg_type_btf(
        &mut self,
        regno: RegNo,
        arg_ty: ArgType,
        wanted: verdict_btf::TypeId,
    ) -> Res<()> {
        self.check_reg_type_by_id(regno, arg_ty, wanted.0, &CallMeta::default())
    }

    fn check_reg_type_by_id(
        &mut self,
        regno: RegNo,
        arg_ty: ArgType,
        wanted: u32,
        meta: &CallMeta,
    ) -> Res<()> {
        let reg = *self.reg(regno);
        let kinds = self.env.kernel.semantics.control.argument_kinds;
        let Some(list) = accepted(arg_ty.base(), kinds) else {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: unsupported arg type {}\n",
                arg_ty.0
            );
        };
        let list = match arg_ty.has(Flags::ALIGNED) && kinds == ArgumentKinds::Bare {
            // A number that is given back lies where keys and values may.
            true => accepted(ArgBase::MapValue, kinds).unwrap_or(list),
            false => list,
        };
        let folded = fold(reg.ty, arg_ty, kinds, meta.id == id::KPTR_XCHG && regno == R2);
        if !list.contains(&folded) {
            let names: Vec<String> = list.iter().map(|t| self.type_str(*t)).collect();
            reject!(
                ArgumentType,
                EACCES,
                "R{} type={} expected={}\n",
                regno,
                self.type_str(reg.ty),
                names.join(", ")
            );
        }
        if !reg.is(RegBase::BtfId) {
            return Ok(());
        }
        if is_memory(arg_ty.base()) {
            if !arg_ty.has(Flags::RDONLY) {
                reject!(
                    ReadOnlyMemory,
                    EACCES,
                    "{}() may write into memory pointed by R{} type={}\n",
                    self.func_name(meta.id),
                    regno,
                    self.type_str(reg.ty)
                );
            }
            return Ok(());
        }
        self.check_object_type(&reg, regno, arg_ty, wanted, meta)
    }

    /// The struct that a pointer to an object points to.
    fn check_object_type(
        &mut self,
        reg: &Reg,
        regno: RegNo,
        arg_ty: ArgType,
        wanted: u32,
        meta: &CallMeta,
    ) -> Res<()> {
        let errno = Errno::EACCES;
        let field = |meta: &CallMeta| meta.kptr_field;
        let is_one_of = |flags| [Flags::NONE, Flags::TRUSTED, Flags::RCU].contains(&flags);
        let flags = reg.ty.flags();
        if flags == Flags::ALLOC || flags == Flags::ALLOC | Flags::PERCPU {
            if !matches!(meta.id, id::SPIN_LOCK | id::SPIN_UNLOCK | id::KPTR_XCHG) {
                reject!(
                    VerifierBug,
                    EFAULT,
                    "verifier internal error: unimplemented handling of MEM_ALLOC\n"
                );
            }
            if meta.id == id::KPTR_XCHG
                && regno == R2
                && let Some(field) = field(meta)
            {
                self.check_kptr_matches(&field, reg, regno)
                    .map_err(|e| as_errno(e, errno))?;
            }
            return Ok(());
        }
        if flags.has(Flags::PERCPU) && is_one_of(flags.without(Flags::PERCPU)) {
            return Ok(());
        }
        if !is_one_of(flags.without(Flags::MAYBE_NULL)) {
            // The program's fault, where the kernel blames itself.
            let rule = match reg.ty.has(Flags::MAYBE_NULL) {
                true => Rule::ArgumentNull,
                false => Rule::VerifierBug,
            };
            reject!(
                (rule),
                EFAULT,
                "verifier internal error: invalid PTR_TO_BTF_ID register for type match\n"
            );
        }
        let strict = arg_ty.has(Flags::RELEASE) && meta.id != id::SK_RELEASE;
        if reg.ty.has(Flags::MAYBE_NULL) && (!arg_ty.has(Flags::MAYBE_NULL) || arg_ty.has(Flags::RELEASE)) {
            reject!(
                ArgumentNull,
                EACCES,
                "Possibly NULL pointer passed to helper arg{}\n",
                regno
            );
        }
        if meta.id == id::KPTR_XCHG {
            if let Some(field) = field(meta) {
                self.check_kptr_matches(&field, reg, regno)
                    .map_err(|e| as_errno(e, errno))?;
            }
            return Ok(());
        }
        let need = verdict_syscall::TypeRef::vmlinux(verdict_btf::TypeId(wanted));
        if let Err(words) = self.struct_ids_match(self.type_of(reg), reg.off, need, strict, true) {
            reject!(
                ArgumentStruct,
                EACCES,
                "{}R{} is of type {} but {} is expected\n",
                words,
                regno,
                self.type_name(reg.btf(), reg.btf_id()),
                self.type_name(BtfHandle::VMLINUX, wanted)
            );
        }
        Ok(())
    }

    /// Offsets that a pointer argument may have (`check_func_arg_reg_off`).
    pub(crate) fn check_func_arg_reg_off(&mut self, reg: &Reg, regno: RegNo, arg_ty: ArgType) -> Res<()> {
        match self.env.kernel.semantics.control.argument_kinds {
            ArgumentKinds::Bare => return self.check_bare_offset(reg, regno),
            ArgumentKinds::Plain => return self.check_plain_offset(reg, regno, arg_ty),
            ArgumentKinds::Objects => {}
        }
        if arg_ty.has(Flags::RELEASE) {
            // A dynptr may be anywhere on the stack.
            if arg_ty.base() == ArgBase::Dynptr && reg.ty.is(RegBase::Stack) {
                return Ok(());
            }
            if reg.off != 0 {
                reject!(
                    ModifiedPointer,
                    EINVAL,
                    "R{} must have zero offset when passed to release func or trusted arg to kfunc\n",
                    regno
                );
            }
            return self.check_ptr_off_reg(reg, regno);
        }
        if any_offset(reg.ty) {
            return Ok(());
        }
        self.check_ptr_off_reg_fixed(reg, regno, fixed_offset(reg.ty))
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// How a helper treats the memory of an argument.
    fn access_of(&self, arg_ty: ArgType) -> Access {
        let written = match self.env.kernel.semantics.control.helper_writes {
            HelperWrites::Raw => Flags::UNINIT,
            HelperWrites::Declared => Flags::WRITE,
        };
        match arg_ty.has(written) {
            true => Access::Write,
            false => Access::Read,
        }
    }

    /// Where helpers take plain pointers, what is wrong with a special field is wrong with the access.
    fn with_argument_errno(&self, checked: Res<()>) -> Res<()> {
        match self.env.kernel.semantics.control.argument_kinds {
            ArgumentKinds::Bare | ArgumentKinds::Plain => {
                checked.map_err(|failure| as_errno(failure, Errno::EACCES))
            }
            ArgumentKinds::Objects => checked,
        }
    }

    /// Offsets that a pointer argument may have, where only the context's is looked at, and an object's variable one.
    fn check_bare_offset(&mut self, reg: &Reg, regno: RegNo) -> Res<()> {
        if reg.ty.is(RegBase::Ctx) {
            return self.check_ptr_off_reg(reg, regno);
        }
        if reg.ty.is(RegBase::BtfId) && !reg.b.is_const_value(0) {
            reject!(
                ModifiedPointer,
                EACCES,
                "R{} is a pointer to in-kernel struct with non-zero offset\n",
                regno
            );
        }
        Ok(())
    }

    /// Offsets that a pointer argument may have, where only what is released must have none.
    fn check_plain_offset(&mut self, reg: &Reg, regno: RegNo, arg_ty: ArgType) -> Res<()> {
        let to_stack = reg.ty.is(RegBase::Stack);
        if to_stack && arg_ty.base() == ArgBase::Dynptr && reg.off % 8 != 0 {
            reject!(DynptrArgument, EINVAL, "cannot pass in dynptr at an offset\n");
        }
        if any_offset(reg.ty) && arg_ty.base() != ArgBase::RingbufMem || to_stack {
            return Ok(());
        }
        let object = reg.ty.is(RegBase::BtfId);
        if object && arg_ty.has(Flags::RELEASE) && reg.off != 0 {
            reject!(
                ModifiedPointer,
                EINVAL,
                "R{} must have zero offset when passed to release func\n",
                regno
            );
        }
        self.check_ptr_off_reg_fixed(reg, regno, object)
    }
}

/// The kind that stands for a register's in the lists of what an argument accepts.
fn fold(ty: RegType, arg_ty: ArgType, kinds: ArgumentKinds, exchanged: bool) -> RegType {
    let mut folded = ty;
    if kinds == ArgumentKinds::Bare {
        // Memory of a ring buffer is memory.
        return folded.without(Flags::RINGBUF);
    }
    for flag in [Flags::RDONLY, Flags::MAYBE_NULL] {
        if arg_ty.has(flag) {
            folded = folded.without(flag);
        }
    }
    if arg_ty.base() == ArgBase::Mem {
        folded = folded.without(Flags::DYNPTR_ANY);
    }
    if exchanged && folded.has(Flags::ALLOC) {
        folded = folded.without(Flags::ALLOC | Flags::PERCPU);
    }
    folded
}

/// A map as an argument: that of a timer before it must be the same.
fn take_map(reg: &Reg, meta: &mut CallMeta) -> Res<()> {
    let map = reg.map();
    if let Some(before) = meta.map
        && (before != map || meta.map_uid != reg.map_uid())
    {
        reject!(
            SpecialFieldArgument,
            EINVAL,
            "timer pointer in R1 map_uid={} doesn't match map pointer in R2 map_uid={}\n",
            meta.map_uid,
            reg.map_uid()
        );
    }
    meta.map = Some(map);
    meta.map_uid = reg.map_uid();
    Ok(())
}
