//! Objects as cilium/ebpf loads them, held to what the library and a real 6.12.117 said of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verdict::report::{Record, Stage, Verdict};
use verdict::{KernelChoice, Loader, OpenObject, Options, Program, Verifier};

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
                (Ok(_), "whole") => {
                    compared += 1;
                    if let Err(said) = whole(&verifier, &object, &bytes, line)
                        && !known(&format!("{object} whole"))
                    {
                        differ.push(format!("{object} whole\n{said}"));
                    }
                    continue;
                }
                (Err(_), _) => Value::Null,
                (Ok(_), other) => panic!("{other}"),
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
const KNOWN: [&str; 3] = [
    // The library comes to relocations in no order.
    "arena_list.bpf.o ",
    // The recorded machine had no tracefs, which tells whether system calls have wrappers.
    "test_attach_probe.bpf.o handle_kprobe_auto",
    "test_attach_probe.bpf.o whole",
];

/// Larger corpora, where they are.
#[test]
fn larger_corpora() {
    let golden = root().join("golden/6.12.117-deb12-amd64");
    for corpus in ["libbpf-tools", "selftests", "packages"] {
        let elsewhere = std::env::var_os("PACKAGES").filter(|_| corpus == "packages");
        let objects = elsewhere.map_or_else(|| root().join("../shared/corpus").join(corpus), PathBuf::from);
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
    let Some(program) = opened.program(name) else {
        return json!({"verdict": "absent, program"});
    };
    let record = program.check().record;
    if text(line, "verdict") == "absent" {
        // The library leaves such programs out of collections.
        let left_out = record.stage == Stage::Prepare && record.verdict == Verdict::Failure;
        return json!({"verdict": if left_out { "absent" } else { "there" }, "prog_size": size(&record)});
    }
    let stage = match record.stage {
        Stage::Open => "open",
        Stage::Prepare if matches!(text(line, "stage"), "map" | "populate") => text(line, "stage"),
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
    // The recorder takes no figure for none.
    let depth = if figures.stack_depth.is_empty() {
        "0"
    } else {
        &figures.stack_depth
    };
    is["stack_depth"] = json!(depth);
    if line.get("log_sha256").is_some() {
        is["log_sha256"] = json!(log_hash(program));
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

/// Loads the whole collection: it loads if the library's does, and each end that the library was seen to come to is that of a map, a
/// program or the collection here, since it goes through them in no order.
fn whole(verifier: &Verifier, name: &str, bytes: &[u8], line: &Value) -> Result<(), String> {
    let object = verifier.open_whole(name, bytes).map_err(|e| e.to_string())?;
    let whole = object.check_whole();
    if text(line, "verdict") == "success" {
        return match whole.refusal {
            None => Ok(()),
            Some(answer) => Err(format!("  is     {:?}\n  should load", answer.record)),
        };
    }
    let failed = whole
        .programs
        .iter()
        .filter(|answer| answer.record.verdict != Verdict::Success);
    let ends: Vec<_> = failed
        .chain(&whole.refusal)
        .map(|answer| &answer.record)
        .collect();
    let of_maps: Vec<_> = object
        .create_each_map()
        .into_iter()
        .filter_map(|(name, made)| {
            let words = made.err()?.messages.join("\n");
            Some(format!(
                "map {name}: {}",
                said(&words).trim_start_matches("creating map: ")
            ))
        })
        .collect();
    let others = line.get("others").and_then(Value::as_array);
    for end in others.into_iter().flatten().chain([line]) {
        let words = text(end, "error");
        let is_it = |record: &&Record| match record.stage {
            Stage::Verify => {
                let name = record.program.as_deref().unwrap_or_default();
                let last = record.tail.as_deref().unwrap_or_default().trim_end();
                let last = last
                    .lines()
                    .rfind(|line| !line.starts_with("processed "))
                    .unwrap_or_default();
                text(end, "stage") == "verify"
                    // Of programs that do not fit one another, the one that comes second is refused: any.
                    && (words.starts_with(&format!("program {name}: load program: ")) || last.is_empty())
                    && i64::from(record.errno) == errno(end)
                    // Of a program that fits no other one, the log ends with its figures.
                    && (last == text(end, "tail") || last.is_empty() || end.get("tail").is_none())
            }
            _ => {
                let own = record.libbpf.as_deref().unwrap_or_default();
                words == said(own.trim_end()) && record.errno == end["errno"]
            }
        };
        if !ends.iter().any(is_it) && !of_maps.iter().any(|own| own == words) {
            let ends: Vec<_> = ends
                .iter()
                .map(|r| (&r.program, r.errno, &r.libbpf, &r.tail, &r.unsupported))
                .collect();
            return Err(format!("  is     {ends:?} {of_maps:?}\n  should {end}"));
        }
    }
    match whole.refusal {
        Some(_) => Ok(()),
        None => Err(format!("  loads\n  should {line}")),
    }
}

/// What the library says, without its name.
fn said(words: &str) -> &str {
    words.strip_prefix("cilium/ebpf: ").unwrap_or(words)
}

/// The checksum of the log of the recorder's level, without times and blanks at the ends of lines.
fn log_hash(program: Program<'_, '_>) -> String {
    let mut log = Vec::new();
    program.log(6, &mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    let timeless = log
        .lines()
        .map(|line| match line.strip_prefix("verification time ") {
            Some(_) => "verification time 0 usec\n".to_owned(),
            None => format!("{}\n", line.trim_end()),
        });
    let digest = Sha256::digest(without_addresses(&timeless.collect::<String>()));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes fourteen digits behind `=0xff` zeros, as recorders do.
fn without_addresses(log: &str) -> String {
    let mut text = String::new();
    let mut rest = log;
    while let Some(at) = rest.find("0xff") {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        let digits = found.get(4..18).unwrap_or_default();
        let is_address = digits.len() == 14
            && digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
            && (before.ends_with('=') || before.ends_with("= "));
        let (shown, taken) = if is_address {
            ("0xff00000000000000", 18)
        } else {
            ("0xff", 4)
        };
        text.push_str(shown);
        rest = found.get(taken..).unwrap_or_default();
    }
    text + rest
}

fn size(record: &Record) -> u64 {
    record.figures.as_ref().map_or(0, |figures| figures.prog_size)
}
