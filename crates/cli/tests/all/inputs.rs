//! What commands open, what objects and programs are called, and what is said of files that are no objects.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use crate::common::{command, root, stderr, stdout};

/// An object of the corpus.
fn object(name: &str) -> Vec<u8> {
    fs::read(root().join("corpus").join(name)).unwrap()
}

const PACKET: &str = "packet_access.bpf.o";

/// An object with each name of one kind replaced by another that is as long.
fn patched(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = object(name);
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0, "{name} has it not");
    bytes
}

/// A binary of another machine with these in it.
fn binary(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[18] = 62;
    for object in objects {
        bytes.extend(object);
        bytes.resize(bytes.len().next_multiple_of(4096) + 3, 0x90);
    }
    bytes
}

/// A directory, from which commands are run.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("verdict-inputs-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir); // of a run that was interrupted
        fs::create_dir_all(&dir).unwrap();
        Place(dir)
    }

    fn with(self, file: &str, bytes: &[u8]) -> Place {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn output(&self, line: &str) -> Output {
        let arguments: Vec<_> = line.split(' ').collect();
        command(&arguments).current_dir(&self.0).output().unwrap()
    }

    /// Exit code, standard output and standard error.
    fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let output = self.output(line);
        (output.status.code(), stdout(&output), stderr(&output))
    }

    fn out(&self, line: &str) -> String {
        self.run(line).1
    }

    /// The same, with a file as standard input.
    fn fed(&self, line: &str, file: &str) -> (Option<i32>, String, String) {
        let arguments: Vec<_> = line.split(' ').collect();
        let output = command(&arguments)
            .current_dir(&self.0)
            .stdin(Stdio::from(File::open(self.0.join(file)).unwrap()))
            .output()
            .unwrap();
        (output.status.code(), stdout(&output), stderr(&output))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left does no harm
    }
}

#[test]
fn objects_of_one_name_are_told_apart() {
    let budget = "[[budget]]\nprograms = \"two/packet_access.bpf.o/fixed\"\ninsns = 1\n[[budget]]\nprograms = \"packet_access.bpf.o/\"\nmay-fail = true\n";
    let place = Place::new("apart")
        .with("x/one/packet_access.bpf.o", &object(PACKET))
        .with("x/two/packet_access.bpf.o", &object(PACKET))
        .with("x/two/timer.bpf.o", &object("timer.bpf.o"))
        .with("budget.toml", budget.as_bytes());
    for line in [
        "check -v x",
        "check --whole x",
        "check -o json x",
        "check -o jsonl x",
        "check -o sarif x",
        "check -o junit x",
        "check -o github x",
        "check -o markdown x",
        "check --kernel 6.12,6.18 x",
        "check --minimum --kernel 6.12,6.18 x",
        "check -v x/one/packet_access.bpf.o x/two/packet_access.bpf.o",
        "stat x",
        "stat -o csv x",
        "stat -o json x",
        "compare --all --kernel 6.12,6.18 x",
        "sweep --kernel 6.12,6.18 x",
        "sweep -o csv --kernel 6.12,6.18 x",
    ] {
        let out = place.out(line);
        for name in ["one/packet_access.bpf.o", "two/packet_access.bpf.o"] {
            assert!(out.contains(name), "{line}: {name}: {out}");
        }
        assert!(
            !out.contains("two/timer.bpf.o") || out.contains("x/two/timer.bpf.o"),
            "{line}: {out}"
        );
    }
    let why = place.out("compare --why --a kernel=6.1 --b kernel=6.12 x/one x/two/packet_access.bpf.o");
    assert!(!why.contains("\npacket_access.bpf.o"), "{why}");
    let (code, out, err) = place.run("gate --budget budget.toml x");
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(out.contains("two/packet_access.bpf.o fixed: 16 insns"), "{out}");
    assert!(!out.contains("one/packet_access.bpf.o fixed"), "{out}");
    place.out("check --html page.html x");
    let page = fs::read_to_string(place.0.join("page.html")).unwrap();
    for name in ["one/packet_access.bpf.o", "two/packet_access.bpf.o"] {
        assert!(page.contains(name), "{name}");
    }
    // Veristat's bytes where there is nothing to tell apart.
    let alone = place.out("stat -o csv -e file,prog x/one");
    assert!(alone.contains("\npacket_access.bpf.o,fixed\n"), "{alone}");
    let chosen = place.out("stat -o csv -e file,prog -f one/packet_access.bpf.o/fixed x");
    assert_eq!(chosen, "file_name,prog_name\none/packet_access.bpf.o,fixed\n");
}

