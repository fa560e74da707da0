//! Every switch tells kernels apart: by a program of the corpus, on real kernels, and without a contradiction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use verdict::kernel::semantics::Switch;
use verdict::kernel::{KNOWN, Kernel, SWITCHES};
use verdict::{LogOptions, Options, Verifier};
use verdict_report::Record;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a kernel says of the programs of an object of the corpus: records, level-2 logs, and what a small buffer keeps.
fn said(kernel: Kernel, object: &str) -> Vec<(Record, String)> {
    let name = format!("{object}.bpf.o");
    let bytes = fs::read(root().join("corpus").join(&name)).unwrap();
    let verifier = Verifier::new(kernel, Options::default());
    let Ok(object) = verifier.open(&name, &bytes) else {
        return Vec::new();
    };
    object
        .programs()
        .map(|program| {
            let mut record = program.check().record;
            if let Some(figures) = &mut record.figures {
                figures.usec = None;
            }
            let mut log = Vec::new();
            program.log(2, &mut log).unwrap();
            let in_a_small_buffer = LogOptions {
                size: Some(200),
                ..LogOptions::default()
            };
            program.write_log(&in_a_small_buffer, &mut log).unwrap();
            (record, String::from_utf8_lossy(&log).into_owned())
        })
        .collect()
}

/// The kernels under which `value` can be set where another one holds.
fn others(switch: &Switch, value: &str) -> impl Iterator<Item = &'static Kernel> {
    static KERNELS: LazyLock<Vec<Kernel>> = LazyLock::new(|| {
        KNOWN
            .iter()
            .map(|known| Kernel::open(known.name).unwrap())
            .collect()
    });
    let (name, value) = (switch.name, value.to_owned());
    KERNELS
        .iter()
        .filter(move |kernel| kernel.semantics.get(name) != Some(value.as_str()))
}

/// A kernel with another value, if that can be set.
fn with(kernel: &Kernel, switch: &Switch, value: &str) -> Option<Kernel> {
    kernel.clone().with_switches([(switch.name, value)]).ok()
}

/// Each value of each switch makes a difference to its program, under some known kernel.
#[test]
fn programs_tell_the_values_apart() {
    let mut wrong = Vec::new();
    for switch in SWITCHES {
        if !root().join(format!("corpus/{}.bpf.o", switch.corpus)).exists() {
            wrong.push(format!("{}: no corpus/{}.bpf.o", switch.name, switch.corpus));
            continue;
        }
        // A difference tells both values apart: the one that was set, and the kernel's own.
        let mut told = BTreeSet::new();
        for value in switch.values {
            for kernel in others(switch, value.name) {
                let values = [value.name, kernel.semantics.get(switch.name).unwrap()];
                if values.iter().all(|value| told.contains(value)) {
                    continue;
                }
                let Some(set) = with(kernel, switch, value.name) else {
                    continue;
                };
                if said(set, switch.corpus) != said(kernel.clone(), switch.corpus) {
                    told.extend(values);
                }
            }
        }
        let untold = switch.values.iter().filter(|value| !told.contains(value.name));
        wrong.extend(untold.map(|value| format!("{}={}", switch.name, value.name)));
    }
    assert!(wrong.is_empty(), "no program tells apart:\n{}", wrong.join("\n"));
}

/// The objects that a kernel was asked about.
fn recorded(recording: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(recording.join("corpus.jsonl")).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap());
    records.map(|record| record.object).collect()
}

/// The program of each switch was verified by two real kernels at least.
#[test]
fn programs_are_recorded_on_two_kernels() {
    let mut kernels: BTreeMap<String, usize> = BTreeMap::new();
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("corpus.jsonl").exists() {
            for object in recorded(&path) {
                *kernels.entry(object).or_default() += 1;
            }
        }
    }
    let alone = |switch: &&Switch| {
        let object = format!("{}.bpf.o", switch.corpus);
        kernels.get(&object).copied().unwrap_or_default() < 2
    };
    let alone: Vec<_> = SWITCHES.iter().filter(alone).map(|switch| switch.name).collect();
    assert!(alone.is_empty(), "{alone:?}");
}

/// No legal value leads the model into a contradiction.
#[test]
fn values_do_not_contradict_the_model() {
    let corpus: BTreeSet<_> = SWITCHES.iter().map(|switch| switch.corpus).collect();
    let corpus: Vec<_> = corpus
        .into_iter()
        .map(|object| format!("{object}.bpf.o"))
        .map(|name| (fs::read(root().join("corpus").join(&name)).unwrap(), name))
        .collect();
    let values = SWITCHES
        .iter()
        .flat_map(|switch| switch.values.iter().map(move |value| (switch, value)));
    let settings: Vec<_> = values
        .flat_map(|(switch, value)| others(switch, value.name).map(move |kernel| (kernel, switch, value)))
        .collect();
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while let Some((kernel, switch, value)) = settings.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some(set) = with(kernel, switch, value.name) else {
                        continue;
                    };
                    let verifier = Verifier::new(set, Options::default());
                    for (bytes, name) in &corpus {
                        let contradictions = contradictions(&verifier, name, bytes);
                        wrong
                            .lock()
                            .unwrap()
                            .extend(contradictions.into_iter().map(|unsupported| {
                                format!(
                                    "{} {name} {}={}: {unsupported}",
                                    kernel.name, switch.name, value.name
                                )
                            }));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the model contradicts itself over the programs of an object.
fn contradictions(verifier: &Verifier, name: &str, bytes: &[u8]) -> Vec<String> {
    let Ok(object) = verifier.open(name, bytes) else {
        return Vec::new();
    };
    let said = object
        .programs()
        .filter_map(|program| program.check().record.unsupported);
    said.filter(|said| said.contains("internal contradiction"))
        .collect()
}
