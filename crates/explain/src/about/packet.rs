//! Why the bytes of a packet are not proven.

use verdict_domain::AluOp;
use verdict_engine::state::Reg;
use verdict_isa::{Alu, Branch, Op, Operand};
use verdict_kernel::rule::Fact;
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Cause, CauseKind, Change, Range};

use crate::case::{Case, Draft};
use crate::recorder::Place;
use crate::trace::{Origin, Path};
use crate::words;

use super::{numbers, values};

/// A pointer further from the packet's start than this proves nothing.
const MAX_PACKET: u64 = 0xffff;
/// What is said of a pointer with such a part.
const NEGATIVE: &str = "the constant part of the offset";
/// Most comparisons with the packet's end that are shown.
const MAX_CHECKS: usize = 3;

/// Says of every comparison with the packet's end why it does not prove this access, and proposes one that does.
pub(crate) fn explain(case: &Case<'_>, draft: &mut Draft, fact: &Fact) {
    let path = &case.path;
    let step = path.rec.end();
    let Fact::Access { reg, from, size, .. } = *fact else {
        return;
    };
    let Some((place, pointer)) = path.reg(step, reg) else {
        return;
    };
    if pointer.b.smin() < 0 || from.0 < 0 {
        let fixed = i64::from(pointer.off);
        let allowed = Range {
            min: fixed.saturating_neg(),
            max: MAX_PACKET as i64 - fixed,
        };
        numbers::explain(case, draft, reg, allowed);
    }
    // What is read begins so far behind the pointer.
    let ahead = if pointer.b.smin() == i64::MIN || from.0 == i64::MIN {
        0
    } else {
        from.0
            .saturating_sub(pointer.b.smin())
            .saturating_sub(i64::from(pointer.off))
    };
    let needed = ahead.saturating_add(size.max(1));
    let mut shown = 0;
    let mut proven = false;
    for (at, branch, taken) in path.branches(0, step).rev() {
        let Some((checked_place, checked, end_at_left)) = end_check(path, at, &branch) else {
            continue;
        };
        if !goes_on_within(&branch, end_at_left, taken) || shown >= MAX_CHECKS {
            continue;
        }
        let here = Checked {
            place: checked_place,
            reg: checked,
            step: at,
        };
        if let Some(cause) = judged(path, &here, place, pointer, needed, &mut proven) {
            shown += 1;
            draft.causes([cause]);
        }
    }
    if shown == 0 && !wrong_side(path, draft) {
        draft.note("no comparison with the packet's end comes before this access on this path");
        values::explain(case, draft, reg);
    }
    if draft
        .out
        .causes
        .iter()
        .any(|cause| cause.words.contains(NEGATIVE))
    {
        draft.advise(
            "make the offset one number first: compute it, put `asm volatile(\"\" : \"+r\"(off));` behind that, so that the compiler does not take it apart, check it (`if (off < 0) return …;`), and add it to the pointer then",
            path.insn(step).map(|insn| path.code.site(insn)),
        );
    }
    length_as_number(path, draft);
    wide_pointer(case, draft, place, pointer);
    plan(case, draft, reg, (needed, size.max(1)), proven);
}

/// Says of comparisons with the packet's end that the path goes on where they prove nothing.
fn wrong_side(path: &Path<'_>, draft: &mut Draft) -> bool {
    let mut found = false;
    for (at, branch, _) in path.branches(0, path.rec.end()).rev() {
        let (Some((place, ..)), Some(insn)) = (end_check(path, at, &branch), path.insn(at)) else {
            continue;
        };
        let name = path.root(place, at).and_then(|root| path.name(&root));
        let shown = name
            .as_ref()
            .map_or_else(|| place.name(), |name| format!("`{name}`"));
        draft.causes([Cause {
            kind: CauseKind::Check,
            site: path.code.site(insn),
            place: Some(place.name()),
            variable: name,
            words: format!("the path continues where {shown} may be behind the packet's end: the access is on the wrong side of this comparison"),
            before: None,
            after: None,
        }]);
        found = true;
        break;
    }
    found
}

