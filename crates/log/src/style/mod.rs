//! How a state is written, by form. A kernel's form is a setting; forms that differ in more than a detail have a
//! file each.

mod folded;

use std::sync::Arc;

use verdict_kernel::Kernel;
use verdict_syscall::{Map, Prog};

pub(crate) use folded::frame_text;

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
