//! Several kernels in one command, and why they differ.

use crate::common::run;

const TWO: &str = "6.12.43,6.12";

#[test]
fn check_has_a_column_for_each_kernel_and_each_reason_once() {
    let (code, out, err) = run(&["check", "--kernel", TWO, "corpus/packet_access.bpf.o"]);
    assert_eq!((code, err.as_str()), (Some(2), ""));
    let expected = "\
File                 Program     6.12.43-deb12-amd64  6.12.117-deb12-amd64
-------------------  ----------  -------------------  --------------------
packet_access.bpf.o  fixed       accepted 16/1        accepted 16/1
packet_access.bpf.o  variable    accepted 19/1        accepted 19/1
packet_access.bpf.o  unchecked   refused V0201        refused V0201
packet_access.bpf.o  off_by_one  refused V0201        refused V0201

rejected: EACCES by the kernel
    packet_access.bpf.o unchecked: all kernels
error[V0201 packet-bounds]: ";
    assert!(out.starts_with(expected), "{out}");
    let ending = "\
more about a rule: verdict explain V0201
6.12.43-deb12-amd64: 4 programs: 2 accepted, 2 rejected, 0 unsupported
6.12.117-deb12-amd64: 4 programs: 2 accepted, 2 rejected, 0 unsupported
";
    assert!(out.ends_with(ending), "{out}");
    assert_eq!(out.matches("rejected: EACCES").count(), 2, "{out}");
}

#[test]
fn what_kernels_lack_is_named() {
    let objects = [
        "corpus/rules_extern.bpf.o",
        "corpus/core_relocation.bpf.o",
        "corpus/rules_call.bpf.o",
    ];
    let mut arguments = vec!["check", "--kernel", TWO];
    arguments.extend(objects);
    let (code, out, _) = run(&arguments);
    assert_eq!(code, Some(2));
    for word in ["  CO-RE: no ", "  needs helper #", "  needs "] {
        assert!(out.contains(word), "{word}: {out}");
    }
}

