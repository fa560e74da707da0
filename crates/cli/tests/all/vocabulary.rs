//! One vocabulary for all commands: which option each of them has, and that it acts there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::run;
use crate::common::scratch::Dir;
use clap::{Arg, Command};

/// What verifies programs with all that decides how, what does so one program at a time, and what lists.
const MANY: [&str; 4] = ["check", "compare", "gate", "sweep"];
const ONE: [&str; 2] = ["log", "profile"];
const LISTS: [&str; 3] = ["explain", "kernels", "switches"];

/// Every option, and the commands that have it. `stat` has veristat's grammar.
fn table() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let verifying = [&MANY[..], &ONE, &["test"]].concat();
    let with = |more: &[&'static str]| [verifying.as_slice(), more].concat();
    let loading = [&MANY[..], &ONE].concat();
    let rows: Vec<(&str, Vec<&str>)> = vec![
        ("kernel", with(&["plan", "kernels", "run", "switches"])),
        ("kernel-dir", with(&["plan", "kernels", "run", "switches"])),
        ("assume", with(&["plan", "kernels", "run", "switches"])),
        ("set", with(&["run", "switches"])),
        ("cpus", with(&[])),
        ("memlock", with(&[])),
        ("unprivileged", with(&[])),
        ("loader", [&loading[..], &["plan"]].concat()),
        ("attach-to", with(&["plan"])),
        ("plan", with(&["plan"])),
        ("map", with(&["plan"])),
        ("no-autoload", with(&["plan"])),
        ("section", with(&["plan"])),
        ("program", with(&[])),
        ("set-global-vars", loading.clone()),
        ("globals-from", loading.clone()),
        ("test-states", loading.clone()),
        ("test-reg-invariants", loading.clone()),
        ("timeout", with(&[])),
        ("max-memory", with(&[])),
        ("jobs", [&MANY[..], &["test"]].concat()),
        ("output", [&MANY[..], &["profile", "test"], &LISTS].concat()),
        (
            "color",
            [&["check", "compare", "gate", "run", "test"][..], &LISTS].concat(),
        ),
        ("quiet", vec!["check", "test"]),
        ("verbose", vec!["check", "gate", "test"]),
        ("allow-empty", vec!["check", "gate", "test"]),
        ("emit", vec!["compare", "sweep"]),
        ("html", vec!["check", "log"]),
        ("whole", vec!["check"]),
        ("minimum", vec!["check"]),
        ("explain", vec!["check"]),
        ("a", vec!["compare"]),
        ("b", vec!["compare"]),
        ("all", vec!["compare"]),
        ("why", vec!["compare"]),
        ("summary", vec!["compare"]),
        ("fail-if", vec!["compare"]),
        ("budget", vec!["gate"]),
        ("update", vec!["gate"]),
        ("margin", vec!["gate"]),
        ("changed", vec!["sweep"]),
        ("level", vec!["log"]),
        ("log-size", vec!["log"]),
        ("normalize", vec!["log"]),
        ("libbpf", vec!["log"]),
        ("svg", vec!["profile"]),
        ("by", vec!["profile"]),
        ("top", vec!["profile"]),
        ("filter", vec!["test"]),
        ("known", vec!["test"]),
        ("report", vec!["run"]),
        ("strict", vec!["run"]),
        ("caps", vec!["run"]),
    ];
    let count = rows.len();
    let table: BTreeMap<_, BTreeSet<_>> = rows
        .into_iter()
        .map(|(option, commands)| (option, commands.into_iter().collect()))
        .collect();
    assert_eq!(table.len(), count, "an option stands twice");
    table
}

/// The options of a command that are not clap's own.
fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let own = |arg: &&Arg| !matches!(arg.get_id().as_str(), "help" | "version");
    command
        .get_arguments()
        .filter(own)
        .filter(|arg| !arg.is_positional())
}

fn commands() -> Vec<Command> {
    let mut root = verdict_cli::command();
    root.build();
    assert_eq!(
        options(&root).count(),
        0,
        "an option of all commands acts in few of them"
    );
    let named = root
        .get_subcommands()
        .filter(|command| command.get_name() != "help");
    named.cloned().collect()
}

