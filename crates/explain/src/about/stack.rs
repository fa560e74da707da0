//! Which functions and which of their variables take the stack.

use verdict_isa::{Call, Op, pseudo};
use verdict_kernel::semantics::stack::FrameSize;
use verdict_report::explanation::{Cause, CauseKind};

use crate::case::{Case, Draft};
use crate::source::Code;

/// Most functions of a chain.
const MAX_CALLS: usize = 64;
/// `bpf_tail_call`.
const TAIL_CALL: i32 = 12;

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
    let mut numbers = case
        .rejected
        .text
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse::<usize>().ok());
    let (Some(calls), Some(total)) = (numbers.next(), numbers.next()) else {
        return;
    };
    let Some(functions) = Functions::of(case).filter(|_| calls <= MAX_CALLS) else {
        return;
    };
    let mut chain = Vec::new();
    let found = (0..functions.starts.len()).any(|root| {
        chain = vec![(root, None)];
        let mut left = 100_000;
        functions.search(&mut chain, calls, total as u32, &mut left)
    });
    if found {
        tell(draft, &functions, &chain, total);
    }
}

/// Shows the chain of calls whose stacks leave no room for a tail call at its end.
pub(crate) fn tail_call(case: &Case<'_>, draft: &mut Draft) {
    let code = &case.path.code;
    let total = case
        .rejected
        .text
        .split(|c: char| !c.is_ascii_digit())
        .find_map(|digits| digits.parse::<u32>().ok());
    let (Some(total), Some(functions)) = (total, Functions::of(case)) else {
        return;
    };
    let found = (0..functions.starts.len()).find_map(|root| {
        let mut left = 100_000;
        functions.tail_calling(&mut vec![(root, None)], total, &mut left)
    });
    let Some((chain, tail)) = found else { return };
    let limit = code.kernel.limits.tail_call_stack;
    let (last, callers) = chain
        .split_last()
        .map_or((0, &[][..]), |((last, _), rest)| (*last, rest));
    let sum: Vec<String> = callers
        .iter()
        .map(|(at, _)| format!("{} {}", functions.name(*at), functions.depth(*at)))
        .collect();
    draft.note(format!(
        "{} = {total} bytes of stack below {}(), which makes a tail call: there must be less than {limit}",
        sum.join(" + "),
        functions.name(last)
    ));
    let mut largest: Option<(u32, String, u32)> = None;
    for (at, call) in callers {
        let (cause, object) = functions.cause(*at, *call);
        draft.causes([cause]);
        if let Some((insn, name)) = object
            && largest
                .as_ref()
                .is_none_or(|(most, ..)| functions.depth(*at) > *most)
        {
            largest = Some((functions.depth(*at), name, insn));
        }
    }
    draft.primary(
        code.site(tail),
        format!("a tail call {} deep, over {total} bytes of stack", chain.len()),
    );
    let what = largest
        .as_ref()
        .map_or("the largest variable".to_owned(), |(_, name, _)| {
            format!("`{name}`")
        });
    let over = total.saturating_sub(limit) + 1;
    draft.advise(
        format!("take at least {over} bytes off what is below it: move {what} to a per-CPU array map; or make the tail call from the main program, behind the call of {}()", functions.name(last)),
        largest.map(|(_, _, insn)| code.site(insn)),
    );
}

fn tell(draft: &mut Draft, functions: &Functions<'_, '_>, chain: &[Called], total: usize) {
    let code = functions.code;
    let sum: Vec<String> = chain
        .iter()
        .map(|(at, _)| format!("{} {}", functions.name(*at), functions.depth(*at)))
        .collect();
    let limit = code.kernel.limits.stack;
    draft.note(format!(
        "{} = {total} bytes of stack, limit {limit}",
        sum.join(" + ")
    ));
    let mut largest: Option<(u32, String, u32)> = None;
    for (at, call) in chain {
        let (cause, object) = functions.cause(*at, *call);
        if let Some((insn, variable)) = object
            && largest
                .as_ref()
                .is_none_or(|(most, ..)| functions.depth(*at) > *most)
        {
            largest = Some((functions.depth(*at), variable, insn));
        }
        draft.causes([cause]);
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

impl<'c, 'a> Functions<'c, 'a> {
    /// Those of a program that was walked.
    fn of(case: &'c Case<'a>) -> Option<Functions<'c, 'a>> {
        let code = &case.path.code;
        let starts: Vec<u32> = starts(code);
        let unit = match code.kernel.semantics.stack.frame_size {
            FrameSize::ThirtyTwo => |depth: u32| depth.max(1).next_multiple_of(32),
            FrameSize::Sixteen => |depth: u32| depth.next_multiple_of(16),
        };
        let depths: Vec<u32> = case.stats.stack_depth.iter().map(|depth| unit(*depth)).collect();
        (starts.len() == depths.len()).then_some(Functions { code, starts, depths })
    }
}

impl Functions<'_, '_> {
    fn name(&self, at: usize) -> &str {
        let start = self.starts.get(at).copied().unwrap_or(0);
        self.code.function_at(start).unwrap_or("?")
    }

    fn depth(&self, at: usize) -> u32 {
        self.depths.get(at).copied().unwrap_or(0)
    }

    /// What is said of a function of a chain, and its largest variable.
    fn cause(&self, at: usize, call: Option<u32>) -> (Cause, Option<(u32, String)>) {
        let object = self.largest_object(at);
        let holds = object
            .as_ref()
            .map(|(_, name)| format!(", most of it for `{name}`"))
            .unwrap_or_default();
        let insn = object.as_ref().map(|(insn, _)| *insn).or(call);
        let insn = insn.or_else(|| self.starts.get(at).copied()).unwrap_or(0);
        let cause = Cause {
            kind: CauseKind::Call,
            site: self.code.site(insn),
            place: None,
            variable: object.as_ref().map(|(_, name)| name.clone()),
            words: format!("{}() takes {} bytes{holds}", self.name(at), self.depth(at)),
            before: None,
            after: None,
        };
        (cause, object)
    }

    /// A chain of calls with so much stack below a function that makes a tail call, and that call.
    fn tail_calling(
        &self,
        chain: &mut Vec<Called>,
        total: u32,
        left: &mut u32,
    ) -> Option<(Vec<Called>, u32)> {
        let (function, _) = chain.last().copied()?;
        let below: u32 = chain.iter().rev().skip(1).map(|(at, _)| self.depth(*at)).sum();
        let tail = self.range(function).find(|insn| {
            matches!(
                self.code.op(*insn),
                Some(Op::Call(Call::Helper { id: TAIL_CALL }))
            )
        });
        if let Some(tail) = tail.filter(|_| chain.len() > 1 && below == total) {
            return Some((chain.clone(), tail));
        }
        for insn in self.range(function) {
            *left = left.checked_sub(1)?;
            let Some(callee) = self.callee(insn) else { continue };
            if chain.len() >= MAX_CALLS || chain.iter().any(|(at, _)| *at == callee) {
                continue;
            }
            chain.push((callee, Some(insn)));
            let found = self.tail_calling(chain, total, left);
            chain.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The function that an instruction calls, or hands over.
    fn callee(&self, insn: u32) -> Option<usize> {
        let off = match self.code.op(insn)? {
            Op::Call(Call::Subprog { off }) => i64::from(off),
            Op::LdImm64(load) if load.kind == verdict_isa::ImmKind::Func => i64::from(load.lo),
            _ => return None,
        };
        let start = u32::try_from(i64::from(insn) + 1 + off).ok()?;
        self.starts.binary_search(&start).ok()
    }

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
            let callee = self.callee(insn);
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