#[test]
fn programs_of_one_name_are_told_apart() {
    let bytes = patched(PACKET, b"\0unchecked\0", b"\0fixed\0\0\0\0\0");
    let place = Place::new("twins").with("twins.bpf.o", &bytes);
    let out = place.out("check -v twins.bpf.o");
    assert!(out.contains("accepted     twins.bpf.o fixed: 16 insns"), "{out}");
    assert!(
        out.contains("rejected     twins.bpf.o fixed#2: EACCES by the kernel"),
        "{out}"
    );
    place.out("check --html page.html twins.bpf.o");
    let page = fs::read_to_string(place.0.join("page.html")).unwrap();
    assert!(page.contains("\"fixed#2\"") && page.contains("\"fixed\""));
    let (code, log, err) = place.run("log --program fixed#2 twins.bpf.o");
    assert!(log.contains("invalid access to packet"), "{code:?} {log}{err}");
    let sweep = place.out("sweep -o csv --kernel 6.12,6.18 twins.bpf.o");
    assert!(
        sweep.contains("twins.bpf.o,fixed,16,") && sweep.contains("twins.bpf.o,fixed#2,failure,failure"),
        "{sweep}"
    );
    let compared = place.out("compare --all -o csv -e file,prog,verdict --kernel 6.12,6.18 twins.bpf.o");
    assert!(
        compared.contains("fixed,success,success,MATCH")
            && compared.contains("fixed#2,failure,failure,MATCH"),
        "{compared}"
    );
}

#[test]
fn every_command_opens_what_check_opens() {
    let plan = "[[budget]]\nprograms = \"*\"\nmay-fail = true\n";
    let place = Place::new("opens")
        .with("tool", &binary(&[object(PACKET), object("timer.bpf.o")]))
        .with("single", &binary(&[object("subprog.bpf.o")]))
        .with("dir/only.bpf.o", &object("timer.bpf.o"))
        .with("verdict.toml", plan.as_bytes());
    for line in [
        "check -v",
        "check --whole -v",
        "check --minimum",
        "stat",
        "gate",
        "sweep --kernel 6.12,6.18",
        "compare --all --kernel 6.12,6.18",
        "compare --why --kernel 6.1,6.12",
        "plan",
        "test --allow-empty",
    ] {
        let (code, out, err) = place.run(&format!("{line} tool"));
        assert!(matches!(code, Some(0 | 2)), "{line}: {code:?} {out}{err}");
        let quiet = ["gate", "test", "compare --why"]
            .iter()
            .any(|one| line.starts_with(one));
        assert!(
            quiet || out.contains("packet_access.bpf.o") && out.contains("timer.bpf.o"),
            "{line}: {out}"
        );
    }
    for line in ["log tool", "profile tool"] {
        let (code, _, err) = place.run(line);
        assert_eq!(code, Some(1), "{line}");
        assert_eq!(
            err,
            "verdict: tool: 2 objects, name one of them: tool:packet_access.bpf.o, tool:timer.bpf.o\n"
        );
    }
    for (line, one) in [
        (
            "log tool:packet_access.bpf.o --program fixed",
            "processed 16 insns",
        ),
        (
            "profile -p fixed tool:packet_access.bpf.o",
            "packet_access.bpf.o fixed: accepted",
        ),
        ("profile dir", "choose one with --program"),
        ("log --program variable dir", "no program variable"),
        ("check dir/*.bpf.?", "only.bpf.o wrong_return"),
    ] {
        let (_, out, err) = place.run(line);
        assert!(out.contains(one) || err.contains(one), "{line}: {out}{err}");
    }
    let (code, out, err) = place.run("check -v single --attach-to single:gone");
    assert_eq!(code, Some(1), "{out}");
    assert!(
        err.contains("single:gone: no such program: expected one of"),
        "{err}"
    );
}

