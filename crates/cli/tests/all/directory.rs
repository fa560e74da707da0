//! `--kernel-dir` and `--assume`: what is said of a kernel whose files somebody copied, by every command.

use std::fs;
use std::path::PathBuf;

use crate::common::schema::{assert_valid, validator};
use crate::common::scratch::Dir;
use crate::common::{root, run};
use serde_json::Value;

const OBJECT: &str = "corpus/packet_access.bpf.o";
const TESTS: &str = "corpus/tests/parser.bpf.o";

/// A machine's directory, and what commands say of it.
struct Machine(Dir);

impl Machine {
    fn new(test: &str, release: &str) -> Machine {
        let dir = Dir::new(&format!("directory-{test}"));
        dir.machine(release);
        Machine(dir)
    }

    fn file(&self, name: &str) -> String {
        self.0.0.join(name).to_string_lossy().into_owned()
    }

    /// What comes of a command line about it.
    fn run(&self, line: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let line = line.replace("DIR", &self.file("")).replace("//", "/");
        let mut arguments: Vec<&str> = line.split(' ').collect();
        let dir = self.file("machine");
        arguments.extend(["--kernel-dir", &dir]);
        arguments.extend(more);
        run(&arguments)
    }
}

const UNKNOWN: &str = "the rules of Linux 6.12.99 are not known";
const ASSUMED: &str = "machine: rules assumed of 6.12.117-deb12-amd64 for Linux 6.12.99";

#[test]
fn nothing_is_said_of_a_kernel_whose_rules_are_unknown() {
    let machine = Machine::new("unknown", "6.12.99");
    fs::write(machine.file("verdict.toml"), "[[budget]]\nprograms = \"*\"\n").unwrap();
    let note = format!(
        "verdict: note: machine: {UNKNOWN}, so that nothing can be said of any program; --assume NAME "
    );
    for (line, code, out_has) in [
        (
            format!("check {OBJECT}"),
            3,
            "4 programs: 0 accepted, 0 rejected, 4 unsupported\n",
        ),
        (
            format!("check {OBJECT} --attach-to {OBJECT}:fixed"),
            3,
            "0 accepted, 0 rejected, 4 unsupported\n",
        ),
        (
            format!("check --whole {OBJECT}"),
            3,
            "0 objects load whole, 0 do not, of 1 it is not known; ",
        ),
        (
            format!("check --minimum --kernel 6.1 {OBJECT}"),
            3,
            "machine: unsupported, the rules ",
        ),
        (
            format!("check -o jsonl {OBJECT}"),
            3,
            "\"verdict\":\"unsupported\"",
        ),
        (format!("log -p fixed {OBJECT}"), 3, ""),
        (format!("log -l 2 --log-size 64 -p fixed {OBJECT}"), 3, ""),
        (format!("profile -p fixed {OBJECT}"), 1, ""),
        (
            format!("gate --budget DIR/verdict.toml {OBJECT}"),
            3,
            "packet_access.bpf.o fixed: unsupported\n",
        ),
        (
            format!("test {TESTS}"),
            3,
            "0 passed; 0 failed; 0 known to fail; 0 skipped; 5 unsupported",
        ),
        (
            format!("stat -q -o csv -e verdict {OBJECT}"),
            0,
            "unsupported\nunsupported\nunsupported\nunsupported\n",
        ),
        (
            format!("sweep --set zero-spill=* -o csv {OBJECT}"),
            0,
            "fixed,unsupported,unsupported\n",
        ),
    ] {
        let (exit, out, err) = machine.run(&line, &[]);
        assert_eq!(exit, Some(code), "{line}: {out}{err}");
        assert!(out.contains(out_has), "{line}: {out}");
        assert!(err.starts_with(&note), "{line}: {err}");
        assert!(
            !out.contains("rejected ") && !out.contains("\"failure\""),
            "{line}: {out}"
        );
    }
    let (_, out, _) = machine.run("check", &[OBJECT]);
    assert!(
        out.contains(&format!(
            "unsupported  packet_access.bpf.o unchecked: {UNKNOWN}\n"
        )),
        "{out}"
    );
    let (exit, out, err) = machine.run("switches", &[]);
    assert_eq!((exit, out.as_str()), (Some(1), ""));
    assert_eq!(err, format!("verdict: machine: {UNKNOWN}\n"));
    let setting = format!("kernel-dir={}", machine.file("machine"));
    let (exit, _, err) = run(&["compare", "--why", "--a", "kernel=6.12", "--b", &setting, OBJECT]);
    assert_eq!(exit, Some(1));
    assert!(
        err.ends_with(&format!("verdict: compare --why: machine: {UNKNOWN}\n")),
        "{err}"
    );
}

