//! What is malformed, in which words, and when the kernel notices.

use verdict_isa::{
    Insn, Malformed, NoNames, Point, atomic, class, decode, deferred_fault, mode, op, pseudo, resolve_fault,
    size, src, table,
};

const NONE: Insn = Insn {
    code: 0,
    dst: 0,
    src: 0,
    off: 0,
    imm: 0,
};
const LD_IMM64: Insn = Insn {
    code: class::LD | mode::IMM | size::DW,
    ..NONE
};
const CALL: Insn = Insn {
    code: class::JMP | op::CALL,
    ..NONE
};
const MAY_GOTO: Insn = Insn {
    code: class::JMP | op::JCOND,
    off: 1,
    ..NONE
};

fn alu(code: u8) -> Insn {
    Insn {
        code: class::ALU64 | code,
        ..NONE
    }
}

/// The message and the moment of the first fault of `insn`, followed by `next`.
fn fault(insn: Insn, next: Option<Insn>) -> Option<(String, Point)> {
    let first = decode(&insn, next.as_ref())
        .err()
        .or_else(|| deferred_fault(&insn))?;
    assert_eq!(first.errno(), 22);
    assert_eq!(
        resolve_fault(&insn, next.as_ref()).is_some(),
        first.point() == Point::Resolve
    );
    Some((first.to_string(), first.point()))
}

fn check(insn: Insn, message: &str, point: Point) {
    assert_eq!(
        fault(insn, Some(NONE)),
        Some((message.to_owned(), point)),
        "{insn:?}"
    );
}

#[test]
fn before_the_walk() {
    let ldx = Insn {
        code: class::LDX | mode::MEM | size::W,
        ..NONE
    };
    check(
        Insn { imm: 1, ..ldx },
        "BPF_LDX uses reserved fields",
        Point::Resolve,
    );
    check(
        Insn {
            code: class::LDX | mode::ABS,
            ..NONE
        },
        "BPF_LDX uses reserved fields",
        Point::Resolve,
    );
    check(
        Insn {
            code: class::LDX | mode::MEMSX | size::DW,
            ..NONE
        },
        "unknown opcode 99",
        Point::Resolve,
    );
    check(NONE, "unknown opcode 00", Point::Resolve);
    check(Insn { code: 0xff, ..NONE }, "unknown opcode ff", Point::Resolve);
    check(
        Insn {
            code: class::JMP | op::CALL | src::X,
            ..NONE
        },
        "unknown opcode 8d",
        Point::Resolve,
    );
    check(
        Insn { src: 7, ..LD_IMM64 },
        "unrecognized bpf_ld_imm64 insn",
        Point::Resolve,
    );

    let half = Some(("invalid bpf_ld_imm64 insn".to_owned(), Point::Resolve));
    assert_eq!(fault(LD_IMM64, None), half);
    for next in [
        Insn { code: 1, ..NONE },
        Insn { dst: 1, ..NONE },
        Insn { src: 1, ..NONE },
        Insn { off: 1, ..NONE },
    ] {
        assert_eq!(fault(LD_IMM64, Some(next)), half);
    }
    let high = Some(Insn { imm: 8, ..NONE });
    let map = Insn {
        src: pseudo::MAP_FD,
        ..LD_IMM64
    };
    assert_eq!(
        fault(map, high),
        Some(("unrecognized bpf_ld_imm64 insn".to_owned(), Point::Resolve))
    );
    assert_eq!(
        fault(
            Insn {
                src: pseudo::MAP_VALUE,
                ..map
            },
            high
        ),
        None
    );
    assert_eq!(fault(map, Some(NONE)), None);
}

#[test]
fn at_entry() {
    let at_entry = |insn, message| check(insn, message, Point::Entry);
    at_entry(
        Insn {
            imm: 1,
            ..alu(op::NEG)
        },
        "BPF_NEG uses reserved fields",
    );
    at_entry(
        Insn {
            imm: 24,
            ..alu(op::END)
        },
        "BPF_END uses reserved fields",
    );
    at_entry(
        Insn {
            imm: 1,
            ..alu(op::MOV | src::X)
        },
        "BPF_MOV uses reserved fields",
    );
    at_entry(
        Insn {
            code: class::ALU | op::MOV | src::X,
            off: 32,
            ..NONE
        },
        "BPF_MOV uses reserved fields",
    );
    at_entry(
        Insn {
            off: 1,
            imm: 2,
            ..alu(op::MOV | src::X)
        },
        "addr_space_cast insn can only convert between address space 1 and 0",
    );
    at_entry(
        Insn {
            src: 1,
            ..alu(op::ADD)
        },
        "BPF_ALU uses reserved fields",
    );
    at_entry(
        Insn {
            off: 1,
            imm: 1,
            ..alu(op::ADD)
        },
        "BPF_ALU uses reserved fields",
    );
    at_entry(Insn { imm: -3, ..MAY_GOTO }, "invalid may_goto off 1 imm -3");
    at_entry(Insn { off: 1, ..LD_IMM64 }, "BPF_LD_IMM64 uses reserved fields");
    at_entry(
        Insn {
            code: class::STX | mode::ATOMIC | size::W,
            imm: 0x10,
            ..NONE
        },
        "BPF_ATOMIC uses invalid atomic opcode 10",
    );
    at_entry(
        Insn {
            code: class::STX | mode::MEM,
            imm: 1,
            ..NONE
        },
        "BPF_STX uses reserved fields",
    );
    at_entry(
        Insn {
            code: class::ST | mode::MEM,
            src: 1,
            ..NONE
        },
        "BPF_ST uses reserved fields",
    );
    at_entry(Insn { src: 3, ..CALL }, "BPF_CALL uses reserved fields");
    at_entry(Insn { off: 1, ..CALL }, "BPF_CALL uses reserved fields");
    at_entry(
        Insn {
            code: class::JMP | op::JA,
            imm: 1,
            ..NONE
        },
        "BPF_JA uses reserved fields",
    );
    at_entry(
        Insn {
            code: class::JMP32 | op::JA,
            off: 1,
            ..NONE
        },
        "BPF_JA uses reserved fields",
    );
    at_entry(
        Insn {
            code: class::JMP | op::EXIT,
            dst: 1,
            ..NONE
        },
        "BPF_EXIT uses reserved fields",
    );
    assert_eq!(
        fault(
            Insn {
                src: pseudo::KFUNC_CALL,
                off: 1,
                ..CALL
            },
            None
        ),
        None
    );
}

