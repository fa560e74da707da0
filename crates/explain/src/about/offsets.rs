//! Constants, and constant offsets, that are out of range.

use verdict_isa::Op;
use verdict_kernel::rule::Fact;
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Change, Range};

use crate::case::{Case, Draft};
use crate::recorder::Place;
use crate::trace::Origin;
use crate::words;

use super::{arrays, calls, numbers};

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
    // What is returned as an int shows as 32 bits without a sign.
    let shown = match u32::try_from(now) {
        Ok(low) if low > i32::MAX as u32 => format!("{} ({now})", low as i32),
        _ => now.to_string(),
    };
    draft.plan(
        format!(
            "{what}: {}, not {shown}; accepted with {value}",
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
    if parameter_memory(case, draft, reg) {
        return;
    }
    let place = numbers::place_of(case, reg);
    draft.causes(
        place
            .into_iter()
            .flat_map(|place| arrays::counted(path, place, step)),
    );
    let array = arrays::tell(case, draft, value, Some(first));
    if let Some(array) = array.filter(|_| first > end - size) {
        let last = i64::from(array.elements) - 1;
        draft.plan(
            format!(
                "compare `{index}` with the number of elements of `{}` first (`{index} <= {last}`): accepted for element {}",
                array.name,
                array.element(to).unwrap_or(last),
                index = array.index,
            ),
            Some(path.code.site(insn)),
            vec![Change::Offset { insn, reg, offset }],
        );
        return;
    }
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

/// What a parameter of a global function points to has the size that its type says.
fn parameter_memory(case: &Case<'_>, draft: &mut Draft, reg: u8) -> bool {
    let path = &case.path;
    let step = path.rec.end();
    let Some((place, value)) = path.reg(step, reg) else {
        return false;
    };
    let entry = (0..8).try_fold(place, |place, _| {
        let root = path.root(place, step)?;
        match root.origin {
            Origin::Entry => Some(root.write.place),
            Origin::Computed(alu) => Some(Place::reg(place.frame, alu.dst())),
            _ => None,
        }
    });
    let Some(parameter) = entry
        .and_then(Place::register)
        .filter(|reg| (1..=5).contains(reg))
    else {
        return false;
    };
    let root = path.root(Place::reg(place.frame, parameter), 1);
    let given = root.is_some_and(|root| matches!(root.origin, Origin::Entry));
    let (Some(first), true) = (path.insn(1), given && value.ty.base() == RegBase::Mem) else {
        return false;
    };
    let number = usize::from(parameter) - 1;
    let Some((name, declared)) = calls::parameter_of(&path.code, first, number) else {
        return false;
    };
    let function = path.code.function_at(first).unwrap_or("this function");
    draft.note(format!(
        "{function}() is global and verified by itself: its parameter `{declared}{name}` is {} to it, whatever callers hand over",
        words::count(i64::from(value.mem_size()), "byte")
    ));
    draft.plan(
        format!("declare `{name}` by a type that has all the bytes (`char (*{name})[16]`, a pointer to a struct), or make {function}() `static`: accepted with memory that is large enough"),
        Some(path.code.site(first)),
        vec![Change::Memory {
            insn: first,
            reg: parameter,
            bytes: 1 << 16,
        }],
    );
    true
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
        _ => None,
    }
}
