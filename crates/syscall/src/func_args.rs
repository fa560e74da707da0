//! Arguments of subprograms by their BTF: `btf_prepare_func_args` of `kernel/bpf/btf.c` and what it asks about
//! contexts.

use verdict_btf::{Btf, Kind, Type, TypeId, essential_name};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{FunctionArguments, UntrustedArgument};
use verdict_kernel::types::{ArgBase, ArgType, Flags};

use crate::func_model::MAX_REG_ARGS;
use crate::notes::{Rejection, reject};
use crate::prog::Prog;

/// What a subprogram takes as an argument (`struct bpf_subprog_arg_info`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubprogArg {
    /// A scalar, the context, memory, a dynptr, a kernel object or an arena pointer.
    pub ty: ArgType,
    /// Bytes of the memory.
    pub mem_size: u32,
    /// vmlinux type of the kernel object.
    pub btf_id: TypeId,
}

impl SubprogArg {
    fn new(base: ArgBase, flags: Flags) -> Self {
        Self {
            ty: ArgType::new(base, flags),
            mem_size: 0,
            btf_id: TypeId::VOID,
        }
    }
}

/// The tags of an argument (`arg:…`), as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Tags(u8);

impl Tags {
    const CTX: u8 = 1;
    const NONNULL: u8 = 2;
    const TRUSTED: u8 = 4;
    const NULLABLE: u8 = 8;
    const ARENA: u8 = 16;
    const UNTRUSTED: u8 = 32;

    fn has(self, tag: u8) -> bool {
        self.0 & tag != 0
    }
    fn other_than(self, tag: u8) -> bool {
        self.0 & !tag != 0
    }
}

/// What subprogram `subprog` takes by its record; `unreliable` is set once its BTF was found not to hold.
///
/// # Errors
/// `EINVAL` and others with the words of the log. For static functions there are often no words: then their
/// BTF just does not help.
pub fn prepare_func_args(
    kernel: &Kernel,
    prog: &Prog,
    subprog: u32,
    is_global: bool,
    unreliable: bool,
) -> Result<Vec<SubprogArg>, Rejection> {
    let (Some(loaded), Some(record)) = (&prog.btf, prog.func_info.get(subprog as usize)) else {
        reject!(VerifierBug, Errno::EFAULT, "Verifier bug\n");
    };
    let btf = &*loaded.btf;
    if record.type_id == TypeId::VOID {
        if !is_global {
            return Err(Rule::GlobalSignature.with(Errno::EINVAL).into());
        }
        reject!(
            GlobalSignature,
            Errno::EFAULT,
            "Global functions need valid BTF\n"
        );
    }
    let Some(func) = btf.ty(record.type_id).filter(|ty| ty.is_func()) else {
        reject!(
            GlobalSignature,
            Errno::EFAULT,
            "BTF of func#{subprog} doesn't point to KIND_FUNC\n"
        );
    };
    let name = func.name();
    if unreliable {
        reject!(
            GlobalSignature,
            Errno::EFAULT,
            "Verifier bug in function {name}()\n"
        );
    }
    let Some(proto) = func.proto() else {
        reject!(
            GlobalSignature,
            Errno::EFAULT,
            "Invalid type of function {name}()\n"
        );
    };
    let nargs = proto.params().len();
    if nargs > MAX_REG_ARGS {
        if !is_global {
            return Err(Rule::GlobalSignature.with(Errno::EINVAL).into());
        }
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "Global function {name}() with {nargs} > {MAX_REG_ARGS} args. Buggy compiler.\n"
        );
    }
    let ret = btf.skip_mods_and_typedefs(proto.target());
    if !ret.is_some_and(|ty| ty.is_int() || ty.is_any_enum()) {
        if !is_global {
            return Err(Rule::GlobalSignature.with(Errno::EINVAL).into());
        }
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "Global function {name}() doesn't return scalar. Only those are supported.\n"
        );
    }
    let args = Args {
        kernel,
        prog,
        btf,
        func,
        is_global,
    };
    proto
        .params()
        .enumerate()
        .map(|(i, param)| args.arg(i, param.ty))
        .collect()
}

struct Args<'a> {
    kernel: &'a Kernel,
    prog: &'a Prog,
    btf: &'a Btf,
    func: Type<'a>,
    is_global: bool,
}

impl<'a> Args<'a> {
    /// Whether types alone say what arguments are.
    fn takes_by_type(&self) -> bool {
        self.kernel.semantics.control.function_arguments != FunctionArguments::ByTag
    }

