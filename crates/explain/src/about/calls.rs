//! What the argument of a call is, and what it must be.

use verdict_btf::{Kind, TypeId};
use verdict_isa::{Call, Op, pseudo};
use verdict_kernel::ctx::context_types;
use verdict_kernel::helper::{HelperProto, HelperQuery};
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::{Fact, Rule};
use verdict_kernel::types::{ArgBase, Flags, RegBase};
use verdict_report::explanation::{Change, Range};

use crate::case::{Case, Draft};
use crate::source::Code;
use crate::words;

use super::{alternatives, numbers, offsets, values};

/// The greatest constant that is proposed.
const MAX_CONSTANT: i64 = 1 << 20;
/// Most program types that are listed.
const MAX_TYPES: usize = 8;

/// What stands in the source for an argument, and what the called function takes: notes.
pub(crate) fn argument(case: &Case<'_>, draft: &mut Draft, reg: u8) -> Option<String> {
    let path = &case.path;
    let insn = path.insn(path.rec.end())?;
    let number = usize::from(reg).checked_sub(1)?;
    let op = path.code.op(insn)?;
    let Op::Call(call) = op else { return None };
    let callee = path
        .code
        .callee(insn)
        .unwrap_or_else(|| "the function".to_owned());
    let text = path.code.argument(insn, number).map(ToOwned::to_owned);
    let parameter = match call {
        Call::Helper { id } => {
            let proto = helper(case, id)?;
            helper_parameter(proto, number)
        }
        Call::Kfunc { btf_id, .. } => kfunc_parameter(case, btf_id, number),
        Call::Subprog { .. } => subprog_parameter(case, insn, number),
    };
    let shown = text.as_ref().map(|text| format!(" `{text}`")).unwrap_or_default();
    if let (Call::Helper { id }, true) = (call, case.rejected.rule == Rule::ArgumentType)
        && helper(case, id)
            .and_then(|proto| proto.args.get(number))
            .is_some_and(|arg| arg.ty.base() == ArgBase::ConstStr)
    {
        draft.advise(
            "hand over a string literal, or a `static const char name[] = \"…\";`: such strings lie in a read-only map",
            Some(path.code.site(insn)),
        );
        if callee == "bpf_strncmp" {
            draft.advise(
                "or compare two variables byte by byte: a loop with a constant limit, or __builtin_memcmp() of copies on the stack",
                Some(path.code.site(insn)),
            );
        }
    }
    let wants_context = matches!(call, Call::Helper { id } if helper(case, id)
        .and_then(|proto| proto.args.get(number))
        .is_some_and(|arg| arg.ty.base() == ArgBase::Ctx));
    if wants_context && case.rejected.rule == Rule::ArgumentType {
        draft.advise(
            "hand over the program's own context, unchanged: the function's only parameter, `ctx` inside of BPF_PROG(), BPF_KPROBE() and the like",
            Some(path.code.site(insn)),
        );
    }
    if let Some(parameter) = parameter {
        draft.note(format!(
            "argument {}{shown} of {callee}() must be {parameter}",
            number + 1
        ));
    }
    text
}

fn helper(case: &Case<'_>, id: i32) -> Option<&'static HelperProto> {
    let prog = case.path.code.prog;
    let query = query_of(prog);
    case.path
        .code
        .kernel
        .helpers(&query)
        .get(u32::try_from(id).ok()?)
        .ok()
}

/// What a program may call.
pub(super) fn query_of(prog: &verdict_syscall::Prog) -> HelperQuery<'static> {
    HelperQuery {
        prog_type: prog.prog_type,
        expected_attach_type: prog.expected_attach_type,
        extends: false,
        sleepable: prog.sleepable,
        capabilities: prog.capabilities,
        attach_func: None,
        struct_ops: None,
        struct_ops_member: None,
    }
}

