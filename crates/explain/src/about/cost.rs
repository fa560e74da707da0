//! Which loop costs too much, or does not end, and which value keeps its turns apart.

use verdict_engine::state::Reg;
use verdict_isa::{Branch, Op, Operand};
use verdict_kernel::types::RegBase;
use verdict_report::explanation::{Cause, CauseKind};
use verdict_report::profile::{Loop, Mismatch, Profile};

use crate::case::{Case, Draft};
use crate::loops::Edges;
use crate::recorder::Place;
use crate::source::Code;
use crate::trace::Origin;

/// Most values that are named.
const MAX_VALUES: usize = 2;

/// What was counted of a verification that costs too much.
pub struct Costs<'a> {
    /// Where the cost is.
    pub profile: &'a Profile,
    /// How often each edge was walked.
    pub edges: &'a Edges,
}

/// Points to the loop that costs most, and to what makes its turns differ.
pub(crate) fn too_much(case: &Case<'_>, draft: &mut Draft) {
    let Some(costs) = case.costs else { return };
    let profile = costs.profile;
    let total: u64 = profile.samples.iter().map(|sample| sample.cost.insns).sum();
    let Some(hot) = hottest(profile) else {
        draft.note("the program has no loop that costs much: it is its branches, of which each pair multiplies the paths");
        draft.advise("split the program: move parts to global functions, which are verified once each, or to other programs by tail calls", None);
        return;
    };
    let code = &case.path.code;
    let Some(of) = profile.loops.get(hot) else { return };
    let (turns, entries) = costs.edges.arrivals(of.header, of.range);
    let share = cost_of(profile, hot) * 100 / total.max(1);
    let site = code.site(loop_site(case, of));
    let other = feeding(profile, costs, hot);
    let by = match &other {
        Some(other) => format!(
            ", once for every way out of the loop on line {}",
            code.spot(loop_site(case, other)).map_or(0, |spot| spot.line)
        ),
        None => match of.parent.and_then(|parent| profile.loops.get(parent)) {
            Some(parent) if entries > 1 => {
                let line = code.spot(loop_site(case, parent)).map_or(0, |spot| spot.line);
                format!(", once for every turn of the loop on line {line}")
            }
            _ => String::new(),
        },
    };
    let each = turns / entries.max(1);
    draft.primary(
        site,
        format!(
            "this loop takes {share} % of the instructions: entered {}{by}, {each} turns each on average",
            times(entries)
        ),
    );
    if let Some(other) = other {
        let (turns, entries) = costs.edges.arrivals(other.header, other.range);
        draft.causes([Cause {
            kind: CauseKind::Loop,
            site: code.site(loop_site(case, other)),
            place: None,
            variable: None,
            words: format!("each of its {turns} turns (entered {}) may leave it in a state of its own, from which the other loop is verified again", times(entries.max(1))),
            before: None,
            after: None,
        }]);
    }
    let varying = varying(case, draft, profile, of, entries > 1);
    let unlimited = unlimited(case, of);
    if let Some((cause, _)) = &unlimited {
        draft.causes([cause.clone()]);
    } else if varying.is_none() && draft.out.notes.is_empty() {
        draft.note("nothing keeps its turns apart but that they are on one path: each is verified by itself, however alike they are");
    }
    if let Some((_, name)) = unlimited {
        let what = name.map_or("the condition".to_owned(), |name| format!("`{name}`"));
        let turn = u64::from(of.range.1.saturating_sub(of.range.0)) + 1;
        let fit = u64::from(case.path.code.kernel.limits.processed_insns) / turn.max(1);
        draft.advise(
            format!("give the loop a constant limit beside {what} (`for (i = 0; i < LIMIT && …; i++)`): a turn takes up to {turn} instructions, so that about {fit} turns can be verified; or run it by bpf_loop() or bpf_for()"),
            Some(code.site(loop_site(case, of))),
        );
    }
    remedies(draft, varying.as_deref(), entries > 1);
}

