//! Objects in which single instructions are changed by chance, or stretches of them are those of other programs.
//!
//! A corpus shows the rules that its authors thought of. Changed a little, its programs reach the branches
//! beside those rules.

use std::collections::BTreeSet;
use std::ops::Range;

use object::elf::SHF_EXECINSTR;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};
use verdict_isa::{Insn, atomic, class, mode, op, pseudo, src};

use crate::chance::Chance;

/// An object that changed ones are made of.
#[derive(Debug)]
pub struct Original<'b> {
    bytes: &'b [u8],
    functions: Vec<Function>,
}

impl<'b> Original<'b> {
    /// Reads an object.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &'b [u8]) -> Result<Original<'b>, String> {
        let functions = functions(bytes)?;
        Ok(Original { bytes, functions })
    }

    /// The object with at most so many changed instructions in each program.
    pub fn changed(&self, changes: usize, chance: &mut Chance) -> Vec<u8> {
        change(self.bytes, &self.functions, changes, chance)
    }

    /// The object with a stretch of another object's instructions, or of its own, in most of its programs.
    pub fn spliced(&self, other: &Original<'_>, chance: &mut Chance) -> Vec<u8> {
        let mut spliced = self.bytes.to_vec();
        for function in &self.functions {
            // As with single changes, what several programs share is mostly left alone.
            if function.shared && chance.below(4) > 0 {
                continue;
            }
            if let Some(from) = chance.of(&other.functions) {
                splice(&mut spliced, function, (other.bytes, from), chance);
            }
        }
        spliced
    }
}

/// The longest stretch that is taken over.
const LONGEST: usize = 16;

/// Puts some instructions of one function in the place of as many of another one's. What the loader relocates stays, on both
/// sides, and so do instructions of two halves.
fn splice(bytes: &mut [u8], to: &Function, (source, from): (&[u8], &Function), chance: &mut Chance) {
    let (room, there) = (to.bytes.len() / Insn::SIZE, from.bytes.len() / Insn::SIZE);
    let (first, taken) = (chance.below(room), chance.below(there));
    let len = 1 + chance.below(LONGEST.min(room).min(there));
    let insn = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + Insn::SIZE)?.try_into().ok()?;
        Some(Insn::from_bytes(bytes))
    };
    for step in 0..len {
        let (at, of) = (first + step, taken + step);
        // The last instruction ends the function.
        if at + 1 >= room || of >= there {
            return;
        }
        let (at_byte, of_byte) = (
            to.bytes.start + at * Insn::SIZE,
            from.bytes.start + of * Insn::SIZE,
        );
        let (Some(old), Some(mut new)) = (insn(bytes, at_byte), insn(source, of_byte)) else {
            return;
        };
        let halves = |insn: Insn| insn.code == WIDE || insn.code == 0;
        let calls_own = new.code == CALL && new.src != 0;
        let relocated = to.relocated.contains(&at_byte) || from.relocated.contains(&of_byte);
        if relocated || halves(old) || halves(new) || calls_own {
            continue;
        }
        let jumps =
            matches!(new.class(), class::JMP | class::JMP32) && !matches!(new.op(), op::CALL | op::EXIT);
        let target = at as i64 + 1 + i64::from(new.off);
        if jumps && !(0..room as i64).contains(&target) {
            new.off = offset(new, at, room, chance);
        }
        if let Some(place) = bytes.get_mut(at_byte..at_byte + Insn::SIZE) {
            place.copy_from_slice(&new.to_bytes());
        }
    }
}

/// The instructions of one function.
#[derive(Debug)]
struct Function {
    /// Its bytes in the file.
    bytes: Range<usize>,
    /// Offsets in the file of instructions that the loader relocates.
    relocated: BTreeSet<usize>,
    /// Several programs may share it.
    shared: bool,
}

fn functions(bytes: &[u8]) -> Result<Vec<Function>, String> {
    let file = object::File::parse(bytes).map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    for symbol in file
        .symbols()
        .filter(|s| s.kind() == SymbolKind::Text && s.size() > 0)
    {
        let Some(section) = symbol.section_index().and_then(|i| file.section_by_index(i).ok()) else {
            continue;
        };
        let code = matches!(section.flags(), SectionFlags::Elf { sh_flags, .. } if sh_flags.0 & SHF_EXECINSTR.0 != 0);
        let Some((at, size)) = section.file_range().filter(|_| code) else {
            continue;
        };
        let start = at.saturating_add(symbol.address());
        let end = start.saturating_add(symbol.size());
        if end > at.saturating_add(size) || end > bytes.len() as u64 {
            continue;
        }
        found.push(Function {
            bytes: start as usize..end as usize,
            relocated: section
                .relocations()
                .map(|(offset, _)| at.saturating_add(offset) as usize)
                .collect(),
            shared: section.name() == Ok(".text"),
        });
    }
    Ok(found)
}

fn change(bytes: &[u8], functions: &[Function], changes: usize, chance: &mut Chance) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for function in functions {
        // A function that several programs share decides on all of them: mostly it is left alone.
        if function.shared && chance.below(4) > 0 {
            continue;
        }
        for _ in 0..=chance.below(changes) {
            change_one(&mut changed, function, chance);
        }
    }
    changed
}