fn helper_parameter(proto: &HelperProto, number: usize) -> Option<String> {
    let arg = proto.args.get(number)?;
    let base = match arg.ty.base() {
        ArgBase::DontCare => return None,
        ArgBase::ConstMapPtr => "a map (`&name`)".to_owned(),
        ArgBase::MapKey => "a pointer to a key of the map: to initialised memory that the verifier knows (stack, map value, packet)".to_owned(),
        ArgBase::MapValue => "a pointer to a value for the map: to initialised memory that the verifier knows (stack, map value, packet)".to_owned(),
        ArgBase::Mem if arg.size > 0 => format!("a pointer to {} bytes of memory that the verifier knows", arg.size),
        ArgBase::Mem => "a pointer to memory that the verifier knows (stack, map value, packet), as many bytes as the next argument says".to_owned(),
        ArgBase::Arena => "an arena pointer".to_owned(),
        ArgBase::ConstSize => "a size with an upper limit, not 0".to_owned(),
        ArgBase::ConstSizeOrZero => "a size with an upper limit, not negative".to_owned(),
        ArgBase::Ctx => "the program's context".to_owned(),
        ArgBase::Anything => "any value that was set".to_owned(),
        ArgBase::Scalar => "a number".to_owned(),
        ArgBase::SpinLock => "a pointer to a `struct bpf_spin_lock` in a map value or object".to_owned(),
        ArgBase::SockCommon | ArgBase::BtfIdSockCommon => "a socket that was checked for NULL".to_owned(),
        ArgBase::Socket => "a full socket that was checked for NULL".to_owned(),
        ArgBase::BtfId | ArgBase::PercpuBtfId => match arg.btf {
            Some(name) => format!("a pointer to a kernel object `struct {name}` that the verifier knows"),
            None => "a pointer to a kernel object of the right type".to_owned(),
        },
        ArgBase::RingbufMem => "what bpf_ringbuf_reserve() returned, checked for NULL and not moved".to_owned(),
        ArgBase::ConstAllocSizeOrZero => "a constant size".to_owned(),
        ArgBase::Func => "a static function of the program".to_owned(),
        ArgBase::Stack => "a pointer to the stack".to_owned(),
        ArgBase::ConstStr => "a constant string in a read-only map (a string literal)".to_owned(),
        ArgBase::Timer => "a pointer to a `struct bpf_timer` in a map value".to_owned(),
        ArgBase::KptrXchgDest => "a pointer to a kptr field".to_owned(),
        ArgBase::Dynptr => "a pointer to a `struct bpf_dynptr` on the stack".to_owned(),
    };
    let null = if arg.ty.has(Flags::MAYBE_NULL) {
        ", or NULL"
    } else {
        ""
    };
    Some(format!("{base}{null}"))
}

/// The parameter's declaration, and how large what it points to is.
fn kfunc_parameter(case: &Case<'_>, btf_id: i32, number: usize) -> Option<String> {
    let btf = &case.path.code.kernel.btf;
    let func = btf.ty(TypeId(u32::try_from(btf_id).ok()?))?;
    let param = func.proto()?.params().get(number)?;
    let name = param.name();
    let declared = type_name(btf, param.ty);
    let mut words = format!("`{name}`, `{declared}`");
    let target = btf
        .resolve_ptr(param.ty)
        .and_then(|ty| btf.skip_mods_and_typedefs(ty.id()));
    if let Some(target) = target.filter(|ty| ty.kind() == Kind::Struct) {
        let size = btf.resolve_size(target.id()).unwrap_or(0);
        words.push_str(&format!(
            "; `struct {}` has {size} bytes on this kernel",
            target.name()
        ));
    }
    Some(words)
}

fn subprog_parameter(case: &Case<'_>, insn: u32, number: usize) -> Option<String> {
    let code = &case.path.code;
    let this = code.prog.insns.get(insn as usize)?;
    if this.src != pseudo::CALL {
        return None;
    }
    let start = u32::try_from(i64::from(insn) + 1 + i64::from(this.imm)).ok()?;
    let btf = &code.prog.btf.as_ref()?.btf;
    let func = btf.ty(code.function(start)?)?;
    let param = func.proto()?.params().get(number)?;
    let (name, declared) = (param.name(), type_name(btf, param.ty));
    let target = btf.resolve_ptr(param.ty)?;
    let size = btf.resolve_size(target.id());
    Some(match size {
        Some(size) => {
            format!("`{name}`, `{declared}`: a pointer to {size} bytes of memory that the verifier knows")
        }
        None => format!("`{name}`, `{declared}`"),
    })
}

