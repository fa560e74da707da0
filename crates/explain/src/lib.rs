//! Why a program was rejected, and what to change: made from the path that failed.
//!
//! [`Recorder`] listens to the verification and keeps the path that is being walked, [`explain`] follows the values that
//! made it fail back along this path, and [`Trials`] tries changes by verifying again with them taken for granted. What is
//! found is data of `verdict_report`.
//!
//! **Architecture invariant:** an accepted program is never listened to; what is said as verified was seen accepted.
//!
//! Internal to verdict: no stability. What others build on is the crate `bpf-verdict`.

mod about;
mod case;
mod earlier;
mod expr;
mod locals;
mod loops;
mod near;
mod recorder;
mod source;
mod trace;
mod trail;
mod trial;
mod words;

use verdict_engine::{Rejected, Stats};
use verdict_kernel::Kernel;
use verdict_kernel::rule::{Fact, Rule};
use verdict_kernel::types::Flags;
use verdict_report::explanation::{Change, Explanation, Range, Tried};
use verdict_syscall::Prog;

pub use about::cost::Costs;
pub use locals::{FunctionLocals, Inlined, Locals, Variable};
pub use loops::Edges;
pub use near::{MAX_APART, nearest};
pub use recorder::{Recorder, Recording};
pub use trial::{Trials, trial_without_missing, with_changes};

use about::{
    alternatives, arrays, calls, cost, nulls, numbers, offsets, packet, program, resources, stack, values,
};
use case::{Case, Draft};
use source::Code;
use trace::Path;

/// A rejection, and what was written down of it.
#[derive(Clone, Copy)]
pub struct Failed<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// The program.
    pub prog: &'a Prog,
    /// The rule by which it was rejected, as a user of the object sees it.
    pub rule: Rule,
    /// The rejection.
    pub rejected: &'a Rejected,
    /// The figures until then.
    pub stats: &'a Stats,
    /// The path that failed.
    pub recording: &'a Recording,
    /// Where the cost is, for what fails by cost.
    pub costs: Option<&'a Costs<'a>>,
    /// The names of its variables, where the object says where they are.
    pub locals: Option<&'a Locals>,
}

/// Explains a rejection. With trials, changes to the program are tried; without, what could be tried is left out.
pub fn explain(failed: &Failed<'_>, trials: Option<&mut Trials<'_>>) -> Explanation {
    let mut draft = drafted(failed);
    if let Some(trials) = trials {
        let plans = std::mem::take(&mut draft.plans);
        let mut remedies = trials.run(failed, plans);
        remedies.append(&mut draft.out.remedies);
        // What only leads to another refusal comes last.
        remedies.sort_by_key(|remedy| remedy.tried == Tried::Partly);
        draft.out.remedies = remedies;
    }
    draft.out.with_general_remedy()
}

/// Whether a rejection by this rule is about cost, so that [`Costs`] are worth their while.
pub const fn is_about_cost(rule: Rule) -> bool {
    matches!(rule, Rule::InsnLimit | Rule::JumpLimit)
}

/// What is known without trying.
fn drafted(failed: &Failed<'_>) -> Draft {
    let case = Case {
        path: Path {
            code: Code {
                kernel: failed.kernel,
                prog: failed.prog,
                locals: failed.locals,
            },
            rec: failed.recording,
        },
        rejected: failed.rejected,
        stats: failed.stats,
        costs: failed.costs,
    };
    let mut draft = Draft {
        out: Explanation::by(failed.rule),
        plans: Vec::new(),
    };
    if let Some(insn) = failed.rejected.insn {
        let words = match failed.rejected.fact {
            Some(fact) if fact.has_numbers() => fact.to_string(),
            _ => failed.rule.sentence().to_owned(),
        };
        draft.primary(case.path.code.site(insn), words);
    }
    // Values are followed only on a path that was written down to its end.
    let at_end = failed.recording.whole
        && failed.rejected.insn.is_some()
        && case.path.insn(failed.recording.end()) == failed.rejected.insn;
    name_primary(&case, &mut draft, at_end);
    match failed.rule {
        Rule::InsnLimit | Rule::JumpLimit => cost::too_much(&case, &mut draft),
        Rule::InfiniteLoop => cost::endless(&case, &mut draft),
        Rule::StackDepth => stack::combined(&case, &mut draft),
        Rule::TailCallPlacement => stack::tail_call(&case, &mut draft),
        Rule::HelperForbidden => calls::forbidden(&case, &mut draft),
        Rule::SleepableProgram | Rule::GplRequired | Rule::MapForProgram => {
            program::whole(&case, &mut draft, failed.rule);
        }
        Rule::KfuncForbidden => program::kfunc_forbidden(&case, &mut draft),
        Rule::SleepableCall => program::sleeps(&case, &mut draft),
        Rule::ContextAccess => program::context(&case, &mut draft),
        rule if at_end => at_insn(&case, &mut draft, rule),
        _ => {}
    }
    let failing = failing_register(&case, failed.rule);
    draft.out.failing = failed.rejected.insn;
    draft.out.has_earlier_cause = earlier::exists(&case, failed.rule, failing, at_end);
    if let (Some(reg), true) = (
        failing,
        draft.out.has_earlier_cause && !draft.out.names_earlier_cause(),
    ) {
        values::made(&case, &mut draft, reg);
    }
    inlined(&case, &mut draft);
    if at_end {
        draft.out.trail = trail::of(&case, failing, &draft.out.causes);
    }
    draft
}

