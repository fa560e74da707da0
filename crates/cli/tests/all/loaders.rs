//! Load plans, whole objects and other loaders on the command line: every command obeys plans and says what it takes for granted,
//! and what was not verified is no success.

use std::fs;
use std::path::PathBuf;

use crate::common::{root, run};

/// A directory with objects of the corpus and, if there is one, a `verdict.toml`.
struct Place(PathBuf);

impl Place {
    fn new(name: &str, objects: &[&str], plan: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("verdict-loaders-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir); // of a run that was interrupted
        fs::create_dir_all(&dir).unwrap();
        for object in objects {
            let from = root().join("corpus").join(object);
            fs::copy(&from, dir.join(from.file_name().unwrap())).unwrap();
        }
        if !plan.is_empty() {
            fs::write(dir.join("verdict.toml"), plan).unwrap();
        }
        Place(dir)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).to_string_lossy().into_owned()
    }

    /// Runs a command on a file in it.
    fn run(&self, command: &str, file: &str) -> (Option<i32>, String, String) {
        let path = self.path(file);
        let mut arguments: Vec<_> = command.split(' ').collect();
        arguments.push(&path);
        run(&arguments)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left does no harm
    }
}

const OPEN: &str = "no_value_size.bpf.o";
const NEEDS: &str = "needs a load plan: map 'table' (hash) has no value size";
const PLAN: &str = "[[plan]]\nobjects = \"no_value_size.bpf.o\"\nmaps.table.value-size = 8\n";

/// Of several sections it is the first one whose target is there, and of the kind that is attached to.
#[test]
fn targets_are_of_the_kind_that_programs_attach_to() {
    for (sections, prog_type) in [
        ("\"kprobe/tcp_v4_connect\", \"xdp\"", "kprobe"),
        // A symbol of data.
        ("\"kprobe/jiffies\", \"xdp\"", "xdp"),
        ("\"fentry/vmlinux:tcp_v4_connect\", \"xdp\"", "tracing"),
        // A struct, and the type of a tracepoint.
        ("\"fentry/task_struct\", \"xdp\"", "xdp"),
        ("\"fentry/btf_trace_sched_switch\", \"xdp\"", "xdp"),
        ("\"tp_btf/sched_switch\", \"xdp\"", "tracing"),
        ("\"raw_tp/sched_switch\", \"xdp\"", "raw_tracepoint"),
    ] {
        let plan = format!("{PLAN}programs.look.section = [{sections}]\n");
        let place = Place::new("targets", &["cilium/no_value_size.bpf.o"], &plan);
        let (_, out, err) = place.run("check -o jsonl", OPEN);
        assert!(
            out.contains(&format!("\"prog_type\":\"{prog_type}\"")),
            "{sections}: {out}{err}"
        );
    }
    // Nor is anything of another kind what is meant.
    let place = Place::new("targets", &["cilium/no_value_size.bpf.o"], PLAN);
    for (section, meant) in [
        ("tp_btf/sched_switsh", Some("sched_switch")),
        ("fentry/btf_trace_sched_switsh", None),
    ] {
        let (_, out, err) = place.run(&format!("check --section look={section}"), OPEN);
        assert!(out.contains("V0704"), "{out}{err}");
        let words = meant.map(|name| format!("did you mean `{name}`"));
        let is_said = words.map_or(!out.contains("did you mean"), |words| out.contains(&words));
        assert!(is_said, "{section}: {out}");
    }
}

#[test]
fn every_command_asks_for_a_plan() {
    let place = Place::new("asks", &["cilium/no_value_size.bpf.o"], "");
    for (command, code) in [
        ("check", 3),
        ("check --whole", 3),
        ("check -o jsonl", 3),
        ("log", 3),
        ("profile", 1),
        ("stat", 0),
        ("compare --a kernel=6.12 --b kernel=6.18", 0),
    ] {
        let (got, out, err) = place.run(command, OPEN);
        assert!(
            out.contains(NEEDS) || err.contains(NEEDS),
            "{command}: {out}{err}"
        );
        assert_eq!(got, Some(code), "{command}: {out}{err}");
    }
}

#[test]
fn every_command_obeys_the_plan_beside_the_object() {
    let budget = format!("{PLAN}[[budget]]\nprograms = \"*\"\ninsns = 100\n");
    let place = Place::new("obeys", &["cilium/no_value_size.bpf.o"], &budget);
    let file = place.path("verdict.toml");
    let gate = format!("gate --budget {file}");
    for (command, words) in [
        ("check", "1 program: 1 accepted"),
        ("check --whole", "1 objects load whole, 0 do not"),
        ("log", "processed 12 insns"),
        ("profile", "look: accepted, 12 insns"),
        ("stat -e prog,verdict", "success"),
        ("compare --all --a kernel=6.12 --b kernel=6.18", "look"),
        ("sweep --set zero-spill=*", "look"),
        (gate.as_str(), "1 program: 1 within budget"),
    ] {
        let (code, out, err) = place.run(command, OPEN);
        assert_eq!(code, Some(0), "{command}: {out}{err}");
        assert!(out.contains(words), "{command}: {out}{err}");
        assert!(!err.contains("needs a load plan"), "{command}: {err}");
    }
}

