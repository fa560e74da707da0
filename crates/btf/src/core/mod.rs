//! CO-RE: relocating instructions that were compiled against one kernel's types to another's, by the rules
//! of libbpf.
//!
//! A relocation names a local type and an access into it (a *spec*, such as `0:1:2`). Every
//! target type of the same essential name is a candidate; the access is matched against each, and all that
//! match must agree on the value. What cannot be resolved does not fail the object: its instruction becomes
//! a call that no verifier accepts, which matters only if it can be reached.

mod calc;
mod compat;
mod patch;
mod spec;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use verdict_isa::Insn;

use self::calc::Outcome;
use self::spec::Spec;
use crate::error::errno;
pub use crate::ext::CoreRelo;
use crate::{Btf, Kind, TypeId};

/// The immediate of the call that replaces an instruction whose relocation cannot be resolved. No helper has
/// this number, hence the verifier refuses it (`invalid func unknown#195896080`), if it is reached.
pub const POISON: i32 = 195_896_080;

/// How much work matching the relocations of one object may be before it is given up: far more than any real
/// types need, but types may be made so that they match each other in exponentially many ways.
pub const BUDGET: u32 = 1 << 26;

/// What a relocation asks for (`BPF_CORE_*`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RelocKind {
    /// Byte offset of a field.
    FieldByteOffset,
    /// Size of a field in bytes.
    FieldByteSize,
    /// Whether the field exists.
    FieldExists,
    /// Whether the field is signed.
    FieldSigned,
    /// Left shift that puts a bitfield at the top of 64 bits.
    FieldLshiftU64,
    /// Right shift that follows it.
    FieldRshiftU64,
    /// Number of the local type.
    TypeIdLocal,
    /// Number of the target type.
    TypeIdTarget,
    /// Whether the type exists.
    TypeExists,
    /// Size of the type in bytes.
    TypeSize,
    /// Whether the enumerator exists.
    EnumvalExists,
    /// Value of the enumerator.
    EnumvalValue,
    /// Whether the type exists and matches the local one.
    TypeMatches,
    /// A number that libbpf does not know.
    Unknown,
}

impl RelocKind {
    /// The kind of a number.
    pub fn from_raw(raw: u32) -> RelocKind {
        match raw {
            0 => RelocKind::FieldByteOffset,
            1 => RelocKind::FieldByteSize,
            2 => RelocKind::FieldExists,
            3 => RelocKind::FieldSigned,
            4 => RelocKind::FieldLshiftU64,
            5 => RelocKind::FieldRshiftU64,
            6 => RelocKind::TypeIdLocal,
            7 => RelocKind::TypeIdTarget,
            8 => RelocKind::TypeExists,
            9 => RelocKind::TypeSize,
            10 => RelocKind::EnumvalExists,
            11 => RelocKind::EnumvalValue,
            12 => RelocKind::TypeMatches,
            _ => RelocKind::Unknown,
        }
    }

    /// libbpf's name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            RelocKind::FieldByteOffset => "byte_off",
            RelocKind::FieldByteSize => "byte_sz",
            RelocKind::FieldExists => "field_exists",
            RelocKind::FieldSigned => "signed",
            RelocKind::FieldLshiftU64 => "lshift_u64",
            RelocKind::FieldRshiftU64 => "rshift_u64",
            RelocKind::TypeIdLocal => "local_type_id",
            RelocKind::TypeIdTarget => "target_type_id",
            RelocKind::TypeExists => "type_exists",
            RelocKind::TypeSize => "type_size",
            RelocKind::EnumvalExists => "enumval_exists",
            RelocKind::EnumvalValue => "enumval_value",
            RelocKind::TypeMatches => "type_matches",
            RelocKind::Unknown => "unknown",
        }
    }

    /// What the relocation is about.
    fn subject(self) -> Subject {
        match self {
            RelocKind::FieldByteOffset
            | RelocKind::FieldByteSize
            | RelocKind::FieldExists
            | RelocKind::FieldSigned
            | RelocKind::FieldLshiftU64
            | RelocKind::FieldRshiftU64 => Subject::Field,
            RelocKind::TypeIdLocal
            | RelocKind::TypeIdTarget
            | RelocKind::TypeExists
            | RelocKind::TypeSize
            | RelocKind::TypeMatches => Subject::Type,
            RelocKind::EnumvalExists | RelocKind::EnumvalValue => Subject::Enumerator,
            RelocKind::Unknown => Subject::Unknown,
        }
    }
}