    fn tags(&self, i: usize) -> Result<Tags, Rejection> {
        let mut tags = Tags(0);
        if self.takes_by_type() {
            return Ok(tags);
        }
        let all = self
            .btf
            .decl_tags(self.func.id(), Some(u32::try_from(i).unwrap_or(u32::MAX)));
        for tag in all.filter_map(|tag| tag.strip_prefix("arg:")) {
            if !self.is_global {
                reject!(
                    GlobalSignature,
                    Errno::EOPNOTSUPP,
                    "arg#{i} type tag is not supported in static functions\n"
                );
            }
            let untrusted = self.kernel.semantics.control.untrusted_argument;
            tags.0 |= match tag {
                "untrusted" if untrusted == UntrustedArgument::Known => Tags::UNTRUSTED,
                "ctx" => Tags::CTX,
                "trusted" => Tags::TRUSTED,
                "nonnull" => Tags::NONNULL,
                "nullable" => Tags::NULLABLE,
                "arena" => Tags::ARENA,
                _ => reject!(
                    GlobalSignature,
                    Errno::EOPNOTSUPP,
                    "arg#{i} has unsupported set of tags\n"
                ),
            };
        }
        Ok(tags)
    }

    fn arg(&self, i: usize, id: TypeId) -> Result<SubprogArg, Rejection> {
        let tags = self.tags(i)?;
        let ty = self
            .btf
            .skip_mods_and_typedefs(id)
            .ok_or(Rule::GlobalSignature.with(Errno::EINVAL))?;
        let by_kind = self.kernel.semantics.control.function_arguments == FunctionArguments::ByKind;
        if by_kind && ty.is_ptr() && !is_prog_ctx_type(self.kernel, ty, self.prog.prog_type) {
            let pointee = self.btf.skip_mods_and_typedefs(ty.target());
            let aside = if pointee.is_some_and(Type::is_composite) {
                String::new()
            } else {
                format!("arg#{i} type is not a struct\n")
            };
            reject!(
                GlobalSignature,
                Errno::EINVAL,
                "{aside}Arg#{i} type PTR in {}() is not supported yet.\n",
                self.func.name()
            );
        }
        if ty.is_ptr()
            && let Some(arg) = self.pointer(i, ty, tags)?
        {
            return Ok(arg);
        }
        if tags != Tags(0) {
            reject!(
                GlobalSignature,
                Errno::EINVAL,
                "arg#{i} has pointer tag, but is not a pointer type\n"
            );
        }
        if ty.is_int() || ty.is_any_enum() {
            return Ok(SubprogArg::new(ArgBase::Anything, Flags::NONE));
        }
        if !self.is_global {
            return Err(Rule::GlobalSignature.with(Errno::EINVAL).into());
        }
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "Arg#{i} type {} in {}() is not supported yet.\n",
            ty.kind().kernel_name(),
            self.func.name()
        )
    }

    /// What a pointer argument is; `None` for one of a static function that is nothing in particular.
    fn pointer(&self, i: usize, ptr: Type<'a>, tags: Tags) -> Result<Option<SubprogArg>, Rejection> {
        let prog_type = self.prog.prog_type;
        let bad_tags = || {
            Rejection::new(
                Rule::GlobalSignature,
                Errno::EINVAL,
                format!("arg#{i} has invalid combination of tags\n"),
            )
        };
        if tags.has(Tags::CTX) || is_prog_ctx_type(self.kernel, ptr, prog_type) {
            if tags.other_than(Tags::CTX) {
                return Err(bad_tags());
            }
            if tags.has(Tags::CTX) {
                validate_ctx_type(self.kernel, ptr, i, prog_type, self.prog.attach_type())?;
            }
            return Ok(Some(SubprogArg::new(ArgBase::Ctx, Flags::NONE)));
        }
        if !self.takes_by_type() && is_dynptr(ptr) {
            if tags != Tags(0) {
                return Err(bad_tags());
            }
            return Ok(Some(SubprogArg::new(ArgBase::Dynptr, Flags::RDONLY)));
        }
        if tags.has(Tags::TRUSTED) {
            if tags.has(Tags::NONNULL) {
                return Err(bad_tags());
            }
            let null = if tags.has(Tags::NULLABLE) {
                Flags::MAYBE_NULL
            } else {
                Flags::NONE
            };
            let arg = SubprogArg::new(ArgBase::BtfId, Flags::TRUSTED | null);
            return Ok(Some(SubprogArg {
                btf_id: self.kernel_type(i, ptr)?,
                ..arg
            }));
        }
        if tags.has(Tags::UNTRUSTED) {
            return self.untrusted(i, ptr, tags).map(Some);
        }
        if tags.has(Tags::ARENA) {
            if tags.other_than(Tags::ARENA) {
                reject!(
                    GlobalSignature,
                    Errno::EINVAL,
                    "arg#{i} arena cannot be combined with any other tags\n"
                );
            }
            return Ok(Some(SubprogArg::new(ArgBase::Arena, Flags::NONE)));
        }
        if !self.is_global {
            return Ok(None);
        }
        if tags.has(Tags::NULLABLE) {
            return Err(bad_tags());
        }
        self.memory(i, ptr, tags).map(Some)
    }

    /// A pointer argument of a global function that is memory of its type's size.
    fn memory(&self, i: usize, ptr: Type<'a>, tags: Tags) -> Result<SubprogArg, Rejection> {
        let pointee = self
            .btf
            .skip_mods_and_typedefs(ptr.target())
            .ok_or(Rule::GlobalSignature.with(Errno::EINVAL))?;
        let Some(resolved) = self.btf.resolve(pointee.id()) else {
            reject!(
                GlobalSignature,
                Errno::EINVAL,
                "arg#{i} reference type('{} {}') size cannot be determined: -22\n",
                pointee.kind().kernel_name(),
                pointee.name()
            );
        };
        let null = if tags.has(Tags::NONNULL) {
            Flags::NONE
        } else {
            Flags::MAYBE_NULL
        };
        let arg = SubprogArg::new(ArgBase::Mem, null);
        Ok(SubprogArg {
            mem_size: resolved.size,
            ..arg
        })
    }

    /// A pointer argument that need not point anywhere: memory that is only read, or an object of the kernel.
    fn untrusted(&self, i: usize, ptr: Type<'a>, tags: Tags) -> Result<SubprogArg, Rejection> {
        if tags.other_than(Tags::UNTRUSTED) {
            reject!(
                GlobalSignature,
                Errno::EINVAL,
                "arg#{i} untrusted cannot be combined with any other tags\n"
            );
        }
        let pointee = self.btf.skip_mods_and_typedefs(ptr.target());
        if pointee.is_none_or(|ty| ty.is_void() || is_regular_int(ty) || ty.is_any_enum()) {
            return Ok(SubprogArg::new(ArgBase::Mem, Flags::RDONLY | Flags::UNTRUSTED));
        }
        let btf_id = self.kernel_type(i, ptr)?;
        let found = self.kernel.btf.ty(btf_id).filter(|ty| !ty.is_composite());
        if let Some(ty) = found {
            reject!(
                GlobalSignature,
                Errno::EINVAL,
                "arg#{i} has type {} '(anon)', but only struct or primitive types are allowed\n",
                ty.kind().kernel_name()
            );
        }
        Ok(SubprogArg {
            btf_id,
            ..SubprogArg::new(ArgBase::BtfId, Flags::UNTRUSTED)
        })
    }

    /// The only kernel type whose name, without flavour, is that of the pointee.
    fn kernel_type(&self, i: usize, ptr: Type<'a>) -> Result<TypeId, Rejection> {
        let local = self
            .btf
            .skip_mods_and_typedefs(ptr.target())
            .ok_or(Rule::GlobalSignature.with(Errno::EINVAL))?;
        let (kind, name) = (local.kind().kernel_name(), local.name());
        if name.is_empty() {
            reject!(
                GlobalSignature,
                Errno::EINVAL,
                "arg#{i} reference type('{kind} (anon)') candidate matching error: -22\n"
            );
        }
        let wanted = essential_name(name);
        let same_kind = |id: &TypeId| {
            self.kernel
                .btf
                .ty(*id)
                .is_some_and(|ty| ty.kind() == local.kind())
        };
        // The kernel's own types have no flavours.
        let found = self.kernel.btf.find_all(wanted);
        let mut found = found.into_iter().filter(same_kind);
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => reject!(
                GlobalSignature,
                Errno::ENOENT,
                "arg#{i} reference type('{kind} {name}') has no matches\n"
            ),
            (Some(_), Some(_)) => reject!(
                GlobalSignature,
                Errno::ESRCH,
                "arg#{i} reference type('{kind} {name}') is ambiguous\n"
            ),
        }
    }
}