#[test]
fn tests_obey_plans() {
    let plan = "[[plan]]\nobjects = \"parser.bpf.o\"\nprograms.checked.autoload = false\n";
    let place = Place::new("tests", &["tests/parser.bpf.o"], plan);
    let (code, out, err) = place.run("test", "parser.bpf.o");
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        out.contains("running 4 tests") && !out.contains("parser.bpf.o checked"),
        "{out}"
    );
    let wrong = Place::new(
        "tests-wrong",
        &["tests/parser.bpf.o"],
        &plan.replace("checked", "cheked"),
    );
    let (code, _, err) = wrong.run("test", "parser.bpf.o");
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains("load plan: the object has no program 'cheked': did you mean 'checked'?"),
        "{err}"
    );
}

#[test]
fn plans_are_for_kernels_and_options_add_to_them() {
    let plan = PLAN.replace("maps", "kernels = \"6.18\"\nmaps");
    let place = Place::new("kernels", &["cilium/no_value_size.bpf.o"], &plan);
    assert_eq!(place.run("check --kernel 6.18", OPEN).0, Some(0));
    assert_eq!(place.run("check --kernel 6.12", OPEN).0, Some(3));
    assert_eq!(
        place.run("check --kernel 6.12 --map table.value-size=8", OPEN).0,
        Some(0)
    );
    let (code, out, err) = place.run("check --kernel 6.12,6.18", OPEN);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("needs a load plan"), "{out}");
}

#[test]
fn mistakes_in_plans_are_named() {
    for (wrong, said) in [
        (
            "[[plan]]\nmaps.table.value_size = 8\n",
            "did you mean `value-size`?",
        ),
        (
            "[[plan]]\nobjects = \"no_value_size.bpf.o\"\nmaps.tabel.value-size = 8\n",
            "did you mean 'table'?",
        ),
        (
            "[[plan]]\nobjects = \"no_value_size.bpf.o\"\nprograms.loook.autoload = false\n",
            "did you mean 'look'?",
        ),
        ("[[plan]]\nmaps.table.type = \"hsah\"\n", "did you mean 'hash'?"),
        (
            "[[plan]]\nobjects = \"no_value_size.bpf.o\"\nprograms.look.section = \"xpd\"\n",
            "no section name",
        ),
    ] {
        let place = Place::new("mistakes", &["cilium/no_value_size.bpf.o"], wrong);
        let (code, _, err) = place.run("check", OPEN);
        assert_eq!(code, Some(1), "{wrong}: {err}");
        assert!(err.contains(said), "{wrong}: {err}");
    }
}

#[test]
fn programs_attach_to_what_plans_say() {
    let objects = ["attach/targets.bpf.o", "attach/freplace.bpf.o"];
    let plan =
        |to: &str| format!("[[plan]]\nobjects = \"freplace.bpf.o\"\nprograms.numbers.attach-to = {to}\n");
    let verdict_of_same = |to: &str| {
        let place = Place::new("attach", &objects, &plan(to));
        let (_, out, err) = place.run("stat -e prog,verdict", "freplace.bpf.o");
        let line = out.lines().find(|line| line.starts_with("numbers "));
        (line.map(|line| line.ends_with("success")), err)
    };
    assert_eq!(verdict_of_same("\"targets.bpf.o:xdp_main\"").0, Some(true));
    // The first that is there, on a kernel that has it.
    assert_eq!(
        verdict_of_same("[\"gone.bpf.o:a\", \"targets.bpf.o:xdp_main\"]").0,
        Some(true)
    );
    let (line, err) = verdict_of_same("\"targets.bpf.o:xdp_mian\"");
    assert!(line != Some(true) && err.contains("no such program"), "{err}");
    // Nothing else is attached.
    let place = Place::new("attach-none", &objects, "");
    let (_, out, _) = place.run("stat -e prog,verdict", "freplace.bpf.o");
    assert!(
        out.lines()
            .any(|line| line.starts_with("numbers ") && line.ends_with("failure")),
        "{out}"
    );
    // A program that attaches to itself.
    let (line, err) = verdict_of_same("[\"freplace.bpf.o:numbers\", \"freplace.bpf.o:same\"]");
    assert!(
        line != Some(true) && err.contains("attach to one another"),
        "{err}"
    );
}

