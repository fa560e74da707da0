//! What a kernel lacks that a program needs.

use verdict_isa::{Insn, atomic, class, mode, op, pseudo, size};
use verdict_kernel::Kernel;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::control::{AcquireRelease, InstructionSet};
use verdict_kernel::tables::helper::helper_name;
use verdict_loader::{MapShape, Object, ProgFacts};
use verdict_report::{Need, Record};

/// A refusal, and what it can be understood by.
pub(crate) struct Refused<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) object: &'a Object,
    pub(crate) rule: Rule,
    pub(crate) record: &'a Record,
    pub(crate) facts: &'a ProgFacts,
    /// The program's `BPF_F_*`.
    pub(crate) flags: u32,
    /// The program as the kernel was given it; empty if it came not to that.
    pub(crate) insns: &'a [Insn],
    /// The instruction that was refused.
    pub(crate) insn: Option<usize>,
    /// The CO-RE relocation of that instruction, as libbpf writes it.
    pub(crate) relocation: Option<String>,
}

impl Refused<'_> {
    /// What is missing, where the rule says that something is. Where libbpf and the kernel name it, the name is taken
    /// from their message.
    pub(crate) fn need(&self) -> Option<Need> {
        match self.rule {
            Rule::UnknownHelper => self.helper(),
            Rule::HelperForbidden => {
                let name = self.words("unknown func ")?.split_once('#')?.0;
                Some(Need::HelperForProgram(name.to_owned()))
            }
            Rule::UnresolvedExtern => self.external(),
            Rule::CoreRelocation => {
                // failed to resolve CO-RE relocation <byte_off> [7] struct task_struct.gone (0:1 @ offset 4)
                let told = self.words("CO-RE relocation <").or(self.relocation.as_deref());
                let (_, target) = told?.split_once("] ")?;
                let end = target.find(" (").unwrap_or(target.len());
                Some(Need::Type(target.get(..end)?.to_owned()))
            }
            Rule::AttachTarget => {
                let (_, target) = self
                    .line("failed to find kernel BTF type ID of ")?
                    .split_once(" of ")?;
                Some(Need::AttachTarget(quoted(target)?))
            }
            Rule::StructOpsMap => self.struct_ops(),
            Rule::MapAttributes => self.map(),
            Rule::ProgramAttributes => self.program(),
            Rule::InvalidInsn => match self.insn {
                Some(at) => self.unknown(|insn| self.insns.get(at) == Some(insn)),
                // It is one of another program, which libbpf loads first.
                None => self.unknown(|_| true),
            },
            // A kernel that does not know addresses of functions counts no callbacks among the functions.
            Rule::FuncInfo => self.unknown(|insn| insn.is_func_ref()),
            // One that does not know long jumps takes them for short ones, or for none.
            Rule::JumpTarget | Rule::UnreachableInsn => self.unknown(is_long_jump),
            _ => None,
        }
    }

    /// What the first of these instructions that the kernel does not know belongs to.
    fn unknown(&self, which: impl Fn(&Insn) -> bool) -> Option<Need> {
        let mut insns = self.insns.iter().filter(|insn| which(insn));
        let name = insns.find_map(|insn| unknown_insn(self.kernel, insn))?;
        Some(Need::Instructions(name.to_owned()))
    }

    fn line(&self, part: &str) -> Option<&str> {
        let record = self.record;
        let words = record.tail.as_deref().or(record.libbpf.as_deref())?;
        words.lines().find(|line| line.contains(part))
    }

    /// What stands behind these words.
    fn words(&self, part: &str) -> Option<&str> {
        self.line(part)?.split(part).nth(1)
    }

    fn helper(&self) -> Option<Need> {
        let (name, number) = self.words("invalid func ")?.trim().split_once('#')?;
        Some(Need::Helper(match name {
            // The kernel has no name for it, but another one has.
            "unknown" => match number.parse().ok().and_then(helper_name) {
                Some(name) => name.to_owned(),
                None => format!("#{number}"),
            },
            name => name.to_owned(),
        }))
    }

    fn external(&self) -> Option<Need> {
        let kfunc = self.line("extern (func ksym)").or(self.line("kfunc '"));
        if let Some(name) = kfunc.and_then(quoted) {
            return Some(Need::Kfunc(name));
        }
        let name = quoted(self.line("extern (var ksym)").or(self.line("extern '"))?)?;
        Some(match name.starts_with("CONFIG_") {
            true => Need::Config(name),
            false => Need::Symbol(name),
        })
    }

    fn struct_ops(&self) -> Option<Need> {
        let first = |text: &str| text.split(' ').next().map(ToOwned::to_owned);
        if let Some(name) = self.words("struct_ops init_kern: struct ").and_then(first) {
            return Some(Need::StructOps(name));
        }
        let member = first(self.words(": Cannot find member ")?)?;
        Some(Need::StructOpsMember(member))
    }

    /// The type or flag of a map that cannot be created.
    fn map(&self) -> Option<Need> {
        let name = quoted(self.line("failed to create")?)?;
        let shapes = self.object.map_shapes(&name);
        shapes.into_iter().find_map(|shape| self.of_map(shape))
    }

    fn of_map(&self, shape: MapShape) -> Option<Need> {
        let known = MapType::from_raw(shape.map_type);
        if !known.is_some_and(|ty| self.kernel.supports_map_type(ty)) {
            return Some(Need::MapType(match known {
                Some(ty) => ty.name().to_owned(),
                None => format!("#{}", shape.map_type),
            }));
        }
        (!self.kernel.knows_map_flags(shape.flags))
            .then(|| Need::MapFlags(map_flags(self.kernel, shape.flags)))
    }

    /// The type or attach type of a program that the kernel does not know.
    fn program(&self) -> Option<Need> {
        let ty = ProgType::from_raw(self.facts.prog_type)?;
        if !self.kernel.supports_prog_type(ty) {
            return Some(Need::ProgramType(ty.name().to_owned()));
        }
        if self.flags & XDP_HAS_FRAGS != 0 && !self.kernel.knows_prog_flags(XDP_HAS_FRAGS) {
            return Some(Need::AttachType("xdp.frags".to_owned()));
        }
        let attach = AttachType::from_raw(self.facts.attach_type)?;
        let known = self.kernel.attach_type(attach.raw()).is_some();
        (!known).then(|| Need::AttachType(attach.name().to_owned()))
    }
}

