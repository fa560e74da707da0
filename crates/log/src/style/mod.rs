//! How a state is written, by form. A kernel's form is a setting; forms that differ in more than a detail have a
//! file each.

mod folded;
mod plain;
mod values;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use verdict_engine::state::{BtfHandle, Frame, Marks, Ref, State};
use verdict_kernel::Kernel;
use verdict_kernel::semantics::log::StateForm;
use verdict_syscall::{Map, Prog};

pub use values::Values;

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
        StateForm::Whole | StateForm::Plain => plain::frame_text(out, cx, frame, marks, state, shown),
        StateForm::Folded => folded::frame_text(out, cx, frame, marks, state, shown),
    }
}

/// Read and write marks behind a name, and whether the state is done with it: `_rwD`.
fn liveness(out: &mut String, read: bool, written: bool, done: bool) {
    if read || written || done {
        out.push('_');
    }
    for (on, c) in [(read, 'r'), (written, 'w'), (done, 'D')] {
        if on {
            out.push(c);
        }
    }
}

/// What stands behind the slots of a frame: the resources that are held, what kind of callback it is of.
fn frame_end(out: &mut String, frame: &Frame, held: &[Ref]) -> fmt::Result {
    if held.first().is_some_and(|r| r.id != 0) {
        for (i, r) in held.iter().filter(|r| r.id != 0).enumerate() {
            write!(out, "{}{}", if i == 0 { " refs=" } else { "," }, r.id)?;
        }
    }
    if frame.in_callback_fn {
        out.push_str(" cb");
    }
    if frame.in_async_callback_fn {
        out.push_str(" async_cb");
    }
    out.push('\n');
    Ok(())
}

/// The name of a type that a register points to.
fn type_name<'a>(cx: &Context<'a>, btf: BtfHandle, id: u32) -> &'a str {
    let of_map = btf.map().and_then(|map| cx.maps.get(usize::try_from(map).ok()?));
    let btf = match btf {
        _ if of_map.is_some() => match of_map.and_then(|map| map.btf.as_ref()) {
            Some(own) => &own.btf,
            None => return "",
        },
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