#[test]
fn standard_input_is_an_object() {
    let place = Place::new("stdin")
        .with(PACKET, &object(PACKET))
        .with("tool", &binary(&[object(PACKET), object("timer.bpf.o")]));
    let named = place.out("log --program unchecked packet_access.bpf.o");
    assert_eq!(place.fed("log --program unchecked -", PACKET).1, named);
    for line in [
        "check -v -",
        "check -v --whole -",
        "check --kernel 6.12,6.18 -",
        "stat -",
        "sweep --kernel 6.12,6.18 -",
        "compare --all --kernel 6.12,6.18 -",
        "profile -p fixed -",
    ] {
        let (code, out, err) = place.fed(line, PACKET);
        assert!(matches!(code, Some(0 | 2)), "{line}: {code:?} {out}{err}");
        assert!(out.contains("fixed"), "{line}: {out}{err}");
    }
    assert_eq!(place.fed("plan -", PACKET).0, Some(0));
    let (code, out, _) = place.fed("check -v -", "tool");
    assert_eq!(code, Some(2));
    assert!(out.contains("accepted     -:packet_access.bpf.o fixed"), "{out}");
    let (code, _, err) = place.fed("log -", "tool");
    assert_eq!(code, Some(1));
    assert!(
        err.contains("-: 2 objects, name one of them: -:packet_access.bpf.o, -:timer.bpf.o"),
        "{err}"
    );
    let stat = place.out("stat -o csv packet_access.bpf.o");
    fs::write(place.0.join("run"), stat).unwrap();
    let (code, out, err) = place.fed("compare - packet_access.bpf.o", "run");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
}

#[test]
fn a_recorded_run_is_compared_with_a_fresh_one() {
    let place = Place::new("fresh")
        .with("a/packet_access.bpf.o", &object(PACKET))
        .with("b/packet_access.bpf.o", &object(PACKET))
        .with("a/zero_spill.bpf.o", &object("zero_spill.bpf.o"));
    for (file, line) in [
        ("all.csv", "stat -o csv a b"),
        ("one.csv", "stat -o csv a"),
        ("some.csv", "stat -o csv -e file,prog,insns a"),
        ("lines.jsonl", "stat -o jsonl a"),
    ] {
        fs::write(place.0.join(file), place.out(line)).unwrap();
    }
    for line in [
        "all.csv a b",
        "all.csv a/*.o b/packet_access.bpf.o",
        "one.csv a",
        "some.csv a",
        "lines.jsonl a",
    ] {
        let (code, out, err) = place.run(&format!("compare {line}"));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{line}");
        assert_eq!(out.lines().count(), 2, "{line}: {out}");
    }
    // One of two, as it was called when both were recorded.
    let of_one = place.out("compare --all -o csv -e file,prog,insns all.csv a/packet_access.bpf.o");
    assert!(of_one.contains("a/packet_access.bpf.o,fixed,16,16,"), "{of_one}");
    let other = "--set zero-spill=stack-zero";
    let (code, out, _) = place.run(&format!("compare one.csv a {other} --fail-if insns_diff!=0"));
    let base = place.run("compare one.csv a --fail-if insns_diff!=0");
    assert_ne!(
        (code, out.contains("zero_spill.bpf.o")),
        (base.0, base.1.contains("zero_spill.bpf.o")),
        "{out}"
    );
    for (line, words) in [
        (
            "a one.csv",
            "compare: figures come before objects: verdict compare one.csv OBJECT…",
        ),
        (
            "one.csv a all.csv",
            "compare: all.csv: these are figures, and expected are objects to verify",
        ),
        (
            "--kernel 6.12,6.18 one.csv a",
            "compare: one.csv: these are figures",
        ),
        (
            "a",
            "compare: expected two files of figures, one and objects, or --a and --b with objects",
        ),
    ] {
        let (code, out, err) = place.run(&format!("compare {line}"));
        assert_eq!((code, out.as_str()), (Some(1), ""), "{line}");
        assert!(err.contains(words), "{line}: {err}");
    }
    let (code, _, err) = place.run("compare one.csv a gone.bpf.o");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("gone.bpf.o: No such file"), "{err}");
}

