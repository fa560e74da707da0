//! `ld_imm64`: numbers, maps, kernel variables, functions.

use verdict_isa::{ImmKind, LdImm64};
use verdict_kernel::map::MapType;
use verdict_kernel::semantics::graph::LockedVariables;
use verdict_kernel::types::RegBase;

use crate::error::{Failure, Res, reject};
use crate::index::{InsnIdx, RegNo, SubprogIdx};
use crate::observer::Observer;
use crate::program::Imm64;
use crate::state::Reg;
use crate::verifier::{ArgUse, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Executes an `ld_imm64` (`check_ld_imm`).
    pub(crate) fn check_ld_imm(&mut self, ld_imm64: LdImm64) -> Res<()> {
        let LdImm64 { dst, kind, lo, hi } = ld_imm64;
        let dst = RegNo(dst);
        self.check_reg_arg(dst, ArgUse::Dst)?;
        let value = match kind {
            ImmKind::Plain => Reg::constant((hi as u32 as u64) << 32 | lo as u32 as u64),
            ImmKind::Func => self.function_pointer(lo)?,
            ImmKind::BtfId | ImmKind::MapFd | ImmKind::MapIdx | ImmKind::MapValue | ImmKind::MapIdxValue => {
                self.resolved_pointer()?
            }
        };
        *self.walk.cur.reg_mut(dst) = value;
        Ok(())
    }

    /// A pointer to a function of the program, to be used as a callback.
    fn function_pointer(&self, distance: i32) -> Res<Reg> {
        let start = u32::try_from(self.walk.insn_idx.target(distance));
        let subprogno = start.ok().and_then(|start| self.subprog_at(InsnIdx(start)));
        if self.program.prog.func_info.is_empty() {
            reject!(FuncInfo, EINVAL, "missing btf func_info\n");
        }
        let Some(subprogno) = subprogno else {
            return Err(Failure::bug("a function pointer to no function"));
        };
        if self.program.subprogs[subprogno].is_global {
            reject!(CallbackFunction, EINVAL, "callback function not static\n");
        }
        if subprogno == SubprogIdx::MAIN && !self.env.kernel.calls().own_callback {
            reject!(
                CallbackFunction,
                EINVAL,
                "callback function cannot be the main program\n"
            );
        }
        let mut reg = Reg::pointer(RegBase::Func);
        reg.set_subprogno(subprogno);
        Ok(reg)
    }

    /// What the resolution of the instruction found.
    fn resolved_pointer(&mut self) -> Res<Reg> {
        match self.aux_mut().imm64 {
            Imm64::Plain => Err(Failure::bug("an ld_imm64 that was not resolved")),
            Imm64::Map { map } => {
                let mut reg = Reg::pointer(RegBase::ConstMapPtr);
                reg.set_map(map);
                Ok(reg)
            }
            Imm64::MapValue { map, off } => {
                let arena = self
                    .program
                    .maps
                    .get(map)
                    .is_some_and(|m| m.map_type == MapType::Arena);
                if arena {
                    return Ok(Reg::UNKNOWN);
                }
                let mut reg = Reg::pointer(RegBase::MapValue);
                reg.set_map(map);
                reg.off = off as i32;
                let distinct = self.env.kernel.semantics.graph.locked_variables == LockedVariables::Each;
                if distinct && self.may_point_to_spin_lock(&reg) {
                    reg.id = self.next_id();
                }
                Ok(reg)
            }
            Imm64::BtfVar {
                ty,
                btf,
                btf_id,
                mem_size,
            } => {
                let mut reg = Reg::pointer(ty);
                if ty.base() == RegBase::Mem {
                    reg.set_mem_size(mem_size);
                } else {
                    reg.set_btf(btf, btf_id);
                }
                Ok(reg)
            }
        }
    }
}