#[test]
fn every_output_says_whose_rules_are_assumed() {
    let machine = Machine::new("assumed", "6.12.99");
    fs::write(
        machine.file("verdict.toml"),
        "[[budget]]\nprograms = \"*\"\nmay-fail = true\n",
    )
    .unwrap();
    let note = format!("verdict: note: {ASSUMED}\n");
    let assumed = ["--assume", "6.12"];
    // Where standard output has a place for it, too.
    for line in [
        format!("check {OBJECT}"),
        format!("check {OBJECT} -o json"),
        format!("check {OBJECT} -o sarif"),
        format!("check {OBJECT} -o github"),
        format!("check {OBJECT} -o markdown"),
        format!("check --whole {OBJECT}"),
        format!("check --whole -o jsonl {OBJECT}"),
        format!("check --minimum {OBJECT}"),
        format!("check --minimum -o jsonl {OBJECT}"),
        format!("check --minimum -o junit {OBJECT}"),
        format!("gate --budget DIR/verdict.toml {OBJECT}"),
        format!("sweep --set zero-spill=* {OBJECT}"),
        format!("sweep --set zero-spill=* -o markdown {OBJECT}"),
        format!("compare --a set=zero-spill=stack-zero --b set=zero-spill=imprecise-scalar {OBJECT}"),
        format!(
            "compare --a set=zero-spill=stack-zero --b set=zero-spill=imprecise-scalar -o markdown {OBJECT}"
        ),
        format!("compare --why --a set=zero-spill=stack-zero --b set=zero-spill=imprecise-scalar {OBJECT}"),
        format!("stat -o json {OBJECT}"),
        format!("test {TESTS}"),
    ] {
        let (_, out, err) = machine.run(&line, &assumed);
        assert!(out.contains(ASSUMED), "{line}: {out}{err}");
        let is_told_once = !line.contains("-o github") || out.matches(ASSUMED).count() == 1;
        assert!(is_told_once, "{line}: {out}");
        assert!(err.starts_with(&note), "{line}: {err}");
    }
    let words = ASSUMED.strip_prefix("machine: ").unwrap();
    for line in [
        format!("check {OBJECT} -o jsonl"),
        format!("check {OBJECT} -o junit"),
        format!("stat -o jsonl {OBJECT}"),
        format!("profile -p fixed {OBJECT}"),
        format!("test -o junit {TESTS}"),
        "switches".to_owned(),
    ] {
        let (_, out, err) = machine.run(&line, &assumed);
        assert!(out.contains(words), "{line}: {out}{err}");
        assert!(err.starts_with(&note), "{line}: {err}");
    }
    // What must be the kernel's or veristat's own words has it beside them.
    for line in [
        format!("log -p fixed {OBJECT}"),
        format!("stat {OBJECT}"),
        format!("stat -o csv {OBJECT}"),
        format!("sweep --set zero-spill=* -o csv {OBJECT}"),
        format!("profile -o folded -p fixed {OBJECT}"),
    ] {
        let (_, out, err) = machine.run(&line, &assumed);
        assert!(!out.contains("assumed") && err == note, "{line}: {out}{err}");
    }
    for line in [
        format!("check --html DIR/page.html {OBJECT}"),
        format!("log --html DIR/page.html -p fixed {OBJECT}"),
    ] {
        machine.run(&line, &assumed);
        let page = fs::read_to_string(machine.file("page.html")).unwrap();
        assert!(page.contains(&format!("\"notes\":[\"{ASSUMED}\"]")), "{line}");
    }
}

