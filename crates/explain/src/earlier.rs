//! Whether an earlier instruction is to blame: a measure for the explanations, which does not look at what they found.

use verdict_isa::{Alu, Call, Op, Operand};
use verdict_kernel::rule::{Fact, Rule};

use crate::about::{resources, values};
use crate::case::Case;
use crate::recorder::{Place, Write};
use crate::trace::Origin;

/// Most copies that are followed.
const MAX_COPIES: usize = 4096;

/// Whether there is a cause beyond the failing instruction: a loop for what fails by cost, a chain of calls for the stack;
/// an acquisition or a lock that was taken; or else an instruction on the path that produced the value of the failing
/// operand or was the last to constrain it. That is not what the function was given, and not the address of a map or
/// variable, which is no more than an operand of its statement.
pub(crate) fn exists(case: &Case<'_>, rule: Rule, failing: Option<u8>, at_end: bool) -> bool {
    match rule {
        Rule::InsnLimit | Rule::JumpLimit => case.costs.is_some_and(|costs| !costs.profile.loops.is_empty()),
        Rule::InfiniteLoop | Rule::StackDepth => true,
        _ if !at_end => false,
        _ if matches!(case.rejected.fact, Some(Fact::Acquired(_))) => true,
        rule if resources::is_region(rule) || matches!(rule, Rule::LockPairing | Rule::GraphLock) => {
            enters_region(case)
        }
        _ => failing.is_some_and(|reg| is_made_before(case, reg)),
    }
}

/// Whether a lock is taken or a region entered on the path, before it fails.
fn enters_region(case: &Case<'_>) -> bool {
    let path = &case.path;
    (0..path.rec.end()).any(|step| {
        let Some(insn) = path.insn(step) else { return false };
        let callee = match path.code.op(insn) {
            Some(Op::Call(Call::Helper { .. } | Call::Kfunc { .. })) => path.code.callee(insn),
            _ => None,
        };
        callee.is_some_and(|name| resources::leaves(&name).is_some())
    })
}

/// Whether what a register holds at the end was made or constrained by an instruction before.
fn is_made_before(case: &Case<'_>, reg: u8) -> bool {
    let path = &case.path;
    let end = path.rec.end();
    let Some((mut place, _)) = path.reg(end, reg) else {
        return false;
    };
    let mut step = end;
    for _ in 0..MAX_COPIES {
        let Some(write) = path.rec.before(place, step) else {
            return false;
        };
        match path.origin(write) {
            Origin::Same(of) => {
                (place, step) = (of, write.step);
            }
            Origin::Entry => return false,
            Origin::Constant => return write.value.is_scalar(),
            // Of a variable on the stack that is handed over, what a call has made of it.
            Origin::Computed(alu) if is_stack_address(case, write, alu) => {
                return values::stack_slot(path, reg)
                    .and_then(|slot| path.rec.before(slot, end))
                    .is_some_and(|write| matches!(path.op(write.step), Some(Op::Call(_))));
            }
            _ => return true,
        }
    }
    false
}

/// Whether an addition of a constant makes the address of a variable on the stack.
fn is_stack_address(case: &Case<'_>, write: &Write, alu: Alu) -> bool {
    let path = &case.path;
    let Alu::Binary {
        dst,
        src: Operand::Imm(_),
        ..
    } = alu
    else {
        return false;
    };
    let frame = path.rec.step(write.step).map_or(0, |step| step.frame);
    path.root(Place::reg(frame, dst), write.step)
        .is_some_and(|root| matches!(root.origin, Origin::Constant))
}
