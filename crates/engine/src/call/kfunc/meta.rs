//! Which kernel function a call names, and what its arguments told of it.

use std::num::NonZeroU64;
use std::rc::Rc;

use verdict_btf::{Btf, TypeId};
use verdict_isa::Insn;
use verdict_kernel::kfunc::Kfunc as Listed;
use verdict_kernel::kfunc::{Caller, KfuncFlags, Special};
use verdict_kernel::semantics::control::{KfuncPointers, LockCalls};
use verdict_syscall::Field;
use verdict_syscall::func_model::FuncModel;
use verdict_syscall::prog::flags;

use super::proto::{Kfunc, Reader};
use crate::cfg::FastCall;
use crate::error::{Res, reject, unsupported};
use crate::index::{FrameNo, RegNo, Spi, SubprogIdx};
use crate::observer::Observer;
use crate::state::{BtfHandle, DynptrKind, Reg};
use crate::verifier::Verifier;

/// What was learnt of a call from its arguments (`struct bpf_kfunc_call_arg_meta`).
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) func: Rc<Kfunc>,
    /// Reference that an argument holds; 0 is none.
    pub(super) ref_obj_id: u32,
    /// Register whose reference the call releases.
    pub(super) release_regno: Option<RegNo>,
    /// The memory given back cannot be written.
    pub(super) r0_rdonly: bool,
    /// Its size, if that is known; 0 counts as unknown.
    pub(super) r0_size: Option<NonZeroU64>,
    /// The kernel's type behind the context.
    pub(super) ctx_type: TypeId,
    /// The callback.
    pub(super) subprogno: SubprogIdx,
    /// The constant argument.
    pub(super) constant: Option<u64>,
    /// Type of the program's object that an argument points to.
    pub(super) object: (BtfHandle, u32),
    /// The program owns that object.
    pub(super) owns_object: bool,
    /// The list or tree.
    pub(super) root: Option<Field>,
    pub(super) dynptr: Dynptr,
    /// Frame and first slot of the iterator.
    pub(super) iter: (FrameNo, Spi),
    /// The map.
    pub(super) map: Option<GivenMap>,
}

/// A map that an argument named, or that it is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct GivenMap {
    /// What the register holds for it, as it is: what is compared may be no map.
    payload: u64,
    pub(super) uid: u32,
}

impl GivenMap {
    /// The map that a register names; `None` if it holds nothing for one.
    pub(super) fn of(reg: &Reg) -> Option<GivenMap> {
        (reg.raw[0] != 0).then_some(GivenMap {
            payload: reg.raw[0],
            uid: reg.map_uid(),
        })
    }
}

/// An initialised dynptr argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dynptr {
    pub(super) kind: DynptrKind,
    pub(super) id: u32,
    pub(super) ref_obj_id: u32,
}

impl Meta {
    pub(super) fn new(func: Rc<Kfunc>) -> Meta {
        Meta {
            func,
            ref_obj_id: 0,
            release_regno: None,
            r0_rdonly: false,
            r0_size: None,
            ctx_type: TypeId::VOID,
            subprogno: SubprogIdx::MAIN,
            constant: None,
            object: (BtfHandle::NONE, 0),
            owns_object: false,
            root: None,
            dynptr: Dynptr {
                kind: DynptrKind::Invalid,
                id: 0,
                ref_obj_id: 0,
            },
            iter: (FrameNo::OUTERMOST, Spi(0)),
            map: None,
        }
    }
}

/// Whether a function asks the network device that the program is bound to (`bpf_dev_bound_kfunc_id`).
fn is_device_bound(func: &Listed) -> bool {
    func.sets
        .iter()
        .any(|(set, _)| set.name == "xdp_metadata_kfunc_ids")
}

