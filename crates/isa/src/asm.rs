//! Instructions from the text that the verifier's log has for them.

use crate::table::{self, AtomicForm};
use crate::{Insn, class, mode, op, pseudo, size, src};
use std::fmt;

/// Text that is no instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AsmError {
    /// The text.
    pub text: String,
}

impl std::error::Error for AsmError {}

impl fmt::Display for AsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an instruction: {}", self.text)
    }
}

/// As [`assemble_with`] where no call is a kernel function's, unless written as [`assemble_with`] says.
pub fn assemble(text: &str) -> Result<(Insn, Option<Insn>), AsmError> {
    assemble_with(text, |_, _| false)
}

/// Reads one instruction as [`Disasm`](crate::Disasm) writes it, and gives the second half too if it is an
/// `ld_imm64`. An index (`3:`) and an opcode (`(07)`) may precede it and are not checked.
///
/// The text of a call does not tell helpers from kernel functions: `is_kfunc` is asked, with name and
/// number. Nor does the text of an `ld_imm64` tell what its immediate is; besides `r1 = 0x5`, a number, there
/// are `r1 = map_fd(4)`, `r1 = map_value(4, 8)`, `r1 = btf_id(7)`, `r1 = func(pc+3)`, `r1 = map_idx(0)` and
/// `r1 = map_idx_value(0, 8)`, and for calls `call kfunc#123`.
pub fn assemble_with(
    text: &str,
    is_kfunc: impl Fn(&str, i32) -> bool,
) -> Result<(Insn, Option<Insn>), AsmError> {
    let body = strip_prefixes(text);
    let mut cursor = Cursor { rest: body };
    cursor
        .insn(&is_kfunc)
        .filter(|_| cursor.at_end())
        .ok_or_else(|| AsmError {
            text: text.to_owned(),
        })
}

/// Drops `3: ` and `(07) `.
fn strip_prefixes(text: &str) -> &str {
    let mut text = text.trim();
    if let Some((index, rest)) = text.split_once(':')
        && !index.is_empty()
        && index.bytes().all(|b| b.is_ascii_digit())
    {
        text = rest.trim_start();
    }
    if let Some(rest) = text.strip_prefix('(')
        && let Some((code, rest)) = rest.split_once(')')
        && code.len() == 2
        && code.bytes().all(|b| b.is_ascii_hexdigit())
    {
        text = rest.trim_start();
    }
    text
}

/// A register as written: `r1` is 64 bits wide, `w1` 32.
#[derive(Clone, Copy)]
struct Reg {
    number: u8,
    wide: bool,
}

type Assembled = (Insn, Option<Insn>);

