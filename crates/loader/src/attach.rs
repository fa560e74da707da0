//! What programs attach to: other programs, as `bpf_program__set_attach_target` of libbpf has it, and types of the kernel.

use verdict_btf::{Btf, Kind, TypeId};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Rule;

use crate::error::{OpenError, Warnings};
use crate::object::Object;
use crate::sections::SecFlags;
use crate::target::{AttachTarget, Attachment};

/// Bytes of the name of a type that is attached to, the NUL included.
const MAX_TYPE_NAME: usize = 128;

impl Object {
    /// Whether program `index` is of a kind that attaches to functions of other programs, too: an extension, or one
    /// that runs before or after a function.
    pub fn may_attach_to_program(&self, index: usize) -> bool {
        let Some(prog) = self.entries.get(index).and_then(|at| self.programs.get(*at)) else {
            return false;
        };
        let by_function = [
            AttachType::TraceFentry,
            AttachType::TraceFexit,
            AttachType::ModifyReturn,
        ];
        let attaches = prog.def.is_some_and(|def| def.flags.has(SecFlags::ATTACH_BTF));
        let tracing = prog.prog_type == ProgType::Tracing.raw()
            && by_function.iter().any(|ty| ty.raw() == prog.attach_type);
        prog.replaces.is_some() || (attaches && (tracing || prog.prog_type == ProgType::Ext.raw()))
    }

    /// Has program `index` attach to another one: to this function, or to the one that its section names. An
    /// extension is one then, whatever it was taken for.
    ///
    /// # Errors
    /// When the other program has no function of that name, in libbpf's words.
    pub fn set_attach_target(
        &mut self,
        index: usize,
        target: &AttachTarget,
        function: Option<&str>,
    ) -> Result<(), OpenError> {
        self.changed();
        let Some(prog) = self.entries.get(index).and_then(|at| self.programs.get_mut(*at)) else {
            return Ok(());
        };
        if let Some(def) = prog.replaces.take() {
            prog.def = Some(def);
            prog.prog_type = ProgType::Ext.raw();
            prog.attach_type = 0;
        }
        let mut w = Warnings::default();
        let func = function.map(|name| target.find(name, &mut w)).transpose();
        let func = func.map_err(|errno| OpenError {
            errno,
            rule: Rule::AttachTarget,
            messages: w.into_lines(),
        })?;
        let target = target.clone();
        prog.attach_to = Some(Attachment { target, func });
        Ok(())
    }
}

/// Finds what a name such as `vmlinux:func` stands for. There are no modules.
pub(crate) fn find_in_kernel(kernel: &Btf, name: &str, attach_type: u32) -> Result<Option<TypeId>, Errno> {
    let name = match name.split_once(':') {
        // libbpf compares as much as there is.
        Some((module, name)) if "vmlinux".starts_with(module) => name,
        Some(_) => return Err(Errno::ESRCH),
        None => name,
    };
    let (prefix, kind) = match AttachType::from_raw(attach_type) {
        Some(AttachType::TraceRawTp) => ("btf_trace_", Kind::Typedef),
        Some(AttachType::LsmMac | AttachType::LsmCgroup) => ("bpf_lsm_", Kind::Func),
        Some(AttachType::TraceIter) => ("bpf_iter_", Kind::Func),
        _ => ("", Kind::Func),
    };
    let name = format!("{prefix}{name}");
    if name.len() >= MAX_TYPE_NAME {
        return Err(Errno::ENAMETOOLONG);
    }
    // To libbpf `void` is a type of every kind, and its number is that of none.
    if name == "void" {
        return Ok(None);
    }
    kernel.find(&name, kind).map(Some).ok_or(Errno::ESRCH)
}