/// `BPF_F_XDP_HAS_FRAGS`.
const XDP_HAS_FRAGS: u32 = 1 << 5;

/// Flags of maps that are younger than others, by their bits.
const MAP_FLAGS: &[(u32, &str)] = &[
    (1 << 10, "BPF_F_MMAPABLE"),
    (1 << 11, "BPF_F_PRESERVE_ELEMS"),
    (1 << 12, "BPF_F_INNER_MAP"),
    (1 << 13, "BPF_F_LINK"),
    (1 << 15, "BPF_F_VTYPE_BTF_OBJ_FD"),
    (1 << 17, "BPF_F_SEGV_ON_FAULT"),
    (1 << 18, "BPF_F_NO_USER_CONV"),
];

/// Those of the flags that the kernel does not know.
fn map_flags(kernel: &Kernel, flags: u32) -> String {
    let unknown = (0..u32::BITS).map(|bit| flags & 1 << bit);
    let unknown = unknown.filter(|flag| *flag != 0 && !kernel.knows_map_flags(*flag));
    let name = |flag: u32| match MAP_FLAGS.iter().find(|(known, _)| *known == flag) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{flag:#x}"),
    };
    unknown.map(name).collect::<Vec<_>>().join(" | ")
}

/// What an instruction belongs to that the kernel does not know.
fn unknown_insn(kernel: &Kernel, insn: &Insn) -> Option<&'static str> {
    use verdict_report::instructions::{
        ACQUIRE_RELEASE, ATOMIC, CALLBACK, CAST, FETCH_ADD, KFUNC_CALL, LONG_JUMP, MAY_GOTO, V4,
    };
    let control = &kernel.semantics.control;
    let (old, v4) = match control.instruction_set {
        InstructionSet::V3Xadd => (true, false),
        InstructionSet::V3 => (false, false),
        InstructionSet::V4 => (false, true),
    };
    let ordered = control.acquire_release != AcquireRelease::Unknown;
    let atomic = insn.class() == class::STX && insn.mode() == mode::ATOMIC;
    if atomic
        && !ordered
        && (matches!(insn.size(), size::B | size::H)
            || matches!(insn.imm, atomic::LOAD_ACQ | atomic::STORE_REL))
    {
        return Some(ACQUIRE_RELEASE);
    }
    if old && atomic && insn.imm != 0 {
        let adds = insn.imm == atomic::ADD | atomic::FETCH;
        return Some(if adds { FETCH_ADD } else { ATOMIC });
    }
    if old && insn.is_func_ref() {
        return Some(CALLBACK);
    }
    if old && insn.is_kfunc_call() {
        return Some(KFUNC_CALL);
    }
    if v4 {
        return None;
    }
    match insn.class() {
        class::JMP32 if old && is_long_jump(insn) => Some(LONG_JUMP),
        class::JMP if insn.op() == op::JCOND => Some(MAY_GOTO),
        class::LDX if insn.mode() == mode::MEMSX => Some(V4),
        class::ALU | class::ALU64 => match insn.op() {
            op::MOV if insn.class() == class::ALU64 && insn.off == pseudo::ADDR_SPACE_CAST => Some(CAST),
            op::MOV | op::DIV | op::MOD if insn.off != 0 => Some(V4),
            op::END if insn.class() == class::ALU64 => Some(V4),
            _ => None,
        },
        _ => None,
    }
}

