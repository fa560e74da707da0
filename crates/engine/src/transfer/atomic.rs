//! Atomic read-modify-write instructions.

use verdict_isa::{Atomic, AtomicOp, Size};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{AtomicPointer, InstructionSet};
use verdict_kernel::types::RegBase;

use crate::error::{About, Failure, Res, register, reject};
use crate::index::{R0, RegNo};
use crate::memory::MemAccess;
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes an atomic instruction (`check_atomic_rmw`): a read, then a write of an unknown value.
    pub(crate) fn check_atomic(&mut self, atomic: Atomic) -> Res<Flow> {
        let Atomic {
            op,
            size,
            dst,
            src,
            off,
        } = atomic;
        match op {
            AtomicOp::LoadAcquire => return self.load_acquire(size, RegNo(dst), RegNo(src), off),
            AtomicOp::StoreRelease => {
                return self.store_release(size, RegNo(dst), RegNo(src), off);
            }
            AtomicOp::Add
            | AtomicOp::Or
            | AtomicOp::And
            | AtomicOp::Xor
            | AtomicOp::FetchAdd
            | AtomicOp::FetchOr
            | AtomicOp::FetchAnd
            | AtomicOp::FetchXor
            | AtomicOp::Xchg
            | AtomicOp::CmpXchg => {}
        }
        if !matches!(size, Size::W | Size::Dw) {
            reject!(AtomicTarget, EINVAL, "invalid atomic operand size\n");
        }
        let (dst, src) = (RegNo(dst), RegNo(src));
        self.check_reg_arg(src, ArgUse::Src)?;
        self.check_reg_arg(dst, ArgUse::Src)?;
        if op == AtomicOp::CmpXchg {
            self.check_reg_arg(R0, ArgUse::Src)?;
        }
        if !takes_atomics(self.reg(dst), op) {
            return Err(self.refused(&self.type_str(self.reg(dst).ty), dst, "stores into"));
        }
        let loaded = atomic.loaded().map(RegNo);
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
        let pointer = self.reg(dst).ty;
        let all = self.env.kernel.semantics.control.atomic_pointer == AtomicPointer::All;
        if all || pointer.is(RegBase::Arena) {
            self.save_aux_ptr_type(pointer, false)?;
        }
        self.check_mem_access(MemAccess {
            aligned: true,
            ..MemAccess::write(dst, i32::from(off), size.bytes() as i32, None)
        })?;
        Ok(Flow::Next)
    }

    /// A load that acquires (`check_atomic_load`). Quirk: the pointer is looked at after the load, which may have
    /// overwritten it.
    fn load_acquire(&mut self, size: Size, dst: RegNo, src: RegNo, off: i16) -> Res<Flow> {
        let bytes = size.bytes() as i32;
        self.load_through(
            MemAccess {
                aligned: true,
                ..MemAccess::read(src, i32::from(off), bytes, Some(dst))
            },
            false,
            "atomic_load",
        )?;
        if !takes_atomics(self.reg(src), AtomicOp::LoadAcquire) {
            return Err(self.refused(&self.type_str(self.reg(src).ty), src, "loads from"));
        }
        Ok(Flow::Next)
    }

    /// A store that releases (`check_atomic_store`).
    fn store_release(&mut self, size: Size, dst: RegNo, src: RegNo, off: i16) -> Res<Flow> {
        let bytes = size.bytes() as i32;
        self.store_through(MemAccess {
            aligned: true,
            ..MemAccess::write(dst, i32::from(off), bytes, Some(src))
        })?;
        if !takes_atomics(self.reg(dst), AtomicOp::StoreRelease) {
            return Err(self.refused(&self.type_str(self.reg(dst).ty), dst, "stores into"));
        }
        Ok(Flow::Next)
    }

    fn refused(&self, name: &str, regno: RegNo, does: &str) -> Box<Failure> {
        let known = match self.env.kernel.semantics.control.instruction_set {
            InstructionSet::V3Xadd => "BPF_XADD",
            InstructionSet::V3 | InstructionSet::V4 => "BPF_ATOMIC",
        };
        let text = format!("{known} {does} R{regno} {name} is not allowed\n");
        Failure::rejected(Rule::AtomicTarget, Errno::EACCES, text).about(|| register(regno))
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
