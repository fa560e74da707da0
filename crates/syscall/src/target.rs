//! Other programs as what a program attaches to: those whose functions a tracing program runs before or after, and
//! those of which an extension (`freplace`) replaces one.

use std::sync::Arc;

use verdict_btf::{Btf, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Rule;

use crate::attach::{AttachInfo, check_numbers, iterator_args};
use crate::func_model::FuncModel;
use crate::notes::{Rejection, reject};
use crate::prog::Prog;

/// A program that was loaded: what others that attach to it are judged by.
#[derive(Clone, Debug)]
pub struct LoadedProg {
    /// The program, as it was admitted.
    pub prog: Prog,
    /// Its functions, the main one first, without those that were removed as dead code; none without
    /// function records.
    pub funcs: Vec<LoadedFunc>,
}

/// A function of a loaded program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadedFunc {
    /// Its `BTF_KIND_FUNC`.
    pub type_id: TypeId,
    /// Its BTF does not hold: it is called with other arguments, or is a main program of other ones than its context.
    pub unreliable: bool,
    /// Whether it may move packet data.
    pub changes_pkt_data: bool,
    /// Whether it is where exceptions end.
    pub is_exception_cb: bool,
}

impl LoadedProg {
    /// The program's type; of an extension, that of what it extends.
    pub(crate) fn resolved_type(&self) -> ProgType {
        let extended = self.prog.target.as_ref().filter(|_| self.prog.extends);
        extended.map_or(self.prog.prog_type, |target| target.prog.prog_type)
    }

    /// The BTF, if the program has function or line records.
    pub fn btf(&self) -> Option<&Arc<Btf>> {
        self.prog.btf.as_ref().map(|loaded| &loaded.btf)
    }

    fn is_tracing(&self) -> bool {
        self.prog.prog_type == ProgType::Tracing
    }

    /// Whether it is a tracing program that traces another one (`attach_tracing_prog`).
    fn traces_tracing(&self) -> bool {
        self.is_tracing()
            && self
                .prog
                .target
                .as_ref()
                .is_some_and(|target| target.is_tracing())
    }
}

/// Checks a program that attaches to another (`bpf_check_attach_target` and what follows it in
/// `check_attach_btf_id`), to its function of type `id`. `changes_pkt_data` tells whether it may move packet data.
pub(crate) fn check(
    kernel: &Kernel,
    prog: &Prog,
    (target, id): (&Arc<LoadedProg>, TypeId),
    changes_pkt_data: bool,
) -> Result<AttachInfo, Rejection> {
    let Some(btf) = target.btf() else {
        reject!(
            AttachTarget,
            Errno::EINVAL,
            "FENTRY/FEXIT program can only be attached to another program annotated with BTF\n"
        );
    };
    let Some(ty) = btf.ty(id) else {
        reject!(AttachTarget, Errno::EINVAL, "attach_btf_id {id} is invalid\n");
    };
    let name = ty.name();
    let Some(func) = target.funcs.iter().find(|func| func.type_id == id) else {
        reject!(AttachTarget, Errno::EINVAL, "Subprog {name} doesn't exist\n");
    };
    let pair = Pair { kernel, prog, target };
    pair.check_nesting(func, changes_pkt_data)?;
    pair.describe(ty, func.unreliable)
}

/// A program and the one that it attaches to.
struct Pair<'a> {
    kernel: &'a Kernel,
    prog: &'a Prog,
    target: &'a Arc<LoadedProg>,
}

