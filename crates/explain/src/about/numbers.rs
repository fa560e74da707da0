//! Why a number has no bound, or too wide a one.

use verdict_domain::{AluOp, Bounds, Width};
use verdict_isa::{Alu, Branch, Call, Jump, Load, Op, Operand};
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Cause, CauseKind, Change, Range};

use crate::case::{Case, Draft, Plan, Wording};
use crate::recorder::{Place, Write};
use crate::trace::{Origin, Part, Path};
use crate::words;

use super::{checks, operands};

/// Most operations on the way to the origin that are kept.
const MAX_STEPS: usize = 12;
/// The least result of a helper that is a length or an error.
const MAX_ERRNO: i64 = -4095;

/// Which end of a range is at fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
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
pub(super) struct Blamed {
    pub(super) place: Place,
    pub(super) step: usize,
    pub(super) end: End,
    /// What that end may be.
    pub(super) limit: i64,
    /// What all of the value may be.
    pub(super) allowed: Range,
    /// Whether only its low 32 bits are compared or copied behind here.
    pub(super) narrow: bool,
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
        allowed,
        narrow: false,
    };
    let mut chain = Chain {
        case,
        causes: Vec::new(),
        plans: Vec::new(),
        compared: Vec::new(),
    };
    if value.is_scalar() {
        chain.plan(step, &blamed, None);
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
        mut causes,
        plans,
        compared,
        ..
    } = chain;
    causes.reverse();
    let copies = checks::of_others(path, &blamed, &causes);
    draft.causes(causes);
    if let Some(read) = copies
        .iter()
        .find(|cause| cause.words.starts_with(checks::COMPARES_READ))
    {
        let shown = read
            .variable
            .as_ref()
            .map_or("it".to_owned(), |name| format!("`{name}`"));
        draft.advise(
            format!("read {shown} once into a local variable, and compare and use that; a barrier (`asm volatile(\"\" : \"+r\"(n));`) keeps the compiler from reading it again, and from making one comparison of two"),
            Some(read.site.clone()),
        );
    }
    draft.causes(copies);
    draft.conditions(path, blamed.step);
    // A comparison that is there is completed rather than another one added.
    draft.plans.extend(compared.into_iter().rev());
    draft.plans.extend(plans.into_iter().rev());
}

