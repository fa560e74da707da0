//! What a program as a whole is, what its type may do, and what it could be instead.

use verdict_btf::TypeId;
use verdict_isa::{Call, Load, Op, Store};
use verdict_kernel::ctx::context_types;
use verdict_kernel::kfunc::Hook;
use verdict_kernel::map::Fit;
use verdict_kernel::prog::ProgType;
use verdict_kernel::rule::Rule;
use verdict_report::DECLARE_GPL;
use verdict_report::explanation::Change;
use verdict_syscall::FieldMask;

use crate::case::{Case, Draft};
use crate::words;

use super::alternatives;

/// Most program types or helpers that are listed.
const MAX_LISTED: usize = 8;

/// What the whole program lacks or is.
pub(crate) fn whole(case: &Case<'_>, draft: &mut Draft, rule: Rule) {
    match rule {
        Rule::GplRequired => {
            draft.note(
                "the object's licence, in its section `license`, is missing or not compatible with the GPL",
            );
            draft.plan(DECLARE_GPL, None, vec![Change::Gpl]);
        }
        Rule::SleepableProgram => {
            draft.note("the `.s` in the name of the program's section, or a flag, asks for a program that may sleep; what it attaches to, or its type, does not allow that");
            let sleepable = false;
            draft.plan(
                "make it a program that does not sleep: take `.s` out of its section's name",
                None,
                vec![Change::Sleepable { sleepable }],
            );
        }
        _ => map_for_program(case, draft),
    }
}

/// A function that may sleep, called by a program that may not.
pub(crate) fn sleeps(case: &Case<'_>, draft: &mut Draft) {
    let code = &case.path.code;
    let callee = case.rejected.insn.and_then(|insn| code.callee(insn));
    let callee = callee.unwrap_or_else(|| "the function".to_owned());
    draft.note(format!(
        "{callee}() may sleep, and this program's section does not say that it may (`.s`)"
    ));
    let sleepable = true;
    draft.plan(
        "make the program sleepable: `.s` in its section's name, such as `fentry.s/`, `lsm.s/`, `iter.s/`, `uprobe.s/`",
        None,
        vec![Change::Sleepable { sleepable }],
    );
    if callee == "bpf_copy_from_user" {
        draft.advise(
            "or read by bpf_probe_read_user(), which does not sleep, and fails where the page is not in memory",
            case.rejected.insn.map(|insn| code.site(insn)),
        );
    }
}

/// A map with something in its values that this type of program may not have.
fn map_for_program(case: &Case<'_>, draft: &mut Draft) {
    let prog = case.path.code.prog;
    let text = &case.rejected.text;
    let kinds = [
        ("bpf_spin_lock", FieldMask::LOCK),
        ("bpf_timer", FieldMask::TIMER),
        ("bpf_wq", FieldMask::WORKQUEUE),
        ("bpf_{list_head,rb_root}", FieldMask::GRAPH_ROOT),
    ];
    let found = kinds.iter().find(|(name, _)| text.contains(name));
    let Some((name, mask)) = found else { return };
    let maps: Vec<String> = prog
        .maps
        .iter()
        .filter(|map| map.has_field(*mask))
        .map(|map| format!("`{}`", map.name))
        .collect();
    draft.note(format!(
        "values of map {} hold a {name}; a program of type {} may not use such a map",
        maps.join(", "),
        prog.prog_type.name()
    ));
    draft.advise(
        format!("keep what needs the {name} in a map of its own that only programs of other types use, and this program's data in another one"),
        None,
    );
}

/// The register through which the last instruction accesses memory.
pub(crate) fn accessed(case: &Case<'_>) -> Option<u8> {
    match case.path.op(case.path.rec.end())? {
        Op::Load(load) => Some(load.src),
        Op::Store(store) => Some(store.dst),
        Op::Call(_) => Some(1),
        _ => None,
    }
}

/// A map that programs may not write, or not read.
pub(crate) fn map_access(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let end = path.rec.end();
    let (Some(insn), Some((_, value))) = (path.insn(end), path.reg(end, reg)) else {
        return;
    };
    let Some(map) = path.rec.maps.get(value.map().0 as usize) else {
        return;
    };
    let constant = map.name.ends_with(".rodata");
    draft.note(format!(
        "map `{}` is of type {}{}",
        map.name,
        map.map_type.name(),
        if constant {
            ", and holds what is declared `const`"
        } else if map.prog_can_read() {
            ": programs may read its values only"
        } else {
            ": programs may write its values only"
        }
    ));
    draft.advise(
        if constant {
            "declare the variable without `const`, so that it lies in .data or .bss".to_owned()
        } else {
            format!(
                "keep what programs change in a map of another type, or without BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG; values of `{}` are set by bpf_map_update_elem() or by user space",
                map.name
            )
        },
        Some(path.code.site(insn)),
    );
}

