//! Memory that helpers and kfuncs get: a pointer, and how many bytes of it they use.

use verdict_kernel::ctx::Access;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::Fact;
use verdict_kernel::semantics::control::{HelperWrites, SizeZero};
use verdict_kernel::semantics::stack::HelperAccess;
use verdict_kernel::types::{Flags, RegBase};

use super::{MemAccess, Source, buffer};
use crate::error::{About, Res, reject};
use crate::index::RegNo;
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

/// Sizes that helpers are given stay below this (`BPF_MAX_VAR_SIZ`).
const MAX_VAR_SIZE: u64 = 1 << 29;

/// A stack buffer that a helper fills and that need not be initialised before: the caller simulates the
/// writes after its checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawMode {
    /// Register with the pointer.
    pub(crate) regno: RegNo,
    /// Bytes.
    pub(crate) access_size: i32,
}

impl<O: Observer> Verifier<'_, O> {
    /// Checks `size` bytes behind a pointer argument (`check_helper_mem_access`).
    ///
    /// `raw` is given when the argument may point to uninitialised stack; it is filled in if it does.
    pub(crate) fn check_helper_mem_access(
        &mut self,
        regno: RegNo,
        size: i32,
        access: Access,
        zero_ok: bool,
        raw: Option<&mut Option<RawMode>>,
    ) -> Res<()> {
        let reg = *self.reg(regno);
        let off = reg.off;
        match reg.ty.base() {
            RegBase::Packet | RegBase::PacketMeta => self.check_packet_access(regno, off, size, zero_ok),
            RegBase::MapKey => {
                if access == Access::Write {
                    return cannot_write(regno, &self.type_str(reg.ty));
                }
                let key_size = self.map_of(&reg)?.key_size;
                self.check_mem_region_access(regno, off, size, key_size, false)
            }
            RegBase::MapValue => {
                self.check_map_access_type(&reg, off, size, access)?;
                self.check_map_access(regno, off, size, zero_ok, Source::Helper)
            }
            RegBase::Mem => {
                if reg.ty.has(Flags::RDONLY) && access == Access::Write {
                    return cannot_write(regno, &self.type_str(reg.ty));
                }
                self.check_mem_region_access(regno, off, size, reg.mem_size(), zero_ok)
            }
            RegBase::Buf => {
                if reg.ty.has(Flags::RDONLY) && access == Access::Write {
                    return cannot_write(regno, &self.type_str(reg.ty));
                }
                buffer::check_buffer(&reg, regno, off, size)
            }
            RegBase::Stack => {
                let by = self.helper_on_stack(access);
                self.check_stack_range(regno, off, size, zero_ok, by, raw)
            }
            RegBase::BtfId => {
                let whole = MemAccess {
                    off,
                    ..MemAccess::read(regno, off, size, None)
                };
                self.access_btf_object(&reg, &whole)
            }
            RegBase::Ctx if !has_converted_ctx(self.program.prog.prog_type) => {
                self.check_ctx_bytes(regno, size, access, zero_ok)
            }
            RegBase::NotInit
            | RegBase::Scalar
            | RegBase::Ctx
            | RegBase::ConstMapPtr
            | RegBase::PacketEnd
            | RegBase::FlowKeys
            | RegBase::Socket
            | RegBase::SockCommon
            | RegBase::TcpSock
            | RegBase::TpBuffer
            | RegBase::XdpSock
            | RegBase::Arena
            | RegBase::Func
            | RegBase::ConstDynptr => {
                if zero_ok && size == 0 && reg.is_null() {
                    return Ok(());
                }
                let (is, wanted) = (self.type_str(reg.ty), self.type_str(RegBase::Stack));
                reject!(ArgumentType, EACCES, "R{regno} type={is} expected={wanted}\n")
            }
        }
    }

    /// What a helper's access of a stack is taken for.
    fn helper_on_stack(&self, access: Access) -> (Source, Access) {
        match self.env.kernel.semantics.stack.helper_access {
            HelperAccess::AsWrite => (Source::Helper, Access::Write),
            HelperAccess::ByDirection => (Source::Helper, access),
        }
    }

    /// The bytes of a context that the kernel hands out as it is: the last one tells.
    fn check_ctx_bytes(&mut self, regno: RegNo, size: i32, access: Access, zero_ok: bool) -> Res<()> {
        if size == 0 {
            return if zero_ok {
                Ok(())
            } else {
                reject!(SizeArgument, EACCES)
            };
        }
        let last = MemAccess {
            access,
            ..MemAccess::read(regno, size.wrapping_sub(1), 1, None)
        };
        self.check_mem_access(last)
    }

    /// Checks a size argument and the memory argument before it (`check_mem_size_reg`).
    pub(crate) fn check_mem_size_reg(
        &mut self,
        regno: RegNo,
        access: Access,
        zero_ok: bool,
        raw: Option<&mut Option<RawMode>>,
    ) -> Res<()> {
        let size = *self.reg(regno);
        let fact = || Fact::Number {
            reg: regno.0,
            is: (size.b.smin(), size.b.smax()),
            allowed: (i64::from(!zero_ok), MAX_VAR_SIZE as i64 - 1),
        };
        let access = match self.env.kernel.semantics.control.helper_writes {
            HelperWrites::Raw if !size.is_const() => Access::Read,
            HelperWrites::Raw | HelperWrites::Declared => access,
        };
        let accessed = self.env.kernel.semantics.control.size_zero == SizeZero::Accessed;
        // Of an unknown size the helper may fill but a part.
        let mut raw = raw.filter(|_| size.is_const());
        if accessed {
            self.check_least_size(regno, &size, access, zero_ok, raw.as_deref_mut())
                .about(fact)?;
        }
        check_size(regno, &size, zero_ok || accessed).about(fact)?;
        let umax = size.b.umax();
        self.check_helper_mem_access(regno.prev(), umax as i32, access, zero_ok, raw)?;
        self.mark_chain_precision(regno)
    }

    /// Checks a size that is not negative, and the access of no bytes if it may be zero.
    fn check_least_size(
        &mut self,
        regno: RegNo,
        size: &Reg,
        access: Access,
        zero_ok: bool,
        raw: Option<&mut Option<RawMode>>,
    ) -> Res<()> {
        if size.b.smin() < 0 {
            return check_size(regno, size, true);
        }
        match size.b.umin() {
            0 => self.check_helper_mem_access(regno.prev(), 0, access, zero_ok, raw),
            _ => Ok(()),
        }
    }

    /// Checks a pointer argument to memory of fixed size that may be NULL (`check_mem_reg`).
    pub(crate) fn check_mem_reg(&mut self, regno: RegNo, size: u32) -> Res<()> {
        if self.reg(regno).is_null() {
            return Ok(());
        }
        self.as_if_not_null(regno, |v| {
            v.check_helper_mem_access(regno, size as i32, Access::Read, true, None)?;
            v.check_helper_mem_access(regno, size as i32, Access::Write, true, None)
        })
    }

    /// Checks a size argument of a kfunc and the memory argument before it, which may be NULL
    /// (`check_kfunc_mem_size_reg`).
    pub(crate) fn check_kfunc_mem_size_reg(&mut self, regno: RegNo) -> Res<()> {
        self.as_if_not_null(regno.prev(), |v| {
            v.check_mem_size_reg(regno, Access::Read, true, None)?;
            v.check_mem_size_reg(regno, Access::Write, true, None)
        })
    }

    /// Checks as if a pointer that may be NULL were not.
    fn as_if_not_null(&mut self, regno: RegNo, check: impl FnOnce(&mut Self) -> Res<()>) -> Res<()> {
        let saved = *self.reg(regno);
        if !saved.ty.has(Flags::MAYBE_NULL) {
            return check(self);
        }
        let pointer = self.as_not_null(&saved);
        *self.walk.cur.reg_mut(regno) = pointer;
        let outcome = check(self);
        *self.walk.cur.reg_mut(regno) = saved;
        outcome
    }
}