#[test]
fn files_that_are_no_objects_have_a_hint() {
    let mut big = object(PACKET);
    (big[5], big[18], big[19]) = (2, 0, 247);
    let place = Place::new("hints")
        .with("prog.bpf.c", b"int main;\n")
        .with("prog.bc", b"BC\xc0\xde\x35\x14\0\0")
        .with(
            "lib.a",
            b"!<arch>\nx.o/            0           0     0     644     4         `\nabcd",
        )
        .with("big.o", &big)
        .with("x86.o", &binary(&[]))
        .with("empty.o", b"")
        .with("notes.txt", b"hello\n");
    for (file, hint) in [
        (
            "prog.bpf.c",
            "`clang -O2 -g --target=bpf -c prog.bpf.c -o prog.bpf.o`",
        ),
        (
            "prog.bc",
            "`llc -march=bpf -mcpu=v3 -filetype=obj -o prog.o prog.bc`",
        ),
        ("lib.a", "an archive without a BPF object in it"),
        ("big.o", "an object of high byte order"),
        ("x86.o", "an ELF file for x86-64 with no BPF object in it"),
        ("empty.o", "the file is empty"),
        (
            "notes.txt",
            "neither an ELF object, as `clang -O2 -g --target=bpf -c` makes it",
        ),
    ] {
        for command in [
            "check",
            "log",
            "profile",
            "plan",
            "test",
            "check --whole",
            "sweep --kernel 6.12,6.18",
        ] {
            let (code, out, err) = place.run(&format!("{command} {file}"));
            assert_eq!(code, Some(1), "{command} {file}: {out}{err}");
            let lines = err
                .lines()
                .filter(|line| line.starts_with("    help: ") && line.contains(hint));
            assert_eq!(lines.count(), 1, "{command} {file}: {err}");
        }
        let (_, _, err) = place.run(&format!("stat {file}"));
        assert!(
            err.starts_with(&format!("verdict: note: {file}: ")) && err.contains(hint),
            "stat {file}: {err}"
        );
    }
}

#[test]
fn a_missing_licence_is_said_once_for_an_object() {
    let bytes = patched("fallbacks.bpf.o", b"GPL\0", b"MIT\0");
    let place = Place::new("licence")
        .with("a.bpf.o", &bytes)
        .with("b.bpf.o", &bytes);
    let line = "help: declare `char LICENSE[] SEC(\"license\") = \"GPL\";`";
    for command in ["check", "check --explain off", "check --kernel 6.12,6.18"] {
        let out = place.out(&format!("{command} a.bpf.o b.bpf.o"));
        assert_eq!(out.matches(line).count(), 2, "{command}: {out}");
        assert_eq!(
            out.matches("cannot call GPL-restricted function").count(),
            2,
            "{command}: {out}"
        );
    }
    let out = place.out("check --explain off a.bpf.o");
    assert!(out.contains("    also in: a.bpf.o "), "{out}");
}

#[test]
fn misspelt_sections_and_targets_have_a_neighbour() {
    for (object, from, to, meant) in [
        (PACKET, "\0xdp\0", "\0xdq\0", "did you mean `SEC(\"xdp\")`?"),
        (
            "rules_licence.bpf.o",
            "kprobe/tcp",
            "kprove/tcp",
            "did you mean `SEC(\"kprobe/tcp_v4_connect\")`?",
        ),
        (
            "fallbacks.bpf.o",
            "tp_btf/task_newtask",
            "tp_btf/task_newtusk",
            "did you mean `task_newtask`?",
        ),
        (
            "fallbacks.bpf.o",
            "tp_btf/task_newtask",
            "tp_bft/task_newtask",
            "did you mean `SEC(\"tp_btf/task_newtask\")`?",
        ),
        (
            "log_words.bpf.o",
            "fentry/migrate_disable",
            "fentry/migrate_disabel",
            "did you mean `migrate_disable`",
        ),
    ] {
        let bytes = patched(object, from.as_bytes(), to.as_bytes());
        let place = Place::new("near").with("x.bpf.o", &bytes);
        let out = place.out("check x.bpf.o");
        assert!(out.contains(meant), "{to}: {out}");
    }
}

