//! What was acquired and is not released, and where it should be.

use verdict_btf::Kind;
use verdict_isa::{Call, Op};
use verdict_kernel::rule::Rule;
use verdict_kernel::types::Flags;
use verdict_report::explanation::{Cause, CauseKind, Change, Site};

use crate::case::{Case, Draft};
use crate::recorder::Place;
use crate::trace::Path;

use super::nulls;

/// Functions that give back what others hand out, where the names do not say it.
const RELEASES: &[(&str, &str)] = &[
    ("bpf_ringbuf_reserve", "bpf_ringbuf_discard"),
    ("bpf_ringbuf_reserve_dynptr", "bpf_ringbuf_discard_dynptr"),
    ("bpf_sk_lookup_tcp", "bpf_sk_release"),
    ("bpf_sk_lookup_udp", "bpf_sk_release"),
    ("bpf_skc_lookup_tcp", "bpf_sk_release"),
    ("bpf_map_lookup_elem", "bpf_sk_release"),
    ("bpf_obj_new_impl", "bpf_obj_drop"),
    ("bpf_percpu_obj_new_impl", "bpf_percpu_obj_drop"),
    ("bpf_refcount_acquire_impl", "bpf_obj_drop"),
    ("bpf_list_pop_front", "bpf_obj_drop"),
    ("bpf_list_pop_back", "bpf_obj_drop"),
    ("bpf_rbtree_remove", "bpf_obj_drop"),
    ("bpf_iter_num_new", "bpf_iter_num_destroy"),
    ("bpf_cpumask_create", "bpf_cpumask_release"),
];

/// Functions that enter a region or take a lock, and those that leave it.
const REGIONS: &[(&str, &str)] = &[
    ("bpf_rcu_read_lock", "bpf_rcu_read_unlock"),
    ("bpf_preempt_disable", "bpf_preempt_enable"),
    ("bpf_local_irq_save", "bpf_local_irq_restore"),
    ("bpf_spin_lock", "bpf_spin_unlock"),
    ("bpf_res_spin_lock", "bpf_res_spin_unlock"),
    ("bpf_res_spin_lock_irqsave", "bpf_res_spin_unlock_irqrestore"),
];

/// What leaves the region that this function enters; `None` if it enters none.
pub(crate) fn leaves(function: &str) -> Option<&'static str> {
    let region = REGIONS.iter().find(|(enters, _)| *enters == function);
    region.map(|(_, leaves)| *leaves)
}

/// Says where a resource was acquired, by which conditions the path came to its end, and proposes a release.
pub(crate) fn leak(case: &Case<'_>, draft: &mut Draft, acquired: u32) {
    let path = &case.path;
    let callee = path
        .code
        .callee(acquired)
        .unwrap_or_else(|| "this call".to_owned());
    let name = path
        .code
        .spot(acquired)
        .and_then(|spot| spot.assigned())
        .or_else(|| path.code.argument(acquired, last_argument(&callee)))
        .map(|name| name.trim_start_matches('&').to_owned());
    let release = release_of(path, &callee).or_else(|| release_of_type(path, acquired));
    let even = if callee.ends_with("_reserve_dynptr") {
        "; it must be given back even where it fails"
    } else {
        ""
    };
    let shown = name
        .as_ref()
        .map_or("what must be released".to_owned(), |name| format!("`{name}`"));
    draft.causes([Cause {
        kind: CauseKind::Acquired,
        site: path.code.site(acquired),
        place: None,
        variable: name.clone(),
        words: format!("{callee}() acquires {shown}{even}"),
        before: None,
        after: None,
    }]);
    let from = (0..path.rec.steps.len())
        .rev()
        .find(|step| path.insn(*step) == Some(acquired))
        .unwrap_or(0);
    draft.conditions(path, from);
    released_elsewhere(case, draft, release.as_deref());
    let Some(insn) = path.insn(path.rec.end()) else {
        return;
    };
    let by = match (&release, &name) {
        (Some(release), Some(name)) => call_of(release, name),
        (Some(release), None) => format!("{release}()"),
        (None, _) => "the function that releases it".to_owned(),
    };
    let left = left_at(path, from);
    draft.primary(
        left.clone(),
        format!("{shown} is not released on the path that leaves here"),
    );
    draft.plan(
        format!("release {shown} on this path, too: accepted with `{by}`"),
        Some(left),
        vec![Change::Release { insn, acquired }],
    );
}

