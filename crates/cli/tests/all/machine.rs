//! What commands print for machines and write into files: JSON of one schema, GitLab's report, budgets.

use std::collections::BTreeSet;
use std::fs;

use crate::common::run;
use crate::common::schema::{assert_valid, validator};
use crate::common::scratch::Dir;
use serde_json::Value;

const LOG: &str = "golden/6.12.117-deb12-amd64/logs/packet_access.bpf.o__off_by_one.log";

/// What each command prints as JSON: a document, whose records are of the kinds that it may have, as lines the same.
#[test]
fn json_of_all_commands_has_one_schema() {
    let dir = Dir::new("json");
    let budget = dir.file(
        "verdict.toml",
        "[[budget]]\nprograms = \"*\"\ninsns = 17\n[[budget]]\nprograms = \"off_by_one\"\nmay-fail = true\n\
         [[budget]]\nprograms = \"gone\"\n",
    );
    let csv = dir.file(
        "a.csv",
        "file_name,prog_name,verdict,total_insns\nx.o,p,success,3\nx.o,q,failure,4\n",
    );
    let other = dir.file(
        "b.csv",
        "file_name,prog_name,verdict,total_insns\nx.o,p,success,5\ny.o,r,failure,4\n",
    );
    let columns = "file,prog,verdict,duration,insns,states,peak_states,max_states_per_insn,mark_read,prog_size,\
                   prog_size_jited,prog_type,attach_type,stack,max_stack_depth,mem_peak,kernel,errno,reason,rule,\
                   time_per_insn,prune_hits,prune_misses";
    let object = "corpus/packet_access.bpf.o";
    let asked = [
        (format!("check {object}"), &["answer"][..]),
        (format!("check --minimum {object}"), &["minimum"]),
        (format!("check --whole {object}"), &["answer", "whole"]),
        (format!("stat {object} --kernel 6.1,6.12"), &["answer"]),
        (
            format!("stat -e {columns} {object} corpus/rules_inner_map.bpf.o"),
            &["figures"],
        ),
        (format!("stat -R {csv}"), &["figures"]),
        (format!("stat -C {csv} {other}"), &["compared"]),
        (format!("compare {csv} {other}"), &["compared"]),
        (
            format!("compare --all --summary -e {columns} --kernel 6.1,6.12 {object}"),
            &["compared"],
        ),
        (
            "compare --why --kernel 6.12,6.18 corpus/iter_num.bpf.o corpus/may_goto.bpf.o".to_owned(),
            &["difference"],
        ),
        (
            format!("sweep --set zero-spill=* -e insns,states,errno,rule {object}"),
            &["figures"],
        ),
        (
            format!("gate --budget {budget} --kernel 6.1,6.12 {object}"),
            &["judged", "unused_budget"],
        ),
        (
            format!("gate --budget {budget} {csv}"),
            &["judged", "unused_budget"],
        ),
        ("test corpus/tests no/such.o".to_owned(), &["test", "unusable"]),
        (
            "test --kernel 6.12,6.18 corpus/tests/parser.bpf.o".to_owned(),
            &["test"],
        ),
        ("profile -p nested corpus/iter_num.bpf.o".to_owned(), &["profile"]),
        ("kernels".to_owned(), &["kernel"]),
        (
            "kernels --kernel-dir crates/kernel/profiles/6.1.192-deb12-amd64".to_owned(),
            &["kernel_directory"],
        ),
        (
            "switches --kernel 6.1,6.12 --set zero-spill=stack-zero".to_owned(),
            &["switch"],
        ),
        ("explain".to_owned(), &["rule_page"]),
        ("explain V0201".to_owned(), &["rule_page"]),
        (format!("explain {LOG}"), &["log_refusal"]),
    ];
    let document = validator("document");
    for (asked, kinds) in asked {
        let (command, rest) = asked.split_once(' ').unwrap_or((&asked, ""));
        let print = |form| {
            // Lines have no place for it.
            let is_wanted = |part: &&str| !part.is_empty() && (form == "json" || *part != "--summary");
            let rest = rest.split(' ').filter(is_wanted);
            let arguments: Vec<_> = [command, "-o", form].into_iter().chain(rest).collect();
            let (_, out, err) = run(&arguments);
            assert!(!out.is_empty(), "{asked}: {err}");
            out
        };
        let all: Value = serde_json::from_str(&print("json")).unwrap();
        assert_valid(&document, &all, &asked);
        assert_eq!(all["command"], command, "{asked}");
        let validators: Vec<_> = kinds.iter().map(|kind| (*kind, validator(kind))).collect();
        let mut met = BTreeSet::new();
        let mut take = |record: &Value| {
            let kind = validators
                .iter()
                .find(|(_, validator)| validator.is_valid(record));
            match kind {
                Some((kind, _)) => _ = met.insert(*kind),
                None => assert_valid(&validators[0].1, record, &asked),
            }
        };
        let records = all["records"].as_array().unwrap();
        records.iter().for_each(&mut take);
        let lines = print("jsonl");
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        lines.iter().for_each(&mut take);
        assert_eq!(met, kinds.iter().copied().collect(), "{asked}");
        assert_eq!(lines.len(), records.len(), "{asked}");
        for (line, record) in lines.iter().zip(records) {
            assert_eq!(line["schema"], "verdict/1");
            assert_eq!(steady(line), steady(record), "{asked}");
        }
    }
}

