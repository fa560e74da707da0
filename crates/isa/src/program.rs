//! A program: its instructions.

use crate::{AsmError, Disasm, Insn, Malformed, Names, Op, assemble, decode};
use std::fmt;
use std::ops::Deref;

/// The instructions of a program, in order; derefs to a slice.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Program {
    insns: Vec<Insn>,
}

impl Program {
    /// From its little-endian encoding; bytes beyond the last whole instruction are left out.
    pub fn from_bytes(bytes: &[u8]) -> Program {
        bytes
            .as_chunks::<{ Insn::SIZE }>()
            .0
            .iter()
            .map(|chunk| Insn::from_bytes(*chunk))
            .collect()
    }

    /// The little-endian encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.insns.iter().flat_map(|insn| insn.to_bytes()).collect()
    }

    /// From lines in log syntax: blank lines and what follows a `;` do not count, an index (`3:`) and an
    /// opcode (`(07)`) may precede the instruction and are not checked. An `ld_imm64` makes two instructions.
    pub fn assemble(text: &str) -> Result<Program, AsmError> {
        let mut insns = Vec::new();
        for line in text.lines() {
            let line = line.split(';').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let (insn, half) = assemble(line)?;
                insns.push(insn);
                insns.extend(half);
            }
        }
        Ok(Program { insns })
    }

    /// Every instruction decoded. The second half of an `ld_imm64` is an unknown opcode, 0.
    pub fn decode(&self) -> Vec<Result<Op, Malformed>> {
        self.insns
            .iter()
            .enumerate()
            .map(|(i, insn)| decode(insn, self.insns.get(i + 1)))
            .collect()
    }

    /// The text of the instruction at `index`, if there is one.
    pub fn disasm<'a, N: Names>(&'a self, index: usize, names: &'a N) -> Option<Disasm<'a, N>> {
        let insn = self.insns.get(index)?;
        Some(Disasm::new(insn, self.insns.get(index + 1), names))
    }

    /// Displays all instructions, one a line, with their indices.
    pub fn listing<'a, N: Names>(&'a self, names: &'a N) -> Listing<'a, N> {
        Listing { program: self, names }
    }
}

impl Deref for Program {
    type Target = [Insn];

    fn deref(&self) -> &[Insn] {
        &self.insns
    }
}

impl From<Vec<Insn>> for Program {
    fn from(insns: Vec<Insn>) -> Program {
        Program { insns }
    }
}

impl FromIterator<Insn> for Program {
    fn from_iter<I: IntoIterator<Item = Insn>>(insns: I) -> Program {
        Program {
            insns: insns.into_iter().collect(),
        }
    }
}

/// Displays a program.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a, N> {
    program: &'a Program,
    names: &'a N,
}

impl<N: Names> fmt::Display for Listing<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut skip = false;
        for (index, insn) in self.program.iter().enumerate() {
            if std::mem::take(&mut skip) {
                continue;
            }
            writeln!(
                f,
                "{index}: {}",
                Disasm::new(insn, self.program.get(index + 1), self.names)
            )?;
            skip = insn.is_ld_imm64();
        }
        Ok(())
    }
}