/// The function that releases an object by its type, for what is taken out of a map.
fn release_of_type(path: &Path<'_>, acquired: u32) -> Option<String> {
    let step = (0..path.rec.steps.len())
        .rev()
        .find(|step| path.insn(*step) == Some(acquired))?;
    let result = Place::reg(path.rec.step(step)?.frame, 0);
    let write = path.rec.writes_of(step).find(|write| write.place == result)?;
    if write.value.ty.has(Flags::ALLOC) {
        return Some("bpf_obj_drop".to_owned());
    }
    let (object, _) = nulls::object(path, &write.value)?;
    let stem = object.trim_end_matches("_struct").trim_start_matches("bpf_");
    let name = format!("bpf_{stem}_release");
    path.code.kernel.btf.find(&name, Kind::Func).map(|_| name)
}

/// A release of what is not held: released before, or handed out without a reference.
pub(crate) fn not_held(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let end = path.rec.end();
    let Some(insn) = path.insn(end) else { return };
    let (Some(callee), text) = (called(path, insn), path.code.argument(insn, 0)) else {
        return;
    };
    let shown = text.map_or("it".to_owned(), |text| format!("`{text}`"));
    let stem = |name: &str| name.split('_').take(2).collect::<Vec<_>>().join("_");
    let released = (0..end).rev().find_map(|step| {
        let at = path.insn(step)?;
        let by = called(path, at)?;
        let gives_back = ["_release", "_submit", "_discard", "_drop", "_put", "_destroy"];
        let alike = stem(&by) == stem(&callee)
            && gives_back.iter().any(|word| by.contains(word))
            && path.code.argument(at, 0) == text;
        alike.then_some((at, by))
    });
    match released {
        Some((at, by)) => {
            draft.causes([Cause {
                kind: CauseKind::Lost,
                site: path.code.site(at),
                place: None,
                variable: text.map(ToOwned::to_owned),
                words: format!("{by}() has released {shown} already"),
                before: None,
                after: None,
            }]);
            draft.advise(
                format!("release {shown} once: take this call or that of {by}() away, or leave the function behind the first"),
                Some(path.code.site(insn)),
            );
        }
        None => draft.advise(
            format!("do not release {shown}: it was not acquired here. To keep such an object, acquire a reference first (bpf_task_acquire(), bpf_cgroup_acquire(), bpf_kptr_xchg() of a map's value, …), and release that"),
            Some(path.code.site(insn)),
        ),
    }
}

/// The argument that names what a function fills in, where it returns nothing.
fn last_argument(callee: &str) -> usize {
    if callee.ends_with("_dynptr") { 3 } else { 0 }
}

/// The call that releases a variable.
fn call_of(release: &str, name: &str) -> String {
    let by_address = release.ends_with("_dynptr") || release.contains("_iter_") || release.contains("irq");
    let flags = if release.starts_with("bpf_ringbuf_") {
        ", 0"
    } else {
        ""
    };
    format!("{release}({}{name}{flags})", if by_address { "&" } else { "" })
}

/// The line on which the path turns to its end: a `return`, or else the last condition.
fn left_at(path: &Path<'_>, from: usize) -> Site {
    let end = path.rec.end();
    let returns = |step: &usize| {
        let spot = path.insn(*step).and_then(|insn| path.code.spot(insn));
        spot.is_some_and(|spot| spot.text.trim_start().starts_with("return"))
    };
    let step = (from..=end)
        .rev()
        .find(returns)
        .or_else(|| path.branches(from, end).next_back().map(|(step, ..)| step));
    let insn = step.and_then(|step| path.insn(step)).or_else(|| path.insn(end));
    insn.map(|insn| path.code.site(insn)).unwrap_or_default()
}