/// What is left of the text.
struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn at_end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    /// Skips blanks, then `token` if it comes.
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        self.eat(token).then_some(())
    }

    /// A word of letters, digits and underscores, at once.
    fn word(&mut self) -> Option<&str> {
        let text = self.rest.trim_start();
        let end = text
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// A number, decimal or hexadecimal, signed or not.
    fn number(&mut self) -> Option<i64> {
        let text = self.rest.trim_start();
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (radix, digits) = digits.strip_prefix("0x").map_or((10, digits), |hex| (16, hex));
        let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let (digits, rest) = digits.split_at_checked(end)?;
        let value = u64::from_str_radix(digits, radix).ok()? as i64;
        self.rest = rest;
        Some(if negative { value.wrapping_neg() } else { value })
    }

    /// A number that 32 bits hold, signed or not.
    fn imm(&mut self) -> Option<i32> {
        let value = self.number()?;
        i32::try_from(value)
            .ok()
            .or_else(|| u32::try_from(value).ok().map(|value| value as i32))
    }

    fn off(&mut self) -> Option<i16> {
        i16::try_from(self.number()?).ok()
    }

    fn reg(&mut self) -> Option<Reg> {
        let text = self.rest.trim_start();
        let wide = match text.as_bytes().first()? {
            b'r' => true,
            b'w' => false,
            _ => return None,
        };
        let digits = text.get(1..)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, rest) = digits.split_at_checked(end)?;
        let number = digits.parse().ok().filter(|number| *number < 16)?;
        self.rest = rest;
        Some(Reg { number, wide })
    }

    /// Whether a register comes next.
    fn sees_reg(&self) -> bool {
        let text = self.rest.trim_start().as_bytes();
        matches!(text, [b'r' | b'w', digit, ..] if digit.is_ascii_digit())
    }

    /// `pc+1`
    fn target(&mut self) -> Option<i64> {
        self.expect("pc")?;
        self.number()
    }

    fn short_target(&mut self) -> Option<i16> {
        i16::try_from(self.target()?).ok()
    }

    /// `(u32 *)`: the size part of the opcode, and whether it is a signed name.
    fn pointer_to(&mut self) -> Option<(u8, bool)> {
        self.expect("(")?;
        let word = self.word()?;
        let found = table::SIZE.iter().find_map(|row| match row {
            (code, _, unsigned, _) if *unsigned == word => Some((*code, false)),
            (code, _, _, Some(signed)) if *signed == word => Some((*code, true)),
            _ => None,
        })?;
        self.expect("*)")?;
        Some(found)
    }

    /// `(r1 +8)`
    fn address(&mut self) -> Option<(u8, i16)> {
        self.expect("(")?;
        let base = self.reg()?;
        let off = self.off()?;
        self.expect(")")?;
        Some((base.number, off))
    }

    fn insn(&mut self, is_kfunc: &dyn Fn(&str, i32) -> bool) -> Option<Assembled> {
        let jump = |code, off, imm| {
            (
                Insn {
                    code,
                    off,
                    imm,
                    ..Insn::default()
                },
                None,
            )
        };
        if self.eat("exit") {
            return Some(jump(class::JMP | op::EXIT, 0, 0));
        }
        if self.eat("gotol") {
            return Some(jump(
                class::JMP32 | op::JA,
                0,
                i32::try_from(self.target()?).ok()?,
            ));
        }
        if self.eat("goto") {
            return Some(jump(class::JMP | op::JA, self.short_target()?, 0));
        }
        if self.eat("may_goto") {
            return Some(jump(class::JMP | op::JCOND, self.short_target()?, 0));
        }
        if self.eat("call") {
            return self.call(is_kfunc).map(|insn| (insn, None));
        }
        if self.eat("if ") {
            return self.branch().map(|insn| (insn, None));
        }
        if self.eat("store_release") {
            return self.store_release().map(|insn| (insn, None));
        }
        if self.eat("lock ") {
            return self.lock().map(|insn| (insn, None));
        }
        if self.eat("*") {
            return self.store().map(|insn| (insn, None));
        }
        self.assignment()
    }

    fn call(&mut self, is_kfunc: &dyn Fn(&str, i32) -> bool) -> Option<Insn> {
        let call = Insn {
            code: class::JMP | op::CALL,
            ..Insn::default()
        };
        if self.eat("pc") {
            return Some(Insn {
                src: pseudo::CALL,
                imm: self.imm()?,
                ..call
            });
        }
        let (name, number) = self.rest.split_once('#')?;
        let name = name.trim();
        self.rest = number;
        let imm = self.imm()?;
        let kfunc = name == "kfunc" || name == "kernel-function" || is_kfunc(name, imm);
        Some(Insn {
            src: if kfunc { pseudo::KFUNC_CALL } else { 0 },
            imm,
            ..call
        })
    }

    fn branch(&mut self) -> Option<Insn> {
        let dst = self.reg()?;
        // The longest symbol that fits: `>` begins `>=`.
        let mut rows = table::JMP;
        rows.sort_by_key(|row| std::cmp::Reverse(row.2.len()));
        let (operation, ..) = *rows.iter().find(|row| self.eat(row.2))?;
        let class = if dst.wide { class::JMP } else { class::JMP32 };
        let (place, src, imm) = self.operand(dst.wide)?;
        self.expect("goto")?;
        let off = self.short_target()?;
        Some(Insn {
            code: class | operation | place,
            dst: dst.number,
            src,
            off,
            imm,
        })
    }

    /// A register of the given width, or an immediate: the opcode's bit, the register, the immediate.
    fn operand(&mut self, wide: bool) -> Option<(u8, u8, i32)> {
        if self.sees_reg() {
            let reg = self.reg().filter(|reg| reg.wide == wide)?;
            Some((src::X, reg.number, 0))
        } else {
            Some((src::K, 0, self.imm()?))
        }
    }

    fn lock(&mut self) -> Option<Insn> {
        self.expect("*")?;
        let (size, _) = self.pointer_to()?;
        let (dst, off) = self.address()?;
        let (imm, ..) = *table::ATOMIC
            .iter()
            .find(|row| matches!(row.2, AtomicForm::Lock(symbol) if self.eat(symbol)))?;
        let src = self.reg()?.number;
        Some(Insn {
            code: class::STX | mode::ATOMIC | size,
            dst,
            src,
            off,
            imm,
        })
    }

    fn store(&mut self) -> Option<Insn> {
        let (size, _) = self.pointer_to()?;
        let (dst, off) = self.address()?;
        self.expect("=")?;
        if self.sees_reg() {
            let src = self.reg()?.number;
            Some(Insn {
                code: class::STX | mode::MEM | size,
                dst,
                src,
                off,
                imm: 0,
            })
        } else {
            Some(Insn {
                code: class::ST | mode::MEM | size,
                dst,
                src: 0,
                off,
                imm: self.imm()?,
            })
        }
    }

    /// What begins with a register.
    fn assignment(&mut self) -> Option<Assembled> {
        let dst = self.reg()?;
        let class = if dst.wide { class::ALU64 } else { class::ALU };
        if self.eat("=") {
            return self.right_side(dst);
        }
        let (operation, off, ..) = *table::ALU.iter().find(|row| self.eat(row.3))?;
        let (place, src, imm) = self.operand(dst.wide)?;
        Some((
            Insn {
                code: class | operation | place,
                dst: dst.number,
                src,
                off,
                imm,
            },
            None,
        ))
    }

    /// What follows `r1 =`.
    fn right_side(&mut self, dst: Reg) -> Option<Assembled> {
        if self.eat("*") {
            let to = Insn {
                dst: dst.number,
                ..Insn::default()
            };
            return self.load(to).map(|insn| (insn, None));
        }
        if self.eat("&(void __percpu *)(") {
            let insn = self.mov(dst, pseudo::ADDR_PERCPU);
            self.expect(")")?;
            return insn;
        }
        for (cast, off) in [("(s8)", 8), ("(s16)", 16), ("(s32)", 32)] {
            if self.eat(cast) {
                return self.mov(dst, off);
            }
        }
        if self.eat("-r") || self.eat("-w") {
            let class = if dst.wide { class::ALU64 } else { class::ALU };
            let same = self.number()? == i64::from(dst.number);
            let insn = Insn {
                code: class | op::NEG,
                dst: dst.number,
                ..Insn::default()
            };
            return same.then_some((insn, None));
        }
        if self.sees_reg() {
            return self.mov(dst, 0);
        }
        if self
            .rest
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit() || c == '-')
        {
            return self.constant(dst);
        }
        self.named(dst)
    }

    /// A move from the register that comes next, of the kind that `off` selects.
    fn mov(&mut self, dst: Reg, off: i16) -> Option<Assembled> {
        let class = if dst.wide { class::ALU64 } else { class::ALU };
        let src = self.reg().filter(|src| src.wide == dst.wide)?.number;
        let code = class | op::MOV | src::X;
        Some((
            Insn {
                code,
                dst: dst.number,
                src,
                off,
                imm: 0,
            },
            None,
        ))
    }

    /// `r1 = 5` is a move, `r1 = 0x5` an `ld_imm64`.
    fn constant(&mut self, dst: Reg) -> Option<Assembled> {
        if dst.wide && self.rest.trim_start().starts_with("0x") {
            let value = self.number()?;
            return Some(ld_imm64(dst.number, 0, value as i32, (value >> 32) as i32));
        }
        let class = if dst.wide { class::ALU64 } else { class::ALU };
        let imm = self.imm()?;
        Some((
            Insn {
                code: class | op::MOV,
                dst: dst.number,
                imm,
                ..Insn::default()
            },
            None,
        ))
    }

    /// What follows `r1 = *`.
    fn load(&mut self, to: Insn) -> Option<Insn> {
        let (size, signed) = self.pointer_to()?;
        if !self.eat("skb[") {
            let (src, off) = self.address()?;
            let mode = if signed { mode::MEMSX } else { mode::MEM };
            return Some(Insn {
                code: class::LDX | mode | size,
                src,
                off,
                ..to
            });
        }
        let (mode, src) = if self.sees_reg() {
            (mode::IND, self.reg()?.number)
        } else {
            (mode::ABS, 0)
        };
        if mode == mode::IND {
            self.expect("+")?;
        }
        let imm = self.imm()?;
        self.expect("]")?;
        Some(Insn {
            code: class::LD | mode | size,
            src,
            imm,
            ..to
        })
    }

    /// What follows `r1 =` and begins with a name.
    fn named(&mut self, dst: Reg) -> Option<Assembled> {
        let word = self.word()?.to_owned();
        if let Some(insn) = self.byte_order(&word, dst) {
            return Some((insn, None));
        }
        if word == "addr_space_cast" {
            return self.addr_space_cast(dst).map(|insn| (insn, None));
        }
        if word == "load_acquire" {
            return self.load_acquire(dst).map(|insn| (insn, None));
        }
        if let Some(rest) = word.strip_prefix("atomic") {
            return self.fetch(dst, rest).map(|insn| (insn, None));
        }
        let kind = match word.as_str() {
            "map_fd" => pseudo::MAP_FD,
            "map_value" => pseudo::MAP_VALUE,
            "btf_id" => pseudo::BTF_ID,
            "func" => pseudo::FUNC,
            "map_idx" => pseudo::MAP_IDX,
            "map_idx_value" => pseudo::MAP_IDX_VALUE,
            _ => return None,
        };
        self.expect("(")?;
        let lo = if kind == pseudo::FUNC {
            i32::try_from(self.target()?).ok()?
        } else {
            self.imm()?
        };
        let hi = if self.eat(",") { self.imm()? } else { 0 };
        self.expect(")")?;
        Some(ld_imm64(dst.number, kind, lo, hi))
    }

    /// `be16 r1` after `r1 =`
    fn byte_order(&mut self, word: &str, dst: Reg) -> Option<Insn> {
        let rows = [
            ("bswap", class::ALU64 | src::TO_LE),
            ("be", class::ALU | src::TO_BE),
            ("le", class::ALU | src::TO_LE),
        ];
        let (code, bits) = rows
            .iter()
            .find_map(|(name, code)| Some((*code, word.strip_prefix(name)?.parse().ok()?)))?;
        let same = self.reg()?.number == dst.number;
        same.then_some(Insn {
            code: code | op::END,
            dst: dst.number,
            imm: bits,
            ..Insn::default()
        })
    }

    fn addr_space_cast(&mut self, dst: Reg) -> Option<Insn> {
        self.expect("(")?;
        let src = self.reg()?.number;
        self.expect(",")?;
        let to = u16::try_from(self.number()?).ok()?;
        self.expect(",")?;
        let from = u16::try_from(self.number()?).ok()?;
        self.expect(")")?;
        Some(Insn {
            code: class::ALU64 | op::MOV | src::X,
            dst: dst.number,
            src,
            off: pseudo::ADDR_SPACE_CAST,
            imm: (i32::from(to) << 16) | i32::from(from),
        })
    }

    /// What follows `r1 = load_acquire`.
    fn load_acquire(&mut self, result: Reg) -> Option<Insn> {
        self.expect("(")?;
        let (size, _) = self.pointer_to()?;
        let (src, off) = self.address()?;
        self.expect(")")?;
        Some(Insn {
            code: class::STX | mode::ATOMIC | size,
            dst: result.number,
            src,
            off,
            imm: table::atomic::LOAD_ACQ,
        })
    }

    /// What follows `store_release`.
    fn store_release(&mut self) -> Option<Insn> {
        self.expect("(")?;
        let (size, _) = self.pointer_to()?;
        let (dst, off) = self.address()?;
        self.expect(",")?;
        let src = self.reg()?.number;
        self.expect(")")?;
        Some(Insn {
            code: class::STX | mode::ATOMIC | size,
            dst,
            src,
            off,
            imm: table::atomic::STORE_REL,
        })
    }

    /// What follows `r1 = atomic64_xchg`; `name` is `64_xchg`.
    fn fetch(&mut self, result: Reg, name: &str) -> Option<Insn> {
        let (wide, name) = name.split_once('_')?;
        let (imm, _, form) = *table::ATOMIC.iter().find(|row| match row.2 {
            AtomicForm::Fetch(form) | AtomicForm::CmpXchg(form) => form == name,
            AtomicForm::Lock(_) | AtomicForm::Load(_) | AtomicForm::Store(_) => false,
        })?;
        self.expect("(")?;
        let (size, _) = self.pointer_to()?;
        let (dst, off) = self.address()?;
        self.expect(",")?;
        let compares = matches!(form, AtomicForm::CmpXchg(_));
        if compares {
            self.expect("r0,")?;
        }
        let src = self.reg()?.number;
        self.expect(")")?;
        let fits = result.number == if compares { 0 } else { src };
        let fits = fits && (wide == "64") == (size == size::DW) && matches!(wide, "" | "64");
        fits.then_some(Insn {
            code: class::STX | mode::ATOMIC | size,
            dst,
            src,
            off,
            imm,
        })
    }
}

fn ld_imm64(dst: u8, kind: u8, lo: i32, hi: i32) -> Assembled {
    let code = class::LD | mode::IMM | size::DW;
    let first = Insn {
        code,
        dst,
        src: kind,
        off: 0,
        imm: lo,
    };
    (
        first,
        Some(Insn {
            imm: hi,
            ..Insn::default()
        }),
    )
}
