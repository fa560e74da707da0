//! Why a number has no bound, or too wide a one.

use verdict_domain::{AluOp, Bounds};
use verdict_isa::{Alu, ByteOrder, Call, Load, Op, Operand};
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Cause, CauseKind, Change, Range};

use crate::case::{Case, Draft, Plan, Wording};
use crate::recorder::{Place, Write};
use crate::trace::{Origin, Part, Path};
use crate::words;

/// Most operations on the way to the origin that are kept.
const MAX_STEPS: usize = 12;
/// Comparisons of copies that are looked for, and shown.
const MAX_BRANCHES: usize = 256;
const MAX_COPIES: usize = 2;

/// The least result of a helper that is a length or an error.
const MAX_ERRNO: i64 = -4095;

/// Which end of a range is at fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Least,
    Greatest,
}

impl End {
    fn other(self) -> End {
        match self {
            End::Least => End::Greatest,
            End::Greatest => End::Least,
        }
    }
}

/// A value that is too far out at an end.
#[derive(Clone, Copy)]
struct Blamed {
    place: Place,
    step: usize,
    end: End,
    /// What that end may be.
    limit: i64,
}

impl Blamed {
    fn exceeds(&self, bounds: &Bounds) -> bool {
        match self.end {
            End::Least => bounds.smin() < self.limit,
            End::Greatest => bounds.smax() > self.limit,
        }
    }
}

/// Follows a number, or the variable part of a pointer, that is out of the allowed range at the end of the path, and
/// proposes comparisons.
pub(crate) fn explain(case: &Case<'_>, draft: &mut Draft, reg: u8, allowed: Range) {
    let path = &case.path;
    let step = path.rec.end();
    let Some((place, value)) = path.reg(step, reg) else {
        return;
    };
    if value.b.smin() >= allowed.min && value.b.smax() <= allowed.max {
        return; // it is not the number
    }
    // A size that may be 0 where it must not is a lesser matter than one without a limit.
    let only_above = value.b.smin() >= 0 && value.b.smax() > allowed.max;
    let end = if value.b.smin() < allowed.min && !only_above {
        End::Least
    } else {
        End::Greatest
    };
    let limit = match end {
        End::Least => allowed.min,
        End::Greatest => allowed.max,
    };
    let mut blamed = Blamed {
        place,
        step,
        end,
        limit,
    };
    let mut chain = Chain {
        case,
        causes: Vec::new(),
        plans: Vec::new(),
        allowed,
    };
    if value.is_scalar() {
        chain.plan(step, place, allowed);
    }
    for _ in 0..4096 {
        let Some(write) = path.rec.before(blamed.place, blamed.step) else {
            break;
        };
        match chain.back(&blamed, write) {
            Some(next) => blamed = next,
            None => break,
        }
    }
    let Chain {
        mut causes, plans, ..
    } = chain;
    causes.reverse();
    let copies = other_copies(path, &blamed, &causes);
    draft.causes(causes);
    draft.causes(copies);
    draft.conditions(path, blamed.step);
    draft.plans.extend(plans.into_iter().rev());
}

/// Comparisons of other copies of the number that was followed, which taught nothing about this one.
fn other_copies(path: &Path<'_>, blamed: &Blamed, known: &[Cause]) -> Vec<Cause> {
    let Some(origin) = path.rec.before(blamed.place, blamed.step) else {
        return Vec::new();
    };
    let origin = (origin.step, origin.place);
    let mut found = Vec::new();
    for (step, branch, _) in path.branches(origin.0, path.rec.end()).rev().take(MAX_BRANCHES) {
        let Some(insn) = path.insn(step) else { continue };
        if known.iter().any(|cause| cause.site.insn == insn) || found.len() >= MAX_COPIES {
            continue;
        }
        for reg in [Some(branch.dst), branch.src.reg()].into_iter().flatten() {
            let Some((place, value)) = path.reg(step, reg).filter(|(_, value)| value.is_scalar()) else {
                continue;
            };
            let Some(root) = path.first_root(place, step) else {
                continue;
            };
            if (root.write.step, root.write.place) != origin || value.is_const() {
                continue;
            }
            let name = path.root(place, step).and_then(|root| path.name(&root));
            let shown = name
                .as_ref()
                .map_or_else(|| place.name(), |name| format!("`{name}`"));
            found.push(Cause {
                kind: CauseKind::Check,
                site: path.code.site(insn),
                place: Some(place.name()),
                variable: name,
                words: format!(
                    "compares {shown}, a copy or part of it that the verifier does not link with what is used"
                ),
                before: None,
                after: None,
            });
        }
    }
    found
}

