//! Checks before the walk that are not about instructions: BTF records, and what the program attaches to.

use std::fmt;

use verdict_btf::{Type, TypeId};
use verdict_kernel::prog::ProgType;
use verdict_kernel::semantics::control::Exceptions;
use verdict_syscall::{Notes, SubprogArg, attach, btfinfo, func_args};

use crate::error::{Res, unsupported};
use crate::index::SubprogIdx;
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
    /// Function records by themselves, where they are looked at before functions are found (`check_btf_info_early`): for the
    /// tag that names a callback for exceptions.
    pub(crate) fn check_btf_info_early(&self) -> Res<()> {
        if self.env.kernel.semantics.control.exceptions == Exceptions::Unknown {
            return Ok(());
        }
        Ok(btfinfo::check_early(self.program.prog, &[])?)
    }

    /// Function and line records against the functions found (`check_btf_info`).
    pub(crate) fn check_btf_info(&mut self) -> Res<()> {
        let found: Vec<btfinfo::Subprog> = self
            .program
            .subprogs
            .iter()
            .map(|s| btfinfo::Subprog {
                start: s.start.0,
                has_ld_abs: s.has_ld_abs,
                has_tail_call: s.has_tail_call,
            })
            .collect();
        let info = btfinfo::check(self.program.prog, &found)?;
        for (i, sub) in self.program.subprogs.iter_mut().enumerate() {
            sub.is_global = info.funcs.get(i).is_some_and(|f| f.is_global());
            if let (Some(record), Some(loaded)) = (self.program.prog.func_info.get(i), &self.program.prog.btf)
            {
                sub.name = loaded.btf.ty(record.type_id).map_or("", |t| t.name()).to_owned();
            }
        }
        Ok(())
    }

    /// What the program attaches to (`check_attach_btf_id`), and with it the helpers that it may call.
    pub(crate) fn check_attach(&mut self) -> Res<()> {
        let changes = self
            .program
            .subprogs
            .get(SubprogIdx::MAIN)
            .is_some_and(|main| main.changes_pkt_data);
        let mut remarks = Remarks(&mut *self.env.obs);
        self.program.attach =
            attach::check_attach_btf_id(self.env.kernel, self.program.prog, changes, &mut remarks)?;
        if let Some(extended) = self.program.extended {
            self.program.prog = extended;
            self.check_extended()?;
            self.reread_kfuncs()?;
        }
        self.program.helpers = self.env.kernel.helpers(&self.helper_query());
        Ok(())
    }

    /// Extensions of which it is not known how the kernel judges them.
    fn check_extended(&self) -> Res<()> {
        let proto = self.program.attach.func_proto;
        let proto = proto.and_then(|id| self.program.attach.btf(self.env.kernel).ty(id));
        let takes_objects =
            proto.is_some_and(|proto| proto.params().skip(1).any(|p| is_pointer(proto, p.ty)));
        if self.program.attach.is_raw_tp && takes_objects {
            // It looks for the tracepoint in a BTF that such a program does not have.
            unsupported!("an extension of a function with pointers in a tp_btf program");
        }
        Ok(())
    }

    /// The program's own type: an extension is only verified as a program of another.
    pub(crate) fn own_type(&self) -> ProgType {
        if self.program.prog.extends {
            ProgType::Ext
        } else {
            self.program.prog.prog_type
        }
    }

    /// What a function takes by its BTF (`btf_prepare_func_args`).
    pub(crate) fn func_args_from_btf(&self, subprog: SubprogIdx) -> Res<Vec<SubprogArg>> {
        let sub = &self.program.subprogs[subprog];
        let args = func_args::prepare_func_args(
            self.env.kernel,
            self.program.prog,
            subprog.0,
            sub.is_global,
            sub.unreliable,
        )?;
        Ok(args)
    }
}

/// Whether a type of the prototype's BTF is a pointer to something.
fn is_pointer(proto: Type<'_>, id: TypeId) -> bool {
    let ty = proto.btf().skip_mods_and_typedefs(id).filter(|ty| ty.is_ptr());
    ty.is_some_and(|ptr| ptr.target() != TypeId::VOID)
}
