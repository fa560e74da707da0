//! Objects that are loaded whole, held to `bpf_object__load` on a real 6.12.117.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use verdict::{KernelChoice, Options, Verifier};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How loading an object ends: stage, errno, and the program at which it does.
fn ended(verifier: &Verifier, name: &str, bytes: &[u8]) -> Value {
    let object = match verifier.open_whole(name, bytes) {
        Ok(object) => object,
        Err(error) => return json!({"object": name, "stage": "open", "errno": error.errno.0}),
    };
    let refusal = object.check_whole().refusal;
    let mut end =
        json!({"object": name, "stage": "load", "errno": refusal.as_ref().map_or(0, |r| r.record.errno)});
    if let Some(program) = refusal.and_then(|refusal| refusal.record.program) {
        end["program"] = program.into();
    }
    end
}

/// Where the objects are.
#[test]
fn selftests_end_where_the_kernel_ends_them() {
    let objects = root().join("../shared/corpus/selftests");
    let Ok(record) = fs::read_to_string(root().join("golden/6.12.117-deb12-amd64/whole.jsonl")) else {
        return;
    };
    if !objects.is_dir() {
        return;
    }
    let kernel = KernelChoice::default().open().unwrap();
    let verifier = Verifier::new(kernel, Options::default());
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for line in record.lines() {
        let should: Value = serde_json::from_str(line).unwrap();
        let name = should["object"].as_str().unwrap();
        let is = ended(&verifier, name, &fs::read(objects.join(name)).unwrap());
        compared += 1;
        if is != should {
            wrong.push(format!("is     {is}\nshould {should}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