/// A record without times, which differ from run to run.
fn steady(record: &Value) -> Value {
    let mut record = record.clone();
    let fields = record.as_object_mut().unwrap();
    for time in ["usec", "time_per_insn"] {
        fields.remove(time);
    }
    for side in fields.values_mut().filter(|side| side.is_object()) {
        *side = steady(side);
    }
    record
}

/// A program has the same names and the same figures in all of them.
#[test]
fn commands_agree_on_a_program() {
    let object = "corpus/packet_access.bpf.o";
    let dir = Dir::new("agree");
    let budget = dir.file("verdict.toml", "[[budget]]\nprograms = \"*\"\n");
    let of = |asked: &str| -> Value {
        let arguments: Vec<_> = asked.split(' ').chain([object]).collect();
        let all: Value = serde_json::from_str(&run(&arguments).1).unwrap();
        let records = all["records"].as_array().unwrap();
        let is = |record: &&Value| record["program"] == "off_by_one";
        records.iter().find(is).unwrap().clone()
    };
    let check = of("check -o json");
    assert_eq!(check["path"], object);
    assert_eq!(check["object"], "packet_access.bpf.o");
    assert_eq!(
        (&check["errno"], &check["errno_name"]),
        (&13.into(), &"EACCES".into())
    );
    let gate = format!("gate -o json --budget {budget}");
    for asked in [
        "stat -o json",
        "stat -o json -e file,prog,kernel,verdict,insns,errno,rule",
        "sweep -o json --kernel 6.12,6.18 -e insns,errno,rule",
        &gate,
        "profile -o json -p off_by_one",
    ] {
        let record = of(asked);
        let mut common = 0;
        for field in [
            "path",
            "object",
            "program",
            "kernel",
            "verdict",
            "insns",
            "errno",
            "errno_name",
            "rule",
        ] {
            if !record[field].is_null() {
                assert_eq!(record[field], check[field], "{asked}: {field}");
                common += 1;
            }
        }
        assert!(common >= 6, "{asked}: {record}");
    }
    // Of a directory it is the object in it that has a path.
    fs::copy(crate::common::root().join(object), dir.0.join("only.bpf.o")).unwrap();
    let profile = format!("profile -o json -p off_by_one {}", dir.0.display());
    let (_, out, err) = run(&profile.split(' ').collect::<Vec<_>>());
    let profiled: Value = serde_json::from_str(&out).unwrap();
    let path = dir.0.join("only.bpf.o");
    assert_eq!(profiled["records"][0]["path"], path.to_str().unwrap(), "{err}");
}