fn type_name(btf: &verdict_btf::Btf, id: TypeId) -> String {
    let (mut id, mut stars, mut prefix) = (id, String::new(), String::new());
    for _ in 0..16 {
        let Some(ty) = btf.ty(id) else { break };
        match ty.kind() {
            Kind::Ptr => stars.push('*'),
            Kind::Const => prefix = "const ".to_owned(),
            Kind::Volatile | Kind::Restrict | Kind::TypeTag => {}
            Kind::Void => return format!("{prefix}void {stars}").trim_end().to_owned(),
            kind => {
                let keyword = match kind {
                    Kind::Struct | Kind::Fwd => "struct ",
                    Kind::Union => "union ",
                    Kind::Enum | Kind::Enum64 => "enum ",
                    _ => "",
                };
                return format!("{prefix}{keyword}{} {stars}", ty.name())
                    .trim_end()
                    .to_owned();
            }
        }
        id = ty.target();
    }
    format!("{prefix}void {stars}").trim_end().to_owned()
}

/// An argument that must be a constant, and is a number that varies: the greatest one is.
pub(crate) fn constant(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let end = path.rec.end();
    let (Some(insn), Some((_, value))) = (path.insn(end), path.reg(end, reg)) else {
        return;
    };
    let callee = path.code.callee(insn).unwrap_or_default();
    let text = path.code.argument(insn, usize::from(reg).saturating_sub(1));
    let shown = text.map_or_else(|| format!("r{reg}"), |text| format!("`{text}`"));
    if value.is_scalar() && value.b.smin() >= 0 && value.b.smax() <= MAX_CONSTANT {
        let most = value.b.smax();
        draft.plan(
            format!(
                "hand over a constant in place of {shown}, the most that it may be: accepted with {most}"
            ),
            Some(path.code.site(insn)),
            vec![Change::Number {
                insn,
                reg,
                value: most,
            }],
        );
    }
    if callee == "bpf_ringbuf_reserve" {
        draft.advise(
            "or collect the data elsewhere (in a per-CPU array map) and call bpf_ringbuf_output(), whose size may vary; or call bpf_ringbuf_reserve_dynptr()",
            Some(path.code.site(insn)),
        );
    }
}

/// A field of a map's value that is handed over with another map.
pub(crate) fn map_of_field(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let end = path.rec.end();
    let Some(insn) = path.insn(end) else { return };
    let map = |reg: u8, base: RegBase| {
        let (_, value) = path.reg(end, reg)?;
        let map = path.rec.maps.get(value.map().0 as usize);
        (value.ty.base() == base).then_some(map)?
    };
    let (Some(of), Some(given)) = (map(1, RegBase::MapValue), map(2, RegBase::ConstMapPtr)) else {
        return;
    };
    let text = path.code.argument(insn, 0).unwrap_or("the field");
    if of.name == given.name {
        draft.note(format!("`{text}` lies in a value of map `{}`, of another lookup or inner map than the map that is handed over", of.name));
        return;
    }
    draft.note(format!(
        "`{text}` lies in a value of map `{}`, and map `{}` is handed over with it",
        of.name, given.name
    ));
    draft.advise(
        format!(
            "hand over `&{}`, the map from which the value with `{text}` was looked up",
            of.name
        ),
        Some(path.code.site(insn)),
    );
}

/// An argument that the compiler does not pass, as the function does not use the parameter.
pub(crate) fn unpassed(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let end = path.rec.end();
    let missing = path.reg(end, reg).is_none_or(|(_, value)| value.is_not_init());
    if let (true, Some(insn)) = (missing, path.insn(end)) {
        draft.advise(
            format!("use the parameter in the function, or take it out: the compiler does not pass what is not used, and r{reg} holds nothing here"),
            Some(path.code.site(insn)),
        );
    }
}

