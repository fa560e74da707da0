//! The program that seccomp runs at each system call: which of them are asked about.

use std::collections::BTreeMap;

/// An instruction of classic BPF, as `struct sock_filter` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Insn {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

/// What becomes of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is asked about.
    Ask,
    /// It is asked about where the lower half of the argument of this number (from 0) is one of these.
    AskIf(u8, &'static [u32]),
    /// It is asked about unless the lower half of the argument of this number has one of these bits.
    AskUnless(u8, u32),
    /// It returns 0 at once.
    Zero,
}

/// Which system calls are not left to the machine's kernel, by number.
#[derive(Clone, Debug, Default)]
pub struct Filter(BTreeMap<u32, Action>);

/// `BPF_LD | BPF_W | BPF_ABS`.
const LOAD: u16 = 0x20;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const EQUALS: u16 = 0x15;
/// `BPF_JMP | BPF_JSET | BPF_K`.
const HAS_ANY: u16 = 0x45;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_I386`.
const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;

/// What numbers of the calls of x32 have set (`__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;

/// How many values of an argument can be told apart: jumps reach 255 instructions.
const MOST_VALUES: usize = 100;

/// bpf(2) of 32-bit programs.
const I386_BPF: u32 = 357;

/// What a filter returns.
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const ASK: u32 = libc::SECCOMP_RET_USER_NOTIF;
const ERRNO: u32 = libc::SECCOMP_RET_ERRNO;

impl Filter {
    /// The same with another system call.
    #[must_use]
    pub fn with(mut self, number: u32, action: Action) -> Filter {
        self.0.insert(number, action);
        self
    }

    /// The program. Of 32-bit programs only bpf(2) is seen, and it is said to be missing; of the calls of x32, all.
    pub(crate) fn program(&self) -> Vec<Insn> {
        let step = |code, k| Insn {
            code,
            jt: 0,
            jf: 0,
            k,
        };
        // Over the next one, or over so many, unless what was loaded is `k`.
        let unless = |k, over| Insn {
            code: EQUALS,
            jt: 0,
            jf: over,
            k,
        };
        let mut program = vec![step(LOAD, ARCH), unless(I386, 4), step(LOAD, NUMBER)];
        program.extend([unless(I386_BPF, 1), step(RETURN, ERRNO | libc::ENOSYS as u32)]);
        program.push(step(RETURN, ALLOW));
        let if_native = Insn {
            code: EQUALS,
            jt: 1,
            jf: 0,
            k: X86_64,
        };
        program.extend([if_native, step(RETURN, ALLOW), step(LOAD, NUMBER)]);
        // The same calls under other numbers.
        let if_x32 = Insn {
            code: HAS_ANY,
            jt: 0,
            jf: 1,
            k: X32,
        };
        program.extend([if_x32, step(RETURN, ERRNO | libc::ENOSYS as u32)]);
        let mut calls = Vec::new();
        for (number, action) in &self.0 {
            match *action {
                Action::Ask => calls.extend([unless(*number, 1), step(RETURN, ASK)]),
                Action::Zero => calls.extend([unless(*number, 1), step(RETURN, ERRNO)]),
                Action::AskUnless(argument, bits) => {
                    let any = Insn {
                        code: HAS_ANY,
                        jt: 0,
                        jf: 1,
                        k: bits,
                    };
                    calls.extend([
                        unless(*number, 4),
                        step(LOAD, ARGUMENTS + 8 * u32::from(argument)),
                        any,
                        step(RETURN, ALLOW),
                        step(RETURN, ASK),
                    ]);
                }
                Action::AskIf(argument, values) => {
                    let values = values.get(..MOST_VALUES).unwrap_or(values);
                    let steps = 2 + 2 * values.len();
                    calls.extend([
                        unless(*number, steps as u8),
                        step(LOAD, ARGUMENTS + 8 * u32::from(argument)),
                    ]);
                    calls.extend(
                        values
                            .iter()
                            .flat_map(|value| [unless(*value, 1), step(RETURN, ASK)]),
                    );
                    calls.push(step(RETURN, ALLOW));
                }
            }
        }
        program.extend(calls);
        program.push(step(RETURN, ALLOW));
        program
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program returns for a system call.
    fn run(program: &[Insn], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let insn = program[at];
            at += 1;
            match insn.code {
                LOAD if insn.k == NUMBER => loaded = number,
                LOAD if insn.k == ARCH => loaded = arch,
                LOAD => loaded = arguments[(insn.k - ARGUMENTS) as usize / 8] as u32,
                HAS_ANY => at += usize::from(if loaded & insn.k != 0 { insn.jt } else { insn.jf }),
                EQUALS => at += usize::from(if loaded == insn.k { insn.jt } else { insn.jf }),
                RETURN => return insn.k,
                code => panic!("{code}"),
            }
        }
    }

    #[test]
    fn system_calls_are_told_apart() {
        let filter = Filter::default()
            .with(321, Action::Ask)
            .with(107, Action::Zero)
            .with(302, Action::AskIf(1, &[7, 8]))
            .with(9, Action::AskUnless(3, 0x20));
        let program = filter.program();
        let x86 = |number, arguments| run(&program, X86_64, number, arguments);
        assert_eq!(x86(321, [0; 6]), ASK);
        assert_eq!(x86(0, [0; 6]), ALLOW);
        assert_eq!(x86(107, [0; 6]), ERRNO);
        assert_eq!(x86(302, [0, 8, 0, 0, 0, 0]), ASK);
        assert_eq!(x86(302, [8, 0, 0, 0, 0, 0]), ALLOW);
        assert_eq!(x86(9, [0, 0, 0, 3, 0, 0]), ASK);
        assert_eq!(x86(9, [1, 1, 1, 0x22, 1, 1]), ALLOW);
        assert_eq!(x86(X32 | 321, [0; 6]), ERRNO | 38);
        assert_eq!(x86(X32 | 1, [0; 6]), ERRNO | 38);
        assert_eq!(x86(357, [0; 6]), ALLOW);
        assert_eq!(run(&program, I386, 357, [0; 6]), ERRNO | 38);
        assert_eq!(run(&program, I386, 321, [0; 6]), ALLOW);
        assert_eq!(run(&program, 7, 321, [0; 6]), ALLOW);
    }
}