/// Where the program does release such a thing, on other paths.
fn released_elsewhere(case: &Case<'_>, draft: &mut Draft, release: Option<&str>) {
    let path = &case.path;
    let Some(release) = release else { return };
    let stem = release.trim_end_matches("_dynptr");
    let family = stem.rsplit_once('_').map_or(stem, |(family, _)| family);
    let calls = (0..path.code.prog.insns.len() as u32).filter(|insn| {
        let op = path.code.op(*insn);
        let callee = match op {
            Some(Op::Call(Call::Helper { .. } | Call::Kfunc { .. })) => path.code.callee(*insn),
            _ => None,
        };
        callee.is_some_and(|callee| {
            callee == release
                || callee.starts_with(family) && (callee.contains("submit") || callee.contains("discard"))
        })
    });
    let lines: Vec<String> = calls
        .filter_map(|insn| path.code.spot(insn))
        .map(|spot| format!("{}", spot.line))
        .take(3)
        .collect();
    if !lines.is_empty() {
        draft.note(format!(
            "it is released on other paths: line {}",
            lines.join(", ")
        ));
    }
}

/// The function that gives back what this one hands out, as far as this kernel has one.
fn release_of(path: &Path<'_>, callee: &str) -> Option<String> {
    let mut pairs = RELEASES.iter().chain(REGIONS);
    if let Some((_, release)) = pairs.find(|(acquires, _)| *acquires == callee) {
        return Some((*release).to_owned());
    }
    let known = |name: &String| path.code.kernel.btf.find(name, Kind::Func).is_some();
    let mut candidates = Vec::new();
    if let Some(family) = callee.strip_suffix("_new") {
        candidates.push(format!("{family}_destroy"));
    }
    let parts: Vec<&str> = callee.split('_').collect();
    for length in (2..parts.len()).rev() {
        let stem = parts.get(..length).unwrap_or_default().join("_");
        for end in ["release", "put", "drop", "free"] {
            candidates.push(format!("{stem}_{end}"));
        }
    }
    candidates.into_iter().find(known)
}

/// A list or tree whose lock is not held, or another one.
pub(crate) fn graph_lock(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let end = path.rec.end();
    let Some(insn) = path.insn(end) else { return };
    let root = path.code.argument(insn, 0).map(ToOwned::to_owned);
    let shown = root
        .as_ref()
        .map_or("the list or tree".to_owned(), |root| format!("`{root}`"));
    let taken = (0..end).rev().find_map(|step| {
        let at = path.insn(step)?;
        let callee = matches!(path.code.op(at), Some(Op::Call(_))).then(|| path.code.callee(at))??;
        callee.starts_with("bpf_spin_lock").then_some(at)
    });
    match taken {
        Some(at) => {
            let lock = path.code.argument(at, 0).unwrap_or("a lock").to_owned();
            draft.causes([Cause {
                kind: CauseKind::Check,
                site: path.code.site(at),
                place: None,
                words: format!("takes `{lock}`, which is not known to lie beside {shown}, in the same object through the same pointer"),
                variable: Some(lock),
                before: None,
                after: None,
            }]);
        }
        None => draft.note(format!(
            "no lock is taken on this path: {shown} needs the one that lies in the same object"
        )),
    }
    draft.plan(
        format!("hold the `struct bpf_spin_lock` that lies in the same object as {shown}, taken through the same pointer, around this call"),
        Some(path.code.site(insn)),
        vec![Change::Locked { insn, reg: 1 }],
    );
}