struct Chain<'c, 'a> {
    case: &'c Case<'a>,
    /// The last one first.
    causes: Vec<Cause>,
    /// Comparisons that are tried, the one nearest to the failure first.
    plans: Vec<Plan>,
    allowed: Range,
}

impl<'c, 'a> Chain<'c, 'a> {
    fn path(&self) -> &'c Path<'a> {
        &self.case.path
    }

    /// One write further back; none where the bound was lost.
    fn back(&mut self, blamed: &Blamed, write: &Write) -> Option<Blamed> {
        let on = |place: Place| Blamed {
            place,
            step: write.step,
            ..*blamed
        };
        match self.path().origin(write) {
            Origin::Same(place) => Some(on(place)),
            Origin::Compared => {
                self.compared(blamed, write);
                Some(on(write.place))
            }
            Origin::Part(place, part) => {
                let before = self
                    .path()
                    .rec
                    .before(place, write.step)
                    .map(|write| write.value.b);
                if part == Part::Signed(4) && before.is_some_and(|before| exceeds_32(blamed, &before)) {
                    return Some(on(place));
                }
                if before.is_some_and(|before| {
                    blamed.exceeds(&before) || part == Part::Low32 && before == write.value.b
                }) {
                    return Some(on(place));
                }
                self.lost(write, part_words(part), before);
                None
            }
            Origin::Stored { of, step, bytes } => {
                let before = self.path().rec.value(of, step).map(|reg| reg.b);
                let next = Blamed {
                    place: of,
                    step,
                    ..*blamed
                };
                if before.is_some_and(|before| blamed.exceeds(&before)) {
                    return Some(next);
                }
                let line = self
                    .path()
                    .insn(step)
                    .and_then(|insn| self.path().code.spot(insn))
                    .map(|spot| spot.line);
                let stored = match (line, before) {
                    (Some(line), Some(before)) => {
                        format!(
                            "; it was {} when it was stored on line {line}",
                            words::bounds(&before)
                        )
                    }
                    _ => String::new(),
                };
                self.lost(
                    write,
                    format!("{}{stored}", part_words(Part::Bytes(bytes))),
                    before,
                );
                None
            }
            Origin::Computed(alu) => self.computed(blamed, write, alu),
            Origin::Loaded(load) => {
                self.loaded(write, load);
                None
            }
            Origin::Called => {
                self.called(write);
                None
            }
            Origin::Entry => {
                let name = self.path().name(&crate::trace::Root {
                    write,
                    origin: Origin::Entry,
                });
                let words = match name {
                    Some(name) => format!("parameter `{name}` may be {}", words::bounds(&write.value.b)),
                    None => format!(
                        "argument {} may be {}",
                        write.place.name(),
                        words::bounds(&write.value.b)
                    ),
                };
                self.lost(write, words, None);
                None
            }
            Origin::Fetched => {
                self.lost(
                    write,
                    "read from memory by an atomic operation: any number".to_owned(),
                    None,
                );
                None
            }
            Origin::Filled | Origin::Bytes => {
                let words = "is read from stack bytes that were not stored as this one number (a function was given their address, or they were written in parts): what they hold is unknown";
                self.lost(write, words.to_owned(), None);
                None
            }
            Origin::Constant => {
                let words = format!("is {}", words::constant(&write.value));
                self.lost(write, words, None);
                None
            }
            Origin::Cleared => {
                let before = self
                    .path()
                    .rec
                    .value(write.place, write.step)
                    .filter(|reg| reg.is_scalar());
                if let (Some(before), true) = (before, write.value.is_scalar()) {
                    let words = "is forgotten where the loop begins another turn: the verifier keeps from turn to turn only numbers that were needed exactly";
                    self.lost(write, words.to_owned(), Some(before.b));
                }
                None
            }
        }
    }

    /// A comparison that has narrowed the value, and not enough.
    fn compared(&mut self, blamed: &Blamed, write: &Write) {
        let Some(before) = self.path().rec.value(blamed.place, write.step).map(|reg| reg.b) else {
            return;
        };
        let after = write.value.b;
        if before == after || self.causes.len() >= MAX_STEPS {
            return;
        }
        let Some(insn) = self.path().insn(write.step) else {
            return;
        };
        let name = self.name_at(write);
        let what = match blamed.end {
            End::Least if after.smax() < before.smax() => "limits it above only",
            End::Greatest if after.smin() > before.smin() => "limits it below only",
            End::Least if after.s32_max() < before.s32_max() && after.s32_min() == before.s32_min() => {
                "limits it above only: as a signed number it may be negative"
            }
            _ if after.smin() == before.smin() && after.smax() == before.smax() => {
                "limits its low 32 bits only"
            }
            _ => "is not enough",
        };
        let words = format!(
            "this comparison {what}: {} is {} behind it",
            name.as_deref()
                .map_or("the value".to_owned(), |name| format!("`{name}`")),
            words::bounds(&after)
        );
        self.causes.push(Cause {
            kind: CauseKind::Check,
            site: self.path().code.site(insn),
            place: Some(write.place.name()),
            variable: name,
            words,
            before: Some(words::range(&before)),
            after: Some(words::range(&after)),
        });
    }