/// A pointer that was compared with the packet's end.
struct Checked<'a> {
    place: Place,
    reg: &'a Reg,
    step: usize,
}

/// The packet pointer that a jump compares with the packet's end, and whether the end is the left operand.
fn end_check<'a>(path: &Path<'a>, step: usize, branch: &Branch) -> Option<(Place, &'a Reg, bool)> {
    let Operand::Reg(src) = branch.src else {
        return None;
    };
    let (left, right) = (path.reg(step, branch.dst)?, path.reg(step, src)?);
    let is_end = |reg: &Reg| reg.ty.base() == RegBase::PacketEnd;
    if left.1.is_pkt() && is_end(right.1) {
        Some((left.0, left.1, false))
    } else if right.1.is_pkt() && is_end(left.1) {
        Some((right.0, right.1, true))
    } else {
        None
    }
}

/// Whether the path goes on where the pointer is within the packet.
fn goes_on_within(branch: &Branch, end_at_left: bool, taken: bool) -> bool {
    use verdict_domain::JmpOp;
    let op = if end_at_left { branch.op.flip() } else { branch.op };
    match op {
        JmpOp::Gt | JmpOp::Ge => !taken,
        JmpOp::Lt | JmpOp::Le => taken,
        _ => false,
    }
}

/// Why a comparison does not prove the access.
fn judged(
    path: &Path<'_>,
    checked: &Checked<'_>,
    place: Place,
    pointer: &Reg,
    needed: i64,
    proven: &mut bool,
) -> Option<Cause> {
    let insn = path.insn(checked.step)?;
    let name = |place, step| path.root(place, step).and_then(|root| path.name(&root));
    let that = name(checked.place, checked.step);
    let this = path
        .root(place, path.rec.end())
        .and_then(|root| path.pointer_name(&root, place, path.rec.end()));
    let called = |name: &Option<String>, place: Place| name.clone().unwrap_or_else(|| place.name());
    let (that_name, this_name) = (called(&that, checked.place), called(&this, place));
    let words = if checked.reg.b.umax() > MAX_PACKET {
        format!("proves nothing: `{that_name}` may be more than 65535 bytes behind the packet's start")
    } else if checked.reg.id == pointer.id && checked.reg.ty == pointer.ty {
        let reach = i64::from(checked.reg.off) - i64::from(pointer.off);
        if reach >= needed && checked.reg.off < 0 {
            let off = checked.reg.off;
            return Some(negative(path, checked, insn, &that_name, off));
        }
        if reach >= needed {
            return lost_since(path, checked, &that_name);
        }
        let missing = needed - reach;
        let from_start = pointer.id == 0 && pointer.b.is_const_value(0);
        if from_start {
            return Some(Cause {
                kind: CauseKind::Check,
                site: path.code.site(insn),
                place: Some(checked.place.name()),
                variable: that,
                words: format!(
                    "proves {} of the packet; the access needs {}",
                    words::count(i64::from(checked.reg.off), "byte"),
                    i64::from(pointer.off) + needed
                ),
                before: None,
                after: None,
            });
        }
        format!(
            "proves {} from `{this_name}` on; the access ends {} further",
            words::count(reach.max(0), "byte"),
            words::count(missing, "byte")
        )
    } else if checked.reg.b == pointer.b && same_parts(path, checked, place) {
        *proven = true;
        format!(
            "checks `{that_name}`, another copy: `{this_name}` was computed again, and the verifier does not know that both are the same address"
        )
    } else {
        format!("checks `{that_name}`, and says nothing of `{this_name}`")
    };
    Some(Cause {
        kind: CauseKind::Check,
        site: path.code.site(insn),
        place: Some(checked.place.name()),
        variable: that,
        words,
        before: None,
        after: None,
    })
}