/// What a relocation is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Field,
    Type,
    Enumerator,
    Unknown,
}

/// What became of a relocated instruction.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Relocated {
    /// Whether the instruction (both halves of an `ld_imm64`) was replaced by the poison call.
    pub poisoned: bool,
    /// Value put into the instruction, meaningless if poisoned.
    pub value: u64,
    /// libbpf's warnings, without newline.
    pub warnings: Vec<String>,
}

/// A relocation that makes the whole object fail to load.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoreError {
    /// Positive errno value.
    pub errno: i32,
    /// libbpf's warnings, without newline, in order.
    pub messages: Vec<String>,
}

/// What the steps of one relocation share: the warnings so far, the work left, and names for messages.
struct Context<'a> {
    warnings: Vec<String>,
    budget: u32,
    prog: &'a str,
    index: usize,
    library: Library,
}

/// Whose rules decide where libraries differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Library {
    Libbpf,
    /// The number and the size of a type that is not there poison the instruction, a poisoned `ld_imm64` stays one, and
    /// loads and stores keep their size.
    Cilium,
}

/// A positive errno value.
type Failure = i32;

impl Context<'_> {
    fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// A warning that begins with the program's name and the relocation's index.
    fn warn_relo(&mut self, text: &str) {
        let line = format!("prog '{}': relo #{}: {text}", self.prog, self.index);
        self.warnings.push(line);
    }

    /// Takes one unit of work.
    fn step(&mut self) -> Result<(), Failure> {
        self.steps(1)
    }

    fn steps(&mut self, count: usize) -> Result<(), Failure> {
        let left = (self.budget as usize).checked_sub(count).ok_or(errno::E2BIG)?;
        self.budget = left as u32;
        Ok(())
    }
}

/// A target type that a local type may correspond to.
#[derive(Clone, Copy, Debug)]
struct Candidate<'a> {
    btf: &'a Btf,
    id: TypeId,
}

/// Relocates the instructions of one object.
///
/// Candidates are searched once per local type. A relocation that some of them match strikes the others out
/// for those that follow, as it does in libbpf; so relocate in the order of the records.
#[derive(Debug)]
pub struct Relocator<'a> {
    local: &'a Btf,
    target: &'a Btf,
    modules: Vec<&'a Btf>,
    candidates: BTreeMap<TypeId, Vec<Candidate<'a>>>,
    /// Local types with more than one candidate when they were searched for.
    ambiguous: BTreeSet<TypeId>,
    /// What records came to of which nothing was to be said, by type, access and kind, and how many candidates were left
    /// then: they only become fewer, so that with as many left they are the same.
    known: HashMap<(TypeId, u32, u32), (Outcome, usize)>,
    /// What is left of [`BUDGET`].
    budget: u32,
    library: Library,
}

impl<'a> Relocator<'a> {
    /// A relocator from the object's types to the kernel's.
    pub fn new(local: &'a Btf, target: &'a Btf) -> Self {
        Relocator {
            local,
            target,
            modules: Vec::new(),
            candidates: BTreeMap::new(),
            ambiguous: BTreeSet::new(),
            known: HashMap::new(),
            budget: BUDGET,
            library: Library::Libbpf,
        }
    }

    /// The local types of which the kernel had several of the name: what a record about one of them comes to may depend
    /// on those before it.
    pub fn into_ambiguous(self) -> BTreeSet<TypeId> {
        self.ambiguous
    }

    /// Work that was done, of what may be done for one object.
    pub fn work(&self) -> u32 {
        BUDGET.saturating_sub(self.budget)
    }

    /// The same by the rules of cilium/ebpf, where they differ from those of libbpf.
    pub fn without_libbpf(mut self) -> Self {
        self.library = Library::Cilium;
        self
    }

    /// Adds the BTF of a module, which is searched for types that the kernel's own has not.
    pub fn with_module(mut self, module: &'a Btf) -> Self {
        self.modules.push(module);
        self
    }

    /// Relocates instruction `insn_idx` of `insns` (the program's own index, not the section's).
    /// `relo_idx` is the record's place in its section; it and `prog_name` are for messages.
    ///
    /// # Errors
    /// When libbpf would give up on the object.
    pub fn relocate(
        &mut self,
        insns: &mut [Insn],
        insn_idx: usize,
        relo: &CoreRelo,
        relo_idx: usize,
        prog_name: &str,
    ) -> Result<Relocated, CoreError> {
        let mut cx = Context {
            warnings: Vec::new(),
            budget: self.budget,
            prog: prog_name,
            index: relo_idx,
            library: self.library,
        };
        let result = self.run(&mut cx, insns, insn_idx, relo);
        self.budget = cx.budget;
        match result {
            Ok((poisoned, value)) => Ok(Relocated {
                poisoned,
                value,
                warnings: cx.warnings,
            }),
            Err(errno) => Err(CoreError {
                errno,
                messages: cx.warnings,
            }),
        }
    }

