//! Programs: assembly, encoding, listing; and arbitrary input.

use proptest::prelude::*;
use verdict_isa::{
    Alu, AluOp, Branch, Call, Disasm, ImmKind, Insn, JmpOp, Jump, LdImm64, NoNames, Op, Operand, Program,
    Size, Store, Width, assemble, decode, deferred_fault,
};

const TEXT: &str = "\
0: (18) r1 = 0xffffffff00000001
2: (bf) r6 = r1
3: (63) *(u32 *)(r10 -4) = r6
4: (85) call unknown#1
5: (55) if r0 != 0x0 goto pc+1
6: (95) exit
7: (85) call pc-2
8: (95) exit
";

#[test]
fn assembles_and_lists() {
    let program = Program::assemble(TEXT).expect("a program");
    assert_eq!(program.len(), 9);
    assert_eq!(program.listing(&NoNames).to_string(), TEXT);
    assert_eq!(Program::from_bytes(&program.to_bytes()), program);
    assert_eq!(
        program
            .disasm(8, &NoNames)
            .map(|text| text.to_string())
            .as_deref(),
        Some("(95) exit")
    );
    assert!(program.disasm(9, &NoNames).is_none());

    let ops: Vec<Option<Op>> = program.decode().into_iter().map(Result::ok).collect();
    assert_eq!(
        ops[0],
        Some(Op::LdImm64(LdImm64 {
            dst: 1,
            kind: ImmKind::Plain,
            lo: 1,
            hi: -1
        }))
    );
    assert_eq!(ops[1], None);
    assert_eq!(
        ops[2],
        Some(Op::Alu(Alu::Mov {
            width: Width::W64,
            dst: 6,
            src: Operand::Reg(1)
        }))
    );
    assert_eq!(
        ops[3],
        Some(Op::Store(Store {
            size: Size::W,
            dst: 10,
            src: Operand::Reg(6),
            off: -4
        }))
    );
    assert_eq!(ops[4], Some(Op::Call(Call::Helper { id: 1 })));
    let (op, width, src) = (JmpOp::Ne, Width::W64, Operand::Imm(0));
    assert_eq!(
        ops[5],
        Some(Op::Jump(Jump::Branch(Branch {
            op,
            width,
            dst: 0,
            src,
            off: 1
        })))
    );
    assert_eq!(ops[7], Some(Op::Call(Call::Subprog { off: -2 })));
    assert_eq!(ops[8], Some(Op::Exit));
}

#[test]
fn indices_states_and_comments_do_not_count() {
    let program =
        Program::assemble("\n  ; nothing\n r1 += 8 ; R1_w=8\n\n12: r0 s%= -3\n").expect("a program");
    let ops = program.decode();
    let src = Operand::Imm(8);
    assert_eq!(
        ops[0],
        Ok(Op::Alu(Alu::Binary {
            width: Width::W64,
            op: AluOp::Add,
            dst: 1,
            src
        }))
    );
    let src = Operand::Imm(-3);
    assert_eq!(
        ops[1],
        Ok(Op::Alu(Alu::Binary {
            width: Width::W64,
            op: AluOp::SMod,
            dst: 0,
            src
        }))
    );
}

#[test]
fn what_an_immediate_is_can_be_written() {
    let kind = |text: &str| {
        let (insn, half) = assemble(text).expect("an instruction");
        match decode(&insn, half.as_ref()) {
            Ok(Op::LdImm64(LdImm64 { kind, lo, hi, .. })) => (kind, lo, hi),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(kind("r1 = 0x5"), (ImmKind::Plain, 5, 0));
    assert_eq!(kind("r1 = map_fd(4)"), (ImmKind::MapFd, 4, 0));
    assert_eq!(kind("r1 = map_value(4, 8)"), (ImmKind::MapValue, 4, 8));
    assert_eq!(kind("r1 = btf_id(7)"), (ImmKind::BtfId, 7, 0));
    assert_eq!(kind("r1 = func(pc+3)"), (ImmKind::Func, 3, 0));
    assert_eq!(kind("r1 = map_idx(0)"), (ImmKind::MapIdx, 0, 0));
    assert_eq!(kind("r1 = map_idx_value(1, 8)"), (ImmKind::MapIdxValue, 1, 8));
    let (call, _) = assemble("call kfunc#123").expect("a call");
    assert_eq!(
        decode(&call, None),
        Ok(Op::Call(Call::Kfunc {
            btf_id: 123,
            module: 0
        }))
    );
}

#[test]
fn other_text_is_refused() {
    for text in [
        "",
        "r1",
        "r1 =",
        "r16 = 1",
        "r1 = w2",
        "w1 += r2",
        "r1 += 0x1ffffffff",
        "r1 = *(u24 *)(r2 +0)",
        "r1 = *(u32 *)(r2)",
        "r2 = atomic_xchg((u32 *)(r1 +0), r3)",
        "r2 = atomic64_xchg((u32 *)(r1 +0), r2)",
        "goto pc+40000",
        "if r1 =! r2 goto pc+1",
        "r1 = be16 r2",
        "r1 = -r2",
        "exit now",
        "call nothing",
        "r1 = 5 5",
    ] {
        assert!(assemble(text).is_err(), "{text}");
    }
    assert_eq!(
        assemble("what").expect_err("no instruction").to_string(),
        "not an instruction: what"
    );
}

fn insn() -> impl Strategy<Value = Insn> {
    let imm = prop_oneof![any::<i32>(), Just(0), Just(1), Just(16), Just(0xf1)];
    let off = prop_oneof![any::<i16>(), Just(0), Just(1), Just(16)];
    let src = prop_oneof![Just(0), 0..16u8];
    (any::<u8>(), 0..16u8, src, off, imm).prop_map(|(code, dst, src, off, imm)| Insn {
        code,
        dst,
        src,
        off,
        imm,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn bytes_there_and_back(bytes in any::<[u8; 8]>()) {
        prop_assert_eq!(Insn::from_bytes(bytes).to_bytes(), bytes);
    }

    /// What decodes keeps its meaning through text, except for what text does not show.
    #[test]
    fn text_there_and_back(insn in insn(), high in any::<i32>()) {
        let half = Insn { imm: high, ..Insn::default() };
        let text = Disasm::new(&insn, Some(&half), &NoNames).to_string();
        let hidden = insn.is_ld_imm64() && insn.src != 0;
        if let Ok(op) = decode(&insn, Some(&half)) && deferred_fault(&insn).is_none() && !hidden {
            let (again, half) = assemble(&text).expect("the text of an instruction");
            let expected = match op {
                Op::Call(Call::Kfunc { btf_id, .. }) => Op::Call(Call::Kfunc { btf_id, module: 0 }),
                op => op,
            };
            prop_assert_eq!(decode(&again, half.as_ref()), Ok(expected), "{}", text);
        }
    }

    #[test]
    fn any_text_can_be_refused(text in "[rw0-9(]{0,3}[ -~]{0,30}") {
        let _ = assemble(&text);
    }

    #[test]
    fn any_bytes_can_be_decoded_and_shown(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let program = Program::from_bytes(&bytes);
        prop_assert_eq!(program.decode().len(), bytes.len() / 8);
        let _ = program.listing(&NoNames).to_string();
    }
}
