//! Instructions as the verifier's log writes them.

use crate::table::{self, AtomicForm};
use crate::{Insn, class, mode, op, pseudo, size, src};
use std::fmt;

/// What the text of an instruction takes from outside.
pub trait Names {
    /// The name of a helper, `bpf_` included; `None` if there is none of that number.
    fn helper(&self, id: i32) -> Option<&str>;

    /// The name of the kernel function that `insn` calls; `None` prints `kernel-function`.
    fn kfunc(&self, insn: &Insn) -> Option<&str> {
        let _ = insn;
        None
    }

    /// The name in a call of a kind that does not exist; `None` prints `unknown`.
    fn other_call(&self, insn: &Insn) -> Option<&str> {
        let _ = insn;
        None
    }

    /// Writes the 64-bit immediate of `insn`, whose source field says what it is.
    fn imm64(&self, insn: &Insn, imm: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = insn;
        write!(f, "{imm:#x}")
    }
}

/// Knows no name.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Names for NoNames {
    fn helper(&self, _id: i32) -> Option<&str> {
        None
    }
}

/// Displays an instruction as the kernel's `print_bpf_insn` does, without the newline: `(07) r1 += 8`.
///
/// Any instruction can be displayed, malformed ones as well: the log shows an instruction before it is
/// checked.
#[derive(Clone, Copy, Debug)]
pub struct Disasm<'a, N> {
    /// The instruction.
    pub insn: &'a Insn,
    /// The one after it: the second half of an `ld_imm64`.
    pub next: Option<&'a Insn>,
    /// Names.
    pub names: &'a N,
    /// Shows immediates that are addresses as 0, as for programs that may not see pointers.
    pub hide_pointers: bool,
}

impl<'a, N: Names> Disasm<'a, N> {
    /// Shows everything.
    pub fn new(insn: &'a Insn, next: Option<&'a Insn>, names: &'a N) -> Disasm<'a, N> {
        Disasm {
            insn,
            next,
            names,
            hide_pointers: false,
        }
    }

    fn alu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        let wide = class(code) == class::ALU64;
        let r = if wide { 'r' } else { 'w' };
        let by_reg = self.insn.is_src_reg();
        match op(code) {
            op::END if wide => write!(f, "r{dst} = bswap{imm} r{dst}"),
            op::END => {
                let order = if src_is(code, src::TO_BE) { "be" } else { "le" };
                write!(f, "r{dst} = {order}{imm} r{dst}")
            }
            op::NEG => write!(f, "{r}{dst} = -{r}{dst}"),
            op::MOV if wide && by_reg && off == pseudo::ADDR_SPACE_CAST => {
                let (to, from) = ((imm as u32) >> 16, imm as u16);
                write!(f, "r{dst} = addr_space_cast(r{src}, {to}, {from})")
            }
            op::MOV if wide && by_reg && off == pseudo::ADDR_PERCPU => {
                write!(f, "r{dst} = &(void __percpu *)(r{src})")
            }
            _ if by_reg => {
                let (symbol, extension) = (alu_symbol(self.insn), extension(self.insn));
                write!(f, "{r}{dst} {symbol} {extension}{r}{src}")
            }
            _ => write!(f, "{r}{dst} {} {imm}", alu_symbol(self.insn)),
        }
    }

    fn jump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        let wide = class(code) == class::JMP;
        let r = if wide { 'r' } else { 'w' };
        let by_reg = self.insn.is_src_reg();
        match op(code) {
            op::CALL => self.call(f),
            op::JA if wide && !by_reg => write!(f, "goto pc{off:+}"),
            op::JA if !by_reg => write!(f, "gotol pc{imm:+}"),
            op::JCOND if wide && !by_reg && src == pseudo::MAY_GOTO => write!(f, "may_goto pc{off:+}"),
            op::EXIT if wide && !by_reg => f.write_str("exit"),
            _ if by_reg => write!(f, "if {r}{dst} {} {r}{src} goto pc{off:+}", jmp_symbol(code)),
            _ => write!(f, "if {r}{dst} {} {imm:#x} goto pc{off:+}", jmp_symbol(code)),
        }
    }

    fn call(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, insn) = (self.names, self.insn);
        let name = match insn.src {
            pseudo::CALL => return write!(f, "call pc{:+}", insn.imm),
            0 => names.helper(insn.imm).unwrap_or("unknown"),
            pseudo::KFUNC_CALL => names.kfunc(insn).unwrap_or("kernel-function"),
            _ => names.other_call(insn).unwrap_or("unknown"),
        };
        write!(f, "call {name}#{}", insn.imm)
    }

    fn store_reg(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        let size = size_name(code);
        if mode(code) == mode::MEM {
            return write!(f, "*({size} *)(r{dst} {off:+}) = r{src}");
        }
        let wide = if self.insn.size() == size::DW { "64" } else { "" };
        match table::ATOMIC.iter().find(|row| row.0 == imm).map(|row| row.2) {
            Some(AtomicForm::Lock(symbol)) => write!(f, "lock *({size} *)(r{dst} {off:+}) {symbol} r{src}"),
            Some(AtomicForm::Fetch(name)) => {
                write!(
                    f,
                    "r{src} = atomic{wide}_{name}(({size} *)(r{dst} {off:+}), r{src})"
                )
            }
            Some(AtomicForm::CmpXchg(name)) => {
                write!(
                    f,
                    "r0 = atomic{wide}_{name}(({size} *)(r{dst} {off:+}), r0, r{src})"
                )
            }
            Some(AtomicForm::Load(name)) => write!(f, "r{dst} = {name}(({size} *)(r{src} {off:+}))"),
            Some(AtomicForm::Store(name)) => write!(f, "{name}(({size} *)(r{dst} {off:+}), r{src})"),
            None => Ok(()),
        }
    }

    fn load_special(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Insn {
            code, dst, src, imm, ..
        } = self.insn;
        let size = size_name(code);
        match mode(code) {
            mode::ABS => write!(f, "r0 = *({size} *)skb[{imm}]"),
            mode::IND => write!(f, "r0 = *({size} *)skb[r{src} + {imm}]"),
            _ => {
                let high = self.next.map_or(0, |half| half.imm);
                let full = u64::from(high as u32) << 32 | u64::from(imm as u32);
                let is_pointer = matches!(
                    src,
                    pseudo::MAP_FD
                        | pseudo::MAP_VALUE
                        | pseudo::MAP_IDX
                        | pseudo::MAP_IDX_VALUE
                        | pseudo::BTF_ID
                );
                write!(f, "r{dst} = ")?;
                self.names.imm64(
                    self.insn,
                    if is_pointer && self.hide_pointers { 0 } else { full },
                    f,
                )
            }
        }
    }
}

