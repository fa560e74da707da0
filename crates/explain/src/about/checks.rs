//! What comparisons teach about a number that is followed, and what they do not: in words.

use verdict_domain::{AluOp, Bounds, JmpOp, Width};
use verdict_isa::{Alu, Branch, ByteOrder, Op, Operand};
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Cause, CauseKind, Range};

use crate::recorder::{Place, Write};
use crate::trace::{Origin, Part, Path};
use crate::words;

use super::numbers::{Blamed, End};

/// Comparisons of copies that are looked for, and shown.
const MAX_BRANCHES: usize = 256;
const MAX_COPIES: usize = 2;
/// How words about a comparison of the same memory begin.
pub(super) const COMPARES_READ: &str = "compares another read of";
/// Most values that are looked at for what a number is made of.
const MAX_PARTS: usize = 64;

/// Comparisons of other values that were made of the number that was followed, which taught nothing about it.
pub(super) fn of_others(path: &Path<'_>, blamed: &Blamed, known: &[Cause]) -> Vec<Cause> {
    let Some(origin) = path.rec.before(blamed.place, blamed.step) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (step, branch, _) in path.branches(0, path.rec.end()).rev().take(MAX_BRANCHES) {
        let Some(insn) = path.insn(step) else { continue };
        if known.iter().any(|cause| cause.site.insn == insn) || found.len() >= MAX_COPIES {
            continue;
        }
        for reg in [Some(branch.dst), branch.src.reg()].into_iter().flatten() {
            let Some((place, value)) = path.reg(step, reg).filter(|(_, value)| value.is_scalar()) else {
                continue;
            };
            let made = if step < origin.step {
                Made::Not
            } else {
                made_of(path, place, step, origin)
            };
            if value.is_const() {
                continue;
            }
            if made == Made::Not {
                found.extend(read_before(path, place, step, origin));
                continue;
            }
            let name = compared_text(path, step, &branch, reg)
                .or_else(|| path.root(place, step).and_then(|root| path.name(&root)));
            let shown = name
                .as_ref()
                .map_or_else(|| place.name(), |name| format!("`{name}`"));
            let taught = path.rec.writes_of(step).any(|write| write.place == place);
            let words = match made {
                Made::Copy if !taught => format!(
                    "compares {shown}, which is {} here, and leaves that as it is",
                    words::bounds(&value.b)
                ),
                Made::Copy => format!(
                    "compares {shown}, a copy or part of it that the verifier does not link with what is used"
                ),
                Made::With | Made::Not => format!(
                    "compares {shown}, which is made of it and of other values: that limits the result, which may have wrapped around, and not what it is made of"
                ),
            };
            found.push(Cause {
                kind: CauseKind::Check,
                site: path.code.site(insn),
                place: Some(place.name()),
                variable: name,
                words,
                before: None,
                after: None,
            });
        }
    }
    found
}

/// Memory that is read.
#[derive(PartialEq, Eq)]
enum Memory {
    /// Bytes of a stack slot.
    Slot(Place, u32),
    /// Bytes of a map's value: the map, and both parts of the offset.
    Value(u32, i64, u64),
}

/// A comparison of what was read from the same memory by another instruction.
fn read_before(path: &Path<'_>, place: Place, step: usize, origin: &Write) -> Option<Cause> {
    let root = path.first_root(place, step)?;
    let memory = |step: usize| {
        let Some(Op::Load(load)) = path.op(step) else {
            return None;
        };
        if let Some((slot, within)) = path.slot(step, load.src, load.off) {
            return Some((Memory::Slot(slot, within), load.size));
        }
        let (_, pointer) = path.reg(step, load.src)?;
        let at = i64::from(pointer.off) + i64::from(load.off);
        let var = pointer.b.const_value()?;
        (pointer.ty.base() == RegBase::MapValue)
            .then_some((Memory::Value(pointer.map().0, at, var), load.size))
    };
    let same = memory(root.write.step);
    if root.write.step == origin.step || same.is_none() || same != memory(origin.step) {
        return None;
    }
    let name = path.name(&root);
    let shown = name
        .as_ref()
        .map_or_else(|| place.name(), |name| format!("`{name}`"));
    Some(Cause {
        kind: CauseKind::Check,
        site: path.code.site(path.insn(step)?),
        place: Some(place.name()),
        variable: name,
        words: format!(
            "{COMPARES_READ} {shown}; what is used was read again behind it, and may be another number by then"
        ),
        before: None,
        after: None,
    })
}

/// How a value is made of another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Not at all.
    Not,
    /// By copies, and by operations with constants.
    Copy,
    /// Together with other values.
    With,
}

/// Whether a value is made of what a write has put into its place.
fn made_of(path: &Path<'_>, place: Place, step: usize, origin: &Write) -> Made {
    let is_origin = |write: &Write| (write.step, write.place) == (origin.step, origin.place);
    let mut left = vec![(place, step, Made::Copy)];
    for _ in 0..MAX_PARTS {
        let Some((place, step, made)) = left.pop() else {
            return Made::Not;
        };
        let Some(root) = path.deep_root(place, step) else {
            continue;
        };
        if is_origin(root.write) {
            return made;
        }
        let Origin::Computed(alu) = root.origin else {
            continue;
        };
        let at = root.write.step;
        let Some(frame) = path.rec.step(at).map(|step| step.frame) else {
            continue;
        };
        let src = match alu {
            Alu::Binary { src, .. } => src.reg().map(|reg| Place::reg(frame, reg)),
            _ => None,
        };
        let dst = Place::reg(frame, alu.dst());
        let constant = |place: Place| path.rec.value(place, at).is_some_and(|reg| reg.b.is_const());
        let made = match src {
            Some(src) if !constant(src) && !constant(dst) => Made::With,
            _ => made,
        };
        left.extend(
            [Some(dst), src]
                .into_iter()
                .flatten()
                .map(|place| (place, at, made)),
        );
    }
    Made::Not
}