    fn run(
        &mut self,
        cx: &mut Context<'_>,
        insns: &mut [Insn],
        insn_idx: usize,
        relo: &CoreRelo,
    ) -> Result<(bool, u64), Failure> {
        let window = insns.get_mut(insn_idx..).unwrap_or_default();
        let (first, second) = match window {
            [] => return Err(errno::EINVAL),
            [first, rest @ ..] => (first, rest.first_mut()),
        };
        if patch::is_ld_imm64(first) && second.is_none() {
            cx.warn_relo(&format!("insn #{insn_idx} (LDIMM64) is truncated"));
            return Err(errno::EINVAL);
        }
        let key = (relo.type_id, relo.access_str_off, relo.kind);
        let known = self.known.get(&key).copied();
        let outcome = match known.filter(|(_, left)| *left == self.left(relo)) {
            Some((outcome, _)) => outcome,
            None => {
                let outcome = self.resolve(cx, relo).inspect_err(|e| {
                    cx.warn_relo(&format!("failed to relocate: {}", e.wrapping_neg()));
                })?;
                if cx.warnings.is_empty() {
                    self.known.insert(key, (outcome, self.left(relo)));
                }
                outcome
            }
        };
        let poisoned = patch::patch(cx, first, second, insn_idx, &outcome).inspect_err(|e| {
            cx.warn_relo(&format!("failed to patch insn #{insn_idx}: {}", e.wrapping_neg()));
        })?;
        Ok((poisoned, outcome.new_val))
    }

    /// How many candidates are left of a record's type.
    fn left(&self, relo: &CoreRelo) -> usize {
        self.candidates.get(&relo.type_id).map_or(0, Vec::len)
    }

    /// Finds the value that a relocation comes to.
    fn resolve(&mut self, cx: &mut Context<'_>, relo: &CoreRelo) -> Result<Outcome, Failure> {
        let local_type = self.local.ty(relo.type_id).ok_or(errno::EINVAL)?;
        let kind = RelocKind::from_raw(relo.kind);
        let name = self.local.name_bytes(local_type.name_off());
        if kind != RelocKind::TypeIdLocal && !self.candidates.contains_key(&relo.type_id) {
            if name.is_empty() {
                cx.warn_relo(&format!(
                    "target candidate search failed for [{}] {} {}: {}",
                    relo.type_id,
                    local_type.kind().name(),
                    local_type.name(),
                    -errno::EINVAL
                ));
                return Err(errno::EINVAL);
            }
            let found = self.find_candidates(name, local_type.kind());
            if found.len() > 1 {
                self.ambiguous.insert(relo.type_id);
            }
            self.candidates.insert(relo.type_id, found);
        }
        let local = Spec::parse(cx, self.local, relo).map_err(|e| {
            cx.warn_relo(&format!(
                "parsing [{}] {} {} + {} failed: {}",
                relo.type_id,
                local_type.kind().name(),
                if name.is_empty() {
                    "<anon>"
                } else {
                    local_type.name()
                },
                self.local
                    .string(relo.access_str_off)
                    .map_or("<?>", |_| self.local.name(relo.access_str_off)),
                e.wrapping_neg()
            ));
            errno::EINVAL
        })?;
        if kind == RelocKind::TypeIdLocal {
            let id = u64::from(local.root.0);
            return Ok(Outcome {
                orig_val: id,
                new_val: id,
                ..Outcome::default()
            });
        }
        let candidates = self.candidates.entry(relo.type_id).or_default();
        choose(cx, relo, &local, candidates)
    }

    /// The target types of the same essential name and a compatible kind: of the kernel itself, or if it has
    /// none, of its modules.
    fn find_candidates(&self, name: &[u8], kind: Kind) -> Vec<Candidate<'a>> {
        let of = |btf: &'a Btf| {
            btf.flavours_of(name)
                .filter(move |t| t.kind().core_compatible(kind))
                .map(move |t| Candidate { btf, id: t.id() })
        };
        let found = self
            .target
            .base()
            .into_iter()
            .flat_map(|base| of(base))
            .collect::<Vec<_>>();
        let found = found.into_iter().chain(of(self.target)).collect::<Vec<_>>();
        if !found.is_empty() {
            return found;
        }
        self.modules.iter().flat_map(|&module| of(module)).collect()
    }
}

