//! Programs as compilers make them, and stranger: branches that join, bounded loops, open-coded iterators, callbacks, spills
//! and fills of all sizes, copies that are linked, functions, locks and references.
//!
//! They are made to be accepted mostly, and to prune: few registers, few numbers, and many joins at which states are equal or
//! nearly so. Text as [`crate::text`] reads it.

mod scalars;
mod statements;

use crate::chance::Chance;

/// Registers that hold numbers across calls.
const KEPT: [u8; 4] = [6, 7, 8, 9];
/// The lowest byte of the stack slots that always hold numbers, of 40 bytes.
const NUMBERS: i64 = -40;
/// A slot for a pointer that is put aside.
const ASIDE: i64 = -48;
/// The slots of iterators, downwards by how deep they are nested.
const ITERATORS: i64 = -56;
/// A key of a map.
const KEY: i64 = -96;
/// What a socket is looked up by.
const TUPLE: i64 = -112;

/// Where the instructions lie, and what may be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Blocks around it.
    depth: usize,
    /// Whether calls are allowed: not while a lock is held.
    calls: bool,
    /// Iterators around it.
    iterators: i64,
    /// Whether the slot for a pointer is taken.
    aside: bool,
    /// Whether a loop is around it: what it has counts often.
    looped: bool,
}

/// A function that is being written.
#[derive(Debug)]
struct Body {
    lines: Vec<String>,
    /// Registers that are not to be written now.
    reserved: Vec<u8>,
    /// The register with the context.
    ctx: Option<u8>,
    /// The register with a pointer to [`NUMBERS`] of a caller.
    buffer: Option<u8>,
    /// How many statements it may still have.
    left: usize,
}

/// A program that is being written.
struct Writer<'c> {
    chance: &'c mut Chance,
    section: &'static str,
    body: Body,
    /// Functions, finished.
    funcs: Vec<String>,
    labels: usize,
    /// Numbers that come up again and again.
    pool: Vec<i64>,
}

/// A program, as text.
pub fn program(chance: &mut Chance) -> String {
    let section = ["socket", "tc", "xdp"][chance.below(3)];
    let mut pool: Vec<i64> = (0..3).map(|_| chance.between(0, 9)).collect();
    pool.extend([0, 1]);
    if chance.once_in(2) {
        let odd = [-1, 7, 8, 15, 255, 256, -8, 0x7fff_ffff, -0x8000_0000, 64];
        pool.extend(chance.of(&odd));
    }
    // Most are small: a long one costs as much as many of them, and shows less of what is seldom.
    let left = match chance.below(20) {
        0 => 4 + chance.below(24),
        _ => 2 + chance.below(6),
    };
    let mut writer = Writer {
        chance,
        section,
        body: Body::new(left),
        funcs: Vec::new(),
        labels: 0,
        pool,
    };
    writer.main();
    writer.text()
}

impl Body {
    fn new(left: usize) -> Body {
        Body {
            lines: Vec::new(),
            reserved: Vec::new(),
            ctx: None,
            buffer: None,
            left,
        }
    }
}

impl Place {
    /// The place within a block.
    fn within(self) -> Place {
        Place {
            depth: self.depth + 1,
            ..self
        }
    }
    /// The place within a loop.
    fn in_loop(self) -> Place {
        Place {
            looped: true,
            ..self.within()
        }
    }
}

/// The outermost block of a function.
const OUTERMOST: Place = Place {
    depth: 0,
    calls: true,
    iterators: 0,
    aside: false,
    looped: false,
};