/// What stands in the source for a register that a jump compares with a constant.
pub(super) fn compared_text(path: &Path<'_>, step: usize, branch: &Branch, reg: u8) -> Option<String> {
    let constant = match branch.src {
        Operand::Imm(_) => true,
        Operand::Reg(other) => {
            let other = if other == reg { branch.dst } else { other };
            path.reg(step, other)?.1.b.is_const()
        }
    };
    let spot = path.code.spot(path.insn(step)?)?;
    let operand = spot.compared().filter(|_| constant)?;
    Some(operand.to_owned())
}

/// What a comparison that has narrowed a number leaves of it.
pub(super) struct Limits {
    /// What is said of the comparison.
    pub(super) what: String,
    /// What is known of the number behind it, in the width in which it was compared.
    pub(super) after: Range,
}

/// Why a comparison does not suffice that has narrowed a number.
pub(super) fn limits(blamed: &Blamed, branch: Option<&Branch>, before: &Bounds, after: &Bounds) -> Limits {
    let narrow = branch.is_some_and(|branch| branch.width == Width::W32);
    let signed =
        branch.is_some_and(|branch| matches!(branch.op, JmpOp::Sgt | JmpOp::Sge | JmpOp::Slt | JmpOp::Sle));
    let wide = words::range(after);
    let low = if signed {
        Range {
            min: i64::from(after.s32_min()),
            max: i64::from(after.s32_max()),
        }
    } else {
        Range {
            min: i64::from(after.u32_min()),
            max: i64::from(after.u32_max()),
        }
    };
    let after_range = if narrow { low } else { wide };
    let above = if narrow && signed {
        after.s32_max() < before.s32_max() && after.s32_min() == before.s32_min()
    } else {
        false
    };
    let what = match blamed.end {
        End::Least if wide.min >= 0 && blamed.limit > wide.min => {
            format!("lets it be {}, and it must be {} at least", wide.min, blamed.limit)
        }
        End::Least if after.smax() < before.smax() => "limits it above only".to_owned(),
        End::Greatest if after.smin() > before.smin() => "limits it below only".to_owned(),
        End::Least if above => "limits it above only: as a signed number it may be negative".to_owned(),
        End::Greatest if above => {
            "limits it above only: as a signed number it may be negative, and a negative length or offset counts as a very large one".to_owned()
        }
        End::Greatest if after_range.max > blamed.limit && after_range.max < i64::from(u32::MAX) => {
            if blamed.limit >= 0 {
                format!("lets it be {}, and {} is the most that there is room for", after_range.max, blamed.limit)
            } else {
                format!("lets it be {}", after_range.max)
            }
        }
        _ if wide.min == before.smin() && wide.max == before.smax() => {
            "limits its low 32 bits only".to_owned()
        }
        _ => "is not enough".to_owned(),
    };
    Limits {
        what,
        after: after_range,
    }
}

pub(super) fn part_words(part: Part) -> String {
    match part {
        Part::Low32 => "is copied with its low 32 bits only".to_owned(),
        Part::Signed(bytes) => format!("is copied with the sign of its low {} bits", u32::from(bytes) * 8),
        Part::Bytes(bytes) => format!(
            "is {} bits inside an 8-byte stack slot: the verifier keeps the range of whole slots, or of their low bytes, only",
            bytes * 8
        ),
    }
}

/// How an operation loses a bound.
pub(super) fn lost_words(alu: Alu, before: &Bounds, after: &Bounds) -> String {
    let what = match alu {
        Alu::End { order, bits, .. } => match order {
            ByteOrder::ToBe | ByteOrder::ToLe | ByteOrder::Swap => format!("a {bits}-bit byte swap"),
        },
        Alu::Neg { .. } => "the change of sign".to_owned(),
        Alu::Binary { op, .. } => match op {
            AluOp::Div | AluOp::SDiv => "the division".to_owned(),
            AluOp::Mod | AluOp::SMod => "the remainder".to_owned(),
            AluOp::Rsh | AluOp::Arsh => "the right shift".to_owned(),
            AluOp::Lsh => "the left shift".to_owned(),
            AluOp::Mul => "the multiplication".to_owned(),
            AluOp::Add => "the addition".to_owned(),
            AluOp::Sub => "the subtraction".to_owned(),
            AluOp::And => "the mask".to_owned(),
            AluOp::Or | AluOp::Xor => "the bit operation".to_owned(),
        },
        Alu::Mov { .. } | Alu::MovSx { .. } | Alu::AddrSpaceCast { .. } => "the copy".to_owned(),
    };
    if before == after {
        return format!(
            "is {} behind {what}, of whose result the verifier keeps no bound",
            words::bounds(after)
        );
    }
    format!(
        "loses its bound by {what}: {} becomes {}",
        words::bounds(before),
        words::bounds(after)
    )
}
