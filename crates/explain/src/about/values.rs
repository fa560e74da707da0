//! Where a value comes from that is not of the type that is needed, or is none at all.

use verdict_engine::state::Reg;
use verdict_isa::{Alu, Call, Load, Op};
use verdict_kernel::types::{Flags, RegBase};
use verdict_report::explanation::{Cause, CauseKind, Change, Range};

use crate::case::{Case, Draft};
use crate::recorder::Place;
use crate::trace::{Origin, Path, Root};
use crate::words;

use super::{calls, nulls};

/// The helper that reads any kernel address.
const PROBE_READ_KERNEL: u32 = 113;

/// Says where a register got what it holds.
pub(crate) fn explain(case: &Case<'_>, draft: &mut Draft, reg: u8) -> Option<String> {
    let path = &case.path;
    let step = path.rec.end();
    let place = nulls::place(case, reg).filter(|_| reg < 10)?;
    let Some(root) = path.deep_root(place, step) else {
        draft.note(format!("{} is not written on this path", place.name()));
        return None;
    };
    let name = path.pointer_name(&root, place, step);
    let stored = stack_write(path, &root, place, reg);
    if stored.is_none() && is_plain(path, &root) {
        return name;
    }
    if let Some(cause) = stored.or_else(|| origin(path, &root, name.clone())) {
        draft.causes([cause]);
    }
    draft.conditions(path, root.write.step);
    name
}

/// Says which instruction has made what a register holds, or was the last to constrain it.
pub(crate) fn made(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let step = path.rec.end();
    let Some(place) = nulls::place(case, reg) else {
        return;
    };
    let root = path.root(place, step);
    let cause = root.and_then(|root| {
        let name = path.pointer_name(&root, place, step);
        origin(path, &root, name)
    });
    draft.causes(cause);
    let constrained = path
        .compared(place, step)
        .filter(|_| !draft.out.names_earlier_cause());
    if let Some((write, insn)) = constrained.and_then(|write| Some((write, path.insn(write.step)?))) {
        draft.causes([Cause {
            kind: CauseKind::Check,
            site: path.code.site(insn),
            place: Some(write.place.name()),
            variable: None,
            words: format!("leaves {}: {}", write.place.name(), words::value(&write.value)),
            before: None,
            after: None,
        }]);
    }
}

/// Whether a value is a constant of the failing line itself, of which nothing is to be said that the line does not.
fn is_plain(path: &Path<'_>, root: &Root<'_>) -> bool {
    let line = |insn: Option<u32>| insn.and_then(|insn| path.code.spot(insn)).map(|spot| spot.line);
    let here = line(path.insn(path.rec.end()));
    let constant = matches!(root.origin, Origin::Constant) && !root.write.value.is_scalar();
    constant && here.is_some() && line(path.insn(root.write.step)) == here
}

/// The stack slot that a register points to at the end of the path.
pub(crate) fn stack_slot(path: &Path<'_>, reg: u8) -> Option<Place> {
    let (_, value) = path.reg(path.rec.end(), reg)?;
    if value.ty.base() != RegBase::Stack {
        return None;
    }
    let offset = (value.b.const_value()? as i64).checked_add(i64::from(value.off))?;
    let below = offset.checked_neg().filter(|below| *below > 0)?;
    let spi = u32::try_from((below - 1) / 8).ok()?;
    Place::slot(value.frameno.0 as u8, verdict_engine::index::Spi(spi))
}