#[test]
fn an_assumed_kernel_says_what_that_kernel_says() {
    let machine = Machine::new("figures", "6.12.99");
    for object in [OBJECT, "corpus/bounded_loop.bpf.o", "corpus/map_value.bpf.o"] {
        let line = format!("stat -q -o csv -e file,prog,verdict,insns,states,peak_states,stack {object}");
        let known: Vec<_> = line.split(' ').chain(["--kernel", "6.12"]).collect();
        let expected = run(&known).1;
        assert!(expected.lines().count() > 2, "{expected}");
        for assumed in [
            ["--assume", "6.12"],
            ["--assume", "6.12.117-deb12-amd64"],
            ["--kernel", "6.12"],
        ] {
            let (code, out, err) = machine.run(&line, &assumed);
            assert_eq!((code, out), (Some(0), expected.clone()), "{err}");
            assert_eq!(err, format!("verdict: note: {ASSUMED}\n"));
        }
    }
    // Plans name it by its version: it may be called anything.
    for (kernels, programs) in [("6.12", 3), ("6.12.99", 3), ("6.1", 4), ("6.12.117", 4)] {
        let plan = format!("[[plan]]\nkernels = [\"{kernels}\"]\nprograms.fixed.autoload = false\n");
        fs::write(machine.file("plan.toml"), plan).unwrap();
        let line = format!("check --explain off --plan DIR/plan.toml {OBJECT}");
        let (_, out, _) = machine.run(&line, &["--assume", "6.12"]);
        assert!(
            out.contains(&format!("\n{programs} programs: ")),
            "{kernels}: {out}"
        );
    }
    // Of its own release nothing is assumed.
    let own = Machine::new("own", "6.12.117");
    let (code, out, err) = own.run(&format!("check {OBJECT}"), &[]);
    assert_eq!((code, err.as_str()), (Some(2), ""), "{out}");
    assert!(
        !out.contains("note: machine") && !out.contains("assumed"),
        "{out}"
    );
}

#[test]
fn what_is_printed_follows_the_schema() {
    let machine = Machine::new("schema", "6.12.99");
    let (document, record) = (validator("document"), validator("record"));
    let valid = |validator: &jsonschema::Validator, text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_valid(validator, &value, "output");
        value
    };
    for more in [&[][..], &["--assume", "6.12"]] {
        for asked in ["", " --whole", " --minimum"] {
            valid(
                &document,
                &machine.run(&format!("check -o json {OBJECT}{asked}"), more).1,
            );
            let lines = machine.run(&format!("check -o jsonl {OBJECT}{asked}"), more).1;
            assert!(lines.lines().count() >= 4, "{lines}");
            lines.lines().for_each(|line| drop(valid(&record, line)));
        }
        valid(&document, &machine.run(&format!("stat -o json {OBJECT}"), more).1);
        for line in [
            "kernels -o json".to_owned(),
            format!("profile -o json -p fixed {OBJECT}"),
            format!("test -o json {TESTS}"),
            format!("sweep -o json --set zero-spill=* {OBJECT}"),
        ] {
            let (_, out, err) = machine.run(&line, more);
            if more.is_empty() && line.starts_with("profile") {
                assert_eq!(out, "", "{err}");
                continue;
            }
            let value = valid(&document, &out);
            // The description of a directory has them in its record.
            let notes = [&value["notes"], &value["records"][0]["notes"]];
            let noted = notes.iter().any(|notes| !notes[0].is_null());
            assert!(noted, "{line}: {out}");
        }
        valid(&record, &machine.run("kernels -o jsonl", more).1);
    }
    let known = valid(&document, &run(&["kernels", "-o", "json"]).1);
    let (_, text, _) = run(&["kernels"]);
    let known = known["records"].as_array().unwrap();
    assert!(known.len() >= 5 && known[0]["default"] == true);
    for kernel in known {
        let name = kernel["kernel"].as_str().unwrap();
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
        let counts = &kernel["switches"];
        let counts = format!(
            "{} read in source, {} seen by probe, {} assumed",
            counts["source"], counts["probed"], counts["assumed"]
        );
        assert!(text.contains(&counts), "{counts}: {text}");
    }
}