/// A pointer whose constant part is negative is not believed, wherever its variable part takes it.
fn negative(path: &Path<'_>, checked: &Checked<'_>, insn: u32, name: &str, off: i32) -> Cause {
    Cause {
        kind: CauseKind::Check,
        site: path.code.site(insn),
        place: Some(checked.place.name()),
        variable: Some(name.to_owned()),
        words: format!(
            "proves nothing: {NEGATIVE} of `{name}` is negative ({off}), though another number was added that makes up for it"
        ),
        before: None,
        after: None,
    }
}

/// The check was enough, and its result is gone: the packet may have moved.
fn lost_since(path: &Path<'_>, checked: &Checked<'_>, name: &str) -> Option<Cause> {
    let insn = path.insn(checked.step)?;
    Some(Cause {
        kind: CauseKind::Check,
        site: path.code.site(insn),
        place: Some(checked.place.name()),
        variable: Some(name.to_owned()),
        words: format!("checks `{name}`, which was changed or loaded again since"),
        before: None,
        after: None,
    })
}

/// Whether what was checked and what is accessed were computed from the same variable part: the same number was added to
/// both, or copies of it.
fn same_parts(path: &Path<'_>, checked: &Checked<'_>, place: Place) -> bool {
    let one = offset_of(path, checked.place, checked.step);
    let other = offset_of(path, place, path.rec.end());
    matches!((one, other), (Some(one), Some(other)) if one == other)
}

/// The number that was added to a pointer last: where it was made.
fn offset_of(path: &Path<'_>, place: Place, step: usize) -> Option<(usize, Place)> {
    let (mut place, mut step) = (place, step);
    for _ in 0..64 {
        let root = path.root(place, step)?;
        let Origin::Computed(alu) = root.origin else {
            return None;
        };
        let at = root.write.step;
        let frame = path.rec.step(at)?.frame;
        let Alu::Binary { dst, src, .. } = alu else {
            return None;
        };
        let scalar = |reg: u8| {
            let place = Place::reg(frame, reg);
            let value = path.rec.value(place, at)?;
            value.is_scalar().then_some(place)
        };
        let added = src.reg().and_then(scalar).or_else(|| scalar(dst));
        match added {
            Some(number) => {
                let root = path.first_root(number, at)?;
                return Some((root.write.step, root.write.place));
            }
            None => (place, step) = (Place::reg(frame, dst), at),
        }
    }
    None
}

/// A packet's length that was computed as a number says nothing about pointers.
fn length_as_number(path: &Path<'_>, draft: &mut Draft) {
    let found = (0..path.rec.end()).rev().find_map(|step| {
        let Some(Op::Alu(Alu::Binary {
            op: AluOp::Sub,
            dst,
            src: Operand::Reg(src),
            ..
        })) = path.op(step)
        else {
            return None;
        };
        let (left, right) = (path.reg(step, dst)?.1, path.reg(step, src)?.1);
        (left.ty.base() == RegBase::PacketEnd && right.is_pkt()).then_some((step, dst))
    });
    let Some((step, dst)) = found else { return };
    let Some(insn) = path.insn(step) else { return };
    let variable = path.named_at(insn);
    let shown = variable
        .as_ref()
        .map_or("the length".to_owned(), |name| format!("`{name}`"));
    draft.causes([Cause {
        kind: CauseKind::Check,
        site: path.code.site(insn),
        place: Some(format!("r{dst}")),
        variable,
        words: format!("{shown} is a number to the verifier: comparing it proves nothing about pointers, compare the pointers with data_end themselves"),
        before: None,
        after: None,
    }]);
}

/// A variable part of which nothing is known makes every comparison useless.
fn wide_pointer(case: &Case<'_>, draft: &mut Draft, place: Place, pointer: &Reg) {
    if pointer.b.umax() <= MAX_PACKET || pointer.b.smin() < 0 {
        return;
    }
    let Some(reg) = place.register() else { return };
    let allowed = Range {
        min: 0,
        max: MAX_PACKET as i64 - i64::from(pointer.off.max(0)) - 1,
    };
    draft.note(format!(
        "the pointer may be {} bytes behind the packet's start: above 65535 no comparison with the packet's end counts",
        words::bounds(&pointer.b)
    ));
    numbers::explain(case, draft, reg, allowed);
}

