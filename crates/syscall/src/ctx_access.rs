//! Contexts that are the arguments of a kernel function: what a read of one gives (`btf_ctx_access` of
//! `kernel/bpf/btf.c` and the struct_ops' own additions).

use verdict_btf::{Btf, Kind, Type, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::prog::AttachType;
use verdict_kernel::types::{Flags, RegBase, RegType};

use crate::attach::AttachInfo;
use crate::func_args::is_prog_ctx_type;
use crate::func_model::MAX_REG_ARGS;
use crate::notes::Notes;
use crate::prog::Prog;
use crate::space::TypeRef;

/// What a read of an argument gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CtxArg {
    /// A scalar, a pointer to a kernel object, or a buffer.
    pub reg_type: RegType,
    /// The kernel object's type.
    pub ty: Option<TypeRef>,
    /// It is the return value of the function that the program runs after.
    pub is_retval: bool,
}

impl CtxArg {
    const SCALAR: CtxArg = CtxArg {
        reg_type: RegType::new(RegBase::Scalar, Flags::NONE),
        ty: None,
        is_retval: false,
    };

    fn object(flags: Flags, id: TypeId) -> CtxArg {
        CtxArg {
            reg_type: RegType::new(RegBase::BtfId, flags),
            ty: Some(TypeRef::vmlinux(id)),
            is_retval: false,
        }
    }
}

/// The access is refused; the kernel's words went to the notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Denied;

/// Judges a read of `size` bytes at `off` of the arguments that a program gets.
///
/// Asked after [`Kernel::ctx_access`] answered [`CtxAnswer::ByBtf`](verdict_kernel::ctx::CtxAnswer::ByBtf). The verifier's own words about a refusal
/// come after the notes.
///
/// # Errors
/// [`Denied`].
pub fn arg_access(
    kernel: &Kernel,
    prog: &Prog,
    attach: &AttachInfo,
    off: i32,
    size: u32,
    notes: &mut dyn Notes,
) -> Result<CtxArg, Denied> {
    let query = Query {
        kernel,
        prog,
        attach,
        off,
        size,
    };
    let Some((ops, member)) = &attach.struct_ops else {
        return query.judge(notes);
    };
    // Nullable arguments that are judged first are tasks, whatever BTF says of them.
    let task = || kernel.btf.find("task_struct", Kind::Struct);
    if ops.nullable_first
        && off % 8 == 0
        && u32::try_from(off / 8).is_ok_and(|index| ops.is_nullable(member, index))
        && let Some(task) = task()
    {
        return Ok(CtxArg::object(Flags::MAYBE_NULL | Flags::TRUSTED, task));
    }
    let mut arg = query.judge(notes)?;
    if let Some((from, to)) = ops.promotes {
        promote(kernel, &mut arg, from, to);
    }
    Ok(arg)
}

/// Takes a pointer to one struct as one to another that begins with it.
fn promote(kernel: &Kernel, arg: &mut CtxArg, from: &str, to: &str) {
    let find = |name| kernel.btf.find(name, Kind::Struct).map(TypeRef::vmlinux);
    let safe = arg
        .reg_type
        .flags()
        .without(Flags::TRUSTED | Flags::RCU | Flags::NON_OWN_REF);
    let object = arg.reg_type.base() == RegBase::BtfId && safe == Flags::NONE;
    if object && arg.ty.is_some() && arg.ty == find(from) {
        arg.ty = find(to);
    }
}

struct Query<'a> {
    kernel: &'a Kernel,
    prog: &'a Prog,
    attach: &'a AttachInfo,
    off: i32,
    size: u32,
}

/// The argument that an offset falls into: all take whole words, structs by value several.
fn arg_index(btf: &Btf, proto: Type<'_>, off: u32) -> u32 {
    let words = |id: TypeId| match btf.skip_mods_and_typedefs(id) {
        Some(ty) if ty.is_ptr() => 8,
        // The kernel reads the size word of whatever is there.
        Some(ty) if !ty.is_void() => ty.size_or_type().div_ceil(8).wrapping_mul(8),
        _ => 0,
    };
    let mut end = 0u32;
    let mut index = 0;
    for param in proto.params() {
        end = end.wrapping_add(words(param.ty));
        if off < end {
            return index;
        }
        index += 1;
    }
    if off < end.wrapping_add(words(proto.target())) {
        index
    } else {
        index + 1
    }
}