#[test]
fn kernels_says_where_a_directory_has_what_from() {
    let machine = Machine::new("kernels", "6.12.99");
    let (code, out, err) = machine.run("kernels", &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for line in [
        "    release: Linux 6.12.99 on x86, as config says\n",
        "    the rules of Linux 6.12.99 are not known: every program is unsupported, unless --assume NAME ",
        " types\n",
        " bytes; 12 options\n",
        " symbols\n",
        "    version: config\n",
        "    switches: not known\n",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (_, out, _) = machine.run("kernels", &["--assume", "6.18"]);
    for line in [
        "    rules assumed of 6.18.15-deb13-amd64 for Linux 6.12.99\n",
        "    switches: 6.18.15-deb13-amd64, assumed\n",
        "    machine: 2 CPUs, with JIT; 6.18.15-deb13-amd64, assumed\n",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let json: Value = serde_json::from_str(&machine.run("kernels -o json", &["--assume", "6.18"]).1).unwrap();
    let kernel = &json["records"][0];
    assert_eq!(kernel["rules"]["basis"], "assumed");
    assert_eq!(kernel["release"]["version"], "6.12.99");
    assert!(kernel["types"].as_u64().unwrap() > 100_000 && kernel["symbols"].as_u64().unwrap() > 100_000);
    // What the directory states itself.
    let machine = Machine::new("kernels-stated", "6.12.43");
    let dir = PathBuf::from(machine.file("machine"));
    let config = fs::read_to_string(dir.join("config")).unwrap();
    fs::write(
        dir.join("config"),
        config.replace("CONFIG_BPF_JIT_DEFAULT_ON=y\n", ""),
    )
    .unwrap();
    let (_, out, _) = machine.run("kernels", &[]);
    let without = "    machine: 2 CPUs, without JIT (the configuration does not enable it); \
                   6.12.43-deb12-amd64, the profile of this release\n";
    assert!(out.contains(without), "{out}");
    let profile = root().join("crates/kernel/profiles/6.12.43-deb12-amd64");
    let release = fs::read_to_string(profile.join("release.toml")).unwrap();
    let release = release.replace("name = \"6.12.43-deb12-amd64\"", "name = \"6.12.43-deb12-ours\"");
    fs::write(dir.join("release.toml"), release).unwrap();
    let (_, out, _) = machine.run("kernels", &[]);
    for line in [
        "    release: Linux 6.12.43-deb12-ours on x86, as release.toml says\n",
        "    version: release.toml\n",
        "    switches: 6.12.43-deb12-amd64, the profile of this release\n",
        "    tables, limits: release.toml\n",
        "    machine: 2 CPUs, with JIT; release.toml\n",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    fs::copy(profile.join("semantics.toml"), dir.join("semantics.toml")).unwrap();
    let (_, out, _) = machine.run("kernels", &[]);
    for line in [
        "    version: release.toml\n",
        "    switches: semantics.toml\n",
        "    tables, limits: release.toml\n",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_may_be_called_anything() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let machine = Machine::new("bytes", "6.12.117");
    let odd = machine.0.0.join(OsStr::from_bytes(b"a\xff\nb"));
    fs::rename(machine.file("machine"), &odd).unwrap();
    let kernels = |form: &str| {
        let mut command = crate::common::command(&["kernels", "-o", form, "--kernel-dir"]);
        let output = command.arg(&odd).output().unwrap();
        (crate::common::stdout(&output), crate::common::stderr(&output))
    };
    for form in ["text", "json"] {
        let (out, _) = kernels(form);
        let shown = match form {
            "text" => "/a\\xff\\nb\n",
            _ => "/a\\\\xff\\\\nb\"",
        };
        assert!(out.contains(shown), "{out}");
    }
    assert!(kernels("text").0.starts_with("a\\xff\\nb: /"));
    fs::remove_file(odd.join("config")).unwrap();
    let error = "/a\\xff\\nb: no config (/proc/config.gz, /boot/config-RELEASE)\n";
    assert!(kernels("text").1.ends_with(error), "{}", kernels("text").1);
}

#[test]
fn one_error_names_the_file_and_what_was_expected() {
    let machine = Machine::new("errors", "6.12.117");
    let dir = PathBuf::from(machine.file("machine"));
    fs::write(dir.join("kallsyms"), "").unwrap();
    let expected = format!(
        "verdict: {}: empty: expected the kernel's symbols, as /proc/kallsyms lists them\n",
        dir.join("kallsyms").display()
    );
    for line in [
        format!("check {OBJECT}"),
        format!("check --whole {OBJECT}"),
        format!("check --minimum {OBJECT}"),
        format!("log -p fixed {OBJECT}"),
        format!("stat {OBJECT}"),
        format!("test {TESTS}"),
        format!("plan {OBJECT}"),
        "kernels".to_owned(),
        "switches".to_owned(),
    ] {
        assert_eq!(
            machine.run(&line, &[]),
            (Some(1), String::new(), expected.clone()),
            "{line}"
        );
    }
    for (arguments, words) in [
        (
            &["check", "--assume", "6.12", OBJECT][..],
            "can be assumed for a directory's kernel only: expected --kernel-dir, too\n",
        ),
        (
            &["kernels", "--assume", "6.12"],
            "can be assumed for a directory's kernel only: expected --kernel-dir, too\n",
        ),
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(err.ends_with(words), "{err}");
    }
    fs::remove_file(dir.join("kallsyms")).unwrap();
    let (code, _, err) = machine.run(
        &format!("check {OBJECT}"),
        &["--assume", "6.12", "--kernel", "6.18"],
    );
    assert_eq!(code, Some(1));
    assert!(
        err.contains("one other kernel's rules, not both 6.18.15-deb13-amd64 and 6.12"),
        "{err}"
    );
    let (code, _, err) = machine.run(&format!("check {OBJECT}"), &["--assume", "6.99"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no kernel is called '6.99'; known are: "), "{err}");
}

/// A directory may state that the value of a switch is not known, and what its tables lack: both are shown, and decide.
#[test]
fn what_is_not_known_of_a_captured_kernel_is_shown() {
    let machine = Machine::new("captured", "6.12.117");
    let profile = root().join("crates/kernel/profiles/6.12.117-deb12-amd64");
    let read = |name: &str| fs::read_to_string(profile.join(name)).unwrap();
    let semantics: Vec<String> = read("semantics.toml")
        .lines()
        .map(|line| match line.split_once(" = ") {
            Some(("zero-spill", _)) => {
                "zero-spill = { is = \"imprecise-scalar\", unknown = \"no value fits\" }".to_owned()
            }
            _ => line.to_owned(),
        })
        .collect();
    let release = read("release.toml").replace(
        "\n# include",
        "missing = [\"one program\"]\n\n[[unsure]]\nprog-type = 6\nreads = [[0, 4]]\n\n# include",
    );
    assert!(release.contains("unsure"));
    fs::write(machine.file("machine/semantics.toml"), semantics.join("\n")).unwrap();
    fs::write(machine.file("machine/release.toml"), release).unwrap();
    let (code, out, _) = machine.run("kernels", &[]);
    assert_eq!(code, Some(0), "{out}");
    for has in [
        " assumed, 1 not known\n",
        "        zero-spill: not known: no value fits\n",
        "    missing: one program\n",
    ] {
        assert!(out.contains(has), "{has}: {out}");
    }
    let (_, out, _) = machine.run("kernels -o json", &[]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_valid(&validator("document"), &json, "kernels");
    let kernel = &json["records"][0];
    assert_eq!(kernel["unknown"][0]["switch"], "zero-spill", "{out}");
    assert_eq!(kernel["switches"]["unknown"], 1, "{out}");
    let (code, out, _) = machine.run("check corpus/zero_spill.bpf.o -q -p merged -p compared", &[]);
    assert_eq!(code, Some(3), "{out}");
    let why = "it depends on the switch 'zero-spill', whose value is not known of machine\n";
    assert!(out.contains(why), "{out}");
    let (code, out, _) = machine.run(&format!("check {OBJECT} -q"), &[]);
    assert_eq!(code, Some(3), "{out}");
    assert!(out.contains("to read 4 bytes of the context at 0\n"), "{out}");
}

/// What cannot be looked at again is named.
#[test]
fn a_directory_without_answers_is_no_capture() {
    let machine = Machine::new("answers", "6.12.99");
    let dir = machine.file("machine");
    let (code, _, err) = run(&["kernel", "capture", "--again", &dir]);
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.starts_with("verdict: ") && err.contains("was found nowhere"),
        "{err}"
    );
    for (name, text) in [
        ("vmlinux.btf", ""),
        ("config", ""),
        ("kallsyms", ""),
        ("version", "Linux version 6.12.99 (me@host)\n"),
    ] {
        fs::write(machine.file(&format!("machine/{name}")), text).unwrap();
    }
    let (code, _, err) = run(&["kernel", "capture", "--again", &dir]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("answers.jsonl.gz: "), "{err}");
}