/// Matches the local access against each candidate; those that match must agree.
fn choose(
    cx: &mut Context<'_>,
    relo: &CoreRelo,
    local: &Spec<'_>,
    candidates: &mut Vec<Candidate<'_>>,
) -> Result<Outcome, Failure> {
    let mut chosen: Option<(Outcome, u32)> = None;
    let mut matching = Vec::new();
    for (index, &candidate) in candidates.iter().enumerate() {
        let Some(spec) = local.matched(cx, candidate, index)? else {
            continue;
        };
        let outcome = calc::calculate(cx, relo, local, Some(&spec))?;
        match &chosen {
            None => chosen = Some((outcome, spec.bit_offset)),
            Some((first, bit_offset)) => agree(cx, (first, *bit_offset), (&outcome, spec.bit_offset))?,
        }
        matching.push(candidate);
    }
    match chosen {
        Some((outcome, _)) => {
            *candidates = matching;
            Ok(outcome)
        }
        None => calc::calculate(cx, relo, local, None),
    }
}

/// Checks that a further candidate leads to what the first one did.
fn agree(cx: &mut Context<'_>, first: (&Outcome, u32), other: (&Outcome, u32)) -> Result<(), Failure> {
    if other.1 != first.1 {
        cx.warn_relo(&format!("field offset ambiguity: {} != {}", other.1, first.1));
        return Err(errno::EINVAL);
    }
    if other.0.poison != first.0.poison || other.0.new_val != first.0.new_val {
        let word = |o: &Outcome| if o.poison { "failure" } else { "success" };
        cx.warn_relo(&format!(
            "relocation decision ambiguity: {} {} != {} {}",
            word(other.0),
            other.0.new_val,
            word(first.0),
            first.0.new_val
        ));
        return Err(errno::EINVAL);
    }
    Ok(())
}

/// The text that libbpf writes into the log in place of the two lines about a poisoned call, each line with
/// its newline; `None` if the relocation's access string makes no sense.
pub fn failure_text(local: &Btf, relo: &CoreRelo, insn_idx: usize) -> Option<String> {
    let text = describe(local, relo)?;
    // libbpf formats into a buffer of 256 bytes, and the whole into one of 512.
    let dots = if text.len() >= 256 { "..." } else { "" };
    let whole = format!(
        "{insn_idx}: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation {}{dots}\n",
        cut(&text, 255)
    );
    Some(cut(&whole, 511).to_owned())
}

/// The text of the access that a relocation is about, as libbpf prints it
/// (`<byte_off> [7] struct task_struct.pid (0:1 @ offset 8)`).
pub fn describe(local: &Btf, relo: &CoreRelo) -> Option<String> {
    let mut cx = Context {
        warnings: Vec::new(),
        budget: BUDGET,
        prog: "",
        index: 0,
        library: Library::Libbpf,
    };
    local.ty(relo.type_id)?;
    Some(Spec::parse(&mut cx, local, relo).ok()?.format())
}

/// At most `len` bytes of a text, cut at a character's boundary.
fn cut(text: &str, len: usize) -> &str {
    text.get(..text.floor_char_boundary(len)).unwrap_or(text)
}

/// Whether a local type corresponds to a target type as the type-based relocations see it
/// (`bpf_core_types_are_compat`); names are ignored. `None` when libbpf fails on them.
pub fn types_are_compatible(local: &Btf, local_id: TypeId, target: &Btf, target_id: TypeId) -> Option<bool> {
    let mut cx = Context {
        warnings: Vec::new(),
        budget: BUDGET,
        prog: "",
        index: 0,
        library: Library::Libbpf,
    };
    compat::types_are_compatible(&mut cx, (local, local_id), (target, target_id), 32).ok()
}

/// Whether a local type matches a target type in structure (`bpf_core_types_match`), the names of the two
/// themselves included. `None` when libbpf fails on them.
pub fn types_match(local: &Btf, local_id: TypeId, target: &Btf, target_id: TypeId) -> Option<bool> {
    let mut cx = Context {
        warnings: Vec::new(),
        budget: BUDGET,
        prog: "",
        index: 0,
        library: Library::Libbpf,
    };
    compat::types_match(&mut cx, (local, local_id), (target, target_id), false, 32).ok()
}