/// Where the variable was written last that a pointer to the stack points to.
fn stack_write(path: &Path<'_>, root: &Root<'_>, place: Place, reg: u8) -> Option<Cause> {
    let step = path.rec.end();
    let made_here = matches!(
        root.origin,
        Origin::Computed(_) | Origin::Constant | Origin::Entry
    );
    let slot = stack_slot(path, reg).filter(|_| made_here && place.register() == Some(reg))?;
    let write = path
        .rec
        .before(slot, step)
        .filter(|write| !write.value.is_not_init())?;
    let insn = path.insn(write.step)?;
    let number = usize::from(reg).checked_sub(1);
    let argument = number.and_then(|number| path.code.argument(path.insn(step)?, number));
    let shown = argument.map_or_else(|| slot.name(), |text| format!("`{text}`"));
    let words = match path.op(write.step) {
        Some(Op::Call(_)) => format!(
            "{}() was the last to change {shown}, which lies on the stack",
            path.code.callee(insn).unwrap_or_else(|| "this call".to_owned())
        ),
        _ => format!("{shown} lies on the stack, and is written here last"),
    };
    Some(Cause {
        kind: CauseKind::Origin,
        site: path.code.site(insn),
        place: Some(slot.name()),
        variable: argument.map(ToOwned::to_owned),
        words,
        before: None,
        after: None,
    })
}

/// Remedies for a pointer that must point to where its object begins.
pub(crate) fn rewind(case: &Case<'_>, draft: &mut Draft, reg: u8, name: Option<&str>) {
    let path = &case.path;
    let Some(insn) = path.insn(path.rec.end()) else {
        return;
    };
    let shown = name.map_or_else(|| format!("r{reg}"), |name| format!("`{name}`"));
    if let Some((_, value)) = path.reg(path.rec.end(), reg) {
        draft.note(format!(
            "{shown} is {}, {} behind where its object begins",
            words::kind(value),
            offset_words(value)
        ));
    }
    draft.plan(
        format!("keep the pointer as it was handed out, and use that here, not {shown}"),
        Some(path.code.site(insn)),
        vec![Change::Offset { insn, reg, offset: 0 }],
    );
}

/// Remedies for the context at an offset that varies: it must be constant.
pub(crate) fn indexed_context(case: &Case<'_>, draft: &mut Draft, reg: u8) -> bool {
    let path = &case.path;
    let step = path.rec.end();
    let (Some(insn), Some((_, value))) = (path.insn(step), path.reg(step, reg)) else {
        return false;
    };
    if value.ty.base() != RegBase::Ctx || value.b.is_const() {
        return false;
    }
    let expression = path.code.spot(insn).and_then(|spot| spot.expression());
    let shown = expression.unwrap_or("the context");
    draft.note(format!(
        "the offset in the context must be a constant in the instruction itself; of `{shown}` it is {}",
        offset_words(value)
    ));
    let query = calls::query_of(path.code.prog);
    let reads = path.code.kernel.helpers(&query).get(PROBE_READ_KERNEL).is_ok();
    if reads && matches!(path.op(step), Some(Op::Load(_))) {
        draft.plan(
            format!("copy it by bpf_probe_read_kernel(&variable, sizeof(variable), &{shown}), which takes any address"),
            Some(path.code.site(insn)),
            vec![Change::ReadByHelper { insn }],
        );
    }
    let index = path
        .code
        .spot(insn)
        .and_then(|spot| spot.subscripts().next().map(|(_, index)| index));
    let index = index.unwrap_or("the index");
    draft.advise(
        format!("or choose among constant subscripts: `switch ({index})` with a case for each, the value hidden from the compiler by a barrier so that it does not make one access of all"),
        Some(path.code.site(insn)),
    );
    true
}

