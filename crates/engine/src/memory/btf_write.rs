//! Members of kernel objects that some program types may write (`btf_struct_access` of their operations).

use verdict_btf::TypeId;
use verdict_kernel::kfunc::struct_ops::WriteRule;

use super::MemAccess;
use crate::error::{Res, reject};
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// What the program's type says about writes to kernel objects, if it has rules of its own.
    pub(super) fn write_rule(&self) -> Option<&'static WriteRule> {
        let ops = self.env.kernel.struct_ops(self.struct_ops_name());
        self.env.kernel.write_rule(self.program.prog.prog_type, ops)
    }

    /// The struct that a struct_ops program implements a member of.
    pub(crate) fn struct_ops_name(&self) -> &str {
        if self.program.attach.target.is_some() {
            return "";
        }
        let ops = self
            .program
            .prog
            .attach_btf_id
            .and_then(|id| self.env.kernel.btf.ty(id));
        ops.map_or("", |ty| ty.name())
    }

    /// Applies those rules to a write.
    pub(super) fn check_struct_write(&self, rule: &WriteRule, reg: &Reg, m: &MemAccess) -> Res<()> {
        let size = u32::try_from(m.size).unwrap_or(u32::MAX);
        match rule.check(&self.env.kernel.btf, TypeId(reg.btf_id()), m.off, size) {
            Ok(()) => Ok(()),
            Err(refused) => match refused.message {
                Some(message) => reject!(KernelObjectWrite, EACCES, "{message}\n"),
                None => reject!(KernelObjectWrite, EACCES),
            },
        }
    }
}