/// What no file name could be is read all the same, and shown so that it can be read.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new("bytes");
    let file = OsStr::from_bytes(b"\xff\x1b[2J.bpf.o");
    fs::write(place.0.join(file), object(PACKET)).unwrap();
    let tool = OsStr::from_bytes(b"\xfetool");
    fs::write(place.0.join(tool), binary(&[object("timer.bpf.o")])).unwrap();
    for (line, file, code) in [
        ("check -v", file, 2),
        ("check -o json", file, 2),
        ("stat", file, 0),
        ("stat -v", file, 0),
        ("plan", file, 0),
        ("log --program fixed", file, 0),
        ("sweep --kernel 6.12,6.18", file, 0),
        ("compare --all --kernel 6.12,6.18", file, 0),
        ("check -v", OsStr::from_bytes(b"."), 2),
        ("check -v", OsStr::from_bytes(b"\xfetool:timer.bpf.o"), 2),
        ("stat", OsStr::from_bytes(b"\xfetool:timer.bpf.o"), 0),
    ] {
        let mut command = command(&line.split(' ').collect::<Vec<_>>());
        let output = command.arg(file).current_dir(&place.0).output().unwrap();
        let (out, err) = (stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{line} {file:?}: {out}{err}");
        assert!(
            !out.contains('\x1b') && !err.contains('\x1b'),
            "{line}: {out}{err}"
        );
        let shown = if file == "." || !file.as_encoded_bytes().starts_with(b"\xff") {
            "\\xfetool:timer.bpf.o"
        } else {
            "\\xff\\x1b[2J.bpf.o"
        };
        let quiet = line.starts_with("log") || line == "check -o json" || line == "plan";
        assert!(quiet || out.contains(shown), "{line} {file:?}: {out}");
    }
}

/// Nor are names lost on the way: in patterns, in what plans name beside them, in files that are written.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf_8_stay_what_they_are() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new("bytes-kept");
    let odd = |name: &[u8]| OsStr::from_bytes(name).to_owned();
    let dir = place.0.join(odd(b"\xffdir"));
    fs::create_dir_all(dir.join("below")).unwrap();
    for name in ["freplace.bpf.o", "targets.bpf.o"] {
        fs::copy(root().join("corpus/attach").join(name), dir.join(name)).unwrap();
    }
    fs::write(dir.join(odd(b"below/\xfe.bpf.o")), object("timer.bpf.o")).unwrap();
    let plan =
        "[[plan]]\nobjects = \"freplace.bpf.o\"\nprograms.numbers.attach-to = \"targets.bpf.o:xdp_main\"\n";
    fs::write(dir.join("verdict.toml"), plan).unwrap();
    let run = |line: &str, more: &[OsString]| {
        let mut command = command(&line.split(' ').collect::<Vec<_>>());
        let output = command.args(more).current_dir(&place.0).output().unwrap();
        (output.status.code(), stdout(&output), stderr(&output))
    };
    for (pattern, objects) in [
        (odd(b"\xffdir/*.bpf.o"), 2),
        (odd(b"\xff*/t*.bpf.o"), 1),
        (odd(b"*dir/targets.bpf.o"), 1),
        (odd(b"?dir/below/?.bpf.o"), 1),
        (odd(b"**/*.bpf.o"), 3),
        (odd(b"\xfe*/*.bpf.o"), 0),
    ] {
        let (code, out, err) = run("stat -q -o csv -e file", std::slice::from_ref(&pattern));
        let mut files: Vec<_> = out.lines().skip(1).collect();
        files.dedup();
        assert_eq!(files.len(), objects, "{pattern:?} {code:?}: {out}{err}");
    }
    let (code, out, err) = run("check -p numbers", &[odd(b"\xffdir/freplace.bpf.o")]);
    assert_eq!(code, Some(0), "{out}{err}");
    // A file of budgets is text.
    let budgets = odd(b"gate --update --budget budgets.toml");
    let objects = [odd(b"\xffdir/below/\xfe.bpf.o"), odd(b"\xffdir/targets.bpf.o")];
    let (_, out, err) = run(budgets.to_str().unwrap(), &objects);
    let text = fs::read_to_string(place.0.join("budgets.toml")).unwrap();
    assert!(
        !text.contains('\u{fffd}') && !text.contains("objects = "),
        "{text}{out}"
    );
    let note = "verdict: note: \\xffdir/below/\\xfe.bpf.o: its name is not UTF-8, ";
    assert!(err.contains(note), "{err}");
}

