//! Where a pointer comes from that may be NULL, and which checks are for another one.

use verdict_btf::TypeId;
use verdict_engine::state::BtfHandle;
use verdict_engine::state::Reg;
use verdict_isa::{Load, Op, Operand};
use verdict_kernel::types::{Flags, RegBase};
use verdict_report::explanation::{Cause, CauseKind, Change};

use crate::case::{Case, Draft};
use crate::recorder::Place;
use crate::trace::{Origin, Path, Root};

/// Most checks of other pointers that are shown.
const MAX_CHECKS: usize = 2;

/// Follows a pointer that may be NULL, and proposes a check.
pub(crate) fn explain(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let step = path.rec.end();
    let Some((place, value)) = path.reg(step, reg) else {
        return;
    };
    let Some(root) = path.root(place, step) else {
        return;
    };
    let name = path.pointer_name(&root, place, step);
    let shown = name.clone().unwrap_or_else(|| place.name());
    if let Some(cause) = origin(path, &root, name.clone()) {
        draft.causes([cause]);
    }
    let checks = checks(path, &root, name.as_deref());
    draft.causes(checks);
    draft.conditions(path, root.write.step);
    let Some(insn) = path.insn(step) else { return };
    draft.plan(
        format!("check it for NULL: accepted if `{shown} != NULL`"),
        Some(path.code.site(insn)),
        vec![Change::NotNull { insn, reg }],
    );
    if value.ty.base() == RegBase::BtfId && matches!(path.op(step), Some(Op::Load(_))) {
        draft.plan(
            format!("or read by bpf_probe_read_kernel() or BPF_CORE_READ() what `{shown}` points to"),
            Some(path.code.site(insn)),
            vec![Change::ReadByHelper { insn }],
        );
    }
}

fn origin(path: &Path<'_>, root: &Root<'_>, name: Option<String>) -> Option<Cause> {
    let step = root.write.step;
    let insn = path.insn(step).or_else(|| path.insn(step + 1))?;
    let shown = name
        .as_ref()
        .map_or_else(|| root.write.place.name(), |name| format!("`{name}`"));
    let words = match root.origin {
        Origin::Called => {
            let callee = path.code.callee(insn).unwrap_or_else(|| "a function".to_owned());
            format!("{shown} is what {callee}() returns, which may be NULL")
        }
        Origin::Loaded(load) => loaded(path, step, load, &shown),
        Origin::Entry => format!("argument {shown} may be NULL"),
        _ => format!("{shown} may be NULL from here on"),
    };
    Some(Cause {
        kind: CauseKind::Origin,
        site: path.code.site(insn),
        place: Some(root.write.place.name()),
        variable: name,
        words,
        before: None,
        after: None,
    })
}

fn loaded(path: &Path<'_>, step: usize, load: Load, shown: &str) -> String {
    let source = path.reg(step, load.src).map(|(_, reg)| *reg);
    match source.and_then(|reg| member(path, &reg, load)) {
        Some(member) => format!("{shown} is loaded from `{member}`, which may be NULL"),
        None => format!("{shown} is loaded here and may be NULL"),
    }
}

/// The kernel's struct that a register points to, and its size.
pub(crate) fn object(path: &Path<'_>, object: &Reg) -> Option<(String, u32)> {
    if object.ty.base() != RegBase::BtfId {
        return None;
    }
    let btf = match object.btf() {
        BtfHandle::PROGRAM => &path.code.prog.btf.as_ref()?.btf,
        _ => &path.code.kernel.btf,
    };
    let ty = btf.ty(TypeId(object.btf_id()))?;
    Some((ty.name().to_owned(), btf.resolve_size(ty.id())?))
}

/// The member that a load reads of a kernel object: `mm_struct.exe_file`.
pub(crate) fn member(path: &Path<'_>, object: &Reg, load: Load) -> Option<String> {
    if object.ty.base() != RegBase::BtfId {
        return None;
    }
    let btf = match object.btf() {
        BtfHandle::PROGRAM => &path.code.prog.btf.as_ref()?.btf,
        _ => &path.code.kernel.btf,
    };
    let mut ty = btf.ty(TypeId(object.btf_id()))?;
    let whole = ty.name().to_owned();
    let mut offset = u32::try_from(i64::from(object.off) + i64::from(load.off)).ok()?;
    let mut names = vec![if whole.is_empty() {
        "struct".to_owned()
    } else {
        whole
    }];
    for _ in 0..16 {
        ty = btf.skip_mods_and_typedefs(ty.id())?;
        if !ty.is_composite() {
            break;
        }
        let within = |member: &verdict_btf::Member<'_>| {
            let size = btf.resolve_size(member.ty).unwrap_or(0);
            let start = member.byte_offset();
            start <= offset && offset < start.saturating_add(size.max(1))
        };
        let member = ty.members().find(within)?;
        offset -= member.byte_offset();
        if !member.name().is_empty() {
            names.push(member.name().to_owned());
        }
        ty = member.type_()?;
    }
    (names.len() > 1).then(|| names.join("."))
}

/// Checks for NULL on the path that are of another pointer with the same name, or from the same function.
fn checks(path: &Path<'_>, root: &Root<'_>, name: Option<&str>) -> Vec<Cause> {
    let callee = |root: &Root<'_>| match root.origin {
        Origin::Called => path.insn(root.write.step).and_then(|insn| path.code.callee(insn)),
        _ => None,
    };
    let ours = callee(root);
    let mut found = Vec::new();
    for (step, branch, _) in path.branches(0, path.rec.end()).rev() {
        if branch.src != Operand::Imm(0) || found.len() >= MAX_CHECKS {
            continue;
        }
        let Some((place, value)) = path.reg(step, branch.dst) else {
            continue;
        };
        if !value.ty.has(Flags::MAYBE_NULL) {
            continue;
        }
        let Some(other) = path.root(place, step) else {
            continue;
        };
        if other.write.step == root.write.step {
            continue;
        }
        let other_name = path.name(&other);
        let alike =
            other_name.is_some() && other_name.as_deref() == name || ours.is_some() && callee(&other) == ours;
        if let (true, Some(insn)) = (alike, path.insn(step)) {
            let of = other_name.clone().unwrap_or_else(|| place.name());
            let line = path
                .insn(other.write.step)
                .and_then(|insn| path.code.spot(insn))
                .map(|spot| format!(" of line {}", spot.line));
            found.push(Cause {
                kind: CauseKind::Check,
                site: path.code.site(insn),
                place: Some(place.name()),
                variable: other_name,
                words: format!(
                    "checks `{of}`{}, which is another pointer",
                    line.unwrap_or_default()
                ),
                before: None,
                after: None,
            });
        }
    }
    found
}

/// The place of an argument register at the end of the path.
pub(crate) fn place(case: &Case<'_>, reg: u8) -> Option<Place> {
    Some(Place::reg(case.path.rec.step(case.path.rec.end())?.frame, reg))
}
