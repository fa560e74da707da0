//! What libbpf finds out about a kernel before it loads anything (`kernel_supports`).
//!
//! libbpf asks by trying: it loads a tiny program, map or BTF and looks whether that works. Here each answer follows
//! from what the profile says. Some probes have no answer here, for one of two reasons: every kernel that describes
//! itself by BTF has what is asked for (names of programs, global data, BTF with functions, global functions and data
//! sections, expected attach types), or nothing depends on it before programs are attached (perf links, memory accounting,
//! binding of maps, BTF of modules, of which there are none).

use verdict_btf::Kind;
use verdict_isa::Insn;
use verdict_kernel::Kernel;
use verdict_kernel::helper::{HelperQuery, Helpers, id};
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::semantics::control::FunctionArguments;

/// The answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probes {
    /// Arrays can be mapped into a process: an array is created with `BPF_F_MMAPABLE`. The kernel has the function for it.
    pub(crate) array_mmap: bool,
    /// Memory of the kernel and of processes is read by helpers of their own: a tracepoint program calls
    /// `bpf_probe_read_kernel`.
    pub(crate) probe_read_kernel: bool,
    /// A program can be told apart by where it is attached: a tracepoint program calls `bpf_get_attach_cookie`.
    pub(crate) cookie: bool,
    /// System calls have entry points of their own: there is a function `__x64_sys_bpf`, and a probe can be put on it.
    pub(crate) syscall_wrapper: bool,
    /// One link is attached to many places of a process's file: a kprobe program is loaded for that, and the link is refused
    /// for its path. (Whether it keeps to one process, which libbpf asks next, is taken for granted.)
    pub(crate) uprobe_multi: bool,
    /// BTF with floating-point types is loaded.
    pub(crate) float: bool,
    /// BTF with declaration tags is loaded.
    pub(crate) decl_tag: bool,
    /// BTF with type tags is loaded.
    pub(crate) type_tag: bool,
    /// BTF with enumerations of 64 bits is loaded.
    pub(crate) enum64: bool,
    /// BTF with a data section whose name begins with a question mark is loaded.
    pub(crate) qmark_datasec: bool,
    /// A global function's argument is known to be the context by its tag `arg:ctx`: a kprobe program passes a
    /// `void *` on to a helper that wants the context.
    pub(crate) arg_ctx_tag: bool,
}

impl Probes {
    /// What libbpf finds out about this kernel.
    pub(crate) fn of(kernel: &Kernel) -> Probes {
        let rules = kernel.btf_rules();
        let knows = |kind: Kind| rules.kinds > kind as u32;
        let has = |symbol: &str| kernel.ksym(symbol).is_some();
        let multi = kernel.attach_type(AttachType::TraceUprobeMulti.raw());
        let in_tracepoint = in_tracepoint(kernel);
        Probes {
            array_mmap: has("array_map_mmap"),
            probe_read_kernel: in_tracepoint.get(id::PROBE_READ_KERNEL).is_ok(),
            cookie: in_tracepoint.get(id::GET_ATTACH_COOKIE).is_ok(),
            syscall_wrapper: has("__x64_sys_bpf") && has("create_local_trace_kprobe"),
            uprobe_multi: multi.is_some() && has("bpf_uprobe_multi_link_attach"),
            float: knows(Kind::Float),
            decl_tag: knows(Kind::DeclTag),
            type_tag: knows(Kind::TypeTag),
            enum64: knows(Kind::Enum64),
            qmark_datasec: rules.printable_sections,
            arg_ctx_tag: kernel.semantics.control.function_arguments == FunctionArguments::ByTag,
        }
    }

    /// Whether the kernel takes BTF as compilers make it.
    pub(crate) fn takes_all_btf(&self) -> bool {
        self.float && self.decl_tag && self.type_tag && self.enum64 && self.qmark_datasec
    }

    /// Has a program read memory by the helpers that the kernel has (`bpf_object__sanitize_prog`).
    pub(crate) fn rename_reads(&self, insns: &mut [Insn]) {
        if self.probe_read_kernel {
            return;
        }
        for insn in insns.iter_mut().filter(|i| i.is_helper_call() && i.dst == 0) {
            let old = match u32::try_from(insn.imm) {
                Ok(id::PROBE_READ_KERNEL | id::PROBE_READ_USER) => id::PROBE_READ,
                Ok(id::PROBE_READ_KERNEL_STR | id::PROBE_READ_USER_STR) => id::PROBE_READ_STR,
                _ => continue,
            };
            insn.imm = old as i32;
        }
    }
}

/// The helpers that tracepoint programs may call.
fn in_tracepoint(kernel: &Kernel) -> Helpers {
    let query = HelperQuery {
        prog_type: ProgType::Tracepoint,
        expected_attach_type: 0,
        extends: false,
        sleepable: false,
        capabilities: kernel.machine.capabilities,
        attach_func: None,
        struct_ops: None,
        struct_ops_member: None,
    };
    kernel.helpers(&query)
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn old_kernels_lack_something() {
        let probes = Probes::of(&Kernel::open("6.12").unwrap());
        let all = Probes {
            array_mmap: true,
            probe_read_kernel: true,
            cookie: true,
            syscall_wrapper: true,
            uprobe_multi: true,
            float: true,
            decl_tag: true,
            type_tag: true,
            enum64: true,
            qmark_datasec: true,
            arg_ctx_tag: true,
        };
        assert_eq!(probes, all);
        let older = Probes {
            uprobe_multi: false,
            qmark_datasec: false,
            arg_ctx_tag: false,
            ..all
        };
        assert_eq!(Probes::of(&Kernel::open("6.1").unwrap()), older);
        let oldest = Probes {
            cookie: false,
            float: false,
            decl_tag: false,
            type_tag: false,
            enum64: false,
            ..older
        };
        assert_eq!(Probes::of(&Kernel::open("5.10").unwrap()), oldest);
    }

    #[test]
    fn reads_by_the_helper_of_old() {
        let probes = Probes {
            probe_read_kernel: false,
            ..Probes::of(&Kernel::open("6.12").unwrap())
        };
        let call = |imm| Insn {
            code: 0x85,
            imm,
            ..Insn::default()
        };
        let mut insns = [call(113), call(114), call(5)];
        probes.rename_reads(&mut insns);
        assert_eq!(insns, [call(4), call(45), call(5)]);
    }
}
