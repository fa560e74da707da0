//! Constants, and constant offsets, that are out of range.

use verdict_isa::Op;
use verdict_kernel::rule::Fact;
use verdict_report::explanation::{Change, Range};

use crate::case::{Case, Draft};
use crate::words;

use super::numbers;

/// Proposes another constant where it is a constant that is out of range.
pub(crate) fn constant(case: &Case<'_>, draft: &mut Draft, reg: u8, allowed: Range, what: &str) {
    let path = &case.path;
    let step = path.rec.end();
    let (Some(insn), Some((_, value))) = (path.insn(step), path.reg(step, reg)) else {
        return;
    };
    let Some(now) = value
        .b
        .const_value()
        .map(|now| now as i64)
        .filter(|_| value.is_scalar())
    else {
        return;
    };
    if allowed.min > allowed.max || (allowed.min..=allowed.max).contains(&now) {
        return;
    }
    let value = now.clamp(allowed.min, allowed.max);
    draft.plan(
        format!(
            "{what}: {}, not {now}; accepted with {value}",
            words::InWords(allowed)
        ),
        Some(path.code.site(insn)),
        vec![Change::Number { insn, reg, value }],
    );
}

/// Proposes another constant offset where it is that which is out of range.
pub(crate) fn constant_offset(case: &Case<'_>, draft: &mut Draft, fact: &Fact) {
    let path = &case.path;
    let step = path.rec.end();
    let Fact::Access {
        reg,
        from: (first, last),
        size,
        bytes: (start, end),
    } = *fact
    else {
        return;
    };
    let (Some(insn), Some((_, value))) = (path.insn(step), path.reg(step, reg)) else {
        return;
    };
    if first != last || value.is_scalar() {
        return;
    }
    let room = end.saturating_sub(start);
    if size > room || room <= 0 {
        draft.note(format!(
            "{} are accessed where there are {}",
            words::count(size, "byte"),
            words::count(room.max(0), "byte")
        ));
        return;
    }
    let fixed = value
        .b
        .const_value()
        .map_or(0, |var| var as i64)
        .saturating_add(i64::from(value.off));
    let to = first.clamp(start, end.saturating_sub(size).max(start));
    let Ok(offset) = i32::try_from(fixed.saturating_add(to.saturating_sub(first))) else {
        return;
    };
    draft.note(format!(
        "{} at offset {first}: {} of the {} that there are",
        words::count(size, "byte"),
        if first < start {
            "before the first"
        } else {
            "beyond the last"
        },
        words::count(room, "byte")
    ));
    draft.plan(
        format!(
            "access it at offset {start} to {} (now {first}): accepted at {to}",
            end - size
        ),
        Some(path.code.site(insn)),
        vec![Change::Offset { insn, reg, offset }],
    );
}

/// A pointer to the stack that is moved by a number without bounds.
pub(crate) fn stack_offset(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let step = path.rec.end();
    let (off, size) = match path.op(step) {
        Some(Op::Load(load)) => (load.off, load.size.bytes()),
        Some(Op::Store(store)) => (store.off, store.size.bytes()),
        _ => (0, 1),
    };
    let Some((_, value)) = path.reg(step, reg) else {
        return;
    };
    let fixed = i64::from(value.off) + i64::from(off);
    let allowed = Range {
        min: -i64::from(path.code.kernel.limits.stack) - fixed,
        max: -i64::from(size) - fixed,
    };
    numbers::explain(case, draft, reg, allowed);
}

/// The offsets that an access may have, for the variable part of its pointer.
pub(crate) fn allowed_offsets(case: &Case<'_>, fact: &Fact) -> Option<(u8, Range)> {
    match *fact {
        Fact::Access {
            reg,
            from: (least, _),
            size,
            bytes: (first, end),
        } => {
            let (_, value) = case.path.reg(case.path.rec.end(), reg)?;
            let fixed = if value.b.smin() == i64::MIN || least == i64::MIN {
                i64::from(value.off)
            } else {
                least.checked_sub(value.b.smin())?
            };
            let range = Range {
                min: first.saturating_sub(fixed),
                max: end.saturating_sub(size.max(1)).saturating_sub(fixed),
            };
            Some((reg, range))
        }
        Fact::Number {
            reg,
            allowed: (min, max),
            ..
        } => Some((reg, Range { min, max })),
        Fact::Register(_) | Fact::Acquired(_) => None,
    }
}
