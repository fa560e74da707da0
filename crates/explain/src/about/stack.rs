//! Which functions and which of their variables take the stack.

use verdict_isa::{Call, Op, pseudo};
use verdict_kernel::semantics::stack::FrameSize;
use verdict_report::explanation::{Cause, CauseKind};

use crate::case::{Case, Draft};
use crate::source::Code;

/// Most functions of a chain.
const MAX_CALLS: usize = 64;

/// The functions of a program: where they begin, and how much stack they take.
struct Functions<'c, 'a> {
    code: &'c Code<'a>,
    starts: Vec<u32>,
    depths: Vec<u32>,
}

/// A function that is called: its number, and the calling instruction.
type Called = (usize, Option<u32>);

/// Shows the chain of calls whose stacks together are too large, with the largest variable of each.
pub(crate) fn combined(case: &Case<'_>, draft: &mut Draft) {
    let code = &case.path.code;
    let mut numbers = case
        .rejected
        .text
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse::<usize>().ok());
    let (Some(calls), Some(total)) = (numbers.next(), numbers.next()) else {
        return;
    };
    let starts: Vec<u32> = starts(code);
    if starts.len() != case.stats.stack_depth.len() || calls > MAX_CALLS {
        return;
    }
    let unit = match code.kernel.semantics.stack.frame_size {
        FrameSize::ThirtyTwo => |depth: u32| depth.max(1).next_multiple_of(32),
        FrameSize::Sixteen => |depth: u32| depth.next_multiple_of(16),
    };
    let functions = Functions {
        code,
        starts,
        depths: case.stats.stack_depth.iter().map(|depth| unit(*depth)).collect(),
    };
    let mut chain = Vec::new();
    let found = (0..functions.starts.len()).any(|root| {
        chain = vec![(root, None)];
        let mut left = 100_000;
        functions.search(&mut chain, calls, total as u32, &mut left)
    });
    if found {
        tell(case, draft, &functions, &chain, total);
    }
}

fn tell(case: &Case<'_>, draft: &mut Draft, functions: &Functions<'_, '_>, chain: &[Called], total: usize) {
    let code = functions.code;
    let name = |at: usize| {
        let start = functions.starts.get(at).copied().unwrap_or(0);
        code.function_at(start).unwrap_or("?").to_owned()
    };
    let depth = |at: usize| functions.depths.get(at).copied().unwrap_or(0);
    let sum: Vec<String> = chain
        .iter()
        .map(|(at, _)| format!("{} {}", name(*at), depth(*at)))
        .collect();
    let limit = code.kernel.limits.stack;
    draft.note(format!(
        "{} = {total} bytes of stack, limit {limit}",
        sum.join(" + ")
    ));
    let mut largest: Option<(u32, String, u32)> = None;
    for (at, call) in chain {
        let object = functions.largest_object(*at);
        let holds = object
            .as_ref()
            .map(|(_, name)| format!(", most of it for `{name}`"))
            .unwrap_or_default();
        let words = format!("{}() takes {} bytes{holds}", name(*at), depth(*at));
        let insn = object.as_ref().map(|(insn, _)| *insn).or(*call);
        let insn = insn.or_else(|| functions.starts.get(*at).copied()).unwrap_or(0);
        if let Some((insn, variable)) = &object
            && largest.as_ref().is_none_or(|(most, ..)| depth(*at) > *most)
        {
            largest = Some((depth(*at), variable.clone(), *insn));
        }
        draft.causes([Cause {
            kind: CauseKind::Call,
            site: code.site(insn),
            place: None,
            variable: object.map(|(_, name)| name),
            words,
            before: None,
            after: None,
        }]);
    }
    if let Some((_, Some(call))) = chain.last() {
        draft.primary(
            code.site(*call),
            format!("the call with which it is {total} bytes"),
        );
    }
    let over = (total as u32).saturating_sub(limit);
    let what = largest
        .as_ref()
        .map_or("the largest variable".to_owned(), |(_, name, _)| {
            format!("`{name}`")
        });
    draft.advise(
        format!(
            "take at least {over} bytes off this chain: move {what} to a per-CPU array map (BPF_MAP_TYPE_PERCPU_ARRAY), make it smaller, or inline a function so that variables share the room"
        ),
        largest.map(|(_, _, insn)| code.site(insn)),
    );
    let _ = case;
}