/// GitLab's form has what it asks for.
#[test]
fn gitlab_has_an_issue_for_each_program() {
    let asked = ["check", "-o", "gitlab"];
    let objects = [
        "corpus/packet_access.bpf.o",
        "corpus/rules_inner_map.bpf.o",
        "no/such.o",
        "Cargo.toml",
    ];
    let (code, out, _) = run(&[&asked[..], &objects].concat());
    assert_eq!(code, Some(1));
    let all: Vec<Value> = serde_json::from_str(&out).unwrap();
    let mut prints = BTreeSet::new();
    let mut levels = BTreeSet::new();
    for issue in &all {
        let fields: Vec<_> = issue.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            fields,
            ["check_name", "description", "fingerprint", "location", "severity"]
        );
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() > 0);
        assert!(!issue["location"]["path"].as_str().unwrap().starts_with('.'));
        assert!(prints.insert(issue["fingerprint"].as_str().unwrap()), "{issue}");
        levels.insert(issue["severity"].as_str().unwrap());
    }
    assert_eq!(levels.into_iter().collect::<Vec<_>>(), ["critical", "info"]);
    let of = |text: &str| {
        let has = |issue: &&Value| issue["description"].as_str().unwrap().starts_with(text);
        all.iter().find(has).unwrap()
    };
    let issue = of("packet_access.bpf.o off_by_one: ");
    assert_eq!(issue["check_name"], "V0201 packet-bounds");
    assert_eq!(issue["location"]["path"], "corpus/packet_access.bpf.c");
    assert_eq!(issue["location"]["lines"]["begin"], 49);
    // The fingerprint is that of the other forms.
    let (_, out, _) = run(&["check", "-o", "jsonl", "-p", "off_by_one", objects[0]]);
    let record: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(record["fingerprint"], issue["fingerprint"]);
}

#[test]
fn the_gate_writes_budgets_that_hold() {
    const OBJECT: &str = "corpus/linked.bpf.o";
    let dir = Dir::new("update");
    let file = dir.0.join("verdict.toml");
    let file = file.to_str().unwrap();
    let gate = |more: &[&str]| run(&[&["gate", "--budget", file][..], more].concat());
    let (code, _, err) = gate(&[OBJECT]);
    assert_eq!(code, Some(1), "{err}");
    // Without the file there is one now, which names its objects, too.
    let (code, out, err) = gate(&["--update", "--kernel", "6.1,6.12", OBJECT]);
    assert_eq!(code, Some(0), "{out}{err}");
    let text = fs::read_to_string(file).unwrap();
    assert!(text.starts_with("objects = [\"/"), "{text}");
    let budgets = "corpus/linked.bpf.o\"]\n\n[[budget]]\nprograms = \"linked.bpf.o/";
    assert!(text.contains(budgets), "{text}");
    assert_eq!(gate(&[]).0, Some(0));
    // Without a margin, the budgets are the figures.
    let (code, ..) = gate(&["--update", "--margin", "0", OBJECT]);
    assert_eq!(code, Some(0));
    let text = fs::read_to_string(file).unwrap();
    let (_, out, _) = run(&["check", "-o", "jsonl", OBJECT]);
    let records: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(text.matches("[[budget]]").count(), records.len());
    for record in records {
        let name = format!("linked.bpf.o/{}\"", record["program"].as_str().unwrap());
        let own = text
            .split("[[budget]]")
            .find(|budget| budget.contains(&name))
            .unwrap();
        for figure in ["insns", "states", "peak_states", "stack"] {
            let line = format!("\n{} = {}\n", figure.replace('_', "-"), record[figure]);
            assert!(own.contains(&line), "{line}{own}");
        }
    }
    // What is rejected gets no budget.
    let rejected = ["--update", "-p", "off_by_one", "corpus/packet_access.bpf.o"];
    let (code, out, _) = gate(&rejected);
    assert_eq!(code, Some(2), "{out}");
    assert_eq!(fs::read_to_string(file).unwrap(), text);
    let (code, _, err) = gate(&["--margin", "5%", OBJECT]);
    assert_eq!(code, Some(1));
    assert!(err.contains("--update"), "{err}");
}