impl<'a> Query<'a> {
    fn btf(&self) -> &'a Btf {
        self.attach.btf(self.kernel)
    }

    fn name(&self) -> &'a str {
        &self.attach.func_name
    }

    fn judge(&self, notes: &mut dyn Notes) -> Result<CtxArg, Denied> {
        let (off, name) = (self.off, self.name());
        if off % 8 != 0 {
            notes.note(format_args!("func '{name}' offset {off} is not multiple of 8\n"));
            return Err(Denied);
        }
        let proto = self.attach.func_proto.and_then(|id| self.btf().ty(id));
        // A negative offset is a huge one.
        let index = proto.map_or((off / 8) as u32, |proto| arg_index(self.btf(), proto, off as u32));
        let mut nr_args = proto.map_or(MAX_REG_ARGS as u32, |proto| proto.params().len() as u32);
        let first = u32::from(self.attach.is_raw_tp);
        nr_args = nr_args.wrapping_sub(first);
        if index > nr_args {
            return self.no_such(index, notes);
        }
        let mut found = CtxArg::SCALAR;
        let ty = if index == nr_args {
            match self.returned(proto, index, &mut found, notes)? {
                Some(ty) => ty,
                None => return Ok(found),
            }
        } else {
            let Some(proto) = proto else { return Ok(found) };
            let param = proto.params().get((index + first) as usize).ok_or(Denied)?;
            param.type_().ok_or(Denied)?
        };
        let ty = self.btf().skip_mods_and_typedefs(ty.id()).ok_or(Denied)?;
        let structs = self.kernel.arguments().structs;
        if (ty.is_int() && ty.size() <= 8) || ty.is_any_enum() || (ty.is_struct() && structs) {
            return Ok(found);
        }
        if !ty.is_ptr() {
            notes.note(format_args!(
                "func '{name}' arg{index} '{}' has type {}. Only pointer access is allowed\n",
                ty.name(),
                ty.kind().kernel_name()
            ));
            return Err(Denied);
        }
        if self.kernel.arguments().whole_pointers && self.size != 8 {
            notes.note(format_args!("func '{name}' size {} must be 8\n", self.size));
            return Err(Denied);
        }
        let is_retval = found.is_retval;
        let found = self.pointer(proto, ty, index, first, notes)?;
        Ok(CtxArg { is_retval, ..found })
    }

    fn no_such<T>(&self, index: u32, notes: &mut dyn Notes) -> Result<T, Denied> {
        let name = self.name();
        let ordinal = index.wrapping_add(1) as i32;
        notes.note(format_args!("func '{name}' doesn't have {ordinal}-th argument\n"));
        Err(Denied)
    }

    /// The type of the return value, which follows the arguments for some attach types; `None` when
    /// nothing is known of it.
    fn returned(
        &self,
        proto: Option<Type<'a>>,
        index: u32,
        found: &mut CtxArg,
        notes: &mut dyn Notes,
    ) -> Result<Option<Type<'a>>, Denied> {
        match self.prog.attach_type() {
            Some(AttachType::LsmMac) => {
                found.is_retval = self.kernel.arguments().known_results;
                Ok(proto.and_then(Type::target_type))
            }
            Some(AttachType::LsmCgroup | AttachType::TraceFexit) => Ok(proto.and_then(Type::target_type)),
            Some(AttachType::ModifyReturn) => {
                let ty = self.btf().skip_mods_and_typedefs(proto.ok_or(Denied)?.target());
                let ty = ty.ok_or(Denied)?;
                if !ty.is_int() || ty.size() > 8 {
                    notes.note(format_args!(
                        "ret type {} not allowed for fmod_ret\n",
                        ty.kind().kernel_name()
                    ));
                    return Err(Denied);
                }
                Ok(Some(ty))
            }
            _ => self.no_such(index, notes),
        }
    }

    fn pointer(
        &self,
        proto: Option<Type<'a>>,
        ptr: Type<'a>,
        index: u32,
        first: u32,
        notes: &mut dyn Notes,
    ) -> Result<CtxArg, Denied> {
        let listed = self.attach.ctx_args.iter().find(|arg| arg.off == self.off as u32);
        if let Some(arg) = listed
            && arg.reg_type.base() == RegBase::Buf
            && arg.reg_type.has(Flags::MAYBE_NULL)
        {
            return Ok(CtxArg {
                reg_type: arg.reg_type,
                ..CtxArg::SCALAR
            });
        }
        let pointee = self.btf().skip_mods_and_typedefs(ptr.target()).ok_or(Denied)?;
        if ptr.target() == TypeId::VOID || self.points_to_numbers(ptr, pointee) {
            return Ok(CtxArg::SCALAR);
        }
        if let Some(arg) = listed {
            let Some(ty) = arg.ty else {
                notes.note(format_args!(
                    "invalid btf_id for context argument offset {}\n",
                    self.off
                ));
                return Err(Denied);
            };
            return Ok(CtxArg {
                reg_type: arg.reg_type,
                ty: Some(ty),
                is_retval: false,
            });
        }
        let mut flags = self.trust();
        // Past the last parameter (a return value), the kernel reads whatever type follows in the BTF.
        let param = proto.and_then(|proto| proto.params().get((index + first) as usize));
        let named = self.kernel.arguments().nullable_names;
        if named && param.is_some_and(|param| param.name().ends_with("__nullable")) {
            flags = flags | Flags::MAYBE_NULL;
        }
        if let Some(target) = &self.attach.target {
            // Of another program's arguments only its context is known to the kernel.
            let target_type = target.resolved_type();
            let is_ctx = is_prog_ctx_type(self.kernel, ptr, target_type);
            let (_, id) = self
                .kernel
                .context_types(target_type)
                .filter(|_| is_ctx)
                .ok_or(Denied)?;
            return Ok(CtxArg::object(flags, id));
        }
        let (may_be_null, may_be_error) = self.tracepoint_nullness(index);
        if may_be_null {
            flags = flags | Flags::MAYBE_NULL;
        }
        let tagged = Flags::of_tag(ptr.btf().pointer_tag(ptr));
        flags = flags | tagged.without(Flags::RCU);
        let name = self.name();
        let kind = pointee.kind().kernel_name();
        if !pointee.is_composite() {
            notes.note(format_args!(
                "func '{name}' arg{index} type {kind} is not a struct\n"
            ));
            return Err(Denied);
        }
        let id = pointee.id();
        notes.note(format_args!(
            "func '{name}' arg{index} has btf_id {id} type {kind} '{}'\n",
            pointee.name()
        ));
        if may_be_error {
            notes.note(format_args!(
                "marking pointer arg{index} as scalar as it may encode error"
            ));
            // The type that was found stays beside it.
            return Ok(CtxArg {
                ty: Some(TypeRef::vmlinux(id)),
                ..CtxArg::SCALAR
            });
        }
        Ok(CtxArg::object(flags, id))
    }

    /// Whether a pointer, to `pointee` when what qualifies and renames is left out, is nothing but a number.
    fn points_to_numbers(&self, ptr: Type<'a>, pointee: Type<'a>) -> bool {
        if self.kernel.arguments().int_pointers {
            return pointee.is_int();
        }
        let plain = ptr.target_type().and_then(|ty| match ty.kind() {
            Kind::Const => ty.target_type(),
            _ => Some(ty),
        });
        plain.is_some_and(|ty| ty.is_int() && ty.size() == 1)
    }

    fn trust(&self) -> Flags {
        if self.prog.extends {
            return Flags::NONE;
        }
        let hook_trusted = self.kernel.lsm().is_trusted(self.name());
        // A struct_ops program's attach type is a member's index; nothing depends on it then.
        let attach_type = self.prog.attach_type().unwrap_or(AttachType::StructOps);
        let kernel = self.kernel;
        if kernel.arguments_trusted(self.prog.prog_type, attach_type, hook_trusted) {
            Flags::TRUSTED
        } else {
            Flags::NONE
        }
    }

    /// What the kernel's list of tracepoints says: may argument `index` be NULL, may it be an error?
    fn tracepoint_nullness(&self, index: u32) -> (bool, bool) {
        // Quirk: a struct_ops member whose index is that number is looked up, too.
        if !self.prog.expects(AttachType::TraceRawTp) {
            return (false, false);
        }
        let attached = self.prog.attach_btf_id;
        let attached = attached.map_or("", |id| self.kernel.btf.type_name(id));
        let tracepoint = attached.get("btf_trace_".len()..).unwrap_or("");
        let note = self.kernel.raw_tp_note(tracepoint, index);
        note.map_or((false, false), |note| (note.null, note.error))
    }
}