/// Where functions begin.
fn starts(code: &Code<'_>) -> Vec<u32> {
    let mut starts = vec![0];
    for (at, insn) in code.prog.insns.iter().enumerate() {
        let called = match code.op(at as u32) {
            Some(Op::Call(Call::Subprog { off })) => i64::from(off),
            Some(Op::LdImm64(_)) if insn.src == pseudo::FUNC => i64::from(insn.imm),
            _ => continue,
        };
        starts.extend(u32::try_from(at as i64 + 1 + called).ok());
    }
    starts.extend(code.prog.func_info.iter().map(|func| func.insn_off));
    starts.sort_unstable();
    starts.dedup();
    starts
}

impl Functions<'_, '_> {
    fn range(&self, function: usize) -> std::ops::Range<u32> {
        let start = self.starts.get(function).copied().unwrap_or(0);
        let end = self.starts.get(function + 1).copied();
        start..end.unwrap_or(self.code.prog.insns.len() as u32)
    }

    /// Looks for a chain of so many calls that takes so much stack.
    fn search(&self, chain: &mut Vec<Called>, calls: usize, total: u32, left: &mut u32) -> bool {
        let sum: u32 = chain.iter().filter_map(|(at, _)| self.depths.get(*at)).sum();
        if chain.len() == calls {
            return sum == total;
        }
        let Some((function, _)) = chain.last().copied() else {
            return false;
        };
        for insn in self.range(function) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return false;
            }
            let callee = match self.code.op(insn) {
                Some(Op::Call(Call::Subprog { off })) => Some(i64::from(off)),
                Some(Op::LdImm64(load)) if load.kind == verdict_isa::ImmKind::Func => {
                    Some(i64::from(load.lo))
                }
                _ => None,
            };
            let callee = callee.and_then(|off| u32::try_from(i64::from(insn) + 1 + off).ok());
            let callee = callee.and_then(|start| self.starts.binary_search(&start).ok());
            let Some(callee) = callee.filter(|callee| chain.iter().all(|(at, _)| at != callee)) else {
                continue;
            };
            chain.push((callee, Some(insn)));
            if self.search(chain, calls, total, left) {
                return true;
            }
            chain.pop();
        }
        false
    }

    /// The largest array that a function declares, as far as its lines show, and an instruction of that line.
    fn largest_object(&self, function: usize) -> Option<(u32, String)> {
        let declared = self.range(function).filter_map(|insn| {
            let spot = self.code.spot(insn)?;
            let start = spot.span.as_ref()?.start;
            let (size, name) = declaration(spot.text, start)?;
            Some((size, insn, name))
        });
        let largest = declared.max_by_key(|(size, insn, _)| (*size, std::cmp::Reverse(*insn)));
        largest.map(|(_, insn, name)| (insn, name))
    }
}

/// `copy[192]` and 192, where a line declares an array whose name begins at a place; a variable without brackets counts
/// as small.
fn declaration(text: &str, start: usize) -> Option<(u64, String)> {
    let before = text.get(..start)?.trim_end();
    let declares = before
        .chars()
        .next_back()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && !before.ends_with("return");
    if !declares {
        return None;
    }
    let rest = text.get(start..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| !name.is_empty())?;
    let behind = rest.get(end..)?;
    match behind.strip_prefix('[').and_then(|behind| behind.split_once(']')) {
        Some((size, _)) => Some((size.trim().parse().unwrap_or(64), format!("{name}[{size}]"))),
        None if behind.trim_start().starts_with(['=', ';', ',']) => Some((0, name.to_owned())),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::declaration;

    #[test]
    fn declarations() {
        let at = |text: &str, name: &str| declaration(text, text.find(name).unwrap());
        assert_eq!(
            at("\tchar copy[192] = {};", "copy"),
            Some((192, "copy[192]".into()))
        );
        assert_eq!(at("\tstruct key k = {};", "k ="), Some((0, "k".into())));
        assert_eq!(at("\tcopy[3] = 2;", "copy"), None);
        assert_eq!(at("\treturn report(id, 1);", "report"), None);
    }
}