#[test]
fn json_has_all_that_each_kernel_says() {
    let (_, out, _) = run(&[
        "check",
        "-o",
        "jsonl",
        "--kernel",
        TWO,
        "corpus/packet_access.bpf.o",
    ]);
    let line = out.lines().nth(4).unwrap();
    for part in [
        r#""path":"corpus/packet_access.bpf.o","object":"packet_access.bpf.o","program":"unchecked","kernel":"6.12.43-deb12-amd64","#,
        r#""errno":13,"errno_name":"EACCES","#,
        r#""rule":{"code":"V0201","name":"packet-bounds"}"#,
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(out.lines().count(), 8);
    // One kernel has the same form.
    let (_, one, _) = run(&[
        "check",
        "-o",
        "jsonl",
        "--kernel",
        "6.12.43",
        "corpus/packet_access.bpf.o",
    ]);
    let without_time = |line: &str| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["usec"].take();
        record
    };
    let mut of_kernel = out.lines().filter(|line| line.contains(r#""kernel":"6.12.43-"#));
    for line in one.lines() {
        let same = of_kernel.next().unwrap();
        // What helps may name the other kernel.
        let (mut a, mut b) = (without_time(line), without_time(same));
        for record in [&mut a, &mut b] {
            record["help"].take();
        }
        assert_eq!(a, b);
    }
}

/// The verdicts behind it are those of real kernels, to which the corpus is held.
#[test]
fn minimum_says_from_which_kernel_on_a_program_loads() {
    let objects = [
        "corpus/instructions.bpf.o",
        "corpus/links.bpf.o",
        "corpus/fallbacks.bpf.o",
    ];
    let mut arguments = vec!["check", "--minimum", "--kernel", "6.18,6.1,6.12"];
    arguments.extend(objects);
    let (code, out, err) = run(&arguments);
    assert_eq!((code, err.as_str()), (Some(2), ""));
    let row = |object: &str, program: &str| {
        let is = |line: &&str| line.starts_with(object) && line.split_whitespace().nth(1) == Some(program);
        let line = out.lines().find(is).unwrap();
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .skip(2)
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(
        row("instructions", "v4"),
        "6.12.117-deb12-amd64|6.1.192-deb12-amd64: needs -mcpu=v4 instructions"
    );
    assert_eq!(
        row("links", "kept"),
        "6.12.117-deb12-amd64|6.1.192-deb12-amd64: refused, V0211 unbounded-offset"
    );
    assert_eq!(
        row("fallbacks", "kfunc"),
        "6.1.192-deb12-amd64|(the oldest known)"
    );
    assert!(
        row("instructions", "on_context").starts_with("none|6.18.15-deb13-amd64: refused, V0224"),
        "{out}"
    );
    for line in [
        "    links.bpf.o kept: 6.1.192-deb12-amd64\n",
        "    help: compile with -mcpu=v3: ",
        "    help: compare or mask the very register that is used",
        " from 6.1.192-deb12-amd64 on, ",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    // Reasons of other kernels than the one before are left out.
    assert!(!out.contains("    links.bpf.o kept: 6.12"), "{out}");
    let (code, out, _) = run(&["check", "--minimum", "corpus/fallbacks.bpf.o"]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn minimum_as_json_has_what_the_kernel_before_says() {
    let of = |program: &str| {
        let (_, out, _) = run(&[
            "check",
            "--minimum",
            "-o",
            "jsonl",
            "--kernel",
            "6.1,6.12",
            "corpus/links.bpf.o",
        ]);
        let part = format!(r#""program":"{program}""#);
        out.lines().find(|line| line.contains(&part)).unwrap().to_owned()
    };
    let kept = of("kept");
    for part in [
        r#""program":"kept","verdict":"success","from":"6.12.117-deb12-amd64","before":{"#,
        r#""kernel":"6.1.192-deb12-amd64","verdict":"failure""#,
        r#""rule":{"code":"V0211","name":"unbounded-offset"}"#,
        r#""help":"compare or mask the very register"#,
    ] {
        assert!(kept.contains(part), "{part}: {kept}");
    }
}

/// A kernel of a directory takes its place among the known ones, by its version.
#[test]
fn minimum_asks_a_directory_too() {
    let dir = "crates/kernel/profiles/6.1.192-deb12-amd64";
    let (_, out, _) = run(&[
        "check",
        "--minimum",
        "--kernel",
        "6.12",
        "--kernel-dir",
        dir,
        "corpus/links.bpf.o",
    ]);
    assert!(
        out.contains("6.12.117-deb12-amd64  6.1.192-deb12-amd64: refused, V0211"),
        "{out}"
    );
}

#[test]
fn help_is_for_what_a_kernel_lacks_and_for_what_others_accept() {
    let (_, out, _) = run(&[
        "check",
        "--kernel",
        "6.1,6.12",
        "corpus/may_goto.bpf.o",
        "corpus/links.bpf.o",
    ]);
    assert!(
        out.contains("help: bound the loop by a constant, or use bpf_loop()"),
        "{out}"
    );
    assert!(out.contains("help: compare or mask the very register"), "{out}");
    // One kernel alone: what it does not accept need not be accepted elsewhere.
    let (_, out, _) = run(&[
        "check",
        "--kernel",
        "6.1",
        "corpus/may_goto.bpf.o",
        "corpus/links.bpf.o",
    ]);
    assert!(out.contains("help: bound the loop by a constant"), "{out}");
    assert!(!out.contains("help: compare or mask the very"), "{out}");
    // And what none accepts is no matter of kernels.
    let (_, out, _) = run(&["check", "--kernel", "6.1,6.12", "corpus/packet_access.bpf.o"]);
    assert!(
        !out.contains("compare --why") && !out.contains("this kernel"),
        "{out}"
    );
}

#[test]
fn kernels_are_named_once_and_known() {
    let (code, out, _) = run(&[
        "check",
        "--kernel",
        "6.12",
        "--kernel",
        "6.12.117,6.12",
        "corpus/externs.bpf.o",
    ]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "4 programs: 4 accepted, 0 rejected, 0 unsupported\n")
    );
    let (code, _, err) = run(&["check", "--kernel", "6.12,5.99", "corpus/externs.bpf.o"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no kernel is called '5.99'; known are: "), "{err}");
    for command in ["log", "profile"] {
        let (code, _, err) = run(&[command, "--kernel", TWO, "corpus/externs.bpf.o"]);
        assert_eq!(code, Some(1));
        assert!(
            err.contains("this command takes one kernel: --kernel names 2"),
            "{err}"
        );
    }
}

#[test]
fn the_exit_code_is_that_of_the_worst_kernel() {
    let (code, _, _) = run(&["check", "--kernel", TWO, "no/such.o", "corpus/externs.bpf.o"]);
    assert_eq!(code, Some(1));
    let (code, out, _) = run(&["check", "--kernel", TWO, "corpus/externs.bpf.o"]);
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn other_commands_ask_each_kernel() {
    let object = "corpus/packet_access.bpf.o";
    let (_, out, _) = run(&[
        "stat",
        "-q",
        "-o",
        "csv",
        "-e",
        "prog,insns",
        "--kernel",
        TWO,
        object,
    ]);
    assert!(out.starts_with("kernel,prog_name,total_insns\n"), "{out}");
    assert!(
        out.contains("6.12.43-deb12-amd64,fixed,16\n6.12.117-deb12-amd64,fixed,16\n"),
        "{out}"
    );
    let (_, out, _) = run(&["sweep", "--kernel", TWO, "-o", "csv", object]);
    assert!(out.contains(",fixed,16,16\n"), "{out}");
    let (code, out, _) = run(&["test", "-q", "--kernel", TWO, "corpus/tests/parser.bpf.o"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("kernel 6.12.43-deb12-amd64\n"), "{out}");
    assert_eq!(out.matches("5 passed").count(), 2, "{out}");
    let (code, out, err) = run(&["compare", "--kernel", TWO, object]);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn switches_are_compared_side_by_side() {
    let (_, out, _) = run(&["switches", "--kernel", TWO]);
    assert!(out.starts_with("Family"), "{out}");
    let line = out.lines().find(|line| line.contains(" zero-spill ")).unwrap();
    assert_eq!(line.matches("imprecise-scalar").count(), 2, "{line}");
    let (_, out, _) = run(&["switches"]);
    assert!(out.contains("\n[stack]\n"), "{out}");
    let (_, out, _) = run(&["kernels"]);
    assert!(out.contains(" switches: "), "{out}");
    assert!(out.contains(" read in source, "), "{out}");
}

#[test]
fn why_names_the_switch_and_what_it_adds() {
    let why = |more: &[&str]| {
        let mut arguments = vec![
            "compare",
            "--why",
            "--a",
            "set=zero-spill=stack-zero",
            "--b",
            "set=zero-spill=imprecise-scalar",
            "corpus/zero_spill.bpf.o",
            "corpus/externs.bpf.o",
        ];
        arguments.extend(more);
        run(&arguments)
    };
    let (code, out, err) = why(&[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let cause = "    stack.zero-spill stack-zero -> imprecise-scalar: ";
    assert!(out.starts_with("zero_spill.bpf.o "), "{out}");
    assert!(out.contains(cause), "{out}");
    assert!(!out.contains("externs"), "{out}");
    assert!(out.contains("    \"bpf: track aligned STACK_ZERO cases"), "{out}");
    let last = out.lines().last().unwrap();
    assert!(
        last.contains(" explained") && !last.contains("unsupported"),
        "{last}"
    );
    let (_, json, _) = why(&["-o", "jsonl"]);
    assert!(
        json.contains(r#""cause":"zero-spill","from":"stack-zero","to":"imprecise-scalar""#),
        "{json}"
    );
    let (_, csv, _) = why(&["-o", "csv"]);
    assert!(
        csv.starts_with("file_name,prog_name,verdict_a,verdict_b,total_insns_diff,"),
        "{csv}"
    );
    // Two runs say the same.
    assert_eq!(why(&[]).1, out);
    let (code, _, err) = run(&["compare", "--why", "corpus/externs.bpf.o"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("expected --a and --b, or --kernel A,B"), "{err}");
}

#[test]
fn memory_that_may_be_locked_is_a_fact_of_the_machine() {
    let object = "corpus/map_limit.bpf.o";
    let (code, out, _) = run(&["check", "--kernel", "5.10,6.1", "--memlock", "64K", object]);
    assert_eq!(code, Some(2));
    let row = "map_limit.bpf.o  counted  refused V0715         accepted ";
    assert!(out.contains(row), "{out}");
    assert!(
        out.contains("try raising 'ulimit -l'? current value: 64.0 KiB"),
        "{out}"
    );
    let (code, out, _) = run(&["check", "--kernel", "5.10", "--memlock", "2M", object]);
    assert_eq!(code, Some(0), "{out}");
    let (code, _, err) = run(&["check", "--memlock", "much", object]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("expected a number of bytes, such as 65536 or 64K"),
        "{err}"
    );
}