impl<O: Observer> Verifier<'_, O> {
    /// Finds a kernel function that the program names (`add_kfunc_call`).
    pub(crate) fn add_kfunc_call(&mut self, btf_id: i32, module: i16) -> Res<()> {
        self.check_kfuncs_possible()?;
        // Number 0 is refused only if the call is still there when dead code is gone.
        if btf_id == 0 && module == 0 {
            return Ok(());
        }
        if module != 0 {
            // The program is loaded with no table of modules' BTFs: the loader finds none loaded.
            let missing = "failed to find BTF for kernel function\n";
            if module < 0 {
                reject!(
                    UnknownKfunc,
                    EINVAL,
                    "negative offset disallowed for kernel module function call\n{missing}"
                );
            }
            reject!(
                UnknownKfunc,
                EPROTO,
                "kfunc offset > 0 without fd_array is invalid\n{missing}"
            );
        }
        if self.program.kfuncs.contains_key(&btf_id) {
            return Ok(());
        }
        if self.program.kfuncs.len() >= self.env.kernel.limits.kfuncs as usize {
            reject!(ProgramLimits, E2BIG, "too many different kernel function calls\n");
        }
        let func = self.read_kfunc(btf_id)?;
        self.program.kfuncs.insert(btf_id, Rc::new(func));
        Ok(())
    }

    /// Looks at all of them again for an extension that has become a program of another kind.
    pub(crate) fn reread_kfuncs(&mut self) -> Res<()> {
        let ids: Vec<_> = self.program.kfuncs.keys().copied().collect();
        for id in ids {
            let func = self.read_kfunc(id)?;
            self.program.kfuncs.insert(id, Rc::new(func));
        }
        Ok(())
    }

    fn check_kfuncs_possible(&self) -> Res<()> {
        let jit = &self.env.kernel.machine.jit;
        if !jit.enabled {
            reject!(
                JitRequired,
                ENOTSUPP,
                "JIT is required for calling kernel function\n"
            );
        }
        if !jit.kfunc_calls {
            reject!(
                JitRequired,
                ENOTSUPP,
                "JIT does not support calling kernel function\n"
            );
        }
        if !self.program.prog.gpl_compatible {
            reject!(
                GplRequired,
                EINVAL,
                "cannot call kernel function from non-GPL compatible program\n"
            );
        }
        Ok(())
    }

    fn read_kfunc(&self, btf_id: i32) -> Res<Kfunc> {
        let (kernel, id) = (self.env.kernel, TypeId(btf_id as u32));
        let btf: &Btf = &kernel.btf;
        let Some(ty) = btf.ty(id).filter(|t| t.is_func()) else {
            reject!(UnknownKfunc, EINVAL, "kernel btf_id {} is not a function\n", id.0);
        };
        let Some(proto) = ty.target_type().filter(|t| t.is_func_proto()) else {
            reject!(
                UnknownKfunc,
                EINVAL,
                "kernel function btf_id {} does not have a valid func_proto\n",
                id.0
            );
        };
        let name = ty.name();
        if kernel.ksym(name).is_none() {
            reject!(
                UnknownKfunc,
                EINVAL,
                "cannot find address for kernel function {name}\n"
            );
        }
        let known = kernel.kfunc(id);
        if known.is_some_and(is_device_bound) {
            if !self.program.prog.has(flags::XDP_DEV_BOUND_ONLY) {
                reject!(
                    KfuncForbidden,
                    EINVAL,
                    "metadata kfuncs require device-bound program\n"
                );
            }
            unsupported!("kfunc {name}, which depends on the network device");
        }
        FuncModel::distill(kernel, proto, name)?;
        let caller = Caller {
            prog_type: self.own_type(),
            hook: kernel.kfunc_hook(self.program.prog.prog_type),
            attach_type: kernel.attach_type(self.program.prog.expected_attach_type),
            implements: self
                .program
                .attach
                .struct_ops
                .as_ref()
                .map(|(ops, member)| (ops.name, &**member)),
        };
        let callable = known.and_then(|k| k.callable_by(&caller));
        let callable = match self.env.kernel.semantics.control.kfunc_pointers {
            KfuncPointers::Flagged => callable,
            KfuncPointers::All => callable.map(|flags| flags.with(KfuncFlags::TRUSTED_ARGS)),
        };
        let special = known.and_then(|k| k.special);
        let reader = Reader {
            kernel,
            prog_type: self.program.prog.prog_type,
            func: special,
            flags: callable,
        };
        Ok(Kfunc {
            id: btf_id,
            name: name.into(),
            special,
            flags: callable,
            params: reader.params(proto),
            ret: proto.target(),
        })
    }

    /// The function that a call names, if this program may call it (`fetch_kfunc_meta`).
    fn callable_kfunc(&self, insn: Insn) -> Option<&Rc<Kfunc>> {
        self.program
            .kfuncs
            .get(&insn.imm)
            .filter(|func| insn.off == 0 && func.flags.is_some())
    }

    /// The one of the functions with rules of their own that a number names.
    fn special_kfunc(&self, btf_id: i32) -> Option<Special> {
        self.program.kfuncs.get(&btf_id)?.special
    }

    /// Whether a function may be called while a spin lock is held: it works on lists, trees or counted objects of the
    /// program, on the lock itself, or counts.
    pub(crate) fn is_kfunc_under_lock(&self, btf_id: i32) -> bool {
        let counts = self.env.kernel.semantics.control.lock_calls == LockCalls::GraphsAndCounts;
        let is_counter = |func: &Kfunc| {
            ["bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy"].contains(&&*func.name)
        };
        self.special_kfunc(btf_id)
            .is_some_and(|special| special.is_graph() || special.is_resilient_lock())
            || counts
                && self
                    .program
                    .kfuncs
                    .get(&btf_id)
                    .is_some_and(|func| is_counter(func))
    }

    /// Whether a function throws.
    pub(crate) fn is_throw_kfunc(&self, btf_id: i32) -> bool {
        self.special_kfunc(btf_id) == Some(Special::Throw)
    }

    /// Whether a function runs a callback before it returns.
    pub(crate) fn is_sync_callback_kfunc(&self, btf_id: i32) -> bool {
        self.special_kfunc(btf_id).is_some_and(Special::calls_back)
    }

    /// Whether a function has a callback run later.
    pub(crate) fn is_async_callback_kfunc(&self, btf_id: i32) -> bool {
        self.special_kfunc(btf_id).is_some_and(Special::calls_back_later)
    }

    /// Whether a function has a callback run later that may sleep: one of a work queue, or for a task.
    pub(crate) fn is_wq_callback_kfunc(&self, btf_id: i32) -> bool {
        self.special_kfunc(btf_id)
            .is_some_and(|special| special == Special::WqSetCallback || special.schedules_task_work())
    }

    /// Whether a function frees a per-CPU object.
    pub(super) fn is_percpu_drop(&self, btf_id: i32) -> bool {
        self.special_kfunc(btf_id) == Some(Special::PercpuObjDrop)
    }

    /// Whether a function demands that the lock of a tree is held.
    pub(crate) fn is_rbtree_lock_kfunc(&self, btf_id: i32) -> bool {
        self.special_kfunc(btf_id).is_some_and(Special::is_rbtree)
    }

    /// Whether a call is of a function that may sleep.
    pub(crate) fn is_sleepable_kfunc_call(&self, insn: Insn) -> bool {
        insn.is_kfunc_call()
            && self
                .callable_kfunc(insn)
                .is_some_and(|func| func.has(KfuncFlags::SLEEPABLE))
    }

    /// Whether a call steps an iterator.
    pub(crate) fn is_iter_next_call(&self, insn: Insn) -> bool {
        self.callable_kfunc(insn)
            .is_some_and(|func| func.has(KfuncFlags::ITER_NEXT))
    }

    /// What a call leaves of the registers if it is inlined.
    pub(crate) fn kfunc_fastcall(&self, insn: Insn) -> Option<FastCall> {
        let func = self.callable_kfunc(insn)?;
        let returns = func.ret != TypeId::VOID;
        let clobbered = (1..=func.params.len().min(5)).fold(u8::from(returns), |mask, r| mask | 1 << r);
        Some(FastCall {
            clobbered,
            kept: func.special.is_some_and(Special::is_fastcall),
        })
    }
}