/// How large the object is that an argument points into, for a kernel's function that takes a whole struct.
pub(crate) fn struct_argument(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let end = path.rec.end();
    let Some(insn) = path.insn(end) else { return };
    let Some(Op::Call(Call::Kfunc { btf_id, .. })) = path.code.op(insn) else {
        return;
    };
    let Some(number) = usize::from(reg).checked_sub(1) else {
        return;
    };
    let btf = &path.code.kernel.btf;
    let target = u32::try_from(btf_id)
        .ok()
        .and_then(|id| btf.ty(TypeId(id)))
        .and_then(|func| func.proto())
        .and_then(|proto| proto.params().get(number))
        .and_then(|param| btf.resolve_ptr(param.ty))
        .and_then(|ty| btf.skip_mods_and_typedefs(ty.id()));
    let Some(target) = target.filter(|ty| ty.kind() == Kind::Struct) else {
        return;
    };
    argument(case, draft, reg);
    let (name, size) = (target.name(), btf.resolve_size(target.id()).unwrap_or(0));
    let site = path.code.site(insn);
    let text = path.code.argument(insn, number).unwrap_or("the argument");
    draft.advise(
        format!(
            "give it room for a whole `struct {name}`: declare what `{text}` points to as `struct {name}` ({size} bytes here, of another size on other kernels), or copy into an object of the kernel's"
        ),
        Some(site),
    );
}

/// A parameter of a global function of which the verifier cannot tell by itself what it may be.
pub(crate) fn global_signature(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let text = &case.rejected.text;
    let number = text
        .split("arg#")
        .nth(1)
        .and_then(|rest| {
            rest.split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse::<u8>()
                .ok()
        })
        .filter(|number| *number < 5);
    let end = path.rec.end();
    let (Some(number), Some(insn)) = (number, path.insn(end)) else {
        return;
    };
    let function = path
        .code
        .callee(insn)
        .unwrap_or_else(|| "the function".to_owned());
    let Some((name, declared)) = global_parameter(&path.code, insn, number) else {
        return;
    };
    draft.note(format!(
        "parameter {} of the global function {function}() is `{declared}{}{name}`: it is verified by itself, for every caller, so its type must say what it is",
        u32::from(number) + 1,
        if declared.ends_with('*') { "" } else { " " }
    ));
    let given = path.reg(end, number + 1);
    let is_context = given.is_some_and(|(_, value)| value.ty.base() == RegBase::Ctx);
    values::explain(case, draft, number + 1);
    let site = Some(path.code.site(insn));
    if is_context {
        let prog = path.code.prog;
        let user = context_types(&path.code.kernel.btf, prog.prog_type)
            .and_then(|(user, _)| path.code.kernel.btf.ty(user))
            .map(|user| {
                format!("struct {}", user.name()).replace("struct bpf_user_pt_regs_t", "struct pt_regs")
            });
        let user = user.unwrap_or_else(|| "the context's type".to_owned());
        draft.advise(
            format!("declare it as what it is, `{user} *{name}`, or tag it (`void *{name} __arg_ctx`); or make {function}() `static`, so that it is verified with each caller"),
            site,
        );
    } else {
        draft.advise(
            format!("declare `{name}` by the type of what it points to, whose size is known then (`struct … *{name}`), with a check for NULL in the function; or make {function}() `static`, so that it is verified with each caller"),
            site,
        );
    }
}

/// A parameter of the program's function that an instruction calls: its name and type.
fn global_parameter(code: &Code<'_>, insn: u32, number: u8) -> Option<(String, String)> {
    let this = code.prog.insns.get(insn as usize)?;
    let start = u32::try_from(i64::from(insn) + 1 + i64::from(this.imm)).ok()?;
    let btf = &code.prog.btf.as_ref()?.btf;
    let param = btf
        .ty(code.function(start)?)?
        .proto()?
        .params()
        .get(usize::from(number))?;
    Some((param.name().to_owned(), type_name(btf, param.ty)))
}

