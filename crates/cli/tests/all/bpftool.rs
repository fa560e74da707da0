//! `verdict run`: bpftool says on a played kernel what it says on the real one, and ends in the same way.
//!
//! `golden/RELEASE/bpftool.txt.zst` is what `golden/bpftool/record.sh` printed there as root.

use std::fs;
use std::process::Command;

use crate::common::{root, script, search_path};

/// The objects of the corpus that are loaded, beside those in the script's own directory.
const OBJECTS: &[&str] = &[
    "packet_access",
    "externs",
    "fallbacks",
    "kfunc",
    "links",
    "rules_map",
    "helper_writes",
    "object_spill",
    "attach/targets",
];

/// What the installed tool says of its version.
fn version() -> Option<String> {
    let mut bpftool = Command::new("bpftool");
    let output = bpftool.arg("version").env("PATH", search_path()).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

#[test]
fn bpftool_says_what_it_says_on_real_kernels() {
    let Some(version) = version() else {
        eprintln!("skipped: no bpftool is installed");
        return;
    };
    let objects = OBJECTS
        .iter()
        .map(|object| root().join(format!("corpus/{object}.bpf.o")));
    let own = fs::read_dir(root().join("golden/bpftool")).unwrap();
    let place = script::place("bpftool", objects.chain(own.map(|entry| entry.unwrap().path())));
    let mut compared = 0;
    for (release, recorded) in script::recordings("bpftool") {
        if !recorded.starts_with(&format!("# features\n$ bpftool version\n{version}")) {
            let name = version.lines().next().unwrap_or_default();
            eprintln!("skipped: the recordings are not of this {name}");
            return;
        }
        let Some(printed) = script::printed(&release, &place.0, &[]) else {
            return;
        };
        let wrong = script::differences(&recorded, &printed);
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}
