//! Programs that depend on what is not known of a kernel: on a switch none of whose values gives what the kernel answered when it
//! was asked, or on a fact that no known table has as the kernel has it.

use verdict_engine::index::RegNo;
use verdict_engine::observer::{Event, Observer, Silent};
use verdict_engine::{Outcome, Verdict, verify};
use verdict_isa::{Insn, class, size};
use verdict_kernel::attr::ProgLoad;
use verdict_kernel::helper::HelperId;
use verdict_kernel::prog::ProgType;
use verdict_kernel::semantics::Switch;
use verdict_kernel::types::RegBase;
use verdict_kernel::{Kernel, Unsure};
use verdict_report::GaveUp;
use verdict_syscall::Prog;

use crate::answer::End;
use crate::verifier::{Loaded, OpenObject, Request};

/// The switches of the log's wording and form.
const LOG: &str = "log";

/// The kernel under each other value of the switches whose value is not known, one at a time.
fn alternatives(kernel: &Kernel) -> impl Iterator<Item = (&'static Switch, Kernel)> {
    // How the log is written changes no verdict.
    let unknown = kernel.evidence.unknown().filter(|switch| switch.family != LOG);
    unknown.flat_map(move |switch| {
        let is = kernel.semantics.get(switch.name);
        let others = switch.values.iter().filter(move |value| Some(value.name) != is);
        others.filter_map(move |value| {
            let mut other = kernel.clone();
            other.semantics = kernel.semantics.with_needed(switch.name, value.name)?;
            Some((switch, other))
        })
    })
}

/// Whether nothing of the kernel is unknown in this way, so that nothing needs to be looked at.
pub(crate) fn is_sure(kernel: &Kernel) -> bool {
    kernel.unsure.is_empty() && kernel.evidence.unknown().all(|switch| switch.family == LOG)
}

/// That a program depends on a switch.
fn depends(kernel: &Kernel, switch: &Switch) -> String {
    format!(
        "it depends on the switch '{}', whose value is not known of {}",
        switch.name, kernel.name
    )
}

impl OpenObject<'_> {
    /// Why nothing can be said of a program: what it depends on is not known of the kernel, or it takes too much to find
    /// that out.
    pub(crate) fn unsure(&self, index: usize, request: Request<'_>) -> Option<End> {
        let kernel = request.rules.unwrap_or_else(|| self.kernel());
        if is_sure(kernel) {
            return None;
        }
        let ends = |kernel: &Kernel| {
            let request = Request {
                rules: Some(kernel),
                ..request
            };
            let loaded = self.load_surely(index, request, &mut |kernel, prog| {
                verify(kernel, prog, &mut Silent)
            });
            Ended::of(loaded)
        };
        let mut used = None;
        let own = self.load_surely(index, request, &mut |kernel, prog| {
            let (outcome, access) = verify_watched(kernel, prog);
            used = access;
            outcome
        });
        if let Some(used) = used {
            return Some(End::Unsupported(used));
        }
        let own = Ended::of(own);
        if own.gave_up.is_some() {
            return own.gave_up.map(End::GaveUp);
        }
        let (switch, other) = alternatives(kernel)
            .map(|(switch, other)| (switch, ends(&other)))
            .find(|(_, other)| *other != own)?;
        Some(match other.gave_up {
            Some(what) => End::GaveUp(what),
            None => End::Unsupported(depends(kernel, switch)),
        })
    }
}

/// How loading a program ends, as far as it counts.
#[derive(PartialEq)]
struct Ended {
    words: String,
    figures: Option<[u32; 4]>,
    gave_up: Option<GaveUp>,
}

impl Ended {
    fn of(loaded: Loaded) -> Ended {
        let gave_up = match loaded.end {
            End::GaveUp(what) => Some(what),
            _ => None,
        };
        let words = match loaded.end {
            End::Accepted => "accepted".to_owned(),
            End::Kernel(broken) => format!("refused {}", broken.errno),
            End::Libbpf(broken, _) => format!("libbpf {}", broken.errno),
            End::Unsupported(_) => "unsupported".to_owned(),
            End::GaveUp(_) => "gave up".to_owned(),
        };
        Ended {
            words,
            figures: loaded.outcome.as_ref().map(figures),
            gave_up,
        }
    }
}

fn figures(outcome: &Outcome) -> [u32; 4] {
    let stats = &outcome.stats;
    [
        stats.insns,
        stats.states,
        stats.peak_states,
        stats.max_states_per_insn,
    ]
}

