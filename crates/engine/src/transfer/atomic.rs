//! Atomic read-modify-write instructions.

use verdict_isa::{AtomicOp, Op, Size};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::types::RegBase;

use crate::error::{About, Failure, Res, register, reject};
use crate::memory::{MemAccess, reg_type_str};
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes an atomic instruction (`check_atomic_rmw`): a read, then a write of an unknown value.
    pub(crate) fn check_atomic(&mut self, op: Op) -> Res<Flow> {
        let Op::Atomic {
            op,
            size,
            dst,
            src,
            off,
        } = op
        else {
            return Ok(Flow::Next);
        };
        if !matches!(size, Size::W | Size::Dw) {
            reject!(AtomicTarget, EINVAL, "invalid atomic operand size\n");
        }
        let (dst, src) = (usize::from(dst), usize::from(src));
        self.check_reg_arg(src, ArgUse::Src)?;
        self.check_reg_arg(dst, ArgUse::Src)?;
        let exchanges_r0 = op == AtomicOp::CmpXchg;
        if exchanges_r0 {
            self.check_reg_arg(0, ArgUse::Src)?;
        }
        if !takes_atomics(self.reg(dst), op) {
            let name = reg_type_str(self.reg(dst).ty);
            let text = format!("BPF_ATOMIC stores into R{dst} {name} is not allowed\n");
            let failure = Failure::rejected(Rule::AtomicTarget, Errno::EACCES, text);
            return Err(failure.about(|| register(dst)));
        }
        let loaded = op.is_fetch().then_some(if exchanges_r0 { 0 } else { src });
        if let Some(loaded) = loaded {
            self.check_reg_arg(loaded, ArgUse::Dst)?;
        }
        let read = MemAccess {
            aligned: true,
            ..MemAccess::read(dst, i32::from(off), size.bytes() as i32, None)
        };
        self.check_mem_access(read)?;
        if loaded.is_some() {
            self.check_mem_access(MemAccess {
                value: loaded,
                ..read
            })?;
        }
        self.save_aux_ptr_type(self.reg(dst).ty, false)?;
        self.check_mem_access(MemAccess {
            aligned: true,
            ..MemAccess::write(dst, i32::from(off), size.bytes() as i32, None)
        })?;
        Ok(Flow::Next)
    }
}

/// Whether an atomic operation may use such a pointer (`atomic_ptr_type_ok`). On the arena, x86-64's JIT
/// lacks those that it makes a loop of.
fn takes_atomics(reg: &Reg, op: AtomicOp) -> bool {
    let flagless = reg.ty.is(reg.ty.base());
    match reg.ty.base() {
        RegBase::Arena => {
            !flagless || !matches!(op, AtomicOp::FetchAnd | AtomicOp::FetchOr | AtomicOp::FetchXor)
        }
        RegBase::Packet | RegBase::PacketMeta => false,
        RegBase::Ctx
        | RegBase::FlowKeys
        | RegBase::Socket
        | RegBase::SockCommon
        | RegBase::TcpSock
        | RegBase::XdpSock => !flagless,
        RegBase::NotInit
        | RegBase::Scalar
        | RegBase::ConstMapPtr
        | RegBase::MapValue
        | RegBase::MapKey
        | RegBase::Stack
        | RegBase::PacketEnd
        | RegBase::TpBuffer
        | RegBase::BtfId
        | RegBase::Mem
        | RegBase::Buf
        | RegBase::Func
        | RegBase::ConstDynptr => true,
    }
}
