//! The program's context.

use verdict_btf::{Kind, TypeId};
use verdict_kernel::ctx::{Asked, CtxAnswer, CtxQuery};
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::semantics::control::RetvalLoad;
use verdict_kernel::semantics::log::CallWords;
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::{Notes, Silent, ctx_access};

use super::MemAccess;
use crate::error::{Failure, Res, reject, say};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::{BtfHandle, Reg};
use crate::verifier::Verifier;

/// What a read of a context gives.
struct Given {
    ty: RegType,
    btf: BtfHandle,
    btf_id: u32,
    /// It is the return value of the function that the program runs after.
    is_retval: bool,
}

impl<O: Observer> Verifier<'_, O> {
    /// A load from or store into the context.
    pub(super) fn access_ctx(&mut self, reg: &Reg, m: &MemAccess) -> Res<()> {
        self.check_ptr_off_reg(reg, m.regno)?;
        let given = self.check_ctx_access(m).map_err(|mut failure| {
            if let Failure::Rejected(refusal) = &mut *failure {
                refusal.line_follows = true;
            }
            failure
        })?;
        let Some(value) = m.loaded() else { return Ok(()) };
        if !given.ty.is(RegBase::Scalar) {
            self.set_ctx_pointer(value, &given);
            return Ok(());
        }
        let Some((min, max)) = self.hook_return_range().filter(|_| given.is_retval) else {
            self.set_unknown(value);
            return Ok(());
        };
        if self.env.kernel.semantics.control.retval_load == RetvalLoad::Fresh {
            self.set_unknown(value);
        }
        let rules = self.env.rules;
        let reg = self.walk.cur.reg_mut(value);
        // Quirk of kernels that narrow: of what the register held, only the type goes.
        reg.ty = RegBase::Scalar.into();
        reg.b.narrow_s32(min, max, rules);
        self.check_reg_bounds(value, "s32_range")
    }

    fn set_ctx_pointer(&mut self, value: RegNo, given: &Given) {
        self.set_known_zero(value, given.ty);
        let id = if given.ty.has(Flags::MAYBE_NULL) {
            self.next_id()
        } else {
            0
        };
        let reg = self.walk.cur.reg_mut(value);
        reg.id = id;
        if given.ty.base() == RegBase::BtfId {
            reg.set_btf(given.btf, given.btf_id);
        }
    }

    /// Whether the layout of the context has such an access (`check_ctx_access`).
    fn check_ctx_access(&mut self, m: &MemAccess) -> Res<Given> {
        let query = CtxQuery {
            prog_type: self.program.prog.prog_type,
            attach_type: self.attach_type(),
            cap_bpf: self.program.prog.capabilities.bpf,
        };
        let mut words = String::new();
        let answer = match self.program.prog.prog_type {
            // What may be read is known of the struct's members only.
            ProgType::StructOps if self.program.prog.extends => CtxAnswer::Denied,
            _ => {
                let asked = Asked {
                    off: m.off,
                    size: m.size.unsigned_abs(),
                    access: m.access,
                    sign_extending: m.sign,
                };
                self.env.kernel.ctx_access(&query, &asked)
            }
        };
        match answer {
            CtxAnswer::Allowed(access) => {
                self.aux_mut().unconvertible |= !access.converts;
                let named = access
                    .btf
                    .and_then(|name| self.env.kernel.btf.find(name, Kind::Struct));
                let btf_id = named.map_or(0, |id: TypeId| id.0);
                return Ok(Given {
                    ty: access.reg_type,
                    btf: BtfHandle::VMLINUX,
                    btf_id,
                    is_retval: false,
                });
            }
            CtxAnswer::ByBtf => {
                let judge = |notes: &mut dyn Notes| {
                    let size = m.size.unsigned_abs();
                    ctx_access::arg_access(
                        self.env.kernel,
                        self.program.prog,
                        &self.program.attach,
                        m.off,
                        size,
                        notes,
                    )
                };
                // Words about a success are for listeners only, those about a refusal for everybody.
                let quiet = (!O::LISTENING).then(|| judge(&mut Silent)).and_then(Result::ok);
                if let Some(arg) = quiet.or_else(|| judge(&mut words).ok()) {
                    say!(self, "{words}");
                    let (btf, btf_id) = match arg.ty {
                        Some(ty) => (self.handle_of(ty.btf), ty.id.0),
                        None => (BtfHandle::NONE, 0),
                    };
                    return Ok(Given {
                        ty: arg.reg_type,
                        btf,
                        btf_id,
                        is_retval: arg.is_retval,
                    });
                }
            }
            CtxAnswer::Denied => {}
        }
        reject!(
            ContextAccess,
            EACCES,
            "{words}invalid bpf_context access off={} size={}\n",
            m.off,
            m.size
        )
    }

    /// The values that the hook of an LSM program returns, if it returns any (`get_func_retval_range`).
    pub(crate) fn hook_return_range(&self) -> Option<(i32, i32)> {
        let mac = self.own_type() == ProgType::Lsm && self.program.prog.expects(AttachType::LsmMac);
        let has = mac && !self.program.attach.returns_void(self.env.kernel);
        has.then(|| self.env.kernel.lsm().return_range(&self.program.attach.func_name))
    }

    /// A pointer must be as it was made (`check_ptr_off_reg`).
    pub(crate) fn check_ptr_off_reg(&self, reg: &Reg, regno: RegNo) -> Res<()> {
        self.check_ptr_off_reg_fixed(reg, regno, false)
    }

    /// A pointer must be as it was made, but for a fixed offset with `fixed_ok` (`__check_ptr_off_reg`).
    pub(crate) fn check_ptr_off_reg_fixed(&self, reg: &Reg, regno: RegNo, fixed_ok: bool) -> Res<()> {
        let off = reg.off;
        if off < 0 && self.env.kernel.semantics.log.call_words != CallWords::Old {
            let name = self.type_str(reg.ty);
            reject!(
                ModifiedPointer,
                EACCES,
                "negative offset {name} ptr R{regno} off={off} disallowed\n"
            );
        }
        if !fixed_ok && off != 0 {
            let name = self.type_str(reg.ty);
            reject!(
                ModifiedPointer,
                EACCES,
                "dereference of modified {name} ptr R{regno} off={off} disallowed\n"
            );
        }
        if !reg.b.is_const_value(0) {
            let name = self.type_str(reg.ty);
            reject!(
                ModifiedPointer,
                EACCES,
                "variable {name} access var_off={} disallowed\n",
                self.bits_str(reg.b.var_off())
            );
        }
        Ok(())
    }
}