/// Where nothing limits a loop's turns: every condition that leaves it looks at what may be anything. Gives the last one.
fn unlimited(case: &Case<'_>, of: &Loop) -> Option<(Cause, Option<String>)> {
    let path = &case.path;
    let inside = of.range.0..=of.range.1;
    let head = head_step(case, of)?;
    let before = (0..head).rev().find(|step| path.insn(*step) == Some(of.header))?;
    let mut found = None;
    for (step, branch, taken) in path.branches(before, head) {
        let insn = path.insn(step)?;
        let target = i64::from(insn) + 1 + i64::from(branch.off);
        let outside = |at: i64| !u32::try_from(at).is_ok_and(|at| inside.contains(&at));
        // The other way is the one out.
        let leaves = outside(if taken { i64::from(insn) + 1 } else { target });
        if !inside.contains(&insn) || !leaves {
            continue;
        }
        let constant = |reg: u8| {
            path.reg(step, reg)
                .is_some_and(|(_, value)| value.is_scalar() && value.b.is_const())
        };
        // A counter is known exactly.
        if constant(branch.dst) && branch.src.reg().is_none_or(constant) {
            return None;
        }
        found = condition(case, step, &branch).or(found);
    }
    found
}

fn remedies(draft: &mut Draft, varying: Option<&str>, entered_often: bool) {
    let value = varying.map_or("the values that differ".to_owned(), |name| format!("`{name}`"));
    if entered_often && varying.is_none() {
        draft.advise("run the loop by bpf_loop(), whose callback is verified once, or by bpf_for(), whose turns become alike", None);
    } else if entered_often {
        draft.advise(
            format!(
                "run both loops by bpf_loop(), whose callback is verified once; or forget {value} between the loops (store it and mask it when it is loaded again), so that the paths become one before the second loop"
            ),
            None,
        );
    } else {
        draft.advise(
            format!("let the turns become alike: run the loop by bpf_loop(), bpf_for() or may_goto, or keep {value} from being known exactly (mask it, or hide it from the compiler and the verifier by a load from a map)"),
            None,
        );
    }
    draft.advise("limit its turns by a constant (`for (i = 0; i < LIMIT && …; i++)`), a smaller one if there is one, and take branches out of its body", None);
}

/// `once`, `2 times`.
fn times(n: u64) -> String {
    if n == 1 {
        "once".to_owned()
    } else {
        format!("{n} times")
    }
}

/// The cost of a loop, with the loops in it.
fn cost_of(profile: &Profile, number: usize) -> u64 {
    let within = |insn: u32| {
        let mut at = profile.sites.get(insn as usize).and_then(|site| site.in_loop);
        while let Some(this) = at {
            if this == number {
                return true;
            }
            at = profile.loops.get(this).and_then(|of| of.parent);
        }
        false
    };
    let inside = profile.samples.iter().filter(|sample| within(sample.insn));
    inside.map(|sample| sample.cost.insns).sum()
}

/// The loop with the greatest cost of its own, if that is a good part of all.
fn hottest(profile: &Profile) -> Option<usize> {
    let own = |number: usize| -> u64 {
        let mine = |insn: u32| profile.sites.get(insn as usize).and_then(|site| site.in_loop) == Some(number);
        let inside = profile.samples.iter().filter(|sample| mine(sample.insn));
        inside.map(|sample| sample.cost.insns).sum()
    };
    let total: u64 = profile.samples.iter().map(|sample| sample.cost.insns).sum();
    let most = (0..profile.loops.len()).max_by_key(|number| own(*number))?;
    (own(most) > total / 10).then_some(most)
}

/// A loop whose exits lead to this one: beside it, before it, and with many turns.
fn feeding<'p>(profile: &'p Profile, costs: &Costs<'_>, hot: usize) -> Option<&'p Loop> {
    let of = profile.loops.get(hot)?;
    let (_, entries) = costs.edges.arrivals(of.header, of.range);
    if entries < 2 {
        return None;
    }
    let turns = |of: &Loop| costs.edges.arrivals(of.header, of.range).0;
    let function = |insn: u32| profile.sites.get(insn as usize).map(|site| site.function);
    let beside = profile.loops.iter().filter(|other| {
        other.range.1 < of.header
            && function(other.header) == function(of.header)
            && other.parent == of.parent
    });
    beside
        .filter(|other| turns(other) > 0)
        .max_by_key(|other| turns(other))
}

