//! CO-RE: relocating instructions that were compiled against one kernel's types to another's, by the rules
//! of libbpf.

use verdict_isa::Insn;

use crate::Btf;
pub use crate::ext::CoreRelo;

/// The immediate of the call that replaces an instruction whose relocation cannot be resolved. No helper has
/// this number, hence the verifier refuses it (`invalid func unknown#195896080`), if it is reached.
pub const POISON: i32 = 195_896_080;

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

/// Relocates the instructions of one object.
#[derive(Debug)]
pub struct Relocator<'a> {
    local: &'a Btf,
    targets: Vec<&'a Btf>,
}

impl<'a> Relocator<'a> {
    /// A relocator from the object's types to the kernel's.
    pub fn new(local: &'a Btf, target: &'a Btf) -> Self {
        Relocator {
            local,
            targets: vec![target],
        }
    }

    /// Adds the BTF of a module, which is searched for types that the kernel's own has not.
    pub fn with_module(mut self, module: &'a Btf) -> Self {
        self.targets.push(module);
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
        let _ = (
            self.local,
            &self.targets,
            insns,
            insn_idx,
            relo,
            relo_idx,
            prog_name,
        );
        Err(CoreError {
            errno: crate::errno::EOPNOTSUPP,
            messages: Vec::new(),
        })
    }
}

/// The text that libbpf writes into the log in place of the two lines about a poisoned call, each line with
/// its newline; `None` if the relocation's access string makes no sense.
pub fn failure_text(local: &Btf, relo: &CoreRelo, insn_idx: usize) -> Option<String> {
    let _ = (local, relo, insn_idx);
    None
}