    /// The variable that a write's value is known by.
    fn name_at(&self, write: &Write) -> Option<String> {
        let root = self.path().root(write.place, write.step + 1)?;
        self.path().name(&root)
    }

    fn lost(&mut self, write: &Write, words: String, before: Option<Bounds>) {
        let path = self.path();
        let root = crate::trace::Root {
            write,
            origin: path.origin(write),
        };
        let name = path.name(&root);
        let Some(insn) = path.shown_insn(write) else {
            return;
        };
        let words = match &name {
            Some(name) if !words.contains(name.as_str()) => format!("`{name}` {words}"),
            None if !words.contains('`') && !words.starts_with("argument") => {
                format!("{} {words}", write.place.name())
            }
            _ => words,
        };
        let cause = Cause {
            kind: CauseKind::Origin,
            site: path.code.site(insn),
            place: Some(write.place.name()),
            variable: name,
            words,
            before: before.map(|before| words::range(&before)),
            after: Some(words::range(&write.value.b)),
        };
        self.causes.push(cause);
        let allowed = self.allowed;
        let before = self.plans.len();
        self.plan(write.step + 1, write.place, allowed);
        let site = self.path().code.site(insn);
        if let Some(plan) = self.plans.get_mut(before) {
            (plan.site, plan.behind) = (Some(site), true);
        }
    }

    /// Proposes a comparison of a number before a step.
    fn plan(&mut self, step: usize, place: Place, allowed: Range) {
        let path = self.path();
        let (Some(reg), Some(insn)) = (place.register(), path.insn(step)) else {
            return;
        };
        let Some(value) = path.rec.value(place, step).filter(|value| value.is_scalar()) else {
            return;
        };
        // A comparison that no value passes proves nothing: the path would only end there.
        let possible =
            value.b.smin() <= allowed.max && value.b.smax() >= allowed.min && allowed.min <= allowed.max;
        if value.is_const() || !possible {
            return;
        }
        let root = path.root(place, step);
        let name = root
            .and_then(|root| path.name(&root))
            .unwrap_or_else(|| place.name());
        let Range { min, max } = allowed;
        let change = Change::Range { insn, reg, min, max };
        if self
            .plans
            .iter()
            .any(|plan| plan.changes.first() == Some(&change))
        {
            return;
        }
        self.plans.push(Plan {
            changes: vec![change],
            wording: Wording::Range { name },
            site: Some(path.code.site(insn)),
            behind: false,
        });
    }