/// An access that does not fit the kernel's struct that the pointer is known to point to.
pub(crate) fn other_object(case: &Case<'_>, draft: &mut Draft, reg: u8, name: Option<&str>) {
    let path = &case.path;
    let step = path.rec.end();
    let (Some(insn), Some((_, value))) = (path.insn(step), path.reg(step, reg)) else {
        return;
    };
    let Some((object, size)) = nulls::object(path, value) else {
        return;
    };
    let shown = name.map_or_else(|| format!("r{reg}"), |name| format!("`{name}`"));
    let off = match path.op(step) {
        Some(Op::Load(load)) => i64::from(load.off),
        Some(Op::Store(store)) => i64::from(store.off),
        _ => 0,
    } + i64::from(value.off);
    draft.note(format!(
        "to the verifier {shown} is a `struct {object}` of {size} bytes, whatever it is cast to; the access is at offset {off}"
    ));
    if matches!(path.op(step), Some(Op::Load(_))) {
        draft.plan(
            "read it by BPF_CORE_READ() or bpf_probe_read_kernel(), which follow the cast",
            Some(path.code.site(insn)),
            vec![Change::ReadByHelper { insn }],
        );
        draft.advise(
            "or change the type for the verifier, too: `bpf_core_cast(p, struct NAME)`, or for sockets bpf_skc_to_tcp_sock() and similar",
            Some(path.code.site(insn)),
        );
    }
}

/// Remedies for an operation that makes a pointer meaningless.
pub(crate) fn operated(case: &Case<'_>, draft: &mut Draft, name: Option<&str>) {
    let path = &case.path;
    let step = path.rec.end();
    let (Some(insn), Some(Op::Alu(alu))) = (path.insn(step), path.op(step)) else {
        return;
    };
    let kind = path.reg(step, alu.dst()).map_or("a pointer", |(_, value)| {
        if value.is_scalar() {
            "a pointer"
        } else {
            "the pointer"
        }
    });
    let shown = name.map_or_else(|| kind.to_owned(), |name| format!("`{name}`"));
    let done = path.code.spot(insn).and_then(|spot| spot.expression());
    let done = done.map_or_else(|| "this operation".to_owned(), |done| format!("`{done}`"));
    draft.advise(
        format!("keep {shown} a pointer: only a number may be added to it or taken from it. Apply {done} to an offset (`base + (offset & MASK)`), or copy the address to a map first where it only serves as a key or is printed"),
        Some(path.code.site(insn)),
    );
}

fn offset_words(value: &Reg) -> String {
    let range = words::range(&value.b);
    let off = i64::from(value.off);
    let moved = |end: i64| {
        if end == i64::MIN || end == i64::MAX {
            end
        } else {
            end.saturating_add(off)
        }
    };
    words::InWords(Range {
        min: moved(range.min),
        max: moved(range.max),
    })
    .to_string()
}

/// Remedies for an argument that must be memory, and points to something else.
pub(crate) fn memory(case: &Case<'_>, draft: &mut Draft, reg: u8, words: &str) {
    let path = &case.path;
    let Some(insn) = path.insn(path.rec.end()) else {
        return;
    };
    draft.plan(
        words,
        Some(path.code.site(insn)),
        vec![Change::Memory {
            insn,
            reg,
            bytes: 1 << 16,
        }],
    );
}

/// How a value came to be what it is.
fn origin(path: &Path<'_>, root: &Root<'_>, name: Option<String>) -> Option<Cause> {
    let step = root.write.step;
    let insn = path.shown_insn(root.write)?;
    let place = root.write.place;
    let shown = name
        .as_ref()
        .map_or_else(|| place.name(), |name| format!("`{name}`"));
    let value = &root.write.value;
    let words = match root.origin {
        Origin::Entry => entry(path, root, &shown),
        Origin::Called => called(path, insn, value, &shown),
        Origin::Loaded(load) => loaded(path, step, load, value, &shown),
        Origin::Cleared => cleared(path, root, insn),
        Origin::Computed(alu) => computed(path, root, alu, &shown),
        Origin::Constant => format!("{shown} is {}", words::constant(value)),
        Origin::Part(..) | Origin::Stored { .. } => {
            format!("{shown} is only a part of what was there: {}", words::kind(value))
        }
        Origin::Fetched => format!("{shown} is read from memory by an atomic operation"),
        Origin::Filled => format!(
            "{shown} was copied to the stack by {}(): a number to the verifier, whatever it points to",
            path.code.callee(insn).unwrap_or_else(|| "a function".to_owned())
        ),
        Origin::Bytes => format!("{shown} is read from stack bytes that hold no pointer"),
        Origin::Same(_) | Origin::Compared => format!("{shown} is {}", words::kind(value)),
    };
    let kind = match root.origin {
        Origin::Cleared => CauseKind::Lost,
        _ => CauseKind::Origin,
    };
    Some(Cause {
        kind,
        site: path.code.site(insn),
        place: Some(place.name()),
        variable: name,
        words,
        before: None,
        after: None,
    })
}