fn cannot_write(regno: RegNo, name: &str) -> Res<()> {
    reject!(ReadOnlyMemory, EACCES, "R{regno} cannot write into {name}\n")
}

/// Whether accesses to the type's context are rewritten, so that its bytes are not what programs see
/// (`convert_ctx_access`).
const fn has_converted_ctx(prog_type: ProgType) -> bool {
    match prog_type {
        ProgType::SocketFilter
        | ProgType::SchedCls
        | ProgType::SchedAct
        | ProgType::Xdp
        | ProgType::PerfEvent
        | ProgType::CgroupSkb
        | ProgType::CgroupSock
        | ProgType::LwtIn
        | ProgType::LwtOut
        | ProgType::LwtXmit
        | ProgType::LwtSeg6local
        | ProgType::SockOps
        | ProgType::SkSkb
        | ProgType::SkMsg
        | ProgType::CgroupSockAddr
        | ProgType::SkReuseport
        | ProgType::FlowDissector
        | ProgType::CgroupSysctl
        | ProgType::CgroupSockopt
        | ProgType::SkLookup => true,
        ProgType::Unspec
        | ProgType::Kprobe
        | ProgType::Tracepoint
        | ProgType::CgroupDevice
        | ProgType::LircMode2
        | ProgType::RawTracepoint
        | ProgType::RawTracepointWritable
        | ProgType::Tracing
        | ProgType::StructOps
        | ProgType::Ext
        | ProgType::Lsm
        | ProgType::Syscall
        | ProgType::Netfilter => false,
    }
}

/// Whether a size argument has sensible bounds.
fn check_size(regno: RegNo, size: &Reg, zero_ok: bool) -> Res<()> {
    let (umin, umax) = (size.b.umin(), size.b.umax());
    if size.b.smin() < 0 {
        reject!(
            SizeArgument,
            EACCES,
            "R{regno} min value is negative, either use unsigned or 'var &= const'\n"
        );
    }
    if umin == 0 && !zero_ok {
        reject!(
            SizeArgument,
            EACCES,
            "R{regno} invalid zero-sized read: u64=[{},{}]\n",
            umin as i64,
            umax as i64
        );
    }
    if umax >= MAX_VAR_SIZE {
        reject!(
            SizeArgument,
            EACCES,
            "R{regno} unbounded memory access, use 'var &= const' or 'if (var < const)'\n"
        );
    }
    Ok(())
}