/// The same of a program that is handed over by itself.
pub(crate) fn unsure_handed(kernel: &Kernel, prog: &Prog, outcome: &Outcome) -> Option<String> {
    let errno = |verdict: &Verdict| match verdict {
        Verdict::Accepted => Some(0),
        Verdict::Rejected(rejected) => Some(rejected.errno.0),
        _ => None,
    };
    if let (_, Some(used)) = verify_watched(kernel, prog) {
        return Some(used);
    }
    let own = (errno(&outcome.verdict), figures(outcome));
    let differs = |other: &Kernel| {
        let outcome = verify(other, prog, &mut Silent);
        (errno(&outcome.verdict), figures(&outcome)) != own
    };
    alternatives(kernel)
        .find(|(_, other)| differs(other))
        .map(|(switch, _)| depends(kernel, switch))
}

/// Why nothing can be said of a program: a fact that it may use is none that the kernel's tables have.
pub fn unsure_fact(kernel: &Kernel, load: &ProgLoad) -> Option<String> {
    let unsure = kernel
        .unsure
        .iter()
        .find(|unsure| unsure.prog_type == load.prog_type)?;
    let of = |what: String| {
        let kind = ProgType::from_raw(load.prog_type).map_or("such", |kind| kind.name());
        format!(
            "{kind} programs: {} was asked, and its answer is in no known table: {what}",
            kernel.name
        )
    };
    if unsure.all {
        return Some(of("whether they are loaded".to_owned()));
    }
    let target = load.attach_btf_id.filter(|_| load.attach_prog.is_none());
    let target = target.and_then(|target| Some(kernel.btf.ty(target)?.name()));
    if let Some(name) = target.filter(|name| unsure.targets.iter().any(|target| target == name)) {
        return Some(of(format!("whether they attach to {name}")));
    }
    load.insns
        .iter()
        .find_map(|insn| used(kernel, unsure, *insn))
        .map(of)
}

/// The fact that an instruction may use.
fn used(kernel: &Kernel, unsure: &Unsure, insn: Insn) -> Option<String> {
    if insn.is_helper_call() {
        let id: HelperId = u32::try_from(insn.imm).ok()?;
        let name = kernel.helper_name(id).unwrap_or_default();
        return unsure
            .helpers
            .contains(&id)
            .then(|| format!("helper {id} {name}"));
    }
    if insn.is_kfunc_call() {
        let func = verdict_btf::TypeId(u32::try_from(insn.imm).ok()?);
        let name = kernel.btf.ty(func)?.name();
        let is_it = unsure.kfuncs.iter().any(|kfunc| kfunc == name);
        return is_it.then(|| format!("kernel function {name}"));
    }
    None
}

/// Verifies a program, and looks whether it comes to an access of its context that is not known.
fn verify_watched(kernel: &Kernel, prog: &Prog) -> (Outcome, Option<String>) {
    let raw = prog.prog_type.raw();
    let of_type = |unsure: &&Unsure| unsure.prog_type == raw;
    let unsure = kernel.unsure.iter().find(of_type);
    let Some(unsure) = unsure.filter(|unsure| !(unsure.reads.is_empty() && unsure.writes.is_empty())) else {
        return (verify(kernel, prog, &mut Silent), None);
    };
    let mut watch = Watch {
        unsure,
        insns: &prog.insns,
        found: None,
    };
    let outcome = verify(kernel, prog, &mut watch);
    let found = watch.found.map(|(what, off, size)| {
        let (kind, name) = (prog.prog_type.name(), &kernel.name);
        format!("{kind} programs: {name} was asked, and its answer is in no known table: to {what} {size} bytes of the context at {off}")
    });
    (outcome, found)
}

/// Watches accesses of the context.
struct Watch<'a> {
    unsure: &'a Unsure,
    insns: &'a [Insn],
    found: Option<(&'static str, i32, u32)>,
}

impl Observer for Watch<'_> {
    const MISSES: bool = false;

    fn hears(&self, _: u8) -> bool {
        false
    }

    fn event(&mut self, event: Event<'_>) {
        let Event::Insn { state, idx, .. } = event else {
            return;
        };
        if self.found.is_some() {
            return;
        }
        let Some(insn) = self.insns.get(idx as usize) else {
            return;
        };
        let (what, base, known) = match insn.class() {
            class::LDX => ("read", insn.src, &self.unsure.reads),
            class::ST | class::STX => ("write", insn.dst, &self.unsure.writes),
            _ => return,
        };
        if known.is_empty() || usize::from(base) > 10 {
            return;
        }
        let reg = state.reg(RegNo(base));
        if !reg.is(RegBase::Ctx) {
            return;
        }
        let size = match insn.size() {
            size::B => 1,
            size::H => 2,
            size::W => 4,
            _ => 8,
        };
        let off = reg.off.saturating_add(insn.off.into());
        if known
            .iter()
            .any(|(at, bytes)| (i32::from(*at), *bytes) == (off, size))
        {
            self.found = Some((what, off, size));
        }
    }
}
