//! Where functions start, and that jumps stay within them.

use verdict_btf::{Kind, TagError};
use verdict_isa::{class, mode, op, pseudo};
use verdict_kernel::helper::effects::Callback;
use verdict_kernel::helper::id;
use verdict_kernel::semantics::control::{Exceptions, InstructionSet};

use crate::error::{Res, reject, say2};
use crate::index::{Idx, InsnIdx, SubprogIdx};
use crate::observer::Observer;
use crate::program::Subprog;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// The function that starts at an instruction, or else where one would be that did.
    fn search_subprogs(&self, idx: InsnIdx) -> Result<SubprogIdx, SubprogIdx> {
        let subprogs = self.program.subprogs.as_slice();
        let found = subprogs.binary_search_by_key(&idx, |s| s.start);
        found.map(SubprogIdx::new).map_err(SubprogIdx::new)
    }

    /// The function that starts exactly at an instruction (`find_subprog`).
    pub(crate) fn subprog_at(&self, idx: InsnIdx) -> Option<SubprogIdx> {
        self.search_subprogs(idx).ok()
    }

    /// The function that contains an instruction (`find_containing_subprog`).
    pub(crate) fn containing_subprog(&self, idx: InsnIdx) -> SubprogIdx {
        let subprogs = self.program.subprogs.as_slice();
        let behind = subprogs.partition_point(|s| s.start <= idx);
        SubprogIdx::new(behind.saturating_sub(1))
    }

    /// The instruction behind a function's last one.
    pub(crate) fn subprog_end(&self, subprog: SubprogIdx) -> InsnIdx {
        self.program
            .subprogs
            .get(subprog.next())
            .map_or(self.program.insns.end(), |s| s.start)
    }

    fn add_subprog(&mut self, idx: i64) -> Res<()> {
        if idx < 0 || idx >= self.program.insns.len() as i64 {
            reject!(CallTarget, EINVAL, "call to invalid destination\n");
        }
        let idx = InsnIdx(idx as u32);
        if let Err(at) = self.search_subprogs(idx) {
            if self.program.subprogs.len() >= self.env.kernel.limits.subprogs as usize {
                reject!(CallTarget, E2BIG, "too many subprograms\n");
            }
            self.program.subprogs.insert(
                at,
                Subprog {
                    start: idx,
                    ..Subprog::default()
                },
            );
        }
        Ok(())
    }

    /// Finds all functions and kernel functions that are called (`add_subprog_and_kfunc`).
    pub(crate) fn find_subprogs(&mut self) -> Res<()> {
        self.add_subprog(0)?;
        let only_calls = self.env.kernel.semantics.control.instruction_set == InstructionSet::V3Xadd;
        for i in self.program.insns.indices() {
            let insn = self.program.insns[i];
            if insn.is_subprog_call() || (insn.is_func_ref() && !only_calls) {
                self.add_subprog(i.target(insn.imm))?;
            } else if insn.is_kfunc_call() && !only_calls {
                self.add_kfunc_call(insn.imm, insn.off)?;
            }
        }
        if let Some(callback) = self.exception_callback_start()? {
            self.add_subprog(callback.into())?;
            if let Some(i) = self.subprog_at(InsnIdx(callback)) {
                // The main program, marked as one, is none.
                self.program.exception_callback = Some(i).filter(|i| *i != SubprogIdx::MAIN);
                let sub = &mut self.program.subprogs[i];
                (sub.is_cb, sub.is_async_cb, sub.is_exception_cb) = (true, true, true);
            }
        }
        for (i, sub) in self.program.subprogs.enumerated() {
            say2!(self, "func#{} @{}\n", i, sub.start);
        }
        Ok(())
    }

    /// Where the exception callback starts that the main program's tag names
    /// (`bpf_find_exception_callback_insn_off`).
    fn exception_callback_start(&self) -> Res<Option<u32>> {
        if self.env.kernel.semantics.control.exceptions == Exceptions::Unknown {
            return Ok(None);
        }
        let (Some(main), Some(prog_btf)) = (
            self.program.prog.func_info.first(),
            self.program.prog.btf.as_ref(),
        ) else {
            return Ok(None);
        };
        let btf = &prog_btf.btf;
        if btf.ty(main.type_id).is_none() {
            reject!(FuncInfo, EINVAL, "invalid btf id for main subprog in func_info\n");
        }
        let name = match btf.decl_tag_value(main.type_id, None, "exception_callback:") {
            Ok(name) => name,
            Err(TagError::Missing) => return Ok(None),
            Err(TagError::Duplicate) => {
                reject!(
                    ExceptionCallback,
                    EEXIST,
                    "multiple exception callback tags for main subprog\n"
                )
            }
        };
        let Some(id) = btf.find(name, Kind::Func) else {
            reject!(
                ExceptionCallback,
                ENOENT,
                "exception callback '{}' could not be found in BTF\n",
                name
            );
        };
        if btf
            .ty(id)
            .is_none_or(|t| t.func_linkage() != Some(verdict_btf::FuncLinkage::Global))
        {
            reject!(
                ExceptionCallback,
                EINVAL,
                "exception callback '{}' must have global linkage\n",
                name
            );
        }
        let mut start = None;
        for info in self.program.prog.func_info.iter().filter(|f| f.type_id == id) {
            start = Some(info.insn_off);
            if info.insn_off == 0 {
                reject!(
                    ExceptionCallback,
                    EINVAL,
                    "invalid exception callback insn_off in func_info: 0\n"
                );
            }
        }
        if start.is_none() {
            reject!(
                ExceptionCallback,
                EINVAL,
                "exception callback type id not found in func_info\n"
            );
        }
        Ok(start)
    }

    /// Jumps stay within their function; functions end in an exit or a jump (`check_subprogs`).
    pub(crate) fn check_subprogs(&mut self) -> Res<()> {
        let mut cur = SubprogIdx::MAIN;
        let (mut start, mut end) = (0, i64::from(self.subprog_end(cur).0));
        // Where there are no long jumps, what looks like one is some other jump.
        let set = self.env.kernel.semantics.control.instruction_set;
        let long_jump = (set != InstructionSet::V3Xadd).then_some(class::JMP32 | op::JA);
        for i in self.program.insns.indices() {
            let insn = self.program.insns[i];
            let sub = &mut self.program.subprogs[cur];
            if insn.is_helper_call() && insn.imm == id::TAIL_CALL as i32 {
                sub.has_tail_call = true;
                sub.tail_call_reachable = true;
            }
            if insn.class() == class::LD && matches!(insn.mode(), mode::ABS | mode::IND) {
                sub.has_ld_abs = true;
            }
            let is_jump = matches!(insn.class(), class::JMP | class::JMP32);
            if is_jump && !matches!(insn.op(), op::EXIT | op::CALL) {
                let off = if Some(insn.code) == long_jump {
                    insn.imm
                } else {
                    i32::from(insn.off)
                };
                let to = i.target(off);
                if to < start || to >= end {
                    // The kernel's sum is 32 bits wide.
                    reject!(
                        JumpTarget,
                        EINVAL,
                        "jump out of range from insn {} to {}\n",
                        i,
                        to as i32
                    );
                }
            }
            if i64::from(i.0) == end - 1 {
                let ends = [Some(class::JMP | op::EXIT), Some(class::JMP | op::JA), long_jump];
                if !ends.contains(&Some(insn.code)) {
                    reject!(FallThrough, EINVAL, "last insn is not an exit or jmp\n");
                }
                start = end;
                cur = cur.next();
                if cur < self.program.subprogs.end() {
                    end = self.subprog_end(cur).0.into();
                }
            }
        }
        Ok(())
    }

    /// Whether an instruction calls a helper or kernel function that runs a callback at once.
    pub(crate) fn calls_sync_callback(&self, idx: InsnIdx) -> bool {
        let insn = self.program.insns[idx];
        (insn.is_helper_call() && self.helper_callback(insn.imm) == Some(Callback::Sync))
            || (insn.is_kfunc_call() && insn.off == 0 && self.is_sync_callback_kfunc(insn.imm))
    }

    /// Whether an instruction calls a helper or kernel function that runs a callback later.
    pub(crate) fn calls_async_callback(&self, idx: InsnIdx) -> bool {
        let insn = self.program.insns[idx];
        (insn.is_helper_call() && self.helper_callback(insn.imm) == Some(Callback::Async))
            || (insn.is_kfunc_call() && insn.off == 0 && self.is_async_callback_kfunc(insn.imm))
    }

    /// Whether a helper runs a callback, and when.
    fn helper_callback(&self, id: i32) -> Option<Callback> {
        self.env.kernel.runs_callback(u32::try_from(id).ok()?)
    }

    /// Whether an instruction is `may_goto`.
    pub(crate) fn is_may_goto(&self, idx: InsnIdx) -> bool {
        let insn = self.program.insns[idx];
        insn.code == (class::JMP | op::JCOND) && insn.src == pseudo::MAY_GOTO
    }
}
