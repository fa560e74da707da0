//! Checks before the walk that are not about instructions: BTF records, and what the program attaches to.

use std::fmt;

use verdict_syscall::{Notes, SubprogArg, attach, btfinfo, func_args};

use crate::error::Res;
use crate::observer::{Event, Observer};
use crate::verifier::Verifier;

/// Passes remarks of the checks on to a listener.
struct Remarks<'o, O: Observer>(&'o mut O);

impl<O: Observer> Notes for Remarks<'_, O> {
    fn note(&mut self, text: fmt::Arguments<'_>) {
        if O::LISTENING {
            self.0.event(Event::Text { level: 0, text });
        }
    }
}

impl<O: Observer> Verifier<'_, O> {
    /// Function records by themselves (`check_btf_info_early`).
    pub(crate) fn check_btf_info_early(&self) -> Res<()> {
        Ok(btfinfo::check_early(self.prog, &[])?)
    }

    /// Function and line records against the functions found (`check_btf_info`).
    pub(crate) fn check_btf_info(&mut self) -> Res<()> {
        let found: Vec<btfinfo::Subprog> = self
            .subprogs
            .iter()
            .map(|s| btfinfo::Subprog {
                start: s.start,
                has_ld_abs: s.has_ld_abs,
                has_tail_call: s.has_tail_call,
            })
            .collect();
        let info = btfinfo::check(self.prog, &found)?;
        for (i, sub) in self.subprogs.iter_mut().enumerate() {
            sub.is_global = info.funcs.get(i).is_some_and(|f| f.is_global());
            if let (Some(record), Some(loaded)) = (self.prog.func_info.get(i), &self.prog.btf) {
                sub.name = loaded.btf.ty(record.type_id).map_or("", |t| t.name()).to_owned();
            }
        }
        Ok(())
    }

    /// What the program attaches to (`check_attach_btf_id`), and with it the helpers that it may call.
    pub(crate) fn check_attach(&mut self) -> Res<()> {
        self.attach = attach::check_attach_btf_id(self.kernel, self.prog, &mut Remarks(&mut *self.obs))?;
        self.helpers = self.kernel.helpers(&self.helper_query());
        Ok(())
    }

    /// What a function takes by its BTF (`btf_prepare_func_args`).
    pub(crate) fn func_args_from_btf(&self, subprog: usize) -> Res<Vec<SubprogArg>> {
        let sub = &self.subprogs[subprog];
        let args = func_args::prepare_func_args(
            self.kernel,
            self.prog,
            subprog as u32,
            sub.is_global,
            sub.unreliable,
        )?;
        Ok(args)
    }
}