/// The instruction that shows a loop best: one whose line says `for` or `while`, or the head.
fn loop_site(case: &Case<'_>, of: &Loop) -> u32 {
    let code = &case.path.code;
    let all = of.range.0..=of.range.1;
    // Not one of a loop inside.
    let profile = case.costs.map(|costs| costs.profile);
    let number = profile.and_then(|profile| profile.loops.iter().position(|other| std::ptr::eq(other, of)));
    let own = |insn: &u32| {
        let site = profile.and_then(|profile| profile.sites.get(*insn as usize));
        number.is_none() || site.is_some_and(|site| site.in_loop == number)
    };
    let own: Vec<u32> = all.clone().filter(own).collect();
    shows_loop(code, own.into_iter())
        .or_else(|| shows_loop(code, all))
        .unwrap_or(of.header)
}

/// An instruction whose expression is a loop's head, or whose line has one.
fn shows_loop(code: &Code<'_>, insns: impl DoubleEndedIterator<Item = u32> + Clone) -> Option<u32> {
    const WORDS: [&str; 5] = ["for", "while", "do", "bpf_for", "bpf_repeat"];
    let begins = |text: &str| WORDS.iter().any(|word| text.trim_start().starts_with(word));
    let whole = |insn: &u32| {
        code.spot(*insn).is_some_and(|spot| {
            spot.span
                .clone()
                .and_then(|span| spot.text.get(span))
                .is_some_and(begins)
        })
    };
    let line = |insn: &u32| code.spot(*insn).is_some_and(|spot| begins(spot.text));
    insns.clone().rev().find(whole).or_else(|| insns.rev().find(line))
}

/// The values that keep turns apart, most frequent first; gives the first one's name.
fn varying(
    case: &Case<'_>,
    draft: &mut Draft,
    profile: &Profile,
    of: &Loop,
    entered_often: bool,
) -> Option<String> {
    let within = |mismatch: &&Mismatch| {
        (of.range.0..=of.range.1).contains(&mismatch.insn)
            && mismatch.what != "state"
            && mismatch.what != "others"
    };
    let mut found: Vec<&Mismatch> = profile.mismatches.iter().filter(within).collect();
    // A counter differs from turn to turn as it must. What is no known number keeps apart the same turns of two entries.
    let counts = |mismatch: &Mismatch| {
        let place = place_of(&mismatch.what);
        place
            .and_then(|place| at_head(case, place, of))
            .is_some_and(|reg| reg.is_scalar() && reg.is_const())
    };
    found.sort_by_key(|mismatch| {
        (
            entered_often && counts(mismatch),
            std::cmp::Reverse(mismatch.count),
        )
    });
    let mut seen = Vec::new();
    found.retain(|mismatch| {
        let new = !seen.contains(&mismatch.what);
        seen.push(mismatch.what.clone());
        new
    });
    let mut first = None;
    for mismatch in found.into_iter().take(MAX_VALUES) {
        let place = place_of(&mismatch.what);
        let name = place.and_then(|place| named_in_loop(case, place, of));
        let shown = name.as_ref().map_or(mismatch.what.clone(), |name| {
            format!("`{name}` ({})", mismatch.what)
        });
        let example = if mismatch.example.is_empty() {
            String::new()
        } else {
            format!(": {}", mismatch.example)
        };
        draft.note(format!(
            "{shown} keeps the turns apart, {} times: {}{example}",
            mismatch.count, mismatch.why
        ));
        if first.is_none() {
            first = name;
        }
    }
    first
}

/// `r7 of frame 0`, `fp-16 of frame 1`.
fn place_of(what: &str) -> Option<Place> {
    let (place, frame) = what.split_once(" of frame ")?;
    let frame = frame.parse().ok()?;
    if let Some(reg) = place.strip_prefix('r') {
        return Some(Place::reg(frame, reg.parse().ok()?));
    }
    let below: u32 = place.strip_prefix("fp-")?.parse().ok()?;
    Place::slot(frame, verdict_engine::index::Spi(below.checked_sub(1)? / 8))
}

/// The step at which the loop's head was executed last.
fn head_step(case: &Case<'_>, of: &Loop) -> Option<usize> {
    let path = &case.path;
    (0..path.rec.steps.len())
        .rev()
        .find(|step| path.insn(*step) == Some(of.header))
}

/// What a place holds at the loop's head on the path that was walked last.
fn at_head<'a>(case: &Case<'a>, place: Place, of: &Loop) -> Option<&'a Reg> {
    case.path.rec.value(place, head_step(case, of)?)
}

