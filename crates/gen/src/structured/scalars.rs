//! Statements about numbers in registers and on the stack.

use super::{NUMBERS, Place, Writer};

/// Sizes of accesses, as they are written.
const SIZES: [(&str, i64); 4] = [("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8)];

impl Writer<'_> {
    /// Arithmetic.
    pub(super) fn arithmetic(&mut self) {
        let Some(dst) = self.free() else { return };
        let src = self.number();
        let imm = self.small();
        let (d, s) = match self.chance.once_in(3) {
            true => (format!("w{dst}"), format!("w{src}")),
            false => (format!("r{dst}"), format!("r{src}")),
        };
        let width = if d.starts_with('w') { 31 } else { 63 };
        let shift = self.chance.between(0, width);
        let op = ["+=", "-=", "&=", "|=", "^=", "*="][self.chance.below(6)];
        let line = match self.chance.below(14) {
            0 | 1 => format!("{d} = {imm}"),
            2 | 3 => format!("{d} = {s}"),
            4 | 5 => format!("{d} += {imm}"),
            6 => format!("{d} {op} {imm}"),
            7 => format!("{d} {op} {s}"),
            8 => format!("{d} {} {shift}", ["<<=", ">>=", "s>>="][self.chance.below(3)]),
            9 => format!("{d} &= {}", [1, 3, 7, 8, 15, 255][self.chance.below(6)]),
            10 => format!("{d} {} {}", ["/=", "%="][self.chance.below(2)], imm.max(1)),
            11 => format!("{d} = ({}){s}", ["s8", "s16"][self.chance.below(2)]),
            12 => format!("{d} = -{d}"),
            _ => {
                let kind = ["be16", "be32", "be64", "bswap16", "bswap32", "bswap64"];
                format!("r{dst} = {} r{dst}", kind[self.chance.below(6)])
            }
        };
        self.say(line);
    }

    /// Copies that are linked, of which one is compared: the others learn from it.
    pub(super) fn linked(&mut self, place: Place) {
        let (Some(first), src) = (self.free(), self.number()) else {
            return;
        };
        let wide = !self.chance.once_in(3);
        let copy = |dst: u8| match wide {
            true => format!("r{dst} = r{src}"),
            false => format!("w{dst} = w{src}"),
        };
        self.say(copy(first));
        if self.chance.once_in(2) {
            let add = self.small();
            self.say(format!("r{first} += {add}"));
        }
        if self.chance.once_in(2) {
            let at = self.slot();
            self.say(format!("*(u64 *)(r10 {at}) = r{src}"));
        }
        let out = self.label();
        let tested = if self.chance.once_in(2) { first } else { src };
        let condition = self.condition(tested);
        self.say(format!("if {condition} goto {out}"));
        self.block(place.within());
        self.use_precisely(first);
        self.say(format!("{out}:"));
    }

    /// A comparison of a register.
    pub(super) fn condition(&mut self, reg: u8) -> String {
        let ops = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"];
        let op = ops[self.chance.below(ops.len())];
        let class = if self.chance.once_in(4) { 'w' } else { 'r' };
        match self.chance.below(5) {
            0 => {
                let other = self.number();
                format!("{class}{reg} {op} {class}{other}")
            }
            _ => {
                let imm = self.small();
                format!("{class}{reg} {op} {imm}")
            }
        }
    }

    /// A slot for numbers, by its lowest byte.
    pub(super) fn slot(&mut self) -> i64 {
        NUMBERS + 8 * self.chance.below((-NUMBERS / 8) as usize) as i64
    }

    /// A part of a slot: how an access of it is written, and its lowest byte.
    fn part(&mut self) -> (&'static str, i64) {
        // Mostly whole ones.
        let (name, size) = match self.chance.below(2) {
            0 => SIZES[3],
            _ => SIZES[self.chance.below(4)],
        };
        let within = size * self.chance.below((8 / size) as usize) as i64;
        // Mostly the lower part, where a spill is found again.
        let within = if self.chance.once_in(3) { within } else { 0 };
        (name, self.slot() + within)
    }

    /// A number goes to the stack.
    pub(super) fn spill(&mut self) {
        let (size, at) = self.part();
        match self.chance.below(4) {
            0 => {
                let imm = self.small();
                self.say(format!("*({size} *)(r10 {at}) = {imm}"));
            }
            _ => {
                let reg = self.number();
                self.say(format!("*({size} *)(r10 {at}) = r{reg}"));
            }
        }
    }

    /// A number comes from the stack.
    pub(super) fn fill(&mut self) {
        let Some(dst) = self.free() else { return };
        let (size, at) = self.part();
        let size = match self.chance.once_in(6) {
            true if size != "u64" => size.replace('u', "s"),
            _ => size.to_owned(),
        };
        self.say(format!("r{dst} = *({size} *)(r10 {at})"));
    }

    /// The stack at an offset that is not a number of the program: which makes the offset precise.
    pub(super) fn variable_offset(&mut self) {
        let reg = self.number();
        self.use_precisely(reg);
    }

    /// Has the verifier need the value of a register.
    pub(super) fn use_precisely(&mut self, reg: u8) {
        self.say("r1 = r10");
        self.say(format!("r2 = r{reg}"));
        let mask = [1, 7, 8, 15][self.chance.below(4)];
        self.say(format!("r2 &= {mask}"));
        self.say("r1 += r2");
        let at = NUMBERS + 8 * self.chance.below(2) as i64;
        let other = self.number();
        match (self.chance.below(3), self.free()) {
            (0, Some(dst)) => self.say(format!("r{dst} = *(u8 *)(r1 {at})")),
            (1, _) => self.say(format!("*(u8 *)(r1 {at}) = 0")),
            _ => self.say(format!("*(u8 *)(r1 {at}) = r{other}")),
        }
    }
}
