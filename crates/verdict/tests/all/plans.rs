//! Load plans, held to the programs that real tools load on real kernels.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use verdict::report::Verdict;
use verdict::{KernelChoice, Options, Plans, Verifier};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn verifier(name: &str) -> Verifier {
    let choice = KernelChoice {
        name: Some(name.to_owned()),
        ..KernelChoice::default()
    };
    Verifier::new(choice.open().unwrap(), Options::default()).asking_for_plans()
}

/// Where the objects of libbpf-tools are: the programs of each that are loaded are those that its tool loads, and all of
/// them load, those of tools that do not run on the recorded machine included.
#[test]
fn tools_load_what_the_plan_says() {
    let objects = root().join("../shared/corpus/libbpf-tools");
    let plans = Plans::read(&root().join("corpus/plans/verdict.toml")).unwrap();
    if !objects.is_dir() {
        return;
    }
    for kernel in ["6.12.117-deb12-amd64", "6.18.15-deb13-amd64"] {
        let verifier = verifier(kernel);
        let record = root().join("golden").join(kernel).join("tools.jsonl");
        let (mut wrong, mut compared) = (Vec::new(), 0);
        let Ok(record) = fs::read_to_string(record) else {
            continue;
        };
        for line in record.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let name = line["object"].as_str().unwrap();
            let bytes = fs::read(objects.join(name)).unwrap();
            let mut object = verifier.open(name, &bytes).unwrap();
            object.apply(&plans).unwrap();
            let programs: BTreeSet<_> = object
                .programs()
                .map(|program| program.name().to_owned())
                .collect();
            for handle in object.programs() {
                let (program, record) = (handle.name(), handle.check().record);
                if record.verdict != Verdict::Success {
                    wrong.push(format!(
                        "{name} {program}: {:?} {:?}",
                        record.libbpf, record.unsupported
                    ));
                }
            }
            if line["ran"] != true {
                continue;
            }
            let loaded = line["programs"].as_array().unwrap().iter();
            let loaded: BTreeSet<_> = loaded.map(|name| name.as_str().unwrap().to_owned()).collect();
            compared += 1;
            if programs != loaded {
                wrong.push(format!("{name}:\n  is     {programs:?}\n  should {loaded:?}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{kernel}: {}\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        assert!(compared > 40, "{kernel}: {compared} compared");
    }
}

#[test]
fn a_plan_is_asked_for_and_taken() {
    let path = root().join("corpus/cilium/no_value_size.bpf.o");
    let bytes = fs::read(path).unwrap();
    let verifier = verifier("6.12");
    let object = verifier.open("no_value_size.bpf.o", &bytes).unwrap();
    let record = object.programs().next().unwrap().check().record;
    assert_eq!(record.verdict, Verdict::Unsupported);
    assert_eq!(
        record.unsupported.as_deref(),
        Some("needs a load plan: map 'table' (hash) has no value size")
    );
    assert!(
        object
            .draft()
            .contains("[plan.maps.\"table\"] # hash\nvalue-size = 0 # which?")
    );
    let mut object = verifier.open("no_value_size.bpf.o", &bytes).unwrap();
    let plans = Plans::parse("[[plan]]\nobjects = \"no_value_*\"\nmaps.table.value-size = 8\n").unwrap();
    object.apply(&plans).unwrap();
    assert_eq!(
        object.programs().next().unwrap().check().record.verdict,
        Verdict::Success
    );
    assert_eq!(object.needs_plan(), None);
}

#[test]
fn plans_are_checked_against_the_object() {
    let bytes = fs::read(root().join("corpus/cilium/no_value_size.bpf.o")).unwrap();
    let verifier = verifier("6.12");
    let said = |text: &str| {
        let mut object = verifier.open("no_value_size.bpf.o", &bytes).unwrap();
        object
            .apply(&Plans::parse(text).unwrap())
            .map_err(|e| e.to_string())
    };
    let here = "[[plan]]\nobjects = \"no_value_size.bpf.o\"\n";
    assert_eq!(
        said(&format!("{here}maps.tabel.value-size = 8\n")).unwrap_err(),
        "the object has no map 'tabel': did you mean 'table'?"
    );
    assert_eq!(
        said(&format!("{here}programs.lok.autoload = false\n")).unwrap_err(),
        "the object has no program 'lok': did you mean 'look'?"
    );
    assert!(
        said(&format!("{here}programs.look.section = \"xpd\"\n"))
            .unwrap_err()
            .contains("no section name")
    );
    // For another object, or another kernel.
    said("[[plan]]\nobjects = \"other.bpf.o\"\nmaps.tabel.value-size = 8\n").unwrap();
    said(&format!("{here}kernels = \"6.18\"\nmaps.tabel.value-size = 8\n")).unwrap();
    // Of a pattern, not every object has everything.
    said("[[plan]]\nobjects = \"*\"\nmaps.something_else.value-size = 8\n").unwrap();
}