/// A value by its name there.
fn named_in_loop(case: &Case<'_>, place: Place, of: &Loop) -> Option<String> {
    let path = &case.path;
    let root = path.root(place, head_step(case, of)?)?;
    path.name(&root)
}

/// A loop that came back to where it was with nothing changed: what its condition looks at.
pub(crate) fn endless(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let code = &path.code;
    let Some(header) = case.rejected.insn else { return };
    let end = path.rec.end();
    // From the last step back to the one before at which the loop's head was executed.
    let from = (1..=end)
        .rev()
        .find(|step| path.insn(*step) == Some(header))
        .unwrap_or(1);
    let mut told = false;
    let mut variable = None;
    for (step, branch, _) in loop_branches(case, from).into_iter().rev() {
        let Some((cause, name)) = condition(case, step, &branch) else {
            continue;
        };
        if !told {
            draft.causes([cause]);
            told = true;
            variable = name;
        }
    }
    let turn: Vec<u32> = (from..=end).filter_map(|step| path.insn(step)).collect();
    let site = shows_loop(code, turn.iter().copied()).unwrap_or(header);
    draft.primary(
        code.site(site),
        "comes back to here with nothing changed that the verifier follows: it would never end",
    );
    if let Some(back) = path.insn(end).filter(|insn| !told && *insn != header) {
        draft.causes([Cause {
            kind: CauseKind::Loop,
            site: code.site(back),
            place: None,
            variable: None,
            words: "goes back from here".to_owned(),
            before: None,
            after: None,
        }]);
    }
    if !told {
        draft.note("no condition on the way round looks at anything that changes, or there is none");
    }
    let what = variable.map_or("the condition".to_owned(), |name| format!("`{name}`"));
    draft.advise(
        format!("count the turns in a local variable with a constant limit (`for (i = 0; i < LIMIT && …; i++)`), whatever {what} says; or use bpf_loop(), bpf_for() or may_goto"),
        Some(code.site(site)),
    );
}

/// The conditions of the last turn; where the path ends with an arrival, the arriving jump is one.
fn loop_branches(case: &Case<'_>, from: usize) -> Vec<(usize, Branch, bool)> {
    let path = &case.path;
    let end = path.rec.end();
    let mut found: Vec<_> = path.branches(from, end).collect();
    if let Some(Op::Jump(verdict_isa::Jump::Branch(branch))) = path.op(end) {
        found.push((end, branch, true));
    }
    found
}

/// What a loop's condition looks at, and why that does not change for the verifier.
fn condition(case: &Case<'_>, step: usize, branch: &Branch) -> Option<(Cause, Option<String>)> {
    let path = &case.path;
    let operands = [Some(branch.dst), branch.src.reg()];
    let constant = matches!(branch.src, Operand::Imm(_));
    for reg in operands.into_iter().flatten() {
        let place = Place::reg(path.rec.step(step)?.frame, reg);
        let root = path.deep_root(place, step)?;
        let insn = path.insn(root.write.step).or_else(|| path.insn(step))?;
        let name = path.name(&root);
        let shown = name.as_ref().map_or(place.name(), |name| format!("`{name}`"));
        let words = match root.origin {
            Origin::Loaded(load) => {
                let source = path.reg(root.write.step, load.src).map(|(_, reg)| *reg);
                let memory = match source {
                    Some(reg) if reg.ty.base() == RegBase::MapValue => {
                        let map = path.rec.maps.get(reg.map().0 as usize);
                        map.map_or("a map".to_owned(), |map| format!("map `{}`", map.name))
                    }
                    Some(reg) => crate::words::kind(&reg),
                    None => "memory".to_owned(),
                };
                format!(
                    "the condition reads {shown} from {memory}: it is any number every time, so no turn differs from the one before"
                )
            }
            Origin::Called => {
                let callee = path.code.callee(insn).unwrap_or_default();
                format!("the condition looks at what {callee}() returns, which is any number every time")
            }
            Origin::Constant if !constant => continue,
            Origin::Constant => format!("the condition looks at {shown}, which no turn changes"),
            _ => format!("the condition looks at {shown}, of which nothing differs from turn to turn"),
        };
        let cause = Cause {
            kind: CauseKind::Loop,
            site: path.code.site(insn),
            place: Some(place.name()),
            variable: name.clone(),
            words,
            before: None,
            after: None,
        };
        return Some((cause, name));
    }
    None
}
