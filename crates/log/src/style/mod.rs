//! How a state is written, by form. A kernel's form is a setting; forms that differ in more than a detail have a
//! file each.

mod folded;
mod plain;

use std::sync::Arc;

use verdict_engine::state::{BtfHandle, Frame, Marks, State};
use verdict_kernel::Kernel;
use verdict_kernel::semantics::log::StateForm;
use verdict_syscall::{Map, Prog};

/// Appends the text of a frame in this kernel's form, newline included.
pub(crate) fn frame_text(
    out: &mut String,
    cx: &Context<'_>,
    frame: &Frame,
    marks: &Marks,
    state: &State,
    shown: Shown,
) {
    match cx.kernel.semantics.log.state_form {
        StateForm::Plain => plain::frame_text(out, cx, frame, marks, state, shown),
        StateForm::Folded => folded::frame_text(out, cx, frame, marks, state, shown),
    }
}

/// The name of a type that a register points to.
fn type_name<'a>(cx: &Context<'a>, btf: BtfHandle, id: u32) -> &'a str {
    let btf = match btf {
        BtfHandle::PROGRAM => match cx.prog.btf.as_ref() {
            Some(prog) => &prog.btf,
            None => return "",
        },
        _ => &cx.kernel.btf,
    };
    btf.ty(verdict_btf::TypeId(id)).map_or("", |ty| ty.name())
}

/// What names are needed.
pub(crate) struct Context<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) prog: &'a Prog,
    pub(crate) maps: &'a [Arc<Map>],
}

/// Which registers and slots to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) regs: u32,
    pub(crate) slots: u64,
}

impl Shown {
    pub(crate) const ALL: Shown = Shown {
        regs: u32::MAX,
        slots: u64::MAX,
    };
    pub(crate) const NONE: Shown = Shown { regs: 0, slots: 0 };
}