/// Says in the source's words what the register holds that the refusal is about: `R2 (`p + n`): 1 byte at …`.
fn name_primary(case: &Case<'_>, draft: &mut Draft, at_end: bool) {
    let Some(reg) = case
        .rejected
        .fact
        .as_ref()
        .and_then(Fact::register)
        .filter(|reg| at_end && *reg < 10)
    else {
        return;
    };
    let path = &case.path;
    let argument = path_argument(case, reg);
    let root = || nulls::place(case, reg).and_then(|place| path.root(place, path.rec.end()));
    let end = path.rec.end();
    let name = argument.or_else(|| {
        let place = nulls::place(case, reg)?;
        path.pointer_name(&root()?, place, end)
    });
    let Some(label) = &mut draft.out.primary else {
        return;
    };
    let register = format!("R{reg}");
    let named = name.map_or(register.clone(), |name| format!("{register} (`{name}`)"));
    let held = path.reg(path.rec.end(), reg).map(|(_, value)| words::kind(value));
    label.words = match (label.words.strip_prefix(&register), held) {
        (Some(rest), _) => format!("{named}{rest}"),
        (None, Some(held)) => format!("{named} is {held}"),
        (None, None) => format!("{named} holds nothing"),
    };
}

/// What stands in the source for an argument of the call at the end of the path.
fn path_argument(case: &Case<'_>, reg: u8) -> Option<String> {
    let path = &case.path;
    let number = usize::from(reg).checked_sub(1)?;
    let insn = path.insn(path.rec.end())?;
    path.code.argument(insn, number).map(ToOwned::to_owned)
}

/// Whether an access has but one offset: then no number that varies is to blame.
fn is_constant_offset(fact: &Fact) -> bool {
    matches!(fact, Fact::Access { from: (first, last), .. } if first == last)
}

/// The register that a refusal is about.
fn failing_register(case: &Case<'_>, rule: Rule) -> Option<u8> {
    let fact = case.rejected.fact.as_ref();
    fact.and_then(Fact::register)
        .or_else(|| register_in(&case.rejected.text))
        .or((rule == Rule::UnownedRelease).then_some(1))
}