/// The fields of the context around an access.
pub(crate) fn context(case: &Case<'_>, draft: &mut Draft) {
    let code = &case.path.code;
    let Some(insn) = case.rejected.insn else { return };
    let (offset, size, writes) = match code.op(insn) {
        Some(Op::Load(Load { off, size, .. })) => (i64::from(off), size.bytes(), false),
        Some(Op::Store(Store { off, size, .. })) => (i64::from(off), size.bytes(), true),
        _ => return,
    };
    let btf = &code.kernel.btf;
    let ty = code.prog.prog_type;
    let Some(user) = context_types(btf, ty).and_then(|(user, _)| btf.skip_mods_and_typedefs(user)) else {
        draft.note(format!(
            "the context of a program of type {} has {}",
            ty.name(),
            "one 8-byte value for each argument"
        ));
        return;
    };
    let size_of = |id: TypeId| btf.resolve_size(id).unwrap_or(0);
    let field = user.members().find(|member| {
        let start = i64::from(member.byte_offset());
        start <= offset && offset < start + i64::from(size_of(member.ty).max(1))
    });
    let verb = if writes { "written" } else { "read" };
    match field {
        Some(field) => {
            let (start, has) = (field.byte_offset(), size_of(field.ty));
            draft.note(format!(
                "`struct {}` has `{}` there, {} at offset {start}; {} {verb} at offset {offset}",
                user.name(),
                field.name(),
                words::count(i64::from(has), "byte"),
                words::count(i64::from(size), "byte"),
            ));
            let words = if writes {
                let instead = alternatives::to_writing(field.name(), ty);
                format!(
                    "do not write `{}`: a program of type {} may only read it, or not use it at all{}",
                    field.name(),
                    ty.name(),
                    instead.map(|instead| format!("; {instead}")).unwrap_or_default()
                )
            } else if size == has && i64::from(start) == offset {
                let instead = alternatives::to_reading(field.name(), ty)
                    .unwrap_or("take the information from elsewhere, or use another type of program");
                format!(
                    "a program of type {} may not read `{}`: {instead}",
                    ty.name(),
                    field.name()
                )
            } else {
                format!(
                    "read `{}` as it is declared, with {} at offset {start}",
                    field.name(),
                    words::count(i64::from(has), "byte")
                )
            };
            draft.advise(words, Some(code.site(insn)));
        }
        None => draft.note(format!(
            "`struct {}` has {} and no field at offset {offset}",
            user.name(),
            words::count(i64::from(size_of(user.id())), "byte"),
        )),
    }
}

/// Which program types may call a kernel's function that this one may not.
pub(crate) fn kfunc_forbidden(case: &Case<'_>, draft: &mut Draft) {
    let code = &case.path.code;
    let Some(Op::Call(Call::Kfunc { btf_id, .. })) = case.rejected.insn.and_then(|insn| code.op(insn)) else {
        return;
    };
    if !case.rejected.text.contains("is not allowed") {
        return; // its words say what it is about
    }
    let Some(kfunc) = u32::try_from(btf_id)
        .ok()
        .and_then(|id| code.kernel.kfunc(TypeId(id)))
    else {
        draft.note("the function is in none of the sets that programs may call from");
        return;
    };
    let hooks: Vec<Hook> = kfunc
        .sets
        .iter()
        .flat_map(|(set, _)| set.hooks.iter().copied())
        .collect();
    let types: Vec<&str> = ProgType::ALL
        .iter()
        .filter(|ty| **ty != ProgType::Unspec)
        .filter(|ty| {
            hooks.contains(&Hook::Common)
                || code
                    .kernel
                    .kfunc_hook(**ty)
                    .is_some_and(|hook| hooks.contains(&hook))
        })
        .map(|ty| ty.name())
        .take(MAX_LISTED)
        .collect();
    let mine = code.prog.prog_type.name();
    if types.is_empty() {
        draft.note(format!(
            "{}() is for no type of program on this kernel",
            kfunc.name
        ));
    } else {
        draft.note(format!(
            "{}() is for programs of type {}, some of them under conditions; this one is of type {mine}",
            kfunc.name,
            types.join(", ")
        ));
    }
    let traces = [ProgType::Kprobe, ProgType::RawTracepoint].contains(&code.prog.prog_type);
    let by_tracing = code
        .kernel
        .kfunc_hook(ProgType::Tracing)
        .is_some_and(|hook| hooks.contains(&hook) || hooks.contains(&Hook::Common));
    draft.advise(
        if traces && by_tracing {
            format!("attach by `SEC(\"fentry/FUNCTION\")` or `SEC(\"tp_btf/NAME\")` with BPF_PROG() instead: such programs may call {}()", kfunc.name)
        } else {
            format!(
                "call {}() from a program of one of these types, or do without",
                kfunc.name
            )
        },
        case.rejected.insn.map(|insn| code.site(insn)),
    );
}

/// Which helpers take a map of this type.
pub(crate) fn map_helper(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let code = &path.code;
    let end = path.rec.end();
    let Some(Op::Call(Call::Helper { id })) = path.op(end) else {
        return;
    };
    let Ok(id) = u32::try_from(id) else { return };
    let map = (1..=5).find_map(|reg| {
        let (_, value) = path.reg(end, reg)?;
        (value.ty.base() == verdict_kernel::types::RegBase::ConstMapPtr)
            .then(|| path.rec.maps.get(value.map().0 as usize))?
    });
    let Some(map) = map else { return };
    let prog = code.prog;
    let fits = |ty| {
        matches!(
            code.kernel
                .map_fit(ty, id, prog.prog_type, prog.expected_attach_type),
            Fit::Fits
        )
    };
    let types: Vec<&str> = verdict_kernel::map::MapType::ALL
        .iter()
        .copied()
        .filter(|ty| *ty != verdict_kernel::map::MapType::Unspec && fits(*ty))
        .map(|ty| ty.name())
        .take(MAX_LISTED)
        .collect();
    let callee = path
        .insn(end)
        .and_then(|insn| code.callee(insn))
        .unwrap_or_default();
    draft.note(format!(
        "map `{}` is of type {}; {callee}() takes maps of type {}",
        map.name,
        map.map_type.name(),
        if types.is_empty() {
            "none of those that there are".to_owned()
        } else {
            types.join(", ")
        }
    ));
    draft.advise(
        format!(
            "declare `{}` with a type that {callee}() takes, or call the helper for maps of type {}",
            map.name,
            map.map_type.name()
        ),
        path.insn(end).map(|insn| code.site(insn)),
    );
}