fn change_one(bytes: &mut [u8], function: &Function, chance: &mut Chance) {
    let insns: Vec<Insn> = bytes[function.bytes.clone()]
        .as_chunks()
        .0
        .iter()
        .map(|bytes| Insn::from_bytes(*bytes))
        .collect();
    let at = chance.below(insns.len());
    let offset = function.bytes.start + at * Insn::SIZE;
    let wide = |at: usize| insns.get(at).is_some_and(|insn| insn.code == WIDE);
    // The second half of a wide instruction belongs to the first.
    if at > 0 && wide(at - 1) || function.relocated.contains(&offset) {
        return;
    }
    let Some(old) = insns.get(at) else { return };
    let new = if wide(at) {
        Insn {
            imm: number(old.imm, chance),
            ..*old
        }
    } else {
        other(*old, at, &insns, chance)
    };
    bytes[offset..offset + Insn::SIZE].copy_from_slice(&new.to_bytes());
}

/// `ld_imm64`.
const WIDE: u8 = class::LD | verdict_isa::size::DW | mode::IMM;

/// Another instruction in the place of this one.
fn other(old: Insn, at: usize, insns: &[Insn], chance: &mut Chance) -> Insn {
    let mut new = old;
    match chance.below(10) {
        0 => new.dst = chance.below(11) as u8,
        1 => new.src = chance.below(11) as u8,
        2 => new.off = offset(old, at, insns.len(), chance),
        3 => new.imm = number(old.imm, chance),
        // Does nothing.
        4 => {
            new = Insn {
                code: class::JMP | op::JA,
                ..Insn::default()
            }
        }
        // Of this function, but neither half of a wide instruction, nor a call that might be relocated.
        5 => {
            let copied = chance.of(insns).filter(|insn| {
                insn.code != WIDE && insn.code != 0 && !(insn.code == CALL && insn.src == pseudo::CALL)
            });
            new = copied.copied().unwrap_or(old);
        }
        _ => new = operation(old, chance),
    }
    new
}

const CALL: u8 = class::JMP | op::CALL;

/// The same class of instruction with another operation, width or kind of operand.
fn operation(old: Insn, chance: &mut Chance) -> Insn {
    let mut new = old;
    match old.class() {
        class::ALU | class::ALU64 | class::JMP | class::JMP32 if old.code == CALL => {
            if old.src == 0 {
                new.imm = 1 + chance.below(211) as i32;
            }
        }
        class::ALU | class::ALU64 => match chance.below(4) {
            0 => new.code ^= src::X,
            1 => new.code ^= class::ALU ^ class::ALU64,
            _ => new.code = old.code & 0x0f | (chance.below(14) as u8) << 4,
        },
        class::JMP | class::JMP32 => match chance.below(4) {
            0 => new.code ^= src::X,
            1 => new.code ^= class::JMP ^ class::JMP32,
            _ => new.code = old.code & 0x0f | (chance.below(14) as u8) << 4,
        },
        _ => match chance.below(4) {
            0 if old.class() == class::LDX => new.code ^= mode::MEM ^ mode::MEMSX,
            0 if old.class() == class::STX => {
                new.code = old.code & 0x1f | mode::ATOMIC;
                new.imm = chance.of(&ATOMICS).copied().unwrap_or(0);
            }
            1 => new.code ^= class::ST ^ class::STX,
            _ => new.code = old.code & 0xe7 | (chance.below(4) as u8) << 3,
        },
    }
    new
}

const ATOMICS: [i32; 6] = [
    atomic::ADD,
    atomic::AND,
    atomic::ADD | atomic::FETCH,
    atomic::OR | atomic::FETCH,
    atomic::XCHG,
    atomic::CMPXCHG,
];

/// Another offset: of a jump anywhere in the function, otherwise near the old one.
fn offset(old: Insn, at: usize, len: usize, chance: &mut Chance) -> i16 {
    if matches!(old.class(), class::JMP | class::JMP32) {
        return (chance.below(len + 1) as i64 - at as i64 - 1) as i16;
    }
    const STEPS: [i16; 10] = [-64, -8, -4, -2, -1, 1, 2, 4, 8, 64];
    old.off.wrapping_add(chance.of(&STEPS).copied().unwrap_or(0))
}

/// Another number: near the old one, or one at which something ends.
fn number(old: i32, chance: &mut Chance) -> i32 {
    match chance.below(8) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => old.wrapping_neg(),
        3 => 0,
        4 => 1 << chance.below(32),
        5 => (1i32 << chance.below(31)).wrapping_sub(1),
        6 => -1 - chance.below(600) as i32,
        _ => chance.below(80) as i32,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{object, structured, text};

    fn object_of(seed: u64) -> Vec<u8> {
        let text = structured::program(&mut Chance(seed));
        object::write(&text::parse(&text).unwrap()).unwrap()
    }

    /// What is changed is code alone, alike from the same seed, and as long as before.
    #[test]
    fn changes_repeat() {
        for seed in 0..40 {
            let (bytes, others) = (object_of(seed), object_of(seed + 1));
            let (original, other) = (Original::read(&bytes).unwrap(), Original::read(&others).unwrap());
            let changed = original.changed(2, &mut Chance(seed));
            let spliced = original.spliced(&other, &mut Chance(seed));
            assert_eq!(changed, original.changed(2, &mut Chance(seed)));
            assert_eq!(spliced, original.spliced(&other, &mut Chance(seed)));
            let code: Vec<_> = original
                .functions
                .iter()
                .map(|function| function.bytes.clone())
                .collect();
            for made in [changed, spliced] {
                assert_eq!(made.len(), bytes.len());
                let differs = (0..bytes.len()).filter(|at| made[*at] != bytes[*at]);
                assert!(
                    differs
                        .into_iter()
                        .all(|at| code.iter().any(|range| range.contains(&at)))
                );
            }
        }
    }
}
