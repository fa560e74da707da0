//! What a kernel lacks that a program needs, as libbpf and the kernel name it.

use verdict_kernel::rule::Rule;
use verdict_report::{Need, Record};

/// What is missing, where the rule says that something is. The name is taken from the message, which is where libbpf
/// and the kernel put it.
pub(crate) fn need(rule: Rule, record: &Record) -> Option<Need> {
    let words = record.tail.as_deref().or(record.libbpf.as_deref())?;
    let line = |part: &str| words.lines().find(|line| line.contains(part));
    match rule {
        Rule::UnknownHelper => {
            let function = line("invalid func ")?.split("invalid func ").nth(1)?;
            let (name, number) = function.trim().split_once('#')?;
            Some(Need::Helper(match name {
                "unknown" => format!("#{number}"),
                name => name.to_owned(),
            }))
        }
        Rule::UnresolvedExtern => {
            if let Some(name) = line("extern (func ksym)").or(line("kfunc '")).and_then(quoted) {
                return Some(Need::Kfunc(name));
            }
            let name = quoted(line("extern (var ksym)")?)?;
            Some(Need::Symbol(name))
        }
        Rule::CoreRelocation => {
            // failed to resolve CO-RE relocation <byte_off> [7] struct task_struct.gone (0:1 @ offset 4)
            let (_, target) = line("CO-RE relocation <")?.split_once("] ")?;
            let end = target.find(" (").unwrap_or(target.len());
            Some(Need::Type(target.get(..end)?.to_owned()))
        }
        Rule::AttachTarget => {
            let (_, target) = line("failed to find kernel BTF type ID of ")?.split_once(" of ")?;
            Some(Need::AttachTarget(quoted(target)?))
        }
        Rule::StructOpsMap => {
            let (_, name) =
                line(" is not found in kernel BTF")?.split_once("struct_ops init_kern: struct ")?;
            Some(Need::StructOps(name.split(' ').next()?.to_owned()))
        }
        _ => None,
    }
}

/// What stands between the first two single quotes.
fn quoted(line: &str) -> Option<String> {
    line.split('\'').nth(1).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use verdict_report::{Stage, Verdict};

    use super::*;

    fn of(rule: Rule, words: &str) -> Option<String> {
        let record = Record {
            object: String::new(),
            program: None,
            verdict: Verdict::Failure,
            stage: Stage::Verify,
            errno: 22,
            figures: None,
            libbpf: None,
            tail: Some(words.to_owned()),
            unsupported: None,
            log_sha256: None,
        };
        need(rule, &record).map(|need| need.to_string())
    }

    #[test]
    fn names() {
        let cases = [
            (
                Rule::UnknownHelper,
                "invalid func bpf_x#300\n",
                "needs helper bpf_x",
            ),
            (
                Rule::UnknownHelper,
                "0: (85) call unknown#300\ninvalid func unknown#300\n",
                "needs helper #300",
            ),
            (
                Rule::UnresolvedExtern,
                "libbpf: extern (func ksym) 'bpf_y': not found in kernel or module BTFs\n",
                "needs kfunc bpf_y",
            ),
            (
                Rule::UnresolvedExtern,
                "7: <invalid kfunc call>\nkfunc 'bpf_y' is referenced but wasn't resolved\n",
                "needs kfunc bpf_y",
            ),
            (
                Rule::CoreRelocation,
                "0: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [7] struct a.b (0:1 @ offset 4)\n",
                "CO-RE: no struct a.b",
            ),
            (
                Rule::AttachTarget,
                "libbpf: prog 'p': failed to find kernel BTF type ID of 'gone': -3\n",
                "needs attach target gone",
            ),
        ];
        for (rule, words, expected) in cases {
            assert_eq!(of(rule, words).as_deref(), Some(expected));
        }
        assert_eq!(of(Rule::UnknownHelper, ""), None);
        assert_eq!(of(Rule::PacketBounds, "invalid func bpf_x#300\n"), None);
    }
}
