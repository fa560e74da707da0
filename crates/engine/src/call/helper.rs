//! Calls of helpers.

use verdict_kernel::helper::effects::{acquires, casts_pointer, gets_storage, slices_dynptr};
use verdict_kernel::helper::{HelperId, HelperProto, HelperQuery, Refusal, id};
use verdict_kernel::map::{Fit, MapType};
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::semantics::bounds::CpuNumber;
use verdict_kernel::semantics::control::{LeaveChecks, TailCallExit};
use verdict_kernel::semantics::log::{BugWords, CallWords};
use verdict_kernel::semantics::precision::StorageFlags;
use verdict_kernel::types::{ArgBase, Flags, RegBase, RegType, RetBase};
use verdict_syscall::map::flags as map_flags;
use verdict_syscall::{FieldKind, FieldMask, KptrKind};

use super::CallbackFrame;
use super::args::CallMeta;
use super::format;
use crate::error::{About, Failure, Res, register, reject, say2};
use crate::index::{FrameNo, R0, R1, R2, R3, R4, R5, RegNo, SubprogIdx};
use crate::memory::Words;
use crate::observer::Observer;
use crate::state::{BtfHandle, DynptrKind, Reg};
use crate::verifier::{Flow, Verifier};

/// Errors that helpers return are not below this, negated.
const MAX_ERRNO: i32 = 4095;

/// What the arguments imply for the effects.
#[derive(Clone, Copy, Default)]
struct Effects {
    changes_packet: bool,
    cpu_specific_object: bool,
}

