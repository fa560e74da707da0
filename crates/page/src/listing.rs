//! The program that a walk is of.

use serde::Serialize;
use verdict_isa::{atomic, class, mode, op};
use verdict_kernel::Kernel;
use verdict_log::insn_text;
use verdict_report::profile::{Mismatch, Profile};
use verdict_syscall::Prog;

/// A program's instructions and source lines, as columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The text of each instruction; none of second halves.
    insns: Vec<Option<String>>,
    /// What each instruction is: the registers that it writes as bits 0 to 10, and [`BRANCH`], [`STORE`], [`CALL`].
    kinds: Vec<u16>,
    /// The source line of each instruction, by number; -1 is none.
    line_of: Vec<i64>,
    /// The function of each instruction, by number.
    function_of: Vec<usize>,
    /// Files of source lines.
    files: Vec<String>,
    /// Source lines: file, line, text.
    lines: Vec<(usize, u32, String)>,
    /// Names of functions.
    functions: Vec<String>,
    /// Why explored states did not match: instruction, how often, what differed.
    mismatches: Vec<(u32, u64, String)>,
}

/// A conditional jump: it narrows values that it does not write.
const BRANCH: u16 = 1 << 11;
/// An instruction that writes to memory.
const STORE: u16 = 1 << 12;
/// A call.
const CALL: u16 = 1 << 13;

/// Most reasons of mismatches that are kept.
const MAX_MISMATCHES: usize = 2000;

impl Listing {
    /// Of this program; the profile of its verification knows its lines and functions.
    pub fn new(kernel: &Kernel, prog: &Prog, profile: &Profile) -> Listing {
        let mut files: Vec<String> = Vec::new();
        let mut lines = Vec::new();
        for line in &profile.lines {
            let file = files.iter().position(|known| *known == line.file);
            let file = file.unwrap_or_else(|| {
                files.push(line.file.clone());
                files.len() - 1
            });
            lines.push((file, line.line, line.text.clone()));
        }
        let mut insns = Vec::new();
        let mut second = false;
        for (at, insn) in prog.insns.iter().enumerate() {
            let text = if second { None } else { insn_text(kernel, prog, at) };
            insns.push(text);
            second = !second && insn.is_ld_imm64();
        }
        Listing {
            insns,
            kinds: (0..prog.insns.len() as u32).map(|at| kind_of(prog, at)).collect(),
            line_of: profile
                .sites
                .iter()
                .map(|site| site.line.map_or(-1, |line| line as i64))
                .collect(),
            function_of: profile.sites.iter().map(|site| site.function).collect(),
            files,
            lines,
            functions: profile.functions.clone(),
            mismatches: mismatches(&profile.mismatches),
        }
    }
}

fn mismatches(all: &[Mismatch]) -> Vec<(u32, u64, String)> {
    let row = |mismatch: &Mismatch| {
        let mut text = mismatch.what.clone();
        for part in [&mismatch.why, &mismatch.example] {
            if !part.is_empty() {
                text.push_str(": ");
                text.push_str(part);
            }
        }
        (mismatch.insn, mismatch.count, text)
    };
    all.iter().take(MAX_MISMATCHES).map(row).collect()
}

/// The registers that an instruction writes, those that a call leaves empty included.
pub(crate) fn written_by(prog: &Prog, at: u32) -> u16 {
    const CALLER_SAVED: u16 = 0b11_1111;
    let Some(insn) = prog.insns.get(at as usize) else {
        return 0;
    };
    let dst = 1u16.checked_shl(insn.dst.into()).unwrap_or(0);
    let src = 1u16.checked_shl(insn.src.into()).unwrap_or(0);
    match insn.class() {
        class::ALU | class::ALU64 | class::LDX => dst,
        class::LD if insn.is_ld_imm64() => dst,
        class::LD => CALLER_SAVED,
        class::STX if insn.mode() == mode::ATOMIC && insn.imm == atomic::CMPXCHG => 1,
        class::STX if insn.mode() == mode::ATOMIC && insn.imm & atomic::FETCH != 0 => src,
        class::JMP if insn.op() == op::CALL => CALLER_SAVED,
        _ => 0,
    }
}

/// Whether an instruction writes to memory.
pub(crate) fn is_store(prog: &Prog, at: u32) -> bool {
    let insn = prog.insns.get(at as usize);
    insn.is_some_and(|insn| matches!(insn.class(), class::ST | class::STX))
}

fn kind_of(prog: &Prog, at: u32) -> u16 {
    let Some(insn) = prog.insns.get(at as usize) else {
        return 0;
    };
    let jumps = matches!(insn.class(), class::JMP | class::JMP32);
    let kind = match insn.class() {
        _ if is_store(prog, at) => STORE,
        _ if jumps && insn.op() == op::CALL => CALL,
        _ if jumps && !matches!(insn.op(), op::JA | op::EXIT) => BRANCH,
        _ => 0,
    };
    written_by(prog, at) | kind
}