/// A region or lock that is still held, or that is left too early.
pub(crate) fn region(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let last = (0..path.rec.end()).rev().find_map(|step| {
        let insn = path.insn(step)?;
        let Some(Op::Call(_)) = path.code.op(insn) else {
            return None;
        };
        let callee = path.code.callee(insn)?;
        leaves(&callee).map(|end| (step, insn, callee, end))
    });
    let from = last.as_ref().map_or(0, |(step, ..)| *step);
    let mut leave = "leave it".to_owned();
    let mut entry = None;
    if let Some((_, insn, callee, end)) = &last {
        let object = path.code.argument(*insn, 0).map(ToOwned::to_owned);
        let shown = object
            .as_ref()
            .map_or("the region".to_owned(), |object| format!("`{object}`"));
        draft.causes([Cause {
            kind: CauseKind::Acquired,
            site: path.code.site(*insn),
            place: None,
            words: format!("{callee}() enters {shown}"),
            variable: object.clone(),
            before: None,
            after: None,
        }]);
        draft.conditions(path, from);
        leave = format!("call {end}({})", object.unwrap_or_default());
        entry = Some((*insn, callee.clone()));
    }
    let Some(insn) = path.insn(path.rec.end()) else {
        return;
    };
    // A call that must not be made here can be made before, and its result kept.
    let locks = |callee: &String| callee.contains("spin_lock") || callee.contains("spin_unlock");
    if called(path, insn).as_ref().is_some_and(locks) {
        let held = entry
            .as_ref()
            .and_then(|(at, _)| path.code.argument(*at, 0))
            .unwrap_or("the first lock");
        draft.advise(
            format!("give back `{held}` before another lock is taken: a program may hold one bpf_spin_lock at a time"),
            Some(path.code.site(insn)),
        );
        return;
    }
    if let (Some(callee), Some((entered, by))) = (
        called(path, insn),
        entry.filter(|_| is_misplaced(case.rejected.rule)),
    ) {
        let line = path
            .code
            .spot(entered)
            .map_or_else(|| format!("insn {entered}"), |spot| format!("line {}", spot.line));
        draft.plan(
            format!("call {callee}() before {by}() on {line}, and keep what it returns for use in the region: accepted if it is called outside"),
            Some(path.code.site(insn)),
            vec![Change::Unlocked { insn }],
        );
    }
    let leaks = matches!(case.rejected.rule, Rule::RegionLeak | Rule::LockLeak);
    let site = if leaks {
        left_at(path, from)
    } else {
        path.code.site(insn)
    };
    if leaks {
        draft.primary(
            site.clone(),
            "the path that leaves here does not leave the region",
        );
    }
    draft.plan(
        format!("{leave} on this path, too: accepted if it comes before the program ends"),
        Some(site),
        vec![Change::LeaveRegions { insn }],
    );
}

/// Whether a rule is about a call that stands in a region.
const fn is_misplaced(rule: Rule) -> bool {
    matches!(rule, Rule::SleepInRegion | Rule::CallUnderLock)
}

/// The function that an instruction calls.
fn called(path: &Path<'_>, insn: u32) -> Option<String> {
    let calls = matches!(path.code.op(insn), Some(Op::Call(_)));
    calls.then(|| path.code.callee(insn))?
}

/// A lock that is given back through another pointer, or taken twice.
pub(crate) fn lock_pairing(case: &Case<'_>, draft: &mut Draft) {
    let path = &case.path;
    let end = path.rec.end();
    let Some(insn) = path.insn(end) else { return };
    let taken = (0..end).rev().find_map(|step| {
        let at = path.insn(step)?;
        let callee = matches!(path.code.op(at), Some(Op::Call(_))).then(|| path.code.callee(at))??;
        (callee.contains("spin_lock") && !callee.contains("unlock")).then_some(at)
    });
    let this = path.code.argument(insn, 0).unwrap_or("this lock").to_owned();
    let Some(at) = taken else {
        draft.note("no lock is taken on this path");
        return;
    };
    let lock = path.code.argument(at, 0).unwrap_or("the lock").to_owned();
    draft.causes([Cause {
        kind: CauseKind::Acquired,
        site: path.code.site(at),
        place: None,
        words: format!("takes `{lock}`, the lock that is held here"),
        variable: Some(lock.clone()),
        before: None,
        after: None,
    }]);
    draft.advise(
        format!("give back `{lock}` through the very pointer by which it was taken (here it is `{this}`; two lookups of one element count as two), before another one is taken"),
        Some(path.code.site(insn)),
    );
}

/// What a rule says about the kind of thing that lingers.
pub(crate) const fn is_region(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::RegionLeak | Rule::LockLeak | Rule::LeaveInRegion | Rule::SleepInRegion | Rule::CallUnderLock
    )
}
