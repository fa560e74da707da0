//! Calls: helpers, functions of the program, callbacks, kernel functions.

mod accepted;
mod args;
mod by_type;
mod callback;
mod format;
mod helper;
mod kfunc;
mod special;
mod subprog;

use verdict_isa::Call;
use verdict_kernel::helper::id;

use verdict_kernel::semantics::log::CallResults;

use crate::error::{Res, reject};
use crate::index::R0;
use crate::observer::Observer;
use crate::verifier::{Flow, Verifier};

pub(crate) use callback::CallbackFrame;
pub(crate) use kfunc::Kfuncs;

impl<O: Observer> Verifier<'_, O> {
    /// Executes a call.
    pub(crate) fn check_call(&mut self, call: Call) -> Res<Flow> {
        self.walk.jmps_processed += 1;
        if self.walk.cur.active_lock.is_some() {
            let allowed = match call {
                Call::Helper { id } => id == id::SPIN_UNLOCK as i32,
                Call::Kfunc { btf_id, module } => module == 0 && self.is_kfunc_under_lock(btf_id),
                Call::Subprog { .. } => self.locks_reach_functions(),
            };
            if !allowed {
                reject!(
                    CallUnderLock,
                    EINVAL,
                    "function calls are not allowed while holding a lock\n"
                );
            }
        }
        let flow = match call {
            Call::Subprog { off } => self.check_func_call(off)?,
            Call::Kfunc { btf_id, module } => {
                let flow = self.check_kfunc_call(btf_id, module)?;
                if module == 0 && self.is_throw_kfunc(btf_id) {
                    return self.check_exit(true);
                }
                flow
            }
            Call::Helper { id } => self.check_helper_call(id)?,
        };
        if self.env.kernel.semantics.log.call_results == CallResults::Shown {
            self.scratch_reg(R0);
        }
        Ok(flow)
    }
}