/// Whether an integer has all the bits of its bytes (`btf_type_int_is_regular`).
fn is_regular_int(ty: Type<'_>) -> bool {
    ty.int().is_some_and(|int| {
        let bytes = int.bits / 8;
        int.offset == 0 && int.bits % 8 == 0 && bytes.is_power_of_two() && bytes <= 16 && ty.size() == bytes
    })
}

/// Whether a pointer is one to `struct bpf_dynptr`, which may be declared only.
pub fn is_dynptr(ptr: Type<'_>) -> bool {
    let pointee = ptr.btf().skip_mods_and_typedefs(ptr.target());
    pointee.is_some_and(|ty| {
        let may_be = ty.is_composite() || (ty.kind() == Kind::Fwd && !ty.kflag());
        may_be && ty.name() == "bpf_dynptr"
    })
}

/// Whether a pointer is one to a typedef of this name, modifiers skipped.
fn is_typedef_of(ptr: Type<'_>, name: &str) -> bool {
    let named = ptr.btf().skip_mods(ptr.target());
    named.is_some_and(|ty| ty.kind() == Kind::Typedef && ty.name() == name)
}

/// Whether a pointer is one to the context of programs of this type, by the name of what it points to
/// (`btf_is_prog_ctx_type`).
pub fn is_prog_ctx_type(kernel: &Kernel, ptr: Type<'_>, prog_type: ProgType) -> bool {
    if prog_type == ProgType::Kprobe && is_typedef_of(ptr, "bpf_user_pt_regs_t") {
        return true;
    }
    let pointee = ptr.btf().skip_mods_and_typedefs(ptr.target());
    let Some(pointee) = pointee.filter(|ty| ty.is_composite()) else {
        return false;
    };
    let Some((prog, _)) = kernel.context_types(prog_type) else {
        return false;
    };
    let Some(declared) = kernel.btf.ty(prog) else {
        return false;
    };
    let matches = |name: &str| {
        !name.is_empty() && (kernel.is_projection_of(name, pointee.name()) || name == pointee.name())
    };
    if matches(declared.name()) {
        return true;
    }
    let is_typedef = declared.kind() == Kind::Typedef || declared.kind().is_modifier();
    let resolved = kernel.btf.skip_mods_and_typedefs(prog);
    !declared.name().is_empty() && is_typedef && resolved.is_some_and(|ty| matches(ty.name()))
}