#[test]
fn commands_have_the_options_of_the_table() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for command in commands() {
        for option in options(&command) {
            let name = option.get_long().unwrap().to_owned();
            assert!(!option.is_hide_set(), "{name} is hidden");
            assert_eq!(option.get_all_aliases(), None, "{name} has two names");
            found
                .entry(name)
                .or_default()
                .insert(command.get_name().to_owned());
        }
    }
    let owned = |(option, commands): (&str, BTreeSet<&str>)| {
        (
            option.to_owned(),
            commands.into_iter().map(ToOwned::to_owned).collect(),
        )
    };
    assert_eq!(found, table().into_iter().map(owned).collect());
}

/// One letter, one heading and one kind of value for each name.
#[test]
fn options_mean_the_same_everywhere() {
    let mut known: BTreeMap<String, (Option<char>, String, String)> = BTreeMap::new();
    let mut letters: BTreeMap<char, String> = BTreeMap::new();
    for command in commands() {
        for option in options(&command) {
            let name = option.get_long().unwrap().to_owned();
            if let Some(letter) = option.get_short() {
                let first = letters.entry(letter).or_insert_with(|| name.clone());
                assert_eq!(*first, name, "-{letter}");
            }
            let heading = option.get_help_heading().unwrap_or("Options").to_owned();
            let value = format!("{:?}", option.get_value_names());
            let this = (option.get_short(), heading, value);
            let first = known.entry(name.clone()).or_insert_with(|| this.clone());
            assert_eq!(*first, this, "{} --{name}", command.get_name());
        }
    }
    let heading = |name: &str| known[name].1.as_str();
    assert_eq!(heading("kernel"), "Kernel");
    assert_eq!(heading("program"), "Programs");
    assert_eq!(heading("loader"), "Loader");
    assert_eq!(heading("output"), "Output");
}