    fn computed(&mut self, blamed: &Blamed, write: &Write, alu: Alu) -> Option<Blamed> {
        let path = self.path();
        let step = write.step;
        let frame = path.rec.step(step)?.frame;
        let dst = Place::reg(frame, alu.dst());
        let old = path.rec.value(dst, step).copied()?;
        let Alu::Binary { op, src, .. } = alu else {
            let words = lost_words(alu, &old.b, &write.value.b);
            self.lost(write, words, Some(old.b));
            return None;
        };
        if let Some(next) = self.shift_pair(blamed, write, dst, (op, src)) {
            return next;
        }
        let (src_place, src_value) = match src {
            Operand::Reg(reg) => {
                let place = Place::reg(frame, reg);
                (Some(place), path.rec.value(place, step).map(|reg| reg.b)?)
            }
            Operand::Imm(imm) => (None, Bounds::constant(i64::from(imm) as u64)),
        };
        let src_is_scalar =
            src_place.is_none_or(|place| path.rec.value(place, step).is_some_and(|r| r.is_scalar()));
        let pointer = !write.value.is_scalar();
        // The operand that is itself too far out, where the other one is left out of account.
        let candidates = match op {
            AluOp::Add => vec![
                (
                    src_place,
                    src_value,
                    blamed.end,
                    minus(blamed.limit, &old.b, blamed.end),
                ),
                (
                    Some(dst),
                    old.b,
                    blamed.end,
                    minus(blamed.limit, &src_value, blamed.end),
                ),
            ],
            AluOp::Sub => vec![
                (
                    src_place,
                    src_value,
                    blamed.end.other(),
                    minus_from(&old.b, blamed.limit, blamed.end),
                ),
                (Some(dst), old.b, blamed.end, blamed.limit),
            ],
            AluOp::Lsh => vec![(Some(dst), old.b, blamed.end, shifted(blamed.limit, &src_value))],
            AluOp::Mul => vec![
                (Some(dst), old.b, blamed.end, divided(blamed.limit, &src_value)),
                (src_place, src_value, blamed.end, divided(blamed.limit, &old.b)),
            ],
            _ => vec![(Some(dst), old.b, blamed.end, blamed.limit)],
        };
        let lost = unbounded(&write.value.b);
        let mut candidates = candidates;
        candidates.sort_by_key(|(_, bounds, end, _)| match end {
            End::Least => bounds.smin(),
            End::Greatest => bounds.smax().saturating_neg(),
        });
        for (place, bounds, end, limit) in candidates {
            let Some(place) = place else { continue };
            let next = Blamed {
                place,
                step,
                end,
                limit,
            };
            if next.exceeds(&bounds) && (unbounded(&bounds) || !lost) {
                if pointer && src_is_scalar && Some(place) == src_place {
                    self.plan_offset(step, place, &old.b);
                } else if pointer && !src_is_scalar && place == dst {
                    self.plan_offset(step, place, &src_value);
                } else {
                    self.pass(write);
                    let other = if Some(place) == src_place {
                        Some(dst)
                    } else {
                        src_place
                    };
                    self.checked_before(other, step);
                }
                return Some(next);
            }
        }
        if pointer {
            let scalar = if src_is_scalar { src_place } else { Some(dst) };
            if let Some(place) = scalar {
                self.plan_offset(step, place, if src_is_scalar { &old.b } else { &src_value });
                // Of several parts each is within: the one that varies most is followed.
                if self.causes.is_empty() {
                    return Some(Blamed {
                        place,
                        step,
                        ..*blamed
                    });
                }
            }
        }
        let words = lost_words(alu, &old.b, &write.value.b);
        self.lost(write, words, Some(old.b));
        None
    }

    /// A left shift and a right shift behind it take out bits, and are one operation.
    fn shift_pair(
        &mut self,
        blamed: &Blamed,
        write: &Write,
        dst: Place,
        (op, src): (AluOp, Operand),
    ) -> Option<Option<Blamed>> {
        let by = src.imm().filter(|_| matches!(op, AluOp::Rsh | AluOp::Arsh))?;
        let path = self.path();
        let left = *path.rec.before(dst, write.step)?;
        let Origin::Computed(Alu::Binary {
            op: AluOp::Lsh,
            src: Operand::Imm(left_by),
            ..
        }) = path.origin(&left)
        else {
            return None;
        };
        let before = path.rec.value(dst, left.step).map(|reg| reg.b)?;
        // Both by 32 bits, with the sign: what counts is the number as a signed one of 32 bits.
        let signed = left_by == 32 && by == 32 && op == AluOp::Arsh;
        if blamed.exceeds(&before) && unbounded(&before) || signed && exceeds_32(blamed, &before) {
            self.pass(write);
            let (place, step) = (dst, left.step);
            return Some(Some(Blamed {
                place,
                step,
                ..*blamed
            }));
        }
        let words = format!(
            "loses its bound by the shifts << {left_by} and >> {by}: {} becomes {}",
            words::bounds(&before),
            words::bounds(&write.value.b)
        );
        self.lost(write, words, Some(before));
        Some(None)
    }

    /// The operand that is not to blame was compared before, and is not what is used.
    fn checked_before(&mut self, other: Option<Place>, step: usize) {
        let path = self.path();
        let Some(other) = other else { return };
        let Some(write) = path.compared(other, step) else {
            return;
        };
        let Some(insn) = path.insn(write.step) else { return };
        let name = self.name_at(write);
        let shown = name
            .as_ref()
            .map_or_else(|| other.name(), |name| format!("`{name}`"));
        let (site, bounds) = (path.code.site(insn), write.value.b);
        let words = format!(
            "limits {shown} to {}, before it is changed",
            words::bounds(&bounds)
        );
        self.causes.push(Cause {
            kind: CauseKind::Check,
            site,
            place: Some(other.name()),
            variable: name,
            words,
            before: None,
            after: Some(words::range(&bounds)),
        });
    }

