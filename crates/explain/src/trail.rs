//! How the failing value came to be what it is: every instruction that moved, changed or constrained it.

use verdict_engine::state::Reg;
use verdict_isa::{Alu, Operand};
use verdict_report::explanation::{Cause, Held};

use crate::case::Case;
use crate::recorder::{Place, Write};
use crate::trace::{Origin, Path};
use crate::words;

/// Most instructions that are kept, the last ones.
const MAX_HELD: usize = 48;

/// The instructions that made what a register holds at the end, first to last, and those of the causes.
pub(crate) fn of(case: &Case<'_>, failing: Option<u8>, causes: &[Cause]) -> Vec<Held> {
    let path = &case.path;
    let end = path.rec.end();
    let mut found: Vec<(usize, Held)> = Vec::new();
    let mut open: Vec<(Place, usize)> = Vec::new();
    open.extend(
        failing
            .and_then(|reg| path.reg(end, reg))
            .map(|(place, _)| (place, end)),
    );
    for cause in causes {
        open.extend(of_cause(path, cause));
    }
    while let Some((place, step)) = open.pop() {
        let Some(write) = path.rec.before(place, step).filter(|_| found.len() < MAX_HELD) else {
            continue;
        };
        let Some(insn) = path.insn(write.step) else {
            continue;
        };
        let held = Held {
            site: path.code.site(insn),
            place: write.place.name(),
            before: before(path, write),
            after: words::value(&write.value),
        };
        let known = |(at, other): &(usize, Held)| *at == write.step && other.place == held.place;
        if found.iter().any(known) {
            continue;
        }
        found.push((write.step, held));
        open.extend(sources(path, write).into_iter().map(|place| (place, write.step)));
    }
    found.sort_by_key(|(step, _)| *step);
    found.into_iter().map(|(_, held)| held).collect()
}

/// What a cause is about, behind its instruction.
fn of_cause(path: &Path<'_>, cause: &Cause) -> Option<(Place, usize)> {
    let reg: u8 = cause.place.as_ref()?.strip_prefix('r')?.parse().ok()?;
    let step = (0..path.rec.end())
        .rev()
        .find(|step| path.insn(*step) == Some(cause.site.insn))?;
    let place = Place::reg(path.rec.step(step)?.frame, reg);
    path.rec.before(place, step + 1).map(|_| (place, step + 1))
}

/// What a register held that an instruction changed, if it is the same value that goes on.
fn before(path: &Path<'_>, write: &Write) -> Option<String> {
    let goes_on = matches!(path.origin(write), Origin::Compared | Origin::Cleared)
        || matches!(path.origin(write), Origin::Computed(alu) if Some(alu.dst()) == write.place.register());
    let before = path.rec.value(write.place, write.step).filter(|_| goes_on)?;
    (!before.is_not_init()).then(|| words::value(before))
}

/// The registers and slots that an instruction made a value of.
fn sources(path: &Path<'_>, write: &Write) -> Vec<Place> {
    let frame = path.rec.step(write.step).map_or(0, |step| step.frame);
    match path.origin(write) {
        Origin::Same(of) | Origin::Part(of, _) | Origin::Stored { of, .. } => vec![of],
        Origin::Compared | Origin::Cleared => vec![write.place],
        Origin::Computed(alu) => {
            let src = match alu {
                Alu::Binary {
                    src: Operand::Reg(src),
                    ..
                } => Some(Place::reg(frame, src)),
                _ => None,
            };
            let varies = |place: &Place| {
                path.rec
                    .value(*place, write.step)
                    .is_some_and(|reg: &Reg| !reg.is_scalar() || !reg.is_const())
            };
            let dst = Place::reg(frame, alu.dst());
            std::iter::once(dst).chain(src.filter(varies)).collect()
        }
        _ => Vec::new(),
    }
}