#[test]
fn programs_are_chosen_by_name() {
    let object = "corpus/packet_access.bpf.o";
    let count = |more: &[&str]| run(&[&["check", object][..], more].concat());
    for (names, expected) in [
        (&["-p", "off_by_one"][..], "1 program: 0 accepted, 1 rejected"),
        (&["-p", "*e*"], "4 programs: "),
        (&["-p", "packet_access.bpf.o/f*"], "1 program: 1 accepted"),
        (&["-p", "fixed", "-p", "variable"], "2 programs: 2 accepted"),
        (&["-p", "packet_access.bpf.o/"], "4 programs: "),
    ] {
        let (_, out, err) = count(names);
        assert!(out.contains(expected), "{names:?}: {out}{err}");
    }
    let (code, _, err) = count(&["-p", "gone"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(1), "verdict: --program 'gone': names no program\n")
    );
    let (code, _, err) = count(&["-p", "insns>3"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("expected PROGRAM, OBJECT/PROGRAM or OBJECT/"),
        "{err}"
    );
    let (code, _, err) = run(&["profile", "-p", "*", object]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("choose one with --program: fixed, variable"),
        "{err}"
    );
}

/// In the quiet form each program has its line, whatever it shares with others.
#[test]
fn quiet_is_a_line_for_each_program() {
    let object = "corpus/packet_access.bpf.o";
    for more in [&[][..], &["--whole"]] {
        let (_, out, _) = run(&[&["check", "-q", object, object][..], more].concat());
        let rejected = out.lines().filter(|line| line.starts_with("rejected "));
        assert_eq!(rejected.clone().count(), 4, "{out}");
        assert!(
            rejected
                .clone()
                .all(|line| line.ends_with(": V0201 packet-bounds")),
            "{out}"
        );
    }
}

/// `stat` has veristat's grammar, and the options that it shares with other commands act there, too.
#[test]
fn stat_shares_options() {
    let stat = |more: &str, object: &str| {
        let line = format!("stat -q -o csv -e prog,verdict,insns,reason {more} {object}");
        let line: Vec<_> = line.split(' ').filter(|part| !part.is_empty()).collect();
        run(&line)
    };
    let packet = "corpus/packet_access.bpf.o";
    let memory = "corpus/reports/09-helper-length/good.o";
    let limited = "--kernel 5.10 --memlock 8M";
    for (without, with, object) in [
        ("", "-p fixed", packet),
        ("", "--program=packet_access.bpf.o/f*", packet),
        ("", "--kernel 5.10", "corpus/may_goto.bpf.o"),
        ("", "--set liveness=call-chains", "corpus/iter_num.bpf.o"),
        ("--kernel 5.10", "--kernel 5.10 --memlock 4K", packet),
        (limited, &format!("{limited} --cpus 4096"), memory),
        ("", "--timeout 0.000000001", packet),
        ("", "--max-memory=100", packet),
        ("", "--output jsonl", packet),
    ] {
        let (first, second) = (stat(without, object), stat(with, object));
        assert_eq!(second.0, Some(0), "{with}: {}", second.2);
        assert_ne!(first, second, "{with}");
    }
    for (wrong, expected) in [
        ("--cpus 0", "expected a number from 1 to 8192"),
        ("--memlock x", "expected a number of bytes"),
        ("--timeout 0", "expected a number of seconds"),
        ("--max-memory x", "expected a number of bytes"),
        ("-p insns>3", "expected PROGRAM, OBJECT/PROGRAM or OBJECT/"),
    ] {
        let (code, _, err) = stat(wrong, packet);
        assert_eq!(code, Some(64), "{wrong}");
        assert!(err.contains(expected), "{wrong}: {err}");
    }
}

/// `--explain` acts where several kernels are asked for the oldest, too, and is refused where nothing is explained.
#[test]
fn explanations_are_given_or_refused() {
    let object = "corpus/packet_access.bpf.o";
    let minimum = |more: &[&str]| run(&[&["check", "--minimum", "-o", "jsonl", object][..], more].concat()).1;
    assert!(!minimum(&[]).contains("\"explanation\""));
    assert!(minimum(&["--explain", "causes"]).contains("\"explanation\""));
    let (code, _, err) = run(&["check", "--whole", "--explain", "off", object]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("'--explain <HOW>' cannot be used with '--whole'")
            || err.contains("cannot be used with"),
        "{err}"
    );
}

/// How a command is asked about an object: what stands before and behind the option that is tried.
fn asked(command: &str, object: &str, program: &str, budget: &str) -> Vec<String> {
    let line = match command {
        "check" => format!("check -v --explain off {object}"),
        "compare" => format!(
            "compare --all --a set=state-form=plain --b set=state-form=whole -e file,prog,insns,verdict,errno,reason {object}"
        ),
        "gate" => format!("gate -o json --budget {budget} {object}"),
        "sweep" => {
            format!("sweep -o csv --set state-form=plain|whole -e insns,verdict,errno,reason {object}")
        }
        "log" => format!("log -l 2 --program {program} {object}"),
        "profile" => format!("profile --program {program} {object}"),
        "test" => format!("test -v {object}"),
        "plan" => format!("plan {object}"),
        _ => panic!("{command}"),
    };
    line.split(' ').map(ToOwned::to_owned).collect()
}

/// A trial of an option that decides how programs are verified: what is added, what stands there anyway, and an object and a
/// program of it where it acts.
struct Trial {
    option: &'static str,
    added: Vec<String>,
    anyway: Vec<&'static str>,
    object: &'static str,
    program: &'static str,
}

fn trial(option: &'static str, value: &str, object: &'static str, program: &'static str) -> Trial {
    let mut added = vec![format!("--{option}")];
    added.extend((!value.is_empty()).then(|| value.to_owned()));
    Trial {
        option,
        added,
        anyway: Vec::new(),
        object,
        program,
    }
}

/// Output, errors and exit code, without times.
fn outcome(arguments: &[String]) -> (Option<i32>, String, String) {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    run(&arguments)
}

/// Each option that decides how programs are verified changes something in each command that has it.
#[test]
fn options_act_wherever_they_are() {
    const PACKET: &str = "corpus/packet_access.bpf.o";
    const NEEDING: &str = "corpus/cilium/no_value_size.bpf.o";
    const TESTS: &str = "corpus/tests/parser.bpf.o";
    let dir = Dir::new("act");
    let budget = dir.file(
        "budget.toml",
        "[[budget]]\nprograms = \"*\"\ninsns = 1000000\nmay-fail = true\n",
    );
    let plan = dir.file(
        "plan.toml",
        "[[plan]]\nobjects = \"no_value_size.bpf.o\"\nmaps.table.value-size = 8\n\
         [[plan]]\nobjects = \"parser.bpf.o\"\nprograms.checked.autoload = false\n",
    );
    let dump = dir.file(
        "rodata.json",
        r#"[{"key":["0x00","0x00","0x00","0x00"],"value":["0x03","0x00","0x00","0x00","0x00"],"formatted":{"key":0,"value":{".rodata":[{"limit":3},{"debug":0}]}}}]"#,
    );
    let old = "crates/kernel/profiles/6.1.192-deb12-amd64";
    // Of a release whose rules are not known.
    let machine: &'static str = dir.machine("6.12.99").leak();
    let on_machine = |mut trial: Trial| {
        trial.anyway = vec!["--kernel-dir", machine];
        trial
    };
    let limited = |mut trial: Trial| {
        trial.anyway = vec!["--kernel", "5.10", "--memlock", "8M"];
        trial
    };
    let on_old = |mut trial: Trial| {
        trial.anyway = vec!["--kernel", "5.10"];
        trial
    };
    let loading: Vec<&str> = [&MANY[..], &ONE].concat();
    let of_test = vec!["test"];
    let of_plan = vec!["plan"];
    let all = [
        (&loading, trial("kernel", "6.1", "corpus/may_goto.bpf.o", "until")),
        (
            &loading,
            trial("kernel-dir", old, "corpus/may_goto.bpf.o", "until"),
        ),
        (&loading, on_machine(trial("assume", "6.12", PACKET, "fixed"))),
        (
            &loading,
            trial("set", "liveness=call-chains", "corpus/iter_num.bpf.o", "sum"),
        ),
        (
            &loading,
            limited(trial(
                "cpus",
                "4096",
                "corpus/reports/09-helper-length/good.o",
                "path",
            )),
        ),
        (
            &loading,
            on_old(trial(
                "memlock",
                "64K",
                "corpus/reports/09-helper-length/good.o",
                "path",
            )),
        ),
        (&loading, trial("unprivileged", "", PACKET, "fixed")),
        (
            &loading,
            trial("loader", "cilium", "corpus/cilium/calls_across.bpf.o", "calls"),
        ),
        (
            &loading,
            trial(
                "attach-to",
                "corpus/attach/targets.bpf.o:xdp_main",
                "corpus/attach/freplace.bpf.o",
                "wider",
            ),
        ),
        (&loading, trial("plan", &plan, NEEDING, "look")),
        (&loading, trial("map", "table.value-size=8", NEEDING, "look")),
        (&loading, trial("no-autoload", "fixed", PACKET, "fixed")),
        (
            &loading,
            trial("section", "fixed=kprobe/vfs_read", PACKET, "fixed"),
        ),
        (&loading, trial("program", "variable", PACKET, "fixed")),
        (
            &loading,
            trial(
                "set-global-vars",
                "width = 2",
                "corpus/set_globals.bpf.o",
                "rounds",
            ),
        ),
        (
            &loading,
            trial("globals-from", &dump, "corpus/frozen_data.bpf.o", "known"),
        ),
        (
            &loading,
            trial("test-states", "", "corpus/bounded_loop.bpf.o", "nested"),
        ),
        (
            &loading,
            trial(
                "test-reg-invariants",
                "",
                "corpus/known_numbers.bpf.o",
                "contradiction",
            ),
        ),
        (&loading, trial("timeout", "0.000000001", PACKET, "fixed")),
        (&loading, trial("max-memory", "100", PACKET, "fixed")),
        (&of_test, trial("timeout", "0.000000001", TESTS, "")),
        (&of_test, trial("max-memory", "100", TESTS, "")),
        (&of_test, trial("kernel", "5.10", TESTS, "")),
        (&of_test, trial("kernel-dir", old, TESTS, "")),
        (&of_test, on_machine(trial("assume", "6.12", TESTS, ""))),
        (&of_test, trial("set", "state-form=plain", TESTS, "")),
        (&of_test, on_old(trial("memlock", "4K", TESTS, ""))),
        (&of_test, trial("unprivileged", "", TESTS, "")),
        (&of_test, trial("plan", &plan, TESTS, "")),
        (&of_test, trial("no-autoload", "checked", TESTS, "")),
        (&of_test, trial("section", "checked=kprobe/vfs_read", TESTS, "")),
        (&of_test, trial("program", "checked", TESTS, "")),
        (
            &of_plan,
            trial("kernel", "5.10", "corpus/cilium/section_kinds.bpf.o", ""),
        ),
        (
            &of_plan,
            trial("kernel-dir", old, "corpus/cilium/section_kinds.bpf.o", ""),
        ),
        (&of_plan, on_machine(trial("assume", "6.12", NEEDING, ""))),
        (
            &of_plan,
            trial("loader", "cilium", "corpus/cilium/calls_across.bpf.o", ""),
        ),
        (
            &of_plan,
            trial(
                "attach-to",
                "corpus/attach/targets.bpf.o:xdp_main",
                "corpus/attach/freplace.bpf.o",
                "",
            ),
        ),
        (&of_plan, trial("plan", &plan, NEEDING, "")),
        (&of_plan, trial("map", "table.value-size=8", NEEDING, "")),
        (
            &of_plan,
            trial(
                "no-autoload",
                "iter_nowhere",
                "corpus/cilium/section_kinds.bpf.o",
                "",
            ),
        ),
        (&of_plan, trial("section", "look=kprobe/nothing", NEEDING, "")),
    ];
    let mut tried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut idle = Vec::new();
    for (commands, trial) in &all {
        for command in commands.iter() {
            let mut line = asked(command, trial.object, trial.program, &budget);
            line.splice(1..1, trial.anyway.iter().map(|part| (*part).to_owned()));
            let without = outcome(&line);
            line.splice(1..1, trial.added.iter().cloned());
            let with = outcome(&line);
            if without == with {
                idle.push(format!("{command} --{}: {without:?}", trial.option));
            }
            let usage = with.2.contains("Usage: ");
            assert!(!usage, "{}: {}", line.join(" "), with.2);
            tried.entry(trial.option).or_default().insert(*command);
        }
    }
    assert!(
        idle.is_empty(),
        "these options change nothing:\n{}",
        idle.join("\n")
    );
    // Nothing is left out but what has a reason.
    let untried = [
        ("cpus", "test", "no test of the corpus has a map for each CPU"),
        ("attach-to", "test", "no test of the corpus attaches to a program"),
        ("map", "test", "no test of the corpus has a map"),
        ("kernel", "kernels", "tried below"),
        ("kernel", "switches", "tried below"),
        ("kernel-dir", "kernels", "tried below"),
        ("kernel-dir", "switches", "tried below"),
        ("assume", "kernels", "tried below"),
        ("assume", "switches", "tried below"),
        ("set", "switches", "tried below"),
        ("kernel", "run", "tried where commands are run"),
        ("kernel-dir", "run", "opened like a kernel that has a name"),
        ("assume", "run", "opened like a kernel that has a name"),
        ("set", "run", "opened like a kernel that has a name"),
    ];
    let table = table();
    for (option, commands) in &tried {
        let untried = untried
            .iter()
            .filter(|(of, ..)| of == option)
            .map(|(_, command, _)| *command);
        let known: BTreeSet<_> = commands.iter().copied().chain(untried).collect();
        assert_eq!(known, table[option], "--{option}");
    }
}

/// What is particular to a command: with these options, it prints something else, writes a file or ends otherwise.
#[test]
fn options_of_single_commands_act() {
    const PACKET: &str = "corpus/packet_access.bpf.o";
    let dir = Dir::new("single");
    let at = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
    let budget = dir.file(
        "budget.toml",
        "[[budget]]\nprograms = \"*\"\ninsns = 17\nmay-fail = true\n",
    );
    let machine = dir.machine("6.12.99");
    let known = dir.file("known", "unmet.bpf.o is_accepted 1: another one\n");
    fs::create_dir(dir.0.join("empty")).unwrap();
    let compare = "compare --kernel 6.12,6.18";
    let trials: Vec<(&str, String, String)> = vec![
        ("output", format!("check {PACKET}"), "-o junit".into()),
        (
            "output",
            format!("{compare} corpus/iter_num.bpf.o"),
            "-o csv".into(),
        ),
        (
            "output",
            format!("gate --budget {budget} {PACKET}"),
            "-o json".into(),
        ),
        (
            "output",
            format!("sweep --set zero-spill=* {PACKET}"),
            "-o json".into(),
        ),
        ("output", format!("profile -p fixed {PACKET}"), "-o folded".into()),
        ("output", "test corpus/tests".into(), "-o junit".into()),
        ("output", "explain V0201".into(), "-o json".into()),
        ("output", "kernels".into(), "-o json".into()),
        ("output", "switches".into(), "-o json".into()),
        ("color", format!("check {PACKET}"), "--color always".into()),
        (
            "color",
            format!("{compare} --why corpus/iter_num.bpf.o"),
            "--color always".into(),
        ),
        (
            "color",
            format!("gate -v --budget {budget} {PACKET}"),
            "--color always".into(),
        ),
        ("color", "test corpus/tests".into(), "--color always".into()),
        ("color", "explain V0201".into(), "--color always".into()),
        ("color", "kernels".into(), "--color always".into()),
        ("color", "switches".into(), "--color always".into()),
        ("kernel", "switches".into(), "--kernel 6.1".into()),
        ("kernel", "kernels".into(), "--kernel 6.1".into()),
        (
            "kernel-dir",
            "kernels".into(),
            "--kernel-dir crates/kernel/profiles/6.1.192-deb12-amd64".into(),
        ),
        (
            "assume",
            format!("kernels --kernel-dir {machine}"),
            "--assume 6.1".into(),
        ),
        (
            "assume",
            format!("switches --kernel-dir {machine}"),
            "--assume 6.1".into(),
        ),
        (
            "kernel-dir",
            "switches".into(),
            "--kernel-dir crates/kernel/profiles/6.1.192-deb12-amd64".into(),
        ),
        ("set", "switches".into(), "--set zero-spill=stack-zero".into()),
        ("quiet", format!("check {PACKET}"), "-q".into()),
        ("quiet", format!("check --kernel 6.1,6.12 {PACKET}"), "-q".into()),
        ("quiet", format!("check --minimum {PACKET}"), "-q".into()),
        ("quiet", "test corpus/tests".into(), "-q".into()),
        ("verbose", format!("check {PACKET}"), "-v".into()),
        ("verbose", format!("gate --budget {budget} {PACKET}"), "-v".into()),
        ("verbose", "test corpus/tests".into(), "-v".into()),
        (
            "allow-empty",
            format!("check {}", at("empty")),
            "--allow-empty".into(),
        ),
        (
            "allow-empty",
            format!("gate --budget {budget} {}", at("empty")),
            "--allow-empty".into(),
        ),
        (
            "allow-empty",
            format!("test {}", at("empty")),
            "--allow-empty".into(),
        ),
        (
            "emit",
            format!("{compare} --all {PACKET}"),
            "-e prog,states".into(),
        ),
        (
            "emit",
            format!("sweep --set zero-spill=* {PACKET}"),
            "-e states".into(),
        ),
        ("whole", format!("check {PACKET}"), "--whole".into()),
        ("minimum", format!("check {PACKET}"), "--minimum".into()),
        ("explain", format!("check {PACKET}"), "--explain off".into()),
        (
            "a",
            "compare corpus/zero_spill.bpf.o".into(),
            "--a set=zero-spill=stack-zero --b set=zero-spill=imprecise-scalar".into(),
        ),
        (
            "b",
            "compare corpus/zero_spill.bpf.o".into(),
            "--b set=zero-spill=imprecise-scalar --a set=zero-spill=stack-zero".into(),
        ),
        ("all", format!("{compare} {PACKET}"), "--all".into()),
        ("why", format!("{compare} corpus/iter_num.bpf.o"), "--why".into()),
        (
            "summary",
            format!("{compare} corpus/iter_num.bpf.o"),
            "--summary".into(),
        ),
        (
            "summary",
            format!("{compare} -o json corpus/iter_num.bpf.o"),
            "--summary".into(),
        ),
        (
            "fail-if",
            format!("{compare} corpus/iter_num.bpf.o"),
            "--fail-if insns_diff<0".into(),
        ),
        ("budget", format!("gate {PACKET}"), format!("--budget {budget}")),
        (
            "update",
            format!("gate --budget {} {PACKET}", at("new.toml")),
            "--update".into(),
        ),
        (
            "margin",
            format!(
                "gate --update -v --budget {} corpus/iter_num.bpf.o",
                at("margin.toml")
            ),
            "--margin 55%".into(),
        ),
        (
            "changed",
            format!("sweep --set zero-spill=* {PACKET}"),
            "--changed".into(),
        ),
        ("level", format!("log -p fixed {PACKET}"), "-l 2".into()),
        (
            "log-size",
            format!("log -p fixed {PACKET}"),
            "--log-size 99".into(),
        ),
        (
            "normalize",
            "log -l 2 -p symbols corpus/externs.bpf.o".into(),
            "--normalize".into(),
        ),
        ("libbpf", format!("log -p off_by_one {PACKET}"), "--libbpf".into()),
        (
            "by",
            format!("profile -o folded -p fixed {PACKET}"),
            "--by states".into(),
        ),
        (
            "top",
            "profile -p nested corpus/iter_num.bpf.o".into(),
            "-n 1".into(),
        ),
        ("filter", "test corpus/tests".into(), "-f header".into()),
        ("known", "test corpus/tests".into(), format!("--known {known}")),
    ];
    let mut tried: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut idle = Vec::new();
    for (option, without, more) in &trials {
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        let mut with = words(without);
        with.splice(1..1, words(more));
        let (first, second) = (outcome(&words(without)), outcome(&with));
        if first == second {
            idle.push(format!("{without} {more}: {first:?}"));
        }
        assert!(!second.2.contains("Usage: "), "{with:?}: {}", second.2);
        tried.entry(option).or_default().insert(with[0].clone());
    }
    assert!(
        idle.is_empty(),
        "these options change nothing:\n{}",
        idle.join("\n")
    );
    // Where a command is run, tests of its own try these.
    for option in ["report", "strict", "color", "caps"] {
        tried.entry(option).or_default().insert("run".to_owned());
    }
    for (option, line) in [
        ("html", format!("check --html {} {PACKET}", at("check"))),
        ("html", format!("log --html {} -p fixed {PACKET}", at("log"))),
        (
            "svg",
            format!("profile --svg {} -p fixed {PACKET}", at("profile")),
        ),
    ] {
        let line: Vec<_> = line.split(' ').map(ToOwned::to_owned).collect();
        outcome(&line);
        assert!(dir.0.join(&line[0]).exists(), "{line:?}");
        tried.entry(option).or_default().insert(line[0].clone());
    }
    // `jobs` has no effect that is seen: any number gives the same bytes.
    for (option, commands) in table().into_iter().filter(|(option, _)| *option != "jobs") {
        let found = tried.get(option);
        let by_itself = |command: &&str| found.is_some_and(|found| found.contains(*command));
        let elsewhere = LOADING.contains(&option);
        let missing: Vec<_> = commands.iter().filter(|command| !by_itself(command)).collect();
        assert!(
            elsewhere || missing.is_empty(),
            "--{option} is not tried in {missing:?}"
        );
    }
}

/// The options of `options_act_wherever_they_are`.
const LOADING: [&str; 20] = [
    "kernel",
    "kernel-dir",
    "assume",
    "set",
    "cpus",
    "memlock",
    "unprivileged",
    "loader",
    "attach-to",
    "plan",
    "map",
    "no-autoload",
    "section",
    "program",
    "set-global-vars",
    "globals-from",
    "test-states",
    "test-reg-invariants",
    "timeout",
    "max-memory",
];
