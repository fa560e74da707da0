//! The command line as a user meets it: output, errors, exit codes.

use std::fs;

use crate::common::{stderr, stdout, verdict};

#[test]
fn check_shows_the_kernels_last_words_and_the_source_line() {
    let output = verdict(&["check", "-v", "corpus/packet_access.bpf.o"]);
    let text = stdout(&output);
    assert!(
        text.contains("accepted     packet_access.bpf.o fixed: 16 insns, 1 states\n"),
        "{text}"
    );
    assert!(
        text.contains("rejected     packet_access.bpf.o off_by_one: EACCES by the kernel\n"),
        "{text}"
    );
    assert!(
        text.contains("\n  --> corpus/packet_access.bpf.c:49:9\n"),
        "{text}"
    );
    assert!(text.contains("\n49 | return packet[12];\n"), "{text}");
    assert!(
        text.contains("\n  | R2 offset is outside of the packet\n"),
        "{text}"
    );
    assert!(
        text.contains("\n  = insn 5: (71) r0 = *(u8 *)(r2 +0)\n"),
        "{text}"
    );
    assert!(
        text.ends_with("4 programs: 2 accepted, 2 rejected, 0 unsupported\n"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn check_names_the_rule_and_explain_has_its_page() {
    let text = stdout(&verdict(&["check", "corpus/packet_access.bpf.o"]));
    for line in [
        "\nerror[V0201 packet-bounds]: the access may reach beyond",
        "R2 (`&packet[12]`): 1 byte at offset 12, of bytes 0 to 11\n",
        "proves 12 bytes of the packet; the access needs 13",
        "\nhelp: compare the pointer that is used: accepted if `&packet[12] + 1 <= data_end` at line 49 (verified)\n",
        "\nmore about a rule: verdict explain V0201\n4 programs: ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let page = stdout(&verdict(&["explain", "V0201"]));
    assert!(page.starts_with("# V0201 packet-bounds\n"), "{page}");
    assert_eq!(stdout(&verdict(&["explain", "packet-bounds"])), page);
    let list = stdout(&verdict(&["explain"]));
    assert!(
        list.starts_with("register type safety\n  V0101  uninitialized-register "),
        "{list}"
    );
    let output = verdict(&["explain", "V9999"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no rule 'V9999'"));
    let output = verdict(&[
        "stat",
        "-q",
        "-o",
        "csv",
        "-e",
        "prog,rule",
        "corpus/packet_access.bpf.o",
    ]);
    assert!(
        stdout(&output).contains("off_by_one,V0201\n"),
        "{}",
        stdout(&output)
    );
    let output = verdict(&["check", "Cargo.toml"]);
    assert!(stderr(&output).contains("    rule V0630 object-format (program structure): "));
}

#[test]
fn check_of_accepted_programs_is_quiet() {
    let output = verdict(&["check", "corpus/tail_call.bpf.o", "corpus/externs.bpf.o"]);
    assert_eq!(output.status.code(), Some(2));
    let output = verdict(&["check", "corpus/externs.bpf.o"]);
    assert_eq!(
        stdout(&output),
        "4 programs: 4 accepted, 0 rejected, 0 unsupported\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn loading_without_capabilities_is_unsupported_by_name() {
    let output = verdict(&["check", "--unprivileged", "corpus/externs.bpf.o"]);
    let text = stdout(&output);
    assert!(text.contains(": loading without CAP_BPF\n"), "{text}");
    assert!(
        text.ends_with("4 programs: 0 accepted, 0 rejected, 4 unsupported\n"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn unusable_input_is_named_and_the_rest_goes_on() {
    let output = verdict(&["check", "no/such.o", "Cargo.toml", "corpus/externs.bpf.o"]);
    let errors = stderr(&output);
    assert!(
        errors.contains("verdict: no/such.o: No such file or directory"),
        "{errors}"
    );
    assert!(errors.contains("verdict: Cargo.toml: "), "{errors}");
    assert!(stdout(&output).contains("4 accepted, 0 rejected, 0 unsupported; 2 unusable inputs"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn usage_errors_say_what_is_expected() {
    let error = |arguments: &[&str]| {
        let output = verdict(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        stderr(&output)
    };
    let object = "corpus/externs.bpf.o";
    assert!(error(&["check"]).contains("<OBJECT>"));
    assert!(error(&["check", "--kernel", "2.4", object]).contains("6.12.117-deb12-amd64"));
    assert!(error(&["check", "--set", "zero-spill=x", object]).contains("stack-zero, imprecise-scalar"));
    assert!(error(&["check", "--set", "zero-spill", object]).contains("expected switch=value"));
    assert!(error(&["stat", "-e", "x", object]).contains("expected one of"));
    assert!(error(&["compare", "--a", "x=1", "--b", "", object]).contains("expected kernel=NAME"));
    assert!(error(&["compare", "one.csv"]).contains("expected two files of figures"));
    assert!(error(&["log", object]).contains("choose one with --program: config, symbols, per_cpu, weak"));
}

#[test]
fn stat_has_veristats_table_and_csv() {
    let table = stdout(&verdict(&[
        "stat",
        "-e",
        "file,prog,verdict,insns,states",
        "corpus/tail_call.bpf.o",
    ]));
    assert_eq!(
        table,
        "\
Processing 'tail_call.bpf.o'...
File             Program    Verdict  Insns  States
---------------  ---------  -------  -----  ------
tail_call.bpf.o  computed   success      5       0
tail_call.bpf.o  constant   success      5       0
tail_call.bpf.o  wrong_map  failure      3       0
---------------  ---------  -------  -----  ------
Done. Processed 1 files, 3 programs. Skipped 0 files, 0 programs.
"
    );
    let csv = stdout(&verdict(&["stat", "-o", "csv", "corpus/tail_call.bpf.o"]));
    let head = "file_name,prog_name,verdict,duration,total_insns,total_states,peak_states,max_states_per_insn,max_mark_read_len,";
    assert!(csv.starts_with(head), "{csv}");
}

#[test]
fn any_number_of_jobs_gives_the_same_bytes() {
    let of = |jobs| {
        stdout(&verdict(&[
            "stat",
            "-j",
            jobs,
            "-e",
            "file,prog,verdict,insns,states",
            "corpus",
        ]))
    };
    let one = of("1");
    assert!(one.contains("\nDone. Processed "), "{one}");
    assert_eq!(one, of("4"));
}

#[test]
fn the_founding_experiment() {
    let a = "set=zero-spill=stack-zero";
    let b = "set=zero-spill=imprecise-scalar";
    let output = verdict(&["compare", "--a", a, "--b", b, "corpus/*.bpf.o"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stdout(&output),
        "\
File                 Program        Insns (A)  Insns (B)  Insns  (DIFF)  States (A)  States (B)  States (DIFF)
-------------------  -------------  ---------  ---------  -------------  ----------  ----------  -------------
loop_callback.bpf.o  unknown_count         54         41  -13 (-24.07%)           6           4   -2 (-33.33%)
zero_spill.bpf.o     compared              49         40   -9 (-18.37%)           4           3   -1 (-25.00%)
zero_spill.bpf.o     merged                60         36  -24 (-40.00%)           4           3   -1 (-25.00%)
"
    );
}

#[test]
fn compare_reads_two_files() {
    let dir = std::env::temp_dir().join(format!("verdict-compare-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let (a, b) = (dir.join("a.csv"), dir.join("b.csv"));
    fs::write(
        &a,
        "file_name,prog_name,total_insns,total_states\nx.o,p,148,8\nx.o,q,1,1\n",
    )
    .unwrap();
    fs::write(
        &b,
        "file_name,prog_name,total_insns,total_states\nx.o,p,104,5\nx.o,q,1,1\n",
    )
    .unwrap();
    let output = verdict(&["compare", &a.to_string_lossy(), &b.to_string_lossy()]);
    fs::remove_dir_all(&dir).unwrap();
    let text = stdout(&output);
    assert!(text.contains("-44 (-29.73%)"), "{text}");
    assert!(!text.contains("  q  "), "{text}");
}

#[test]
fn kernels_and_switches_are_listed() {
    assert!(stdout(&verdict(&["kernels"])).starts_with("6.12.117-deb12-amd64 (default): "));
    let switches = stdout(&verdict(&["switches"]));
    assert!(switches.contains("zero-spill = imprecise-scalar\n"), "{switches}");
    assert!(
        stdout(&verdict(&["switches", "--set", "zero-spill=stack-zero"])).contains("zero-spill = stack-zero")
    );
}

#[test]
fn programs_attach_to_programs() {
    let target = "--attach-to=corpus/attach/targets.bpf.o:xdp_main";
    let text = stdout(&verdict(&["check", target, "corpus/attach/freplace.bpf.o"]));
    let refusal = "rejected     freplace.bpf.o wider: EINVAL by the kernel\nerror[V0422 replaced-signature]: an extension has another signature than the function that it replaces\n  | arg0 in wider() has size 8 while sum() has 4\n";
    assert!(text.contains(refusal), "{text}");
    assert!(!text.contains("freplace.bpf.o numbers"), "{text}");

    // Each target attaches to the one before.
    let chain = [
        "--attach-to=corpus/attach/targets.bpf.o:enters",
        "--attach-to=corpus/attach/traces.bpf.o:of_fentry",
    ];
    let program = ["-p", "of_fentry_of_fentry", "corpus/attach/traces.bpf.o"];
    let text = stdout(&verdict(&[&["log"], &chain[..], &program[..]].concat()));
    assert!(
        text.contains("Cannot nest tracing program attach more than once"),
        "{text}"
    );

    let filter = ["stat", "-qe", "prog,verdict", "-f", "traces.bpf.o/unnamed"];
    let whole = ["--attach-to", "corpus/attach/targets.bpf.o:xdp_main/judge"];
    let object = ["corpus/attach/traces.bpf.o"];
    let text = stdout(&verdict(&[&filter[..], &whole[..], &object[..]].concat()));
    assert!(text.contains("\nunnamed  success\n"), "{text}");

    for (place, words) in [
        ("corpus/attach/targets.bpf.o", "expected OBJECT:PROGRAM"),
        (
            "corpus/attach/targets.bpf.o:main",
            "no such program: expected one of",
        ),
        ("corpus/packet_access.bpf.o:unchecked", "EACCES by the kernel"),
        (
            "corpus/attach/targets.bpf.o:xdp_main/main",
            "main is not found in prog's BTF",
        ),
    ] {
        let output = verdict(&["check", "--attach-to", place, "corpus/attach/freplace.bpf.o"]);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn explain_takes_the_kernels_words() {
    let text = stdout(&verdict(&["explain", "R2 !read_ok"]));
    for line in [
        "    | R2 !read_ok\n    rule V0101 uninitialized-register (register type safety): ",
        "\nmore about it: verdict explain V0101\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // Words that break off are those of several rules.
    let text = stdout(&verdict(&["explain", "R2 min value is negative"]));
    assert!(text.contains("    rule V0210 "), "{text}");
    assert!(text.contains("    or rule V0223 "), "{text}");
    let output = verdict(&["explain", "hello there"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no refusal in these words"));
}

/// The log is a real kernel's.
#[test]
fn explain_reads_logs() {
    let log = "golden/6.12.117-deb12-amd64/logs/packet_access.bpf.o__off_by_one.log";
    let output = verdict(&["explain", log]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in [
        "    at ",
        "    insn 5: (71) r0 = ",
        "    | R2 offset is outside of the packet\n    rule V0201 ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let log = "golden/6.12.117-deb12-amd64/logs/packet_access.bpf.o__fixed.log";
    let output = verdict(&["explain", log]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no refusal is in this log"),
        "{}",
        stderr(&output)
    );
}
