//! Words of the log that kernels changed together: one place for each wording. What one check alone says stands
//! with the check.

use verdict_domain::Bounds;
use verdict_kernel::Kernel;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::log::BugWords;

use crate::error::{Failure, Rejection, Res, reject, say};
use crate::index::InsnIdx;
use crate::observer::Observer;
use crate::verifier::Verifier;

/// That precision is asked for of what is no number, which older kernels say to the machine's log alone.
const BACKTRACKING: &str = "backtracking misuse\n";

/// An instruction as the log counts it where there may be none.
pub(crate) fn or_minus_one(idx: Option<InsnIdx>) -> i64 {
    idx.map_or(-1, |idx| i64::from(idx.0))
}

/// How many refusals that do not end a verification keep their places.
const MAX_PASSED_OVER: usize = 16;

/// What stands before the words of a kernel that reports all contradictions in itself alike.
const BUG: &str = "verifier bug: ";

/// The most usual of the other ways.
const INTERNAL_ERROR: &str = "verifier internal error: ";

/// What stands before them where each place has its own way.
const OWN_WAYS: &[&str] = &[
    INTERNAL_ERROR,
    "verifier bug: ",
    "verifier bug. ",
    "BUG: ",
    "bug: ",
    "BUG ",
    "kernel subsystem misconfigured ",
];

/// Contradictions whose words are others, not only what stands before them: how the words begin, and what they are
/// where all are reported alike. What stands in the place of `…` is kept.
const RENAMED: &[(&str, &str)] = &[
    ("Verifier bug\n", "func_info undefined\n"),
    ("Verifier bug in function …", "unreliable BTF for function …"),
    ("BUG backtracking (stack slot …)", "stack slot …"),
    (
        "verifier bug. No program starts at insn …",
        "target of func call at insn … is not a program",
    ),
    (
        "kernel subsystem misconfigured verifier\n",
        "expected map for helper call\n",
    ),
];

/// The words of a refusal in this kernel's wording, if that is another than the one that is given where something
/// is refused.
pub(crate) fn reworded(kernel: &Kernel, refusal: &Rejection) -> Option<String> {
    // Some contradictions are the program's fault, and have its rule; their words give them away.
    let blames_itself = refusal.rule == Rule::VerifierBug || refusal.text.starts_with(INTERNAL_ERROR);
    if !blames_itself || kernel.semantics.log.bug_words == BugWords::Own {
        return None;
    }
    alike(&refusal.text)
}

/// A contradiction in the words of kernels that report all alike; `None` if they leave this one as it is.
fn alike(own: &str) -> Option<String> {
    for (old, new) in RENAMED {
        if let (Some((before, after)), Some((new_before, new_after))) =
            (old.split_once('…'), new.split_once('…'))
            && let Some(kept) = own.strip_prefix(before)
            && let Some(kept) = kept.strip_suffix('\n').and_then(|kept| kept.strip_suffix(after))
        {
            return Some(format!("{BUG}{new_before}{kept}{new_after}\n"));
        }
        if own == *old {
            return Some(format!("{BUG}{new}"));
        }
    }
    let rest = OWN_WAYS.iter().find_map(|way| own.strip_prefix(way))?;
    Some(format!("{BUG}{rest}"))
}

impl<O: Observer> Verifier<'_, O> {
    /// Refuses to look for what a register came from that holds no number.
    pub(crate) fn backtracking_misuse<T>(&self) -> Res<T> {
        match self.env.kernel.semantics.log.bug_words {
            BugWords::Own => reject!(VerifierBug, EFAULT),
            BugWords::Alike => reject!(VerifierBug, EFAULT, "{BUG}{BACKTRACKING}"),
        }
    }

    /// Whether bounds contradict each other, which is reported and in tests refused (`reg_bounds_sanity_check`).
    pub(crate) fn bounds_are_violated(&mut self, bounds: &Bounds, context: &str) -> Res<bool> {
        let Some(violation) = bounds.violation() else {
            return Ok(false);
        };
        let before = match self.env.kernel.semantics.log.bug_words {
            BugWords::Own => "",
            BugWords::Alike => BUG,
        };
        let text = bounds.violation_text(violation, context);
        if self.env.test_reg_invariants {
            reject!(RegisterInvariants, EFAULT, "{before}{text}\n");
        }
        say!(self, "{before}{text}\n");
        Ok(true)
    }

    /// Says the words of a failure that does not end the verification.
    pub(crate) fn say_failure(&mut self, failure: &Failure) {
        let Failure::Rejected(refusal) = failure else {
            return;
        };
        if self.walk.stats.passed_over.len() < MAX_PASSED_OVER {
            self.walk.stats.passed_over.push(refusal.site);
        }
        if O::LISTENING {
            match reworded(self.env.kernel, refusal) {
                Some(text) => say!(self, "{text}"),
                None => say!(self, "{}", refusal.text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn contradictions_are_reported_alike() {
        let words = |own| alike(own).unwrap();
        assert_eq!(
            words("BUG subprog exit from frame 0\n"),
            "verifier bug: subprog exit from frame 0\n"
        );
        assert_eq!(
            words("BUG backtracking (stack slot 3, total slots 2)\n"),
            "verifier bug: stack slot 3, total slots 2\n"
        );
        assert_eq!(
            words("verifier internal error: no dynptr id\n"),
            "verifier bug: no dynptr id\n"
        );
        assert_eq!(
            words("Verifier bug in function f()\n"),
            "verifier bug: unreliable BTF for function f()\n"
        );
        assert_eq!(alike("invalid insn idx 3 insn_cnt 2\n"), None);
    }
}