fn is_long_jump(insn: &Insn) -> bool {
    insn.class() == class::JMP32 && insn.op() == op::JA
}

/// What stands between the first two single quotes.
fn quoted(line: &str) -> Option<String> {
    line.split('\'').nth(1).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use verdict_report::{Stage, Verdict, instructions};

    use super::*;
    use crate::{KernelChoice, Options, Verifier};

    fn verifier(kernel: &str, switches: &[&str]) -> Verifier {
        let choice = KernelChoice {
            name: Some(kernel.to_owned()),
            switches: switches.iter().map(|&switch| switch.to_owned()).collect(),
            ..KernelChoice::default()
        };
        Verifier::new(choice.open().unwrap(), Options::default())
    }

    /// What an object's programs need, by name.
    fn needs(kernel: &str, object: &str) -> Vec<(String, String)> {
        let path = format!("{}/../../corpus/{object}", env!("CARGO_MANIFEST_DIR"));
        let verifier = verifier(kernel, &[]);
        let object = verifier.open(object, &std::fs::read(path).unwrap()).unwrap();
        let answers = object.programs().map(|program| (program.name(), program.check()));
        let needs = answers.filter_map(|(name, answer)| Some((name, answer.refusal?.need?)));
        needs
            .map(|(name, need)| (name.to_owned(), need.to_string()))
            .collect()
    }

    fn of(rule: Rule, words: &str) -> Option<String> {
        let verifier = verifier("6.1", &[]);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/fallbacks.bpf.o");
        let object = verifier.open("x.o", &std::fs::read(path).unwrap()).unwrap();
        let mut record = Record::new("", Verdict::Failure, Stage::Verify);
        record.errno = 22;
        record.tail = Some(words.to_owned());
        let refused = Refused {
            kernel: verifier.kernel(),
            object: &object.object,
            rule,
            record: &record,
            facts: &ProgFacts::default(),
            flags: 0,
            insns: &[],
            insn: None,
            relocation: None,
        };
        refused.need().map(|need| need.to_string())
    }

    #[test]
    fn names_are_those_of_the_message() {
        let cases = [
            (
                Rule::UnknownHelper,
                "invalid func bpf_x#300\n",
                "needs helper bpf_x",
            ),
            (
                Rule::UnknownHelper,
                "0: (85) call unknown#3000\ninvalid func unknown#3000\n",
                "needs helper #3000",
            ),
            // Another kernel knows its name.
            (
                Rule::UnknownHelper,
                "invalid func unknown#210\n",
                "needs helper bpf_cgrp_storage_get",
            ),
            (
                Rule::HelperForbidden,
                "unknown func bpf_strtol#105\n",
                "needs helper bpf_strtol for this program type",
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
                Rule::UnresolvedExtern,
                "libbpf: extern 'CONFIG_X' (strong): not resolved\n",
                "needs CONFIG_X",
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
            (
                Rule::StructOpsMap,
                "libbpf: struct_ops init_kern ops: Cannot find member gone in kernel BTF\n",
                "needs struct_ops member gone",
            ),
        ];
        for (rule, words, expected) in cases {
            assert_eq!(of(rule, words).as_deref(), Some(expected));
        }
        assert_eq!(of(Rule::UnknownHelper, ""), None);
        assert_eq!(of(Rule::PacketBounds, "invalid func bpf_x#300\n"), None);
    }

    /// The verdicts behind it are those of real kernels, to which the corpus is held.
    #[test]
    fn instructions_that_a_kernel_does_not_know_are_named_by_their_group() {
        let needs_of = |object| needs("6.1", object);
        let has = |all: Vec<(String, String)>, program: &str, need: &str| {
            let (program, need) = (program.to_owned(), format!("needs {need}"));
            assert!(
                all.contains(&(program.clone(), need.clone())),
                "{program} {need}: {all:?}"
            );
        };
        has(needs_of("instructions.bpf.o"), "v4", instructions::V4);
        has(needs_of("may_goto.bpf.o"), "until", instructions::MAY_GOTO);
        assert!(needs("6.12", "may_goto.bpf.o").is_empty());
    }

    #[test]
    fn every_group_of_instructions_is_told_from_the_others() {
        let old = verifier("6.1", &["instruction-set=v3-xadd"]);
        let insn = |code, src, off, imm| Insn {
            code,
            dst: 0,
            src,
            off,
            imm,
        };
        let add = |imm| insn(0xdb, 1, 0, imm);
        let cases = [
            (add(0), None),
            (add(1), Some(instructions::FETCH_ADD)),
            (add(0x50), Some(instructions::ATOMIC)),
            (add(0x100), Some(instructions::ACQUIRE_RELEASE)),
            (insn(0x18, pseudo::FUNC, 0, 0), Some(instructions::CALLBACK)),
            (
                insn(0x85, pseudo::KFUNC_CALL, 0, 1),
                Some(instructions::KFUNC_CALL),
            ),
            (insn(0x06, 0, 0, 1), Some(instructions::LONG_JUMP)),
            (insn(0xe5, 0, 1, 0), Some(instructions::MAY_GOTO)),
            (insn(0xbf, 1, 1, 1), Some(instructions::CAST)),
            (insn(0xbf, 1, 8, 0), Some(instructions::V4)),
            (insn(0x91, 1, 0, 0), Some(instructions::V4)),
            (insn(0x3f, 1, 1, 0), Some(instructions::V4)),
            (insn(0xd7, 0, 0, 16), Some(instructions::V4)),
            (insn(0xbf, 1, 0, 0), None),
            (insn(0x85, pseudo::CALL, 0, 1), None),
        ];
        for (insn, expected) in cases {
            assert_eq!(unknown_insn(old.kernel(), &insn), expected, "{insn:?}");
            // The newest one knows them all.
            assert_eq!(
                unknown_insn(verifier("6.18", &[]).kernel(), &insn),
                None,
                "{insn:?}"
            );
        }
    }
}