/// Programs attach to another program of their object, which is loaded without them.
#[test]
fn programs_attach_to_others_of_their_object() {
    let plan = "[[plan]]\nobjects = \"traces.bpf.o\"\n\
                programs.unnamed.attach-to = \"traces.bpf.o:no_tracing/no_tracing\"\n\
                programs.context.attach-to = \"traces.bpf.o:no_tracing/no_tracing\"\n";
    let place = Place::new("attach-own", &["attach/traces.bpf.o"], plan);
    let (_, out, err) = place.run("stat -e prog,verdict", "traces.bpf.o");
    assert_eq!(err, "");
    let verdict = out.lines().find(|line| line.starts_with("unnamed "));
    assert!(verdict.is_some_and(|line| line.ends_with("success")), "{out}");
}

#[test]
fn what_is_assumed_is_said() {
    let place = Place::new("assumed", &["cilium/no_entries.bpf.o"], "");
    let words = "map 'table' (hash) has no number of elements: 1 is assumed";
    for command in [
        "check",
        "check -o jsonl",
        "log",
        "profile",
        "stat",
        "stat -o csv",
        "compare --a kernel=6.12 --b kernel=6.18",
        "sweep --set zero-spill=*",
    ] {
        let (_, out, err) = place.run(command, "no_entries.bpf.o");
        assert!(err.contains(words), "{command}: {out}{err}");
        assert_eq!(err.matches(words).count(), 1, "{command}: {err}");
    }
    let (_, out, _) = place.run("check -o jsonl", "no_entries.bpf.o");
    assert!(out.contains(&format!("\"assumed\":\"{words}\"")), "{out}");
    let (_, _, err) = place.run("check --map table.max-entries=4", "no_entries.bpf.o");
    assert_eq!(err, "");
}

#[test]
fn nothing_verified_is_no_success() {
    let place = Place::new("nothing", &[], "");
    fs::create_dir(place.0.join("empty")).unwrap();
    fs::write(place.0.join("readme.txt"), "no object").unwrap();
    for command in ["check", "check --whole", "test"] {
        let (code, out, err) = place.run(command, "empty");
        assert_eq!(code, Some(1), "{command}: {out}{err}");
        let allowed = format!("{command} --allow-empty");
        let (code, out, err) = place.run(&allowed, "empty");
        assert_eq!(code, Some(0), "{allowed}: {out}{err}");
    }
    // An object without expectations, and a gate whose budgets name nothing.
    let place = Place::new(
        "untested",
        &["bounds.bpf.o"],
        "[[budget]]\nprograms = \"other.bpf.o/*\"\ninsns = 1\n",
    );
    let (code, _, err) = place.run("test", "bounds.bpf.o");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("nothing was tested"), "{err}");
    assert_eq!(place.run("test --allow-empty", "bounds.bpf.o").0, Some(0));
    let gate = format!("gate --budget {}", place.path("verdict.toml"));
    let (code, _, err) = place.run(&gate, "bounds.bpf.o");
    assert_eq!(code, Some(1), "{err}");
    fs::create_dir(place.0.join("empty")).unwrap();
    assert_eq!(place.run(&gate, "empty").0, Some(1));
    assert_eq!(place.run(&format!("{gate} --allow-empty"), "empty").0, Some(0));
}

#[test]
fn legacy_maps_name_the_loader_that_takes_them() {
    let (code, out, err) = run(&["check", "corpus/cilium/legacy.bpf.o"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("--loader cilium"), "{err}");
    let (code, out, err) = run(&["check", "--loader", "cilium", "corpus/cilium/legacy.bpf.o"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn whole_collections() {
    let whole = |object: &str| {
        run(&[
            "check",
            "--loader",
            "cilium",
            "--whole",
            &format!("corpus/cilium/{object}"),
        ])
    };
    let (code, out, _) = whole("ops_tcp_alone.bpf.o");
    assert_eq!(code, Some(0), "{out}");
    let (code, out, _) = whole("ops_incomplete.bpf.o");
    assert_eq!(code, Some(2), "{out}");
    assert!(out.contains("update: invalid argument"), "{out}");
    let (code, out, _) = whole("tail_types.bpf.o");
    assert_eq!(code, Some(2), "{out}");
    assert!(
        out.contains("it ends at second") && out.contains("V0709"),
        "{out}"
    );
    let (code, out, _) = whole("prog_array_types.bpf.o");
    assert_eq!(code, Some(2), "{out}");
    assert!(
        out.contains("populating map jumps: putting value: key 0"),
        "{out}"
    );
}