/// The kernel's own struct behind the context of programs of this type (`get_kern_ctx_btf_id`).
///
/// # Errors
/// `EINVAL` when it is no struct, as for raw tracepoints.
pub fn kernel_ctx_type(kernel: &Kernel, prog_type: ProgType) -> Result<TypeId, Rejection> {
    let (_, id) = kernel
        .context_types(prog_type)
        .ok_or(Rule::GlobalSignature.with(Errno::EINVAL))?;
    if !kernel.btf.ty(id).is_some_and(|ty| ty.is_composite()) {
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "kern ctx type id {id} is not a struct\n"
        );
    }
    Ok(id)
}

/// Whether an argument tagged as the context may be one (`btf_validate_prog_ctx_type`).
fn validate_ctx_type(
    kernel: &Kernel,
    ptr: Type<'_>,
    i: usize,
    prog_type: ProgType,
    attach_type: Option<AttachType>,
) -> Result<(), Rejection> {
    let user_regs = matches!(prog_type, ProgType::Kprobe | ProgType::PerfEvent);
    if user_regs && is_typedef_of(ptr, "bpf_user_pt_regs_t") {
        return Ok(());
    }
    let ty = ptr
        .btf()
        .skip_mods_and_typedefs(ptr.target())
        .ok_or(Rule::GlobalSignature.with(Errno::EINVAL))?;
    if ty.is_void() {
        return Ok(());
    }
    if ty.is_anon() {
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "arg#{i} type doesn't have a name\n"
        );
    }
    if is_special_ctx(ty, prog_type, attach_type) {
        return Ok(());
    }
    let Some((prog, _)) = kernel.context_types(prog_type) else {
        reject!(GlobalSignature, Errno::EINVAL, "btf_vmlinux is malformed\n");
    };
    let expected = kernel
        .btf
        .skip_mods_and_typedefs(prog)
        .filter(|ty| ty.is_struct());
    let Some(expected) = expected else {
        reject!(GlobalSignature, Errno::EINVAL, "arg#{i} should be void pointer\n");
    };
    if !ty.is_struct() || ty.name() != expected.name() {
        reject!(
            GlobalSignature,
            Errno::EINVAL,
            "arg#{i} should be `struct {} *`\n",
            expected.name()
        );
    }
    Ok(())
}

/// Contexts that some program types accept beside their own struct.
fn is_special_ctx(ty: Type<'_>, prog_type: ProgType, attach_type: Option<AttachType>) -> bool {
    let is_struct = |name: &str| ty.is_struct() && ty.name() == name;
    let is_u64 = ty.is_int() && ty.size() == 8;
    match prog_type {
        ProgType::Kprobe | ProgType::PerfEvent => is_struct("pt_regs"),
        ProgType::RawTracepoint | ProgType::RawTracepointWritable => is_u64,
        ProgType::Tracing => match attach_type {
            Some(AttachType::TraceRawTp) => is_struct("bpf_raw_tracepoint_args") || is_u64,
            Some(AttachType::TraceIter) => ty.is_struct() && ty.name().starts_with("bpf_iter__"),
            Some(AttachType::TraceFentry | AttachType::TraceFexit | AttachType::ModifyReturn) => is_u64,
            _ => false,
        },
        ProgType::Lsm | ProgType::StructOps => is_u64,
        ProgType::Tracepoint | ProgType::Syscall | ProgType::Ext => true,
        _ => false,
    }
}