impl<O: Observer> Verifier<'_, O> {
    /// Executes a call of a helper (`check_helper_call`).
    pub(super) fn check_helper_call(&mut self, imm: i32) -> Res<Flow> {
        let proto = self.find_helper(imm)?;
        self.check_context_of_call(proto)?;
        let mut meta = CallMeta {
            id: proto.id,
            pkt_access: proto.pkt_access,
            ..CallMeta::default()
        };
        for arg in 0..5 {
            self.check_func_arg(arg, &mut meta, proto)
                .about(|| register(RegNo::of_arg(arg)))?;
        }
        self.record_map(&meta)?;
        self.check_tail_call_key(&meta)?;
        if let Some(buffer) = meta.raw {
            self.write_buffer(buffer)?;
        }
        if let Some(regno) = meta.release_regno {
            self.release(regno, &meta, proto)?;
        }
        let caller = self.walk.cur.curframe();
        let effects = self.special_effects(&mut meta, proto)?;
        // A callback that was entered waits until the call has its result.
        let callback = self.leave_callback(caller);
        self.clear_caller_saved(caller);
        self.set_result(&meta, proto, effects)?;
        self.refine_result(&meta, proto)?;
        self.check_map_fits(&meta)?;
        if proto.id == id::GET_FUNC_IP {
            self.check_get_func_ip()?;
        }
        let ends = proto.id == id::TAIL_CALL
            && self.env.kernel.semantics.control.tail_call_exit == TailCallExit::Explored;
        if ends {
            return self.return_from_tail_call();
        }
        if effects.changes_packet {
            self.clear_all_pkt_pointers();
        }
        match callback {
            Some(callback) => Ok(self.resume_callback(callback)),
            None => Ok(Flow::Next),
        }
    }

    fn find_helper(&mut self, imm: i32) -> Res<&'static HelperProto> {
        let found = match u32::try_from(imm) {
            Ok(id) => self.program.helpers.get(id),
            Err(_) => Err(Refusal::NoSuchHelper),
        };
        let name = u32::try_from(imm).map_or("unknown", |id| self.func_name(id));
        match found {
            Ok(proto) => Ok(proto),
            Err(Refusal::NoSuchHelper) => reject!(UnknownHelper, EINVAL, "invalid func {}#{}\n", name, imm),
            Err(Refusal::NotForThisProgram)
                if self.env.kernel.semantics.log.call_words != CallWords::Later =>
            {
                reject!(HelperForbidden, EINVAL, "unknown func {}#{}\n", name, imm)
            }
            Err(Refusal::NotForThisProgram) => {
                reject!(
                    HelperForbidden,
                    EINVAL,
                    "program of this type cannot use helper {}#{}\n",
                    name,
                    imm
                )
            }
        }
    }

    /// What the program, and the region it is in, must be for this helper.
    fn check_context_of_call(&mut self, proto: &HelperProto) -> Res<()> {
        if !self.program.prog.gpl_compatible && proto.gpl_only {
            reject!(
                GplRequired,
                EINVAL,
                "cannot call GPL-restricted function from non-GPL compatible program\n"
            );
        }
        if !self.helper_query().allows(self.env.kernel, proto) {
            reject!(HelperForbidden, EINVAL, "helper call is not allowed in probe\n");
        }
        if !self.in_sleepable() && proto.might_sleep {
            reject!(
                SleepableCall,
                EINVAL,
                "helper call might sleep in a non-sleepable prog\n"
            );
        }
        let (rcu, preempt) = (
            self.walk.cur.active_rcu_locks != 0,
            self.walk.cur.active_preempt_lock != 0,
        );
        if rcu && proto.might_sleep {
            reject!(
                SleepInRegion,
                EINVAL,
                "sleepable helper {}#{} in rcu_read_lock region\n",
                proto.name,
                proto.id
            );
        }
        if preempt && proto.might_sleep {
            reject!(
                SleepInRegion,
                EINVAL,
                "sleepable helper {}#{} in non-preemptible region\n",
                proto.name,
                proto.id
            );
        }
        if (rcu || preempt) && self.in_sleepable() && gets_storage(proto.id) {
            self.aux_mut().storage_get_func_atomic = true;
        }
        Ok(())
    }

    /// What decides which helpers this program may call.
    pub(crate) fn helper_query(&self) -> HelperQuery<'_> {
        let own = |name: &'_ str| !name.is_empty();
        let name = self.program.attach.func_name.as_str();
        let is_ops = self.program.prog.prog_type == ProgType::StructOps;
        HelperQuery {
            prog_type: self.program.prog.prog_type,
            expected_attach_type: self.program.prog.expected_attach_type,
            extends: self.program.prog.extends,
            sleepable: self.program.prog.sleepable,
            capabilities: self.program.prog.capabilities,
            attach_func: Some(name).filter(|n| own(n) && !is_ops && self.program.attach.target.is_none()),
            struct_ops: Some(self.struct_ops_name()).filter(|n| own(n) && is_ops),
            struct_ops_member: Some(name).filter(|n| own(n) && is_ops),
        }
    }

    /// Remembers the map a call is made with (`record_func_map`).
    fn record_map(&mut self, meta: &CallMeta) -> Res<()> {
        let recorded = [
            id::TAIL_CALL,
            id::MAP_LOOKUP_ELEM,
            id::MAP_UPDATE_ELEM,
            id::MAP_DELETE_ELEM,
            id::MAP_PUSH_ELEM,
            id::MAP_POP_ELEM,
            id::MAP_PEEK_ELEM,
            id::FOR_EACH_MAP_ELEM,
            id::REDIRECT_MAP,
            id::MAP_LOOKUP_PERCPU_ELEM,
        ];
        if !recorded.contains(&meta.id) {
            return Ok(());
        }
        let Some(map) = self.meta_map(meta) else {
            reject!(VerifierBug, EINVAL, "kernel subsystem misconfigured verifier\n");
        };
        let writes = [
            id::MAP_DELETE_ELEM,
            id::MAP_UPDATE_ELEM,
            id::MAP_PUSH_ELEM,
            id::MAP_POP_ELEM,
        ];
        if map.flags & map_flags::RDONLY_PROG != 0 && writes.contains(&meta.id) {
            reject!(MapAccessFlags, EACCES, "write into map forbidden\n");
        }
        let aux = self.aux_mut();
        aux.maps_differ |= aux.map.is_some() && aux.map != meta.map;
        aux.map = meta.map;
        Ok(())
    }

    /// A constant key of a tail call is relied upon: the JIT may jump there directly (`record_func_key`).
    fn check_tail_call_key(&mut self, meta: &CallMeta) -> Res<()> {
        if meta.id != id::TAIL_CALL {
            return Ok(());
        }
        let max = match self.meta_map(meta) {
            Some(map) if map.map_type == MapType::ProgArray => u64::from(map.max_entries),
            _ => reject!(
                MapHelperPairing,
                EINVAL,
                "{}",
                // Where contradictions are reported alike, this is none any more, and its line does not end.
                match self.env.kernel.semantics.log.bug_words {
                    BugWords::Own => "kernel subsystem misconfigured verifier\n",
                    BugWords::Alike => "expected prog array map for tail call",
                }
            ),
        };
        let reg = *self.reg(R3);
        let key = reg.b.var_off().value;
        if reg.is_scalar() && reg.is_const() && key < max {
            self.mark_chain_precision(R3)?;
        }
        Ok(())
    }

    /// The call releases what this argument refers to.
    fn release(&mut self, regno: RegNo, meta: &CallMeta, proto: &HelperProto) -> Res<()> {
        let reg = *self.reg(regno);
        let released = if proto.args[regno.arg()].ty.base() == ArgBase::Dynptr {
            self.unmark_dynptr_slots(&reg)?;
            true
        } else if meta.id == id::KPTR_XCHG && meta.ref_obj_id != 0 {
            self.give_away(meta.ref_obj_id)
        } else if meta.ref_obj_id != 0 {
            self.release_reference(meta.ref_obj_id)
        } else {
            reg.is_null()
        };
        if !released {
            reject!(
                UnownedRelease,
                EINVAL,
                "func {}#{} reference has not been acquired before\n",
                proto.name,
                proto.id
            );
        }
        Ok(())
    }

    /// A kernel pointer was exchanged into a map: per-CPU objects may still be used under RCU.
    fn give_away(&mut self, ref_obj_id: u32) -> bool {
        let in_rcu = self.in_rcu_cs();
        self.note_change_of_held();
        if !self.walk.cur.release_ref(ref_obj_id) {
            return false;
        }
        self.walk.cur.for_each_reg_mut(
            |r| r.ref_obj_id == ref_obj_id,
            |r| {
                if in_rcu && r.ty.has(Flags::ALLOC) && r.ty.has(Flags::PERCPU) {
                    r.ref_obj_id = 0;
                    r.ty = r.ty.without(Flags::ALLOC).with(Flags::RCU);
                } else {
                    r.set_unknown();
                }
            },
        );
        true
    }

    /// A tail call that succeeds never comes back here, but its program does to the caller of this function, which
    /// resumes now; the call that fails is pending.
    fn return_from_tail_call(&mut self) -> Res<Flow> {
        if self.walk.cur.curframe() == FrameNo::OUTERMOST {
            return Ok(Flow::Next);
        }
        self.scratch_reg(R0);
        let idx = self.walk.insn_idx;
        self.fork(idx.next())?;
        self.clear_all_pkt_pointers();
        self.set_unknown(R0);
        let flow = self.leave_function()?;
        self.clear_all_pkt_pointers();
        Ok(flow)
    }

    /// The few helpers with rules of their own.
    fn special_effects(&mut self, meta: &mut CallMeta, proto: &HelperProto) -> Res<Effects> {
        let mut effects = Effects {
            changes_packet: self.env.kernel.changes_packet(proto.id),
            ..Effects::default()
        };
        let subprog = meta.subprogno;
        match proto.id {
            id::TAIL_CALL => self.check_tail_call()?,
            id::GET_LOCAL_STORAGE => {
                if !self.reg(R2).is_null() {
                    reject!(
                        ArgumentConstant,
                        EINVAL,
                        "get_local_storage() doesn't support non-zero flags\n"
                    );
                }
                if self.env.kernel.semantics.precision.storage_flags == StorageFlags::Precise {
                    self.mark_chain_precision(R2)?;
                }
            }
            id::FOR_EACH_MAP_ELEM => self.push_callback_call(subprog, CallbackFrame::MapElem)?,
            id::TIMER_SET_CALLBACK => self.push_callback_call(subprog, CallbackFrame::Timer)?,
            id::FIND_VMA => self.push_callback_call(subprog, CallbackFrame::FindVma)?,
            id::USER_RINGBUF_DRAIN => self.push_callback_call(subprog, CallbackFrame::UserRingbuf)?,
            id::SNPRINTF => self.check_snprintf()?,
            id::LOOP => self.call_loop(meta.subprogno)?,
            id::DYNPTR_FROM_MEM => {
                let ty = self.reg(R1).ty;
                if !ty.is(RegBase::MapValue) {
                    let name = self.type_str(ty);
                    reject!(
                        ArgumentType,
                        EACCES,
                        "Unsupported reg type {} for bpf_dynptr_from_mem data\n",
                        name
                    );
                }
            }
            id::SET_RETVAL => self.check_set_retval()?,
            id::DYNPTR_DATA => {
                let dynptr = self.dynptr_of(&self.dynptr_arg(&proto.args)?)?;
                meta.dynptr_id = dynptr.id;
                meta.ref_obj_id = dynptr.ref_obj_id;
            }
            id::DYNPTR_WRITE => {
                let dynptr = self.dynptr_of(&self.dynptr_arg(&proto.args)?)?;
                match dynptr.dynptr_kind() {
                    DynptrKind::Invalid => reject!(VerifierBug, EFAULT),
                    DynptrKind::Skb | DynptrKind::SkbMeta => effects.changes_packet = true,
                    DynptrKind::Local | DynptrKind::Ringbuf | DynptrKind::Xdp => {}
                }
            }
            id::PER_CPU_PTR | id::THIS_CPU_PTR => {
                let reg = *self.reg(R1);
                if reg.ty.has(Flags::RCU) {
                    effects.cpu_specific_object = true;
                    self.aux_mut().call_with_percpu_alloc_ptr = true;
                }
            }
            _ => {}
        }
        Ok(effects)
    }

    fn check_tail_call(&mut self) -> Res<()> {
        if self.env.kernel.semantics.control.leave_checks == LeaveChecks::Unified {
            return self.check_resource_leak(false, true, "tail_call");
        }
        if self.walk.cur.active_lock.is_some() {
            reject!(
                LeaveInRegion,
                EINVAL,
                "tail_call cannot be used inside bpf_spin_lock-ed region\n"
            );
        }
        self.check_reference_leak(false)
            .then(|| "tail_call would lead to reference leak\n".to_owned())?;
        if self.walk.cur.active_rcu_locks != 0 {
            reject!(
                LeaveInRegion,
                EINVAL,
                "tail_call cannot be used inside bpf_rcu_read_lock-ed region\n"
            );
        }
        if self.walk.cur.active_preempt_lock != 0 {
            reject!(
                LeaveInRegion,
                EINVAL,
                "tail_call cannot be used inside bpf_preempt_disable-ed region\n"
            );
        }
        Ok(())
    }

    /// `bpf_snprintf` with a constant format (`check_bpf_snprintf_call`).
    fn check_snprintf(&mut self) -> Res<()> {
        let len = self.reg(R5).b.var_off().value;
        if !len.is_multiple_of(8) {
            reject!(FormatString, EINVAL);
        }
        let Some(text) = self.const_str(&self.reg(R3).clone()) else {
            reject!(VerifierBug, EFAULT, "verifier bug\n");
        };
        if !format::is_valid(&text, len / 8) {
            reject!(FormatString, EINVAL, "Invalid format string\n");
        }
        Ok(())
    }

    /// `bpf_loop`: one more round of the callback, as long as there can be one.
    fn call_loop(&mut self, subprogno: SubprogIdx) -> Res<()> {
        self.note_loop(subprogno)?;
        if self.walks_callbacks_once() {
            return self.push_callback_call(subprogno, CallbackFrame::Loop);
        }
        self.mark_chain_precision(R1)?;
        if u64::from(self.walk.cur.frame().callback_depth) < self.reg(R1).b.umax() {
            return self.push_callback_call(subprogno, CallbackFrame::Loop);
        }
        self.walk.cur.frame_mut().callback_depth = 0;
        say2!(
            self,
            "frame{} bpf_loop iteration limit reached\n",
            self.walk.cur.curframe()
        );
        Ok(())
    }

    /// Whether the call can be replaced by a loop (`update_loop_inline_state`).
    fn note_loop(&mut self, subprogno: SubprogIdx) -> Res<()> {
        let state = self.aux_mut().loop_inline;
        if state.initialized && !state.fit_for_inline {
            return Ok(());
        }
        let no_flags = self.reg(R4).is_null();
        if no_flags {
            self.mark_chain_precision(R4)?;
        }
        let inline = &mut self.aux_mut().loop_inline;
        if state.initialized {
            inline.fit_for_inline = no_flags && state.callback_subprogno == subprogno;
        } else {
            inline.initialized = true;
            inline.fit_for_inline = no_flags;
            inline.callback_subprogno = subprogno;
        }
        Ok(())
    }

    fn check_set_retval(&mut self) -> Res<()> {
        let cgroup_lsm =
            self.program.prog.prog_type == ProgType::Lsm && self.program.prog.expects(AttachType::LsmCgroup);
        if cgroup_lsm && self.program.attach.returns_void(self.env.kernel) {
            reject!(
                HelperForbidden,
                EINVAL,
                "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!\n"
            );
        }
        Ok(())
    }

    /// What R0 is after the call.
    fn set_result(&mut self, meta: &CallMeta, proto: &HelperProto, effects: Effects) -> Res<()> {
        let mut reg = match proto.ret.base() {
            RetBase::Integer => Reg::UNKNOWN,
            // Quirk: only the type changes; the rest is what a register without content has.
            RetBase::Void => Reg::NOT_INIT,
            _ => self.pointer_result(meta, proto, effects)?,
        };
        if reg.ty.has(Flags::MAYBE_NULL) {
            reg.id = self.next_id();
        }
        if slices_dynptr(proto.id) {
            reg.set_dynptr_id(meta.dynptr_id);
        }
        let map_type = self.meta_map(meta).map(|m| m.map_type);
        if casts_pointer(proto.id) || slices_dynptr(proto.id) {
            reg.ref_obj_id = meta.ref_obj_id;
        } else if acquires(proto.id, map_type) {
            let id = self.acquire_reference(self.walk.insn_idx);
            (reg.id, reg.ref_obj_id) = (id, id);
        }
        self.set_reg(R0, reg);
        Ok(())
    }

    fn pointer_result(&mut self, meta: &CallMeta, proto: &HelperProto, effects: Effects) -> Res<Reg> {
        let flags = proto.ret.flags();
        let plain = |base: RegBase| Reg::pointer(RegType::new(base, flags));
        Ok(match proto.ret.base() {
            RetBase::MapValue => {
                let (Some(index), Some(map)) = (meta.map, self.meta_map(meta)) else {
                    reject!(VerifierBug, EINVAL, "kernel subsystem misconfigured verifier\n");
                };
                let exists = proto.id == id::MAP_LOOKUP_ELEM
                    && meta.array_key.is_some_and(|key| key < u64::from(map.max_entries));
                let flags = if exists {
                    flags.without(Flags::MAYBE_NULL)
                } else {
                    flags
                };
                let plain = |base: RegBase| Reg::pointer(RegType::new(base, flags));
                let locked = map.has_field(FieldMask::LOCK);
                let mut reg = plain(RegBase::MapValue);
                reg.set_map(index);
                reg.set_map_uid(meta.map_uid);
                if !flags.has(Flags::MAYBE_NULL) && locked {
                    reg.id = self.next_id();
                }
                reg
            }
            RetBase::Socket => plain(RegBase::Socket),
            RetBase::SockCommon => plain(RegBase::SockCommon),
            RetBase::TcpSock => plain(RegBase::TcpSock),
            RetBase::Mem => {
                let mut reg = plain(RegBase::Mem);
                reg.set_mem_size(meta.mem_size as u32);
                reg
            }
            RetBase::MemOrBtfId => self.object_or_memory(meta, flags, effects)?,
            RetBase::BtfId => self.object_result(meta, proto)?,
            RetBase::Integer | RetBase::Void => return Err(Failure::bug("a result without a pointer")),
        })
    }

    /// A per-CPU variable: an object if its type is a struct, else memory.
    fn object_or_memory(&mut self, meta: &CallMeta, flags: Flags, effects: Effects) -> Res<Reg> {
        let Some(btf) = self.btf(meta.ret_btf) else {
            reject!(VerifierBug, EFAULT)
        };
        let Some(ty) = btf.skip_mods(verdict_btf::TypeId(meta.ret_btf_id)) else {
            reject!(VerifierBug, EFAULT)
        };
        if matches!(ty.kind(), verdict_btf::Kind::Struct | verdict_btf::Kind::Union) {
            let flags = if effects.cpu_specific_object {
                Flags::ALLOC | Flags::RCU
            } else {
                flags.without(Flags::RDONLY)
            };
            let mut reg = Reg::pointer(RegType::new(RegBase::BtfId, flags));
            reg.set_btf(meta.ret_btf, meta.ret_btf_id);
            return Ok(reg);
        }
        let Some(size) = btf.resolve_size(ty.id()) else {
            reject!(
                KernelObjectAccess,
                EINVAL,
                "unable to resolve the size of type '{}': -22\n",
                ty.name()
            );
        };
        let mut reg = Reg::pointer(RegType::new(RegBase::Mem, flags));
        reg.set_mem_size(size);
        Ok(reg)
    }

    fn object_result(&mut self, meta: &CallMeta, proto: &HelperProto) -> Res<Reg> {
        let mut ty = RegType::new(RegBase::BtfId, proto.ret.flags());
        let (btf, type_id) = match (proto.ret_btf, meta.kptr_field.map(|f| f.kind)) {
            (Some(name), _) => (BtfHandle::VMLINUX, self.vmlinux_struct(name)),
            (None, Some(FieldKind::Kptr(kind, target))) => {
                let handle = self.handle_of(target.btf);
                if handle != BtfHandle::VMLINUX {
                    ty = ty.with(Flags::ALLOC);
                    if kind == KptrKind::Percpu {
                        ty = ty.with(Flags::PERCPU);
                    }
                }
                (handle, target.id.0)
            }
            (None, _) => return Err(Failure::bug("an object without a type")),
        };
        if type_id == 0 {
            let base = proto.ret.base() as u32;
            reject!(
                VerifierBug,
                EINVAL,
                "invalid return type {} of func {}#{}\n",
                base,
                proto.name,
                proto.id
            );
        }
        let mut reg = Reg::pointer(ty);
        reg.set_btf(btf, type_id);
        Ok(reg)
    }

    /// Ranges of results that are known (`do_refine_retval_range`).
    fn refine_result(&mut self, meta: &CallMeta, proto: &HelperProto) -> Res<()> {
        if !proto.ret.is(RetBase::Integer) {
            return Ok(());
        }
        let (cpus, rules) = (self.env.kernel.machine.nr_cpus, self.env.rules);
        let refines_cpu = self.env.kernel.semantics.bounds.cpu_number == CpuNumber::Possible;
        let counts_bytes = self.env.kernel.returns_bytes_written(proto.id);
        let b = &mut self.walk.cur.reg_mut(R0).b;
        if counts_bytes {
            let most = meta.msize_max;
            b.set_signed((i64::from(-MAX_ERRNO), most as i64), (-MAX_ERRNO, most as i32));
            b.sync(rules);
        } else if proto.id == id::GET_SMP_PROCESSOR_ID && refines_cpu {
            b.set_at_most(cpus.saturating_sub(1));
            b.sync(rules);
        }
        self.check_reg_bounds(R0, "retval")
    }

    /// Whether this helper takes this map (`check_map_func_compatibility`).
    fn check_map_fits(&mut self, meta: &CallMeta) -> Res<()> {
        let Some(map) = self.meta_map(meta) else {
            return Ok(());
        };
        let (ty, name) = (map.map_type, self.func_name(meta.id));
        let prefix = match self.env.kernel.map_fit(
            ty,
            meta.id,
            self.program.prog.prog_type,
            self.program.prog.expected_attach_type,
        ) {
            Fit::Fits => return Ok(()),
            Fit::Mismatch => "",
            Fit::SockmapUpdate => "cannot update sockmap in this context\n",
        };
        reject!(
            MapHelperPairing,
            EINVAL,
            "{}cannot pass map_type {} into func {}#{}\n",
            prefix,
            ty.raw(),
            name,
            meta.id
        )
    }

    fn check_get_func_ip(&self) -> Res<()> {
        let (name, id): (_, HelperId) = (self.func_name(id::GET_FUNC_IP), id::GET_FUNC_IP);
        match self.program.prog.prog_type {
            ProgType::Kprobe => Ok(()),
            ProgType::Tracing => {
                let at = [
                    AttachType::TraceFentry,
                    AttachType::TraceFexit,
                    AttachType::ModifyReturn,
                ];
                if at.into_iter().any(|t| self.program.prog.expects(t)) {
                    return Ok(());
                }
                reject!(
                    HelperForbidden,
                    ENOTSUPP,
                    "func {}#{} supported only for fentry/fexit/fmod_ret programs\n",
                    name,
                    id
                )
            }
            other => {
                reject!(
                    HelperForbidden,
                    ENOTSUPP,
                    "func {}#{} not supported for program type {}\n",
                    name,
                    id,
                    other.raw()
                )
            }
        }
    }
}