/// A parameter of the function that an instruction is part of: its name, and its type as it stands in front of it.
pub(super) fn parameter_of(code: &Code<'_>, insn: u32, number: usize) -> Option<(String, String)> {
    let btf = &code.prog.btf.as_ref()?.btf;
    let param = btf.ty(code.function(insn)?)?.proto()?.params().get(number)?;
    let declared = type_name(btf, param.ty);
    let space = if declared.ends_with('*') { "" } else { " " };
    Some((param.name().to_owned(), format!("{declared}{space}")))
}

/// What a size may be, given the memory that it goes with.
pub(crate) fn with_room(case: &Case<'_>, reg: u8, allowed: Range) -> Range {
    let path = &case.path;
    let end = path.rec.end();
    let room = || {
        let Some(Op::Call(Call::Helper { id })) = path.op(end) else {
            return None;
        };
        let number = usize::from(reg.checked_sub(1)?);
        let arg = helper(case, id)?.args.get(number)?;
        let is_size = matches!(arg.ty.base(), ArgBase::ConstSize | ArgBase::ConstSizeOrZero);
        let (_, memory) = path.reg(end, reg - 1).filter(|_| is_size)?;
        let at = i64::from(memory.off).checked_add(memory.b.const_value()? as i64)?;
        match memory.ty.base() {
            RegBase::Stack => at.checked_neg(),
            RegBase::MapValue => {
                let map = path.rec.maps.get(memory.map().0 as usize)?;
                i64::from(map.value_size).checked_sub(at)
            }
            RegBase::Mem => i64::from(memory.mem_size()).checked_sub(at),
            _ => None,
        }
    };
    match room() {
        Some(room) if room >= allowed.min => Range {
            max: allowed.max.min(room),
            ..allowed
        },
        _ => allowed,
    }
}

/// A key or value for a map: how large it is, and how large what is handed over can be.
pub(crate) fn map_argument(case: &Case<'_>, draft: &mut Draft, reg: u8) -> bool {
    let path = &case.path;
    let end = path.rec.end();
    let (Some(insn), Some(Op::Call(Call::Helper { id }))) = (path.insn(end), path.op(end)) else {
        return false;
    };
    let number = usize::from(reg).saturating_sub(1);
    let base = helper(case, id)
        .and_then(|proto| proto.args.get(number))
        .map(|arg| arg.ty.base());
    let map = path
        .reg(end, 1)
        .and_then(|(_, value)| path.rec.maps.get(value.map().0 as usize));
    let Some(map) = map else { return false };
    let (what, size) = match base {
        Some(ArgBase::MapKey) => ("key", map.key_size),
        Some(ArgBase::MapValue) => ("value", map.value_size),
        _ => return false,
    };
    let text = path.code.argument(insn, number).unwrap_or("the argument");
    let room = values::stack_slot(path, reg)
        .and(path.reg(end, reg))
        .map(|(_, value)| -(i64::from(value.off) + value.b.const_value().map_or(0, |var| var as i64)));
    let has = match room {
        Some(room) if room < i64::from(size) => {
            format!(": `{text}` has room for {} at most", words::count(room, "byte"))
        }
        _ => String::new(),
    };
    draft.note(format!(
        "a {what} of map `{}` has {}, and all of them are read from `{text}`{has}",
        map.name,
        words::count(i64::from(size), "byte")
    ));
    let variable = text.trim_start_matches('&');
    draft.plan(
        format!("declare `{variable}` with the type of the map's {what} ({size} bytes), or the map with the type of `{variable}` (`__type({what}, …)`): accepted with {size} bytes that were written"),
        Some(path.code.site(insn)),
        vec![Change::Memory { insn, reg, bytes: size }],
    );
    true
}

