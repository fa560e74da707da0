//! Compares what the loader makes of objects with what libbpf made of them.
//!
//! `cargo run --release -p verdict-loader --example golden -- KERNEL GOLDEN.jsonl OBJECT…`
//!
//! The kernel is a profile's name or a directory.
//!
//! A golden file has a line per program (see the oracle that wrote it). The kernel's side is a stand-in that
//! accepts every map but those that any kernel refuses, so errors of map creation are not expected to agree.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use verdict_btf::Btf;
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, MapId, MapValue};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Broken;
use verdict_loader::{Bpf, Object, ProgFacts};

/// Accepts everything.
#[derive(Default)]
struct Anything {
    maps: u32,
}

impl Bpf for Anything {
    fn btf_load(&mut self, _btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        Ok(())
    }
    fn map_create(&mut self, _attr: &MapCreate) -> Result<MapId, Broken> {
        self.maps += 1;
        Ok(MapId(self.maps - 1))
    }
    fn map_update(&mut self, _map: MapId, _key: &[u8], _value: MapValue) -> Result<(), Errno> {
        Ok(())
    }
    fn map_freeze(&mut self, _map: MapId) -> Result<(), Errno> {
        Ok(())
    }
}

/// What is compared: stage, errno, type, attach type, size, messages.
#[derive(Default)]
struct Outcome {
    stage: &'static str,
    errno: i32,
    facts: Option<ProgFacts>,
    messages: String,
}

fn lines(messages: &[String]) -> String {
    messages.iter().fold(String::new(), |mut all, m| {
        let _ = writeln!(all, "{m}");
        all
    })
}

fn run(object: &Object, index: usize, accepted: bool) -> Outcome {
    let mut bpf = Anything::default();
    let outcome = |e: verdict_loader::PrepareError| Outcome {
        stage: "prepare",
        errno: e.errno.0,
        facts: Some(e.facts),
        messages: lines(&e.messages),
    };
    match object.prepare(index, &mut bpf) {
        Err(e) => outcome(e),
        // Only what the kernel accepts comes to the steps afterwards.
        Ok(p) => match if accepted {
            object.finish(&p, &mut bpf)
        } else {
            Ok(())
        } {
            Err(e) => outcome(e),
            Ok(()) => Outcome {
                stage: "verify",
                facts: Some(p.facts),
                ..Outcome::default()
            },
        },
    }
}

fn differences(golden: &Value, got: &Outcome) -> Vec<String> {
    let mut out = Vec::new();
    let text = |key: &str| {
        golden
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let number = |key: &str| golden.get(key).and_then(Value::as_i64).unwrap_or_default();
    let mut compare = |what: &str, want: String, have: String| {
        if want != have {
            out.push(format!("{what}: want {want:?}, have {have:?}"));
        }
    };
    compare("stage", text("stage"), got.stage.to_owned());
    if text("stage") != "verify" {
        compare("errno", number("errno").to_string(), got.errno.to_string());
        let want = text("libbpf");
        // At open the oracle also prints what it had to say of the object before.
        let tail = text("stage") == "open" && !got.messages.is_empty() && want.ends_with(&got.messages);
        if !tail {
            compare("messages", want, got.messages.clone());
        }
    }
    if let (Some(facts), true) = (got.facts, golden.get("prog_type").is_some()) {
        let prog = ProgType::from_raw(facts.prog_type).map_or("?", ProgType::name);
        let attach = AttachType::from_raw(facts.attach_type).map_or("?", AttachType::name);
        compare("prog_type", text("prog_type"), prog.to_owned());
        compare("attach_type", text("attach_type"), attach.to_owned());
        compare(
            "prog_size",
            number("prog_size").to_string(),
            facts.insn_cnt.to_string(),
        );
    }
    out
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: golden KERNEL GOLDEN.jsonl OBJECT…";
    let (name, golden) = (args.next().ok_or(usage)?, args.next().ok_or(usage)?);
    let dir = Path::new(&name);
    let kernel = if dir.is_dir() {
        Kernel::from_dir(dir, None)?
    } else {
        Kernel::open(&name)?
    };
    let mut wanted: BTreeMap<(String, String), Value> = BTreeMap::new();
    for line in std::fs::read_to_string(golden)?.lines() {
        let value: Value = serde_json::from_str(line)?;
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        wanted.insert((text("object"), text("program")), value);
    }
    let mut out = std::io::stdout().lock();
    let (mut same, mut different, mut opening, mut preparing) = (0, 0, Duration::ZERO, Duration::ZERO);
    let mut slowest = (Duration::ZERO, String::new());
    for path in args {
        let base = Path::new(&path)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = std::fs::read(&path)?;
        let start = Instant::now();
        let object = Object::open(&base, &bytes, &kernel);
        opening += start.elapsed();
        let mut outcomes = Vec::new();
        match &object {
            Err(e) => outcomes.push((
                String::new(),
                Outcome {
                    stage: "open",
                    errno: e.errno.0,
                    facts: None,
                    messages: lines(&e.messages),
                },
            )),
            Ok(object) => {
                for i in 0..object.program_count() {
                    let name = object.program_name(i).to_owned();
                    let golden = wanted.get(&(base.clone(), name.clone()));
                    let refused = golden.is_some_and(|g| g["stage"] == "verify" && g["verdict"] == "failure");
                    let start = Instant::now();
                    outcomes.push((name.clone(), run(object, i, !refused)));
                    let took = start.elapsed();
                    preparing += took;
                    if took > slowest.0 {
                        slowest = (took, format!("{base} {name}"));
                    }
                }
            }
        }
        for (program, outcome) in outcomes {
            let differences = match wanted.remove(&(base.clone(), program.clone())) {
                Some(golden) => differences(&golden, &outcome),
                None => vec!["not in the golden file".to_owned()],
            };
            if differences.is_empty() {
                same += 1;
            } else {
                different += 1;
                writeln!(out, "{base} {program}: {}", differences.join("; "))?;
            }
        }
    }
    for (object, program) in wanted.keys() {
        writeln!(out, "{object} {program}: missing")?;
    }
    writeln!(
        out,
        "{same} same, {different} different, {} missing",
        wanted.len()
    )?;
    writeln!(
        out,
        "open {opening:?}, prepare {preparing:?}, slowest {slowest:?}"
    )?;
    Ok(())
}