struct Chain<'c, 'a> {
    case: &'c Case<'a>,
    /// The last one first.
    causes: Vec<Cause>,
    /// Comparisons that are tried, the one nearest to the failure first.
    plans: Vec<Plan>,
    /// The same, where the program compares already.
    compared: Vec<Plan>,
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
                let narrow = self.compared(blamed, write);
                Some(Blamed {
                    narrow: blamed.narrow || narrow,
                    ..on(write.place)
                })
            }
            Origin::Part(place, part) => {
                let before = self
                    .path()
                    .rec
                    .before(place, write.step)
                    .map(|write| write.value.b);
                let narrow = Blamed {
                    narrow: blamed.narrow || matches!(part, Part::Low32 | Part::Signed(4)),
                    ..on(place)
                };
                if part == Part::Signed(4) && before.is_some_and(|before| exceeds_32(blamed, &before)) {
                    return Some(narrow);
                }
                if before.is_some_and(|before| {
                    blamed.exceeds(&before) || part == Part::Low32 && before == write.value.b
                }) {
                    return Some(narrow);
                }
                self.lost(blamed, write, checks::part_words(part), before);
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
                    blamed,
                    write,
                    format!("{}{stored}", checks::part_words(Part::Bytes(bytes))),
                    before,
                );
                None
            }
            Origin::Computed(alu) => self.computed(blamed, write, alu),
            Origin::Loaded(load) => {
                self.loaded(blamed, write, load);
                None
            }
            Origin::Called => {
                self.called(blamed, write);
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
                self.lost(blamed, write, words, None);
                None
            }
            Origin::Fetched => {
                self.lost(
                    blamed,
                    write,
                    "read from memory by an atomic operation: any number".to_owned(),
                    None,
                );
                None
            }
            Origin::Filled | Origin::Bytes => {
                let words = "is read from stack bytes that were not stored as this one number (a function was given their address, or they were written in parts): what they hold is unknown";
                self.lost(blamed, write, words.to_owned(), None);
                None
            }
            Origin::Constant => {
                let words = format!("is {}", words::constant(&write.value));
                match self.path().chosen(write, blamed.step) {
                    Some(insn) => self.chosen(write, insn, &words),
                    None => self.lost(blamed, write, words, None),
                }
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
                    self.lost(blamed, write, words.to_owned(), Some(before.b));
                }
                None
            }
        }
    }

    /// A comparison that has narrowed the value, and not enough. Gives whether it compares the low 32 bits only.
    fn compared(&mut self, blamed: &Blamed, write: &Write) -> bool {
        let path = self.path();
        let Some(before) = path.rec.value(blamed.place, write.step).map(|reg| reg.b) else {
            return false;
        };
        let after = write.value.b;
        let branch = match path.op(write.step) {
            Some(Op::Jump(Jump::Branch(branch))) => Some(branch),
            _ => None,
        };
        let narrow = branch.is_some_and(|branch| branch.width == Width::W32);
        if before == after || self.causes.len() >= MAX_STEPS {
            return narrow;
        }
        let Some(insn) = path.insn(write.step) else {
            return narrow;
        };
        let name = self.name_at(write);
        let text = branch.and_then(|branch| self.compared_text(blamed, write.step, &branch));
        let limits = checks::limits(blamed, branch.as_ref(), &before, &after);
        let shown = text.as_ref().or(name.as_ref());
        let words = format!(
            "this comparison {}: {} is {} behind it",
            limits.what,
            shown.map_or("the value".to_owned(), |name| format!("`{name}`")),
            words::InWords(limits.after)
        );
        self.causes.push(Cause {
            kind: CauseKind::Check,
            site: path.code.site(insn),
            place: Some(write.place.name()),
            variable: name,
            words,
            before: Some(words::range(&before)),
            after: Some(words::range(&after)),
        });
        let here = Blamed {
            place: write.place,
            narrow: blamed.narrow || narrow,
            ..*blamed
        };
        self.plan(write.step, &here, text);
        narrow
    }

    /// What stands in the source for the value that a jump compares, if it is the jump's own operand.
    fn compared_text(&self, blamed: &Blamed, step: usize, branch: &Branch) -> Option<String> {
        let reg = blamed.place.register()?;
        let operand = branch.dst == reg || branch.src.reg() == Some(reg);
        operand.then(|| checks::compared_text(self.path(), step, branch, reg))?
    }

    /// The variable that a write's value is known by.
    fn name_at(&self, write: &Write) -> Option<String> {
        let root = self.path().root(write.place, write.step + 1)?;
        self.path().name(&root)
    }

    fn lost(&mut self, blamed: &Blamed, write: &Write, words: String, before: Option<Bounds>) {
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
        let here = Blamed {
            place: write.place,
            ..*blamed
        };
        let before = self.plans.len();
        self.plan(write.step + 1, &here, None);
        let site = self.path().code.site(insn);
        if let Some(plan) = self.plans.get_mut(before) {
            (plan.site, plan.behind) = (Some(site), true);
        }
    }

    /// A constant that a condition has chosen.
    fn chosen(&mut self, write: &Write, insn: u32, words: &str) {
        self.causes.push(Cause {
            kind: CauseKind::Origin,
            site: self.path().code.site(insn),
            place: Some(write.place.name()),
            variable: None,
            words: format!(
                "{} {words} where the path continues from here",
                write.place.name()
            ),
            before: None,
            after: Some(words::range(&write.value.b)),
        });
    }

    /// Proposes a comparison of a number before a step, of an operand of a comparison that is there, if it is named.
    fn plan(&mut self, step: usize, blamed: &Blamed, compared: Option<String>) {
        let path = self.path();
        let (place, Range { min, max }) = (blamed.place, blamed.allowed);
        let (Some(reg), Some(insn)) = (place.register(), path.insn(step)) else {
            return;
        };
        let Some(value) = path.rec.value(place, step).filter(|value| value.is_scalar()) else {
            return;
        };
        // A comparison that no value passes proves nothing: the path would only end there.
        let possible = value.b.smin() <= max && value.b.smax() >= min && min <= max;
        if value.is_const() || !possible {
            return;
        }
        let root = path.root(place, step);
        let is_compared = compared.is_some();
        let scaled = root.as_ref().is_some_and(|root| {
            let shifts = matches!(
                root.origin,
                Origin::Computed(Alu::Binary {
                    op: AluOp::Lsh | AluOp::Mul,
                    ..
                })
            );
            shifts && path.name(root).is_none()
        });
        if scaled && !is_compared {
            return;
        }
        let name = compared
            .or_else(|| root.as_ref().and_then(|root| path.name(root)))
            .unwrap_or_else(|| place.name());
        let bits = if blamed.narrow { 32 } else { 64 };
        let change = Change::Range {
            insn,
            reg,
            min,
            max,
            bits,
        };
        let plans = if is_compared {
            &mut self.compared
        } else {
            &mut self.plans
        };
        if plans.iter().any(|plan| plan.changes.first() == Some(&change)) {
            return;
        }
        plans.push(Plan {
            changes: vec![change],
            wording: Wording::Range {
                name,
                unsigned: value.b.smin() >= 0,
            },
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
            let words = checks::lost_words(alu, &old.b, &write.value.b);
            self.lost(blamed, write, words, Some(old.b));
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
                    operands::minus(blamed.limit, &old.b, blamed.end),
                ),
                (
                    Some(dst),
                    old.b,
                    blamed.end,
                    operands::minus(blamed.limit, &src_value, blamed.end),
                ),
            ],
            AluOp::Sub => vec![
                (
                    src_place,
                    src_value,
                    blamed.end.other(),
                    operands::minus_from(&old.b, blamed.limit, blamed.end),
                ),
                (Some(dst), old.b, blamed.end, blamed.limit),
            ],
            AluOp::Lsh => vec![(
                Some(dst),
                old.b,
                blamed.end,
                operands::shifted(blamed.limit, &src_value),
            )],
            AluOp::Mul => vec![
                (
                    Some(dst),
                    old.b,
                    blamed.end,
                    operands::divided(blamed.limit, &src_value),
                ),
                (
                    src_place,
                    src_value,
                    blamed.end,
                    operands::divided(blamed.limit, &old.b),
                ),
            ],
            _ => vec![(Some(dst), old.b, blamed.end, blamed.limit)],
        };
        let lost = unbounded(&write.value.b);
        // Of a quotient or remainder no bound is kept, whatever is known of the operands.
        let keeps = !matches!(op, AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod) || !lost;
        let mut candidates = candidates;
        candidates.retain(|_| keeps);
        candidates.sort_by_key(|(_, bounds, end, _)| match end {
            End::Least => bounds.smin(),
            End::Greatest => bounds.smax().saturating_neg(),
        });
        for (place, bounds, end, limit) in candidates {
            let Some(place) = place else { continue };
            let other = if Some(place) == src_place {
                &old.b
            } else {
                &src_value
            };
            let next = Blamed {
                place,
                step,
                end,
                limit,
                allowed: operands::allowed_of(op, &blamed.allowed, other),
                narrow: blamed.narrow,
            };
            if next.exceeds(&bounds) && (unbounded(&bounds) || !lost) {
                if pointer && src_is_scalar && Some(place) == src_place {
                    self.plan_offset(&next, &old.b, blamed);
                } else if pointer && !src_is_scalar && place == dst {
                    self.plan_offset(&next, &src_value, blamed);
                } else {
                    self.pass(write);
                    if old.b.const_value().is_none() && src_value.const_value().is_none() {
                        self.plan_result(blamed, write);
                    }
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
                let here = Blamed {
                    place,
                    step,
                    ..*blamed
                };
                self.plan_offset(&here, if src_is_scalar { &old.b } else { &src_value }, blamed);
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
        let words = checks::lost_words(alu, &old.b, &write.value.b);
        self.lost(blamed, write, words, Some(old.b));
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
        self.lost(blamed, write, words, Some(before));
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

    /// A comparison of what two varying numbers make together.
    fn plan_result(&mut self, blamed: &Blamed, write: &Write) {
        let path = self.path();
        let name = path.insn(write.step).and_then(|insn| {
            let spot = path.code.spot(insn)?;
            let variable = |name: &&str| words::is_variable(name);
            spot.assigned()
                .or_else(|| spot.changed().filter(variable))
                .map(ToOwned::to_owned)
        });
        let here = Blamed {
            place: write.place,
            ..*blamed
        };
        let before = self.compared.len();
        if name.is_some() {
            self.plan(write.step + 1, &here, name);
        }
        let site = path.insn(write.step).map(|insn| path.code.site(insn));
        if let Some(plan) = self.compared.get_mut(before) {
            (plan.site, plan.behind) = (site, true);
        }
    }

    /// A comparison of what is added to a pointer, which lies at `base` already.
    fn plan_offset(&mut self, at: &Blamed, base: &Bounds, blamed: &Blamed) {
        let here = Blamed {
            allowed: operands::allowed_of(AluOp::Add, &blamed.allowed, base),
            ..*at
        };
        self.plan(at.step, &here, None);
    }

    /// A named operation that a bad value passes through.
    fn pass(&mut self, write: &Write) {
        let path = self.path();
        let Some(insn) = path.insn(write.step) else { return };
        let Some(spot) = path.code.spot(insn) else { return };
        let by_line = spot.assigned().map(ToOwned::to_owned);
        let root = crate::trace::Root {
            write,
            origin: path.origin(write),
        };
        let Some(name) = by_line.or_else(|| path.local(&root)) else {
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

    fn loaded(&mut self, blamed: &Blamed, write: &Write, load: Load) {
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
        self.lost(blamed, write, words, None);
    }

    fn called(&mut self, blamed: &Blamed, write: &Write) {
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
        self.lost(blamed, write, words, None);
    }
}

/// A register of the frame that failed.
pub(super) fn place_of(case: &Case<'_>, reg: u8) -> Option<Place> {
    case.path.reg(case.path.rec.end(), reg).map(|(place, _)| place)
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