fn entry(path: &Path<'_>, root: &Root<'_>, shown: &str) -> String {
    let value = &root.write.value;
    match value.ty.base() {
        RegBase::Ctx => format!("{shown} is the program's context"),
        RegBase::NotInit => format!("{shown} is not set where the function begins"),
        _ if root.write.place.frame == 0 && path.rec.steps.len() > 1 => {
            format!("{shown} comes as an argument: {}", words::kind(value))
        }
        _ => format!("{shown} comes from the caller: {}", words::kind(value)),
    }
}

fn called(path: &Path<'_>, insn: u32, value: &Reg, shown: &str) -> String {
    let callee = path.code.callee(insn).unwrap_or_else(|| "a function".to_owned());
    match value.ty.base() {
        RegBase::Scalar => {
            format!("{shown} is what {callee}() returns: a number to the verifier, not a pointer")
        }
        _ => format!("{shown} is what {callee}() returns: {}", words::kind(value)),
    }
}

fn loaded(path: &Path<'_>, step: usize, load: Load, value: &Reg, shown: &str) -> String {
    let source = path.reg(step, load.src).map(|(_, reg)| *reg);
    let kind = words::kind(value);
    match source {
        Some(reg) if reg.ty.base() == RegBase::Ctx && value.is_scalar() => {
            format!("{shown} is read from the context: a number to the verifier, whatever it points to")
        }
        Some(reg) if reg.ty.base() == RegBase::Ctx => format!("{shown} is read from the context: {kind}"),
        Some(reg) => match nulls::member(path, &reg, load) {
            Some(member) => format!("{shown} is read from `{member}`: {kind}"),
            None => format!("{shown} is read from {}: {kind}", words::kind(&reg)),
        },
        None => format!("{shown} is read here: {kind}"),
    }
}

/// A call leaves nothing in its argument registers, and takes away what it released or moved.
fn cleared(path: &Path<'_>, root: &Root<'_>, insn: u32) -> String {
    let place = root.write.place;
    let callee = path.code.callee(insn).unwrap_or_else(|| "the call".to_owned());
    let register = place.register().unwrap_or(0);
    if root.write.value.is_not_init() {
        return format!("{} is lost here: a call leaves nothing in r1 to r5", place.name());
    }
    let before = path.rec.value(place, root.write.step);
    match before {
        Some(before) if before.is_pkt() => {
            format!(
                "{callee}() may move the packet: pointers into it are gone, and must be loaded and checked again"
            )
        }
        Some(before) if before.ref_obj_id != 0 || before.ty.has(Flags::MAYBE_NULL) => {
            format!("{callee}() releases it: what r{register} held must not be used any more")
        }
        Some(before) => format!("{callee}() takes it away: it was {}", words::kind(before)),
        None => format!("{callee}() leaves nothing here"),
    }
}

fn computed(path: &Path<'_>, root: &Root<'_>, alu: Alu, shown: &str) -> String {
    let value = &root.write.value;
    let frame = root.write.place.frame;
    let before = path.rec.value(Place::reg(frame, alu.dst()), root.write.step);
    match before {
        Some(before) if !before.is_scalar() && value.is_scalar() => {
            format!("{shown} is a number from here on: it was {}", words::kind(before))
        }
        _ => format!("{shown} is computed here: {}", words::value(value)),
    }
}