#[test]
fn later() {
    let branch = Insn {
        code: class::JMP | op::JEQ,
        off: 1,
        ..NONE
    };
    check(
        Insn { src: 1, ..branch },
        "BPF_JMP/JMP32 uses reserved fields",
        Point::AfterDst,
    );
    let by_reg = Insn {
        code: branch.code | src::X,
        ..branch
    };
    check(
        Insn { imm: 1, ..by_reg },
        "BPF_JMP/JMP32 uses reserved fields",
        Point::AfterDst,
    );
    let abs = Insn {
        code: class::LD | mode::ABS | size::B,
        ..NONE
    };
    check(
        Insn { src: 1, ..abs },
        "BPF_LD_[ABS|IND] uses reserved fields",
        Point::AfterContext,
    );
    check(
        Insn { dst: 1, ..abs },
        "BPF_LD_[ABS|IND] uses reserved fields",
        Point::AfterContext,
    );
    check(alu(op::DIV), "div by zero", Point::AfterOperands);
    check(
        Insn {
            off: 1,
            ..alu(op::MOD)
        },
        "div by zero",
        Point::AfterOperands,
    );
    check(
        Insn {
            imm: 64,
            ..alu(op::LSH)
        },
        "invalid shift 64",
        Point::AfterOperands,
    );
    check(
        Insn {
            imm: -1,
            ..alu(op::ARSH)
        },
        "invalid shift -1",
        Point::AfterOperands,
    );
    let narrow = Insn {
        code: class::ALU | op::RSH,
        imm: 32,
        ..NONE
    };
    check(narrow, "invalid shift 32", Point::AfterOperands);
    assert_eq!(fault(Insn { imm: 31, ..narrow }, None), None);
}

/// As many opcodes as `bpf_opcode_in_insntable` knows, and each decodes.
#[test]
fn opcodes() {
    let known: Vec<u8> = (0..=u8::MAX).filter(|code| table::is_known(*code)).collect();
    assert_eq!(known.len(), 128);
    for code in known {
        let mut insn = Insn {
            code,
            off: 0,
            imm: 0,
            ..NONE
        };
        match (insn.class(), insn.op()) {
            (class::ALU | class::ALU64, op::END) => insn.imm = 16,
            (class::JMP, op::JCOND) => insn.off = 1,
            _ => {}
        }
        if insn.class() == class::STX && insn.mode() == mode::ATOMIC {
            insn.imm = atomic::ADD;
        }
        assert!(decode(&insn, Some(&NONE)).is_ok(), "{code:02x}");
    }
}

#[test]
fn malformed_instructions_have_a_text() {
    let text = |insn: Insn| verdict_isa::Disasm::new(&insn, None, &NoNames).to_string();
    assert_eq!(
        text(Insn {
            code: class::STX | mode::ATOMIC | size::DW,
            imm: 3,
            ..NONE
        }),
        "BUG_db"
    );
    assert_eq!(
        text(Insn {
            code: class::STX | mode::ABS,
            ..NONE
        }),
        "BUG_23"
    );
    assert_eq!(
        text(Insn {
            code: class::ST,
            ..NONE
        }),
        "BUG_st_02"
    );
    assert_eq!(
        text(Insn {
            code: class::LDX,
            ..NONE
        }),
        "BUG_ldx_01"
    );
    assert_eq!(text(NONE), "BUG_ld_00");
    assert_eq!(
        text(Insn {
            code: class::JMP | op::JCOND,
            src: 1,
            ..NONE
        }),
        "(e5) if r0 (null) 0x0 goto pc+0"
    );
    assert_eq!(
        text(Insn {
            src: 5,
            imm: 7,
            ..CALL
        }),
        "(85) call unknown#7"
    );
    assert_eq!(
        text(Insn {
            src: pseudo::KFUNC_CALL,
            imm: 7,
            ..CALL
        }),
        "(85) call kernel-function#7"
    );
    assert_eq!(
        text(Insn {
            dst: 12,
            src: 15,
            ..alu(op::ADD | src::X)
        }),
        "(0f) r12 += r15"
    );
}

#[test]
fn errors_are_ordered_by_moment() {
    assert!(Malformed::Ldx.point() < Malformed::Neg.point());
    assert!(Malformed::Neg.point() < Malformed::Jmp.point());
}