/// What failed at an instruction of the path.
fn at_insn(case: &Case<'_>, draft: &mut Draft, rule: Rule) {
    let fact = case.rejected.fact;
    let reg = failing_register(case, rule);
    match (rule, fact) {
        (_, Some(Fact::Acquired(insn))) => resources::leak(case, draft, insn),
        (rule, _) if resources::is_region(rule) => resources::region(case, draft),
        (Rule::PacketBounds, Some(fact)) => packet::explain(case, draft, &fact),
        (Rule::ReturnValue | Rule::CallbackReturn, Some(Fact::Number { reg, allowed, .. })) => {
            let (min, max) = allowed;
            numbers::explain(case, draft, reg, Range { min, max });
            offsets::constant(case, draft, reg, Range { min, max }, "return what is allowed");
            if let Some(meaning) =
                alternatives::results(case.path.code.prog.prog_type).filter(|_| rule == Rule::ReturnValue)
            {
                draft.note(format!("what results mean here: {meaning}"));
            }
        }
        (Rule::ReturnValue | Rule::CallbackReturn | Rule::SubprogReturn, _) => {
            if let Some(reg) = reg {
                values::explain(case, draft, reg);
                values::initialise(case, draft, reg);
            }
        }
        (Rule::ModifiedPointer | Rule::FixedPointer, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                let name = values::explain(case, draft, reg);
                if !values::indexed_context(case, draft, reg) {
                    values::rewind(case, draft, reg, name.as_deref());
                }
            }
        }
        (Rule::ArgumentConstant, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                values::explain(case, draft, reg);
                calls::constant(case, draft, reg);
            }
        }
        (Rule::SpecialFieldArgument, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                values::explain(case, draft, reg);
                if reg != 1 {
                    values::explain(case, draft, 1);
                }
                calls::map_of_field(case, draft);
            }
        }
        (Rule::PointerOperator, _) => {
            if let Some(reg) = reg {
                let name = values::explain(case, draft, reg);
                values::operated(case, draft, name.as_deref());
            }
        }
        (Rule::CoreRelocation | Rule::UnknownKfunc | Rule::UnknownHelper, _) => missing(case, draft, rule),
        (Rule::MapHelperPairing, _) => program::map_helper(case, draft),
        (Rule::GlobalArgument, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                calls::unpassed(case, draft, reg);
                values::explain(case, draft, reg);
            }
        }
        (Rule::StackBounds | Rule::VariableStackOffset, None | Some(Fact::Register(_))) => {
            if let Some(reg) = reg {
                offsets::stack_offset(case, draft, reg);
            }
        }
        (Rule::UnownedRelease, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                values::explain(case, draft, reg);
                resources::not_held(case, draft);
            }
        }
        (Rule::MapAccessFlags, _) => {
            if let Some(reg) = reg.or_else(|| program::accessed(case)) {
                values::explain(case, draft, reg);
                program::map_access(case, draft, reg);
            }
        }
        (Rule::GlobalSignature, _) => calls::global_signature(case, draft),
        (Rule::LockPairing, _) => resources::lock_pairing(case, draft),
        (Rule::GraphLock, _) => resources::graph_lock(case, draft),
        (Rule::UninitializedStack, _) => {
            if let Some(reg) = reg {
                let name = path_argument(case, reg);
                let shown = name.map_or("the variable".to_owned(), |name| {
                    name.trim_start_matches('&').to_owned()
                });
                let words = format!(
                    "write all bytes of `{shown}` first, padding too (`= {{}}`, or __builtin_memset()): accepted with bytes that were written"
                );
                unwritten(case, draft, &shown);
                values::explain(case, draft, reg);
                if calls::map_argument(case, draft, reg) {
                    draft.plans.pop();
                }
                values::memory(case, draft, reg, &words);
            }
        }
        (Rule::UncheckedNull | Rule::ArgumentNull | Rule::NullArithmetic, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                nulls::explain(case, draft, reg);
            }
        }
        (Rule::NotAPointer | Rule::UntrustedPointer, _) => {
            if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                let name = values::explain(case, draft, reg);
                values::read_by_helper(case, draft, reg, name.as_deref());
                if rule == Rule::UntrustedPointer {
                    values::trust(case, draft, name.as_deref());
                }
            }
        }
        (Rule::UninitializedRegister, _) => {
            if let Some(reg) = reg {
                values::explain(case, draft, reg);
                values::initialise(case, draft, reg);
            }
        }
        (_, Some(fact @ (Fact::Access { .. } | Fact::Number { .. }))) => {
            if let Some(reg) = reg {
                calls::struct_argument(case, draft, reg);
            }
            if let Fact::Access {
                size,
                bytes: (start, end),
                ..
            } = fact
                && size > end.saturating_sub(start)
                && draft.out.remedies.iter().any(|remedy| remedy.site.is_some())
            {
                return; // no offset would do
            }
            let constant = is_constant_offset(&fact);
            if constant && reg.is_some_and(|reg| calls::map_argument(case, draft, reg)) {
                return;
            }
            if constant && !calls::size_argument(case, draft, &fact) {
                offsets::constant_offset(case, draft, &fact);
            }
            if let (Fact::Access { reg, .. }, false) = (&fact, constant)
                && let Some((_, value)) = case.path.reg(case.path.rec.end(), *reg)
            {
                arrays::tell(case, draft, value, None);
            }
            if let Some((reg, range)) = offsets::allowed_offsets(case, &fact) {
                let range = calls::with_room(case, reg, range);
                offsets::constant(case, draft, reg, range, "hand over what is allowed");
                if !constant {
                    numbers::explain(case, draft, reg, range);
                }
            }
        }
        (Rule::KernelObjectAccess, _) => {
            if let Some(reg) = reg {
                let name = values::explain(case, draft, reg);
                values::other_object(case, draft, reg, name.as_deref());
            }
        }
        _ => {
            if let Some(reg) = reg.filter(|reg| may_be_null(case, *reg)) {
                calls::argument(case, draft, reg);
                nulls::explain(case, draft, reg);
            } else if let Some(reg) = reg {
                calls::argument(case, draft, reg);
                let name = values::explain(case, draft, reg);
                if rule == Rule::ArgumentType {
                    values::read_by_helper(case, draft, reg, name.as_deref());
                }
            }
        }
    }
}

