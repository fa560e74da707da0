use super::*;

fn rule(line: &str) -> Option<Rule> {
    log(line.as_bytes()).first()?.rule
}

#[test]
fn the_pattern_that_says_most_wins() {
    let cases = [
        ("R1 invalid mem access 'scalar'", Rule::NotAPointer),
        ("R1 invalid mem access 'inv'", Rule::NotAPointer),
        ("R1 invalid mem access 'map_value_or_null'", Rule::UncheckedNull),
        ("R1 invalid mem access 'ptr_or_null_'", Rule::UncheckedNull),
        ("R2 !read_ok", Rule::UninitializedRegister),
        (
            "R2 min value is negative, either use unsigned or 'var &= const'",
            Rule::SizeArgument,
        ),
        ("invalid func unknown#999", Rule::UnknownHelper),
        ("unknown func bpf_strtol#105", Rule::HelperForbidden),
        (
            "BPF program is too large. Processed 1000001 insn",
            Rule::InsnLimit,
        ),
    ];
    for (words, expected) in cases {
        assert_eq!(rule(words), Some(expected), "{words}");
    }
    // Part of the words is enough, where they are typed.
    assert_eq!(rule("R2 min value is negative"), Some(Rule::NegativeOffset));
    assert_eq!(rule("all went well"), None);
    assert_eq!(rule(""), None);
}

/// What each of several loaders prints of the same refusal.
#[test]
fn loaders_print_around_the_words() {
    let around = [
        "libbpf: prog 'p': BPF program load failed: Permission denied\n\
         libbpf: prog 'p': -- BEGIN PROG LOAD LOG --\n0: R1=ctx() R10=fp0\n; return *p; @ a.c:7\n\
         3: (71) r0 = *(u8 *)(r1 +14)\nR1 offset is outside of the packet\n\
         processed 4 insns (limit 1000000) max_states_per_insn 0\n-- END PROG LOAD LOG --\n\
         libbpf: prog 'p': failed to load: -13\nlibbpf: failed to load object 'a.bpf.o'\n",
        "2026/01/02 03:04:05 loading objects: field P: program p: load program: permission denied: \
         invalid access to packet, off=14 size=1, R1(id=0,off=14,r=0): R1 offset is outside of the packet (9 line(s) omitted)\n",
        "[2026-01-02T03:04:05Z ERROR x] the BPF_PROG_LOAD syscall failed. Verifier output: 0: R1=ctx() R10=fp0\n\
         3: (71) r0 = *(u8 *)(r1 +14)\ninvalid access to packet, off=14 size=1, R1(id=0,off=14,r=0)\n\
         R1 offset is outside of the packet\nverification time 9 usec\nstack depth 0\nprocessed 4 insns\n",
        "[   12.345678] bpfd: R1 offset is outside of the packet\n",
    ];
    for text in around {
        let found = log(text.as_bytes());
        assert_eq!(found.len(), 1, "{text}{found:?}");
        assert_eq!(found[0].rule, Some(Rule::PacketBounds), "{text}");
    }
    let first = &log(around[0].as_bytes())[0];
    assert_eq!(first.insn.as_deref(), Some("3: (71) r0 = *(u8 *)(r1 +14)"));
    assert_eq!(first.source.as_deref(), Some("return *p; @ a.c:7"));
    assert_eq!(first.program.as_deref(), Some("p"));
}

#[test]
fn each_of_several_programs_is_explained() {
    let one = |program: &str, words: &str| {
        format!(
            "libbpf: prog '{program}': -- BEGIN PROG LOAD LOG --\n0: (b7) r0 = 0\n{words}\nprocessed 1 insns\n\
             -- END PROG LOAD LOG --\nlibbpf: prog '{program}': failed to load: -13\n"
        )
    };
    let text = one("a", "R1 !read_ok") + &one("b", "div by zero") + &one("c", "what nobody knows");
    let found: Vec<_> = log(text.as_bytes())
        .into_iter()
        .map(|found| (found.program.unwrap(), found.rule))
        .collect();
    let rules = [Some(Rule::UninitializedRegister), Some(Rule::InvalidOperand)];
    assert_eq!(found, [("a".to_owned(), rules[0]), ("b".to_owned(), rules[1])]);
}

/// A line that concludes gives way to the one before it.
#[test]
fn conclusions_give_way() {
    let text = "R1 type=scalar expected=fp\nCaller passes invalid args into func#1 ('f')\n";
    assert_eq!(rule(text), Some(Rule::ArgumentType));
    assert_eq!(
        rule("Caller passes invalid args into func#1 ('f')"),
        Some(Rule::GlobalArgument)
    );
}

#[test]
fn all_patterns_are_read() {
    for text in [
        include_str!("../phrases.txt"),
        include_str!("../phrases-by-hand.txt"),
    ] {
        let lines = text.lines().filter(|line| line.contains('\t'));
        for line in lines {
            let phrase = Phrase::read(line).unwrap_or_else(|| panic!("{line}"));
            assert!(phrase.weight > 3, "{line}");
            // It fits itself.
            let example = line.split_once('\t').unwrap().1.replace("{}", "7");
            assert!(phrase.fits(&example).is_some(), "{line}");
        }
    }
}

#[test]
fn any_bytes_are_read() {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    log(bytes.as_slice());
    bytes.retain(|byte| *byte != b'\n');
    log(bytes.as_slice());
}

/// libbpf's own instructions, whatever the kernel makes of them.
#[test]
fn what_libbpf_could_not_resolve_is_told() {
    let of = |number: &str| {
        rule(&format!(
            "9: (85) call unknown#{number}\ninvalid func unknown#{number}\n"
        ))
    };
    assert_eq!(of("195896080"), Some(Rule::CoreRelocation));
    assert_eq!(of("2002000004"), Some(Rule::UnresolvedExtern));
    assert_eq!(of("300"), Some(Rule::UnknownHelper));
}
