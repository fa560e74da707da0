//! Objects as cilium/ebpf loads them, held to what the library and a real 6.12.117 said of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verdict::report::{Record, Stage, Verdict};
use verdict::{KernelChoice, Loader, OpenObject, Options, Verifier};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The recorded lines, by object.
fn recorded(path: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut by_object = BTreeMap::<String, Vec<Value>>::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        by_object
            .entry(text(&line, "object").to_owned())
            .or_default()
            .push(line);
    }
    by_object
}

fn text<'v>(line: &'v Value, key: &str) -> &'v str {
    line.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn verdict_word(ok: bool) -> &'static str {
    if ok { "success" } else { "failure" }
}

/// The errno of the kernel: the library hides it where it says of a poisoned instruction that it was.
fn errno(line: &Value) -> i64 {
    let error = text(line, "error");
    let hidden = error.ends_with("bad CO-RE relocation") || error.ends_with("unknown kfunc");
    match (hidden, text(line, "tail")) {
        (true, "frame pointer is read only") => 13,
        (true, _) => 22,
        (false, _) => line["errno"].as_i64().unwrap(),
    }
}

const MMAPABLE: u32 = 1 << 10;
const RECORD: &str = "golden/6.12.117-deb12-amd64/cilium.jsonl";

#[test]
fn every_object_is_recorded() {
    let recorded = recorded(&root().join(RECORD));
    let mut count = 0;
    for entry in fs::read_dir(root().join("corpus/cilium")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".o") {
            assert!(recorded.contains_key(&name), "{name} is not recorded");
            count += 1;
        }
    }
    assert!(count >= 40, "{count} objects");
}

#[test]
fn as_the_library_says() {
    let compared = compare(&root().join(RECORD), &root().join("corpus/cilium"), &|_| false);
    assert!(compared > 150, "{compared} compared");
}