/// Says from which functions the failing instruction was inlined.
fn inlined(case: &Case<'_>, draft: &mut Draft) {
    let code = &case.path.code;
    let Some(insn) = draft.out.primary.as_ref().map(|label| label.site.insn) else {
        return;
    };
    let chain = code.inlined(insn);
    // Those that libbpf's macros make carry the program's own name.
    let calls: Vec<String> = chain
        .iter()
        .filter(|(name, _)| !name.starts_with("____"))
        .map(|(name, line)| match line {
            0 => format!("{name}()"),
            line => format!("{name}(), called on line {line}"),
        })
        .collect();
    if !calls.is_empty() {
        let into = code.function_at(insn).unwrap_or("the function");
        draft.note(format!(
            "it is part of {}, inlined into {into}()",
            calls.join(" in ")
        ));
    }
}

/// Whether a register holds a pointer that was not checked for NULL.
fn may_be_null(case: &Case<'_>, reg: u8) -> bool {
    let held = case.path.reg(case.path.rec.end(), reg);
    held.is_some_and(|(_, value)| value.ty.has(Flags::MAYBE_NULL))
}

/// Which byte of a variable on the stack was not written, by the kernel's words: `off -24+8 size 24`.
fn unwritten(case: &Case<'_>, draft: &mut Draft, shown: &str) {
    let text = &case.rejected.text;
    let numbers = || {
        let (start, rest) = text.split_once(" off ")?.1.split_once('+')?;
        let (at, rest) = rest.split_once(" size ")?;
        let size = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((
            start.parse::<i64>().ok()?,
            at.parse::<i64>().ok()?,
            size.parse::<i64>().ok()?,
        ))
    };
    if let Some((start, at, size)) = numbers() {
        draft.note(format!(
            "byte {at} of the {size} bytes of `{shown}` (fp{start}) was not written on this path"
        ));
    }
}

/// What the kernel lacks is used here.
fn missing(case: &Case<'_>, draft: &mut Draft, rule: Rule) {
    let Some(insn) = case.rejected.insn else { return };
    draft.conditions(&case.path, 0);
    let by = match rule {
        Rule::CoreRelocation => "bpf_core_field_exists() or bpf_core_type_exists()",
        Rule::UnknownHelper => "bpf_core_enum_value_exists(enum bpf_func_id, …)",
        _ => "bpf_ksym_exists()",
    };
    draft.note("this kernel lacks what the line needs");
    draft.plan(
        format!("ask first, by {by}, and come to this line only where it is there: accepted if no path of this kernel does"),
        Some(case.path.code.site(insn)),
        vec![Change::Unreached { insn }],
    );
}

/// The register that the kernel's words are about.
fn register_in(text: &str) -> Option<u8> {
    let line = text.lines().next_back().filter(|line| !line.is_empty())?;
    if let Some((_, rest)) = line.split_once("arg#") {
        let number = rest
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse::<u8>()
            .ok()?;
        return number.checked_add(1).filter(|reg| *reg <= 5);
    }
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
    let number = words.find_map(|word| word.strip_prefix('R')?.parse::<u8>().ok())?;
    (number <= 9).then_some(number)
}
