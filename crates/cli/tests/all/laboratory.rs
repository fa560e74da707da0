//! Globals, comparisons with conditions, budgets and sweeps, as a user meets them.

use std::fs;
use std::path::PathBuf;

use crate::common::{command, run};

/// A directory of the test's own.
fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("verdict-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}

const GLOBALS: &str = "corpus/set_globals.bpf.o";

#[test]
fn globals_decide_what_is_accepted() {
    let (code, _, _) = run(&["check", GLOBALS]);
    assert_eq!(code, Some(2));
    let presets = "# what lies inside the table\ntiny = 1\nwidth=1\nhuge = 0x1\nspeed = SLOW\n\
                   points[FIRST].x = 1\ngrid[0][0] = 1\n";
    let dir = scratch("globals");
    let file = dir.join("presets");
    fs::write(&file, presets).unwrap();
    let from_file = format!("@{}", file.display());
    let (code, out, err) = run(&["check", "-G", &from_file, GLOBALS]);
    assert_eq!(code, Some(0), "{out}{err}");
    // The last word counts; the rest stays.
    let (code, _, _) = run(&["check", "-G", &from_file, "-G", "speed = 8", GLOBALS]);
    assert_eq!(code, Some(2));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn globals_from_a_dumped_map() {
    // .rodata of frozen_data: limit = 3, debug = false.
    let value = "[\"0x03\",\"0x00\",\"0x00\",\"0x00\",\"0x00\"]";
    let json = format!(
        r#"[{{"key":["0x00","0x00","0x00","0x00"],"value":{value},"formatted":{{"key":0,"value":{{".rodata":[{{"limit":3}},{{"debug":0}}]}}}}}}]"#
    );
    let dir = scratch("dump");
    let file = dir.join("rodata.json");
    fs::write(&file, &json).unwrap();
    let file = file.to_string_lossy().into_owned();
    let object = "corpus/frozen_data.bpf.o";
    let insns = |more: &[&str]| {
        let mut arguments = vec!["sweep", "-o", "csv", "-G", "mutable_limit = 1|2", object];
        arguments.extend(more);
        let (code, out, err) = run(&arguments);
        assert_eq!(code, Some(0), "{err}");
        let line = out.lines().find(|line| line.contains(",known,")).unwrap();
        line.rsplit(',').next().unwrap().parse::<u32>().unwrap()
    };
    let (usual, fewer) = (insns(&[]), insns(&["--globals-from", &file]));
    assert!(fewer < usual, "{fewer} {usual}");
    // Of another build.
    fs::write(&file, json.replace("\"0x03\",", "\"0x03\",\"0x00\",")).unwrap();
    let (code, _, err) = run(&["check", "--globals-from", &file, object]);
    assert_eq!(code, Some(1));
    assert!(err.contains("dump of .rodata: 6 bytes: expected 5"), "{err}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_cannot_be_set_is_named() {
    for (expression, expected) in [
        ("ratio = 1", "global 'ratio': is a floating-point variable"),
        ("width = 1.5", "global 'width': 1.5 is a floating-point number"),
        (
            "tiny = 128",
            "global 'tiny': 128 does not fit into signed char: expected -128 to 127",
        ),
        (
            "speed = WALK",
            "'WALK' is no enumerator of enum speed: expected one of SLOW, FAST",
        ),
        (
            "tiny = SLOW",
            "global 'tiny': is signed char, and 'SLOW' is no number",
        ),
        (
            "points[3].x = 1",
            "global 'points[3].x': index 3 of points: expected 0 to 2",
        ),
        (
            "points.x = 1",
            "points is an array of 3 struct point: expected a struct or union",
        ),
        (
            "points[0].z = 1",
            "points[0] has no member 'z': expected one of x, y",
        ),
        ("points[0].low = 1", "points[0].low is a bitfield"),
        (
            "grid = 1",
            "is an array of 2 arrays: expected an element, such as grid[0]",
        ),
        (
            "points[0] = 1",
            "is struct point: expected a member, such as points[0].x",
        ),
        (
            "nothing = 1",
            "no variable 'nothing': expected one of tiny, width, huge",
        ),
        ("huge[0] = 1", "huge is unsigned long long: expected an array"),
        ("width", "'width': expected NAME = VALUE"),
    ] {
        let (code, _, err) = run(&["check", "-G", expression, GLOBALS]);
        assert_eq!(code, Some(1), "{expression}");
        assert!(err.contains(expected), "{expression}: {err}");
    }
    // Members of anonymous unions, bools by name, negative numbers for their bits.
    for expression in [
        "points[1].small = 3",
        "on = false",
        "width = -1",
        "huge = 0xffffffffffffffff",
    ] {
        let (code, _, err) = run(&["check", "-G", expression, GLOBALS]);
        assert_eq!((code, err.as_str()), (Some(2), ""), "{expression}");
    }
}

#[test]
fn a_sweep_has_a_column_for_each_setting() {
    let (code, out, err) = run(&["sweep", "-G", "width = 1|10|100", GLOBALS]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        out,
        "\
File               Program  width=1  width=10  width=100
-----------------  -------  -------  --------  ---------
set_globals.bpf.o  rounds        16        97        907
set_globals.bpf.o  set      failure   failure    failure
"
    );
    let (_, out, _) = run(&[
        "sweep",
        "--set",
        "zero-spill=*",
        "--changed",
        "-e",
        "insns,states",
        "corpus/zero_spill.bpf.o",
    ]);
    assert!(
        out.starts_with("File              Program   zero-spill=stack-zero insns"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 4, "{out}");
    let (code, _, err) = run(&["sweep", GLOBALS]);
    assert_eq!(code, Some(1));
    assert!(err.contains("nothing to sweep over: expected --set"), "{err}");
}

const A: &str = "set=zero-spill=stack-zero";
const B: &str = "set=zero-spill=imprecise-scalar";

#[test]
fn comparisons_can_fail() {
    let compare = |more: &[&str]| {
        let mut arguments = vec!["compare", "--a", B, "--b", A, "corpus/zero_spill.bpf.o"];
        arguments.extend(more);
        run(&arguments)
    };
    let (code, _, err) = compare(&["--fail-if", "insns_pct>10"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("zero_spill.bpf.o merged: insns_pct>10"), "{err}");
    let (code, _, err) = compare(&["--fail-if", "insns_pct>100", "--fail-if", "verdict_diff=mismatch"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let (code, _, err) = compare(&["--fail-if", "insnz>1"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("insnz>1"), "{err}");
    let (_, out, _) = compare(&["--summary"]);
    assert!(out.contains("\nBiggest losers by insns\n"), "{out}");
    let (_, out, _) = compare(&["-o", "markdown"]);
    assert!(out.starts_with("## verdict compare\n"), "{out}");
    // Two settings of a global.
    let arguments = [
        "compare",
        "--a",
        "global=width=10",
        "--b",
        "global=width=20",
        GLOBALS,
    ];
    let (code, out, _) = run(&arguments);
    assert_eq!(code, Some(0));
    assert!(out.contains("+90"), "{out}");
}

#[test]
fn the_gate_holds_programs_to_their_budgets() {
    let dir = scratch("gate");
    let file = dir.join("verdict.toml");
    let gate = |budgets: &str, objects: &[&str]| {
        fs::write(&file, budgets).unwrap();
        let page = dir.join("page.md");
        let mut command = command(&["gate", "--budget", &file.to_string_lossy()]);
        let output = command
            .args(objects)
            .env("GITHUB_STEP_SUMMARY", &page)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code();
        (
            code,
            text(output.stdout),
            text(output.stderr),
            fs::read_to_string(page).unwrap_or_default(),
        )
    };
    let object = "corpus/zero_spill.bpf.o";
    let wide = "[[budget]]\nprograms = \"*\"\ninsns = 1000\nstack = 512\n";
    let zero = format!("{wide}[[budget]]\nprograms = \"needed\"\nmay-fail = true\n");
    let (code, out, err, page) = gate(&zero, &[object]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.ends_with(" within budget, 0 not\n"), "{out}");
    assert!(page.starts_with("## verdict gate\n"), "{page}");

    let narrow = format!("{zero}[[budget]]\nprograms = \"zero_spill.bpf.o/merged\"\ninsns = 30\n");
    let (code, out, _, page) = gate(&narrow, &[object]);
    assert_eq!(code, Some(2));
    let line = "merged: 36 insns, 6 (20.00%) above the limit of 30";
    assert!(out.contains(line), "{out}");
    assert!(page.contains("| zero_spill.bpf.o | merged | 36 insns"), "{page}");

    let (code, out, _, _) = gate("", &[GLOBALS]);
    assert_eq!(code, Some(2));
    assert!(out.contains("set_globals.bpf.o set: rejected\n"), "{out}");
    let allowed = "[[budget]]\nprograms = \"set_globals.bpf.o/set\"\nmay-fail = true\n";
    assert_eq!(gate(allowed, &[GLOBALS]).0, Some(0));

    let (code, _, err, _) = gate("[[budget]]\nprograms = \"gone\"\ninsns = 1\n", &[object]);
    assert_eq!(code, Some(1));
    assert!(err.contains("budget of 'gone': names no program"), "{err}");
    let (code, _, err, _) = gate("[[budget]]\nprogram = \"gone\"\n", &[object]);
    assert_eq!(code, Some(1));
    assert!(err.contains("line 2"), "{err}");
    let (code, _, err, _) = gate(wide, &[]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no objects"), "{err}");

    // Recorded figures.
    let csv = dir.join("run.csv");
    fs::write(
        &csv,
        "file_name,prog_name,verdict,total_insns\nx.o,p,success,1001\n",
    )
    .unwrap();
    let (code, out, _, _) = gate(wide, &[&csv.to_string_lossy()]);
    assert_eq!(code, Some(2));
    assert!(out.contains("x.o p: 1001 insns"), "{out}");
    fs::remove_dir_all(&dir).unwrap();
}