/// Remedies for memory that is accessed through what is no pointer.
pub(crate) fn read_by_helper(case: &Case<'_>, draft: &mut Draft, reg: u8, name: Option<&str>) {
    let path = &case.path;
    let step = path.rec.end();
    let Some(insn) = path.insn(step) else { return };
    let root = nulls::place(case, reg).and_then(|place| path.deep_root(place, step));
    if let Some(root) = root.filter(|root| matches!(root.origin, Origin::Cleared)) {
        gone(case, draft, &root, name);
        return;
    }
    let callee = root.and_then(|root| match root.origin {
        Origin::Called => path.code.callee(path.insn(root.write.step)?),
        _ => None,
    });
    let site = Some(path.code.site(insn));
    if let (Some(callee), Some(root)) = (callee.as_deref(), root) {
        let at = path.insn(root.write.step).map(|insn| path.code.site(insn));
        if callee == "bpf_get_current_task" {
            draft.advise(
                "call bpf_get_current_task_btf(), which returns a pointer that may be read",
                at,
            );
        }
    }
    let shown = name.map_or_else(|| format!("r{reg}"), |name| format!("`{name}`"));
    match path.op(step) {
        Some(Op::Load(_)) => draft.plan(
            if path.code.is_of_user(insn) {
                format!("read what {shown} points to by bpf_probe_read_user() (bpf_probe_read_user_str() for strings): it is an address of user space")
            } else {
                format!("read what {shown} points to by BPF_CORE_READ() or bpf_probe_read_kernel() (bpf_probe_read_user() for user memory)")
            },
            site,
            vec![Change::ReadByHelper { insn }],
        ),
        Some(Op::Call(Call::Helper { .. } | Call::Kfunc { .. })) if is_number(case, reg) => memory(
            case,
            draft,
            reg,
            &format!("copy what {shown} points to to the stack first (bpf_probe_read_user_str(), bpf_probe_read_user(), or the _kernel ones), and hand over the copy: accepted with a pointer to the stack"),
        ),
        _ => {}
    }
}

fn is_number(case: &Case<'_>, reg: u8) -> bool {
    let path = &case.path;
    path.reg(path.rec.end(), reg)
        .is_some_and(|(_, value)| value.is_scalar())
}

/// Remedies for what a call has taken away.
fn gone(case: &Case<'_>, draft: &mut Draft, root: &Root<'_>, name: Option<&str>) {
    let path = &case.path;
    let shown = name.map_or("it".to_owned(), |name| format!("`{name}`"));
    let site = path.insn(root.write.step).map(|insn| path.code.site(insn));
    let packet = path
        .rec
        .value(root.write.place, root.write.step)
        .is_some_and(Reg::is_pkt);
    draft.advise(
        if packet {
            format!(
                "load {shown} from the context again behind this call, and compare it with data_end again"
            )
        } else {
            format!("use {shown} before this call, or make the call behind the last use")
        },
        site,
    );
}

/// Remedies for a kernel's object that may be gone.
pub(crate) fn trust(case: &Case<'_>, draft: &mut Draft, name: Option<&str>) {
    let path = &case.path;
    let shown = name.map_or("it".to_owned(), |name| format!("`{name}`"));
    draft.advise(
        format!("take {shown} from where the kernel vouches for it: an argument of tp_btf, fentry or LSM programs, a kfunc that acquires it (bpf_task_from_pid(), bpf_get_task_exe_file(), …), or a member that is RCU-protected, between bpf_rcu_read_lock() and bpf_rcu_read_unlock()"),
        path.insn(path.rec.end()).map(|insn| path.code.site(insn)),
    );
}

/// Remedies for a register that holds nothing.
pub(crate) fn initialise(case: &Case<'_>, draft: &mut Draft, reg: u8) {
    let path = &case.path;
    let Some(insn) = path.insn(path.rec.end()) else {
        return;
    };
    draft.plan(
        format!("give r{reg} a value on every path to this line"),
        Some(path.code.site(insn)),
        vec![Change::Number { insn, reg, value: 0 }],
    );
}