/// Compares with a record of the objects in a directory, all but what is known to differ; returns how many lines were compared.
fn compare(record: &Path, objects: &Path, known: &dyn Fn(&str) -> bool) -> usize {
    let kernel = KernelChoice::default().open().unwrap();
    let verifier = Verifier::new(kernel, Options::default()).with_loader(Loader::Cilium);
    let mut differ = Vec::new();
    let mut compared = 0;
    for (object, lines) in recorded(record) {
        let bytes = fs::read(objects.join(&object)).unwrap();
        let opened = verifier.open(&object, &bytes);
        for line in &lines {
            let is = match (&opened, text(line, "of")) {
                (Ok(_), "open") => json!({"verdict": "success", "error": "", "errno": 0}),
                (Err(e), "open") => {
                    json!({"verdict": "failure", "error": said(&e.messages.join("\n")), "errno": e.errno.0})
                }
                (Ok(opened), "map") => map(opened, text(line, "name")),
                (Ok(opened), "program") => program(opened, line),
                (Err(_), _) => Value::Null,
                (Ok(_), _) => continue,
            };
            compared += 1;
            let wanted = expected(line, &is, &lines);
            if is != wanted && !known(&format!("{object} {}", text(line, "name"))) {
                differ.push(format!(
                    "{object} {}\n  is     {is}\n  should {wanted}",
                    text(line, "name")
                ));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {compared} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
    compared
}

/// What differs in larger corpora.
const KNOWN: [&str; 6] = [
    // The library comes to relocations in no order.
    "arena_list.bpf.o ",
    // Objects with struct_ops are loaded as libbpf does.
    "bad_struct_ops.bpf.o ",
    "struct_ops_forgotten_cb.bpf.o ",
    // Unsupported, by name.
    "percpu_alloc_cgrp_local_storage.bpf.o test_cgrp",
    "percpu_alloc_fail.bpf.o test_array_map",
    // The recorded machine had no tracefs, which tells whether system calls have wrappers.
    "test_attach_probe.bpf.o handle_kprobe_auto",
];

/// Larger corpora, where they are.
#[test]
fn larger_corpora() {
    let golden = root().join("golden/6.12.117-deb12-amd64");
    for corpus in ["libbpf-tools", "selftests"] {
        let objects = root().join("../shared/corpus").join(corpus);
        let record = golden.join(format!("cilium-{corpus}.jsonl"));
        if objects.is_dir() && record.is_file() {
            compare(&record, &objects, &|place| {
                KNOWN.iter().any(|known| place.starts_with(known))
            });
        }
    }
}

/// Whether the library may as well have met this map first: it creates maps in no order.
fn is_other_map(error: &str, of_object: &[Value]) -> bool {
    let failed = of_object
        .iter()
        .filter(|line| text(line, "of") == "map" && text(line, "verdict") == "failure");
    let mut said = failed.map(|line| {
        format!(
            "map {}: {}",
            text(line, "name"),
            text(line, "error").trim_start_matches("creating map: ")
        )
    });
    said.any(|words| words == error)
}

/// Of the recorded line, what an answer has.
fn expected(line: &Value, is: &Value, of_object: &[Value]) -> Value {
    let mut wanted = serde_json::Map::new();
    for (key, value) in is.as_object().into_iter().flatten() {
        let recorded = match key.as_str() {
            "errno" => json!(errno(line)),
            "error" if is_other_map(value.as_str().unwrap_or_default(), of_object) => value.clone(),
            "error" | "tail" | "stage" | "log_sha256" => json!(text(line, key)),
            key => line
                .get(key)
                .cloned()
                .unwrap_or_else(|| if value.is_number() { json!(0) } else { Value::Null }),
        };
        wanted.insert(key.clone(), recorded);
    }
    wanted.into()
}

fn map(opened: &OpenObject<'_>, name: &str) -> Value {
    let maps = opened.create_each_map();
    let Some((_, made)) = maps.iter().find(|(known, _)| *known == name) else {
        return json!({"verdict": "absent"});
    };
    match made {
        Ok(map) => {
            // Data is mapped into user space where a collection is loaded, not where a map is created by itself.
            let flags = if name.starts_with('.') {
                map.map_flags & !MMAPABLE
            } else {
                map.map_flags
            };
            json!({
                "verdict": "success", "errno": 0, "error": "",
                "shape": [map.map_type, map.key_size, map.value_size, map.max_entries, flags],
            })
        }
        Err(e) => json!({"verdict": "failure", "errno": e.errno.0, "error": said(&e.messages.join("\n"))}),
    }
}

fn program(opened: &OpenObject<'_>, line: &Value) -> Value {
    let name = text(line, "name");
    let Some(index) = opened.programs().position(|known| known == name) else {
        return json!({"verdict": "absent, program"});
    };
    let record = opened.check(index).record;
    if text(line, "verdict") == "absent" {
        // The library leaves such programs out of collections.
        let left_out = record.stage == Stage::Prepare && record.verdict == Verdict::Failure;
        return json!({"verdict": if left_out { "absent" } else { "there" }, "prog_size": size(&record)});
    }
    let stage = match record.stage {
        Stage::Open => "open",
        Stage::Prepare if text(line, "stage") == "map" => "map",
        // The library has a log of a refused BTF, too.
        Stage::Prepare if text(line, "error").contains(": load BTF: ") => text(line, "stage"),
        Stage::Prepare => "prepare",
        Stage::Verify => "verify",
    };
    let mut is = json!({
        "verdict": verdict_word(record.verdict == Verdict::Success),
        "stage": stage, "errno": record.errno, "prog_size": size(&record),
    });
    if record.stage == Stage::Prepare {
        let words = record.libbpf.unwrap_or_default();
        is["error"] = json!(said(words.trim_end()));
        return is;
    }
    let figures = record.figures.unwrap();
    is["insns"] = json!(figures.insns);
    is["states"] = json!(figures.states);
    is["peak_states"] = json!(figures.peak_states);
    is["max_states_per_insn"] = json!(figures.max_states_per_insn);
    is["mark_read"] = json!(figures.mark_read);
    is["stack_depth"] = json!(figures.stack_depth);
    let place = format!("{} {name}", opened.name());
    if line.get("log_sha256").is_some() && !OTHER_LOGS.contains(&place.as_str()) {
        is["log_sha256"] = json!(log_hash(opened, index));
    }
    if record.verdict != Verdict::Success {
        let last = record.tail.unwrap_or_default();
        let figures = |line: &&str| line.starts_with("processed ");
        is["tail"] = json!(
            last.trim_end()
                .lines()
                .rfind(|line| !figures(line))
                .unwrap_or_default()
        );
    }
    is
}

/// What the library says, without its name.
fn said(words: &str) -> &str {
    words.strip_prefix("cilium/ebpf: ").unwrap_or(words)
}

/// Logs that differ: they show an address of the kernel, or a type by the number that the library gives it in the BTF which it
/// makes for each program.
const OTHER_LOGS: [&str; 2] = ["ksym.bpf.o wants", "core_type_id.bpf.o id_local"];

/// The checksum of the log of the recorder's level, without times and blanks at the ends of lines.
fn log_hash(opened: &OpenObject<'_>, index: usize) -> String {
    let mut log = Vec::new();
    opened.log(index, 6, &mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    let timeless = log
        .lines()
        .map(|line| match line.strip_prefix("verification time ") {
            Some(_) => "verification time 0 usec\n".to_owned(),
            None => format!("{}\n", line.trim_end()),
        });
    let digest = Sha256::digest(timeless.collect::<String>());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn size(record: &Record) -> u64 {
    record.figures.as_ref().map_or(0, |figures| figures.prog_size)
}
