//! Objects as aya loads them, held to what the library and a real 6.12.117 said of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use verdict::report::{Record, Stage, Verdict};
use verdict::{KernelChoice, Loader, OpenObject, Options, Verifier};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text<'v>(line: &'v Value, key: &str) -> &'v str {
    line.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn as_the_library_says() {
    let kernel = KernelChoice::default().open().unwrap();
    let verifier = Verifier::new(kernel, Options::default()).with_loader(Loader::Aya);
    let record = fs::read_to_string(root().join("golden/6.12.117-deb12-amd64/aya.jsonl")).unwrap();
    let mut by_object = BTreeMap::<String, Vec<Value>>::new();
    for line in record.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        by_object
            .entry(text(&line, "object").to_owned())
            .or_default()
            .push(line);
    }
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (name, lines) in &by_object {
        let bytes = fs::read(root().join("corpus/cilium").join(name)).unwrap();
        let opened = verifier.open(name, &bytes);
        for line in lines {
            compared += 1;
            let said = match (text(line, "of"), &opened) {
                ("open", Ok(object)) => of_open(object, line),
                ("open", Err(error)) => said_so(&error.messages.join("\n"), error.errno.0, line),
                ("whole", Ok(_)) if OTHER_TARGETS.contains(&name.as_str()) => Ok(()),
                ("whole", Ok(_)) => of_whole(&verifier.open_whole(name, &bytes).unwrap(), line),
                (_, Ok(object)) => of_program(object, line),
                (_, Err(error)) => Err(error.to_string()),
            };
            if let Err(is) = said {
                wrong.push(format!(
                    "{name} {}\n  is     {is}\n  should {line}",
                    text(line, "name")
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 80, "{compared} compared");
}

/// Whether the words of a refusal are among the recorded ones.
fn said_so(words: &str, errno: i32, line: &Value) -> Result<(), String> {
    let own = words.trim().strip_prefix("aya: ").unwrap_or_default();
    // How the C library names the number is left out.
    let own = own.split(": Invalid argument").next().unwrap_or_default();
    let fits = text(line, "verdict") == "failure" && text(line, "error").starts_with(own) && !own.is_empty();
    match fits && line["errno"] == errno {
        true => Ok(()),
        false => Err(format!("{errno} {words}")),
    }
}

/// Opening includes creating maps, of which each program tells here.
fn of_open(object: &OpenObject<'_>, line: &Value) -> Result<(), String> {
    let records: Vec<_> = object.programs().map(|program| program.check().record).collect();
    let of_maps = |record: &&Record| {
        record.stage == Stage::Prepare && record.libbpf.as_deref().unwrap_or_default().contains("map error")
    };
    match (text(line, "verdict"), records.iter().find(of_maps)) {
        ("success", None) => Ok(()),
        ("failure", Some(record)) => {
            said_so(record.libbpf.as_deref().unwrap_or_default(), record.errno, line)
        }
        (_, found) => Err(format!("{:?}", found.map(|record| &record.libbpf))),
    }
}

/// Tracing programs that call others by a map: the recorder has all of them attach to one function, so that they fit one another.
const OTHER_TARGETS: [&str; 2] = ["tail_kprobe.bpf.o", "tail_prototypes.bpf.o"];

/// All programs, one after another: the recorder's first is the first by name.
fn of_whole(object: &OpenObject<'_>, line: &Value) -> Result<(), String> {
    let whole = object.check_whole();
    let failed = whole.programs.iter().map(|answer| &answer.record);
    let first = failed
        .filter(|record| record.verdict != Verdict::Success)
        .min_by_key(|record| record.program.clone());
    let first = first.or(whole.refusal.as_ref().map(|answer| &answer.record));
    let fits = match (text(line, "verdict"), first) {
        ("success", None) => true,
        ("failure", Some(record)) => {
            record.program.as_deref() == Some(text(line, "name")) && line["errno"] == record.errno
        }
        _ => false,
    };
    let said = |record: &Record| {
        format!(
            "{:?} {} {:?} {:?}",
            record.program, record.errno, record.libbpf, record.tail
        )
    };
    match fits {
        true => Ok(()),
        false => Err(first.map_or_else(|| "loads".to_owned(), said)),
    }
}

fn of_program(object: &OpenObject<'_>, line: &Value) -> Result<(), String> {
    let Some(program) = object.program(text(line, "name")) else {
        return Err("no such program".to_owned());
    };
    let record = program.check().record;
    let verdict = if record.verdict == Verdict::Success {
        "success"
    } else {
        "failure"
    };
    let insns = record.figures.as_ref().map_or(0, |figures| figures.insns);
    let fits = verdict == text(line, "verdict")
        && line["errno"] == record.errno
        && line["insns"].as_u64().unwrap_or(0) == insns;
    match fits {
        true => Ok(()),
        false => Err(format!(
            "{verdict} {} {insns} {:?} {:?}",
            record.errno, record.libbpf, record.tail
        )),
    }
}
