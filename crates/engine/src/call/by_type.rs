//! Arguments of the program's functions by their types alone: what tags say of them is not known to all kernels.

use verdict_kernel::errno::Errno;
use verdict_kernel::semantics::control::FunctionArguments;
use verdict_kernel::types::{ArgBase, ArgType, RegBase};
use verdict_syscall::func_types::{ArgKind, Declared, declared_args};

use crate::error::{About, Failure, Res, register, reject, say1};
use crate::index::{RegNo, SubprogIdx};
use crate::memory::as_errno;
use crate::observer::Observer;
use crate::verifier::Verifier;

impl<O: Observer> Verifier<'_, O> {
    /// Whether arguments are what their types say, and no more.
    pub(crate) fn takes_arguments_by_type(&self) -> bool {
        self.env.kernel.semantics.control.function_arguments != FunctionArguments::ByTag
    }

    /// Whether the main program's type fits what it is given (`btf_check_subprog_arg_match`). It need not: then the
    /// program's BTF does not count.
    pub(crate) fn check_main_by_type(&mut self) -> Res<()> {
        let checked = self.check_subprog_args_as(SubprogIdx::MAIN, false);
        match checked {
            Err(failure) if failure.errno().is_none_or(|e| e == Errno::EFAULT) => Err(failure),
            Err(failure) => {
                self.say_failure(&failure);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether the registers fit the types of a function's arguments (`btf_check_func_arg_match`); at its call, or as
    /// its own start.
    pub(super) fn match_args_by_type(&mut self, subprog: SubprogIdx, at_call: bool) -> Res<()> {
        let declared = declared_args(self.env.kernel, self.program.prog, subprog.0)?;
        let memory = self.program.subprogs[subprog].is_global && at_call;
        for (i, kind) in declared.args.iter().enumerate() {
            match self.env.kernel.semantics.control.function_arguments {
                FunctionArguments::ByKind => self.match_arg_by_kind(i, kind),
                FunctionArguments::ByType | FunctionArguments::ByTag => {
                    self.match_arg_by_type(i, kind, memory, &declared)
                }
            }
            .about(|| register(RegNo::of_arg(i)))?;
        }
        Ok(())
    }

    /// A number, or the context: nothing else is known (before Linux 5.12).
    fn match_arg_by_kind(&mut self, i: usize, kind: &ArgKind) -> Res<()> {
        let regno = RegNo::of_arg(i);
        let reg = *self.reg(regno);
        let unknown = match kind {
            ArgKind::Number if reg.is_scalar() => return Ok(()),
            ArgKind::Number => reject!(GlobalArgument, EINVAL, "R{} is not a scalar\n", regno),
            ArgKind::Context | ArgKind::Pointer { .. } if reg.is_scalar() => {
                reject!(GlobalArgument, EINVAL, "R{} is not a pointer\n", regno)
            }
            ArgKind::Context if reg.ty.is(RegBase::Ctx) => {
                return self
                    .check_ptr_off_reg(&reg, regno)
                    .map_err(|failure| as_errno(failure, Errno::EINVAL));
            }
            ArgKind::Context => reject!(
                GlobalArgument,
                EINVAL,
                "arg#{} expected pointer to ctx, but got PTR\n",
                i
            ),
            ArgKind::Pointer { composite, .. } => {
                if !composite {
                    say1!(self, "arg#{} type is not a struct\n", i);
                }
                "PTR"
            }
            ArgKind::Other(kind) => kind,
        };
        reject!(
            GlobalArgument,
            EINVAL,
            "Unrecognized arg#{} type {}\n",
            i,
            unknown
        )
    }

    fn match_arg_by_type(&mut self, i: usize, kind: &ArgKind, memory: bool, of: &Declared) -> Res<()> {
        let regno = RegNo::of_arg(i);
        let reg = *self.reg(regno);
        match kind {
            ArgKind::Number if reg.is_scalar() => return Ok(()),
            ArgKind::Number => reject!(GlobalArgument, EINVAL, "R{} is not a scalar\n", regno),
            ArgKind::Other(kind) => {
                reject!(GlobalArgument, EINVAL, "Unrecognized arg#{} type {}\n", i, kind)
            }
            ArgKind::Context | ArgKind::Pointer { .. } => {}
        }
        self.check_func_arg_reg_off(&reg, regno, ArgType::from(ArgBase::DontCare))?;
        match kind {
            ArgKind::Context if reg.ty.is(RegBase::Ctx) => Ok(()),
            ArgKind::Context => reject!(
                GlobalArgument,
                EINVAL,
                "arg#{} expected pointer to ctx, but got PTR\n",
                i
            ),
            ArgKind::Pointer { size: Some(size), .. } if memory => self
                .check_mem_reg(regno, *size)
                .map_err(|failure| as_errno(failure, Errno::EINVAL)),
            ArgKind::Pointer {
                to: (kind, name),
                size: None,
                ..
            } if memory => reject!(
                GlobalArgument,
                EINVAL,
                "arg#{} reference type('{} {}') size cannot be determined: -22\n",
                i,
                kind,
                name
            ),
            ArgKind::Pointer { .. } | ArgKind::Number | ArgKind::Other(_) => Err(Failure::rejected(
                verdict_kernel::rule::Rule::GlobalArgument,
                Errno::EINVAL,
                format!(
                    "reg type unsupported for arg#{i} function {}#{}\n",
                    of.name, of.type_id.0
                ),
            )),
        }
    }
}
