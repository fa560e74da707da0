//! What libbpf writes into the verifier's log: it explains instructions that it poisoned itself.

use verdict_btf::core::{POISON, describe, failure_text};
use verdict_isa::{class, op};
use verdict_kernel::rule::Rule;

use crate::cilium;
use crate::link::{POISON_KFUNC, POISON_MAP};
use crate::object::Object;
use crate::prepare::Prepared;

/// Lines from the end in which libbpf looks for its own poison.
const LAST_LINES: usize = 10;

const COMPLAINT: &[u8] = b"invalid func unknown#";

impl Object {
    /// Rewrites the log of a program that the kernel refused (`prepared.loads[load]`) as libbpf does: where
    /// the verifier came upon an instruction whose CO-RE relocation, map or kfunc was missing, its last
    /// words are replaced by what was missing.
    pub fn fixup_log(&self, prepared: &Prepared, load: usize, log: &mut Vec<u8>) {
        if self.cilium.is_some() {
            return;
        }
        let mut end = log.len();
        for _ in 0..LAST_LINES {
            let Some(start) = line_before(log, end) else {
                return;
            };
            let line = log.get(start..end).unwrap_or_default();
            if let Some(rest) = line.strip_prefix(COMPLAINT)
                && let Some(kind) = Poison::of(rest)
                && let Some(first) = line_before(log, start)
            {
                let text = self.explain(prepared, load, kind, log.get(first..start).unwrap_or_default());
                if let Some(text) = text {
                    log.splice(first..end, text.into_bytes());
                }
                return;
            }
            end = start;
        }
    }

    /// The rule that was broken in truth where the kernel refused an instruction of `prepared.loads[load]` that
    /// libbpf poisoned; `None` for one that it did not.
    pub fn poison_rule(&self, prepared: &Prepared, load: usize, insn: u32) -> Option<Rule> {
        let insns = &prepared.loads.get(load)?.insns;
        let insn = insns.get(usize::try_from(insn).ok()?)?;
        if self.cilium.is_some()
            && let Some(rule) = cilium::poison_rule(insn)
        {
            return Some(rule);
        }
        let number = (insn.code == class::JMP | op::CALL && insn.src == 0).then_some(insn.imm)?;
        let index = |base: i32| usize::try_from(number.checked_sub(base)?).ok();
        if number == POISON {
            Some(Rule::CoreRelocation)
        } else if index(POISON_MAP).is_some_and(|map| map < self.maps.len()) {
            Some(Rule::MapReference)
        } else if index(POISON_KFUNC).is_some_and(|e| e < self.externs.len()) {
            Some(Rule::UnresolvedExtern)
        } else {
            None
        }
    }

    /// The CO-RE relocation of an instruction of `prepared.loads[load]`, as libbpf writes it.
    pub fn relocation(&self, prepared: &Prepared, load: usize, insn: usize) -> Option<String> {
        let (_, relo) = prepared.core.get(load)?.iter().find(|(at, _)| *at == insn)?;
        describe(self.btf.as_deref()?, relo)
    }

    /// What to say in place of a poisoned instruction's line and the complaint about it.
    fn explain(&self, prepared: &Prepared, load: usize, kind: Poison, line: &[u8]) -> Option<String> {
        let (insn, number) = parse_call(line)?;
        match kind {
            Poison::Core => {
                let relos = (number == POISON).then(|| prepared.core.get(load)).flatten()?;
                let (_, relo) = relos.iter().find(|(at, _)| *at == insn)?;
                failure_text(self.btf.as_deref()?, relo, insn)
            }
            Poison::Map => {
                let map = self
                    .maps
                    .get(usize::try_from(number.checked_sub(POISON_MAP)?).ok()?)?;
                Some(format!(
                    "{insn}: <invalid BPF map reference>\nBPF map '{}' is referenced but wasn't created\n",
                    map.name
                ))
            }
            Poison::Kfunc => {
                let e = self
                    .externs
                    .get(usize::try_from(number.checked_sub(POISON_KFUNC)?).ok()?)?;
                Some(format!(
                    "{insn}: <invalid kfunc call>\nkfunc '{}' is referenced but wasn't resolved\n",
                    e.name
                ))
            }
        }
    }
}

/// What an instruction was poisoned for.
#[derive(Clone, Copy)]
enum Poison {
    Core,
    Map,
    Kfunc,
}

impl Poison {
    /// By what follows `unknown#`.
    fn of(rest: &[u8]) -> Option<Poison> {
        if rest
            .strip_prefix(POISON.to_string().as_bytes())
            .is_some_and(|r| r.starts_with(b"\n"))
        {
            Some(Poison::Core)
        } else if rest.starts_with(b"200100") {
            Some(Poison::Map)
        } else if rest.starts_with(b"2002") {
            Some(Poison::Kfunc)
        } else {
            None
        }
    }
}

/// Start of the line that ends at `end`.
fn line_before(log: &[u8], end: usize) -> Option<usize> {
    let last = end.checked_sub(1)?;
    let before = log.get(..last)?;
    Some(before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1))
}

/// Reads `12: (85) call unknown#34`.
fn parse_call(line: &[u8]) -> Option<(usize, i32)> {
    let text = std::str::from_utf8(line).ok()?;
    let (insn, rest) = text.trim_start().split_once(": (")?;
    let (_, rest) = rest.split_once(") call unknown#")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .map_or(rest, |end| &rest[..end]);
    Some((insn.parse().ok()?, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_as_libbpf_does() {
        assert_eq!(
            parse_call(b"12: (85) call unknown#195896080\n"),
            Some((12, POISON))
        );
        assert_eq!(parse_call(b"12: (85) call bpf_loop#181\n"), None);
    }

    #[test]
    fn lines_are_found_from_the_end() {
        let log = b"a\nbc\nd\n";
        assert_eq!(line_before(log, 7), Some(5));
        assert_eq!(line_before(log, 5), Some(2));
        assert_eq!(line_before(log, 2), Some(0));
        assert_eq!(line_before(log, 0), None);
    }
}
