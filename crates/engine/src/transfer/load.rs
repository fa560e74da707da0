//! Loads.

use verdict_isa::Load;
use verdict_kernel::semantics::control::LoadTargets;
use verdict_kernel::types::{Flags, RegBase, RegType};

use crate::error::{Failure, Res, reject};
use crate::index::RegNo;
use crate::memory::MemAccess;
use crate::observer::Observer;
use crate::verifier::{ArgUse, Flow, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes a load (`check_load_mem`).
    pub(crate) fn check_load(&mut self, load: Load) -> Res<Flow> {
        let Load {
            size,
            signed,
            dst,
            src,
            off,
        } = load;
        let (dst, src) = (RegNo(dst), RegNo(src));
        let access = MemAccess::read(src, i32::from(off), size.bytes() as i32, Some(dst));
        self.load_through(
            MemAccess {
                sign: signed,
                ..access
            },
            true,
            "ldx",
        )?;
        Ok(Flow::Next)
    }

    /// Loads into a register; `context` is for words about its bounds.
    #[inline]
    pub(super) fn load_through(&mut self, load: MemAccess, trust_may_differ: bool, context: &str) -> Res<()> {
        let Some(dst) = load.value else {
            return Err(Failure::bug("a load into no register"));
        };
        self.check_reg_arg(load.regno, ArgUse::Src)?;
        self.check_reg_arg(dst, ArgUse::DstNoMark)?;
        let pointer = self.reg(load.regno).ty;
        self.check_mem_access(load)?;
        self.save_aux_ptr_type(pointer, trust_may_differ)?;
        self.check_reg_bounds(dst, context)
    }

    /// An instruction is rewritten for the kind of pointer that it uses, which must be the same on all paths
    /// (`save_aux_ptr_type`).
    pub(super) fn save_aux_ptr_type(&mut self, ty: RegType, trust_may_differ: bool) -> Res<()> {
        let targets = self.env.kernel.semantics.control.load_targets;
        let aux = self.aux_mut();
        let Some(prev) = aux.ptr_type else {
            aux.ptr_type = Some(ty);
            return Ok(());
        };
        if ty != prev && (!may_differ(ty) || !may_differ(prev)) {
            match merged(targets, ty, prev).filter(|_| trust_may_differ) {
                // The load that survives a bad address serves both.
                Some(merged) => aux.ptr_type = Some(merged),
                None => reject!(
                    MixedPointers,
                    EINVAL,
                    "same insn cannot be used with different pointers\n"
                ),
            }
        }
        Ok(())
    }
}

/// The kind of pointer that serves both, if there is one.
fn merged(targets: LoadTargets, a: RegType, b: RegType) -> Option<RegType> {
    let object = |ty: RegType| ty.base() == RegBase::BtfId;
    let memory = |ty: RegType| ty.base() == RegBase::Mem;
    if targets == LoadTargets::Objects {
        return (object(a) && object(b)).then_some(RegType::new(RegBase::BtfId, Flags::UNTRUSTED));
    }
    if !(object(a) || memory(a)) || !(object(b) || memory(b)) {
        return None;
    }
    let base = if memory(a) || memory(b) {
        RegBase::Mem
    } else {
        RegBase::BtfId
    };
    let either = |flag: Flags| {
        if a.has(flag) || b.has(flag) {
            flag
        } else {
            Flags::NONE
        }
    };
    Some(RegType::new(
        base,
        either(Flags::UNTRUSTED) | either(Flags::RDONLY),
    ))
}

/// Whether an instruction may use this kind of pointer on one path and another kind on another
/// (`reg_type_mismatch_ok`).
fn may_differ(ty: RegType) -> bool {
    !matches!(
        ty.base(),
        RegBase::Ctx
            | RegBase::Socket
            | RegBase::SockCommon
            | RegBase::TcpSock
            | RegBase::XdpSock
            | RegBase::BtfId
            | RegBase::Arena
    )
}