/// What a pointer is made of without the constant that is added last, and without a cast: `cursor` of `cursor + 2`.
fn base_of(expression: &str) -> &str {
    let base = match expression.rsplit_once(" + ") {
        Some((base, last)) if last.starts_with(|c: char| c.is_ascii_digit()) => base,
        _ => expression,
    };
    base.rsplit_once(" *)").map_or(base, |(_, base)| base).trim()
}

/// What the packet's end is called in the source.
fn end_name(path: &Path<'_>) -> String {
    let simple = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut names = (0..path.rec.end()).rev().filter_map(|step| {
        let Some(Op::Load(load)) = path.op(step) else {
            return None;
        };
        let (place, _) = path.reg(step + 1, load.dst)?;
        let write = path.rec.writes_of(step).find(|write| write.place == place)?;
        let is_end = write.value.ty.base() == RegBase::PacketEnd;
        is_end.then(|| path.named_at(path.insn(step)?))?.filter(simple)
    });
    names.next().unwrap_or_else(|| "data_end".to_owned())
}

fn plan(case: &Case<'_>, draft: &mut Draft, reg: u8, (needed, size): (i64, i64), proven: bool) {
    let path = &case.path;
    let step = path.rec.end();
    let (Some(insn), Ok(bytes)) = (path.insn(step), u32::try_from(needed)) else {
        return;
    };
    let place = Place::reg(path.rec.step(step).map_or(0, |step| step.frame), reg);
    let root = path.root(place, step);
    let argument = path
        .code
        .argument(insn, usize::from(reg).saturating_sub(1))
        .filter(|_| matches!(path.op(step), Some(Op::Call(_))))
        .map(ToOwned::to_owned);
    let name = argument
        .or_else(|| root.and_then(|root| path.pointer_name(&root, place, step)))
        .unwrap_or_else(|| place.name());
    // `*(p + 4)` says itself where it begins; `p->x` and the like begin behind their pointer.
    let (name, behind) = match path.code.address(insn) {
        Some(address) => (address, size),
        None => (name, needed),
    };
    let checked = draft
        .out
        .causes
        .iter()
        .find(|cause| cause.kind == CauseKind::Check)
        .and_then(|cause| Some((cause.variable.clone()?, cause.site.source.clone()?)));
    if let (true, Some((variable, source))) = (proven, checked) {
        let base = base_of(&variable);
        let simple = base.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (barrier, pointer) = if simple {
            (
                format!("put `asm volatile(\"\" : \"+r\"({base}));`"),
                base.to_owned(),
            )
        } else {
            (
                format!("put `u8 *p = (void *)({base}); asm volatile(\"\" : \"+r\"(p));`"),
                "p".to_owned(),
            )
        };
        draft.advise(
            format!(
                "check and read through one register: {barrier} in front of the comparison on line {}, compare and read through `{pointer}`, so that the compiler does not compute the address again",
                source.line
            ),
            None,
        );
    }
    // The access begins where the pointer does, and is one object of its type; or is of a member of what it points to.
    let whole = path.code.address(insn).is_some() && behind == size;
    let condition = match (whole, behind) {
        (_, 0) => name.clone(),
        (true, 1) => format!("{name} + 1"),
        (true, _) => format!("(void *)({name} + 1)"),
        (false, _) if name.starts_with("(void *)") => format!("{name} + {behind}"),
        (false, _) => format!("(void *){} + {behind}", words::operand(&name)),
    };
    draft.plan(
        format!(
            "compare the pointer that is used: accepted if `{condition} <= {}`",
            end_name(path)
        ),
        Some(path.code.site(insn)),
        vec![Change::Packet { insn, reg, bytes }],
    );
}
