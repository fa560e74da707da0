//! Other programs as what a program attaches to.

use std::sync::Arc;

use verdict_btf::{Btf, Kind, TypeId};
use verdict_kernel::attr::ProgId;
use verdict_kernel::errno::Errno;

use crate::error::{Warnings, warning};

/// A loaded program that others attach to.
#[derive(Clone, Debug)]
pub struct AttachTarget {
    /// The program.
    pub prog: ProgId,
    /// Its BTF, if the kernel keeps one for it.
    pub btf: Option<Arc<Btf>>,
}

/// What a program attaches to.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) target: AttachTarget,
    /// The function; `None` for the one that the section's name tells.
    pub(crate) func: Option<TypeId>,
}

impl AttachTarget {
    /// The type of a function of the program.
    pub(crate) fn find(&self, name: &str, w: &mut Warnings) -> Result<TypeId, Errno> {
        let Some(btf) = &self.btf else {
            warning!(w, "The target program doesn't have BTF");
            return Err(Errno::EINVAL);
        };
        let Some(func) = btf.find(name, Kind::Func) else {
            warning!(w, "{name} is not found in prog's BTF");
            return Err(Errno::ENOENT);
        };
        Ok(func)
    }
}