impl Pair<'_> {
    /// Whether such a program may attach to such a function of such a program.
    fn check_nesting(&self, func: &LoadedFunc, changes_pkt_data: bool) -> Result<(), Rejection> {
        let (extends, jit) = (self.prog.extends, self.kernel.machine.jit.enabled);
        if func.is_exception_cb {
            let who = if extends { "Extension" } else { "FENTRY/FEXIT" };
            reject!(
                AttachForbidden,
                Errno::EINVAL,
                "{who} programs cannot attach to exception callback\n"
            );
        }
        if extends && func.unreliable {
            reject!(
                AttachForbidden,
                Errno::EINVAL,
                "Cannot replace static functions\n"
            );
        }
        if extends && !jit {
            reject!(JitRequired, Errno::EINVAL, "Extension programs should be JITed\n");
        }
        let attaching = self.kernel.attaching();
        if attaching.compares_packet_changes && extends && changes_pkt_data && !func.changes_pkt_data {
            reject!(
                AttachForbidden,
                Errno::EINVAL,
                "Extension program changes packet data, while original does not\n"
            );
        }
        if !jit {
            reject!(JitRequired, Errno::EINVAL, "Can attach to only JITed progs\n");
        }
        let target = &self.target.prog;
        if attaching.nests_tracing && self.prog.prog_type == ProgType::Tracing {
            if self.target.traces_tracing() {
                reject!(
                    AttachForbidden,
                    Errno::EINVAL,
                    "Cannot nest tracing program attach more than once\n"
                );
            }
        } else if target.prog_type == self.prog.prog_type {
            reject!(AttachForbidden, Errno::EINVAL, "Cannot recursively attach\n");
        }
        let traces = target.expects(AttachType::TraceFentry) || target.expects(AttachType::TraceFexit);
        if extends && self.target.is_tracing() && traces {
            reject!(AttachForbidden, Errno::EINVAL, "Cannot extend fentry/fexit\n");
        }
        Ok(())
    }

    /// What the function is to the program. One whose BTF does not hold takes five words and returns one.
    fn describe(&self, ty: Type<'_>, unreliable: bool) -> Result<AttachInfo, Rejection> {
        use AttachType as A;
        let name = ty.name();
        match self.kernel.attach_type(self.prog.expected_attach_type) {
            Some(A::TraceRawTp) => reject!(
                AttachForbidden,
                Errno::EINVAL,
                "Only FENTRY/FEXIT progs are attachable to another BPF prog\n"
            ),
            Some(A::TraceIter) => {
                let proto = self.proto(ty)?;
                return Ok(AttachInfo {
                    func_proto: Some(proto.id()),
                    model: Some(FuncModel::distill(self.kernel, proto, name)?),
                    ctx_args: iterator_args(self.kernel, name)?,
                    ..self.info(name)
                });
            }
            Some(A::ModifyReturn | A::LsmMac | A::LsmCgroup | A::TraceFentry | A::TraceFexit) => {}
            _ if self.prog.extends => {}
            _ => return Err(Rule::AttachTarget.with(Errno::EINVAL).into()),
        }
        if self.prog.extends {
            crate::signature::check(self.prog, ty)?;
        }
        let proto = Some(self.proto(ty)?).filter(|_| !unreliable);
        let model = match proto {
            Some(proto) => FuncModel::distill(self.kernel, proto, name)?,
            None => FuncModel::of_words(),
        };
        let changes_return = self.prog.expects(A::ModifyReturn) || self.prog.expects(A::TraceFexit);
        let refuses = self.kernel.attaching().refuses_wide_results;
        if refuses && model.ret.size > 8 && changes_return {
            reject!(
                AttachForbidden,
                Errno::EOPNOTSUPP,
                "Attach to function {name} with a >8 byte return value is not supported for this attach type\n"
            );
        }
        if self.prog.sleepable {
            reject!(SleepableProgram, Errno::EINVAL, "{name} is not sleepable\n");
        }
        if self.prog.expects(A::ModifyReturn) {
            reject!(
                AttachForbidden,
                Errno::EINVAL,
                "can't modify return codes of BPF programs\n"
            );
        }
        check_numbers(self.kernel, self.prog)?;
        // From here on an extension is judged as a program of the kind that it extends.
        let inherits = |attach_type| self.prog.extends && self.target.prog.expects(attach_type);
        let ctx_args = if inherits(A::TraceIter) {
            iterator_args(self.kernel, name)?
        } else {
            Vec::new()
        };
        Ok(AttachInfo {
            func_proto: proto.map(Type::id),
            is_raw_tp: inherits(A::TraceRawTp),
            ctx_args,
            model: Some(model),
            ..self.info(name)
        })
    }

    fn info(&self, name: &str) -> AttachInfo {
        AttachInfo {
            func_name: name.to_owned(),
            target: Some(Arc::clone(self.target)),
            ..AttachInfo::default()
        }
    }

    fn proto<'t>(&self, ty: Type<'t>) -> Result<Type<'t>, Rejection> {
        if !ty.is_func() {
            let id = ty.id();
            reject!(
                AttachTarget,
                Errno::EINVAL,
                "attach_btf_id {id} is not a function\n"
            );
        }
        Ok(ty.proto().ok_or(Rule::AttachTarget.with(Errno::EINVAL))?)
    }
}
