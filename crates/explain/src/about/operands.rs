//! What the operands of an operation may be, where its result must lie within limits.

use verdict_domain::{AluOp, Bounds};
use verdict_report::explanation::Range;

use super::numbers::End;

/// What an operand may be where a result must lie in a range, and the other operand is known.
pub(super) fn allowed_of(op: AluOp, allowed: &Range, other: &Bounds) -> Range {
    let Range { min, max } = *allowed;
    let known = other.const_value().map(|value| value as i64);
    match (op, known) {
        (AluOp::Add, Some(by)) => Range {
            min: min.saturating_sub(by),
            max: max.saturating_sub(by),
        },
        // What varies, too, takes its part of the room.
        (AluOp::Add, None) if other.smin() >= 0 && other.smax() < max => Range {
            min,
            max: max - other.smax(),
        },
        (AluOp::Lsh, Some(by @ 0..=62)) if min <= 0 && max >= 0 => Range {
            min: min >> by,
            max: max >> by,
        },
        (AluOp::Mul, Some(by)) if by > 0 && min <= 0 && max >= 0 => Range {
            min: min / by,
            max: max / by,
        },
        _ => *allowed,
    }
}

pub(super) fn minus(limit: i64, other: &Bounds, end: End) -> i64 {
    match end {
        End::Least => limit.saturating_sub(other.smax().clamp(-(1 << 30), 1 << 30)),
        End::Greatest => limit.saturating_sub(other.smin().clamp(-(1 << 30), 1 << 30)),
    }
}

pub(super) fn minus_from(old: &Bounds, limit: i64, end: End) -> i64 {
    match end {
        End::Least => old.smin().saturating_sub(limit),
        End::Greatest => old.smax().saturating_sub(limit),
    }
}

pub(super) fn shifted(limit: i64, by: &Bounds) -> i64 {
    let by = by
        .const_value()
        .and_then(|by| u32::try_from(by).ok())
        .unwrap_or(0);
    limit.checked_shr(by).unwrap_or(0)
}

pub(super) fn divided(limit: i64, by: &Bounds) -> i64 {
    match by.const_value().map(|by| by as i64) {
        Some(by) if by > 0 => limit / by,
        _ => limit,
    }
}