#[test]
fn names_of_objects_move_no_cursor() {
    let bytes = patched(PACKET, b"unchecked", b"un\x1b[2J\ned");
    let sections = patched("rules_licence.bpf.o", b"kprobe/tcp", b"\x1b]2;a\x07/tcp");
    let place = Place::new("cursor")
        .with("x.bpf.o", &bytes)
        .with("y.bpf.o", &sections);
    for line in [
        "check -v",
        "check --explain off --color always",
        "check --whole -v",
        "check --kernel 6.12,6.18",
        "check -o json",
        "check -o junit",
        "check -o github",
        "check -o markdown",
        "check -o sarif",
        "stat",
        "stat -o csv",
        "sweep --kernel 6.12,6.18",
        "sweep -o csv --kernel 6.12,6.18",
        "compare --all --kernel 6.12,6.18",
        "plan",
        "test",
        "profile",
        "log",
    ] {
        for file in ["x.bpf.o", "y.bpf.o"] {
            let (_, out, err) = place.run(&format!("{line} {file}"));
            let raw =
                |text: &str| text.contains("\x1b[2J") || text.contains("\x1b]") || text.contains('\x07');
            assert!(!raw(&out) && !raw(&err), "{line} {file}: {out:?} {err:?}");
        }
    }
    let out = place.out("check -v x.bpf.o");
    assert!(out.contains("x.bpf.o un\\x1b[2J\\ned"), "{out}");
    let out = place.out("check y.bpf.o");
    assert!(out.contains("\\x1b]2;a\\x07/tcp_v4_connect"), "{out}");
    let (code, log, err) = place.run("log --program un\\x1b[2J\\ned x.bpf.o");
    assert_eq!(code, Some(0), "{log}{err}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_read_is_a_finding_among_others() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new("unreadable")
        .with("dir/timer.bpf.o", &object("timer.bpf.o"))
        .with("dir/closed/packet_access.bpf.o", &object(PACKET));
    symlink("loop.bpf.o", place.0.join("dir/loop.bpf.o")).unwrap();
    let closed = place.0.join("dir/closed");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o0)).unwrap();
    let may_read = fs::read_dir(&closed).is_ok(); // as root
    for line in [
        "check -v",
        "check -v --whole",
        "check --kernel 6.12,6.18",
        "stat",
        "plan",
        "sweep --kernel 6.12,6.18",
        "compare --all --kernel 6.12,6.18",
        "gate --budget b.toml",
    ] {
        fs::write(
            place.0.join("b.toml"),
            "[[budget]]\nprograms = \"*\"\nmay-fail = true\n",
        )
        .unwrap();
        let (code, out, err) = place.run(&format!("{line} dir"));
        let expected = if line == "stat" { 0 } else { 1 };
        assert_eq!(code, Some(expected), "{line}: {out}{err}");
        assert!(
            out.contains("timer.bpf.o") || line.starts_with("gate"),
            "{line}: {out}"
        );
        assert_eq!(
            err.matches("dir/loop.bpf.o: Too many levels").count(),
            1,
            "{line}: {err}"
        );
        if !may_read {
            assert_eq!(
                err.matches("dir/closed: Permission denied").count(),
                1,
                "{line}: {err}"
            );
        }
    }
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn objects_in_binaries_are_called_by_their_sources() {
    let place = Place::new("sources").with(
        "tool",
        &binary(&[object(PACKET), object("timer.bpf.o"), object(PACKET)]),
    );
    let before = place.out("check -v tool");
    assert!(before.contains("tool:packet_access.bpf.o fixed"), "{before}");
    // Built again, other things are in front of them, in another order.
    let bytes = binary(&[object("subprog.bpf.o"), object("timer.bpf.o"), object(PACKET)]);
    fs::write(place.0.join("tool"), bytes).unwrap();
    let after = place.out("check -v tool");
    for line in before.lines().filter(|line| line.starts_with("accepted")) {
        assert!(after.contains(line), "{line}: {after}");
    }
}