    /// A comparison of what is added to a pointer, which lies at `base` already.
    fn plan_offset(&mut self, step: usize, place: Place, base: &Bounds) {
        let Range { min, max } = self.allowed;
        let base = base.const_value().map_or(0, |value| value as i64);
        let allowed = Range {
            min: min.saturating_sub(base),
            max: max.saturating_sub(base),
        };
        self.plan(step, place, allowed);
    }

    /// A named operation that a bad value passes through.
    fn pass(&mut self, write: &Write) {
        let path = self.path();
        let Some(insn) = path.insn(write.step) else { return };
        let Some(spot) = path.code.spot(insn) else { return };
        let Some(name) = spot.assigned().map(ToOwned::to_owned) else {
            return;
        };
        let known = self
            .causes
            .iter()
            .any(|cause| cause.site.source.as_ref().is_some_and(|s| s.line == spot.line));
        if known || self.causes.len() >= MAX_STEPS {
            return;
        }
        let cause = Cause {
            kind: CauseKind::Step,
            site: path.code.site(insn),
            place: Some(write.place.name()),
            words: format!("makes `{name}` {}", words::bounds(&write.value.b)),
            variable: Some(name),
            before: None,
            after: Some(words::range(&write.value.b)),
        };
        self.causes.push(cause);
    }

    fn loaded(&mut self, write: &Write, load: Load) {
        let path = self.path();
        let source = path.reg(write.step, load.src).map(|(_, reg)| *reg);
        let what = match source {
            Some(reg) if reg.ty.base() == RegBase::MapValue => {
                let name = path
                    .rec
                    .maps
                    .get(reg.map().0 as usize)
                    .map(|map| map.name.clone());
                match name {
                    Some(name) => format!("is read from map `{name}`"),
                    None => "is read from a map".to_owned(),
                }
            }
            Some(reg) if reg.ty.base() == RegBase::Ctx => "is read from the context".to_owned(),
            Some(reg) if reg.is_pkt() => "is read from the packet".to_owned(),
            Some(reg) => format!("is read from {}", words::kind(&reg)),
            None => "is read from memory".to_owned(),
        };
        let words = format!("{what}: {}", words::bounds(&write.value.b));
        self.lost(write, words, None);
    }

    fn called(&mut self, write: &Write) {
        let path = self.path();
        let insn = path.insn(write.step);
        let callee = insn.and_then(|insn| path.code.callee(insn));
        let callee = callee.map_or("a function".to_owned(), |name| format!("{name}()"));
        // Results of helpers that the kernel knows to be a length or an error.
        let by_helper = matches!(path.op(write.step), Some(Op::Call(Call::Helper { .. })));
        let negative = if by_helper && write.value.b.smin() == MAX_ERRNO {
            " (negative is an error)"
        } else {
            ""
        };
        let words = format!(
            "is what {callee} returns: {}{negative}",
            words::bounds(&write.value.b)
        );
        self.lost(write, words, None);
    }
}

/// Whether a number is too far out as a signed one of 32 bits.
fn exceeds_32(blamed: &Blamed, bounds: &Bounds) -> bool {
    match blamed.end {
        End::Least => i64::from(bounds.s32_min()) < blamed.limit,
        End::Greatest => i64::from(bounds.s32_max()) > blamed.limit,
    }
}

/// Whether nothing much is known.
fn unbounded(bounds: &Bounds) -> bool {
    bounds.smin() <= i64::from(i32::MIN) || bounds.smax() >= i64::from(u32::MAX)
}

fn minus(limit: i64, other: &Bounds, end: End) -> i64 {
    match end {
        End::Least => limit.saturating_sub(other.smax().clamp(-(1 << 30), 1 << 30)),
        End::Greatest => limit.saturating_sub(other.smin().clamp(-(1 << 30), 1 << 30)),
    }
}

fn minus_from(old: &Bounds, limit: i64, end: End) -> i64 {
    match end {
        End::Least => old.smin().saturating_sub(limit),
        End::Greatest => old.smax().saturating_sub(limit),
    }
}

fn shifted(limit: i64, by: &Bounds) -> i64 {
    let by = by
        .const_value()
        .and_then(|by| u32::try_from(by).ok())
        .unwrap_or(0);
    limit.checked_shr(by).unwrap_or(0)
}

fn divided(limit: i64, by: &Bounds) -> i64 {
    match by.const_value().map(|by| by as i64) {
        Some(by) if by > 0 => limit / by,
        _ => limit,
    }
}

fn part_words(part: Part) -> String {
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
fn lost_words(alu: Alu, before: &Bounds, after: &Bounds) -> String {
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
    format!(
        "loses its bound by {what}: {} becomes {}",
        words::bounds(before),
        words::bounds(after)
    )
}