impl Writer<'_> {
    /// The whole text.
    fn text(&self) -> String {
        let mut lines = vec![format!("section {}", self.section)];
        lines.extend(
            [
                "map cells = array 4 48 4",
                "map table = hash 4 16 8",
                "map locked = array 4 32 2 lock",
                "map ring = ringbuf 0 0 4096",
            ]
            .map(str::to_owned),
        );
        lines.extend(self.body.lines.iter().cloned());
        lines.extend(self.funcs.iter().cloned());
        lines.join("\n") + "\n"
    }

    fn say(&mut self, line: impl Into<String>) {
        self.body.lines.push(line.into());
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("l{}", self.labels)
    }

    fn main(&mut self) {
        if self.section != "socket" || self.chance.once_in(2) {
            self.say("r9 = r1");
            self.body.ctx = Some(9);
            self.body.reserved.push(9);
        }
        for slot in (NUMBERS..0).step_by(8) {
            let imm = self.small();
            match self.chance.below(4) {
                // Slots that were never written may be read, too.
                0 => {}
                _ => self.say(format!("*(u64 *)(r10 {slot}) = {imm}")),
            }
        }
        for reg in KEPT {
            if !self.body.reserved.contains(&reg) {
                self.begin(reg);
            }
        }
        self.block(OUTERMOST);
        self.leave();
    }

    /// Gives a register its first number.
    fn begin(&mut self, reg: u8) {
        let imm = self.small();
        match self.chance.below(3) {
            0 => self.say(format!("r{reg} = {imm}")),
            more => {
                self.say("call bpf_get_prandom_u32#7");
                self.say(format!("r{reg} = r0"));
                if more == 1 {
                    let mask = [1, 3, 7, 15, 255][self.chance.below(5)];
                    self.say(format!("r{reg} &= {mask}"));
                }
            }
        }
    }

    /// The end of the program or of a function.
    fn leave(&mut self) {
        match self.chance.below(3) {
            0 => self.say("r0 = 0"),
            _ => {
                let reg = self.number();
                self.say(format!("r0 = r{reg}"));
            }
        }
        self.say("exit");
    }

    /// Some statements.
    fn block(&mut self, place: Place) {
        let most = match place {
            Place { depth: 0, .. } => self.body.left,
            // What stands in a loop is walked again and again.
            Place { looped: true, .. } => 2,
            _ => 4,
        };
        for _ in 0..1 + self.chance.below(most) {
            if self.body.left == 0 {
                return;
            }
            self.body.left -= 1;
            self.statement(place);
        }
    }

    /// A number for an immediate.
    fn small(&mut self) -> i64 {
        let near = self.chance.of(&self.pool).copied().unwrap_or(0);
        match self.chance.below(6) {
            0 => near.saturating_add(1).min(i64::from(i32::MAX)),
            1 => self.chance.between(-4, 40),
            _ => near,
        }
    }

    /// A register that holds a number.
    fn number(&mut self) -> u8 {
        let is_number = |reg: &u8| self.body.ctx != Some(*reg) && self.body.buffer != Some(*reg);
        let regs: Vec<u8> = KEPT.into_iter().filter(is_number).collect();
        self.chance.of(&regs).copied().unwrap_or(6)
    }

    /// A register that holds a number and may be written.
    fn free(&mut self) -> Option<u8> {
        let is_free = |reg: &u8| !self.body.reserved.contains(reg);
        let regs: Vec<u8> = KEPT.into_iter().filter(is_free).collect();
        self.chance.of(&regs).copied()
    }

    /// Writes another function meanwhile: its name and head, how it begins, and how it is left.
    fn function(&mut self, head: &str, left: usize, write: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.body, Body::new(left));
        write(self);
        let inner = std::mem::replace(&mut self.body, outer);
        self.funcs.push(format!("{head}\n{}", inner.lines.join("\n")));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{object, text};

    /// The same seed gives the same program, which can be written; other seeds give others.
    #[test]
    fn programs_are_whole_and_repeat() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let written = program(&mut Chance(seed));
            assert_eq!(written, program(&mut Chance(seed)));
            let source = text::parse(&written).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{written}"));
            object::write(&source).unwrap();
            seen.insert(written);
        }
        assert!(seen.len() > 490);
    }
}