/// The size that goes with an argument that is memory: what it may be at most. Gives whether it is to blame.
pub(crate) fn size_argument(case: &Case<'_>, draft: &mut Draft, fact: &Fact) -> bool {
    let path = &case.path;
    let end = path.rec.end();
    let Fact::Access {
        reg,
        from: (_, last),
        size,
        bytes: (_, behind),
    } = *fact
    else {
        return false;
    };
    let Some(Op::Call(Call::Helper { id })) = path.insn(end).and_then(|insn| path.code.op(insn)) else {
        return false;
    };
    let Some(number) = usize::from(reg).checked_sub(1) else {
        return false;
    };
    let is_size = helper(case, id)
        .and_then(|proto| proto.args.get(number + 1))
        .is_some_and(|arg| matches!(arg.ty.base(), ArgBase::ConstSize | ArgBase::ConstSizeOrZero));
    let room = behind.saturating_sub(last);
    if !is_size || room <= 0 || size <= room {
        return false;
    }
    let allowed = Range { min: 1, max: room };
    let what = match path
        .insn(end)
        .and_then(|insn| path.code.argument(insn, number + 1))
    {
        Some(text) => format!("hand over a size `{text}` that fits"),
        None => "hand over a size that fits".to_owned(),
    };
    offsets::constant(case, draft, reg + 1, allowed, &what);
    numbers::explain(case, draft, reg + 1, allowed);
    true
}

/// Which program types may call a helper that this one may not.
pub(crate) fn forbidden(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let Some(insn) = path.insn(path.rec.end()).or(case.rejected.insn) else {
        return;
    };
    let Some(Op::Call(Call::Helper { id })) = path.code.op(insn) else {
        return;
    };
    let (Ok(id), kernel, prog) = (u32::try_from(id), path.code.kernel, path.code.prog) else {
        return;
    };
    let callee = path.code.callee(insn).unwrap_or_else(|| format!("helper #{id}"));
    let mut sleepable = query_of(prog);
    sleepable.sleepable = true;
    if !prog.sleepable && kernel.helpers(&sleepable).get(id).is_ok() {
        draft.plan(
            format!("make the program sleepable (`.s` in its section's name): {callee}() is for those only"),
            None,
            vec![Change::Sleepable { sleepable: true }],
        );
    }
    let allows = |ty: &ProgType| {
        // Some types' helpers depend on what they attach to.
        let depends = matches!(
            ty,
            ProgType::Tracing | ProgType::CgroupSockAddr | ProgType::CgroupSock | ProgType::CgroupSockopt
        );
        let others = AttachType::ALL
            .iter()
            .filter(|_| depends)
            .map(|attach| attach.raw());
        std::iter::once(0).chain(others).any(|attach| {
            kernel
                .helpers(&HelperQuery {
                    prog_type: *ty,
                    expected_attach_type: attach,
                    ..query_of(prog)
                })
                .get(id)
                .is_ok()
        })
    };
    let allowed: Vec<ProgType> = ProgType::ALL.iter().copied().filter(allows).collect();
    let mine = prog
        .target
        .as_ref()
        .map_or(prog.prog_type, |target| target.prog.prog_type)
        .name();
    if allowed.is_empty() {
        draft.note(format!("{callee}() is for no type of program on this kernel"));
        return;
    }
    let names: Vec<&str> = allowed.iter().take(MAX_TYPES).map(|ty| section_of(*ty)).collect();
    let more = if allowed.len() > MAX_TYPES { ", …" } else { "" };
    draft.note(format!(
        "{callee}() is for programs of type {}{more}; this one is of type {mine}",
        names.join(", ")
    ));
    let traces = [
        ProgType::Kprobe,
        ProgType::Tracepoint,
        ProgType::RawTracepoint,
        ProgType::PerfEvent,
    ];
    if allowed.contains(&ProgType::Tracing) && traces.contains(&prog.prog_type) {
        draft.advise(
            "attach by `SEC(\"fentry/FUNCTION\")` or `SEC(\"tp_btf/NAME\")` with BPF_PROG() instead: such programs get typed arguments, and may call it",
            None,
        );
    } else {
        let instead = alternatives::to_helper(&callee, prog.prog_type)
            .map_or_else(|| format!("do without {callee}()"), |instead| instead.to_owned());
        draft.advise(
            format!("move the call to a program of one of these types, or {instead}"),
            Some(path.code.site(insn)),
        );
    }
}

/// What a type of program is called in sections.
fn section_of(ty: ProgType) -> &'static str {
    match ty {
        ProgType::Tracing => "tracing (fentry, fexit, tp_btf)",
        other => other.name(),
    }
}