impl<N: Names> fmt::Display for Disasm<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        if let Some(bug) = unprintable(self.insn) {
            return write!(f, "{bug}{code:02x}");
        }
        write!(f, "({code:02x}) ")?;
        match class(code) {
            class::ALU | class::ALU64 => self.alu(f),
            class::JMP | class::JMP32 => self.jump(f),
            class::STX => self.store_reg(f),
            class::ST if mode(code) == NOSPEC => f.write_str("nospec"),
            class::ST => write!(f, "*({} *)(r{dst} {off:+}) = {imm}", size_name(code)),
            class::LDX => {
                let name = if mode(code) == mode::MEM {
                    size_name(code)
                } else {
                    signed_size_name(code)
                };
                write!(f, "r{dst} = *({name} *)(r{src} {off:+})")
            }
            _ => self.load_special(f),
        }
    }
}

/// The mode of the kernel's own speculation barrier.
const NOSPEC: u8 = 0xc0;

/// The word that the kernel writes instead of the text of a load or store it has no text for.
fn unprintable(insn: &Insn) -> Option<&'static str> {
    match (class(insn.code), mode(insn.code)) {
        (class::STX, mode::MEM) => None,
        (class::STX, mode::ATOMIC) if table::ATOMIC.iter().any(|row| row.0 == insn.imm) => None,
        (class::STX, _) => Some("BUG_"),
        (class::ST, mode::MEM | NOSPEC) => None,
        (class::ST, _) => Some("BUG_st_"),
        (class::LDX, mode::MEM | mode::MEMSX) => None,
        (class::LDX, _) => Some("BUG_ldx_"),
        (class::LD, mode::ABS | mode::IND) => None,
        (class::LD, mode::IMM) if insn.size() == size::DW => None,
        (class::LD, _) => Some("BUG_ld_"),
        _ => None,
    }
}

fn src_is(code: u8, place: u8) -> bool {
    src(code) == place
}

/// What C prints for a string that is not there.
const NULL: &str = "(null)";

fn alu_symbol(insn: &Insn) -> &'static str {
    let op = insn.op();
    if insn.off == 1
        && let Some(row) = table::ALU.iter().find(|row| row.0 == op && row.1 == 1)
    {
        return row.3;
    }
    match op {
        op::MOV => "=",
        op => table::symbol_of(op),
    }
}

/// The cast of a sign-extending move.
fn extension(insn: &Insn) -> &'static str {
    match (insn.op(), insn.off) {
        (op::MOV, 8) => "(s8)",
        (op::MOV, 16) => "(s16)",
        (op::MOV, 32) => "(s32)",
        _ => "",
    }
}

fn jmp_symbol(code: u8) -> &'static str {
    match op(code) {
        op::JA => "jmp",
        op::EXIT => "exit",
        op => table::JMP
            .iter()
            .find(|row| row.0 == op)
            .map_or(NULL, |row| row.2),
    }
}

fn size_name(code: u8) -> &'static str {
    table::SIZE
        .iter()
        .find(|row| row.0 == size(code))
        .map_or(NULL, |row| row.2)
}

fn signed_size_name(code: u8) -> &'static str {
    table::SIZE
        .iter()
        .find(|row| row.0 == size(code))
        .and_then(|row| row.3)
        .unwrap_or(NULL)
}
